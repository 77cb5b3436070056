//! `to_char` of moments: at each place the longest field of a table of spellings, each with the text that it stands for.

use super::moment::{part, split};
use super::undefined;
use crate::error::Result;
use crate::query::Unit as U;
use crate::value::Value;

/// A field: how it is spelt in capitals, its text with all its zeros and blanks, that without, and whether it is a number.
struct Spelling {
    name: &'static str,
    full: String,
    bare: String,
    number: bool,
}

fn spellings(moment: i64) -> Vec<Spelling> {
    let of = |unit: U| part(unit, moment) as i64;
    let mut all = Vec::new();
    let mut word = |names: [&'static str; 2], text: &str, blanks: usize| {
        for name in names {
            let (full, bare) = (format!("{text:blanks$}"), text.to_owned());
            all.push(Spelling { name, full, bare, number: false });
        }
    };
    let (before, late) = (of(U::Year) < 0, of(U::Hour) >= 12);
    word(["AD", "BC"], if before { "BC" } else { "AD" }, 0);
    word(["A.D.", "B.C."], if before { "B.C." } else { "A.D." }, 0);
    word(["AM", "PM"], if late { "PM" } else { "AM" }, 0);
    word(["A.M.", "P.M."], if late { "P.M." } else { "A.M." }, 0);
    let year = "January February March April May June July August September October November December";
    let month = year.split(' ').nth(of(U::Month) as usize - 1).expect("a month");
    let week = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday";
    let day = week.split(' ').nth(of(U::DayOfWeek) as usize).expect("a day");
    word(["MONTH", "MONTH"], month, 9);
    word(["DAY", "DAY"], day, 9);
    word(["MON", "MON"], &month[..3], 0);
    word(["DY", "DY"], &day[..3], 0);
    word(["TZ", "TZ"], "UTC", 0);
    word(["TZH", "TZH"], "+00", 0);
    word(["TZM", "TZM"], "00", 0);
    all.push(Spelling { name: "OF", full: "+00".into(), bare: "+0".into(), number: false });
    let mut number = |name: &'static str, value: i64, zeros: usize| {
        let sign = if value < 0 { 1 } else { 0 };
        all.push(Spelling {
            name,
            full: format!("{value:0width$}", width = zeros + sign),
            bare: value.to_string(),
            number: true,
        });
    };
    let twelve = if of(U::Hour) % 12 == 0 { 12 } else { of(U::Hour) % 12 };
    number("HH", twelve, 2);
    number("HH12", twelve, 2);
    number("HH24", of(U::Hour), 2);
    number("MI", of(U::Minute), 2);
    number("SS", of(U::Second), 2);
    let seconds = (of(U::Hour) * 60 + of(U::Minute)) * 60 + of(U::Second);
    number("SSSS", seconds, 1);
    number("SSSSS", seconds, 1);
    number("MM", of(U::Month), 2);
    number("DDD", of(U::DayOfYear), 3);
    number("DD", of(U::Day), 2);
    number("D", of(U::DayOfWeek) + 1, 1);
    number("ID", of(U::IsoDayOfWeek), 1);
    number("IDDD", of(U::Week) * 7 - 7 + of(U::IsoDayOfWeek), 3);
    number("WW", (of(U::DayOfYear) + 6) / 7, 2);
    number("IW", of(U::Week), 2);
    number("W", (of(U::Day) + 6) / 7, 1);
    number("Q", of(U::Quarter), 1);
    number("J", split(moment).0, 1);
    number("CC", of(U::Century), 2);
    for (unit, names) in [(U::Year, ["YYYY", "YYY", "YY", "Y"]), (U::IsoYear, ["IYYY", "IYY", "IY", "I"])] {
        let year = of(unit).abs();
        for (name, (zeros, rest)) in names.into_iter().zip([(4, i64::MAX), (3, 1000), (2, 100), (1, 10)]) {
            number(name, year % rest, zeros);
        }
    }
    // These have their zeros always.
    let mut digits = |name: &'static str, text: String| {
        all.push(Spelling { name, full: text.clone(), bare: text, number: true });
    };
    let micros = format!("{:06}", of(U::Microseconds) % 1_000_000);
    digits("MS", micros[..3].into());
    digits("US", micros.clone());
    for (name, count) in ["FF1", "FF2", "FF3", "FF4", "FF5", "FF6"].into_iter().zip(1..) {
        digits(name, micros[..count].into());
    }
    let year = of(U::Year).abs();
    digits("Y,YYY", format!("{},{:03}", year / 1000, year % 1000));
    all
}

pub(super) fn to_char(moment: i64, template: &str) -> Result<Value> {
    let spellings = spellings(moment);
    let (mut out, mut rest) = (String::new(), template);
    while !rest.is_empty() {
        let bare = ["FM", "fm"].into_iter().find_map(|p| rest.strip_prefix(p));
        let at = bare.unwrap_or(rest);
        if ["TM", "RM", "FX", "tm", "rm", "fx"].into_iter().any(|p| at.starts_with(p)) {
            return Err(undefined("a field that is not supported"));
        }
        let mut found: Option<(usize, String, bool)> = None;
        for s in &spellings {
            let text = if bare.is_some() { &s.bare } else { &s.full };
            let mut as_written = vec![(s.name.to_owned(), text.to_uppercase()), (s.name.to_lowercase(), text.to_lowercase())];
            if matches!(s.name, "MONTH" | "MON" | "DAY" | "DY") {
                as_written.push((format!("{}{}", &s.name[..1], s.name[1..].to_lowercase()), text.clone()));
            }
            for (name, text) in as_written {
                if at.starts_with(&name) && found.as_ref().is_none_or(|f| f.0 < name.len()) {
                    found = Some((name.len(), text, s.number));
                }
            }
        }
        if let Some((length, text, number)) = found {
            rest = &at[length..];
            out += &text;
            if rest.starts_with("SP") {
                return Err(undefined("a field that is not supported"));
            }
            for suffix in ["TH", "th"] {
                let Some(after) = rest.strip_prefix(suffix) else { continue };
                rest = after;
                if number {
                    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
                    let ending = match digits[..] {
                        [.., '1', _] => "th",
                        [.., '1'] => "st",
                        [.., '2'] => "nd",
                        [.., '3'] => "rd",
                        _ => "th",
                    };
                    out += &if suffix == "TH" { ending.to_uppercase() } else { ending.to_owned() };
                }
                break;
            }
            continue;
        }
        if let Some(quoted) = at.strip_prefix('"') {
            let mut letters = quoted.char_indices().peekable();
            rest = "";
            while let Some((place, c)) = letters.next() {
                match c {
                    '"' => {
                        rest = &quoted[place + 1..];
                        break;
                    }
                    '\\' if letters.peek().is_some() => out.extend(letters.next().map(|l| l.1)),
                    c => out.push(c),
                }
            }
            continue;
        }
        let at = if at.starts_with("\\\"") { &at[1..] } else { at };
        let Some(c) = at.chars().next() else { break };
        out.push(c);
        rest = &at[c.len_utf8()..];
    }
    Ok(Value::text(out))
}
