//! Sub-queries in expressions: names of the scopes around, types, what cannot stand in one.

use super::*;
use crate::query::{QueryExpr, QueryExprKind, Select};
use crate::value::{Type, Value};

fn sub<const N: usize>(name: &str, args: [Json; N], query: Json) -> Json {
    json!({"op": name, "args": args.to_vec(), "query": query})
}

fn only(expr: Expr) -> QueryExpr {
    match expr {
        Expr::Sub(sub) => *sub,
        other => panic!("{other:?} is no sub-query"),
    }
}

fn comments(filter: Json) -> Json {
    json!({"from": "comments", "where": filter})
}

fn ids(of: &str) -> Json {
    json!({"from": of, "select": [{"name": "x", "expr": col("id")}]})
}

#[test]
fn a_name_is_looked_up_from_the_inside_out() {
    let sub = only(filter(sub("exists", [], comments(op("=", [col("issueId"), of("issues", "id")])))));
    assert_eq!((sub.kind, &sub.outer[..], sub.ty), (QueryExprKind::Exists, &[Expr::Column(issue::ID)][..], Type::Bool));
    assert_eq!(sub.query.filter, Some(call(Function::Eq, [Expr::Column(1), Expr::Outer(0, Type::Text)])));
    // `id` is that of the comments, `title` is only outside; what is read twice is one.
    let both =
        op("and", [op("=", [col("title"), col("body")]), op("!=", [col("title"), lit("x")]), op(">", [col("id"), lit(0)])]);
    let sub = only(filter(json!({"op": "exists", "query": comments(both)})));
    assert_eq!(sub.outer, [Expr::Column(issue::TITLE)]);
}

#[test]
fn two_levels_down_a_name_is_passed_on() {
    let inner = json!({"from": "labels", "where": op("=", [col("name"), col("title")])});
    let outer = only(filter(sub("exists", [], comments(sub("exists", [], inner)))));
    assert_eq!(outer.outer, [Expr::Column(issue::TITLE)]);
    let inner = only(outer.query.filter.expect("a filter"));
    assert_eq!(inner.outer, [Expr::Outer(0, Type::Text)]);
}

#[test]
fn an_alias_of_the_inside_hides_that_of_the_outside() {
    let query = json!({"from": "comments", "alias": "issues", "where": op("=", [of("issues", "body"), lit("x")])});
    assert!(only(filter(sub("exists", [], query))).outer.is_empty());
    let query = json!({"from": "comments", "alias": "issues", "where": op("=", [of("issues", "title"), lit("x")])});
    assert_eq!(bad_filter(sub("exists", [], query)), at("UNKNOWN_COLUMN", "where.query.where.args[0]", "title", ""));
}

#[test]
fn unknown_names_are_told_with_the_candidates_of_all_scopes() {
    let query = |e: Json| sub("exists", [], comments(op("=", [col("body"), e])));
    assert_eq!(bad_filter(query(of("isues", "id"))), at("UNKNOWN_ALIAS", "where.query.where.args[1]", "isues", "issues"));
    assert_eq!(bad_filter(query(col("titel"))), at("UNKNOWN_COLUMN", "where.query.where.args[1]", "titel", "title"));
    assert_eq!(bad_filter(query(col("bodi"))), at("UNKNOWN_COLUMN", "where.query.where.args[1]", "bodi", "body"));
    assert_eq!(bad_filter(sub("exists", [], ids("coments"))), at("UNKNOWN_TABLE", "where.query.from", "coments", "comments"));
}

#[test]
fn values_are_compared_with_one_field_of_one_type() {
    let found = filter(sub("notInQuery", [col("points")], ids("comments")));
    let Expr::Call(Function::Not, args) = found else { panic!("a negation") };
    let sub = only(args[0].clone());
    assert_eq!(sub.kind, QueryExprKind::In { value: Expr::Column(issue::POINTS), value_nullable: true, field_nullable: false });
    // An integer field beside a float.
    let Select::Fields(fields) = &sub.query.select else { panic!("fields") };
    assert_eq!((&fields[0].expr, fields[0].ty), (&call(Function::IntToFloat, [Expr::Column(0)]), Type::Float));
    assert_eq!(
        bad_filter(self::sub("inQuery", [col("title")], ids("comments"))),
        at("TYPE_MISMATCH", "where.query.select[0].expr", "id", "")
    );
    assert_eq!(bad_filter(self::sub("inQuery", [lit(1)], ids("issues"))), at("TYPE_MISMATCH", "where.args[0]", "1", ""));
    // A set operation has no `select` of its own.
    let both = json!({"from": {"query": {"setOp": "union", "inputs": [ids("comments"), ids("comments")]}, "alias": "rows"}});
    assert_eq!(bad_filter(self::sub("inQuery", [col("title")], both)), at("TYPE_MISMATCH", "where.query", "inQuery", ""));
}

