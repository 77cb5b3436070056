//! What a change costs beside few and beside many rows that it has nothing to do with, for random queries: rows that operators looked
//! at, rows that they gave each other, the report, and bytes allocated. Counted, never timed.
//!
//! A failure tells the seed, which `CLIFF_SEED` runs alone; `CLIFF_RUNS=10` multiplies the number of cases.

mod allocations;
mod legitimate;

use eddyline::engine::Engine;
use eddyline::engine::report::HEADER_WORDS;
use eddyline::query::{Schema, bind};
use eddyline::store::Batch;

use crate::harness::case::{Step, Written};
use crate::harness::generate::worlds::{Change, World, world};

/// Cases of a plain run, those among them that are excused.
const CASES: f64 = 300.0;
/// Worlds beside the first.
const FEW: i64 = 2;
const MANY: i64 = 24;

/// What a change cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Rows looked at.
    examined: u64,
    /// Rows that operators took in and gave out.
    moved: u64,
    /// Words of the report.
    words: u64,
    /// Bytes allocated.
    bytes: u64,
}

impl Cost {
    fn least(self, other: Cost) -> Cost {
        let Cost { examined, moved, words, bytes } = self;
        Cost {
            examined: examined.min(other.examined),
            moved: moved.min(other.moved),
            words: words.min(other.words),
            bytes: bytes.min(other.bytes),
        }
    }
}

struct Beside {
    engine: Engine,
    view: u32,
}

impl Beside {
    fn new(world: &World, others: i64) -> Option<Self> {
        let mut engine = Engine::new(world.schema.clone());
        for number in 0..=others {
            engine.apply(batch(&world.load(number), &world.schema)).expect("rows are loaded");
        }
        let query = bind(&world.schema, &world.query).expect("generated queries are valid");
        let view = engine.register(&query).ok()?;
        Some(Beside { engine, view })
    }

    fn apply(&mut self, changes: &[Written]) -> Cost {
        let batch = batch(changes, self.engine.schema());
        let (work, bytes) = (self.engine.work(), allocations::bytes());
        let report = self.engine.apply(batch).expect("a change is applied");
        let (after, bytes) = (self.engine.work(), allocations::bytes() - bytes);
        Cost {
            examined: after.examined - work.examined,
            moved: after.rows_in + after.rows_out - work.rows_in - work.rows_out,
            words: report.words.len() as u64,
            bytes,
        }
    }

    /// What each change costs, and what it costs to take it back: the least of some times, as tables grow now and then.
    fn costs(&mut self, world: &World) -> Vec<Cost> {
        let mut costs = Vec::new();
        for change in &world.changes {
            let mut once = || [self.apply(&change.there), self.apply(&change.back)];
            let [mut there, mut back] = once();
            for _ in 0..3 {
                let again = once();
                (there, back) = (there.least(again[0]), back.least(again[1]));
            }
            costs.extend([there, back]);
        }
        costs
    }
}

fn batch(changes: &[Written], schema: &Schema) -> Batch {
    Step { changes: changes.to_vec(), ..Step::default() }.batch(schema)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it is plain data")
}

/// What grows that should not; what the diff grows by may cost. `long`: values are as long as there are rows.
fn grows(few: Cost, many: Cost, long: bool) -> Option<&'static str> {
    let more = many.words.saturating_sub(few.words);
    let exceeds = |few: u64, many: u64, spare: u64| many > few + few / 2 + spare;
    if exceeds(few.examined, many.examined, 16 + 4 * more) {
        return Some("rows looked at");
    }
    if exceeds(few.moved, many.moved, 16 + 4 * more) {
        return Some("rows moved");
    }
    (!long && exceeds(few.bytes, many.bytes, 2048 + 64 * more)).then_some("bytes allocated")
}

#[derive(Debug, Default)]
struct Tally {
    /// Cases that were not excused.
    cases: usize,
    failing: usize,
    changes: usize,
    /// Changes that a view was told of.
    told: usize,
}

/// Compares the costs of all changes of a case; the first that grow.
fn check(world: &World, tally: &mut Tally) -> Result<(), String> {
    let (Some(mut few), Some(mut many)) = (Beside::new(world, FEW), Beside::new(world, MANY)) else { return Ok(()) };
    let costs = [few.costs(world), many.costs(world)];
    if [&few, &many].iter().any(|of| of.engine.view_error(of.view).expect("the view is there").is_some()) {
        tally.failing += 1;
        return Ok(());
    }
    let long = legitimate::has_long_values(&world.query);
    tally.cases += 1;
    for (at, (few, beside_many)) in costs[0].iter().zip(&costs[1]).enumerate() {
        tally.changes += 1;
        tally.told += usize::from(few.words > HEADER_WORDS as u64);
        let Some(what) = grows(*few, *beside_many, long) else { continue };
        let Change { there, back } = &world.changes[at / 2];
        return Err(format!(
            "{what}, for {}\n{few:?} beside {FEW} worlds\n{beside_many:?} beside {MANY}\nquery {}\nschema {}\n{}",
            json(if at % 2 == 0 { there } else { back }),
            json(&world.query),
            json(&world.json),
            many.engine.explain(many.view).unwrap_or_default(),
        ));
    }
    Ok(())
}

#[test]
fn a_change_costs_no_more_beside_many_rows_that_it_has_nothing_to_do_with() {
    let one = std::env::var("CLIFF_SEED").ok().map(|seed| seed.parse().expect("CLIFF_SEED is a number"));
    let times: f64 = std::env::var("CLIFF_RUNS").map_or(1.0, |n| n.parse().expect("CLIFF_RUNS is a number"));
    let seeds = one.map_or(0..(CASES * times) as u64, |seed: u64| seed..seed + 1);
    let (mut tally, mut told) = (Tally::default(), Vec::new());
    for seed in seeds {
        let world = world(seed);
        if legitimate::reason(&world.query).is_none() {
            told.extend(check(&world, &mut tally).err().map(|why| format!("seed {seed}: {why}")));
        }
    }
    println!("{tally:?}");
    assert!(told.is_empty(), "{} of {} cases grow (CLIFF_SEED=… for one):\n{}", told.len(), tally.cases, told.join("\n\n"));
    assert!(one.is_some() || tally.cases as f64 > CASES * times / 2.0, "{tally:?}");
    assert!(one.is_some() || tally.told > tally.changes / 4, "{tally:?}");
}

#[test]
fn what_is_excused_would_be_found() {
    let of_windows = (0..400).map(world).filter(|w| legitimate::reason(&w.query) == Some(legitimate::WINDOW));
    let found = of_windows.take(30).filter(|w| check(w, &mut Tally::default()).is_err()).count();
    assert!(found >= 5, "{found} of 30 queries with windows over all worlds grow");
}
