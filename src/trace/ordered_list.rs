//! An order-statistics list: a counted B+tree of row handles with 16 bytes of sort prefix each.
//!
//! Insert, remove, rank, nth: O(log n) with about three nodes touched at 100,000 entries. Leaves and inner nodes hold up to
//! 64 entries (`MEASURED` compared fan-outs and skip lists; a list of one leaf is a plain sorted vector, so short lists are
//! as cheap as they can be). Order is given by a comparator per call; it must be a total order in which only equal handles
//! are equal. Entries compare by prefix first, so the comparator reads rows on ties only.

use std::cmp::Ordering;

use crate::algebra::Handle;

const LEAF: usize = 64;
const FANOUT: usize = 64;
/// Bulk-built nodes are left with room, so that the first inserts do not split everything.
const FILL: usize = 48;

/// How rows compare whose prefixes are equal. Not generic: of what is seldom asked one copy is enough.
pub type Tie<'a> = &'a dyn Fn(Handle, Handle) -> Ordering;

/// A row and the first 16 bytes of its sort key, as two order-preserving words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// First prefix word.
    pub first: u64,
    /// Second prefix word.
    pub second: u64,
    /// The row.
    pub row: Handle,
}

impl Entry {
    /// Compares prefixes, then asks.
    #[inline]
    pub fn compare(&self, other: &Entry, tie: &(impl Fn(Handle, Handle) -> Ordering + ?Sized)) -> Ordering {
        match self.first.cmp(&other.first).then(self.second.cmp(&other.second)) {
            Ordering::Equal if self.row == other.row => Ordering::Equal,
            Ordering::Equal => tie(self.row, other.row),
            unequal => unequal,
        }
    }
}

