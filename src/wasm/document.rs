//! JavaScript values to documents, and documents to JavaScript values.

use std::cell::RefCell;

use js_sys::JSON;
use serde::de::DeserializeSeed;
use serde_wasm_bindgen::Deserializer;
use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorCode, Result};
use crate::value::{Document, Place, Tree};

/// A JavaScript value of JSON's kinds; bigints of 64 bits are integers, `undefined` counts as absent.
///
/// # Errors
/// `QUERY_INVALID` with the place of what has no JSON form, or lies too deep.
pub fn read(value: &JsValue) -> Result<Document> {
    let places = RefCell::default();
    let read = Tree::new(&places).deserialize(Deserializer::from(value.clone()));
    read.map_err(|error| {
        let refused = Error::new(ErrorCode::QueryInvalid, error.to_string());
        places.into_inner().iter().fold(refused, |error, place| match place {
            Place::Member(name) => error.at(name),
            Place::Index(i) => error.at_index("", *i),
        })
    })
}

/// The JavaScript value of a document: one text and one parse, rather than a call for each member.
pub fn write(document: &Document) -> JsValue {
    // The text of a document is JSON.
    JSON::parse(&document.to_string()).unwrap_or(JsValue::UNDEFINED)
}
