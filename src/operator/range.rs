//! Comparisons of a column on the left with one on the right: which part of an ordered side a row of the other side meets.

use crate::algebra::{Handle, Weight};
use crate::query::Function;
use crate::trace::{OrderedGroups, Path, RelationId, Relations};
use crate::value::total_order;

/// A comparison of a left and a right column: `<`, `<=`, `>` or `>=`.
pub type Comparison = (Path, Function, Path);

/// Comparisons that all must hold. Each side is in the ascending order of its column in the first of them, nulls last;
/// further ones narrow the part where they are over the same column, and are for the residual condition to check elsewhere.
#[derive(Clone, Debug)]
pub struct Range {
    comparisons: Vec<Comparison>,
}

impl Range {
    /// A range of at least one comparison.
    pub fn new(comparisons: Vec<Comparison>) -> Self {
        Range { comparisons }
    }

    /// Adds the rows of the other side's list that a row of one side (left 0, right 1) meets. A null meets nothing.
    /// Cost: O(log n) and the rows found.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn seek(
        &self,
        relations: &Relations,
        side: usize,
        relation: RelationId,
        row: Handle,
        other: &OrderedGroups,
        weight: Weight,
        found: &mut Vec<(Handle, Weight)>,
    ) {
        let places = |c: &Comparison| if side == 0 { (c.0, c.2) } else { (c.2, c.0) };
        let (_, by) = places(&self.comparisons[0]);
        let list = other.list(0);
        let cell = |row: Handle| relations.cell(other.relation(), row, by);
        let mut low = 0;
        let mut high = list.partition(|e| !cell(e.row).is_null());
        for comparison in &self.comparisons {
            let (own, theirs) = places(comparison);
            if theirs != by {
                continue;
            }
            let value = relations.cell(relation, row, own);
            if value.is_null() {
                return;
            }
            // As seen from the row: what is before the bound in the other list, and whether that is what is met.
            let (or_equal, before) = match (comparison.1, side) {
                (Function::Lt, 0) | (Function::Gt, 1) => (true, false),
                (Function::Le, 0) | (Function::Ge, 1) => (false, false),
                (Function::Gt, 0) | (Function::Lt, 1) => (false, true),
                _ => (true, true),
            };
            let bound = list.partition(|e| {
                let order = total_order(cell(e.row), value);
                order.is_lt() || or_equal && order.is_eq()
            });
            if before {
                high = high.min(bound);
            } else {
                low = low.max(bound);
            }
        }
        if low < high {
            list.for_range(low, high - low, &mut |e| found.push((e.row, weight)));
        }
    }
}
