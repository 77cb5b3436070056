//! Sums, means and variances of floats, where rounding is hardest: terms that cancel, halves of a last place with a little more far
//! below, the ends of the range.

use eddyline::query::Schema;
use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use fastrand::Rng;
use serde_json::json;

use crate::harness::case::{Case, Step, Watched, Written};
use crate::harness::laws::check;
use crate::world::World;

/// A double of any size, often one bit alone, often next to one that another sum will meet.
fn double(rng: &mut Rng) -> f64 {
    let place = if rng.bool() { rng.i32(-60..60) } else { rng.i32(-1070..1020) };
    let power = 2f64.powi(place / 2) * 2f64.powi(place - place / 2);
    let v = match rng.u8(0..8) {
        0..3 => power,
        3 => power + power * f64::EPSILON,
        4 => power * (1.0 + f64::EPSILON) / 2.0,
        5 => f64::from(rng.i16(..)) / 8.0,
        6 => rng.f64() * power,
        _ => [0.1, 1e16, 9007199254740993.0, 5e-324, f64::MAX / 4.0, 1.0, 3.0, f64::EPSILON / 2.0][rng.usize(0..8)],
    };
    if rng.bool() { -v } else { v }
}

#[test]
fn sums_means_and_variances_round_once_whatever_came_and_went() {
    let tables = json!({ "tables": [{ "name": "t", "key": ["id"], "columns": [
        { "name": "id", "type": "int" }, { "name": "group", "type": "int" },
        { "name": "x", "type": "float", "nullable": true }, { "name": "n", "type": "bigint" }] }] });
    let schema: SchemaJson = serde_json::from_value(tables).unwrap();
    let bound = Schema::from_json(&schema).unwrap();
    let table = bound.table("t").unwrap();
    let col = |name: &str| json!({ "op": "col", "name": name });
    let agg = |name: &str, of: &str| json!({ "name": format!("{name} {of}"), "expr": { "op": "agg", "name": name, "args": [col(of)] } });
    // Apart, so that a sum out of range does not hide a mean.
    let watched = |select: serde_json::Value| {
        let query = json!({ "from": "t", "groupBy": [{ "expr": col("group") }], "select": [select] });
        Watched { query: serde_json::from_value::<QueryJson>(query).unwrap(), ..Watched::default() }
    };
    let queries = [
        agg("sum", "x"),
        agg("avg", "x"),
        agg("sum", "n"),
        agg("avg", "n"),
        agg("varPop", "x"),
        agg("stddev", "x"),
        agg("variance", "n"),
        agg("stddevPop", "n"),
        agg("median", "x"),
    ]
    .map(watched);
    for seed in 0..300 {
        let rng = &mut Rng::with_seed(seed);
        let mut step = || {
            let changes = (0..rng.usize(1..8)).map(|_| {
                let x = if rng.u8(0..9) == 0 { Value::Null } else { Value::Float(double(rng)) };
                let n = if rng.bool() { rng.i64(..) } else { rng.i64(-9..9) << rng.u8(0..60) };
                let row = [Value::Int(rng.i64(0..12)), Value::Int(rng.i64(0..2)), x, Value::Int(n)];
                let op = if rng.u8(0..4) == 0 { Op::Delete } else { Op::Upsert };
                Written::new(op, table, &row, if op == Op::Delete { 0..1 } else { 0..4 })
            });
            Step { changes: changes.collect(), ..Step::default() }
        };
        let batches = (0..12).map(|_| step()).collect();
        let case = Case { schema: schema.clone(), queries: queries.to_vec(), batches, ..Case::default() };
        check::<World>(&case).unwrap_or_else(|broken| panic!("{seed}: {broken}\n{}", case.print()));
    }
}
