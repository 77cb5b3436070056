//! A partition: its rows in order, in a B+tree that counts rows and groups of peers and sums up arguments.
//!
//! Rows are found by position; the order is the caller's, who asks for it by [`Tree::partition`]. A row is marked where a
//! group of peers starts. Every operation costs O(log n); a node holds up to 64 rows or nodes.

use super::node::{Body, FILL, Item, Node, WIDTH};
use super::slot::{Arguments, Slot};

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    root: Option<Box<Node>>,
}

impl Tree {
    /// Builds from rows in order. Cost: O(n).
    pub(super) fn build(items: &[Item], arguments: Arguments<'_>) -> Self {
        let leaf = |chunk: &[Item]| {
            let mut rows = Vec::with_capacity(if items.len() > FILL { WIDTH } else { chunk.len() });
            rows.extend_from_slice(chunk);
            Node::new(Body::Leaf(rows), arguments)
        };
        let mut level: Vec<Node> = items.chunks(FILL).map(leaf).collect();
        while level.len() > 1 {
            let mut rest = level.into_iter().peekable();
            let mut upper = Vec::new();
            while rest.peek().is_some() {
                upper.push(Node::new(Body::Inner(rest.by_ref().take(FILL).collect()), arguments));
            }
            level = upper;
        }
        Tree { root: level.pop().map(Box::new) }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.root.as_ref().map_or(0, |r| r.count as usize)
    }

    /// Number of rows for which `before` holds; it must hold for a prefix.
    pub(super) fn partition(&self, before: &dyn Fn(&Item) -> bool) -> usize {
        let Some(mut node) = self.root.as_deref() else { return 0 };
        let mut at = 0;
        loop {
            match &node.body {
                Body::Leaf(rows) => return at + rows.partition_point(before),
                Body::Inner(nodes) => {
                    let child = nodes.partition_point(|n| before(n.first())).saturating_sub(1);
                    at += nodes[..child].iter().map(|n| n.count as usize).sum::<usize>();
                    node = &nodes[child];
                }
            }
        }
    }

    /// The row at a position.
    pub(super) fn get(&self, at: usize) -> Option<Item> {
        let leaf = self.leaf(at)?;
        leaf.rows.get(at - leaf.first).copied()
    }

    /// The leaf in which a position is, or would be.
    #[inline(always)]
    fn leaf(&self, at: usize) -> Option<Leaf<'_>> {
        let mut node = self.root.as_deref()?;
        let mut first = 0;
        loop {
            match &node.body {
                Body::Leaf(rows) => return Some(Leaf { rows, first }),
                Body::Inner(nodes) => {
                    node = nodes.iter().find(|n| {
                        let here = at - first < n.count as usize;
                        first += if here { 0 } else { n.count as usize };
                        here
                    })?;
                }
            }
        }
    }

    /// Calls `f` with the rows from one position up to another. Cost: O(log n + rows).
    pub(super) fn for_range(&self, from: usize, to: usize, f: &mut dyn FnMut(&Item)) {
        if let Some(root) = &self.root {
            root.for_range(from, to, f);
        }
    }

    /// Groups of peers that start before a position.
    pub(super) fn starts_before(&self, mut at: usize) -> usize {
        let Some(mut node) = self.root.as_deref() else { return 0 };
        if at >= node.count as usize {
            return node.starts as usize;
        }
        let mut starts = 0;
        loop {
            match &node.body {
                Body::Leaf(rows) => return starts + rows[..at].iter().filter(|r| r.starts).count(),
                Body::Inner(nodes) => {
                    for n in nodes {
                        node = n;
                        if at < n.count as usize {
                            break;
                        }
                        at -= n.count as usize;
                        starts += n.starts as usize;
                    }
                }
            }
        }
    }

    /// Where a group of peers starts; the number of rows if there are not so many groups.
    pub(super) fn group_start(&self, mut group: usize) -> usize {
        let Some(mut node) = self.root.as_deref() else { return 0 };
        if group >= node.starts as usize {
            return node.count as usize;
        }
        let mut at = 0;
        loop {
            match &node.body {
                Body::Leaf(rows) => {
                    let nth = rows.iter().enumerate().filter(|(_, r)| r.starts).nth(group);
                    return at + nth.map_or(rows.len(), |(i, _)| i);
                }
                Body::Inner(nodes) => {
                    for n in nodes {
                        node = n;
                        if group < n.starts as usize {
                            break;
                        }
                        at += n.count as usize;
                        group -= n.starts as usize;
                    }
                }
            }
        }
    }

    /// Adds the rows from one position up to another to a slot. Cost: O(log n).
    pub(super) fn fold(&self, from: usize, to: usize, arguments: Arguments<'_>, slot: usize, into: &mut Slot) {
        if let Some(root) = self.root.as_ref().filter(|_| from < to) {
            root.fold(from, to, arguments, slot, into);
        }
    }

    /// Puts a row at a position.
    pub(super) fn insert(&mut self, at: usize, item: Item, arguments: Arguments<'_>) {
        let Some(root) = &mut self.root else {
            self.root = Some(Box::new(Node::new(Body::Leaf(vec![item]), arguments)));
            return;
        };
        if let Some(right) = root.insert(at, item, arguments) {
            let left = self.root.take().expect("a root that was split");
            self.root = Some(Box::new(Node::new(Body::Inner(vec![*left, right]), arguments)));
        }
    }

    /// Takes the row at a position out.
    pub(super) fn remove(&mut self, at: usize, arguments: Arguments<'_>) {
        let Some(root) = &mut self.root else { return };
        root.remove(at, arguments);
        if root.count == 0 {
            self.root = None;
        } else {
            while let Body::Inner(nodes) = &mut root.body
                && nodes.len() == 1
            {
                let only = nodes.pop().expect("one node");
                **root = only;
            }
        }
    }

    /// Marks whether a group of peers starts at a position.
    pub(super) fn mark(&mut self, at: usize, starts: bool) {
        if let Some(root) = &mut self.root {
            root.mark(at, starts);
        }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.root.as_ref().map_or(0, |r| r.bytes())
    }
}

/// Rows that stand side by side, and where the first one is: who asks for one place after another mostly finds it here.
#[derive(Clone, Copy, Default)]
pub(super) struct Leaf<'a> {
    rows: &'a [Item],
    first: usize,
}

impl<'a> Leaf<'a> {
    /// The row at a position of a tree.
    #[inline(always)]
    pub(super) fn get(&mut self, tree: &'a Tree, at: usize) -> Option<Item> {
        let here = |leaf: &Self| leaf.rows.get(at.wrapping_sub(leaf.first)).copied();
        if let Some(item) = here(self) {
            return Some(item);
        }
        *self = tree.leaf(at)?;
        here(self)
    }
}
