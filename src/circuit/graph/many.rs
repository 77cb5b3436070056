//! Steps of nodes with any number of inputs.

use super::{Circuit, NodeId};
use crate::algebra::Delta;
use crate::trace::Relations;

impl Circuit {
    /// Runs a node that has more than two inputs, some of which may be one node.
    pub(super) fn run_many(&mut self, relations: &mut Relations, id: NodeId) {
        let ids = self.nodes.node(id).inputs.clone();
        let mut taken: Vec<Delta> = Vec::with_capacity(ids.len());
        for (i, &input) in ids.iter().enumerate() {
            let delta = match ids[..i].iter().position(|&before| before == input) {
                Some(at) => taken[at].clone(),
                None => std::mem::take(&mut self.nodes.node_mut(input).out),
            };
            taken.push(delta);
        }
        let refs: Vec<&Delta> = taken.iter().collect();
        self.run(relations, id, &refs, false);
        for (input, delta) in ids.into_iter().zip(taken) {
            self.nodes.node_mut(input).out = delta;
        }
    }
}
