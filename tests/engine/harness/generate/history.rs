//! Random histories: what backends really send, and what they should not.

use eddyline::query::{Schema, Table, TableId};
use eddyline::reference::Data;
use eddyline::store::batch::Op;
use eddyline::value::Value;
use fastrand::Rng;

use super::super::case::{Step, Written};
use super::domain::Domain;
use super::{chance, pick};

/// Writes a history, and knows what it has come to.
struct Author<'a> {
    rng: &'a mut Rng,
    schema: &'a Schema,
    domain: Domain,
    data: Data,
    /// Cursors only grow, unless they are meant not to.
    cursor: u64,
}

/// A first load, then some batches.
pub fn history(rng: &mut Rng, schema: &Schema, domain: Domain) -> Vec<Step> {
    let mut author = Author { rng, schema, domain, data: Data::new(schema), cursor: 1 };
    let mut out: Vec<Step> = Vec::new();
    if chance(author.rng, 90) {
        out.push(author.load());
    }
    for _ in 0..author.rng.usize(2..=9) {
        let step = if chance(author.rng, 5) && !out.is_empty() {
            // Without a cursor it is not a replay but the same changes once more, which is as good.
            pick(author.rng, &out)
        } else {
            author.batch()
        };
        author.note(&step);
        out.push(step);
    }
    out
}

