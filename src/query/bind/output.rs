//! What a query puts out: groups, select, order, key.

use hashbrown::HashSet;

use indexmap::IndexSet;

use super::expr::{Binder, Typed, condition};
use super::group::{comparable, regroup};
use super::grouping::set_call;
use super::limits::{Budget, has_aggregate};
use super::scope::{Relation, Scope};
use super::spelling::shown_forms;
use super::window::Windows;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, NamedJson, OrderJson, QueryJson};
use crate::query::{AggregateCall, AggregateFunction, Expr, OutputField, Select, SortKey, WindowCall};
use crate::value::{MapState, Type};

/// Binds the parts of a query that are over the group scope if there is grouping, else over the scope.
pub(super) struct Output<'b, 'a> {
    pub scope: &'b Scope<'a>,
    pub budget: &'b Budget,
    /// Group expressions over the scope, if there is grouping.
    pub groups: Option<Vec<Expr>>,
    /// Aggregates found so far, each once.
    pub calls: IndexSet<AggregateCall, MapState>,
    /// Window functions found so far, each once.
    pub windows: IndexSet<WindowCall, MapState>,
}

/// A column that is part of what identifies an output row.
pub(super) struct KeyPart {
    pub column: usize,
    /// The tenant, of which users do not know.
    pub hidden: bool,
    pub nullable: bool,
}

/// The group expressions, if the query groups: by `groupBy`, `having`, or by calling an aggregate.
///
/// # Errors
/// Those of expressions; `TYPE_MISMATCH` for json.
pub(super) fn groups(json: &QueryJson, binder: &mut Binder<'_, '_>) -> Result<Option<Vec<Expr>>> {
    let Some(group_by) = &json.group_by else {
        let selected = json.select.iter().flatten().map(|f| &f.expr);
        let calls = selected.chain(json.order_by.iter().map(|o| &o.expr)).any(has_aggregate);
        return Ok((calls || json.having.is_some()).then(Vec::new));
    };
    let mut group = |g: &NamedJson| {
        let typed = binder.expr(&g.expr)?;
        comparable(&typed, "grouped", &g.expr)?;
        Ok(typed.expr)
    };
    let place = |i: usize| move |e: Error| e.at("expr").at_index("groupBy", i);
    group_by.iter().enumerate().map(|(i, g)| group(g).map_err(place(i))).collect::<Result<_>>().map(Some)
}

impl<'b, 'a> Output<'b, 'a> {
    pub(super) fn new(scope: &'b Scope<'a>, budget: &'b Budget, groups: Option<Vec<Expr>>) -> Self {
        let mut calls: IndexSet<_, MapState> = groups.iter().flat_map(|g| shown_forms(g, &scope.types)).collect();
        calls.extend(scope.grouping.iter().filter(|g| !g.sets.is_empty()).map(|_| set_call()));
        Output { scope, budget, groups, calls, windows: IndexSet::default() }
    }

    pub(super) fn is_grouped(&self) -> bool {
        self.groups.is_some()
    }

    fn expr(&mut self, json: &ExprJson) -> Result<Typed> {
        self.bound(json, true)
    }

    pub(super) fn bound(&mut self, json: &ExprJson, windows: bool) -> Result<Typed> {
        let (scope, budget) = (self.scope, self.budget);
        let windows = windows.then_some(Windows { groups: self.groups.as_deref(), calls: &mut self.windows });
        let Some(groups) = &self.groups else { return Binder { scope, budget, calls: None, windows }.expr(json) };
        let typed = Binder { scope, budget, calls: Some(&mut self.calls), windows }.expr(json)?;
        Ok(Typed { expr: regroup(typed.expr, json, groups, scope)?, ty: typed.ty })
    }

    /// Binds `select`; `whole`: the rows are shown, rather than the source of another query.
    ///
    /// # Errors
    /// `QUERY_INVALID` if it is empty, absent from a grouped query, or names a field twice or not at all; those of
    /// expressions; `NOT_GROUPED`.
    pub(super) fn select(&mut self, json: Option<&[NamedJson]>, whole: bool) -> Result<Select> {
        let invalid = |message: &str| Error::new(ErrorCode::QueryInvalid, message);
        let Some(fields) = json else {
            let queries = self.scope.sources.iter().any(|s| matches!(s.relation, Relation::Query(_)));
            if queries && !self.is_grouped() {
                return self.columns(whole);
            }
            if self.is_grouped() {
                return Err(invalid("a grouped query has no rows to show whole; it needs a `select`").at("select"));
            }
            return Ok(Select::All);
        };
        if fields.is_empty() {
            return Err(invalid("`select` names no field").at("select"));
        }
        let mut names = HashSet::<_, MapState>::default();
        let mut bound = Vec::with_capacity(fields.len());
        for (i, field) in fields.iter().enumerate() {
            if field.name.is_empty() {
                return Err(invalid("a field needs a name").named("").at("name").at_index("select", i));
            }
            if !names.insert(field.name.as_str()) {
                let message = format!("two fields are called `{}`", field.name);
                return Err(invalid(&message).named(field.name.as_str()).at("name").at_index("select", i));
            }
            let typed = self.expr(&field.expr).map_err(|e| e.at("expr").at_index("select", i))?;
            // A null without a type is text, as in PostgreSQL.
            bound.push(OutputField { name: field.name.clone(), expr: typed.expr, ty: typed.ty.unwrap_or(Type::Text) });
        }
        Ok(Select::Fields(bound))
    }

