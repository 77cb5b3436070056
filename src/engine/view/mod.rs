//! A registered query's result: which lists it shows, and what each version changes in them.
//!
//! Flat lists need no state of their own: the ordered arrangement below knows old and new positions. Levels with nested
//! associations keep one *node* per shown row: its row, and per association the group that its list is. When a group
//! changes, `owners` tells which nodes show it. Cost per version: O(log n) per touched row and list that shows it.

mod moved;
mod moves;
mod nodes;
mod pointer;
mod read;
mod window;

pub use moves::{Kept, ListChange, Placement};
use nodes::Nodes;
use window::Rows;

use super::params::Params;
use super::report::{ADD, FILL, INNER, MOVE, ONE, PATCH_WORDS, PatchWords, REMOVE, SET, SWAP, word};
use crate::algebra::Handle;
use crate::circuit::{Circuit, NodeId};
use crate::error::ErrorCode;
use crate::plan::{FieldSource, Level, Plan, Window};
use crate::trace::{OrderedList, Relations};

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
    pub failed: Option<ErrorCode>,
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
enum Change {
    /// One row that stays in view.
    Row(Kept),
    /// Anything else.
    Many(ListChange),
}

/// Where patches go.
pub struct Output<'a> {
    /// Words.
    pub words: &'a mut Vec<i32>,
    /// Number of patches.
    pub patches: usize,
    /// Level and rows of the last patch about fields, and where it begins: what shows one row many times tells it in the same words.
    last: (usize, (i32, i32)),
    last_at: usize,
}

impl<'a> Output<'a> {
    /// Patches behind these words.
    pub fn new(words: &'a mut Vec<i32>) -> Self {
        Output { words, patches: 0, last: (usize::MAX, (0, 0)), last_at: 0 }
    }

