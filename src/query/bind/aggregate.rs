//! Calls of aggregates: names, arity, types, and what they say besides arguments.

use super::expr::{Binder, Typed, condition, mismatch};
use super::group::comparable;
use super::literal::{describe, to_float};
use super::output::nulls_first;
use super::spelling::plain;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{CallJson, ExprJson};
use crate::query::{AggregateCall, AggregateFunction, Expr, SortKey};
use crate::value::{Element, Type, Value};

/// Every name with the fewest and most arguments.
const AGGREGATES: &[(&str, AggregateFunction, usize, usize)] = &[
    ("count", AggregateFunction::Count, 0, 1),
    ("sum", AggregateFunction::Sum, 1, 1),
    ("avg", AggregateFunction::Avg, 1, 1),
    ("min", AggregateFunction::Min, 1, 1),
    ("max", AggregateFunction::Max, 1, 1),
    ("boolAnd", AggregateFunction::BoolAnd, 1, 1),
    ("every", AggregateFunction::BoolAnd, 1, 1),
    ("boolOr", AggregateFunction::BoolOr, 1, 1),
    ("stringAgg", AggregateFunction::StringAgg, 2, 2),
    ("arrayAgg", AggregateFunction::JsonAgg, 1, 1),
    ("jsonAgg", AggregateFunction::JsonAgg, 1, 1),
    ("variance", AggregateFunction::VarSamp, 1, 1),
    ("varSamp", AggregateFunction::VarSamp, 1, 1),
    ("varPop", AggregateFunction::VarPop, 1, 1),
    ("stddev", AggregateFunction::StddevSamp, 1, 1),
    ("stddevSamp", AggregateFunction::StddevSamp, 1, 1),
    ("stddevPop", AggregateFunction::StddevPop, 1, 1),
    ("median", AggregateFunction::PercentileCont, 1, 1),
    ("percentileCont", AggregateFunction::PercentileCont, 2, 2),
    ("percentileDisc", AggregateFunction::PercentileDisc, 2, 2),
    ("mode", AggregateFunction::Mode, 1, 1),
    ("first", AggregateFunction::First, 1, 1),
    ("last", AggregateFunction::Last, 1, 1),
];

/// The aggregate that an `agg` names.
///
/// # Errors
/// `UNKNOWN_FUNCTION`; `QUERY_INVALID` for too few or too many arguments.
pub(super) fn function(json: &ExprJson) -> Result<AggregateFunction> {
    let name = json.name.as_deref().unwrap_or_default();
    let Some(&(name, function, least, most)) = AGGREGATES.iter().find(|a| a.0 == name) else {
        return Err(Error::unknown(ErrorCode::UnknownFunction, "aggregate", name, "query", AGGREGATES.iter().map(|a| a.0)));
    };
    if (least..=most).contains(&json.args.len()) {
        return Ok(function);
    }
    let wanted = if least < most { "at most 1 argument".to_owned() } else { arguments(most) };
    let message = format!("`{name}` takes {wanted}, not {}", json.args.len());
    Err(Error::new(ErrorCode::QueryInvalid, message).named(name))
}

fn arguments(n: usize) -> String {
    format!("{n} argument{}", if n == 1 { "" } else { "s" })
}

/// Binds an aggregate; the binder refuses others within it.
///
/// # Errors
/// Those of its parts, at `args[i]`, `filter` and `orderBy[i]`; `TYPE_MISMATCH`; `QUERY_INVALID` for a distinct, an order or a
/// fraction that it cannot have.
pub(super) fn call(binder: &mut Binder<'_, '_>, function: AggregateFunction, json: &ExprJson) -> Result<AggregateCall> {
    use AggregateFunction as A;
    let mut args = binder.arguments(json)?.into_iter();
    let Some(mut first) = args.next() else {
        let mut call = AggregateCall::new(function, None, Type::Int);
        parts(binder, &mut call, json)?;
        return Ok(call);
    };
    let second = args.next();
    let accepted: &[Type] = match function {
        A::Count | A::JsonAgg | A::First | A::Last | A::GroupingSet | A::Min | A::Max | A::Mode | A::PercentileDisc => &[],
        A::Sum | A::Avg => &[Type::Int, Type::Decimal, Type::Float, Type::Interval],
        A::VarSamp | A::VarPop | A::StddevSamp | A::StddevPop | A::PercentileCont => &[Type::Int, Type::Decimal, Type::Float],
        A::BoolAnd | A::BoolOr => &[Type::Bool],
        A::StringAgg => &[Type::Text],
    };
    let found = first.ty;
    if !accepted.is_empty() && !found.is_some_and(|t| accepted.contains(&t)) {
        return Err(mismatch(&quoted(json), accepted, found, &json.args[0]).at("args[0]"));
    }
    // A null without a type is text, as in PostgreSQL.
    let own = found.unwrap_or(Type::Text);
    let ty = match function {
        A::Count => Type::Int,
        A::Avg if own == Type::Interval => own,
        A::Avg | A::VarSamp | A::VarPop | A::StddevSamp | A::StddevPop if own == Type::Decimal => own,
        A::Avg | A::VarSamp | A::VarPop | A::StddevSamp | A::StddevPop | A::PercentileCont => Type::Float,
        // Of what there are arrays of; other lists are JSON.
        A::JsonAgg => {
            let element = Element::ALL.into_iter().find(|e| e.ty() == own && json.name.as_deref() == Some("arrayAgg"));
            element.map_or(Type::Json, Type::Array)
        }
        _ => own,
    };
    if function == A::PercentileCont {
        to_float(&mut first);
    }
    let mut call = AggregateCall::new(function, Some(first.expr), ty);
    call.second = match function {
        A::StringAgg => second.map(|s| separator(s, json)).transpose()?,
        A::PercentileCont | A::PercentileDisc => {
            Some(second.map_or(Ok(Expr::Literal(Value::Float(0.5))), |s| fraction(s, json))?)
        }
        _ => None,
    };
    parts(binder, &mut call, json)?;
    if call.distinct || function == A::Mode {
        // Equal values count as one: they are shown in one way.
        call.argument = call.argument.map(|a| plain(a, found));
        if let (true, Some(key), Some(argument)) = (call.distinct, call.order.first_mut(), &call.argument) {
            key.expr = argument.clone();
        }
    }
    Ok(call)
}

