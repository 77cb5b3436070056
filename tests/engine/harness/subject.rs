//! What the laws are checked on: an engine with mirrors, in the few words that the laws need.

use eddyline::error::Error;
use eddyline::query::{BoundQuery, Schema, TableId};
use eddyline::store::batch::Batch;
use eddyline::value::{Field, RowTree, Value};

use super::case::Set;

/// A view, by the number that the subject gave it.
pub type View = u32;

/// An engine under test. Every view has a mirror that knows the view only by a first snapshot and the patches after it.
pub trait Subject: Sized {
    fn new(schema: &Schema) -> Self;
    fn apply(&mut self, batch: &Batch) -> Result<Applied, Error>;
    /// Registers and hydrates; `plain` is the query with values in the place of parameters.
    fn register(&mut self, query: &BoundQuery, plain: &BoundQuery) -> Result<View, Error>;
    /// Sets parameters, and shows another part; `plain` is the query with the values that are set.
    fn set(&mut self, view: View, set: &Set, plain: &BoundQuery) -> Result<Applied, Error>;
    fn unregister(&mut self, view: View);
    /// The rows as the engine holds them, or the error that a row of the view causes.
    fn rows(&mut self, view: View) -> Result<Vec<RowTree>, Error>;
    /// The rows as a reader of patches knows them.
    fn mirrored(&mut self, view: View) -> Vec<RowTree>;
    fn version(&self) -> u64;
    /// A state of the tables that stays as it is until it is thawed.
    type Frozen;
    fn freeze(&mut self) -> Self::Frozen;
    /// The rows of each table in a frozen state, in any order.
    fn frozen_rows(&self, frozen: &Self::Frozen) -> Vec<Vec<Vec<Value>>>;
    fn thaw(&mut self, frozen: Self::Frozen);
    /// Number of rows held, by tables and by everything derived from them.
    fn rows_held(&self) -> usize;
    /// What is alive besides the tables; the same number before and after a view was there.
    fn footprint(&self) -> Vec<usize>;
}

/// What a batch did, as reported.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub replayed: bool,
    pub changed: usize,
    pub ignored: usize,
    pub touched: Vec<(TableId, Vec<Value>)>,
    /// The views told, once per telling.
    pub told: Vec<Told>,
}

/// What a view is told.
#[derive(Clone, Debug)]
pub struct Told {
    pub view: View,
    /// A row of the view cannot be calculated.
    pub failed: bool,
    pub patches: Vec<Patch>,
}

/// One patch in the words of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// A row's key and the name of its field, from the top down.
    pub path: Vec<(Vec<Value>, String)>,
    /// Key of the row that it is about; empty for `One`.
    pub key: Vec<Value>,
    pub kind: Kind,
}

/// What a patch does. Positions are those of the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Add { at: usize, row: RowTree },
    Remove { at: usize },
    Move { from: usize, to: usize },
    Set { fields: Vec<(String, Field)> },
    One { row: Option<RowTree> },
}

impl Kind {
    /// Number of the kind, for counting.
    pub fn number(&self) -> usize {
        match self {
            Kind::Add { .. } => 0,
            Kind::Remove { .. } => 1,
            Kind::Move { .. } => 2,
            Kind::Set { .. } => 3,
            Kind::One { .. } => 4,
        }
    }
}
