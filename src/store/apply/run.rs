//! One batch on its way: each change at once, with an undo list to take everything back.

use super::Applied;
use super::resets::Resets;
use crate::algebra::{Delta, Handle};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Schema, Table, TableId};
use crate::store::arrival::Arrivals;
use crate::store::{Change, KeyMap, Op, key_hash};
use crate::trace::Relations;
use crate::value::RowBuilder;

pub(super) enum Undo {
    Inserted { table: TableId, row: Handle },
    Replaced { table: TableId, old: Handle, new: Handle },
    Deleted { table: TableId, row: Handle },
}

pub(super) struct Run<'a> {
    pub schema: &'a Schema,
    pub rs: &'a mut Relations,
    pub tables: &'a mut Vec<KeyMap>,
    pub builder: &'a mut RowBuilder,
    pub undo: Vec<Undo>,
    pub spare: &'a mut Vec<Delta>,
    pub arrivals: Arrivals<'a>,
    pub resets: Resets,
    pub applied: &'a mut Applied,
}

impl Run<'_> {
    /// Before a load, room for its rows at once rather than by doubling.
    pub(super) fn make_room(&mut self, changes: &[Change]) {
        let Some(table) = changes.first().map(|c| c.table) else { return };
        let map = &mut self.tables[table as usize];
        if changes.len() > map.len() + 1024 && changes.iter().all(|c| c.table == table && matches!(c.op, Op::Insert | Op::Upsert))
        {
            let new = changes.len() - map.len();
            map.reserve(new);
            self.rs.reserve(table, new);
        }
    }

    pub(super) fn change(&mut self, change: Change) -> Result<()> {
        let table = change.table;
        let schema = self.schema;
        let t = schema.by_id(table);
        if change.op == Op::Reset {
            self.arrivals.was_reset = true;
            self.resets.add(t, change.row);
            return Ok(());
        }
        let hash = if change.hash != 0 { change.hash } else { hash_of(t, &change)? };
        if matches!(change.op, Op::Insert | Op::Upsert) && self.resets.is_empty() {
            return self.put(table, hash, change);
        }
        let rs = &*self.rs;
        let found = self.tables[table as usize].find(hash, |h| t.layout.same(rs.row(table, h), &change.row, &t.key));
        match (change.op, found) {
            (Op::Insert | Op::Upsert, None) => {
                let row = self.rs.insert_row(table, change.row);
                self.tables[table as usize].insert(hash, row);
                self.arrivals.arrive(t, self.rs, row, None, None);
                self.undo.push(Undo::Inserted { table, row });
                self.keep(table, row);
            }
            // After a reset only rows brought since are held; the others go at the end.
            (Op::Insert | Op::Update | Op::Delete, Some(old)) if !self.resets.is_empty() && self.is_stale(table, old) => {
                match change.op {
                    Op::Insert => self.replace(table, hash, old, change.row, None),
                    _ => self.applied.ignored += 1,
                }
            }
            (Op::Insert, Some(old)) => {
                if *self.rs.row(table, old) != *change.row {
                    return Err(duplicate(t, &change.row));
                }
            }
            (Op::Upsert, Some(old)) => self.replace(table, hash, old, change.row, None),
            (Op::Update, Some(old)) => {
                let before = self.rs.row(table, old);
                let row: Box<[u8]> = self.builder.merge(&t.layout, before, &change.row, &change.present).into();
                self.replace(table, hash, old, row, Some(&change));
            }
            (Op::Delete, Some(row)) => {
                self.tables[table as usize].remove(hash, row);
                self.rs.retire(table, row);
                self.undo.push(Undo::Deleted { table, row });
            }
            (Op::Update | Op::Delete, None) => self.applied.ignored += 1,
            (Op::Touch, _) => self.applied.touches.push((table, change.row)),
            (Op::Reset, _) => unreachable!("handled above"),
        }
        Ok(())
    }

    /// Inserts or replaces a row: one walk of the map for a row that is new, which most rows of a load are.
    fn put(&mut self, table: TableId, hash: u32, change: Change) -> Result<()> {
        let t = self.schema.by_id(table);
        let new = self.rs.insert_row(table, change.row);
        let rs = &*self.rs;
        let has_key = |h| t.layout.same(rs.row(table, h), rs.row(table, new), &t.key);
        let Some(old) = self.tables[table as usize].put(hash, new, has_key) else {
            self.arrivals.arrive(t, self.rs, new, None, None);
            self.undo.push(Undo::Inserted { table, row: new });
            return Ok(());
        };
        if rs.row(table, old) == rs.row(table, new) {
            self.tables[table as usize].replace(hash, new, old);
            self.rs.retire(table, new);
        } else if change.op == Op::Insert {
            let error = duplicate(t, rs.row(table, new));
            self.tables[table as usize].replace(hash, new, old);
            self.rs.retire(table, new);
            return Err(error);
        } else {
            self.arrivals.arrive(t, self.rs, new, Some(old), None);
            self.rs.retire(table, old);
            self.undo.push(Undo::Replaced { table, old, new });
        }
        Ok(())
    }

    /// Of an update also what it sets: nothing else differs.
    fn replace(&mut self, table: TableId, hash: u32, old: Handle, row: Box<[u8]>, update: Option<&Change>) {
        let t = self.schema.by_id(table);
        let is_stale = !self.resets.is_empty() && !t.arrivals.is_empty() && self.is_stale(table, old);
        if *self.rs.row(table, old) == *row {
            if is_stale {
                self.arrivals.again(table, old);
            }
            self.keep(table, old);
            return;
        }
        let new = self.rs.insert_row(table, row);
        self.tables[table as usize].replace(hash, old, new);
        self.arrivals.arrive(t, self.rs, new, (!is_stale).then_some(old), update);
        self.rs.retire(table, old);
        self.undo.push(Undo::Replaced { table, old, new });
        self.keep(table, new);
    }

    fn keep(&mut self, table: TableId, row: Handle) {
        if !self.resets.is_empty() {
            self.resets.keep(self.schema.by_id(table), row, self.rs.row(table, row));
        }
    }

    /// Whether a reset of this batch takes a row that it has not brought again so far.
    fn is_stale(&self, table: TableId, row: Handle) -> bool {
        self.resets.is_stale(self.schema.by_id(table), row, self.rs.row(table, row))
    }

    pub(super) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            let (Undo::Inserted { table, row } | Undo::Replaced { table, old: row, .. } | Undo::Deleted { table, row }) = undo;
            let hash = key_hash(self.schema.by_id(table), self.rs.row(table, row));
            let map = &mut self.tables[table as usize];
            match undo {
                Undo::Inserted { .. } => {
                    map.remove(hash, row);
                    self.rs.retire(table, row);
                }
                Undo::Replaced { new, .. } => {
                    self.rs.revive(table, row);
                    map.replace(hash, new, row);
                    self.rs.retire(table, new);
                }
                Undo::Deleted { .. } => {
                    self.rs.revive(table, row);
                    map.insert(hash, row);
                }
            }
        }
    }
}

/// Hashes the key of a change that came without its hash.
fn hash_of(t: &Table, change: &Change) -> Result<u32> {
    if let Some(&c) = t.key.iter().find(|&&c| t.layout.is_null(&change.row, c)) {
        let column = &t.columns[c].name;
        let message = format!("key column `{column}` of `{}` is missing", t.name);
        return Err(Error::new(ErrorCode::MissingKey, message).named(column.as_str()).at("row"));
    }
    Ok(key_hash(t, &change.row))
}

fn duplicate(t: &Table, row: &[u8]) -> Error {
    let key = t.key_text(row);
    let message = format!("`{}` already holds another row with the key {key}", t.name);
    Error::new(ErrorCode::DuplicateKey, message).named(key)
}
