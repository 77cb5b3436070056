//! Shapes of queries for which a change may cost more where there are more rows that it has nothing to do with: their meaning says so.
//! Everything else must not. A shape is judged by how it is written, so a few queries are excused that would not need it.

use eddyline::query::ast::{ExprJson, FromJson, QueryJson};

/// A row meets rows of all worlds where nothing of it is to be equal to something of theirs: under a comparison, an alternative, or no
/// condition at all. The pairs are the result, or what it is made of.
pub const NO_TIE: &str = "a join without an equality";
/// A sub-query that is the same for all rows is news to all of them when it changes; one that is tied by something else than an
/// equality is asked for every pair of rows.
pub const ONE_FOR_ALL: &str = "a sub-query without an equality";
/// Numbers, ranks and running values are others for all rows of a partition that are behind the one that changed, and a frame of peers
/// reaches all of these. Without a partition, or where one is of rows that an outer join left without a partner, they are of all worlds.
pub const WINDOW: &str = "a window over rows of all worlds";

/// Why the rows that a change of a query costs may be as many as there are.
pub fn reason(query: &QueryJson) -> Option<&'static str> {
    let mut q = query.clone();
    let mut found = q.joins.iter().zip(names(&q).iter().skip(1)).find_map(|(join, name)| {
        let is_tied = join.unnest.is_some() || is_by_key(&join.on, name);
        (!is_tied).then_some(NO_TIE)
    });
    // What is computed of associations may be the same in all worlds, too.
    let may_be_missing = !q.computed.is_empty() || q.joins.iter().any(|join| join.unnest.is_some() || join.kind != "inner");
    q.for_each_expr(&mut |e| found = found.or_else(|| of_expr(e, may_be_missing)));
    q.for_each_query(&mut |sub| found = found.or_else(|| reason(sub)));
    let recursion = |from: &FromJson| match from {
        FromJson::Recursive { recursive, .. } => Some(recursive.clone()),
        _ => None,
    };
    let recursions = recursion(&q.from).into_iter().chain(q.joins.iter().filter_map(|join| join.recursive.clone()));
    let branches: Vec<QueryJson> = recursions.flat_map(|r| r.relations).flat_map(|r| r.branches).collect();
    found.or_else(|| branches.iter().find_map(reason))
}

/// Whether a query puts texts or lists together of all rows of a group: these are copied as a whole, as long as they are.
pub fn has_long_values(query: &QueryJson) -> bool {
    let text = serde_json::to_string(query).expect("a query is JSON");
    ["\"stringAgg\"", "\"arrayAgg\"", "\"jsonAgg\""].iter().any(|name| text.contains(name))
}

/// Names of the sources of a query, in order.
fn names(q: &QueryJson) -> Vec<String> {
    let first = match &q.from {
        FromJson::Name(name) => q.alias.clone().unwrap_or_else(|| name.clone()),
        FromJson::Query { alias, .. } => alias.clone().or(q.alias.clone()).unwrap_or_default(),
        FromJson::Relation { relation, alias } => alias.clone().or(q.alias.clone()).unwrap_or_else(|| relation.clone()),
        FromJson::Recursive { recursive, alias } => alias.clone().or(q.alias.clone()).unwrap_or_else(|| recursive.result.clone()),
    };
    let joined = q.joins.iter().map(|j| j.alias.clone().or(j.relation.clone()).unwrap_or_else(|| j.table.clone()));
    std::iter::once(first).chain(joined).collect()
}

/// Whether something of a source must be equal to something of those before it, or one of several must.
fn is_by_key(condition: &ExprJson, name: &String) -> bool {
    match condition.op.as_str() {
        "and" => condition.args.iter().any(|part| is_by_key(part, name)),
        // Nulls that equal each other are no key of one of several.
        "or" => condition.args.iter().all(|part| part.op != "isNotDistinctFrom" && is_by_key(part, name)),
        _ => ties(condition).any(|[a, b]| (a == *name) != (b == *name)),
    }
}

/// Sources of which something must be equal, in pairs.
fn ties(condition: &ExprJson) -> impl Iterator<Item = [String; 2]> {
    let mut found = Vec::new();
    let mut todo = vec![condition];
    while let Some(e) = todo.pop() {
        match (e.op.as_str(), &e.args[..]) {
            ("and", parts) => todo.extend(parts),
            ("=" | "isNotDistinctFrom", [a, b]) => found.extend(source(a).zip(source(b)).map(|(a, b)| [a, b])),
            _ => {}
        }
    }
    found.into_iter()
}

/// The source that an expression reads, if it is one. Places of elements are the same few numbers in all worlds.
fn source(e: &ExprJson) -> Option<String> {
    match e.op.as_str() {
        "col" if e.name.as_deref() == Some("ordinality") => None,
        "col" => Some(e.of.clone().unwrap_or_default()),
        "coalesce" => e.args.first().and_then(source),
        _ => None,
    }
}

fn of_expr(e: &ExprJson, may_be_missing: bool) -> Option<&'static str> {
    if let Some(over) = &e.over
        && (may_be_missing || !over.partition_by.iter().any(|p| p.op == "col"))
    {
        return Some(WINDOW);
    }
    if let Some(query) = &e.query {
        let found = reason(query);
        if found.is_some() || !is_tied(e, query) {
            return found.or(Some(ONE_FOR_ALL));
        }
    }
    let mut found = None;
    e.clone().for_each_part(&mut |part| found = found.or_else(|| of_expr(part, may_be_missing)));
    found
}

/// Whether each source of a sub-query hangs together with the row outside by equalities.
fn is_tied(e: &ExprJson, query: &QueryJson) -> bool {
    let own = names(query);
    // Of each source its group; 0 is what is outside.
    let mut groups: Vec<usize> = (0..=own.len()).collect();
    let place = |name: &str| own.iter().position(|o| o == name).map_or(0, |at| at + 1);
    let on = query.joins.iter().map(|join| &join.on);
    let mut pairs: Vec<[usize; 2]> = query.filter.iter().chain(on).flat_map(ties).map(|p| p.map(|name| place(&name))).collect();
    let field = query.select.iter().flatten().next();
    if let (true, Some(field)) = (e.args.first().is_some_and(|value| value.op == "col"), field) {
        pairs.extend(source(&field.expr).map(|name| [0, place(&name)]));
    }
    for _ in 0..=own.len() {
        for [a, b] in &pairs {
            let least = groups[*a].min(groups[*b]);
            (groups[*a], groups[*b]) = (least, least);
        }
    }
    groups.iter().all(|group| *group == 0)
}
