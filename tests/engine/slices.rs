//! Queries that come in slices while rows change: in the end they are what they would be at once.

use eddyline::engine::{Engine, Mirror};
use eddyline::query::ast::QueryJson;
use eddyline::query::{Schema, bind};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use fastrand::Rng;
use serde_json::{Value as Json, json};

use crate::harness::case::{Step, Written};
use crate::harness::generate;
use crate::harness::run::cases;
use crate::world::World;

struct Twins {
    sliced: u32,
    whole: u32,
    mirror: Mirror,
    number: usize,
}

fn check(engine: &mut Engine, twins: &[Twins], seed: u64) -> usize {
    let mut compared = 0;
    for t in twins {
        let found = engine.rows(t.sliced);
        if let Ok(found) = &found {
            assert_eq!(&t.mirror.rows(), found, "seed {seed}, query {}: the mirror shows the rows", t.number);
        }
        if engine.pending(t.sliced).unwrap() == 0 {
            let expected = engine.rows(t.whole);
            assert_eq!(found.map_err(|e| e.code), expected.map_err(|e| e.code), "seed {seed}, query {}", t.number);
            compared += 1;
        }
    }
    compared
}

#[test]
fn rows_that_change_while_a_query_comes_in_slices_are_neither_lost_nor_doubled() {
    let (mut compared, mut slices) = (0, 0);
    for seed in 0..700 {
        let case = if seed % 4 == 0 { generate::graph(seed) } else { generate::case(seed) };
        let mut rng = Rng::with_seed(seed);
        let schema = Schema::from_json(&case.schema).unwrap();
        let mut engine = Engine::new(schema.clone());
        let mut twins: Vec<Twins> = Vec::new();
        let absorb = |engine: &Engine, twins: &mut Vec<Twins>, report: &eddyline::engine::Report| {
            for t in twins.iter_mut().filter(|t| report.section(t.sliced).is_some()) {
                t.mirror.absorb(engine, report);
            }
        };
        for (at, step) in case.batches.iter().enumerate() {
            for (number, watched) in case.queries.iter().enumerate() {
                // Late, when there are rows to be let in.
                if at == case.batches.len() / 2 + number % 2 {
                    let bound = bind(&schema, &watched.query).unwrap();
                    let (whole, sliced) = (engine.register(&bound).unwrap(), engine.register_sliced(&bound).unwrap());
                    let mirror = Mirror::open(&engine, sliced);
                    twins.push(Twins { sliced, whole, mirror, number });
                }
            }
            if let Ok(report) = engine.apply(step.batch(&schema)) {
                absorb(&engine, &mut twins, &report);
            }
            for view in twins.iter().map(|t| t.sliced).collect::<Vec<_>>() {
                if rng.bool() {
                    let report = engine.admit(view, rng.usize(1..5)).unwrap();
                    absorb(&engine, &mut twins, &report);
                    slices += 1;
                }
            }
            compared += check(&mut engine, &twins, seed);
        }
        for view in twins.iter().map(|t| t.sliced).collect::<Vec<_>>() {
            while engine.pending(view).unwrap() > 0 {
                let report = engine.admit(view, 3).unwrap();
                absorb(&engine, &mut twins, &report);
                slices += 1;
            }
        }
        compared += check(&mut engine, &twins, seed);
        let nodes = engine.node_count();
        twins.drain(..).for_each(|t| {
            engine.unregister(t.sliced);
            engine.unregister(t.whole);
        });
        assert!(engine.node_count() == 0, "seed {seed}: of {nodes} nodes {} are left", engine.node_count());
    }
    assert!(compared > 2000 && slices > 2000, "{compared} results, {slices} slices");
}

#[test]
fn the_six_laws_hold_for_queries_that_come_in_slices() {
    let told = [cases::<World<true>>(generate::case, 20_000..20_900), cases::<World<true>>(generate::graph, 20_000..20_300)];
    for told in told {
        match told {
            Ok(tally) => println!("{tally:?}"),
            Err(told) => panic!("{told}"),
        }
    }
}

#[test]
fn a_slice_costs_its_rows_whatever_the_table_holds() {
    for rows in [1000_i64, 20_000] {
        let schema = serde_json::from_value(serde_json::json!({ "tables": [
            { "name": "t", "key": ["id"], "columns": [{ "name": "id", "type": "int" }, { "name": "n", "type": "int" }] }] }));
        let mut engine = Engine::new(Schema::from_json(&schema.unwrap()).unwrap());
        let table = engine.schema().table("t").unwrap();
        let row = |id: i64| [eddyline::value::Value::Int(id), eddyline::value::Value::Int(id * 7919 % rows)];
        let changes =
            (0..rows).map(|id| crate::harness::case::Written::new(eddyline::store::batch::Op::Insert, table, &row(id), 0..2));
        let step = crate::harness::case::Step { changes: changes.collect(), ..Default::default() };
        let batch = step.batch(engine.schema());
        engine.apply(batch).unwrap();
        let query = serde_json::json!({ "from": "t", "orderBy": [{ "expr": { "op": "col", "name": "n" } }] });
        let bound = bind(engine.schema(), &serde_json::from_value(query).unwrap()).unwrap();
        let view = engine.register_sliced(&bound).unwrap();
        assert_eq!((engine.len(view).unwrap(), engine.pending(view).unwrap()), (0, rows as usize));
        let mut slices = 0;
        while engine.pending(view).unwrap() > 0 {
            let before = engine.work().examined;
            engine.admit(view, 100).unwrap();
            // What the gate had looked at goes with it when all are in.
            let examined = engine.work().examined.saturating_sub(before);
            assert!(examined <= 300, "{examined}");
            slices += 1;
        }
        assert_eq!((engine.len(view).unwrap(), slices), (rows as usize, rows / 100));
        let version = engine.version();
        assert_eq!(engine.admit(view, 5).unwrap().version, version, "nothing is left: no version");
    }
}

