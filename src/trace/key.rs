//! Keys made of cells: hashing them in place, and interning them exactly.

use super::{Index, Path, RelationId, Relations, Slab};
use crate::algebra::Handle;
use crate::value::{Hasher64, Value, total_order};

/// Hash of the cells of a row at some paths; `None` when one is null (such a key equals nothing).
#[inline(never)]
pub fn hash_cells(rs: &Relations, rel: RelationId, row: Handle, paths: &[Path]) -> Option<u64> {
    let mut h = Hasher64::new();
    for &p in paths {
        let c = rs.cell(rel, row, p);
        if c.is_null() {
            return None;
        }
        h.cell(c);
    }
    Some(h.finish())
}

/// Whether two rows of a relation have the same cells at some paths, nulls included: then their keys are equal. Those of an update
/// mostly do, and need not be looked up one by one. Cost: less than one of the two hashes.
///
/// Not inlined, which costs a call and keeps what it does out of each of its users.
#[inline(never)]
pub fn same_cells(rs: &Relations, rel: RelationId, a: Handle, b: Handle, paths: &[Path]) -> bool {
    paths.iter().all(|&p| rs.same_cell(rel, a, b, p))
}

/// Exact interner of keys: cells → small dense id, counted by its users.
#[derive(Debug, Default)]
pub struct KeyTable {
    index: Index,
    keys: Slab<(u64, Box<[Value]>)>,
    free: Vec<u32>,
}

impl KeyTable {
    /// Id of the key of a row, if it is known.
    pub fn find(&self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path], hash: u64) -> Option<u32> {
        self.index.find(hash, |id| {
            let (h, key) = &self.keys[id as usize];
            *h == hash && key.iter().zip(paths).all(|(v, &p)| total_order(v.as_cell(), rs.cell(rel, row, p)).is_eq())
        })
    }

    /// Adds the key of a row; it must not be known.
    pub fn insert(&mut self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path], hash: u64) -> u32 {
        let key: Box<[Value]> = paths.iter().map(|&p| rs.cell(rel, row, p).to_value()).collect();
        let id = if let Some(id) = self.free.pop() {
            self.keys[id as usize] = (hash, key);
            id
        } else {
            self.keys.push((hash, key));
            self.keys.len() as u32 - 1
        };
        let keys = &self.keys;
        self.index.insert(hash, id, &|i| keys[i as usize].0);
        id
    }

    /// Forgets a key; its id may come again.
    pub fn remove(&mut self, id: u32) {
        let (hash, keys) = (self.keys[id as usize].0, &self.keys);
        self.index.remove(hash, id, &|i| keys[i as usize].0);
        self.keys[id as usize].1 = Box::default();
        self.free.push(id);
    }

    /// The cells of a key.
    pub fn key(&self, id: u32) -> &[Value] {
        &self.keys[id as usize].1
    }

    /// Known keys.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// None known.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Drops up to so many keys, and tells how many there were: of a table that is not asked again.
    pub fn sweep(&mut self, keys: usize) -> usize {
        self.keys.drop_last(keys)
    }

    /// Bytes held, texts of keys not counted.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.keys.bytes() + self.free.capacity() * 4
    }
}

/// Hash of the cells of a row at some paths, nulls included.
pub fn hash_key(rs: &Relations, rel: RelationId, row: Handle, paths: &[Path]) -> u64 {
    let mut h = Hasher64::new();
    for &p in paths {
        h.cell(rs.cell(rel, row, p));
    }
    h.finish()
}
