//! Tenants of changes: named by the change, else by the batch, else by the caller.
//!
//! The nearest name wins, and it may stand behind what it is for. Rows are therefore packed with the tenant known so far, and
//! packed again if another turns up. The tenant is the last column and the last of the heap, so that is a cut and an append.

use super::change::Head;
use super::cursor::{Cursor, Step};
use super::stream::{Place, Stream};
use super::words::{no_tenants, tenant_required};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Schema, Table};
use crate::store::Batch;
use crate::value::{Cell, FLAG_ASCII, Layout};

/// A run of changes that wait for the tenant of their batch.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    from: usize,
    to: usize,
    /// Index of the first among the changes of the input.
    index: usize,
}

impl Stream {
    /// Sees to the tenant of a complete change. `late`: if it names one, it does so behind its rows.
    pub(super) fn tenanted(&mut self, schema: &Schema, cur: &Cursor, head: &Head, late: bool) -> Step<()> {
        let Some(table) = head.table.map(|t| schema.by_id(t)) else { return Ok(()) };
        let here = Cursor { pos: cur.pos.saturating_sub(1), ..*cur };
        let (from, to) = (self.first, self.batch.changes.len());
        match &head.tenant {
            Some(_) if !table.tenant => return Err(here.bad(no_tenants(table)).at("tenant")),
            Some(tenant) if late => self.assign(schema, from, to, tenant),
            None if table.tenant && self.place == Place::Changes && !self.envelope.tenant_met() => {
                match self.waiting.last_mut() {
                    Some(run) if run.to == from => run.to = to,
                    _ => self.waiting.push(Waiting { from, to, index: self.index }),
                }
            }
            None if table.tenant && self.envelope.tenant.is_none() => return Err(here.bad(tenant_required(table))),
            _ => {}
        }
        Ok(())
    }

    /// Sees to the changes of a batch that is complete.
    pub(super) fn settle(&mut self, schema: &Schema, here: &Cursor) -> Step<()> {
        for run in std::mem::take(&mut self.waiting) {
            match self.envelope.tenant.clone() {
                Some(tenant) if self.envelope.tenant_met() => self.assign(schema, run.from, run.to, &tenant),
                Some(_) => {}
                None => {
                    let table = schema.by_id(self.batch.changes[run.from].table);
                    return Err(here.bad(tenant_required(table)).at_index("changes", run.index));
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, schema: &Schema, from: usize, to: usize, tenant: &str) {
        for change in &mut self.batch.changes[from..to] {
            let table = schema.by_id(change.table);
            if table.tenant {
                change.row = with_tenant(table, &change.row, tenant);
            }
        }
    }
}

/// Checks that all changes of a batch are of one tenant: of this one, or whichever comes first, beside tables without tenants.
/// Cost: a comparison each.
pub(super) fn keeps_to(schema: &Schema, batch: &Batch, given: Option<&str>) -> Result<()> {
    let mut tenant = given;
    for (i, change) in batch.changes.iter().enumerate() {
        let table = schema.by_id(change.table);
        let of = table.tenant_column().map(|column| table.layout.cell(&change.row, column));
        let message = match (of, tenant) {
            (Some(Cell::Text(of)), None) => {
                tenant = Some(of);
                continue;
            }
            (Some(Cell::Text(of)), Some(tenant)) if of == tenant => continue,
            (Some(Cell::Text(of)), Some(tenant)) => format!("a change of the tenant `{of}` in the scope of `{tenant}`"),
            (_, Some(tenant)) if given.is_some() => {
                format!("rows of `{}` belong to no tenant: they are changed outside of `{tenant}`", table.name)
            }
            _ => continue,
        };
        let part = if of.is_some() { "tenant" } else { "table" };
        return Err(Error::new(ErrorCode::TenantMismatch, message).at(part).at_index("changes", i));
    }
    Ok(())
}

/// The row as another tenant's.
fn with_tenant(table: &Table, row: &[u8], tenant: &str) -> Box<[u8]> {
    let Layout { columns, null_at, flags_at, heap_at, .. } = &table.layout;
    let Some(place) = columns.last() else { return row.into() };
    let (slot, heap) = (place.slot as usize, *heap_at as usize);
    let start = if place.var == 0 { [0; 4] } else { [0, 1, 2, 3].map(|i| row[slot - 4 + i]) };
    let kept = u32::from_le_bytes(start) as usize;
    let mut out = Vec::with_capacity(heap + kept + tenant.len());
    out.extend_from_slice(&row[..heap + kept]);
    out.extend_from_slice(tenant.as_bytes());
    out[slot..slot + 4].copy_from_slice(&((kept + tenant.len()) as u32).to_le_bytes());
    out[*null_at as usize + place.bit as usize / 8] &= !(1 << (place.bit % 8));
    let flags = &mut row[*flags_at as usize..=*flags_at as usize].to_vec();
    flags[0] &= !FLAG_ASCII;
    flags[0] |= if out[heap..].is_ascii() { FLAG_ASCII } else { 0 };
    out[*flags_at as usize] = flags[0];
    out.into()
}
