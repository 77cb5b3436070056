//! Nodes: shown rows that own nested lists. However many there are, none is moved and no table is filled anew in one go as they
//! come, and they go in slices.

use std::hash::BuildHasher;

use super::ROOT;
use crate::algebra::Handle;
use crate::sort;
use crate::trace::{GroupId, HandleState, Index, NO_GROUP, Slab};

const END: u32 = u32::MAX;

#[derive(Debug)]
struct Node {
    level: usize,
    owner: u32,
    row: Handle,
    /// What a node that points at a row shows of it.
    seen: i32,
    /// Per sub-level of its level: the group of its list, and its neighbours among that group's owners.
    lists: Vec<List>,
    /// Nodes in its lists, and its neighbours among its owner's: a subtree goes without a search. Of a free place, the next one.
    first_child: u32,
    next: u32,
    previous: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    level: usize,
    group: GroupId,
    /// The nodes after and before it in the ring of those whose list the group is.
    next: u32,
    previous: u32,
    /// The version that has dealt with it already.
    settled: u64,
}

/// All nodes of a view. Node 0 stands for the view itself.
#[derive(Debug)]
pub struct Nodes {
    slots: Slab<Node>,
    /// The first free place.
    free: u32,
    /// Per level: nodes by owner and row.
    children: Vec<Index>,
    /// Per level: of each group that is a list, the node that owned it first.
    owners: Vec<Index>,
    /// Number of the present version.
    version: u64,
}

fn hash_of_row(owner: u32, row: Handle) -> u64 {
    HandleState::default().hash_one(u64::from(owner) << 32 | u64::from(row))
}

fn hash_of_group(group: GroupId) -> u64 {
    HandleState::default().hash_one(group)
}

impl Node {
    fn new(level: usize, owner: u32, row: Handle) -> Self {
        Node { level, owner, row, seen: -1, lists: Vec::new(), first_child: END, next: END, previous: END }
    }

    fn list(&self, level: usize) -> Option<&List> {
        self.lists.iter().find(|l| l.level == level)
    }

    fn list_mut(&mut self, level: usize) -> &mut List {
        self.lists.iter_mut().find(|l| l.level == level).expect("the node has this list")
    }

    fn hash(&self) -> u64 {
        hash_of_row(self.owner, self.row)
    }
}

fn hash_of_list(slots: &Slab<Node>, level: usize, id: u32) -> u64 {
    hash_of_group(slots[id as usize].list(level).expect("an owner has the list").group)
}

impl Nodes {
    /// Only the view itself. A view of one level has none at all.
    pub fn new(levels: usize) -> Self {
        let levels = if levels > 1 { levels } else { 0 };
        let mut slots = Slab::default();
        if levels > 0 {
            slots.push(Node::new(0, ROOT, 0));
        }
        Nodes { slots, free: END, children: vec![Index::default(); levels], owners: vec![Index::default(); levels], version: 1 }
    }

    /// Begins a version: no list is settled.
    pub fn begin(&mut self) {
        self.version += 1;
    }

    /// This version has dealt with a node's list.
    pub fn settle(&mut self, level: usize, id: u32) {
        self.slots[id as usize].list_mut(level).settled = self.version;
    }

    /// Whether this version has dealt with a node's list.
    pub fn is_settled(&self, level: usize, id: u32) -> bool {
        self.slots.get(id as usize).is_some_and(|node| node.list(level).is_some_and(|l| l.settled == self.version))
    }

    /// A node for a shown row.
    pub fn add(&mut self, level: usize, owner: u32, row: Handle) -> u32 {
        let mut node = Node::new(level, owner, row);
        node.next = self.slots[owner as usize].first_child;
        let next = node.next;
        let id = if self.free == END {
            self.slots.push(node);
            self.slots.len() as u32 - 1
        } else {
            let id = self.free;
            self.free = std::mem::replace(&mut self.slots[id as usize], node).next;
            id
        };
        if next != END {
            self.slots[next as usize].previous = id;
        }
        self.slots[owner as usize].first_child = id;
        self.file(level, id);
        id
    }

    fn file(&mut self, level: usize, id: u32) {
        let slots = &self.slots;
        self.children[level].insert(slots[id as usize].hash(), id, &|n| slots[n as usize].hash());
    }

    /// Takes the node that is or was at a place off the index, by its hash.
    fn unfile(&mut self, level: usize, hash: u64, id: u32) {
        let slots = &self.slots;
        self.children[level].remove(hash, id, &|n| slots[n as usize].hash());
    }

