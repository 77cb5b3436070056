//! Lists of a join table's rows that show what these point at.
//!
//! A manyToMany over a table of bare pairs, with neither condition nor order of its own, is such a list: which rows it has
//! and where they stand, the pairs say; the targets are only shown. So the pairs are arranged, and each one in view looks
//! its target up. A target that changes is then news for the places where it is seen, not for all pairs that lead to it.

use super::level::{Field, FieldSource, Level, Window};
use super::{Planner, Stream};
use crate::query::{Nested, Select};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::Type;

impl Planner<'_> {
    /// Whether the rows of a nested list are pairs that point at what is shown, each at another target.
    pub(super) fn only_points(&self, nested: &Nested) -> bool {
        let [first, last] = &nested.hops[..] else { return false };
        let q = &nested.query;
        let plain = nested.arrival && !nested.keeps_duplicates && first.filter.is_none() && last.filter.is_none();
        let whole = matches!(q.select, Select::All) && q.filter.is_none() && q.own_filter.is_none() && q.nested.is_empty();
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
    // Pairs whose target is not there yet are not in the list.
    let pairs = planner.semi_join(&join, &target, false, &by, false, None);
    let ascending = |path: Path, ty: Type| SortColumn { path, ty, desc: false, nulls_first: false };
    let key = &nested.query.key;
    // The target's key, as the pair has it.
    let pointing = |c: &usize| by.iter().find(|(_, right)| right == c).map_or(0, |(left, _)| *left);
    let identity: Vec<Path> = key.iter().map(|c| Path::column(pointing(c))).collect();
    let columns = key.iter().zip(&identity).map(|(&c, &path)| ascending(path, target.columns[c].1)).collect();
    let sort = SortSpec { arrival: first.arrival.map(Path::column), columns };
    let node = planner.order(&pairs, first.right.iter().map(|&c| Path::column(c)).collect(), sort);
    let at = levels.len();
    let list = level(planner, &target, nested, node);
    let query = &nested.query;
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
    let owner = last.left.iter().map(|&c| Path::column(c)).collect();
    let seen = level(planner, &target, nested, node);
    levels.push(Level { parent: Some(at), single: true, owner, hidden: true, ..seen });
}

/// A level that shows rows of a table whole.
fn level(planner: &Planner<'_>, target: &Stream, nested: &Nested, node: crate::circuit::NodeId) -> Level {
    let table = planner.schema.by_id(nested.hops[1].table);
    let key: Vec<Path> = nested.query.key.iter().map(|&c| Path::column(c)).collect();
    let field = |(c, name): (usize, &str)| Field { name: name.to_owned(), source: FieldSource::Cell(Path::column(c)) };
    Level {
        name: None,
        parent: None,
        single: false,
        node,
        relation: target.relation,
        shown: Vec::new(),
        shown_relation: target.relation,
        fields: table.names().enumerate().map(field).collect(),
        identity: key.clone(),
        key,
        pointer: None,
        hidden: false,
        owner: Vec::new(),
        window: Window { limit: Some(1), ..Window::default() },
        slots: Vec::new(),
        plain: true,
        subs: Vec::new(),
    }
}
