//! Intervals as text: written as PostgreSQL writes them, read in its own form, as quantities with units, and as ISO 8601 durations.

use super::calendar::DAY;
use super::{Interval, float};

const SECOND: i64 = 1_000_000;
/// Parts that may be named once each: years to days, hours to microseconds; and what `hh:mm:ss` takes.
const HOUR: u16 = 1 << 8;
const TIME: u16 = HOUR | HOUR << 1 | HOUR << 2;

/// Names of units: the first letters that PostgreSQL goes by, and whole words.
const UNITS: &[(&[&str], Unit)] = &[
    (&["us", "usec", "usecs", "usecond", "useconds", "microsecond", "microseconds"], Unit::Micros(1, HOUR << 4)),
    (&["ms", "msec", "msecs", "msecond", "mseconds", "millisecond", "milliseconds"], Unit::Micros(1000, HOUR << 3)),
    (&["s", "sec", "secs", "second", "seconds"], Unit::Micros(SECOND, HOUR << 2)),
    (&["m", "min", "mins", "minute", "minutes"], Unit::Micros(60 * SECOND, HOUR << 1)),
    (&["h", "hr", "hrs", "hour", "hours"], Unit::Micros(3600 * SECOND, HOUR)),
    (&["d", "day", "days"], Unit::Days(1, 1 << 7)),
    (&["w", "week", "weeks"], Unit::Days(7, 1 << 6)),
    (&["mon", "mons", "month", "months"], Unit::Months),
    (&["y", "yr", "yrs", "year", "years"], Unit::Years(1, 1 << 4)),
    (&["dec", "decs", "decade", "decades"], Unit::Years(10, 1 << 3)),
    (&["c", "cent", "century", "centuries"], Unit::Years(100, 1 << 2)),
    (&["mil", "mils", "millennium", "millennia"], Unit::Years(1000, 1 << 1)),
];

#[derive(Clone, Copy)]
enum Unit {
    /// So many microseconds, and the part.
    Micros(i64, u16),
    Days(i32, u16),
    Months,
    Years(i32, u16),
}

impl Interval {
    /// As PostgreSQL prints it: `1 year 2 mons -3 days +04:05:06.7`, `00:00:00`.
    pub fn text(self) -> String {
        let mut out = String::new();
        let mut negative = false;
        let mut part = |value: i32, name: &str| {
            if value != 0 {
                if !out.is_empty() {
                    out.push(' ');
                }
                if negative && value > 0 {
                    out.push('+');
                }
                out.push_str(&value.to_string());
                out.push(' ');
                out.push_str(name);
                if value != 1 {
                    out.push('s');
                }
                negative = value < 0;
            }
        };
        part(self.months / 12, "year");
        part(self.months % 12, "mon");
        part(self.days, "day");
        if self.micros == 0 && !out.is_empty() {
            return out;
        }
        let size = self.micros.unsigned_abs();
        let sign = if self.micros < 0 {
            "-"
        } else if negative {
            "+"
        } else {
            ""
        };
        let (seconds, rest) = (size / SECOND as u64, size % SECOND as u64);
        let two = |n: u64| [if n < 10 { "0" } else { "" }, &n.to_string()].concat();
        let fraction = if rest == 0 { String::new() } else { [".", &(rest + SECOND as u64).to_string()[1..]].concat() };
        let blank = if out.is_empty() { "" } else { " " };
        let time = [two(seconds / 3600), two(seconds / 60 % 60), two(seconds % 60)].join(":");
        [&out, blank, sign, &time, fraction.trim_end_matches('0')].concat()
    }

    /// Of a text: `1 year 2 mons`, `-3 days +04:05:06.7`, `1.5 hours ago`, `P1Y2M3DT4H5M6S`; `None` if it is none, or out of range.
    ///
    /// ```
    /// use eddyline::value::Interval;
    /// let text = |t: &str| Interval::parse(t).map(|v| v.text());
    /// assert_eq!(text("1.5 months 90 s").as_deref(), Some("1 mon 15 days 00:01:30"));
    /// assert_eq!(text("P1W-1DT0.5H").as_deref(), Some("6 days 00:30:00"));
    /// assert_eq!(text("one day"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Interval> {
        let text = text.trim_ascii();
        let mut reader = Reader { text, seen: 0, made: Interval::default() };
        if let Some(iso) = text.strip_prefix('P') {
            reader.text = iso;
            reader.iso()?;
        } else {
            reader.text = text.strip_prefix('@').unwrap_or(text);
            reader.quantities()?;
        }
        Some(reader.made)
    }
}

/// The number of these digits behind a point.
fn behind(digits: &str) -> f64 {
    float::parse(["0.", digits, "0"].concat().as_bytes())
}

struct Reader<'a> {
    text: &'a str,
    seen: u16,
    made: Interval,
}

