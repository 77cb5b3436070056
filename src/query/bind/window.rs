//! Window functions: names, arguments, partitions, frames.

use indexmap::IndexSet;

use super::expr::{Binder, Typed, condition, mismatch};
use super::group::{comparable, regroup};
use super::literal::{common_number, describe, literal, literal_of, to_number};
use super::output::{Output, nulls_first};
use super::spelling::plain;
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{BoundJson, CallJson, ExprJson, FrameJson, Literal, OrderJson, OverJson};
use crate::query::{Bound, Exclude, Expr, Frame, FrameUnit, Function, Select, SortKey, WindowCall, WindowFunction};
use crate::value::{Interval, MapState, Type, Value, decimal_text};

/// Until all aggregates are known, window function *n* is this column and *n*.
pub(super) const WINDOW_COLUMNS: usize = 1 << 28;

/// Where window functions go.
pub(super) struct Windows<'b> {
    /// Group expressions, if there is grouping: window functions are over the group scope then.
    pub groups: Option<&'b [Expr]>,
    pub calls: &'b mut IndexSet<WindowCall, MapState>,
}

/// Names with the fewest and most arguments; how far `lag` and `lead` look, buckets and places are filled in from theirs.
const FUNCTIONS: [(&str, WindowFunction, usize, usize); 16] = [
    ("rowNumber", WindowFunction::RowNumber, 0, 0),
    ("rank", WindowFunction::Rank, 0, 0),
    ("denseRank", WindowFunction::DenseRank, 0, 0),
    ("percentRank", WindowFunction::PercentRank, 0, 0),
    ("cumeDist", WindowFunction::CumeDist, 0, 0),
    ("ntile", WindowFunction::Ntile(None), 1, 1),
    ("lag", WindowFunction::Shift(Some(-1)), 1, 3),
    ("lead", WindowFunction::Shift(Some(1)), 1, 3),
    ("firstValue", WindowFunction::First, 1, 1),
    ("lastValue", WindowFunction::Last, 1, 1),
    ("nthValue", WindowFunction::Nth(None), 2, 2),
    ("count", WindowFunction::Count, 0, 1),
    ("sum", WindowFunction::Sum, 1, 1),
    ("avg", WindowFunction::Avg, 1, 1),
    ("min", WindowFunction::Min, 1, 1),
    ("max", WindowFunction::Max, 1, 1),
];

const NOTHING: &OverJson = &OverJson { partition_by: Vec::new(), order_by: Vec::new(), frame: None };

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::QueryInvalid, message)
}

fn function(json: &ExprJson) -> Result<WindowFunction> {
    let name = json.name.as_deref().unwrap_or_default();
    let Some(&(name, function, least, most)) = FUNCTIONS.iter().find(|f| f.0 == name) else {
        let names = FUNCTIONS.iter().map(|f| f.0);
        return Err(Error::unknown(ErrorCode::UnknownFunction, "window function", name, "query", names).at("name"));
    };
    if (least..=most).contains(&json.args.len()) {
        return Ok(function);
    }
    let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Err(invalid(format!("`{name}` takes {wanted} arguments, not {}", json.args.len())).named(name))
}

impl Binder<'_, '_> {
    /// Binds a window function; what comes out is its column.
    ///
    /// # Errors
    /// `QUERY_INVALID` where none may be, and for arguments, frames and offsets that cannot be; `UNKNOWN_FUNCTION`;
    /// `TYPE_MISMATCH`; those of the expressions in it, at `args[i]`, `over.partitionBy[i]`, `over.orderBy[i].expr`.
    pub(super) fn over(&mut self, json: &ExprJson) -> Result<Typed> {
        let Some(windows) = self.windows.take() else {
            let message = "a window function can stand in `select` and `orderBy` only, and not within another or an aggregate";
            return Err(invalid(message).named(describe(json)));
        };
        // With `windows` taken, a window function within this one is refused.
        let bound = self.window(json, windows.groups);
        let numbered = bound.map(|call| {
            let ty = Some(call.ty);
            Typed { expr: Expr::Column(WINDOW_COLUMNS + windows.calls.insert_full(call).0), ty }
        });
        self.windows = Some(windows);
        numbered
    }

