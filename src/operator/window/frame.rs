//! Where a row's peers and frame are in its partition.

use std::cmp::Ordering;

use super::WindowColumn;
use super::node::Item;
use super::slot::Arguments;
use super::tree::Tree;
use crate::algebra::Handle;
use crate::operator::scalar::span;
use crate::query::{Bound, Exclude, Frame, FrameUnit};
use crate::trace::{Entry, SortColumn, SortSpec};
use crate::value::numeric::Decimal;
use crate::value::{Cell, Value};

/// A place in a partition that an offset may have moved beyond either end, and beyond what a machine of 32 bits can count.
fn position(i: i64) -> usize {
    i.clamp(0, i64::from(u32::MAX)) as usize
}

/// A partition with all that reading it needs.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub arguments: Arguments<'a>,
    /// Order, then the key.
    pub sort: &'a SortSpec,
    /// So many of the sort's columns are the order; rows that agree in them are peers.
    pub order: usize,
    pub tree: &'a Tree,
    pub columns: &'a [WindowColumn],
}

/// A group of peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peers {
    pub start: usize,
    pub end: usize,
    /// Number of the group.
    pub group: usize,
}

impl<'a> View<'a> {
    /// Order of two rows, by their prefixes first.
    #[inline(always)]
    pub(super) fn compare(&self, a: &Entry, b: &Entry) -> Ordering {
        a.compare(b, &|a, b| self.sort.compare(self.arguments.relations, self.arguments.relation, a, b))
    }

    fn order_cell(&self, column: &SortColumn, row: Handle) -> Cell<'a> {
        self.arguments.relations.cell(self.arguments.relation, row, column.path)
    }

    /// Order of two rows by the order alone, by their prefixes first: of rows that differ in the first column no cell is read.
    pub(super) fn compare_peers(&self, a: &Entry, b: &Entry) -> Ordering {
        match a.first.cmp(&b.first) {
            unequal @ (Ordering::Less | Ordering::Greater) if self.order > 0 => unequal,
            _ if a.row == b.row => Ordering::Equal,
            _ => self.compare_order(a.row, b.row),
        }
    }

    /// Order of two rows by the order alone.
    pub(super) fn compare_order(&self, a: Handle, b: Handle) -> Ordering {
        let columns = self.sort.columns[..self.order].iter();
        let orders = columns.map(|c| c.compare(self.order_cell(c, a), self.order_cell(c, b)));
        orders.fold(Ordering::Equal, Ordering::then)
    }

    /// Position of a row, or where it would be.
    pub(super) fn place(&self, entry: &Entry) -> usize {
        self.tree.partition(&|item| self.compare(&item.entry(), entry).is_lt())
    }

    /// The peers of the row at a position. Cost: O(log n), no row is read.
    pub(super) fn peers(&self, at: usize) -> Peers {
        let group = self.tree.starts_before(at + 1).saturating_sub(1);
        Peers { start: self.tree.group_start(group), end: self.tree.group_start(group + 1), group }
    }

    /// The rows that agree with some row in the order; it need not be there.
    pub(super) fn peers_of(&self, entry: &Entry) -> Peers {
        let start = self.tree.partition(&|item| self.compare_peers(&item.entry(), entry).is_lt());
        let end = self.tree.partition(&|item| self.compare_peers(&item.entry(), entry).is_le());
        Peers { start, end, group: self.tree.starts_before(start) }
    }

    /// First and last-but-one row of the frame of the row at a position, exclusions not regarded. O(log n).
    pub(super) fn edges(&self, frame: &Frame, at: usize, row: Handle, peers: Peers) -> (usize, usize) {
        let rows = self.tree.len();
        let (from, to) = match frame.unit {
            FrameUnit::Rows => (moved(&frame.start, at), moved(&frame.end, at).map(|i| i.saturating_add(1))),
            FrameUnit::Groups => {
                let group = |bound, more| moved(bound, peers.group).map(|g: i64| g.saturating_add(more));
                let start = |g: i64| self.tree.group_start(position(g)) as i64;
                (group(&frame.start, 0).map(start), group(&frame.end, 1).map(start))
            }
            FrameUnit::Range => {
                let edge = |bound: &Bound, current: usize, before: fn(Ordering) -> bool| match bound {
                    Bound::Unbounded => None,
                    Bound::Current => Some(current as i64),
                    bound => Some(self.tree.partition(&|r| before(self.distance(bound, r.row, row))) as i64),
                };
                (edge(&frame.start, peers.start, Ordering::is_lt), edge(&frame.end, peers.end, Ordering::is_le))
            }
        };
        let within = |i: i64| position(i).min(rows);
        let from = from.map_or(0, within);
        (from, to.map_or(rows, within).max(from))
    }

    /// Order of a row's value beside the value of another one moved by an offset.
    fn distance(&self, bound: &Bound, row: Handle, current: Handle) -> Ordering {
        let column = &self.sort.columns[0];
        from_current(column, bound, self.order_cell(column, row), self.order_cell(column, current))
    }

    /// Positions whose frames may begin or end differently, or hold other rows, because of what happened to a row: it was
    /// or is at `at`, among `peers`. Rows beyond see it only through an unbounded end.
    pub(super) fn reach(&self, frame: &Frame, row: Handle, at: usize, peers: Peers) -> (usize, usize) {
        let (mut low, mut high) = (at as i64, at as i64 + 1);
        let mut take = |from: i64, to: i64| {
            low = low.min(from);
            high = high.max(to);
        };
        if frame.unit != FrameUnit::Rows || matches!(frame.exclude, Exclude::Group | Exclude::Ties) {
            take(peers.start as i64, peers.end as i64);
        }
        for (bound, is_end) in [(&frame.start, false), (&frame.end, true)] {
            let offset = match bound {
                Bound::Preceding(Value::Int(n)) => -*n,
                Bound::Following(Value::Int(n)) => *n,
                Bound::Unbounded | Bound::Current => continue,
                _ => 0,
            };
            match frame.unit {
                FrameUnit::Rows => {
                    let x = (at as i64).saturating_sub(offset);
                    take(x.saturating_sub(1), x.saturating_add(2));
                }
                FrameUnit::Groups => {
                    let group = (peers.group as i64).saturating_sub(offset);
                    let start = |g: i64| self.tree.group_start(position(g)) as i64;
                    take(start(group.saturating_sub(1)), start(group.saturating_add(2)));
                }
                FrameUnit::Range => {
                    // As the current row advances, a given row goes from behind its frame to within to before it.
                    let outside = if is_end { Ordering::is_gt } else { Ordering::is_ge };
                    let x = self.tree.partition(&|current: &Item| outside(self.distance(bound, row, current.row))) as i64;
                    take(x, x);
                }
            }
        }
        (position(low), position(high).min(self.tree.len()))
    }
}

