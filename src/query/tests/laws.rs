//! Laws over random queries: whatever is asked, the answer is an error or a query that keeps every promise of `bound`.

use serde_json::json;

use super::*;
use crate::query::{AggregateCall, AggregateFunction, CastTo, Select, group_types, output_types, scope_types, type_of};
use crate::value::{Element, Type};

const COLUMNS: &[&str] =
    &["id", "projectId", "title", "priority", "points", "size", "done", "at", "meta", "blob", "name", "nothing"];
const FUNCTIONS: &[&str] = &[
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "and",
    "or",
    "not",
    "in",
    "like",
    "ilike",
    "isNull",
    "isNotNull",
    "+",
    "-",
    "*",
    "/",
    "%",
    "neg",
    "||",
    "coalesce",
    "lower",
    "upper",
    "length",
    "abs",
    "case",
    "caseOf",
    "nullif",
    "between",
    "isDistinctFrom",
    "isNotDistinctFrom",
    "greatest",
    "least",
    "round",
    "power",
    "sqrt",
    "cast",
    "substring",
    "left",
    "trim",
    "replace",
    "strpos",
    "splitPart",
    "lpad",
    "concat",
    "concatWs",
    "chr",
    "dateTrunc",
    "extract",
    "addInterval",
    "diffSeconds",
    "->",
    "->>",
    "#>",
    "#>>",
    "@>",
    "?",
    "jsonTypeof",
    "~",
    "~*",
    "regexpSubstr",
    "regexpMatch",
    "regexpReplace",
    "regexpMatches",
    "reFind",
    "reSeq",
];
const NAMES: &[&str] = &["text", "int", "bigint", "float", "bool", "timestamp", "json", "year", "dow", "week", "uuid"];

const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "boolAnd",
    "every",
    "boolOr",
    "stringAgg",
    "arrayAgg",
    "jsonAgg",
    "variance",
    "varSamp",
    "varPop",
    "stddev",
    "stddevSamp",
    "stddevPop",
    "median",
    "percentileCont",
    "percentileDisc",
    "mode",
    "first",
    "last",
];

fn pick<'a>(rng: &mut fastrand::Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

fn any_literal(rng: &mut fastrand::Rng) -> Json {
    match rng.u8(..8) {
        0 => lit(Json::Null),
        1 => lit(rng.bool()),
        2 => lit(rng.i64(..)),
        3 => lit(rng.f64()),
        4 => lit(pick(rng, COLUMNS)),
        5 => json!({"op": "lit", "name": "timestamp", "value": "2024-02-29"}),
        6 => json!({"op": "lit", "name": "bytes", "value": "0a"}),
        _ => json!({"op": "lit", "name": "json", "value": "[1, 2]"}),
    }
}

fn any_expr(rng: &mut fastrand::Rng, depth: usize, aggregates: bool) -> Json {
    match rng.u8(..10) {
        0..=2 => col(pick(rng, COLUMNS)),
        3 => of(pick(rng, &["i", "p", "x"]), pick(rng, COLUMNS)),
        4 | 5 => any_literal(rng),
        6 if aggregates => {
            let depth = depth.saturating_sub(1);
            let mut args: Vec<Json> = (0..rng.usize(..3)).map(|_| any_expr(rng, depth, false)).collect();
            if rng.u8(..3) == 0 {
                args = vec![any_expr(rng, depth, false), any_literal(rng)];
            }
            let mut agg = json!({"op": "agg", "name": pick(rng, AGGREGATES), "args": args});
            match rng.u8(..9) {
                0 => agg["distinct"] = json!(true),
                1 => agg["filter"] = any_expr(rng, depth, false),
                2 => agg["orderBy"] = json!([{"expr": any_expr(rng, depth, false), "desc": rng.bool()}]),
                _ => {}
            }
            agg
        }
        _ if depth == 0 => any_literal(rng),
        _ => {
            let args: Vec<Json> = (0..rng.usize(1..4)).map(|_| any_expr(rng, depth - 1, aggregates)).collect();
            match rng.u8(..4) {
                0 => json!({"op": pick(rng, &["cast", "dateTrunc", "extract"]), "name": pick(rng, NAMES), "args": args[..1]}),
                _ => json!({"op": pick(rng, FUNCTIONS), "args": args}),
            }
        }
    }
}

