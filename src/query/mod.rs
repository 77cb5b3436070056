//! What the user asked: schema, wire AST, bound (typed, resolved) queries.
//!
//! `ast` is the JSON of `www/docs/boundary.md` as structs, which `shape` reads; `bind` turns it into [`bound`] where every name is an index and
//! every expression has a type. Every mistake a user can make in a schema or query is caught here, with its place.
//!
//! The shape: `check` and `relations` make a [`Schema`] of its JSON, `bind` a [`BoundQuery`] of a query's; both use the
//! expression binder of `bind::expr`. `registry` lists the functions and operators, `types` says what type an expression has once it is bound.

mod arrival;
pub mod ast;
pub mod bind;
pub mod bound;
mod check;
pub mod function;
mod param;
mod recursive;
pub mod registry;
mod relations;
pub mod schema;
pub mod shape;
mod subquery;
pub mod types;
pub mod window;

#[cfg(test)]
mod tests;

pub use bind::{bind, set_params};
pub use bound::{
    Aggregate, AggregateCall, AggregateFunction, BoundQuery, Computed, Expr, JoinKind, JoinSource, LimitBy, Nested, OutputField,
    Select, SetOp, SetQuery, SortKey, Source, Start, SubQuery, Unnest,
};
pub use function::{CastTo, Function, Unit};
pub use param::{Param, Place, Slot, count_of};
pub use recursive::{Best, Branch, Growing, GrownRelation, Recursion, RecursiveSource};
pub use schema::{Column, Hop, Relation, RelationKind, Schema, Table, TableId};
pub use subquery::{QueryExpr, QueryExprKind};
pub use types::{group_types, output_types, scope_types, type_of};
pub use window::{Bound, Exclude, Frame, FrameUnit, WindowCall, WindowFunction};
