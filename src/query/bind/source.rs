//! Sources: tables, common table expressions, and queries in their place.

use indexmap::IndexSet;

use super::limits::MAX_NESTING;
use super::scope::{Columns, Relation, Scope};
use super::{Context, Level};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{CteJson, FromJson, JoinJson, QueryJson};
use crate::query::{BoundQuery, Expr, JoinKind, OutputField, Select, Source, SubQuery};
use crate::value::{MapState, Type, Value};

/// A common table expression that may be named from here.
#[derive(Clone)]
pub(super) struct Cte<'a> {
    name: &'a str,
    query: SubQuery,
    columns: Columns,
    /// Parts of the query, and levels of sub-queries in it.
    size: usize,
    height: usize,
}

/// A source as `from` or a join names it.
pub(super) struct Named<'a> {
    pub source: Source,
    pub relation: Relation<'a>,
    pub alias: &'a str,
    /// Levels of sub-queries in it.
    pub height: usize,
}

impl Named<'_> {
    /// Makes a mark that is never null part of what identifies the rows of a query. A full join needs it: where the keys of
    /// both sides may be null, or are empty, a row without a partner on the one side would be taken for one on the other.
    pub(super) fn mark(&mut self) {
        let (Source::Query(sub), Relation::Query(columns)) = (&mut self.source, &mut self.relation) else { return };
        let Select::Fields(fields) = &mut sub.query.select else { return };
        fields.push(OutputField { name: String::new(), expr: Expr::Literal(Value::Bool(true)), ty: Type::Bool });
        sub.key.push(fields.len() - 1);
        columns.types.push(Type::Bool);
        columns.key.push(fields.len() - 1);
    }
}

impl<'a> Context<'a> {
    /// The source of `from`, errors with their place in the query.
    pub(super) fn from(&self, json: &'a QueryJson, depth: usize) -> Result<Named<'a>> {
        match &json.from {
            FromJson::Name(name) => {
                self.named(name, &json.alias, depth).map_err(|e| if e.path.is_empty() { e.at("from") } else { e })
            }
            FromJson::Query { query, alias } => {
                let given = alias.as_ref().or(json.alias.as_ref());
                self.in_place(query, given, depth).map_err(|e| e.at("from"))
            }
            FromJson::Relation { relation, alias } => {
                let growing = called(alias.as_ref().or(json.alias.as_ref())).and_then(|alias| self.growing(relation, alias));
                growing.map_err(|e| if e.path.is_empty() { e.at("relation") } else { e }.at("from"))
            }
            FromJson::Recursive { recursive, alias } => {
                let alias = called(alias.as_ref().or(json.alias.as_ref())).map_err(|e| e.at("from"))?;
                self.recursive(recursive, alias, depth).map_err(|e| e.at("recursive").at("from"))
            }
        }
    }

    /// The source of a join, errors with their place in it.
    pub(super) fn joined(&self, json: &'a JoinJson, scope: &Scope<'a>, kind: JoinKind, depth: usize) -> Result<Named<'a>> {
        let given = [
            !json.table.is_empty(),
            json.query.is_some(),
            json.relation.is_some(),
            json.recursive.is_some(),
            json.unnest.is_some(),
        ];
        if given.into_iter().filter(|g| *g).count() > 1 {
            let message = "a join is with one of a `table`, a `query`, a `relation`, a `recursive` and an `unnest`";
            let place = ["table", "query", "relation", "recursive", "unnest"][given.iter().position(|g| *g).unwrap_or(0)];
            let e = Error::new(ErrorCode::QueryInvalid, message).at(place);
            return Err(if json.table.is_empty() { e } else { e.named(json.table.as_str()) });
        }
        if let Some(array) = &json.unnest {
            let alias = called(json.alias.as_ref())?;
            return self.unnest(json, array, alias, scope, kind);
        }
        if let Some(relation) = &json.relation {
            let growing = called(json.alias.as_ref()).and_then(|alias| self.growing(relation, alias));
            return growing.map_err(|e| if e.path.is_empty() { e.at("relation") } else { e });
        }
        if let Some(recursive) = &json.recursive {
            let alias = called(json.alias.as_ref())?;
            return self.recursive(recursive, alias, depth).map_err(|e| e.at("recursive"));
        }
        match &json.query {
            None => self.named(&json.table, &json.alias, depth).map_err(|e| if e.path.is_empty() { e.at("table") } else { e }),
            Some(query) => self.in_place(query, json.alias.as_ref(), depth),
        }
    }

