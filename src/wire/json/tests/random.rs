//! Random documents: the same answer as a general parser gives, however the stream is cut; and whatever is done to the bytes,
//! an error or a batch, never a panic.

use super::*;
use crate::store::Op;
use crate::value::{Cell, RowBuilder, canonical_json, parse_decimal, parse_timestamp};
use fastrand::Rng;
use serde_json::{Map, Value as Json, json};

/// A random value that a column of `all` takes, or null.
fn value(rng: &mut Rng, column: &str) -> Json {
    if column != "id" && rng.u8(..4) == 0 {
        return Json::Null;
    }
    let text = |rng: &mut Rng| {
        (0..rng.usize(..12)).map(|_| if rng.bool() { rng.alphabetic() } else { rng.char('\u{1}'..) }).collect::<String>()
    };
    match column {
        "id" if rng.bool() => rng.i64(..).to_string().into(),
        "id" => rng.i64(..).into(),
        "i" => rng.i64(-9_007_199_254_740_991..=9_007_199_254_740_991).into(),
        "f" => (f64::from(rng.i32(..)) / 64.0).into(),
        "b" => rng.bool().into(),
        "at" if rng.bool() => rng.i64(-1_000_000_000_000..4_000_000_000_000).into(),
        "at" => format!(
            "20{:02}-1{}-2{} 10:{:02}:00.{}+0{}",
            rng.u8(..99),
            rng.u8(..3),
            rng.u8(..9),
            rng.u8(..60),
            rng.u32(..999_999),
            rng.u8(..9)
        )
        .into(),
        "j" => [json!({"b":[1,{"x":text(rng)}],"a":0.5}), json!(text(rng)), json!([true, 7])][rng.usize(..3)].clone(),
        "n" if rng.bool() => (f64::from(rng.i32(..)) / 64.0).into(),
        "n" => format!("{}.{:03}", rng.i64(..), rng.u16(..1000)).into(),
        "x" => format!("\\x{:08x}", rng.u32(..)).into(),
        _ => text(rng).into(),
    }
}

fn row(rng: &mut Rng) -> Map<String, Json> {
    let schema = schema();
    let mut names: Vec<&str> = schema.tables["all"].names().filter(|n| *n == "id" || rng.u8(..5) > 0).collect();
    if rng.u8(..4) == 0 {
        rng.shuffle(&mut names);
    }
    names.into_iter().map(|n| (n.to_owned(), value(rng, n))).collect()
}

fn change(rng: &mut Rng) -> Json {
    let all = row(rng);
    let id = all["id"].clone();
    let mut change = match rng.u8(..6) {
        0 => json!({"op":"insert","row":all}),
        1 => json!({"op":"upsert","rows":[all, row(rng), row(rng)]}),
        2 => json!({"op":"reset","rows":[all]}),
        3 => json!({"op":"update","id":id,"set":all}),
        4 => json!({"op":"delete","key":[id]}),
        _ => json!({"op":"touch","id":{"id":id}}),
    };
    change["table"] = "all".into();
    change
}

/// What a general parser and the builder of rows make of it.
fn reference(changes: &[Json]) -> Vec<Change> {
    let schema = schema();
    let table = &schema.tables["all"];
    let mut out = Vec::new();
    let mut add = |op: Op, fields: &Map<String, Json>, set: bool| {
        let (mut builder, mut present) = (RowBuilder::new(), vec![0u8; 2]);
        builder.start(&table.layout);
        for (name, json) in fields.iter().filter(|(_, v)| !v.is_null()) {
            let column = table.column(name).unwrap();
            let text = json.as_str().unwrap_or_default();
            let canonical = canonical_json(json.to_string().as_bytes()).unwrap();
            let octets = || {
                (0..text.len() / 2 - 1).map(|i| u8::from_str_radix(&text[2 + i * 2..4 + i * 2], 16).unwrap()).collect::<Vec<_>>()
            };
            let int = || json.as_i64().unwrap_or_else(|| text.parse().unwrap());
            match table.columns[column].ty {
                Type::Int => builder.set(&table.layout, column, Cell::Int(int())),
                Type::Float => builder.set(&table.layout, column, Cell::Float(json.as_f64().unwrap())),
                Type::Bool => builder.set(&table.layout, column, Cell::Bool(json.as_bool().unwrap())),
                Type::Text => builder.set(&table.layout, column, Cell::Text(text)),
                Type::Timestamp => {
                    let micros = parse_timestamp(text).unwrap_or_else(|| json.as_i64().unwrap() * 1000);
                    builder.set(&table.layout, column, Cell::Timestamp(micros));
                }
                Type::Json => builder.set(&table.layout, column, Cell::Json(&canonical)),
                Type::Date | Type::Time | Type::Uuid | Type::Interval | Type::Array(_) => {
                    unreachable!("in no column of the schema")
                }
                Type::Decimal => {
                    let written = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
                    builder.set(&table.layout, column, Cell::Decimal(&parse_decimal(&written).unwrap()));
                }
                Type::Bytes => builder.set(&table.layout, column, Cell::Bytes(&octets())),
            }
        }
        for column in fields.keys().map(|n| table.column(n).unwrap()).filter(|c| set && *c != 0) {
            present[column / 8] |= 1 << (column % 8);
        }
        let present = if set { present.into() } else { Box::default() };
        out.push(Change { op, table: table.id, row: builder.finish(&table.layout).into(), present, hash: 0 });
    };
    let key = |change: &Json| {
        let id = change.get("id").or(change.get("key")).unwrap();
        let id = id.get("id").or(id.get(0)).unwrap_or(id);
        Map::from_iter([("id".to_owned(), id.clone())])
    };
    for change in changes {
        match change["op"].as_str().unwrap() {
            "insert" => add(Op::Insert, change["row"].as_object().unwrap(), false),
            "update" => add(Op::Update, change["set"].as_object().unwrap(), true),
            "delete" => add(Op::Delete, &key(change), false),
            "touch" => add(Op::Touch, &key(change), false),
            op => {
                if op == "reset" {
                    add(Op::Reset, &Map::new(), false);
                }
                change["rows"].as_array().unwrap().iter().for_each(|r| add(Op::Upsert, r.as_object().unwrap(), false));
            }
        }
    }
    for change in out.iter_mut().filter(|c| c.op == Op::Reset) {
        change.row = Box::default();
    }
    out
}

