//! Nodes, edges, sharing, and the step that runs them.

mod filling;
mod filters;
mod gates;
mod joins;
mod lists;
mod many;
mod read;
mod run;

use std::rc::Rc;

use hashbrown::HashMap;

use super::guard::Guard;
use super::keyed::Keyed;
use super::routes::Routes;
use super::seek::Tuning;
use super::{Meter, Operator, Scan, Spec};
use crate::algebra::{Delta, Handle, Weight};
use crate::operator::Fixpoint;
use crate::query::TableId;
use crate::trace::{HandleState, HashArrangement, OrderedGroups, Relations, hash_cells};
use crate::value::MapState;

/// Index of a node.
pub type NodeId = u32;

/// Builds the operator of a spec.
pub type Make<'a> = Box<dyn FnOnce(&mut Relations, &Spec) -> Box<dyn Operator> + 'a>;

#[derive(Debug)]
pub(super) struct Node {
    /// Absent while it runs.
    pub(super) operator: Option<Box<dyn Operator>>,
    pub(super) inputs: Vec<NodeId>,
    /// Nodes that get its whole output; what has a guard is in `routes`, joins that are filed by key in `keyed`.
    consumers: Vec<NodeId>,
    routes: Option<Box<Routes>>,
    keyed: Option<Box<Keyed>>,
    /// The part of an input's output that was routed here. Of what is filed under a guard, empty: the whole is meant.
    inbox: Delta,
    /// Of a join that is filed by key: the input that comes through the inbox.
    routed: Option<u8>,
    /// Consumers and views.
    users: u32,
    /// 0 for sources, else one more than the inputs' largest.
    pub(super) rank: u32,
    pub(super) out: Delta,
    pub(super) meter: Meter,
    pub(super) spec: Rc<Spec>,
    queued: bool,
    /// The whole output, kept from hydration until the planner is done: the next node reads it instead of scanning.
    pub(super) hydrated: Option<Delta>,
    /// It reads growing relations, and runs in the rounds of their fixpoint besides.
    pub(super) in_rounds: bool,
}

/// The nodes of a circuit, as a running operator sees them.
#[derive(Debug, Default)]
pub struct Nodes {
    slots: Vec<Option<Node>>,
    /// Indexes that are not whole.
    filling: Vec<filling::Filling>,
}

impl Nodes {
    #[inline(always)]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.slots[id as usize].as_ref().expect("node is there")
    }

    #[inline(always)]
    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.slots[id as usize].as_mut().expect("node is there")
    }

    fn operator(&self, id: NodeId) -> &dyn Operator {
        self.node(id).operator.as_deref().expect("node is not running")
    }

    /// The hash arrangement of a node that is one.
    #[inline(always)]
    pub fn arrangement(&self, id: NodeId) -> &HashArrangement {
        self.operator(id).arrangement().expect("node is an arrangement")
    }

    /// The ordered lists of a node that has them.
    pub fn ordered(&self, id: NodeId) -> &OrderedGroups {
        self.operator(id).ordered().expect("node is an ordered arrangement")
    }

    /// Rows of an arrangement, by key or in order.
    pub(super) fn arranged(&self, id: NodeId) -> usize {
        self.operator(id).ordered().map_or_else(|| self.arrangement(id).len(), OrderedGroups::len)
    }

    /// Hash of the key by which a row is arranged; none of a row with a null in it, unless nulls are equal.
    pub(super) fn key_of(&self, relations: &Relations, id: NodeId, row: Handle) -> Option<u64> {
        match self.operator(id).ordered() {
            Some(lists) => hash_cells(relations, lists.relation(), row, lists.group()),
            None => self.arrangement(id).key_of(relations, row),
        }
    }

    /// The guarded filters of a node.
    pub(super) fn routes(&self, filter: NodeId) -> Option<&Routes> {
        let input = *self.node(filter).inputs.first()?;
        self.node(input).routes.as_deref()
    }

    /// The fixpoint of a node that is one.
    pub fn fixpoint(&self, id: NodeId) -> &Fixpoint {
        self.operator(id).fixpoint().expect("node is a fixpoint")
    }

    /// Enumerates the integral of a node's output.
    pub fn scan(&self, relations: &Relations, id: NodeId, f: &mut dyn FnMut(Handle, Weight)) {
        if let Some(delta) = &self.node(id).hydrated {
            return delta.rows().iter().for_each(|&(row, weight)| f(row, weight));
        }
        let operator = self.operator(id);
        if let Some(admitted) = self.seek(relations, id) {
            return admitted.into_iter().filter(|r| operator.keeps(relations, r.0)).for_each(|(row, weight)| f(row, weight));
        }
        operator.scan(Scan { relations, nodes: self }, &self.node(id).inputs, f);
    }
}

