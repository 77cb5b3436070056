//! A bound query over the lists of rows: join, filter, group, project, order, cut, nest.

use std::cmp::Ordering;

use super::Data;
use super::aggregate::grouped;
use super::data::key_of;
use super::expr::{array_list, array_of_texts, eval, holds};
use super::nested::{computed, nest};
use super::subquery::{Lifted, lifted, lifted_of_having, lifted_of_output, lifted_of_windows};
use super::window::add_windows;
use crate::error::Result;
use crate::query::{
    Aggregate, BoundQuery, Expr, JoinKind, JoinSource, LimitBy, QueryExprKind, Schema, Select, SortKey, Source, Start, SubQuery,
    TableId, Unnest, output_types,
};
use crate::value::{Field, RowTree, Value, total_order};

/// The rows of a query.
///
/// # Errors
/// `NUMERIC_OVERFLOW` or `DIVISION_BY_ZERO` when evaluating any stage fails for any row that reaches it; rows that `limit`
/// cuts off were projected before.
pub fn evaluate(schema: &Schema, data: &Data, query: &BoundQuery) -> Result<Vec<RowTree>> {
    evaluate_over(schema, data, query, &asked_first(schema, query, rows_of(schema, data, &query.from)?), &[], false)
}

/// Rows of the first source for which the conditions hold that are about these alone and fail for none. As in PostgreSQL, nothing is
/// joined to the others: that a join's condition would fail for them is nobody's error.
fn asked_first(schema: &Schema, query: &BoundQuery, mut rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let width = query.from.types(schema).len();
    let may_fail = |j: &JoinSource| matches!(&j.source, Source::Unnest(unnest) if !never_fails(&unnest.array));
    if query.joins.is_empty() || query.joins.iter().any(|j| j.kind.keeps()[1] || may_fail(j)) {
        return rows;
    }
    for part in query.filter.iter().flat_map(Expr::conjuncts).take_while(|part| never_fails(part)) {
        if !part.has_subquery() && part.columns().iter().all(|c| *c < width) {
            rows.retain(|row| holds(part, row) == Ok(true));
        }
    }
    rows
}

/// Whether an expression has a value for every row: a sub-query that stands for one, if it has one row at any time.
fn never_fails(e: &Expr) -> bool {
    match e {
        Expr::Call(function, args) => function.is_total() && args.iter().all(never_fails),
        Expr::Sub(sub) => {
            let may_have_rows =
                sub.kind == QueryExprKind::Scalar && !sub.query.aggregate.as_ref().is_some_and(Aggregate::is_global);
            !may_have_rows && sub.arguments().all(never_fails)
        }
        _ => true,
    }
}

/// A row of the scope, and which of its sources matched (only the right side of a left join may not).
struct Scope {
    cells: Vec<Value>,
    /// Ends the key.
    tie: Vec<Value>,
    matched: Vec<bool>,
}

/// A row on its way out.
struct Candidate {
    group: Vec<Value>,
    order: Vec<Value>,
    key: Vec<Value>,
    cells: Vec<Value>,
    fields: Vec<(String, Field)>,
}

/// The rows of a source, hidden columns included.
fn rows_of(schema: &Schema, data: &Data, source: &Source) -> Result<Vec<Vec<Value>>> {
    let sub = match source {
        Source::Table(table) => return Ok(data.rows(*table).to_vec()),
        Source::Set(set) => return super::set::rows(schema, data, set),
        Source::Recursive(source) => return super::recursive::rows(schema, data, source),
        Source::Growing(growing) => return Ok(data.growing(growing.relation).to_vec()),
        Source::Unnest(_) => panic!("elements are of the rows before"),
        Source::Query(sub) => sub,
    };
    sub_rows(schema, data, sub)
}