/// The same text with its characters escaped, its blanks and the order of its keys changed.
fn spell(rng: &mut Rng, json: &Json, out: &mut String) {
    let blank = |rng: &mut Rng, out: &mut String| {
        if rng.u8(..6) == 0 {
            out.push_str([" ", "\n", "\t", " \r\n  "][rng.usize(..4)]);
        }
    };
    blank(rng, out);
    match json {
        Json::String(text) => {
            out.push('"');
            for c in text.chars() {
                if rng.u8(..8) == 0 {
                    c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| *out += &format!("\\u{unit:04x}"));
                } else {
                    let quoted = serde_json::to_string(&c).unwrap();
                    *out += &quoted[1..quoted.len() - 1];
                }
            }
            out.push('"');
        }
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                *out += if i > 0 { "," } else { "" };
                spell(rng, item, out);
            }
            blank(rng, out);
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            rng.shuffle(&mut members);
            out.push('{');
            for (i, (key, item)) in members.into_iter().enumerate() {
                *out += if i > 0 { "," } else { "" };
                spell(rng, &Json::String(key.clone()), out);
                blank(rng, out);
                out.push(':');
                spell(rng, item, out);
            }
            blank(rng, out);
            out.push('}');
        }
        other => *out += &other.to_string(),
    }
    blank(rng, out);
}

#[test]
fn random_documents_mean_what_a_general_parser_says_however_they_are_cut() {
    let mut rng = Rng::with_seed(0xedd1);
    for _ in 0..400 {
        let changes: Vec<Json> = (0..rng.usize(..6)).map(|_| change(&mut rng)).collect();
        let want = reference(&changes);
        let document = match rng.u8(..3) {
            0 => Json::Array(changes),
            _ => json!({"source":"s","cursor":"7","changes":changes}),
        };
        let mut text = String::new();
        spell(&mut rng, &document, &mut text);
        let got = read(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(got.changes, want, "{text}");
        got.changes.iter().for_each(|c| drop(show(c)));
        for most in [3, 30, 300] {
            assert_eq!(read_cut(text.as_bytes(), &Options::default(), || rng.usize(1..=most)), Ok(got.clone()), "{text}");
        }
    }
}

#[test]
fn damaged_documents_are_an_error_or_a_batch_and_cuts_do_not_change_which() {
    let mut rng = Rng::with_seed(0xbad);
    let until = std::time::Instant::now() + std::time::Duration::from_millis(1500);
    let mut accepted = 0;
    let mut tried = 0;
    while std::time::Instant::now() < until && tried < 20_000 {
        let changes: Vec<Json> = (0..rng.usize(1..3)).map(|_| change(&mut rng)).collect();
        let mut text = String::new();
        spell(&mut rng, &Json::Array(changes), &mut text);
        let mut bytes = text.into_bytes();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..bytes.len());
            let byte = *b"{}[]\",:\\0-eu \x00\xff\xc3n1"[..].get(rng.usize(..24)).unwrap_or(&rng.u8(..));
            match rng.u8(..4) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes[at] ^= 1 << rng.u8(..8),
            }
        }
        let options = if rng.u8(..5) == 0 { of_table("all") } else { Options::default() };
        let whole = read_with(&bytes, &options);
        accepted += usize::from(whole.is_ok());
        tried += 1;
        let cut = read_cut(&bytes, &options, || rng.usize(1..40));
        assert_eq!(cut, whole, "{}", String::from_utf8_lossy(&bytes));
        whole.iter().flat_map(|b| &b.changes).for_each(|c| drop(show(c)));
    }
    assert!(accepted * 50 > tried, "{accepted} of {tried}");
}
