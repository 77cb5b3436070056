//! Functions and operators.

use serde_json::json;

use super::*;

fn c(column: usize) -> Expr {
    Expr::Column(column)
}

fn widened(column: usize) -> Expr {
    call(Function::IntToFloat, [c(column)])
}

#[test]
fn every_function_of_the_boundary_is_bound() {
    use Function::*;
    let compare = [("=", Eq), ("!=", Ne), ("<", Lt), ("<=", Le), (">", Gt), (">=", Ge), ("in", In)];
    for (name, function) in compare {
        assert_eq!(filter(op(name, [col("priority"), lit(1)])), call(function, [c(issue::PRIORITY), int(1)]));
    }
    for (name, function) in [("like", Like), ("ilike", ILike)] {
        assert_eq!(filter(op(name, [col("title"), lit("a%")])), call(function, [c(issue::TITLE), text("a%")]));
    }
    for (name, function) in [("isNull", IsNull), ("isNotNull", IsNotNull)] {
        assert_eq!(filter(op(name, [col("meta")])), call(function, [c(issue::META)]));
    }
    for (name, function) in [("+", Add), ("-", Sub), ("*", Mul), ("/", Div), ("%", Mod)] {
        let sum = call(function, [c(issue::PRIORITY), int(2)]);
        assert_eq!(filter(op("=", [op(name, [col("priority"), lit(2)]), lit(3)])), call(Eq, [sum, int(3)]));
    }
    for (name, function) in [("neg", Neg), ("abs", Abs)] {
        let one = call(function, [c(issue::POINTS)]);
        assert_eq!(filter(op("=", [op(name, [col("points")]), lit(0.5)])), call(Eq, [one, float(0.5)]));
    }
    for (name, function) in [("lower", Lower), ("upper", Upper)] {
        assert_eq!(
            filter(op("=", [op(name, [col("title")]), lit("x")])),
            call(Eq, [call(function, [c(issue::TITLE)]), text("x")])
        );
    }
    let length = call(Length, [c(issue::TITLE)]);
    assert_eq!(filter(op("=", [op("length", [col("title")]), lit(3)])), call(Eq, [length, int(3)]));
    let coalesce = call(Coalesce, [c(issue::POINTS), float(1.0)]);
    assert_eq!(filter(op("=", [op("coalesce", [col("points"), lit(1)]), lit(2.5)])), call(Eq, [coalesce, float(2.5)]));
    let both = op("not", [op("and", [col("done"), op("or", [col("done"), lit(true)])])]);
    let or = call(Or, [c(6), Expr::Literal(Value::Bool(true))]);
    assert_eq!(filter(both), call(Not, [call(And, [c(6), or])]));
}

#[test]
fn an_integer_beside_a_float_becomes_one() {
    assert_eq!(filter(op("<", [col("points"), lit(3)])), call(Function::Lt, [c(issue::POINTS), float(3.0)]));
    assert_eq!(filter(op("<", [col("priority"), lit(2.5)])), call(Function::Lt, [widened(issue::PRIORITY), float(2.5)]));
    let sum = call(Function::Add, [widened(issue::PRIORITY), c(issue::POINTS)]);
    assert_eq!(filter(op("=", [op("+", [col("priority"), col("points")]), lit(1)])), call(Function::Eq, [sum, float(1.0)]));
}

#[test]
fn a_list_of_integers_and_floats_is_of_floats() {
    let expected = call(Function::In, [widened(issue::PRIORITY), float(1.0), float(2.5)]);
    assert_eq!(filter(op("in", [col("priority"), lit(1), lit(2.5)])), expected);
    let with_null = call(Function::In, [c(issue::PRIORITY), int(1), Expr::Literal(Value::Null)]);
    assert_eq!(filter(op("in", [col("priority"), lit(1), lit(Json::Null)])), with_null);
}

#[test]
fn empty_lists_have_the_value_of_nothing() {
    assert_eq!(filter(op("and", [])), Expr::Literal(Value::Bool(true)));
    assert_eq!(filter(op("or", [])), Expr::Literal(Value::Bool(false)));
    assert_eq!(filter(op("in", [col("id")])), Expr::Literal(Value::Bool(false)));
    assert_eq!(bad_filter(op("in", [])), at("QUERY_INVALID", "where", "in", ""));
}

