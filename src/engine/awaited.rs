//! Rows that are waited for: which batches bring them, whatever they come by and even if they are as they were.
//!
//! A batch that writes a row changes nothing if the row is equal, so no delta tells of it. Who waits for a row (because it could not
//! be fetched) wants to know all the same. Cost: nothing while no row is waited for, else a look-up per change.

use super::Engine;
use crate::algebra::Handle;
use crate::query::{Schema, TableId};
use crate::store::{Batch, Change, Op, key_hash};

/// Rows waited for, by table and hash of their keys.
#[derive(Debug, Default)]
pub(super) struct Awaited(Vec<Row>);

#[derive(Debug)]
struct Row {
    table: TableId,
    hash: u32,
    /// Its key, packed as a delete has it.
    key: Box<[u8]>,
    came: bool,
}

impl Awaited {
    fn find(&self, schema: &Schema, table: TableId, hash: u32, key: &[u8]) -> Option<usize> {
        let first = self.0.partition_point(|r| (r.table, r.hash) < (table, hash));
        let same = |r: &Row| schema.by_id(table).layout.same(&r.key, key, &schema.by_id(table).key);
        (first..self.0.len()).take_while(|&i| (self.0[i].table, self.0[i].hash) == (table, hash)).find(|&i| same(&self.0[i]))
    }
}

/// What a batch writes of the rows waited for: their places, and for updates the rows as they are.
pub(super) type Written = Vec<(usize, Option<Option<Handle>>)>;

impl Engine {
    /// Waits for the row with the key of a change, from now on.
    pub fn wait_for(&mut self, change: Change) {
        let hash = key_hash(self.schema.by_id(change.table), &change.row);
        if let Some(i) = self.awaited.find(&self.schema, change.table, hash, &change.row) {
            self.awaited.0[i].came = false;
            return;
        }
        let Awaited(rows) = &mut self.awaited;
        let at = rows.partition_point(|r| (r.table, r.hash) < (change.table, hash));
        rows.insert(at, Row { table: change.table, hash, key: change.row, came: false });
    }

    /// Whether a batch has brought the row (or deleted it); if so, or if the change is a touch, it is not waited for any more.
    pub fn has_come(&mut self, change: &Change) -> bool {
        let hash = key_hash(self.schema.by_id(change.table), &change.row);
        let at = self.awaited.find(&self.schema, change.table, hash, &change.row);
        let came = at.is_some_and(|i| self.awaited.0[i].came);
        if let Some(i) = at.filter(|_| came || change.op == Op::Touch) {
            self.awaited.0.remove(i);
        }
        came
    }

    /// What a batch is about to write of the rows waited for.
    pub(super) fn writes_awaited(&self, batch: &Batch) -> Written {
        let mut written = Written::new();
        if self.awaited.0.is_empty() {
            return written;
        }
        for change in &batch.changes {
            let t = self.schema.by_id(change.table);
            if change.op == Op::Reset {
                // All rows of the table (of a tenant), those that are not there included.
                let of_tenant = |key: &[u8]| t.tenant_column().is_none_or(|c| t.layout.same(&change.row, key, &[c]));
                let reset = self.awaited.0.iter().enumerate().filter(|(_, r)| r.table == change.table && of_tenant(&r.key));
                written.extend(reset.map(|(i, _)| (i, None)));
            } else if change.op != Op::Touch
                && let Some(i) = self.awaited.find(&self.schema, change.table, key_hash(t, &change.row), &change.row)
            {
                // Some columns of a row are news if they are others.
                let before = (change.op == Op::Update).then(|| self.find(change.table, &change.row));
                written.push((i, before));
            }
        }
        written
    }