/// A query that is often without a mistake: mostly comparisons, fields and groups of few kinds.
fn any_query(rng: &mut fastrand::Rng) -> Json {
    let mut query = json!({"from": "issues", "alias": "i"});
    if rng.u8(..3) == 0 {
        let on = op("=", [of("i", "projectId"), of("p", "id")]);
        query["joins"] = json!([{"kind": pick(rng, &["inner", "left"]), "table": "projects", "alias": "p", "on": on}]);
    }
    if rng.bool() {
        let (a, b) = (any_expr(rng, 2, false), any_expr(rng, 2, false));
        query["where"] = op(pick(rng, FUNCTIONS), [a, b]);
    }
    let groups: Vec<Json> = (0..rng.usize(..3)).map(|_| any_expr(rng, 1, false)).collect();
    if rng.u8(..3) == 0 {
        query["groupBy"] = groups.iter().map(|g| json!({"expr": g})).collect();
    }
    if rng.bool() {
        let fields = (0..rng.usize(1..3)).map(|i| {
            let expr = if !groups.is_empty() && rng.bool() { groups[0].clone() } else { any_expr(rng, 2, true) };
            field(&format!("f{i}"), expr)
        });
        query["select"] = fields.collect();
    }
    if rng.u8(..8) == 0 {
        query["having"] = op("isNotNull", [any_expr(rng, 1, true)]);
    }
    if rng.bool() {
        query["orderBy"] = json!([{"expr": any_expr(rng, 1, true), "desc": rng.bool()}, {"expr": col("f0")}]);
    }
    if rng.u8(..4) == 0 {
        query["start"] = json!({"values": (0..rng.usize(..4)).map(|_| any_literal(rng)).collect::<Vec<_>>()});
    }
    query
}

