//! Arithmetic of decimals, with the scales of results that PostgreSQL gives them.

use std::cmp::Ordering;

use super::limbs::{self, BASE, BASE_DIGITS, POWERS};
use super::{Decimal, MOST_DIGITS, fraction};

/// Significant digits that a quotient has at least.
const QUOTIENT_DIGITS: i32 = 16;
/// PostgreSQL chooses scales by digits of four decimal digits.
const GROUP: i32 = 4;
/// Digits of a double that a cast keeps.
const DOUBLE_DIGITS: i32 = 15;

/// What becomes of digits that are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// A half and more goes away from zero.
    HalfAway,
    /// Towards zero.
    Zero,
    /// Down.
    Floor,
    /// Up.
    Ceil,
}

impl Decimal {
    /// The opposite.
    pub(crate) fn negated(mut self) -> Decimal {
        self.negative = !self.negative && !self.is_zero();
        self
    }

    /// Without its sign.
    pub(crate) fn absolute(self) -> Decimal {
        Decimal { negative: false, ..self }
    }

    /// −1, 0 or 1.
    pub(crate) fn sign(&self) -> Decimal {
        Decimal::of_int(if self.is_zero() {
            0
        } else if self.negative {
            -1
        } else {
            1
        })
    }

    /// The sum, with the larger scale.
    pub(crate) fn plus(&self, other: &Decimal) -> Decimal {
        let scale = self.scale.max(other.scale);
        let [mut a, mut b] = [self, other].map(|d| limbs::shift(&d.limbs, fraction(scale) - fraction(d.scale)));
        let mut negative = self.negative;
        if self.negative == other.negative {
            limbs::add(&mut a, &b, 0);
        } else {
            // Shifted zeros are no longer trimmed.
            limbs::trim(&mut a);
            limbs::trim(&mut b);
            if limbs::compare(&a, &b) == Ordering::Less {
                std::mem::swap(&mut a, &mut b);
                negative = other.negative;
            }
            limbs::subtract(&mut a, &b);
        }
        Decimal { negative, limbs: a, scale }.normal()
    }

    /// The difference, with the larger scale.
    pub(crate) fn minus(&self, other: &Decimal) -> Decimal {
        self.plus(&other.clone().negated())
    }

    /// Order of the values.
    pub(crate) fn compare(&self, other: &Decimal) -> Ordering {
        let difference = self.minus(other);
        match difference.negative {
            true => Ordering::Less,
            false if difference.is_zero() => Ordering::Equal,
            false => Ordering::Greater,
        }
    }

    /// The exact product; its scale is the sum of both.
    pub(crate) fn times(&self, other: &Decimal) -> Decimal {
        let mut product = limbs::multiply(&self.limbs, &other.limbs);
        let scale = self.scale + other.scale;
        let spare = fraction(self.scale) + fraction(other.scale) - fraction(scale);
        product.drain(..spare.min(product.len()));
        Decimal { negative: self.negative != other.negative, limbs: product, scale }.normal()
    }

    /// The quotient, rounded half away from zero to the scale that PostgreSQL chooses: sixteen significant digits or more, and
    /// no fewer digits behind the point than either operand has. `None`: by zero.
    pub(crate) fn over(&self, by: &Decimal) -> Option<Decimal> {
        if by.is_zero() {
            return None;
        }
        let (weight, first) = self.leading();
        let (by_weight, by_first) = by.leading();
        let weight = weight - by_weight - i32::from(first <= by_first);
        let scale = (QUOTIENT_DIGITS - weight * GROUP).max(self.scale.max(by.scale) as i32).clamp(0, MOST_DIGITS as i32);
        Some(self.quotient(by, scale as u32))
    }

    /// The quotient, rounded half away from zero to a scale.
    fn quotient(&self, by: &Decimal, scale: u32) -> Decimal {
        // One digit more at least.
        let behind = scale as usize / BASE_DIGITS + 1;
        let (up, down) = (behind + fraction(by.scale), fraction(self.scale));
        let a = limbs::shift(&self.limbs, up.saturating_sub(down));
        let b = limbs::shift(&by.limbs, down.saturating_sub(up));
        let limbs = limbs::divide(&a, &b).0;
        let found = Decimal { negative: self.negative != by.negative, limbs, scale: (behind * BASE_DIGITS) as u32 };
        found.normal().rounded(scale as i32, Round::HalfAway)
    }

    /// What a division that is cut to a whole number leaves, with the sign of the dividend and the larger scale. `None`: by zero.
    pub(crate) fn remainder(&self, by: &Decimal) -> Option<Decimal> {
        if by.is_zero() {
            return None;
        }
        let scale = self.scale.max(by.scale);
        let [a, b] = [self, by].map(|d| limbs::shift(&d.limbs, fraction(scale) - fraction(d.scale)));
        let limbs = limbs::divide(&a, &b).1;
        Some(Decimal { negative: self.negative, limbs, scale }.normal())
    }

    /// The root of what is not negative, rounded to a scale.
    pub(super) fn root(&self, scale: u32) -> Decimal {
        let behind = scale as usize / BASE_DIGITS + 1;
        let limbs = match (2 * behind).checked_sub(fraction(self.scale)) {
            Some(more) => limbs::shift(&self.limbs, more),
            None => self.limbs.get(fraction(self.scale) - 2 * behind..).unwrap_or_default().to_vec(),
        };
        let found = Decimal { negative: false, limbs: limbs::root(&limbs), scale: (behind * BASE_DIGITS) as u32 };
        found.normal().rounded(scale as i32, Round::HalfAway)
    }

