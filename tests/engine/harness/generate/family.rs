//! Queries of one shape that differ in constants: what a page mounts once per component.

use eddyline::query::ast::{ExprJson, Literal, QueryJson};
use fastrand::Rng;

use super::pick;

/// One to four queries that compare with other constants where this one compares with whole numbers, texts or booleans.
pub fn of(rng: &mut Rng, query: &QueryJson) -> Vec<QueryJson> {
    let Some(filter) = &query.filter else { return Vec::new() };
    (0..rng.usize(1..=4))
        .map(|_| {
            let mut filter = filter.clone();
            change(rng, &mut filter);
            QueryJson { filter: Some(filter), ..query.clone() }
        })
        .collect()
}

fn change(rng: &mut Rng, expr: &mut ExprJson) {
    if !matches!(expr.op.as_str(), "and" | "or" | "not" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "between") {
        return;
    }
    for arg in &mut expr.args {
        match (arg.op.as_str(), &mut arg.name, &mut arg.value) {
            ("lit", None, Some(Literal::Int(v))) => *v = rng.i64(-1..6),
            ("lit", None, Some(Literal::Text(v))) => {
                *v = pick(rng, &["", "a", "b", "k1", "k2", "key number 7", "key number 42"]).into()
            }
            ("lit", None, Some(Literal::Bool(v))) => *v = rng.bool(),
            _ => change(rng, arg),
        }
    }
}
