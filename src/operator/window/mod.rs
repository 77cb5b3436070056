//! Window functions: each row paired with a packed row of what is computed from its partition.
//!
//! Per partition one B+tree of its rows in order (`tree`), whose nodes count rows and groups of peers and hold the sum, count
//! or extreme of each aggregate's argument (`slot`). A step puts the changed rows in, finds out which positions can have
//! other values (`dirty`), computes those (`evaluate`, `frame`), and gives out the rows whose values are others: a row that
//! computes to what it was is no change. Law: out = {(r, w(P′, r))} − {(r, w(P, r))} for the changed partitions P.
//!
//! What is computed after one row came or went at position *p* of a partition of *n*; each value costs O(log n) at most, and
//! mostly a step from the row before.
//!
//! | function, frame | positions computed |
//! |---|---|
//! | `rowNumber` | those behind *p*: all have other values |
//! | `rank`, `denseRank` | those behind the peers of *p*; none for `denseRank` if there are other peers |
//! | `percentRank`, `cumeDist` | all if *n* changed, else as `rank` |
//! | `ntile(k)` | at most one per bucket |
//! | `lag`, `lead` by *k* | *k* beside *p* |
//! | any frame with both ends bounded | those whose frames reach *p* |
//! | `sum`, `avg`, `count`, one end unbounded | those on that side of *p*, unless what was added is nothing |
//! | `min`, `max`, one end unbounded | from *p* on until one is what it was |
//! | `firstValue`, `lastValue`, `nthValue`, one end unbounded | those whose frames end near *p*; on that side of *p* if the row that decides has another value |
//! | any of these, both ends unbounded | all, but only if the value is another one |
//! | with an exclusion and an end unbounded, but for sums | those on that side of *p* |
//!
//! A row that replaces another with equal order, key and arguments (of what a query shows only other fields changed) costs
//! its own values.

mod dirty;
mod evaluate;
mod frame;
mod node;
mod slot;
#[cfg(test)]
mod tests;
mod tree;
mod update;

use hashbrown::HashMap;

use super::{Errors, Formula};
use crate::algebra::{Delta, Handle, NO_ROW};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::query::{Exclude, Frame, FrameUnit, WindowFunction};
use crate::sort;
use crate::trace::{Derived, Entry, HandleState, KeyTable, Path, RelationId, Relations, SortSpec, hash_key};
use crate::value::{RowBuilder, Type};
use dirty::{Stretch, anchor};
use evaluate::Evaluator;
use frame::View;
use slot::{Arguments, Kept, SlotSpec};
use tree::Tree;

/// A computed column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WindowColumn {
    /// Function.
    pub function: WindowFunction,
    /// Its arguments: cells of the row, or constants.
    pub arguments: Vec<Formula>,
    /// Its frame.
    pub frame: Frame,
    /// Type of the result.
    pub ty: Type,
    /// Number of the aggregate that each node of a tree keeps for it; found out when the operator is made.
    slot: Option<usize>,
}

impl WindowColumn {
    /// A column of a function over a frame.
    pub fn new(function: WindowFunction, arguments: Vec<Formula>, frame: Frame, ty: Type) -> Self {
        WindowColumn { function, arguments, frame, ty, slot: None }
    }

    /// Whether its values depend on which rows are peers.
    fn sees_peers(&self) -> bool {
        use WindowFunction as W;
        match self.function {
            W::RowNumber | W::Ntile(_) | W::Shift(_) => false,
            W::Count | W::Sum | W::Avg | W::Min | W::Max => {
                self.frame.unit != FrameUnit::Rows || matches!(self.frame.exclude, Exclude::Group | Exclude::Ties)
            }
            _ => true,
        }
    }
}

/// What is given out for a row.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Row { pair: Handle, computed: Handle },
    Failed(ErrorCode),
}

/// A changed row: partition, place in the order, whether it came.
type Pending = (u32, Entry, bool);

