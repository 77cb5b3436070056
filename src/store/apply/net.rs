//! What a batch comes to: a row that changed several times nets out.

use hashbrown::{HashMap, HashSet};

use super::run::{Run, Undo};
use crate::algebra::{Delta, Handle};
use crate::query::{Schema, TableId};
use crate::sort;
use crate::store::key_hash;
use crate::trace::{HandleState, Relations};

/// Rows of one table that this batch has touched.
#[derive(Default)]
struct Touched {
    /// Handles stored by this batch and still in the table.
    fresh: HashSet<Handle, HandleState>,
    /// Handles of the version before that this batch removed.
    gone: Vec<Handle>,
}

impl Run<'_> {
    /// The net delta: one pass over what was done.
    pub(super) fn net(&mut self) {
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
