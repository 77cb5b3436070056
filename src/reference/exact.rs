//! Sums, means and variances that are exact until they are rounded, once, at the end.
//!
//! Every finite double is an integer multiple of 2^−1074. A sum is kept as two natural numbers of that unit, one of the
//! positive and one of the negative terms, added by long-hand addition; so the order of the terms cannot matter.

use std::cmp::Ordering;

/// Exponent of the smallest positive double.
const UNIT: i32 = -1074;

/// A natural number of any size: 32-bit digits, the lowest first, no zero on top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Natural(Vec<u32>);

impl Natural {
    fn new(mut v: u128) -> Self {
        let mut digits = Vec::new();
        while v != 0 {
            digits.push(v as u32);
            v >>= 32;
        }
        Natural(digits)
    }

    fn add(&mut self, other: &Natural) {
        let mut carry = 0u64;
        for i in 0..self.0.len().max(other.0.len()) + 1 {
            if i == self.0.len() {
                self.0.push(0);
            }
            carry += u64::from(self.0[i]) + u64::from(other.0.get(i).copied().unwrap_or(0));
            self.0[i] = carry as u32;
            carry >>= 32;
        }
        self.trim();
    }

    /// `self − other`, which must not be negative.
    fn minus(&self, other: &Natural) -> Natural {
        let mut out = self.clone();
        let mut borrow = 0i64;
        for (i, digit) in out.0.iter_mut().enumerate() {
            let v = i64::from(*digit) - i64::from(other.0.get(i).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(v < 0);
            *digit = v as u32;
        }
        out.trim();
        out
    }

    fn shifted_left(&self, bits: u32) -> Natural {
        let mut out = vec![0u32; (bits / 32) as usize];
        let mut carry = 0u64;
        for digit in &self.0 {
            carry |= u64::from(*digit) << (bits % 32);
            out.push(carry as u32);
            carry >>= 32;
        }
        out.push(carry as u32);
        let mut out = Natural(out);
        out.trim();
        out
    }

    /// Quotient, and whether there is a remainder.
    fn divided(&self, by: u64) -> (Natural, bool) {
        let mut out = self.clone();
        let mut rest = 0u128;
        for digit in out.0.iter_mut().rev() {
            rest = (rest << 32) | u128::from(*digit);
            *digit = (rest / u128::from(by)) as u32;
            rest %= u128::from(by);
        }
        out.trim();
        (out, rest != 0)
    }

    fn times(&self, other: &Natural) -> Natural {
        let mut out = Natural::default();
        for (i, &digit) in other.0.iter().enumerate() {
            let mut part = vec![0u32; i];
            let mut carry = 0u64;
            for &d in &self.0 {
                carry += u64::from(d) * u64::from(digit);
                part.push(carry as u32);
                carry >>= 32;
            }
            part.push(carry as u32);
            let mut part = Natural(part);
            part.trim();
            out.add(&part);
        }
        out
    }

    fn bits(&self) -> i32 {
        self.0.last().map_or(0, |top| self.0.len() as i32 * 32 - top.leading_zeros() as i32)
    }

    fn bit(&self, i: i32) -> bool {
        i >= 0 && self.0.get(i as usize / 32).is_some_and(|d| d >> (i % 32) & 1 == 1)
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn compare(&self, other: &Natural) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

/// The double nearest to `number / by · 2^exponent`, ties to even.
fn rounded(number: &Natural, by: u64, exponent: i32) -> f64 {
    let (quotient, rest) = number.shifted_left(128).divided(by);
    let exponent = exponent - 128;
    // Exponent of the last bit kept: 53 bits, or fewer where doubles become sparse near zero.
    let last = (quotient.bits() + exponent - 53).max(UNIT);
    let drop = last - exponent;
    let mut kept = (0..54).filter(|i| quotient.bit(drop + i)).fold(0u64, |kept, i| kept | 1 << i);
    let below = rest || (0..drop - 1).any(|i| quotient.bit(i));
    if quotient.bit(drop - 1) && (below || kept & 1 == 1) {
        kept += 1;
    }
    // Exact: at most 53 bits times a power of two, or infinity.
    (kept as f64) * power_of_two(last)
}

fn power_of_two(exponent: i32) -> f64 {
    match exponent {
        ..-1022 => f64::from_bits(1 << (exponent - UNIT)),
        1024.. => f64::INFINITY,
        _ => f64::from_bits(((exponent + 1023) as u64) << 52),
    }
}

/// Exact sum of doubles.
#[derive(Clone, Debug, Default)]
pub(super) struct FloatSum {
    positive: Natural,
    negative: Natural,
    nan: bool,
    infinities: [bool; 2],
    count: u64,
}

impl FloatSum {
    pub(super) fn add(&mut self, v: f64) {
        self.count += 1;
        if v.is_nan() {
            self.nan = true;
        } else if v.is_infinite() {
            self.infinities[usize::from(v < 0.0)] = true;
        } else {
            let biased = (v.to_bits() >> 52 & 0x7ff) as u32;
            let fraction = v.to_bits() & ((1 << 52) - 1);
            let whole = if biased == 0 { fraction } else { fraction | 1 << 52 };
            let term = Natural::new(u128::from(whole)).shifted_left(biased.saturating_sub(1));
            if v < 0.0 { self.negative.add(&term) } else { self.positive.add(&term) }
        }
    }

    /// The sum, rounded once; `None` when finite terms leave the range.
    pub(super) fn sum(&self) -> Option<f64> {
        let sum = self.quotient(1);
        (!sum.is_infinite() || self.infinities.contains(&true)).then_some(sum)
    }

    /// The mean, rounded once.
    pub(super) fn mean(&self) -> f64 {
        self.quotient(self.count)
    }

    fn quotient(&self, by: u64) -> f64 {
        match self.infinities {
            _ if self.nan => return f64::NAN,
            [true, true] => return f64::NAN,
            [true, false] => return f64::INFINITY,
            [false, true] => return f64::NEG_INFINITY,
            [false, false] => {}
        }
        match self.positive.compare(&self.negative) {
            Ordering::Less => -rounded(&self.negative.minus(&self.positive), by, UNIT),
            _ => rounded(&self.positive.minus(&self.negative), by, UNIT),
        }
    }
}

/// Exact sums of numbers and of their squares, for the variance.
#[derive(Clone, Debug, Default)]
pub(super) struct Squares {
    positive: Natural,
    negative: Natural,
    squares: Natural,
    odd: bool,
    count: u64,
}

impl Squares {
    pub(super) fn add(&mut self, v: f64) {
        if !v.is_finite() {
            self.odd = true;
            self.count += 1;
            return;
        }
        let biased = (v.to_bits() >> 52 & 0x7ff) as u32;
        let fraction = v.to_bits() & ((1 << 52) - 1);
        let whole = if biased == 0 { fraction } else { fraction | 1 << 52 };
        self.add_units(Natural::new(u128::from(whole)).shifted_left(biased.saturating_sub(1)), v < 0.0);
    }

    pub(super) fn add_integer(&mut self, v: i64) {
        self.add_units(Natural::new(u128::from(v.unsigned_abs())).shifted_left(UNIT.unsigned_abs()), v < 0);
    }

    fn add_units(&mut self, units: Natural, negative: bool) {
        self.count += 1;
        self.squares.add(&units.times(&units));
        if negative { self.negative.add(&units) } else { self.positive.add(&units) }
    }

    /// (n·Σx² − (Σx)²) / (n·(n−1)), or / n² for the whole population, rounded once. Not-a-number beside infinities.
    pub(super) fn variance(&self, sample: bool) -> f64 {
        if self.odd {
            return f64::NAN;
        }
        let sum = match self.positive.compare(&self.negative) {
            Ordering::Less => self.negative.minus(&self.positive),
            _ => self.positive.minus(&self.negative),
        };
        let above = self.squares.times(&Natural::new(u128::from(self.count))).minus(&sum.times(&sum));
        rounded(&above, self.count * (self.count - u64::from(sample)), 2 * UNIT)
    }
}

/// The double nearest to `sum / count`.
pub(super) fn integer_mean(sum: i128, count: u64) -> f64 {
    let size = rounded(&Natural::new(sum.unsigned_abs()), count, 0);
    if sum < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(terms: &[f64]) -> f64 {
        let mut s = FloatSum::default();
        terms.iter().for_each(|t| s.add(*t));
        s.sum().expect("in range")
    }

    fn mean(terms: &[f64]) -> f64 {
        let mut s = FloatSum::default();
        terms.iter().for_each(|t| s.add(*t));
        s.mean()
    }

    #[test]
    fn a_sum_does_not_lose_what_cancels_or_what_is_small() {
        assert_eq!(sum(&[1e308, 1.0, -1e308]), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1.0, -1e16]), 2.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[5e-324, 1.0, -1.0]), 5e-324);
        assert_eq!(sum(&[]).to_bits(), 0);
        assert_eq!(sum(&[-1.5, 1.5]).to_bits(), 0);
    }

