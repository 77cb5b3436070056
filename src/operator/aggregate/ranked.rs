//! A multiset in order: a counted B+tree of ids with weights.
//!
//! What an id is, and so the order, is the caller's: it compares the ids that are there with the one that is sought. Of the
//! order's first key each entry holds eight bytes, so that most comparisons read nothing else. Change, place and n-th:
//! O(log n); 16 bytes an entry, nodes of up to 64. What is written of all entries, one after another, is kept leaf by leaf: after a
//! change only the leaf that it was in is written again.

use std::cmp::Ordering;

const FULL: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: u64,
    id: u32,
    weight: i32,
}

#[derive(Debug)]
enum Node {
    /// Entries, and what was written of them since the last change.
    Leaf(Vec<Entry>, Option<Box<[u8]>>),
    Inner(Vec<Child>),
}

/// Appends what is to be written of an entry: its id and weight.
pub type Write<'a> = dyn FnMut(u32, i32, &mut Vec<u8>) + 'a;

#[derive(Debug)]
struct Child {
    /// An entry of the child that is there: comparing reads it. Nothing in the child is before it.
    first: Entry,
    weight: i64,
    node: Node,
}

/// What is sought.
pub struct Sought<'a> {
    /// A word whose order never contradicts that of the entries.
    pub prefix: u64,
    /// Order of an entry of equal prefix relative to what is sought.
    pub compare: &'a dyn Fn(u32) -> Ordering,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Changed {
    /// The entry's id; after its last weight went, it is free.
    pub id: u32,
    /// Weight before.
    pub before: i32,
    /// Weight after.
    pub after: i32,
}

/// The multiset.
#[derive(Debug)]
pub struct Ranked {
    root: Node,
    weight: i64,
}

impl Default for Ranked {
    fn default() -> Self {
        Ranked { root: Node::empty(), weight: 0 }
    }
}

impl Sought<'_> {
    fn order(&self, entry: &Entry) -> Ordering {
        entry.prefix.cmp(&self.prefix).then_with(|| (self.compare)(entry.id))
    }
}

impl Ranked {
    /// Sum of all weights.
    pub fn weight(&self) -> i64 {
        self.weight
    }

    /// Adds to the weight of what is sought, under a new id if it is not there. Without weight an entry is gone.
    pub fn change(&mut self, sought: &Sought<'_>, weight: i32, new: &mut dyn FnMut() -> u32) -> Changed {
        self.weight += i64::from(weight);
        let (changed, split) = self.root.change(sought, weight, new);
        if let Some(right) = split {
            let left = std::mem::replace(&mut self.root, Node::Inner(Vec::new()));
            let left = Child { first: left.first(), weight: self.weight - right.weight, node: left };
            self.root = Node::Inner(vec![left, right]);
        }
        while let Node::Inner(children) = &mut self.root
            && children.len() <= 1
        {
            self.root = children.pop().map_or_else(Node::empty, |c| c.node);
        }
        changed
    }

    /// Id of the entry at a place from 0, counting weights.
    pub fn at(&self, mut place: i64) -> Option<u32> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(entries, _) => {
                    return entries
                        .iter()
                        .find(|e| {
                            place -= i64::from(e.weight);
                            place < 0
                        })
                        .map(|e| e.id);
                }
                Node::Inner(children) => {
                    node = &children
                        .iter()
                        .find(|c| {
                            let within = place < c.weight;
                            place -= if within { 0 } else { c.weight };
                            within
                        })?
                        .node;
                }
            }
        }
    }

    /// Calls `f` with every id and its weight, in order.
    pub fn for_each(&self, f: &mut dyn FnMut(u32, i32)) {
        self.root.for_each(f);
    }

    /// What `write` makes of all entries in order; it must make the same of an entry every time. Cost: that of a leaf per change since
    /// the last time, and a copy of the whole.
    pub fn written(&mut self, write: &mut Write<'_>) -> Vec<u8> {
        if let Node::Leaf(entries, _) = &self.root {
            // A few rows: not worth a second copy.
            let mut out = Vec::new();
            entries.iter().for_each(|e| write(e.id, e.weight, &mut out));
            return out;
        }
        // Room for what JSON has at its end.
        let mut out = Vec::with_capacity(self.root.write(write) + 1);
        self.root.gather(&mut out);
        out
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.root.bytes()
    }
}

