//! Which filters of a node a changed row can affect: a predicate index over what the filters ask of one column each.
//!
//! Ten thousand queries that differ in a constant are ten thousand filters of one node. Each is filed under a guard: by value
//! where it asks for equality, by interval where it asks for a range. A changed row is looked up once per guarded column, and
//! only the filters found there get it; a change that affects nobody is examined by nobody. A few filters are not worth that:
//! they get the whole delta.
//!
//! Source: predicate indexing of active databases (Hanson et al., A predicate matching algorithm for database rule systems,
//! SIGMOD 1990).

use hashbrown::{HashMap, HashTable};

use super::NodeId;
use super::guard::Guard;
use super::intervals::Intervals;
use crate::algebra::Handle;
use crate::trace::{HandleState, Path, RelationId, Relations};
use crate::value::{Cell, Hasher64, Value, total_order};

/// Arrangements that new filters of a column are filled from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seek {
    /// By key, for equalities.
    pub by_key: Option<NodeId>,
    /// In order, for ranges.
    pub in_order: Option<NodeId>,
}

/// The filters that are guarded by one column.
#[derive(Debug)]
pub struct Column {
    path: Path,
    equal: HashTable<(u64, Value, Vec<NodeId>)>,
    ranges: Intervals,
    members: usize,
    pub(super) seek: Seek,
    /// The step since which it has no filters.
    pub(super) idle_since: u64,
}

/// The guarded filters of one node.
#[derive(Debug)]
pub struct Routes {
    relation: RelationId,
    guards: HashMap<NodeId, Guard, HandleState>,
    /// All of them, while they are few; none is looked up then.
    few: Vec<NodeId>,
    is_indexed: bool,
    pub(super) columns: Vec<Column>,
}

fn hash(cell: Cell<'_>) -> u64 {
    let mut h = Hasher64::new();
    h.cell(cell);
    h.finish()
}

impl Column {
    fn new(path: Path) -> Self {
        Column { path, equal: HashTable::new(), ranges: Intervals::default(), members: 0, seek: Seek::default(), idle_since: 0 }
    }

    /// The column.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Number of filters.
    pub fn members(&self) -> usize {
        self.members
    }

    fn file(&mut self, id: NodeId, guard: &Guard) {
        match guard {
            Guard::Equal(_, values) => {
                for value in values {
                    let h = hash(value.as_cell());
                    match self.equal.find_mut(h, |e| e.0 == h && total_order(e.1.as_cell(), value.as_cell()).is_eq()) {
                        Some(entry) => entry.2.push(id),
                        None => {
                            self.equal.insert_unique(h, (h, value.clone(), vec![id]), |e| e.0);
                        }
                    }
                }
            }
            Guard::Range(_, low, high) => self.ranges.insert(low.clone(), high.clone(), id),
            // Filed by its parts.
            Guard::Any(_) => {}
        }
    }

    fn unfile(&mut self, id: NodeId, guard: &Guard) {
        match guard {
            Guard::Equal(_, values) => {
                for value in values {
                    let h = hash(value.as_cell());
                    let is_key = |e: &(u64, Value, Vec<NodeId>)| e.0 == h && total_order(e.1.as_cell(), value.as_cell()).is_eq();
                    if let Ok(mut entry) = self.equal.find_entry(h, is_key) {
                        entry.get_mut().2.retain(|&n| n != id);
                        if entry.get().2.is_empty() {
                            entry.remove();
                        }
                    }
                }
            }
            Guard::Range(_, low, _) => {
                self.ranges.remove(low, id);
            }
            // Filed by its parts.
            Guard::Any(_) => {}
        }
    }

    /// Filters that ask for the same as a guard: how little it tells apart.
    fn crowd(&self, guard: &Guard) -> usize {
        match guard {
            Guard::Equal(_, values) => values
                .iter()
                .filter_map(|value| {
                    let h = hash(value.as_cell());
                    self.equal.find(h, |e| e.0 == h && total_order(e.1.as_cell(), value.as_cell()).is_eq())
                })
                .map(|e| e.2.len())
                .sum(),
            _ => 0,
        }
    }
}

