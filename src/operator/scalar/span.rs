//! Intervals: added, scaled, measured, and added to moments and times of day, as PostgreSQL does.

use std::cmp::Ordering;

use super::moment::add;
use super::{Made, impossible};
use crate::error::ErrorCode;
use crate::query::{Function, Unit};
use crate::value::calendar::DAY;
use crate::value::{Cell, Interval, Value};

const RANGE: ErrorCode = ErrorCode::TimestampRange;

fn packed(interval: Interval) -> Value {
    Value::Interval(interval.pack())
}

/// Months, days and microseconds if each of them is in range.
///
/// # Errors
/// `TIMESTAMP_RANGE`.
pub fn made(months: i128, days: i128, micros: i128) -> Made {
    let narrow = |v: i128| i32::try_from(v).map_err(|_| RANGE);
    Ok(packed(Interval { months: narrow(months)?, days: narrow(days)?, micros: i64::try_from(micros).map_err(|_| RANGE)? }))
}

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    match (f, args) {
        (F::AddSpan, [Cell::Timestamp(t), Cell::Interval(i)]) => {
            let i = Interval::unpack(i);
            add(*t, i.months.into(), i.days.into(), i.micros).map(Value::Timestamp)
        }
        (F::AddSpan, [Cell::Time(t), Cell::Interval(i)]) => {
            Ok(Value::Time((Interval::unpack(i).micros.rem_euclid(DAY) + t).rem_euclid(DAY)))
        }
        (F::DiffMoments, [Cell::Timestamp(a), Cell::Timestamp(b)]) => {
            let micros = a.checked_sub(*b).ok_or(RANGE)?;
            Ok(packed(Interval { months: 0, days: (micros / DAY) as i32, micros: micros % DAY }))
        }
        (F::DiffMoments, [Cell::Time(a), Cell::Time(b)]) => Ok(packed(Interval { months: 0, days: 0, micros: a - b })),
        (F::Add | F::Sub, [Cell::Interval(a), Cell::Interval(b)]) => {
            let (a, b) = (Interval::unpack(a), Interval::unpack(b));
            let sign = if f == F::Add { 1 } else { -1 };
            made(
                i128::from(a.months) + sign * i128::from(b.months),
                i128::from(a.days) + sign * i128::from(b.days),
                i128::from(a.micros) + sign * i128::from(b.micros),
            )
        }
        (F::Neg, [Cell::Interval(i)]) => {
            let i = Interval::unpack(i);
            made(-i128::from(i.months), -i128::from(i.days), -i128::from(i.micros))
        }
        (F::ScaleSpan, [Cell::Interval(i), Cell::Float(by)]) => scaled(Interval::unpack(i), |v| v * by),
        (F::ShrinkSpan, [Cell::Interval(_), Cell::Float(0.0)]) => Err(ErrorCode::DivisionByZero),
        (F::ShrinkSpan, [Cell::Interval(i), Cell::Float(by)]) => scaled(Interval::unpack(i), |v| v / by),
        (F::PlainInterval, [Cell::Interval(i)]) => Ok(packed(Interval::unpack(i).plain())),
        (F::Extract(unit), [Cell::Interval(i)]) => Ok(Value::Float(part(unit, Interval::unpack(i)))),
        (F::Extract(unit), [Cell::Time(t)]) => Ok(Value::Float(part(unit, Interval { months: 0, days: 0, micros: *t }))),
        (F::DateTrunc(unit), [Cell::Interval(i)]) => Ok(packed(truncated(unit, Interval::unpack(i)))),
        _ => impossible(),
    }
}

/// Order of a date, moment, time or interval beside another one moved by an interval that is not negative: back or ahead. A
/// time of day is moved by hours alone, and beyond the day; what is moved out of its range is before or behind everything.
pub fn beside_moved(value: Cell<'_>, from: Cell<'_>, by: &[u8], back: bool) -> Ordering {
    let by = Interval::unpack(by);
    let sign = if back { -1 } else { 1 };
    let micros = i128::from(by.micros) * sign;
    match (value, from) {
        (Cell::Time(v), Cell::Time(c)) => i128::from(v).cmp(&(i128::from(c) + micros)),
        (Cell::Interval(v), Cell::Interval(c)) => {
            let [v, c] = [v, c].map(|i| Interval::unpack(i).length());
            v.cmp(&(c + by.length() * sign))
        }
        (Cell::Timestamp(v), Cell::Timestamp(c)) => beside_moment(v, c, by, back),
        (Cell::Date(v), Cell::Date(c)) => beside_moment(v.saturating_mul(DAY), c.saturating_mul(DAY), by, back),
        _ => unreachable!("bind lets intervals between times through"),
    }
}

