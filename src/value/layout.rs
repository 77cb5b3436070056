//! Packed rows: one allocation a row, cells at offsets known from the layout.
//!
//! ```text
//! [8-byte slots][u32 heap end per var column][1 byte per bool][null bitmap][flags][heap]
//! ```
//! Canonical: null cells have zero slots and empty spans, floats one NaN and no −0. Hence equal rows have equal bytes, and
//! row equality is `memcmp`. `www/docs/boundary.md` states the same for the TypeScript encoder.

use std::ops::Range;

use super::cell::canonical_float;
use super::{Cell, Hasher64, RowBuilder, Type, Value, array, interval, numeric, total_order};

/// Flag: every byte of the heap is ASCII, so that text offsets in bytes are offsets in UTF-16 units too.
pub const FLAG_ASCII: u8 = 1;

/// Where a column's cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnLayout {
    /// Type of the cell.
    pub ty: Type,
    /// Byte offset of the 8-byte slot, the bool byte or the u32 end offset.
    pub slot: u32,
    /// Index among var columns; `u32::MAX` for others.
    pub var: u32,
    /// Bit in the null bitmap (= column index).
    pub bit: u32,
}

impl ColumnLayout {
    /// Bytes at the slot.
    pub(super) fn width(&self) -> usize {
        match self.ty {
            Type::Bool => 1,
            ty if ty.is_var() => 4,
            _ => 8,
        }
    }
}

/// Layout of the packed rows of one relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// A place per column.
    pub columns: Vec<ColumnLayout>,
    /// Offset of the u32 end offsets.
    pub var_at: u32,
    /// Offset of the bool bytes.
    pub bool_at: u32,
    /// Offset of the null bitmap.
    pub null_at: u32,
    /// Offset of the flags byte.
    pub flags_at: u32,
    /// Offset of the heap.
    pub heap_at: u32,
}

impl Layout {
    /// Layout of columns of these types, in this order.
    pub fn new(types: &[Type]) -> Self {
        let fixed = types.iter().filter(|t| !t.is_var() && **t != Type::Bool).count() as u32;
        let vars = types.iter().filter(|t| t.is_var()).count() as u32;
        let bools = types.iter().filter(|t| **t == Type::Bool).count() as u32;
        let (var_at, bool_at) = (fixed * 8, fixed * 8 + vars * 4);
        let null_at = bool_at + bools;
        let flags_at = null_at + (types.len() as u32).div_ceil(8);
        let (mut f, mut v, mut b) = (0, 0, 0);
        let columns = types
            .iter()
            .enumerate()
            .map(|(i, &ty)| {
                let (slot, var) = if ty.is_var() {
                    v += 1;
                    (var_at + (v - 1) * 4, v - 1)
                } else if ty == Type::Bool {
                    b += 1;
                    (bool_at + b - 1, u32::MAX)
                } else {
                    f += 1;
                    ((f - 1) * 8, u32::MAX)
                };
                ColumnLayout { ty, slot, var, bit: i as u32 }
            })
            .collect();
        Layout { columns, var_at, bool_at, null_at, flags_at, heap_at: flags_at + 1 }
    }

    /// Whether a column is null in a row.
    #[inline(always)]
    pub fn is_null(&self, row: &[u8], column: usize) -> bool {
        row[self.null_at as usize + column / 8] >> (column % 8) & 1 == 1
    }

