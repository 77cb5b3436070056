//! Arrays of one dimension, packed so that their bytes compare as PostgreSQL compares arrays: element by element, nulls last, and
//! of two that begin alike the shorter first.
//!
//! An element is a byte, 1 of a value and 2 of a null, and the value: an integer, moment, date or double as ten digits of seven bits
//! in the order of the values, a boolean as a byte, a text or uuid as its bytes with an end, 0. In texts the characters 0 and 1 are
//! two bytes. So what is packed is UTF-8, and equal elements have equal bytes.

use super::cell::canonical_float;
use super::{Cell, Type, Value, date_text, float, format_timestamp, lex, parse_date, parse_timestamp, parse_uuid};

const VALUE: u8 = 1;
const NULL: u8 = 2;
const WIDTH: usize = 10;

/// Types of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are their names")]
pub enum Element {
    Bool,
    Int,
    Float,
    Text,
    Timestamp,
    Date,
    Uuid,
}

impl Element {
    /// All of them.
    pub const ALL: [Element; 7] =
        [Element::Bool, Element::Int, Element::Float, Element::Text, Element::Timestamp, Element::Date, Element::Uuid];

    /// The type of an element that is taken out.
    pub const fn ty(self) -> Type {
        match self {
            Element::Bool => Type::Bool,
            Element::Int => Type::Int,
            Element::Float => Type::Float,
            Element::Text => Type::Text,
            Element::Timestamp => Type::Timestamp,
            Element::Date => Type::Date,
            Element::Uuid => Type::Uuid,
        }
    }

    /// Name of the arrays.
    pub const fn array_name(self) -> &'static str {
        match self {
            Element::Bool => "bool[]",
            Element::Int => "int[]",
            Element::Float => "float[]",
            Element::Text => "text[]",
            Element::Timestamp => "timestamp[]",
            Element::Date => "date[]",
            Element::Uuid => "uuid[]",
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Element::Text | Element::Uuid)
    }

    /// The value of one packed element.
    fn value(self, packed: &[u8]) -> Option<Value> {
        let (kind, rest) = packed.split_first()?;
        if *kind != VALUE {
            return (*kind == NULL && rest.is_empty()).then_some(Value::Null);
        }
        if self.is_text() {
            let (last, text) = rest.split_last()?;
            let text = String::from_utf8(unescape(text)?).ok().filter(|_| *last == 0)?;
            return Some(match self {
                Element::Uuid => Value::Uuid(text.into()),
                _ => Value::Text(text.into()),
            });
        }
        if self == Element::Bool {
            return Some(Value::Bool(*rest.first()? == 1));
        }
        let word = rest.iter().fold(0u64, |v, d| v << 7 | u64::from(*d));
        let number = (word ^ 1 << 63) as i64;
        Some(match self {
            Element::Float => Value::Float(f64::from_bits(if word >> 63 == 1 { word & !(1 << 63) } else { !word })),
            Element::Timestamp => Value::Timestamp(number),
            Element::Date => Value::Date(number),
            _ => Value::Int(number),
        })
    }
}

/// Appends an element.
pub(crate) fn push(cell: Cell<'_>, out: &mut Vec<u8>) {
    let word = match cell {
        Cell::Int(v) | Cell::Timestamp(v) | Cell::Date(v) => v as u64 ^ 1 << 63,
        Cell::Float(v) => {
            let bits = canonical_float(v).to_bits();
            if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
        }
        Cell::Bool(v) => return out.extend_from_slice(&[VALUE, v.into()]),
        Cell::Text(v) | Cell::Uuid(v) => {
            out.push(VALUE);
            for &b in v.as_bytes() {
                if b < 2 {
                    out.extend_from_slice(&[1, 2 + b]);
                } else {
                    out.push(b);
                }
            }
            return out.push(0);
        }
        _ => return out.push(NULL),
    };
    out.push(VALUE);
    out.extend((0..WIDTH).rev().map(|n| (word >> (7 * n)) as u8 & 127));
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&b) = bytes.next() {
        out.push(if b == 1 { bytes.next()?.checked_sub(2).filter(|b| *b < 2)? } else { b });
    }
    Some(out)
}

