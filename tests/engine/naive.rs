//! A subject that evaluates everything anew and diffs lists: right by construction, and wrong in one way on request, so
//! that the harness itself can be tested.

use std::collections::BTreeMap;

use eddyline::error::{Error, ErrorCode};
use eddyline::query::{BoundQuery, Schema};
use eddyline::reference::{Data, evaluate};
use eddyline::store::batch::Batch;
use eddyline::value::{Field, RowTree, Value};

use crate::harness::case::{Set, part_of};
use crate::harness::subject::{Applied, Kind, Patch, Subject, Told, View};

/// What is wrong with it.
pub mod flaw {
    pub const NONE: u8 = 0;
    pub const LOSES_A_ROW: u8 = 1;
    pub const SETS_TOO_MUCH: u8 = 2;
    pub const MOVES_TOO_MUCH: u8 = 3;
    pub const TELLS_TWICE: u8 = 4;
    pub const LEAKS_A_VIEW: u8 = 5;
    pub const KEEPS_HALF_OF_A_REFUSED_BATCH: u8 = 6;
    pub const REPLAYS: u8 = 7;
    pub const TELLS_OF_NOTHING: u8 = 8;
    pub const FORGETS_TO_TELL: u8 = 9;
    pub const FROZEN_ROWS_CHANGE: u8 = 10;
    pub const STAYS_FAILED: u8 = 11;
}

pub struct Naive<const FLAW: u8> {
    schema: Schema,
    data: Data,
    version: u64,
    next: View,
    views: BTreeMap<View, Watched>,
    leaked: usize,
}

struct Watched {
    query: BoundQuery,
    shown: Vec<RowTree>,
    failed: bool,
    part: Option<[u32; 2]>,
}

impl<const FLAW: u8> Subject for Naive<FLAW> {
    fn new(schema: &Schema) -> Self {
        let (schema, data) = (schema.clone(), Data::new(schema));
        Naive { schema, data, version: 0, next: 0, views: BTreeMap::new(), leaked: 0 }
    }

    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error> {
        let mut batch = batch.clone();
        if FLAW == flaw::REPLAYS {
            batch.envelope.source = None;
        }
        let outcome = match self.data.apply(&self.schema, &batch) {
            Err(e) if FLAW == flaw::KEEPS_HALF_OF_A_REFUSED_BATCH && e.code == ErrorCode::DuplicateKey => {
                batch.changes.pop();
                let _ = self.data.apply(&self.schema, &batch);
                return Err(e);
            }
            outcome => outcome?,
        };
        let mut told = Vec::new();
        self.version += u64::from(!outcome.replayed);
        self.tell(&mut told);
        let (replayed, changed, ignored) = (outcome.replayed, outcome.changed, outcome.ignored);
        Ok(Applied { replayed, changed, ignored, touched: outcome.touched, told })
    }

    fn set(&mut self, view: View, set: &Set, plain: &BoundQuery) -> Result<Applied, Error> {
        let watched = self.views.get_mut(&view).expect("the view is there");
        watched.query = plain.clone();
        watched.part = set.part.or(watched.part);
        let mut told = Vec::new();
        self.tell(&mut told);
        Ok(Applied { told, ..Applied::default() })
    }

    fn register(&mut self, _: &BoundQuery, query: &BoundQuery) -> Result<View, Error> {
        self.next += 1;
        let found = evaluate(&self.schema, &self.data, query);
        let failed = found.is_err();
        let shown = found.unwrap_or_default();
        self.views.insert(self.next, Watched { query: query.clone(), shown, failed, part: None });
        Ok(self.next)
    }

    fn unregister(&mut self, view: View) {
        self.views.remove(&view);
        self.leaked += usize::from(FLAW == flaw::LEAKS_A_VIEW);
    }

    fn rows(&mut self, view: View) -> Result<Vec<RowTree>, Error> {
        let mut rows = evaluate(&self.schema, &self.data, &self.views[&view].query)?;
        part_of(&mut rows, self.views[&view].part);
        if FLAW == flaw::LOSES_A_ROW && rows.len() > 3 {
            rows.pop();
        }
        Ok(rows)
    }

    fn mirrored(&mut self, view: View) -> Vec<RowTree> {
        self.rows(view).unwrap_or_default()
    }

    fn version(&self) -> u64 {
        self.version
    }

    type Frozen = Data;

    fn freeze(&mut self) -> Data {
        self.data.clone()
    }

    fn frozen_rows(&self, frozen: &Data) -> Vec<Vec<Vec<Value>>> {
        let of = if FLAW == flaw::FROZEN_ROWS_CHANGE { &self.data } else { frozen };
        self.schema.tables.values().map(|t| of.rows(t.id).to_vec()).collect()
    }

    fn thaw(&mut self, _: Data) {}

    fn rows_held(&self) -> usize {
        self.schema.tables.values().map(|t| self.data.rows(t.id).len()).sum()
    }

    fn footprint(&self) -> Vec<usize> {
        vec![self.views.len() + self.leaked]
    }
}

