//! Sub-queries, evaluated anew for every row: what is outer becomes a literal, and the query is run.

use super::Data;
use super::data::equal;
use super::expr::eval;
use super::query::evaluate;
use crate::error::Result;
use crate::query::{Aggregate, BoundQuery, Expr, Function, QueryExpr, QueryExprKind, Schema, WindowCall, scope_types};
use crate::value::{Field, Value};

/// The sub-queries of some expressions, whose results are put behind the cells of the rows.
pub(super) struct Lifted {
    /// Number of the next cell.
    next: usize,
    found: Vec<QueryExpr>,
}

impl Lifted {
    /// None yet, over rows of so many cells.
    pub(super) fn behind(cells: usize) -> Self {
        Lifted { next: cells, found: Vec::new() }
    }

    /// Takes the sub-queries out of an expression: cells stand in their place.
    pub(super) fn lift(&mut self, expr: &mut Expr) {
        *expr = expr.replaced(&mut |part| {
            let Expr::Sub(sub) = part else { return None };
            let mut sub = (**sub).clone();
            sub.arguments_mut().for_each(|a| self.lift(a));
            let at = Expr::Column(self.next);
            let scalar = sub.kind == QueryExprKind::Scalar;
            self.next += if scalar { 2 } else { 1 };
            self.found.push(sub);
            Some(if scalar { Expr::Call(Function::OneRow, vec![at, Expr::Column(self.next - 1)]) } else { at })
        });
    }

    /// Puts the results behind the cells of a row.
    pub(super) fn append(&self, schema: &Schema, data: &Data, row: &mut Vec<Value>) -> Result<()> {
        for sub in &self.found {
            let outer = sub.outer.iter().map(|e| eval(e, row)).collect::<Result<Vec<_>>>()?;
            let mut query = sub.query.clone();
            query.for_each_expr(&mut |e| {
                *e = e.replaced(&mut |part| match part {
                    Expr::Outer(k, _) => Some(Expr::Literal(outer[*k].clone())),
                    _ => None,
                });
            });
            let found = evaluate(schema, data, &query)?;
            let fields = found.into_iter().map(|mut tree| match tree.fields.swap_remove(0).1 {
                Field::Value(v) => v,
                _ => Value::Null,
            });
            let fields: Vec<Value> = fields.collect();
            match &sub.kind {
                QueryExprKind::Exists => row.push(Value::Bool(!fields.is_empty())),
                QueryExprKind::In { value, .. } => {
                    let x = eval(value, row)?;
                    row.push(is_in(&x, &fields));
                }
                QueryExprKind::Scalar => {
                    let rows = Value::Int(fields.len() as i64);
                    row.push(fields.into_iter().next().unwrap_or(Value::Null));
                    row.push(rows);
                }
            }
        }
        Ok(())
    }
}

/// `x in (…)` of the values of a list.
fn is_in(x: &Value, list: &[Value]) -> Value {
    if list.is_empty() {
        Value::Bool(false)
    } else if x.is_null() {
        Value::Null
    } else if list.iter().any(|v| equal(v, x)) {
        Value::Bool(true)
    } else if list.iter().any(Value::is_null) {
        Value::Null
    } else {
        Value::Bool(false)
    }
}

/// A query without sub-queries in what is before its output (condition, groups, aggregates): those of it are lifted.
pub(super) fn lifted(schema: &Schema, query: &BoundQuery) -> (BoundQuery, Lifted) {
    let mut lifted = Lifted::behind(scope_types(schema, query).len());
    let mut query = query.clone();
    query.filter.iter_mut().for_each(|e| lifted.lift(e));
    if let Some(aggregate) = &mut query.aggregate {
        aggregate.groups.iter_mut().for_each(|e| lifted.lift(e));
        aggregate.calls.iter_mut().for_each(|c| c.for_each_expr(&mut |e| lifted.lift(e)));
    }
    (query, lifted)
}

/// `having` without sub-queries, over the group scope.
pub(super) fn lifted_of_having(aggregate: &Aggregate) -> (Option<Expr>, Lifted) {
    let mut lifted = Lifted::behind(aggregate.groups.len() + aggregate.calls.len());
    let mut having = aggregate.having.clone();
    having.iter_mut().for_each(|e| lifted.lift(e));
    (having, lifted)
}

/// Window functions without sub-queries, over a scope or group scope of so many cells.
pub(super) fn lifted_of_windows(query: &BoundQuery, cells: usize) -> (Vec<WindowCall>, Lifted) {
    let mut lifted = Lifted::behind(cells);
    let mut calls = query.windows.clone();
    calls.iter_mut().flat_map(WindowCall::exprs_mut).for_each(|e| lifted.lift(e));
    (calls, lifted)
}

/// A query without sub-queries in select and order, over a scope or group scope of so many cells and the windows.
pub(super) fn lifted_of_output(query: &BoundQuery, cells: usize) -> (BoundQuery, Lifted) {
    let mut query = query.clone();
    let mut lifted = Lifted::behind(cells + query.windows.len());
    query.windows.clear();
    query.aggregate.iter_mut().for_each(|a| a.having = None);
    query.for_each_output(&mut |e| lifted.lift(e));
    (query, lifted)
}
