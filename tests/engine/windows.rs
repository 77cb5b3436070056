//! Window functions over partitions of more than one node of a tree, changed a row at a time; and what a change costs.

use eddyline::engine::Engine;
use eddyline::query::ast::{NamedJson, QueryJson, SchemaJson};
use eddyline::query::{Schema, bind};
use eddyline::reference::{Data, evaluate};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use fastrand::Rng;
use serde_json::{Value as Json, json};

use crate::harness::case::{Step, Written};
use crate::harness::generate::window_over;

fn schema() -> Schema {
    let column = |name: &str, ty: &str| json!({ "name": name, "type": ty, "nullable": name != "id" });
    let columns = [("id", "int"), ("p", "int"), ("k", "int"), ("f", "float"), ("s", "text"), ("t", "timestamp"), ("x", "int")];
    let columns: Vec<Json> = columns.iter().map(|(name, ty)| column(name, ty)).collect();
    let schema: SchemaJson =
        serde_json::from_value(json!({ "tables": [{ "name": "rows", "key": ["id"], "columns": columns }] })).unwrap();
    Schema::from_json(&schema).unwrap()
}

/// A row of a few partitions and many ties.
fn row(rng: &mut Rng, id: i64, partitions: i64) -> Vec<Value> {
    let mut cell = |make: fn(i64) -> Value, range: std::ops::Range<i64>| {
        if rng.u32(0..10) == 0 { Value::Null } else { make(rng.i64(range)) }
    };
    vec![
        Value::Int(id),
        cell(Value::Int, 0..partitions),
        cell(Value::Int, 0..25),
        cell(|v| if v == 39 { Value::Float(f64::NAN) } else { Value::Float(v as f64 / 10.0) }, 0..40),
        cell(|v| Value::text(format!("{v:04}")), 0..60),
        cell(|v| Value::Timestamp(v * 1_000_000), 0..30),
        cell(Value::Int, -20..20),
    ]
}

struct World {
    engine: Engine,
    data: Data,
    rows: Vec<Vec<Value>>,
}

impl World {
    fn apply(&mut self, changes: Vec<Written>) {
        let batch = Step { changes, ..Step::default() }.batch(self.engine.schema());
        self.data.apply(self.engine.schema(), &batch).unwrap();
        self.engine.apply(batch).unwrap();
    }

    fn put(&mut self, rows: &[Vec<Value>]) {
        let table = self.engine.schema().table("rows").unwrap();
        let changes = rows.iter().map(|row| Written::new(Op::Upsert, table, row, 0..row.len())).collect();
        for row in rows {
            self.rows.retain(|r| r[0] != row[0]);
            self.rows.push(row.clone());
        }
        self.apply(changes);
    }

    fn delete(&mut self, at: usize) {
        let row = self.rows.remove(at);
        let change = Written::new(Op::Delete, self.engine.schema().table("rows").unwrap(), &row, [0]);
        self.apply(vec![change]);
    }
}

fn new(schema: &Schema) -> World {
    World { engine: Engine::new(schema.clone()), data: Data::new(schema), rows: Vec::new() }
}

fn runs(usual: f64) -> u64 {
    let times: f64 = std::env::var("ORACLE_RUNS").map_or(1.0, |n| n.parse().expect("a number"));
    (usual * times) as u64
}

/// Follows a query over random changes beside full evaluations.
fn follow(seed: u64, rng: &mut Rng, query: &QueryJson) {
    let schema = schema();
    let mut world = new(&schema);
    let Ok(bound) = bind(&schema, query) else { panic!("{}", serde_json::to_string(query).unwrap()) };
    let partitions = rng.i64(1..4);
    let first: Vec<Vec<Value>> = (0..rng.i64(80..170)).map(|id| row(rng, id * 3, partitions)).collect();
    world.put(&first);
    let view = world.engine.register(&bound).unwrap();
    for step in 0..25 {
        match rng.u32(0..10) {
            0..=3 => {
                let mut new = Vec::new();
                for _ in 0..rng.usize(1..3) {
                    let id = rng.i64(0..700);
                    new.push(row(rng, id, partitions));
                }
                world.put(&new);
            }
            4..=6 => {
                let at = rng.usize(0..world.rows.len());
                world.delete(at);
            }
            // One cell of a row.
            _ => {
                let mut changed = world.rows[rng.usize(0..world.rows.len())].clone();
                let column = rng.usize(1..changed.len());
                changed[column] = row(rng, 0, partitions)[column].clone();
                world.put(&[changed]);
            }
        }
        let found = world.engine.rows(view);
        let expected = evaluate(&schema, &world.data, &bound);
        match (expected, found) {
            (Ok(expected), Ok(found)) => {
                let wrong = expected.iter().zip(&found).find(|(e, f)| e != f);
                let text = serde_json::to_string(&query).unwrap();
                assert!(expected.len() == found.len() && wrong.is_none(), "seed {seed}, step {step}: {wrong:?}\n{text}");
            }
            (Err(_), Err(_)) => {}
            (expected, found) => panic!("seed {seed}, step {step}: {:?} {:?}", expected.err(), found.err()),
        }
    }
}

