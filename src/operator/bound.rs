//! Rows whose column compares in one way with a value that is made of the one row on the right: `x > (select avg(…) from …)`.
//!
//! Law, with s(x) for "x compares so": out = ∂A · s + A′ · (s′ − s). The left side is in the order of the column, so what s
//! holds for is a part of its list, and s′ − s the ends of two parts. State: the value, and how many rows there are on the left.
//! Cost: O(1) per changed left row; for a changed value O(log n) and the rows that it lets in and out.

use super::{Formula, Row};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::query::Function;
use crate::trace::{OrderedList, Path, RelationId, Relations};
use crate::value::{Cell, Value, total_order};

/// A comparison of a column with the value of the one row on the right: `=`, `<`, `<=`, `>` or `>=`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Against {
    /// The column, as seen from the left row.
    pub column: Path,
    /// The comparison, read from the column.
    pub comparison: Function,
    /// The value, over the right row.
    pub value: Formula,
}

/// Rows that compare so with a value.
#[derive(Debug)]
pub struct Bound {
    left: (NodeId, RelationId),
    right: RelationId,
    against: Against,
    /// Null while there is no right row, or an erroneous one.
    value: Value,
    failed: Option<ErrorCode>,
    rows: i64,
}

impl Bound {
    /// Left rows, of an arrangement in the order of the column, against what a relation of one row says.
    pub fn new(left: (NodeId, RelationId), right: RelationId, against: Against) -> Self {
        Bound { left, right, against, value: Value::Null, failed: None, rows: 0 }
    }

    fn holds(&self, cell: Cell<'_>) -> bool {
        if cell.is_null() || self.value.is_null() {
            return false;
        }
        let order = total_order(cell, self.value.as_cell());
        match self.against.comparison {
            Function::Eq => order.is_eq(),
            Function::Lt => order.is_lt(),
            Function::Le => order.is_le(),
            Function::Gt => order.is_gt(),
            _ => order.is_ge(),
        }
    }

    /// The part of the list that the comparison holds for: from, to.
    fn part(&self, relations: &Relations, list: &OrderedList) -> (usize, usize) {
        if self.value.is_null() {
            return (0, 0);
        }
        let cell = |row: Handle| relations.cell(self.left.1, row, self.against.column);
        // Nulls are last, and greater than any value.
        let below = || list.partition(|e| total_order(cell(e.row), self.value.as_cell()).is_lt());
        let up_to = || list.partition(|e| total_order(cell(e.row), self.value.as_cell()).is_le());
        let values = || list.partition(|e| !cell(e.row).is_null());
        match self.against.comparison {
            Function::Eq => (below(), up_to()),
            Function::Lt => (0, below()),
            Function::Le => (0, up_to()),
            Function::Gt => (up_to(), values()),
            _ => (below(), values()),
        }
    }

    fn set(&mut self, relations: &Relations, right: &Delta) {
        (self.value, self.failed) = (Value::Null, None);
        if let Some(&(handle, _)) = right.rows().iter().find(|r| r.1 > 0) {
            match self.against.value.eval(Row { relations, relation: self.right, handle }) {
                Ok(value) => self.value = value.as_cell().to_value(),
                Err(code) => self.failed = Some(code),
            }
        }
    }
}

/// Adds the rows of a part of a list that are not in another part.
fn push_beyond(list: &OrderedList, part: (usize, usize), other: (usize, usize), weight: Weight, out: &mut Delta) {
    let other = if other.0 < other.1 { other } else { (part.1, part.1) };
    for (from, to) in [(part.0, part.1.min(other.0)), (part.0.max(other.1), part.1)] {
        if from < to {
            list.for_range(from, to - from, &mut |e| out.push(e.row, weight));
        }
    }
}

impl Operator for Bound {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let relations: &Relations = step.relations;
        for &(row, weight) in inputs[0].rows() {
            self.rows += i64::from(weight);
            if self.holds(relations.cell(self.left.1, row, self.against.column)) {
                out.push(row, weight);
            }
        }
        let mut examined = inputs[0].rows().len();
        if !inputs[1].is_empty() {
            let list = step.nodes.ordered(self.left.0).list(0);
            let before = self.part(relations, list);
            self.set(relations, inputs[1]);
            let now = self.part(relations, list);
            let told = out.rows().len();
            push_beyond(list, now, before, 1, out);
            push_beyond(list, before, now, -1, out);
            examined += 1 + out.rows().len() - told;
        }
        step.meter.examined += examined as u64;
    }

    fn scan(&self, scan: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        let list = scan.nodes.ordered(self.left.0).list(0);
        let (from, to) = self.part(scan.relations, list);
        list.for_range(from, to - from, &mut |e| f(e.row, 1));
    }

    fn error(&self) -> Option<Failure> {
        let code = self.failed.filter(|_| self.rows > 0)?;
        Some(Failure { code, rows: [None; 2] })
    }
}
