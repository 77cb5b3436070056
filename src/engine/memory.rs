//! Who holds how much: tables, indexes with their users, queries with what only they need.

use hashbrown::HashMap;

use super::{Engine, View, ViewId};
use crate::circuit::NodeId;
use crate::trace::HandleState;

/// Bytes held, allocator overhead and key maps not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Rows of tables.
    pub tables: usize,
    /// State of operators and rows that they made.
    pub operators: usize,
    /// State of views.
    pub views: usize,
}

/// An arrangement: rows by key or in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexMemory {
    /// The node.
    pub node: NodeId,
    /// `arrange`, `order` …, as in `explain`.
    pub kind: &'static str,
    /// Bytes held.
    pub bytes: usize,
    /// Operators and views that read it.
    pub users: u32,
}

/// What a registered query needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryMemory {
    /// The view.
    pub view: ViewId,
    /// Bytes that go with it.
    pub own: usize,
    /// Bytes that others use too.
    pub shared: usize,
}

impl Engine {
    /// Bytes held by tables, by operators, and by views.
    pub fn memory(&self) -> Memory {
        let tables = (0..self.schema.tables.len() as u32).map(|t| self.relations.bytes(t)).sum();
        let operators = self.circuit.ids().into_iter().map(|n| self.circuit.bytes(&self.relations, n)).sum();
        Memory { tables, operators, views: self.views.values().chain(&self.closed).map(View::bytes).sum() }
    }

    /// All arrangements. Cost: the number of nodes.
    pub fn indexes(&self) -> Vec<IndexMemory> {
        let is_index = |n: &NodeId| self.circuit.is_arrangement(*n);
        let index = |node: NodeId| IndexMemory {
            node,
            kind: self.circuit.spec(node).name(),
            bytes: self.circuit.bytes(&self.relations, node),
            users: self.circuit.users(node),
        };
        self.circuit.ids().into_iter().filter(is_index).map(index).collect()
    }

    /// What each registered query needs. Cost: the nodes below each of them, and once the state of each.
    pub fn queries(&self) -> Vec<QueryMemory> {
        let mut bytes: HashMap<NodeId, usize, HandleState> = HashMap::default();
        let mut bytes = |node| *bytes.entry(node).or_insert_with(|| self.circuit.bytes(&self.relations, node));
        self.views.iter().map(|(id, view)| self.needs(*id, view, &mut bytes)).collect()
    }

    fn needs(&self, id: ViewId, view: &View, bytes: &mut dyn FnMut(NodeId) -> usize) -> QueryMemory {
        // Uses of each node that end with the view: what has no others goes with it.
        let mut uses: HashMap<NodeId, u32, HandleState> = HashMap::default();
        let mut below: Vec<NodeId> = Vec::new();
        for level in &view.plan.levels {
            *uses.entry(level.node).or_default() += 1;
            below.push(level.node);
        }
        let mut found = QueryMemory { view: id, own: view.bytes(), shared: 0 };
        // Consumers before their inputs: those of the highest rank first.
        while let Some(at) = (0..below.len()).max_by_key(|&at| (self.circuit.rank(below[at]), below[at])) {
            let node = below[at];
            below.retain(|&n| n != node);
            let own = uses.get(&node) == Some(&self.circuit.users(node));
            *if own { &mut found.own } else { &mut found.shared } += bytes(node);
            for input in self.circuit.spec(node).inputs() {
                below.push(input);
                if own {
                    *uses.entry(input).or_default() += 1;
                }
            }
        }
        found
    }
}
