//! Sub-queries in expressions: `exists notExists inQuery notInQuery scalar`.

use std::cell::RefCell;

use super::expr::{Binder, Typed};
use super::function::{Written, unify};
use super::limits::MAX_NESTING;
use super::params::Params;
use super::recursive::whole;
use super::scope::{Columns, Scope};
use super::source::as_source;
use super::stratified::not_stratified;
use super::{Context, Level};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, NamedJson, QueryJson};
use crate::query::{Expr, Function, OutputField, QueryExpr, QueryExprKind, Select, Source};
use crate::value::{Type, Value};

/// The operations that have a `query`, with what they take besides.
pub(super) const SUBQUERIES: [(&str, usize); 5] =
    [("exists", 0), ("notExists", 0), ("inQuery", 1), ("notInQuery", 1), ("scalar", 0)];

impl Binder<'_, '_> {
    /// Binds a sub-query; what it does not find in its own sources it reads of the row that it is evaluated for.
    ///
    /// # Errors
    /// Those of queries, at `query`; `QUERY_INVALID` where no sub-query can stand, for a missing or superfluous part, and for
    /// parts that a sub-query cannot have; `TYPE_MISMATCH` at `args[0]` or at the field for values that are not compared.
    pub(super) fn subquery(&mut self, json: &ExprJson, takes: usize) -> Result<Typed> {
        let invalid = |message: String| Error::new(ErrorCode::QueryInvalid, message).named(json.op.as_str());
        if json.args.len() != takes {
            return Err(invalid(format!("`{}` takes {takes} arguments beside its `query`, not {}", json.op, json.args.len())));
        }
        let Some(query) = json.query.as_deref() else {
            return Err(invalid(format!("`{}` needs a `query`", json.op)).at("query"));
        };
        let Some(around) = &self.scope.around else {
            return Err(invalid(format!("`{}` cannot stand here: in an association there are no sub-queries", json.op)));
        };
        let value = self.arguments(json)?.pop();
        let ctes = RefCell::new(around.ctes.clone());
        let groups = RefCell::new(around.groups.clone());
        let context = Context { schema: around.schema, budget: around.budget, tenant: around.tenant, ctes, groups };
        let Level { query: mut bound, outer, field_nullable, ranks, .. } =
            context.inner(self.scope, query, takes == 0 && json.op != "scalar").map_err(|e| e.at("query"))?;
        if !ranks.is_empty() {
            let what = match json.op.as_str() {
                "notExists" | "notInQuery" => "negation",
                "scalar" => "a sub-query for a value",
                _ => "a sub-query in a condition (a join says the same)",
            };
            return Err(not_stratified(what).at("query"));
        }
        let field = match &mut bound.select {
            Select::Fields(fields) if fields.len() == 1 => Some(&mut fields[0]),
            _ => None,
        };
        let (kind, ty) = match (json.op.as_str(), value, field) {
            ("exists" | "notExists", ..) => {
                if bound.offset == 0 && bound.slots.is_empty() && bound.limit.is_some_and(|n| n > 0) {
                    bound.limit = None;
                }
                (QueryExprKind::Exists, Type::Bool)
            }
            (_, _, None) => {
                let message = format!("`{}` is about one value: its query needs a `select` of one field", json.op);
                return Err(invalid(message).at("select").at("query"));
            }
            (_, None, Some(field)) => (QueryExprKind::Scalar, field.ty),
            (_, Some(value), Some(field)) => {
                let value_nullable = self.scope.is_nullable(&value.expr);
                let mut both = [value, Typed { expr: field.expr.clone(), ty: Some(field.ty) }];
                compared(json, query, &mut both, &self.budget.params)?;
                let [value, other] = both;
                (field.expr, field.ty) = (other.expr, other.ty.unwrap_or(field.ty));
                (QueryExprKind::In { value: value.expr, value_nullable, field_nullable }, Type::Bool)
            }
        };
        let found = Expr::Sub(Box::new(QueryExpr { kind, query: bound, outer, ty }));
        let expr = if json.op.starts_with("not") { Expr::Call(Function::Not, vec![found]) } else { found };
        Ok(Typed { expr, ty: Some(ty) })
    }
}

