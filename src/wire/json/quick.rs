//! Whole rows as servers write them: the keys in the order of the row before, no blanks, texts without escapes.
//!
//! What holds for nearly every cell of a load is decided here in one loop whose state fits into registers; whatever else a cell
//! is, [`cell::read`] reads it, so that there is one meaning of a row. Cost: about a third of reading every cell that way.

use super::cell::{self, MAX_SAFE};
use super::cursor::{Cursor, Step};
use super::number::{Whole, short_float, whole};
use super::plan::{Plan, PlanColumn};
use super::row::{Cells, Part, column, in_column};
use crate::query::Table;
use crate::value::{ColumnLayout, RowBuilder, Type};

/// Most columns of a table whose rows are read this way: a bit each in a word.
pub(super) const MOST_COLUMNS: usize = 64;

impl Cells {
    /// Reads a row into the builder, which has been started.
    pub fn row(&mut self, cur: &mut Cursor, table: &Table, plan: &mut Plan) -> Step<()> {
        if plan.columns.len() > MOST_COLUMNS || !cur.buf[cur.pos..].starts_with(b"{\"") {
            return self.object(cur, table, plan, Part::Row);
        }
        let places = &table.layout.columns[..];
        // A copy, so that the position can live in a register.
        let mut at = Cursor { pos: cur.pos + 1, ..*cur };
        // A bit per column met, and per column with a value that was put here.
        let (mut seen, mut put) = (0u64, 0u64);
        let mut before = plan.none();
        loop {
            let number = match plan.guess(before, &at.buf[at.pos..]) {
                Some((number, length)) => {
                    at.pos += length;
                    number
                }
                None => {
                    at.solid()?;
                    let (number, behind) = column(at, table)?;
                    plan.learn(before, number);
                    at.pos = behind;
                    number
                }
            };
            let facts = &plan.columns[number];
            let bit = 1 << number;
            seen |= bit;
            if quick(&mut at, facts, &places[number], &mut self.row).map_err(|s| in_column(s, table, number))? {
                put |= bit;
            } else {
                put &= !bit;
                at.solid()?;
                cell::read(&mut at, table, number, facts, &mut self.row, &mut self.scratch, self.limit)
                    .map_err(|s| in_column(s, table, number))?;
            }
            before = number;
            match at.buf.get(at.pos) {
                Some(b',') => at.pos += 1,
                _ => {
                    if !at.more(b'}')? {
                        break;
                    }
                }
            }
        }
        plan.seen.fill(seen);
        self.row.mark_put(&table.layout, put);
        cur.pos = at.pos;
        Ok(())
    }
}

/// Puts the value here into its column, if it is of the usual kind; else it stays where it is.
#[inline(always)]
fn quick(at: &mut Cursor, facts: &PlanColumn, place: &ColumnLayout, row: &mut RowBuilder) -> Step<bool> {
    let Some(&first) = at.buf.get(at.pos) else { return Ok(false) };
    match facts.ty {
        Type::Text if first == b'"' => match row.put_json_string(place, at.buf, at.pos + 1) {
            Ok(Some(end)) => at.pos = end + 1,
            Ok(None) => return Ok(false),
            Err(fault) => return Err(at.fault(fault)),
        },
        Type::Int if first.is_ascii_digit() => {
            let from = at.pos;
            match whole(at)? {
                Whole::Int(v) if v <= MAX_SAFE => row.put_word(place, v as u64),
                _ => {
                    at.pos = from;
                    return Ok(false);
                }
            }
        }
        Type::Float if first != b'"' && first != b'n' => match short_float(at) {
            Some(value) => row.put_float(place, value),
            None => return Ok(false),
        },
        Type::Bool if at.buf[at.pos..].starts_with(b"true") => {
            row.put_bool(place, true);
            at.pos += 4;
        }
        Type::Bool if at.buf[at.pos..].starts_with(b"false") => {
            row.put_bool(place, false);
            at.pos += 5;
        }
        _ => return Ok(false),
    }
    Ok(true)
}
