//! Random sub-queries: in conditions and selects, tied to the row outside in every way, down to sub-queries of their own.

use eddyline::query::Table;
use eddyline::query::ast::{ExprJson, FromJson, JoinJson, LimitByJson, NamedJson, OrderJson, QueryJson};
use eddyline::value::{Type, Value};
use fastrand::Rng;

use super::aggregate::aggregate;
use super::domain::{literal, value};
use super::expression::{Scope, Visible, call};
use super::query::{has_aggregate, reads, visible};
use super::window::{over_groups, over_nested, window};
use super::{chance, pick};

/// Adds a condition with a sub-query to those of a query, or of one of its joins.
pub fn put_in(rng: &mut Rng, tables: &[&Table], q: &mut QueryJson, scope: &Scope) {
    let mut aliased = aliased(q, scope);
    let at = rng.usize(0..=q.joins.len());
    if q.joins.get(at).is_some_and(|j| j.kind != "cross" && (j.unnest.is_none() || j.kind == "inner")) && chance(rng, 60) {
        // It sees the sources up to its own.
        let behind = q.joins[at + 1..].iter().map(|j| j.alias.clone().or(Some(j.table.clone())));
        let behind: Vec<Option<String>> = behind.collect();
        aliased.columns.retain(|c| !behind.contains(&c.of));
        let new = condition(rng, tables, &aliased, 1);
        let join = &mut q.joins[at];
        let old = std::mem::take(&mut join.on);
        join.on = call("and", if rng.bool() { vec![old, new] } else { vec![new, old] });
        return;
    }
    let new = condition(rng, tables, &aliased, 1);
    q.filter = Some(match q.filter.take() {
        None => new,
        Some(old) if chance(rng, 30) => call("and", if rng.bool() { vec![old, new] } else { vec![new, old] }),
        Some(old) => call("or", vec![old, new]),
    });
}

/// Adds a field that is a sub-query, sometimes ordered by.
pub fn select(rng: &mut Rng, tables: &[&Table], q: &mut QueryJson, scope: &Scope) -> Type {
    let aliased = aliased(q, scope);
    let value = |rng: &mut Rng| {
        if rng.bool() { (Type::Bool, condition(rng, tables, &aliased, 1)) } else { scalar(rng, tables, &aliased, 1) }
    };
    let (ty, expr) = if chance(rng, 25) {
        // Within a window function.
        window(rng, false, &|rng, ty| match ty {
            None if chance(rng, 60) => value(rng),
            None => aliased.any(rng),
            Some(ty) => (ty, aliased.of_type(rng, ty, 0)),
        })
    } else {
        value(rng)
    };
    if q.start.is_none() && chance(rng, 30) {
        q.order_by.insert(0, OrderJson { expr: expr.clone(), desc: rng.bool(), nulls: None });
    }
    q.select.get_or_insert_default().push(NamedJson { name: "sub".into(), expr });
    ty
}

/// The columns by alias: a sub-query has columns of the same names.
fn aliased(q: &QueryJson, scope: &Scope) -> Scope {
    let from = match &q.from {
        FromJson::Name(name) => q.alias.clone().unwrap_or(name.clone()),
        FromJson::Relation { relation, alias } => alias.clone().or(q.alias.clone()).unwrap_or(relation.clone()),
        FromJson::Recursive { recursive, alias } => alias.clone().or(q.alias.clone()).unwrap_or(recursive.result.clone()),
        FromJson::Query { alias, .. } => alias.clone().or(q.alias.clone()).unwrap_or_default(),
    };
    let columns = scope.columns.iter().map(|v| Visible { of: v.of.clone().or(Some(from.clone())), column: v.column.clone() });
    Scope { columns: columns.collect(), risky: false }
}

fn sub(op: &str, args: Vec<ExprJson>, query: QueryJson) -> ExprJson {
    ExprJson { query: Some(Box::new(query)), ..call(op, args) }
}

