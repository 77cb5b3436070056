//! Exact sums: the result does not depend on the order of additions and removals, and is rounded once.
//!
//! While every value is an integer below 2^53, the state is one 128-bit integer. The first other value moves the sum into a
//! superaccumulator (`limbs.rs`), as long as the values call for. Not-a-number and infinities are counted apart.

use super::limbs::{LOWEST, Limbs, divide_and_round, parts};

/// Integers below this are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// An exact sum of doubles or integers.
///
/// ```
/// use eddyline::operator::ExactSum;
/// let mut s = ExactSum::default();
/// for v in [1e300, 1.0, -1e300] {
///     s.add(v, 1);
/// }
/// assert_eq!(s.value(), Some(1.0));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    /// Low and high half of the integer sum: an `i128` would bring its 16-byte alignment into every group.
    integer: [u64; 2],
    wide: Option<Box<Limbs>>,
    nan: i64,
    positive: i64,
    negative: i64,
}

impl ExactSum {
    /// Adds `value` as many times as `weight` says (negative: takes it away).
    #[inline]
    pub fn add(&mut self, value: f64, weight: i32) {
        if !value.is_finite() {
            let w = i64::from(weight);
            match value {
                v if v.is_nan() => self.nan += w,
                v if v > 0.0 => self.positive += w,
                _ => self.negative += w,
            }
            return;
        }
        if self.wide.is_none() && value.abs() < EXACT && value.trunc() == value {
            return self.add_integer(value as i64, weight);
        }
        let (mantissa, at) = parts(value);
        self.widen().add_double(mantissa, at, if value < 0.0 { -weight } else { weight });
    }

    /// Adds an integer.
    #[inline]
    pub fn add_integer(&mut self, value: i64, weight: i32) {
        let sum = self.integer_sum().wrapping_add(i128::from(value) * i128::from(weight));
        self.integer = [sum as u64, (sum >> 64) as u64];
    }

    /// Adds another sum, or takes it away. Cost: one pass over the limbs, if either has any.
    pub fn add_sum(&mut self, other: &ExactSum, negative: bool) {
        let sign = if negative { -1 } else { 1 };
        self.nan += sign * other.nan;
        self.positive += sign * other.positive;
        self.negative += sign * other.negative;
        if self.wide.is_none() && other.wide.is_none() {
            let sum = self.integer_sum().wrapping_add(i128::from(sign) * other.integer_sum());
            self.integer = [sum as u64, (sum >> 64) as u64];
            return;
        }
        let wide = self.widen();
        match &other.wide {
            Some(more) => wide.add_all(more, sign),
            None => add_integer(wide, i128::from(sign) * other.integer_sum()),
        }
    }

    /// Whether the sum is exactly nothing, and nothing that is not finite is in it.
    pub fn is_zero(&self) -> bool {
        if self.nan != 0 || self.positive != 0 || self.negative != 0 {
            return false;
        }
        match &self.wide {
            None => self.integer == [0, 0],
            Some(wide) => wide.digits().2.is_empty(),
        }
    }

    fn widen(&mut self) -> &mut Limbs {
        let sum = self.integer_sum();
        self.wide.get_or_insert_with(|| {
            let mut wide = Box::default();
            add_integer(&mut wide, sum);
            wide
        })
    }

    /// The sum, if only integers were added since it was empty.
    #[inline]
    pub fn integer_sum(&self) -> i128 {
        (i128::from(self.integer[1] as i64) << 64) | i128::from(self.integer[0])
    }

    /// The sum, rounded once to nearest, ties to even; infinite when out of range.
    pub fn value(&self) -> Option<f64> {
        self.quotient(1)
    }

