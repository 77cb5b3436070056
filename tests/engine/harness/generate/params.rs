//! Parameters in the place of literals, values that are set anew, and windows that move.

use std::collections::BTreeMap;

use eddyline::query::ast::{ExprJson, Literal, ParamJson, ParamsJson, QueryJson};
use eddyline::query::{Param, Schema, bind};
use eddyline::value::Value;
use fastrand::Rng;

use super::super::case::Set;
use super::domain::{literal, value};
use super::{chance, pick};

/// Calls whose literals may be any others of the type, and the call has a value as before.
const TOTAL: [&str; 23] = [
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "between",
    "isDistinctFrom",
    "isNotDistinctFrom",
    "coalesce",
    "nullif",
    "case",
    "caseOf",
    "greatest",
    "least",
    "like",
    "ilike",
    "~",
    "~*",
    "regexpSubstr",
    "regexpMatch",
    "reFind",
];
const PATTERNS: [&str; 4] = ["a", "^b?$", "[[:digit:]]+|B", ""];

struct Lift<'r> {
    rng: &'r mut Rng,
    /// Parameters by the literal that they stand for; none: each literal is one of its own.
    shared: Option<BTreeMap<String, String>>,
    params: Vec<ParamJson>,
    /// Of a hundred literals.
    percent: u32,
}

/// The query with parameters in the place of some literals and numbers, if it has any and stays valid.
pub fn lifted(rng: &mut Rng, schema: &Schema, query: &QueryJson) -> Option<QueryJson> {
    let shared = rng.bool().then(BTreeMap::new);
    let percent = pick(rng, &[30, 100]);
    let mut lift = Lift { rng, shared, params: Vec::new(), percent };
    let mut q = query.clone();
    lift.query(&mut q);
    q.params = lift.params;
    (!q.params.is_empty() && bind(schema, &q).is_ok()).then_some(q)
}

impl Lift<'_> {
    fn query(&mut self, q: &mut QueryJson) {
        self.count(&mut q.limit, &mut q.limit_param);
        self.count(&mut q.offset, &mut q.offset_param);
        if let Some(by) = &mut q.limit_by {
            let mut limit = Some(by.limit);
            self.count(&mut limit, &mut by.limit_param);
            by.limit = limit.unwrap_or(0);
            self.count(&mut by.offset, &mut by.offset_param);
        }
        q.start.iter_mut().flat_map(|s| &mut s.values).for_each(|v| self.place(v));
        q.for_each_expr(&mut |e| self.expr(e, true));
        q.for_each_query(&mut |q| self.query(q));
    }

    fn expr(&mut self, e: &mut ExprJson, any: bool) {
        if e.op == "lit" {
            if any {
                self.place(e);
            }
            return;
        }
        // Places and fractions are literals for ever.
        if matches!(e.op.as_str(), "agg" | "over") {
            let first = e.args.iter_mut().take(1);
            first.filter(|a| a.op != "lit").for_each(|a| self.expr(a, false));
            if let Some(filter) = e.call.as_mut().and_then(|c| c.filter.as_mut()) {
                self.expr(filter, false);
            }
            return;
        }
        let total = TOTAL.contains(&e.op.as_str());
        e.for_each_part(&mut |part| self.expr(part, total));
        if let Some(query) = &mut e.query {
            self.query(query);
        }
    }

    fn place(&mut self, e: &mut ExprJson) {
        if e.op != "lit" || e.value.is_none() || !chance(self.rng, self.percent) {
            return;
        }
        let name = self.named(e);
        *e = ExprJson { op: "param".into(), name: Some(name), ..ExprJson::default() };
    }

    fn count(&mut self, number: &mut Option<u32>, name: &mut Option<String>) {
        if let Some(n) = number.filter(|_| chance(self.rng, self.percent)) {
            *name = Some(self.named(&literal(&Value::Int(i64::from(n)))));
            *number = None;
        }
    }

    fn named(&mut self, value: &ExprJson) -> String {
        let text = format!("{:?} {:?}", value.name, value.value);
        if let Some(name) = self.shared.as_ref().and_then(|s| s.get(&text)) {
            return name.clone();
        }
        let name = format!("p{}", self.params.len());
        self.params.push(ParamJson { name: name.clone(), ty: None, value: value.clone().into() });
        if let Some(shared) = &mut self.shared {
            shared.insert(text, name.clone());
        }
        name
    }
}

/// What is set of a query while it is watched.
pub fn sets(rng: &mut Rng, schema: &Schema, query: &QueryJson, from: usize, until: usize) -> Vec<Set> {
    let params = bind(schema, query).map(|b| b.params).unwrap_or_default();
    // A key of a start is never null.
    let nulls = query.start.is_none();
    let moves = chance(rng, if params.is_empty() { 8 } else { 20 });
    if params.is_empty() && !moves {
        return Vec::new();
    }
    let mut sets = Vec::new();
    for _ in 0..rng.usize(1..=4) {
        let before = rng.usize(from..=until);
        let part = (moves && rng.bool()).then(|| [rng.u32(0..8), if rng.bool() { rng.u32(0..6) } else { 400 }]);
        let mut given = Vec::new();
        for param in &params {
            if params.len() == 1 || rng.bool() {
                given.push(ParamJson { name: param.name.clone(), ty: None, value: another(rng, param, nulls).into() });
            }
        }
        sets.push(Set { before, params: ParamsJson { params: given }, part });
    }
    sets.sort_by_key(|s| s.before);
    sets
}

fn another(rng: &mut Rng, param: &Param, nulls: bool) -> ExprJson {
    let null = ExprJson { op: "lit".into(), ..ExprJson::default() };
    if nulls && chance(rng, 8) {
        return null;
    }
    if param.counts {
        return literal(&Value::Int(rng.i64(0..7)));
    }
    if param.pattern.is_some() {
        let text = Literal::Text(pick(rng, &PATTERNS).to_owned());
        return ExprJson { op: "lit".into(), value: Some(text), ..ExprJson::default() };
    }
    let edge = chance(rng, 6) && param.ty != eddyline::value::Type::Float;
    literal(&value(rng, param.ty, edge))
}
