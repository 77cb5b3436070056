//! What a change is: Z-sets of row handles with integer weights.
//!
//! Rows of one relation are identified by handle; within a relation two live handles never have equal content, so equality
//! of handles is equality of rows and a Z-set is a map from handle to weight. Source: Budiu et al., DBSP, VLDB 2023.

mod delta;

pub use delta::{Delta, sort_rows};

/// A row of one relation. Handles of different relations are unrelated numbers.
pub type Handle = u32;

/// No row: the missing side of a left join.
pub const NO_ROW: Handle = u32::MAX;

/// Signed multiplicity. Sums are checked: more than 2^31 derivations of one row is a broken invariant.
pub type Weight = i32;
