//! Which of two cursors of a source is the older.

use std::cmp::Ordering;

/// As integers if both are, as log positions `X/Y` if both are, else bytewise.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    if let (Some(a), Some(b)) = (digits(a), digits(b)) {
        return (a.len(), a).cmp(&(b.len(), b));
    }
    if let (Some(a), Some(b)) = (position(a), position(b)) {
        return a.cmp(&b);
    }
    a.as_bytes().cmp(b.as_bytes())
}

/// A non-negative integer of any length, without leading zeros.
fn digits(text: &str) -> Option<&str> {
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.trim_start_matches('0'))
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
        assert_eq!(compare("0/A0", "0/9F"), Ordering::Greater);
        assert_eq!(compare("1/0", "0/FFFFFFFF"), Ordering::Greater);
        assert_eq!(compare("b", "a10"), Ordering::Greater);
        assert_eq!(compare("9", "a"), Ordering::Less);
    }
}
