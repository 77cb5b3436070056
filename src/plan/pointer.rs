//! Lists of links that show what these point at.
//!
//! A manyToMany, or a chain that ends in a reference, is such a list: which rows it has, the links say, and what of the targets
//! decides where they stand or whether they are there (an order's columns, a condition, references of theirs that lead on); the
//! targets are only shown. So the links are arranged, and each one in view looks its target up. A target that changes is then
//! news for the places where it is seen, not for all links that lead to it; one that changes in a column of the order moves in
//! every list, and costs them all.
//!
//! Rows of a join table whose key is the pair are links as they are. Others (with an id of their own, or a longer chain) lead to
//! what of a target decides, a row of its own that is the same as long as that is, once however many ways there are.

use super::level::{Field, FieldSource, Level, Window, add_nested};
use super::{Planner, Stream};
use crate::query::{Aggregate, BoundQuery, Expr, Function, Hop, JoinKind, Nested, Select};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::Type;

/// The rows of a list, and what they have of the targets.
struct Links {
    stream: Stream,
    /// Columns that refer to the owner.
    owner: Vec<Path>,
    /// Number of arrival, of a list that is sorted by it.
    number: Option<Path>,
    /// Columns of the target, and where they are.
    columns: Vec<(usize, Path)>,
}

impl Links {
    fn path(&self, column: usize) -> Path {
        self.columns.iter().find(|(c, _)| *c == column).expect("links have the columns that were wanted").1
    }
}

impl Planner<'_> {
    /// Whether the rows of a nested list are links that point at what is shown.
    pub(super) fn only_points(&self, nested: &Nested) -> bool {
        let [_, .., last] = &nested.hops[..] else { return false };
        let q = &nested.query;
        let is_column = |e: &Expr| matches!(e, Expr::Column(_));
        let ordered = q.start.is_none() && !q.order.is_empty() && q.order.iter().all(|o| is_column(&o.expr));
        let plain = (nested.arrival || ordered) && !nested.keeps_duplicates && !nested.single;
        let columns = match &q.select {
            Select::All => true,
            Select::Fields(fields) => fields.iter().all(|f| is_column(&f.expr)),
        };
        let whole = columns && q.aggregate.is_none() && q.own_filter.is_none();
        let bare = q.computed.is_empty() && q.windows.is_empty() && q.limit_by.is_none() && q.joins.is_empty();
        let key = &self.schema.by_id(last.table).key;
        plain && whole && bare && !last.refers_back && is_key(key, &last.right)
    }

    /// The rows of a join table, if its key is the pair, so that each pair is there once.
    fn bare_pairs(&mut self, nested: &Nested, there: &Stream, wanted: &[usize]) -> Option<Links> {
        let [first, last] = &nested.hops[..] else { return None };
        let pair: Vec<usize> = first.right.iter().chain(&last.left).copied().collect();
        if first.filter.is_some() || !first.refers_back || !is_key(&self.schema.by_id(first.table).key, &pair) {
            return None;
        }
        let join = self.table(first.table);
        let by: Vec<(usize, usize)> = last.left.iter().copied().zip(last.right.iter().copied()).collect();
        let own = wanted.iter().all(|c| last.right.contains(c));
        let (stream, width) = if own {
            (self.semi_join(&join, there, false, &by, false, None), 0)
        } else {
            let deciding = self.deciding(there, wanted);
            let width = join.columns.len();
            let equal = |(n, &left): (usize, &usize)| Expr::Call(Function::Eq, vec![Expr::Column(left), Expr::Column(width + n)]);
            let on = Expr::Call(Function::And, last.left.iter().enumerate().map(equal).collect());
            (self.join(&join, &deciding, JoinKind::Inner, &on), width)
        };
        // The key as the pair has it, for lists of rows of the join table alone and of pairs with what decides.
        let keys = by.iter().map(|&(left, right)| (right, stream.columns[left].0));
        let others = wanted.iter().enumerate().filter(|_| !own).map(|(n, &c)| (c, stream.columns[width + n].0));
        let columns = keys.chain(others).collect();
        let owner = first.right.iter().map(|&c| stream.columns[c].0).collect();
        let number = first.arrival.filter(|_| nested.arrival).map(|n| stream.columns[0].0.sibling(n));
        Some(Links { stream, owner, number, columns })
    }

    /// Distinct links of any chain to what of its targets decides.
    fn links_to(&mut self, nested: &Nested, there: &Stream, wanted: &[usize]) -> Links {
        let deciding = self.deciding(there, wanted);
        let keys = 0..nested.hops[nested.hops.len() - 1].right.len();
        let (stream, refer, number) = self.links(&nested.hops, deciding, keys.collect(), nested.arrival);
        let owner = refer.into_iter().map(|c| stream.columns[c].0).collect();
        let columns = wanted.iter().enumerate().map(|(n, &c)| (c, stream.columns[n].0)).collect();
        Links { stream, owner, number, columns }
    }

    /// Some columns of a stream, a key first, as rows of their own.
    fn deciding(&mut self, stream: &Stream, wanted: &[usize]) -> Stream {
        let groups = Aggregate::new(wanted.iter().map(|&c| Expr::Column(c)).collect(), Vec::new());
        let types: Vec<Type> = wanted.iter().map(|&c| stream.columns[c].1).collect();
        self.aggregate(stream.clone(), &groups, &types)
    }
}

