//! A part of each group of an ordered arrangement as a relation: the first rows, or those behind an offset.
//!
//! State: none; the arrangement below knows what is where. It tells old positions of rows that left and new positions of rows
//! that came, and the rows between these keep their order: which of them cross an end of the part is arithmetic on their
//! numbers. Law: out = part(L′) − part(L) per changed group. Cost: O(k log n) for k rows that left or came, whatever the part.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{GroupDelta, OrderedList, Placed};

/// Part of the lists of an ordered arrangement.
#[derive(Debug)]
pub struct Top {
    input: NodeId,
    offset: usize,
    limit: usize,
}

impl Top {
    /// The rows behind `offset`, at most `limit` of them, of each list.
    pub fn new(input: NodeId, offset: usize, limit: usize) -> Self {
        Top { input, offset, limit }
    }

    /// First and end position of the part of a list of some length.
    fn bounds(&self, len: usize) -> (usize, usize) {
        let low = self.offset.min(len);
        (low, low.saturating_add(self.limit).min(len))
    }

    /// The change of a part that was `old` before.
    pub(super) fn change(&self, old: &Top, list: &OrderedList, change: &GroupDelta, out: &mut Delta) {
        let (old_low, old_high) = old.bounds(change.old_len);
        let (low, high) = self.bounds(list.len());
        let within = |low: usize, high: usize| move |p: &&Placed| (low..high).contains(&p.at);
        change.removed.iter().filter(within(old_low, old_high)).for_each(|p| out.push(p.row, -1));
        change.inserted.iter().filter(within(low, high)).for_each(|p| out.push(p.row, 1));
        // Rows that stayed are numbered through; a part holds an interval of these numbers.
        let number = |list: &[Placed], at: usize| at - list.partition_point(|p| p.at < at);
        let old = number(&change.removed, old_low)..number(&change.removed, old_high);
        let new = number(&change.inserted, low)..number(&change.inserted, high);
        let mut cross = |from: usize, to: usize, weight: Weight| {
            if from < to {
                stayed(list, &change.inserted, from, to - from, &mut |row| out.push(row, weight));
            }
        };
        cross(old.start, old.end.min(new.start), -1);
        cross(old.start.max(new.end), old.end, -1);
        cross(new.start, new.end.min(old.start), 1);
        cross(new.start.max(old.end), new.end, 1);
    }
}

/// Calls `f` with some rows that stayed in a list, by their number among those that did.
fn stayed(list: &OrderedList, inserted: &[Placed], first: usize, count: usize, f: &mut dyn FnMut(Handle)) {
    let mut at = first;
    let mut new = inserted.iter().map(|p| p.at).peekable();
    while new.next_if(|n| *n <= at).is_some() {
        at += 1;
    }
    let mut left = count;
    while left > 0 {
        let run = new.peek().map_or(left, |n| left.min(n - at));
        list.for_range(at, run, &mut |e| f(e.row));
        left -= run;
        at += run;
        while new.next_if(|n| *n <= at).is_some() {
            at += 1;
        }
    }
}

impl Operator for Top {
    fn step(&mut self, step: &mut Step<'_>, _: &[&Delta], out: &mut Delta) {
        let groups = step.nodes.ordered(self.input);
        for change in groups.changes() {
            step.meter.examined += (change.removed.len() + change.inserted.len()) as u64;
            self.change(self, groups.list(change.group), change, out);
        }
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        let scan = Scan { relations: step.relations, nodes: step.nodes };
        self.scan(scan, &[self.input], &mut |row, weight| out.push(row, weight));
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        for list in scan.nodes.ordered(inputs[0]).lists() {
            let (low, high) = self.bounds(list.len());
            list.for_range(low, high - low, &mut |e| f(e.row, 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{OrderedGroups, Path, Relations, SortColumn, SortSpec};
    use crate::value::{Layout, Type, Value};

    #[test]
    fn the_change_of_a_part_is_the_difference_of_the_parts() {
        let mut rng = fastrand::Rng::with_seed(5);
        for round in 0..300 {
            let mut rs = Relations::default();
            let rel = rs.add_packed(Layout::new(&[Type::Int]));
            let column = SortColumn { path: Path::column(0), ty: Type::Int, desc: false, nulls_first: false };
            let mut groups = OrderedGroups::new(rel, vec![], SortSpec { columns: vec![column], ..SortSpec::default() });
            let limit = if rng.u8(..4) == 0 { usize::MAX } else { rng.usize(..6) };
            let top = Top::new(0, rng.usize(..4), limit);
            let part = |groups: &OrderedGroups| {
                let (low, high) = top.bounds(groups.list(0).len());
                groups.list(0).to_vec()[low..high].iter().map(|e| e.row).collect::<Vec<_>>()
            };
            let mut live: Vec<Handle> = Vec::new();
            let mut free: Vec<i64> = (0..40).collect();
            for _ in 0..12 {
                let before = part(&groups);
                let mut delta = Delta::default();
                for _ in 0..rng.usize(..if round % 2 == 0 { 3 } else { 12 }) {
                    if !live.is_empty() && rng.bool() {
                        delta.push(live.swap_remove(rng.usize(..live.len())), -1);
                    } else if let Some(n) = (!free.is_empty()).then(|| free.swap_remove(rng.usize(..free.len()))) {
                        let row = rs.layout(rel).pack(&[Value::Int(n)]);
                        let handle = rs.insert_row(rel, row);
                        delta.push(handle, 1);
                    }
                }
                let gone = |h: &Handle| delta.rows().iter().any(|r| r.0 == *h && r.1 < 0);
                live.retain(|h| !gone(h));
                live.extend(delta.rows().iter().filter(|r| r.1 > 0).map(|r| r.0));
                delta.consolidate();
                groups.apply(&rs, &delta);
                let mut out = Delta::default();
                groups.changes().iter().for_each(|c| top.change(&top, groups.list(0), c, &mut out));
                let after = part(&groups);
                let mut expected = Delta::default();
                before.iter().for_each(|h| expected.push(*h, -1));
                after.iter().for_each(|h| expected.push(*h, 1));
                expected.consolidate();
                let rows = out.rows().len();
                out.consolidate();
                assert_eq!((out.rows(), rows), (expected.rows(), expected.rows().len()));
            }
        }
    }
}
