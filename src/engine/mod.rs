//! The running thing: schema, store, circuit and views behind one façade.
//!
//! ```
//! use eddyline::engine::Engine;
//! use eddyline::query::{Schema, ast, bind};
//! use eddyline::wire::json::{JsonReader, Options};
//!
//! let schema: ast::SchemaJson = serde_json::from_str(r#"{"tables":[{"name":"issues","key":["id"],"columns":[
//!     {"name":"id","type":"text"},{"name":"title","type":"text"},{"name":"priority","type":"int"}]}]}"#)?;
//! let mut engine = Engine::new(Schema::from_json(&schema)?);
//! let query: ast::QueryJson = serde_json::from_str(r#"{"from":"issues","orderBy":[{"expr":{"op":"col","name":"priority"},"desc":true}]}"#)?;
//! let view = engine.register(&bind(engine.schema(), &query)?)?;
//! let input = br#"{"op":"insert","table":"issues","row":{"id":"a","title":"x","priority":3}}"#;
//! let batch = JsonReader::new().read_all(engine.schema(), &Options::default(), input)?;
//! let report = engine.apply(batch)?;
//! assert_eq!(report.section(view).unwrap().patches, 1);
//! assert_eq!(engine.rows(view)?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod awaited;
mod budget;
mod export;
mod failure;
mod memory;
mod mirror;
mod params;
pub mod report;
mod slices;
mod view;

use std::rc::Rc;

use hashbrown::HashMap;
use indexmap::IndexMap;

pub use export::Export;
pub use memory::{IndexMemory, Memory, QueryMemory};
pub use mirror::{Mirror, Patch, PatchKind, PathStep};
pub use report::{Report, Section};
pub use view::View;

use crate::algebra::{Delta, Handle};
use crate::circuit::{Circuit, Meter};
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{self, Field, Level};
use crate::query::{BoundQuery, Schema, TableId};
use crate::sort;
use crate::store::{Applied, Batch, Snapshot, Store};
use crate::trace::{HandleState, RelationId, Relations};
use crate::value::{MapState, RowTree};
use report::HEADER_WORDS;
use view::{NOT_CHANGED, Output, Scratch, Touched};

/// A registered query.
pub type ViewId = u32;

/// An engine: rows, queries, versions. Everything is synchronous.
#[derive(Debug)]
pub struct Engine {
    schema: Schema,
    relations: Relations,
    store: Store,
    circuit: Circuit,
    views: IndexMap<ViewId, View, MapState>,
    /// Views of forgotten queries, to be swept.
    closed: Vec<View>,
    /// Changed lists of the last version by the views that hold them: a version costs nothing for the others. Kept for its memory.
    touched: Vec<Touched>,
    scratch: Scratch,
    next_view: ViewId,
    /// Views in error.
    failed_views: usize,
    version: u32,
    applied: Applied,
    /// Net delta per table of the last version, while somebody keeps what versions change.
    recorded: Option<Vec<(TableId, Delta)>>,
    awaited: awaited::Awaited,
    /// Fields that levels of a table showed last.
    fields: HashMap<RelationId, Rc<Vec<Field>>, HandleState>,
    /// Views that were asked what a version changes in them.
    asked: u64,
}

impl Engine {
    /// An engine without rows or queries.
    pub fn new(schema: Schema) -> Self {
        let mut relations = Relations::default();
        let store = Store::new(&schema, &mut relations);
        Engine {
            schema,
            relations,
            store,
            circuit: Circuit::default(),
            views: IndexMap::default(),
            closed: Vec::new(),
            touched: Vec::new(),
            scratch: Scratch::default(),
            next_view: 1,
            failed_views: 0,
            version: 0,
            applied: Applied::default(),
            recorded: None,
            awaited: awaited::Awaited::default(),
            fields: HashMap::default(),
            asked: 0,
        }
    }