/// A condition of one sub-query, or of more in some way.
fn condition(rng: &mut Rng, tables: &[&Table], outside: &Scope, level: usize) -> ExprJson {
    let one = match rng.usize(0..10) {
        0..=3 => {
            let (mut query, inside, grouped) = query(rng, tables, outside, level);
            if grouped || chance(rng, 10) {
                query.select = Some(vec![NamedJson { name: "v".into(), expr: aggregate(rng, &inside).1 }]);
            }
            cut(rng, &mut query, &inside, 15);
            distinct(rng, &mut query, &inside, grouped);
            sub(pick(rng, &["exists", "notExists"]), vec![], query)
        }
        4..=6 => {
            let (mut query, inside, grouped) = query(rng, tables, outside, level);
            let (ty, value) = comparable(rng, outside);
            let (value, field) = if chance(rng, 15) {
                let (ty, field) = windowed(rng, &inside, grouped);
                (outside.of_type(rng, ty, 0), field)
            } else if grouped {
                (value, field_of_group(rng, &mut query, &inside, ty))
            } else {
                (value, inside.of_type(rng, ty, 1))
            };
            query.select = Some(vec![NamedJson { name: "v".into(), expr: field }]);
            cut(rng, &mut query, &inside, 25);
            distinct(rng, &mut query, &inside, grouped);
            sub(pick(rng, &["inQuery", "notInQuery"]), vec![value], query)
        }
        _ => {
            let (ty, scalar) = scalar(rng, tables, outside, level);
            let other = if rng.bool() { literal(&value(rng, ty, false)) } else { outside.of_type(rng, ty, 1) };
            let op = pick(rng, &["=", "!=", "<", ">="]);
            call(op, if rng.bool() { vec![scalar, other] } else { vec![other, scalar] })
        }
    };
    match rng.usize(0..8) {
        0 => call("not", vec![one]),
        1 => call("or", vec![one, outside.condition(rng)]),
        2 if level == 1 => call("and", vec![one, condition(rng, tables, outside, 2)]),
        3 => call(pick(rng, &["isNull", "isNotNull"]), vec![one]),
        _ => one,
    }
}

/// A column outside, or a constant.
fn comparable(rng: &mut Rng, outside: &Scope) -> (Type, ExprJson) {
    match outside.sortable(rng) {
        Some(column) if chance(rng, 85) => column,
        _ => outside.any(rng),
    }
}

/// A value of one row: an aggregate, or a column of what may be several rows.
fn scalar(rng: &mut Rng, tables: &[&Table], outside: &Scope, level: usize) -> (Type, ExprJson) {
    let (mut query, inside, grouped) = query(rng, tables, outside, level);
    if chance(rng, 25) {
        // The first row in some order.
        let (ty, field) = if chance(rng, 25) {
            windowed(rng, &inside, grouped)
        } else if grouped {
            aggregate(rng, &inside)
        } else {
            comparable(rng, &inside)
        };
        query.select = Some(vec![NamedJson { name: "v".into(), expr: field }]);
        cut(rng, &mut query, &inside, 100);
        query.limit = query.limit.map(|n| n.min(1)).or(Some(1));
        distinct(rng, &mut query, &inside, grouped);
        return (ty, sub("scalar", vec![], query));
    }
    // More than one row is an error for those outside; within a sub-query, it depends on the plan who they are.
    let (ty, field) = if level > 1 || chance(rng, 75) {
        query.group_by = None;
        if query.grouping_sets.take().is_some() {
            query.having = None;
        }
        // Without an aggregate in it a window function is one of rows, of which there are several.
        let over = chance(rng, 10).then(|| windowed(rng, &inside, true)).filter(|(_, field)| has_aggregate(field));
        let (ty, field) = over.unwrap_or_else(|| aggregate(rng, &inside));
        let combined = chance(rng, 15).then(|| outside.of_type(rng, ty, 0));
        (ty, combined.map_or(field.clone(), |other| call("coalesce", vec![field, other])))
    } else if query.group_by.is_some() || query.having.is_some() {
        aggregate(rng, &inside)
    } else {
        comparable(rng, &inside)
    };
    query.select = Some(vec![NamedJson { name: "v".into(), expr: field }]);
    (ty, sub("scalar", vec![], query))
}

