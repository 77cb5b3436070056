//! What it costs to set a parameter or to move a window: counted, not timed.

use eddyline::engine::{Engine, Mirror};
use eddyline::query::ast::{ParamsJson, QueryJson, SchemaJson};
use eddyline::query::{Schema, bind};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use serde_json::{Value as Json, json};

use crate::harness::case::{Step, Written};

const ROWS: i64 = 10_000;

struct Counted {
    engine: Engine,
    view: u32,
    mirror: Mirror,
}

/// Ten thousand rows, a hundred of each rank, a thousand of each project.
fn watched(query: Json) -> Counted {
    let int = |name: &str| json!({ "name": name, "type": "int" });
    let schema: SchemaJson = serde_json::from_value(json!({ "tables": [
        { "name": "issues", "key": ["id"], "columns": [int("id"), int("project"), int("rank")],
          "relations": [{ "name": "siblings", "kind": "hasMany", "table": "issues", "columns": ["project"], "references": ["id"] }] },
    ] }))
    .unwrap();
    let mut engine = Engine::new(Schema::from_json(&schema).unwrap());
    let table = engine.schema().table("issues").unwrap();
    let row = |id: i64| vec![Value::Int(id), Value::Int(id % 10), Value::Int(id / 100)];
    let changes = (0..ROWS).map(|id| Written::new(Op::Insert, table, &row(id), 0..3)).collect();
    let batch = Step { changes, ..Step::default() }.batch(engine.schema());
    engine.apply(batch).unwrap();
    let query: QueryJson = serde_json::from_value(query).unwrap();
    let view = engine.register(&bind(engine.schema(), &query).unwrap()).unwrap();
    let mirror = Mirror::open(&engine, view);
    Counted { engine, view, mirror }
}

impl Counted {
    /// Sets a parameter; rows examined, and patches.
    fn set(&mut self, name: &str, value: i64) -> (u64, usize) {
        let given = json!({ "params": [{ "name": name, "value": { "op": "lit", "value": value } }] });
        let given: ParamsJson = serde_json::from_value(given).unwrap();
        let before = self.engine.work().examined;
        let report = self.engine.set_params(self.view, &given.params).unwrap();
        let patches = self.mirror.absorb(&self.engine, &report).len();
        assert_eq!(self.mirror.rows(), self.engine.rows(self.view).unwrap());
        (self.engine.work().examined - before, patches)
    }

    fn show(&mut self, start: usize, count: usize) -> usize {
        let report = self.engine.show(self.view, Some((start, count))).unwrap();
        let patches = self.mirror.absorb(&self.engine, &report).len();
        assert_eq!(self.mirror.rows(), self.engine.rows(self.view).unwrap());
        patches
    }

    fn put(&mut self, id: i64, project: i64, rank: i64) -> u64 {
        let table = self.engine.schema().table("issues").unwrap();
        let row = vec![Value::Int(id), Value::Int(project), Value::Int(rank)];
        let changes = vec![Written::new(Op::Upsert, table, &row, 0..3)];
        let before = self.engine.work().examined;
        let batch = Step { changes, ..Step::default() }.batch(self.engine.schema());
        let report = self.engine.apply(batch).unwrap();
        self.mirror.absorb(&self.engine, &report);
        self.engine.work().examined - before
    }
}

fn col(name: &str) -> Json {
    json!({ "op": "col", "name": name })
}

fn compared(op: &str, column: &str, name: &str) -> Json {
    json!({ "op": op, "args": [col(column), { "op": "param", "name": name }] })
}

fn given(name: &str, value: i64) -> Json {
    json!({ "name": name, "value": { "op": "lit", "value": value } })
}

#[test]
fn a_range_costs_the_rows_that_enter_and_leave() {
    let filter = compared(">=", "rank", "least");
    let mut live = watched(json!({ "from": "issues", "where": filter, "params": [given("least", 10)] }));
    let (examined, patches) = live.set("least", 11);
    assert_eq!(patches, 100);
    assert!(examined <= 200, "{examined} rows examined for 100 that left");
    let (examined, patches) = live.set("least", 9);
    assert_eq!(patches, 200);
    assert!(examined <= 400, "{examined} rows examined for 200 that came");
    // A version does not know of it.
    assert_eq!(live.set("least", 9), (0, 0));
    let examined = live.put(5, 5, 50);
    assert!(examined < 10, "{examined} rows examined for one that changed");
}

#[test]
fn an_equality_costs_the_rows_of_both_values() {
    let other = json!({ "op": "<", "args": [col("id"), { "op": "lit", "value": 5000 }] });
    let filter = json!({ "op": "and", "args": [compared("=", "rank", "rank"), other] });
    let mut live = watched(json!({ "from": "issues", "where": filter, "params": [given("rank", 10)] }));
    let (examined, patches) = live.set("rank", 20);
    assert_eq!(patches, 200);
    assert!(examined <= 600, "{examined}");
    assert_eq!(live.set("rank", 70).1, 100);
}

#[test]
fn what_no_order_serves_is_evaluated_once_a_row() {
    let sum = json!({ "op": "+", "args": [col("rank"), { "op": "param", "name": "p" }] });
    let filter = json!({ "op": "=", "args": [sum, { "op": "lit", "value": 30 }] });
    let mut live = watched(json!({ "from": "issues", "where": filter, "params": [given("p", 10)] }));
    let (examined, patches) = live.set("p", 11);
    assert_eq!(patches, 200);
    assert!(examined <= ROWS as u64 + 400, "{examined}");
}

#[test]
fn a_limit_and_a_window_cost_what_enters_and_leaves() {
    let order = json!([{ "expr": col("rank"), "desc": true }]);
    let query = json!({ "from": "issues", "orderBy": order, "limitParam": "n", "offsetParam": "m",
        "params": [given("n", 50), given("m", 0)] });
    let mut live = watched(query);
    assert_eq!(live.set("n", 53), (0, 3));
    assert_eq!(live.set("m", 2), (0, 4));
    assert_eq!(live.set("n", 0), (0, 53));
    let mut live =
        watched(json!({ "from": "issues", "orderBy": order, "with": [{ "relation": "siblings", "query": { "limit": 2 } }] }));
    assert_eq!(live.show(0, 20), ROWS as usize - 20);
    assert_eq!(live.show(5, 20), 10);
    assert_eq!(live.show(9_000, 20), 40);
    // What changes outside of the window is not told.
    live.put(ROWS, 3, 1_000);
    assert_eq!(live.mirror.rows(), live.engine.rows(live.view).unwrap());
    assert_eq!(live.show(9_990, 20), 31);
    assert_eq!(live.mirror.rows().len(), 11);
}

#[test]
fn parameters_go_with_their_view() {
    let before = watched(json!({ "from": "issues" })).engine.memory();
    let filter = compared(">=", "rank", "least");
    let mut live = watched(json!({ "from": "issues", "where": filter, "params": [given("least", 10)] }));
    live.set("least", 20);
    live.engine.unregister(live.view);
    let after = live.engine.memory();
    assert_eq!((after.operators, after.views, live.engine.node_count()), (0, 0, 0));
    assert!(before.operators > 0);
}

#[test]
fn the_plan_says_what_is_sought() {
    let filter =
        json!({ "op": "between", "args": [col("rank"), { "op": "param", "name": "a" }, { "op": "param", "name": "b" }] });
    let live = watched(json!({ "from": "issues", "where": filter, "params": [given("a", 10), given("b", 12)] }));
    let plan = live.engine.explain(live.view).unwrap();
    assert!(plan.contains("seek by 2 comparisons with parameters") && plan.contains("source of parameters"), "{plan}");
}