#[test]
fn any_number_of_texts_are_joined_two_by_two() {
    let texts = |n: usize| {
        let args: Vec<Json> = (0..n).map(|i| lit(i.to_string())).collect();
        filter(op("=", [json!({"op": "||", "args": args}), col("title")]))
    };
    let equal = |a| call(Function::Eq, [a, c(issue::TITLE)]);
    assert_eq!(texts(1), equal(text("0")));
    let rest = call(Function::Concat, [text("1"), text("2")]);
    assert_eq!(texts(3), equal(call(Function::Concat, [text("0"), rest])));
    fn depth(e: &Expr) -> usize {
        if let Expr::Call(_, args) = e { 1 + args.iter().map(depth).max().unwrap_or(0) } else { 0 }
    }
    assert_eq!(depth(&texts(9_000)), 1 + 14);
    assert_eq!(bad_filter(op("=", [op("||", []), lit("")])), at("QUERY_INVALID", "where.args[0]", "||", ""));
}

#[test]
fn null_takes_any_type() {
    for name in ["id", "priority", "points", "done", "at", "meta", "blob"] {
        filter(op("=", [col(name), lit(Json::Null)]));
    }
    filter(op("=", [lit(Json::Null), lit(Json::Null)]));
    filter(op("like", [lit(Json::Null), col("title")]));
    filter(op("=", [op("+", [lit(Json::Null), col("points")]), lit(1)]));
}

#[test]
fn an_unknown_function_is_refused_with_the_nearest() {
    assert_eq!(bad_filter(op("==", [col("id"), lit("")])), at("UNKNOWN_FUNCTION", "where", "==", "="));
    let lowr = op("=", [op("lowre", [col("id")]), lit("")]);
    assert_eq!(bad_filter(lowr), at("UNKNOWN_FUNCTION", "where.args[0]", "lowre", "lower"));
}

#[test]
fn a_function_takes_its_number_of_arguments() {
    assert_eq!(bad_filter(op("=", [col("id")])), at("QUERY_INVALID", "where", "=", ""));
    assert_eq!(bad_filter(op("not", [])), at("QUERY_INVALID", "where", "not", ""));
    assert_eq!(bad_filter(op("=", [op("coalesce", []), lit(1)])), at("QUERY_INVALID", "where.args[0]", "coalesce", ""));
    let col = json!({"op": "col", "name": "done", "args": [lit(1)]});
    assert_eq!(bad_filter(col), at("QUERY_INVALID", "where.args", "col", ""));
    assert_eq!(bad_filter(json!({"op": "col"})), at("QUERY_INVALID", "where", "col", ""));
}

#[test]
fn values_of_two_types_are_not_compared() {
    assert_eq!(bad_filter(op("=", [col("title"), lit(1)])), at("TYPE_MISMATCH", "where.args[1]", "1", ""));
    assert_eq!(bad_filter(op("=", [col("priority"), lit("1")])), at("TYPE_MISMATCH", "where.args[1]", "1", ""));
    assert_eq!(bad_filter(op("=", [lit("1"), col("priority")])), at("TYPE_MISMATCH", "where.args[0]", "1", ""));
    assert_eq!(bad_filter(op("<", [col("done"), col("title")])), at("TYPE_MISMATCH", "where.args[1]", "title", ""));
    assert_eq!(bad_filter(op("in", [col("id"), lit("a"), lit(true)])), at("TYPE_MISMATCH", "where.args[2]", "true", ""));
    let mixed = op("=", [op("coalesce", [col("title"), col("priority")]), lit("")]);
    assert_eq!(bad_filter(mixed), at("TYPE_MISMATCH", "where.args[0].args[1]", "priority", ""));
}

