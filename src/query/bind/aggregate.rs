//! Grouping: aggregates, and expressions over the scope turned into expressions over the group scope.

use super::expr::{Typed, mismatch};
use super::literal::describe;
use super::scope::Scope;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::ExprJson;
use crate::query::{AggregateCall, AggregateFunction, Expr, Function};
use crate::value::Type;

const AGGREGATES: [(&str, AggregateFunction); 5] = [
    ("count", AggregateFunction::Count),
    ("sum", AggregateFunction::Sum),
    ("avg", AggregateFunction::Avg),
    ("min", AggregateFunction::Min),
    ("max", AggregateFunction::Max),
];

/// The aggregate that an `agg` names.
///
/// # Errors
/// `UNKNOWN_FUNCTION`; `QUERY_INVALID` for too few or too many arguments.
pub(super) fn function(json: &ExprJson) -> Result<AggregateFunction> {
    let name = json.name.as_deref().unwrap_or_default();
    let Some(&(name, function)) = AGGREGATES.iter().find(|a| a.0 == name) else {
        return Err(Error::unknown(ErrorCode::UnknownFunction, "aggregate", name, "query", AGGREGATES.iter().map(|a| a.0)));
    };
    let count = function == AggregateFunction::Count;
    if json.args.len() == 1 || count && json.args.is_empty() {
        return Ok(function);
    }
    let wanted = if count { "at most 1" } else { "1" };
    let message = format!("`{name}` takes {wanted} argument, not {}", json.args.len());
    Err(Error::new(ErrorCode::QueryInvalid, message).named(name))
}

/// The call of an aggregate on its bound argument.
///
/// # Errors
/// `TYPE_MISMATCH` at `args[0]`.
pub(super) fn call(function: AggregateFunction, json: &ExprJson, args: Vec<Typed>) -> Result<AggregateCall> {
    use AggregateFunction as A;
    const ORDERED: &[Type] = &[Type::Bool, Type::Int, Type::Float, Type::Text, Type::Bytes, Type::Timestamp];
    let Some(Typed { expr, ty }) = args.into_iter().next() else {
        return Ok(AggregateCall { function, argument: None, ty: Type::Int });
    };
    let accepted: &[Type] = match function {
        A::Count => return Ok(AggregateCall { function, argument: Some(expr), ty: Type::Int }),
        A::Sum | A::Avg => &[Type::Int, Type::Float],
        A::Min | A::Max => ORDERED,
    };
    match ty.filter(|t| accepted.contains(t)) {
        Some(t) => {
            let ty = if function == A::Avg { Type::Float } else { t };
            Ok(AggregateCall { function, argument: Some(expr), ty })
        }
        None => {
            Err(mismatch(&format!("`{}`", json.name.as_deref().unwrap_or_default()), accepted, ty, &json.args[0]).at("args[0]"))
        }
    }
}

/// Turns an expression over the scope and the numbered aggregates behind it into one over the group scope. What equals a
/// group expression becomes its column.
///
/// # Errors
/// `NOT_GROUPED` for a column that is in no group expression, at its place.
pub(super) fn regroup(expr: Expr, groups: &[Expr], scope: &Scope<'_>) -> Result<Expr> {
    if let Some(g) = groups.iter().position(|g| *g == expr) {
        return Ok(Expr::Column(g));
    }
    match expr {
        Expr::Column(c) => match c.checked_sub(scope.types.len()) {
            Some(call) => Ok(Expr::Column(groups.len() + call)),
            None => {
                let name = scope.name(c);
                let message = format!("`{name}` is neither grouped by nor within an aggregate");
                Err(Error::new(ErrorCode::NotGrouped, message).named(name))
            }
        },
        Expr::Literal(v) => Ok(Expr::Literal(v)),
        Expr::Call(function, args) => {
            // A conversion that binding put in is not there in what the user wrote.
            let written = function != Function::IntToFloat;
            let one = |(i, a)| regroup(a, groups, scope).map_err(|e| if written { e.at(format!("args[{i}]")) } else { e });
            Ok(Expr::Call(function, args.into_iter().enumerate().map(one).collect::<Result<_>>()?))
        }
    }
}

/// Checks that an expression can be grouped or ordered by.
///
/// # Errors
/// `TYPE_MISMATCH` for json, and for a null without a type.
pub(super) fn comparable(typed: &Typed, what: &str, json: &ExprJson) -> Result<()> {
    match typed.ty {
        Some(t) if t.is_ordered() => Ok(()),
        other => {
            let message = format!("{} cannot be {what} by", other.map_or("a null without a type", Type::name));
            Err(Error::new(ErrorCode::TypeMismatch, message).named(describe(json)))
        }
    }
}
