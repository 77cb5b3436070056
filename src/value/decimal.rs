//! Numbers in canonical JSON text: every digit kept, one spelling a value.
//!
//! The spelling is that of `Number::toString` of ECMAScript: `1.50` is `1.5`, `-0` is `0`, `1e2` is `100`, `1e21` is `1e+21`.
//! A text from `JSON.stringify` is therefore canonical as it stands, a number of two dozen bytes never grows into hundreds of
//! zeros, and no float formatting is needed here (about 25 KB of code).

/// Appends the canonical spelling of a number that follows the JSON grammar; `digits` is scratch space. False: outside of the
/// range of PostgreSQL's `numeric`, and nothing is appended.
pub(super) fn spell(text: &[u8], integer: bool, digits: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
    if integer && text.len() <= 21 && text != b"-0" {
        out.extend_from_slice(text);
        return true;
    }
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |t| (true, t));
    let split = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
    digits.clear();
    digits.extend(text[..split].iter().filter(|b| **b != b'.'));
    let whole = text[..split].iter().position(|b| *b == b'.').unwrap_or(split) as i64;
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    let Some(last) = digits.iter().rposition(|d| *d != b'0') else {
        out.push(b'0');
        return true;
    };
    // The value is 0.ddd × 10^point.
    let point = whole - zeros as i64 + exponent(text.get(split + 1..).unwrap_or_default());
    let digits = &digits[zeros..=last];
    if point > 131_072 || point - (digits.len() as i64) < -16_383 {
        return false;
    }
    if negative {
        out.push(b'-');
    }
    place(digits, point, out);
    true
}

/// Puts the point, the zeros or the exponent where `Number::toString` puts them.
pub(crate) fn place(digits: &[u8], point: i64, out: &mut Vec<u8>) {
    let n = digits.len() as i64;
    match point {
        _ if n <= point && point <= 21 => {
            out.extend_from_slice(digits);
            out.extend((n..point).map(|_| b'0'));
        }
        1..=21 => {
            let (whole, fraction) = digits.split_at(point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        -5..=0 => {
            out.extend_from_slice(b"0.");
            out.extend((point..0).map(|_| b'0'));
            out.extend_from_slice(digits);
        }
        _ => {
            out.push(digits[0]);
            if n > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            out.extend_from_slice(if point > 0 { b"e+" } else { b"e-" });
            out.extend_from_slice((point - 1).abs().to_string().as_bytes());
        }
    }
}

/// Value of an exponent, kept within bounds that no number survives.
pub(super) fn exponent(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let value = digits.iter().fold(0i64, |v, d| (v * 10 + i64::from(d - b'0')).min(1 << 40));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use crate::value::canonical_json;

    fn canon(text: &str) -> Option<String> {
        canonical_json(text.as_bytes())
    }

    #[test]
    fn numbers_that_are_equal_have_equal_text() {
        for (text, want) in [
            ("-0", "0"),
            ("0.000e99", "0"),
            ("1.50", "1.5"),
            ("10E-1", "1"),
            ("1e2", "100"),
            ("123456789012345678901234567890", "1.2345678901234567890123456789e+29"),
            ("100000000000000000000", "100000000000000000000"),
            ("1000000000000000000000", "1e+21"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-12.25e-9", "-1.225e-8"),
            ("1e400", "1e+400"),
            ("9007199254740993", "9007199254740993"),
        ] {
            assert_eq!(canon(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(canon("1e131072"), None);
        assert_eq!(canon("1e-99999999999999999999"), None);
    }

    #[test]
    fn a_float_keeps_its_value_however_it_is_spelled() {
        let mut rng = fastrand::Rng::with_seed(12);
        for _ in 0..3000 {
            let v = (rng.f64() - 0.5) * 10f64.powi(rng.i32(-300..300));
            let text = canon(&format!("{v}")).unwrap();
            assert_eq!(text.parse::<f64>().unwrap(), v);
            assert_eq!(canon(&format!("{v:e}")).unwrap(), text);
        }
    }
}
