//! Templates of `to_char` for numbers: digits, signs, and the characters between them.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A character that stands for itself.
    Char(char),
    /// A pattern, by its code in `KEYS`; whether it is in small letters.
    Key(u8, bool),
}

/// What a template says as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Places before and behind the point, and behind `V`.
    pub pre: usize,
    pub post: usize,
    pub multi: usize,
    /// Number of the first place that is a `0`, from 1, and of the last one.
    pub zero_start: usize,
    pub zero_end: usize,
    /// Places before `S`, if it is before the point.
    pub sign_at: Option<usize>,
    /// The patterns that are there.
    pub flags: u16,
}

pub const DECIMAL: u16 = 1;
const TIMES: u16 = 2;
pub const FILL: u16 = 4;
const BLANK: u16 = 8;
pub const SIGN: u16 = 16;
pub const MINUS: u16 = 32;
pub const PLUS: u16 = 64;
pub const BRACKET: u16 = 128;
pub const ROMAN: u16 = 256;
pub const EXPONENT: u16 = 512;
const ZERO: u16 = 1024;

/// Patterns: what they are written as, a code for those that write something, the flags that they set, and those of patterns
/// that cannot be before them. Of two that begin alike the longer one first. In small letters they are the same.
const KEYS: [(&str, u8, u16, u16); 20] = [
    (",", b',', 0, 0),
    (".", b'.', DECIMAL, DECIMAL | TIMES),
    ("0", b'0', 0, BRACKET),
    ("9", b'9', 0, BRACKET),
    ("B", b'B', 0, 0),
    ("C", 0, 0, 0),
    ("D", b'.', DECIMAL, DECIMAL | TIMES),
    ("EEEE", 0, EXPONENT, BLANK | FILL | SIGN | BRACKET | MINUS | PLUS | ROMAN | TIMES),
    ("FM", 0, FILL, 0),
    ("G", b',', 0, 0),
    ("L", b'L', 0, 0),
    ("MI", b'-', MINUS, SIGN),
    ("PL", b'+', PLUS, SIGN),
    ("PR", 0, BRACKET, SIGN | MINUS | PLUS),
    ("RN", b'R', ROMAN, ROMAN),
    ("SG", b'G', MINUS | PLUS, SIGN),
    ("SP", 0, 0, 0),
    ("S", b'S', SIGN, SIGN | MINUS | PLUS | BRACKET),
    ("TH", b'T', 0, 0),
    ("V", 0, TIMES, DECIMAL),
];

/// Whether a template of numbers can be.
///
/// ```
/// use eddyline::value::is_number_template;
/// assert!(is_number_template("FM999,990.00") && !is_number_template("9.9.9"));
/// ```
pub fn is_number_template(template: &str) -> bool {
    read(template).is_ok()
}

/// The parts of a template, and what it says as a whole. Cost: its length.
///
/// # Errors
/// The pattern that PostgreSQL refuses where it is.
pub fn read(template: &str) -> Result<(Vec<Part>, Shape), &'static str> {
    let mut parts = Vec::new();
    let mut shape = Shape::default();
    let mut rest = template;
    while !rest.is_empty() {
        let is = |name: &str, small: u8| {
            name.len() <= rest.len() && name.bytes().zip(rest.bytes()).all(|(letter, given)| given == letter | small)
        };
        // A bit makes letters small, and other characters what they are.
        if let Some(&(name, code, sets, excludes)) = KEYS.iter().find(|k| is(k.0, 0) || is(k.0, 32)) {
            parts.push(Part::Key(code, rest.as_bytes()[0].is_ascii_lowercase()));
            rest = &rest[name.len()..];
            if !shape.take(code, sets, excludes) {
                return Err(name);
            }
            continue;
        }
        let mut letters = rest.chars();
        let mut quoted = rest.starts_with('"');
        if quoted || rest.starts_with("\\\"") {
            letters.next();
        }
        loop {
            let mut next = letters.next();
            if quoted && next == Some('"') {
                break;
            }
            if quoted && next == Some('\\') && !letters.as_str().is_empty() {
                next = letters.next();
            }
            parts.extend(next.map(Part::Char));
            quoted &= next.is_some();
            if !quoted {
                break;
            }
        }
        rest = letters.as_str();
    }
    Ok((parts, shape))
}

impl Shape {
    /// Whether one of some patterns is there.
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    fn take(&mut self, code: u8, sets: u16, excludes: u16) -> bool {
        if self.has(excludes | EXPONENT) {
            return false;
        }
        self.flags |= sets;
        match code {
            b'9' if self.has(TIMES) => self.multi += 1,
            b'9' | b'0' => {
                let zero = code == b'0';
                if self.has(DECIMAL) {
                    self.post += 1;
                } else {
                    if zero && !self.has(ZERO) {
                        self.zero_start = self.pre + 1;
                        self.flags |= ZERO;
                    }
                    self.pre += 1;
                }
                if zero {
                    self.zero_end = self.pre + self.post;
                }
            }
            b'B' if self.pre + self.post == 0 => self.flags |= BLANK,
            b'S' if !self.has(DECIMAL) => self.sign_at = Some(self.pre),
            _ => {}
        }
        !self.has(ROMAN) || self.flags & !(ROMAN | FILL) == 0
    }
}