    fn window(&mut self, json: &ExprJson, groups: Option<&[Expr]>) -> Result<WindowCall> {
        let mut function = function(json)?;
        let aggregates = matches!(
            function,
            WindowFunction::Count | WindowFunction::Sum | WindowFunction::Avg | WindowFunction::Min | WindowFunction::Max
        );
        let filter = match json.call.as_deref() {
            None => None,
            Some(CallJson { distinct: false, filter: Some(filter), order_by }) if aggregates && order_by.is_empty() => {
                Some(filter)
            }
            Some(_) => {
                let message = "over a window only aggregates have a `filter`, and none a `distinct` or `orderBy` of its own";
                return Err(invalid(message).named(describe(json)));
            }
        };
        let over = json.over.as_deref().unwrap_or(NOTHING);
        let values = if matches!(function, WindowFunction::Ntile(_)) { 0 } else { json.args.len().min(1) };
        let mut arguments = Vec::new();
        for (i, arg) in json.args.iter().enumerate().filter(|a| a.0 < values || a.0 == 2) {
            arguments.push(self.part(arg, groups).map_err(|e| e.at_index("args", i))?);
        }
        let fixed = |i: usize, least: i64| constant(&json.args[i], least).map_err(|e| e.at_index("args", i));
        match &mut function {
            WindowFunction::Ntile(n) => *n = fixed(0, 1)?,
            WindowFunction::Nth(n) => *n = fixed(1, 1)?,
            WindowFunction::Shift(by) if json.args.len() > 1 => {
                let ahead = *by == Some(1);
                *by = fixed(1, i64::MIN + 1)?.map(|n| if ahead { n } else { -n });
            }
            _ => {}
        }
        let ty = result(function, json, &mut arguments)?;
        if let Some(filter) = filter {
            // Rows for which it is not true are as those without a value.
            let bound = self.part(filter, groups).and_then(|typed| {
                self.budget.params.learn(&typed, Type::Bool);
                condition(typed, filter)
            });
            let value = arguments.pop().unwrap_or(Typed { expr: Expr::Literal(Value::Bool(true)), ty: Some(Type::Bool) });
            let expr = Expr::Call(Function::Case, vec![bound.map_err(|e| e.at("filter"))?, value.expr]);
            arguments.push(Typed { expr, ty: value.ty });
        }
        let place = |i: usize| move |e: Error| e.at_index("partitionBy", i).at("over");
        let mut partition = Vec::with_capacity(over.partition_by.len());
        for (i, by) in over.partition_by.iter().enumerate() {
            let typed = self.part(by, groups).map_err(place(i))?;
            comparable(&typed, "partitioned", by).map_err(place(i))?;
            partition.push(plain(typed.expr, typed.ty));
        }
        let place = |i: usize| move |e: Error| e.at_index("orderBy", i).at("over");
        let mut order = Vec::with_capacity(over.order_by.len());
        let mut types = Vec::with_capacity(over.order_by.len());
        for (i, by) in over.order_by.iter().enumerate() {
            let (key, ty) = self.window_order(by, groups).map_err(place(i))?;
            order.push(key);
            types.push(ty);
        }
        let frame = match &over.frame {
            Some(json) => frame(json, &types).map_err(|e| e.at("over.frame"))?,
            None => Frame::default(),
        };
        let frame = if function.is_framed() { frame } else { Frame::default() };
        Ok(WindowCall { function, arguments: arguments.into_iter().map(|a| a.expr).collect(), partition, order, frame, ty })
    }

    /// An expression of a window function, over the scope or group scope.
    fn part(&mut self, json: &ExprJson, groups: Option<&[Expr]>) -> Result<Typed> {
        let mut typed = self.node(json)?;
        if let Some(groups) = groups {
            typed.expr = regroup(typed.expr, json, groups, self.scope)?;
        }
        Ok(typed)
    }

    fn window_order(&mut self, json: &OrderJson, groups: Option<&[Expr]>) -> Result<(SortKey, Option<Type>)> {
        let nulls_first = nulls_first(json)?;
        let typed = self.part(&json.expr, groups).map_err(|e| e.at("expr"))?;
        comparable(&typed, "ordered", &json.expr).map_err(|e| e.at("expr"))?;
        Ok((SortKey { expr: typed.expr, desc: json.desc, nulls_first }, typed.ty))
    }
}

