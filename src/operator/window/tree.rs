//! A partition: its rows in order, in a B+tree that counts rows and groups of peers and sums up arguments.
//!
//! Rows are found by position; the order is the caller's, who asks for it by [`Tree::partition`]. A row is marked where a
//! group of peers starts. Every operation costs O(log n); a node holds up to 64 rows or nodes.

use super::slot::{Arguments, Slot};
use crate::algebra::Handle;
use crate::trace::Entry;

const WIDTH: usize = 64;
/// Built nodes are left with room.
const FILL: usize = 48;

/// A row with its sort prefix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    first: u64,
    second: u64,
    pub row: Handle,
    /// The row before, if any, is no peer.
    pub starts: bool,
}

impl Item {
    pub(super) fn new(entry: Entry, starts: bool) -> Self {
        Item { first: entry.first, second: entry.second, row: entry.row, starts }
    }

    pub(super) fn entry(&self) -> Entry {
        Entry { first: self.first, second: self.second, row: self.row }
    }
}

#[derive(Debug)]
enum Body {
    Leaf(Vec<Item>),
    Inner(Vec<Node>),
}

#[derive(Debug)]
struct Node {
    count: u32,
    starts: u32,
    slots: Box<[Slot]>,
    body: Body,
}

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
    pub(super) fn get(&self, mut at: usize) -> Option<Item> {
        let mut node = self.root.as_deref()?;
        loop {
            match &node.body {
                Body::Leaf(rows) => return rows.get(at).copied(),
                Body::Inner(nodes) => {
                    node = nodes.iter().find(|n| {
                        let here = at < n.count as usize;
                        at -= if here { 0 } else { n.count as usize };
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

impl Node {
    fn new(body: Body, arguments: Arguments<'_>) -> Self {
        let slots = arguments.slots.iter().map(|s| Slot::new(s.kept)).collect();
        let mut node = Node { count: 0, starts: 0, slots, body };
        node.count_up();
        (0..arguments.slots.len()).for_each(|s| node.sum_up(arguments, s));
        node
    }

    fn count_up(&mut self) {
        (self.count, self.starts) = match &self.body {
            Body::Leaf(rows) => (rows.len() as u32, rows.iter().filter(|r| r.starts).count() as u32),
            Body::Inner(nodes) => (nodes.iter().map(|n| n.count).sum(), nodes.iter().map(|n| n.starts).sum()),
        };
    }

    /// A slot from scratch.
    fn sum_up(&mut self, arguments: Arguments<'_>, slot: usize) {
        let mut sum = Slot::new(arguments.slots[slot].kept);
        match &self.body {
            Body::Leaf(rows) => rows.iter().for_each(|r| {
                sum.add(arguments, slot, r.row, 1);
            }),
            Body::Inner(nodes) => nodes.iter().for_each(|n| sum.merge(arguments, slot, &n.slots[slot])),
        }
        self.slots[slot] = sum;
    }

    fn first(&self) -> &Item {
        match &self.body {
            Body::Leaf(rows) => &rows[0],
            Body::Inner(nodes) => nodes[0].first(),
        }
    }

    fn width(&self) -> usize {
        match &self.body {
            Body::Leaf(rows) => rows.len(),
            Body::Inner(nodes) => nodes.len(),
        }
    }

    fn for_range(&self, from: usize, to: usize, f: &mut dyn FnMut(&Item)) {
        match &self.body {
            Body::Leaf(rows) => rows[from.min(rows.len())..to.min(rows.len()).max(from.min(rows.len()))].iter().for_each(f),
            Body::Inner(nodes) => {
                let mut at = 0;
                for n in nodes {
                    let end = at + n.count as usize;
                    if at < to && from < end {
                        n.for_range(from.saturating_sub(at), to - at, f);
                    }
                    at = end;
                }
            }
        }
    }

    fn fold(&self, from: usize, to: usize, arguments: Arguments<'_>, slot: usize, into: &mut Slot) {
        if from == 0 && to >= self.count as usize {
            return into.merge(arguments, slot, &self.slots[slot]);
        }
        match &self.body {
            Body::Leaf(rows) => rows[from..to.min(rows.len())].iter().for_each(|r| {
                into.add(arguments, slot, r.row, 1);
            }),
            Body::Inner(nodes) => {
                let mut at = 0;
                for n in nodes {
                    let end = at + n.count as usize;
                    if at < to && from < end {
                        n.fold(from.saturating_sub(at), to - at, arguments, slot, into);
                    }
                    at = end;
                }
            }
        }
    }

    /// The child that holds a position, and the position in it. `at` may be just behind the last row.
    fn child(nodes: &[Node], mut at: usize) -> (usize, usize) {
        for (i, n) in nodes.iter().enumerate() {
            if at < n.count as usize || i + 1 == nodes.len() {
                return (i, at);
            }
            at -= n.count as usize;
        }
        unreachable!("an inner node has children")
    }

    fn insert(&mut self, at: usize, item: Item, arguments: Arguments<'_>) -> Option<Node> {
        self.count += 1;
        self.starts += u32::from(item.starts);
        for (i, slot) in self.slots.iter_mut().enumerate() {
            slot.add(arguments, i, item.row, 1);
        }
        match &mut self.body {
            Body::Leaf(rows) => rows.insert(at, item),
            Body::Inner(nodes) => {
                let (child, at) = Node::child(nodes, at);
                if let Some(right) = nodes[child].insert(at, item, arguments) {
                    nodes.insert(child + 1, right);
                }
            }
        }
        if self.width() <= WIDTH {
            return None;
        }
        let right = match &mut self.body {
            Body::Leaf(rows) => {
                let mut right = Vec::with_capacity(WIDTH);
                // Rows that come in order leave full nodes behind.
                let cut = if at == WIDTH { WIDTH } else { WIDTH / 2 };
                right.extend_from_slice(&rows[cut..]);
                rows.truncate(cut);
                Body::Leaf(right)
            }
            Body::Inner(nodes) => Body::Inner(nodes.split_off(WIDTH / 2)),
        };
        self.count_up();
        (0..arguments.slots.len()).for_each(|s| self.sum_up(arguments, s));
        Some(Node::new(right, arguments))
    }

    fn remove(&mut self, at: usize, arguments: Arguments<'_>) -> Item {
        let item = match &mut self.body {
            Body::Leaf(rows) => rows.remove(at),
            Body::Inner(nodes) => {
                let (child, at) = Node::child(nodes, at);
                let item = nodes[child].remove(at, arguments);
                if nodes[child].count == 0 {
                    nodes.remove(child);
                } else if nodes[child].width() < WIDTH / 4 {
                    merge_around(nodes, child, arguments);
                }
                item
            }
        };
        self.count -= 1;
        self.starts -= u32::from(item.starts);
        for slot in 0..self.slots.len() {
            let known = self.slots[slot].add(arguments, slot, item.row, -1);
            // Nothing left also forgets the limbs of sums that are over.
            if !known || matches!(self.slots[slot], Slot::Sum { count: 0, .. }) {
                self.sum_up(arguments, slot);
            }
        }
        item
    }

    fn mark(&mut self, at: usize, starts: bool) -> bool {
        let was = match &mut self.body {
            Body::Leaf(rows) => std::mem::replace(&mut rows[at].starts, starts),
            Body::Inner(nodes) => {
                let (child, at) = Node::child(nodes, at);
                nodes[child].mark(at, starts)
            }
        };
        self.starts = self.starts + u32::from(starts) - u32::from(was);
        was
    }

    fn bytes(&self) -> usize {
        let body = match &self.body {
            Body::Leaf(rows) => rows.capacity() * size_of::<Item>(),
            Body::Inner(nodes) => {
                nodes.iter().map(Node::bytes).sum::<usize>() + (nodes.capacity() - nodes.len()) * size_of::<Node>()
            }
        };
        body + size_of::<Node>() + self.slots.iter().map(|s| size_of::<Slot>() + s.bytes()).sum::<usize>()
    }
}

/// Merges a thin node with a neighbour when both fit well into one.
fn merge_around(nodes: &mut Vec<Node>, child: usize, arguments: Arguments<'_>) {
    let fits = |a: usize, b: usize| nodes[a].width() + nodes[b].width() <= FILL;
    let left = if child > 0 && fits(child - 1, child) {
        child - 1
    } else if child + 1 < nodes.len() && fits(child, child + 1) {
        child
    } else {
        return;
    };
    let right = nodes.remove(left + 1);
    let node = &mut nodes[left];
    match (&mut node.body, right.body) {
        (Body::Leaf(rows), Body::Leaf(more)) => rows.extend(more),
        (Body::Inner(nodes), Body::Inner(more)) => nodes.extend(more),
        _ => unreachable!("siblings are of one height"),
    }
    node.count += right.count;
    node.starts += right.starts;
    for (slot, more) in right.slots.iter().enumerate() {
        node.slots[slot].merge(arguments, slot, more);
    }
}
