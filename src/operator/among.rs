//! `in` of many constants: they are in order, so that one is found without looking at all.

use std::rc::Rc;

use crate::value::{Cell, Value, total_order};

/// Up to so many parts, the value among them, `in` is evaluated one by one.
pub(super) const FEW: usize = 4;

/// Constants in order, each once, and whether null is one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constants {
    values: Rc<[Value]>,
    null: bool,
}

impl Constants {
    /// Of values of one type, or null.
    pub fn new(values: impl Iterator<Item = Value>) -> Self {
        let (nulls, mut values): (Vec<Value>, Vec<Value>) = values.partition(Value::is_null);
        each_once(&mut values);
        Constants { values: values.into(), null: !nulls.is_empty() }
    }

    /// Those that are not null.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether a cell is one of them; null if it is null, or is none and null is there. Cost: O(log n) comparisons.
    pub fn has(&self, cell: Cell<'_>) -> Option<bool> {
        if cell.is_null() {
            return None;
        }
        match self.values.binary_search_by(|v| total_order(v.as_cell(), cell)) {
            Ok(_) => Some(true),
            Err(_) => (!self.null).then_some(false),
        }
    }
}

/// Puts values in order, each once.
#[inline(never)]
pub fn each_once(values: &mut Vec<Value>) {
    values.sort_by(|a, b| total_order(a.as_cell(), b.as_cell()));
    values.dedup_by(|a, b| total_order(a.as_cell(), b.as_cell()).is_eq());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_among_constants_as_if_each_was_compared() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let null = rng.bool();
            let given: Vec<i64> = (0..rng.usize(0..30)).map(|_| rng.i64(-9..9)).collect();
            let nulls = null.then_some(Value::Null);
            let constants = Constants::new(given.iter().map(|v| Value::Int(*v)).chain(nulls));
            assert!(constants.values().windows(2).all(|w| w[0] != w[1]) && constants.values().len() <= given.len());
            assert_eq!(constants.has(Cell::Null), None);
            for v in -10..10 {
                let expected = if given.contains(&v) { Some(true) } else { (!null).then_some(false) };
                assert_eq!(constants.has(Cell::Int(v)), expected, "{v} among {given:?}");
            }
        }
    }
}
