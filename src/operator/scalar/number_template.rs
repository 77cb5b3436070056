//! Numbers as texts by a template, as `to_char` writes them: PostgreSQL's `NUM_processor`, which walks through the template with the digits.

use super::{MAX_TEXT, Made};
use crate::error::ErrorCode;
use crate::value::Value;
use crate::value::number_template::{BRACKET, DECIMAL, EXPONENT, FILL, MINUS, PLUS, Part, ROMAN, SIGN, Shape, read};

/// A decimal, written in digits, or `NaN`, `Infinity`, as a template says.
///
/// # Errors
/// `INVALID_ARGUMENT` for a template that is none, and an ordinal without a digit; `VALUE_TOO_LARGE`.
pub(super) fn to_char(digits: &str, template: &str) -> Made {
    if template.len() > MAX_TEXT {
        return Err(ErrorCode::ValueTooLarge);
    }
    let (parts, shape) = read(template).map_err(|_| ErrorCode::InvalidArgument)?;
    let (negative, digits) = digits.strip_prefix('-').map_or((false, digits), |d| (true, d));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
    let mut out = if template.is_empty() {
        Vec::new()
    } else if shape.has(EXPONENT) && is_special(whole) {
        let mut out = vec![b'#'; shape.pre + shape.post + 6];
        (out[0], out[shape.pre + 1]) = (b' ', b'.');
        out
    } else if shape.has(EXPONENT) {
        scientific(negative, [whole, fraction].concat(), whole.len(), shape.post)
    } else {
        let mut writer = Writer::new(shape, negative, whole, fraction);
        if !parts.into_iter().all(|part| writer.part(part)) {
            return Err(ErrorCode::InvalidArgument);
        }
        writer.out
    };
    // What is behind a digit that is not there is not shown.
    out.truncate(out.iter().position(|b| *b == 0).unwrap_or(out.len()));
    if out.len() > MAX_TEXT { Err(ErrorCode::ValueTooLarge) } else { Ok(Value::text(String::from_utf8(out).unwrap_or_default())) }
}

/// Whether a number has letters rather than digits.
fn is_special(whole: &[u8]) -> bool {
    whole[0].is_ascii_alphabetic()
}

/// Digits with so many behind the point, the last one rounded half away from zero.
fn rounded(mut digits: Vec<u8>, fraction: &[u8], post: usize) -> Vec<u8> {
    let whole = digits.len();
    digits.extend_from_slice(&fraction[..post.min(fraction.len())]);
    digits.resize(whole + post, b'0');
    let mut at = digits.len();
    let mut up = fraction.get(post).is_some_and(|d| *d >= b'5');
    while up && at > 0 {
        at -= 1;
        up = digits[at] == b'9';
        digits[at] = if up { b'0' } else { digits[at] + 1 };
    }
    if post > 0 {
        digits.insert(whole, b'.');
    }
    if up {
        digits.insert(0, b'1');
    }
    digits
}

fn scientific(negative: bool, digits: Vec<u8>, whole: usize, post: usize) -> Vec<u8> {
    let lead = digits.iter().position(|d| *d != b'0');
    let exponent = lead.map_or(0, |lead| whole as i64 - 1 - lead as i64);
    let rest = &digits[lead.unwrap_or(0)..];
    let mut out = vec![if negative && lead.is_some() { b'-' } else { b' ' }];
    out.extend(rounded(vec![rest[0]], &rest[1..], post));
    out.extend([b'e', if exponent < 0 { b'-' } else { b'+' }]);
    let size = exponent.unsigned_abs();
    if size < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(size.to_string().as_bytes());
    out
}

struct Writer {
    shape: Shape,
    out: Vec<u8>,
    /// What is written: the digits and the point, or a roman number.
    number: Vec<u8>,
    /// The next of them.
    next: usize,
    negative: bool,
    /// Places before the first digit.
    spaces: usize,
    /// The last digit that counts, under `FM`.
    last: Option<usize>,
    sign_written: bool,
    /// Whether `S` is written behind the digits.
    sign_behind: bool,
    /// Whether a digit was written before.
    within: bool,
    /// Number of the place.
    at: usize,
    /// Number of the last place.
    end: usize,
}

impl Writer {
    fn new(mut shape: Shape, mut negative: bool, whole: &[u8], fraction: &[u8]) -> Self {
        let fill = shape.has(FILL);
        let (mut number, mut spaces) = (whole.to_vec(), 0);
        if shape.has(ROMAN) {
            number = roman(&rounded(number, fraction, 0), negative);
            (shape.pre, shape.post, negative) = (0, 0, false);
        } else {
            let special = is_special(whole);
            let moved = shape.multi.min(fraction.len());
            number.extend_from_slice(&fraction[..moved]);
            if !special {
                number.resize(whole.len() + shape.multi, b'0');
                let lead = number.iter().position(|d| *d != b'0').unwrap_or(number.len() - 1);
                number = rounded(number.split_off(lead), &fraction[moved..], shape.post);
            }
            shape.pre += shape.multi;
            negative &= number.iter().any(|d| !matches!(d, b'0' | b'.'));
            let before = number.iter().position(|d| *d == b'.').unwrap_or(number.len());
            spaces = shape.pre.saturating_sub(before);
            if before > shape.pre {
                number = vec![b'#'; shape.pre + shape.post + 1];
                number[shape.pre] = b'.';
            }
        }
        let bare = shape.has(MINUS | PLUS);
        let plain = !negative && fill;
        if !bare && plain {
            shape.flags &= !BRACKET;
        }
        let sign_written = if bare { shape.has(MINUS) } else { plain && !shape.has(ROMAN | SIGN) };
        let sign_behind = shape.sign_at.is_none_or(|at| !bare && at == shape.pre);
        let mut last = None;
        if let (true, Some(point)) = (fill && shape.has(DECIMAL), number.iter().position(|d| *d == b'.')) {
            let mut end = number.iter().rposition(|d| *d != b'0').map_or(point, |at| at.max(point));
            if shape.zero_end > spaces {
                end = end.max((number.len() - 1).min(shape.zero_end - spaces));
            }
            last = Some(end);
        }
        let end = shape.post + shape.pre + usize::from(spaces > 0 || !sign_written) + usize::from(shape.has(DECIMAL));
        let out = Vec::new();
        Writer { shape, out, number, next: 0, negative, spaces, last, sign_written, sign_behind, within: false, at: 0, end }
    }

