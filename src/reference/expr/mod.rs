//! Expressions over a list of values, as PostgreSQL evaluates them: logic, comparison and arithmetic here, functions of texts,
//! numbers, moments, json and patterns in a file each.

mod array;
mod cast;
mod groups;
mod json;
mod moment;
mod number;
mod number_template;
mod pattern;
pub(super) mod span;
mod template;
mod text;

pub(super) use array::{list as array_list, of as array_of, texts as array_of_texts};

use super::decimal;
use crate::error::{Error, ErrorCode, Result};
use crate::query::{CastTo, Expr, Function};
use crate::value::{Value, total_order};

/// Value of an expression over a row.
///
/// `and`, `or`, `between`, `coalesce` and `case` stop at what decides; everything else evaluates all its arguments first.
///
/// # Errors
/// `NUMERIC_OVERFLOW`, `DIVISION_BY_ZERO`, `INVALID_ARGUMENT`, `INVALID_TEXT`, `TIMESTAMP_RANGE`, `VALUE_TOO_LARGE`.
///
/// # Panics
/// On types that `bind` does not let pass.
pub fn eval(expr: &Expr, row: &[Value]) -> Result<Value> {
    match expr {
        Expr::Column(c) => Ok(row[*c].clone()),
        Expr::Literal(v) => Ok(v.clone()),
        Expr::Call(Function::And, args) => connective(args, row, false),
        Expr::Call(Function::Or, args) => connective(args, row, true),
        Expr::Call(Function::Coalesce, args) => {
            for arg in args {
                let v = eval(arg, row)?;
                if !v.is_null() {
                    return Ok(v);
                }
            }
            Ok(Value::Null)
        }
        Expr::Call(Function::Case, args) => {
            let mut rest = &args[..];
            while let [condition, value, more @ ..] = rest {
                if holds(condition, row)? {
                    return eval(value, row);
                }
                rest = more;
            }
            rest.first().map_or(Ok(Value::Null), |otherwise| eval(otherwise, row))
        }
        Expr::Call(Function::CaseOf, args) => {
            let operand = eval(&args[0], row)?;
            let mut rest = &args[1..];
            while let [wanted, value, more @ ..] = rest {
                let wanted = eval(wanted, row)?;
                if !operand.is_null() && !wanted.is_null() && order(&operand, &wanted).is_eq() {
                    return eval(value, row);
                }
                rest = more;
            }
            rest.first().map_or(Ok(Value::Null), |otherwise| eval(otherwise, row))
        }
        Expr::Call(Function::Between, args) => {
            // As SQL defines it; the operand is evaluated twice, which nobody can tell.
            let [x, low, high] = &args[..] else { panic!("between takes three") };
            let above = Expr::Call(Function::Ge, vec![x.clone(), low.clone()]);
            let below = Expr::Call(Function::Le, vec![x.clone(), high.clone()]);
            connective(&[above, below], row, false)
        }
        Expr::Call(Function::OneRow, args) => match eval(&args[1], row)? {
            Value::Int(rows) if rows > 1 => {
                Err(Error::new(ErrorCode::TooManyRows, "more than one row returned by a sub-query used as an expression"))
            }
            _ => eval(&args[0], row),
        },
        Expr::Outer(..) | Expr::Sub(_) => panic!("sub-queries are evaluated before"),
        Expr::Param(..) => panic!("the naive evaluation gets values in the place of parameters"),
        Expr::Call(function, args) => {
            let args = args.iter().map(|a| eval(a, row)).collect::<Result<Vec<_>>>()?;
            call(*function, &args)
        }
    }
}

