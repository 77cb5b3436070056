//! Random joins: of every kind, on equalities, on one of several, on ranges, on anything.

use eddyline::query::Column;
use eddyline::query::ast::{ExprJson, FromJson, JoinJson, QueryJson};
use eddyline::value::{Element, Type, Value};
use fastrand::Rng;

use super::domain::{literal, value};
use super::expression::{Visible, call};
use super::function::PATTERNS;
use super::query::scope_of;
use super::source::{Sight, Source, source};
use super::{chance, pick};

/// Joins one more source, on what types allow.
pub(super) fn join<'a>(
    rng: &mut Rng,
    sight: &Sight<'a>,
    depth: usize,
    q: &mut QueryJson,
    sources: &mut Vec<Source<'a>>,
    n: usize,
) {
    let own_name = format!("j{n}");
    if chance(rng, 15) {
        return unnest(rng, q, sources, own_name);
    }
    let (from, mut joined) = source(rng, sight, depth, &own_name);
    let mut written = JoinJson::default();
    match from {
        FromJson::Name(name) => written.table = name,
        FromJson::Query { query, .. } => written.query = Some(query),
        FromJson::Relation { relation, .. } => written.relation = Some(relation),
        FromJson::Recursive { recursive, .. } => written.recursive = Some(recursive),
    }
    let taken = sources.iter().any(|s| s.alias == joined.alias);
    let alias = (written.query.is_some() || written.recursive.is_some() || taken || chance(rng, 20)).then(|| own_name.clone());
    let before = scope_of(rng, sources);
    joined.alias = alias.clone().unwrap_or(joined.alias);
    let of = Some(joined.alias.clone());
    let own: Vec<Visible> = joined.columns.iter().map(|c| Visible { of: of.clone(), column: c.clone() }).collect();
    sources.push(joined);
    // An equality between the sides, if types allow; the alias is always said since two sources are in scope.
    let pairs: Vec<(&Visible, &Visible)> =
        before.columns.iter().flat_map(|a| own.iter().filter(|b| a.column.ty == b.column.ty).map(move |b| (a, b))).collect();
    let aliased = |v: &Visible| Visible { of: v.of.clone().or(Some(sources[0].alias.clone())), column: v.column.clone() }.read();
    // One join without an equality is enough: the naive evaluation makes every combination of rows.
    let many = q.joins.iter().any(|j| !has_equality(&j.on));
    let kind = pick(rng, &["inner", "inner", "left", "left", "left", "right", "full", "cross"]);
    if kind == "cross" && !many {
        return q.joins.push(JoinJson { kind: kind.into(), alias, on: literal(&Value::Bool(true)), ..written });
    }
    let kind = if kind == "cross" { "inner" } else { kind };
    let mut conditions = Vec::new();
    let by_range = !many && chance(rng, 25);
    let comparisons = match by_range {
        true => rng.usize(1..=3),
        false if chance(rng, 20) => rng.usize(1..=2),
        false => 0,
    };
    for _ in 0..comparisons {
        if !pairs.is_empty() {
            let (a, b) = pick(rng, &pairs);
            let (a, b) = (aliased(a), b.read());
            conditions.push(call(pick(rng, &["<", "<=", ">", ">="]), if rng.bool() { vec![a, b] } else { vec![b, a] }));
        }
    }
    for _ in 0..if by_range {
        usize::from(chance(rng, 10))
    } else if chance(rng, 15) {
        2
    } else {
        1
    } {
        if !pairs.is_empty() {
            let (a, b) = pick(rng, &pairs);
            let (mut a, b, ty) = (aliased(a), b.read(), a.column.ty);
            if chance(rng, 15) {
                a = call("coalesce", vec![a, literal(&value(rng, ty, false))]);
            }
            let same = if chance(rng, 12) { "isNotDistinctFrom" } else { "=" };
            let one = call(same, if rng.bool() { vec![a.clone(), b.clone()] } else { vec![b.clone(), a.clone()] });
            conditions.push(if !many && chance(rng, 20) { one_of(rng, one, [a, b], &pairs, &aliased) } else { one });
        }
    }
    if conditions.is_empty() || chance(rng, 20) {
        let mut all = scope_of(rng, sources);
        if conditions.is_empty() || rng.bool() {
            all.columns.retain(|v| own.iter().any(|o| o.of == v.of));
        }
        conditions.push(all.condition(rng));
    }
    let on = if conditions.len() == 1 { conditions.remove(0) } else { call("and", conditions) };
    q.joins.push(JoinJson { kind: kind.into(), alias, on, ..written });
}

/// That an equality of two columns holds, or another one does of columns of the same sides.
fn one_of(
    rng: &mut Rng,
    equality: ExprJson,
    [a, b]: [ExprJson; 2],
    pairs: &[(&Visible, &Visible)],
    aliased: &impl Fn(&Visible) -> ExprJson,
) -> ExprJson {
    let (other, more) = pick(rng, pairs);
    if chance(rng, 25) {
        let same = |v: &&(&Visible, &Visible)| v.1.read() == b;
        let values = pairs.iter().filter(same).take(2).map(|v| aliased(v.0));
        return call("in", [b.clone(), a].into_iter().chain(values).collect());
    }
    let mut next = call("=", vec![aliased(other), more.read()]);
    if chance(rng, 30) {
        let (left, right) = pick(rng, pairs);
        next = call("and", vec![next, call(pick(rng, &["<=", "!=", "="]), vec![aliased(left), right.read()])]);
    }
    call("or", if rng.bool() { vec![equality, next] } else { vec![next, equality] })
}

/// Joins the elements of an array, or the matches of a pattern.
fn unnest(rng: &mut Rng, q: &mut QueryJson, sources: &mut Vec<Source<'_>>, alias: String) {
    let scope = scope_of(rng, sources);
    let of = pick(rng, &[Element::Text, Element::Int, Element::Float]);
    let (ty, array) = if chance(rng, 40) {
        let pattern = literal(&Value::text(pick(rng, &PATTERNS)));
        let text = scope.of_type(rng, Type::Text, 1);
        (Type::Array(Element::Text), call(pick(rng, &["regexpMatches", "reSeq"]), vec![text, pattern]))
    } else {
        (of.ty(), scope.leaf(rng, Type::Array(of)))
    };
    let columns = [("value", ty), ("ordinality", Type::Int)].map(|(name, ty)| Column {
        name: name.into(),
        ty,
        nullable: true,
        safe_integer: false,
    });
    sources.push(Source { alias: alias.clone(), columns: columns.into(), table: None });
    let kind = pick(rng, &["cross", "left", "inner"]);
    let on = if kind == "inner" { scope_of(rng, sources).condition(rng) } else { literal(&Value::Bool(true)) };
    q.joins.push(JoinJson { kind: kind.into(), alias: Some(alias), unnest: Some(array), on, ..JoinJson::default() });
}

pub(super) fn has_equality(e: &ExprJson) -> bool {
    e.op == "=" || e.op == "and" && e.args.iter().any(has_equality)
}