    fn named(&self, name: &'a str, alias: &'a Option<String>, depth: usize) -> Result<Named<'a>> {
        let alias = match alias.as_deref() {
            Some("") => return Err(empty_alias()),
            Some(alias) => alias,
            None => name,
        };
        let ctes = self.ctes.borrow();
        if let Some(cte) = ctes.iter().rev().find(|c| c.name == name) {
            self.budget.take(cte.size)?;
            fits(cte.height, depth)?;
            let source = Source::Query(Box::new(cte.query.clone()));
            return Ok(Named { source, relation: Relation::Query(cte.columns.clone()), alias, height: cte.height });
        }
        let Some(table) = self.schema.table(name) else {
            let names = self.schema.tables.keys().map(String::as_str).chain(ctes.iter().map(|c| c.name));
            return Err(Error::unknown(ErrorCode::UnknownTable, "table", name, "schema", names));
        };
        Ok(Named { source: Source::Table(table.id), relation: Relation::Table(table), alias, height: 0 })
    }

    fn in_place(&self, json: &'a QueryJson, alias: Option<&'a String>, depth: usize) -> Result<Named<'a>> {
        let alias = match alias.map(String::as_str) {
            None => {
                let message = "a query in the place of a table needs an `alias`";
                return Err(Error::new(ErrorCode::QueryInvalid, message).at("alias"));
            }
            Some("") => return Err(empty_alias()),
            Some(alias) => alias,
        };
        let (query, columns, height) = self.sub_query(json, depth).map_err(|e| e.at("query"))?;
        Ok(Named { source: Source::Query(Box::new(query)), relation: Relation::Query(columns), alias, height })
    }

    /// Binds the common table expressions of a query, each seeing those before it. They are in sight until
    /// [`forget`](Self::forget) is given what this returns.
    ///
    /// # Errors
    /// `QUERY_INVALID` for a name that is empty or given twice; those of the queries, at `ctes[i].query`.
    pub(super) fn with_ctes(&self, json: &'a [CteJson], depth: usize) -> Result<usize> {
        let before = self.ctes.borrow().len();
        for (i, cte) in json.iter().enumerate() {
            let name = cte.name.as_str();
            let taken = self.ctes.borrow()[before..].iter().any(|c| c.name == name);
            if name.is_empty() || taken {
                let message = format!("two common table expressions are called `{name}`");
                let message = if name.is_empty() { "a common table expression needs a name" } else { &message };
                return Err(Error::new(ErrorCode::QueryInvalid, message).named(name).at("name").at_index("ctes", i));
            }
            let left = self.budget.left();
            let bound = self.sub_query(&cte.query, depth).map_err(|e| e.at("query").at_index("ctes", i));
            let (query, columns, height) = bound?;
            let size = left - self.budget.left();
            self.ctes.borrow_mut().push(Cte { name, query, columns, size, height });
        }
        Ok(before)
    }

    /// Takes common table expressions out of sight.
    pub(super) fn forget(&self, before: usize) {
        self.ctes.borrow_mut().truncate(before);
    }

    /// Binds a query that is a source of another: what it is, what it offers, and the levels of sub-queries in it.
    ///
    /// # Errors
    /// Those of a query, at their place in it; `QUERY_INVALID` when it is nested too deep, has parts that only a whole query
    /// can have, or shows two columns of one name.
    pub(super) fn sub_query(&self, json: &'a QueryJson, depth: usize) -> Result<(SubQuery, Columns, usize)> {
        self.budget.take(1)?;
        let refuse = |message: &str, place: &str| Err(Error::new(ErrorCode::QueryInvalid, message).at(place));
        if !json.with.is_empty() {
            return refuse("a query in the place of a table cannot load associations", "with");
        }
        if json.start.is_some() {
            return refuse("a query in the place of a table has no keyset start; use `where`", "start");
        }
        if json.tenant.is_some() && json.tenant.as_deref() != self.tenant {
            return refuse("a query in the place of a table has the tenant of the whole query", "tenant");
        }
        as_source(self.query(json, depth + 1, None)?, depth)
    }
}

/// A bound query as a source of another at some depth: what it is, what it offers, and the levels of sub-queries in it.
pub(super) fn as_source(level: Level, depth: usize) -> Result<(SubQuery, Columns, usize)> {
    let Level { query, columns, tenants, ranks, types, height, .. } = level;
    let height = height + 1;
    fits(height, depth)?;
    let BoundQuery { select, key: key_columns, .. } = &query;
    let mut fields: Vec<OutputField> = match select {
        Select::Fields(fields) => fields.clone(),
        Select::All => {
            let field = |(name, column): (String, usize)| OutputField { name, expr: Expr::Column(column), ty: types[column] };
            columns.into_iter().map(field).collect()
        }
    };
    let mut names = IndexSet::<String, MapState>::default();
    for field in &fields {
        if !names.insert(field.name.clone()) {
            let message = format!("two columns of the query are called `{}`; name them by `select`", field.name);
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(field.name.as_str()).at("select"));
        }
    }
    let shown = fields.len();
    let mut key = Vec::with_capacity(key_columns.len());
    // All rows of a query are of one tenant.
    for &column in key_columns.iter().filter(|c| !tenants.contains(c)) {
        let at = fields.iter().position(|f| f.expr == Expr::Column(column));
        key.push(at.unwrap_or(fields.len()));
        if at.is_none() {
            fields.push(OutputField { name: String::new(), expr: Expr::Column(column), ty: types[column] });
        }
    }
    let ranks = (shown..fields.len()).filter(|&f| ranks.iter().any(|&c| fields[f].expr == Expr::Column(c))).collect();
    let columns = Columns { names, types: fields.iter().map(|f| f.ty).collect(), key: key.clone(), ranks };
    let mut query = BoundQuery { select: Select::Fields(fields), ..query };
    if !query.is_cut() && query.limit_by.is_none() {
        query.order.clear();
    }
    Ok((SubQuery { query, shown, key }, columns, height))
}

/// Checks that a sub-query of so many levels can stand at some depth of the whole.
fn fits(height: usize, depth: usize) -> Result<()> {
    if depth + height > MAX_NESTING {
        let message = format!("queries are nested deeper than {MAX_NESTING} levels");
        return Err(Error::new(ErrorCode::QueryInvalid, message));
    }
    Ok(())
}

/// The alias that a source is given.
fn called(alias: Option<&String>) -> Result<Option<&str>> {
    match alias.map(String::as_str) {
        Some("") => Err(empty_alias()),
        alias => Ok(alias),
    }
}

pub(super) fn empty_alias() -> Error {
    Error::new(ErrorCode::QueryInvalid, "an alias cannot be empty").named("").at("alias")
}
