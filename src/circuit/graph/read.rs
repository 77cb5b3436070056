//! What `explain`, counters and errors read of a circuit.

use super::{Circuit, NodeId};
use crate::circuit::{Failure, Meter, Spec};
use crate::error::ErrorCode;
use crate::sort;
use crate::trace::{RelationId, Relations};

impl Circuit {
    /// Whether any node is in error.
    pub fn has_errors(&self) -> bool {
        self.failed > 0
    }

    /// Whether an error came or went in the last step.
    pub fn errors_changed(&self) -> bool {
        self.errors_changed
    }

    /// First evaluation error at a node or above it.
    pub fn error(&self, id: NodeId) -> Option<Failure> {
        let node = self.nodes.node(id);
        node.operator.as_ref().and_then(|o| o.error()).or_else(|| node.inputs.iter().find_map(|&i| self.error(i)))
    }

    /// The relation of a recursion below a node that does not come to an end.
    pub fn endless(&self, id: NodeId) -> Option<&str> {
        let node = self.nodes.node(id);
        let below = || node.inputs.iter().find_map(|&i| self.endless(i));
        match &*node.spec {
            Spec::Grown { recursion, fixpoint, relation }
                if self.error(*fixpoint).is_some_and(|f| f.code == ErrorCode::RecursionLimit) =>
            {
                Some(&recursion.relations[*relation].name)
            }
            _ => below(),
        }
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// No nodes.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// What a node is.
    pub fn spec(&self, id: NodeId) -> &Spec {
        &self.nodes.node(id).spec
    }

    /// One more than the largest of its inputs; 0 for what has none.
    pub fn rank(&self, id: NodeId) -> u32 {
        self.nodes.node(id).rank
    }

    /// Its counters.
    pub fn meter(&self, id: NodeId) -> Meter {
        self.nodes.node(id).meter
    }

    /// Whether a node keeps rows by key or in order.
    pub fn is_arrangement(&self, id: NodeId) -> bool {
        let operator = self.nodes.operator(id);
        operator.arrangement().is_some() || operator.ordered().is_some()
    }

    /// Users of a node: consumers and views.
    pub fn users(&self, id: NodeId) -> u32 {
        self.nodes.node(id).users
    }

    /// Bytes of state of a node, its relation included.
    pub fn bytes(&self, relations: &Relations, id: NodeId) -> usize {
        let operator = self.nodes.operator(id);
        let node = self.nodes.node(id);
        let routes = node.routes.as_ref().map_or(0, |r| r.bytes()) + node.keyed.as_ref().map_or(0, |k| k.bytes());
        routes + operator.bytes() + operator.owned_relations().into_iter().map(|r| relations.bytes(r)).sum::<usize>()
    }

    /// Relation of the rows that a node makes, if it makes any.
    pub fn output_relation(&self, id: NodeId) -> Option<RelationId> {
        self.nodes.operator(id).owned_relations().last().copied()
    }

    /// Relations that a node made.
    pub fn owned_relations(&self, id: NodeId) -> Vec<RelationId> {
        self.nodes.operator(id).owned_relations()
    }

    /// Ids of all nodes, sources first.
    pub fn ids(&self) -> Vec<NodeId> {
        let mut ids: Vec<NodeId> =
            (0..self.nodes.slots.len() as NodeId).filter(|&i| self.nodes.slots[i as usize].is_some()).collect();
        sort::by(&mut ids, |&a, &b| self.nodes.node(a).rank.cmp(&self.nodes.node(b).rank).then(a.cmp(&b)));
        ids
    }

    /// Sum of all counters.
    pub fn total(&self) -> Meter {
        let mut total = Meter::default();
        for node in self.nodes.slots.iter().flatten() {
            total.steps += node.meter.steps;
            total.rows_in += node.meter.rows_in;
            total.rows_out += node.meter.rows_out;
            total.examined += node.meter.examined;
        }
        total
    }
}
