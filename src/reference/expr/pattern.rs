//! Regular expressions by the set of places where each part can end: no automaton, no program.

use std::collections::BTreeSet;

/// Whether a pattern that `bind` has let pass is found in a text.
pub(super) fn is_found(pattern: &str, text: &str, folded: bool) -> bool {
    let (part, place) = read(pattern, text, if folded { "i" } else { "" });
    (0..=place.text.len()).any(|at| !part.ends(&place, at).is_empty())
}

/// What it matches first.
pub(super) fn first_in(pattern: &str, text: &str) -> Option<String> {
    let (part, place) = read(pattern, text, "");
    for from in 0..=place.text.len() {
        let ends = part.ends(&place, from);
        if let Some(end) = if part.prefers() == Prefers::Less { ends.first() } else { ends.last() } {
            return Some(place.text[from..*end].iter().collect());
        }
    }
    None
}

pub(super) fn read(pattern: &str, text: &str, flags: &str) -> (Part, Place) {
    let mut reader = Reader { rest: pattern.chars().rev().collect(), ..Reader::default() };
    flags.chars().for_each(|f| reader.option(f));
    let literal = reader.loose == Loose::Literal || reader.take("***=");
    if !literal {
        reader.take("***:");
        reader.options();
    }
    if literal || reader.loose == Loose::Literal {
        let rest: Vec<char> = reader.rest.drain(..).rev().collect();
        let one = |c: char| Part::One(Box::new(move |d| c == d), false);
        let part = Part::Row(rest.into_iter().map(one).collect());
        return (part, Place { text: text.chars().collect(), folded: reader.folded });
    }
    reader.strip();
    let part = reader.choice();
    (part, Place { text: text.chars().collect(), folded: reader.folded })
}

/// Of several matches at one place.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Prefers {
    Nothing,
    More,
    Less,
}

type Test = Box<dyn Fn(char) -> bool>;
type Edge = fn(Option<char>, Option<char>) -> bool;
type Class = fn(char) -> bool;

pub(super) enum Part {
    /// One character that passes a test of it, or of its other case.
    One(Test, bool),
    /// The same text wherever it is: conditions on the characters before and behind.
    Look(Edge),
    Row(Vec<Part>),
    Choice(Vec<Part>),
    Repeat(Box<Part>, usize, usize, Prefers),
    /// What it matches is kept.
    Group(usize, Box<Part>),
}

pub(super) struct Place {
    pub text: Vec<char>,
    folded: bool,
}

impl Part {
    /// Where a match that begins at a place can end.
    pub fn ends(&self, place: &Place, at: usize) -> BTreeSet<usize> {
        let next = place.text.get(at).copied();
        match self {
            Part::One(test, negated) => {
                let passes = next.is_some_and(|c| cases(c, place.folded).into_iter().any(test) != *negated);
                passes.then_some(at + 1).into_iter().collect()
            }
            Part::Look(condition) => {
                let before = at.checked_sub(1).map(|b| place.text[b]);
                condition(before, next).then_some(at).into_iter().collect()
            }
            Part::Row(parts) => parts.iter().fold(BTreeSet::from([at]), |from, part| part.step(place, &from)),
            Part::Choice(parts) => parts.iter().flat_map(|p| p.ends(place, at)).collect(),
            Part::Repeat(part, least, most, _) => part.times(place, at, *least, *most),
            Part::Group(_, part) => part.ends(place, at),
        }
    }

    /// Where so many turns of it can end.
    pub fn times(&self, place: &Place, at: usize, least: usize, most: usize) -> BTreeSet<usize> {
        let mut now = BTreeSet::from([at]);
        let mut all = BTreeSet::new();
        for n in 0..=most {
            if n >= least && !now.iter().any(|e| !all.contains(e)) || now.is_empty() {
                break;
            }
            if n >= least {
                all.extend(now.iter().copied());
            }
            now = self.step(place, &now);
        }
        all
    }

    pub fn prefers(&self) -> Prefers {
        match self {
            Part::One(..) | Part::Look(_) => Prefers::Nothing,
            Part::Row(parts) => parts.iter().map(Part::prefers).find(|p| *p != Prefers::Nothing).unwrap_or(Prefers::Nothing),
            Part::Choice(parts) if parts.len() == 1 => parts[0].prefers(),
            Part::Choice(_) => Prefers::More,
            Part::Repeat(part, least, most, _) if least == most => part.prefers(),
            Part::Repeat(.., own) => *own,
            Part::Group(_, part) => part.prefers(),
        }
    }

    pub fn step(&self, place: &Place, from: &BTreeSet<usize>) -> BTreeSet<usize> {
        from.iter().flat_map(|at| self.ends(place, *at)).collect()
    }
}

