//! Regular expressions in time linear in the text: whether a pattern is found in it, and what of it matches.
//!
//! The syntax is that of PostgreSQL's advanced expressions (POSIX with `\d`, `\m`, `(?:…)` and the like); back references
//! and look-around, which no automaton can have, are refused. A pattern becomes a small program (`parse`, `program`) that
//! follows all ways through the pattern at once (`matcher`), so no pattern takes more than its length times the text's.
//! Character classes are those of the collation `pg_c_utf8`: letters are Unicode's, digits are `0` to `9`.

mod matcher;
mod parse;
mod program;
mod set;

#[cfg(test)]
mod tests;

use std::ops::Range;

use program::Program;

/// Most instructions of a program: what bounds of bounds can come to.
const MAX_PROGRAM: usize = 4_000;

/// A pattern, ready to match.
///
/// ```
/// use eddyline::regex::Regex;
/// let version = Regex::new(r"^v\d+(\.\d+){2}$", false).unwrap();
/// assert!(version.is_match("v1.22.3") && !version.is_match("v1.22"));
/// assert!(Regex::new("straße", true).unwrap().is_match("STRAßE 7"));
/// assert_eq!(Regex::new("(a", false).unwrap_err().at, 2);
/// ```
#[derive(Debug)]
pub struct Regex {
    program: Program,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegexError {
    /// Number of the character, from 0.
    pub at: usize,
    /// What is wrong there.
    pub message: &'static str,
}

impl Regex {
    /// Reads a pattern; `fold`: letters match whatever their case.
    ///
    /// # Errors
    /// If it is no pattern, uses what is not supported, or its bounds make it too large.
    pub fn new(pattern: &str, fold: bool) -> Result<Self, RegexError> {
        let (tree, fold) = parse::parse(pattern, fold)?;
        Ok(Regex { program: program::compile(&tree, fold)? })
    }

    /// Whether the pattern is found anywhere in a text. Cost: O(text × pattern), without a stack.
    pub fn is_match(&self, text: &str) -> bool {
        matcher::run(&self.program, text, true).is_some()
    }

    /// The first match, as bytes of the text: of those that begin there the longest, or the shortest if the pattern prefers that. Cost: O(text × pattern).
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        matcher::run(&self.program, text, false)
    }
}
