//! Distinct links of an association over several hops, with the number of their arrival: for lists without an order.
//!
//! As [`Link`](super::Link), but a pair bears a number by which lists are sorted: that of its oldest way, where a way is as
//! old as the newest reference on it. A pair whose oldest way goes while others stay is another row, at another place.
//! State: keys, pairs, and the numbers of each pair's ways. Cost: O(log w) per changed way of a pair with w ways.
//! Law: per (key, target) at most one pair, there while a way is, numbered with the least number of the ways.

use hashbrown::HashMap;

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::sort;
use crate::trace::{Derived, Entry, HandleState, OrderedList, Path, RelationId, Relations};
use crate::value::RowBuilder;

/// Links with numbers.
pub struct ArrivalLink {
    input: RelationId,
    key: Vec<Path>,
    target: Vec<bool>,
    /// Where the numbers of a way are.
    numbers: Vec<Path>,
    keys: Derived,
    output: RelationId,
    /// By key and target.
    links: HashMap<u64, Pair, HandleState>,
    builder: RowBuilder,
}

#[derive(Debug, Default)]
struct Pair {
    row: Handle,
    ways: Ways,
}

/// Ways by number; a way is a row of the input. Nearly all pairs have one.
#[derive(Debug, Default)]
enum Ways {
    #[default]
    None,
    One(Entry),
    Many(Box<OrderedList>),
}

impl Ways {
    fn add(&mut self, way: Entry) {
        let list = match self {
            Ways::None => return *self = Ways::One(way),
            Ways::One(first) => {
                let first = *first;
                *self = Ways::Many(Box::default());
                let Ways::Many(list) = self else { unreachable!("just set") };
                list.insert(first, &|a, b| a.cmp(&b));
                list
            }
            Ways::Many(list) => list,
        };
        list.insert(way, &|a, b| a.cmp(&b));
    }

    fn remove(&mut self, way: Entry) {
        match self {
            Ways::None => {}
            Ways::One(_) => *self = Ways::None,
            Ways::Many(list) => {
                list.remove(way, &|a, b| a.cmp(&b));
                if list.is_empty() {
                    *self = Ways::None;
                }
            }
        }
    }

    /// Number of the oldest.
    fn oldest(&self) -> Option<u64> {
        match self {
            Ways::None => None,
            Ways::One(way) => Some(way.first),
            Ways::Many(list) => list.get(0).map(|way| way.first),
        }
    }
}

impl std::fmt::Debug for ArrivalLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrivalLink").field("key", &self.key).finish_non_exhaustive()
    }
}

impl ArrivalLink {
    /// Links made of a join's rows: the cells at `key`, the member at `target`, the greatest of the numbers at `numbers`.
    pub fn new(
        input: RelationId,
        key: Vec<Path>,
        target: Vec<bool>,
        numbers: Vec<Path>,
        keys: RelationId,
        output: RelationId,
    ) -> Self {
        let keys = Derived::new(keys);
        ArrivalLink { input, key, target, numbers, keys, output, links: HashMap::default(), builder: RowBuilder::new() }
    }

    fn key_row(&mut self, relations: &mut Relations, row: Handle) -> Option<Handle> {
        let packed = super::link::key_cells(&mut self.builder, relations, (self.input, row), &self.key, self.keys.relation())?;
        Some(self.keys.intern_row(relations, packed))
    }
}

impl Operator for ArrivalLink {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        let mut ways: Vec<(u64, Entry, Weight)> = Vec::with_capacity(inputs[0].rows().len());
        let mut keys = Delta::default();
        for &(row, weight) in inputs[0].rows() {
            let Some(key) = self.key_row(step.relations, row) else { continue };
            let rs = &*step.relations;
            let (_, target) = rs.member(self.input, row, self.target.iter().copied());
            let first = self.numbers.iter().map(|&p| rs.number(self.input, row, p)).max().unwrap_or(0);
            ways.push((u64::from(key) << 32 | u64::from(target), Entry { first, second: 0, row }, weight));
        }
        // Ways that go before those that come, pair by pair.
        sort::by(&mut ways, |a, b| a.0.cmp(&b.0).then(a.2.cmp(&b.2)));
        for of_pair in ways.chunk_by(|a, b| a.0 == b.0) {
            let pair = of_pair[0].0;
            let (key, target) = ((pair >> 32) as Handle, pair as Handle);
            let held = self.links.entry(pair).or_default();
            let before = held.ways.oldest();
            for &(_, way, weight) in of_pair {
                debug_assert_eq!(weight.abs(), 1, "a way is there once");
                if weight > 0 { held.ways.add(way) } else { held.ways.remove(way) }
            }
            let now = held.ways.oldest();
            if before != now {
                if before.is_some() {
                    out.push(held.row, -1);
                }
                if let Some(number) = now {
                    held.row = step.relations.insert_pair(self.output, [key, target]);
                    step.relations.set_number(self.output, 0, held.row, number);
                    out.push(held.row, 1);
                }
                keys.push(key, i32::from(now.is_some()) - i32::from(before.is_some()));
            }
            if now.is_none() {
                self.links.remove(&pair);
            }
        }
        keys.consolidate();
        self.keys.integrate(step.relations, &keys);
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        for &(row, weight) in out.rows() {
            if weight < 0 {
                relations.retire(self.output, row);
            }
        }
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.links.values().for_each(|pair| f(pair.row, 1));
    }

    fn bytes(&self) -> usize {
        self.keys.bytes() + self.links.allocation_size()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.keys.relation(), self.output]
    }
}
