//! Accumulators: the state of one call in one group, and its value.
//!
//! Counts, sums and spreads are invertible: a removal is an addition of the opposite. Everything else keeps its values or rows
//! in order, so that what comes after the one that goes is found at once.

use super::super::{Formula, Row};
use super::call::Call;
use super::decimals::Decimals;
use super::exact_sum::ExactSum;
use super::multiset::{Mode, Multiset};
use super::ordered;
use super::ranked::Ranked;
use super::spans::Spans;
use super::spread::Spread;
use crate::algebra::Weight;
use crate::error::ErrorCode;
use crate::query::AggregateFunction as F;
use crate::trace::{RelationId, Relations};
use crate::value::{Cell, Type, Value};

/// State of a call in a group.
#[derive(Debug)]
pub enum Accumulator {
    /// Values.
    Count(i64),
    /// Exact sum, and values.
    Sum { sum: ExactSum, count: i64 },
    /// How many are false, and true.
    Bools([i64; 2]),
    /// Sums of values and squares.
    Spread(Box<Spread>),
    /// The same of decimals.
    Decimals(Box<Decimals>),
    /// Sums of intervals.
    Spans(Box<Spans>),
    /// Values in order.
    Values(Box<Multiset>),
    /// Values by frequency.
    Mode(Box<Mode>),
    /// Rows in order.
    Rows(Box<Ranked>),
    /// Values that were seen, and what is told of each once.
    Distinct(Box<(Multiset, Accumulator)>),
}

impl Accumulator {
    /// The state over nothing.
    pub fn new(call: &Call) -> Self {
        let plain = match call.function {
            // The number of a grouping set is put in where these come together.
            F::Count | F::GroupingSet => Accumulator::Count(0),
            F::Sum | F::Avg | F::VarSamp | F::VarPop | F::StddevSamp | F::StddevPop if call.ty == Type::Decimal => {
                Accumulator::Decimals(Box::default())
            }
            F::Sum | F::Avg if call.ty == Type::Interval => Accumulator::Spans(Box::default()),
            F::Sum | F::Avg => Accumulator::Sum { sum: ExactSum::default(), count: 0 },
            F::BoolAnd | F::BoolOr => Accumulator::Bools([0; 2]),
            F::VarSamp | F::VarPop | F::StddevSamp | F::StddevPop => Accumulator::Spread(Box::default()),
            F::Min | F::Max | F::PercentileCont | F::PercentileDisc => Accumulator::Values(Box::default()),
            F::Mode => Accumulator::Mode(Box::default()),
            F::StringAgg | F::JsonAgg if call.distinct => return Accumulator::Values(Box::default()),
            F::StringAgg | F::JsonAgg | F::First | F::Last => Accumulator::Rows(Box::default()),
        };
        if call.distinct { Accumulator::Distinct(Box::new((Multiset::default(), plain))) } else { plain }
    }

    /// Adds the argument's value of a row as many times as `weight` says.
    #[inline]
    pub fn add(&mut self, call: &Call, row: Row<'_>, cell: Cell<'_>, weight: Weight) {
        let times = i64::from(weight);
        match (self, cell) {
            (Accumulator::Rows(rows), _) if call.function != F::StringAgg => ordered::add(rows, call, row, weight),
            (Accumulator::Values(values), Cell::Null) if call.function == F::JsonAgg => {
                values.change(cell, weight);
            }
            (_, Cell::Null) => {}
            (Accumulator::Count(n), _) => *n += times,
            (Accumulator::Sum { sum, count }, cell) => {
                *count += times;
                match cell {
                    Cell::Int(v) => sum.add_integer(v, weight),
                    Cell::Float(v) => sum.add(v, weight),
                    _ => unreachable!("bind lets no sum of others through"),
                }
                if *count == 0 {
                    *sum = ExactSum::default();
                }
            }
            (Accumulator::Bools(counts), cell) => counts[usize::from(matches!(cell, Cell::Bool(true)))] += times,
            (Accumulator::Spread(spread), Cell::Int(v)) => spread.add_integer(v, weight),
            (Accumulator::Spread(spread), Cell::Float(v)) => spread.add(v, weight),
            (Accumulator::Decimals(all), Cell::Decimal(v)) => all.add(call.function, v, weight),
            (Accumulator::Spans(all), Cell::Interval(v)) => all.add(v, weight),
            (Accumulator::Spread(_) | Accumulator::Decimals(_) | Accumulator::Spans(_), _) => {
                unreachable!("bind lets no variance of others through")
            }
            (Accumulator::Values(values), cell) => {
                values.change(cell, weight);
            }
            (Accumulator::Mode(mode), cell) => mode.change(cell, weight),
            (Accumulator::Rows(rows), _) => ordered::add(rows, call, row, weight),
            (Accumulator::Distinct(distinct), cell) => {
                let (seen, of) = &mut **distinct;
                let changed = seen.change(cell, weight);
                let change = i32::from(changed.after > 0) - i32::from(changed.before > 0);
                if change != 0 {
                    of.add(call, row, cell, change);
                }
            }
        }
    }

