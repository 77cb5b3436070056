//! Rows in order by group: the arrangement that views read, and operators over positions. Output: none for views, which
//! consume [`OrderedGroups::changes`]; for operators the input, so that they run after it.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{OrderedGroups, Path, RelationId, SortSpec};

/// Ordered arrangement.
#[derive(Debug)]
pub struct Order {
    groups: OrderedGroups,
    /// Operators read it, rather than views.
    relays: bool,
}

impl Order {
    /// Ordered arrangement of a relation's rows.
    pub fn new(relation: RelationId, group: Vec<Path>, sort: SortSpec) -> Self {
        Order { groups: OrderedGroups::new(relation, group, sort), relays: false }
    }

    /// Ordered arrangement for operators; rows without a value in a group column are a group too.
    pub fn for_operators(relation: RelationId, group: Vec<Path>, sort: SortSpec) -> Self {
        Order { groups: OrderedGroups::new(relation, group, sort).with_nulls(), relays: true }
    }
}

impl Operator for Order {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        // As an arrangement it keeps rows for others to look at.
        step.meter.examined += if self.relays { 0 } else { inputs[0].rows().len() as u64 };
        self.groups.apply(step.relations, inputs[0]);
        if self.relays {
            inputs[0].rows().iter().for_each(|&(row, weight)| out.push(row, weight));
        }
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        self.step(step, inputs, out);
        self.groups.trim();
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.nodes.scan(scan.relations, inputs[0], f);
    }

    fn bytes(&self) -> usize {
        self.groups.bytes()
    }

    fn sweep(&mut self, pieces: usize) -> usize {
        self.groups.sweep(pieces)
    }

    fn ordered(&self) -> Option<&OrderedGroups> {
        Some(&self.groups)
    }

    fn ordered_mut(&mut self) -> Option<&mut OrderedGroups> {
        Some(&mut self.groups)
    }
}
