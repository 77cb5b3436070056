//! Associations as streams: the rows that owners are led to, and columns of owners that are aggregates over these.

use super::{Planner, Stream};
use crate::query::{Aggregate, BoundQuery, Computed, Expr, Function, Hop, JoinKind, Nested, type_of};
use crate::trace::Path;
use crate::value::Type;

impl Planner<'_> {
    /// Where an association's rows are: a stream of its target's columns, computed ones behind them, and the columns that
    /// refer to the owner.
    fn targets(&mut self, hops: &[Hop]) -> (Stream, Vec<usize>) {
        let last = &hops[hops.len() - 1];
        let end = self.end(last, None);
        let (stream, refer, _) = self.links(hops, end, last.right.clone(), false);
        (stream, refer)
    }

    /// Where the rows of a nested list are, its query's condition applied, and what refers to the owner.
    pub(super) fn nested(&mut self, nested: &Nested) -> (Stream, Refer) {
        if nested.keeps_duplicates {
            return self.kept(nested);
        }
        let last = &nested.hops[nested.hops.len() - 1];
        let end = self.end(last, Some(&nested.query));
        let (stream, refer, number) = self.links(&nested.hops, end, last.right.clone(), nested.arrival);
        let owner = stream.paths(&refer);
        (stream, Refer { owner, number, ties: Vec::new() })
    }

    /// Targets once per row of the join table: the join itself.
    fn kept(&mut self, nested: &Nested) -> (Stream, Refer) {
        let [first, last] = &nested.hops[..] else { unreachable!("a manyToMany has two hops") };
        let join = self.table(first.table);
        let join = self.filter(join, first.filter.as_ref());
        let target = self.end(last, Some(&nested.query));
        let width = join.columns.len();
        let on = equal(last.left.iter().copied(), last.right.iter().map(|r| width + r));
        let mut stream = self.join(&join, &target, JoinKind::Inner, &on);
        let number = number_of(first, &join).filter(|_| nested.arrival).map(|n| n.within(false));
        let owner = stream.paths(&first.right);
        let ties = self.schema.by_id(first.table).key.iter().map(|&c| stream.columns[c]).collect();
        stream.columns.rotate_left(width);
        (stream, Refer { owner, number, ties })
    }

    /// Distinct links of a chain to the rows of a stream, which columns of it match; what refers to the owner; the number of arrival.
    pub(super) fn links(
        &mut self,
        hops: &[Hop],
        end: Stream,
        matched: Vec<usize>,
        numbered: bool,
    ) -> (Stream, Vec<usize>, Option<Path>) {
        let last = hops.len() - 1;
        let first = &hops[0];
        let number = |hop: &Hop, of: &Stream| number_of(hop, of).filter(|_| numbered);
        if last == 0 {
            let number = number(first, &end);
            return (end, matched, number);
        }
        let mut stream = self.table(first.table);
        stream = self.filter(stream, first.filter.as_ref());
        let mut numbers: Vec<Path> = number(first, &stream).into_iter().collect();
        let mut key: Vec<(Path, Type)> = first.right.iter().map(|&c| stream.columns[c]).collect();
        let mut before = stream.columns.len();
        let mut target = stream.clone();
        for (i, hop) in hops.iter().enumerate().skip(1) {
            target = if i == last { end.clone() } else { self.end(hop, None) };
            let right = if i == last { &matched } else { &hop.right };
            let width = stream.columns.len();
            let on = equal(hop.left.iter().map(|l| width - before + l), right.iter().map(|r| width + r));
            stream = self.join(&stream, &target, JoinKind::Inner, &on);
            key.iter_mut().for_each(|k| k.0 = k.0.within(false));
            numbers.iter_mut().for_each(|n| *n = n.within(false));
            numbers.extend(number(hop, &target).map(|n| n.within(true)));
            before = target.columns.len();
        }
        let link = self.link(&stream, &key, &target, &numbers);
        let refer = (target.columns.len()..link.columns.len()).collect();
        // A link has one number, its own.
        let number = (!numbers.is_empty()).then(|| Path::column(0));
        (link, refer, number)
    }

    /// The rows of a hop's table that satisfy its condition, and that of the query of what it ends in.
    pub(super) fn end(&mut self, hop: &Hop, query: Option<&BoundQuery>) -> Stream {
        let stream = self.table(hop.table);
        let stream = self.filter(stream, hop.filter.as_ref());
        self.confined(stream, query)
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
            let (targets, refer) = self.targets(&column.hops);
            let types: Vec<Type> = targets.columns.iter().map(|c| c.1).collect();
            let groups: Vec<Expr> = refer.iter().map(|&c| Expr::Column(c)).collect();
            let group_types: Vec<Type> = groups.iter().filter_map(|g| type_of(g, &types)).collect();
            let calls = together.iter().map(|&k| computed[k].call.clone()).collect();
            let groups = self.aggregate(targets, &Aggregate::new(groups, calls), &group_types);
            let width = stream.columns.len();
            let left = &column.hops[0].left;
            let by: Vec<usize> = (0..left.len()).collect();
            // Without targets there is no group: a count is 0 then.
            stream = self.join_groups(&stream, &groups, [left, &by], false);
            for (n, k) in together.into_iter().enumerate() {
                places[k] = width + left.len() + n;
            }
        }
        let mut columns = stream.columns[..own].to_vec();
        columns.extend(places.into_iter().map(|at| stream.columns[at]));
        Stream { columns, ..stream }
    }
}

/// What the rows of a nested list have besides the columns of their query: where each is, seen from a row.
#[derive(Debug, Default)]
pub(super) struct Refer {
    /// Columns that refer to the owner.
    pub owner: Vec<Path>,
    /// The number of the row's arrival, in a list that is sorted by it.
    pub number: Option<Path>,
    /// What tells rows apart that have the same key.
    pub ties: Vec<(Path, Type)>,
}

impl Refer {
    /// As seen from pairs that have the rows as their left members, in each of so many steps.
    pub fn deeper(&mut self, steps: usize) {
        for _ in 0..steps {
            self.owner.iter_mut().for_each(|p| *p = p.within(false));
        }
        self.pass(steps);
    }

    /// The same for all but the owner's columns.
    pub fn pass(&mut self, steps: usize) {
        for path in self.number.iter_mut().chain(self.ties.iter_mut().map(|t| &mut t.0)) {
            *path = (0..steps).fold(*path, |p, _| p.within(false));
        }
    }
}

/// Where the number of a hop's row is, in a stream of such rows.
fn number_of(hop: &Hop, of: &Stream) -> Option<Path> {
    hop.arrival.map(|n| of.columns[0].0.sibling(n))
}

/// Steps that the computed columns of a query nest its rows by, at most.
pub(super) fn computed_steps(query: &BoundQuery) -> usize {
    query.computed.len()
}

/// That the columns of two lists are equal in pairs.
fn equal(left: impl Iterator<Item = usize>, right: impl Iterator<Item = usize>) -> Expr {
    let pair = |(l, r)| Expr::Call(Function::Eq, vec![Expr::Column(l), Expr::Column(r)]);
    Expr::Call(Function::And, left.zip(right).map(pair).collect())
}
