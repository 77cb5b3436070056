//! Arrays as lists of values.

use super::{cast, is_same, member, text};
use crate::error::Result;
use crate::query::Function;
use crate::value::array::push;
use crate::value::{Element, Value, array_values};

pub(crate) fn list(value: &Value) -> Vec<Value> {
    let Value::Array(element, packed) = value else { panic!("{value:?} is no array") };
    array_values(*element, packed).collect()
}

/// A list of texts and nulls as an array.
pub(crate) fn texts(list: &[Value]) -> Value {
    of(Element::Text, list)
}

/// A list of values and nulls as an array.
pub(crate) fn of(element: Element, list: &[Value]) -> Value {
    let mut packed = Vec::new();
    list.iter().for_each(|v| push(v.as_cell(), &mut packed));
    Value::Array(element, packed.into())
}

pub(super) fn call(function: Function, args: &[Value]) -> Result<Value> {
    // Nulls in a list are equal to nothing.
    let holds = |all: &[Value], v: &Value| !v.is_null() && all.iter().any(|w| is_same(v, w));
    Ok(match (function, args) {
        (Function::Any, [x, all]) => {
            let mut args = vec![x.clone()];
            args.extend(list(all));
            member(&args)
        }
        (Function::ArrayContains, [all, some]) => {
            let all = list(all);
            Value::Bool(list(some).iter().all(|v| holds(&all, v)))
        }
        (Function::ArrayOverlaps, [a, b]) => {
            let all = list(a);
            Value::Bool(list(b).iter().any(|v| holds(&all, v)))
        }
        (Function::Cardinality, [a]) => Value::Int(list(a).len() as i64),
        (Function::ArrayLength, [a]) => {
            let n = list(a).len() as i64;
            if n == 0 { Value::Null } else { Value::Int(n) }
        }
        (Function::ArrayAt, [a, Value::Int(at)]) => {
            let all = list(a);
            if (1..=all.len() as i64).contains(at) { all[*at as usize - 1].clone() } else { Value::Null }
        }
        (Function::ArrayPosition, [a, x]) => {
            let all = list(a);
            // Nulls are alike here.
            all.iter().position(|v| is_same(v, x)).map_or(Value::Null, |i| Value::Int(i as i64 + 1))
        }
        (Function::ArrayToText, [a, Value::Text(between)]) => {
            let shown: Vec<Value> = list(a).iter().filter(|v| !v.is_null()).map(|v| Value::text(element(v))).collect();
            text::join(between, &shown)?
        }
        _ => panic!("{function:?} of {args:?}"),
    })
}

fn element(value: &Value) -> String {
    match value {
        Value::Bool(v) => if *v { "t" } else { "f" }.to_owned(),
        other => cast::text(other),
    }
}

/// As PostgreSQL prints it.
pub(super) fn shown(value: &Value) -> String {
    let written = |v: &Value| {
        if v.is_null() {
            return "NULL".to_owned();
        }
        let text = element(v);
        let plain = !text.is_empty()
            && !text.eq_ignore_ascii_case("null")
            && !text.chars().any(|c| "{}\",\\ \t\n\r\u{b}\u{c}".contains(c));
        if plain { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    format!("{{{}}}", list(value).iter().map(written).collect::<Vec<_>>().join(","))
}
