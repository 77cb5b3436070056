//! Joins that are filed by the keys of their own side, and what reaches them.

use super::run::hand;
use super::{Circuit, NodeId};
use crate::algebra::Delta;
use crate::circuit::Spec;
use crate::circuit::keyed::sides;
use crate::trace::Relations;

impl Circuit {
    /// Files a new join where enough operators read one of its inputs; and with the first one there all that came before it.
    pub(super) fn file_join(&mut self, relations: &Relations, spec: &Spec, id: NodeId) {
        for &(input, own) in sides(spec) {
            let of = self.nodes.node(id).inputs[input];
            let node = self.nodes.node(of);
            if node.keyed.is_some() {
                self.file(relations, id, input, own);
            } else if node.consumers.len() >= self.tuning.filed_from {
                for other in node.consumers.clone() {
                    let spec = self.nodes.node(other).spec.clone();
                    for &(input, own) in sides(&spec) {
                        if self.nodes.node(other).inputs[input] == of {
                            self.file(relations, other, input, own);
                        }
                    }
                }
            }
        }
    }

    /// Files a join by the keys that its own side has, unless it is filed, runs in rounds, or its own side is large or that of many
    /// others: keys are noted for each join.
    fn file(&mut self, relations: &Relations, id: NodeId, input: usize, own: usize) {
        let node = self.nodes.node(id);
        let (of, own) = (node.inputs[input], node.inputs[own]);
        let is_shared = self.nodes.node(own).users as usize > self.tuning.filed_from;
        if node.routed.is_some() || node.in_rounds || is_shared || self.nodes.arranged(own) > self.tuning.filed_rows {
            return;
        }
        let mut keyed = self.nodes.node_mut(of).keyed.take().unwrap_or_default();
        keyed.file(id);
        self.nodes.scan(relations, own, &mut |row, weight| {
            if let Some(key) = self.nodes.key_of(relations, own, row) {
                keyed.note(id, key, weight);
            }
        });
        let node = self.nodes.node_mut(of);
        node.keyed = Some(keyed);
        // A new one is the last.
        if let Some(at) = node.consumers.iter().rposition(|&c| c == id) {
            node.consumers.swap_remove(at);
        }
        self.nodes.node_mut(id).routed = Some(input as u8);
    }

    /// Forgets a join that was filed with an input.
    pub(super) fn unfile(&mut self, input: NodeId, id: NodeId) {
        let node = self.nodes.node_mut(input);
        if let Some(keyed) = &mut node.keyed {
            keyed.remove(id);
            if keyed.is_empty() {
                node.keyed = None;
            }
        }
    }

    /// Hands the output of an arrangement to the filed joins that have rows of its keys.
    pub(super) fn publish_by_key(&mut self, relations: &Relations, id: NodeId) {
        let Some(keyed) = self.nodes.node_mut(id).keyed.take() else { return };
        let out = std::mem::take(&mut self.nodes.node_mut(id).out);
        let Circuit { nodes, queue, .. } = self;
        for &(row, weight) in out.rows() {
            let Some(key) = nodes.key_of(relations, id, row) else { continue };
            for &join in keyed.affected(key) {
                hand(nodes, join, (row, weight), queue);
            }
        }
        let node = nodes.node_mut(id);
        node.out = out;
        node.keyed = Some(keyed);
    }

    /// Files a join anew that ran, by what its own side has now.
    pub(super) fn note_keys(&mut self, relations: &Relations, id: NodeId, inputs: &[Delta; 2]) {
        let node = self.nodes.node(id);
        let Some(routed) = node.routed.map(usize::from) else { return };
        let (of, own, change) = (node.inputs[routed], node.inputs[1 - routed], &inputs[1 - routed]);
        if change.is_empty() {
            return;
        }
        let mut keyed = self.nodes.node_mut(of).keyed.take().expect("the join is filed there");
        let is_large = self.nodes.arranged(own) > self.tuning.filed_rows;
        if is_large {
            keyed.remove(id);
        } else {
            for &(row, weight) in change.rows() {
                if let Some(key) = self.nodes.key_of(relations, own, row) {
                    keyed.note(id, key, weight);
                }
            }
        }
        let node = self.nodes.node_mut(of);
        node.keyed = (!keyed.is_empty()).then_some(keyed);
        if is_large {
            node.consumers.push(id);
            self.nodes.node_mut(id).routed = None;
        }
    }
}
