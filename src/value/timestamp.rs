//! Timestamps as text: ISO 8601 and what PostgreSQL prints, in and out.
//!
//! A timestamp is microseconds since 1970 in UTC, in the proleptic Gregorian calendar, as `timestamptz` is. No zone means
//! UTC. `infinity` has no place on the time line and is refused. Years run from 4713 BC to the end of 64 bits (year 294246).

use super::float;

/// Microseconds of one second.
const SECOND: i64 = 1_000_000;

/// Microseconds since 1970 UTC of an ISO 8601 or PostgreSQL text; `None` if it is none or out of range.
///
/// More than six fractional digits are rounded as PostgreSQL rounds them.
///
/// ```
/// use eddyline::value::parse_timestamp;
/// assert_eq!(parse_timestamp("1970-01-02"), Some(86_400_000_000));
/// assert_eq!(parse_timestamp("1970-01-01 02:00:00.5+02"), Some(500_000));
/// assert_eq!(parse_timestamp("infinity"), None);
/// ```
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let mut r = Reader { text: text.as_bytes(), at: 0 };
    let sign = r.one_of(b"+-");
    let from = r.at;
    let mut year = r.digits(4, 6)?;
    if sign.is_some() && r.at - from != 6 || r.at - from > 4 && year < 10_000 && sign.is_none() {
        return None;
    }
    if sign == Some(b'-') {
        year = -year;
    }
    r.expect(b'-')?;
    let month = r.digits(2, 2)?;
    r.expect(b'-')?;
    let day = r.digits(2, 2)?;
    let (mut time, mut zone) = (0, 0);
    let clock = match r.text.get(r.at) {
        Some(b'T' | b't') => true,
        Some(b' ') => r.text.get(r.at + 1).is_some_and(u8::is_ascii_digit),
        _ => false,
    };
    if clock {
        r.at += 1;
        time = r.time()?;
        zone = r.zone()?;
    }
    if r.text[r.at..] == *b" BC" && sign.is_none() && year > 0 {
        year = 1 - year;
        r.at += 3;
    }
    if r.at != r.text.len() || !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) || year < -4712 {
        return None;
    }
    days_from_civil(year, month, day).checked_mul(86_400 * SECOND)?.checked_add(time - zone * SECOND)
}

/// ISO 8601 text in UTC: `2026-11-20T10:00:00.123456Z`, with no, three or six fractional digits.
///
/// Years outside of 0–9999 have a sign and six digits, as in JavaScript; year 0 is 1 BC.
///
/// ```
/// use eddyline::value::format_timestamp;
/// assert_eq!(format_timestamp(1_500_000), "1970-01-01T00:00:01.500Z");
/// assert_eq!(format_timestamp(-62_167_219_200_000_001), "-000001-12-31T23:59:59.999999Z");
/// ```
pub fn format_timestamp(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(SECOND), micros.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let mut out = String::with_capacity(32);
    if (0..=9999).contains(&year) {
        put(&mut out, year, 4);
    } else {
        out.push(if year < 0 { '-' } else { '+' });
        put(&mut out, year.abs(), 6);
    }
    for (mark, part) in [('-', month), ('-', day), ('T', second / 3600), (':', second / 60 % 60), (':', second % 60)] {
        out.push(mark);
        put(&mut out, part, 2);
    }
    if fraction != 0 {
        out.push('.');
        if fraction % 1000 == 0 { put(&mut out, fraction / 1000, 3) } else { put(&mut out, fraction, 6) }
    }
    out.push('Z');
    out
}

/// Appends a number with leading zeros.
fn put(out: &mut String, value: i64, width: u32) {
    for place in (0..width).rev() {
        out.push(char::from(b'0' + (value / 10i64.pow(place) % 10) as u8));
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let b = *self.text.get(self.at).filter(|b| set.contains(b))?;
        self.at += 1;
        Some(b)
    }

    fn expect(&mut self, b: u8) -> Option<()> {
        self.one_of(&[b]).map(|_| ())
    }

    /// A number of `least` to `most` digits, followed by no further digit.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let from = self.at;
        let mut value = 0;
        while let Some(d) = self.text.get(self.at).filter(|b| b.is_ascii_digit()) {
            if self.at - from == most {
                return None;
            }
            value = value * 10 + i64::from(d - b'0');
            self.at += 1;
        }
        (self.at - from >= least).then_some(value)
    }

    /// Microseconds into the day: `10:00`, `10:00:00`, `10:00:00.123456`. As in PostgreSQL, 24:00:00 is the next midnight
    /// and second 60 the next minute.
    fn time(&mut self) -> Option<i64> {
        let hour = self.digits(2, 2)?;
        self.expect(b':')?;
        let minute = self.digits(2, 2)?;
        let (mut second, mut fraction) = (0, 0);
        if self.one_of(b":").is_some() {
            second = self.digits(2, 2)?;
            if self.one_of(b".").is_some() {
                fraction = self.fraction()?;
            }
        }
        let micros = ((hour * 60 + minute) * 60 + second) * SECOND + fraction;
        (minute < 60 && second <= 60 && micros <= 86_400 * SECOND && hour <= 24).then_some(micros)
    }

    /// Microseconds of a fraction. Beyond six digits PostgreSQL reads a double, scales it and rounds half to even.
    fn fraction(&mut self) -> Option<i64> {
        let from = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        let digits = &self.text[from..self.at];
        if digits.len() <= 6 {
            let value = digits.iter().fold(0, |v, d| v * 10 + i64::from(d - b'0'));
            return (!digits.is_empty()).then(|| value * 10i64.pow(6 - digits.len() as u32));
        }
        Some((float::parse(&self.text[from - 1..self.at]) * 1e6).round_ties_even() as i64)
    }

    /// Seconds east of Greenwich: nothing, `Z`, `+02`, `+0230`, `+02:30`, `+02:30:15`, up to 15:59:59.
    fn zone(&mut self) -> Option<i64> {
        if self.text.get(self.at) == Some(&b' ') && matches!(self.text.get(self.at + 1), Some(b'+' | b'-' | b'Z' | b'z')) {
            self.at += 1;
        }
        if self.one_of(b"Zz").is_some() {
            return Some(0);
        }
        let Some(sign) = self.one_of(b"+-") else { return Some(0) };
        let from = self.at;
        let mut parts = [self.digits(2, 4)?, 0, 0];
        if self.at - from == 4 {
            (parts[0], parts[1]) = (parts[0] / 100, parts[0] % 100);
        } else if self.at - from == 3 {
            return None;
        } else {
            for part in &mut parts[1..] {
                if self.one_of(b":").is_none() {
                    break;
                }
                *part = self.digits(2, 2)?;
            }
        }
        let [hours, minutes, seconds] = parts;
        if hours > 15 || minutes > 59 || seconds > 59 {
            return None;
        }
        let east = (hours * 60 + minutes) * 60 + seconds;
        Some(if sign == b'-' { -east } else { east })
    }
}

