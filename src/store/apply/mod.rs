//! Applying a batch: whole or not at all.
//!
//! Rows of table t are relation t. Each change is applied at once; an undo list takes everything back when a later one
//! fails. A row changed several times in a batch nets out: the delta names the row before and the row after, and nothing
//! when they are equal. Cost per change: one look-up, one comparison of row bytes, one map update.

mod net;
mod resets;
mod run;

use indexmap::IndexMap;

use self::resets::Resets;
use self::run::{Run, Undo};
use super::arrival::Arrivals;
use super::key_map::Handles;
use super::{Batch, KeyMap, compare_cursors, key_hash};
use crate::algebra::{Delta, Handle};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Schema, TableId};
use crate::trace::Relations;
use crate::value::{MapState, RowBuilder, Type};

/// What a batch did. Reused from batch to batch for its memory.
#[derive(Debug, Default)]
pub struct Applied {
    /// Net delta per changed table, each consolidated.
    pub deltas: Vec<(TableId, Delta)>,
    /// Rows that changed.
    pub changed: u32,
    /// Updates and deletes of rows that are not held.
    pub ignored: u32,
    /// The batch was applied before; nothing happened.
    pub replayed: bool,
    /// Rows to be asked for: table and packed key.
    pub touches: Vec<(TableId, Box<[u8]>)>,
}

/// The tables.
pub struct Store {
    tables: Vec<KeyMap>,
    cursors: IndexMap<String, String, MapState>,
    builder: RowBuilder,
    undo: Vec<Undo>,
    spare: Vec<Delta>,
    /// Changes so far, of failed batches too: the numbers by which rows arrive.
    arrivals: u64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("cursors", &self.cursors).finish_non_exhaustive()
    }
}

impl Store {
    /// Empty tables; makes their relations, which must be the first ones.
    pub fn new(schema: &Schema, rs: &mut Relations) -> Self {
        for table in schema.tables.values() {
            let id = rs.add_packed(table.layout.clone());
            assert!(id == table.id, "tables are the first relations");
            rs.add_numbers(id, table.arrivals.len());
            for (i, column) in table.columns.values().enumerate() {
                if column.ty == Type::Int && !column.safe_integer {
                    rs.mark_wide(id, i);
                }
            }
        }
        Store {
            tables: schema.tables.iter().map(|_| KeyMap::default()).collect(),
            cursors: IndexMap::default(),
            builder: RowBuilder::new(),
            undo: Vec::new(),
            spare: Vec::new(),
            arrivals: 0,
        }
    }

    /// Last committed cursor of a source.
    pub fn cursor(&self, source: &str) -> Option<&str> {
        self.cursors.get(source).map(String::as_str)
    }

    /// Sources and their cursors.
    pub fn cursors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cursors.iter().map(|(s, c)| (s.as_str(), c.as_str()))
    }

    /// Rows of a table.
    pub fn len(&self, table: TableId) -> usize {
        self.tables[table as usize].len()
    }

    /// The rows of every table as they are now, for ever.
    pub(super) fn freeze(&mut self) -> Vec<Handles> {
        self.tables.iter_mut().map(KeyMap::freeze).collect()
    }

    /// Handle of the row with the key cells of a packed row.
    pub fn find(&self, schema: &Schema, rs: &Relations, table: TableId, row: &[u8]) -> Option<Handle> {
        let t = schema.by_id(table);
        self.tables[table as usize].find(key_hash(t, row), |h| t.layout.same(rs.row(table, h), row, &t.key))
    }

    /// Applies a batch; what it did goes into `applied`.
    ///
    /// # Errors
    /// `CURSOR_BACKWARDS`, `DUPLICATE_KEY`, `MISSING_COLUMN`, `MISSING_KEY`: nothing has changed then.
    pub fn apply(&mut self, schema: &Schema, rs: &mut Relations, batch: Batch, applied: &mut Applied) -> Result<()> {
        while let Some((_, mut delta)) = applied.deltas.pop() {
            delta.clear();
            self.spare.push(delta);
        }
        applied.touches.clear();
        (applied.changed, applied.ignored) = (0, 0);
        applied.replayed = self.is_replay(&batch)?;
        if applied.replayed {
            return Ok(());
        }
        let Batch { envelope, changes } = batch;
        let mut run = Run {
            schema,
            rs,
            tables: &mut self.tables,
            builder: &mut self.builder,
            undo: std::mem::take(&mut self.undo),
            spare: &mut self.spare,
            arrivals: Arrivals { last: &mut self.arrivals, again: Vec::new(), was_reset: false },
            resets: Resets::default(),
            applied,
        };
        run.undo.reserve(changes.len());
        run.make_room(&changes);
        let mut outcome = Ok(());
        for (i, change) in changes.into_iter().enumerate() {
            if let Err(e) = run.change(change) {
                outcome = Err(e.at_index("changes", i));
                break;
            }
        }
        if outcome.is_ok() {
            run.finish_resets();
            run.net();
            run.undo.clear();
        } else {
            run.roll_back();
        }
        let undo = run.undo;
        if undo.capacity() < 1 << 12 {
            self.undo = undo;
        }
        if let (Ok(()), Some(source), Some(cursor)) = (&outcome, envelope.source, envelope.cursor) {
            self.cursors.insert(source, cursor);
        }
        outcome
    }

    /// Whether a batch was applied before.
    ///
    /// # Errors
    /// `CURSOR_BACKWARDS`.
    pub fn is_replay(&self, batch: &Batch) -> Result<bool> {
        let (Some(source), Some(cursor)) = (&batch.envelope.source, &batch.envelope.cursor) else { return Ok(false) };
        let Some(last) = self.cursors.get(source) else { return Ok(false) };
        let order = compare_cursors(cursor, last);
        if order.is_lt() && !batch.envelope.ignore_stale {
            let message = format!("cursor `{cursor}` of source `{source}` is before `{last}`, which is committed");
            return Err(Error::new(ErrorCode::CursorBackwards, message).named(cursor.as_str()).at("cursor"));
        }
        Ok(order.is_le())
    }
}
