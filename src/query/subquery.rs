//! Sub-queries in expressions: `exists`, `in`, and the value of a single row.
//!
//! A sub-query is a closure. What it reads of the queries around it is listed in [`QueryExpr::outer`], as expressions over
//! the scope that the sub-query stands in; inside, [`Expr::Outer`] refers to that list by number. So a sub-query means the
//! same wherever its surroundings are put, and one without such expressions depends on the tables alone.

use std::hash::{Hash, Hasher};

use super::{AggregateCall, BoundQuery, Expr, Select, WindowCall};
use crate::value::Type;

/// A bound sub-query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryExpr {
    /// What is asked of its rows.
    pub kind: QueryExprKind,
    /// The query. Its order says nothing unless it is cut, for each row that it is evaluated for.
    pub query: BoundQuery,
    /// What it reads of the row that it is evaluated for.
    pub outer: Vec<Expr>,
    /// Type of the result.
    pub ty: Type,
}

/// What is asked of the rows of a sub-query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryExprKind {
    /// Whether there is one. Never null.
    Exists,
    /// Whether a value equals the one field of a row: null if none does, and the value or a field is null (of no rows: false).
    In {
        /// The value, over the scope that the sub-query stands in.
        value: Expr,
        /// Whether the value may be null.
        value_nullable: bool,
        /// Whether the field may be null.
        field_nullable: bool,
    },
    /// The one field of its row; null without rows, an error with more than one.
    Scalar,
}

impl QueryExpr {
    /// Expressions over the scope that it stands in.
    pub fn arguments(&self) -> impl Iterator<Item = &Expr> {
        let value = match &self.kind {
            QueryExprKind::In { value, .. } => Some(value),
            _ => None,
        };
        value.into_iter().chain(&self.outer)
    }

    /// The same.
    pub fn arguments_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let value = match &mut self.kind {
            QueryExprKind::In { value, .. } => Some(value),
            _ => None,
        };
        value.into_iter().chain(&mut self.outer)
    }

    /// How many joins a row takes part in at most for its sake.
    pub fn joins(&self) -> usize {
        let more = match &self.kind {
            QueryExprKind::In { value_nullable, field_nullable, .. } => {
                usize::from(*value_nullable) + usize::from(*field_nullable)
            }
            _ => 0,
        };
        let params = self.query.filter.as_ref().is_some_and(Expr::has_param);
        1 + more + usize::from(params) + usize::from(self.arguments().any(|a| !matches!(a, Expr::Column(_) | Expr::Outer(..))))
    }

    /// The field that `in` and scalars are about.
    pub fn field(&self) -> Option<&Expr> {
        match &self.query.select {
            Select::Fields(fields) => fields.first().map(|f| &f.expr),
            Select::All => None,
        }
    }
}

// A hash of the whole would be a second walk of every query for sets of a few aggregates; equality decides.
impl Hash for QueryExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(&self.kind).hash(state);
        self.query.alias.hash(state);
        self.outer.hash(state);
    }
}

impl Expr {
    /// The same expression with parts put in the place of others: `f` says what for, or `None` to look further inside. The
    /// inside of a sub-query is another scope, and stays.
    #[must_use]
    pub fn replaced(&self, f: &mut dyn FnMut(&Expr) -> Option<Expr>) -> Expr {
        if let Some(other) = f(self) {
            return other;
        }
        match self {
            Expr::Call(function, args) => Expr::Call(*function, args.iter().map(|a| a.replaced(f)).collect()),
            Expr::Sub(sub) => {
                let mut sub = sub.clone();
                sub.arguments_mut().for_each(|a| *a = a.replaced(f));
                Expr::Sub(sub)
            }
            Expr::Column(_) | Expr::Literal(_) | Expr::Param(..) | Expr::Outer(..) => self.clone(),
        }
    }

    /// Whether the expression or one inside it is such; the insides of sub-queries are not looked at.
    pub fn any(&self, is: &dyn Fn(&Expr) -> bool) -> bool {
        is(self)
            || match self {
                Expr::Call(_, args) => args.iter().any(|a| a.any(is)),
                Expr::Sub(sub) => sub.arguments().any(|a| a.any(is)),
                Expr::Column(_) | Expr::Literal(_) | Expr::Param(..) | Expr::Outer(..) => false,
            }
    }

    /// Whether a sub-query is in it.
    pub fn has_subquery(&self) -> bool {
        self.any(&|e| matches!(e, Expr::Sub(_)))
    }

    /// Whether it reads a parameter.
    pub fn has_param(&self) -> bool {
        self.any(&|e| matches!(e, Expr::Param(..)))
    }

    /// Whether it reads what a sub-query reads of the row that it is evaluated for.
    pub fn has_outer(&self) -> bool {
        self.any(&|e| matches!(e, Expr::Outer(..)))
    }
}

impl AggregateCall {
    /// Calls `f` with every expression of the call, all over the scope.
    pub fn for_each_expr(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        let parts = [&mut self.argument, &mut self.second, &mut self.filter];
        parts.into_iter().flatten().chain(self.order.iter_mut().map(|key| &mut key.expr)).for_each(f);
    }
}

impl BoundQuery {
    /// Calls `f` with every expression of the query itself: nested associations and the insides of sub-queries are apart.
    pub fn for_each_expr(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        for join in &mut self.joins {
            join.exprs_mut().for_each(&mut *f);
            join.own_filter.as_mut().into_iter().for_each(&mut *f);
        }
        self.filter.as_mut().into_iter().for_each(&mut *f);
        if let Some(aggregate) = &mut self.aggregate {
            aggregate.groups.iter_mut().for_each(&mut *f);
            aggregate.calls.iter_mut().for_each(|c| c.for_each_expr(f));
        }
        self.for_each_output(f);
    }

    /// Calls `f` with the expressions over the scope, or over the group scope if there is grouping: having, window functions,
    /// select, order and what a limit is per.
    pub fn for_each_output(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        self.aggregate.iter_mut().filter_map(|a| a.having.as_mut()).for_each(&mut *f);
        self.windows.iter_mut().flat_map(WindowCall::exprs_mut).for_each(&mut *f);
        if let Select::Fields(fields) = &mut self.select {
            fields.iter_mut().for_each(|field| f(&mut field.expr));
        }
        self.order.iter_mut().for_each(|key| f(&mut key.expr));
        self.limit_by.iter_mut().flat_map(|part| &mut part.by).for_each(f);
    }
}
