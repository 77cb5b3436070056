//! Joins of streams: what becomes the key, what an order is sought by, and what is asked of each pair.

use super::subquery::{all, cannot_fail};
use super::{Planner, Stream};
use crate::algebra::{Handle, NO_ROW};
use crate::circuit::Spec;
use crate::operator::{Comparison, Formula, Join, OuterJoin, Pairs, Range, SemiJoin, Side, Sought};
use crate::query::{Expr, Function, JoinKind};
use crate::trace::Path;
use crate::value::{Type, Value};

impl Planner<'_> {
    /// Joins two streams on a condition over the columns of both. Equalities of something left and something right become the
    /// key; without any, those that take nulls as equal do. A comparison of two columns makes a range of the order within
    /// a key. What concerns a side alone is asked before the join where that side keeps no row without a match; the rest of each pair.
    pub fn join(&mut self, left: &Stream, right: &Stream, kind: JoinKind, on: &Expr) -> Stream {
        if on.has_param() {
            return self.join_with_params(left, right, kind, on);
        }
        let split = left.columns.len();
        let parts = on.conjuncts();
        // What may fail, and what comes after it, stays where it is: an error must not depend on the plan.
        let sure = parts.iter().position(|e| !cannot_fail(e)).unwrap_or(parts.len());
        let has_key = parts.iter().enumerate().any(|(n, e)| tie(e, split, Function::Eq, n < sure).is_some());
        let equal = if has_key { Function::Eq } else { Function::IsNotDistinct };
        let mut sides = [left.clone(), right.clone()];
        let mut keys: [Vec<Expr>; 2] = [Vec::new(), Vec::new()];
        let mut rest = Vec::new();
        for (n, e) in parts.into_iter().enumerate() {
            if let Some(of) = tie(e, split, equal, n < sure) {
                (0..2).for_each(|side| keys[side].push(shifted(of[side], side * split)));
                continue;
            }
            match side(e, split) {
                Some(of) if n < sure && !kind.keeps()[of] => {
                    sides[of] = self.filter(sides[of].clone(), Some(&shifted(e, of * split)));
                }
                _ if matches!(e, Expr::Literal(Value::Bool(true))) => {}
                _ => rest.push(e.clone()),
            }
        }
        let [l, r] = &mut sides;
        let (of_left, of_right) = (self.columns(l, &keys[0]), self.columns(r, &keys[1]));
        let by: Vec<(usize, usize)> = of_left.into_iter().zip(of_right).collect();
        let nulls_equal = !has_key && !by.is_empty();
        let (left_key, right_key) = paths(l, r, &by);
        let range = self.range(&mut rest, [l, r], [&left_key, &right_key], nulls_equal, split);
        let mut columns: Vec<(Path, Type)> = l.within(false).chain(r.within(true)).collect();
        // Without those that were computed for the key.
        columns.truncate(l.columns.len() + right.columns.len());
        columns.drain(split..l.columns.len());
        let residual = all(rest).map(|e| Formula::new(&e, &|c| columns[c].0));
        self.join_on(l, r, kind, [&left_key, &right_key], range, nulls_equal, residual, None, columns)
    }

    /// Rows with their groups of an aggregate, by equal columns; those that have none, with one of nothing.
    pub(super) fn join_groups(&mut self, left: &Stream, groups: &Stream, by: &[(usize, usize)], nulls_equal: bool) -> Stream {
        let (l, r) = paths(left, groups, by);
        let columns = left.within(false).chain(groups.within(true)).collect();
        let nothing = self.circuit.nothing(self.relations, groups.node);
        self.join_on(left, groups, JoinKind::Left, [&l, &r], Sought::default(), nulls_equal, None, Some(nothing), columns)
    }

    #[allow(clippy::too_many_arguments)]
    fn join_on(
        &mut self,
        left: &Stream,
        right: &Stream,
        kind: JoinKind,
        keys: [&[Path]; 2],
        range: Sought,
        nulls_equal: bool,
        residual: Option<Formula>,
        nothing: Option<Handle>,
        columns: Vec<(Path, Type)>,
    ) -> Stream {
        let [l, r] = self.sides([left, right], keys, &range, nulls_equal);
        let (range_of, residual_of, counts) = (range.clone(), residual.clone(), nothing.is_some());
        let range = Range::new(keys, range);
        let spec = Spec::Join { left: l.node, right: r.node, kind, range: range_of, residual: residual_of, counts };
        let node = self.node(spec, move |relations, _| {
            let output = relations.add_pair(l.relation, r.relation);
            let pairs = Pairs::new([l, r], range, residual, output);
            let [keeps_left, keeps_right] = kind.keeps();
            if keeps_left && nothing.is_none() {
                relations.mark_optional(output, 1);
            }
            if keeps_right {
                relations.mark_optional(output, 0);
            }
            if kind == JoinKind::Inner {
                return Box::new(Join::new(pairs));
            }
            Box::new(OuterJoin::new(pairs, kind.keeps()).or_else(nothing.unwrap_or(NO_ROW)))
        });
        Stream { node, relation: self.output(node), columns }
    }

    /// The comparison by which partners are sought within a key, taken out of the conditions. None is worth an order within each key where a
    /// row of one side has one partner at most, as then few rows share a key, mostly, and a hash table is smaller and quicker.
    fn range(&self, rest: &mut Vec<Expr>, streams: [&Stream; 2], keys: [&[Path]; 2], nulls_equal: bool, split: usize) -> Sought {
        let is_unique = |side: usize| {
            let table = self.schema.tables.get_index(streams[side].relation as usize);
            table.is_some_and(|(_, t)| t.key[usize::from(t.tenant)..].iter().all(|&c| keys[side].contains(&Path::column(c))))
        };
        if nulls_equal || is_unique(0) || is_unique(1) {
            return Sought::default();
        }
        sought(rest, streams[0], streams[1], split)
    }

    /// Two streams arranged by their keys, in an order by which they are sought if there is one.
    fn sides(&mut self, streams: [&Stream; 2], keys: [&[Path]; 2], range: &Sought, nulls_equal: bool) -> [Side; 2] {
        [0, 1].map(|side| {
            let (stream, key) = (streams[side], keys[side]);
            let node = if range.comparisons.is_empty() {
                self.arrange(stream, key, nulls_equal)
            } else {
                self.arrange_in_order(stream, key.to_vec(), range.sort(side, |path| stream.type_at(path)))
            };
            Side { node, relation: stream.relation }
        })
    }

    /// Joins two streams on equal columns, in pairs of left and right.
    pub fn join_by(&mut self, left: &Stream, right: &Stream, kind: JoinKind, by: &[(usize, usize)], nulls_equal: bool) -> Stream {
        let (l, r) = paths(left, right, by);
        let columns = left.within(false).chain(right.within(true)).collect();
        self.join_on(left, right, kind, [&l, &r], Sought::default(), nulls_equal, None, None, columns)
    }

    /// The left rows that have a match on the right (`anti`: that have none), by equal columns and a condition over the
    /// columns of both.
    pub fn semi_join(
        &mut self,
        left: &Stream,
        right: &Stream,
        anti: bool,
        by: &[(usize, usize)],
        nulls_equal: bool,
        condition: Option<&Expr>,
    ) -> Stream {
        let (l, r) = paths(left, right, by);
        let columns: Vec<(Path, Type)> = left.within(false).chain(right.within(true)).collect();
        let mut rest: Vec<Expr> = condition.into_iter().flat_map(Expr::conjuncts).cloned().collect();
        let range = self.range(&mut rest, [left, right], [&l, &r], nulls_equal && !by.is_empty(), left.columns.len());
        let residual = all(rest).map(|e| Formula::new(&e, &|c| columns[c].0));
        let sides = self.sides([left, right], [&l, &r], &range, nulls_equal);
        let [left_node, right_node] = sides.map(|s| s.node);
        let spec = Spec::SemiJoin { left: left_node, right: right_node, anti, range: range.clone(), residual: residual.clone() };
        let range = Range::new([&l, &r], range);
        let node = self.node(spec, move |relations, _| {
            let is_by_key = range.is_none() && residual.is_none();
            let pairs = (!is_by_key).then(|| {
                let output = relations.add_pair(sides[0].relation, sides[1].relation);
                Pairs::new(sides, range, residual, output)
            });
            Box::new(SemiJoin::new(sides, anti, pairs))
        });
        Stream { node, ..left.clone() }
    }
}

