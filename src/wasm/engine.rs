//! The exported class.

use std::cell::{RefCell, RefMut};

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

use super::error::{reentrant, report_panics, throw, unreadable};
use super::{info, options};
use crate::engine::{Engine, Report};
use crate::error::{Error, ErrorCode};
use crate::query::{Schema, ast, bind};
use crate::trace::RelationId;
use crate::wire::binary;
use crate::wire::json::{JsonReader, Options};

type Js<T> = Result<T, JsValue>;

/// An engine, as JavaScript holds it.
#[wasm_bindgen(js_name = Engine)]
pub struct WasmEngine {
    inner: RefCell<Inner>,
}

struct Inner {
    engine: Engine,
    reader: JsonReader,
    report: Report,
    slice: Vec<i32>,
    /// The input area: words, so that it is 8-aligned.
    scratch: Vec<u64>,
    /// Relations described to JavaScript.
    known: Vec<RelationId>,
}

impl Inner {
    fn input(&self, len: usize) -> Js<&[u8]> {
        let held = self.scratch.len() * 8;
        if len > held {
            let message = format!("{len} bytes announced, but the input area holds {held}");
            return Err(throw(Error::new(ErrorCode::ChangeInvalid, message)));
        }
        // SAFETY: the words are initialised and `len` lies within them; bytes have no alignment.
        Ok(unsafe { std::slice::from_raw_parts(self.scratch.as_ptr().cast(), len) })
    }

    fn apply(&mut self, batch: crate::store::Batch) -> Js<*const i32> {
        self.engine.apply_into(batch, &mut self.report).map_err(throw)?;
        Ok(self.report.words.as_ptr())
    }

    fn packed(&self, rel: RelationId, handle: u32) -> Js<&[u8]> {
        if !self.engine.relations().is_readable(rel, handle) {
            return Err(gone(rel, handle));
        }
        Ok(self.engine.relations().row(rel, handle))
    }

    fn member(&self, rel: RelationId, handle: u32, side: usize) -> Js<i32> {
        if !self.engine.relations().is_readable(rel, handle) {
            return Err(gone(rel, handle));
        }
        Ok(self.engine.relations().pair(rel, handle)[side] as i32)
    }
}

fn gone(rel: RelationId, handle: u32) -> JsValue {
    throw(Error::new(ErrorCode::UnknownView, format!("row {handle} of relation {rel} is gone")))
}

fn to_js(value: &impl Serialize) -> Js<JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(|e| unreadable(ErrorCode::QueryInvalid, "the description", &e))
}

#[wasm_bindgen(js_class = Engine)]
impl WasmEngine {
    /// An engine of a schema.
    #[wasm_bindgen(constructor)]
    pub fn new(schema: JsValue) -> Js<WasmEngine> {
        report_panics();
        let json: ast::SchemaJson =
            serde_wasm_bindgen::from_value(schema).map_err(|e| unreadable(ErrorCode::SchemaInvalid, "the schema", &e))?;
        let engine = Engine::new(Schema::from_json(&json).map_err(throw)?);
        let known = (0..engine.schema().tables.len() as u32).collect();
        let inner =
            Inner { engine, reader: JsonReader::new(), report: Report::default(), slice: Vec::new(), scratch: Vec::new(), known };
        Ok(WasmEngine { inner: RefCell::new(inner) })
    }

