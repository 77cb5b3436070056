//! Streams: a node, and where the columns of the query's scope are in its rows.

use std::rc::Rc;

use super::params::ParamValues;
use crate::circuit::{Circuit, NodeId, Spec};
use crate::operator::{
    Against, AggregateGroups, ArrangeByKey, ArrivalLink, Bound, Call, Combine, Elements, Extend, Filter, Formula, Gate, Link,
    Member, Order, Source, Top, Unnest, Window, WindowColumn,
};
use crate::query::{
    self, Aggregate, AggregateFunction, Exclude, Expr, Frame, FrameUnit, Schema, SetQuery, TableId, Unnest as Unnested,
    WindowCall, WindowFunction,
};
use crate::trace::{Path, RelationId, Relations, SortColumn, SortSpec};
use crate::value::{Layout, Type};

/// A node's output as a relation with columns.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The node.
    pub node: NodeId,
    /// Relation of its rows.
    pub relation: RelationId,
    /// Columns of the scope: place and type.
    pub columns: Vec<(Path, Type)>,
}

impl Stream {
    /// A formula over this stream's rows.
    pub fn formula(&self, expr: &Expr) -> Formula {
        Formula::new(expr, &|c| self.columns[c].0)
    }

    /// How deep pairs are nested on the way to the first column.
    pub fn depth(&self) -> usize {
        self.columns.first().map_or(0, |c| c.0.depth())
    }

    /// The places of some columns.
    pub fn paths(&self, columns: &[usize]) -> Vec<Path> {
        columns.iter().map(|&c| self.columns[c].0).collect()
    }

    /// Types of the columns.
    pub fn types(&self) -> Vec<Type> {
        self.columns.iter().map(|c| c.1).collect()
    }

    /// Type of the column at a place.
    pub(super) fn type_at(&self, path: Path) -> Type {
        self.columns.iter().find(|c| c.0 == path).map_or(Type::Int, |c| c.1)
    }

    pub(super) fn within(&self, right: bool) -> impl Iterator<Item = (Path, Type)> + '_ {
        self.columns.iter().map(move |(p, t)| (p.within(right), *t))
    }
}

/// Builds nodes. Every node it asks for is held until [`finish`](Planner::finish).
pub struct Planner<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// The circuit.
    pub circuit: &'a mut Circuit,
    /// All rows.
    pub relations: &'a mut Relations,
    /// Parameters of the query.
    pub params: ParamValues,
    held: Vec<NodeId>,
    /// Number of the gates that tables are behind; none: their rows are there at once.
    pub(super) gated: Option<u32>,
    /// The gates, each once.
    pub(super) gates: Vec<NodeId>,
    /// Growing relations of the recursions that are being planned, inner ones last.
    pub(super) growing: Vec<Vec<Stream>>,
    /// Of the sub-query that is planned next so many rows of each partition are enough.
    pub(super) first_rows: Option<usize>,
}

impl<'a> Planner<'a> {
    /// A planner over a circuit, for a query with these parameters.
    pub fn new(schema: &'a Schema, circuit: &'a mut Circuit, relations: &'a mut Relations, params: ParamValues) -> Self {
        let (gates, growing) = (Vec::new(), Vec::new());
        Planner { schema, circuit, relations, params, held: Vec::new(), gated: None, gates, growing, first_rows: None }
    }

    /// Gives back all nodes but those that stay in use.
    pub fn finish(self, kept: &[NodeId]) {
        self.circuit.end_hydration();
        let mut kept = kept.to_vec();
        for id in self.held {
            match kept.iter().position(|&k| k == id) {
                Some(at) => {
                    kept.swap_remove(at);
                }
                None => self.circuit.release(self.relations, id),
            }
        }
    }

    pub(super) fn node(
        &mut self,
        spec: Spec,
        make: impl FnOnce(&mut Relations, &Spec) -> Box<dyn crate::circuit::Operator>,
    ) -> NodeId {
        let id = self.circuit.node(self.relations, spec, Box::new(make));
        self.held.push(id);
        id
    }

    pub(super) fn output(&self, node: NodeId) -> RelationId {
        self.circuit.output_relation(node).expect("the node makes rows")
    }

    /// All rows of a table.
    pub fn table(&mut self, table: TableId) -> Stream {
        let mut node = self.node(Spec::Source(table), |_, _| Box::new(Source::new(table)));
        if let Some(of) = self.gated.filter(|_| self.relations.live(table) > 0) {
            node = self.node(Spec::Gate { input: node, of }, |_, _| Box::new(Gate::new(table)));
            if !self.gates.contains(&node) {
                self.gates.push(node);
            }
        }
        let t = self.schema.by_id(table);
        let columns = t.columns.values().enumerate().map(|(i, c)| (Path::column(i), c.ty)).collect();
        Stream { node, relation: table, columns }
    }

