//! Typed expressions over the columns in scope.
//!
//! Unless asked for risk, no expression can fail: big integers are compared but not calculated with, divisors are
//! constants. What may fail is put only where every evaluation order agrees on which rows reach it.

use eddyline::query::Column;
use eddyline::query::ast::{ExprJson, OrderJson};
use eddyline::value::{Element, Type, Value};
use fastrand::Rng;

use super::domain::{literal, value};
use super::{chance, pick};

/// A column that an expression may read.
#[derive(Clone, Debug)]
pub struct Visible {
    pub of: Option<String>,
    pub column: Column,
}

/// What an expression may read and do.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub columns: Vec<Visible>,
    /// Overflow and division by zero may happen.
    pub risky: bool,
}

/// Types that have an order and a literal.
pub const ORDERED: [Type; 13] = [
    Type::Int,
    Type::Text,
    Type::Float,
    Type::Bool,
    Type::Timestamp,
    Type::Bytes,
    Type::Decimal,
    Type::Date,
    Type::Time,
    Type::Uuid,
    Type::Interval,
    Type::Array(Element::Text),
    Type::Array(Element::Int),
];

pub fn call(op: &str, args: Vec<ExprJson>) -> ExprJson {
    ExprJson { op: op.into(), args, ..ExprJson::default() }
}

impl Visible {
    pub fn read(&self) -> ExprJson {
        ExprJson { op: "col".into(), name: Some(self.column.name.clone()), of: self.of.clone(), ..ExprJson::default() }
    }
}

impl Scope {
    /// Columns of a table, without an alias.
    pub fn of_columns<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Scope {
        Scope { columns: columns.into_iter().map(|c| Visible { of: None, column: c.clone() }).collect(), risky: false }
    }

    fn some(&self, rng: &mut Rng, fits: impl Fn(&Column) -> bool) -> Option<ExprJson> {
        let fitting: Vec<&Visible> = self.columns.iter().filter(|v| fits(&v.column)).collect();
        (!fitting.is_empty()).then(|| pick(rng, &fitting).read())
    }

    /// A condition.
    pub fn condition(&self, rng: &mut Rng) -> ExprJson {
        let depth = rng.usize(0..3);
        self.bool(rng, depth)
    }

    /// An expression of any type that has an order, mostly a column.
    pub fn any(&self, rng: &mut Rng) -> (Type, ExprJson) {
        if self.risky && chance(rng, 40) {
            return self.dangerous(rng);
        }
        let simple = chance(rng, 70);
        if simple && let Some(v) = self.sortable(rng) {
            return v;
        }
        let ty = pick(rng, &ORDERED);
        let depth = rng.usize(0..3);
        (ty, self.of_type(rng, ty, depth))
    }

    /// A column.
    pub fn sortable(&self, rng: &mut Rng) -> Option<(Type, ExprJson)> {
        (!self.columns.is_empty()).then(|| pick(rng, &self.columns)).map(|v| (v.column.ty, v.read()))
    }

    /// Sort keys, with the types that a keyset start needs.
    pub fn order(&self, rng: &mut Rng, at_most: usize) -> (Vec<OrderJson>, Vec<Type>) {
        let keys = (0..rng.usize(0..=at_most)).map(|_| {
            let (ty, expr) = self.any(rng);
            let nulls = chance(rng, 20).then(|| pick(rng, &["first", "last"]).to_owned());
            (OrderJson { expr, desc: rng.bool(), nulls }, ty)
        });
        keys.unzip()
    }

    /// A value that for some rows cannot be calculated.
    pub fn dangerous(&self, rng: &mut Rng) -> (Type, ExprJson) {
        if chance(rng, 40) {
            return self.may_fail(rng);
        }
        let column = |rng: &mut Rng, ty| self.some(rng, |c| c.ty == ty);
        if chance(rng, 25)
            && let (Some(a), Some(b)) = (column(rng, Type::Float), column(rng, Type::Float))
        {
            return (Type::Float, call(pick(rng, &["/", "*"]), vec![a, b]));
        }
        let any = |rng: &mut Rng| column(rng, Type::Int).unwrap_or_else(|| self.int(rng, 1));
        let (a, b) = (any(rng), any(rng));
        let expr = match rng.usize(0..6) {
            0..=1 => call(pick(rng, &["/", "%"]), vec![a, b]),
            2 => call("/", vec![literal(&Value::Int(6)), call("-", vec![a, literal(&Value::Int(rng.i64(0..3)))])]),
            3 => call("coalesce", vec![call(pick(rng, &["+", "-", "*"]), vec![a, b.clone()]), b]),
            4 => call("neg", vec![call("abs", vec![a])]),
            _ => call(pick(rng, &["+", "-", "*"]), vec![a, b]),
        };
        (Type::Int, expr)
    }