/// The packed elements of a packed array.
pub(crate) fn parts(element: Element, packed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = packed;
    std::iter::from_fn(move || {
        let kind = *rest.first()?;
        let length = match element {
            _ if kind == NULL => 1,
            Element::Text | Element::Uuid => rest.iter().position(|b| *b == 0).map_or(rest.len(), |at| at + 1),
            Element::Bool => 2,
            _ => 1 + WIDTH,
        };
        let (part, more) = rest.split_at(length.min(rest.len()));
        rest = more;
        Some(part)
    })
}

/// Whether a packed element is null.
pub(crate) fn is_null(part: &[u8]) -> bool {
    part.first() == Some(&NULL)
}

/// The elements of a packed array.
///
/// ```
/// use eddyline::value::{Element, Value, array_of_json, array_values};
/// let packed = array_of_json(Element::Int, "[3,null]").unwrap();
/// assert_eq!(array_values(Element::Int, &packed).collect::<Vec<_>>(), [Value::Int(3), Value::Null]);
/// ```
pub fn array_values(element: Element, packed: &[u8]) -> impl Iterator<Item = Value> {
    parts(element, packed).map(move |part| element.value(part).unwrap_or(Value::Null))
}

/// Whether bytes are a packed array.
pub(crate) fn is_packed(element: Element, bytes: &[u8]) -> bool {
    let mut again = Vec::new();
    let fits = |value: &Value| match value {
        Value::Uuid(v) => parse_uuid(v).as_deref() == Some(v),
        Value::Date(v) => (-2_440_588..=106_751_990).contains(v),
        _ => true,
    };
    for part in parts(element, bytes) {
        let from = again.len();
        let Some(value) = element.value(part).filter(fits) else { return false };
        push(value.as_cell(), &mut again);
        if again[from..] != *part {
            return false;
        }
    }
    true
}

/// The packed array of a list of scalars in canonical JSON; `None` if it is none, or one of its elements is of another type.
pub fn array_of_json(element: Element, json: &str) -> Option<Box<[u8]>> {
    let buf = json.as_bytes();
    let mut out = Vec::new();
    let mut at = 1;
    if buf.first() != Some(&b'[') {
        return None;
    }
    while *buf.get(at)? != b']' || at == 1 {
        if at == 1 && buf[at] == b']' {
            break;
        }
        let value;
        if buf[at] == b'"' {
            let end = lex::string(buf, at + 1).ok()?.end;
            let mut text = Vec::new();
            lex::unescape(buf, at + 1, end, &mut text).ok()?;
            value = of_text(element, &String::from_utf8(text).ok()?)?;
            at = end + 1;
        } else {
            let end = at + buf[at..].iter().position(|b| matches!(b, b',' | b']'))?;
            value = of_word(element, &json[at..end])?;
            at = end;
        }
        push(value.as_cell(), &mut out);
        match buf.get(at)? {
            b',' => at += 1,
            _ => break,
        }
    }
    (json.len() == at + 1).then(|| out.into())
}

