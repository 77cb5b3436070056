//! Primary key → handle, persistent.
//!
//! The map is keyed by the 64-bit hash of the key cells; the cells themselves are in the row, so a key costs no copy. Rows
//! whose keys share a hash sit in one slot and are told apart by their cells: identity never rests on the hash. Cloning is
//! O(1) (snapshots). `im` is the maintained fork; see `www/docs/decisions/001-persistent-maps.md`.

use std::hash::{BuildHasherDefault, Hasher};

use im::GenericHashMap;
use im::shared_ptr::RcK;

use crate::algebra::Handle;

/// The key is a hash already.
#[derive(Clone, Copy, Default, Debug)]
pub struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*b);
        }
    }
    fn write_u64(&mut self, v: u64) {
        self.0 = v;
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Slot {
    One(Handle),
    Many(Box<[Handle]>),
}

impl Slot {
    fn handles(&self) -> &[Handle] {
        match self {
            Slot::One(h) => std::slice::from_ref(h),
            Slot::Many(hs) => hs,
        }
    }
}

/// The map.
#[derive(Clone, Debug)]
pub struct KeyMap {
    map: GenericHashMap<u64, Slot, BuildHasherDefault<Given>, RcK>,
    len: usize,
}

impl Default for KeyMap {
    fn default() -> Self {
        KeyMap { map: GenericHashMap::with_hasher(BuildHasherDefault::default()), len: 0 }
    }
}

impl KeyMap {
    /// Rows in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row of this hash that `is_it`.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        match self.map.get(&hash)? {
            Slot::One(h) => is_it(*h).then_some(*h),
            Slot::Many(hs) => hs.iter().copied().find(|h| is_it(*h)),
        }
    }

    /// Adds a row whose key is not there.
    #[inline]
    pub fn insert(&mut self, hash: u64, handle: Handle) {
        self.len += 1;
        if let Some(before) = self.map.insert(hash, Slot::One(handle)) {
            let all: Vec<Handle> = before.handles().iter().copied().chain([handle]).collect();
            self.map.insert(hash, Slot::Many(all.into()));
        }
    }

    /// Puts a row in, whether its key is there or not: one walk. Gives the row that had the key.
    #[inline]
    pub fn put(&mut self, hash: u64, handle: Handle, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        let Some(before) = self.map.insert(hash, Slot::One(handle)) else {
            self.len += 1;
            return None;
        };
        match before {
            Slot::One(old) if is_it(old) => Some(old),
            // Rows of other keys share the hash.
            before => {
                let mut all = before.handles().to_vec();
                let old = all.iter().position(|h| is_it(*h)).map(|at| std::mem::replace(&mut all[at], handle));
                if old.is_none() {
                    all.push(handle);
                    self.len += 1;
                }
                self.map.insert(hash, Slot::Many(all.into()));
                old
            }
        }
    }

    /// Puts a row in the place of another with the same key.
    #[inline]
    pub fn replace(&mut self, hash: u64, old: Handle, new: Handle) {
        match self.map.get_mut(&hash).expect("the key is there") {
            Slot::One(h) => *h = new,
            Slot::Many(hs) => *hs.iter_mut().find(|h| **h == old).expect("the row is there") = new,
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, hash: u64, handle: Handle) {
        self.len -= 1;
        let slot = self.map.remove(&hash).expect("the key is there");
        let rest: Vec<Handle> = slot.handles().iter().copied().filter(|h| *h != handle).collect();
        match rest[..] {
            [] => {}
            [one] => {
                self.map.insert(hash, Slot::One(one));
            }
            _ => {
                self.map.insert(hash, Slot::Many(rest.into()));
            }
        }
    }

    /// All rows, in no particular but deterministic order.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        self.map.values().flat_map(|s| s.handles().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_whose_keys_share_a_hash_are_told_apart() {
        let mut m = KeyMap::default();
        m.insert(9, 1);
        m.insert(9, 2);
        m.insert(9, 3);
        let before = m.clone();
        assert_eq!(m.find(9, |h| h == 2), Some(2));
        m.replace(9, 2, 7);
        m.remove(9, 1);
        assert_eq!(m.find(9, |h| h == 1), None);
        assert_eq!((m.find(9, |h| h == 7), m.len()), (Some(7), 2));
        m.remove(9, 7);
        m.remove(9, 3);
        assert!(m.is_empty() && m.map.is_empty());
        assert_eq!(before.len(), 3);
        assert_eq!(before.find(9, |h| h == 1), Some(1));
    }

    #[test]
    fn putting_a_row_in_gives_the_one_that_had_its_key() {
        let mut m = KeyMap::default();
        assert_eq!(m.put(5, 1, |_| false), None);
        assert_eq!(m.put(5, 2, |h| h == 1), Some(1));
        assert_eq!(m.put(5, 3, |_| false), None);
        assert_eq!(m.put(5, 4, |h| h == 2), Some(2));
        assert_eq!((m.len(), m.find(5, |h| h == 3), m.find(5, |h| h == 4)), (2, Some(3), Some(4)));
        assert_eq!(m.find(5, |h| h == 2), None);
    }
}
