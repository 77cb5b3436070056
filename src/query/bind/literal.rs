//! Literals: what JSON says, and the types that JSON has no form for.
//!
//! A literal's type is that of its JSON: `1` is not `'1'`, and an ISO text is not a timestamp unless it says so. Only an
//! integer becomes a float, where a float is expected.

use super::expr::{Typed, mismatch};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, Literal};
use crate::query::{Expr, Function};
use crate::value::{
    Element, Interval, Type, Value, array_of_json, canonical_json, decimal_text, float, parse_date, parse_decimal, parse_time,
    parse_timestamp, parse_uuid,
};

/// Types of literals that are written as texts.
pub(super) const TYPES: [&str; 15] = [
    "timestamp",
    "bytes",
    "json",
    "decimal",
    "date",
    "time",
    "uuid",
    "interval",
    "bool[]",
    "int[]",
    "float[]",
    "text[]",
    "timestamp[]",
    "date[]",
    "uuid[]",
];

/// The value of a literal.
///
/// # Errors
/// `UNSUPPORTED_TYPE` for a literal type other than those of [`TYPES`]; `TYPE_MISMATCH` for a text that is none;
/// `JSON_MALFORMED` for json.
pub(super) fn literal(json: &ExprJson) -> Result<Value> {
    let Some(ty) = json.name.as_deref() else {
        return Ok(match &json.value {
            None => Value::Null,
            Some(Literal::Bool(v)) => Value::Bool(*v),
            Some(Literal::Int(v)) => Value::Int(*v),
            Some(Literal::Float(v)) => Value::Float(*v),
            Some(Literal::Text(v)) => Value::text(v.as_str()),
        });
    };
    if !TYPES.contains(&ty) {
        return Err(Error::unknown(ErrorCode::UnsupportedType, "literal type", ty, "query", TYPES).at("name"));
    }
    let text = match &json.value {
        None => return Ok(Value::Null),
        Some(Literal::Text(text)) => text,
        Some(_) => {
            let message = format!("a {ty} literal is given as text");
            return Err(Error::new(ErrorCode::TypeMismatch, message).named(describe(json)).at("value"));
        }
    };
    let wrong = |code, what: &str| {
        let shown: String = text.chars().take(80).collect();
        Error::new(code, format!("`{shown}` is not {what}")).named(shown).at("value")
    };
    if let Some(element) = Element::ALL.into_iter().find(|e| e.array_name() == ty) {
        let packed = canonical_json(text.as_bytes()).and_then(|json| array_of_json(element, &json));
        let wrong = || wrong(ErrorCode::TypeMismatch, "a list of such elements in JSON");
        return packed.map(|v| Value::Array(element, v)).ok_or_else(wrong);
    }
    match ty {
        "timestamp" => parse_timestamp(text)
            .map(Value::Timestamp)
            .ok_or_else(|| wrong(ErrorCode::TypeMismatch, "a timestamp in ISO 8601 form")),
        "date" => parse_date(text).map(Value::Date).ok_or_else(|| wrong(ErrorCode::TypeMismatch, "a date")),
        "time" => parse_time(text).map(Value::Time).ok_or_else(|| wrong(ErrorCode::TypeMismatch, "a time of day")),
        "interval" => {
            Interval::parse(text).map(|v| Value::Interval(v.pack())).ok_or_else(|| wrong(ErrorCode::TypeMismatch, "an interval"))
        }
        "uuid" => parse_uuid(text).map(|v| Value::Uuid(v.into())).ok_or_else(|| wrong(ErrorCode::TypeMismatch, "a uuid")),
        "decimal" => parse_decimal(text).map(Value::Decimal).ok_or_else(|| wrong(ErrorCode::TypeMismatch, "a decimal number")),
        "bytes" => hex(text)
            .map(|b| Value::Bytes(b.into()))
            .ok_or_else(|| wrong(ErrorCode::TypeMismatch, "an even number of hexadecimal digits")),
        _ => {
            canonical_json(text.as_bytes()).map(|t| Value::Json(t.into())).ok_or_else(|| wrong(ErrorCode::JsonMalformed, "JSON"))
        }
    }
}

/// Octets of hexadecimal text, with or without `\x` in front.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").unwrap_or(text).as_bytes();
    let digit = |b: u8| (b as char).to_digit(16);
    if digits.len() % 2 == 1 {
        return None;
    }
    digits.chunks_exact(2).map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8)).collect()
}

