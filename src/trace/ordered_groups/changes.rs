//! What a step does to the lists: rows that come, go, and take each other's places.

use super::{GroupDelta, GroupId, NO_DELTA, OrderedGroups, Placed};
use crate::algebra::{Delta, Handle};
use crate::sort;
use crate::trace::merge::{Work, patch, rebuild};
use crate::trace::{Path, Relations, hash_cells, hash_key, same_cells};

impl OrderedGroups {
    /// Forgets the changes of the step before. Groups that they emptied go now.
    pub fn begin(&mut self) {
        while let Some(mut change) = self.changes.pop() {
            let group = change.group;
            self.groups[group as usize].delta = NO_DELTA;
            self.drop_if_unused(group);
            change.removed.clear();
            change.inserted.clear();
            if self.spare.len() < 64 && change.inserted.capacity() < 1024 {
                if self.spare.is_empty() {
                    self.spare.reserve_exact(1);
                }
                self.spare.push(change);
            }
        }
    }

    /// Forgets the changes, and gives back what memory they took: of many lists most never change.
    pub fn trim(&mut self) {
        self.begin();
        (self.changes, self.spare, self.work) = Default::default();
    }

    /// Applies a delta and records what it did. Cost: O(log n) a row; lists that change in large part are rebuilt in one
    /// merge.
    pub fn apply(&mut self, rs: &Relations, delta: &Delta) {
        self.begin();
        if delta.update().is_some_and(|(old, new, _)| self.replace(rs, old, new)) {
            return;
        }
        let mut work = std::mem::take(&mut self.work);
        if self.group.is_empty() {
            self.take_all(rs, delta, &mut work);
            if !delta.is_empty() {
                self.change_group(rs, 0, &mut work);
            }
        } else {
            self.apply_grouped(rs, delta, &mut work);
        }
        self.work = work;
    }

    /// Files the rows of the one list. A row behind one that goes, of which the order sees the same, takes its place: windows tell of
    /// hundreds so. Only one entry is made of the two, and they are not compared again.
    fn take_all(&self, rs: &Relations, delta: &Delta, work: &mut Work) {
        let rows = delta.rows();
        let mut at = 0;
        while let Some(&(row, weight)) = rows.get(at) {
            at += 1;
            let entry = self.sort.entry(rs, self.relation, row);
            match rows.get(at) {
                Some(&(new, 1)) if weight < 0 && rows.len() > 2 && self.sort.alike(rs, self.relation, row, new) => {
                    work.take_update(entry, new);
                    at += 1;
                }
                _ => work.take(weight, entry),
            }
        }
    }

    /// Puts a row in the place of another one that has the same cells wherever its group or order looks, as a group's new values do.
    /// Whether it could.
    fn replace(&mut self, rs: &Relations, old: Handle, new: Handle) -> bool {
        let paths = std::mem::take(&mut self.group);
        let is_alike = self.sort.alike(rs, self.relation, old, new) && same_cells(rs, self.relation, old, new, &paths);
        let group = match &paths[..] {
            [] => Some(0),
            paths if is_alike => self.known_group(rs, old, paths),
            _ => None,
        };
        self.group = paths;
        // A row without a group is in no list.
        let (true, Some(group)) = (is_alike, group) else { return is_alike };
        let (sort, relation) = (&self.sort, self.relation);
        let tie = |a: Handle, b: Handle| sort.compare(rs, relation, a, b).then(a.cmp(&b));
        let list = &mut self.groups[group as usize].list;
        let Some(at) = list.replace(sort.entry(rs, relation, old), new, &tie) else { return false };
        let mut change = self.spare.pop().unwrap_or_default();
        change.old_len = list.len();
        change.removed.push(Placed { row: old, at });
        change.inserted.push(Placed { row: new, at });
        self.record(group, change);
        true
    }

    fn apply_grouped(&mut self, rs: &Relations, delta: &Delta, work: &mut Work) {
        let paths = std::mem::take(&mut self.group);
        let mut of_group = std::mem::take(&mut work.of_group);
        // Of an update both rows mostly are of one group, which is looked up once.
        let of_one = delta.update().is_some_and(|(old, new, _)| same_cells(rs, self.relation, old, new, &paths));
        let mut group = None;
        for (at, &(row, weight)) in delta.rows().iter().enumerate() {
            if at == 0 || !of_one {
                group = self.known_group(rs, row, &paths);
            }
            of_group.extend(group.map(|g| (g, row, weight)));
        }
        self.group = paths;
        sort::by_number(&mut of_group, |g| g.0);
        let mut rest = of_group.as_slice();
        while let Some(&(group, ..)) = rest.first() {
            let n = rest.iter().take_while(|g| g.0 == group).count();
            for &(_, row, weight) in &rest[..n] {
                work.take(weight, self.sort.entry(rs, self.relation, row));
            }
            self.change_group(rs, group, work);
            rest = &rest[n..];
        }
        if of_group.capacity() < 1 << 14 {
            of_group.clear();
            work.of_group = of_group;
        }
    }

    fn known_group(&mut self, rs: &Relations, row: Handle, paths: &[Path]) -> Option<GroupId> {
        let rel = self.relation;
        let hash = if self.nulls { hash_key(rs, rel, row, paths) } else { hash_cells(rs, rel, row, paths)? };
        Some(self.keys.find(rs, rel, row, paths, hash).unwrap_or_else(|| self.new_group(rs, rel, row, paths, hash)))
    }

    /// Changes one group by the rows in `work`, and empties it.
    fn change_group(&mut self, rs: &Relations, group: GroupId, work: &mut Work) {
        let mut change = self.spare.pop().unwrap_or_default();
        let (sort, relation) = (&self.sort, self.relation);
        // An order of operators may be without a key.
        let tie = |a: Handle, b: Handle| sort.compare(rs, relation, a, b).then(a.cmp(&b));
        let (came, went) = (work.inserted.len(), work.removed.len());
        let list = &mut self.groups[group as usize].list;
        change.old_len = list.len();
        if work.rows() > 32 + list.len() / 8 {
            rebuild(list, work, &mut change, &tie);
        } else {
            patch(list, work, &mut change, &|a, b| sort.compare(rs, relation, a, b), &tie);
        }
        self.rows = self.rows + came - went;
        work.clear();
        self.record(group, change);
    }

    /// Notes what this step did to a group.
    fn record(&mut self, group: GroupId, mut change: GroupDelta) {
        change.group = group;
        self.groups[group as usize].delta = self.changes.len() as u32;
        if self.changes.capacity() == 0 {
            self.changes.reserve_exact(1);
        }
        self.changes.push(change);
    }
}
