//! What the answer is, slowly: the oracle that the engine is judged by.
//!
//! A naive evaluation of schemas, batches and bound queries over plain lists: nested loops for joins, a sort for every
//! order, exact arithmetic by long-hand addition. It reads what the user asked ([`crate::query`]), cells
//! ([`crate::value`]) and the language of change ([`crate::store::batch`]), and shares no code with the circuit, so that
//! a fault must be made twice, in two ways, to go unseen.
//!
//! ```text
//! Batch ──► Data::apply ──► lists of rows ──► evaluate(query) ──► rows as trees
//! ```
//! Where SQL decides, PostgreSQL with the `C` collation is the authority: three-valued logic, nulls last ascending, sums
//! that do not depend on the order of rows. An error in any row that reaches a stage makes the whole query an error.
//!
//! Cost: whatever it takes; O(rows of all sources multiplied) a query. For tests and for checking a running engine.

mod aggregate;
mod cursor;
mod data;
mod decimal;
mod exact;
mod expr;
mod nested;
mod params;
mod query;
mod recursive;
mod set;
mod subquery;
#[cfg(test)]
mod tests;
mod window;

pub use data::{Data, Outcome};
pub use expr::eval;
pub use params::without_params;
pub use query::evaluate;
