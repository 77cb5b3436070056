//! Recursions that come to no end: an error of the view, until they do.

use eddyline::engine::Engine;
use eddyline::error::ErrorCode;
use eddyline::value::Value;
use serde_json::{Value as Json, json};

use super::{apply, bound, call, col, cut, edge, fields, lit, of, put, recursive, schema};

/// Every node counts up from its number.
fn counter(most: u32) -> Json {
    let first = json!({ "from": "node", "select": fields(&[("n", col("id"))]) });
    let next = json!({ "from": { "relation": "up" }, "where": call(">", &[col("n"), lit(0)]),
        "select": fields(&[("n", call("+", &[of("up", "n"), lit(1)]))]) });
    let mut from = recursive("up", &["n"], &[first, next]);
    from["recursive"]["maxRounds"] = json!(most);
    json!({ "from": from })
}

fn node(id: i64) -> Vec<Value> {
    vec![Value::Int(id), Value::Bool(false)]
}

#[test]
fn what_finds_ever_more_is_an_error_until_its_cause_goes() {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    let view = engine.register(&bound(&schema, &counter(1_000))).unwrap();
    apply(&mut engine, vec![put(&schema, "node", &node(0))]);
    assert_eq!(engine.rows(view).unwrap().len(), 1);
    apply(&mut engine, vec![put(&schema, "node", &node(1))]);
    assert_eq!(engine.rows(view).unwrap_err().code, ErrorCode::RecursionLimit);
    // While it is in error a change costs a few rounds, and does not mend it.
    apply(&mut engine, vec![put(&schema, "node", &node(5_000_000))]);
    assert_eq!(engine.rows(view).unwrap_err().code, ErrorCode::RecursionLimit);
    apply(&mut engine, vec![cut(&schema, "node", &node(1)), cut(&schema, "node", &node(5_000_000))]);
    assert_eq!(engine.rows(view).unwrap().len(), 1);
    apply(&mut engine, vec![cut(&schema, "node", &node(0))]);
    assert_eq!(engine.rows(view).unwrap().len(), 0);
    engine.unregister(view);
    apply(&mut engine, Vec::new());
    assert_eq!((engine.node_count(), engine.memory().operators), (0, 0));
}

#[test]
fn a_query_that_is_registered_over_such_rows_is_in_error() {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    apply(&mut engine, vec![put(&schema, "node", &node(7))]);
    let view = engine.register(&bound(&schema, &counter(100_000))).unwrap();
    assert_eq!(engine.view_error(view).unwrap().unwrap().code, ErrorCode::RecursionLimit);
    engine.unregister(view);
    assert_eq!(engine.node_count(), 0);
}

#[test]
fn lengths_that_fall_around_a_circle_are_an_error_until_it_is_cut() {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    let step = json!({ "from": { "relation": "path", "alias": "l" },
        "joins": [{ "kind": "inner", "table": "edge", "alias": "r", "on": call("=", &[of("l", "b"), of("r", "a")]) }],
        "select": fields(&[("a", of("l", "a")), ("b", of("r", "b")), ("d", call("+", &[of("l", "d"), of("r", "w")]))]) });
    let mut from = recursive("path", &["a", "b", "d"], &[json!({ "from": "edge" }), step]);
    from["recursive"]["relations"][0]["min"] = json!({ "column": "d", "by": ["a", "b"] });
    from["recursive"]["maxRounds"] = json!(200);
    let view = engine.register(&bound(&schema, &json!({ "from": from }))).unwrap();
    let edges = [edge(1, 2, 1), edge(2, 3, -3), edge(3, 1, 1)];
    apply(&mut engine, edges.iter().map(|e| put(&schema, "edge", e)).collect());
    assert_eq!(engine.rows(view).unwrap_err().code, ErrorCode::RecursionLimit);
    apply(&mut engine, vec![cut(&schema, "edge", &edges[2])]);
    assert_eq!(engine.rows(view).unwrap().len(), 3);
    apply(&mut engine, vec![put(&schema, "edge", &edge(3, 1, 2))]);
    assert_eq!(engine.rows(view).unwrap().len(), 9);
}
