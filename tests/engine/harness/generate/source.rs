//! Random sources: tables, common table expressions, queries in the place of tables.

use eddyline::query::ast::{FromJson, QueryJson};
use eddyline::query::{Column, Schema, Table};
use fastrand::Rng;

use super::query::{part, some_table, visible};
use super::recursive::recursive;
use super::{chance, pick};

/// What a query can name: the tables, and queries with their columns, which may hide tables.
pub struct Sight<'a> {
    pub schema: &'a Schema,
    pub ctes: Vec<(String, Vec<Column>)>,
}

impl<'a> Sight<'a> {
    /// The tables that no query hides.
    pub fn tables(&self) -> Vec<&'a Table> {
        self.schema.tables.values().filter(|t| self.ctes.iter().all(|c| c.0 != t.name)).collect()
    }
}

/// A source in scope.
pub struct Source<'a> {
    pub alias: String,
    pub columns: Vec<Column>,
    /// The table, if it is one.
    pub table: Option<&'a Table>,
}

/// A source of a query `depth` levels down, as it is written; `alias` is what a query in its place is called.
pub fn source<'a>(rng: &mut Rng, sight: &Sight<'a>, depth: usize, alias: &str) -> (FromJson, Source<'a>) {
    if depth < 3 && chance(rng, 12) {
        let (query, columns) = part(rng, sight, depth + 1);
        let query = Box::new(QueryJson { tenant: None, ..query });
        let from = FromJson::Query { query, alias: Some(alias.to_owned()) };
        return (from, Source { alias: alias.to_owned(), columns, table: None });
    }
    if depth < 3
        && chance(rng, 6)
        && let Some(found) = recursive(rng, sight, alias)
    {
        return found;
    }
    let table = some_table(rng, sight.schema);
    let hidden = sight.ctes.iter().any(|c| c.0 == table.name);
    if hidden || !sight.ctes.is_empty() && chance(rng, 50) {
        let (name, columns) = pick(rng, &sight.ctes);
        return (FromJson::from(name.clone()), Source { alias: name, columns, table: None });
    }
    let source = Source { alias: table.name.clone(), columns: visible(table).cloned().collect(), table: Some(table) };
    (FromJson::from(table.name.clone()), source)
}
