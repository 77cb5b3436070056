//! What groups of regular expressions match, by trying: every way in turn, or every end of every part.

use super::array::texts;
use super::pattern::{Part, Place, Prefers, read};
use crate::value::Value;

/// From where to where a match and its groups go.
type Kept = Vec<Option<(usize, usize)>>;
type Then<'a> = &'a mut dyn FnMut(usize, &Kept) -> bool;
type Found = (Place, Vec<Kept>);

/// Matches as one list of texts; of `one` the first, null if there is none; with `inner` groups take the place of the whole.
pub(super) fn listed((place, found): Found, one: bool, inner: bool) -> Value {
    if one && found.is_empty() {
        return Value::Null;
    }
    let mut list = Vec::new();
    for kept in found.iter().take(if one { 1 } else { usize::MAX }) {
        let whole = usize::from(inner && kept.len() > 1);
        let text =
            |k: &Option<(usize, usize)>| k.map_or(Value::Null, |(a, b)| Value::text(place.text[a..b].iter().collect::<String>()));
        list.extend(kept[whole..].iter().map(text));
    }
    texts(&list)
}

/// The text with other text in the place of the first match, or of all.
pub(super) fn replaced((place, found): Found, all: bool, with: &str) -> String {
    let text = |(a, b): (usize, usize)| place.text[a..b].iter().collect::<String>();
    let with: Vec<char> = with.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    for kept in found.iter().take(if all { usize::MAX } else { 1 }) {
        let whole = kept[0].expect("a match");
        out += &text((at, whole.0));
        at = whole.1;
        let mut i = 0;
        while i < with.len() {
            let next = with.get(i + 1).copied().filter(|_| with[i] == '\\');
            i += 2;
            match next {
                Some('&') => out += &text(whole),
                Some('\\') => out.push('\\'),
                Some(digit @ '1'..='9') => {
                    let group = kept.get(digit as usize - '0' as usize).copied().flatten();
                    out += &group.map_or_else(String::new, text);
                }
                _ => {
                    i -= 1;
                    out.push(with[i - 1]);
                }
            }
        }
    }
    out + &text((at, place.text.len()))
}

/// All matches as Perl chooses them.
pub(super) fn first(pattern: &str, text: &str) -> Found {
    all(pattern, text, "", &|part, place, from, kept| {
        let mut found = None;
        part.ways(place, from, kept, &mut |end, kept| {
            found = Some((end, kept.clone()));
            true
        });
        found
    })
}

/// All matches as PostgreSQL chooses them.
pub(super) fn longest(pattern: &str, text: &str, flags: &str) -> Found {
    all(pattern, text, flags, &|part, place, from, kept| {
        let ends = part.ends(place, from);
        let end = *if part.prefers() == Prefers::Less { ends.first() } else { ends.last() }?;
        let mut kept = kept.clone();
        part.split(place, from, end, &mut kept);
        Some((end, kept))
    })
}

type Match<'a> = &'a dyn Fn(&Part, &Place, usize, &Kept) -> Option<(usize, Kept)>;

fn all(pattern: &str, text: &str, flags: &str, at: Match<'_>) -> Found {
    let (part, place) = read(pattern, text, flags);
    let none = vec![None; 1 + part.groups().len()];
    let mut found = Vec::new();
    let mut from = 0;
    while from <= place.text.len() {
        match at(&part, &place, from, &none) {
            None => from += 1,
            Some((end, mut kept)) => {
                kept[0] = Some((from, end));
                found.push(kept);
                from = end.max(from) + usize::from(end == from);
            }
        }
    }
    (place, found)
}

impl Part {
    /// The numbers of the groups in it.
    fn groups(&self) -> Vec<usize> {
        match self {
            Part::One(..) | Part::Look(_) => Vec::new(),
            Part::Row(parts) | Part::Choice(parts) => parts.iter().flat_map(Part::groups).collect(),
            Part::Repeat(part, ..) => part.groups(),
            Part::Group(n, part) => [vec![*n], part.groups()].concat(),
        }
    }

    /// Tries one way after the other until one is taken.
    fn ways(&self, place: &Place, at: usize, kept: &Kept, then: Then<'_>) -> bool {
        match self {
            Part::One(..) | Part::Look(_) => self.ends(place, at).into_iter().any(|end| then(end, kept)),
            Part::Row(parts) => row(parts, place, at, kept, then),
            Part::Choice(parts) => parts.iter().any(|p| p.ways(place, at, kept, then)),
            Part::Repeat(part, least, most, own) => part.turns(place, at, kept, (*least, *most, *own == Prefers::Less), then),
            Part::Group(n, part) => part.ways(place, at, kept, &mut |end, kept| {
                let mut kept = kept.clone();
                kept[*n] = Some((at, end));
                then(end, &kept)
            }),
        }
    }

