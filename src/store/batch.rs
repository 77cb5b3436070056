//! Changes as the store takes them: decoded, typed, packed. Both doors (JSON bytes, binary batches) produce these.

use crate::query::{Table, TableId};

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A new row; equal content again is a no-op, other content an error.
    Insert,
    /// Insert or replace.
    Upsert,
    /// Set some columns of a row that is held; ignored when it is not.
    Update,
    /// Remove a row; ignored when it is not held.
    Delete,
    /// The row changed in some way: ask for it.
    Touch,
    /// Remove everything of the table (and tenant) that the rest of the batch does not bring.
    Reset,
}

/// One change. `row` is a packed row of the table's layout: the whole row for insert and upsert, key columns and the set
/// columns for update, key columns only for delete and touch, the tenant only for reset of a tenanted table (else empty).
#[derive(Clone, Debug)]
pub struct Change {
    /// What.
    pub op: Op,
    /// Where.
    pub table: TableId,
    /// Packed cells.
    pub row: Box<[u8]>,
    /// For update: a bit per column that is set.
    pub present: Box<[u8]>,
    /// Half of the hash of the key cells, none of which is null; 0 while nobody has hashed them. Whoever makes a change hashes
    /// while the row is in the processor's cache: the store would have to fetch it again.
    pub hash: u32,
}

/// The hash follows from the row.
impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        (self.op, self.table, &self.row, &self.present) == (other.op, other.table, &other.row, &other.present)
    }
}

impl Eq for Change {}

/// Half of the hash of the key cells of a packed row of a table, never 0.
#[inline]
pub fn key_hash(table: &Table, row: &[u8]) -> u32 {
    ((table.layout.hash(row, &table.key) >> 32) as u32).max(1)
}

impl Change {
    /// Whether an update sets a column.
    pub fn sets(&self, column: usize) -> bool {
        self.present.get(column / 8).is_some_and(|b| b >> (column % 8) & 1 == 1)
    }
}

/// Where a batch comes from and what it leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Stream that the cursor belongs to.
    pub source: Option<String>,
    /// Position after this batch.
    pub cursor: Option<String>,
    /// Who caused it (echo detection).
    pub origin: Option<String>,
    /// An older cursor is a replay to be ignored rather than an error.
    pub ignore_stale: bool,
}

/// An atomic batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Origin and cursor.
    pub envelope: Envelope,
    /// Changes in order.
    pub changes: Vec<Change>,
}
