//! Parameters in a plan: the node that they are read from, and what reads it.
//!
//! A query's parameters are the one row of a relation of its own. Only filters, extensions and cuts read it: elsewhere, in
//! conditions of joins and in aggregates, parameters become columns first. A comparison of a table's column with a
//! parameter is a part of that column's order, which all queries share.

use super::stream::{Planner, Stream, add_packed};
use super::subquery::{all, cannot_fail};
use crate::circuit::{NodeId, Spec};
use crate::operator::{BoundValue, Count, Extend, Formula, Order, ParamExtend, ParamFilter, ParamTop, Seek, Source};
use crate::query::{BoundQuery, Expr, Function, JoinKind, Place, type_of};
use crate::trace::{Path, RelationId, SortSpec};
use crate::value::{Layout, Type, Value};

/// The parameters of the query that is planned.
#[derive(Clone, Debug, Default)]
pub struct ParamValues {
    /// Relation of the row that holds them; none for a query without.
    pub relation: Option<RelationId>,
    /// Their values.
    pub values: Vec<Value>,
}

/// A comparison that can be sought.
type Bound = (usize, Function, BoundValue);

impl Planner<'_> {
    fn params_node(&mut self) -> (NodeId, RelationId) {
        let relation = self.params.relation.expect("a query with parameters has a relation of them");
        (self.node(Spec::Source(relation), |_, _| Box::new(Source::new(relation))), relation)
    }

    /// Rows for which a condition is true that reads parameters. What does not read any and cannot fail is filtered first,
    /// in nodes that other queries share.
    pub(super) fn filter_with_params(&mut self, stream: Stream, condition: &Expr) -> Stream {
        let mut rest: Vec<Expr> = condition.conjuncts().into_iter().cloned().collect();
        let mut sure = rest.split_off(rest.iter().position(|e| !cannot_fail(e)).unwrap_or(rest.len()));
        std::mem::swap(&mut sure, &mut rest);
        let (read, plain): (Vec<Expr>, Vec<Expr>) = sure.into_iter().partition(Expr::has_param);
        let mut stream = self.filter(stream, all(plain).as_ref());
        let mut read = read;
        if self.is_of_table(stream.node) {
            let bounds = sought(&read);
            if let Some(column) = bounds.first().map(|b| b.0) {
                read.retain(|e| bounds_of(e).is_none_or(|of| of.iter().any(|b| b.0 != column)));
                stream = self.seek(stream, column, bounds.into_iter().map(|b| (b.1, b.2)).collect());
            }
        }
        read.append(&mut rest);
        let Some(condition) = all(read) else { return stream };
        if !condition.has_param() {
            return self.filter(stream, Some(&condition));
        }
        let predicate = stream.formula(&condition);
        let (params, relation) = self.params_node();
        let spec = Spec::ParamFilter { input: stream.node, params, predicate: predicate.clone() };
        let (input, rows) = (stream.node, stream.relation);
        let node = self.node(spec, move |_, _| Box::new(ParamFilter::new(input, rows, relation, predicate)));
        Stream { node, ..stream }
    }

    /// Whether the rows of a node are some of a table's, each once.
    fn is_of_table(&self, node: NodeId) -> bool {
        match self.circuit.spec(node) {
            Spec::Source(_) => true,
            Spec::Filter { input, .. } => self.is_of_table(*input),
            _ => false,
        }
    }

    fn seek(&mut self, stream: Stream, column: usize, bounds: Vec<(Function, BoundValue)>) -> Stream {
        let path = stream.columns[column].0;
        let input = self.arrange_by(&stream, path);
        let (params, relation) = self.params_node();
        let rows = stream.relation;
        let spec = Spec::Seek { input, params, bounds: bounds.clone() };
        let node = self.node(spec, move |_, _| Box::new(Seek::new(input, rows, relation, path, bounds)));
        Stream { node, ..stream }
    }

    /// Rows paired with computed columns that read parameters.
    pub(super) fn extend_with_params(&mut self, stream: &Stream, columns: Vec<(Formula, Type)>) -> NodeId {
        let (params, of_params) = self.params_node();
        let spec = Spec::ParamExtend { input: stream.node, params, columns: columns.clone() };
        let (node, relation) = (stream.node, stream.relation);
        self.node(spec, move |relations, _| {
            let types: Vec<Type> = columns.iter().map(|c| c.1).collect();
            let wide: Vec<bool> = columns.iter().map(|(f, _)| f.is_wide(relations, relation)).collect();
            let right = add_packed(relations, Layout::new(&types), &wide);
            let output = relations.add_pair(relation, right);
            let template: Vec<Formula> = columns.into_iter().map(|c| c.0).collect();
            let extend = Extend::new(relation, template.clone(), right, output);
            Box::new(ParamExtend::new(node, of_params, template, extend))
        })
    }

    /// Puts columns in the place of parameters, or (`whole`) of expressions that read them and cannot fail; the columns come
    /// after the stream's own.
    pub(super) fn lift<'e>(&mut self, stream: Stream, whole: bool, exprs: impl Iterator<Item = &'e mut Expr>) -> Stream {
        let mut computed: Vec<(Expr, Type)> = Vec::new();
        let (before, types) = (stream.columns.len(), stream.types());
        for expr in exprs.filter(|e| e.has_param()) {
            let whole = whole && cannot_fail(expr) && !expr.has_subquery();
            *expr = expr.replaced(&mut |part| {
                let ty = match part {
                    Expr::Param(_, ty) => *ty,
                    part if whole => type_of(part, &types)?,
                    _ => return None,
                };
                let known = computed.iter().position(|c| c.0 == *part);
                let at = known.unwrap_or_else(|| {
                    computed.push((part.clone(), ty));
                    computed.len() - 1
                });
                Some(Expr::Column(before + at))
            });
        }
        if computed.is_empty() { stream } else { self.extend(&stream, &computed) }
    }

    /// A join whose condition reads parameters: of an inner join the rows are filtered after it; for others the rows of the
    /// left side get the parameters as columns.
    pub(super) fn join_with_params(&mut self, left: &Stream, right: &Stream, kind: JoinKind, on: &Expr) -> Stream {
        let split = left.columns.len();
        if kind == JoinKind::Inner {
            // What comes after a condition with parameters is evaluated after it.
            let mut first: Vec<Expr> = on.conjuncts().into_iter().cloned().collect();
            let after = first.split_off(first.iter().position(Expr::has_param).unwrap_or(first.len()));
            let mut sure = true;
            let joins = |e: &Expr| {
                sure &= cannot_fail(e);
                let key = matches!(e, Expr::Call(Function::Eq, args) if matches!(args[..], [Expr::Column(_), Expr::Column(_)]));
                key || sure && !e.has_param()
            };
            let (before, after): (Vec<Expr>, Vec<Expr>) = after.into_iter().partition(joins);
            first.extend(before);
            let always = Expr::Literal(Value::Bool(true));
            let joined = self.join(left, right, kind, &all(first).unwrap_or(always));
            return self.filter(joined, all(after).as_ref());
        }
        let mut on = on.clone();
        let mut found: Vec<(Expr, Type)> = Vec::new();
        on = on.replaced(&mut |e| {
            let Expr::Param(_, ty) = e else { return None };
            let known = found.iter().position(|f| f.0 == *e);
            let at = known.unwrap_or_else(|| {
                found.push((e.clone(), *ty));
                found.len() - 1
            });
            Some(Expr::Column(usize::MAX - at))
        });
        let more = found.len();
        on = on.map_columns(&|c| match usize::MAX - c {
            at if at < more => split + at,
            _ if c < split => c,
            _ => c + more,
        });
        let wide = self.extend(left, &found);
        let mut joined = self.join(&wide, right, kind, &on);
        joined.columns.drain(split..split + more);
        joined
    }

    /// A part of each group, between ends that parameters may say.
    pub(super) fn cut(&mut self, stream: &Stream, query: &BoundQuery, group: Vec<Path>, sort: SortSpec, by: bool) -> Stream {
        let (offset, limit) = match (&query.limit_by, by) {
            (Some(part), true) => (part.offset, Some(part.limit)),
            _ => (query.offset, query.limit),
        };
        let said = |place: Place| query.slots.iter().find(|s| s.place == place).map(|s| Count::Param(s.param));
        let places = if by { [Place::OffsetBy, Place::LimitBy] } else { [Place::Offset, Place::Limit] };
        let offset = said(places[0]).unwrap_or(Count::Fixed(offset as usize));
        let limit = said(places[1]).unwrap_or(Count::Fixed(limit.map_or(usize::MAX, |l| l as usize)));
        if let (Count::Fixed(offset), Count::Fixed(limit)) = (offset, limit) {
            return self.top(stream, group, sort, offset, limit);
        }
        let relation = stream.relation;
        let spec = Spec::ArrangeInOrder { input: stream.node, group: group.clone(), sort: sort.clone() };
        let input = self.node(spec, move |_, _| Box::new(Order::for_operators(relation, group, sort)));
        let (params, of_params) = self.params_node();
        let spec = Spec::ParamTop { input, params, offset, limit };
        let node = self.node(spec, move |_, _| Box::new(ParamTop::new(input, of_params, offset, limit)));
        Stream { node, ..stream.clone() }
    }
}