impl Author<'_> {
    /// A batch that fails changes nothing.
    fn note(&mut self, step: &Step) {
        let _ = self.data.apply(self.schema, &step.batch(self.schema));
    }

    fn some_table(&mut self) -> TableId {
        self.rng.u32(0..self.schema.tables.len() as u32)
    }

    fn load(&mut self) -> Step {
        let large = self.domain.is_wide().then(|| self.some_table());
        let mut load = Step::default();
        for table in self.schema.tables.values() {
            let count = if Some(table.id) == large { 80..200 } else { 3..14 };
            for _ in 0..self.rng.usize(count) {
                let row = self.row(table);
                load.changes.push(whole(Op::Upsert, table, &row));
            }
        }
        self.note(&load);
        load
    }

    fn batch(&mut self) -> Step {
        let mut step = Step::default();
        let mut draft = self.data.clone();
        // Sometimes most of a batch is updates of one table: rows pass one another.
        let shuffled = chance(self.rng, 40).then(|| self.some_table());
        let most = if chance(self.rng, 20) { 20 } else { 6 } * if self.domain.is_wide() { 4 } else { 1 };
        for _ in 0..self.rng.usize(1..=most) {
            let update = match shuffled {
                Some(table) if chance(self.rng, 80) => self.update(self.schema.by_id(table), draft.rows(table)),
                _ => None,
            };
            let changes = update.map_or_else(|| self.changes(&draft), |u| vec![u]);
            for change in changes {
                let _ = draft.apply(self.schema, &Step { changes: vec![change.clone()], ..Step::default() }.batch(self.schema));
                step.changes.push(change);
            }
        }
        if chance(self.rng, 6) {
            step.changes.extend(self.refused(&draft));
        }
        if chance(self.rng, 35) {
            step.source = Some(pick(self.rng, &["s", "s", "other"]).to_owned());
            let back = chance(self.rng, 15);
            self.cursor += u64::from(!back) * self.rng.u64(1..4);
            let cursor = self.cursor - u64::from(back && self.cursor > 1);
            // Two ways to count: integers past one digit, and log positions past one hexadecimal digit.
            let position = step.source.as_deref() == Some("other");
            step.cursor = Some(if position { format!("0/{cursor:X}") } else { cursor.to_string() });
            step.stale = self.rng.bool();
        }
        step
    }

    /// A row at random. Columns named after another table take values that its keys have.
    fn row(&mut self, table: &Table) -> Vec<Value> {
        (0..table.columns.len()).map(|c| self.cell(table, c)).collect()
    }

    fn cell(&mut self, table: &Table, c: usize) -> Value {
        let column = &table.columns[c];
        if Some(c) == table.tenant_column() {
            return Value::text(pick(self.rng, &["t1", "t1", "t2"]));
        }
        let refers = self.schema.tables.keys().any(|name| column.name.starts_with(name.as_str()));
        if table.key.contains(&c) || refers {
            let null = column.nullable && chance(self.rng, 15);
            return if null { Value::Null } else { self.domain.key(self.rng, column.ty) };
        }
        self.domain.cell(self.rng, column)
    }

    /// One change, or a few that belong together.
    fn changes(&mut self, data: &Data) -> Vec<Written> {
        let table = self.schema.by_id(self.some_table());
        let held = data.rows(table.id);
        let any = self.row(table);
        let known = if held.is_empty() || chance(self.rng, 6) { any.clone() } else { pick(self.rng, held) };
        let of = |row: &[Value]| held.iter().find(|h| table.key.iter().all(|&c| h[c] == row[c]));
        let keyed = |op, row: &[Value]| Written::new(op, table, row, table.key.iter().copied());
        match self.rng.u32(0..100) {
            0..22 if of(&any).is_some() => vec![whole(Op::Upsert, table, &any)],
            0..22 => vec![whole(Op::Insert, table, &any)],
            22..34 => vec![whole(Op::Upsert, table, &any)],
            34..66 => self.update(table, std::slice::from_ref(&known)).into_iter().collect(),
            66..82 => vec![keyed(Op::Delete, &known)],
            82..88 => vec![keyed(Op::Delete, &known), whole(Op::Upsert, table, &known)],
            88..91 if of(&known).is_some() => vec![whole(Op::Insert, table, &known)],
            88..93 => vec![keyed(Op::Touch, &known)],
            93..96 => self.reset(table, held),
            _ => {
                // There and gone again, or changed and changed back.
                let mut out = vec![whole(Op::Upsert, table, &any), keyed(Op::Delete, &any)];
                out.extend(of(&any).map(|h| whole(Op::Insert, table, h)));
                out
            }
        }
    }

    /// An update of some columns of a row, also of none, or to what they are.
    fn update(&mut self, table: &Table, held: &[Vec<Value>]) -> Option<Written> {
        if held.is_empty() {
            return None;
        }
        let mut new = pick(self.rng, held);
        let free: Vec<usize> = (0..new.len()).filter(|c| !table.key.contains(c)).collect();
        let mut columns = table.key.clone();
        for _ in 0..self.rng.usize(0..3).min(free.len()) {
            let c = pick(self.rng, &free);
            new[c] = self.cell(table, c);
            columns.push(c);
        }
        Some(Written::new(Op::Update, table, &new, columns))
    }

    /// A table (of a tenant) anew: some rows as they were, some otherwise, some no more.
    fn reset(&mut self, table: &Table, held: &[Vec<Value>]) -> Vec<Written> {
        let tenant = table.tenant_column();
        let example = self.row(table);
        let mut out = vec![Written::new(Op::Reset, table, &example, tenant)];
        for old in held.iter().filter(|row| tenant.is_none_or(|t| row[t] == example[t])) {
            match self.rng.u32(0..10) {
                0..5 => out.push(whole(Op::Insert, table, old)),
                5..7 => {
                    let mut new = self.row(table);
                    table.key.iter().for_each(|&c| new[c] = old[c].clone());
                    out.push(whole(pick(self.rng, &[Op::Insert, Op::Upsert]), table, &new));
                }
                _ => {}
            }
        }
        out
    }

    /// A change that must be refused: a key that is held, with other content.
    fn refused(&mut self, data: &Data) -> Option<Written> {
        let table = self.schema.by_id(self.some_table());
        let mut other = data.rows(table.id).first()?.clone();
        let c = (0..other.len()).find(|c| !table.key.contains(c))?;
        other[c] = self.cell(table, c);
        Some(whole(Op::Insert, table, &other))
    }
}

fn whole(op: Op, table: &Table, row: &[Value]) -> Written {
    Written::new(op, table, row, 0..row.len())
}
