//! Regular expressions in time linear in the text: whether a pattern is found in it, and what of it matches.
//!
//! The syntax is that of PostgreSQL's advanced expressions (POSIX with `\d`, `\m`, `(?:…)` and the like, `***=`, options); back references
//! and look-around, which no automaton can have, are refused. A pattern becomes a small program (`parse`, `program`) that
//! follows all ways through the pattern at once (`matcher`), so no pattern takes more than its length times the text's.
//! Character classes are those of the collation `pg_c_utf8`: letters are Unicode's, digits are `0` to `9`.

mod groups;
mod matcher;
mod parse;
mod program;
mod set;

#[cfg(test)]
mod tests;

use std::ops::Range;

use parse::Node;
use program::Program;

/// Most instructions of a program: what bounds of bounds can come to.
const MAX_PROGRAM: usize = 4_000;

/// Where a group is in a text, in bytes; none of a group that took no part in the match.
pub type Group = Option<Range<usize>>;

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
    tree: Node,
    groups: usize,
}

/// Of several ways to match at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rules {
    /// The longest, or the shortest if the pattern prefers that, and so for its parts from left to right: PostgreSQL's.
    Longest,
    /// The first, in the order in which alternatives are written and quantifiers prefer: that of Perl, Java and JavaScript.
    First,
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
        Self::flagged(pattern, if fold { "i" } else { "" })
    }

    /// Reads a pattern with the options of PostgreSQL, by their letters: `i c` case, `n m p w s` ends of lines, `x t` blanks and comments, `q` a
    /// text that stands for itself.
    ///
    /// ```
    /// use eddyline::regex::Regex;
    /// assert!(Regex::flagged("^b$", "n").unwrap().is_match("a\nb\nc"));
    /// assert!(Regex::flagged("a # or\n | b", "x").unwrap().is_match("b") && Regex::flagged("(a", "q").unwrap().is_match("f(a)"));
    /// ```
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn flagged(pattern: &str, flags: &str) -> Result<Self, RegexError> {
        let (tree, fold, groups) = parse::parse(pattern, flags)?;
        Ok(Regex { program: program::compile(&tree, fold)?, tree, groups })
    }

    /// Whether the pattern is found anywhere in a text. Cost: O(text × pattern), without a stack.
    pub fn is_match(&self, text: &str) -> bool {
        matcher::run(&self.program, text, 0, true).is_some()
    }

    /// The first match, as bytes of the text: of those that begin there the longest, or the shortest if the pattern prefers that. Cost: O(text × pattern).
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        matcher::run(&self.program, text, 0, false)
    }

    /// Number of the groups whose matches are kept.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Calls `f` with the matches one after another, at most so many: each whole, then what its groups match, if they take part. One that is
    /// empty may follow another, and the next begins a character later. Cost: O(match × pattern) each, with groups that are repeated
    /// O(match² × pattern) at worst.
    ///
    /// ```
    /// use eddyline::regex::{Regex, Rules};
    /// let mut found = Vec::new();
    /// let pair = Regex::new(r"(\w)=(\d)?", false).unwrap();
    /// pair.each("a=1 b=", Rules::First, usize::MAX, &mut |m| found.push(m.to_vec()));
    /// assert_eq!(found, [[Some(0..3), Some(0..1), Some(2..3)], [Some(4..6), Some(4..5), None]]);
    /// ```
    pub fn each(&self, text: &str, rules: Rules, most: usize, f: &mut dyn FnMut(&[Group])) {
        if self.groups == 0 && rules == Rules::Longest {
            return self.each_whole(text, most, &mut |found| f(&[Some(found)]));
        }
        let mut groups = groups::Groups::new(text, self.program.fold, self.groups);
        self.walk(text, most, &mut |found| {
            let all = groups.of(&self.tree, found, rules);
            f(all);
            all[0].clone().unwrap_or_default()
        });
    }

    /// The same of whole matches, as PostgreSQL chooses them: groups cost nothing.
    pub fn each_whole(&self, text: &str, most: usize, f: &mut dyn FnMut(Range<usize>)) {
        self.walk(text, most, &mut |found| {
            f(found.clone());
            found
        });
    }

    /// Goes on from what `f` says a match is.
    fn walk(&self, text: &str, most: usize, f: &mut dyn FnMut(Range<usize>) -> Range<usize>) {
        let mut start = 0;
        for _ in 0..most {
            let Some(found) = matcher::run(&self.program, text, start, false) else { return };
            let found = f(found);
            start = found.end;
            if found.is_empty() {
                start += text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
    }
}