fn quoted(json: &ExprJson) -> String {
    format!("`{}`", json.name.as_deref().unwrap_or_default())
}

fn separator(typed: Typed, json: &ExprJson) -> Result<Expr> {
    match typed.ty {
        None | Some(Type::Text) => Ok(typed.expr),
        other => Err(mismatch(&quoted(json), &[Type::Text], other, &json.args[1]).at("args[1]")),
    }
}

fn fraction(mut typed: Typed, json: &ExprJson) -> Result<Expr> {
    to_float(&mut typed);
    match &typed.expr {
        Expr::Literal(Value::Null) => return Ok(typed.expr),
        Expr::Literal(Value::Float(p)) if (0.0..=1.0).contains(p) => return Ok(typed.expr),
        _ => {}
    }
    let message = format!("the fraction of {} is a literal from 0 to 1", quoted(json));
    Err(Error::new(ErrorCode::QueryInvalid, message).named(describe(&json.args[1])).at("args[1]"))
}

/// Binds `distinct`, `filter` and `orderBy`; `ty`: the type of the argument.
fn parts(binder: &mut Binder<'_, '_>, call: &mut AggregateCall, json: &ExprJson) -> Result<()> {
    use AggregateFunction as A;
    const NONE: &CallJson = &CallJson { distinct: false, filter: None, order_by: Vec::new() };
    let given = json.call.as_deref().unwrap_or(NONE);
    let refuse = |message: String, place: &str| {
        let name = json.name.as_deref().unwrap_or_default();
        Err(Error::new(ErrorCode::QueryInvalid, message).named(name).at(place))
    };
    if let Some(filter) = &given.filter {
        let bound = binder.node(filter).and_then(|t| {
            binder.budget.params.learn(&t, Type::Bool);
            condition(t, filter)
        });
        call.filter = Some(bound.map_err(|e| e.at("filter"))?);
    }
    let ordered = matches!(call.function, A::StringAgg | A::JsonAgg | A::First | A::Last);
    if !ordered && !given.order_by.is_empty() {
        return refuse(format!("{} does not depend on an order", quoted(json)), "orderBy");
    }
    for (i, item) in given.order_by.iter().enumerate() {
        let place = |e: Error| e.at_index("orderBy", i);
        let nulls_first = nulls_first(item).map_err(place)?;
        let typed = binder.node(&item.expr).map_err(|e| place(e.at("expr")))?;
        comparable(&typed, "ordered", &item.expr).map_err(|e| place(e.at("expr")))?;
        call.order.push(SortKey { expr: typed.expr, desc: item.desc, nulls_first });
    }
    if given.distinct {
        return distinct(call, given).or_else(|(message, place)| refuse(format!("{} {message}", quoted(json)), place));
    }
    if ordered {
        // The rows of a group have no order of their own: their keys decide, so that the result is certain.
        let keys = binder.scope.sources.iter().flat_map(|s| s.key()).filter(|k| !k.hidden);
        let keys = keys.map(|k| SortKey { expr: Expr::Column(k.column), desc: false, nulls_first: false });
        call.order.extend(keys);
    }
    Ok(())
}

/// Makes a call distinct, where that means something; else what is wrong, and where.
fn distinct(call: &mut AggregateCall, given: &CallJson) -> std::result::Result<(), (&'static str, &'static str)> {
    use AggregateFunction as A;
    call.distinct = match call.function {
        A::Min | A::Max | A::BoolAnd | A::BoolOr => false,
        A::Count if call.argument.is_none() => return Err(("of all rows cannot be distinct; it needs an argument", "distinct")),
        A::PercentileCont | A::PercentileDisc | A::Mode | A::First | A::Last => return Err(("cannot be distinct", "distinct")),
        A::StringAgg if !matches!(call.second, Some(Expr::Literal(_))) => {
            return Err(("needs a literal as its separator to be distinct", "distinct"));
        }
        A::StringAgg | A::JsonAgg => {
            let Some(argument) = call.argument.clone() else { return Ok(()) };
            if call.order.len() > 1 || call.order.iter().any(|o| o.expr != argument) {
                return Err(("is distinct, so that it can be ordered by its argument only", "orderBy"));
            }
            if given.order_by.is_empty() {
                call.order.push(SortKey { expr: argument, desc: false, nulls_first: false });
            }
            true
        }
        _ => true,
    };
    Ok(())
}
