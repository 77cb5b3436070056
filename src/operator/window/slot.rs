//! What each node of a partition's tree knows of the rows below it, so that a frame's aggregate is put together from few nodes.

use std::cmp::Ordering;

use crate::algebra::{Handle, NO_ROW};
use crate::error::ErrorCode;
use crate::operator::scalar::decimal;
use crate::operator::{ExactSum, Formula, Spans};
use crate::query::WindowFunction;
use crate::trace::{RelationId, Relations};
use crate::value::numeric::{Decimal, DecimalSum};
use crate::value::{Cell, Type, Value, identity_order};

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Number of values that are not null.
    Count,
    /// And their exact sum.
    Sum,
    /// And their exact sum, of decimals.
    Decimals,
    /// And their sum, of intervals.
    Spans,
    /// A row with the smallest value.
    Min,
    /// A row with the largest value.
    Max,
}

impl Kept {
    /// What a function needs, if it needs anything.
    pub(super) fn of(function: WindowFunction, ty: Type) -> Option<Kept> {
        match function {
            WindowFunction::Count => Some(Kept::Count),
            WindowFunction::Sum | WindowFunction::Avg if ty == Type::Decimal => Some(Kept::Decimals),
            WindowFunction::Sum | WindowFunction::Avg if ty == Type::Interval => Some(Kept::Spans),
            WindowFunction::Sum | WindowFunction::Avg => Some(Kept::Sum),
            WindowFunction::Min => Some(Kept::Min),
            WindowFunction::Max => Some(Kept::Max),
            _ => None,
        }
    }
}

/// The aggregates of a node's trees: what is kept of which argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotSpec {
    pub kept: Kept,
    pub argument: Formula,
}

/// Reads arguments of rows.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub relations: &'a Relations,
    pub relation: RelationId,
    pub slots: &'a [SlotSpec],
}

impl<'a> Arguments<'a> {
    /// Value of an argument, which the planner made a column or a constant.
    #[inline(always)]
    pub(super) fn cell(self, argument: &'a Formula, row: Handle) -> Cell<'a> {
        match argument {
            Formula::Column(path) => self.relations.cell(self.relation, row, *path),
            Formula::Literal(value) => value.as_cell(),
            Formula::Param(_) | Formula::Call(..) | Formula::Match(..) | Formula::Replace(..) | Formula::Among(..) => {
                unreachable!("computed below the window")
            }
        }
    }

    fn value(self, slot: usize, row: Handle) -> Cell<'a> {
        self.cell(&self.slots[slot].argument, row)
    }
}

/// An aggregate of some rows.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Count(i64),
    Sum { sum: ExactSum, count: i64 },
    Decimals { sum: Box<DecimalSum>, count: i64 },
    Spans(Box<Spans>),
    Extreme(Handle),
}

impl Slot {
    /// Of no rows.
    pub(super) fn new(kept: Kept) -> Self {
        match kept {
            Kept::Count => Slot::Count(0),
            Kept::Sum => Slot::Sum { sum: ExactSum::default(), count: 0 },
            Kept::Decimals => Slot::Decimals { sum: Box::default(), count: 0 },
            Kept::Spans => Slot::Spans(Box::default()),
            Kept::Min | Kept::Max => Slot::Extreme(NO_ROW),
        }
    }

    /// Adds a row, or takes it away (`times` −1). False if what is left is not known without looking at the other rows.
    pub(super) fn add(&mut self, arguments: Arguments<'_>, slot: usize, row: Handle, times: i32) -> bool {
        let cell = arguments.value(slot, row);
        if cell.is_null() {
            return true;
        }
        match self {
            Slot::Count(n) => *n += i64::from(times),
            Slot::Sum { sum, count } => {
                *count += i64::from(times);
                match cell {
                    Cell::Int(v) => sum.add_integer(v, times),
                    Cell::Float(v) => sum.add(v, times),
                    _ => unreachable!("bind lets no sum of others through"),
                }
            }
            Slot::Decimals { sum, count } => {
                *count += i64::from(times);
                if let Cell::Decimal(v) = cell {
                    sum.add(&Decimal::unpack(v), i64::from(times));
                }
            }
            Slot::Spans(sum) => {
                if let Cell::Interval(v) = cell {
                    sum.add(v, times);
                }
            }
            Slot::Extreme(held) if times < 0 => return *held != row,
            Slot::Extreme(held) => {
                if *held == NO_ROW || is_better(arguments, slot, row, *held) {
                    *held = row;
                }
            }
        }
        true
    }

