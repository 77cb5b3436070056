//! Ordered rows by group: the index behind order, limit, keyset and nesting.
//!
//! One [`OrderedList`] per group key. A root list is the one group of the empty key; an association is grouped by the
//! columns that refer to the owner. After each step [`OrderedGroups::changes`] tells, per changed group, which rows left from
//! which old position and which came to which new position: all that a window needs to know what it shows now. How that comes
//! about is in `changes`.

mod changes;

use super::merge::{Work, in_order};
use super::{Entry, KeyTable, OrderedList, Path, RelationId, Relations, Slab, SortSpec, hash_cells};
use crate::algebra::{Delta, Handle};
use crate::value::Value;

/// A group of one arrangement.
pub type GroupId = u32;

/// No group: a key with a null, or one that nothing has.
pub const NO_GROUP: GroupId = u32::MAX;

/// A row and its position in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The row.
    pub row: Handle,
    /// Its position.
    pub at: usize,
}

/// What a step did to one group.
#[derive(Clone, Debug, Default)]
pub struct GroupDelta {
    /// The group.
    pub group: GroupId,
    /// Rows that left, by ascending position in the list before the step.
    pub removed: Vec<Placed>,
    /// Rows that came, by ascending position in the list after the step.
    pub inserted: Vec<Placed>,
    /// Length before.
    pub old_len: usize,
}

#[derive(Debug)]
struct Group {
    list: OrderedList,
    users: u32,
    delta: u32,
    /// The first of its holders.
    holder: u32,
}

const NO_DELTA: u32 = u32::MAX;
const NO_HOLDER: u32 = u32::MAX;

impl Default for Group {
    fn default() -> Self {
        Group { list: OrderedList::default(), users: 0, delta: NO_DELTA, holder: NO_HOLDER }
    }
}

/// A view that shows a list of a group, and the next one that does; of a free place, the next of these.
#[derive(Clone, Copy, Debug)]
struct Holder {
    view: u32,
    next: u32,
}

/// The lists.
#[derive(Debug)]
pub struct OrderedGroups {
    relation: RelationId,
    group: Vec<Path>,
    /// A key with a null is a key like others.
    nulls: bool,
    sort: SortSpec,
    keys: KeyTable,
    groups: Slab<Group>,
    /// Views that show a list of a group; of the one list of an arrangement without groups.
    holders: Slab<Holder>,
    free_holder: u32,
    holders_of_all: Vec<u32>,
    changes: Vec<GroupDelta>,
    spare: Vec<GroupDelta>,
    /// Kept for its memory.
    work: Work,
    rows: usize,
}

impl OrderedGroups {
    /// Empty lists of a relation, grouped by the cells at some paths.
    pub fn new(relation: RelationId, group: Vec<Path>, sort: SortSpec) -> Self {
        let mut groups = Slab::default();
        if group.is_empty() {
            groups.push(Group::default());
        }
        OrderedGroups {
            relation,
            group,
            nulls: false,
            sort,
            keys: KeyTable::default(),
            groups,
            holders: Slab::default(),
            free_holder: NO_HOLDER,
            holders_of_all: Vec::new(),
            changes: Vec::new(),
            spare: Vec::new(),
            work: Work::default(),
            rows: 0,
        }
    }

    /// The same, where rows with a null in their key are kept: null is equal to null.
    #[must_use]
    pub fn with_nulls(mut self) -> Self {
        self.nulls = true;
        self
    }

    /// The relation of the rows.
    pub fn relation(&self) -> RelationId {
        self.relation
    }

    /// Where the cells of the key are.
    pub fn group(&self) -> &[Path] {
        &self.group
    }

    /// The order.
    pub fn sort(&self) -> &SortSpec {
        &self.sort
    }

    /// Rows in all groups.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Drops up to so many groups, and tells how many there were: of lists that are not asked again.
    pub fn sweep(&mut self, groups: usize) -> usize {
        self.keys.sweep(groups);
        self.groups.drop_last(groups)
    }

    /// What the last step did.
    pub fn changes(&self) -> &[GroupDelta] {
        &self.changes
    }

    /// What the last step did to one group.
    pub fn change_of(&self, group: GroupId) -> Option<&GroupDelta> {
        if group == NO_GROUP {
            return None;
        }
        let at = self.groups[group as usize].delta;
        (at != NO_DELTA).then(|| &self.changes[at as usize])
    }

