//! The memory budget: a comparison per batch, and a closer look when it says so.

use wasm_bindgen::prelude::*;

use super::allocator::{allocated, size};
use super::engine::{Inner, Js, WasmEngine};
use super::error::throw;
use crate::error::{Error, ErrorCode};
use crate::store::{Batch, Change};

/// What batches may lead to where nobody says otherwise: the address space without room for what queries and the next batch take.
/// Beyond it an engine would crash with all that it holds.
pub(super) const WHOLE: usize = 0xf000_0000;

impl Inner {
    /// Bytes in use, the input area not counted.
    pub(super) fn used(&self) -> usize {
        allocated() - self.scratch.capacity() * 8
    }

    /// Whether the last version led over the budget.
    pub(super) fn is_over(&self) -> bool {
        self.used() > self.budget
    }

    /// Refuses a batch whose rows do not fit beside what is in use. One that does not grow the tables always does.
    ///
    /// Below the budget this is one comparison: the batch is in memory already, so what is in use is at least what will be.
    #[inline]
    pub(super) fn afford(&mut self, batch: &Batch) -> Js<()> {
        if allocated() > self.budget { self.look_closer(batch) } else { Ok(()) }
    }

    #[cold]
    fn look_closer(&mut self, batch: &Batch) -> Js<()> {
        self.engine.relieve();
        let rows: usize = batch.changes.iter().map(|c| size(c.row.len()) + size(c.present.len())).sum();
        let own = rows + size(batch.changes.capacity() * size_of::<Change>());
        let growth = self.engine.growth(batch, size);
        let needed = (self.used() - own) as i64 + growth;
        if growth <= 0 || needed <= self.budget as i64 {
            return Ok(());
        }
        let message = match self.budget {
            WHOLE => "the rows of this batch do not fit into the memory of the engine",
            _ => "the memory budget does not allow the rows of this batch",
        };
        let error = throw(Error::new(ErrorCode::MemoryBudget, message));
        for (name, bytes) in [("needed", needed as f64), ("budget", self.budget as f64)] {
            // Setting a property of a fresh object cannot fail.
            let _ = js_sys::Reflect::set(&error, &name.into(), &bytes.into());
        }
        Err(error)
    }
}

#[wasm_bindgen(js_class = Engine)]
impl WasmEngine {
    /// Sets the most bytes of this memory that batches may lead to, and gives those in use; `Infinity`: no limit.
    pub fn budget(&self, bytes: f64) -> Js<usize> {
        let mut inner = self.inner()?;
        // Saturates: beyond the address space it is none.
        inner.budget = bytes as usize;
        Ok(inner.used())
    }
}
