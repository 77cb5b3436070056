//! Casts, with the standard library's reading and writing of numbers.

use super::moment;
use super::{decimal, json, out_of_range};
use crate::error::{Error, ErrorCode, Result};
use crate::query::CastTo;
use crate::value::{
    Interval, Value, canonical_json, decimal_text, parse_date, parse_decimal, parse_time, parse_timestamp, parse_uuid,
};

pub(super) fn cast(to: CastTo, value: &Value) -> Result<Value> {
    Ok(match (to, value) {
        (CastTo::Text, value) => Value::text(text(value)),
        (CastTo::Int | CastTo::BigInt, Value::Int(v)) => Value::Int(*v),
        (CastTo::Int | CastTo::BigInt, Value::Bool(v)) => Value::Int(if *v { 1 } else { 0 }),
        (CastTo::Int | CastTo::BigInt, Value::Float(v)) => {
            let wide = v.round_ties_even() as i128;
            if v.is_nan() { return Err(out_of_range()) } else { super::integer(wide)? }
        }
        (CastTo::Int | CastTo::BigInt, Value::Text(t)) => {
            let t = bare(t);
            match t.parse::<i128>() {
                Ok(v) => super::integer(v)?,
                // So many digits that not even twice the bits hold them.
                Err(_) if t.len() > 30 && t.trim_start_matches(['+', '-']).chars().all(|c| c.is_ascii_digit()) => {
                    return Err(out_of_range());
                }
                Err(_) => return Err(unread(t)),
            }
        }
        (CastTo::Float, Value::Float(v)) => Value::Float(*v),
        (CastTo::Float, Value::Int(v)) => Value::Float(*v as f64),
        (CastTo::Float, Value::Text(t)) => Value::Float(float(bare(t))?),
        (CastTo::Bool, Value::Bool(v)) => Value::Bool(*v),
        (CastTo::Bool, Value::Int(v)) => Value::Bool(*v != 0),
        (CastTo::Bool, Value::Text(t)) => {
            let words = |list: &str| list.split(' ').any(|w| w.eq_ignore_ascii_case(bare(t)));
            if words("t tr tru true y ye yes on 1") {
                Value::Bool(true)
            } else if words("f fa fal fals false n no of off 0") {
                Value::Bool(false)
            } else {
                return Err(unread(t));
            }
        }
        (CastTo::Timestamp, Value::Timestamp(v)) => Value::Timestamp(*v),
        (CastTo::Timestamp, Value::Text(t)) => Value::Timestamp(parse_timestamp(bare(t)).ok_or_else(|| unread(t))?),
        (CastTo::Int | CastTo::BigInt, v @ Value::Decimal(_)) => decimal::integer(v)?,
        (CastTo::Float, v @ Value::Decimal(_)) => decimal::float(v)?,
        (CastTo::Decimal, v @ (Value::Int(_) | Value::Decimal(_))) => decimal::Long::of(v).value()?,
        (CastTo::Timestamp, Value::Date(d)) => Value::Timestamp(d * 86_400_000_000),
        (CastTo::Date, Value::Date(_)) | (CastTo::Time, Value::Time(_)) | (CastTo::Uuid, Value::Uuid(_)) => value.clone(),
        (CastTo::Interval, Value::Interval(_)) => value.clone(),
        (CastTo::Interval, Value::Time(t)) => super::span::of([0, 0, i128::from(*t)])?,
        (CastTo::Interval, Value::Text(t)) => Value::Interval(Interval::parse(bare(t)).ok_or_else(|| unread(t))?.pack()),
        (CastTo::Time, Value::Interval(_)) => Value::Time(moment::split(super::span::parts(value)[2]).1),
        (CastTo::Date, Value::Timestamp(t)) => Value::Date(moment::split(*t).0 - 2_440_588),
        (CastTo::Time, Value::Timestamp(t)) => Value::Time(moment::split(*t).1),
        (CastTo::Date, Value::Text(t)) => Value::Date(parse_date(bare(t)).ok_or_else(|| unread(t))?),
        (CastTo::Time, Value::Text(t)) => Value::Time(parse_time(bare(t)).ok_or_else(|| unread(t))?),
        (CastTo::Uuid, Value::Text(t)) => Value::Uuid(parse_uuid(bare(t)).ok_or_else(|| unread(t))?.into()),
        (CastTo::Decimal, Value::Float(v)) => decimal::of_float(*v)?,
        (CastTo::Decimal, Value::Text(t)) => Value::Decimal(parse_decimal(bare(t)).ok_or_else(|| unread(t))?),
        (CastTo::Json, Value::Json(v)) => Value::Json(v.clone()),
        (CastTo::Bool | CastTo::Int | CastTo::BigInt | CastTo::Float | CastTo::Decimal, Value::Json(v)) => {
            match json::parse(v).scalar() {
                Some(Value::Null) => Value::Null,
                Some(Value::Bool(v)) if to == CastTo::Bool => Value::Bool(v),
                Some(number @ Value::Decimal(_)) if to != CastTo::Bool => cast(to, &number)?,
                _ => return Err(Error::new(ErrorCode::InvalidArgument, format!("{v} is no such scalar"))),
            }
        }
        (CastTo::Json, Value::Text(t)) => Value::Json(canonical_json(t.as_bytes()).ok_or_else(|| unread(t))?.into_boxed_str()),
        (to, value) => panic!("{value:?} to {to:?}"),
    })
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c == '\x0b' || c.is_ascii_whitespace())
}

fn unread(text: &str) -> Error {
    Error::new(ErrorCode::InvalidText, format!("{text} does not read as such a value"))
}

/// PostgreSQL takes `inf`, `infinity` and `nan` in any case, as the standard library does, but no sign before `nan`.
fn float(text: &str) -> Result<f64> {
    let signed = text.starts_with(['+', '-']);
    let value: f64 = text.parse().map_err(|_| unread(text))?;
    if value.is_nan() && signed {
        return Err(unread(text));
    }
    let named = text.contains(['i', 'I']);
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let zero = !digits.contains(|c: char| ('1'..='9').contains(&c));
    if value.is_infinite() && !named || value == 0.0 && !zero { Err(out_of_range()) } else { Ok(value) }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Text(t) => t.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Float(v) => float_text(*v),
        Value::Bytes(b) => format!("\\x{}", b.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Value::Json(j) => json::parse(j).show(),
        Value::Decimal(d) => decimal_text(d),
        Value::Uuid(v) => v.to_string(),
        Value::Interval(_) => super::span::text(value),
        Value::Array(..) => super::array::shown(value),
        Value::Date(d) => {
            let (year, month, day) = moment::date(d + 2_440_588);
            let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
            format!("{year:04}-{month:02}-{day:02}{era}")
        }
        Value::Time(t) => {
            let (second, micros) = (t / 1_000_000, t % 1_000_000);
            let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() };
            format!("{:02}:{:02}:{:02}{fraction}", second / 3600, second / 60 % 60, second % 60)
        }
        Value::Timestamp(v) => {
            let (day, time) = moment::split(*v);
            let (year, month, of_month) = moment::date(day);
            let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
            let (second, micros) = (time / 1_000_000, time % 1_000_000);
            let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() };
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            format!("{year:04}-{month:02}-{of_month:02} {hour:02}:{minute:02}:{second:02}{fraction}+00{era}")
        }
        Value::Null => panic!("null has no text"),
    }
}

fn float_text(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let shortest = format!("{v:e}");
    let (mantissa, exponent) = shortest.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..15).contains(&exponent) {
        return format!("{}", v + 0.0);
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
