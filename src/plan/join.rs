//! Joins of streams: what becomes the key, what an order is sought by, and what is asked of each pair.

use super::subquery::{all, cannot_fail};
use super::{Planner, Stream};
use crate::algebra::{Handle, NO_ROW};
use crate::circuit::{NodeId, Spec};
use crate::operator::{Comparison, Formula, Join, OuterJoin, Pairs, Range, SemiJoin, Side, Sought};
use crate::query::{Expr, Function, JoinKind};
use crate::trace::Path;
use crate::value::{Type, Value};

impl Planner<'_> {
    /// Joins two streams on a condition over the columns of both. Equalities of something left and something right become the
    /// key; without any, those that take nulls as equal do, or those of the parts of an `or`, of each part a key. A comparison of two
    /// columns makes a range of the order within a key. What concerns a side alone is asked before the join where that side keeps no row
    /// without a match; the rest of each pair.
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
        let mut keys = [Vec::new(), Vec::new()];
        let mut rest = Vec::new();
        for (n, e) in parts.into_iter().enumerate() {
            if add_tie(&mut keys, e, split, equal, n < sure) {
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
        let nulls_equal = !has_key && !keys[0].is_empty();
        let by = [0, 1].map(|side| self.columns(&mut sides[side], &keys[side]));
        let Tied { keys, range, residual, columns } = self.tie(&mut sides, [split, right.columns.len()], by, rest, nulls_equal);
        self.join_on(&sides[0], &sides[1], kind, &keys, range, nulls_equal, residual, None, columns)
    }

    /// By what two streams of so many columns are joined: by columns that are equal, or without any by the parts of an `or`; a range of the
    /// order within a key; and the rest of some conditions. What is no column of a side yet is computed beside its rows.
    #[inline(never)]
    fn tie(
        &mut self,
        sides: &mut [Stream; 2],
        widths: [usize; 2],
        by: [Vec<usize>; 2],
        mut conditions: Vec<Expr>,
        nulls_equal: bool,
    ) -> Tied {
        let [l, r] = sides;
        let sure = conditions.iter().all(cannot_fail);
        let or = conditions.iter().find_map(|e| alternatives(e, widths[0], sure)).filter(|_| by[0].is_empty());
        let is_any = or.is_some();
        let mut ways = vec![by];
        for key in or.unwrap_or_default() {
            ways.push([self.columns(l, &key[0]), self.columns(r, &key[1])]);
        }
        let keys: Vec<Keys> = ways[usize::from(is_any)..].iter().map(|by| [l.paths(&by[0]), r.paths(&by[1])]).collect();
        let range = match is_any {
            true => Sought::default(),
            false => self.range(&mut conditions, [l, r], &keys[0], nulls_equal, widths[0]),
        };
        let mut columns: Vec<(Path, Type)> = l.within(false).chain(r.within(true)).collect();
        // Without those that were computed for the keys.
        columns.truncate(l.columns.len() + widths[1]);
        columns.drain(widths[0]..l.columns.len());
        let residual = all(conditions).map(|e| Formula::new(&e, &|c| columns[c].0));
        Tied { keys, range, residual, columns }
    }

    /// Rows with their groups of an aggregate, by equal columns; those that have none, with one of nothing.
    pub(super) fn join_groups(&mut self, left: &Stream, groups: &Stream, by: [&[usize]; 2], nulls_equal: bool) -> Stream {
        let keys = [[left.paths(by[0]), groups.paths(by[1])]];
        let columns = left.within(false).chain(groups.within(true)).collect();
        let nothing = self.circuit.nothing(self.relations, groups.node);
        self.join_on(left, groups, JoinKind::Left, &keys, Sought::default(), nulls_equal, None, Some(nothing), columns)
    }

    #[allow(clippy::too_many_arguments)]
    fn join_on(
        &mut self,
        left: &Stream,
        right: &Stream,
        kind: JoinKind,
        keys: &[Keys],
        range: Sought,
        nulls_equal: bool,
        residual: Option<Formula>,
        nothing: Option<Handle>,
        columns: Vec<(Path, Type)>,
    ) -> Stream {
        let nodes = self.arranged([left, right], keys, &range, nulls_equal);
        let relations = [left.relation, right.relation];
        let (left, right, or) = (nodes[0], nodes[1], nodes[2..].to_vec());
        let (range_of, residual_of, counts) = (range.clone(), residual.clone(), nothing.is_some());
        let range = Range::new([&keys[0][0], &keys[0][1]], range);
        let spec = Spec::Join { left, right, kind, or, range: range_of, residual: residual_of, counts };
        let node = self.node(spec, move |all, _| {
            let output = all.add_pair(relations[0], relations[1]);
            let pairs = Pairs::new(relations, nodes, range, residual, output);
            let [keeps_left, keeps_right] = kind.keeps();
            if keeps_left && nothing.is_none() {
                all.mark_optional(output, 1);
            }
            if keeps_right {
                all.mark_optional(output, 0);
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
    fn range(&self, rest: &mut Vec<Expr>, streams: [&Stream; 2], keys: &Keys, nulls_equal: bool, split: usize) -> Sought {
        let is_unique = |side: usize| {
            let table = self.schema.tables.get_index(streams[side].relation as usize);
            table.is_some_and(|(_, t)| t.key[usize::from(t.tenant)..].iter().all(|&c| keys[side].contains(&Path::column(c))))
        };
        if nulls_equal || is_unique(0) || is_unique(1) {
            return Sought::default();
        }
        sought(rest, streams[0], streams[1], split)
    }

    /// Two streams arranged by each of some keys, left and right; in an order by which they are sought if there is one.
    fn arranged(&mut self, of: [&Stream; 2], keys: &[Keys], range: &Sought, nulls_equal: bool) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        for key in keys {
            for (side, stream) in of.into_iter().enumerate() {
                nodes.push(if range.comparisons.is_empty() {
                    self.arrange(stream, &key[side], nulls_equal)
                } else {
                    self.arrange_in_order(stream, key[side].clone(), range.sort(side, |path| stream.type_at(path)))
                });
            }
        }
        nodes
    }

    /// Joins two streams on equal columns, left and right.
    pub fn join_by(&mut self, left: &Stream, right: &Stream, kind: JoinKind, by: [&[usize]; 2], nulls_equal: bool) -> Stream {
        let keys = [[left.paths(by[0]), right.paths(by[1])]];
        let columns = left.within(false).chain(right.within(true)).collect();
        self.join_on(left, right, kind, &keys, Sought::default(), nulls_equal, None, None, columns)
    }

    /// The left rows that have a match on the right (`anti`: that have none), by equal columns and a condition over the
    /// columns of both.
    pub fn semi_join(
        &mut self,
        left: &Stream,
        right: &Stream,
        anti: bool,
        by: [Vec<usize>; 2],
        nulls_equal: bool,
        condition: Option<&Expr>,
    ) -> Stream {
        let mut sides = [left.clone(), right.clone()];
        let conditions = condition.into_iter().flat_map(Expr::conjuncts).cloned().collect();
        let widths = [left.columns.len(), right.columns.len()];
        let nulls_tie = nulls_equal && !by[0].is_empty();
        let Tied { keys, range, residual, .. } = self.tie(&mut sides, widths, by, conditions, nulls_tie);
        let [l, r] = &sides;
        let nodes = self.arranged([l, r], &keys, &range, nulls_equal);
        let passing = Stream { columns: l.columns[..widths[0]].to_vec(), ..*l };
        let sides = [0, 1].map(|side| Side { node: nodes[side], relation: sides[side].relation });
        let (range_of, residual_of, or) = (range.clone(), residual.clone(), nodes[2..].to_vec());
        let spec = Spec::SemiJoin { left: nodes[0], right: nodes[1], anti, or, range: range_of, residual: residual_of };
        let range = Range::new([&keys[0][0], &keys[0][1]], range);
        let node = self.node(spec, move |relations, _| {
            let is_by_key = range.is_none() && residual.is_none();
            let pairs = (!is_by_key).then(|| {
                let of = sides.map(|side| side.relation);
                Pairs::new(of, nodes, range, residual, relations.add_pair(of[0], of[1]))
            });
            Box::new(SemiJoin::new(sides, anti, pairs))
        });
        Stream { node, ..passing }
    }
}

/// By what two streams are joined.
struct Tied {
    /// Rows agree on one of these.
    keys: Vec<Keys>,
    range: Sought,
    residual: Option<Formula>,
    /// Those of the pairs.
    columns: Vec<(Path, Type)>,
}

/// The places of a key, left and right.
type Keys = [Vec<Path>; 2];

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

/// The keys of the parts of an `or` or an `in`, if each part says that something left and something right are equal.
fn alternatives(e: &Expr, split: usize, sure: bool) -> Option<Vec<[Vec<Expr>; 2]>> {
    let mut all = Vec::new();
    let is_one_of = matches!(e, Expr::Call(Function::Or | Function::In, _));
    (is_one_of && add_keys(&mut all, e, split, sure) && !all.is_empty()).then_some(all)
}

fn add_keys(all: &mut Vec<[Vec<Expr>; 2]>, e: &Expr, split: usize, sure: bool) -> bool {
    match e {
        Expr::Call(Function::Or, parts) => !parts.is_empty() && parts.iter().all(|part| add_keys(all, part, split, sure)),
        Expr::Call(Function::In, of) => of[1..].iter().all(|to| {
            let equality = Expr::Call(Function::Eq, vec![of[0].clone(), to.clone()]);
            add_keys(all, &equality, split, sure)
        }),
        part => {
            let mut keys = [Vec::new(), Vec::new()];
            let mut found = false;
            part.conjuncts().into_iter().for_each(|e| found |= add_tie(&mut keys, e, split, Function::Eq, sure));
            all.push(keys);
            found
        }
    }
}

/// Adds to a key what a condition says is equal of both sides, each over its own columns. Whether it says that.
fn add_tie(keys: &mut [Vec<Expr>; 2], e: &Expr, split: usize, equal: Function, sure: bool) -> bool {
    let Some(of) = tie(e, split, equal, sure) else { return false };
    (0..2).for_each(|side| keys[side].push(shifted(of[side], side * split)));
    true
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
