//! The facts of one growing relation: derivations, ranks, and which are in.

use super::Derivations;
use super::best::BestRows;
use crate::algebra::{Delta, Handle, NO_ROW, Weight};
use crate::trace::{Derived, Path, RelationId, Relations};
use crate::value::{Cell, RowBuilder};

/// What is known of a fact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    /// Its derivations.
    pub total: Weight,
    /// Those from facts of lower rank only, while it is in.
    pub support: Weight,
    /// Its rank, while it is in.
    rank: i64,
    /// Its growing row, while it is in.
    row: Handle,
    /// Whether it was in before the step.
    was: bool,
    /// It is in the list of the step's.
    touched: bool,
    /// It is in the list of those that may come in.
    pending: bool,
}

/// The rank of a round, with its row once there is one.
struct Rank {
    number: i64,
    row: Handle,
}

const UNKNOWN: Fact = Fact { total: 0, support: 0, rank: 0, row: NO_ROW, was: false, touched: false, pending: false };

impl Fact {
    pub(super) fn is_in(&self) -> bool {
        self.row != NO_ROW
    }
}

/// Facts of one relation.
#[derive(Debug)]
pub struct Facts {
    /// The facts, with weight 1 while they have derivations.
    pub(super) rows: Derived,
    ranks: Derived,
    /// Pairs of a fact and its rank.
    growing: RelationId,
    pub(super) list: Vec<Fact>,
    /// Facts whose derivations changed since the last retraction.
    dirty: Vec<Handle>,
    /// Facts that may have to come in.
    pending: Vec<Handle>,
    /// Facts that the step dealt with.
    touched: Vec<Handle>,
    /// Change of the growing rows of this round.
    round: Delta,
    /// Change of the ranks of this step.
    ranked: Delta,
    /// Change of the facts of the last step.
    change: Delta,
    len: usize,
    best: Option<BestRows>,
}

impl Facts {
    /// No facts, over relations of facts, of ranks, and of pairs of these.
    pub fn new([facts, ranks, growing]: [RelationId; 3], best: Option<BestRows>) -> Self {
        Facts {
            rows: Derived::new(facts),
            ranks: Derived::new(ranks),
            growing,
            list: Vec::new(),
            dirty: Vec::new(),
            pending: Vec::new(),
            touched: Vec::new(),
            round: Delta::default(),
            ranked: Delta::default(),
            change: Delta::default(),
            len: 0,
            best,
        }
    }

