//! JavaScript values to documents, and documents to JavaScript values.

use js_sys::{Array, BigInt, JSON, Object, Reflect};
use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorCode, Result};
use crate::value::Document;

/// Deepest nesting of objects and arrays: more than any query that the binder takes has, less than the stack holds.
const MAX_DEPTH: usize = 800;
/// Levels that a place tells: nobody reads more.
const PLACES: usize = 32;

/// A JavaScript value of JSON's kinds; bigints of 64 bits are integers, `undefined` counts as absent.
///
/// # Errors
/// `QUERY_INVALID` with the place of what has no JSON form, or lies too deep.
pub fn read(value: &JsValue) -> Result<Document> {
    tree(value, 0)
}

fn tree(value: &JsValue, depth: usize) -> Result<Document> {
    if value.is_undefined() || value.is_null() {
        return Ok(Document::Null);
    }
    if let Some(flag) = value.as_bool() {
        return Ok(Document::Bool(flag));
    }
    if let Some(number) = value.as_f64() {
        let is_safe = number.trunc() == number && number.abs() < 9_007_199_254_740_992.0;
        return Ok(if is_safe { Document::Integer(number as i64) } else { Document::Float(number) });
    }
    if let Some(text) = value.as_string() {
        return Ok(text.into());
    }
    if value.is_bigint() {
        let whole = i64::try_from(value.clone().unchecked_into::<BigInt>());
        return whole.map(Document::Integer).map_err(|_| refused("an integer of more than 64 bits"));
    }
    if !value.is_object() {
        return Err(refused("a value without a JSON form"));
    }
    if depth == MAX_DEPTH {
        return Err(refused("nested too deep"));
    }
    if Array::is_array(value) {
        let array: &Array = value.unchecked_ref();
        let mut items = Vec::with_capacity(array.length() as usize);
        for i in 0..array.length() {
            items.push(tree(&array.get(i), depth + 1).map_err(|e| if depth < PLACES { e.at_index("", i as usize) } else { e })?);
        }
        return Ok(Document::List(items));
    }
    let keys = Object::keys(value.unchecked_ref::<Object>());
    let mut members = Vec::with_capacity(keys.length() as usize);
    for i in 0..keys.length() {
        let key = keys.get(i);
        let name = key.as_string().unwrap_or_default();
        let member = Reflect::get(value, &key).unwrap_or(JsValue::UNDEFINED);
        let member = tree(&member, depth + 1).map_err(|e| if depth < PLACES { e.at(&name) } else { e })?;
        members.push((name.into(), member));
    }
    Ok(Document::Object(members))
}

#[cold]
fn refused(what: &str) -> Error {
    Error::new(ErrorCode::QueryInvalid, what)
}

/// The JavaScript value of a document: one text and one parse, rather than a call for each member.
pub fn write(document: &Document) -> JsValue {
    // The text of a document is JSON.
    JSON::parse(&document.to_string()).unwrap_or(JsValue::UNDEFINED)
}
