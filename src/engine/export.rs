//! Rows on their way out, packed as they are: what a version changed, and all rows of a version in slices.
//!
//! A slice comes from a frozen version, so changes between slices do not show in it. What is written for each of them is the
//! reader's matter: `wire::binary::BatchWriter` makes batches of it.

use super::Engine;
use crate::algebra::{Delta, Handle};
use crate::query::{Table, TableId};
use crate::store::Snapshot;

/// An export under way: end it with [`Engine::export_end`].
#[derive(Debug)]
pub struct Export {
    snapshot: Snapshot,
    tables: Vec<TableId>,
    /// Index in `tables`, and the handle to go on with.
    at: (usize, Handle),
}

impl Engine {
    /// Keeps what each version changes, for [`changes`](Engine::changes), from the next one on.
    pub fn record(&mut self) {
        self.recorded.get_or_insert_default();
    }

    /// What the last batch changed, net: tables, rows and weights. Rows that went are readable until the next batch.
    pub fn changes(&self) -> impl Iterator<Item = (&Table, &Delta)> {
        self.recorded.iter().flatten().map(|(table, delta)| (self.schema.by_id(*table), delta))
    }

    /// Sources and their last committed cursors.
    pub fn cursors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.store.cursors()
    }

    /// The row with the key cells of a packed row.
    pub fn find(&self, table: TableId, row: &[u8]) -> Option<Handle> {
        self.store.find(&self.schema, &self.relations, table, row)
    }

    /// Begins an export of some tables as they are now.
    pub fn export_begin(&mut self, tables: Vec<TableId>) -> Export {
        let snapshot = self.freeze();
        Export { snapshot, tables, at: (0, 0) }
    }

    /// Hands out rows, in the order of tables and handles, until `take` has had enough (false). False when there are no more.
    pub fn export_rows(&self, export: &mut Export, mut take: impl FnMut(TableId, &[u8]) -> bool) -> bool {
        while let Some(&table) = export.tables.get(export.at.0) {
            for handle in export.snapshot.rows_from(table, export.at.1) {
                export.at.1 = handle + 1;
                if !take(table, self.relations.row(table, handle)) {
                    return true;
                }
            }
            export.at = (export.at.0 + 1, 0);
        }
        false
    }

    /// Ends an export, wherever it is.
    pub fn export_end(&mut self, export: Export) {
        self.thaw(export.snapshot);
    }
}
