//! The engine as the laws see it. Only this file knows its façade.

use std::collections::BTreeMap;

use eddyline::circuit::Tuning;
use eddyline::engine::report::{PATCH_WORDS, PatchWords, SWAP};
use eddyline::engine::{Engine, Mirror, PatchKind, PathStep, Report, Section};
use eddyline::error::Error;
use eddyline::query::{BoundQuery, Schema};
use eddyline::store::Snapshot;
use eddyline::store::batch::Batch;
use eddyline::value::{RowTree, Value};

use crate::harness::case::Set;
use crate::harness::subject::{Applied, Kind, Patch, Subject, Told, View};

/// An engine, and a mirror per view. `SLICED`: queries come in slices, and are there as others are when all of these are.
pub struct World<const SLICED: bool = false> {
    engine: Engine,
    mirrors: BTreeMap<View, Mirror>,
    /// Views that failed when they were told last.
    failed: BTreeMap<View, bool>,
    /// Rows of the next slice.
    places: usize,
}

impl<const SLICED: bool> Subject for World<SLICED> {
    fn new(schema: &Schema) -> Self {
        let mut engine = Engine::new(schema.clone());
        // By default filters of one shape are looked up and filled from indexes in larger tables than these.
        if schema.tables.len().is_multiple_of(2) {
            engine.tune(Tuning {
                looked_up_from: 1,
                indexed_from: 1,
                indexed_rows: 0,
                filled_at_once: 2,
                filed_from: 1,
                filed_rows: 5,
                grace: 0,
                long_list: 1,
            });
        }
        World { engine, mirrors: BTreeMap::new(), failed: BTreeMap::new(), places: 1 }
    }

    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error> {
        let report = self.engine.apply(batch.clone())?;
        let schema = self.engine.schema();
        let touched = report.touches.iter().map(|(table, row)| {
            let of = schema.by_id(*table);
            (*table, of.key.iter().map(|&c| of.layout.cell(row, c).to_value()).collect())
        });
        let mut applied = Applied {
            replayed: report.replayed,
            changed: report.changed as usize,
            ignored: report.ignored as usize,
            touched: touched.collect(),
            told: Vec::new(),
        };
        applied.told = self.told(&report);
        Ok(applied)
    }

    fn set(&mut self, view: View, set: &Set, _: &BoundQuery) -> Result<Applied, Error> {
        let mut told = Vec::new();
        if let Some([start, count]) = set.part {
            let report = self.engine.show(view, Some((start as usize, count as usize)))?;
            told.extend(self.told(&report));
        }
        let report = self.engine.set_params(view, &set.params.params)?;
        told.extend(self.told(&report));
        Ok(Applied { told, ..Applied::default() })
    }

    fn register(&mut self, query: &BoundQuery, _: &BoundQuery) -> Result<View, Error> {
        let view = if SLICED { self.engine.register_sliced(query)? } else { self.engine.register(query)? };
        self.mirrors.insert(view, Mirror::open(&self.engine, view));
        self.failed.insert(view, self.engine.view_error(view)?.is_some());
        while self.engine.pending(view)? > 0 {
            let report = self.engine.admit(view, self.places)?;
            self.places = self.places % 4 + 1;
            assert!(self.told(&report).iter().all(|told| told.view == view), "slices are of their view alone");
        }
        Ok(view)
    }

    fn unregister(&mut self, view: View) {
        self.mirrors.remove(&view);
        self.failed.remove(&view);
        self.engine.unregister(view);
    }

    fn rows(&mut self, view: View) -> Result<Vec<RowTree>, Error> {
        self.engine.rows(view)
    }

    fn mirrored(&mut self, view: View) -> Vec<RowTree> {
        self.mirrors[&view].rows()
    }

    fn version(&self) -> u64 {
        u64::from(self.engine.version())
    }

    type Frozen = Snapshot;

    fn freeze(&mut self) -> Snapshot {
        self.engine.freeze()
    }

    fn frozen_rows(&self, frozen: &Snapshot) -> Vec<Vec<Vec<Value>>> {
        let relations = self.engine.relations();
        let values = |table: u32| frozen.rows(table).map(move |h| relations.layout(table).values(relations.row(table, h)));
        (0..self.engine.schema().tables.len() as u32).map(|table| values(table).collect()).collect()
    }

    fn thaw(&mut self, frozen: Snapshot) {
        self.engine.thaw(frozen);
    }

    fn rows_held(&self) -> usize {
        // Queries behind gates share nothing with those that were there before.
        if SLICED {
            return 0;
        }
        let relations = self.engine.relations();
        relations.ids().map(|id| relations.live(id)).sum()
    }

    fn footprint(&self) -> Vec<usize> {
        let memory = self.engine.memory();
        vec![self.engine.node_count(), self.engine.view_count(), memory.operators, memory.views]
    }
}

impl<const SLICED: bool> World<SLICED> {
    /// What a report tells; the mirrors follow it.
    fn told(&mut self, report: &Report) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for section in report.sections() {
            let Section { view, failed, .. } = section;
            let again = told.iter().any(|t| t.view == view);
            let patches = match self.mirrors.get_mut(&view) {
                Some(mirror) if !again => mirror.absorb(&self.engine, report).into_iter().map(patch).collect(),
                _ => Vec::new(),
            };
            let news = self.failed.insert(view, failed) != Some(failed);
            // A section of swaps alone is for the mirror's books: users are not told.
            if again || news || !(patches.is_empty() && only_swaps(&section)) {
                told.push(Told { view, failed, patches });
            }
        }
        told
    }
}

fn only_swaps(section: &Section<'_>) -> bool {
    section.patches > 0 && section.words.chunks(PATCH_WORDS).all(|words| PatchWords::read(words).kind == SWAP)
}

fn patch(p: eddyline::engine::Patch) -> Patch {
    let mut path: Vec<(Vec<Value>, String)> = Vec::new();
    let mut row = None;
    for step in p.path {
        match step {
            PathStep::Row(key) => row = Some(key),
            PathStep::Association(name) => path.push((row.take().expect("an association is of a row"), name)),
        }
    }
    let kind = match p.kind {
        PatchKind::Add { at, value } => Kind::Add { at, row: value },
        PatchKind::Remove { at } => Kind::Remove { at },
        PatchKind::Move { from, to } => Kind::Move { from, to },
        PatchKind::Set { fields } => Kind::Set { fields },
        PatchKind::One { value } => return Patch { path, key: Vec::new(), kind: Kind::One { row: value } },
    };
    Patch { path, key: p.key, kind }
}
