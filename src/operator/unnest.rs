//! Rows together with the elements of an array that they have: pairs of the input row and a packed row of value and number.
//!
//! Law: linear; an input row has as many output rows as its array has elements (or runs of so many), with its weight each. State: the
//! rows of elements and the pairs, equal ones once; nothing per input row, whose array is read again when its weight changes. Cost: the
//! arrays of the changed rows.

use super::{Formula, Row};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{Derived, Path, RelationId, Relations};
use crate::value::array::parts;
use crate::value::{Cell, Element, RowBuilder, Value, array_values};

/// What an array's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elements {
    /// Where the array is.
    pub array: Path,
    /// What its elements are.
    pub of: Element,
    /// So many elements are one row, as an array.
    pub size: Option<usize>,
    /// A row without elements is kept, with nulls.
    pub keeps: bool,
}

/// Elements of arrays as rows.
pub struct Unnest {
    input: RelationId,
    elements: Elements,
    made: Derived,
    output: Derived,
    builder: RowBuilder,
}

impl std::fmt::Debug for Unnest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unnest").field("elements", &self.elements).finish_non_exhaustive()
    }
}

impl Unnest {
    /// Elements of an array of a relation's rows, made into one relation and paired in another.
    pub fn new(input: RelationId, elements: Elements, made: RelationId, output: RelationId) -> Self {
        Unnest { input, elements, made: Derived::new(made), output: Derived::new(output), builder: RowBuilder::new() }
    }

    /// The values that an input row has, and whether it is kept without any.
    fn values(&self, relations: &Relations, handle: Handle) -> (Vec<Value>, bool) {
        let Elements { array, of, size, keeps } = self.elements;
        let formula = Formula::Column(array);
        let cell = formula.eval(Row { relations, relation: self.input, handle });
        let mut values: Vec<Value> = match cell.as_ref().map(|c| c.as_cell()) {
            Ok(Cell::Array(_, packed)) => match size {
                None => array_values(of, packed).collect(),
                Some(size) => {
                    let all: Vec<&[u8]> = parts(of, packed).collect();
                    all.chunks(size).map(|part| Value::Array(of, part.concat().into())).collect()
                }
            },
            _ => Vec::new(),
        };
        let kept = values.is_empty() && keeps;
        if kept {
            values.push(Value::Null);
        }
        (values, kept)
    }
}

impl Operator for Unnest {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        let mut made = Delta::default();
        for &(handle, weight) in inputs[0].rows() {
            let (values, kept) = self.values(step.relations, handle);
            step.meter.examined += 1 + values.len() as u64;
            for (n, value) in (1..).zip(&values) {
                let layout = step.relations.layout(self.made.relation());
                self.builder.start(layout);
                self.builder.set(layout, 0, value.as_cell());
                self.builder.set(layout, 1, if kept { Cell::Null } else { Cell::Int(n) });
                let row = self.builder.finish(layout);
                let row = self.made.intern_row(step.relations, row);
                made.push(row, weight);
                out.push(self.output.intern_pair(step.relations, [handle, row]), weight);
            }
        }
        out.consolidate();
        self.output.integrate(step.relations, out);
        made.consolidate();
        self.made.integrate(step.relations, &made);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.output.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.made.bytes() + self.output.bytes()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.made.relation(), self.output.relation()]
    }
}
