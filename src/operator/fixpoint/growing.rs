//! The ends of a recursion: what its branches read, and what is read of it from outside.

use super::Fixpoint;
use super::facts::paths;
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{Path, RelationId};

/// The facts of a growing relation that are in, each with its rank; its output is put in by the rounds. State: none.
#[derive(Debug)]
pub struct GrowingRows {
    relations: [RelationId; 3],
}

impl GrowingRows {
    /// The rows of a relation of facts, one of ranks, and one of pairs of these.
    pub fn new(relations: [RelationId; 3]) -> Self {
        GrowingRows { relations }
    }

    /// Where the columns of a row are, and behind them the rank.
    pub fn paths(columns: usize) -> impl Iterator<Item = Path> {
        paths(columns)
    }
}

impl Operator for GrowingRows {
    fn step(&mut self, _: &mut Step<'_>, _: &[&Delta], _: &mut Delta) {
        unreachable!("the rounds give growing rows their output")
    }

    fn hydrate(&mut self, _: &mut Step<'_>, _: &[&Delta], _: &mut Delta) {}

    fn scan(&self, scan: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.relations.for_each_live(self.relations[2], |h| f(h, 1));
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        self.relations.to_vec()
    }
}

/// The facts of one relation of a fixpoint. Law: what the fixpoint's step did to them. State: none. Cost: O(1) a fact that
/// came or left.
#[derive(Debug)]
pub struct GrownRows {
    fixpoint: NodeId,
    relation: usize,
}

impl GrownRows {
    /// The facts of a fixpoint's relation.
    pub fn new(fixpoint: NodeId, relation: usize) -> Self {
        GrownRows { fixpoint, relation }
    }
}

impl Operator for GrownRows {
    fn step(&mut self, step: &mut Step<'_>, _: &[&Delta], out: &mut Delta) {
        let fixpoint: &Fixpoint = step.nodes.fixpoint(self.fixpoint);
        fixpoint.change(self.relation).rows().iter().for_each(|&(fact, weight)| out.push(fact, weight));
    }

    fn hydrate(&mut self, step: &mut Step<'_>, _: &[&Delta], out: &mut Delta) {
        step.nodes.fixpoint(self.fixpoint).for_each(self.relation, &mut |fact, weight| out.push(fact, weight));
    }

    fn scan(&self, scan: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        scan.nodes.fixpoint(self.fixpoint).for_each(self.relation, f);
    }
}
