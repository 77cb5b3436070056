//! Semi and anti join: left rows, unchanged, that have a match on the right, or that have none.
//!
//! Without a condition beyond the keys nothing is kept: whether a key has rows is read off the right arrangement, and
//! whether it had off the changes. Law, with s(k) for "key k is shown": out = ∂A · s + A′ · (s′ − s). Cost: O(1) per changed
//! row, however many of a batch share a key; a changed right row looks at the left rows of its key only when that key gets its first
//! row or loses its last.
//!
//! With a condition per pair: the weight of the matches of each left row. Law: out = [w′ · s′] − [w · s] per left row. Cost: the
//! pairs of the changed rows, as a join's, none of which is kept.

use hashbrown::HashMap;

use super::join::{Pairs, Side};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, NodeId, Nodes, Operator, Scan, Step};
use crate::trace::{HandleState, HashArrangement, Path, RelationId, Relations, same_cells};

#[derive(Clone, Copy, Debug, Default)]
struct LeftRow {
    weight: Weight,
    matches: i64,
}

/// Matches counted per left row, for a condition beyond the keys.
#[derive(Debug)]
struct Counted {
    pairs: Pairs,
    rows: HashMap<Handle, LeftRow, HandleState>,
}

/// Semi or anti join.
#[derive(Debug)]
pub struct SemiJoin {
    left: Side,
    right: Side,
    anti: bool,
    counted: Option<Counted>,
}

impl SemiJoin {
    /// Rows of the left side by their matches: by key, or by the pairs that fulfil a condition.
    pub fn new([left, right]: [Side; 2], anti: bool, pairs: Option<Pairs>) -> Self {
        let counted = pairs.map(|pairs| Counted { pairs, rows: HashMap::default() });
        SemiJoin { left, right, anti, counted }
    }

    /// Output weight of a left row.
    fn shown(&self, row: LeftRow) -> Weight {
        if (row.matches > 0) == self.anti { 0 } else { row.weight }
    }

    fn step_by_key(&self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let relations: &Relations = step.relations;
        let (a, b) = (step.nodes.arrangement(self.left.node), step.nodes.arrangement(self.right.node));
        // An update that leaves its key as it is: that has rows before and after.
        if inputs[0].is_empty()
            && let Some((old, new, _)) = inputs[1].update()
            && same_cells(relations, self.right.relation, old, new, b.key())
        {
            step.meter.examined += 2;
            return;
        }
        let mut changed = b.empty();
        changed.apply(relations, inputs[1]);
        let mut keys = Keys { relations, rows: b, changed: &changed, had: HashMap::default(), looked: 0 };
        let mut examined = inputs[0].rows().len() + inputs[1].rows().len();
        let mut shown = |row: Handle| keys.had_rows(self.left.relation, row, a.key()) != self.anti;
        match inputs[0].update() {
            Some((old, new, _)) if same_cells(relations, self.left.relation, old, new, a.key()) => {
                if shown(old) {
                    inputs[0].rows().iter().for_each(|&(row, weight)| out.push(row, weight));
                }
            }
            _ => inputs[0].rows().iter().filter(|r| shown(r.0)).for_each(|&(row, weight)| out.push(row, weight)),
        }
        for &(row, _) in inputs[1].rows() {
            let (relation, key) = (self.right.relation, b.key());
            // Each key once: at the first of its changed rows.
            if changed.matches(relations, relation, row, key).next().is_none_or(|first| first.0 != row) {
                continue;
            }
            let now = keys.has_rows(relation, row, key);
            if now == keys.had_rows(relation, row, key) {
                continue;
            }
            for (left, weight) in a.matches(relations, relation, row, key) {
                examined += 1;
                out.push(left, if now == self.anti { -weight } else { weight });
            }
        }
        step.meter.examined += (examined + keys.looked) as u64;
    }

