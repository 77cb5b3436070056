//! Lists of links in an order that what they lead to decides, kept for the owners that are looked at.
//!
//! Issues have labels, and a list of an issue's labels goes by their names. A label that gets another name moves in the lists of
//! all issues that have it, of which a view shows a few. So what a link leads to is joined to it in the lists that somebody
//! holds, and in no others: a list is made when it is acquired, of the links that have its owner's key and what these lead to,
//! and goes with its last user. A list that is long stays, once it was made, so that an owner which comes into view again does
//! not cost all of it for the few rows that a limit shows.
//!
//! State: of held lists, the links by what they lead to, the pairs, and these in order. Law: that of a [join](super::Join) of the
//! links of held lists with the targets; of a list that is held from now on, its rows are there at once.
//! Cost: O(log n) per link of a held list that came, went, or leads to a changed target; O(1) for any other link; O(k log k) to
//! make a list of k.

use hashbrown::HashSet;

use super::Side;
use super::join::product;
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{
    Derived, GroupId, HandleState, HashArrangement, NO_GROUP, OrderedGroups, Path, RelationId, Relations, SortSpec,
};

/// Lists in view.
#[derive(Debug)]
pub struct InView {
    /// Links by owner, targets by key.
    sides: [Side; 2],
    /// Links of held lists by what they lead to.
    held: HashArrangement,
    pairs: Derived,
    groups: OrderedGroups,
    /// Of how many rows lists are long.
    length: usize,
    /// Long lists, each acquired once by this itself.
    long: HashSet<GroupId, HandleState>,
}

impl InView {
    /// Lists of pairs of a link and its target, by the columns `owner` of links, which `target` leads to a target; those of more than `length`
    /// rows stay.
    pub fn new(sides: [Side; 2], owner: &[Path], target: Vec<Path>, sort: SortSpec, output: RelationId, length: usize) -> Self {
        let owner = owner.iter().map(|p| p.within(false)).collect();
        InView {
            sides,
            held: HashArrangement::new(sides[0].relation, target),
            pairs: Derived::new(output),
            groups: OrderedGroups::new(output, owner, sort),
            length,
            long: HashSet::default(),
        }
    }

    /// As [`OrderedGroups::acquire`]. A list that nobody has held is made.
    pub fn acquire(&mut self, step: &mut Step<'_>, (relation, row): (RelationId, Handle), paths: &[Path]) -> GroupId {
        let group = self.groups.acquire(step.relations, relation, row, paths);
        if group != NO_GROUP && self.groups.users(group) == 1 {
            let links = self.links(step, group);
            step.meter.examined += links.rows().len() as u64;
            let mut pairs = Delta::default();
            for &(link, weight) in links.rows() {
                self.meet(step, link, weight, &mut pairs);
            }
            self.held.apply(step.relations, &links);
            self.groups.fill(step.relations, group, &pairs);
            self.pairs.integrate(step.relations, &pairs);
        }
        group
    }

    /// As [`OrderedGroups::release`]. With its last user a list goes that is not long.
    pub fn release(&mut self, step: &mut Step<'_>, group: GroupId) {
        if group == NO_GROUP {
            return;
        }
        let is_own = self.long.contains(&group);
        if self.groups.users(group) == 1 + u32::from(is_own) {
            if self.groups.list(group).len() > self.length {
                if self.long.insert(group) {
                    return;
                }
            } else {
                if self.long.remove(&group) {
                    self.groups.release(group);
                }
                self.forget(step, group);
            }
        }
        self.groups.release(group);
    }

    fn forget(&mut self, step: &mut Step<'_>, group: GroupId) {
        let mut links = Delta::default();
        self.links(step, group).rows().iter().for_each(|&(link, weight)| links.push(link, -weight));
        self.held.apply(step.relations, &links);
        let mut pairs = Delta::default();
        self.groups.empty(group).for_range(0, usize::MAX, &mut |e| pairs.push(e.row, -1));
        self.pairs.integrate(step.relations, &pairs);
    }

    /// The links of a list.
    fn links(&self, step: &Step<'_>, group: GroupId) -> Delta {
        let mut links = Delta::default();
        let found = step.nodes.arrangement(self.sides[0].node).holding(step.relations, self.groups.key(group));
        found.into_iter().for_each(|(link, weight)| links.push(link, weight));
        links
    }

    /// The pairs of a link with its targets.
    fn meet(&mut self, step: &mut Step<'_>, link: Handle, weight: Weight, out: &mut Delta) {
        let [links, targets] = self.sides;
        let found = step.nodes.arrangement(targets.node).matches(step.relations, links.relation, link, self.held.key());
        for (target, w) in found.collect::<Vec<_>>() {
            out.push(self.pairs.intern_pair(step.relations, [link, target]), product(weight, w));
        }
    }
}

impl Operator for InView {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let nodes = step.nodes;
        let [links, targets] = self.sides;
        let mut examined = inputs[0].rows().len() + inputs[1].rows().len();
        // The links as they were meet the change of the targets, and changed links meet the targets as they are.
        if !inputs[1].is_empty() && !self.held.is_empty() {
            let by_key = nodes.arrangement(targets.node);
            let mut changed = by_key.empty();
            changed.apply(step.relations, inputs[1]);
            for &(row, _) in inputs[1].rows() {
                let of_key: Vec<_> = changed.matches(step.relations, targets.relation, row, by_key.key()).collect();
                // Each key once: at the first of its changed rows.
                if of_key.first().is_none_or(|first| first.0 != row) {
                    continue;
                }
                let held: Vec<_> = self.held.matches(step.relations, targets.relation, row, by_key.key()).collect();
                examined += held.len();
                for (link, weight) in held {
                    for &(target, w) in &of_key {
                        out.push(self.pairs.intern_pair(step.relations, [link, target]), product(weight, w));
                    }
                }
            }
        }
        let owner = nodes.arrangement(links.node).key();
        let mut came = Delta::default();
        for &(row, weight) in inputs[0].rows() {
            let group = self.groups.find(step.relations, links.relation, row, owner);
            if group != NO_GROUP && self.groups.users(group) > 0 {
                came.push(row, weight);
                self.meet(step, row, weight, out);
            }
        }
        self.held.apply(step.relations, &came);
        step.meter.examined += examined as u64;
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        self.groups.apply(relations, out);
        self.pairs.integrate(relations, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.pairs.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.held.bytes() + self.pairs.bytes() + self.groups.bytes() + self.long.allocation_size()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.pairs.relation()]
    }

    fn sweep(&mut self, pieces: usize) -> usize {
        self.groups.sweep(pieces)
    }

    fn ordered(&self) -> Option<&OrderedGroups> {
        Some(&self.groups)
    }

    fn ordered_mut(&mut self) -> Option<&mut OrderedGroups> {
        Some(&mut self.groups)
    }

    fn in_view_mut(&mut self) -> Option<&mut InView> {
        Some(self)
    }
}
