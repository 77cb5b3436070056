//! What leaves a list and comes to it, in order; and lists that change in large part, made anew in one pass.

use std::cmp::Ordering;

use super::{Entry, GroupDelta, OrderedList, Placed};
use crate::algebra::Handle;
use crate::value::sort;

/// The rows of one group that leave and come.
#[derive(Debug, Default)]
pub struct Work {
    /// Those that leave.
    pub removed: Vec<Entry>,
    /// Those that come.
    pub inserted: Vec<Entry>,
}

impl Work {
    /// Files a row by its weight.
    #[inline]
    pub fn take(&mut self, weight: i32, entry: Entry) {
        debug_assert!(weight == 1 || weight == -1, "keyed rows have weight one");
        if weight > 0 { &mut self.inserted } else { &mut self.removed }.push(entry);
    }
}

/// Up to here entries are compared with each other; longer lists are sorted by a word first.
const FEW: usize = 64;

/// Sorts entries. Long lists by numbers made of the most significant bits in which their first words differ and the place in
/// the list, which costs a third of comparing them; what these bits do not tell apart is compared.
pub fn in_order(entries: &mut Vec<Entry>, tie: &impl Fn(Handle, Handle) -> Ordering) {
    if entries.len() < 2 || entries.is_sorted_by(|a, b| a.compare(b, tie).is_lt()) {
        return;
    }
    if entries.len() <= FEW {
        return sort::by(entries, |a, b| a.compare(b, tie));
    }
    let least = entries.iter().map(|e| e.first).min().unwrap_or(0);
    let range = entries.iter().map(|e| e.first - least).max().unwrap_or(0);
    let places = u64::BITS - (entries.len() as u64).leading_zeros();
    let unseen = (u64::BITS - range.leading_zeros()).saturating_sub(u64::BITS - places);
    let mut words: Vec<u64> = entries.iter().enumerate().map(|(i, e)| (e.first - least) >> unseen << places | i as u64).collect();
    sort::numbers(&mut words);
    let place = |word: u64| (word & ((1 << places) - 1)) as usize;
    let mut sorted: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut alike = 0;
    for (i, &word) in words.iter().enumerate() {
        if i > 0 && word >> places != words[i - 1] >> places {
            finish_alike(&mut sorted[alike..], tie);
            alike = i;
        }
        sorted.push(entries[place(word)]);
    }
    finish_alike(&mut sorted[alike..], tie);
    *entries = sorted;
}

#[inline]
fn finish_alike(entries: &mut [Entry], tie: &impl Fn(Handle, Handle) -> Ordering) {
    if entries.len() > 1 {
        sort::by(entries, |a, b| a.compare(b, tie));
    }
}

/// Merges in one pass and builds the list anew.
pub fn rebuild(
    list: &mut OrderedList,
    removed: &[Entry],
    inserted: &[Entry],
    change: &mut GroupDelta,
    tie: &impl Fn(Handle, Handle) -> Ordering,
) {
    if list.is_empty() {
        change.inserted.extend(inserted.iter().enumerate().map(|(at, e)| Placed { row: e.row, at }));
        *list = OrderedList::from_sorted(inserted);
        return;
    }
    let mut merged = Vec::with_capacity(list.len() + inserted.len() - removed.len());
    let mut out = removed.iter().copied().peekable();
    let mut new = inserted.iter().copied().peekable();
    let mut at = 0;
    list.for_range(0, usize::MAX, &mut |e| {
        if out.peek().is_some_and(|o| o.row == e.row) {
            out.next();
            change.removed.push(Placed { row: e.row, at });
        } else {
            while let Some(n) = new.next_if(|n| n.compare(e, tie).is_lt()) {
                change.inserted.push(Placed { row: n.row, at: merged.len() });
                merged.push(n);
            }
            merged.push(*e);
        }
        at += 1;
    });
    assert!(out.peek().is_none(), "a removed row is in its list");
    for n in new {
        change.inserted.push(Placed { row: n.row, at: merged.len() });
        merged.push(n);
    }
    *list = OrderedList::from_sorted(&merged);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_whatever_their_first_words_have_in_common() {
        let mut rng = fastrand::Rng::with_seed(9);
        let tie = |a: Handle, b: Handle| a.cmp(&b);
        for round in 0..200u32 {
            let n = rng.usize(0..400);
            let word = |rng: &mut fastrand::Rng| match round % 5 {
                0 => rng.u64(..),
                1 => 1 << 63 | rng.u64(0..50),
                2 => rng.u64(0..3) << 60 | rng.u64(0..3),
                3 => u64::MAX - rng.u64(0..2),
                _ => 7,
            };
            let mut entries: Vec<Entry> =
                (0..n as u32).map(|row| Entry { first: word(&mut rng), second: rng.u64(0..2), row: row ^ 0x55 }).collect();
            let mut want = entries.clone();
            want.sort_by_key(|e| (e.first, e.second, e.row));
            in_order(&mut entries, &tie);
            assert_eq!(entries, want);
        }
    }
}
