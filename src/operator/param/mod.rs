//! Operators with parameters: what they do depends on the one row of a relation of parameters, their second input.
//!
//! A parameter that is set anew is a change of that relation: its old row left, its new row came. The operators tell the
//! difference that this makes, so that nothing above them knows of parameters.

mod cut;
mod extend;
mod filter;
mod seek;

pub use cut::{Count, ParamTop};
pub use extend::ParamExtend;
pub use filter::ParamFilter;
pub use seek::{BoundValue, Seek};

use crate::algebra::Delta;
use crate::trace::{Path, RelationId, Relations};
use crate::value::Value;

/// The parameters after a step that set them.
fn values(relations: &Relations, params: RelationId, delta: &Delta) -> Option<Vec<Value>> {
    let &(row, _) = delta.rows().iter().find(|r| r.1 > 0)?;
    let columns = 0..relations.layout(params).columns.len();
    Some(columns.map(|c| relations.cell(params, row, Path::column(c)).to_value()).collect())
}
