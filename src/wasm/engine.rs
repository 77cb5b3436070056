//! The exported class.

use std::cell::{Cell, RefCell, RefMut};
use std::ptr::null;

use wasm_bindgen::prelude::*;

use super::budget::WHOLE;
use super::error::{keep_panics, reentrant, throw};
use super::export::Exports;
use super::{document, info, options};
use crate::engine::{Engine, Report};
use crate::error::{Error, ErrorCode};
use crate::query::{Schema, ast, bind};
use crate::store::{Batch, Envelope, compare_cursors};
use crate::trace::RelationId;
use crate::value::Document;
use crate::wire::binary;
use crate::wire::json::{JsonReader, Options};

/// Flag of a report: the JSON batch named its source, cursor or origin, which [`WasmEngine::envelope`] gives.
const NAMED: i32 = 4;
/// Flag of a report: more memory is in use than the budget allows.
const OVER: i32 = 8;

pub(super) type Js<T> = Result<T, JsValue>;

/// An engine, as JavaScript holds it.
#[wasm_bindgen(js_name = Engine)]
pub struct WasmEngine {
    inner: RefCell<Inner>,
    /// Why the last call of a hot export failed, until [`fail`](WasmEngine::fail) throws it.
    failure: Cell<Option<JsValue>>,
}

pub(super) struct Inner {
    pub(super) engine: Engine,
    /// Of streams, and of whole texts.
    readers: [JsonReader; 2],
    report: Report,
    slice: Vec<i32>,
    /// The input area: words, so that it is 8-aligned.
    pub(super) scratch: Vec<u64>,
    /// Pieces of a binary batch whose end has not come.
    staged: Batch,
    /// What the last JSON batch said of itself.
    envelope: Envelope,
    /// Forms of queries, with holes for constants.
    forms: Vec<Document>,
    pub(super) exports: Exports,
    /// Bytes of memory that batches may lead to.
    pub(super) budget: usize,
    /// A stream's batch that the budget refused: it is asked for again, or aborted.
    refused: Option<Batch>,
}

impl Inner {
    pub(super) fn input(&self, len: usize) -> Js<&[u8]> {
        let held = self.scratch.len() * 8;
        if len > held {
            let message = format!("{len} bytes announced, but the input area holds {held}");
            return Err(throw(Error::new(ErrorCode::ChangeInvalid, message)));
        }
        // SAFETY: the words are initialised and `len` lies within them; bytes have no alignment.
        Ok(unsafe { std::slice::from_raw_parts(self.scratch.as_ptr().cast(), len) })
    }

    /// Applies what can be afforded: who is refused keeps it.
    fn apply_json(&mut self, batch: Batch) -> Js<*const i32> {
        let Envelope { source, cursor, origin, .. } = &batch.envelope;
        let named = source.is_some() || cursor.is_some() || origin.is_some();
        if named {
            self.envelope = batch.envelope.clone();
        }
        let report = self.apply_afforded(batch)?;
        if named {
            self.report.words[2] |= NAMED;
        }
        Ok(report)
    }

    fn apply(&mut self, batch: Batch) -> Js<*const i32> {
        self.afford(&batch)?;
        self.apply_afforded(batch)
    }

