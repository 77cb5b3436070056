//! Options of a JSON stream.

use wasm_bindgen::prelude::*;

use super::document;
use super::error::throw;
use crate::error::{Error, ErrorCode};
use crate::query::Schema;
use crate::query::shape::optional_text;
use crate::store::Op;
use crate::wire::json::{Confined, Options};

/// Reads the options object of `json_begin`.
pub fn read(schema: &Schema, value: JsValue) -> Result<Options, JsValue> {
    let json = document::read(&value).map_err(throw)?;
    let text = |name| {
        optional_text(&json, name).map_err(|mut e| {
            e.code = ErrorCode::ChangeInvalid;
            throw(e)
        })
    };
    let table = match &text("table")? {
        None => None,
        Some(name) => Some(
            schema
                .table(name)
                .ok_or_else(|| {
                    let names = schema.tables.keys().map(String::as_str);
                    throw(Error::unknown(ErrorCode::UnknownTable, "table", name, "the schema", names).at("table"))
                })?
                .id,
        ),
    };
    const OPS: [(&str, Op); 3] = [("insert", Op::Insert), ("upsert", Op::Upsert), ("reset", Op::Reset)];
    let op = match text("op")?.as_deref() {
        None => Op::Upsert,
        Some(name) => OPS.iter().find(|o| o.0 == name).map(|o| o.1).ok_or_else(|| {
            throw(Error::unknown(ErrorCode::ChangeInvalid, "op", name, "rows of a table", OPS.map(|o| o.0)).at("op"))
        })?,
    };
    let ignore_stale = match text("stale")?.as_deref() {
        None | Some("error") => false,
        Some("ignore") => true,
        Some(other) => {
            let e = Error::unknown(ErrorCode::ChangeInvalid, "policy", other, "stale", ["error", "ignore"]);
            return Err(throw(e.at("stale")));
        }
    };
    Ok(Options {
        table,
        op,
        source: text("source")?,
        cursor: text("cursor")?,
        tenant: text("tenant")?,
        confined: match text("confined")?.as_deref() {
            None => Confined::No,
            Some("one") => Confined::ToOne,
            Some(_) => Confined::ToTenant,
        },
        origin: text("origin")?,
        ignore_stale,
        ..Options::default()
    })
}
