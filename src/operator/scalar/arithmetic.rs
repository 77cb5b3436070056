//! The four operations, remainder, sign.

use super::{Made, impossible};
use crate::error::ErrorCode;
use crate::query::Function;
use crate::value::{Cell, Value};

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    let overflow = ErrorCode::NumericOverflow;
    Ok(match (f, args) {
        (F::Neg, [Cell::Int(v)]) => Value::Int(v.checked_neg().ok_or(overflow)?),
        (F::Neg, [Cell::Float(v)]) => Value::Float(-v),
        (F::Abs, [Cell::Int(v)]) => Value::Int(v.checked_abs().ok_or(overflow)?),
        (F::Abs, [Cell::Float(v)]) => Value::Float(v.abs()),
        (F::IntToFloat, [Cell::Int(v)]) => Value::Float(*v as f64),
        (_, [Cell::Int(a), Cell::Int(b)]) => Value::Int(integer(f, *a, *b)?),
        (_, [Cell::Float(a), Cell::Float(b)]) => Value::Float(float(f, *a, *b)?),
        _ => impossible(),
    })
}

fn integer(f: Function, a: i64, b: i64) -> Result<i64, ErrorCode> {
    if matches!(f, Function::Div | Function::Mod) && b == 0 {
        return Err(ErrorCode::DivisionByZero);
    }
    match f {
        Function::Add => a.checked_add(b),
        Function::Sub => a.checked_sub(b),
        Function::Mul => a.checked_mul(b),
        Function::Div => a.checked_div(b),
        // i64::MIN % -1 is 0 in PostgreSQL.
        Function::Mod => Some(a.wrapping_rem(b)),
        _ => impossible(),
    }
    .ok_or(ErrorCode::NumericOverflow)
}

/// PostgreSQL: an infinite result of finite arguments is out of range, and so is an underflow to zero.
fn float(f: Function, a: f64, b: f64) -> Result<f64, ErrorCode> {
    // PostgreSQL: not-a-number divided by zero is not-a-number.
    if f == Function::Div && b == 0.0 && !a.is_nan() {
        return Err(ErrorCode::DivisionByZero);
    }
    let v = match f {
        Function::Add => a + b,
        Function::Sub => a - b,
        Function::Mul => a * b,
        Function::Div => a / b,
        _ => impossible(),
    };
    let overflows = v.is_infinite() && a.is_finite() && b.is_finite();
    let underflows = v == 0.0
        && match f {
            Function::Mul => a != 0.0 && b != 0.0,
            Function::Div => a != 0.0 && b.is_finite(),
            _ => false,
        };
    if overflows || underflows { Err(ErrorCode::NumericOverflow) } else { Ok(v) }
}