/// Whether a condition holds: null is not true, and the first conjunct that is not true settles it.
pub(super) fn holds(condition: &Expr, row: &[Value]) -> Result<bool> {
    if let Expr::Call(Function::And, conjuncts) = condition {
        for conjunct in conjuncts {
            if !holds(conjunct, row)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    Ok(eval(condition, row)? == Value::Bool(true))
}

/// Three-valued and/or: `decides` is the value that settles it.
fn connective(args: &[Expr], row: &[Value], decides: bool) -> Result<Value> {
    let mut unknown = false;
    for arg in args {
        match eval(arg, row)? {
            Value::Bool(v) if v == decides => return Ok(Value::Bool(decides)),
            Value::Bool(_) => {}
            Value::Null => unknown = true,
            other => panic!("{other:?} where a bool belongs"),
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bool(!decides) })
}

fn call(function: Function, args: &[Value]) -> Result<Value> {
    match function {
        Function::IsNull => return Ok(Value::Bool(args[0].is_null())),
        Function::IsNotNull => return Ok(Value::Bool(!args[0].is_null())),
        Function::In => return Ok(member(args)),
        Function::IsNotDistinct => return Ok(Value::Bool(is_same(&args[0], &args[1]))),
        Function::IsDistinct => return Ok(Value::Bool(!is_same(&args[0], &args[1]))),
        Function::NullIf => {
            let equal = call(Function::Eq, args)? == Value::Bool(true);
            return Ok(if equal { Value::Null } else { args[0].clone() });
        }
        Function::Greatest | Function::Least => {
            let wins = |v: &Value, best: &Value| match function {
                Function::Greatest => order(v, best).is_gt(),
                _ => order(v, best).is_lt(),
            };
            let best = args.iter().filter(|v| !v.is_null()).reduce(|best, v| if wins(v, best) { v } else { best });
            return Ok(best.cloned().unwrap_or(Value::Null));
        }
        Function::ConcatAll => return text::join("", args),
        Function::ConcatWs => {
            return match args {
                [Value::Text(between), texts @ ..] => text::join(between, texts),
                _ => Ok(Value::Null),
            };
        }
        Function::ArrayPosition if !args[0].is_null() => {}
        Function::Any if !args[1].is_null() => {}
        _ if args.iter().any(Value::is_null) => return Ok(Value::Null),
        _ => {}
    }
    Ok(match (function, args) {
        (Function::Eq, [a, b]) => Value::Bool(order(a, b).is_eq()),
        (Function::Ne, [a, b]) => Value::Bool(order(a, b).is_ne()),
        (Function::Lt, [a, b]) => Value::Bool(order(a, b).is_lt()),
        (Function::Le, [a, b]) => Value::Bool(order(a, b).is_le()),
        (Function::Gt, [a, b]) => Value::Bool(order(a, b).is_gt()),
        (Function::Ge, [a, b]) => Value::Bool(order(a, b).is_ge()),
        (Function::Not, [Value::Bool(v)]) => Value::Bool(!v),
        (Function::Like, [Value::Text(text), Value::Text(pattern)]) => Value::Bool(like(text, pattern)),
        (Function::ILike, [Value::Text(text), Value::Text(pattern)]) => {
            Value::Bool(like(&text.to_lowercase(), &pattern.to_lowercase()))
        }
        (Function::Concat, [_, _]) => text::join("", args)?,
        (Function::Lower, [Value::Text(v)]) => Value::text(v.to_lowercase()),
        (Function::Upper, [Value::Text(v)]) => Value::text(v.to_uppercase()),
        (Function::Length, [Value::Text(v)]) => Value::Int(v.chars().count() as i64),
        (Function::Length, [Value::Bytes(v)]) => Value::Int(v.len() as i64),
        (
            Function::Any
            | Function::ArrayContains
            | Function::ArrayOverlaps
            | Function::Cardinality
            | Function::ArrayLength
            | Function::ArrayAt
            | Function::ArrayPosition
            | Function::ArrayToText,
            _,
        ) => array::call(function, args)?,
        (Function::IntToFloat, [Value::Int(v)]) => Value::Float(*v as f64),
        (Function::Cast(to), [value]) => cast::cast(to, value)?,
        (Function::Matches, [Value::Text(text), Value::Text(pattern)]) => Value::Bool(pattern::is_found(pattern, text, false)),
        (Function::MatchesFolded, [Value::Text(text), Value::Text(pattern)]) => {
            Value::Bool(pattern::is_found(pattern, text, true))
        }
        (Function::RegexpMatch | Function::RegexpMatches, [Value::Text(text), Value::Text(pattern)]) => {
            let all = groups::longest(pattern, text, "");
            groups::listed(all, function == Function::RegexpMatch, true)
        }
        (Function::ReFind | Function::ReSeq, [Value::Text(text), Value::Text(pattern)]) => {
            groups::listed(groups::first(pattern, text), function == Function::ReFind, false)
        }
        (Function::NumberToChar, [value, Value::Text(template)]) => {
            let value = if let Value::Float(v) = value { decimal::of_float(*v)? } else { decimal::Long::of(value).value()? };
            number_template::to_char(&value, template)?
        }
        (Function::RegexpReplace, [Value::Text(text), Value::Text(pattern), Value::Text(with), flags @ ..]) => {
            let flags = if let [Value::Text(flags)] = flags { flags } else { "" };
            Value::Text(groups::replaced(groups::longest(pattern, text, flags), flags.contains('g'), with).into())
        }
        (Function::RegexpSubstr, [Value::Text(text), Value::Text(pattern)]) => {
            pattern::first_in(pattern, text).map_or(Value::Null, |found| Value::Text(found.into()))
        }
        (Function::AddDays, [Value::Date(d), Value::Int(n)] | [Value::Int(n), Value::Date(d)]) => moment::day(*d, *n)?,
        (Function::SubDays, [Value::Date(d), Value::Int(n)]) => moment::day(*d, n.saturating_neg())?,
        (Function::DiffDays, [Value::Date(a), Value::Date(b)]) => Value::Int(a - b),
        (Function::DateToTimestamp, [v]) => cast::cast(CastTo::Timestamp, v)?,
        (Function::IntToDecimal, [v]) => decimal::Long::of(v).value()?,
        (Function::DecimalToFloat, [v]) => decimal::float(v)?,
        (_, [Value::Decimal(_), ..]) => decimal::call(function, args)?,
        (Function::AddSpan | Function::DiffMoments, _) | (_, [Value::Interval(_) | Value::Time(_), ..]) => {
            span::call(function, args)?
        }
        (_, [Value::Json(value), rest @ ..]) => json::call(function, value, rest)?,
        (_, [Value::Timestamp(moment), rest @ ..]) => moment::call(function, *moment, rest)?,
        (Function::MakeTimestamp, _) => moment::make(args)?,
        (Function::Chr | Function::Repeat | Function::Left | Function::Right | Function::OctetLength, _) => {
            text::call(function, args)?
        }
        (_, [Value::Text(_), ..]) => text::call(function, args)?,
        (_, [Value::Float(v), rest @ ..]) if number::knows(function) => Value::Float(number::call(function, *v, rest)?),
        (_, [Value::Int(v)]) => integer(unary_integer(function, i128::from(*v)))?,
        (_, [Value::Int(a), Value::Int(b)]) => integer(binary_integer(function, i128::from(*a), i128::from(*b))?)?,
        (Function::Neg, [Value::Float(v)]) => Value::Float(-v),
        (Function::Abs, [Value::Float(v)]) => Value::Float(v.abs()),
        (_, [Value::Float(a), Value::Float(b)]) => Value::Float(binary_float(function, *a, *b)?),
        _ => panic!("{function:?} of {args:?}"),
    })
}

/// Order of two values of one type, neither null; NaN equals NaN and is above all numbers.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    assert_eq!(a.kind(), b.kind(), "values of one type are compared");
    total_order(a.as_cell(), b.as_cell())
}

/// Equal, or both null.
fn is_same(a: &Value, b: &Value) -> bool {
    if a.is_null() || b.is_null() { a.is_null() && b.is_null() } else { order(a, b).is_eq() }
}

/// `x in (…)`, which is `x = a or x = b or …`.
fn member(args: &[Value]) -> Value {
    let (x, list) = args.split_first().expect("in has a left side");
    if list.is_empty() {
        return Value::Bool(false);
    }
    if x.is_null() {
        return Value::Null;
    }
    if list.iter().any(|v| !v.is_null() && order(x, v).is_eq()) {
        return Value::Bool(true);
    }
    if list.iter().any(Value::is_null) { Value::Null } else { Value::Bool(false) }
}

fn unary_integer(function: Function, v: i128) -> i128 {
    match function {
        Function::Neg => -v,
        Function::Abs => v.abs(),
        _ => panic!("{function:?} of an integer"),
    }
}

fn binary_integer(function: Function, a: i128, b: i128) -> Result<i128> {
    Ok(match function {
        Function::Add => a + b,
        Function::Sub => a - b,
        Function::Mul => a * b,
        Function::Div | Function::Mod if b == 0 => return Err(by_zero()),
        Function::Div => a / b,
        Function::Mod => a % b,
        _ => panic!("{function:?} of two integers"),
    })
}

/// As float8pl, float8mi, float8mul and float8div: finite operands give no infinity, and factors that are not zero no zero.
fn binary_float(function: Function, a: f64, b: f64) -> Result<f64> {
    let (result, vanishes) = match function {
        Function::Add => (a + b, false),
        Function::Sub => (a - b, false),
        Function::Mul => (a * b, a != 0.0 && b != 0.0),
        // NaN / 0 is NaN.
        Function::Div if b == 0.0 && !a.is_nan() => return Err(by_zero()),
        Function::Div => (a / b, a != 0.0 && !b.is_infinite()),
        _ => panic!("{function:?} of two floats"),
    };
    let escapes = result.is_infinite() && !a.is_infinite() && !b.is_infinite();
    if escapes || vanishes && result == 0.0 {
        return Err(out_of_range());
    }
    Ok(result)
}

/// A 64-bit integer, or the overflow error.
pub(super) fn integer(v: i128) -> Result<Value> {
    i64::try_from(v).map(Value::Int).map_err(|_| out_of_range())
}

pub(super) fn out_of_range() -> Error {
    Error::new(ErrorCode::NumericOverflow, "value out of range")
}

fn undefined(what: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, what)
}

