//! Parameters: their types, which the places that they stand in tell, and their values.
//!
//! A query is bound until no place tells anything new: a parameter without a declared type counts as a null at first, and
//! has the type of what it was found beside the next time. One that no place tells anything of is of its value's type.

use std::cell::{Cell, RefCell};

use super::expr::Typed;
use super::function::readable;
use super::literal::{describe, literal, literal_of};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ParamJson, QueryJson};
use crate::query::check::type_named;
use crate::query::{Expr, Param, Place, Slot};
use crate::value::{Type, Value};

/// The parameters of a query while it is bound.
#[derive(Default)]
pub(super) struct Params {
    known: RefCell<Vec<Known>>,
    learned: Cell<bool>,
    /// How often one was read.
    reads: Cell<usize>,
}

struct Known {
    json: ParamJson,
    ty: Option<Type>,
    used: bool,
    counts: bool,
    pattern: Option<Box<str>>,
}

impl Params {
    /// # Errors
    /// `UNSUPPORTED_TYPE`; `QUERY_INVALID` for a name that is empty or given twice.
    pub(super) fn new(json: &[ParamJson]) -> Result<Self> {
        let mut known: Vec<Known> = Vec::with_capacity(json.len());
        for (i, param) in json.iter().enumerate() {
            let place = |e: Error| e.at_index("params", i);
            if param.name.is_empty() || known.iter().any(|k| k.json.name == param.name) {
                let message = if param.name.is_empty() { "a parameter needs a name" } else { "the parameter is given twice" };
                return Err(place(Error::new(ErrorCode::QueryInvalid, message).named(param.name.as_str()).at("name")));
            }
            let ty = param.ty.as_deref().map(type_named).transpose().map_err(|e| place(e.at("type")))?;
            known.push(Known { json: param.clone(), ty, used: false, counts: false, pattern: None });
        }
        Ok(Params { known: RefCell::new(known), ..Params::default() })
    }

    /// Number of a parameter, and its type if it is known.
    ///
    /// # Errors
    /// `MISSING_PARAMETER`
    pub(super) fn find(&self, name: &str) -> Result<(usize, Option<Type>)> {
        self.reads.set(self.reads.get() + 1);
        let mut known = self.known.borrow_mut();
        match known.iter().position(|k| k.json.name == name) {
            Some(number) => {
                known[number].used = true;
                Ok((number, known[number].ty))
            }
            None => {
                let names = known.iter().map(|k| k.json.name.as_str());
                Err(Error::unknown(ErrorCode::MissingParameter, "value of parameter", name, "params", names))
            }
        }
    }

    /// How often a parameter was read so far.
    pub(super) fn reads(&self) -> usize {
        self.reads.get()
    }

    /// A place asks for a type: if what stands there is a parameter without one, it is its.
    pub(super) fn learn(&self, typed: &Typed, ty: Type) {
        if let (Expr::Param(number, _), None) = (&typed.expr, typed.ty) {
            self.tell(*number, ty);
        }
    }

    /// The type of a parameter without one.
    pub(super) fn tell(&self, number: usize, ty: Type) {
        let slot = &mut self.known.borrow_mut()[number].ty;
        if slot.is_none() {
            *slot = Some(ty);
            self.learned.set(true);
        }
    }

