//! A registered query's result: which lists it shows, and what each version changes in them.
//!
//! Flat lists need no state of their own: the ordered arrangement below knows old and new positions. Levels with nested
//! associations keep one *node* per shown row: its row, and per association the group that its list is. When a group
//! changes, `owners` tells which nodes show it. Cost per version: O(log n) per touched row and list that shows it.

mod emit;
mod moved;
mod moves;
mod nodes;
mod pointer;
mod read;
mod window;

pub use emit::Output;
pub use moves::{Kept, ListChange, Placement};
use nodes::Nodes;
use window::Rows;

use super::params::Params;
use crate::algebra::Handle;
use crate::circuit::{Circuit, Failure, NodeId};
use crate::plan::{Level, Plan, Window};
use crate::trace::Relations;

/// Id of the node that owns the root list.
pub const ROOT: u32 = 0;

/// The state of one registered query.
#[derive(Debug)]
pub struct View {
    id: u32,
    /// Its plan.
    pub plan: Plan,
    nodes: Nodes,
    /// What error it was in when last reported.
    pub failed: Option<Failure>,
    /// Parameters of the query.
    pub params: Option<Params>,
    /// The windows of all levels before the version that moves them.
    before: Option<Vec<Window>>,
}

/// A changed list that a view holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The view.
    pub view: u32,
    /// The arrangement of the list.
    pub node: NodeId,
    /// Its place among the arrangement's changes.
    pub at: u32,
}

/// What is no node any more.
const NO_NODE: NodeId = NodeId::MAX;

/// Place of no list: the view is looked at for another reason.
pub const NOT_CHANGED: u32 = u32::MAX;

/// What lists of a level show differently.
#[derive(Debug)]
enum Change {
    /// One row that stays in view.
    Row(Kept),
    /// Anything else.
    Many(ListChange),
}

/// Lists that show a change, and what changed in them up to which of these.
#[derive(Debug, Default)]
pub struct Scratch {
    shown: Vec<u32>,
    changes: Vec<(usize, Change)>,
}

impl View {
    /// Opens a view over a plan: nodes for what is shown now. The lists that it shows are held under its number.
    pub fn open(id: u32, plan: Plan, circuit: &mut Circuit, relations: &mut Relations) -> Self {
        let nodes = Nodes::new(plan.levels.len());
        let mut view = View { id, plan, nodes, failed: None, params: None, before: None };
        let group = circuit.acquire(relations, view.plan.levels[0].node, (0, 0), &[]);
        view.own(circuit, 0, group, ROOT);
        if !view.is_flat() {
            let mut nothing = Vec::new();
            view.fill(circuit, relations, 0, ROOT, group, 0, &mut Output::new(&mut nothing));
        }
        view
    }

    /// Its query is forgotten: the operators that only it used go, and what else it has when it is [swept](Self::sweep).
    pub fn close(&mut self, circuit: &mut Circuit, relations: &mut Relations) {
        let View { id, plan, .. } = self;
        let uses = |node| plan.levels.iter().filter(|l| l.node == node).count();
        let is_own: Vec<bool> = plan.levels.iter().map(|l| circuit.users(l.node) as usize == uses(l.node)).collect();
        if !is_own[0] {
            let node = plan.levels[0].node;
            circuit.ordered_mut(node).let_go(0, *id);
            circuit.give_back(relations, node, 0);
        }
        for (level, _) in plan.levels.iter_mut().zip(is_own).filter(|(_, is_own)| *is_own) {
            circuit.release(relations, std::mem::replace(&mut level.node, NO_NODE));
        }
        plan.gates.drain(..).for_each(|gate| circuit.release(relations, gate));
        self.params.take().into_iter().for_each(|p| p.close(relations));
    }

    /// Drops up to so many nodes of a view that is closed, and gives back their places in lists that others show too. How many there
    /// were; with fewer than so many all is done.
    pub fn sweep(&mut self, pieces: usize, circuit: &mut Circuit, relations: &mut Relations) -> usize {
        let View { id, plan, nodes, .. } = self;
        let dropped = nodes.sweep(pieces, &mut |level, group| {
            // That of the root was given back.
            let node = plan.levels[level].node;
            if level > 0 && node != NO_NODE {
                circuit.ordered_mut(node).let_go(group, *id);
                circuit.give_back(relations, node, group);
            }
        });
        if dropped < pieces {
            let shared = plan.levels.drain(..).map(|level| level.node).filter(|node| *node != NO_NODE);
            shared.for_each(|node| circuit.release(relations, node));
        }
        dropped
    }

    /// One level only: no nodes, rows are read by position.
    pub fn is_flat(&self) -> bool {
        self.plan.levels.len() == 1
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.nodes.bytes()
    }

    /// Changes windows; [`absorb`](Self::absorb) tells what this shows differently.
    pub fn rewindow(&mut self, set: &mut dyn FnMut(&mut Level)) {
        let before: Vec<Window> = self.plan.levels.iter().map(|l| l.window.clone()).collect();
        self.plan.levels.iter_mut().for_each(set);
        if self.plan.levels.iter().zip(&before).any(|(l, b)| l.window != *b) {
            self.before = Some(before);
        }
    }

