//! Parameters: types from their places, values, and what is wrong with either.

use serde_json::{Value as Json, json};

use super::{at, bad, col, good, lit, op, parts, tracker};
use crate::query::{Expr, Param, Place, Slot, ast, bind, set_params};
use crate::value::{Type, Value};

fn param(name: &str) -> Json {
    json!({ "op": "param", "name": name })
}

fn asked(filter: Json, params: Json) -> Json {
    json!({ "from": "issues", "where": filter, "params": params })
}

fn value(name: &str, value: Json) -> Json {
    json!({ "name": name, "value": value })
}

fn types(json: Json) -> Vec<Type> {
    good(json).params.iter().map(|p| p.ty).collect()
}

#[test]
fn the_place_tells_the_type() {
    let p = || json!([value("p", lit(1))]);
    assert_eq!(types(asked(op("=", [col("priority"), param("p")]), p())), [Type::Int]);
    let float = good(asked(op(">", [param("p"), col("points")]), p()));
    assert_eq!((float.params[0].ty, &float.params[0].value), (Type::Float, &Value::Float(1.0)));
    // Of places that only say that types agree, the other arguments tell it, wherever they come from.
    let nested = op("=", [op("coalesce", [param("p"), param("q")]), col("points")]);
    let both = json!([value("p", lit(1)), value("q", lit(2))]);
    assert_eq!(types(asked(nested, both)), [Type::Int, Type::Int]);
    assert_eq!(types(asked(op("between", [col("points"), param("p"), lit(3)]), p())), [Type::Float]);
    assert_eq!(types(asked(param("p"), json!([value("p", lit(true))]))), [Type::Bool]);
    // Beside nothing that has a type it is that of the value, or else text.
    assert_eq!(types(asked(op("isNull", [param("p")]), p())), [Type::Int]);
    assert_eq!(types(asked(op("isNull", [param("p")]), json!([value("p", lit(Json::Null))]))), [Type::Text]);
    let declared = json!([{ "name": "p", "type": "timestamp", "value": lit(Json::Null) }]);
    assert_eq!(types(asked(op("isNull", [param("p")]), declared)), [Type::Timestamp]);
    // One parameter in two places.
    let twice = op("and", [op("=", [col("priority"), param("p")]), op("<", [col("points"), param("p")])]);
    assert_eq!(types(asked(twice, p())), [Type::Int]);
}

