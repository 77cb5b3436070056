//! Lists by number that grow in parts.
//!
//! A vector that is full moves to one of twice its size: 24 MB in one go for half a million groups of an aggregate, and in a new
//! process all of the new memory is touched for the first time. Here no entry moves once there are some thousand.

use std::ops::{Index, IndexMut};

/// Entries of a part.
const PART: usize = 1 << 12;

/// A list of parts. All but the last are full.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    parts: Vec<Vec<T>>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { parts: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |last| (self.parts.len() - 1) * PART + last.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds an entry at the end. Cost: O(1); fewer than a part are moved.
    #[inline]
    pub fn push(&mut self, entry: T) {
        match self.parts.last_mut() {
            Some(last) if last.len() < PART => last.push(entry),
            last => {
                // The first part grows as it is filled; whoever has filled one fills another.
                let mut part = if last.is_some() { Vec::with_capacity(PART) } else { Vec::new() };
                part.push(entry);
                self.parts.push(part);
            }
        }
    }

    /// Takes up to so many entries off the end. Returns how many there were.
    pub fn drop_last(&mut self, mut entries: usize) -> usize {
        let all = entries.min(self.len());
        entries = all;
        while entries > 0 {
            let last = self.parts.last_mut().expect("there are entries");
            let here = entries.min(last.len());
            last.truncate(last.len() - here);
            entries -= here;
            if last.is_empty() {
                self.parts.pop();
            }
        }
        all
    }

    /// An entry, if it is there.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.parts.get(at / PART)?.get(at % PART)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.parts.iter().flatten()
    }

    /// Bytes held, without what entries hold elsewhere.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.capacity() * size_of::<T>()).sum::<usize>()
            + self.parts.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Index<usize> for Slab<T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, at: usize) -> &T {
        &self.parts[at / PART][at % PART]
    }
}

impl<T> IndexMut<usize> for Slab<T> {
    #[inline(always)]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.parts[at / PART][at % PART]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_a_vector_holds_and_moves_nothing_once_it_is_large() {
        let (mut slab, mut model) = (Slab::default(), Vec::new());
        let mut rng = fastrand::Rng::with_seed(5);
        for step in 0..60_000usize {
            slab.push(step);
            model.push(step);
            let at = rng.usize(0..model.len());
            slab[at] += 1;
            model[at] += 1;
            if rng.usize(0..9000) == 0 {
                let some = rng.usize(0..10_000);
                assert_eq!(slab.drop_last(some), some.min(model.len()));
                model.truncate(model.len() - some.min(model.len()));
            }
            assert_eq!(slab.len(), model.len());
        }
        assert!(slab.iter().eq(&model) && slab.get(model.len()).is_none() && slab.get(5) == Some(&model[5]));
        let places: Vec<*const usize> = (0..model.len()).map(|at| &raw const slab[at]).collect();
        (0..100_000).for_each(|n| slab.push(n));
        assert!(places.iter().enumerate().all(|(at, place)| std::ptr::eq(*place, &slab[at])));
        assert_eq!(slab.drop_last(usize::MAX), model.len() + 100_000);
        assert!(slab.is_empty() && slab.get(0).is_none());
    }
}
