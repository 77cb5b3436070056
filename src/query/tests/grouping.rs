//! Groups and aggregates.

use serde_json::json;

use super::*;
use crate::query::{Aggregate, AggregateCall, AggregateFunction, Select};
use crate::value::{Type, Value};

fn grouped(by: Json, select: Json) -> Json {
    json!({"from": "issues", "groupBy": by, "select": select})
}

fn fields(select: Select) -> Vec<(Expr, Type)> {
    let Select::Fields(fields) = select else { panic!("fields") };
    fields.into_iter().map(|f| (f.expr, f.ty)).collect()
}

fn counted(argument: Option<usize>) -> AggregateCall {
    AggregateCall::new(AggregateFunction::Count, argument.map(Expr::Column), Type::Int)
}

#[test]
fn groups_come_first_and_aggregates_after_them() {
    let bound = good(grouped(
        json!([{"expr": col("projectId")}, {"expr": col("done")}]),
        json!([field("n", agg("count", [])), field("done", col("done")), field("p", col("projectId"))]),
    ));
    let expected = Aggregate::new(vec![Expr::Column(issue::PROJECT), Expr::Column(6)], vec![counted(None)]);
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
    assert_eq!(bound.aggregate, Some(Aggregate::new(vec![], vec![counted(None)])));
    assert!(bound.key.is_empty());
    let empty = good(grouped(json!([]), json!([field("one", lit(1))])));
    assert_eq!(empty.aggregate, Some(Aggregate::new(vec![], vec![])));
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
fn an_aggregate_is_nowhere_but_in_select_having_and_order() {
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
    // A null without a type is text, as in PostgreSQL.
    good(grouped(json!([{"expr": col("id")}]), json!([field("n", agg("max", [lit(Json::Null)]))])));
}

#[test]
fn untyped_nulls_cannot_be_grouped_by() {
    let by = |e: Json| bad(grouped(json!([{"expr": col("id")}, {"expr": e}]), json!([field("n", agg("count", []))])));
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

fn said(name: &str, args: Json, more: Json) -> Json {
    let mut call = json!({"op": "agg", "name": name, "args": args});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"from": "issues", "select": [field("x", call)]})
}

fn only_call(query: Json) -> AggregateCall {
    good(query).aggregate.unwrap().calls.remove(0)
}

#[test]
fn an_order_of_an_aggregate_ends_in_the_keys_of_all_sources() {
    let order = |query: Json| only_call(query).order.iter().map(|o| (o.expr.clone(), o.desc, o.nulls_first)).collect::<Vec<_>>();
    let plain = said("arrayAgg", json!([col("title")]), json!({}));
    assert_eq!(order(plain.clone()), [(Expr::Column(issue::ID), false, false)]);
    let by = json!({"orderBy": [{"expr": col("points"), "desc": true}]});
    let key = (Expr::Column(issue::ID), false, false);
    assert_eq!(order(said("first", json!([col("title")]), by)), [(Expr::Column(issue::POINTS), true, true), key.clone()]);
    let mut joined = plain;
    joined["joins"] = json!([{"kind": "left", "table": "issueLabels", "on": lit(true)}]);
    let rest = [issue::WIDTH, issue::WIDTH + 1].map(|c| (Expr::Column(c), false, false));
    assert_eq!(order(joined), [&[key][..], &rest].concat());
    // A distinct list has no rows that could decide.
    let distinct = said("arrayAgg", json!([col("title")]), json!({"distinct": true}));
    assert_eq!(order(distinct), [(Expr::Column(issue::TITLE), false, false)]);
}

