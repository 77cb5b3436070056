//! Applying a batch: whole or not at all.
//!
//! Rows of table t are relation t. Each change is applied at once; an undo list takes everything back when a later one
//! fails. A row changed several times in a batch nets out: the delta names the row before and the row after, and nothing
//! when they are equal. Cost per change: one look-up, one comparison of row bytes, one map update.

use hashbrown::{HashMap, HashSet};
use indexmap::IndexMap;

use super::arrival::Arrivals;
use super::key_map::Handles;
use super::{Batch, Change, KeyMap, Op, compare_cursors, key_hash};
use crate::algebra::{Delta, Handle};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Schema, TableId};
use crate::sort;
use crate::trace::{HandleState, Relations};
use crate::value::{MapState, RowBuilder, Type};

/// What a batch did. Reused from batch to batch for its memory.
#[derive(Debug, Default)]
pub struct Applied {
    /// Net delta per changed table, each consolidated.
    pub deltas: Vec<(TableId, Delta)>,
    /// Rows that changed.
    pub changed: u32,
    /// Updates and deletes of rows that are not held.
    pub ignored: u32,
    /// The batch was applied before; nothing happened.
    pub replayed: bool,
    /// Rows to be asked for: table and packed key.
    pub touches: Vec<(TableId, Box<[u8]>)>,
}

/// The tables.
pub struct Store {
    tables: Vec<KeyMap>,
    cursors: IndexMap<String, String, MapState>,
    builder: RowBuilder,
    undo: Vec<Undo>,
    spare: Vec<Delta>,
    /// Changes so far, of failed batches too: the numbers by which rows arrive.
    arrivals: u64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("cursors", &self.cursors).finish_non_exhaustive()
    }
}

enum Undo {
    Inserted { table: TableId, row: Handle },
    Replaced { table: TableId, old: Handle, new: Handle },
    Deleted { table: TableId, row: Handle },
}

/// Rows of one table that this batch has touched.
#[derive(Default)]
struct Touched {
    /// Handles stored by this batch and still in the table.
    fresh: HashSet<Handle, HandleState>,
    /// Handles of the version before that this batch removed.
    gone: Vec<Handle>,
}

impl Store {
    /// Empty tables; makes their relations, which must be the first ones.
    pub fn new(schema: &Schema, rs: &mut Relations) -> Self {
        for table in schema.tables.values() {
            let id = rs.add_packed(table.layout.clone());
            assert_eq!(id, table.id, "tables are the first relations");
            rs.add_numbers(id, table.arrivals.len());
            for (i, column) in table.columns.values().enumerate() {
                if column.ty == Type::Int && !column.safe_integer {
                    rs.mark_wide(id, i);
                }
            }
        }
        Store {
            tables: schema.tables.iter().map(|_| KeyMap::default()).collect(),
            cursors: IndexMap::default(),
            builder: RowBuilder::new(),
            undo: Vec::new(),
            spare: Vec::new(),
            arrivals: 0,
        }
    }

    /// Last committed cursor of a source.
    pub fn cursor(&self, source: &str) -> Option<&str> {
        self.cursors.get(source).map(String::as_str)
    }

    /// Sources and their cursors.
    pub fn cursors(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cursors.iter().map(|(s, c)| (s.as_str(), c.as_str()))
    }

    /// Rows of a table.
    pub fn len(&self, table: TableId) -> usize {
        self.tables[table as usize].len()
    }

    /// The rows of every table as they are now, for ever.
    pub(super) fn freeze(&mut self) -> Vec<Handles> {
        self.tables.iter_mut().map(KeyMap::freeze).collect()
    }

    /// Handle of the row with the key cells of a packed row.
    pub fn find(&self, schema: &Schema, rs: &Relations, table: TableId, row: &[u8]) -> Option<Handle> {
        let t = schema.by_id(table);
        self.tables[table as usize].find(key_hash(t, row), |h| t.layout.same(rs.row(table, h), row, &t.key))
    }

    /// Applies a batch; what it did goes into `applied`.
    ///
    /// # Errors
    /// `CURSOR_BACKWARDS`, `DUPLICATE_KEY`, `MISSING_COLUMN`, `MISSING_KEY`: nothing has changed then.
    pub fn apply(&mut self, schema: &Schema, rs: &mut Relations, batch: Batch, applied: &mut Applied) -> Result<()> {
        for (_, mut delta) in applied.deltas.drain(..) {
            delta.clear();
            self.spare.push(delta);
        }
        applied.touches.clear();
        (applied.changed, applied.ignored) = (0, 0);
        applied.replayed = self.is_replay(&batch)?;
        if applied.replayed {
            return Ok(());
        }
        let Batch { envelope, changes } = batch;
        let mut run = Run {
            schema,
            rs,
            tables: &mut self.tables,
            builder: &mut self.builder,
            undo: std::mem::take(&mut self.undo),
            spare: &mut self.spare,
            arrivals: Arrivals { last: &mut self.arrivals, again: Vec::new(), was_reset: false },
            resets: HashMap::default(),
            applied,
        };
        run.undo.reserve(changes.len());
        run.make_room(&changes);
        let mut outcome = Ok(());
        for (i, change) in changes.into_iter().enumerate() {
            if let Err(e) = run.change(change) {
                outcome = Err(e.at_index("changes", i));
                break;
            }
        }
        if outcome.is_ok() {
            run.finish_resets();
            run.net();
            run.undo.clear();
        } else {
            run.roll_back();
        }
        let undo = run.undo;
        if undo.capacity() < 1 << 12 {
            self.undo = undo;
        }
        if let (Ok(()), Some(source), Some(cursor)) = (&outcome, envelope.source, envelope.cursor) {
            self.cursors.insert(source, cursor);
        }
        outcome
    }

