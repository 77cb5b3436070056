//! Queries whose rows come in slices: what shows many rows does not take them all in one step.

use super::{Engine, Report, ViewId};
use crate::circuit::NodeId;
use crate::error::Result;
use crate::query::BoundQuery;

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

    fn closed_gate(&mut self, id: ViewId) -> Result<Option<NodeId>> {
        let gates = self.view(id)?.plan.gates.clone();
        Ok(gates.into_iter().find(|gate| self.circuit.left(&self.relations, *gate) > 0))
    }
}