    /// Writes one of two characters.
    fn either(&mut self, first: bool, one: u8, other: u8) {
        self.out.push(if first { one } else { other });
    }

    /// Writes a character, or if it is not so what fills its place.
    fn or_blank(&mut self, is: bool, character: u8) {
        if is || !self.shape.has(FILL) {
            self.either(is, character, b' ');
        }
    }

    fn letters(&mut self, letters: &[u8], small: bool) {
        let case = if small { 32 } else { 0 };
        self.out.extend(letters.iter().map(|b| b | case));
    }

    /// Writes a part; false if it cannot be.
    fn part(&mut self, part: Part) -> bool {
        let (code, small) = match part {
            Part::Char(c) => {
                self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return true;
            }
            Part::Key(code, small) => (code, small),
        };
        let roman = self.shape.has(ROMAN);
        match code {
            b'9' | b'0' | b'.' if !roman => self.digit(code == b'0'),
            b',' => self.or_blank(self.within, b','),
            b'L' => self.out.push(b' '),
            b'-' => self.or_blank(self.negative, b'-'),
            b'+' => self.or_blank(!self.negative, b'+'),
            b'G' => self.either(self.negative, b'-', b'+'),
            b'R' => {
                let number = std::mem::take(&mut self.number);
                if !self.shape.has(FILL) {
                    self.out.resize(self.out.len() + 15 - number.len(), b' ');
                }
                self.letters(&number, small);
            }
            b'T' if !(roman || self.negative || self.shape.has(DECIMAL) || self.number[0] == b'#') => {
                let [before @ .., last] = &self.number[..] else { return false };
                let ending = match last {
                    b'1'..=b'3' if before.last() != Some(&b'1') => [b"ST", b"ND", b"RD"][usize::from(last - b'1')],
                    b'0'..=b'9' => b"TH",
                    _ => return false,
                };
                self.letters(ending, small);
            }
            _ => {}
        }
        true
    }

    fn digit(&mut self, zero: bool) {
        let (sign, bracket) = (self.shape.has(SIGN), self.shape.has(BRACKET));
        let ends_in_point = self.last.is_some_and(|last| self.number[last] == b'.');
        let zero_start = self.shape.zero_start;
        // A zero that is the whole of what is before the point is not shown, unless it is asked for.
        let hidden = zero_start == 0 && self.next == 0 && self.number.first() == Some(&b'0') && self.shape.post != 0;
        self.within = false;
        let begins = self.at >= self.spaces || zero_start == self.at + 1;
        if !self.sign_written && begins && (!hidden || ends_in_point) {
            self.sign_written = !sign || !self.sign_behind;
            if sign {
                if self.sign_written {
                    self.either(self.negative, b'-', b'+');
                }
            } else if bracket {
                self.either(self.negative, b'<', b' ');
            } else {
                self.or_blank(self.negative, b'-');
            }
        }
        if self.at < self.spaces {
            self.within = (1..=self.at + 1).contains(&zero_start);
            self.or_blank(self.within, b'0');
        } else {
            match self.number.get(self.next) {
                Some(b'.') => {
                    if !ends_in_point || self.shape.has(FILL) {
                        self.out.push(b'.');
                    }
                }
                _ if self.last.is_some_and(|last| self.next > last) && !zero => {}
                _ if hidden => {
                    if ends_in_point || !self.shape.has(FILL) {
                        self.either(self.shape.has(FILL), b'0', b' ');
                    }
                }
                digit => {
                    self.out.push(digit.map_or(0, |d| *d));
                    self.within = true;
                }
            }
            self.next = (self.next + 1).min(self.number.len());
        }
        if self.last != Some(self.next) && self.at + 2 == self.end {
            if self.sign_written && bracket {
                self.either(self.negative, b'>', b' ');
            } else if sign && self.sign_behind {
                self.either(self.negative, b'-', b'+');
            }
        }
        self.at += 1;
    }
}

/// A roman number; of what there is none so many `#`.
fn roman(digits: &[u8], negative: bool) -> Vec<u8> {
    const LETTERS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    // What has more digits is too large anyway.
    let mut left = digits.iter().fold(0u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d.wrapping_sub(b'0'))));
    if negative || is_special(digits) || !(1..4000).contains(&left) {
        return vec![b'#'; 15];
    }
    let mut out = Vec::new();
    for (value, letters) in LETTERS {
        while left >= value {
            left -= value;
            out.extend_from_slice(letters.as_bytes());
        }
    }
    out
}
