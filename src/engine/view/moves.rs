//! From "what changed" to the fewest patches, each with the position it has when its turn comes.
//!
//! Rows that stay are of two kinds: touched (their place may have changed) and runs of untouched rows between them. The
//! largest set that keeps its order (a longest increasing subsequence, weighted by run length) stays; everything else moves
//! once. Patches come in this order: removals from the back, then moves and additions from the front, then changed fields.

use crate::algebra::Handle;
use crate::sort;

/// A touched row that is shown before and after.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Row before.
    pub old: Handle,
    /// Row now.
    pub new: Handle,
    /// Number of the first untouched row after it, before the step.
    pub old_gap: usize,
    /// The same, after the step.
    pub new_gap: usize,
    /// Position shown before.
    pub from: usize,
    /// Position shown now.
    pub to: usize,
}

/// The untouched rows that stay: their numbers, and for each its row, position before and position now.
pub struct Shift<'a> {
    /// First number.
    pub first: usize,
    /// One past the last.
    pub end: usize,
    /// Row and positions of a number.
    pub place: &'a dyn Fn(usize) -> (Handle, usize, usize),
}

/// A step of the list from front to back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The row now at `from` goes to `to`.
    Move {
        /// The row, as it was before the step.
        row: Handle,
        /// Position at that moment.
        from: usize,
        /// Position after it is taken out.
        to: usize,
    },
    /// A row comes.
    Add {
        /// The row.
        row: Handle,
        /// Its position.
        at: usize,
    },
}

/// What a list shows differently.
#[derive(Debug, Default)]
pub struct ListChange {
    /// Rows that went, and where they were; sorted from the back by [`arrange`](Self::arrange).
    pub removed: Vec<(Handle, usize)>,
    /// Rows that came, and where they are.
    pub added: Vec<(Handle, usize)>,
    /// Touched rows that stay.
    pub kept: Vec<Kept>,
    /// Moves and additions in the order in which to do them.
    pub placements: Vec<Placement>,
}

#[derive(Clone, Copy)]
struct Mover {
    row: Handle,
    from: usize,
    to: usize,
    /// Rows that stay put before it.
    fixed_before: usize,
}

impl ListChange {
    /// Nothing is shown differently.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty() && self.kept.is_empty()
    }

    /// Finds the moves and the order of patches.
    pub fn arrange(&mut self, shift: &Shift<'_>) {
        sort::by_number(&mut self.removed, |r| !(r.1 as u32));
        sort::by_number(&mut self.added, |a| a.1 as u32);
        sort::by_number(&mut self.kept, |k| k.to as u32);
        let in_order = self.kept.iter().all(|k| k.old_gap == k.new_gap) && self.kept.is_sorted_by_key(|k| k.from);
        if in_order {
            self.placements.extend(self.added.iter().map(|&(row, at)| Placement::Add { row, at }));
            return;
        }
        let movers = find_movers(&self.kept, shift);
        self.place(movers);
    }

    fn place(&mut self, mut movers: Vec<Mover>) {
        sort::by_number(&mut movers, |m| m.from as u32);
        // Movers not yet placed, counted by old order.
        let mut waiting = Counter::ones(movers.len());
        let mut targets: Vec<(usize, Option<usize>, Handle)> =
            movers.iter().enumerate().map(|(i, m)| (m.to, Some(i), m.row)).collect();
        targets.extend(self.added.iter().map(|&(row, at)| (at, None, row)));
        sort::by_number(&mut targets, |t| t.0 as u32);
        // Rows that stay put before the i-th target, ascending.
        let mut behind: Vec<usize> = Vec::with_capacity(targets.len());
        for (i, &(to, mover, row)) in targets.iter().enumerate() {
            let fixed = to - i;
            if let Some(m) = mover {
                let own = movers[m].fixed_before;
                let placed = behind.partition_point(|b| *b <= own);
                let from = own + placed + waiting.before(m);
                waiting.take(m);
                let passed = waiting.before(movers.partition_point(|x| x.fixed_before < fixed));
                self.placements.push(Placement::Move { row, from, to: to + passed });
            } else {
                let passed = waiting.before(movers.partition_point(|x| x.fixed_before < fixed));
                self.placements.push(Placement::Add { row, at: to + passed });
            }
            behind.push(fixed);
        }
    }
}

