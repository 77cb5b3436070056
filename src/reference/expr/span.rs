//! Intervals by their three parts, as PostgreSQL reckons.

use std::cmp::Ordering;

use super::{by_zero, moment};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Function, Unit};
use crate::value::{Interval, Value};

const DAY: i64 = 86_400_000_000;

type Parts = [i64; 3];

/// Months, days, microseconds.
pub(crate) fn parts(value: &Value) -> Parts {
    let Value::Interval(packed) = value else { panic!("{value:?} is no interval") };
    let i = Interval::unpack(packed);
    [i.months.into(), i.days.into(), i.micros]
}

fn out() -> Error {
    Error::new(ErrorCode::TimestampRange, "interval out of range")
}

/// Order of a value beside another of its type that was moved by an interval, as `in_range` of PostgreSQL.
pub(crate) fn from_moved(value: &Value, current: &Value, by: &Value, back: bool) -> Ordering {
    let by = parts(by).map(|part| if back { -i128::from(part) } else { part.into() });
    let length = |p: [i128; 3]| (p[0] * 30 + p[1]) * i128::from(DAY) + p[2];
    let of = |v: &Value| length(parts(v).map(i128::from));
    match (value, current) {
        (Value::Interval(_), Value::Interval(_)) => of(value).cmp(&(of(current) + length(by))),
        (Value::Time(v), Value::Time(c)) => i128::from(*v).cmp(&(i128::from(*c) + by[2])),
        (Value::Date(v), Value::Date(c)) => moved_moment(v * DAY, c * DAY, by),
        (Value::Timestamp(v), Value::Timestamp(c)) => moved_moment(*v, *c, by),
        other => panic!("no interval between {other:?}"),
    }
}