fn col(name: &str) -> Json {
    json!({ "op": "col", "name": name })
}

#[test]
fn what_came_in_slices_is_there_for_other_queries() {
    let int = |name: &str| json!({ "name": name, "type": "int" });
    let schema = json!({ "tables": [
        { "name": "p", "key": ["id"], "columns": [int("id"), int("n")], "relations": [
            { "name": "cs", "kind": "hasMany", "table": "c", "columns": ["p"], "orderBy": [{ "expr": col("id") }] }] },
        { "name": "c", "key": ["id"], "columns": [int("id"), int("p")] }] });
    let is_five = json!({ "op": "=", "args": [col("n"), { "op": "lit", "value": 5 }] });
    let on = json!({ "op": "=", "args": [{ "op": "col", "of": "p", "name": "id" }, { "op": "col", "of": "c", "name": "p" }] });
    let count = json!([{ "name": "n", "expr": col("n") }, { "name": "all", "expr": { "op": "agg", "name": "count" } }]);
    let queries = [
        json!({ "from": "p", "orderBy": [{ "expr": col("n") }] }),
        json!({ "from": "p", "where": is_five, "with": [{ "relation": "cs" }] }),
        json!({ "from": "p", "joins": [{ "kind": "inner", "table": "c", "on": on }] }),
        json!({ "from": "p", "groupBy": [{ "expr": col("n") }], "select": count }),
    ];
    let queries: Vec<QueryJson> = queries.into_iter().map(|q| serde_json::from_value(q).unwrap()).collect();
    let mut engine = Engine::new(Schema::from_json(&serde_json::from_value(schema).unwrap()).unwrap());
    let fill = |engine: &mut Engine, from: i64| {
        let row = |table: &str, cells: [i64; 2]| {
            let cells = cells.map(Value::Int);
            Written::new(Op::Upsert, engine.schema().table(table).unwrap(), &cells, 0..2)
        };
        let changes =
            (from..from + 500).flat_map(|id| [row("p", [id, id % 10 + from % 2]), row("c", [id, id * 7 % 500])]).collect();
        let batch = Step { changes, ..Step::default() }.batch(engine.schema());
        engine.apply(batch).unwrap();
    };
    fill(&mut engine, 0);
    for query in &queries {
        let bound = bind(engine.schema(), query).unwrap();
        let sliced = engine.register_sliced(&bound).unwrap();
        // There before all rows are in: that is another's.
        let before = engine.register(&bound).unwrap();
        while engine.pending(sliced).unwrap() > 0 {
            assert!(engine.explain(sliced).unwrap().contains(" gate"));
            engine.admit(sliced, 60).unwrap();
        }
        engine.unregister(before);
        engine.unregister(sliced);
        assert_eq!(engine.node_count(), 0);

        let sliced = engine.register_sliced(&bound).unwrap();
        while engine.pending(sliced).unwrap() > 0 {
            engine.admit(sliced, 60).unwrap();
        }
        assert!(!engine.explain(sliced).unwrap().contains(" gate"), "{}", engine.explain(sliced).unwrap());
        let (nodes, work) = (engine.node_count(), engine.work());
        let whole = engine.register(&bound).unwrap();
        assert_eq!((engine.node_count(), engine.work()), (nodes, work), "nothing is made, and no row looked at");
        fill(&mut engine, 251);
        let rows = engine.rows(whole).unwrap();
        assert_eq!(engine.rows(sliced).unwrap(), rows);
        engine.unregister(sliced);
        assert_eq!((engine.node_count(), &engine.rows(whole).unwrap()), (nodes, &rows));
        fill(&mut engine, 0);
        // Beside one that is there: it keeps what it made.
        let sliced = engine.register_sliced(&bound).unwrap();
        while engine.pending(sliced).unwrap() > 0 {
            engine.admit(sliced, 60).unwrap();
        }
        fill(&mut engine, 251);
        assert_eq!(engine.rows(sliced).unwrap(), engine.rows(whole).unwrap());
        engine.unregister(whole);
        fill(&mut engine, 0);
        let whole = engine.register(&bound).unwrap();
        assert_eq!(engine.rows(sliced).unwrap(), engine.rows(whole).unwrap());
        engine.unregister(sliced);
        engine.unregister(whole);
        assert_eq!(engine.node_count(), 0);
    }
}
