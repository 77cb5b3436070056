//! The order of JSON values, that of PostgreSQL's `jsonb`, read from canonical text.
//!
//! Null, texts, numbers, booleans, arrays, objects. Texts by bytes, numbers by value; of arrays and of objects the shorter first, then
//! element by element, or key and value by key and value (keys as they are kept: shorter ones first). An empty array that is
//! the whole value comes before all others, as there.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::json_parts::parts;
use super::{float, lex, order};

/// Kinds in their order. An empty array by itself has none of these.
fn kind(v: &str) -> u8 {
    match v.as_bytes()[0] {
        b'n' => 1,
        b'"' => 2,
        b't' | b'f' => 4,
        b'[' => 5,
        b'{' => 6,
        _ => 3,
    }
}

/// Ascending. Equal are only values of equal text. Cost: the length of both, up to where they differ.
pub(super) fn json_order(a: &str, b: &str) -> Ordering {
    match (a, b) {
        _ if a == b => Ordering::Equal,
        ("[]", _) => Ordering::Less,
        (_, "[]") => Ordering::Greater,
        _ => nested(a, b),
    }
}

fn nested(a: &str, b: &str) -> Ordering {
    let of = kind(a);
    of.cmp(&kind(b)).then_with(|| match of {
        2 => bare(a).cmp(&bare(b)),
        3 => number(a, b),
        5 | 6 => {
            let length = |v| parts(v).count();
            let each =
                || parts(a).zip(parts(b)).map(|(a, b)| bare(a.key).cmp(&bare(b.key)).then_with(|| nested(a.value, b.value)));
            length(a).cmp(&length(b)).then_with(|| each().find(|o| o.is_ne()).unwrap_or(Ordering::Equal))
        }
        // `false` before `true`.
        _ => a.cmp(b),
    })
}

/// The text of a string, or of nothing.
fn bare(quoted: &str) -> Cow<'_, [u8]> {
    let bytes = quoted.as_bytes();
    let Some(inner) = bytes.get(1..bytes.len().saturating_sub(1)) else { return Cow::Borrowed(&[]) };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    // Canonical text has no bad escapes.
    let _ = lex::unescape(bytes, 1, bytes.len() - 1, &mut out);
    Cow::Owned(out)
}

/// By value, whatever the digits and exponents.
fn number(a: &str, b: &str) -> Ordering {
    let (negative, a_size) = a.strip_prefix('-').map_or((false, a), |size| (true, size));
    let (other, b_size) = b.strip_prefix('-').map_or((false, b), |size| (true, size));
    match (negative, other) {
        (true, true) => magnitude(b_size, a_size),
        (false, false) => magnitude(a_size, b_size),
        _ => other.cmp(&negative),
    }
}

/// Of two numbers without sign: first by the place of the first digit that counts, then by the digits.
fn magnitude(a: &str, b: &str) -> Ordering {
    let read = |v| {
        let (mantissa, exponent) = str::split_once(v, 'e').unwrap_or((v, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        let zeros = digits().take_while(|d| *d == b'0').count();
        // Of zero there is no such place.
        let place = if zeros == whole.len() + fraction.len() {
            i64::MIN
        } else {
            whole.len() as i64 - zeros as i64 + exponent.parse::<i64>().unwrap_or(0)
        };
        (place, whole, fraction, zeros)
    };
    let (a, b) = (read(a), read(b));
    let digits = |(_, whole, fraction, zeros): (i64, &str, &str, usize)| [whole, fraction].concat().split_off(zeros);
    a.0.cmp(&b.0).then_with(|| digits(a).cmp(&digits(b)))
}

/// A word whose order never contradicts that of the values: the kind, and the beginning of a text or the double nearest to a number.
pub(super) fn json_prefix(v: &str) -> u64 {
    let (kind, detail) = match (v, kind(v)) {
        ("[]", _) => (0, 0),
        (_, kind @ 2) => (kind, order::first_eight(&bare(v))),
        (_, kind @ 3) => (kind, order::float_order(float::parse(v.as_bytes()))),
        (_, kind) => (kind, 0),
    };
    u64::from(kind) << 61 | detail >> 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::canonical_json;

    /// In PostgreSQL's order, as it tells them itself.
    const SORTED: [&str; 34] = [
        "[]",
        "null",
        r#""""#,
        r#""\n""#,
        r#"" ""#,
        r#""A""#,
        r#""\\""#,
        r#""a""#,
        r#""aa""#,
        r#""é""#,
        "-1e30",
        "-2.5",
        "-2.25",
        "0",
        "1e-7",
        "0.5",
        "2",
        "9",
        "10",
        "10.5",
        "9007199254740992",
        "9007199254740993",
        "1e30",
        "false",
        "true",
        "[null]",
        "[9]",
        "[[]]",
        r#"[1,"a"]"#,
        "[1,2]",
        "{}",
        r#"{"b":1}"#,
        r#"{"b":2}"#,
        r#"{"a":1,"bb":2}"#,
    ];

    #[test]
    fn values_are_in_the_order_of_jsonb_and_prefixes_never_contradict_it() {
        let sorted: Vec<String> = SORTED.iter().map(|v| canonical_json(v.as_bytes()).expect("json")).collect();
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(json_order(a, b), i.cmp(&j), "{a} {b}");
                assert!(json_prefix(a) >= json_prefix(b) || i < j, "{a} {b}");
            }
        }
    }
}
