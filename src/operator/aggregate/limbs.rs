//! Numbers of any size, held so that adding a double to one is three additions of integers, and doubles made of them again.
//!
//! Every finite double is a whole multiple of 2^-1074. A number is limbs of 32 bits in 64-bit words, so that carries wait, as many as
//! the values' magnitudes call for: a handful where these are alike. Rounding looks at the three limbs that the result is made of.
//! Source: Neal, "Fast exact summation using small and large superaccumulators", 2015.

/// Weight of the lowest bit of a double: 2^-1074.
pub(super) const LOWEST: i32 = -1074;
/// Each addition adds less than 2^33 to a limb, so this many cannot overflow one.
const CARRY_AFTER: u32 = 1 << 28;

/// A signed number in limbs of 32 bits, the first one of weight 2^(32 · `low`).
#[derive(Debug, Clone, Default)]
pub(super) struct Limbs {
    low: usize,
    limbs: Vec<i64>,
    pending: u32,
}

/// Mantissa of a finite double, and how far above 2^-1074 its lowest bit is; those too small for 53 bits share the place of the others' least.
#[inline]
pub(super) fn parts(value: f64) -> (u64, usize) {
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as usize;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) }
}

impl Limbs {
    /// Adds `mantissa · 2^at · weight`, of a mantissa as doubles have it.
    pub(super) fn add_double(&mut self, mantissa: u64, at: usize, weight: i32) {
        if mantissa == 0 {
            return;
        }
        if weight.unsigned_abs() != 1 {
            return self.add(u128::from(mantissa), at, weight);
        }
        let (first, shift) = (at / 32, at % 32);
        self.reach(first, first + 3);
        // 53 bits, moved by up to 31.
        let low = mantissa << shift;
        let high = mantissa >> 32 >> (32 - shift);
        let at = first - self.low;
        let sign = i64::from(weight);
        let limbs = &mut self.limbs[at..at + 3];
        limbs[0] += sign * i64::from(low as u32);
        limbs[1] += sign * i64::from((low >> 32) as u32);
        limbs[2] += sign * high as i64;
        self.tick();
    }

    /// Adds `mantissa · 2^at · weight`.
    pub(super) fn add(&mut self, mantissa: u128, at: usize, weight: i32) {
        let (first, shift) = (at / 32, at % 32);
        // Four limbs, shifted into five, times 32 bits.
        self.reach(first, first + 6);
        let times = u64::from(weight.unsigned_abs());
        let sign = if weight < 0 { -1 } else { 1 };
        let (mut carry, mut limb) = (0u64, first - self.low);
        for i in 0..6 {
            let part = match i {
                0 => (mantissa << shift) as u32,
                _ => (mantissa >> (32 * i - shift).min(127)) as u32,
            };
            let part = if i > 0 && 32 * i - shift > 127 { 0 } else { part };
            carry += u64::from(part) * times;
            self.limbs[limb] += sign * i64::from(carry as u32);
            carry >>= 32;
            limb += 1;
        }
        self.tick();
    }

    /// Adds another number, or takes it away (`sign`: −1). Cost: its limbs.
    pub(super) fn add_all(&mut self, other: &Limbs, sign: i64) {
        let Some(last) = other.limbs.len().checked_sub(1) else { return };
        self.reach(other.low, other.low + last);
        let at = other.low - self.low;
        self.limbs[at..].iter_mut().zip(&other.limbs).for_each(|(a, b)| *a += sign * b);
        self.pending += other.pending;
        self.tick();
    }

    #[inline(always)]
    fn tick(&mut self) {
        self.pending += 1;
        if self.pending >= CARRY_AFTER {
            self.carry();
        }
    }

    /// Makes room for limbs of some weights; the last one is for carries.
    fn reach(&mut self, from: usize, to: usize) {
        if self.limbs.is_empty() {
            self.low = from;
        }
        if from < self.low {
            self.limbs.splice(0..0, std::iter::repeat_n(0, self.low - from));
            self.low = from;
        }
        let wanted = to + 1 - self.low;
        if self.limbs.len() < wanted {
            self.limbs.resize(wanted, 0);
        }
    }

    /// Brings all limbs but the last into 0..2^32.
    fn carry(&mut self) {
        self.pending = 0;
        let Some((last, limbs)) = self.limbs.split_last_mut() else { return };
        let mut carry = 0i64;
        for limb in limbs {
            let v = *limb + carry;
            *limb = v & 0xffff_ffff;
            carry = v >> 32;
        }
        *last += carry;
    }

