//! Rows that leave the engine packed: net changes of versions and exports, taken in by another engine, give the same tables.

use eddyline::engine::Engine;
use eddyline::query::{Schema, ast, bind};
use eddyline::store::Batch;
use eddyline::value::RowTree;
use eddyline::wire::binary::{BatchWriter, decode};
use eddyline::wire::json::{JsonReader, Options};

const SCHEMA: &str = r#"{"tables":[
    {"name":"items","key":["id"],"columns":[{"name":"id","type":"text"},{"name":"n","type":"int","nullable":true},{"name":"b","type":"bool"},{"name":"text","type":"text","nullable":true}]},
    {"name":"pairs","key":["a","b"],"columns":[{"name":"a","type":"int"},{"name":"x","type":"float"},{"name":"b","type":"text"}]},
    {"name":"notes","key":["id"],"tenant":true,"columns":[{"name":"id","type":"int"},{"name":"text","type":"text"}]}]}"#;

fn engine() -> Engine {
    let json: ast::SchemaJson = serde_json::from_str(SCHEMA).expect("a schema");
    Engine::new(Schema::from_json(&json).expect("a schema"))
}

fn tables(engine: &mut Engine) -> Vec<Vec<RowTree>> {
    [
        "{\"from\":\"items\"}",
        "{\"from\":\"pairs\"}",
        "{\"from\":\"notes\",\"tenant\":\"t0\"}",
        "{\"from\":\"notes\",\"tenant\":\"t1\"}",
    ]
    .map(|query| {
        let json: ast::QueryJson = serde_json::from_str(query).expect("a query");
        let bound = bind(engine.schema(), &json).expect("a query");
        let view = engine.register(&bound).expect("a view");
        let rows = engine.rows(view).expect("rows");
        engine.unregister(view);
        rows
    })
    .into()
}

fn random_batch(engine: &Engine, rng: &mut fastrand::Rng) -> Batch {
    let mut changes = Vec::new();
    for _ in 0..rng.usize(0..6) {
        let (id, n) = (rng.u32(0..12), rng.i32(-5..5));
        changes.push(match rng.u32(0..9) {
            0..=2 => format!(r#"{{"op":"upsert","table":"items","row":{{"id":"k{id}","n":{n},"b":true,"text":"ä{n}"}}}}"#),
            3 => format!(r#"{{"op":"update","table":"items","id":"k{id}","set":{{"n":null}}}}"#),
            4 => format!(r#"{{"op":"delete","table":"items","id":"k{id}"}}"#),
            5 => format!(r#"{{"op":"upsert","table":"pairs","row":{{"a":{id},"b":"{n}","x":{n}.5}}}}"#),
            6 => format!(r#"{{"op":"delete","table":"pairs","id":{{"a":{id},"b":"{n}"}}}}"#),
            7 => format!(r#"{{"op":"upsert","table":"notes","tenant":"t{}","row":{{"id":{id},"text":"{n}"}}}}"#, id % 2),
            _ => format!(r#"{{"op":"reset","table":"notes","tenant":"t{}"}}"#, id % 2),
        });
    }
    let text = format!(r#"{{"source":"s","cursor":{},"changes":[{}]}}"#, engine.version() + 1, changes.join(","));
    JsonReader::new().read_all(engine.schema(), &Options::default(), text.as_bytes()).expect("a batch")
}

/// What the last batch changed, as storage has it.
fn changes(engine: &Engine, writer: &mut BatchWriter, cursor: &str) -> Vec<u8> {
    writer.begin(Some("s"), Some(cursor), None);
    for (table, delta) in engine.changes() {
        for &(row, weight) in delta.rows() {
            let row = engine.relations().row(table.id, row);
            if weight < 0 && engine.find(table.id, row).is_none() {
                writer.delete(table, row);
            }
        }
        for &(row, weight) in delta.rows() {
            if weight > 0 {
                writer.upsert(table.id, engine.relations().row(table.id, row));
            }
        }
    }
    writer.finish().to_vec()
}

#[test]
fn net_changes_of_versions_lead_another_engine_through_the_same_states() {
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut a, mut b, mut writer) = (engine(), engine(), BatchWriter::default());
        a.record();
        for step in 0..60 {
            let batch = random_batch(&a, &mut rng);
            a.apply(batch).expect("applies");
            let cursor = a.cursor("s").map(str::to_owned).unwrap_or_default();
            let bytes = changes(&a, &mut writer, &cursor);
            let report = b.apply(decode(b.schema(), &bytes).expect("a batch of our own")).expect("applies");
            assert!(!report.replayed);
            assert!(b.apply(decode(b.schema(), &bytes).expect("again")).expect("applies").replayed);
            assert_eq!((tables(&mut a), a.cursor("s")), (tables(&mut b), b.cursor("s")), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn an_export_in_slices_shows_the_version_that_it_began_at() {
    for seed in 0..20 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut a, mut b, mut writer) = (engine(), engine(), BatchWriter::default());
        for _ in 0..50 {
            let batch = random_batch(&a, &mut rng);
            a.apply(batch).expect("applies");
        }
        let before = tables(&mut a);
        let mut export = a.export_begin(vec![0, 1, 2]);
        let size = rng.usize(30..400);
        loop {
            writer.begin(None, None, None);
            a.export_rows(&mut export, |table, row| {
                writer.upsert(table, row);
                writer.len() < size
            });
            if writer.is_empty() {
                break;
            }
            let batch = decode(b.schema(), writer.finish()).expect("a batch of our own");
            b.apply(batch).expect("applies");
            let batch = random_batch(&a, &mut rng);
            a.apply(batch).expect("applies");
        }
        a.export_end(export);
        assert_eq!(tables(&mut b), before, "seed {seed}");
        assert_ne!(tables(&mut a), before, "the history went on");
    }
}
