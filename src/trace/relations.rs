//! Rows of every relation, by handle.
//!
//! A relation is *packed* (a table, a projection, groups) or a *pair* (a join: two handles, no copy of cells). A handle is
//! live from `insert` to `retire`; a retired row stays readable until the next `reclaim`, so that operators and the page
//! can still look at what has just gone. Pinned relations (snapshots) reclaim later.

use super::Path;
use crate::algebra::{Handle, NO_ROW};
use crate::value::{Cell, Layout};

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

    /// A number of the row at the end of a path, whose leaf is the number's place.
    #[inline]
    pub fn number(&self, id: RelationId, handle: Handle, path: Path) -> u64 {
        let (id, handle) = self.member(id, handle, path.turns());
        self.get(id).numbers[path.leaf()][handle as usize]
    }

    /// How many of some turns lead to a member that is always there.
    pub fn certain(&self, mut id: RelationId, turns: &[bool]) -> usize {
        for (i, &right) in turns.iter().enumerate() {
            if self.get(id).optional[usize::from(right)] {
                return i;
            }
            id = self.member(id, NO_ROW, std::iter::once(right)).0;
        }
        turns.len()
    }

    /// Drops a derived relation. Its rows go when they are [swept](Self::sweep).
    pub fn drop_relation(&mut self, id: RelationId) {
        self.remains.extend(self.list[place(id)].take());
        self.free.push((id + PLACE + 1) % TURNS);
        self.touched.retain(|&t| t != id);
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
    #[inline]
    pub fn row(&self, id: RelationId, handle: Handle) -> &[u8] {
        match &self.get(id).rows {
            Rows::Packed { rows, .. } => &rows[handle as usize],
            Rows::Pair { .. } => panic!("a pair row has no bytes"),
        }
    }

    /// Members of a pair row.
    #[inline]
    pub fn pair(&self, id: RelationId, handle: Handle) -> [Handle; 2] {
        match &self.get(id).rows {
            Rows::Pair { rows, .. } => rows[handle as usize],
            Rows::Packed { .. } => panic!("a packed row has no members"),
        }
    }

    /// Whether a handle can be read (live or just retired).
    pub fn is_readable(&self, id: RelationId, handle: Handle) -> bool {
        self.known(id).is_some_and(|r| r.state.get(handle as usize).is_some_and(|s| *s != State::Free))
    }

    /// Stores a packed row; the handle is new.
    pub fn insert_row(&mut self, id: RelationId, row: Box<[u8]>) -> Handle {
        let relation = self.get_mut(id);
        relation.heap_bytes += row.len();
        let handle = relation.take_handle();
        match &mut relation.rows {
            Rows::Packed { rows, .. } => {
                if handle as usize == rows.len() {
                    rows.push(row);
                } else {
                    rows[handle as usize] = row;
                }
            }
            Rows::Pair { .. } => panic!("a pair relation holds no packed rows"),
        }
        handle
    }

    /// Makes room for so many packed rows more.
    pub fn reserve(&mut self, id: RelationId, more: usize) {
        let relation = self.get_mut(id);
        relation.state.reserve(more);
        if let Rows::Packed { rows, .. } = &mut relation.rows {
            rows.reserve(more);
        }
    }

    /// Stores a pair; the handle is new.
    pub fn insert_pair(&mut self, id: RelationId, members: [Handle; 2]) -> Handle {
        let relation = self.get_mut(id);
        let handle = relation.take_handle();
        match &mut relation.rows {
            Rows::Pair { rows, .. } => {
                if handle as usize == rows.len() {
                    rows.push(members);
                } else {
                    rows[handle as usize] = members;
                }
            }
            Rows::Packed { .. } => panic!("a packed relation holds no pairs"),
        }
        handle
    }

    /// Ends a row's life; it stays readable until [`reclaim`](Self::reclaim).
    pub fn retire(&mut self, id: RelationId, handle: Handle) {
        let relation = self.get_mut(id);
        debug_assert_eq!(relation.state[handle as usize], State::Live);
        relation.state[handle as usize] = State::Retired;
        relation.live -= 1;
        if relation.retired.is_empty() {
            self.touched.push(id);
        }
        self.get_mut(id).retired.push(handle);
    }

    /// Takes a retirement of this step back (a batch that failed, a row that came back equal).
    pub fn revive(&mut self, id: RelationId, handle: Handle) {
        let relation = self.get_mut(id);
        debug_assert_eq!(relation.state[handle as usize], State::Retired);
        // Its entry in the list of retired rows stays and is passed over.
        relation.state[handle as usize] = State::Live;
        relation.live += 1;
    }

    /// Relations with retired rows, and these (a row revived and retired again may come twice).
    pub fn retired(&self) -> impl Iterator<Item = (RelationId, impl Iterator<Item = Handle> + Clone + '_)> {
        self.touched.iter().map(|&id| {
            let r = self.get(id);
            (id, r.retired.iter().copied().filter(|&h| r.state[h as usize] == State::Retired))
        })
    }

    /// Gives the memory of retired rows back, except those of pinned relations.
    pub fn reclaim(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.retain(|&id| {
            let relation = self.get_mut(id);
            if relation.pins > 0 {
                return true;
            }
            let mut retired = std::mem::take(&mut relation.retired);
            for handle in retired.drain(..) {
                if relation.state[handle as usize] != State::Retired {
                    continue;
                }
                relation.state[handle as usize] = State::Free;
                relation.free.push(handle);
                if let Rows::Packed { rows, .. } = &mut relation.rows {
                    relation.heap_bytes -= rows[handle as usize].len();
                    rows[handle as usize] = Box::default();
                }
            }
            if retired.capacity() < 1 << 12 {
                relation.retired = retired;
            }
            false
        });
        self.touched = touched;
    }

    /// Keeps retired rows of a relation readable until the matching [`unpin`](Self::unpin).
    pub fn pin(&mut self, id: RelationId) {
        self.get_mut(id).pins += 1;
    }

    /// Ends a [`pin`](Self::pin).
    pub fn unpin(&mut self, id: RelationId) {
        if let Some(r) = self.list[place(id)].as_mut().filter(|r| r.id == id) {
            r.pins -= 1;
        }
    }

    /// Calls `f` with every live handle. Cost: one pass over the slab.
    pub fn for_each_live(&self, id: RelationId, mut f: impl FnMut(Handle)) {
        for (i, s) in self.get(id).state.iter().enumerate() {
            if *s == State::Live {
                f(i as Handle);
            }
        }
    }

    /// The same for the rows in a range of places.
    pub fn for_each_live_in(&self, id: RelationId, places: std::ops::Range<usize>, mut f: impl FnMut(Handle)) {
        for place in places.clone() {
            if self.get(id).state[place] == State::Live {
                f(place as Handle);
            }
        }
    }

    /// Number of places for rows, whether there is a live one or not.
    pub fn places(&self, id: RelationId) -> usize {
        self.get(id).state.len()
    }

    /// Number of live rows.
    pub fn live(&self, id: RelationId) -> usize {
        self.get(id).live
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

    /// The relation and handle at the end of some turns; `NO_ROW` when a member is missing.
    #[inline]
    pub fn member(&self, mut id: RelationId, mut handle: Handle, turns: impl Iterator<Item = bool>) -> (RelationId, Handle) {
        for right in turns {
            match &self.get(id).rows {
                Rows::Pair { left, right: right_id, rows } => {
                    let members = if handle == NO_ROW { [NO_ROW, NO_ROW] } else { rows[handle as usize] };
                    (id, handle) = if right { (*right_id, members[1]) } else { (*left, members[0]) };
                }
                Rows::Packed { .. } => panic!("a path leads through pairs only"),
            }
        }
        (id, handle)
    }

    /// Whether two rows agree on the cell at the end of a path. Cost: less than reading and comparing the two cells; no cell
    /// is read where the paths meet in one row.
    #[inline]
    pub fn same_cell(&self, id: RelationId, a: Handle, b: Handle, path: Path) -> bool {
        let (mut id, mut a, mut b) = (id, a, b);
        for i in 0..path.depth() {
            let turn = std::iter::once(path.turn(i));
            (_, a) = self.member(id, a, turn.clone());
            (id, b) = self.member(id, b, turn);
            if a == b {
                return true;
            }
        }
        match &self.get(id).rows {
            Rows::Packed { layout, .. } if a == NO_ROW || b == NO_ROW => {
                let there = if a == NO_ROW { b } else { a };
                layout.is_null(self.row(id, there), path.leaf())
            }
            Rows::Packed { layout, rows } => a == b || layout.same_cell(&rows[a as usize], &rows[b as usize], path.leaf()),
            Rows::Pair { .. } => panic!("a path ends in a packed row"),
        }
    }

    /// Reads the cell at the end of a path.
    #[inline]
    pub fn cell(&self, mut id: RelationId, mut handle: Handle, path: Path) -> Cell<'_> {
        for i in 0..path.depth() {
            match &self.get(id).rows {
                Rows::Pair { left, right, rows } => {
                    let members = rows[handle as usize];
                    (id, handle) = if path.turn(i) { (*right, members[1]) } else { (*left, members[0]) };
                    if handle == NO_ROW {
                        return Cell::Null;
                    }
                }
                Rows::Packed { .. } => panic!("a path leads through pairs only"),
            }
        }
        match &self.get(id).rows {
            Rows::Packed { layout, rows } => layout.cell(&rows[handle as usize], path.leaf()),
            Rows::Pair { .. } => panic!("a path ends in a packed row"),
        }
    }
}

impl Relation {
    fn take_handle(&mut self) -> Handle {
        self.live += 1;
        if let Some(h) = self.free.pop() {
            self.state[h as usize] = State::Live;
            return h;
        }
        let h = self.state.len() as Handle;
        assert!(h < NO_ROW, "a relation holds at most 2^32 - 1 rows");
        self.state.push(State::Live);
        h
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Type, Value};

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
