//! Programs of every shape that recursion can have, over random histories, against the naive fixpoint.

use eddyline::engine::{Engine, Mirror};
use eddyline::reference::{Data, evaluate};
use eddyline::value::Value;
use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::{bound, call, closure, col, composed, cut, edge, edges, fields, lit, of, put, reachable, recursive, schema};
use crate::harness::case::Step;

/// Programs by what they show.
fn programs() -> Vec<(&'static str, Json)> {
    let weighted = json!({ "from": "edge" });
    let longer = |left: &str, right: &str, weight: Json| {
        let mut step = composed(left, right);
        step["select"] = fields(&[("a", of("l", "a")), ("b", of("r", "b")), ("d", weight)]);
        step
    };
    let best = |which: &str, right: &str, weight: Json| {
        let branches = [weighted.clone(), longer("path", right, weight)];
        let mut from = recursive("path", &["a", "b", "d"], &branches);
        from["recursive"]["relations"][0][which] = json!({ "column": "d", "by": ["a", "b"] });
        json!({ "from": from })
    };
    let sum = |right: &str| call("+", &[of("l", "d"), of("r", right)]);
    let on = |a: Json, b: Json| call("=", &[a, b]);
    let mutual = json!({ "from": { "recursive": { "result": "even", "relations": [
        { "name": "odd", "columns": ["a", "b"], "branches": [edges(), composed("even", "edge")] },
        { "name": "even", "columns": ["a", "b"], "branches": [composed("odd", "edge")] },
    ] } } });
    let sibling = json!({ "from": "edge", "alias": "l",
        "joins": [{ "kind": "inner", "table": "edge", "alias": "r", "on": on(of("l", "a"), of("r", "a")) }],
        "select": fields(&[("a", of("l", "b")), ("b", of("r", "b"))]) });
    let cousin = json!({ "from": { "relation": "sg" }, "joins": [
        { "kind": "inner", "table": "edge", "alias": "x", "on": on(of("sg", "a"), of("x", "a")) },
        { "kind": "inner", "table": "edge", "alias": "y", "on": on(of("sg", "b"), of("y", "a")) }],
        "select": fields(&[("a", of("x", "b")), ("b", of("y", "b"))]) });
    let mut open = composed("reach", "edge");
    let blocked = json!({ "from": "node", "where": call("and", &[col("blocked"), on(of("node", "id"), of("r", "b"))]) });
    open["where"] = json!({ "op": "notExists", "query": blocked });
    let optional = json!({ "from": { "relation": "reach", "alias": "l" }, "joins": [
        { "kind": "inner", "table": "edge", "alias": "r", "on": on(of("l", "b"), of("r", "a")) },
        { "kind": "left", "table": "node", "on": on(of("node", "id"), of("r", "b")) }],
        "where": call("isDistinctFrom", &[of("node", "blocked"), lit(true)]),
        "select": fields(&[("a", of("l", "a")), ("b", of("r", "b"))]) });
    let within = json!({ "from": { "query": { "from": { "relation": "reach" }, "where": call("<", &[col("a"), lit(4)]) }, "alias": "l" },
        "joins": [{ "kind": "inner", "table": "edge", "alias": "r", "on": on(of("l", "b"), of("r", "a")) }],
        "select": fields(&[("a", of("l", "a")), ("b", of("r", "b"))]) });
    let by_name = json!({ "ctes": [{ "name": "far", "query": { "from": { "relation": "reach" }, "where": call("!=", &[col("a"), col("b")]) } }],
        "from": "far", "alias": "l",
        "joins": [{ "kind": "inner", "table": "far", "alias": "r", "on": on(of("l", "b"), of("r", "a")) }],
        "select": fields(&[("a", of("l", "a")), ("b", of("r", "b"))]) });
    let by_range = json!({ "from": { "relation": "reach", "alias": "l" },
        "joins": [{ "kind": "inner", "relation": "reach", "alias": "r", "on": call("and",
            &[call("<", &[of("l", "a"), of("r", "a")]), call("<", &[of("r", "b"), of("l", "b")])]) }],
        "where": call("<", &[call("+", &[of("l", "a"), of("r", "b")]), lit(9)]),
        "select": fields(&[("a", of("r", "b")), ("b", of("l", "a"))]) });
    let three = json!({ "from": { "relation": "reach", "alias": "l" }, "joins": [
        { "kind": "inner", "relation": "reach", "alias": "m", "on": on(of("l", "b"), of("m", "a")) },
        { "kind": "inner", "relation": "reach", "alias": "r", "on": on(of("m", "b"), of("r", "a")) }],
        "select": fields(&[("a", of("l", "a")), ("b", of("r", "b"))]) });
    let counter = json!({ "from": { "relation": "n" }, "where": call("<", &[of("n", "k"), lit(30)]),
        "select": fields(&[("id", of("n", "id")), ("k", call("+", &[of("n", "k"), call("+", &[of("n", "id"), lit(1)])]))]) });
    let nested = json!({ "from": { "relation": "up" }, "alias": "l", "joins": [{ "kind": "inner", "alias": "r",
        "recursive": closure("reach", "edge")["recursive"], "on": on(of("l", "b"), of("r", "a")) }],
        "select": fields(&[("a", of("r", "b")), ("b", of("l", "a"))]) });
    let label = json!({ "from": "node", "select": fields(&[("id", col("id")), ("label", col("id"))]) });
    let spread = json!({ "from": { "relation": "part" }, "joins": [{ "kind": "inner", "table": "edge", "on": call("or",
        &[on(of("part", "id"), of("edge", "a")), on(of("part", "id"), of("edge", "b"))]) }],
        "select": fields(&[("id", json!({ "op": "case", "args": [on(of("part", "id"), of("edge", "a")), of("edge", "b"), of("edge", "a")] })),
            ("label", of("part", "label"))]) });
    let mut parts = recursive("part", &["id", "label"], &[label, spread]);
    parts["recursive"]["relations"][0]["min"] = json!({ "column": "label", "by": ["id"] });
    let mut hop = best("min", "edge", sum("w"));
    hop["from"]["recursive"]["relations"][0]["columns"] = json!(["a", "b", "d", "via"]);
    let via = |branch: &mut Json, via: Json| branch["select"].as_array_mut().unwrap().push(json!({ "name": "via", "expr": via }));
    let branches = &mut hop["from"]["recursive"]["relations"][0]["branches"];
    branches[0]["select"] = fields(&[("a", col("a")), ("b", col("b")), ("d", call("+", &[col("w"), lit(1)]))]);
    via(&mut branches[0], col("a"));
    branches[1]["select"] = fields(&[("a", of("l", "a")), ("b", of("r", "b")), ("d", call("+", &[sum("w"), lit(1)]))]);
    via(&mut branches[1], of("l", "b"));
    let read = json!({ "from": reachable(), "alias": "r", "select": fields(&[("id", of("r", "id"))]) });
    let unreached = json!({ "from": "node", "where": { "op": "notInQuery", "args": [col("id")], "query": read } });
    let counted = json!({ "from": closure("reach", "edge"), "groupBy": [{ "name": "a", "expr": col("a") }],
        "select": fields(&[("a", col("a")), ("n", json!({ "op": "agg", "name": "count", "args": [] }))]) });
    let sums = json!({ "from": closure("reach", "edge"), "alias": "l", "joins": [{ "kind": "left", "alias": "r",
        "recursive": closure("reach", "reach")["recursive"],
        "on": call("and", &[on(of("l", "a"), of("r", "b")), on(of("l", "b"), of("r", "a"))]) }],
        "select": fields(&[("a", of("l", "a")), ("b", of("l", "b")), ("c", of("r", "a"))]) });
    vec![
        ("closure, from the left", json!({ "from": closure("reach", "edge") })),
        ("closure, from the right", json!({ "from": closure("edge", "reach") })),
        ("closure, non-linear", json!({ "from": closure("reach", "reach") })),
        ("closure, by three", json!({ "from": recursive("reach", &["a", "b"], &[edges(), composed("reach", "edge"), three]) })),
        ("reachable from one", json!({ "from": reachable() })),
        ("ways of even length", mutual),
        ("same generation", json!({ "from": recursive("sg", &["a", "b"], &[sibling, cousin]) })),
        ("ways that avoid what is blocked", json!({ "from": recursive("reach", &["a", "b"], &[edges(), open]) })),
        ("an outer join beside the relation", json!({ "from": recursive("reach", &["a", "b"], &[edges(), optional]) })),
        ("a query over the relation", json!({ "from": recursive("reach", &["a", "b"], &[edges(), within]) })),
        ("a common table expression over the relation", json!({ "from": recursive("reach", &["a", "b"], &[edges(), by_name]) })),
        ("a range of the relation", json!({ "from": recursive("reach", &["a", "b"], &[edges(), by_range]) })),
        ("a recursion in a branch", json!({ "from": recursive("up", &["a", "b"], &[edges(), nested]) })),
        (
            "numbers up to a bound",
            json!({ "from": recursive("n", &["id", "k"],
            &[json!({ "from": "node", "select": fields(&[("id", col("id")), ("k", col("id"))]) }), counter]) }),
        ),
        ("shortest ways", best("min", "edge", sum("w"))),
        ("shortest ways, non-linear", best("min", "path", sum("d"))),
        ("widest ways", best("max", "edge", call("least", &[of("l", "d"), of("r", "w")]))),
        ("shortest ways and where they go", hop),
        ("connected parts", json!({ "from": parts })),
        ("what is not reached", unreached),
        ("counted by group", counted),
        ("two recursions", sums),
    ]
}