    /// An expression of a type.
    pub fn of_type(&self, rng: &mut Rng, ty: Type, depth: usize) -> ExprJson {
        if depth > 0 && chance(rng, 10) {
            return self.chosen(rng, ty, depth - 1);
        }
        match ty {
            Type::Bool => self.bool(rng, depth),
            Type::Int => self.int(rng, depth),
            Type::Float => self.float(rng, depth),
            Type::Decimal => self.decimal(rng, depth),
            Type::Text => self.text(rng, depth),
            Type::Date if depth > 0 && chance(rng, 40) => self.day(rng, depth - 1),
            Type::Time if depth > 0 && chance(rng, 20) => {
                call(pick(rng, &["+", "-"]), vec![self.leaf(rng, Type::Time), self.leaf(rng, Type::Interval)])
            }
            Type::Time if depth > 0 && chance(rng, 30) => {
                ExprJson { name: Some("time".into()), ..call("cast", vec![self.leaf(rng, Type::Timestamp)]) }
            }
            Type::Interval if depth > 0 && chance(rng, 50) => self.span(rng, depth - 1),
            Type::Timestamp if depth > 0 && chance(rng, 50) => self.moved(rng, depth - 1),
            Type::Json if depth > 0 && chance(rng, 50) => self.inner(rng),
            _ => self.leaf(rng, ty),
        }
    }

    /// A column or a constant.
    pub fn leaf(&self, rng: &mut Rng, ty: Type) -> ExprJson {
        let column = if chance(rng, 80) { self.some(rng, |c| c.ty == ty) } else { None };
        let edge = ty != Type::Float && chance(rng, 5);
        column.unwrap_or_else(|| literal(&value(rng, ty, edge)))
    }

    fn bool(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        if depth > 0 && chance(rng, 50) {
            let mut arms = || self.bool(rng, depth - 1);
            let (a, b) = (arms(), arms());
            return match rng.usize(0..5) {
                0 | 1 => call("and", vec![a, b]),
                2 | 3 => call("or", vec![a, b]),
                _ => call("not", vec![a]),
            };
        }
        let depth = depth.saturating_sub(1);
        match rng.usize(0..14) {
            12 | 13 => self.predicate(rng, depth),
            0 => self.leaf(rng, Type::Bool),
            1 => {
                let all: Vec<ExprJson> = self.columns.iter().map(Visible::read).collect();
                let op = pick(rng, &["isNull", "isNotNull"]);
                call(op, vec![if all.is_empty() { self.int(rng, 0) } else { pick(rng, &all) }])
            }
            2 => {
                let ty = pick(rng, &ORDERED);
                let mut args = vec![self.comparable(rng, ty, depth)];
                let null = chance(rng, 15);
                args.extend((0..rng.usize(1..8)).map(|_| literal(&value(rng, ty, false))));
                args.extend(null.then(|| literal(&Value::Null)));
                call("in", args)
            }
            3 => {
                let pattern = pick(rng, &["a%", "%b%", "_", "%", "", "\\%", "%\\%", "LONGER%u", "ä_"]);
                let op = pick(rng, &["like", "ilike"]);
                call(op, vec![self.text(rng, depth), literal(&Value::text(pattern))])
            }
            4 if self.some(rng, |c| c.ty == Type::Json).is_some() => {
                // Equality is all that json has.
                call(pick(rng, &["=", "!=", "in"]), vec![self.leaf(rng, Type::Json), literal(&value(rng, Type::Json, false))])
            }
            _ => {
                // Mostly columns against columns or constants of a type that the scope has.
                let ty = self.sortable(rng).map_or(Type::Int, |(ty, _)| ty);
                let op = pick(rng, &["=", "=", "=", "!=", "<", "<=", ">", ">="]);
                let left = self.comparable(rng, ty, depth);
                let right = if rng.bool() { literal(&value(rng, ty, false)) } else { self.comparable(rng, ty, depth) };
                call(op, vec![left, right])
            }
        }
    }