/// Window functions over one partitioning and order.
pub struct Window {
    input: RelationId,
    partition: Vec<Path>,
    sort: SortSpec,
    order: usize,
    columns: Vec<WindowColumn>,
    slots: Vec<SlotSpec>,
    /// Some column sees which rows are peers; else nobody asks the trees for groups, and none are marked.
    sees_peers: bool,
    keys: KeyTable,
    trees: Vec<Tree>,
    rows: HashMap<Handle, Shown, HandleState>,
    computed: Derived,
    output: RelationId,
    builder: RowBuilder,
    errors: Errors,
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Window {
    /// Window functions over the rows of a relation: partitions by the cells at some paths, each in the order of `sort`, of
    /// which the first `order` columns are the order that makes peers, and the others a key. Values are computed into one
    /// relation and paired with the rows in another.
    pub fn new(
        input: RelationId,
        partition: Vec<Path>,
        (sort, order): (SortSpec, usize),
        mut columns: Vec<WindowColumn>,
        computed: RelationId,
        output: RelationId,
    ) -> Self {
        let mut slots: Vec<SlotSpec> = Vec::new();
        for column in &mut columns {
            let (Some(kept), Some(argument)) = (Kept::of(column.function, column.ty), column.arguments.first()) else { continue };
            let spec = SlotSpec { kept, argument: argument.clone() };
            column.slot = Some(slots.iter().position(|s| *s == spec).unwrap_or_else(|| {
                slots.push(spec);
                slots.len() - 1
            }));
        }
        Window {
            input,
            partition,
            sort,
            order,
            sees_peers: columns.iter().any(WindowColumn::sees_peers),
            columns,
            slots,
            keys: KeyTable::default(),
            trees: Vec::new(),
            rows: HashMap::default(),
            computed: Derived::new(computed),
            output,
            builder: RowBuilder::new(),
            errors: Errors::default(),
        }
    }

    fn view<'a>(&'a self, relations: &'a Relations, tree: &'a Tree) -> View<'a> {
        let arguments = Arguments { relations, relation: self.input, slots: &self.slots };
        View { arguments, sort: &self.sort, order: self.order, tree, columns: &self.columns }
    }

    fn partition_of(&mut self, relations: &Relations, row: Handle) -> u32 {
        let (input, paths) = (self.input, &self.partition);
        let hash = hash_key(relations, input, row, paths);
        if let Some(known) = self.keys.find(relations, input, row, paths, hash) {
            return known;
        }
        let id = self.keys.insert(relations, input, row, paths, hash);
        if id as usize == self.trees.len() {
            self.trees.push(Tree::default());
        }
        id
    }

    /// Computes rows, and gives out those with other values.
    fn publish(&mut self, relations: &mut Relations, tree: &Tree, stretches: &[Stretch], out: &mut Delta) -> u64 {
        let mut builder = std::mem::take(&mut self.builder);
        let mut found: Vec<(Handle, Result<usize, ErrorCode>)> = Vec::new();
        let mut bytes: Vec<u8> = Vec::new();
        let mut examined = 0;
        let layout = relations.layout(self.computed.relation());
        let mut evaluator = Evaluator::new(self.view(relations, tree), self.sees_peers);
        for &(from, to) in stretches {
            let mut at = from;
            tree.for_range(from, to, &mut |item| {
                builder.start(layout);
                let mut failed = None;
                for column in 0..self.columns.len() {
                    match evaluator.value(column, at, item.row) {
                        Ok(value) => builder.set(layout, column, value.as_cell()),
                        Err(code) => failed = failed.or(Some(code)),
                    }
                }
                at += 1;
                match (failed, self.rows.get(&item.row)) {
                    (Some(code), Some(Shown::Failed(was))) if code == *was => {}
                    (Some(code), _) => found.push((item.row, Err(code))),
                    (None, shown) => {
                        let row = builder.finish(layout);
                        let was = match shown {
                            Some(Shown::Row { computed, .. }) => relations.row(self.computed.relation(), *computed),
                            _ => &[],
                        };
                        if row != was || shown.is_none() {
                            bytes.extend_from_slice(row);
                            found.push((item.row, Ok(bytes.len())));
                        }
                    }
                }
            });
            examined += (to - from) as u64;
        }
        drop(evaluator);
        self.builder = builder;
        let mut start = 0;
        for (row, result) in found {
            let shown = match result {
                Ok(end) => {
                    let computed = self.computed.intern_row(relations, &bytes[start..end]);
                    start = end;
                    let pair = relations.insert_pair(self.output, [row, computed]);
                    self.computed.add(computed, 1);
                    Shown::Row { pair, computed }
                }
                Err(code) => {
                    self.errors.add(code, 1, [row, NO_ROW]);
                    Shown::Failed(code)
                }
            };
            let before = self.rows.insert(row, shown);
            self.end(relations, row, before, out);
            if let Shown::Row { pair, .. } = shown {
                out.push(pair, 1);
            }
        }
        examined
    }

    /// Takes back what was given out for a row.
    fn end(&mut self, relations: &mut Relations, row: Handle, shown: Option<Shown>, out: &mut Delta) {
        match shown {
            Some(Shown::Row { pair, computed }) => {
                out.push(pair, -1);
                self.computed.add(computed, -1);
                relations.retire(self.output, pair);
            }
            Some(Shown::Failed(code)) => self.errors.add(code, -1, [row, NO_ROW]),
            None => {}
        }
    }
}

