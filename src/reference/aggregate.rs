//! Grouping: groups by identity (null with null), aggregates over the lists of their arguments.

use super::exact::{FloatSum, integer_mean};
use super::expr::{eval, integer, out_of_range};
use crate::error::Result;
use crate::query::{Aggregate, AggregateCall, AggregateFunction};
use crate::value::{Type, Value};

/// Rows of the group scope: the groups, then the aggregates. Without group expressions there is one group always.
pub(super) fn grouped(aggregate: &Aggregate, rows: &[Vec<Value>]) -> Result<Vec<Vec<Value>>> {
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

fn aggregated(call: &AggregateCall, members: &[&Vec<Value>]) -> Result<Value> {
    let Some(argument) = &call.argument else { return Ok(Value::Int(members.len() as i64)) };
    let mut values = members.iter().map(|row| eval(argument, row)).collect::<Result<Vec<_>>>()?;
    values.retain(|v| !v.is_null());
    if call.function == AggregateFunction::Count {
        return Ok(Value::Int(values.len() as i64));
    }
    if values.is_empty() {
        return Ok(Value::Null);
    }
    match (call.function, values[0].kind()) {
        (AggregateFunction::Min, _) => Ok(values.into_iter().min().expect("not empty")),
        (AggregateFunction::Max, _) => Ok(values.into_iter().max().expect("not empty")),
        (AggregateFunction::Sum, Some(Type::Int)) => integer(integer_sum(&values)),
        (AggregateFunction::Avg, Some(Type::Int)) => Ok(Value::Float(integer_mean(integer_sum(&values), values.len() as u64))),
        (AggregateFunction::Sum, Some(Type::Float)) => float_sum(&values).sum().map(Value::Float).ok_or_else(out_of_range),
        (AggregateFunction::Avg, Some(Type::Float)) => Ok(Value::Float(float_sum(&values).mean())),
        (function, ty) => panic!("{function:?} of {ty:?}"),
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
