//! Associations: from an owner's row along the hops to the distinct targets, and the nested query over these.

use super::Data;
use super::aggregate::aggregated;
use super::data::{equal, key_of};
use super::expr::holds;
use super::query::evaluate_over;
use crate::error::Result;
use crate::query::{Computed, Hop, Nested, Schema};
use crate::value::{Field, Value};

/// The field of a nested association of one owner.
pub(super) fn nest(schema: &Schema, data: &Data, nested: &Nested, owner: &[Value]) -> Result<Field> {
    let targets = targets(schema, data, &nested.hops, owner)?;
    let found = evaluate_over(schema, data, &nested.query, &targets)?;
    Ok(if nested.single { Field::Row(found.into_iter().next().map(Box::new)) } else { Field::List(found) })
}

/// A computed column of one owner.
pub(super) fn computed(schema: &Schema, data: &Data, column: &Computed, owner: &[Value]) -> Result<Value> {
    let targets = targets(schema, data, &column.hops, owner)?;
    aggregated(&column.call, &targets.iter().collect::<Vec<_>>())
}

/// The rows at the end of an association, each once.
fn targets(schema: &Schema, data: &Data, hops: &[Hop], owner: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut rows = vec![owner.to_vec()];
    for hop in hops {
        rows = stepped(data, hop, &rows)?;
    }
    let table = schema.by_id(hops.last().expect("an association has a hop").table);
    let mut targets: Vec<Vec<Value>> = Vec::new();
    for row in rows {
        if !targets.iter().any(|t| key_of(table, t) == key_of(table, &row)) {
            targets.push(row);
        }
    }
    Ok(targets)
}

/// Every row that one of the rows leads to, once per way.
fn stepped(data: &Data, hop: &Hop, rows: &[Vec<Value>]) -> Result<Vec<Vec<Value>>> {
    let mut out = Vec::new();
    for row in rows {
        for target in data.rows(hop.table) {
            let meets = hop.left.iter().zip(&hop.right).all(|(&l, &r)| !row[l].is_null() && equal(&row[l], &target[r]));
            if meets && hop.filter.as_ref().map_or(Ok(true), |f| holds(f, target))? {
                out.push(target.clone());
            }
        }
    }
    Ok(out)
}