/// The graph.
#[derive(Debug, Default)]
pub struct Circuit {
    pub(super) nodes: Nodes,
    free: Vec<NodeId>,
    shared: HashMap<Rc<Spec>, NodeId, MapState>,
    sources: HashMap<TableId, NodeId, HandleState>,
    /// Nodes with input in this step, by rank.
    queue: Vec<Vec<NodeId>>,
    /// Ordered nodes that changed in the last step.
    changed: Vec<NodeId>,
    /// Nodes whose output of the last step is still held.
    ran: Vec<NodeId>,
    /// Nodes in error.
    pub(super) failed: usize,
    /// Whether a node came into error or out of it in this step.
    pub(super) errors_changed: bool,
    /// Nodes that keep their whole output for now.
    hydrated: Vec<NodeId>,
    /// Steps so far.
    steps: u64,
    /// Sources with an index that no filter is guarded by at present.
    idle: Vec<NodeId>,
    /// Gates of indexes so far.
    gates: u32,
    /// Operators of nodes that went, and are to be dropped.
    remains: Vec<Box<dyn Operator>>,
    tuning: Tuning,
}

impl Circuit {
    /// Sets when filters are looked up and filled from indexes; before any query.
    pub fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// Lists in view of more links stay when nobody holds them.
    pub fn long_list(&self) -> usize {
        self.tuning.long_list
    }

