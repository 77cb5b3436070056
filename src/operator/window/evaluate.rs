//! Values of window functions of rows, best asked for in the order of the rows: a frame's aggregate is what the frame of the
//! row before held, and the rows that came and went.

use super::WindowColumn;
use super::dirty::{Change, Stretch};
use super::frame::{Peers, View};
use super::slot::{Kept, Slot};
use super::tree::Leaf;
use crate::algebra::Handle;
use crate::error::ErrorCode;
use crate::operator::Datum;
use crate::query::{Bound, Exclude, FrameUnit, WindowFunction};
use crate::value::{Cell, Value};

/// Rows that a frame moves by one at a time; beyond, its aggregate is put together anew.
const STEPS: usize = 64;

/// What is known of a column's last frame.
#[derive(Default)]
struct Running {
    /// Group of peers whose frames are `edges`, unless frames are of rows.
    of: Option<usize>,
    edges: Stretch,
    /// Aggregate of the rows `held`.
    slot: Option<Slot>,
    held: Stretch,
    /// The same without what is left out of the frame.
    rest: Option<Slot>,
}

/// Evaluates the columns of a partition's rows.
pub(super) struct Evaluator<'a> {
    view: View<'a>,
    /// Some column sees peers.
    sees_peers: bool,
    peers: Peers,
    running: Vec<Running>,
    /// Where rows were found last: those that come into a frame, and those that leave it.
    ends: [Leaf<'a>; 2],
}

impl<'a> Evaluator<'a> {
    /// Values in a partition; `sees_peers`: some column sees which rows are peers.
    pub(super) fn new(view: View<'a>, sees_peers: bool) -> Self {
        let running = view.columns.iter().map(|_| Running::default()).collect();
        Evaluator { view, sees_peers, peers: Peers::default(), running, ends: Default::default() }
    }

