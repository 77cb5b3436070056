//! Queries in the place of tables, and common table expressions.

use serde_json::{Value as Json, json};

use super::*;
use crate::query::bind::MAX_NESTING;
use crate::query::{Select, Source, SubQuery};
use crate::value::Type;

fn sub(source: &Source) -> &SubQuery {
    match source {
        Source::Query(sub) => sub,
        other => panic!("{other:?}"),
    }
}

fn names(sub: &SubQuery) -> Vec<&str> {
    sub.fields().iter().map(|f| f.name.as_str()).collect()
}

fn of_query(query: Json) -> Json {
    json!({"from": {"query": query, "alias": "s"}})
}

#[test]
fn a_sub_query_offers_its_fields_and_hides_what_identifies_its_rows() {
    let inner =
        json!({"from": "issues", "select": [field("title", col("title")), field("twice", op("*", [col("priority"), lit(2)]))]});
    let bound = good(json!({"from": {"query": inner, "alias": "s"}, "where": op(">", [of("s", "twice"), lit(4)])}));
    let source = sub(&bound.from);
    assert_eq!((names(source), source.shown, &source.key[..]), (vec!["title", "twice", ""], 2, &[2][..]));
    assert_eq!(source.fields()[2].expr, Expr::Column(issue::ID));
    assert_eq!((bound.filter, &bound.key[..]), (Some(call(Function::Gt, [Expr::Column(1), int(4)])), &[2][..]));
    let Select::Fields(fields) = bound.select else { panic!("columns are shown as fields") };
    assert_eq!(fields.iter().map(|f| (f.name.as_str(), f.ty)).collect::<Vec<_>>(), [("title", Type::Text), ("twice", Type::Int)]);
}

#[test]
fn without_select_a_sub_query_offers_the_columns_of_all_its_sources() {
    let bound = good(of_query(json!({"from": "comments"})));
    assert_eq!((names(sub(&bound.from)), &sub(&bound.from).key[..]), (vec!["id", "issueId", "body"], &[0][..]));
    let on = op("=", [of("comments", "issueId"), of("issueLabels", "issueId")]);
    let joined = json!({"from": "comments", "joins": [{"kind": "inner", "table": "issueLabels", "on": on}]});
    assert_eq!(bad(of_query(joined)), at("QUERY_INVALID", "from.query.select", "issueId", ""));
}

#[test]
fn the_key_of_a_sub_query_knows_no_tenant() {
    let bound = good(json!({"from": {"query": {"from": "notes"}, "alias": "n"}, "tenant": "acme"}));
    let notes = sub(&bound.from);
    assert_eq!((names(notes), &notes.key[..]), (vec!["id", "text", "issueId"], &[0][..]));
    assert!(notes.query.filter.is_some());
    let other = json!({"from": {"query": {"from": "notes", "tenant": "other"}, "alias": "n"}, "tenant": "acme"});
    assert_eq!(bad(other), at("QUERY_INVALID", "from.query.tenant", "", ""));
}

#[test]
fn a_group_identifies_its_row_whether_it_is_selected_or_not() {
    let grouped = json!({"from": "issues", "groupBy": [field("p", col("projectId"))], "select": [field("n", agg("count", []))]});
    let bound = good(of_query(grouped));
    assert_eq!((names(sub(&bound.from)), &sub(&bound.from).key[..]), (vec!["n", ""], &[1][..]));
    let one = good(of_query(json!({"from": "issues", "select": [field("n", agg("count", []))]})));
    assert!(one.key.is_empty());
}

#[test]
fn a_sub_query_is_joined_by_its_alias() {
    let per_project = json!({"from": "issues", "groupBy": [field("p", col("projectId"))],
        "select": [field("p", col("projectId")), field("n", agg("count", []))]});
    let on = op("=", [of("projects", "id"), of("c", "p")]);
    let join = |select: Json| {
        json!({"from": "projects", "select": select,
        "joins": [{"kind": "left", "query": per_project, "alias": "c", "on": on}]})
    };
    let bound = good(join(json!([field("id", of("projects", "id")), field("n", of("c", "n"))])));
    assert_eq!(bound.joins[0].on, call(Function::Eq, [Expr::Column(0), Expr::Column(2)]));
    assert_eq!(bad(join(Json::Null)), at("QUERY_INVALID", "select", "", ""));
    let unnamed = json!({"from": "projects", "joins": [{"kind": "left", "query": {"from": "issues"}, "on": lit(true)}]});
    assert_eq!(bad(unnamed), at("QUERY_INVALID", "joins[0].alias", "", ""));
    let both =
        json!({"from": "projects", "joins": [{"kind": "left", "table": "x", "query": {"from": "issues"}, "on": lit(true)}]});
    assert_eq!(bad(both), at("QUERY_INVALID", "joins[0].table", "x", ""));
}

