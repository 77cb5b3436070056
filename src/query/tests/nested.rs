//! Nested associations.

use serde_json::json;

use super::*;
use crate::query::{Select, SortKey};

fn with(items: Json) -> Json {
    json!({"from": "issues", "with": items})
}

#[test]
fn a_nested_query_is_bound_against_the_target() {
    let bound = good(with(json!([{"relation": "comments", "as": "said", "query": {
        "where": op(">", [col("id"), lit(3)]), "orderBy": [{"expr": of("comments", "id"), "desc": true}], "limit": 3, "offset": 1,
        "select": [field("body", col("body"))], "with": [{"relation": "issue", "query": {"with": [{"relation": "project"}]}}]}}])));
    let said = &bound.nested[0];
    assert_eq!((said.name.as_str(), said.single, said.hops.len()), ("said", false, 1));
    assert_eq!(said.hops[0].filter, Some(call(Function::Ne, [Expr::Column(2), text("")])));
    assert_eq!(said.query.filter, Some(call(Function::Gt, [Expr::Column(0), int(3)])));
    assert_eq!(said.query.order, [SortKey { expr: Expr::Column(0), desc: true, nulls_first: true }]);
    assert_eq!((said.query.from.table(), said.query.limit, said.query.offset), (Some(2), Some(3), 1));
    let issue = &said.query.nested[0];
    assert_eq!((issue.name.as_str(), issue.single, issue.query.from.table()), ("issue", true, Some(1)));
    assert_eq!(issue.query.nested[0].query.from.table(), Some(0));
}

