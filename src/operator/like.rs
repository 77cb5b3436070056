//! `like`: `%` any run, `_` one character, backslash takes the next literally.

/// Whether a text matches a pattern. Cost: O(text × runs of the pattern), no backtracking beyond the last `%`.
pub fn matches(text: &str, pattern: &str) -> bool {
    if let Some(needle) = as_containment(pattern) {
        return text.contains(needle);
    }
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some('%') => {
                retry = Some((t, p + 1));
                p += 1;
                continue;
            }
            Some('_') if t < text.len() => Some(1),
            Some('\\') if p + 1 < pattern.len() => (text.get(t) == pattern.get(p + 1)).then_some(2),
            Some(c) => (*c != '_' && text.get(t) == Some(c)).then_some(1),
            None if t == text.len() => return true,
            None => None,
        };
        match (step, retry) {
            (Some(n), _) => {
                p += n;
                t += 1;
            }
            (None, Some((from, after))) if from < text.len() => {
                retry = Some((from + 1, after));
                (t, p) = (from + 1, after);
            }
            _ => return false,
        }
    }
}

/// `ilike`: both sides lowered.
pub fn matches_folded(text: &str, pattern: &str) -> bool {
    matches(&text.to_lowercase(), &pattern.to_lowercase())
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
}
