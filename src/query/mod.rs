//! What the user asked: schema, wire AST, bound (typed, resolved) queries.
//!
//! `ast` is the JSON of `www/docs/boundary.md` as structs; `bind` turns it into [`bound`] where every name is an index and
//! every expression has a type. Every mistake a user can make in a schema or query is caught here, with its place.

pub mod ast;
pub mod bind;
pub mod bound;
pub mod schema;

pub use bind::bind;
pub use bound::{
    Aggregate, AggregateCall, AggregateFunction, BoundQuery, Expr, Function, JoinKind, JoinSource, Nested, OutputField, Select,
    SortKey, Start,
};
pub use schema::{Column, Hop, Relation, RelationKind, Schema, Table, TableId};
