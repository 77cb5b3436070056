//! Where filters of a node are filed, and the indexes that they are filled from.

use super::{Circuit, NodeId};
use crate::algebra::NO_ROW;
use crate::circuit::Spec;
use crate::circuit::guard::Guard;
use crate::circuit::routes::Routes;
use crate::operator::{ArrangeByKey, Order};
use crate::trace::{Relations, SortColumn, SortSpec};

impl Circuit {
    /// Files a filter under a guard, and sees to an index for it and those to come.
    pub(super) fn route(&mut self, relations: &mut Relations, input: NodeId, id: NodeId, guards: Vec<Guard>) {
        let Some(relation) = self.nodes.operator(id).reads() else { unreachable!("a filter says what it reads") };
        let routes = self.nodes.node_mut(input).routes.get_or_insert_with(|| Box::new(Routes::new(relation)));
        routes.add(id, guards, self.tuning.looked_up_from);
        if matches!(*self.nodes.node(id).spec, Spec::Filter { .. }) {
            for part in 0.. {
                let Some(routes) = &self.nodes.node(input).routes else { return };
                let Some(part) = routes.guard(id).and_then(|guard| guard.parts().get(part)) else { return };
                let Some(at) = routes.column_of(part) else { return };
                self.index_for_filters(relations, input, at, matches!(part, Guard::Range(..)));
            }
        }
    }

    /// Sees to an index of a column that has filters, if they are many and so are the rows.
    fn index_for_filters(&mut self, relations: &mut Relations, input: NodeId, at: usize, is_range: bool) {
        let Some(routes) = &self.nodes.node(input).routes else { return };
        let (relation, column) = (routes.relation(), &routes.columns[at]);
        let (path, seek, many) = (column.path(), column.seek, column.members() >= self.tuning.indexed_from);
        if let Some(index) = if is_range { seek.in_order } else { seek.by_key } {
            return self.fill_for_filter(relations, index);
        }
        if !many || relations.live(relation) < self.tuning.indexed_rows {
            return;
        }
        let index = if is_range {
            let (leaf, _) = relations.member(relation, NO_ROW, path.turns());
            let ty = relations.layout(leaf).columns[path.leaf()].ty;
            let sort =
                SortSpec { columns: vec![SortColumn { path, ty, desc: false, nulls_first: false }], ..SortSpec::default() };
            let spec = Spec::ArrangeInOrder { input, group: Vec::new(), sort: sort.clone() };
            self.index(relations, input, spec, Box::new(move |_, _| Box::new(Order::for_operators(relation, Vec::new(), sort))))
        } else {
            let spec = Spec::ArrangeByKey { input, key: vec![path], nulls_equal: false };
            self.index(relations, input, spec, Box::new(move |_, _| Box::new(ArrangeByKey::new(relation, vec![path], false))))
        };
        if let Some(routes) = &mut self.nodes.node_mut(input).routes {
            let seek = &mut routes.columns[at].seek;
            *(if is_range { &mut seek.in_order } else { &mut seek.by_key }) = Some(index);
        }
    }

    /// Files what reads parameters under what its condition asks with their present values; anew when they were set.
    pub(super) fn refile(&mut self, relations: &mut Relations, id: NodeId) {
        let node = self.nodes.node(id);
        if node.in_rounds || !matches!(*node.spec, Spec::ParamFilter { .. } | Spec::Seek { .. }) {
            return;
        }
        let input = node.inputs[0];
        let guards = self.nodes.operator(id).guards();
        let mut unused = Vec::new();
        if !self.unroute(input, id, &mut unused) {
            let consumers = &mut self.nodes.node_mut(input).consumers;
            // A new one is the last.
            let at = consumers.iter().rposition(|&c| c == id).expect("a node is a consumer of its input");
            consumers.swap_remove(at);
        }
        if guards.is_empty() {
            self.nodes.node_mut(input).consumers.push(id);
        } else {
            self.route(relations, input, id, guards);
        }
        unused.into_iter().for_each(|index| self.release(relations, index));
    }

    /// Forgets a filter; whether it was a guarded one. Indexes that are of no use any more are left to be released.
    pub(super) fn unroute(&mut self, input: NodeId, id: NodeId, unused: &mut Vec<NodeId>) -> bool {
        let steps = self.steps;
        let node = self.nodes.node_mut(input);
        let Some(routes) = &mut node.routes else { return false };
        let Some(guard) = routes.remove(id) else { return false };
        for part in guard.parts() {
            let Some(at) = routes.column_of(part) else { continue };
            let column = &mut routes.columns[at];
            if column.members() > 0 {
                continue;
            }
            if matches!(*node.spec, Spec::Source(_)) && self.tuning.grace > 0 {
                column.idle_since = steps;
                if !self.idle.contains(&input) {
                    self.idle.push(input);
                }
            } else {
                unused.extend(column.seek.by_key.take().into_iter().chain(column.seek.in_order.take()));
            }
        }
        if routes.is_empty() {
            node.routes = None;
        }
        true
    }

    /// Gives back indexes that have had no filter for so many versions.
    pub fn release_idle(&mut self, relations: &mut Relations, grace: u64) {
        let steps = self.steps;
        let mut unused = Vec::new();
        for input in std::mem::take(&mut self.idle) {
            let Some(node) = self.nodes.slots.get_mut(input as usize).and_then(Option::as_mut) else { continue };
            let Some(routes) = &mut node.routes else { continue };
            let mut waits = false;
            for column in routes.columns.iter_mut().filter(|c| c.members() == 0) {
                if steps - column.idle_since >= grace {
                    unused.extend(column.seek.by_key.take().into_iter().chain(column.seek.in_order.take()));
                } else {
                    waits = true;
                }
            }
            if routes.is_empty() {
                node.routes = None;
            }
            if waits {
                self.idle.push(input);
            }
        }
        unused.into_iter().for_each(|index| self.release(relations, index));
    }
}
