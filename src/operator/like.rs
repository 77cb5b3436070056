//! `like`: `%` any run, `_` one character, backslash takes the next literally.

/// Whether a text matches a pattern. Cost: O(text × runs of the pattern), no backtracking beyond the last `%`; nothing on the heap.
pub fn matches(text: &str, pattern: &str) -> bool {
    match as_containment(pattern) {
        Some(needle) => text.contains(needle),
        None => is_like(text.as_bytes(), pattern.as_bytes(), false),
    }
}

/// `ilike`: both sides lowered.
pub fn matches_folded(text: &str, pattern: &str) -> bool {
    if !text.is_ascii() || !pattern.is_ascii() {
        return matches(&text.to_lowercase(), &pattern.to_lowercase());
    }
    match as_containment(pattern) {
        Some(needle) if !needle.is_empty() => {
            let needle = needle.as_bytes();
            text.as_bytes().windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle))
        }
        _ => is_like(text.as_bytes(), pattern.as_bytes(), true),
    }
}

/// Texts as bytes: what is not ASCII has no byte of a wildcard, and a place to try from is the beginning of a character.
fn is_like(text: &[u8], pattern: &[u8], folded: bool) -> bool {
    let same = |t: usize, c: u8| text.get(t).is_some_and(|&b| b == c || folded && b.eq_ignore_ascii_case(&c));
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(b'%') if p + 1 == pattern.len() => return true,
            Some(b'%') => {
                retry = Some((t, p + 1));
                p += 1;
                continue;
            }
            Some(b'_') => (t < text.len()).then(|| (char_len(text[t]), 1)),
            Some(b'\\') if p + 1 < pattern.len() => same(t, pattern[p + 1]).then_some((1, 2)),
            Some(&c) => same(t, c).then_some((1, 1)),
            None if t == text.len() => return true,
            None => None,
        };
        match (step, retry) {
            (Some((of_text, of_pattern)), _) => {
                t += of_text;
                p += of_pattern;
            }
            (None, Some((from, after))) if from < text.len() => {
                let next = from + char_len(text[from]);
                retry = Some((next, after));
                (t, p) = (next, after);
            }
            _ => return false,
        }
    }
}

/// Bytes of the character that begins with one.
fn char_len(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

/// What every text that matches begins with, as far as it is written without escapes, and whether that is all of the text.
pub fn prefix(pattern: &str) -> (&str, bool) {
    let end = pattern.find(['%', '_', '\\']);
    (&pattern[..end.unwrap_or(pattern.len())], end.is_none())
}

/// The first text behind all that begin with one, if that is a text.
pub fn behind(prefix: &str) -> Option<String> {
    let mut bytes = prefix.as_bytes().to_vec();
    *bytes.last_mut()? += 1;
    String::from_utf8(bytes).ok()
}

/// `%needle%` without other wildcards: a search box.
fn as_containment(pattern: &str) -> Option<&str> {
    let needle = pattern.strip_prefix('%')?.strip_suffix('%')?;
    (!needle.contains(['%', '_', '\\'])).then_some(needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_sql() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("abc", "a%", true),
            ("abc", "%b%", true),
            ("abc", "_b_", true),
            ("abc", "a_", false),
            ("aXbXc", "a%X%c", true),
            ("aab", "%ab", true),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("a_c", "a\\_c", true),
            ("grüße", "gr__e", true),
            ("abcabcabd", "%abc%abd", true),
            ("%", "%%", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text:?} like {pattern:?}");
        }
        assert!(matches_folded("GRÜN", "%ün"));
    }
    /// The definition, character by character.
    fn defined(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|n| defined(&text[n..], rest)),
            ['_', rest @ ..] => !text.is_empty() && defined(&text[1..], rest),
            ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && defined(&text[1..], rest),
        }
    }

    #[test]
    fn every_short_text_and_pattern_answers_as_defined() {
        let all = |letters: &[char], most: usize| {
            let mut found = vec![String::new()];
            let mut last = found.clone();
            for _ in 0..most {
                last = last.iter().flat_map(|t| letters.iter().map(move |c| format!("{t}{c}"))).collect();
                found.extend(last.iter().cloned());
            }
            found
        };
        let texts = all(&['a', 'B', 'é', '%'], 4);
        for pattern in all(&['a', 'b', '%', '_', '\\', 'É'], 4) {
            let (start, whole) = prefix(&pattern);
            let end = behind(start);
            for text in &texts {
                let chars = |t: &str| t.chars().collect::<Vec<_>>();
                let expected = defined(&chars(text), &chars(&pattern));
                assert_eq!(matches(text, &pattern), expected, "{text:?} like {pattern:?}");
                let folded = defined(&chars(&text.to_lowercase()), &chars(&pattern.to_lowercase()));
                assert_eq!(matches_folded(text, &pattern), folded, "{text:?} ilike {pattern:?}");
                let is_between = text.as_str() >= start && end.as_ref().is_none_or(|end| text < end);
                assert!(!expected || if whole { text == start } else { is_between }, "{text:?} like {pattern:?}: {start:?}");
                assert_eq!(is_between, text.starts_with(start), "{text:?} {start:?}");
            }
        }
    }

    #[test]
    fn behind_all_texts_of_a_beginning_comes_the_next_character() {
        let of = |text: &str| behind(text);
        assert_eq!((of("ab").as_deref(), of("aé").as_deref()), (Some("ac"), Some("aê")));
        // What would end in half a character.
        assert_eq!((of(""), of("\u{7f}"), of("\u{d7ff}"), of("\u{10ffff}")), (None, None, None, None));
    }
}
