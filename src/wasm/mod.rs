//! The binding room: the only one that names wasm-bindgen and its kin. It converts and delegates; no query logic.
//!
//! `www/docs/boundary.md` is its contract. Exports never call into JavaScript, so a listener that calls back in cannot find
//! the engine borrowed; misuse is an error with code `REENTRANT`.

mod allocator;
mod budget;
mod compare;
mod document;
mod engine;
mod error;
mod export;
mod info;
mod options;

pub use engine::WasmEngine;
