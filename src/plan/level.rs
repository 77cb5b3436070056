//! Levels: what a view shows of each list, and where it comes from.

use std::borrow::Cow;
use std::rc::Rc;

use super::association::{Refer, computed_steps};
use super::pointer::add_pointers;
use super::scope::{check_joins, too_deep};
use super::window::add_windows;
use super::{ParamValues, Planner, Stream};
use crate::circuit::{Circuit, NodeId};
use crate::error::Result;
use crate::query::{BoundQuery, Expr, Place, Schema, Select, Slot, Start, TableId, count_of, type_of};
use crate::trace::{Path, RelationId, Relations, SortColumn};
use crate::value::{Type, Value};

/// A planned query.
#[derive(Debug)]
pub struct Plan {
    /// Levels; the root first, owners before what they own.
    pub levels: Vec<Level>,
    /// Gates that tables are behind, each held once.
    pub gates: Vec<NodeId>,
}

/// One list (or single row) of a view.
#[derive(Debug)]
pub struct Level {
    /// Field in the owner's row; `None` for the root.
    pub name: Option<String>,
    /// Level of the owner.
    pub parent: Option<usize>,
    /// A row or null, rather than a list.
    pub single: bool,
    /// Ordered arrangement.
    pub node: NodeId,
    /// Relation of the arrangement's rows.
    pub relation: RelationId,
    /// Turns from an arrangement's row to the row that is shown.
    pub shown: Vec<bool>,
    /// Relation of the shown row.
    pub shown_relation: RelationId,
    /// Fields, by paths from the shown row. Queries that show the same of a table have them in common.
    pub fields: Rc<Vec<Field>>,
    /// Key among the siblings, by paths from the shown row.
    pub key: Vec<Path>,
    /// What tells rows of the arrangement apart that a list may have: the key, by paths from the row that `shown` leads to.
    pub identity: Vec<Path>,
    /// Rows of the arrangement only point at what is shown: the level of the rows that they point at, one each.
    pub pointer: Option<usize>,
    /// A level that a `pointer` leads to, which nobody sees.
    pub hidden: bool,
    /// Columns that say which list belongs to an owner, by paths from the *owner's* arrangement row.
    pub owner: Vec<Path>,
    /// Part of the list that is shown.
    pub window: Window,
    /// What parameters say of the window.
    pub slots: Vec<Slot>,
    /// The shown row is a table's row with all its columns and nothing nested.
    pub plain: bool,
    /// Levels of the associations of its rows.
    pub subs: Vec<usize>,
}

impl Level {
    /// Words of a changed-field mask.
    pub fn mask_words(&self) -> usize {
        self.fields.len().div_ceil(32)
    }
}

/// A field of a shown row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Where from.
    pub source: FieldSource,
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldSource {
    /// A cell.
    Cell(Path),
    /// The row of a joined table.
    Row {
        /// Turns to it.
        turns: Vec<bool>,
        /// Its table.
        table: TableId,
    },
}

/// Part of an ordered list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// Rows passed over, after the start.
    pub offset: usize,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Keyset start.
    pub start: Option<Start>,
    /// First row and number of rows of what is shown of all this.
    pub part: Option<(usize, usize)>,
}

impl Window {
    /// Puts the values of parameters where slots are.
    pub fn set(&mut self, slots: &[Slot], values: &[Value]) {
        for slot in slots {
            let value = &values[slot.param];
            match (slot.place, &mut self.start) {
                (Place::Limit, _) => self.limit = count_of(value),
                (Place::Offset, _) => self.offset = count_of(value).unwrap_or(0),
                (Place::Start(at), Some(start)) => start.values[at] = value.clone(),
                _ => {}
            }
        }
    }
}

/// Plans a query: makes or finds its nodes, hydrated, each held once per level. With a number for gates (one that no other
/// query has) its tables are behind these: no row of them is there yet.
///
/// # Errors
/// `QUERY_INVALID` when it joins more tables than rows can nest.
pub fn plan(
    schema: &Schema,
    circuit: &mut Circuit,
    relations: &mut Relations,
    query: &BoundQuery,
    params: ParamValues,
    gated: Option<u32>,
) -> Result<Plan> {
    check_depth(query)?;
    let mut planner = Planner::new(schema, circuit, relations, params);
    planner.gated = gated;
    let mut levels = Vec::new();
    let stream = planner.scope(query, None);
    add_level(&mut planner, &mut levels, query, None, stream, Refer::default(), Vec::new());
    let gates = std::mem::take(&mut planner.gates);
    let kept: Vec<NodeId> = levels.iter().map(|l| l.node).chain(gates.iter().copied()).collect();
    planner.finish(&kept);
    // Queries are many, and most have one.
    levels.shrink_to_fit();
    Ok(Plan { levels, gates })
}

