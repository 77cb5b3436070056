//! The order of JSON values, that of PostgreSQL's `jsonb`, read from canonical text.
//!
//! Null, texts, numbers, booleans, arrays, objects. Texts by bytes, numbers by value; of arrays and of objects the shorter first, then
//! element by element, or key and value by key and value (keys as they are kept: shorter ones first). An empty array that is
//! the whole value comes before all others, as there.

use std::borrow::Cow;
use std::cmp::Ordering;

#[cfg(not(test))]
use super::json_parts::behind;
use super::{float, lex, order};
#[cfg(test)]
use tests::counted_behind as behind;

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

/// Ascending. Equal are only values of equal text. Cost: the length of both.
pub(super) fn json_order(a: &str, b: &str) -> Ordering {
    match (a, b) {
        _ if a == b => Ordering::Equal,
        ("[]", _) => Ordering::Less,
        (_, "[]") => Ordering::Greater,
        _ if alike(a, b) => nested([a, b], [0, 0]).0,
        _ => plain(a, b),
    }
}

/// Whether both are arrays or both are objects, as far as their first letters tell.
fn alike(a: &str, b: &str) -> bool {
    kind(a) > 4 && kind(a) == kind(b)
}

/// Order of values that are not [`alike`].
fn plain(a: &str, b: &str) -> Ordering {
    let of = kind(a);
    of.cmp(&kind(b)).then_with(|| match of {
        _ if a == b => Ordering::Equal,
        2 => bare(a).cmp(&bare(b)),
        3 => number(a, b),
        // `false` before `true`; null is itself.
        _ => a.cmp(b),
    })
}

/// Order of the values that begin at two offsets, and the offsets behind them. Every byte is read once: how many elements there are
/// counts before what they are, so that after the first two that differ the others are passed over, not looked for again.
fn nested(v: [&str; 2], at: [usize; 2]) -> (Ordering, [usize; 2]) {
    let both = [0, 1].map(|i| &v[i][at[i]..]);
    if !alike(both[0], both[1]) {
        let size = both.map(|v| behind(v.as_bytes(), 0, 0));
        return (plain(&both[0][..size[0]], &both[1][..size[1]]), [at[0] + size[0], at[1] + size[1]]);
    }
    // Of a member the key, then the value.
    let each = 1 + usize::from(both[0].starts_with('{'));
    let (mut order, mut at) = (Ordering::Equal, at.map(|at| at + 1));
    loop {
        let ends = [0, 1].map(|i| matches!(v[i].as_bytes()[at[i]], b']' | b'}'));
        if ends[0] || ends[1] {
            // The shorter first, whatever is in it.
            let order = ends[1].cmp(&ends[0]).then(order);
            return (order, [0, 1].map(|i| behind(v[i].as_bytes(), at[i], 1)));
        }
        for _ in 0..each {
            if order.is_eq() {
                (order, at) = nested(v, at);
            } else {
                at = [0, 1].map(|i| behind(v[i].as_bytes(), at[i], 0));
            }
            // Behind a key is a colon, behind a value a comma or the end.
            at = [0, 1].map(|i| at[i] + usize::from(matches!(v[i].as_bytes()[at[i]], b':' | b',')));
        }
    }
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
    use std::cell::Cell;

    use serde_json::Value as Json;

    use super::*;
    use crate::value::{canonical_json, json_parts};

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

    /// Of parsed values, as the documentation of PostgreSQL says it.
    fn said(a: &Json, b: &Json) -> Ordering {
        let rank = |v: &Json| match v {
            Json::Null => 1,
            Json::String(_) => 2,
            Json::Number(_) => 3,
            Json::Bool(_) => 4,
            Json::Array(_) => 5,
            Json::Object(_) => 6,
        };
        match (a, b) {
            (Json::String(a), Json::String(b)) => a.cmp(b),
            (Json::Number(a), Json::Number(b)) => a.as_i64().cmp(&b.as_i64()),
            (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
            (Json::Array(a), Json::Array(b)) => a
                .len()
                .cmp(&b.len())
                .then_with(|| a.iter().zip(b).map(|(a, b)| said(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)),
            (Json::Object(a), Json::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
                let members = |o: &'_ serde_json::Map<String, Json>| {
                    let mut members: Vec<(String, Json)> = o.clone().into_iter().collect();
                    members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
                    members
                };
                let pairs = members(a).into_iter().zip(members(b));
                let each = pairs.map(|((k, a), (l, b))| k.cmp(&l).then_with(|| said(&a, &b)));
                each.into_iter().find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
            }),
            _ => rank(a).cmp(&rank(b)),
        }
    }

    fn random(rng: &mut fastrand::Rng, depth: usize) -> Json {
        let text = |rng: &mut fastrand::Rng| ["", "a", "b", "aa", "\n", "\"", "]", "{,:", "é"][rng.usize(..9)].to_owned();
        match rng.usize(..if depth == 0 { 5 } else { 9 }) {
            0 => Json::Null,
            1 => rng.bool().into(),
            2 | 3 => rng.i64(-3..30).into(),
            4 => text(rng).into(),
            5 | 6 => (0..rng.usize(..4)).map(|_| random(rng, depth - 1)).collect::<Vec<_>>().into(),
            _ => (0..rng.usize(..4)).map(|_| (text(rng), random(rng, depth - 1))).collect(),
        }
    }

    #[test]
    fn nested_values_are_in_the_order_of_their_parts() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..30_000 {
            let mut value = || Json::Array(vec![random(&mut rng, 3)]);
            let (a, b) = (value(), value());
            let [x, y] = [&a, &b].map(|v| canonical_json(v.to_string().as_bytes()).expect("json"));
            assert_eq!(json_order(&x, &y), said(&a, &b), "{x} {y}");
        }
    }

    thread_local! {
        /// Bytes that were passed over.
        static PASSED: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn counted_behind(bytes: &[u8], at: usize, depth: usize) -> usize {
        let end = json_parts::behind(bytes, at, depth);
        PASSED.set(PASSED.get() + end - at);
        end
    }

    #[test]
    fn every_byte_is_passed_over_once_however_deep_it_is() {
        for depth in [1, 2, 200] {
            let deep = |last: &str| ["[".repeat(depth), "null,".repeat(2_000), last.to_owned(), "]".repeat(depth)].concat();
            // The last element differs, or how many there are, or the first one, behind which nothing is looked at.
            let (a, b, longer) = (deep("1"), deep("2"), deep("1,1"));
            let first = a.replacen("null", "true", 1);
            for (x, y) in [(&a, &b), (&a, &longer), (&a, &first)] {
                PASSED.set(0);
                assert_eq!(json_order(x, y), Ordering::Less);
                assert!(
                    (10_000..=x.len() + y.len()).contains(&PASSED.get()),
                    "{} of {} bytes, {depth} deep",
                    PASSED.get(),
                    x.len() + y.len()
                );
            }
        }
    }
}
