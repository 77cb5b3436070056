//! Binary batches: rows that the TypeScript encoder has packed already. The format is in `www/docs/boundary.md`.
//!
//! Nothing is trusted, since everything behind relies on rows being well formed and canonical: bounds, UTF-8, null cells,
//! ranges and floats are checked. Cost: these checks and one copy a row; no table-specific preparation, since most batches
//! hold one change. That json columns are canonical text is left to the encoder: to check it would cost a parse.

mod write;

pub use write::BatchWriter;

use super::json::{MAX_SAFE, no_tenants, tenant_required};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Column, Schema, Table};
use crate::store::{Batch, Change, Envelope, Op, key_hash};
use crate::value::calendar::DAY;
use crate::value::{Cell, ColumnLayout, FLAG_ASCII, Type, parse_uuid};

/// Flag of the batch: an older cursor is a replay to be ignored.
const IGNORE_STALE: u32 = 1;

/// Length of a text that is not there.
const NO_TEXT: u32 = u32::MAX;

/// Reads a binary batch.
///
/// # Errors
/// `CHANGE_INVALID` for bytes that are no batch, `NULL_NOT_ALLOWED`, `INTEGER_RANGE`, `MISSING_KEY`, `TENANT_REQUIRED` for rows
/// that the schema does not allow; each with the path of the change.
pub fn decode(schema: &Schema, bytes: &[u8]) -> Result<Batch> {
    let mut batch = Batch::default();
    decode_more(schema, bytes, &mut batch)?;
    Ok(batch)
}

/// Reads a further piece of a batch, whose first one says where it comes from; paths of errors are those of the whole.
///
/// # Errors
/// Those of [`decode`]; some changes of the piece may be in the batch then.
pub fn decode_more(schema: &Schema, bytes: &[u8], batch: &mut Batch) -> Result<()> {
    let mut input = Input { bytes, at: 0 };
    let (count, flags) = (input.word()? as usize, input.word()?);
    if flags & !IGNORE_STALE != 0 {
        return Err(invalid("unknown flags of the batch"));
    }
    let envelope =
        Envelope { source: input.text()?, cursor: input.text()?, origin: input.text()?, ignore_stale: flags & IGNORE_STALE != 0 };
    input.align(8)?;
    let first = batch.changes.len();
    if first == 0 {
        batch.envelope = envelope;
    }
    // A change takes sixteen bytes at least: a wrong count cannot ask for more memory than the batch itself.
    batch.changes.reserve(count.min(bytes.len() / 16));
    for index in first..first + count {
        batch.changes.push(change(schema, &mut input).map_err(|e| e.at_index("changes", index))?);
    }
    if input.at != bytes.len() {
        return Err(invalid("bytes behind the last change"));
    }
    Ok(())
}

fn change(schema: &Schema, input: &mut Input) -> Result<Change> {
    let op = match input.word()? {
        1 => Op::Insert,
        2 => Op::Upsert,
        3 => Op::Update,
        4 => Op::Delete,
        5 => Op::Touch,
        6 => Op::Reset,
        n => return Err(invalid(format!("no operation number {n}"))),
    };
    let id = input.word()?;
    let Some((_, table)) = schema.tables.get_index(id as usize) else {
        return Err(Error::new(ErrorCode::UnknownTable, format!("no table number {id}")));
    };
    let (row_bytes, present_bytes) = (input.word()? as usize, input.word()? as usize);
    let present = input.take(present_bytes)?;
    input.align(8)?;
    let row = input.take(row_bytes)?;
    input.align(8)?;
    let columns = table.columns.len();
    let mut present: Box<[u8]> = present.into();
    match op {
        Op::Update => {
            let spare = (8 - columns % 8) % 8;
            let beyond = present.last().is_some_and(|last| *last & !(0xff >> spare) != 0);
            if present_bytes != columns.div_ceil(8) || beyond {
                return Err(invalid("the columns set are not those of the table"));
            }
            for &key in &table.key {
                present[key / 8] &= !(1 << (key % 8));
            }
        }
        _ if present_bytes != 0 => return Err(invalid("only an update sets some columns")),
        Op::Reset if !table.tenant => {
            return if row_bytes == 0 {
                Ok(Change { op, table: id, row: [].into(), present, hash: 0 })
            } else {
                Err(no_tenants(table))
            };
        }
        Op::Reset if row_bytes == 0 => return Err(tenant_required(table)),
        _ => {}
    }
    let mut change = Change { op, table: id, row: row.into(), present, hash: 0 };
    check(table, &change)?;
    if op != Op::Reset {
        change.hash = key_hash(table, &change.row);
    }
    Ok(change)
}

