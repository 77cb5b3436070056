//! Functions and operators: names, arity, types of arguments.

use super::expr::{Typed, mismatch};
use super::literal::{describe, to_float};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::ExprJson;
use crate::query::{Expr, Function};
use crate::value::{Type, Value};

/// Every name of `www/docs/boundary.md` with the fewest and most arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("=", Function::Eq, 2, 2),
    ("!=", Function::Ne, 2, 2),
    ("<", Function::Lt, 2, 2),
    ("<=", Function::Le, 2, 2),
    (">", Function::Gt, 2, 2),
    (">=", Function::Ge, 2, 2),
    ("and", Function::And, 0, usize::MAX),
    ("or", Function::Or, 0, usize::MAX),
    ("not", Function::Not, 1, 1),
    ("in", Function::In, 1, usize::MAX),
    ("like", Function::Like, 2, 2),
    ("ilike", Function::ILike, 2, 2),
    ("isNull", Function::IsNull, 1, 1),
    ("isNotNull", Function::IsNotNull, 1, 1),
    ("+", Function::Add, 2, 2),
    ("-", Function::Sub, 2, 2),
    ("*", Function::Mul, 2, 2),
    ("/", Function::Div, 2, 2),
    ("%", Function::Mod, 2, 2),
    ("neg", Function::Neg, 1, 1),
    ("||", Function::Concat, 1, usize::MAX),
    ("coalesce", Function::Coalesce, 1, usize::MAX),
    ("lower", Function::Lower, 1, 1),
    ("upper", Function::Upper, 1, 1),
    ("length", Function::Length, 1, 1),
    ("abs", Function::Abs, 1, 1),
];

/// The function of an operation with as many arguments as it was given.
///
/// # Errors
/// `UNKNOWN_FUNCTION`; `QUERY_INVALID` for too few or too many arguments.
pub(super) fn function(json: &ExprJson) -> Result<Function> {
    let Some(&(name, function, least, most)) = FUNCTIONS.iter().find(|f| f.0 == json.op) else {
        let names = FUNCTIONS.iter().map(|f| f.0).chain(["col", "lit", "agg"]);
        return Err(Error::unknown(ErrorCode::UnknownFunction, "function", &json.op, "query", names));
    };
    if (least..=most).contains(&json.args.len()) {
        return Ok(function);
    }
    let wanted = if least == most { least.to_string() } else { format!("at least {least}") };
    let plural = if wanted.ends_with('1') { "" } else { "s" };
    let message = format!("`{name}` takes {wanted} argument{plural}, not {}", json.args.len());
    Err(Error::new(ErrorCode::QueryInvalid, message).named(name))
}

/// The call of a function on bound arguments, with integers turned to floats where floats are beside them.
///
/// # Errors
/// `TYPE_MISMATCH` at `args[i]`.
pub(super) fn call(function: Function, json: &ExprJson, mut args: Vec<Typed>) -> Result<Typed> {
    use Function as F;
    match function {
        F::Eq | F::Ne | F::In | F::Coalesce => drop(unify(json, &mut args)?),
        F::Lt | F::Le | F::Gt | F::Ge => {
            if let Some((i, a)) = args.iter().enumerate().find(|(_, a)| a.ty.is_some_and(|t| !t.is_ordered())) {
                let message = format!("{} values have no order for `{}`", a.ty.map_or("", Type::name), json.op);
                let e = Error::new(ErrorCode::TypeMismatch, message).named(describe(&json.args[i]));
                return Err(e.at_index("args", i));
            }
            unify(json, &mut args)?;
        }
        F::And | F::Or | F::Not => each(json, &args, &[Type::Bool])?,
        F::Like | F::ILike | F::Concat | F::Lower | F::Upper => each(json, &args, &[Type::Text])?,
        F::IsNull | F::IsNotNull => {}
        F::Add | F::Sub | F::Mul | F::Div | F::Neg | F::Abs => {
            each(json, &args, &[Type::Int, Type::Float])?;
            unify(json, &mut args)?;
        }
        F::Mod | F::IntToFloat => each(json, &args, &[Type::Int])?,
        F::Length => each(json, &args, &[Type::Text, Type::Bytes])?,
    }
    let ty = function.result(args.iter().map(|a| a.ty));
    // Empty lists come from callers that build them; one meaning here spares every evaluator a special case.
    let constant = match function {
        F::And if args.is_empty() => Some(true),
        F::Or if args.is_empty() => Some(false),
        F::In if args.len() == 1 => Some(false),
        _ => None,
    };
    let expr = match constant {
        Some(value) => Expr::Literal(Value::Bool(value)),
        None if function == F::Concat => return Ok(joined(args)),
        None => Expr::Call(function, args.into_iter().map(|a| a.expr).collect()),
    };
    Ok(Typed { expr, ty })
}

/// Any number of texts by a function of two: halves of halves, so that a long list does not become a deep expression.
fn joined(mut args: Vec<Typed>) -> Typed {
    if args.len() > 2 {
        let rest = args.split_off(half(args.len()));
        args = vec![joined(args), joined(rest)];
    }
    match <[Typed; 2]>::try_from(args) {
        Ok([a, b]) => Typed { expr: Expr::Call(Function::Concat, vec![a.expr, b.expr]), ty: Some(Type::Text) },
        Err(one) => one.into_iter().next().unwrap_or(Typed { expr: Expr::Literal(Value::text("")), ty: Some(Type::Text) }),
    }
}

/// Where a list of so many texts is cut in two.
pub(super) fn half(texts: usize) -> usize {
    texts / 2
}

/// Checks that every argument is of one of some types, or null.
fn each(json: &ExprJson, args: &[Typed], types: &[Type]) -> Result<()> {
    for (i, a) in args.iter().enumerate() {
        if a.ty.is_some_and(|t| !types.contains(&t)) {
            return Err(mismatch(&format!("`{}`", json.op), types, a.ty, &json.args[i]).at_index("args", i));
        }
    }
    Ok(())
}

/// Brings the arguments to one type: integers become floats if one is a float, nulls take whatever type.
fn unify(json: &ExprJson, args: &mut [Typed]) -> Result<()> {
    let mut first: Option<(usize, Type)> = None;
    for (i, a) in args.iter().enumerate() {
        let Some(ty) = a.ty else { continue };
        match first {
            None => first = Some((i, ty)),
            Some((_, t)) if t == ty => {}
            Some((at, Type::Int | Type::Float)) if matches!(ty, Type::Int | Type::Float) => first = Some((at, Type::Float)),
            Some((at, t)) => {
                // Of a column and a literal it is the literal that is wrong.
                let blame_first = json.args[at].op == "lit" && json.args[i].op != "lit";
                let (bad, found, wanted) = if blame_first { (at, t, ty) } else { (i, ty, t) };
                let e = mismatch(&format!("`{}` beside {}", json.op, wanted.name()), &[wanted], Some(found), &json.args[bad]);
                return Err(e.at_index("args", bad));
            }
        }
    }
    if first.is_some_and(|(_, t)| t == Type::Float) {
        args.iter_mut().for_each(to_float);
    }
    Ok(())
}
