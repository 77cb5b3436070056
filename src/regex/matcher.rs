//! All ways through a program at once, character by character.

use super::parse::Look;
use super::program::{Program, Step};
use super::set::{equal_folded, is_word};

pub(super) fn is_match(program: &Program, text: &str) -> bool {
    if let Some(literal) = &program.literal {
        return text.contains(literal.as_str());
    }
    let mut now = Threads { program, seen: vec![0; program.steps.len()], round: 0, todo: Vec::new(), at: Vec::new() };
    let mut before = None;
    let mut letters = text.chars();
    let mut waiting: Vec<usize> = Vec::new();
    loop {
        let next = letters.next();
        // A match may begin anywhere.
        waiting.push(0);
        if now.enter(&waiting, Edge { before, next }) {
            return true;
        }
        let Some(c) = next else { return false };
        waiting.clear();
        for &at in &now.at {
            let takes = match &program.steps[at] {
                Step::Char(p) if program.fold => equal_folded(*p, c),
                Step::Char(p) => *p == c,
                Step::Any => true,
                Step::Set(set) => set.has(c, program.fold),
                _ => false,
            };
            if takes {
                waiting.push(at + 1);
            }
        }
        before = next;
    }
}

/// The characters on both sides of a place.
#[derive(Clone, Copy)]
struct Edge {
    before: Option<char>,
    next: Option<char>,
}

impl Edge {
    fn is(self, look: Look) -> bool {
        let (before, next) = (self.before.is_some_and(is_word), self.next.is_some_and(is_word));
        match look {
            Look::Start => self.before.is_none(),
            Look::End => self.next.is_none(),
            Look::WordStart => !before && next,
            Look::WordEnd => before && !next,
            Look::WordEdge => before != next,
            Look::NoWordEdge => before == next,
        }
    }
}

/// The instructions that wait for a character.
struct Threads<'a> {
    program: &'a Program,
    /// Round in which an instruction was last reached.
    seen: Vec<u32>,
    round: u32,
    todo: Vec<usize>,
    at: Vec<usize>,
}

impl Threads<'_> {
    /// Goes from some instructions to all that are reached without a character; whether that is the end of the pattern.
    fn enter(&mut self, from: &[usize], edge: Edge) -> bool {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.seen.fill(0);
            self.round = 1;
        }
        self.at.clear();
        self.todo.extend_from_slice(from);
        while let Some(at) = self.todo.pop() {
            if std::mem::replace(&mut self.seen[at], self.round) == self.round {
                continue;
            }
            match &self.program.steps[at] {
                Step::Found => return true,
                Step::Jump(to) => self.todo.push(*to),
                Step::Split(a, b) => self.todo.extend([*b, *a]),
                Step::Look(look) if edge.is(*look) => self.todo.push(at + 1),
                Step::Look(_) => {}
                _ => self.at.push(at),
            }
        }
        false
    }
}
