//! Builds packed rows.
//!
//! One buffer holds the fixed part and, behind it, the heap: columns set in the order of the layout (the usual case) leave a
//! finished row where they stand. Otherwise the spans are gathered at the end, which costs a second pass over the heap.

use super::cell::canonical_float;
use super::layout::{ColumnLayout, FLAG_ASCII, Layout};
use super::lex::{self, Fault};
use super::{Cell, Type};

/// Builds packed rows into a reused buffer. Columns may be set in any order, and more than once.
#[derive(Default)]
pub struct RowBuilder {
    /// Fixed part and heap, and room behind them: strings are copied in whole words.
    bytes: Vec<u8>,
    used: usize,
    /// Where in `bytes` the cell of each var column is.
    spans: Vec<(u32, u32)>,
    /// Whether spans follow each other in the order of columns, and the var column that may come next.
    straight: bool,
    next: u32,
    /// Whether all of the heap is ASCII.
    ascii: bool,
    gathered: Vec<u8>,
}

impl RowBuilder {
    /// A builder; reuse it for many rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that it holds on to.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity() + self.gathered.capacity()
    }

    /// Begins a row whose cells are all null.
    #[inline]
    pub fn start(&mut self, layout: &Layout) {
        self.used = layout.heap_at as usize;
        if self.bytes.len() < self.used {
            self.bytes.resize(self.used + 256, 0);
        }
        let (from, to) = (layout.null_at as usize, layout.flags_at as usize);
        self.bytes[..from].fill(0);
        self.bytes[from..to].fill(0xff);
        let spare = (8 - layout.columns.len() % 8) % 8;
        if spare > 0 && to > from {
            self.bytes[to - 1] = 0xff >> spare;
        }
        self.spans.clear();
        self.spans.resize(((layout.bool_at - layout.var_at) / 4) as usize, (0, 0));
        (self.straight, self.ascii, self.next) = (true, true, 0);
    }

    /// Sets a cell. The cell must be of the column's type or null.
    #[inline]
    pub fn set(&mut self, layout: &Layout, column: usize, cell: Cell<'_>) {
        let place = layout.columns[column];
        debug_assert!(cell.is_null() || cell.kind() == Some(place.ty));
        match cell {
            Cell::Null => return self.set_null(layout, column),
            Cell::Bool(v) => self.bytes[place.slot as usize] = u8::from(v),
            Cell::Int(v) | Cell::Timestamp(v) | Cell::Date(v) | Cell::Time(v) => self.put_word(&place, v as u64),
            Cell::Float(v) => self.put_word(&place, canonical_float(v).to_bits()),
            Cell::Text(v) | Cell::Json(v) | Cell::Uuid(v) => self.put_var(place, v.as_bytes()),
            Cell::Bytes(v) | Cell::Decimal(v) | Cell::Interval(v) | Cell::Array(_, v) => self.put_var(place, v),
        }
        self.mark(layout, place);
    }

    /// Sets a text column to the JSON string whose first character is at `from`, and gives the offset of its closing quote.
    /// `None`: the string has escapes, and nothing is set.
    #[inline]
    pub(crate) fn set_json_string(
        &mut self,
        layout: &Layout,
        column: usize,
        buf: &[u8],
        from: usize,
    ) -> Result<Option<usize>, Fault> {
        let place = layout.columns[column];
        let end = self.put_json_string(&place, buf, from)?;
        if end.is_some() {
            self.mark(layout, place);
        }
        Ok(end)
    }

    /// The same, but the column counts as null until [`mark_put`](Self::mark_put).
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn put_json_string(&mut self, place: &ColumnLayout, buf: &[u8], from: usize) -> Result<Option<usize>, Fault> {
        debug_assert_eq!(place.ty, Type::Text);
        let Some(copied) = lex::copy_string(buf, from, &mut self.bytes, self.used)? else { return Ok(None) };
        self.ascii &= copied.ascii;
        self.note(*place, self.used + (copied.end - from));
        Ok(Some(copied.end))
    }

    /// Puts a double; the column counts as null until [`mark_put`](Self::mark_put).
    #[inline]
    pub(crate) fn put_float(&mut self, place: &ColumnLayout, value: f64) {
        self.put_word(place, canonical_float(value).to_bits());
    }

    /// Puts a boolean; the column counts as null until [`mark_put`](Self::mark_put).
    #[inline]
    pub(crate) fn put_bool(&mut self, place: &ColumnLayout, value: bool) {
        self.bytes[place.slot as usize] = u8::from(value);
    }

    /// The columns of these bits have values: one pass for all cells that were put without telling.
    #[inline]
    pub(crate) fn mark_put(&mut self, layout: &Layout, columns: u64) {
        let nulls = &mut self.bytes[layout.null_at as usize..layout.flags_at as usize];
        for (byte, put) in nulls.iter_mut().zip(columns.to_le_bytes()) {
            *byte &= !put;
        }
    }

    fn set_null(&mut self, layout: &Layout, column: usize) {
        let place = layout.columns[column];
        match place.ty {
            Type::Bool => self.bytes[place.slot as usize] = 0,
            t if t.is_var() => self.spans[place.var as usize] = (0, 0),
            _ => self.put_word(&place, 0),
        }
        self.bytes[layout.null_at as usize + place.bit as usize / 8] |= 1 << (place.bit % 8);
    }

    #[inline]
    fn mark(&mut self, layout: &Layout, place: ColumnLayout) {
        self.bytes[layout.null_at as usize + place.bit as usize / 8] &= !(1 << (place.bit % 8));
    }

    /// Puts eight bytes; the column counts as null until it is marked.
    #[inline(always)]
    pub(crate) fn put_word(&mut self, place: &ColumnLayout, word: u64) {
        let slot = place.slot as usize;
        self.bytes[slot..slot + 8].copy_from_slice(&word.to_le_bytes());
    }

    #[inline]
    fn put_var(&mut self, place: ColumnLayout, value: &[u8]) {
        let end = self.used + value.len();
        if self.bytes.len() < end {
            self.bytes.resize(end + end / 2, 0);
        }
        self.bytes[self.used..end].copy_from_slice(value);
        self.ascii &= value.is_ascii();
        self.note(place, end);
    }

    /// Notes the cell that has been put between `used` and `end`.
    #[inline]
    fn note(&mut self, place: ColumnLayout, end: usize) {
        self.straight &= place.var >= self.next;
        self.next = place.var + 1;
        self.spans[place.var as usize] = (self.used as u32, end as u32);
        self.used = end;
    }

    /// The finished row, valid until the next `start`.
    #[inline]
    pub fn finish(&mut self, layout: &Layout) -> &[u8] {
        let mut end = 0u32;
        let ends = &mut self.bytes[layout.var_at as usize..layout.bool_at as usize];
        for (&(from, to), place) in self.spans.iter().zip(ends.chunks_exact_mut(4)) {
            end += to - from;
            place.copy_from_slice(&end.to_le_bytes());
        }
        if !self.straight || end as usize != self.used - layout.heap_at as usize {
            return self.gather(layout);
        }
        self.bytes[layout.flags_at as usize] = if self.ascii { FLAG_ASCII } else { 0 };
        &self.bytes[..self.used]
    }

    /// A row with some cells (those of a bit per column) taken from another row of the same layout, valid until the next
    /// `start` or `merge`. Cost: one copy of the row, the texts between two that are taken as one.
    pub fn merge(&mut self, layout: &Layout, base: &[u8], other: &[u8], cells: &[u8]) -> &[u8] {
        let (fixed, heap) = base.split_at(layout.heap_at as usize);
        let row = &mut self.gathered;
        row.clear();
        row.extend_from_slice(fixed);
        // How much of the heap is there, from which var column on ends have to move, and by how much.
        let (mut copied, mut first, mut by) = (0, None, 0);
        for (at, bits) in cells.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let column = at * 8 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let place = &layout.columns[column];
                let slot = place.slot as usize;
                let null = layout.null_at as usize + column / 8;
                row[null] = row[null] & !(1 << (column % 8)) | other[null] & 1 << (column % 8);
                if place.var == u32::MAX {
                    let width = place.width();
                    row[slot..slot + width].copy_from_slice(&other[slot..slot + width]);
                    continue;
                }
                let before = layout.range(base, place);
                row.extend_from_slice(&heap[copied..before.start]);
                row.extend_from_slice(layout.span(other, place));
                copied = before.end;
                if let Some(first) = first.replace(slot) {
                    move_ends(&mut row[first..slot], by);
                }
                by = (row.len() - fixed.len()).wrapping_sub(copied) as u32;
            }
        }
        row.extend_from_slice(&heap[copied..]);
        if let Some(first) = first {
            move_ends(&mut row[first..layout.bool_at as usize], by);
            let flags = layout.flags_at as usize;
            if base[flags] & other[flags] & FLAG_ASCII == 0 {
                row[flags] = if row[fixed.len()..].is_ascii() { FLAG_ASCII } else { 0 };
            }
        }
        row
    }

    /// The finished row when cells were set out of order or replaced.
    #[cold]
    fn gather(&mut self, layout: &Layout) -> &[u8] {
        let heap = layout.heap_at as usize;
        self.gathered.clear();
        self.gathered.extend_from_slice(&self.bytes[..heap]);
        for &(from, to) in &self.spans {
            self.gathered.extend_from_slice(&self.bytes[from as usize..to as usize]);
        }
        // Of what the row holds, not of what was set and replaced: equal rows must have equal bytes.
        let ascii = self.ascii || self.gathered[heap..].is_ascii();
        self.gathered[layout.flags_at as usize] = if ascii { FLAG_ASCII } else { 0 };
        &self.gathered
    }
}

