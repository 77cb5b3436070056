//! Set operations over lists of rows.

use super::Data;
use super::query::sub_rows;
use crate::error::Result;
use crate::query::{Schema, SetOp, SetQuery};
use crate::value::Value;

type Row = Vec<Value>;

/// The rows of a set operation; with `all`, each with its number among equal ones behind it.
pub(super) fn rows(schema: &Schema, data: &Data, set: &SetQuery) -> Result<Vec<Row>> {
    let mut lists = Vec::new();
    for input in &set.inputs {
        let mut list = sub_rows(schema, data, input)?;
        list.iter_mut().for_each(|row| row.truncate(input.shown));
        lists.push(list);
    }
    let mut lists = lists.into_iter();
    let first = lists.next().expect("an input");
    let found = lists.fold(first, |left, right| combined(set, left, right));
    if !set.all {
        return Ok(found);
    }
    let number = |i: usize| found[..=i].iter().filter(|row| **row == found[i]).count() as i64;
    Ok((0..found.len()).map(|i| [&found[i][..], &[Value::Int(number(i))]].concat()).collect())
}

fn combined(set: &SetQuery, left: Vec<Row>, mut right: Vec<Row>) -> Vec<Row> {
    let mut out = match set.op {
        SetOp::Union => [left, right].concat(),
        // Each row of the right side answers for one of the left with `all`, else for any number.
        SetOp::Intersect | SetOp::Except => {
            let mut kept = Vec::new();
            for row in left {
                let partner = right.iter().position(|r| *r == row);
                if let (Some(at), true) = (partner, set.all) {
                    right.remove(at);
                }
                if partner.is_some() == (set.op == SetOp::Intersect) {
                    kept.push(row);
                }
            }
            kept
        }
    };
    if !set.all {
        let mut once: Vec<Row> = Vec::new();
        for row in out {
            if !once.contains(&row) {
                once.push(row);
            }
        }
        out = once;
    }
    out
}