impl<'a> Reader<'a> {
    fn quantities(&mut self) -> Option<()> {
        loop {
            self.text = self.text.trim_ascii_start();
            if self.text.is_empty() {
                return (self.seen != 0).then_some(());
            }
            let (negative, digits) = self.number()?;
            if self.text.starts_with(':') {
                self.time(negative, digits)?;
            } else {
                self.quantity(negative, digits)?;
            }
            if self.text.trim_ascii().eq_ignore_ascii_case("ago") {
                let Interval { months, days, micros } = self.made;
                let made = (months.checked_neg()?, days.checked_neg()?, micros.checked_neg()?);
                self.made = Interval { months: made.0, days: made.1, micros: made.2 };
                return Some(());
            }
        }
    }

    /// A number, which has been read, and its unit.
    fn quantity(&mut self, negative: bool, digits: &str) -> Option<()> {
        let spaced = self.text.trim_ascii_start();
        let word = self.word(spaced);
        let unit = if word.is_empty() {
            // A number alone is of seconds; in front of a time, of days.
            if spaced.is_empty() { Unit::Micros(SECOND, HOUR << 2) } else { Unit::Days(1, 1 << 7) }
        } else {
            let lower = word.to_ascii_lowercase();
            UNITS.iter().find(|u| u.0.contains(&lower.as_str()))?.1
        };
        if word.is_empty() && !(spaced.is_empty() || spaced.contains(':')) {
            return None;
        }
        self.text = &spaced[word.len()..];
        self.add(negative, digits, unit)
    }

    fn iso(&mut self) -> Option<()> {
        let mut time = false;
        while !self.text.is_empty() {
            if let Some(rest) = self.text.strip_prefix('T') {
                if time || rest.is_empty() {
                    return None;
                }
                (time, self.text) = (true, rest);
            }
            let signless = self.text.starts_with(|c: char| c.is_ascii_digit());
            let (negative, digits) = self.number()?;
            if time && signless && self.text.starts_with(':') && (self.text.matches(':').count() > 1 || !self.text.contains('.'))
            {
                // `hh:mm:ss`, which has nothing else beside it; of a sign PostgreSQL takes the hours alone.
                self.time(false, digits)?;
                return self.text.is_empty().then_some(());
            }
            let unit = match (time, self.text.chars().next()?) {
                (false, 'Y') => Unit::Years(1, 1 << 4),
                (false, 'M') => Unit::Months,
                (false, 'W') => Unit::Days(7, 1 << 6),
                (false, 'D') => Unit::Days(1, 1 << 7),
                (true, 'H') => Unit::Micros(3600 * SECOND, HOUR),
                (true, 'M') => Unit::Micros(60 * SECOND, HOUR << 1),
                (true, 'S') => Unit::Micros(SECOND, HOUR << 2),
                _ => return None,
            };
            self.text = &self.text[1..];
            self.add(negative, digits, unit)?;
        }
        (self.seen != 0).then_some(())
    }

