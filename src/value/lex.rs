//! Tokens of JSON text: blanks, strings, numbers. What [`canonical_json`](super::canonical_json) and the wire room share.
//!
//! Cost: strings are passed over eight bytes at a time (one word tells quote, backslash and control characters apart from
//! the rest; where rows are read, a vector of sixteen: [`chunk`]); only strings with bytes above 127 pay for a UTF-8 check. Nothing here allocates.

use super::chunk;

/// Why text is not JSON, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Byte offset in the slice.
    pub at: usize,
    /// What.
    pub kind: FaultKind,
}

/// Kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The text ends before the value does.
    End,
    /// Not JSON, or JSON that PostgreSQL's `jsonb` does not take.
    Malformed(&'static str),
    /// Nested deeper than the limit.
    TooDeep,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Larger than the limit.
    TooLarge,
}

impl FaultKind {
    /// At a byte.
    #[cold]
    pub fn at(self, at: usize) -> Fault {
        Fault { at, kind: self }
    }
}

/// Where a string ends: `end` is its closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// Offset of the closing quote.
    pub end: usize,
    /// Without escapes: the bytes are the text.
    pub plain: bool,
}

/// Where a number ends, and whether it is written as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// Offset behind the last character.
    pub end: usize,
    /// Neither fraction nor exponent.
    pub integer: bool,
}

/// First byte at or behind `at` that is no blank.
#[inline]
pub(crate) fn blanks(buf: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = buf.get(at) {
        at += 1;
    }
    at
}

const ONES: u64 = 0x0101_0101_0101_0101;
pub(super) const HIGHS: u64 = ONES * 0x80;

/// A bit, the highest, of each byte that ends a run of ordinary characters: quote, backslash, control character. Bits above
/// the first one may be false.
#[inline]
pub(super) fn specials(word: u64) -> u64 {
    let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
    let zero = quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash;
    (zero | word.wrapping_sub(ONES * 0x20) & !word) & HIGHS
}

/// Where a copied string ends, and whether all of it is ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Offset of the closing quote.
    pub end: usize,
    /// No byte above 127.
    pub ascii: bool,
}

/// Passes over a string without escapes and copies it to `to` of `out`, whose length grows as needed and is otherwise of no
/// meaning. `None`: there are escapes. One pass for looking and copying: strings are short, and a call of `memcpy` for each
/// would cost as much as both.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) fn copy_string(buf: &[u8], from: usize, out: &mut Vec<u8>, mut to: usize) -> Result<Option<Copied>, Fault> {
    let (mut at, mut ascii) = (from, true);
    loop {
        let Some(bytes) = buf[at..].first_chunk::<{ chunk::BYTES }>() else { return copy_end(buf, from, at, out, to, ascii) };
        match out.get_mut(to..).and_then(<[u8]>::first_chunk_mut) {
            Some(room) => *room = *bytes,
            None => {
                out.resize(to * 2 + 64, 0);
                out[to..to + chunk::BYTES].copy_from_slice(bytes);
            }
        }
        let seen = chunk::look(bytes);
        ascii &= !seen.high();
        if let Some(place) = seen.special() {
            return copied(buf, from, at + place, ascii);
        }
        (at, to) = (at + chunk::BYTES, to + chunk::BYTES);
    }
}

/// The same where fewer bytes are left than are looked at together.
#[cold]
fn copy_end(buf: &[u8], from: usize, at: usize, out: &mut Vec<u8>, to: usize, ascii: bool) -> Result<Option<Copied>, Fault> {
    let rest = &buf[at..];
    let n = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len());
    if out.len() < to + n {
        out.resize(to + n, 0);
    }
    out[to..to + n].copy_from_slice(&rest[..n]);
    copied(buf, from, at + n, ascii && rest[..n].is_ascii())
}

#[inline(always)]
fn copied(buf: &[u8], from: usize, end: usize, ascii: bool) -> Result<Option<Copied>, Fault> {
    match buf.get(end) {
        Some(b'"') => {}
        Some(b'\\') => return Ok(None),
        Some(_) => return Err(FaultKind::Malformed("control character in a string").at(end)),
        None => return Err(FaultKind::End.at(buf.len())),
    }
    if !ascii && let Err(e) = std::str::from_utf8(&buf[from..end]) {
        return Err(FaultKind::NotUtf8.at(from + e.valid_up_to()));
    }
    Ok(Some(Copied { end, ascii }))
}

/// Passes over a string; `from` is behind the opening quote. Checks control characters and UTF-8, not escapes.
#[inline]
pub(crate) fn string(buf: &[u8], from: usize) -> Result<Text, Fault> {
    let (mut at, mut high, mut plain) = (from, 0u64, true);
    loop {
        let special = loop {
            let Some(chunk) = buf.get(at..at + 8) else { break None };
            let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
            let found = specials(word);
            if found != 0 {
                high |= word & ((found & found.wrapping_neg()) - 1);
                break Some(at + found.trailing_zeros() as usize / 8);
            }
            high |= word;
            at += 8;
        };
        at = match special {
            Some(at) => at,
            None => {
                let rest = buf.get(at..).unwrap_or_default();
                let n = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len());
                high |= rest[..n].iter().fold(0, |h, &b| h | u64::from(b));
                at + n
            }
        };
        match buf.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                plain = false;
                at += 2;
                if at > buf.len() {
                    return Err(FaultKind::End.at(buf.len()));
                }
                high |= u64::from(buf[at - 1]);
            }
            Some(_) => return Err(FaultKind::Malformed("control character in a string").at(at)),
            None => return Err(FaultKind::End.at(buf.len())),
        }
    }
    if high & HIGHS != 0
        && let Err(e) = std::str::from_utf8(&buf[from..at])
    {
        return Err(FaultKind::NotUtf8.at(from + e.valid_up_to()));
    }
    Ok(Text { end: at, plain })
}