/// A query of one or two tables without a select, tied to what is outside; its scope, and whether it is grouped.
fn query(rng: &mut Rng, tables: &[&Table], outside: &Scope, level: usize) -> (QueryJson, Scope, bool) {
    let table = pick(rng, tables);
    let alias = format!("s{level}");
    let named =
        |alias: &str, table| visible(table).map(|c| Visible { of: Some(alias.into()), column: c.clone() }).collect::<Vec<_>>();
    let mut inside = Scope { columns: named(&alias, table), risky: false };
    let mut query = QueryJson { from: FromJson::Name(table.name.clone()), alias: Some(alias), ..QueryJson::default() };
    if chance(rng, 12) {
        // A query in the place of the table.
        let filter = chance(rng, 50).then(|| Scope::of_columns(visible(table)).condition(rng));
        let of = Box::new(QueryJson { from: query.from, filter, ..QueryJson::default() });
        query.from = FromJson::Query { query: of, alias: query.alias.take() };
    }
    if chance(rng, 15) {
        let other = pick(rng, tables);
        let alias = format!("t{level}");
        let own = named(&alias, other);
        let of = if chance(rng, 25) { &outside.columns } else { &inside.columns };
        let on = equal(rng, of, &own).unwrap_or_else(|| Scope { columns: own.clone(), risky: false }.condition(rng));
        let kind = pick(rng, &["inner", "left"]).to_owned();
        query.joins.push(JoinJson { kind, table: other.name.clone(), alias: Some(alias), on, ..JoinJson::default() });
        inside.columns.extend(own);
    }
    let mut parts = Vec::new();
    for _ in 0..pick(rng, &[0, 1, 1, 1, 2]) {
        parts.extend(equal(rng, &outside.columns, &inside.columns));
    }
    if chance(rng, 25) {
        // What no key can be made of.
        let (ty, column) = comparable(rng, outside);
        let op = pick(rng, &["!=", "<", ">="]);
        let other = inside.of_type(rng, ty, 0);
        parts.push(if chance(rng, 20) { call("isNull", vec![column]) } else { call(op, vec![other, column]) });
    }
    if chance(rng, 30) {
        parts.push(inside.condition(rng));
    }
    if level < 3 && chance(rng, 20) {
        // One that may skip the level between.
        let mut around = inside.clone();
        if chance(rng, 30) {
            around.columns.extend(outside.columns.iter().cloned());
        }
        parts.push(condition(rng, tables, &around, level + 1));
    }
    query.filter = match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(call(if chance(rng, 85) { "and" } else { "or" }, parts)),
    };
    let grouped = chance(rng, 15);
    if chance(rng, if grouped { 30 } else { 4 }) {
        let (ty, call) = aggregate(rng, &inside);
        query.having = Some(super::expression::call(pick(rng, &["=", "<", ">="]), vec![call, literal(&value(rng, ty, false))]));
        query.select = Some(vec![NamedJson { name: "v".into(), expr: aggregate(rng, &inside).1 }]);
    }
    if grouped {
        let group = inside.any(rng).1;
        if chance(rng, 40) && reads(&group) {
            query.grouping_sets =
                Some(pick(rng, &[vec![vec![0], vec![]], vec![vec![], vec![0], vec![]], vec![vec![0], vec![0]], vec![vec![]]]));
            if query.having.is_none() && chance(rng, 30) {
                let number = literal(&Value::Int(rng.i64(0..2)));
                query.having = Some(call("=", vec![call("grouping", vec![group.clone()]), number]));
            }
        }
        query.group_by = Some(vec![NamedJson { name: "g".into(), expr: group }]);
    }
    let grouped = grouped || query.having.is_some();
    (query, inside, grouped)
}

