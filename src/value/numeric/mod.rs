//! Exact decimals, as PostgreSQL's `numeric`: a value and a scale, which is how many digits are shown behind the point.
//!
//! Packed, a decimal is a text of ASCII bytes whose bytewise order is that of the values, and the scale behind it in two bytes
//! (`1.5` and `1.50` are equal and shown differently). Before the scale: a header of two bytes of seven bits, 0x2000 for zero,
//! more by the exponent for positive values, less for negative ones, then pairs of digits, each plus one (negative values: 127
//! less that, and 127 at the end). ASCII, so that a row's texts stay ASCII beside it.
//!
//! Up to [`MOST_DIGITS`] digits before and behind the point; `NaN` and infinities have no place here.

mod calculate;
mod limbs;
mod sum;

pub(crate) use calculate::Round;
pub(crate) use sum::DecimalSum;

use limbs::{BASE_DIGITS, POWERS};

/// Most digits before the point, and behind it.
pub const MOST_DIGITS: usize = 1000;

/// Header of zero.
const ZERO: i32 = 0x2000;
/// What the exponent, in pairs of digits, is above at least.
const BIAS: i32 = 600;

/// A decimal to calculate with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Eight digits each, lowest first, none above the highest that is not zero.
    limbs: Vec<u32>,
    /// Digits behind the point, also how many limbs are: as many as it takes to hold these.
    scale: u32,
}

/// Limbs behind the point that a scale takes.
fn fraction(scale: u32) -> usize {
    (scale as usize).div_ceil(BASE_DIGITS)
}

/// Packed bytes without the scale: their bytewise order is that of the values.
#[inline]
pub(crate) fn ordered(packed: &[u8]) -> &[u8] {
    &packed[..packed.len().saturating_sub(2)]
}

/// Packs the decimal that a text spells as PostgreSQL reads it: digits, a point, an exponent; blanks around it are passed over.
/// `None`: it is none, or has too many digits.
///
/// ```
/// use eddyline::value::{Value, decimal_text, parse_decimal};
/// let packed = parse_decimal(" -1.50e1 ").unwrap();
/// assert_eq!(decimal_text(&packed), "-15.0");
/// assert_eq!(parse_decimal("NaN"), None);
/// # let _ = Value::Decimal(packed);
/// ```
pub fn parse_decimal(text: &str) -> Option<Box<[u8]>> {
    Decimal::parse(text.as_bytes())?.pack()
}

/// A packed decimal as PostgreSQL prints it: as many digits behind the point as its scale says.
pub fn decimal_text(packed: &[u8]) -> String {
    Decimal::unpack(packed).to_string()
}

/// Whether bytes from outside are a packed decimal, in the one form that it has.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    bytes.len() >= 4
        && bytes.is_ascii()
        && bytes.len() <= 8 + MOST_DIGITS
        && Decimal::unpacked(bytes).is_some_and(|d| d.pack().as_deref() == Some(bytes))
}

impl Decimal {
    /// Of a text; `None` if it does not spell a decimal, or one far out of range.
    pub(crate) fn parse(text: &[u8]) -> Option<Decimal> {
        let text = text.trim_ascii();
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let split = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
        let exponent = match text.get(split + 1..) {
            None => 0,
            Some(e) => {
                let digits = e.strip_prefix(b"-").or(e.strip_prefix(b"+")).unwrap_or(e);
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                super::decimal::exponent(e)
            }
        };
        let (whole, behind) = match text[..split].iter().position(|b| *b == b'.') {
            Some(point) => (&text[..point], &text[point + 1..split]),
            None => (&text[..split], &text[..0]),
        };
        if whole.len() + behind.len() == 0 || !whole.iter().chain(behind).all(u8::is_ascii_digit) {
            return None;
        }
        // Exponents may bring any number of digits into range; more digits than that are none of ours.
        let scale = (behind.len() as i64 - exponent).max(0);
        let most = MOST_DIGITS as i64;
        if scale > most || whole.len() as i64 > 2 * most {
            return None;
        }
        let mut digits: Vec<u8> = whole.iter().chain(behind).map(|d| d - b'0').collect();
        let zeros = digits.iter().take_while(|d| **d == 0).count();
        digits.drain(..zeros);
        let after = exponent - behind.len() as i64;
        if digits.len() as i64 + after > most {
            return if digits.is_empty() { Some(Decimal { scale: scale as u32, ..Decimal::default() }) } else { None };
        }
        digits.extend((0..after.max(0)).map(|_| 0));
        Some(Decimal::of_digits(negative, &digits, scale as u32))
    }

    /// Of digits, the last `scale` of which are behind the point.
    fn of_digits(negative: bool, digits: &[u8], scale: u32) -> Decimal {
        let spare = fraction(scale) * BASE_DIGITS - scale as usize;
        let mut limbs = vec![0u32; (digits.len() + spare).div_ceil(BASE_DIGITS)];
        for (i, d) in digits.iter().rev().enumerate() {
            let at = i + spare;
            limbs[at / BASE_DIGITS] += u32::from(*d) * POWERS[at % BASE_DIGITS];
        }
        Decimal { negative, limbs, scale }.normal()
    }

