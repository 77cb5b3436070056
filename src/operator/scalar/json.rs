//! JSON values, read as the canonical text that they are kept in: paths skip what they do not lead to.
//!
//! Canonical text has one spelling of a value, so keys and scalars are compared as bytes.

use super::cast::is_blank;
use super::{Made, impossible, integer, trim};
use crate::error::ErrorCode;
use crate::query::Function;
use crate::value::json::escape;
use crate::value::json_parts::parts;
use crate::value::{Cell, Value, lex};

pub(super) fn call(f: Function, args: &[Cell<'_>]) -> Made {
    use Function as F;
    Ok(match (f, args) {
        (F::JsonGet | F::JsonGetText, [Cell::Json(v), step]) => {
            let found = match step {
                Cell::Text(key) => member(v, key),
                Cell::Int(at) => element_or_self(v, *at),
                _ => impossible(),
            };
            given(f == F::JsonGetText, found)
        }
        (F::JsonPath | F::JsonPathText, [Cell::Json(v), path @ ..]) => {
            let found = path.iter().try_fold(*v, |v, step| match step {
                Cell::Text(step) => match v.as_bytes()[0] {
                    b'{' => member(v, step),
                    b'[' => element(v, index(step)?),
                    _ => None,
                },
                _ => None,
            });
            given(f == F::JsonPathText, found)
        }
        (F::JsonTypeof, [Cell::Json(v)]) => Value::text(match v.as_bytes()[0] {
            b'{' => "object",
            b'[' => "array",
            b'"' => "string",
            b't' | b'f' => "boolean",
            b'n' => "null",
            _ => "number",
        }),
        (F::JsonArrayLength, [Cell::Json(v)]) if v.starts_with('[') => Value::Int(parts(v).count() as i64),
        (F::JsonArrayLength, _) => return Err(ErrorCode::InvalidArgument),
        (F::JsonContains, [Cell::Json(a), Cell::Json(b)]) => {
            // The one exception to "of one kind": an array contains a scalar that it has.
            let scalar = !b.starts_with(['{', '[']);
            Value::Bool(if scalar && a.starts_with('[') { parts(a).any(|p| p.value == *b) } else { contains(a, b) })
        }
        (F::JsonExists, [Cell::Json(v), Cell::Text(key)]) => {
            let key = quoted(key);
            Value::Bool(match v.as_bytes()[0] {
                b'{' => parts(v).any(|p| p.key == key),
                b'[' => parts(v).any(|p| p.value == key),
                _ => *v == key,
            })
        }
        _ => impossible(),
    })
}

/// What was found, as json or as text; nothing, and null as text, is null.
fn given(text: bool, found: Option<&str>) -> Value {
    match found {
        None => Value::Null,
        Some(v) if !text => Value::Json(v.into()),
        Some("null") => Value::Null,
        Some(v) if v.starts_with('"') => {
            let mut out = Vec::with_capacity(v.len());
            // Canonical text has no bad escapes.
            let _ = lex::unescape(v.as_bytes(), 1, v.len() - 1, &mut out);
            Value::text(String::from_utf8_lossy(&out))
        }
        Some(v) => Value::text(shown(v)),
    }
}

/// Canonical text of a string.
fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    escape(text.as_bytes(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn member<'a>(v: &'a str, key: &str) -> Option<&'a str> {
    if !v.starts_with('{') {
        return None;
    }
    let key = quoted(key);
    parts(v).find(|p| p.key == key).map(|p| p.value)
}

fn element(v: &str, at: i64) -> Option<&str> {
    let at = match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => parts(v).count().checked_sub(usize::try_from(at.unsigned_abs()).ok()?)?,
    };
    parts(v).nth(at).map(|p| p.value)
}

/// As PostgreSQL, which takes a scalar for an array of one here.
fn element_or_self(v: &str, at: i64) -> Option<&str> {
    match v.as_bytes()[0] {
        b'[' => element(v, at),
        b'{' => None,
        _ => (at == 0 || at == -1).then_some(v),
    }
}

/// A step of a path as an index: blanks in front and a sign are allowed.
fn index(step: &str) -> Option<i64> {
    let index = integer(trim(step, true, false, is_blank)).ok()?;
    i32::try_from(index).ok().map(i64::from)
}

/// `@>`: kinds are the same, scalars equal, every member and element of `b` is contained in one of `a`.
/// Cost: elements of `a` × elements of `b`.
fn contains(a: &str, b: &str) -> bool {
    match (a.as_bytes()[0], b.as_bytes()[0]) {
        (b'{', b'{') => parts(b).all(|b| parts(a).any(|a| a.key == b.key && contains(a.value, b.value))),
        (b'[', b'[') => parts(b).all(|b| parts(a).any(|a| contains(a.value, b.value))),
        _ => a == b,
    }
}

/// As PostgreSQL shows it: a blank behind `,` and `:`, and numbers without exponent.
pub(super) fn shown(v: &str) -> String {
    let bytes = v.as_bytes();
    let mut out = String::with_capacity(v.len() + v.len() / 8);
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            b'"' => {
                at = lex::string(bytes, at + 1).map_or(bytes.len() - 1, |t| t.end) + 1;
                out.push_str(&v[from..at]);
                continue;
            }
            b'-' | b'0'..=b'9' => {
                at = lex::number(bytes, at).map_or(bytes.len(), |n| n.end);
                plain(&v[from..at], &mut out);
                continue;
            }
            b => {
                out.push(char::from(b));
                if matches!(b, b',' | b':') {
                    out.push(' ');
                }
            }
        }
        at += 1;
    }
    out
}

/// A number with its zeros written out.
fn plain(number: &str, out: &mut String) {
    let Some((mantissa, exponent)) = number.split_once('e') else {
        out.push_str(number);
        return;
    };
    let exponent = integer(exponent).unwrap_or(0);
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |m| (true, m));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = whole.len() as i64 + exponent;
    if negative {
        out.push('-');
    }
    let digits = [whole, fraction].concat();
    match usize::try_from(point) {
        Err(_) | Ok(0) => {
            out.push_str("0.");
            zeros(-point, out);
            out.push_str(&digits);
        }
        Ok(point) if point < digits.len() => {
            out.push_str(&digits[..point]);
            out.push('.');
            out.push_str(&digits[point..]);
        }
        Ok(point) => {
            out.push_str(&digits);
            zeros(point as i64 - digits.len() as i64, out);
        }
    }
}

fn zeros(n: i64, out: &mut String) {
    for _ in 0..n {
        out.push('0');
    }
}
