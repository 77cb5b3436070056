//! What a condition asks of one column: the part of it by which a changed row finds the filters that it can affect.

use crate::operator::{Formula, each_once, like};
use crate::query::Function;
use crate::trace::Path;
use crate::value::{Cell, Value, total_order};

/// One end of an interval; `None`: unbounded.
pub type Bound = Option<(Value, Closed)>;

/// Whether the end itself belongs to the interval.
pub type Closed = bool;

/// A necessary condition without nulls, over one column but for the last. A row for which it does not hold is not in the filter's
/// output and cannot put it in error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The cell equals one of these values, each once.
    Equal(Path, Vec<Value>),
    /// The cell lies between two ends, of which one at least is there.
    Range(Path, Bound, Bound),
    /// One of the others, of several columns.
    Any(Vec<Guard>),
}

impl Guard {
    /// The column, if it is one.
    pub fn path(&self) -> Option<Path> {
        match self {
            Guard::Equal(path, _) | Guard::Range(path, ..) => Some(*path),
            Guard::Any(_) => None,
        }
    }

    /// What a row is looked up by: all of those of which it has to fulfil one.
    pub fn parts(&self) -> &[Guard] {
        match self {
            Guard::Any(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }

    /// 1 if no part before this one is of its column: a filter is one of a column however often it asks for it.
    pub fn is_first_of_its_column(&self, part: usize) -> usize {
        let parts = self.parts();
        usize::from(parts[..part].iter().all(|p| p.path() != parts[part].path()))
    }

    /// The guards that a condition offers, equalities first. Only conjuncts count that no error can precede: a conjunct is
    /// evaluated for rows that the ones before it let through.
    pub fn of(predicate: &Formula) -> Vec<Guard> {
        let mut conjuncts = Vec::new();
        flatten(predicate, &mut conjuncts);
        let mut equal: Vec<Guard> = Vec::new();
        let mut ranges: Vec<Guard> = Vec::new();
        for conjunct in conjuncts {
            if let Formula::Among(of, constants) = conjunct
                && let Formula::Column(path) = **of
            {
                equal.push(Guard::Equal(path, constants.values().to_vec()));
            }
            if let Formula::Call(function, args) = conjunct {
                match (function, args.as_slice()) {
                    (Function::In, [Formula::Column(path), values @ ..]) => equal.extend(members(*path, values)),
                    (Function::Or, arms) => match any_of(arms) {
                        Some(guard @ Guard::Equal(..)) => equal.push(guard),
                        guard => ranges.extend(guard),
                    },
                    (Function::Like | Function::StartsWith, [Formula::Column(path), Formula::Literal(Value::Text(text))]) => {
                        let (start, whole) = if *function == Function::Like { like::prefix(text) } else { (&**text, false) };
                        if whole {
                            equal.push(Guard::Equal(*path, vec![Value::Text(start.into())]));
                        } else if !start.is_empty() {
                            let end = like::behind(start).map(|end| (Value::Text(end.into()), false));
                            narrow(&mut ranges, *path, Some((Value::Text(start.into()), true)), end);
                        }
                    }
                    (Function::Between, [Formula::Column(path), Formula::Literal(low), Formula::Literal(high)]) => {
                        narrow(&mut ranges, *path, Some((low.clone(), true)), None);
                        narrow(&mut ranges, *path, None, Some((high.clone(), true)));
                    }
                    (f, [Formula::Column(path), Formula::Literal(v)]) => compared(*f, *path, v, &mut equal, &mut ranges),
                    (f, [Formula::Literal(v), Formula::Column(path)]) => compared(turned(*f), *path, v, &mut equal, &mut ranges),
                    _ => {}
                }
            }
            if !conjunct.is_safe() {
                break;
            }
        }
        equal.append(&mut ranges);
        equal
    }
}

fn flatten<'a>(formula: &'a Formula, out: &mut Vec<&'a Formula>) {
    match formula {
        Formula::Call(Function::And, args) => args.iter().for_each(|a| flatten(a, out)),
        other => out.push(other),
    }
}

/// What the arms of an `or` ask for: values of one column, if all of them do, else whatever each of them asks for first. An arm
/// that may fail does so also for rows that it asks nothing of: within an `or` a null does not end an `and`.
fn any_of(arms: &[Formula]) -> Option<Guard> {
    let mut parts = Vec::new();
    for arm in arms {
        if !arm.is_safe() {
            return None;
        }
        match Guard::of(arm).into_iter().next()? {
            Guard::Any(more) => parts.extend(more),
            one => parts.push(one),
        }
    }
    let path = parts.first()?.path()?;
    if !parts.iter().all(|part| matches!(part, Guard::Equal(of, _) if *of == path)) {
        return Some(Guard::Any(parts));
    }
    let mut found: Vec<Value> = Vec::new();
    for part in parts {
        if let Guard::Equal(_, values) = part {
            found.extend(values);
        }
    }
    // Two lists of thousands may meet here.
    each_once(&mut found);
    Some(Guard::Equal(path, found))
}

fn members(path: Path, values: &[Formula]) -> Option<Guard> {
    let mut found: Vec<Value> = Vec::new();
    for value in values {
        match value {
            Formula::Literal(Value::Null) => {}
            Formula::Literal(v) if found.iter().any(|f| total_order(f.as_cell(), v.as_cell()).is_eq()) => {}
            Formula::Literal(v) => found.push(v.clone()),
            _ => return None,
        }
    }
    Some(Guard::Equal(path, found))
}

fn turned(f: Function) -> Function {
    match f {
        Function::Lt => Function::Gt,
        Function::Le => Function::Ge,
        Function::Gt => Function::Lt,
        Function::Ge => Function::Le,
        other => other,
    }
}

fn compared(f: Function, path: Path, value: &Value, equal: &mut Vec<Guard>, ranges: &mut Vec<Guard>) {
    let end = |closed| Some((value.clone(), closed));
    match f {
        Function::Eq if value.is_null() => equal.push(Guard::Equal(path, Vec::new())),
        Function::Eq => equal.push(Guard::Equal(path, vec![value.clone()])),
        Function::Lt => narrow(ranges, path, None, end(false)),
        Function::Le => narrow(ranges, path, None, end(true)),
        Function::Gt => narrow(ranges, path, end(false), None),
        Function::Ge => narrow(ranges, path, end(true), None),
        _ => {}
    }
}

/// Adds ends to the interval of a column. A comparison with null holds for no row; it is left to the filter.
fn narrow(ranges: &mut Vec<Guard>, path: Path, low: Bound, high: Bound) {
    if low.as_ref().or(high.as_ref()).is_none_or(|end| end.0.is_null()) {
        return;
    }
    let known = ranges.iter_mut().find(|r| r.path() == Some(path));
    let Some(Guard::Range(_, first, last)) = known else {
        ranges.push(Guard::Range(path, low, high));
        return;
    };
    if let Some(end) = low
        && first.as_ref().is_none_or(|f| compare_low(Some(f), Some(&end)).is_lt())
    {
        *first = Some(end);
    }
    if let Some(end) = high
        && last.as_ref().is_none_or(|l| compare_high(Some(l), Some(&end)).is_gt())
    {
        *last = Some(end);
    }
}

/// Order of lower ends: the one that admits more comes first.
pub fn compare_low(a: Option<&(Value, Closed)>, b: Option<&(Value, Closed)>) -> std::cmp::Ordering {
    match (a, b) {
        (None, None) => std::cmp::Ordering::Equal,
        (None, _) => std::cmp::Ordering::Less,
        (_, None) => std::cmp::Ordering::Greater,
        (Some(a), Some(b)) => total_order(a.0.as_cell(), b.0.as_cell()).then(b.1.cmp(&a.1)),
    }
}

/// Order of upper ends: the one that admits more comes last.
pub fn compare_high(a: Option<&(Value, Closed)>, b: Option<&(Value, Closed)>) -> std::cmp::Ordering {
    match (a, b) {
        (None, None) => std::cmp::Ordering::Equal,
        (None, _) => std::cmp::Ordering::Greater,
        (_, None) => std::cmp::Ordering::Less,
        (Some(a), Some(b)) => total_order(a.0.as_cell(), b.0.as_cell()).then(a.1.cmp(&b.1)),
    }
}

/// Whether a value is not before a lower end.
pub fn is_above(low: &Bound, cell: Cell<'_>) -> bool {
    low.as_ref().is_none_or(|(v, closed)| {
        let order = total_order(cell, v.as_cell());
        order.is_gt() || *closed && order.is_eq()
    })
}

/// Whether a value is not behind an upper end.
pub fn is_below(high: &Bound, cell: Cell<'_>) -> bool {
    high.as_ref().is_none_or(|(v, closed)| {
        let order = total_order(cell, v.as_cell());
        order.is_lt() || *closed && order.is_eq()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Path;

    fn column(c: usize) -> Formula {
        Formula::Column(Path::column(c))
    }

    fn int(v: i64) -> Formula {
        Formula::Literal(Value::Int(v))
    }

    fn call(f: Function, args: Vec<Formula>) -> Formula {
        Formula::Call(f, args)
    }

    #[test]
    fn equalities_come_first_and_ends_of_one_column_make_one_interval() {
        let condition = call(
            Function::And,
            vec![
                call(Function::Gt, vec![column(1), int(3)]),
                call(
                    Function::And,
                    vec![call(Function::Ge, vec![int(9), column(1)]), call(Function::Eq, vec![int(7), column(0)])],
                ),
                call(Function::Ge, vec![column(1), int(3)]),
            ],
        );
        let range = Guard::Range(Path::column(1), Some((Value::Int(3), false)), Some((Value::Int(9), true)));
        assert_eq!(Guard::of(&condition), vec![Guard::Equal(Path::column(0), vec![Value::Int(7)]), range]);
    }

    #[test]
    fn a_pattern_is_the_texts_that_begin_as_it_does() {
        let like = |f, p: &str| Guard::of(&call(f, vec![column(0), Formula::Literal(Value::Text(p.into()))]));
        let text = |t: &str| Value::Text(t.into());
        let from = |a: &str, b: &str| vec![Guard::Range(Path::column(0), Some((text(a), true)), Some((text(b), false)))];
        assert_eq!(like(Function::Like, "ab%c"), from("ab", "ac"));
        assert_eq!(like(Function::Like, "aé\\%_"), from("aé", "aê"));
        assert_eq!(like(Function::StartsWith, "a%"), from("a%", "a&"));
        assert_eq!(like(Function::Like, "ab"), vec![Guard::Equal(Path::column(0), vec![text("ab")])]);
        assert_eq!(
            (like(Function::Like, "%b"), like(Function::ILike, "ab%"), like(Function::StartsWith, "")),
            (vec![], vec![], vec![])
        );
    }

    #[test]
    fn nothing_behind_a_conjunct_that_may_fail_is_a_guard() {
        let fails = call(Function::Gt, vec![call(Function::Div, vec![int(1), column(1)]), int(0)]);
        let equal = call(Function::Eq, vec![column(0), int(7)]);
        assert_eq!(Guard::of(&call(Function::And, vec![fails.clone(), equal.clone()])), vec![]);
        assert_eq!(Guard::of(&call(Function::And, vec![equal, fails])).len(), 1);
    }

    #[test]
    fn an_arm_asks_what_follows_a_null_and_may_fail_then() {
        let equal = |c, v| call(Function::Eq, vec![column(c), int(v)]);
        let fails = call(Function::Gt, vec![call(Function::Div, vec![int(1), column(1)]), int(0)]);
        let arm = |last: Formula| call(Function::Or, vec![call(Function::And, vec![equal(0, 1), last]), equal(2, 3)]);
        assert_eq!(Guard::of(&arm(fails.clone())), vec![]);
        let nested = call(Function::Or, vec![equal(0, 1), equal(0, 2)]);
        assert_eq!(Guard::of(&call(Function::Or, vec![equal(2, 3), call(Function::And, vec![nested, fails])])), vec![]);
        // A text begins with another or not.
        let begins = call(Function::StartsWith, vec![column(1), Formula::Literal(Value::Text("a".into()))]);
        let one = |c, v| Guard::Equal(Path::column(c), vec![Value::Int(v)]);
        assert_eq!(Guard::of(&arm(begins)), vec![Guard::Any(vec![one(0, 1), one(2, 3)])]);
    }

    #[test]
    fn an_or_is_what_its_arms_ask_for_and_members_count_once() {
        let equal = |c, v| call(Function::Eq, vec![column(c), int(v)]);
        let one_or_two = Guard::Equal(Path::column(0), vec![Value::Int(1), Value::Int(2)]);
        let or = |arms: &[Formula]| Guard::of(&call(Function::Or, arms.to_vec()));
        assert_eq!(or(&[equal(0, 1), equal(0, 2), equal(0, 1)]), vec![one_or_two.clone()]);
        assert_eq!(or(&[call(Function::And, vec![equal(0, 1), equal(1, 5)]), equal(0, 2)]), vec![one_or_two]);
        let one = |c, v| Guard::Equal(Path::column(c), vec![Value::Int(v)]);
        let above = Guard::Range(Path::column(0), Some((Value::Int(5), false)), None);
        let greater = call(Function::Gt, vec![column(0), int(5)]);
        assert_eq!(or(&[equal(0, 1), equal(1, 2)]), vec![Guard::Any(vec![one(0, 1), one(1, 2)])]);
        assert_eq!(or(&[equal(0, 1), greater.clone()]), vec![Guard::Any(vec![one(0, 1), above.clone()])]);
        let nested = call(Function::Or, vec![greater, equal(1, 2)]);
        assert_eq!(or(&[equal(2, 3), nested]), vec![Guard::Any(vec![one(2, 3), above, one(1, 2)])]);
        assert_eq!(or(&[equal(0, 1), call(Function::Ne, vec![column(1), int(5)])]), vec![]);
        let fails = call(Function::Gt, vec![call(Function::Div, vec![int(1), column(1)]), int(0)]);
        assert_eq!(or(&[equal(0, 1), call(Function::And, vec![fails, equal(0, 2)])]), vec![]);
        let members = call(Function::In, vec![column(0), int(1), int(1), Formula::Literal(Value::Null), int(2)]);
        assert_eq!(Guard::of(&members), vec![Guard::Equal(Path::column(0), vec![Value::Int(1), Value::Int(2)])]);
    }
}