/// Appends the text of the string between `from` and `end`, escapes resolved. The span has passed [`string`].
pub(crate) fn unescape(buf: &[u8], from: usize, end: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut at = from;
    while at < end {
        let run = buf[at..end].iter().position(|&b| b == b'\\').unwrap_or(end - at);
        out.extend_from_slice(&buf[at..at + run]);
        at += run;
        if at == end {
            break;
        }
        let bad = |why| Err(FaultKind::Malformed(why).at(at));
        let Some(&letter) = buf[..end].get(at + 1) else { return bad("unknown escape") };
        out.push(match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let Some(unit) = hex(&buf[..end], at + 2) else { return bad("four hex digits belong behind \\u") };
                let mut code = unit;
                let mut width = 6;
                if unit & 0xf800 == 0xd800 {
                    let low = if buf[..end].get(at + 6..at + 8) == Some(b"\\u") { hex(&buf[..end], at + 8) } else { None };
                    let Some(low) = low.filter(|l| unit & 0xfc00 == 0xd800 && l & 0xfc00 == 0xdc00) else {
                        return bad("half of a surrogate pair");
                    };
                    code = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
                    width = 12;
                }
                let Some(c) = char::from_u32(code) else { return bad("half of a surrogate pair") };
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += width;
                continue;
            }
            _ => return bad("unknown escape"),
        });
        at += 2;
    }
    Ok(())
}

fn hex(buf: &[u8], at: usize) -> Option<u32> {
    buf.get(at..at + 4)?.iter().try_fold(0, |v, &b| Some(v * 16 + char::from(b).to_digit(16)?))
}

/// Passes over a number; `from` is at its sign or first digit.
pub(crate) fn number(buf: &[u8], from: usize) -> Result<Number, Fault> {
    let mut at = from + usize::from(buf.get(from) == Some(&b'-'));
    let first = at;
    at = digits(buf, at)?;
    if at - first > 1 && buf[first] == b'0' {
        return Err(FaultKind::Malformed("leading zero").at(first));
    }
    let integer_end = at;
    if buf.get(at) == Some(&b'.') {
        at = digits(buf, at + 1)?;
    }
    if let Some(b'e' | b'E') = buf.get(at) {
        at += 1;
        at += usize::from(matches!(buf.get(at), Some(b'+' | b'-')));
        at = digits(buf, at)?;
    }
    Ok(Number { end: at, integer: at == integer_end })
}

/// At least one digit.
fn digits(buf: &[u8], from: usize) -> Result<usize, Fault> {
    let n = buf.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    match n {
        0 if from >= buf.len() => Err(FaultKind::End.at(buf.len())),
        0 => Err(FaultKind::Malformed("a digit is expected").at(from)),
        n => Ok(from + n),
    }
}

/// Passes over `true`, `false` or `null`.
#[inline(always)]
pub(crate) fn literal(buf: &[u8], from: usize, word: &[u8]) -> Result<usize, Fault> {
    let rest = &buf[from.min(buf.len())..];
    if rest.starts_with(word) {
        Ok(from + word.len())
    } else if word.starts_with(rest) {
        Err(FaultKind::End.at(buf.len()))
    } else {
        Err(FaultKind::Malformed("no JSON value").at(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_first_unescaped_quote_wherever_words_begin() {
        for pad in 0..20 {
            for body in ["", "a", "long enough for two words", "grüß \u{1F600}", "\\\"x", "\\\\"] {
                let text = format!("{}{body}\"tail \\ \u{1}", "x".repeat(pad));
                let got = string(text.as_bytes(), 0).unwrap();
                assert_eq!((got.end, got.plain), (pad + body.len(), !body.contains('\\')), "{text}");
            }
        }
    }

    #[test]
    fn control_characters_and_bad_utf8_are_found_in_every_lane() {
        for i in 0..16 {
            for (byte, kind) in [(0x1f, FaultKind::Malformed("control character in a string")), (0xff, FaultKind::NotUtf8)] {
                let mut text = *b"abcdefghijklmnop\"";
                text[i] = byte;
                assert_eq!(string(&text, 0), Err(kind.at(i)));
            }
        }
    }

    #[test]
    fn escapes_are_resolved_and_halves_of_pairs_refused() {
        let read = |text: &str| {
            let mut out = Vec::new();
            unescape(text.as_bytes(), 0, text.len(), &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(read(r#"a\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00z"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1F600}z");
        for bad in [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\u0041", r"\u12", r"\u12g4", r"\x", r"\", r"\ud83d\u12"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_follow_the_grammar() {
        for (text, integer) in [("0", true), ("-10", true), ("1.5", false), ("1e5", false), ("-0.1E-7", false)] {
            assert_eq!(number(text.as_bytes(), 0), Ok(Number { end: text.len(), integer }));
        }
        for bad in ["01", "-", ".5", "1.", "1.e5", "1e", "1e+", "--1", "+1"] {
            assert!(number(bad.as_bytes(), 0).is_err(), "{bad}");
        }
    }
}
