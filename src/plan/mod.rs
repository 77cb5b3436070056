//! How to answer a query: bound queries to shared nodes and the levels of a view.
//!
//! A query is a tree of *levels*: the root list, and one level per nested association. Each level is an ordered arrangement
//! grouped by the columns that refer to the owner; order, limit, offset and keyset are windows over a group. Joins, filters
//! and groups below it are streams. Equal sub-plans are one node because the circuit hash-conses specs.

mod association;
mod bound;
mod explain;
mod grouping;
mod join;
mod join_condition;
mod level;
mod params;
mod pointer;
mod recursive;
mod scope;
mod stream;
mod subquery;
mod window;

pub use explain::explain;
pub use level::{Field, FieldSource, Level, Plan, Window, plan};
pub use params::ParamValues;
pub use stream::{Planner, Stream};
