//! What the groups of a pattern match, once it is known where a match begins.
//!
//! Everything rests on one question: to which places a part leads from some others, forwards or backwards. A part that is followed by others
//! may end where these can go on to the end. With [`Rules::Longest`] the ways are chosen as PostgreSQL's `regexec.c` does ("dissection").

use std::ops::Range;

use super::Rules;
use super::matcher::Edge;
use super::parse::Node;
use super::set::equal_folded;
use crate::sort;

/// Numbers of characters, ascending, each once.
type Places = Vec<usize>;

/// A text, and what groups match in it. Places are numbers of characters.
pub(super) struct Groups {
    letters: Vec<char>,
    /// The byte at which each character begins, then the length.
    bytes: Vec<usize>,
    fold: bool,
    found: Vec<super::Group>,
}

/// Preferences of a part: bits.
const MORE: u8 = 1;
const LESS: u8 = 2;

impl Groups {
    pub(super) fn new(text: &str, fold: bool, groups: usize) -> Self {
        let bytes = text.char_indices().map(|c| c.0).chain([text.len()]).collect();
        Groups { letters: text.chars().collect(), bytes, fold, found: vec![None; groups + 1] }
    }

    /// The match that begins where the longest does, and its groups.
    pub(super) fn of(&mut self, tree: &Node, longest: Range<usize>, rules: Rules) -> &[super::Group] {
        let place = |byte| self.bytes.partition_point(|b| *b < byte);
        let (from, mut to) = (place(longest.start), place(longest.end));
        self.found.fill(None);
        match rules {
            Rules::Longest => self.dissect(tree, from, to),
            Rules::First => {
                let ends = self.reach(tree, &[from], false);
                to = self.first(tree, from, &ends);
            }
        }
        self.found[0] = Some(from..to);
        let bytes = &self.bytes;
        self.found.iter_mut().flatten().for_each(|r| *r = bytes[r.start]..bytes[r.end]);
        &self.found
    }

    /// The places that a part leads to; `back`: from which it leads to some.
    fn reach(&self, node: &Node, from: &[usize], back: bool) -> Places {
        match node {
            Node::Char(_) | Node::Any | Node::Set(_) => {
                let takes = |c: char| match node {
                    Node::Char(p) if self.fold => equal_folded(*p, c),
                    Node::Char(p) => *p == c,
                    Node::Set(set) => set.has(c, self.fold),
                    _ => true,
                };
                let next = |at: usize| if back { at.checked_sub(1) } else { Some(at) };
                let led = from.iter().filter_map(|at| next(*at).filter(|n| self.letters.get(*n).is_some_and(|c| takes(*c))));
                led.map(|n| if back { n } else { n + 1 }).collect()
            }
            Node::Look(look) => {
                let edge =
                    |at: usize| Edge { before: at.checked_sub(1).map(|b| self.letters[b]), next: self.letters.get(at).copied() };
                from.iter().copied().filter(|at| edge(*at).is(*look)).collect()
            }
            Node::Row(parts) => self.reach_row(parts, from, back),
            Node::Choice(branches) => union(branches.iter().flat_map(|b| self.reach(b, from, back)).collect()),
            Node::Group(_, inner) => self.reach(inner, from, back),
            Node::Repeat(inner, least, most) | Node::Few(inner, least, most) => {
                self.reach_times(inner, (*least, *most), from, back)
            }
        }
    }

    fn reach_row(&self, parts: &[Node], from: &[usize], back: bool) -> Places {
        let mut now = from.to_vec();
        for i in 0..parts.len() {
            now = self.reach(&parts[if back { parts.len() - 1 - i } else { i }], &now, back);
        }
        now
    }

