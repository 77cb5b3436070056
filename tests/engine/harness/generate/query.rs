//! Random queries: every pair of features meets.

use eddyline::query::ast::{CteJson, ExprJson, FromJson, LimitByJson, NamedJson, OrderJson, QueryJson, StartJson, WithJson};
use eddyline::query::{Column, Schema, Table};
use eddyline::value::Type;
use fastrand::Rng;

use super::aggregate::{aggregate, computed};
use super::domain::{literal, value};
use super::expression::{Scope, Visible, call};
use super::join::join;
use super::source::{Sight, Source, source};
use super::window::{over_groups, over_nested, over_scope};
use super::{chance, pick, subquery};

pub fn query(rng: &mut Rng, schema: &Schema) -> QueryJson {
    let tenant = schema.tables.values().any(|t| t.tenant).then(|| pick(rng, &["t1", "t1", "t2"]).to_owned());
    let mut sight = Sight { schema, ctes: Vec::new() };
    let mut ctes = Vec::new();
    if chance(rng, 12) {
        for n in 0..rng.usize(1..=2) {
            let (mut query, columns) = part(rng, &sight, 1);
            query.tenant = None;
            let name = if chance(rng, 15) { some_table(rng, schema).name.clone() } else { format!("cte{n}") };
            if sight.ctes.iter().all(|c| c.0 != name) {
                sight.ctes.push((name.clone(), columns));
                ctes.push(CteJson { name, query });
            }
        }
    }
    let (q, _) = part(rng, &sight, 0);
    QueryJson { tenant, ctes, ..q }
}

/// A query, and its columns as a source of another: `depth` levels down in one.
pub(super) fn part(rng: &mut Rng, sight: &Sight<'_>, depth: usize) -> (QueryJson, Vec<Column>) {
    if chance(rng, 6) {
        return set(rng, sight, depth);
    }
    let risky = chance(rng, 8);
    let (from, mut first) = source(rng, sight, depth, "first");
    let mut q = QueryJson { from, ..QueryJson::default() };
    if matches!(q.from, FromJson::Name(_)) && chance(rng, 30) {
        q.alias = Some("first".into());
        first.alias = "first".into();
    }
    let table = first.table;
    let mut sources = vec![first];
    if chance(rng, 35) {
        for n in 0..rng.usize(1..=2) {
            join(rng, sight, depth, &mut q, &mut sources, n);
        }
    }
    if let (true, Some(table)) = (q.joins.is_empty(), table)
        && chance(rng, 15)
    {
        let (computed, columns) = computed(rng, sight.schema, table);
        q.computed = computed;
        sources[0].columns.extend(columns);
    }
    let mut scope = scope_of(rng, &sources);
    if risky && chance(rng, 40) {
        q.filter = Some(risky_condition(rng, &scope));
    } else if chance(rng, 40) {
        q.filter = Some(scope.condition(rng));
    }
    let tables = sight.tables();
    if !risky && !tables.is_empty() && chance(rng, 15) {
        subquery::put_in(rng, &tables, &mut q, &scope);
    }
    scope.risky = risky;
    let columns = if chance(rng, 25) {
        group(rng, &mut q, &scope)
    } else {
        let keys: Option<Vec<Type>> =
            sources.iter().map(|s| s.table.map(key_types)).collect::<Option<Vec<_>>>().map(|k| k.concat());
        // Rows that are put together from a query are shown by their fields; so are columns that share a name.
        let must = sources.len() > 1 && (depth > 0 || sources.iter().any(|s| s.table.is_none()));
        let mut columns = output(rng, &mut q, &scope, keys.as_deref(), must, false);
        let whole = must || q.select.is_some() || sources.len() == 1;
        if !risky && !q.distinct && !tables.is_empty() && whole && chance(rng, 8) {
            let ty = subquery::select(rng, &tables, &mut q, &scope);
            if q.select.as_ref().is_some_and(|s| s.len() == 1) {
                columns.clear();
            }
            columns.push(Column { name: "sub".into(), ..made(0, ty) });
        }
        if let (true, true, Some(table)) = (depth == 0 && !q.distinct, q.joins.is_empty(), table)
            && chance(rng, 70)
        {
            q.with = nested(rng, sight.schema, table, 1);
        }
        columns
    };
    if !q.distinct && chance(rng, 6) {
        first_of_each(rng, &mut q, &scope);
    }
    if depth > 0 {
        q.start = None;
    }
    (q, columns)
}

pub(super) fn some_table<'a>(rng: &mut Rng, schema: &'a Schema) -> &'a Table {
    schema.by_id(rng.u32(0..schema.tables.len() as u32))
}

