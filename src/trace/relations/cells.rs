//! What is at the end of a path: members, numbers, cells.

use super::{RelationId, Relations, Rows};
use crate::algebra::{Handle, NO_ROW};
use crate::trace::Path;
use crate::value::Cell;

impl Relations {
    /// A number of the row at the end of a path, whose leaf is the number's place.
    #[inline(always)]
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
            let Rows::Pair { left, right, rows } = &self.get(id).rows else { panic!("a path leads through pairs only") };
            let turn = usize::from(path.turn(i));
            id = [*left, *right][turn];
            [a, b] = [a, b].map(|row| if row == NO_ROW { NO_ROW } else { rows[row as usize][turn] });
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