#[test]
fn mistakes_in_a_sub_query_are_told_with_their_place() {
    for (inner, expected) in [
        (json!({"from": "isues"}), at("UNKNOWN_TABLE", "from.query.from", "isues", "issues")),
        (json!({"from": "issues", "with": [{"relation": "labels"}]}), at("QUERY_INVALID", "from.query.with", "", "")),
        (json!({"from": "issues", "where": col("titel")}), at("UNKNOWN_COLUMN", "from.query.where", "titel", "title")),
        (
            json!({"from": "issues", "orderBy": [field("", col("id"))], "start": {"values": [lit("a")], "inclusive": true}}),
            at("QUERY_INVALID", "from.query.start", "", ""),
        ),
    ] {
        assert_eq!(bad(of_query(inner)), expected);
    }
    assert_eq!(bad(json!({"from": {"query": {"from": "issues"}}})), at("QUERY_INVALID", "from.alias", "", ""));
    assert_eq!(
        bad(json!({"from": {"query": {"from": "issues"}, "alias": "s"}, "with": [{"relation": "labels"}]})),
        at("QUERY_INVALID", "with", "", "")
    );
    assert_eq!(
        bad(json!({"from": {"query": {"from": "labels"}, "alias": "s"}, "where": col("nam")})),
        at("UNKNOWN_COLUMN", "where", "nam", "name")
    );
}

#[test]
fn a_name_means_the_nearest_common_table_expression_before_the_table() {
    let open = json!({"name": "open", "query": {"from": "issues", "where": op("not", [col("done")])}});
    let titles = json!({"name": "titles", "query": {"from": "open", "select": [field("t", col("title"))]}});
    let bound = good(json!({"ctes": [open, titles], "from": "titles", "where": op("=", [of("titles", "t"), lit("x")])}));
    assert_eq!(sub(&sub(&bound.from).query.from).query.from, Source::Table(1));
    let hiding = json!({"name": "issues", "query": {"from": "issues", "select": [field("t", col("title"))]}});
    let bound = good(json!({"ctes": [hiding], "from": "issues", "where": op("=", [col("t"), lit("x")])}));
    assert_eq!(sub(&bound.from).query.from, Source::Table(1), "within itself the name is the table's");
    let inner = json!({"ctes": [titles], "from": "titles"});
    let bound = good(json!({"ctes": [open], "from": {"query": inner, "alias": "s"}}));
    assert_eq!(sub(&bound.from).fields()[0].name, "t", "the expressions of the queries around are in sight");
    let gone = json!({"from": {"query": {"ctes": [open], "from": "open"}, "alias": "s"},
        "joins": [{"kind": "inner", "table": "open", "on": lit(true)}]});
    assert_eq!(bad(gone), at("UNKNOWN_TABLE", "joins[0].table", "open", ""));
    assert_eq!(bad(json!({"ctes": [titles, open], "from": "issues"})), at("UNKNOWN_TABLE", "ctes[0].query.from", "open", ""));
    assert_eq!(bad(json!({"ctes": [open, open], "from": "open"})), at("QUERY_INVALID", "ctes[1].name", "open", ""));
    assert_eq!(bad(json!({"ctes": [open], "from": "opem"})), at("UNKNOWN_TABLE", "from", "opem", "open"));
}

