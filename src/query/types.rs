//! Types of bound expressions, and of the columns that they are over.
//!
//! `bind` types an expression with the same [`Function::result`](super::Function::result) that [`type_of`] uses afterwards, so that the planner and
//! the binder cannot disagree.

use super::{Aggregate, BoundQuery, Expr, Schema};
use crate::value::Type;

/// Type of a bound expression over columns of these types; `None` = a null without a type.
///
/// Cost: the depth of the leftmost typed path, at worst the size of the expression.
///
/// ```
/// use eddyline::query::{Expr, Function, type_of};
/// use eddyline::value::{Type, Value};
/// let sum = Expr::Call(Function::Add, vec![Expr::Literal(Value::Null), Expr::Column(0)]);
/// assert_eq!(type_of(&sum, &[Type::Int]), Some(Type::Int));
/// assert_eq!(type_of(&Expr::Literal(Value::Null), &[]), None);
/// ```
pub fn type_of(expr: &Expr, columns: &[Type]) -> Option<Type> {
    match expr {
        Expr::Column(c) => columns.get(*c).copied(),
        Expr::Literal(v) => v.kind(),
        Expr::Call(function, args) => function.result(args.iter().map(|a| type_of(a, columns))),
        Expr::Param(_, ty) | Expr::Outer(_, ty) => Some(*ty),
        Expr::Sub(sub) => Some(sub.ty),
    }
}

/// Types of the scope: the columns of `from`, then computed ones, then those of each join, hidden ones included.
pub fn scope_types(schema: &Schema, query: &BoundQuery) -> Vec<Type> {
    let computed = query.computed.iter().map(|c| c.call.ty);
    let joined = query.joins.iter().flat_map(|j| j.source.types(schema));
    query.from.types(schema).into_iter().chain(computed).chain(joined).collect()
}

/// Types of the group scope over a scope of these types: the group expressions, then the aggregates.
pub fn group_types(aggregate: &Aggregate, scope: &[Type]) -> Vec<Type> {
    // `bind` refuses a group expression without a type; text is what such a null would be.
    let groups = aggregate.groups.iter().map(|g| type_of(g, scope).unwrap_or(Type::Text));
    groups.chain(aggregate.calls.iter().map(|c| c.ty)).collect()
}

/// Types of the columns that `select`, `order` and `key` are over: the group scope if there is grouping, else the scope;
/// then the window functions.
pub fn output_types(schema: &Schema, query: &BoundQuery) -> Vec<Type> {
    let scope = scope_types(schema, query);
    let mut types = match &query.aggregate {
        Some(aggregate) => group_types(aggregate, &scope),
        None => scope,
    };
    types.extend(query.windows.iter().map(|w| w.ty));
    types
}
