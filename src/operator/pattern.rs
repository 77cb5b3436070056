//! Regular expressions in formulas: what a text has of a pattern that is known, or that another column holds.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::formula::{Datum, NULL, Outcome, truth};
use super::replacement::replaced;
use crate::query::Function;
use crate::regex::{Regex, Rules};
use crate::value::array::push;
use crate::value::{Cell, Element, Value};

/// A regular expression that is ready; equal if written equal.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    /// What is asked: whether it is found, or what is found.
    asks: Function,
    /// Of `RegexpReplace`.
    flags: Box<str>,
    regex: Rc<Regex>,
}

impl Pattern {
    pub(super) fn new(text: &str, asks: Function, flags: &str) -> Option<Self> {
        let regex = Regex::flagged(text, if asks == Function::MatchesFolded { "i" } else { flags }).ok()?;
        Some(Pattern { text: text.into(), asks, flags: flags.into(), regex: Rc::new(regex) })
    }

    pub(super) fn of(&self, text: &str) -> Datum<'static> {
        if let Some((rules, most)) = match self.asks {
            Function::RegexpMatch => Some((Rules::Longest, 1)),
            Function::RegexpMatches => Some((Rules::Longest, usize::MAX)),
            Function::ReFind => Some((Rules::First, 1)),
            Function::ReSeq => Some((Rules::First, usize::MAX)),
            _ => None,
        } {
            return self.groups(text, rules, most);
        }
        if self.asks == Function::RegexpSubstr {
            return self.regex.find(text).map_or(NULL, |found| Datum::Value(Value::Text(text[found].into())));
        }
        truth(Some(self.regex.is_match(text)))
    }

    pub(super) fn replaced(&self, text: &str, with: &str) -> Outcome<'static> {
        let made = replaced(&self.regex, self.flags.contains('g'), text, with)?;
        Ok(Datum::Value(Value::Text(made.into())))
    }

    /// Matches with their groups, one after another; null where the first is asked for and there is none.
    fn groups(&self, text: &str, rules: Rules, most: usize) -> Datum<'static> {
        let mut texts = Vec::new();
        let mut found = false;
        self.regex.each(text, rules, most, &mut |groups| {
            found = true;
            let whole = usize::from(rules == Rules::Longest && groups.len() > 1);
            for group in &groups[whole..] {
                push(group.clone().map_or(Cell::Null, |g| Cell::Text(&text[g])), &mut texts);
            }
        });
        if found || most > 1 { Datum::Value(Value::Array(Element::Text, texts.into())) } else { NULL }
    }
}

/// Functions of a text and a regular expression.
pub(super) const PATTERNED: [Function; 7] = [
    Function::Matches,
    Function::MatchesFolded,
    Function::RegexpSubstr,
    Function::RegexpMatch,
    Function::RegexpMatches,
    Function::ReFind,
    Function::ReSeq,
];

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.asks == other.asks && self.flags == other.flags
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.asks.hash(state);
        self.flags.hash(state);
    }
}

thread_local! {
    /// The pattern that a column had last: a parameter's is the same for all rows.
    static LAST: RefCell<Option<Pattern>> = const { RefCell::new(None) };
}

/// What a text has of the pattern that a column holds.
pub(super) fn patterned(asks: Function, text: &str, pattern: &str) -> Datum<'static> {
    last_pattern(asks, pattern, "", |p| p.of(text)).unwrap_or(NULL)
}

pub(super) fn last_pattern<T>(asks: Function, pattern: &str, flags: &str, f: impl FnOnce(&Pattern) -> T) -> Option<T> {
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|l| l.asks != asks || *l.text != *pattern || *l.flags != *flags) {
            *last = Pattern::new(pattern, asks, flags);
        }
        last.as_ref().map(f)
    })
}
