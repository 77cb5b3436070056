//! Expressions over rows: bound expressions with paths for columns, and their evaluation.
//!
//! PostgreSQL's semantics: three-valued logic, null in gives null out unless said otherwise, integer overflow and division by
//! zero are errors. `and`, `or`, `between`, `coalesce` and `case` go from left to right and stop at what decides; all other
//! functions evaluate all their arguments first. Those that need no more than the cells are in `scalar`.

use std::cmp::Ordering;

use super::among::{Constants, FEW};
use super::pattern::{PATTERNED, Pattern, last_pattern, patterned};
use super::scalar;
use crate::algebra::Handle;
use crate::error::ErrorCode;
use crate::query::{CastTo, Expr, Function};
use crate::trace::{Path, RelationId, Relations};
use crate::value::{Cell, Value, total_order};

/// An expression over the columns of one relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Formula {
    /// A cell.
    Column(Path),
    /// A constant.
    Literal(Value),
    /// A parameter, in what is written and not yet evaluated: [`Formula::with`] puts the value there.
    Param(usize),
    /// A function or operator.
    Call(Function, Vec<Formula>),
    /// What a text has of a pattern.
    Match(Pattern, Box<Formula>),
    /// A text with another in the place of what it has of a pattern.
    Replace(Pattern, Box<[Formula; 2]>),
    /// Whether a value is among constants, of which there are many.
    Among(Box<Formula>, Constants),
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

pub(super) type Outcome<'a> = Result<Datum<'a>, ErrorCode>;

pub(super) const NULL: Datum<'static> = Datum::Cell(Cell::Null);

pub(super) fn truth(v: Option<bool>) -> Datum<'static> {
    Datum::Cell(v.map_or(Cell::Null, Cell::Bool))
}

impl Formula {
    /// Puts paths in the place of column numbers.
    pub fn new(expr: &Expr, paths: &dyn Fn(usize) -> Path) -> Self {
        match expr {
            Expr::Column(c) => Formula::Column(paths(*c)),
            Expr::Literal(v) => Formula::Literal(v.clone()),
            Expr::Call(f, args) => Formula::call(*f, args.iter().map(|a| Formula::new(a, paths)).collect()),
            Expr::Param(n, _) => Formula::Param(*n),
            Expr::Outer(..) | Expr::Sub(_) => unreachable!("the planner puts columns in the place of sub-queries"),
        }
    }

    /// A call; of a regular expression that is known its program.
    fn call(f: Function, mut parts: Vec<Formula>) -> Self {
        // `bind` has read the pattern before.
        if let [_, Formula::Literal(Value::Text(text))] = &parts[..]
            && PATTERNED.contains(&f)
            && let Some(pattern) = Pattern::new(text, f, "")
        {
            return Formula::Match(pattern, Box::new(parts.swap_remove(0)));
        }
        if f == Function::RegexpReplace
            && let [_, Formula::Literal(Value::Text(text)), _, flags @ ..] = &parts[..]
            && let [] | [Formula::Literal(Value::Text(_))] = flags
            && let Some(pattern) = Pattern::new(text, f, if let [Formula::Literal(Value::Text(t))] = flags { t } else { "" })
        {
            let with = parts.swap_remove(2);
            return Formula::Replace(pattern, Box::new([parts.swap_remove(0), with]));
        }
        if f == Function::In && parts.len() > FEW && parts[1..].iter().all(|part| matches!(part, Formula::Literal(_))) {
            let values = parts.drain(1..).filter_map(|part| if let Formula::Literal(value) = part { Some(value) } else { None });
            let constants = Constants::new(values);
            return Formula::Among(Box::new(parts.swap_remove(0)), constants);
        }
        Formula::Call(f, parts)
    }

    /// The same with values in the place of parameters.
    #[must_use]
    pub fn with(&self, values: &[Value]) -> Formula {
        match self {
            Formula::Param(n) => Formula::Literal(values[*n].clone()),
            Formula::Call(f, args) => Formula::call(*f, args.iter().map(|a| a.with(values)).collect()),
            Formula::Match(pattern, text) => Formula::Match(pattern.clone(), Box::new(text.with(values))),
            Formula::Replace(pattern, of) => {
                Formula::Replace(pattern.clone(), Box::new([of[0].with(values), of[1].with(values)]))
            }
            Formula::Among(value, constants) => Formula::Among(Box::new(value.with(values)), constants.clone()),
            Formula::Column(_) | Formula::Literal(_) => self.clone(),
        }
    }

