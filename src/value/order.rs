//! One total order over cells, and 8-byte prefixes that agree with it.
//!
//! Within a type: booleans false < true, numbers by value with NaN above all (as PostgreSQL), text and bytes bytewise,
//! decimals by value whatever their scale, json as `jsonb` ([`json_order`]).
//! Nulls come last. Across types (never compared in a bound query) the order of [`Type`](super::Type).

use std::cmp::Ordering;

use super::json_order::{json_order, json_prefix};
use super::{Cell, interval, numeric};

/// Ascending order, nulls last.
#[inline]
pub fn total_order(a: Cell<'_>, b: Cell<'_>) -> Ordering {
    match (a, b) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Greater,
        (_, Cell::Null) => Ordering::Less,
        (Cell::Int(a), Cell::Int(b)) | (Cell::Timestamp(a), Cell::Timestamp(b)) => a.cmp(&b),
        (Cell::Date(a), Cell::Date(b)) | (Cell::Time(a), Cell::Time(b)) => a.cmp(&b),
        (Cell::Text(a), Cell::Text(b)) | (Cell::Uuid(a), Cell::Uuid(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Cell::Float(a), Cell::Float(b)) => float_order(a).cmp(&float_order(b)),
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(&b),
        (Cell::Bytes(a), Cell::Bytes(b)) => a.cmp(b),
        (Cell::Array(x, a), Cell::Array(y, b)) => x.cmp(&y).then_with(|| a.cmp(b)),
        (Cell::Decimal(a), Cell::Decimal(b)) => numeric::ordered(a).cmp(numeric::ordered(b)),
        (Cell::Interval(a), Cell::Interval(b)) => interval::ordered(a).cmp(interval::ordered(b)),
        (Cell::Json(a), Cell::Json(b)) => json_order(a, b),
        (a, b) => a.kind().cmp(&b.kind()),
    }
}

/// The same, and an order of equal values that are shown differently (`1.5` before `1.50`): equal are only values of equal bytes.
pub fn identity_order(a: Cell<'_>, b: Cell<'_>) -> Ordering {
    total_order(a, b).then_with(|| match (a, b) {
        (Cell::Decimal(a), Cell::Decimal(b)) | (Cell::Interval(a), Cell::Interval(b)) => a.cmp(b),
        _ => Ordering::Equal,
    })
}

/// A word whose unsigned order never contradicts [`total_order`]: `prefix(a) < prefix(b)` implies `a < b`.
/// Equal prefixes decide nothing.
#[inline]
pub fn order_prefix(c: Cell<'_>) -> u64 {
    match c {
        Cell::Null => u64::MAX,
        Cell::Bool(v) => u64::from(v),
        Cell::Int(v) | Cell::Timestamp(v) | Cell::Date(v) | Cell::Time(v) => (v as u64) ^ (1 << 63),
        Cell::Float(v) => float_order(v),
        Cell::Text(v) | Cell::Uuid(v) => first_eight(v.as_bytes()),
        Cell::Json(v) => json_prefix(v),
        Cell::Bytes(v) | Cell::Array(_, v) => first_eight(v),
        Cell::Decimal(v) => first_eight(numeric::ordered(v)),
        Cell::Interval(v) => first_eight(interval::ordered(v)),
    }
}

/// The same of fifteen bytes where there are so many, in the lower bits: all of an interval, and more of what begins alike.
pub fn long_order_prefix(c: Cell<'_>) -> u128 {
    let bytes = match c {
        Cell::Text(v) | Cell::Uuid(v) => v.as_bytes(),
        Cell::Bytes(v) | Cell::Array(_, v) => v,
        Cell::Decimal(v) => numeric::ordered(v),
        Cell::Interval(v) => interval::ordered(v),
        c => return u128::from(order_prefix(c)),
    };
    let mut word = [0u8; 16];
    let most = bytes.len().min(15);
    word[1..=most].copy_from_slice(&bytes[..most]);
    u128::from_be_bytes(word)
}

#[inline]
pub(super) fn first_eight(b: &[u8]) -> u64 {
    if let Some(first) = b.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    let mut p = [0u8; 8];
    p[..b.len()].copy_from_slice(b);
    u64::from_be_bytes(p)
}

/// Order-preserving bits: −∞ < … < −0 = 0 < … < ∞ < NaN.
#[inline]
pub(super) fn float_order(v: f64) -> u64 {
    let bits = super::cell::canonical_float(v).to_bits();
    if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_never_contradict_the_order() {
        let cells = [
            Cell::Float(f64::NEG_INFINITY),
            Cell::Float(-1.5),
            Cell::Float(-0.0),
            Cell::Float(1e-300),
            Cell::Float(f64::INFINITY),
            Cell::Float(f64::NAN),
            Cell::Null,
        ];
        for (i, a) in cells.iter().enumerate() {
            for (j, b) in cells.iter().enumerate() {
                assert_eq!(total_order(*a, *b), i.cmp(&j));
                if order_prefix(*a) < order_prefix(*b) || long_order_prefix(*a) < long_order_prefix(*b) {
                    assert!(i < j);
                }
            }
        }
        assert!(order_prefix(Cell::Text("ab")) < order_prefix(Cell::Text("b")));
        assert!(order_prefix(Cell::Int(-1)) < order_prefix(Cell::Int(0)));
        assert_eq!(order_prefix(Cell::Text("longer than eight")), order_prefix(Cell::Text("longer than nine")));
        assert!(long_order_prefix(Cell::Text("longer than eight")) < long_order_prefix(Cell::Text("longer than nine")));
        assert!(long_order_prefix(Cell::Text("")) < long_order_prefix(Cell::Text("a")));
        assert!(long_order_prefix(Cell::Text("a")) < long_order_prefix(Cell::Text("a or b")));
    }
}