    fn reach_times(&self, inner: &Node, (least, most): (u32, Option<u32>), from: &[usize], back: bool) -> Places {
        let mut now = from.to_vec();
        for _ in 0..least {
            let next = self.reach(inner, &now, back);
            if next == now {
                break;
            }
            now = next;
        }
        let mut all = now.clone();
        for _ in least..most.unwrap_or(u32::MAX) {
            now = self.reach(inner, &now, back);
            now.retain(|at| all.binary_search(at).is_err());
            if now.is_empty() {
                break;
            }
            all.extend(&now);
            all = union(all);
        }
        all
    }

    /// Follows the first way through a part to one of some places, of which it leads to one at least; where it ends.
    fn first(&mut self, node: &Node, from: usize, goal: &[usize]) -> usize {
        match node {
            Node::Char(_) | Node::Any | Node::Set(_) => from + 1,
            Node::Look(_) => from,
            Node::Group(number, inner) => {
                let to = self.first(inner, from, goal);
                self.found[*number] = Some(from..to);
                to
            }
            Node::Row(parts) => {
                let mut goals = vec![goal.to_vec()];
                for part in parts.iter().skip(1).rev() {
                    goals.push(self.reach(part, &goals[goals.len() - 1], true));
                }
                parts.iter().zip(goals.iter().rev()).fold(from, |at, (part, goal)| self.first(part, at, goal))
            }
            Node::Choice(branches) => {
                let leads = |b: &&Node| self.reach(b, &[from], false).iter().any(|at| goal.binary_search(at).is_ok());
                match branches.iter().find(leads) {
                    Some(branch) => self.first(branch, from, goal),
                    None => from,
                }
            }
            Node::Repeat(inner, least, most) | Node::Few(inner, least, most) => {
                let few = matches!(node, Node::Few(..));
                let (mut at, mut least, mut most) = (from, *least, *most);
                // From where what is left of the repetition leads to the goal; the same for ever once any number is left.
                let mut known: Option<Places> = None;
                loop {
                    if least == 0 && few && goal.binary_search(&at).is_ok() || most == Some(0) {
                        return at;
                    }
                    let left = (least.saturating_sub(1), most.map(|m| m - 1));
                    let rest = known.take().unwrap_or_else(|| self.reach_times(inner, left, goal, true));
                    let mut ends = self.reach(inner, &[at], false);
                    // Beyond what must be, nothing is no turn.
                    ends.retain(|end| (least > 0 || *end != at) && rest.binary_search(end).is_ok());
                    if ends.is_empty() {
                        return at;
                    }
                    known = (left == (0, None)).then_some(rest);
                    self.forget(inner);
                    at = self.first(inner, at, &ends);
                    (least, most) = left;
                }
            }
        }
    }

    /// What is kept of an earlier turn of a repetition.
    fn forget(&mut self, node: &Node) {
        match node {
            Node::Group(number, inner) => {
                self.found[*number] = None;
                self.forget(inner);
            }
            Node::Row(parts) | Node::Choice(parts) => parts.iter().for_each(|p| self.forget(p)),
            Node::Repeat(inner, ..) | Node::Few(inner, ..) => self.forget(inner),
            _ => {}
        }
    }

