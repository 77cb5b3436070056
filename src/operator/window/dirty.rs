//! Which rows of a partition a step may have given other values: everything else is not looked at.
//!
//! The changed rows cut the partition into stretches of rows that stayed. A stretch that moved by *n* places has other
//! positions; one before or behind which something was added to a sum has other running sums. Frames with offsets reach
//! from a changed row as far as the offsets say. Smallest and largest values are followed row by row by the caller, until
//! one is what it was.

use super::WindowColumn;
use super::frame::{Peers, View};
use super::slot::{Kept, Slot};
use crate::algebra::Handle;
use crate::query::{Bound, Exclude, Frame, WindowFunction};
use crate::sort;
use crate::value::identity_order;

/// A row that came or went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    pub row: Handle,
    pub added: bool,
    /// Its position now; of a row that went, that of the row behind it.
    pub at: usize,
    /// Its peers now.
    pub peers: Peers,
    /// The row before or behind in the list is in the same place of the order: one replaces the other.
    pub in_place: bool,
}

/// What a step did to a partition.
pub(super) struct Change<'a> {
    pub view: View<'a>,
    /// In order, what went before what came in its place.
    pub rows: &'a [Changed],
    pub old_len: usize,
    /// Per column the row that was at its [`anchor`] before.
    pub anchors: &'a [Option<Handle>],
}

/// Positions from one up to another.
pub(super) type Stretch = (usize, usize);

/// The place whose row decides what an unbounded frame's `firstValue`, `nthValue` or `lastValue` is, of so many rows.
pub(super) fn anchor(column: &WindowColumn, rows: usize) -> Option<usize> {
    let (prefix, suffix) = (column.frame.start == Bound::Unbounded, column.frame.end == Bound::Unbounded);
    match column.function {
        WindowFunction::First if prefix => Some(0),
        WindowFunction::Nth(Some(n)) if prefix => usize::try_from(n - 1).ok(),
        WindowFunction::Last if suffix => rows.checked_sub(1),
        _ => None,
    }
}