    /// Node of a row in an owner's list; −1 if rows of that level have none.
    pub fn child(&self, level: usize, owner: u32, row: Handle) -> i32 {
        let is_it = |id: u32| {
            let node = &self.slots[id as usize];
            node.owner == owner && node.row == row
        };
        self.children.get(level).and_then(|of| of.find(hash_of_row(owner, row), is_it)).map_or(-1, |id| id as i32)
    }

    /// What a node that points shows now; what it showed before.
    pub fn see(&mut self, id: u32, handle: i32) -> i32 {
        std::mem::replace(&mut self.slots[id as usize].seen, handle)
    }

    /// What a node that points shows.
    pub fn seen(&self, id: u32) -> i32 {
        self.slots[id as usize].seen
    }

    /// Level, owner and row of a node.
    pub fn place(&self, id: u32) -> (usize, u32, Handle) {
        let node = &self.slots[id as usize];
        (node.level, node.owner, node.row)
    }

    /// A node's row has another handle.
    pub fn rename(&mut self, id: u32, row: Handle) {
        let (level, hash) = (self.slots[id as usize].level, self.slots[id as usize].hash());
        self.unfile(level, hash, id);
        self.slots[id as usize].row = row;
        self.file(level, id);
    }

    /// A node's list at a level is a group now. Whether it is the first of this view whose list it is.
    pub fn own(&mut self, level: usize, group: GroupId, id: u32) -> bool {
        if self.slots.is_empty() {
            return true;
        }
        let first = (group != NO_GROUP).then(|| self.first(level, group)).flatten();
        let (next, mut previous) = (first.unwrap_or(id), id);
        if let Some(first) = first {
            previous = std::mem::replace(&mut self.slots[first as usize].list_mut(level).previous, id);
            self.slots[previous as usize].list_mut(level).next = id;
        }
        self.slots[id as usize].lists.push(List { level, group, next, previous, settled: 0 });
        if first.is_none() && group != NO_GROUP {
            let slots = &self.slots;
            self.owners[level].insert(hash_of_group(group), id, &|n| hash_of_list(slots, level, n));
        }
        first.is_none()
    }

    fn first(&self, level: usize, group: GroupId) -> Option<u32> {
        self.owners[level].find(hash_of_group(group), |id| self.group(level, id) == group)
    }

    /// A node's list at a level is no group any more. Whether it was the last of this view whose list it was.
    pub fn disown(&mut self, level: usize, id: u32) -> bool {
        let lists = &mut self.slots[id as usize].lists;
        let at = lists.iter().position(|l| l.level == level).expect("the node has this list");
        let list = lists.swap_remove(at);
        self.vacate(id, list)
    }

    /// A list that a node no longer has leaves its ring.
    fn vacate(&mut self, id: u32, list: List) -> bool {
        let List { level, group, next, previous, .. } = list;
        if group == NO_GROUP {
            return false;
        }
        let (hash, slots) = (hash_of_group(group), &mut self.slots);
        if next == id {
            self.owners[level].remove(hash, id, &|n| hash_of_list(slots, level, n));
            return true;
        }
        slots[previous as usize].list_mut(level).next = next;
        slots[next as usize].list_mut(level).previous = previous;
        if let Some(first) = self.owners[level].find_mut(hash, |n| n == id) {
            *first = next;
        }
        false
    }

