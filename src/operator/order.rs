//! Rows in order by group: the arrangement that views read. Output: none; [`OrderedGroups::changes`] is what views consume.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{OrderedGroups, Path, RelationId, SortSpec};

/// Ordered arrangement.
#[derive(Debug)]
pub struct Order {
    groups: OrderedGroups,
}

impl Order {
    /// Ordered arrangement of a relation's rows.
    pub fn new(relation: RelationId, group: Vec<Path>, sort: SortSpec) -> Self {
        Order { groups: OrderedGroups::new(relation, group, sort) }
    }
}

impl Operator for Order {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], _: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        self.groups.apply(step.relations, inputs[0]);
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        self.step(step, inputs, out);
        self.groups.begin();
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.nodes.scan(scan.relations, inputs[0], f);
    }

    fn bytes(&self) -> usize {
        self.groups.bytes()
    }

    fn ordered(&self) -> Option<&OrderedGroups> {
        Some(&self.groups)
    }

    fn ordered_mut(&mut self) -> Option<&mut OrderedGroups> {
        Some(&mut self.groups)
    }
}