#[test]
fn queries_that_grow_with_every_name_are_refused_before_they_are_large() {
    let on = op("=", [of("a", "id"), of("b", "id")]);
    let twice = |name: &str, of_name: &str| {
        let join = json!({"kind": "inner", "table": of_name, "alias": "b", "on": on});
        json!({"name": name, "query": {"from": of_name, "alias": "a", "joins": [join], "select": [field("id", of("a", "id"))]}})
    };
    let mut ctes = vec![twice("c0", "labels")];
    ctes.extend((1..20).map(|i| twice(&format!("c{i}"), &format!("c{}", i - 1))));
    let (code, path, ..) = bad(json!({"ctes": ctes, "from": "c19"}));
    assert_eq!(code, "QUERY_INVALID");
    assert!(path.starts_with("ctes["), "{path}");
    let mut deep = json!({"from": "labels"});
    for _ in 0..MAX_NESTING {
        deep = json!({"from": {"query": deep, "alias": "s"}});
    }
    good(deep.clone());
    assert_eq!(bad(of_query(deep)).0, "QUERY_INVALID");
    let chain = (0..=MAX_NESTING).map(|i| {
        let from = if i == 0 { "labels".to_owned() } else { format!("c{}", i - 1) };
        json!({"name": format!("c{i}"), "query": {"from": from}})
    });
    let (code, path, ..) = bad(json!({"ctes": chain.collect::<Vec<_>>(), "from": "labels"}));
    assert_eq!((code, path.as_str()), ("QUERY_INVALID", "ctes[32].query.from"));
}

fn set(op: &str, inputs: Json) -> Json {
    json!({"setOp": op, "inputs": inputs})
}

#[test]
fn inputs_of_a_set_operation_agree_in_number_and_types() {
    let numbers = |column: &str| json!({"from": "issues", "select": [field("n", col(column))]});
    let bound = good(set(
        "union",
        json!([numbers("priority"), numbers("points"), {"from": "labels", "select": [field("x", lit(Json::Null))]}]),
    ));
    let Source::Set(union) = &bound.from else { panic!("a set operation") };
    assert_eq!((union.types(), &bound.key[..]), (vec![Type::Float], &[0][..]));
    assert_eq!(union.inputs[0].fields()[0].expr, call(Function::IntToFloat, [Expr::Column(issue::PRIORITY)]));
    assert_eq!(union.inputs[2].fields()[0].ty, Type::Float);
    let mut all = set("except", json!([{"from": "labels"}, {"from": "projects"}]));
    all["all"] = json!(true);
    let bound = good(json!({"from": {"query": all, "alias": "s"}, "where": op("=", [col("name"), lit("x")])}));
    assert_eq!((names(sub(&bound.from)), &sub(&bound.from).key[..]), (vec!["id", "name", ""], &[0, 1, 2][..]));
    for (query, expected) in [
        (set("union", json!([{"from": "labels"}, {"from": "comments"}])), at("QUERY_INVALID", "inputs[1]", "", "")),
        (set("union", json!([numbers("priority"), numbers("title")])), at("TYPE_MISMATCH", "inputs[1].select[0]", "n", "")),
        (set("unoin", json!([{"from": "labels"}, {"from": "labels"}])), at("QUERY_INVALID", "setOp", "unoin", "union")),
        (set("union", json!([{"from": "labels"}])), at("QUERY_INVALID", "inputs", "", "")),
        (set("union", json!([{"from": "labels"}, {"from": "label"}])), at("UNKNOWN_TABLE", "inputs[1].from", "label", "labels")),
        (json!({"inputs": [{"from": "labels"}, {"from": "labels"}]}), at("QUERY_INVALID", "setOp", "", "")),
    ] {
        assert_eq!(bad(query), expected);
    }
    let mut filtered = set("union", json!([{"from": "labels"}, {"from": "projects"}]));
    filtered["where"] = lit(true);
    assert_eq!(bad(filtered), at("QUERY_INVALID", "where", "", ""));
    let mut ordered = set("union", json!([{"from": "labels"}, {"from": "projects"}]));
    ordered["orderBy"] = json!([field("", col("nam"))]);
    assert_eq!(bad(ordered), at("UNKNOWN_COLUMN", "orderBy[0].expr", "nam", "name"));
}

#[test]
fn distinct_rows_are_groups_of_all_fields_and_are_ordered_by_these() {
    let distinct = |order: Json| {
        json!({"from": "issues", "distinct": true, "orderBy": [field("", order)],
        "select": [field("p", col("projectId")), field("half", op("/", [col("priority"), lit(2)]))]})
    };
    let bound = good(distinct(op("/", [col("priority"), lit(2)])));
    let aggregate = bound.aggregate.expect("groups");
    assert_eq!((&aggregate.groups[..], aggregate.calls.len()), (&[Expr::Column(0), Expr::Column(1)][..], 0));
    assert_eq!((&bound.order[0].expr, &bound.key[..]), (&Expr::Column(1), &[0, 1][..]));
    good(distinct(col("half")));
    assert_eq!(bad(distinct(col("title"))), at("QUERY_INVALID", "orderBy[0].expr", "", ""));
    assert_eq!(
        bad(json!({"from": "issues", "distinct": true, "with": [{"relation": "labels"}]})),
        at("QUERY_INVALID", "with", "", "")
    );
    let on = op("=", [of("a", "id"), of("b", "id")]);
    let joined = json!({"from": "labels", "alias": "a", "distinct": true, "joins": [{"kind": "inner", "table": "labels", "alias": "b", "on": on}]});
    assert_eq!(bad(joined), at("QUERY_INVALID", "select", "", ""));
}

