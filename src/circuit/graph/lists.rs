//! What is asked of operators between steps: lists that views hold, and rows that stand for nothing.

use super::{Circuit, NodeId};
use crate::algebra::Handle;
use crate::circuit::{Operator, Step};
use crate::trace::{GroupId, OrderedGroups, Path, RelationId, Relations};

impl Circuit {
    /// The list that an owner refers to by the cells at some paths, for views; kept until it is [given back](Self::give_back).
    /// `NO_GROUP` for a key with a null.
    pub fn acquire(&mut self, relations: &mut Relations, id: NodeId, owner: (RelationId, Handle), paths: &[Path]) -> GroupId {
        self.beside(relations, id, |operator, step| match operator.in_view_mut() {
            Some(lists) => lists.acquire(step, owner, paths),
            None => lists_of(operator).acquire(step.relations, owner.0, owner.1, paths),
        })
    }

    /// Ends an [`acquire`](Self::acquire).
    pub fn give_back(&mut self, relations: &mut Relations, id: NodeId, group: GroupId) {
        self.beside(relations, id, |operator, step| match operator.in_view_mut() {
            Some(lists) => lists.release(step, group),
            None => lists_of(operator).release(group),
        });
    }

    /// The row of an aggregate that is no group's.
    pub fn nothing(&mut self, relations: &mut Relations, id: NodeId) -> Handle {
        self.beside(relations, id, |operator, step| operator.nothing(step.relations))
    }

    /// Lets an operator work between steps, while it may read the other nodes.
    fn beside<R>(&mut self, relations: &mut Relations, id: NodeId, f: impl FnOnce(&mut dyn Operator, &mut Step<'_>) -> R) -> R {
        let node = self.nodes.node_mut(id);
        let mut operator = node.operator.take().expect("node is not running");
        let mut meter = node.meter;
        let result = f(operator.as_mut(), &mut Step { relations, nodes: &self.nodes, meter: &mut meter });
        let node = self.nodes.node_mut(id);
        node.operator = Some(operator);
        node.meter = meter;
        result
    }
}

fn lists_of(operator: &mut dyn Operator) -> &mut OrderedGroups {
    operator.ordered_mut().expect("views read ordered arrangements")
}
