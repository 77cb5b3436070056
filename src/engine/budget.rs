//! What a batch would add to memory, before it is applied; and what can be given back at once.

use super::Engine;
use crate::query::TableId;
use crate::store::{Batch, Op};

/// About what a row takes beside its bytes: its place by handle and in the map of keys. At most what a change takes beside its row,
/// so that a batch in memory never takes less than what it adds.
const PLACE: i64 = 24;

impl Engine {
    /// Bytes by which the rows of the tables grow with a batch; negative if they shrink, 0 for a replay. `size` is what the
    /// allocator gives for so many bytes. What operators keep for the rows is not in it: that shows when they are there.
    ///
    /// A row that comes twice counts twice. Cost: a look-up per change.
    pub fn growth(&self, batch: &Batch, size: fn(usize) -> usize) -> i64 {
        if self.store.is_replay(batch).unwrap_or(true) {
            return 0;
        }
        let held = |bytes: usize| size(bytes) as i64 + PLACE;
        let mut emptied: Vec<TableId> = Vec::new();
        let mut growth = 0;
        for change in &batch.changes {
            let id = change.table;
            let gone = emptied.contains(&id);
            let old = || if gone { None } else { self.store.find(&self.schema, &self.relations, id, &change.row) };
            let old_bytes = || old().map_or(0, |h| held(self.relations.row(id, h).len()));
            growth += match change.op {
                Op::Insert | Op::Upsert => held(change.row.len()) - old_bytes(),
                Op::Delete => -old_bytes(),
                Op::Update => old().map_or(0, |h| {
                    let (table, row) = (self.schema.by_id(id), self.relations.row(id, h));
                    let length = |row: &[u8], column| table.layout.heap_len(row, column) as i64;
                    let set = (0..table.columns.len()).filter(|c| change.sets(*c));
                    let more: i64 = set.map(|c| length(&change.row, c) - length(row, c)).sum();
                    size((row.len() as i64 + more) as usize) as i64 - size(row.len()) as i64
                }),
                // Of one tenant's rows it is not known how many there are.
                Op::Reset if change.row.is_empty() && !gone => {
                    emptied.push(id);
                    -(self.relations.bytes(id) as i64)
                }
                Op::Reset | Op::Touch => 0,
            };
        }
        growth
    }

    /// Gives back what nobody reads: rows of the version before, and indexes that wait to be used again.
    pub fn relieve(&mut self) {
        self.relations.reclaim();
        self.circuit.release_idle(&mut self.relations, 0);
        self.drop_remains(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Schema, ast};
    use crate::wire::json::{JsonReader, Options};

    fn engine() -> Engine {
        let json: ast::SchemaJson = serde_json::from_str(
            r#"{"tables":[{"name":"t","key":["id"],"columns":[{"name":"id","type":"text"},{"name":"s","type":"text"}]}]}"#,
        )
        .unwrap();
        Engine::new(Schema::from_json(&json).unwrap())
    }

    fn batch(engine: &Engine, json: &str) -> Batch {
        JsonReader::new().read_all(engine.schema(), &Options::default(), json.as_bytes()).unwrap()
    }

    fn growth(engine: &Engine, json: &str) -> i64 {
        engine.growth(&batch(engine, json), |bytes| bytes)
    }

    fn apply(engine: &mut Engine, json: &str) {
        let batch = batch(engine, json);
        engine.apply(batch).unwrap();
    }

    #[test]
    fn rows_count_when_they_are_new_and_by_the_difference_when_they_are_not() {
        let mut e = engine();
        let insert = r#"{"op":"upsert","table":"t","row":{"id":"a","s":"xxxx"}}"#;
        let one = growth(&e, insert);
        assert!(one > PLACE + 5);
        assert_eq!(growth(&e, r#"{"op":"upsert","table":"t","rows":[{"id":"a","s":"xxxx"},{"id":"b","s":"xxxx"}]}"#), 2 * one);
        apply(&mut e, insert);
        assert_eq!(growth(&e, insert), 0);
        assert_eq!(growth(&e, r#"{"op":"upsert","table":"t","row":{"id":"a","s":"xxxxyy"}}"#), 2);
        assert_eq!(growth(&e, r#"{"op":"upsert","table":"t","row":{"id":"a","s":"x"}}"#), -3);
        assert_eq!(growth(&e, r#"{"op":"delete","table":"t","id":"a"}"#), -one);
        assert_eq!(growth(&e, r#"{"op":"delete","table":"t","id":"z"}"#), 0);
        assert_eq!(growth(&e, r#"{"op":"update","table":"t","id":"z","set":{"s":"xxxxxxxx"}}"#), 0);
        assert_eq!(growth(&e, r#"{"op":"update","table":"t","id":"a","set":{"s":"xxxxxxxx"}}"#), 4);
        assert_eq!(growth(&e, r#"{"op":"update","table":"t","id":"a","set":{"s":"yyyy"}}"#), 0);
        assert_eq!(growth(&e, r#"{"op":"update","table":"t","id":"a","set":{"s":""}}"#), -4);
        assert_eq!(growth(&e, r#"{"op":"touch","table":"t","id":"a"}"#), 0);
    }

    #[test]
    fn a_reset_gives_back_the_table_once_and_replays_add_nothing() {
        let mut e = engine();
        apply(&mut e, r#"{"source":"s","cursor":"1","changes":[{"op":"upsert","table":"t","row":{"id":"a","s":"xxxx"}}]}"#);
        let held = e.relations().bytes(0) as i64;
        let one = growth(&engine(), r#"{"op":"upsert","table":"t","row":{"id":"a","s":"xxxx"}}"#);
        assert_eq!(growth(&e, r#"{"op":"reset","table":"t","rows":[]}"#), -held);
        assert_eq!(growth(&e, r#"{"op":"reset","table":"t","rows":[{"id":"a","s":"xxxx"}]}"#), one - held);
        let again = r#"{"source":"s","cursor":"1","changes":[{"op":"upsert","table":"t","row":{"id":"b","s":"xxxx"}}]}"#;
        assert_eq!(growth(&e, again), 0);
    }
}
