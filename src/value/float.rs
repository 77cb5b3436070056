//! Decimal text to the nearest double and back, exactly, in a twentieth of the code and tables of the standard library's
//! (which hold every power of ten, and are by far the largest thing that a binary for browsers would link for one number).
//!
//! Reading: 64 bits of the value by a few multiplications, whose error is known; when that error leaves the rounding open
//! (a few texts in a thousand), long division of big integers decides. Writing: the fewest digits that read as the same
//! double, in the spelling of JavaScript; only messages need it.

use super::{decimal, numeric};

/// 10^(2^i) as `mantissa × 2^exponent`, the mantissa with its highest bit set.
const UP: [(u64, i32); 9] = [
    (0xa000_0000_0000_0000, -60),
    (0xc800_0000_0000_0000, -57),
    (0x9c40_0000_0000_0000, -50),
    (0xbebc_2000_0000_0000, -37),
    (0x8e1b_c9bf_0400_0000, -10),
    (0x9dc5_ada8_2b70_b59e, 43),
    (0xc278_1f49_ffcf_a6d5, 149),
    (0x93ba_47c9_80e9_8ce0, 362),
    (0xaa7e_ebfb_9df9_de8e, 787),
];

/// 10^−(2^i).
const DOWN: [(u64, i32); 9] = [
    (0xcccc_cccc_cccc_cccd, -67),
    (0xa3d7_0a3d_70a3_d70a, -70),
    (0xd1b7_1758_e219_652c, -77),
    (0xabcc_7711_8461_cefd, -90),
    (0xe695_94be_c44d_e15b, -117),
    (0xcfb1_1ead_4539_94ba, -170),
    (0xa87f_ea27_a539_e9a5, -276),
    (0xddd0_467c_64bc_e4a1, -489),
    (0xc031_4325_637a_193a, -914),
];

/// Digits of a text that can matter: more than any double or middle between two has.
const MOST_DIGITS: usize = 800;

/// The double nearest to a number that follows the JSON grammar (the part before the point may be empty); infinite beyond.
///
/// ```ignore
/// assert_eq!(parse(b"0.1e1"), 1.0);
/// ```
pub(crate) fn parse(text: &[u8]) -> f64 {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |t| (true, t));
    let split = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
    let mut power = decimal::exponent(text.get(split + 1..).unwrap_or_default());
    // The value is `digits` × 10^power.
    let mut digits = Vec::new();
    let (mut point, mut cut) = (false, false);
    for &b in &text[..split] {
        if b == b'.' {
            point = true;
            continue;
        }
        power -= i64::from(point);
        if digits.len() < MOST_DIGITS {
            if b != b'0' || !digits.is_empty() {
                digits.push(b - b'0');
            }
        } else {
            cut |= b != b'0';
            power += 1;
        }
    }
    if cut {
        // Something follows: any digit says so.
        digits.push(1);
        power -= 1;
    }
    let size = power + digits.len() as i64;
    let value = if digits.is_empty() || size < -330 {
        0.0
    } else if size > 310 {
        f64::INFINITY
    } else {
        near(&digits, power as i32).unwrap_or_else(|| divide(&digits, power as i32))
    };
    if negative { -value } else { value }
}

/// `mantissa × 2^exponent × 10^power`, the mantissa's highest bit set before and after, and the most it is off by.
fn scale(mut mantissa: u64, mut exponent: i32, power: i32) -> (u64, i32, u64) {
    let table = if power < 0 { &DOWN } else { &UP };
    let mut error = 0;
    for (i, (m, e)) in table.iter().enumerate() {
        if power.unsigned_abs() >> i & 1 == 0 {
            continue;
        }
        let product = u128::from(mantissa) * u128::from(*m);
        let shift = product.leading_zeros();
        mantissa = (product << shift >> 64) as u64;
        exponent += e + 64 - shift as i32;
        // Half a unit of the table and one of cutting the product, each at most doubled by the width of the mantissa.
        error += 3;
    }
    (mantissa, exponent, error)
}