    /// All lists, empty ones among them.
    pub fn lists(&self) -> impl Iterator<Item = &OrderedList> {
        self.groups.iter().map(|g| &g.list)
    }

    /// All lists, with what the last step did to them.
    pub fn lists_with_changes(&self) -> impl Iterator<Item = (&OrderedList, Option<&GroupDelta>)> {
        let change = |g: &Group| (g.delta != NO_DELTA).then(|| &self.changes[g.delta as usize]);
        self.groups.iter().map(move |g| (&g.list, change(g)))
    }

    /// The list of a group.
    #[inline(always)]
    pub fn list(&self, group: GroupId) -> &OrderedList {
        &self.groups[group as usize].list
    }

    /// The group of the key made of another row's cells at these paths, kept until [`release`](Self::release) even
    /// while it is empty. `NO_GROUP` for a key with a null.
    pub fn acquire(&mut self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path]) -> GroupId {
        if self.group.is_empty() {
            self.groups[0].users += 1;
            return 0;
        }
        match self.group_of(rs, rel, row, paths) {
            Some(g) => {
                self.groups[g as usize].users += 1;
                g
            }
            None => NO_GROUP,
        }
    }

    /// The group of the key made of another row's cells, if it is there.
    pub fn find(&self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path]) -> GroupId {
        if self.group.is_empty() {
            return 0;
        }
        let found = hash_cells(rs, rel, row, paths).and_then(|hash| self.keys.find(rs, rel, row, paths, hash));
        found.unwrap_or(NO_GROUP)
    }

    /// Ends an [`acquire`](Self::acquire).
    pub fn release(&mut self, group: GroupId) {
        if group != NO_GROUP {
            self.groups[group as usize].users -= 1;
            self.drop_if_unused(group);
        }
    }

    /// How often a group is acquired.
    pub fn users(&self, group: GroupId) -> u32 {
        self.groups[group as usize].users
    }

    /// The cells of a group's key.
    pub fn key(&self, group: GroupId) -> &[Value] {
        self.keys.key(group)
    }

    /// Gives an empty list its rows, which nobody saw come. Cost: O(k log k) for k rows.
    pub fn fill(&mut self, rs: &Relations, group: GroupId, rows: &Delta) {
        let mut entries: Vec<Entry> = rows.rows().iter().map(|r| self.sort.entry(rs, self.relation, r.0)).collect();
        let (sort, relation) = (&self.sort, self.relation);
        in_order(&mut entries, &|a, b| sort.compare(rs, relation, a, b));
        self.rows += entries.len();
        self.groups[group as usize].list = OrderedList::from_sorted(&entries);
    }

    /// Takes the rows from a list that nobody looks at any more.
    pub fn empty(&mut self, group: GroupId) -> OrderedList {
        let list = std::mem::take(&mut self.groups[group as usize].list);
        self.rows -= list.len();
        list
    }

    /// A view shows a list of a group from now on: [`holders`](Self::holders) names it.
    pub fn hold(&mut self, group: GroupId, view: u32) {
        if self.group.is_empty() {
            self.holders_of_all.push(view);
        } else if group != NO_GROUP {
            let holder = Holder { view, next: self.groups[group as usize].holder };
            let at = if self.free_holder == NO_HOLDER {
                self.holders.push(holder);
                self.holders.len() as u32 - 1
            } else {
                let at = self.free_holder;
                self.free_holder = std::mem::replace(&mut self.holders[at as usize], holder).next;
                at
            };
            self.groups[group as usize].holder = at;
        }
    }

    /// Ends a [`hold`](Self::hold), if there is one. Cost: the group's holders are looked through.
    pub fn let_go(&mut self, group: GroupId, view: u32) {
        if self.group.is_empty() {
            if let Some(at) = self.holders_of_all.iter().position(|&h| h == view) {
                self.holders_of_all.swap_remove(at);
            }
        } else if group != NO_GROUP {
            let (mut before, mut at) = (NO_HOLDER, self.groups[group as usize].holder);
            while at != NO_HOLDER {
                let Holder { view: of, next } = self.holders[at as usize];
                if of == view {
                    match before {
                        NO_HOLDER => self.groups[group as usize].holder = next,
                        before => self.holders[before as usize].next = next,
                    }
                    self.holders[at as usize].next = self.free_holder;
                    self.free_holder = at;
                    return;
                }
                (before, at) = (at, next);
            }
        }
    }

    /// The views that show a list of a group: those that a change of it concerns.
    pub fn holders(&self, group: GroupId) -> impl Iterator<Item = u32> + '_ {
        let mut at = if self.group.is_empty() { NO_HOLDER } else { self.groups[group as usize].holder };
        let of_group = std::iter::from_fn(move || {
            let holder = self.holders.get(at as usize)?;
            at = holder.next;
            Some(holder.view)
        });
        self.holders_of_all.iter().copied().chain(of_group)
    }

    fn group_of(&mut self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path]) -> Option<GroupId> {
        if self.group.is_empty() {
            return Some(0);
        }
        let hash = hash_cells(rs, rel, row, paths)?;
        Some(self.keys.find(rs, rel, row, paths, hash).unwrap_or_else(|| self.new_group(rs, rel, row, paths, hash)))
    }

    fn new_group(&mut self, rs: &Relations, rel: RelationId, row: Handle, paths: &[Path], hash: u64) -> GroupId {
        let g = self.keys.insert(rs, rel, row, paths, hash);
        if g as usize == self.groups.len() {
            self.groups.push(Group::default());
        }
        self.groups[g as usize].delta = NO_DELTA;
        g
    }

    fn drop_if_unused(&mut self, group: GroupId) {
        let g = &self.groups[group as usize];
        if !self.group.is_empty() && g.users == 0 && g.list.is_empty() && g.delta == NO_DELTA {
            self.groups[group as usize].list = OrderedList::default();
            self.keys.remove(group);
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.keys.bytes()
            + self.groups.bytes()
            + self.groups.iter().map(|g| g.list.bytes()).sum::<usize>()
            + self.holders.bytes()
            + self.holders_of_all.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SortColumn;
    use crate::value::{Layout, Type};

    fn setup() -> (Relations, RelationId, SortSpec) {
        let mut rs = Relations::default();
        let rel = rs.add_packed(Layout::new(&[Type::Int, Type::Int, Type::Int]));
        let column = |c| SortColumn { path: Path::column(c), ty: Type::Int, desc: c == 1, nulls_first: false };
        (rs, rel, SortSpec { columns: vec![column(1), column(2)], ..SortSpec::default() })
    }

    fn row(rs: &mut Relations, rel: RelationId, v: [i64; 3]) -> Handle {
        let packed = rs.layout(rel).pack(&v.map(Value::Int));
        rs.insert_row(rel, packed)
    }

    #[test]
    fn removed_rows_tell_old_positions_and_inserted_rows_new_ones() {
        for many in [false, true] {
            let (mut rs, rel, sort) = setup();
            let mut groups = OrderedGroups::new(rel, vec![Path::column(0)], sort);
            let a: Vec<Handle> = (0..if many { 2 } else { 400 }).map(|i| row(&mut rs, rel, [1, i, i])).collect();
            let mut d = Delta::default();
            a.iter().for_each(|&h| d.push(h, 1));
            groups.apply(&rs, &d);
            let new = row(&mut rs, rel, [1, 1_000, 5]);
            let mut d = Delta::default();
            d.push(a[0], -1);
            d.push(a[1], -1);
            d.push(new, 1);
            d.consolidate();
            groups.apply(&rs, &d);
            let change = &groups.changes()[0];
            // Descending by the second column: a[0] was last, a[1] before it.
            assert_eq!(
                change.removed.iter().map(|p| (p.row, p.at)).collect::<Vec<_>>(),
                [(a[1], a.len() - 2), (a[0], a.len() - 1)]
            );
            assert_eq!(change.inserted.iter().map(|p| (p.row, p.at)).collect::<Vec<_>>(), [(new, 0)]);
        }
    }

    #[test]
    fn a_group_lives_while_it_has_rows_or_users() {
        let (mut rs, rel, sort) = setup();
        let mut groups = OrderedGroups::new(rel, vec![Path::column(0)], sort);
        let owner = row(&mut rs, rel, [1, 0, 0]);
        let g = groups.acquire(&rs, rel, owner, &[Path::column(0)]);
        let child = row(&mut rs, rel, [1, 2, 3]);
        let mut d = Delta::default();
        d.push(child, 1);
        groups.apply(&rs, &d);
        assert_eq!(groups.change_of(g).unwrap().inserted.len(), 1);
        groups.release(g);
        let mut d = Delta::default();
        d.push(child, -1);
        groups.apply(&rs, &d);
        assert_eq!(groups.keys.len(), 1);
        groups.begin();
        assert_eq!(groups.keys.len(), 0);
    }
}
