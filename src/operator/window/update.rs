//! A partition's changes put into its tree, and the positions that they leave to be computed.

use std::cmp::Ordering;

use super::dirty::{self, Change, Changed, Stretch, joined};
use super::evaluate::Evaluator;
use super::frame::{Peers, View};
use super::node::Item;
use super::slot::Arguments;
use super::tree::Tree;
use super::{Pending, Shown, Window};
use crate::algebra::Handle;
use crate::trace::Relations;
use crate::value::{Cell, identity_order};

impl Window {
    /// Puts the changes of one partition into its tree, which is taken out of its place meanwhile.
    pub(super) fn change_tree(&self, relations: &Relations, mut tree: Tree, pending: &[Pending]) -> Tree {
        if pending.len() > 32 + tree.len() / 8 {
            return self.merged(relations, &tree, pending);
        }
        let arguments = Arguments { relations, relation: self.input, slots: &self.slots };
        for (_, entry, added) in pending {
            let at = self.view(relations, &tree).place(entry);
            if *added {
                tree.insert(at, Item::new(*entry, false), arguments);
            } else {
                debug_assert_eq!(tree.get(at).map(|i| i.row), Some(entry.row), "a removed row is in its partition");
                tree.remove(at, arguments);
            }
        }
        for (_, entry, _) in pending.iter().filter(|_| self.sees_peers) {
            let at = self.view(relations, &tree).place(entry);
            for at in [at, at + 1] {
                let Some(item) = tree.get(at) else { continue };
                let before = at.checked_sub(1).and_then(|b| tree.get(b));
                let starts = before.is_none_or(|b| self.view(relations, &tree).compare_peers(&b.entry(), &item.entry()).is_ne());
                if starts != item.starts {
                    tree.mark(at, starts);
                }
            }
        }
        tree
    }

    /// The same by one merge, for changes of a large part.
    fn merged(&self, relations: &Relations, tree: &Tree, pending: &[Pending]) -> Tree {
        let view = self.view(relations, tree);
        let mut items: Vec<Item> = Vec::with_capacity(tree.len() + pending.len());
        let mut rest = pending;
        tree.for_range(0, usize::MAX, &mut |item| {
            let mut stays = true;
            while let Some(((_, entry, added), after)) = rest.split_first() {
                let order = if entry.row == item.row { Ordering::Equal } else { view.compare(entry, &item.entry()) };
                match (order.is_eq(), added) {
                    (true, false) => stays = false,
                    (false, true) if order.is_lt() => items.push(Item::new(*entry, false)),
                    _ => break,
                }
                rest = after;
            }
            if stays {
                items.push(*item);
            }
        });
        items.extend(rest.iter().map(|(_, entry, _)| Item::new(*entry, false)));
        for i in 0..items.len() {
            items[i].starts = i == 0 || view.compare_peers(&items[i - 1].entry(), &items[i].entry()).is_ne();
        }
        Tree::build(&items, view.arguments)
    }

    /// Positions of a partition to compute after its changes.
    pub(super) fn dirty(&self, view: View<'_>, pending: &[Pending], old_len: usize, anchors: &[Option<Handle>]) -> Vec<Stretch> {
        let rows = view.tree.len();
        if pending.len() > 32 + old_len / 8 {
            return joined(vec![(0, rows)], rows);
        }
        let mut changed: Vec<Changed> = Vec::with_capacity(pending.len());
        for (i, (_, entry, added)) in pending.iter().enumerate() {
            let equal = |j: Option<usize>| {
                j.and_then(|j| pending.get(j)).is_some_and(|p| p.2 != *added && view.compare(&p.1, entry).is_eq())
            };
            let in_place = if *added { equal(i.checked_sub(1)) } else { equal(Some(i + 1)) };
            let at = view.place(entry);
            let peers = if self.sees_peers { view.peers_of(entry) } else { Peers { start: at, end: at, group: 0 } };
            changed.push(Changed { row: entry.row, added: *added, at, peers, in_place });
        }
        let change = Change { view, rows: &changed, old_len, anchors };
        let mut stretches: Vec<Stretch> = changed.iter().filter(|c| c.added).map(|c| (c.at, c.at + 1)).collect();
        let layout = view.arguments.relations.layout(self.computed.relation());
        for (number, column) in self.columns.iter().enumerate() {
            change.of_column(number, &mut stretches);
            if dirty::is_followed(column) {
                let same = |row: Handle, value: Cell<'_>| match self.rows.get(&row)? {
                    Shown::Failed(_) => Some(false),
                    Shown::Row { computed, .. } => {
                        let bytes = view.arguments.relations.row(self.computed.relation(), *computed);
                        Some(identity_order(layout.cell(bytes, number), value).is_eq())
                    }
                };
                Evaluator::new(view, self.sees_peers).follow(&change, number, &same, &mut stretches);
            }
        }
        joined(stretches, rows)
    }
}