#[test]
fn what_changes_nothing_makes_no_second_aggregate() {
    let call = |distinct| json!({"op": "agg", "name": "max", "args": [col("id")], "distinct": distinct});
    let every = |name| json!({"op": "agg", "name": name, "args": [col("done")]});
    let median = json!({"op": "agg", "name": "percentileCont", "args": [col("points"), lit(0.5)]});
    let select = [call(true), call(false), every("every"), every("boolAnd"), agg("median", [col("points")]), median];
    let select: Vec<Json> = select.into_iter().enumerate().map(|(i, e)| field(&format!("f{i}"), e)).collect();
    assert_eq!(good(json!({"from": "issues", "select": select})).aggregate.unwrap().calls.len(), 3);
}

#[test]
fn an_integer_becomes_a_float_where_an_aggregate_interpolates() {
    let call = only_call(said("median", json!([col("priority")]), json!({})));
    assert_eq!(call.argument, Some(super::call(Function::IntToFloat, [Expr::Column(issue::PRIORITY)])));
    assert_eq!(call.ty, Type::Float);
}

#[test]
fn what_an_aggregate_says_is_refused_at_its_place() {
    let refused = |name: &str, args: Json, more: Json| bad(said(name, args, more));
    let here = |code, place: &str, offending: &str| at(code, &format!("select[0].expr.{place}"), offending, "");
    let by_id = json!({"orderBy": [{"expr": col("id")}]});
    let distinct = json!({"distinct": true});
    assert_eq!(refused("sum", json!([col("size")]), by_id.clone()), here("QUERY_INVALID", "orderBy", "sum"));
    assert_eq!(refused("count", json!([]), distinct.clone()), here("QUERY_INVALID", "distinct", "count"));
    assert_eq!(refused("mode", json!([col("id")]), distinct.clone()), here("QUERY_INVALID", "distinct", "mode"));
    said("arrayAgg", json!([col("meta")]), distinct.clone());
    let sorted = json!({"distinct": true, "orderBy": [{"expr": col("id")}]});
    assert_eq!(refused("arrayAgg", json!([col("title")]), sorted), here("QUERY_INVALID", "orderBy", "arrayAgg"));
    let columns = json!([col("title"), col("id")]);
    assert_eq!(refused("stringAgg", columns, distinct), here("QUERY_INVALID", "distinct", "stringAgg"));
    assert_eq!(refused("stringAgg", json!([col("title"), lit(1)]), json!({})), here("TYPE_MISMATCH", "args[1]", "1"));
    assert_eq!(refused("stringAgg", json!([col("title")]), json!({})), at("QUERY_INVALID", "select[0].expr", "stringAgg", ""));
    for wrong in [lit(1.5), lit(-0.1), lit("x"), col("points"), lit(2)] {
        let name = wrong.get("name").or(wrong.get("value")).unwrap();
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        assert_eq!(refused("percentileCont", json!([col("points"), wrong]), json!({})), here("QUERY_INVALID", "args[1]", &name));
    }
    assert_eq!(refused("count", json!([]), json!({"filter": col("id")})), here("TYPE_MISMATCH", "filter", "id"));
    let inner = json!({"filter": op("<", [agg("count", []), lit(1)])});
    assert_eq!(refused("count", json!([]), inner), here("QUERY_INVALID", "filter.args[0]", "count"));
    let nulls = json!({"orderBy": [{"expr": col("id"), "nulls": "frist"}]});
    assert_eq!(
        refused("first", json!([col("id")]), nulls),
        at("QUERY_INVALID", "select[0].expr.orderBy[0].nulls", "frist", "first")
    );
    let null = json!({"orderBy": [{"expr": lit(Json::Null)}]});
    assert_eq!(refused("last", json!([col("id")]), null), here("TYPE_MISMATCH", "orderBy[0].expr", "null"));
    let mut deep = col("done");
    for _ in 0..300 {
        deep = op("not", [deep]);
    }
    assert_eq!(refused("count", json!([]), json!({"filter": deep})), at("QUERY_INVALID", "select[0].expr", "", ""));
}

