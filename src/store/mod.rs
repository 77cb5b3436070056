//! Normalized rows: packed, by handle, in persistent maps; atomic batches; cursors; snapshots.
//!
//! The store knows tables and changes; what follows from a change it does not know: [`Store::apply`] returns the net delta
//! of each table. Rows live in [`Relations`](crate::trace::Relations), where derived rows live too.

mod apply;
mod arrival;
pub mod batch;
mod cursor;
mod key_map;
mod snapshot;

pub use apply::{Applied, Store};
pub use batch::{Batch, Change, Envelope, Op, key_hash};
pub use cursor::compare_cursors;
pub use key_map::{Handles, KeyMap};
pub use snapshot::Snapshot;