    /// Value of a column in the row at a position.
    pub(super) fn value(&mut self, column: usize, at: usize, row: Handle) -> Result<Datum<'a>, ErrorCode> {
        use WindowFunction as W;
        if self.sees_peers && !(self.peers.start..self.peers.end).contains(&at) {
            self.peers = self.view.peers(at);
        }
        let (rows, peers) = (self.view.tree.len(), self.peers);
        let of = &self.view.columns[column];
        let int = |n: usize| Value::Int(n as i64);
        let value = match of.function {
            W::RowNumber => int(at + 1),
            W::Rank => int(peers.start + 1),
            W::DenseRank => int(peers.group + 1),
            W::PercentRank => Value::Float(if rows == 1 { 0.0 } else { peers.start as f64 / (rows - 1) as f64 }),
            W::CumeDist => Value::Float(peers.end as f64 / rows as f64),
            W::Ntile(None) | W::Shift(None) | W::Nth(None) => Value::Null,
            W::Ntile(Some(buckets)) => {
                let (at, rows) = (at as i64, rows as i64);
                let (size, larger) = (rows / buckets, rows % buckets);
                let n = if at < larger * (size + 1) { at / (size + 1) } else { (at - larger) / size };
                Value::Int(n + 1)
            }
            W::Shift(Some(by)) => {
                let from = (at as i64).checked_add(by).and_then(|i| usize::try_from(i).ok());
                if let Some(item) = from.and_then(|i| self.ends[0].get(self.view.tree, i)) {
                    return Ok(self.argument(of, item.row));
                }
                let default = of.arguments.get(1).map_or(Cell::Null, |d| self.view.arguments.cell(d, row));
                return Ok(Datum::Cell(default));
            }
            W::First | W::Last | W::Nth(_) => return Ok(self.place(column, at, row)),
            W::Count if of.slot.is_none() => int(self.parts(column, at, row).iter().map(|p| p.1 - p.0).sum()),
            W::Min | W::Max => {
                let Slot::Extreme(best) = *self.aggregate(column, at, row) else { unreachable!("an extreme") };
                return Ok(if best == crate::algebra::NO_ROW { Datum::Cell(Cell::Null) } else { self.argument(of, best) });
            }
            W::Count => {
                let Slot::Count(n) = self.aggregate(column, at, row) else { unreachable!("a count") };
                Value::Int(*n)
            }
            function @ (W::Sum | W::Avg) => self.aggregate(column, at, row).sum(function, of.ty)?,
        };
        Ok(Datum::Value(value))
    }

    fn argument(&self, column: &'a WindowColumn, row: Handle) -> Datum<'a> {
        Datum::Cell(self.view.arguments.cell(&column.arguments[0], row))
    }

    /// First row of the frame and the one behind its last.
    fn edges(&mut self, column: usize, at: usize, row: Handle) -> Stretch {
        let frame = &self.view.columns[column].frame;
        let running = &mut self.running[column];
        if frame.unit == FrameUnit::Rows || running.of != Some(self.peers.start) {
            running.edges = self.view.edges(frame, at, row, self.peers);
            running.of = Some(self.peers.start);
        }
        running.edges
    }

    /// The frame, in up to three parts around what is left out.
    fn parts(&mut self, column: usize, at: usize, row: Handle) -> [Stretch; 3] {
        let (from, to) = self.edges(column, at, row);
        let within = |a: usize, b: usize| {
            let a = a.clamp(from, to);
            (a, b.clamp(a, to))
        };
        let Peers { start, end, .. } = self.peers;
        match self.view.columns[column].frame.exclude {
            Exclude::NoOthers => [(from, to), (to, to), (to, to)],
            Exclude::Current => [within(from, at), within(at + 1, to), (to, to)],
            Exclude::Group => [within(from, start), within(end, to), (to, to)],
            Exclude::Ties => [within(from, start), within(at, at + 1), within(end, to)],
        }
    }

    /// The value in a place of the frame.
    fn place(&mut self, column: usize, at: usize, row: Handle) -> Datum<'a> {
        let parts = self.parts(column, at, row);
        let of = &self.view.columns[column];
        let rows: usize = parts.iter().map(|p| p.1 - p.0).sum();
        let place = match of.function {
            WindowFunction::First => Some(0),
            WindowFunction::Nth(Some(n)) => usize::try_from(n - 1).ok(),
            _ => rows.checked_sub(1),
        };
        let Some(mut place) = place.filter(|p| *p < rows) else { return Datum::Cell(Cell::Null) };
        for (from, to) in parts {
            if place < to - from {
                let item = self.view.tree.get(from + place).expect("a row of the frame");
                return self.argument(of, item.row);
            }
            place -= to - from;
        }
        Datum::Cell(Cell::Null)
    }

    fn aggregate(&mut self, column: usize, at: usize, row: Handle) -> &Slot {
        let slot = self.view.columns[column].slot.expect("an aggregate of an argument");
        let (arguments, tree) = (self.view.arguments, self.view.tree);
        let kept = arguments.slots[slot].kept;
        let exclude = self.view.columns[column].frame.exclude;
        let fold = |parts: &[Stretch]| {
            let mut sum = Slot::new(kept);
            parts.iter().for_each(|p| tree.fold(p.0, p.1, arguments, slot, &mut sum));
            sum
        };
        if exclude != Exclude::NoOthers && matches!(kept, Kept::Min | Kept::Max) {
            let parts = self.parts(column, at, row);
            return self.running[column].rest.insert(fold(&parts));
        }
        let frame = self.edges(column, at, row);
        self.advance(column, slot, frame);
        if exclude == Exclude::NoOthers {
            return self.running[column].slot.as_ref().expect("just made");
        }
        let parts = self.parts(column, at, row);
        let running = &mut self.running[column];
        let mut sum = running.slot.clone().expect("just made");
        let mut from = frame.0;
        for part in parts {
            sum.subtract(&fold(&[(from, part.0.max(from))]));
            from = part.1.max(from);
        }
        sum.subtract(&fold(&[(from, frame.1)]));
        running.rest.insert(sum)
    }

    /// Brings the aggregate of a column to a frame.
    fn advance(&mut self, column: usize, slot: usize, (from, to): Stretch) {
        let Running { slot: held, held: (old_from, old_to), .. } = &mut self.running[column];
        let (arguments, tree) = (self.view.arguments, self.view.tree);
        let kept = arguments.slots[slot].kept;
        let grows = from <= *old_from && to >= *old_to;
        let steps = from.abs_diff(*old_from) + to.abs_diff(*old_to);
        let can_shrink =
            matches!(kept, Kept::Count | Kept::Sum | Kept::Decimals | Kept::Spans) && from < *old_to && *old_from < to;
        match held {
            Some(sum) if steps <= STEPS && (grows || can_shrink) && *old_from < *old_to => {
                let mut change = |a: usize, b: usize, times: i32| {
                    let end = &mut self.ends[usize::from(times < 0)];
                    for at in a..b {
                        let item = end.get(tree, at).expect("a row of the frame");
                        sum.add(arguments, slot, item.row, times);
                    }
                };
                if steps > 0 {
                    change(from, (*old_from).max(from), 1);
                    change((*old_to).min(to), to, 1);
                    change(*old_from, from.max(*old_from), -1);
                    change(to.min(*old_to), *old_to, -1);
                }
            }
            _ => {
                let mut sum = Slot::new(kept);
                tree.fold(from, to, arguments, slot, &mut sum);
                *held = Some(sum);
            }
        }
        (*old_from, *old_to) = (from, to);
    }

    /// Puts the positions at which a smallest or largest value of an unbounded frame is another one than before into a
    /// list: from each changed row on, until it is what it was. `same` says whether a row had this value; `None` for rows
    /// that are new.
    pub(super) fn follow(
        &mut self,
        change: &Change<'_>,
        column: usize,
        same: &dyn Fn(Handle, Cell<'_>) -> Option<bool>,
        into: &mut Vec<Stretch>,
    ) {
        let of = &self.view.columns[column];
        let rows = self.view.tree.len();
        let (prefix, suffix) = (of.frame.start == Bound::Unbounded, of.frame.end == Bound::Unbounded);
        let mut is_same = |at: usize| {
            let item = self.view.tree.get(at)?;
            let value = self.value(column, at, item.row).ok()?;
            same(item.row, value.as_cell())
        };
        if prefix && suffix {
            let moved = (0..rows).find_map(&mut is_same) == Some(false);
            return into.extend(moved.then_some((0, rows)));
        }
        if prefix {
            let ends = change.rows.iter().map(|c| c.at).skip(1).chain([rows]);
            for (changed, end) in change.rows.iter().zip(ends) {
                let from = change.reach(of, changed).1;
                let to = (from..end).find(|at| is_same(*at) == Some(true)).unwrap_or(end);
                into.push((from, to));
            }
        }
        if suffix {
            let mut starts = change.rows.iter().rev().map(|c| c.at).skip(1).chain([0]);
            for changed in change.rows.iter().rev() {
                let (to, start) = (change.reach(of, changed).0, starts.next().unwrap_or(0));
                let from = (start..to).rev().find(|at| is_same(*at) == Some(true)).map_or(start, |at| at + 1);
                into.push((from, to));
            }
        }
    }
}
