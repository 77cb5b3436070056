//! Intervals in an order in which those that meet another one are found: an interval tree without a tree.
//!
//! Words are the leaves of an implicit binary tree over all words of 120 bits: numbers and moments are below its first 64 levels,
//! texts and the like are their first fifteen bytes. An interval is filed at the lowest node that has both of its ends below it:
//! that is the level of the highest bit in which they differ, and the bits above it. Those that meet another interval are, on each
//! level, at the nodes between its ends. Cost of a search: O(log n) per level on which there are intervals, at most 121, and what
//! is found; of that, what only comes near the ends does not meet it.
//!
//! Source: Edelsbrunner, Dynamic data structures for orthogonal intersection queries, 1980; Kriegel, Pötke and Seidl, Managing
//! intervals efficiently in object-relational databases, VLDB 2000.

use super::ordered_list::{Entry, OrderedList};
use crate::algebra::Handle;
use crate::value::{Cell, long_order_prefix};

/// Where rows are that have no interval: behind all nodes.
const NOWHERE: u128 = u128::MAX;
/// Bits of a word.
const BITS: u32 = 120;

/// A node, as the order has them: by level, from left to right.
fn node(level: u32, word: u128) -> u128 {
    u128::from(level) << BITS | word >> level
}

fn node_of(e: Entry) -> u128 {
    u128::from(e.first) << 64 | u128::from(e.second)
}

/// Both ends as words; none if one is null.
pub fn ends(cells: [Cell<'_>; 2]) -> Option<[u128; 2]> {
    if cells.iter().any(|c| c.is_null()) {
        return None;
    }
    let mut ends = cells.map(long_order_prefix);
    ends.sort_unstable();
    Some(ends)
}

/// The entry of a row with these ends, whichever comes first.
pub fn entry(cells: [Cell<'_>; 2], row: Handle) -> Entry {
    let at = ends(cells).map_or(NOWHERE, |[from, to]| node(128 - (from ^ to).leading_zeros(), from));
    Entry { first: (at >> 64) as u64, second: at as u64, row }
}

/// Calls `f` with all entries whose intervals meet the one between two words, and with some that do not.
pub fn for_meeting(list: &OrderedList, [from, to]: [u128; 2], f: &mut impl FnMut(&Entry)) {
    let mut level = 0;
    loop {
        let (first, last) = (node(level, from), node(level, to));
        let low = list.partition(|e| node_of(*e) < first);
        let Some(found) = list.get(low).map(node_of) else { return };
        if found <= last {
            let high = list.partition(|e| node_of(*e) <= last);
            list.for_range(low, high - low, f);
        }
        // Levels without intervals are passed over.
        let next = (found >> BITS) as u32;
        if next > BITS {
            return;
        }
        level = next.max(level + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_meet_an_interval_are_found_and_few_others() {
        let mut rng = fastrand::Rng::with_seed(11);
        let mut near = |most: i64| {
            let from = rng.i64(-most..most);
            let spread = rng.i64(0..6);
            [from, from.saturating_add(rng.i64(0..=1 << (spread * 3)))]
        };
        for most in [50, 10_000, i64::MAX >> 1] {
            let intervals: Vec<[i64; 2]> = (0..400).map(|_| near(most)).collect();
            let mut entries: Vec<Entry> = Vec::new();
            for (row, [from, to]) in intervals.iter().enumerate() {
                entries.push(entry([Cell::Int(*to), Cell::Int(*from)], row as Handle));
            }
            entries.push(entry([Cell::Int(0), Cell::Null], 400));
            entries.sort_by_key(|e| (e.first, e.second, e.row));
            let list = OrderedList::from_sorted(&entries);
            for _ in 0..200 {
                let asked = near(most);
                let mut found = Vec::new();
                for_meeting(&list, ends(asked.map(Cell::Int)).unwrap(), &mut |e| found.push(e.row));
                for (row, [from, to]) in intervals.iter().enumerate() {
                    let meets = *from <= asked[1] && *to >= asked[0];
                    let times = found.iter().filter(|&&f| f == row as Handle).count();
                    assert!(times <= 1 && (times == 1 || !meets), "{from}..{to} was found {times} times for {asked:?}");
                }
                assert!(!found.contains(&400), "a row without an interval meets nothing");
            }
        }
    }

    #[test]
    fn texts_that_begin_alike_are_told_apart_by_their_first_fifteen_bytes() {
        let texts: Vec<String> = (0..1000).map(|i| format!("2026-11-23T{:02}:{:02}", i / 60, i % 60)).collect();
        let at = |from: usize, to: usize| [from, to].map(|i| Cell::Text(&texts[i]));
        let mut sorted: Vec<Entry> = (0..990).map(|i| entry(at(i, i + 5), i as Handle)).collect();
        sorted.sort_by_key(|e| (e.first, e.second, e.row));
        let list = OrderedList::from_sorted(&sorted);
        let mut found = 0;
        for_meeting(&list, ends(at(500, 503)).unwrap(), &mut |_| found += 1);
        assert!((9..=60).contains(&found), "{found} of 990 intervals were looked at");
    }

    #[test]
    fn of_many_short_intervals_few_are_looked_at() {
        let entries: Vec<Entry> = (0..10_000).map(|i| entry([Cell::Int(i * 10), Cell::Int(i * 10 + 8)], i as Handle)).collect();
        let mut sorted = entries;
        sorted.sort_by_key(|e| (e.first, e.second, e.row));
        let list = OrderedList::from_sorted(&sorted);
        for at in [0, 5, 50_000, 99_999] {
            let mut found = 0;
            for_meeting(&list, ends([Cell::Int(at), Cell::Int(at + 20)]).unwrap(), &mut |_| found += 1);
            assert!((1..=20).contains(&found), "{found} of 10,000 intervals were looked at around {at}");
        }
    }
}
