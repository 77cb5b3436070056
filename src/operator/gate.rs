//! The rows of a table that were let in so far: hydration in slices.
//!
//! A query over many rows would take all of them in one step. Behind a gate it begins with none, and takes more each time
//! [`Circuit::admit`](crate::circuit::Circuit::admit) is called. What was let in are the live rows in the places below a
//! mark, so every change is either below it, and passes, or above, and will be met when the mark comes there: at every
//! version the output is that part of the table exactly, without a snapshot or a list of what is to be made up for.
//!
//! State: the mark. Law: out = Δ below the mark; letting in gives the live rows between the old mark and the new. Cost: a
//! comparison per changed row; O(1) per place that the mark passes.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{RelationId, Relations};

/// A gate in front of a table.
#[derive(Debug)]
pub struct Gate {
    relation: RelationId,
    below: Handle,
}

impl Gate {
    /// A gate that has let nothing in.
    pub fn new(relation: RelationId) -> Self {
        Gate { relation, below: 0 }
    }

    /// Lets in what is in so many places more. Returns whether there are none left: then everything passes.
    pub fn admit(&mut self, relations: &Relations, places: usize, out: &mut Delta) -> bool {
        let end = relations.places(self.relation);
        let from = self.below;
        let to = (from as usize).saturating_add(places).min(end);
        relations.for_each_live_in(self.relation, from as usize..to, |row| out.push(row, 1));
        let done = to == end;
        self.below = if done { Handle::MAX } else { to as Handle };
        done
    }

    /// Everything passes.
    pub fn is_open(&self) -> bool {
        self.below == Handle::MAX
    }

    /// Places that are not let in yet.
    pub fn left(&self, relations: &Relations) -> usize {
        relations.places(self.relation).saturating_sub(self.below as usize)
    }
}

impl Operator for Gate {
    fn step(&mut self, _: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        inputs[0].rows().iter().filter(|r| r.0 < self.below).for_each(|&(row, weight)| out.push(row, weight));
    }

    fn scan(&self, scan: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        let end = (self.below as usize).min(scan.relations.places(self.relation));
        scan.relations.for_each_live_in(self.relation, 0..end, |row| f(row, 1));
    }

    fn gate_mut(&mut self) -> Option<&mut Gate> {
        Some(self)
    }
}
