//! Functions and operators by the lines of the registry: arity, types of arguments.

use super::array;
use super::expr::{Typed, mismatch};
use super::literal::{common_number, describe, to_float, to_moment, to_number};
use super::params::Params;
use super::subquery::SUBQUERIES;
use super::temporal;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::ExprJson;
use crate::query::registry::{CASTS, FUNCTIONS, Signature, Takes, UNITS};
use crate::query::{Expr, Function, Unit};
use crate::regex::{Regex, RegexError};
use crate::value::number_template;
use crate::value::template::parts;
use crate::value::{Type, Value};

/// The registry's line of an operation with as many arguments as it was given, its parameter put in.
///
/// # Errors
/// `UNKNOWN_FUNCTION`; `QUERY_INVALID` for too few or too many arguments, and for a unit that there is not;
/// `UNSUPPORTED_TYPE` for a cast to a type that there is not.
pub(super) fn signature(json: &ExprJson) -> Result<Signature> {
    let mut named = FUNCTIONS.iter().filter(|f| f.name == json.op);
    let Some(first) = named.clone().next() else {
        let names = FUNCTIONS
            .iter()
            .map(|f| f.name)
            .chain(["col", "lit", "param", "agg", "over", "grouping"])
            .chain(SUBQUERIES.iter().map(|s| s.0));
        return Err(Error::unknown(ErrorCode::UnknownFunction, "function", &json.op, "query", names));
    };
    let Some(found) = named.find(|f| (f.least..=f.most).contains(&json.args.len())) else {
        let most = FUNCTIONS.iter().filter(|f| f.name == json.op).map(|f| f.most).max().unwrap_or(first.most);
        let wanted = match first.least {
            least if least == most => least.to_string(),
            least if most == usize::MAX => format!("at least {least}"),
            least => format!("{least} to {most}"),
        };
        let plural = if wanted.ends_with('1') { "" } else { "s" };
        let message = format!("`{}` takes {wanted} argument{plural}, not {}", json.op, json.args.len());
        return Err(Error::new(ErrorCode::QueryInvalid, message).named(first.name));
    };
    let mut found = *found;
    match &mut found.function {
        Function::Cast(to) => match CASTS.iter().find(|c| Some(c.0) == json.name.as_deref()) {
            Some(cast) => {
                *to = cast.1;
                found.takes = Takes::Each(cast.2);
            }
            None => return Err(unknown(json, ErrorCode::UnsupportedType, "type", CASTS.iter().map(|c| c.0))),
        },
        Function::Extract(unit) => *unit = unit_of(json, false)?,
        Function::DateTrunc(unit) => *unit = unit_of(json, true)?,
        _ => {}
    }
    Ok(found)
}

/// The error for a parameter, given as `name`, that is missing or not known.
fn unknown<'a>(json: &ExprJson, code: ErrorCode, what: &str, names: impl IntoIterator<Item = &'a str>) -> Error {
    match json.name.as_deref() {
        Some(name) => Error::unknown(code, what, name, "query", names).at("name"),
        None => {
            Error::new(ErrorCode::QueryInvalid, format!("`{}` needs a {what} as its `name`", json.op)).named(json.op.as_str())
        }
    }
}

/// A unit by its name; `cuts`: one that moments can be cut to.
fn unit_of(json: &ExprJson, cuts: bool) -> Result<Unit> {
    match UNITS.iter().find(|u| Some(u.0) == json.name.as_deref() && (u.2 || !cuts)) {
        Some(unit) => Ok(unit.1),
        None => {
            let names = UNITS.iter().filter(|u| u.2 || !cuts).map(|u| u.0);
            Err(unknown(json, ErrorCode::QueryInvalid, "unit", names))
        }
    }
}

