//! Rows of every relation, by handle.
//!
//! A relation is *packed* (a table, a projection, groups) or a *pair* (a join: two handles, no copy of cells). A handle is
//! live from `insert` to `retire`; a retired row stays readable until the next `reclaim`, so that operators and the page
//! can still look at what has just gone. Pinned relations (snapshots) reclaim later.

mod cells;
mod lives;

use super::Path;
use crate::algebra::{Handle, NO_ROW};
use crate::value::Layout;

/// Index of a relation.
pub type RelationId = u32;

/// Bits of an id that are its place; those above count how often the place was given away.
const PLACE: RelationId = 0xf_ffff;
/// The most that are counted: ids stay positive as the words of a report.
const TURNS: RelationId = 1 << 31;

fn place(id: RelationId) -> usize {
    (id & PLACE) as usize
}

/// Rows of a relation.
#[derive(Debug)]
pub enum Rows {
    /// Cells in packed rows.
    Packed {
        /// Place of the cells.
        layout: Layout,
        /// Row bytes by handle; empty = free.
        rows: Vec<Box<[u8]>>,
    },
    /// Members by handle.
    Pair {
        /// Relation of the left members.
        left: RelationId,
        /// Relation of the right members.
        right: RelationId,
        /// Members by handle.
        rows: Vec<[Handle; 2]>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Free,
    Live,
    Retired,
}

#[derive(Debug)]
struct Relation {
    id: RelationId,
    rows: Rows,
    state: Vec<State>,
    free: Vec<Handle>,
    retired: Vec<Handle>,
    /// Of these, the first so many retired in steps before: only pinned relations have them.
    told: usize,
    live: usize,
    heap_bytes: usize,
    pins: u32,
    /// Integer columns that are shown as JavaScript bigints.
    wide: Vec<usize>,
    /// Members of a pair that may be missing.
    optional: [bool; 2],
    /// Numbers beside rows, by place and handle: what lists without an order are sorted by. None where nobody asks.
    numbers: Vec<Vec<u64>>,
}

/// All relations of an engine.
#[derive(Debug, Default)]
pub struct Relations {
    /// Boxed, because places may be empty.
    list: Vec<Option<Box<Relation>>>,
    /// Ids for places that are empty.
    free: Vec<RelationId>,
    /// Relations that were dropped, whose rows are to be.
    #[allow(clippy::vec_box, reason = "they are moved here from the list as they are")]
    remains: Vec<Box<Relation>>,
    touched: Vec<RelationId>,
}

impl Relations {
    /// A new packed relation.
    pub fn add_packed(&mut self, layout: Layout) -> RelationId {
        self.add(Rows::Packed { layout, rows: Vec::new() })
    }

    /// A new pair relation.
    pub fn add_pair(&mut self, left: RelationId, right: RelationId) -> RelationId {
        self.add(Rows::Pair { left, right, rows: Vec::new() })
    }

    fn add(&mut self, rows: Rows) -> RelationId {
        // The page caches rows by relation id: a place that is given away again comes with another id.
        let id = self.free.pop().unwrap_or(self.list.len() as RelationId);
        assert!(place(id) < PLACE as usize, "an engine holds fewer than 2^20 relations");
        let relation = Relation {
            id,
            rows,
            state: Vec::new(),
            free: Vec::new(),
            retired: Vec::new(),
            told: 0,
            live: 0,
            heap_bytes: 0,
            pins: 0,
            wide: Vec::new(),
            optional: [false; 2],
            numbers: Vec::new(),
        };
        if place(id) == self.list.len() {
            self.list.push(None);
        }
        self.list[place(id)] = Some(Box::new(relation));
        id
    }

    /// Marks an integer column of a packed relation as one whose values may be beyond 2^53.
    pub fn mark_wide(&mut self, id: RelationId, column: usize) {
        self.get_mut(id).wide.push(column);
    }

    /// Whether the cell at the end of a path was marked by [`mark_wide`](Self::mark_wide).
    pub fn is_wide(&self, id: RelationId, path: Path) -> bool {
        let (leaf, _) = self.member(id, NO_ROW, path.turns());
        self.get(leaf).wide.contains(&path.leaf())
    }

    /// Marks a member of a pair relation (left 0, right 1) as one that may be missing.
    pub fn mark_optional(&mut self, id: RelationId, member: usize) {
        self.get_mut(id).optional[member] = true;
    }

    /// Gives each row of a relation so many numbers.
    pub fn add_numbers(&mut self, id: RelationId, places: usize) {
        self.get_mut(id).numbers = vec![Vec::new(); places];
    }

    /// Sets a number of a row.
    pub fn set_number(&mut self, id: RelationId, place: usize, handle: Handle, number: u64) {
        let numbers = &mut self.get_mut(id).numbers[place];
        if handle as usize >= numbers.len() {
            numbers.resize(handle as usize + 1, 0);
        }
        numbers[handle as usize] = number;
    }

    /// Drops a derived relation. Its rows go when they are [swept](Self::sweep).
    pub fn drop_relation(&mut self, id: RelationId) {
        self.remains.extend(self.list[place(id)].take());
        self.free.push((id + PLACE + 1) % TURNS);
        self.touched.retain(|&t| t != id);
    }

    /// Drops all relations. Their rows go when they are [swept](Self::sweep).
    pub fn leave(&mut self) {
        self.remains.extend(self.list.drain(..).flatten());
    }

