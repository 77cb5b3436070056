//! Filling a filter from an index of its input instead of a look at every row.
//!
//! The index is an arrangement like those of joins, and shared with them. It is made when several filters are guarded by one
//! column of a node with many rows, kept up as every arrangement is, and given back a while after the last of them has gone:
//! pages take queries away to put the same ones back.

use super::guard::{Bound, Guard};
use super::{NodeId, Nodes, Spec};
use crate::algebra::{Handle, Weight};
use crate::sort;
use crate::trace::{OrderedGroups, Path, Relations};
use crate::value::total_order;

/// When filters are looked up instead of asked one by one, and when an index is kept to fill them from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// From so many filters of one node on they are looked up.
    pub looked_up_from: usize,
    /// From so many filters of one column on an index is worth its keep …
    pub indexed_from: usize,
    /// … if the input has so many rows; fewer are looked through.
    pub indexed_rows: usize,
    /// An index of a table with more places for rows than that is filled in slices: of at most so many, or so many for the first filter.
    pub filled_at_once: usize,
    /// From so many operators over one arrangement on, joins of it are looked up by the keys of their other side.
    pub filed_from: usize,
    /// A join with more rows than that on its other side gets the whole delta.
    pub filed_rows: usize,
    /// Versions for which an index without filters is kept.
    pub grace: u64,
    /// Lists in view of more links stay when nobody holds them.
    pub long_list: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            looked_up_from: 4,
            indexed_from: 4,
            indexed_rows: 512,
            filled_at_once: 4096,
            filed_from: 16,
            filed_rows: 4096,
            grace: 256,
            long_list: 256,
        }
    }
}

impl Nodes {
    /// The rows of a filter's input that its guard admits, if an index gives them. Cost: O(log n) and the rows.
    pub(super) fn seek(&self, relations: &Relations, id: NodeId) -> Option<Vec<(Handle, Weight)>> {
        if !matches!(*self.node(id).spec, Spec::Filter { .. }) {
            return None;
        }
        let routes = self.routes(id)?;
        let parts = routes.guard(id)?.parts();
        let mut found = Vec::new();
        for part in parts {
            let seek = routes.columns[routes.column_of(part)?].seek;
            match part {
                Guard::Equal(_, values) => {
                    let index = seek.by_key?;
                    let order = self.arrangement(index);
                    found.extend(values.iter().flat_map(|value| order.holding(relations, std::slice::from_ref(value))));
                    found = self.with_rest(relations, index, found);
                }
                Guard::Range(path, low, high) => {
                    let index = seek.in_order?;
                    found.extend(between(relations, self.ordered(index), *path, low, high));
                    found = self.with_rest(relations, index, found);
                }
                Guard::Any(_) => return None,
            }
        }
        if parts.len() > 1 {
            sort::by_number(&mut found, |r| r.0);
            found.dedup();
        }
        Some(found)
    }

    /// What an index gives, and every row that it does not have yet.
    fn with_rest(&self, relations: &Relations, index: NodeId, mut found: Vec<(Handle, Weight)>) -> Vec<(Handle, Weight)> {
        // Before the rest, whose handles are in order and greater: a delta of them all is not sorted anew.
        sort::by_number(&mut found, |r| r.0);
        self.beyond(relations, index, |row| found.push((row, 1)));
        found
    }
}

/// The rows of a list in the ascending order of a column that lie between two ends.
fn between(relations: &Relations, order: &OrderedGroups, path: Path, low: &Bound, high: &Bound) -> Vec<(Handle, Weight)> {
    let list = order.list(0);
    let cell = |row: Handle| relations.cell(order.relation(), row, path);
    let start = low.as_ref().map_or(0, |(value, closed)| {
        list.partition(|e| {
            let order = total_order(cell(e.row), value.as_cell());
            order.is_lt() || !closed && order.is_eq()
        })
    });
    let end = list.partition(|e| {
        let cell = cell(e.row);
        !cell.is_null()
            && high.as_ref().is_none_or(|(value, closed)| {
                let order = total_order(cell, value.as_cell());
                order.is_lt() || *closed && order.is_eq()
            })
    });
    let mut found = Vec::with_capacity(end.saturating_sub(start));
    if start < end {
        list.for_range(start, end - start, &mut |e| found.push((e.row, 1)));
    }
    found
}