fn check_depth(query: &BoundQuery) -> Result<()> {
    let hops = query.nested.iter().map(|n| n.hops.len()).max().unwrap_or(0);
    let computed = query.nested.iter().map(|n| computed_steps(&n.query)).max().unwrap_or(0);
    if hops + computed > Path::MAX_STEPS - 4 {
        return Err(too_deep());
    }
    check_joins(query)?;
    query.nested.iter().try_for_each(|n| check_depth(&n.query).map_err(|e| e.at(&n.name)))
}

/// A query with columns in the place of sub-queries in select and order, over the stream that has these columns.
fn lowered<'q>(
    planner: &mut Planner<'_>,
    query: &'q BoundQuery,
    stream: Stream,
    mut refer: Refer,
) -> (Cow<'q, BoundQuery>, Stream, Refer) {
    let mut query = Cow::Borrowed(query);
    let fields = match &query.select {
        Select::Fields(fields) => &fields[..],
        Select::All => &[],
    };
    let mut exprs = fields.iter().map(|f| &f.expr).chain(query.order.iter().map(|o| &o.expr));
    if !exprs.any(Expr::has_subquery) {
        return (query, stream, refer);
    }
    let before = stream.depth();
    let of_query = query.to_mut();
    let fields = match &mut of_query.select {
        Select::Fields(fields) => &mut fields[..],
        Select::All => &mut [],
    };
    let exprs = fields.iter_mut().map(|f| &mut f.expr).chain(of_query.order.iter_mut().map(|o| &mut o.expr));
    let stream = planner.lower(stream, exprs);
    refer.deeper(stream.depth() - before);
    (query, stream, refer)
}

#[allow(clippy::too_many_arguments)]
fn add_level(
    planner: &mut Planner<'_>,
    levels: &mut Vec<Level>,
    query: &BoundQuery,
    owner: Option<(usize, String, bool)>,
    stream: Stream,
    refer: Refer,
    owner_paths: Vec<Path>,
) {
    let (query, stream, mut refer) = lowered(planner, query, stream, refer);
    let (query, types): (&BoundQuery, Vec<Type>) = (&query, stream.columns.iter().map(|c| c.1).collect());
    // Columns that are computed: fields and sort keys that are not plain columns.
    let fields: Vec<(&str, &Expr, Type)> = match &query.select {
        Select::All => Vec::new(),
        Select::Fields(fields) => fields.iter().map(|f| (f.name.as_str(), &f.expr, f.ty)).collect(),
    };
    let sort_types = query.order.iter().map(|o| (&o.expr, type_of(&o.expr, &types).unwrap_or(Type::Text)));
    let extended = planner.extended(stream, fields.iter().map(|f| (f.1, f.2)).chain(sort_types));
    refer.deeper(usize::from(!extended.is_plain()));
    let place = |e: &Expr, ty: Type| extended.place(e, ty);
    let full = &extended.stream;
    let mut sort = extended.sort(query, &types);
    sort.arrival = refer.number;
    sort.columns.extend(refer.ties.iter().map(|&(path, ty)| SortColumn { path, ty, desc: false, nulls_first: false }));
    let node = planner.order(full, refer.owner, sort);

    let mut shown_fields: Vec<Field> = match &query.select {
        Select::Fields(_) => fields
            .iter()
            .map(|(name, e, ty)| Field { name: (*name).to_owned(), source: FieldSource::Cell(place(e, *ty).0) })
            .collect(),
        Select::All if query.joins.is_empty() => tables(query)
            .flat_map(|(table, _)| planner.schema.by_id(table).names().enumerate())
            .map(|(i, n)| Field { name: n.to_owned(), source: FieldSource::Cell(full.columns[i].0) })
            .collect(),
        Select::All => {
            let mut at = 0;
            tables(query)
                .map(|(table, alias)| {
                    let turns = full.columns[at].0.turns().collect();
                    at += planner.schema.by_id(table).columns.len();
                    Field { name: alias.clone(), source: FieldSource::Row { turns, table } }
                })
                .collect()
        }
    };
    let mut key: Vec<Path> = full.paths(&query.key);
    key.extend(refer.ties.iter().map(|t| t.0));
    let mut shown = common_turns(&shown_fields, &key);
    // What is shown is a row that is there.
    shown.truncate(planner.relations.certain(full.relation, &shown));
    shown_fields.iter_mut().for_each(|f| f.source = f.source.after(shown.len()));
    key.iter_mut().for_each(|k| *k = after(*k, shown.len()));
    let (shown_relation, _) = planner.relations.member(full.relation, crate::algebra::NO_ROW, shown.iter().copied());
    let identity = key.clone();
    let level = levels.len();
    let (parent, name, single) = match owner {
        Some((parent, name, single)) => (Some(parent), Some(name), single),
        None => (None, None, false),
    };
    let whole = matches!(query.select, Select::All) && query.joins.is_empty() && query.aggregate.is_none();
    let plain = whole && query.nested.is_empty() && refer.ties.is_empty();
    let limit = if single { Some(1) } else { query.limit.map(|l| l as usize) };
    let mut window = Window { offset: query.offset as usize, limit, start: query.start.clone(), part: None };
    window.set(&query.slots, &planner.params.values);
    window.part = query.part;
    levels.push(Level {
        name,
        parent,
        single,
        node,
        relation: full.relation,
        shown,
        shown_relation,
        fields: Rc::new(shown_fields),
        key,
        identity,
        pointer: None,
        hidden: false,
        owner: owner_paths,
        window,
        slots: query.slots.clone(),
        plain,
        subs: Vec::new(),
    });
    add_nested(planner, levels, query, level, &|c| full.columns[c].0);
}

