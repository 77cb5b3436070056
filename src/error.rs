//! The one error type: a stable code, the place, the offending name and the nearest right one.
//!
//! Callers switch on [`ErrorCode`]; messages are for people and may change. The TypeScript layer receives the same four
//! parts as properties of an `Error`.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Stable identification of what went wrong. `as_str` is the public promise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }
        impl ErrorCode {
            /// Every code, in declaration order; the TypeScript list is checked against it.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];
            /// The stable text of the code.
            pub const fn as_str(self) -> &'static str { match self { $(ErrorCode::$name => $text,)* } }
        }
    };
}

codes! {
    /// A schema that contradicts itself.
    SchemaInvalid = "SCHEMA_INVALID",
    /// A column type that this version does not hold yet.
    UnsupportedType = "UNSUPPORTED_TYPE",
    /// No such table.
    UnknownTable = "UNKNOWN_TABLE",
    /// No such column on the table.
    UnknownColumn = "UNKNOWN_COLUMN",
    /// No such association on the table.
    UnknownRelation = "UNKNOWN_RELATION",
    /// No such alias in the query.
    UnknownAlias = "UNKNOWN_ALIAS",
    /// No such function or operator.
    UnknownFunction = "UNKNOWN_FUNCTION",
    /// A name that more than one table of the query has.
    AmbiguousColumn = "AMBIGUOUS_COLUMN",
    /// A value or expression of another type than its place asks for.
    TypeMismatch = "TYPE_MISMATCH",
    /// A null where the column does not allow one.
    NullNotAllowed = "NULL_NOT_ALLOWED",
    /// An integer outside the range of its column.
    IntegerRange = "INTEGER_RANGE",
    /// A row lacks a column that may not be null.
    MissingColumn = "MISSING_COLUMN",
    /// A change lacks a key column.
    MissingKey = "MISSING_KEY",
    /// An update tries to change a key column.
    KeyChange = "KEY_CHANGE",
    /// An insert of a key that is there with another content.
    DuplicateKey = "DUPLICATE_KEY",
    /// A query that cannot be answered as written.
    QueryInvalid = "QUERY_INVALID",
    /// A column outside of the grouping in a grouped query.
    NotGrouped = "NOT_GROUPED",
    /// A change or query on a tenanted table without a tenant.
    TenantRequired = "TENANT_REQUIRED",
    /// A change of another tenant than the one that a batch is confined to.
    TenantMismatch = "TENANT_MISMATCH",
    /// A change that is not one of the language of change.
    ChangeInvalid = "CHANGE_INVALID",
    /// Text that is not JSON; the path holds the byte.
    JsonMalformed = "JSON_MALFORMED",
    /// JSON nested deeper than the limit.
    JsonTooDeep = "JSON_TOO_DEEP",
    /// A value larger than the limit.
    ValueTooLarge = "VALUE_TOO_LARGE",
    /// Bytes that are not UTF-8.
    InvalidUtf8 = "INVALID_UTF8",
    /// A cursor before the one already committed.
    CursorBackwards = "CURSOR_BACKWARDS",
    /// An integer result outside of 64 bits.
    NumericOverflow = "NUMERIC_OVERFLOW",
    /// Division by zero.
    DivisionByZero = "DIVISION_BY_ZERO",
    /// A sub-query that stands for a value has more than one row.
    TooManyRows = "TOO_MANY_ROWS",
    /// A recursion that takes more rounds, or finds more, than is allowed.
    RecursionLimit = "RECURSION_LIMIT",
    /// A view that is not registered (any more).
    UnknownView = "UNKNOWN_VIEW",
    /// An export called while another is running.
    Reentrant = "REENTRANT",
    /// An argument outside of what a function is defined for, such as a negative number under a root.
    InvalidArgument = "INVALID_ARGUMENT",
    /// A text that does not read as a value of the type that it is cast to.
    InvalidText = "INVALID_TEXT",
    /// A moment outside of the range of timestamps, or of no calendar.
    TimestampRange = "TIMESTAMP_RANGE",
    /// A text that is no regular expression, or none that is supported.
    RegexInvalid = "REGEX_INVALID",
    /// A value for a parameter that the query does not have.
    UnknownParameter = "UNKNOWN_PARAMETER",
    /// A parameter of a query without a value.
    MissingParameter = "MISSING_PARAMETER",
    /// Rows that do not fit into the memory that is allowed.
    MemoryBudget = "MEMORY_BUDGET",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong, where, with which name, and what was probably meant.
///
/// ```
/// use eddyline::error::{Error, ErrorCode};
/// let e = Error::unknown(ErrorCode::UnknownColumn, "column", "titel", "issues", ["id", "title"]).at("where");
/// assert_eq!(e.code.as_str(), "UNKNOWN_COLUMN");
/// assert_eq!(e.nearest.as_deref(), Some("title"));
/// assert_eq!(e.to_string(), "no column `titel` on `issues`; did you mean `title`? (at where)");
/// ```
///
/// One word: results are passed on by every function on the way out, so the parts lie behind a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Parts>);

/// What an [`Error`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Stable code.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// Place in the input, such as `changes[3].row.status` or `where.args[0]`; empty when unknown.
    pub path: String,
    /// The name that was wrong.
    pub offending: Option<String>,
    /// The nearest right name.
    pub nearest: Option<String>,
}

