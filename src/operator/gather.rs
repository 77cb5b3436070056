//! The rows of several inputs as one relation, each with the number of its input behind it: the groups of grouping sets; of one input,
//! rows of many tables in the place of deep pairs.
//!
//! Law: linear; a row of an input is one of the output, with its weight. Rows of different inputs differ in the number, so that none of
//! them meet. State: the rows of the output. Cost: O(1) per changed row.

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::trace::{Derived, Path, RelationId, Relations};
use crate::value::{Cell, RowBuilder};

/// What the rows of an input become.
#[derive(Clone, Debug)]
pub struct Part {
    /// Relation of its rows.
    pub relation: RelationId,
    /// Where the cells of an output row are; `None`: it is null.
    pub columns: Vec<Option<Path>>,
}

/// Rows of several inputs.
pub struct Gather {
    parts: Vec<Part>,
    rows: Derived,
    builder: RowBuilder,
}

impl std::fmt::Debug for Gather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gather").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Gather {
    /// Rows of some inputs in a packed relation: the cells, then the number of the input.
    pub fn new(parts: Vec<Part>, output: RelationId) -> Self {
        Gather { parts, rows: Derived::new(output), builder: RowBuilder::new() }
    }
}

impl Operator for Gather {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        for (number, (part, input)) in (0..).zip(self.parts.iter().zip(inputs)) {
            step.meter.examined += input.rows().len() as u64;
            for &(handle, weight) in input.rows() {
                let layout = step.relations.layout(self.rows.relation());
                self.builder.start(layout);
                for (c, column) in part.columns.iter().enumerate() {
                    let cell = column.map_or(Cell::Null, |path| step.relations.cell(part.relation, handle, path));
                    self.builder.set(layout, c, cell);
                }
                self.builder.set(layout, part.columns.len(), Cell::Int(number));
                let row = self.builder.finish(layout);
                out.push(self.rows.intern_row(step.relations, row), weight);
            }
        }
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        self.rows.integrate(relations, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.rows.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.rows.relation()]
    }
}
