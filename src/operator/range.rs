//! Comparisons of a column on the left with one on the right: which part of an ordered side a row of the other side meets,
//! among the rows that have its key.

use crate::algebra::{Handle, Weight};
use crate::query::Function;
use crate::trace::{NO_GROUP, OrderedGroups, Path, RelationId, Relations, SortColumn, SortSpec, span};
use crate::value::{Type, total_order};

/// A comparison of a left and a right column: `<`, `<=`, `>` or `>=`.
pub type Comparison = (Path, Function, Path);

/// Comparisons that all must hold, by which both sides are arranged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sought {
    /// The comparisons.
    pub comparisons: Vec<Comparison>,
    /// The first two are one from above and one from below, so that each side has intervals, or points, that meet those of the
    /// other: intervals make the order of their side. Otherwise the first does.
    pub overlap: bool,
}

impl Sought {
    /// Both ends of the intervals of a side (left 0, right 1), in the order of columns, that a self join may have one index; none
    /// if it has points. These are in order themselves: what lies between two of them is then known to the last byte.
    fn span(&self, side: usize) -> Option<[Path; 2]> {
        let own = |c: &Comparison| if side == 0 { c.0 } else { c.2 };
        let mut ends = [own(self.comparisons.first()?), own(self.comparisons.get(1)?)];
        ends.sort_unstable();
        (self.overlap && ends[0] != ends[1]).then_some(ends)
    }

    /// The order of a side: of its intervals, or of its column in the first comparison, ascending and nulls last.
    pub fn sort(&self, side: usize, type_of: impl Fn(Path) -> Type) -> SortSpec {
        if let Some(span) = self.span(side) {
            return SortSpec { span: Some(span), ..SortSpec::default() };
        }
        let (left, _, right) = self.comparisons[0];
        let path = if side == 0 { left } else { right };
        let column = SortColumn { path, ty: type_of(path), desc: false, nulls_first: false };
        SortSpec { columns: vec![column], ..SortSpec::default() }
    }
}

/// What is sought in the order that [`Sought::sort`] gives, in groups of equal keys (one of all rows where there is no key). Of an
/// order by one column further comparisons narrow the part where they are over the same column; what is found otherwise is for the
/// residual condition to check.
#[derive(Clone, Debug)]
pub struct Range {
    keys: [Vec<Path>; 2],
    sought: Sought,
}

impl Range {
    /// A range among rows of equal keys; none without comparisons.
    pub fn new(keys: [&[Path]; 2], sought: Sought) -> Option<Self> {
        (!sought.comparisons.is_empty()).then(|| Range { keys: keys.map(<[Path]>::to_vec), sought })
    }

    /// Adds the rows of the other side that a row of one side (left 0, right 1) meets. A null meets nothing.
    /// Cost: O(log n), of intervals O(log n) per length of these in powers of two, and the rows found.
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
        let comparisons = &self.sought.comparisons;
        let (_, by) = places(&comparisons[0]);
        let group = other.find(relations, relation, row, &self.keys[side]);
        if group == NO_GROUP {
            return;
        }
        let list = other.list(group);
        if self.sought.span(1 - side).is_some() {
            let own = [0, 1].map(|n| relations.cell(relation, row, places(&comparisons[n]).0));
            if let Some(ends) = span::ends(own) {
                span::for_meeting(list, ends, &mut |e| found.push((e.row, weight)));
            }
            return;
        }
        let cell = |row: Handle| relations.cell(other.relation(), row, by);
        let mut low = 0;
        let mut high = list.partition(|e| !cell(e.row).is_null());
        for comparison in comparisons {
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