    /// Whether a batch was applied before.
    ///
    /// # Errors
    /// `CURSOR_BACKWARDS`.
    pub fn is_replay(&self, batch: &Batch) -> Result<bool> {
        let (Some(source), Some(cursor)) = (&batch.envelope.source, &batch.envelope.cursor) else { return Ok(false) };
        let Some(last) = self.cursors.get(source) else { return Ok(false) };
        let order = compare_cursors(cursor, last);
        if order.is_lt() && !batch.envelope.ignore_stale {
            let message = format!("cursor `{cursor}` of source `{source}` is before `{last}`, which is committed");
            return Err(Error::new(ErrorCode::CursorBackwards, message).named(cursor.as_str()).at("cursor"));
        }
        Ok(order.is_le())
    }
}

struct Run<'a> {
    schema: &'a Schema,
    rs: &'a mut Relations,
    tables: &'a mut Vec<KeyMap>,
    builder: &'a mut RowBuilder,
    undo: Vec<Undo>,
    spare: &'a mut Vec<Delta>,
    arrivals: Arrivals<'a>,
    /// Per reset table: tenant rows (packed, or empty) whose other rows go at the end.
    resets: HashMap<TableId, Vec<Reset>, HandleState>,
    applied: &'a mut Applied,
}

struct Reset {
    tenant: Box<[u8]>,
    /// Rows brought since the reset.
    kept: HashSet<Handle, HandleState>,
}

