//! Hash tables that grow in parts.
//!
//! A hash table that is full is filled anew, all of it in one step: 20 to 45 ms at a quarter of a million entries in
//! WebAssembly, in the middle of a slice that was to take 4. Beyond some thousand entries an index is many small tables, of
//! which one in turn is split each time that some hundred entries have come (linear hashing: Litwin, VLDB 1980): no step moves
//! more than the entries of one of them, and steps follow each other evenly, however many entries there are and whatever their
//! hashes. The other way, too: tables are joined as entries go, so that memory is given back.

use hashbrown::HashTable;

/// Entries of an index that is one table.
const WHOLE: usize = 7 << 9;
/// The fewest parts of a larger one.
const FEWEST: usize = 8;
/// Entries of a part, on average. Parts that wait to be split hold up to twice as many; with seven eighths of a power of two they
/// would grow right before, and the nearer to it the shorter the time in which most of them have to.
const MEAN: usize = 384;
/// Parts that get room for twice as many when one is split, until all have it that are not split before they are full.
const AHEAD: usize = 6;
/// Bytes that an empty index keeps.
const KEPT: usize = 1 << 12;

/// Entries by hash: numbers whose meaning is with whoever keeps the index, or small things that hold their hash.
#[derive(Clone, Debug)]
pub struct Index<T = u32> {
    whole: HashTable<T>,
    /// None, or at least [`FEWEST`].
    parts: Vec<HashTable<T>>,
    len: usize,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Index { whole: HashTable::new(), parts: Vec::new(), len: 0 }
    }
}

/// The part of a hash among so many: by bits that tables do not look at, which are the low ones and the highest seven of a
/// machine word. Where there are not as many parts as these bits count, the later ones are not split off yet.
#[inline(always)]
fn part(hash: u64, parts: usize) -> usize {
    let mask = usize::MAX >> (parts - 1).leading_zeros();
    let at = (hash >> 44) as usize & mask;
    if at < parts { at } else { at & (mask >> 1) }
}

/// One type for all who ask tables for room: what fills a table anew is compiled for each.
fn hasher<'a, T: Copy>(hash_of: &'a dyn Fn(T) -> u64) -> impl Fn(&T) -> u64 + 'a {
    move |&entry| hash_of(entry)
}

impl<T: Copy + PartialEq> Index<T> {
    #[inline(always)]
    fn table(&self, hash: u64) -> &HashTable<T> {
        if self.parts.is_empty() { &self.whole } else { &self.parts[part(hash, self.parts.len())] }
    }

    #[inline(always)]
    fn table_mut(&mut self, hash: u64) -> &mut HashTable<T> {
        if self.parts.is_empty() {
            &mut self.whole
        } else {
            let at = part(hash, self.parts.len());
            &mut self.parts[at]
        }
    }

