//! Functions of decimals.

use super::{Made, impossible};
use crate::error::ErrorCode;
use crate::query::Function;
use crate::value::numeric::{Decimal, MOST_DIGITS, Round};
use crate::value::{Cell, Value, decimal_text};

/// The packed value.
///
/// # Errors
/// `NUMERIC_OVERFLOW` with more digits than decimals have.
pub fn made(value: &Decimal) -> Made {
    value.pack().map(Value::Decimal).ok_or(ErrorCode::NumericOverflow)
}

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    let value = match args {
        [Cell::Int(v)] if f == F::IntToDecimal => Decimal::of_int(*v),
        [Cell::Decimal(a), Cell::Decimal(b)] => binary(f, &Decimal::unpack(a), &Decimal::unpack(b))?,
        [Cell::Decimal(v), Cell::Int(digits)] => {
            let round = if f == F::TruncTo { Round::Zero } else { Round::HalfAway };
            let most = MOST_DIGITS as i64;
            Decimal::unpack(v).rounded((*digits).clamp(-most - 1, most) as i32, round)
        }
        [Cell::Decimal(v), Cell::Int(precision), Cell::Int(scale)] => fitted(&Decimal::unpack(v), *precision, *scale)?,
        [Cell::Decimal(v)] => {
            let v = Decimal::unpack(v);
            match f {
                F::Scale => return Ok(Value::Int(i64::from(v.scale()))),
                F::DecimalToFloat => return float(&v).map(Value::Float),
                F::Neg => v.negated(),
                F::Abs => v.absolute(),
                F::Sign => v.sign(),
                F::Round => v.rounded(0, Round::HalfAway),
                F::Floor => v.rounded(0, Round::Floor),
                F::Ceil => v.rounded(0, Round::Ceil),
                F::Trunc => v.rounded(0, Round::Zero),
                F::TrimScale => v.trimmed(),
                _ => impossible(),
            }
        }
        _ => impossible(),
    };
    made(&value)
}

/// A decimal as one of so many digits, so many of them behind the point.
fn fitted(v: &Decimal, precision: i64, scale: i64) -> Result<Decimal, ErrorCode> {
    let most = MOST_DIGITS as i64;
    if !(1..=most).contains(&precision) || !(-most..=most).contains(&scale) {
        return Err(ErrorCode::InvalidArgument);
    }
    let fitted = v.rounded(scale as i32, Round::HalfAway);
    let text = decimal_text(&fitted.pack().ok_or(ErrorCode::NumericOverflow)?);
    let digits = text.trim_start_matches('-');
    let point = digits.find('.').unwrap_or(digits.len()) as i64;
    // Digits before the point; of less than one the zeros behind it, negative.
    let before = digits.find(|c| matches!(c, '1'..='9')).map(|at| at as i64);
    let before = before.map(|at| if at < point { point - at } else { point + 1 - at });
    if before.is_some_and(|n| n > precision - scale) { Err(ErrorCode::NumericOverflow) } else { Ok(fitted) }
}

fn binary(f: Function, a: &Decimal, b: &Decimal) -> Result<Decimal, ErrorCode> {
    let quotient = match f {
        Function::Add => return Ok(a.plus(b)),
        Function::Sub => return Ok(a.minus(b)),
        Function::Mul => return Ok(a.times(b)),
        Function::Div => a.over(b),
        Function::Mod => a.remainder(b),
        _ => impossible(),
    };
    quotient.ok_or(ErrorCode::DivisionByZero)
}

/// The nearest double.
///
/// # Errors
/// `NUMERIC_OVERFLOW` if it would be infinite, or zero where the value is not.
pub(super) fn float(v: &Decimal) -> Result<f64, ErrorCode> {
    let float = v.to_float();
    if float.is_infinite() || float == 0.0 && !v.is_zero() { Err(ErrorCode::NumericOverflow) } else { Ok(float) }
}
