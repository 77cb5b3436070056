//! The least fixpoint of queries over growing relations: recursion that is exact under insertions and deletions.
//!
//! The bodies of the relations are ordinary operators in the same graph. They read each relation through its
//! [`GrowingRows`] and end here; a row that comes here is one *derivation* of a fact. Within one step the circuit runs them in
//! rounds (`circuit::iterate`): what this operator finds goes back as the next change of the growing relations, until
//! nothing is found.
//!
//! Per fact: its derivations, counted; its *rank*, the number of the round that put it in; and its *support*, how many of
//! its derivations are from facts of lower rank only. Ranks are columns of growing rows, so a body row tells its derivation's:
//! the largest of those that it is made of. Invariants between steps:
//! - a fact is in while it has a derivation (completeness; the bodies are monotone);
//! - a fact that is in has support, so by induction over ranks it is well-founded: no circle of facts holds itself up.
//!
//! A step: derivations that come and go are counted. *Retraction*: facts that are in without support leave, which takes
//! derivations with it, until all have support. *Assertion*: facts that are out but have derivations come in with a new rank,
//! higher than all others: whatever derives them now supports them. Then again, until both find nothing. A fact with another
//! well-founded derivation never leaves; one whose other derivations are of higher rank leaves and comes back, and is no
//! change to what is downstream. Relations that keep the best row per key are in `best`.
//!
//! Cost: the derivations that come and go, each as its bodies' operators cost. Not counting them but the facts, deletion
//! over-estimates (DRed); the order of facts confines that to those without a derivation from before.
//! Sources: Gupta, Mumick, Subrahmanian, Maintaining Views Incrementally, SIGMOD 1993; Motik et al., Incremental Update of
//! Datalog Materialisation: the Backward/Forward Algorithm, AAAI 2015; Zhao, Subotić, Scholz, Well-founded provenance ranks,
//! Debugging Large-scale Datalog, TOPLAS 2020; Budiu et al., DBSP, VLDB 2023 (nested circuits).

mod best;
mod facts;
mod growing;

pub use best::BestRows;
pub use facts::Facts;
pub use growing::{GrowingRows, GrownRows};

use crate::algebra::{Delta, Handle, Weight};
use crate::circuit::{Failure, NodeId, Operator, Scan, Step};
use crate::error::ErrorCode;
use crate::trace::{Path, RelationId, Relations};
use crate::value::RowBuilder;

/// Most derivations that all relations of a recursion hold together.
pub const MOST_DERIVATIONS: i64 = 10_000_000;
/// Rounds in a step of a recursion that came to no end in a step before.
const ROUNDS_AGAIN: u32 = 100;

/// Where the derivations of one branch are.
#[derive(Clone, Debug)]
pub struct Derivations {
    /// Number of the relation that they are of.
    pub relation: usize,
    /// Relation of the rows.
    pub rows: RelationId,
    /// The columns of the fact.
    pub columns: Vec<Path>,
    /// The ranks of the facts that it is derived from.
    pub ranks: Vec<Path>,
}

/// What a fixpoint did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// Rounds in which facts came in or left.
    pub rounds: u64,
    /// Facts that came in, those that came back among them.
    pub asserted: u64,
    /// Facts that left, those that came back among them.
    pub retracted: u64,
    /// Derivations that came or went.
    pub touched: u64,
    /// Derivations now.
    pub derivations: i64,
    /// Facts now.
    pub facts: usize,
}

/// Fixpoint.
pub struct Fixpoint {
    relations: Vec<Facts>,
    branches: Vec<Derivations>,
    max_rounds: u32,
    /// Rank of the facts that came in last.
    rank: i64,
    counts: Rounds,
    rounds: u32,
    failed: bool,
    builder: RowBuilder,
    /// The nodes that run in rounds, inputs first; the circuit's.
    pub(crate) body: Vec<NodeId>,
}

