//! A schema's JSON to a checked [`Schema`]: tables, columns, keys. Associations are `relations`'.

use indexmap::IndexMap;

use super::ast::{ColumnJson, SchemaJson, TableJson};
use super::schema::{Column, Schema, TENANT_COLUMN, Table, TableId};
use super::{arrival, relations};
use crate::error::{Error, ErrorCode, Result};
use crate::value::{Element, Layout, MapState, Type};

/// Types by name, and whether the column is confined to safe integers.
const TYPES: &[(&str, Type, bool)] = &[
    ("text", Type::Text, false),
    ("int", Type::Int, true),
    ("bigint", Type::Int, false),
    ("float", Type::Float, false),
    ("bool", Type::Bool, false),
    ("timestamp", Type::Timestamp, false),
    ("json", Type::Json, false),
    ("bytes", Type::Bytes, false),
    ("decimal", Type::Decimal, false),
    ("date", Type::Date, false),
    ("time", Type::Time, false),
    ("uuid", Type::Uuid, false),
    ("interval", Type::Interval, false),
    ("bool[]", Type::Array(Element::Bool), false),
    ("int[]", Type::Array(Element::Int), false),
    ("float[]", Type::Array(Element::Float), false),
    ("text[]", Type::Array(Element::Text), false),
    ("timestamp[]", Type::Array(Element::Timestamp), false),
    ("date[]", Type::Array(Element::Date), false),
    ("uuid[]", Type::Array(Element::Uuid), false),
];

/// Types that people will ask for: known, and not held yet.
const NOT_YET: &[&str] = &["money", "timetz", "inet", "cidr", "xml", "array", "enum", "vector", "geometry", "tsvector"];

/// Checks a schema.
pub(super) fn schema(json: &SchemaJson) -> Result<Schema> {
    let mut tables = IndexMap::with_capacity_and_hasher(json.tables.len(), MapState::default());
    for (i, t) in json.tables.iter().enumerate() {
        let place = |e: Error| e.at_index("tables", i);
        name(&t.name, "table").map_err(place)?;
        if tables.contains_key(&t.name) {
            return Err(place(twice("tables", &t.name)));
        }
        tables.insert(t.name.clone(), table(t, i as TableId).map_err(place)?);
    }
    for (found, (_, table)) in relations::resolve(json, &tables)?.into_iter().zip(&mut tables) {
        table.relations = found;
    }
    arrival::declare(&mut tables);
    Ok(Schema { tables })
}

/// Checks a table, its associations apart.
fn table(json: &TableJson, id: TableId) -> Result<Table> {
    let mut columns = IndexMap::with_capacity_and_hasher(json.columns.len() + 1, MapState::default());
    for (i, c) in json.columns.iter().enumerate() {
        let place = |e: Error| e.at_index("columns", i);
        name(&c.name, "column").map_err(place)?;
        if columns.contains_key(&c.name) {
            return Err(place(twice("columns", &c.name)));
        }
        columns.insert(c.name.clone(), column(c).map_err(place)?);
    }
    let mut key = key(json, &columns)?;
    if json.tenant {
        let tenant = Column { name: TENANT_COLUMN.to_owned(), ty: Type::Text, nullable: false, safe_integer: false };
        key.insert(0, columns.len());
        columns.insert(TENANT_COLUMN.to_owned(), tenant);
    }
    let types: Vec<Type> = columns.values().map(|c| c.ty).collect();
    let layout = Layout::new(&types);
    let (name, relations) = (json.name.clone(), IndexMap::default());
    Ok(Table { name, id, columns, key, tenant: json.tenant, layout, relations, arrivals: Vec::new() })
}

fn column(json: &ColumnJson) -> Result<Column> {
    let (ty, safe_integer) = known(&json.ty).map_err(|e| e.at("type"))?;
    Ok(Column { name: json.name.clone(), ty, nullable: json.nullable, safe_integer })
}

fn known(name: &str) -> Result<(Type, bool)> {
    let Some(&(_, ty, safe_integer)) = TYPES.iter().find(|t| t.0 == name) else {
        let mut e = Error::unknown(ErrorCode::UnsupportedType, "type", name, "columns", TYPES.iter().map(|t| t.0));
        if NOT_YET.contains(&name) {
            e.message = format!("columns of type `{name}` cannot be held yet");
            e.nearest = None;
        }
        return Err(e);
    };
    Ok((ty, safe_integer))
}

/// The type of a name.
///
/// # Errors
/// `UNSUPPORTED_TYPE`
pub(super) fn type_named(name: &str) -> Result<Type> {
    known(name).map(|t| t.0)
}

/// The declared key, without the tenant.
fn key(json: &TableJson, columns: &IndexMap<String, Column, MapState>) -> Result<Vec<usize>> {
    if json.key.is_empty() {
        let message = format!("table `{}` has no key", json.name);
        return Err(invalid(message).named(json.name.as_str()).at("key"));
    }
    let mut key = Vec::with_capacity(json.key.len());
    for (i, name) in json.key.iter().enumerate() {
        let place = |e: Error| e.at_index("key", i);
        let Some((index, _, column)) = columns.get_full(name) else {
            let names = columns.keys().map(String::as_str);
            return Err(place(Error::unknown(ErrorCode::UnknownColumn, "column", name, &json.name, names)));
        };
        let wrong = if column.nullable {
            "may be null"
        } else if column.ty == Type::Json {
            "is json"
        } else if key.contains(&index) {
            "is in it already"
        } else {
            key.push(index);
            continue;
        };
        return Err(place(invalid(format!("column `{name}` cannot be part of the key: it {wrong}")).named(name.as_str())));
    }
    Ok(key)
}

/// Refuses empty names, and those that are ours.
pub(super) fn name(name: &str, what: &str) -> Result<()> {
    let message = match name.chars().next() {
        None => format!("a {what} needs a name"),
        Some('$') => format!("the {what} name `{name}` begins with `$`, which is kept for the engine"),
        Some(_) => return Ok(()),
    };
    Err(invalid(message).named(name).at("name"))
}

/// The error for a name given twice.
pub(super) fn twice(what: &str, name: &str) -> Error {
    invalid(format!("two {what} are called `{name}`")).named(name).at("name")
}

/// A schema that contradicts itself.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::SchemaInvalid, message)
}
