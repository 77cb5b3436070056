//! The scope of a query: its sources, and names to column numbers.

use std::cell::RefCell;

use indexmap::IndexSet;

use super::Around;
use super::grouping::Grouping;
use super::output::KeyPart;
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Expr, Function, Table};
use crate::value::{MapState, Type};

/// What a source offers to expressions.
#[derive(Clone)]
pub(super) enum Relation<'a> {
    /// The columns of a table.
    Table(&'a Table),
    /// The fields of a query.
    Query(Columns),
}

/// Columns that a query makes: named ones, then hidden ones that are part of the key.
#[derive(Clone)]
pub(super) struct Columns {
    pub names: IndexSet<String, MapState>,
    /// Of all columns.
    pub types: Vec<Type>,
    pub key: Vec<usize>,
    /// Hidden ones that are ranks of rows of the recursion that the query is in; they are part of the key.
    pub ranks: Vec<usize>,
}

impl Relation<'_> {
    /// Index of a column that users see.
    fn column(&self, name: &str) -> Option<usize> {
        match self {
            Relation::Table(table) => table.column(name),
            Relation::Query(columns) => columns.names.get_index_of(name),
        }
    }

    /// Names of the columns that users see.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Relation::Table(table) => table.names().collect(),
            Relation::Query(columns) => columns.names.iter().map(String::as_str).collect(),
        }
    }

    fn types(&self) -> Vec<Type> {
        match self {
            Relation::Table(table) => table.columns.values().map(|c| c.ty).collect(),
            Relation::Query(columns) => columns.types.clone(),
        }
    }

    fn key(&self) -> &[usize] {
        match self {
            Relation::Table(table) => &table.key,
            Relation::Query(columns) => &columns.key,
        }
    }
}

/// One source of a query.
pub(super) struct Source<'a> {
    pub alias: &'a str,
    pub relation: Relation<'a>,
    /// Number of its first column in the scope.
    pub base: usize,
    /// Of an outer join: its columns may be null whatever the schema says.
    pub optional: bool,
}

impl Source<'_> {
    /// Columns of the scope that are ranks.
    pub(super) fn ranks(&self) -> impl Iterator<Item = usize> {
        let ranks = match &self.relation {
            Relation::Table(_) => &[][..],
            Relation::Query(columns) => &columns.ranks,
        };
        ranks.iter().map(|&c| self.base + c)
    }

    /// What identifies its rows.
    pub(super) fn key(&self) -> impl Iterator<Item = KeyPart> {
        let (tenant, nullable) = match &self.relation {
            Relation::Table(table) => (table.tenant_column(), self.optional),
            Relation::Query(_) => (None, true),
        };
        let part = move |&k: &usize| KeyPart { column: self.base + k, hidden: Some(k) == tenant, nullable };
        self.relation.key().iter().map(part)
    }
}

/// The sources so far, `from` first.
pub(super) struct Scope<'a> {
    pub sources: Vec<Source<'a>>,
    /// Type of each column.
    pub types: Vec<Type>,
    /// What sub-queries are bound with, where they may stand.
    pub around: Option<Around<'a>>,
    /// The scope that a sub-query stands in.
    pub parent: Option<&'a Scope<'a>>,
    /// Levels of `with` and of sub-queries around.
    pub depth: usize,
    /// What a sub-query reads of its parent, each once.
    pub outer: RefCell<Vec<Expr>>,
    /// Of a query that groups: what `grouping` is about.
    pub grouping: Option<Grouping>,
}

impl<'a> Scope<'a> {
    /// A scope of one table.
    pub(super) fn of(alias: &'a str, table: &'a Table) -> Self {
        Scope::over(alias, Relation::Table(table))
    }

    /// A scope of one source.
    pub(super) fn over(alias: &'a str, relation: Relation<'a>) -> Self {
        let (around, parent, outer) = (None, None, RefCell::default());
        let mut scope = Scope { sources: Vec::new(), types: Vec::new(), around, parent, depth: 0, outer, grouping: None };
        scope.put(alias, relation, false);
        scope
    }