    #[test]
    fn a_single_term_is_its_own_sum_and_mean() {
        for v in [0.1, -0.1, 1e-308, 5e-324, 2.2250738585072014e-308, f64::MAX, f64::MIN, 1.0, -3.7e100] {
            assert_eq!(sum(&[v]), v);
            assert_eq!(mean(&[v]), v);
        }
    }

    #[test]
    fn two_terms_round_as_the_processor_does() {
        let terms = [0.1, 0.2, -0.3, 1e-320, 1e300, 7.0 / 3.0, -1e22, 4503599627370497.5, 1e-16];
        for a in terms {
            for b in terms {
                assert_eq!(sum(&[a, b]), a + b, "{a} + {b}");
            }
        }
    }

    #[test]
    fn infinities_and_nan_decide_a_sum() {
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert_eq!(sum(&[f64::NEG_INFINITY, 1.0]), f64::NEG_INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(sum(&[f64::NAN, f64::INFINITY]).is_nan());
        let mut over = FloatSum::default();
        [f64::MAX, f64::MAX].into_iter().for_each(|v| over.add(v));
        assert_eq!(over.sum(), None);
    }

    #[test]
    fn a_mean_may_be_finite_where_its_sum_is_not() {
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(mean(&[1.0, 2.0]), 1.5);
        assert_eq!(mean(&[1.0, 0.0, 0.0]), 1.0 / 3.0);
    }

    #[test]
    fn a_variance_does_not_lose_what_is_far_from_zero() {
        let variance = |terms: &[f64], sample| {
            let mut s = Squares::default();
            terms.iter().for_each(|t| s.add(*t));
            s.variance(sample)
        };
        assert_eq!(variance(&[1e15 + 4.0, 1e15 + 7.0, 1e15 + 13.0, 1e15 + 16.0], true), 30.0);
        assert_eq!(variance(&[1e15 + 4.0, 1e15 + 7.0, 1e15 + 13.0, 1e15 + 16.0], false), 22.5);
        assert_eq!(variance(&[1e200, 1e200, 1e200], true), 0.0);
        assert_eq!(variance(&[5e-324, 0.0], false), 0.0);
        assert_eq!(variance(&[0.1, 0.2], false), 0.0025000000000000005);
        assert!(variance(&[1.0, f64::INFINITY], false).is_nan());
        let mut s = Squares::default();
        [i64::MAX, i64::MIN, 3].into_iter().for_each(|v| s.add_integer(v));
        assert_eq!(s.variance(false), 56713727820156410577229101238628035242.0);
    }

    #[test]
    fn an_integer_mean_is_rounded_once() {
        assert_eq!(integer_mean(10, 4), 2.5);
        assert_eq!(integer_mean(-10, 3), -10.0 / 3.0);
        assert_eq!(integer_mean(0, 7), 0.0);
        // 2^53 + 1 halves lie between doubles: ties go to even.
        assert_eq!(integer_mean((1 << 54) + 2, 2), 9007199254740992.0);
        assert_eq!(integer_mean((1 << 54) + 6, 2), 9007199254740996.0);
        assert_eq!(integer_mean(i128::from(i64::MAX) * 3, 3), 9223372036854775807.0);
        // Rounding the sum first would give another double.
        assert_eq!(integer_mean(9007199254740993, 3), 3002399751580331.0);
    }
}
