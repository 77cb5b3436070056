//! Dates: moved by days, days between them, and as moments.

use super::{Made, impossible};
use crate::error::ErrorCode;
use crate::query::Function;
use crate::value::calendar::DAY;
use crate::value::{Cell, Value};

/// The first date: 24 November 4714 BC, as of moments.
const FIRST: i64 = -2_440_588;

/// A date of the range that moments have.
///
/// # Errors
/// `TIMESTAMP_RANGE`.
pub(super) fn date(days: i64) -> Made {
    let fits = days >= FIRST && days.checked_mul(DAY).is_some_and(|t| t.checked_add(DAY).is_some());
    if fits { Ok(Value::Date(days)) } else { Err(ErrorCode::TimestampRange) }
}

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    let moved = |days: Option<i64>| date(days.ok_or(ErrorCode::TimestampRange)?);
    match (f, args) {
        (F::AddDays, [Cell::Date(d), Cell::Int(n)] | [Cell::Int(n), Cell::Date(d)]) => moved(d.checked_add(*n)),
        (F::SubDays, [Cell::Date(d), Cell::Int(n)]) => moved(d.checked_sub(*n)),
        (F::DiffDays, [Cell::Date(a), Cell::Date(b)]) => Ok(Value::Int(a - b)),
        (F::DateToTimestamp, [Cell::Date(d)]) => Ok(Value::Timestamp(d * DAY)),
        _ => impossible(),
    }
}
