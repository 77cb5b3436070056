//! Intervals of values that answer which of them hold a value: a treap by lower end in which every node knows the furthest
//! upper end below it.
//!
//! Cost: adding and removing O(log n) expected; a question O(log n + answers) where intervals are short, at worst the intervals
//! that begin before the value. Source: Cormen et al., Introduction to Algorithms, ch. 14.3 (interval trees); Seidel and
//! Aragon, Randomized search trees, 1996.

use std::cmp::Ordering;

use super::guard::{Bound, compare_high, compare_low, is_above, is_below};
use crate::value::Cell;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Node {
    low: Bound,
    high: Bound,
    id: u32,
    priority: u32,
    left: u32,
    right: u32,
    /// The node of this subtree with the furthest upper end.
    furthest: u32,
}

/// Intervals by id.
#[derive(Debug)]
pub struct Intervals {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    seed: u32,
}

impl Default for Intervals {
    fn default() -> Self {
        Intervals { nodes: Vec::new(), free: Vec::new(), root: NONE, seed: 0x9e37_79b9 }
    }
}

impl Intervals {
    /// Adds an interval under an id, which may have others.
    pub fn insert(&mut self, low: Bound, high: Bound, id: u32) {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        let node = Node { low, high, id, priority: self.seed, left: NONE, right: NONE, furthest: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        self.refresh(at);
        let (left, right) = self.split(self.root, at);
        let left = self.merge(left, at);
        self.root = self.merge(left, right);
    }

    /// Removes the interval of an id, which began at `low`. Whether it was there.
    pub fn remove(&mut self, low: &Bound, id: u32) -> bool {
        let (root, removed) = self.without(self.root, low, id);
        self.root = root;
        if removed != NONE {
            self.nodes[removed as usize].low = None;
            self.nodes[removed as usize].high = None;
            self.free.push(removed);
        }
        removed != NONE
    }

    /// Calls `f` with every interval that holds a value.
    pub fn holding(&self, cell: Cell<'_>, f: &mut dyn FnMut(u32)) {
        self.visit(self.root, cell, f);
    }

    /// Bytes held, texts of values not counted.
    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.free.capacity() * 4
    }

    fn visit(&self, at: u32, cell: Cell<'_>, f: &mut dyn FnMut(u32)) {
        let Some(node) = self.nodes.get(at as usize) else { return };
        if !is_below(&self.nodes[node.furthest as usize].high, cell) {
            return;
        }
        self.visit(node.left, cell, f);
        if is_above(&node.low, cell) {
            if is_below(&node.high, cell) {
                f(node.id);
            }
            self.visit(node.right, cell, f);
        }
    }

    fn order(&self, at: u32, low: &Bound, id: u32) -> Ordering {
        let node = &self.nodes[at as usize];
        compare_low(node.low.as_ref(), low.as_ref()).then(node.id.cmp(&id))
    }

    fn refresh(&mut self, at: u32) {
        let Node { left, right, .. } = self.nodes[at as usize];
        let mut furthest = at;
        for child in [left, right] {
            if child != NONE {
                let candidate = self.nodes[child as usize].furthest;
                let high = |n: u32| self.nodes[n as usize].high.as_ref();
                if compare_high(high(candidate), high(furthest)).is_gt() {
                    furthest = candidate;
                }
            }
        }
        self.nodes[at as usize].furthest = furthest;
    }

    /// What comes before a node, and the rest.
    fn split(&mut self, at: u32, pivot: u32) -> (u32, u32) {
        if at == NONE {
            return (NONE, NONE);
        }
        let before = {
            let p = &self.nodes[pivot as usize];
            self.order(at, &p.low, p.id).is_lt()
        };
        let answer;
        if before {
            let (left, right) = self.split(self.nodes[at as usize].right, pivot);
            self.nodes[at as usize].right = left;
            answer = (at, right);
        } else {
            let (left, right) = self.split(self.nodes[at as usize].left, pivot);
            self.nodes[at as usize].left = right;
            answer = (left, at);
        }
        self.refresh(at);
        answer
    }

    fn merge(&mut self, left: u32, right: u32) -> u32 {
        if left == NONE || right == NONE {
            return if left == NONE { right } else { left };
        }
        if self.nodes[left as usize].priority > self.nodes[right as usize].priority {
            let merged = self.merge(self.nodes[left as usize].right, right);
            self.nodes[left as usize].right = merged;
            self.refresh(left);
            left
        } else {
            let merged = self.merge(left, self.nodes[right as usize].left);
            self.nodes[right as usize].left = merged;
            self.refresh(right);
            right
        }
    }

    /// A subtree without an interval, and the node taken out.
    fn without(&mut self, at: u32, low: &Bound, id: u32) -> (u32, u32) {
        if at == NONE {
            return (NONE, NONE);
        }
        let Node { left, right, .. } = self.nodes[at as usize];
        let removed;
        match self.order(at, low, id) {
            Ordering::Equal => return (self.merge(left, right), at),
            Ordering::Greater => {
                let (child, found) = self.without(left, low, id);
                self.nodes[at as usize].left = child;
                removed = found;
            }
            Ordering::Less => {
                let (child, found) = self.without(right, low, id);
                self.nodes[at as usize].right = child;
                removed = found;
            }
        }
        self.refresh(at);
        (at, removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn every_question_is_answered_as_by_looking_at_all() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut tree = Intervals::default();
        let mut all: Vec<(Bound, Bound, u32)> = Vec::new();
        for id in 0..600u32 {
            let mut end = |least: i64| (random.u8(..) > 20).then(|| (Value::Int(random.i64(least..least + 50)), random.bool()));
            let low = end(0);
            let high = end(low.as_ref().map_or(0, |(v, _)| if let Value::Int(v) = v { *v } else { 0 }));
            tree.insert(low.clone(), high.clone(), id);
            all.push((low, high, id));
            if random.u8(..) < 90 {
                let (low, _, id) = all.swap_remove(random.usize(..all.len()));
                assert!(tree.remove(&low, id));
                assert!(!tree.remove(&low, id));
            }
            let cell = Value::Int(random.i64(-5..110));
            let mut found = Vec::new();
            tree.holding(cell.as_cell(), &mut |id| found.push(id));
            found.sort_unstable();
            let mut expected: Vec<u32> = all
                .iter()
                .filter(|(low, high, _)| is_above(low, cell.as_cell()) && is_below(high, cell.as_cell()))
                .map(|i| i.2)
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}