    fn put(&mut self, patch: PatchWords) {
        patch.write(self.words);
        self.patches += 1;
    }
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
        // Lists that show a change, and what changed in them up to which of these.
        let mut shown: Vec<u32> = Vec::new();
        let mut changes: Vec<(usize, Change)> = Vec::new();
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
            for (end, change) in changes.drain(..) {
                for &owner in &shown[at..end] {
                    match &change {
                        Change::Row(kept) => self.emit_row(circuit, relations, level, owner, *kept, out),
                        Change::Many(change) => self.emit(circuit, relations, level, owner, change, out),
                    }
                }
                at = end;
            }
            shown.clear();
        }
    }

    /// Adds everything that is shown, as patches.
    pub fn snapshot(&self, circuit: &Circuit, relations: &Relations, out: &mut Output<'_>) {
        self.describe(circuit, relations, 0, ROOT, 0, out);
    }

    fn emit(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        change: &ListChange,
        out: &mut Output<'_>,
    ) {
        if self.plan.levels[level].hidden {
            return self.emit_pointed(circuit, relations, level, owner, out);
        }
        if self.plan.levels[level].single {
            return self.emit_single(circuit, relations, level, owner, change, out);
        }
        for &(row, at) in &change.removed {
            let old = self.seen_handle(relations, level, owner, row);
            let child = self.drop_child(circuit, relations, level, owner, row);
            out.put(PatchWords { at: at as i32, old, child, ..PatchWords::new(REMOVE, level, owner) });
        }
        for placement in &change.placements {
            match *placement {
                Placement::Move { row, from, to } => {
                    let child = self.child(level, owner, row);
                    let handle = self.seen_handle(relations, level, owner, row);
                    out.put(PatchWords { at: from as i32, to: to as i32, handle, child, ..PatchWords::new(MOVE, level, owner) });
                }
                Placement::Add { row, at } => self.add(circuit, relations, level, owner, row, at, ADD, out),
            }
        }
        for k in &change.kept {
            self.update(circuit, relations, level, owner, (k.old, k.new), k.to, out);
        }
    }

    /// The one row of a list that a step touched.
    fn emit_row(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        kept: Kept,
        out: &mut Output<'_>,
    ) {
        let Level { hidden, single, .. } = self.plan.levels[level];
        if hidden {
            return self.emit_pointed(circuit, relations, level, owner, out);
        }
        if kept.from != kept.to && !single {
            let child = self.child(level, owner, kept.old);
            let handle = self.seen_handle(relations, level, owner, kept.old);
            let (at, to) = (kept.from as i32, kept.to as i32);
            out.put(PatchWords { at, to, handle, child, ..PatchWords::new(MOVE, level, owner) });
        }
        self.update(circuit, relations, level, owner, (kept.old, kept.new), kept.to, out);
    }

    /// All rows of a flat list that was empty: one patch with a word a row.
    fn emit_fill(&self, relations: &Relations, rows: &Rows<'_>, list: &OrderedList, out: &mut Output<'_>) {
        let (low, high) = window::bounds(&self.plan.levels[0].window, rows, list);
        if low == high {
            return;
        }
        out.put(PatchWords { to: (high - low) as i32, ..PatchWords::new(FILL, 0, ROOT) });
        out.words.reserve(high - low);
        list.for_range(low, high - low, &mut |e| out.words.push(self.shown_handle(relations, 0, e.row)));
    }

    /// The one row of a flat list that a step touched: its move and its new fields, without the bookkeeping of many.
    fn emit_kept(&self, relations: &Relations, kept: Kept, out: &mut Output<'_>) {
        if kept.from != kept.to {
            let handle = self.shown_handle(relations, 0, kept.old);
            out.put(PatchWords { at: kept.from as i32, to: kept.to as i32, handle, ..PatchWords::new(MOVE, 0, ROOT) });
        }
        self.put_fields(relations, 0, ROOT, (kept.old, kept.new), kept.to, -1, out);
    }

    fn emit_single(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        change: &ListChange,
        out: &mut Output<'_>,
    ) {
        let gone = change.removed.first().map(|r| r.0);
        let old = gone.map_or(-1, |row| self.shown_handle(relations, level, row));
        if let Some(row) = gone {
            self.drop_child(circuit, relations, level, owner, row);
        }
        match change.added.first() {
            Some(&(row, _)) => {
                let at = out.words.len();
                self.add(circuit, relations, level, owner, row, 0, ONE, out);
                out.words[at + 6] = old;
            }
            None if gone.is_some() => out.put(PatchWords { old, ..PatchWords::new(ONE, level, owner) }),
            None => {}
        }
        for k in &change.kept {
            self.update(circuit, relations, level, owner, (k.old, k.new), 0, out);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        row: Handle,
        at: usize,
        kind: i32,
        out: &mut Output<'_>,
    ) {
        let l = &self.plan.levels[level];
        let (pointer, has_subs) = (l.pointer, !l.subs.is_empty());
        let node = if has_subs || pointer.is_some() { self.nodes.add(level, owner, row) as i32 } else { -1 };
        let handle = match pointer {
            Some(pointer) => self.point(circuit, relations, pointer, node as u32, row),
            None => self.shown_handle(relations, level, row),
        };
        let child = if has_subs { node } else { -1 };
        out.put(PatchWords { at: at as i32, handle, child, ..PatchWords::new(kind, level, owner) });
        for s in 0..self.plan.levels[level].subs.len() {
            let sub = self.plan.levels[level].subs[s];
            let group = self.acquire(circuit, relations, sub, row);
            self.own(circuit, sub, group, child as u32);
            self.nodes.settle(sub, child as u32);
            self.fill(circuit, relations, sub, child as u32, group, INNER, out);
        }
    }

    /// Adds all rows of a list that is shown anew.
    #[allow(clippy::too_many_arguments)]
    fn fill(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        group: u32,
        flag: i32,
        out: &mut Output<'_>,
    ) {
        if group == crate::trace::NO_GROUP {
            return;
        }
        let l = &self.plan.levels[level];
        let groups = circuit.nodes().ordered(l.node);
        let shown = window::shown(&l.window, &rows_of(l, relations, groups.sort()), groups.list(group));
        let kind = if l.single { ONE } else { ADD } | flag;
        for (at, row) in shown.into_iter().enumerate() {
            self.add(circuit, relations, level, owner, row, at, kind, out);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn update(
        &mut self,
        circuit: &mut Circuit,
        relations: &mut Relations,
        level: usize,
        owner: u32,
        (old, new): (Handle, Handle),
        at: usize,
        out: &mut Output<'_>,
    ) {
        let child = self.nodes.child(level, owner, old);
        if let Some(pointer) = self.plan.levels[level].pointer {
            // Another row of the join table, of the same key: it points at the same target.
            self.nodes.rename(child as u32, new);
            if self.see(circuit, relations, pointer, child as u32, at, out) {
                return;
            }
        } else {
            self.put_fields(relations, level, owner, (old, new), at, child, out);
            if child < 0 {
                return;
            }
            self.nodes.rename(child as u32, new);
        }
        for s in 0..self.plan.levels[level].subs.len() {
            let sub = self.plan.levels[level].subs[s];
            let l = &self.plan.levels[sub];
            let relation = self.plan.levels[level].relation;
            if l.owner.iter().any(|&p| !relations.same_cell(relation, old, new, p)) {
                self.regroup(circuit, relations, sub, child as u32, new, out);
            }
        }
    }

    /// The new fields of a row: SET, or SWAP when only its handle is another.
    #[allow(clippy::too_many_arguments)]
    fn put_fields(
        &self,
        relations: &Relations,
        level: usize,
        owner: u32,
        (old, new): (Handle, Handle),
        at: usize,
        child: i32,
        out: &mut Output<'_>,
    ) {
        let seen = (self.shown_handle(relations, level, old), self.shown_handle(relations, level, new));
        self.put_seen(relations, level, owner, seen, at, child, out);
    }

    /// The same of handles that are shown.
    #[allow(clippy::too_many_arguments)]
    fn put_seen(
        &self,
        relations: &Relations,
        level: usize,
        owner: u32,
        (before, now): (i32, i32),
        at: usize,
        child: i32,
        out: &mut Output<'_>,
    ) {
        if before == now {
            return;
        }
        let start = out.words.len();
        let patch = PatchWords { at: at as i32, handle: now, old: before, child, ..PatchWords::new(SET, level, owner) };
        if out.last == (level, (before, now)) {
            let kind = out.words[out.last_at];
            out.put(PatchWords { kind, ..patch });
            if kind == SET {
                let mask = out.last_at + PATCH_WORDS;
                out.words.extend_from_within(mask..mask + self.plan.levels[level].mask_words());
            }
            return;
        }
        (out.last, out.last_at) = ((level, (before, now)), start);
        out.put(patch);
        if !self.mask(relations, level, before as Handle, now as Handle, out.words) {
            out.words.truncate(start + PATCH_WORDS);
            out.words[start] = SWAP;
        }
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
    fn child(&self, level: usize, owner: u32, row: Handle) -> i32 {
        self.told(level, self.nodes.child(level, owner, row))
    }

    /// Nodes that only point are nobody's business.
    fn told(&self, level: usize, node: i32) -> i32 {
        if self.plan.levels[level].subs.is_empty() { -1 } else { node }
    }

    fn shown_handle(&self, relations: &Relations, level: usize, row: Handle) -> i32 {
        let l = &self.plan.levels[level];
        if l.shown.is_empty() {
            return word(row);
        }
        word(relations.member(l.relation, row, l.shown.iter().copied()).1)
    }

    /// Appends a bit per changed field; whether any is set.
    fn mask(&self, relations: &Relations, level: usize, old: Handle, new: Handle, out: &mut Vec<i32>) -> bool {
        let l = &self.plan.levels[level];
        let relation = l.shown_relation;
        let start = out.len();
        out.resize(start + l.mask_words(), 0);
        let mut any = false;
        let packed = relations
            .is_packed(relation)
            .then(|| relations.layout(relation).two(relations.row(relation, old), relations.row(relation, new)));
        for (i, field) in l.fields.iter().enumerate() {
            let differs = match &field.source {
                FieldSource::Cell(p) => match packed {
                    Some(rows) => !rows.agree(p.leaf()),
                    None => !relations.same_cell(relation, old, new, *p),
                },
                FieldSource::Row { turns, .. } => {
                    relations.member(relation, old, turns.iter().copied())
                        != relations.member(relation, new, turns.iter().copied())
                }
            };
            if differs {
                any = true;
                out[start + i / 32] |= 1 << (i % 32);
            }
        }
        any
    }
}

fn rows_of<'a>(level: &'a Level, relations: &'a Relations, sort: &'a crate::trace::SortSpec) -> Rows<'a> {
    Rows { relations, relation: level.relation, sort, shown: &level.shown, key: &level.identity }
}