    /// Adds other rows.
    pub(super) fn merge(&mut self, arguments: Arguments<'_>, slot: usize, other: &Slot) {
        match (self, other) {
            (Slot::Count(n), Slot::Count(m)) => *n += m,
            (Slot::Sum { sum, count }, Slot::Sum { sum: more, count: m }) => {
                *count += m;
                sum.add_sum(more, false);
            }
            (Slot::Decimals { sum, count }, Slot::Decimals { sum: more, count: m }) => {
                *count += m;
                sum.add_sum(more, false);
            }
            (Slot::Spans(sum), Slot::Spans(more)) => sum.add_all(more, 1),
            (Slot::Extreme(held), Slot::Extreme(row)) => {
                if *row != NO_ROW && (*held == NO_ROW || is_better(arguments, slot, *row, *held)) {
                    *held = *row;
                }
            }
            _ => unreachable!("slots of one kind"),
        }
    }

    /// Takes rows away that are in it; not for extremes.
    pub(super) fn subtract(&mut self, other: &Slot) {
        match (self, other) {
            (Slot::Count(n), Slot::Count(m)) => *n -= m,
            (Slot::Sum { sum, count }, Slot::Sum { sum: less, count: m }) => {
                *count -= m;
                sum.add_sum(less, true);
            }
            (Slot::Decimals { sum, count }, Slot::Decimals { sum: less, count: m }) => {
                *count -= m;
                sum.add_sum(less, true);
            }
            (Slot::Spans(sum), Slot::Spans(less)) => sum.add_all(less, -1),
            _ => unreachable!("slots of one kind that can be taken away"),
        }
    }

    /// Nothing in it, or as much taken away as was added.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Slot::Count(n) => *n == 0,
            Slot::Sum { sum, count } => *count == 0 && sum.is_zero(),
            Slot::Decimals { sum, count } => *count == 0 && sum.is_nothing(),
            Slot::Spans(sum) => sum.is_nothing(),
            Slot::Extreme(row) => *row == NO_ROW,
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Slot::Sum { sum, .. } => sum.bytes(),
            Slot::Decimals { sum, .. } => size_of::<DecimalSum>() + sum.bytes(),
            Slot::Spans(_) => size_of::<Spans>(),
            _ => 0,
        }
    }

    /// The sum or mean.
    pub(super) fn sum(&self, function: WindowFunction, ty: Type) -> Result<Value, ErrorCode> {
        if let Slot::Decimals { sum, count } = self {
            let value = match function {
                _ if *count == 0 => return Ok(Value::Null),
                WindowFunction::Avg => sum.mean(*count).unwrap_or_default(),
                _ => sum.value(),
            };
            return decimal::made(&value);
        }
        if let Slot::Spans(sum) = self {
            return sum.result(function == WindowFunction::Avg);
        }
        let Slot::Sum { sum, count } = self else { unreachable!("a sum") };
        if *count == 0 {
            return Ok(Value::Null);
        }
        let value = match function {
            WindowFunction::Avg => sum.quotient(*count as u64),
            _ if ty == Type::Int => {
                return i64::try_from(sum.integer_sum()).map(Value::Int).map_err(|_| ErrorCode::NumericOverflow);
            }
            _ => sum.value(),
        };
        let value = value.unwrap_or(f64::NAN);
        if value.is_infinite() && !sum.has_infinite() { Err(ErrorCode::NumericOverflow) } else { Ok(Value::Float(value)) }
    }
}

fn is_better(arguments: Arguments<'_>, slot: usize, row: Handle, held: Handle) -> bool {
    let order = identity_order(arguments.value(slot, row), arguments.value(slot, held));
    order == if arguments.slots[slot].kept == Kept::Max { Ordering::Greater } else { Ordering::Less }
}
