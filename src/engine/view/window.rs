//! What a window over an ordered list shows differently after a step.
//!
//! Everything is arithmetic on positions: the rows that a step did not touch keep their order, so they are numbered through,
//! before and after, and a window is an interval of these numbers plus touched rows. Cost: O(k log n) for k touched rows,
//! whatever the size of the window.

use super::moves::{Kept, ListChange, Shift};
use crate::algebra::Handle;
use crate::plan::Window;
use crate::query::Start;
use crate::trace::{GroupDelta, Index, OrderedList, Path, Placed, RelationId, Relations, SortSpec, hash_key};

/// How the rows of an arrangement are compared and identified.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// All rows.
    pub relations: &'a Relations,
    /// The arrangement's relation.
    pub relation: RelationId,
    /// Its order.
    pub sort: &'a SortSpec,
    /// Turns from the arrangement's row to the shown row.
    pub shown: &'a [bool],
    /// The key, by paths from the shown row.
    pub key: &'a [Path],
}

impl Rows<'_> {
    fn same_key(&self, a: Handle, b: Handle) -> bool {
        let ((rel, a), (_, b)) = (self.shown_row(a), self.shown_row(b));
        self.key.iter().all(|&p| self.relations.same_cell(rel, a, b, p))
    }

    #[inline(always)]
    fn key_hash(&self, row: Handle) -> u64 {
        let (rel, row) = self.shown_row(row);
        hash_key(self.relations, rel, row, self.key)
    }

    /// The row that is shown for a row of the arrangement.
    pub fn shown_row(&self, row: Handle) -> (RelationId, Handle) {
        self.relations.member(self.relation, row, self.shown.iter().copied())
    }

    /// Whether a row is before a keyset start.
    fn is_before(&self, row: Handle, start: &Start) -> bool {
        let order = self.sort.compare_to(self.relations, self.relation, row, &start.values);
        order.is_lt() || (order.is_eq() && !start.inclusive)
    }
}

/// First and end position of a window in a list.
pub fn bounds(window: &Window, rows: &Rows<'_>, list: &OrderedList) -> (usize, usize) {
    let start = window.start.as_ref().map_or(0, |s| list.partition(|e| rows.is_before(e.row, s)));
    clip(window, start, list.len())
}

fn clip(window: &Window, start: usize, len: usize) -> (usize, usize) {
    let low = start.saturating_add(window.offset).min(len);
    let high = window.limit.map_or(len, |l| low.saturating_add(l).min(len));
    match window.part {
        None => (low, high),
        Some((first, count)) => {
            let low = low.saturating_add(first).min(high);
            (low, low.saturating_add(count).min(high))
        }
    }
}

/// The rows that a window shows.
pub fn shown(window: &Window, rows: &Rows<'_>, list: &OrderedList) -> Vec<Handle> {
    let (low, high) = bounds(window, rows, list);
    let mut found = Vec::with_capacity(high - low);
    list.for_range(low, high - low, &mut |e| found.push(e.row));
    found
}

/// The rows that a window showed before the step.
pub fn shown_before(window: &Window, rows: &Rows<'_>, list: &OrderedList, delta: Option<&GroupDelta>) -> Vec<Handle> {
    let Some(delta) = delta else { return shown(window, rows, list) };
    let mut old = Vec::with_capacity(delta.old_len);
    let (mut removed, mut inserted) = (delta.removed.iter().peekable(), delta.inserted.iter().peekable());
    let mut at = 0;
    list.for_range(0, usize::MAX, &mut |e| {
        if inserted.next_if(|i| i.at == at).is_none() {
            while let Some(r) = removed.next_if(|r| r.at == old.len()) {
                old.push(r.row);
            }
            old.push(e.row);
        }
        at += 1;
    });
    old.extend(removed.map(|r| r.row));
    let start = window.start.as_ref().map_or(0, |s| old.partition_point(|r| rows.is_before(*r, s)));
    let (low, high) = clip(window, start, old.len());
    old[low..high].to_vec()
}

