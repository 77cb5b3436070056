//! Counters per node: what work tests and `explain` read.

/// Work done by one node since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Steps in which it ran.
    pub steps: u64,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went out.
    pub rows_out: u64,
    /// Rows of its own or of arrangements that it looked at.
    pub examined: u64,
}