/// Untouched rows before it, whether it is a run, its position: the order of segments.
type Rank = (usize, bool, usize);

#[derive(Clone, Copy)]
struct Segment {
    old: Rank,
    new: Rank,
    weight: usize,
    rows: Rows,
}

#[derive(Clone, Copy)]
enum Rows {
    Kept(usize),
    Run(usize, usize),
}

/// The rows that have to move: all but a heaviest increasing subsequence.
fn find_movers(kept: &[Kept], shift: &Shift<'_>) -> Vec<Mover> {
    let mut cuts: Vec<usize> = kept.iter().flat_map(|k| [k.old_gap, k.new_gap]).chain([shift.first, shift.end]).collect();
    sort::by_number(&mut cuts, |c| *c as u32);
    cuts.dedup();
    let runs = cuts.windows(2).map(|w| (w[0], w[1])).filter(|(a, b)| *a >= shift.first && *b <= shift.end);
    // A touched row with gap g stands before the run that starts at g.
    let touched = kept.iter().enumerate().map(|(i, k)| Segment {
        old: (k.old_gap, false, k.from),
        new: (k.new_gap, false, k.to),
        weight: 1,
        rows: Rows::Kept(i),
    });
    let untouched = runs.map(|(a, b)| Segment { old: (a, true, 0), new: (a, true, 0), weight: b - a, rows: Rows::Run(a, b) });
    let mut segments: Vec<Segment> = touched.chain(untouched).collect();
    sort::by(&mut segments, |a, b| a.old.cmp(&b.old));
    let mut by_new: Vec<usize> = (0..segments.len()).collect();
    sort::by(&mut by_new, |&a, &b| segments[a].new.cmp(&segments[b].new));
    let fixed = heaviest_increasing(&by_new, |i| segments[i].weight);
    let mut movers = Vec::new();
    let mut fixed_before = 0;
    for (segment, fixed) in segments.iter().zip(fixed) {
        if fixed {
            fixed_before += segment.weight;
            continue;
        }
        match segment.rows {
            Rows::Kept(k) => {
                movers.push(Mover { row: kept[k].old, from: kept[k].from, to: kept[k].to, fixed_before });
            }
            Rows::Run(a, b) => movers.extend((a..b).map(|n| {
                let (row, from, to) = (shift.place)(n);
                Mover { row, from, to, fixed_before }
            })),
        }
    }
    movers
}

/// Which of the indexes belong to a heaviest increasing subsequence of `order`. O(m log m).
fn heaviest_increasing(order: &[usize], weight: impl Fn(usize) -> usize) -> Vec<bool> {
    let m = order.len();
    // Fenwick tree of (best weight, its last index) over prefixes.
    let mut best: Vec<(usize, usize)> = vec![(0, usize::MAX); m + 1];
    let mut previous = vec![usize::MAX; m];
    let mut top = (0, usize::MAX);
    for &i in order {
        let mut found = (0, usize::MAX);
        let mut at = i;
        while at > 0 {
            if best[at].0 > found.0 {
                found = best[at];
            }
            at &= at - 1;
        }
        previous[i] = found.1;
        let mine = (found.0 + weight(i), i);
        if mine.0 > top.0 {
            top = mine;
        }
        let mut at = i + 1;
        while at <= m {
            if mine.0 > best[at].0 {
                best[at] = mine;
            }
            at += at & at.wrapping_neg();
        }
    }
    let mut chosen = vec![false; m];
    let mut at = top.1;
    while at != usize::MAX {
        chosen[at] = true;
        at = previous[at];
    }
    chosen
}

