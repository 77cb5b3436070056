//! What is made of the rows of a group in an order: texts and arrays put together, first and last.
//!
//! The rows themselves are kept, as handles; their values are read when the group is published.

use super::super::{Formula, Row};
use super::call::Call;
use super::multiset::Multiset;
use super::ranked::{Ranked, Sought};
use crate::query::AggregateFunction;
use crate::trace::{RelationId, Relations};
use crate::value::array::push;
use crate::value::{Cell, Type, Value, write_json};

/// Adds a row as many times as `weight` says.
pub fn add(rows: &mut Ranked, call: &Call, row: Row<'_>, weight: i32) {
    let compare = |other: u32| call.compare(other, row);
    rows.change(&Sought { prefix: call.prefix(row), compare: &compare }, weight, &mut || row.handle);
}

/// The result over rows. Cost: O(log n) for first and last, else what is written: the rows near those that changed, and a copy of the
/// whole.
pub fn result(rows: &mut Ranked, call: &Call, relations: &Relations, relation: RelationId) -> Value {
    let row = |handle| Row { relations, relation, handle };
    let of = |formula: &Option<Formula>, handle| {
        formula.as_ref().and_then(|f| f.eval(row(handle)).ok().map(|v| v.as_cell().to_value()))
    };
    let place = match call.function {
        AggregateFunction::First => 0,
        AggregateFunction::Last => rows.weight() - 1,
        _ => {
            let Some(first) = rows.at(0) else { return Value::Null };
            let before = of(&call.second, first);
            let out = rows.written(&mut |handle, weight, out| {
                let row = row(handle);
                let Some(Ok(value)) = call.argument.as_ref().map(|a| a.eval(row)) else { return };
                let separator = call.second.as_ref().and_then(|s| s.eval(row).ok());
                for _ in 0..weight {
                    write(call.ty, value.as_cell(), separator.as_ref().map_or(Cell::Null, |s| s.as_cell()), out);
                }
            });
            return finish(call.ty, out, before.as_ref().map_or(Cell::Null, Value::as_cell));
        }
    };
    rows.at(place).and_then(|handle| of(&call.argument, handle)).unwrap_or(Value::Null)
}

/// The result over distinct values, in the direction of the call's one sort key.
pub fn distinct_result(values: &Multiset, call: &Call, relations: &Relations, relation: RelationId) -> Value {
    // The separator is a literal: any row will do.
    let row = Row { relations, relation, handle: 0 };
    let separator = call.second.as_ref().and_then(|s| s.eval(row).ok());
    let separator = separator.as_ref().map_or(Cell::Null, |s| s.as_cell());
    let mut list: Vec<&Value> = Vec::new();
    let mut null = false;
    values.for_each(&mut |v| if v.is_null() { null = true } else { list.push(v) });
    let by = call.order.first().map(|k| k.1);
    if by.is_some_and(|k| k.desc) {
        list.reverse();
    }
    if null {
        list.insert(if by.is_some_and(|k| k.nulls_first) { 0 } else { list.len() }, &Value::Null);
    }
    if list.is_empty() {
        return Value::Null;
    }
    let mut out = Vec::new();
    list.into_iter().for_each(|v| write(call.ty, v.as_cell(), separator, &mut out));
    finish(call.ty, out, separator)
}

/// Appends an element of a text, a JSON array or an array, with what is before it.
fn write(ty: Type, cell: Cell<'_>, separator: Cell<'_>, out: &mut Vec<u8>) {
    match ty {
        Type::Json => {
            out.push(b',');
            write_json(cell, out);
        }
        Type::Array(_) => push(cell, out),
        _ => {
            for part in [separator, cell] {
                if let Cell::Text(text) = part {
                    out.extend_from_slice(text.as_bytes());
                }
            }
        }
    }
}

/// The whole of some elements; `before`: the separator that is written before the first.
fn finish(ty: Type, mut out: Vec<u8>, before: Cell<'_>) -> Value {
    match (ty, before) {
        (Type::Array(element), _) => return Value::Array(element, out.into()),
        (Type::Json, _) => {
            out.first_mut().into_iter().for_each(|comma| *comma = b'[');
            out.push(b']');
        }
        (_, Cell::Text(separator)) => drop(out.drain(..separator.len())),
        _ => {}
    }
    // Texts, and the ASCII between them.
    let text = String::from_utf8(out).unwrap_or_default().into_boxed_str();
    if ty == Type::Json { Value::Json(text) } else { Value::Text(text) }
}