impl Routes {
    /// No filters of a node whose rows are of a relation.
    pub fn new(relation: RelationId) -> Self {
        Routes { relation, guards: HashMap::default(), few: Vec::new(), is_indexed: false, columns: Vec::new() }
    }

    /// Files a filter under the one of its guards that tells it best from the others: an equality before a range, one of several
    /// columns last, and of several the one that the fewest share.
    pub fn add(&mut self, id: NodeId, candidates: Vec<Guard>, looked_up_from: usize) {
        let crowd = |guard: &Guard| {
            let kind = match guard {
                Guard::Equal(..) => 0,
                Guard::Range(..) => 1,
                Guard::Any(_) => 2,
            };
            let same = match self.columns.iter().find(|c| Some(c.path) == guard.path()) {
                Some(column) if self.is_indexed => column.crowd(guard),
                _ => self.few.iter().filter(|n| self.guards[*n] == *guard).count(),
            };
            (kind, same)
        };
        let Some(guard) = candidates.into_iter().min_by_key(crowd) else { return };
        for (i, part) in guard.parts().iter().enumerate() {
            let Some(path) = part.path() else { continue };
            let at = self.column_of(part).unwrap_or_else(|| {
                self.columns.push(Column::new(path));
                self.columns.len() - 1
            });
            self.columns[at].members += guard.is_first_of_its_column(i);
            if self.is_indexed {
                self.columns[at].file(id, part);
            }
        }
        self.guards.insert(id, guard);
        if !self.is_indexed {
            self.few.push(id);
            if self.guards.len() >= looked_up_from {
                self.is_indexed = true;
                for id in std::mem::take(&mut self.few) {
                    for part in self.guards[&id].parts() {
                        if let Some(at) = self.column_of(part) {
                            self.columns[at].file(id, part);
                        }
                    }
                }
            }
        }
    }

    /// Forgets a filter. Returns what it was filed under, if it was one of these.
    pub fn remove(&mut self, id: NodeId) -> Option<Guard> {
        let guard = self.guards.remove(&id)?;
        for (i, part) in guard.parts().iter().enumerate() {
            let at = self.column_of(part)?;
            let column = &mut self.columns[at];
            column.members -= guard.is_first_of_its_column(i);
            if self.is_indexed {
                column.unfile(id, part);
            }
        }
        if !self.is_indexed {
            self.few.retain(|&n| n != id);
        }
        Some(guard)
    }

    /// The relation of the rows.
    pub fn relation(&self) -> RelationId {
        self.relation
    }

    /// What a filter is filed under.
    pub fn guard(&self, id: NodeId) -> Option<&Guard> {
        self.guards.get(&id)
    }

    /// The place of the column of a part of a guard.
    pub fn column_of(&self, part: &Guard) -> Option<usize> {
        self.columns.iter().position(|c| Some(c.path) == part.path())
    }

    /// No filters, and no arrangements for them.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.columns.iter().all(|c| c.seek.by_key.is_none() && c.seek.in_order.is_none())
    }

    /// All filters.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.guards.keys().copied()
    }

    /// The filters, while they are few.
    pub fn few(&self) -> &[NodeId] {
        &self.few
    }

    /// Calls `f` with the filters among the others that a row can affect, with one of several columns perhaps more than once.
    /// Cost: one look-up per guarded column.
    pub fn affected(&self, relations: &Relations, row: Handle, f: &mut dyn FnMut(NodeId)) {
        for column in self.columns.iter().filter(|c| self.is_indexed && c.members > 0) {
            let cell = relations.cell(self.relation, row, column.path);
            if cell.is_null() {
                continue;
            }
            let h = hash(cell);
            if let Some(entry) = column.equal.find(h, |e| e.0 == h && total_order(e.1.as_cell(), cell).is_eq()) {
                entry.2.iter().for_each(|&id| f(id));
            }
            column.ranges.holding(cell, f);
        }
    }

    /// Bytes held, texts of values not counted.
    pub fn bytes(&self) -> usize {
        self.guards.allocation_size()
            + self.columns.iter().map(|c| c.equal.allocation_size() + c.members * 12 + c.ranges.bytes()).sum::<usize>()
    }
}
