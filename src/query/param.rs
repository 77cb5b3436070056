//! Parameters of a query: values that it is given and that can be set anew.
//!
//! In expressions a parameter is [`Expr::Param`](super::Expr::Param). Numbers of rows and values of keyset starts are no expressions: what a
//! parameter says of them is a [`Slot`].

use crate::value::{Type, Value};

/// A parameter.
///
/// ```
/// use eddyline::query::{Schema, ast, bind};
/// let schema: ast::SchemaJson = serde_json::from_str(
///     r#"{"tables": [{"name": "issues", "key": ["id"], "columns": [{"name": "id", "type": "text"}, {"name": "points", "type": "float"}]}]}"#,
/// )?;
/// let query: ast::QueryJson = serde_json::from_str(
///     r#"{"from": "issues", "where": {"op": ">", "args": [{"op": "col", "name": "points"}, {"op": "param", "name": "least"}]},
///         "params": [{"name": "least", "value": {"op": "lit", "value": 3}}]}"#,
/// )?;
/// let bound = bind(&Schema::from_json(&schema)?, &query)?;
/// // The type is that of the column beside it.
/// assert_eq!(bound.params[0].value, eddyline::value::Value::Float(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name.
    pub name: String,
    /// Type of its values; null is always one.
    pub ty: Type,
    /// It says a number of rows somewhere: its values are from 0, null is no limit.
    pub counts: bool,
    /// It is a regular expression somewhere, with these flags.
    pub pattern: Option<Box<str>>,
    /// Its value; of a bound query the first one.
    pub value: Value,
}

/// A place in a query, outside of expressions, whose value a parameter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The place.
    pub place: Place,
    /// Number of the parameter.
    pub param: usize,
}

/// The places of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Limit of the query.
    Limit,
    /// Its offset.
    Offset,
    /// A value of its keyset start.
    Start(usize),
    /// Limit per group.
    LimitBy,
    /// Offset per group.
    OffsetBy,
}

/// The number of rows that a value says; `None` for null.
pub fn count_of(value: &Value) -> Option<usize> {
    match value {
        Value::Int(n) => Some(usize::try_from(*n).unwrap_or(0)),
        _ => None,
    }
}