/// Days of a month.
pub(crate) fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 (Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day comes last).
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = y.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Its inverse: year, month, day.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let civil = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(civil <= 2), civil, of_year - (153 * month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_and_postgresql_texts_name_the_same_instants() {
        let noon = 1_795_132_800_000_000;
        for text in [
            "2026-11-20",
            "2026-11-20T00:00Z",
            "2026-11-20t00:00:00z",
            "2026-11-20 00:00:00",
            "2026-11-20 00:00:00+00",
            "2026-11-20 02:00:00.000000 +02",
            "2026-11-20T02:30:00.000+02:30",
            "2026-11-20T05:30:00+0530",
            "2026-11-19T20:00:00-04:00:00",
            "2026-11-19T24:00:00",
            "2026-11-19T23:59:60",
            "+002026-11-20",
        ] {
            assert_eq!(parse_timestamp(text), Some(noon), "{text}");
        }
        assert_eq!(parse_timestamp("2026-11-20 10:00:00.123456+00"), Some(noon + 36_000_123_456));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "infinity",
            "-infinity",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-00-10",
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-11-20T",
            "2026-11-20T10",
            "2026-11-20T25:00",
            "2026-11-20T24:00:01",
            "2026-11-20T10:60",
            "2026-11-20T10:00:61",
            "2026-11-20T10:00:00.",
            "2026-11-20T10:00:00+16",
            "2026-11-20T10:00:00+2",
            "2026-11-20T10:00:00+02:60",
            "2026-11-20T10:00:00Zx",
            " 2026-11-20",
            "2026-11-20 ",
            "20261120",
            "02026-11-20",
            "+2026-11-20",
            "-004713-01-01",
            "4714-01-01 BC",
            "294247-12-31",
            "999999-12-31",
            "0000-01-01 BC",
            "２026-11-20",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn leap_days_follow_the_gregorian_rule() {
        for (text, ok) in [("2000-02-29", true), ("2100-02-29", false), ("2024-02-29", true), ("0000-02-29", true)] {
            assert_eq!(parse_timestamp(text).is_some(), ok, "{text}");
        }
    }

    #[test]
    fn a_seventh_digit_rounds_half_to_even() {
        for (text, micros) in
            [(".1234564", 123_456), (".1234566", 123_457), (".0000005", 0), (".0000015", 2), (".9999999", SECOND)]
        {
            assert_eq!(parse_timestamp(&format!("1970-01-01T00:00:00{text}")), Some(micros), "{text}");
        }
    }

    #[test]
    fn before_christ_and_beyond_9999_have_their_iso_year() {
        assert_eq!(format_timestamp(parse_timestamp("0001-01-01 00:00:00+00 BC").unwrap()), "0000-01-01T00:00:00Z");
        assert_eq!(format_timestamp(parse_timestamp("0044-03-15 BC").unwrap()), "-000043-03-15T00:00:00Z");
        assert_eq!(format_timestamp(parse_timestamp("12026-01-01").unwrap()), "+012026-01-01T00:00:00Z");
        assert_eq!(format_timestamp(i64::MAX), "+294247-01-10T04:00:54.775807Z");
        assert_eq!(format_timestamp(i64::MIN), "-290308-12-21T19:59:05.224192Z");
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let least = parse_timestamp("-004712-01-01").unwrap();
            let micros = rng.i64(least..) / [1, 1000, SECOND][rng.usize(0..3)];
            assert_eq!(parse_timestamp(&format_timestamp(micros)), Some(micros), "{micros}");
        }
    }
}
