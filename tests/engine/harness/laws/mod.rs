//! The six laws, checked along a history: after every batch, for every view.
//!
//! - L1 the rows are those of a full evaluation: kept up along the history, hydrated in its middle, hydrated at its end in
//!   a fresh engine, and after the same changes cut into other batches.
//! - L2 old rows + patches = new rows, for the engine's own reader and for the one in [`minimal`].
//! - L3 no patch that is not needed; no telling of a view that did not change.
//! - L4 a view is told at most once a batch; a batch that fails changes nothing.
//! - L5 a batch that was there before has no effect.
//! - L6 a row with two derivations survives the loss of one (as L1, where histories make such rows), and nothing outlives
//!   the views that needed it.

mod endings;

use std::collections::BTreeSet;

use eddyline::error::{Error, ErrorCode};
use eddyline::query::ast::{ParamJson, ParamsJson, QueryJson};
use eddyline::query::{BoundQuery, Schema, bind};
use eddyline::reference::{Data, evaluate, without_params};
use eddyline::store::batch::{Batch, Change};
use eddyline::value::{RowTree, Type};

use super::case::{Case, Set, part_of};
use super::minimal;
use super::show;
use super::subject::{Applied, Subject, Told, View};
use super::tally::{Broken, Tally, VALID};

/// A view under watch.
struct Live {
    number: usize,
    /// As it was registered.
    query: BoundQuery,
    /// With values in the place of parameters.
    plain: BoundQuery,
    /// The parameters' values.
    values: Vec<ParamJson>,
    /// Part of the list that is shown.
    part: Option<[u32; 2]>,
    view: View,
    /// The rows after the batch before; `None` while an error is there.
    last: Option<Vec<RowTree>>,
}

struct Run<'a, S: Subject> {
    case: &'a Case,
    schema: Schema,
    bound: Vec<BoundQuery>,
    /// With first values in the place of parameters.
    plain: Vec<BoundQuery>,
    data: Data,
    subject: S,
    live: Vec<Live>,
    /// A frozen state, and what it must stay.
    frozen: Option<(S::Frozen, Data)>,
    /// Changes of the batches that were applied, to be cut anew.
    applied: Vec<Change>,
    /// The batch last committed with a cursor, by source.
    committed: Vec<Batch>,
    at: usize,
    tally: Tally,
}

/// Runs a case; `Err` holds the first law that it breaks.
pub fn check<S: Subject>(case: &Case) -> Result<Tally, Broken> {
    let refused = |e: Error, query| Broken { law: VALID, batch: 0, query, detail: format!("{e}") };
    let schema = Schema::from_json(&case.schema).map_err(|e| refused(e, None))?;
    let bound = case.queries.iter().enumerate().map(|(i, w)| bind(&schema, &w.query).map_err(|e| refused(e, Some(i))));
    let bound = bound.collect::<Result<Vec<_>, _>>()?;
    let plain = case.queries.iter().zip(&bound).enumerate();
    let plain = plain.map(|(i, (w, b))| plain_of(&schema, &w.query, b).map_err(|e| refused(e, Some(i))));
    let plain = plain.collect::<Result<Vec<_>, _>>()?;
    let (data, subject) = (Data::new(&schema), S::new(&schema));
    let (live, frozen, applied, committed) = (Vec::new(), None, Vec::new(), Vec::new());
    let mut run =
        Run { case, schema, bound, plain, data, subject, live, frozen, applied, committed, at: 0, tally: Tally::default() };
    run.history()?;
    run.at = case.batches.len();
    run.endings()?;
    Ok(run.tally)
}

