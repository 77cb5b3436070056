//! A part of each group of an ordered arrangement whose ends parameters say.
//!
//! State: the present ends. Law: out = part′(L′) − part(L) per group. Cost: as [`Top`]'s; when a parameter is set O(log n) per
//! group, and the rows that enter and leave.

use super::values;
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::operator::Top;
use crate::query::count_of;
use crate::trace::{GroupDelta, RelationId};

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// This.
    Fixed(usize),
    /// What a parameter says; null stands for none.
    Param(usize),
}

/// Part of the lists of an ordered arrangement.
#[derive(Debug)]
pub struct ParamTop {
    input: NodeId,
    params: RelationId,
    offset: Count,
    limit: Count,
    top: Top,
}

impl ParamTop {
    /// The rows behind `offset`, at most `limit` of them, of each list.
    pub fn new(input: NodeId, params: RelationId, offset: Count, limit: Count) -> Self {
        ParamTop { input, params, offset, limit, top: Top::new(input, 0, 0) }
    }
}

impl Operator for ParamTop {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let Some(values) = values(step.relations, self.params, inputs[1]) else {
            return self.top.step(step, &inputs[..1], out);
        };
        let count = |c: Count, none: usize| match c {
            Count::Fixed(n) => n,
            Count::Param(p) => count_of(&values[p]).unwrap_or(none),
        };
        let new = Top::new(self.input, count(self.offset, 0), count(self.limit, usize::MAX));
        let old = std::mem::replace(&mut self.top, new);
        let nothing = GroupDelta::default();
        for (list, change) in step.nodes.ordered(self.input).lists_with_changes() {
            let same = GroupDelta { old_len: list.len(), ..nothing.clone() };
            let change = change.unwrap_or(&same);
            step.meter.examined += 1 + (change.removed.len() + change.inserted.len()) as u64;
            self.top.change(&old, list, change, out);
        }
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.top.scan(scan, inputs, f);
    }
}