    /// Reads a cell. Cost: a bit test and one or two loads.
    #[inline]
    pub fn cell<'a>(&self, row: &'a [u8], column: usize) -> Cell<'a> {
        if self.is_null(row, column) {
            return Cell::Null;
        }
        let place = &self.columns[column];
        let slot = place.slot as usize;
        match place.ty {
            Type::Int => Cell::Int(i64::from_le_bytes(eight(row, slot))),
            Type::Timestamp => Cell::Timestamp(i64::from_le_bytes(eight(row, slot))),
            Type::Float => Cell::Float(f64::from_le_bytes(eight(row, slot))),
            Type::Bool => Cell::Bool(row[slot] != 0),
            Type::Text => Cell::Text(as_text(self.span(row, place))),
            Type::Json => Cell::Json(as_text(self.span(row, place))),
            Type::Bytes => Cell::Bytes(self.span(row, place)),
            Type::Decimal => Cell::Decimal(self.span(row, place)),
            Type::Date => Cell::Date(i64::from_le_bytes(eight(row, slot))),
            Type::Time => Cell::Time(i64::from_le_bytes(eight(row, slot))),
            Type::Uuid => Cell::Uuid(as_text(self.span(row, place))),
            Type::Interval => Cell::Interval(self.span(row, place)),
            Type::Array(element) => Cell::Array(element, self.span(row, place)),
        }
    }

    /// Puts a cell of fixed size, or null, into a row; whether the row is another one now.
    pub fn put_fixed(&self, row: &mut [u8], column: usize, cell: Cell<'_>) -> bool {
        let word = match cell {
            Cell::Null => 0,
            Cell::Bool(v) => u64::from(v),
            Cell::Int(v) | Cell::Timestamp(v) | Cell::Date(v) | Cell::Time(v) => v as u64,
            Cell::Float(v) => canonical_float(v).to_bits(),
            _ => unreachable!("a cell of fixed size"),
        };
        let place = &self.columns[column];
        let (slot, null, bit) = (place.slot as usize, self.null_at as usize + column / 8, 1 << (column % 8));
        let nulls = row[null] & !bit | if cell.is_null() { bit } else { 0 };
        let mut changed = std::mem::replace(&mut row[null], nulls) != nulls;
        let width = place.width();
        let word = &word.to_le_bytes()[..width];
        changed |= row[slot..slot + width] != *word;
        row[slot..slot + width].copy_from_slice(word);
        changed
    }

    /// Bytes that a column takes of the heap of a row; 0 for one of fixed size.
    pub fn heap_len(&self, row: &[u8], column: usize) -> usize {
        let place = &self.columns[column];
        if place.ty.is_var() { self.span(row, place).len() } else { 0 }
    }

    #[inline(always)]
    pub(super) fn span<'a>(&self, row: &'a [u8], place: &ColumnLayout) -> &'a [u8] {
        let Range { start, end } = self.range(row, place);
        &row[self.heap_at as usize + start..self.heap_at as usize + end]
    }

    /// Where in the heap a var column is.
    #[inline(always)]
    pub(super) fn range(&self, row: &[u8], place: &ColumnLayout) -> Range<usize> {
        let slot = place.slot as usize;
        let end = u32::from_le_bytes(four(row, slot));
        let start = if place.var == 0 { 0 } else { u32::from_le_bytes(four(row, slot - 4)) };
        start as usize..end as usize
    }

    /// Hash of some columns' cells.
    pub fn hash(&self, row: &[u8], columns: &[usize]) -> u64 {
        let mut h = Hasher64::new();
        for &c in columns {
            h.cell(self.cell(row, c));
        }
        h.finish()
    }

    /// Whether two rows have equal values in some columns, however these are shown. Not inlined, as [`same_cell`](Self::same_cell).
    #[inline(never)]
    pub fn same(&self, a: &[u8], b: &[u8], columns: &[usize]) -> bool {
        let equal = |c: usize| self.columns[c].ty.has_spellings() && total_order(self.cell(a, c), self.cell(b, c)).is_eq();
        columns.iter().all(|&c| self.same_cell(a, b, c) || equal(c))
    }

    /// Whether two rows have the same cell in a column: rows are canonical, so these have equal bytes.
    ///
    /// Not inlined: it is called from many places, and larger than a call.
    #[inline(never)]
    pub fn same_cell(&self, a: &[u8], b: &[u8], column: usize) -> bool {
        Two { layout: self, rows: [a, b], same_rest: false }.agree(column)
    }

    /// Two rows of which many columns are to be compared: what most pairs agree on, all behind the 8-byte slots, is compared once.
    pub fn two<'a>(&'a self, a: &'a [u8], b: &'a [u8]) -> Two<'a> {
        let at = self.var_at as usize;
        Two { layout: self, rows: [a, b], same_rest: a[at..] == b[at..] }
    }

    /// All cells as owned values.
    pub fn values(&self, row: &[u8]) -> Vec<Value> {
        (0..self.columns.len()).map(|c| self.cell(row, c).to_value()).collect()
    }

    /// Checks that bytes from outside are a row of this layout: bounds, monotone ends, UTF-8 where text is. Everything else
    /// in this crate relies on it. Returns what is wrong.
    pub fn validate(&self, row: &[u8]) -> Result<(), &'static str> {
        if row.len() < self.heap_at as usize {
            return Err("row shorter than its fixed part");
        }
        let heap = row.len() - self.heap_at as usize;
        let ascii = row[self.heap_at as usize..].is_ascii();
        let mut start = 0usize;
        for place in self.columns.iter().filter(|c| c.var != u32::MAX) {
            let end = u32::from_le_bytes(four(row, place.slot as usize)) as usize;
            if end < start || end > heap {
                return Err("var end out of order");
            }
            let span = &row[self.heap_at as usize + start..self.heap_at as usize + end];
            if !ascii && place.ty != Type::Bytes && std::str::from_utf8(span).is_err() {
                return Err("text is not UTF-8");
            }
            if place.ty == Type::Decimal && !(span.is_empty() || numeric::is_packed(span)) {
                return Err("a decimal that is not packed as one");
            }
            if place.ty == Type::Interval && !(span.is_empty() || interval::is_packed(span)) {
                return Err("an interval that is not packed as one");
            }
            if let Type::Array(element) = place.ty
                && !array::is_packed(element, span)
            {
                return Err("an array that is not packed as one");
            }
            start = end;
        }
        if start != heap {
            return Err("row longer than its heap");
        }
        Ok(())
    }

    /// Packs owned values (one per column, of the column's type or null).
    pub fn pack(&self, values: &[Value]) -> Box<[u8]> {
        let mut b = RowBuilder::new();
        b.start(self);
        for (c, v) in values.iter().enumerate() {
            b.set(self, c, v.as_cell());
        }
        b.finish(self).into()
    }
}

