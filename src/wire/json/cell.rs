//! One value of JSON text into one cell, as the column's type demands.

use super::cursor::{Cursor, Step, Stop};
use super::number::{Whole, decimal, float, number, short_float, whole};
use super::octets::octets;
use super::plan::PlanColumn;
use crate::error::{Error, ErrorCode};
use crate::query::Table;
use crate::value::json::Canon;
use crate::value::{
    Cell, Interval, RowBuilder, Type, Value, array_of_json, lex, parse_date, parse_decimal, parse_time, parse_timestamp,
    parse_uuid,
};

/// Largest integer that is exact as a JavaScript number.
pub(in crate::wire) const MAX_SAFE: i64 = (1 << 53) - 1;

/// Buffers for values that are not in the input as they are in the row.
#[derive(Default)]
pub(super) struct Scratch {
    text: Vec<u8>,
    octets: Vec<u8>,
    canon: Canon,
}

impl Scratch {
    /// Bytes that it holds on to.
    pub fn held(&self) -> usize {
        self.text.capacity() + self.octets.capacity() + self.canon.held()
    }
}

/// Reads the value here into a column. On an error the cursor is of no use; on `More` neither is the cell.
#[inline(never)]
pub(super) fn read(
    cur: &mut Cursor,
    table: &Table,
    column: usize,
    plan: &PlanColumn,
    row: &mut RowBuilder,
    scratch: &mut Scratch,
    limit: usize,
) -> Step<()> {
    let first = cur.peek()?;
    let wrong = |cur: &Cursor| Err(mismatch(cur, table, column));
    if first == b'n' {
        cur.literal(b"null")?;
        if !plan.nullable {
            return Err(null(cur, table, column));
        }
        row.set(&table.layout, column, Cell::Null);
        return Ok(());
    }
    match plan.ty {
        Type::Text => {
            if first != b'"' {
                return wrong(cur);
            }
            match row.set_json_string(&table.layout, column, cur.buf, cur.pos + 1) {
                Ok(Some(end)) => cur.pos = end + 1,
                Ok(None) => {
                    let text = string(cur, &mut scratch.text)?;
                    row.set(&table.layout, column, Cell::Text(text));
                }
                Err(fault) => return Err(cur.fault(fault)),
            }
        }
        Type::Int => {
            let value = if first == b'-' || first.is_ascii_digit() {
                let from = cur.pos;
                match whole(cur)? {
                    Whole::Int(v) if !plan.safe_integer || (-MAX_SAFE..=MAX_SAFE).contains(&v) => v,
                    Whole::Fraction => return wrong(&Cursor { pos: from, ..*cur }),
                    _ => return Err(range(&Cursor { pos: from, ..*cur }, table, column)),
                }
            } else if first == b'"' && !plan.safe_integer {
                let from = *cur;
                let text = string(cur, &mut scratch.text)?.as_bytes();
                let digits = text.strip_prefix(b"-").unwrap_or(text);
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return wrong(&from);
                }
                decimal(text).ok_or_else(|| range(&from, table, column))?
            } else {
                return wrong(cur);
            };
            row.set(&table.layout, column, Cell::Int(value));
        }
        Type::Bool => {
            let value = match first {
                b't' => true,
                b'f' => false,
                _ => return wrong(cur),
            };
            cur.literal(if value { b"true" } else { b"false" })?;
            row.set(&table.layout, column, Cell::Bool(value));
        }
        _ => return rare(cur, table, column, plan, row, scratch, limit),
    }
    Ok(())
}