/// Number of entries before `entry`. By hand: this loop is most of the work of a change, and must not become calls when the
/// build favours size. The halving has no branch that depends on the data, since half of such branches would be guessed wrong.
#[inline(always)]
fn position(entries: &[Entry], entry: &Entry, tie: Tie<'_>) -> usize {
    let (mut low, mut n) = (0, entries.len());
    while n > 0 {
        let half = n / 2;
        let behind = entries[low + half].first < entry.first;
        low = if behind { low + half + 1 } else { low };
        n = if behind { n - half - 1 } else { half };
    }
    // Entries whose first words are equal: seldom more than one or two.
    let mut high = entries.len();
    if entries.get(low + 8).is_none_or(|e| e.first != entry.first) {
        while entries.get(low).is_some_and(|e| is_before(e, entry, tie)) {
            low += 1;
        }
        return low;
    }
    while low < high {
        let mid = (low + high) / 2;
        if is_before(&entries[mid], entry, tie) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    low
}

#[inline]
fn is_before(e: &Entry, entry: &Entry, tie: Tie<'_>) -> bool {
    if e.first != entry.first {
        e.first < entry.first
    } else if e.second != entry.second {
        e.second < entry.second
    } else {
        e.row != entry.row && tie(e.row, entry.row).is_lt()
    }
}

#[derive(Debug)]
enum Node {
    Leaf(Vec<Entry>),
    Inner(Box<Inner>),
}

#[derive(Debug, Default)]
struct Inner {
    /// First entry of each child, as a separator: nothing in child i is before `firsts[i]` (except in child 0).
    firsts: Vec<Entry>,
    counts: Vec<u32>,
    children: Vec<Node>,
}

/// The list.
#[derive(Debug)]
pub struct OrderedList {
    root: Node,
    len: usize,
}

impl Default for OrderedList {
    fn default() -> Self {
        OrderedList { root: Node::Leaf(Vec::new()), len: 0 }
    }
}

impl OrderedList {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Builds from entries already in order. Cost: O(n).
    pub fn from_sorted(entries: &[Entry]) -> Self {
        let len = entries.len();
        if len <= LEAF {
            return OrderedList { root: Node::Leaf(entries.to_vec()), len };
        }
        let mut level: Vec<(Entry, u32, Node)> = entries
            .chunks(FILL)
            .map(|c| {
                let mut leaf = Vec::with_capacity(LEAF);
                leaf.extend_from_slice(c);
                (c[0], c.len() as u32, Node::Leaf(leaf))
            })
            .collect();
        while level.len() > 1 {
            let mut upper = Vec::with_capacity(level.len() / FILL + 1);
            let mut rest = level.into_iter().peekable();
            while let Some(&(first, ..)) = rest.peek() {
                let mut inner = Inner::default();
                for (f, c, n) in rest.by_ref().take(FILL) {
                    inner.firsts.push(f);
                    inner.counts.push(c);
                    inner.children.push(n);
                }
                upper.push((first, inner.counts.iter().sum(), Node::Inner(Box::new(inner))));
            }
            level = upper;
        }
        let root = level.pop().map_or(Node::Leaf(Vec::new()), |l| l.2);
        OrderedList { root, len }
    }

    /// Inserts an entry that is not there; its position.
    pub fn insert(&mut self, entry: Entry, tie: Tie<'_>) -> usize {
        let (at, split) = self.root.insert(entry, tie);
        if let Some((first, count, node)) = split {
            let old_first = self.root.first();
            let old = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            let inner = Inner {
                firsts: vec![old_first, first],
                counts: vec![(self.len + 1) as u32 - count, count],
                children: vec![old, node],
            };
            self.root = Node::Inner(Box::new(inner));
        }
        self.len += 1;
        at
    }

    /// Removes an entry; the position it had, or `None` when it is not there.
    pub fn remove(&mut self, entry: Entry, tie: Tie<'_>) -> Option<usize> {
        let at = self.root.remove(entry, tie)?;
        self.len -= 1;
        // A root with one child is that child.
        while let Node::Inner(inner) = &mut self.root {
            if inner.children.len() != 1 {
                break;
            }
            let only = inner.children.pop().expect("one child");
            self.root = only;
        }
        Some(at)
    }

    /// Puts a row in the place of another one that has the same sort key, and so the same prefix, if its neighbours leave no
    /// doubt that it belongs there; its position. Cost: one search, and nothing is shifted.
    pub fn replace(&mut self, old: Entry, row: Handle, tie: Tie<'_>) -> Option<usize> {
        let mut node = &mut self.root;
        let mut before = 0;
        loop {
            match node {
                Node::Inner(inner) => {
                    let child = position(&inner.firsts, &old, tie).checked_sub(1)?;
                    before += inner.counts[..child].iter().sum::<u32>() as usize;
                    node = &mut inner.children[child];
                }
                Node::Leaf(entries) => {
                    let at = position(entries, &old, tie);
                    // The first entry of a leaf may stand above as a separator.
                    if at == 0 || entries.get(at)?.row != old.row {
                        return None;
                    }
                    let new = Entry { row, ..old };
                    let follows = entries.get(at + 1)?;
                    if !is_before(&entries[at - 1], &new, tie) || !is_before(&new, follows, tie) {
                        return None;
                    }
                    entries[at] = new;
                    return Some(before + at);
                }
            }
        }
    }

    /// Number of entries for which `before` holds; it must hold for a prefix of the list.
    pub fn partition(&self, before: impl Fn(&Entry) -> bool) -> usize {
        let mut node = &self.root;
        let mut at = 0;
        loop {
            match node {
                Node::Leaf(entries) => return at + entries.partition_point(&before),
                Node::Inner(inner) => {
                    let child = inner.firsts.partition_point(&before).saturating_sub(1);
                    at += inner.counts[..child].iter().sum::<u32>() as usize;
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The entry at a position.
    pub fn get(&self, mut at: usize) -> Option<Entry> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(entries) => return entries.get(at).copied(),
                Node::Inner(inner) => {
                    let mut child = 0;
                    while child + 1 < inner.counts.len() && at >= inner.counts[child] as usize {
                        at -= inner.counts[child] as usize;
                        child += 1;
                    }
                    node = &inner.children[child];
                }
            }
        }
    }

    /// Calls `f` with up to `count` entries from a position on. Cost: O(log n + count).
    pub fn for_range(&self, start: usize, count: usize, f: &mut impl FnMut(&Entry)) {
        self.root.for_range(start, &mut { count }, f);
    }

    /// All entries in order.
    pub fn to_vec(&self) -> Vec<Entry> {
        let mut all = Vec::with_capacity(self.len);
        self.for_range(0, usize::MAX, &mut |e| all.push(*e));
        all
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.root.bytes()
    }
}

impl Node {
    fn first(&self) -> Entry {
        match self {
            Node::Leaf(e) => e[0],
            Node::Inner(i) => i.firsts[0],
        }
    }

    fn insert(&mut self, entry: Entry, tie: Tie<'_>) -> (usize, Option<(Entry, u32, Node)>) {
        match self {
            Node::Leaf(entries) => {
                let at = position(entries, &entry, tie);
                debug_assert!(entries.get(at).is_none_or(|e| e.row != entry.row), "an entry is inserted once");
                if entries.len() < LEAF {
                    entries.insert(at, entry);
                    return (at, None);
                }
                // Appending at the end is the common bulk order: leave the left leaf full.
                let cut = if at == LEAF { LEAF - 1 } else { LEAF / 2 };
                let mut right = Vec::with_capacity(LEAF);
                right.extend_from_slice(&entries[cut..]);
                entries.truncate(cut);
                if at <= cut && at != LEAF {
                    entries.insert(at, entry);
                } else {
                    right.insert(at - cut, entry);
                }
                (at, Some((right[0], right.len() as u32, Node::Leaf(right))))
            }
            Node::Inner(inner) => {
                let child = position(&inner.firsts, &entry, tie).saturating_sub(1);
                let before: u32 = inner.counts[..child].iter().sum();
                let (at, split) = inner.children[child].insert(entry, tie);
                inner.counts[child] += 1;
                if at == 0 {
                    inner.firsts[child] = entry;
                }
                if let Some((first, count, node)) = split {
                    inner.counts[child] -= count;
                    inner.firsts.insert(child + 1, first);
                    inner.counts.insert(child + 1, count);
                    inner.children.insert(child + 1, node);
                }
                let at = before as usize + at;
                if inner.children.len() <= FANOUT {
                    return (at, None);
                }
                let cut = FANOUT / 2;
                let right = Inner {
                    firsts: inner.firsts.split_off(cut),
                    counts: inner.counts.split_off(cut),
                    children: inner.children.split_off(cut),
                };
                (at, Some((right.firsts[0], right.counts.iter().sum(), Node::Inner(Box::new(right)))))
            }
        }
    }

    fn remove(&mut self, entry: Entry, tie: Tie<'_>) -> Option<usize> {
        match self {
            Node::Leaf(entries) => {
                let at = position(entries, &entry, tie);
                if entries.get(at).is_none_or(|e| e.row != entry.row) {
                    return None;
                }
                entries.remove(at);
                Some(at)
            }
            Node::Inner(inner) => {
                let at = position(&inner.firsts, &entry, tie);
                // The separator itself is the first entry of its child.
                let is_separator = inner.firsts.get(at).is_some_and(|f| f.row == entry.row);
                let child = if is_separator { at } else { at.saturating_sub(1) };
                let at = inner.children[child].remove(entry, tie)?;
                let before: u32 = inner.counts[..child].iter().sum();
                inner.counts[child] -= 1;
                if inner.counts[child] == 0 {
                    inner.firsts.remove(child);
                    inner.counts.remove(child);
                    inner.children.remove(child);
                } else {
                    // The separator must stay an entry that exists: comparing reads its row.
                    if at == 0 {
                        inner.firsts[child] = inner.children[child].first();
                    }
                    inner.merge_around(child);
                }
                Some(before as usize + at)
            }
        }
    }

    fn for_range(&self, start: usize, count: &mut usize, f: &mut impl FnMut(&Entry)) {
        match self {
            Node::Leaf(entries) => {
                for e in entries.iter().skip(start).take(*count) {
                    f(e);
                }
                *count -= (*count).min(entries.len().saturating_sub(start));
            }
            Node::Inner(inner) => {
                let mut start = start;
                for (c, n) in inner.counts.iter().zip(&inner.children) {
                    if *count == 0 {
                        return;
                    }
                    let c = *c as usize;
                    if start < c {
                        n.for_range(start, count, f);
                    }
                    start = start.saturating_sub(c);
                }
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(e) => e.len(),
            Node::Inner(i) => i.children.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Node::Leaf(e) => e.capacity() * size_of::<Entry>(),
            Node::Inner(i) => {
                i.children.iter().map(Node::bytes).sum::<usize>()
                    + i.children.capacity() * (size_of::<Node>() + 4 + size_of::<Entry>())
            }
        }
    }
}

impl Inner {
    /// Merges a thin child with a neighbour when both fit well into one.
    fn merge_around(&mut self, child: usize) {
        if self.children[child].len() >= LEAF / 4 {
            return;
        }
        let fits = |a: usize, b: usize| self.children[a].len() + self.children[b].len() <= LEAF * 3 / 4;
        let left = if child > 0 && fits(child - 1, child) {
            child - 1
        } else if child + 1 < self.children.len() && fits(child, child + 1) {
            child
        } else {
            return;
        };
        let node = self.children.remove(left + 1);
        self.firsts.remove(left + 1);
        let count = self.counts.remove(left + 1);
        self.counts[left] += count;
        match (&mut self.children[left], node) {
            (Node::Leaf(a), Node::Leaf(b)) => a.extend(b),
            (Node::Inner(a), Node::Inner(b)) => {
                a.firsts.extend(b.firsts);
                a.counts.extend(b.counts);
                a.children.extend(b.children);
            }
            _ => unreachable!("siblings are of one height"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: u64, row: Handle) -> Entry {
        Entry { first: key, second: 0, row }
    }

    #[test]
    fn positions_agree_with_a_sorted_vector_under_random_churn() {
        let mut rng = fastrand::Rng::with_seed(7);
        for domain in [50u64, 1_000_000] {
            let tie = |a: Handle, b: Handle| a.cmp(&b);
            let mut list = OrderedList::default();
            let mut model: Vec<Entry> = Vec::new();
            for step in 0..40_000u32 {
                let grow = if step < 20_000 { 70 } else { 30 };
                if model.is_empty() || rng.u32(0..100) < grow {
                    let e = entry(rng.u64(0..domain), step);
                    let at = model.partition_point(|m| m.compare(&e, &tie).is_lt());
                    model.insert(at, e);
                    assert_eq!(list.insert(e, &tie), at);
                } else {
                    let at = rng.usize(0..model.len());
                    let e = model.remove(at);
                    assert_eq!(list.remove(e, &tie), Some(at));
                    assert_eq!(list.remove(e, &tie), None);
                }
                assert_eq!(list.len(), model.len());
                if step % 1000 == 0 {
                    assert_eq!(list.to_vec(), model);
                    let mid = model.len() / 2;
                    assert_eq!(list.get(mid), model.get(mid).copied());
                    let mut part = Vec::new();
                    list.for_range(mid, 70, &mut |e| part.push(*e));
                    assert_eq!(part, model[mid..model.len().min(mid + 70)]);
                    let built = OrderedList::from_sorted(&model);
                    assert_eq!(built.to_vec(), model);
                    assert_eq!(built.partition(|e| e.first < domain / 2), model.partition_point(|e| e.first < domain / 2));
                }
            }
        }
    }

    #[test]
    fn appending_in_order_fills_leaves() {
        let mut list = OrderedList::default();
        for i in 0..10_000 {
            assert_eq!(list.insert(entry(u64::from(i), i), &|a, b| a.cmp(&b)), i as usize);
        }
        assert!(list.bytes() < 10_000 * size_of::<Entry>() * 2);
    }
}
