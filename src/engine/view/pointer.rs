//! Lists whose rows point at what they show (`plan::pointer`): each row in view has a node, whose list is the group of its
//! target, a group of one. A target that changes is told to the nodes that show it.

use super::{Output, View, rows_of, window};
use crate::algebra::Handle;
use crate::circuit::Circuit;
use crate::engine::report::{ADD, PatchWords, REMOVE, word};
use crate::trace::{NO_GROUP, Relations};

impl View {
    /// The handle that a row in view shows.
    pub(super) fn seen_handle(&self, relations: &Relations, level: usize, owner: u32, row: Handle) -> i32 {
        match self.plan.levels[level].pointer {
            Some(_) => self.nodes.seen(self.nodes.child(level, owner, row) as u32),
            None => self.shown_handle(relations, level, row),
        }
    }

    /// Lets a new node point at the target of its row; the target's handle.
    pub(super) fn point(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        pointer: usize,
        node: u32,
        row: Handle,
    ) -> i32 {
        let group = self.acquire(circuit, relations, pointer, row);
        self.own(circuit, pointer, group, node);
        self.nodes.settle(pointer, node);
        let handle = self.target(circuit, pointer, group);
        self.nodes.see(node, handle);
        handle
    }

    /// Tells what a node's target is now, if it is another row. Whether the node is a new one, which tells all below it.
    pub(super) fn see(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        pointer: usize,
        node: u32,
        at: usize,
        out: &mut Output<'_>,
    ) -> bool {
        self.nodes.settle(pointer, node);
        let now = self.target(circuit, pointer, self.nodes.group(pointer, node));
        let before = self.nodes.see(node, now);
        let (level, owner, row) = self.nodes.place(node);
        let l = &self.plan.levels[level];
        let respelled = |old, new| l.key.iter().any(|&p| !relations.same_cell(l.shown_relation, old, new, p));
        if before >= 0
            && now >= 0
            && before != now
            && out.last != (level, (before, now))
            && respelled(before as Handle, now as Handle)
        {
            // A key in another spelling is another row to lists.
            let child = self.drop_child(circuit, relations, level, owner, row);
            out.put(PatchWords { at: at as i32, old: before, child, ..PatchWords::new(REMOVE, level, owner) });
            self.add(circuit, relations, level, owner, row, at, ADD, out);
            return true;
        }
        let child = self.told(level, node as i32);
        self.put_seen(relations, level, owner, (before, now), at, child, out);
        false
    }

    /// The target of a node has changed by itself: what that is at the node's place in its list.
    /// Cost: O(log n) for the place.
    pub(super) fn emit_pointed(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        pointer: usize,
        node: u32,
        out: &mut Output<'_>,
    ) {
        let (level, owner, row) = self.nodes.place(node);
        let l = &self.plan.levels[level];
        let groups = circuit.nodes().ordered(l.node);
        let list = groups.list(self.nodes.group(level, owner));
        let sort = groups.sort();
        let (entry, tie) = (sort.entry(relations, l.relation, row), |a, b| sort.compare(relations, l.relation, a, b));
        let place = list.partition(|e| e.compare(&entry, &tie).is_lt());
        let (low, _) = window::bounds(&l.window, &rows_of(l, relations, sort), list);
        self.see(circuit, relations, pointer, node, place - low, out);
    }

    fn target(&self, circuit: &Circuit, pointer: usize, group: u32) -> i32 {
        if group == NO_GROUP {
            return -1;
        }
        circuit.nodes().ordered(self.plan.levels[pointer].node).list(group).get(0).map_or(-1, |e| word(e.row))
    }
}
