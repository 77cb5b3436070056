//! Lists of a join table's rows that show what these point at.
//!
//! A manyToMany over a table of bare pairs is such a list: which rows it has, the pairs say, and what of the targets decides
//! where they stand or whether they are there (an order's columns, a condition); the targets are only shown. So the pairs are
//! arranged, and each one in view looks its target up. A target that changes is then news for the places where it is seen, not
//! for all pairs that lead to it; one that changes in a column of the order moves in every list, and costs them all.

use super::level::{Field, FieldSource, Level, Window};
use super::{Planner, Stream};
use crate::query::{Aggregate, Expr, Function, JoinKind, Nested, Select};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::Type;

impl Planner<'_> {
    /// Whether the rows of a nested list are pairs that point at what is shown, each at another target.
    pub(super) fn only_points(&self, nested: &Nested) -> bool {
        let [first, last] = &nested.hops[..] else { return false };
        let q = &nested.query;
        let is_column = |e: &Expr| matches!(e, Expr::Column(_));
        let ordered = q.start.is_none() && !q.order.is_empty() && q.order.iter().all(|o| is_column(&o.expr));
        let plain = (nested.arrival || ordered) && !nested.keeps_duplicates && !nested.single && first.filter.is_none();
        let conditions = [&last.filter, &q.filter].into_iter().flatten().all(|e| !e.has_subquery() && !e.has_param());
        let columns = match &q.select {
            Select::All => true,
            Select::Fields(fields) => fields.iter().all(|f| is_column(&f.expr)),
        };
        let whole = columns && q.aggregate.is_none() && conditions && q.own_filter.is_none() && q.nested.is_empty();
        let bare = q.computed.is_empty() && q.windows.is_empty() && q.limit_by.is_none() && q.joins.is_empty();
        if !(plain && whole && bare && first.refers_back && !last.refers_back) {
            return false;
        }
        let (join, target) = (self.schema.by_id(first.table), self.schema.by_id(last.table));
        let refers = |c: &usize| first.right.contains(c) || last.left.contains(c);
        let is_key = |c: &usize| join.key.contains(c);
        // Each pair is there once, and points at one row.
        join.key.iter().all(refers)
            && first.right.iter().chain(&last.left).all(is_key)
            && target.key.len() == last.right.len()
            && target.key.iter().all(|c| last.right.contains(c))
    }
}

