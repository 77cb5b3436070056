//! Octets as text: PostgreSQL's `\x` hex, or base64 (also the URL-safe letters, padding optional, line breaks skipped).

/// Appends the octets that a text stands for; false if it stands for none.
pub(super) fn octets(text: &[u8], out: &mut Vec<u8>) -> bool {
    match text.strip_prefix(b"\\x") {
        Some(digits) => hex(digits, out),
        None => base64(text, out),
    }
}

fn hex(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let nibble = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    for pair in digits.chunks(2) {
        let [Some(high), Some(low)] = [Some(pair[0]), pair.get(1).copied()].map(|b| b.and_then(nibble)) else { return false };
        out.push(high << 4 | low);
    }
    true
}

fn base64(text: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut bits, mut have, mut letters, mut padding) = (0u32, 0, 0usize, 0usize);
    for &b in text {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\n' | b'\r' => continue,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return false,
        };
        if padding > 0 {
            return false;
        }
        letters += 1;
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    // Two letters carry one octet, three carry two; padding, if any, fills up to four.
    letters % 4 != 1 && (padding == 0 || padding < 3 && (letters + padding).is_multiple_of(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        octets(text.as_bytes(), &mut out).then_some(out)
    }

    #[test]
    fn hex_and_base64_name_the_same_octets() {
        for text in ["\\xfbEF00", "++8A", "--8A", "+-\n8A"] {
            assert_eq!(read(text), Some(vec![0xfb, 0xef, 0]), "{text}");
        }
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(read("\\x"), Some(vec![]));
        for text in ["/w==", "/w"] {
            assert_eq!(read(text), Some(vec![0xff]));
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["\\xf", "\\xfg", "A", "A===", "/w=", "/w==/w==", "a b", "é", "===="] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