    /// Whether it is negative, the weight of the first digit of its magnitude in 32 bits, and the digits, which begin and end with one that is
    /// not zero.
    pub(super) fn digits(&self) -> (bool, usize, Vec<u32>) {
        let mut digits: Vec<u32> = Vec::with_capacity(self.limbs.len() + 6);
        let mut low = self.low;
        let mut carry = 0i64;
        for limb in &self.limbs {
            let v = limb + carry;
            carry = v >> 32;
            if v as u32 == 0 && digits.is_empty() {
                low += 1;
            } else {
                digits.push(v as u32);
            }
        }
        let negative = carry < 0;
        digits.extend([carry as u32, (carry >> 32) as u32]);
        if negative {
            // The first digit that is not zero takes the one.
            let first = digits.iter().position(|d| *d != 0).unwrap_or(0);
            digits[first] = digits[first].wrapping_neg();
            digits[first + 1..].iter_mut().for_each(|d| *d = !*d);
        }
        digits.truncate(without_zeros(&digits).len());
        let zeros = digits.iter().take_while(|d| **d == 0).count();
        digits.drain(..zeros);
        (negative, low + zeros, digits)
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.limbs.capacity() * 8
    }
}

/// `digits × 2^base / count`, rounded to nearest, ties to even.
pub(super) fn divide_and_round(digits: &[u32], base: i32, count: u64) -> f64 {
    let digits = without_zeros(digits);
    if count == 1 || digits.is_empty() {
        return round(digits, base, false);
    }
    // Digits below: there are more than 64 bits of any quotient.
    let more = if count >> 32 == 0 { 3 } else { 4 };
    let mut quotient = vec![0u32; digits.len() + more];
    // Words of 64 bits hold a remainder and the next digit while the count is below 2^32.
    macro_rules! divide {
        ($word:ty) => {{
            let count = <$word>::from(count);
            let mut remainder: $word = 0;
            for at in (0..quotient.len()).rev() {
                let part = remainder << 32 | at.checked_sub(more).map_or(0, |i| <$word>::from(digits[i]));
                quotient[at] = (part / count) as u32;
                remainder = part % count;
            }
            remainder != 0
        }};
    }
    let sticky = if count >> 32 == 0 { divide!(u64) } else { divide!(u128) };
    round(without_zeros(&quotient), base - 32 * more as i32, sticky)
}

/// Without the digits above the highest that is not zero.
fn without_zeros(digits: &[u32]) -> &[u32] {
    &digits[..digits.iter().rposition(|d| *d != 0).map_or(0, |i| i + 1)]
}

/// `digits × 2^base`, and a little more if `sticky`, rounded to nearest, ties to even; the last digit is not zero.
fn round(digits: &[u32], base: i32, sticky: bool) -> f64 {
    let Some(&last) = digits.last() else { return 0.0 };
    let top = digits.len() as i32 * 32 - 1 - last.leading_zeros() as i32;
    // Exponent of the lowest bit that the result can hold.
    let lowest = (top + base - 52).max(LOWEST);
    let shift = lowest - base;
    if shift <= 0 {
        return scale(window(digits, 0) << -shift, lowest);
    }
    if shift > top + 1 {
        return 0.0;
    }
    let mut mantissa = window(digits, shift as usize);
    // The highest bit that is left out, and whether there is any below it.
    let half = shift as usize - 1;
    if digits[half / 32] >> (half % 32) & 1 == 1 {
        let below = || digits[half / 32] & ((1 << (half % 32)) - 1) != 0 || digits[..half / 32].iter().any(|d| *d != 0);
        if mantissa & 1 == 1 || sticky || below() {
            mantissa += 1;
        }
    }
    scale(mantissa, lowest)
}