    /// Nodes whose list at a level is a group, those first that owned it first.
    pub fn owners(&self, level: usize, group: GroupId) -> impl Iterator<Item = u32> + '_ {
        let first = self.first(level, group);
        let mut at = first;
        std::iter::from_fn(move || {
            let id = at?;
            let next = self.slots[id as usize].list(level).map(|l| l.next);
            at = next.filter(|_| next != first);
            Some(id)
        })
    }

    /// The groups at a level that are some node's list, in order.
    pub fn groups(&self, level: usize) -> Vec<GroupId> {
        let mut groups: Vec<GroupId> = self.owners[level].iter().map(|id| self.group(level, id)).collect();
        sort::by_number(&mut groups, |g| *g);
        groups
    }

    /// Group of a node's list.
    pub fn group(&self, level: usize, id: u32) -> GroupId {
        self.slots[id as usize].list(level).map_or(NO_GROUP, |l| l.group)
    }

    /// Removes a node and everything below it; `release` gets each list given up, and whether no other node has it. Cost: the
    /// size of the subtree.
    pub fn remove(&mut self, id: u32, release: &mut dyn FnMut(usize, GroupId, bool)) {
        let Node { owner, next, previous, .. } = self.slots[id as usize];
        if next != END {
            self.slots[next as usize].previous = previous;
        }
        if previous == END {
            self.slots[owner as usize].first_child = next;
        } else {
            self.slots[previous as usize].next = next;
        }
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            let free = Node { next: self.free, ..Node::new(0, ROOT, 0) };
            let node = std::mem::replace(&mut self.slots[id as usize], free);
            self.unfile(node.level, node.hash(), id);
            for list in node.lists {
                let is_last = self.vacate(id, list);
                release(list.level, list.group, is_last);
            }
            let mut child = node.first_child;
            while child != END {
                stack.push(child);
                child = self.slots[child as usize].next;
            }
            self.free = id;
        }
    }

    /// Drops up to so many nodes, and tells how many there were: of a view that is not asked again. `release` gets each of their lists.
    pub fn sweep(&mut self, nodes: usize, release: &mut dyn FnMut(usize, GroupId)) -> usize {
        self.children.clear();
        self.owners.clear();
        let all = self.slots.len();
        for at in all.saturating_sub(nodes)..all {
            self.slots[at].lists.iter().for_each(|l| release(l.level, l.group));
        }
        self.slots.drop_last(nodes)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.slots.bytes()
            + self.slots.iter().map(|n| n.lists.capacity() * size_of::<List>()).sum::<usize>()
            + self.children.iter().chain(&self.owners).map(Index::bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn holds_what_a_map_holds() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut nodes = Nodes::new(3);
        // By owner and row of level 1; groups of lists at level 2, with their owners.
        let mut known: BTreeMap<(u32, Handle), u32> = BTreeMap::new();
        let mut owners: BTreeMap<GroupId, Vec<u32>> = BTreeMap::new();
        let mut row = 0;
        for step in 0..60_000 {
            let some = known.range((0, rng.u32(0..row + 1))..).next().map(|(&k, &id)| (k, id));
            match (rng.u32(0..if (20_000..40_000).contains(&step) { 8 } else { 4 }), some) {
                (0..2, _) | (_, None) => {
                    row += 1;
                    let id = nodes.add(1, ROOT, row);
                    let group = if rng.u32(0..9) == 0 { NO_GROUP } else { rng.u32(0..3000) };
                    let is_first = nodes.own(2, group, id);
                    known.insert((ROOT, row), id);
                    if group != NO_GROUP {
                        assert_eq!(is_first, !owners.contains_key(&group));
                        owners.entry(group).or_default().push(id);
                    }
                }
                (2, Some(((owner, old), id))) => {
                    row += 1;
                    nodes.rename(id, row);
                    known.remove(&(owner, old));
                    known.insert((owner, row), id);
                }
                (_, Some((key, id))) => {
                    let group = nodes.group(2, id);
                    let mut released = Vec::new();
                    nodes.remove(id, &mut |level, group, is_last| released.push((level, group, is_last)));
                    known.remove(&key);
                    let mut is_last = false;
                    if group != NO_GROUP {
                        let of = owners.get_mut(&group).unwrap();
                        of.retain(|o| *o != id);
                        is_last = of.is_empty();
                        if is_last {
                            owners.remove(&group);
                        }
                    }
                    assert_eq!(released, [(2, group, is_last)]);
                }
            }
            if step % 500 == 0 {
                assert!(known.iter().all(|(&(owner, row), &id)| nodes.child(1, owner, row) == id as i32));
                assert!(owners.iter().all(|(&group, of)| nodes.owners(2, group).eq(of.iter().copied())));
                assert!(nodes.groups(2).iter().eq(owners.keys()) && nodes.owners(2, 5000).next().is_none());
            }
        }
        let mut left = known.len() + 1;
        while left > 0 {
            left =
                left.saturating_sub(nodes.sweep(1000, &mut |_, group| assert!(group == NO_GROUP || owners.contains_key(&group))));
        }
        assert_eq!(nodes.sweep(1, &mut |_, _| ()), 0);
    }

    #[test]
    fn no_node_is_moved_and_no_table_filled_anew_in_one_go() {
        let mut nodes = Nodes::new(2);
        let (mut before, mut most) = (nodes.bytes(), 0);
        for row in 0..200_000 {
            let id = nodes.add(1, ROOT, row);
            nodes.own(1, row, id);
            if row % 100 == 0 {
                let bytes = nodes.slots.bytes() + nodes.children.iter().chain(&nodes.owners).map(Index::bytes).sum::<usize>();
                most = most.max(bytes.saturating_sub(before));
                before = bytes;
            }
        }
        // Places for 4096 nodes more, and a part of each table; a vector that doubles makes 18 MB of it.
        assert!(most < 1 << 19, "{most}");
    }
}
