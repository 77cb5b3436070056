//! Values with their multiplicities, in order: what smallest and largest, percentiles, modes and `distinct` are read from.
//!
//! Each distinct value is held once. A change is O(log n) in the number of distinct values, so is every reading.

use std::cmp::Ordering;

use super::ranked::{Changed, Ranked, Sought};
use crate::value::{Cell, Value, identity_order, order_prefix};

/// The values.
#[derive(Debug, Default)]
pub struct Multiset {
    order: Ranked,
    values: Vec<Value>,
    free: Vec<u32>,
}

impl Multiset {
    /// Number of values, each as often as it is there.
    pub fn len(&self) -> i64 {
        self.order.weight()
    }

    /// Adds a value as many times as `weight` says, which may take it away.
    pub fn change(&mut self, cell: Cell<'_>, weight: i32) -> Changed {
        let (values, free) = (&self.values, &mut self.free);
        let compare = |id: u32| identity_order(values[id as usize].as_cell(), cell);
        let sought = Sought { prefix: order_prefix(cell), compare: &compare };
        let changed = self.order.change(&sought, weight, &mut || free.pop().unwrap_or(values.len() as u32));
        let id = changed.id as usize;
        if changed.before == 0 && changed.after != 0 {
            if id == self.values.len() {
                self.values.push(cell.to_value());
            } else {
                self.values[id] = cell.to_value();
            }
        } else if changed.after == 0 {
            if let Some(value) = self.values.get_mut(id) {
                *value = Value::Null;
            }
            self.free.push(changed.id);
        }
        changed
    }

    /// The value at a place from 0, counting multiplicities.
    pub fn at(&self, place: i64) -> Option<&Value> {
        self.order.at(place).map(|id| &self.values[id as usize])
    }

    /// The value of an id.
    pub fn value(&self, id: u32) -> &Value {
        &self.values[id as usize]
    }

    /// Calls `f` with every distinct value, in order.
    pub fn for_each<'a>(&'a self, f: &mut dyn FnMut(&'a Value)) {
        self.order.for_each(&mut |id, _| f(&self.values[id as usize]));
    }

    /// Bytes on the heap, texts not counted.
    pub fn bytes(&self) -> usize {
        self.order.bytes() + self.values.capacity() * size_of::<Value>() + self.free.capacity() * 4
    }
}

/// The most frequent value: the same values by falling frequency.
#[derive(Debug, Default)]
pub struct Mode {
    values: Multiset,
    by_times: Ranked,
}

impl Mode {
    /// Adds a value as many times as `weight` says. Cost: three changes of trees.
    pub fn change(&mut self, cell: Cell<'_>, weight: i32) {
        let Changed { id, before, after } = self.values.change(cell, weight);
        for (times, change) in [(before, -1), (after, 1)] {
            if times > 0 {
                let values = &self.values;
                // The value itself may be gone: it is known by its id, and never read.
                let compare = |other: u32| match other == id {
                    true => Ordering::Equal,
                    false => identity_order(values.value(other).as_cell(), cell),
                };
                let sought = Sought { prefix: u64::from(u32::MAX - times as u32), compare: &compare };
                self.by_times.change(&sought, change, &mut || id);
            }
        }
    }

    /// The most frequent value, the smallest of several; `None` without values.
    pub fn value(&self) -> Option<&Value> {
        self.by_times.at(0).map(|id| self.values.value(id))
    }

    /// Bytes on the heap, texts not counted.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.by_times.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_the_smallest_of_the_most_frequent() {
        let mut rng = fastrand::Rng::with_seed(6);
        let mut mode = Mode::default();
        let mut held: Vec<i64> = Vec::new();
        for step in 0..4000 {
            if held.is_empty() || rng.u32(..100) < if step < 2000 { 60 } else { 40 } {
                let v = rng.i64(..300) / rng.i64(1..9);
                held.push(v);
                mode.change(Cell::Int(v), 1);
            } else {
                let v = held.swap_remove(rng.usize(..held.len()));
                mode.change(Cell::Int(v), -1);
            }
            let times = |v: i64| held.iter().filter(|w| **w == v).count();
            let expected = held.iter().copied().max_by_key(|v| (times(*v), -v));
            assert_eq!(mode.value(), expected.map(Value::Int).as_ref());
        }
    }

    #[test]
    fn equal_values_are_held_once() {
        let mut set = Multiset::default();
        for _ in 0..1000 {
            set.change(Cell::Text("one"), 1);
            set.change(Cell::Text("two"), 2);
        }
        assert_eq!((set.len(), set.at(999), set.at(1000)), (3000, Some(&Value::text("one")), Some(&Value::text("two"))));
        assert!(set.bytes() < 1000);
        set.change(Cell::Text("one"), -1000);
        assert_eq!(set.at(0), Some(&Value::text("two")));
    }
}
