//! A place in the bytes at hand, and the two reasons to stop there.

use std::borrow::Cow;

use crate::error::{Error, ErrorCode};
use crate::value::json::MAX_DEPTH;
use crate::value::lex::{self, Fault, FaultKind};

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes at hand end before the item does.
    More,
    /// The input is wrong.
    Bad(Box<Bad>),
}

/// An error and its byte in the stream.
#[derive(Debug)]
pub(super) struct Bad {
    pub error: Error,
    pub at: u64,
}

/// Outcome of reading a part of an item.
pub(super) type Step<T> = Result<T, Stop>;

impl Stop {
    /// Puts a place in front of the error's path.
    #[cold]
    #[inline(never)]
    pub fn at(self, place: &str) -> Stop {
        match self {
            Stop::Bad(bad) => Stop::Bad(Box::new(Bad { error: bad.error.at(place), at: bad.at })),
            Stop::More => Stop::More,
        }
    }

    /// Puts a place in a list in front of the error's path.
    #[cold]
    #[inline(never)]
    pub fn at_index(self, list: &str, index: usize) -> Stop {
        self.at(&format!("{list}[{index}]"))
    }
}

/// The bytes at hand, a position, and where in the stream they begin.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub buf: &'a [u8],
    pub pos: usize,
    pub base: u64,
}

impl<'a> Cursor<'a> {
    /// The next byte.
    #[inline]
    pub fn peek(&self) -> Step<u8> {
        self.buf.get(self.pos).copied().ok_or(Stop::More)
    }

    /// Skips blanks and gives the byte behind them.
    #[inline(always)]
    pub fn solid(&mut self) -> Step<u8> {
        match self.buf.get(self.pos) {
            Some(&b) if b > b' ' => Ok(b),
            _ => {
                self.pos = lex::blanks(self.buf, self.pos);
                self.peek()
            }
        }
    }

    /// Skips blanks and one expected byte.
    #[inline]
    pub fn expect(&mut self, byte: u8, what: &str) -> Step<()> {
        if self.solid()? != byte {
            return Err(self.malformed(what));
        }
        self.pos += 1;
        Ok(())
    }

    /// Steps over `,` (true) or the closing bracket (false) behind an item.
    #[inline(always)]
    pub fn more(&mut self, close: u8) -> Step<bool> {
        let b = self.solid()?;
        if b != b',' && b != close {
            return Err(self.malformed(if close == b'}' { "`,` or `}` is expected" } else { "`,` or `]` is expected" }));
        }
        self.pos += 1;
        Ok(b == b',')
    }

    /// An error here.
    #[cold]
    #[inline(never)]
    pub fn bad(&self, error: Error) -> Stop {
        self.bad_at(self.pos, error)
    }

    /// An error at another position.
    #[cold]
    #[inline(never)]
    pub fn bad_at(&self, pos: usize, error: Error) -> Stop {
        Stop::Bad(Box::new(Bad { error, at: self.base + pos as u64 }))
    }

    /// Text that is not JSON, here.
    #[cold]
    #[inline(never)]
    pub fn malformed(&self, what: &str) -> Stop {
        self.bad(Error::new(ErrorCode::JsonMalformed, what))
    }

    /// A fault of the lexer as a reason to stop.
    #[cold]
    #[inline(never)]
    pub fn fault(&self, fault: Fault) -> Stop {
        let (code, message) = match fault.kind {
            FaultKind::End => return Stop::More,
            FaultKind::Malformed(what) => (ErrorCode::JsonMalformed, what.to_owned()),
            FaultKind::TooDeep => (ErrorCode::JsonTooDeep, format!("nested deeper than {MAX_DEPTH}")),
            FaultKind::NotUtf8 => (ErrorCode::InvalidUtf8, "not UTF-8".to_owned()),
            FaultKind::TooLarge => (ErrorCode::ValueTooLarge, "value larger than the limit".to_owned()),
        };
        self.bad_at(fault.at, Error::new(code, message))
    }