#[test]
fn having_is_a_condition_on_groups_and_groups_by_itself() {
    let query = |having: Json| json!({"from": "issues", "select": [field("one", lit(1))], "having": having});
    let bound = good(query(op(">", [agg("count", []), lit(2)]))).aggregate.unwrap();
    assert_eq!((bound.groups.len(), bound.calls.len()), (0, 1));
    assert_eq!(bound.having, Some(call(Function::Gt, [Expr::Column(0), int(2)])));
    assert_eq!(bad(query(agg("count", []))), at("TYPE_MISMATCH", "having", "count", ""));
    assert_eq!(bad(query(col("done"))), at("NOT_GROUPED", "having", "done", ""));
    assert_eq!(bad(json!({"from": "issues", "having": lit(true)})), at("QUERY_INVALID", "select", "", ""));
    let nested = json!({"from": "projects", "with": [{"relation": "issues", "query": {"having": lit(true)}}]});
    assert_eq!(bad(nested), at("QUERY_INVALID", "with[0].query.having", "", ""));
}

#[test]
fn grouping_sets_are_told_apart_by_their_number() {
    let mut query = grouped(
        json!([{"expr": col("projectId")}, {"expr": col("done")}, {"expr": col("projectId")}]),
        json!([
            field("n", agg("count", [])),
            field("p", col("projectId")),
            field("g", op("grouping", [col("done"), col("projectId")]))
        ]),
    );
    query["groupingSets"] = json!([[1, 0], [2, 0], []]);
    let bound = good(query.clone());
    let aggregate = bound.aggregate.unwrap();
    // Equal expressions are one.
    assert_eq!(aggregate.sets, [vec![0, 1], vec![0], vec![]]);
    assert_eq!(aggregate.calls[0].function, AggregateFunction::GroupingSet);
    assert_eq!(bound.key, [0, 1, 2, 3]);
    let of = |set: i64| call(Function::Eq, [Expr::Column(3), Expr::Literal(Value::Int(set))]);
    let mask = |n: i64| Expr::Literal(Value::Int(n));
    let case = call(Function::Case, [of(1), mask(2), of(2), mask(3), mask(0)]);
    assert_eq!(fields(bound.select), [(Expr::Column(4), Type::Int), (Expr::Column(0), Type::Text), (case, Type::Int)]);

    query["groupingSets"] = json!([[0], [3]]);
    assert_eq!(bad(query.clone()), at("QUERY_INVALID", "groupingSets[1]", "3", ""));
    query["groupingSets"] = json!([]);
    assert_eq!(bad(query.clone()), at("QUERY_INVALID", "groupingSets", "", ""));
    query["groupingSets"] = json!(vec![json!([]); 65]);
    assert_eq!(bad(query.clone()), at("QUERY_INVALID", "groupingSets", "", ""));
    query["groupBy"] = Json::Null;
    query["groupingSets"] = json!([[]]);
    query["select"] = json!([field("n", agg("count", []))]);
    assert_eq!(bad(query), at("QUERY_INVALID", "groupingSets", "", ""));
}

#[test]
fn what_grouping_is_about_is_said_with_its_place() {
    let by = || json!([{"expr": col("done")}]);
    let with = |e: Json| grouped(by(), json!([field("g", e)]));
    assert_eq!(bad(with(op("grouping", [col("title")]))), at("NOT_GROUPED", "select[0].expr.args[0]", "title", ""));
    assert_eq!(bad(with(op("grouping", []))), at("QUERY_INVALID", "select[0].expr", "grouping", ""));
    let within = agg("sum", [op("grouping", [col("done")])]);
    assert_eq!(bad(with(within)), at("QUERY_INVALID", "select[0].expr.args[0]", "grouping", ""));
    let ungrouped = json!({"from": "issues", "where": op("=", [op("grouping", [col("done")]), lit(0)])});
    assert_eq!(bad(ungrouped), at("QUERY_INVALID", "where.args[0]", "grouping", ""));
    assert_eq!(fields(good(with(op("grouping", [col("done")]))).select), [(Expr::Literal(Value::Int(0)), Type::Int)]);
}
