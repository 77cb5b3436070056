//! Texts, in characters that are Unicode code points.

use super::{MAX_TEXT, Made, impossible, trim};
use crate::error::ErrorCode;
use crate::operator::like;
use crate::query::Function;
use crate::value::{Cell, Value};

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    Ok(match (f, args) {
        (F::Length | F::OctetLength, [Cell::Bytes(v)]) => Value::Int(v.len() as i64),
        (F::Chr, [Cell::Int(code)]) => {
            let c = u32::try_from(*code).ok().filter(|c| *c != 0).and_then(char::from_u32);
            Value::text(c.ok_or(ErrorCode::InvalidArgument)?.to_string())
        }
        (_, [Cell::Text(text)]) => of_text(f, text),
        (F::Like, [Cell::Text(text), Cell::Text(pattern)]) => Value::Bool(like::matches(text, pattern)),
        (F::ILike, [Cell::Text(text), Cell::Text(pattern)]) => Value::Bool(like::matches_folded(text, pattern)),
        (F::Concat, [Cell::Text(a), Cell::Text(b)]) => super::join([*a, *b].into_iter(), "")?,
        (F::StartsWith, [Cell::Text(text), Cell::Text(start)]) => Value::Bool(text.starts_with(start)),
        (F::Strpos, [Cell::Text(text), Cell::Text(part)]) => {
            Value::Int(text.find(part).map_or(0, |at| text[..at].chars().count() as i64 + 1))
        }
        (F::Trim | F::LTrim | F::RTrim, [Cell::Text(text), Cell::Text(set)]) => trimmed(f, text, set),
        (F::Left, [Cell::Text(text), Cell::Int(n)]) => Value::text(&text[..from_start(text, *n)]),
        (F::Right, [Cell::Text(_), Cell::Int(0)]) => Value::text(""),
        (F::Right, [Cell::Text(text), Cell::Int(n)]) => Value::text(&text[from_start(text, n.saturating_neg())..]),
        (F::Repeat, [Cell::Text(text), Cell::Int(n)]) => {
            let n = if text.is_empty() { 0 } else { usize::try_from((*n).max(0)).unwrap_or(usize::MAX) };
            room(text.len().saturating_mul(n))?;
            Value::text(text.repeat(n))
        }
        (F::LPad | F::RPad, [Cell::Text(text), Cell::Int(n)]) => pad(f, text, *n, " ")?,
        (F::LPad | F::RPad, [Cell::Text(text), Cell::Int(n), Cell::Text(fill)]) => pad(f, text, *n, fill)?,
        (F::Substring, [Cell::Text(text), Cell::Int(from)]) => {
            Value::text(&text[from_start(text, from.saturating_sub(1).max(0))..])
        }
        (F::Substring, [Cell::Text(text), Cell::Int(from), Cell::Int(n)]) => {
            if *n < 0 {
                return Err(ErrorCode::InvalidArgument);
            }
            let (first, end) = (from.saturating_sub(1), from.saturating_sub(1).saturating_add(*n).max(0));
            let rest = &text[from_start(text, first.max(0))..];
            Value::text(&rest[..from_start(rest, end - first.max(0).min(end))])
        }
        (F::Replace, [Cell::Text(text), Cell::Text(from), Cell::Text(to)]) => {
            if from.is_empty() {
                return Ok(Value::text(*text));
            }
            if to.len() > from.len() {
                room((to.len() - from.len()).saturating_mul(text.matches(from).count()).saturating_add(text.len()))?;
            }
            Value::text(text.replace(from, to))
        }
        (F::SplitPart, [Cell::Text(text), Cell::Text(between), Cell::Int(n)]) => Value::text(field(text, between, *n)?),
        _ => impossible(),
    })
}

fn of_text(f: Function, text: &str) -> Value {
    match f {
        Function::Lower => Value::text(text.to_lowercase()),
        Function::Upper => Value::text(text.to_uppercase()),
        Function::Length => Value::Int(text.chars().count() as i64),
        Function::OctetLength => Value::Int(text.len() as i64),
        Function::Ascii => Value::Int(text.chars().next().map_or(0, |c| c as i64)),
        Function::Reverse => {
            let mut out = String::with_capacity(text.len());
            for c in text.chars().rev() {
                out.push(c);
            }
            Value::text(out)
        }
        Function::Trim | Function::LTrim | Function::RTrim => trimmed(f, text, " "),
        Function::InitCap => {
            let mut within = false;
            let mut out = String::with_capacity(text.len());
            for c in text.chars() {
                let first = !std::mem::replace(&mut within, c.is_alphabetic() || c.is_ascii_digit());
                out.push(if first { one(c.to_uppercase(), c) } else { one(c.to_lowercase(), c) });
            }
            Value::text(out)
        }
        _ => impossible(),
    }
}

/// What a character becomes, if it is one character.
fn one(mut cased: impl Iterator<Item = char>, c: char) -> char {
    match (cased.next(), cased.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn room(bytes: usize) -> Result<(), ErrorCode> {
    if bytes > MAX_TEXT { Err(ErrorCode::ValueTooLarge) } else { Ok(()) }
}

/// Offset behind the first so many characters, or, if negative, before the last so many.
fn from_start(text: &str, n: i64) -> usize {
    let skip = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    if n >= 0 {
        text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at)
    } else {
        text.char_indices().nth_back(skip - 1).map_or(0, |(at, _)| at)
    }
}

fn trimmed(f: Function, text: &str, set: &str) -> Value {
    Value::text(trim(text, f != Function::RTrim, f != Function::LTrim, |c| set.contains(c)))
}

fn pad(f: Function, text: &str, n: i64, fill: &str) -> Made {
    let n = n.max(0);
    let have = text.chars().count() as i64;
    if have >= n || fill.is_empty() {
        return Ok(Value::text(&text[..from_start(text, n)]));
    }
    // No character is shorter than a byte.
    let missing = usize::try_from(n - have).unwrap_or(usize::MAX);
    room(missing.saturating_add(text.len()))?;
    let mut out = String::new();
    if f == Function::RPad {
        out.push_str(text);
    }
    let mut letters = fill.chars();
    for _ in 0..missing {
        let c = letters.next().or_else(|| {
            letters = fill.chars();
            letters.next()
        });
        out.extend(c);
    }
    if f == Function::LPad {
        out.push_str(text);
    }
    room(out.len())?;
    Ok(Value::text(out))
}

fn field<'a>(text: &'a str, between: &str, n: i64) -> Result<&'a str, ErrorCode> {
    let skip = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    match n {
        0 => Err(ErrorCode::InvalidArgument),
        1 | -1 if between.is_empty() => Ok(text),
        _ if between.is_empty() => Ok(""),
        1.. => Ok(text.split(between).nth(skip - 1).unwrap_or("")),
        // From the end, but cut from the start: where separators overlap, it matters.
        _ => {
            let count = text.split(between).count();
            Ok(count.checked_sub(skip).and_then(|at| text.split(between).nth(at)).unwrap_or(""))
        }
    }
}
