//! Window functions: every partition sorted anew, every frame a list of rows.

use std::cmp::Ordering;

use super::aggregate::aggregated;
use super::decimal;
use super::expr::{eval, span};
use super::query::{compare_keys, compare_order};
use crate::error::Result;
use crate::query::{
    AggregateCall, AggregateFunction, Bound, Exclude, Expr, Frame, FrameUnit, SortKey, WindowCall, WindowFunction,
};
use crate::value::Value;

/// Puts the columns of window functions behind the cells of rows, which a key tells apart.
pub(super) fn add_windows(calls: &[WindowCall], key: &[usize], rows: &mut [Vec<Value>]) -> Result<()> {
    let mut added: Vec<Vec<Value>> = vec![Vec::new(); rows.len()];
    for call in calls {
        for members in partitions(call, rows)? {
            let found = Partition::new(call, key, rows, members)?.values()?;
            found.into_iter().for_each(|(row, value)| added[row].push(value));
        }
    }
    rows.iter_mut().zip(added).for_each(|(row, more)| row.extend(more));
    Ok(())
}

/// Numbers of the rows of each partition.
fn partitions(call: &WindowCall, rows: &[Vec<Value>]) -> Result<Vec<Vec<usize>>> {
    let mut found: Vec<(Vec<Value>, Vec<usize>)> = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let key = call.partition.iter().map(|p| eval(p, row)).collect::<Result<Vec<_>>>()?;
        match found.iter_mut().find(|(k, _)| *k == key) {
            Some((_, members)) => members.push(n),
            None => found.push((key, vec![n])),
        }
    }
    Ok(found.into_iter().map(|p| p.1).collect())
}

struct Partition<'a> {
    call: &'a WindowCall,
    /// Numbers of the rows, in order.
    members: Vec<usize>,
    /// Values of the order expressions, and the arguments, in the same order.
    order: Vec<Vec<Value>>,
    arguments: Vec<Vec<Value>>,
}

impl<'a> Partition<'a> {
    fn new(call: &'a WindowCall, key: &[usize], rows: &[Vec<Value>], members: Vec<usize>) -> Result<Self> {
        let mut sorted = Vec::new();
        for n in members {
            let order = call.order.iter().map(|k| eval(&k.expr, &rows[n])).collect::<Result<Vec<_>>>()?;
            let key: Vec<Value> = key.iter().map(|&c| rows[n][c].clone()).collect();
            sorted.push((order, key, n));
        }
        sorted.sort_by(|a, b| compare_order(&call.order, &a.0, &b.0).then_with(|| compare_keys((&a.0, &a.1), (&b.0, &b.1))));
        let members: Vec<usize> = sorted.iter().map(|s| s.2).collect();
        let arguments = members.iter().map(|&n| call.arguments.iter().map(|a| eval(a, &rows[n])).collect());
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        Ok(Partition { call, members, order: sorted.into_iter().map(|s| s.0).collect(), arguments })
    }

    fn values(&self) -> Result<Vec<(usize, Value)>> {
        (0..self.members.len()).map(|at| Ok((self.members[at], self.value(at)?))).collect()
    }

    fn are_peers(&self, a: usize, b: usize) -> bool {
        compare_order(&self.call.order, &self.order[a], &self.order[b]).is_eq()
    }

    /// Number of the group of peers of a row.
    fn group(&self, at: usize) -> usize {
        (1..=at).filter(|&i| !self.are_peers(i - 1, i)).count()
    }

    fn value(&self, at: usize) -> Result<Value> {
        use WindowFunction as W;
        let rows = self.members.len();
        let first_peer = (0..rows).find(|&i| self.are_peers(i, at)).expect("a row is its own peer");
        let behind_peers = (0..rows).rfind(|&i| self.are_peers(i, at)).expect("a row is its own peer") + 1;
        let frame = || self.frame(at);
        let argument = |i: Option<&usize>| i.map_or(Value::Null, |&i| self.arguments[i][0].clone());
        let int = |n: usize| Value::Int(n as i64);
        Ok(match self.call.function {
            W::RowNumber => int(at + 1),
            W::Rank => int(first_peer + 1),
            W::DenseRank => int(self.group(at) + 1),
            W::PercentRank if rows == 1 => Value::Float(0.0),
            W::PercentRank => Value::Float(first_peer as f64 / (rows - 1) as f64),
            W::CumeDist => Value::Float(behind_peers as f64 / rows as f64),
            W::Ntile(None) | W::Shift(None) | W::Nth(None) => Value::Null,
            W::Ntile(Some(buckets)) => {
                let mut number = 0;
                let mut left = 0;
                for _ in 0..=at {
                    if left == 0 {
                        let larger = number < rows as i64 % buckets;
                        left = rows as i64 / buckets + i64::from(larger);
                        number += 1;
                    }
                    left -= 1;
                }
                Value::Int(number)
            }
            W::Shift(Some(by)) => {
                let from = i128::from(by) + at as i128;
                match usize::try_from(from).ok().filter(|&i| i < rows) {
                    Some(i) => self.arguments[i][0].clone(),
                    None => self.arguments[at].get(1).cloned().unwrap_or(Value::Null),
                }
            }
            W::First => argument(frame().first()),
            W::Last => argument(frame().last()),
            W::Nth(Some(n)) => argument(frame().get(n as usize - 1)),
            W::Count if self.call.arguments.is_empty() => int(frame().len()),
            W::Count => self.aggregate(AggregateFunction::Count, &frame())?,
            W::Sum => self.aggregate(AggregateFunction::Sum, &frame())?,
            W::Avg => self.aggregate(AggregateFunction::Avg, &frame())?,
            W::Min => self.aggregate(AggregateFunction::Min, &frame())?,
            W::Max => self.aggregate(AggregateFunction::Max, &frame())?,
        })
    }

