//! What ties a sub-query to the row outside: found in its condition.

use super::{cannot_fail, is_global};
use crate::query::{BoundQuery, Expr, Function, QueryExpr};

/// How a sub-query hangs together with the row outside.
pub(super) struct Ties {
    /// Conjuncts of its own.
    pub own: Vec<Expr>,
    /// Equalities: outside, inside.
    pub keys: Vec<(Expr, Expr)>,
    /// Conjuncts over both.
    pub residual: Vec<Expr>,
}

/// The ties of a sub-query that has no others than equalities, or (`per_pair`) conditions on its ungrouped rows.
pub(super) fn ties(query: &BoundQuery, sub: &QueryExpr, per_pair: bool) -> Option<Ties> {
    let mut ties = Ties { own: Vec::new(), keys: Vec::new(), residual: Vec::new() };
    for conjunct in query.filter.iter().flat_map(Expr::conjuncts) {
        if !conjunct.has_outer() {
            ties.own.push(conjunct.clone());
        } else if let Some((outside, inside)) = equality(conjunct) {
            let of = |k: usize| sub.outer[k].clone();
            let outside = outside.replaced(&mut |e| if let Expr::Outer(k, _) = e { Some(of(*k)) } else { None });
            ties.keys.push((outside, inside.clone()));
        } else if per_pair && query.aggregate.is_none() && !conjunct.has_subquery() {
            ties.residual.push(conjunct.clone());
        } else {
            return None;
        }
    }
    let mut elsewhere = query.joins.iter().any(|j| j.exprs().any(Expr::has_outer));
    let mut query = query.clone();
    if let Some(aggregate) = &mut query.aggregate {
        // A grouping by nothing has a row for every row outside.
        elsewhere |= !sub.outer.is_empty() && aggregate.sets.iter().any(Vec::is_empty);
        aggregate.groups.iter_mut().for_each(|g| elsewhere |= g.has_outer());
        aggregate.calls.iter_mut().for_each(|c| c.for_each_expr(&mut |e| elsewhere |= e.has_outer()));
    }
    // The one row of an aggregate is selected from outside; of others the field is a key or aggregated.
    if !is_global(&query) {
        query.for_each_output(&mut |e| elsewhere |= e.has_outer());
    }
    (!elsewhere).then_some(ties)
}

/// An equality of something outside with something inside.
fn equality(e: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::Call(Function::Eq, args) = e else { return None };
    let [a, b] = &args[..] else { return None };
    let (outside, inside) = if a.has_outer() { (a, b) } else { (b, a) };
    let of_outside = |e: &Expr| !e.any(&|e| matches!(e, Expr::Column(_) | Expr::Sub(_)));
    let of_inside = |e: &Expr| !e.has_outer() && !e.has_subquery() && e.any(&|e| matches!(e, Expr::Column(_)));
    (of_outside(outside) && of_inside(inside) && cannot_fail(outside) && cannot_fail(inside)).then_some((outside, inside))
}