    /// Of an integer.
    pub(crate) fn of_int(value: i64) -> Decimal {
        let (mut limbs, mut rest) = (Vec::with_capacity(3), value.unsigned_abs());
        while rest > 0 {
            limbs.push((rest % u64::from(limbs::BASE)) as u32);
            rest /= u64::from(limbs::BASE);
        }
        Decimal { negative: value < 0, limbs, scale: 0 }
    }

    /// As an integer, rounded half away from zero; `None` beyond 64 bits.
    pub(crate) fn to_int(&self) -> Option<i64> {
        let whole = self.rounded(0, Round::HalfAway);
        let mut value = 0i64;
        for limb in whole.limbs.iter().rev() {
            // Downwards, because the negative range is the longer one.
            value = value.checked_mul(i64::from(limbs::BASE))?.checked_sub(i64::from(*limb))?;
        }
        if whole.negative { Some(value) } else { value.checked_neg() }
    }

    /// Whether it is zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Digits behind the point.
    pub(crate) fn scale(&self) -> u32 {
        self.scale
    }

    /// No empty limbs above, no negative zero.
    fn normal(mut self) -> Decimal {
        limbs::trim(&mut self.limbs);
        self.negative &= !self.limbs.is_empty();
        self
    }

    /// Packs it; `None` with too many digits.
    pub(crate) fn pack(&self) -> Option<Box<[u8]>> {
        if self.scale > MOST_DIGITS as u32 {
            return None;
        }
        let mut out = Vec::with_capacity(self.limbs.len() * 4 + 5);
        out.extend_from_slice(&[0, 0]);
        let before = (self.limbs.len() as i32 - fraction(self.scale) as i32) * 4;
        let (mut zeros, mut kept) = (0, 2);
        for limb in self.limbs.iter().rev() {
            for power in [1_000_000, 10_000, 100, 1] {
                let pair = (limb / power % 100) as u8;
                if pair == 0 && out.len() == 2 {
                    zeros += 1;
                    continue;
                }
                out.push(if self.negative { 126 - pair } else { pair + 1 });
                if pair != 0 {
                    kept = out.len();
                }
            }
        }
        out.truncate(kept);
        let mut header = ZERO;
        if kept > 2 {
            let exponent = before - zeros;
            let first = if self.negative { 126 - out[2] } else { out[2] - 1 };
            if exponent * 2 - i32::from(first < 10) > MOST_DIGITS as i32 {
                return None;
            }
            header += if self.negative { -BIAS - exponent } else { BIAS + exponent };
            if self.negative {
                out.push(127);
            }
        }
        (out[0], out[1]) = ((header >> 7) as u8, (header & 127) as u8);
        out.extend_from_slice(&[(self.scale >> 7) as u8, (self.scale & 127) as u8]);
        Some(out.into())
    }

    /// Of packed bytes.
    pub(crate) fn unpack(packed: &[u8]) -> Decimal {
        Decimal::unpacked(packed).unwrap_or_default()
    }

    fn unpacked(packed: &[u8]) -> Option<Decimal> {
        let [high, low, pairs @ .., scale_high, scale_low] = packed else { return None };
        let header = i32::from(*high) << 7 | i32::from(*low);
        let scale = u32::from(*scale_high) << 7 | u32::from(*scale_low);
        let negative = header < ZERO;
        let pairs = if negative { pairs.strip_suffix(&[127])? } else { pairs };
        let exponent = (header - ZERO).abs() - BIAS;
        if pairs.is_empty() {
            return (header == ZERO).then(|| Decimal { scale, ..Decimal::default() });
        }
        if scale > MOST_DIGITS as u32 || exponent.unsigned_abs() as usize > MOST_DIGITS / 2 + 4 {
            return None;
        }
        // The place of a pair, counted from the lowest digit of the lowest limb.
        let top = fraction(scale) as i32 * 4 + exponent;
        let mut limbs = vec![0u32; (top.max(0) as usize).div_ceil(4)];
        for (i, byte) in pairs.iter().enumerate() {
            let pair = if negative { 126u8.checked_sub(*byte)? } else { byte.checked_sub(1)? };
            let at = top - 1 - i as i32;
            if pair > 99 || at < 0 {
                return None;
            }
            limbs[at as usize / 4] += u32::from(pair) * POWERS[at as usize % 4 * 2];
        }
        Some(Decimal { negative, limbs, scale }.normal())
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (behind, scale) = (fraction(self.scale), self.scale as usize);
        let limbs = self.limbs.len().max(behind + 1);
        let mut text = Vec::with_capacity(limbs * BASE_DIGITS + 2);
        for at in (0..limbs).rev() {
            let limb = self.limbs.get(at).copied().unwrap_or(0);
            text.extend(POWERS.iter().rev().map(|power| b'0' + (limb / power % 10) as u8));
        }
        let whole = (limbs - behind) * BASE_DIGITS;
        let zeros = text[..whole - 1].iter().take_while(|d| **d == b'0').count();
        let mut out = Vec::with_capacity(text.len() + 2);
        if self.negative {
            out.push(b'-');
        }
        out.extend_from_slice(&text[zeros..whole]);
        if scale > 0 {
            out.push(b'.');
            out.extend_from_slice(&text[whole..whole + scale]);
        }
        f.write_str(std::str::from_utf8(&out).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