/// What a window shows differently, when nothing is known but what it showed and shows.
pub fn compare(rows: &Rows<'_>, old: &[Handle], new: &[Handle]) -> ListChange {
    let place = |list: &[Handle]| list.iter().enumerate().map(|(at, &row)| Placed { row, at }).collect::<Vec<_>>();
    let (removed, inserted) = (place(old), place(new));
    let partners = pair_up(rows, &removed, &inserted);
    let mut change = ListChange::default();
    for (r, partner) in removed.iter().zip(&partners) {
        match partner {
            None => change.removed.push((r.row, r.at)),
            Some(i) => {
                let new = inserted[*i];
                change.kept.push(Kept { old: r.row, new: new.row, old_gap: 0, new_gap: 0, from: r.at, to: new.at });
            }
        }
    }
    let mut taken = vec![false; inserted.len()];
    partners.into_iter().flatten().for_each(|i| taken[i] = true);
    change.added.extend(inserted.iter().zip(taken).filter(|(_, t)| !t).map(|(p, _)| (p.row, p.at)));
    change.arrange(&Shift { first: 0, end: 0, place: &|_| unreachable!("no untouched rows") });
    change
}

/// What a window shows differently after a step.
pub fn change(window: &Window, rows: &Rows<'_>, list: &OrderedList, delta: &GroupDelta) -> ListChange {
    let (start_old, start_new) = starts([window, window], rows, list, delta);
    let old = clip(window, start_old, delta.old_len);
    let new = clip(window, start_new, list.len());
    let beyond = |touched: &[Placed], high: usize| touched.first().is_none_or(|t| t.at >= high);
    if window.start.is_none() && beyond(&delta.removed, old.1) && beyond(&delta.inserted, new.1) {
        return ListChange::default();
    }
    difference(old, new, rows, list, delta)
}

/// What is shown differently when in a step a window becomes another.
pub fn change_between(before: &Window, window: &Window, rows: &Rows<'_>, list: &OrderedList, delta: &GroupDelta) -> ListChange {
    let (start_old, start_new) = starts([before, window], rows, list, delta);
    difference(clip(before, start_old, delta.old_len), clip(window, start_new, list.len()), rows, list, delta)
}

/// Positions of the starts of a window before and after a step.
fn starts(windows: [&Window; 2], rows: &Rows<'_>, list: &OrderedList, delta: &GroupDelta) -> (usize, usize) {
    let now = |window: &Window| window.start.as_ref().map_or(0, |s| list.partition(|e| rows.is_before(e.row, s)));
    let [before, after] = windows;
    let then = before.start.as_ref().map_or(0, |start| {
        let now = now(before);
        let came = delta.inserted.partition_point(|i| i.at < now);
        let went = delta.removed.partition_point(|r| rows.is_before(r.row, start));
        now - came + went
    });
    let same = std::ptr::eq(before, after) && before.start.is_none();
    (then, if same { 0 } else { now(after) })
}

