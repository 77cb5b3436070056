//! Groups and aggregates.

use serde_json::json;

use super::*;
use crate::query::{Aggregate, AggregateCall, AggregateFunction, Select};
use crate::value::Type;

fn grouped(by: Json, select: Json) -> Json {
    json!({"from": "issues", "groupBy": by, "select": select})
}

fn fields(select: Select) -> Vec<(Expr, Type)> {
    let Select::Fields(fields) = select else { panic!("fields") };
    fields.into_iter().map(|f| (f.expr, f.ty)).collect()
}

fn counted(argument: Option<usize>) -> AggregateCall {
    AggregateCall { function: AggregateFunction::Count, argument: argument.map(Expr::Column), ty: Type::Int }
}

#[test]
fn groups_come_first_and_aggregates_after_them() {
    let bound = good(grouped(
        json!([{"expr": col("projectId")}, {"expr": col("done")}]),
        json!([field("n", agg("count", [])), field("done", col("done")), field("p", col("projectId"))]),
    ));
    let expected = Aggregate { groups: vec![Expr::Column(issue::PROJECT), Expr::Column(6)], calls: vec![counted(None)] };
    assert_eq!(bound.aggregate, Some(expected));
    let c = Expr::Column;
    assert_eq!(fields(bound.select), [(c(2), Type::Int), (c(1), Type::Bool), (c(0), Type::Text)]);
    assert_eq!(bound.key, [0, 1]);
}

#[test]
fn the_same_aggregate_is_computed_once() {
    let sum = || agg("sum", [op("*", [col("points"), lit(2)])]);
    let mut query =
        grouped(json!([{"expr": col("done")}]), json!([field("a", sum()), field("b", op("/", [sum(), agg("count", [])]))]));
    query["orderBy"] = json!([{"expr": sum()}, {"expr": agg("count", [])}, {"expr": agg("count", [col("points")])}]);
    let bound = good(query);
    let aggregate = bound.aggregate.unwrap();
    assert_eq!(aggregate.calls.len(), 3);
    assert_eq!(aggregate.calls[2], counted(Some(issue::POINTS)));
    assert_eq!(bound.order.iter().map(|o| o.expr.clone()).collect::<Vec<_>>(), [1, 2, 3].map(Expr::Column));
    let ratio = call(Function::Div, [Expr::Column(1), call(Function::IntToFloat, [Expr::Column(2)])]);
    assert_eq!(fields(bound.select)[1], (ratio, Type::Float));
}

#[test]
fn aggregates_have_the_types_of_their_arguments() {
    let types: Vec<Type> = [
        agg("sum", [col("priority")]),
        agg("sum", [col("points")]),
        agg("avg", [col("priority")]),
        agg("avg", [col("points")]),
        agg("min", [col("at")]),
        agg("max", [col("title")]),
        agg("max", [col("done")]),
        agg("min", [col("blob")]),
        agg("count", [col("meta")]),
    ]
    .into_iter()
    .map(|a| fields(good(json!({"from": "issues", "select": [field("x", a)]})).select)[0].1)
    .collect();
    use Type::*;
    assert_eq!(types, [Int, Float, Float, Float, Timestamp, Text, Bool, Bytes, Int]);
}

#[test]
fn an_aggregate_without_group_by_makes_one_group() {
    let bound = good(json!({"from": "issues", "select": [field("n", agg("count", []))]}));
    assert_eq!(bound.aggregate, Some(Aggregate { groups: vec![], calls: vec![counted(None)] }));
    assert!(bound.key.is_empty());
    let empty = good(grouped(json!([]), json!([field("one", lit(1))])));
    assert_eq!(empty.aggregate, Some(Aggregate { groups: vec![], calls: vec![] }));
}

#[test]
fn an_aggregate_in_the_order_alone_groups_too() {
    let query = json!({"from": "issues", "select": [field("id", col("id"))], "orderBy": [{"expr": agg("count", [])}]});
    assert_eq!(bad(query), at("NOT_GROUPED", "select[0].expr", "id", ""));
}

#[test]
fn a_group_expression_is_found_within_others() {
    let by = || op("lower", [op("||", [col("title"), lit("!")])]);
    let bound = good(grouped(json!([{"expr": by()}]), json!([field("x", op("length", [by()])), field("y", by())])));
    assert_eq!(fields(bound.select), [(call(Function::Length, [Expr::Column(0)]), Type::Int), (Expr::Column(0), Type::Text)]);
}

#[test]
fn a_group_expression_is_found_where_it_becomes_a_float() {
    let by = || op("+", [col("priority"), lit(1)]);
    let bound = good(grouped(json!([{"expr": by()}]), json!([field("x", op("*", [by(), lit(0.5)]))])));
    let widened = call(Function::IntToFloat, [Expr::Column(0)]);
    assert_eq!(fields(bound.select)[0].0, call(Function::Mul, [widened, float(0.5)]));
}

