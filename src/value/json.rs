//! Canonical JSON text: values that `jsonb` holds equal have equal text, so that equality and hashing are those of bytes.
//!
//! As in `jsonb`: blanks are dropped, keys are sorted by length in bytes and then bytewise, of equal keys the last wins,
//! `\u0000` is refused. Strings are escaped as little as JSON allows. Numbers keep every digit and lose only their spelling:
//! they are written the way JavaScript writes numbers (`decimal.rs`), so a text that comes from `JSON.stringify` needs no
//! change but the order of its keys.

use super::decimal;
use super::lex::{self, Fault, FaultKind};
use crate::sort;

/// Deepest nesting of arrays and objects in a value.
pub(crate) const MAX_DEPTH: usize = 256;

/// Canonical text of a JSON value; `None` if the text is no JSON value or none that `jsonb` would take.
///
/// ```
/// use eddyline::value::canonical_json;
/// let text = canonical_json(br#" { "bb": 1.0, "a": [true, "\u0041"], "a": 0 } "#);
/// assert_eq!(text.as_deref(), Some(r#"{"a":0,"bb":1}"#));
/// assert_eq!(canonical_json(b"[1,]"), None);
/// ```
pub fn canonical_json(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let end = Canon::default().value(text, 0, &mut out, usize::MAX).ok()?;
    if lex::blanks(text, end) != text.len() {
        return None;
    }
    String::from_utf8(out).ok()
}

/// Writes canonical text; keep one for its buffers.
#[derive(Default)]
pub(crate) struct Canon {
    /// Unescaped keys of the objects that are open.
    keys: Vec<u8>,
    members: Vec<Member>,
    moved: Vec<u8>,
    digits: Vec<u8>,
    limit: usize,
}

/// A member of an open object: its key among the keys, its text in the output.
#[derive(Clone, Copy)]
struct Member {
    key: (usize, usize),
    text: (usize, usize),
}

impl Canon {
    /// Bytes that it holds on to.
    pub fn held(&self) -> usize {
        self.keys.capacity() + self.moved.capacity() + self.digits.capacity() + self.members.capacity() * size_of::<Member>()
    }

    /// Appends the canonical text of the value at `at` and returns the offset behind it. A number that ends with the
    /// buffer counts as complete.
    pub fn value(&mut self, buf: &[u8], at: usize, out: &mut Vec<u8>, limit: usize) -> Result<usize, Fault> {
        self.keys.clear();
        self.members.clear();
        self.limit = limit.saturating_add(out.len());
        self.any(buf, at, out, 0)
    }

    fn any(&mut self, buf: &[u8], at: usize, out: &mut Vec<u8>, depth: usize) -> Result<usize, Fault> {
        let at = lex::blanks(buf, at);
        if out.len() > self.limit {
            return Err(FaultKind::TooLarge.at(at));
        }
        let word: &[u8] = match buf.get(at) {
            None => return Err(FaultKind::End.at(at)),
            Some(b'"') => return self.text(buf, at, out, false),
            Some(b'{' | b'[') if depth == MAX_DEPTH => return Err(FaultKind::TooDeep.at(at)),
            Some(b'{') => return self.object(buf, at, out, depth + 1),
            Some(b'[') => return self.array(buf, at, out, depth + 1),
            Some(b'-' | b'0'..=b'9') => return self.number(buf, at, out),
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(_) => b"null",
        };
        out.extend_from_slice(word);
        lex::literal(buf, at, word)
    }

    fn array(&mut self, buf: &[u8], at: usize, out: &mut Vec<u8>, depth: usize) -> Result<usize, Fault> {
        out.push(b'[');
        let mut at = lex::blanks(buf, at + 1);
        if buf.get(at) == Some(&b']') {
            out.push(b']');
            return Ok(at + 1);
        }
        loop {
            at = lex::blanks(buf, self.any(buf, at, out, depth)?);
            let b = separator(buf, at, b']')?;
            out.push(b);
            at += 1;
            if b == b']' {
                return Ok(at);
            }
        }
    }

    fn object(&mut self, buf: &[u8], at: usize, out: &mut Vec<u8>, depth: usize) -> Result<usize, Fault> {
        out.push(b'{');
        let (base, keys) = (self.members.len(), self.keys.len());
        let mut at = lex::blanks(buf, at + 1);
        if buf.get(at) == Some(&b'}') {
            out.push(b'}');
            return Ok(at + 1);
        }
        loop {
            if buf.get(at) != Some(&b'"') {
                return Err(expected(buf, at, "a quoted key is expected"));
            }
            let (from, key) = (out.len(), self.keys.len());
            at = lex::blanks(buf, self.text(buf, at, out, true)?);
            let member = Member { key: (key, self.keys.len()), text: (from, from) };
            if buf.get(at) != Some(&b':') {
                return Err(expected(buf, at, "`:` is expected"));
            }
            out.push(b':');
            at = lex::blanks(buf, self.any(buf, at + 1, out, depth)?);
            self.members.push(Member { text: (from, out.len()), ..member });
            let b = separator(buf, at, b'}')?;
            at += 1;
            if b == b'}' {
                break;
            }
            out.push(b',');
            at = lex::blanks(buf, at);
        }
        self.sort(base, out);
        out.push(b'}');
        self.members.truncate(base);
        self.keys.truncate(keys);
        Ok(at)
    }