fn run(seed: u64, name: &str, query: &Json) {
    let schema = schema();
    let rng = &mut Rng::with_seed(seed);
    let (mut engine, mut data) = (Engine::new(schema.clone()), Data::new(&schema));
    let query = bound(&schema, query);
    let nodes = rng.i64(3..9);
    let from = if rng.bool() { 0 } else { rng.usize(0..8) };
    let mut mirror: Option<Mirror> = None;
    let mut view = None;
    for step in 0..16 {
        if step == from {
            let registered = engine.register(&query).unwrap();
            mirror = Some(Mirror::open(&engine, registered));
            view = Some(registered);
        }
        let mut changes = Vec::new();
        for _ in 0..if step == 0 { rng.usize(0..20) } else { rng.usize(1..4) } {
            let (a, b) = (rng.i64(0..nodes), rng.i64(0..nodes));
            changes.push(match rng.u32(0..10) {
                0 | 1 => put(&schema, "node", &[Value::Int(a), Value::Bool(rng.u32(0..4) == 0)]),
                2 => cut(&schema, "node", &[Value::Int(a), Value::Bool(false)]),
                3..=6 => cut(&schema, "edge", &edge(a, b, 0)),
                _ => put(&schema, "edge", &edge(a, b, rng.i64(0..4))),
            });
        }
        if rng.u32(0..4) == 0 {
            let more = (0..nodes).map(|a| put(&schema, "edge", &edge(a, (a + 1) % nodes, rng.i64(0..4))));
            changes.extend(more);
        }
        let batch = Step { changes, ..Step::default() }.batch(&schema);
        data.apply(&schema, &batch).unwrap();
        let report = engine.apply(batch).unwrap();
        let Some(view) = view else { continue };
        let expected = evaluate(&schema, &data, &query).unwrap();
        let found = engine.rows(view).unwrap_or_else(|e| panic!("{name}, seed {seed}, step {step}: {e}"));
        assert_eq!(expected, found, "{name}, seed {seed}, step {step}\n{}", engine.explain(view).unwrap());
        let mirror = mirror.as_mut().unwrap();
        mirror.absorb(&engine, &report);
        assert_eq!(mirror.rows(), found, "{name}, seed {seed}, step {step}");
        let fresh = engine.register(&query).unwrap();
        assert_eq!(engine.rows(fresh).unwrap(), found, "{name}, seed {seed}, step {step}");
        engine.unregister(fresh);
    }
    let Some(view) = view else { return };
    // As if it had been asked for the first time now: in an engine that knows nothing else.
    let nodes = engine.node_count();
    engine.unregister(view);
    assert_eq!(engine.node_count(), 0, "{name}, seed {seed}: of {nodes}");
    let again = engine.register(&query).unwrap();
    assert_eq!(evaluate(&schema, &data, &query).unwrap(), engine.rows(again).unwrap(), "{name}, seed {seed}");
}

#[test]
fn programs_are_their_naive_fixpoint_whatever_comes_and_goes() {
    let times: f64 = std::env::var("ORACLE_RUNS").map_or(1.0, |n| n.parse().expect("a number"));
    for (name, query) in programs() {
        for seed in 0..(12.0 * times).ceil() as u64 {
            run(seed, name, &query);
        }
    }
}
