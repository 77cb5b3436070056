//! Rows of a table between bounds that parameters say: equality and ranges of one column, read off an order.
//!
//! State: the present bounds; the order below is shared by all that seek in it. Law: out = σ′(A′) − σ(A). Cost: O(1) per
//! changed row; when a parameter is set O(log n), and the rows that enter and leave.

use super::values;
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Guard, NodeId, Operator, Scan, Step};
use crate::operator::Formula;
use crate::query::Function;
use crate::trace::{OrderedList, Path, RelationId, Relations};
use crate::value::{Cell, Value, total_order};

/// Where a bound is from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BoundValue {
    /// This.
    Fixed(Value),
    /// What a parameter says.
    Param(usize),
}

/// Seek.
#[derive(Debug)]
pub struct Seek {
    input: NodeId,
    relation: RelationId,
    params: RelationId,
    column: Path,
    /// `=`, `<`, `<=`, `>` or `>=`, read from the column.
    bounds: Vec<(Function, BoundValue)>,
    /// The present values; none before the first.
    now: Option<Vec<Value>>,
}

impl Seek {
    /// The rows of an order by one column, ascending and nulls last, that fulfil all comparisons.
    pub fn new(
        input: NodeId,
        relation: RelationId,
        params: RelationId,
        column: Path,
        bounds: Vec<(Function, BoundValue)>,
    ) -> Self {
        Seek { input, relation, params, column, bounds, now: None }
    }

    fn holds(&self, now: Option<&[Value]>, cell: Cell<'_>) -> bool {
        let Some(now) = now else { return false };
        let fulfils = |(function, value): (Function, &Value)| {
            let order = total_order(cell, value.as_cell());
            !value.is_null()
                && match function {
                    Function::Lt => order.is_lt(),
                    Function::Le => order.is_le(),
                    Function::Gt => order.is_gt(),
                    Function::Ge => order.is_ge(),
                    _ => order.is_eq(),
                }
        };
        !cell.is_null() && self.bounds.iter().map(|b| b.0).zip(now).all(fulfils)
    }

    /// First and end position of the rows in the order.
    fn part(&self, relations: &Relations, list: &OrderedList, now: Option<&[Value]>) -> (usize, usize) {
        let Some(now) = now.filter(|now| !now.iter().any(Value::is_null)) else { return (0, 0) };
        let before = |value: &Value, or_equal: bool| {
            list.partition(|e| {
                let cell = relations.cell(self.relation, e.row, self.column);
                let order = total_order(cell, value.as_cell());
                !cell.is_null() && (order.is_lt() || or_equal && order.is_eq())
            })
        };
        let (mut low, mut high) = (0, list.len());
        let mut some = false;
        for ((function, _), value) in self.bounds.iter().zip(now) {
            if matches!(function, Function::Gt | Function::Ge | Function::Eq) {
                low = low.max(before(value, *function == Function::Gt));
            }
            if matches!(function, Function::Lt | Function::Le | Function::Eq) {
                high = high.min(before(value, *function != Function::Lt));
                some = true;
            }
        }
        if !some {
            high = list.partition(|e| !relations.cell(self.relation, e.row, self.column).is_null());
        }
        (low, high.max(low))
    }
}

impl Operator for Seek {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let relations = &*step.relations;
        let cell = |row: Handle| relations.cell(self.relation, row, self.column);
        let old = self.now.as_deref();
        step.meter.examined += inputs[0].rows().len() as u64;
        // When a parameter is set the rows are read off the order, where what changed in the same step is in already.
        for &(row, weight) in inputs[0].rows() {
            if self.holds(old, cell(row)) {
                out.push(row, weight);
            }
        }
        let Some(values) = values(relations, self.params, inputs[1]) else { return };
        let bound = |(_, value): &(Function, BoundValue)| match value {
            BoundValue::Fixed(v) => v.clone(),
            BoundValue::Param(p) => values[*p].clone(),
        };
        let new: Vec<Value> = self.bounds.iter().map(bound).collect();
        let list = step.nodes.ordered(self.input).list(0);
        let (was, is) = (self.part(relations, list, old), self.part(relations, list, Some(&new)));
        let mut tell = |from: usize, to: usize, weight: Weight| {
            if from < to {
                step.meter.examined += (to - from) as u64;
                list.for_range(from, to - from, &mut |e| out.push(e.row, weight));
            }
        };
        tell(was.0, was.1.min(is.0), -1);
        tell(was.0.max(is.1), was.1, -1);
        tell(is.0, is.1.min(was.0), 1);
        tell(is.0.max(was.1), is.1, 1);
        self.now = Some(new);
    }

    fn reads(&self) -> Option<RelationId> {
        Some(self.relation)
    }

    fn guards(&self) -> Vec<Guard> {
        let now = self.now.as_deref().unwrap_or_default();
        let compared = self.bounds.iter().zip(now).map(|((function, _), value)| {
            Formula::Call(*function, vec![Formula::Column(self.column), Formula::Literal(value.clone())])
        });
        Guard::of(&Formula::Call(Function::And, compared.collect()))
    }

    fn scan(&self, scan: Scan<'_>, inputs: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        let list = scan.nodes.ordered(inputs[0]).list(0);
        let (low, high) = self.part(scan.relations, list, self.now.as_deref());
        list.for_range(low, high - low, &mut |e| f(e.row, 1));
    }
}
