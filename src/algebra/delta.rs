//! The change of one relation in one step.

use super::{Handle, Weight};
use crate::sort;

/// A Z-set of rows; consolidated (each row once, no zero weights) once [`Delta::consolidate`] ran: in the order of the handles, unless an
/// operator knew that it was before.
///
/// ```
/// use eddyline::algebra::Delta;
/// let mut d = Delta::default();
/// d.push(3, 1);
/// d.push(2, -1);
/// d.push(3, -1);
/// d.consolidate();
/// assert_eq!(d.rows(), &[(2, -1)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Delta {
    rows: Vec<(Handle, Weight)>,
    is_consolidated: bool,
}

impl Delta {
    /// Adds weight to a row.
    #[inline]
    pub fn push(&mut self, row: Handle, weight: Weight) {
        self.rows.push((row, weight));
    }

    /// Rows and weights.
    #[inline]
    pub fn rows(&self) -> &[(Handle, Weight)] {
        &self.rows
    }

    /// The row that leaves, the one that takes its place, and their weight, if that is all: an update, which most changes are.
    #[inline]
    pub fn update(&self) -> Option<(Handle, Handle, Weight)> {
        let &[a, b] = self.rows() else { return None };
        let (old, new) = if a.1 < b.1 { (a, b) } else { (b, a) };
        (old.1.checked_add(new.1) == Some(0)).then_some((old.0, new.0, new.1))
    }

    /// Says of a delta, to which nothing is added any more, that each row is in it once, with a weight. It is left in the order that it
    /// has: a row that takes the place of another stays behind it.
    pub fn mark_consolidated(&mut self) {
        self.is_consolidated = true;
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets everything, keeps the memory unless it is large.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.rows.clear();
        self.is_consolidated = false;
        if self.rows.capacity() > 1 << 14 {
            self.rows = Vec::new();
        }
    }

    /// Adds equal rows up, drops zeros, sorts by handle. Cost: O(n log n), nothing for n ≤ 1.
    pub fn consolidate(&mut self) {
        match self.rows.len() {
            0 => return,
            _ if self.is_consolidated => {
                return debug_assert!(
                    self.rows.iter().map(|r| r.0).collect::<std::collections::HashSet<_>>().len() == self.rows.len()
                );
            }
            1 => {
                if self.rows[0].1 == 0 {
                    self.rows.clear();
                }
                return;
            }
            // An update, which most changes are.
            2 if self.rows[0].0 != self.rows[1].0 && self.rows[0].1 != 0 && self.rows[1].1 != 0 => {
                if self.rows[0].0 > self.rows[1].0 {
                    self.rows.swap(0, 1);
                }
                return;
            }
            _ => {}
        }
        if !self.rows.is_sorted_by(|a, b| a.0 < b.0) {
            sort_rows(&mut self.rows);
            let mut kept = 0;
            for i in 1..self.rows.len() {
                let (row, weight) = self.rows[i];
                if self.rows[kept].0 == row {
                    self.rows[kept].1 = self.rows[kept].1.checked_add(weight).expect("weight overflow");
                } else {
                    kept += 1;
                    self.rows[kept] = (row, weight);
                }
            }
            self.rows.truncate(kept + 1);
        }
        self.rows.retain(|r| r.1 != 0);
    }
}

/// Sorts rows and weights by the rows.
#[inline(never)]
pub fn sort_rows(rows: &mut [(Handle, Weight)]) {
    let pack = |r: &(Handle, Weight)| u64::from(r.0) << 32 | u64::from(r.1 as u32);
    if rows.len() <= 16 {
        return sort::by_number(rows, |r| r.0);
    }
    let mut packed: Vec<u64> = rows.iter().map(pack).collect();
    sort::numbers(&mut packed);
    for (row, packed) in rows.iter_mut().zip(packed) {
        *row = ((packed >> 32) as Handle, packed as Weight);
    }
}
