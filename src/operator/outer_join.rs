//! Left, right and full join: matching pairs, and rows of the kept sides without a match paired with nothing.
//!
//! State per row of a kept side: its weight and the weight of its matches. The null-extended pair has the row's weight while
//! the matches weigh nothing. Law: ∂(A ⟕ B) = ∂(A ⋈ B) + ∂(A ▷ B) × null, and the same for the other side. Cost: as the inner
//! join's.

use hashbrown::HashMap;

use super::join::{Found, Pairs, ordered, product};
use crate::algebra::{Delta, Handle, NO_ROW, Weight};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::sort;
use crate::trace::{HandleState, RelationId, Relations};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Kept {
    weight: Weight,
    matches: i64,
}

impl Kept {
    /// Weight of the null-extended pair.
    fn unmatched(self) -> Weight {
        if self.matches == 0 { self.weight } else { 0 }
    }
}

type KeptRows = HashMap<Handle, Kept, HandleState>;

/// Outer join.
#[derive(Debug)]
pub struct OuterJoin {
    pairs: Pairs,
    /// Per side (left 0, right 1), if its rows are kept.
    kept: [Option<KeptRows>; 2],
    /// What stands for a partner on the right where there is none.
    nothing: Handle,
}

impl OuterJoin {
    /// The join that makes these pairs and keeps the rows of some sides.
    pub fn new(pairs: Pairs, keeps: [bool; 2]) -> Self {
        OuterJoin { pairs, kept: keeps.map(|keeps| keeps.then(KeptRows::default)), nothing: NO_ROW }
    }

    /// With a row of the right side's relation for where there is no partner, rather than nulls.
    #[must_use]
    pub fn or_else(self, nothing: Handle) -> Self {
        OuterJoin { nothing, ..self }
    }

    /// Changed rows of a kept side alone: each is looked up once, for its pairs and for whether it has any. Returns rows examined.
    fn one_sided(&mut self, step: &mut Step<'_>, side: usize, own: &Delta, out: &mut Delta) -> u64 {
        let mut rows = self.kept[side].take().expect("the side is kept");
        let mut found = Found::new(own);
        let mut examined = 0;
        for &(row, weight) in own.rows() {
            self.pairs.matches(step.nodes, step.relations, side, row, &mut found);
            examined += found.rows.len() as u64;
            let mut matches = 0;
            for &(other, w) in &found.rows {
                let pair = ordered(side, row, other);
                if self.pairs.emit(step.relations, pair, product(weight, w), out) {
                    matches += i64::from(w);
                }
            }
            let was = rows.get(&row).copied().unwrap_or(Kept { weight: 0, matches });
            let now = Kept { weight: was.weight + weight, ..was };
            self.null_extend(step.relations, side, row, now.unmatched() - was.unmatched(), out);
            if now.weight == 0 {
                rows.remove(&row);
            } else {
                rows.insert(row, now);
            }
        }
        self.kept[side] = Some(rows);
        examined
    }

    /// Changed rows of the other side alone. What comes goes before what leaves, so that a row which gets another partner is never
    /// without one. Returns rows examined.
    fn other_sided(&mut self, step: &mut Step<'_>, side: usize, other: &Delta, out: &mut Delta) -> u64 {
        let mut rows = self.kept[side].take().expect("the side is kept");
        let mut found = Found::new(other);
        let mut examined = 0;
        for came in [true, false] {
            for &(row, weight) in other.rows().iter().filter(|r| (r.1 > 0) == came) {
                self.pairs.matches(step.nodes, step.relations, 1 - side, row, &mut found);
                examined += found.rows.len() as u64;
                for &(mine, w) in &found.rows {
                    if self.pairs.emit(step.relations, ordered(side, mine, row), product(weight, w), out) {
                        let kept = rows.get_mut(&mine).expect("a row of the arrangement has state");
                        let was = kept.unmatched();
                        kept.matches += i64::from(weight);
                        let now = kept.unmatched();
                        self.null_extend(step.relations, side, mine, now - was, out);
                    }
                }
            }
        }
        self.kept[side] = Some(rows);
        examined
    }

