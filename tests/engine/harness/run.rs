//! Many cases, one after another, natively or in a page; what breaks is shrunk and told.

use super::case::Case;
use super::generate;
use super::laws::check;
use super::shrink::shrink;
use super::subject::Subject;
use super::tally::{Broken, Tally, VALID};

/// Runs the cases of these seeds. `Err` tells of the first that breaks a law: seed, law, what was expected and found, and
/// the shrunk case as JSON for `tests/regressions`.
pub fn seeds<S: Subject>(seeds: impl IntoIterator<Item = u64>) -> Result<Tally, String> {
    cases::<S>(generate::case, seeds)
}

/// The same for cases made by `make`.
pub fn cases<S: Subject>(make: fn(u64) -> Case, seeds: impl IntoIterator<Item = u64>) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for seed in seeds {
        let case = make(seed);
        match guarded::<S>(&case) {
            Ok(of) => tally.add(of),
            Err(broken) => return Err(told::<S>(seed, &case, &broken)),
        }
    }
    Ok(tally)
}

/// Checks a case; a panic is a broken law like others. (In a page a panic ends the test, with the panic's own words.)
pub fn guarded<S: Subject>(case: &Case) -> Result<Tally, Broken> {
    #[cfg(target_arch = "wasm32")]
    return check::<S>(case);
    #[cfg(not(target_arch = "wasm32"))]
    std::panic::catch_unwind(|| check::<S>(case)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let detail = text.or(panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default();
        Err(Broken { law: "the engine does not panic", batch: 0, query: None, detail })
    })
}

fn told<S: Subject>(seed: u64, case: &Case, first: &Broken) -> String {
    if first.law == VALID {
        return format!("seed {seed}: {first}\n{}", case.print());
    }
    let quiet = Quiet::new();
    // Whom a sub-query of several rows puts in error is a departure that cases do not go into, and shrinking must not slide there.
    let many = |b: &Broken| b.detail.contains("TOO_MANY_ROWS");
    let is_alike = |b: Broken| b.law == first.law && many(&b) == many(first);
    let small = shrink(case, 6000, |candidate| guarded::<S>(candidate).is_err_and(is_alike));
    let broken = guarded::<S>(&small).err().unwrap_or(first.clone());
    drop(quiet);
    format!("seed {seed}: {broken}\n\nreplay with ORACLE_SEED={seed}; shrunk:\n{}", small.print())
}

/// No panic messages while candidates are tried.
struct Quiet;

impl Quiet {
    fn new() -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        std::panic::set_hook(Box::new(|_| {}));
        Quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        #[cfg(not(target_arch = "wasm32"))]
        drop(std::panic::take_hook());
    }
}
