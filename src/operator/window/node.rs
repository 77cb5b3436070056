//! The nodes of a partition's tree: rows, or nodes, with what is known of the rows below.

use super::slot::{Arguments, Slot};
use crate::algebra::Handle;
use crate::trace::Entry;

pub(super) const WIDTH: usize = 64;
/// Built nodes are left with room.
pub(super) const FILL: usize = 48;

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

/// What a node is made of.
#[derive(Debug)]
pub(super) enum Body {
    Leaf(Vec<Item>),
    Inner(Vec<Node>),
}

/// A node, and how many rows and starts of groups are below it.
#[derive(Debug)]
pub(super) struct Node {
    pub count: u32,
    pub starts: u32,
    slots: Box<[Slot]>,
    pub body: Body,
}

impl Node {
    pub(super) fn new(body: Body, arguments: Arguments<'_>) -> Self {
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

    pub(super) fn first(&self) -> &Item {
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

    pub(super) fn for_range(&self, from: usize, to: usize, f: &mut dyn FnMut(&Item)) {
        match &self.body {
            Body::Leaf(rows) => rows[from.min(rows.len())..to.min(rows.len()).max(from.min(rows.len()))].iter().for_each(f),
            Body::Inner(nodes) => {
                let mut at = 0;
                for n in nodes {
                    let end = at + n.count as usize;
                    if from < end {
                        n.for_range(from.saturating_sub(at), to - at, f);
                    }
                    at = end;
                    if at >= to {
                        break;
                    }
                }
            }
        }
    }

    pub(super) fn fold(&self, from: usize, to: usize, arguments: Arguments<'_>, slot: usize, into: &mut Slot) {
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
                    if from < end {
                        n.fold(from.saturating_sub(at), to - at, arguments, slot, into);
                    }
                    at = end;
                    if at >= to {
                        break;
                    }
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

    pub(super) fn insert(&mut self, at: usize, item: Item, arguments: Arguments<'_>) -> Option<Node> {
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

    pub(super) fn remove(&mut self, at: usize, arguments: Arguments<'_>) -> Item {
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

    pub(super) fn mark(&mut self, at: usize, starts: bool) -> bool {
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

    pub(super) fn bytes(&self) -> usize {
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
