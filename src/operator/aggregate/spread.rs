//! Exact variances: sums of the values and of their squares, without any rounding until the end.
//!
//! Every finite double is a whole multiple of 2^-1074, its square one of 2^-2148. Both sums are held as 32-bit limbs in 64-bit
//! words, as many as the values' magnitudes call for: a handful where these are alike. So the result does not depend on the
//! order of changes, and nothing is lost where the values are far from zero and close to each other.
//! Cost: O(1) a change; a result takes the square of the limbs.

use super::limbs::{LOWEST, Limbs, divide_and_round, parts};

/// What a variance is made of.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    sum: Limbs,
    squares: Limbs,
    count: i64,
    /// Infinities and not-a-numbers.
    odd: i64,
}

impl Spread {
    /// Adds a double as many times as `weight` says.
    pub fn add(&mut self, value: f64, weight: i32) {
        if !value.is_finite() {
            self.odd += i64::from(weight);
            return self.add_scaled(0, 0, false, weight);
        }
        let (mantissa, at) = parts(value);
        self.add_scaled(mantissa, at, value < 0.0, weight);
    }

    /// Adds an integer as many times as `weight` says.
    pub fn add_integer(&mut self, value: i64, weight: i32) {
        self.add_scaled(value.unsigned_abs(), LOWEST.unsigned_abs() as usize, value < 0, weight);
    }

    fn add_scaled(&mut self, mantissa: u64, at: usize, negative: bool, weight: i32) {
        self.count += i64::from(weight);
        if mantissa != 0 {
            self.sum.add_double(mantissa, at, if negative { -weight } else { weight });
            self.squares.add(u128::from(mantissa) * u128::from(mantissa), 2 * at, weight);
        }
        if self.count == 0 {
            // What cancelled out has left its limbs.
            (self.sum, self.squares) = (Limbs::default(), Limbs::default());
        }
    }

    /// The variance (n·Σx² − (Σx)²) / (n·(n − 1)), for a whole population / n², rounded once; `None` where there is none.
    /// Not-a-number beside infinities, infinite beyond the range.
    pub fn variance(&self, sample: bool) -> Option<f64> {
        let n = u64::try_from(self.count).ok()?;
        let divisor = n - u64::from(sample && n > 0);
        if divisor == 0 {
            return None;
        }
        if self.odd > 0 {
            return Some(f64::NAN);
        }
        let (_, low, mut above) = self.squares.digits();
        multiply(&mut above, n);
        let (_, sum_low, sum) = self.sum.digits();
        let square = squared(&sum);
        // Both in limbs from the lower of the two on.
        let base = low.min(2 * sum_low);
        above.splice(0..0, std::iter::repeat_n(0, low - base));
        subtract(&mut above, &square, 2 * sum_low - base);
        let base = base as i32 * 32 + 2 * LOWEST;
        // Rows have 32-bit handles: the product stays within 64 bits.
        Some(divide_and_round(&above, base, n.saturating_mul(divisor)))
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.sum.bytes() + self.squares.bytes()
    }
}

fn multiply(digits: &mut Vec<u32>, by: u64) {
    let mut carry = 0u128;
    for d in &mut *digits {
        carry += u128::from(*d) * u128::from(by);
        *d = carry as u32;
        carry >>= 32;
    }
    digits.extend([carry as u32, (carry >> 32) as u32, (carry >> 64) as u32]);
}

fn squared(digits: &[u32]) -> Vec<u32> {
    let mut out = vec![0u32; 2 * digits.len()];
    for (i, &a) in digits.iter().enumerate() {
        let mut carry = 0u64;
        for (j, &b) in digits.iter().enumerate() {
            carry += u64::from(out[i + j]) + u64::from(a) * u64::from(b);
            out[i + j] = carry as u32;
            carry >>= 32;
        }
        out[i + digits.len()] = carry as u32;
    }
    out
}

