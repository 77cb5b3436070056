//! What came of a case: the law that it breaks, or what it exercised.

use std::fmt;

use eddyline::value::{Field, RowTree};

/// A law that does not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which, in a few words that stay the same while the case is shrunk.
    pub law: &'static str,
    /// Number of the batch.
    pub batch: usize,
    /// Number of the query in the case.
    pub query: Option<usize>,
    /// What was expected and what was found.
    pub detail: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (batch {}", self.law, self.batch)?;
        if let Some(q) = self.query {
            write!(f, ", query {q}")?;
        }
        write!(f, ")\n{}", self.detail)
    }
}

/// The law of the generator itself: `bind` accepts what it makes.
pub const VALID: &str = "generated cases are valid";

/// What a case exercised; a generator whose cases do nothing proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub batches: usize,
    pub failed_batches: usize,
    pub replays: usize,
    /// Parameters set, windows moved.
    pub sets: usize,
    pub results: usize,
    pub empty_results: usize,
    pub error_results: usize,
    /// Rows seen, at the root and at three levels below.
    pub rows: [usize; 4],
    /// Lists below the root in another order than that of their keys.
    pub unsorted: usize,
    /// Adds, removes, moves, sets, and replacements of single rows.
    pub patches: [usize; 5],
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.batches += other.batches;
        self.failed_batches += other.failed_batches;
        self.replays += other.replays;
        self.sets += other.sets;
        self.results += other.results;
        self.empty_results += other.empty_results;
        self.error_results += other.error_results;
        self.unsorted += other.unsorted;
        self.rows.iter_mut().zip(other.rows).for_each(|(a, b)| *a += b);
        self.patches.iter_mut().zip(other.patches).for_each(|(a, b)| *a += b);
    }

    pub fn count_rows(&mut self, rows: &[RowTree], level: usize) {
        self.rows[level] += rows.len();
        for (_, field) in rows.iter().flat_map(|r| &r.fields) {
            match field {
                Field::List(rows) => {
                    self.unsorted += usize::from(!rows.is_sorted_by(|a, b| a.key <= b.key));
                    self.count_rows(rows, level + 1);
                }
                Field::Row(Some(row)) => self.count_rows(std::slice::from_ref(row), level + 1),
                _ => {}
            }
        }
    }
}