/// How an expression is named in an error: a column, function or aggregate by its name, a literal by its text.
pub(super) fn describe(json: &ExprJson) -> String {
    match (json.op.as_str(), &json.value) {
        ("lit", None) => "null".to_owned(),
        ("lit", Some(Literal::Bool(v))) => v.to_string(),
        ("lit", Some(Literal::Int(v))) => v.to_string(),
        ("lit", Some(Literal::Float(v))) => float::spell(*v),
        ("lit", Some(Literal::Text(v))) => v.chars().take(80).collect(),
        ("col" | "param" | "agg" | "over", _) => json.name.clone().unwrap_or_default(),
        _ => json.op.clone(),
    }
}

/// The same expression as a float, if it is an integer or a decimal.
pub(super) fn to_float(typed: &mut Typed) {
    let function = match typed.ty {
        Some(Type::Int) => Function::IntToFloat,
        Some(Type::Decimal) => Function::DecimalToFloat,
        _ => return,
    };
    let expr = std::mem::replace(&mut typed.expr, Expr::Literal(Value::Null));
    typed.expr = match expr {
        Expr::Literal(Value::Int(v)) => Expr::Literal(Value::Float(v as f64)),
        Expr::Literal(Value::Decimal(v)) => Expr::Literal(Value::Float(float::parse(decimal_text(&v).as_bytes()))),
        other => Expr::Call(function, vec![other]),
    };
    typed.ty = Some(Type::Float);
}

/// The same expression as a decimal, if it is an integer, or a finite float that is a literal.
pub(super) fn to_decimal(typed: &mut Typed) {
    let expr = std::mem::replace(&mut typed.expr, Expr::Literal(Value::Null));
    typed.expr = match (typed.ty, expr) {
        (_, Expr::Literal(value)) => Expr::Literal(decimal_of(value)),
        (Some(Type::Int), other) => Expr::Call(Function::IntToDecimal, vec![other]),
        (_, other) => other,
    };
    typed.ty = Some(Type::Decimal);
}

/// A number as a decimal: of a float the digits that it is written with.
fn decimal_of(value: Value) -> Value {
    let text = match value {
        Value::Int(v) => v.to_string(),
        Value::Float(v) => float::spell(v),
        other => return other,
    };
    parse_decimal(&text).map_or(Value::Null, Value::Decimal)
}

/// Brings an expression to a type of numbers.
pub(super) fn to_number(typed: &mut Typed, ty: Type) {
    match ty {
        Type::Float => to_float(typed),
        Type::Decimal => to_decimal(typed),
        _ => {}
    }
}

/// The type that several numbers are brought to: the widest of int, decimal and float. Beside decimals a literal float is a
/// decimal, as in SQL, where `0.1` is one. `None`: some are no numbers, or none has a type.
pub(super) fn common_number<'t>(all: impl Iterator<Item = &'t Typed>) -> Option<Type> {
    let (mut found, mut decimal, mut float) = (None, false, false);
    for typed in all {
        match typed.ty {
            None => continue,
            Some(Type::Int) => {}
            Some(Type::Decimal) => decimal = true,
            Some(Type::Float) => {
                found = Some(Type::Float);
                // A finite one is no more than a thousand digits.
                float |= !matches!(&typed.expr, Expr::Literal(Value::Float(v)) if v.is_finite());
            }
            Some(_) => return None,
        }
        found = found.or(Some(Type::Int));
    }
    if decimal && !float { Some(Type::Decimal) } else { found }
}

/// The same expression as a moment, if it is a date.
pub(super) fn to_moment(typed: &mut Typed) {
    if typed.ty == Some(Type::Date) {
        let expr = std::mem::replace(&mut typed.expr, Expr::Literal(Value::Null));
        *typed = Typed { expr: Expr::Call(Function::DateToTimestamp, vec![expr]), ty: Some(Type::Timestamp) };
    }
}

/// The value of a literal that stands for a value of a type.
///
/// # Errors
/// `TYPE_MISMATCH` if it is of another type; those of [`literal`]; `QUERY_INVALID` if it is no literal.
pub(super) fn literal_of(json: &ExprJson, ty: Option<Type>) -> Result<Value> {
    if json.op != "lit" {
        return Err(Error::new(ErrorCode::QueryInvalid, "only a literal can stand here").named(describe(json)));
    }
    match (literal(json)?, ty) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Int(v), Some(Type::Float)) => Ok(Value::Float(v as f64)),
        (v @ (Value::Int(_) | Value::Float(_)), Some(Type::Decimal)) => Ok(decimal_of(v)),
        (v, ty) if v.kind() == ty => Ok(v),
        (v, ty) => Err(mismatch("this place", &[ty.unwrap_or(Type::Text)], v.kind(), json)),
    }
}
