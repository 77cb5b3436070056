//! Moments, by Julian day numbers, as PostgreSQL reckons.

use super::{out_of_range, undefined};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Function, Unit};
use crate::value::Value;

const DAY: i64 = 86_400_000_000;
/// Julian day of 1 January 1970.
const EPOCH: i64 = 2_440_588;

/// Julian day of a date; year 0 is 1 BC.
fn julian(year: i64, month: i64, day: i64) -> i64 {
    let (y, m) = if month > 2 { (year + 4800, month + 1) } else { (year + 4799, month + 13) };
    let century = y.div_euclid(100);
    let leaps = y.div_euclid(4) - century + century.div_euclid(4);
    y * 365 - 32_167 + leaps + 7834 * m / 256 + day
}

/// The date of a Julian day, sought from an estimate.
pub(super) fn date(day: i64) -> (i64, i64, i64) {
    let mut year = -4800 + (day + 32_045) * 400 / 146_097;
    while julian(year, 1, 1) > day {
        year -= 1;
    }
    while julian(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|m| julian(year, *m, 1) <= day).expect("a month");
    (year, month, day - julian(year, month, 1) + 1)
}

fn length(year: i64, month: i64) -> i64 {
    if month == 12 { 31 } else { julian(year, month + 1, 1) - julian(year, month, 1) }
}

/// Julian day and microseconds into it.
pub(super) fn split(moment: i64) -> (i64, i64) {
    (moment.div_euclid(DAY) + EPOCH, moment.rem_euclid(DAY))
}

fn joined(day: i64, time: i64) -> Result<i64> {
    let micros = i128::from(day - EPOCH) * i128::from(DAY) + i128::from(time);
    let range = || Error::new(ErrorCode::TimestampRange, "timestamp out of range");
    if day < 0 {
        return Err(range());
    }
    i64::try_from(micros).map_err(|_| range())
}

/// A date so many days later: one whose midnights are moments.
pub(super) fn day(date: i64, days: i64) -> Result<Value> {
    let out = || Error::new(ErrorCode::TimestampRange, "date out of range");
    let later = date.checked_add(days).ok_or_else(out)?;
    // Julian days from 0 on, up to the last that has both its midnights.
    if later < -EPOCH || (i128::from(later) + 1) * i128::from(DAY) > i128::from(i64::MAX) {
        return Err(out());
    }
    Ok(Value::Date(later))
}

fn int(value: &Value) -> i64 {
    if let Value::Int(v) = value { *v } else { panic!("{value:?} is no integer") }
}

/// An integer of 32 bits.
fn int4(value: &Value) -> Result<i64> {
    let v = int(value);
    if i64::from(v as i32) == v { Ok(v) } else { Err(out_of_range()) }
}

pub(super) fn call(function: Function, moment: i64, rest: &[Value]) -> Result<Value> {
    Ok(match (function, rest) {
        (Function::ToChar, [Value::Text(template)]) => super::template::to_char(moment, template)?,
        (Function::DateTrunc(unit), []) => Value::Timestamp(truncated(unit, moment)?),
        (Function::Extract(unit), []) => Value::Float(part(unit, moment)),
        (Function::AddInterval, [months, days, micros]) => {
            Value::Timestamp(add(moment, int4(months)?, int4(days)?, int(micros))?)
        }
        (Function::DiffSeconds, [Value::Timestamp(other)]) => {
            let between = i128::from(moment) - i128::from(*other);
            let Ok(between) = i64::try_from(between) else {
                return Err(Error::new(ErrorCode::TimestampRange, "interval out of range"));
            };
            let days = between / DAY;
            Value::Float((between - days * DAY) as f64 / 1_000_000.0 + days as f64 * 86_400.0)
        }
        _ => panic!("{function:?} of a moment and {rest:?}"),
    })
}

pub(super) fn make(args: &[Value]) -> Result<Value> {
    let fields = args[..5].iter().map(int4).collect::<Result<Vec<_>>>()?;
    let [year, month, day, hour, minute] = fields[..] else { panic!("five fields") };
    let Value::Float(second) = args[5] else { panic!("seconds are a float") };
    let wrong = || Error::new(ErrorCode::TimestampRange, "field value out of range");
    let astronomical = match year {
        0 => return Err(wrong()),
        y if y < 0 => y + 1,
        y => y,
    };
    if !(1..=12).contains(&month) || day < 1 || day > length(astronomical, month) {
        return Err(wrong());
    }
    let micros = call_round(second * 1e6);
    if !(0..=24).contains(&hour) || !(0..=59).contains(&minute) || micros.is_nan() || !(0.0..=6e7).contains(&micros) {
        return Err(wrong());
    }
    let time = hour * 3_600_000_000 + minute * 60_000_000 + micros as i64;
    if time > DAY {
        return Err(wrong());
    }
    joined(julian(astronomical, month, day), time).map(Value::Timestamp)
}