    /// All columns of the sub-query that is selected from, of a table and those computed for it, or of all sources if they are
    /// not shown.
    fn columns(&self, whole: bool) -> Result<Select> {
        // Computed columns are a second source of the same alias.
        if whole && self.scope.sources.iter().any(|s| s.alias != self.scope.sources[0].alias) {
            let message = "a query that joins a sub-query has no rows to show whole; it needs a `select`";
            return Err(Error::new(ErrorCode::QueryInvalid, message).at("select"));
        }
        let field =
            |(name, c): (&str, usize)| OutputField { name: name.to_owned(), expr: Expr::Column(c), ty: self.scope.types[c] };
        Ok(Select::Fields(self.scope.shown().map(field).collect()))
    }

    /// Binds `orderBy`.
    ///
    /// # Errors
    /// Those of expressions; `NOT_GROUPED`; `TYPE_MISMATCH` for json; `QUERY_INVALID` for a place of nulls other than first
    /// and last.
    pub(super) fn order(&mut self, json: &[OrderJson], select: &Select) -> Result<Vec<SortKey>> {
        let place = |i: usize| move |e: Error| e.at_index("orderBy", i);
        json.iter().enumerate().map(|(i, item)| self.sort_key(item, select).map_err(place(i))).collect()
    }

    /// Binds `having`.
    ///
    /// # Errors
    /// Those of expressions; `NOT_GROUPED`; `TYPE_MISMATCH` if it is not a bool.
    pub(super) fn having(&mut self, json: &ExprJson) -> Result<Expr> {
        let typed = self.bound(json, false)?;
        self.budget.params.learn(&typed, Type::Bool);
        condition(typed, json)
    }

    fn sort_key(&mut self, json: &OrderJson, select: &Select) -> Result<SortKey> {
        let nulls_first = nulls_first(json)?;
        let bound = self.expr(&json.expr).or_else(|e| self.field(&json.expr, select, e));
        let typed = bound.map_err(|e| e.at("expr"))?;
        comparable(&typed, "ordered", &json.expr).map_err(|e| e.at("expr"))?;
        Ok(SortKey { expr: typed.expr, desc: json.desc, nulls_first })
    }

    /// The field of `select` that a bare name means, when no column of the (group) scope has it.
    fn field(&self, json: &ExprJson, select: &Select, error: Error) -> Result<Typed> {
        let outside = matches!(error.code, ErrorCode::UnknownColumn | ErrorCode::NotGrouped);
        let (true, "col", Some(name), None, Select::Fields(fields)) = (outside, json.op.as_str(), &json.name, &json.of, select)
        else {
            return Err(error);
        };
        match fields.iter().find(|f| f.name == *name) {
            Some(field) => {
                self.budget.take(size(&field.expr))?;
                Ok(Typed { expr: field.expr.clone(), ty: Some(field.ty) })
            }
            None if error.code == ErrorCode::UnknownColumn => {
                Err(self.scope.unknown(name, fields.iter().map(|f| f.name.as_str())))
            }
            None => Err(error),
        }
    }

    /// Whether the first field of a select may be null, as far as columns tell.
    pub(super) fn first_is_nullable(&self, select: &Select) -> bool {
        let Select::Fields(fields) = select else { return true };
        match (&self.groups, fields.first().map(|f| &f.expr)) {
            (Some(groups), Some(Expr::Column(c))) => match (groups.get(*c), self.calls.get_index(c.saturating_sub(groups.len())))
            {
                (Some(group), _) => self.set_column().is_some() || self.scope.is_nullable(group),
                (None, call) => call.is_none_or(|c| c.function != AggregateFunction::Count),
            },
            (None, Some(e)) => self.scope.is_nullable(e),
            _ => true,
        }
    }

    /// The column of the group scope that says which grouping set a row is of, if there are several.
    fn set_column(&self) -> Option<usize> {
        let grouping = self.scope.grouping.as_ref().filter(|g| !g.sets.is_empty())?;
        Some(self.groups.as_ref()?.len() + grouping.call)
    }

    /// What identifies an output row: the keys of all sources, or the groups (and of several sets the number of the row's).
    pub(super) fn key(&self) -> Vec<KeyPart> {
        match &self.groups {
            Some(groups) => {
                let columns = (0..groups.len()).chain(self.set_column());
                columns.map(|column| KeyPart { column, hidden: false, nullable: true }).collect()
            }
            None => self.scope.sources.iter().flat_map(|s| s.key()).collect(),
        }
    }
}

/// Whether nulls come first in an order: as said, else last ascending and first descending.
///
/// # Errors
/// `QUERY_INVALID` for a place other than first and last.
pub(super) fn nulls_first(json: &OrderJson) -> Result<bool> {
    match json.nulls.as_deref() {
        None => Ok(json.desc),
        Some("first") => Ok(true),
        Some("last") => Ok(false),
        Some(other) => {
            let e = Error::unknown(ErrorCode::QueryInvalid, "place of nulls", other, "orderBy", ["first", "last"]);
            Err(e.at("nulls"))
        }
    }
}

/// Nodes of an expression.
fn size(expr: &Expr) -> usize {
    match expr {
        Expr::Column(_) | Expr::Literal(_) | Expr::Param(..) | Expr::Outer(..) => 1,
        Expr::Sub(sub) => 1 + sub.arguments().map(size).sum::<usize>(),
        Expr::Call(_, args) => 1 + args.iter().map(size).sum::<usize>(),
    }
}
