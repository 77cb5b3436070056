//! The words of the language of change, and what is said about wrong ones.

use super::cursor::{Cursor, Step};
use crate::error::{Error, ErrorCode};
use crate::query::Table;
use crate::store::Op;

/// The words for operations.
const OPS: [(&str, Op); 6] = [
    ("insert", Op::Insert),
    ("upsert", Op::Upsert),
    ("update", Op::Update),
    ("delete", Op::Delete),
    ("touch", Op::Touch),
    ("reset", Op::Reset),
];

/// Keys of a change.
pub(super) const FIELDS: [&str; 8] = ["op", "table", "tenant", "row", "rows", "id", "key", "set"];

/// The operation named here.
pub(super) fn op(cur: &mut Cursor) -> Step<Op> {
    let from = *cur;
    if cur.solid()? != b'"' {
        cur.a_value()?;
        return Err(cur.bad(invalid(format!("`op` is a string, not {}", cur.kind()))).at("op"));
    }
    let name = cur.string()?;
    OPS.iter().find(|(n, _)| *n == name).map(|(_, op)| *op).ok_or_else(|| {
        let mut error = Error::unknown(ErrorCode::ChangeInvalid, "operation", &name, "changes", OPS.map(|o| o.0));
        error.message = format!("no operation `{}`{}", error.offending.as_deref().unwrap_or_default(), meant(&error));
        from.bad(error).at("op")
    })
}

/// The word for an operation.
pub(super) fn op_name(op: Op) -> &'static str {
    OPS.iter().find(|(_, o)| *o == op).map_or("", |(n, _)| n)
}

/// A string or null.
pub(super) fn text_or_null(cur: &mut Cursor, name: &str) -> Step<Option<String>> {
    match cur.solid()? {
        b'"' => Ok(Some(cur.string()?.into_owned())),
        b'n' => cur.literal(b"null").map(|()| None),
        _ => {
            cur.a_value()?;
            Err(cur.bad(invalid(format!("`{name}` is a string, not {}", cur.kind()))).at(name))
        }
    }
}

/// A change that is none of the language of change.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::ChangeInvalid, message)
}

/// A key that neither a change nor a batch has.
pub(super) fn unknown_key<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let mut error = Error::unknown(ErrorCode::ChangeInvalid, "key", key, "changes", known);
    error.message = format!("no key `{}` in a change or batch{}", error.offending.as_deref().unwrap_or_default(), meant(&error));
    let path = error.offending.clone().unwrap_or_default();
    error.at(&path)
}

fn meant(error: &Error) -> String {
    error.nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

/// A key that comes twice in one object.
pub(super) fn twice(key: &str) -> Error {
    invalid(format!("`{key}` comes twice")).named(key).at(key)
}

/// A tenanted table and no tenant.
pub(in crate::wire) fn tenant_required(table: &Table) -> Error {
    Error::new(ErrorCode::TenantRequired, format!("rows of `{}` belong to a tenant, and none is named", table.name))
        .named(&*table.name)
}

/// A tenant for a table without tenants.
pub(in crate::wire) fn no_tenants(table: &Table) -> Error {
    invalid(format!("rows of `{}` belong to no tenant", table.name)).named("tenant")
}