/// The fields of a query's rows, hidden ones included.
pub(super) fn sub_rows(schema: &Schema, data: &Data, sub: &SubQuery) -> Result<Vec<Vec<Value>>> {
    let from = rows_of(schema, data, &sub.query.from)?;
    let cell = |(_, field)| match field {
        Field::Value(v) => v,
        other => panic!("{other:?} in a source"),
    };
    let from = asked_first(schema, &sub.query, from);
    let found = candidates(schema, data, &sub.query, &from, &[], false)?;
    Ok(found.into_iter().map(|row| row.fields.into_iter().map(cell).collect()).collect())
}

/// The rows of a query whose `from` is confined to the rows given, which are `sorted` already or not. `ties`: what tells them
/// apart where their keys do not.
pub(super) fn evaluate_over(
    schema: &Schema,
    data: &Data,
    query: &BoundQuery,
    from: &[Vec<Value>],
    ties: &[Vec<Value>],
    sorted: bool,
) -> Result<Vec<RowTree>> {
    candidates(schema, data, query, from, ties, sorted)?
        .into_iter()
        .map(|c| {
            let mut tree = RowTree { key: c.key, fields: c.fields };
            for nested in &query.nested {
                tree.fields.push((nested.name.clone(), nest(schema, data, nested, &c.cells)?));
            }
            Ok(tree)
        })
        .collect()
}

/// The rows of a query, in order and cut.
fn candidates(
    schema: &Schema,
    data: &Data,
    query: &BoundQuery,
    from: &[Vec<Value>],
    ties: &[Vec<Value>],
    sorted: bool,
) -> Result<Vec<Candidate>> {
    let mut rows: Vec<Scope> = Vec::new();
    for (at, row) in from.iter().enumerate() {
        if query.own_filter.as_ref().map_or(Ok(true), |f| holds(f, row))? {
            rows.push(Scope { cells: row.clone(), tie: ties.get(at).cloned().unwrap_or_default(), matched: vec![true] });
        }
    }
    for column in &query.computed {
        for row in &mut rows {
            row.cells.push(computed(schema, data, column, &row.cells)?);
        }
    }
    let mut width = query.from.types(schema).len();
    for (sources, source) in (1..).zip(&query.joins) {
        rows = joined(schema, data, rows, (sources, width), source)?;
        width += source.source.types(schema).len();
    }
    let width = output_types(schema, query).len() - query.windows.len();
    let (query, subs) = lifted(schema, query);
    for row in &mut rows {
        subs.append(schema, data, &mut row.cells)?;
    }
    if let Some(filter) = &query.filter {
        let mut kept = Vec::new();
        for row in rows {
            if holds(filter, &row.cells)? {
                kept.push(row);
            }
        }
        rows = kept;
    }
    if let Some(aggregate) = &query.aggregate {
        let cells: Vec<_> = rows.into_iter().map(|row| row.cells).collect();
        let mut groups = grouped(aggregate, &cells)?;
        let (having, subs) = lifted_of_having(aggregate);
        rows = Vec::new();
        for mut cells in groups.drain(..) {
            subs.append(schema, data, &mut cells)?;
            if having.as_ref().map_or(Ok(true), |h| holds(h, &cells))? {
                rows.push(Scope { cells, tie: Vec::new(), matched: Vec::new() });
            }
        }
    }
    let mut cells: Vec<_> = rows.iter_mut().map(|row| std::mem::take(&mut row.cells)).collect();
    cells.iter_mut().for_each(|cells| cells.truncate(width));
    let (calls, subs) = lifted_of_windows(&query, width);
    for cells in &mut cells {
        subs.append(schema, data, cells)?;
    }
    let found = cells.first().map_or(width, Vec::len);
    add_windows(&calls, &query.key, &mut cells)?;
    cells.iter_mut().for_each(|cells| drop(cells.drain(width..found)));
    let (query, subs) = lifted_of_output(&query, width);
    let query = &query;
    for (row, mut cells) in rows.iter_mut().zip(cells) {
        subs.append(schema, data, &mut cells)?;
        row.cells = cells;
    }
    let mut candidates = rows.into_iter().map(|row| candidate(schema, query, row)).collect::<Result<Vec<_>>>()?;
    if !sorted {
        candidates.sort_by(|a, b| {
            compare_order(&query.order, &a.order, &b.order).then_with(|| compare_keys((&a.order, &a.key), (&b.order, &b.key)))
        });
    }
    if let Some(part) = &query.limit_by {
        candidates = first_of_each(part, candidates);
    }
    if let Some(start) = &query.start {
        candidates.retain(|c| is_after(start, query, c));
    }
    let limit = query.limit.map_or(usize::MAX, |n| n as usize);
    Ok(candidates.into_iter().skip(query.offset as usize).take(limit).collect())
}