impl<S: Subject> Run<'_, S> {
    fn broken<T>(&self, law: &'static str, query: Option<usize>, detail: impl Into<String>) -> Result<T, Broken> {
        Err(Broken { law, batch: self.at, query, detail: detail.into() })
    }

    fn history(&mut self) -> Result<(), Broken> {
        for at in 0..=self.case.batches.len() {
            self.at = at;
            self.come_and_go()?;
            self.freeze_and_thaw()?;
            self.set()?;
            let Some(step) = self.case.batches.get(at) else { break };
            let batch = step.batch(&self.schema);
            self.tally.batches += 1;
            if self.batch(&batch)? {
                self.applied.extend(batch.changes.iter().cloned());
                if batch.envelope.cursor.is_some() && batch.envelope.source.is_some() {
                    self.committed.retain(|b| b.envelope.source != batch.envelope.source);
                    self.committed.push(batch);
                }
            }
        }
        Ok(())
    }

    fn come_and_go(&mut self) -> Result<(), Broken> {
        for (number, watched) in self.case.queries.iter().enumerate() {
            if watched.until == Some(self.at)
                && let Some(place) = self.live.iter().position(|l| l.number == number)
            {
                let gone = self.live.remove(place);
                self.subject.unregister(gone.view);
            }
            if watched.from == self.at && watched.until != Some(self.at) {
                let live = self.registered(number)?;
                self.live.push(live);
            }
        }
        Ok(())
    }

    fn freeze_and_thaw(&mut self) -> Result<(), Broken> {
        if let Some((frozen, then)) = &self.frozen {
            let mut rows = self.subject.frozen_rows(frozen);
            rows.iter_mut().for_each(|r| r.sort());
            let mut expected: Vec<Vec<_>> = self.schema.tables.values().map(|t| then.rows(t.id).to_vec()).collect();
            expected.iter_mut().for_each(|r| r.sort());
            if rows != expected {
                return self.broken("a frozen state stays as it is", None, format!("expected {expected:?}\nfound {rows:?}"));
            }
        }
        let Some([from, until]) = self.case.frozen else { return Ok(()) };
        if until == self.at
            && let Some((frozen, _)) = self.frozen.take()
        {
            self.subject.thaw(frozen);
        }
        if from == self.at && until > from {
            self.frozen = Some((self.subject.freeze(), self.data.clone()));
        }
        Ok(())
    }

    fn live(&self, number: usize, view: View) -> Live {
        let (query, plain) = (self.bound[number].clone(), self.plain[number].clone());
        let values = self.case.queries[number].query.params.clone();
        Live { number, query, plain, values, part: None, view, last: None }
    }

    /// Sets what is to be set before a batch: a view is told what this changes, as if rows had changed.
    fn set(&mut self) -> Result<(), Broken> {
        for (number, watched) in self.case.queries.iter().enumerate() {
            let now = self.at;
            for set in watched.sets.iter().filter(|s| s.before == now) {
                let Some(place) = self.live.iter().position(|l| l.number == number) else { continue };
                let mut query = watched.query.clone();
                query.params.clone_from(&self.live[place].values);
                for given in &set.params.params {
                    query.params.iter_mut().filter(|p| p.name == given.name).for_each(|p| p.value = given.value.clone());
                }
                let plain = plain_of(&self.schema, &query, &self.bound[number]);
                let plain = plain.or_else(|e| self.broken(VALID, Some(number), e.to_string()))?;
                // One thing at a time: each is a version.
                let alone = [Set { part: None, ..set.clone() }, Set { params: ParamsJson::default(), ..set.clone() }];
                let live = &mut self.live[place];
                live.values = query.params;
                live.plain = plain;
                for set in alone {
                    self.live[place].part = set.part.or(self.live[place].part);
                    let (view, plain) = (self.live[place].view, self.live[place].plain.clone());
                    let applied = self.subject.set(view, &set, &plain);
                    let applied = applied.or_else(|e| self.broken("what can be set is set", Some(number), e.to_string()))?;
                    self.everything(&applied)?;
                    self.tally.sets += 1;
                }
            }
        }
        Ok(())
    }

    /// Registers a query; hydrated rows and the mirror's first snapshot must be right.
    fn registered(&mut self, number: usize) -> Result<Live, Broken> {
        let (query, plain) = (self.bound[number].clone(), self.plain[number].clone());
        let view = match self.subject.register(&query, &plain) {
            Ok(view) => view,
            Err(e) => return self.broken("a query that binds registers", Some(number), e.to_string()),
        };
        let mut live = self.live(number, view);
        self.rows("L1: hydrated rows are those of a full evaluation", &mut live)?;
        Ok(live)
    }

    /// Compares a view with a full evaluation, and its mirror with it.
    fn rows(&mut self, law: &'static str, live: &mut Live) -> Result<(), Broken> {
        let expected = evaluate(&self.schema, &self.data, &live.plain).map(|mut rows| {
            part_of(&mut rows, live.part);
            rows
        });
        let found = self.subject.rows(live.view);
        let number = Some(live.number);
        self.tally.results += 1;
        live.last = match (expected, found) {
            (Ok(expected), Ok(found)) if expected == found => {
                self.tally.empty_results += usize::from(found.is_empty());
                self.tally.count_rows(&found, 0);
                let mirrored = self.subject.mirrored(live.view);
                if mirrored != found {
                    let detail = format!("rows {}\nmirror {}", show::rows(&found), show::rows(&mirrored));
                    return self.broken("L2: the mirror shows the rows", number, detail);
                }
                Some(found)
            }
            (Err(e), Err(f)) if is_of_evaluation(&e) && is_of_evaluation(&f) => {
                self.tally.error_results += 1;
                None
            }
            (expected, found) => {
                let detail = format!("expected {}\nfound {}", show::result(&expected), show::result(&found));
                return self.broken(law, number, detail);
            }
        };
        Ok(())
    }

    /// Applies a batch to both; true if it was applied (not refused, not replayed).
    fn batch(&mut self, batch: &Batch) -> Result<bool, Broken> {
        let version = self.subject.version();
        let expected = self.data.apply(&self.schema, batch);
        let found = self.subject.apply(batch);
        let applied = match (expected, found) {
            (Ok(expected), Ok(found)) => {
                let touched: [BTreeSet<_>; 2] = [&expected.touched, &found.touched].map(|list| list.iter().collect());
                let counts = (expected.replayed, expected.changed, expected.ignored);
                if counts != (found.replayed, found.changed, found.ignored) || touched[0] != touched[1] {
                    let law = "a report counts what happened";
                    return self.broken(law, None, format!("expected {expected:#?}\nfound {found:#?}"));
                }
                found
            }
            (Err(expected), Err(found)) if expected.code == found.code => {
                self.tally.failed_batches += 1;
                if self.subject.version() != version {
                    return self.broken("L4: a batch that fails makes no version", None, "");
                }
                return self.everything(&Applied::default()).map(|()| false);
            }
            (expected, found) => {
                let law = "a batch is applied or refused as the language of change says";
                return self.broken(law, None, format!("expected {expected:#?}\nfound {found:#?}"));
            }
        };
        if applied.replayed {
            self.tally.replays += 1;
            if self.subject.version() != version || !applied.told.is_empty() {
                return self.broken("L5: a replay has no effect", None, format!("{applied:#?}"));
            }
        }
        self.everything(&applied)?;
        Ok(!applied.replayed)
    }

    /// Every law about every view, after a batch.
    fn everything(&mut self, applied: &Applied) -> Result<(), Broken> {
        for Told { view, .. } in &applied.told {
            if applied.told.iter().filter(|t| t.view == *view).count() > 1 {
                return self.broken("L4: a view is told at most once a batch", None, format!("view {view}"));
            }
            if self.live.iter().all(|l| l.view != *view) {
                return self.broken("only views that are there are told", None, format!("view {view}"));
            }
        }
        let mut views = std::mem::take(&mut self.live);
        for live in &mut views {
            let old = live.last.take();
            self.rows("L1: kept up rows are those of a full evaluation", live)?;
            let (number, told) = (Some(live.number), applied.told.iter().find(|t| t.view == live.view));
            let known = told.map_or(old.is_none(), |t| t.failed);
            if known != live.last.is_none() {
                let law = "a view is told when it fails, and when it does no more";
                return self.broken(law, number, format!("known to fail: {known}"));
            }
            let (Some(old), Some(new)) = (old, &live.last) else { continue };
            let patches = told.map(|t| &t.patches[..]).unwrap_or_default();
            patches.iter().for_each(|p| self.tally.patches[p.kind.number()] += 1);
            let show = |why: String| {
                let (old, new, patches) = (show::rows(&old), show::rows(new), show::patches(patches));
                format!("{why}\npatches {patches}\nold {old}\nnew {new}")
            };
            if told.is_some() && patches.is_empty() {
                return self.broken("L3: a view without changes is not told", number, show(String::new()));
            }
            if let Err(why) = minimal::leads_from(&live.query, &old, new, patches) {
                return self.broken("L2: old rows and patches give new rows", number, show(why));
            }
            if let Err(why) = minimal::is_smallest(&live.query, &old, new, patches) {
                return self.broken("L3: no patch is there that is not needed", number, show(why));
            }
        }
        self.live = views;
        Ok(())
    }
}

/// The query without parameters that says the same.
fn plain_of(schema: &Schema, query: &QueryJson, bound: &BoundQuery) -> Result<BoundQuery, Error> {
    let types: Vec<Type> = bound.params.iter().map(|p| p.ty).collect();
    bind(schema, &without_params(query, &types))
}

fn is_of_evaluation(e: &Error) -> bool {
    use ErrorCode::{DivisionByZero, InvalidArgument, InvalidText, NumericOverflow, TimestampRange, TooManyRows, ValueTooLarge};
    matches!(
        e.code,
        NumericOverflow | DivisionByZero | InvalidArgument | InvalidText | TimestampRange | TooManyRows | ValueTooLarge
    )
}
