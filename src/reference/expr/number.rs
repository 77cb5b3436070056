//! Functions of double precision.

use super::{out_of_range, undefined};
use crate::error::Result;
use crate::query::Function;
use crate::value::Value;

pub(super) fn knows(function: Function) -> bool {
    use Function as F;
    matches!(function, F::Round | F::RoundTo | F::Floor | F::Ceil | F::Trunc | F::Sign | F::Power | F::Sqrt | F::Exp | F::Ln)
}

pub(super) fn call(function: Function, v: f64, rest: &[Value]) -> Result<f64> {
    match (function, rest) {
        (Function::Round, []) => Ok(nearest(v)),
        (Function::Floor, []) => Ok(if whole(v) > v { whole(v) - 1.0 } else { whole(v) }),
        (Function::Ceil, []) => Ok(if whole(v) < v { whole(v) + 1.0 } else { whole(v) }),
        (Function::Trunc, []) => Ok(whole(v)),
        (Function::Sign, []) => Ok(if v > 0.0 {
            1.0
        } else if v < 0.0 {
            -1.0
        } else {
            0.0
        }),
        (Function::Sqrt, []) if v < 0.0 => Err(undefined("root of a negative number")),
        (Function::Sqrt, []) => Ok(v.sqrt()),
        (Function::Ln, []) if v <= 0.0 => Err(undefined("logarithm of what is not positive")),
        (Function::Ln, []) => Ok(v.ln()),
        (Function::Exp, []) => match v.exp() {
            r if v.is_infinite() || v.is_nan() => Ok(r),
            r if r == f64::INFINITY || r == 0.0 => Err(out_of_range()),
            r => Ok(r),
        },
        (Function::Power, [Value::Float(by)]) => power(v, *by),
        (Function::RoundTo, [Value::Int(places)]) => round_to(v, *places),
        _ => panic!("{function:?} of {v} and {rest:?}"),
    }
}

/// Without the fraction, which no double beyond 2^52 has.
fn whole(v: f64) -> f64 {
    if v.abs() < 4_503_599_627_370_496.0 { v as i64 as f64 } else { v }
}

/// As PostgreSQL's `dround`: half to even.
fn nearest(v: f64) -> f64 {
    let below = whole(v);
    let rest = (v - below).abs();
    let away = below + if v < 0.0 { -1.0 } else { 1.0 };
    if !v.is_finite() || rest < 0.5 || rest == 0.5 && below % 2.0 == 0.0 { below } else { away }
}

fn power(base: f64, by: f64) -> Result<f64> {
    if base.is_nan() || by.is_nan() {
        return Ok(if base == 1.0 || by == 0.0 { 1.0 } else { f64::NAN });
    }
    if base == 0.0 && by < 0.0 {
        return Err(undefined("zero to a negative power"));
    }
    if base < 0.0 && by.is_finite() && whole(by) != by {
        return Err(undefined("a negative number to a broken power"));
    }
    let result = base.powf(by);
    let finite = !base.is_infinite() && !by.is_infinite();
    if finite && (result.is_infinite() || result == 0.0 && base != 0.0) { Err(out_of_range()) } else { Ok(result) }
}

/// By long-hand: the shortest decimal text, cut behind the digit, one added to what is left if the next is five or more.
fn round_to(v: f64, places: i64) -> Result<f64> {
    if !v.is_finite() {
        return Ok(v);
    }
    let text = format!("{:e}", v.abs());
    let (mantissa, exponent) = text.split_once('e').expect("an exponent");
    let mut digits: Vec<u32> = mantissa.chars().filter_map(|c| c.to_digit(10)).collect();
    // Digits behind the point of ddd.ddd when written without exponent.
    let mut behind = digits.len() as i64 - 1 - exponent.parse::<i64>().expect("a number");
    if places >= behind {
        return Ok(v);
    }
    let mut half = false;
    while behind > places {
        if digits.is_empty() {
            return Ok(0.0);
        }
        half = digits.pop().expect("a digit") >= 5;
        behind -= 1;
    }
    let number = digits.iter().fold(0u64, |n, d| n * 10 + u64::from(*d)) + u64::from(half);
    let rounded: f64 = format!("{number}e{}", -behind).parse().expect("a number");
    if rounded.is_infinite() {
        return Err(out_of_range());
    }
    Ok(if v < 0.0 { -rounded } else { rounded })
}