impl Node {
    fn empty() -> Self {
        Node::Leaf(Vec::new(), None)
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(entries, _) => entries.len(),
            Node::Inner(children) => children.len(),
        }
    }

    /// The first entry; there is one.
    fn first(&self) -> Entry {
        match self {
            Node::Leaf(entries, _) => entries[0],
            Node::Inner(children) => children[0].first,
        }
    }

    fn change(&mut self, sought: &Sought<'_>, weight: i32, new: &mut dyn FnMut() -> u32) -> (Changed, Option<Child>) {
        let (changed, overfull) = match self {
            Node::Leaf(entries, written) => {
                *written = None;
                let at = entries.partition_point(|e| sought.order(e).is_lt());
                let changed = match entries.get_mut(at) {
                    Some(e) if sought.order(e).is_eq() => {
                        let before = e.weight;
                        e.weight = before.checked_add(weight).expect("weight overflow");
                        Changed { id: e.id, before, after: e.weight }
                    }
                    _ => {
                        let id = new();
                        entries.insert(at, Entry { prefix: sought.prefix, id, weight });
                        Changed { id, before: 0, after: weight }
                    }
                };
                if changed.after == 0 {
                    entries.remove(at);
                }
                (changed, entries.len() > FULL)
            }
            Node::Inner(children) => {
                let at = children.partition_point(|c| sought.order(&c.first).is_le()).saturating_sub(1);
                let child = &mut children[at];
                let (changed, split) = child.node.change(sought, weight, new);
                child.weight += i64::from(weight);
                if child.node.len() == 0 {
                    children.remove(at);
                } else {
                    child.first = child.node.first();
                    if let Some(right) = split {
                        child.weight -= right.weight;
                        children.insert(at + 1, right);
                    } else {
                        merge_around(children, at);
                    }
                }
                (changed, children.len() > FULL)
            }
        };
        (changed, overfull.then(|| self.split()))
    }

    /// Cuts off the right half.
    fn split(&mut self) -> Child {
        match self {
            Node::Leaf(entries, _) => {
                // Entries mostly come in order: the left half is left fuller.
                let right = entries.split_off(FULL * 3 / 4);
                let weight = right.iter().map(|e| i64::from(e.weight)).sum();
                Child { first: right[0], weight, node: Node::Leaf(right, None) }
            }
            Node::Inner(children) => {
                let right = children.split_off(FULL / 2);
                Child { first: right[0].first, weight: right.iter().map(|c| c.weight).sum(), node: Node::Inner(right) }
            }
        }
    }

    fn for_each(&self, f: &mut dyn FnMut(u32, i32)) {
        match self {
            Node::Leaf(entries, _) => entries.iter().for_each(|e| f(e.id, e.weight)),
            Node::Inner(children) => children.iter().for_each(|c| c.node.for_each(f)),
        }
    }

    /// Writes what is not written; the length of all.
    fn write(&mut self, write: &mut Write<'_>) -> usize {
        match self {
            Node::Leaf(entries, written) => {
                let written = written.get_or_insert_with(|| {
                    let mut out = Vec::new();
                    entries.iter().for_each(|e| write(e.id, e.weight, &mut out));
                    out.into()
                });
                written.len()
            }
            Node::Inner(children) => children.iter_mut().map(|c| c.node.write(write)).sum(),
        }
    }

    fn gather(&self, out: &mut Vec<u8>) {
        match self {
            Node::Leaf(_, written) => out.extend_from_slice(written.as_deref().unwrap_or_default()),
            Node::Inner(children) => children.iter().for_each(|c| c.node.gather(out)),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Node::Leaf(entries, written) => entries.capacity() * size_of::<Entry>() + written.as_ref().map_or(0, |w| w.len()),
            Node::Inner(children) => {
                children.capacity() * size_of::<Child>() + children.iter().map(|c| c.node.bytes()).sum::<usize>()
            }
        }
    }
}

