//! Ordered rows by group: the index behind order, limit, keyset and nesting.
//!
//! One [`OrderedList`] per group key. A root list is the one group of the empty key; an association is grouped by the
//! columns that refer to the owner. After each step [`OrderedGroups::changes`] tells, per changed group, which rows left from
//! which old position and which came to which new position: all that a window needs to know what it shows now.

use std::cmp::Ordering;

use super::{Entry, KeyTable, OrderedList, Path, RelationId, Relations, hash_cells};
use crate::algebra::{Delta, Handle};
use crate::value::{Cell, Type, Value, order_prefix, total_order};

/// A group of one arrangement.
pub type GroupId = u32;

/// No group: a key with a null, or one that nothing has.
pub const NO_GROUP: GroupId = u32::MAX;

/// One sort column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SortColumn {
    /// Where the cell is.
    pub path: Path,
    /// Its type.
    pub ty: Type,
    /// Descending.
    pub desc: bool,
    /// Nulls before everything, in either direction.
    pub nulls_first: bool,
}

/// A total order over rows of a relation: sort columns, the last ones being a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SortSpec {
    /// Most significant first.
    pub columns: Vec<SortColumn>,
}

impl SortColumn {
    /// Compares two cells in this column's direction.
    #[inline]
    pub fn compare(&self, a: Cell<'_>, b: Cell<'_>) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if self.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if self.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) if self.desc => total_order(b, a),
            (false, false) => total_order(a, b),
        }
    }

    #[inline]
    fn word(&self, c: Cell<'_>, flip: u64) -> u64 {
        match c {
            Cell::Null => {
                if self.nulls_first {
                    0
                } else {
                    u64::MAX
                }
            }
            c => order_prefix(c) ^ flip,
        }
    }
}

impl SortSpec {
    /// Order of two rows.
    #[inline]
    pub fn compare(&self, rs: &Relations, rel: RelationId, a: Handle, b: Handle) -> Ordering {
        for c in &self.columns {
            let o = c.compare(rs.cell(rel, a, c.path), rs.cell(rel, b, c.path));
            if o.is_ne() {
                return o;
            }
        }
        Ordering::Equal
    }

    /// Order of a row against values for the first columns.
    pub fn compare_to(&self, rs: &Relations, rel: RelationId, row: Handle, values: &[Value]) -> Ordering {
        for (c, v) in self.columns.iter().zip(values) {
            let o = c.compare(rs.cell(rel, row, c.path), v.as_cell());
            if o.is_ne() {
                return o;
            }
        }
        Ordering::Equal
    }

    /// The entry of a row: two prefix words, of the first column twice if it is text (its first 16 bytes), else of the
    /// first two columns.
    #[inline]
    pub fn entry(&self, rs: &Relations, rel: RelationId, row: Handle) -> Entry {
        let Some(c0) = self.columns.first() else { return Entry { first: 0, second: 0, row } };
        let cell = rs.cell(rel, row, c0.path);
        let flip = if c0.desc { u64::MAX } else { 0 };
        let first = c0.word(cell, flip);
        let second = if c0.ty.is_var() {
            match cell {
                Cell::Text(t) => order_prefix(Cell::Bytes(t.as_bytes().get(8..).unwrap_or(&[]))) ^ flip,
                Cell::Bytes(b) => order_prefix(Cell::Bytes(b.get(8..).unwrap_or(&[]))) ^ flip,
                _ => first,
            }
        } else {
            match self.columns.get(1) {
                // The extreme integer and false share their word with null: beside null they stand on their side of it.
                Some(_) if !cell.is_null() && first == c0.word(Cell::Null, flip) => !first,
                Some(c1) => c1.word(rs.cell(rel, row, c1.path), if c1.desc { u64::MAX } else { 0 }),
                None => 0,
            }
        };
        Entry { first, second, row }
    }
}

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

#[derive(Debug, Default)]
struct Group {
    list: OrderedList,
    users: u32,
    delta: u32,
}

const NO_DELTA: u32 = u32::MAX;

/// The lists.
#[derive(Debug)]
pub struct OrderedGroups {
    relation: RelationId,
    group: Vec<Path>,
    sort: SortSpec,
    keys: KeyTable,
    groups: Vec<Group>,
    changes: Vec<GroupDelta>,
    spare: Vec<GroupDelta>,
    pending: Vec<(GroupId, bool, Entry)>,
    rows: usize,
}

impl OrderedGroups {
    /// Empty lists of a relation, grouped by the cells at some paths.
    pub fn new(relation: RelationId, group: Vec<Path>, sort: SortSpec) -> Self {
        let mut groups = Vec::new();
        if group.is_empty() {
            groups.push(Group { delta: NO_DELTA, ..Group::default() });
        }
        OrderedGroups {
            relation,
            group,
            sort,
            keys: KeyTable::default(),
            groups,
            changes: Vec::new(),
            spare: Vec::new(),
            pending: Vec::new(),
            rows: 0,
        }
    }