#[test]
fn windows_over_large_partitions_are_those_of_a_full_evaluation() {
    for seed in 0..runs(30.0) {
        let rng = &mut Rng::with_seed(seed);
        let schema = schema();
        let columns = &schema.table("rows").unwrap().columns;
        let select = (0..4).map(|i| NamedJson { name: format!("f{i}"), expr: window_over(rng, columns.values()) });
        let query = QueryJson { from: "rows".into(), select: Some(select.collect()), ..QueryJson::default() };
        follow(seed, rng, &query);
    }
}

/// The rows of a query up to a row number: `from (select …, row_number() over … as n from rows) t where t.n <= 3`. Beside the
/// number there may be what looks farther, or fails for some rows.
fn numbered(rng: &mut Rng) -> Json {
    let lit = |v: i64| json!({ "op": "lit", "value": v });
    let by = |rng: &mut Rng| {
        let order: Vec<Json> = (0..rng.usize(1..3))
            .map(|_| {
                let name = ["k", "s", "f", "x"][rng.usize(0..4)];
                json!({ "expr": col(name), "desc": rng.bool() })
            })
            .collect();
        let partition = if rng.u32(0..4) > 0 { vec![col("p")] } else { vec![] };
        json!({ "partitionBy": partition, "orderBy": order })
    };
    let same = by(rng);
    let over = |name: &str, args: Vec<Json>, over: &Json| json!({ "op": "over", "name": name, "args": args, "over": over });
    let mut select = vec![json!({ "name": "id", "expr": col("id") }), json!({ "name": "x", "expr": col("x") })];
    select.push(json!({ "name": "n", "expr": over("rowNumber", vec![], &same) }));
    match rng.u32(0..8) {
        0 => select.push(json!({ "name": "other", "expr": over("rank", vec![], &by(rng)) })),
        1 => select.push(json!({ "name": "next", "expr": over("lead", vec![col("k")], &same) })),
        2 => select.push(json!({ "name": "all", "expr": over("sum", vec![col("x")], &same) })),
        3 => select.push(json!({ "name": "fails", "expr": { "op": "/", "args": [col("k"), col("x")] } })),
        4 => select.push(json!({ "name": "dense", "expr": over("denseRank", vec![], &same) })),
        5 => select.push(json!({ "name": "rank", "expr": over("rank", vec![], &same) })),
        _ => {}
    }
    let of = |name: &str| json!({ "op": "col", "of": "t", "name": name });
    let bound = rng.i64(-1..6);
    let op = ["<=", "<", "=", ">", "<="][rng.usize(0..5)];
    let mut wanted = vec![json!({ "op": op, "args": [of("n"), lit(bound)] })];
    match rng.u32(0..5) {
        0 => wanted.push(json!({ "op": ">", "args": [of("x"), lit(0)] })),
        1 => wanted.insert(0, json!({ "op": ">", "args": [{ "op": "/", "args": [lit(40), of("x")] }, lit(1)] })),
        2 => wanted.push(json!({ "op": "<", "args": [of("n"), lit(4)] })),
        _ => {}
    }
    let mut inner = json!({ "from": "rows", "select": select });
    match rng.u32(0..6) {
        0 => inner["where"] = json!({ "op": ">", "args": [col("k"), lit(5)] }),
        1 => {
            inner["orderBy"] = json!([{ "expr": col("x") }]);
            inner["limit"] = json!(40);
        }
        _ => {}
    }
    // A condition of the rows around it, which are beside its own then.
    let outside = rng.u32(0..20) == 0;
    if outside {
        wanted.push(json!({ "op": "<", "args": [of("x"), { "op": "col", "of": "rows", "name": "k" }] }));
    }
    let condition = if wanted.len() == 1 { wanted.remove(0) } else { json!({ "op": "and", "args": wanted }) };
    if outside {
        let within = json!({ "from": { "query": inner, "alias": "t" }, "where": condition });
        return json!({ "from": "rows", "where": { "op": "exists", "query": within } });
    }
    json!({ "from": { "query": inner, "alias": "t" }, "where": condition, "orderBy": [{ "expr": of("id") }] })
}

#[test]
fn rows_up_to_a_row_number_are_those_of_a_full_evaluation() {
    for seed in 0..runs(60.0) {
        let rng = &mut Rng::with_seed(seed);
        let query = serde_json::from_value(numbered(rng)).unwrap();
        follow(seed, rng, &query);
    }
}

