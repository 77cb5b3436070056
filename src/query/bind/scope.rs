//! The scope of a query: its sources, and names to column numbers.

use crate::error::{Error, ErrorCode, Result};
use crate::query::Table;
use crate::value::Type;

/// One table of a query.
pub(super) struct Source<'a> {
    pub alias: &'a str,
    pub table: &'a Table,
    /// Number of its first column in the scope.
    pub base: usize,
    /// Joined left: its columns may be null whatever the schema says.
    pub optional: bool,
}

/// The sources so far, `from` first.
pub(super) struct Scope<'a> {
    pub sources: Vec<Source<'a>>,
    /// Type of each column.
    pub types: Vec<Type>,
}

impl<'a> Scope<'a> {
    /// A scope of one table.
    pub(super) fn of(alias: &'a str, table: &'a Table) -> Self {
        let mut scope = Scope { sources: Vec::new(), types: Vec::new() };
        scope.put(alias, table, false);
        scope
    }

    /// Adds a source; its alias must be new.
    pub(super) fn add(&mut self, alias: &'a str, table: &'a Table, optional: bool) -> Result<()> {
        if self.sources.iter().any(|s| s.alias == alias) {
            let message = format!("two tables of the query are called `{alias}`; give one another alias");
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(alias));
        }
        self.put(alias, table, optional);
        Ok(())
    }

    fn put(&mut self, alias: &'a str, table: &'a Table, optional: bool) {
        let base = self.types.len();
        self.types.extend(table.columns.values().map(|c| c.ty));
        self.sources.push(Source { alias, table, base, optional });
    }

    /// Number of a column: of one source if an alias is given, else of whichever source has it.
    ///
    /// # Errors
    /// `UNKNOWN_ALIAS`, `UNKNOWN_COLUMN`, `AMBIGUOUS_COLUMN`.
    pub(super) fn resolve(&self, name: &str, of: Option<&str>) -> Result<usize> {
        if let Some(alias) = of {
            let Some(source) = self.sources.iter().find(|s| s.alias == alias) else {
                let aliases = self.sources.iter().map(|s| s.alias);
                return Err(Error::unknown(ErrorCode::UnknownAlias, "alias", alias, "query", aliases));
            };
            let found = source.table.column(name).map(|c| source.base + c);
            return found
                .ok_or_else(|| Error::unknown(ErrorCode::UnknownColumn, "column", name, source.alias, source.table.names()));
        }
        let mut found = self.sources.iter().filter_map(|s| s.table.column(name).map(|c| (s, s.base + c)));
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
        let names = self.sources.iter().flat_map(|s| s.table.names());
        Error::unknown(ErrorCode::UnknownColumn, "column", name, &aliases.join(", "), names.chain(more))
    }

    /// Name of a column, with its alias where there is more than one source.
    pub(super) fn name(&self, column: usize) -> String {
        let Some(source) = self.sources.iter().rev().find(|s| s.base <= column) else {
            return String::new();
        };
        let name = source.table.columns.get_index(column - source.base).map_or("", |(n, _)| n);
        if self.sources.len() > 1 { format!("{}.{name}", source.alias) } else { name.to_owned() }
    }
}