/// Brings the value before `in` and the field of the sub-query to one type.
fn compared(json: &ExprJson, query: &QueryJson, both: &mut [Typed; 2], params: &Params) -> Result<()> {
    let field: &[NamedJson] = query.select.as_deref().unwrap_or_default();
    let arg = |i: usize| json.args.get(i).or(field.first().map(|f| &f.expr)).unwrap_or(json);
    unify(Written { op: &json.op, arg: &arg }, params, both, &|_| true).map_err(|mut e| {
        if e.path == "args[1]" {
            // Of a set operation the members select.
            e.path = if field.is_empty() { "query" } else { "query.select[0].expr" }.to_owned();
        }
        e
    })?;
    for typed in both {
        typed.ty = match &typed.expr {
            Expr::Call(Function::IntToFloat | Function::DecimalToFloat, _) => Some(Type::Float),
            Expr::Call(Function::IntToDecimal, _) => Some(Type::Decimal),
            Expr::Call(Function::DateToTimestamp, _) => Some(Type::Timestamp),
            _ => typed.ty,
        };
    }
    Ok(())
}

impl<'a> Context<'a> {
    /// Binds the query within a sub-query expression that stands in a scope.
    fn inner(&self, scope: &'a Scope<'a>, json: &'a QueryJson, exists: bool) -> Result<Level> {
        if scope.depth >= MAX_NESTING {
            let message = format!("sub-queries are nested deeper than {MAX_NESTING} levels");
            return Err(Error::new(ErrorCode::QueryInvalid, message));
        }
        let refuse = |place: &str, message: &str| Err(Error::new(ErrorCode::QueryInvalid, message).at(place));
        if json.tenant.is_some() && json.tenant.as_deref() != self.tenant {
            return refuse("tenant", "a sub-query has the tenant of the whole query");
        }
        if !json.with.is_empty() {
            return refuse("with", "a sub-query shows no rows that associations could be nested in");
        }
        if json.start.is_some() {
            return refuse("start", "a sub-query has no keyset start; write it as a condition");
        }
        let mut level = self.query(json, scope.depth + 1, Some(scope))?;
        let query = &mut level.query;
        if let Some(aggregate) = query.aggregate.as_mut().filter(|a| a.is_global())
            && !(query.windows.is_empty() && query.limit_by.is_none() && query.slots.is_empty())
        {
            // What is asked of its one row is more than its aggregates: that of a grouping set.
            aggregate.sets = vec![Vec::new()];
        }
        if !query.is_cut() {
            return Ok(level);
        }
        if level.outer.is_empty() {
            if exists {
                // Whatever its columns are called.
                let there = OutputField { name: String::new(), expr: Expr::Literal(Value::Bool(true)), ty: Type::Bool };
                query.select = Select::Fields(vec![there]);
            }
            return cut(level, scope.depth);
        }
        if let Some(aggregate) = &mut query.aggregate
            && aggregate.is_global()
        {
            if query.limit == Some(0) || query.offset > 0 {
                aggregate.having = Some(Expr::Literal(Value::Bool(false)));
            }
            (query.limit, query.offset) = (None, 0);
        }
        Ok(level)
    }
}

/// A query that is cut, as the source of one that is not. It has its rows once for all: nothing in it is of the row around
/// it.
fn cut(level: Level, depth: usize) -> Result<Level> {
    let (sub, Columns { names, types, .. }, height) = as_source(level, depth)?;
    let names: Vec<String> = names.into_iter().collect();
    let (shown, of_fields) = (names.len(), types.clone());
    let (mut whole, _) = whole(Source::Query(Box::new(sub)), &names, of_fields, Vec::new());
    if let Select::Fields(fields) = &mut whole.query.select {
        fields.truncate(shown);
    }
    let columns = names.into_iter().zip(0..).collect();
    let (tenants, ranks, outer) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Level { query: whole.query, columns, tenants, ranks, types, height, outer, field_nullable: true })
}
