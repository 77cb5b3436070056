//! Eddyline: a live query engine. Rows in, minimal diffs out.
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
pub mod store;
pub mod trace;
pub mod value;
pub mod wire;

#[cfg(target_arch = "wasm32")]
#[allow(missing_docs)]
pub mod wasm;
