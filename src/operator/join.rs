//! Inner join of two arrangements.
//!
//! Law: ∂(A ⋈ B) = ∂A ⋈ B′ + A′ ⋈ ∂B − ∂A ⋈ ∂B, where A′ and B′ include the changes (both arrangements have run by now).
//! Bilinear: weights multiply; an update is a −1 and a +1 on one key, so there is no separate update path.
//! State: the pairs, as two handles each; cells are not copied. Cost: O(Σ over changed rows of matching rows).
//! Source: Budiu et al., DBSP, VLDB 2023 (incremental form of a bilinear operator).

use super::{Errors, Formula, Row};
use crate::algebra::{Delta, Handle, NO_ROW, Weight};
use crate::circuit::{NodeId, Nodes, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::trace::{Derived, RelationId, Relations};

/// One side of a join.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Its arrangement node.
    pub node: NodeId,
    /// Relation of its rows.
    pub relation: RelationId,
}

/// Pairs that agree on the keys and satisfy the residual condition; shared by inner and left join.
#[derive(Debug)]
pub struct Pairs {
    pub(super) left: Side,
    pub(super) right: Side,
    pub(super) rows: Derived,
    pub(super) errors: Errors,
    residual: Option<Formula>,
}

impl Pairs {
    /// Pairs of two sides.
    pub fn new(left: Side, right: Side, residual: Option<Formula>, output: RelationId) -> Self {
        Pairs { left, right, rows: Derived::new(output), residual, errors: Errors::default() }
    }

    /// Emits a pair if the residual condition holds; whether it did. An erroneous pair is counted and not emitted.
    pub(super) fn emit(&mut self, relations: &mut Relations, pair: [Handle; 2], weight: Weight, out: &mut Delta) {
        let handle = self.rows.intern_pair(relations, pair);
        match self.holds(relations, handle) {
            Ok(true) => out.push(handle, weight),
            Ok(false) => {}
            Err(code) => self.errors.add(code, weight),
        }
    }

    pub(super) fn holds(&self, relations: &Relations, handle: Handle) -> Result<bool, ErrorCode> {
        match &self.residual {
            None => Ok(true),
            Some(f) => f.holds(Row { relations, relation: self.rows.relation(), handle }),
        }
    }

    /// Whether two rows that agree on the keys are a pair.
    pub(super) fn is_pair(&mut self, relations: &mut Relations, pair: [Handle; 2]) -> bool {
        self.residual.is_none() || {
            let handle = self.rows.intern_pair(relations, pair);
            self.holds(relations, handle) == Ok(true)
        }
    }

    /// The change of the matching pairs. Returns rows examined.
    pub(super) fn change(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) -> u64 {
        let nodes = step.nodes;
        let (a, b) = (nodes.arrangement(self.left.node), nodes.arrangement(self.right.node));
        let (dl, dr) = (inputs[0], inputs[1]);
        let mut examined = 0;
        let mut found = Vec::new();
        for &(row, weight) in dl.rows() {
            found.clear();
            found.extend(b.matches(step.relations, self.left.relation, row, a.key()));
            examined += found.len() as u64;
            for &(other, w) in &found {
                self.emit(step.relations, [row, other], product(weight, w), out);
            }
        }
        for &(row, weight) in dr.rows() {
            found.clear();
            found.extend(a.matches(step.relations, self.right.relation, row, b.key()));
            examined += found.len() as u64;
            for &(other, w) in &found {
                self.emit(step.relations, [other, row], product(w, weight), out);
            }
        }
        if !dl.is_empty() && !dr.is_empty() {
            // Pairs of two changed rows were counted in both passes: once too often.
            let mut changed = b.empty();
            changed.apply(step.relations, dr);
            for &(row, weight) in dl.rows() {
                found.clear();
                found.extend(changed.matches(step.relations, self.left.relation, row, a.key()));
                examined += found.len() as u64;
                for &(other, w) in &found {
                    self.emit(step.relations, [row, other], -product(weight, w), out);
                }
            }
        }
        examined
    }

    /// Turns the inputs of a hydration into ∂A = A, ∂B = 0: B is in its arrangement already.
    pub(super) fn hydration<'a>(inputs: &[&'a Delta], nothing: &'a Delta) -> [&'a Delta; 2] {
        [inputs[0], nothing]
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

fn product(a: Weight, b: Weight) -> Weight {
    a.checked_mul(b).expect("weight overflow")
}

/// Inner join.
#[derive(Debug)]
pub struct Join {
    pairs: Pairs,
}

impl Join {
    /// Join of two sides into a pair relation.
    pub fn new(left: Side, right: Side, residual: Option<Formula>, output: RelationId) -> Self {
        Join { pairs: Pairs::new(left, right, residual, output) }
    }
}

impl Operator for Join {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += self.pairs.change(step, inputs, out);
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
        self.pairs.bytes()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.pairs.rows.relation()]
    }

    fn error(&self) -> Option<ErrorCode> {
        self.pairs.errors.first()
    }
}

/// The missing right side of an unmatched left row.
pub(super) const fn unmatched(left: Handle) -> [Handle; 2] {
    [left, NO_ROW]
}

/// Rows on the left that match a row on the right.
pub(super) fn left_matches(nodes: &Nodes, relations: &Relations, pairs: &Pairs, right: Handle) -> Vec<(Handle, Weight)> {
    let (a, b) = (nodes.arrangement(pairs.left.node), nodes.arrangement(pairs.right.node));
    a.matches(relations, pairs.right.relation, right, b.key()).collect()
}

/// Rows on the right that match a row on the left.
pub(super) fn right_matches(nodes: &Nodes, relations: &Relations, pairs: &Pairs, left: Handle) -> Vec<(Handle, Weight)> {
    let (a, b) = (nodes.arrangement(pairs.left.node), nodes.arrangement(pairs.right.node));
    b.matches(relations, pairs.left.relation, left, a.key()).collect()
}
