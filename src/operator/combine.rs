//! Union, intersection and difference of two relations, by the content of their rows.
//!
//! A row of either side becomes a tuple of its columns; equal tuples are one. State per tuple: how many rows of each side it
//! is. Without `all` the output is the tuples themselves, at most once each; with `all` a tuple that is there n times is n
//! rows, the tuple with the numbers from 1 to n. Not linear: out = [f(a′, b′)] − [f(a, b)] per changed tuple, with f:
//!
//! | | once | all |
//! |---|---|---|
//! | union | a + b > 0 | a + b |
//! | intersect | a > 0 and b > 0 | min(a, b) |
//! | except | a > 0 and b = 0 | max(0, a − b) |
//!
//! Cost: O(1) per changed row and per row of the output that comes or goes.

use hashbrown::HashMap;

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::query::SetOp;
use crate::trace::{Derived, HandleState, Path, RelationId, Relations};
use crate::value::{Cell, RowBuilder};

/// One side of a set operation.
#[derive(Clone, Debug)]
pub struct Member {
    /// Relation of its rows.
    pub relation: RelationId,
    /// The columns of a tuple.
    pub columns: Vec<Path>,
}

/// Set operation.
pub struct Combine {
    op: SetOp,
    sides: [Member; 2],
    tuples: Derived,
    counts: HashMap<Handle, [Weight; 2], HandleState>,
    /// Numbered tuples, with `all`.
    rows: Option<Derived>,
    builder: RowBuilder,
}

impl std::fmt::Debug for Combine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Combine").field("op", &self.op).field("all", &self.rows.is_some()).finish_non_exhaustive()
    }
}

impl Combine {
    /// Operation on two sides, over a relation of tuples and, for `all`, one of tuples with a number behind them.
    pub fn new(op: SetOp, sides: [Member; 2], tuples: RelationId, rows: Option<RelationId>) -> Self {
        Combine {
            op,
            sides,
            tuples: Derived::new(tuples),
            counts: HashMap::default(),
            rows: rows.map(Derived::new),
            builder: RowBuilder::new(),
        }
    }

    fn tuple(&mut self, relations: &mut Relations, side: usize, row: Handle) -> Handle {
        let Member { relation, columns } = &self.sides[side];
        let layout = relations.layout(self.tuples.relation());
        self.builder.start(layout);
        for (c, &path) in columns.iter().enumerate() {
            self.builder.set(layout, c, relations.cell(*relation, row, path));
        }
        let packed = self.builder.finish(layout);
        self.tuples.intern_row(relations, packed)
    }

    /// How often a tuple is in the result.
    fn times(&self, [a, b]: [Weight; 2]) -> Weight {
        match (self.op, self.rows.is_some()) {
            (SetOp::Union, true) => a.checked_add(b).expect("weight overflow"),
            (SetOp::Union, false) => Weight::from(a > 0 || b > 0),
            (SetOp::Intersect, true) => a.min(b),
            (SetOp::Intersect, false) => Weight::from(a > 0 && b > 0),
            (SetOp::Except, true) => (a - b).max(0),
            (SetOp::Except, false) => Weight::from(a > 0 && b == 0),
        }
    }

    /// Emits the rows of a tuple that come or go.
    fn emit(&mut self, relations: &mut Relations, tuple: Handle, was: Weight, now: Weight, out: &mut Delta) {
        let Some(rows) = &mut self.rows else {
            if was != now {
                out.push(tuple, now - was);
            }
            return;
        };
        let width = self.sides[0].columns.len();
        for number in was.min(now) + 1..=was.max(now) {
            let layout = relations.layout(rows.relation());
            self.builder.start(layout);
            for c in 0..width {
                self.builder.set(layout, c, relations.cell(self.tuples.relation(), tuple, Path::column(c)));
            }
            self.builder.set(layout, width, Cell::Int(i64::from(number)));
            let packed = self.builder.finish(layout);
            let row = rows.intern_row(relations, packed);
            out.push(row, (now - was).signum());
        }
    }
}

impl Operator for Combine {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let mut deltas = [Delta::default(), Delta::default()];
        let mut held = Delta::default();
        for side in 0..2 {
            step.meter.examined += inputs[side].rows().len() as u64;
            for &(row, weight) in inputs[side].rows() {
                let tuple = self.tuple(step.relations, side, row);
                deltas[side].push(tuple, weight);
                held.push(tuple, weight);
            }
            deltas[side].consolidate();
        }
        let mut rest = [deltas[0].rows(), deltas[1].rows()];
        while let Some(tuple) = rest.iter().filter_map(|r| r.first()).map(|r| r.0).min() {
            let before = self.counts.get(&tuple).copied().unwrap_or_default();
            let mut after = before;
            for (side, rows) in rest.iter_mut().enumerate() {
                if let [(t, weight), more @ ..] = rows
                    && *t == tuple
                {
                    after[side] = after[side].checked_add(*weight).expect("weight overflow");
                    *rows = more;
                }
            }
            let (was, now) = (self.times(before), self.times(after));
            self.emit(step.relations, tuple, was, now, out);
            if after == [0, 0] {
                self.counts.remove(&tuple);
            } else {
                self.counts.insert(tuple, after);
            }
        }
        held.consolidate();
        self.tuples.integrate(step.relations, &held);
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        if let Some(rows) = &mut self.rows {
            rows.integrate(relations, out);
        }
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        match &self.rows {
            Some(rows) => rows.for_each(f),
            None => self.counts.iter().filter(|(_, n)| self.times(**n) > 0).for_each(|(tuple, _)| f(*tuple, 1)),
        }
    }

    fn bytes(&self) -> usize {
        self.tuples.bytes() + self.counts.allocation_size() + self.rows.as_ref().map_or(0, Derived::bytes)
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        std::iter::once(&self.tuples).chain(&self.rows).map(Derived::relation).collect()
    }
}