impl Run<'_> {
    /// Before a load, room for its rows at once rather than by doubling.
    fn make_room(&mut self, changes: &[Change]) {
        let Some(table) = changes.first().map(|c| c.table) else { return };
        let map = &mut self.tables[table as usize];
        if changes.len() > map.len() + 1024 && changes.iter().all(|c| c.table == table && matches!(c.op, Op::Insert | Op::Upsert))
        {
            let new = changes.len() - map.len();
            map.reserve(new);
            self.rs.reserve(table, new);
        }
    }

    fn change(&mut self, change: Change) -> Result<()> {
        let table = change.table;
        let schema = self.schema;
        let t = schema.by_id(table);
        if change.op == Op::Reset {
            self.arrivals.was_reset = true;
            let reset = Reset { tenant: change.row, kept: HashSet::default() };
            self.resets.entry(table).or_default().push(reset);
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

    /// A row brought after a reset survives it.
    fn keep(&mut self, table: TableId, row: Handle) {
        if self.resets.is_empty() {
            return;
        }
        let t = self.schema.by_id(table);
        if let Some(resets) = self.resets.get_mut(&table) {
            for reset in resets {
                if in_tenant(t, &reset.tenant, self.rs.row(table, row)) {
                    reset.kept.insert(row);
                }
            }
        }
    }

    /// Whether a row stands before a reset of this batch that it does not survive so far.
    fn is_stale(&self, table: TableId, row: Handle) -> bool {
        let t = self.schema.by_id(table);
        self.resets.get(&table).is_some_and(|resets| {
            resets.iter().any(|r| in_tenant(t, &r.tenant, self.rs.row(table, row)) && !r.kept.contains(&row))
        })
    }

    /// Removes what resets did not keep. Cannot fail.
    fn finish_resets(&mut self) {
        for (table, resets) in std::mem::take(&mut self.resets) {
            let t = self.schema.by_id(table);
            for reset in resets {
                let rs = &*self.rs;
                let mut gone: Vec<Handle> = self.tables[table as usize]
                    .handles()
                    .filter(|h| !reset.kept.contains(h) && in_tenant(t, &reset.tenant, rs.row(table, *h)))
                    .collect();
                sort::by_number(&mut gone, |row| *row);
                for row in gone {
                    let hash = key_hash(t, self.rs.row(table, row));
                    self.tables[table as usize].remove(hash, row);
                    self.rs.retire(table, row);
                    self.undo.push(Undo::Deleted { table, row });
                }
            }
        }
    }

    fn roll_back(&mut self) {
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

    /// The net delta: one pass over what was done.
    fn net(&mut self) {
        // Where nothing left, or only one thing happened, nothing can have come back: no bookkeeping.
        let mixed =
            self.arrivals.was_reset || self.undo.len() > 1 && self.undo.iter().any(|u| !matches!(u, Undo::Inserted { .. }));
        let mut touched: Vec<Touched> = Vec::new();
        for undo in &self.undo {
            let (table, old, new) = match *undo {
                Undo::Inserted { table, row } => (table, None, Some(row)),
                Undo::Replaced { table, old, new } => (table, Some(old), Some(new)),
                Undo::Deleted { table, row } => (table, Some(row), None),
            };
            let deltas = &mut self.applied.deltas;
            // A batch touches few tables, and mostly the same one again and again.
            let at = match deltas.iter().rposition(|d| d.0 == table) {
                Some(at) => at,
                None => {
                    deltas.push((table, self.spare.pop().unwrap_or_default()));
                    if mixed {
                        touched.push(Touched::default());
                    }
                    deltas.len() - 1
                }
            };
            let delta = &mut deltas[at].1;
            if let Some(old) = old {
                delta.push(old, -1);
                if mixed && !touched[at].fresh.remove(&old) {
                    touched[at].gone.push(old);
                }
            }
            if let Some(new) = new {
                delta.push(new, 1);
                if mixed {
                    touched[at].fresh.insert(new);
                }
            }
        }
        if !self.arrivals.again.is_empty() {
            let fresh =
                |table, row| self.applied.deltas.iter().zip(&touched).any(|(d, t)| d.0 == table && t.fresh.contains(&row));
            self.arrivals.renumber(self.schema, self.rs, fresh);
        }
        let mut deltas = std::mem::take(&mut self.applied.deltas);
        for (at, (table, delta)) in deltas.iter_mut().enumerate() {
            delta.consolidate();
            if mixed && !touched[at].gone.is_empty() {
                self.drop_equal(*table, delta, &touched[at]);
            }
            self.applied.changed += match self.undo[..] {
                [_] => 1,
                _ => count_rows(delta, self.schema, self.rs, *table),
            };
        }
        deltas.retain(|d| !d.1.is_empty());
        self.applied.deltas = deltas;
    }

    /// A row that left and came back equal (in another allocation) is no change: the old handle is restored. One that came
    /// back with the same references is where it was in lists without an order.
    fn drop_equal(&mut self, table: TableId, delta: &mut Delta, touched: &Touched) {
        let t = self.schema.by_id(table);
        let mut gone: HashMap<u32, Vec<Handle>, HandleState> = HashMap::default();
        for &h in &touched.gone {
            gone.entry(key_hash(t, self.rs.row(table, h))).or_default().push(h);
        }
        let mut back: Vec<(u32, Handle, Handle)> = Vec::new();
        for &new in &touched.fresh {
            let row = self.rs.row(table, new);
            let hash = key_hash(t, row);
            let Some(gone) = gone.get(&hash) else { continue };
            if let Some(old) = gone.iter().find(|&&h| self.rs.row(table, h) == row) {
                back.push((hash, *old, new));
            } else if !t.arrivals.is_empty()
                && let Some(&old) = gone.iter().find(|&&h| t.layout.same(self.rs.row(table, h), row, &t.key))
            {
                self.arrivals.stay(t, self.rs, new, old);
            }
        }
        sort::by(&mut back, Ord::cmp);
        for (hash, old, new) in back {
            self.tables[table as usize].replace(hash, new, old);
            self.rs.revive(table, old);
            self.rs.retire(table, new);
            delta.push(old, 1);
            delta.push(new, -1);
        }
        delta.consolidate();
    }
}

/// Hashes the key of a change that came without its hash.
fn hash_of(t: &crate::query::Table, change: &Change) -> Result<u32> {
    if let Some(&c) = t.key.iter().find(|&&c| t.layout.is_null(&change.row, c)) {
        let column = &t.columns[c].name;
        let message = format!("key column `{column}` of `{}` is missing", t.name);
        return Err(Error::new(ErrorCode::MissingKey, message).named(column.as_str()).at("row"));
    }
    Ok(key_hash(t, &change.row))
}

fn duplicate(t: &crate::query::Table, row: &[u8]) -> Error {
    let key: Vec<String> = t.key.iter().map(|&c| t.layout.cell(row, c).to_value().to_string()).collect();
    let message = format!("`{}` already holds another row with the key {}", t.name, key.join(", "));
    Error::new(ErrorCode::DuplicateKey, message).named(key.join(", "))
}

/// Rows (by key) in a delta: an update counts once.
fn count_rows(delta: &Delta, schema: &Schema, rs: &Relations, table: TableId) -> u32 {
    let removed = delta.rows().iter().filter(|r| r.1 < 0).count();
    let added = delta.rows().len() - removed;
    if removed == 0 || added == 0 {
        return (removed + added) as u32;
    }
    let t = schema.by_id(table);
    let hash = |h: Handle| t.layout.hash(rs.row(table, h), &t.key);
    if removed == 1 && added == 1 {
        let (a, b) = (delta.rows()[0].0, delta.rows()[1].0);
        return if t.layout.same(rs.row(table, a), rs.row(table, b), &t.key) { 1 } else { 2 };
    }
    let keys: HashSet<u64, HandleState> = delta.rows().iter().map(|r| hash(r.0)).collect();
    keys.len() as u32
}

fn in_tenant(t: &crate::query::Table, tenant: &[u8], row: &[u8]) -> bool {
    t.tenant_column().is_none_or(|c| t.layout.same(tenant, row, &[c]))
}