/// Moves the ends of texts.
fn move_ends(ends: &mut [u8], by: u32) {
    if by != 0 {
        for end in ends.as_chunks_mut().0 {
            *end = u32::from_le_bytes(*end).wrapping_add(by).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn setting_var_columns_out_of_order_or_twice_gives_the_same_bytes() {
        let layout = Layout::new(&[Type::Text, Type::Text, Type::Text]);
        let mut b = RowBuilder::new();
        b.start(&layout);
        b.set(&layout, 2, Cell::Text("c"));
        b.set(&layout, 0, Cell::Text("wrong"));
        b.set(&layout, 0, Cell::Text("a"));
        b.set(&layout, 1, Cell::Text("b"));
        b.set(&layout, 1, Cell::Null);
        let got: Box<[u8]> = b.finish(&layout).into();
        assert_eq!(got, layout.pack(&[Value::text("a"), Value::Null, Value::text("c")]));
    }

    #[test]
    fn a_replaced_text_leaves_no_trace() {
        let layout = Layout::new(&[Type::Text, Type::Int]);
        let mut b = RowBuilder::new();
        b.start(&layout);
        b.set(&layout, 0, Cell::Text("grüß"));
        b.set(&layout, 0, Cell::Text("a"));
        b.set(&layout, 1, Cell::Int(7));
        b.set(&layout, 1, Cell::Null);
        let got = b.finish(&layout).to_vec();
        assert_eq!(got, *layout.pack(&[Value::text("a"), Value::Null]));
        assert_eq!(got, b.finish(&layout), "finishing twice gives the same");
    }

    #[test]
    fn a_merged_row_has_the_bytes_of_the_row_with_its_cells() {
        let types = [Type::Text, Type::Int, Type::Text, Type::Bool, Type::Json, Type::Float, Type::Int, Type::Bytes, Type::Text];
        let layout = Layout::new(&types);
        let a = [
            Value::text("grüß"),
            Value::Int(1),
            Value::Null,
            Value::Bool(true),
            Value::Json("[1]".into()),
            Value::Null,
            Value::Int(-9),
            Value::Bytes([1, 255].into()),
            Value::text("end"),
        ];
        let b = [
            Value::text("plain"),
            Value::Null,
            Value::text("x"),
            Value::Null,
            Value::Null,
            Value::Float(0.5),
            Value::Int(i64::MAX),
            Value::Bytes([].into()),
            Value::text("other"),
        ];
        let ascii = a.clone().map(|v| if v == Value::text("grüß") { Value::text("gruss") } else { v });
        let mut builder = RowBuilder::new();
        for (a, b) in [(&a, &b), (&b, &a), (&ascii, &b), (&b, &ascii), (&a, &ascii)] {
            let (packed_a, packed_b) = (layout.pack(a), layout.pack(b));
            for cells in 0..1u16 << types.len() {
                let mixed: Vec<Value> =
                    (0..types.len()).map(|c| if cells >> c & 1 == 1 { b[c].clone() } else { a[c].clone() }).collect();
                let got = builder.merge(&layout, &packed_a, &packed_b, &cells.to_le_bytes());
                assert_eq!(*got, *layout.pack(&mixed), "{cells:b}");
            }
        }
    }

    #[test]
    fn a_json_string_is_packed_as_its_text() {
        let layout = Layout::new(&[Type::Text, Type::Text]);
        let mut b = RowBuilder::new();
        for text in ["", "x", "eight by", "grüß, and more than eight", &"long ".repeat(200)] {
            b.start(&layout);
            let json = format!("{text}\"");
            assert_eq!(b.set_json_string(&layout, 0, json.as_bytes(), 0), Ok(Some(text.len())));
            assert_eq!(b.set_json_string(&layout, 1, format!("{text}\\\"\"").as_bytes(), 0), Ok(None));
            assert_eq!(b.set_json_string(&layout, 1, json.as_bytes(), 0), Ok(Some(text.len())));
            assert_eq!(*b.finish(&layout), *layout.pack(&[Value::text(text), Value::text(text)]));
        }
    }
}