/// The nearest double, if 64 bits tell.
fn near(digits: &[u8], power: i32) -> Option<f64> {
    let head = &digits[..digits.len().min(19)];
    let rest = digits.len() - head.len();
    let value = head.iter().fold(0u64, |v, d| v * 10 + u64::from(*d));
    let shift = value.leading_zeros();
    let (mantissa, exponent, error) = scale(value << shift, -(shift as i32), power + rest as i32);
    // With digits cut off, the head is less than one too small, of at least 10^18.
    let error = error + if rest == 0 { 0 } else { 20 };
    let half = mantissa & 0x7ff;
    let top = exponent + 63;
    if half.abs_diff(0x400) <= error || !(-1022..=1023).contains(&top) {
        return None;
    }
    Some(compose((mantissa >> 11) + u64::from(half > 0x400), top))
}

/// A double of 53 bits (or 2^53, when rounding carried) whose highest stands for 2^top; fewer bits at the lower end.
fn compose(bits: u64, top: i32) -> f64 {
    match top {
        1024.. => f64::INFINITY,
        -1022.. => f64::from_bits((((top + 1022) as u64) << 52) + bits),
        _ => f64::from_bits(bits),
    }
}

/// The nearest double by long division. Cost: the square of the digits, which are limited.
fn divide(digits: &[u8], power: i32) -> f64 {
    let (mut above, mut below) = (Big::default(), Big(vec![1]));
    for d in digits {
        above.multiply(10, u32::from(*d));
    }
    for _ in 0..power.unsigned_abs() {
        if power < 0 { &mut below } else { &mut above }.multiply(10, 0);
    }
    // Bring above ÷ below between 1 and 2.
    let mut top = above.bits() - below.bits();
    if top > 0 {
        below.shift(top as usize)
    } else {
        above.shift(top.unsigned_abs() as usize)
    }
    if above.is_below(&below) {
        above.shift(1);
        top -= 1;
    }
    let width = if top < -1022 { 53 + top + 1022 } else { 53 };
    if width < 0 {
        return 0.0;
    }
    let mut bits = 0;
    for _ in 0..width {
        bits <<= 1;
        if !above.is_below(&below) {
            above.subtract(&below);
            bits |= 1;
        }
        above.shift(1);
    }
    // What is left, between 0 and 2, is the next bit and all behind it.
    let up = !above.is_below(&below) && (bits & 1 == 1 || below.is_below(&above));
    compose(bits + u64::from(up), top)
}

/// A natural number, lowest word first.
#[derive(Default)]
struct Big(Vec<u32>);