    /// With so many digits behind the point (before it, if negative).
    pub(crate) fn rounded(&self, digits: i32, round: Round) -> Decimal {
        let digits = digits.max(-2 * MOST_DIGITS as i32);
        let scale = digits.max(0) as u32;
        let behind = fraction(self.scale);
        let Some(cut) = usize::try_from((behind * BASE_DIGITS) as i32 - digits).ok().filter(|c| *c > 0) else {
            // Digits enough as it is.
            return Decimal { limbs: limbs::shift(&self.limbs, fraction(scale) - behind), scale, ..*self }.normal();
        };
        let (mut limbs, limb, power) = (self.limbs.clone(), cut / BASE_DIGITS, POWERS[cut % BASE_DIGITS]);
        if limbs.len() <= limb {
            limbs.resize(limb + 1, 0);
        }
        let exact = limbs[..limb].iter().all(|l| *l == 0) && limbs[limb].is_multiple_of(power);
        let away = match round {
            Round::HalfAway => {
                limbs::add(&mut limbs, &[5 * POWERS[(cut - 1) % BASE_DIGITS]], (cut - 1) / BASE_DIGITS);
                false
            }
            Round::Zero => false,
            Round::Floor => self.negative && !exact,
            Round::Ceil => !self.negative && !exact,
        };
        limbs[..limb].fill(0);
        limbs[limb] -= limbs[limb] % power;
        if away {
            limbs::add(&mut limbs, &[power], limb);
        }
        let limbs = if behind > fraction(scale) { limbs.split_off(behind - fraction(scale)) } else { limbs };
        Decimal { negative: self.negative, limbs, scale }.normal()
    }

    /// Without zeros at the end of the digits behind the point.
    pub(crate) fn trimmed(&self) -> Decimal {
        let text = self.to_string();
        let zeros = text.bytes().rev().take_while(|b| *b == b'0').count() as u32;
        self.rounded((self.scale - zeros.min(self.scale)) as i32, Round::Zero)
    }

    /// Place (0: the lowest before the point) and value of the highest group of four digits that is not zero.
    fn leading(&self) -> (i32, u32) {
        let Some(top) = self.limbs.last() else { return (0, 0) };
        let place = (self.limbs.len() as i32 - 1 - fraction(self.scale) as i32) * 2;
        if *top >= 10_000 { (place + 1, top / 10_000) } else { (place, *top) }
    }

    /// The nearest double; infinite beyond.
    pub(crate) fn to_float(&self) -> f64 {
        super::super::float::parse(self.to_string().as_bytes())
    }

    /// A finite double of either sign without it, exactly: a whole number, and how many of its digits are behind the point.
    fn exact(value: f64) -> (Decimal, u32) {
        let bits = value.to_bits();
        let (exponent, low) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
        let (mantissa, power) = if exponent == 0 { (low, -1074) } else { (low | 1 << 52, exponent - 1075) };
        let mut whole = Decimal::of_int(mantissa as i64);
        // Halves are fives of tenths.
        let (factor, eighth) = if power < 0 { (5, 390_625) } else { (2, 256) };
        for _ in 0..power.unsigned_abs() / 8 {
            limbs::scale(&mut whole.limbs, eighth);
        }
        for _ in 0..power.unsigned_abs() % 8 {
            limbs::scale(&mut whole.limbs, factor);
        }
        (whole, if power < 0 { power.unsigned_abs() } else { 0 })
    }

    /// Order of a positive double beside a number that is spelled in digits.
    pub(crate) fn beside(value: f64, text: &[u8]) -> Ordering {
        let (whole, behind) = Decimal::exact(value);
        let digits: Vec<u8> = whole.to_string().bytes().map(|b| b - b'0').collect();
        let Some(text) = Decimal::parse(text) else { return Ordering::Equal };
        Decimal::of_digits(false, &digits, behind).compare(&text)
    }

    /// Of a double, by its first fifteen digits, as PostgreSQL casts. `None` if it is not finite.
    pub(crate) fn of_float(value: f64) -> Option<Decimal> {
        if !value.is_finite() {
            return None;
        }
        let (whole, behind) = Decimal::exact(value);
        let Some(top) = whole.limbs.last() else { return Some(Decimal::default()) };
        let length = top.ilog10() as i32 + 1 + (whole.limbs.len() as i32 - 1) * BASE_DIGITS as i32;
        let text = whole.cut((length - DOUBLE_DIGITS).max(0));
        let digits: Vec<u8> = text.bytes().map(|b| b - b'0').collect();
        let zeros = digits.iter().rev().take_while(|d| **d == 0).count();
        let spare = zeros.min(behind as usize);
        Some(Decimal::of_digits(value < 0.0, &digits[..digits.len() - spare], behind - spare as u32))
    }

    /// Text of a whole number of any size with its last digits rounded to zeros, half to even as C prints doubles.
    fn cut(&self, digits: i32) -> String {
        let mut whole = self.clone();
        if digits > 0 {
            let (limb, power) = (digits as usize / BASE_DIGITS, POWERS[digits as usize % BASE_DIGITS]);
            let half = (digits - 1) as usize;
            limbs::add(&mut whole.limbs, &[5 * POWERS[half % BASE_DIGITS]], half / BASE_DIGITS);
            let mut rest = whole.limbs[limb] % power;
            // Nothing is left of the half that was added: it was a half before.
            let tie = rest == 0 && whole.limbs[..limb].iter().all(|l| *l == 0);
            if tie && whole.limbs[limb] / power % 2 == 1 {
                rest = power;
            }
            whole.limbs[..limb].fill(0);
            whole.limbs[limb] -= rest;
        }
        debug_assert!(whole.limbs.iter().all(|l| *l < BASE));
        whole.to_string()
    }
}
