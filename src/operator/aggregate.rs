//! Groups and their aggregates.
//!
//! Per group: rows, and one accumulator per call. Counts and sums are invertible, so a removal is an addition of the
//! opposite; smallest and largest keep an ordered multiset, so that deleting the extreme finds the next. Output: one row per
//! group (group cells, then aggregates), replaced when a value changed. Without group columns there is one group, which
//! exists also without rows. Cost: O(log n) per changed row and call, one output row per changed group.
//! Law: out = [f(G′)] − [f(G)] per changed group.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::{Errors, ExactSum, Formula, Row};
use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::query::{AggregateCall, AggregateFunction};
use crate::trace::{Derived, Path, RelationId, Relations};
use crate::value::{Cell, Hasher64, RowBuilder, Type, Value, total_order};

#[derive(Debug)]
enum Accumulator {
    Count(i64),
    Sum { sum: ExactSum, count: i64 },
    Ordered(BTreeMap<Value, i64>),
}

#[derive(Debug)]
struct Group {
    hash: u64,
    key: Box<[Value]>,
    rows: i64,
    accumulators: Box<[Accumulator]>,
    /// Output row, while there is one.
    shown: Option<Handle>,
    /// The result is out of range: counted as an error, no row shown.
    failed: Option<ErrorCode>,
    queued: bool,
}

/// Aggregation.
pub struct AggregateGroups {
    input: RelationId,
    columns: Vec<Path>,
    calls: Vec<(AggregateCall, Option<Formula>)>,
    index: HashTable<u32>,
    groups: Vec<Group>,
    free: Vec<u32>,
    changed: Vec<u32>,
    rows: Derived,
    errors: Errors,
    builder: RowBuilder,
}

impl std::fmt::Debug for AggregateGroups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AggregateGroups").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl AggregateGroups {
    /// Aggregation of a relation's rows into a packed relation: group cells, then aggregates.
    pub fn new(input: RelationId, columns: Vec<Path>, calls: Vec<(AggregateCall, Option<Formula>)>, output: RelationId) -> Self {
        AggregateGroups {
            input,
            columns,
            calls,
            index: HashTable::new(),
            groups: Vec::new(),
            free: Vec::new(),
            changed: Vec::new(),
            rows: Derived::new(output),
            errors: Errors::default(),
            builder: RowBuilder::new(),
        }
    }

    fn group_of(&mut self, relations: &Relations, row: Handle) -> u32 {
        let mut hasher = Hasher64::new();
        for &p in &self.columns {
            hasher.cell(relations.cell(self.input, row, p));
        }
        let hash = hasher.finish();
        let (groups, columns, input) = (&self.groups, &self.columns, self.input);
        let found = self.index.find(hash, |&g| {
            let group = &groups[g as usize];
            let same = |(v, &p): (&Value, &Path)| total_order(v.as_cell(), relations.cell(input, row, p)).is_eq();
            group.hash == hash && group.key.iter().zip(columns).all(same)
        });
        if let Some(&g) = found {
            return g;
        }
        let key = self.columns.iter().map(|&p| relations.cell(self.input, row, p).to_value()).collect();
        self.new_group(hash, key)
    }

    fn new_group(&mut self, hash: u64, key: Box<[Value]>) -> u32 {
        let accumulators = self.calls.iter().map(|(call, _)| Accumulator::new(call.function)).collect();
        let group = Group { hash, key, rows: 0, accumulators, shown: None, failed: None, queued: false };
        let g = if let Some(g) = self.free.pop() {
            self.groups[g as usize] = group;
            g
        } else {
            self.groups.push(group);
            self.groups.len() as u32 - 1
        };
        let groups = &self.groups;
        self.index.insert_unique(hash, g, |&g| groups[g as usize].hash);
        g
    }

    fn add_row(&mut self, relations: &Relations, handle: Handle, weight: Weight) -> Result<(), ErrorCode> {
        // Arguments first: a row that fails must not be counted in part.
        let row = Row { relations, relation: self.input, handle };
        for (_, argument) in &self.calls {
            if let Some(Err(code)) = argument.as_ref().filter(|a| !matches!(a, Formula::Column(_))).map(|a| a.eval(row)) {
                return Err(code);
            }
        }
        let g = self.group_of(relations, handle);
        let group = &mut self.groups[g as usize];
        group.rows += i64::from(weight);
        for (accumulator, (_, argument)) in group.accumulators.iter_mut().zip(&self.calls) {
            match argument {
                None => accumulator.add(Cell::Bool(true), weight),
                Some(a) => accumulator.add(a.eval(row)?.as_cell(), weight),
            }
        }
        if !group.queued {
            group.queued = true;
            self.changed.push(g);
        }
        Ok(())
    }

    fn publish(&mut self, relations: &mut Relations, g: u32, out: &mut Delta) {
        let group = &mut self.groups[g as usize];
        group.queued = false;
        if let Some(code) = group.failed.take() {
            self.errors.add(code, -1);
        }
        let before = group.shown.take();
        let exists = group.rows > 0 || self.columns.is_empty();
        if exists {
            let layout = relations.layout(self.rows.relation());
            self.builder.start(layout);
            for (c, v) in group.key.iter().enumerate() {
                self.builder.set(layout, c, v.as_cell());
            }
            let mut failed = None;
            for (i, (accumulator, (call, _))) in group.accumulators.iter().zip(&self.calls).enumerate() {
                match accumulator.result(call) {
                    Ok(v) => self.builder.set(layout, group.key.len() + i, v.as_cell()),
                    Err(code) => failed = failed.or(Some(code)),
                }
            }
            match failed {
                Some(code) => {
                    group.failed = Some(code);
                    self.errors.add(code, 1);
                }
                None => {
                    let row = self.builder.finish(layout);
                    group.shown = Some(self.rows.intern_row(relations, row));
                }
            }
        }
        if before != group.shown {
            before.into_iter().for_each(|h| out.push(h, -1));
            group.shown.into_iter().for_each(|h| out.push(h, 1));
        }
        if !exists {
            let hash = group.hash;
            if let Ok(e) = self.index.find_entry(hash, |&i| i == g) {
                e.remove();
            }
            group.key = Box::default();
            group.accumulators = Box::default();
            self.free.push(g);
        }
    }
}

