//! Functions of cells that are null as soon as an argument is: one file a subject, pure, as PostgreSQL 15 computes them.

mod arithmetic;
mod array;
mod cast;
mod date;
pub(super) mod decimal;
mod json;
mod moment;
mod number;
mod number_template;
pub(super) mod span;
mod template;
mod text;

use crate::error::ErrorCode;
use crate::query::{CastTo, Function};
use crate::value::{Cell, Value, decimal_text};

/// Longest text that a function makes, in bytes.
pub(super) const MAX_TEXT: usize = 1 << 24;

type Made = Result<Value, ErrorCode>;

/// Value of a function of arguments of the types of the registry, none of them null. Cost: the size of the arguments and of
/// the result, unless said.
pub fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    match f {
        F::Any
        | F::ArrayContains
        | F::ArrayOverlaps
        | F::Cardinality
        | F::ArrayLength
        | F::ArrayAt
        | F::ArrayPosition
        | F::ArrayToText => array::call(f, args),
        F::IntToDecimal => decimal::call(f, args),
        F::AddDays | F::SubDays | F::DiffDays | F::DateToTimestamp => date::call(f, args),
        F::Cast(to) => cast::cast(to, args[0]),
        F::NumberToChar => {
            let Cell::Text(template) = args[1] else { impossible() };
            match args[0] {
                Cell::Float(x) if x.is_nan() => number_template::to_char("NaN", template),
                Cell::Float(x) if x.is_infinite() => {
                    number_template::to_char(if x > 0.0 { "Infinity" } else { "-Infinity" }, template)
                }
                number => match cast::cast(CastTo::Decimal, number)? {
                    Value::Decimal(packed) => number_template::to_char(&decimal_text(&packed), template),
                    _ => impossible(),
                },
            }
        }
        _ if matches!(args[0], Cell::Decimal(_)) => decimal::call(f, args),
        F::AddSpan | F::DiffMoments => span::call(f, args),
        _ if matches!(args[0], Cell::Interval(_) | Cell::Time(_)) => span::call(f, args),
        F::Add | F::Sub | F::Mul | F::Div | F::Mod | F::Neg | F::Abs | F::IntToFloat => arithmetic::call(f, args),
        F::Round | F::RoundTo | F::Floor | F::Ceil | F::Trunc | F::Sign | F::Power | F::Sqrt | F::Exp | F::Ln => {
            number::call(f, args)
        }
        F::ToChar => match args {
            [Cell::Timestamp(t), Cell::Text(template)] => template::to_char(*t, template),
            _ => impossible(),
        },
        F::DateTrunc(_) | F::Extract(_) | F::AddInterval | F::DiffSeconds | F::MakeTimestamp => moment::call(f, args),
        F::JsonGet
        | F::JsonGetText
        | F::JsonPath
        | F::JsonPathText
        | F::JsonTypeof
        | F::JsonArrayLength
        | F::JsonContains
        | F::JsonExists => json::call(f, args),
        _ => text::call(f, args),
    }
}

/// Joins texts.
pub(super) fn join<'a>(texts: impl Iterator<Item = &'a str>, between: &str) -> Made {
    let mut out = String::new();
    for (i, text) in texts.enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        out.push_str(text);
        if out.len() > MAX_TEXT {
            return Err(ErrorCode::ValueTooLarge);
        }
    }
    Ok(Value::text(out))
}

/// The registry lets no other arguments through. (Without telling which: the texts of all names would be in the binary.)
#[cold]
fn impossible() -> ! {
    unreachable!("a call that does not fit its line of the registry")
}

/// An integer of 64 bits: a sign, or none, and digits.
///
/// # Errors
/// `INVALID_TEXT`, `NUMERIC_OVERFLOW`.
fn integer(text: &str) -> Result<i64, ErrorCode> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(ErrorCode::InvalidText);
    }
    // Negative numbers reach one further.
    let below = digits.iter().try_fold(0i64, |v, d| v.checked_mul(10)?.checked_sub(i64::from(d - b'0')));
    below.and_then(|v| if negative { Some(v) } else { v.checked_neg() }).ok_or(ErrorCode::NumericOverflow)
}

/// A text without the characters of a set in front, at the end, or both.
fn trim(mut text: &str, front: bool, end: bool, set: impl Fn(char) -> bool) -> &str {
    while let Some(c) = text.chars().next().filter(|c| front && set(*c)) {
        text = &text[c.len_utf8()..];
    }
    while let Some(c) = text.chars().next_back().filter(|c| end && set(*c)) {
        text = &text[..text.len() - c.len_utf8()];
    }
    text
}

#[cfg(test)]
mod tests;