    /// The string here, quotes stripped, escapes resolved.
    pub fn string(&mut self) -> Step<Cow<'a, str>> {
        let from = self.pos + 1;
        let text = lex::string(self.buf, from).map_err(|f| self.fault(f))?;
        self.pos = text.end + 1;
        let bytes = if text.plain {
            Cow::Borrowed(&self.buf[from..text.end])
        } else {
            let mut out = Vec::with_capacity(text.end - from);
            lex::unescape(self.buf, from, text.end, &mut out).map_err(|f| self.fault(f))?;
            Cow::Owned(out)
        };
        // The lexer has seen to UTF-8 already; this path is rare enough to look again.
        let text = match bytes {
            Cow::Borrowed(b) => std::str::from_utf8(b).ok().map(Cow::Borrowed),
            Cow::Owned(b) => String::from_utf8(b).ok().map(Cow::Owned),
        };
        text.ok_or_else(|| self.bad_at(from, Error::new(ErrorCode::InvalidUtf8, "not UTF-8")))
    }

    /// A key of an object and its colon.
    pub fn key(&mut self) -> Step<Cow<'a, str>> {
        if self.solid()? != b'"' {
            return Err(self.malformed("a quoted key is expected"));
        }
        let key = self.string()?;
        self.expect(b':', "`:` is expected")?;
        self.solid()?;
        Ok(key)
    }

    /// Passes over `null`, `true` or `false`. A word is complete only when something follows it.
    #[inline]
    pub fn literal(&mut self, word: &[u8]) -> Step<()> {
        self.pos = lex::literal(self.buf, self.pos, word).map_err(|f| self.fault(f))?;
        Ok(())
    }

    /// What kind of JSON value is here, in words.
    pub fn kind(&self) -> &'static str {
        match self.buf.get(self.pos) {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    /// Fails unless a value begins here: tells a wrong type from text that is no JSON.
    pub fn a_value(&self) -> Step<()> {
        match self.peek()? {
            b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' => Ok(()),
            first @ (b't' | b'f' | b'n') => {
                let word: &[u8] = if first == b't' {
                    b"true"
                } else if first == b'f' {
                    b"false"
                } else {
                    b"null"
                };
                lex::literal(self.buf, self.pos, word).map(|_| ()).map_err(|f| self.fault(f))
            }
            _ => Err(self.malformed("a value is expected")),
        }
    }

    /// Passes over a value that is read later: brackets and strings are paired, the rest waits for that reading.
    pub fn skip(&mut self) -> Step<()> {
        // Two levels more than a json value may have: a row and its list lie around it.
        const LIMIT: usize = MAX_DEPTH + 2;
        let mut objects = [0u64; LIMIT / 64 + 1];
        let mut depth = 0;
        loop {
            match self.solid()? {
                b'"' => self.pos = lex::string(self.buf, self.pos + 1).map_err(|f| self.fault(f))?.end + 1,
                open @ (b'{' | b'[') => {
                    if depth == LIMIT {
                        return Err(self.fault(FaultKind::TooDeep.at(self.pos)));
                    }
                    let (word, bit) = (depth / 64, depth % 64);
                    objects[word] = objects[word] & !(1 << bit) | u64::from(open == b'{') << bit;
                    depth += 1;
                    self.pos += 1;
                    continue;
                }
                close @ (b'}' | b']') => {
                    if depth == 0 || (objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1 == 1) != (close == b'}') {
                        return Err(self.malformed("a bracket that closes nothing"));
                    }
                    depth -= 1;
                    self.pos += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.pos += 1;
                    continue;
                }
                b if b.is_ascii_alphanumeric() || b == b'-' => {
                    let n = self.buf[self.pos..].iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
                    self.pos += n;
                    self.peek()?;
                }
                _ => return Err(self.malformed("a value is expected")),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
