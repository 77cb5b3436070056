//! Which joins of an arrangement a changed row can affect: those whose other side has rows of its key.
//!
//! Ten thousand queries that each join a few rows of their own with one table are ten thousand joins of one arrangement. Each is
//! filed under the keys that its own side has at present, so a changed row of the table is looked up once, by its key, and only
//! the joins found there get it. A row whose key a join's own side lacks makes no pair: if the key comes in the same step, its
//! rows meet the arrangement as it is by then. A few joins are not worth that, nor is one whose own side has many keys: they get
//! the whole delta.
//!
//! Keys are told apart by their hash: who shares one by chance is asked in vain.
//!
//! Source: semi-join reduction, kept up: the keys of one side of a join as a filter of the other (Bernstein and Chiu, Using
//! semi-joins to solve relational queries, JACM 1981).

use hashbrown::HashMap;

use super::{NodeId, Spec};
use crate::algebra::Weight;
use crate::query::JoinKind;
use crate::trace::HandleState;

/// The joins of one arrangement that are filed by key.
#[derive(Debug, Default)]
pub struct Keyed {
    joins: HashMap<u64, Vec<NodeId>, HandleState>,
    /// Per join: the weight of its own rows of each key.
    keys: HashMap<NodeId, HashMap<u64, i64, HandleState>, HandleState>,
}

impl Keyed {
    /// Files a join that has no rows of its own yet.
    pub fn file(&mut self, join: NodeId) {
        self.keys.insert(join, HashMap::default());
    }

    /// A join's own side has rows of a key more, or less.
    pub fn note(&mut self, join: NodeId, key: u64, weight: Weight) {
        let keys = self.keys.get_mut(&join).expect("the join is filed");
        let known = keys.len();
        let sum = keys.entry(key).or_default();
        *sum += i64::from(weight);
        if *sum == 0 {
            keys.remove(&key);
            self.leave(join, key);
        } else if keys.len() > known {
            self.joins.entry(key).or_default().push(join);
        }
    }

    fn leave(&mut self, join: NodeId, key: u64) {
        let Some(joins) = self.joins.get_mut(&key) else { return };
        if let Some(at) = joins.iter().position(|&j| j == join) {
            joins.swap_remove(at);
        }
        if joins.is_empty() {
            self.joins.remove(&key);
        }
    }

    /// Forgets a join; whether it was filed here.
    pub fn remove(&mut self, join: NodeId) -> bool {
        let Some(keys) = self.keys.remove(&join) else { return false };
        keys.into_keys().for_each(|key| self.leave(join, key));
        true
    }

    /// The joins whose own side has rows of a key.
    pub fn affected(&self, key: u64) -> &[NodeId] {
        self.joins.get(&key).map_or(&[], Vec::as_slice)
    }

    /// No joins.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.joins.allocation_size()
            + self.joins.values().map(|j| j.capacity() * size_of::<NodeId>()).sum::<usize>()
            + self.keys.allocation_size()
            + self.keys.values().map(HashMap::allocation_size).sum::<usize>()
    }
}

/// The input of a join to which a change matters only by the rows of the other, which comes second: (what may be kept from it, own).
pub fn sides(spec: &Spec) -> &'static [(usize, usize)] {
    match spec {
        Spec::Join { left, right, range, .. } if left == right || !range.is_empty() => &[],
        Spec::SemiJoin { left, right, .. } if left == right => &[],
        Spec::Join { kind: JoinKind::Inner, .. } => &[(1, 0), (0, 1)],
        Spec::Join { kind: JoinKind::Left, .. } | Spec::SemiJoin { .. } => &[(1, 0)],
        Spec::Join { kind: JoinKind::Right, .. } => &[(0, 1)],
        _ => &[],
    }
}
