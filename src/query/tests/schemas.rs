//! Tables, columns, keys.

use serde_json::json;

use super::*;
use crate::query::schema::TENANT_COLUMN;
use crate::value::Type;

/// A schema of one table with these columns (name, type) and the key `id`.
fn one(columns: &[(&str, &str)]) -> Json {
    let columns: Vec<Json> = columns.iter().map(|(name, ty)| json!({"name": name, "type": ty})).collect();
    json!({"tables": [{"name": "t", "key": ["id"], "columns": columns}]})
}

#[test]
fn every_type_has_its_column_and_only_int_is_confined_to_safe_integers() {
    let names = ["text", "int", "bigint", "float", "bool", "timestamp", "json", "bytes"];
    let columns: Vec<(&str, &str)> = std::iter::once(("id", "text")).chain(names.iter().map(|n| (*n, *n))).collect();
    let schema = check(one(&columns)).unwrap();
    let table = schema.table("t").unwrap();
    let types: Vec<Type> = table.columns.values().skip(1).map(|c| c.ty).collect();
    use Type::*;
    assert_eq!(types, [Text, Int, Int, Float, Bool, Timestamp, Json, Bytes]);
    let safe: Vec<&str> = table.columns.values().filter(|c| c.safe_integer).map(|c| c.name.as_str()).collect();
    assert_eq!(safe, ["int"]);
    assert_eq!(table.layout.columns.len(), 9);
}

#[test]
fn a_type_that_is_not_held_yet_is_named() {
    for ty in ["money", "vector", "inet"] {
        let e = check(one(&[("id", "text"), ("x", ty)])).unwrap_err();
        assert!(e.message.contains(ty) && e.message.contains("yet"), "{e}");
        assert_eq!(parts(e), at("UNSUPPORTED_TYPE", "tables[0].columns[1].type", ty, ""));
    }
}

#[test]
fn an_unknown_type_is_refused_with_the_nearest() {
    assert_eq!(
        refused(one(&[("id", "text"), ("x", "timestmap")])),
        at("UNSUPPORTED_TYPE", "tables[0].columns[1].type", "timestmap", "timestamp")
    );
}

#[test]
fn two_tables_of_one_name_are_refused() {
    let t = json!({"name": "t", "key": ["id"], "columns": [{"name": "id", "type": "text"}]});
    assert_eq!(refused(json!({"tables": [t, t]})), at("SCHEMA_INVALID", "tables[1].name", "t", ""));
}

#[test]
fn two_columns_of_one_name_are_refused() {
    assert_eq!(refused(one(&[("id", "text"), ("id", "int")])), at("SCHEMA_INVALID", "tables[0].columns[1].name", "id", ""));
}

#[test]
fn a_table_without_a_key_is_refused() {
    let schema = json!({"tables": [{"name": "t", "key": [], "columns": [{"name": "id", "type": "text"}]}]});
    assert_eq!(refused(schema), at("SCHEMA_INVALID", "tables[0].key", "t", ""));
}

#[test]
fn a_key_column_must_exist() {
    assert_eq!(refused(one(&[("ids", "text")])), at("UNKNOWN_COLUMN", "tables[0].key[0]", "id", "ids"));
}

#[test]
fn a_key_column_is_neither_nullable_nor_json_nor_there_twice() {
    let wrong = at("SCHEMA_INVALID", "tables[0].key[0]", "id", "");
    let nullable = json!([{"name": "id", "type": "text", "nullable": true}]);
    assert_eq!(refused(json!({"tables": [{"name": "t", "key": ["id"], "columns": nullable}]})), wrong);
    assert_eq!(refused(one(&[("id", "json")])), wrong);
    let columns = json!([{"name": "id", "type": "text"}]);
    assert_eq!(
        refused(json!({"tables": [{"name": "t", "key": ["id", "id"], "columns": columns}]})),
        at("SCHEMA_INVALID", "tables[0].key[1]", "id", "")
    );
}

#[test]
fn names_that_are_empty_or_begin_with_a_dollar_are_refused() {
    assert_eq!(refused(one(&[("id", "text"), ("$x", "int")])), at("SCHEMA_INVALID", "tables[0].columns[1].name", "$x", ""));
    let table = |name| json!({"tables": [{"name": name, "key": ["id"], "columns": [{"name": "id", "type": "text"}]}]});
    assert_eq!(refused(table("$t")), at("SCHEMA_INVALID", "tables[0].name", "$t", ""));
    assert_eq!(refused(table("")).1, "tables[0].name");
}

#[test]
fn names_of_javascript_objects_are_names_like_others() {
    let schema = json!({"tables": [{"name": "__proto__", "key": ["constructor"], "columns": [
        {"name": "constructor", "type": "text"}, {"name": "__proto__", "type": "int"}]}]});
    let schema = check(schema).unwrap();
    let query = json!({"from": "__proto__", "select": [field("__proto__", col("__proto__"))]});
    let bound = bind(&schema, &serde_json::from_value(query).unwrap()).unwrap();
    assert_eq!(bound.key, [0]);
}

#[test]
fn a_tenanted_table_has_its_tenant_last_and_first_in_the_key() {
    let schema = tracker();
    let notes = schema.table("notes").unwrap();
    assert_eq!(notes.columns.get_index(3).unwrap().0, TENANT_COLUMN);
    assert_eq!(notes.key, [3, 0]);
    assert_eq!(notes.column(TENANT_COLUMN), None);
    assert_eq!(notes.layout.columns[3].ty, Type::Text);
    assert_eq!(notes.names().collect::<Vec<_>>(), ["id", "text", "issueId"]);
}

#[test]
fn an_empty_schema_is_one() {
    assert!(check(json!({"tables": []})).unwrap().tables.is_empty());
}