    /// The sum divided by a positive count, rounded once. `None` for a count of zero.
    pub fn quotient(&self, count: u64) -> Option<f64> {
        if count == 0 {
            return None;
        }
        if let Some(v) = self.not_finite() {
            return Some(v);
        }
        let (negative, low, digits) = match &self.wide {
            None => {
                let sum = self.integer_sum();
                // Both are exact, and one division rounds once.
                if sum.unsigned_abs() < EXACT as u128 && count < EXACT as u64 {
                    return Some(sum as i64 as f64 / count as f64);
                }
                let digits = (0..4).map(|i| (sum.unsigned_abs() >> (32 * i)) as u32).collect();
                (sum < 0, None, digits)
            }
            Some(wide) => {
                let (negative, low, digits) = wide.digits();
                (negative, Some(low), digits)
            }
        };
        let base = low.map_or(0, |low| LOWEST + 32 * low as i32);
        let magnitude = divide_and_round(&digits, base, count);
        Some(if negative { -magnitude } else { magnitude })
    }

    fn not_finite(&self) -> Option<f64> {
        match (self.nan > 0, self.positive > 0, self.negative > 0) {
            (true, ..) | (_, true, true) => Some(f64::NAN),
            (_, true, _) => Some(f64::INFINITY),
            (.., true) => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }

    /// Whether infinities were added: then an infinite sum is no overflow.
    pub fn has_infinite(&self) -> bool {
        self.positive > 0 || self.negative > 0
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.wide.as_ref().map_or(0, |wide| size_of::<Limbs>() + wide.bytes())
    }
}

fn add_integer(limbs: &mut Limbs, value: i128) {
    limbs.add(value.unsigned_abs(), LOWEST.unsigned_abs() as usize, if value < 0 { -1 } else { 1 });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_what_is_left_after_removals_in_any_order() {
        let mut rng = fastrand::Rng::with_seed(3);
        let values: Vec<f64> =
            (0..600).map(|_| f64::from_bits(rng.u64(..))).filter(|v| v.is_finite()).map(|v| v / 1024.0).collect();
        let mut sum = ExactSum::default();
        let mut order: Vec<usize> = (0..values.len()).collect();
        values.iter().for_each(|v| sum.add(*v, 1));
        rng.shuffle(&mut order);
        for &i in &order[..values.len() - 10] {
            sum.add(values[i], -1);
        }
        let mut fresh = ExactSum::default();
        for &i in order[values.len() - 10..].iter().rev() {
            fresh.add(values[i], 1);
        }
        assert_eq!(sum.value().map(f64::to_bits), fresh.value().map(f64::to_bits));
    }

    #[test]
    fn sums_round_once() {
        let sum = |vs: &[f64]| {
            let mut s = ExactSum::default();
            vs.iter().for_each(|v| s.add(*v, 1));
            s.value().unwrap()
        };
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[f64::MIN_POSITIVE / 4.0, f64::MIN_POSITIVE / 4.0]), f64::MIN_POSITIVE / 2.0);
        assert_eq!(sum(&[1.0, f64::EPSILON / 2.0]), 1.0);
        assert_eq!(sum(&[1.0, f64::EPSILON / 2.0, 1e-300]), 1.0 + f64::EPSILON);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
        assert_eq!(sum(&[-1.5, 0.25]), -1.25);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(sum(&[9e15, 0.5, -9e15]), 0.5);
    }

    #[test]
    fn quotients_round_once() {
        let mut s = ExactSum::default();
        for v in [1, 1, 2] {
            s.add_integer(v, 1);
        }
        assert_eq!(s.quotient(3), Some(4.0 / 3.0));
        assert_eq!(s.quotient(0), None);
        let mut s = ExactSum::default();
        s.add_integer(i64::MAX, 1);
        s.add_integer(i64::MAX, 1);
        assert_eq!(s.quotient(2), Some(i64::MAX as f64));
        let mut s = ExactSum::default();
        [0.1, 0.2, 0.4].iter().for_each(|v| s.add(*v, 1));
        assert!((s.quotient(3).unwrap() - 0.7 / 3.0).abs() < 1e-16);
    }
}
