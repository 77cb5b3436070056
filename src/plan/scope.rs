//! What a query is over: its sources joined, filtered and grouped, as one stream.

use super::association::computed_steps;
use super::subquery::{all, cannot_fail};
use super::window::{add_windows, depth_of_windows, first_numbered};
use super::{Planner, Stream};
use crate::error::{Error, ErrorCode, Result};
use crate::operator::Part;
use crate::query::{Aggregate, BoundQuery, Expr, JoinKind, QueryExpr, Select, SetQuery, Source, SubQuery, type_of};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::{Type, Value};

/// Deepest nesting of the rows of a query's scope: room is left above it for the cells that order and select compute.
const DEEPEST: usize = Path::MAX_STEPS - 4;

/// A stream with computed columns behind its own.
pub(super) struct Extended {
    pub stream: Stream,
    /// Columns of the stream before.
    width: usize,
    computed: Vec<(Expr, Type)>,
}

impl Extended {
    /// Nothing had to be computed: the rows are those of the stream before.
    pub(super) fn is_plain(&self) -> bool {
        self.computed.is_empty()
    }

    /// Where the value of an expression is.
    pub(super) fn place(&self, e: &Expr, ty: Type) -> (Path, Type) {
        match e {
            Expr::Column(c) => self.stream.columns[*c],
            e => {
                let at = self.computed.iter().position(|(c, t)| c == e && *t == ty).expect("the expression was asked for");
                self.stream.columns[self.width + at]
            }
        }
    }

    /// The order of a query, ties broken by its key; `types` are those of the columns before.
    pub(super) fn sort(&self, query: &BoundQuery, types: &[Type]) -> SortSpec {
        let mut columns = Vec::with_capacity(query.order.len() + query.key.len());
        for o in &query.order {
            let (path, ty) = self.place(&o.expr, type_of(&o.expr, types).unwrap_or(Type::Text));
            columns.push(SortColumn { path, ty, desc: o.desc, nulls_first: o.nulls_first });
        }
        for &c in &query.key {
            let (path, ty) = self.stream.columns[c];
            columns.push(SortColumn { path, ty, desc: false, nulls_first: false });
        }
        SortSpec { columns, ..SortSpec::default() }
    }
}