    /// The entry of this hash that `is_it`. Cost: O(1).
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl Fn(T) -> bool) -> Option<T> {
        self.table(hash).find(hash, |&e| is_it(e)).copied()
    }

    /// The same, to be written to; its hash must stay.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, is_it: impl Fn(T) -> bool) -> Option<&mut T> {
        self.table_mut(hash).find_mut(hash, |&e| is_it(e))
    }

    /// Adds an entry; `hash_of` tells the hash of each. Cost: O(1); at most a part of some hundred entries is filled anew.
    ///
    /// Not inlined, and no function of its own per `hash_of`: both made the binary 1 % larger.
    pub fn insert(&mut self, hash: u64, entry: T, hash_of: &dyn Fn(T) -> u64) {
        if self.len >= if self.parts.is_empty() { WHOLE } else { self.parts.len() * MEAN } {
            self.grow(MEAN, hash_of);
        }
        self.len += 1;
        self.table_mut(hash).insert_unique(hash, entry, hasher(hash_of));
    }

    /// One part more, or the first ones; new ones have room for so many entries.
    #[cold]
    fn grow(&mut self, room: usize, hash_of: &dyn Fn(T) -> u64) {
        let from = if self.parts.is_empty() {
            self.parts.resize_with(FEWEST, || HashTable::with_capacity(room));
            std::mem::take(&mut self.whole)
        } else {
            let whole = 1 << self.parts.len().ilog2();
            let split = self.parts.len() - whole;
            // Those that wait to be split are full when a sixth of them is, and where hashes are even all in one moment: each has
            // more room before.
            if room > 0 {
                let end = whole.saturating_sub(split * AHEAD);
                (end.saturating_sub(AHEAD)..end).for_each(|at| self.make_room(at, 2 * MEAN, hash_of));
            }
            self.parts.push(HashTable::with_capacity(room));
            std::mem::replace(&mut self.parts[split], HashTable::with_capacity(room))
        };
        self.fill(from, hash_of);
    }

    fn fill(&mut self, from: HashTable<T>, hash_of: &dyn Fn(T) -> u64) {
        for entry in from {
            let hash = hash_of(entry);
            self.table_mut(hash).insert_unique(hash, entry, hasher(hash_of));
        }
    }

    /// Takes out an entry of this hash, and tells whether it was there. Cost: as of [`insert`](Self::insert).
    pub fn remove(&mut self, hash: u64, entry: T, hash_of: &dyn Fn(T) -> u64) -> bool {
        let Ok(found) = self.table_mut(hash).find_entry(hash, |e| *e == entry) else { return false };
        found.remove();
        self.len -= 1;
        if self.len < self.parts.len() * (MEAN / 2) || self.len == 0 {
            self.shrink(hash_of);
        }
        true
    }

    /// One part less, or none where those that are left fit into one table.
    #[cold]
    fn shrink(&mut self, hash_of: &dyn Fn(T) -> u64) {
        if self.parts.len() > FEWEST {
            let last = self.parts.pop().expect("there are some");
            self.fill(last, hash_of);
        } else if !self.parts.is_empty() {
            self.whole = HashTable::with_capacity(self.len);
            for part in std::mem::take(&mut self.parts) {
                self.fill(part, hash_of);
            }
        } else if self.whole.allocation_size() > KEPT {
            self.whole = HashTable::new();
        }
    }

    /// Makes room for so many entries more. Cost: what adding them would cost in growth.
    pub fn reserve(&mut self, more: usize, hash_of: &dyn Fn(T) -> u64) {
        let expected = self.len + more;
        if expected <= WHOLE && self.parts.is_empty() {
            return self.whole.reserve(more, hasher(hash_of));
        }
        while self.parts.len() * MEAN < expected {
            self.grow(0, hash_of);
        }
        let parts = self.parts.len();
        let whole = 1 << parts.ilog2();
        for at in 0..parts {
            // Those that are to be split next have twice as many; of unequal size by chance.
            let each = if (parts - whole..whole).contains(&at) { expected / whole } else { expected / whole / 2 };
            self.make_room(at, each + 2 * each.isqrt(), hash_of);
        }
    }

    /// Makes room for so many entries in a part.
    fn make_room(&mut self, at: usize, entries: usize, hash_of: &dyn Fn(T) -> u64) {
        let part = &mut self.parts[at];
        part.reserve(entries.saturating_sub(part.len()), hasher(hash_of));
    }

    /// All entries, in no particular but deterministic order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.whole.iter().chain(self.parts.iter().flatten()).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.whole.allocation_size()
            + self.parts.capacity() * size_of::<HashTable<T>>()
            + self.parts.iter().map(HashTable::allocation_size).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::collections::BTreeMap;

    fn mixed(n: u32) -> u64 {
        let mut h = crate::value::Hasher64::new();
        h.word(u64::from(n));
        h.finish()
    }

    /// Hashes that are as they should be, that agree in the bits that choose a part, in those that a table looks at, in all.
    const HASHES: [fn(u32) -> u64; 5] =
        [mixed, |n| mixed(n) & !(0xfffff << 44), |n| mixed(n) << 44, |n| u64::from(n) << 44, |n| u64::from(n % 3) << 50];

    #[test]
    fn holds_what_a_map_holds_whatever_the_hashes() {
        for (kind, hash) in HASHES.into_iter().enumerate() {
            let mut rng = fastrand::Rng::with_seed(kind as u64);
            let mut index: Index = Index::default();
            // Many numbers of few hashes are a walk each.
            let most = if kind == 4 { 9000 } else { 40_000 };
            let mut known = BTreeMap::new();
            let mut parts = 0;
            for step in 0..most * 4 {
                // Grows well beyond one table, shrinks, and grows again.
                let n = rng.u32(0..if (most..most * 3).contains(&step) { most / 20 } else { most });
                let out = if (most..most * 3).contains(&step) { known.keys().next_back().copied().unwrap_or(n) } else { n };
                if known.remove(&out).is_some() {
                    assert!(index.remove(hash(out), out, &hash));
                } else {
                    index.insert(hash(n), n, &hash);
                    known.insert(n, ());
                }
                let other = rng.u32(0..most);
                assert_eq!(index.find(hash(other), |m| m == other), known.contains_key(&other).then_some(other));
                assert_eq!(index.len(), known.len());
                parts = parts.max(index.parts.len());
            }
            assert!(parts > FEWEST);
            let mut all: Vec<u32> = index.iter().collect();
            all.sort_unstable();
            assert!(all.iter().eq(known.keys()));
            for n in all {
                assert!(index.remove(hash(n), n, &hash));
                assert!(!index.remove(hash(n), n, &hash));
            }
            assert!(index.is_empty() && index.iter().next().is_none());
            assert!(index.bytes() <= KEPT, "memory is given back");
        }
    }

    /// Entries whose hash is asked for are those that are put elsewhere.
    fn moved(hash: fn(u32) -> u64, f: impl FnOnce(&dyn Fn(u32) -> u64)) -> usize {
        let asked = Cell::new(0);
        f(&|n| {
            asked.set(asked.get() + 1);
            hash(n)
        });
        asked.get()
    }

    /// As rows are hashed: those of following numbers fill all parts evenly, which then are full at once.
    fn even(n: u32) -> u64 {
        let h = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        h ^ (h >> 32)
    }

    #[test]
    fn no_step_fills_more_than_a_part_anew_and_no_slice_many_of_them() {
        for hash in [mixed, even] {
            let mut index = Index::default();
            // One table of a million has 917,504 filled anew at once; 32 that double have as many within few slices.
            let (mut most, mut slice, mut slices) = (0, 0, 0);
            let mut count = |n: u32, now: usize| {
                most = most.max(now);
                slice = if n.is_multiple_of(4000) { now } else { slice + now };
                slices = slices.max(slice);
            };
            (0..1_000_000).for_each(|n| count(n, moved(hash, |of| index.insert(hash(n), n, of))));
            (0..1_000_000).for_each(|n| count(n, moved(hash, |of| assert!(index.remove(hash(n), n, of)))));
            assert!(most < WHOLE * 2 && slices < 4000 * 10, "{most} {slices}");
        }
    }

    #[test]
    fn room_that_was_made_is_enough() {
        for before in [0, 100, 3000, 20_000] {
            let mut index = Index::default();
            (0..before).for_each(|n| index.insert(mixed(n), n, &mixed));
            index.reserve(100_000, &mixed);
            let bytes = index.bytes();
            let again = (before..before + 100_000).map(|n| moved(mixed, |of| index.insert(mixed(n), n, of))).sum::<usize>();
            // Parts are of unequal size.
            assert!(again < 10_000, "{again}");
            assert!(index.bytes() < bytes + bytes / 20 && bytes < 100_000 * 14, "{bytes} {}", index.bytes());
            assert!((0..before + 100_000).all(|n| index.find(mixed(n), |m| m == n).is_some()));
        }
    }
}
