//! Random aggregates over a scope, with all that they can say.

use eddyline::query::ast::{CallJson, ComputedJson, ExprJson, OrderJson};
use eddyline::query::{Column, Schema, Table};
use eddyline::value::{Element, Type, Value};
use fastrand::Rng;

use super::domain::literal;
use super::expression::{ORDERED, Scope};
use super::query::visible;
use super::{chance, pick};

fn agg(name: &str, args: Vec<ExprJson>) -> ExprJson {
    ExprJson { op: "agg".into(), name: Some(name.into()), args, ..ExprJson::default() }
}

/// An aggregate, and the type of its result.
pub fn aggregate(rng: &mut Rng, scope: &Scope) -> (Type, ExprJson) {
    let (ty, mut e, may_be_distinct) = plain(rng, scope);
    let mut call = CallJson { distinct: may_be_distinct && chance(rng, 30), ..CallJson::default() };
    if chance(rng, 20) {
        let sure = Scope { risky: false, ..scope.clone() };
        call.filter = Some(sure.condition(rng));
    }
    let ordered = ["stringAgg", "arrayAgg", "jsonAgg", "first", "last"].contains(&e.name.as_deref().unwrap_or_default());
    if ordered && call.distinct {
        if chance(rng, 50) {
            call.order_by.push(some_order(rng, e.args[0].clone()));
        }
    } else if ordered {
        for _ in 0..rng.usize(0..3) {
            let key = scope.any(rng).1;
            call.order_by.push(some_order(rng, key));
        }
    }
    if call != CallJson::default() {
        e.call = Some(Box::new(call));
    }
    (ty, e)
}

/// Columns of a table that are aggregates over its associations, as they are written and as they can be read.
pub fn computed(rng: &mut Rng, schema: &Schema, table: &Table) -> (Vec<ComputedJson>, Vec<Column>) {
    let relations: Vec<_> = table.relations.values().collect();
    let mut out = (Vec::new(), Vec::new());
    for n in 0..if relations.is_empty() { 0 } else { rng.usize(1..=3) } {
        let relation = pick(rng, &relations);
        let scope = Scope::of_columns(visible(schema.by_id(relation.target)));
        let (ty, expr) = aggregate(rng, &scope);
        let name = format!("c{n}");
        // A variance may leave the range. Whether that of rows without an owner is asked for is up to the plan.
        if !["std", "var"].contains(&&expr.name.as_deref().unwrap_or_default()[..3]) {
            out.0.push(ComputedJson { name: name.clone(), relation: relation.name.clone(), expr });
            out.1.push(Column { name, ty, nullable: true, safe_integer: false });
        }
    }
    out
}

fn some_order(rng: &mut Rng, expr: ExprJson) -> OrderJson {
    OrderJson { expr, desc: rng.bool(), nulls: chance(rng, 30).then(|| pick(rng, &["first", "last"]).to_owned()) }
}

/// An aggregate without more than arguments, and whether it can be distinct.
fn plain(rng: &mut Rng, scope: &Scope) -> (Type, ExprJson, bool) {
    let number = pick(rng, &[Type::Int, Type::Float, Type::Decimal]);
    // Sums and means are of intervals too.
    let added = if rng.u8(..6) == 0 { Type::Interval } else { number };
    // What is exact of decimals is a float of other numbers.
    let mean = if number == Type::Decimal { number } else { Type::Float };
    let depth = rng.usize(0..2);
    let fraction = |rng: &mut Rng| literal(&pick(rng, &[0.0, 0.25, 0.5, 0.9, 1.0].map(Value::Float)));
    match rng.usize(0..16) {
        0 => (Type::Int, agg("count", vec![]), false),
        1 => (Type::Int, agg("count", vec![scope.any(rng).1]), true),
        2 if scope.risky => {
            let (ty, expr) = scope.dangerous(rng);
            (ty, agg(if matches!(ty, Type::Int | Type::Float | Type::Decimal) { "sum" } else { "min" }, vec![expr]), true)
        }
        2 | 3 => (added, agg("sum", vec![scope.of_type(rng, added, depth)]), true),
        4 => (if added == number { mean } else { added }, agg("avg", vec![scope.of_type(rng, added, depth)]), true),
        5 => {
            let name = pick(rng, &["stddev", "stddevSamp", "stddevPop", "variance", "varSamp", "varPop"]);
            (mean, agg(name, vec![scope.of_type(rng, number, depth)]), true)
        }
        6 => (Type::Bool, agg(pick(rng, &["boolAnd", "boolOr", "every"]), vec![scope.of_type(rng, Type::Bool, depth)]), true),
        7 => (Type::Float, agg("median", vec![scope.of_type(rng, number, depth)]), false),
        8 => (Type::Float, agg("percentileCont", vec![scope.of_type(rng, number, depth), fraction(rng)]), false),
        9 => {
            let (ty, e) = scope.any(rng);
            if rng.bool() {
                (ty, agg("mode", vec![e]), false)
            } else {
                (ty, agg("percentileDisc", vec![e, fraction(rng)]), false)
            }
        }
        10 => {
            let (ty, e) = scope.any(rng);
            (ty, agg(pick(rng, &["first", "last"]), vec![e]), false)
        }
        11 => {
            let constant = chance(rng, 70);
            let separator =
                if constant { literal(&Value::text(pick(rng, &[",", "", " and "]))) } else { scope.of_type(rng, Type::Text, 1) };
            (Type::Text, agg("stringAgg", vec![scope.of_type(rng, Type::Text, depth), separator]), constant)
        }
        12 | 13 => {
            let json = if chance(rng, 20) { scope.columns.iter().find(|v| v.column.ty == Type::Json) } else { None };
            let ordered = json.is_none();
            let (ty, e) = json.map_or_else(|| scope.any(rng), |v| (Type::Json, v.read()));
            // What is calculated as a float may be an integer.
            let sure = e.op == "col" || ty != Type::Float && e.op != "lit";
            let name = if sure { pick(rng, &["arrayAgg", "jsonAgg"]) } else { "jsonAgg" };
            let element = Element::ALL.into_iter().find(|of| name == "arrayAgg" && of.ty() == ty);
            (element.map_or(Type::Json, Type::Array), agg(name, vec![e]), ordered)
        }
        _ => {
            let simple = rng.bool();
            let ty = pick(rng, &ORDERED);
            let (ty, e) = if simple { scope.any(rng) } else { (ty, scope.of_type(rng, ty, depth)) };
            (ty, agg(pick(rng, &["min", "max"]), vec![e]), true)
        }
    }
}