    /// Adds weight to the null-extended pair of a row.
    fn null_extend(&mut self, relations: &mut Relations, side: usize, row: Handle, weight: Weight, out: &mut Delta) {
        if weight != 0 {
            let nothing = if side == 0 { self.nothing } else { NO_ROW };
            out.push(self.pairs.rows.intern_pair(relations, ordered(side, row, nothing)), weight);
        }
    }

    /// The change of the null-extended pairs of one side. Returns rows examined.
    fn extend(&mut self, step: &mut Step<'_>, side: usize, own: &Delta, other: &Delta, out: &mut Delta) -> u64 {
        let Some(mut rows) = self.kept[side].take() else { return 0 };
        let mut examined = 0;
        let mut before = KeptRows::default();
        let mut order: Vec<Handle> = Vec::new();
        let mut touch = |row: Handle, now: Kept| {
            before.entry(row).or_insert_with(|| {
                order.push(row);
                now
            });
        };
        let mut fresh: Vec<Handle> = Vec::new();
        let mut found = Found::new(own);
        for &(row, weight) in own.rows() {
            let now = rows.get(&row).copied();
            touch(row, now.unwrap_or_default());
            let mut next = now.unwrap_or_else(|| {
                fresh.push(row);
                self.pairs.matches(step.nodes, step.relations, side, row, &mut found);
                examined += found.rows.len() as u64;
                let matching = found.rows.iter().filter(|m| self.pairs.is_pair(step.relations, ordered(side, row, m.0)));
                Kept { weight: 0, matches: matching.map(|m| i64::from(m.1)).sum() }
            });
            next.weight += weight;
            rows.insert(row, next);
        }
        sort::by_number(&mut fresh, |row| *row);
        let mut found = Found::new(other);
        for &(row, weight) in other.rows() {
            self.pairs.matches(step.nodes, step.relations, 1 - side, row, &mut found);
            examined += found.rows.len() as u64;
            for &(mine, _) in &found.rows {
                // A row that is new in this step has counted all its matches already.
                if fresh.binary_search(&mine).is_ok() || !self.pairs.is_pair(step.relations, ordered(side, mine, row)) {
                    continue;
                }
                let entry = rows.get_mut(&mine).expect("a row of the arrangement has state");
                touch(mine, *entry);
                entry.matches += i64::from(weight);
            }
        }
        for row in order {
            let was = before[&row];
            let now = rows[&row];
            self.null_extend(step.relations, side, row, now.unmatched() - was.unmatched(), out);
            if now.weight == 0 {
                rows.remove(&row);
            }
        }
        self.kept[side] = Some(rows);
        examined
    }
}

impl Operator for OuterJoin {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        // One side is kept, and one changed.
        let kept = (0..2).find(|&side| self.kept[side].is_some() && self.kept[1 - side].is_none());
        if let Some(side) = kept.filter(|_| inputs[0].is_empty() || inputs[1].is_empty()) {
            step.meter.examined += match inputs[1 - side].is_empty() {
                true => self.one_sided(step, side, inputs[side], out),
                false => self.other_sided(step, side, inputs[1 - side], out),
            };
            return;
        }
        let mut examined = self.pairs.change(step, inputs, out);
        examined += self.extend(step, 0, inputs[0], inputs[1], out);
        examined += self.extend(step, 1, inputs[1], inputs[0], out);
        step.meter.examined += examined;
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        // The matches of a new row are counted from the other arrangement, which is complete by now.
        let nothing = Delta::default();
        let mut examined = self.pairs.change(step, &Pairs::hydration(inputs, &nothing), out);
        examined += self.extend(step, 0, inputs[0], &nothing, out);
        examined += self.extend(step, 1, inputs[1], &nothing, out);
        step.meter.examined += examined;
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        self.pairs.integrate(relations, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.pairs.rows.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.pairs.bytes() + self.kept.iter().flatten().map(KeptRows::allocation_size).sum::<usize>()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.pairs.rows.relation()]
    }

    fn error(&self) -> Option<Failure> {
        self.pairs.failure()
    }
}
