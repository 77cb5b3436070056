//! Associations as streams: the rows that owners are led to, and columns of owners that are aggregates over these.

use super::{Planner, Stream};
use crate::query::{Aggregate, AggregateFunction, BoundQuery, Computed, Expr, Function, Hop, JoinKind, type_of};
use crate::trace::Path;
use crate::value::{Type, Value};

impl Planner<'_> {
    /// Where an association's rows are: a stream of its target's columns, computed ones behind them, and the columns that
    /// refer to the owner. `query` confines the target.
    pub(super) fn association(&mut self, hops: &[Hop], query: Option<&BoundQuery>) -> (Stream, Vec<usize>) {
        let last = hops.len() - 1;
        let first = &hops[0];
        let mut stream = self.table(first.table);
        stream = self.filter(stream, first.filter.as_ref());
        if last == 0 {
            return (self.confined(stream, query), first.right.clone());
        }
        let mut key: Vec<(Path, Type)> = first.right.iter().map(|&c| stream.columns[c]).collect();
        let mut before = stream.columns.len();
        let mut target = stream.clone();
        for (i, hop) in hops.iter().enumerate().skip(1) {
            target = self.table(hop.table);
            target = self.filter(target, hop.filter.as_ref());
            if i == last {
                target = self.confined(target, query);
            }
            let width = stream.columns.len();
            let on = equal(hop.left.iter().map(|l| width - before + l), hop.right.iter().map(|r| width + r));
            stream = self.join(&stream, &target, JoinKind::Inner, &on);
            key.iter_mut().for_each(|k| k.0 = k.0.within(false));
            before = target.columns.len();
        }
        let link = self.link(&stream, &key, &target);
        let refer = (target.columns.len()..link.columns.len()).collect();
        (link, refer)
    }

    fn confined(&mut self, target: Stream, query: Option<&BoundQuery>) -> Stream {
        let Some(query) = query else { return target };
        let target = self.computed(target, &query.computed);
        self.condition(target, query.filter.as_ref())
    }

    /// The rows of a table with computed columns behind their own: a left join per association, and its groups.
    pub(super) fn computed(&mut self, owners: Stream, computed: &[Computed]) -> Stream {
        let own = owners.columns.len();
        // Places of the values in the stream, by column.
        let mut places: Vec<usize> = vec![0; computed.len()];
        let mut stream = owners;
        for (i, column) in computed.iter().enumerate() {
            let same = |c: &Computed| c.hops == column.hops;
            if computed[..i].iter().any(same) {
                continue;
            }
            // One grouping for all columns of an association.
            let together: Vec<usize> = (i..computed.len()).filter(|&k| same(&computed[k])).collect();
            let (targets, refer) = self.association(&column.hops, None);
            let types: Vec<Type> = targets.columns.iter().map(|c| c.1).collect();
            let groups: Vec<Expr> = refer.iter().map(|&c| Expr::Column(c)).collect();
            let group_types: Vec<Type> = groups.iter().filter_map(|g| type_of(g, &types)).collect();
            let calls = together.iter().map(|&k| computed[k].call.clone()).collect();
            let groups = self.aggregate(targets, &Aggregate { groups, calls, having: None }, &group_types);
            let width = stream.columns.len();
            let left = &column.hops[0].left;
            let on = equal(left.iter().copied(), (0..left.len()).map(|r| width + r));
            stream = self.join(&stream, &groups, JoinKind::Left, &on);
            for (n, k) in together.into_iter().enumerate() {
                places[k] = width + left.len() + n;
            }
        }
        // Without targets there is no group: a count is 0 then.
        let is_count = |c: &Computed| c.call.function == AggregateFunction::Count;
        let counts = computed.iter().zip(&places).filter(|(c, _)| is_count(c));
        let count = |(_, &p): (_, &usize)| Expr::Call(Function::Coalesce, vec![Expr::Column(p), Expr::Literal(Value::Int(0))]);
        let counts: Vec<(Expr, Type)> = counts.map(count).map(|e| (e, Type::Int)).collect();
        let mut width = stream.columns.len();
        if !counts.is_empty() {
            stream = self.extend(&stream, &counts);
        }
        let mut columns = stream.columns[..own].to_vec();
        for (column, place) in computed.iter().zip(places) {
            let at = if is_count(column) { width } else { place };
            width += usize::from(is_count(column));
            columns.push(stream.columns[at]);
        }
        Stream { columns, ..stream }
    }
}

/// Steps that the computed columns of a query nest its rows by, at most.
pub(super) fn computed_steps(query: &BoundQuery) -> usize {
    if query.computed.is_empty() { 0 } else { query.computed.len() + 1 }
}

/// That the columns of two lists are equal in pairs.
fn equal(left: impl Iterator<Item = usize>, right: impl Iterator<Item = usize>) -> Expr {
    let pair = |(l, r)| Expr::Call(Function::Eq, vec![Expr::Column(l), Expr::Column(r)]);
    Expr::Call(Function::And, left.zip(right).map(pair).collect())
}
