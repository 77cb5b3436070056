//! Distinct links of an association over several hops (manyToMany, through): owner key → target row.
//!
//! A target shows once however many ways lead to it and goes when the last way goes: integer weights below, 0 or 1 above.
//! Output: pairs of an interned key row and the target row. State: keys, pairs and their weights. Cost: O(1) per changed way.
//! Law: distinct is not linear; per pair, out = [w′ > 0] − [w > 0].

use hashbrown::HashMap;

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{Derived, HandleState, Path, RelationId, Relations};
use crate::value::numeric::Decimal;
use crate::value::{Cell, Interval, RowBuilder};

/// Links.
pub struct Link {
    input: RelationId,
    key: Vec<Path>,
    target: Vec<bool>,
    keys: Derived,
    pairs: Derived,
    /// Ways per pair.
    ways: HashMap<Handle, Weight, HandleState>,
    builder: RowBuilder,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Link {
    /// Links made of a join's rows: the cells at `key`, the member at `target`.
    pub fn new(input: RelationId, key: Vec<Path>, target: Vec<bool>, keys: RelationId, output: RelationId) -> Self {
        Link {
            input,
            key,
            target,
            keys: Derived::new(keys),
            pairs: Derived::new(output),
            ways: HashMap::default(),
            builder: RowBuilder::new(),
        }
    }

    fn key_row(&mut self, relations: &mut Relations, row: Handle) -> Option<Handle> {
        let packed = key_cells(&mut self.builder, relations, (self.input, row), &self.key, self.keys.relation())?;
        Some(self.keys.intern_row(relations, packed))
    }
}

/// The cells at some paths as a row of a relation; nothing if one is null.
pub(super) fn key_cells<'b>(
    builder: &'b mut RowBuilder,
    relations: &Relations,
    (input, row): (RelationId, Handle),
    paths: &[Path],
    of: RelationId,
) -> Option<&'b [u8]> {
    let layout = relations.layout(of);
    builder.start(layout);
    for (c, &path) in paths.iter().enumerate() {
        let cell = relations.cell(input, row, path);
        if cell.is_null() {
            return None;
        }
        match cell {
            // One key row however a number is spelled.
            Cell::Decimal(v) => match Decimal::unpack(v).trimmed().pack() {
                Some(trimmed) => builder.set(layout, c, Cell::Decimal(&trimmed)),
                None => builder.set(layout, c, cell),
            },
            Cell::Interval(v) => builder.set(layout, c, Cell::Interval(&Interval::unpack(v).plain().pack())),
            _ => builder.set(layout, c, cell),
        }
    }
    Some(builder.finish(layout))
}

impl Operator for Link {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        let mut ways = Delta::default();
        let mut keys = Delta::default();
        for &(row, weight) in inputs[0].rows() {
            let Some(key) = self.key_row(step.relations, row) else { continue };
            let (_, target) = step.relations.member(self.input, row, self.target.iter().copied());
            let pair = self.pairs.intern_pair(step.relations, [key, target]);
            ways.push(pair, weight);
        }
        ways.consolidate();
        for &(pair, weight) in ways.rows() {
            let count = self.ways.entry(pair).or_insert(0);
            let was = i32::from(*count > 0);
            *count = count.checked_add(weight).expect("weight overflow");
            let now = i32::from(*count > 0);
            if *count == 0 {
                self.ways.remove(&pair);
            }
            if now != was {
                out.push(pair, now - was);
                keys.push(step.relations.pair(self.pairs.relation(), pair)[0], now - was);
            }
        }
        // A key row lives while pairs have it.
        keys.consolidate();
        self.keys.integrate(step.relations, &keys);
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        self.pairs.integrate(relations, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.pairs.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.keys.bytes() + self.pairs.bytes() + self.ways.allocation_size()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.keys.relation(), self.pairs.relation()]
    }
}