pub(super) fn visible(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.values().take(table.shown())
}

/// Types of the key as it is written: the tenant is not.
fn key_types(table: &Table) -> Vec<Type> {
    table.key.iter().filter(|c| Some(**c) != table.tenant_column()).map(|&c| table.columns[c].ty).collect()
}

/// Columns are read by alias where there are several sources.
pub(super) fn scope_of(rng: &mut Rng, sources: &[Source<'_>]) -> Scope {
    let by_name = sources.len() == 1 && rng.bool();
    let columns = sources.iter().flat_map(|s| {
        let of = (!by_name).then(|| s.alias.clone());
        s.columns.iter().map(move |c| Visible { of: of.clone(), column: c.clone() })
    });
    Scope { columns: columns.collect(), risky: false }
}

/// A condition that may fail, alone: inside of `and` it would depend on the order of evaluation whether it does.
fn risky_condition(rng: &mut Rng, scope: &Scope) -> ExprJson {
    let (ty, number) = scope.dangerous(rng);
    call(pick(rng, &["<", ">", "!="]), vec![number, literal(&value(rng, ty, false))])
}

/// Grouping: groups and aggregates in select and order. The columns that come of it.
fn group(rng: &mut Rng, q: &mut QueryJson, scope: &Scope) -> Vec<Column> {
    let groups: Vec<(Type, ExprJson)> = (0..pick(rng, &[0, 1, 1, 2, 2, 3])).map(|_| scope.any(rng)).collect();
    let mut fields = groups.clone();
    // A constant that is not grouped by is null, a parameter of its value is not.
    let in_sets = chance(rng, 25) && groups.iter().all(|(_, e)| reads(e));
    let grouping = |rng: &mut Rng| (Type::Int, call("grouping", (0..rng.usize(1..=3)).map(|_| pick(rng, &groups).1).collect()));
    if !fields.is_empty() && chance(rng, 20) {
        fields.remove(0);
    }
    fields.extend((0..rng.usize(1..=3)).map(|_| aggregate(rng, scope)));
    if chance(rng, 20) {
        let (ty, e) = fields[0].clone();
        fields.push((ty, call("coalesce", vec![e.clone(), e])));
    }
    if !groups.is_empty() && chance(rng, if in_sets { 60 } else { 3 }) {
        fields.push(grouping(rng));
    }
    if chance(rng, 30) {
        let over = over_groups(rng, &fields);
        fields.push(over);
    }
    let named = |(i, (_, expr)): (usize, &(Type, ExprJson))| NamedJson { name: format!("f{i}"), expr: expr.clone() };
    q.select = Some(fields.iter().enumerate().map(named).collect());
    if chance(rng, 25) {
        // The condition of the least risk: of an aggregate's value, whatever its type.
        let (ty, e) = if in_sets && !groups.is_empty() && rng.bool() { grouping(rng) } else { aggregate(rng, scope) };
        let bound = literal(&value(rng, ty, false));
        let op = pick(rng, &["<", ">=", "!="]);
        q.having = Some(if chance(rng, 20) { call("isNotNull", vec![e]) } else { call(op, vec![e, bound]) });
    }
    if !groups.is_empty() || rng.bool() || in_sets {
        q.group_by = Some(groups.iter().enumerate().map(named).collect());
    }
    if in_sets {
        let mut numbers: Vec<u32> = (0..groups.len() as u32).collect();
        let mut set = |rng: &mut Rng| {
            rng.shuffle(&mut numbers);
            numbers[..rng.usize(0..=numbers.len())].to_vec()
        };
        let mut sets: Vec<Vec<u32>> = (0..rng.usize(1..=4)).map(|_| set(rng)).collect();
        // What no grouping is by is evaluated too, and may fail.
        if (0..groups.len() as u32).any(|n| sets.iter().all(|s| !s.contains(&n))) {
            sets.push((0..groups.len() as u32).collect());
        }
        q.grouping_sets = Some(sets);
    }
    let mut types = Vec::new();
    q.distinct = chance(rng, 10);
    for _ in 0..rng.usize(0..=2) {
        let (ty, expr) = if q.distinct || rng.bool() { pick(rng, &fields) } else { aggregate(rng, scope) };
        let nulls = chance(rng, 20).then(|| "first".to_owned());
        q.order_by.push(OrderJson { expr, desc: rng.bool(), nulls });
        types.push(ty);
    }
    let mut keys: Vec<Type> = if q.distinct { &fields } else { &groups }.iter().map(|(ty, _)| *ty).collect();
    if in_sets && !q.distinct {
        // The number of the set.
        keys.push(Type::Int);
    }
    cut(rng, q, &types, Some(&keys));
    fields.iter().enumerate().map(|(i, (ty, _))| made(i, *ty)).collect()
}

/// Whether a column is read.
pub fn reads(e: &ExprJson) -> bool {
    e.op == "col" || e.args.iter().any(reads)
}

/// A column that a query makes: a number among them is compared, not calculated with.
fn made(i: usize, ty: Type) -> Column {
    Column { name: format!("f{i}"), ty, nullable: true, safe_integer: false }
}

/// Select, order and cut of a query without grouping. The columns that come of it.
fn output(rng: &mut Rng, q: &mut QueryJson, scope: &Scope, keys: Option<&[Type]>, must: bool, nested: bool) -> Vec<Column> {
    let mut columns: Vec<Column> = scope.columns.iter().map(|v| v.column.clone()).collect();
    let over = |rng: &mut Rng| if nested { over_nested(rng, scope) } else { over_scope(rng, scope) };
    let windows = chance(rng, 25);
    if must || chance(rng, 45) || windows {
        let fields: Vec<(Column, ExprJson)> = (0..rng.usize(1..=3))
            .map(|i| {
                if windows && (i == 0 || rng.bool()) {
                    let (ty, expr) = over(rng);
                    return (made(i, ty), expr);
                }
                if !scope.risky && chance(rng, 60) {
                    let read = pick(rng, &scope.columns);
                    return (Column { name: format!("f{i}"), ..read.column.clone() }, read.read());
                }
                let (ty, expr) = scope.any(rng);
                (made(i, ty), expr)
            })
            .collect();
        q.select = Some(fields.iter().map(|(c, expr)| NamedJson { name: c.name.clone(), expr: expr.clone() }).collect());
        columns = fields.into_iter().map(|f| f.0).collect();
    }
    q.distinct = !nested && chance(rng, 10) && (must || q.joins.is_empty() || q.select.is_some());
    if q.distinct {
        let types = distinct_order(rng, q, &columns);
        let keys: Vec<Type> = columns.iter().map(|c| c.ty).collect();
        cut(rng, q, &types, Some(&keys));
        return columns;
    }
    let (mut order, mut types) = scope.order(rng, 2);
    if chance(rng, if windows { 30 } else { 3 }) {
        let (ty, expr) = over(rng);
        order.push(OrderJson { expr, desc: rng.bool(), nulls: None });
        types.push(ty);
    }
    q.order_by = order;
    cut(rng, q, &types, keys);
    columns
}

/// An order by what is selected, with its types.
fn distinct_order(rng: &mut Rng, q: &mut QueryJson, columns: &[Column]) -> Vec<Type> {
    let mut types = Vec::new();
    for _ in 0..rng.usize(0..=2) {
        let at = rng.usize(0..columns.len());
        let expr = match &q.select {
            Some(fields) => fields[at].expr.clone(),
            None => Visible { of: None, column: columns[at].clone() }.read(),
        };
        let nulls = chance(rng, 20).then(|| pick(rng, &["first", "last"]).to_owned());
        q.order_by.push(OrderJson { expr, desc: rng.bool(), nulls });
        types.push(columns[at].ty);
    }
    types
}

/// The first rows of each group; of a grouped query, the groups are of an aggregate.
fn first_of_each(rng: &mut Rng, q: &mut QueryJson, scope: &Scope) {
    let grouped = q.group_by.is_some() || q.having.is_some() || q.select.iter().flatten().any(|f| has_aggregate(&f.expr));
    let fields: Vec<ExprJson> = q.select.iter().flatten().filter(|f| f.expr.op != "over").map(|f| f.expr.clone()).collect();
    if grouped && fields.is_empty() {
        return;
    }
    let by: Vec<ExprJson> = (0..rng.usize(1..=2)).map(|_| if grouped { pick(rng, &fields) } else { scope.any(rng).1 }).collect();
    if rng.bool() {
        q.distinct_on = Some(by);
    } else {
        q.limit_by = Some(LimitByJson {
            by,
            limit: rng.u32(1..4),
            offset: chance(rng, 30).then(|| rng.u32(0..3)),
            ..LimitByJson::default()
        });
    }
}

pub(super) fn has_aggregate(e: &ExprJson) -> bool {
    e.op == "agg" || e.args.iter().any(has_aggregate)
}

/// A set operation, and its columns.
fn set(rng: &mut Rng, sight: &Sight<'_>, depth: usize) -> (QueryJson, Vec<Column>) {
    let (mut first, columns) = part(rng, sight, depth + 1);
    first.tenant = None;
    let mut inputs = vec![first];
    for _ in 0..rng.usize(1..=2) {
        let input = if chance(rng, 30) { pick(rng, &inputs) } else { of_columns(rng, sight, depth + 1, &columns) };
        inputs.push(input);
    }
    let op = pick(rng, &["union", "union", "union", "intersect", "except"]);
    let mut q = QueryJson { set_op: Some(op.into()), all: rng.bool(), inputs, ..QueryJson::default() };
    let columns: Vec<Column> = columns.into_iter().map(|c| Column { nullable: true, ..c }).collect();
    let types = distinct_order(rng, &mut q, &columns);
    let keys: Vec<Type> = columns.iter().map(|c| c.ty).chain(q.all.then_some(Type::Int)).collect();
    cut(rng, &mut q, &types, Some(&keys));
    if depth > 0 {
        q.start = None;
    }
    (q, columns)
}

/// A query with columns of these types, integers perhaps where floats are.
fn of_columns(rng: &mut Rng, sight: &Sight<'_>, depth: usize, columns: &[Column]) -> QueryJson {
    let (from, source) = source(rng, sight, depth, "first");
    let mut q = QueryJson { from, ..QueryJson::default() };
    let scope = Scope::of_columns(&source.columns);
    let field = |(i, c): (usize, &Column)| {
        let ty = if c.ty == Type::Float && chance(rng, 20) { Type::Int } else { c.ty };
        NamedJson { name: format!("g{i}"), expr: scope.of_type(rng, ty, 1) }
    };
    q.select = Some(columns.iter().enumerate().map(field).collect());
    if chance(rng, 40) {
        q.filter = Some(scope.condition(rng));
    }
    q
}

/// `keys`: types of the key, if it can be written.
fn cut(rng: &mut Rng, q: &mut QueryJson, types: &[Type], keys: Option<&[Type]>) {
    q.limit = chance(rng, 40).then(|| if chance(rng, 5) { 0 } else { rng.u32(1..7) });
    q.offset = chance(rng, 20).then(|| rng.u32(0..4));
    if chance(rng, 15) {
        let whole = types.is_empty() || rng.bool();
        let mut of = types.to_vec();
        of.extend(keys.filter(|_| whole).into_iter().flatten());
        let values = of.iter().map(|ty| literal(&value(rng, *ty, false))).collect::<Vec<_>>();
        if !values.is_empty() {
            q.start = Some(StartJson { values, inclusive: rng.bool() });
        }
    }
}

/// A table and its associations, three levels down, with little else.
pub fn graph(rng: &mut Rng, schema: &Schema) -> QueryJson {
    let table = some_table(rng, schema);
    let from = FromJson::Name(table.name.clone());
    QueryJson { from, with: associations(rng, schema, table, 1), ..QueryJson::default() }
}

/// A table with a list of links that point at rows, in an order of columns, under a condition, cut, with what the rows lead to, by
/// itself or below its owner's owner; none if the schema has no such list.
pub fn pairs(rng: &mut Rng, schema: &Schema) -> Option<QueryJson> {
    let points = |relation: &eddyline::query::Relation| {
        let [_, .., last] = &relation.hops[..] else { return false };
        !relation.kind.is_single() && !relation.keeps_duplicates && !last.refers_back
    };
    let lists = schema.tables.values().flat_map(|t| t.relations.values().filter(|r| points(r)).map(move |r| (t, r)));
    let mut lists: Vec<_> = lists.collect();
    let bare = |relation: &eddyline::query::Relation| {
        let [first, last] = &relation.hops[..] else { return false };
        schema.by_id(first.table).key.iter().all(|c| first.right.contains(c) || last.left.contains(c))
    };
    if lists.iter().any(|(_, r)| bare(r)) && chance(rng, 70) {
        lists.retain(|(_, r)| bare(r));
    }
    if lists.is_empty() {
        return None;
    }
    let (owner, relation) = pick(rng, &lists);
    let columns: Vec<&Column> = visible(schema.by_id(relation.target)).collect();
    let scope = Scope::of_columns(visible(schema.by_id(relation.target)));
    let mut q = QueryJson::default();
    for _ in 0..rng.usize(0..=2) {
        let nulls = chance(rng, 20).then(|| pick(rng, &["first", "last"]).to_owned());
        let expr = ExprJson { op: "col".into(), name: Some(pick(rng, &columns).name.clone()), ..ExprJson::default() };
        q.order_by.push(OrderJson { expr, desc: rng.bool(), nulls });
    }
    q.filter = chance(rng, 50).then(|| scope.condition(rng));
    q.limit = chance(rng, 40).then(|| rng.u32(1..4));
    q.offset = chance(rng, 20).then(|| rng.u32(0..3));
    if chance(rng, 40) {
        let mut chosen: Vec<&Column> = visible(schema.by_id(relation.target)).collect();
        rng.shuffle(&mut chosen);
        chosen.truncate(rng.usize(1..=chosen.len()));
        let named = |c: &&Column| NamedJson {
            name: if c.name.len() > 2 { c.name.clone() } else { format!("as_{}", c.name) },
            expr: ExprJson { op: "col".into(), name: Some(c.name.clone()), ..ExprJson::default() },
        };
        q.select = Some(chosen.iter().map(named).collect());
    }
    if chance(rng, 40) && !schema.by_id(relation.target).relations.is_empty() {
        q.with = associations(rng, schema, schema.by_id(relation.target), 3);
    }
    let list = WithJson { relation: relation.name.clone(), name: None, query: Some(Box::new(q)) };
    let above = |t: &Table| t.relations.values().find(|r| r.target == owner.id).map(|r| (t.name.clone(), r.name.clone()));
    let (from, with) = match schema.tables.values().filter_map(above).find(|_| chance(rng, 30)) {
        None => (owner.name.clone(), list),
        Some((from, relation)) => {
            let query = QueryJson { with: vec![list], ..QueryJson::default() };
            (from, WithJson { relation, name: None, query: Some(Box::new(query)) })
        }
    };
    Some(QueryJson { from: FromJson::Name(from), with: vec![with], ..QueryJson::default() })
}

fn associations(rng: &mut Rng, schema: &Schema, table: &Table, level: usize) -> Vec<WithJson> {
    let mut relations: Vec<_> = table.relations.values().collect();
    rng.shuffle(&mut relations);
    relations.truncate(rng.usize(1..=2));
    let with = |relation: &eddyline::query::Relation| {
        let target = schema.by_id(relation.target);
        let mut q = QueryJson::default();
        let scope = Scope::of_columns(visible(target));
        if chance(rng, 10) {
            q.filter = Some(scope.condition(rng));
        }
        if chance(rng, 25) {
            q.order_by = scope.order(rng, 2).0;
        }
        if !relation.kind.is_single() && chance(rng, 20) {
            q.limit = Some(rng.u32(1..4));
            q.offset = chance(rng, 30).then(|| rng.u32(0..3));
        }
        if level < 3 && chance(rng, 85) {
            q.with = associations(rng, schema, target, level + 1);
        }
        WithJson { relation: relation.name.clone(), name: None, query: Some(Box::new(q)) }
    };
    relations.into_iter().map(with).collect()
}

/// Associations of a table, up to three levels down.
fn nested(rng: &mut Rng, schema: &Schema, table: &Table, level: usize) -> Vec<WithJson> {
    let relations: Vec<_> = table.relations.values().collect();
    let mut out: Vec<WithJson> = Vec::new();
    if relations.is_empty() {
        return out;
    }
    for n in 0..rng.usize(1..=2) {
        let relation = pick(rng, &relations);
        let target = schema.by_id(relation.target);
        let mut q = QueryJson::default();
        let mut columns: Vec<Column> = visible(target).cloned().collect();
        if chance(rng, 15) {
            let (computed, more) = computed(rng, schema, target);
            q.computed = computed;
            columns.extend(more);
        }
        let scope = Scope::of_columns(&columns);
        if chance(rng, 25) {
            q.filter = Some(scope.condition(rng));
        }
        if chance(rng, 50) {
            output(rng, &mut q, &scope, Some(&[]), false, true);
            q.start = None;
            if relation.keeps_duplicates {
                // Rows with the same key have no certain place in a window.
                q.select = q.select.filter(|fields| fields.iter().all(|f| f.expr.op != "over"));
                q.order_by.retain(|o| o.expr.op != "over");
            }
            if relation.kind.is_single() {
                (q.limit, q.offset) = (None, None);
            }
        }
        if level < 3 && chance(rng, 60) {
            q.with = nested(rng, schema, target, level + 1);
        }
        let again = out.iter().any(|w| w.relation == relation.name);
        let name = (again || chance(rng, 20)).then(|| format!("n{n}"));
        let query = (q != QueryJson::default() || rng.bool()).then(|| Box::new(q));
        out.push(WithJson { relation: relation.name.clone(), name, query });
    }
    out
}
