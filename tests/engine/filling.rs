//! Indexes that filters of large tables are filled from: made in slices, while rows change and queries come.

use eddyline::query::bind;
use serde_json::{Value as Json, json};

use crate::work::{Counted, col, ints};

const ROWS: i64 = 40_000;
const PROJECTS: i64 = 100;
/// Rows looked at for a query that an index gives its rows: by its filter, and by its order.
const OWN: u64 = 2 * (ROWS / PROJECTS) as u64;

fn lit(value: i64) -> Json {
    json!({ "op": "lit", "value": value })
}

fn of_project(project: i64) -> Json {
    json!({ "from": "issues", "where": { "op": "=", "args": [col("issues", "project"), lit(project)] } })
}

/// Ranks from ten times a number up to the next.
fn of_ranks(n: i64) -> Json {
    let from = json!({ "op": ">=", "args": [col("issues", "rank"), lit(n * 10)] });
    let below = json!({ "op": "<", "args": [col("issues", "rank"), lit(n * 10 + 10)] });
    json!({ "from": "issues", "where": { "op": "and", "args": [from, below] } })
}

fn filled() -> Counted {
    let mut engine = Counted::new();
    engine.put("issues", (0..ROWS).map(|i| ints(&[i, i % PROJECTS, i % PROJECTS * 10 + i / PROJECTS % 10])));
    engine
}

/// Bytes of the indexes, and how many there are.
fn indexes(engine: &Counted) -> (usize, usize) {
    let filters = engine.0.indexes().into_iter().filter(|index| index.kind == "arrange" || index.kind == "arrange in order");
    filters.fold((0, 0), |(bytes, n), index| (bytes + index.bytes, n + 1))
}

#[test]
fn an_index_for_filters_is_filled_in_slices_by_those_who_would_use_it() {
    // With time between them, and without.
    let queries: [fn(i64) -> Json; 2] = [of_project, of_ranks];
    for (query, pause, least) in queries.into_iter().flat_map(|query| [(query, true, 9), (query, false, 3)]) {
        let mut engine = filled();
        let views: Vec<u32> = (0..3).map(|n| engine.watch(query(n))).collect();
        assert_eq!(indexes(&engine), (0, 0), "three are not worth it");
        let (mut examined, mut taken) = (Vec::new(), Vec::new());
        for n in 3..20 {
            let before = engine.0.work();
            let view = engine.watch(query(n));
            assert_eq!(engine.0.len(view).unwrap() as i64, ROWS / PROJECTS);
            let after = engine.0.work();
            examined.push(after.examined - before.examined);
            taken.push(after.rows_in - before.rows_in - (after.examined - before.examined));
            if pause {
                engine.0.sweep(100);
            }
        }
        let fill = taken.iter().filter(|rows| **rows > 0).count();
        assert!((least..=least + 2).contains(&fill), "pause {pause}: the index takes {taken:?}");
        assert!(!pause || taken.iter().all(|rows| *rows <= 4096), "pause {pause}: the index takes {taken:?}");
        assert!(examined.windows(2).all(|w| w[1] <= w[0]), "each looks at what the index lacks: {examined:?}");
        assert_eq!(examined.last(), Some(&OWN), "and in the end at its own rows");
        let held = indexes(&engine).0;
        views.into_iter().for_each(|view| engine.0.unregister(view));
        assert_eq!(indexes(&engine), (held, 1));
    }
}

#[test]
fn versions_fill_an_index_too_and_no_change_meanwhile_is_lost_or_doubled() {
    for query in [of_project, of_ranks] {
        let mut engine = filled();
        (0..4).for_each(|n| {
            engine.watch(query(n));
        });
        let mut expected = vec![ROWS / PROJECTS; PROJECTS as usize];
        let mut project: Vec<i64> = (0..ROWS).map(|i| i % PROJECTS).collect();
        let mut versions = 0;
        // A query now and then: none of them shows what the index does not have once only, or has no more.
        while versions < 60 {
            versions += 1;
            // Of the rows that are in, and of those that are not; a place is given to another row.
            for id in [versions * 601 % 4000, ROWS - 1 - versions * 37 % 4000] {
                let to = (project[id as usize] + 1) % PROJECTS;
                let before = engine.0.work().rows_in;
                engine.put("issues", [ints(&[id, to, to * 10 + 5])]);
                let taken = engine.0.work().rows_in - before;
                assert!(
                    taken < 400 && (versions > 12 || taken > 150),
                    "{taken} rows are put into the index in version {versions}"
                );
                expected[std::mem::replace(&mut project[id as usize], to) as usize] -= 1;
                expected[to as usize] += 1;
            }
            if versions % 10 == 3 {
                for n in [5, 41, 96, 97, 98, 99] {
                    let view = engine.watch(query(n));
                    assert_eq!(engine.0.len(view).unwrap() as i64, expected[n as usize], "version {versions}, {n}");
                    engine.0.unregister(view);
                }
            }
        }
        let before = engine.0.work().examined;
        let view = engine.watch(query(50));
        assert_eq!(engine.0.work().examined - before, 2 * engine.0.len(view).unwrap() as u64, "the index is whole");
    }
}

#[test]
fn who_needs_an_index_at_once_makes_it_whole_and_what_came_in_slices_takes_its_place() {
    let on = json!({ "op": "=", "args": [col("issues", "project"), col("projects", "id")] });
    let joined = json!({ "from": "projects", "joins": [{ "kind": "inner", "table": "issues", "on": on }] });
    for sliced in [false, true] {
        let mut engine = filled();
        engine.put("projects", (0..PROJECTS).map(|i| vec![eddyline::value::Value::Int(i), eddyline::value::Value::Bool(true)]));
        let mut views: Vec<u32> = (0..4).map(|n| engine.watch(of_project(n))).collect();
        let part = indexes(&engine).0;
        let join = if sliced {
            let bound = bind(engine.0.schema(), &serde_json::from_value(joined.clone()).unwrap()).unwrap();
            let view = engine.0.register_sliced(&bound).unwrap();
            while engine.0.pending(view).unwrap() > 0 {
                engine.0.admit(view, 10_000).unwrap();
            }
            view
        } else {
            engine.watch(joined.clone())
        };
        assert_eq!(engine.0.len(join).unwrap() as i64, ROWS);
        assert!(sliced || indexes(&engine).0 > 2 * part);
        while sliced && engine.0.sweep(5000) {}
        let before = engine.0.work().examined;
        views.push(engine.watch(of_project(8)));
        assert_eq!(engine.0.work().examined - before, OWN, "sliced {sliced}: it is whole");
        assert_eq!(indexes(&engine).1, 2, "sliced {sliced}: issues by project, and projects by their key");
        views.push(join);
        views.into_iter().for_each(|view| engine.0.unregister(view));
        assert_eq!(engine.0.node_count(), 0);
    }
}

#[test]
fn an_index_that_nobody_needs_any_more_is_not_filled() {
    let mut engine = filled();
    let views: Vec<u32> = (0..4).map(|n| engine.watch(of_project(n))).collect();
    let other = engine.watch(json!({ "from": "projects" }));
    views.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!(indexes(&engine).1, 1, "it waits for a while");
    engine.0.relieve();
    assert_eq!(indexes(&engine), (0, 0));
    engine.put("issues", [ints(&[1, 2, 3])]);
    engine.0.unregister(other);
    assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0));
}
