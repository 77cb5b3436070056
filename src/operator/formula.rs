//! Expressions over rows: bound expressions with paths for columns, and their evaluation.
//!
//! PostgreSQL's semantics: three-valued logic, null in gives null out unless said otherwise, integer overflow and division by
//! zero are errors. `and`/`or` go from left to right and stop at the first argument that decides.

use std::cmp::Ordering;

use super::like;
use crate::algebra::Handle;
use crate::error::ErrorCode;
use crate::query::{Expr, Function};
use crate::trace::{Path, RelationId, Relations};
use crate::value::{Cell, Value, total_order};

/// An expression over the columns of one relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Formula {
    /// A cell.
    Column(Path),
    /// A constant.
    Literal(Value),
    /// A function or operator.
    Call(Function, Vec<Formula>),
}

/// A row to evaluate over.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// All rows.
    pub relations: &'a Relations,
    /// Its relation.
    pub relation: RelationId,
    /// Its handle.
    pub handle: Handle,
}

/// A result: a cell of the row, or a new value.
#[derive(Debug)]
pub enum Datum<'a> {
    /// Borrowed.
    Cell(Cell<'a>),
    /// Made.
    Value(Value),
}

impl Datum<'_> {
    /// As a cell.
    #[inline]
    pub fn as_cell(&self) -> Cell<'_> {
        match self {
            Datum::Cell(c) => *c,
            Datum::Value(v) => v.as_cell(),
        }
    }
}

type Outcome<'a> = Result<Datum<'a>, ErrorCode>;

const NULL: Datum<'static> = Datum::Cell(Cell::Null);

fn truth(v: Option<bool>) -> Datum<'static> {
    Datum::Cell(v.map_or(Cell::Null, Cell::Bool))
}

impl Formula {
    /// Puts paths in the place of column numbers.
    pub fn new(expr: &Expr, paths: &impl Fn(usize) -> Path) -> Self {
        match expr {
            Expr::Column(c) => Formula::Column(paths(*c)),
            Expr::Literal(v) => Formula::Literal(v.clone()),
            Expr::Call(f, args) => Formula::Call(*f, args.iter().map(|a| Formula::new(a, paths)).collect()),
        }
    }

    /// Whether an integer result may be beyond 2^53, judged by the columns that it is computed from.
    pub fn is_wide(&self, relations: &Relations, relation: RelationId) -> bool {
        match self {
            Formula::Column(p) => relations.is_wide(relation, *p),
            Formula::Literal(_) | Formula::Call(Function::Length, _) => false,
            Formula::Call(_, args) => args.iter().any(|a| a.is_wide(relations, relation)),
        }
    }

    /// Evaluates. Cost: the size of the expression.
    pub fn eval<'a>(&'a self, row: Row<'a>) -> Outcome<'a> {
        match self {
            Formula::Column(p) => Ok(Datum::Cell(row.relations.cell(row.relation, row.handle, *p))),
            Formula::Literal(v) => Ok(Datum::Cell(v.as_cell())),
            Formula::Call(f, args) => call(*f, args, row),
        }
    }

    /// Whether a condition is true (not false, not null).
    #[inline]
    pub fn holds(&self, row: Row<'_>) -> Result<bool, ErrorCode> {
        Ok(self.truth(row)? == Some(true))
    }

    /// Truth value of a condition. Comparisons of columns and constants, which most conditions are made of, never leave
    /// this function.
    fn truth(&self, row: Row<'_>) -> Result<Option<bool>, ErrorCode> {
        if let Formula::Call(f, args) = self {
            match f {
                Function::And | Function::Or => return connective(*f == Function::Or, args, row),
                Function::Not => return Ok(args[0].truth(row)?.map(|v| !v)),
                _ => {}
            }
            if let [a, b] = args.as_slice()
                && let (Some(test), Some(a), Some(b)) = (comparison(*f), a.leaf(row), b.leaf(row))
            {
                return Ok((!a.is_null() && !b.is_null()).then(|| test(total_order(a, b))));
            }
        }
        Ok(match self.eval(row)?.as_cell() {
            Cell::Bool(v) => Some(v),
            _ => None,
        })
    }

    /// The cell of a column or constant.
    #[inline]
    fn leaf<'a>(&'a self, row: Row<'a>) -> Option<Cell<'a>> {
        match self {
            Formula::Column(p) => Some(row.relations.cell(row.relation, row.handle, *p)),
            Formula::Literal(v) => Some(v.as_cell()),
            Formula::Call(..) => None,
        }
    }
}

/// `and` (`or`, if true decides): from left to right, up to the first argument that decides.
fn connective(decides: bool, args: &[Formula], row: Row<'_>) -> Result<Option<bool>, ErrorCode> {
    let mut known = true;
    for a in args {
        match a.truth(row)? {
            Some(v) if v == decides => return Ok(Some(decides)),
            Some(_) => {}
            None => known = false,
        }
    }
    Ok(known.then_some(!decides))
}

fn comparison(f: Function) -> Option<fn(Ordering) -> bool> {
    Some(match f {
        Function::Eq => Ordering::is_eq,
        Function::Ne => Ordering::is_ne,
        Function::Lt => Ordering::is_lt,
        Function::Le => Ordering::is_le,
        Function::Gt => Ordering::is_gt,
        Function::Ge => Ordering::is_ge,
        _ => return None,
    })
}

