//! What is made of the rows of a group in an order: texts and arrays put together, first and last.
//!
//! The rows themselves are kept, as handles; their values are read when the group is published.

use super::super::Row;
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

/// The result over rows. Cost: O(log n) for first and last, else what is written.
pub fn result(rows: &Ranked, call: &Call, relations: &Relations, relation: RelationId) -> Value {
    let row = |handle| Row { relations, relation, handle };
    let value = |handle| call.argument.as_ref().and_then(|a| a.eval(row(handle)).ok());
    let place = match call.function {
        AggregateFunction::First => 0,
        AggregateFunction::Last => rows.weight() - 1,
        _ => {
            let mut parts = Parts::new(call);
            rows.for_each(&mut |handle, weight| {
                let separator = call.second.as_ref().and_then(|s| s.eval(row(handle)).ok());
                for _ in 0..weight {
                    if let Some(v) = value(handle) {
                        parts.push(v.as_cell(), separator.as_ref().map_or(Cell::Null, |s| s.as_cell()));
                    }
                }
            });
            return parts.finish();
        }
    };
    rows.at(place).and_then(value).map_or(Value::Null, |v| v.as_cell().to_value())
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
    let mut parts = Parts::new(call);
    list.into_iter().for_each(|v| parts.push(v.as_cell(), separator));
    parts.finish()
}

/// A text, a JSON array or an array in the making.
struct Parts {
    ty: Type,
    any: bool,
    out: Vec<u8>,
}

impl Parts {
    fn new(call: &Call) -> Self {
        Parts { ty: call.ty, any: false, out: if call.ty == Type::Json { vec![b'['] } else { Vec::new() } }
    }

    fn push(&mut self, cell: Cell<'_>, separator: Cell<'_>) {
        let first = !std::mem::replace(&mut self.any, true);
        match self.ty {
            Type::Json => {
                if !first {
                    self.out.push(b',');
                }
                return write_json(cell, &mut self.out);
            }
            Type::Array(_) => return push(cell, &mut self.out),
            _ => {}
        }
        if let (Cell::Text(separator), false) = (separator, first) {
            self.out.extend_from_slice(separator.as_bytes());
        }
        if let Cell::Text(text) = cell {
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    fn finish(mut self) -> Value {
        if !self.any {
            return Value::Null;
        }
        if let Type::Array(element) = self.ty {
            return Value::Array(element, self.out.into());
        }
        if self.ty == Type::Json {
            self.out.push(b']');
        }
        // Texts, and the ASCII between them.
        let text = String::from_utf8(self.out).unwrap_or_default().into_boxed_str();
        if self.ty == Type::Json { Value::Json(text) } else { Value::Text(text) }
    }
}