/// An integer that must be the same for all rows; `None` = null.
fn constant(json: &ExprJson, least: i64) -> Result<Option<i64>> {
    if json.op != "lit" {
        return Err(invalid("only a literal can stand here").named(describe(json)));
    }
    match literal(json)? {
        Value::Null => Ok(None),
        Value::Int(v) if v >= least => Ok(Some(v)),
        Value::Int(_) => Err(invalid(format!("a number from {least} on is expected")).named(describe(json))),
        v => Err(mismatch("this place", &[Type::Int], v.kind(), json)),
    }
}

/// The type of the result; the two values of `lag` and `lead` are brought to one type.
fn result(function: WindowFunction, json: &ExprJson, arguments: &mut [Typed]) -> Result<Type> {
    use WindowFunction as W;
    let name = || format!("`{}`", json.name.as_deref().unwrap_or_default());
    let accepted: &[Type] = match function {
        W::RowNumber | W::Rank | W::DenseRank | W::Ntile(_) | W::Count => return Ok(Type::Int),
        W::PercentRank | W::CumeDist => return Ok(Type::Float),
        W::Sum | W::Avg => &[Type::Int, Type::Decimal, Type::Float, Type::Interval],
        W::Shift(_) | W::First | W::Last | W::Nth(_) | W::Min | W::Max => {
            if let [value, default] = arguments {
                let number = common_number([&*value, &*default].into_iter());
                match (value.ty, default.ty) {
                    (Some(a), Some(b)) if a == b => {}
                    (Some(_), Some(_)) if let Some(ty) = number => {
                        to_number(value, ty);
                        to_number(default, ty);
                    }
                    (Some(a), Some(_)) => {
                        let e = mismatch(&format!("{} of {}", name(), a.name()), &[a], default.ty, &json.args[2]);
                        return Err(e.at("args[2]"));
                    }
                    _ => {}
                }
            }
            // A null without a type is text, as in PostgreSQL.
            return Ok(arguments.iter().find_map(|a| a.ty).unwrap_or(Type::Text));
        }
    };
    let ty = arguments.first().and_then(|a| a.ty);
    match ty.filter(|t| accepted.contains(t)) {
        Some(t) => Ok(if function == W::Avg && t == Type::Int { Type::Float } else { t }),
        None => Err(mismatch(&name(), accepted, ty, &json.args[0]).at("args[0]")),
    }
}

/// What PostgreSQL allows: a frame that begins before it ends, as far as the kinds of its ends tell.
fn frame(json: &FrameJson, order: &[Option<Type>]) -> Result<Frame> {
    const UNITS: [(&str, FrameUnit); 3] = [("rows", FrameUnit::Rows), ("range", FrameUnit::Range), ("groups", FrameUnit::Groups)];
    const EXCLUDES: [(&str, Exclude); 4] =
        [("noOthers", Exclude::NoOthers), ("currentRow", Exclude::Current), ("group", Exclude::Group), ("ties", Exclude::Ties)];
    let unit = named(&UNITS, &json.unit, "unit", "unit of frames")?;
    if unit == FrameUnit::Groups && order.is_empty() {
        return Err(invalid("a frame of groups needs an order").named("groups").at("unit"));
    }
    let current = BoundJson { kind: "currentRow".into(), offset: None };
    let (first, start) = bound(&json.start, unit, order).map_err(|e| e.at("start"))?;
    let (last, end) = bound(json.end.as_ref().unwrap_or(&current), unit, order).map_err(|e| e.at("end"))?;
    if first == 4 || last == 0 || first > last {
        return Err(invalid("the frame ends before it begins").at(if first == 4 { "start" } else { "end" }));
    }
    let exclude = match &json.exclude {
        Some(name) => named(&EXCLUDES, name, "exclude", "exclusion")?,
        None => Exclude::NoOthers,
    };
    Ok(Frame { unit, start, end, exclude })
}

fn named<T: Copy>(names: &[(&str, T)], name: &str, place: &str, what: &str) -> Result<T> {
    match names.iter().find(|n| n.0 == name) {
        Some(found) => Ok(found.1),
        None => Err(Error::unknown(ErrorCode::QueryInvalid, what, name, "frame", names.iter().map(|n| n.0)).at(place)),
    }
}