    /// Rows for which all conditions are true. Conjuncts are one node each way they are written: `a and b` is one filter.
    pub fn filter(&mut self, stream: Stream, condition: Option<&Expr>) -> Stream {
        let Some(condition) = condition else { return stream };
        if condition.has_param() {
            return self.filter_with_params(stream, condition);
        }
        let predicate = Rc::new(stream.formula(condition));
        let spec = Spec::Filter { input: stream.node, predicate: predicate.clone() };
        let relation = stream.relation;
        let node = self.node(spec, move |_, _| Box::new(Filter::new(relation, predicate)));
        Stream { node, ..stream }
    }

    pub(super) fn arrange(&mut self, stream: &Stream, key: &[Path], nulls_equal: bool) -> NodeId {
        let spec = Spec::ArrangeByKey { input: stream.node, key: key.to_vec(), nulls_equal };
        let relation = stream.relation;
        self.node(spec, |_, spec| match spec {
            Spec::ArrangeByKey { key, .. } => Box::new(ArrangeByKey::new(relation, key.clone(), nulls_equal)),
            _ => unreachable!("the spec just made"),
        })
    }

    pub(super) fn arrange_in_order(&mut self, stream: &Stream, group: Vec<Path>, sort: SortSpec) -> NodeId {
        let relation = stream.relation;
        let spec = Spec::ArrangeInOrder { input: stream.node, group: group.clone(), sort: sort.clone() };
        self.node(spec, move |_, _| Box::new(Order::for_operators(relation, group, sort)))
    }

    /// A stream in the order of one column.
    pub(super) fn arrange_by(&mut self, stream: &Stream, path: Path) -> NodeId {
        let column = SortColumn { path, ty: stream.type_at(path), desc: false, nulls_first: false };
        self.arrange_in_order(stream, Vec::new(), SortSpec { columns: vec![column], ..SortSpec::default() })
    }

    /// The rows that compare so with what the one row of another stream says.
    pub fn bounded(&mut self, left: &Stream, right: &Stream, against: Against) -> Stream {
        let l = self.arrange_by(left, against.column);
        let spec = Spec::Bound { left: l, right: right.node, against: against.clone() };
        let (left_relation, right) = (left.relation, right.relation);
        let node = self.node(spec, move |_, _| Box::new(Bound::new((l, left_relation), right, against)));
        Stream { node, ..left.clone() }
    }

    /// Rows paired with computed columns, which come after the stream's own.
    pub fn extend(&mut self, stream: &Stream, computed: &[(Expr, Type)]) -> Stream {
        let columns: Vec<(Formula, Type)> = computed.iter().map(|(e, t)| (stream.formula(e), *t)).collect();
        let types: Vec<Type> = computed.iter().map(|c| c.1).collect();
        let new = types.iter().enumerate().map(|(i, t)| (Path::column(i).within(true), *t));
        let new = stream.within(false).chain(new).collect();
        if computed.iter().any(|c| c.0.has_param()) {
            let node = self.extend_with_params(stream, columns);
            return Stream { node, relation: self.output(node), columns: new };
        }
        let spec = Spec::Extend { input: stream.node, columns: columns.clone() };
        let (input, layout) = (stream.relation, Layout::new(&types));
        let node = self.node(spec, move |relations, _| {
            let wide: Vec<bool> = columns.iter().map(|(f, _)| f.is_wide(relations, input)).collect();
            let right = add_packed(relations, layout, &wide);
            let output = relations.add_pair(input, right);
            Box::new(Extend::new(input, columns.into_iter().map(|c| c.0).collect(), right, output))
        });
        Stream { node, relation: self.output(node), columns: new }
    }