    /// The value; the rows are of `relation`.
    ///
    /// # Errors
    /// `NUMERIC_OVERFLOW`.
    pub fn result(&mut self, call: &Call, relations: &Relations, relation: RelationId) -> Result<Value, ErrorCode> {
        Ok(match self {
            Accumulator::Count(n) => Value::Int(*n),
            Accumulator::Sum { count: 0, .. } => Value::Null,
            Accumulator::Sum { sum, count } => {
                let value = match call.function {
                    F::Avg => sum.quotient(*count as u64),
                    _ if call.ty == Type::Int => {
                        let exact = i64::try_from(sum.integer_sum()).map_err(|_| ErrorCode::NumericOverflow)?;
                        return Ok(Value::Int(exact));
                    }
                    _ => sum.value(),
                };
                let value = value.unwrap_or(f64::NAN);
                if value.is_infinite() && !sum.has_infinite() {
                    return Err(ErrorCode::NumericOverflow);
                }
                Value::Float(value)
            }
            Accumulator::Bools([0, 0]) => Value::Null,
            Accumulator::Bools([no, yes]) => Value::Bool(if call.function == F::BoolAnd { *no == 0 } else { *yes > 0 }),
            Accumulator::Spread(spread) => {
                let sample = matches!(call.function, F::VarSamp | F::StddevSamp);
                match spread.variance(sample) {
                    None => Value::Null,
                    Some(v) if v.is_infinite() => return Err(ErrorCode::NumericOverflow),
                    Some(v) if matches!(call.function, F::StddevSamp | F::StddevPop) => Value::Float(v.sqrt()),
                    Some(v) => Value::Float(v),
                }
            }
            Accumulator::Decimals(all) => return all.result(call.function),
            Accumulator::Spans(all) => return all.result(call.function == F::Avg),
            Accumulator::Values(values) => match call.function {
                F::StringAgg | F::JsonAgg => ordered::distinct_result(values, call, relations, relation),
                F::PercentileCont | F::PercentileDisc => percentile(values, call),
                F::Max => values.at(values.len() - 1).map_or(Value::Null, Value::clone),
                _ => values.at(0).map_or(Value::Null, Value::clone),
            },
            Accumulator::Mode(mode) => mode.value().map_or(Value::Null, Value::clone),
            Accumulator::Rows(rows) => ordered::result(rows, call, relations, relation),
            Accumulator::Distinct(distinct) => return distinct.1.result(call, relations, relation),
        })
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        match self {
            Accumulator::Count(_) | Accumulator::Bools(_) => 0,
            Accumulator::Sum { sum, .. } => sum.bytes(),
            Accumulator::Spread(spread) => size_of::<Spread>() + spread.bytes(),
            Accumulator::Decimals(all) => size_of::<Decimals>() + all.bytes(),
            Accumulator::Spans(_) => size_of::<Spans>(),
            Accumulator::Values(values) => size_of::<Multiset>() + values.bytes(),
            Accumulator::Mode(mode) => size_of::<Mode>() + mode.bytes(),
            Accumulator::Rows(rows) => size_of::<Ranked>() + rows.bytes(),
            Accumulator::Distinct(distinct) => size_of::<(Multiset, Accumulator)>() + distinct.0.bytes() + distinct.1.bytes(),
        }
    }
}

/// `percentile_cont` and `percentile_disc`, by the formulas of PostgreSQL.
fn percentile(values: &Multiset, call: &Call) -> Value {
    let Some(Formula::Literal(Value::Float(fraction))) = call.second else { return Value::Null };
    let n = values.len();
    if call.function == F::PercentileDisc {
        let place = (fraction * n as f64).ceil() as i64;
        return values.at(place.max(1) - 1).map_or(Value::Null, Value::clone);
    }
    let place = fraction * (n - 1) as f64;
    let (below, above) = (place.floor(), place.ceil());
    match (values.at(below as i64), values.at(above as i64)) {
        (Some(&Value::Float(low)), _) if below == above => Value::Float(low),
        (Some(&Value::Float(low)), Some(&Value::Float(high))) => Value::Float(low + (place - below) * (high - low)),
        _ => Value::Null,
    }
}
