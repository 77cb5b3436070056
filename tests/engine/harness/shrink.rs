//! From a case that breaks a law to a small one that breaks the same: fewer batches, fewer changes, fewer clauses.

use eddyline::query::ast::{CallJson, ExprJson, FromJson, QueryJson, RecursiveJson, SchemaJson};

use super::case::{Case, Step, Watched, Written};

/// Shrinks a case while `breaks` says that the candidate still breaks the law. At most `tries` candidates are run.
pub fn shrink(case: &Case, tries: usize, breaks: impl Fn(&Case) -> bool) -> Case {
    let mut search = Search { best: case.clone(), left: tries, breaks };
    loop {
        let size = search.best.print().len();
        search.list(|c| &mut c.queries);
        search.batches();
        search.changes();
        search.lives();
        search.merge();
        search.queries();
        search.columns();
        search.schema();
        if search.left == 0 || search.best.print().len() >= size {
            return search.best;
        }
    }
}

struct Search<B> {
    best: Case,
    left: usize,
    breaks: B,
}

impl<B: Fn(&Case) -> bool> Search<B> {
    /// Takes the candidate if it is another and still breaks the law.
    fn take(&mut self, candidate: Case) -> bool {
        if self.left == 0 || candidate == self.best {
            return false;
        }
        self.left -= 1;
        let breaks = (self.breaks)(&candidate);
        if breaks {
            self.best = candidate;
        }
        breaks
    }

