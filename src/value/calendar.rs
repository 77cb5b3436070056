//! Dates, times of day and uuids as text, in and out, as PostgreSQL prints them.
//!
//! A date is days since 1970 in the proleptic Gregorian calendar, from 4713 BC to the year 294246, so that every date is a moment
//! too; a time is microseconds into the day, up to 24:00:00.

use super::{format_timestamp, parse_timestamp};

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// Days since 1970 of a text such as `2024-02-29` or `0044-03-15 BC`; `None` if it is none, or has a time.
///
/// ```
/// use eddyline::value::{date_text, parse_date};
/// assert_eq!(parse_date("1970-01-02"), Some(1));
/// assert_eq!(parse_date("1970-01-02 10:00"), None);
/// assert_eq!(date_text(-719_163), "0001-12-31 BC");
/// ```
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    if text.contains([':', 'T', 't', 'Z', 'z']) {
        return None;
    }
    parse_timestamp(text).filter(|t| t % DAY == 0).map(|t| t.div_euclid(DAY))
}

/// A date as PostgreSQL prints it.
pub fn date_text(days: i64) -> String {
    let iso = format_timestamp(days.saturating_mul(DAY));
    let date = iso.split('T').next().unwrap_or_default();
    let (year, rest) = date.split_at(1 + date[1..].find('-').unwrap_or(0));
    let year: i64 = year.parse().unwrap_or(0);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let digits = year.to_string();
    [&"0000"[digits.len().min(4)..], &digits, rest, era].concat()
}

/// Microseconds into the day of a text such as `09:30` or `23:59:59.5`; `None` if it is none.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    if text.contains(['+', '-', 'Z', 'z']) || text.get(2..3).is_none_or(|c| c != ":") {
        return None;
    }
    parse_timestamp(&["1970-01-01 ", text].concat()).filter(|t| (0..=DAY).contains(t))
}

/// A time of day as PostgreSQL prints it.
pub fn time_text(micros: i64) -> String {
    if micros == DAY {
        return "24:00:00".to_owned();
    }
    let iso = format_timestamp(micros);
    let time = iso.split_once('T').map_or("", |t| t.1).trim_end_matches('Z');
    if time.contains('.') { time.trim_end_matches('0') } else { time }.to_owned()
}

/// A uuid in lower case with hyphens, of a text of 32 hexadecimal digits with hyphens after groups of four or without, in braces or
/// not; `None` if it is none.
pub fn parse_uuid(text: &str) -> Option<String> {
    let text = text.trim_ascii();
    let bare = text.strip_prefix('{').map_or(Some(text), |t| t.strip_suffix('}'))?;
    let (mut out, mut digits, mut hyphen) = (String::with_capacity(36), 0, true);
    for b in bare.bytes() {
        if b == b'-' {
            if digits % 4 != 0 || hyphen {
                return None;
            }
            hyphen = true;
            continue;
        }
        if !b.is_ascii_hexdigit() || digits == 32 {
            return None;
        }
        if matches!(digits, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(char::from(b.to_ascii_lowercase()));
        (digits, hyphen) = (digits + 1, false);
    }
    (digits == 32 && !hyphen).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_written_as_postgresql_does() {
        for (text, shown) in [
            ("2024-02-29", "2024-02-29"),
            ("0044-03-15 BC", "0044-03-15 BC"),
            ("12345-06-07", "12345-06-07"),
            ("0001-01-01", "0001-01-01"),
        ] {
            assert_eq!(date_text(parse_date(text).unwrap()), shown);
        }
        for bad in ["2024-02-30", "2024-2", "", "10:00", "2024-01-01T00:00:00Z", "infinity"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
        for (text, shown) in [
            ("09:30", "09:30:00"),
            ("23:59:59.5", "23:59:59.5"),
            ("24:00:00", "24:00:00"),
            ("00:00:00.000001", "00:00:00.000001"),
        ] {
            assert_eq!(time_text(parse_time(text).unwrap()), shown);
        }
        for bad in ["25:00", "24:00:01", "9:30", "10:00+02", "1970-01-01", "", "10"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn uuids_have_one_form() {
        let want = Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".to_owned());
        for text in [
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            assert_eq!(parse_uuid(text), want, "{text}");
        }
        for bad in [
            "",
            "{a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc999c0b4ef8bb6d6bb9bd380a1",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11f",
            "a0e-ebc999c0b4ef8bb6d6bb9bd380a11",
            "g0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
        ] {
            assert_eq!(parse_uuid(bad), None, "{bad}");
        }
    }
}
