//! Grouping: expressions over the scope turned into expressions over the group scope.

use super::expr::Typed;
use super::function::half;
use super::literal::describe;
use super::scope::Scope;
use super::spelling::group_column;
use super::window::WINDOW_COLUMNS;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::ExprJson;
use crate::query::{Expr, Function, QueryExprKind};

/// Turns an expression over the scope and the numbered aggregates behind it into one over the group scope. What equals a
/// group expression becomes its column. `json` is what the expression was bound from, for the places of errors.
///
/// # Errors
/// `NOT_GROUPED` for a column that is in no group expression, at its place.
pub(super) fn regroup(expr: Expr, json: &ExprJson, groups: &[Expr], scope: &Scope<'_>) -> Result<Expr> {
    if json.op == "grouping" {
        // Made of the number of the set, an aggregate.
        return Ok(expr.map_columns(&|c| c - scope.types.len() + groups.len()));
    }
    if let Some(g) = groups.iter().position(|g| *g == expr) {
        let shown = Expr::Column(group_column(groups, &scope.types, g));
        let in_sets = scope.grouping.as_ref().is_some_and(|of| !of.sets.is_empty());
        if !in_sets || shown == Expr::Column(g) {
            return Ok(shown);
        }
        // What is shown of it is an aggregate, which the sets without it have too.
        let there = Expr::Call(Function::IsNotNull, vec![Expr::Column(g)]);
        return Ok(Expr::Call(Function::Case, vec![there, shown]));
    }
    // A window function is over the group scope already.
    if matches!(expr, Expr::Column(c) if c >= WINDOW_COLUMNS) {
        return Ok(expr);
    }
    if json.op == "||" {
        return regroup_texts(expr, &json.args, 0, groups, scope);
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
        Expr::Literal(_) | Expr::Param(..) | Expr::Outer(..) => Ok(expr),
        Expr::Sub(mut sub) => {
            if let QueryExprKind::In { value, .. } = &mut sub.kind {
                *value = regroup(value.clone(), &json.args[0], groups, scope).map_err(|e| e.at("args[0]"))?;
            }
            for read in &mut sub.outer {
                *read = regroup(read.clone(), json, groups, scope).map_err(|e| e.at("query"))?;
            }
            Ok(Expr::Sub(sub))
        }
        Expr::Call(Function::Not, args) if json.query.is_some() => {
            let args = args.into_iter().map(|a| regroup(a, json, groups, scope));
            Ok(Expr::Call(Function::Not, args.collect::<Result<_>>()?))
        }
        // A conversion that binding put in is not there in what the user wrote.
        Expr::Call(
            function @ (Function::IntToFloat | Function::IntToDecimal | Function::DecimalToFloat | Function::DateToTimestamp),
            args,
        ) => {
            let args = args.into_iter().map(|a| regroup(a, json, groups, scope));
            Ok(Expr::Call(function, args.collect::<Result<_>>()?))
        }
        // A distance of a frame that goes back is written without its sign.
        Expr::Call(Function::Neg, ref args) if matches!(args[..], [Expr::Literal(_)]) => Ok(expr),
        Expr::Call(function, args) => {
            debug_assert_eq!(args.len(), json.args.len());
            let pairs = args.into_iter().zip(&json.args).enumerate();
            let args = pairs.map(|(i, (a, json))| regroup(a, json, groups, scope).map_err(|e| e.at_index("args", i)));
            Ok(Expr::Call(function, args.collect::<Result<_>>()?))
        }
    }
}

/// The same for a `||` of any number of texts, which binding made calls of two; `first` is the place of `texts[0]`.
fn regroup_texts(expr: Expr, texts: &[ExprJson], first: usize, groups: &[Expr], scope: &Scope<'_>) -> Result<Expr> {
    match (expr, texts) {
        (expr, [json]) => regroup(expr, json, groups, scope).map_err(|e| e.at_index("args", first)),
        (Expr::Call(function, args), texts) => {
            let (left, right) = texts.split_at(half(texts.len()));
            let halves = args.into_iter().zip([(left, first), (right, first + left.len())]);
            let args = halves.map(|(a, (texts, first))| regroup_texts(a, texts, first, groups, scope));
            Ok(Expr::Call(function, args.collect::<Result<_>>()?))
        }
        (expr, _) => Ok(expr),
    }
}

/// Checks that an expression can be grouped or ordered by.
///
/// # Errors
/// `TYPE_MISMATCH` for a null without a type.
pub(super) fn comparable(typed: &Typed, what: &str, json: &ExprJson) -> Result<()> {
    if typed.ty.is_some() {
        return Ok(());
    }
    let message = format!("a null without a type cannot be {what} by");
    Err(Error::new(ErrorCode::TypeMismatch, message).named(describe(json)))
}
