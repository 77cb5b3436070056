//! Arrays whose elements are rows.

use super::Context;
use super::expr::{Binder, mismatch};
use super::limits::has_subquery;
use super::scope::{Columns, Relation, Scope};
use super::source::Named;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, JoinJson};
use crate::query::{Expr, Function, JoinKind, Source, Unnest};
use crate::regex::Regex;
use crate::value::{Element, Type, Value};

impl<'a> Context<'a> {
    /// The elements of an array over the sources before, as a source: its columns are `value` and `ordinality`. Of the matches of a regular
    /// expression each is one row.
    ///
    /// # Errors
    /// `TYPE_MISMATCH` for what is no array; `QUERY_INVALID` without an alias, for a right or full join, a left join with a condition, a
    /// sub-query, and a pattern that is no literal; those of expressions.
    pub(super) fn unnest(
        &self,
        json: &'a JoinJson,
        array: &'a ExprJson,
        alias: Option<&'a str>,
        scope: &Scope<'a>,
        kind: JoinKind,
    ) -> Result<Named<'a>> {
        self.budget.take(1)?;
        let refuse = |message: &str, place: &str| Err(Error::new(ErrorCode::QueryInvalid, message).at(place));
        let Some(alias) = alias else { return refuse("an `unnest` needs an `alias`", "alias") };
        let [left, right] = kind.keeps();
        if right || left && json.on.value != Some(crate::query::ast::Literal::Bool(true)) {
            return refuse("elements of an array are joined by `cross`, `inner`, or by `left` without a condition", "kind");
        }
        if has_subquery(array) {
            return refuse("an `unnest` has no sub-queries", "unnest");
        }
        let bound = Binder { scope, budget: self.budget, calls: None, windows: None }.expr(array).map_err(|e| e.at("unnest"))?;
        let of = match bound.ty {
            Some(Type::Array(of)) => of,
            None => Element::Text,
            found => return Err(mismatch("`unnest`", &Element::ALL.map(Type::Array), found, array).at("unnest")),
        };
        let size = match &bound.expr {
            Expr::Call(function @ (Function::RegexpMatches | Function::ReSeq), args) => match &args[..] {
                [_, Expr::Literal(pattern)] => Some(per_match(pattern, *function == Function::ReSeq)),
                _ => return refuse("what a pattern's rows are must be known: it is a literal here", "unnest"),
            },
            _ => None,
        };
        let unnest = Unnest { array: bound.expr, of, size };
        let names = ["value", "ordinality"].into_iter().map(String::from).collect();
        let columns = Columns { names, types: unnest.types(), key: vec![1], ranks: Vec::new() };
        Ok(Named { source: Source::Unnest(Box::new(unnest)), relation: Relation::Query(columns), alias, height: 0 })
    }
}

/// How many texts a match is.
fn per_match(pattern: &Value, whole: bool) -> usize {
    let regex = if let Value::Text(text) = pattern { Regex::new(text, false).ok() } else { None };
    let groups = regex.map_or(0, |r| r.groups());
    if whole { groups + 1 } else { groups.max(1) }
}