    /// Drops what can be dropped of a list: halves first, then quarters, down to single items.
    fn list<T: Clone>(&mut self, of: impl Fn(&mut Case) -> &mut Vec<T>) {
        let mut size = of(&mut self.best).len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < of(&mut self.best).len() {
                let mut candidate = self.best.clone();
                let list = of(&mut candidate);
                list.drain(at..(at + size).min(list.len()));
                if !self.take(candidate) {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    /// Drops batches from the end; queries keep their place in the history.
    fn batches(&mut self) {
        let mut at = self.best.batches.len();
        while at > 0 {
            at -= 1;
            let mut candidate = self.best.clone();
            candidate.batches.remove(at);
            without_batch(&mut candidate, |n| n > at);
            self.take(candidate);
        }
    }

    fn changes(&mut self) {
        for i in 0..self.best.batches.len() {
            self.list(|c| &mut c.batches[i].changes);
            let mut candidate = self.best.clone();
            candidate.batches[i] = Step { changes: candidate.batches[i].changes.clone(), ..Step::default() };
            self.take(candidate);
        }
    }

    /// Joins neighbouring batches, and says upsert where anything else was said.
    fn merge(&mut self) {
        for i in (1..self.best.batches.len()).rev() {
            let mut candidate = self.best.clone();
            let after = candidate.batches.remove(i);
            candidate.batches[i - 1].changes.extend(after.changes);
            without_batch(&mut candidate, |n| n >= i);
            self.take(candidate);
        }
        for i in 0..self.best.batches.len() {
            for j in 0..self.best.batches[i].changes.len() {
                let mut candidate = self.best.clone();
                let change = &mut candidate.batches[i].changes[j];
                if change.op == "insert" {
                    *change = Written { op: "upsert".into(), ..change.clone() };
                    self.take(candidate);
                }
            }
        }
    }

    /// Watches from the start to the end where that is enough.
    fn lives(&mut self) {
        let mut candidate = self.best.clone();
        candidate.frozen = None;
        self.take(candidate);
        for i in 0..self.best.queries.len() {
            self.list(|c| &mut c.queries[i].sets);
            for s in 0..self.best.queries[i].sets.len() {
                self.list(|c| &mut c.queries[i].sets[s].params.params);
                let mut candidate = self.best.clone();
                candidate.queries[i].sets[s].part = None;
                self.take(candidate);
            }
            for simpler in [(|w| w.from = 0) as fn(&mut Watched), |w| w.until = None] {
                let mut candidate = self.best.clone();
                simpler(&mut candidate.queries[i]);
                self.take(candidate);
            }
        }
    }

    fn queries(&mut self) {
        for i in 0..self.best.queries.len() {
            let mut n = 0;
            while let Some(simpler) = simpler_queries(&self.best.queries[i].query).into_iter().nth(n) {
                let mut candidate = self.best.clone();
                candidate.queries[i].query = simpler;
                prune(&mut candidate.queries[i]);
                // After a success, another list of simpler queries begins; what failed before may work now.
                n = if self.take(candidate) { 0 } else { n + 1 };
                if self.left == 0 {
                    return;
                }
            }
        }
    }

    /// Drops columns, sets cells to null.
    fn columns(&mut self) {
        for t in 0..self.best.schema.tables.len() {
            for c in (0..self.best.schema.tables[t].columns.len()).rev() {
                let mut candidate = self.best.clone();
                let (table, column) = {
                    let table = &mut candidate.schema.tables[t];
                    (table.name.clone(), table.columns.remove(c).name)
                };
                candidate.schema.tables[t].key.retain(|k| *k != column);
                let changes = candidate.batches.iter_mut().flat_map(|b| &mut b.changes);
                changes.filter(|c| c.table == table).for_each(|c| {
                    c.row.remove(&column);
                });
                self.take(candidate);
            }
        }
    }

    fn schema(&mut self) {
        for t in (0..self.best.schema.tables.len()).rev() {
            for r in (0..self.best.schema.tables[t].relations.len()).rev() {
                let mut candidate = self.best.clone();
                candidate.schema.tables[t].relations.remove(r);
                self.take(candidate);
            }
            for r in 0..self.best.schema.tables[t].relations.len() {
                let simpler: [fn(&mut SchemaJson, usize, usize); 2] =
                    [|s, t, r| s.tables[t].relations[r].filter = None, |s, t, r| s.tables[t].relations[r].order_by.clear()];
                for simpler in simpler {
                    let mut candidate = self.best.clone();
                    simpler(&mut candidate.schema, t, r);
                    self.take(candidate);
                }
            }
        }
        for t in (0..self.best.schema.tables.len()).rev() {
            let mut candidate = self.best.clone();
            let gone = candidate.schema.tables.remove(t).name;
            candidate.batches.iter_mut().for_each(|b| b.changes.retain(|c| c.table != gone));
            self.take(candidate);
        }
    }
}

/// Lowers the numbers of the batches behind one that is gone.
fn without_batch(case: &mut Case, behind: impl Fn(usize) -> bool) {
    let lower = |n: usize| n - usize::from(behind(n));
    for watched in &mut case.queries {
        watched.from = lower(watched.from);
        watched.until = watched.until.map(lower);
        watched.sets.iter_mut().for_each(|s| s.before = lower(s.before));
    }
    case.frozen = case.frozen.map(|pair| pair.map(lower));
}

/// Drops the values of parameters that the query does not have any more.
fn prune(watched: &mut Watched) {
    let mut query = watched.query.clone();
    query.params.clear();
    let text = serde_json::to_string(&query).expect("a query is JSON");
    let used = |name: &str| text.contains(&format!("\"{name}\""));
    watched.query.params.retain(|p| used(&p.name));
    watched.sets.iter_mut().for_each(|s| s.params.params.retain(|p| used(&p.name)));
}

/// A query with one clause less or simpler, in every way.
fn simpler_queries(q: &QueryJson) -> Vec<QueryJson> {
    let mut out = Vec::new();
    let mut with = |change: &dyn Fn(&mut QueryJson)| {
        let mut simpler = q.clone();
        change(&mut simpler);
        out.push(simpler);
    };
    with(&|q| q.filter = None);
    with(&|q| q.select = None);
    with(&|q| (q.limit, q.limit_param) = (None, None));
    with(&|q| (q.offset, q.offset_param) = (None, None));
    with(&|q| q.start = None);
    with(&|q| q.tenant = None);
    if let FromJson::Query { query, .. } = &q.from {
        with(&|q| *q = QueryJson { tenant: q.tenant.clone(), ctes: q.ctes.clone(), ..*query.clone() });
        for inner in simpler_queries(query) {
            with(&|q| replaced(&mut q.from, &inner));
        }
    }
    if let FromJson::Recursive { recursive, .. } = &q.from {
        for other in simpler_recursions(recursive) {
            with(&|q| {
                if let FromJson::Recursive { recursive, .. } = &mut q.from {
                    **recursive = other.clone();
                }
            });
        }
    }
    with(&|q| q.distinct = false);
    with(&|q| q.distinct_on = None);
    with(&|q| q.limit_by = None);
    with(&|q| q.all = false);
    for i in 0..q.inputs.len() {
        with(&|q| *q = QueryJson { tenant: q.tenant.clone(), ctes: q.ctes.clone(), ..q.inputs[i].clone() });
        with(&|q| drop(q.inputs.remove(i)));
        for inner in simpler_queries(&q.inputs[i]) {
            with(&|q| q.inputs[i] = inner.clone());
        }
    }
    for i in 0..q.ctes.len() {
        with(&|q| drop(q.ctes.remove(i)));
        with(&|q| *q = QueryJson { tenant: q.tenant.clone(), ctes: q.ctes[..i].to_vec(), ..q.ctes[i].query.clone() });
        for inner in simpler_queries(&q.ctes[i].query) {
            with(&|q| q.ctes[i].query = inner.clone());
        }
    }
    with(&|q| q.having = None);
    with(&|q| q.grouping_sets = None);
    for i in 0..q.grouping_sets.as_ref().map_or(0, Vec::len) {
        with(&|q| drop(q.grouping_sets.as_mut().expect("sets").remove(i)));
        with(&|q| q.grouping_sets.as_mut().expect("sets")[i].truncate(1));
        with(&|q| q.grouping_sets.as_mut().expect("sets")[i].clear());
    }
    with(&|q| {
        (q.group_by, q.grouping_sets, q.having) = (None, None, None);
        (q.select, q.order_by, q.start) = (None, vec![], None);
    });
    with(&|q| (q.order_by, q.start) = (vec![], None));
    for i in 0..q.joins.len() {
        with(&|q| drop(q.joins.remove(i)));
        with(&|q| q.joins[i].kind = "inner".into());
        for inner in q.joins[i].query.iter().flat_map(|n| simpler_queries(n)) {
            with(&|q| q.joins[i].query = Some(Box::new(inner.clone())));
        }
        for inner in q.joins[i].recursive.iter().flat_map(|r| simpler_recursions(r)) {
            with(&|q| q.joins[i].recursive = Some(Box::new(inner.clone())));
        }
        for on in simpler_expressions(&q.joins[i].on) {
            with(&|q| q.joins[i].on = on.clone());
        }
        for array in q.joins[i].unnest.iter().flat_map(simpler_expressions) {
            with(&|q| q.joins[i].unnest = Some(array.clone()));
        }
    }
    for i in 0..q.computed.len() {
        with(&|q| drop(q.computed.remove(i)));
        for expr in simpler_expressions(&q.computed[i].expr) {
            with(&|q| q.computed[i].expr = expr.clone());
        }
    }
    for i in 0..q.with.len() {
        with(&|q| drop(q.with.remove(i)));
        for nested in q.with[i].query.iter().flat_map(|n| simpler_queries(n)) {
            with(&|q| q.with[i].query = Some(Box::new(nested.clone())));
        }
    }
    for i in 0..q.order_by.len() {
        with(&|q| drop(q.order_by.remove(i)));
        with(&|q| q.order_by[i].nulls = None);
        with(&|q| q.order_by[i].desc = false);
        for expr in simpler_expressions(&q.order_by[i].expr) {
            with(&|q| q.order_by[i].expr = expr.clone());
        }
    }
    for filter in q.filter.iter().flat_map(simpler_expressions) {
        with(&|q| q.filter = Some(filter.clone()));
    }
    for having in q.having.iter().flat_map(simpler_expressions) {
        with(&|q| q.having = Some(having.clone()));
    }
    let lists: [fn(&mut QueryJson) -> Option<&mut Vec<_>>; 2] = [|q| q.select.as_mut(), |q| q.group_by.as_mut()];
    for list in lists {
        for i in 0..list(&mut q.clone()).map_or(0, |l| l.len()) {
            with(&|q| drop(list(q).expect("a list").remove(i)));
            for expr in simpler_expressions(&list(&mut q.clone()).expect("a list")[i].expr) {
                with(&|q| list(q).expect("a list")[i].expr = expr.clone());
            }
        }
    }
    out.retain(|simpler| simpler != q);
    out
}

/// A recursion with one branch less, or one that is simpler.
fn simpler_recursions(recursive: &RecursiveJson) -> Vec<RecursiveJson> {
    let mut out = Vec::new();
    for (i, relation) in recursive.relations.iter().enumerate() {
        for (j, branch) in relation.branches.iter().enumerate() {
            let mut fewer = recursive.clone();
            fewer.relations[i].branches.remove(j);
            out.push(fewer);
            for inner in simpler_queries(branch) {
                let mut simpler = recursive.clone();
                simpler.relations[i].branches[j] = inner;
                out.push(simpler);
            }
        }
        let mut fewer = recursive.clone();
        fewer.relations.remove(i);
        out.push(fewer);
    }
    out
}

fn replaced(from: &mut FromJson, inner: &QueryJson) {
    if let FromJson::Query { query, .. } = from {
        **query = inner.clone();
    }
}

/// An argument in the place of its call, at any depth; an aggregate that says less.
fn simpler_expressions(e: &ExprJson) -> Vec<ExprJson> {
    let mut out = e.args.clone();
    if let Some(call) = &e.call {
        let mut say = |change: &dyn Fn(&mut CallJson)| {
            let mut less = (**call).clone();
            change(&mut less);
            out.push(ExprJson { call: (less != CallJson::default()).then(|| Box::new(less)), ..e.clone() });
        };
        say(&|c| c.distinct = false);
        say(&|c| c.filter = None);
        for filter in call.filter.iter().flat_map(simpler_expressions) {
            say(&|c| c.filter = Some(filter.clone()));
        }
        for i in 0..call.order_by.len() {
            say(&|c| drop(c.order_by.remove(i)));
            say(&|c| c.order_by[i].desc = false);
            for expr in simpler_expressions(&call.order_by[i].expr) {
                say(&|c| c.order_by[i].expr = expr.clone());
            }
        }
    }
    for query in e.query.iter().flat_map(|q| simpler_queries(q)) {
        out.push(ExprJson { query: Some(Box::new(query)), ..e.clone() });
    }
    for (i, arg) in e.args.iter().enumerate() {
        if e.args.len() > 1
            && ["and", "or", "in", "coalesce", "greatest", "least", "concat", "#>", "#>>"].contains(&e.op.as_str())
        {
            let mut fewer = e.clone();
            fewer.args.remove(i);
            out.push(fewer);
        }
        for simpler in simpler_expressions(arg) {
            let mut inner = e.clone();
            inner.args[i] = simpler;
            out.push(inner);
        }
    }
    out
}
