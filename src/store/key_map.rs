//! Primary key → handle of the present version, and its rows as a persistent set once somebody keeps a version.
//!
//! The map is keyed by a hash of the key cells; the cells themselves are in the row, so a key costs no copy, and rows whose
//! keys share a hash are told apart by their cells: identity never rests on the hash. Eight bytes a row. It grows in parts
//! ([`Index`]): one table would be filled anew in a single go, 25 ms at a million rows.
//!
//! Versions that are kept need a persistent collection (`im` is the maintained fork; `www/docs/decisions/001-persistent-maps.md`
//! and `005-key-maps.md`). Few pages keep any, and a persistent map of keys costs every load a third of its time and 87 bytes a
//! row, so the set is made when the first version is kept, and follows the map from then on: the first snapshot is O(n), every
//! later one O(1).

use im::GenericOrdSet;
use im::shared_ptr::RcK;

use crate::algebra::Handle;
use crate::trace::Index;

/// The rows of one version of a table, persistent: cloning is O(1).
pub type Handles = GenericOrdSet<Handle, RcK>;

/// The map.
#[derive(Debug, Default)]
pub struct KeyMap {
    /// Hash of the key, and the row.
    index: Index<(u32, Handle)>,
    kept: Option<Handles>,
}

/// The place of a hash in the index, which looks at the lowest bits and at some of the upper half.
#[inline(always)]
fn place(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_0000_0001)
}

impl KeyMap {
    /// Rows in it.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Makes room for so many rows more.
    pub fn reserve(&mut self, rows: usize) {
        self.index.reserve(rows, &|e| place(e.0));
    }

    /// The row of this hash that `is_it`.
    #[inline]
    pub fn find(&self, hash: u32, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        self.index.find(place(hash), |e| e.0 == hash && is_it(e.1)).map(|e| e.1)
    }

    /// Adds a row whose key is not there.
    #[inline]
    pub fn insert(&mut self, hash: u32, handle: Handle) {
        self.index.insert(place(hash), (hash, handle), &|e| place(e.0));
        if let Some(kept) = &mut self.kept {
            kept.insert(handle);
        }
    }

    /// Puts a row in, whether its key is there or not: one walk. Gives the row that had the key.
    #[inline]
    pub fn put(&mut self, hash: u32, handle: Handle, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        match self.index.find_mut(place(hash), |e| e.0 == hash && is_it(e.1)) {
            None => {
                self.insert(hash, handle);
                None
            }
            Some(entry) => {
                let old = std::mem::replace(&mut entry.1, handle);
                self.keep_instead(old, handle);
                Some(old)
            }
        }
    }

    /// Puts a row in the place of another with the same key.
    #[inline]
    pub fn replace(&mut self, hash: u32, old: Handle, new: Handle) {
        self.index.find_mut(place(hash), |e| e.1 == old).expect("the row is there").1 = new;
        self.keep_instead(old, new);
    }

    #[inline]
    fn keep_instead(&mut self, old: Handle, new: Handle) {
        if let Some(kept) = &mut self.kept {
            kept.remove(&old);
            kept.insert(new);
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, hash: u32, handle: Handle) {
        let was_there = self.index.remove(place(hash), (hash, handle), &|e| place(e.0));
        assert!(was_there, "the row is there");
        if let Some(kept) = &mut self.kept {
            kept.remove(&handle);
        }
    }

    /// All rows, in no particular but deterministic order.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        self.index.iter().map(|e| e.1)
    }

    /// The rows as they are now, for ever. Cost: O(n log n) the first time, O(1) afterwards.
    pub fn freeze(&mut self) -> Handles {
        let KeyMap { index, kept } = self;
        kept.get_or_insert_with(|| index.iter().map(|e| e.1).collect()).clone()
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
        let before = m.freeze();
        assert_eq!(m.find(9, |h| h == 2), Some(2));
        m.replace(9, 2, 7);
        m.remove(9, 1);
        assert_eq!(m.find(9, |h| h == 1), None);
        assert_eq!((m.find(9, |h| h == 7), m.len()), (Some(7), 2));
        m.remove(9, 7);
        m.remove(9, 3);
        assert!(m.is_empty());
        assert_eq!(before.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
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

    #[test]
    fn every_kept_version_stays_as_it_was() {
        let mut rng = fastrand::Rng::with_seed(3);
        let (mut m, mut rows): (KeyMap, Vec<(u32, Handle)>) = (KeyMap::default(), Vec::new());
        let mut versions: Vec<(Handles, Vec<Handle>)> = Vec::new();
        for next in 0..4000 {
            match rng.u32(0..4) {
                0 if !rows.is_empty() => {
                    let (hash, row) = rows.swap_remove(rng.usize(0..rows.len()));
                    m.remove(hash, row);
                }
                1 if !rows.is_empty() => {
                    let at = rng.usize(0..rows.len());
                    m.replace(rows[at].0, rows[at].1, next);
                    rows[at].1 = next;
                }
                _ => {
                    let hash = rng.u32(0..200) << 20;
                    assert_eq!(m.put(hash, next, |_| false), None);
                    rows.push((hash, next));
                }
            }
            if next % 500 == 250 {
                let mut now: Vec<Handle> = rows.iter().map(|r| r.1).collect();
                now.sort_unstable();
                versions.push((m.freeze(), now));
            }
        }
        for (version, rows) in versions {
            assert_eq!(version.iter().copied().collect::<Vec<_>>(), rows);
        }
    }
}
