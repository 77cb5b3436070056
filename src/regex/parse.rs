//! A pattern's text to a tree.

use super::RegexError;
use super::set::{Class, Set};

/// Largest number in a bound, as in PostgreSQL.
const MAX_BOUND: u32 = 255;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 200;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Char(char),
    Any,
    Set(Set),
    Look(Look),
    /// One after another.
    Row(Vec<Node>),
    /// One of several.
    Choice(Vec<Node>),
    /// So many times; `None` = any number.
    Repeat(Box<Node>, u32, Option<u32>),
    /// The same, as few times as will do.
    Few(Box<Node>, u32, Option<u32>),
    /// What it matches is kept under a number, from 1.
    Group(usize, Box<Node>),
}

impl Node {
    /// Whether the whole takes as little as will do: as its first part with a preference says. Alternatives take what they can.
    ///
    /// Source: PostgreSQL, "Regular expression matching rules" (9.7.3.5).
    pub(super) fn is_shy(&self) -> Option<bool> {
        match self {
            Node::Row(parts) => parts.iter().find_map(Node::is_shy),
            Node::Choice(_) => Some(false),
            // So many times exactly: what is repeated says.
            Node::Repeat(inner, least, most) | Node::Few(inner, least, most) if Some(*least) == *most => inner.is_shy(),
            Node::Repeat(..) => Some(false),
            Node::Few(..) => Some(true),
            Node::Group(_, inner) => inner.is_shy(),
            _ => None,
        }
    }
}

/// A condition on a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Start,
    End,
    WordStart,
    WordEnd,
    WordEdge,
    NoWordEdge,
    LineStart,
    LineEnd,
}

/// The tree of a pattern, whether case counts, which the pattern itself may say, and the number of its groups.
pub(super) fn parse(pattern: &str, flags: &str) -> Result<(Node, bool, usize), RegexError> {
    let mut p = Parser { text: pattern.chars().collect(), ..Parser::default() };
    for letter in flags.chars() {
        p.option(letter);
    }
    if !p.quoted {
        p.prefix()?;
    } else if p.expanded || p.stops || p.lines {
        return p.fail("options that exclude each other");
    }
    let tree = if p.quoted { p.literal() } else { p.choice()? };
    match p.peek() {
        None => Ok((tree, p.fold, p.groups)),
        Some(_) => p.fail("`)` without `(`"),
    }
}

#[derive(Default)]
struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
    groups: usize,
    /// Case does not count.
    fold: bool,
    /// Blanks and comments stand for nothing.
    expanded: bool,
    /// `.` and what is not in brackets are no ends of lines.
    stops: bool,
    /// `^` and `$` are about lines.
    lines: bool,
    /// The pattern stands for itself.
    quoted: bool,
}

type Parsed<T> = Result<T, RegexError>;

impl Parser {
    fn fail<T>(&self, message: &'static str) -> Parsed<T> {
        Err(RegexError { at: self.at, message })
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = text.chars().enumerate().all(|(i, c)| self.text.get(self.at + i) == Some(&c));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// What is in front: `***=` or `***:`, and options such as `(?i)`.
    fn prefix(&mut self) -> Parsed<()> {
        if self.eat("***=") {
            self.quote();
            return Ok(());
        }
        self.eat("***:");
        let letter = self.text.get(self.at + 2).is_some_and(char::is_ascii_alphabetic);
        if !letter || !self.eat("(?") {
            return Ok(());
        }
        while !self.eat(")") {
            if !self.peek().is_some_and(|c| self.option(c)) {
                return self.fail("this option is not supported");
            }
            self.at += 1;
        }
        if self.quoted {
            self.quote();
        }
        Ok(())
    }

    /// Takes an option; false if there is none of this letter.
    fn option(&mut self, letter: char) -> bool {
        match letter {
            'i' => self.fold = true,
            'c' => self.fold = false,
            'm' | 'n' => (self.stops, self.lines) = (true, true),
            'p' => (self.stops, self.lines) = (true, false),
            'w' => (self.stops, self.lines) = (false, true),
            's' => (self.stops, self.lines) = (false, false),
            'x' => self.expanded = true,
            't' => self.expanded = false,
            'q' => self.quoted = true,
            _ => return false,
        }
        true
    }

    fn quote(&mut self) {
        (self.quoted, self.expanded, self.stops, self.lines) = (true, false, false, false);
    }

    /// The rest, as it stands.
    fn literal(&mut self) -> Node {
        let mut parts: Vec<Node> = self.text.drain(self.at..).map(Node::Char).collect();
        if parts.len() == 1 { parts.remove(0) } else { Node::Row(parts) }
    }

    /// Passes blanks, and comments up to the end of a line, where they stand for nothing.
    fn blanks(&mut self) {
        let mut comment = false;
        while let Some(c) = self.peek().filter(|c| self.expanded && (comment || c.is_whitespace() || *c == '#')) {
            comment = c != '\n' && (comment || c == '#');
            self.at += 1;
        }
    }

    /// Passes what stands for nothing.
    fn skip(&mut self) {
        self.blanks();
        while self.eat("(?#") {
            while self.next().is_some_and(|c| c != ')') {}
            self.blanks();
        }
    }

    fn choice(&mut self) -> Parsed<Node> {
        let mut branches = vec![self.row()?];
        while self.eat("|") {
            branches.push(self.row()?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Choice(branches) })
    }

    fn row(&mut self) -> Parsed<Node> {
        let mut parts = Vec::new();
        loop {
            self.skip();
            if matches!(self.peek(), None | Some('|' | ')')) {
                break;
            }
            let atom = self.atom()?;
            parts.push(if matches!(atom, Node::Look(_)) { atom } else { self.quantified(atom)? });
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Row(parts) })
    }

