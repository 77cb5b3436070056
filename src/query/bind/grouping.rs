//! Grouping sets: several groupings in one query, and `grouping`, which says of a row what it is not grouped by.

use super::expr::{Binder, Typed};
use super::limits::Budget;
use super::literal::describe;
use super::spelling::shown_forms;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, QueryJson};
use crate::query::{AggregateCall, AggregateFunction, Expr, Function};
use crate::sort;
use crate::value::{Type, Value};

/// Grouping sets of a query. Each has its own groups, which change with every row: what `cube` makes of six columns.
const MAX_SETS: usize = 64;
/// Arguments of `grouping`, as in PostgreSQL: bits of a positive number of 32.
const MAX_ARGUMENTS: usize = 31;

/// What a query is grouped by.
pub(super) struct Grouping {
    /// Over the scope.
    groups: Vec<Expr>,
    /// Which of them each of several groupings is by, ascending; none: one grouping by all.
    pub sets: Vec<Vec<usize>>,
    /// The aggregate that says which set a row is of.
    pub call: usize,
}

/// The aggregate that says which set a row is of.
pub(super) fn set_call() -> AggregateCall {
    AggregateCall::new(AggregateFunction::GroupingSet, None, Type::Int)
}

/// The groupings of a query over columns of these types.
///
/// # Errors
/// `QUERY_INVALID` for sets without `groupBy`, none or too many of them, and numbers that no expression has.
pub(super) fn grouping(json: &QueryJson, groups: Option<&[Expr]>, columns: &[Type], budget: &Budget) -> Result<Option<Grouping>> {
    let invalid = |message: String| Error::new(ErrorCode::QueryInvalid, message).at("groupingSets");
    let Some(groups) = groups.filter(|_| json.group_by.is_some() || json.grouping_sets.is_none()) else {
        return match &json.grouping_sets {
            Some(_) => Err(invalid("grouping sets are of the expressions in `groupBy`".to_owned())),
            None => Ok(None),
        };
    };
    let given = json.grouping_sets.as_deref();
    if given.is_some_and(|sets| sets.is_empty() || sets.len() > MAX_SETS) {
        return Err(invalid(format!("a query has 1 to {MAX_SETS} grouping sets")));
    }
    let mut sets = Vec::new();
    for (i, set) in given.unwrap_or_default().iter().enumerate() {
        budget.take(1 + set.len())?;
        let mut numbers = Vec::with_capacity(set.len());
        for &n in set {
            let Some(group) = groups.get(n as usize) else {
                let message = format!("`groupBy` has {} expressions, numbered from 0", groups.len());
                let e = Error::new(ErrorCode::QueryInvalid, message).named(n.to_string());
                return Err(e.at_index("groupingSets", i));
            };
            // Equal expressions are one.
            numbers.extend(groups.iter().position(|g| g == group));
        }
        sort::by_number(&mut numbers, |n| *n as u32);
        numbers.dedup();
        sets.push(numbers);
    }
    let mut forms: Vec<AggregateCall> = Vec::new();
    for form in shown_forms(groups, columns) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    Ok(Some(Grouping { groups: groups.to_vec(), sets, call: forms.len() }))
}

impl Binder<'_, '_> {
    /// Binds `grouping(x, …)`: a number with a bit for each argument, the last one's the lowest, that is set where the row is of a
    /// grouping without it. What comes out is over the aggregates.
    ///
    /// # Errors
    /// `QUERY_INVALID` where no aggregate can stand, and for no or too many arguments; `NOT_GROUPED` for what is not grouped by;
    /// those of the arguments.
    pub(super) fn grouping(&mut self, json: &ExprJson) -> Result<Typed> {
        let invalid = |message: String| Error::new(ErrorCode::QueryInvalid, message).named(describe(json));
        let (Some(grouping), Some(calls)) = (&self.scope.grouping, self.calls.take()) else {
            let message =
                "`grouping` can stand in `select`, `having` and `orderBy` of a query with `groupBy` only, not in an aggregate";
            return Err(invalid(message.to_owned()));
        };
        let bound = if (1..=MAX_ARGUMENTS).contains(&json.args.len()) {
            self.arguments(json)
        } else {
            Err(invalid(format!("`grouping` takes 1 to {MAX_ARGUMENTS} arguments, not {}", json.args.len())))
        };
        self.calls = Some(calls);
        let mut places = Vec::new();
        for (i, argument) in bound?.into_iter().enumerate() {
            let Some(at) = grouping.groups.iter().position(|g| *g == argument.expr) else {
                let e = Error::new(ErrorCode::NotGrouped, "`grouping` is about what the query is grouped by");
                return Err(e.named(describe(&json.args[i])).at_index("args", i));
            };
            places.push(at);
        }
        let number = Expr::Column(self.scope.types.len() + grouping.call);
        let value = |n: i64| Expr::Literal(Value::Int(n));
        let mut cases = Vec::new();
        for (set, by) in (0..).zip(&grouping.sets) {
            let mask = places.iter().fold(0, |mask, place| mask << 1 | i64::from(!by.contains(place)));
            if mask != 0 {
                cases.extend([Expr::Call(Function::Eq, vec![number.clone(), value(set)]), value(mask)]);
            }
        }
        cases.push(value(0));
        let expr = if cases.len() == 1 { value(0) } else { Expr::Call(Function::Case, cases) };
        Ok(Typed { expr, ty: Some(Type::Int) })
    }
}
