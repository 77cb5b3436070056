//! Parameters of registered queries, and windows that move: what changes in a view although no row does.

use super::report::HEADER_WORDS;
use super::{Engine, Report, ViewId};
use crate::algebra::{Delta, Handle};
use crate::error::{Error, ErrorCode, Result};
use crate::plan::ParamValues;
use crate::query::ast::ParamJson;
use crate::query::{Param, set_params};
use crate::trace::{RelationId, Relations};
use crate::value::{Layout, Type, Value};

/// The parameters of a view: the one row of a relation of its own.
#[derive(Debug)]
pub struct Params {
    relation: RelationId,
    row: Handle,
    /// With their present values.
    params: Vec<Param>,
}

impl Params {
    /// Makes the relation; none for a query without parameters.
    pub(super) fn open(relations: &mut Relations, params: &[Param]) -> Option<Self> {
        if params.is_empty() {
            return None;
        }
        let types: Vec<Type> = params.iter().map(|p| p.ty).collect();
        let relation = relations.add_packed(Layout::new(&types));
        let mut made = Params { relation, row: 0, params: params.to_vec() };
        made.row = made.insert(relations);
        Some(made)
    }

    pub(super) fn close(self, relations: &mut Relations) {
        relations.drop_relation(self.relation);
    }

    fn insert(&self, relations: &mut Relations) -> Handle {
        let row = relations.layout(self.relation).pack(&self.values());
        relations.insert_row(self.relation, row)
    }

    fn values(&self) -> Vec<Value> {
        self.params.iter().map(|p| p.value.clone()).collect()
    }

    /// What the planner reads.
    pub(super) fn planned(&self) -> ParamValues {
        ParamValues { relation: Some(self.relation), values: self.values() }
    }
}

impl Engine {
    /// Sets some parameters of a view: a version that changes this view alone, and that only as far as its rows are others.
    /// Values that are what they were make no version.
    ///
    /// Cost: of comparisons of a table's column with the parameter O(log n) and the rows that enter and leave; of limits,
    /// offsets and starts the same; elsewhere one evaluation per row of what the parameter stands in.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`; `UNKNOWN_PARAMETER`, `TYPE_MISMATCH`, `QUERY_INVALID` and those of literals, at `params.name`; nothing has
    /// changed then.
    pub fn set_params(&mut self, id: ViewId, given: &[ParamJson]) -> Result<Report> {
        let view = self.views.get_mut(&id).ok_or_else(|| Error::new(ErrorCode::UnknownView, format!("no view {id}")))?;
        let known: &[Param] = view.params.as_ref().map_or(&[], |p| &p.params);
        let values = set_params(known, given)?;
        let Some(params) = view.params.as_mut().filter(|p| p.values() != values) else { return Ok(self.nothing()) };
        self.relations.reclaim();
        self.version += 1;
        params.params.iter_mut().zip(&values).for_each(|(p, v)| p.value = v.clone());
        let old = params.row;
        params.row = params.insert(&mut self.relations);
        let mut delta = Delta::default();
        delta.push(old, -1);
        delta.push(params.row, 1);
        delta.consolidate();
        let relation = params.relation;
        view.rewindow(&mut |level| level.window.set(&level.slots, &values));
        self.circuit.step(&mut self.relations, &mut [(relation, delta)]);
        self.relations.retire(relation, old);
        Ok(self.told(id))
    }

    /// Shows a part of a view's root list only: `count` rows from `start`; all of it for `None`. A version of this view alone.
    ///
    /// Cost: O(log n), and O(1) per row that enters or leaves.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`
    pub fn show(&mut self, id: ViewId, part: Option<(usize, usize)>) -> Result<Report> {
        let view = self.views.get_mut(&id).ok_or_else(|| Error::new(ErrorCode::UnknownView, format!("no view {id}")))?;
        if view.plan.levels[0].window.part == part {
            return Ok(self.nothing());
        }
        self.relations.reclaim();
        self.version += 1;
        view.rewindow(&mut |level| {
            if level.parent.is_none() {
                level.window.part = part;
            }
        });
        Ok(self.told(id))
    }

    pub(super) fn nothing(&self) -> Report {
        let mut words = vec![0; HEADER_WORDS];
        words[0] = words.len() as i32;
        words[1] = self.version as i32;
        Report { version: self.version, words, ..Report::default() }
    }

    /// The report of a version that changed one view.
    pub(super) fn told(&mut self, id: ViewId) -> Report {
        let mut report = self.nothing();
        report.words[5] = self.absorb(&mut report.words, Some(id));
        self.circuit.settle();
        report.words[6] = self.freed(&mut report.words);
        report.words[0] = report.words.len() as i32;
        report
    }
}
