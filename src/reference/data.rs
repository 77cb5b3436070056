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
        Data { tables: vec![Vec::new(); schema.tables.len()], cursors: Vec::new(), growing: Vec::new() }
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
        if change.op == Op::Reset {
            match table.tenant_column() {
                Some(tenant) => {
                    let of = table.layout.cell(&change.row, tenant).to_value();
                    rows.retain(|row| row[tenant] != of);
                }
                None => rows.clear(),
            }
            return Ok(());
        }
        let given = table.layout.values(&change.row);
        let held = rows.iter().position(|row| same_key(table, row, &given));
        match (change.op, held) {
            (Op::Insert, Some(at)) if rows[at] != given => {
                return Err(Error::new(ErrorCode::DuplicateKey, "a row with this key is held with other content").at("row"));
            }
            (Op::Insert | Op::Upsert, Some(at)) => rows[at] = given,
            (Op::Insert | Op::Upsert, None) => rows.push(given),
            (Op::Update, Some(at)) => {
                let sets = (0..given.len()).filter(|c| change.sets(*c) && !table.key.contains(c));
                sets.for_each(|c| rows[at][c] = given[c].clone());
            }
            (Op::Delete, Some(at)) => {
                rows.remove(at);
            }
            (Op::Update | Op::Delete, None) => outcome.ignored += 1,
            (Op::Touch, _) => outcome.touched.push((table.id, key_of(table, &given))),
            (Op::Reset, _) => unreachable!("handled above"),
        }
        Ok(())
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