/// Takes `what · 2^(32 · at)` from a number that is not smaller.
fn subtract(digits: &mut Vec<u32>, what: &[u32], at: usize) {
    if digits.len() < at + what.len() {
        digits.resize(at + what.len(), 0);
    }
    let mut borrow = 0i64;
    for (i, d) in digits.iter_mut().enumerate().skip(at) {
        let v = i64::from(*d) - i64::from(what.get(i - at).copied().unwrap_or(0)) + borrow;
        *d = v as u32;
        borrow = v >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Spread {
        let mut s = Spread::default();
        values.iter().for_each(|v| s.add(*v, 1));
        s
    }

    #[test]
    fn variances_round_once() {
        let far = [1e15 + 4.0, 1e15 + 7.0, 1e15 + 13.0, 1e15 + 16.0];
        assert_eq!((of(&far).variance(true), of(&far).variance(false)), (Some(30.0), Some(22.5)));
        assert_eq!(of(&[0.1, 0.2]).variance(false), Some(0.0025000000000000005));
        assert_eq!(of(&[1e200; 7]).variance(true), Some(0.0));
        assert_eq!(of(&[1e200, -1e200]).variance(true), Some(f64::INFINITY));
        assert_eq!(of(&[5e-324, 0.0, -5e-324]).variance(true), Some(0.0));
        assert_eq!(of(&[1e-160, -1e-160]).variance(false), Some(1e-160 * 1e-160));
        assert_eq!(of(&[f64::MAX, f64::MAX]).variance(false), Some(0.0));
        assert!(of(&[1.0, f64::NEG_INFINITY]).variance(false).is_some_and(f64::is_nan));
        assert_eq!((of(&[7.0]).variance(true), of(&[7.0]).variance(false), of(&[]).variance(false)), (None, Some(0.0), None));
        let mut s = Spread::default();
        [i64::MAX, i64::MIN, 3].into_iter().for_each(|v| s.add_integer(v, 1));
        assert_eq!(s.variance(false), Some(56_713_727_820_156_410_577_229_101_238_628_035_242.0));
    }

    #[test]
    fn integers_and_floats_of_equal_value_count_alike_and_weights_are_repetitions() {
        let mut a = Spread::default();
        a.add_integer(-12_345, 3);
        a.add_integer(99, 1_000_000_007);
        let mut b = Spread::default();
        b.add(-12_345.0, 4);
        b.add(99.0, 7);
        b.add(99.0, 1_000_000_000);
        b.add(-12_345.0, -1);
        assert_eq!(a.variance(true), b.variance(true));
        // Beside a billion nines the others are what the variance is of.
        let exact = 3.0 * 12_444.0 * 12_444.0 / 1_000_000_009.0;
        assert!((a.variance(true).unwrap() / exact - 1.0).abs() < 1e-8);
    }

    #[test]
    fn what_is_left_after_removals_is_as_if_it_had_been_alone() {
        let mut rng = fastrand::Rng::with_seed(8);
        let values: Vec<f64> =
            (0..300).map(|_| f64::from_bits(rng.u64(..))).filter(|v| v.is_finite()).map(|v| v * 1e-100).collect();
        let mut order: Vec<usize> = (0..values.len()).collect();
        for left in [0, 1, 2, 10] {
            let mut s = of(&values);
            rng.shuffle(&mut order);
            order[left..].iter().for_each(|&i| s.add(values[i], -1));
            let fresh = of(&order[..left].iter().map(|&i| values[i]).collect::<Vec<_>>());
            assert_eq!(s.variance(true).map(f64::to_bits), fresh.variance(true).map(f64::to_bits));
            assert!(left > 0 || s.bytes() == 0);
        }
    }

    #[test]
    fn like_values_need_few_limbs() {
        let mut s = Spread::default();
        (0..1000).for_each(|i| s.add(f64::from(i) / 8.0, 1));
        assert!(s.bytes() < 400, "{}", s.bytes());
    }
}
