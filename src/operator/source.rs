//! Rows of a table: the entry of the graph.
//!
//! The store's net delta is its output; its integral is the table's live rows. State: none.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::RelationId;

/// Source of a table.
#[derive(Debug)]
pub struct Source {
    relation: RelationId,
}

impl Source {
    /// Source of the rows of a relation.
    pub fn new(relation: RelationId) -> Self {
        Source { relation }
    }
}

impl Operator for Source {
    fn step(&mut self, _: &mut Step<'_>, _: &[&Delta], _: &mut Delta) {
        unreachable!("the circuit gives a source its output")
    }

    fn hydrate(&mut self, _: &mut Step<'_>, _: &[&Delta], _: &mut Delta) {}

    fn scan(&self, scan: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.relations.for_each_live(self.relation, |h| f(h, 1));
    }
}