    fn apply_afforded(&mut self, batch: Batch) -> Js<*const i32> {
        self.engine.apply_into(batch, &mut self.report).map_err(throw)?;
        if self.is_over() {
            self.report.words[2] |= OVER;
        }
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

fn read<T: TryFrom<Document, Error = Error>>(value: &JsValue) -> Js<T> {
    document::read(value).and_then(T::try_from).map_err(throw)
}

#[wasm_bindgen(js_class = Engine)]
impl WasmEngine {
    /// An engine of a schema.
    #[wasm_bindgen(constructor)]
    pub fn new(schema: JsValue) -> Js<WasmEngine> {
        keep_panics();
        let json: ast::SchemaJson = read(&schema)?;
        let engine = Engine::new(Schema::from_json(&json).map_err(throw)?);
        let inner = Inner {
            engine,
            readers: [JsonReader::new(), JsonReader::new()],
            report: Report::default(),
            slice: Vec::new(),
            scratch: Vec::new(),
            staged: Batch::default(),
            envelope: Envelope::default(),
            forms: Vec::new(),
            exports: Exports::default(),
            budget: WHOLE,
            refused: None,
        };
        Ok(WasmEngine { inner: RefCell::new(inner), failure: Cell::new(None) })
    }

    pub(super) fn inner(&self) -> Js<RefMut<'_, Inner>> {
        self.inner.try_borrow_mut().map_err(|_| reentrant())
    }

    /// Layout of the tables' rows.
    pub fn relations(&self) -> Js<JsValue> {
        Ok(document::write(&info::tables(&self.inner()?.engine)))
    }

    /// Address of a new input area of so many bytes; the one before is given back, and what it held is gone.
    pub fn scratch(&self, len: usize) -> Js<*mut u8> {
        let mut inner = self.inner()?;
        let words = len.div_ceil(8);
        inner.scratch = Vec::new();
        let mut area = Vec::new();
        if area.try_reserve_exact(words).is_err() {
            return Err(throw(Error::new(ErrorCode::ValueTooLarge, format!("no memory for {len} bytes of input"))));
        }
        area.resize(words, 0);
        inner.scratch = area;
        Ok(inner.scratch.as_mut_ptr().cast())
    }

    /// Throws why the last call of an export failed that tells so by its value (`commit`, `json_apply`, `row_ptr` and the
    /// members of pairs). A `Result` would cost every good call an array.
    pub fn fail(&self) -> Js<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    pub(super) fn told<T>(&self, outcome: Js<T>, failed: T) -> T {
        outcome.unwrap_or_else(|error| {
            self.failure.set(Some(error));
            failed
        })
    }

    fn try_commit(&self, len: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let mut batch = std::mem::take(&mut inner.staged);
        binary::decode_more(inner.engine.schema(), inner.input(len)?, &mut batch).map_err(throw)?;
        inner.apply(batch)
    }

    /// Takes a piece of a binary batch, whose last one is given to `commit`; without bytes: drops those that came.
    pub fn stage(&self, len: usize) -> Js<()> {
        let mut inner = self.inner()?;
        let mut batch = std::mem::take(&mut inner.staged);
        if len > 0 {
            binary::decode_more(inner.engine.schema(), inner.input(len)?, &mut batch).map_err(throw)?;
            inner.staged = batch;
        }
        Ok(())
    }

    /// Applies a binary batch; address of the report, 0 = failed.
    pub fn commit(&self, len: usize) -> *const i32 {
        self.told(self.try_commit(len), null())
    }

    /// Begins a JSON batch that comes in pieces: of a stream, or (`whole`) of one text while a stream may be open.
    pub fn json_begin(&self, opts: JsValue, whole: bool) -> Js<()> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let options = options::read(inner.engine.schema(), opts)?;
        inner.readers[usize::from(whole)].begin(inner.engine.schema(), &options).map_err(throw)
    }

