//! Rows for which a condition with parameters is true.
//!
//! State: the condition with its values. Law: out = σ′(A′) − σ(A), where σ′ has the new values. Cost: one evaluation per
//! changed row; when a parameter is set two per row of the input, and an output as long as what enters and leaves.

use super::values;
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, Guard, NodeId, Operator, Scan, Step};
use crate::operator::{Filter, Formula, Row};
use crate::trace::RelationId;
use crate::value::Value;

/// Filter with parameters.
#[derive(Debug)]
pub struct ParamFilter {
    input: NodeId,
    relation: RelationId,
    params: RelationId,
    /// The condition as it is written.
    template: Formula,
    /// With the present values.
    filter: Filter,
}

impl ParamFilter {
    /// Filter of the rows of a node by a condition that reads a relation of parameters.
    pub fn new(input: NodeId, relation: RelationId, params: RelationId, template: Formula) -> Self {
        // Without values nothing is true.
        let filter = Filter::new(relation, Formula::Literal(Value::Null).into());
        ParamFilter { input, relation, params, template, filter }
    }
}

impl Operator for ParamFilter {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let Some(values) = values(step.relations, self.params, inputs[1]) else {
            return self.filter.step(step, &inputs[..1], out);
        };
        let old = std::mem::replace(&mut self.filter, Filter::new(self.relation, self.template.with(&values).into()));
        let (relations, relation) = (&*step.relations, self.relation);
        let mut examined = 0;
        step.nodes.scan(relations, self.input, &mut |handle, weight| {
            examined += 1;
            let row = Row { relations, relation, handle };
            let (was, is) = (old.passes(row), self.filter.admits(row, weight));
            if was != is {
                out.push(handle, if is { weight } else { -weight });
            }
        });
        // What the old condition said of rows that changed in the same step.
        for &(handle, weight) in inputs[0].rows() {
            if old.passes(Row { relations, relation, handle }) {
                out.push(handle, weight);
            }
        }
        step.meter.examined += examined;
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.filter.scan(scan, inputs, f);
    }

    fn reads(&self) -> Option<RelationId> {
        Some(self.relation)
    }

    fn guards(&self) -> Vec<Guard> {
        self.filter.guards()
    }

    fn error(&self) -> Option<Failure> {
        self.filter.error()
    }
}