    /// An expression to be compared only, so that big integers may take part.
    fn comparable(&self, rng: &mut Rng, ty: Type, depth: usize) -> ExprJson {
        if chance(rng, 70) { self.leaf(rng, ty) } else { self.of_type(rng, ty, depth) }
    }

    /// An integer to calculate with: small enough never to overflow, unless at risk.
    fn int(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let small = |rng: &mut Rng, from: i64| literal(&Value::Int(rng.i64(from..4)));
        if depth == 0 || chance(rng, 40) {
            let column =
                if chance(rng, 80) { self.some(rng, |c| c.ty == Type::Int && (c.safe_integer || self.risky)) } else { None };
            return column.unwrap_or_else(|| small(rng, -1));
        }
        let depth = depth - 1;
        match rng.usize(0..10) {
            9 => self.measure(rng, depth),
            0 => call("+", vec![self.int(rng, depth), self.int(rng, depth)]),
            1 => call("-", vec![self.int(rng, depth), self.int(rng, depth)]),
            2 if self.risky => call("*", vec![self.int(rng, depth), self.int(rng, depth)]),
            2 => call("*", vec![self.int(rng, depth), small(rng, -1)]),
            3 | 4 => {
                let by = if self.risky { self.int(rng, depth) } else { small(rng, 1) };
                let op = pick(rng, &["/", "%"]);
                call(op, vec![self.int(rng, depth), by])
            }
            5 => call("neg", vec![self.int(rng, depth)]),
            6 if rng.bool() => call("-", vec![self.leaf(rng, Type::Date), self.leaf(rng, Type::Date)]),
            6 => call("abs", vec![self.int(rng, depth)]),
            7 => call("length", vec![self.text(rng, depth)]),
            _ => call("coalesce", vec![self.int(rng, depth), self.int(rng, depth)]),
        }
    }

    fn float(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let number = |rng: &mut Rng| literal(&Value::Float(pick(rng, &[0.5, 2.0, 0.1, -1.5])));
        if depth == 0 || chance(rng, 40) {
            let column = if chance(rng, 80) { self.some(rng, |c| c.ty == Type::Float) } else { None };
            return column.unwrap_or_else(|| literal(&Value::Float(pick(rng, &[0.5, 0.1, -1.5]))));
        }
        let depth = depth - 1;
        match rng.usize(0..10) {
            8 | 9 => self.measured(rng, depth),
            0 => call(pick(rng, &["+", "-"]), vec![self.float(rng, depth), self.float(rng, depth)]),
            1 => call(pick(rng, &["+", "-"]), vec![self.int(rng, depth), self.float(rng, depth)]),
            2 if self.risky => call(pick(rng, &["*", "/"]), vec![self.float(rng, depth), self.float(rng, depth)]),
            // No more than a few powers of ten: far from where floats end.
            2 => call("*", vec![self.float(rng, depth), number(rng)]),
            3 => call("/", vec![self.float(rng, depth), number(rng)]),
            4 => call("neg", vec![self.float(rng, depth)]),
            5 => call("abs", vec![self.float(rng, depth)]),
            _ => call("coalesce", vec![self.float(rng, depth), number(rng)]),
        }
    }

    fn text(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        if depth == 0 || chance(rng, 50) {
            return self.leaf(rng, Type::Text);
        }
        let depth = depth - 1;
        match rng.usize(0..8) {
            4..=7 => self.written(rng, depth),
            0 => call("||", vec![self.text(rng, depth), self.text(rng, depth)]),
            1 => call("lower", vec![self.text(rng, depth)]),
            2 => call("upper", vec![self.text(rng, depth)]),
            _ => call("coalesce", vec![self.text(rng, depth), self.text(rng, depth)]),
        }
    }
}