impl<const FLAW: u8> Naive<FLAW> {
    /// Evaluates all views anew and tells what is different.
    fn tell(&mut self, told: &mut Vec<Told>) {
        for (view, watched) in &mut self.views {
            let Ok(mut new) = evaluate(&self.schema, &self.data, &watched.query) else {
                if !std::mem::replace(&mut watched.failed, true) {
                    told.push(Told { view: *view, failed: true, patches: Vec::new() });
                }
                continue;
            };
            part_of(&mut new, watched.part);
            let news = watched.failed;
            watched.failed &= FLAW == flaw::STAYS_FAILED;
            let mut patches = Vec::new();
            diff_lists(&watched.query, &watched.shown, &new, &Vec::new(), &mut patches);
            match FLAW {
                flaw::SETS_TOO_MUCH => {
                    for patch in patches.iter_mut().filter(|p| p.path.is_empty()) {
                        let row = new.iter().find(|r| r.key == patch.key);
                        if let (Kind::Set { fields }, Some(row)) = (&mut patch.kind, row) {
                            // All that a set may hold: lists have patches of their own.
                            let nested = |name: &str| watched.query.nested.iter().any(|n| n.name == name);
                            *fields = row.fields.iter().filter(|f| !nested(&f.0)).cloned().collect();
                        }
                    }
                }
                flaw::MOVES_TOO_MUCH if !patches.is_empty() && new.len() > 1 => {
                    let kinds = [Kind::Move { from: 0, to: 1 }, Kind::Move { from: 1, to: 0 }];
                    patches.extend(kinds.map(|kind| Patch { path: vec![], key: new[0].key.clone(), kind }));
                }
                flaw::TELLS_TWICE if patches.len() > 1 => {
                    told.push(Told { view: *view, failed: false, patches: patches.split_off(1) });
                }
                flaw::FORGETS_TO_TELL => {
                    patches.pop();
                }
                _ => {}
            }
            if !patches.is_empty() || news || FLAW == flaw::TELLS_OF_NOTHING {
                told.push(Told { view: *view, failed: watched.failed, patches });
            }
            watched.shown = new;
        }
    }
}

type Path = Vec<(Vec<Value>, String)>;

fn diff_lists(query: &BoundQuery, old: &[RowTree], new: &[RowTree], path: &Path, out: &mut Vec<Patch>) {
    let patch = |key: &Vec<Value>, kind| Patch { path: path.clone(), key: key.clone(), kind };
    let mut state: Vec<&Vec<Value>> = old.iter().map(|r| &r.key).collect();
    for (at, row) in old.iter().enumerate().rev() {
        if new.iter().all(|n| n.key != row.key) {
            out.push(patch(&row.key, Kind::Remove { at }));
            state.remove(at);
        }
    }
    let places: Vec<Option<usize>> = new.iter().map(|n| old.iter().position(|o| o.key == n.key)).collect();
    let stay = staying(&places);
    for (i, row) in new.iter().enumerate() {
        let after = if i == 0 { 0 } else { state.iter().position(|k| **k == new[i - 1].key).expect("placed") + 1 };
        match places[i] {
            None => {
                out.push(patch(&row.key, Kind::Add { at: after, row: row.clone() }));
                state.insert(after, &row.key);
            }
            Some(_) if stay.contains(&i) => {}
            Some(_) => {
                let from = state.iter().position(|k| **k == row.key).expect("a survivor");
                let to = after - usize::from(from < after);
                let key = state.remove(from);
                state.insert(to, key);
                out.push(patch(&row.key, Kind::Move { from, to }));
            }
        }
    }
    for (at, row) in new.iter().enumerate() {
        if let Some(before) = places[at] {
            diff_rows(query, &old[before], row, path, out);
        }
    }
}

fn diff_rows(query: &BoundQuery, old: &RowTree, new: &RowTree, path: &Path, out: &mut Vec<Patch>) {
    let nested = |name: &str| query.nested.iter().find(|n| n.name == name);
    let changed = old.fields.iter().zip(&new.fields).filter(|(a, b)| a != b);
    let fields: Vec<_> = changed.clone().filter(|(a, _)| nested(&a.0).is_none()).map(|(_, b)| b.clone()).collect();
    if !fields.is_empty() {
        out.push(Patch { path: path.clone(), key: new.key.clone(), kind: Kind::Set { fields } });
    }
    for ((name, a), (_, b)) in changed {
        let Some(nested) = nested(name) else { continue };
        let mut inner = path.clone();
        inner.push((new.key.clone(), name.clone()));
        match (a, b) {
            (Field::List(a), Field::List(b)) => diff_lists(&nested.query, a, b, &inner, out),
            (Field::Row(Some(a)), Field::Row(Some(b))) if a.key == b.key => diff_rows(&nested.query, a, b, &inner, out),
            (_, Field::Row(row)) => {
                let kind = Kind::One { row: row.as_deref().cloned() };
                out.push(Patch { path: inner, key: vec![], kind });
            }
            _ => unreachable!("a field stays a list"),
        }
    }
}

/// New positions of the rows of a longest list of survivors that keep their order.
fn staying(places: &[Option<usize>]) -> Vec<usize> {
    let mut best: Vec<Vec<usize>> = Vec::new();
    for (i, place) in places.iter().enumerate() {
        let before = (0..i).filter(|&j| place.is_some() && places[j].is_some() && places[j] < *place).map(|j| &best[j]);
        let mut chain = before.max_by_key(|c| c.len()).cloned().unwrap_or_default();
        chain.extend(place.map(|_| i));
        best.push(chain);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default()
}
