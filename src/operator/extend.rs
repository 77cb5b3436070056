//! Rows together with computed cells: pairs of the input row and a packed row of formulas.
//!
//! Nothing of the input is copied; a plain column is still read from its own row. Law: linear, one output row per input
//! row. State: the computed rows (equal ones once), and a pair per row. Cost: one evaluation per changed row.

use hashbrown::HashMap;

use super::{Errors, Formula, Row};
use crate::algebra::{Delta, Handle, NO_ROW, Weight};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::trace::{Derived, HandleState, RelationId, Relations};
use crate::value::RowBuilder;

#[derive(Clone, Copy, Debug)]
struct Extended {
    pair: Handle,
    weight: Weight,
}

/// Extension.
pub struct Extend {
    input: RelationId,
    columns: Vec<Formula>,
    computed: Derived,
    output: RelationId,
    rows: HashMap<Handle, Extended, HandleState>,
    builder: RowBuilder,
    errors: Errors,
}

impl std::fmt::Debug for Extend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extend").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Extend {
    /// Extension of a relation's rows by formulas, computed into one relation and paired in another.
    pub fn new(input: RelationId, columns: Vec<Formula>, computed: RelationId, output: RelationId) -> Self {
        Extend {
            input,
            columns,
            computed: Derived::new(computed),
            output,
            rows: HashMap::default(),
            builder: RowBuilder::new(),
            errors: Errors::default(),
        }
    }

    fn compute(&mut self, relations: &mut Relations, handle: Handle) -> Result<Handle, ErrorCode> {
        let layout = relations.layout(self.computed.relation());
        self.builder.start(layout);
        for (c, formula) in self.columns.iter().enumerate() {
            let value = formula.eval(Row { relations, relation: self.input, handle })?;
            self.builder.set(layout, c, value.as_cell());
        }
        let row = self.builder.finish(layout);
        Ok(self.computed.intern_row(relations, row))
    }

    /// Takes other formulas, for all rows of the input as they are now. Rows whose cells stay what they are stay the same.
    pub(super) fn recompute(
        &mut self,
        relations: &mut Relations,
        columns: Vec<Formula>,
        rows: &[(Handle, Weight)],
        out: &mut Delta,
    ) {
        self.columns = columns;
        self.errors = Errors::default();
        let mut old = std::mem::take(&mut self.rows);
        for &(handle, weight) in rows {
            let row = match self.compute(relations, handle) {
                Ok(row) => row,
                Err(code) => {
                    self.errors.add(code, weight, [handle, NO_ROW]);
                    continue;
                }
            };
            let known = old.get(&handle).copied().filter(|e| relations.pair(self.output, e.pair)[1] == row);
            let extended = match known {
                Some(known) => {
                    old.remove(&handle);
                    out.push(known.pair, weight - known.weight);
                    Extended { weight, ..known }
                }
                None => {
                    let pair = relations.insert_pair(self.output, [handle, row]);
                    self.computed.add(row, 1);
                    out.push(pair, weight);
                    Extended { pair, weight }
                }
            };
            self.rows.insert(handle, extended);
        }
        for gone in old.into_values() {
            out.push(gone.pair, -gone.weight);
            self.computed.add(relations.pair(self.output, gone.pair)[1], -1);
            relations.retire(self.output, gone.pair);
        }
        self.computed.drop_unused(relations);
    }
}

impl Operator for Extend {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        for &(handle, weight) in inputs[0].rows() {
            let known = self.rows.get(&handle).copied();
            let extended = match known {
                Some(e) => e,
                None => match self.compute(step.relations, handle) {
                    Ok(row) => {
                        let pair = step.relations.insert_pair(self.output, [handle, row]);
                        self.computed.add(row, 1);
                        Extended { pair, weight: 0 }
                    }
                    Err(code) => {
                        self.errors.add(code, weight, [handle, NO_ROW]);
                        continue;
                    }
                },
            };
            let now = Extended { weight: extended.weight + weight, ..extended };
            out.push(now.pair, weight);
            if now.weight == 0 {
                self.computed.add(step.relations.pair(self.output, now.pair)[1], -1);
                step.relations.retire(self.output, now.pair);
                self.rows.remove(&handle);
            } else {
                self.rows.insert(handle, now);
            }
        }
        self.computed.drop_unused(step.relations);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        for e in self.rows.values() {
            f(e.pair, e.weight);
        }
    }

    fn bytes(&self) -> usize {
        self.computed.bytes() + self.rows.allocation_size()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.computed.relation(), self.output]
    }

    fn error(&self) -> Option<Failure> {
        self.errors.first([self.input; 2])
    }
}
