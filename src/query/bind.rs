//! Names to indexes, types checked.
use super::{BoundQuery, Schema, ast};
/// Binds a query to a schema.
pub fn bind(_schema: &Schema, _query: &ast::QueryJson) -> crate::error::Result<BoundQuery> {
    unimplemented!()
}
