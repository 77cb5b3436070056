//! Numbers of arrival: the order of lists that declare none (`query::arrival` tells which rows have numbers, and why).
//!
//! A row gets the number of the change that inserted it or gave it other referring columns; what has the same ones keeps
//! its number. A batch is one step: a row that ends with the references that it began with has not moved, whatever was
//! done in between. Cost: nothing for tables without such lists, else a comparison of the referring columns and a word
//! written per changed row; 8 bytes a row.

use super::Change;
use crate::algebra::Handle;
use crate::query::{Schema, Table, TableId};
use crate::trace::{Path, Relations};

/// The numbers that a batch gives.
pub(super) struct Arrivals<'a> {
    /// The last number given.
    pub last: &'a mut u64,
    /// Rows that were brought again after a reset, as they were, and the numbers that they get if this batch made them.
    pub again: Vec<(TableId, Handle, u64)>,
    /// A table was reset.
    pub was_reset: bool,
}

impl Arrivals<'_> {
    /// Numbers a row that was stored just now, in the place of another one or of none. An update tells which columns it
    /// sets: the others are not compared.
    #[inline(always)]
    pub fn arrive(&mut self, table: &Table, rs: &mut Relations, new: Handle, old: Option<Handle>, update: Option<&Change>) {
        if table.arrivals.is_empty() {
            return;
        }
        *self.last += 1;
        for place in 0..table.arrivals.len() {
            let number = old.and_then(|old| kept(table, rs, place, new, old, update)).unwrap_or(*self.last);
            rs.set_number(table.id, place, new, number);
        }
    }

    /// Gives a row the numbers that it had before this batch, as far as it refers to the same rows.
    pub fn stay(&self, table: &Table, rs: &mut Relations, new: Handle, old: Handle) {
        for place in 0..table.arrivals.len() {
            if let Some(number) = kept(table, rs, place, new, old, None) {
                rs.set_number(table.id, place, new, number);
            }
        }
    }

    /// A row came again after a reset, as it is held.
    pub fn again(&mut self, table: TableId, row: Handle) {
        *self.last += 1;
        self.again.push((table, row, *self.last));
    }

    /// Those of them that this batch made arrive when they came again.
    pub fn renumber(&self, schema: &Schema, rs: &mut Relations, fresh: impl Fn(TableId, Handle) -> bool) {
        for &(table, row, number) in &self.again {
            if fresh(table, row) {
                (0..schema.by_id(table).arrivals.len()).for_each(|place| rs.set_number(table, place, row, number));
            }
        }
    }
}

/// The old row's number, if the new one has the same references.
fn kept(table: &Table, rs: &Relations, place: usize, new: Handle, old: Handle, update: Option<&Change>) -> Option<u64> {
    let referring = &table.arrivals[place][..];
    let same = update.is_some_and(|u| !referring.iter().any(|&c| u.sets(c)))
        || table.layout.same(rs.row(table.id, old), rs.row(table.id, new), referring);
    same.then(|| rs.number(table.id, old, Path::column(place)))
}
