//! Numbers of JSON text as integers and doubles.

use super::cursor::{Cursor, Step};
use crate::value::{float, lex};

/// What a number is to an integer column.
pub(super) enum Whole {
    /// An integer of 64 bits.
    Int(i64),
    /// An integer beyond 64 bits.
    Beyond,
    /// Not written as an integer.
    Fraction,
}

/// Reads the number here as an integer; `1.0` is one, `1e3` and `1.5` are not.
#[inline]
pub(super) fn whole(cur: &mut Cursor) -> Step<Whole> {
    let negative = cur.buf.get(cur.pos) == Some(&b'-');
    let first = cur.pos + usize::from(negative);
    let (mut at, mut value) = (first, 0i64);
    // Eighteen digits always fit.
    while let Some(d) = cur.buf.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        if at - first == 18 {
            return slow_whole(cur);
        }
        value = value * 10 + i64::from(d);
        at += 1;
    }
    match cur.buf.get(at) {
        Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') if at - first == 1 || at > first && cur.buf[first] != b'0' => {
            cur.pos = at;
            Ok(Whole::Int(if negative { -value } else { value }))
        }
        _ => slow_whole(cur),
    }
}

#[cold]
fn slow_whole(cur: &mut Cursor) -> Step<Whole> {
    let (text, integer) = number(cur)?;
    let digits = match text.iter().position(|b| !b.is_ascii_digit() && *b != b'-') {
        None => text,
        Some(dot) if !integer && text[dot] == b'.' && text[dot + 1..].iter().all(|d| *d == b'0') => &text[..dot],
        Some(_) => return Ok(Whole::Fraction),
    };
    Ok(decimal(digits).map_or(Whole::Beyond, Whole::Int))
}

/// Value of an optional minus and digits; `None` beyond 64 bits.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |t| (true, t));
    // Downwards, because the negative range is the longer one.
    let value = digits.iter().try_fold(0i64, |v, d| v.checked_mul(10)?.checked_sub(i64::from(d.wrapping_sub(b'0'))))?;
    if negative { Some(value) } else { value.checked_neg() }
}

/// Passes over the number here; its text, and whether it is written as an integer.
pub(super) fn number<'a>(cur: &mut Cursor<'a>) -> Step<(&'a [u8], bool)> {
    let n = lex::number(cur.buf, cur.pos).map_err(|f| cur.fault(f))?;
    let text = &cur.buf[cur.pos..n.end];
    cur.pos = n.end;
    // More digits may follow.
    cur.peek()?;
    Ok((text, n.integer))
}

/// Powers of ten that are exact as doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];

/// Reads a number of at most fifteen digits without exponent, which most are, in one pass; `None` leaves it where it is.
#[inline]
pub(super) fn short_float(cur: &mut Cursor) -> Option<f64> {
    let negative = cur.buf.get(cur.pos) == Some(&b'-');
    let first = cur.pos + usize::from(negative);
    let (mut at, mut mantissa, mut point) = (first, 0u64, 0);
    loop {
        match cur.buf.get(at)? {
            d @ b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(d - b'0'),
            b'.' if point == 0 && at > first => point = at,
            b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' => break,
            _ => return None,
        }
        at += 1;
        if at - first > 15 {
            return None;
        }
    }
    let whole = if point == 0 { at } else { point } - first;
    let fraction = if point == 0 { 0 } else { at - point - 1 };
    if whole == 0 || whole > 1 && cur.buf[first] == b'0' || point != 0 && fraction == 0 {
        return None;
    }
    cur.pos = at;
    let value = mantissa as f64 / POWERS[fraction];
    Some(if negative { -value } else { value })
}

/// Reads the number here as the nearest double; infinite if it is beyond the doubles.
///
/// Up to fifteen digits and a power of ten up to 22 are two exact doubles, so one operation rounds correctly (Clinger 1990).
pub(super) fn float(cur: &mut Cursor) -> Step<f64> {
    let (text, integer) = number(cur)?;
    let (negative, body) = text.strip_prefix(b"-").map_or((false, text), |t| (true, t));
    let (mut mantissa, mut digits, mut scale, mut at) = (0u64, 0, 0i32, 0);
    let mut point = false;
    while let Some(&b) = body.get(at).filter(|b| b.is_ascii_digit() || **b == b'.') {
        at += 1;
        if b == b'.' {
            point = true;
            continue;
        }
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(b - b'0'));
        digits += usize::from(mantissa != 0);
        scale -= i32::from(point);
    }
    if at < body.len() && !integer {
        let e = &body[at + 1..];
        scale = decimal(e.strip_prefix(b"+").unwrap_or(e))
            .and_then(|e| i32::try_from(e).ok()?.checked_add(scale))
            .unwrap_or(i32::MAX);
    }
    let value = match scale {
        _ if digits > 15 => return Ok(float::parse(text)),
        0..=22 => mantissa as f64 * POWERS[scale as usize],
        -22..0 => mantissa as f64 / POWERS[-scale as usize],
        _ => return Ok(float::parse(text)),
    };
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Cursor<'_> {
        Cursor { buf: text.as_bytes(), pos: 0, base: 0 }
    }

    #[test]
    fn floats_are_rounded_as_the_standard_library_rounds() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let digits: String = (0..rng.usize(1..20)).map(|_| rng.digit(10)).collect();
            let text = match rng.usize(..4) {
                0 => format!("{}.{digits}", rng.u32(..)),
                1 => format!("-{}.{digits}e{}", rng.u8(..), rng.i32(-330..330)),
                2 => format!("{}e{}", rng.u64(..), rng.i32(-40..40)),
                _ => format!("{}", f64::from_bits(rng.u64(..))),
            };
            let Ok(want) = text.parse::<f64>() else { continue };
            if want.is_finite() {
                let text = format!("{text},");
                let (mut long, mut short) = (at(&text), at(&text));
                assert_eq!(float(&mut long).unwrap().to_bits(), want.to_bits(), "{text}");
                if let Some(got) = short_float(&mut short) {
                    assert_eq!((got.to_bits(), short.pos), (want.to_bits(), long.pos), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_short_float_is_left_to_the_long_way_when_in_doubt() {
        for (text, want) in [("1.5,", Some(1.5)), ("-0]", Some(-0.0)), ("0.25 ", Some(0.25))] {
            assert_eq!(short_float(&mut at(text)), want);
        }
        for text in ["", "-", "-,", ".5,", "1.,", "01,", "1e5,", "1.5", "1..5,", "1234567890123456,", "--1,"] {
            assert_eq!(short_float(&mut at(text)), None, "{text}");
        }
    }

    #[test]
    fn integers_are_exact_to_both_ends() {
        for v in [0, -1, 7, i64::MAX, i64::MIN, 999_999_999_999_999_999, -1_000_000_000_000_000_000] {
            for text in [format!("{v},"), format!("{v}.00]")] {
                assert!(matches!(whole(&mut at(&text)), Ok(Whole::Int(got)) if got == v), "{text}");
            }
        }
        assert!(matches!(whole(&mut at("9223372036854775808 ")), Ok(Whole::Beyond)));
        assert!(matches!(whole(&mut at("1.5 ")), Ok(Whole::Fraction)));
        assert!(matches!(whole(&mut at("1e3 ")), Ok(Whole::Fraction)));
        assert!(whole(&mut at("01 ")).is_err());
        assert!(whole(&mut at("- ")).is_err());
        assert!(whole(&mut at("12")).is_err(), "more digits may follow");
    }
}
