//! Thousands of queries of one shape: what mounting them and a change beneath them cost, counted in rows looked at.

use eddyline::query::ast::ParamsJson;
use eddyline::value::{Field, RowTree, Value};
use serde_json::{Value as Json, json};

use crate::work::{Counted, col, ints};

const ROWS: i64 = 20_000;
const QUERIES: i64 = 2_000;

fn lit(value: i64) -> Json {
    json!({ "op": "lit", "value": value })
}

fn of_project(project: i64) -> Json {
    let same = json!({ "op": "=", "args": [col("issues", "project"), lit(project)] });
    json!({ "from": "issues", "where": same, "orderBy": [{ "expr": col("issues", "rank") }], "limit": 3 })
}

/// Ranks from ten times a number up to the next.
fn of_ranks(n: i64) -> Json {
    let from = json!({ "op": ">=", "args": [col("issues", "rank"), lit(n * 10)] });
    let below = json!({ "op": ">", "args": [lit(n * 10 + 10), col("issues", "rank")] });
    json!({ "from": "issues", "where": { "op": "and", "args": [from, below] }, "orderBy": [{ "expr": col("issues", "rank") }] })
}

/// An open rank and a project: the equality that all share tells nothing apart.
fn of_low_rank_and_project(project: i64) -> Json {
    let rank = json!({ "op": "=", "args": [col("issues", "rank"), lit(7)] });
    let same = json!({ "op": "in", "args": [col("issues", "project"), lit(project), lit(project + QUERIES)] });
    json!({ "from": "issues", "where": { "op": "and", "args": [rank, same] } })
}

/// A project, or a rank: each is looked up by its own column, and what fulfils both counts once.
fn of_project_or_rank(n: i64) -> Json {
    let project = json!({ "op": "=", "args": [col("issues", "project"), lit(n)] });
    let rank = json!({ "op": "=", "args": [col("issues", "rank"), lit(n)] });
    json!({ "from": "issues", "where": { "op": "or", "args": [project, rank] } })
}

/// One of two projects, in two equalities.
fn of_two_projects(project: i64) -> Json {
    let same = |project: i64| json!({ "op": "=", "args": [col("issues", "project"), lit(project)] });
    json!({ "from": "issues", "where": { "op": "or", "args": [same(project), same(project + QUERIES)] } })
}

/// A project, or ranks: an equality of one column and an interval of another.
fn of_project_or_ranks(n: i64) -> Json {
    let project = json!({ "op": "=", "args": [col("issues", "project"), lit(n)] });
    let ranks = json!({ "op": "between", "args": [col("issues", "rank"), lit(n * 10), lit(n * 10 + 3)] });
    json!({ "from": "issues", "where": { "op": "or", "args": [project, ranks] } })
}

const SHAPES: [fn(i64) -> Json; 6] =
    [of_project, of_ranks, of_low_rank_and_project, of_project_or_rank, of_two_projects, of_project_or_ranks];

/// An issue of each number, of a project in turn and with a rank of its own.
fn filled() -> Counted {
    let mut engine = Counted::new();
    engine.put("issues", (0..ROWS).map(|i| ints(&[i, i % QUERIES, i])));
    engine
}

fn mounted(engine: &mut Counted, query: fn(i64) -> Json) -> (Vec<u32>, u64) {
    let before = engine.0.work().examined;
    let views = (0..QUERIES).map(|n| engine.watch(query(n))).collect();
    (views, engine.0.work().examined - before)
}

#[test]
fn mounting_queries_of_one_shape_reads_an_index_and_not_the_table() {
    for query in SHAPES {
        let (_, examined) = mounted(&mut filled(), query);
        let shown = ROWS as u64;
        assert!(examined < 8 * ROWS as u64 + 4 * shown, "{examined} rows looked at for {QUERIES} queries like {}", query(0));
    }
}

#[test]
fn a_change_is_looked_at_by_the_queries_that_it_affects() {
    for query in SHAPES {
        let mut engine = filled();
        mounted(&mut engine, query);
        let moved = engine.put("issues", [ints(&[5, 8, 91])]);
        assert!((1..=6).contains(&moved), "{moved} rows looked at under {QUERIES} queries like {}", query(0));
        let gone = engine.put("issues", [ints(&[5, -1, -1])]);
        // An `or` over two columns shows it in two queries.
        let queries = if query(0)["where"]["op"] == "or" { 2 } else { 1 };
        assert!((1..=2 * queries + 1).contains(&gone), "{gone} rows looked at when a row leaves {}", query(0));
        assert_eq!(engine.put("issues", [ints(&[5, -2, -9])]), 0, "a change that affects nobody, under {}", query(0));
    }
}

