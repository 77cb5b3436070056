//! Rows together with computed cells that parameters are part of.
//!
//! State: that of the extension, and the formulas as they are written. Law: out = ε′(A′) − ε(A), where ε′ has the new values.
//! Cost: one evaluation per changed row; when a parameter is set one per row of the input, and an output as long as the
//! rows whose cells become others.

use super::values;
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::operator::{Extend, Formula};
use crate::trace::RelationId;

/// Extension with parameters.
#[derive(Debug)]
pub struct ParamExtend {
    input: NodeId,
    params: RelationId,
    template: Vec<Formula>,
    extend: Extend,
}

impl ParamExtend {
    /// Extension of the rows of a node, whose formulas read a relation of parameters.
    pub fn new(input: NodeId, params: RelationId, template: Vec<Formula>, extend: Extend) -> Self {
        ParamExtend { input, params, template, extend }
    }
}

impl Operator for ParamExtend {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let Some(values) = values(step.relations, self.params, inputs[1]) else {
            return self.extend.step(step, &inputs[..1], out);
        };
        let columns = self.template.iter().map(|f| f.with(&values)).collect();
        let mut rows = Vec::new();
        step.nodes.scan(step.relations, self.input, &mut |row, weight| rows.push((row, weight)));
        step.meter.examined += rows.len() as u64;
        self.extend.recompute(step.relations, columns, &rows, out);
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.extend.scan(scan, inputs, f);
    }

    fn bytes(&self) -> usize {
        self.extend.bytes()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        self.extend.owned_relations()
    }

    fn error(&self) -> Option<Failure> {
        self.extend.error()
    }
}
