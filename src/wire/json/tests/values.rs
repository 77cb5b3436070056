//! What each column type takes, and what it does not.

use super::*;
use crate::error::ErrorCode;
use crate::value::{Value, parse_decimal, parse_timestamp};

/// The value that a column of `all` has after reading.
fn cell(column: &str, json: &str) -> Result<Value> {
    let schema = schema();
    let table = &schema.tables["all"];
    let row = if column == "id" { format!("{{\"id\":{json}}}") } else { format!("{{\"id\":1,\"{column}\":{json}}}") };
    let batch = read(&format!(r#"{{"op":"insert","table":"all","row":{row}}}"#))?;
    // A blank ends a number as well as a bracket does.
    let loose = row.replacen(json, &format!(" {json} "), 1);
    assert_eq!(read(&format!(r#"{{ "op" : "insert" , "table" : "all" , "row" : {loose} }}"#)), Ok(batch.clone()));
    Ok(table.layout.cell(&batch.changes[0].row, table.column(column).unwrap()).to_value())
}

#[test]
fn each_type_takes_its_forms() {
    let decimal = |text: &str| Value::Decimal(parse_decimal(text).unwrap());
    let at = |text: &str| Value::Timestamp(parse_timestamp(text).unwrap());
    for (column, json, want) in [
        ("id", "9223372036854775807", Value::Int(i64::MAX)),
        ("id", "-9223372036854775808", Value::Int(i64::MIN)),
        ("id", "\"9223372036854775807\"", Value::Int(i64::MAX)),
        ("id", "\"-007\"", Value::Int(-7)),
        ("id", "-0", Value::Int(0)),
        ("i", "1.0", Value::Int(1)),
        ("i", "-9007199254740991", Value::Int(-9_007_199_254_740_991)),
        ("i", "null", Value::Null),
        ("f", "1", Value::Float(1.0)),
        ("f", "-0.0", Value::Float(0.0)),
        ("f", "0.1", Value::Float(0.1)),
        ("f", "12345678.90123456789e-300", Value::Float("1.234567890123456789e-293".parse().unwrap())),
        ("f", "1e-400", Value::Float(0.0)),
        ("f", "\"NaN\"", Value::Float(f64::NAN)),
        ("f", "\"-Infinity\"", Value::Float(f64::NEG_INFINITY)),
        ("b", "true", Value::Bool(true)),
        ("t", "\"\"", Value::text("")),
        ("t", r#""\u0000\"\\\/\b\f\n\r\t\ud83d\uDE00""#, Value::text("\0\"\\/\u{8}\u{c}\n\r\t\u{1F600}")),
        ("t", "\"null\"", Value::text("null")),
        ("at", "\"2026-11-20T10:00:00.123Z\"", at("2026-11-20T10:00:00.123Z")),
        ("at", "\"2026-11-20 10:00:00.5\\u002b00\"", at("2026-11-20T10:00:00.500Z")),
        ("at", "-1", Value::Timestamp(-1000)),
        ("j", r#"{"b":1.0,"a":[{}, "\u0041"]}"#, Value::Json(r#"{"a":[{},"A"],"b":1}"#.into())),
        ("j", "12", Value::Json("12".into())),
        ("j", "false", Value::Json("false".into())),
        ("j", "null", Value::Null),
        ("x", r#""\\x00fF""#, Value::Bytes([0, 255].into())),
        ("x", "\"AP8=\"", Value::Bytes([0, 255].into())),
        ("__proto__", "\"own\"", Value::text("own")),
        ("n", "1.50", decimal("1.50")),
        ("n", "123456789012345678901234567890.10", decimal("123456789012345678901234567890.10")),
        ("n", "-1.25e-3", decimal("-0.00125")),
        ("n", "\"007.0\"", decimal("7.0")),
        ("n", "null", Value::Null),
    ] {
        assert_eq!(cell(column, json), Ok(want), "{column} {json}");
    }
}

#[test]
fn each_type_refuses_the_others() {
    use ErrorCode::{IntegerRange, JsonMalformed, NullNotAllowed, TypeMismatch};
    for (column, json, code) in [
        ("id", "null", NullNotAllowed),
        ("id", "9223372036854775808", IntegerRange),
        ("id", "\"9223372036854775808\"", IntegerRange),
        ("id", "\"\"", TypeMismatch),
        ("id", "\"-\"", TypeMismatch),
        ("id", "\"1.0\"", TypeMismatch),
        ("i", "9007199254740992", IntegerRange),
        ("i", "\"1\"", TypeMismatch),
        ("i", "1.5", TypeMismatch),
        ("i", "1e3", TypeMismatch),
        ("i", "true", TypeMismatch),
        ("i", "-", JsonMalformed),
        ("f", "1e400", TypeMismatch),
        ("f", "\"1\"", TypeMismatch),
        ("f", "NaN", JsonMalformed),
        ("f", "1.", JsonMalformed),
        ("b", "0", TypeMismatch),
        ("b", "\"true\"", TypeMismatch),
        ("b", "truth", JsonMalformed),
        ("t", "1", TypeMismatch),
        ("t", "{}", TypeMismatch),
        ("t", "[]", TypeMismatch),
        ("t", "false", TypeMismatch),
        ("t", "\"\\ud800\"", JsonMalformed),
        ("at", "\"yesterday\"", TypeMismatch),
        ("at", "\"infinity\"", TypeMismatch),
        ("at", "1.5", TypeMismatch),
        ("at", "9223372036854775807", TypeMismatch),
        ("at", "{}", TypeMismatch),
        ("j", "{\"a\":}", JsonMalformed),
        ("j", "\"\\u0000\"", JsonMalformed),
        ("x", "\"\\\\x0\"", TypeMismatch),
        ("x", "\"?\"", TypeMismatch),
        ("x", "[1]", TypeMismatch),
    ] {
        let e = cell(column, json).expect_err(json);
        assert_eq!((e.code, e.path.clone()), (code, format!("changes[0].row.{column}")), "{column} {json}: {}", e.message);
    }
}

#[test]
fn the_last_of_equal_columns_stands_as_in_javascript() {
    let input = r#"{"op":"insert","table":"all","row":{"id":1,"t":"ä","i":1,"t":"b","i":null,"id":2,"x":"AA==","x":null}}"#;
    assert_eq!(shown(input), ["insert all id:2 t:'b'"]);
}

#[test]
fn absent_columns_are_null_and_any_order_of_keys_packs_the_same_row() {
    let a = read(r#"{"op":"insert","table":"issues","rows":[{"id":"a","title":"t","status":"s","priority":1,"done":true}]}"#)
        .unwrap();
    let b = read(
        r#"{"op":"insert","table":"issues","row":{"done":true,"owner":null,"priority":1,"status":"s","title":"t","id":"a"}}"#,
    );
    assert_eq!(a, b.unwrap());
}