fn call<'a>(f: Function, args: &'a [Formula], row: Row<'a>) -> Outcome<'a> {
    match f {
        Function::And | Function::Or => Ok(truth(connective(f == Function::Or, args, row)?)),
        Function::Not => Ok(truth(args[0].truth(row)?.map(|v| !v))),
        Function::IsNull => Ok(truth(Some(args[0].eval(row)?.as_cell().is_null()))),
        Function::IsNotNull => Ok(truth(Some(!args[0].eval(row)?.as_cell().is_null()))),
        Function::Coalesce => {
            for a in args {
                let v = a.eval(row)?;
                if !v.as_cell().is_null() {
                    return Ok(v);
                }
            }
            Ok(NULL)
        }
        Function::In => {
            let x = args[0].eval(row)?;
            if x.as_cell().is_null() {
                return Ok(NULL);
            }
            let mut known = true;
            for a in &args[1..] {
                let v = a.eval(row)?;
                if v.as_cell().is_null() {
                    known = false;
                } else if total_order(x.as_cell(), v.as_cell()).is_eq() {
                    return Ok(truth(Some(true)));
                }
            }
            Ok(truth(known.then_some(false)))
        }
        _ if args.len() == 1 => unary(f, args[0].eval(row)?),
        _ => {
            let (a, b) = (args[0].eval(row)?, args[1].eval(row)?);
            binary(f, a.as_cell(), b.as_cell())
        }
    }
}

fn unary<'a>(f: Function, a: Datum<'a>) -> Outcome<'a> {
    let value = match (f, a.as_cell()) {
        (_, Cell::Null) => return Ok(NULL),
        (Function::Neg, Cell::Int(v)) => Value::Int(v.checked_neg().ok_or(ErrorCode::NumericOverflow)?),
        (Function::Neg, Cell::Float(v)) => Value::Float(-v),
        (Function::Abs, Cell::Int(v)) => Value::Int(v.checked_abs().ok_or(ErrorCode::NumericOverflow)?),
        (Function::Abs, Cell::Float(v)) => Value::Float(v.abs()),
        (Function::Lower, Cell::Text(v)) => Value::text(v.to_lowercase()),
        (Function::Upper, Cell::Text(v)) => Value::text(v.to_uppercase()),
        (Function::Length, Cell::Text(v)) => Value::Int(v.chars().count() as i64),
        (Function::Length, Cell::Bytes(v)) => Value::Int(v.len() as i64),
        (Function::IntToFloat, Cell::Int(v)) => Value::Float(v as f64),
        (f, c) => unreachable!("bind lets no {f:?} of {:?} through", c.kind()),
    };
    Ok(Datum::Value(value))
}

fn binary(f: Function, a: Cell<'_>, b: Cell<'_>) -> Outcome<'static> {
    if a.is_null() || b.is_null() {
        return Ok(NULL);
    }
    if let Some(test) = comparison(f) {
        return Ok(truth(Some(test(total_order(a, b)))));
    }
    let value = match (f, a, b) {
        (Function::Like, Cell::Text(a), Cell::Text(b)) => Value::Bool(like::matches(a, b)),
        (Function::ILike, Cell::Text(a), Cell::Text(b)) => Value::Bool(like::matches_folded(a, b)),
        (Function::Concat, Cell::Text(a), Cell::Text(b)) => Value::text([a, b].concat()),
        (_, Cell::Int(a), Cell::Int(b)) => Value::Int(integer(f, a, b)?),
        (_, Cell::Float(a), Cell::Float(b)) => Value::Float(float(f, a, b)?),
        (f, a, b) => unreachable!("bind lets no {f:?} of {:?} and {:?} through", a.kind(), b.kind()),
    };
    Ok(Datum::Value(value))
}

fn integer(f: Function, a: i64, b: i64) -> Result<i64, ErrorCode> {
    if matches!(f, Function::Div | Function::Mod) && b == 0 {
        return Err(ErrorCode::DivisionByZero);
    }
    match f {
        Function::Add => a.checked_add(b),
        Function::Sub => a.checked_sub(b),
        Function::Mul => a.checked_mul(b),
        Function::Div => a.checked_div(b),
        // i64::MIN % -1 is 0 in PostgreSQL.
        Function::Mod => Some(a.wrapping_rem(b)),
        f => unreachable!("bind lets no {f:?} of integers through"),
    }
    .ok_or(ErrorCode::NumericOverflow)
}

/// PostgreSQL: an infinite result of finite arguments is out of range, and so is an underflow to zero.
fn float(f: Function, a: f64, b: f64) -> Result<f64, ErrorCode> {
    // PostgreSQL: not-a-number divided by zero is not-a-number.
    if matches!(f, Function::Div | Function::Mod) && b == 0.0 && !a.is_nan() {
        return Err(ErrorCode::DivisionByZero);
    }
    let v = match f {
        Function::Add => a + b,
        Function::Sub => a - b,
        Function::Mul => a * b,
        Function::Div => a / b,
        Function::Mod => a % b,
        f => unreachable!("bind lets no {f:?} of floats through"),
    };
    let overflows = v.is_infinite() && a.is_finite() && b.is_finite();
    let underflows = v == 0.0
        && match f {
            Function::Mul => a != 0.0 && b != 0.0,
            Function::Div => a != 0.0 && b.is_finite(),
            _ => false,
        };
    if overflows || underflows { Err(ErrorCode::NumericOverflow) } else { Ok(v) }
}
