//! What a condition asks of one column: the part of it by which a changed row finds the filters that it can affect.

use crate::operator::Formula;
use crate::query::Function;
use crate::trace::Path;
use crate::value::{Cell, Value, total_order};

/// One end of an interval; `None`: unbounded.
pub type Bound = Option<(Value, Closed)>;

/// Whether the end itself belongs to the interval.
pub type Closed = bool;

/// A necessary condition over one column, without nulls. A row for which it does not hold is not in the filter's output and
/// cannot put it in error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The cell equals one of these values, each once.
    Equal(Path, Vec<Value>),
    /// The cell lies between two ends, of which one at least is there.
    Range(Path, Bound, Bound),
}

impl Guard {
    /// The column.
    pub fn path(&self) -> Path {
        match self {
            Guard::Equal(path, _) | Guard::Range(path, ..) => *path,
        }
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

fn members(path: Path, values: &[Formula]) -> Option<Guard> {
    let mut found: Vec<Value> = Vec::new();
    for value in values {
        match value {
            Formula::Literal(Value::Null) => {}
            Formula::Literal(v) if found.iter().any(|f| is_same(f, v)) => {}
            Formula::Literal(v) => found.push(v.clone()),
            _ => return None,
        }
    }
    Some(Guard::Equal(path, found))
}

fn is_same(a: &Value, b: &Value) -> bool {
    total_order(a.as_cell(), b.as_cell()).is_eq()
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
    let known = ranges.iter_mut().find(|r| r.path() == path);
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
    fn nothing_behind_a_conjunct_that_may_fail_is_a_guard() {
        let fails = call(Function::Gt, vec![call(Function::Div, vec![int(1), column(1)]), int(0)]);
        let equal = call(Function::Eq, vec![column(0), int(7)]);
        assert_eq!(Guard::of(&call(Function::And, vec![fails.clone(), equal.clone()])), vec![]);
        assert_eq!(Guard::of(&call(Function::And, vec![equal, fails])).len(), 1);
    }

    #[test]
    fn an_or_is_no_guard_and_members_count_once() {
        let equal = |v| call(Function::Eq, vec![column(0), int(v)]);
        assert_eq!(Guard::of(&call(Function::Or, vec![equal(1), equal(2)])), vec![]);
        let members = call(Function::In, vec![column(0), int(1), int(1), Formula::Literal(Value::Null), int(2)]);
        assert_eq!(Guard::of(&members), vec![Guard::Equal(Path::column(0), vec![Value::Int(1), Value::Int(2)])]);
    }
}
