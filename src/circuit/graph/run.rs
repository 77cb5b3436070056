//! The nodes that a step reaches, run in order.

use super::{Circuit, Node, NodeId, Nodes};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, Spec, Step};
use crate::trace::Relations;

impl Circuit {
    pub(super) fn run_queue(&mut self, relations: &mut Relations) {
        let mut rank = 0;
        while rank < self.queue.len() {
            while let Some(id) = self.queue[rank].pop() {
                let node = self.nodes.node_mut(id);
                node.queued = false;
                if matches!(*node.spec, Spec::Fixpoint { .. }) {
                    self.iterate(relations, id, None);
                } else if node.inputs.len() > 2 {
                    self.run_many(relations, id);
                } else {
                    self.run_node(relations, id);
                }
                self.publish(relations, id);
            }
            rank += 1;
        }
    }

    /// Runs a node on what its inputs put out; where a part of one of them was routed to it, on that part.
    fn run_node(&mut self, relations: &mut Relations, id: NodeId) {
        let node = self.nodes.node_mut(id);
        if node.inputs.len() == 1 {
            let is_part = !node.inbox.is_empty();
            let input = node.inputs[0];
            let mut delta = std::mem::take(if is_part { &mut node.inbox } else { &mut self.nodes.node_mut(input).out });
            self.run(relations, id, &[&delta], false);
            if is_part {
                delta.clear();
                self.nodes.node_mut(id).inbox = delta;
            } else {
                self.nodes.node_mut(input).out = delta;
            }
            return;
        }
        let ids = [Some(node.inputs[0]), node.inputs.get(1).copied()];
        let part = node.routed.map(usize::from).or((!node.inbox.is_empty()).then_some(0));
        let mut inputs: [Delta; 2] = Default::default();
        for at in 0..2 {
            inputs[at] = match ids[at] {
                Some(_) if part == Some(at) => std::mem::take(&mut self.nodes.node_mut(id).inbox),
                // A self-join over one arrangement has the same input twice.
                Some(input) if at == 1 && ids[0] == Some(input) => inputs[0].clone(),
                Some(input) => std::mem::take(&mut self.nodes.node_mut(input).out),
                None => continue,
            };
        }
        let refs = [&inputs[0], &inputs[1]];
        self.run(relations, id, &refs[..1 + usize::from(ids[1].is_some())], false);
        if self.nodes.node(id).routed.is_some() {
            self.note_keys(relations, id, &inputs);
        }
        let is_set = !inputs[1].is_empty();
        for (at, mut delta) in inputs.into_iter().enumerate().rev() {
            match ids[at] {
                Some(_) if part == Some(at) => {
                    delta.clear();
                    self.nodes.node_mut(id).inbox = delta;
                }
                Some(input) => self.nodes.node_mut(input).out = delta,
                None => {}
            }
        }
        if is_set {
            self.refile(relations, id);
        }
    }

    /// Queues the nodes that the output of a node concerns: all consumers, and of what is filed under a guard or by key those that
    /// a row of it can affect.
    pub(super) fn publish(&mut self, relations: &Relations, id: NodeId) {
        let node = self.nodes.node(id);
        if node.out.is_empty() {
            return;
        }
        self.ran.push(id);
        let Circuit { nodes, queue, .. } = self;
        for i in 0..nodes.node(id).consumers.len() {
            let consumer = nodes.node(id).consumers[i];
            enqueue(nodes.node_mut(consumer), consumer, queue);
        }
        if let Some(routes) = nodes.node_mut(id).routes.take() {
            let out = std::mem::take(&mut nodes.node_mut(id).out);
            routes.few().iter().for_each(|&filter| enqueue(nodes.node_mut(filter), filter, queue));
            for &(row, weight) in out.rows() {
                routes.affected(relations, row, &mut |filter| {
                    // By several columns a filter may be found more than once, for one row after another.
                    if nodes.node(filter).inbox.rows().last().is_none_or(|last| last.0 != row) {
                        hand(nodes, filter, (row, weight), queue);
                    }
                });
            }
            let node = nodes.node_mut(id);
            node.out = out;
            node.routes = Some(routes);
        }
        self.publish_by_key(relations, id);
    }

    pub(in crate::circuit) fn run(&mut self, relations: &mut Relations, id: NodeId, inputs: &[&Delta], hydrate: bool) {
        let node = self.nodes.node_mut(id);
        let mut operator = node.operator.take().expect("node is not running");
        let mut out = std::mem::take(&mut node.out);
        let mut meter = node.meter;
        let failed = operator.error();
        meter.steps += 1;
        meter.rows_in += inputs.iter().map(|d| d.rows().len() as u64).sum::<u64>();
        let mut step = Step { relations, nodes: &self.nodes, meter: &mut meter };
        if hydrate {
            operator.hydrate(&mut step, inputs, &mut out);
        } else {
            operator.step(&mut step, inputs, &mut out);
        }
        out.consolidate();
        operator.integrate(relations, &out);
        meter.rows_out += out.rows().len() as u64;
        self.note_error(failed, operator.error());
        if !hydrate && operator.ordered().is_some_and(|o| !o.changes().is_empty()) {
            self.changed.push(id);
        }
        let node = self.nodes.node_mut(id);
        node.operator = Some(operator);
        node.out = out;
        node.meter = meter;
    }

    /// A node that ran was in error or not, and is so now.
    #[inline(always)]
    pub(in crate::circuit) fn note_error(&mut self, before: Option<Failure>, now: Option<Failure>) {
        if before != now {
            self.errors_changed = true;
            self.failed += usize::from(now.is_some());
            self.failed -= usize::from(before.is_some());
        }
    }
}

/// Routes a row to a node, which is queued.
pub(super) fn hand(nodes: &mut Nodes, id: NodeId, (row, weight): (Handle, Weight), queue: &mut Vec<Vec<NodeId>>) {
    let node = nodes.node_mut(id);
    node.inbox.push(row, weight);
    enqueue(node, id, queue);
}

/// Queues a node once.
fn enqueue(node: &mut Node, id: NodeId, queue: &mut Vec<Vec<NodeId>>) {
    if !node.queued {
        node.queued = true;
        let rank = node.rank as usize;
        if queue.len() <= rank {
            queue.resize_with(rank + 1, Vec::new);
        }
        queue[rank].push(id);
    }
}
