//! Writes binary batches from rows that are packed already: what leaves the engine for storage or another page comes back
//! through [`decode`](super::decode), with all of its checks, and never through JSON.
//!
//! Law: a batch of the net changes of a version, applied to the state before it, gives the state after it; applied again it
//! changes nothing. Cost: a copy of each row; a deleted row is cut down to its key.

use super::{IGNORE_STALE, NO_TEXT};
use crate::query::{Table, TableId};
use crate::store::Op;
use crate::value::RowBuilder;

/// Writes one batch. Reuse it for the next with [`begin`](BatchWriter::begin).
#[derive(Default)]
pub struct BatchWriter {
    bytes: Vec<u8>,
    count: u32,
    builder: RowBuilder,
}

impl BatchWriter {
    /// Begins a batch. An older cursor of the source counts as a replay when it is read.
    pub fn begin(&mut self, source: Option<&str>, cursor: Option<&str>, origin: Option<&str>) {
        self.bytes.clear();
        self.count = 0;
        self.word(0);
        self.word(IGNORE_STALE);
        for text in [source, cursor, origin] {
            let Some(text) = text else {
                self.word(NO_TEXT);
                continue;
            };
            self.word(text.len() as u32);
            self.bytes.extend_from_slice(text.as_bytes());
            self.pad(4);
        }
        self.pad(8);
    }

    /// A whole row, inserted or replaced.
    pub fn upsert(&mut self, table: TableId, row: &[u8]) {
        self.head(Op::Upsert, table, row.len());
        self.bytes.extend_from_slice(row);
        self.pad(8);
    }

    /// A row that goes, given whole.
    pub fn delete(&mut self, table: &Table, row: &[u8]) {
        let layout = &table.layout;
        let mut builder = std::mem::take(&mut self.builder);
        builder.start(layout);
        for column in 0..layout.columns.len() {
            if table.is_key(column) {
                builder.set(layout, column, layout.cell(row, column));
            }
        }
        let key = builder.finish(layout);
        self.head(Op::Delete, table.id, key.len());
        self.bytes.extend_from_slice(key);
        self.pad(8);
        self.builder = builder;
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Changes so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// No change so far.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The finished batch.
    pub fn finish(&mut self) -> &[u8] {
        self.bytes[..4].copy_from_slice(&self.count.to_le_bytes());
        &self.bytes
    }

    fn head(&mut self, op: Op, table: TableId, row_bytes: usize) {
        self.count += 1;
        for word in [if op == Op::Delete { 4 } else { 2 }, table, row_bytes as u32, 0] {
            self.word(word);
        }
    }

    fn word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    fn pad(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }
}
