//! Every rule of binding and every error of it, on one schema.

mod expressions;
mod grouping;
mod laws;
mod literals;
mod nested;
mod params;
mod queries;
mod recursion;
mod relations;
mod schemas;
mod sources;
mod starts;
mod subqueries;
mod tenancy;
mod types;
mod windows;

use serde_json::{Value as Json, json};

use super::{BoundQuery, Expr, Function, Schema, bind};
use crate::error::Error;
use crate::value::Value;

/// Code, path, offending name, nearest name.
type Parts = (&'static str, String, Option<String>, Option<String>);

fn parts(e: Error) -> Parts {
    assert!(!e.message.is_empty());
    (e.code.as_str(), e.path.clone(), e.offending.clone(), e.nearest.clone())
}

/// The parts of an error, written briefly: an empty text is none.
fn at(code: &'static str, path: &str, offending: &str, nearest: &str) -> Parts {
    let some = |s: &str| Some(s.to_owned()).filter(|s| !s.is_empty());
    (code, path.to_owned(), some(offending), some(nearest))
}

fn check(schema: Json) -> Result<Schema, Error> {
    Schema::from_json(&serde_json::from_value(schema).expect("the shape of a schema"))
}

fn refused(schema: Json) -> Parts {
    parts(check(schema).expect_err("a schema with a mistake"))
}

/// Issue tracker, with a column of every type and a tenanted corner.
fn tracker() -> Schema {
    let text = r#"{ "tables": [
        { "name": "projects", "key": ["id"],
          "columns": [{"name": "id", "type": "text"}, {"name": "name", "type": "text"}],
          "relations": [
            {"name": "issues", "kind": "hasMany", "table": "issues", "columns": ["projectId"],
             "orderBy": [{"expr": {"op": "col", "name": "priority"}, "desc": true}]},
            {"name": "labels", "kind": "through", "path": ["issues", "labels"]}] },
        { "name": "issues", "key": ["id"],
          "columns": [
            {"name": "id", "type": "text"}, {"name": "projectId", "type": "text"}, {"name": "title", "type": "text"},
            {"name": "priority", "type": "int"}, {"name": "points", "type": "float", "nullable": true},
            {"name": "size", "type": "bigint"}, {"name": "done", "type": "bool"}, {"name": "at", "type": "timestamp"},
            {"name": "meta", "type": "json", "nullable": true}, {"name": "blob", "type": "bytes"}],
          "relations": [
            {"name": "project", "kind": "belongsTo", "table": "projects", "columns": ["projectId"]},
            {"name": "comments", "kind": "hasMany", "table": "comments", "columns": ["issueId"],
             "where": {"op": "!=", "args": [{"op": "col", "name": "body"}, {"op": "lit", "value": ""}]},
             "orderBy": [{"expr": {"op": "col", "name": "body"}}]},
            {"name": "latest", "kind": "hasOne", "table": "comments", "columns": ["issueId"]},
            {"name": "labels", "kind": "manyToMany", "table": "labels", "join": "issueLabels",
             "columns": ["issueId"], "joinTarget": ["labelId"], "orderBy": [{"expr": {"op": "col", "name": "name"}}]}] },
        { "name": "comments", "key": ["id"],
          "columns": [{"name": "id", "type": "int"}, {"name": "issueId", "type": "text"}, {"name": "body", "type": "text"}],
          "relations": [{"name": "issue", "kind": "belongsTo", "table": "issues", "columns": ["issueId"]}] },
        { "name": "labels", "key": ["id"],
          "columns": [{"name": "id", "type": "text"}, {"name": "name", "type": "text"}] },
        { "name": "issueLabels", "key": ["issueId", "labelId"],
          "columns": [{"name": "issueId", "type": "text"}, {"name": "labelId", "type": "text"}] },
        { "name": "notes", "key": ["id"], "tenant": true,
          "columns": [{"name": "id", "type": "int"}, {"name": "text", "type": "text"}, {"name": "issueId", "type": "text"}],
          "relations": [
            {"name": "marks", "kind": "hasMany", "table": "marks", "columns": ["noteId"]},
            {"name": "issue", "kind": "belongsTo", "table": "issues", "columns": ["issueId"]}] },
        { "name": "marks", "key": ["id"], "tenant": true,
          "columns": [{"name": "id", "type": "int"}, {"name": "noteId", "type": "int"}],
          "relations": [{"name": "note", "kind": "belongsTo", "table": "notes", "columns": ["noteId"]}] }
    ] }"#;
    Schema::from_json(&serde_json::from_str(text).expect("JSON")).expect("a schema without a mistake")
}

fn query(json: Json) -> Result<BoundQuery, Error> {
    bind(&tracker(), &serde_json::from_value(json).expect("the shape of a query"))
}

fn good(json: Json) -> BoundQuery {
    query(json).expect("a query without a mistake")
}

fn bad(json: Json) -> Parts {
    parts(query(json).expect_err("a query with a mistake"))
}

/// Binds `where` over issues.
fn filter(json: Json) -> Expr {
    good(json!({"from": "issues", "where": json})).filter.expect("a filter")
}

/// The error of a `where` over issues.
fn bad_filter(json: Json) -> Parts {
    bad(json!({"from": "issues", "where": json}))
}

fn col(name: &str) -> Json {
    json!({"op": "col", "name": name})
}

fn of(alias: &str, name: &str) -> Json {
    json!({"op": "col", "of": alias, "name": name})
}

fn lit(value: impl Into<Json>) -> Json {
    json!({"op": "lit", "value": value.into()})
}

fn op<const N: usize>(name: &str, args: [Json; N]) -> Json {
    json!({"op": name, "args": args.to_vec()})
}

fn agg<const N: usize>(name: &str, args: [Json; N]) -> Json {
    json!({"op": "agg", "name": name, "args": args.to_vec()})
}

fn field(name: &str, expr: Json) -> Json {
    json!({"name": name, "expr": expr})
}

fn call<const N: usize>(function: Function, args: [Expr; N]) -> Expr {
    Expr::Call(function, args.into())
}

fn int(v: i64) -> Expr {
    Expr::Literal(Value::Int(v))
}

fn float(v: f64) -> Expr {
    Expr::Literal(Value::Float(v))
}

fn text(v: &str) -> Expr {
    Expr::Literal(Value::text(v))
}

/// Columns of issues in the scope.
mod issue {
    pub const ID: usize = 0;
    pub const PROJECT: usize = 1;
    pub const TITLE: usize = 2;
    pub const PRIORITY: usize = 3;
    pub const POINTS: usize = 4;
    pub const AT: usize = 7;
    pub const META: usize = 8;
    pub const WIDTH: usize = 10;
}
