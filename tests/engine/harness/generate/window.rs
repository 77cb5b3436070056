//! Random window functions: every function, partitions, orders with many peers, every kind of frame.

use eddyline::query::ast::{BoundJson, CallJson, ExprJson, FrameJson, Literal, OrderJson, OverJson};
use eddyline::value::{Type, Value};
use fastrand::Rng;

use super::domain::{literal, value};
use super::expression::{Scope, call};
use super::{chance, pick};

/// Makes an expression, of a type if one is asked for.
type Make<'m> = &'m dyn Fn(&mut Rng, Option<Type>) -> (Type, ExprJson);

/// A window function over expressions that `of` makes, of a type if one is asked for; the type of the result.
pub fn window(rng: &mut Rng, risky: bool, of: Make<'_>) -> (Type, ExprJson) {
    let name = pick(
        rng,
        &[
            "rowNumber",
            "rank",
            "denseRank",
            "percentRank",
            "cumeDist",
            "ntile",
            "lag",
            "lead",
            "firstValue",
            "lastValue",
            "nthValue",
            "sum",
            "avg",
            "count",
            "min",
            "max",
            "sum",
            "min",
            "max",
            "count",
            "firstValue",
            "lastValue",
        ],
    );
    let number = |rng: &mut Rng, from: i64| {
        let n = if chance(rng, 5) { Value::Null } else { Value::Int(rng.i64(from..5)) };
        literal(&n)
    };
    let any = |rng: &mut Rng| of(rng, None);
    let (ty, args) = match name {
        "ntile" => (Type::Int, vec![number(rng, 1)]),
        "lag" | "lead" => {
            let (ty, e) = any(rng);
            let mut args = vec![e];
            if chance(rng, 60) {
                args.push(number(rng, -1));
                if chance(rng, 50) {
                    args.push(if rng.bool() { literal(&value(rng, ty, false)) } else { of(rng, Some(ty)).1 });
                }
            }
            (ty, args)
        }
        "firstValue" | "lastValue" | "min" | "max" => {
            let (ty, e) = any(rng);
            (ty, vec![e])
        }
        "nthValue" => {
            let (ty, e) = any(rng);
            (ty, vec![e, number(rng, 1)])
        }
        "sum" | "avg" => {
            let ty = pick(rng, &[Type::Int, Type::Int, Type::Float, Type::Decimal, Type::Decimal, Type::Interval]);
            // Sums of big integers leave 64 bits.
            let (ty, e) = of(rng, Some(if risky { Type::Int } else { ty }));
            // A whole float is written as an integer, and nothing beside it says otherwise.
            let ty = if matches!(e.value, Some(Literal::Int(_))) { Type::Int } else { ty };
            (if name == "avg" && !matches!(ty, Type::Decimal | Type::Interval) { Type::Float } else { ty }, vec![e])
        }
        "count" => (Type::Int, if rng.bool() { vec![any(rng).1] } else { vec![] }),
        "percentRank" | "cumeDist" => (Type::Float, vec![]),
        _ => (Type::Int, vec![]),
    };
    let filtered = matches!(name, "count" | "sum" | "avg" | "min" | "max") && chance(rng, 20);
    let call = filtered.then(|| Box::new(CallJson { filter: Some(of(rng, Some(Type::Bool)).1), ..CallJson::default() }));
    let over = over(rng, of);
    (ty, ExprJson { call, op: "over".into(), name: Some(name.into()), args, over: Some(Box::new(over)), ..ExprJson::default() })
}

/// A window function over the columns in scope.
pub fn over_scope(rng: &mut Rng, scope: &Scope) -> (Type, ExprJson) {
    window(rng, scope.risky, &|rng, ty| match ty {
        None => scope.any(rng),
        Some(ty) => (ty, scope.of_type(rng, ty, 0)),
    })
}

/// A window function within an association, whose sums cannot overflow: rows that no owner has would fail too.
pub fn over_nested(rng: &mut Rng, scope: &Scope) -> (Type, ExprJson) {
    window(rng, false, &|rng, ty| match ty {
        None => scope.any(rng),
        Some(Type::Int | Type::Float) => (Type::Int, call("length", vec![scope.of_type(rng, Type::Text, 0)])),
        Some(ty) => (ty, scope.of_type(rng, ty, 0)),
    })
}