    /// Takes a piece of it.
    pub fn json_push(&self, len: usize, whole: bool) -> Js<()> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let mut reader = std::mem::take(&mut inner.readers[usize::from(whole)]);
        let done = inner.input(len).and_then(|piece| reader.push(inner.engine.schema(), piece).map_err(throw));
        inner.readers[usize::from(whole)] = reader;
        done
    }

    /// Applies what was read of the stream so far; address of the report, 0 = there is nothing that does not need the rest. What
    /// the memory budget refused may be asked for again, as with `json_end`.
    pub fn json_part(&self) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let Inner { engine, readers, refused, .. } = &mut *inner;
        let is_new = |source: &str, cursor: &str| engine.cursor(source).is_none_or(|held| compare_cursors(cursor, held).is_gt());
        let batch = match refused.take() {
            Some(batch) => Some(batch),
            None => readers[0].part(engine.schema(), is_new).map_err(throw)?,
        };
        let Some(batch) = batch else { return Ok(null()) };
        if let Err(error) = inner.afford(&batch) {
            inner.refused = Some(batch);
            return Err(error);
        }
        inner.apply_json(batch).inspect_err(|_| inner.readers[0].abort())
    }

    /// Ends and applies it; address of the report. A stream that the memory budget refused may be ended again.
    pub fn json_end(&self, whole: bool) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let Inner { engine, readers, refused, .. } = &mut *inner;
        let again = if whole { None } else { refused.take() };
        let batch = match again {
            Some(batch) => batch,
            None => readers[usize::from(whole)].finish(engine.schema()).map_err(throw)?,
        };
        if let Err(error) = inner.afford(&batch) {
            if !whole {
                inner.refused = Some(batch);
            }
            return Err(error);
        }
        inner.apply_json(batch)
    }

    /// Drops it.
    pub fn json_abort(&self, whole: bool) -> Js<()> {
        let mut inner = self.inner()?;
        inner.readers[usize::from(whole)].abort();
        if !whole {
            inner.refused = None;
        }
        Ok(())
    }

    /// Applies one JSON batch that is there as a whole; address of the report, 0 = failed.
    pub fn json_apply(&self, len: usize) -> *const i32 {
        self.told(self.try_json_apply(len), null())
    }

    fn try_json_apply(&self, len: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let mut reader = std::mem::take(&mut inner.readers[1]);
        let batch =
            inner.input(len).and_then(|input| reader.read_all(inner.engine.schema(), &Options::default(), input).map_err(throw));
        inner.readers[1] = reader;
        let batch = batch?;
        inner.afford(&batch)?;
        inner.apply_json(batch)
    }

    /// Source, cursor and origin of the last JSON batch, as its text or the options gave them.
    pub fn envelope(&self) -> Js<js_sys::Array> {
        let Envelope { source, cursor, origin, .. } = &self.inner()?.envelope;
        let text = |t: &Option<String>| t.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
        Ok(js_sys::Array::of3(&text(source), &text(cursor), &text(origin)))
    }

    /// Registers a query, of which (`sliced`) no row is there before `admit`; its description.
    pub fn register(&self, query: JsValue, sliced: bool) -> Js<JsValue> {
        let mut inner = self.inner()?;
        let inner = &mut *inner;
        let json: ast::QueryJson = read(&query)?;
        let bound = bind(inner.engine.schema(), &json).map_err(throw)?;
        let view = if sliced { inner.engine.register_sliced(&bound) } else { inner.engine.register(&bound) }.map_err(throw)?;
        Ok(document::write(&info::view(&inner.engine, view).map_err(throw)?))
    }

    /// Lets in rows from so many places more of the tables of a sliced view; address of the report.
    pub fn admit(&self, view: u32, places: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        inner.report = inner.engine.admit(view, places).map_err(throw)?;
        Ok(inner.report.words.as_ptr())
    }

    /// Places that are still to be let in.
    pub fn pending(&self, view: u32) -> Js<usize> {
        self.inner()?.engine.pending(view).map_err(throw)
    }

    /// Remembers the form of queries that differ in their constants: `{ hole: n }` stands for the nth. Its number.
    pub fn form(&self, query: JsValue) -> Js<usize> {
        let mut inner = self.inner()?;
        inner.forms.push(document::read(&query).map_err(throw)?);
        Ok(inner.forms.len() - 1)
    }

    /// Registers a query of a form that is described already; its number, or 0, and nothing registered, if it is one that
    /// needs a description of its own.
    pub fn mount(&self, form: usize, constants: JsValue) -> Js<u32> {
        let mut inner = self.inner()?;
        let Inner { engine, forms, .. } = &mut *inner;
        let Document::List(constants) = document::read(&constants).map_err(throw)? else { return Ok(0) };
        let Some(form) = forms.get(form) else { return Ok(0) };
        let json = ast::QueryJson::try_from(form.filled(&constants)).map_err(throw)?;
        let view = engine.register(&bind(engine.schema(), &json).map_err(throw)?).map_err(throw)?;
        let tables = engine.schema().tables.len();
        if engine.levels(view).map_err(throw)?.iter().all(|level| (level.shown_relation as usize) < tables) {
            return Ok(view);
        }
        engine.unregister(view);
        Ok(0)
    }

    /// Sets parameters of a view, `{ params: [{ name, value }] }`; address of the report.
    pub fn set_params(&self, view: u32, params: JsValue) -> Js<*const i32> {
        let mut inner = self.inner()?;
        let json: ast::ParamsJson = read(&params)?;
        inner.report = inner.engine.set_params(view, &json.params).map_err(throw)?;
        Ok(inner.report.words.as_ptr())
    }

    /// Shows `count` rows from `start` of a view's root list; address of the report.
    pub fn show(&self, view: u32, start: usize, count: usize) -> Js<*const i32> {
        let mut inner = self.inner()?;
        inner.report = inner.engine.show(view, Some((start, count))).map_err(throw)?;
        Ok(inner.report.words.as_ptr())
    }

    /// Rows of a view's root list, whatever part of it is shown.
    pub fn total(&self, view: u32) -> Js<usize> {
        self.inner()?.engine.total(view).map_err(throw)
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

    /// Forgets a view. Whether something of it is left to be swept.
    pub fn unregister(&self, view: u32) -> Js<bool> {
        let engine = &mut self.inner()?.engine;
        engine.unregister(view);
        Ok(engine.sweep(1))
    }

    /// Does up to so many pieces of what can wait; or drops as many of everything, before the engine is freed. Whether there may be more.
    pub fn sweep(&self, pieces: usize, all: bool) -> Js<bool> {
        let engine = &mut self.inner()?.engine;
        Ok(if all { engine.leave(pieces) } else { engine.sweep(pieces) })
    }

    /// Address of a packed row, 0 = failed.
    pub fn row_ptr(&self, rel: u32, handle: u32) -> *const u8 {
        self.told(self.inner().and_then(|inner| Ok(inner.packed(rel, handle)?.as_ptr())), null())
    }

    /// Left member of a pair row; −2 = failed.
    pub fn pair_left(&self, rel: u32, handle: u32) -> i32 {
        self.told(self.inner().and_then(|inner| inner.member(rel, handle, 0)), -2)
    }

    /// Right member of a pair row; −1 = none, −2 = failed.
    pub fn pair_right(&self, rel: u32, handle: u32) -> i32 {
        self.told(self.inner().and_then(|inner| inner.member(rel, handle, 1)), -2)
    }

    /// A view's plan with its counters.
    pub fn explain(&self, view: u32) -> Js<String> {
        self.inner()?.engine.explain(view).map_err(throw)
    }

    /// Sizes and counters.
    pub fn stats(&self) -> Js<JsValue> {
        let wasm_bytes = core::arch::wasm32::memory_size::<0>() * 65536;
        let inner = self.inner()?;
        Ok(document::write(&info::stats(&inner.engine, wasm_bytes, inner.used())))
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
        match self.inner()?.engine.view_error(view).map_err(throw)? {
            None => Ok(JsValue::UNDEFINED),
            Some(e) => {
                let text = |text: &str| text.to_owned().into();
                let offending = e.offending.as_deref().unwrap_or_default();
                let parts = [
                    ("code", text(e.code.as_str())),
                    ("message", text(&e.message)),
                    ("path", text(&e.path)),
                    ("offending", text(offending)),
                ];
                Ok(document::write(&Document::object(parts)))
            }
        }
    }
}
