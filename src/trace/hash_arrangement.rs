//! Rows of a stream by key: the shared index behind joins.
//!
//! Entries of a key form a doubly linked list through one slab, so that adding and removing a row is O(1) however many rows
//! share its key. Keys with a null cell are not kept, as they equal nothing; unless nulls are to equal each other.

use std::hash::Hasher;

use super::{Index, Path, RelationId, Relations, Slab, hash_cells, hash_key, same_cells};
use crate::algebra::{Delta, Handle, Weight};
use crate::value::{Hasher64, Value, total_order};

const END: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    row: Handle,
    weight: Weight,
    group: u32,
    next: u32,
    previous: u32,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    hash: u64,
    first: u32,
}

/// Hash of 32-bit handles: one multiplication.
#[derive(Clone, Copy, Default, Debug)]
pub struct HandleHash(u64);

impl std::hash::Hasher for HandleHash {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u32(u32::from(*b));
        }
    }
    #[inline]
    fn write_u32(&mut self, v: u32) {
        self.write_u64(u64::from(v));
    }
    #[inline]
    fn write_u64(&mut self, v: u64) {
        let h = (self.0 ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = h ^ (h >> 32);
    }
}

/// Hash state for maps keyed by handles and other small integers.
pub type HandleState = std::hash::BuildHasherDefault<HandleHash>;

/// Hash of a row's handle.
#[inline(always)]
fn row_hash(row: Handle) -> u64 {
    let mut h = HandleHash::default();
    h.write_u32(row);
    h.finish()
}

/// Hash of the row of an entry.
fn hash_at(entries: &Slab<Entry>) -> impl Fn(u32) -> u64 {
    |id| row_hash(entries[id as usize].row)
}

/// Rows by key.
#[derive(Debug)]
pub struct HashArrangement {
    relation: RelationId,
    key: Vec<Path>,
    nulls_equal: bool,
    index: Index,
    groups: Slab<Group>,
    free_groups: Vec<u32>,
    entries: Slab<Entry>,
    free_entries: Vec<u32>,
    /// Entries by row.
    place: Index,
}

impl HashArrangement {
    /// An empty arrangement of a relation by the cells at these paths.
    pub fn new(relation: RelationId, key: Vec<Path>) -> Self {
        HashArrangement {
            relation,
            key,
            nulls_equal: false,
            index: Index::default(),
            groups: Slab::default(),
            free_groups: Vec::new(),
            entries: Slab::default(),
            free_entries: Vec::new(),
            place: Index::default(),
        }
    }

    /// An arrangement of the same relation by the same key, without rows.
    #[must_use]
    pub fn empty(&self) -> Self {
        HashArrangement::new(self.relation, self.key.clone()).with_equal_nulls(self.nulls_equal)
    }

    /// The same for keys whose nulls equal each other (`is not distinct from`).
    #[must_use]
    pub fn with_equal_nulls(self, nulls_equal: bool) -> Self {
        HashArrangement { nulls_equal, ..self }
    }

