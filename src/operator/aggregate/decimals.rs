//! Sums, means and variances of decimals: exact, in numbers of any length.
//!
//! Cost: the digits of the sum a change; a mean or variance divides when it is read.

use crate::error::ErrorCode;
use crate::operator::scalar::decimal;
use crate::query::AggregateFunction as F;
use crate::value::Value;
use crate::value::numeric::{Decimal, DecimalSum};

/// The values of a group.
#[derive(Debug, Default)]
pub struct Decimals {
    sum: DecimalSum,
    /// Of variances: the sum of the squares.
    squares: DecimalSum,
    count: i64,
}

impl Decimals {
    /// Adds a packed decimal as many times as `weight` says.
    pub fn add(&mut self, function: F, packed: &[u8], weight: i32) {
        let (value, weight) = (Decimal::unpack(packed), i64::from(weight));
        self.count += weight;
        if self.count == 0 {
            // What cancelled out has left its digits.
            *self = Decimals::default();
            return;
        }
        self.sum.add(&value, weight);
        if !matches!(function, F::Sum | F::Avg) {
            self.squares.add(&value.times(&value), weight);
        }
    }

    /// The result.
    ///
    /// # Errors
    /// `NUMERIC_OVERFLOW`.
    pub fn result(&self, function: F) -> Result<Value, ErrorCode> {
        let (count, sample) = (self.count, matches!(function, F::VarSamp | F::StddevSamp));
        if count == 0 || sample && count == 1 {
            return Ok(Value::Null);
        }
        let value = match function {
            F::Sum => Some(self.sum.value()),
            F::Avg => self.sum.mean(count),
            F::VarSamp | F::VarPop => self.sum.spread(&self.squares, count, sample, false),
            _ => self.sum.spread(&self.squares, count, sample, true),
        };
        decimal::made(&value.unwrap_or_default())
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.sum.bytes() + self.squares.bytes()
    }
}
