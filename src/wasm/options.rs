//! Options of a JSON stream.

use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::error::{throw, unreadable};
use crate::error::{Error, ErrorCode};
use crate::query::Schema;
use crate::store::Op;
use crate::wire::json::Options;

#[derive(Deserialize, Default)]
#[serde(default)]
struct OptionsJson {
    table: Option<String>,
    op: Option<String>,
    source: Option<String>,
    cursor: Option<String>,
    tenant: Option<String>,
    origin: Option<String>,
    stale: Option<String>,
}

/// Reads the options object of `json_begin`.
pub fn read(schema: &Schema, value: JsValue) -> Result<Options, JsValue> {
    let json: OptionsJson =
        serde_wasm_bindgen::from_value(value).map_err(|e| unreadable(ErrorCode::ChangeInvalid, "the options", &e))?;
    let table = match &json.table {
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
    let op = match json.op.as_deref() {
        None => Op::Upsert,
        Some(name) => OPS.iter().find(|o| o.0 == name).map(|o| o.1).ok_or_else(|| {
            throw(Error::unknown(ErrorCode::ChangeInvalid, "op", name, "rows of a table", OPS.map(|o| o.0)).at("op"))
        })?,
    };
    let ignore_stale = match json.stale.as_deref() {
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
        source: json.source,
        cursor: json.cursor,
        tenant: json.tenant,
        origin: json.origin,
        ignore_stale,
        ..Options::default()
    })
}
