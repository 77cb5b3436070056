//! What a branch of a recursion may not do with the relations that it is a branch of, and which of them it reads.

use super::limits::{calls, parts};
use super::scope::Scope;
use crate::error::{Error, ErrorCode, Result};
use crate::query::JoinSource;
use crate::query::ast::{ExprJson, FromJson, GrowingJson, QueryJson};

/// Refuses what could take rows away, or change them, when a relation of the recursion grows; the query reads such.
///
/// # Errors
/// `QUERY_INVALID` with the place.
pub(super) fn monotone(json: &QueryJson, scope: &Scope<'_>, joins: &[JoinSource]) -> Result<()> {
    let of = |what: &str, place: &str| not_stratified(what).at(place);
    for (i, source) in scope.sources.iter().enumerate() {
        if source.ranks().next().is_none() {
            continue;
        }
        let own = i.checked_sub(1).filter(|&j| joins.get(j).is_some_and(|j| j.kind.keeps()[0]));
        let later = (i..joins.len()).find(|&j| joins[j].kind.keeps()[1]);
        if let Some(j) = own.or(later) {
            let e = of("an outer join that has rows where there are none", "kind").named(source.alias);
            return Err(e.at_index("joins", j));
        }
    }
    let refused = [
        (json.group_by.is_some(), "grouping", "groupBy"),
        (json.having.is_some(), "grouping", "having"),
        (json.distinct, "`distinct` (the rows are a set anyway)", "distinct"),
        (json.distinct_on.is_some(), "the first rows of groups", "distinctOn"),
        (json.limit_by.is_some(), "the first rows of groups", "limitBy"),
        (json.limit.is_some(), "a limit", "limit"),
        (json.offset.is_some_and(|n| n > 0), "an offset", "offset"),
    ];
    if let Some((_, what, place)) = refused.into_iter().find(|p| p.0) {
        return Err(of(what, place));
    }
    let fields = json.select.iter().flatten().map(|f| &f.expr).enumerate().map(|f| ("select", f));
    let orders = json.order_by.iter().map(|o| &o.expr).enumerate().map(|o| ("orderBy", o));
    for (list, (i, expr)) in fields.chain(orders) {
        for (op, what) in [("agg", "an aggregate"), ("over", "a window function")] {
            if calls(expr, op) {
                return Err(of(what, "expr").at_index(list, i));
            }
        }
    }
    Ok(())
}

/// The error for what is not stratified.
#[cold]
pub(super) fn not_stratified(what: &str) -> Error {
    let message = format!("{what} over a relation of the same recursion is not stratified; put it around the recursion");
    Error::new(ErrorCode::QueryInvalid, message)
}

/// The relations that a branch reads, by their numbers.
pub(super) fn reads(json: &QueryJson, group: &[GrowingJson]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut read = |name: &str| found.extend(group.iter().position(|r| r.name == name));
    let mut queries = vec![json];
    let mut exprs: Vec<&ExprJson> = Vec::new();
    while let Some(query) = queries.pop() {
        match &query.from {
            FromJson::Query { query, .. } => queries.push(query),
            FromJson::Relation { relation, .. } => read(relation),
            // A recursion within does not see those around it.
            FromJson::Name(_) | FromJson::Recursive { .. } => {}
        }
        for join in &query.joins {
            queries.extend(join.query.as_deref());
            join.relation.iter().for_each(|name| read(name));
            exprs.push(&join.on);
            exprs.extend(&join.unnest);
        }
        queries.extend(query.inputs.iter().chain(query.ctes.iter().map(|c| &c.query)));
        let named = query.group_by.iter().chain(&query.select).flatten().map(|n| &n.expr);
        exprs.extend(named.chain(&query.filter).chain(&query.having).chain(query.order_by.iter().map(|o| &o.expr)));
        exprs.extend(query.distinct_on.iter().flatten().chain(query.limit_by.iter().flat_map(|l| &l.by)));
        while let Some(expr) = exprs.pop() {
            exprs.extend(parts(expr));
            exprs.extend(expr.call.iter().flat_map(|c| c.filter.iter().chain(c.order_by.iter().map(|o| &o.expr))));
            queries.extend(expr.query.as_deref());
        }
    }
    found
}