#[test]
fn a_scalar_has_the_type_of_its_field() {
    let most = json!({"from": "comments", "select": [{"name": "n", "expr": {"op": "agg", "name": "count"}}],
        "where": op("=", [col("issueId"), of("issues", "id")])});
    let bound = good(json!({"from": "issues", "select": [{"name": "n", "expr": sub("scalar", [], most.clone())}]}));
    let Select::Fields(fields) = bound.select else { panic!("fields") };
    assert_eq!((fields[0].ty, only(fields[0].expr.clone()).kind), (Type::Int, QueryExprKind::Scalar));
    assert_eq!(bad_filter(op("=", [col("title"), sub("scalar", [], most)])).0, "TYPE_MISMATCH");
}

#[test]
fn one_that_is_cut_is_the_source_of_one_that_is_not() {
    let latest = json!({"from": "comments", "select": [{"name": "i", "expr": col("issueId")}],
        "orderBy": [{"expr": col("id"), "desc": true}], "limit": 3, "offset": 1});
    let sub_query = only(good(json!({"from": "issues", "where": sub("inQuery", [col("id")], latest)})).filter.expect("a filter"));
    assert_eq!((sub_query.outer.len(), sub_query.query.limit), (0, None));
    let crate::query::Source::Query(inner) = &sub_query.query.from else { panic!("a query") };
    assert_eq!((inner.query.limit, inner.query.offset, inner.query.order.len()), (Some(3), 1, 1));
}

#[test]
fn one_that_reads_the_row_around_it_is_cut_for_each() {
    let own = op("=", [col("issueId"), of("issues", "id")]);
    let asked = |name: &str, more: Json| {
        let mut query = json!({"from": "comments", "where": own, "select": [{"name": "i", "expr": col("issueId")}]});
        query.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let args = if name == "inQuery" { vec![col("id")] } else { vec![] };
        json!({"from": "issues", "where": op("isNotNull", [json!({"op": name, "args": args, "query": query})])})
    };
    let cut = |name: &str, more: Json| {
        let Some(Expr::Call(_, mut args)) = good(asked(name, more)).filter else { panic!("a call") };
        let query = only(args.remove(0)).query;
        (query.limit, query.offset, query.order.len(), query.aggregate.and_then(|a| a.having))
    };
    let latest = json!({"orderBy": [{"expr": col("id")}], "limit": 2, "offset": 1});
    for name in ["exists", "inQuery", "scalar"] {
        assert_eq!(cut(name, latest.clone()), (Some(2), 1, 1, None));
    }
    // That there is a first row is that there are rows.
    assert_eq!(cut("exists", json!({"limit": 3})).0, None);
    assert_eq!(cut("exists", json!({"limit": 0})).0, Some(0));
    // Aggregates without groups are one row.
    let count = json!([{"name": "n", "expr": {"op": "agg", "name": "count"}}]);
    let none = Some(Expr::Literal(Value::Bool(false)));
    assert_eq!(cut("scalar", json!({"select": count, "limit": 1})), (None, 0, 0, None));
    assert_eq!(cut("scalar", json!({"select": count, "limit": 0})), (None, 0, 0, none.clone()));
    assert_eq!(cut("scalar", json!({"select": count, "offset": 1})), (None, 0, 0, none));
    // What is distinct is a grouping by what is selected.
    assert_eq!(cut("scalar", json!({"distinct": true, "limit": 1})), (Some(1), 0, 0, None));
    let Some(Expr::Call(_, mut args)) = good(asked("exists", json!({"distinct": true}))).filter else { panic!("a call") };
    let distinct = only(args.remove(0)).query;
    assert_eq!(distinct.aggregate.map(|a| (a.groups.len(), a.calls.len())), Some((1, 0)));
    assert_eq!(
        bad(asked("scalar", json!({"distinct": true, "groupBy": [{"expr": col("issueId")}]}))),
        at("QUERY_INVALID", "where.args[0].query.distinct", "", "")
    );
    let mut by_param = asked("scalar", json!({"select": count, "limitParam": "n"}));
    by_param["params"] = json!([{"name": "n", "value": lit(1)}]);
    let one_of = |query: Json| {
        let Some(Expr::Call(_, mut args)) = good(query).filter else { panic!("a call") };
        only(args.remove(0)).query.aggregate.map(|a| a.sets)
    };
    assert_eq!(one_of(asked("scalar", json!({"select": count}))), Some(vec![]));
    // What keeps the one row or not is of a grouping set, which has one for each row around.
    assert_eq!(one_of(by_param), Some(vec![vec![]]));
    let numbered = json!([{"name": "n", "expr": {"op": "over", "name": "sum", "args": [{"op": "agg", "name": "count"}]}}]);
    assert_eq!(one_of(asked("scalar", json!({"select": numbered}))), Some(vec![vec![]]));
    let per = json!({"select": count, "limitBy": {"by": [lit(1)], "limit": 0}});
    assert_eq!(one_of(asked("scalar", per)), Some(vec![vec![]]));
    // A limit behind one per group stays beside it.
    assert_eq!(cut("scalar", json!({"distinctOn": [col("body")], "limit": 1})), (Some(1), 0, 0, None));
    let rows = json!([{"name": "n", "expr": {"op": "over", "name": "rowNumber"}}]);
    assert_eq!(
        bad(asked("scalar", json!({"select": rows, "distinct": true}))),
        at("QUERY_INVALID", "where.args[0].query.distinct", "", "")
    );
}

