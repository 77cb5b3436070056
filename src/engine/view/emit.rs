//! What lists show differently, as the words of patches.

use super::window::{self, Rows};
use super::{Kept, ListChange, Placement, ROOT, Scratch, View, rows_of};
use crate::algebra::Handle;
use crate::circuit::Circuit;
use crate::engine::report::{ADD, FILL, INNER, MOVE, ONE, PATCH_WORDS, PatchWords, REMOVE, SET, SWAP, word};
use crate::plan::{FieldSource, Level};
use crate::trace::{OrderedList, Relations};

/// Where patches go.
pub struct Output<'a> {
    /// Words.
    pub words: &'a mut Vec<i32>,
    /// Number of patches.
    pub patches: usize,
    /// Level and rows of the last patch about fields, and where it begins: what shows one row many times tells it in the same words.
    pub(super) last: (usize, (i32, i32)),
    last_at: usize,
    /// Kept for its memory.
    pub scratch: Scratch,
}

impl<'a> Output<'a> {
    /// Patches behind these words.
    pub fn new(words: &'a mut Vec<i32>) -> Self {
        Output { words, patches: 0, last: (usize::MAX, (0, 0)), last_at: 0, scratch: Scratch::default() }
    }

    pub(super) fn put(&mut self, patch: PatchWords) {
        patch.write(self.words);
        self.patches += 1;
    }
}

impl View {
    pub(super) fn emit(
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
    pub(super) fn emit_row(
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
    pub(super) fn emit_fill(&self, relations: &Relations, rows: &Rows<'_>, list: &OrderedList, out: &mut Output<'_>) {
        let (low, high) = window::bounds(&self.plan.levels[0].window, rows, list);
        if low == high {
            return;
        }
        out.put(PatchWords { to: (high - low) as i32, ..PatchWords::new(FILL, 0, ROOT) });
        out.words.reserve(high - low);
        list.for_range(low, high - low, &mut |e| out.words.push(self.shown_handle(relations, 0, e.row)));
    }

    /// The one row of a flat list that a step touched: its move and its new fields, without the bookkeeping of many.
    pub(super) fn emit_kept(&self, relations: &Relations, kept: Kept, out: &mut Output<'_>) {
        if kept.from != kept.to {
            let handle = self.shown_handle(relations, 0, kept.old);
            out.put(PatchWords { at: kept.from as i32, to: kept.to as i32, handle, ..PatchWords::new(MOVE, 0, ROOT) });
        }
        self.put_fields(relations, 0, ROOT, (kept.old, kept.new), kept.to, -1, out);
    }

    pub(super) fn emit_single(
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
    pub(super) fn add(
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
    pub(super) fn fill(
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
    pub(super) fn update(
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
    #[inline(always)]
    pub(super) fn put_fields(
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
    pub(super) fn put_seen(
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

    pub(super) fn shown_handle(&self, relations: &Relations, level: usize, row: Handle) -> i32 {
        let l = &self.plan.levels[level];
        if l.shown.is_empty() {
            return word(row);
        }
        word(relations.member(l.relation, row, l.shown.iter().copied()).1)
    }

    /// Appends a bit per changed field; whether any is set.
    pub(super) fn mask(&self, relations: &Relations, level: usize, old: Handle, new: Handle, out: &mut Vec<i32>) -> bool {
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
