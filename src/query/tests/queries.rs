//! Sources, names, select, order.

use serde_json::json;

use super::*;
use crate::query::{JoinKind, Select, SortKey};
use crate::value::Type;

fn joined(on: Json) -> Json {
    json!({"from": "issues", "alias": "i", "joins": [{"kind": "inner", "table": "projects", "alias": "p", "on": on}]})
}

fn on_project() -> Json {
    op("=", [of("i", "projectId"), of("p", "id")])
}

#[test]
fn a_bare_query_is_all_rows_by_key() {
    let bound = good(json!({"from": "issues"}));
    assert_eq!((bound.from.table(), bound.alias.as_str(), bound.offset, bound.limit), (Some(1), "issues", 0, None));
    assert_eq!((bound.select, bound.key), (Select::All, vec![0]));
    assert!(bound.filter.is_none() && bound.aggregate.is_none() && bound.order.is_empty() && bound.nested.is_empty());
}

#[test]
fn limit_and_offset_go_through() {
    let bound = good(json!({"from": "issues", "limit": 0, "offset": 7}));
    assert_eq!((bound.limit, bound.offset), (Some(0), 7));
}

#[test]
fn an_unknown_table_is_refused_with_the_nearest() {
    assert_eq!(bad(json!({"from": "isues"})), at("UNKNOWN_TABLE", "from", "isues", "issues"));
    let join = json!({"from": "issues", "joins": [{"kind": "inner", "table": "project", "on": lit(true)}]});
    assert_eq!(bad(join), at("UNKNOWN_TABLE", "joins[0].table", "project", "projects"));
}

#[test]
fn joins_number_their_columns_after_those_before() {
    let bound = good(joined(on_project()));
    let join = &bound.joins[0];
    assert_eq!((join.kind, join.source.table(), join.alias.as_str()), (JoinKind::Inner, Some(0), "p"));
    assert_eq!(join.on, call(Function::Eq, [Expr::Column(issue::PROJECT), Expr::Column(issue::WIDTH)]));
    assert_eq!(bound.key, [issue::ID, issue::WIDTH]);
}

#[test]
fn tables_of_different_widths_are_numbered_one_after_another() {
    let on = |a: Json, b: Json| op("=", [a, b]);
    let bound = good(json!({"from": "labels", "joins": [
        {"kind": "inner", "table": "issueLabels", "on": on(of("labels", "id"), col("labelId"))},
        {"kind": "left", "table": "issues", "on": on(of("issues", "id"), col("issueId"))},
        {"kind": "left", "table": "comments", "on": on(col("body"), col("title"))}]}));
    let equal = |a, b| call(Function::Eq, [Expr::Column(a), Expr::Column(b)]);
    let second = 2 + 2;
    let third = second + issue::WIDTH;
    assert_eq!(
        bound.joins.into_iter().map(|j| j.on).collect::<Vec<_>>(),
        [equal(0, 3), equal(second, 2), equal(third + 2, second + issue::TITLE)]
    );
    assert_eq!(bound.key, [0, 2, 3, second, third]);
}

#[test]
fn an_unqualified_name_is_of_whichever_source_has_it() {
    let mut query = joined(on_project());
    query["where"] = op("=", [col("name"), col("title")]);
    let bound = good(query);
    assert_eq!(bound.filter, Some(call(Function::Eq, [Expr::Column(issue::WIDTH + 1), Expr::Column(issue::TITLE)])));
}

#[test]
fn an_unqualified_name_of_two_sources_is_ambiguous() {
    let mut query = joined(on_project());
    query["where"] = op("=", [lit("x"), col("id")]);
    assert_eq!(bad(query), at("AMBIGUOUS_COLUMN", "where.args[1]", "id", ""));
}

#[test]
fn an_unknown_name_is_compared_with_those_of_all_sources() {
    let mut query = joined(on_project());
    query["where"] = op("=", [col("nmae"), lit("x")]);
    assert_eq!(bad(query.clone()), at("UNKNOWN_COLUMN", "where.args[0]", "nmae", "name"));
    query["where"] = op("=", [of("p", "titel"), lit("x")]);
    assert_eq!(bad(query), at("UNKNOWN_COLUMN", "where.args[0]", "titel", ""));
}

#[test]
fn an_unknown_alias_is_refused_with_the_nearest() {
    let query = json!({"from": "issues", "where": op("=", [of("issue", "id"), lit("x")])});
    assert_eq!(bad(query), at("UNKNOWN_ALIAS", "where.args[0]", "issue", "issues"));
}

#[test]
fn a_join_does_not_see_the_joins_after_it() {
    let mut query = joined(op("=", [of("p", "id"), of("later", "id")]));
    let later = json!({"kind": "inner", "table": "labels", "alias": "later", "on": lit(true)});
    query["joins"].as_array_mut().unwrap().push(later);
    assert_eq!(bad(query), at("UNKNOWN_ALIAS", "joins[0].on.args[1]", "later", ""));
}

