//! The binary door: what JSON says goes through it unchanged, and nothing malformed does.

use super::*;
use crate::value::{RowBuilder, Value};
use crate::wire::json::{JsonReader, Options, tests::schema};

const JSON: &str = r#"{"tenant":"t","cursor":"7","source":"s","stale":"ignore","changes":[
  {"op":"insert","table":"issues","row":{"id":"a","title":"grüß","status":"open","priority":-12,"points":1.5,"done":true}},
  {"op":"upsert","table":"labels","rows":[{"issue":"a","label":1}]},{"op":"update","table":"issues","set":{"owner":null},"id":"a"},
  {"op":"delete","table":"labels","id":[7,"a"]},{"op":"touch","table":"notes","id":1},{"op":"reset","table":"notes","rows":[]},
  {"op":"reset","table":"issues"},{"op":"upsert","table":"all","row":{"id":-5,"j":[1,"x"],"x":"AP8=","f":"NaN","b":false}}]}"#;

fn batch() -> Batch {
    JsonReader::new().read_all(&schema(), &Options::default(), JSON.as_bytes()).unwrap()
}

/// What the TypeScript encoder writes.
fn encode(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, n: u32| out.extend_from_slice(&n.to_le_bytes());
    let pad = |out: &mut Vec<u8>, to: usize| out.resize(out.len().next_multiple_of(to), 0);
    word(&mut out, batch.changes.len() as u32);
    word(&mut out, u32::from(batch.envelope.ignore_stale));
    for text in [&batch.envelope.source, &batch.envelope.cursor, &batch.envelope.origin] {
        word(&mut out, text.as_ref().map_or(u32::MAX, |t| t.len() as u32));
        out.extend_from_slice(text.as_deref().unwrap_or_default().as_bytes());
        pad(&mut out, 4);
    }
    pad(&mut out, 8);
    for c in &batch.changes {
        let op = [Op::Insert, Op::Upsert, Op::Update, Op::Delete, Op::Touch, Op::Reset].iter().position(|o| *o == c.op).unwrap();
        for n in [op as u32 + 1, c.table, c.row.len() as u32, c.present.len() as u32] {
            word(&mut out, n);
        }
        for bytes in [&c.present, &c.row] {
            out.extend_from_slice(bytes);
            pad(&mut out, 8);
        }
    }
    out
}

/// A batch of one change.
fn single(op: Op, table: &str, row: &[u8], present: &[u8]) -> Vec<u8> {
    let change = Change { op, table: schema().tables[table].id, row: row.into(), present: present.into(), hash: 0 };
    encode(&Batch { changes: vec![change], ..Batch::default() })
}

fn error(bytes: &[u8]) -> Error {
    decode(&schema(), bytes).unwrap_err()
}

/// A row with some cells, the rest null.
fn row(table: &str, cells: &[(&str, Value)]) -> Box<[u8]> {
    let schema = schema();
    let table = &schema.tables[table];
    let mut builder = RowBuilder::new();
    builder.start(&table.layout);
    for (name, value) in cells {
        builder.set(&table.layout, table.columns.get_index_of(*name).unwrap(), value.as_cell());
    }
    builder.finish(&table.layout).into()
}

#[test]
fn both_doors_give_the_same_batch() {
    assert_eq!(decode(&schema(), &encode(&batch())).unwrap(), batch());
    assert_eq!(decode(&schema(), &encode(&Batch::default())).unwrap(), Batch::default());
}

#[test]
fn pieces_are_the_batch_that_they_are_of_and_errors_have_its_numbers() {
    let whole = batch();
    for cut in 1..whole.changes.len() {
        let [first, rest] = [&whole.changes[..cut], &whole.changes[cut..]];
        let mut read = Batch::default();
        let first = Batch { changes: first.to_vec(), envelope: whole.envelope.clone() };
        decode_more(&schema(), &encode(&first), &mut read).unwrap();
        let mut wrong = read.clone();
        decode_more(&schema(), &encode(&Batch { changes: rest.to_vec(), ..Batch::default() }), &mut read).unwrap();
        assert_eq!(read, whole, "cut at {cut}");
        let e = decode_more(&schema(), &single(Op::Update, "issues", &[], &[]), &mut wrong).unwrap_err();
        assert_eq!(e.path, format!("changes[{cut}]"));
    }
}

#[test]
fn a_batch_that_ends_early_or_late_is_refused() {
    let bytes = encode(&batch());
    for end in 0..bytes.len() {
        assert_eq!(error(&bytes[..end]).code, ErrorCode::ChangeInvalid);
    }
    assert_eq!(error(&[&bytes[..], &[0]].concat()).message, "bytes behind the last change");
}