/// Fenwick tree of ones.
struct Counter {
    tree: Vec<usize>,
}

impl Counter {
    fn ones(n: usize) -> Self {
        Counter { tree: (0..=n).map(|i| i & i.wrapping_neg()).collect() }
    }

    /// Ones before index `i`.
    fn before(&self, i: usize) -> usize {
        let (mut at, mut sum) = (i, 0);
        while at > 0 {
            sum += self.tree[at];
            at &= at - 1;
        }
        sum
    }

    fn take(&mut self, i: usize) {
        let mut at = i + 1;
        while at < self.tree.len() {
            self.tree[at] -= 1;
            at += at & at.wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies a change to a plain list.
    fn apply(list: &mut Vec<Handle>, change: &ListChange, renamed: &dyn Fn(Handle) -> Handle) {
        for (row, at) in &change.removed {
            assert_eq!(list.remove(*at), *row);
        }
        list.iter_mut().for_each(|r| *r = renamed(*r));
        for p in &change.placements {
            match *p {
                Placement::Move { row, from, to } => {
                    assert_eq!(list.remove(from), row);
                    list.insert(to, row);
                }
                Placement::Add { row, at } => list.insert(at, row),
            }
        }
    }

    #[test]
    fn random_changes_apply_to_the_new_list_with_the_fewest_moves() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..3000 {
            let n = rng.usize(0..12);
            let old: Vec<Handle> = (0..n as u32).collect();
            // Touched rows stay, go or come back elsewhere; untouched rows keep their order.
            let touched: Vec<bool> = (0..n).map(|_| rng.u32(0..3) == 0).collect();
            let mut new: Vec<Handle> = old.iter().copied().filter(|&r| !touched[r as usize]).collect();
            let mut kept_rows = Vec::new();
            for r in old.iter().copied().filter(|&r| touched[r as usize]) {
                if rng.bool() {
                    new.insert(rng.usize(0..=new.len()), r);
                    kept_rows.push(r);
                }
            }
            for extra in 0..rng.u32(0..4) {
                new.insert(rng.usize(0..=new.len()), 100 + extra);
            }
            let untouched: Vec<Handle> = old.iter().copied().filter(|&r| !touched[r as usize]).collect();
            let find = |list: &[Handle], r: Handle| list.iter().position(|x| *x == r).unwrap();
            let gap =
                |list: &[Handle], r: Handle| list[..find(list, r)].iter().filter(|x| **x < 100 && !touched[**x as usize]).count();
            let mut change = ListChange {
                removed: old.iter().filter(|r| !new.contains(r)).map(|&r| (r, find(&old, r))).collect(),
                added: new.iter().filter(|r| **r >= 100).map(|&r| (r, find(&new, r))).collect(),
                kept: kept_rows
                    .iter()
                    .map(|&r| Kept {
                        old: r,
                        new: r,
                        old_gap: gap(&old, r),
                        new_gap: gap(&new, r),
                        from: find(&old, r),
                        to: find(&new, r),
                    })
                    .collect(),
                placements: Vec::new(),
            };
            let place = |i: usize| (untouched[i], find(&old, untouched[i]), find(&new, untouched[i]));
            change.arrange(&Shift { first: 0, end: untouched.len(), place: &place });
            let mut list = old.clone();
            apply(&mut list, &change, &|r| r);
            assert_eq!(list, new);
            let survivors: Vec<Handle> = new.iter().copied().filter(|r| *r < 100).collect();
            let mut longest = vec![1; survivors.len()];
            for i in 0..survivors.len() {
                for j in 0..i {
                    if survivors[j] < survivors[i] {
                        longest[i] = longest[i].max(longest[j] + 1);
                    }
                }
            }
            let moves = change.placements.iter().filter(|p| matches!(p, Placement::Move { .. })).count();
            assert_eq!(moves, survivors.len() - longest.iter().max().copied().unwrap_or(0));
        }
    }
}