pub(super) fn by_zero() -> Error {
    Error::new(ErrorCode::DivisionByZero, "division by zero")
}

/// `like`: `%` any characters, `_` one, backslash takes the next as it is (at the very end: itself).
fn like(text: &str, pattern: &str) -> bool {
    fn matches(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skip| matches(&text[skip..], rest)),
            ['_', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => text.first() == Some(literal) && matches(&text[1..], rest),
        }
    }
    matches(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode::{DivisionByZero, NumericOverflow};

    fn of(function: Function, args: &[Value]) -> Result<Value> {
        eval(&Expr::Call(function, args.iter().cloned().map(Expr::Literal).collect()), &[])
    }

    fn fails(function: Function, args: &[Value]) -> ErrorCode {
        of(function, args).unwrap_err().code
    }

    const T: Value = Value::Bool(true);
    const F: Value = Value::Bool(false);
    const N: Value = Value::Null;

    #[test]
    fn logic_has_three_values() {
        let table = [(T, T, T, T), (T, F, F, T), (T, N, N, T), (F, F, F, F), (F, N, F, N), (N, N, N, N)];
        for (a, b, and, or) in table {
            for pair in [[a.clone(), b.clone()], [b, a]] {
                assert_eq!(of(Function::And, &pair).unwrap(), and, "{pair:?}");
                assert_eq!(of(Function::Or, &pair).unwrap(), or, "{pair:?}");
            }
        }
        assert_eq!(of(Function::Not, &[N]).unwrap(), N);
        assert_eq!(of(Function::And, &[]).unwrap(), T);
        assert_eq!(of(Function::Or, &[]).unwrap(), F);
    }

    #[test]
    fn comparing_with_null_is_null_but_asking_for_null_is_not() {
        for f in [Function::Eq, Function::Ne, Function::Lt, Function::Ge, Function::Add] {
            assert_eq!(of(f, &[N, Value::Int(1)]).unwrap(), N);
        }
        assert_eq!(of(Function::IsNull, &[N]).unwrap(), T);
        assert_eq!(of(Function::IsNotNull, &[N]).unwrap(), F);
        assert_eq!(of(Function::Coalesce, &[N, N, Value::Int(3), Value::Int(4)]).unwrap(), Value::Int(3));
    }

    #[test]
    fn in_is_null_when_nothing_equals_and_something_is_null() {
        let i = |v| Value::Int(v);
        assert_eq!(of(Function::In, &[i(1), i(2), i(1)]).unwrap(), T);
        assert_eq!(of(Function::In, &[i(1), N, i(1)]).unwrap(), T);
        assert_eq!(of(Function::In, &[i(1), N, i(2)]).unwrap(), N);
        assert_eq!(of(Function::In, &[i(1), i(2)]).unwrap(), F);
        assert_eq!(of(Function::In, &[N, i(2)]).unwrap(), N);
        assert_eq!(of(Function::In, &[N]).unwrap(), F);
    }

    #[test]
    fn integers_truncate_keep_the_dividends_sign_and_overflow_loudly() {
        let i = |a, b| [Value::Int(a), Value::Int(b)];
        assert_eq!(of(Function::Div, &i(-7, 2)).unwrap(), Value::Int(-3));
        assert_eq!(of(Function::Mod, &i(-7, 2)).unwrap(), Value::Int(-1));
        assert_eq!(of(Function::Mod, &i(i64::MIN, -1)).unwrap(), Value::Int(0));
        assert_eq!(fails(Function::Div, &i(i64::MIN, -1)), NumericOverflow);
        assert_eq!(fails(Function::Add, &i(i64::MAX, 1)), NumericOverflow);
        assert_eq!(fails(Function::Mul, &i(1 << 40, 1 << 40)), NumericOverflow);
        assert_eq!(fails(Function::Neg, &[Value::Int(i64::MIN)]), NumericOverflow);
        assert_eq!(fails(Function::Abs, &[Value::Int(i64::MIN)]), NumericOverflow);
        assert_eq!(fails(Function::Div, &i(1, 0)), DivisionByZero);
        assert_eq!(fails(Function::Mod, &i(1, 0)), DivisionByZero);
        assert_eq!(of(Function::Div, &[N, Value::Int(0)]).unwrap(), N);
    }

    #[test]
    fn floats_divide_by_zero_loudly_and_nan_equals_itself() {
        let f = |a, b| [Value::Float(a), Value::Float(b)];
        assert_eq!(fails(Function::Div, &f(1.0, 0.0)), DivisionByZero);
        assert_eq!(fails(Function::Div, &f(0.0, -0.0)), DivisionByZero);
        assert_eq!(of(Function::Div, &f(f64::NAN, 0.0)).unwrap(), Value::Float(f64::NAN));
        assert_eq!(fails(Function::Mul, &f(1e308, 10.0)), NumericOverflow);
        assert_eq!(fails(Function::Add, &f(1e308, 1e308)), NumericOverflow);
        assert_eq!(fails(Function::Mul, &f(1e-308, 1e-308)), NumericOverflow);
        assert_eq!(fails(Function::Div, &f(1e-308, 1e308)), NumericOverflow);
        assert_eq!(of(Function::Mul, &f(f64::INFINITY, 10.0)).unwrap(), Value::Float(f64::INFINITY));
        assert_eq!(of(Function::Div, &f(1.0, f64::INFINITY)).unwrap(), Value::Float(0.0));
        assert_eq!(of(Function::Eq, &f(f64::NAN, f64::NAN)).unwrap(), T);
        assert_eq!(of(Function::Gt, &f(f64::NAN, f64::INFINITY)).unwrap(), T);
        assert_eq!(of(Function::Eq, &f(0.0, -0.0)).unwrap(), T);
    }

    #[test]
    fn like_knows_any_one_and_the_escape() {
        let yes = [("", "%"), ("abc", "a%"), ("abc", "%c"), ("abc", "a_c"), ("añc", "a_c"), ("a%c", "a\\%c"), ("ab\nc", "a%c")];
        let no = [("abc", "b%"), ("abc", "a_"), ("abc", "a\\%c"), ("", "_"), ("ABC", "abc")];
        yes.iter().for_each(|(t, p)| assert!(like(t, p), "{t} like {p}"));
        no.iter().for_each(|(t, p)| assert!(!like(t, p), "{t} not like {p}"));
        assert_eq!(of(Function::ILike, &[Value::text("GRÜSSE"), Value::text("grü%E")]).unwrap(), T);
    }

    #[test]
    fn and_stops_at_the_first_false() {
        let error = Expr::Call(Function::Div, vec![Expr::Literal(Value::Int(1)), Expr::Literal(Value::Int(0))]);
        let bad = Expr::Call(Function::Eq, vec![error.clone(), error]);
        assert_eq!(eval(&Expr::Call(Function::And, vec![Expr::Literal(F), bad.clone()]), &[]).unwrap(), F);
        assert!(eval(&Expr::Call(Function::And, vec![Expr::Literal(N), bad]), &[]).is_err());
    }
}
