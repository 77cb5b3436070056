//! What rows and queries weigh, and who holds it.

use eddyline::engine::Engine;
use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::query::{Schema, bind};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use serde_json::{Value as Json, json};

use crate::harness::case::{Step, Written};

const ROWS: usize = 20_000;

/// Issues of ten columns, as a tracker has them: some 130 bytes of cells each.
fn tracker() -> Engine {
    let column = |name: &str, ty: &str| json!({ "name": name, "type": ty });
    let names = ["id", "project", "title", "status", "assignee"].map(|n| column(n, "text"));
    let numbers = ["priority", "points", "votes", "created", "updated"].map(|n| column(n, "int"));
    let columns: Vec<Json> = names.into_iter().chain(numbers).collect();
    let schema: SchemaJson =
        serde_json::from_value(json!({ "tables": [{ "name": "issues", "key": ["id"], "columns": columns }] })).unwrap();
    let mut engine = Engine::new(Schema::from_json(&schema).unwrap());
    let table = engine.schema().table("issues").unwrap();
    let row = |n: usize| {
        let texts =
            [format!("issue-{n:06}"), format!("p{}", n % 100), format!("Issue number {n}"), "open".into(), format!("u{}", n % 7)];
        let numbers = [n % 5, n % 13, n % 11, n, n + 1];
        texts.into_iter().map(Value::text).chain(numbers.map(|n| Value::Int(n as i64))).collect::<Vec<_>>()
    };
    let changes = (0..ROWS).map(|n| Written::new(Op::Insert, table, &row(n), 0..10)).collect();
    let batch = Step { changes, ..Step::default() }.batch(engine.schema());
    engine.apply(batch).unwrap();
    engine
}

fn watch(engine: &mut Engine, query: Json) -> u32 {
    let query: QueryJson = serde_json::from_value(query).unwrap();
    let bound = bind(engine.schema(), &query).unwrap();
    engine.register(&bound).unwrap()
}

fn col(name: &str) -> Json {
    json!({ "op": "col", "name": name })
}

fn of_project(n: usize) -> Json {
    let same = json!({ "op": "=", "args": [col("project"), { "op": "lit", "value": format!("p{n}") }] });
    json!({ "from": "issues", "where": same, "orderBy": [{ "expr": col("updated"), "desc": true }], "limit": 20 })
}

#[test]
fn a_row_weighs_its_cells_and_little_more() {
    let engine = tracker();
    let bytes = engine.memory().tables as f64 / ROWS as f64;
    // Five slots of eight bytes, five ends of four, about fifty letters; a pointer, a length and a state.
    assert!(bytes < 150.0, "{bytes} bytes a row");
}

#[test]
fn a_query_weighs_its_rows_and_nothing_for_the_others() {
    let mut engine = tracker();
    let before = engine.memory();
    let views: Vec<u32> = (0..100).map(|n| watch(&mut engine, of_project(n))).collect();
    let after = engine.memory();
    let shared: usize = engine.indexes().iter().filter(|i| i.kind != "order").map(|i| i.bytes).sum();
    assert!(shared < ROWS * 60, "{shared} bytes of the index by project that new queries are filled from");
    let each = (after.operators + after.views - before.operators - before.views - shared) as f64 / 100.0;
    // An order of two hundred rows.
    assert!(each < 200.0 * 60.0, "{each} bytes a query");
    let queries = engine.queries();
    assert_eq!(queries.len(), 100);
    let own: usize = queries.iter().map(|q| q.own).sum();
    assert!(queries.iter().all(|q| q.own > 0 && q.own < 200 * 60), "{queries:?}");
    assert!(own <= after.operators + after.views, "{own}");
    views.into_iter().for_each(|v| engine.unregister(v));
}

#[test]
fn what_two_queries_use_is_shared_by_them() {
    let mut engine = tracker();
    let first = watch(&mut engine, of_project(1));
    let alone = engine.queries()[0];
    assert_eq!((alone.view, alone.shared), (first, 0));
    let second = watch(&mut engine, of_project(1));
    let both = engine.queries();
    assert!(both.iter().all(|q| q.shared > 0 && q.own < alone.own), "{both:?}");
    let order = engine.indexes().into_iter().find(|i| i.kind == "order").unwrap();
    assert_eq!(order.users, 2);
    // Beside the order they share where their filter is filed.
    assert!((order.bytes..order.bytes + 1_000).contains(&both[0].shared), "{} of {both:?}", order.bytes);
    engine.unregister(second);
    assert_eq!(engine.queries(), [alone]);
}