#[test]
fn damaged_batches_are_an_error_or_canonical_rows() {
    let (schema, bytes, mut rng) = (schema(), encode(&batch()), fastrand::Rng::with_seed(5));
    for _ in 0..30_000 {
        let mut bytes = bytes.clone();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..bytes.len());
            bytes[at] = if rng.bool() { rng.u8(..) } else { bytes[at] ^ 1 << rng.u8(..8) };
        }
        let Ok(batch) = decode(&schema, &bytes) else { continue };
        for c in batch.changes.iter().filter(|c| !c.row.is_empty()) {
            let layout = &schema.by_id(c.table).layout;
            assert_eq!(layout.pack(&layout.values(&c.row)), c.row);
        }
    }
}

#[test]
fn rows_that_are_not_canonical_are_refused() {
    let schema = schema();
    let layout = &schema.tables["all"].layout;
    let good = row("all", &[("id", Value::Int(1)), ("t", Value::text("é")), ("f", Value::Float(1.0)), ("b", Value::Bool(true))]);
    assert!(decode(&schema, &single(Op::Insert, "all", &good, &[])).is_ok());
    let slot = |name: &str| layout.columns[schema.tables["all"].columns.get_index_of(name).unwrap()].slot as usize;
    let cases: [(&str, usize, &[u8], &str); 9] = [
        ("a wrong ASCII flag", layout.flags_at as usize, &[FLAG_ASCII], "changes[0]"),
        ("an unknown flag", layout.flags_at as usize, &[2], "changes[0]"),
        ("a null bit of no column", layout.flags_at as usize - 1, &[0x81], "changes[0]"),
        ("a null int that is not zero", slot("i"), &[1], "changes[0].i"),
        ("a bool of 2", slot("b"), &[2], "changes[0].b"),
        ("another NaN", slot("f"), &0xfff8_0000_0000_0001u64.to_le_bytes(), "changes[0].f"),
        ("minus zero", slot("f"), &(-0.0f64).to_bits().to_le_bytes(), "changes[0].f"),
        ("a text that is not UTF-8", layout.heap_at as usize, &[0xff], "changes[0]"),
        ("a null text that is not empty", slot("t"), &[1], "changes[0].j"),
    ];
    for (what, at, bytes, path) in cases {
        let mut bad = good.to_vec();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        let e = error(&single(Op::Insert, "all", &bad, &[]));
        assert!(e.code == ErrorCode::ChangeInvalid && path.starts_with(&e.path), "{what}: {e}");
    }
}

#[test]
fn rows_that_the_schema_does_not_allow_are_refused_with_their_place() {
    use ErrorCode::{ChangeInvalid, IntegerRange, MissingKey, NullNotAllowed, TenantRequired, UnknownTable};
    let key = ("id", Value::Int(1));
    let big = Value::Int(1 << 53);
    for (bytes, code, path) in [
        (single(Op::Insert, "all", &row("all", &[]), &[]), MissingKey, "changes[0]"),
        (single(Op::Insert, "all", &row("all", &[key.clone(), ("i", big)]), &[]), IntegerRange, "changes[0].i"),
        (single(Op::Insert, "issues", &row("issues", &[("id", Value::text("a"))]), &[]), NullNotAllowed, "changes[0].title"),
        (single(Op::Update, "issues", &row("issues", &[("id", Value::text("a"))]), &[4]), NullNotAllowed, "changes[0].status"),
        (single(Op::Update, "issues", &row("issues", &[]), &[0]), MissingKey, "changes[0]"),
        (single(Op::Update, "issues", &row("issues", &[("id", Value::text("a"))]), &[0x80]), ChangeInvalid, "changes[0]"),
        (single(Op::Update, "issues", &row("issues", &[("id", Value::text("a"))]), &[]), ChangeInvalid, "changes[0]"),
        (single(Op::Delete, "all", &row("all", &[key.clone(), ("b", Value::Bool(true))]), &[]), ChangeInvalid, "changes[0].b"),
        (single(Op::Delete, "all", &row("all", std::slice::from_ref(&key)), &[1, 0]), ChangeInvalid, "changes[0]"),
        (single(Op::Delete, "notes", &row("notes", &[key]), &[]), TenantRequired, "changes[0]"),
        (single(Op::Reset, "notes", &[], &[]), TenantRequired, "changes[0]"),
        (single(Op::Reset, "all", &row("all", &[]), &[]), ChangeInvalid, "changes[0]"),
    ] {
        let e = error(&bytes);
        assert_eq!((e.code, &*e.path), (code, path), "{e}");
    }
    let mut bytes = single(Op::Reset, "all", &[], &[]);
    let table = bytes.len() - 12;
    bytes[table] = 9;
    assert_eq!(error(&bytes).code, UnknownTable);
    bytes[table - 4] = 7;
    assert_eq!(error(&bytes).message, "no operation number 7");
    bytes[4] = 2;
    assert_eq!(error(&bytes).message, "unknown flags of the batch");
}

#[test]
fn key_columns_are_never_among_those_that_an_update_sets() {
    let bytes = single(Op::Update, "issues", &row("issues", &[("id", Value::text("a")), ("title", Value::text("b"))]), &[0b11]);
    let batch = decode(&schema(), &bytes).unwrap();
    assert!(!batch.changes[0].sets(0) && batch.changes[0].sets(1));
}