impl Big {
    fn multiply(&mut self, by: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(by);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    fn bits(&self) -> i32 {
        let top = self.0.iter().rposition(|w| *w != 0);
        top.map_or(0, |i| (i as u32 * 32 + 32 - self.0[i].leading_zeros()) as i32)
    }

    fn shift(&mut self, by: usize) {
        let mut carry = 0;
        for word in &mut self.0 {
            let moved = u64::from(*word) << (by % 32) | carry;
            *word = moved as u32;
            carry = moved >> 32;
        }
        self.0.push(carry as u32);
        self.0.splice(0..0, std::iter::repeat_n(0, by / 32));
        if self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn word(&self, i: usize) -> u32 {
        self.0.get(i).copied().unwrap_or(0)
    }

    fn is_below(&self, other: &Big) -> bool {
        let differs = (0..self.0.len().max(other.0.len())).rev().find(|&i| self.word(i) != other.word(i));
        differs.is_some_and(|i| self.word(i) < other.word(i))
    }

    /// Takes a number off that is not larger.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0;
        for i in 0..self.0.len() {
            let left = i64::from(self.0[i]) - i64::from(other.word(i)) + borrow;
            self.0[i] = left as u32;
            borrow = left >> 32;
        }
    }
}

/// A double as JavaScript writes it: the fewest digits that read as the same double.
pub(crate) fn spell(v: f64) -> String {
    let size = v.abs();
    let bits = size.to_bits();
    if !v.is_finite() {
        return if v.is_nan() {
            "NaN"
        } else if v > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    if bits == 0 {
        return "0".to_owned();
    }
    let (mantissa, exponent) = match (bits >> 52) as i32 {
        0 => (bits, -1074),
        e => (bits & ((1 << 52) - 1) | 1 << 52, e - 1075),
    };
    let shift = mantissa.leading_zeros();
    let (mantissa, exponent) = (mantissa << shift, exponent - shift as i32);
    // Seventeen digits: always enough, and 64 bits give them to within a unit.
    let mut point = (((exponent + 64) * 1233) >> 12) + 1;
    let seventeen = loop {
        let (m, e, _) = scale(mantissa, exponent, 17 - point);
        let whole = if e < 0 { (m >> (-e).min(63)) + (m >> (-e - 1).min(63) & 1) } else { u64::MAX };
        match whole {
            100_000_000_000_000_000.. => point += 1,
            10_000_000_000_000_000.. => break whole,
            _ => point -= 1,
        }
    };
    let mut out = Vec::new();
    if v < 0.0 {
        out.push(b'-');
    }
    let sign = out.len();
    for drop in (0..17).rev() {
        let unit = 10u64.pow(drop);
        for near in [seventeen, seventeen - 1, seventeen + 1] {
            let mut rounded = (near + unit / 2) / unit;
            if drop > 0 && (near % unit).abs_diff(unit / 2) <= 1 {
                // As near to one as to the other, as far as seventeen digits tell.
                let middle = near / unit * unit + unit / 2;
                let spelled = [middle.to_string().as_bytes(), b"e", (i64::from(point) - 17).to_string().as_bytes()].concat();
                rounded = near / unit + u64::from(numeric::Decimal::beside(size, &spelled).is_ge());
            }
            let text = rounded.to_string();
            let digits = text.trim_end_matches('0').as_bytes();
            out.truncate(sign);
            // Rounding up may have made one digit more.
            decimal::place(digits, i64::from(point) + text.len() as i64 - (17 - i64::from(drop)), &mut out);
            if parse(&out[sign..]) == size {
                return String::from_utf8_lossy(&out).into_owned();
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The digits of a finite double as [`spell`] writes them, without sign and zeros at the ends, and the point: the value is
/// 0.ddd × 10^point. No digits: zero.
pub(crate) fn digits_of(v: f64) -> (Vec<u8>, i64) {
    let text = spell(v.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, ""));
    let whole = mantissa.find('.').unwrap_or(mantissa.len()) as i64;
    let mut digits: Vec<u8> = mantissa.bytes().filter(|b| *b != b'.').collect();
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    digits.drain(..zeros);
    let last = digits.iter().rposition(|d| *d != b'0').map_or(0, |i| i + 1);
    digits.truncate(last);
    (digits, whole - zeros as i64 + decimal::exponent(exponent.as_bytes()))
}

/// A double as PostgreSQL writes it: the same digits, with an exponent below 10^−4 and from 10^15 on.
pub(crate) fn spell_sql(v: f64) -> String {
    if !v.is_finite() || v == 0.0 {
        return spell(v);
    }
    let (digits, point) = digits_of(v);
    let mut out = Vec::new();
    if v < 0.0 {
        out.push(b'-');
    }
    let exponent = point - 1;
    if (-4..15).contains(&exponent) {
        decimal::place(&digits, point, &mut out);
    } else {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(exponent.abs().to_string().as_bytes());
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        assert_eq!(parse(text.as_bytes()).to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
    }

    #[test]
    fn the_ends_and_the_middles_between_doubles_are_rounded_as_ieee_says() {
        for text in [
            "0",
            "-0.0",
            "0.000e99",
            "5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2.5e-324",
            "1e-400",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.797693134862315808e308",
            "1.7976931348623159e308",
            "1e309",
            "1e-99999999999999999999",
            "1e99999999999999999999",
            "9007199254740993",
            "9007199254740993.00000000000000000000000000000000001",
            "9007199254740992.99999999999999999999",
            "0.1",
            "0.3",
            "123456789012345678901234567890",
            "1448997445238699",
            "8.41e21",
            "6.9294956446009195e15",
        ] {
            check(text);
        }
        for m in [1u64 << 52, (1 << 53) - 1, 0x0001_2345_6789_abcd] {
            // Exact middles, and a hair above and below them.
            for (tail, digits) in [("5", 1), ("50", 2), ("499", 3), ("501", 3)] {
                check(&format!("{m}.{tail}{}", "0".repeat(900 - digits)));
                check(&format!("{m}.{tail}{}1", "0".repeat(900 - digits)));
            }
        }
        let smallest = format!("{:.1100}", f64::from_bits(1));
        check(&smallest);
        check(&format!("{:.1100}", f64::from_bits(1 << 52)));
    }

    #[test]
    fn any_double_is_read_from_any_of_its_spellings() {
        let mut rng = fastrand::Rng::with_seed(17);
        for _ in 0..20_000 {
            let v = f64::from_bits(rng.u64(..));
            if !v.is_finite() {
                continue;
            }
            check(&format!("{v}"));
            check(&format!("{v:e}"));
            check(&format!("{v:.20e}"));
            let next = f64::from_bits(v.to_bits() ^ 1);
            check(&format!("{:.780e}", v / 2.0 + next / 2.0));
            let digits: String = (0..rng.usize(1..40)).map(|_| rng.digit(10)).collect();
            check(&format!("{digits}e{}", rng.i32(-360..320)));
        }
    }

    #[test]
    fn long_division_alone_is_right_too() {
        let mut rng = fastrand::Rng::with_seed(18);
        for _ in 0..2_000 {
            let digits: Vec<u8> = (0..rng.usize(1..25)).map(|_| rng.u8(1..10)).collect();
            let power = rng.i32(-340..280);
            let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
            assert_eq!(divide(&digits, power), format!("{text}e{power}").parse::<f64>().unwrap(), "{text}e{power}");
        }
    }

    #[test]
    fn a_double_is_spelled_with_the_fewest_digits() {
        for (v, want) in [
            (658790011.0528322, "658790011.0528322"),
            (1.0, "1"),
            (-0.5, "-0.5"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (123.456, "123.456"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (9.5, "9.5"),
            (99.999, "99.999"),
            (f64::NAN, "NaN"),
            (-0.0, "0"),
        ] {
            assert_eq!(spell(v), want);
        }
        let mut rng = fastrand::Rng::with_seed(19);
        for _ in 0..5_000 {
            let v = f64::from_bits(rng.u64(..));
            if v.is_finite() {
                // Of several shortest texts this may be another.
                let (text, fewest) = (spell(v), crate::value::canonical_json(format!("{v:e}").as_bytes()).unwrap());
                assert_eq!((text.parse().ok(), text.len()), (Some(v), fewest.len()), "{text} {fewest}");
            }
        }
    }

    #[test]
    fn postgresql_writes_exponents_earlier_and_with_two_digits() {
        for (v, want) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (1e14, "100000000000000"),
            (123456789012345.6, "123456789012345.6"),
            (1e15, "1e+15"),
            (0.00012345, "0.00012345"),
            (-0.00001, "-1e-05"),
            (1.5e300, "1.5e+300"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(spell_sql(v), want);
        }
        assert_eq!(digits_of(-120.5), (b"1205".to_vec(), 3));
        assert_eq!(digits_of(0.00120), (b"12".to_vec(), -2));
        assert_eq!(digits_of(1e300), (b"1".to_vec(), 301));
        assert_eq!(digits_of(0.0).0, b"");
    }
}
