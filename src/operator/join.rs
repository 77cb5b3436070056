//! Inner join of two arrangements: by key, by a range of an order, or by a range of the order within a key.
//!
//! Law: ∂(A ⋈ B) = ∂A ⋈ B′ + A′ ⋈ ∂B − ∂A ⋈ ∂B, where A′ and B′ include the changes (both arrangements have run by now).
//! Bilinear: weights multiply; an update is a −1 and a +1 on one key, so there is no separate update path.
//! State: the pairs, as two handles each; cells are not copied. Cost: O(Σ over changed rows of matching rows), with a range
//! O(log n) more per changed row.
//! Source: Budiu et al., DBSP, VLDB 2023 (incremental form of a bilinear operator).

use super::{Errors, Formula, Range, Row};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, NodeId, Nodes, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::trace::{Derived, HashArrangement, OrderedGroups, RelationId, Relations, same_cells};

/// One side of a join.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Its arrangement node: by key, or in order where a range is sought.
    pub node: NodeId,
    /// Relation of its rows.
    pub relation: RelationId,
}

/// Pairs that agree on the keys, or fulfil the comparisons of a range, and satisfy the residual condition; what all kinds of
/// join share.
#[derive(Debug)]
pub struct Pairs {
    sides: [Side; 2],
    pub(super) rows: Derived,
    errors: Errors,
    /// The change of the pairs for which the condition fails, in this step.
    failing: Delta,
    range: Option<Range>,
    residual: Option<Formula>,
}

/// Rows that a row of some delta meets. The two rows of an update mostly meet the same, which are looked up once.
#[derive(Debug)]
pub(super) struct Found {
    is_update: bool,
    /// Whose they are.
    of: Option<Handle>,
    pub(super) rows: Vec<(Handle, Weight)>,
}

impl Found {
    /// Nothing yet, of the rows of a delta.
    pub(super) fn new(delta: &Delta) -> Self {
        Found { is_update: delta.update().is_some(), of: None, rows: Vec::new() }
    }
}

impl Pairs {
    /// Pairs of two sides.
    pub fn new(sides: [Side; 2], range: Option<Range>, residual: Option<Formula>, output: RelationId) -> Self {
        Pairs { sides, rows: Derived::new(output), range, residual, errors: Errors::default(), failing: Delta::default() }
    }

    /// Rows on the other side that a row of one side (left 0, right 1) meets, the residual condition apart.
    pub(super) fn matches(&self, nodes: &Nodes, relations: &Relations, side: usize, row: Handle, found: &mut Found) {
        let [own, other] = [self.sides[side], self.sides[1 - side]];
        match &self.range {
            None => {
                let key = nodes.arrangement(own.node).key();
                if found.is_update
                    && found.of.replace(row).is_some_and(|last| same_cells(relations, own.relation, last, row, key))
                {
                    return;
                }
                found.rows.clear();
                found.rows.extend(nodes.arrangement(other.node).matches(relations, own.relation, row, key));
            }
            Some(range) => {
                found.rows.clear();
                range.seek(relations, side, own.relation, row, nodes.ordered(other.node), 1, &mut found.rows);
            }
        }
    }

    /// Emits a pair if the residual condition holds; whether it did. An erroneous pair is not emitted, and counted when the step
    /// ends: until then it may have gone before it came.
    pub(super) fn emit(&mut self, relations: &mut Relations, pair: [Handle; 2], weight: Weight, out: &mut Delta) -> bool {
        let handle = self.rows.intern_pair(relations, pair);
        match self.holds(relations, handle) {
            Ok(true) => {
                out.push(handle, weight);
                return true;
            }
            Ok(false) => {}
            Err(_) => self.failing.push(handle, weight),
        }
        false
    }

    /// Ends a step: adds a consolidated delta to the weights of the pairs.
    pub(super) fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        if !self.failing.is_empty() {
            self.count_failing(relations);
        }
        self.rows.integrate(relations, out);
    }

    #[cold]
    fn count_failing(&mut self, relations: &Relations) {
        let mut failing = std::mem::take(&mut self.failing);
        failing.consolidate();
        for &(handle, weight) in failing.rows() {
            if let Err(code) = self.holds(relations, handle) {
                self.errors.add(code, weight, relations.pair(self.rows.relation(), handle));
            }
        }
        failing.clear();
        self.failing = failing;
    }

    /// The first error of its pairs.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.errors.first([self.sides[0].relation, self.sides[1].relation])
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
        let mut examined = 0;
        for (side, delta) in inputs.iter().enumerate() {
            let mut found = Found::new(delta);
            for &(row, weight) in delta.rows() {
                self.matches(nodes, step.relations, side, row, &mut found);
                examined += found.rows.len() as u64;
                for &(other, w) in &found.rows {
                    self.emit(step.relations, ordered(side, row, other), product(weight, w), out);
                }
            }
        }
        let (dl, dr) = (inputs[0], inputs[1]);
        if !dl.is_empty() && !dr.is_empty() {
            // Pairs of two changed rows were counted in both passes: once too often.
            let [left, right] = self.sides;
            let changed = match &self.range {
                None => Changed::by_key(step.relations, nodes.arrangement(right.node), dr),
                Some(_) => Changed::in_order(step.relations, nodes.ordered(right.node), dr),
            };
            let mut found = Vec::new();
            for &(row, weight) in dl.rows() {
                found.clear();
                match (&changed, &self.range) {
                    (Changed::ByKey(index), _) => {
                        let key = nodes.arrangement(left.node).key();
                        found.extend(index.matches(step.relations, left.relation, row, key));
                    }
                    (Changed::InOrder(lists), Some(range)) => {
                        for (list, weight) in lists.iter().zip([1, -1]) {
                            range.seek(step.relations, 0, left.relation, row, list, weight, &mut found);
                        }
                    }
                    (Changed::InOrder(_), None) => unreachable!("an order is made for a range"),
                }
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

/// The changed rows of one side, to be sought by those of the other.
enum Changed {
    ByKey(Box<HashArrangement>),
    /// Rows that came, and rows that left.
    InOrder(Box<[OrderedGroups; 2]>),
}

impl Changed {
    fn by_key(relations: &Relations, like: &HashArrangement, delta: &Delta) -> Self {
        let mut index = like.empty();
        index.apply(relations, delta);
        Changed::ByKey(Box::new(index))
    }

    fn in_order(relations: &Relations, like: &OrderedGroups, delta: &Delta) -> Self {
        Changed::InOrder(Box::new([true, false].map(|came| {
            let mut rows = Delta::default();
            delta.rows().iter().filter(|r| (r.1 > 0) == came).for_each(|r| rows.push(r.0, 1));
            let mut lists = OrderedGroups::new(like.relation(), like.group().to_vec(), like.sort().clone());
            lists.apply(relations, &rows);
            lists
        })))
    }
}

/// A pair of a row of one side and a row of the other.
pub(super) fn ordered(side: usize, row: Handle, other: Handle) -> [Handle; 2] {
    if side == 0 { [row, other] } else { [other, row] }
}

pub(super) fn product(a: Weight, b: Weight) -> Weight {
    a.checked_mul(b).expect("weight overflow")
}

/// Inner join.
#[derive(Debug)]
pub struct Join {
    pairs: Pairs,
}

impl Join {
    /// The join that makes these pairs.
    pub fn new(pairs: Pairs) -> Self {
        Join { pairs }
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
        self.pairs.integrate(relations, out);
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

    fn error(&self) -> Option<Failure> {
        self.pairs.failure()
    }
}
