//! A state of the store that stays as it is: O(1) to take but for the first, shares everything with the present.

use super::Store;
use super::key_map::Handles;
use crate::algebra::Handle;
use crate::query::TableId;
use crate::trace::Relations;

/// The rows of all tables at one version. Give it back with [`Snapshot::close`]: until then rows that it shows are kept.
#[derive(Debug)]
#[must_use = "a snapshot keeps rows until it is closed"]
pub struct Snapshot {
    tables: Vec<Handles>,
}

impl Snapshot {
    /// Takes one. Cost: a pointer per table, whatever their size; the first one of a store makes the persistent sets, O(n).
    pub fn take(store: &mut Store, rs: &mut Relations) -> Self {
        let tables = store.freeze();
        for table in 0..tables.len() {
            rs.pin(table as u32);
        }
        Snapshot { tables }
    }

    /// Rows of a table.
    pub fn rows(&self, table: TableId) -> impl Iterator<Item = Handle> + '_ {
        self.tables[table as usize].iter().copied()
    }

    /// Rows of a table from a handle on, for readers that go on where they stopped. Cost: O(log n) for the first.
    pub fn rows_from(&self, table: TableId, first: Handle) -> impl Iterator<Item = Handle> + '_ {
        self.tables[table as usize].range(first..).copied()
    }

    /// Ends it; rows that only it kept are given back at the next version.
    pub fn close(self, rs: &mut Relations) {
        for table in 0..self.tables.len() {
            rs.unpin(table as u32);
        }
    }
}
