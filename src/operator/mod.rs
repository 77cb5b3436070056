//! One file per operator, and the formulas that they evaluate: `formula`, and its functions in `scalar`.

mod aggregate;
mod among;
mod arrange;
mod arrival;
mod bound;
mod combine;
mod extend;
mod filter;
mod fixpoint;
mod formula;
mod gate;
mod gather;
mod in_view;
mod join;
pub mod like;
mod link;
mod order;
mod outer_join;
mod param;
mod pattern;
mod range;
mod replacement;
mod scalar;
mod semi_join;
mod source;
mod top;
mod unnest;
mod window;

pub use aggregate::{AggregateGroups, Call, ExactSum, Spans};
pub use among::each_once;
pub use arrange::ArrangeByKey;
pub use arrival::ArrivalLink;
pub use bound::{Against, Bound};
pub use combine::{Combine, Member};
pub use extend::Extend;
pub use filter::Filter;
pub use fixpoint::{BestRows, Derivations, Facts, Fixpoint, GrowingRows, GrownRows, Rounds};
pub use formula::{Datum, Formula, Row};
pub use gate::Gate;
pub use gather::{Gather, Part};
pub use in_view::InView;
pub use join::{Join, Pairs, Side};
pub use link::Link;
pub use order::Order;
pub use outer_join::OuterJoin;
pub use param::{BoundValue, Count, ParamExtend, ParamFilter, ParamTop, Seek};
pub use range::{Comparison, Range, Sought};
pub use semi_join::SemiJoin;
pub use source::Source;
pub use top::Top;
pub use unnest::{Elements, Unnest};
pub use window::{Window, WindowColumn};

use crate::algebra::{Handle, NO_ROW};
use crate::circuit::Failure;
use crate::error::ErrorCode;
use crate::trace::RelationId;

/// Rows whose evaluation failed, counted: an error goes when its row goes, like any other row.
#[derive(Debug, Default)]
struct Errors {
    codes: Vec<Failing>,
}

/// Rows of one error: how many, and some of them to be named.
#[derive(Debug)]
struct Failing {
    code: ErrorCode,
    count: i64,
    /// Never with more than their weights, which are told without detours: what is named has not gone.
    rows: Vec<([Handle; 2], i32)>,
}

/// So many rows of an error are kept at most: one is named, another when it has gone.
const NAMED: usize = 16;

impl Errors {
    /// Counts rows that come or go, none of which goes before it comes; both members of a pair, [`NO_ROW`] for what is no row of
    /// the input.
    #[cold]
    fn add(&mut self, code: ErrorCode, weight: i32, rows: [Handle; 2]) {
        let place = self.codes.iter().position(|c| c.code == code).unwrap_or_else(|| {
            self.codes.push(Failing { code, count: 0, rows: Vec::new() });
            self.codes.len() - 1
        });
        let failing = &mut self.codes[place];
        failing.count += i64::from(weight);
        if let Some(at) = failing.rows.iter().position(|r| r.0 == rows) {
            failing.rows[at].1 += weight;
            if failing.rows[at].1 <= 0 {
                failing.rows.remove(at);
            }
        } else if weight > 0 && rows[0] != NO_ROW {
            // Of many the last that came is among them: the others may go after it, in one step.
            failing.rows.truncate(NAMED - 1);
            failing.rows.push((rows, weight));
        }
        if failing.count == 0 {
            self.codes.remove(place);
        }
    }

    fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The same error whichever came first, with a row of one relation, or a pair of two. Asked before and after each step.
    #[inline(always)]
    fn first(&self, relations: [RelationId; 2]) -> Option<Failure> {
        if self.codes.is_empty() { None } else { self.least(relations) }
    }

    #[cold]
    #[inline(never)]
    fn least(&self, relations: [RelationId; 2]) -> Option<Failure> {
        let failing = self.codes.iter().min_by_key(|c| c.code)?;
        let named = failing.rows.first().map_or([NO_ROW; 2], |r| r.0);
        let row = |i: usize| (named[i] != NO_ROW).then_some((relations[i], named[i]));
        Some(Failure { code: failing.code, rows: [row(0), row(1)] })
    }
}
