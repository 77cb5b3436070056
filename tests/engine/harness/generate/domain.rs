//! The few values of each type that cases are made of, chosen for their edges.

use eddyline::query::Column;
use eddyline::query::ast::{ExprJson, Literal};
use eddyline::value::{
    Element, Interval, Type, Value, array_of_json, date_text, decimal_text, format_timestamp, parse_decimal, time_text,
    write_json,
};
use fastrand::Rng;

use super::decimal::decimal;
use super::{chance, pick};

const SAFE: i64 = (1 << 53) - 1;
const INTS: [i64; 5] = [0, 1, 2, 3, -1];
const FLOATS: [f64; 8] = [0.0, 0.5, 1.0, 1.5, -2.0, 0.1, 0.2, 3.0];
const EDGE_FLOATS: [f64; 9] = [-0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e16, -1e16, 1e300, 1e-300, 9007199254740993.0];
const TEXTS: [&str; 8] = ["", "a", "b", "ab", "B", "ä%", "longer than eight", "longer than eighu"];
const JSONS: [&str; 9] = ["null", "1", "\"a\"", "[]", "{\"a\":1}", "true", "10", "-2.5", "[1,\"a\"]"];
const BYTES: [&[u8]; 5] = [&[], &[0], &[0, 0], &[255, 1], b"123456789"];
const UUIDS: [&str; 4] = [
    "00000000-0000-0000-0000-000000000000",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
];
/// Some are equal, and written in several ways.
const SPANS: [(i32, i32, i64); 9] = [
    (0, 0, 0),
    (1, 0, 0),
    (0, 30, 0),
    (0, 1, 0),
    (0, 0, 86_400_000_000),
    (-1, 2, 3),
    (0, 0, -1),
    (14, -3, 5_000_000),
    (0, 0, 90_000_000),
];
const LISTS: [(Element, &[&str]); 3] = [
    (Element::Text, &["[]", "[\"a\"]", "[\"a\",\"b\"]", "[\"\",null,\"a\"]", "[null]", "[\"NULL\",\"a b\",\"\\u0001\"]"]),
    (Element::Int, &["[]", "[1]", "[1,2]", "[2,1,1]", "[null,3]", "[-1,0,9223372036854775807]"]),
    (Element::Float, &["[]", "[0.5]", "[1.5,null]", "[-2,\"NaN\"]", "[\"-Infinity\",1e-7]"]),
];
const TIMES: [i64; 4] = [0, 1, -1, 1_700_000_000_123_456];

/// How many keys there are.
#[derive(Clone, Copy, Debug)]
pub struct Domain {
    keys: i64,
}

impl Domain {
    /// So few that all keys meet.
    pub const FEW: Domain = Domain { keys: 10 };
    /// So few that nearly all references lead somewhere.
    pub const DENSE: Domain = Domain { keys: 5 };
    /// So many that few rows of a world meet, and some do.
    pub const SOME: Domain = Domain { keys: 40 };
    /// So many that lists grow beyond one node of a tree.
    pub const MANY: Domain = Domain { keys: 300 };

    /// About so many rows a table.
    pub fn rows(self) -> f64 {
        self.keys as f64
    }

    pub fn is_wide(self) -> bool {
        self.keys > 10
    }

    /// A value for a column that is no key and refers to nothing.
    pub fn cell(self, rng: &mut Rng, column: &Column) -> Value {
        if column.nullable && chance(rng, 25) {
            return Value::Null;
        }
        let edge = chance(rng, 6);
        match column.ty {
            Type::Int if edge && column.safe_integer => Value::Int(pick(rng, &[SAFE, -SAFE])),
            Type::Int if edge => Value::Int(pick(rng, &[i64::MAX, i64::MIN, SAFE + 2])),
            Type::Int | Type::Text | Type::Timestamp if self.is_wide() && rng.bool() => self.key(rng, column.ty),
            ty => value(rng, ty, edge),
        }
    }