    /// Drops up to so many rows of relations that were dropped. How many are left of so many.
    pub fn sweep(&mut self, mut pieces: usize) -> usize {
        while pieces > 0
            && let Some(relation) = self.remains.last_mut()
        {
            let mut dropped = 1;
            if let Rows::Packed { rows, .. } = &mut relation.rows {
                let keep = rows.len().saturating_sub(pieces - 1);
                dropped += rows.len() - keep;
                rows.truncate(keep);
            }
            if dropped < pieces {
                self.remains.pop();
            }
            pieces -= dropped;
        }
        pieces
    }

    #[inline(always)]
    fn get(&self, id: RelationId) -> &Relation {
        self.list[place(id)].as_deref().expect("relation is there")
    }

    #[inline(always)]
    fn get_mut(&mut self, id: RelationId) -> &mut Relation {
        self.list[place(id)].as_deref_mut().expect("relation is there")
    }

    fn known(&self, id: RelationId) -> Option<&Relation> {
        self.list.get(place(id))?.as_deref().filter(|r| r.id == id)
    }

    /// The ids of all relations that exist.
    pub fn ids(&self) -> impl Iterator<Item = RelationId> {
        self.list.iter().flatten().map(|r| r.id)
    }

    /// Whether the relation exists.
    pub fn contains(&self, id: RelationId) -> bool {
        self.known(id).is_some()
    }

    /// Layout or members of a relation.
    pub fn rows(&self, id: RelationId) -> &Rows {
        &self.get(id).rows
    }

    /// Layout of a packed relation.
    pub fn layout(&self, id: RelationId) -> &Layout {
        match &self.get(id).rows {
            Rows::Packed { layout, .. } => layout,
            Rows::Pair { .. } => panic!("a pair relation has no layout"),
        }
    }

    /// Whether rows of the relation are packed cells, rather than pairs.
    #[inline]
    pub fn is_packed(&self, id: RelationId) -> bool {
        matches!(self.get(id).rows, Rows::Packed { .. })
    }

    /// Bytes of a packed row.
    #[inline(always)]
    pub fn row(&self, id: RelationId, handle: Handle) -> &[u8] {
        match &self.get(id).rows {
            Rows::Packed { rows, .. } => &rows[handle as usize],
            Rows::Pair { .. } => panic!("a pair row has no bytes"),
        }
    }

    /// Members of a pair row.
    #[inline(always)]
    pub fn pair(&self, id: RelationId, handle: Handle) -> [Handle; 2] {
        match &self.get(id).rows {
            Rows::Pair { rows, .. } => rows[handle as usize],
            Rows::Packed { .. } => panic!("a packed row has no members"),
        }
    }

    /// Whether a handle can be read (live or just retired).
    #[inline(always)]
    pub fn is_readable(&self, id: RelationId, handle: Handle) -> bool {
        self.known(id).is_some_and(|r| r.state.get(handle as usize).is_some_and(|s| *s != State::Free))
    }

    /// Bytes held by a relation (rows and slabs; allocator overhead not counted).
    pub fn bytes(&self, id: RelationId) -> usize {
        let r = self.get(id);
        let slab = match &r.rows {
            Rows::Packed { rows, .. } => rows.capacity() * size_of::<Box<[u8]>>(),
            Rows::Pair { rows, .. } => rows.capacity() * 8,
        };
        r.heap_bytes
            + slab
            + r.state.capacity()
            + (r.free.capacity() + r.retired.capacity()) * 4
            + r.numbers.iter().map(|n| n.capacity() * 8).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Cell, Type, Value};

    #[test]
    fn a_retired_row_is_readable_until_reclaimed_and_its_handle_comes_back() {
        let mut rs = Relations::default();
        let t = rs.add_packed(Layout::new(&[Type::Int]));
        let row = rs.layout(t).pack(&[Value::Int(7)]);
        let h = rs.insert_row(t, row.clone());
        rs.retire(t, h);
        assert!(matches!(rs.cell(t, h, Path::column(0)), Cell::Int(7)));
        assert_eq!(rs.live(t), 0);
        rs.reclaim();
        assert!(!rs.is_readable(t, h));
        assert_eq!(rs.insert_row(t, row), h);
    }

    #[test]
    fn the_place_of_a_dropped_relation_is_given_away_under_another_id() {
        let mut rs = Relations::default();
        let tables = [rs.add_packed(Layout::new(&[Type::Int])), rs.add_packed(Layout::new(&[Type::Int]))];
        let mut seen = vec![tables[0]];
        for _ in 0..3000 {
            let derived = rs.add_pair(tables[0], tables[1]);
            assert!(rs.contains(derived) && !seen.contains(&derived) && derived < TURNS);
            rs.drop_relation(derived);
            assert!(!rs.contains(derived) && !rs.is_readable(derived, 0));
            seen = vec![tables[0], tables[1], derived];
        }
        assert_eq!(rs.list.len(), 3);
    }

    #[test]
    fn a_missing_member_reads_as_null() {
        let mut rs = Relations::default();
        let t = rs.add_packed(Layout::new(&[Type::Int]));
        let p = rs.add_pair(t, t);
        let row = rs.layout(t).pack(&[Value::Int(1)]);
        let h = rs.insert_row(t, row);
        let pair = rs.insert_pair(p, [h, NO_ROW]);
        assert!(rs.cell(p, pair, Path::column(0).within(true)).is_null());
        assert!(matches!(rs.cell(p, pair, Path::column(0).within(false)), Cell::Int(1)));
    }
}
