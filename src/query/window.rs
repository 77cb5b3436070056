//! Window functions of a bound query: what is computed for a row from the rows of its partition.
//!
//! A partition is in the order of `order`, then of the query's key; rows that agree in `order` are *peers*. A row's *frame*
//! is the part of its partition that `firstValue`, `lastValue`, `nthValue` and the aggregates look at.

use super::bound::{Expr, SortKey};
use crate::value::{Type, Value};

/// One window function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WindowCall {
    /// Which, with its constant arguments.
    pub function: WindowFunction,
    /// What it computes with, over the scope or group scope: a value, and for [`Shift`](WindowFunction::Shift) perhaps a
    /// second one that stands where there is no row.
    pub arguments: Vec<Expr>,
    /// Rows that agree in these are a partition (null with null).
    pub partition: Vec<Expr>,
    /// Order within the partition.
    pub order: Vec<SortKey>,
    /// Frame; the default where the function has none.
    pub frame: Frame,
    /// Result type.
    pub ty: Type,
}

/// The window functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowFunction {
    /// Position in the partition, from 1. Int.
    RowNumber,
    /// Position of the first peer, from 1. Int.
    Rank,
    /// Number of the group of peers, from 1. Int.
    DenseRank,
    /// (rank − 1) / (rows − 1); 0 for a single row. Float.
    PercentRank,
    /// Rows up to the last peer / rows. Float.
    CumeDist,
    /// Number of the bucket, of so many of equal size (the first ones one row larger); null = null. Int.
    Ntile(Option<i64>),
    /// Value in the row so many behind (negative: before) this one; the default, else null, where there is none. An
    /// offset of null gives null. `lag` and `lead`.
    Shift(Option<i64>),
    /// Value in the first row of the frame.
    First,
    /// Value in the last row of the frame.
    Last,
    /// Value in the n-th row of the frame, from 1; null where there is none; n of null gives null.
    Nth(Option<i64>),
    /// Rows of the frame, or those whose argument is not null. Int.
    Count,
    /// Exact sum over the frame; null without values. Of the argument's type.
    Sum,
    /// Exact mean over the frame, rounded once; null without values. Float, or Decimal or Interval as the argument.
    Avg,
    /// Smallest non-null of the frame.
    Min,
    /// Largest non-null of the frame.
    Max,
}

impl WindowCall {
    /// Its expressions, all over the scope or group scope.
    pub fn exprs_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.arguments.iter_mut().chain(&mut self.partition).chain(self.order.iter_mut().map(|key| &mut key.expr))
    }
}

impl WindowFunction {
    /// Whether it looks at the frame, rather than at the whole partition.
    pub fn is_framed(self) -> bool {
        use WindowFunction as W;
        matches!(self, W::First | W::Last | W::Nth(_) | W::Count | W::Sum | W::Avg | W::Min | W::Max)
    }
}

/// Part of the partition, seen from a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// What offsets count.
    pub unit: FrameUnit,
    /// Where it begins.
    pub start: Bound,
    /// Where it ends.
    pub end: Bound,
    /// What is left out of it.
    pub exclude: Exclude,
}

impl Default for Frame {
    /// From the start of the partition to the last peer.
    fn default() -> Self {
        Frame { unit: FrameUnit::Range, start: Bound::Unbounded, end: Bound::Current, exclude: Exclude::NoOthers }
    }
}

/// What the offsets of a frame count, and what its current row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// The value of the one order expression; the current row stands for its peers.
    Range,
    /// Groups of peers; the current row stands for its peers.
    Groups,
}

/// An end of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// As a start the first row of the partition, as an end the last.
    Unbounded,
    /// So far before the current row. Int for rows, groups, and orders by int and timestamp (microseconds);
    /// of timestamps too, of dates, times and intervals an interval; else a number of the type.
    Preceding(Value),
    /// The current row, or its peers.
    Current,
    /// So far behind it.
    Following(Value),
}

/// What is left out of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exclude {
    /// Nothing.
    NoOthers,
    /// The current row.
    Current,
    /// The current row and its peers.
    Group,
    /// The peers of the current row, but not itself.
    Ties,
}
