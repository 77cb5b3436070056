//! Moments as texts by a template, as `to_char` writes them.

use super::moment::{iso_week, part};
use super::{MAX_TEXT, Made};
use crate::error::ErrorCode;
use crate::query::Unit;
use crate::value::Value;
use crate::value::template::{Case, Part, parts};

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A moment as a template says.
///
/// # Errors
/// `INVALID_ARGUMENT` for fields that are not supported; `VALUE_TOO_LARGE`.
pub(super) fn to_char(t: i64, template: &str) -> Made {
    let mut out = String::new();
    let read = parts(template, &mut |part| match part {
        Part::Char(c) => out.push(c),
        Part::Field { name, case, fill, ordinal } => field(&mut out, t, name, case, fill, ordinal),
    });
    if out.len() > MAX_TEXT {
        return Err(ErrorCode::ValueTooLarge);
    }
    read.map(|()| Value::text(out)).map_err(|_| ErrorCode::InvalidArgument)
}

fn field(out: &mut String, t: i64, name: &str, case: Case, fill: bool, ordinal: Option<Case>) {
    let n = |unit: Unit| part(unit, t) as i64;
    let names = |all: &[&'static str], at: i64| all[at as usize - 1];
    let hour = n(Unit::Hour);
    let year = if name.starts_with('I') { iso_week(t.div_euclid(super::moment::DAY)).0 } else { n(Unit::Year) };
    let year = if year > 0 {
        year
    } else if name.starts_with('I') {
        1 - year
    } else {
        -year
    };
    let micros = n(Unit::Microseconds) % 1_000_000;
    let word = match name {
        "AD" | "BC" | "A.D." | "B.C." => {
            let before = n(Unit::Year) < 0;
            if name.len() == 2 { ["AD", "BC"][usize::from(before)] } else { ["A.D.", "B.C."][usize::from(before)] }
        }
        "AM" | "PM" => ["AM", "PM"][usize::from(hour >= 12)],
        "A.M." | "P.M." => ["A.M.", "P.M."][usize::from(hour >= 12)],
        "MONTH" => names(&MONTHS, n(Unit::Month)),
        "MON" => &names(&MONTHS, n(Unit::Month))[..3],
        "DAY" => names(&DAYS, n(Unit::IsoDayOfWeek)),
        "DY" => &names(&DAYS, n(Unit::IsoDayOfWeek))[..3],
        "TZ" => "UTC",
        "OF" if fill => "+0",
        "OF" | "TZH" => "+00",
        "TZM" => "00",
        _ => "",
    };
    if !word.is_empty() {
        let word = match case {
            Case::Upper => word.to_ascii_uppercase(),
            Case::Title => word.to_owned(),
            Case::Lower => word.to_ascii_lowercase(),
        };
        out.push_str(&word);
        if !fill && matches!(name, "MONTH" | "DAY") {
            (word.len()..9).for_each(|_| out.push(' '));
        }
        return;
    }
    let (value, width, fixed) = match name {
        "HH" | "HH12" => ((hour + 11) % 12 + 1, 2, false),
        "HH24" => (hour, 2, false),
        "MI" => (n(Unit::Minute), 2, false),
        "SS" => (n(Unit::Second), 2, false),
        "MS" => (micros / 1000, 3, true),
        "US" => (micros, 6, true),
        "SSSS" | "SSSSS" => (t.rem_euclid(super::moment::DAY) / 1_000_000, 0, false),
        "MM" => (n(Unit::Month), 2, false),
        "DDD" => (n(Unit::DayOfYear), 3, false),
        "IDDD" => ((n(Unit::Week) - 1) * 7 + n(Unit::IsoDayOfWeek), 3, false),
        "DD" => (n(Unit::Day), 2, false),
        "D" => (n(Unit::DayOfWeek) + 1, 0, false),
        "ID" => (n(Unit::IsoDayOfWeek), 0, false),
        "WW" => ((n(Unit::DayOfYear) - 1) / 7 + 1, 2, false),
        "IW" => (n(Unit::Week), 2, false),
        "W" => ((n(Unit::Day) - 1) / 7 + 1, 0, false),
        "Q" => (n(Unit::Quarter), 0, false),
        "J" => (t.div_euclid(super::moment::DAY) - super::moment::FIRST_DAY, 0, false),
        "CC" => (n(Unit::Century), 2, false),
        "Y,YYY" => {
            out.push_str(&(year / 1000).to_string());
            out.push(',');
            (year % 1000, 3, true)
        }
        "YYYY" | "IYYY" => (year, 4, false),
        "YYY" | "IYY" => (year % 1000, 3, false),
        "YY" | "IY" => (year % 100, 2, false),
        "Y" | "I" => (year % 10, 0, false),
        // FF1 to FF6.
        _ => {
            let digits = usize::from(name.as_bytes()[2] - b'0');
            (micros / 10i64.pow(6 - digits as u32), digits, true)
        }
    };
    let text = value.unsigned_abs().to_string();
    if value < 0 {
        out.push('-');
    }
    if !fill || fixed {
        (text.len()..width).for_each(|_| out.push('0'));
    }
    out.push_str(&text);
    if let Some(case) = ordinal {
        let teens = text.len() > 1 && text.as_bytes()[text.len() - 2] == b'1';
        let suffix = match value.unsigned_abs() % 10 {
            1 if !teens => "ST",
            2 if !teens => "ND",
            3 if !teens => "RD",
            _ => "TH",
        };
        out.push_str(&if case == Case::Upper { suffix.to_owned() } else { suffix.to_ascii_lowercase() });
    }
}
