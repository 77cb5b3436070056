//! Indexes of tables that are filled in slices.
//!
//! An index that filters are filled from can wait: without it a filter looks at every row. Of a large table it begins behind a
//! [gate](crate::operator::Gate), empty, and takes more rows with each filter that would use it and each [`Circuit::fill`]. Until it
//! is whole a filter has from it what is below the gate's mark, and looks at the rest. Who must have the same index at once, a join,
//! fills what is left of it.

use super::{Circuit, Make, NodeId, Nodes};
use crate::algebra::{Delta, Handle};
use crate::circuit::Spec;
use crate::operator::Gate;
use crate::query::TableId;
use crate::trace::Relations;

/// An index that is not whole.
#[derive(Debug)]
pub(super) struct Filling {
    pub(super) index: NodeId,
    gate: NodeId,
    source: NodeId,
    table: TableId,
    /// The places of the rows that it has are below.
    below: Handle,
    /// Places that the next filter fills: twice as many as the one before, unless there was time for a slice between them.
    share: usize,
}

impl Nodes {
    /// Calls `f` with the rows that an index does not have yet.
    pub(in crate::circuit) fn beyond(&self, relations: &Relations, index: NodeId, f: impl FnMut(Handle)) {
        if let Some(filling) = self.filling.iter().find(|filling| filling.index == index) {
            relations.for_each_live_in(filling.table, filling.below as usize..relations.places(filling.table), f);
        }
    }
}

impl Circuit {
    /// An index for filters: as others have it, or, of a large table, one that is filled in slices.
    pub(super) fn index(&mut self, relations: &mut Relations, source: NodeId, mut spec: Spec, make: Make<'_>) -> NodeId {
        let at_once = self.tuning.filled_at_once;
        let table = match *self.nodes.node(source).spec {
            Spec::Source(table) if relations.places(table) > at_once && !self.shared.contains_key(&spec) => table,
            _ => return self.node(relations, spec, make),
        };
        // Numbers of queries, whose gates have the others, count up.
        self.gates += 1;
        let gate = Spec::Gate { input: source, of: u32::MAX - self.gates };
        let gate = self.node(relations, gate, Box::new(|_, _| Box::new(Gate::new(table))));
        spec.read_instead(source, gate);
        let index = self.node(relations, spec, make);
        // From here on it is of the index alone.
        self.release(relations, gate);
        self.nodes.filling.push(Filling { index, gate, source, table, below: 0, share: at_once });
        self.fill_for_filter(relations, index);
        index
    }

    /// Fills an index, if it is not whole, by what one of the filters that use it is to wait for.
    pub(super) fn fill_for_filter(&mut self, relations: &mut Relations, index: NodeId) {
        if let Some(at) = self.nodes.filling.iter().position(|filling| filling.index == index) {
            let share = self.nodes.filling[at].share;
            self.nodes.filling[at].share *= 2;
            self.fill_one(relations, at, share);
        }
    }

    /// Fills the index of a spec to its end, if it is one that is not whole.
    pub(super) fn fill_whole(&mut self, relations: &mut Relations, spec: &mut Spec) {
        for at in 0..self.nodes.filling.len() {
            let Filling { index, gate, source, .. } = self.nodes.filling[at];
            spec.read_instead(source, gate);
            let is_it = self.shared.get(spec) == Some(&index);
            spec.read_instead(gate, source);
            if is_it {
                self.fill_one(relations, at, usize::MAX);
                return;
            }
        }
    }

    /// Fills indexes that are not whole by the rows in up to so many places of their tables, in a slice. Whether all are whole. Between
    /// steps. Cost: that of putting these rows into them.
    pub fn fill(&mut self, relations: &mut Relations, places: usize) -> bool {
        let mut left = places.min(self.tuning.filled_at_once);
        while left > 0 && !self.nodes.filling.is_empty() {
            self.nodes.filling[0].share = self.tuning.filled_at_once;
            left -= self.fill_one(relations, 0, left);
        }
        self.nodes.filling.is_empty()
    }

    /// Fills one of them; the places that it took, at least one.
    fn fill_one(&mut self, relations: &mut Relations, at: usize, places: usize) -> usize {
        let Filling { index, gate, source, table, .. } = self.nodes.filling[at];
        let left = self.left(relations, gate);
        let mut rows = Delta::default();
        let is_whole = self.gate(gate).admit(relations, places, &mut rows);
        // What it put out in the last step nobody reads any more.
        self.nodes.node_mut(index).out.clear();
        self.run(relations, index, &[&rows], true);
        self.nodes.node_mut(index).out = Delta::default();
        if !is_whole {
            self.nodes.filling[at].below = (relations.places(table) - (left - places)) as Handle;
            return places;
        }
        self.nodes.filling.remove(at);
        self.nodes.node_mut(gate).users += 1;
        if let Some(same) = self.bypass(relations, gate, source, index) {
            // A query that came in slices has made the same meanwhile.
            self.nodes.node_mut(same).users += 1;
            for column in self.nodes.node_mut(source).routes.iter_mut().flat_map(|routes| &mut routes.columns) {
                for seek in [&mut column.seek.by_key, &mut column.seek.in_order] {
                    if *seek == Some(index) {
                        *seek = Some(same);
                    }
                }
            }
            self.release(relations, index);
        }
        self.release(relations, gate);
        left.max(1)
    }
}