impl Planner<'_> {
    /// The rows that select and order of a query are over: from, joins, where, groups, windows. With the rows of a context, the query
    /// is evaluated for each of these: their columns come first in every scope.
    pub(super) fn scope(&mut self, query: &BoundQuery, context: Option<&Stream>) -> Stream {
        let above = joins(query);
        let first_rows = self.first_rows.take();
        if let Source::Query(sub) = &query.from
            && query.joins.is_empty()
            && context.is_none()
        {
            self.first_rows = first_numbered(self.schema, sub, query.filter.as_ref());
        }
        let stream = self.source(&query.from, above);
        let mut stream = self.filter(stream, query.own_filter.as_ref());
        if context.is_some() {
            stream = self.computed(stream, &query.computed);
        }
        let mut rest = query.filter.clone();
        // Conditions that cannot fail move before joins: an error must not appear for a row that a join would have dropped,
        // nor go because a later condition dropped the row.
        let mut movable = |fits: &dyn Fn(&Expr) -> bool| {
            let mut sure = true;
            let fits = |e: &&Expr| {
                sure &= cannot_fail(e);
                sure && !e.has_subquery() && fits(e)
            };
            let (moved, stay): (Vec<&Expr>, Vec<&Expr>) = rest.iter().flat_map(Expr::conjuncts).partition(fits);
            let [moved, stay] = [moved, stay].map(|parts| all(parts.into_iter().cloned().collect()));
            rest = stay;
            moved
        };
        let new = context.map_or(0, |c| c.columns.len());
        let always = Expr::Literal(Value::Bool(true));
        match context {
            None => {
                let width = stream.columns.len();
                // Rows that a right or full join brings are without the first source.
                let brings = query.joins.iter().any(|j| j.kind.keeps()[1]);
                // An array that fails does so for all rows of the joins before.
                let sure = query.joins.iter().all(|j| !matches!(&j.source, Source::Unnest(u) if !cannot_fail(&u.array)));
                if sure && !brings && (!query.joins.is_empty() || !query.computed.is_empty()) {
                    // What concerns the first source alone is filtered before the join, or before columns are computed.
                    let own = movable(&|e| e.columns().iter().all(|c| *c < width));
                    stream = self.filter(stream, own.as_ref());
                }
                stream = self.computed(stream, &query.computed);
                stream = self.joined(stream, query, above);
            }
            Some(context) if query.joins.iter().any(|j| j.exprs().any(|e| e.columns().iter().any(|c| *c < new))) => {
                let width = new + stream.columns.len();
                let on = movable(&|e| e.columns().iter().all(|c| *c < width)).unwrap_or(always);
                stream = self.join(context, &stream, JoinKind::Inner, &on);
                stream = self.joined(stream, query, above);
            }
            Some(context) => {
                // The sources first: the condition that ties them to the context may be about any of them.
                let mut alone = query.clone();
                alone.joins.iter_mut().flat_map(|j| j.exprs_mut()).for_each(|e| *e = e.map_columns(&|c| c - new));
                stream = self.joined(stream, &alone, above);
                let on = movable(&|_| true).unwrap_or(always);
                stream = self.join(context, &stream, JoinKind::Inner, &on);
            }
        }
        let stream = self.condition(stream, rest.as_ref());
        let stream = match &query.aggregate {
            Some(aggregate) => self.group(stream, aggregate, context),
            None => stream,
        };
        let others = if query.aggregate.is_none() { new } else { 0 };
        let stream = add_windows(self, query, stream, others, &mut [], first_rows);
        match &query.limit_by {
            Some(part) => self.first_of_each(query, &part.by, true, stream),
            None => stream,
        }
    }

    /// The part of each group that is kept: what the limit per group says (`each`), or the query's.
    pub(super) fn first_of_each(&mut self, query: &BoundQuery, by: &[Expr], each: bool, stream: Stream) -> Stream {
        let width = stream.columns.len();
        let (mut query, mut by) = (query.clone(), by.to_vec());
        // What is selected is evaluated for every row, as without a limit: whether it fails must not depend on the order.
        let mut fields = match query.select {
            Select::All => Vec::new(),
            Select::Fields(fields) => fields,
        };
        query.select = Select::All;
        let output = fields.iter_mut().map(|f| &mut f.expr).chain(query.order.iter_mut().map(|o| &mut o.expr));
        let stream = self.lower(stream, by.iter_mut().chain(output));
        let types = stream.types();
        let type_in = |e: &Expr| type_of(e, &types).unwrap_or(Type::Text);
        let wanted = by.iter().chain(query.order.iter().map(|o| &o.expr)).chain(fields.iter().map(|f| &f.expr));
        let extended = self.extended(stream, wanted.map(|e| (e, type_in(e))));
        let group = by.iter().map(|e| extended.place(e, type_in(e)).0).collect();
        let sort = extended.sort(&query, &types);
        let top = self.cut(&extended.stream, &query, group, sort, each);
        Stream { columns: top.columns[..width].to_vec(), ..top }
    }

    fn joined(&mut self, mut stream: Stream, query: &BoundQuery, above: usize) -> Stream {
        for (i, j) in query.joins.iter().enumerate() {
            if let Source::Unnest(unnest) = &j.source {
                stream = self.unnest(&stream, unnest, j.kind == JoinKind::Left);
                let width = stream.columns.len();
                stream = self.condition(stream, Some(&j.on).filter(|on| **on != Expr::Literal(Value::Bool(true))));
                // What sub-queries of the condition have added is not of the rows.
                stream.columns.truncate(width);
                continue;
            }
            let right = self.source(&j.source, above - i);
            let right = self.filter(right, j.own_filter.as_ref());
            stream = self.join_asking(&stream, &right, j.kind, &j.on);
        }
        stream
    }

    /// Groups a stream; sub-queries may be in the groups, in the aggregates and in `having`. The first groups are the context's.
    pub(super) fn group(&mut self, stream: Stream, aggregate: &Aggregate, context: Option<&Stream>) -> Stream {
        let mut aggregate = aggregate.clone();
        let having = aggregate.having.take();
        let mut parts: Vec<&mut Expr> = Vec::new();
        let mut calls = aggregate.calls.clone();
        for call in &mut calls {
            let order = call.order.iter_mut().map(|key| &mut key.expr);
            parts.extend([&mut call.argument, &mut call.second, &mut call.filter].into_iter().flatten().chain(order));
        }
        let stream = self.lower(stream, aggregate.groups.iter_mut().chain(parts));
        aggregate.calls = calls;
        let types: Vec<Type> = stream.columns.iter().map(|c| c.1).collect();
        let groups: Vec<Type> = aggregate.groups.iter().map(|g| type_of(g, &types).unwrap_or(Type::Text)).collect();
        let stream = if aggregate.sets.is_empty() {
            self.aggregate(stream, &aggregate, &groups)
        } else {
            self.grouping_sets(stream, &aggregate, &groups, context)
        };
        self.condition(stream, having.as_ref())
    }

    /// The rows of a source, at most so deep that as many joins fit above them.
    fn source(&mut self, source: &Source, joins: usize) -> Stream {
        let stream = match source {
            Source::Table(table) => return self.table(*table),
            Source::Query(sub) => self.sub_query(sub),
            Source::Set(set) => self.set_query(set),
            Source::Recursive(recursive) => self.recursive(recursive),
            Source::Growing(growing) => self.growing(growing),
            Source::Unnest(_) => unreachable!("elements are joined"),
        };
        let depth = stream.columns.iter().map(|c| c.0.depth()).max().unwrap_or(0);
        if depth + joins <= DEEPEST + 1 { stream } else { self.packed(stream) }
    }

    pub(super) fn sub_query(&mut self, sub: &SubQuery) -> Stream {
        let scope = self.scope(&sub.query, None);
        let (mut query, mut fields) = (sub.query.clone(), sub.fields().to_vec());
        let sort = query.order.iter_mut().map(|o| &mut o.expr);
        let scope = self.lower(scope, fields.iter_mut().map(|f| &mut f.expr).chain(sort));
        let types = scope.types();
        let sort = query.order.iter().map(|o| (&o.expr, type_of(&o.expr, &types).unwrap_or(Type::Text)));
        let extended = self.extended(scope, fields.iter().map(|f| (&f.expr, f.ty)).chain(sort));
        let columns = fields.iter().map(|f| extended.place(&f.expr, f.ty)).collect();
        if !query.is_cut() {
            return Stream { columns, ..extended.stream };
        }
        let sort = extended.sort(&query, &types);
        let top = self.cut(&extended.stream, &query, Vec::new(), sort, false);
        Stream { columns, ..top }
    }

    /// The rows of a set operation, from left to right.
    fn set_query(&mut self, set: &SetQuery) -> Stream {
        let types = set.types();
        let mut inputs = set.inputs.iter();
        let first = inputs.next().map(|s| self.sub_query(s)).expect("a set operation has inputs");
        inputs.fold(first, |left, input| {
            let right = self.sub_query(input);
            self.combine(set, input.shown, &types, &left, &right)
        })
    }

    /// The same rows as packed ones, cell for cell: grouped by their columns, equal values that are spelled differently would be one.
    fn packed(&mut self, stream: Stream) -> Stream {
        let width = stream.columns.len();
        let types: Vec<Type> = stream.columns.iter().map(|c| c.1).chain([Type::Int]).collect();
        let part = Part { relation: stream.relation, columns: stream.columns.iter().map(|c| Some(c.0)).collect() };
        let mut packed = self.gathered(vec![stream.node], vec![part], &types);
        packed.columns.truncate(width);
        packed
    }

    /// A stream extended by those of some expressions that are not plain columns, each once.
    pub(super) fn extended<'e>(&mut self, stream: Stream, wanted: impl Iterator<Item = (&'e Expr, Type)>) -> Extended {
        let mut computed: Vec<(Expr, Type)> = Vec::new();
        for (e, ty) in wanted {
            if !matches!(e, Expr::Column(_)) && !computed.iter().any(|(c, t)| c == e && *t == ty) {
                computed.push((e.clone(), ty));
            }
        }
        let width = stream.columns.len();
        let stream = if computed.is_empty() { stream } else { self.extend(&stream, &computed) };
        Extended { stream, width, computed }
    }
}