/// The comparisons of one column that conjuncts make: of the first that is equal to something, else of the first.
fn sought(conditions: &[Expr]) -> Vec<Bound> {
    let found: Vec<Vec<Bound>> = conditions.iter().filter_map(bounds_of).collect();
    let equal = found.iter().flatten().find(|b| b.1 == Function::Eq);
    let Some(column) = equal.or(found.first().and_then(|b| b.first())).map(|b| b.0) else { return Vec::new() };
    found.into_iter().flatten().filter(|b| b.0 == column).collect()
}

/// The comparisons that a conjunct is, if it compares a column with parameters and constants.
fn bounds_of(e: &Expr) -> Option<Vec<Bound>> {
    let Expr::Call(function, args) = e else { return None };
    let side = |e: &Expr| match e {
        Expr::Param(n, _) => Some(BoundValue::Param(*n)),
        Expr::Literal(v) => Some(BoundValue::Fixed(v.clone())),
        _ => None,
    };
    match (function, &args[..]) {
        (Function::Between, [Expr::Column(c), low, high]) => {
            Some(vec![(*c, Function::Ge, side(low)?), (*c, Function::Le, side(high)?)])
        }
        (_, [Expr::Column(c), other]) => Some(vec![(*c, turned(*function)?.0, side(other)?)]),
        (_, [other, Expr::Column(c)]) => Some(vec![(*c, turned(*function)?.1, side(other)?)]),
        _ => None,
    }
}

/// A comparison, and the same with its sides changed.
fn turned(function: Function) -> Option<(Function, Function)> {
    Some(match function {
        Function::Eq => (Function::Eq, Function::Eq),
        Function::Lt => (Function::Lt, Function::Gt),
        Function::Le => (Function::Le, Function::Ge),
        Function::Gt => (Function::Gt, Function::Lt),
        Function::Ge => (Function::Ge, Function::Le),
        _ => return None,
    })
}
