//! Which function an operator is between dates, moments, times of day and intervals.

use super::expr::Typed;
use super::literal::{to_float, to_moment};
use crate::query::{Expr, Function};
use crate::value::Type;

/// The call of an operator of dates, times and intervals; the arguments come back if it is none.
pub(super) fn call(function: Function, mut args: Vec<Typed>) -> Result<Typed, Vec<Typed>> {
    use Function as F;
    use Type::{Date, Decimal, Float, Int, Interval, Time, Timestamp};
    let types: Vec<Option<Type>> = args.iter().map(|a| a.ty).collect();
    let [Some(a), Some(b)] = types[..] else { return Err(args) };
    let found = match (function, a, b) {
        (F::Add, Date, Int) | (F::Add, Int, Date) => F::AddDays,
        (F::Sub, Date, Int) => F::SubDays,
        (F::Sub, Date, Date) => F::DiffDays,
        (F::Add, Timestamp | Date | Time, Interval) | (F::Sub, Timestamp | Date | Time, Interval) => F::AddSpan,
        (F::Add, Interval, Timestamp | Date | Time) => F::AddSpan,
        (F::Sub, Timestamp | Date, Timestamp | Date) | (F::Sub, Time, Time) => F::DiffMoments,
        (F::Add | F::Sub, Interval, Interval) => function,
        (F::Mul, Interval, Int | Float | Decimal) | (F::Mul, Int | Float | Decimal, Interval) => F::ScaleSpan,
        (F::Div, Interval, Int | Float | Decimal) => F::ShrinkSpan,
        _ => return Err(args),
    };
    if found == F::AddSpan && a == Interval || found == F::ScaleSpan && b == Interval {
        // The interval is the second of a sum, and the first of a product.
        args.swap(0, 1);
    }
    if found == F::AddSpan && function == F::Sub {
        let expr = std::mem::replace(&mut args[1].expr, Expr::Column(0));
        args[1].expr = Expr::Call(F::Neg, vec![expr]);
    }
    if matches!(found, F::AddSpan | F::DiffMoments) {
        args.iter_mut().for_each(to_moment);
    }
    if matches!(found, F::ScaleSpan | F::ShrinkSpan) {
        to_float(&mut args[1]);
    }
    let ty = found.result(args.iter().map(|a| a.ty));
    Ok(Typed { expr: Expr::Call(found, args.into_iter().map(|a| a.expr).collect()), ty })
}
