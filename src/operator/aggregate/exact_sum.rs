//! Exact sums: the result does not depend on the order of additions and removals, and is rounded once.
//!
//! While every value is an integer below 2^53, the state is one 128-bit integer. The first other value moves the sum into a
//! superaccumulator: 68 limbs of 32 bits, held in 64-bit words so that carries wait, covering every finite double exactly.
//! Not-a-number and infinities are counted apart. Source: Neal, "Fast exact summation using small and large
//! superaccumulators", 2015; layout measured in `www/docs/performance.md`.

const LIMBS: usize = 68;
/// Weight of the lowest bit: 2^-1074.
const LOWEST: i32 = -1074;
/// Each addition adds less than 2^32 to a limb, so this many cannot overflow one.
const CARRY_AFTER: u32 = 1 << 29;

#[derive(Debug, Clone)]
struct Accumulator {
    limbs: [i64; LIMBS],
    pending: u32,
}

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
    wide: Option<Box<Accumulator>>,
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
        if self.wide.is_none() && value.abs() < 9_007_199_254_740_992.0 && value.trunc() == value {
            return self.add_integer(value as i64, weight);
        }
        let wide = self.widen();
        for _ in 0..weight.unsigned_abs() {
            wide.add(if weight < 0 { -value } else { value });
        }
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
            None => wide.add_integer(i128::from(sign) * other.integer_sum()),
        }
    }

    /// Whether the sum is exactly nothing, and nothing that is not finite is in it.
    pub fn is_zero(&self) -> bool {
        if self.nan != 0 || self.positive != 0 || self.negative != 0 {
            return false;
        }
        match &self.wide {
            None => self.integer == [0, 0],
            Some(wide) => wide.magnitude().1.iter().all(|d| *d == 0),
        }
    }

    fn widen(&mut self) -> &mut Accumulator {
        let sum = self.integer_sum();
        self.wide.get_or_insert_with(|| {
            let mut a = Box::new(Accumulator { limbs: [0; LIMBS], pending: 0 });
            a.add_integer(sum);
            a
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
        let (negative, digits, base) = match &self.wide {
            None => {
                let sum = self.integer_sum();
                let mut digits: Vec<u32> = Vec::with_capacity(8);
                let mut rest = sum.unsigned_abs();
                while rest > 0 {
                    digits.push(rest as u32);
                    rest >>= 32;
                }
                (sum < 0, digits, 0)
            }
            Some(wide) => {
                let (negative, digits) = wide.magnitude();
                (negative, digits, LOWEST)
            }
        };
        let magnitude = divide_and_round(digits, base, count);
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
        self.wide.as_ref().map_or(0, |_| size_of::<Accumulator>())
    }
}

impl Accumulator {
    fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        // Bit position of the lowest mantissa bit above 2^-1074; subnormals share that of exponent 1.
        let (mantissa, at) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let (limb, shift) = (at / 32, at % 32);
        let wide = u128::from(mantissa) << shift;
        let sign = if bits >> 63 == 1 { -1 } else { 1 };
        for i in 0..3 {
            self.limbs[limb + i] += sign * i64::from((wide >> (32 * i)) as u32);
        }
        self.tick();
    }

    fn add_integer(&mut self, value: i128) {
        let (negative, mut rest) = (value < 0, value.unsigned_abs());
        // 2^0 is bit 1074 = limb 33, bit 18.
        let (mut limb, shift) = (1074 / 32, 1074 % 32);
        let mut carry = 0u64;
        while rest > 0 || carry > 0 {
            let part = (u64::from(rest as u32) << shift) + carry;
            self.limbs[limb] += if negative { -i64::from(part as u32) } else { i64::from(part as u32) };
            carry = part >> 32;
            rest >>= 32;
            limb += 1;
        }
        self.tick();
    }

    fn add_all(&mut self, other: &Accumulator, sign: i64) {
        self.limbs.iter_mut().zip(&other.limbs).for_each(|(a, b)| *a += sign * b);
        self.pending += other.pending;
        self.tick();
    }

    fn tick(&mut self) {
        self.pending += 1;
        if self.pending >= CARRY_AFTER {
            self.carry();
        }
    }

    /// Brings all limbs but the last into 0..2^32.
    fn carry(&mut self) {
        let mut carry = 0i64;
        for limb in &mut self.limbs[..LIMBS - 1] {
            let v = *limb + carry;
            *limb = v & 0xffff_ffff;
            carry = v >> 32;
        }
        self.limbs[LIMBS - 1] += carry;
        self.pending = 0;
    }

    fn magnitude(&self) -> (bool, Vec<u32>) {
        let mut a = self.clone();
        a.carry();
        let negative = a.limbs[LIMBS - 1] < 0;
        if negative {
            a.limbs.iter_mut().for_each(|l| *l = -*l);
            a.carry();
        }
        let mut digits: Vec<u32> = Vec::with_capacity(LIMBS + 3);
        digits.extend(a.limbs[..LIMBS - 1].iter().map(|l| *l as u32));
        let top = a.limbs[LIMBS - 1] as u64;
        digits.push(top as u32);
        digits.push((top >> 32) as u32);
        (negative, digits)
    }
}

/// `digits × 2^base / count`, rounded to nearest, ties to even.
pub(super) fn divide_and_round(mut digits: Vec<u32>, mut base: i32, count: u64) -> f64 {
    let mut sticky = false;
    if count > 1 {
        // Four more digits below: more than enough bits under any quotient's mantissa.
        digits.splice(0..0, [0; 4]);
        base -= 128;
        let mut remainder = 0u128;
        for d in digits.iter_mut().rev() {
            let part = remainder << 32 | u128::from(*d);
            *d = (part / u128::from(count)) as u32;
            remainder = part % u128::from(count);
        }
        sticky = remainder != 0;
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let Some(&last) = digits.last() else { return 0.0 };
    let top = digits.len() as i32 * 32 - 1 - last.leading_zeros() as i32;
    // Exponent of the lowest bit that the result can hold.
    let lowest = (top + base - 52).max(LOWEST);
    let shift = lowest - base;
    let bit = |i: i32| i >= 0 && digits.get(i as usize / 32).is_some_and(|d| d >> (i % 32) & 1 == 1);
    let mut mantissa = 0u64;
    for i in (shift..=top).rev() {
        mantissa = mantissa << 1 | u64::from(bit(i));
    }
    if shift > 0 && bit(shift - 1) {
        let below = sticky || (0..shift - 1).any(bit);
        if below || mantissa & 1 == 1 {
            mantissa += 1;
        }
    }
    scale(mantissa, lowest)
}

/// `mantissa × 2^exponent`, exact for mantissas up to 2^53 and exponents from −1074.
fn scale(mantissa: u64, exponent: i32) -> f64 {
    if exponent > 971 {
        return if mantissa == 0 { 0.0 } else { f64::INFINITY };
    }
    let power = if exponent >= -1022 {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    } else {
        f64::from_bits(1 << (exponent - LOWEST))
    };
    mantissa as f64 * power
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
