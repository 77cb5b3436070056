//! In which order the rows of lists are.

use std::cmp::Ordering;

use super::{Entry, Path, RelationId, Relations, span};
use crate::algebra::Handle;
use crate::value::{Cell, Type, Value, identity_order, order_prefix, total_order};

/// One sort column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SortColumn {
    /// Where the cell is.
    pub path: Path,
    /// Its type.
    pub ty: Type,
    /// Descending.
    pub desc: bool,
    /// Nulls before everything, in either direction.
    pub nulls_first: bool,
}

/// A total order over rows of a relation: sort columns, the last ones being a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SortSpec {
    /// A number of the row ([`Relations::number`]) that goes before all columns: lists in the order of arrival.
    pub arrival: Option<Path>,
    /// Most significant first.
    pub columns: Vec<SortColumn>,
    /// Both ends of an interval, in the place of columns: rows are in the order in which [`for_meeting`](super::span::for_meeting)
    /// seeks.
    pub span: Option<[Path; 2]>,
}

impl SortColumn {
    /// Compares two cells in this column's direction.
    #[inline(always)]
    pub fn compare(&self, a: Cell<'_>, b: Cell<'_>) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if self.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if self.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) if self.desc => total_order(b, a),
            (false, false) => total_order(a, b),
        }
    }

    /// A word whose order never contradicts [`compare`](Self::compare); `flip` is all ones for a descending column.
    #[inline]
    pub fn word(&self, c: Cell<'_>, flip: u64) -> u64 {
        match c {
            Cell::Null => {
                if self.nulls_first {
                    0
                } else {
                    u64::MAX
                }
            }
            c => order_prefix(c) ^ flip,
        }
    }
}

impl SortSpec {
    /// Order of two rows; of rows whose values are all equal, by how these are shown.
    #[inline]
    pub fn compare(&self, rs: &Relations, rel: RelationId, a: Handle, b: Handle) -> Ordering {
        if let Some(path) = self.arrival {
            let o = rs.number(rel, a, path).cmp(&rs.number(rel, b, path));
            if o.is_ne() {
                return o;
            }
        }
        let mut spelling = Ordering::Equal;
        for c in &self.columns {
            let (x, y) = (rs.cell(rel, a, c.path), rs.cell(rel, b, c.path));
            let o = c.compare(x, y);
            if o.is_ne() {
                return o;
            }
            if spelling.is_eq() && c.ty.has_spellings() {
                spelling = identity_order(x, y);
            }
        }
        spelling
    }

    /// Whether two rows have the same number and cells: no other row can tell them apart.
    pub fn alike(&self, rs: &Relations, rel: RelationId, a: Handle, b: Handle) -> bool {
        self.arrival.is_none_or(|path| rs.number(rel, a, path) == rs.number(rel, b, path))
            && self
                .columns
                .iter()
                .map(|c| c.path)
                .chain(self.span.into_iter().flatten())
                .all(|path| rs.same_cell(rel, a, b, path))
    }

    /// Order of a row against values for the first columns.
    pub fn compare_to(&self, rs: &Relations, rel: RelationId, row: Handle, values: &[Value]) -> Ordering {
        for (c, v) in self.columns.iter().zip(values) {
            let o = c.compare(rs.cell(rel, row, c.path), v.as_cell());
            if o.is_ne() {
                return o;
            }
        }
        Ordering::Equal
    }

    /// The entry of a row: its number, or two prefix words, of the first column twice if it is text (its first 16 bytes), else of the
    /// first two columns.
    #[inline]
    pub fn entry(&self, rs: &Relations, rel: RelationId, row: Handle) -> Entry {
        if let Some(path) = self.arrival {
            return Entry { first: rs.number(rel, row, path), second: 0, row };
        }
        let Some(c0) = self.columns.first() else {
            let of_span = |span: [Path; 2]| span::entry(span.map(|path| rs.cell(rel, row, path)), row);
            return self.span.map_or(Entry { first: 0, second: 0, row }, of_span);
        };
        let cell = rs.cell(rel, row, c0.path);
        let flip = if c0.desc { u64::MAX } else { 0 };
        let first = c0.word(cell, flip);
        let second = if c0.ty.is_var() {
            match cell {
                Cell::Text(t) => order_prefix(Cell::Bytes(t.as_bytes().get(8..).unwrap_or(&[]))) ^ flip,
                Cell::Bytes(b) => order_prefix(Cell::Bytes(b.get(8..).unwrap_or(&[]))) ^ flip,
                _ => first,
            }
        } else {
            match self.columns.get(1) {
                // The extreme integer and false share their word with null: beside null they stand on their side of it.
                Some(_) if !cell.is_null() && first == c0.word(Cell::Null, flip) => !first,
                Some(c1) => c1.word(rs.cell(rel, row, c1.path), if c1.desc { u64::MAX } else { 0 }),
                None => 0,
            }
        };
        Entry { first, second, row }
    }
}