/// The call of a function on bound arguments, with integers turned to floats where floats are beside them.
///
/// # Errors
/// `TYPE_MISMATCH` at `args[i]`; `REGEX_INVALID` and `QUERY_INVALID` for a regular expression that is none, or no literal.
pub(super) fn call(signature: &Signature, json: &ExprJson, mut args: Vec<Typed>, params: &Params) -> Result<Typed> {
    use Function as F;
    let function = signature.function;
    if function == F::ToChar && args[0].ty.is_some_and(is_number) {
        return number_to_char(json, args, params);
    }
    match temporal::call(function, args) {
        Ok(made) => return Ok(made),
        Err(others) => args = others,
    }
    match array::call(function, json, args, params)? {
        Ok(made) => return Ok(made),
        Err(others) => args = others,
    }
    let written = Written { op: &json.op, arg: &|i| &json.args[i] };
    match signature.takes {
        Takes::Any => {}
        Takes::Same => unify(written, params, &mut args, &|_| true)?,
        Takes::Numbers => {
            each(json, params, &mut args, &[&[Type::Int, Type::Decimal, Type::Float]])?;
            unify(written, params, &mut args, &|_| true)?;
        }
        Takes::Exact => {
            // Beside a decimal a literal float is one.
            if common_number(args.iter()) != Some(Type::Decimal) {
                each(json, params, &mut args, &[&[Type::Int, Type::Decimal]])?;
            }
            unify(written, params, &mut args, &|_| true)?;
        }
        Takes::Each(places) => each(json, params, &mut args, places)?,
        Takes::Case => {
            let count = args.len();
            for (i, a) in args.iter().enumerate().filter(|(i, _)| !function.is_result(*i, count)) {
                params.learn(a, Type::Bool);
                fits(json, i, a.ty, &[Type::Bool])?;
            }
            unify(written, params, &mut args, &|i| function.is_result(i, count))?;
        }
        Takes::CaseOf => {
            let count = args.len();
            unify(written, params, &mut args, &|i| !function.is_result(i, count))?;
            unify(written, params, &mut args, &|i| function.is_result(i, count))?;
        }
    }
    if let (F::Extract(unit) | F::DateTrunc(unit), [Typed { ty: Some(ty), .. }]) = (function, &args[..])
        && !unit.is_of(*ty)
    {
        let unit = json.name.as_deref().unwrap_or_default();
        return Err(Error::new(ErrorCode::QueryInvalid, format!("no `{unit}` of {} values", ty.name())).named(unit).at("name"));
    }
    if let (F::RegexpReplace, Some(flags)) = (function, args.get(3)) {
        replace_flags(&flags.expr).map_err(|e| e.named(describe(&json.args[3])).at("args[3]"))?;
    }
    let patterned = matches!(function, F::Matches | F::MatchesFolded | F::RegexpSubstr | F::RegexpMatch | F::RegexpMatches);
    if patterned || matches!(function, F::RegexpReplace | F::ReFind | F::ReSeq) {
        let flags = args.get(3).map(|flags| &flags.expr);
        let flags = if let Some(Expr::Literal(Value::Text(flags))) = flags { flags } else { "" };
        pattern(&args[1], flags, params).map_err(|e| e.named(describe(&json.args[1])).at("args[1]"))?;
    }
    if function == F::Numeric
        && let Some((i, _)) = [(1, 1), (2, -1000)]
            .into_iter()
            .find(|&(i, least)| matches!(args[i].expr, Expr::Literal(Value::Int(n)) if !(least..=1000).contains(&n)))
    {
        let message = "`numeric` takes a precision of 1 to 1000 and a scale of -1000 to 1000";
        return Err(Error::new(ErrorCode::QueryInvalid, message).named(describe(&json.args[i])).at_index("args", i));
    }
    if let (F::ToChar, Some(Expr::Literal(Value::Text(text)))) = (function, args.get(1).map(|a| &a.expr))
        && let Err(rest) = parts(text, &mut |_| {})
    {
        let field: String = rest.chars().take(2).collect();
        let message = format!("`{field}` of templates is not supported; text that stands for itself is in double quotes");
        return Err(Error::new(ErrorCode::QueryInvalid, message).named(field).at("args[1]"));
    }
    let ty = function.result(args.iter().map(|a| a.ty));
    // Empty lists come from callers that build them; one meaning here spares every evaluator a special case.
    let constant = match function {
        F::And if args.is_empty() => Some(true),
        F::Or if args.is_empty() => Some(false),
        F::In if args.len() == 1 => Some(false),
        _ => None,
    };
    let expr = match constant {
        Some(value) => Expr::Literal(Value::Bool(value)),
        None if function == F::Concat => return Ok(joined(args)),
        None => Expr::Call(function, args.into_iter().map(|a| a.expr).collect()),
    };
    Ok(Typed { expr, ty })
}

/// Checks a regular expression: each row is matched by the program that is made of it once.
fn pattern(typed: &Typed, flags: &str, params: &Params) -> Result<()> {
    match &typed.expr {
        Expr::Param(number, _) => {
            params.is_pattern(*number, flags);
            Ok(())
        }
        Expr::Literal(Value::Null) => Ok(()),
        Expr::Literal(Value::Text(text)) => readable(text, flags),
        _ => Err(Error::new(
            ErrorCode::QueryInvalid,
            "a regular expression is a literal or a parameter: each row is matched by one program",
        )),
    }
}

/// # Errors
/// `REGEX_INVALID` for a text that is no pattern.
pub(super) fn readable(pattern: &str, flags: &str) -> Result<()> {
    let wrong =
        |e: RegexError| Error::new(ErrorCode::RegexInvalid, format!("{} at character {} of the pattern", e.message, e.at + 1));
    Regex::flagged(pattern, flags).map(drop).map_err(wrong)
}

/// Binds `toChar` of a number.
fn number_to_char(json: &ExprJson, args: Vec<Typed>, params: &Params) -> Result<Typed> {
    fits(json, 1, args[1].ty, &[Type::Text])?;
    params.learn(&args[1], Type::Text);
    if let Expr::Literal(Value::Text(template)) = &args[1].expr
        && let Err(pattern) = number_template::read(template)
    {
        let message = format!("`{pattern}` cannot stand where it is in a template of numbers");
        return Err(Error::new(ErrorCode::QueryInvalid, message).named(&**template).at("args[1]"));
    }
    let expr = Expr::Call(Function::NumberToChar, args.into_iter().map(|a| a.expr).collect());
    Ok(Typed { expr, ty: Some(Type::Text) })
}