    /// Adds a source; its alias must be new.
    pub(super) fn add(&mut self, alias: &'a str, relation: Relation<'a>, optional: bool) -> Result<()> {
        if self.sources.iter().any(|s| s.alias == alias) {
            let message = format!("two sources of the query are called `{alias}`; give one another alias");
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(alias));
        }
        self.put(alias, relation, optional);
        Ok(())
    }

    /// Makes all sources so far optional: rows of a join may be without them.
    pub(super) fn loosen(&mut self) {
        self.sources.iter_mut().for_each(|s| s.optional = true);
    }

    /// Adds a source under whatever alias.
    pub(super) fn put(&mut self, alias: &'a str, relation: Relation<'a>, optional: bool) {
        let base = self.types.len();
        self.types.extend(relation.types());
        self.sources.push(Source { alias, relation, base, optional });
    }

    /// A column of this scope, or else of the nearest scope around it that has the name.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); the candidates are those of all scopes.
    pub(super) fn find(&self, name: &str, of: Option<&str>) -> Result<(Expr, Type)> {
        let error = match self.resolve(name, of) {
            Ok(column) => return Ok((Expr::Column(column), self.types[column])),
            Err(error) => error,
        };
        // An alias of this scope hides those around it, and so does a name that two sources have.
        let here = match of {
            Some(alias) => self.sources.iter().any(|s| s.alias == alias),
            None => error.code == ErrorCode::AmbiguousColumn,
        };
        let Some(parent) = self.parent.filter(|_| !here) else { return Err(error) };
        match parent.find(name, of) {
            Ok((expr, ty)) => {
                let mut outer = self.outer.borrow_mut();
                let known = outer.iter().position(|e| *e == expr);
                let number = known.unwrap_or_else(|| {
                    outer.push(expr);
                    outer.len() - 1
                });
                Ok((Expr::Outer(number, ty), ty))
            }
            Err(e) if e.code == ErrorCode::UnknownAlias => {
                let scopes = std::iter::successors(Some(self), |s| s.parent);
                let aliases = scopes.flat_map(|s| s.sources.iter().map(|s| s.alias));
                Err(Error::unknown(ErrorCode::UnknownAlias, "alias", of.unwrap_or_default(), "query", aliases))
            }
            Err(e) if e.code == ErrorCode::UnknownColumn && of.is_none() => {
                let scopes = std::iter::successors(Some(parent), |s| s.parent);
                Err(self.unknown(name, scopes.flat_map(|s| s.sources.iter().flat_map(|s| s.relation.names()))))
            }
            Err(e) => Err(e),
        }
    }

    /// Whether an expression over this scope may be null, as far as columns and literals tell.
    pub(super) fn is_nullable(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(v) => v.is_null(),
            Expr::Column(c) if *c < self.types.len() => {
                let source = self.sources.iter().rfind(|s| s.base <= *c);
                source.is_none_or(|s| match &s.relation {
                    Relation::Table(table) => s.optional || table.columns[c - s.base].nullable,
                    Relation::Query(_) => true,
                })
            }
            Expr::Call(Function::IntToFloat, args) => args.iter().any(|a| self.is_nullable(a)),
            _ => true,
        }
    }

    /// Number of a column: of one source if an alias is given, else of whichever source has it.
    ///
    /// # Errors
    /// `UNKNOWN_ALIAS`, `UNKNOWN_COLUMN`, `AMBIGUOUS_COLUMN`.
    pub(super) fn resolve(&self, name: &str, of: Option<&str>) -> Result<usize> {
        if let Some(alias) = of {
            // Computed columns are a second source of the same alias.
            let mut of = self.sources.iter().filter(|s| s.alias == alias).peekable();
            if of.peek().is_none() {
                let aliases = self.sources.iter().map(|s| s.alias);
                return Err(Error::unknown(ErrorCode::UnknownAlias, "alias", alias, "query", aliases));
            }
            let found = of.clone().find_map(|s| s.relation.column(name).map(|c| s.base + c));
            let names = of.flat_map(|s| s.relation.names());
            return found.ok_or_else(|| Error::unknown(ErrorCode::UnknownColumn, "column", name, alias, names));
        }
        let mut found = self.sources.iter().filter_map(|s| s.relation.column(name).map(|c| (s, s.base + c)));
        match (found.next(), found.next()) {
            (Some((_, column)), None) => Ok(column),
            (Some((a, _)), Some((b, _))) => {
                let message = format!("both `{}` and `{}` have a column `{name}`; say which by `of`", a.alias, b.alias);
                Err(Error::new(ErrorCode::AmbiguousColumn, message).named(name))
            }
            (None, _) => Err(self.unknown(name, [])),
        }
    }

    /// The error for a column that no source has; further names may be candidates.
    pub(super) fn unknown<'b>(&'b self, name: &str, more: impl IntoIterator<Item = &'b str>) -> Error {
        let aliases: Vec<&str> = self.sources.iter().map(|s| s.alias).collect();
        let names = self.sources.iter().flat_map(|s| s.relation.names());
        Error::unknown(ErrorCode::UnknownColumn, "column", name, &aliases.join(", "), names.chain(more))
    }

    /// Name of a column, with its alias where there is more than one source.
    pub(super) fn name(&self, column: usize) -> String {
        let Some(source) = self.sources.iter().rev().find(|s| s.base <= column) else {
            return String::new();
        };
        let name = match &source.relation {
            Relation::Table(table) => table.columns.get_index(column - source.base).map(|(n, _)| n),
            Relation::Query(columns) => columns.names.get_index(column - source.base),
        };
        let name = name.map_or("", String::as_str);
        if self.sources.len() > 1 { format!("{}.{name}", source.alias) } else { name.to_owned() }
    }

    /// The columns that users see, with their names, in order.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sources.iter().flat_map(|s| s.relation.names().into_iter().enumerate().map(|(i, n)| (n, s.base + i)))
    }
}