/// 64 bits from bit `at` on.
fn window(digits: &[u32], at: usize) -> u64 {
    let digit = |i: usize| u64::from(digits.get(i).copied().unwrap_or(0));
    let (first, shift) = (at / 32, at % 32);
    let low = digit(first) | digit(first + 1) << 32;
    if shift == 0 { low } else { low >> shift | digit(first + 2) << (64 - shift) }
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

    /// The same bit by bit.
    fn slowly(digits: &[u32], mut base: i32, count: u64) -> f64 {
        let mut digits = digits.to_vec();
        digits.splice(0..0, [0; 4]);
        base -= 128;
        let mut remainder = 0u128;
        for d in digits.iter_mut().rev() {
            let part = remainder << 32 | u128::from(*d);
            *d = (part / u128::from(count)) as u32;
            remainder = part % u128::from(count);
        }
        let bit = |i: i32| i >= 0 && digits.get(i as usize / 32).is_some_and(|d| d >> (i % 32) & 1 == 1);
        let Some(top) = (0..digits.len() as i32 * 32).rev().find(|i| bit(*i)) else { return 0.0 };
        let lowest = (top + base - 52).max(LOWEST);
        let shift = lowest - base;
        let mut mantissa = (shift..=top).rev().fold(0u64, |m, i| m << 1 | u64::from(bit(i)));
        if bit(shift - 1) && (remainder != 0 || (0..shift - 1).any(bit) || mantissa & 1 == 1) {
            mantissa += 1;
        }
        scale(mantissa, lowest)
    }

    #[test]
    fn numbers_are_rounded_as_bit_by_bit() {
        let mut rng = fastrand::Rng::with_seed(11);
        for case in 0..40_000 {
            let mut digits: Vec<u32> = (0..rng.usize(..7)).map(|_| rng.u32(..)).collect();
            // Long runs of zeros and ones are where ties and carries are.
            for d in &mut digits {
                match rng.u8(..8) {
                    0 | 1 => *d = 0,
                    2 => *d = u32::MAX,
                    3 => *d = 1 << rng.u32(..32),
                    4 => *d = u32::MAX << rng.u32(..32),
                    _ => {}
                }
            }
            let base = match rng.u8(..4) {
                0 => LOWEST - rng.i32(..200),
                1 => LOWEST + rng.i32(..200),
                2 => 1024 - rng.i32(..400),
                _ => rng.i32(-900..800),
            };
            let count = match rng.u8(..6) {
                0 => 1,
                1 => 1 << rng.u32(..64),
                2 => rng.u64(1..1000),
                3 => u64::from(u32::MAX) + rng.u64(..2),
                4 => rng.u64(1..),
                _ => u64::from(rng.u32(1..)),
            };
            let (fast, slow) = (divide_and_round(&digits, base, count), slowly(&digits, base, count));
            assert_eq!(fast.to_bits(), slow.to_bits(), "{case}: {digits:x?} · 2^{base} / {count}: {fast:e} beside {slow:e}");
        }
    }

    #[test]
    fn digits_are_those_of_the_number_whatever_was_added_and_taken_away() {
        let mut rng = fastrand::Rng::with_seed(12);
        for _ in 0..3000 {
            let mut limbs = Limbs::default();
            let mut other = Limbs::default();
            let mut sum = 0i128;
            for _ in 0..rng.usize(..12) {
                let most = 1 << rng.u32(..54);
                let (mantissa, at) = (rng.u64(..most), rng.usize(96..130));
                let weight = if rng.bool() { 1 - 2 * rng.i32(0..2) } else { rng.i32(-50..50) };
                let to = if rng.bool() { &mut limbs } else { &mut other };
                to.add_double(mantissa, at, weight);
                sum += (i128::from(mantissa) << (at - 96)) * i128::from(weight);
            }
            let sign = if rng.bool() { 1 } else { -1 };
            let (_, mut low, mut digits) = other.digits();
            let was_negative = other.digits().0;
            // What is taken away is what it was by itself.
            let alone = digits.drain(..).rev().fold(0i128, |n, d| n << 32 | i128::from(d));
            let alone = if alone == 0 { 0 } else { (alone << (32 * (low - 3))) * if was_negative { -1 } else { 1 } };
            sum -= alone - i128::from(sign) * alone;
            limbs.add_all(&other, sign.into());
            let negative;
            (negative, low, digits) = limbs.digits();
            assert_ne!(digits.first(), Some(&0));
            assert_ne!(digits.last(), Some(&0));
            let magnitude = digits.iter().rev().fold(0i128, |n, d| n << 32 | i128::from(*d));
            let found = if magnitude == 0 { 0 } else { (magnitude << (32 * (low - 3))) * if negative { -1 } else { 1 } };
            assert_eq!(found, sum);
        }
    }

    #[test]
    fn adding_numbers_to_each_other_makes_none_of_them_longer() {
        let mut a = Limbs::default();
        a.add_double(1 << 52, 1000, 1);
        let mut b = a.clone();
        let bytes = a.limbs.len();
        for _ in 0..50 {
            a.add_all(&b, -1);
            b.add_all(&a, 1);
        }
        assert_eq!((a.limbs.len(), b.limbs.len()), (bytes, bytes));
    }
}
