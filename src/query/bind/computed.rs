//! Columns that are aggregates over associations: `computed`.

use indexmap::IndexSet;

use super::Context;
use super::aggregate;
use super::expr::Binder;
use super::limits::MAX_COMPUTED;
use super::literal::describe;
use super::scope::{Columns, Relation, Scope};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ComputedJson, QueryJson};
use crate::query::{AggregateFunction, Computed, Table};
use crate::value::MapState;

impl<'a> Context<'a> {
    /// Binds the computed columns of a level, and puts them into its scope, of which only `from` is there.
    ///
    /// # Errors
    /// `QUERY_INVALID` beside joins, over a query, for too many, for a name that is taken or empty, and for what is no aggregate;
    /// `UNKNOWN_RELATION`; those of aggregates, at `computed[i].expr`.
    pub(super) fn computed(&self, json: &'a QueryJson, scope: &mut Scope<'a>) -> Result<Vec<Computed>> {
        if json.computed.is_empty() {
            return Ok(Vec::new());
        }
        let refuse = |message: String| Err(Error::new(ErrorCode::QueryInvalid, message).at("computed"));
        let Relation::Table(table) = scope.sources[0].relation else {
            return refuse("a query of a query has no associations to compute columns of".into());
        };
        if !json.joins.is_empty() {
            return refuse("a query with joins has no rows of one table to compute columns of".into());
        }
        if json.computed.len() > MAX_COMPUTED {
            return refuse(format!("a query computes at most {MAX_COMPUTED} columns"));
        }
        let mut names = IndexSet::<String, MapState>::default();
        let mut out = Vec::with_capacity(json.computed.len());
        for (i, item) in json.computed.iter().enumerate() {
            let place = |e: Error| e.at_index("computed", i);
            let taken = item.name.is_empty() || table.column(&item.name).is_some();
            if taken || !names.insert(item.name.clone()) {
                let message = format!("a computed column needs a name of its own, not `{}`", item.name);
                return Err(place(Error::new(ErrorCode::QueryInvalid, message).named(item.name.as_str()).at("as")));
            }
            out.push(self.one_computed(item, table).map_err(place)?);
        }
        let types = out.iter().map(|c| c.call.ty).collect();
        scope.put(scope.sources[0].alias, Relation::Query(Columns { names, types, key: Vec::new(), ranks: Vec::new() }), true);
        Ok(out)
    }

    fn one_computed(&self, json: &'a ComputedJson, table: &'a Table) -> Result<Computed> {
        self.budget.take(1)?;
        let relation = self.association(table, &json.relation)?;
        let target = self.schema.by_id(relation.target);
        let scope = Scope::of(&target.name, target);
        self.budget.charge(&json.expr).map_err(|e| e.at("expr"))?;
        if json.expr.op != "agg" {
            let message = "a computed column is an aggregate over the association";
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(describe(&json.expr)).at("expr"));
        }
        let mut binder = Binder { scope: &scope, budget: self.budget, calls: None, windows: None };
        let bound = aggregate::function(&json.expr).and_then(|f| aggregate::call(&mut binder, f, &json.expr));
        let mut call = bound.map_err(|e| e.at("expr"))?;
        // The order of the association is that of its rows, where no other is given.
        let ordered = matches!(call.function, AggregateFunction::First | AggregateFunction::Last)
            || matches!(call.function, AggregateFunction::JsonAgg | AggregateFunction::StringAgg) && !call.distinct;
        if ordered && json.expr.call.as_ref().is_none_or(|c| c.order_by.is_empty()) {
            call.order.splice(0..0, relation.order.iter().cloned());
        }
        Ok(Computed { hops: relation.hops.clone(), call })
    }
}
