//! Conjuncts that compare with the value of a sub-query which has one row for all: `x > (select avg(y) from …)`.
//!
//! A join with that row would make every pair anew when the value changes; a bound on the order of `x` only lets in and out
//! what is between the old value and the new one.

use super::subquery::{cannot_fail, field_of, is_global, or_empty};
use super::{Planner, Stream};
use crate::operator::{Against, Formula};
use crate::query::{Expr, Function, QueryExpr, QueryExprKind, type_of};
use crate::value::Type;

/// A column's side of such a comparison, read from there, and the side of the value.
struct Compared<'e> {
    column: &'e Expr,
    comparison: Function,
    value: &'e Expr,
    sub: &'e QueryExpr,
}

impl Planner<'_> {
    /// Whether a conjunct is one.
    pub(super) fn is_bound(&self, stream: &Stream, conjunct: &Expr) -> bool {
        compared(conjunct, &stream.types()).is_some()
    }

    /// Rows for which such a conjunct is true; `None` if it is another one, or one whose value could fail while conjuncts beside
    /// it drop the rows that it would fail for.
    pub(super) fn bound(&mut self, stream: &Stream, conjunct: &Expr, alone: bool) -> Option<Stream> {
        let Compared { column, comparison, value, sub } = compared(conjunct, &stream.types())?;
        let mut stream = stream.clone();
        let inner = self.inner(&mut stream, sub, false);
        let calls: Vec<_> = inner.query.aggregate.iter().flat_map(|a| a.calls.iter()).collect();
        let found = field_of(&inner.query).replaced(&mut |e| match e {
            Expr::Column(c) => Some(or_empty(calls[*c], Expr::Column(*c))),
            _ => None,
        });
        let value = value.replaced(&mut |e| matches!(e, Expr::Sub(_)).then(|| found.clone()));
        if !alone && !cannot_fail(&value) {
            return None;
        }
        let at = self.columns(&mut stream, std::slice::from_ref(column))[0];
        let against =
            Against { column: stream.columns[at].0, comparison, value: Formula::new(&value, &|c| inner.stream.columns[c].0) };
        Some(self.bounded(&stream, &inner.stream, against))
    }
}

fn compared<'e>(conjunct: &'e Expr, types: &[Type]) -> Option<Compared<'e>> {
    let Expr::Call(function, args) = conjunct else { return None };
    let [a, b] = &args[..] else { return None };
    let turned = match function {
        Function::Eq => Function::Eq,
        Function::Lt => Function::Gt,
        Function::Le => Function::Ge,
        Function::Gt => Function::Lt,
        Function::Ge => Function::Le,
        _ => return None,
    };
    let (column, comparison, value) = if b.has_subquery() { (a, *function, b) } else { (b, turned, a) };
    let sub = the_sub(value)?;
    if conjunct.has_param() || sub.field().is_some_and(Expr::has_param) {
        return None;
    }
    let sound = sub.kind == QueryExprKind::Scalar
        && is_global(&sub.query)
        && sub.outer.is_empty()
        && sub.query.aggregate.as_ref().is_some_and(|a| a.having.is_none())
        && !field_of(&sub.query).any(&|e| matches!(e, Expr::Sub(_) | Expr::Outer(..)))
        && !value.any(&|e| matches!(e, Expr::Column(_) | Expr::Outer(..)))
        && !column.any(&|e| matches!(e, Expr::Sub(_) | Expr::Outer(..)))
        && column.any(&|e| matches!(e, Expr::Column(_)));
    // Cells of one type have one order.
    let of_value = type_of(&value.replaced(&mut |e| matches!(e, Expr::Sub(_)).then_some(Expr::Column(0))), &[sub.ty]);
    (sound && of_value.is_some() && type_of(column, types) == of_value).then_some(Compared { column, comparison, value, sub })
}

/// The one sub-query of an expression.
fn the_sub(e: &Expr) -> Option<&QueryExpr> {
    match e {
        Expr::Sub(sub) => Some(sub),
        Expr::Call(_, args) => {
            let mut found = args.iter().filter(|a| a.has_subquery());
            found.next().filter(|_| found.next().is_none()).and_then(the_sub)
        }
        _ => None,
    }
}