/// Adds the level of the pairs, and the hidden one of what they point at.
pub(super) fn add_pointers(planner: &mut Planner<'_>, levels: &mut Vec<Level>, nested: &Nested, parent: usize, owner: Vec<Path>) {
    let (first, last) = (&nested.hops[0], &nested.hops[1]);
    let (join, target) = (planner.table(first.table), planner.table(last.table));
    let by: Vec<(usize, usize)> = last.left.iter().copied().zip(last.right.iter().copied()).collect();
    let query = &nested.query;
    // Pairs whose target is not there yet, or does not satisfy the conditions, are not in the list.
    let there = planner.filter(target.clone(), last.filter.as_ref());
    let there = planner.filter(there, query.filter.as_ref());
    let key = &query.key;
    // The target's key, as the pair has it.
    let pointing = |c: &usize| by.iter().find(|(_, right)| right == c).map(|(left, _)| *left);
    let decides: Vec<usize> = match nested.arrival {
        true => Vec::new(),
        false => query.order.iter().filter_map(|o| if let Expr::Column(c) = o.expr { Some(c) } else { None }).collect(),
    };
    let (pairs, places) = if decides.iter().all(|c| pointing(c).is_some()) {
        let pairs = planner.semi_join(&join, &there, false, &by, false, None);
        let places: Vec<Path> = decides.iter().filter_map(pointing).map(|c| pairs.columns[c].0).collect();
        (pairs, places)
    } else {
        // What of a target decides is a row of its own, which is the same as long as that is.
        let columns: Vec<usize> = key.iter().chain(&decides).copied().collect();
        let groups = Aggregate { groups: columns.iter().map(|&c| Expr::Column(c)).collect(), calls: Vec::new(), having: None };
        let types: Vec<Type> = columns.iter().map(|&c| target.columns[c].1).collect();
        let deciding = planner.aggregate(there, &groups, &types);
        let width = join.columns.len();
        let within = |c: usize| width + columns.iter().position(|&of| of == c).unwrap_or(0);
        let equal =
            |&(left, right): &(usize, usize)| Expr::Call(Function::Eq, vec![Expr::Column(left), Expr::Column(within(right))]);
        let on = Expr::Call(Function::And, by.iter().map(equal).collect());
        let pairs = planner.join(&join, &deciding, JoinKind::Inner, &on);
        let places = decides.iter().map(|&c| pairs.columns[within(c)].0).collect();
        (pairs, places)
    };
    let of_pair = |c: &usize| pairs.columns[*c].0;
    let ascending = |path: Path, ty: Type| SortColumn { path, ty, desc: false, nulls_first: false };
    let identity: Vec<Path> = key.iter().filter_map(pointing).map(|c| of_pair(&c)).collect();
    let ordered = query.order.iter().zip(&decides).zip(&places);
    let mut columns: Vec<SortColumn> = ordered
        .map(|((o, &c), &path)| SortColumn { path, ty: target.columns[c].1, desc: o.desc, nulls_first: o.nulls_first })
        .collect();
    columns.extend(key.iter().zip(&identity).map(|(&c, &path)| ascending(path, target.columns[c].1)));
    let arrival = first.arrival.filter(|_| nested.arrival).map(|n| pairs.columns[0].0.sibling(n));
    let sort = SortSpec { arrival, columns };
    let node = planner.order(&pairs, first.right.iter().map(of_pair).collect(), sort);
    let at = levels.len();
    let list = level(planner, &target, nested, node);
    let mut window = Window { offset: query.offset as usize, limit: query.limit.map(|l| l as usize), start: None, part: None };
    window.set(&query.slots, &planner.params.values);
    let relation = pairs.relation;
    levels[parent].subs.push(at);
    levels.push(Level {
        name: Some(nested.name.clone()),
        parent: Some(parent),
        relation,
        identity,
        owner,
        window,
        slots: query.slots.clone(),
        pointer: Some(at + 1),
        ..list
    });
    let columns = key.iter().map(|&c| ascending(Path::column(c), target.columns[c].1)).collect();
    let sort = SortSpec { arrival: None, columns };
    let node = planner.order(&target, last.right.iter().map(|&c| Path::column(c)).collect(), sort);
    let owner = last.left.iter().map(of_pair).collect();
    let seen = level(planner, &target, nested, node);
    levels.push(Level { parent: Some(at), single: true, owner, hidden: true, ..seen });
}

/// A level that shows columns of a table's rows.
fn level(planner: &Planner<'_>, target: &Stream, nested: &Nested, node: crate::circuit::NodeId) -> Level {
    let table = planner.schema.by_id(nested.hops[1].table);
    let key: Vec<Path> = nested.query.key.iter().map(|&c| Path::column(c)).collect();
    let field = |(c, name): (usize, &str)| Field { name: name.to_owned(), source: FieldSource::Cell(Path::column(c)) };
    let fields = match &nested.query.select {
        Select::All => table.names().enumerate().map(field).collect(),
        Select::Fields(chosen) => {
            let column = |e: &Expr| if let Expr::Column(c) = e { *c } else { 0 };
            chosen.iter().map(|f| field((column(&f.expr), &f.name))).collect()
        }
    };
    Level {
        name: None,
        parent: None,
        single: false,
        node,
        relation: target.relation,
        shown: Vec::new(),
        shown_relation: target.relation,
        fields,
        identity: key.clone(),
        key,
        pointer: None,
        hidden: false,
        owner: Vec::new(),
        window: Window { limit: Some(1), ..Window::default() },
        slots: Vec::new(),
        plain: matches!(nested.query.select, Select::All),
        subs: Vec::new(),
    }
}
