//! Tables as lists of rows, and what a batch does to them.

use std::cmp::Ordering;

use super::cursor;
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Schema, Table, TableId};
use crate::store::batch::{Batch, Change, Op};
use crate::value::{Value, total_order};

/// Every row of every table, and the cursor of every source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    tables: Vec<Vec<Vec<Value>>>,
    /// Beside each row, when it came to refer as it does: one number per entry of the table's `arrivals`.
    arrivals: Vec<Vec<Vec<u64>>>,
    /// Arrivals so far.
    clock: u64,
    cursors: Vec<(String, String)>,
    /// Rows so far of the relations of the recursion that is being evaluated, each with a rank behind it.
    growing: Vec<Vec<Vec<Value>>>,
}

/// What a batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The cursor was committed before: nothing happened.
    pub replayed: bool,
    /// Rows that are there, gone or different compared with before the batch.
    pub changed: usize,
    /// Updates and deletes of rows that are not held.
    pub ignored: usize,
    /// Keys that were touched, in order.
    pub touched: Vec<(TableId, Vec<Value>)>,
}

impl Data {
    /// Empty tables.
    pub fn new(schema: &Schema) -> Self {
        let tables = schema.tables.len();
        Data {
            tables: vec![Vec::new(); tables],
            arrivals: vec![Vec::new(); tables],
            clock: 0,
            cursors: Vec::new(),
            growing: Vec::new(),
        }
    }

    /// The rows of a table, in no promised order; hidden columns included.
    pub fn rows(&self, table: TableId) -> &[Vec<Value>] {
        &self.tables[table as usize]
    }

    /// The rows so far of a relation of the recursion that is being evaluated.
    pub(super) fn growing(&self, relation: usize) -> &[Vec<Value>] {
        &self.growing[relation]
    }

    /// The same tables, for the branches of a recursion.
    pub(super) fn with_growing(&self, growing: Vec<Vec<Vec<Value>>>) -> Data {
        Data { growing, ..self.clone() }
    }

    /// When the row at a place in [`rows`](Self::rows) came to refer as it does.
    pub(super) fn arrival(&self, table: TableId, row: usize, place: usize) -> u64 {
        self.arrivals[table as usize][row][place]
    }

    /// The cursor committed last for a source.
    pub fn cursor(&self, source: &str) -> Option<&str> {
        self.cursors.iter().find(|(s, _)| s == source).map(|(_, c)| c.as_str())
    }

    /// Applies a batch: the changes one after another, each seeing those before it; all or none.
    ///
    /// # Errors
    /// `CURSOR_BACKWARDS`; `DUPLICATE_KEY` for an insert of a key that is held with other content. Nothing is applied.
    pub fn apply(&mut self, schema: &Schema, batch: &Batch) -> Result<Outcome> {
        let position = batch.envelope.source.as_ref().zip(batch.envelope.cursor.as_ref());
        if let Some((source, new)) = position
            && let Some(committed) = self.cursor(source)
        {
            match cursor::compare(new, committed) {
                Ordering::Greater => {}
                Ordering::Less if !batch.envelope.ignore_stale => {
                    return Err(Error::new(ErrorCode::CursorBackwards, format!("cursor {new} is before {committed}")));
                }
                _ => return Ok(Outcome { replayed: true, ..Outcome::default() }),
            }
        }
        let mut next = self.clone();
        let mut outcome = Outcome::default();
        for (i, change) in batch.changes.iter().enumerate() {
            next.change(schema.by_id(change.table), change, &mut outcome).map_err(|e| e.at_index("changes", i))?;
        }
        schema.tables.values().for_each(|t| next.settle(t, self));
        if let Some((source, new)) = position {
            next.cursors.retain(|(s, _)| s != source);
            next.cursors.push((source.clone(), new.clone()));
        }
        outcome.changed = schema.tables.values().map(|t| differing(t, self.rows(t.id), next.rows(t.id))).sum();
        *self = next;
        Ok(outcome)
    }

    fn change(&mut self, table: &Table, change: &Change, outcome: &mut Outcome) -> Result<()> {
        let rows = &mut self.tables[table.id as usize];
        let arrivals = &mut self.arrivals[table.id as usize];
        if change.op == Op::Reset {
            let tenant = table.tenant_column().map(|t| (t, table.layout.cell(&change.row, t).to_value()));
            for at in (0..rows.len()).rev() {
                if tenant.as_ref().is_none_or(|(t, of)| rows[at][*t] == *of) {
                    rows.remove(at);
                    arrivals.remove(at);
                }
            }
            return Ok(());
        }
        let given = table.layout.values(&change.row);
        let held = rows.iter().position(|row| same_key(table, row, &given));
        let before = held.map(|at| rows[at].clone());
        match (change.op, held) {
            (Op::Insert, Some(at)) if rows[at] != given => {
                return Err(Error::new(ErrorCode::DuplicateKey, "a row with this key is held with other content").at("row"));
            }
            (Op::Insert | Op::Upsert, Some(at)) => rows[at] = given,
            (Op::Insert | Op::Upsert, None) => {
                self.clock += 1;
                rows.push(given);
                arrivals.push(vec![self.clock; table.arrivals.len()]);
            }
            (Op::Update, Some(at)) => {
                let sets = (0..given.len()).filter(|c| change.sets(*c) && !table.key.contains(c));
                sets.for_each(|c| rows[at][c] = given[c].clone());
            }
            (Op::Delete, Some(at)) => {
                rows.remove(at);
                arrivals.remove(at);
                return Ok(());
            }
            (Op::Update | Op::Delete, None) => outcome.ignored += 1,
            (Op::Touch, _) => outcome.touched.push((table.id, key_of(table, &given))),
            (Op::Reset, _) => unreachable!("handled above"),
        }
        if let (Some(at), Some(before)) = (held, before) {
            // One number for all that a change moves.
            let now = self.clock + 1;
            for (place, columns) in table.arrivals.iter().enumerate() {
                if !columns.iter().all(|&c| equal(&rows[at][c], &before[c])) {
                    arrivals[at][place] = now;
                    self.clock = now;
                }
            }
        }
        Ok(())
    }

    /// A row that a batch leaves with the references that it found has not moved, whatever happened in between.
    fn settle(&mut self, table: &Table, old: &Data) {
        let t = table.id as usize;
        for (row, arrivals) in self.tables[t].iter().zip(&mut self.arrivals[t]) {
            let Some(before) = old.tables[t].iter().position(|o| same_key(table, o, row)) else { continue };
            for (place, columns) in table.arrivals.iter().enumerate() {
                if columns.iter().all(|&c| equal(&old.tables[t][before][c], &row[c])) {
                    arrivals[place] = old.arrivals[t][before][place];
                }
            }
        }
    }
}

/// The key cells of a row.
pub(super) fn key_of(table: &Table, row: &[Value]) -> Vec<Value> {
    table.key.iter().map(|&c| row[c].clone()).collect()
}

/// Whether values are equal, however they are shown; null is equal to null.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    total_order(a.as_cell(), b.as_cell()).is_eq()
}

fn same_key(table: &Table, a: &[Value], b: &[Value]) -> bool {
    table.key.iter().all(|&c| equal(&a[c], &b[c]))
}

/// Rows of either state that the other does not have as they are; a row that changed counts once.
fn differing(table: &Table, old: &[Vec<Value>], new: &[Vec<Value>]) -> usize {
    let gone = old.iter().filter(|o| !new.iter().any(|n| same_key(table, n, o))).count();
    gone + new.iter().filter(|n| !old.contains(n)).count()
}