    fn word(&self, text: &'a str) -> &'a str {
        &text[..text.bytes().take_while(u8::is_ascii_alphabetic).count()]
    }

    /// The sign, and the digits with a point or without.
    fn number(&mut self) -> Option<(bool, &'a str)> {
        let bare = self.text.strip_prefix(['+', '-']).unwrap_or(self.text);
        let negative = self.text.starts_with('-');
        let digits = bare.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number = &bare[..digits];
        if !number.bytes().any(|b| b.is_ascii_digit()) || number.matches('.').count() > 1 {
            return None;
        }
        self.text = &bare[digits..];
        Some((negative, number))
    }

    /// `hh:mm`, `hh:mm:ss`, `hh:mm:ss.f`, whose hours have been read, or `mm:ss.f`.
    fn time(&mut self, negative: bool, hours: &str) -> Option<()> {
        let end = self.text.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')).count();
        let (time, rest) = self.text.split_at(end);
        self.text = rest;
        let mut fields = time[1..].split(':');
        let minutes = fields.next()?;
        let (hours, minutes, seconds) = match fields.next() {
            None if minutes.contains('.') => ("0", hours, minutes),
            seconds => (hours, minutes, seconds.unwrap_or("0")),
        };
        let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        let two = |t: &str| t.parse::<i64>().ok().filter(|n| *n < 60 && t.len() <= 2);
        // Beyond 59 of either is out of PostgreSQL's range too.
        let (minutes, seconds) = (two(minutes)?, two(seconds)?);
        if fields.next().is_some() || self.seen & TIME != 0 || [hours, fraction].concat().contains('.') {
            return None;
        }
        self.seen |= TIME;
        // Negative numbers reach one further.
        let sign = if negative { -1 } else { 1 };
        let hours = hours.parse::<i64>().ok()? * sign;
        let seconds = hours.checked_mul(3600)?.checked_add((minutes * 60 + seconds) * sign)?;
        let fraction = (behind(fraction) * 1e6).round_ties_even() as i64 * sign;
        let micros = seconds.checked_mul(SECOND)?.checked_add(fraction)?;
        self.made.micros = self.made.micros.checked_add(micros)?;
        Some(())
    }

    fn add(&mut self, negative: bool, digits: &str, unit: Unit) -> Option<()> {
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction = behind(fraction);
        let (whole, fraction) = if negative { (-whole, -fraction) } else { (whole, fraction) };
        let part = match unit {
            Unit::Micros(_, part) | Unit::Days(_, part) | Unit::Years(_, part) => part,
            Unit::Months => 1 << 5,
        };
        if self.seen & part != 0 {
            return None;
        }
        self.seen |= part;
        let narrow = |v: i64, scale: i32| i32::try_from(v).ok()?.checked_mul(scale);
        match unit {
            Unit::Micros(scale, _) => {
                self.made.micros = self.made.micros.checked_add(whole.checked_mul(scale)?)?;
                self.micros(fraction, scale)
            }
            Unit::Days(scale, _) => {
                self.made.days = self.made.days.checked_add(narrow(whole, scale)?)?;
                self.days(fraction, scale)
            }
            Unit::Months => {
                self.made.months = self.made.months.checked_add(narrow(whole, 1)?)?;
                self.days(fraction, 30)
            }
            Unit::Years(scale, _) => {
                let more = (fraction * f64::from(scale) * 12.0).round_ties_even() as i32;
                let months = narrow(whole, scale)?.checked_mul(12)?.checked_add(more)?;
                self.made.months = self.made.months.checked_add(months)?;
                Some(())
            }
        }
    }

    /// A fraction of a unit of so many days.
    fn days(&mut self, fraction: f64, scale: i32) -> Option<()> {
        let days = fraction * f64::from(scale);
        self.made.days = self.made.days.checked_add(days as i32)?;
        self.micros(days - days.trunc(), DAY)
    }

    /// A fraction of a unit of so many microseconds.
    fn micros(&mut self, fraction: f64, scale: i64) -> Option<()> {
        let exact = fraction * scale as f64;
        let rest = exact - exact.trunc();
        let nearest = exact as i64 + i64::from(rest > 0.5) - i64::from(rest < -0.5);
        self.made.micros = self.made.micros.checked_add(nearest)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_and_written_as_postgresql_does() {
        for (text, shown) in [
            ("", None),
            ("0", Some("00:00:00")),
            ("5", Some("00:00:05")),
            ("1 12:59:10", Some("1 day 12:59:10")),
            ("1 year 2 mons 3 days 04:05:06.789", Some("1 year 2 mons 3 days 04:05:06.789")),
            ("@ 1 minute ago", Some("-00:01:00")),
            ("1 day 02:03:04 ago", Some("-1 days -02:03:04")),
            ("1 day ago 02:00", None),
            ("ago", None),
            ("5 ago", None),
            ("-1 mons +2 days -03:00", Some("-1 mons +2 days -03:00:00")),
            ("1.5 years", Some("1 year 6 mons")),
            ("-1.5 weeks", Some("-10 days -12:00:00")),
            ("1 day 1 day", None),
            ("P1Y2M10DT2H30M", Some("1 year 2 mons 10 days 02:30:00")),
            ("P-1.5D", Some("-1 days -12:00:00")),
            ("PT", None),
            ("P", None),
            ("100:00:00", Some("100:00:00")),
            ("1:60", None),
            ("1 foo", None),
            ("2147483648 months", None),
            ("1e3 days", None),
            ("10 Hours 3us", Some("10:00:00.000003")),
            ("04:05.5", Some("00:04:05.5")),
            ("-1 day +04:05.25", Some("-1 days +00:04:05.25")),
            ("1 year 59:59. ago", Some("-1 years -00:59:59")),
            ("60:05.5", None),
            ("04:05.5:06", None),
            ("1 h 04:05.5", None),
            ("PT04:05:06.5", Some("04:05:06.5")),
            ("P1Y2M3DT4:05", Some("1 year 2 mons 3 days 04:05:00")),
            ("PT-4:05", None),
            ("PT+4:05", None),
            ("PT4:5.5", None),
            ("04:05.5.5", None),
            ("01:04:05.5.5", None),
            ("PT04:", None),
            ("PT04:05:", None),
            ("PT04:05:06:07", None),
            ("PT04:05:06S", None),
            ("PT1H04:05", None),
            ("PT04:05M", None),
            ("P04:05:06", None),
        ] {
            assert_eq!(Interval::parse(text).map(Interval::text).as_deref(), shown, "{text}");
        }
    }
}
