//! Keyset starts: literals to values of the order's and the key's types.

use super::expr::mismatch;
use super::literal::{describe, literal_of};
use super::output::{KeyPart, Output};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, StartJson};
use crate::query::{Aggregate, Place, Slot, SortKey, Start, group_types, type_of};
use crate::value::{Type, Value};

impl Output<'_, '_> {
    /// Binds the start of a query ordered so. The tenant is part of the key, but nobody writes it: it is put in here.
    ///
    /// # Errors
    /// `QUERY_INVALID` for a number of values other than that of the order, or of order and key, and for what is no literal;
    /// `TYPE_MISMATCH`; `NULL_NOT_ALLOWED` for a key column that is never null.
    pub(super) fn start(
        &self,
        json: &StartJson,
        order: &[SortKey],
        tenant: Option<&str>,
        slots: &mut Vec<Slot>,
    ) -> Result<Start> {
        let types = self.types();
        let key: Vec<KeyPart> = self.key();
        let shown = key.iter().filter(|k| !k.hidden).count();
        let (given, ordered) = (json.values.len(), order.len());
        if given == 0 || given != ordered && given != ordered + shown {
            let message = format!(
                "a start holds {ordered} values, one per orderBy, or {} with the key behind them; not {given}",
                ordered + shown
            );
            return Err(Error::new(ErrorCode::QueryInvalid, message).at("values"));
        }
        let place = |i: usize| move |e: Error| e.at_index("values", i);
        let mut literals = json.values.iter().enumerate();
        let mut values = Vec::with_capacity(given + key.len() - shown);
        for (sort, (i, literal)) in order.iter().zip(literals.by_ref()) {
            let ty = type_of(&sort.expr, &types);
            values.push(self.start_value(literal, ty, values.len(), slots).map_err(place(i))?);
        }
        if given > ordered {
            for part in &key {
                if part.hidden {
                    values.push(tenant.map_or(Value::Null, Value::text));
                    continue;
                }
                let Some((i, literal)) = literals.next() else { break };
                let ty = types.get(part.column).copied();
                let value = self.start_value(literal, ty, values.len(), slots).map_err(place(i))?;
                if value.is_null() && !part.nullable && literal.op != "param" {
                    let message = format!("key column `{}` is never null", self.scope.name(part.column));
                    return Err(place(i)(Error::new(ErrorCode::NullNotAllowed, message).named(describe(literal))));
                }
                values.push(value);
            }
        }
        Ok(Start { values, inclusive: json.inclusive })
    }

    /// The value at a place of a start: a literal, or a parameter.
    fn start_value(&self, json: &ExprJson, ty: Option<Type>, at: usize, slots: &mut Vec<Slot>) -> Result<Value> {
        if json.op != "param" {
            return literal_of(json, ty);
        }
        let (params, wanted) = (&self.budget.params, ty.unwrap_or(Type::Text));
        let (param, known) = params.find(json.name.as_deref().unwrap_or_default())?;
        params.tell(param, wanted);
        if let Some(other) = known.filter(|t| *t != wanted) {
            return Err(mismatch("this place", &[wanted], Some(other), json));
        }
        slots.push(Slot { place: Place::Start(at), param });
        Ok(Value::Null)
    }

    /// Types of the columns that order and key are over.
    pub(super) fn types(&self) -> Vec<Type> {
        let mut types = match &self.groups {
            None => self.scope.types.clone(),
            Some(groups) => {
                let calls = self.calls.iter().cloned().collect();
                group_types(&Aggregate::new(groups.clone(), calls), &self.scope.types)
            }
        };
        types.extend(self.windows.iter().map(|w| w.ty));
        types
    }
}