    /// Whether an integer result may be beyond 2^53, judged by the columns that it is computed from.
    pub fn is_wide(&self, relations: &Relations, relation: RelationId) -> bool {
        match self {
            Formula::Column(p) => relations.is_wide(relation, *p),
            Formula::Literal(_) | Formula::Param(_) | Formula::Match(..) | Formula::Replace(..) | Formula::Among(..) => false,
            Formula::Call(
                Function::Length
                | Function::OctetLength
                | Function::Strpos
                | Function::Ascii
                | Function::JsonArrayLength
                | Function::Cardinality
                | Function::ArrayLength
                | Function::ArrayPosition
                | Function::Scale
                | Function::DiffDays
                | Function::Cast(CastTo::Int),
                _,
            ) => false,
            Formula::Call(Function::Cast(CastTo::BigInt), _) => true,
            // Of a choice what may be taken counts, not what it is made by.
            Formula::Call(f, args) => args.iter().enumerate().any(|(i, a)| {
                let is_taken = match f {
                    Function::Case => i % 2 == 1 || i + 1 == args.len(),
                    Function::CaseOf => i > 0 && (i % 2 == 0 || i + 1 == args.len()),
                    Function::NullIf | Function::ArrayAt => i == 0,
                    _ => true,
                };
                is_taken && a.is_wide(relations, relation)
            }),
        }
    }

    /// Whether evaluation cannot fail, whatever the row.
    pub fn is_safe(&self) -> bool {
        use Function as F;
        match self {
            Formula::Column(_) | Formula::Literal(_) | Formula::Param(_) => true,
            Formula::Match(_, text) => text.is_safe(),
            Formula::Among(value, _) => value.is_safe(),
            Formula::Replace(..) => false,
            #[rustfmt::skip]
            Formula::Call(function, args) => matches!(
                function,
                F::Eq | F::Ne | F::Lt | F::Le | F::Gt | F::Ge | F::And | F::Or | F::Not | F::In | F::Like | F::ILike | F::StartsWith
                    | F::IsNull | F::IsNotNull | F::Between | F::IsDistinct | F::IsNotDistinct | F::Coalesce | F::NullIf | F::Greatest | F::Least
                    | F::Case | F::CaseOf | F::Lower | F::Upper | F::Length
            ) && args.iter().all(Formula::is_safe),
        }
    }

    /// Whether two rows have the same cells wherever it looks: then it gives the same for both. Cost: a comparison of cells per
    /// column that it names, where evaluating may stop at the first condition that decides.
    pub fn agrees(&self, relations: &Relations, relation: RelationId, [a, b]: [Handle; 2]) -> bool {
        match self {
            Formula::Column(path) => relations.same_cell(relation, a, b, *path),
            Formula::Literal(_) | Formula::Param(_) => true,
            Formula::Call(_, args) => args.iter().all(|arg| arg.agrees(relations, relation, [a, b])),
            Formula::Match(_, text) => text.agrees(relations, relation, [a, b]),
            Formula::Among(value, _) => value.agrees(relations, relation, [a, b]),
            Formula::Replace(_, of) => of.iter().all(|part| part.agrees(relations, relation, [a, b])),
        }
    }

    /// Evaluates. Cost: the size of the expression.
    pub fn eval<'a>(&'a self, row: Row<'a>) -> Outcome<'a> {
        match self {
            Formula::Column(p) => Ok(Datum::Cell(row.relations.cell(row.relation, row.handle, *p))),
            Formula::Literal(v) => Ok(Datum::Cell(v.as_cell())),
            Formula::Param(_) => Ok(NULL),
            Formula::Call(f, args) => call(*f, args, row),
            Formula::Match(pattern, text) => Ok(match text.eval(row)?.as_cell() {
                Cell::Text(text) => pattern.of(text),
                _ => NULL,
            }),
            Formula::Replace(pattern, of) => match (of[0].eval(row)?.as_cell(), of[1].eval(row)?.as_cell()) {
                (Cell::Text(text), Cell::Text(with)) => pattern.replaced(text, with),
                _ => Ok(NULL),
            },
            Formula::Among(value, constants) => Ok(truth(constants.has(value.eval(row)?.as_cell()))),
        }
    }

