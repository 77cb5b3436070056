//! What nodes with any number of inputs run on.

use super::{Circuit, Node, NodeId};
use crate::algebra::Delta;
use crate::trace::Relations;

impl Circuit {
    /// Runs a node that has more than two inputs, some of which may be one node.
    pub(super) fn run_many(&mut self, relations: &mut Relations, id: NodeId) {
        let ids = self.nodes.node(id).inputs.clone();
        let taken = self.take_outputs(&ids, |_| true);
        self.run(relations, id, &taken.iter().collect::<Vec<_>>(), false);
        self.put_outputs(ids, taken, |_| true);
    }

    /// The outputs of some nodes, until they are [put back](Self::put_outputs); of those that do not count, nothing.
    pub(in crate::circuit) fn take_outputs(&mut self, ids: &[NodeId], counts: fn(&Node) -> bool) -> Vec<Delta> {
        let mut taken: Vec<Delta> = Vec::with_capacity(ids.len());
        for (i, &id) in ids.iter().enumerate() {
            let node = self.nodes.node_mut(id);
            taken.push(match ids[..i].iter().position(|&before| before == id) {
                Some(at) => taken[at].clone(),
                None if counts(node) => std::mem::take(&mut node.out),
                None => Delta::default(),
            });
        }
        taken
    }

    /// Ends a [`take_outputs`](Self::take_outputs).
    pub(in crate::circuit) fn put_outputs(&mut self, ids: Vec<NodeId>, taken: Vec<Delta>, counted: fn(&Node) -> bool) {
        for (id, delta) in ids.into_iter().zip(taken).rev() {
            let node = self.nodes.node_mut(id);
            if counted(node) {
                node.out = delta;
            }
        }
    }
}
