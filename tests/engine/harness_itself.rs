//! Who tests the tests: a subject that is right passes, one that is wrong in one way is caught for that.

use crate::harness::generate;
use crate::harness::run::{cases, guarded, seeds};
use crate::harness::shrink::shrink;
use crate::naive::{Naive, flaw};

/// The law that is broken first.
fn caught<const FLAW: u8>() -> &'static str {
    (0..400).find_map(|seed| guarded::<Naive<FLAW>>(&generate::case(seed)).err()).map_or("none", |broken| broken.law)
}

#[test]
fn a_subject_that_is_right_passes_and_the_cases_exercise_it() {
    let tally = seeds::<Naive<{ flaw::NONE }>>(0..800).unwrap_or_else(|told| panic!("{told}"));
    let results = tally.results as f64;
    assert!(tally.failed_batches > 40 && tally.replays > 20, "{tally:?}");
    assert!((tally.empty_results as f64) < results * 0.55, "{tally:?}");
    assert!((tally.error_results as f64) > results * 0.002, "{tally:?}");
    assert!((tally.error_results as f64) < results * 0.05, "{tally:?}");
    assert!(tally.patches.iter().sum::<usize>() > tally.batches && tally.patches.iter().all(|n| *n > 30), "{tally:?}");
    assert!(tally.unsorted > 30, "{tally:?}");
    assert!(tally.rows.iter().all(|n| *n > 100), "{tally:?}");
}

#[test]
fn every_flaw_is_caught_by_its_law() {
    assert!(caught::<{ flaw::LOSES_A_ROW }>().starts_with("L1"));
    assert!(caught::<{ flaw::SETS_TOO_MUCH }>().starts_with("L3"));
    assert!(caught::<{ flaw::MOVES_TOO_MUCH }>().starts_with("L3"));
    assert!(caught::<{ flaw::TELLS_TWICE }>().starts_with("L4"));
    assert!(caught::<{ flaw::LEAKS_A_VIEW }>().starts_with("L6"));
    assert!(caught::<{ flaw::TELLS_OF_NOTHING }>().starts_with("L3"));
    assert!(caught::<{ flaw::FORGETS_TO_TELL }>().starts_with("L2"));
    assert!(caught::<{ flaw::FROZEN_ROWS_CHANGE }>().starts_with("a frozen state"));
    assert!(caught::<{ flaw::STAYS_FAILED }>().starts_with("a view is told"));
    // These two show first in whatever the batch touches.
    assert_ne!(caught::<{ flaw::KEEPS_HALF_OF_A_REFUSED_BATCH }>(), "none");
    assert_ne!(caught::<{ flaw::REPLAYS }>(), "none");
}

#[test]
fn a_case_that_is_shrunk_and_printed_breaks_the_same_law() {
    use crate::harness::case::Case;
    type Wrong = Naive<{ flaw::LOSES_A_ROW }>;
    let seed = (0..400).find(|seed| guarded::<Wrong>(&generate::case(*seed)).is_err()).expect("a case is caught");
    let case = generate::case(seed);
    let law = guarded::<Wrong>(&case).unwrap_err().law;
    let small = shrink(&case, 3000, |c| guarded::<Wrong>(c).is_err_and(|b| b.law == law));
    assert_eq!(guarded::<Wrong>(&Case::parse(&small.print())).unwrap_err().law, law);
    let changes: usize = small.batches.iter().map(|b| b.changes.len()).sum();
    assert!(small.queries.len() == 1 && changes <= 4, "four rows are enough:\n{}", small.print());
}

#[test]
fn the_same_seed_gives_the_same_case_and_print_gives_it_back() {
    use crate::harness::case::Case;
    for seed in 0..100 {
        let case = generate::case(seed);
        assert_eq!(case, generate::case(seed));
        assert_eq!(Case::parse(&case.print()), case);
    }
}

