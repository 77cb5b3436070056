//! Operators between arrays and their elements.

use super::expr::{Typed, mismatch};
use super::literal::to_float;
use super::params::Params;
use crate::error::Result;
use crate::query::ast::ExprJson;
use crate::query::{Expr, Function};
use crate::value::{Element, Type};

/// The call of an operator of arrays; the arguments come back if it is none.
///
/// # Errors
/// `TYPE_MISMATCH` for an element or an array of another type.
pub(super) fn call(
    function: Function,
    json: &ExprJson,
    mut args: Vec<Typed>,
    params: &Params,
) -> Result<std::result::Result<Typed, Vec<Typed>>> {
    use Function as F;
    let element = |ty: Option<Type>| if let Some(Type::Array(element)) = ty { Some(element) } else { None };
    let [Typed { ty: a, .. }, Typed { ty: b, .. }] = &args[..] else { return Ok(Err(args)) };
    let (a, b) = (*a, *b);
    // The arrays, and the element beside one.
    let found = match (function, element(a), element(b)) {
        (F::JsonContains, None, None) => return Ok(Err(args)),
        (F::JsonContains, ..) => F::ArrayContains,
        (F::ArrayOverlaps | F::Any | F::ArrayPosition, ..) => function,
        _ => return Ok(Err(args)),
    };
    let (array, other) = match found {
        F::Any => (1, 0),
        _ => (0, 1),
    };
    let types = [a, b];
    let wrong =
        |i: usize, wanted: &[Type]| Err(mismatch(&format!("`{}`", json.op), wanted, types[i], &json.args[i]).at_index("args", i));
    match (found, element(args[array].ty), args[other].ty) {
        (F::Any | F::ArrayPosition, Some(of), ty) => {
            params.learn(&args[other], of.ty());
            if of == Element::Float {
                to_float(&mut args[other]);
            }
            let ty = if of == Element::Float { args[other].ty } else { ty };
            if ty.is_some_and(|t| t != of.ty()) {
                return wrong(other, &[of.ty()]);
            }
        }
        (_, Some(of), ty) => {
            params.learn(&args[other], Type::Array(of));
            if ty.is_some_and(|t| t != Type::Array(of)) {
                return wrong(other, &[Type::Array(of)]);
            }
        }
        (F::ArrayContains | F::ArrayOverlaps, None, Some(Type::Array(of))) if args[array].ty.is_none() => {
            params.learn(&args[array], Type::Array(of));
        }
        (_, None, _) if args[array].ty.is_none() => {}
        _ => return wrong(array, &Element::ALL.map(Type::Array)),
    }
    let ty = found.result(args.iter().map(|a| a.ty));
    Ok(Ok(Typed { expr: Expr::Call(found, args.into_iter().map(|a| a.expr).collect()), ty }))
}
