//! Random histories: what backends really send, and what they should not.

use eddyline::query::{Schema, Table};
use eddyline::reference::Data;
use eddyline::store::batch::Op;
use eddyline::value::Value;
use fastrand::Rng;

use super::super::case::{Step, Written};
use super::domain::{cell, key};
use super::{chance, pick};

/// A first load, then some batches.
pub fn history(rng: &mut Rng, schema: &Schema) -> Vec<Step> {
    let mut data = Data::new(schema);
    let mut out: Vec<Step> = Vec::new();
    let mut cursor = 1u64;
    if chance(rng, 90) {
        let mut load = Step::default();
        for table in schema.tables.values() {
            for _ in 0..rng.usize(2..14) {
                load.changes.push(whole(Op::Upsert, table, &row(rng, schema, table)));
            }
        }
        note(&mut data, schema, &load);
        out.push(load);
    }
    for _ in 0..rng.usize(2..=9) {
        if chance(rng, 5) && !out.is_empty() {
            let replay = out[rng.usize(0..out.len())].clone();
            // Without a cursor it is not a replay but the same changes once more, which is as good.
            note(&mut data, schema, &replay);
            out.push(replay);
            continue;
        }
        let mut step = Step::default();
        let mut draft = data.clone();
        // Sometimes most of a batch is updates of one table: rows pass one another.
        let shuffled = chance(rng, 25).then(|| rng.u32(0..schema.tables.len() as u32));
        let most = if chance(rng, 20) { 20 } else { 6 };
        for _ in 0..rng.usize(1..=most) {
            let new = match shuffled {
                Some(table) if chance(rng, 80) => update(rng, schema, schema.by_id(table), draft.rows(table)),
                _ => None,
            };
            for change in new.map_or_else(|| changes(rng, schema, &draft), |u| vec![u]) {
                note(&mut draft, schema, &Step { changes: vec![change.clone()], ..Step::default() });
                step.changes.push(change);
            }
        }
        if chance(rng, 6) {
            step.changes.extend(refused(rng, schema, &draft));
        }
        if chance(rng, 35) {
            step.source = Some(pick(rng, &["s", "s", "other"]).to_owned());
            let back = chance(rng, 15);
            cursor += u64::from(!back) * rng.u64(1..4);
            step.cursor = Some((cursor - u64::from(back && cursor > 1)).to_string());
            step.stale = rng.bool();
        }
        note(&mut data, schema, &step);
        out.push(step);
    }
    out
}

/// What the history has come to; a batch that fails changes nothing.
fn note(data: &mut Data, schema: &Schema, step: &Step) {
    let _ = data.apply(schema, &step.batch(schema));
}

fn whole(op: Op, table: &Table, row: &[Value]) -> Written {
    Written::new(op, table, row, 0..row.len())
}

/// A row at random. Columns named after another table's key take values that keys have.
fn row(rng: &mut Rng, schema: &Schema, table: &Table) -> Vec<Value> {
    (0..table.columns.len()).map(|c| any_cell(rng, schema, table, c)).collect()
}

fn any_cell(rng: &mut Rng, schema: &Schema, table: &Table, c: usize) -> Value {
    let column = &table.columns[c];
    if Some(c) == table.tenant_column() {
        return Value::text(pick(rng, &["t1", "t1", "t2"]));
    }
    let refers = schema.tables.keys().any(|name| column.name.starts_with(name.as_str()));
    if table.key.contains(&c) || refers {
        return if column.nullable && chance(rng, 15) { Value::Null } else { key(rng, column.ty) };
    }
    cell(rng, column)
}

/// One change, or a few that belong together.
fn changes(rng: &mut Rng, schema: &Schema, data: &Data) -> Vec<Written> {
    let table = schema.by_id(rng.u32(0..schema.tables.len() as u32));
    let held = data.rows(table.id);
    let any = row(rng, schema, table);
    let known = if held.is_empty() || chance(rng, 6) { any.clone() } else { pick(rng, held) };
    let is_held = |row: &[Value]| held.iter().any(|h| table.key.iter().all(|&c| h[c] == row[c]));
    let keyed = |op| Written::new(op, table, &known, table.key.iter().copied());
    match rng.u32(0..100) {
        0..22 if is_held(&any) => vec![whole(Op::Upsert, table, &any)],
        0..22 => vec![whole(Op::Insert, table, &any)],
        22..34 => vec![whole(Op::Upsert, table, &any)],
        34..66 => update(rng, schema, table, std::slice::from_ref(&known)).into_iter().collect(),
        66..82 => vec![keyed(Op::Delete)],
        82..88 => vec![keyed(Op::Delete), whole(Op::Upsert, table, &known)],
        88..91 if is_held(&known) => vec![whole(Op::Insert, table, &known)],
        88..93 => vec![keyed(Op::Touch)],
        93..96 => reset(rng, schema, table, held),
        _ => {
            // There and gone again, or changed and changed back.
            let mut out = vec![whole(Op::Upsert, table, &any), Written::new(Op::Delete, table, &any, table.key.iter().copied())];
            out.extend(held.iter().find(|h| table.key.iter().all(|&c| h[c] == any[c])).map(|h| whole(Op::Insert, table, h)));
            out
        }
    }
}

/// An update of some columns of a row, also of none, or to what they are.
fn update(rng: &mut Rng, schema: &Schema, table: &Table, held: &[Vec<Value>]) -> Option<Written> {
    if held.is_empty() {
        return None;
    }
    let mut new = pick(rng, held);
    let free: Vec<usize> = (0..new.len()).filter(|c| !table.key.contains(c)).collect();
    let mut columns = table.key.clone();
    for _ in 0..rng.usize(0..3).min(free.len()) {
        let c = pick(rng, &free);
        new[c] = any_cell(rng, schema, table, c);
        columns.push(c);
    }
    Some(Written::new(Op::Update, table, &new, columns))
}

/// A table (of a tenant) anew: some rows as they were, some otherwise, some no more.
fn reset(rng: &mut Rng, schema: &Schema, table: &Table, held: &[Vec<Value>]) -> Vec<Written> {
    let tenant = table.tenant_column();
    let example = row(rng, schema, table);
    let mut out = vec![Written::new(Op::Reset, table, &example, tenant)];
    for old in held.iter().filter(|row| tenant.is_none_or(|t| row[t] == example[t])) {
        match rng.u32(0..10) {
            0..5 => out.push(whole(Op::Insert, table, old)),
            5..7 => {
                let mut new = row(rng, schema, table);
                table.key.iter().for_each(|&c| new[c] = old[c].clone());
                out.push(whole(pick(rng, &[Op::Insert, Op::Upsert]), table, &new));
            }
            _ => {}
        }
    }
    out
}

/// A change that must be refused: a key that is held, with other content.
fn refused(rng: &mut Rng, schema: &Schema, data: &Data) -> Option<Written> {
    let table = schema.by_id(rng.u32(0..schema.tables.len() as u32));
    let mut other = data.rows(table.id).first()?.clone();
    let c = (0..other.len()).find(|c| !table.key.contains(c))?;
    other[c] = any_cell(rng, schema, table, c);
    Some(whole(Op::Insert, table, &other))
}