/// Merges a thin child with a neighbour when both fit well into one.
fn merge_around(children: &mut Vec<Child>, at: usize) {
    if children[at].node.len() >= FULL / 4 {
        return;
    }
    let fits = |a: usize| children[a].node.len() + children[a + 1].node.len() <= FULL * 3 / 4;
    let left = if at > 0 && fits(at - 1) {
        at - 1
    } else if at + 1 < children.len() && fits(at) {
        at
    } else {
        return;
    };
    let right = children.remove(left + 1);
    children[left].weight += right.weight;
    match (&mut children[left].node, right.node) {
        (Node::Leaf(a, written), Node::Leaf(b, _)) => {
            *written = None;
            a.extend(b);
        }
        (Node::Inner(a), Node::Inner(b)) => a.extend(b),
        _ => unreachable!("siblings are of one height"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids are the values themselves.
    fn change(ranked: &mut Ranked, value: u32, weight: i32) -> Changed {
        let compare = move |id: u32| id.cmp(&value);
        // A coarse prefix, so that the comparison decides too.
        ranked.change(&Sought { prefix: u64::from(value / 8), compare: &compare }, weight, &mut || value)
    }

    #[test]
    fn places_agree_with_a_sorted_list_under_random_churn() {
        let mut rng = fastrand::Rng::with_seed(5);
        for domain in [20, 100_000] {
            let mut ranked = Ranked::default();
            let mut model: std::collections::BTreeMap<u32, i32> = std::collections::BTreeMap::new();
            for step in 0..40_000 {
                let value = rng.u32(..domain);
                let grow = rng.u32(..100) < if step < 20_000 { 70 } else { 20 };
                let known: Vec<u32> = model.range(value..).take(1).map(|(k, _)| *k).collect();
                let (value, weight) = match known.first() {
                    Some(k) if !grow => (*k, -rng.i32(1..=model[k])),
                    _ => (value, rng.i32(1..4)),
                };
                let before = model.get(&value).copied().unwrap_or(0);
                let after = before + weight;
                if after == 0 {
                    model.remove(&value)
                } else {
                    model.insert(value, after)
                };
                assert_eq!(change(&mut ranked, value, weight), Changed { id: value, before, after });
                if step % 997 == 0 {
                    let mut all = Vec::new();
                    ranked.for_each(&mut |id, weight| all.push((id, weight)));
                    assert_eq!(all, model.iter().map(|(k, w)| (*k, *w)).collect::<Vec<_>>());
                    let total: i64 = model.values().map(|w| i64::from(*w)).sum();
                    assert_eq!(ranked.weight(), total);
                    let flat: Vec<u32> = all.iter().flat_map(|(id, w)| vec![*id; *w as usize]).collect();
                    for place in (0..flat.len()).step_by(1 + flat.len() / 50) {
                        assert_eq!(ranked.at(place as i64), Some(flat[place]));
                    }
                    assert_eq!(ranked.at(total), None);
                    let text: Vec<u8> = flat.iter().flat_map(|v| v.to_le_bytes()).collect();
                    for rest in 0..2 {
                        let mut entries = 0;
                        let mut write = |id: u32, weight: i32, out: &mut Vec<u8>| {
                            entries += 1;
                            (0..weight).for_each(|_| out.extend_from_slice(&id.to_le_bytes()));
                        };
                        assert_eq!(ranked.written(&mut write), text);
                        assert!(rest == 0 || entries == 0 || model.len() <= FULL, "{entries} of {} written again", model.len());
                    }
                }
            }
        }
    }

    #[test]
    fn a_change_looks_at_no_more_than_a_path_through_the_tree() {
        let mut rng = fastrand::Rng::with_seed(9);
        let mut ranked = Ranked::default();
        let looked = std::cell::Cell::new(0u32);
        let mut most = 0;
        for _ in 0..100_000 {
            let value = rng.u32(..);
            looked.set(0);
            let compare = |id: u32| {
                looked.set(looked.get() + 1);
                id.cmp(&value)
            };
            // All prefixes alike: every comparison is counted.
            ranked.change(&Sought { prefix: 0, compare: &compare }, 1, &mut || value);
            most = most.max(looked.get());
        }
        assert!((17..=30).contains(&most), "{most} comparisons");
    }

    #[test]
    fn after_a_change_one_leaf_is_written_again() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut ranked = Ranked::default();
        for value in 0..20_000 {
            change(&mut ranked, value * 2, 1);
        }
        for round in 0..300 {
            let mut entries = 0;
            let text = ranked.written(&mut |id, weight, out| {
                entries += weight;
                out.extend_from_slice(&id.to_be_bytes());
            });
            assert!(text.chunks(4).is_sorted() && text.len() as i64 == 4 * ranked.weight());
            // A leaf that is split is two, one that is thin takes in its neighbour.
            assert!(round == 0 || entries as usize <= FULL + 1, "{entries}");
            let value = rng.u32(..20_000) * 2;
            let known = ranked.weight() > 10_000 && text.chunks(4).any(|c| *c == value.to_be_bytes());
            if known {
                change(&mut ranked, value, -1)
            } else {
                change(&mut ranked, value + 1, 1)
            };
        }
    }

    #[test]
    fn what_is_empty_again_holds_next_to_nothing() {
        let mut ranked = Ranked::default();
        for v in 0..10_000 {
            change(&mut ranked, v, 1);
        }
        assert!(ranked.bytes() < 10_000 * 40, "{}", ranked.bytes());
        for v in 0..10_000 {
            change(&mut ranked, v, -1);
        }
        assert!(ranked.bytes() <= FULL * 4 * size_of::<Entry>() && ranked.at(0).is_none());
    }
}
