//! The harness of the six laws: random cases, the laws, a shrinker. It knows the engine only as a [`subject::Subject`] and
//! has no tests of its own, so that the page's tests can include it as well.

pub mod case;
pub mod generate;
pub mod laws;
pub mod minimal;
pub mod run;
pub mod show;
pub mod shrink;
pub mod subject;
pub mod tally;
