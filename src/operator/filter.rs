//! Rows for which a condition is true.
//!
//! Law: ∂σ(A) = σ(∂A) (linear). State: none. Cost: one evaluation per changed row that its guard admits (`circuit::routes`).

use super::{Errors, Formula, Row};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::trace::{RelationId, Relations};

/// Filter.
#[derive(Debug)]
pub struct Filter {
    relation: RelationId,
    predicate: Formula,
    errors: Errors,
}

impl Filter {
    /// Filter of a relation's rows.
    pub fn new(relation: RelationId, predicate: Formula) -> Self {
        Filter { relation, predicate, errors: Errors::default() }
    }
}

impl Operator for Filter {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        for &(handle, weight) in inputs[0].rows() {
            match self.predicate.holds(Row { relations: step.relations, relation: self.relation, handle }) {
                Ok(true) => out.push(handle, weight),
                Ok(false) => {}
                Err(code) => self.errors.add(code, weight),
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

    fn keeps(&self, relations: &Relations, handle: Handle) -> bool {
        self.predicate.holds(Row { relations, relation: self.relation, handle }) == Ok(true)
    }

    fn error(&self) -> Option<ErrorCode> {
        self.errors.first()
    }
}
