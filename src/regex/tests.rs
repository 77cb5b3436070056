//! Patterns, what they find, and what is refused.

use super::*;

fn found(pattern: &str, text: &str) -> bool {
    Regex::new(pattern, false).unwrap_or_else(|e| panic!("{pattern}: {e:?}")).is_match(text)
}

#[test]
fn patterns_find_what_they_say() {
    for (pattern, yes, no) in [
        ("b", "abc", "ac"),
        ("^b", "bc", "ab"),
        ("c$", "abc", "cb"),
        ("^$", "", "a"),
        ("a.c", "a\nc", "ac"),
        ("^(ab|c)+$", "abcab", "abca"),
        ("^a{2,3}$", "aaa", "aaaa"),
        ("^a{2}$", "aa", "a"),
        ("^a{2,}?$", "aaaaa", "a"),
        ("^a{0}$", "", "a"),
        ("^(a|)b$", "b", "ab "),
        ("^()$", "", "x"),
        ("^[^a-c]+$", "xyz", "xbz"),
        ("^[]a-]+$", "]-a", "b"),
        (r"^[\d\-x]+$", "1-x", "y"),
        (r"^[[:alpha:]_]+$", "grüße_", "a1"),
        (r"^[\W]$", "-", "ä"),
        (r"^\d+\s\w+\D$", "12 über-", "12 über1"),
        (r"^\D$", "٣", "3"),
        (r"\mfoo\M", "a foo!", "afoo"),
        (r"\yfoo\y", "foo", "foos"),
        (r"a\Yb", "ab", "a-b"),
        ("[[:<:]]ab[[:>:]]", "x ab", "xab"),
        (r"^\u0061\x62\063\t\\\.$", "ab3\t\\.", "ab3"),
        (r"^\b$", "\u{8}", "b"),
        ("^a{b$", "a{b", "ab"),
        ("^(^a)*$", "a", "b"),
        ("^(a*)*$", "aaa", "b"),
        ("(?i)^STRAßE$", "straße", "strasse"),
        ("***=a.b*", "xa.b*", "aab"),
        ("***:(?i)^A.c$", "abc", "ab"),
        ("(?n)^b.$", "a\nbc\nd", "a\nb\n"),
        ("(?n)^[^a]$", "a\nb", "a\n\n"),
        (r"(?m)\Aa$", "a\nb", "b\na"),
        ("(?p)^a.b", "acb", "a\nb"),
        ("(?p)^b", "b", "a\nb"),
        ("(?w)^a.b$", "x\na\nb\n", "xa\nb"),
        (r"(?n)a\Db", "a\nb", "a1b"),
        ("(?ns)^a.b$", "a\nb", "x\na\nb"),
        ("(?x) ^ a # one\n{2 , 3 } [ b] [#]\\ $", "aab# ", "aab#"),
        ("(?x)a(?#b)c\t", "ac", "a c"),
        ("(?#)^a(?#x)(?#)+$", "aa", "b"),
        ("(?xt)a b", "a b", "ab"),
        ("(?q)(a|", "(a|", "a"),
        ("(?qi)A+", "a+", "aa"),
    ] {
        assert!(found(pattern, yes), "{pattern} in {yes:?}");
        assert!(!found(pattern, no), "{pattern} not in {no:?}");
    }
}

#[test]
fn options_are_flags_too() {
    let regex = |pattern, flags| Regex::flagged(pattern, flags).unwrap();
    assert!(regex("A", "gi").is_match("a") && !regex("A", "ic").is_match("a") && regex("(?i)A", "c").is_match("a"));
    assert!(regex("^b", "n").is_match("a\nb") && !regex("^b", "ns").is_match("a\nb") && !regex("(?s)^b", "n").is_match("a\nb"));
    assert!(regex("a b", "x").is_match("ab") && regex("***=a b", "x").is_match("a b") && regex("***:a", "q").is_match("***:a"));
    assert!(Regex::flagged("a", "qx").is_err() && Regex::flagged("a", "nq").is_err() && Regex::flagged("a", "nsq").is_ok());
}

#[test]
fn case_does_not_count_when_asked() {
    for (pattern, yes, no) in
        [("^éA$", "Éa", "ea"), ("^[a-c]$", "B", "D"), ("^[[:upper:]]$", "a", "1"), ("^ς$", "Σ", "σ"), ("^[^a]$", "b", "A")]
    {
        let regex = Regex::new(pattern, true).unwrap();
        assert!(regex.is_match(yes) && !regex.is_match(no), "{pattern}");
    }
    assert!(!Regex::new("(?c)a", true).unwrap().is_match("A"));
}

