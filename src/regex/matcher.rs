//! All ways through a program at once, character by character.

use std::ops::Range;

use super::parse::Look;
use super::program::{Program, Step};
use super::set::{equal_folded, is_word};

/// The first match that begins earliest, at or behind a place; `any`: whichever is seen first.
pub(super) fn run(program: &Program, text: &str, start: usize, any: bool) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    if let Some(literal) = &program.literal {
        return rest.find(literal.as_str()).map(|at| start + at..start + at + literal.len());
    }
    let mut now = Threads { program, seen: vec![0; program.steps.len()], round: 0, todo: Vec::new(), at: Vec::new() };
    let mut before = text[..start].chars().next_back();
    let mut letters = rest.char_indices();
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    let mut best: Option<Range<usize>> = None;
    loop {
        let (place, next) = letters.next().map_or((text.len(), None), |(place, c)| (start + place, Some(c)));
        // A match may begin anywhere, until one has.
        if best.is_none() {
            waiting.push((0, place));
        }
        if let Some(from) = now.enter(&waiting, Edge { before, next }) {
            best = Some(from..place);
            if any {
                return best;
            }
        }
        waiting.clear();
        let Some(c) = next else { return best };
        for &(at, from) in &now.at {
            // Only what begins before it, or goes on where more is better, can take the place of a match.
            if best.as_ref().is_some_and(|b| from > b.start || (from == b.start && program.shy)) {
                continue;
            }
            let takes = match &program.steps[at] {
                Step::Char(p) if program.fold => equal_folded(*p, c),
                Step::Char(p) => *p == c,
                Step::Any => true,
                Step::Set(set) => set.has(c, program.fold),
                _ => false,
            };
            if takes {
                waiting.push((at + 1, from));
            }
        }
        if waiting.is_empty() && best.is_some() {
            return best;
        }
        before = next;
    }
}

/// The characters on both sides of a place.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub before: Option<char>,
    pub next: Option<char>,
}

impl Edge {
    pub(super) fn is(self, look: Look) -> bool {
        let (before, next) = (self.before.is_some_and(is_word), self.next.is_some_and(is_word));
        match look {
            Look::Start => self.before.is_none(),
            Look::End => self.next.is_none(),
            Look::WordStart => !before && next,
            Look::WordEnd => before && !next,
            Look::WordEdge => before != next,
            Look::NoWordEdge => before == next,
            Look::LineStart => self.before.is_none_or(|c| c == '\n'),
            Look::LineEnd => self.next.is_none_or(|c| c == '\n'),
        }
    }
}

/// The instructions that wait for a character, each with where its match begins; earlier ones first.
struct Threads<'a> {
    program: &'a Program,
    /// Round in which an instruction was last reached.
    seen: Vec<u32>,
    round: u32,
    todo: Vec<usize>,
    at: Vec<(usize, usize)>,
}

impl Threads<'_> {
    /// Goes from some instructions to all that are reached without a character; where the earliest match begins that ends here.
    fn enter(&mut self, waiting: &[(usize, usize)], edge: Edge) -> Option<usize> {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.seen.fill(0);
            self.round = 1;
        }
        self.at.clear();
        let mut found = None;
        for &(first, from) in waiting {
            self.todo.push(first);
            while let Some(at) = self.todo.pop() {
                if std::mem::replace(&mut self.seen[at], self.round) == self.round {
                    continue;
                }
                match &self.program.steps[at] {
                    Step::Found => found = found.or(Some(from)),
                    Step::Jump(to) => self.todo.push(*to),
                    Step::Split(a, b) => self.todo.extend([*b, *a]),
                    Step::Look(look) if edge.is(*look) => self.todo.push(at + 1),
                    Step::Look(_) => {}
                    _ => self.at.push((at, from)),
                }
            }
        }
        found
    }
}