#[test]
fn a_column_outside_of_the_grouping_is_named_with_its_place() {
    let by = json!([{"expr": op("lower", [col("title")])}]);
    assert_eq!(
        bad(grouped(by.clone(), json!([field("x", op("||", [op("lower", [col("title")]), col("title")]))]))),
        at("NOT_GROUPED", "select[0].expr.args[1]", "title", "")
    );
    let widened = op("+", [lit(0.5), op("+", [lit(1), col("priority")])]);
    assert_eq!(
        bad(grouped(by.clone(), json!([field("x", widened)]))),
        at("NOT_GROUPED", "select[0].expr.args[1].args[1]", "priority", "")
    );
    let mut order = grouped(by, json!([field("n", agg("count", []))]));
    order["orderBy"] = json!([{"expr": col("done")}]);
    assert_eq!(bad(order), at("NOT_GROUPED", "orderBy[0].expr", "done", ""));
}

#[test]
fn a_column_outside_of_the_grouping_has_its_place_among_many_texts() {
    let texts = |bad: usize| {
        let text = |i| if i == bad { op("lower", [col("id")]) } else { op("upper", [col("title")]) };
        let args: Vec<Json> = (0..7).map(text).collect();
        grouped(json!([{"expr": op("upper", [col("title")])}]), json!([field("x", json!({"op": "||", "args": args}))]))
    };
    for i in 0..7 {
        assert_eq!(bad(texts(i)), at("NOT_GROUPED", &format!("select[0].expr.args[{i}].args[0]"), "id", ""));
    }
    let bound = good(texts(7));
    assert_eq!(fields(bound.select)[0].0.columns(), [0]);
}

#[test]
fn in_a_join_the_column_outside_is_named_with_its_alias() {
    let query = json!({"from": "issues", "joins": [{"kind": "inner", "table": "projects", "on": lit(true)}],
        "groupBy": [{"expr": col("name")}], "select": [field("x", of("projects", "id"))]});
    assert_eq!(bad(query), at("NOT_GROUPED", "select[0].expr", "projects.id", ""));
}

#[test]
fn a_grouped_query_needs_a_select() {
    assert_eq!(bad(json!({"from": "issues", "groupBy": [{"expr": col("id")}]})), at("QUERY_INVALID", "select", "", ""));
}

#[test]
fn an_aggregate_is_nowhere_but_in_select_and_order() {
    let count = || op("<", [agg("count", []), lit(1)]);
    assert_eq!(bad_filter(count()), at("QUERY_INVALID", "where.args[0]", "count", ""));
    let join = json!({"from": "issues", "joins": [{"kind": "inner", "table": "labels", "on": count()}]});
    assert_eq!(bad(join), at("QUERY_INVALID", "joins[0].on.args[0]", "count", ""));
    let by = grouped(json!([{"expr": agg("max", [col("id")])}]), json!([field("n", agg("count", []))]));
    assert_eq!(bad(by), at("QUERY_INVALID", "groupBy[0].expr", "max", ""));
    let nested = json!({"from": "issues", "select": [field("x", agg("sum", [agg("count", [])]))]});
    assert_eq!(bad(nested), at("QUERY_INVALID", "select[0].expr.args[0]", "count", ""));
}

#[test]
fn an_aggregate_takes_its_number_and_types_of_arguments() {
    let select = |a: Json| bad(json!({"from": "issues", "select": [field("x", a)]}));
    assert_eq!(select(agg("sum", [])), at("QUERY_INVALID", "select[0].expr", "sum", ""));
    assert_eq!(select(agg("count", [col("id"), col("id")])), at("QUERY_INVALID", "select[0].expr", "count", ""));
    assert_eq!(select(agg("sums", [col("id")])), at("UNKNOWN_FUNCTION", "select[0].expr", "sums", "sum"));
    assert_eq!(select(agg("sum", [col("title")])), at("TYPE_MISMATCH", "select[0].expr.args[0]", "title", ""));
    assert_eq!(select(agg("avg", [col("done")])), at("TYPE_MISMATCH", "select[0].expr.args[0]", "done", ""));
    assert_eq!(select(agg("max", [col("meta")])), at("TYPE_MISMATCH", "select[0].expr.args[0]", "meta", ""));
    assert_eq!(select(agg("max", [lit(Json::Null)])), at("TYPE_MISMATCH", "select[0].expr.args[0]", "null", ""));
}

#[test]
fn json_and_untyped_nulls_cannot_be_grouped_by() {
    let by = |e: Json| bad(grouped(json!([{"expr": col("id")}, {"expr": e}]), json!([field("n", agg("count", []))])));
    assert_eq!(by(col("meta")), at("TYPE_MISMATCH", "groupBy[1].expr", "meta", ""));
    assert_eq!(by(lit(Json::Null)), at("TYPE_MISMATCH", "groupBy[1].expr", "null", ""));
}

#[test]
fn an_order_name_is_a_group_or_else_a_field() {
    let mut query = grouped(
        json!([{"expr": col("projectId")}]),
        json!([field("priority", agg("max", [col("priority")])), field("n", agg("count", [])), field("projectId", lit(1))]),
    );
    query["orderBy"] = json!([{"expr": col("n")}, {"expr": col("priority")}, {"expr": col("projectId")}]);
    let order: Vec<Expr> = good(query).order.into_iter().map(|o| o.expr).collect();
    assert_eq!(order, [2, 1, 0].map(Expr::Column));
}
