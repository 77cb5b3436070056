//! Queries whose rows come and go in slices: what shows many rows does not take or drop them all in one step.

use super::{Engine, Report, ViewId};
use crate::circuit::NodeId;
use crate::error::Result;
use crate::query::BoundQuery;

/// Pieces of forgotten queries that every version drops in passing.
pub(super) const IN_PASSING: usize = 4000;

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
    /// report tells. Without any left there is no version. Cost: that of a batch that brings these rows under this query.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`
    pub fn admit(&mut self, id: ViewId, places: usize) -> Result<Report> {
        let Some(gate) = self.closed_gate(id)? else { return Ok(self.nothing()) };
        self.relations.reclaim();
        self.version += 1;
        self.circuit.admit(&mut self.relations, gate, places.max(1));
        Ok(self.told(id))
    }

    /// Places for rows that are still to be let in.
    ///
    /// # Errors
    /// `UNKNOWN_VIEW`
    pub fn pending(&mut self, id: ViewId) -> Result<usize> {
        let gates = self.view(id)?.plan.gates.clone();
        Ok(gates.into_iter().map(|gate| self.circuit.left(&self.relations, gate)).sum())
    }

    /// Drops up to so many rows, groups and nodes that forgotten queries left. Whether there may be more: what only a query over many rows
    /// used goes in slices, and every version drops some of it. Cost: some 50 ns each.
    pub fn sweep(&mut self, pieces: usize) -> bool {
        let left = self.circuit.sweep(pieces);
        self.relations.sweep(left) == 0
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
}