/// How many joins the rows of a query take part in at most.
fn joins(query: &BoundQuery) -> usize {
    let hops = query.computed.iter().map(|c| c.hops.len()).max().unwrap_or(0);
    let extended = query.joins.iter().filter(|j| matches!(j.source, Source::Unnest(_))).count();
    (query.joins.len() + extended).max(hops)
        + computed_steps(query)
        + depth_of_windows(query)
        + 1
        + joins_of_subs(query) * if query.limit_by.is_some() { 2 } else { 1 }
        + usize::from(query.limit_by.is_some())
        + columns_of_params(query)
}

/// How many joins they take part in for the sake of sub-queries in expressions.
fn joins_of_subs(query: &BoundQuery) -> usize {
    query_exprs(query).iter().map(QueryExpr::joins).sum()
}

/// How often parameters become columns, in outer joins and in aggregates.
fn columns_of_params(query: &BoundQuery) -> usize {
    let joins = query.joins.iter().filter(|j| j.kind != JoinKind::Inner && j.on.has_param()).count();
    let mut aggregate = false;
    for call in query.aggregate.iter().flat_map(|a| &a.calls).chain(query.computed.iter().map(|c| &c.call)) {
        call.clone().for_each_expr(&mut |e| aggregate |= e.has_param());
    }
    joins + usize::from(aggregate)
}