/// Two rows, compared column by column.
#[derive(Clone, Copy, Debug)]
pub struct Two<'a> {
    layout: &'a Layout,
    rows: [&'a [u8]; 2],
    same_rest: bool,
}

impl Two<'_> {
    /// Whether they have the same cell in a column.
    #[inline(always)]
    pub fn agree(&self, column: usize) -> bool {
        let Two { layout, rows: [a, b], same_rest } = *self;
        let place = &layout.columns[column];
        if same_rest && place.slot >= layout.var_at {
            return true;
        }
        if !same_rest && layout.is_null(a, column) != layout.is_null(b, column) {
            return false;
        }
        let slot = place.slot as usize;
        if place.var != u32::MAX {
            layout.span(a, place) == layout.span(b, place)
        } else if place.ty == Type::Bool {
            a[slot] == b[slot]
        } else {
            eight(a, slot) == eight(b, slot)
        }
    }
}

#[inline(always)]
fn eight(row: &[u8], at: usize) -> [u8; 8] {
    row[at..at + 8].try_into().expect("eight bytes")
}

#[inline(always)]
fn four(row: &[u8], at: usize) -> [u8; 4] {
    row[at..at + 4].try_into().expect("four bytes")
}

/// The one place that takes bytes for text unchecked: rows are checked when they enter ([`Layout::validate`], the JSON
/// parser, [`RowBuilder`]), and this is the hottest read of the engine.
#[inline(always)]
fn as_text(b: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(b).is_ok());
    // SAFETY: packed rows hold UTF-8 in text and json columns; every way in checks it.
    unsafe { std::str::from_utf8_unchecked(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_row_gives_its_values_back() {
        let types =
            [Type::Text, Type::Int, Type::Bool, Type::Float, Type::Text, Type::Timestamp, Type::Bytes, Type::Json, Type::Bool];
        let layout = Layout::new(&types);
        let values = vec![
            Value::text("grüß"),
            Value::Int(i64::MIN),
            Value::Bool(true),
            Value::Float(-0.0),
            Value::Null,
            Value::Timestamp(7),
            Value::Bytes([0, 255].into()),
            Value::Json("{\"a\":1}".into()),
            Value::Null,
        ];
        let row = layout.pack(&values);
        layout.validate(&row).unwrap();
        assert_eq!(layout.values(&row), values);
        assert_eq!(row[layout.flags_at as usize] & FLAG_ASCII, 0);
    }

    #[test]
    fn a_cell_put_into_a_row_makes_it_the_row_packed_with_that_cell() {
        let types =
            [Type::Text, Type::Int, Type::Bool, Type::Float, Type::Timestamp, Type::Date, Type::Time, Type::Text, Type::Bool];
        let layout = Layout::new(&types);
        let mut rng = fastrand::Rng::with_seed(11);
        let made = |rng: &mut fastrand::Rng, ty: Type| {
            let few = rng.i64(-1..3);
            match ty {
                _ if rng.u8(..4) == 0 => Value::Null,
                Type::Text => Value::text("some text"),
                Type::Bool => Value::Bool(few > 0),
                Type::Float => Value::Float([0.0, -0.0, 1.5, f64::NAN][(few + 1) as usize]),
                Type::Int => Value::Int(few << 40),
                Type::Timestamp => Value::Timestamp(few),
                Type::Date => Value::Date(few),
                _ => Value::Time(few.abs()),
            }
        };
        let mut seen = [0; 2];
        for _ in 0..5000 {
            let mut values: Vec<Value> = types.iter().map(|&ty| made(&mut rng, ty)).collect();
            let before = layout.pack(&values);
            let column = rng.usize(1..7);
            values[column] = made(&mut rng, types[column]);
            let (mut row, want) = (before.clone(), layout.pack(&values));
            let changed = layout.put_fixed(&mut row, column, values[column].as_cell());
            assert_eq!((&row, changed), (&want, before != want), "{values:?}, column {column}");
            seen[usize::from(changed)] += 1;
        }
        assert!(seen[0] > 500 && seen[1] > 500, "{seen:?}");
    }

    #[test]
    fn two_rows_agree_where_their_cells_are_the_same() {
        let layout = Layout::new(&[Type::Text, Type::Int, Type::Bool, Type::Text, Type::Int]);
        let (mut rng, mut others) = (fastrand::Rng::with_seed(7), fastrand::Rng::with_seed(8));
        let mut seen = [0; 2];
        for _ in 0..5000 {
            // Nulls beside empty texts and zeros, texts that move each other.
            let mut value = |c: usize| match (c, rng.u8(0..4)) {
                (_, 0) => Value::Null,
                (0 | 3, n) => Value::text(["", "a", "ab"][usize::from(n) - 1]),
                (2, n) => Value::Bool(n > 1),
                (_, n) => Value::Int(i64::from(n) - 1),
            };
            let a: Vec<Value> = (0..5).map(&mut value).collect();
            let b: Vec<Value> = (0..5).map(|c| if others.u8(0..3) == 0 { value(c) } else { a[c].clone() }).collect();
            let rows = [layout.pack(&a), layout.pack(&b)];
            let two = layout.two(&rows[0], &rows[1]);
            for c in 0..5 {
                assert_eq!(two.agree(c), a[c] == b[c], "{a:?} {b:?}, column {c}");
                assert_eq!(layout.same_cell(&rows[0], &rows[1], c), a[c] == b[c]);
                seen[usize::from(two.agree(c))] += 1;
            }
        }
        assert!(seen.iter().all(|n| *n > 5000), "{seen:?}");
    }

    #[test]
    fn bytes_that_are_no_row_are_refused() {
        let layout = Layout::new(&[Type::Text, Type::Int]);
        let good = layout.pack(&[Value::text("abc"), Value::Int(1)]);
        assert!(layout.validate(&good[..good.len() - 1]).is_err());
        let mut bad = good.to_vec();
        *bad.last_mut().unwrap() = 0xff;
        assert!(layout.validate(&bad).is_err());
    }
}
