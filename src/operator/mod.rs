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

use crate::error::ErrorCode;

/// Rows whose evaluation failed, counted: an error goes when its row goes, like any other row.
#[derive(Debug, Default)]
struct Errors {
    counts: Vec<(ErrorCode, i64)>,
}

impl Errors {
    fn add(&mut self, code: ErrorCode, weight: i32) {
        match self.counts.iter_mut().find(|c| c.0 == code) {
            Some(c) => c.1 += i64::from(weight),
            None => self.counts.push((code, i64::from(weight))),
        }
        self.counts.retain(|c| c.1 != 0);
    }

    /// Whichever came first, it is the same.
    fn first(&self) -> Option<ErrorCode> {
        self.counts.iter().map(|c| c.0).min()
    }
}