/// Sometimes of equal rows one, in the order of what is selected, or the first of those that agree in something.
fn distinct(rng: &mut Rng, query: &mut QueryJson, inside: &Scope, grouped: bool) {
    let counts = query.select.iter().flatten().any(|f| aggregates(&f.expr));
    let grouped = grouped || counts;
    if chance(rng, 15) {
        let by = vec![if grouped { aggregate(rng, inside).1 } else { inside.any(rng).1 }];
        match rng.bool() {
            true => query.distinct_on = Some(by),
            false => query.limit_by = Some(LimitByJson { by, limit: rng.u32(1..3), ..LimitByJson::default() }),
        }
        for _ in 0..rng.usize(0..=2) {
            query.order_by.push(OrderJson { expr: place(rng, inside, grouped), desc: rng.bool(), nulls: None });
        }
        return;
    }
    let Some([field]) = query.select.as_deref() else { return };
    if grouped || matches!(field.expr.op.as_str(), "agg" | "lit" | "over") || !chance(rng, 20) {
        return;
    }
    let expr = field.expr.clone();
    query.distinct = true;
    query.order_by.truncate(1);
    query.order_by.iter_mut().for_each(|key| key.expr = expr.clone());
}

/// Sometimes keeps a part of the rows only, in an order.
fn cut(rng: &mut Rng, query: &mut QueryJson, inside: &Scope, percent: u32) {
    if !chance(rng, percent) {
        return;
    }
    let selected = query.select.iter().flatten().any(|f| aggregates(&f.expr));
    let grouped = selected || query.group_by.is_some() || query.having.is_some();
    for _ in 0..pick(rng, &[0, 1, 1, 2]) {
        let expr = place(rng, inside, grouped);
        query.order_by.push(OrderJson {
            expr,
            desc: rng.bool(),
            nulls: pick(rng, &[None, Some("first"), Some("last")]).map(Into::into),
        });
    }
    query.limit = chance(rng, 85).then(|| pick(rng, &[0, 1, 1, 2, 3]));
    query.offset = (query.limit.is_none() || chance(rng, 35)).then(|| rng.u32(0..3));
}

/// What rows, or groups, are in the order of.
fn place(rng: &mut Rng, inside: &Scope, grouped: bool) -> ExprJson {
    match grouped {
        _ if chance(rng, 15) => windowed(rng, inside, grouped).1,
        true => aggregate(rng, inside).1,
        false => inside.any(rng).1,
    }
}

/// A window function that has an order, over rows or groups.
fn windowed(rng: &mut Rng, inside: &Scope, grouped: bool) -> (Type, ExprJson) {
    let aggregates = [aggregate(rng, inside), aggregate(rng, inside)];
    if grouped { over_groups(rng, &aggregates) } else { over_nested(rng, inside) }
}

/// An equality of two columns of one type, if there are such.
fn equal(rng: &mut Rng, left: &[Visible], right: &[Visible]) -> Option<ExprJson> {
    let fits = |a: &Visible, b: &Visible| a.column.ty == b.column.ty;
    let pairs: Vec<(&Visible, &Visible)> =
        left.iter().flat_map(|a| right.iter().filter(move |b| fits(a, b)).map(move |b| (a, b))).collect();
    let related: Vec<_> = pairs.iter().filter(|(a, b)| a.column.name.contains('_') || b.column.name.contains('_')).collect();
    if pairs.is_empty() {
        return None;
    }
    let (a, b) = if !related.is_empty() && rng.bool() { *pick(rng, &related) } else { pick(rng, &pairs) };
    Some(call("=", if rng.bool() { vec![a.read(), b.read()] } else { vec![b.read(), a.read()] }))
}

/// A field of a type that a grouped query can have: its groups or an aggregate, else a constant.
fn field_of_group(rng: &mut Rng, query: &mut QueryJson, inside: &Scope, ty: Type) -> ExprJson {
    let agg = |name: &str, arg: ExprJson| ExprJson { name: Some(name.into()), ..call("agg", vec![arg]) };
    if rng.bool() {
        let group = inside.of_type(rng, ty, 0);
        if query.grouping_sets.is_some() {
            query.having = None;
        }
        if !reads(&group) {
            query.grouping_sets = None;
        }
        query.group_by = Some(vec![NamedJson { name: "g".into(), expr: group.clone() }]);
        return group;
    }
    agg(pick(rng, &["min", "max"]), inside.of_type(rng, ty, 0))
}

fn aggregates(e: &ExprJson) -> bool {
    e.op == "agg" || e.args.iter().any(aggregates)
}