    /// What groups match of a part that matches from one place to another.
    fn dissect(&mut self, node: &Node, from: usize, to: usize) {
        match node {
            Node::Group(number, inner) => {
                self.found[*number] = Some(from..to);
                self.dissect(inner, from, to);
            }
            Node::Row(parts) if traits(node).1 => {
                let units = units(parts);
                let mut goals = vec![vec![to]];
                for unit in units.iter().skip(1).rev() {
                    goals.push(self.reach_row(&parts[unit.clone()], &goals[goals.len() - 1], true));
                }
                let mut at = from;
                for (unit, goal) in units.into_iter().zip(goals.iter().rev()) {
                    let unit = &parts[unit];
                    let shy = unit.iter().find_map(Node::is_shy) == Some(true);
                    let end = pick(self.reach_row(unit, &[at], false), goal, shy).unwrap_or(at);
                    if let [part] = unit {
                        self.dissect(part, at, end);
                    }
                    at = end;
                }
            }
            Node::Choice(branches) => {
                let whole = |b: &&Node| self.reach(b, &[from], false).binary_search(&to).is_ok();
                if let Some(branch) = branches.iter().find(whole) {
                    self.dissect(branch, from, to);
                }
            }
            Node::Repeat(inner, least, most) | Node::Few(inner, least, most) if traits(inner).1 && *most != Some(0) => {
                let shy = node.is_shy() == Some(true);
                if *least > 0 {
                    // The last turn is what counts: what is before is taken as a whole.
                    let left = (*least - 1, most.map(|m| m - 1));
                    let before = self.reach_times(inner, left, &[from], false);
                    let last = self.reach(inner, &[to], true);
                    let middle = pick(before, &last, shy).unwrap_or(from);
                    return self.dissect(inner, middle, to);
                }
                if from == to && inner.is_shy() != Some(true) && self.reach(inner, &[from], false).binary_search(&to).is_ok() {
                    return self.dissect(inner, from, to);
                }
                let shy = inner.is_shy() == Some(true);
                let (mut at, mut left) = (from, most.map(|m| m - 1));
                let mut known: Option<Places> = None;
                while at != to {
                    let rest = known.take().unwrap_or_else(|| self.reach_times(inner, (0, left), &[to], true));
                    let mut ends = self.reach(inner, &[at], false);
                    ends.retain(|end| *end > at);
                    let Some(end) = pick(ends, &rest, shy) else { return };
                    if end == to {
                        self.dissect(inner, at, end);
                    }
                    at = end;
                    known = left.is_none().then_some(rest);
                    left = left.map(|l| l.saturating_sub(1));
                }
            }
            _ => {}
        }
    }
}

/// The last of some places that is a goal, or the first.
fn pick(mut places: Places, goal: &[usize], first: bool) -> Option<usize> {
    places.retain(|at| goal.binary_search(at).is_ok());
    if first { places.first().copied() } else { places.last().copied() }
}

fn union(mut places: Places) -> Places {
    sort::by_number(&mut places, |p| *p as u32);
    places.dedup();
    places
}

/// The preferences of a part, and whether it is made of parts that are matched one by one: it keeps groups, or mixes preferences.
fn traits(node: &Node) -> (u8, bool) {
    let own = || match node.is_shy() {
        None => 0,
        Some(shy) => {
            if shy {
                LESS
            } else {
                MORE
            }
        }
    };
    match node {
        Node::Group(_, inner) => (traits(inner).0, true),
        Node::Row(parts) => match units(parts).len() {
            0 => (0, false),
            1 if !parts.iter().any(|p| traits(p).1) => (parts.iter().fold(0, |all, p| all | traits(p).0), false),
            _ => (own(), true),
        },
        Node::Choice(branches) => (MORE, branches.iter().any(|b| traits(b).1)),
        Node::Repeat(inner, least, most) | Node::Few(inner, least, most) => {
            let (of_inner, parted) = traits(inner);
            let all = of_inner | if Some(*least) == *most { 0 } else { own() };
            if parted || all == MORE | LESS { (own(), true) } else { (all, false) }
        }
        _ => (0, false),
    }
}

/// Parts that are matched as one: those that keep nothing and agree in what they prefer.
fn units(parts: &[Node]) -> Vec<Range<usize>> {
    let mut units: Vec<Range<usize>> = Vec::new();
    let mut run: Option<(usize, u8)> = None;
    for (i, part) in parts.iter().enumerate() {
        let (prefers, parted) = traits(part);
        let together = run.map_or(0, |r| r.1) | prefers;
        if parted || together == MORE | LESS {
            units.extend(run.take().map(|r| r.0..i));
            units.push(i..i + 1);
        } else {
            run = Some((run.map_or(i, |r| r.0), together));
        }
    }
    units.extend(run.map(|r| r.0..parts.len()));
    units
}