#[test]
fn queries_that_came_over_an_index_show_what_the_others_show() {
    let mut engine = filled();
    let (views, _) = mounted(&mut engine, of_ranks);
    let late = engine.watch(of_ranks(1_999));
    for (n, view) in views.iter().enumerate().step_by(97).chain([(1_999, &late)]) {
        let ranks: Vec<i64> = engine.0.rows(*view).unwrap().iter().map(rank).collect();
        assert_eq!(ranks, (n as i64 * 10..n as i64 * 10 + 10).collect::<Vec<_>>());
    }
}

#[test]
fn a_row_that_two_columns_admit_is_shown_once_and_goes_once() {
    let mut engine = filled();
    let (views, _) = mounted(&mut engine, of_project_or_rank);
    let shown = |engine: &Counted, n: usize| engine.0.rows(views[n]).unwrap().iter().map(rank).collect::<Vec<_>>();
    let of_five: Vec<i64> = (0..ROWS / QUERIES).map(|i| i * QUERIES + 5).collect();
    assert_eq!(shown(&engine, 5), of_five);
    // By the rank alone, by both, by neither.
    engine.put("issues", [ints(&[5, -1, 5])]);
    assert_eq!(shown(&engine, 5), of_five);
    engine.put("issues", [ints(&[5, 5, 5])]);
    assert_eq!(shown(&engine, 5), of_five);
    engine.put("issues", [ints(&[5, -1, -1])]);
    assert_eq!(shown(&engine, 5), of_five[1..]);
    views.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0));
}

/// One issue, with its comments and its project.
fn with_its_own(issue: i64) -> Json {
    let same = json!({ "op": "=", "args": [col("issues", "id"), lit(issue)] });
    json!({ "from": "issues", "where": same, "with": [{ "relation": "comments" }, { "relation": "project_of" }] })
}

fn joined(kind: &str, issue: i64) -> Json {
    let on = json!({ "op": "=", "args": [col("issues", "id"), col("comments", "issue")] });
    let same = json!({ "op": "=", "args": [col("issues", "id"), lit(issue)] });
    json!({ "from": "issues", "joins": [{ "kind": kind, "table": "comments", "on": on }], "where": same })
}

fn inner(issue: i64) -> Json {
    joined("inner", issue)
}

fn left(issue: i64) -> Json {
    joined("left", issue)
}

/// Comments from which an issue is looked up: what is constant is on the right.
fn looked_up(issue: i64) -> Json {
    let on = json!({ "op": "=", "args": [col("issues", "id"), col("comments", "issue")] });
    let same = json!({ "op": "=", "args": [col("issues", "rank"), lit(issue)] });
    json!({ "from": "comments", "joins": [{ "kind": "inner", "table": "issues", "on": on }], "where": same })
}

fn commented(op: &str, issue: i64) -> Json {
    let tied = json!({ "op": "=", "args": [col("comments", "issue"), col("issues", "id")] });
    let same = json!({ "op": "=", "args": [col("issues", "id"), lit(issue)] });
    let exists = json!({ "op": op, "query": { "from": "comments", "where": tied } });
    json!({ "from": "issues", "where": { "op": "and", "args": [same, exists] } })
}

fn with_a_comment(issue: i64) -> Json {
    commented("exists", issue)
}

fn without_a_comment(issue: i64) -> Json {
    commented("notExists", issue)
}

/// Issues by what a parameter says: a part of an order, and asked one by one.
fn of_param(issue: i64) -> Json {
    let param = json!({ "op": "param", "name": "id" });
    let own = json!({ "op": "=", "args": [col("issues", "id"), param] });
    params(own, issue)
}

fn of_param_in_list(issue: i64) -> Json {
    let param = json!({ "op": "param", "name": "id" });
    let own = json!({ "op": "in", "args": [col("issues", "id"), param, lit(-1)] });
    params(own, issue)
}

fn params(own: Json, issue: i64) -> Json {
    let value = json!([{ "name": "id", "type": "int", "value": lit(issue) }]);
    json!({ "from": "issues", "where": own, "with": [{ "relation": "comments" }], "params": value })
}

