//! Random cases against the engine.

use crate::harness::generate::graph;
use crate::harness::run::{cases, seeds};
use crate::world::World;

/// Cases of a plain run, per test.
const CASES: u64 = 4000;

/// Runs the seeds of one of two halves, so that two processors share the work.
fn run(half: u64) {
    if let Ok(seed) = std::env::var("ORACLE_SEED") {
        let seed: u64 = seed.parse().expect("ORACLE_SEED is a number");
        if seed % 2 == half
            && let Err(told) = seeds::<World>([seed])
        {
            panic!("{told}");
        }
        return;
    }
    let times: f64 = std::env::var("ORACLE_RUNS").map_or(1.0, |n| n.parse().expect("ORACLE_RUNS is a number"));
    let cases = (CASES as f64 * times) as u64;
    match seeds::<World>((0..cases).map(|i| i * 2 + half)) {
        Ok(tally) => println!("{cases} cases: {tally:?}"),
        Err(told) => panic!("{told}"),
    }
}

#[test]
fn the_six_laws_hold_for_random_cases_of_even_seeds() {
    run(0);
}

#[test]
fn the_six_laws_hold_for_random_cases_of_odd_seeds() {
    run(1);
}

#[test]
fn the_six_laws_hold_for_random_graphs_of_associations() {
    let one = std::env::var("ORACLE_GRAPH").ok().map(|seed| seed.parse().expect("ORACLE_GRAPH is a number"));
    let times: f64 = std::env::var("ORACLE_RUNS").map_or(1.0, |n| n.parse().expect("ORACLE_RUNS is a number"));
    let seeds = one.map_or(0..(1200.0 * times) as u64, |seed: u64| seed..seed + 1);
    match cases::<World>(graph, seeds) {
        Ok(tally) => println!("graphs: {tally:?}"),
        Err(told) => panic!("of graphs (ORACLE_GRAPH=…): {told}"),
    }
}
