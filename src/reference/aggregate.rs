//! Grouping: groups by identity (null with null), aggregates over the lists of their arguments.

use super::exact::{FloatSum, Squares, integer_mean};
use super::expr::{array_of, eval, holds, integer, out_of_range, span};
use super::query::compare_order;
use crate::error::Result;
use crate::query::{Aggregate, AggregateCall, AggregateFunction, Expr};
use crate::value::{Type, Value, write_json};

/// Rows of the group scope: the groups, then the aggregates. Without group expressions there is one group always.
pub(super) fn grouped(aggregate: &Aggregate, rows: &[Vec<Value>]) -> Result<Vec<Vec<Value>>> {
    if aggregate.sets.is_empty() {
        return grouped_once(aggregate, rows);
    }
    let mut found = Vec::new();
    for (number, set) in (0..).zip(&aggregate.sets) {
        let groups = set.iter().map(|g| aggregate.groups[*g].clone()).collect();
        for row in grouped_once(&Aggregate::new(groups, aggregate.calls.clone()), rows)? {
            let (own, calls) = row.split_at(set.len());
            let group = |g| set.iter().position(|s| *s == g).map_or(Value::Null, |at| own[at].clone());
            let call = |(call, v): (&AggregateCall, &Value)| match call.function {
                AggregateFunction::GroupingSet => Value::Int(number),
                _ => v.clone(),
            };
            found.push((0..aggregate.groups.len()).map(group).chain(aggregate.calls.iter().zip(calls).map(call)).collect());
        }
    }
    Ok(found)
}

fn grouped_once(aggregate: &Aggregate, rows: &[Vec<Value>]) -> Result<Vec<Vec<Value>>> {
    let mut groups: Vec<(Vec<Value>, Vec<&Vec<Value>>)> = Vec::new();
    if aggregate.groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    for row in rows {
        let key = aggregate.groups.iter().map(|g| eval(g, row)).collect::<Result<Vec<_>>>()?;
        match groups.iter_mut().find(|(k, _)| *k == key) {
            Some((_, members)) => members.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    groups
        .into_iter()
        .map(|(mut key, members)| {
            for call in &aggregate.calls {
                key.push(aggregated(call, &members)?);
            }
            Ok(key)
        })
        .collect()
}

/// An aggregate over some rows.
pub(super) fn aggregated(call: &AggregateCall, members: &[&Vec<Value>]) -> Result<Value> {
    let mut rows: Vec<&Vec<Value>> = Vec::new();
    for row in members {
        if call.filter.as_ref().map_or(Ok(true), |f| holds(f, row))? {
            rows.push(row);
        }
    }
    let Some(argument) = &call.argument else { return Ok(Value::Int(rows.len() as i64)) };
    if call.function == AggregateFunction::StringAgg {
        return joined(call, argument, &in_order(call, &rows)?);
    }
    let mut values = in_order(call, &rows)?.iter().map(|row| eval(argument, row)).collect::<Result<Vec<_>>>()?;
    if call.distinct {
        values = distinct(values);
    }
    match call.function {
        AggregateFunction::First => return Ok(values.into_iter().next().unwrap_or(Value::Null)),
        AggregateFunction::Last => return Ok(values.pop().unwrap_or(Value::Null)),
        AggregateFunction::JsonAgg if values.is_empty() => return Ok(Value::Null),
        AggregateFunction::JsonAgg => {
            return Ok(match call.ty {
                Type::Array(element) => array_of(element, &values),
                _ => json_array(&values),
            });
        }
        _ => values.retain(|v| !v.is_null()),
    }
    if call.function == AggregateFunction::Count {
        return Ok(Value::Int(values.len() as i64));
    }
    if values.is_empty() {
        return Ok(Value::Null);
    }
    match (call.function, values[0].kind()) {
        (AggregateFunction::Min, _) => Ok(values.into_iter().min().expect("not empty")),
        (AggregateFunction::Max, _) => Ok(values.into_iter().max().expect("not empty")),
        (AggregateFunction::BoolAnd, _) => Ok(Value::Bool(values.iter().all(|v| *v == Value::Bool(true)))),
        (AggregateFunction::BoolOr, _) => Ok(Value::Bool(values.contains(&Value::Bool(true)))),
        (AggregateFunction::Mode, _) => Ok(mode(&values)),
        (AggregateFunction::PercentileCont | AggregateFunction::PercentileDisc, _) => Ok(percentile(call, values)),
        (AggregateFunction::Sum | AggregateFunction::Avg, Some(Type::Interval)) => spans(call.function, &values),
        (AggregateFunction::VarSamp | AggregateFunction::StddevSamp, _) if values.len() == 1 => Ok(Value::Null),
        (
            AggregateFunction::Sum
            | AggregateFunction::Avg
            | AggregateFunction::VarSamp
            | AggregateFunction::VarPop
            | AggregateFunction::StddevSamp
            | AggregateFunction::StddevPop,
            Some(Type::Decimal),
        ) => super::decimal::aggregated(call.function, &values),
        (
            AggregateFunction::VarSamp | AggregateFunction::VarPop | AggregateFunction::StddevSamp | AggregateFunction::StddevPop,
            _,
        ) => variance(call.function, &values),
        (AggregateFunction::Sum, Some(Type::Int)) => integer(integer_sum(&values)),
        (AggregateFunction::Avg, Some(Type::Int)) => Ok(Value::Float(integer_mean(integer_sum(&values), values.len() as u64))),
        (AggregateFunction::Sum, Some(Type::Float)) => float_sum(&values).sum().map(Value::Float).ok_or_else(out_of_range),
        (AggregateFunction::Avg, Some(Type::Float)) => Ok(Value::Float(float_sum(&values).mean())),
        (function, ty) => panic!("{function:?} of {ty:?}"),
    }
}

/// The rows by the order of the call.
fn in_order<'a>(call: &AggregateCall, rows: &[&'a Vec<Value>]) -> Result<Vec<&'a Vec<Value>>> {
    let mut keyed = Vec::new();
    for row in rows {
        keyed.push((call.order.iter().map(|k| eval(&k.expr, row)).collect::<Result<Vec<_>>>()?, *row));
    }
    keyed.sort_by(|(a, _), (b, _)| compare_order(&call.order, a, b).then_with(|| a.cmp(b)));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// Each value once, where it comes first.