fn beside_moment(value: i64, from: i64, by: Interval, back: bool) -> Ordering {
    let sign = if back { -1 } else { 1 };
    let Some(micros) = by.micros.checked_mul(sign) else { return Ordering::Greater };
    match add(from, i64::from(by.months) * sign, i64::from(by.days) * sign, micros) {
        Ok(edge) => value.cmp(&edge),
        Err(_) if back => Ordering::Greater,
        Err(_) => Ordering::Less,
    }
}

/// Each part scaled: what is left of months goes to days, and what is left of days to the time.
pub fn scaled(i: Interval, scale: impl Fn(f64) -> f64) -> Made {
    let whole = |v: f64| {
        let fits = v >= f64::from(i32::MIN) && v <= f64::from(i32::MAX);
        if fits { Ok(v as i32) } else { Err(RANGE) }
    };
    let micro = |v: f64| (v * 1e6).round_ties_even() / 1e6;
    let (exact_months, exact_days) = (scale(i.months.into()), scale(i.days.into()));
    let (months, mut days) = (whole(exact_months)?, whole(exact_days)?);
    let more_days = micro((exact_months - f64::from(months)) * 30.0);
    let mut seconds = micro((exact_days - f64::from(days) + more_days - more_days.trunc()) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        let whole = (seconds / 86_400.0).trunc();
        days = days.checked_add(whole as i32).ok_or(RANGE)?;
        seconds -= whole * 86_400.0;
    }
    days = days.checked_add(more_days as i32).ok_or(RANGE)?;
    let micros = (scale(i.micros as f64) + seconds * 1e6).round_ties_even();
    if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros) {
        return Err(RANGE);
    }
    Ok(packed(Interval { months, days, micros: micros as i64 }))
}

fn part(unit: Unit, i: Interval) -> f64 {
    let (year, month) = (i.months / 12, i.months % 12);
    let (second, micros) = (i.micros / 1_000_000, i.micros % 1_000_000);
    match unit {
        Unit::Microseconds => (second % 60 * 1_000_000 + micros) as f64,
        Unit::Milliseconds => (second % 60) as f64 * 1000.0 + micros as f64 / 1000.0,
        Unit::Second => (second % 60) as f64 + micros as f64 / 1e6,
        Unit::Minute => (second / 60 % 60) as f64,
        Unit::Hour => (second / 3600) as f64,
        Unit::Day => i.days.into(),
        Unit::Month => month.into(),
        Unit::Quarter => (month / 3 + 1).into(),
        Unit::Year => year.into(),
        Unit::Decade => (year / 10).into(),
        Unit::Century => (year / 100).into(),
        Unit::Millennium => (year / 1000).into(),
        Unit::Epoch => {
            // A year of 365.25 days, a month of 30.
            let years = 365.25 * 86_400.0 * f64::from(year) + 30.0 * 86_400.0 * f64::from(month);
            i.micros as f64 / 1e6 + years + 86_400.0 * f64::from(i.days)
        }
        _ => f64::NAN,
    }
}

fn truncated(unit: Unit, i: Interval) -> Interval {
    let months = |of: i32| Interval { months: i.months / of * of, days: 0, micros: 0 };
    let micros = |of: i64| Interval { micros: i.micros / of * of, ..i };
    match unit {
        Unit::Milliseconds => micros(1000),
        Unit::Second => micros(1_000_000),
        Unit::Minute => micros(60_000_000),
        Unit::Hour => micros(3_600_000_000),
        Unit::Day => Interval { micros: 0, ..i },
        Unit::Month => months(1),
        Unit::Quarter => months(3),
        Unit::Year => months(12),
        Unit::Decade => months(120),
        Unit::Century => months(1200),
        Unit::Millennium => months(12_000),
        _ => i,
    }
}
