//! What is checked once a history is over: replays, other ways to the same rows, and that nothing stays behind.

use eddyline::query::{BoundQuery, Table, set_params};
use eddyline::reference::{Data, evaluate};
use eddyline::store::batch::{Batch, Change, Envelope, Op};
use eddyline::value::Value;

use super::{Broken, Live, Run, Subject, show};

impl<S: Subject> Run<'_, S> {
    pub(super) fn endings(&mut self) -> Result<(), Broken> {
        self.replays()?;
        self.afresh()?;
        self.cut_otherwise()?;
        self.emptied()?;
        self.farewell()
    }

    /// The last batch of every source, sent again.
    fn replays(&mut self) -> Result<(), Broken> {
        for batch in std::mem::take(&mut self.committed) {
            if self.batch(&batch)? {
                return self.broken("L5: a replay has no effect", None, format!("applied again: {:?}", batch.envelope));
            }
        }
        Ok(())
    }

    /// All rows at once into a fresh engine: views before them, and views after them.
    fn afresh(&mut self) -> Result<(), Broken> {
        let rows = |t: &'_ Table| self.data.rows(t.id).iter().map(|row| change(t, row)).collect::<Vec<_>>();
        let changes = self.schema.tables.values().flat_map(rows).collect();
        let load = Batch { envelope: Envelope::default(), changes };
        self.elsewhere("L1: hydrating in a fresh engine is a full evaluation", vec![load])
    }

    /// The same changes, one to three a batch, in a fresh engine.
    fn cut_otherwise(&mut self) -> Result<(), Broken> {
        let mut batches = Vec::new();
        let mut rest = &self.applied[..];
        while !rest.is_empty() {
            let (some, after) = rest.split_at((1 + batches.len() % 3).min(rest.len()));
            batches.push(Batch { envelope: Envelope::default(), changes: some.to_vec() });
            rest = after;
        }
        self.elsewhere("L1: the same changes in other batches give the same rows", batches)
    }

    fn elsewhere(&mut self, law: &'static str, batches: Vec<Batch>) -> Result<(), Broken> {
        let home = std::mem::replace(&mut self.subject, S::new(&self.schema));
        let data = std::mem::replace(&mut self.data, Data::new(&self.schema));
        let mut views: Vec<Live> = Vec::new();
        for number in 0..self.bound.len() {
            match self.subject.register(&self.bound[number], &self.plain[number]) {
                Ok(view) => views.push(self.live(number, view)),
                Err(e) => return self.broken("a query that binds registers", Some(number), e.to_string()),
            }
        }
        for batch in &batches {
            if let (Err(e), _) | (_, Err(e)) = (self.subject.apply(batch), self.data.apply(&self.schema, batch)) {
                return self.broken("changes that were applied once are applied again", None, e.to_string());
            }
        }
        // Other batches are another history; only lists in the order of arrival know of it.
        for (number, query) in self.plain.iter().enumerate().filter(|(_, q)| !by_arrival(q)) {
            let [here, there] = [&data, &self.data].map(|data| evaluate(&self.schema, data, query));
            if here.as_ref().ok() != there.as_ref().ok() {
                let detail = format!("expected {}\nfound {}", show::result(&here), show::result(&there));
                return self.broken(law, Some(number), detail);
            }
        }
        for live in &mut views {
            self.rows(law, live)?;
        }
        for number in 0..self.bound.len() {
            let mut live = self.registered(number)?;
            self.rows(law, &mut live)?;
        }
        (self.subject, self.data) = (home, data);
        Ok(())
    }

    /// Every row deleted in one batch: views follow, and nothing is kept of what is gone.
    fn emptied(&mut self) -> Result<(), Broken> {
        if let Some((frozen, _)) = self.frozen.take() {
            self.subject.thaw(frozen);
        }
        let delete = |table: &Table, row: &Vec<Value>| Change { op: Op::Delete, ..change(table, row) };
        let rows = |t: &'_ Table| self.data.rows(t.id).iter().map(|row| delete(t, row)).collect::<Vec<_>>();
        let changes = self.schema.tables.values().flat_map(rows).collect();
        self.batch(&Batch { envelope: Envelope::default(), changes })?;
        // Rows that are gone are kept readable for one version more.
        self.subject.apply(&Batch::default()).expect("an empty batch");
        let mut fresh = S::new(&self.schema);
        for live in &self.live {
            let mut now = live.query.clone();
            let values = set_params(&now.params, &live.values).expect("they were set before");
            now.params.iter_mut().zip(values).for_each(|(p, v)| p.value = v);
            fresh.register(&now, &live.plain).expect("it was registered before");
        }
        let (held, expected) = (self.subject.rows_held(), fresh.rows_held());
        if held != expected {
            let law = "L6: rows that are gone leave nothing";
            return self.broken(law, None, format!("{held} rows held, {expected} in a fresh engine"));
        }
        Ok(())
    }

    /// Views go in the order that they came; nothing of them may stay.
    fn farewell(&mut self) -> Result<(), Broken> {
        for live in std::mem::take(&mut self.live) {
            self.subject.unregister(live.view);
        }
        let (left, fresh) = (self.subject.footprint(), S::new(&self.schema).footprint());
        if left != fresh {
            return self.broken("L6: nothing outlives the views that needed it", None, format!("{fresh:?} became {left:?}"));
        }
        for number in 0..self.bound.len() {
            let live = self.registered(number)?;
            self.subject.unregister(live.view);
            let after = self.subject.footprint();
            if after != fresh {
                let law = "L6: a view that goes leaves what was there before it";
                return self.broken(law, Some(number), format!("{fresh:?} became {after:?}"));
            }
        }
        Ok(())
    }
}

/// Whether a list of a query is in the order of arrival.
fn by_arrival(query: &BoundQuery) -> bool {
    query.nested.iter().any(|n| n.arrival || by_arrival(&n.query))
}

fn change(table: &Table, row: &[Value]) -> Change {
    Change { op: Op::Insert, table: table.id, row: table.layout.pack(row), present: Box::default(), hash: 0 }
}
