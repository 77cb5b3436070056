//! What rows arrive by in lists of associations that declare no order.
//!
//! Such a list is in the order in which its references came: the hasMany child, or the row of the join table, that was
//! inserted or pointed at the owner first stands first. A reference is held by one row: by the row stepped to when it
//! refers back (hasMany), else by the row before (belongsTo). So each row on the way that holds one has a number, that of
//! the change which gave it these referring columns, and a target stands by the greatest number on its way. The numbers
//! are kept by the store, only for tables and columns named here.

use indexmap::IndexMap;

use super::schema::{Hop, Relation, Table};
use crate::sort;
use crate::value::MapState;

/// Notes at each hop of each list without an order what its rows arrive by, and at the tables which columns these are.
/// Cost: the hops of all associations.
pub(super) fn declare(tables: &mut IndexMap<String, Table, MapState>) {
    for t in 0..tables.len() {
        for r in 0..tables[t].relations.len() {
            let relation = &tables[t].relations[r];
            if relation.kind.is_single() || !relation.order.is_empty() {
                continue;
            }
            let places: Vec<_> = (0..relation.hops.len()).map(|h| columns(relation, h)).collect();
            for (h, columns) in places.into_iter().enumerate() {
                let Some(columns) = columns else { continue };
                let table = tables[t].relations[r].hops[h].table as usize;
                let place = place(&mut tables[table], columns);
                tables[t].relations[r].hops[h].arrival = Some(place);
            }
        }
    }
}

/// Columns of the row of a hop that hold references of the way; `None` if it holds none.
fn columns(relation: &Relation, at: usize) -> Option<Vec<usize>> {
    let back = |hop: &Hop| hop.refers_back.then(|| hop.right.clone());
    let onward = |hop: &Hop| (!hop.refers_back).then(|| hop.left.clone());
    let (back, onward) = (back(&relation.hops[at]), relation.hops.get(at + 1).and_then(onward));
    (back.is_some() || onward.is_some()).then(|| [back.unwrap_or_default(), onward.unwrap_or_default()].concat())
}

/// The place of a set of columns among those that rows of a table arrive by. A row keeps its key for life.
fn place(table: &mut Table, mut columns: Vec<usize>) -> usize {
    columns.retain(|c| !table.is_key(*c));
    sort::by_number(&mut columns, |c| *c as u32);
    columns.dedup();
    table.arrivals.iter().position(|a| *a == columns).unwrap_or_else(|| {
        table.arrivals.push(columns);
        table.arrivals.len() - 1
    })
}