/// The types that `bound` promises for the arguments of a function, checked anew: which ones fit, whether all are of one
/// type, and the type of the call.
fn check_call(function: Function, args: &[Option<Type>]) -> Option<Type> {
    use Function as F;
    use Type::{Bool, Bytes, Date, Decimal, Float, Int, Interval, Json, Text, Time, Timestamp, Uuid};
    let all = |fits: &[Type]| args.iter().flatten().all(|t| fits.contains(t));
    let first = args.iter().flatten().next().copied();
    let same = args.iter().flatten().all(|t| Some(*t) == first);
    let each =
        |places: &[&[Type]]| places.len() == args.len() && args.iter().zip(places).all(|(a, p)| a.is_none_or(|t| p.contains(&t)));
    let arity = |range: std::ops::RangeInclusive<usize>| range.contains(&args.len());
    let (fits, ty) = match function {
        F::Eq | F::Ne | F::Lt | F::Le | F::Gt | F::Ge => (arity(2..=2) && same, Some(Bool)),
        F::And | F::Or => (arity(1..=9) && all(&[Bool]), Some(Bool)),
        F::Not => (arity(1..=1) && all(&[Bool]), Some(Bool)),
        F::In => (arity(2..=9) && same, Some(Bool)),
        F::Like | F::ILike => (arity(2..=2) && all(&[Text]), Some(Bool)),
        F::IsNull | F::IsNotNull => (arity(1..=1), Some(Bool)),
        F::Add | F::Sub if first == Some(Interval) => (arity(2..=2) && same, first),
        F::Neg if first == Some(Interval) => (arity(1..=1), first),
        F::Add | F::Sub | F::Mul | F::Div => (arity(2..=2) && same && all(NUMBERS), first),
        F::Mod => (arity(2..=2) && same && all(&[Int, Decimal]), first),
        F::Neg | F::Abs => (arity(1..=1) && all(NUMBERS), first),
        F::Concat => (arity(2..=2) && all(&[Text]), Some(Text)),
        F::Coalesce => (arity(1..=9) && same, first),
        F::Lower | F::Upper => (arity(1..=1) && all(&[Text]), Some(Text)),
        F::Length => (arity(1..=1) && all(&[Text, Bytes]), Some(Int)),
        F::IntToFloat => (args == [Some(Int)], Some(Float)),
        F::IntToDecimal => (args == [Some(Int)], Some(Decimal)),
        F::DecimalToFloat => (args == [Some(Decimal)], Some(Float)),
        F::TruncTo => (each(&[&[Decimal], &[Int]]), Some(Decimal)),
        F::TrimScale => (each(&[&[Decimal]]), Some(Decimal)),
        F::Scale => (each(&[&[Decimal]]), Some(Int)),
        F::AddDays => (each(&[&[Date], &[Int]]) || each(&[&[Int], &[Date]]), Some(Date)),
        F::SubDays => (each(&[&[Date], &[Int]]), Some(Date)),
        F::DiffDays => (each(&[&[Date], &[Date]]), Some(Int)),
        F::DateToTimestamp => (args == [Some(Date)], Some(Timestamp)),
        F::Any => (
            arity(2..=2) && args[1].is_none_or(|t| matches!(t, Type::Array(e) if args[0].is_none_or(|x| x == e.ty()))),
            Some(Bool),
        ),
        F::ArrayPosition => (
            arity(2..=2) && args[0].is_none_or(|t| matches!(t, Type::Array(e) if args[1].is_none_or(|x| x == e.ty()))),
            Some(Int),
        ),
        F::ArrayContains | F::ArrayOverlaps => {
            (arity(2..=2) && same && first.is_none_or(|t| matches!(t, Type::Array(_))), Some(Bool))
        }
        F::Cardinality | F::ArrayLength => (arity(1..=1) && first.is_none_or(|t| matches!(t, Type::Array(_))), Some(Int)),
        F::ArrayToText => (each(&[ARRAYS, &[Text]]), Some(Text)),
        F::ArrayAt => (each(&[ARRAYS, &[Int]]), args[0].and_then(|t| if let Type::Array(e) = t { Some(e.ty()) } else { None })),
        F::AddSpan => (each(&[&[Timestamp, Time], &[Interval]]), first),
        F::DiffMoments => (each(&[&[Timestamp], &[Timestamp]]) || each(&[&[Time], &[Time]]), Some(Interval)),
        F::ScaleSpan | F::ShrinkSpan => (each(&[&[Interval], &[Float]]), Some(Interval)),
        F::PlainInterval => (each(&[&[Interval]]), Some(Interval)),
        F::NullIf => (arity(2..=2) && same, first),
        F::Between => (arity(3..=3) && same, Some(Bool)),
        F::IsDistinct | F::IsNotDistinct => (arity(2..=2) && same, Some(Bool)),
        F::Greatest | F::Least => (arity(1..=9) && same, first),
        F::Case | F::CaseOf => {
            let operand = usize::from(function == F::CaseOf);
            let (mut tests, mut values) = (args[..operand].to_vec(), Vec::new());
            for pair in args[operand..].chunks(2) {
                let (value, test) = pair.split_last().unwrap();
                tests.extend(test);
                values.push(*value);
            }
            let one = |types: &[Option<Type>]| {
                let mut known = types.iter().flatten();
                let first = known.next().copied();
                known.all(|t| Some(*t) == first).then_some(first)
            };
            let fits = one(&tests).is_some_and(|t| operand == 1 || t.is_none_or(|t| t == Bool));
            (fits && args.len() >= operand + 2 && one(&values).is_some(), one(&values).flatten())
        }
        F::Round | F::Floor | F::Ceil | F::Trunc | F::Sign => {
            (arity(1..=1) && all(&[Float, Decimal]), Some(first.unwrap_or(Float)))
        }
        F::Sqrt | F::Exp | F::Ln => (arity(1..=1) && all(&[Float]), Some(Float)),
        F::RoundTo => (each(&[&[Float, Decimal], &[Int]]), Some(args[0].unwrap_or(Float))),
        F::Power => (each(&[&[Float], &[Float]]), Some(Float)),
        F::Cast(to) => {
            let from: &[Type] = match to {
                CastTo::Text if first.is_some_and(|t| matches!(t, Type::Array(_))) => ARRAYS,
                CastTo::Text => &[Bool, Int, Float, Text, Bytes, Timestamp, Json, Decimal, Date, Time, Uuid, Interval],
                CastTo::Int | CastTo::BigInt => &[Bool, Int, Float, Text, Decimal, Json],
                CastTo::Float => &[Int, Float, Text, Decimal, Json],
                CastTo::Bool => &[Bool, Int, Text, Json],
                CastTo::Timestamp => &[Timestamp, Date, Text],
                CastTo::Date => &[Date, Timestamp, Text],
                CastTo::Time => &[Time, Timestamp, Interval, Text],
                CastTo::Interval => &[Interval, Time, Text],
                CastTo::Uuid => &[Uuid, Text],
                CastTo::Json => &[Json, Text],
                CastTo::Decimal => &[Decimal, Int, Float, Text, Json],
            };
            (arity(1..=1) && all(from), Some(to.ty()))
        }
        F::Substring => (each(&[&[Text], &[Int]]) || each(&[&[Text], &[Int], &[Int]]), Some(Text)),
        F::Left | F::Right | F::Repeat => (each(&[&[Text], &[Int]]), Some(Text)),
        F::Trim | F::LTrim | F::RTrim => (arity(1..=2) && all(&[Text]), Some(Text)),
        F::Replace => (arity(3..=3) && all(&[Text]), Some(Text)),
        F::Strpos => (arity(2..=2) && all(&[Text]), Some(Int)),
        F::NumberToChar => (each(&[&[Int, Decimal, Float], &[Text]]), Some(Text)),
        F::ToChar => (each(&[&[Timestamp, Date], &[Text]]), Some(Text)),
        F::Numeric => (each(&[&[Decimal], &[Int], &[Int]]), Some(Decimal)),
        F::SplitPart => (each(&[&[Text], &[Text], &[Int]]), Some(Text)),
        F::StartsWith | F::Matches | F::MatchesFolded => (arity(2..=2) && all(&[Text]), Some(Bool)),
        F::RegexpMatch | F::RegexpMatches | F::ReFind | F::ReSeq => {
            (arity(2..=2) && all(&[Text]), Some(Type::Array(Element::Text)))
        }
        F::RegexpReplace => (arity(3..=4) && all(&[Text]), Some(Text)),
        F::RegexpSubstr => (arity(2..=2) && all(&[Text]), Some(Text)),
        F::Reverse | F::InitCap => (arity(1..=1) && all(&[Text]), Some(Text)),
        F::LPad | F::RPad => (each(&[&[Text], &[Int]]) || each(&[&[Text], &[Int], &[Text]]), Some(Text)),
        F::ConcatAll => (arity(1..=9) && all(&[Text]), Some(Text)),
        F::ConcatWs => (arity(2..=9) && all(&[Text]), Some(Text)),
        F::OctetLength => (arity(1..=1) && all(&[Text, Bytes]), Some(Int)),
        F::Ascii => (arity(1..=1) && all(&[Text]), Some(Int)),
        F::Chr => (arity(1..=1) && all(&[Int]), Some(Text)),
        F::DateTrunc(_) => (arity(1..=1) && all(&[Timestamp, Interval]), Some(first.unwrap_or(Timestamp))),
        F::Extract(_) => (arity(1..=1) && all(&[Timestamp, Interval, Time]), Some(Float)),
        F::AddInterval => (each(&[&[Timestamp], &[Int], &[Int], &[Int]]), Some(Timestamp)),
        F::DiffSeconds => (arity(2..=2) && all(&[Timestamp]), Some(Float)),
        F::MakeTimestamp => (each(&[&[Int], &[Int], &[Int], &[Int], &[Int], &[Float]]), Some(Timestamp)),
        F::JsonGet => (each(&[&[Json], &[Text, Int]]), Some(Json)),
        F::JsonGetText => (each(&[&[Json], &[Text, Int]]), Some(Text)),
        F::JsonPath | F::JsonPathText => {
            let fits =
                each(&args.iter().enumerate().map(|(i, _)| if i == 0 { &[Json][..] } else { &[Text] }).collect::<Vec<_>>());
            (fits, Some(if function == F::JsonPath { Json } else { Text }))
        }
        F::JsonTypeof => (each(&[&[Json]]), Some(Text)),
        F::JsonArrayLength => (each(&[&[Json]]), Some(Int)),
        F::JsonContains => (each(&[&[Json], &[Json]]), Some(Bool)),
        F::JsonExists => (each(&[&[Json], &[Text]]), Some(Bool)),
        F::OneRow => unreachable!("put in by the planner"),
    };
    assert!(fits, "{function:?} of {args:?}");
    ty
}