fn of_text(element: Element, text: &str) -> Option<Value> {
    match element {
        Element::Text => Some(Value::text(text)),
        Element::Uuid => parse_uuid(text).map(|v| Value::Uuid(v.into())),
        Element::Timestamp => parse_timestamp(text).map(Value::Timestamp),
        Element::Date => parse_date(text).map(Value::Date),
        Element::Int => text.parse().ok().map(Value::Int),
        Element::Float => match text {
            "NaN" => Some(Value::Float(f64::NAN)),
            "Infinity" => Some(Value::Float(f64::INFINITY)),
            "-Infinity" => Some(Value::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        Element::Bool => None,
    }
}

fn of_word(element: Element, word: &str) -> Option<Value> {
    let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    match (element, word) {
        (_, "null") => Some(Value::Null),
        (Element::Bool, "true") => Some(Value::Bool(true)),
        (Element::Bool, "false") => Some(Value::Bool(false)),
        (Element::Int, _) => word.parse().ok().map(Value::Int),
        (Element::Timestamp, _) => word.parse::<i64>().ok()?.checked_mul(1000).map(Value::Timestamp),
        (Element::Float, _) if is_number => Some(float::parse(word.as_bytes())).filter(|v| v.is_finite()).map(Value::Float),
        _ => None,
    }
}

/// As PostgreSQL prints it: `{1,NULL,"a b"}`; `show` writes an element.
pub(crate) fn array_text(element: Element, packed: &[u8], show: impl Fn(Cell<'_>) -> String) -> String {
    let mut out = String::from("{");
    for (i, value) in array_values(element, packed).enumerate() {
        if i > 0 {
            out.push(',');
        }
        let text = match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(v) => if v { "t" } else { "f" }.to_owned(),
            ref value => show(value.as_cell()),
        };
        let special = |c: char| matches!(c, '{' | '}' | '"' | ',' | '\\' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
        if value.is_null() || !(text.is_empty() || text.contains(special) || text.eq_ignore_ascii_case("null")) {
            out.push_str(&text);
            continue;
        }
        out.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
    out.push('}');
    out
}

/// An element as the engine's own messages show it.
pub(super) fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::Timestamp(v) => format_timestamp(v),
        Cell::Date(v) => date_text(v),
        Cell::Float(v) => float::spell(v),
        Cell::Int(v) => v.to_string(),
        Cell::Text(v) | Cell::Uuid(v) => v.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::total_order;
    use super::*;

    #[test]
    fn bytes_compare_as_elements_do_and_keep_them() {
        let mut rng = fastrand::Rng::with_seed(9);
        let any = |rng: &mut fastrand::Rng, element: Element| -> Vec<Value> {
            let one = |rng: &mut fastrand::Rng| match element {
                _ if rng.u8(..5) == 0 => Value::Null,
                Element::Bool => Value::Bool(rng.bool()),
                Element::Int => Value::Int([0, 1, -1, i64::MAX, i64::MIN, 300][rng.usize(..6)]),
                Element::Float => {
                    Value::Float([0.0, 1.5, -1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-300][rng.usize(..7)])
                }
                Element::Text => Value::text(["", "a", "\0", "\u{1}", "a\0", "b", "\u{2}", "é", "\u{1}\u{3}"][rng.usize(..9)]),
                Element::Timestamp => Value::Timestamp(rng.i64(..)),
                Element::Date => Value::Date(rng.i64(-9..9)),
                Element::Uuid => Value::Uuid(format!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a{}", rng.u8(10..99)).into()),
            };
            (0..rng.usize(..4)).map(|_| one(rng)).collect()
        };
        let pack = |values: &[Value]| {
            let mut out = Vec::new();
            values.iter().for_each(|v| push(v.as_cell(), &mut out));
            out
        };
        for round in 0..7000 {
            let element = Element::ALL[round % 7];
            let (a, b) = (any(&mut rng, element), any(&mut rng, element));
            let (x, y) = (pack(&a), pack(&b));
            assert_eq!(array_values(element, &x).collect::<Vec<_>>(), a);
            assert!(is_packed(element, &x) && std::str::from_utf8(&x).is_ok());
            let mut pairs = a.iter().zip(&b).map(|(v, w)| total_order(v.as_cell(), w.as_cell()));
            let order = pairs.find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()));
            assert_eq!(x.cmp(&y), order, "{a:?} {b:?}");
        }
        for (element, bad) in [
            (Element::Int, &[1, 2][..]),
            (Element::Bool, &[1, 7]),
            (Element::Text, &[1, 97]),
            (Element::Text, &[1, 1, 9, 0]),
            (Element::Date, &[3]),
        ] {
            assert!(!is_packed(element, bad), "{element:?} {bad:?}");
        }
    }

    #[test]
    fn lists_of_json_are_read_by_the_type_of_their_elements() {
        let values = |element, json| array_of_json(element, json).map(|p| array_values(element, &p).collect::<Vec<_>>());
        assert_eq!(values(Element::Text, r#"["a\"b",null,""]"#), Some(vec![Value::text("a\"b"), Value::Null, Value::text("")]));
        assert_eq!(values(Element::Int, "[-9223372036854775808,\"5\"]"), Some(vec![Value::Int(i64::MIN), Value::Int(5)]));
        assert_eq!(
            values(Element::Float, "[1,\"NaN\",1e-7]"),
            Some(vec![Value::Float(1.0), Value::Float(f64::NAN), Value::Float(1e-7)])
        );
        assert_eq!(values(Element::Bool, "[]"), Some(vec![]));
        for (element, bad) in [
            (Element::Text, "[1]"),
            (Element::Int, "[1.5]"),
            (Element::Int, "[[1]]"),
            (Element::Bool, "true"),
            (Element::Date, "[\"x\"]"),
            (Element::Int, "{\"a\":1}"),
        ] {
            assert_eq!(values(element, bad), None, "{bad}");
        }
    }
}
