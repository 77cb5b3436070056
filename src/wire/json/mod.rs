//! JSON text into batches, in pieces or at once.
//!
//! Taken are: a batch object `{"source":…,"cursor":…,"changes":[…]}`, an array of changes, a change, each of them on lines of
//! their own; with [`Options::table`], arrays of rows and rows on lines of their own. Keys may come in any order; a stream that
//! has `op` and `table` before the content, and `changes` behind `tenant`, is read in one pass.
//!
//! Strict where a slip would lose data: unknown keys and columns, keys of a change that come twice, an empty input and a
//! missing end are errors. As `JSON.parse`: a column that comes twice in a row has its last value, `__proto__` is a name.

mod cell;
mod change;
mod cursor;
mod envelope;
mod number;
mod octets;
mod plan;
mod quick;
mod reader;
mod row;
mod stream;
mod tenant;
#[cfg(test)]
pub(super) mod tests;
mod words;

pub(super) use cell::MAX_SAFE;
pub use reader::{Confined, DEFAULT_LIMIT, JsonReader, Options};
pub(super) use words::{no_tenants, tenant_required};