#[test]
fn json_is_compared_with_json_only() {
    filter(op("=", [col("meta"), col("meta")]));
    filter(op("!=", [col("meta"), col("meta")]));
    filter(op("in", [col("meta"), col("meta")]));
    filter(op("<", [col("meta"), col("meta")]));
    assert_eq!(bad_filter(op("<", [col("meta"), lit(1)])), at("TYPE_MISMATCH", "where.args[1]", "1", ""));
    assert_eq!(bad_filter(op("=", [col("meta"), lit("{}")])), at("TYPE_MISMATCH", "where.args[1]", "{}", ""));
}

#[test]
fn arguments_are_of_the_types_that_a_function_takes() {
    let wrong = |expr: Json| bad_filter(op("isNull", [expr]));
    let at = |i: usize, name: &str| at("TYPE_MISMATCH", &format!("where.args[0].args[{i}]"), name, "");
    assert_eq!(wrong(op("and", [col("done"), col("title")])), at(1, "title"));
    assert_eq!(wrong(op("not", [col("title")])), at(0, "title"));
    assert_eq!(wrong(op("like", [col("title"), lit(1)])), at(1, "1"));
    assert_eq!(wrong(op("||", [col("priority"), col("title")])), at(0, "priority"));
    assert_eq!(wrong(op("lower", [col("blob")])), at(0, "blob"));
    assert_eq!(wrong(op("+", [col("title"), lit(1)])), at(0, "title"));
    assert_eq!(wrong(op("neg", [col("done")])), at(0, "done"));
    assert_eq!(wrong(op("abs", [col("at")])), at(0, "at"));
    assert_eq!(wrong(op("%", [col("priority"), col("points")])), at(1, "points"));
    assert_eq!(wrong(op("length", [col("meta")])), at(0, "meta"));
    assert_eq!(wrong(op("*", [col("at"), col("at")])), at(0, "at"));
}

#[test]
fn bytes_and_bools_have_an_order_and_bytes_a_length() {
    filter(op("<", [col("blob"), col("blob")]));
    filter(op("<", [col("done"), lit(true)]));
    filter(op("=", [op("length", [col("blob")]), lit(1)]));
}

#[test]
fn an_expression_has_a_greatest_depth() {
    let nested = |levels: usize| (1..levels).fold(col("done"), |e, _| op("not", [e]));
    filter(nested(256));
    assert_eq!(bad_filter(nested(257)), at("QUERY_INVALID", "where", "", ""));
}

#[test]
fn a_depth_that_would_end_the_stack_is_an_error() {
    use crate::query::ast::{ExprJson, QueryJson};
    let mut expr = ExprJson { op: "lit".into(), ..ExprJson::default() };
    for _ in 0..5_000 {
        expr = ExprJson { op: "not".into(), args: vec![expr], ..ExprJson::default() };
    }
    let query = QueryJson { from: "issues".into(), filter: Some(expr), ..QueryJson::default() };
    assert_eq!(parts(bind(&tracker(), &query).unwrap_err()), at("QUERY_INVALID", "where", "", ""));
}

#[test]
fn a_query_has_a_greatest_size_over_all_its_expressions() {
    let list = |n: usize| {
        let mut args = vec![col("priority")];
        args.extend((0..n).map(|i| lit(i as i64)));
        json!({"op": "in", "args": args})
    };
    filter(list(9_998));
    assert_eq!(bad_filter(list(9_999)), at("QUERY_INVALID", "where", "", ""));
    let split = json!({"from": "issues", "where": list(9_000), "with": [{"relation": "latest", "query": {
        "where": {"op": "in", "args": list(2_000)["args"].as_array().unwrap()[1..].to_vec()}}}]});
    assert_eq!(bad(split), at("QUERY_INVALID", "with[0].query.where", "", ""));
}

#[test]
fn fields_that_orders_repeat_count_each_time() {
    let mut args = vec![col("priority")];
    args.extend((0..1_000).map(|i| lit(i as i64)));
    let orders: Vec<Json> = (0..20).map(|_| json!({"expr": col("big")})).collect();
    let query = json!({"from": "issues", "select": [field("big", json!({"op": "in", "args": args}))], "orderBy": orders});
    assert_eq!(bad(query), at("QUERY_INVALID", "orderBy[8].expr", "", ""));
}

