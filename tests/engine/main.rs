//! The engine against the six laws: one integration binary, one file per question.
//!
//! - `six_laws`: random cases, and random graphs of associations. `ORACLE_RUNS=10` multiplies their number, `ORACLE_SEED=…` runs one. A failure prints the
//!   seed, the law, the first batch that breaks it, both results, and a shrunk case: when the fault is mended, keep that as
//!   `tests/regressions/<what-it-shows>.json`.
//! - `regressions`: the cases that were kept.
//! - `arrival`: the order of lists that declare none.
//! - `board`: what a change costs under nested associations, whatever the sizes of the tables.
//! - `work`: what a change costs, counted, not timed; and what is kept for it.
//! - `cliffs`: what a change costs beside few rows and beside many, for random queries. `CLIFF_RUNS=10`, `CLIFF_SEED=…`.
//! - `packed`: rows that leave packed, for storage and other pages, and come back.
//! - `windows`: window functions over large partitions, and what a change to one costs.
//! - `params`: what it costs to set a parameter or to move a window.
//! - `slices`: queries whose rows come in slices, while rows change.
//! - `filling`: indexes that are made in slices.
//! - `recursion`: programs over graphs with cycles against the naive fixpoint, and what an edge costs.
//! - `memory`: what rows and queries weigh, and who holds it.
//! - `numbers`: sums and means of the floats that round worst.
//! - `harness_itself`: the harness against a naive engine that is right, or wrong in one way.

mod arrival;
mod board;
mod cliffs;
mod crowds;
mod filling;
mod harness;
mod harness_itself;
mod memory;
mod naive;
mod numbers;
mod packed;
mod params;
mod recursion;
mod regressions;
mod six_laws;
mod slices;
mod windows;
mod work;
mod world;
