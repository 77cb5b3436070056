//! Sets of characters, and their case.

/// A named class of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Alpha,
    Digit,
    Alnum,
    Upper,
    Lower,
    Space,
    Blank,
    Punct,
    Print,
    Graph,
    Cntrl,
    Xdigit,
    Ascii,
    Word,
}

impl Class {
    pub(super) fn named(name: &str) -> Option<Class> {
        Some(match name {
            "alpha" => Class::Alpha,
            "digit" => Class::Digit,
            "alnum" => Class::Alnum,
            "upper" => Class::Upper,
            "lower" => Class::Lower,
            "space" => Class::Space,
            "blank" => Class::Blank,
            "punct" => Class::Punct,
            "print" => Class::Print,
            "graph" => Class::Graph,
            "cntrl" => Class::Cntrl,
            "xdigit" => Class::Xdigit,
            "ascii" => Class::Ascii,
            "word" => Class::Word,
            _ => return None,
        })
    }

    /// `fold`: upper and lower are any letter.
    fn has(self, c: char, fold: bool) -> bool {
        match self {
            Class::Upper | Class::Lower | Class::Alpha if fold => c.is_alphabetic(),
            Class::Alpha => c.is_alphabetic(),
            Class::Digit => c.is_ascii_digit(),
            Class::Alnum => c.is_alphabetic() || c.is_ascii_digit(),
            Class::Upper => c.is_uppercase(),
            Class::Lower => c.is_lowercase(),
            Class::Space => c.is_whitespace(),
            Class::Blank => matches!(c, ' ' | '\t'),
            // Beyond ASCII there is no table of punctuation here: it is what is no letter, digit, blank or control character.
            Class::Punct => match c.is_ascii() {
                true => c.is_ascii_punctuation(),
                false => !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control(),
            },
            Class::Print => !c.is_control(),
            Class::Graph => !c.is_control() && !c.is_whitespace(),
            Class::Cntrl => c.is_control(),
            Class::Xdigit => c.is_ascii_hexdigit(),
            Class::Ascii => c.is_ascii(),
            Class::Word => is_word(c),
        }
    }
}

/// Whether a character is part of words.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_digit() || c.is_alphabetic()
}

/// A bracket expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    pub negated: bool,
    /// Both ends included.
    pub ranges: Vec<(char, char)>,
    /// And whether it is the rest that belongs to the set.
    pub classes: Vec<(Class, bool)>,
}

impl Set {
    pub(super) fn class(class: Class, negated: bool) -> Set {
        Set { negated, classes: vec![(class, false)], ..Set::default() }
    }

    pub(super) fn has(&self, c: char, fold: bool) -> bool {
        let within = |c: char| self.ranges.iter().any(|r| (r.0..=r.1).contains(&c));
        let found = within(c)
            || fold && [lower(c), upper(c)].into_iter().any(|other| within(other) && equal_folded(other, c))
            || self.classes.iter().any(|(class, rest)| class.has(c, fold) != *rest);
        found != self.negated
    }
}

/// Whether a text's character is matched by a pattern's when case does not count.
pub(super) fn equal_folded(pattern: char, c: char) -> bool {
    c == pattern || c == lower(pattern) || c == upper(pattern)
}

/// Lower case, if it is one character.
fn lower(c: char) -> char {
    match c {
        'İ' => 'i',
        _ => single(c.to_lowercase(), c),
    }
}

/// Upper case, if it is one character.
fn upper(c: char) -> char {
    single(c.to_uppercase(), c)
}

fn single(mut cased: impl Iterator<Item = char>, c: char) -> char {
    match (cased.next(), cased.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