#[test]
fn the_order_of_an_association_stands_until_another_is_given() {
    let bound = good(with(json!([{"relation": "labels"}, {"relation": "labels", "as": "other", "query": {
        "orderBy": [{"expr": col("id")}]}}, {"relation": "latest"}])));
    let orders: Vec<Vec<Expr>> = bound.nested.iter().map(|n| n.query.order.iter().map(|o| o.expr.clone()).collect()).collect();
    assert_eq!(orders, [vec![Expr::Column(1)], vec![Expr::Column(0)], vec![]]);
    assert_eq!(bound.nested.iter().map(|n| n.single).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(bound.nested[0].query.select, Select::All);
}

#[test]
fn an_unknown_association_is_refused_with_the_nearest() {
    assert_eq!(
        bad(with(json!([{"relation": "labels"}, {"relation": "coments"}]))),
        at("UNKNOWN_RELATION", "with[1].relation", "coments", "comments")
    );
}

#[test]
fn mistakes_in_a_nested_query_have_their_place() {
    let query = with(json!([{"relation": "comments", "query": {"with": [{"relation": "issue", "query": {
        "where": op("=", [col("titel"), lit("")])}}]}}]));
    assert_eq!(bad(query), at("UNKNOWN_COLUMN", "with[0].query.with[0].query.where.args[0]", "titel", "title"));
}

#[test]
fn a_nested_field_takes_no_name_that_is_there() {
    let twice = with(json!([{"relation": "labels"}, {"relation": "labels"}]));
    assert_eq!(bad(twice), at("QUERY_INVALID", "with[1].relation", "labels", ""));
    let column = with(json!([{"relation": "labels", "as": "title"}]));
    assert_eq!(bad(column), at("QUERY_INVALID", "with[0].as", "title", ""));
    let mut selected = with(json!([{"relation": "labels"}]));
    selected["select"] = json!([field("labels", col("id"))]);
    assert_eq!(bad(selected), at("QUERY_INVALID", "with[0].relation", "labels", ""));
    let mut free = with(json!([{"relation": "labels", "as": "title"}]));
    free["select"] = json!([field("id", col("id"))]);
    assert_eq!(good(free).nested[0].name, "title");
    assert_eq!(bad(with(json!([{"relation": "labels", "as": ""}]))).1, "with[0].as");
}

#[test]
fn nothing_nests_in_a_join_or_a_group() {
    let mut joined = with(json!([{"relation": "comments"}]));
    joined["joins"] = json!([{"kind": "inner", "table": "projects", "on": lit(true)}]);
    assert_eq!(bad(joined), at("QUERY_INVALID", "with", "", ""));
    let mut grouped = with(json!([{"relation": "comments"}]));
    grouped["select"] = json!([field("n", agg("count", []))]);
    assert_eq!(bad(grouped), at("QUERY_INVALID", "with", "", ""));
}

#[test]
fn a_nested_query_neither_joins_nor_groups() {
    let nested = |query: Json| bad(with(json!([{"relation": "comments", "query": query}])));
    let wrong = |part: &str| at("QUERY_INVALID", &format!("with[0].query.{part}"), "", "");
    assert_eq!(nested(json!({"joins": [{"kind": "inner", "table": "labels", "on": lit(true)}]})), wrong("joins"));
    assert_eq!(nested(json!({"groupBy": [], "select": [field("x", lit(1))]})), wrong("groupBy"));
    assert_eq!(nested(json!({"select": [field("n", agg("count", []))]})), wrong("select"));
    assert_eq!(nested(json!({"from": "labels"})), at("QUERY_INVALID", "with[0].query.from", "labels", ""));
    good(with(json!([{"relation": "comments", "query": {"from": "comments"}}])));
}

#[test]
fn a_single_association_is_not_limited() {
    for (part, value) in [("limit", json!(1)), ("offset", json!(1)), ("start", json!({"values": [lit("x")]}))] {
        let query = with(json!([{"relation": "project", "query": {part: value}}]));
        assert_eq!(bad(query), at("QUERY_INVALID", &format!("with[0].query.{part}"), "", ""));
    }
}

#[test]
fn associations_nest_to_a_greatest_depth() {
    let nested = |levels: usize| {
        let mut query = json!({});
        for level in (0..levels).rev() {
            let relation = if level % 2 == 0 { "comments" } else { "issue" };
            query = json!({"with": [{"relation": relation, "query": query}]});
        }
        query["from"] = json!("issues");
        // Through text: conversion of a deep value is not what is tested here.
        serde_json::from_str::<crate::query::ast::QueryJson>(&query.to_string()).unwrap()
    };
    assert!(bind(&tracker(), &nested(32)).is_ok());
    let e = bind(&tracker(), &nested(33)).unwrap_err();
    assert_eq!(e.code.as_str(), "QUERY_INVALID");
    assert!(e.path.ends_with(".with"), "{}", e.path);
}

fn computed(name: &str, relation: &str, expr: Json) -> Json {
    json!({"as": name, "relation": relation, "expr": expr})
}

#[test]
fn computed_columns_are_columns_of_the_scope() {
    let count = || computed("n", "comments", agg("count", []));
    let list = json!({"op": "agg", "name": "arrayAgg", "args": [col("id")]});
    let bound = good(json!({"from": "issues", "computed": [count(), computed("ids", "comments", list)],
        "where": op(">", [of("issues", "n"), lit(1)]), "orderBy": [{"expr": col("n")}]}));
    assert_eq!(bound.filter, Some(call(Function::Gt, [Expr::Column(issue::WIDTH), int(1)])));
    assert_eq!(bound.order[0].expr, Expr::Column(issue::WIDTH));
    // The order of the association, then the key.
    let order: Vec<Expr> = bound.computed[1].call.order.iter().map(|o| o.expr.clone()).collect();
    assert_eq!(order, [Expr::Column(2), Expr::Column(0)]);
    let crate::query::Select::Fields(fields) = bound.select else { panic!("fields") };
    assert_eq!((fields.len(), fields[issue::WIDTH].name.as_str()), (issue::WIDTH + 2, "n"));
    let nested = good(json!({"from": "projects", "with": [{"relation": "issues", "query": {"computed": [count()]}}]}));
    assert_eq!(nested.nested[0].query.computed.len(), 1);
}

#[test]
fn a_computed_column_is_refused_at_its_place() {
    let refused = |item: Json| bad(json!({"from": "issues", "computed": [item]}));
    let count = || agg("count", []);
    assert_eq!(refused(computed("title", "comments", count())), at("QUERY_INVALID", "computed[0].as", "title", ""));
    assert_eq!(refused(computed("", "comments", count())).1, "computed[0].as");
    assert_eq!(refused(computed("n", "coments", count())), at("UNKNOWN_RELATION", "computed[0].relation", "coments", "comments"));
    assert_eq!(refused(computed("n", "comments", col("id"))), at("QUERY_INVALID", "computed[0].expr", "id", ""));
    let wrong = agg("sum", [col("body")]);
    assert_eq!(refused(computed("n", "comments", wrong)), at("TYPE_MISMATCH", "computed[0].expr.args[0]", "body", ""));
    let within = agg("sum", [agg("count", [])]);
    assert_eq!(refused(computed("n", "comments", within)), at("QUERY_INVALID", "computed[0].expr.args[0]", "count", ""));
    let joined = json!({"from": "issues", "computed": [computed("n", "comments", count())],
        "joins": [{"kind": "inner", "table": "projects", "on": lit(true)}]});
    assert_eq!(bad(joined), at("QUERY_INVALID", "computed", "", ""));
    let many: Vec<Json> = (0..9).map(|i| computed(&format!("n{i}"), "comments", count())).collect();
    assert_eq!(bad(json!({"from": "issues", "computed": many})), at("QUERY_INVALID", "computed", "", ""));
}
