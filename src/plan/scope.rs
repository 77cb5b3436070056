//! What a query is over: its sources joined, filtered and grouped, as one stream.

use super::association::computed_steps;
use super::{Planner, Stream};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Aggregate, BoundQuery, Expr, Function, Source, SubQuery, type_of};
use crate::trace::{Path, SortColumn, SortSpec};
use crate::value::Type;

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
        SortSpec { columns }
    }
}

impl Planner<'_> {
    /// The rows that select and order of a query are over: from, joins, where, groups.
    pub(super) fn scope(&mut self, query: &BoundQuery) -> Stream {
        let joins = query.joins.len();
        let mut stream = self.source(&query.from, joins);
        if !query.computed.is_empty() {
            // What concerns the table alone is filtered before the columns are computed.
            let width = stream.columns.len();
            let (own, rest) = split_filter(query.filter.as_ref(), width);
            stream = self.filter(stream, own.as_ref());
            stream = self.computed(stream, &query.computed);
            stream = self.filter(stream, rest.as_ref());
        } else if query.joins.is_empty() {
            stream = self.filter(stream, query.filter.as_ref());
        } else {
            // What concerns the first source alone is filtered before the join.
            let width = stream.columns.len();
            let (own, rest) = split_filter(query.filter.as_ref(), width);
            stream = self.filter(stream, own.as_ref());
            for (i, j) in query.joins.iter().enumerate() {
                let right = self.source(&j.source, joins - i);
                let right = self.filter(right, j.own_filter.as_ref());
                stream = self.join(&stream, &right, j.kind, &j.on);
            }
            stream = self.filter(stream, rest.as_ref());
        }
        let Some(aggregate) = &query.aggregate else { return stream };
        let types: Vec<Type> = stream.columns.iter().map(|c| c.1).collect();
        let groups: Vec<Type> = aggregate.groups.iter().map(|g| type_of(g, &types).unwrap_or(Type::Text)).collect();
        self.aggregate(stream, aggregate, &groups)
    }

    /// The rows of a source, at most so deep that as many joins fit above them.
    fn source(&mut self, source: &Source, joins: usize) -> Stream {
        let stream = match source {
            Source::Table(table) => return self.table(*table),
            Source::Query(sub) => self.sub_query(sub),
        };
        let depth = stream.columns.iter().map(|c| c.0.depth()).max().unwrap_or(0);
        if depth + joins <= DEEPEST { stream } else { self.packed(stream) }
    }

    fn sub_query(&mut self, sub: &SubQuery) -> Stream {
        let scope = self.scope(&sub.query);
        let fields = sub.fields();
        let extended = self.extended(scope, fields.iter().map(|f| (&f.expr, f.ty)));
        let columns = fields.iter().map(|f| extended.place(&f.expr, f.ty)).collect();
        Stream { columns, ..extended.stream }
    }

    /// The same rows as packed ones. A key is among the columns, so that no two become one.
    fn packed(&mut self, stream: Stream) -> Stream {
        let types: Vec<Type> = stream.columns.iter().map(|c| c.1).collect();
        let groups = (0..types.len()).map(Expr::Column).collect();
        self.aggregate(stream, &Aggregate { groups, calls: Vec::new(), having: None }, &types)
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

/// Refuses queries, and sub-queries in them, that join more than rows can nest.
pub(super) fn check_joins(query: &BoundQuery) -> Result<()> {
    let hops = query.computed.iter().map(|c| c.hops.len()).max().unwrap_or(0);
    if query.joins.len().max(hops) + computed_steps(query) > DEEPEST {
        return Err(too_deep());
    }
    let sources = std::iter::once(&query.from).chain(query.joins.iter().map(|j| &j.source));
    for source in sources {
        if let Source::Query(sub) = source {
            check_joins(&sub.query)?;
        }
    }
    Ok(())
}

pub(super) fn too_deep() -> Error {
    let message = format!("a query or association spans at most {} tables", DEEPEST + 1);
    Error::new(ErrorCode::QueryInvalid, message)
}

/// Conjuncts over the first columns only, and the others. Only conjuncts that cannot fail move: an error must not appear
/// for a row that the join would have dropped.
fn split_filter(filter: Option<&Expr>, width: usize) -> (Option<Expr>, Option<Expr>) {
    let Some(filter) = filter else { return (None, None) };
    let parts: Vec<Expr> = match filter {
        Expr::Call(Function::And, args) => args.clone(),
        e => vec![e.clone()],
    };
    let (own, rest): (Vec<Expr>, Vec<Expr>) =
        parts.into_iter().partition(|p| p.columns().iter().all(|c| *c < width) && cannot_fail(p));
    let all = |parts: Vec<Expr>| parts.into_iter().fold(None, |a, b| Expr::and(a, Some(b)));
    (all(own), all(rest))
}

fn cannot_fail(e: &Expr) -> bool {
    match e {
        Expr::Column(_) | Expr::Literal(_) => true,
        Expr::Call(function, args) => function.is_total() && args.iter().all(cannot_fail),
    }
}
