//! Values that are equal and shown differently, as `1.5` and `1.50`: what is equal is one group, one row of a set, one member of
//! a distinct list. Comparisons know that these are equal; where a list of rows is made of what is equal, binding puts all into
//! one form, so that no result depends on which row came first.

use crate::query::{AggregateCall, AggregateFunction, Expr, Function, type_of};
use crate::value::{Type, Value};

/// An expression whose equal values have equal bytes.
pub(super) fn plain(expr: Expr, ty: Option<Type>) -> Expr {
    match (ty, expr) {
        (_, expr @ Expr::Literal(Value::Null)) => expr,
        (Some(Type::Decimal), expr) => Expr::Call(Function::TrimScale, vec![expr]),
        (Some(Type::Interval), expr) => Expr::Call(Function::PlainInterval, vec![expr]),
        (_, expr) => expr,
    }
}

/// Group expressions in their one form.
pub(super) fn plain_groups(groups: Vec<Expr>, columns: &[Type]) -> Vec<Expr> {
    groups
        .into_iter()
        .map(|g| {
            let ty = type_of(&g, columns);
            plain(g, ty)
        })
        .collect()
}

/// What is shown of groups whose values have several forms: the least of those that are in the group, `1.5` before `1.50`. They
/// are the first aggregates of a grouping; [`group_column`] says which is whose.
pub(super) fn shown_forms<'g>(groups: &'g [Expr], columns: &'g [Type]) -> impl Iterator<Item = AggregateCall> + 'g {
    groups.iter().filter_map(|g| {
        let ty = type_of(g, columns).filter(|t| t.has_spellings())?;
        Some(AggregateCall::new(AggregateFunction::Min, Some(g.clone()), ty))
    })
}

/// The column of the group scope that shows a group expression.
pub(super) fn group_column(groups: &[Expr], columns: &[Type], at: usize) -> usize {
    let has = |g: &Expr| type_of(g, columns).is_some_and(Type::has_spellings);
    if has(&groups[at]) {
        // Equal group expressions share an aggregate.
        let first = |i: usize| groups.iter().position(|g| *g == groups[i]) == Some(i);
        let own = groups.iter().position(|g| *g == groups[at]).unwrap_or(at);
        groups.len() + (0..own).filter(|i| has(&groups[*i]) && first(*i)).count()
    } else {
        at
    }
}
