//! How a stream is cut into pieces never shows; what waits is bounded; what fails leaves nothing.

use super::*;
use crate::error::ErrorCode;

const BATCH: &str = r#"{"source":"pg","cursor":1234,"changes":[
  {"op":"insert","table":"issues","row":{"id":"a\u00e9\ud83d\ude00","title":"grüß \"x\"","status":"open","priority":-12,"points":1.5e3,"done":true}},
  {"op":"upsert","table":"labels","rows":[{"issue":"a","label":1},{"label":22 , "issue":"b","note":null} ]},
  {"op":"update","table":"issues","set":{"title":"y"},"id":"a"},{"op":"delete","table":"labels","id":[7,"a"]},
  {"op":"upsert","table":"all","row":{"id":"-5","at":"2026-11-20T10:00:00Z","j":{"b":[1,2.50],"a":null},"x":"\\x00ff","f":"NaN"}},
  {"op":"upsert","table":"notes","rows":[{"id":1,"text":"t"}]}
],"tenant":"t","origin":null}
"#;

#[test]
fn every_cut_gives_the_same_batch() {
    let whole = read(BATCH).unwrap();
    assert_eq!(whole.changes.len(), 7);
    for cut in 0..BATCH.len() {
        let mut sizes = [cut, BATCH.len()].into_iter();
        assert_eq!(read_cut(BATCH.as_bytes(), &Options::default(), || sizes.next().unwrap()), Ok(whole.clone()), "{cut}");
    }
    for size in 1..40 {
        assert_eq!(read_cut(BATCH.as_bytes(), &Options::default(), || size), Ok(whole.clone()));
    }
}

/// Reads an input in pieces of a size, and takes what has come after each; the parts, and the end.
fn read_in_parts(input: &str, size: usize, is_new: impl Fn(&str, &str) -> bool) -> (Vec<Batch>, Batch) {
    let (schema, mut reader, mut parts) = (schema(), JsonReader::new(), Vec::new());
    reader.begin(&schema, &Options::default()).unwrap();
    for piece in input.as_bytes().chunks(size) {
        reader.push(&schema, piece).unwrap();
        parts.extend(reader.part(&schema, &is_new).unwrap());
    }
    (parts, reader.finish(&schema).unwrap())
}

#[test]
fn parts_are_the_batch_and_only_the_last_has_the_cursor() {
    let whole = read(BATCH).unwrap();
    for size in 1..BATCH.len() {
        let (parts, end) = read_in_parts(BATCH, size, |source, cursor| (source, cursor) == ("pg", "1234"));
        assert!(size > 100 || !parts.is_empty(), "pieces of {size}");
        assert!(parts.iter().all(|p| p.envelope.source.is_none() && p.envelope.cursor.is_none() && !p.changes.is_empty()));
        assert_eq!(end.envelope, whole.envelope);
        let changes: Vec<Change> = parts.into_iter().chain([end]).flat_map(|b| b.changes).collect();
        assert_eq!(changes, whole.changes, "pieces of {size}");
    }
}