    /// Brings the members of the innermost object into order, if they are not, and drops those that a later one replaces.
    fn sort(&mut self, base: usize, out: &mut Vec<u8>) {
        let (keys, members) = (&self.keys, &mut self.members[base..]);
        let rank = |m: &Member| (m.key.1 - m.key.0, &keys[m.key.0..m.key.1]);
        if members.is_sorted_by(|a, b| rank(a) < rank(b)) {
            return;
        }
        let start = members[0].text.0;
        sort::by(members, |a, b| rank(a).cmp(&rank(b)));
        self.moved.clear();
        for (i, m) in members.iter().enumerate() {
            if members.get(i + 1).is_some_and(|next| rank(next) == rank(m)) {
                continue;
            }
            if !self.moved.is_empty() {
                self.moved.push(b',');
            }
            self.moved.extend_from_slice(&out[m.text.0..m.text.1]);
        }
        out.truncate(start);
        out.extend_from_slice(&self.moved);
    }

    /// A string, quotes included. The unescaped text of a key is remembered.
    fn text(&mut self, buf: &[u8], at: usize, out: &mut Vec<u8>, is_key: bool) -> Result<usize, Fault> {
        let text = lex::string(buf, at + 1)?;
        if text.plain {
            out.extend_from_slice(&buf[at..=text.end]);
            if is_key {
                self.keys.extend_from_slice(&buf[at + 1..text.end]);
            }
            return Ok(text.end + 1);
        }
        let from = self.keys.len();
        lex::unescape(buf, at + 1, text.end, &mut self.keys)?;
        if self.keys[from..].contains(&0) {
            return Err(FaultKind::Malformed("\\u0000 has no place in a json value").at(at));
        }
        escape(&self.keys[from..], out);
        if !is_key {
            self.keys.truncate(from);
        }
        Ok(text.end + 1)
    }

    fn number(&mut self, buf: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let number = lex::number(buf, at)?;
        match decimal::spell(&buf[at..number.end], number.integer, &mut self.digits, out) {
            true => Ok(number.end),
            false => Err(FaultKind::Malformed("number out of range").at(at)),
        }
    }
}

/// Appends a string with its quotes, escaped as little as JSON allows.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in text {
        let letter = match b {
            b'"' | b'\\' => b,
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(b'0' + (b >> 4));
                out.push(b"0123456789abcdef"[usize::from(b & 15)]);
                continue;
            }
            _ => {
                out.push(b);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
    out.push(b'"');
}

/// `,` or the closing bracket.
fn separator(buf: &[u8], at: usize, close: u8) -> Result<u8, Fault> {
    match buf.get(at) {
        Some(&b) if b == b',' || b == close => Ok(b),
        _ => Err(expected(buf, at, if close == b']' { "`,` or `]` is expected" } else { "`,` or `}` is expected" })),
    }
}

fn expected(buf: &[u8], at: usize, what: &'static str) -> Fault {
    if at >= buf.len() { FaultKind::End.at(at) } else { FaultKind::Malformed(what).at(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canon(text: &str) -> Option<String> {
        canonical_json(text.as_bytes())
    }

    #[test]
    fn keys_are_sorted_by_length_then_bytes_and_the_last_of_equals_wins() {
        let text = r#" { "bb" : 1 , "a" : {"z":1,"y":2,"z":3} , "c" : [ ] , "\u0061" : { } , "é":0 } "#;
        assert_eq!(canon(text).unwrap(), r#"{"a":{},"c":[],"bb":1,"é":0}"#);
    }

    #[test]
    fn a_key_is_measured_without_its_escapes() {
        assert_eq!(canon(r#"{"ab":1,"\n":2,"\"":3}"#).unwrap(), r#"{"\n":2,"\"":3,"ab":1}"#);
    }

    #[test]
    fn strings_are_escaped_as_little_as_json_allows() {
        assert_eq!(canon(r#""\u0041\/\u001F\u000a\"\u00e9\ud83d\ude00\u007f""#).unwrap(), "\"A/\\u001f\\n\\\"é😀\u{7f}\"");
    }

    #[test]
    fn what_jsonb_refuses_is_refused() {
        let deep = "[".repeat(257) + &"]".repeat(257);
        for bad in [
            "",
            " ",
            "[1,]",
            "[,]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[1 2]",
            "tru",
            "truex",
            "nul",
            "NaN",
            "'a'",
            "\"",
            "\"\\u0000\"",
            "{\"\\u0000\":1}",
            "\"\\ud800\"",
            "\"\u{1}\"",
            "[",
            "{\"a\":1",
            "1 2",
            "\u{feff}1",
            &deep,
        ] {
            assert_eq!(canon(bad), None, "{bad}");
        }
        assert_eq!(canonical_json(b"\"\xff\""), None);
        assert!(canon(&deep[1..deep.len() - 1]).is_some());
    }

    #[test]
    fn canonical_text_is_its_own_canonical_text_and_means_the_same() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..3000 {
            let value = random(&mut rng, 4);
            let text = canon(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
            assert_eq!(canon(&text).as_deref(), Some(&*text));
        }
    }

    fn random(rng: &mut fastrand::Rng, depth: usize) -> serde_json::Value {
        match rng.usize(..if depth == 0 { 5 } else { 7 }) {
            0 => serde_json::Value::Null,
            1 => rng.bool().into(),
            2 => rng.i64(..).into(),
            3 => (f64::from(rng.i32(..)) + 0.5).into(),
            4 => (0..rng.usize(..9)).map(|_| rng.char('\u{1}'..)).collect::<String>().into(),
            5 => (0..rng.usize(..5)).map(|_| random(rng, depth - 1)).collect::<Vec<_>>().into(),
            _ => (0..rng.usize(..5)).map(|_| (rng.alphabetic().to_string(), random(rng, depth - 1))).collect(),
        }
    }
}
