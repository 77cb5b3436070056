//! Recursions: what types their columns have, what their branches read, and what is not stratified.

use serde_json::{Value as Json, json};

use super::*;
use crate::query::bind::MAX_NESTING;
use crate::query::{Best, Recursion, Source};
use crate::value::Type;

fn relation(name: &str, columns: &[&str], branches: Vec<Json>) -> Json {
    json!({"name": name, "columns": columns, "branches": branches})
}

/// Pairs of comments and of what they are of.
fn pairs() -> Json {
    json!({"from": "issueLabels", "select": [field("a", col("issueId")), field("b", col("labelId"))]})
}

/// A branch over `reach`, with some parts besides.
fn step(more: Json) -> Json {
    let on = op("=", [of("reach", "b"), of("issueLabels", "issueId")]);
    let mut step = json!({"from": {"relation": "reach"}, "joins": [{"kind": "inner", "table": "issueLabels", "on": on}],
        "select": [field("a", of("reach", "a")), field("b", of("issueLabels", "labelId"))]});
    more.as_object().unwrap().iter().for_each(|(name, part)| step[name] = part.clone());
    step
}

fn reach(more: Json) -> Json {
    json!({"from": {"recursive": {"relations": [relation("reach", &["a", "b"], vec![pairs(), step(more)])], "result": "reach"}}})
}

fn recursion(query: &BoundQuery) -> &Recursion {
    let Source::Query(whole) = &query.from else { panic!("a query of all its rows") };
    let Source::Recursive(source) = &whole.query.from else { panic!("a recursion") };
    &source.recursion
}

/// The error of a branch over `reach` with some parts besides.
fn bad_step(more: Json) -> (String, &'static str) {
    let (code, path, ..) = bad(reach(more));
    let within = path.strip_prefix("from.recursive.relations[0].branches[1]").unwrap_or_else(|| panic!("{path}"));
    (within.trim_start_matches('.').to_owned(), code)
}

