//! Rows for which a condition is true.
//!
//! Law: ∂σ(A) = σ(∂A) (linear). State: none. Cost: one evaluation per changed row that its guard admits (`circuit::routes`).

use std::rc::Rc;

use super::{Errors, Formula, Row};
use crate::algebra::{Delta, Handle, NO_ROW, Weight};
use crate::circuit::{Failure, Guard, NodeId, Operator, Scan, Step};
use crate::trace::{RelationId, Relations};

/// Filter.
#[derive(Debug)]
pub struct Filter {
    relation: RelationId,
    predicate: Rc<Formula>,
    errors: Errors,
}

impl Filter {
    /// Filter of a relation's rows.
    pub fn new(relation: RelationId, predicate: Rc<Formula>) -> Self {
        Filter { relation, predicate, errors: Errors::default() }
    }

    /// What the condition asks of single columns.
    pub(super) fn guards(&self) -> Vec<Guard> {
        Guard::of(&self.predicate)
    }

    /// Whether a row is kept; one whose evaluation fails is not.
    pub(super) fn passes(&self, row: Row<'_>) -> bool {
        self.predicate.holds(row) == Ok(true)
    }

    /// The same of a row that comes with some weight: a failing one is counted.
    #[inline(always)]
    pub(super) fn admits(&mut self, row: Row<'_>, weight: Weight) -> bool {
        self.predicate.holds(row).unwrap_or_else(|code| {
            self.errors.add(code, weight, [row.handle, NO_ROW]);
            false
        })
    }
}

impl Operator for Filter {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        for &(handle, weight) in inputs[0].rows() {
            if self.admits(Row { relations: step.relations, relation: self.relation, handle }, weight) {
                out.push(handle, weight);
            }
        }
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.nodes.scan(scan.relations, inputs[0], &mut |handle, weight| {
            if self.keeps(scan.relations, handle) {
                f(handle, weight);
            }
        });
    }

    fn reads(&self) -> Option<RelationId> {
        Some(self.relation)
    }

    fn keeps(&self, relations: &Relations, handle: Handle) -> bool {
        self.passes(Row { relations, relation: self.relation, handle })
    }

    fn error(&self) -> Option<Failure> {
        self.errors.first([self.relation; 2])
    }
}