/// Checks the flags of a replacement.
fn replace_flags(flags: &Expr) -> Result<()> {
    match flags {
        Expr::Literal(Value::Null) => Ok(()),
        Expr::Literal(Value::Text(text)) if text.chars().all(|c| "gicmnpqstwx".contains(c)) => Ok(()),
        _ => Err(Error::new(
            ErrorCode::QueryInvalid,
            "flags are a literal of `g` (all matches), `i c` (case), `n m p w s` (lines), `x t q`",
        )),
    }
}

/// Any number of texts by a function of two: halves of halves, so that a long list does not become a deep expression.
fn joined(mut args: Vec<Typed>) -> Typed {
    if args.len() > 2 {
        let rest = args.split_off(half(args.len()));
        args = vec![joined(args), joined(rest)];
    }
    match <[Typed; 2]>::try_from(args) {
        Ok([a, b]) => Typed { expr: Expr::Call(Function::Concat, vec![a.expr, b.expr]), ty: Some(Type::Text) },
        Err(one) => one.into_iter().next().unwrap_or(Typed { expr: Expr::Literal(Value::text("")), ty: Some(Type::Text) }),
    }
}

/// Where a list of so many texts is cut in two.
pub(super) fn half(texts: usize) -> usize {
    texts / 2
}

/// Checks that every argument is of one of the types of its place, or null; integers where floats belong become floats.
fn each(json: &ExprJson, params: &Params, args: &mut [Typed], places: &[&[Type]]) -> Result<()> {
    for (i, a) in args.iter_mut().enumerate() {
        let types = places[i.min(places.len() - 1)];
        let is_float = types.contains(&Type::Float) && !types.contains(&Type::Int);
        let is_root = matches!(json.op.as_str(), "power" | "sqrt" | "exp" | "ln");
        if is_float && (a.ty == Some(Type::Int) || types == [Type::Float] && !is_root) {
            to_float(a);
        }
        if types.contains(&Type::Timestamp) && !types.contains(&Type::Date) {
            to_moment(a);
        }
        fits(json, i, a.ty, types)?;
        if let [ty] = types {
            params.learn(a, *ty);
        }
    }
    Ok(())
}

fn fits(json: &ExprJson, i: usize, ty: Option<Type>, types: &[Type]) -> Result<()> {
    if ty.is_some_and(|t| !types.contains(&t)) {
        return Err(mismatch(&format!("`{}`", json.op), types, ty, &json.args[i]).at_index("args", i));
    }
    Ok(())
}

/// An operation and its arguments as they were written.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    /// What it is called.
    pub op: &'a str,
    /// An argument by its number.
    pub arg: &'a dyn Fn(usize) -> &'a ExprJson,
}

/// Brings some of the arguments to one type: numbers to the widest of theirs, nulls take whatever type.
pub(super) fn unify(written: Written<'_>, params: &Params, args: &mut [Typed], among: &dyn Fn(usize) -> bool) -> Result<()> {
    let mut first: Option<(usize, Type)> = None;
    for (i, a) in args.iter().enumerate().filter(|(i, _)| among(*i)) {
        let Some(ty) = a.ty else { continue };
        match first {
            None => first = Some((i, ty)),
            Some((_, t)) if t == ty => {}
            Some((_, t)) if is_number(t) && is_number(ty) => {}
            Some((at, t)) if [t, ty].iter().all(|t| matches!(t, Type::Date | Type::Timestamp)) => {
                first = Some((at, Type::Timestamp))
            }
            Some((at, t)) => {
                // Of a column and a literal it is the literal that is wrong.
                let blame_first = (written.arg)(at).op == "lit" && (written.arg)(i).op != "lit";
                let (bad, found, wanted) = if blame_first { (at, t, ty) } else { (i, ty, t) };
                let e =
                    mismatch(&format!("`{}` beside {}", written.op, wanted.name()), &[wanted], Some(found), (written.arg)(bad));
                return Err(e.at_index("args", bad));
            }
        }
    }
    let some = args.iter().enumerate().filter(|(i, _)| among(*i)).map(|(_, a)| a);
    let widest = common_number(some);
    if let Some(ty) = widest.or(first.map(|f| f.1)) {
        args.iter().enumerate().filter(|(i, _)| among(*i)).for_each(|(_, a)| params.learn(a, ty));
    }
    if first.is_some_and(|f| f.1 == Type::Timestamp) {
        args.iter_mut().enumerate().filter(|(i, _)| among(*i)).for_each(|(_, a)| to_moment(a));
        return Ok(());
    }
    if let Some(ty) = widest {
        args.iter_mut().enumerate().filter(|(i, a)| among(*i) && a.ty.is_some()).for_each(|(_, a)| to_number(a, ty));
    }
    Ok(())
}

fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal | Type::Float)
}