#[test]
fn a_relation_has_the_types_of_the_branches_without_recursion() {
    let bound = good(reach(json!({})));
    let [reach] = &recursion(&bound).relations[..] else { panic!("one relation") };
    assert_eq!((&reach.types[..], reach.branches.len()), (&[Type::Text, Type::Text][..], 2));
    assert_eq!(reach.branches.iter().map(|b| b.ranks.len()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(bound.key, [0, 1]);
    // An integer beside a float is a float, a null whatever the others are.
    let base = |value: Json| json!({"from": "issues", "select": [field("x", value)]});
    let next = json!({"from": {"relation": "n"}, "select": [field("x", lit(1))]});
    let n = |branches: Vec<Json>| json!({"from": {"recursive": {"relations": [relation("n", &["x"], branches)], "result": "n"}}});
    let types = |query: &BoundQuery| recursion(query).relations[0].types.clone();
    assert_eq!(types(&good(n(vec![base(col("priority")), base(col("points")), next.clone()]))), [Type::Float]);
    assert_eq!(types(&good(n(vec![base(lit(Json::Null)), base(col("at"))]))), [Type::Timestamp]);
    assert_eq!(types(&good(n(vec![base(lit(Json::Null))]))), [Type::Text]);
    let half = json!({"from": {"relation": "n"}, "select": [field("x", lit(0.5))]});
    let place = "from.recursive.relations[0].branches[1].select[0]";
    assert_eq!(bad(n(vec![base(col("priority")), half])), at("TYPE_MISMATCH", place, "x", ""));
    assert_eq!(bad(n(vec![base(col("priority")), base(col("title"))])), at("TYPE_MISMATCH", place, "x", ""));
    assert_eq!(types(&good(n(vec![base(lit(Json::Null)), base(col("meta"))]))), [Type::Json]);
}

#[test]
fn relations_can_be_made_of_each_other() {
    let read = |name: &str| json!({"from": {"relation": name}});
    let relations = [relation("odd", &["a", "b"], vec![read("even")]), relation("even", &["a", "b"], vec![read("odd"), pairs()])];
    let bound = good(json!({"from": {"recursive": {"relations": relations, "result": "odd"}, "alias": "o"},
        "where": op("=", [of("o", "a"), lit("x")])}));
    assert_eq!(recursion(&bound).relations[0].types, [Type::Text, Type::Text]);
    let relations = [relation("odd", &["a"], vec![read("even")]), relation("even", &["a"], vec![read("odd")])];
    let circle = json!({"from": {"recursive": {"relations": relations, "result": "odd"}}});
    assert_eq!(bad(circle), at("QUERY_INVALID", "from.recursive.relations[0].branches", "odd", ""));
}

#[test]
fn names_and_numbers_are_checked() {
    let with = |relations: Json, result: &str| bad(json!({"from": {"recursive": {"relations": relations, "result": result}}}));
    let one = |columns: &[&str], branches: Vec<Json>| with(json!([relation("r", columns, branches)]), "r");
    assert_eq!(
        with(json!([relation("reach", &["a", "b"], vec![pairs()])]), "raech"),
        at("UNKNOWN_TABLE", "from.recursive.result", "raech", "reach")
    );
    assert_eq!(with(json!([]), "r"), at("UNKNOWN_TABLE", "from.recursive.result", "r", ""));
    assert_eq!(one(&[], vec![pairs()]), at("QUERY_INVALID", "from.recursive.relations[0].columns", "r", ""));
    assert_eq!(one(&["a", "a"], vec![pairs()]), at("QUERY_INVALID", "from.recursive.relations[0].columns[1]", "a", ""));
    assert_eq!(one(&["a", "b"], vec![]), at("QUERY_INVALID", "from.recursive.relations[0].branches", "r", ""));
    assert_eq!(one(&["a"], vec![pairs()]), at("QUERY_INVALID", "from.recursive.relations[0].branches[0]", "", ""));
    let twice = json!([relation("r", &["a", "b"], vec![pairs()]), relation("r", &["a", "b"], vec![pairs()])]);
    assert_eq!(with(twice, "r"), at("QUERY_INVALID", "from.recursive.relations[1].name", "r", ""));
    let unknown = json!({"from": {"relation": "rr"}});
    assert_eq!(
        one(&["a", "b"], vec![pairs(), unknown]),
        at("UNKNOWN_TABLE", "from.recursive.relations[0].branches[1].from.relation", "rr", "r")
    );
    assert_eq!(bad(json!({"from": {"relation": "r"}})), at("QUERY_INVALID", "from.relation", "r", ""));
    let mut rounds = reach(json!({}));
    rounds["from"]["recursive"]["maxRounds"] = json!(0);
    assert_eq!(bad(rounds), at("QUERY_INVALID", "from.recursive.maxRounds", "", ""));
}

#[test]
fn the_best_row_is_by_columns_of_the_relation() {
    let with = |best: Json| {
        let mut query = reach(json!({}));
        best.as_object().unwrap().iter().for_each(|(k, v)| query["from"]["recursive"]["relations"][0][k] = v.clone());
        query
    };
    let bound = good(with(json!({"max": {"column": "b", "by": ["a"]}})));
    assert_eq!(recursion(&bound).relations[0].best, Some(Best { by: vec![0], column: 1, largest: true }));
    let place = |rest: &str| format!("from.recursive.relations[0].{rest}");
    let refused = |best: Json, path: &str, name: &str, nearest: &str, code| {
        assert_eq!(bad(with(best)), at(code, &place(path), name, nearest));
    };
    refused(json!({"min": {"column": "bb", "by": ["a"]}}), "min.column", "bb", "b", "UNKNOWN_COLUMN");
    refused(json!({"min": {"column": "b", "by": ["a", "c"]}}), "min.by[1]", "c", "a", "UNKNOWN_COLUMN");
    refused(json!({"min": {"column": "b", "by": ["b"]}}), "min.by[0]", "b", "", "QUERY_INVALID");
    let both = json!({"min": {"column": "b", "by": ["a"]}, "max": {"column": "b", "by": ["a"]}});
    refused(both, "max", "", "", "QUERY_INVALID");
}

#[test]
fn what_could_take_rows_away_is_refused_with_its_place() {
    let on = op("=", [of("reach", "b"), of("issueLabels", "issueId")]);
    let join = |kind: &str| json!({"joins": [{"kind": kind, "table": "issueLabels", "on": on}]});
    let flipped = json!({"from": "issueLabels", "joins": [{"kind": "left", "relation": "reach", "on": on}]});
    let count = json!({"select": [field("a", agg("count", [])), field("b", agg("count", []))]});
    let number = json!({"op": "over", "name": "rowNumber", "args": [], "over": {}});
    let number = json!({"select": [field("a", of("reach", "a")), field("b", number)]});
    let read = json!({"from": {"relation": "reach", "alias": "r"}, "select": [field("a", of("r", "a"))]});
    let within = |op: &str| json!({"where": {"op": op, "query": read}});
    let by = json!({"groupBy": [field("a", of("reach", "a"))], "select": [field("a", of("reach", "a")), field("b", of("reach", "a"))]});
    let union =
        json!({"from": {"query": {"setOp": "union", "inputs": [pairs(), {"from": {"relation": "reach"}}]}, "alias": "reach"}});
    let limited = json!({"from": {"query": {"from": {"relation": "reach"}, "limit": 3}, "alias": "reach"}});
    for (more, place) in [
        (join("right"), "joins[0].kind"),
        (join("full"), "joins[0].kind"),
        (flipped, "joins[0].kind"),
        (count, "select[0].expr"),
        (number, "select[1].expr"),
        (by, "groupBy"),
        (json!({"distinct": true}), "distinct"),
        (json!({"distinctOn": [of("reach", "a")]}), "distinctOn"),
        (json!({"limitBy": {"by": [of("reach", "a")], "limit": 1}}), "limitBy"),
        (json!({"limit": 10}), "limit"),
        (json!({"offset": 1}), "offset"),
        (within("exists"), "where.query"),
        (within("notExists"), "where.query"),
        (json!({"where": {"op": "=", "args": [{"op": "scalar", "query": read}, lit("x")]}}), "where.args[0].query"),
        (union, "from.query.inputs[1]"),
        (limited, "from.query.limit"),
    ] {
        assert_eq!(bad_step(more.clone()), (place.to_owned(), "QUERY_INVALID"), "{more}");
    }
    // The preserved side of an outer join, and all of that over other sources.
    let labels = json!({"from": "labels", "where": op("=", [of("labels", "id"), of("reach", "b")])});
    for more in [
        join("left"),
        json!({"where": {"op": "notExists", "query": labels}}),
        json!({"joins": [{"kind": "inner", "query": {"from": "issueLabels", "distinct": true, "limit": 9}, "alias": "issueLabels", "on": on}]}),
    ] {
        good(reach(more));
    }
}

#[test]
fn a_recursion_within_does_not_see_the_one_around() {
    let mut inner = reach(json!({}))["from"].clone();
    inner["recursive"]["relations"][0]["name"] = json!("inner");
    inner["recursive"]["result"] = json!("inner");
    let on = op("=", [of("reach", "b"), of("issueLabels", "issueId")]);
    let join = json!({"kind": "inner", "alias": "issueLabels", "recursive": inner["recursive"], "on": on});
    let (place, code) = bad_step(json!({"joins": [join]}));
    assert_eq!((place.as_str(), code), ("joins[0].recursive.relations[0].branches[1].from.relation", "QUERY_INVALID"));
}

#[test]
fn recursions_within_recursions_are_limited() {
    let mut query = reach(json!({}));
    for _ in 0..MAX_NESTING {
        let step = json!({"from": query["from"], "select": [field("a", col("a")), field("b", col("b"))]});
        query = json!({"from": {"recursive": {"relations": [relation("reach", &["a", "b"], vec![step])], "result": "reach"}}});
    }
    assert_eq!(bad(query).0, "QUERY_INVALID");
}

#[test]
fn rows_of_tenants_stay_with_them() {
    let base = json!({"from": "notes", "select": [field("id", col("id"))]});
    let query = |tenant: Json| json!({"from": {"recursive": {"relations": [relation("n", &["id"], vec![base.clone()])], "result": "n"}}, "tenant": tenant});
    let bound = good(query(json!("acme")));
    assert!(recursion(&bound).relations[0].branches[0].query.query.filter.is_some());
    assert_eq!(bad(query(Json::Null)).0, "TENANT_REQUIRED");
}