#[test]
fn nothing_is_taken_that_may_be_a_replay_or_that_a_reset_replaces() {
    let none = |input: &str, is_new: bool| read_in_parts(input, 9, |_, _| is_new).0.len();
    assert_eq!(none(BATCH, false), 0);
    assert!(none(BATCH, true) > 0);
    let late = r#"{"source":"pg","changes":[{"op":"delete","table":"issues","id":"a"},{"op":"delete","table":"issues","id":"b"}],"cursor":7}"#;
    assert_eq!(none(late, true), 0);
    let behind = r#"{"cursor":7,"changes":[{"op":"delete","table":"issues","id":"a"},{"op":"delete","table":"issues","id":"b"}],"source":"pg"}"#;
    assert_eq!(none(behind, true), 0);
    let two = format!("{}\n{}", r#"{"source":"pg","cursor":7,"changes":[]}"#, behind);
    assert_eq!(none(&two, true), 0);
    let reset = r#"[{"op":"delete","table":"issues","id":"a"},{"op":"reset","table":"labels","rows":[{"issue":"a","label":1},{"label":2,"issue":"b"}]}]"#;
    let (parts, end) = read_in_parts(reset, 9, |_, _| true);
    assert_eq!((parts.len(), parts[0].changes.len(), end.changes.len()), (1, 1, 3));
}

#[test]
fn every_missing_end_is_noticed() {
    for end in 0..BATCH.trim_end().len() {
        let e = read(&BATCH[..BATCH.floor_char_boundary(end)]).unwrap_err();
        assert_eq!(e.code, ErrorCode::JsonMalformed, "{e}");
        assert!(e.message.contains("at byte"), "{e}");
    }
}

#[test]
fn a_list_of_rows_waits_for_one_row_only() {
    let (schema, mut reader) = (schema(), JsonReader::new());
    reader.begin(&schema, &Options::default()).unwrap();
    reader.push(&schema, br#"{"changes":[{"op":"insert","table":"labels","rows":[{"issue":"a","label":0}"#).unwrap();
    for i in 1..20_000 {
        reader.push(&schema, format!(",{{\"issue\":\"a\",\"label\":{i}}}").as_bytes()).unwrap();
        assert!(reader.held() < 4096);
    }
    reader.push(&schema, b"]}]}").unwrap();
    assert_eq!(reader.finish(&schema).unwrap().changes.len(), 20_000);
}

#[test]
fn an_item_in_many_pieces_is_not_read_once_a_piece() {
    let text = "x".repeat(4 << 20);
    let input = format!(r#"{{"op":"insert","table":"all","row":{{"id":1,"t":"{text}"}}}}"#);
    let start = std::time::Instant::now();
    let batch = read_cut(input.as_bytes(), &Options::default(), || 64).unwrap();
    assert!(batch.changes[0].row.len() > text.len());
    assert!(start.elapsed().as_secs() < 20, "65,536 pieces of 64 bytes: quadratic work takes minutes");
}

#[test]
fn an_item_beyond_the_limit_is_refused_and_its_memory_given_back() {
    let (schema, mut reader) = (schema(), JsonReader::new());
    let options = Options { limit: 1000, ..Options::default() };
    reader.begin(&schema, &options).unwrap();
    reader.push(&schema, br#"[{"op":"insert","table":"all","row":{"id":1,"t":""#).unwrap();
    let e = (0..100).find_map(|_| reader.push(&schema, &[b'x'; 100]).err()).unwrap();
    assert_eq!((e.code, &*e.path), (ErrorCode::ValueTooLarge, "changes[0]"));
    assert_eq!(reader.held(), 0);
    assert_eq!(reader.push(&schema, b"{}").unwrap_err().code, ErrorCode::ChangeInvalid, "the batch is gone");
    // The same at once; and a long list of short items is no long item.
    let long = format!(r#"[{{"op":"insert","table":"all","row":{{"id":1,"t":"{}"}}}}]"#, "x".repeat(1000));
    assert_eq!(read_with(long.as_bytes(), &options).unwrap_err().code, ErrorCode::ValueTooLarge);
    let rows: Vec<_> = (0..1000).map(|i| format!("{{\"issue\":\"a\",\"label\":{i}}}")).collect();
    let list = format!(r#"{{"op":"insert","table":"labels","rows":[{}]}}"#, rows.join(","));
    assert_eq!(read_with(list.as_bytes(), &options).unwrap().changes.len(), 1000);
    let blanks = " ".repeat(5000);
    assert!(read_cut(format!("[{blanks}{{{blanks}").as_bytes(), &options, || 64).is_err());
    assert!(read_cut(format!("[{blanks}]{blanks}").as_bytes(), &options, || 64).is_ok());
}

#[test]
fn a_reader_is_ready_again_after_a_batch_an_error_or_an_abort() {
    let (schema, mut reader) = (schema(), JsonReader::new());
    for _ in 0..3 {
        assert_eq!(reader.read_all(&schema, &Options::default(), BATCH.as_bytes()).unwrap(), read(BATCH).unwrap());
        assert!(reader.read_all(&schema, &Options::default(), b"[{\"op\":1}]").is_err());
        reader.begin(&schema, &Options::default()).unwrap();
        reader.push(&schema, &BATCH.as_bytes()[..300]).unwrap();
        reader.abort();
        assert_eq!(reader.held(), 0);
    }
    assert_eq!(reader.finish(&schema).unwrap_err().message, "no JSON batch is begun");
}