    /// Whether a condition is true (not false, not null). Of conjuncts the first that is not true decides.
    #[inline]
    pub fn holds(&self, row: Row<'_>) -> Result<bool, ErrorCode> {
        if let Formula::Call(Function::And, args) = self {
            for a in args {
                if !a.holds(row)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
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
            // What is asked most: no order of two texts is needed.
            if let (Function::Eq | Function::Ne, [Formula::Column(p), Formula::Literal(Value::Text(text))]) = (f, args.as_slice())
                && let Cell::Text(cell) = row.relations.cell(row.relation, row.handle, *p)
            {
                return Ok(Some((*cell == **text) == (*f == Function::Eq)));
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
            Formula::Param(_) | Formula::Call(..) | Formula::Match(..) | Formula::Replace(..) | Formula::Among(..) => None,
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
        Function::OneRow => match args[1].eval(row)?.as_cell() {
            Cell::Int(rows) if rows > 1 => Err(ErrorCode::TooManyRows),
            _ => args[0].eval(row),
        },
        Function::Case => branch(args, |condition| Ok(condition.truth(row)? == Some(true)), row),
        Function::CaseOf => {
            let operand = args[0].eval(row)?;
            let x = operand.as_cell();
            let is = |value: &'a Formula| {
                let value = value.eval(row)?;
                let v = value.as_cell();
                Ok(!x.is_null() && !v.is_null() && total_order(x, v).is_eq())
            };
            branch(&args[1..], is, row)
        }
        Function::Between => {
            let x = args[0].eval(row)?;
            let low = args[1].eval(row)?;
            let from = compare(Function::Ge, x.as_cell(), low.as_cell());
            if from == Some(false) {
                return Ok(truth(from));
            }
            let to = compare(Function::Le, x.as_cell(), args[2].eval(row)?.as_cell());
            Ok(truth(if to == Some(true) { from } else { to }))
        }
        Function::IsDistinct | Function::IsNotDistinct | Function::NullIf => {
            let (a, b) = (args[0].eval(row)?, args[1].eval(row)?);
            let (nulls, equal) = (a.as_cell().is_null(), total_order(a.as_cell(), b.as_cell()).is_eq());
            let same = nulls == b.as_cell().is_null() && (nulls || equal);
            Ok(match f {
                Function::NullIf if same => NULL,
                Function::NullIf => a,
                _ => truth(Some(same == (f == Function::IsNotDistinct))),
            })
        }
        Function::Greatest | Function::Least => {
            let wins = if f == Function::Greatest { Ordering::Greater } else { Ordering::Less };
            let mut best = NULL;
            for a in args {
                let v = a.eval(row)?;
                if best.as_cell().is_null() || !v.as_cell().is_null() && total_order(v.as_cell(), best.as_cell()) == wins {
                    best = v;
                }
            }
            Ok(best)
        }
        Function::ConcatAll | Function::ConcatWs => {
            let texts = args.iter().map(|a| a.eval(row)).collect::<Result<Vec<_>, _>>()?;
            let mut texts = texts.iter().map(Datum::as_cell);
            let mut between = "";
            if f == Function::ConcatWs {
                match texts.next() {
                    Some(Cell::Text(text)) => between = text,
                    _ => return Ok(NULL),
                }
            }
            let texts = texts.filter_map(|t| if let Cell::Text(t) = t { Some(t) } else { None });
            Ok(Datum::Value(scalar::join(texts, between)?))
        }
        _ if args.len() == 1 => {
            let a = args[0].eval(row)?;
            strict(f, &[a.as_cell()])
        }
        _ if args.len() == 2 => {
            let (a, b) = (args[0].eval(row)?, args[1].eval(row)?);
            strict(f, &[a.as_cell(), b.as_cell()])
        }
        _ => {
            let args = args.iter().map(|a| a.eval(row)).collect::<Result<Vec<_>, _>>()?;
            let cells: Vec<Cell<'_>> = args.iter().map(Datum::as_cell).collect();
            strict(f, &cells)
        }
    }
}

/// The value of the first branch that is taken: pairs of what `takes` judges and a value, and a value for the rest.
fn branch<'a>(args: &'a [Formula], takes: impl Fn(&'a Formula) -> Result<bool, ErrorCode>, row: Row<'a>) -> Outcome<'a> {
    for pair in args.chunks(2) {
        match pair {
            [test, value] if takes(test)? => return value.eval(row),
            [otherwise] => return otherwise.eval(row),
            _ => {}
        }
    }
    Ok(NULL)
}

fn compare(f: Function, a: Cell<'_>, b: Cell<'_>) -> Option<bool> {
    let test = comparison(f)?;
    (!a.is_null() && !b.is_null()).then(|| test(total_order(a, b)))
}

/// A function that is null as soon as an argument is.
fn strict(f: Function, args: &[Cell<'_>]) -> Outcome<'static> {
    // A null is looked for in arrays as a value is, and nothing is equal to an element of an empty one.
    let needed = match f {
        Function::ArrayPosition => &args[..1],
        Function::Any => &args[1..],
        _ => args,
    };
    if needed.iter().any(|a| a.is_null()) {
        return Ok(NULL);
    }
    if let (Some(test), [a, b]) = (comparison(f), args) {
        return Ok(truth(Some(test(total_order(*a, *b)))));
    }
    if let [Cell::Text(text), Cell::Text(pattern)] = args
        && PATTERNED.contains(&f)
    {
        return Ok(patterned(f, text, pattern));
    }
    if let (Function::RegexpReplace, [Cell::Text(text), Cell::Text(pattern), Cell::Text(with), flags @ ..]) = (f, args) {
        let flags = if let [Cell::Text(flags)] = flags { flags } else { "" };
        return last_pattern(f, pattern, flags, |p| p.replaced(text, with)).unwrap_or(Ok(NULL));
    }
    scalar::call(f, args).map(Datum::Value)
}
