//! Moments in UTC, in the proleptic Gregorian calendar.

use super::{Made, impossible};
use crate::error::ErrorCode;
use crate::query::{Function, Unit};
use crate::value::timestamp::{civil_from_days, days_from_civil, days_of};
use crate::value::{Cell, Value};

const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;
/// Day 0 of the Julian calendar, 24 November 4714 BC: the first that PostgreSQL has.
pub(super) const FIRST_DAY: i64 = -2_440_588;

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    Ok(match (f, args) {
        (F::DateTrunc(unit), [Cell::Timestamp(t)]) => Value::Timestamp(start_of(unit, *t)?),
        (F::Extract(unit), [Cell::Timestamp(t)]) => Value::Float(part(unit, *t)),
        (F::AddInterval, [Cell::Timestamp(t), Cell::Int(months), Cell::Int(days), Cell::Int(micros)]) => {
            Value::Timestamp(add(*t, small(*months)?, small(*days)?, *micros)?)
        }
        (F::DiffSeconds, [Cell::Timestamp(a), Cell::Timestamp(b)]) => {
            let micros = a.checked_sub(*b).ok_or(ErrorCode::TimestampRange)?;
            // Days apart, as in PostgreSQL's intervals.
            Value::Float((micros % DAY) as f64 / 1e6 + 86_400.0 * (micros / DAY) as f64)
        }
        (
            F::MakeTimestamp,
            [Cell::Int(year), Cell::Int(month), Cell::Int(day), Cell::Int(hour), Cell::Int(minute), Cell::Float(second)],
        ) => {
            let [year, month, day] = [small(*year)?, small(*month)?, small(*day)?];
            let time = time(small(*hour)?, small(*minute)?, *second).ok_or(ErrorCode::TimestampRange)?;
            // Year −1 is 1 BC, and there is none between it and year 1.
            let year = if year < 0 { year + 1 } else { year - i64::from(year == 0) * 1_000_000 };
            if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
                return Err(ErrorCode::TimestampRange);
            }
            Value::Timestamp(moment(days_from_civil(year, month, day), time)?)
        }
        _ => impossible(),
    })
}

/// An integer that PostgreSQL holds in 32 bits.
fn small(v: i64) -> Result<i64, ErrorCode> {
    i32::try_from(v).map(i64::from).map_err(|_| ErrorCode::NumericOverflow)
}

/// Microseconds since 1970 of a day since 1970 and microseconds into it.
fn moment(day: i64, time: i64) -> Result<i64, ErrorCode> {
    let micros = day.checked_mul(DAY).and_then(|d| d.checked_add(time));
    micros.filter(|_| day >= FIRST_DAY).ok_or(ErrorCode::TimestampRange)
}

/// Microseconds into the day; up to midnight of the next.
fn time(hour: i64, minute: i64, second: f64) -> Option<i64> {
    let micros = (second * 1e6).round_ties_even();
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..=60e6).contains(&micros) {
        return None;
    }
    let time = (hour * 60 + minute) * 60 * SECOND + micros as i64;
    (time <= DAY).then_some(time)
}

fn start_of(unit: Unit, t: i64) -> Result<i64, ErrorCode> {
    let day = t.div_euclid(DAY);
    let cut = |unit: i64| Ok(t - t.rem_euclid(unit));
    let (year, month, _) = civil_from_days(day);
    // Years of a century count from 1, those of a decade from 0.
    let first = |years: i64, from: i64| (year - from).div_euclid(years) * years + from;
    let (year, month) = match unit {
        Unit::Milliseconds => return cut(1000),
        Unit::Second => return cut(SECOND),
        Unit::Minute => return cut(60 * SECOND),
        Unit::Hour => return cut(3600 * SECOND),
        Unit::Day => return cut(DAY),
        Unit::Week => return moment(day - weekday(day), 0),
        Unit::Month => (year, month),
        Unit::Quarter => (year, (month - 1) / 3 * 3 + 1),
        Unit::Year => (year, 1),
        Unit::Decade => (first(10, 0), 1),
        Unit::Century => (first(100, 1), 1),
        Unit::Millennium => (first(1000, 1), 1),
        _ => return Ok(t),
    };
    moment(days_from_civil(year, month, 1), 0)
}

/// Days since Monday; 1970 began on a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Year and week by ISO 8601: a week belongs to the year of its Thursday.
pub(super) fn iso_week(day: i64) -> (i64, i64) {
    let thursday = day - weekday(day) + 3;
    let year = civil_from_days(thursday).0;
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}

pub(super) fn part(unit: Unit, t: i64) -> f64 {
    let (day, time) = (t.div_euclid(DAY), t.rem_euclid(DAY));
    let (year, month, of_month) = civil_from_days(day);
    // There is no year 0: before year 1 comes −1, which is 1 BC.
    let named = |year: i64| if year > 0 { year } else { year - 1 };
    let ordinal = |years: i64| {
        let before = (year - 1).div_euclid(years);
        if year > 0 { before + 1 } else { before }
    };
    let (second, micros) = (time / SECOND % 60, time % SECOND);
    let whole = match unit {
        Unit::Epoch => return t as f64 / 1e6,
        Unit::Second => return second as f64 + micros as f64 / 1e6,
        Unit::Milliseconds => return second as f64 * 1000.0 + micros as f64 / 1000.0,
        Unit::Julian => {
            let seconds = (time / SECOND) as f64 + micros as f64 / 1e6;
            return (day - FIRST_DAY) as f64 + seconds / 86_400.0;
        }
        Unit::Microseconds => second * SECOND + micros,
        Unit::Minute => time / (60 * SECOND) % 60,
        Unit::Hour => time / (3600 * SECOND),
        Unit::Day => of_month,
        Unit::Week => iso_week(day).1,
        Unit::Month => month,
        Unit::Quarter => (month - 1) / 3 + 1,
        Unit::Year => named(year),
        Unit::IsoYear => named(iso_week(day).0),
        Unit::Decade => year.div_euclid(10),
        Unit::Century => ordinal(100),
        Unit::Millennium => ordinal(1000),
        Unit::DayOfWeek => (weekday(day) + 1) % 7,
        Unit::IsoDayOfWeek => weekday(day) + 1,
        Unit::DayOfYear => day - days_from_civil(year, 1, 1) + 1,
    };
    whole as f64
}

pub(super) fn add(t: i64, months: i64, days: i64, micros: i64) -> Result<i64, ErrorCode> {
    let (mut day, time) = (t.div_euclid(DAY), t.rem_euclid(DAY));
    if months != 0 {
        let (year, month, of_month) = civil_from_days(day);
        let month = year * 12 + month - 1 + months;
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        day = days_from_civil(year, month, of_month.min(days_of(year, month)));
        moment(day, time)?;
    }
    let sum = moment(day + days, time)?.checked_add(micros).ok_or(ErrorCode::TimestampRange)?;
    if sum.div_euclid(DAY) < FIRST_DAY { Err(ErrorCode::TimestampRange) } else { Ok(sum) }
}