impl Deref for Error {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

// Errors are made at hundreds of places: what they share stays out of line.
impl Error {
    /// An error with a code and a message.
    #[inline]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Error::of(code, message.into())
    }

    #[cold]
    #[inline(never)]
    fn of(code: ErrorCode, message: String) -> Self {
        Error(Box::new(Parts { code, message, path: String::new(), offending: None, nearest: None }))
    }

    /// "no `what` `name` on `on`", with the nearest of the candidates.
    #[inline]
    pub fn unknown<'a>(code: ErrorCode, what: &str, name: &str, on: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        // Not a `dyn Iterator`, which would bring each of its methods for each kind of candidates.
        let mut candidates = candidates.into_iter();
        Error::unknown_of(code, what, name, on, &mut || candidates.next())
    }

    #[cold]
    #[inline(never)]
    fn unknown_of(code: ErrorCode, what: &str, name: &str, on: &str, candidates: Candidates<'_, '_>) -> Self {
        let nearest = nearest(name, candidates);
        let shown: String = name.chars().take(80).collect();
        let mut message = format!("no {what} `{shown}` on `{on}`");
        if let Some(n) = &nearest {
            message.push_str(&format!("; did you mean `{n}`?"));
        }
        Error(Box::new(Parts { code, message, path: String::new(), offending: Some(shown), nearest }))
    }

    /// Names the offending thing.
    #[must_use]
    #[inline]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.with_name(name.into())
    }

    #[cold]
    #[inline(never)]
    fn with_name(mut self, name: String) -> Self {
        self.offending = Some(name);
        self
    }

    /// Puts a place in front of the place so far: `e.at("args[0]").at("where")` is `where.args[0]`.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn at(mut self, place: &str) -> Self {
        if self.path.is_empty() || self.path.starts_with('[') {
            self.path.insert_str(0, place);
        } else if !place.is_empty() {
            self.path = format!("{place}.{}", self.path);
        }
        self
    }

    /// Puts a place in a list in front of the place so far: `e.at_index("args", 0)` is `e.at("args[0]")`.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn at_index(self, list: &str, index: usize) -> Self {
        self.at(&format!("{list}[{index}]"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.path.is_empty() {
            write!(f, " (at {})", self.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// One candidate after another.
type Candidates<'f, 'a> = &'f mut dyn FnMut() -> Option<&'a str>;

/// The candidate with the smallest edit distance, if it is near enough to be a slip of the pen.
fn nearest(name: &str, candidates: Candidates<'_, '_>) -> Option<String> {
    let name = letters(name);
    let mut limit = (name.len() / 3).max(2) + 1;
    let mut nearest = None;
    while let Some(candidate) = candidates() {
        let distance = distance(&name, &letters(candidate));
        if distance < limit {
            limit = distance;
            nearest = Some(candidate.to_owned());
        }
    }
    nearest
}

/// The letters of a name that are compared, in lower case.
fn letters(name: &str) -> Vec<char> {
    name.chars().take(64).flat_map(char::to_lowercase).collect()
}

/// Edit distance with transposition of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut d = vec![0usize; (a.len() + 1) * width];
    for (j, cell) in d.iter_mut().take(width).enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        d[i * width] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (d[(i - 1) * width + j] + 1).min(d[i * width + j - 1] + 1).min(d[(i - 1) * width + j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(d[(i - 2) * width + j - 2] + 1);
            }
            d[i * width + j] = best;
        }
    }
    d[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposition_is_one_step() {
        let (a, b): (Vec<char>, Vec<char>) = ("statsu".chars().collect(), "status".chars().collect());
        assert_eq!(distance(&a, &b), 1);
    }

    #[test]
    fn a_far_name_is_not_suggested() {
        let mut names = ["status", "title"].into_iter();
        assert_eq!(nearest("zzzzzz", &mut || names.next()), None);
    }

    #[test]
    fn places_compose_from_the_inside_out() {
        let e = Error::new(ErrorCode::TypeMismatch, "x").at("[0]").at("args").at("where");
        assert_eq!(e.path, "where.args[0]");
    }
}
