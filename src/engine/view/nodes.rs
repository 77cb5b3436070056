//! Nodes: shown rows that own nested lists.

use hashbrown::HashMap;

use super::ROOT;
use crate::algebra::Handle;
use crate::trace::{GroupId, HandleState, NO_GROUP};
use crate::value::sort;

const END: u32 = u32::MAX;

#[derive(Debug)]
struct Node {
    level: usize,
    owner: u32,
    row: Handle,
    /// What a node that points at a row shows of it.
    seen: i32,
    /// Per sub-level of its level: the group of its list, and its place among that group's owners.
    lists: Vec<List>,
    /// Nodes in its lists, and its neighbours among its owner's: a subtree goes without a search.
    first_child: u32,
    next: u32,
    previous: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    level: usize,
    group: GroupId,
    place: usize,
    /// The version that has dealt with it already.
    settled: u64,
}

/// All nodes of a view. Node 0 stands for the view itself.
#[derive(Debug)]
pub struct Nodes {
    slots: Vec<Node>,
    free: Vec<u32>,
    /// Per level: nodes by owner and row.
    children: Vec<HashMap<u64, u32, HandleState>>,
    /// Per level: nodes whose list is a group.
    owners: Vec<HashMap<GroupId, Vec<u32>, HandleState>>,
    /// Number of the present version.
    version: u64,
}

fn file(owner: u32, row: Handle) -> u64 {
    u64::from(owner) << 32 | u64::from(row)
}

impl Node {
    fn new(level: usize, owner: u32, row: Handle) -> Self {
        Node { level, owner, row, seen: -1, lists: Vec::new(), first_child: END, next: END, previous: END }
    }
}

impl Nodes {
    /// Only the view itself. A view of one level has none at all.
    pub fn new(levels: usize) -> Self {
        let levels = if levels > 1 { levels } else { 0 };
        Nodes {
            slots: if levels > 0 { vec![Node::new(0, ROOT, 0)] } else { Vec::new() },
            free: Vec::new(),
            children: (0..levels).map(|_| HashMap::default()).collect(),
            owners: (0..levels).map(|_| HashMap::default()).collect(),
            version: 1,
        }
    }

    /// Begins a version: no list is settled.
    pub fn begin(&mut self) {
        self.version += 1;
    }

    /// This version has dealt with a node's list.
    pub fn settle(&mut self, level: usize, id: u32) {
        let list = self.slots[id as usize].lists.iter_mut().find(|l| l.level == level);
        list.expect("the node has this list").settled = self.version;
    }

    /// Whether this version has dealt with a node's list.
    pub fn is_settled(&self, level: usize, id: u32) -> bool {
        self.slots.get(id as usize).is_some_and(|node| node.lists.iter().any(|l| l.level == level && l.settled == self.version))
    }

    /// A node for a shown row.
    pub fn add(&mut self, level: usize, owner: u32, row: Handle) -> u32 {
        let mut node = Node::new(level, owner, row);
        node.next = self.slots[owner as usize].first_child;
        let next = node.next;
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id as usize] = node;
                id
            }
            None => {
                self.slots.push(node);
                self.slots.len() as u32 - 1
            }
        };
        if next != END {
            self.slots[next as usize].previous = id;
        }
        self.slots[owner as usize].first_child = id;
        self.children[level].insert(file(owner, row), id);
        id
    }

    /// Node of a row in an owner's list; −1 if rows of that level have none.
    pub fn child(&self, level: usize, owner: u32, row: Handle) -> i32 {
        self.children.get(level).and_then(|of| of.get(&file(owner, row))).map_or(-1, |id| *id as i32)
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
        let node = &mut self.slots[id as usize];
        let old = std::mem::replace(&mut node.row, row);
        let (level, owner) = (node.level, node.owner);
        // Renames of one version may cross: only remove what is still this node's.
        if self.children[level].get(&file(owner, old)) == Some(&id) {
            self.children[level].remove(&file(owner, old));
        }
        self.children[level].insert(file(owner, row), id);
    }

    /// A node's list at a level is a group now. Whether it is the first of this view whose list it is.
    pub fn own(&mut self, level: usize, group: GroupId, id: u32) -> bool {
        if self.slots.is_empty() {
            return true;
        }
        let mut place = 0;
        if group != NO_GROUP {
            let owners = self.owners[level].entry(group).or_default();
            place = owners.len();
            owners.push(id);
        }
        self.slots[id as usize].lists.push(List { level, group, place, settled: 0 });
        place == 0
    }

    /// A node's list at a level is no group any more. Whether it was the last of this view whose list it was.
    pub fn disown(&mut self, level: usize, id: u32) -> bool {
        let lists = &mut self.slots[id as usize].lists;
        let at = lists.iter().position(|l| l.level == level).expect("the node has this list");
        let list = lists.swap_remove(at);
        self.vacate(list)
    }

    fn vacate(&mut self, list: List) -> bool {
        let List { level, group, place, .. } = list;
        if group == NO_GROUP {
            return false;
        }
        let owners = self.owners[level].get_mut(&group).expect("the group has owners");
        owners.swap_remove(place);
        if let Some(&moved) = owners.get(place) {
            let list = self.slots[moved as usize].lists.iter_mut().find(|l| l.level == level);
            list.expect("an owner has the list").place = place;
            return false;
        }
        let is_last = owners.is_empty();
        if is_last {
            self.owners[level].remove(&group);
        }
        is_last
    }

    /// Nodes whose list at a level is a group.
    pub fn owners(&self, level: usize, group: GroupId) -> Option<&Vec<u32>> {
        self.owners[level].get(&group)
    }

    /// The groups at a level that are some node's list, in order.
    pub fn groups(&self, level: usize) -> Vec<GroupId> {
        let mut groups: Vec<GroupId> = self.owners[level].keys().copied().collect();
        sort::by_number(&mut groups, |g| *g);
        groups
    }

    /// Group of a node's list.
    pub fn group(&self, level: usize, id: u32) -> GroupId {
        self.slots[id as usize].lists.iter().find(|l| l.level == level).map_or(NO_GROUP, |l| l.group)
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
            let node = std::mem::replace(&mut self.slots[id as usize], Node::new(0, ROOT, 0));
            if self.children[node.level].get(&file(node.owner, node.row)) == Some(&id) {
                self.children[node.level].remove(&file(node.owner, node.row));
            }
            for list in node.lists {
                let is_last = self.vacate(list);
                release(list.level, list.group, is_last);
            }
            let mut child = node.first_child;
            while child != END {
                stack.push(child);
                child = self.slots[child as usize].next;
            }
            self.free.push(id);
        }
    }

    /// Every list of every node but the root's.
    pub fn for_each_group(&self, mut f: impl FnMut(usize, GroupId)) {
        for node in self.slots.iter().skip(1) {
            node.lists.iter().for_each(|l| f(l.level, l.group));
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Node>()
            + self.slots.iter().map(|n| n.lists.capacity() * size_of::<List>()).sum::<usize>()
            + self.children.iter().map(HashMap::allocation_size).sum::<usize>()
            + self.owners.iter().map(HashMap::allocation_size).sum::<usize>()
    }
}
