//! Of the facts that agree in some columns, the one that is kept: `min` and `max` of a growing relation.
//!
//! All facts with derivations are candidates, in order per key. The first one of a key is in; when a better one comes, it
//! takes its place, and what the other led to goes with it, unless it has support elsewhere. Candidates are read once nothing
//! is in without support: then they are derived from facts that are well-founded, and so well-founded themselves. While no
//! fact leads to a better one of its own key (lengths that are not negative), the best facts that are left to find are
//! found one after another for good: as many rounds as the longest chain of best facts.
//!
//! Cost: O(log n) per candidate that comes or goes.

use hashbrown::HashMap;

use super::facts::Fact;
use crate::algebra::{Delta, Handle, NO_ROW};
use crate::query::Best;
use crate::sort;
use crate::trace::{GroupId, HandleState, OrderedGroups, Path, RelationId, Relations, SortColumn, SortSpec};
use crate::value::Type;

/// Candidates per key.
#[derive(Debug)]
pub struct BestRows {
    candidates: OrderedGroups,
    /// Group of each candidate.
    listed: HashMap<Handle, GroupId, HandleState>,
    /// The fact of each group that is in.
    chosen: HashMap<GroupId, Handle, HandleState>,
}

impl BestRows {
    /// No candidates of a relation with columns of these types.
    pub fn new(relation: RelationId, best: &Best, types: &[Type]) -> Self {
        let column = |c: usize, desc: bool| SortColumn { path: Path::column(c), ty: types[c], desc, nulls_first: false };
        let others = (0..types.len()).filter(|c| *c != best.column && !best.by.contains(c)).map(|c| column(c, false));
        let columns = std::iter::once(column(best.column, best.largest)).chain(others).collect();
        let by = best.by.iter().map(|&c| Path::column(c)).collect();
        BestRows {
            candidates: OrderedGroups::new(relation, by, SortSpec { columns, ..SortSpec::default() }).with_nulls(),
            listed: HashMap::default(),
            chosen: HashMap::default(),
        }
    }

    /// The pairs of a fact that leaves and one that comes in its place (`NO_ROW`: none), given the facts that changed.
    pub(super) fn choose(&mut self, rs: &Relations, list: &[Fact], changed: &[Handle]) -> Vec<[Handle; 2]> {
        let mut delta = Delta::default();
        let mut groups: Vec<GroupId> = Vec::new();
        for &fact in changed {
            match (list[fact as usize].total > 0, self.listed.get(&fact)) {
                (true, None) => delta.push(fact, 1),
                (false, Some(_)) => delta.push(fact, -1),
                // It may have left for lack of support, and be the best again.
                (true, Some(&group)) => groups.push(group),
                (false, None) => {}
            }
        }
        delta.consolidate();
        self.candidates.apply(rs, &delta);
        for &(fact, _) in delta.rows().iter().filter(|r| r.1 < 0) {
            self.listed.remove(&fact);
        }
        for change in self.candidates.changes() {
            groups.push(change.group);
            for placed in &change.inserted {
                self.listed.insert(placed.row, change.group);
            }
        }
        sort::by_number(&mut groups, |group| *group);
        groups.dedup();
        let mut found = Vec::new();
        for group in groups {
            let best = self.candidates.list(group).get(0).map_or(NO_ROW, |e| e.row);
            let chosen = self.chosen.get(&group).copied().unwrap_or(NO_ROW);
            if best != chosen {
                found.push([chosen, best]);
                if best == NO_ROW {
                    self.chosen.remove(&group);
                } else {
                    self.chosen.insert(group, best);
                }
            }
        }
        found
    }

    /// Whether a fact is among the candidates, or was before the step and has not been taken out yet.
    pub(super) fn is_listed(&self, fact: Handle) -> bool {
        self.listed.contains_key(&fact)
    }

    /// A fact that was chosen left for lack of support.
    pub(super) fn forget(&mut self, fact: Handle) {
        if let Some(group) = self.listed.get(&fact)
            && self.chosen.get(group) == Some(&fact)
        {
            self.chosen.remove(group);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.candidates.bytes() + self.listed.allocation_size() + self.chosen.allocation_size()
    }
}