    /// Rows paired with the elements of an array and their numbers; `keeps`: with nulls where there are none.
    pub fn unnest(&mut self, stream: &Stream, unnest: &Unnested, keeps: bool) -> Stream {
        let width = stream.columns.len();
        let array = [(unnest.array.clone(), Type::Array(unnest.of))];
        let extended = self.extended(stream.clone(), array.iter().map(|(e, t)| (e, *t)));
        let (path, _) = extended.place(&unnest.array, Type::Array(unnest.of));
        let below = &extended.stream;
        let types = unnest.types();
        let elements = Elements { array: path, of: unnest.of, size: unnest.size, keeps };
        let spec = Spec::Unnest { input: below.node, elements };
        let (input, layout) = (below.relation, Layout::new(&types));
        let node = self.node(spec, move |relations, _| {
            let wide = [relations.is_wide(input, path), false];
            let right = add_packed(relations, layout, &wide);
            let output = relations.add_pair(input, right);
            Box::new(Unnest::new(input, elements, right, output))
        });
        let new = types.iter().enumerate().map(|(i, t)| (Path::column(i).within(true), *t));
        let columns = below.columns[..width].iter().map(|(p, t)| (p.within(false), *t)).chain(new).collect();
        Stream { node, relation: self.output(node), columns }
    }

    /// Groups that `having` keeps; the columns are the group expressions, then the aggregates.
    pub fn aggregate(&mut self, stream: Stream, aggregate: &Aggregate, group_types: &[Type]) -> Stream {
        let mut calls = aggregate.calls.clone();
        let mut parts: Vec<&mut Expr> = Vec::new();
        for call in &mut calls {
            let order = call.order.iter_mut().map(|key| &mut key.expr);
            parts.extend([&mut call.argument, &mut call.second, &mut call.filter].into_iter().flatten().chain(order));
        }
        let stream = self.lift(stream, true, parts.into_iter());
        let computed: Vec<(Expr, Type)> = aggregate
            .groups
            .iter()
            .zip(group_types)
            .filter(|(e, _)| !matches!(e, Expr::Column(_)))
            .map(|(e, t)| (e.clone(), *t))
            .collect();
        let mut next = stream.columns.len();
        let stream = if computed.is_empty() { stream } else { self.extend(&stream, &computed) };
        let groups: Vec<Path> = aggregate
            .groups
            .iter()
            .map(|e| match e {
                Expr::Column(c) => stream.columns[*c].0,
                _ => {
                    next += 1;
                    stream.columns[next - 1].0
                }
            })
            .collect();
        let calls: Vec<Call> = calls.iter().map(|c| Call::new(c, &|e| stream.formula(e))).collect();
        let types: Vec<Type> = group_types.iter().copied().chain(aggregate.calls.iter().map(|c| c.ty)).collect();
        let spec = Spec::Aggregate { input: stream.node, groups: groups.clone(), calls: calls.clone() };
        let (input, layout) = (stream.relation, Layout::new(&types));
        let node = self.node(spec, move |relations, _| {
            let of_groups = groups.iter().map(|p| relations.is_wide(input, *p));
            let of_calls = calls.iter().map(|c| {
                c.function != AggregateFunction::Count && c.argument.as_ref().is_some_and(|a| a.is_wide(relations, input))
            });
            let wide: Vec<bool> = of_groups.chain(of_calls).collect();
            let output = add_packed(relations, layout, &wide);
            Box::new(AggregateGroups::new(input, groups, calls, output))
        });
        let columns = types.iter().enumerate().map(|(i, t)| (Path::column(i), *t)).collect();
        let groups = Stream { node, relation: self.output(node), columns };
        self.filter(groups, aggregate.having.as_ref())
    }

    /// Rows paired with window functions of one partitioning and order, whose first columns make peers; the stream's own
    /// columns, and the places of the functions' values.
    pub fn window(
        &mut self,
        stream: &Stream,
        partition: Vec<Path>,
        (sort, order): (SortSpec, usize),
        calls: Vec<(&WindowCall, Vec<Formula>)>,
    ) -> (Stream, Vec<(Path, Type)>) {
        let types: Vec<Type> = calls.iter().map(|c| c.0.ty).collect();
        // Peers without an order are the whole partition, which as rows is looked at only where a value is another one.
        let is_end = |b: &query::Bound| *b == query::Bound::Unbounded || order == 0 && *b == query::Bound::Current;
        let column = |(call, arguments): (&WindowCall, Vec<Formula>)| {
            let mut frame = call.frame.clone();
            if frame.unit != FrameUnit::Rows && frame.exclude == Exclude::NoOthers && is_end(&frame.start) && is_end(&frame.end) {
                let (start, end) = (query::Bound::Unbounded, query::Bound::Unbounded);
                frame = Frame { unit: FrameUnit::Rows, start, end, ..frame };
            }
            WindowColumn::new(call.function, arguments, frame, call.ty)
        };
        let columns: Vec<WindowColumn> = calls.into_iter().map(column).collect();
        let (input, layout) = (stream.relation, Layout::new(&types));
        let spec = Spec::Window {
            input: stream.node,
            partition: partition.clone(),
            sort: sort.clone(),
            order,
            columns: columns.clone(),
        };
        let node = self.node(spec, move |relations, _| {
            let wide: Vec<bool> = columns
                .iter()
                .map(|c| c.function != WindowFunction::Count && c.arguments.iter().any(|a| a.is_wide(relations, input)))
                .collect();
            let computed = add_packed(relations, layout, &wide);
            let output = relations.add_pair(input, computed);
            Box::new(Window::new(input, partition, (sort, order), columns, computed, output))
        });
        let found = types.iter().enumerate().map(|(i, t)| (Path::column(i).within(true), *t)).collect();
        (Stream { node, relation: self.output(node), columns: stream.within(false).collect() }, found)
    }

