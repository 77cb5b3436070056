//! What a cell is: types, owned values, borrowed cells, packed rows, one total order, one hash.
//!
//! Nothing here knows of tables, queries or changes. See the glossary in `www/docs/architecture.md`.

pub(crate) mod array;
mod builder;
pub(crate) mod calendar;
mod cell;
mod chunk;
pub(crate) mod decimal;
mod document;
pub(crate) mod float;
mod hash;
pub(crate) mod interval;
mod interval_text;
pub(crate) mod json;
mod json_of;
mod json_order;
pub(crate) mod json_parts;
mod layout;
pub(crate) mod lex;
pub(crate) mod number_template;
pub(crate) mod numeric;
mod order;
pub(crate) mod template;
pub(crate) mod timestamp;
mod tree;

pub use array::{Element, array_of_json, array_values};
pub use builder::RowBuilder;
pub use calendar::{date_text, parse_date, parse_time, parse_uuid, time_text};
pub use cell::{Cell, Value};
pub use document::{Document, Place, Tree};
pub use hash::{Hasher64, MapState, hash_bytes};
pub use interval::Interval;
pub use json::canonical_json;
pub use json_of::write_json;
pub use layout::{ColumnLayout, FLAG_ASCII, Layout};
pub use number_template::is_number_template;
pub use numeric::{decimal_text, parse_decimal};
pub use order::{identity_order, long_order_prefix, order_prefix, total_order};
pub use timestamp::{format_timestamp, parse_timestamp};
pub use tree::{Field, RowTree};

/// Type of a column or expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// True or false.
    Bool,
    /// 64-bit integer.
    Int,
    /// Double precision; one NaN, no negative zero.
    Float,
    /// UTF-8 text, compared bytewise (collation `C`).
    Text,
    /// Octets.
    Bytes,
    /// Microseconds since 1970 in UTC.
    Timestamp,
    /// JSON in canonical text.
    Json,
    /// Exact decimal, as `numeric`.
    Decimal,
    /// Days since 1970.
    Date,
    /// Microseconds into the day.
    Time,
    /// A uuid, as text in lower case.
    Uuid,
    /// Months, days and microseconds.
    Interval,
    /// Lists of elements of one type.
    Array(Element),
}

impl Type {
    /// The name used in schemas and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Text => "text",
            Type::Bytes => "bytes",
            Type::Timestamp => "timestamp",
            Type::Json => "json",
            Type::Decimal => "decimal",
            Type::Date => "date",
            Type::Time => "time",
            Type::Uuid => "uuid",
            Type::Interval => "interval",
            Type::Array(element) => element.array_name(),
        }
    }

    /// Whether values are of variable length and live in the row's heap.
    pub const fn is_var(self) -> bool {
        matches!(self, Type::Text | Type::Bytes | Type::Json | Type::Decimal | Type::Uuid | Type::Interval | Type::Array(_))
    }

    /// Whether equal values may differ in how they are shown: `1.5` and `1.50`, `1 mon` and `30 days`.
    pub const fn has_spellings(self) -> bool {
        matches!(self, Type::Decimal | Type::Interval)
    }
}
