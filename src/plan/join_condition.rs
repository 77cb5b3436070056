//! Joins whose conditions hold sub-queries.
//!
//! A sub-query that reads rows of one side only becomes columns of that side before the join, and the condition reads these:
//! so it is with any kind of join, and a change of the sub-query is one of the rows that it concerns. Where one reads both
//! sides, the pairs for which the condition holds are made first, as an inner join and a filter; the rows that an outer join
//! keeps are then joined to their pairs by what they hold.

use super::subquery::all;
use super::{Planner, Stream};
use crate::query::{Expr, JoinKind};
use crate::value::{Type, Value};

const TRUE: Expr = Expr::Literal(Value::Bool(true));

impl Planner<'_> {
    /// Joins two streams on a condition over the columns of both that may hold sub-queries.
    pub(super) fn join_asking(&mut self, left: &Stream, right: &Stream, kind: JoinKind, on: &Expr) -> Stream {
        let split = left.columns.len();
        let mut subs: [Vec<Expr>; 2] = [Vec::new(), Vec::new()];
        let mut of_pairs = false;
        let _ = on.replaced(&mut |e| {
            if let Expr::Sub(_) = e {
                let read = e.columns();
                let is_right = read.iter().any(|c| *c >= split);
                of_pairs |= is_right && read.iter().any(|c| *c < split);
                subs[usize::from(is_right)].push(e.clone());
                return Some(TRUE);
            }
            None
        });
        if of_pairs {
            return self.join_pairs(left, right, kind, on);
        }
        if subs.iter().all(Vec::is_empty) {
            return self.join(left, right, kind, on);
        }
        let [mut of_left, mut of_right] = subs.clone();
        of_right.iter_mut().for_each(|e| *e = e.map_columns(&|c| c - split));
        let more_left = self.lower(left.clone(), of_left.iter_mut());
        let more_right = self.lower(right.clone(), of_right.iter_mut());
        let width = more_left.columns.len();
        of_right.iter_mut().for_each(|e| *e = e.map_columns(&|c| c + width));
        let values: Vec<(&Expr, &Expr)> = subs[0].iter().zip(&of_left).chain(subs[1].iter().zip(&of_right)).collect();
        let on = on.replaced(&mut |e| match e {
            Expr::Sub(_) => values.iter().find(|v| v.0 == e).map(|v| v.1.clone()),
            Expr::Column(c) if *c >= split => Some(Expr::Column(c - split + width)),
            _ => None,
        });
        let joined = self.join(&more_left, &more_right, kind, &on);
        let columns = [&joined.columns[..split], &joined.columns[width..width + right.columns.len()]].concat();
        Stream { columns, ..joined }
    }

    /// Joins two streams on a condition that is asked of their pairs.
    fn join_pairs(&mut self, left: &Stream, right: &Stream, kind: JoinKind, on: &Expr) -> Stream {
        let (split, width) = (left.columns.len(), right.columns.len());
        let (asked, found_by): (Vec<&Expr>, Vec<&Expr>) = on.conjuncts().into_iter().partition(|c| c.has_subquery());
        let [asked, found_by] = [asked, found_by].map(|all| all.into_iter().cloned().collect());
        let pairs = self.join(left, right, JoinKind::Inner, &all(found_by).unwrap_or(TRUE));
        let pairs = self.condition(pairs, all(asked).as_ref());
        let mut pairs = Stream { columns: pairs.columns[..split + width].to_vec(), ..pairs };
        let [keeps_left, keeps_right] = kind.keeps();
        let of_left: Vec<usize> = (0..split).collect();
        let mut of_right: Vec<usize> = (0..width).collect();
        let mut right = right.clone();
        if keeps_left && keeps_right {
            // Rows without a pair have nulls in its place, which are no row of the right side.
            let mark = [(TRUE, Type::Bool)];
            (pairs, right) = (self.extend(&pairs, &mark), self.extend(&right, &mark));
            of_right.push(width);
        }
        if keeps_left {
            let joined = self.join_by(left, &pairs, JoinKind::Left, [&of_left, &of_left], true);
            let columns = [&joined.columns[..split], &joined.columns[2 * split..]].concat();
            pairs = Stream { columns, ..joined };
        }
        if keeps_right {
            let kind = if keeps_left { JoinKind::Full } else { JoinKind::Right };
            let before = pairs.columns.len();
            let of_pairs: Vec<usize> = of_right.iter().map(|c| split + c).collect();
            let joined = self.join_by(&pairs, &right, kind, [&of_pairs, &of_right], true);
            let columns = [&joined.columns[..split], &joined.columns[before..before + width]].concat();
            pairs = Stream { columns, ..joined };
        }
        Stream { columns: pairs.columns[..split + width].to_vec(), ..pairs }
    }
}
