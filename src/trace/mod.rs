//! What is remembered: rows by handle, arrangements by key, ordered lists with positions.
//!
//! - [`Relations`]: the rows of every table and derived relation, by 32-bit handle. Everything else holds handles.
//! - [`Derived`]: exact interning of derived rows, with weights; the integral of an operator that makes new rows.
//! - [`HashArrangement`]: rows of a stream by key, shared by every join on that key.
//! - [`OrderedList`]: a counted B+tree; [`OrderedGroups`]: one list per group key, the index behind order, limit and nesting.

mod derived;
mod hash_arrangement;
mod index;
mod key;
mod merge;
mod ordered_groups;
mod ordered_list;
mod path;
mod relations;
mod slab;
mod sort_spec;
pub mod span;

pub use derived::Derived;
pub use hash_arrangement::{HandleState, HashArrangement};
pub use index::Index;
pub use key::{KeyTable, hash_cells, hash_key, same_cells};
pub use ordered_groups::{GroupDelta, GroupId, NO_GROUP, OrderedGroups, Placed};
pub use ordered_list::{Entry, OrderedList};
pub use path::Path;
pub use relations::{RelationId, Relations, Rows};
pub use slab::Slab;
pub use sort_spec::{SortColumn, SortSpec};