    /// Facts that are in.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn change(&self) -> &Delta {
        &self.change
    }

    pub(super) fn for_each(&self, f: &mut dyn FnMut(Handle, Weight)) {
        let known = self.list.iter().enumerate();
        known.filter(|(_, fact)| fact.is_in()).for_each(|(fact, _)| f(fact as Handle, 1));
    }

    pub(super) fn begin(&mut self) {
        self.change.clear();
    }

    /// The fact that a body row derives.
    pub(super) fn intern(&mut self, rs: &mut Relations, builder: &mut RowBuilder, from: &Derivations, row: Handle) -> Handle {
        let layout = rs.layout(self.rows.relation());
        builder.start(layout);
        for (c, &path) in from.columns.iter().enumerate() {
            builder.set(layout, c, rs.cell(from.rows, row, path));
        }
        let packed = builder.finish(layout);
        let fact = self.rows.intern_row(rs, packed);
        if fact as usize >= self.list.len() {
            self.list.resize(fact as usize + 1, UNKNOWN);
        }
        fact
    }

    /// Adds derivations of a rank.
    pub(super) fn count(&mut self, fact: Handle, rank: i64, weight: Weight) {
        self.touch(fact);
        let known = &mut self.list[fact as usize];
        known.total = known.total.checked_add(weight).expect("weight overflow");
        if known.is_in() && rank < known.rank {
            known.support += weight;
        }
        self.dirty.push(fact);
    }

    fn touch(&mut self, fact: Handle) {
        let known = &mut self.list[fact as usize];
        if !known.touched {
            known.touched = true;
            known.was = known.is_in();
            self.touched.push(fact);
        }
    }

    /// Takes out what has lost its support. Returns how many facts that are.
    pub(super) fn retract(&mut self, rs: &mut Relations) -> u64 {
        let mut left = 0;
        let mut dirty = std::mem::take(&mut self.dirty);
        for fact in dirty.drain(..) {
            let known = &mut self.list[fact as usize];
            let unsupported = known.is_in() && known.support <= 0;
            if !known.pending {
                known.pending = true;
                self.pending.push(fact);
            }
            if unsupported {
                self.take_out(rs, fact);
                left += 1;
            }
        }
        self.dirty = dirty;
        left
    }

    /// Brings in what has derivations, at a rank above all others. Returns how many facts came, and how many gave way to
    /// better ones.
    pub(super) fn assert(&mut self, rs: &mut Relations, rank: i64) -> (u64, u64) {
        let mut pending = std::mem::take(&mut self.pending);
        // A fact that was forgotten since may be another now, and be there twice.
        let list = &mut self.list;
        pending.retain(|&fact| std::mem::take(&mut list[fact as usize].pending));
        let (mut came, mut gone) = (0, 0);
        let mut rank = Rank { number: rank, row: NO_ROW };
        if let Some(mut best) = self.best.take() {
            // Candidates that are none any more are let go at the end of the step.
            pending.iter().for_each(|&fact| self.touch(fact));
            for [old, new] in best.choose(rs, &self.list, &pending) {
                if old != NO_ROW {
                    self.touch(old);
                    self.take_out(rs, old);
                    gone += 1;
                }
                if new != NO_ROW {
                    self.touch(new);
                    self.put_in(rs, new, &mut rank);
                    came += 1;
                }
            }
            self.best = Some(best);
        } else {
            for &fact in &pending {
                let known = &self.list[fact as usize];
                if !known.is_in() && known.total > 0 {
                    // It may wait since a step before.
                    self.touch(fact);
                    self.put_in(rs, fact, &mut rank);
                    came += 1;
                }
            }
        }
        pending.clear();
        self.pending = pending;
        (came, gone)
    }

    /// Whether a fact has derivations, but is not in. Where the best ones are kept, any change may bring one in.
    pub(super) fn is_pending(&self) -> bool {
        let list = &self.list;
        let waits = |fact: &&Handle| !list[**fact as usize].is_in() && list[**fact as usize].total > 0;
        self.pending.iter().any(|fact| self.best.is_some() || waits(&fact))
    }

    fn put_in(&mut self, rs: &mut Relations, fact: Handle, rank: &mut Rank) {
        if rank.row == NO_ROW {
            let layout = rs.layout(self.ranks.relation());
            let packed = layout.pack(&[crate::value::Value::Int(rank.number)]);
            rank.row = self.ranks.intern_row(rs, &packed);
        }
        let row = rs.insert_pair(self.growing, [fact, rank.row]);
        let known = &mut self.list[fact as usize];
        // All that derives it is of facts that are in, and so of lower rank.
        (known.row, known.rank, known.support) = (row, rank.number, known.total);
        self.round.push(row, 1);
        self.ranked.push(rank.row, 1);
        self.len += 1;
    }

    fn take_out(&mut self, rs: &mut Relations, fact: Handle) {
        let known = &mut self.list[fact as usize];
        let row = std::mem::replace(&mut known.row, NO_ROW);
        let [_, of_rank] = rs.pair(self.growing, row);
        rs.retire(self.growing, row);
        self.round.push(row, -1);
        self.ranked.push(of_rank, -1);
        self.len -= 1;
        if let Some(best) = &mut self.best {
            best.forget(fact);
        }
    }

    pub(super) fn take_round(&mut self, into: &mut Delta) {
        std::mem::swap(&mut self.round, into);
        self.round.clear();
        into.consolidate();
    }

    /// Ends a step: what it did to the facts, seen from outside.
    pub(super) fn finish(&mut self, rs: &mut Relations) {
        let mut known = Delta::default();
        for fact in self.touched.drain(..) {
            let entry = &mut self.list[fact as usize];
            entry.touched = false;
            let change = Weight::from(entry.is_in()) - Weight::from(entry.was);
            if change != 0 {
                self.change.push(fact, change);
            }
            let keeps = entry.total > 0 || self.best.as_ref().is_some_and(|b| b.is_listed(fact));
            let change = Weight::from(keeps) - self.rows.weight(fact);
            if change != 0 {
                known.push(fact, change);
            }
            if !keeps {
                *entry = UNKNOWN;
            }
        }
        self.change.consolidate();
        known.consolidate();
        self.rows.integrate(rs, &known);
        self.ranked.consolidate();
        self.ranks.integrate(rs, &self.ranked);
        self.ranked.clear();
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.bytes()
            + self.ranks.bytes()
            + self.list.capacity() * size_of::<Fact>()
            + self.best.as_ref().map_or(0, BestRows::bytes)
    }
}

/// The rank in a cell.
pub(super) fn rank_of(cell: Cell<'_>) -> i64 {
    match cell {
        Cell::Int(rank) => rank,
        _ => 0,
    }
}

/// Where a fact's columns and its rank are in a growing row.
pub(super) fn paths(columns: usize) -> impl Iterator<Item = Path> {
    (0..columns).map(|c| Path::column(c).within(false)).chain([Path::column(0).within(true)])
}
