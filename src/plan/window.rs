//! Window functions of a query: one node per partitioning and order.

use super::stream::{Planner, Stream};
use crate::operator::Formula;
use crate::query::{BoundQuery, Expr, SortKey, WindowCall, output_types, type_of};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::Type;

/// How much deeper window functions make rows.
pub(super) fn depth_of_windows(query: &BoundQuery) -> usize {
    groups(&query.windows).len()
}

/// Calls by partitioning and order: their numbers.
fn groups(calls: &[WindowCall]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (n, call) in calls.iter().enumerate() {
        let same = |g: &&mut Vec<usize>| {
            let of = &calls[g[0]];
            of.partition == call.partition && of.order == call.order
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(n),
            None => groups.push(vec![n]),
        }
    }
    groups
}

/// Puts the columns of a query's window functions behind those of a stream of its scope or group scope, which comes behind so many
/// `others`. Rows of different owners, told apart by `refer`, are in different partitions; `refer` leads from the new rows
/// afterwards.
pub(super) fn add_windows(
    planner: &mut Planner<'_>,
    query: &BoundQuery,
    stream: Stream,
    others: usize,
    refer: &mut [Path],
) -> Stream {
    if query.windows.is_empty() {
        return stream;
    }
    // Columns behind the scope, of the owner's key, are read by `refer` only.
    let width = others + output_types(planner.schema, query).len() - query.windows.len();
    let mut full = stream;
    full.columns.truncate(width);
    // What sub-queries give is joined to the rows, behind the scope.
    let (mut windows, before) = (query.windows.clone(), full.depth());
    full = planner.lower(full, windows.iter_mut().flat_map(WindowCall::exprs_mut));
    let steps = full.depth() - before;
    refer.iter_mut().for_each(|p| *p = (0..steps).fold(*p, |p, _| p.within(false)));
    let types = full.types();
    // What is computed for the functions, once.
    let mut computed: Vec<(Expr, Type)> = Vec::new();
    for call in &windows {
        let cells = call.arguments.iter().chain(&call.partition).filter(|e| !matches!(e, Expr::Literal(_)));
        for e in cells.chain(call.order.iter().map(|k| &k.expr)) {
            if !matches!(e, Expr::Column(_)) && computed.iter().all(|c| c.0 != *e) {
                computed.push((e.clone(), type_of(e, &types).unwrap_or(Type::Text)));
            }
        }
    }
    if !computed.is_empty() {
        full = planner.extend(&full, &computed);
        refer.iter_mut().for_each(|p| *p = p.within(false));
    }
    let numbered = |e: &Expr| match computed.iter().position(|c| c.0 == *e) {
        Some(n) => Expr::Column(types.len() + n),
        None => e.clone(),
    };
    let mut places: Vec<(Path, Type)> = vec![(Path::default(), Type::Int); windows.len()];
    for group in groups(&windows) {
        let first = &windows[group[0]];
        // Constants make no partitions.
        let column = |full: &Stream, e: &Expr| match numbered(e) {
            Expr::Column(c) => Some(full.columns[c]),
            _ => None,
        };
        let mut partition = refer.to_vec();
        partition.extend(first.partition.iter().filter_map(|e| column(&full, e)).map(|c| c.0));
        let sort = |k: &SortKey| {
            let (path, ty) = column(&full, &k.expr)?;
            Some(SortColumn { path, ty, desc: k.desc, nulls_first: k.nulls_first })
        };
        let mut columns: Vec<SortColumn> = first.order.iter().filter_map(sort).collect();
        let order = columns.len();
        for &c in &query.key {
            let (path, ty) = full.columns[c];
            columns.push(SortColumn { path, ty, desc: false, nulls_first: false });
        }
        let calls: Vec<(&WindowCall, Vec<Formula>)> = group
            .iter()
            .map(|&n| {
                let call = &windows[n];
                (call, call.arguments.iter().map(|a| full.formula(&numbered(a))).collect())
            })
            .collect();
        let (next, found) = planner.window(&full, partition, (SortSpec { columns, ..SortSpec::default() }, order), calls);
        let deeper = |p: &mut Path| *p = p.within(false);
        refer.iter_mut().for_each(deeper);
        places.iter_mut().for_each(|p| deeper(&mut p.0));
        group.iter().zip(found).for_each(|(&n, place)| places[n] = place);
        full = next;
    }
    full.columns.truncate(width);
    full.columns.extend(places);
    full
}