#[test]
fn what_a_sub_query_cannot_have_is_refused_at_its_place() {
    let refused = |name: &str, query: Json, place: &str, offending: &str| {
        assert_eq!(bad_filter(sub(name, [], query)), at("QUERY_INVALID", place, offending, ""));
    };
    refused("scalar", json!({"from": "comments"}), "where.query.select", "scalar");
    let two = json!([{"name": "a", "expr": col("id")}, {"name": "b", "expr": col("id")}]);
    refused("scalar", json!({"from": "comments", "select": two}), "where.query.select", "scalar");
    refused("exists", json!({"from": "comments", "tenant": "t"}), "where.query.tenant", "");
    refused("exists", json!({"from": "comments", "with": [{"relation": "issue"}]}), "where.query.with", "");
    refused("exists", json!({"from": "comments", "start": {"values": [lit(1)], "inclusive": true}}), "where.query.start", "");
    assert_eq!(bad_filter(json!({"op": "exists"})), at("QUERY_INVALID", "where.query", "exists", ""));
    assert_eq!(bad_filter(sub("exists", [lit(1)], ids("labels"))), at("QUERY_INVALID", "where", "exists", ""));
    assert_eq!(bad_filter(sub("inQuery", [], ids("labels"))), at("QUERY_INVALID", "where", "inQuery", ""));
    assert_eq!(bad_filter(sub("exist", [], ids("labels"))), at("UNKNOWN_FUNCTION", "where", "exist", "exists"));
    assert_eq!(bad_filter(sub("exists", [], json!({"from": "notes"}))), at("TENANT_REQUIRED", "where.query.from", "notes", ""));
}

#[test]
fn an_inner_join_asks_its_sub_queries_of_what_it_gives() {
    let exists = sub("exists", [], ids("comments"));
    let equal = op("=", [of("issues", "id"), of("labels", "id")]);
    let join = |kind: &str, on: &Json| json!({"kind": kind, "table": "labels", "on": on});
    let both = op("and", [exists.clone(), equal.clone()]);
    let bound = good(json!({"from": "issues", "joins": [join("inner", &both)], "where": exists}));
    assert!(!bound.joins[0].on.has_subquery());
    assert!(matches!(&bound.filter, Some(Expr::Call(Function::And, args)) if args.iter().all(Expr::has_subquery)));
    // A join behind it that brings back rows would bring back those that the condition drops.
    let later =
        json!({"from": "issues", "joins": [join("inner", &both), {"kind": "right", "table": "comments", "on": lit(true)}]});
    let bound = good(later);
    assert!(bound.joins[0].on.has_subquery() && bound.filter.is_none());
    let unknown = op("and", [equal, sub("exists", [], ids("nothing"))]);
    let e = bad(json!({"from": "issues", "joins": [join("inner", &unknown)]}));
    assert_eq!((e.0, e.1.as_str()), ("UNKNOWN_TABLE", "joins[0].on.args[1].query.from"));
}

#[test]
fn a_grouped_query_is_read_by_its_groups_only() {
    let count = |tied: &str| {
        json!({"from": "comments", "where": op("=", [col("issueId"), of("issues", tied)]),
        "select": [{"name": "n", "expr": {"op": "agg", "name": "count"}}]})
    };
    let query = |tied: &str| {
        json!({"from": "issues", "groupBy": [{"expr": col("projectId")}], "select": [
        {"name": "n", "expr": sub("scalar", [], count(tied))}, {"name": "m", "expr": {"op": "agg", "name": "count"}}]})
    };
    let Select::Fields(fields) = good(query("projectId")).select else { panic!("fields") };
    assert_eq!(only(fields[0].expr.clone()).outer, [Expr::Column(0)]);
    assert_eq!(bad(query("title")), at("NOT_GROUPED", "select[0].expr.query", "title", ""));
}

#[test]
fn depth_counts_through_sub_queries() {
    let nested = |levels: usize| {
        let mut e = lit(true);
        for _ in 0..levels {
            e = sub("exists", [], comments(e));
        }
        query(json!({"from": "issues", "where": e}))
    };
    assert!(nested(20).is_ok());
    assert_eq!(parts(nested(40).expect_err("too deep")).0, "QUERY_INVALID");
    // 200 levels, then 100 more inside: each alone would do.
    let deep = |levels: usize, inside: Json| (0..levels).fold(inside, |e, _| op("not", [e]));
    assert_eq!(bad_filter(deep(200, sub("exists", [], comments(deep(100, lit(true)))))).0, "QUERY_INVALID");
    filter(deep(200, lit(true)));
}
