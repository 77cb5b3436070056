//! What leaves a list and comes to it, in order; and lists that change in large part, made anew in one pass.

use super::ordered_list::Tie;
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
    /// Rows that take the place of others, with these.
    updates: Vec<(Handle, Handle)>,
    /// Where they are: each an entry whose row is a number of `updates`.
    places: Vec<Entry>,
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

    /// Files a row that takes the place of another one: no other row can tell them apart.
    pub fn take_update(&mut self, old: Entry, new: Handle) {
        self.places.push(Entry { row: self.updates.len() as Handle, ..old });
        self.updates.push((old.row, new));
    }

    /// Rows that leave or come.
    pub fn rows(&self) -> usize {
        self.removed.len() + self.inserted.len() + 2 * self.updates.len()
    }

    /// Forgets everything, and keeps the memory unless it is large.
    pub fn clear(&mut self) {
        if self.removed.capacity() + self.inserted.capacity() + self.updates.capacity() >= 1 << 14 {
            *self = Work::default();
        }
        self.removed.clear();
        self.inserted.clear();
        self.updates.clear();
        self.places.clear();
    }

    /// Files one that takes the place of another as one that leaves and one that comes.
    fn part(&mut self, place: Entry) {
        let (old, new) = self.updates[place.row as usize];
        self.removed.push(Entry { row: old, ..place });
        self.inserted.push(Entry { row: new, ..place });
    }
}

/// Up to here entries are compared with each other; longer lists are sorted by a word first.
const FEW: usize = 64;

/// Sorts entries. Long lists by numbers made of the most significant bits in which their first words differ and the place in
/// the list, which costs a third of comparing them; what these bits do not tell apart is compared.
pub fn in_order(entries: &mut Vec<Entry>, tie: Tie<'_>) {
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
fn finish_alike(entries: &mut [Entry], tie: Tie<'_>) {
    if entries.len() > 1 {
        sort::by(entries, |a, b| a.compare(b, tie));
    }
}

/// Takes some rows out of a list and puts others in. A row whose order is that of one that goes is put in its place: windows give
/// hundreds of rows another value, and none of them another place. `order` compares rows by all but their handles. Cost: O(log n) a row.
pub fn patch(list: &mut OrderedList, work: &mut Work, change: &mut GroupDelta, order: Tie<'_>, tie: Tie<'_>) {
    let mut replaced = if work.places.is_empty() { Vec::new() } else { update(list, work, tie) };
    let Work { removed, inserted, .. } = work;
    in_order(removed, tie);
    in_order(inserted, tie);
    let (mut i, mut j, mut gone, mut came) = (0, 0, 0, 0);
    while let (Some(&old), Some(&new)) = (removed.get(i), inserted.get(j)) {
        let compared = (old.first, old.second).cmp(&(new.first, new.second)).then_with(|| order(old.row, new.row));
        i += usize::from(compared.is_le());
        j += usize::from(compared.is_ge());
        if compared.is_eq()
            && let Some(at) = list.replace(old, new.row, tie)
        {
            replaced.push((at, (old.row, new.row)));
            continue;
        }
        if compared.is_le() {
            removed[gone] = old;
            gone += 1;
        }
        if compared.is_ge() {
            inserted[came] = new;
            came += 1;
        }
    }
    if gone < i {
        removed.drain(gone..i);
    }
    if came < j {
        inserted.drain(came..j);
    }
    // From the back, each removal sees the position it had before the step; from the front, each insertion gets the position it
    // has after it.
    for &entry in removed.iter().rev() {
        change.removed.push(Placed { row: entry.row, at: list.remove(entry, tie).expect("a removed row is in its list") });
    }
    change.removed.reverse();
    for &entry in inserted.iter() {
        change.inserted.push(Placed { row: entry.row, at: list.insert(entry, tie) });
    }
    if !replaced.is_empty() {
        sort::by_number(&mut replaced, |r| r.0 as u32);
        weave(change, &replaced);
    }
}

/// Puts rows in the place of others, where their neighbours leave no doubt that they belong there: the places, and both rows. Those
/// that are left are filed as such that leave and come.
fn update(list: &mut OrderedList, work: &mut Work, tie: Tie<'_>) -> Vec<(usize, (Handle, Handle))> {
    let mut places = std::mem::take(&mut work.places);
    in_order(&mut places, &|a, b| tie(work.updates[a as usize].0, work.updates[b as usize].0));
    let mut replaced = Vec::with_capacity(places.len());
    for &place in &places {
        let update = work.updates[place.row as usize];
        match list.replace(Entry { row: update.0, ..place }, update.1, tie) {
            Some(at) => replaced.push((at, update)),
            None => work.part(place),
        }
    }
    work.places = places;
    replaced
}

/// Tells of rows that took each other's place between those that went and came: the places are those before all this.
fn weave(change: &mut GroupDelta, replaced: &[(usize, (Handle, Handle))]) {
    let [gone, came] = [&mut change.removed, &mut change.inserted].map(|rows| {
        let more = Vec::with_capacity(rows.len() + replaced.len());
        std::mem::replace(rows, more)
    });
    let (mut went, mut come) = (0, 0);
    for &(at, (old, new)) in replaced {
        while gone.get(went).is_some_and(|g| g.at < at) {
            change.removed.push(gone[went]);
            went += 1;
        }
        change.removed.push(Placed { row: old, at });
        while came.get(come).is_some_and(|c| c.at <= at - went + come) {
            change.inserted.push(came[come]);
            come += 1;
        }
        // It has moved by those before it that went and came.
        change.inserted.push(Placed { row: new, at: at - went + come });
    }
    change.removed.extend_from_slice(&gone[went..]);
    change.inserted.extend_from_slice(&came[come..]);
}

/// Merges in one pass and builds the list anew.
pub fn rebuild(list: &mut OrderedList, work: &mut Work, change: &mut GroupDelta, tie: Tie<'_>) {
    for place in std::mem::take(&mut work.places) {
        work.part(place);
    }
    let Work { removed, inserted, .. } = work;
    in_order(removed, tie);
    in_order(inserted, tie);
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
        let (mut in_place, mut known) = (0, 0);
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
            // Some updates are known to be such.
            let mut work = Work { removed, inserted, ..Work::default() };
            for old in work.removed.clone() {
                let Some(to) = work.inserted.iter().position(|e| e.row / 10 == old.row / 10).filter(|_| rng.bool()) else {
                    continue;
                };
                work.removed.retain(|e| e.row != old.row);
                let new = work.inserted.swap_remove(to);
                work.take_update(old, new.row);
                known += 1;
            }
            patch(&mut list, &mut work, &mut change, &order, &tie);
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
        assert!(in_place > 10_000 && known > 1000, "{in_place}, {known}");
    }
}