#[test]
fn a_case_takes_conditions_and_values_of_one_type() {
    use Function::{Case, CaseOf};
    let truth = Expr::Literal(Value::Bool(true));
    let searched = op("case", [col("done"), lit(1), lit(true), col("points")]);
    let bound = call(Case, [c(6), float(1.0), truth.clone(), c(issue::POINTS)]);
    assert_eq!(filter(op("=", [searched, lit(2)])), call(Function::Eq, [bound, float(2.0)]));
    let simple = op("caseOf", [col("priority"), lit(1.5), col("title"), lit("?")]);
    let bound = call(CaseOf, [widened(issue::PRIORITY), float(1.5), c(issue::TITLE), text("?")]);
    assert_eq!(filter(op("=", [simple, lit("x")])), call(Function::Eq, [bound, text("x")]));
    let wrong = |expr: Json| bad_filter(op("isNull", [expr]));
    let at = |i: usize, name: &str| at("TYPE_MISMATCH", &format!("where.args[0].args[{i}]"), name, "");
    assert_eq!(wrong(op("case", [col("title"), lit(1)])), at(0, "title"));
    assert_eq!(wrong(op("case", [col("done"), lit(1), lit("x")])), at(2, "x"));
    assert_eq!(wrong(op("caseOf", [col("title"), lit(1), lit(1)])), at(1, "1"));
    assert_eq!(wrong(op("caseOf", [col("title"), lit("a"), col("done"), lit("b"), lit(1)])), at(4, "1"));
}

#[test]
fn units_and_types_of_casts_are_names_that_are_known() {
    let named = |op: &str, name: &str, arg: &str| json!({"op": op, "name": name, "args": [col(arg)]});
    let wrong = |expr: Json| bad_filter(op("isNull", [expr]));
    filter(op("isNull", [named("extract", "isodow", "at")]));
    filter(op("isNull", [named("dateTrunc", "week", "at")]));
    filter(op("isNull", [named("cast", "bigint", "title")]));
    let place = "where.args[0].name";
    assert_eq!(wrong(named("extract", "yaer", "at")), at("QUERY_INVALID", place, "yaer", "year"));
    assert_eq!(wrong(named("dateTrunc", "doy", "at")), at("QUERY_INVALID", place, "doy", "day"));
    assert_eq!(wrong(named("cast", "txt", "at")), at("UNSUPPORTED_TYPE", place, "txt", "text"));
    assert_eq!(wrong(named("cast", "float", "at")), at("TYPE_MISMATCH", "where.args[0].args[0]", "at", ""));
    assert_eq!(wrong(op("cast", [col("at")])), at("QUERY_INVALID", "where.args[0]", "cast", ""));
    assert_eq!(wrong(op("now", [])), at("UNKNOWN_FUNCTION", "where.args[0]", "now", "not"));
    let price = || json!({"op": "cast", "name": "decimal", "args": [lit(1)]});
    let numeric = |precision: i64, scale: i64| op("numeric", [price(), lit(precision), lit(scale)]);
    for (precision, scale) in [(1, -1000), (1000, 1000)] {
        filter(op("isNull", [numeric(precision, scale)]));
    }
    for precision in [0, 1001] {
        assert_eq!(wrong(numeric(precision, 2)), at("QUERY_INVALID", "where.args[0].args[1]", &precision.to_string(), ""));
    }
    for scale in [-1001, 1001] {
        assert_eq!(wrong(numeric(5, scale)), at("QUERY_INVALID", "where.args[0].args[2]", &scale.to_string(), ""));
    }
}

#[test]
fn a_pattern_is_a_literal_that_is_one() {
    filter(op("~", [col("title"), lit("^a+$")]));
    filter(op("~*", [col("title"), lit(Json::Null)]));
    let bad = |pattern: Json| bad_filter(op("~", [col("title"), pattern]));
    assert_eq!(bad(lit("(a")), at("REGEX_INVALID", "where.args[1]", "(a", ""));
    assert_eq!(bad(lit("(a)\\1")), at("REGEX_INVALID", "where.args[1]", "(a)\\1", ""));
    assert_eq!(bad(col("id")), at("QUERY_INVALID", "where.args[1]", "id", ""));
}
