//! Where a column is, seen from a row: through the members of pair rows to a cell of a packed row.

/// A way to a cell: at each pair row left (0) or right (1), then a column of the packed row. At most 32 steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path {
    turns: u32,
    column: u16,
    steps: u8,
}

impl Path {
    /// Deepest nesting of pairs, and so the most joins in one query.
    pub const MAX_STEPS: usize = 32;

    /// A column of the row itself.
    pub fn column(column: usize) -> Self {
        Path { steps: 0, turns: 0, column: u16::try_from(column).expect("at most 65,535 columns") }
    }

    /// The same cell, seen from a pair that has this row as its left (`right = false`) or right member.
    #[must_use]
    pub fn within(self, right: bool) -> Self {
        assert!(usize::from(self.steps) < Self::MAX_STEPS, "pair nesting");
        Path { steps: self.steps + 1, turns: self.turns << 1 | u32::from(right), column: self.column }
    }

    /// Another column of the same packed row.
    #[must_use]
    pub fn sibling(self, column: usize) -> Self {
        Path { column: Path::column(column).column, ..self }
    }

    /// Turns, outermost first: true = right.
    pub fn turns(self) -> impl Iterator<Item = bool> {
        (0..self.steps).map(move |i| self.turns >> i & 1 == 1)
    }

    /// Number of turns.
    #[inline]
    pub fn depth(self) -> usize {
        usize::from(self.steps)
    }

    /// The i-th turn.
    #[inline]
    pub fn turn(self, i: usize) -> bool {
        self.turns >> i & 1 == 1
    }

    /// Column of the packed row at the end.
    #[inline]
    pub fn leaf(self) -> usize {
        usize::from(self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_read_from_the_outside_in() {
        let p = Path::column(4).within(true).within(false);
        assert_eq!(p.turns().collect::<Vec<_>>(), [false, true]);
        assert_eq!(p.leaf(), 4);
    }
}