fn check_expr(expr: &Expr, columns: &[Type]) -> Option<Type> {
    let ty = match expr {
        Expr::Column(c) => Some(columns[*c]),
        Expr::Literal(v) => v.kind(),
        Expr::Param(_, ty) | Expr::Outer(_, ty) => Some(*ty),
        Expr::Sub(sub) => {
            for argument in sub.arguments() {
                check_expr(argument, columns);
            }
            check_bound(&tracker(), &sub.query);
            Some(sub.ty)
        }
        Expr::Call(f, args) => check_call(*f, &args.iter().map(|a| check_expr(a, columns)).collect::<Vec<_>>()),
    };
    assert_eq!(type_of(expr, columns), ty);
    ty
}

const ALL: &[Type] = &[
    Type::Bool,
    Type::Int,
    Type::Float,
    Type::Text,
    Type::Bytes,
    Type::Timestamp,
    Type::Json,
    Type::Decimal,
    Type::Date,
    Type::Time,
    Type::Uuid,
    Type::Interval,
    Type::Array(Element::Bool),
    Type::Array(Element::Int),
    Type::Array(Element::Float),
    Type::Array(Element::Text),
    Type::Array(Element::Timestamp),
    Type::Array(Element::Date),
    Type::Array(Element::Uuid),
];
const ARRAYS: &[Type] = ALL.split_at(ALL.len() - 7).1;
const NUMBERS: &[Type] = &[Type::Int, Type::Float, Type::Decimal];