/// An end of a frame, and its place among the kinds.
fn bound(json: &BoundJson, unit: FrameUnit, order: &[Option<Type>]) -> Result<(usize, Bound)> {
    const KINDS: [(&str, usize); 5] =
        [("unboundedPreceding", 0), ("preceding", 1), ("currentRow", 2), ("following", 3), ("unboundedFollowing", 4)];
    let kind = named(&KINDS, &json.kind, "kind", "end of a frame")?;
    match (kind, &json.offset) {
        (0 | 4, None) => Ok((kind, Bound::Unbounded)),
        (2, None) => Ok((kind, Bound::Current)),
        (1 | 3, Some(given)) => {
            let offset = offset(given, unit, order).map_err(|e| e.at("offset"))?;
            Ok((kind, if kind == 1 { Bound::Preceding(offset) } else { Bound::Following(offset) }))
        }
        (1 | 3, None) => Err(invalid(format!("`{}` needs an `offset`", json.kind)).named(json.kind.as_str()).at("offset")),
        _ => Err(invalid(format!("`{}` has no `offset`", json.kind)).named(json.kind.as_str()).at("offset")),
    }
}

/// How far a frame reaches: rows or groups, or a distance of values of the one order expression.
fn offset(given: &Literal, unit: FrameUnit, order: &[Option<Type>]) -> Result<Value> {
    let mut json = ExprJson { op: "lit".into(), value: Some(given.clone()), ..ExprJson::default() };
    let ty = match (unit, order) {
        (FrameUnit::Range, [Some(Type::Timestamp)]) if matches!(given, Literal::Text(_)) => Type::Interval,
        (FrameUnit::Range, [Some(Type::Date | Type::Time | Type::Interval)]) => Type::Interval,
        (FrameUnit::Rows | FrameUnit::Groups, _) => Type::Int,
        (FrameUnit::Range, [Some(Type::Int | Type::Timestamp)]) => Type::Int,
        (FrameUnit::Range, [Some(ty @ (Type::Float | Type::Decimal))]) => *ty,
        (FrameUnit::Range, [ty]) => {
            let ty = ty.map_or("null", Type::name);
            let message =
                format!("values of type {ty} have no distance: a range with offsets orders by a number, a time or an interval");
            return Err(Error::new(ErrorCode::TypeMismatch, message).named(describe(&json)));
        }
        (FrameUnit::Range, _) => return Err(invalid("a range with offsets needs exactly one expression in its `orderBy`")),
    };
    if ty == Type::Interval && matches!(given, Literal::Text(_)) {
        json.name = Some(ty.name().into());
    }
    let value = literal_of(&json, Some(ty)).map_err(|e| match e.code {
        ErrorCode::TypeMismatch => mismatch("the offset", &[ty], literal(&json).ok().and_then(|v| v.kind()), &json),
        _ => e,
    })?;
    match value {
        Value::Null => Err(mismatch("the offset", &[ty], None, &json)),
        Value::Decimal(v) if decimal_text(&v).starts_with('-') => {
            Err(invalid("an offset cannot be negative").named(describe(&json)))
        }
        Value::Interval(v) if Interval::unpack(&v).is_backward(order == [Some(Type::Time)]) => {
            Err(invalid("an offset cannot be negative").named(describe(&json)))
        }
        Value::Int(v) if v < 0 => Err(invalid("an offset cannot be negative").named(describe(&json))),
        Value::Float(v) if v < 0.0 || v.is_nan() => Err(invalid("an offset cannot be negative").named(describe(&json))),
        value => Ok(value),
    }
}

impl Output<'_, '_> {
    /// Gives the columns of window functions their numbers, now that all aggregates before them are known.
    pub(super) fn number_windows(&self, select: &mut Select, order: &mut [SortKey]) {
        if self.windows.is_empty() {
            return;
        }
        let before = self.types().len() - self.windows.len();
        let number = |c: usize| if c >= WINDOW_COLUMNS { c - WINDOW_COLUMNS + before } else { c };
        if let Select::Fields(fields) = select {
            fields.iter_mut().for_each(|f| f.expr = f.expr.map_columns(&number));
        }
        order.iter_mut().for_each(|k| k.expr = k.expr.map_columns(&number));
    }
}
