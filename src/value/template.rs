//! Templates of `to_char` for moments: fields, and the characters between them.

/// How the letters of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `MONTH`.
    Upper,
    /// `Month`.
    Title,
    /// `month`.
    Lower,
}

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A character that stands for itself.
    Char(char),
    /// What a field stands for; `fill`: without zeros and blanks around it; `ordinal`: followed by `TH` or `th`.
    Field { name: &'static str, case: Case, fill: bool, ordinal: Option<Case> },
}

/// The fields; of two that begin alike the longer one first. All but these begin with letters that stand for themselves.
const FIELDS: [&str; 51] = [
    "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "P.M.", "PM", "CC", "DAY", "DDD", "DD", "DY", "D", "FF1", "FF2", "FF3", "FF4",
    "FF5", "FF6", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON", "MS",
    "OF", "Q", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY",
];

/// What PostgreSQL has beside these: names of other languages, roman numbers, what is for reading only.
const OTHERS: [&str; 3] = ["TM", "RM", "FX"];

/// Calls `f` with the parts of a template. Cost: its length.
///
/// # Errors
/// The rest of the template, where it begins with a field of PostgreSQL that is not supported.
pub fn parts<'t>(template: &'t str, f: &mut dyn FnMut(Part)) -> Result<(), &'t str> {
    let mut rest = template;
    while !rest.is_empty() {
        let fill = begins(rest, "FM").is_some();
        if fill {
            rest = &rest[2..];
        }
        let named = |names: &'static [&'static str]| names.iter().find_map(|name| Some((*name, begins(rest, name)?)));
        if named(&OTHERS).is_some() {
            return Err(rest);
        }
        if let Some((name, case)) = named(&FIELDS).or(named(&["Y"])) {
            rest = &rest[name.len()..];
            let ordinal = begins(rest, "TH").filter(|c| *c != Case::Title);
            if ordinal.is_some() {
                rest = &rest[2..];
            } else if begins(rest, "SP") == Some(Case::Upper) {
                return Err(rest);
            }
            f(Part::Field { name, case, fill, ordinal });
            continue;
        }
        let mut letters = rest.chars();
        match letters.next() {
            Some('"') => loop {
                match letters.next() {
                    None | Some('"') => break,
                    Some('\\') if !letters.as_str().is_empty() => letters.next().into_iter().for_each(|c| f(Part::Char(c))),
                    Some(c) => f(Part::Char(c)),
                }
            },
            Some('\\') if letters.as_str().starts_with('"') => letters.next().into_iter().for_each(|c| f(Part::Char(c))),
            Some(c) => f(Part::Char(c)),
            None => {}
        }
        rest = letters.as_str();
    }
    Ok(())
}

/// How a text begins with a name, if it does: names of months and days may have one capital.
fn begins(text: &str, name: &str) -> Option<Case> {
    let text = text.as_bytes().get(..name.len())?;
    if !text.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    let capitals = text.iter().filter(|b| b.is_ascii_uppercase()).count();
    let titled = matches!(name, "MONTH" | "MON" | "DAY" | "DY") && text[0].is_ascii_uppercase();
    match capitals {
        0 => Some(Case::Lower),
        _ if text == name.as_bytes() => Some(Case::Upper),
        1 if titled => Some(Case::Title),
        _ => None,
    }
}
