//! Tables that a batch empties: the rows that it does not bring again go at its end.

use hashbrown::{HashMap, HashSet};

use super::run::{Run, Undo};
use crate::algebra::Handle;
use crate::query::{Table, TableId};
use crate::sort;
use crate::store::key_hash;
use crate::trace::HandleState;

/// The resets of a batch: a row finds those that concern it by its tenant, however many tenants are emptied.
#[derive(Default)]
pub(super) struct Resets {
    list: Vec<Reset>,
    /// Places in the list by the hash of table and tenant.
    of_tenant: HashMap<u32, Vec<u32>, HandleState>,
    tables: Vec<TableId>,
}

struct Reset {
    table: TableId,
    /// A packed row of the tenant; of a table without tenants any.
    tenant: Box<[u8]>,
    /// Rows brought since the reset.
    kept: HashSet<Handle, HandleState>,
}

impl Resets {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Of a packed row of the tenant whose rows go.
    pub fn add(&mut self, t: &Table, tenant: Box<[u8]>) {
        self.of_tenant.entry(tenant_hash(t, &tenant)).or_default().push(self.list.len() as u32);
        self.list.push(Reset { table: t.id, tenant, kept: HashSet::default() });
        if !self.tables.contains(&t.id) {
            self.tables.push(t.id);
        }
    }

    /// A row brought after a reset survives it.
    pub fn keep(&mut self, t: &Table, row: Handle, bytes: &[u8]) {
        for &at in self.of_tenant.get(&tenant_hash(t, bytes)).into_iter().flatten() {
            let reset = &mut self.list[at as usize];
            if reset.concerns(t, bytes) {
                reset.kept.insert(row);
            }
        }
    }

    /// Whether a row stands before a reset that it does not survive so far.
    pub fn is_stale(&self, t: &Table, row: Handle, bytes: &[u8]) -> bool {
        let mut places = self.of_tenant.get(&tenant_hash(t, bytes)).into_iter().flatten();
        places.any(|&at| {
            let reset = &self.list[at as usize];
            reset.concerns(t, bytes) && !reset.kept.contains(&row)
        })
    }
}

impl Reset {
    fn concerns(&self, t: &Table, row: &[u8]) -> bool {
        self.table == t.id && t.tenant_column().is_none_or(|c| t.layout.same(&self.tenant, row, &[c]))
    }
}

impl Run<'_> {
    /// Removes what resets did not keep: one pass over each of their tables. Cannot fail.
    pub(super) fn finish_resets(&mut self) {
        let resets = std::mem::take(&mut self.resets);
        for &table in &resets.tables {
            let t = self.schema.by_id(table);
            let rs = &*self.rs;
            let handles = self.tables[table as usize].handles();
            let mut gone: Vec<Handle> = handles.filter(|&h| resets.is_stale(t, h, rs.row(table, h))).collect();
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

fn tenant_hash(t: &Table, row: &[u8]) -> u32 {
    let tenant = t.tenant_column().map_or(0, |c| t.layout.hash(row, &[c]));
    (tenant >> 32) as u32 ^ tenant as u32 ^ t.id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Schema;
    use crate::value::{Cell, RowBuilder};

    #[test]
    fn a_row_meets_the_resets_of_its_own_tenant_and_table_alone() {
        let tables = ["notes", "tags"]
            .map(|name| format!(r#"{{"name":"{name}","key":["id"],"tenant":true,"columns":[{{"name":"id","type":"text"}}]}}"#));
        let schema: crate::query::ast::SchemaJson =
            serde_json::from_str(&format!(r#"{{"tables":[{}]}}"#, tables.join(","))).unwrap();
        let schema = Schema::from_json(&schema).unwrap();
        let (notes, tags) = (schema.by_id(0), schema.by_id(1));
        let mut builder = RowBuilder::new();
        let mut row = |id: &str, tenant: usize| -> Box<[u8]> {
            builder.start(&notes.layout);
            builder.set(&notes.layout, 0, Cell::Text(id));
            builder.set(&notes.layout, 1, Cell::Text(&format!("tenant {tenant}")));
            builder.finish(&notes.layout).into()
        };
        let mut resets = Resets::default();
        for tenant in 0..1000 {
            resets.add(notes, row("", tenant));
            resets.keep(notes, tenant as Handle, &row("a", tenant));
        }
        assert_eq!(resets.of_tenant.values().map(Vec::len).max(), Some(1));
        for tenant in 0..1000 {
            assert!(!resets.is_stale(notes, tenant as Handle, &row("a", tenant)));
            assert!(resets.is_stale(notes, 1000 + tenant as Handle, &row("b", tenant)));
            assert!(!resets.is_stale(tags, 1000 + tenant as Handle, &row("b", tenant)));
        }
        assert!(!resets.is_stale(notes, 5000, &row("b", 1000)));
        // What was brought between two resets of a tenant goes with the second.
        resets.add(notes, row("", 7));
        assert!(resets.is_stale(notes, 7, &row("a", 7)));
        resets.keep(notes, 7, &row("a", 7));
        assert!(!resets.is_stale(notes, 7, &row("a", 7)));
    }
}