/// What a call says besides its argument.
fn check_parts(call: &AggregateCall, scope: &[Type]) {
    use AggregateFunction as A;
    if let Some(filter) = &call.filter {
        assert!(matches!(check_expr(filter, scope), None | Some(Type::Bool)));
    }
    assert!(call.order.iter().all(|o| check_expr(&o.expr, scope).is_some()));
    let ordered = matches!(call.function, A::StringAgg | A::JsonAgg | A::First | A::Last);
    assert_eq!(ordered, !call.order.is_empty());
    if ordered && call.distinct {
        assert_eq!(call.order.iter().map(|o| Some(&o.expr)).collect::<Vec<_>>(), [call.argument.as_ref()]);
    }
    match (call.function, &call.second) {
        (A::StringAgg, Some(e)) => assert!(matches!(check_expr(e, scope), None | Some(Type::Text))),
        (A::PercentileCont | A::PercentileDisc, Some(Expr::Literal(Value::Float(p)))) => assert!((0.0..=1.0).contains(p)),
        (A::PercentileCont | A::PercentileDisc, Some(Expr::Literal(Value::Null))) => {}
        (_, second) => assert_eq!(second, &None),
    }
}

fn check_bound(schema: &Schema, bound: &BoundQuery) {
    let scope = scope_types(schema, bound);
    if let Some(filter) = &bound.filter {
        assert!(matches!(check_expr(filter, &scope), None | Some(Type::Bool)));
    }
    let mut width = bound.from.types(schema).len();
    for join in &bound.joins {
        width += join.source.types(schema).len();
        check_expr(&join.on, &scope[..width]);
    }
    if let Some(aggregate) = &bound.aggregate {
        assert!(aggregate.groups.iter().all(|g| check_expr(g, &scope).is_some()));
        for (i, call) in aggregate.calls.iter().enumerate() {
            assert!(!aggregate.calls[..i].contains(call));
            let argument = call.argument.as_ref().and_then(|a| check_expr(a, &scope));
            use AggregateFunction as A;
            let (ty, fits): (Option<Type>, &[Type]) = match call.function {
                A::Count | A::GroupingSet => (Some(Type::Int), ALL),
                A::JsonAgg if call.ty != Type::Json => {
                    let element =
                        Element::ALL.into_iter().find(|e| argument.is_none_or(|t| t == e.ty()) && call.ty == Type::Array(*e));
                    (element.map(Type::Array), ALL)
                }
                A::JsonAgg => (Some(Type::Json), ALL),
                A::First | A::Last => (argument.or(Some(Type::Text)), ALL),
                A::Sum | A::Avg if argument == Some(Type::Interval) => (argument, ALL),
                A::Sum => (argument, NUMBERS),
                A::Avg | A::VarSamp | A::VarPop | A::StddevSamp | A::StddevPop => {
                    (Some(if argument == Some(Type::Decimal) { Type::Decimal } else { Type::Float }), NUMBERS)
                }
                A::PercentileCont => (Some(Type::Float), &[Type::Float]),
                A::Min | A::Max | A::Mode | A::PercentileDisc => (argument, ALL),
                A::BoolAnd | A::BoolOr => (Some(Type::Bool), &[Type::Bool]),
                A::StringAgg => (Some(Type::Text), &[Type::Text]),
            };
            assert_eq!(Some(call.ty), ty);
            assert!(argument.is_none_or(|t| fits.contains(&t)));
            check_parts(call, &scope);
        }
        if let Some(having) = &aggregate.having {
            assert!(matches!(check_expr(having, &group_types(aggregate, &scope)), None | Some(Type::Bool)));
        }
        assert_eq!(output_types(schema, bound), group_types(aggregate, &scope));
        assert_eq!(bound.key, (0..aggregate.groups.len()).collect::<Vec<_>>());
    }
    let types = output_types(schema, bound);
    if let Select::Fields(fields) = &bound.select {
        fields.iter().for_each(|f| assert_eq!(check_expr(&f.expr, &types).unwrap_or(Type::Text), f.ty));
    }
    if let Some(start) = &bound.start {
        let expected = bound.order.iter().map(|o| type_of(&o.expr, &types)).chain(bound.key.iter().map(|&k| Some(types[k])));
        assert!(start.values.len() == bound.order.len() || start.values.len() == bound.order.len() + bound.key.len());
        start.values.iter().zip(expected).for_each(|(v, ty)| assert!(v.is_null() || v.kind() == ty));
    }
}