fn moved_moment(value: i64, current: i64, by: [i128; 3]) -> Ordering {
    let [months, days, micros] = by.map(|part| part.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
    match moment::add(current, months, days, micros) {
        Ok(edge) => value.cmp(&edge),
        // Out of range: before everything, or behind.
        Err(_) => 0.cmp(&by.iter().sum::<i128>()),
    }
}

/// An interval of these parts.
pub(crate) fn of(parts: [i128; 3]) -> Result<Value> {
    let [months, days, micros] = parts;
    let (Ok(months), Ok(days), Ok(micros)) = (i32::try_from(months), i32::try_from(days), i64::try_from(micros)) else {
        return Err(out());
    };
    Ok(Value::Interval(Interval { months, days, micros }.pack()))
}

fn exact(parts: Parts) -> Result<Value> {
    of(parts.map(i128::from))
}

pub(super) fn call(function: Function, args: &[Value]) -> Result<Value> {
    match (function, args) {
        (Function::AddSpan, [Value::Timestamp(t), span]) => {
            let [months, days, micros] = parts(span);
            moment::add(*t, months, days, micros).map(Value::Timestamp)
        }
        (Function::AddSpan, [Value::Time(t), span]) => {
            let sum = (i128::from(*t) + i128::from(parts(span)[2])) % i128::from(DAY);
            Ok(Value::Time((if sum < 0 { sum + i128::from(DAY) } else { sum }) as i64))
        }
        (Function::DiffMoments, [Value::Time(a), Value::Time(b)]) => exact([0, 0, a - b]),
        (Function::DiffMoments, [Value::Timestamp(a), Value::Timestamp(b)]) => {
            let between = i64::try_from(i128::from(*a) - i128::from(*b)).map_err(|_| out())?;
            exact([0, between / DAY, between - between / DAY * DAY])
        }
        (Function::Add | Function::Sub, [a, b]) => {
            let (a, b) = (parts(a).map(i128::from), parts(b).map(i128::from));
            of(std::array::from_fn(|n| if function == Function::Add { a[n] + b[n] } else { a[n] - b[n] }))
        }
        (Function::Neg, [a]) => of(parts(a).map(|v| -i128::from(v))),
        (Function::ScaleSpan, [a, Value::Float(by)]) => scaled(parts(a), |v| v * by),
        (Function::ShrinkSpan, [_, Value::Float(by)]) if *by == 0.0 => Err(by_zero()),
        (Function::ShrinkSpan, [a, Value::Float(by)]) => scaled(parts(a), |v| v / by),
        (Function::PlainInterval, [a]) => plain(a),
        (Function::Extract(unit), [Value::Time(t)]) => Ok(Value::Float(field(unit, [0, 0, *t]))),
        (Function::Extract(unit), [a]) => Ok(Value::Float(field(unit, parts(a)))),
        (Function::DateTrunc(unit), [a]) => exact(cut(unit, parts(a))),
        _ => panic!("{function:?} of {args:?}"),
    }
}

/// The same length in as many months as possible, then days.
fn plain(value: &Value) -> Result<Value> {
    let [months, days, micros] = parts(value).map(i128::from);
    let day = i128::from(DAY);
    let mut left = months * 30 * day + days * day + micros;
    let mut made = [0; 3];
    for (n, unit) in [30 * day, day, 1].into_iter().enumerate() {
        let most = if n < 2 { i128::from(i32::MAX) } else { i128::from(i64::MAX) };
        made[n] = (left / unit).max(-most - 1).min(most);
        left -= made[n] * unit;
    }
    of(made)
}

/// `interval_mul` and `interval_div` of PostgreSQL, and its averages.
pub(crate) fn scaled(parts: Parts, by: impl Fn(f64) -> f64) -> Result<Value> {
    let near = |v: f64| (v * 1_000_000.0).round_ties_even() / 1_000_000.0;
    let [months, days, micros] = parts.map(|v| by(v as f64));
    let is_int4 = |v: f64| (-2_147_483_648.0..=2_147_483_647.0).contains(&v);
    if !is_int4(months) || !is_int4(days) {
        return Err(out());
    }
    let (whole_months, mut whole_days) = (months as i64, days as i64);
    let month_days = near((months - whole_months as f64) * 30.0);
    let mut seconds = near((days - whole_days as f64 + month_days - (month_days as i64) as f64) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        whole_days += (seconds / 86_400.0) as i64;
        seconds -= (seconds / 86_400.0) as i64 as f64 * 86_400.0;
    }
    whole_days += month_days as i64;
    let time = (micros + seconds * 1_000_000.0).round_ties_even();
    // 2^63 is the first that is none.
    if time.is_nan() || time < -(2f64.powi(63)) || time >= 2f64.powi(63) {
        return Err(out());
    }
    exact([whole_months, whole_days, time as i64])
}

fn field(unit: Unit, [months, days, micros]: Parts) -> f64 {
    let (years, month) = (months / 12, months - months / 12 * 12);
    let minute = micros / 60_000_000;
    let in_minute = micros - minute * 60_000_000;
    let (second, fraction) = (in_minute / 1_000_000, in_minute % 1_000_000);
    match unit {
        Unit::Microseconds => in_minute as f64,
        Unit::Milliseconds => second as f64 * 1000.0 + fraction as f64 / 1000.0,
        Unit::Second => second as f64 + fraction as f64 / 1_000_000.0,
        Unit::Minute => (minute % 60) as f64,
        Unit::Hour => (minute / 60) as f64,
        Unit::Day => days as f64,
        Unit::Month => month as f64,
        Unit::Quarter => (month / 3 + 1) as f64,
        Unit::Year => years as f64,
        Unit::Decade => (years / 10) as f64,
        Unit::Century => (years / 100) as f64,
        Unit::Millennium => (years / 1000) as f64,
        Unit::Epoch => {
            let long = 31_557_600.0 * years as f64 + 2_592_000.0 * month as f64;
            micros as f64 / 1_000_000.0 + long + 86_400.0 * days as f64
        }
        other => panic!("no {other:?} of an interval"),
    }
}

fn cut(unit: Unit, [months, days, micros]: Parts) -> Parts {
    let to = |unit: i64| [months, days, micros - micros % unit];
    let years = |n: i64| [months - months % (12 * n), 0, 0];
    match unit {
        Unit::Microseconds => [months, days, micros],
        Unit::Milliseconds => to(1000),
        Unit::Second => to(1_000_000),
        Unit::Minute => to(60_000_000),
        Unit::Hour => to(3_600_000_000),
        Unit::Day => [months, days, 0],
        Unit::Month => [months, 0, 0],
        Unit::Quarter => [months - months % 3, 0, 0],
        Unit::Year => years(1),
        Unit::Decade => years(10),
        Unit::Century => years(100),
        Unit::Millennium => years(1000),
        other => panic!("no interval is cut to {other:?}"),
    }
}

/// As PostgreSQL prints it.
pub(super) fn text(value: &Value) -> String {
    let [months, days, micros] = parts(value);
    let mut words: Vec<String> = Vec::new();
    let mut signed = false;
    for (n, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if n != 0 {
            words.push(format!("{}{n} {unit}{}", if signed && n > 0 { "+" } else { "" }, if n == 1 { "" } else { "s" }));
            signed = n < 0;
        }
    }
    if micros != 0 || words.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if signed {
            "+"
        } else {
            ""
        };
        let all = micros.unsigned_abs();
        let (second, rest) = (all / 1_000_000, all % 1_000_000);
        let fraction = if rest == 0 { String::new() } else { format!(".{rest:06}").trim_end_matches('0').to_owned() };
        words.push(format!("{sign}{:02}:{:02}:{:02}{fraction}", second / 3600, second / 60 % 60, second % 60));
    }
    words.join(" ")
}