/// The sub-queries in the expressions of a query, each once.
fn query_exprs(query: &BoundQuery) -> Vec<QueryExpr> {
    let mut found: Vec<QueryExpr> = Vec::new();
    let mut find = |e: &mut Expr| {
        let _ = e.replaced(&mut |part| {
            if let Expr::Sub(sub) = part
                && !found.contains(sub)
            {
                found.push((**sub).clone());
            }
            None
        });
    };
    query.clone().for_each_expr(&mut find);
    found
}

/// Refuses queries, and sub-queries in them, that join more than rows can nest.
pub(super) fn check_joins(query: &BoundQuery) -> Result<()> {
    if joins(query) > DEEPEST + 1 {
        return Err(too_deep());
    }
    for sub in query_exprs(query) {
        check_joins(&sub.query)?;
        // What is selected of one that is cut is computed once more behind that.
        if sub.query.is_cut() && joins(&sub.query) + joins_of_subs(&sub.query) > DEEPEST {
            return Err(too_deep());
        }
    }
    let sources = std::iter::once(&query.from).chain(query.joins.iter().map(|j| &j.source));
    for source in sources {
        match source {
            Source::Table(_) | Source::Growing(_) | Source::Unnest(_) => {}
            Source::Recursive(recursive) => {
                let branches = recursive.recursion.relations.iter().flat_map(|r| &r.branches);
                branches.into_iter().try_for_each(|b| check_joins(&b.query.query))?;
            }
            Source::Query(sub) => check_joins(&sub.query)?,
            Source::Set(set) => set.inputs.iter().try_for_each(|s| check_joins(&s.query))?,
        }
    }
    Ok(())
}

pub(super) fn too_deep() -> Error {
    let message = format!("a query or association spans at most {} tables and sub-queries", DEEPEST + 1);
    Error::new(ErrorCode::QueryInvalid, message)
}
