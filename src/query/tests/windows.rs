//! Window functions: what binds to what, and every mistake with its place.

use serde_json::json;

use super::*;
use crate::query::{Bound, Exclude, Frame, FrameUnit, Select, WindowFunction as W, output_types};
use crate::value::Type;

fn over<const N: usize>(name: &str, args: [Json; N], over: Json) -> Json {
    json!({"op": "over", "name": name, "args": args.to_vec(), "over": over})
}

fn by(order: Json) -> Json {
    json!({"orderBy": [{"expr": order}]})
}

fn framed(unit: &str, start: Json, end: Json) -> Json {
    json!({"orderBy": [{"expr": col("priority")}], "frame": {"unit": unit, "start": start, "end": end}})
}

fn selecting<const N: usize>(fields: [Json; N]) -> Json {
    let fields: Vec<Json> = fields.into_iter().enumerate().map(|(i, f)| field(&format!("f{i}"), f)).collect();
    json!({"from": "issues", "select": fields})
}

/// The error of a window function in `select`, without the place of the field.
fn refused_call(json: Json) -> Parts {
    let (code, path, offending, nearest) = bad(selecting([json]));
    (code, path.trim_start_matches("select[0].expr").trim_start_matches('.').to_owned(), offending, nearest)
}

fn fields(select: &Select) -> Vec<(Expr, Type)> {
    let Select::Fields(fields) = select else { panic!("fields") };
    fields.iter().map(|f| (f.expr.clone(), f.ty)).collect()
}

#[test]
fn window_functions_are_columns_behind_the_scope_each_once() {
    let rank = || over("rank", [], by(col("priority")));
    let mut json = selecting([rank(), op("+", [rank(), lit(1)]), over("rank", [], by(col("at")))]);
    json["orderBy"] = json!([{"expr": rank()}, {"expr": over("sum", [col("points")], json!({}))}]);
    let bound = good(json);
    assert_eq!(bound.windows.len(), 3);
    let c = |n| Expr::Column(issue::WIDTH + n);
    assert_eq!(fields(&bound.select), [(c(0), Type::Int), (call(Function::Add, [c(0), int(1)]), Type::Int), (c(1), Type::Int)]);
    assert_eq!(bound.order.iter().map(|o| o.expr.clone()).collect::<Vec<_>>(), [c(0), c(2)]);
    assert_eq!(output_types(&tracker(), &bound)[issue::WIDTH..], [Type::Int, Type::Int, Type::Float]);
}

#[test]
fn with_grouping_they_are_over_the_groups_and_behind_the_aggregates() {
    let share =
        over("sum", [agg("count", [])], json!({"partitionBy": [col("done")], "orderBy": [{"expr": agg("max", [col("at")])}]}));
    let bound = good(json!({"from": "issues", "groupBy": [{"expr": col("projectId")}, {"expr": col("done")}],
        "select": [field("s", share), field("n", agg("count", [])), field("a", agg("sum", [col("size")]))]}));
    let window = &bound.windows[0];
    assert_eq!((&window.arguments[..], &window.partition[..]), (&[Expr::Column(2)][..], &[Expr::Column(1)][..]));
    assert_eq!(window.order[0].expr, Expr::Column(3));
    assert_eq!(fields(&bound.select)[0], (Expr::Column(5), Type::Int));
    // An aggregate in a window makes one group, as one beside it does.
    let global = good(selecting([over("sum", [agg("count", [])], json!({}))]));
    assert_eq!((global.aggregate.unwrap().calls.len(), global.windows.len()), (1, 1));
    // Also where it says which rows take part.
    let mut chosen = over("sum", [lit(1)], json!({}));
    chosen["filter"] = op(">", [agg("count", []), lit(1)]);
    let global = good(selecting([chosen]));
    assert_eq!((global.aggregate.unwrap().calls.len(), global.windows.len()), (1, 1));
    let bad = bad(
        json!({"from": "issues", "groupBy": [{"expr": col("done")}], "select": [field("s", over("lag", [col("title")], json!({})))]}),
    );
    assert_eq!(bad, at("NOT_GROUPED", "select[0].expr.args[0]", "title", ""));
}