#[test]
fn a_change_asks_those_queries_whose_parameters_it_meets() {
    for query in [of_param, of_param_in_list] {
        let mut engine = commented_on();
        let (views, _) = mounted(&mut engine, query);
        let before = asked(&engine, 0);
        engine.put("issues", [ints(&[8, 8, 77])]);
        let met = asked(&engine, before);
        assert!((3..=12).contains(&met), "{met} operators and views asked under {QUERIES} queries like {}", query(0));
        let before = asked(&engine, 0);
        engine.put("issues", [ints(&[QUERIES * 3, 8, 78])]);
        let unmet = asked(&engine, before);
        assert!(unmet <= 3, "{unmet} operators and views asked for a row that no parameter meets, under {}", query(0));
        // Set to another issue, a query hears of that one and not of the first.
        let given: ParamsJson =
            serde_json::from_value(json!({ "params": [{ "name": "id", "value": lit(QUERIES * 3) }] })).unwrap();
        engine.0.set_params(views[8], &given.params).unwrap();
        let before = asked(&engine, 0);
        engine.put("issues", [ints(&[QUERIES * 3, 8, 79])]);
        assert!(asked(&engine, before) > unmet, "a parameter that was set is met");
        assert_eq!(engine.0.rows(views[8]).unwrap().iter().map(rank).collect::<Vec<_>>(), [79]);
        let before = asked(&engine, 0);
        engine.put("issues", [ints(&[8, 8, 80])]);
        let left = asked(&engine, before);
        assert!(left <= unmet, "{left} operators and views asked for the issue that a parameter has left");
        views.into_iter().for_each(|view| engine.0.unregister(view));
        assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0), "{}", query(0));
    }
}

/// A comment each for half of the issues.
fn commented_on() -> Counted {
    let mut engine = filled();
    engine.put("projects", (0..QUERIES).map(|i| vec![Value::Int(i), Value::Bool(true)]));
    engine.put("comments", (0..ROWS / 2).map(|i| ints(&[i, i * 2])));
    engine
}

/// Operators that ran, and views that were asked, since.
fn asked(engine: &Counted, since: u64) -> u64 {
    engine.0.work().steps + engine.0.views_asked() - since
}

#[test]
fn a_change_of_what_queries_join_or_nest_asks_those_that_show_it() {
    for query in [with_its_own, inner, left, looked_up, with_a_comment, without_a_comment] {
        let mut engine = commented_on();
        let (views, _) = mounted(&mut engine, query);
        let what = query(0);
        // A comment moves from issue 8 to issue 9, between two queries.
        let before = asked(&engine, 0);
        let examined = engine.put("comments", [ints(&[4, 9])]);
        let moved = asked(&engine, before);
        assert!((1..=20).contains(&moved), "{moved} operators and views asked under {QUERIES} queries like {what}");
        assert!(examined <= 12, "{examined} rows looked at under {QUERIES} queries like {what}");
        // One of an issue that no query shows: the table and its arrangements run.
        let before = asked(&engine, 0);
        engine.put("comments", [ints(&[ROWS, QUERIES * 3])]);
        let unseen = asked(&engine, before);
        assert!(unseen <= 4, "{unseen} operators and views asked for a row that concerns nobody, under {what}");
        for n in [8, 9, 10, 11] {
            let fresh = engine.watch(query(n));
            assert_eq!(engine.0.rows(views[n as usize]).unwrap(), engine.0.rows(fresh).unwrap(), "query {n} like {what}");
            engine.0.unregister(fresh);
        }
        views.into_iter().for_each(|view| engine.0.unregister(view));
        assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0), "{what}");
    }
}

/// Comments of an issue, or of its rank.
fn of_issue_or_rank(kind: &str, issue: i64) -> Json {
    let call = |op: &str, args: [Json; 2]| json!({ "op": op, "args": args });
    let of_issue = call("=", [col("issues", "id"), col("comments", "issue")]);
    let on = call("or", [of_issue, call("=", [col("issues", "rank"), col("comments", "id")])]);
    let same = call("=", [col("issues", "id"), lit(issue)]);
    json!({ "from": "issues", "joins": [{ "kind": kind, "table": "comments", "on": on }], "where": same })
}