#[test]
fn what_is_no_pattern_is_refused_with_its_place() {
    for (pattern, at) in [
        ("(a", 2),
        ("a)", 1),
        ("[a", 2),
        ("[]", 2),
        ("*a", 0),
        ("a**", 2),
        ("a|*", 2),
        ("^*", 1),
        ("(*a)", 1),
        ("a{3,2}", 5),
        ("a{256}", 4),
        ("a{1", 3),
        (r"a\", 2),
        (r"\q", 1),
        (r"(a)\1", 4),
        ("(?=a)", 1),
        ("(?!a)", 1),
        ("(?<=a)", 1),
        ("(?e)a", 2),
        ("***?a", 0),
        ("***", 0),
        ("(?x)a* ?", 7),
        ("a*(?#x)?", 7),
        ("(?x)(a #)", 9),
        ("[z-a]", 4),
        ("[a-c-e]", 4),
        ("[[:alpa:]]", 9),
        (r"\u12", 4),
        ("(((a{255}){255}){255}){255}", 0),
    ] {
        assert_eq!(Regex::new(pattern, false).map(drop).map_err(|e| e.at), Err(at), "{pattern}");
    }
    assert!(Regex::new(&"(".repeat(100_000), false).is_err());
    assert!(found("^(((((((){255}){255}){255}){255}){255}){255}){255}$", ""));
}

#[test]
fn no_pattern_takes_more_than_its_length_times_the_texts() {
    let text = "a".repeat(20_000);
    let pattern = format!("^{}{}$", "a?".repeat(100), "(a|aa)*b");
    assert!(!found(&pattern, &text));
}

#[test]
fn the_first_match_is_the_longest_unless_the_pattern_prefers_less() {
    for (pattern, text, found) in [
        ("b+", "abbb bbbb", Some("bbb")),
        ("a|ab", "xab", Some("ab")),
        ("a*?b", "caab", Some("aab")),
        ("x*", "axx", Some("")),
        (".+?", "äb", Some("ä")),
        ("(a??b)+", "babb", Some("babb")),
        ("a.*?c|b", "abcc", Some("abcc")),
        ("(?:a|b??)+", "ab", Some("ab")),
        (r"\d{2}?.*", "a1234", Some("1234")),
        ("ab", "xaab", Some("ab")),
        ("(b|abc|bcd)", "xabcd", Some("abc")),
        ("^b", "ab", None),
        ("(?i)B$", "ab", Some("b")),
        ("", "abc", Some("")),
        ("b.*|c", "ac b", Some("c")),
    ] {
        let regex = Regex::new(pattern, false).unwrap();
        assert_eq!(regex.find(text).map(|range| &text[range]), found, "{pattern} in {text}");
        assert_eq!(regex.is_match(text), found.is_some(), "{pattern} in {text}");
    }
}

#[test]
fn classes_by_name_and_characters_by_escape_are_those_of_postgresql() {
    for (pattern, yes, no) in [
        ("^[[:alnum:]]+$", "aé1", "a_"),
        ("^[[:lower:]]+$", "aé", "aÉ"),
        ("^[[:upper:]]+$", "AÉ", "Aé"),
        ("^[[:space:]]+$", " \t\n", "a"),
        ("^[[:blank:]]+$", " \t", "\n"),
        ("^[[:punct:]]+$", "!_-", "a"),
        ("^[[:print:]]+$", "a é!", "\u{1b}"),
        ("^[[:graph:]]+$", "aé!", "a b"),
        ("^[[:cntrl:]]+$", "\u{1b}\n", "a"),
        ("^[[:xdigit:]]+$", "09afAF", "g"),
        ("^[[:ascii:]]+$", "a!\u{1b}", "é"),
        ("^[[:word:]]+$", "é_1", "-"),
        (r"^[\S]$", "a", " "),
        ("^[[.a.]-c]$", "b", "d"),
        (r"^\a\e\f\n\r\v$", "\u{7}\u{1b}\u{c}\n\r\u{b}", "aefnrv"),
        (r"^a\Bb$", "a\\b", "ab"),
        (r"^\cA\cj$", "\u{1}\n", "Aj"),
        (r"^\U0001F600\x41$", "😀A", "A"),
        (r"b\Z", "ab", "ba"),
        ("^a{2}(?:b|cd){1,2}$", "aabcd", "aab cd"),
    ] {
        assert!(found(pattern, yes) && !found(pattern, no), "{pattern}");
    }
}