/// A character, and when case does not count those that have it as their other case.
fn cases(c: char, folded: bool) -> Vec<char> {
    let mut out = vec![c];
    let changed = [c.to_lowercase().collect::<String>(), c.to_uppercase().collect::<String>()];
    for other in changed.iter().filter(|t| folded && t.chars().count() == 1).flat_map(|t| t.chars()) {
        let back = other.to_lowercase().to_string() == c.to_string() || other.to_uppercase().to_string() == c.to_string();
        if back {
            out.push(other);
        }
    }
    out
}

/// What blanks are in a pattern.
#[derive(Clone, Copy, Default, PartialEq)]
enum Loose {
    #[default]
    Tight,
    Nothing,
    /// The pattern is a text.
    Literal,
}

#[derive(Default)]
struct Reader {
    rest: Vec<char>,
    folded: bool,
    groups: usize,
    loose: Loose,
    /// What is any character is not the end of a line.
    within: bool,
    /// Conditions on the whole text are on its lines.
    lines: bool,
}

fn word(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_ascii_digit()
}

fn at_word(c: Option<char>) -> bool {
    c.is_some_and(word)
}

impl Reader {
    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.rest.len() > i && self.rest[self.rest.len() - 1 - i] == c)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.starts(text);
        if found {
            self.rest.truncate(self.rest.len() - text.chars().count());
        }
        found
    }

    fn one(&mut self) -> char {
        self.rest.pop().expect("bind has read this pattern")
    }

    fn options(&mut self) {
        if self.starts("(?") && self.rest.len() > 2 && self.rest[self.rest.len() - 3].is_ascii_alphabetic() {
            while !self.take(")") {
                let option = self.one();
                self.option(option);
            }
        }
    }

    fn option(&mut self, letter: char) {
        match letter {
            'i' => self.folded = true,
            'c' => self.folded = false,
            'q' => self.loose = Loose::Literal,
            'x' if self.loose == Loose::Tight => self.loose = Loose::Nothing,
            't' if self.loose == Loose::Nothing => self.loose = Loose::Tight,
            _ => {}
        }
        if let Some(n) = "snmpw".find(letter) {
            (self.within, self.lines) = ((1..=3).contains(&n), n > 0 && n != 3);
        }
    }

    /// Leaves out what says nothing.
    fn strip(&mut self) {
        let mut kept = Vec::new();
        while !self.rest.is_empty() {
            if self.take("(?#") {
                while !self.rest.is_empty() && !self.take(")") {
                    self.one();
                }
            } else if self.take("\\") {
                kept.extend(['\\', self.one()]);
            } else if self.take("[") {
                // Up to a bracket that is neither the first nor of a name.
                kept.push('[');
                kept.extend(self.take("^").then_some('^'));
                let mut first = true;
                let mut named = None;
                loop {
                    let c = self.one();
                    kept.push(c);
                    match c {
                        ']' if !first && named.is_none() => break,
                        '\\' => kept.push(self.one()),
                        '[' if [":", ".", "="].iter().any(|k| self.starts(k)) => {
                            named = self.rest.last().copied();
                            kept.push(self.one());
                        }
                        c if Some(c) == named && self.starts("]") => {
                            kept.push(self.one());
                            named = None;
                        }
                        _ => {}
                    }
                    first = false;
                }
            } else {
                match self.one() {
                    c if self.loose == Loose::Nothing && c.is_whitespace() => {}
                    '#' if self.loose == Loose::Nothing => {
                        while !self.rest.is_empty() && !self.take("\n") {
                            self.one();
                        }
                    }
                    c => kept.push(c),
                }
            }
        }
        self.rest = kept.into_iter().rev().collect();
    }

    fn choice(&mut self) -> Part {
        let mut all = vec![self.row()];
        while self.take("|") {
            all.push(self.row());
        }
        Part::Choice(all)
    }

    fn row(&mut self) -> Part {
        let mut parts = Vec::new();
        while !self.rest.is_empty() && !self.starts("|") && !self.starts(")") {
            let part = self.part();
            let bounds = if self.take("*") {
                Some((0, usize::MAX))
            } else if self.take("+") {
                Some((1, usize::MAX))
            } else if self.take("?") {
                Some((0, 1))
            } else if self.starts("{") && self.rest.len() > 1 && self.rest[self.rest.len() - 2].is_ascii_digit() {
                self.one();
                let mut text = String::new();
                while !self.take("}") {
                    text.push(self.one());
                }
                let (least, most) = text.split_once(',').unwrap_or((&text, &text));
                Some((least.parse().expect("a bound"), most.parse().unwrap_or(usize::MAX)))
            } else {
                None
            };
            parts.push(match bounds {
                Some((least, most)) => {
                    let own = if self.take("?") { Prefers::Less } else { Prefers::More };
                    Part::Repeat(Box::new(part), least, most, own)
                }
                None => part,
            });
        }
        Part::Row(parts)
    }

    fn part(&mut self) -> Part {
        let edges: [(&str, Edge); 10] = [
            ("^", |before, _| before.is_none()),
            ("\\A", |before, _| before.is_none()),
            ("$", |_, next| next.is_none()),
            ("\\Z", |_, next| next.is_none()),
            ("\\m", |before, next| !at_word(before) && at_word(next)),
            ("[[:<:]]", |before, next| !at_word(before) && at_word(next)),
            ("\\M", |before, next| at_word(before) && !at_word(next)),
            ("[[:>:]]", |before, next| at_word(before) && !at_word(next)),
            ("\\y", |before, next| at_word(before) != at_word(next)),
            ("\\Y", |before, next| at_word(before) == at_word(next)),
        ];
        let lines: [(&str, Edge); 2] =
            [("^", |before, _| before.is_none_or(|c| c == '\n')), ("$", |_, next| next.is_none_or(|c| c == '\n'))];
        if let Some((_, look)) = lines.into_iter().find(|(text, _)| self.lines && self.take(text)) {
            return Part::Look(look);
        }
        if let Some((_, look)) = edges.into_iter().find(|(text, _)| self.take(text)) {
            return Part::Look(look);
        }
        if self.take("(") {
            let kept = !self.take("?:");
            self.groups += usize::from(kept);
            let number = self.groups;
            let inner = self.choice();
            assert!(self.take(")"), "bind has read this pattern");
            return if kept { Part::Group(number, Box::new(inner)) } else { inner };
        }
        if self.take("[") {
            return self.bracket();
        }
        if self.take(".") {
            let within = self.within;
            return Part::One(Box::new(move |c| !(within && c == '\n')), false);
        }
        match self.one() {
            '\\' => self.escape(),
            c => Part::One(Box::new(move |d| c == d), false),
        }
    }

    fn class(&mut self) -> Option<Test> {
        let all: [(&str, Test); 6] = [
            ("d", Box::new(|c| c.is_ascii_digit())),
            ("D", Box::new(|c| !c.is_ascii_digit())),
            ("w", Box::new(word)),
            ("W", Box::new(|c| !word(c))),
            ("s", Box::new(char::is_whitespace)),
            ("S", Box::new(|c| !c.is_whitespace())),
        ];
        for (name, test) in all {
            if self.take(name) {
                return Some(test);
            }
        }
        None
    }

    fn escape(&mut self) -> Part {
        match self.class() {
            Some(test) => Part::One(test, false),
            None => {
                let c = self.escaped();
                Part::One(Box::new(move |d| c == d), false)
            }
        }
    }

    fn escaped(&mut self) -> char {
        let code = |reader: &mut Reader, radix: u32, most: usize| {
            let mut text = String::new();
            while text.len() < most && reader.rest.last().is_some_and(|c| c.is_digit(radix)) {
                text.push(reader.one());
            }
            u32::from_str_radix(&text, radix).ok().and_then(char::from_u32).expect("bind has read this pattern")
        };
        match self.one() {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'B' => '\\',
            'c' => char::from_u32(u32::from(self.one()) % 32).expect("a control character"),
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'u' => code(self, 16, 4),
            'U' => code(self, 16, 8),
            'x' => code(self, 16, 255),
            '0' => {
                self.rest.push('0');
                code(self, 8, 3)
            }
            c => c,
        }
    }

    fn bracket(&mut self) -> Part {
        let negated = self.take("^");
        let mut tests: Vec<Test> = Vec::new();
        if negated && self.within {
            tests.push(Box::new(|c| c == '\n'));
        }
        let mut first = true;
        while first || !self.take("]") {
            first = false;
            let named: [(&str, Class); 6] = [
                ("[:alpha:]", char::is_alphabetic),
                ("[:digit:]", |c| c.is_ascii_digit()),
                ("[:alnum:]", |c| c.is_alphabetic() || c.is_ascii_digit()),
                ("[:space:]", char::is_whitespace),
                ("[:upper:]", char::is_uppercase),
                ("[:lower:]", char::is_lowercase),
            ];
            if let Some((name, class)) = named.into_iter().find(|(name, _)| self.take(name)) {
                let cased = name.contains("upper") || name.contains("lower");
                tests.push(if cased && self.folded { Box::new(char::is_alphabetic) } else { Box::new(class) });
                continue;
            }
            if self.take("\\") {
                if let Some(test) = self.class() {
                    tests.push(test);
                    continue;
                }
                self.rest.push('\\');
            }
            let low = self.member();
            let mut high = low;
            if self.starts("-") && !self.starts("-]") {
                self.one();
                high = self.member();
            }
            tests.push(Box::new(move |c| low <= c && c <= high));
        }
        Part::One(Box::new(move |c| tests.iter().any(|t| t(c))), negated)
    }

    fn member(&mut self) -> char {
        match self.one() {
            '\\' => self.escaped(),
            '[' if self.starts(".") || self.starts("=") => {
                self.one();
                let c = self.one();
                self.one();
                self.one();
                c
            }
            c => c,
        }
    }
}
