//! Left join: matching pairs, and left rows without a match paired with nothing.
//!
//! State per left row: its weight and the weight of its matches. The null-extended pair has the row's weight while the
//! matches weigh nothing. Law: ∂(A ⟕ B) = ∂(A ⋈ B) + ∂(A ▷ B) × null. Cost: as the inner join's.

use hashbrown::HashMap;

use super::Formula;
use super::join::{Pairs, Side, left_matches, right_matches, unmatched};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::trace::{HandleState, RelationId, Relations};
use crate::value::sort;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LeftRow {
    weight: Weight,
    matches: i64,
}

impl LeftRow {
    /// Weight of the null-extended pair.
    fn unmatched(self) -> Weight {
        if self.matches == 0 { self.weight } else { 0 }
    }
}

/// Left join.
#[derive(Debug)]
pub struct LeftJoin {
    pairs: Pairs,
    rows: HashMap<Handle, LeftRow, HandleState>,
}

impl LeftJoin {
    /// Left join of two sides into a pair relation.
    pub fn new(left: Side, right: Side, residual: Option<Formula>, output: RelationId) -> Self {
        LeftJoin { pairs: Pairs::new(left, right, residual, output), rows: HashMap::default() }
    }
}

impl Operator for LeftJoin {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let mut examined = self.pairs.change(step, inputs, out);
        let mut before: HashMap<Handle, LeftRow, HandleState> = HashMap::default();
        let mut order: Vec<Handle> = Vec::new();
        let mut touch = |row: Handle, now: LeftRow| {
            before.entry(row).or_insert_with(|| {
                order.push(row);
                now
            });
        };
        let mut fresh: Vec<Handle> = Vec::new();
        for &(row, weight) in inputs[0].rows() {
            let now = self.rows.get(&row).copied();
            touch(row, now.unwrap_or_default());
            let mut next = now.unwrap_or_else(|| {
                fresh.push(row);
                let found = right_matches(step.nodes, step.relations, &self.pairs, row);
                examined += found.len() as u64;
                let matching = found.into_iter().filter(|m| self.pairs.is_pair(step.relations, [row, m.0]));
                LeftRow { weight: 0, matches: matching.map(|m| i64::from(m.1)).sum() }
            });
            next.weight += weight;
            self.rows.insert(row, next);
        }
        sort::by_number(&mut fresh, |row| *row);
        for &(row, weight) in inputs[1].rows() {
            for (left, _) in left_matches(step.nodes, step.relations, &self.pairs, row) {
                examined += 1;
                // A row that is new in this step has counted all its matches already.
                if fresh.binary_search(&left).is_ok() || !self.pairs.is_pair(step.relations, [left, row]) {
                    continue;
                }
                let entry = self.rows.get_mut(&left).expect("a row of the arrangement has state");
                touch(left, *entry);
                entry.matches += i64::from(weight);
            }
        }
        for row in order {
            let was = before[&row];
            let now = self.rows[&row];
            let change = now.unmatched() - was.unmatched();
            if change != 0 {
                let handle = self.pairs.rows.intern_pair(step.relations, unmatched(row));
                out.push(handle, change);
            }
            if now.weight == 0 {
                self.rows.remove(&row);
            }
        }
        step.meter.examined += examined;
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let nothing = Delta::default();
        self.step(step, &Pairs::hydration(inputs, &nothing), out);
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        self.pairs.rows.integrate(relations, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.pairs.rows.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.pairs.bytes() + self.rows.allocation_size()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.pairs.rows.relation()]
    }

    fn error(&self) -> Option<ErrorCode> {
        self.pairs.errors.first()
    }
}
