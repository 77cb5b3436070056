//! Eddyline: a live query engine. Rows in, minimal diffs out.
//!
//! ```text
//!  bytes ─▶ wire ─▶ store ─▶ circuit of operators ─▶ ordered groups ─▶ views ─▶ reports
//!                     │              ▲
//!                  rows by       plan ◀─ query (schema, AST, binding)
//!                  handle
//! ```
//!
//! Rooms, bottom-up; each opens with what it is for:
//! - [`error`]: the one error type, with stable codes.
//! - [`value`]: what a cell is; packed rows; order and hash.
//! - [`regex`]: regular expressions in linear time.
//! - [`algebra`]: what a change is: Z-sets of row handles.
//! - [`query`]: what the user asked: schema, wire AST, bound queries.
//! - [`trace`]: what is remembered: rows by handle, arrangements, ordered lists.
//! - [`store`]: tables, atomic batches, cursors, snapshots.
//! - [`circuit`] and [`operator`]: how change moves; one file per operator.
//! - [`plan`]: how to answer a query: shared nodes and levels.
//! - [`engine`]: the running thing; start there, its documentation has an example.
//! - [`wire`]: JSON text and binary batches to packed rows.
//! - [`reference`](mod@reference): the naive oracle that judges all of the above.
//!
//! `www/docs/architecture.md` has the data flow, the invariants and the glossary. The crate does not panic on any input;
//! a panic is a bug. It needs no JavaScript: the binding room exists for `wasm32` only.
#![deny(missing_docs)]
#![warn(unsafe_op_in_unsafe_fn)]

pub mod algebra;
pub mod circuit;
pub mod engine;
pub mod error;
pub mod operator;
pub mod plan;
pub mod query;
pub mod reference;
pub mod regex;
pub(crate) mod sort;
pub mod store;
pub mod trace;
pub mod value;
pub mod wire;

#[cfg(target_arch = "wasm32")]
#[allow(missing_docs)]
pub mod wasm;
