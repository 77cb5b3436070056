//! Grouping sets: a grouping of the same rows for each, and their groups as one relation.

use super::stream::add_packed;
use super::{Planner, Stream};
use crate::circuit::{NodeId, Spec};
use crate::operator::{Gather, Part};
use crate::query::{Aggregate, AggregateCall, AggregateFunction, Expr};
use crate::trace::Path;
use crate::value::{Layout, Type};

impl Planner<'_> {
    /// The groups of several sets; the columns are the group expressions, null in rows of a set without them, then the aggregates.
    /// Calls and groups are over the stream. `having` is left to the caller. With the rows of a context, whose columns every set
    /// begins with, a set of nothing else has a row for each of these.
    pub(super) fn grouping_sets(
        &mut self,
        mut stream: Stream,
        aggregate: &Aggregate,
        group_types: &[Type],
        context: Option<&Stream>,
    ) -> Stream {
        // What is grouped by is computed once for all; what no set has is null in every row, and need not even be defined.
        let is_used = |g: usize| aggregate.sets.iter().any(|set| set.contains(&g));
        let used: Vec<usize> = (0..aggregate.groups.len()).filter(|&g| is_used(g)).collect();
        let exprs: Vec<Expr> = used.iter().map(|&g| aggregate.groups[g].clone()).collect();
        let found = self.columns(&mut stream, &exprs);
        let of_group = |g: usize| used.iter().position(|&u| u == g).map_or(0, |at| found[at]);
        let groups: Vec<usize> = (0..aggregate.groups.len()).map(of_group).collect();
        let is_own = |c: &&AggregateCall| c.function != AggregateFunction::GroupingSet;
        let calls: Vec<AggregateCall> = aggregate.calls.iter().filter(is_own).cloned().collect();
        let mut parts = Vec::with_capacity(aggregate.sets.len());
        let mut inputs = Vec::with_capacity(aggregate.sets.len());
        for set in &aggregate.sets {
            let own = Aggregate::new(set.iter().map(|&g| Expr::Column(groups[g])).collect(), calls.clone());
            let types: Vec<Type> = set.iter().map(|&g| group_types[g]).collect();
            let mut found = self.aggregate(stream.clone(), &own, &types);
            if let Some(context) = context.filter(|c| c.columns.len() == set.len()) {
                let by: Vec<usize> = (0..set.len()).collect();
                found = self.join_groups(context, &found, [&by, &by], true);
                found.columns.drain(set.len()..2 * set.len());
            }
            let of_group = |g: usize| set.iter().position(|&s| s == g).map(|at| found.columns[at].0);
            let columns = (0..groups.len()).map(of_group).chain(found.columns[set.len()..].iter().map(|c| Some(c.0)));
            inputs.push(found.node);
            parts.push(Part { relation: found.relation, columns: columns.collect() });
        }
        let types: Vec<Type> = group_types.iter().copied().chain(calls.iter().map(|c| c.ty)).chain([Type::Int]).collect();
        let gathered = self.gathered(inputs, parts, &types);
        // The number of the set is where its call is.
        let (mut next, last) = (groups.len(), types.len() - 1);
        let columns = (0..groups.len()).chain(aggregate.calls.iter().map(|c| match c.function {
            AggregateFunction::GroupingSet => last,
            _ => {
                next += 1;
                next - 1
            }
        }));
        let columns = columns.map(|at| gathered.columns[at]).collect();
        Stream { columns, ..gathered }
    }

    /// The rows of several nodes as packed ones of columns of these types, the last of which is the number of the node.
    pub(super) fn gathered(&mut self, inputs: Vec<NodeId>, parts: Vec<Part>, types: &[Type]) -> Stream {
        let spec = Spec::Gather { inputs, columns: parts.iter().map(|p| p.columns.clone()).collect() };
        let layout = Layout::new(types);
        let node = self.node(spec, move |relations, _| {
            let is_wide = |c: usize| parts.iter().any(|p| p.columns[c].is_some_and(|path| relations.is_wide(p.relation, path)));
            let wide: Vec<bool> = (0..parts[0].columns.len()).map(is_wide).chain([false]).collect();
            let output = add_packed(relations, layout, &wide);
            Box::new(Gather::new(parts, output))
        });
        let columns = types.iter().enumerate().map(|(at, ty)| (Path::column(at), *ty)).collect();
        Stream { node, relation: self.output(node), columns }
    }
}