    /// The node of a spec, made and hydrated if it is new, with one more user. `make` builds the operator.
    pub fn node(&mut self, relations: &mut Relations, mut spec: Spec, make: Make<'_>) -> NodeId {
        let inputs = spec.inputs();
        if !self.nodes.filling.is_empty() {
            self.fill_whole(relations, &mut spec);
        }
        if let Some(&id) = self.shared.get(&spec) {
            self.nodes.node_mut(id).users += 1;
            return id;
        }
        let spec = Rc::new(spec);
        let rank = inputs.iter().map(|&i| self.nodes.node(i).rank + 1).max().unwrap_or(0);
        let grows = matches!(*spec, Spec::Growing { .. });
        let reads = !matches!(*spec, Spec::Fixpoint { .. }) && inputs.iter().any(|&i| self.nodes.node(i).in_rounds);
        let in_rounds = grows || reads;
        let operator = Some(make(relations, &spec));
        for &input in &inputs {
            self.nodes.node_mut(input).users += 1;
        }
        let node = Node {
            operator,
            inputs: inputs.clone(),
            consumers: Vec::new(),
            routes: None,
            keyed: None,
            inbox: Delta::default(),
            routed: None,
            users: 1,
            rank,
            out: Delta::default(),
            meter: Meter::default(),
            spec: spec.clone(),
            queued: false,
            hydrated: None,
            in_rounds,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes.slots[id as usize] = Some(node);
                id
            }
            None => {
                self.nodes.slots.push(Some(node));
                self.nodes.slots.len() as NodeId - 1
            }
        };
        self.subscribe(relations, id, &inputs);
        if let Spec::Source(table) = *spec {
            self.sources.insert(table, id);
        }
        self.file_join(relations, &spec, id);
        self.shared.insert(spec, id);
        self.hydrate(relations, id);
        self.refile(relations, id);
        id
    }

    /// Files a node where inputs look for who gets what they put out.
    fn subscribe(&mut self, relations: &mut Relations, id: NodeId, inputs: &[NodeId]) {
        let node = self.nodes.node(id);
        let guards = match &*node.spec {
            Spec::Filter { predicate, .. } if !node.in_rounds => Guard::of(predicate),
            _ => Vec::new(),
        };
        if guards.is_empty() {
            for &input in inputs {
                self.nodes.node_mut(input).consumers.push(id);
            }
        } else {
            self.route(relations, inputs[0], id, guards);
        }
    }

    fn hydrate(&mut self, relations: &mut Relations, id: NodeId) {
        // Lists in view begin without any.
        if matches!(*self.nodes.node(id).spec, Spec::InView { .. }) {
            return;
        }
        let inputs = self.nodes.node(id).inputs.clone();
        // What seeks in an order reads of it what it needs, and a gate begins with nothing.
        let seeks = matches!(*self.nodes.node(id).spec, Spec::Seek { .. } | Spec::ParamTop { .. } | Spec::Gate { .. });
        let mut deltas: Vec<Delta> = Vec::with_capacity(inputs.len());
        for (i, &input) in inputs.iter().enumerate() {
            let mut delta = Delta::default();
            if seeks && i == 0 {
                deltas.push(delta);
                continue;
            }
            match self.nodes.seek(relations, id) {
                Some(admitted) => admitted.into_iter().for_each(|(row, weight)| delta.push(row, weight)),
                None => self.nodes.scan(relations, input, &mut |row, weight| delta.push(row, weight)),
            }
            delta.consolidate();
            deltas.push(delta);
        }
        if deltas.iter().all(Delta::is_empty) && !matches!(*self.nodes.node(id).spec, Spec::Aggregate { .. }) {
            return;
        }
        let refs: Vec<&Delta> = deltas.iter().collect();
        if matches!(*self.nodes.node(id).spec, Spec::Fixpoint { .. }) {
            self.iterate(relations, id, Some(&refs));
        } else {
            self.run(relations, id, &refs, true);
        }
        let node = self.nodes.node_mut(id);
        node.hydrated = Some(std::mem::take(&mut node.out));
        self.hydrated.push(id);
    }

    /// Forgets what hydration kept for the nodes that came after.
    pub fn end_hydration(&mut self) {
        while let Some(id) = self.hydrated.pop() {
            if let Some(node) = &mut self.nodes.slots[id as usize] {
                node.hydrated = None;
            }
        }
    }

    /// Gives one use back; a node without users goes, and so do inputs that only it used.
    pub fn release(&mut self, relations: &mut Relations, id: NodeId) {
        let mut unused = vec![id];
        while let Some(id) = unused.pop() {
            let node = self.nodes.node_mut(id);
            node.users -= 1;
            if node.users > 0 {
                continue;
            }
            let node = self.nodes.slots[id as usize].take().expect("node is there");
            self.shared.remove(&node.spec);
            self.failed -= usize::from(node.operator.as_ref().is_some_and(|o| o.error().is_some()));
            if let Spec::Source(table) = *node.spec {
                self.sources.remove(&table);
            }
            self.ran.retain(|&n| n != id);
            self.nodes.filling.retain(|filling| filling.index != id);
            self.changed.retain(|&n| n != id);
            for relation in node.operator.iter().flat_map(|o| o.owned_relations()) {
                relations.drop_relation(relation);
            }
            for (at, input) in node.inputs.into_iter().enumerate() {
                if node.routed.is_some_and(|routed| usize::from(routed) == at) {
                    self.unfile(input, id);
                } else if !self.unroute(input, id, &mut unused) {
                    self.nodes.node_mut(input).consumers.retain(|&c| c != id);
                }
                unused.push(input);
            }
            self.free.push(id);
            self.remains.extend(node.operator);
        }
    }

    /// Drops up to so many pieces of what nodes left when they went. How many are left of so many.
    pub fn sweep(&mut self, mut pieces: usize) -> usize {
        while pieces > 0
            && let Some(operator) = self.remains.last_mut()
        {
            let dropped = operator.sweep(pieces - 1) + 1;
            if dropped < pieces {
                self.remains.pop();
            }
            pieces -= dropped;
        }
        pieces
    }

    /// Runs one step. Cost: the nodes that deltas reach.
    pub fn step(&mut self, relations: &mut Relations, deltas: &mut [(TableId, Delta)]) {
        self.begin(relations);
        for (table, delta) in deltas {
            if let Some(&id) = self.sources.get(table) {
                let node = self.nodes.node_mut(id);
                let rows = delta.rows().len() as u64;
                node.meter.steps += 1;
                node.meter.rows_in += rows;
                node.meter.rows_out += rows;
                std::mem::swap(&mut node.out, delta);
                self.publish(relations, id);
            }
        }
        self.run_queue(relations);
    }

    fn begin(&mut self, relations: &mut Relations) {
        while let Some(id) = self.ran.pop() {
            self.nodes.node_mut(id).out.clear();
        }
        self.changed.clear();
        self.errors_changed = false;
        self.steps += 1;
        if !self.idle.is_empty() {
            self.release_idle(relations, self.tuning.grace);
        }
    }

    /// Ordered nodes whose lists the last step changed.
    pub fn changed(&self) -> &[NodeId] {
        &self.changed
    }

    /// All nodes.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Ordered lists of a node, to acquire and release groups.
    pub fn ordered_mut(&mut self, id: NodeId) -> &mut OrderedGroups {
        let operator = self.nodes.node_mut(id).operator.as_deref_mut().expect("node is not running");
        operator.ordered_mut().expect("node is an ordered arrangement")
    }

    /// Forgets the changes that ordered nodes recorded, so that views opened between versions see none.
    #[inline(always)]
    pub fn settle(&mut self) {
        while let Some(id) = self.changed.pop() {
            self.ordered_mut(id).begin();
        }
    }
}