impl Accumulator {
    fn new(function: AggregateFunction) -> Self {
        match function {
            AggregateFunction::Count => Accumulator::Count(0),
            AggregateFunction::Sum | AggregateFunction::Avg => Accumulator::Sum { sum: ExactSum::default(), count: 0 },
            AggregateFunction::Min | AggregateFunction::Max => Accumulator::Ordered(BTreeMap::new()),
        }
    }

    fn add(&mut self, cell: Cell<'_>, weight: Weight) {
        let times = i64::from(weight);
        match (self, cell) {
            (_, Cell::Null) => {}
            (Accumulator::Count(n), _) => *n += times,
            (Accumulator::Sum { sum, count }, cell) => {
                *count += times;
                match cell {
                    Cell::Int(v) => sum.add_integer(v, weight),
                    Cell::Float(v) => sum.add(v, weight),
                    c => unreachable!("bind lets no sum of {:?} through", c.kind()),
                }
                if *count == 0 {
                    *sum = ExactSum::default();
                }
            }
            (Accumulator::Ordered(values), cell) => {
                let value = cell.to_value();
                let n = values.entry(value.clone()).or_insert(0);
                *n += times;
                if *n == 0 {
                    values.remove(&value);
                }
            }
        }
    }

    fn result(&self, call: &AggregateCall) -> Result<Value, ErrorCode> {
        Ok(match self {
            Accumulator::Count(n) => Value::Int(*n),
            Accumulator::Sum { count: 0, .. } => Value::Null,
            Accumulator::Sum { sum, count } => {
                let value = match call.function {
                    AggregateFunction::Avg => sum.quotient(*count as u64),
                    _ if call.ty == Type::Int => {
                        let exact = i64::try_from(sum.integer_sum()).map_err(|_| ErrorCode::NumericOverflow)?;
                        return Ok(Value::Int(exact));
                    }
                    _ => sum.value(),
                };
                let value = value.unwrap_or(f64::NAN);
                if value.is_infinite() && !sum.has_infinite() {
                    return Err(ErrorCode::NumericOverflow);
                }
                Value::Float(value)
            }
            Accumulator::Ordered(values) => {
                let extreme = match call.function {
                    AggregateFunction::Max => values.last_key_value(),
                    _ => values.first_key_value(),
                };
                extreme.map_or(Value::Null, |(v, _)| v.clone())
            }
        })
    }

    fn bytes(&self) -> usize {
        match self {
            Accumulator::Count(_) => 0,
            Accumulator::Sum { sum, .. } => sum.bytes(),
            Accumulator::Ordered(values) => values.len() * (size_of::<Value>() + 8),
        }
    }
}

impl Operator for AggregateGroups {
    fn step(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        step.meter.examined += inputs[0].rows().len() as u64;
        for &(row, weight) in inputs[0].rows() {
            if let Err(code) = self.add_row(step.relations, row, weight) {
                self.errors.add(code, weight);
            }
        }
        for g in std::mem::take(&mut self.changed) {
            self.publish(step.relations, g, out);
        }
    }

    fn hydrate(&mut self, step: &mut Step<'_>, inputs: &[&Delta], out: &mut Delta) {
        if self.columns.is_empty() {
            let g = self.new_group(Hasher64::new().finish(), Box::default());
            self.groups[g as usize].queued = true;
            self.changed.push(g);
        }
        self.step(step, inputs, out);
    }

    fn integrate(&mut self, relations: &mut Relations, out: &Delta) {
        self.rows.integrate(relations, out);
    }

    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        self.rows.for_each(f);
    }

    fn bytes(&self) -> usize {
        self.rows.bytes()
            + self.index.allocation_size()
            + self.groups.capacity() * size_of::<Group>()
            + self.groups.iter().flat_map(|g| g.accumulators.iter()).map(|a| size_of::<Accumulator>() + a.bytes()).sum::<usize>()
    }

    fn owned_relations(&self) -> Vec<RelationId> {
        vec![self.rows.relation()]
    }

    fn error(&self) -> Option<ErrorCode> {
        self.errors.first()
    }
}
