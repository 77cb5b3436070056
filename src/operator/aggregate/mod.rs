//! Groups and their aggregates.
//!
//! Per group: rows, and one accumulator per call (`accumulator`). Output: one row per group (group cells, then aggregates),
//! replaced when a value changed. Without group columns there is one group, which exists also without rows.
//! Cost: O(log n) per changed row and call, one output row per changed group; what is put together of all rows of a group
//! (`stringAgg`, `jsonAgg`) is written anew for the rows near the one that changed, and copied as a whole. An update of columns that
//! neither the groups nor a call look at costs these comparisons and nothing more.
//! Law: out = [f(G′)] − [f(G)] per changed group.
//!
//! One file a family: `exact_sum` (sums, means), `spread` (variances), `multiset` (extremes, percentiles, modes, distinct),
//! `ordered` (rows in an order), over the tree of `ranked`.

mod accumulator;
mod call;
mod decimals;
mod exact_sum;
mod limbs;
mod multiset;
mod ordered;
mod ranked;
mod spans;
mod spread;

pub use call::Call;
pub use exact_sum::ExactSum;
pub use spans::Spans;

use super::{Errors, Row};
use crate::algebra::{Delta, Handle, NO_ROW, Weight};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::query::AggregateFunction;
use crate::trace::{Index, Path, RelationId, Relations, Slab, same_cells};
use crate::value::{Cell, Hasher64, RowBuilder, Value, total_order};
use accumulator::Accumulator;

#[derive(Debug)]
struct Group {
    hash: u64,
    key: Box<[Value]>,
    rows: i64,
    accumulators: Box<[Accumulator]>,
    /// Output row, while there is one.
    shown: Option<Handle>,
    /// The result is out of range: counted as an error, no row shown.
    failed: Option<ErrorCode>,
    queued: bool,
}

/// Aggregation.
pub struct AggregateGroups {
    input: RelationId,
    columns: Vec<Path>,
    calls: Vec<Call>,
    /// What may fail is evaluated behind what is counted.
    fallible: bool,
    /// No call gives what is of no fixed size.
    fixed: bool,
    index: Index,
    groups: Slab<Group>,
    free: Vec<u32>,
    changed: Vec<u32>,
    /// Relation of the output. No two groups have a key in common, so no two of its rows are equal.
    output: RelationId,
    errors: Errors,
    builder: RowBuilder,
    /// The row that is no group's, once it was asked for.
    nothing: Option<Handle>,
}

impl std::fmt::Debug for AggregateGroups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AggregateGroups").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl AggregateGroups {
    /// Aggregation of a relation's rows into a packed relation: group cells, then aggregates.
    pub fn new(input: RelationId, columns: Vec<Path>, calls: Vec<Call>, output: RelationId) -> Self {
        AggregateGroups {
            input,
            columns,
            fallible: if let [call] = &calls[..] { call.order_may_fail() } else { calls.iter().any(Call::may_fail) },
            fixed: calls.iter().all(|call| !call.ty.is_var()),
            calls,
            index: Index::default(),
            groups: Slab::default(),
            free: Vec::new(),
            changed: Vec::new(),
            output,
            errors: Errors::default(),
            builder: RowBuilder::new(),
            nothing: None,
        }
    }

    fn group_of(&mut self, calls: &[Call], relations: &Relations, row: Handle) -> u32 {
        let mut hasher = Hasher64::new();
        for &p in &self.columns {
            hasher.cell(relations.cell(self.input, row, p));
        }
        let hash = hasher.finish();
        let (groups, columns, input) = (&self.groups, &self.columns, self.input);
        let found = self.index.find(hash, |g| {
            let group = &groups[g as usize];
            let same = |(v, &p): (&Value, &Path)| total_order(v.as_cell(), relations.cell(input, row, p)).is_eq();
            group.hash == hash && group.key.iter().zip(columns).all(same)
        });
        if let Some(g) = found {
            return g;
        }
        let key = self.columns.iter().map(|&p| relations.cell(self.input, row, p).to_value()).collect();
        self.new_group(calls, hash, key)
    }

    fn new_group(&mut self, calls: &[Call], hash: u64, key: Box<[Value]>) -> u32 {
        let accumulators = calls.iter().map(Accumulator::new).collect();
        let group = Group { hash, key, rows: 0, accumulators, shown: None, failed: None, queued: false };
        let g = if let Some(g) = self.free.pop() {
            self.groups[g as usize] = group;
            g
        } else {
            self.groups.push(group);
            self.groups.len() as u32 - 1
        };
        let groups = &self.groups;
        self.index.insert(hash, g, &|g| groups[g as usize].hash);
        g
    }

    /// Adds a row, of a group if that is known already; its group.
    fn add_row(
        &mut self,
        calls: &[Call],
        relations: &Relations,
        handle: Handle,
        weight: Weight,
        known: Option<u32>,
    ) -> Result<u32, ErrorCode> {
        let row = Row { relations, relation: self.input, handle };
        if self.fallible {
            // A row that fails must not be counted in part.
            calls.iter().try_for_each(|call| call.check(row))?;
        }
        // Of a single call this is all that may fail.
        let mut first = calls.first().map(|call| call.taken(row)).transpose()?;
        let g = known.unwrap_or_else(|| self.group_of(calls, relations, handle));
        let group = &mut self.groups[g as usize];
        group.rows += i64::from(weight);
        for (accumulator, call) in group.accumulators.iter_mut().zip(calls) {
            let taken = first.take().map_or_else(|| call.taken(row), Ok)?;
            if let Some(value) = taken {
                accumulator.add(call, row, value.as_cell(), weight);
            }
        }
        if !group.queued {
            group.queued = true;
            self.changed.push(g);
        }
        Ok(g)
    }

    /// The row of a group as it is now; none if it is the one before.
    fn row_of(&mut self, relations: &Relations, g: u32, before: Option<Handle>) -> Result<Option<Box<[u8]>>, ErrorCode> {
        let group = &mut self.groups[g as usize];
        let layout = relations.layout(self.output);
        let keys = group.key.len();
        let mut failed = None;
        let results = group.accumulators.iter_mut().zip(&self.calls).enumerate().map(|(i, (accumulator, call))| {
            let value = accumulator.result(call, relations, self.input);
            (
                keys + i,
                value.unwrap_or_else(|code| {
                    failed = failed.or(Some(code));
                    Value::Null
                }),
            )
        });
        let row = match before {
            // The group's cells stay as they are.
            Some(before) if self.fixed => {
                let mut row: Box<[u8]> = relations.row(self.output, before).into();
                let changed = results.fold(false, |changed, (c, v)| layout.put_fixed(&mut row, c, v.as_cell()) | changed);
                changed.then_some(row)
            }
            _ => {
                self.builder.start(layout);
                for (c, v) in group.key.iter().enumerate() {
                    self.builder.set(layout, c, v.as_cell());
                }
                results.for_each(|(c, v)| self.builder.set(layout, c, v.as_cell()));
                let row = self.builder.finish(layout);
                before.is_none_or(|h| relations.row(self.output, h) != row).then(|| row.into())
            }
        };
        failed.map_or(Ok(row), Err)
    }

    fn publish(&mut self, relations: &mut Relations, g: u32, out: &mut Delta) {
        let group = &mut self.groups[g as usize];
        group.queued = false;
        if let Some(code) = group.failed.take() {
            self.errors.add(code, -1, [NO_ROW; 2]);
        }
        let before = group.shown.take();
        let exists = group.rows > 0 || self.columns.is_empty();
        if exists {
            let row = self.row_of(relations, g, before);
            let group = &mut self.groups[g as usize];
            match row {
                Ok(row) => group.shown = row.map(|row| relations.insert_row(self.output, row)).or(before),
                Err(code) => {
                    group.failed = Some(code);
                    self.errors.add(code, 1, [NO_ROW; 2]);
                }
            }
        }
        let group = &mut self.groups[g as usize];
        if before != group.shown {
            if let Some(h) = before {
                out.push(h, -1);
                relations.retire(self.output, h);
            }
            group.shown.into_iter().for_each(|h| out.push(h, 1));
        }
        if !exists {
            group.key = Box::default();
            group.accumulators = Box::default();
            let (hash, groups) = (group.hash, &self.groups);
            self.index.remove(hash, g, &|i| groups[i as usize].hash);
            self.free.push(g);
        }
    }
}