    /// The relation of the rows.
    pub fn relation(&self) -> RelationId {
        self.relation
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

    /// The list of a group.
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

    /// Forgets the changes of the step before. Groups that they emptied go now.
    pub fn begin(&mut self) {
        while let Some(mut change) = self.changes.pop() {
            let group = change.group;
            self.groups[group as usize].delta = NO_DELTA;
            self.drop_if_unused(group);
            change.removed.clear();
            change.inserted.clear();
            if self.spare.len() < 64 && change.inserted.capacity() < 1024 {
                self.spare.push(change);
            }
        }
    }

    /// Applies a delta and records what it did. Cost: O(log n) a row; lists that change in large part are rebuilt in one
    /// merge.
    pub fn apply(&mut self, rs: &Relations, delta: &Delta) {
        self.begin();
        let mut pending = std::mem::take(&mut self.pending);
        let paths = std::mem::take(&mut self.group);
        for &(row, weight) in delta.rows() {
            debug_assert!(weight == 1 || weight == -1, "keyed rows have weight one");
            let group = if paths.is_empty() { Some(0) } else { self.known_group(rs, row, &paths) };
            if let Some(group) = group {
                pending.push((group, weight > 0, self.sort.entry(rs, self.relation, row)));
            }
        }
        self.group = paths;
        if pending.len() > 1 {
            let tie = |a: Handle, b: Handle| self.sort.compare(rs, self.relation, a, b);
            pending.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)).then_with(|| a.2.compare(&b.2, &tie)));
        }
        let mut rest = pending.as_slice();
        while let Some(&(group, ..)) = rest.first() {
            let (of_group, after) = rest.split_at(rest.partition_point(|p| p.0 <= group));
            let (removed, inserted) = of_group.split_at(of_group.partition_point(|p| !p.1));
            self.change_group(rs, group, removed, inserted);
            rest = after;
        }
        pending.clear();
        if pending.capacity() < 1 << 14 {
            self.pending = pending;
        }
    }

    fn known_group(&mut self, rs: &Relations, row: Handle, paths: &[Path]) -> Option<GroupId> {
        let rel = self.relation;
        let hash = hash_cells(rs, rel, row, paths)?;
        Some(self.keys.find(rs, rel, row, paths, hash).unwrap_or_else(|| self.new_group(rs, rel, row, paths, hash)))
    }

    fn change_group(&mut self, rs: &Relations, group: GroupId, removed: &[Pending], inserted: &[Pending]) {
        let mut change = self.spare.pop().unwrap_or_default();
        change.group = group;
        let (sort, relation) = (&self.sort, self.relation);
        let tie = |a: Handle, b: Handle| sort.compare(rs, relation, a, b);
        let list = &mut self.groups[group as usize].list;
        change.old_len = list.len();
        if removed.len() + inserted.len() > 32 + list.len() / 8 {
            rebuild(list, removed, inserted, &mut change, &tie);
        } else {
            // From the back, each removal sees the position it had before the step; from the front, each insertion
            // gets the position it has after it.
            for &(.., entry) in removed.iter().rev() {
                let at = list.remove(entry, &tie).expect("a removed row is in its list");
                change.removed.push(Placed { row: entry.row, at });
            }
            change.removed.reverse();
            for &(.., entry) in inserted {
                let at = list.insert(entry, &tie);
                change.inserted.push(Placed { row: entry.row, at });
            }
        }
        self.rows = self.rows + inserted.len() - removed.len();
        self.groups[group as usize].delta = self.changes.len() as u32;
        self.changes.push(change);
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.keys.bytes()
            + self.groups.capacity() * size_of::<Group>()
            + self.groups.iter().map(|g| g.list.bytes()).sum::<usize>()
    }
}

type Pending = (GroupId, bool, Entry);

/// Merges in one pass and builds the list anew.
fn rebuild(
    list: &mut OrderedList,
    removed: &[Pending],
    inserted: &[Pending],
    change: &mut GroupDelta,
    tie: &impl Fn(Handle, Handle) -> Ordering,
) {
    let mut merged = Vec::with_capacity(list.len() + inserted.len() - removed.len());
    let mut out = removed.iter().map(|p| p.2).peekable();
    let mut new = inserted.iter().map(|p| p.2).peekable();
    let mut at = 0;
    list.for_range(0, usize::MAX, &mut |e| {
        if out.peek().is_some_and(|o| o.row == e.row) {
            out.next();
            change.removed.push(Placed { row: e.row, at });
        } else {
            while let Some(n) = new.next_if(|n| n.compare(e, tie).is_lt()) {
                change.inserted.push(Placed { row: n.row, at: merged.len() });
                merged.push(n);
            }
            merged.push(*e);
        }
        at += 1;
    });
    assert!(out.peek().is_none(), "a removed row is in its list");
    for n in new {
        change.inserted.push(Placed { row: n.row, at: merged.len() });
        merged.push(n);
    }
    *list = OrderedList::from_sorted(merged);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Layout;

    fn setup() -> (Relations, RelationId, SortSpec) {
        let mut rs = Relations::default();
        let rel = rs.add_packed(Layout::new(&[Type::Int, Type::Int, Type::Int]));
        let column = |c| SortColumn { path: Path::column(c), ty: Type::Int, desc: c == 1, nulls_first: false };
        (rs, rel, SortSpec { columns: vec![column(1), column(2)] })
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