    fn quantified(&mut self, atom: Node) -> Parsed<Node> {
        self.skip();
        let bounds = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') if self.text.get(self.at + 1).is_some_and(char::is_ascii_digit) => self.bounds()?,
            _ => return Ok(atom),
        };
        self.at += 1;
        let few = self.eat("?");
        self.skip();
        let bound = self.peek() == Some('{') && self.text.get(self.at + 1).is_some_and(char::is_ascii_digit);
        if bound || matches!(self.peek(), Some('*' | '+' | '?')) {
            return self.fail("a quantifier behind a quantifier");
        }
        let repeat = if few { Node::Few } else { Node::Repeat };
        Ok(repeat(Box::new(atom), bounds.0, bounds.1))
    }

    /// `{m}`, `{m,}`, `{m,n}`, up to the closing brace.
    fn bounds(&mut self) -> Parsed<(u32, Option<u32>)> {
        self.at += 1;
        let least = self.number()?;
        let mut most = Some(least);
        if self.eat(",") {
            self.blanks();
            most = if self.peek() == Some('}') { None } else { Some(self.number()?) };
        }
        if self.peek() != Some('}') || most.is_some_and(|m| m < least) {
            return self.fail("no bounds of a repetition");
        }
        Ok((least, most))
    }

    fn number(&mut self) -> Parsed<u32> {
        let mut value = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            value = Some(value.unwrap_or(0) * 10 + digit);
            if value > Some(MAX_BOUND) {
                return self.fail("bounds go up to 255");
            }
            self.at += 1;
            self.blanks();
        }
        match value {
            Some(value) => Ok(value),
            None => self.fail("a number is expected"),
        }
    }

    fn atom(&mut self) -> Parsed<Node> {
        match self.next() {
            Some('.') if self.stops => Ok(Node::Set(Set { negated: true, ranges: vec![('\n', '\n')], ..Set::default() })),
            Some('.') => Ok(Node::Any),
            Some('^') => Ok(Node::Look(if self.lines { Look::LineStart } else { Look::Start })),
            Some('$') => Ok(Node::Look(if self.lines { Look::LineEnd } else { Look::End })),
            Some('[') if self.eat("[:<:]]") => Ok(Node::Look(Look::WordStart)),
            Some('[') if self.eat("[:>:]]") => Ok(Node::Look(Look::WordEnd)),
            Some('[') => self.bracket().map(Node::Set),
            Some('(') => self.group(),
            Some('\\') => self.escape(),
            Some('*' | '+' | '?') => {
                self.at -= 1;
                self.fail("a quantifier with nothing to repeat")
            }
            Some('{') if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.at -= 1;
                self.fail("a quantifier with nothing to repeat")
            }
            Some(c) => Ok(Node::Char(c)),
            None => self.fail("a part of the pattern is expected"),
        }
    }

    fn group(&mut self) -> Parsed<Node> {
        let kept = !self.eat("?:");
        if kept && self.peek() == Some('?') {
            return self.fail("look-around is not supported");
        }
        self.groups += usize::from(kept);
        let number = self.groups;
        if self.depth == MAX_DEPTH {
            return self.fail("groups are nested too deeply");
        }
        self.depth += 1;
        let inner = self.choice()?;
        self.depth -= 1;
        if !self.eat(")") {
            return self.fail("`)` is missing");
        }
        if kept {
            return Ok(Node::Group(number, Box::new(inner)));
        }
        // A group is a part of its own, which a quantifier may follow even where it is a condition.
        Ok(if matches!(inner, Node::Look(_)) { Node::Row(vec![inner]) } else { inner })
    }

    /// What is behind a backslash.
    fn escape(&mut self) -> Parsed<Node> {
        let look = match self.peek() {
            Some('A') => Look::Start,
            Some('Z') => Look::End,
            Some('m') => Look::WordStart,
            Some('M') => Look::WordEnd,
            Some('y') => Look::WordEdge,
            Some('Y') => Look::NoWordEdge,
            Some('1'..='9') => return self.fail("back references are not supported"),
            Some(c) => match class_of(c) {
                Some((class, negated)) => {
                    self.at += 1;
                    return Ok(Node::Set(Set::class(class, negated)));
                }
                None => return self.character().map(Node::Char),
            },
            None => return self.fail("nothing behind a backslash"),
        };
        self.at += 1;
        Ok(Node::Look(look))
    }

    /// A character written as an escape, from behind the backslash.
    fn character(&mut self) -> Parsed<char> {
        let Some(c) = self.next() else { return self.fail("nothing behind a backslash") };
        Ok(match c {
            'a' => '\x07',
            'b' => '\x08',
            'B' => '\\',
            'e' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'c' => match self.next() {
                Some(c) => char::from((c as u32 & 31) as u8),
                None => return self.fail("nothing behind `\\c`"),
            },
            'u' => self.code(16, 4, 4)?,
            'U' => self.code(16, 8, 8)?,
            'x' => self.code(16, 1, 255)?,
            '0' => {
                self.at -= 1;
                self.code(8, 1, 3)?
            }
            c if c.is_alphanumeric() => {
                self.at -= 1;
                return self.fail("an escape that is not known");
            }
            c => c,
        })
    }

    /// The character of a number of so many digits.
    fn code(&mut self, radix: u32, least: usize, most: usize) -> Parsed<char> {
        let (from, mut value) = (self.at, 0u32);
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)).filter(|_| self.at - from < most) {
            value = value.saturating_mul(radix).saturating_add(digit);
            self.at += 1;
        }
        match char::from_u32(value).filter(|_| self.at - from >= least) {
            Some(c) => Ok(c),
            None => self.fail("no number of a character"),
        }
    }

    /// A bracket expression, from behind its bracket.
    fn bracket(&mut self) -> Parsed<Set> {
        let mut set = Set { negated: self.eat("^"), ..Set::default() };
        if set.negated && self.stops {
            set.ranges.push(('\n', '\n'));
        }
        let from = self.at;
        loop {
            if self.peek() == Some(']') && self.at > from {
                self.at += 1;
                return Ok(set);
            }
            let Some(low) = self.member(&mut set)? else { continue };
            if self.peek() != Some('-') || self.text.get(self.at + 1) == Some(&']') {
                set.ranges.push((low, low));
                continue;
            }
            self.at += 1;
            match self.member(&mut set)? {
                Some(high) if low <= high => set.ranges.push((low, high)),
                _ => return self.fail("no range of characters"),
            }
            if self.peek() == Some('-') && self.text.get(self.at + 1) != Some(&']') {
                return self.fail("a range behind a range");
            }
        }
    }

    /// A character of a bracket expression; none if it was a class, which goes into the set.
    fn member(&mut self, set: &mut Set) -> Parsed<Option<char>> {
        if self.eat("[:") {
            let name = self.until(":]")?;
            match Class::named(&name) {
                Some(class) => set.classes.push((class, false)),
                None => return self.fail("a class that is not known"),
            }
            return Ok(None);
        }
        for (open, close) in [("[.", ".]"), ("[=", "=]")] {
            if self.eat(open) {
                let name = self.until(close)?;
                let mut letters = name.chars();
                return match (letters.next(), letters.next()) {
                    (Some(c), None) => Ok(Some(c)),
                    _ => self.fail("a name of a character is not supported"),
                };
            }
        }
        match self.next() {
            None => self.fail("`]` is missing"),
            Some('\\') => match self.peek().and_then(class_of) {
                Some(class) => {
                    self.at += 1;
                    set.classes.push(class);
                    Ok(None)
                }
                None => self.character().map(Some),
            },
            Some(c) => Ok(Some(c)),
        }
    }

    /// The text up to a mark, which is passed.
    fn until(&mut self, mark: &str) -> Parsed<String> {
        let mut name = String::new();
        while !self.eat(mark) {
            match self.next() {
                Some(c) => name.push(c),
                None => return self.fail("`]` is missing"),
            }
        }
        Ok(name)
    }
}

/// The class of an escape, and whether it is the rest.
fn class_of(c: char) -> Option<(Class, bool)> {
    Some(match c {
        'd' => (Class::Digit, false),
        'D' => (Class::Digit, true),
        'w' => (Class::Word, false),
        'W' => (Class::Word, true),
        's' => (Class::Space, false),
        'S' => (Class::Space, true),
        _ => return None,
    })
}
