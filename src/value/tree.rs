//! A result row with everything nested in it, as owned values: what tests, the oracle and `explain` speak of. The hot path
//! never builds one.

use super::Value;

/// A row of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowTree {
    /// Key among its siblings.
    pub key: Vec<Value>,
    /// Fields in output order; nested associations come last, in the order of the query.
    pub fields: Vec<(String, Field)>,
}

/// A field of a result row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A cell.
    Value(Value),
    /// A single association, or a member of a join without `select` (`None` = no such row).
    Row(Option<Box<RowTree>>),
    /// A list association.
    List(Vec<RowTree>),
}

impl RowTree {
    /// A field by name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, f)| f)
    }
}
