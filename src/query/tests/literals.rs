//! Literals.

use serde_json::json;

use super::*;

fn typed(ty: &str, value: impl Into<Json>) -> Json {
    json!({"op": "lit", "name": ty, "value": value.into()})
}

#[test]
fn a_literal_is_of_the_type_of_its_json() {
    assert_eq!(filter(op("=", [col("title"), lit("é")])), call(Function::Eq, [Expr::Column(issue::TITLE), text("é")]));
    let large = i64::MAX;
    assert_eq!(filter(op("=", [col("size"), lit(large)])), call(Function::Eq, [Expr::Column(5), int(large)]));
}

#[test]
fn neither_a_text_nor_a_number_is_a_timestamp() {
    let e = query(json!({"from": "issues", "where": op("<", [col("at"), lit("2024-01-01")])})).unwrap_err();
    assert!(e.message.contains("name: 'timestamp'"), "{e}");
    assert_eq!(parts(e), at("TYPE_MISMATCH", "where.args[1]", "2024-01-01", ""));
    assert_eq!(bad_filter(op("<", [col("at"), lit(1)])), at("TYPE_MISMATCH", "where.args[1]", "1", ""));
}

#[test]
fn a_timestamp_is_an_iso_text_that_says_so() {
    let day = Expr::Literal(Value::Timestamp(86_400_000_000));
    assert_eq!(
        filter(op("<", [col("at"), typed("timestamp", "1970-01-02T00:00:00.000Z")])),
        call(Function::Lt, [Expr::Column(issue::AT), day])
    );
    assert_eq!(
        bad_filter(op("<", [col("at"), typed("timestamp", "yesterday")])),
        at("TYPE_MISMATCH", "where.args[1].value", "yesterday", "")
    );
}

#[test]
fn json_is_compared_in_canonical_text() {
    let expected = Expr::Literal(Value::Json(r#"{"a":[1],"bb":null}"#.into()));
    assert_eq!(
        filter(op("=", [col("meta"), typed("json", r#" {"bb": null, "a": [1.0]} "#)])),
        call(Function::Eq, [Expr::Column(issue::META), expected])
    );
    assert_eq!(bad_filter(op("=", [col("meta"), typed("json", "{a}")])), at("JSON_MALFORMED", "where.args[1].value", "{a}", ""));
}

#[test]
fn bytes_are_hexadecimal() {
    let bytes = |b: &[u8]| call(Function::Eq, [Expr::Column(9), Expr::Literal(Value::Bytes(b.into()))]);
    assert_eq!(filter(op("=", [col("blob"), typed("bytes", "00fF")])), bytes(&[0, 255]));
    assert_eq!(filter(op("=", [col("blob"), typed("bytes", "\\x01")])), bytes(&[1]));
    assert_eq!(filter(op("=", [col("blob"), typed("bytes", "")])), bytes(&[]));
    for wrong in ["0", "0g", "é", "+1"] {
        let e = bad_filter(op("=", [col("blob"), typed("bytes", wrong)]));
        assert_eq!(e, at("TYPE_MISMATCH", "where.args[1].value", wrong, ""));
    }
}

#[test]
fn a_typed_literal_is_given_as_text_or_null() {
    assert_eq!(bad_filter(op("=", [col("at"), typed("timestamp", 1)])), at("TYPE_MISMATCH", "where.args[1].value", "1", ""));
    assert_eq!(
        filter(op("=", [col("at"), typed("timestamp", Json::Null)])),
        call(Function::Eq, [Expr::Column(issue::AT), Expr::Literal(Value::Null)])
    );
}

#[test]
fn other_literal_types_are_refused_with_the_nearest() {
    assert_eq!(
        bad_filter(op("=", [col("at"), typed("timestmp", "x")])),
        at("UNSUPPORTED_TYPE", "where.args[1].name", "timestmp", "timestamp")
    );
    assert_eq!(bad_filter(op("=", [col("at"), typed("money", "x")])).0, "UNSUPPORTED_TYPE");
}
