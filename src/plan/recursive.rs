//! Recursions: growing relations, the streams of their branches, and the fixpoint that these end in.

use std::rc::Rc;

use super::stream::add_packed;
use super::{Planner, Stream};
use crate::circuit::Spec;
use crate::operator::{BestRows, Derivations, Facts, Fixpoint, GrowingRows, GrownRows};
use crate::query::{Branch, Growing, Recursion, RecursiveSource};
use crate::trace::{Path, RelationId};
use crate::value::{Layout, Type};

impl Planner<'_> {
    /// The rows of a relation that queries over it make.
    pub(super) fn recursive(&mut self, source: &RecursiveSource) -> Stream {
        let recursion = &source.recursion;
        // Whether integers are shown as bigints is known of the branches without recursion before the relations are made.
        let base: Vec<(usize, &Branch)> = branches(recursion).filter(|b| b.1.ranks.is_empty()).collect();
        let mut wide: Vec<Vec<bool>> = recursion.relations.iter().map(|r| vec![false; r.columns.len()]).collect();
        for (i, branch) in base {
            let stream = self.sub_query(&branch.query);
            self.widen(&mut wide[i], &stream);
        }
        let mut growing = Vec::with_capacity(recursion.relations.len());
        let mut made: Vec<[RelationId; 3]> = Vec::new();
        for (i, wide) in wide.iter().enumerate() {
            let (stream, relations) = self.grow(recursion, i, wide);
            growing.push(stream);
            made.push(relations);
        }
        let nodes: Vec<_> = growing.iter().map(|s| s.node).collect();
        self.growing.push(growing);
        let mut derivations = Vec::new();
        let mut inputs = Vec::new();
        for (i, branch) in branches(recursion) {
            let stream = self.sub_query(&branch.query);
            self.widen(&mut wide[i], &stream);
            let path = |f: usize| stream.columns[f].0;
            let columns: Vec<Path> = (0..recursion.relations[i].columns.len()).map(path).collect();
            let ranks: Vec<Path> = branch.ranks.iter().map(|&f| path(f)).collect();
            inputs.push(stream.node);
            derivations.push(Derivations { relation: i, rows: stream.relation, columns, ranks });
        }
        self.growing.pop();
        for (relations, wide) in made.iter().zip(wide) {
            for (c, _) in wide.into_iter().enumerate().filter(|w| w.1) {
                if self.relations.layout(relations[0]).columns[c].ty == Type::Int
                    && !self.relations.is_wide(relations[0], Path::column(c))
                {
                    self.relations.mark_wide(relations[0], c);
                }
            }
        }
        let facts = made[source.result][0];
        let of = recursion.clone();
        let fixpoint = self.node(Spec::Fixpoint { growing: nodes, branches: inputs }, move |_, _| {
            let best = |i: usize| {
                let relation = &of.relations[i];
                relation.best.as_ref().map(|b| BestRows::new(made[i][0], b, &relation.types))
            };
            let facts = made.iter().enumerate().map(|(i, relations)| Facts::new(*relations, best(i))).collect();
            Box::new(Fixpoint::new(facts, derivations, of.max_rounds))
        });
        let result = source.result;
        let spec = Spec::Grown { recursion: recursion.clone(), fixpoint, relation: result };
        let node = self.node(spec, move |_, _| Box::new(GrownRows::new(fixpoint, result)));
        let types = &source.relation().types;
        Stream { node, relation: facts, columns: types.iter().enumerate().map(|(i, t)| (Path::column(i), *t)).collect() }
    }

    /// In a branch: the rows that a relation of the recursion has so far.
    pub(super) fn growing(&self, growing: &Growing) -> Stream {
        self.growing.last().expect("a branch is planned within its recursion")[growing.relation].clone()
    }

    /// The growing rows of a relation, and the relations that they are made of.
    fn grow(&mut self, recursion: &Rc<Recursion>, i: usize, wide: &[bool]) -> (Stream, [RelationId; 3]) {
        let types = &recursion.relations[i].types;
        let spec = Spec::Growing { recursion: recursion.clone(), relation: i, gated: self.gated };
        let node = self.node(spec, |relations, _| {
            let facts = add_packed(relations, Layout::new(types), wide);
            let ranks = relations.add_packed(Layout::new(&[Type::Int]));
            Box::new(GrowingRows::new([facts, ranks, relations.add_pair(facts, ranks)]))
        });
        let relations: [RelationId; 3] = self.circuit.owned_relations(node).try_into().expect("three relations are made");
        let columns = GrowingRows::paths(types.len()).zip(types.iter().copied().chain([Type::Int])).collect();
        (Stream { node, relation: relations[2], columns }, relations)
    }

    /// Notes the columns of a branch whose integers may be beyond 2^53.
    fn widen(&self, wide: &mut [bool], branch: &Stream) {
        for (wide, (path, ty)) in wide.iter_mut().zip(&branch.columns) {
            *wide |= *ty == Type::Int && self.relations.is_wide(branch.relation, *path);
        }
    }
}

/// All branches, each with the number of its relation.
fn branches(recursion: &Recursion) -> impl Iterator<Item = (usize, &Branch)> {
    recursion.relations.iter().enumerate().flat_map(|(i, r)| r.branches.iter().map(move |b| (i, b)))
}
