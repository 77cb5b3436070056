//! Sums and means of intervals, part by part.

use crate::error::ErrorCode;
use crate::operator::scalar::span;
use crate::value::{Interval, Value};

/// The values of a group: months, days, microseconds, and how many. A removal is an addition of the opposite.
#[derive(Clone, Debug, Default)]
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

    /// Adds the values of another group, or takes them away (`times` −1).
    pub fn add_all(&mut self, other: &Spans, times: i32) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more * i128::from(times);
        }
        self.count += other.count * i64::from(times);
    }

    /// Whether nothing is in it, or as much was taken away as was added.
    pub fn is_nothing(&self) -> bool {
        self.count == 0 && self.sums == [0; 3]
    }

    /// The sum, or the mean.
    ///
    /// # Errors
    /// `TIMESTAMP_RANGE` if a part of the sum is out of range.
    pub fn result(&self, mean: bool) -> Result<Value, ErrorCode> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        let [months, days, micros] = self.sums;
        let sum = span::made(months, days, micros)?;
        match &sum {
            Value::Interval(packed) if mean => span::scaled(Interval::unpack(packed), |v| v / self.count as f64),
            _ => Ok(sum),
        }
    }
}
