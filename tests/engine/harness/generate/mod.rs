//! Random cases out of one seed. Small domains, so that keys meet, ties happen, references dangle and nulls are common.

mod aggregate;
mod decimal;
mod domain;
mod expression;
mod family;
mod function;
mod history;
mod join;
mod params;
mod query;
mod recursive;
mod schema;
mod source;
mod subquery;
mod window;
mod work;
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "sizes are compared natively"))]
pub mod worlds;

use eddyline::query::ast::{ExprJson, QueryJson};
use eddyline::query::{Column, Schema};
use fastrand::Rng;

use self::domain::Domain;
use super::case::{Case, Watched};

/// The case of a seed. The same seed gives the same case on every machine.
pub fn case(seed: u64) -> Case {
    let rng = &mut Rng::with_seed(seed);
    let json = schema::schema(rng);
    let schema = Schema::from_json(&json).unwrap_or_else(|e| panic!("generated a schema that is refused: {e}\n{json:#?}"));
    let domain = if chance(rng, 2) { Domain::MANY } else { Domain::FEW };
    let batches = history::history(rng, &schema, domain);
    let mut queries: Vec<Watched> = Vec::new();
    for _ in 0..rng.usize(1..=4) {
        // Sometimes the same query again: views share what they can.
        let again = !queries.is_empty() && chance(rng, 10);
        let mut query = if again { queries[0].query.clone() } else { affordable(rng, &schema, domain) };
        // Sometimes several that differ in a constant only: their filters are looked up.
        if chance(rng, 15) {
            for other in family::of(rng, &query) {
                queries.push(Watched { query: other, from: rng.usize(0..=batches.len()), ..Watched::default() });
            }
        }
        if !again && chance(rng, 25) {
            query = params::lifted(rng, &schema, &query).unwrap_or(query);
        }
        let from = if chance(rng, 65) { 0 } else { rng.usize(0..=batches.len()) };
        let until = chance(rng, 20).then(|| rng.usize(from..=batches.len()));
        let sets = params::sets(rng, &schema, &query, from, until.unwrap_or(batches.len()));
        queries.push(Watched { query, from, until, sets });
    }
    let frozen = chance(rng, 15).then(|| {
        let from = rng.usize(0..batches.len());
        [from, rng.usize(from..=batches.len())]
    });
    Case { shows: String::new(), schema: json, queries, batches, frozen }
}

/// The graph of associations of a seed: all five kinds, three levels deep, over tables whose rows nearly all meet.
pub fn graph(seed: u64) -> Case {
    let rng = &mut Rng::with_seed(seed);
    let json = schema::graph(rng);
    let schema = Schema::from_json(&json).unwrap_or_else(|e| panic!("generated a schema that is refused: {e}\n{json:#?}"));
    let batches = history::history(rng, &schema, Domain::DENSE);
    let mut queries = Vec::new();
    for _ in 0..rng.usize(1..=3) {
        let from = if chance(rng, 65) { 0 } else { rng.usize(0..=batches.len()) };
        queries.push(Watched { query: query::graph(rng, &schema), from, ..Watched::default() });
    }
    if chance(rng, 50)
        && let Some(query) = query::pairs(rng, &schema)
    {
        queries.push(Watched { query, from: rng.usize(0..=batches.len()), ..Watched::default() });
    }
    Case { shows: String::new(), schema: json, queries, batches, frozen: None }
}

/// A query that the naive evaluation can afford.
fn affordable(rng: &mut Rng, schema: &Schema, domain: Domain) -> QueryJson {
    loop {
        let query = query::query(rng, schema);
        if work::work(&query, domain.rows()) <= work::MOST {
            return query;
        }
    }
}

/// A window function over some columns, as the cases have them.
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
pub fn window_over<'a>(rng: &mut Rng, columns: impl IntoIterator<Item = &'a Column>) -> ExprJson {
    window::over_scope(rng, &expression::Scope::of_columns(columns)).1
}

/// True in so many of a hundred cases.
fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

/// One of a list.
fn pick<T: Clone>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(0..list.len())].clone()
}