impl Change<'_> {
    fn len(&self) -> usize {
        self.view.tree.len()
    }

    /// Stretches of rows that stayed, and by how many places they moved.
    fn stretches(&self) -> impl Iterator<Item = (Stretch, i64)> + '_ {
        let mut shift = 0;
        let ends = self.rows.iter().map(|c| c.at).skip(1).chain([self.len()]);
        self.rows.iter().zip(ends).filter_map(move |(changed, end)| {
            shift += if changed.added { 1 } else { -1 };
            let from = changed.at + usize::from(changed.added);
            (from < end).then_some(((from, end), shift))
        })
    }

    /// Puts positions that may have other values in a column into a list.
    pub(super) fn of_column(&self, number: usize, into: &mut Vec<Stretch>) {
        use WindowFunction as W;
        let column = &self.view.columns[number];
        match column.function {
            W::RowNumber => into.extend(self.stretches().filter(|s| s.1 != 0).map(|s| s.0)),
            W::Rank | W::DenseRank | W::PercentRank | W::CumeDist => self.of_rank(column.function, into),
            W::Ntile(Some(buckets)) => self.of_buckets(buckets, into),
            W::Shift(Some(by)) => into.extend(self.rows.iter().map(|c| {
                let far = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
                let (low, high) = if by > 0 { (c.at.saturating_sub(far), c.at) } else { (c.at, c.at.saturating_add(far)) };
                (low, high.saturating_add(1))
            })),
            W::Ntile(None) | W::Shift(None) | W::Nth(None) => {}
            _ => self.of_frame(number, column, into),
        }
    }

    fn of_rank(&self, function: WindowFunction, into: &mut Vec<Stretch>) {
        use WindowFunction as W;
        if matches!(function, W::PercentRank | W::CumeDist) && self.old_len != self.len() {
            return into.push((0, self.len()));
        }
        // Rows and groups of peers more than before, so far.
        let (mut rows, mut groups) = (0i64, 0i64);
        let mut rest = self.rows;
        while let Some(first) = rest.first() {
            let run = rest.iter().take_while(|c| self.view.compare_order(c.row, first.row).is_eq()).count();
            let more: i64 = rest[..run].iter().map(|c| if c.added { 1 } else { -1 }).sum();
            let Peers { start, end, .. } = first.peers;
            let now = (end - start) as i64;
            let among = match function {
                W::DenseRank => groups != 0,
                W::CumeDist => rows + more != 0,
                _ => rows != 0,
            };
            rows += more;
            groups += i64::from(now > 0) - i64::from(now - more > 0);
            let behind = if function == W::DenseRank { groups != 0 } else { rows != 0 };
            rest = &rest[run..];
            into.extend(among.then_some((start, end)));
            into.extend(behind.then(|| (end, rest.first().map_or(self.len(), |c| c.peers.start))));
        }
    }

    /// Rows that are in another bucket: at most a stretch per bucket, whatever the number of rows.
    fn of_buckets(&self, buckets: i64, into: &mut Vec<Stretch>) {
        let (old, new) = (self.old_len as i64, self.len() as i64);
        // Number of the bucket of a place, and the place where the next one begins.
        let bucket = |rows: i64, at: i64| {
            let (size, larger) = (rows / buckets, rows % buckets);
            let of_larger = larger * (size + 1);
            if at < of_larger {
                let n = at / (size + 1);
                (n, (n + 1) * (size + 1))
            } else {
                let n = (at - of_larger) / size;
                (larger + n, of_larger + (n + 1) * size)
            }
        };
        let first = ((0, self.rows.first().map_or(0, |c| c.at)), 0);
        for ((from, to), shift) in std::iter::once(first).chain(self.stretches()) {
            let mut at = from as i64;
            while at < to as i64 {
                let ((now, now_end), (was, was_end)) = (bucket(new, at), bucket(old, at - shift));
                let end = now_end.min(was_end + shift).min(to as i64);
                into.extend((now != was).then_some((at as usize, end as usize)));
                at = end;
            }
        }
    }

    /// How far a changed row is seen by frames that do not reach to the end of the partition.
    pub(super) fn reach(&self, column: &WindowColumn, changed: &Changed) -> Stretch {
        use WindowFunction as W;
        let view = &self.view;
        let mut reach = view.reach(&column.frame, changed.row, changed.at, changed.peers);
        let places = match column.function {
            W::First | W::Last => 1,
            W::Nth(Some(n)) => usize::try_from(n).unwrap_or(usize::MAX),
            _ => return reach,
        };
        // The row in a place of the frame gives way to its neighbours.
        let before = changed.peers.start.min(changed.at).saturating_sub(places);
        let behind = changed.peers.end.max(changed.at + 1);
        for at in [before, behind] {
            if let Some(item) = view.tree.get(at) {
                let (low, high) = view.reach(&column.frame, item.row, at, view.peers(at));
                reach = (reach.0.min(low), reach.1.max(high));
            }
        }
        reach
    }

    fn of_frame(&self, number: usize, column: &WindowColumn, into: &mut Vec<Stretch>) {
        use WindowFunction as W;
        let reaches: Vec<Stretch> = self.rows.iter().map(|c| self.reach(column, c)).collect();
        let low = reaches.iter().map(|r| r.0).min().unwrap_or(0);
        let high = reaches.iter().map(|r| r.1).max().unwrap_or(0);
        into.extend(reaches);
        let Frame { start, end, exclude, .. } = &column.frame;
        let (prefix, suffix) = (*start == Bound::Unbounded, *end == Bound::Unbounded);
        let all = if matches!(column.function, W::Count | W::Sum | W::Avg) {
            return self.of_sums(column, prefix, suffix, into);
        } else if *exclude != Exclude::NoOthers {
            true
        } else if matches!(column.function, W::Min | W::Max) {
            false
        } else {
            self.anchor_moved(number, column, prefix && suffix)
        };
        if all && prefix {
            into.push((low, self.len()));
        }
        if all && suffix {
            into.push((0, high));
        }
    }

    /// Sums over everything before a row, or behind it, change where the changes before, or behind, do not cancel out.
    fn of_sums(&self, column: &WindowColumn, prefix: bool, suffix: bool, into: &mut Vec<Stretch>) {
        if !prefix && !suffix {
            return;
        }
        let mut before = Slot::new(column.slot.map_or(Kept::Count, |s| self.view.arguments.slots[s].kept));
        let mut behind = before.clone();
        let add = |sum: &mut Slot, changed: &Changed, times: i32| {
            let times = if changed.added { times } else { -times };
            match (column.slot, sum) {
                (Some(slot), sum) => {
                    sum.add(self.view.arguments, slot, changed.row, times);
                }
                (None, Slot::Count(n)) => *n += i64::from(times),
                (None, _) => unreachable!("rows are counted"),
            }
        };
        self.rows.iter().for_each(|c| add(&mut behind, c, 1));
        if prefix && suffix {
            return into.extend((!behind.is_nothing()).then_some((0, self.len())));
        }
        let mut from = 0;
        for changed in self.rows {
            let moved = if prefix { !before.is_nothing() } else { !behind.is_nothing() };
            into.extend(moved.then_some((from, changed.at)));
            from = changed.at;
            add(&mut before, changed, 1);
            add(&mut behind, changed, -1);
        }
        into.extend((prefix && !before.is_nothing()).then_some((from, self.len())));
    }

    /// Whether the row that decides for an unbounded frame has another value, or frames may have become long enough for it.
    fn anchor_moved(&self, number: usize, column: &WindowColumn, whole: bool) -> bool {
        let Some(now) = anchor(column, self.len()) else { return false };
        let arguments = self.view.arguments;
        let (old, new) = (self.anchors[number], self.view.tree.get(now).map(|i| i.row));
        let same = match (old, new) {
            (Some(a), Some(b)) => {
                let [a, b] = [a, b].map(|row| arguments.cell(&column.arguments[0], row));
                identity_order(a, b).is_eq()
            }
            (None, None) => true,
            (a, b) => a.or(b).is_some_and(|row| arguments.cell(&column.arguments[0], row).is_null()),
        };
        if whole || !same {
            return !same;
        }
        match column.function {
            WindowFunction::Last => {
                let may_be_empty = matches!(column.frame.start, Bound::Following(_));
                may_be_empty && self.rows.iter().any(|c| !c.in_place && c.at + 1 >= self.len())
            }
            _ => {
                let may_be_short = now > 0 || matches!(column.frame.end, Bound::Preceding(_));
                may_be_short && self.rows.iter().any(|c| !c.in_place && c.at <= now)
            }
        }
    }
}

/// Sorts stretches, joins those that touch, and cuts them to so many rows.
pub(super) fn joined(mut stretches: Vec<Stretch>, rows: usize) -> Vec<Stretch> {
    sort::by(&mut stretches, |a, b| a.cmp(b));
    let mut out: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for (from, to) in stretches {
        let to = to.min(rows);
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ if from < to => out.push((from, to)),
            _ => {}
        }
    }
    out
}

/// Whether a column's values are followed from a changed row on until one is what it was.
pub(super) fn is_followed(column: &WindowColumn) -> bool {
    let Frame { start, end, exclude, .. } = &column.frame;
    let unbounded = *start == Bound::Unbounded || *end == Bound::Unbounded;
    matches!(column.function, WindowFunction::Min | WindowFunction::Max) && unbounded && *exclude == Exclude::NoOthers
}
