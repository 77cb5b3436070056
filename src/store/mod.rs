//! Normalized rows: packed, by handle, in persistent maps; atomic batches; cursors; snapshots.
pub mod batch;
pub use batch::{Batch, Change, Envelope, Op};