/// Whether columns are those of a key.
fn is_key(key: &[usize], columns: &[usize]) -> bool {
    key.len() == columns.len() && key.iter().all(|c| columns.contains(c))
}

/// Adds the level of the links, the hidden one of what they point at, and those of associations of this.
pub(super) fn add_pointers(planner: &mut Planner<'_>, levels: &mut Vec<Level>, nested: &Nested, parent: usize, owner: Vec<Path>) {
    let last = &nested.hops[nested.hops.len() - 1];
    let query = &nested.query;
    let target = planner.table(last.table);
    // Links whose target is not there yet, or does not satisfy the conditions, are not in the list.
    let there = planner.end(last, Some(query));
    let decides: Vec<usize> = match nested.arrival {
        true => Vec::new(),
        false => query.order.iter().filter_map(|o| if let Expr::Column(c) = o.expr { Some(c) } else { None }).collect(),
    };
    // What links have of their targets: the key, the order's columns, and references that lead on.
    let mut wanted = last.right.clone();
    let leads = query.nested.iter().flat_map(|n| &n.hops[0].left);
    decides.iter().chain(leads).for_each(|&c| {
        if !wanted.contains(&c) {
            wanted.push(c);
        }
    });
    let links = match planner.bare_pairs(nested, &there, &wanted) {
        Some(pairs) => pairs,
        None => planner.links_to(nested, &there, &wanted),
    };
    let key = &query.key;
    let ascending = |path: Path, ty: Type| SortColumn { path, ty, desc: false, nulls_first: false };
    let identity: Vec<Path> = key.iter().map(|&c| links.path(c)).collect();
    let ordered = query.order.iter().zip(&decides);
    let mut columns: Vec<SortColumn> = ordered
        .map(|(o, &c)| SortColumn { path: links.path(c), ty: target.columns[c].1, desc: o.desc, nulls_first: o.nulls_first })
        .collect();
    columns.extend(key.iter().zip(&identity).map(|(&c, &path)| ascending(path, target.columns[c].1)));
    let sort = SortSpec { arrival: links.number, columns };
    let node = planner.order(&links.stream, links.owner.clone(), sort);
    let at = levels.len();
    let list = level(planner, &target, last, query, node);
    let mut window = Window { offset: query.offset as usize, limit: query.limit.map(|l| l as usize), start: None, part: None };
    window.set(&query.slots, &planner.params.values);
    levels[parent].subs.push(at);
    levels.push(Level {
        name: Some(nested.name.clone()),
        parent: Some(parent),
        relation: links.stream.relation,
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
    let owner = last.right.iter().map(|&c| links.path(c)).collect();
    let seen = level(planner, &target, last, query, node);
    levels.push(Level { parent: Some(at), single: true, owner, hidden: true, ..seen });
    add_nested(planner, levels, query, at, &|c| links.path(c));
}

/// A level that shows columns of a table's rows.
fn level(planner: &Planner<'_>, target: &Stream, last: &Hop, query: &BoundQuery, node: crate::circuit::NodeId) -> Level {
    let table = planner.schema.by_id(last.table);
    let key: Vec<Path> = query.key.iter().map(|&c| Path::column(c)).collect();
    let field = |(c, name): (usize, &str)| Field { name: name.to_owned(), source: FieldSource::Cell(Path::column(c)) };
    let fields = match &query.select {
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
        fields: std::rc::Rc::new(fields),
        identity: key.clone(),
        key,
        pointer: None,
        hidden: false,
        owner: Vec::new(),
        window: Window { limit: Some(1), ..Window::default() },
        slots: Vec::new(),
        plain: matches!(query.select, Select::All) && query.nested.is_empty(),
        subs: Vec::new(),
    }
}
