//! Queries whose rows come and go in slices: what shows many rows does not take or drop them all in one step.

use super::{Engine, Report, ViewId};
use crate::circuit::NodeId;
use crate::error::Result;
use crate::query::BoundQuery;

/// Pieces of what can wait that every version does in passing.
pub(super) const IN_PASSING: usize = 4000;
/// Pieces that a row of an index counts for: it is looked at, hashed or compared, and filed.
const OF_A_ROW: usize = 20;
/// Pieces that a query is worth which goes with its engine.
const OF_A_QUERY: usize = 1000;

impl Engine {
    /// Registers a query that has no row of any table yet: [`admit`](Self::admit) lets them in. It follows changes from the
    /// beginning; at each version it is the query over that part of its tables that was let in.
    ///
    /// ```
    /// use eddyline::engine::Engine;
    /// use eddyline::query::{Schema, ast, bind};
    /// use eddyline::wire::json::{JsonReader, Options};
    /// # let schema: ast::SchemaJson = serde_json::from_str(r#"{"tables":[{"name":"t","key":["id"],"columns":[{"name":"id","type":"int"}]}]}"#)?;
    /// # let mut engine = Engine::new(Schema::from_json(&schema)?);
    /// # let input = br#"{"op":"insert","table":"t","rows":[{"id":1},{"id":2},{"id":3}]}"#;
    /// # engine.apply(JsonReader::new().read_all(engine.schema(), &Options::default(), input)?)?;
    /// let query: ast::QueryJson = serde_json::from_str(r#"{"from":"t","orderBy":[{"expr":{"op":"col","name":"id"}}]}"#)?;
    /// let view = engine.register_sliced(&bind(engine.schema(), &query)?)?;
    /// assert_eq!((engine.rows(view)?.len(), engine.pending(view)?), (0, 3));
    /// engine.admit(view, 2)?;
    /// assert_eq!((engine.rows(view)?.len(), engine.pending(view)?), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_sliced(&mut self, query: &BoundQuery) -> Result<ViewId> {
        self.open(query, true)
    }

    /// Lets in the rows in so many places more of a table that a view is behind: a version of this view alone, of which the
    /// report tells. Without any left there is no version. Cost: that of a batch that brings these rows under this query. When all
    /// are in, what it made is there for other queries, which are registered at the cost of what they do not find.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`
    pub fn admit(&mut self, id: ViewId, places: usize) -> Result<Report> {
        let Some(gate) = self.closed_gate(id)? else { return Ok(self.nothing()) };
        self.relations.reclaim();
        self.version += 1;
        self.circuit.admit(&mut self.relations, gate, places.max(1));
        let report = self.told(id);
        if self.closed_gate(id)?.is_none() {
            // From here on others use what it has.
            let view = self.views.get_mut(&id).expect("asked above");
            view.plan.gates.retain(|gate| !self.circuit.open(&mut self.relations, *gate));
        }
        Ok(report)
    }

    /// Places for rows that are still to be let in.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`
    pub fn pending(&mut self, id: ViewId) -> Result<usize> {
        let gates = self.view(id)?.plan.gates.clone();
        Ok(gates.into_iter().map(|gate| self.circuit.left(&self.relations, gate)).sum())
    }

    /// Does so many pieces of what can wait, and tells whether there may be more: what only a query over many rows used goes in slices, a
    /// row, group or node at a time, and an index of a large table that filters are filled from is made of its rows. Every version does
    /// some of it. Cost: some 50 ns each.
    pub fn sweep(&mut self, pieces: usize) -> bool {
        let left = self.drop_remains(pieces);
        left == 0 || !self.circuit.fill(&mut self.relations, left / OF_A_ROW)
    }

    /// Drops so many pieces of what forgotten queries left. How many are left of so many.
    pub(super) fn drop_remains(&mut self, pieces: usize) -> usize {
        let mut left = pieces;
        while left > 0
            && let Some(view) = self.closed.last_mut()
        {
            let dropped = view.sweep(left, &mut self.circuit, &mut self.relations);
            if dropped < left {
                self.closed.pop();
            }
            left -= dropped;
        }
        left = self.circuit.sweep(left);
        self.relations.sweep(left)
    }

    /// Drops so many pieces of everything, and tells whether there may be more: before the engine itself goes, which then has nothing left
    /// that takes long. It answers no more.
    pub fn leave(&mut self, pieces: usize) -> bool {
        let mut left = pieces;
        while left > 0
            && let Some((&id, _)) = self.views.last()
        {
            self.unregister(id);
            left = left.saturating_sub(OF_A_QUERY);
        }
        left = self.drop_remains(left);
        if left > 0 {
            self.relations.leave();
            left = self.relations.sweep(left);
        }
        left == 0
    }

    fn closed_gate(&mut self, id: ViewId) -> Result<Option<NodeId>> {
        let gates = self.view(id)?.plan.gates.clone();
        Ok(gates.into_iter().find(|gate| self.circuit.left(&self.relations, *gate) > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Schema, ast, bind};
    use crate::wire::json::{JsonReader, Options};

    fn apply(engine: &mut Engine, json: &str) {
        let batch = JsonReader::new().read_all(engine.schema(), &Options::default(), json.as_bytes()).unwrap();
        engine.apply(batch).unwrap();
    }

    #[test]
    fn an_engine_goes_in_slices() {
        let schema = r#"{"tables":[
            {"name":"t","key":["id"],"columns":[{"name":"id","type":"int"},{"name":"of","type":"int"}],
             "relations":[{"name":"parts","kind":"hasMany","table":"u","columns":["of"]}]},
            {"name":"u","key":["id"],"columns":[{"name":"id","type":"int"},{"name":"of","type":"int"}]}]}"#;
        let mut engine = Engine::new(Schema::from_json(&serde_json::from_str(schema).unwrap()).unwrap());
        let rows = |n: usize| (0..n).map(|i| format!(r#"{{"id":{i},"of":{}}}"#, i % 1000)).collect::<Vec<_>>().join(",");
        for (table, n) in [("t", 5000), ("u", 20_000)] {
            apply(&mut engine, &format!(r#"{{"op":"insert","table":"{table}","rows":[{}]}}"#, rows(n)));
        }
        let column = r#"{"op":"col","name":"of"}"#;
        let group = format!(r#"{{"from":"u","groupBy":[{{"expr":{column}}}],"select":[{{"name":"of","expr":{column}}}]}}"#);
        let nested = r#"{"from":"t","with":[{"relation":"parts"}]}"#;
        for query in [group.as_str(), nested, r#"{"from":"t","orderBy":[{"expr":{"op":"col","name":"of"}}]}"#] {
            let query: ast::QueryJson = serde_json::from_str(query).unwrap();
            engine.register(&bind(engine.schema(), &query).unwrap()).unwrap();
        }
        let mut slices = 0;
        while engine.leave(1000) {
            slices += 1;
            assert!(slices < 1000);
        }
        assert!(slices >= 25, "{slices}");
        assert_eq!((engine.views.len(), engine.closed.len(), engine.node_count()), (0, 0, 0));
        assert_eq!(engine.relations.ids().count(), 0);
        assert!(!engine.leave(1));
    }

    #[test]
    fn what_a_query_over_many_rows_used_goes_in_slices() {
        let schema = r#"{"tables":[{"name":"t","key":["id"],"columns":[{"name":"id","type":"int"}]}]}"#;
        let mut engine = Engine::new(Schema::from_json(&serde_json::from_str(schema).unwrap()).unwrap());
        let rows: Vec<String> = (0..30_000).map(|n| format!(r#"{{"id":{n}}}"#)).collect();
        apply(&mut engine, &format!(r#"{{"op":"insert","table":"t","rows":[{}]}}"#, rows.join(",")));
        let column = r#"{"op":"col","name":"id"}"#;
        for group in [true, false] {
            let query = if group {
                format!(
                    r#"{{"from":"t","groupBy":[{{"expr":{column}}}],"select":[{{"name":"id","expr":{column}}}],"orderBy":[{{"expr":{column}}}]}}"#
                )
            } else {
                format!(r#"{{"from":"t","limitBy":{{"by":[{column}],"limit":1}},"orderBy":[{{"expr":{column}}}]}}"#)
            };
            let query: ast::QueryJson = serde_json::from_str(&query).unwrap();
            let view = engine.register(&bind(engine.schema(), &query).unwrap()).unwrap();
            let nodes = engine.node_count();
            engine.unregister(view);
            assert!(engine.node_count() < nodes);
            let mut slices = 0;
            while engine.sweep(1000) {
                slices += 1;
                if slices % 10 == 0 {
                    // A version takes its part.
                    apply(&mut engine, r#"{"op":"upsert","table":"t","row":{"id":5}}"#);
                }
            }
            assert!((15..60).contains(&slices), "{slices}");
            assert!(!engine.sweep(1));
            let view = engine.register(&bind(engine.schema(), &query).unwrap()).unwrap();
            assert_eq!(engine.rows(view).unwrap().len(), 30_000);
            engine.unregister(view);
            engine.relieve();
            assert!(!engine.sweep(1));
        }
    }

    #[test]
    fn the_view_of_a_nested_query_goes_in_slices_whoever_else_shows_its_lists() {
        let schema = r#"{"tables":[
            {"name":"p","key":["id"],"columns":[{"name":"id","type":"int"}],
             "relations":[{"name":"cs","kind":"hasMany","table":"c","columns":["p"]}]},
            {"name":"c","key":["id"],"columns":[{"name":"id","type":"int"},{"name":"p","type":"int"}]}]}"#;
        let mut engine = Engine::new(Schema::from_json(&serde_json::from_str(schema).unwrap()).unwrap());
        let rows: Vec<String> = (0..30_000).map(|n| format!(r#"{{"id":{n}}}"#)).collect();
        apply(&mut engine, &format!(r#"{{"op":"insert","table":"p","rows":[{}]}}"#, rows.join(",")));
        let register = |engine: &mut Engine, limit: usize| {
            let query = format!(r#"{{"from":"p","with":[{{"relation":"cs"}}],"limit":{limit}}}"#);
            let query: ast::QueryJson = serde_json::from_str(&query).unwrap();
            engine.register(&bind(engine.schema(), &query).unwrap()).unwrap()
        };
        let mut next = 0;
        let mut insert = |engine: &mut Engine| {
            next += 1;
            let json = format!(r#"{{"op":"insert","table":"c","row":{{"id":{next},"p":{}}}}}"#, next % 30_000);
            let batch = JsonReader::new().read_all(engine.schema(), &Options::default(), json.as_bytes()).unwrap();
            engine.apply(batch).unwrap()
        };
        // Its lists are those of another query; its lists and operators are its own.
        for (is_shared, least) in [(true, 18), (false, 35)] {
            let other = is_shared.then(|| register(&mut engine, 10));
            let mut held = Vec::new();
            for _ in 0..3 {
                let view = register(&mut engine, 40_000);
                assert!(insert(&mut engine).section(view).is_some());
                engine.unregister(view);
                assert_eq!(engine.node_count() == 0, !is_shared, "what only it used is asked nothing any more");
                let mut slices = 0;
                while engine.sweep(1000) {
                    slices += 1;
                    if slices % 10 == 0 {
                        // Rows of lists that it shows still, and takes their part.
                        let report = insert(&mut engine);
                        assert!(report.section(view).is_none() && report.section(other.unwrap_or(0)).is_some() == is_shared);
                    }
                }
                assert!((least..80).contains(&slices), "{slices}");
                assert!(engine.closed.is_empty());
                held.push(engine.memory().operators + engine.memory().views);
            }
            assert!(held[2] <= held[1] + 1000, "its places in lists are given back: {held:?}");
            if let Some(other) = other {
                assert_eq!(engine.rows(other).unwrap().len(), 10);
                engine.unregister(other);
            }
            assert_eq!((engine.node_count(), engine.memory().operators, engine.memory().views), (0, 0, 0));
        }
    }
}
