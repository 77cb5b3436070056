//! A version in which windows move: by parameters that say limits, offsets or starts, or as an application scrolls.

use super::moves::ListChange;
use super::{ROOT, View, rows_of, window};
use crate::circuit::Circuit;
use crate::engine::view::Output;
use crate::trace::{GroupDelta, Relations};

impl View {
    /// As [`absorb`](View::absorb), from windows as they were to windows as they are. Cost: O(log n) per list that is shown
    /// of a level whose window moved, and O(1) per row that enters or leaves.
    pub(super) fn absorb_moved(&mut self, circuit: &mut Circuit, relations: &mut Relations, out: &mut Output<'_>) {
        let Some(before) = self.before.take() else { return };
        self.nodes.begin();
        for (level, was) in before.iter().enumerate() {
            let mut changes: Vec<(Vec<u32>, ListChange)> = Vec::new();
            {
                let l = &self.plan.levels[level];
                let groups = circuit.nodes().ordered(l.node);
                let rows = rows_of(l, relations, groups.sort());
                let shown = match (l.window == *was, level) {
                    (false, 0) => vec![0],
                    (false, _) => self.nodes.groups(level),
                    (true, _) => groups.changes().iter().map(|c| c.group).collect(),
                };
                for group in shown {
                    let owners = match level {
                        0 => vec![ROOT],
                        _ => self.nodes.owners(level, group).collect(),
                    };
                    let owners: Vec<u32> = owners.into_iter().filter(|o| !self.nodes.is_settled(level, *o)).collect();
                    if owners.is_empty() {
                        continue;
                    }
                    let list = groups.list(group);
                    let same = GroupDelta { group, old_len: list.len(), ..GroupDelta::default() };
                    let delta = groups.change_of(group).unwrap_or(&same);
                    let change = window::change_between(was, &l.window, &rows, list, delta);
                    if !change.is_empty() {
                        changes.push((owners, change));
                    }
                }
            }
            self.before = Some(before.clone());
            for (owners, change) in changes {
                for owner in owners {
                    self.emit(circuit, relations, level, owner, &change, out);
                }
            }
        }
        self.before = None;
    }
}
