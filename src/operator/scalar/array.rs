//! Functions of arrays. Elements are equal if their packed bytes are. Cost: the size of both arrays; of `@>` and `&&` their product.

use super::{Made, impossible, join};
use crate::query::Function;
use crate::value::array::{is_null, parts, push};
use crate::value::{Cell, Value, array_values};

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    Ok(match (f, args) {
        (F::Any, [x, Cell::Array(element, array)]) => {
            let mut wanted = Vec::new();
            push(*x, &mut wanted);
            if x.is_null() {
                if array.is_empty() { Value::Bool(false) } else { Value::Null }
            } else if parts(*element, array).any(|p| p == wanted) {
                Value::Bool(true)
            } else if parts(*element, array).any(is_null) {
                Value::Null
            } else {
                Value::Bool(false)
            }
        }
        (F::ArrayContains, [Cell::Array(element, a), Cell::Array(_, b)]) => {
            Value::Bool(parts(*element, b).all(|p| !is_null(p) && parts(*element, a).any(|q| p == q)))
        }
        (F::ArrayOverlaps, [Cell::Array(element, a), Cell::Array(_, b)]) => {
            Value::Bool(parts(*element, b).any(|p| !is_null(p) && parts(*element, a).any(|q| p == q)))
        }
        (F::Cardinality, [Cell::Array(element, a)]) => Value::Int(parts(*element, a).count() as i64),
        (F::ArrayLength, [Cell::Array(element, a)]) => match parts(*element, a).count() {
            0 => Value::Null,
            n => Value::Int(n as i64),
        },
        (F::ArrayAt, [Cell::Array(element, a), Cell::Int(at)]) => {
            let at = usize::try_from(at.saturating_sub(1)).ok();
            at.and_then(|at| array_values(*element, a).nth(at)).unwrap_or(Value::Null)
        }
        (F::ArrayPosition, [Cell::Array(element, a), x]) => {
            let mut wanted = Vec::new();
            push(*x, &mut wanted);
            parts(*element, a).position(|p| p == wanted).map_or(Value::Null, |at| Value::Int(at as i64 + 1))
        }
        (F::ArrayToText, [Cell::Array(element, a), Cell::Text(between)]) => {
            let texts: Vec<String> =
                array_values(*element, a).filter(|v| !v.is_null()).map(|v| super::cast::element_text(v.as_cell())).collect();
            return join(texts.iter().map(String::as_str), between);
        }
        _ => impossible(),
    })
}
