//! A call of an aggregate with formulas for its expressions.

use std::cmp::Ordering;

use super::super::{Datum, Formula, Row};
use crate::algebra::Handle;
use crate::error::ErrorCode;
use crate::query::{AggregateCall, AggregateFunction, Expr, SortKey};
use crate::trace::{Path, RelationId, Relations, SortColumn};
use crate::value::{Cell, Type, identity_order};

/// An aggregate over the rows of one relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Which.
    pub function: AggregateFunction,
    /// Argument; `None` = `count(*)`.
    pub argument: Option<Formula>,
    /// Separator or fraction.
    pub second: Option<Formula>,
    /// Equal arguments count once.
    pub distinct: bool,
    /// Rows that take part.
    pub filter: Option<Formula>,
    /// Order of the rows: formulas, and how their results are compared (a path is not read).
    pub order: Vec<(Formula, SortColumn)>,
    /// Result type.
    pub ty: Type,
}

impl Call {
    /// Puts formulas in the place of expressions.
    pub fn new(call: &AggregateCall, formula: &dyn Fn(&Expr) -> Formula) -> Self {
        let key = |k: &SortKey| {
            let compared = SortColumn { path: Path::default(), ty: call.ty, desc: k.desc, nulls_first: k.nulls_first };
            (formula(&k.expr), compared)
        };
        Call {
            function: call.function,
            argument: call.argument.as_ref().map(formula),
            second: call.second.as_ref().map(formula),
            distinct: call.distinct,
            filter: call.filter.as_ref().map(formula),
            order: call.order.iter().map(key).collect(),
            ty: call.ty,
        }
    }

    fn evaluated(&self) -> impl Iterator<Item = &Formula> {
        self.argument.iter().chain(self.ordering())
    }

    fn ordering(&self) -> impl Iterator<Item = &Formula> {
        self.second.iter().chain(self.order.iter().map(|k| &k.0))
    }

    /// Whether evaluation may fail.
    pub fn may_fail(&self) -> bool {
        !self.evaluated().chain(&self.filter).all(Formula::is_safe)
    }

    /// Whether that of what is evaluated beside the filter and the argument may.
    pub fn order_may_fail(&self) -> bool {
        !self.ordering().all(Formula::is_safe)
    }

    /// Whether it does not see that a row took another's place: it takes the same of both, and no group keeps the rows.
    pub fn agrees(&self, relations: &Relations, relation: RelationId, rows: [Handle; 2]) -> bool {
        use AggregateFunction as F;
        !matches!(self.function, F::StringAgg | F::JsonAgg | F::First | F::Last)
            && self.filter.iter().chain(self.evaluated()).all(|formula| formula.agrees(relations, relation, rows))
    }

    /// What it takes of a row: its argument, and nothing of a row that its filter leaves out.
    #[inline(always)]
    pub fn taken<'a>(&'a self, row: Row<'a>) -> Result<Option<Datum<'a>>, ErrorCode> {
        if let Some(filter) = &self.filter
            && !filter.holds(row)?
        {
            return Ok(None);
        }
        self.argument.as_ref().map_or(Ok(Datum::Cell(Cell::Bool(true))), |a| a.eval(row)).map(Some)
    }

    /// Evaluates all that is ever evaluated of a row; nothing behind a filter that is not true.
    pub fn check(&self, row: Row<'_>) -> Result<(), ErrorCode> {
        if let Some(filter) = &self.filter
            && !filter.holds(row)?
        {
            return Ok(());
        }
        self.evaluated().try_for_each(|f| f.eval(row).map(drop))
    }

    /// A word whose order never contradicts that of rows.
    pub fn prefix(&self, row: Row<'_>) -> u64 {
        let Some((formula, by)) = self.order.first() else { return 0 };
        formula.eval(row).map_or(0, |v| by.word(v.as_cell(), if by.desc { u64::MAX } else { 0 }))
    }

    /// Order of another row relative to a row, both evaluated before without errors.
    pub fn compare(&self, other: Handle, row: Row<'_>) -> Ordering {
        if other == row.handle {
            return Ordering::Equal;
        }
        let other = Row { handle: other, ..row };
        let mut spelling = Ordering::Equal;
        for (formula, by) in &self.order {
            if let (Ok(a), Ok(b)) = (formula.eval(other), formula.eval(row)) {
                let order = by.compare(a.as_cell(), b.as_cell());
                if order.is_ne() {
                    return order;
                }
                spelling = spelling.then_with(|| identity_order(a.as_cell(), b.as_cell()));
            }
        }
        spelling.then(other.handle.cmp(&row.handle))
    }
}
