//! Owned values and borrowed cells.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::{Element, Type};

/// A borrowed cell of a packed row. `Text` and `Json` are bytes known to be UTF-8.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// SQL null.
    Null,
    /// True or false.
    Bool(bool),
    /// 64-bit integer.
    Int(i64),
    /// Double precision, canonical.
    Float(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Octets.
    Bytes(&'a [u8]),
    /// Microseconds since 1970 UTC.
    Timestamp(i64),
    /// Canonical JSON text.
    Json(&'a str),
    /// Exact decimal, packed.
    Decimal(&'a [u8]),
    /// Days since 1970.
    Date(i64),
    /// Microseconds into the day.
    Time(i64),
    /// Lower case, with hyphens.
    Uuid(&'a str),
    /// Packed.
    Interval(&'a [u8]),
    /// Packed.
    Array(Element, &'a [u8]),
}

impl<'a> Cell<'a> {
    /// Whether it is null.
    pub fn is_null(self) -> bool {
        matches!(self, Cell::Null)
    }

    /// Its type; `None` for null.
    pub fn kind(self) -> Option<Type> {
        Some(match self {
            Cell::Null => return None,
            Cell::Bool(_) => Type::Bool,
            Cell::Int(_) => Type::Int,
            Cell::Float(_) => Type::Float,
            Cell::Text(_) => Type::Text,
            Cell::Bytes(_) => Type::Bytes,
            Cell::Timestamp(_) => Type::Timestamp,
            Cell::Json(_) => Type::Json,
            Cell::Decimal(_) => Type::Decimal,
            Cell::Date(_) => Type::Date,
            Cell::Time(_) => Type::Time,
            Cell::Uuid(_) => Type::Uuid,
            Cell::Interval(_) => Type::Interval,
            Cell::Array(element, _) => Type::Array(element),
        })
    }

    /// A copy that owns its text.
    pub fn to_value(self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(v) => Value::Bool(v),
            Cell::Int(v) => Value::Int(v),
            Cell::Float(v) => Value::Float(v),
            Cell::Text(v) => Value::Text(v.into()),
            Cell::Bytes(v) => Value::Bytes(v.into()),
            Cell::Timestamp(v) => Value::Timestamp(v),
            Cell::Json(v) => Value::Json(v.into()),
            Cell::Decimal(v) => Value::Decimal(v.into()),
            Cell::Date(v) => Value::Date(v),
            Cell::Time(v) => Value::Time(v),
            Cell::Uuid(v) => Value::Uuid(v.into()),
            Cell::Interval(v) => Value::Interval(v.into()),
            Cell::Array(element, v) => Value::Array(element, v.into()),
        }
    }
}

/// An owned value. Equality, order and hash are those of identity: null equals null, NaN equals NaN, −0 equals 0, and `1.5` is
/// not `1.50`.
#[derive(Clone, Debug)]
pub enum Value {
    /// SQL null.
    Null,
    /// True or false.
    Bool(bool),
    /// 64-bit integer.
    Int(i64),
    /// Double precision.
    Float(f64),
    /// UTF-8 text.
    Text(Box<str>),
    /// Octets.
    Bytes(Box<[u8]>),
    /// Microseconds since 1970 UTC.
    Timestamp(i64),
    /// Canonical JSON text.
    Json(Box<str>),
    /// Exact decimal, packed; see [`parse_decimal`](super::parse_decimal).
    Decimal(Box<[u8]>),
    /// Days since 1970.
    Date(i64),
    /// Microseconds into the day.
    Time(i64),
    /// Lower case, with hyphens.
    Uuid(Box<str>),
    /// Packed; see [`Interval`](super::Interval).
    Interval(Box<[u8]>),
    /// Packed; see [`array_of_json`](super::array_of_json).
    Array(Element, Box<[u8]>),
}

impl Value {
    /// Borrows it.
    pub fn as_cell(&self) -> Cell<'_> {
        match self {
            Value::Null => Cell::Null,
            Value::Bool(v) => Cell::Bool(*v),
            Value::Int(v) => Cell::Int(*v),
            Value::Float(v) => Cell::Float(canonical_float(*v)),
            Value::Text(v) => Cell::Text(v),
            Value::Bytes(v) => Cell::Bytes(v),
            Value::Timestamp(v) => Cell::Timestamp(*v),
            Value::Json(v) => Cell::Json(v),
            Value::Decimal(v) => Cell::Decimal(v),
            Value::Date(v) => Cell::Date(*v),
            Value::Time(v) => Cell::Time(*v),
            Value::Uuid(v) => Cell::Uuid(v),
            Value::Interval(v) => Cell::Interval(v),
            Value::Array(element, v) => Cell::Array(*element, v),
        }
    }

    /// Text from anything text-like.
    pub fn text(v: impl Into<Box<str>>) -> Self {
        Value::Text(v.into())
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Its type; `None` for null.
    pub fn kind(&self) -> Option<Type> {
        self.as_cell().kind()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && super::identity_order(self.as_cell(), other.as_cell()).is_eq()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        super::identity_order(self.as_cell(), other.as_cell())
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self.as_cell() {
            Cell::Null => {}
            Cell::Bool(v) => v.hash(state),
            Cell::Int(v) | Cell::Timestamp(v) | Cell::Date(v) | Cell::Time(v) => v.hash(state),
            Cell::Float(v) => v.to_bits().hash(state),
            Cell::Text(v) | Cell::Json(v) | Cell::Uuid(v) => v.hash(state),
            Cell::Bytes(v) | Cell::Decimal(v) | Cell::Interval(v) | Cell::Array(_, v) => v.hash(state),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(v) => write!(f, "{v}"),
            Value::Int(v) => write!(f, "{v}"),
            Value::Float(v) => f.write_str(&super::float::spell(*v)),
            Value::Text(v) => write!(f, "'{v}'"),
            Value::Bytes(v) => {
                f.write_str("'\\x")?;
                v.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str("'")
            }
            Value::Timestamp(v) => f.write_str(&super::format_timestamp(*v)),
            Value::Json(v) => f.write_str(v),
            Value::Decimal(v) => f.write_str(&super::decimal_text(v)),
            Value::Date(v) => f.write_str(&super::date_text(*v)),
            Value::Time(v) => f.write_str(&super::time_text(*v)),
            Value::Uuid(v) => f.write_str(v),
            Value::Interval(v) => f.write_str(&super::Interval::unpack(v).text()),
            Value::Array(element, v) => f.write_str(&super::array::array_text(*element, v, super::array::shown)),
        }
    }
}

/// One NaN, no negative zero: equal floats have equal bits.
pub(super) fn canonical_float(v: f64) -> f64 {
    if v.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { v + 0.0 }
}