#[test]
fn constant_arguments_become_part_of_the_function() {
    let t = || json!({});
    let bound = good(selecting([
        over("lag", [col("title")], t()),
        over("lag", [col("title"), lit(2), lit("none")], t()),
        over("lead", [col("priority"), lit(-3), lit(0.5)], t()),
        over("ntile", [lit(4)], t()),
        over("nthValue", [col("at"), json!({"op": "lit"})], t()),
        over("avg", [col("priority")], t()),
    ]));
    let functions: Vec<W> = bound.windows.iter().map(|w| w.function).collect();
    let expected = [W::Shift(Some(-1)), W::Shift(Some(-2)), W::Shift(Some(-3)), W::Ntile(Some(4)), W::Nth(None), W::Avg];
    assert_eq!(functions, expected);
    let types: Vec<Type> = bound.windows.iter().map(|w| w.ty).collect();
    assert_eq!(types, [Type::Text, Type::Text, Type::Float, Type::Int, Type::Timestamp, Type::Float]);
    assert_eq!(bound.windows[2].arguments, [call(Function::IntToFloat, [Expr::Column(issue::PRIORITY)]), float(0.5)]);
}

#[test]
fn frames_are_read_and_only_kept_where_they_matter() {
    let end = |kind: &str, offset: i64| json!({"kind": kind, "offset": offset});
    let bound = good(selecting([
        over("sum", [col("size")], framed("range", end("preceding", 2), end("following", 0))),
        over("rank", [], framed("rows", end("preceding", 2), end("following", 0))),
        over("count", [], json!({"frame": {"unit": "rows", "start": {"kind": "unboundedPreceding"}, "exclude": "ties"}})),
        over(
            "max",
            [col("size")],
            json!({"orderBy": [{"expr": col("points")}],
            "frame": {"unit": "range", "start": {"kind": "preceding", "offset": 1}}}),
        ),
    ]));
    let frames: Vec<&Frame> = bound.windows.iter().map(|w| &w.frame).collect();
    let offset = |v| Value::Int(v);
    let first = Frame {
        unit: FrameUnit::Range,
        start: Bound::Preceding(offset(2)),
        end: Bound::Following(offset(0)),
        exclude: Exclude::NoOthers,
    };
    assert_eq!((frames[0], frames[1]), (&first, &Frame::default()));
    assert_eq!((frames[2].unit, &frames[2].end, frames[2].exclude), (FrameUnit::Rows, &Bound::Current, Exclude::Ties));
    assert_eq!(frames[3].start, Bound::Preceding(Value::Float(1.0)));
}

#[test]
fn a_window_function_is_refused_where_rows_are_not_known_yet() {
    let rank = || over("rank", [], json!({}));
    let is_first = || op("=", [rank(), lit(1)]);
    let invalid = |path: &str| at("QUERY_INVALID", path, "rank", "");
    assert_eq!(bad(json!({"from": "issues", "where": is_first()})), invalid("where.args[0]"));
    assert_eq!(bad(json!({"from": "issues", "groupBy": [{"expr": rank()}], "select": []})), invalid("groupBy[0].expr"));
    assert_eq!(refused_call(agg("sum", [rank()])), invalid("args[0]"));
    assert_eq!(refused_call(over("sum", [rank()], json!({}))), invalid("args[0]"));
    assert_eq!(refused_call(over("rank", [], by(rank()))), invalid("over.orderBy[0].expr"));
    assert_eq!(refused_call(over("rank", [], json!({"partitionBy": [is_first()]}))), invalid("over.partitionBy[0].args[0]"));
    let having = json!({"from": "issues", "groupBy": [], "having": is_first(), "select": [field("n", agg("count", []))]});
    assert_eq!(bad(having), invalid("having.args[0]"));
    // A sub-query knows its rows.
    let scalar = json!({"op": "scalar", "query": {"from": "comments", "select": [field("n", rank())]}});
    let Some(Expr::Call(_, args)) = good(json!({"from": "issues", "where": op("=", [scalar, lit(1)])})).filter else {
        panic!("a call")
    };
    assert!(matches!(&args[0], Expr::Sub(sub) if sub.query.windows.len() == 1));
    let within = json!({"op": "exists", "query": {"from": "comments", "where": is_first()}});
    assert_eq!(bad(json!({"from": "issues", "where": within})), invalid("where.query.where.args[0]"));
    let any = json!({"op": "exists", "query": {"from": "comments"}});
    let bound = good(json!({"from": "issues", "select": [field("n", over("rank", [], by(any)))]}));
    assert!(bound.windows[0].order[0].expr.has_subquery());
    for (name, part, value) in [("rank", "filter", col("done")), ("count", "distinct", json!(true))] {
        let mut call = over(name, [], json!({}));
        call[part] = value;
        assert_eq!(refused_call(call), at("QUERY_INVALID", "", name, ""));
    }
    let mut filtered = over("count", [], json!({}));
    filtered["filter"] = col("title");
    assert_eq!(refused_call(filtered), at("TYPE_MISMATCH", "filter", "title", ""));
    let join = json!({"kind": "inner", "table": "projects", "on": is_first()});
    assert_eq!(bad(json!({"from": "issues", "joins": [join]})), invalid("joins[0].on.args[0]"));
}