#[test]
fn an_alias_is_given_once() {
    let join = |join: Json| json!({"from": "issues", "joins": [join]});
    assert_eq!(
        bad(join(json!({"kind": "left", "table": "issues", "on": lit(true)}))),
        at("QUERY_INVALID", "joins[0].table", "issues", "")
    );
    assert_eq!(
        bad(join(json!({"kind": "left", "table": "labels", "alias": "issues", "on": lit(true)}))),
        at("QUERY_INVALID", "joins[0].alias", "issues", "")
    );
    assert_eq!(bad(json!({"from": "issues", "alias": ""})).1, "alias");
}

#[test]
fn an_unknown_kind_of_join_is_refused() {
    let query = json!({"from": "issues", "joins": [{"kind": "iner", "table": "labels", "on": lit(true)}]});
    assert_eq!(bad(query), at("QUERY_INVALID", "joins[0].kind", "iner", "inner"));
}

#[test]
fn a_query_has_a_greatest_number_of_joins() {
    let joins = |n: usize| {
        let one = |i| json!({"kind": "inner", "table": "labels", "alias": format!("l{i}"), "on": lit(true)});
        json!({"from": "issues", "joins": (0..n).map(one).collect::<Vec<_>>()})
    };
    assert_eq!(good(joins(64)).key.len(), 65);
    assert_eq!(bad(joins(65)), at("QUERY_INVALID", "joins", "", ""));
}

#[test]
fn a_condition_is_a_bool() {
    assert_eq!(bad(joined(of("p", "name"))), at("TYPE_MISMATCH", "joins[0].on", "name", ""));
    assert_eq!(bad_filter(lit(1)), at("TYPE_MISMATCH", "where", "1", ""));
    assert_eq!(filter(lit(Json::Null)), Expr::Literal(Value::Null));
    assert_eq!(filter(lit(false)), Expr::Literal(Value::Bool(false)));
}

#[test]
fn select_has_the_types_of_its_expressions() {
    let bound = good(json!({"from": "issues", "select": [
        field("a", col("title")), field("late", op("<", [col("priority"), lit(2.5)])), field("none", lit(Json::Null))]}));
    let Select::Fields(fields) = bound.select else { panic!() };
    let types: Vec<(&str, Type)> = fields.iter().map(|f| (f.name.as_str(), f.ty)).collect();
    assert_eq!(types, [("a", Type::Text), ("late", Type::Bool), ("none", Type::Text)]);
}

#[test]
fn an_empty_select_and_fields_without_or_with_the_same_name_are_refused() {
    let select = |fields: Json| bad(json!({"from": "issues", "select": fields}));
    assert_eq!(select(json!([])), at("QUERY_INVALID", "select", "", ""));
    assert_eq!(select(json!([field("a", col("id")), field("a", col("title"))])), at("QUERY_INVALID", "select[1].name", "a", ""));
    assert_eq!(select(json!([{"expr": col("id")}])).1, "select[0].name");
    assert_eq!(
        select(json!([field("a", op("lower", [col("titel")]))])),
        at("UNKNOWN_COLUMN", "select[0].expr.args[0]", "titel", "title")
    );
}

#[test]
fn nulls_are_last_ascending_and_first_descending_unless_said() {
    let item = |desc: bool, nulls: Json| json!({"expr": col("points"), "desc": desc, "nulls": nulls});
    let bound = good(json!({"from": "issues", "orderBy": [
        item(false, Json::Null), item(true, Json::Null), item(false, json!("first")), item(true, json!("last"))]}));
    assert_eq!(bound.order.iter().map(|o| o.nulls_first).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(bound.order.iter().map(|o| o.desc).collect::<Vec<_>>(), [false, true, false, true]);
    let wrong = json!({"from": "issues", "orderBy": [item(true, json!("frist"))]});
    assert_eq!(bad(wrong), at("QUERY_INVALID", "orderBy[0].nulls", "frist", "first"));
}

#[test]
fn an_order_name_that_no_source_has_is_the_field_of_select() {
    let label = op("||", [col("title"), lit("!")]);
    let bound = good(json!({"from": "issues", "select": [field("label", label)], "orderBy": [{"expr": col("label")}]}));
    let expr = call(Function::Concat, [Expr::Column(issue::TITLE), text("!")]);
    assert_eq!(bound.order, [SortKey { expr, desc: false, nulls_first: false }]);
}

#[test]
fn an_order_name_that_a_source_has_is_its_column_though_a_field_is_called_so() {
    let bound = good(json!({"from": "issues", "select": [field("title", col("id"))], "orderBy": [{"expr": col("title")}]}));
    assert_eq!(bound.order[0].expr, Expr::Column(issue::TITLE));
}

#[test]
fn an_order_name_that_is_nothing_is_compared_with_the_fields_too() {
    let query = json!({"from": "issues", "select": [field("label", col("id"))], "orderBy": [{"expr": col("lable")}]});
    assert_eq!(bad(query), at("UNKNOWN_COLUMN", "orderBy[0].expr", "lable", "label"));
}

#[test]
fn what_has_no_type_has_no_order() {
    good(json!({"from": "issues", "orderBy": [{"expr": col("id")}, {"expr": col("meta")}]}));
    let null = json!({"from": "issues", "orderBy": [{"expr": lit(Json::Null)}]});
    assert_eq!(bad(null), at("TYPE_MISMATCH", "orderBy[0].expr", "null", ""));
}