#[test]
fn graphs_are_dense_and_their_lists_are_sorted_by_arrival() {
    let tally = cases::<Naive<{ flaw::NONE }>>(generate::graph, 0..150).unwrap_or_else(|told| panic!("{told}"));
    assert!(tally.rows.iter().all(|n| *n > 1500), "{tally:?}");
    assert!(tally.unsorted > 500, "{tally:?}");
    assert!(tally.patches.iter().enumerate().all(|(kind, n)| kind == 2 || *n > 100), "{tally:?}");
}

#[test]
fn graphs_nest_every_kind_of_association_at_every_depth() {
    use eddyline::query::ast::{QueryJson, SchemaJson, WithJson};
    use std::collections::BTreeMap;
    type Seen = BTreeMap<(usize, String), usize>;
    fn count(schema: &SchemaJson, table: &str, with: &[WithJson], depth: usize, seen: &mut Seen) {
        let of = |name: &str| schema.tables.iter().find(|t| t.name == name).expect("a table");
        for w in with {
            let relation = of(table).relations.iter().find(|r| r.name == w.relation).expect("an association");
            *seen.entry((depth, relation.kind.clone())).or_default() += 1;
            // Lists of bare pairs that point at what they show, in an order or under a condition, with what leads on from there or without.
            let bare = relation.join.as_deref().is_some_and(|join| {
                let refers = |c: &String| relation.columns.contains(c) || relation.join_target.iter().flatten().any(|t| t == c);
                of(join).key.iter().all(refers)
            });
            let whole = w.query.as_ref().is_none_or(|q| {
                q.select.iter().flatten().all(|f| f.expr.op == "col") && q.group_by.is_none() && q.start.is_none()
            });
            if bare && whole && relation.duplicates.as_deref() != Some("keep") {
                let order = w
                    .query
                    .as_ref()
                    .map_or(&relation.order_by, |q| if q.order_by.is_empty() { &relation.order_by } else { &q.order_by });
                if !order.is_empty() && order.iter().all(|o| o.expr.op == "col") {
                    *seen.entry((depth, "pairs in order".into())).or_default() += 1;
                }
                if relation.filter.is_some() || w.query.as_ref().is_some_and(|q| q.filter.is_some()) {
                    *seen.entry((depth, "pairs under a condition".into())).or_default() += 1;
                }
            }
            if relation.duplicates.as_deref() == Some("keep") {
                *seen.entry((depth, "keep".into())).or_default() += 1;
            }
            let target = end(schema, table, &w.relation);
            count(schema, &target, w.query.as_ref().map_or(&[][..], |q| &q.with), depth + 1, seen);
        }
    }
    fn end(schema: &SchemaJson, table: &str, relation: &str) -> String {
        let of = schema.tables.iter().find(|t| t.name == table).expect("a table");
        let relation = of.relations.iter().find(|r| r.name == relation).expect("an association");
        let step = |at: String, name: &String| end(schema, &at, name);
        relation.path.as_ref().map_or_else(|| relation.table.clone(), |path| path.iter().fold(table.to_owned(), step))
    }
    let mut seen = Seen::new();
    for case in (0..1000).map(generate::graph) {
        let named = |q: &QueryJson| q.from.name().unwrap_or_default().to_owned();
        let queries = case.queries.iter().map(|w| &w.query);
        queries.filter(|q| !q.with.is_empty()).for_each(|q| count(&case.schema, &named(q), &q.with, 1, &mut seen));
    }
    for depth in 1..=3 {
        for kind in ["belongsTo", "hasOne", "hasMany", "manyToMany", "through", "keep"] {
            let n = seen.get(&(depth, kind.to_owned())).copied().unwrap_or(0);
            assert!(n >= 20, "{kind} at depth {depth}: {n}; {seen:?}");
        }
    }
    for (depth, kind) in
        [(1, "pairs in order"), (2, "pairs in order"), (1, "pairs under a condition"), (2, "pairs under a condition")]
    {
        let n = seen.get(&(depth, kind.to_owned())).copied().unwrap_or(0);
        assert!(n >= 30, "{kind} at depth {depth}: {n}; {seen:?}");
    }
}
