//! How large an expression and a query may be: checked on the JSON, without recursion, before anything recurses over it.

use std::cell::Cell;
use std::rc::Rc;

use super::params::Params;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::ExprJson;

/// Levels of an expression.
pub const MAX_DEPTH: usize = 256;
/// Parts of a query: nodes of its expressions, sources, nested queries; a common table expression counts wherever it is named.
pub const MAX_NODES: usize = 10_000;
/// Joins of a query: each makes the rows after it one level deeper.
pub const MAX_JOINS: usize = 64;
/// Columns of a query that are computed of associations: each makes the rows one level deeper.
pub const MAX_COMPUTED: usize = 8;
/// Levels of `with` in `with`, and of sub-queries in sub-queries.
pub const MAX_NESTING: usize = 32;

/// What is left of [`MAX_NODES`], and how deep in expressions binding is: a sub-query begins where its expression is. With it
/// go the parameters of the query.
pub(super) struct Budget {
    nodes: Cell<usize>,
    depth: Cell<usize>,
    pub params: Rc<Params>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Budget::with(Rc::default())
    }

    /// A whole budget for a query with parameters.
    pub(super) fn with(params: Rc<Params>) -> Self {
        Budget { nodes: Cell::new(MAX_NODES), depth: Cell::new(0), params }
    }

    /// What is left.
    pub(super) fn left(&self) -> usize {
        self.nodes.get()
    }

    /// Takes some nodes.
    pub(super) fn take(&self, nodes: usize) -> Result<()> {
        match self.nodes.get().checked_sub(nodes) {
            Some(rest) => {
                self.nodes.set(rest);
                Ok(())
            }
            None => {
                let message = format!("the query has more than {MAX_NODES} parts");
                Err(Error::new(ErrorCode::QueryInvalid, message))
            }
        }
    }

    /// Goes a level down (up).
    pub(super) fn descend(&self, levels: isize) {
        self.depth.set(self.depth.get().saturating_add_signed(levels));
    }

    /// Takes the nodes of an expression and checks its depth. What passes may be recursed over.
    pub(super) fn charge(&self, expr: &ExprJson) -> Result<()> {
        let mut todo = vec![(expr, self.depth.get() + 1)];
        while let Some((e, depth)) = todo.pop() {
            if depth > MAX_DEPTH {
                let message = format!("the expression is nested deeper than {MAX_DEPTH} levels");
                return Err(Error::new(ErrorCode::QueryInvalid, message));
            }
            self.take(1)?;
            todo.extend(parts(e).map(|a| (a, depth + 1)));
        }
        Ok(())
    }
}

/// The expressions right below one: its arguments, which rows of these and in what order, and what it is over.
pub(super) fn parts(e: &ExprJson) -> impl Iterator<Item = &ExprJson> {
    let call = e.call.iter().flat_map(|c| c.filter.iter().chain(c.order_by.iter().map(|k| &k.expr)));
    let over = e.over.iter().flat_map(|o| o.partition_by.iter().chain(o.order_by.iter().map(|k| &k.expr)));
    e.args.iter().chain(call).chain(over)
}

/// Whether an aggregate is called anywhere in an expression of any depth. Those of sub-queries are theirs.
pub(super) fn has_aggregate(expr: &ExprJson) -> bool {
    calls(expr, "agg")
}

/// Whether an expression of any depth has a sub-query.
pub(super) fn has_subquery(expr: &ExprJson) -> bool {
    let mut todo = vec![expr];
    while let Some(e) = todo.pop() {
        if e.query.is_some() {
            return true;
        }
        todo.extend(parts(e));
    }
    false
}

/// Whether some operation is anywhere in an expression of any depth, sub-queries apart.
pub(super) fn calls(expr: &ExprJson, op: &str) -> bool {
    let mut todo = vec![expr];
    while let Some(e) = todo.pop() {
        if e.op == op {
            return true;
        }
        todo.extend(parts(e));
    }
    false
}
