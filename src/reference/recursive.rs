//! Recursion over lists of rows: all branches over what there is, again and again, until nothing changes.

use super::Data;
use super::query::sub_rows;
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Best, GrownRelation, RecursiveSource, Schema};
use crate::value::Value;

type Row = Vec<Value>;

/// The rows of a recursion's relation.
///
/// # Errors
/// `RECURSION_LIMIT` if the rows still change after as many rounds as are allowed.
pub(super) fn rows(schema: &Schema, data: &Data, source: &RecursiveSource) -> Result<Vec<Row>> {
    let relations = &source.recursion.relations;
    let mut now: Vec<Vec<Row>> = vec![Vec::new(); relations.len()];
    for _ in 0..source.recursion.max_rounds {
        let mut next = Vec::with_capacity(relations.len());
        // The rank is nothing that a user sees.
        let ranked = |rows: &Vec<Row>| rows.iter().map(|row| [&row[..], &[Value::Int(0)]].concat()).collect();
        let data = data.with_growing(now.iter().map(ranked).collect());
        for relation in relations {
            next.push(of_branches(schema, &data, relation)?);
        }
        if next == now {
            return Ok(now.swap_remove(source.result));
        }
        now = next;
    }
    Err(Error::new(ErrorCode::RecursionLimit, "the rows of a recursion do not settle"))
}

/// The rows of all branches over the rows so far, each once, in order.
fn of_branches(schema: &Schema, data: &Data, relation: &GrownRelation) -> Result<Vec<Row>> {
    let mut found: Vec<Row> = Vec::new();
    for branch in &relation.branches {
        for mut row in sub_rows(schema, data, &branch.query)? {
            row.truncate(relation.columns.len());
            found.push(row);
        }
    }
    found.sort();
    found.dedup();
    Ok(match &relation.best {
        Some(best) => found.iter().filter(|row| !found.iter().any(|other| is_better(best, other, row))).cloned().collect(),
        None => found,
    })
}

/// Whether one row is kept rather than another.
fn is_better(best: &Best, a: &Row, b: &Row) -> bool {
    if best.by.iter().any(|&c| a[c] != b[c]) {
        return false;
    }
    let (x, y) = (&a[best.column], &b[best.column]);
    if x != y {
        return match (x.is_null(), y.is_null()) {
            (true, _) => false,
            (_, true) => true,
            _ if best.largest => x > y,
            _ => x < y,
        };
    }
    // Nulls come last among the other columns, too.
    let others = (0..a.len()).filter(|&c| a[c] != b[c]).map(|c| (&a[c], &b[c])).next();
    others.is_some_and(|(x, y)| !x.is_null() && (y.is_null() || x < y))
}