/// The part of each group that is kept, of rows in order.
fn first_of_each(part: &LimitBy, rows: Vec<Candidate>) -> Vec<Candidate> {
    let mut seen: Vec<(Vec<Value>, u32)> = Vec::new();
    let mut kept = Vec::new();
    for row in rows {
        let at = seen.iter().position(|s| s.0 == row.group).unwrap_or(seen.len());
        if at == seen.len() {
            seen.push((row.group.clone(), 0));
        }
        seen[at].1 += 1;
        if seen[at].1 > part.offset && seen[at].1 - part.offset <= part.limit {
            kept.push(row);
        }
    }
    kept
}

/// Every pair of the rows so far with the rows of the source that satisfies the condition; the rows so far are of so many
/// sources and columns.
fn joined(
    schema: &Schema,
    data: &Data,
    left: Vec<Scope>,
    (sources, before): (usize, usize),
    source: &JoinSource,
) -> Result<Vec<Scope>> {
    let width = source.source.types(schema).len();
    let (mut on, mut subs) = (source.on.clone(), Lifted::behind(before + width));
    subs.lift(&mut on);
    let holds_for = |cells: &[Value]| {
        let mut asked = cells.to_vec();
        subs.append(schema, data, &mut asked)?;
        holds(&on, &asked)
    };
    if let Source::Unnest(unnest) = &source.source {
        return elements(left, unnest, source.kind, &holds_for);
    }
    let mut right = Vec::new();
    for row in rows_of(schema, data, &source.source)? {
        if source.own_filter.as_ref().map_or(Ok(true), |f| holds(f, &row))? {
            right.push(row);
        }
    }
    let [keeps_left, keeps_right] = source.kind.keeps();
    let mut alone = vec![true; right.len()];
    let mut out = Vec::new();
    for row in left {
        let mut any = false;
        for (i, other) in right.iter().enumerate() {
            let cells = [&row.cells[..], &other[..]].concat();
            if holds_for(&cells)? {
                any = true;
                alone[i] = false;
                out.push(Scope { cells, tie: Vec::new(), matched: [&row.matched[..], &[true]].concat() });
            }
        }
        if !any && keeps_left {
            let nulls = vec![Value::Null; width];
            out.push(Scope {
                cells: [row.cells, nulls].concat(),
                tie: Vec::new(),
                matched: [&row.matched[..], &[false]].concat(),
            });
        }
    }
    for (other, _) in right.iter().zip(alone).filter(|(_, alone)| keeps_right && *alone) {
        let nulls = vec![Value::Null; before];
        let matched = [vec![false; sources], vec![true]].concat();
        out.push(Scope { cells: [nulls, other.clone()].concat(), tie: Vec::new(), matched });
    }
    Ok(out)
}

/// Every row with each element of its array that satisfies the condition.
fn elements(
    left: Vec<Scope>,
    unnest: &Unnest,
    kind: JoinKind,
    holds_for: &dyn Fn(&[Value]) -> Result<bool>,
) -> Result<Vec<Scope>> {
    let mut out = Vec::new();
    for row in left {
        let array = eval(&unnest.array, &row.cells)?;
        let all = if array.is_null() { Vec::new() } else { array_list(&array) };
        let values: Vec<Value> = match unnest.size {
            None => all,
            Some(size) => all.chunks(size).map(array_of_texts).collect(),
        };
        if values.is_empty() && kind.keeps()[0] {
            let cells = [&row.cells[..], &[Value::Null, Value::Null]].concat();
            out.push(Scope { cells, tie: Vec::new(), matched: [&row.matched[..], &[false]].concat() });
        }
        for (n, value) in (1..).zip(values) {
            let cells = [&row.cells[..], &[value, Value::Int(n)]].concat();
            if holds_for(&cells)? {
                out.push(Scope { cells, tie: Vec::new(), matched: [&row.matched[..], &[true]].concat() });
            }
        }
    }
    Ok(out)
}

