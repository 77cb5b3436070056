//! Recursion: programs over graphs with cycles, whose edges come and go, against the naive fixpoint; what a change costs; and
//! recursions that come to no end.

mod limits;
mod programs;
mod work;

use eddyline::engine::{Engine, ViewId};
use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::query::{BoundQuery, Schema, bind};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use serde_json::{Value as Json, json};

use crate::harness::case::{Step, Written};

/// Nodes, some of them blocked, and edges with weights.
fn schema() -> Schema {
    let int = |name: &str| json!({ "name": name, "type": "int" });
    let schema: SchemaJson = serde_json::from_value(json!({ "tables": [
        { "name": "edge", "key": ["a", "b"], "columns": [int("a"), int("b"), int("w")] },
        { "name": "node", "key": ["id"], "columns": [int("id"), { "name": "blocked", "type": "bool" }] },
    ] }))
    .unwrap();
    Schema::from_json(&schema).unwrap()
}

fn bound(schema: &Schema, query: &Json) -> BoundQuery {
    let query: QueryJson = serde_json::from_value(query.clone()).unwrap();
    bind(schema, &query).unwrap_or_else(|e| panic!("{e}\n{query:?}"))
}

fn edge(a: i64, b: i64, w: i64) -> Vec<Value> {
    vec![Value::Int(a), Value::Int(b), Value::Int(w)]
}

fn put(schema: &Schema, table: &str, row: &[Value]) -> Written {
    Written::new(Op::Upsert, schema.table(table).unwrap(), row, 0..row.len())
}

fn cut(schema: &Schema, table: &str, row: &[Value]) -> Written {
    let table = schema.table(table).unwrap();
    Written::new(Op::Delete, table, row, table.key.iter().copied())
}

fn apply(engine: &mut Engine, changes: Vec<Written>) {
    let batch = Step { changes, ..Step::default() }.batch(engine.schema());
    engine.apply(batch).unwrap();
}

/// A number in the line of a view's explanation that begins with some word.
fn told(engine: &Engine, view: ViewId, line: &str, word: &str) -> i64 {
    let text = engine.explain(view).unwrap();
    let line = text.lines().find(|l| l.contains(line)).unwrap_or_else(|| panic!("no {line} in\n{text}"));
    let at = line.find(word).unwrap_or_else(|| panic!("no {word} in {line}")) + word.len();
    line[at..].trim_start().chars().take_while(|c| c.is_ascii_digit()).collect::<String>().parse().unwrap()
}

fn col(name: &str) -> Json {
    json!({ "op": "col", "name": name })
}

fn of(alias: &str, name: &str) -> Json {
    json!({ "op": "col", "name": name, "of": alias })
}

fn lit(value: impl Into<Json>) -> Json {
    json!({ "op": "lit", "value": value.into() })
}

fn call(op: &str, args: &[Json]) -> Json {
    json!({ "op": op, "args": args })
}

fn fields(fields: &[(&str, Json)]) -> Json {
    fields.iter().map(|(name, expr)| json!({ "name": name, "expr": expr })).collect()
}

/// One relation made of some branches.
fn recursive(name: &str, columns: &[&str], branches: &[Json]) -> Json {
    json!({ "recursive": { "relations": [{ "name": name, "columns": columns, "branches": branches }], "result": name } })
}

/// The edges as pairs.
fn edges() -> Json {
    json!({ "from": "edge", "select": fields(&[("a", col("a")), ("b", col("b"))]) })
}

/// Pairs (a, c) of a pair (a, b) of one source and (b, c) of another; sources are `edge` or a relation.
fn composed(left: &str, right: &str) -> Json {
    let source = |name: &str, alias: &str| match name {
        "edge" => json!({ "table": name, "alias": alias }),
        _ => json!({ "relation": name, "alias": alias }),
    };
    let mut join = source(right, "r");
    join["kind"] = json!("inner");
    join["on"] = call("=", &[of("l", "b"), of("r", "a")]);
    let from = if left == "edge" { json!("edge") } else { json!({ "relation": left }) };
    json!({ "from": from, "alias": "l", "joins": [join], "select": fields(&[("a", of("l", "a")), ("b", of("r", "b"))]) })
}

/// Pairs of nodes with a way between them.
fn closure(left: &str, right: &str) -> Json {
    recursive("reach", &["a", "b"], &[edges(), composed(left, right)])
}

/// Nodes with a way from node 0, and node 0.
fn reachable() -> Json {
    let start = json!({ "from": "node", "where": call("=", &[col("id"), lit(0)]), "select": fields(&[("id", col("id"))]) });
    let step = json!({ "from": { "relation": "reach" },
        "joins": [{ "kind": "inner", "table": "edge", "on": call("=", &[of("reach", "id"), of("edge", "a")]) }],
        "select": fields(&[("id", of("edge", "b"))]) });
    recursive("reach", &["id"], &[start, step])
}
