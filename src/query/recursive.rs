//! Recursion: relations that are the rows of queries over themselves and each other, the fewest that fulfil them.
//!
//! A relation is a set. Its *branches* are queries that read the relations of the same recursion by [`Growing`], as often as they
//! like, and otherwise whatever a query reads; what they do with rows of a growing relation is select, compute, filter and
//! join, so that more rows never make fewer. Beside its columns a growing relation has a hidden one behind them, its *rank*:
//! the number of the round that found the row. Branches hand the ranks of the rows that they read on, as fields.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::SubQuery;
use crate::value::Type;

/// A relation of a recursion as a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecursiveSource {
    /// The recursion.
    pub recursion: Rc<Recursion>,
    /// Number of the relation.
    pub result: usize,
}

impl RecursiveSource {
    /// The relation.
    pub fn relation(&self) -> &GrownRelation {
        &self.recursion.relations[self.result]
    }
}

/// In a branch: the rows that a relation of the recursion has so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growing {
    /// Number of the relation.
    pub relation: usize,
    /// Types of its columns, then that of the rank.
    pub types: Vec<Type>,
}

/// Relations that are made of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recursion {
    /// The relations.
    pub relations: Vec<GrownRelation>,
    /// Most rounds of one step.
    pub max_rounds: u32,
}

impl Hash for Recursion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal recursions have equal names and types; others rarely do.
        for relation in &self.relations {
            relation.name.hash(state);
            relation.types.hash(state);
            relation.branches.len().hash(state);
        }
    }
}

/// A relation of a recursion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrownRelation {
    /// Name.
    pub name: String,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Types of its columns, none of them json.
    pub types: Vec<Type>,
    /// Queries whose rows it has.
    pub branches: Vec<Branch>,
    /// The rows that are kept of those that agree in some columns.
    pub best: Option<Best>,
}

/// A query whose rows a relation has: the first fields are its columns, of the same types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The query.
    pub query: SubQuery,
    /// Fields that are ranks of the rows that it reads of the recursion; none: it reads none.
    pub ranks: Vec<usize>,
}

/// Of the rows that agree in some columns the best one is kept: by a column, then by all others ascending. Null is worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Best {
    /// Columns in which the rows agree.
    pub by: Vec<usize>,
    /// The column that decides.
    pub column: usize,
    /// The largest is best, rather than the smallest.
    pub largest: bool,
}