    /// Turns what the last step did to the lists that this view holds into patches.
    pub fn absorb(&mut self, circuit: &mut Circuit, relations: &mut Relations, touched: &[Touched], out: &mut Output<'_>) {
        if self.before.is_some() {
            return self.absorb_moved(circuit, relations, out);
        }
        if self.is_flat() {
            let change = {
                let l = &self.plan.levels[0];
                let groups = circuit.nodes().ordered(l.node);
                let Some(delta) = groups.change_of(0) else { return };
                let rows = rows_of(l, relations, groups.sort());
                if delta.old_len == 0 {
                    return self.emit_fill(relations, &rows, groups.list(0), out);
                }
                if let Some(kept) = window::only_row(&l.window, &rows, groups.list(0), delta) {
                    return self.emit_kept(relations, kept, out);
                }
                window::change(&l.window, &rows, groups.list(0), delta)
            };
            return self.emit(circuit, relations, 0, ROOT, &change, out);
        }
        self.nodes.begin();
        let Scratch { mut shown, mut changes } = std::mem::take(&mut out.scratch);
        for level in 0..self.plan.levels.len() {
            {
                let l = &self.plan.levels[level];
                let groups = circuit.nodes().ordered(l.node);
                let rows = rows_of(l, relations, groups.sort());
                for touched in touched.iter().filter(|t| t.node == l.node && t.at != NOT_CHANGED) {
                    let delta = &groups.changes()[touched.at as usize];
                    let before = shown.len();
                    shown.extend(self.nodes.owners(level, delta.group).filter(|&o| !self.nodes.is_settled(level, o)));
                    if shown.len() == before {
                        continue;
                    }
                    let list = groups.list(delta.group);
                    let change = match window::only_row(&l.window, &rows, list, delta) {
                        Some(kept) => Change::Row(kept),
                        None => Change::Many(window::change(&l.window, &rows, list, delta)),
                    };
                    match &change {
                        Change::Many(change) if change.is_empty() => shown.truncate(before),
                        _ => changes.push((shown.len(), change)),
                    }
                }
            }
            let mut at = 0;
            for &(end, ref change) in &changes {
                for &owner in &shown[at..end] {
                    match change {
                        Change::Row(kept) => self.emit_row(circuit, relations, level, owner, *kept, out),
                        Change::Many(change) => self.emit(circuit, relations, level, owner, change, out),
                    }
                }
                at = end;
            }
            changes.clear();
            shown.clear();
        }
        if shown.capacity() < 1 << 12 {
            out.scratch = Scratch { shown, changes };
        }
    }

    /// Adds everything that is shown, as patches.
    pub fn snapshot(&self, circuit: &Circuit, relations: &Relations, out: &mut Output<'_>) {
        self.describe(circuit, relations, 0, ROOT, 0, out);
    }

    /// An owner refers to another list now: what differs between the old and the new one.
    fn regroup(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        row: Handle,
        out: &mut Output<'_>,
    ) {
        let before = self.nodes.group(level, owner);
        let now = self.acquire(circuit, relations, level, row);
        let change = {
            let l = &self.plan.levels[level];
            let groups = circuit.nodes().ordered(l.node);
            let rows = rows_of(l, relations, groups.sort());
            let list = |group, old: bool| match group {
                crate::trace::NO_GROUP => Vec::new(),
                g if old => {
                    let before = self.before.as_ref().map_or(&l.window, |b| &b[level]);
                    window::shown_before(before, &rows, groups.list(g), groups.change_of(g))
                }
                g => window::shown(&l.window, &rows, groups.list(g)),
            };
            window::compare(&rows, &list(before, true), &list(now, false))
        };
        if self.nodes.disown(level, owner) {
            circuit.ordered_mut(self.plan.levels[level].node).let_go(before, self.id);
        }
        self.own(circuit, level, now, owner);
        self.nodes.settle(level, owner);
        self.emit(circuit, relations, level, owner, &change, out);
        circuit.give_back(relations, self.plan.levels[level].node, before);
    }

    fn acquire(&self, circuit: &mut Circuit, relations: &mut Relations, sub: usize, owner_row: Handle) -> u32 {
        let l = &self.plan.levels[sub];
        let owner_relation = self.plan.levels[l.parent.expect("a nested level")].relation;
        circuit.acquire(relations, l.node, (owner_relation, owner_row), &l.owner)
    }

    /// A node's list at a level is a group now.
    fn own(&mut self, circuit: &mut Circuit, level: usize, group: u32, node: u32) {
        if self.nodes.own(level, group, node) {
            circuit.ordered_mut(self.plan.levels[level].node).hold(group, self.id);
        }
    }

    fn drop_child(&mut self, circuit: &mut Circuit, relations: &mut Relations, level: usize, owner: u32, row: Handle) -> i32 {
        let child = self.nodes.child(level, owner, row);
        if child >= 0 {
            let View { id, plan, nodes, .. } = self;
            nodes.remove(child as u32, &mut |sub, group, is_last| {
                let node = plan.levels[sub].node;
                if is_last {
                    circuit.ordered_mut(node).let_go(group, *id);
                }
                circuit.give_back(relations, node, group);
            });
        }
        self.told(level, child)
    }

    /// A row's node as patches name it.
    #[inline(always)]
    fn child(&self, level: usize, owner: u32, row: Handle) -> i32 {
        self.told(level, self.nodes.child(level, owner, row))
    }

    /// Nodes that only point are nobody's business.
    fn told(&self, level: usize, node: i32) -> i32 {
        if self.plan.levels[level].subs.is_empty() { -1 } else { node }
    }
}

fn rows_of<'a>(level: &'a Level, relations: &'a Relations, sort: &'a crate::trace::SortSpec) -> Rows<'a> {
    Rows { relations, relation: level.relation, sort, shown: &level.shown, key: &level.identity }
}