/// A place moved by the offset of a bound; `None` if it is unbounded.
fn moved(bound: &Bound, place: usize) -> Option<i64> {
    let place = place as i64;
    match bound {
        Bound::Unbounded => None,
        Bound::Preceding(Value::Int(n)) => Some(place.saturating_sub(*n)),
        Bound::Following(Value::Int(n)) => Some(place.saturating_add(*n)),
        _ => Some(place),
    }
}

/// Order of a value beside a current one moved by an offset, in the direction of the order. Null is not moved. As in
/// PostgreSQL, integers do not overflow, not-a-number is at the end, and what is infinitely far from infinity is everything.
fn from_current(column: &SortColumn, bound: &Bound, value: Cell<'_>, current: Cell<'_>) -> Ordering {
    if value.is_null() || current.is_null() {
        return column.compare(value, current);
    }
    let (offset, back) = match bound {
        Bound::Preceding(offset) => (offset, !column.desc),
        Bound::Following(offset) => (offset, column.desc),
        _ => unreachable!("a bound with an offset"),
    };
    let order = match (value, current, offset) {
        (Cell::Float(v), Cell::Float(c), Value::Float(o)) if !v.is_nan() && !c.is_nan() => {
            let edge = if back { c - o } else { c + o };
            v.partial_cmp(&edge).unwrap_or(Ordering::Equal)
        }
        (Cell::Float(v), Cell::Float(c), _) => v.is_nan().cmp(&c.is_nan()),
        (Cell::Int(v), Cell::Int(c), Value::Int(o)) | (Cell::Timestamp(v), Cell::Timestamp(c), Value::Int(o)) => {
            let edge = if back { i128::from(c) - i128::from(*o) } else { i128::from(c) + i128::from(*o) };
            i128::from(v).cmp(&edge)
        }
        (Cell::Decimal(v), Cell::Decimal(c), Value::Decimal(o)) => {
            let [v, c, o] = [v, c, &**o].map(Decimal::unpack);
            let edge = if back { c.minus(&o) } else { c.plus(&o) };
            v.compare(&edge)
        }
        (v, c, Value::Interval(o)) => span::beside_moved(v, c, o, back),
        _ => unreachable!("bind lets offsets of numbers, times and intervals through"),
    };
    if column.desc { order.reverse() } else { order }
}
