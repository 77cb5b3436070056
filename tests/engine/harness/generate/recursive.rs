//! Random recursions over pairs of columns of the tables: linear or not, mutual, with conditions and sub-queries beside.

use eddyline::query::ast::{FromJson, GrowingJson, JoinJson, NamedJson, QueryJson, RecursiveJson};
use eddyline::query::{Column, Table};
use eddyline::value::Type;
use fastrand::Rng;

use super::expression::{Scope, Visible, call};
use super::query::visible;
use super::source::{Sight, Source};
use super::{chance, pick, subquery};

/// Names of the columns of all relations.
const COLUMNS: [&str; 2] = ["x", "y"];

fn column(name: &str, ty: Type) -> Column {
    Column { name: name.to_owned(), ty, nullable: true, safe_integer: false }
}

/// A recursion, if there is a table that is in sight.
pub fn recursive<'a>(rng: &mut Rng, sight: &Sight<'a>, alias: &str) -> Option<(FromJson, Source<'a>)> {
    let tables = sight.tables();
    let table = tables.get(rng.usize(0..tables.len().max(1)))?;
    let ordered: Vec<&Column> = visible(table).collect();
    let (x, y) = (pick(rng, &ordered), pick(rng, &ordered));
    let types = [x.ty, y.ty];
    let mutual = chance(rng, 25);
    let names: &[&str] = if mutual { &["r", "s"] } else { &["r"] };
    let mut relations = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mut branches = Vec::new();
        if i == 0 || chance(rng, 40) {
            branches.push(base(rng, table, [x, y]));
        } else {
            // Its types are those of the other's.
            branches.push(step(rng, &tables, &["r"], types));
        }
        for _ in 0..rng.usize(1..=2) {
            branches.push(step(rng, &tables, names, types));
        }
        if rng.bool() {
            branches.reverse();
        }
        let columns = COLUMNS.map(str::to_owned).to_vec();
        relations.push(GrowingJson { name: (*name).to_owned(), columns, branches, ..GrowingJson::default() });
    }
    let recursive = Box::new(RecursiveJson { relations, result: pick(rng, names).to_owned(), max_rounds: None });
    let columns = COLUMNS.iter().zip(types).map(|(name, ty)| column(name, ty)).collect();
    let from = FromJson::Recursive { recursive, alias: Some(alias.to_owned()) };
    Some((from, Source { alias: alias.to_owned(), columns, table: None }))
}

fn base(rng: &mut Rng, table: &Table, columns: [&Column; 2]) -> QueryJson {
    let scope = Scope::of_columns(visible(table));
    let read = |c: &Column| Visible { of: None, column: c.clone() }.read();
    QueryJson {
        from: FromJson::from(table.name.clone()),
        filter: chance(rng, 30).then(|| scope.condition(rng)),
        select: Some(fields(columns.map(read))),
        ..QueryJson::default()
    }
}

fn fields(exprs: [eddyline::query::ast::ExprJson; 2]) -> Vec<NamedJson> {
    COLUMNS.iter().zip(exprs).map(|(name, expr)| NamedJson { name: (*name).to_owned(), expr }).collect()
}

/// A branch over a relation, joined to a table or to a relation on what types allow.
fn step(rng: &mut Rng, tables: &[&Table], names: &[&str], types: [Type; 2]) -> QueryJson {
    let of = |alias: &str, column: Column| Visible { of: Some(alias.to_owned()), column };
    let relation = |alias: &str| COLUMNS.iter().zip(types).map(|(name, ty)| of(alias, column(name, ty))).collect::<Vec<_>>();
    let left = relation("l");
    let mut query = QueryJson {
        from: FromJson::Relation { relation: pick(rng, names).to_owned(), alias: Some("l".to_owned()) },
        ..QueryJson::default()
    };
    let mut scope = Scope { columns: left.clone(), risky: false };
    if chance(rng, 85) {
        let table = pick(rng, tables);
        let mut join = JoinJson { kind: "inner".into(), alias: Some("t".into()), ..JoinJson::default() };
        let right: Vec<Visible> = if chance(rng, 35) {
            join.relation = Some(pick(rng, names).to_owned());
            relation("t")
        } else {
            join.table = table.name.clone();
            join.kind = pick(rng, &["inner", "inner", "left"]).into();
            visible(table).map(|c| of("t", c.clone())).collect()
        };
        let pairs: Vec<(&Visible, &Visible)> =
            left.iter().flat_map(|l| right.iter().filter(|r| r.column.ty == l.column.ty).map(move |r| (l, r))).collect();
        let (l, r) = pick(rng, &pairs_or(&pairs, &left));
        let op = if chance(rng, 12) { pick(rng, &["<", ">=", "isNotDistinctFrom"]) } else { "=" };
        join.on = call(op, vec![l.read(), r.read()]);
        query.joins.push(join);
        scope.columns.extend(right);
    }
    if chance(rng, 30) {
        query.filter = Some(scope.condition(rng));
    }
    if chance(rng, 12) {
        subquery::put_in(rng, tables, &mut query, &scope);
    }
    let select = types.map(|ty| {
        let fitting: Vec<&Visible> = scope.columns.iter().filter(|v| v.column.ty == ty).collect();
        pick(rng, &fitting).read()
    });
    query.select = Some(fields(select));
    query
}

/// The pairs, or where types allow none, a column beside itself: the join is of all that is not null.
fn pairs_or<'a>(pairs: &[(&'a Visible, &'a Visible)], left: &'a [Visible]) -> Vec<(&'a Visible, &'a Visible)> {
    if pairs.is_empty() { vec![(&left[0], &left[0])] } else { pairs.to_vec() }
}