fn distinct(values: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for v in values {
        if !out.contains(&v) {
            out.push(v);
        }
    }
    out
}

/// Sum or mean of intervals.
fn spans(function: AggregateFunction, values: &[Value]) -> Result<Value> {
    let sum = values.iter().map(|v| span::parts(v).map(i128::from)).fold([0; 3], |a, b| std::array::from_fn(|i| a[i] + b[i]));
    let sum = span::of(sum)?;
    if function == AggregateFunction::Sum {
        return Ok(sum);
    }
    span::scaled(span::parts(&sum), |v| v / values.len() as f64)
}

/// `string_agg`.
fn joined(call: &AggregateCall, argument: &Expr, rows: &[&Vec<Value>]) -> Result<Value> {
    let separator = call.second.as_ref().expect("a separator");
    let mut parts: Vec<(Value, Value)> = Vec::new();
    for row in rows {
        let part = (eval(argument, row)?, eval(separator, row)?);
        if !part.0.is_null() && (!call.distinct || !parts.contains(&part)) {
            parts.push(part);
        }
    }
    let text = |v: &Value| if let Value::Text(t) = v { t.to_string() } else { String::new() };
    let mut parts = parts.iter();
    let Some((first, _)) = parts.next() else { return Ok(Value::Null) };
    Ok(Value::text(parts.fold(text(first), |all, (v, separator)| all + &text(separator) + &text(v))))
}

fn json_array(values: &[Value]) -> Value {
    let texts = values.iter().map(|v| {
        let mut out = Vec::new();
        write_json(v.as_cell(), &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    });
    Value::Json(format!("[{}]", texts.collect::<Vec<_>>().join(",")).into())
}

/// The value that is there most often; of several the least.
fn mode(values: &[Value]) -> Value {
    let times = |v: &Value| values.iter().filter(|w| *w == v).count();
    let most = values.iter().map(times).max();
    values.iter().filter(|v| Some(times(v)) == most).min().expect("not empty").clone()
}

/// `percentile_cont` and `percentile_disc` of values that are not null.
fn percentile(call: &AggregateCall, mut values: Vec<Value>) -> Value {
    let Some(Expr::Literal(Value::Float(p))) = call.second else { return Value::Null };
    values.sort();
    if call.function == AggregateFunction::PercentileDisc {
        let place = (p * values.len() as f64).ceil() as usize;
        return values[place.max(1) - 1].clone();
    }
    let float = |v: &Value| if let Value::Float(v) = v { *v } else { panic!("{v:?} among floats") };
    let place = p * (values.len() - 1) as f64;
    let (low, high) = (float(&values[place.floor() as usize]), float(&values[place.ceil() as usize]));
    Value::Float(if place.floor() == place.ceil() { low } else { low + (place - place.floor()) * (high - low) })
}

fn variance(function: AggregateFunction, values: &[Value]) -> Result<Value> {
    let sample = matches!(function, AggregateFunction::VarSamp | AggregateFunction::StddevSamp);
    let mut sums = Squares::default();
    values.iter().for_each(|v| match v {
        Value::Int(v) => sums.add_integer(*v),
        Value::Float(v) => sums.add(*v),
        v => panic!("{v:?} among numbers"),
    });
    let variance = sums.variance(sample);
    match variance {
        v if v.is_infinite() => Err(out_of_range()),
        v if matches!(function, AggregateFunction::StddevSamp | AggregateFunction::StddevPop) => Ok(Value::Float(v.sqrt())),
        v => Ok(Value::Float(v)),
    }
}

fn integer_sum(values: &[Value]) -> i128 {
    values.iter().map(|v| if let Value::Int(v) = v { i128::from(*v) } else { panic!("{v:?} among integers") }).sum()
}

fn float_sum(values: &[Value]) -> FloatSum {
    let mut sum = FloatSum::default();
    values.iter().for_each(|v| if let Value::Float(v) = v { sum.add(*v) } else { panic!("{v:?} among floats") });
    sum
}
