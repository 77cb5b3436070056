//! What leaves a list and comes to it, in order; and lists that change in large part, made anew in one pass.

use std::cmp::Ordering;

use super::{Entry, GroupDelta, GroupId, OrderedList, Placed};
use crate::algebra::Handle;
use crate::sort;

/// The rows of one group that leave and come.
#[derive(Debug, Default)]
pub struct Work {
    /// Those that leave.
    pub removed: Vec<Entry>,
    /// Those that come.
    pub inserted: Vec<Entry>,
    /// Rows of several groups, with their weights.
    pub of_group: Vec<(GroupId, Handle, i32)>,
}

impl Work {
    /// Files a row by its weight.
    #[inline(always)]
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

/// Takes some rows out of a list and puts others in. A row whose order is that of one that goes is put in its place: windows give
/// hundreds of rows another value, and none of them another place. `order` compares rows by all but their handles. Cost: O(log n) a row.
pub fn patch(
    list: &mut OrderedList,
    removed: &[Entry],
    inserted: &[Entry],
    change: &mut GroupDelta,
    order: &impl Fn(Handle, Handle) -> Ordering,
    tie: &impl Fn(Handle, Handle) -> Ordering,
) {
    for (rows, placed) in [(removed, &mut change.removed), (inserted, &mut change.inserted)] {
        rows.iter().for_each(|e| placed.push(Placed { row: e.row, at: 0 }));
    }
    let mut replaced: Vec<(usize, usize)> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(old), Some(new)) = (removed.get(i), inserted.get(j)) {
        let compared = (old.first, old.second).cmp(&(new.first, new.second)).then_with(|| order(old.row, new.row));
        if compared.is_eq()
            && let Some(at) = list.replace(*old, new.row, tie)
        {
            change.removed[i].at = at;
            replaced.push((i, j));
        }
        i += usize::from(compared.is_le());
        j += usize::from(compared.is_ge());
    }
    // From the back, each removal sees the position it had before the step; from the front, each insertion gets the position it
    // has after it.
    let mut pairs = replaced.iter().rev().peekable();
    for (i, &entry) in removed.iter().enumerate().rev() {
        if pairs.next_if(|pair| pair.0 == i).is_none() {
            change.removed[i].at = list.remove(entry, tie).expect("a removed row is in its list");
        }
    }
    let mut pairs = replaced.iter().peekable();
    for (j, &entry) in inserted.iter().enumerate() {
        change.inserted[j].at = match pairs.next_if(|pair| pair.1 == j) {
            // It has moved by those of the rows before it that went and came.
            Some(&(i, _)) => change.removed[i].at + j - i,
            None => list.insert(entry, tie),
        };
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

    #[test]
    fn what_is_told_of_a_patched_list_leads_from_the_old_one_to_the_new_one() {
        let mut rng = fastrand::Rng::with_seed(4);
        // The order of a row is its tenth part: ten rows stand in each other's place.
        let order = |a: Handle, b: Handle| (a / 10).cmp(&(b / 10));
        let tie = |a: Handle, b: Handle| a.cmp(&b);
        let entry = |row: Handle| Entry { first: u64::from(row / 400), second: 0, row };
        let mut rows: Vec<Handle> = (0..600).map(|place| place * 10).collect();
        let mut list = OrderedList::from_sorted(&rows.iter().map(|&row| entry(row)).collect::<Vec<_>>());
        let mut in_place = 0;
        for step in 0..3000 {
            let (mut removed, mut inserted) = (Vec::new(), Vec::new());
            for &row in &rows {
                match rng.u32(0..if step % 3 == 0 { 8 } else { 200 }) {
                    0 => removed.push(entry(row)),
                    1 | 2 => {
                        removed.push(entry(row));
                        inserted.push(entry(row / 10 * 10 + (row + 1) % 10));
                    }
                    _ => {}
                }
            }
            let free: Vec<Handle> = (0..600).map(|p| p * 10).filter(|row| rows.iter().all(|r| r / 10 != row / 10)).collect();
            inserted.extend(free.into_iter().filter(|_| rng.bool()).map(entry));
            inserted.sort_by_key(|e| e.row);
            let mut change = GroupDelta::default();
            patch(&mut list, &removed, &inserted, &mut change, &order, &tie);
            let now: Vec<Handle> = list.to_vec().iter().map(|e| e.row).collect();
            let mut follows = rows.clone();
            for gone in change.removed.iter().rev() {
                assert_eq!(follows.remove(gone.at), gone.row);
            }
            change.inserted.iter().for_each(|came| follows.insert(came.at, came.row));
            assert_eq!(follows, now);
            assert!(now.is_sorted());
            in_place += change.inserted.iter().filter(|c| change.removed.iter().any(|r| r.row / 10 == c.row / 10)).count();
            rows = now;
        }
        assert!(in_place > 10_000, "{in_place}");
    }
}
