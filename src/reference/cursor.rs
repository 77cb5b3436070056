//! Which of two cursors of a source is the older.

use std::cmp::Ordering;

/// As integers if both are, as log positions `X/Y` if both are, else bytewise.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return match (a, b) {
            ((false, a), (false, b)) => (a.len(), a).cmp(&(b.len(), b)),
            ((true, a), (true, b)) => (b.len(), b).cmp(&(a.len(), a)),
            ((negative, _), _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        };
    }
    if let (Some(a), Some(b)) = (position(a), position(b)) {
        return a.cmp(&b);
    }
    a.as_bytes().cmp(b.as_bytes())
}

/// An integer of any length: whether it is below zero, and its digits without leading zeros.
fn integer(text: &str) -> Option<(bool, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let digits = digits.trim_start_matches('0');
    all.then(|| (text.starts_with('-') && !digits.is_empty(), digits))
}

/// A log position: two hexadecimal halves.
fn position(text: &str) -> Option<(u64, u64)> {
    let (high, low) = text.split_once('/')?;
    let half = |t: &str| t.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(t, 16).ok()).flatten();
    Some((half(high)?, half(low)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_compare_as_integers_then_as_log_positions_then_bytewise() {
        assert_eq!(compare("9", "10"), Ordering::Less);
        assert_eq!(compare("007", "7"), Ordering::Equal);
        assert_eq!(compare("99999999999999999999999", "100000000000000000000000"), Ordering::Less);
        assert_eq!(compare("-10", "-9"), Ordering::Less);
        assert_eq!(compare("-1", "0"), Ordering::Less);
        assert_eq!(compare("-0", "0"), Ordering::Equal);
        assert_eq!(compare("0/A0", "0/9F"), Ordering::Greater);
        assert_eq!(compare("1/0", "0/FFFFFFFF"), Ordering::Greater);
        assert_eq!(compare("b", "a10"), Ordering::Greater);
        assert_eq!(compare("9", "a"), Ordering::Less);
    }
}
