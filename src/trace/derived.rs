//! Rows that operators make: interned exactly, weighted, retired when nothing derives them any more.
//!
//! The weights are the integral of the operator's output, so `scan` of such an operator reads them, and a downstream
//! operator never holds a handle whose weight is zero once the step is over.

use super::{Index, RelationId, Relations, Slab};
use crate::algebra::{Delta, Handle, Weight};
use crate::value::{Hasher64, hash_bytes};

/// The rows of one derived relation.
#[derive(Debug)]
pub struct Derived {
    relation: RelationId,
    index: Index,
    weights: Slab<Weight>,
    hashes: Slab<u64>,
    /// Rows interned in this step, and those that have come to no weight.
    unused: Vec<Handle>,
}

impl Derived {
    /// Rows of a relation that is empty now.
    pub fn new(relation: RelationId) -> Self {
        Derived { relation, index: Index::default(), weights: Slab::default(), hashes: Slab::default(), unused: Vec::new() }
    }

    /// The relation.
    pub fn relation(&self) -> RelationId {
        self.relation
    }

    /// Handle of a packed row of this content.
    pub fn intern_row(&mut self, rs: &mut Relations, row: &[u8]) -> Handle {
        let (rel, hash) = (self.relation, hash_bytes(row));
        if let Some(h) = self.index.find(hash, |h| rs.row(rel, h) == row) {
            return h;
        }
        let h = rs.insert_row(rel, row.into());
        self.register(h, hash)
    }

    /// Handle of a pair with these members.
    pub fn intern_pair(&mut self, rs: &mut Relations, pair: [Handle; 2]) -> Handle {
        let rel = self.relation;
        let mut hasher = Hasher64::new();
        hasher.word(u64::from(pair[0]) << 32 | u64::from(pair[1]));
        let hash = hasher.finish();
        if let Some(h) = self.index.find(hash, |h| rs.pair(rel, h) == pair) {
            return h;
        }
        let h = rs.insert_pair(rel, pair);
        self.register(h, hash)
    }

    fn register(&mut self, h: Handle, hash: u64) -> Handle {
        let at = h as usize;
        while at >= self.weights.len() {
            self.weights.push(0);
            self.hashes.push(0);
        }
        self.weights[at] = 0;
        self.hashes[at] = hash;
        let hashes = &self.hashes;
        self.index.insert(hash, h, &|h| hashes[h as usize]);
        self.unused.push(h);
        h
    }

    /// Weight of a row.
    #[inline]
    pub fn weight(&self, h: Handle) -> Weight {
        self.weights[h as usize]
    }

    /// Adds to the weight of a row; what has none left goes with [`drop_unused`](Self::drop_unused).
    #[inline(always)]
    pub fn add(&mut self, h: Handle, w: Weight) {
        let weight = &mut self.weights[h as usize];
        *weight = weight.checked_add(w).expect("weight overflow");
        if *weight == 0 {
            self.unused.push(h);
        }
    }

    /// Adds a consolidated delta to the weights, and ends the step.
    pub fn integrate(&mut self, rs: &mut Relations, delta: &Delta) {
        for &(h, w) in delta.rows() {
            let weight = &mut self.weights[h as usize];
            *weight = weight.checked_add(w).expect("weight overflow");
            if *weight == 0 {
                self.forget(rs, h);
            }
        }
        self.drop_unused(rs);
    }

    /// Retires rows that have no weight left, and rows interned in this step that came to nothing.
    pub fn drop_unused(&mut self, rs: &mut Relations) {
        while let Some(h) = self.unused.pop() {
            if self.weights[h as usize] == 0 && self.hashes[h as usize] != 0 {
                self.forget(rs, h);
            }
        }
    }

    fn forget(&mut self, rs: &mut Relations, h: Handle) {
        let (hash, hashes) = (self.hashes[h as usize], &self.hashes);
        if self.index.remove(hash, h, &|i| hashes[i as usize]) {
            self.hashes[h as usize] = 0;
            rs.retire(self.relation, h);
        }
    }

    /// Calls `f` with every row and its weight.
    pub fn for_each(&self, f: &mut dyn FnMut(Handle, Weight)) {
        for h in self.index.iter() {
            let w = self.weights[h as usize];
            if w != 0 {
                f(h, w);
            }
        }
    }

    /// Bytes held besides the rows.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.weights.bytes() + self.hashes.bytes()
    }
}
