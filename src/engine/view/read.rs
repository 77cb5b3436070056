//! Reading a view: its rows as patches (a snapshot), or as trees for tests and tools.

use super::window;
use super::{Output, ROOT, View, rows_of};
use crate::algebra::{Handle, NO_ROW};
use crate::circuit::Circuit;
use crate::engine::report::{ADD, INNER, ONE, PatchWords};
use crate::plan::{FieldSource, Window};
use crate::query::Schema;
use crate::trace::{GroupId, NO_GROUP, Path, RelationId, Relations};
use crate::value::{Field, RowTree};

impl View {
    /// Number of rows in the root list's window.
    pub fn len(&self, circuit: &Circuit, relations: &Relations) -> usize {
        let l = &self.plan.levels[0];
        let groups = circuit.nodes().ordered(l.node);
        let (low, high) = window::bounds(&l.window, &rows_of(l, relations, groups.sort()), groups.list(0));
        high - low
    }

    /// The same if all of it were shown.
    pub fn total(&self, circuit: &Circuit, relations: &Relations) -> usize {
        let l = &self.plan.levels[0];
        let groups = circuit.nodes().ordered(l.node);
        let whole = Window { part: None, ..l.window.clone() };
        let (low, high) = window::bounds(&whole, &rows_of(l, relations, groups.sort()), groups.list(0));
        high - low
    }

    /// Shown handles of a part of the root list. Cost: O(log n + count).
    pub fn slice(&self, circuit: &Circuit, relations: &Relations, start: usize, count: usize, out: &mut Vec<i32>) {
        let l = &self.plan.levels[0];
        let groups = circuit.nodes().ordered(l.node);
        let list = groups.list(0);
        let (low, high) = window::bounds(&l.window, &rows_of(l, relations, groups.sort()), list);
        let from = low.saturating_add(start).min(high);
        out.reserve(count.min(high - from));
        list.for_range(from, count.min(high - from), &mut |e| out.push(self.shown_handle(relations, 0, e.row)));
    }

    /// Adds a list's rows and what is below them.
    pub(super) fn describe(
        &self,
        circuit: &Circuit,
        relations: &Relations,
        level: usize,
        owner: u32,
        group: GroupId,
        out: &mut Output<'_>,
    ) {
        if group == NO_GROUP {
            return;
        }
        let l = &self.plan.levels[level];
        let groups = circuit.nodes().ordered(l.node);
        let shown = window::shown(&l.window, &rows_of(l, relations, groups.sort()), groups.list(group));
        let kind = if l.single { ONE } else { ADD } | if owner == ROOT { 0 } else { INNER };
        for (at, row) in shown.into_iter().enumerate() {
            let child = self.child(level, owner, row);
            let handle = self.seen_handle(relations, level, owner, row);
            out.put(PatchWords { at: at as i32, handle, child, ..PatchWords::new(kind, level, owner) });
            for &sub in &l.subs {
                let group = self.nodes.group(sub, child as u32);
                self.describe(circuit, relations, sub, child as u32, group, out);
            }
        }
    }

    /// The rows as trees, read from the arrangements.
    pub fn rows(&self, schema: &Schema, circuit: &Circuit, relations: &Relations) -> Vec<RowTree> {
        self.trees(schema, circuit, relations, 0, 0)
    }

    fn trees(&self, schema: &Schema, circuit: &Circuit, relations: &Relations, level: usize, group: GroupId) -> Vec<RowTree> {
        if group == NO_GROUP {
            return Vec::new();
        }
        let l = &self.plan.levels[level];
        let groups = circuit.nodes().ordered(l.node);
        let shown = window::shown(&l.window, &rows_of(l, relations, groups.sort()), groups.list(group));
        shown
            .into_iter()
            .map(|row| {
                let handle = match l.pointer {
                    None => self.shown_handle(relations, level, row) as Handle,
                    Some(pointer) => {
                        let p = &self.plan.levels[pointer];
                        let targets = circuit.nodes().ordered(p.node);
                        let group = targets.find(relations, l.relation, row, &p.owner);
                        targets.list(group).get(0).expect("a pair in a list has its target").row
                    }
                };
                let mut tree = self.tree(schema, relations, level, handle);
                for &sub in &l.subs {
                    let s = &self.plan.levels[sub];
                    let group = circuit.nodes().ordered(s.node).find(relations, l.relation, row, &s.owner);
                    let mut rows = self.trees(schema, circuit, relations, sub, group);
                    let field = if s.single { Field::Row(rows.pop().map(Box::new)) } else { Field::List(rows) };
                    tree.fields.push((s.name.clone().unwrap_or_default(), field));
                }
                tree
            })
            .collect()
    }

    /// A shown row's own fields.
    pub fn tree(&self, schema: &Schema, relations: &Relations, level: usize, handle: Handle) -> RowTree {
        let l = &self.plan.levels[level];
        let relation = l.shown_relation;
        let value = |rel: RelationId, row: Handle, p: Path| relations.cell(rel, row, p).to_value();
        let fields = l.fields.iter().map(|f| {
            let field = match &f.source {
                FieldSource::Cell(p) => Field::Value(value(relation, handle, *p)),
                FieldSource::Row { turns, table } => {
                    let (rel, row) = relations.member(relation, handle, turns.iter().copied());
                    Field::Row((row != NO_ROW).then(|| {
                        let t = schema.by_id(*table);
                        let cell = |c: usize| value(rel, row, Path::column(c));
                        let fields = t.names().enumerate().map(|(c, n)| (n.to_owned(), Field::Value(cell(c)))).collect();
                        Box::new(RowTree { key: t.key.iter().map(|&c| cell(c)).collect(), fields })
                    }))
                }
            };
            (f.name.clone(), field)
        });
        let fields = fields.collect();
        RowTree { key: l.key.iter().map(|&p| value(relation, handle, p)).collect(), fields }
    }
}