fn candidate(schema: &Schema, query: &BoundQuery, row: Scope) -> Result<Candidate> {
    let order = query.order.iter().map(|k| eval(&k.expr, &row.cells)).collect::<Result<Vec<_>>>()?;
    let by = query.limit_by.iter().flat_map(|l| &l.by);
    let group = by.map(|e| eval(e, &row.cells)).collect::<Result<Vec<_>>>()?;
    let key = query.key.iter().map(|&c| row.cells[c].clone()).chain(row.tie.iter().cloned()).collect();
    let fields = match &query.select {
        Select::Fields(fields) => {
            fields.iter().map(|f| Ok((f.name.clone(), Field::Value(eval(&f.expr, &row.cells)?)))).collect::<Result<Vec<_>>>()?
        }
        Select::All if query.joins.is_empty() => shown(schema, table_of(&query.from), &row.cells),
        Select::All => record(schema, query, &row),
    };
    Ok(Candidate { group, order, key, cells: row.cells, fields })
}

fn table_of(source: &Source) -> TableId {
    source.table().expect("only rows of tables are shown whole")
}

/// The columns of a table that users see.
fn shown(schema: &Schema, table: TableId, cells: &[Value]) -> Vec<(String, Field)> {
    schema.by_id(table).names().zip(cells).map(|(name, cell)| (name.to_owned(), Field::Value(cell.clone()))).collect()
}

/// A joined row as a record of rows by alias.
fn record(schema: &Schema, query: &BoundQuery, row: &Scope) -> Vec<(String, Field)> {
    let from = (&query.from, &query.alias);
    let sources = std::iter::once(from).chain(query.joins.iter().map(|j| (&j.source, &j.alias)));
    let mut rest = &row.cells[..];
    sources
        .zip(&row.matched)
        .map(|((source, alias), matched)| {
            let id = table_of(source);
            let table = schema.by_id(id);
            let (cells, after) = rest.split_at(table.columns.len());
            rest = after;
            let tree = || Box::new(RowTree { key: key_of(table, cells), fields: shown(schema, id, cells) });
            (alias.clone(), Field::Row(matched.then(tree)))
        })
        .collect()
}

/// Order of two rows by the values of their sort keys.
pub(super) fn compare_order(keys: &[SortKey], a: &[Value], b: &[Value]) -> Ordering {
    for (key, (a, b)) in keys.iter().zip(a.iter().zip(b)) {
        let order = match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if key.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if key.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if key.desc => total_order(b.as_cell(), a.as_cell()),
            (false, false) => total_order(a.as_cell(), b.as_cell()),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Order of two rows that are equal in their order: by their keys; where these are equal too, by how values are shown.
pub(super) fn compare_keys(a: (&[Value], &[Value]), b: (&[Value], &[Value])) -> Ordering {
    by_value(a.1, b.1).then_with(|| a.cmp(&b))
}

/// Order of two keys by their values, however these are shown.
fn by_value(a: &[Value], b: &[Value]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| total_order(a.as_cell(), b.as_cell())).fold(Ordering::Equal, Ordering::then)
}

/// Whether a row belongs to what a keyset start leaves.
fn is_after(start: &Start, query: &BoundQuery, row: &Candidate) -> bool {
    let (order, key) = start.values.split_at(query.order.len());
    let mut place = compare_order(&query.order, &row.order, order);
    if !key.is_empty() {
        place = place.then_with(|| by_value(&row.key, key));
    }
    place.is_gt() || start.inclusive && place.is_eq()
}