    fn step_by_pair(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let Some(mut counted) = self.counted.take() else { return };
        let mut found = Delta::default();
        step.meter.examined += counted.pairs.change(step, inputs, &mut found);
        found.consolidate();
        let relation = counted.pairs.rows.relation();
        let of_left = inputs[0].rows().iter().map(|&(row, weight)| (row, weight, 0));
        let of_pairs = found.rows().iter().map(|&(pair, weight)| (step.relations.pair(relation, pair)[0], 0, i64::from(weight)));
        let mut before: HashMap<Handle, Weight, HandleState> = HashMap::default();
        let mut touched: Vec<Handle> = Vec::new();
        for (row, weight, matches) in of_left.chain(of_pairs) {
            let state = counted.rows.entry(row).or_default();
            before.entry(row).or_insert_with(|| {
                touched.push(row);
                self.shown(*state)
            });
            state.weight += weight;
            state.matches += matches;
        }
        for row in touched {
            let now = counted.rows[&row];
            let change = self.shown(now) - before[&row];
            if change != 0 {
                out.push(row, change);
            }
            if now.weight == 0 {
                counted.rows.remove(&row);
            }
        }
        self.counted = Some(counted);
    }
}

/// Which keys have rows on the right, now and before the step.
struct Keys<'a> {
    relations: &'a Relations,
    rows: &'a HashArrangement,
    changed: &'a HashArrangement,
    /// Which of the keys that were asked for had any, by the first of their changed rows.
    had: HashMap<Handle, Weight, HandleState>,
    /// Changed rows that were looked at.
    looked: usize,
}

impl Keys<'_> {
    fn has_rows(&self, relation: RelationId, row: Handle, paths: &[Path]) -> bool {
        self.rows.matches(self.relations, relation, row, paths).next().is_some()
    }

    /// Cost: O(changed rows of the key) the first time, then O(1): rows that come by thousands may all ask for one key.
    fn had_rows(&mut self, relation: RelationId, row: Handle, paths: &[Path]) -> bool {
        if self.changed.is_empty() {
            return self.has_rows(relation, row, paths);
        }
        let mut changed = self.changed.matches(self.relations, relation, row, paths).peekable();
        let Some(&(first, _)) = changed.peek() else { return self.has_rows(relation, row, paths) };
        if let Some(had) = self.had.get(&first) {
            return *had > 0;
        }
        let mut new = 0;
        let had = changed.any(|(changed, weight)| {
            self.looked += 1;
            let now = self.rows.weight(changed);
            new += usize::from(now != 0);
            now != weight
        });
        let had = had || self.rows.matches(self.relations, relation, row, paths).nth(new).is_some();
        // A few are as soon looked at again.
        if new > 4 {
            self.had.insert(first, Weight::from(had));
        }
        had
    }
}

fn key_has_rows(nodes: &Nodes, relations: &Relations, left: Side, right: Side, row: Handle) -> bool {
    let (a, b) = (nodes.arrangement(left.node), nodes.arrangement(right.node));
    b.matches(relations, left.relation, row, a.key()).next().is_some()
}

impl Operator for SemiJoin {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        match &self.counted {
            None => self.step_by_key(step, inputs, out),
            Some(_) => self.step_by_pair(step, inputs, out),
        }
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let nothing = Delta::default();
        self.step(step, &Pairs::hydration(inputs, &nothing), out);
    }

    fn integrate(&mut self, relations: &mut Relations, _: &Delta) {
        if let Some(counted) = &mut self.counted {
            // Pairs were there to be judged.
            counted.pairs.integrate(relations, &Delta::default());
        }
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        match &self.counted {
            Some(counted) => {
                let shown = counted.rows.iter().map(|(row, state)| (*row, self.shown(*state)));
                shown.filter(|s| s.1 != 0).for_each(|(row, weight)| f(row, weight));
            }
            None => scan.nodes.scan(scan.relations, inputs[0], &mut |row, weight| {
                if key_has_rows(scan.nodes, scan.relations, self.left, self.right, row) != self.anti {
                    f(row, weight);
                }
            }),
        }
    }

    fn bytes(&self) -> usize {
        self.counted.as_ref().map_or(0, |c| c.pairs.bytes() + c.rows.allocation_size())
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        self.counted.iter().map(|c| c.pairs.rows.relation()).collect()
    }

    fn error(&self) -> Option<Failure> {
        self.counted.as_ref().and_then(|c| c.pairs.failure())
    }
}