impl std::fmt::Debug for Fixpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fixpoint").field("branches", &self.branches).field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Fixpoint {
    /// The fixpoint of some branches over growing relations, which are the first inputs; the branches follow.
    pub fn new(relations: Vec<Facts>, branches: Vec<Derivations>, max_rounds: u32) -> Self {
        Fixpoint {
            relations,
            branches,
            max_rounds,
            rank: 0,
            counts: Rounds::default(),
            rounds: 0,
            failed: false,
            builder: RowBuilder::new(),
            body: Vec::new(),
        }
    }

    /// What it did.
    pub fn counts(&self) -> Rounds {
        Rounds { facts: self.relations.iter().map(Facts::len).sum(), ..self.counts }
    }

    /// Number of growing relations, and so of the inputs before the branches.
    pub fn growing(&self) -> usize {
        self.relations.len()
    }

    /// What the last step did to a relation.
    pub fn change(&self, relation: usize) -> &Delta {
        self.relations[relation].change()
    }

    /// Calls `f` with every fact of a relation.
    pub fn for_each(&self, relation: usize, f: &mut dyn FnMut(Handle, Weight)) {
        self.relations[relation].for_each(f);
    }

    /// Begins a step.
    pub(crate) fn begin(&mut self) {
        self.rounds = 0;
        self.relations.iter_mut().for_each(Facts::begin);
    }

    /// Counts the derivations of one branch that came and went.
    pub(crate) fn absorb(&mut self, relations: &mut Relations, branch: usize, delta: &Delta) {
        let from = &self.branches[branch];
        let facts = &mut self.relations[from.relation];
        for &(row, weight) in delta.rows() {
            let rank = from.ranks.iter().map(|&p| facts::rank_of(relations.cell(from.rows, row, p))).max().unwrap_or(0);
            let fact = facts.intern(relations, &mut self.builder, from, row);
            facts.count(fact, rank, weight);
            self.counts.derivations += i64::from(weight);
            self.counts.touched += u64::from(weight.unsigned_abs());
        }
    }

    /// Finds what comes in or leaves next, the change of each growing relation; false if nothing does.
    pub(crate) fn round(&mut self, relations: &mut Relations) -> bool {
        let mut left = 0;
        for facts in &mut self.relations {
            left += facts.retract(relations);
        }
        self.counts.retracted += left;
        if left > 0 {
            self.counts.rounds += 1;
            return true;
        }
        let rounds = if self.failed { ROUNDS_AGAIN.min(self.max_rounds) } else { self.max_rounds };
        if self.rounds >= rounds || self.counts.derivations > MOST_DERIVATIONS {
            // What is still to come in stays for a later step, which may make it come to an end.
            self.failed = self.relations.iter().any(Facts::is_pending);
            return false;
        }
        self.rounds += 1;
        self.rank += 1;
        let (mut came, mut gone) = (0, 0);
        for facts in &mut self.relations {
            let (new, old) = facts.assert(relations, self.rank);
            came += new;
            gone += old;
        }
        self.counts.asserted += came;
        self.counts.retracted += gone;
        if came + gone == 0 {
            self.failed = false;
            return false;
        }
        self.counts.rounds += 1;
        true
    }

    /// The change of a growing relation that [`round`](Self::round) found.
    pub(crate) fn take_round(&mut self, relation: usize, into: &mut Delta) {
        self.relations[relation].take_round(into);
    }

    /// Ends a step: facts without derivations are gone.
    pub(crate) fn finish(&mut self, relations: &mut Relations, out: &mut Delta) {
        for (i, facts) in self.relations.iter_mut().enumerate() {
            facts.finish(relations);
            if !facts.change().is_empty() {
                out.push(i as Handle, 1);
            }
        }
    }
}

impl Operator for Fixpoint {
    fn step(&mut self, _: &mut Step<'_>, _: &[&Delta], _: &mut Delta) {
        unreachable!("the circuit runs a fixpoint in rounds")
    }

    /// The relations that have facts: what they are is read by [`GrownRows`].
    fn scan(&self, _: Scan<'_>, _: &[NodeId], f: &mut dyn FnMut(Handle, Weight)) {
        let filled = self.relations.iter().enumerate().filter(|r| r.1.len() > 0);
        filled.for_each(|(i, _)| f(i as Handle, 1));
    }

    fn bytes(&self) -> usize {
        self.relations.iter().map(Facts::bytes).sum()
    }

    fn error(&self) -> Option<Failure> {
        self.failed.then_some(Failure { code: ErrorCode::RecursionLimit, rows: [None; 2] })
    }

    fn fixpoint(&self) -> Option<&Fixpoint> {
        Some(self)
    }

    fn fixpoint_mut(&mut self) -> Option<&mut Fixpoint> {
        Some(self)
    }
}
