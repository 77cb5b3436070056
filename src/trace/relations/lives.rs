//! Rows from when they come until their handles are given to others: live, retired, free.

use super::{Relation, RelationId, Relations, Rows, State, place};
use crate::algebra::{Handle, NO_ROW};

/// A row in its place: the next one, or one that another had.
fn put<T>(rows: &mut Vec<T>, handle: Handle, row: T) {
    match rows.get_mut(handle as usize) {
        Some(place) => *place = row,
        None => rows.push(row),
    }
}

impl Relations {
    /// Stores a packed row; the handle is new.
    pub fn insert_row(&mut self, id: RelationId, row: Box<[u8]>) -> Handle {
        let relation = self.get_mut(id);
        relation.heap_bytes += row.len();
        let handle = relation.take_handle();
        match &mut relation.rows {
            Rows::Packed { rows, .. } => put(rows, handle, row),
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
            Rows::Pair { rows, .. } => put(rows, handle, members),
            Rows::Packed { .. } => panic!("a packed relation holds no pairs"),
        }
        handle
    }

    /// Takes back a pair that nobody but its maker has seen.
    pub fn discard_pair(&mut self, id: RelationId, handle: Handle) {
        let relation = self.get_mut(id);
        relation.state[handle as usize] = State::Free;
        relation.live -= 1;
        relation.free.push(handle);
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

    /// Relations with retired rows, and those that retired since the last [`reclaim`](Self::reclaim) (a row revived and retired again may
    /// come twice); of a relation that is pinned perhaps none.
    pub fn retired(&self) -> impl Iterator<Item = (RelationId, impl Iterator<Item = Handle> + Clone + '_)> {
        self.touched.iter().map(|&id| {
            let r = self.get(id);
            (id, r.retired[r.told..].iter().copied().filter(|&h| r.state[h as usize] == State::Retired))
        })
    }

    /// Gives the memory of retired rows back, except those of pinned relations.
    pub fn reclaim(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.retain(|&id| {
            let relation = self.get_mut(id);
            if relation.pins > 0 {
                relation.told = relation.retired.len();
                return true;
            }
            relation.told = 0;
            let mut retired = std::mem::take(&mut relation.retired);
            for &handle in &retired {
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
            retired.clear();
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