    /// The batch is applied. Whether rows waited for came with it.
    pub(super) fn note_written(&mut self, written: &Written) -> bool {
        let mut any = false;
        for &(i, before) in written {
            let row = &self.awaited.0[i];
            let came = before.is_none_or(|before| before != self.find(row.table, &row.key));
            self.awaited.0[i].came |= came;
            any |= came;
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Schema, ast};
    use crate::wire::json::{JsonReader, Options};

    fn engine() -> Engine {
        let schema = r#"{"tables":[{"name":"t","key":["id"],"columns":[{"name":"id","type":"text"},{"name":"n","type":"int"}]},
            {"name":"o","key":["id"],"tenant":true,"columns":[{"name":"id","type":"text"}]}]}"#;
        let schema: ast::SchemaJson = serde_json::from_str(schema).unwrap();
        Engine::new(Schema::from_json(&schema).unwrap())
    }

    fn read(e: &Engine, json: &str) -> Batch {
        JsonReader::new().read_all(&e.schema, &Options::default(), json.as_bytes()).unwrap()
    }

    fn key(e: &Engine, json: &str) -> Change {
        read(e, json).changes.remove(0)
    }

    #[test]
    fn a_row_waited_for_comes_with_any_change_that_writes_it() {
        const A: &str = r#"{"op":"delete","table":"t","id":"a"}"#;
        let comes = |json: &str, held: bool| {
            let mut e = engine();
            if held {
                let insert = read(&e, r#"{"op":"insert","table":"t","row":{"id":"a","n":1}}"#);
                e.apply(insert).unwrap();
            }
            let a = key(&e, A);
            assert!(!e.has_come(&a));
            e.wait_for(a.clone());
            assert!(!e.has_come(&a));
            let batch = read(&e, json);
            let flagged = e.apply(batch).is_ok_and(|report| report.words[2] & 16 != 0);
            let came = e.has_come(&a);
            assert_eq!(flagged, came, "{json}");
            assert!(!e.has_come(&a), "told once");
            came
        };
        assert!(comes(r#"{"op":"insert","table":"t","row":{"id":"a","n":1}}"#, true));
        assert!(comes(r#"{"op":"upsert","table":"t","row":{"id":"a","n":1}}"#, true));
        assert!(comes(A, false));
        assert!(comes(r#"{"op":"reset","table":"t","rows":[]}"#, false));
        assert!(comes(r#"{"op":"reset","table":"t","rows":[{"id":"a","n":1}]}"#, true));
        assert!(comes(r#"{"op":"update","table":"t","id":"a","set":{"n":2}}"#, true));
        assert!(!comes(r#"{"op":"update","table":"t","id":"a","set":{"n":1}}"#, true));
        assert!(!comes(r#"{"op":"update","table":"t","id":"a","set":{"n":2}}"#, false));
        assert!(!comes(r#"{"op":"touch","table":"t","id":"a"}"#, true));
        assert!(!comes(r#"{"op":"upsert","table":"t","row":{"id":"b","n":1}}"#, true));
        // What fails has brought nothing.
        let failing =
            r#"[{"op":"upsert","table":"t","row":{"id":"a","n":1}},{"op":"insert","table":"t","row":{"id":"a","n":3}}]"#;
        assert!(!comes(failing, true));
    }

    #[test]
    fn a_row_that_nobody_waits_for_any_more_does_not_come() {
        let mut e = engine();
        let a = key(&e, r#"{"op":"delete","table":"t","id":"a"}"#);
        let b = key(&e, r#"{"op":"delete","table":"t","id":"b"}"#);
        e.wait_for(a.clone());
        e.wait_for(b.clone());
        let touch = key(&e, r#"{"op":"touch","table":"t","id":"a"}"#);
        assert!(!e.has_come(&touch));
        assert!(!e.has_come(&touch), "nor twice");
        let both = read(&e, r#"[{"op":"delete","table":"t","id":"a"},{"op":"delete","table":"t","id":"b"}]"#);
        e.apply(both).unwrap();
        assert!(!e.has_come(&a));
        assert!(e.has_come(&b));
        assert!(e.awaited.0.is_empty());
    }

    #[test]
    fn a_reset_of_another_tenant_brings_nothing() {
        let mut e = engine();
        let a = key(&e, r#"{"op":"delete","table":"o","tenant":"one","id":"a"}"#);
        e.wait_for(a.clone());
        let other = read(&e, r#"{"op":"reset","table":"o","tenant":"two","rows":[]}"#);
        e.apply(other).unwrap();
        assert!(!e.has_come(&a));
        let own = read(&e, r#"{"op":"reset","table":"o","tenant":"one","rows":[]}"#);
        e.apply(own).unwrap();
        assert!(e.has_come(&a));
    }
}