/// The places of pairs of columns.
fn paths(left: &Stream, right: &Stream, by: &[(usize, usize)]) -> (Vec<Path>, Vec<Path>) {
    by.iter().map(|&(l, r)| (left.columns[l].0, right.columns[r].0)).unzip()
}

/// The side of a join whose columns alone an expression reads.
fn side(e: &Expr, split: usize) -> Option<usize> {
    let read = e.columns();
    let is_right = *read.first()? >= split;
    read.iter().all(|c| (*c >= split) == is_right).then_some(usize::from(is_right))
}

/// Over the columns behind so many.
fn shifted(e: &Expr, by: usize) -> Expr {
    e.map_columns(&|c| c - by)
}

/// What is equal of a left and a right row: columns, or what may be computed before.
fn tie(e: &Expr, split: usize, equal: Function, sure: bool) -> Option<[&Expr; 2]> {
    let Expr::Call(function, args) = e else { return None };
    let plain = equal == Function::Eq && matches!(args[..], [Expr::Column(_), Expr::Column(_)]);
    if *function != equal || !(sure || plain) {
        return None;
    }
    let [a, b] = [&args[0], &args[1]];
    match (side(a, split)?, side(b, split)?) {
        (0, 1) => Some([a, b]),
        (1, 0) => Some([b, a]),
        _ => None,
    }
}

