//! Inner join of two arrangements: by key, by any of several keys, by a range of an order, or by a range of the order within a key.
//!
//! Law: ∂(A ⋈ B) = ∂A ⋈ B′ + A′ ⋈ ∂B − ∂A ⋈ ∂B, where A′ and B′ include the changes (both arrangements have run by now).
//! Bilinear: weights multiply; an update is a −1 and a +1 on one key, so there is no separate update path.
//! State: the pairs, as two handles each; cells are not copied. Cost: O(Σ over changed rows of matching rows), with a range
//! O(log n) more per changed row. Pairs that agree on a key and fail the condition beyond it are looked at and not made.
//! Source: Budiu et al., DBSP, VLDB 2023 (incremental form of a bilinear operator); for several keys the multi-index union of SQLite's
//! `or` optimization.

use super::{Errors, Formula, Range, Row};
use crate::algebra::{Delta, Handle, Weight, sort_rows};
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
    /// Of the rows of the sides.
    relations: [RelationId; 2],
    /// The arrangements of the sides by a key, left and right, then by others that rows may agree on instead.
    keys: Vec<NodeId>,
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
    /// Pairs of two sides, by the arrangements of both by each key. Of more than one the condition says which are pairs.
    pub fn new(
        relations: [RelationId; 2],
        keys: Vec<NodeId>,
        range: Option<Range>,
        residual: Option<Formula>,
        output: RelationId,
    ) -> Self {
        let (rows, errors, failing) = (Derived::new(output), Errors::default(), Delta::default());
        Pairs { relations, keys, rows, errors, failing, range, residual }
    }

    /// Rows on the other side that a row of one side (left 0, right 1) meets, the residual condition apart.
    pub(super) fn matches(&self, nodes: &Nodes, relations: &Relations, side: usize, row: Handle, found: &mut Found) {
        let own = self.relations[side];
        match &self.range {
            None => {
                let key = nodes.arrangement(self.keys[side]).key();
                if found.is_update
                    && self.keys.len() == 2
                    && found.of.replace(row).is_some_and(|last| same_cells(relations, own, last, row, key))
                {
                    return;
                }
                found.rows.clear();
                for by in self.keys.chunks_exact(2) {
                    let key = nodes.arrangement(by[side]).key();
                    found.rows.extend(nodes.arrangement(by[1 - side]).matches(relations, own, row, key));
                }
                self.each_once(&mut found.rows);
            }
            Some(range) => {
                found.rows.clear();
                range.seek(relations, side, own, row, nodes.ordered(self.keys[1 - side]), 1, &mut found.rows);
            }
        }
    }

    /// Leaves one of rows that were found by several keys.
    fn each_once(&self, rows: &mut Vec<(Handle, Weight)>) {
        if self.keys.len() > 2 {
            sort_rows(rows);
            rows.dedup();
        }
    }

    /// Emits a pair if the residual condition holds; whether it did. An erroneous pair is not emitted, and counted when the step
    /// ends: until then it may have gone before it came.
    pub(super) fn emit(&mut self, relations: &mut Relations, pair: [Handle; 2], weight: Weight, out: &mut Delta) -> bool {
        let holds = self.ask(relations, pair);
        if holds == Ok(false) {
            return false;
        }
        let to = if holds.is_ok() { out } else { &mut self.failing };
        to.push(self.rows.intern_pair(relations, pair), weight);
        holds.is_ok()
    }

    /// Whether the residual condition holds of a pair, which need not be made for it.
    fn ask(&self, relations: &mut Relations, pair: [Handle; 2]) -> Result<bool, ErrorCode> {
        if self.residual.is_none() {
            return Ok(true);
        }
        let relation = self.rows.relation();
        let asked = relations.insert_pair(relation, pair);
        let holds = self.holds(relations, asked);
        relations.discard_pair(relation, asked);
        holds
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
        // Those that went make room for others to be named.
        for came in [false, true] {
            for &(handle, weight) in failing.rows().iter().filter(|f| (f.1 > 0) == came) {
                if let Err(code) = self.holds(relations, handle) {
                    self.errors.add(code, weight, relations.pair(self.rows.relation(), handle));
                }
            }
        }
        failing.clear();
        self.failing = failing;
    }

    /// The first error of its pairs.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.errors.first(self.relations)
    }

    fn holds(&self, relations: &Relations, handle: Handle) -> Result<bool, ErrorCode> {
        match &self.residual {
            None => Ok(true),
            Some(f) => f.holds(Row { relations, relation: self.rows.relation(), handle }),
        }
    }

    /// Whether two rows that agree on the keys are a pair.
    pub(super) fn is_pair(&self, relations: &mut Relations, pair: [Handle; 2]) -> bool {
        self.ask(relations, pair) == Ok(true)
    }

    /// The change of the matching pairs. Returns rows examined.
    pub(super) fn change(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) -> u64 {
        let nodes = step.nodes;
        let mut examined = 0;
        for (side, delta) in inputs.iter().take(2).enumerate() {
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
            let (left, right) = (self.relations[0], self.keys[1]);
            let changed = match &self.range {
                None => Changed::by_key(step.relations, nodes, &self.keys, dr),
                Some(_) => Changed::in_order(step.relations, nodes.ordered(right), dr),
            };
            let mut found = Vec::new();
            for &(row, weight) in dl.rows() {
                found.clear();
                match (&changed, &self.range) {
                    (Changed::ByKey(indexes), _) => {
                        for (n, index) in indexes.iter().enumerate() {
                            let key = nodes.arrangement(self.keys[2 * n]).key();
                            found.extend(index.matches(step.relations, left, row, key));
                        }
                        self.each_once(&mut found);
                    }
                    (Changed::InOrder(lists), Some(range)) => {
                        for (list, weight) in lists.iter().zip([1, -1]) {
                            range.seek(step.relations, 0, left, row, list, weight, &mut found);
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
    ByKey(Vec<HashArrangement>),
    /// Rows that came, and rows that left.
    InOrder(Box<[OrderedGroups; 2]>),
}

impl Changed {
    fn by_key(relations: &Relations, nodes: &Nodes, keys: &[NodeId], delta: &Delta) -> Self {
        let mut indexes = Vec::new();
        for by in keys.chunks_exact(2) {
            let mut index = nodes.arrangement(by[1]).empty();
            index.apply(relations, delta);
            indexes.push(index);
        }
        Changed::ByKey(indexes)
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
