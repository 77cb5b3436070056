//! Keyset starts.

use serde_json::json;

use super::*;

/// Issues by points and title, from a start.
fn from(values: Json) -> Json {
    json!({"from": "issues", "orderBy": [{"expr": col("points"), "desc": true}, {"expr": col("title")}],
        "start": {"values": values, "inclusive": true}})
}

#[test]
fn a_start_holds_a_value_per_order_and_then_perhaps_the_key() {
    let start = good(from(json!([lit(1), lit("a")]))).start.unwrap();
    assert_eq!(start.values, [Value::Float(1.0), Value::text("a")]);
    assert!(start.inclusive);
    let start = good(from(json!([lit(Json::Null), lit("a"), lit("id")]))).start.unwrap();
    assert_eq!(start.values, [Value::Null, Value::text("a"), Value::text("id")]);
}

#[test]
fn another_number_of_values_is_refused() {
    for values in [json!([]), json!([lit(1)]), json!([lit(1), lit("a"), lit("id"), lit("x")])] {
        assert_eq!(bad(from(values)), at("QUERY_INVALID", "start.values", "", ""));
    }
    let nothing = json!({"from": "issues", "start": {"values": []}});
    assert_eq!(bad(nothing), at("QUERY_INVALID", "start.values", "", ""));
    let key = json!({"from": "issues", "start": {"values": [lit("x")]}});
    assert_eq!(good(key).start.unwrap().values, [Value::text("x")]);
}

#[test]
fn values_are_literals_of_the_type_of_their_order() {
    assert_eq!(bad(from(json!([lit("1"), lit("a")]))), at("TYPE_MISMATCH", "start.values[0]", "1", ""));
    assert_eq!(bad(from(json!([lit(1), lit(2)]))), at("TYPE_MISMATCH", "start.values[1]", "2", ""));
    assert_eq!(bad(from(json!([lit(1), lit("a"), lit(3)]))), at("TYPE_MISMATCH", "start.values[2]", "3", ""));
    assert_eq!(bad(from(json!([lit(1), col("title")]))), at("QUERY_INVALID", "start.values[1]", "title", ""));
    let int = json!({"from": "issues", "orderBy": [{"expr": col("priority")}], "start": {"values": [lit(1.5)]}});
    assert_eq!(bad(int), at("TYPE_MISMATCH", "start.values[0]", "1.5", ""));
    let time = json!({"from": "issues", "orderBy": [{"expr": col("at")}], "start": {"values": [lit("2024-01-01")]}});
    assert_eq!(bad(time), at("TYPE_MISMATCH", "start.values[0]", "2024-01-01", ""));
}

#[test]
fn a_key_is_not_null_unless_its_table_may_be_absent() {
    assert_eq!(bad(from(json!([lit(1), lit("a"), lit(Json::Null)]))), at("NULL_NOT_ALLOWED", "start.values[2]", "null", ""));
    let left = json!({"from": "issues", "joins": [{"kind": "left", "table": "labels", "on": lit(true)}],
        "start": {"values": [lit("i"), lit(Json::Null)]}});
    assert_eq!(good(left).start.unwrap().values, [Value::text("i"), Value::Null]);
}

#[test]
fn the_tenant_of_a_key_is_put_in() {
    let query = json!({"from": "notes", "tenant": "acme", "orderBy": [{"expr": col("text")}],
        "start": {"values": [lit("a"), lit(7)]}});
    let bound = good(query);
    assert_eq!(bound.key.len(), 2);
    assert_eq!(bound.start.unwrap().values, [Value::text("a"), Value::text("acme"), Value::Int(7)]);
}

#[test]
fn a_grouped_query_starts_at_aggregates_and_groups() {
    let query = |values: Json| {
        json!({"from": "issues", "groupBy": [{"expr": col("done")}], "select": [field("n", agg("avg", [col("priority")]))],
            "orderBy": [{"expr": col("n")}], "start": {"values": values}})
    };
    let start = good(query(json!([lit(2), lit(true)]))).start.unwrap();
    assert_eq!(start.values, [Value::Float(2.0), Value::Bool(true)]);
    assert_eq!(bad(query(json!([lit(2), lit(1)]))), at("TYPE_MISMATCH", "start.values[1]", "1", ""));
}
