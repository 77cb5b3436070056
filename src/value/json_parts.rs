//! What a JSON object or array in canonical text consists of. Cost: its length.

use super::lex;

/// A member of an object, or an element of an array, without key.
pub(crate) struct Part<'a> {
    /// With its quotes.
    pub key: &'a str,
    /// As it stands.
    pub value: &'a str,
}

/// Members or elements of an object or array, in canonical text: members by the length of their keys, then by bytes.
pub(crate) fn parts(v: &str) -> impl Iterator<Item = Part<'_>> {
    let bytes = v.as_bytes();
    let object = bytes[0] == b'{';
    let mut at = 1;
    std::iter::from_fn(move || {
        if at >= bytes.len() || matches!(bytes[at], b'}' | b']') {
            return None;
        }
        let from = at;
        let mut value = at;
        if object {
            value = behind(bytes, at, 0) + 1;
        }
        let end = behind(bytes, value, 0);
        at = end + usize::from(bytes.get(end) == Some(&b','));
        Some(Part { key: if object { &v[from..value - 1] } else { "" }, value: &v[value..end] })
    })
}

/// Offset behind the value that begins at an offset; `depth` 1: behind the array or object that the offset is within.
pub(super) fn behind(bytes: &[u8], mut at: usize, mut depth: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') => {
                if depth == 0 {
                    return at;
                }
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            Some(b'"') => {
                at = lex::string(bytes, at + 1).map_or(bytes.len(), |t| t.end);
                if depth == 0 {
                    return at + 1;
                }
            }
            Some(b',') if depth == 0 => return at,
            Some(_) => {}
            None => return bytes.len(),
        }
        at += 1;
    }
}