#[test]
fn a_limit_per_group_is_over_what_order_is_over() {
    let bound = good(json!({"from": "issues", "limitBy": {"by": [col("projectId")], "limit": 3, "offset": 1}}));
    let part = bound.limit_by.expect("a limit per group");
    assert_eq!((&part.by[..], part.limit, part.offset), (&[Expr::Column(issue::PROJECT)][..], 3, 1));
    let grouped = json!({"from": "issues", "groupBy": [field("p", col("projectId"))], "select": [field("p", col("projectId"))],
        "distinctOn": [agg("count", [])]});
    let part = good(grouped).limit_by.expect("a limit per group");
    assert_eq!((&part.by[..], part.limit), (&[Expr::Column(1)][..], 1));
    for (more, expected) in [
        (json!({"distinctOn": []}), at("QUERY_INVALID", "distinctOn", "", "")),
        (json!({"distinctOn": [lit(Json::Null)]}), at("TYPE_MISMATCH", "distinctOn[0]", "null", "")),
        (json!({"limitBy": {"by": [], "limit": 1}}), at("QUERY_INVALID", "limitBy.by", "", "")),
        (json!({"limitBy": {"by": [col("titel")], "limit": 1}}), at("UNKNOWN_COLUMN", "limitBy.by[0]", "titel", "title")),
        (json!({"limitBy": {"by": [col("id")], "limit": 1}, "distinctOn": [col("id")]}), at("QUERY_INVALID", "limitBy", "", "")),
        (json!({"distinctOn": [col("id")], "distinct": true}), at("QUERY_INVALID", "distinctOn", "", "")),
    ] {
        let mut query = json!({"from": "issues"});
        more.as_object().unwrap().iter().for_each(|(name, v)| query[name] = v.clone());
        assert_eq!(bad(query), expected);
    }
}

#[test]
fn an_outer_join_makes_its_sides_optional_and_the_tenant_is_asked_for_before_it() {
    let on = op("=", [of("notes", "issueId"), of("issues", "id")]);
    let joined =
        |kind: &str| good(json!({"from": "notes", "tenant": "acme", "joins": [{"kind": kind, "table": "issues", "on": on}]}));
    for (kind, own) in [("inner", false), ("left", false), ("right", true), ("full", true)] {
        let bound = joined(kind);
        assert_eq!((bound.own_filter.is_some(), bound.filter.is_some()), (own, !own), "{kind}");
    }
    let cross = good(json!({"from": "labels", "joins": [{"kind": "cross", "table": "projects"}]}));
    assert_eq!(cross.joins[0].on, Expr::Literal(Value::Bool(true)));
    let kinds = json!({"from": "labels", "joins": [{"kind": "rigth", "table": "projects", "on": lit(true)}]});
    assert_eq!(bad(kinds), at("QUERY_INVALID", "joins[0].kind", "rigth", "right"));
}

#[test]
fn a_full_join_marks_the_rows_of_queries_whose_keys_say_nothing() {
    let one = |alias: &str| json!({"query": {"from": "labels", "select": [field("n", agg("count", []))]}, "alias": alias});
    let mut join = one("b");
    join["kind"] = json!("full");
    join["on"] = op("=", [of("a", "n"), of("b", "n")]);
    let both = json!({"from": one("a"), "joins": [join.clone()], "select": [field("n", of("a", "n"))]});
    let bound = good(both);
    assert_eq!((&bound.key[..], sub(&bound.from).fields()[1].expr.clone()), (&[1, 3][..], Expr::Literal(Value::Bool(true))));
    join["kind"] = json!("left");
    assert!(good(json!({"from": one("a"), "joins": [join], "select": [field("n", of("a", "n"))]})).key.is_empty());
}
