//! Numbers: rounding, powers, roots, logarithms of double precision.

use super::{Made, impossible};
use crate::error::ErrorCode;
use crate::query::Function;
use crate::value::{Cell, Value, decimal, float};

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    let value = match (f, args) {
        (Function::RoundTo, [Cell::Float(v), Cell::Int(digits)]) => round_to(*v, *digits)?,
        (Function::Power, [Cell::Float(a), Cell::Float(b)]) => power(*a, *b)?,
        (_, [Cell::Float(v)]) => unary(f, *v)?,
        _ => impossible(),
    };
    Ok(Value::Float(value))
}

fn unary(f: Function, v: f64) -> Result<f64, ErrorCode> {
    Ok(match f {
        Function::Round => v.round_ties_even(),
        Function::Floor => v.floor(),
        Function::Ceil => v.ceil(),
        Function::Trunc => v.trunc(),
        // As PostgreSQL: also of what is no number.
        Function::Sign if v == 0.0 || v.is_nan() => 0.0,
        Function::Sign => v.signum(),
        Function::Sqrt if v < 0.0 => return Err(ErrorCode::InvalidArgument),
        Function::Sqrt => v.sqrt(),
        Function::Ln if v <= 0.0 => return Err(ErrorCode::InvalidArgument),
        Function::Ln => v.ln(),
        Function::Exp => in_range(v.exp(), v.is_finite(), true)?,
        _ => impossible(),
    })
}

/// A result that is infinite, or zero where it cannot be, of finite arguments is out of range.
fn in_range(v: f64, finite: bool, positive: bool) -> Result<f64, ErrorCode> {
    if finite && (v.is_infinite() || v == 0.0 && positive) { Err(ErrorCode::NumericOverflow) } else { Ok(v) }
}

fn power(a: f64, b: f64) -> Result<f64, ErrorCode> {
    if a == 0.0 && b < 0.0 || a < 0.0 && b.floor() != b && !b.is_nan() {
        return Err(ErrorCode::InvalidArgument);
    }
    in_range(a.powf(b), a.is_finite() && b.is_finite(), a != 0.0)
}

/// To so many digits behind the point (before it, if negative), half away from zero: of the shortest decimal text.
fn round_to(v: f64, places: i64) -> Result<f64, ErrorCode> {
    if !v.is_finite() || v == 0.0 {
        return Ok(v);
    }
    let (mut digits, mut point) = float::digits_of(v);
    let kept = point + places.clamp(-10_000, 10_000);
    if kept < 0 {
        return Ok(0.0);
    }
    let kept = kept as usize;
    if kept >= digits.len() {
        return Ok(v);
    }
    let up = digits[kept] >= b'5';
    digits.truncate(kept);
    if up {
        while digits.last() == Some(&b'9') {
            digits.pop();
        }
        match digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                digits.push(b'1');
                point += 1;
            }
        }
    }
    if digits.is_empty() {
        return Ok(0.0);
    }
    let mut text = Vec::new();
    decimal::place(&digits, point, &mut text);
    in_range(float::parse(&text), true, false).map(|size| size.copysign(v))
}
