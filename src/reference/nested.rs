//! Associations: from an owner's row along the hops to the distinct targets, and the nested query over these.

use super::Data;
use super::aggregate::aggregated;
use super::data::{equal, key_of};
use super::expr::holds;
use super::query::{compare_keys, evaluate_over};
use crate::error::Result;
use crate::query::{Computed, Hop, Nested, Schema};
use crate::value::{Field, Value};

/// The field of a nested association of one owner.
pub(super) fn nest(schema: &Schema, data: &Data, nested: &Nested, owner: &[Value]) -> Result<Field> {
    let mut targets = match nested.keeps_duplicates {
        true => pairs(schema, data, &nested.hops, owner)?,
        false => targets(schema, data, &nested.hops, owner)?.into_iter().map(|way| (way, Vec::new())).collect(),
    };
    if nested.arrival {
        let table = schema.by_id(nested.query.from.table().expect("an association leads to a table"));
        let key = |((row, _), tie): &(Way, Vec<Value>)| [key_of(table, row), tie.clone()].concat();
        targets.sort_by(|a, b| a.0.1.cmp(&b.0.1).then_with(|| compare_keys((&[], &key(a)), (&[], &key(b)))));
    }
    let (targets, ties): (Vec<_>, Vec<_>) = targets.into_iter().map(|(way, tie)| (way.0, tie)).unzip();
    let found = evaluate_over(schema, data, &nested.query, &targets, &ties, nested.arrival)?;
    Ok(if nested.single { Field::Row(found.into_iter().next().map(Box::new)) } else { Field::List(found) })
}

/// The targets of a manyToMany, once per row of the join table, with that row's key.
fn pairs(schema: &Schema, data: &Data, hops: &[Hop], owner: &[Value]) -> Result<Vec<(Way, Vec<Value>)>> {
    let mut out = Vec::new();
    for link in stepped(data, &hops[0], &[(owner.to_vec(), 0)])? {
        let tie = key_of(schema.by_id(hops[0].table), &link.0);
        out.extend(stepped(data, &hops[1], &[link])?.into_iter().map(|way| (way, tie.clone())));
    }
    Ok(out)
}

/// A computed column of one owner.
pub(super) fn computed(schema: &Schema, data: &Data, column: &Computed, owner: &[Value]) -> Result<Value> {
    let targets = targets(schema, data, &column.hops, owner)?;
    aggregated(&column.call, &targets.iter().map(|t| &t.0).collect::<Vec<_>>())
}

/// The rows at the end of an association, each once, and when the oldest way to each was complete.
fn targets(schema: &Schema, data: &Data, hops: &[Hop], owner: &[Value]) -> Result<Vec<Way>> {
    let mut rows = vec![(owner.to_vec(), 0)];
    for hop in hops {
        rows = stepped(data, hop, &rows)?;
    }
    let table = schema.by_id(hops.last().expect("an association has a hop").table);
    let mut targets: Vec<Way> = Vec::new();
    for (row, arrived) in rows {
        match targets.iter_mut().find(|t| key_of(table, &t.0) == key_of(table, &row)) {
            Some(same) => same.1 = same.1.min(arrived),
            None => targets.push((row, arrived)),
        }
    }
    Ok(targets)
}

/// The row that a way has led to, and the newest reference on it.
type Way = (Vec<Value>, u64);

/// Every row that one of the rows leads to, once per way.
fn stepped(data: &Data, hop: &Hop, rows: &[Way]) -> Result<Vec<Way>> {
    let mut out = Vec::new();
    for (row, arrived) in rows {
        for (at, target) in data.rows(hop.table).iter().enumerate() {
            let meets = hop.left.iter().zip(&hop.right).all(|(&l, &r)| !row[l].is_null() && equal(&row[l], &target[r]));
            if meets && hop.filter.as_ref().map_or(Ok(true), |f| holds(f, target))? {
                let own = hop.arrival.map_or(0, |place| data.arrival(hop.table, at, place));
                out.push((target.clone(), own.max(*arrived)));
            }
        }
    }
    Ok(out)
}