    /// Sets when filters of one shape are looked up by their constants, and filled from an index; before any query. For tests
    /// on few rows, where the defaults would never do so.
    pub fn tune(&mut self, tuning: crate::circuit::Tuning) {
        self.circuit.tune(tuning);
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Number of the current version; 0 before the first batch.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// All rows by handle.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// Last committed cursor of a source.
    pub fn cursor(&self, source: &str) -> Option<&str> {
        self.store.cursor(source)
    }

    /// Applies a batch as one version, or not at all.
    ///
    /// Cost: O(log n) per changed row and query that it affects; nothing for others.
    ///
    /// # Errors
    /// Those of [`Store::apply`]; nothing has changed then.
    pub fn apply(&mut self, batch: Batch) -> Result<Report> {
        let mut report = Report::default();
        self.apply_into(batch, &mut report)?;
        Ok(report)
    }

    /// As [`apply`](Self::apply), into a report whose memory is used again.
    pub fn apply_into(&mut self, batch: Batch, report: &mut Report) -> Result<()> {
        self.relations.reclaim();
        self.sweep(slices::IN_PASSING);
        let written = self.writes_awaited(&batch);
        self.store.apply(&self.schema, &mut self.relations, batch, &mut self.applied)?;
        let came = !self.applied.replayed && self.note_written(&written);
        let applied = &mut self.applied;
        report.replayed = applied.replayed;
        report.changed = applied.changed;
        report.ignored = applied.ignored;
        std::mem::swap(&mut report.touches, &mut applied.touches);
        let words = &mut report.words;
        words.clear();
        words.resize(HEADER_WORDS, 0);
        if let Some(recorded) = &mut self.recorded {
            recorded.clone_from(&applied.deltas);
        }
        if !applied.replayed {
            self.version += 1;
            self.circuit.step(&mut self.relations, &mut self.applied.deltas);
            words[5] = self.absorb(words, None);
            self.circuit.settle();
            words[6] = self.freed(words);
        }
        report.version = self.version;
        for (table, row) in &report.touches {
            words.push(*table as i32);
            words.push(row.len() as i32);
            words.extend(row.chunks(4).map(|c| {
                let mut four = [0u8; 4];
                four[..c.len()].copy_from_slice(c);
                i32::from_le_bytes(four)
            }));
        }
        words[0] = words.len() as i32;
        words[1] = self.version as i32;
        words[2] = i32::from(report.replayed) | i32::from(!report.touches.is_empty()) << 1 | i32::from(came) << 4;
        words[3] = report.changed as i32;
        words[4] = report.ignored as i32;
        words[7] = report.touches.len() as i32;
        Ok(())
    }

    /// Writes a section per view that changed; one may have changed by itself.
    fn absorb(&mut self, words: &mut Vec<i32>, own: Option<ViewId>) -> i32 {
        let errors = self.circuit.has_errors() || self.failed_views > 0;
        let mut touched = std::mem::take(&mut self.touched);
        touched.clear();
        for &node in self.circuit.changed() {
            let groups = self.circuit.nodes().ordered(node);
            for (at, change) in groups.changes().iter().enumerate() {
                touched.extend(groups.holders(change.group).map(|view| Touched { view, node, at: at as u32 }));
            }
        }
        if errors && self.circuit.errors_changed() {
            // An error may come or go in any view.
            touched.extend(self.views.keys().map(|&view| Touched { view, node: 0, at: NOT_CHANGED }));
        } else if let Some(view) = own {
            touched.push(Touched { view, node: 0, at: NOT_CHANGED });
        }
        sort::by_number(&mut touched, |t| t.view);
        // Two levels of a view may show one list: it is told twice in a row.
        touched.dedup();
        let mut sections = 0;
        for changed in touched.chunk_by(|a, b| a.view == b.view) {
            let id = changed[0].view;
            // What a forgotten one shows it holds until it is swept.
            let Some(view) = self.views.get_mut(&id) else { continue };
            self.asked += 1;
            let at = words.len();
            words.extend([id as i32, 0, 0, 0]);
            let mut out = Output::new(words);
            std::mem::swap(&mut out.scratch, &mut self.scratch);
            view.absorb(&mut self.circuit, &mut self.relations, changed, &mut out);
            let patches = out.patches;
            self.scratch = out.scratch;
            let failed = if errors { failure::failure_of(&self.circuit, view) } else { None };
            if patches == 0 && failed == view.failed {
                words.truncate(at);
                continue;
            }
            self.failed_views += usize::from(failed.is_some());
            self.failed_views -= usize::from(view.failed.is_some());
            view.failed = failed;
            words[at + 1] = i32::from(failed.is_some());
            words[at + 2] = patches as i32;
            words[at + 3] = (words.len() - at - 4) as i32;
            sections += 1;
        }
        self.touched = touched;
        sections
    }

    /// Writes a section per relation with rows that are gone.
    fn freed(&self, words: &mut Vec<i32>) -> i32 {
        let mut sections = 0;
        for (relation, handles) in self.relations.retired() {
            let at = words.len();
            words.extend([relation as i32, 0]);
            words.extend(handles.map(|h| h as i32));
            words[at + 1] = (words.len() - at - 2) as i32;
            sections += 1;
        }
        sections
    }

    /// Registers a query; its rows are there when this returns.
    ///
    /// # Errors
    /// `QUERY_INVALID` for a query that nests too deep.
    pub fn register(&mut self, query: &BoundQuery) -> Result<ViewId> {
        self.open(query, false)
    }

    fn open(&mut self, query: &BoundQuery, gated: bool) -> Result<ViewId> {
        let id = self.next_view;
        let params = params::Params::open(&mut self.relations, &query.params);
        let planned = params.as_ref().map(params::Params::planned).unwrap_or_default();
        let mut plan = match plan::plan(&self.schema, &mut self.circuit, &mut self.relations, query, planned, gated.then_some(id))
        {
            Ok(plan) => plan,
            Err(e) => {
                params.into_iter().for_each(|p| p.close(&mut self.relations));
                return Err(e);
            }
        };
        plan.levels.iter_mut().for_each(|level| self.share_fields(level));
        let mut view = View::open(id, plan, &mut self.circuit, &mut self.relations);
        view.params = params;
        view.failed = failure::failure_of(&self.circuit, &view);
        self.failed_views += usize::from(view.failed.is_some());
        self.next_view += 1;
        self.views.insert(id, view);
        Ok(id)
    }

    /// Lets a level that shows rows of a table have its fields in common with the last one that showed the same.
    fn share_fields(&mut self, level: &mut Level) {
        if (level.shown_relation as usize) < self.schema.tables.len() {
            let last = self.fields.entry(level.shown_relation).or_default();
            if **last == *level.fields {
                level.fields = last.clone();
            } else {
                *last = level.fields.clone();
            }
        }
    }

    /// Forgets a query and the nodes that only it used. Unknown views are ignored.
    pub fn unregister(&mut self, id: ViewId) {
        if let Some(mut view) = self.views.swap_remove(&id) {
            self.failed_views -= usize::from(view.failed.is_some());
            view.close(&mut self.circuit, &mut self.relations);
            self.closed.push(view);
            if self.views.is_empty() {
                self.circuit.release_idle(&mut self.relations, 0);
            }
            self.sweep(slices::IN_PASSING);
        }
    }

    fn view(&self, id: ViewId) -> Result<&View> {
        self.views.get(&id).ok_or_else(|| Error::new(ErrorCode::UnknownView, format!("no view {id}")))
    }

    /// The levels of a view.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`, as for every method that takes a view.
    pub fn levels(&self, id: ViewId) -> Result<&[Level]> {
        Ok(&self.view(id)?.plan.levels)
    }

    /// Number of rows in a view's root list.
    pub fn len(&self, id: ViewId) -> Result<usize> {
        Ok(self.view(id)?.len(&self.circuit, &self.relations))
    }

    /// Number of rows that the root list would have if all of it were shown. Cost: O(log n).
    pub fn total(&self, id: ViewId) -> Result<usize> {
        Ok(self.view(id)?.total(&self.circuit, &self.relations))
    }

    /// Handles of a part of a view's root list: the count, then the handles.
    pub fn slice(&self, id: ViewId, start: usize, count: usize, out: &mut Vec<i32>) -> Result<()> {
        let view = self.view(id)?;
        out.clear();
        out.push(0);
        view.slice(&self.circuit, &self.relations, start, count, out);
        out[0] = out.len() as i32 - 1;
        Ok(())
    }

    /// A report that adds everything a view shows.
    pub fn snapshot(&self, id: ViewId) -> Result<Report> {
        let view = self.view(id)?;
        let mut words = vec![0; HEADER_WORDS];
        words.extend_from_slice(&[id as i32, i32::from(view.failed.is_some()), 0, 0]);
        let mut out = Output::new(&mut words);
        view.snapshot(&self.circuit, &self.relations, &mut out);
        words[HEADER_WORDS + 2] = out.patches as i32;
        words[HEADER_WORDS + 3] = (words.len() - HEADER_WORDS - 4) as i32;
        words[0] = words.len() as i32;
        words[1] = self.version as i32;
        words[5] = 1;
        Ok(Report { version: self.version, words, ..Report::default() })
    }

    /// A view's rows as trees of owned values: for tests and tools.
    pub fn rows(&self, id: ViewId) -> Result<Vec<RowTree>> {
        if let Some(error) = self.view_error(id)? {
            return Err(error);
        }
        Ok(self.view(id)?.rows(&self.schema, &self.circuit, &self.relations))
    }

    pub(crate) fn tree(&self, id: ViewId, level: usize, handle: Handle) -> RowTree {
        let view = self.view(id).expect("the mirror's view is there");
        view.tree(&self.schema, &self.relations, level, handle)
    }

    /// The plan of a view with its counters, as text.
    pub fn explain(&self, id: ViewId) -> Result<String> {
        Ok(plan::explain(&self.schema, &self.circuit, &self.relations, &self.view(id)?.plan))
    }

    /// A state that stays as it is, in O(1) but for the first. Give it back with [`Snapshot::close`].
    pub fn freeze(&mut self) -> Snapshot {
        Snapshot::take(&mut self.store, &mut self.relations)
    }

    /// Ends a frozen state.
    pub fn thaw(&mut self, snapshot: Snapshot) {
        snapshot.close(&mut self.relations);
    }

    /// Number of rows of a table.
    pub fn table_len(&self, table: TableId) -> usize {
        self.store.len(table)
    }

    /// Number of operators.
    pub fn node_count(&self) -> usize {
        self.circuit.len()
    }

    /// Number of registered queries.
    pub fn view_count(&self) -> usize {
        self.views.len()
    }

    /// How many views were asked, version by version, what it changes in them: those that hold a list that changed.
    pub fn views_asked(&self) -> u64 {
        self.asked
    }

    /// Work done by all operators since they were made.
    pub fn work(&self) -> Meter {
        self.circuit.total()
    }
}