    /// Hash of a key; `None` if it equals nothing.
    #[inline(never)]
    fn hash(&self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path]) -> Option<u64> {
        if self.nulls_equal { Some(hash_key(rs, rel, row, paths)) } else { hash_cells(rs, rel, row, paths) }
    }

    /// Hash of the key of one of its rows, or of one that may become one; `None` if it equals nothing.
    pub fn key_of(&self, rs: &Relations, row: Handle) -> Option<u64> {
        self.hash(rs, self.relation, row, &self.key)
    }

    /// The key's paths.
    pub fn key(&self) -> &[Path] {
        &self.key
    }

    #[inline]
    fn entry(&self, row: Handle) -> Option<u32> {
        self.place.find(row_hash(row), |id| self.entries[id as usize].row == row)
    }

    /// Adds a delta. What comes goes before what leaves: a key whose one row becomes another one is not taken out and put in
    /// again. Cost: O(1) a row.
    pub fn apply(&mut self, rs: &Relations, delta: &Delta) {
        if delta.update().is_some_and(|(old, new, weight)| self.replace(rs, old, new, weight)) {
            return;
        }
        let signed = |came: bool| delta.rows().iter().filter(move |r| (r.1 > 0) == came);
        for &(row, weight) in signed(true).chain(signed(false)) {
            match self.entry(row) {
                Some(id) => {
                    let entry = &mut self.entries[id as usize];
                    entry.weight = entry.weight.checked_add(weight).expect("weight overflow");
                    if entry.weight == 0 {
                        self.unfile(id, row);
                        self.unlink(id);
                    }
                }
                None => {
                    let Some(hash) = self.key_of(rs, row) else { continue };
                    let id = match self.free_entries.pop() {
                        Some(id) => id,
                        None => {
                            self.entries.push(Entry { row, weight, group: 0, next: END, previous: END });
                            self.entries.len() as u32 - 1
                        }
                    };
                    self.link(rs, id, row, weight, hash);
                    self.file(id, row);
                }
            }
        }
    }

    /// Names the place of a row.
    fn file(&mut self, id: u32, row: Handle) {
        self.place.insert(row_hash(row), id, &hash_at(&self.entries));
    }

    /// The same taken back, while the row is still there.
    fn unfile(&mut self, id: u32, row: Handle) {
        self.place.remove(row_hash(row), id, &hash_at(&self.entries));
    }

    /// Puts a row in the place of another one of the same key and weight, which an update does: no key is looked up and no list
    /// changes. Whether it could.
    fn replace(&mut self, rs: &Relations, old: Handle, new: Handle, weight: Weight) -> bool {
        let Some(id) = self.entry(old) else { return false };
        let is_whole = self.entries[id as usize].weight == weight;
        if !is_whole || !same_cells(rs, self.relation, old, new, &self.key) || self.entry(new).is_some() {
            return false;
        }
        self.unfile(id, old);
        self.entries[id as usize].row = new;
        self.file(id, new);
        true
    }

    fn link(&mut self, rs: &Relations, id: u32, row: Handle, weight: Weight, hash: u64) {
        let group = match self.find(rs, self.relation, row, &self.key, hash) {
            Some(g) => g,
            None => {
                let group = Group { hash, first: END };
                let g = if let Some(g) = self.free_groups.pop() {
                    self.groups[g as usize] = group;
                    g
                } else {
                    self.groups.push(group);
                    self.groups.len() as u32 - 1
                };
                let groups = &self.groups;
                self.index.insert(hash, g, &|g| groups[g as usize].hash);
                g
            }
        };
        let first = self.groups[group as usize].first;
        if first != END {
            self.entries[first as usize].previous = id;
        }
        self.entries[id as usize] = Entry { row, weight, group, next: first, previous: END };
        self.groups[group as usize].first = id;
    }

    fn unlink(&mut self, id: u32) {
        let Entry { group, next, previous, .. } = self.entries[id as usize];
        if next != END {
            self.entries[next as usize].previous = previous;
        }
        if previous == END {
            self.groups[group as usize].first = next;
            if next == END {
                let (hash, groups) = (self.groups[group as usize].hash, &self.groups);
                self.index.remove(hash, group, &|g| groups[g as usize].hash);
                self.free_groups.push(group);
            }
        } else {
            self.entries[previous as usize].next = next;
        }
        self.free_entries.push(id);
    }

    fn find(&self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path], hash: u64) -> Option<u32> {
        self.index.find(hash, |g| {
            let group = &self.groups[g as usize];
            // A group in the index has at least one entry; its cells stand for the key.
            group.hash == hash && {
                let sample = self.entries[group.first as usize].row;
                self.key
                    .iter()
                    .zip(paths)
                    .all(|(&k, &p)| total_order(rs.cell(self.relation, sample, k), rs.cell(rel, row, p)).is_eq())
            }
        })
    }

    /// The rows whose key equals the cells of another row at these paths.
    pub fn matches<'a>(
        &'a self,
        rs: &Relations,
        rel: RelationId,
        row: Handle,
        paths: &[Path],
    ) -> impl Iterator<Item = (Handle, Weight)> + 'a {
        let group = self.hash(rs, rel, row, paths).and_then(|hash| self.find(rs, rel, row, paths, hash));
        let mut at = group.map_or(END, |g| self.groups[g as usize].first);
        std::iter::from_fn(move || {
            if at == END {
                return None;
            }
            let e = self.entries[at as usize];
            at = e.next;
            Some((e.row, e.weight))
        })
    }

    /// The rows whose key equals some values.
    pub fn holding(&self, rs: &Relations, key: &[Value]) -> Vec<(Handle, Weight)> {
        let mut h = Hasher64::new();
        key.iter().for_each(|value| h.cell(value.as_cell()));
        let hash = h.finish();
        let group = self.index.find(hash, |g| {
            let group = &self.groups[g as usize];
            let sample = self.entries[group.first as usize].row;
            let is_equal = |(&p, v): (&Path, &Value)| total_order(rs.cell(self.relation, sample, p), v.as_cell()).is_eq();
            group.hash == hash && self.key.iter().zip(key).all(is_equal)
        });
        let mut at = group.map_or(END, |g| self.groups[g as usize].first);
        let mut found = Vec::new();
        while at != END {
            let entry = self.entries[at as usize];
            found.push((entry.row, entry.weight));
            at = entry.next;
        }
        found
    }

    /// Weight of a row; 0 if it is not there.
    pub fn weight(&self, row: Handle) -> Weight {
        self.entry(row).map_or(0, |id| self.entries[id as usize].weight)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.place.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.place.is_empty()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.index.bytes()
            + self.groups.bytes()
            + self.entries.bytes()
            + self.place.bytes()
            + (self.free_entries.capacity() + self.free_groups.capacity()) * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Layout, Type};

    #[test]
    fn holds_the_rows_of_each_key_whether_they_change_in_place_or_not() {
        let mut rng = fastrand::Rng::with_seed(6);
        let mut rs = Relations::default();
        let rel = rs.add_packed(Layout::new(&[Type::Int, Type::Int]));
        let mut held: Vec<(Handle, Option<i64>, Weight)> = Vec::new();
        let mut index = HashArrangement::new(rel, vec![Path::column(0)]);
        for step in 0..20_000 {
            let key = (rng.u32(0..9) > 0).then(|| rng.i64(0..40));
            let packed = rs.layout(rel).pack(&[key.map_or(Value::Null, Value::Int), Value::Int(step)]);
            let new = rs.insert_row(rel, packed);
            let mut delta = Delta::default();
            let weight = 1 + rng.i32(0..2);
            // An update, of the same key mostly; or a row that comes, or goes, or weighs more.
            let at = rng.usize(0..held.len().max(1));
            match rng.u32(0..if held.len() > 200 { 6 } else { 4 }) {
                0..2 if at < held.len() => {
                    let (old, key, weight) = held[at];
                    let packed = rs.layout(rel).pack(&[key.map_or(Value::Null, Value::Int), Value::Int(-step)]);
                    let next = if rng.bool() { rs.insert_row(rel, packed) } else { new };
                    let key = if next == new { rs.cell(rel, new, Path::column(0)) } else { rs.cell(rel, next, Path::column(0)) };
                    let key = if let crate::value::Cell::Int(key) = key { Some(key) } else { None };
                    // All of it, or one of several.
                    let moved = if rng.bool() { weight } else { 1 };
                    delta.push(old, -moved);
                    delta.push(next, moved);
                    held[at].2 -= moved;
                    held.push((next, key, moved));
                }
                2 if at < held.len() => {
                    delta.push(held[at].0, 1);
                    delta.push(new, weight);
                    held[at].2 += 1;
                    held.push((new, key, weight));
                }
                4..6 => delta.push(held[at].0, -std::mem::take(&mut held[at].2)),
                _ => {
                    delta.push(new, weight);
                    held.push((new, key, weight));
                }
            }
            held.retain(|h| h.2 != 0);
            delta.consolidate();
            index.apply(&rs, &delta);
            let probe = if held.is_empty() { continue } else { held[rng.usize(0..held.len())] };
            let mut found: Vec<_> = index.matches(&rs, rel, probe.0, &[Path::column(0)]).collect();
            let same = |h: &&(Handle, Option<i64>, Weight)| h.1 == probe.1 && h.1.is_some();
            let mut want: Vec<_> = held.iter().filter(same).map(|h| (h.0, h.2)).collect();
            found.sort_unstable();
            want.sort_unstable();
            assert_eq!(found, want);
            assert_eq!(index.weight(probe.0), if probe.1.is_some() { probe.2 } else { 0 });
        }
        assert_eq!(index.len(), held.iter().filter(|h| h.1.is_some()).count());
    }
}