    fn aggregate(&self, function: AggregateFunction, frame: &[usize]) -> Result<Value> {
        let call = AggregateCall::new(function, Some(Expr::Column(0)), self.call.ty);
        aggregated(&call, &frame.iter().map(|&i| &self.arguments[i]).collect::<Vec<_>>())
    }

    /// Places of the rows of the frame of a row.
    fn frame(&self, at: usize) -> Vec<usize> {
        let Frame { unit, start, end, exclude } = &self.call.frame;
        let inside = |i: &usize| match unit {
            FrameUnit::Rows => counted(start, *i, at).is_ge() && counted(end, *i, at).is_le(),
            FrameUnit::Groups => {
                let (i, at) = (self.group(*i), self.group(at));
                counted(start, i, at).is_ge() && counted(end, i, at).is_le()
            }
            FrameUnit::Range => self.is_from(start, *i, at) && self.is_until(end, *i, at),
        };
        let left_out = |i: &usize| match exclude {
            Exclude::NoOthers => false,
            Exclude::Current => *i == at,
            Exclude::Group => self.are_peers(*i, at),
            Exclude::Ties => *i != at && self.are_peers(*i, at),
        };
        (0..self.members.len()).filter(inside).filter(|i| !left_out(i)).collect()
    }

    fn is_from(&self, start: &Bound, row: usize, at: usize) -> bool {
        let (sort, order) = (&self.call.order[..], &self.order);
        match start {
            Bound::Unbounded => true,
            Bound::Current => compare_order(sort, &order[row], &order[at]).is_ge(),
            bound => from_current(bound, &sort[0], &order[row][0], &order[at][0]).is_ge(),
        }
    }

    fn is_until(&self, end: &Bound, row: usize, at: usize) -> bool {
        let (sort, order) = (&self.call.order[..], &self.order);
        match end {
            Bound::Unbounded => true,
            Bound::Current => compare_order(sort, &order[row], &order[at]).is_le(),
            bound => from_current(bound, &sort[0], &order[row][0], &order[at][0]).is_le(),
        }
    }
}

/// Order of a place, of rows or groups, beside an end of the frame of a place.
fn counted(bound: &Bound, place: usize, current: usize) -> Ordering {
    let by = |offset: &Value| if let Value::Int(n) = offset { i128::from(*n) } else { panic!("{offset:?} rows") };
    let edge = match bound {
        Bound::Unbounded => return Ordering::Equal,
        Bound::Current => current as i128,
        Bound::Preceding(n) => current as i128 - by(n),
        Bound::Following(n) => current as i128 + by(n),
    };
    (place as i128).cmp(&edge)
}

/// Order of a value beside the current value moved by an offset, in the direction of the sort key.
fn from_current(bound: &Bound, key: &SortKey, value: &Value, current: &Value) -> Ordering {
    if value.is_null() || current.is_null() {
        return compare_order(std::slice::from_ref(key), std::slice::from_ref(value), std::slice::from_ref(current));
    }
    let (offset, back) = match bound {
        Bound::Preceding(v) => (v, !key.desc),
        Bound::Following(v) => (v, key.desc),
        other => panic!("{other:?} has no offset"),
    };
    let ascending = match (value, current, offset) {
        (Value::Int(v), Value::Int(c), Value::Int(o)) | (Value::Timestamp(v), Value::Timestamp(c), Value::Int(o)) => {
            let (c, o) = (i128::from(*c), i128::from(*o));
            i128::from(*v).cmp(&if back { c - o } else { c + o })
        }
        (Value::Float(v), Value::Float(c), Value::Float(o)) => {
            let edge = if back { c - o } else { c + o };
            match (v.is_nan(), c.is_nan()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                // An infinite distance from infinity: PostgreSQL takes everything to be within.
                (false, false) if edge.is_nan() => Ordering::Equal,
                (false, false) => v.partial_cmp(&edge).expect("both are numbers"),
            }
        }
        (_, _, Value::Interval(_)) => span::from_moved(value, current, offset, back),
        (Value::Decimal(_), Value::Decimal(_), Value::Decimal(_)) => decimal::from_moved(value, current, offset, back),
        other => panic!("no distance between {other:?}"),
    };
    if key.desc { ascending.reverse() } else { ascending }
}