    fn turns(&self, place: &Place, at: usize, kept: &Kept, (least, most, few): (usize, usize, bool), then: Then<'_>) -> bool {
        if least == 0 && few && then(at, kept) {
            return true;
        }
        let mut fresh = kept.clone();
        self.groups().into_iter().for_each(|n| fresh[n] = None);
        let left = (least.saturating_sub(1), most.saturating_sub(1), few);
        let more = most > 0
            && self
                .ways(place, at, &fresh, &mut |end, kept| (least > 0 || end != at) && self.turns(place, end, kept, left, then));
        more || least == 0 && !few && then(at, kept)
    }

    /// Whether it is matched part by part, and whether it prefers more and less.
    fn nature(&self) -> (bool, [bool; 2]) {
        let own = |p: Prefers| [p == Prefers::More, p == Prefers::Less];
        let both = |a: [bool; 2], b: [bool; 2]| [a[0] || b[0], a[1] || b[1]];
        match self {
            Part::One(..) | Part::Look(_) => (false, [false; 2]),
            Part::Group(_, part) => (true, part.nature().1),
            Part::Choice(parts) if parts.len() == 1 => parts[0].nature(),
            Part::Choice(parts) => (parts.iter().any(|p| p.nature().0), [true, false]),
            Part::Row(parts) => {
                let all = parts.iter().fold([false; 2], |all, p| both(all, p.nature().1));
                let parted = parts.iter().any(|p| p.nature().0) || all == [true; 2];
                (parted, if parted { own(self.prefers()) } else { all })
            }
            Part::Repeat(part, least, most, _) => {
                let (parted, inner) = part.nature();
                let all = both(inner, if least == most { [false; 2] } else { own(self.prefers()) });
                let parted = parted || all == [true; 2];
                (parted, if parted { own(self.prefers()) } else { all })
            }
        }
    }

    /// Notes what its groups match when it matches from one place to another.
    fn split(&self, place: &Place, from: usize, to: usize, kept: &mut Kept) {
        match self {
            Part::One(..) | Part::Look(_) => {}
            Part::Group(n, part) => {
                kept[*n] = Some((from, to));
                part.split(place, from, to, kept);
            }
            Part::Choice(parts) => {
                if let Some(part) = parts.iter().find(|p| p.ends(place, from).contains(&to)) {
                    part.split(place, from, to, kept);
                }
            }
            Part::Row(parts) => {
                let mut rest = &parts[..];
                let mut at = from;
                // A part that prefers otherwise than those before it is one by itself.
                let mut alone = false;
                while !rest.is_empty() {
                    // Parts that keep nothing and prefer alike are one.
                    let mut one = 0;
                    let mut prefer = [false; 2];
                    let mut clash = false;
                    for part in rest.iter().take(if alone { 1 } else { usize::MAX }) {
                        let (parted, own) = part.nature();
                        let now = [prefer[0] || own[0], prefer[1] || own[1]];
                        if parted || now == [true; 2] {
                            clash = one > 0;
                            break;
                        }
                        (one, prefer) = (one + 1, now);
                    }
                    let (unit, after) = rest.split_at(one.max(1));
                    let less = unit.iter().map(Part::prefers).find(|p| *p != Prefers::Nothing) == Some(Prefers::Less);
                    let ends = through(unit, place, at);
                    let mut fits = ends.into_iter().filter(|end| through(after, place, *end).contains(&to));
                    let end = if less { fits.next() } else { fits.next_back() }.expect("a way through");
                    if unit.len() == 1 {
                        unit[0].split(place, at, end, kept);
                    }
                    (at, rest, alone) = (end, after, clash);
                }
            }
            Part::Repeat(part, least, most, _) => {
                if !part.nature().0 || *most == 0 {
                    return;
                }
                if *least > 0 {
                    let before = part.times(place, from, least - 1, most.saturating_sub(1));
                    let mut fits = before.into_iter().filter(|at| part.ends(place, *at).contains(&to));
                    let less = self.prefers() == Prefers::Less;
                    let middle = if less { fits.next() } else { fits.next_back() }.expect("a last turn");
                    return part.split(place, middle, to, kept);
                }
                let less = part.prefers() == Prefers::Less;
                if from == to && !less && part.ends(place, from).contains(&to) {
                    return part.split(place, from, to, kept);
                }
                let (mut at, mut left) = (from, *most);
                while at != to {
                    left -= 1;
                    let ends = part.ends(place, at).into_iter().filter(|end| *end > at);
                    let mut fits = ends.filter(|end| part.times(place, *end, 0, left).contains(&to));
                    let end = if less { fits.next() } else { fits.next_back() }.expect("a turn");
                    if end == to {
                        part.split(place, at, end, kept);
                    }
                    at = end;
                }
            }
        }
    }
}

fn row(parts: &[Part], place: &Place, at: usize, kept: &Kept, then: Then<'_>) -> bool {
    match parts.split_first() {
        None => then(at, kept),
        Some((part, rest)) => part.ways(place, at, kept, &mut |end, kept| row(rest, place, end, kept, then)),
    }
}

/// Where parts one after another can end.
fn through(parts: &[Part], place: &Place, at: usize) -> std::collections::BTreeSet<usize> {
    parts.iter().fold([at].into(), |from, part| part.step(place, &from))
}
