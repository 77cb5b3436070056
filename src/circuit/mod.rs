//! How change moves: a graph of operators, shared by all queries, run once per version.
//!
//! Nodes are hash-consed by [`Spec`]: the same operator over the same inputs is one node. A step runs the nodes that have
//! input, in topological order, each once with its whole consolidated input; nodes that nothing reaches cost nothing.

mod graph;
mod guard;
mod intervals;
mod iterate;
mod keyed;
mod meter;
mod operator;
mod routes;
mod seek;

pub use graph::{Circuit, Make, NodeId, Nodes};
pub use guard::Guard;
pub use meter::Meter;
pub use operator::{Failure, Operator, Scan, Spec, Step};
pub use seek::Tuning;