#[test]
fn whatever_is_asked_is_an_error_with_its_place_or_a_query_that_keeps_its_promises() {
    let schema = tracker();
    let (mut bound, mut grouped, mut refused) = (0, 0, 0);
    for seed in 0..20_000 {
        let json = any_query(&mut fastrand::Rng::with_seed(seed));
        match bind(&schema, &serde_json::from_value(json.clone()).unwrap()) {
            Ok(query) => {
                check_bound(&schema, &query);
                bound += 1;
                grouped += usize::from(query.aggregate.is_some());
            }
            Err(e) => {
                assert!(!e.path.is_empty() && place(&json, &e.path).is_some(), "seed {seed}: {e} in {json}");
                refused += 1;
            }
        }
    }
    assert!(bound > 1_000 && grouped > 100 && refused > 1_000, "{bound} bound, {grouped} grouped, {refused} refused");
}

/// What is at the place that an error names; an absent `select` is at its place too.
fn place<'a>(json: &'a Json, path: &str) -> Option<&'a Json> {
    if path == "select" {
        return Some(json);
    }
    path.split(['.', '[', ']']).filter(|s| !s.is_empty()).try_fold(json, |json, step| match step.parse::<usize>() {
        Ok(index) => json.get(index),
        Err(_) => json.get(step),
    })
}

#[test]
fn another_alias_changes_nothing_but_the_alias() {
    let query = |alias: &str| {
        good(json!({"from": "issues", "alias": alias, "where": op("=", [of(alias, "id"), lit("x")]),
            "orderBy": [{"expr": of(alias, "title")}]}))
    };
    let (a, mut b) = (query("a"), query("issues"));
    b.alias = "a".into();
    assert_eq!(a, b);
}
