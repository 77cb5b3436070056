//! Sub-queries, evaluated anew for every row: what is outer becomes a literal, and the query is run.

use super::Data;
use super::expr::eval;
use super::query::evaluate;
use crate::error::Result;
use crate::query::{BoundQuery, Expr, Function, QueryExpr, QueryExprKind, Schema};
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
    } else if list.contains(x) {
        Value::Bool(true)
    } else if list.iter().any(Value::is_null) {
        Value::Null
    } else {
        Value::Bool(false)
    }
}

/// A query without sub-queries over its scope: those of it are lifted.
pub(super) fn lifted(schema: &Schema, query: &BoundQuery) -> (BoundQuery, Lifted) {
    let sources = std::iter::once(&query.from).chain(query.joins.iter().map(|j| &j.source));
    let mut lifted = Lifted::behind(sources.map(|s| s.types(schema).len()).sum::<usize>() + query.computed.len());
    let mut query = query.clone();
    let grouped = query.aggregate.is_some();
    query.filter.iter_mut().for_each(|e| lifted.lift(e));
    if let Some(aggregate) = &mut query.aggregate {
        aggregate.groups.iter_mut().for_each(|e| lifted.lift(e));
        aggregate.calls.iter_mut().for_each(|c| c.for_each_expr(&mut |e| lifted.lift(e)));
    }
    if !grouped {
        query.for_each_output(&mut |e| lifted.lift(e));
    }
    (query, lifted)
}

/// The same over its group scope.
pub(super) fn lifted_of_groups(query: &BoundQuery) -> (BoundQuery, Lifted) {
    let mut query = query.clone();
    let cells = query.aggregate.as_ref().map_or(0, |a| a.groups.len() + a.calls.len());
    let mut lifted = Lifted::behind(cells);
    query.for_each_output(&mut |e| lifted.lift(e));
    (query, lifted)
}
