//! Window functions of a query: one node per partitioning and order.

use super::stream::{Planner, Stream};
use super::subquery::cannot_fail;
use crate::operator::Formula;
use crate::query::{BoundQuery, Expr, Function, Schema, SortKey, SubQuery, WindowCall, WindowFunction, output_types, type_of};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::{Type, Value};

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

/// So many rows of each partition of a sub-query's window functions are enough for a condition over its columns that wants them up
/// to a row number, `where n <= 3`: a change costs that part of its partition and not all of it. None where what is behind them
/// could be seen: by another function, in another order, or because it fails.
pub(super) fn first_numbered(schema: &Schema, sub: &SubQuery, condition: Option<&Expr>) -> Option<usize> {
    let (query, condition) = (&sub.query, condition?);
    let windows = &query.windows;
    let counts =
        |w: &WindowCall| matches!(w.function, WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank);
    if query.is_cut()
        || query.limit_by.is_some()
        || !windows.iter().all(counts)
        || groups(windows).len() != 1
        || !cannot_fail(condition)
        || !sub.fields().iter().all(|f| cannot_fail(&f.expr))
    {
        return None;
    }
    let before = output_types(schema, query).len() - windows.len();
    condition.conjuncts().into_iter().find_map(|e| {
        let Expr::Call(function @ (Function::Le | Function::Lt | Function::Eq), args) = e else { return None };
        let [Expr::Column(c), Expr::Literal(Value::Int(n))] = &args[..] else { return None };
        let Expr::Column(c) = sub.fields()[*c].expr else { return None };
        let call = windows.get(c.wrapping_sub(before))?;
        let n = n.saturating_sub(i64::from(*function == Function::Lt));
        (call.function == WindowFunction::RowNumber && n > 0).then_some(n as usize)
    })
}

/// Puts the columns of a query's window functions behind those of a stream of its scope or group scope, which comes behind so many
/// `others`. Rows of different owners, told apart by `refer`, are in different partitions; `refer` leads from the new rows
/// afterwards. `first_rows`: so many rows of each partition are enough.
pub(super) fn add_windows(
    planner: &mut Planner<'_>,
    query: &BoundQuery,
    stream: Stream,
    others: usize,
    refer: &mut [Path],
    first_rows: Option<usize>,
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
        let sort = SortSpec { columns, ..SortSpec::default() };
        if let Some(limit) = first_rows {
            full = planner.top(&full, partition.clone(), sort.clone(), 0, limit);
        }
        let (next, found) = planner.window(&full, partition, (sort, order), calls);
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
