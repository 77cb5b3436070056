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

/// Hash of a key.
type Key = u32;

/// The joins of one arrangement that are filed by key.
#[derive(Debug, Default)]
pub struct Keyed {
    joins: HashMap<Key, Vec<NodeId>, HandleState>,
    /// Keys of each join.
    keys: HashMap<NodeId, Vec<Key>, HandleState>,
    /// By join and key: the weight of the join's own rows of that key.
    weights: HashMap<u64, u32, HandleState>,
}

impl Keyed {
    /// Files a join that has no rows of its own yet.
    pub fn file(&mut self, join: NodeId) {
        self.keys.insert(join, Vec::new());
    }

    /// A join's own side has rows of a key more, or less.
    pub fn note(&mut self, join: NodeId, hash: u64, weight: Weight) {
        let key = short(hash);
        let place = u64::from(join) << 32 | u64::from(key);
        let before = self.weights.get(&place).copied().unwrap_or_default();
        let now = before.wrapping_add_signed(weight);
        if now == 0 {
            self.weights.remove(&place);
            drop_from(&mut self.joins, key, join);
            if let Some(keys) = self.keys.get_mut(&join) {
                keys.iter().position(|&k| k == key).map(|at| keys.swap_remove(at));
            }
            return;
        }
        self.weights.insert(place, now);
        if before == 0 {
            self.joins.entry(key).or_default().push(join);
            self.keys.entry(join).or_default().push(key);
        }
    }

    /// Forgets a join.
    pub fn remove(&mut self, join: NodeId) {
        for key in self.keys.remove(&join).unwrap_or_default() {
            self.weights.remove(&(u64::from(join) << 32 | u64::from(key)));
            drop_from(&mut self.joins, key, join);
        }
    }

    /// The joins whose own side has rows of a key.
    pub fn affected(&self, hash: u64) -> &[NodeId] {
        self.joins.get(&short(hash)).map_or(&[], Vec::as_slice)
    }

    /// No joins.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let lists = self.joins.values().chain(self.keys.values()).map(|l| l.capacity() * 4).sum::<usize>();
        self.joins.allocation_size() + self.keys.allocation_size() + self.weights.allocation_size() + lists
    }
}

fn short(hash: u64) -> Key {
    (hash ^ hash >> 32) as Key
}

fn drop_from(lists: &mut HashMap<u32, Vec<u32>, HandleState>, of: u32, item: u32) {
    let Some(list) = lists.get_mut(&of) else { return };
    if let Some(at) = list.iter().position(|&i| i == item) {
        list.swap_remove(at);
    }
    if list.is_empty() {
        lists.remove(&of);
    }
}

/// The input of a join to which a change matters only by the rows of the other, which comes second: (what may be kept from it, own).
pub fn sides(spec: &Spec) -> &'static [(usize, usize)] {
    match spec {
        Spec::Join { left, right, or, .. } | Spec::SemiJoin { left, right, or, .. } if left == right || !or.is_empty() => &[],
        Spec::Join { kind: JoinKind::Inner, .. } => &[(1, 0), (0, 1)],
        Spec::Join { kind: JoinKind::Left, .. } | Spec::SemiJoin { .. } => &[(1, 0)],
        Spec::Join { kind: JoinKind::Right, .. } => &[(0, 1)],
        _ => &[],
    }
}