/// Checks that a row is well formed, canonical, and holds what the operation takes.
fn check(table: &Table, change: &Change) -> Result<()> {
    let (layout, row) = (&table.layout, &*change.row);
    layout.validate(row).map_err(invalid)?;
    let heap = &row[layout.heap_at as usize..];
    if row[layout.flags_at as usize] != if heap.is_ascii() { FLAG_ASCII } else { 0 } {
        return Err(invalid("the flags do not tell what the heap is"));
    }
    let spare = (8 - layout.columns.len() % 8) % 8;
    if spare > 0 && row[layout.flags_at as usize - 1] & !(0xff >> spare) != 0 {
        return Err(invalid("null bits beyond the last column"));
    }
    let hidden = table.tenant_column();
    for (index, (column, place)) in table.columns.values().zip(&layout.columns).enumerate() {
        if layout.is_null(row, index) {
            if !blank(row, place) {
                return Err(invalid("a null cell that is not empty").at(&column.name));
            }
            let needed = match change.op {
                Op::Insert | Op::Upsert => !column.nullable,
                Op::Update => table.is_key(index) || change.sets(index) && !column.nullable,
                Op::Delete | Op::Touch => table.is_key(index),
                Op::Reset => Some(index) == hidden,
            };
            if needed {
                return Err(missing(table, column, index));
            }
            continue;
        }
        let held = match change.op {
            Op::Insert | Op::Upsert => true,
            Op::Update => table.is_key(index) || change.sets(index),
            Op::Delete | Op::Touch => table.is_key(index),
            Op::Reset => Some(index) == hidden,
        };
        if !held {
            return Err(invalid("a cell that the operation does not take").at(&column.name));
        }
        cell(table, column, place, row)?;
    }
    Ok(())
}

/// Checks a cell that is there.
#[inline]
fn cell(table: &Table, column: &Column, place: &ColumnLayout, row: &[u8]) -> Result<()> {
    let slot = place.slot as usize;
    match place.ty {
        Type::Bool if row[slot] > 1 => Err(invalid("a bool that is neither 0 nor 1").at(&column.name)),
        Type::Float => {
            let bits = word64(row, slot);
            let float = f64::from_bits(bits);
            let wrong = float.is_nan() && bits != 0x7ff8_0000_0000_0000 || bits == 1 << 63;
            if wrong { Err(invalid("a float that is not canonical").at(&column.name)) } else { Ok(()) }
        }
        Type::Decimal if matches!(table.layout.cell(row, place.bit as usize), Cell::Decimal([])) => {
            Err(invalid("a decimal without digits").at(&column.name))
        }
        Type::Interval if matches!(table.layout.cell(row, place.bit as usize), Cell::Interval([])) => {
            Err(invalid("an interval without parts").at(&column.name))
        }
        Type::Time if !(0..=DAY).contains(&(word64(row, slot) as i64)) => Err(invalid("a time beyond the day").at(&column.name)),
        Type::Date if !(-2_440_588..=106_751_990).contains(&(word64(row, slot) as i64)) => {
            Err(invalid("a date out of range").at(&column.name))
        }
        Type::Uuid => match table.layout.cell(row, place.bit as usize) {
            Cell::Uuid(v) if parse_uuid(v).as_deref() == Some(v) => Ok(()),
            _ => Err(invalid("a uuid that is not written as one").at(&column.name)),
        },
        Type::Int if column.safe_integer && !(-MAX_SAFE..=MAX_SAFE).contains(&(word64(row, slot) as i64)) => {
            let message = format!("integer outside of ±(2^53−1) for `{}` on `{}`", column.name, table.name);
            Err(Error::new(ErrorCode::IntegerRange, message).named(&*column.name).at(&column.name))
        }
        _ => Ok(()),
    }
}

/// Whether a null cell has nothing in its place.
#[inline]
fn blank(row: &[u8], place: &ColumnLayout) -> bool {
    let slot = place.slot as usize;
    match place.ty {
        Type::Bool => row[slot] == 0,
        ty if ty.is_var() => word32(row, slot) == if place.var == 0 { 0 } else { word32(row, slot - 4) },
        _ => word64(row, slot) == 0,
    }
}

#[inline(always)]
fn word32(row: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&row[at..at + 4]);
    u32::from_le_bytes(word)
}

#[inline(always)]
fn word64(row: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&row[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cold]
fn missing(table: &Table, column: &Column, index: usize) -> Error {
    if Some(index) == table.tenant_column() {
        return tenant_required(table);
    }
    let name = &*column.name;
    if table.is_key(index) {
        return Error::new(ErrorCode::MissingKey, format!("the key of `{}` lacks `{name}`", table.name)).named(name);
    }
    Error::new(ErrorCode::NullNotAllowed, format!("`{name}` on `{}` may not be null", table.name)).named(name).at(name)
}

#[cold]
fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::ChangeInvalid, message)
}

/// Bytes and a position in them.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| invalid("the batch ends before its end"))?;
        self.at += length;
        Ok(taken)
    }

    #[inline(always)]
    fn word(&mut self) -> Result<u32> {
        let mut word = [0; 4];
        word.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(word))
    }

    fn text(&mut self) -> Result<Option<String>> {
        let length = self.word()?;
        if length == NO_TEXT {
            return Ok(None);
        }
        let text = std::str::from_utf8(self.take(length as usize)?).map_err(|_| invalid("a text is not UTF-8"))?;
        self.align(4)?;
        Ok(Some(text.to_owned()))
    }

    fn align(&mut self, to: usize) -> Result<()> {
        self.take(self.at.next_multiple_of(to) - self.at).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
