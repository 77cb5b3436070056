//! Expressions that give decimals.

use eddyline::query::ast::{ExprJson, Literal};
use eddyline::value::{Type, Value, parse_decimal};
use fastrand::Rng;

use super::domain::literal;
use super::expression::{Scope, call};
use super::{chance, pick};

const FEW: [&str; 10] = ["0", "1", "1.0", "1.50", "1.5", "-2.25", "0.10", "100", "3.00", "-0.5"];
const EDGES: [&str; 6] =
    ["12345678901234567890.123456789", "-0.00000000000000000001", "1e30", "99999999999999999999999999999999", "0.000", "-7e-9"];

/// A decimal.
pub fn decimal(rng: &mut Rng, edge: bool) -> Value {
    let text = if edge { pick(rng, &EDGES) } else { pick(rng, &FEW) };
    Value::Decimal(parse_decimal(text).expect("a decimal"))
}

/// A literal beside decimals: a decimal, or a number as JavaScript writes it.
fn constant(rng: &mut Rng, text: &str) -> ExprJson {
    let number = match text.parse::<i64>() {
        Ok(v) if rng.bool() => Literal::Int(v),
        Err(_) if rng.bool() => Literal::Float(text.parse().expect("a number")),
        _ => return literal(&Value::Decimal(parse_decimal(text).expect("a decimal"))),
    };
    ExprJson { op: "lit".into(), value: Some(number), ..ExprJson::default() }
}

impl Scope {
    /// A decimal, of few enough digits never to overflow.
    pub fn decimal(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        if depth == 0 || chance(rng, 40) {
            return self.leaf(rng, Type::Decimal);
        }
        let depth = depth - 1;
        let of = self.decimal(rng, depth);
        let places = |rng: &mut Rng| literal(&Value::Int(rng.i64(-2..5)));
        match rng.usize(0..12) {
            0 => call(pick(rng, &["+", "-", "*"]), vec![of, self.decimal(rng, depth)]),
            1 => call(pick(rng, &["+", "-", "*"]), vec![self.of_type(rng, Type::Int, depth), of]),
            2 => {
                let by = pick(rng, &["3", "-0.3", "7.00", "1000000", "0.5"]);
                let by = constant(rng, by);
                call(pick(rng, &["/", "%"]), vec![of, by])
            }
            3 => {
                let by = pick(rng, &["0.1", "2", "-1.50"]);
                let by = constant(rng, by);
                call(pick(rng, &["+", "-", "*"]), vec![of, by])
            }
            4 if rng.u8(..3) == 0 => self.held(rng, "decimal"),
            4 => call(pick(rng, &["neg", "abs", "sign", "trimScale"]), vec![of]),
            5 if rng.u8(..3) == 0 => {
                let scale = pick(rng, &[0, 1, 3, -1]);
                call("numeric", vec![of, literal(&Value::Int(1000)), literal(&Value::Int(scale))])
            }
            5 => call(pick(rng, &["round", "floor", "ceil", "trunc"]), vec![of]),
            6 => call(pick(rng, &["round", "trunc"]), vec![of, places(rng)]),
            7 => ExprJson { name: Some("decimal".into()), ..call("cast", vec![self.of_type(rng, Type::Int, depth)]) },
            8 if self.risky => call(pick(rng, &["/", "%"]), vec![of, self.decimal(rng, depth)]),
            8 if self.risky => {
                ExprJson { name: Some("decimal".into()), ..call("cast", vec![self.of_type(rng, Type::Float, depth)]) }
            }
            _ => call("coalesce", vec![of, self.decimal(rng, depth)]),
        }
    }
}
