//! Rounds: the nodes between the growing relations of a recursion and its fixpoint, run until nothing comes of it.
//!
//! By the time the step reaches a fixpoint, its body has run once on what changed outside. From then on only the growing
//! relations change: in each round the body runs on their change alone, and what else it reads stands still. A round is for
//! each operator a step like others.

use super::{Circuit, NodeId, Spec};
use crate::algebra::Delta;
use crate::trace::Relations;

impl Circuit {
    /// Runs a fixpoint to its end. `given`: the whole of its inputs, where it is made; else what they put out in this step.
    pub(super) fn iterate(&mut self, relations: &mut Relations, id: NodeId, given: Option<&[&Delta]>) {
        let inputs = std::mem::take(&mut self.nodes.node_mut(id).inputs);
        let mut operator = self.nodes.node_mut(id).operator.take().expect("node is not running");
        let mut out = std::mem::take(&mut self.nodes.node_mut(id).out);
        let failed = operator.error();
        let fixpoint = operator.fixpoint_mut().expect("the node is a fixpoint");
        if fixpoint.body.is_empty() {
            fixpoint.body = self.body(&inputs);
        }
        let body = std::mem::take(&mut fixpoint.body);
        let mut meter = self.nodes.node(id).meter;
        meter.steps += 1;
        fixpoint.begin();
        let (growing, branches) = inputs.split_at(fixpoint.growing());
        for (i, &branch) in branches.iter().enumerate() {
            let delta = given.map_or(&self.nodes.node(branch).out, |given| given[growing.len() + i]);
            meter.rows_in += delta.rows().len() as u64;
            fixpoint.absorb(relations, i, delta);
        }
        for &node in &body {
            let node = self.nodes.node_mut(node);
            node.out.clear();
            // What the body made of nothing, kept for the nodes that came after, ends here.
            node.hydrated = None;
        }
        while fixpoint.round(relations) {
            for (i, &node) in growing.iter().enumerate() {
                let node = self.nodes.node_mut(node);
                fixpoint.take_round(i, &mut node.out);
                node.meter.steps += 1;
                node.meter.rows_out += node.out.rows().len() as u64;
            }
            for &node in &body {
                self.run_in_round(relations, node);
            }
            for (i, &branch) in branches.iter().enumerate() {
                if self.nodes.node(branch).in_rounds {
                    let delta = &self.nodes.node(branch).out;
                    meter.rows_in += delta.rows().len() as u64;
                    fixpoint.absorb(relations, i, delta);
                }
            }
            for &node in growing.iter().chain(&body) {
                self.nodes.node_mut(node).out.clear();
            }
        }
        fixpoint.finish(relations, &mut out);
        meter.rows_out += (0..growing.len()).map(|i| fixpoint.change(i).rows().len() as u64).sum::<u64>();
        meter.examined = fixpoint.counts().touched;
        fixpoint.body = body;
        self.note_error(failed, operator.error());
        let node = self.nodes.node_mut(id);
        (node.operator, node.inputs, node.out, node.meter) = (Some(operator), inputs, out, meter);
    }

    /// Runs a node of a body, if what changes in rounds has changed.
    fn run_in_round(&mut self, relations: &mut Relations, id: NodeId) {
        let inputs = self.nodes.node(id).inputs.clone();
        let deltas = self.take_outputs(&inputs, |node| node.in_rounds);
        if deltas.iter().any(|d| !d.is_empty()) {
            self.run(relations, id, &deltas.iter().collect::<Vec<_>>(), false);
        }
        self.put_outputs(inputs, deltas, |node| node.in_rounds);
    }

    /// The nodes that a fixpoint runs in rounds, inputs first, without the growing relations.
    fn body(&self, inputs: &[NodeId]) -> Vec<NodeId> {
        let mut found: Vec<NodeId> = Vec::new();
        let mut todo = inputs.to_vec();
        while let Some(id) = todo.pop() {
            let node = self.nodes.node(id);
            if node.in_rounds && !matches!(*node.spec, Spec::Growing { .. }) && !found.contains(&id) {
                found.push(id);
                todo.extend(&node.inputs);
            }
        }
        crate::sort::by(&mut found, |&a, &b| self.nodes.node(a).rank.cmp(&self.nodes.node(b).rank).then(a.cmp(&b)));
        found
    }
}
