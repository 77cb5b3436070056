//! What a change to a graph costs: derivations that come and go, counted.

use eddyline::engine::Engine;
use eddyline::value::Value;
use fastrand::Rng;
use serde_json::json;

use super::{apply, bound, call, closure, col, cut, edge, fields, lit, of, put, reachable, recursive, schema, told};

#[test]
fn a_chain_that_is_cut_in_the_middle_costs_the_pairs_that_go() {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    let view = engine.register(&bound(&schema, &json!({ "from": closure("reach", "edge") }))).unwrap();
    apply(&mut engine, (1..1_000).map(|a| put(&schema, "edge", &edge(a, a + 1, 1))).collect());
    assert_eq!(engine.len(view).unwrap(), 1_000 * 999 / 2);
    let touched = |engine: &Engine| told(engine, view, " fixpoint", "touched");
    assert_eq!(touched(&engine), 1_000 * 999 / 2);
    let before = (touched(&engine), engine.work().examined);
    apply(&mut engine, vec![cut(&schema, "edge", &edge(500, 501, 1))]);
    assert_eq!(engine.len(view).unwrap(), 1_000 * 999 / 2 - 500 * 500);
    // Each pair had one derivation; each goes once, and no other is looked at.
    assert_eq!(touched(&engine) - before.0, 500 * 500);
    let examined = engine.work().examined - before.1;
    assert!(examined < 4 * 500 * 500, "{examined} rows looked at");
    let before = touched(&engine);
    apply(&mut engine, vec![put(&schema, "edge", &edge(500, 501, 1))]);
    assert_eq!(engine.len(view).unwrap(), 1_000 * 999 / 2);
    assert_eq!(touched(&engine) - before, 500 * 500);
    // At the end of the chain: the pairs of one node.
    let before = touched(&engine);
    apply(&mut engine, vec![cut(&schema, "edge", &edge(999, 1_000, 1))]);
    assert_eq!(touched(&engine) - before, 999);
}

/// A random graph: so many edges among so many nodes.
fn graph(rng: &mut Rng, nodes: i64, edges: usize) -> Vec<Vec<Value>> {
    let mut found = std::collections::BTreeSet::new();
    while found.len() < edges {
        found.insert((rng.i64(0..nodes), rng.i64(0..nodes)));
    }
    found.into_iter().map(|(a, b)| edge(a, b, 1)).collect()
}

#[test]
fn an_edge_of_a_large_graph_costs_what_hangs_on_it() {
    let schema = schema();
    let rng = &mut Rng::with_seed(1);
    let mut engine = Engine::new(schema.clone());
    let view = engine.register(&bound(&schema, &json!({ "from": reachable() }))).unwrap();
    let edges = graph(rng, 5_000, 10_000);
    let mut changes: Vec<_> = edges.iter().map(|e| put(&schema, "edge", e)).collect();
    changes.push(put(&schema, "node", &[Value::Int(0), Value::Bool(false)]));
    apply(&mut engine, changes);
    let reached = engine.len(view).unwrap();
    assert!(reached > 3_000, "{reached}");
    let touched = |engine: &Engine| told(engine, view, " fixpoint", "touched");
    let (mut most, mut sum, times) = (0, 0, 300);
    for _ in 0..times {
        let edge = &edges[rng.usize(0..edges.len())];
        let before = touched(&engine);
        apply(&mut engine, vec![cut(&schema, "edge", edge)]);
        apply(&mut engine, vec![put(&schema, "edge", edge)]);
        most = most.max(touched(&engine) - before);
        sum += touched(&engine) - before;
        assert_eq!(engine.len(view).unwrap(), reached);
    }
    println!("derivations touched by an edge out and in: {} on average, {most} at most, of {reached}", sum / times);
    assert!(sum / times < 100, "{} on average", sum / times);
}