impl Operator for AggregateGroups {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        // Of an update both rows mostly are of one group, which is looked up once: if the update is of what a call looks at.
        let mut of_one = false;
        if let Some((old, new, _)) = inputs[0].update() {
            let relations = &*step.relations;
            of_one = same_cells(relations, self.input, old, new, &self.columns);
            // Among rows that fail it is the new one that may be named.
            if of_one && self.errors.is_empty() && self.calls.iter().all(|call| call.agrees(relations, self.input, [old, new])) {
                return;
            }
        }
        step.meter.examined += inputs[0].rows().len() as u64;
        let calls = std::mem::take(&mut self.calls);
        let mut last = None;
        for &(row, weight) in inputs[0].rows() {
            match self.add_row(&calls, step.relations, row, weight, last.filter(|_| of_one)) {
                Ok(group) => last = Some(group),
                Err(code) => self.errors.add(code, weight, [row, NO_ROW]),
            }
        }
        self.calls = calls;
        let mut changed = std::mem::take(&mut self.changed);
        for &g in &changed {
            self.publish(step.relations, g, out);
        }
        changed.clear();
        if changed.capacity() < 1 << 10 {
            self.changed = changed;
        }
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        if self.columns.is_empty() {
            let calls = std::mem::take(&mut self.calls);
            let g = self.new_group(&calls, Hasher64::new().finish(), Box::default());
            self.calls = calls;
            self.groups[g as usize].queued = true;
            self.changed.push(g);
        }
        self.step(step, inputs, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        for g in 0..self.groups.len() {
            if let Some(row) = self.groups[g].shown {
                f(row, 1);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.index.bytes()
            + self.groups.bytes()
            + self.groups.iter().flat_map(|g| g.accumulators.iter()).map(|a| size_of::<Accumulator>() + a.bytes()).sum::<usize>()
    }

    fn nothing(&mut self, relations: &mut Relations) -> Handle {
        *self.nothing.get_or_insert_with(|| {
            let layout = relations.layout(self.output);
            self.builder.start(layout);
            let calls = self.calls.iter().enumerate();
            for (i, _) in calls.filter(|(_, call)| call.function == AggregateFunction::Count) {
                self.builder.set(layout, self.columns.len() + i, Cell::Int(0));
            }
            let row = self.builder.finish(layout).into();
            relations.insert_row(self.output, row)
        })
    }

    fn sweep(&mut self, pieces: usize) -> usize {
        self.groups.drop_last(pieces)
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.output]
    }

    fn error(&self) -> Option<Failure> {
        self.errors.first([self.input; 2])
    }
}
