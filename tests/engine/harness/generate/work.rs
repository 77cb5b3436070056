//! What a query costs the naive evaluation, roughly: it makes every combination of rows, and a sub-query in an expression once a
//! row. Cases that would take seconds or gigabytes are not made.

use eddyline::query::ast::{ExprJson, FromJson, QueryJson, RecursiveJson};

use super::join::has_equality;

/// Most combinations of rows in one evaluation.
pub const MOST: f64 = 300_000.0;

/// Rounds of a recursion, at a guess.
const ROUNDS: f64 = 6.0;

/// Rows looked at by one evaluation of a query over tables of so many rows.
pub fn work(q: &QueryJson, rows: f64) -> f64 {
    let (cost, made) = source(&q.from, rows);
    let (mut cost, mut made) = q.joins.iter().fold((cost, made), |(cost, made), join| {
        let few = if join.unnest.is_some() { 3.0 } else { rows };
        let right = join.query.as_ref().map_or(few, |sub| work(sub, rows));
        let pairs = made * right;
        // The condition is asked of each pair, with the sub-queries in it.
        let asked = pairs * (1.0 + of_expr(&join.on, rows, pairs));
        (cost + right + asked, if has_equality(&join.on) { pairs / 3.0 } else { pairs })
    });
    for input in &q.inputs {
        let more = work(input, rows);
        (cost, made) = (cost + more, made + more);
    }
    let named = q.group_by.iter().chain(&q.select).flatten().map(|n| &n.expr);
    let exprs = named.chain(&q.filter).chain(&q.having).chain(q.order_by.iter().map(|o| &o.expr));
    let per_row: f64 = exprs.map(|e| of_expr(e, rows, made)).sum();
    let ctes: f64 = q.ctes.iter().map(|c| work(&c.query, rows)).sum();
    let nested: f64 = q.with.iter().filter_map(|w| w.query.as_ref()).map(|sub| work(sub, rows)).sum();
    cost + ctes + made * (1.0 + per_row + nested + rows * q.computed.len() as f64)
}

fn source(from: &FromJson, rows: f64) -> (f64, f64) {
    match from {
        // A common table expression is evaluated where it is named; one may be several tables.
        FromJson::Name(name) if name.starts_with("cte") => (rows * rows, rows * 2.0),
        FromJson::Name(_) => (rows, rows),
        FromJson::Relation { .. } => (rows, rows),
        FromJson::Recursive { recursive, .. } => recursion(recursive, rows),
        FromJson::Query { query, .. } => {
            let cost = work(query, rows);
            (cost, cost)
        }
    }
}

/// The branches over relations that are full, once a round; rounds are few over few keys.
fn recursion(recursive: &RecursiveJson, rows: f64) -> (f64, f64) {
    let branches = recursive.relations.iter().flat_map(|r| &r.branches);
    let once: f64 = branches.map(|b| work(b, rows)).sum();
    (once * ROUNDS, rows * 2.0)
}

/// Rows looked at for one row of so many.
fn of_expr(e: &ExprJson, rows: f64, made: f64) -> f64 {
    let inner: f64 = e.args.iter().map(|a| of_expr(a, rows, made)).sum();
    // A window function is computed from all rows of its partition, for each of them.
    let window = if e.over.is_some() { made } else { 0.0 };
    inner + window + e.query.as_ref().map_or(0.0, |sub| work(sub, rows))
}