/// The same for the types that cost more than a call, whose variables would crowd the registers of the others.
#[inline(never)]
fn rare(
    cur: &mut Cursor,
    table: &Table,
    column: usize,
    plan: &PlanColumn,
    row: &mut RowBuilder,
    scratch: &mut Scratch,
    limit: usize,
) -> Step<()> {
    let first = cur.peek()?;
    let wrong = |cur: &Cursor| Err(mismatch(cur, table, column));
    match plan.ty {
        Type::Text | Type::Int | Type::Bool => {}
        Type::Float => {
            let from = *cur;
            let value = match first {
                b'-' | b'0'..=b'9' => match short_float(cur) {
                    Some(value) => value,
                    None => float(cur)?,
                },
                b'"' => match string(cur, &mut scratch.text)? {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    _ => return wrong(&from),
                },
                _ => return wrong(cur),
            };
            if value.is_infinite() && first != b'"' {
                return wrong(&from);
            }
            row.set(&table.layout, column, Cell::Float(value));
        }
        Type::Timestamp => {
            let from = *cur;
            let micros = match first {
                b'"' => parse_timestamp(string(cur, &mut scratch.text)?),
                b'-' | b'0'..=b'9' => match whole(cur)? {
                    Whole::Int(milliseconds) => milliseconds.checked_mul(1000),
                    _ => None,
                },
                _ => None,
            };
            let Some(micros) = micros else { return wrong(&from) };
            row.set(&table.layout, column, Cell::Timestamp(micros));
        }
        Type::Json => {
            scratch.text.clear();
            cur.pos = scratch.canon.value(cur.buf, cur.pos, &mut scratch.text, limit).map_err(|f| cur.fault(f))?;
            if first == b'-' || first.is_ascii_digit() {
                cur.peek()?;
            }
            row.set(&table.layout, column, Cell::Json(utf8(cur, &scratch.text)?));
        }
        Type::Array(element) => {
            let from = *cur;
            scratch.text.clear();
            cur.pos = scratch.canon.value(cur.buf, cur.pos, &mut scratch.text, limit).map_err(|f| cur.fault(f))?;
            if first == b'-' || first.is_ascii_digit() {
                cur.peek()?;
            }
            let Some(packed) = array_of_json(element, utf8(cur, &scratch.text)?) else { return wrong(&from) };
            row.set(&table.layout, column, Cell::Array(element, &packed));
        }
        Type::Date | Type::Time | Type::Uuid | Type::Interval => {
            let from = *cur;
            if first != b'"' {
                return wrong(cur);
            }
            let text = string(cur, &mut scratch.text)?;
            let value = match plan.ty {
                Type::Date => parse_date(text).map(Value::Date),
                Type::Time => parse_time(text).map(Value::Time),
                Type::Interval => Interval::parse(text).map(|v| Value::Interval(v.pack())),
                _ => parse_uuid(text).map(|v| Value::Uuid(v.into())),
            };
            let Some(value) = value else { return wrong(&from) };
            row.set(&table.layout, column, value.as_cell());
        }
        Type::Decimal => {
            let from = *cur;
            let packed = match first {
                b'"' => parse_decimal(string(cur, &mut scratch.text)?),
                // The digits themselves, however many.
                b'-' | b'0'..=b'9' => std::str::from_utf8(number(cur)?.0).ok().and_then(parse_decimal),
                _ => None,
            };
            let Some(packed) = packed else { return wrong(&from) };
            row.set(&table.layout, column, Cell::Decimal(&packed));
        }
        Type::Bytes => {
            let from = *cur;
            if first != b'"' {
                return wrong(cur);
            }
            scratch.octets.clear();
            if !octets(string(cur, &mut scratch.text)?.as_bytes(), &mut scratch.octets) {
                return wrong(&from);
            }
            row.set(&table.layout, column, Cell::Bytes(&scratch.octets));
        }
    }
    Ok(())
}

/// The string here; with escapes it is resolved into the scratch.
#[inline]
fn string<'s, 'b: 's>(cur: &mut Cursor<'b>, scratch: &'s mut Vec<u8>) -> Step<&'s str> {
    let from = cur.pos + 1;
    let text = lex::string(cur.buf, from).map_err(|f| cur.fault(f))?;
    cur.pos = text.end + 1;
    if text.plain {
        return utf8(cur, &cur.buf[from..text.end]);
    }
    scratch.clear();
    lex::unescape(cur.buf, from, text.end, scratch).map_err(|f| cur.fault(f))?;
    utf8(cur, scratch)
}

#[inline]
fn utf8<'a>(cur: &Cursor, bytes: &'a [u8]) -> Step<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| cur.bad(Error::new(ErrorCode::InvalidUtf8, "not UTF-8")))
}

/// The name of a column's type as schemas spell it.
fn type_name(ty: Type, safe_integer: bool) -> &'static str {
    if ty == Type::Int && !safe_integer { "bigint" } else { ty.name() }
}

#[cold]
fn mismatch(cur: &Cursor, table: &Table, column: usize) -> Stop {
    if let Err(stop) = cur.a_value() {
        return stop;
    }
    let c = &table.columns[column];
    let text = match cur.buf.get(cur.pos) {
        Some(b'"' | b'-' | b'0'..=b'9') => {
            // The whole value first: what is shown must not depend on how the stream is cut.
            let mut end = *cur;
            if let Err(stop) = end.skip() {
                return stop;
            }
            let whole = String::from_utf8_lossy(&cur.buf[cur.pos..end.pos]);
            let shown: String = whole.chars().take(40).collect();
            format!("{} {shown}{}", cur.kind(), if shown.len() < whole.len() { "…" } else { "" })
        }
        _ => cur.kind().to_owned(),
    };
    let want = type_name(c.ty, c.safe_integer);
    let error = Error::new(ErrorCode::TypeMismatch, format!("`{}` on `{}` takes {want}, not {text}", c.name, table.name));
    cur.bad(error.named(&*c.name))
}

#[cold]
fn null(cur: &Cursor, table: &Table, column: usize) -> Stop {
    let name = &*table.columns[column].name;
    let error = Error::new(ErrorCode::NullNotAllowed, format!("`{name}` on `{}` may not be null", table.name));
    cur.bad(error.named(name))
}

#[cold]
fn range(cur: &Cursor, table: &Table, column: usize) -> Stop {
    let c = &table.columns[column];
    let bounds = if c.safe_integer { "±(2^53−1)" } else { "64 bits" };
    let error = Error::new(ErrorCode::IntegerRange, format!("integer outside of {bounds} for `{}` on `{}`", c.name, table.name));
    cur.bad(error.named(&*c.name))
}
