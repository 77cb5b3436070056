//! Positions in a source's stream, and their order.

use std::cmp::Ordering;

/// Compares two cursors of one source: as integers if both are, as log positions (`X/Y` in hex) if both are, else bytewise.
///
/// ```
/// use eddyline::store::compare_cursors;
/// assert!(compare_cursors("9", "10").is_lt());
/// assert!(compare_cursors("0/FF", "1/0").is_lt());
/// assert!(compare_cursors("b", "a").is_gt());
/// ```
pub fn compare_cursors(a: &str, b: &str) -> Ordering {
    if let (Some(x), Some(y)) = (integer(a), integer(b)) {
        return x.0.cmp(&y.0).reverse().then_with(|| {
            let by_size = x.1.len().cmp(&y.1.len()).then_with(|| x.1.cmp(y.1));
            if x.0 { by_size.reverse() } else { by_size }
        });
    }
    if let (Some(x), Some(y)) = (log_position(a), log_position(b)) {
        return x.cmp(&y);
    }
    a.as_bytes().cmp(b.as_bytes())
}

/// Sign and digits without leading zeros.
fn integer(s: &str) -> Option<(bool, &str)> {
    let (negative, digits) = s.strip_prefix('-').map_or((false, s), |d| (true, d));
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some((negative && !digits.is_empty(), digits))
}

fn log_position(s: &str) -> Option<(u64, u64)> {
    let (high, low) = s.split_once('/')?;
    Some((u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_length_and_sign_compare_by_value() {
        assert!(compare_cursors("-10", "-9").is_lt());
        assert!(compare_cursors("-1", "0").is_lt());
        assert!(compare_cursors("99999999999999999999998", "99999999999999999999999").is_lt());
        assert!(compare_cursors("007", "7").is_eq());
    }
}