/// What differs between a part of the list before the step and one of the list after it.
fn difference(
    (low_old, high_old): (usize, usize),
    (low_new, high_new): (usize, usize),
    rows: &Rows<'_>,
    list: &OrderedList,
    delta: &GroupDelta,
) -> ListChange {
    let (removed, inserted) = (delta.removed.as_slice(), delta.inserted.as_slice());
    // Numbers of untouched rows: position less touched rows before it.
    let number = |touched: &[Placed], at: usize| at - touched.partition_point(|t| t.at < at);
    let position = |touched: &[Placed], n: usize| n + first_after(touched, n);
    let (a_old, b_old) = (number(removed, low_old), number(removed, high_old));
    let (a_new, b_new) = (number(inserted, low_new), number(inserted, high_new));
    let row_at = |n: usize| list.get(position(inserted, n)).expect("an untouched row is in the list").row;

    let mut change = ListChange::default();
    let in_old = |p: &Placed| p.at >= low_old && p.at < high_old;
    let in_new = |p: &Placed| p.at >= low_new && p.at < high_new;
    let partners = pair_up(rows, removed, inserted);
    let mut taken = vec![false; if partners.iter().any(Option::is_some) { inserted.len() } else { 0 }];
    let (first, end) = (a_old.max(a_new), b_old.min(b_new));
    let end = end.max(first);
    for (at, (r, partner)) in removed.iter().zip(&partners).enumerate() {
        if !in_old(r) {
            continue;
        }
        match partner.map(|i| (i, inserted[i])) {
            Some((i, new)) if in_new(&new) => {
                taken[i] = true;
                change.kept.push(Kept {
                    old: r.row,
                    new: new.row,
                    // The touched rows before it are those before it here.
                    old_gap: (r.at - at).clamp(first, end),
                    new_gap: (new.at - i).clamp(first, end),
                    from: r.at - low_old,
                    to: new.at - low_new,
                });
            }
            _ => change.removed.push((r.row, r.at - low_old)),
        }
    }
    for (i, p) in inserted.iter().enumerate() {
        if in_new(p) && !taken.get(i).copied().unwrap_or(false) {
            change.added.push((p.row, p.at - low_new));
        }
    }
    for n in (a_old..b_old.min(a_new)).chain(a_old.max(b_new)..b_old) {
        change.removed.push((row_at(n), position(removed, n) - low_old));
    }
    for n in (a_new..b_new.min(a_old)).chain(a_new.max(b_old)..b_new) {
        change.added.push((row_at(n), position(inserted, n) - low_new));
    }
    let place = |n: usize| (row_at(n), position(removed, n) - low_old, position(inserted, n) - low_new);
    change.arrange(&Shift { first, end, place: &place });
    change
}

/// A row that a window shows before and after a step, when nothing else in the window changed: the usual outcome of one
/// changed row. `None`: anything else happened, and [`change`] tells what.
pub fn only_row(window: &Window, rows: &Rows<'_>, list: &OrderedList, delta: &GroupDelta) -> Option<Kept> {
    let ([old], [new], None) = (delta.removed.as_slice(), delta.inserted.as_slice(), &window.start) else { return None };
    // One row went and one came: the list is as long as before, and so are the bounds.
    let (low, high) = clip(window, 0, list.len());
    let within = |p: &Placed| p.at >= low && p.at < high;
    let kept = within(old) && within(new) && rows.same_key(old.row, new.row);
    kept.then(|| Kept { old: old.row, new: new.row, old_gap: old.at, new_gap: new.at, from: old.at - low, to: new.at - low })
}

/// Touched rows that stand before untouched row number `n`.
fn first_after(touched: &[Placed], n: usize) -> usize {
    let (mut low, mut high) = (0, touched.len());
    while low < high {
        let mid = (low + high) / 2;
        if touched[mid].at - mid <= n {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    low
}

/// For each removed row, the inserted row with the same key.
fn pair_up(rows: &Rows<'_>, removed: &[Placed], inserted: &[Placed]) -> Vec<Option<usize>> {
    // Windows give rows another value and leave their order.
    if removed.len() == inserted.len() && removed.iter().zip(inserted).all(|(r, i)| rows.same_key(r.row, i.row)) {
        return (0..removed.len()).map(Some).collect();
    }
    if removed.len() * inserted.len() <= 64 {
        let find = |r: &Placed| inserted.iter().position(|i| rows.same_key(r.row, i.row));
        return removed.iter().map(find).collect();
    }
    let hashes: Vec<u64> = inserted.iter().map(|p| rows.key_hash(p.row)).collect();
    let hash_of = |i: u32| hashes[i as usize];
    let mut by_key = Index::default();
    by_key.reserve(hashes.len(), &hash_of);
    for (i, &hash) in (0..).zip(&hashes) {
        by_key.insert(hash, i, &hash_of);
    }
    let find = |r: &Placed| {
        let hash = rows.key_hash(r.row);
        by_key.find(hash, |i| hash_of(i) == hash && rows.same_key(r.row, inserted[i as usize].row)).map(|i| i as usize)
    };
    removed.iter().map(find).collect()
}
