//! Eddyline: a live query engine.
