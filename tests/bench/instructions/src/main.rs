//! `eddyline-instructions FOLDER CHANGES`: the schema, query, rows and changes of a folder, applied one by one. The last
//! so many changes run within `measured`, where a counter of instructions collects; those before them are for warming up.

use eddyline::engine::Engine;
use eddyline::engine::report::Report;
use eddyline::query::{Schema, ast, bind};
use eddyline::store::Batch;
use eddyline::wire::json::{JsonReader, Options};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// What is counted: batches, each as one version. One that is refused is an error, not a cheap change.
#[unsafe(no_mangle)]
#[inline(never)]
fn measured(engine: &mut Engine, batches: &mut Vec<Batch>, report: &mut Report) -> eddyline::error::Result<usize> {
    batches.drain(..).map(|batch| engine.apply_into(batch, report).map(|()| report.words.len())).sum()
}

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let (folder, count) = (arguments.next().ok_or("a folder")?, arguments.next().ok_or("a number of changes")?.parse::<usize>()?);
    let read = |name: &str| std::fs::read(format!("{folder}/{name}"));
    let schema: ast::SchemaJson = serde_json::from_slice(&read("schema.json")?)?;
    let query: ast::QueryJson = serde_json::from_slice(&read("query.json")?)?;
    let mut engine = Engine::new(Schema::from_json(&schema)?);
    let mut reader = JsonReader::new();
    let rows = reader.read_all(engine.schema(), &Options::default(), &read("rows.ndjson")?)?;
    engine.apply(rows)?;
    engine.register(&bind(engine.schema(), &query)?)?;
    let changes = read("changes.ndjson")?;
    let mut batches = Vec::new();
    for line in changes.split(|byte| *byte == b'\n') {
        batches.push(reader.read_all(engine.schema(), &Options::default(), line)?);
    }
    let mut some = batches.split_off(batches.len() - count);
    let mut report = Report::default();
    for batch in batches {
        engine.apply_into(batch, &mut report)?;
    }
    let before = engine.work();
    let words = measured(&mut engine, &mut some, &mut report)?;
    let examined = engine.work().examined - before.examined;
    println!("{{\"words\":{words},\"examined\":{examined}}}");
    Ok(())
}
