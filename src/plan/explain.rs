//! The plan of a view as text: levels, the nodes below each, and their counters.

use std::fmt::Write;

use super::Plan;
use crate::circuit::{Circuit, NodeId, Spec};
use crate::operator::Rounds;
use crate::query::Schema;
use crate::trace::Relations;

/// One line per node, inputs indented below; a node that several use says so.
pub fn explain(schema: &Schema, circuit: &Circuit, relations: &Relations, plan: &Plan) -> String {
    let mut text = String::new();
    for level in &plan.levels {
        let depth = depth(plan, level.parent);
        let name = level.name.as_deref().unwrap_or(if level.hidden { "what they point at" } else { "rows" });
        let window = &level.window;
        let _ = write!(text, "{:indent$}{name}", "", indent = depth * 2);
        if level.single && !level.hidden {
            text.push_str(" (single)");
        }
        if let Some(limit) = window.limit.filter(|_| !level.single) {
            let _ = write!(text, " limit {limit}");
        }
        if window.offset > 0 {
            let _ = write!(text, " offset {}", window.offset);
        }
        if window.start.is_some() {
            text.push_str(" from a keyset start");
        }
        text.push('\n');
        node(&mut text, schema, circuit, relations, level.node, depth + 1);
    }
    text
}

fn depth(plan: &Plan, parent: Option<usize>) -> usize {
    parent.map_or(0, |p| depth(plan, plan.levels[p].parent) + 2)
}

fn node(text: &mut String, schema: &Schema, circuit: &Circuit, relations: &Relations, id: NodeId, indent: usize) {
    let spec = circuit.spec(id);
    let meter = circuit.meter(id);
    let what = match spec {
        Spec::Source(table) if (*table as usize) < schema.tables.len() => format!(" {}", schema.by_id(*table).name),
        Spec::Source(_) => " of parameters".to_owned(),
        Spec::ParamFilter { .. } | Spec::ParamExtend { .. } | Spec::ParamTop { .. } => " with parameters".to_owned(),
        Spec::Seek { bounds, .. } => format!(" by {} comparisons with parameters", bounds.len()),
        Spec::Order { group, sort, .. } | Spec::ArrangeInOrder { group, sort, .. } => {
            let by = if sort.span.is_some() { " by intervals".to_owned() } else { format!(" by {} columns", sort.columns.len()) };
            if group.is_empty() { by } else { format!("{by} in groups of {}", group.len()) }
        }
        Spec::InView { sort, .. } => format!(" by {} columns", sort.columns.len()),
        Spec::ArrangeByKey { key, .. } if key.is_empty() => " by nothing (every pair is examined)".to_owned(),
        Spec::ArrangeByKey { key, .. } => format!(" by {} columns", key.len()),
        Spec::Aggregate { groups, calls, .. } if calls.is_empty() => format!(" over {} columns", groups.len()),
        Spec::Aggregate { groups, calls, .. } => format!(" {} by {} columns", calls.len(), groups.len()),
        Spec::Join { range, residual, or, .. } | Spec::SemiJoin { range, residual, or, .. } => {
            let sought = match range {
                _ if !or.is_empty() => " by any of several keys",
                range if range.overlap => " by intervals that meet",
                range if range.comparisons.is_empty() => "",
                _ => " by a range",
            };
            format!("{sought}{}", if residual.is_some() { " with a condition per pair" } else { "" })
        }
        Spec::Window { columns, partition, .. } => format!(" {} in partitions by {} columns", columns.len(), partition.len()),
        Spec::Top { offset, limit, .. } => {
            let limit = if *limit == usize::MAX { String::new() } else { format!(" limit {limit}") };
            if *offset == 0 { limit } else { format!("{limit} offset {offset}") }
        }
        Spec::Growing { recursion, relation, .. } | Spec::Grown { recursion, relation, .. } => {
            format!(" {}", recursion.relations[*relation].name)
        }
        Spec::Fixpoint { growing, .. } => {
            let Rounds { rounds, asserted, retracted, touched, derivations, facts } = circuit.nodes().fixpoint(id).counts();
            let relations = growing.len();
            format!(
                " of {relations} relations, facts {facts}, derivations {derivations}, touched {touched}, rounds {rounds}, \
                 asserted {asserted}, retracted {retracted}"
            )
        }
        Spec::Combine { all: true, .. } => " all".to_owned(),
        _ => String::new(),
    };
    let shared = if circuit.users(id) > 1 { format!(", {} users", circuit.users(id)) } else { String::new() };
    let _ = writeln!(
        text,
        "{:width$}#{id} {}{what}: in {}, out {}, examined {}, {} B{shared}",
        "",
        spec.name(),
        meter.rows_in,
        meter.rows_out,
        meter.examined,
        circuit.bytes(relations, id),
        width = indent * 2,
    );
    for input in spec.inputs() {
        node(text, schema, circuit, relations, input, indent + 1);
    }
}