    /// A value for a key column, or for one that refers to it.
    pub fn key(self, rng: &mut Rng, ty: Type) -> Value {
        let n = rng.i64(0..self.keys);
        match ty {
            Type::Int => Value::Int(n - 1),
            Type::Timestamp => Value::Timestamp(n * 1_000_000),
            Type::Date => Value::Date(n - 3),
            Type::Uuid if self.is_wide() || rng.bool() => Value::Uuid(format!("a0eebc99-9c0b-4ef8-bb6d-{n:012x}").into()),
            // Keys that are equal may be written in several ways.
            Type::Decimal => {
                let text = format!("{}{}", n as f64 / 2.0, if n % 2 == 1 && rng.u8(..8) == 0 { "0" } else { "" });
                Value::Decimal(parse_decimal(&text).expect("a decimal"))
            }
            Type::Float => Value::Float(if n == 3 { f64::NAN } else { n as f64 / 2.0 }),
            Type::Text if self.is_wide() => Value::text(format!("key number {n}")),
            Type::Text if rng.bool() => Value::text(pick(rng, &["k1", "k2", "k10", "K1"])),
            Type::Bytes if self.is_wide() || rng.bool() => Value::Bytes(n.to_be_bytes()[6..].into()),
            ty => value(rng, ty, false),
        }
    }
}

/// A value of a type, never null.
pub fn value(rng: &mut Rng, ty: Type, edge: bool) -> Value {
    match ty {
        Type::Bool => Value::Bool(rng.bool()),
        Type::Int => Value::Int(pick(rng, &INTS)),
        Type::Float if edge => Value::Float(pick(rng, &EDGE_FLOATS)),
        Type::Float => Value::Float(pick(rng, &FLOATS)),
        Type::Text => Value::text(pick(rng, &TEXTS)),
        Type::Bytes => Value::Bytes(pick(rng, &BYTES).into()),
        Type::Timestamp => Value::Timestamp(pick(rng, &TIMES)),
        Type::Json => Value::Json(pick(rng, &JSONS).into()),
        Type::Decimal => decimal(rng, edge),
        Type::Date if edge => Value::Date(pick(rng, &[-2_440_550, 106_751_990, -719_529])),
        Type::Date => Value::Date(pick(rng, &[0, 1, -1, 19_782, 19_783])),
        Type::Time => Value::Time(pick(rng, &[0, 1, 43_200_000_000, 86_399_999_999, 86_400_000_000])),
        Type::Uuid => Value::Uuid(pick(rng, &UUIDS).into()),
        Type::Array(element) => {
            let json = LISTS.iter().find(|l| l.0 == element).map_or("[]", |l| pick(rng, l.1));
            Value::Array(element, array_of_json(element, json).expect("an array"))
        }
        Type::Interval => {
            let (months, days, micros) = pick(rng, &SPANS);
            Value::Interval(Interval { months, days, micros }.pack())
        }
    }
}

/// A value as a literal of a query.
pub fn literal(value: &Value) -> ExprJson {
    let typed = |name: &str, text: String| (Some(name.to_owned()), Some(Literal::Text(text)));
    let (name, value) = match value {
        Value::Null => (None, None),
        Value::Bool(v) => (None, Some(Literal::Bool(*v))),
        Value::Int(v) => (None, Some(Literal::Int(*v))),
        // As from JavaScript, where 1.0 is 1.
        Value::Float(v) if v.fract() == 0.0 && v.abs() < 1e9 => (None, Some(Literal::Int(*v as i64))),
        Value::Float(v) => (None, Some(Literal::Float(*v))),
        Value::Text(v) => (None, Some(Literal::Text(v.to_string()))),
        Value::Timestamp(v) => typed("timestamp", format_timestamp(*v)),
        Value::Json(v) => typed("json", v.to_string()),
        Value::Decimal(v) => typed("decimal", decimal_text(v)),
        Value::Date(v) => typed("date", date_text(*v)),
        Value::Time(v) => typed("time", time_text(*v)),
        Value::Uuid(v) => typed("uuid", v.to_string()),
        Value::Array(element, _) => {
            let mut text = Vec::new();
            write_json(value.as_cell(), &mut text);
            typed(element.array_name(), String::from_utf8(text).expect("JSON is UTF-8"))
        }
        Value::Interval(v) => typed("interval", Interval::unpack(v).text()),
        Value::Bytes(v) => typed("bytes", v.iter().map(|b| format!("{b:02x}")).collect()),
    };
    ExprJson { op: "lit".into(), name, value, ..ExprJson::default() }
}