/// Adds the levels of the associations of a level's rows; `column` is where a column of its query's scope is in these.
pub(super) fn add_nested(
    planner: &mut Planner<'_>,
    levels: &mut Vec<Level>,
    query: &BoundQuery,
    level: usize,
    column: &dyn Fn(usize) -> Path,
) {
    for nested in &query.nested {
        let owner_paths = nested.hops[0].left.iter().map(|&c| column(c)).collect();
        if planner.only_points(nested) {
            add_pointers(planner, levels, nested, level, owner_paths);
            continue;
        }
        let (stream, mut refer) = planner.nested(nested);
        let before = stream.depth();
        let stream = add_windows(planner, &nested.query, stream, 0, &mut refer.owner, None);
        refer.pass(stream.depth() - before);
        let sub = levels.len();
        levels[level].subs.push(sub);
        let owner = Some((level, nested.name.clone(), nested.single));
        add_level(planner, levels, &nested.query, owner, stream, refer, owner_paths);
    }
}

/// The tables of a query that shows rows whole, with their aliases.
fn tables(query: &BoundQuery) -> impl Iterator<Item = (TableId, &String)> {
    let joined = query.joins.iter().map(|j| (&j.source, &j.alias));
    let sources = std::iter::once((&query.from, &query.alias)).chain(joined);
    sources.filter_map(|(source, alias)| source.table().map(|t| (t, alias)))
}

impl FieldSource {
    fn turns(&self) -> Vec<bool> {
        match self {
            FieldSource::Cell(p) => p.turns().collect(),
            FieldSource::Row { turns, .. } => turns.clone(),
        }
    }

    fn after(&self, n: usize) -> FieldSource {
        match self {
            FieldSource::Cell(p) => FieldSource::Cell(after(*p, n)),
            FieldSource::Row { turns, table } => FieldSource::Row { turns: turns[n..].to_vec(), table: *table },
        }
    }
}

/// The path without its first turns.
fn after(path: Path, n: usize) -> Path {
    let turns: Vec<bool> = path.turns().skip(n).collect();
    turns.iter().rev().fold(Path::column(path.leaf()), |p, &t| p.within(t))
}

/// Turns that all fields and key cells begin with.
fn common_turns(fields: &[Field], key: &[Path]) -> Vec<bool> {
    let mut all = fields.iter().map(|f| f.source.turns()).chain(key.iter().map(|k| k.turns().collect()));
    let first: Vec<bool> = all.next().unwrap_or_default();
    all.fold(first, |common, turns| common.iter().zip(&turns).take_while(|(a, b)| a == b).map(|(a, _)| *a).collect())
}