#[test]
fn numbers_of_rows_and_starts_can_be_parameters() {
    let query = good(json!({ "from": "issues", "orderBy": [{ "expr": col("points") }], "limitParam": "n", "offsetParam": "m",
        "start": { "values": [param("s")] },
        "params": [value("n", lit(3)), value("m", lit(Json::Null)), value("s", lit(2))] }));
    let slot = |place, param| Slot { place, param };
    assert_eq!(query.slots, [slot(Place::Limit, 0), slot(Place::Offset, 1), slot(Place::Start(0), 2)]);
    assert!(query.is_cut() && query.params[0].counts && query.params[2].ty == Type::Float);
    let by = json!({ "by": [col("projectId")], "limitParam": "n" });
    let query = good(json!({ "from": "issues", "limitBy": by, "params": [value("n", lit(3))] }));
    assert_eq!(query.slots, [slot(Place::LimitBy, 0)]);
    let both = json!({ "from": "issues", "limit": 3, "limitParam": "n", "params": [value("n", lit(3))] });
    assert_eq!(bad(both), at("QUERY_INVALID", "limitParam", "n", ""));
    let negative = json!({ "from": "issues", "limitParam": "n", "params": [value("n", lit(-1))] });
    assert_eq!(bad(negative), at("QUERY_INVALID", "params.n", "-1", ""));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let equal = || op("=", [col("priority"), param("least")]);
    assert_eq!(bad(asked(equal(), json!([]))), at("MISSING_PARAMETER", "where.args[1]", "least", ""));
    let slip = json!([value("laest", lit(1))]);
    assert_eq!(bad(asked(equal(), slip)), at("MISSING_PARAMETER", "where.args[1]", "least", "laest"));
    let more = json!([value("least", lit(1)), value("most", lit(1))]);
    assert_eq!(bad(asked(equal(), more)), at("UNKNOWN_PARAMETER", "params.most", "most", ""));
    let text = json!([value("least", lit("1"))]);
    assert_eq!(bad(asked(equal(), text)), at("TYPE_MISMATCH", "params.least", "1", ""));
    let column = json!([value("least", col("id"))]);
    assert_eq!(bad(asked(equal(), column)), at("QUERY_INVALID", "params.least", "id", ""));
    let twice = json!([value("least", lit(1)), value("least", lit(1))]);
    assert_eq!(bad(asked(equal(), twice)), at("QUERY_INVALID", "params[1].name", "least", ""));
    let decimal = json!([{ "name": "least", "type": "money", "value": lit(1) }]);
    assert_eq!(bad(asked(equal(), decimal)), at("UNSUPPORTED_TYPE", "params[0].type", "money", ""));
    let elsewhere = json!({ "from": { "query": asked(equal(), json!([value("least", lit(1))])), "alias": "a" } });
    assert_eq!(bad(elsewhere), at("QUERY_INVALID", "from.query.params", "", ""));
    // A declared type that the place does not take.
    let declared = json!([{ "name": "least", "type": "text", "value": lit("a") }]);
    assert_eq!(bad(asked(equal(), declared)), at("TYPE_MISMATCH", "where.args[1]", "least", ""));
    // A pattern is read when it is given.
    let pattern = |text: &str| asked(op("~", [col("title"), param("p")]), json!([value("p", lit(text))]));
    assert_eq!(good(pattern("^a")).params[0].pattern.as_deref(), Some(""));
    assert_eq!(bad(pattern("(")), at("REGEX_INVALID", "params.p", "(", ""));
    // Numbers that the plan rests on are no parameters.
    let over = json!({ "op": "over", "name": "ntile", "args": [param("p")], "over": { "orderBy": [{ "expr": col("id") }] } });
    let window = json!({ "from": "issues", "select": [{ "name": "n", "expr": over }], "params": [value("p", lit(2))] });
    assert_eq!(bad(window), at("QUERY_INVALID", "select[0].expr.args[0]", "p", ""));
}

#[test]
fn values_are_set_one_by_one() {
    let query = good(asked(
        op("and", [op("=", [col("priority"), param("a")]), op("<", [col("points"), param("b")])]),
        json!([value("a", lit(1)), value("b", lit(0.5))]),
    ));
    let set = |json: Json| {
        let given: ast::ParamsJson = serde_json::from_value(json!({ "params": json })).expect("the shape of parameters");
        set_params(&query.params, &given.params).map_err(parts)
    };
    assert_eq!(set(json!([value("b", lit(2))])), Ok(vec![Value::Int(1), Value::Float(2.0)]));
    assert_eq!(set(json!([value("a", lit(Json::Null))])), Ok(vec![Value::Null, Value::Float(0.5)]));
    assert_eq!(set(json!([])), Ok(vec![Value::Int(1), Value::Float(0.5)]));
    assert_eq!(set(json!([value("c", lit(2))])), Err(at("UNKNOWN_PARAMETER", "params.c", "c", "a")));
    assert_eq!(set(json!([value("a", lit(2.5))])), Err(at("TYPE_MISMATCH", "params.a", "2.5", "")));
}

#[test]
fn a_query_without_parameters_is_what_it_was() {
    let query = bind(&tracker(), &serde_json::from_value(json!({ "from": "issues" })).unwrap()).unwrap();
    let none: Vec<Param> = Vec::new();
    assert_eq!((query.params, query.slots.len()), (none, 0));
    assert!(!Expr::Column(0).has_param() && Expr::Param(0, Type::Int).has_param());
}