#[test]
fn wrong_names_arguments_and_types_are_told() {
    let t = || json!({});
    let case = |json: Json, expected: Parts| assert_eq!(refused_call(json), expected);
    case(over("rowNumbr", [], t()), at("UNKNOWN_FUNCTION", "name", "rowNumbr", "rowNumber"));
    case(over("rank", [lit(1)], t()), at("QUERY_INVALID", "", "rank", ""));
    case(over("lag", [], t()), at("QUERY_INVALID", "", "lag", ""));
    case(over("ntile", [lit(0)], t()), at("QUERY_INVALID", "args[0]", "0", ""));
    case(over("ntile", [lit("x")], t()), at("TYPE_MISMATCH", "args[0]", "x", ""));
    case(over("nthValue", [col("title"), lit(0)], t()), at("QUERY_INVALID", "args[1]", "0", ""));
    case(over("lag", [col("title"), col("priority")], t()), at("QUERY_INVALID", "args[1]", "priority", ""));
    case(over("lag", [col("title"), lit(1), lit(2)], t()), at("TYPE_MISMATCH", "args[2]", "2", ""));
    case(over("sum", [col("title")], t()), at("TYPE_MISMATCH", "args[0]", "title", ""));
    case(over("rank", [], json!({"partitionBy": [lit(Json::Null)]})), at("TYPE_MISMATCH", "over.partitionBy[0]", "null", ""));
    case(over("rank", [], by(lit(Json::Null))), at("TYPE_MISMATCH", "over.orderBy[0].expr", "null", ""));
    case(over("rank", [], by(col("titel"))), at("UNKNOWN_COLUMN", "over.orderBy[0].expr", "titel", "title"));
    let nulls = json!({"orderBy": [{"expr": col("at"), "nulls": "frist"}]});
    case(over("rank", [], nulls), at("QUERY_INVALID", "over.orderBy[0].nulls", "frist", "first"));
}

#[test]
fn frames_that_cannot_be_are_told() {
    let kind = |kind: &str| json!({"kind": kind});
    let far = |kind: &str, offset: Json| json!({"kind": kind, "offset": offset});
    let refused = |over_json: Json| refused_call(over("count", [], over_json));
    let current = || kind("currentRow");
    let invalid = |path: &str, offending: &str, nearest: &str| at("QUERY_INVALID", path, offending, nearest);
    assert_eq!(refused(framed("row", current(), current())), invalid("over.frame.unit", "row", "rows"));
    assert_eq!(
        refused(framed("rows", kind("curentRow"), current())),
        invalid("over.frame.start.kind", "curentRow", "currentRow")
    );
    assert_eq!(refused(framed("rows", kind("unboundedFollowing"), current())), invalid("over.frame.start", "", ""));
    assert_eq!(refused(framed("rows", current(), kind("unboundedPreceding"))), invalid("over.frame.end", "", ""));
    assert_eq!(refused(framed("rows", current(), far("preceding", json!(1)))), invalid("over.frame.end", "", ""));
    assert_eq!(refused(framed("rows", far("following", json!(1)), current())), invalid("over.frame.end", "", ""));
    assert_eq!(refused(framed("rows", kind("preceding"), current())), invalid("over.frame.start.offset", "preceding", ""));
    assert_eq!(
        refused(framed("rows", far("currentRow", json!(1)), current())),
        invalid("over.frame.start.offset", "currentRow", "")
    );
    assert_eq!(refused(framed("rows", far("preceding", json!(-1)), current())), invalid("over.frame.start.offset", "-1", ""));
    let mismatch = |offending: &str| at("TYPE_MISMATCH", "over.frame.start.offset", offending, "");
    assert_eq!(refused(framed("rows", far("preceding", json!(1.5)), current())), mismatch("1.5"));
    assert_eq!(refused(framed("range", far("preceding", json!("x")), current())), mismatch("x"));
    let mut by_title = framed("range", far("preceding", json!(1)), current());
    by_title["orderBy"][0]["expr"] = col("title");
    assert_eq!(refused(by_title), mismatch("1"));
    let mut unordered = framed("range", far("preceding", json!(1)), current());
    unordered["orderBy"] = json!([]);
    assert_eq!(refused(unordered), invalid("over.frame.start.offset", "", ""));
    let mut groups = framed("groups", current(), current());
    groups["orderBy"] = json!([]);
    assert_eq!(refused(groups), invalid("over.frame.unit", "groups", ""));
    let mut exclude = framed("groups", current(), current());
    exclude["frame"]["exclude"] = json!("tie");
    assert_eq!(refused(exclude), invalid("over.frame.exclude", "tie", "ties"));
}
