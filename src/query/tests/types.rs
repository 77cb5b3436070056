//! Types of bound expressions and of the columns they are over.

use serde_json::json;

use super::*;
use crate::query::{Select, group_types, output_types, scope_types, type_of};
use crate::value::Type;

#[test]
fn the_types_of_the_scope_are_those_of_all_sources_hidden_columns_included() {
    let bound = good(json!({"from": "notes", "tenant": "acme",
        "joins": [{"kind": "left", "table": "issueLabels", "on": lit(true)}]}));
    let types = scope_types(&tracker(), &bound);
    assert_eq!(types, [Type::Int, Type::Text, Type::Text, Type::Text, Type::Text, Type::Text]);
    assert_eq!(output_types(&tracker(), &bound), types);
}

#[test]
fn the_types_of_the_group_scope_are_those_of_groups_and_aggregates() {
    let bound = good(json!({"from": "issues", "groupBy": [{"expr": op("length", [col("title")])}, {"expr": col("at")}],
        "select": [field("a", agg("avg", [col("priority")])), field("n", agg("count", []))]}));
    let scope = scope_types(&tracker(), &bound);
    let types = group_types(bound.aggregate.as_ref().unwrap(), &scope);
    assert_eq!(types, [Type::Int, Type::Timestamp, Type::Float, Type::Int]);
    assert_eq!(output_types(&tracker(), &bound), types);
}

#[test]
fn the_type_of_an_expression_after_binding_is_the_one_it_was_bound_with() {
    let null = || lit(Json::Null);
    let fields = [
        op("+", [null(), col("points")]),
        op("coalesce", [null(), col("at"), null()]),
        op("||", [null(), null()]),
        op("length", [col("blob")]),
        op("neg", [op("*", [col("priority"), lit(2)])]),
        op("/", [col("priority"), lit(2.0)]),
        op("in", [col("id"), lit("x")]),
        op("isNull", [null()]),
        col("meta"),
    ];
    let fields: Vec<Json> = fields.into_iter().enumerate().map(|(i, f)| field(&format!("f{i}"), f)).collect();
    let bound = good(json!({"from": "issues", "select": fields}));
    let scope = scope_types(&tracker(), &bound);
    let Select::Fields(fields) = &bound.select else { panic!("fields") };
    for f in fields {
        assert_eq!(type_of(&f.expr, &scope), Some(f.ty), "{}", f.name);
    }
    use Type::{Bool, Float, Int, Text, Timestamp};
    let types: Vec<Type> = fields.iter().map(|f| f.ty).collect();
    assert_eq!(types, [Float, Timestamp, Text, Int, Int, Float, Bool, Bool, Type::Json]);
}

#[test]
fn an_expression_of_nulls_has_no_type() {
    let sum = call(Function::Add, [Expr::Literal(Value::Null), Expr::Literal(Value::Null)]);
    assert_eq!(type_of(&sum, &[]), None);
    assert_eq!(type_of(&Expr::Column(3), &[Type::Int]), None);
}
