//! The rows of a sub-query: planned by themselves and tied to the row outside by keys, or for all tuples of what they read outside.

use super::ties::{Ties, ties};
use super::{all, is_global};
use crate::plan::{Planner, Stream};
use crate::query::{Aggregate, BoundQuery, Expr, QueryExpr, QueryExprKind, Select};

/// A planned sub-query.
pub struct Inner {
    /// Its rows, before select.
    pub stream: Stream,
    /// The query with select over the stream's columns.
    pub query: BoundQuery,
    /// What must be equal of a row outside and a row of the stream.
    pub(super) keys: Vec<(Expr, Expr)>,
    /// Whether nulls in the keys equal each other.
    pub(super) nulls_equal: bool,
    /// What else must hold, over the stream's columns and what is outer.
    pub(super) residual: Option<Expr>,
}

impl Planner<'_> {
    /// Plans the rows of a sub-query for a stream of rows outside.
    pub fn inner(&mut self, stream: &mut Stream, sub: &QueryExpr, per_pair: bool) -> Inner {
        let mut query = sub.query.clone();
        let cut = query.is_cut() || query.limit_by.is_some();
        if !cut {
            query.order.clear();
        }
        if sub.kind == QueryExprKind::Exists && !is_global(&query) {
            query.select = Select::All;
            if !cut {
                query.windows.clear();
            }
            // A grouping by nothing has a row without any.
            query.aggregate = query.aggregate.filter(|a| cut || a.is_global() || !a.sets.is_empty() || a.having.is_some());
        }
        match ties(&query, sub, per_pair && !cut && query.windows.is_empty()) {
            Some(ties) => self.tied(query, ties),
            None => self.untied(stream, query, sub),
        }
    }

    /// A sub-query that is planned by itself, tied to what is outside by keys and conditions.
    fn tied(&mut self, mut query: BoundQuery, ties: Ties) -> Inner {
        let Ties { own, mut keys, residual } = ties;
        query.filter = all(own);
        if query.aggregate.is_some() {
            let new = keys.len();
            query.for_each_output(&mut |e| *e = e.map_columns(&|c| c + new));
            query.key.iter_mut().for_each(|c| *c += new);
        }
        if let Some(aggregate) = &mut query.aggregate {
            group_each(aggregate, keys.iter().map(|k| k.1.clone()));
            keys.iter_mut().enumerate().for_each(|(i, k)| k.1 = Expr::Column(i));
        }
        let by: Vec<Expr> = keys.iter().map(|k| k.1.clone()).collect();
        let stream = self.scope_of_each(&mut query, &by, None);
        Inner { stream, query, keys, nulls_equal: false, residual: all(residual) }
    }

    /// A sub-query evaluated for all tuples of what it reads outside: these are the first columns of its stream.
    fn untied(&mut self, stream: &mut Stream, mut query: BoundQuery, sub: &QueryExpr) -> Inner {
        let columns = self.columns(stream, &sub.outer);
        let tuples = Aggregate::new(columns.iter().map(|&c| Expr::Column(c)).collect(), Vec::new());
        let tuples = self.group(stream.clone(), &tuples, None);
        let new = columns.len();
        let shift = |e: &mut Expr| {
            *e = e.replaced(&mut |e| match e {
                Expr::Column(c) => Some(Expr::Column(c + new)),
                Expr::Outer(k, _) => Some(Expr::Column(*k)),
                _ => None,
            });
        };
        let own: Vec<Option<Expr>> = query.joins.iter().map(|j| j.own_filter.clone()).collect();
        query.for_each_expr(&mut |e| shift(e));
        // These are over the columns of their table alone.
        query.joins.iter_mut().zip(own).for_each(|(join, own)| join.own_filter = own);
        if let Some(aggregate) = &mut query.aggregate {
            group_each(aggregate, (0..new).map(Expr::Column));
        }
        query.key.iter_mut().for_each(|c| *c += new);
        let by: Vec<Expr> = (0..new).map(Expr::Column).collect();
        let found = self.scope_of_each(&mut query, &by, Some(&tuples));
        let keys = columns.into_iter().enumerate().map(|(i, c)| (Expr::Column(c), Expr::Column(i))).collect();
        Inner { stream: found, query, keys, nulls_equal: true, residual: None }
    }

    /// The rows of a query for each row outside, `by` what is equal of that one: a part of these if the query is cut. Its windows
    /// and groups are among the rows of one.
    fn scope_of_each(&mut self, query: &mut BoundQuery, by: &[Expr], context: Option<&Stream>) -> Stream {
        let parts = query.limit_by.iter_mut().map(|part| &mut part.by).chain(query.windows.iter_mut().map(|w| &mut w.partition));
        parts.for_each(|part| drop(part.splice(0..0, by.iter().cloned())));
        let stream = self.scope(query, context);
        if query.is_cut() { self.first_of_each(query, by, false, stream) } else { stream }
    }
}

/// What is equal of the row outside comes before the groups of every grouping.
fn group_each(aggregate: &mut Aggregate, by: impl ExactSizeIterator<Item = Expr>) {
    let new = by.len();
    aggregate.groups.splice(0..0, by);
    for set in &mut aggregate.sets {
        *set = (0..new).chain(set.iter().map(|g| g + new)).collect();
    }
}
