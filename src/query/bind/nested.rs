//! Nested associations: `with`.

use hashbrown::HashSet;
use std::sync::LazyLock;

use super::Context;
use super::limits::MAX_NESTING;
use super::scope::{Relation, Scope};
use super::source::{Named, empty_alias};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{QueryJson, WithJson};
use crate::query::{Nested, Select, Source, Table};
use crate::value::MapState;

/// What a `with` without a query of its own asks.
static WHOLE: LazyLock<QueryJson> = LazyLock::new(QueryJson::default);

impl<'a> Context<'a> {
    /// Binds the associations nested in one level of a query.
    ///
    /// # Errors
    /// `QUERY_INVALID` on a query with joins or grouping, nested too deep, for a field name that is taken, and for parts that a
    /// nested query cannot have; `UNKNOWN_RELATION`; those of the nested queries, at `with[i].query`.
    pub(super) fn nested(
        &self,
        json: &'a QueryJson,
        scope: &Scope<'a>,
        select: &Select,
        grouped: bool,
        depth: usize,
    ) -> Result<Vec<Nested>> {
        if json.with.is_empty() {
            return Ok(Vec::new());
        }
        let refuse = |message: &str| Err(Error::new(ErrorCode::QueryInvalid, message).at("with"));
        if grouped || !json.joins.is_empty() {
            return refuse("a query with joins or grouping has no rows of one table that `with` could nest in");
        }
        if depth >= MAX_NESTING {
            return refuse(&format!("`with` is nested deeper than {MAX_NESTING} levels"));
        }
        let Relation::Table(table) = scope.sources[0].relation else {
            return refuse("a query of a query has no rows of one table that `with` could nest in");
        };
        let mut taken: HashSet<String, MapState> = match select {
            Select::All => table.names().map(str::to_owned).collect(),
            Select::Fields(fields) => fields.iter().map(|f| f.name.clone()).collect(),
        };
        let mut nested = Vec::with_capacity(json.with.len());
        for (i, with) in json.with.iter().enumerate() {
            nested.push(self.one(with, table, &mut taken, depth).map_err(|e| e.at_index("with", i))?);
        }
        Ok(nested)
    }

    /// The association of a name.
    ///
    /// # Errors
    /// `UNKNOWN_RELATION` at `relation`.
    pub(super) fn association(&self, table: &'a Table, name: &str) -> Result<&'a crate::query::Relation> {
        table.relations.get(name).ok_or_else(|| {
            let names = table.relations.keys().map(String::as_str);
            Error::unknown(ErrorCode::UnknownRelation, "association", name, &table.name, names).at("relation")
        })
    }

    fn one(&self, json: &'a WithJson, table: &'a Table, taken: &mut HashSet<String, MapState>, depth: usize) -> Result<Nested> {
        self.budget.take(1)?;
        let relation = self.association(table, &json.relation)?;
        let (name, place) = match json.name.as_deref() {
            Some(name) => (name, "as"),
            None => (json.relation.as_str(), "relation"),
        };
        if name.is_empty() || !taken.insert(name.to_owned()) {
            let message = format!("the field `{name}` is there already; name this one by `as`");
            let message = if name.is_empty() { "a field needs a name" } else { &message };
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(name).at(place));
        }
        let target = self.schema.by_id(relation.target);
        let single = relation.kind.is_single();
        let query = json.query.as_deref().unwrap_or(&WHOLE);
        let bound = self.allowed(query, target, single).and_then(|()| {
            let alias = match query.alias.as_deref() {
                Some("") => return Err(empty_alias()),
                alias => alias.unwrap_or(&target.name),
            };
            let from = Named { source: Source::Table(target.id), relation: Relation::Table(target), alias, height: 0 };
            let bound = self.level(query, from, None, Some(relation), depth + 1, None)?.query;
            if bound.aggregate.is_some() {
                return Err(refusal("a nested query cannot call aggregates", "select"));
            }
            if relation.keeps_duplicates && !bound.windows.is_empty() {
                return Err(refusal("a list that keeps duplicates has no window functions", "select"));
            }
            Ok(bound)
        });
        let query = bound.map_err(|e| e.at("query"))?;
        let hops = relation.hops.clone();
        // A keyset start is a place in the order of the key.
        let arrival = !single && query.order.is_empty() && query.start.is_none() && hops.iter().any(|h| h.arrival.is_some());
        Ok(Nested { name: name.to_owned(), single, hops, arrival, keeps_duplicates: relation.keeps_duplicates, query })
    }

    /// Checks that a nested query has only what one can have.
    fn allowed(&self, json: &QueryJson, target: &Table, single: bool) -> Result<()> {
        let from = json.from.name();
        if from.is_none_or(|from| !from.is_empty() && from != target.name) {
            let from = from.unwrap_or("a query");
            let message = format!("the association leads to `{}`, not to `{from}`", target.name);
            return Err(refusal(&message, "from").named(from));
        }
        if json.tenant.is_some() && json.tenant.as_deref() != self.tenant {
            return Err(refusal("a nested query has the tenant of the whole query", "tenant"));
        }
        let parts = [
            (!json.joins.is_empty(), "joins", "a nested query cannot join"),
            (json.group_by.is_some(), "groupBy", "a nested query cannot group"),
            (json.distinct, "distinct", "a nested query shows each row once as it is"),
            (json.distinct_on.is_some(), "distinctOn", "a nested query is a group already; use `limit`"),
            (json.limit_by.is_some(), "limitBy", "a nested query is a group already; use `limit`"),
            (json.set_op.is_some(), "setOp", "a nested query is of one table"),
            (!json.ctes.is_empty(), "ctes", "a nested query has no common table expressions of its own"),
            (json.having.is_some(), "having", "a nested query cannot group"),
            (
                single && (json.limit.is_some() || json.limit_param.is_some()),
                "limit",
                "the association is a single row: there is nothing to limit",
            ),
            (
                single && (json.offset.is_some() || json.offset_param.is_some()),
                "offset",
                "the association is a single row: there is nothing to skip",
            ),
            (single && json.start.is_some(), "start", "the association is a single row: there is nothing to start at"),
        ];
        match parts.into_iter().find(|p| p.0) {
            Some((_, place, message)) => Err(refusal(message, place)),
            None => Ok(()),
        }
    }
}

fn refusal(message: &str, place: &str) -> Error {
    Error::new(ErrorCode::QueryInvalid, message).at(place)
}
