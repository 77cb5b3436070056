//! What stands in the place of matches of a regular expression: `regexp_replace`.

use super::scalar::MAX_TEXT;
use crate::error::ErrorCode;
use crate::regex::{Group, Regex, Rules};

/// A part of a replacement.
enum Part<'t> {
    Text(&'t str),
    /// What a group matched; 0: the whole match.
    Group(usize),
}

/// A text with the first match of a pattern, or all of them, replaced: `\1` to `\9` are what its groups match, `\&` the whole, `\\` a
/// backslash; one before anything else stands for itself. Cost: that of the matches, and the length of the result.
///
/// # Errors
/// `VALUE_TOO_LARGE`.
pub(super) fn replaced(regex: &Regex, all: bool, text: &str, with: &str) -> Result<String, ErrorCode> {
    let parts = parts(with);
    let mut out = String::new();
    let mut at = 0;
    let mut put = |found: &[Group]| {
        let Some(whole) = found[0].clone().filter(|_| out.len() <= MAX_TEXT) else { return };
        out.push_str(&text[at..whole.start]);
        for part in &parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(n) => out.push_str(found.get(*n).cloned().flatten().map_or("", |g| &text[g])),
            }
        }
        at = whole.end;
    };
    let most = if all { usize::MAX } else { 1 };
    if parts.iter().any(|p| matches!(p, Part::Group(n) if *n > 0)) {
        regex.each(text, Rules::Longest, most, &mut put);
    } else {
        regex.each_whole(text, most, &mut |found| put(&[Some(found)]));
    }
    out.push_str(&text[at..]);
    if out.len() <= MAX_TEXT { Ok(out) } else { Err(ErrorCode::ValueTooLarge) }
}

fn parts(with: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = with;
    while let Some(at) = rest.find('\\') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        parts.push(Part::Text(before));
        let (part, taken) = match after.as_bytes().first() {
            Some(digit @ b'1'..=b'9') => (Part::Group(usize::from(digit - b'0')), 1),
            Some(b'&') => (Part::Group(0), 1),
            Some(b'\\') => (Part::Text("\\"), 1),
            _ => (Part::Text("\\"), 0),
        };
        parts.push(part);
        rest = &after[taken..];
    }
    parts.push(Part::Text(rest));
    parts
}