/// Id, order, argument, and a text that no window function reads.
type Short = (i64, i64, i64, &'static str);

/// Rows looked at when a row comes into a partition of so many.
fn cost(over: &Json, rows: i64, change: Short) -> u64 {
    let schema = schema();
    let mut engine = Engine::new(schema.clone());
    let select = json!([{ "name": "v", "expr": over }, { "name": "id", "expr": col("id") }]);
    let query: QueryJson = serde_json::from_value(json!({ "from": "rows", "select": select })).unwrap();
    engine.register(&bind(&schema, &query).unwrap()).unwrap();
    let mut put = |rows: Vec<Short>| {
        let write = |(id, k, x, s): Short| {
            let row = [Value::Int(id), Value::Null, Value::Int(k), Value::Null, Value::text(s), Value::Null, Value::Int(x)];
            Written::new(Op::Upsert, schema.table("rows").unwrap(), &row, 0..row.len())
        };
        let changes = rows.into_iter().map(write).collect();
        let before = engine.work().examined;
        engine.apply(Step { changes, ..Step::default() }.batch(&schema)).unwrap();
        engine.work().examined - before
    };
    put((0..rows).map(|i| (i * 2, i * 2, 10 + i % 7, "")).collect());
    put(vec![change])
}

fn col(name: &str) -> Json {
    json!({ "op": "col", "name": name })
}

fn by_k(name: &str, args: Vec<Json>, frame: Option<Json>) -> Json {
    let mut over = json!({ "orderBy": [{ "expr": col("k") }] });
    if let Some(frame) = frame {
        over["frame"] = frame;
    }
    json!({ "op": "over", "name": name, "args": args, "over": over })
}

fn rows(start: Json, end: Json) -> Option<Json> {
    Some(json!({ "unit": "rows", "start": start, "end": end }))
}

#[test]
fn a_change_costs_no_more_than_the_rows_whose_values_it_can_change() {
    let three = |kind: &str| json!({ "kind": kind, "offset": 3 });
    let all = |kind: &str| json!({ "kind": kind });
    let whole = || rows(all("unboundedPreceding"), all("unboundedFollowing"));
    let near = || rows(three("preceding"), three("following"));
    let range = || Some(json!({ "unit": "range", "start": three("preceding"), "end": three("following") }));
    let lit = |v: i64| json!({ "op": "lit", "value": v });
    let x = || vec![col("x")];
    // In the middle of n rows: one that is new, and one that is there, of which something else changes.
    let middle = |n: i64| n / 14 * 14;
    let new = |n: i64| (middle(n) + 1, middle(n) + 1, 12, "");
    let same = |n: i64| (middle(n), middle(n), 10, "changed");
    let of_new = [
        (by_k("sum", x(), near()), 21),
        (by_k("avg", x(), range()), 15),
        (by_k("max", x(), near()), 15),
        (by_k("nthValue", vec![col("x"), lit(2)], near()), 20),
        (by_k("lag", vec![col("x"), lit(3)], None), 12),
        (by_k("lead", vec![col("x"), lit(3)], None), 12),
        (by_k("firstValue", x(), None), 8),
        (by_k("lastValue", x(), None), 8),
        (by_k("lastValue", x(), whole()), 8),
        (by_k("max", x(), None), 8),
        (by_k("min", x(), whole()), 8),
        (by_k("nthValue", vec![col("x"), lit(5)], None), 12),
        (by_k("ntile", vec![lit(4)], None), 12),
    ];
    let of_same = [
        (by_k("rowNumber", vec![], None), 8),
        (by_k("percentRank", vec![], None), 8),
        (by_k("denseRank", vec![], None), 8),
        (by_k("sum", x(), None), 8),
        (by_k("avg", x(), whole()), 8),
        (by_k("count", vec![], whole()), 8),
    ];
    let cases = of_new.map(|c| (c.0, new(2_002), new(20_020), c.1)).into_iter();
    let cases = cases.chain(of_same.map(|c| (c.0, same(2_002), same(20_020), c.1)));
    for (over, small, large, most) in cases {
        let (few, many) = (cost(&over, 2_002, small), cost(&over, 20_020, large));
        assert!(few > 0 && few <= most && many <= most, "{few} and {many} rows looked at, {most} expected: {over}");
    }
}

#[test]
fn a_window_of_the_whole_partition_looks_at_its_rows_only_where_its_value_is_another_one() {
    let end = |kind: &str| json!({ "kind": kind });
    let whole = |unit: &str| json!({ "unit": unit, "start": end("unboundedPreceding"), "end": end("unboundedFollowing") });
    for (name, args) in [("count", vec![]), ("max", vec![col("x")])] {
        let plain = json!({ "op": "over", "name": name, "args": args });
        for over in [plain, by_k(name, args.clone(), Some(whole("range"))), by_k(name, args.clone(), Some(whole("groups")))] {
            // The third row, with another text, or a value that is not the largest.
            for change in [(4, 4, 12, "other"), (4, 4, 11, "")] {
                let looked = cost(&over, 2000, change);
                assert!(looked <= 12, "{looked} of 2,000 rows looked at for {change:?} under {over}");
            }
        }
    }
}