    /// Whether an expression is a parameter whose type is not known.
    pub(super) fn is_open(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Param(number, _) if self.known.borrow()[*number].ty.is_none())
    }

    /// A parameter stands for a regular expression with these flags.
    pub(super) fn is_pattern(&self, number: usize, flags: &str) {
        self.known.borrow_mut()[number].pattern = Some(flags.into());
    }

    /// The parameters in the place of limits and offsets.
    ///
    /// # Errors
    /// `MISSING_PARAMETER`; `QUERY_INVALID` beside a number.
    pub(super) fn cuts(&self, json: &QueryJson) -> Result<Vec<Slot>> {
        let by = json.limit_by.as_ref();
        let (limit_by, offset_by) = (by.and_then(|b| b.limit_param.as_ref()), by.and_then(|b| b.offset_param.as_ref()));
        let places = [
            (json.limit_param.as_ref(), json.limit.is_some(), Place::Limit, "limitParam"),
            (json.offset_param.as_ref(), json.offset.is_some(), Place::Offset, "offsetParam"),
            (limit_by, false, Place::LimitBy, "limitBy.limitParam"),
            (offset_by, by.is_some_and(|b| b.offset.is_some()), Place::OffsetBy, "limitBy.offsetParam"),
        ];
        let mut slots = Vec::new();
        for (name, taken, place, at) in places {
            let Some(name) = name else { continue };
            if taken {
                let message = "a number and a parameter stand for the same";
                return Err(Error::new(ErrorCode::QueryInvalid, message).named(name.as_str()).at(at));
            }
            let (param, _) = self.find(name).map_err(|e| e.at(at))?;
            self.tell(param, Type::Int);
            self.known.borrow_mut()[param].counts = true;
            slots.push(Slot { place, param });
        }
        Ok(slots)
    }

    /// Whether binding again may come to something else, as places told types; or, if they did not, as the values did.
    pub(super) fn again(&self) -> bool {
        if self.learned.take() {
            return true;
        }
        let mut open = false;
        for known in self.known.borrow_mut().iter_mut().filter(|k| k.used && k.ty.is_none()) {
            open = true;
            known.ty = Some(literal(&known.json.value).ok().and_then(|v| v.kind()).unwrap_or(Type::Text));
        }
        open
    }

    /// What became of them.
    ///
    /// # Errors
    /// `UNKNOWN_PARAMETER` for one that the query does not have, unless its type is declared: a query may have parameters that only
    /// some of its forms use. Those of [`value`].
    pub(super) fn finish(&self) -> Result<Vec<Param>> {
        let known = self.known.borrow();
        if let Some(other) = known.iter().find(|k| !k.used && k.json.ty.is_none()) {
            return Err(unknown(&other.json.name, known.iter().filter(|k| k.used).map(|k| k.json.name.as_str())));
        }
        let param = |k: &Known| {
            let (name, ty) = (k.json.name.clone(), k.ty.unwrap_or(Type::Text));
            let mut param = Param { name, ty, counts: k.counts, pattern: k.pattern.clone(), value: Value::Null };
            param.value = value(&param, &k.json)?;
            Ok(param)
        };
        known.iter().map(param).collect()
    }
}

fn unknown<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Error {
    Error::unknown(ErrorCode::UnknownParameter, "parameter", name, "query", names).at(&format!("params.{name}"))
}

/// A value for a parameter.
///
/// # Errors
/// At `params.name`: `TYPE_MISMATCH` if it is of another type; those of literals; `QUERY_INVALID` for what is no literal, and
/// for what is no number of rows where one is counted; `REGEX_INVALID`.
fn value(param: &Param, json: &ParamJson) -> Result<Value> {
    let wrong = |code, message: String| Error::new(code, message);
    let checked = literal_of(&json.value, Some(param.ty)).and_then(|value| match (&value, &param.pattern) {
        (Value::Int(n), _) if param.counts && u32::try_from(*n).is_err() => {
            Err(wrong(ErrorCode::QueryInvalid, format!("a number of rows is expected, not {n}")))
        }
        (Value::Int(_) | Value::Null, _) => Ok(value),
        _ if param.counts => Err(wrong(ErrorCode::TypeMismatch, "a number of rows is expected".to_owned())),
        (Value::Text(text), Some(flags)) => readable(text, flags).map(|()| value),
        _ => Ok(value),
    });
    checked.map_err(|mut e| {
        e.path = format!("params.{}", param.name);
        let shown = e.offending.take();
        e.named(shown.unwrap_or_else(|| describe(&json.value)))
    })
}

/// The values of all parameters after some are set.
///
/// # Errors
/// `UNKNOWN_PARAMETER`; those of values, at `params.name`.
pub fn set_params(params: &[Param], given: &[ParamJson]) -> Result<Vec<Value>> {
    let mut values: Vec<Value> = params.iter().map(|p| p.value.clone()).collect();
    for json in given {
        let Some(at) = params.iter().position(|p| p.name == json.name) else {
            return Err(unknown(&json.name, params.iter().map(|p| p.name.as_str())));
        };
        values[at] = value(&params[at], json)?;
    }
    Ok(values)
}
