//! The doors of storage: rows leave as binary batches, which come back through `commit`. And rows by their keys.

use std::cell::RefMut;

use wasm_bindgen::prelude::*;

use super::engine::{Inner, Js, WasmEngine};
use super::error::throw;
use crate::engine::Export;
use crate::error::{Error, ErrorCode};
use crate::store::Change;
use crate::wire::binary::{self, BatchWriter};

/// What is on its way out.
#[derive(Default)]
pub struct Exports {
    /// Exports under way, by number.
    open: Vec<Option<Export>>,
    writer: BatchWriter,
}

#[wasm_bindgen(js_class = Engine)]
impl WasmEngine {
    /// Keeps the net changes of each version from now on, for `changes`.
    pub fn record(&self) -> Js<()> {
        self.inner()?.engine.record();
        Ok(())
    }

    /// The net changes of the last batch as a binary batch of upserts and deletes.
    pub fn changes(&self, source: Option<String>, cursor: Option<String>, origin: Option<String>) -> Js<Vec<u8>> {
        let mut inner = self.inner()?;
        let Inner { engine, exports, .. } = &mut *inner;
        let writer = &mut exports.writer;
        writer.begin(source.as_deref(), cursor.as_deref(), origin.as_deref());
        for (table, delta) in engine.changes() {
            // Rows that go first: a key is free before another row takes it.
            for &(row, weight) in delta.rows() {
                let row = engine.relations().row(table.id, row);
                if weight < 0 && engine.find(table.id, row).is_none() {
                    writer.delete(table, row);
                }
            }
            for &(row, weight) in delta.rows() {
                if weight > 0 {
                    writer.upsert(table.id, engine.relations().row(table.id, row));
                }
            }
        }
        Ok(writer.finish().to_vec())
    }

    /// Begins an export of these tables at the present version; its number.
    pub fn export_begin(&self, tables: Vec<u32>) -> Js<usize> {
        let mut inner = self.inner()?;
        let Inner { engine, exports: Exports { open, .. }, .. } = &mut *inner;
        if let Some(id) = tables.iter().find(|id| engine.schema().tables.get_index(**id as usize).is_none()) {
            return Err(throw(Error::new(ErrorCode::UnknownTable, format!("no table number {id}"))));
        }
        let export = Some(engine.export_begin(tables));
        let number = open.iter().position(Option::is_none).unwrap_or(open.len());
        if number == open.len() {
            open.push(export);
        } else {
            open[number] = export;
        }
        Ok(number)
    }

    /// The next rows as a binary batch of about so many bytes; nothing when there are no more.
    pub fn export_next(&self, number: usize, bytes: usize) -> Js<Vec<u8>> {
        let mut inner = self.inner()?;
        let Inner { engine, exports: Exports { open, writer }, .. } = &mut *inner;
        let Some(Some(export)) = open.get_mut(number) else { return Ok(Vec::new()) };
        writer.begin(None, None, None);
        engine.export_rows(export, |table, row| {
            writer.upsert(table, row);
            writer.len() < bytes
        });
        Ok(if writer.is_empty() { Vec::new() } else { writer.finish().to_vec() })
    }

    /// Ends an export; nothing when there is none of this number.
    pub fn export_end(&self, number: usize) -> Js<()> {
        let mut inner = self.inner()?;
        let Inner { engine, exports, .. } = &mut *inner;
        if let Some(export) = exports.open.get_mut(number).and_then(Option::take) {
            engine.export_end(export);
        }
        Ok(())
    }

    /// Sources and cursors, in turns.
    pub fn cursors(&self) -> Js<js_sys::Array> {
        let out = js_sys::Array::new();
        for (source, cursor) in self.inner()?.engine.cursors() {
            out.push(&source.into());
            out.push(&cursor.into());
        }
        Ok(out)
    }

    /// Handle of the row that the one change (a delete) of the batch in the scratch names; −1 = none, −2 = failed.
    pub fn find(&self, len: usize) -> i32 {
        self.told(self.try_find(len), -2)
    }

    /// Reports say from now on (flag 16) when a batch brings the row that the one change (a delete) of the batch in the scratch names;
    /// 0, or −2 = failed.
    #[wasm_bindgen(js_name = waitFor)]
    pub fn wait_for(&self, len: usize) -> i32 {
        self.told(
            self.named(len).map(|(mut inner, change)| {
                change.into_iter().for_each(|c| inner.engine.wait_for(c));
                0
            }),
            -2,
        )
    }

    /// Whether a batch has brought it; then, or where the change is a touch, it is not waited for any more. 1, 0, or −2 = failed.
    #[wasm_bindgen(js_name = hasCome)]
    pub fn has_come(&self, len: usize) -> i32 {
        let came = self.named(len).map(|(mut inner, change)| change.is_some_and(|c| inner.engine.has_come(&c)));
        self.told(came.map(i32::from), -2)
    }

    fn try_find(&self, len: usize) -> Js<i32> {
        let (inner, change) = self.named(len)?;
        let Some(change) = change else { return Ok(-1) };
        Ok(inner.engine.find(change.table, &change.row).map_or(-1, |row| row as i32))
    }

    /// The one change of the batch in the scratch.
    fn named(&self, len: usize) -> Js<(RefMut<'_, Inner>, Option<Change>)> {
        let inner = self.inner()?;
        let batch = binary::decode(inner.engine.schema(), inner.input(len)?).map_err(throw)?;
        Ok((inner, batch.changes.into_iter().next()))
    }
}