#[test]
fn same_generation_of_a_large_graph_costs_what_hangs_on_an_edge() {
    let schema = schema();
    let rng = &mut Rng::with_seed(2);
    let mut engine = Engine::new(schema.clone());
    let on = |a, b| call("=", &[a, b]);
    let sibling = json!({ "from": "edge", "alias": "l",
        "joins": [{ "kind": "inner", "table": "edge", "alias": "r", "on": on(of("l", "a"), of("r", "a")) }],
        "select": fields(&[("a", of("l", "b")), ("b", of("r", "b"))]) });
    let cousin = json!({ "from": { "relation": "sg" }, "joins": [
        { "kind": "inner", "table": "edge", "alias": "x", "on": on(of("sg", "a"), of("x", "a")) },
        { "kind": "inner", "table": "edge", "alias": "y", "on": on(of("sg", "b"), of("y", "a")) }],
        "select": fields(&[("a", of("x", "b")), ("b", of("y", "b"))]) });
    let query = json!({ "from": recursive("sg", &["a", "b"], &[sibling, cousin]) });
    let view = engine.register(&bound(&schema, &query)).unwrap();
    // Families of ten with twenty edges, as all pairs of one large component would be millions.
    let mut edges = Vec::new();
    for family in 0..500 {
        for e in graph(rng, 10, 20) {
            let number = |v: &Value| if let Value::Int(n) = v { n + family * 10 } else { unreachable!() };
            edges.push(edge(number(&e[0]), number(&e[1]), 1));
        }
    }
    apply(&mut engine, edges.iter().map(|e| put(&schema, "edge", e)).collect());
    let all = engine.len(view).unwrap();
    let touched = |engine: &Engine| told(engine, view, " fixpoint", "touched");
    let derivations = told(&engine, view, " fixpoint", "derivations");
    let (mut sum, times) = (0, 100);
    for _ in 0..times {
        let edge = &edges[rng.usize(0..edges.len())];
        let before = touched(&engine);
        apply(&mut engine, vec![cut(&schema, "edge", edge)]);
        apply(&mut engine, vec![put(&schema, "edge", edge)]);
        sum += touched(&engine) - before;
        assert_eq!(engine.len(view).unwrap(), all);
    }
    println!("same generation: {all} pairs, {derivations} derivations, {} touched by an edge out and in", sum / times);
    assert!(sum / times < derivations / 100, "{} of {derivations}", sum / times);
}

#[test]
fn a_circle_that_is_cut_loose_goes_whole_and_nothing_else_is_touched() {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    let view = engine.register(&bound(&schema, &json!({ "from": reachable() }))).unwrap();
    let mut changes = vec![put(&schema, "node", &[Value::Int(0), Value::Bool(false)])];
    // A circle of 100 on one edge, beside a thousand nodes in a star.
    changes.extend((1..=100).map(|a| put(&schema, "edge", &edge(a, a % 100 + 1, 1))));
    changes.extend((1_000..2_000).map(|b| put(&schema, "edge", &edge(0, b, 1))));
    changes.push(put(&schema, "edge", &edge(0, 50, 1)));
    apply(&mut engine, changes);
    assert_eq!(engine.len(view).unwrap(), 1_101);
    let before = told(&engine, view, " fixpoint", "touched");
    apply(&mut engine, vec![cut(&schema, "edge", &edge(0, 50, 1))]);
    assert_eq!(engine.len(view).unwrap(), 1_001);
    assert_eq!(told(&engine, view, " fixpoint", "touched") - before, 101);
}

#[test]
fn the_explanation_shows_the_circuit_within_and_what_its_rounds_did() {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    let start = json!({ "from": "edge", "where": call("=", &[col("a"), lit(0)]), "select": fields(&[("id", col("b"))]) });
    let step = json!({ "from": { "relation": "far" },
        "joins": [{ "kind": "inner", "table": "edge", "on": call("=", &[of("far", "id"), of("edge", "a")]) }],
        "select": fields(&[("id", of("edge", "b"))]) });
    let view = engine.register(&bound(&schema, &json!({ "from": recursive("far", &["id"], &[start, step]) }))).unwrap();
    apply(&mut engine, (0..5).map(|a| put(&schema, "edge", &edge(a, (a + 1) % 5, 1))).collect());
    let number = |word: &str| told(&engine, view, " fixpoint", word);
    assert_eq!([number("rounds"), number("facts"), number("derivations"), number("touched")], [5, 5, 6, 6]);
    let text = engine.explain(view).unwrap();
    for part in [" recursive far: in", " growing far: in 0, out 5", " join: in", " source edge: in"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}