    fn inner(&self) -> Js<RefMut<'_, Inner>> {
        self.inner.try_borrow_mut().map_err(|_| reentrant())
    }

    /// Layout of the tables' rows.
    pub fn relations(&self) -> Js<JsValue> {
        to_js(&info::tables(&self.inner()?.engine))
    }

    /// Address of the input area, of at least so many bytes.
    pub fn scratch(&self, len: usize) -> Js<*mut u8> {
        let mut inner = self.inner()?;
        let words = len.div_ceil(8);
        if inner.scratch.len() < words {
            // What was there is not kept: the area is filled anew by each call.
            inner.scratch = Vec::new();
            inner.scratch = vec![0; words];
        }
        Ok(inner.scratch.as_mut_ptr().cast())
    }

    /// Applies a binary batch; address of the report.
    pub fn commit(&self, len: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let batch = binary::decode(inner.engine.schema(), inner.input(len)?).map_err(throw)?;
        inner.apply(batch)
    }

    /// Begins a streamed JSON batch.
    pub fn json_begin(&self, opts: JsValue) -> Js<()> {
        let mut inner = self.inner()?;
        let Inner { engine, reader, .. } = &mut *inner;
        let options = options::read(engine.schema(), opts)?;
        reader.begin(engine.schema(), &options).map_err(throw)
    }

    /// Takes a piece of it.
    pub fn json_push(&self, len: usize) -> Js<()> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let mut reader = std::mem::take(&mut inner.reader);
        let done = inner.input(len).and_then(|piece| reader.push(inner.engine.schema(), piece).map_err(throw));
        inner.reader = reader;
        done
    }

    /// Ends and applies it; address of the report.
    pub fn json_end(&self) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let Inner { engine, reader, .. } = &mut *inner;
        let batch = reader.finish(engine.schema()).map_err(throw)?;
        inner.apply(batch)
    }

    /// Drops it.
    pub fn json_abort(&self) -> Js<()> {
        self.inner()?.reader.abort();
        Ok(())
    }

    /// Applies one JSON batch that is there as a whole; address of the report.
    pub fn json_apply(&self, len: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let mut reader = std::mem::take(&mut inner.reader);
        let batch =
            inner.input(len).and_then(|input| reader.read_all(inner.engine.schema(), &Options::default(), input).map_err(throw));
        inner.reader = reader;
        inner.apply(batch?)
    }

    /// Registers a query; its description.
    pub fn register(&self, query: JsValue) -> Js<JsValue> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let json: ast::QueryJson =
            serde_wasm_bindgen::from_value(query).map_err(|e| unreadable(ErrorCode::QueryInvalid, "the query", &e))?;
        let bound = bind(inner.engine.schema(), &json).map_err(throw)?;
        let view = inner.engine.register(&bound).map_err(throw)?;
        to_js(&info::view(&inner.engine, view, &mut inner.known).map_err(throw)?)
    }

    /// Address of a report that adds all rows of a view.
    pub fn snapshot(&self, view: u32) -> Js<*const i32> {
        let mut inner = self.inner()?;
        inner.report = inner.engine.snapshot(view).map_err(throw)?;
        Ok(inner.report.words.as_ptr())
    }

    /// Address of a count and that many handles of the root list.
    pub fn slice(&self, view: u32, start: usize, count: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let Inner { engine, slice, .. } = &mut *inner;
        engine.slice(view, start, count, slice).map_err(throw)?;
        Ok(slice.as_ptr())
    }

    /// Forgets a view.
    pub fn unregister(&self, view: u32) -> Js<()> {
        self.inner()?.engine.unregister(view);
        Ok(())
    }

    /// Address of a packed row.
    pub fn row_ptr(&self, rel: u32, handle: u32) -> Js<*const u8> {
        Ok(self.inner()?.packed(rel, handle)?.as_ptr())
    }

    /// Its length in bytes.
    pub fn row_len(&self, rel: u32, handle: u32) -> Js<usize> {
        Ok(self.inner()?.packed(rel, handle)?.len())
    }

    /// Left member of a pair row.
    pub fn pair_left(&self, rel: u32, handle: u32) -> Js<i32> {
        self.inner()?.member(rel, handle, 0)
    }

    /// Right member of a pair row; −1 = none.
    pub fn pair_right(&self, rel: u32, handle: u32) -> Js<i32> {
        self.inner()?.member(rel, handle, 1)
    }

    /// A view's plan with its counters.
    pub fn explain(&self, view: u32) -> Js<String> {
        self.inner()?.engine.explain(view).map_err(throw)
    }

    /// Sizes and counters.
    pub fn stats(&self) -> Js<JsValue> {
        to_js(&info::stats(&self.inner()?.engine, core::arch::wasm32::memory_size::<0>() * 65536))
    }

    /// Last committed cursor of a source.
    pub fn cursor(&self, source: &str) -> Js<Option<String>> {
        Ok(self.inner()?.engine.cursor(source).map(str::to_owned))
    }

    /// Number of the current version.
    pub fn version(&self) -> Js<u32> {
        Ok(self.inner()?.engine.version())
    }

    /// The evaluation error that a view is in.
    pub fn view_error(&self, view: u32) -> Js<JsValue> {
        #[derive(Serialize)]
        struct ViewError {
            code: &'static str,
            message: String,
        }
        match self.inner()?.engine.view_error(view).map_err(throw)? {
            None => Ok(JsValue::UNDEFINED),
            Some(e) => to_js(&ViewError { code: e.code.as_str(), message: e.message }),
        }
    }
}
