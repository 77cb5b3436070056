//! Sums and means of intervals, part by part.

use crate::error::ErrorCode;
use crate::operator::scalar::span;
use crate::query::AggregateFunction as F;
use crate::value::{Interval, Value};

/// The values of a group: months, days, microseconds, and how many. A removal is an addition of the opposite.
#[derive(Debug, Default)]
pub struct Spans {
    sums: [i128; 3],
    count: i64,
}

impl Spans {
    /// Adds a packed interval as many times as `weight` says.
    pub fn add(&mut self, packed: &[u8], weight: i32) {
        let Interval { months, days, micros } = Interval::unpack(packed);
        for (sum, part) in self.sums.iter_mut().zip([months.into(), days.into(), micros]) {
            *sum += i128::from(part) * i128::from(weight);
        }
        self.count += i64::from(weight);
    }

    /// The result.
    ///
    /// # Errors
    /// `TIMESTAMP_RANGE` if a part of the sum is out of range.
    pub fn result(&self, function: F) -> Result<Value, ErrorCode> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        let [months, days, micros] = self.sums;
        let sum = span::made(months, days, micros)?;
        match &sum {
            Value::Interval(packed) if function == F::Avg => span::scaled(Interval::unpack(packed), |v| v / self.count as f64),
            _ => Ok(sum),
        }
    }
}