/// The comparisons of a left with a right column among conditions. One that makes an order is left out of these; the others may
/// hold for one side's order only, or for none.
fn sought(conditions: &mut Vec<Expr>, left: &Stream, right: &Stream, split: usize) -> Sought {
    let found = conditions.iter().enumerate().filter_map(|(n, e)| Some((n, comparison(e, left, right, split)?)));
    let (places, mut comparisons): (Vec<usize>, Vec<Comparison>) = found.unzip();
    let from_below = |c: &Comparison| matches!(c.1, Function::Lt | Function::Le);
    let ty = |c: &Comparison| (left.type_at(c.0), right.type_at(c.2));
    let is_pair = |a: &Comparison, b: &Comparison| {
        let ((of_left, of_right), is_interval) = (ty(a), a.0 != b.0 || a.2 != b.2);
        is_interval && from_below(a) != from_below(b) && of_left == of_right && ty(a) == ty(b)
    };
    let pair = (1..comparisons.len()).find_map(|b| (0..b).find(|&a| is_pair(&comparisons[a], &comparisons[b])).map(|a| (a, b)));
    match pair {
        Some((a, b)) => {
            comparisons.swap(0, a);
            comparisons.swap(1, b);
        }
        None => places.first().into_iter().for_each(|&first| drop(conditions.remove(first))),
    }
    Sought { comparisons, overlap: pair.is_some() }
}

/// A comparison of a left with a right column, read from the left; the columns of a condition are so many of the left stream and
/// those of the right one.
fn comparison(e: &Expr, left: &Stream, right: &Stream, split: usize) -> Option<Comparison> {
    let Expr::Call(function, args) = e else { return None };
    let [Expr::Column(a), Expr::Column(b)] = args[..] else { return None };
    let turned = match function {
        Function::Lt => Function::Gt,
        Function::Le => Function::Ge,
        Function::Gt => Function::Lt,
        Function::Ge => Function::Le,
        _ => return None,
    };
    match (a < split, b < split) {
        (true, false) => Some((left.columns[a].0, *function, right.columns[b - split].0)),
        (false, true) => Some((left.columns[b].0, turned, right.columns[a - split].0)),
        _ => None,
    }
}
