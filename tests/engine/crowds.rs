//! Thousands of queries of one shape: what mounting them and a change beneath them cost, counted in rows looked at.

use eddyline::value::{Field, RowTree, Value};
use serde_json::{Value as Json, json};

use crate::work::{Counted, col, ints};

const ROWS: i64 = 20_000;
const QUERIES: i64 = 2_000;

fn lit(value: i64) -> Json {
    json!({ "op": "lit", "value": value })
}

fn of_project(project: i64) -> Json {
    let same = json!({ "op": "=", "args": [col("issues", "project"), lit(project)] });
    json!({ "from": "issues", "where": same, "orderBy": [{ "expr": col("issues", "rank") }], "limit": 3 })
}

/// Ranks from ten times a number up to the next.
fn of_ranks(n: i64) -> Json {
    let from = json!({ "op": ">=", "args": [col("issues", "rank"), lit(n * 10)] });
    let below = json!({ "op": ">", "args": [lit(n * 10 + 10), col("issues", "rank")] });
    json!({ "from": "issues", "where": { "op": "and", "args": [from, below] }, "orderBy": [{ "expr": col("issues", "rank") }] })
}

/// An open rank and a project: the equality that all share tells nothing apart.
fn of_low_rank_and_project(project: i64) -> Json {
    let rank = json!({ "op": "=", "args": [col("issues", "rank"), lit(7)] });
    let same = json!({ "op": "in", "args": [col("issues", "project"), lit(project), lit(project + QUERIES)] });
    json!({ "from": "issues", "where": { "op": "and", "args": [rank, same] } })
}

/// An issue of each number, of a project in turn and with a rank of its own.
fn filled() -> Counted {
    let mut engine = Counted::new();
    engine.put("issues", (0..ROWS).map(|i| ints(&[i, i % QUERIES, i])));
    engine
}

fn mounted(engine: &mut Counted, query: fn(i64) -> Json) -> (Vec<u32>, u64) {
    let before = engine.0.work().examined;
    let views = (0..QUERIES).map(|n| engine.watch(query(n))).collect();
    (views, engine.0.work().examined - before)
}

#[test]
fn mounting_queries_of_one_shape_reads_an_index_and_not_the_table() {
    for query in [of_project, of_ranks, of_low_rank_and_project] {
        let (_, examined) = mounted(&mut filled(), query);
        let shown = ROWS as u64;
        assert!(examined < 8 * ROWS as u64 + 4 * shown, "{examined} rows looked at for {QUERIES} queries like {}", query(0));
    }
}

#[test]
fn a_change_is_looked_at_by_the_queries_that_it_affects() {
    for query in [of_project, of_ranks, of_low_rank_and_project] {
        let mut engine = filled();
        mounted(&mut engine, query);
        let moved = engine.put("issues", [ints(&[5, 8, 91])]);
        assert!((1..=6).contains(&moved), "{moved} rows looked at under {QUERIES} queries like {}", query(0));
        let gone = engine.put("issues", [ints(&[5, -1, -1])]);
        assert!((1..=3).contains(&gone), "{gone} rows looked at when a row leaves {}", query(0));
        assert_eq!(engine.put("issues", [ints(&[5, -2, -9])]), 0, "a change that affects nobody, under {}", query(0));
    }
}

#[test]
fn queries_that_came_over_an_index_show_what_the_others_show() {
    let mut engine = filled();
    let (views, _) = mounted(&mut engine, of_ranks);
    let late = engine.watch(of_ranks(1_999));
    for (n, view) in views.iter().enumerate().step_by(97).chain([(1_999, &late)]) {
        let ranks: Vec<i64> = engine.0.rows(*view).unwrap().iter().map(rank).collect();
        assert_eq!(ranks, (n as i64 * 10..n as i64 * 10 + 10).collect::<Vec<_>>());
    }
}

fn rank(row: &RowTree) -> i64 {
    match row.get("rank") {
        Some(Field::Value(Value::Int(v))) => *v,
        other => panic!("a rank, not {other:?}"),
    }
}

#[test]
fn an_index_outlives_its_queries_for_a_while_and_leaves_nothing_behind() {
    let mut engine = filled();
    let other = engine.watch(json!({ "from": "projects" }));
    let issues = engine.watch(json!({ "from": "issues", "limit": 1, "orderBy": [{ "expr": col("issues", "rank") }] }));
    let before = engine.0.node_count();
    let (views, first) = mounted(&mut engine, of_project);
    views.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!(engine.0.node_count(), before + 1, "the index waits");
    let (views, again) = mounted(&mut engine, of_project);
    assert!(again < first, "{again} rows looked at to mount again, {first} at first");
    views.into_iter().for_each(|view| engine.0.unregister(view));
    for i in 0..300 {
        engine.put("issues", [ints(&[1, 1, i])]);
    }
    assert_eq!(engine.0.node_count(), before, "nobody came for it");
    engine.0.unregister(other);
    engine.0.unregister(issues);
    assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0));
}

#[test]
fn the_last_query_takes_the_indexes_with_it() {
    let mut engine = filled();
    let (views, _) = mounted(&mut engine, of_ranks);
    views.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0));
}
