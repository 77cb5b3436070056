//! Gates: rows let in in slices, and what becomes of their readers when all are in.

use std::rc::Rc;

use super::{Circuit, NodeId};
use crate::circuit::Spec;
use crate::operator::Gate;
use crate::trace::Relations;

impl Circuit {
    /// Lets rows in from so many places more of what is behind a gate, as a step of its own. Whether none are left.
    pub fn admit(&mut self, relations: &mut Relations, id: NodeId, places: usize) -> bool {
        self.begin(relations);
        let node = self.nodes.node_mut(id);
        let gate = node.operator.as_mut().and_then(|o| o.gate_mut()).expect("node is a gate");
        let done = gate.admit(relations, places, &mut node.out);
        node.meter.steps += 1;
        node.meter.examined += node.out.rows().len() as u64;
        node.meter.rows_out += node.out.rows().len() as u64;
        self.publish(relations, id);
        self.run_queue(relations);
        done
    }

    /// Places behind a gate.
    pub fn left(&mut self, relations: &Relations, id: NodeId) -> usize {
        self.gate(id).left(relations)
    }

    pub(super) fn gate(&mut self, id: NodeId) -> &mut Gate {
        self.nodes.node_mut(id).operator.as_mut().and_then(|o| o.gate_mut()).expect("node is a gate")
    }

    /// Ends a use of a gate if it lets everything pass, and tells whether it does: its readers read the table itself from now on, and are what other queries
    /// find there when they ask for the same. Where such a node is there already, and for what reads parameters or recurs, the gate remains.
    ///
    /// Nothing is computed: the nodes are as they were, under another name, and nodes above them do not notice.
    pub fn open(&mut self, relations: &mut Relations, gate: NodeId) -> bool {
        if !self.gate(gate).is_open() {
            return false;
        }
        let node = self.nodes.node(gate);
        let source = node.inputs[0];
        // Indexes before the filters that they are for.
        let mut readers = node.consumers.clone();
        readers.extend(node.routes.iter().flat_map(|r| r.ids()));
        for id in readers {
            // It may be a reader on two sides, or an index that went with the last that needed it.
            if self.nodes.slots[id as usize].as_ref().is_some_and(|node| node.inputs.contains(&gate)) {
                self.bypass(relations, gate, source, id);
            }
        }
        self.end_hydration();
        self.release(relations, gate);
        true
    }

    /// Has a reader of a gate read the table itself, unless it cannot, or there is one that does already: that one.
    pub(super) fn bypass(&mut self, relations: &mut Relations, gate: NodeId, source: NodeId, id: NodeId) -> Option<NodeId> {
        let node = self.nodes.node_mut(id);
        if node.in_rounds {
            return None;
        }
        self.shared.remove(&node.spec);
        fn read_instead(spec: &mut Rc<Spec>, of: NodeId, other: NodeId) -> bool {
            Rc::get_mut(spec).is_some_and(|spec| spec.read_instead(of, other))
        }
        let mut moves = read_instead(&mut node.spec, gate, source);
        let same = self.shared.get(&node.spec).copied();
        if moves && same.is_some() {
            moves = !read_instead(&mut node.spec, source, gate);
        }
        self.shared.insert(node.spec.clone(), id);
        if !moves {
            return same;
        }
        let mut moved = Vec::new();
        for input in node.inputs.iter_mut().filter(|i| **i == gate) {
            *input = source;
            moved.push(source);
        }
        let mut unused = Vec::new();
        if !self.unroute(gate, id, &mut unused) {
            self.nodes.node_mut(gate).consumers.retain(|&c| c != id);
        }
        self.nodes.node_mut(gate).users -= moved.len() as u32;
        self.nodes.node_mut(source).users += moved.len() as u32;
        self.subscribe(relations, id, &moved);
        // Last: an index that came along is found there.
        unused.into_iter().for_each(|index| self.release(relations, index));
        None
    }
}
