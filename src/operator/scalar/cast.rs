//! Casts: values of one type as values of another, texts read and written as PostgreSQL does.

use super::{Made, impossible, integer, trim};
use super::{decimal, json};
use crate::error::ErrorCode;
use crate::query::CastTo;
use crate::value::array::array_text;
use crate::value::calendar::DAY;
use crate::value::numeric::Decimal;
use crate::value::{
    Cell, Interval, Value, canonical_json, date_text, decimal_text, float, format_timestamp, parse_date, parse_decimal,
    parse_time, parse_timestamp, parse_uuid, time_text,
};

/// Blanks that may surround a number or a word.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

pub(super) fn cast(to: CastTo, cell: Cell<'_>) -> Made {
    Ok(match (to, cell) {
        (CastTo::Text, _) => Value::text(text(cell)),
        (CastTo::Int | CastTo::BigInt, Cell::Float(v)) => {
            let v = v.round_ties_even();
            // 2^63 is no integer of 64 bits, −2^63 is.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&v) {
                return Err(ErrorCode::NumericOverflow);
            }
            Value::Int(v as i64)
        }
        (CastTo::Int | CastTo::BigInt, Cell::Bool(v)) => Value::Int(v.into()),
        (CastTo::Float, Cell::Int(v)) => Value::Float(v as f64),
        (CastTo::Bool, Cell::Int(v)) => Value::Bool(v != 0),
        (CastTo::Timestamp, Cell::Date(v)) => Value::Timestamp(v * DAY),
        (CastTo::Date, Cell::Timestamp(v)) => Value::Date(v.div_euclid(DAY)),
        (CastTo::Time, Cell::Timestamp(v)) => Value::Time(v.rem_euclid(DAY)),
        (CastTo::Time, Cell::Interval(v)) => Value::Time(Interval::unpack(v).micros.rem_euclid(DAY)),
        (CastTo::Interval, Cell::Time(v)) => Value::Interval(Interval { micros: v, ..Interval::default() }.pack()),
        (CastTo::Decimal, Cell::Int(v)) => decimal::made(&Decimal::of_int(v))?,
        (CastTo::Decimal, Cell::Float(v)) => decimal::made(&Decimal::of_float(v).ok_or(ErrorCode::NumericOverflow)?)?,
        (CastTo::Int | CastTo::BigInt, Cell::Decimal(v)) => {
            Value::Int(Decimal::unpack(v).to_int().ok_or(ErrorCode::NumericOverflow)?)
        }
        (CastTo::Float, Cell::Decimal(v)) => Value::Float(decimal::float(&Decimal::unpack(v))?),
        (_, Cell::Text(text)) => read(to, text)?,
        (CastTo::Bool | CastTo::Int | CastTo::BigInt | CastTo::Float | CastTo::Decimal, Cell::Json(v)) => scalar(to, v)?,
        _ if cell.kind() == Some(to.ty()) => cell.to_value(),
        _ => impossible(),
    })
}

fn read(to: CastTo, text: &str) -> Made {
    let bare = trim(text, true, true, is_blank);
    let value = match to {
        CastTo::Int | CastTo::BigInt => return integer(bare).map(Value::Int),
        CastTo::Float => return number(bare).map(Value::Float),
        CastTo::Bool => truth(bare).map(Value::Bool),
        CastTo::Timestamp => parse_timestamp(bare).map(Value::Timestamp),
        CastTo::Json => canonical_json(text.as_bytes()).map(|t| Value::Json(t.into())),
        CastTo::Text => Some(Value::text(text)),
        CastTo::Decimal => parse_decimal(bare).map(Value::Decimal),
        CastTo::Date => parse_date(bare).map(Value::Date),
        CastTo::Time => parse_time(bare).map(Value::Time),
        CastTo::Interval => Interval::parse(bare).map(|v| Value::Interval(v.pack())),
        CastTo::Uuid => parse_uuid(bare).map(|v| Value::Uuid(v.into())),
    };
    value.ok_or(ErrorCode::InvalidText)
}

/// What a JSON value holds: a number, a boolean, or null.
fn scalar(to: CastTo, json: &str) -> Made {
    match (to, json.as_bytes()[0]) {
        (_, b'n') => Ok(Value::Null),
        (CastTo::Bool, first @ (b't' | b'f')) => Ok(Value::Bool(first == b't')),
        (CastTo::Int | CastTo::BigInt | CastTo::Float | CastTo::Decimal, b'-' | b'0'..=b'9') => {
            let number = parse_decimal(json).ok_or(ErrorCode::NumericOverflow)?;
            cast(to, Cell::Decimal(&number))
        }
        _ => Err(ErrorCode::InvalidArgument),
    }
}

fn number(text: &str) -> Result<f64, ErrorCode> {
    let (negative, size) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let is = |word: &str| size.eq_ignore_ascii_case(word);
    let value = if is("inf") || is("infinity") {
        f64::INFINITY
    } else if is("nan") && size.len() == text.len() {
        f64::NAN
    } else {
        unsigned(size)?
    };
    Ok(if negative { -value } else { value })
}

/// A number without sign: digits, with a point and an exponent or without.
fn unsigned(text: &str) -> Result<f64, ErrorCode> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) || power.is_empty() || !digits(power) {
        return Err(ErrorCode::InvalidText);
    }
    let value = float::parse(text.as_bytes());
    let vanished = value == 0.0 && mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    if value.is_infinite() || vanished { Err(ErrorCode::NumericOverflow) } else { Ok(value) }
}

/// `t`, `tr` … `true`, `y` … `yes`, `on`, `1`, and their opposites.
fn truth(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || text == "on" || text == "1" {
        return Some(true);
    }
    (begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0").then_some(false)
}

fn text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Bool(v) => v.to_string(),
        Cell::Int(v) => v.to_string(),
        Cell::Float(v) => float::spell_sql(v),
        Cell::Text(v) => v.to_owned(),
        Cell::Bytes(v) => {
            let mut out = String::from("\\x");
            for d in v.iter().flat_map(|b| [b >> 4, b & 15]) {
                out.push(char::from(b"0123456789abcdef"[usize::from(d)]));
            }
            out
        }
        Cell::Timestamp(v) => moment(v),
        Cell::Json(v) => json::shown(v),
        Cell::Decimal(v) => decimal_text(v),
        Cell::Date(v) => date_text(v),
        Cell::Time(v) => time_text(v),
        Cell::Uuid(v) => v.to_owned(),
        Cell::Interval(v) => Interval::unpack(v).text(),
        Cell::Array(element, v) => array_text(element, v, text),
        Cell::Null => String::new(),
    }
}

/// An element of an array as a text.
pub(super) fn element_text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Bool(v) => if v { "t" } else { "f" }.to_owned(),
        cell => text(cell),
    }
}

/// `2024-02-29 12:00:00.5+00`, `0044-03-15 00:00:00+00 BC`.
fn moment(micros: i64) -> String {
    let iso = format_timestamp(micros);
    let (sign, iso) = (iso.as_bytes()[0], iso.strip_prefix(['+', '-']).unwrap_or(&iso));
    let (year, rest) = iso.split_at(iso.find('-').unwrap_or(0));
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let time = time.strip_suffix('Z').unwrap_or(time);
    let time = trim(time, false, time.contains('.'), |c| c == '0');
    let number = integer(year).unwrap_or(0);
    let before = sign == b'-' || number == 0;
    let number = if before { number + 1 } else { number };
    let era = if before { " BC" } else { "" };
    let zeros = "000".get(number.to_string().len().min(4) - 1..).unwrap_or_default();
    [zeros, &number.to_string(), date, " ", time, "+00", era].concat()
}
