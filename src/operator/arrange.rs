//! Rows of a stream by key, shared by every join on that key. Output: the input, so that consumers run after it.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{HashArrangement, Path, RelationId};

/// Arrangement by key.
#[derive(Debug)]
pub struct ArrangeByKey {
    index: HashArrangement,
}

impl ArrangeByKey {
    /// Arrangement of a relation's rows by the cells at some paths, where nulls equal each other or nothing.
    pub fn new(relation: RelationId, key: Vec<Path>, nulls_equal: bool) -> Self {
        ArrangeByKey { index: HashArrangement::new(relation, key).with_equal_nulls(nulls_equal) }
    }
}

impl Operator for ArrangeByKey {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        self.index.apply(step.relations, inputs[0]);
        for &(row, weight) in inputs[0].rows() {
            out.push(row, weight);
        }
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.nodes.scan(scan.relations, inputs[0], f);
    }

    fn bytes(&self) -> usize {
        self.index.bytes()
    }

    fn arrangement(&self) -> Option<&HashArrangement> {
        Some(&self.index)
    }
}
