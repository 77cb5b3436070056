//! Why a view cannot be evaluated, for people: what went wrong, and the row of a table of which that is so.

use super::{Engine, ViewId};
use crate::algebra::{Handle, NO_ROW};
use crate::circuit::{Circuit, Failure};
use crate::engine::view::View;
use crate::error::{Error, ErrorCode, Result};
use crate::trace::{RelationId, Rows};

/// Why a view cannot be evaluated, if it cannot.
pub(super) fn failure_of(circuit: &Circuit, view: &View) -> Option<Failure> {
    view.plan.levels.iter().find_map(|l| circuit.error(l.node))
}

impl Engine {
    /// The evaluation error that a view is in, if it is. Where a row is known for which there is no value, the error's path is its
    /// table and the offending name its key; of rows of a join the first, while the message says all.
    pub fn view_error(&self, id: ViewId) -> Result<Option<Error>> {
        let view = self.view(id)?;
        Ok(failure_of(&self.circuit, view).map(|failure| self.said(view, failure)))
    }

    fn said(&self, view: &View, failure: Failure) -> Error {
        let what = match failure.code {
            ErrorCode::DivisionByZero => "division by zero",
            ErrorCode::TooManyRows => "a sub-query that stands for a value has more than one row",
            ErrorCode::NumericOverflow => "a number is out of range",
            ErrorCode::TimestampRange => "a moment is out of range, or of no calendar",
            ErrorCode::InvalidText => "a text is no value of the type that it is cast to",
            ErrorCode::InvalidArgument => "a function is not defined for its arguments",
            ErrorCode::ValueTooLarge => "a text or list grows too long",
            ErrorCode::RecursionLimit => {
                let name = view.plan.levels.iter().find_map(|l| self.circuit.endless(l.node)).unwrap_or_default();
                let message = format!("`{name}` of this query finds ever more, or takes more rounds than `maxRounds`");
                return Error::new(failure.code, message).named(name);
            }
            _ => "an expression has no value",
        };
        let mut named = Vec::new();
        failure.rows.into_iter().flatten().for_each(|(relation, row)| self.name_rows(relation, row, &mut named));
        let rows: Vec<String> = named.iter().map(|(table, key)| format!("row {key} of `{table}`")).collect();
        let rows = if rows.is_empty() { "a row of this query".to_owned() } else { rows.join(" with ") };
        let error = Error::new(failure.code, format!("{what} in {rows}"));
        match named.into_iter().next() {
            Some((table, key)) => error.at(table).named(key),
            None => error,
        }
    }

    /// The rows of tables that a row is made of, each by its table and its key.
    fn name_rows<'a>(&'a self, relation: RelationId, row: Handle, named: &mut Vec<(&'a str, String)>) {
        let is_there = row != NO_ROW && self.relations.is_readable(relation, row);
        debug_assert!(row == NO_ROW || is_there, "an operator names a row that has gone");
        if !is_there {
            return;
        }
        match self.relations.rows(relation) {
            Rows::Pair { left, right, .. } => {
                let [a, b] = self.relations.pair(relation, row);
                self.name_rows(*left, a, named);
                self.name_rows(*right, b, named);
            }
            Rows::Packed { .. } if (relation as usize) < self.schema.tables.len() => {
                let table = self.schema.by_id(relation);
                named.push((&table.name, table.key_text(self.relations.row(relation, row))));
            }
            Rows::Packed { .. } => {}
        }
    }
}