impl Operator for Window {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let relations = &mut *step.relations;
        let mut pending: Vec<Pending> = Vec::with_capacity(inputs[0].rows().len());
        for &(row, weight) in inputs[0].rows() {
            debug_assert!(weight == 1 || weight == -1, "keyed rows have weight one");
            let id = self.partition_of(relations, row);
            pending.push((id, self.sort.entry(relations, self.input, row), weight > 0));
        }
        let tie = |a: Handle, b: Handle| self.sort.compare(relations, self.input, a, b);
        // What went before what came in its place.
        sort::by(&mut pending, |a, b| a.0.cmp(&b.0).then_with(|| a.1.compare(&b.1, &tie)).then(a.2.cmp(&b.2)));
        step.meter.examined += pending.len() as u64;
        let mut rest = pending.as_slice();
        while let Some(&(id, ..)) = rest.first() {
            let (changes, after) = rest.split_at(rest.partition_point(|p| p.0 <= id));
            rest = after;
            let before = std::mem::take(&mut self.trees[id as usize]);
            let old_len = before.len();
            let held = |c: &WindowColumn| anchor(c, old_len).and_then(|at| before.get(at)).map(|i| i.row);
            let anchors: Vec<Option<Handle>> = self.columns.iter().map(held).collect();
            let tree = self.change_tree(relations, before, changes);
            let stretches = self.dirty(self.view(relations, &tree), changes, old_len, &anchors);
            for (_, entry, _) in changes.iter().filter(|c| !c.2) {
                let was = self.rows.remove(&entry.row);
                self.end(relations, entry.row, was, out);
            }
            step.meter.examined += self.publish(relations, &tree, &stretches, out);
            if tree.len() == 0 {
                self.keys.remove(id);
            }
            self.trees[id as usize] = tree;
        }
        self.computed.drop_unused(relations);
        // A pair goes once, and those that come are new.
        out.mark_consolidated();
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, crate::algebra::Weight)) {
        for shown in self.rows.values() {
            if let Shown::Row { pair, .. } = shown {
                f(*pair, 1);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.keys.bytes()
            + self.trees.capacity() * size_of::<Tree>()
            + self.trees.iter().map(Tree::bytes).sum::<usize>()
            + self.rows.allocation_size()
            + self.computed.bytes()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.computed.relation(), self.output]
    }

    fn error(&self) -> Option<Failure> {
        self.errors.first([self.input; 2])
    }
}