#[test]
fn among_many_joins_on_one_of_several_equalities_each_hears_of_its_rows() {
    for query in [|n| of_issue_or_rank("inner", n), |n| of_issue_or_rank("left", n)] {
        let mut engine = commented_on();
        let (views, _) = mounted(&mut engine, query);
        engine.put("issues", [ints(&[8, 0, 5 * ROWS])]);
        let before = engine.0.rows(views[8]).unwrap().len();
        // Of another issue, and of the rank of issue 8.
        engine.put("comments", [ints(&[5 * ROWS, QUERIES * 3])]);
        let fresh = engine.watch(query(8));
        assert_eq!(engine.0.rows(views[8]).unwrap(), engine.0.rows(fresh).unwrap());
        assert_eq!(engine.0.rows(fresh).unwrap().len(), before + 1);
    }
}

#[test]
fn an_error_of_one_query_asks_the_others_once() {
    let mut engine = commented_on();
    let (views, _) = mounted(&mut engine, with_its_own);
    let inverse = json!({ "op": "/", "args": [lit(1), col("projects", "id")] });
    let failing = engine.watch(json!({ "from": "projects", "select": [{ "name": "x", "expr": inverse }] }));
    assert!(engine.0.view_error(failing).unwrap().is_some());
    let before = asked(&engine, 0);
    engine.put("comments", [ints(&[4, 9])]);
    let while_in_error = asked(&engine, before);
    assert!(while_in_error <= 20, "{while_in_error} operators and views asked while another query is in error");
    engine.delete("projects", &[Value::Int(0), Value::Bool(true)]);
    assert!(engine.0.view_error(failing).unwrap().is_none());
    assert_eq!(engine.0.rows(views[0]).unwrap().len(), 1);
}

#[test]
fn a_join_whose_own_side_grows_large_and_small_again_is_right() {
    let mut engine = commented_on();
    let (views, _) = mounted(&mut engine, of_all_ranks);
    for round in 0..3 {
        // All issues come to project 7, and leave it.
        engine.put("issues", (0..ROWS).map(|i| ints(&[i, if round == 1 { i % QUERIES } else { 7 }, i])));
        engine.put("comments", [ints(&[2 * ROWS + round, 3])]);
        let fresh = engine.watch(of_all_ranks(7));
        assert_eq!(engine.0.rows(views[7]).unwrap().len(), engine.0.rows(fresh).unwrap().len());
        assert_eq!(engine.0.rows(views[7]).unwrap(), engine.0.rows(fresh).unwrap());
        engine.0.unregister(fresh);
    }
}

/// The comments of a project's issues.
fn of_all_ranks(project: i64) -> Json {
    let on = json!({ "op": "=", "args": [col("issues", "id"), col("comments", "issue")] });
    let same = json!({ "op": "=", "args": [col("issues", "project"), lit(project)] });
    json!({ "from": "issues", "joins": [{ "kind": "inner", "table": "comments", "on": on }], "where": same })
}

fn rank(row: &RowTree) -> i64 {
    match row.get("rank") {
        Some(Field::Value(Value::Int(v))) => *v,
        other => panic!("a rank, not {other:?}"),
    }
}

#[test]
fn an_index_outlives_its_queries_for_a_while_and_leaves_nothing_behind() {
    let mut engine = filled();
    let other = engine.watch(json!({ "from": "projects" }));
    let issues = engine.watch(json!({ "from": "issues", "limit": 1, "orderBy": [{ "expr": col("issues", "rank") }] }));
    let before = engine.0.node_count();
    let (views, first) = mounted(&mut engine, of_project);
    views.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!(engine.0.node_count(), before + 1, "the index waits");
    let (views, again) = mounted(&mut engine, of_project);
    assert!(again < first, "{again} rows looked at to mount again, {first} at first");
    views.into_iter().for_each(|view| engine.0.unregister(view));
    for i in 0..300 {
        engine.put("issues", [ints(&[1, 1, i])]);
    }
    assert_eq!(engine.0.node_count(), before, "nobody came for it");
    engine.0.unregister(other);
    engine.0.unregister(issues);
    assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0));
}

#[test]
fn the_last_query_takes_the_indexes_with_it() {
    let mut engine = filled();
    let (views, _) = mounted(&mut engine, of_ranks);
    views.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!((engine.0.node_count(), engine.0.memory().operators), (0, 0));
}