    /// Distinct links of a chain of joins; the columns are those of the last table, then the key's. With numbers, each link
    /// has the number of its arrival.
    pub fn link(&mut self, chain: &Stream, key: &[(Path, Type)], target: &Stream, numbers: &[Path]) -> Stream {
        let paths: Vec<Path> = key.iter().map(|k| k.0).collect();
        let types: Vec<Type> = key.iter().map(|k| k.1).collect();
        let spec = Spec::Link { input: chain.node, key: paths.clone(), target: vec![true], numbers: numbers.to_vec() };
        let (input, target_relation, layout) = (chain.relation, target.relation, Layout::new(&types));
        let node = self.node(spec, move |relations, _| {
            let keys = relations.add_packed(layout);
            let output = relations.add_pair(keys, target_relation);
            if numbers.is_empty() {
                return Box::new(Link::new(input, paths, vec![true], keys, output));
            }
            relations.add_numbers(output, 1);
            Box::new(ArrivalLink::new(input, paths, vec![true], numbers.to_vec(), keys, output))
        });
        let keys = types.iter().enumerate().map(|(i, t)| (Path::column(i).within(false), *t));
        Stream { node, relation: self.output(node), columns: target.within(true).chain(keys).collect() }
    }

    /// The rows behind an offset, at most so many, of each group in an order.
    pub fn top(&mut self, stream: &Stream, group: Vec<Path>, sort: SortSpec, offset: usize, limit: usize) -> Stream {
        let input = self.arrange_in_order(stream, group, sort);
        let node = self.node(Spec::Top { input, offset, limit }, move |_, _| Box::new(Top::new(input, offset, limit)));
        Stream { node, ..stream.clone() }
    }

    /// A set operation on the first columns of two streams, which get these types.
    pub fn combine(&mut self, set: &SetQuery, width: usize, types: &[Type], left: &Stream, right: &Stream) -> Stream {
        let (op, all) = (set.op, set.all);
        let member = |s: &Stream| Member { relation: s.relation, columns: s.columns[..width].iter().map(|c| c.0).collect() };
        let sides = [member(left), member(right)];
        let columns = sides.clone().map(|s| s.columns);
        let types = types.to_vec();
        let spec = Spec::Combine { left: left.node, right: right.node, op, all, columns };
        let made = types.clone();
        let node = self.node(spec, move |relations, _| {
            let is_wide = |c: usize| sides.iter().any(|s| relations.is_wide(s.relation, s.columns[c]));
            let wide: Vec<bool> = (0..width).map(is_wide).collect();
            let tuples = add_packed(relations, Layout::new(&made[..width]), &wide);
            let rows = all.then(|| add_packed(relations, Layout::new(&made), &wide));
            Box::new(Combine::new(op, sides, tuples, rows))
        });
        let columns = types.iter().enumerate().map(|(i, t)| (Path::column(i), *t)).collect();
        Stream { node, relation: self.output(node), columns }
    }

    /// An ordered arrangement.
    pub fn order(&mut self, stream: &Stream, group: Vec<Path>, sort: SortSpec) -> NodeId {
        let spec = Spec::Order { input: stream.node, group: group.clone(), sort: sort.clone() };
        let relation = stream.relation;
        self.node(spec, move |_, _| Box::new(Order::new(relation, group, sort)))
    }
}

/// A packed relation, with the integer columns marked that may be beyond 2^53.
pub(super) fn add_packed(relations: &mut Relations, layout: Layout, wide: &[bool]) -> RelationId {
    let marked: Vec<usize> = (0..wide.len()).filter(|&c| wide[c] && layout.columns[c].ty == Type::Int).collect();
    let id = relations.add_packed(layout);
    marked.into_iter().for_each(|c| relations.mark_wide(id, c));
    id
}
