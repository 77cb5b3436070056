//! The tree against a sorted vector.

use super::node::Item;
use super::slot::{Arguments, Kept, Slot, SlotSpec};
use super::tree::Tree;
use crate::algebra::NO_ROW;
use crate::operator::Formula;
use crate::trace::{Entry, Path, Relations};
use crate::value::{Cell, Layout, Type, Value};

const KEPT: [Kept; 4] = [Kept::Count, Kept::Sum, Kept::Min, Kept::Max];

#[test]
fn counts_groups_and_aggregates_of_ranges_agree_with_a_vector_under_random_churn() {
    let mut rng = fastrand::Rng::with_seed(11);
    let mut relations = Relations::default();
    let relation = relations.add_packed(Layout::new(&[Type::Float]));
    let slots: Vec<SlotSpec> = KEPT.iter().map(|&kept| SlotSpec { kept, argument: Formula::Column(Path::column(0)) }).collect();
    let values: Vec<Option<f64>> = (0..4000)
        .map(|_| (rng.u32(0..5) > 0).then(|| (f64::from(rng.i32(-500..500)) / 8.0) * [1.0, 1e200][rng.usize(0..2)]))
        .collect();
    for v in &values {
        let row = relations.layout(relation).pack(&[v.map_or(Value::Null, Value::Float)]);
        relations.insert_row(relation, row);
    }
    let arguments = Arguments { relations: &relations, relation, slots: &slots };
    let item = |row: usize, starts| Item::new(Entry { first: row as u64, second: 0, row: row as u32 }, starts);
    // A built tree and one that grew, both changed the same way.
    let first: Vec<Item> = (0..1500).map(|row| item(row, row % 3 == 0)).collect();
    let mut tree = Tree::build(&first, arguments);
    let mut model: Vec<(usize, bool)> = (0..1500).map(|row| (row, row % 3 == 0)).collect();
    for row in 1500..4000 {
        let shrinks = row % 1000 > 600;
        if shrinks && !model.is_empty() {
            for _ in 0..rng.usize(1..5).min(model.len()) {
                let at = rng.usize(0..model.len());
                model.remove(at);
                tree.remove(at, arguments);
            }
        }
        let at = if row % 2 == 0 { model.len() } else { rng.usize(0..=model.len()) };
        let starts = rng.bool();
        model.insert(at, (row, starts));
        tree.insert(at, item(row, starts), arguments);
        if row % 5 == 0 {
            let at = rng.usize(0..model.len());
            model[at].1 = !model[at].1;
            tree.mark(at, model[at].1);
        }
        if row % 10 != 0 {
            continue;
        }
        agrees(&tree, &model, &values, arguments, &mut rng);
    }
    for at in (0..model.len()).rev() {
        tree.remove(at, arguments);
    }
    assert_eq!((tree.len(), tree.bytes()), (0, 0));
}

/// Counts, groups and aggregates of some range are those of the rows in order, each with whether a group starts at it.
fn agrees(tree: &Tree, model: &[(usize, bool)], values: &[Option<f64>], arguments: Arguments<'_>, rng: &mut fastrand::Rng) {
    assert_eq!(tree.len(), model.len());
    let at = rng.usize(0..=model.len());
    assert_eq!(tree.get(at).map(|i| i.row as usize), model.get(at).map(|m| m.0));
    let groups = model[..at].iter().filter(|m| m.1).count();
    assert_eq!(tree.starts_before(at), groups);
    let start = model.iter().enumerate().filter(|m| m.1.1).nth(groups).map_or(model.len(), |m| m.0);
    assert_eq!(tree.group_start(groups), start);
    let (from, to) = (at.min(start), at.max(start));
    let to = to.max(rng.usize(from..=model.len()));
    let mut seen = Vec::new();
    tree.for_range(from, to, &mut |i| seen.push(i.row as usize));
    assert!(seen.iter().eq(model[from..to].iter().map(|m| &m.0)));
    let numbers: Vec<f64> = model[from..to].iter().filter_map(|m| values[m.0]).collect();
    for (slot, kept) in KEPT.iter().enumerate() {
        let mut folded = Slot::new(*kept);
        tree.fold(from, to, arguments, slot, &mut folded);
        match folded {
            Slot::Count(n) => assert_eq!(n as usize, numbers.len()),
            Slot::Sum { sum, count } => {
                let mut expected = super::super::ExactSum::default();
                numbers.iter().for_each(|v| expected.add(*v, 1));
                assert_eq!((count as usize, sum.value()), (numbers.len(), expected.value()));
            }
            Slot::Decimals { .. } | Slot::Spans(_) => unreachable!("numbers are doubles"),
            Slot::Extreme(NO_ROW) => assert!(numbers.is_empty()),
            Slot::Extreme(row) => {
                let pick = if *kept == Kept::Min { f64::min } else { f64::max };
                let Cell::Float(found) = arguments.relations.cell(arguments.relation, row, Path::column(0)) else {
                    panic!("a number")
                };
                assert_eq!(Some(found), numbers.iter().copied().reduce(pick));
            }
        }
    }
}

#[test]
fn nodes_of_nodes_are_split_and_merged_as_rows_come_and_go() {
    let mut rng = fastrand::Rng::with_seed(12);
    let mut relations = Relations::default();
    let relation = relations.add_packed(Layout::new(&[Type::Float]));
    let slots: Vec<SlotSpec> = KEPT.iter().map(|&kept| SlotSpec { kept, argument: Formula::Column(Path::column(0)) }).collect();
    let values: Vec<Option<f64>> = (0..9000).map(|row| (row % 7 > 0).then(|| f64::from(rng.i32(-500..500)))).collect();
    for v in &values {
        let row = relations.layout(relation).pack(&[v.map_or(Value::Null, Value::Float)]);
        relations.insert_row(relation, row);
    }
    let arguments = Arguments { relations: &relations, relation, slots: &slots };
    let mut tree = Tree::default();
    let mut model: Vec<(usize, bool)> = Vec::new();
    // A node holds 64: of as many rows there are nodes of nodes of rows, and more than one of them.
    for row in 0..values.len() {
        let at = if row % 2 == 0 { model.len() } else { rng.usize(0..=model.len()) };
        let starts = rng.bool();
        model.insert(at, (row, starts));
        tree.insert(at, Item::new(Entry { first: row as u64, second: 0, row: row as u32 }, starts), arguments);
        if row % 200 == 0 {
            agrees(&tree, &model, &values, arguments, &mut rng);
        }
    }
    while !model.is_empty() {
        let at = rng.usize(0..model.len());
        model.remove(at);
        tree.remove(at, arguments);
        if model.len().is_multiple_of(100) {
            agrees(&tree, &model, &values, arguments, &mut rng);
        }
    }
    assert_eq!((tree.len(), tree.bytes()), (0, 0));
}
