//! Expressions: JSON to [`Expr`], with types.

use indexmap::IndexSet;

use super::aggregate;
use super::function;
use super::limits::Budget;
use super::literal::{TYPES, describe, literal};
use super::scope::Scope;
use super::subquery::SUBQUERIES;
use super::window::Windows;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::ExprJson;
use crate::query::{AggregateCall, Expr};
use crate::value::{MapState, Type};

/// An expression and its type; `None` = a null that takes any type.
pub(super) struct Typed {
    pub expr: Expr,
    pub ty: Option<Type>,
}

/// Binds expressions over a scope.
pub(super) struct Binder<'b, 'a> {
    pub scope: &'b Scope<'a>,
    pub budget: &'b Budget,
    /// Where aggregates go, if they are allowed: call *n* is column `scope.types.len() + n` of the expression.
    pub calls: Option<&'b mut IndexSet<AggregateCall, MapState>>,
    /// Where window functions go, if they are allowed.
    pub windows: Option<Windows<'b>>,
}

impl Binder<'_, '_> {
    /// Binds an expression. Cost: its size.
    ///
    /// # Errors
    /// `QUERY_INVALID` if it is too large, malformed, or an aggregate is where none may be; `UNKNOWN_COLUMN`,
    /// `UNKNOWN_ALIAS`, `AMBIGUOUS_COLUMN`, `UNKNOWN_FUNCTION`, `TYPE_MISMATCH`, each with the place below the expression.
    pub(super) fn expr(&mut self, json: &ExprJson) -> Result<Typed> {
        self.budget.charge(json)?;
        self.node(json)
    }

    /// Binds a condition.
    ///
    /// # Errors
    /// Those of [`expr`](Self::expr), and `TYPE_MISMATCH` if it is not a bool.
    pub(super) fn condition(&mut self, json: &ExprJson) -> Result<Expr> {
        let typed = self.expr(json)?;
        self.budget.params.learn(&typed, Type::Bool);
        condition(typed, json)
    }

    /// Recursion over an expression that `budget` has let pass: its depth is limited, with all that it stands in.
    pub(super) fn node(&mut self, json: &ExprJson) -> Result<Typed> {
        self.budget.descend(1);
        let bound = self.dispatch(json);
        self.budget.descend(-1);
        bound
    }

    fn dispatch(&mut self, json: &ExprJson) -> Result<Typed> {
        if let Some(&(_, takes)) = SUBQUERIES.iter().find(|s| s.0 == json.op) {
            return self.subquery(json, takes);
        }
        match json.op.as_str() {
            "col" => self.column(json),
            "lit" => {
                bare(json)?;
                let value = literal(json)?;
                let ty = value.kind();
                Ok(Typed { expr: Expr::Literal(value), ty })
            }
            "param" => {
                bare(json)?;
                let (number, ty) = self.budget.params.find(json.name.as_deref().unwrap_or_default())?;
                Ok(Typed { expr: Expr::Param(number, ty.unwrap_or(Type::Text)), ty })
            }
            "agg" => self.aggregate(json),
            "over" => self.over(json),
            "grouping" => self.grouping(json),
            _ => {
                let signature = function::signature(json)?;
                let args = self.arguments(json)?;
                function::call(&signature, json, args, &self.budget.params)
            }
        }
    }

    pub(super) fn arguments(&mut self, json: &ExprJson) -> Result<Vec<Typed>> {
        let bind = |(i, a)| self.node(a).map_err(|e: Error| e.at_index("args", i));
        json.args.iter().enumerate().map(bind).collect()
    }

    fn column(&mut self, json: &ExprJson) -> Result<Typed> {
        bare(json)?;
        let Some(name) = json.name.as_deref() else {
            return Err(Error::new(ErrorCode::QueryInvalid, "a column needs a `name`").named("col"));
        };
        let (expr, ty) = self.scope.find(name, json.of.as_deref())?;
        Ok(Typed { expr, ty: Some(ty) })
    }

    fn aggregate(&mut self, json: &ExprJson) -> Result<Typed> {
        let function = aggregate::function(json)?;
        let Some(calls) = self.calls.take() else {
            let message = "an aggregate can stand in `select`, `having` and `orderBy` only, and not within another";
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(describe(json)));
        };
        // With `calls` taken, an aggregate within this one is refused; with `windows`, a window function.
        let windows = self.windows.take();
        let bound = aggregate::call(self, function, json);
        self.windows = windows;
        let numbered = bound.map(|call| {
            let ty = call.ty;
            let (index, _) = calls.insert_full(call);
            Typed { expr: Expr::Column(self.scope.types.len() + index), ty: Some(ty) }
        });
        self.calls = Some(calls);
        numbered
    }
}

/// A bound expression as a condition.
///
/// # Errors
/// `TYPE_MISMATCH` if it is not a bool.
pub(super) fn condition(typed: Typed, json: &ExprJson) -> Result<Expr> {
    match typed.ty {
        None | Some(Type::Bool) => Ok(typed.expr),
        other => Err(mismatch("a condition", &[Type::Bool], other, json)),
    }
}

/// Refuses arguments of a node that has none.
fn bare(json: &ExprJson) -> Result<()> {
    if json.args.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorCode::QueryInvalid, format!("`{}` takes no arguments", json.op)).named(json.op.as_str()).at("args"))
}

/// The error for an expression of a wrong type.
pub(super) fn mismatch(place: &str, wanted: &[Type], found: Option<Type>, json: &ExprJson) -> Error {
    let wanted_names = wanted.iter().map(|t| t.name()).collect::<Vec<_>>().join(" or ");
    let mut message = format!("{place} takes {wanted_names}, not {}", found.map_or("null", Type::name));
    if let ("lit", None, [ty]) = (json.op.as_str(), &json.name, wanted)
        && TYPES.contains(&ty.name())
    {
        message.push_str(&format!("; such a literal is written {{op: 'lit', name: '{}', value: text}}", ty.name()));
    }
    Error::new(ErrorCode::TypeMismatch, message).named(describe(json))
}
