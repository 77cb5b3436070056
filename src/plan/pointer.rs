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
use crate::circuit::{NodeId, Spec};
use crate::operator::{InView, Side};
use crate::query::{Aggregate, BoundQuery, Expr, Hop, Nested, Select, SortKey};
use crate::trace::{Path, RelationId, SortColumn, SortSpec};
use crate::value::Type;

/// Links, and what they have of their targets.
struct Links {
    stream: Stream,
    /// Columns that refer to the owner.
    owner: Vec<Path>,
    /// Number of arrival, of a list that is sorted by it.
    number: Option<Path>,
    /// Columns of the target, and where they are.
    columns: Vec<(usize, Path)>,
}

/// Where rows of a list have what of their targets, and their number.
struct Seen {
    number: Option<Path>,
    columns: Vec<(usize, Path)>,
}

fn path(columns: &[(usize, Path)], column: usize) -> Path {
    columns.iter().find(|(c, _)| *c == column).expect("links have the columns that were wanted").1
}

impl Seen {
    fn path(&self, column: usize) -> Path {
        path(&self.columns, column)
    }
}

impl Links {
    fn path(&self, column: usize) -> Path {
        path(&self.columns, column)
    }

    /// In lists of the links themselves.
    fn seen(&self) -> Seen {
        Seen { number: self.number, columns: self.columns.clone() }
    }

    /// In lists of pairs of a link and what of its target decides.
    fn met(&self, keys: &[usize], wanted: &[usize]) -> Seen {
        let own = keys.iter().map(|&c| (c, self.path(c).within(false)));
        let others = wanted.iter().enumerate().skip(keys.len()).map(|(n, &c)| (c, Path::column(n).within(true)));
        Seen { number: self.number.map(|n| n.within(false)), columns: own.chain(others).collect() }
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
    fn bare_pairs(&mut self, nested: &Nested) -> Option<Links> {
        let [first, last] = &nested.hops[..] else { return None };
        let pair: Vec<usize> = first.right.iter().chain(&last.left).copied().collect();
        if first.filter.is_some() || !first.refers_back || !is_key(&self.schema.by_id(first.table).key, &pair) {
            return None;
        }
        let stream = self.table(first.table);
        // The key as the pair has it.
        let columns = last.right.iter().zip(&last.left).map(|(&right, &left)| (right, stream.columns[left].0)).collect();
        let owner = stream.paths(&first.right);
        let number = first.arrival.filter(|_| nested.arrival).map(|n| stream.columns[0].0.sibling(n));
        Some(Links { stream, owner, number, columns })
    }

    /// Distinct links of any chain to the keys of its targets.
    fn links_to(&mut self, nested: &Nested, there: &Stream, key: &[usize]) -> Links {
        let keys = self.deciding(there, key);
        let (stream, refer, number) = self.links(&nested.hops, keys, (0..key.len()).collect(), nested.arrival);
        let owner = stream.paths(&refer);
        let columns = key.iter().enumerate().map(|(n, &c)| (c, stream.columns[n].0)).collect();
        Links { stream, owner, number, columns }
    }

    /// Those of the links that lead to what is there.
    fn there(&mut self, links: Links, there: &Stream, key: &[usize]) -> Links {
        let place = |path: Path| links.stream.columns.iter().position(|c| c.0 == path).expect("links have their targets' keys");
        let by: Vec<usize> = key.iter().map(|&c| place(links.path(c))).collect();
        Links { stream: self.semi_join(&links.stream, there, false, [by, key.to_vec()], false, None), ..links }
    }

    /// Lists in view of links and what of their targets decides, whose first columns are the targets' keys; the relation of their rows.
    fn in_view(&mut self, links: &Links, decides: &Stream, keys: &[usize], sort: SortSpec) -> (NodeId, RelationId) {
        let target: Vec<Path> = keys.iter().map(|&c| links.path(c)).collect();
        let key: Vec<Path> = (0..keys.len()).map(Path::column).collect();
        let left = Side { node: self.arrange(&links.stream, &links.owner, false), relation: links.stream.relation };
        let right = Side { node: self.arrange(decides, &key, false), relation: decides.relation };
        let spec = Spec::InView { left: left.node, right: right.node, target: target.clone(), sort: sort.clone() };
        let long = self.circuit.long_list();
        let node = self.node(spec, |relations, _| {
            let output = relations.add_pair(left.relation, right.relation);
            Box::new(InView::new([left, right], &links.owner, target, sort, output, long))
        });
        (node, self.output(node))
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
    // What lists have of targets: the key, the order's columns, and references that lead on.
    let keys = &last.right;
    let mut wanted = keys.clone();
    let ordered = query.order.iter().filter(|_| !nested.arrival);
    let ordered: Vec<(usize, &SortKey)> =
        ordered.filter_map(|o| if let Expr::Column(c) = o.expr { Some((c, o)) } else { None }).collect();
    let leads = query.nested.iter().flat_map(|n| &n.hops[0].left).copied();
    ordered.iter().map(|o| o.0).chain(leads).for_each(|c| {
        if !wanted.contains(&c) {
            wanted.push(c);
        }
    });
    let in_view = wanted.len() > keys.len() || query.filter.is_some() || last.filter.is_some();
    let links = match planner.bare_pairs(nested) {
        Some(pairs) if in_view => pairs,
        Some(pairs) => planner.there(pairs, &there, keys),
        None if in_view => planner.links_to(nested, &target, keys),
        None => planner.links_to(nested, &there, keys),
    };
    let decides = in_view.then(|| planner.deciding(&there, &wanted));
    let seen = if in_view { links.met(keys, &wanted) } else { links.seen() };
    let key = &query.key;
    let ascending = |path: Path, ty: Type| SortColumn { path, ty, desc: false, nulls_first: false };
    let identity: Vec<Path> = key.iter().map(|&c| seen.path(c)).collect();
    let by = |&(c, o): &(usize, &SortKey)| SortColumn {
        path: seen.path(c),
        ty: target.columns[c].1,
        desc: o.desc,
        nulls_first: o.nulls_first,
    };
    let mut columns: Vec<SortColumn> = ordered.iter().map(by).collect();
    columns.extend(key.iter().zip(&identity).map(|(&c, &path)| ascending(path, target.columns[c].1)));
    let sort = SortSpec { arrival: seen.number, columns, span: None };
    let (node, relation) = match decides {
        Some(decides) => planner.in_view(&links, &decides, keys, sort),
        None => (planner.order(&links.stream, links.owner.clone(), sort), links.stream.relation),
    };
    let at = levels.len();
    let list = level(planner, &target, last, query, node);
    let mut window = Window { offset: query.offset as usize, limit: query.limit.map(|l| l as usize), start: None, part: None };
    window.set(&query.slots, &planner.params.values);
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
    let sort = SortSpec { columns, ..SortSpec::default() };
    let node = planner.order(&target, last.right.iter().map(|&c| Path::column(c)).collect(), sort);
    let owner = last.right.iter().map(|&c| seen.path(c)).collect();
    let shown = level(planner, &target, last, query, node);
    levels.push(Level { parent: Some(at), single: true, owner, hidden: true, ..shown });
    add_nested(planner, levels, query, at, &|c| seen.path(c));
}

/// A level that shows columns of a table's rows.
fn level(planner: &Planner<'_>, target: &Stream, last: &Hop, query: &BoundQuery, node: NodeId) -> Level {
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