fn call_round(v: f64) -> f64 {
    super::number::call(Function::Round, v, &[]).unwrap_or(v)
}

pub(super) fn add(moment: i64, months: i64, days: i64, micros: i64) -> Result<i64> {
    let (mut at, time) = split(moment);
    if months != 0 {
        let (mut year, mut month, day) = date(at);
        year += months / 12;
        month += months % 12;
        if month > 12 {
            (year, month) = (year + 1, month - 12);
        }
        if month < 1 {
            (year, month) = (year - 1, month + 12);
        }
        at = julian(year, month, day.min(length(year, month)));
        joined(at, time)?;
    }
    at += days;
    let sum = i128::from(joined(at, time)?) + i128::from(micros);
    let (day, time) = (sum.div_euclid(i128::from(DAY)), sum.rem_euclid(i128::from(DAY)));
    joined(i64::try_from(day).map_err(|_| undefined("far"))? + EPOCH, time as i64)
}

fn truncated(unit: Unit, moment: i64) -> Result<i64> {
    let (day, time) = split(moment);
    let (year, month, _) = date(day);
    let keep = |micros: i64| joined(day, time - time % micros);
    // The first year of the span that a year is in.
    let back = |fits: &dyn Fn(i64) -> bool| (0..).map(|n| year - n).find(|y| fits(*y)).expect("a year");
    match unit {
        Unit::Microseconds => Ok(moment),
        Unit::Milliseconds => keep(1_000),
        Unit::Second => keep(1_000_000),
        Unit::Minute => keep(60_000_000),
        Unit::Hour => keep(3_600_000_000),
        Unit::Day => joined(day, 0),
        Unit::Week => joined(day - day.rem_euclid(7), 0),
        Unit::Month => joined(julian(year, month, 1), 0),
        Unit::Quarter => joined(julian(year, [1, 4, 7, 10][(month as usize - 1) / 3], 1), 0),
        Unit::Year => joined(julian(year, 1, 1), 0),
        Unit::Decade => joined(julian(back(&|y| y % 10 == 0), 1, 1), 0),
        Unit::Century => joined(julian(back(&|y| (y - 1) % 100 == 0), 1, 1), 0),
        Unit::Millennium => joined(julian(back(&|y| (y - 1) % 1000 == 0), 1, 1), 0),
        other => panic!("nothing is cut to {other:?}"),
    }
}

/// Year and week of ISO 8601, counted from the Monday of the week that has 4 January in it.
fn iso(day: i64) -> (i64, i64) {
    let first = |year: i64| julian(year, 1, 4) - julian(year, 1, 4).rem_euclid(7);
    let year = date(day).0;
    let year = [year + 1, year, year - 1].into_iter().find(|y| first(*y) <= day).expect("a year");
    (year, (day - first(year)) / 7 + 1)
}

/// PostgreSQL's year without a zero.
fn without_zero(year: i64) -> i64 {
    if year <= 0 { year - 1 } else { year }
}

pub(super) fn part(unit: Unit, moment: i64) -> f64 {
    let (day, time) = split(moment);
    let (year, month, of_month) = date(day);
    let (hour, minute, micros) = (time / 3_600_000_000, time / 60_000_000 % 60, time % 60_000_000);
    let (second, fraction) = (micros / 1_000_000, micros % 1_000_000);
    match unit {
        Unit::Microseconds => micros as f64,
        Unit::Milliseconds => second as f64 * 1000.0 + fraction as f64 / 1000.0,
        Unit::Second => second as f64 + fraction as f64 / 1_000_000.0,
        Unit::Minute => minute as f64,
        Unit::Hour => hour as f64,
        Unit::Day => of_month as f64,
        Unit::Week => iso(day).1 as f64,
        Unit::Month => month as f64,
        Unit::Quarter => ((month + 2) / 3) as f64,
        Unit::Year => without_zero(year) as f64,
        Unit::IsoYear => without_zero(iso(day).0) as f64,
        Unit::Decade => (year as f64 / 10.0).floor(),
        Unit::Century if year > 0 => ((year + 99) / 100) as f64,
        Unit::Century => -((99 - (year - 1)) / 100) as f64,
        Unit::Millennium if year > 0 => ((year + 999) / 1000) as f64,
        Unit::Millennium => -((999 - (year - 1)) / 1000) as f64,
        Unit::DayOfWeek => ((day + 1) % 7) as f64,
        Unit::IsoDayOfWeek => (day % 7 + 1) as f64,
        Unit::DayOfYear => (day - julian(year, 1, 1) + 1) as f64,
        Unit::Epoch => moment as f64 / 1_000_000.0,
        Unit::Julian => {
            let seconds = ((hour * 60 + minute) * 60 + second) as f64 + fraction as f64 / 1_000_000.0;
            day as f64 + seconds / 86_400.0
        }
    }
}
