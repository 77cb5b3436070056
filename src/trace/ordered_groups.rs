//! Ordered rows by group: the index behind order, limit, keyset and nesting.
//!
//! One [`OrderedList`] per group key. A root list is the one group of the empty key; an association is grouped by the
//! columns that refer to the owner. After each step [`OrderedGroups::changes`] tells, per changed group, which rows left from
//! which old position and which came to which new position: all that a window needs to know what it shows now.

use std::cmp::Ordering;

use hashbrown::HashMap;

use super::{Entry, HandleState, KeyTable, OrderedList, Path, RelationId, Relations, Slab, hash_cells, hash_key};
use crate::algebra::{Delta, Handle};
use crate::value::{Cell, Type, Value, identity_order, order_prefix, sort, total_order};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SortSpec {
    /// A number of the row ([`Relations::number`]) that goes before all columns: lists in the order of arrival.
    pub arrival: Option<Path>,
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

    /// A word whose order never contradicts [`compare`](Self::compare); `flip` is all ones for a descending column.
    #[inline]
    pub fn word(&self, c: Cell<'_>, flip: u64) -> u64 {
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
    /// Order of two rows; of rows whose values are all equal, by how these are shown.
    #[inline]
    pub fn compare(&self, rs: &Relations, rel: RelationId, a: Handle, b: Handle) -> Ordering {
        if let Some(path) = self.arrival {
            let o = rs.number(rel, a, path).cmp(&rs.number(rel, b, path));
            if o.is_ne() {
                return o;
            }
        }
        let mut spelling = Ordering::Equal;
        for c in &self.columns {
            let (x, y) = (rs.cell(rel, a, c.path), rs.cell(rel, b, c.path));
            let o = c.compare(x, y);
            if o.is_ne() {
                return o;
            }
            if spelling.is_eq() && c.ty.has_spellings() {
                spelling = identity_order(x, y);
            }
        }
        spelling
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

    /// The entry of a row: its number, or two prefix words, of the first column twice if it is text (its first 16 bytes), else of the
    /// first two columns.
    #[inline]
    pub fn entry(&self, rs: &Relations, rel: RelationId, row: Handle) -> Entry {
        if let Some(path) = self.arrival {
            return Entry { first: rs.number(rel, row, path), second: 0, row };
        }
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
    /// A key with a null is a key like others.
    nulls: bool,
    sort: SortSpec,
    keys: KeyTable,
    groups: Slab<Group>,
    /// Views that show a list of a group; of the one list of an arrangement without groups.
    holders: HashMap<GroupId, Vec<u32>, HandleState>,
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
            groups.push(Group { delta: NO_DELTA, ..Group::default() });
        }
        OrderedGroups {
            relation,
            group,
            nulls: false,
            sort,
            keys: KeyTable::default(),
            groups,
            holders: HashMap::default(),
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

    /// A view shows a list of a group from now on: [`holders`](Self::holders) names it.
    pub fn hold(&mut self, group: GroupId, view: u32) {
        if self.group.is_empty() {
            self.holders_of_all.push(view);
        } else if group != NO_GROUP {
            self.holders.entry(group).or_default().push(view);
        }
    }

    /// Ends a [`hold`](Self::hold), if there is one. Cost: the group's holders are looked through.
    pub fn let_go(&mut self, group: GroupId, view: u32) {
        let holders = if self.group.is_empty() { Some(&mut self.holders_of_all) } else { self.holders.get_mut(&group) };
        let Some(holders) = holders else { return };
        if let Some(at) = holders.iter().position(|&h| h == view) {
            holders.swap_remove(at);
        }
        if holders.is_empty() {
            self.holders.remove(&group);
        }
    }

    /// The views that show a list of a group: those that a change of it concerns.
    pub fn holders(&self, group: GroupId) -> &[u32] {
        if self.group.is_empty() {
            return &self.holders_of_all;
        }
        self.holders.get(&group).map_or(&[], Vec::as_slice)
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
        let mut work = std::mem::take(&mut self.work);
        if self.group.is_empty() {
            for &(row, weight) in delta.rows() {
                work.take(weight, self.sort.entry(rs, self.relation, row));
            }
            if !delta.is_empty() {
                self.change_group(rs, 0, &mut work);
            }
        } else {
            self.apply_grouped(rs, delta, &mut work);
        }
        if work.removed.capacity() + work.inserted.capacity() < 1 << 14 {
            self.work = work;
        }
    }

    fn apply_grouped(&mut self, rs: &Relations, delta: &Delta, work: &mut Work) {
        let paths = std::mem::take(&mut self.group);
        let mut of_group: Vec<(GroupId, Handle, i32)> = Vec::with_capacity(delta.rows().len());
        for &(row, weight) in delta.rows() {
            if let Some(group) = self.known_group(rs, row, &paths) {
                of_group.push((group, row, weight));
            }
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
    }

    fn known_group(&mut self, rs: &Relations, row: Handle, paths: &[Path]) -> Option<GroupId> {
        let rel = self.relation;
        let hash = if self.nulls { hash_key(rs, rel, row, paths) } else { hash_cells(rs, rel, row, paths)? };
        Some(self.keys.find(rs, rel, row, paths, hash).unwrap_or_else(|| self.new_group(rs, rel, row, paths, hash)))
    }

    /// Changes one group by the rows in `work`, and empties it.
    fn change_group(&mut self, rs: &Relations, group: GroupId, work: &mut Work) {
        let mut change = self.spare.pop().unwrap_or_default();
        change.group = group;
        let (sort, relation) = (&self.sort, self.relation);
        // An order of operators may be without a key.
        let tie = |a: Handle, b: Handle| sort.compare(rs, relation, a, b).then(a.cmp(&b));
        let Work { removed, inserted } = work;
        in_order(removed, &tie);
        in_order(inserted, &tie);
        let list = &mut self.groups[group as usize].list;
        change.old_len = list.len();
        let same = match (removed.as_slice(), inserted.as_slice()) {
            // A row whose order is as it was: its new handle goes where the old one is.
            ([old], [new])
                if (old.first, old.second) == (new.first, new.second) && sort.compare(rs, relation, old.row, new.row).is_eq() =>
            {
                list.replace(*old, new.row, &tie)
            }
            _ => None,
        };
        if let Some(at) = same {
            change.removed.push(Placed { row: removed[0].row, at });
            change.inserted.push(Placed { row: inserted[0].row, at });
        } else if removed.len() + inserted.len() > 32 + list.len() / 8 {
            rebuild(list, removed, inserted, &mut change, &tie);
        } else {
            // From the back, each removal sees the position it had before the step; from the front, each insertion
            // gets the position it has after it.
            for &entry in removed.iter().rev() {
                let at = list.remove(entry, &tie).expect("a removed row is in its list");
                change.removed.push(Placed { row: entry.row, at });
            }
            change.removed.reverse();
            for &entry in inserted.iter() {
                let at = list.insert(entry, &tie);
                change.inserted.push(Placed { row: entry.row, at });
            }
        }
        self.rows = self.rows + inserted.len() - removed.len();
        self.groups[group as usize].delta = self.changes.len() as u32;
        if self.changes.is_empty() {
            self.changes.reserve_exact(1);
        }
        self.changes.push(change);
        removed.clear();
        inserted.clear();
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.keys.bytes()
            + self.groups.bytes()
            + self.groups.iter().map(|g| g.list.bytes()).sum::<usize>()
            + self.holders.allocation_size()
            + self.holders.values().chain([&self.holders_of_all]).map(|h| h.capacity() * 4).sum::<usize>()
    }
}

/// The rows of one group that leave and come.
#[derive(Debug, Default)]
struct Work {
    removed: Vec<Entry>,
    inserted: Vec<Entry>,
}

impl Work {
    #[inline]
    fn take(&mut self, weight: i32, entry: Entry) {
        debug_assert!(weight == 1 || weight == -1, "keyed rows have weight one");
        if weight > 0 { &mut self.inserted } else { &mut self.removed }.push(entry);
    }
}

/// Up to here entries are compared with each other; longer lists are sorted by a word first.
const FEW: usize = 64;

/// Sorts entries. Long lists by numbers made of the most significant bits in which their first words differ and the place in
/// the list, which costs a third of comparing them; what these bits do not tell apart is compared.
fn in_order(entries: &mut Vec<Entry>, tie: &impl Fn(Handle, Handle) -> Ordering) {
    if entries.len() < 2 || entries.is_sorted_by(|a, b| a.compare(b, tie).is_lt()) {
        return;
    }
    if entries.len() <= FEW {
        return sort::by(entries, |a, b| a.compare(b, tie));
    }
    let least = entries.iter().map(|e| e.first).min().unwrap_or(0);
    let range = entries.iter().map(|e| e.first - least).max().unwrap_or(0);
    let places = u64::BITS - (entries.len() as u64).leading_zeros();
    let unseen = (u64::BITS - range.leading_zeros()).saturating_sub(u64::BITS - places);
    let mut words: Vec<u64> = entries.iter().enumerate().map(|(i, e)| (e.first - least) >> unseen << places | i as u64).collect();
    sort::numbers(&mut words);
    let place = |word: u64| (word & ((1 << places) - 1)) as usize;
    let mut sorted: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut alike = 0;
    for (i, &word) in words.iter().enumerate() {
        if i > 0 && word >> places != words[i - 1] >> places {
            finish_alike(&mut sorted[alike..], tie);
            alike = i;
        }
        sorted.push(entries[place(word)]);
    }
    finish_alike(&mut sorted[alike..], tie);
    *entries = sorted;
}

#[inline]
fn finish_alike(entries: &mut [Entry], tie: &impl Fn(Handle, Handle) -> Ordering) {
    if entries.len() > 1 {
        sort::by(entries, |a, b| a.compare(b, tie));
    }
}

/// Merges in one pass and builds the list anew.
fn rebuild(
    list: &mut OrderedList,
    removed: &[Entry],
    inserted: &[Entry],
    change: &mut GroupDelta,
    tie: &impl Fn(Handle, Handle) -> Ordering,
) {
    if list.is_empty() {
        change.inserted.extend(inserted.iter().enumerate().map(|(at, e)| Placed { row: e.row, at }));
        *list = OrderedList::from_sorted(inserted);
        return;
    }
    let mut merged = Vec::with_capacity(list.len() + inserted.len() - removed.len());
    let mut out = removed.iter().copied().peekable();
    let mut new = inserted.iter().copied().peekable();
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
    *list = OrderedList::from_sorted(&merged);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Layout;

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
    fn entries_are_sorted_whatever_their_first_words_have_in_common() {
        let mut rng = fastrand::Rng::with_seed(9);
        let tie = |a: Handle, b: Handle| a.cmp(&b);
        for round in 0..200u32 {
            let n = rng.usize(0..400);
            let word = |rng: &mut fastrand::Rng| match round % 5 {
                0 => rng.u64(..),
                1 => 1 << 63 | rng.u64(0..50),
                2 => rng.u64(0..3) << 60 | rng.u64(0..3),
                3 => u64::MAX - rng.u64(0..2),
                _ => 7,
            };
            let mut entries: Vec<Entry> =
                (0..n as u32).map(|row| Entry { first: word(&mut rng), second: rng.u64(0..2), row: row ^ 0x55 }).collect();
            let mut want = entries.clone();
            want.sort_by_key(|e| (e.first, e.second, e.row));
            in_order(&mut entries, &tie);
            assert_eq!(entries, want);
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