/// A window function over a group scope.
pub fn over_groups(rng: &mut Rng, fields: &[(Type, ExprJson)]) -> (Type, ExprJson) {
    window(rng, false, &|rng, ty| {
        let fitting: Vec<_> = fields.iter().filter(|f| ty.is_none_or(|ty| ty == f.0)).collect();
        match (fitting.is_empty(), ty) {
            (true, _) => {
                let ty = ty.unwrap_or(Type::Int);
                (ty, literal(&value(rng, ty, false)))
            }
            _ => pick(rng, &fitting).clone(),
        }
    })
}

fn over(rng: &mut Rng, of: Make<'_>) -> OverJson {
    let partition_by = (0..pick(rng, &[0, 0, 0, 1, 1, 2])).map(|_| of(rng, None).1).collect();
    let mut types = Vec::new();
    let mut order_by = Vec::new();
    for _ in 0..pick(rng, &[0, 1, 1, 1, 1, 2]) {
        let asked = chance(rng, 40).then(|| pick(rng, &DISTANT));
        let (ty, expr) = of(rng, asked);
        if expr.op == "lit" && expr.value.is_none() {
            continue;
        }
        // What is calculated as a float may be an integer.
        let sure = matches!(expr.op.as_str(), "col" | "length" | "agg") || ty != Type::Float;
        let nulls = chance(rng, 25).then(|| pick(rng, &["first", "last"]).to_owned());
        order_by.push(OrderJson { expr, desc: rng.bool(), nulls });
        types.push(if sure { ty } else { Type::Text });
    }
    let frame = chance(rng, 65).then(|| frame(rng, &types));
    OverJson { partition_by, order_by, frame }
}

/// Types of orders whose ranges have offsets.
const DISTANT: [Type; 7] = [Type::Int, Type::Float, Type::Timestamp, Type::Decimal, Type::Date, Type::Time, Type::Interval];

fn frame(rng: &mut Rng, order: &[Type]) -> FrameJson {
    let distant = matches!(order, [ty] if DISTANT.contains(ty));
    let unit = if order.is_empty() { pick(rng, &["rows", "range"]) } else { pick(rng, &["rows", "range", "groups"]) };
    // Kinds of its ends, in order.
    let ends: &[(usize, usize)] = if unit == "range" && !distant {
        &[(0, 2), (0, 4), (2, 2), (2, 4)]
    } else {
        &[(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3), (1, 3), (1, 4), (2, 2), (2, 3), (2, 4), (3, 3), (3, 4)]
    };
    let (start, end) = pick(rng, ends);
    let mut bound = |kind: usize| {
        let kinds = ["unboundedPreceding", "preceding", "currentRow", "following", "unboundedFollowing"];
        let offset = match (unit, order) {
            _ if [0, 2, 4].contains(&kind) => None,
            ("range", [Type::Decimal]) => {
                Some(pick(rng, &[Literal::Int(0), Literal::Float(0.5), Literal::Int(2), Literal::Float(1e18)]))
            }
            ("range", [Type::Float]) => Some(Literal::Float(pick(rng, &[0.0, 0.5, 1.0, 2.5, 1e300]))),
            ("range", [Type::Date | Type::Time | Type::Interval]) => Some(interval(rng)),
            ("range", [Type::Timestamp]) if rng.bool() => Some(interval(rng)),
            ("range", [Type::Timestamp]) => Some(Literal::Int(pick(rng, &[0, 1, 1_000, 86_400_000_000, i64::MAX]))),
            _ => Some(Literal::Int(if chance(rng, 4) { i64::MAX } else { rng.i64(0..4) })),
        };
        BoundJson { kind: kinds[kind].into(), offset }
    };
    let (start, end) = (bound(start), bound(end));
    let end = (end.kind != "currentRow" || rng.bool()).then_some(end);
    let exclude = chance(rng, 25).then(|| pick(rng, &["noOthers", "currentRow", "group", "ties"]).to_owned());
    FrameJson { unit: unit.into(), start, end, exclude }
}

fn interval(rng: &mut Rng) -> Literal {
    let all = ["0", "1 day", "1 mon", "1 mon -1 day", "00:00:01", "12:00", "3 years 2 mons 1 day", "178000000 years"];
    Literal::Text(pick(rng, &all).to_owned())
}
