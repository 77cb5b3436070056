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
    /// All of them, while they are few.
    few: Vec<NodeId>,
    is_indexed: bool,
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
    pub(super) columns: Vec<Column>,
}

fn hash(cell: Cell<'_>) -> u64 {
    let mut h = Hasher64::new();
    h.cell(cell);
    h.finish()
}

impl Column {
    fn new(path: Path) -> Self {
        Column {
            path,
            few: Vec::new(),
            is_indexed: false,
            equal: HashTable::new(),
            ranges: Intervals::default(),
            members: 0,
            seek: Seek::default(),
            idle_since: 0,
        }
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
        }
    }

    /// Filters that ask for the same as a guard: how little it tells apart.
    fn crowd(&self, guard: &Guard) -> usize {
        match guard {
            Guard::Equal(_, values) if self.is_indexed => values
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
        Routes { relation, guards: HashMap::default(), columns: Vec::new() }
    }

    /// Files a filter under the one of its guards that tells it best from the others: an equality before a range, and of
    /// several the one that the fewest share. Returns the column.
    pub fn add(&mut self, id: NodeId, candidates: Vec<Guard>, looked_up_from: usize) -> usize {
        let crowd = |guard: &Guard| {
            let is_range = matches!(guard, Guard::Range(..));
            let same = match self.columns.iter().find(|c| c.path == guard.path()) {
                Some(column) if column.is_indexed => column.crowd(guard),
                Some(column) => column.few.iter().filter(|n| self.guards[*n] == *guard).count(),
                None => 0,
            };
            (is_range, same)
        };
        let best = (0..candidates.len()).min_by_key(|&i| crowd(&candidates[i])).expect("a filter with a guard");
        let guard = candidates.into_iter().nth(best).expect("in bounds");
        let at = self.columns.iter().position(|c| c.path == guard.path()).unwrap_or_else(|| {
            self.columns.push(Column::new(guard.path()));
            self.columns.len() - 1
        });
        let column = &mut self.columns[at];
        column.members += 1;
        if column.is_indexed {
            column.file(id, &guard);
        } else {
            column.few.push(id);
        }
        self.guards.insert(id, guard);
        if self.guards.len() >= looked_up_from {
            for column in self.columns.iter_mut().filter(|c| !c.is_indexed) {
                column.is_indexed = true;
                for id in std::mem::take(&mut column.few) {
                    column.file(id, &self.guards[&id]);
                }
            }
        }
        at
    }

    /// Forgets a filter. Returns its column, if it was one of these.
    pub fn remove(&mut self, id: NodeId) -> Option<usize> {
        let guard = self.guards.remove(&id)?;
        let at = self.columns.iter().position(|c| c.path == guard.path())?;
        let column = &mut self.columns[at];
        column.members -= 1;
        if column.is_indexed {
            column.unfile(id, &guard);
        } else {
            column.few.retain(|&n| n != id);
        }
        Some(at)
    }

    /// What a filter is filed under, and its column.
    pub fn guard(&self, id: NodeId) -> Option<(&Guard, &Column)> {
        let guard = self.guards.get(&id)?;
        Some((guard, self.columns.iter().find(|c| c.path == guard.path())?))
    }

    /// No filters, and no arrangements for them.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.columns.iter().all(|c| c.seek.by_key.is_none() && c.seek.in_order.is_none())
    }

    /// All filters.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.guards.keys().copied()
    }

    /// The filters of the columns that have few.
    pub fn few(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.columns.iter().flat_map(|c| c.few.iter().copied())
    }

    /// Calls `f` with the filters among the others that a row can affect. Cost: one look-up per guarded column.
    pub fn affected(&self, relations: &Relations, row: Handle, f: &mut dyn FnMut(NodeId)) {
        for column in self.columns.iter().filter(|c| c.is_indexed && c.members > 0) {
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
