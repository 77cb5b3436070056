//! Associations: names to hops.
//!
//! Those of one or two hops are resolved first, in order. Then `through`, depth first with a stack of its own, so that they
//! may be declared in any order, build on one another, and be caught running in circles.

use hashbrown::HashMap;

use indexmap::IndexMap;

use super::ast::{RelationJson, SchemaJson};
use super::bind::{condition_on, order_on};
use super::check::{invalid, name, twice};
use super::{Expr, Hop, Relation, RelationKind, Table};
use crate::error::{Error, ErrorCode, Result};
use crate::value::MapState;

/// Hops that an association may have, and `through`s that may build on one another.
pub const MAX_HOPS: usize = 64;

type Tables = IndexMap<String, Table, MapState>;

/// The associations of each table, in order.
pub(super) fn resolve(json: &SchemaJson, tables: &Tables) -> Result<Vec<IndexMap<String, Relation, MapState>>> {
    let mut done: Vec<Vec<Option<Resolved>>> = Vec::with_capacity(tables.len());
    let mut names: Vec<HashMap<&str, usize, MapState>> = Vec::with_capacity(tables.len());
    for (t, (written, owner)) in json.tables.iter().zip(tables.values()).enumerate() {
        let mut known = HashMap::default();
        let mut row = Vec::with_capacity(written.relations.len());
        for (r, relation) in written.relations.iter().enumerate() {
            let place = |e: Error| e.at_index("relations", r).at_index("tables", t);
            name(&relation.name, "association").map_err(place)?;
            if known.insert(relation.name.as_str(), r).is_some() {
                return Err(place(twice("associations", &relation.name)));
            }
            if owner.columns.contains_key(&relation.name) {
                let message = format!("`{}` has a column `{}` already", owner.name, relation.name);
                return Err(place(invalid(message).named(relation.name.as_str()).at("name")));
            }
            row.push(plain(relation, owner, tables).map_err(place)?);
        }
        done.push(row);
        names.push(known);
    }
    let mut chains = Chains { json, tables, names, done };
    for (t, table) in json.tables.iter().enumerate() {
        for r in 0..table.relations.len() {
            chains.resolve(t, r)?;
        }
    }
    let named = |row: Vec<Option<Resolved>>| row.into_iter().flatten().map(|r| (r.relation.name.clone(), r.relation)).collect();
    Ok(chains.done.into_iter().map(named).collect())
}

struct Resolved {
    relation: Relation,
    /// How many `through`s it builds on.
    level: usize,
}

/// An association that is no `through`; `None` for one that is.
fn plain(json: &RelationJson, owner: &Table, tables: &Tables) -> Result<Option<Resolved>> {
    let kind = match json.kind.as_str() {
        "belongsTo" => RelationKind::BelongsTo,
        "hasOne" => RelationKind::HasOne,
        "hasMany" => RelationKind::HasMany,
        "manyToMany" => RelationKind::ManyToMany,
        "through" => RelationKind::Through,
        other => {
            let kinds = ["belongsTo", "hasOne", "hasMany", "manyToMany", "through"];
            return Err(Error::unknown(ErrorCode::SchemaInvalid, "kind of association", other, "schema", kinds).at("kind"));
        }
    };
    no_strays(json, kind)?;
    if kind == RelationKind::Through {
        return Ok(None);
    }
    let target = table(tables, &json.table).map_err(|e| e.at("table"))?;
    let own_key = |t: &Table| t.key.iter().copied().filter(|k| Some(*k) != t.tenant_column()).collect::<Vec<_>>();
    let references = |t: &Table| match &json.references {
        Some(names) => columns(names, t, "references"),
        None => Ok(own_key(t)),
    };
    let mut hops = match kind {
        RelationKind::BelongsTo => {
            let (left, right) = (columns(&json.columns, owner, "columns")?, references(target)?);
            vec![hop((owner, left), (target, right), Side::From, "columns", "table")?]
        }
        RelationKind::HasOne | RelationKind::HasMany => {
            let (left, right) = (references(owner)?, columns(&json.columns, target, "columns")?);
            vec![hop((owner, left), (target, right), Side::To, "columns", "table")?]
        }
        RelationKind::ManyToMany | RelationKind::Through => {
            let Some(join) = &json.join else { return Err(missing("join")) };
            let Some(join_target) = &json.join_target else { return Err(missing("joinTarget")) };
            let join = table(tables, join).map_err(|e| e.at("join"))?;
            let right = columns(&json.columns, join, "columns")?;
            let left = columns(join_target, join, "joinTarget")?;
            vec![
                hop((owner, references(owner)?), (join, right), Side::To, "columns", "join")?,
                hop((join, left), (target, own_key(target)), Side::From, "joinTarget", "table")?,
            ]
        }
    };
    let order = refine(json, target, &mut hops)?;
    let keeps_duplicates = duplicates(json)?;
    let relation = Relation { name: json.name.clone(), kind, target: target.id, hops, keeps_duplicates, order };
    Ok(Some(Resolved { relation, level: 0 }))
}

/// Puts an association's condition on its last hop, and gives its order.
fn refine(json: &RelationJson, target: &Table, hops: &mut [Hop]) -> Result<Vec<super::SortKey>> {
    if let (Some(filter), Some(last)) = (&json.filter, hops.last_mut()) {
        let bound = condition_on(target, filter).map_err(|e| e.at("where"))?;
        last.filter = Expr::and(last.filter.take(), Some(bound));
    }
    order_on(target, &json.order_by)
}

/// Refuses parts that an association of this kind does not read, rather than to ignore them.
fn no_strays(json: &RelationJson, kind: RelationKind) -> Result<()> {
    use RelationKind as K;
    let parts = [
        (!json.columns.is_empty(), "columns", kind != K::Through),
        (json.references.is_some(), "references", kind != K::Through),
        (json.join.is_some(), "join", kind == K::ManyToMany),
        (json.join_target.is_some(), "joinTarget", kind == K::ManyToMany),
        (json.path.is_some(), "path", kind == K::Through),
        (json.duplicates.is_some(), "duplicates", kind == K::ManyToMany),
    ];
    match parts.into_iter().find(|(given, _, read)| *given && !read) {
        Some((_, part, _)) => Err(invalid(format!("a {} association has no `{part}`", json.kind)).named(part).at(part)),
        None => Ok(()),
    }
}

/// Whether a target shows once per row of the join table.
fn duplicates(json: &RelationJson) -> Result<bool> {
    match json.duplicates.as_deref() {
        None | Some("once") => Ok(false),
        Some("keep") => Ok(true),
        Some(other) => {
            let e = Error::unknown(ErrorCode::SchemaInvalid, "way with duplicates", other, "associations", ["once", "keep"]);
            Err(e.at("duplicates"))
        }
    }
}

/// Of which side of a hop the user names the columns; those of the other are often implied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

/// A step between columns of two tables; the tenant is put in front on both sides, if both have one.
fn hop(
    (from, mut left): (&Table, Vec<usize>),
    (to, mut right): (&Table, Vec<usize>),
    written: Side,
    at: &str,
    table_at: &str,
) -> Result<Hop> {
    if left.len() != right.len() {
        let message = format!("{} columns of `{}` are to match {} columns of `{}`", left.len(), from.name, right.len(), to.name);
        return Err(invalid(message).at(at));
    }
    for (i, (&l, &r)) in left.iter().zip(&right).enumerate() {
        let (l, r) = (&from.columns[l], &to.columns[r]);
        if l.ty != r.ty {
            let (left, right) = (format!("{}.{}", from.name, l.name), format!("{}.{}", to.name, r.name));
            let message = format!("`{left}` is {} and `{right}` is {}; they cannot match", l.ty.name(), r.ty.name());
            let written = if written == Side::From { l } else { r };
            return Err(invalid(message).named(written.name.as_str()).at_index(at, i));
        }
    }
    match (from.tenant_column(), to.tenant_column()) {
        (Some(l), Some(r)) => {
            left.insert(0, l);
            right.insert(0, r);
        }
        (None, Some(_)) => {
            let message =
                format!("rows of `{}` have no tenant; those of `{}`, of several tenants, would mix", from.name, to.name);
            return Err(invalid(message).named(to.name.as_str()).at(table_at));
        }
        (_, None) => {}
    }
    Ok(Hop { table: to.id, left, right, refers_back: written == Side::To, ..Hop::default() })
}

fn table<'a>(tables: &'a Tables, name: &str) -> Result<&'a Table> {
    let names = tables.keys().map(String::as_str);
    tables.get(name).ok_or_else(|| Error::unknown(ErrorCode::UnknownTable, "table", name, "schema", names))
}

fn columns(names: &[String], table: &Table, part: &str) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Err(missing(part));
    }
    let unknown = |n: &str| Error::unknown(ErrorCode::UnknownColumn, "column", n, &table.name, table.names());
    let find = |(i, n): (usize, &String)| table.column(n).ok_or_else(|| unknown(n).at_index(part, i));
    names.iter().enumerate().map(find).collect()
}

fn missing(part: &str) -> Error {
    invalid(format!("the association needs `{part}`")).named(part).at(part)
}

/// Resolution of `through`.
struct Chains<'a> {
    json: &'a SchemaJson,
    tables: &'a Tables,
    names: Vec<HashMap<&'a str, usize, MapState>>,
    done: Vec<Vec<Option<Resolved>>>,
}

/// A `through` that is being resolved.
struct Frame {
    table: usize,
    relation: usize,
    /// Next name of its path, and the table that it is looked up on.
    step: usize,
    at: usize,
    hops: Vec<Hop>,
    order: Vec<super::SortKey>,
    level: usize,
}

impl Chains<'_> {
    fn written(&self, table: usize, relation: usize) -> &RelationJson {
        &self.json.tables[table].relations[relation]
    }

    fn label(&self, table: usize, relation: usize) -> String {
        format!("{}.{}", self.json.tables[table].name, self.written(table, relation).name)
    }

    /// Resolves one association and all that it builds on. Cost: the hops of each of them, once.
    fn resolve(&mut self, table: usize, relation: usize) -> Result<()> {
        let begin = |table, relation| Frame { table, relation, step: 0, at: table, hops: vec![], order: vec![], level: 0 };
        let mut stack = Vec::new();
        if self.done[table][relation].is_none() {
            stack.push(begin(table, relation));
        }
        while let Some(mut frame) = stack.pop() {
            let place = format!("tables[{}].relations[{}]", frame.table, frame.relation);
            match self.advance(&mut frame).map_err(|e| e.at(&place))? {
                None => {
                    let resolved = self.finish(&mut frame).map_err(|e| e.at(&place))?;
                    self.done[frame.table][frame.relation] = Some(resolved);
                }
                Some((t, r)) => {
                    let step = frame.step;
                    stack.push(frame);
                    if let Some(from) = stack.iter().position(|f| (f.table, f.relation) == (t, r)) {
                        let circle: Vec<String> = stack[from..].iter().map(|f| self.label(f.table, f.relation)).collect();
                        let message = format!("the association runs in a circle: {} → {}", circle.join(" → "), circle[0]);
                        let e = invalid(message).named(self.written(t, r).name.as_str());
                        return Err(e.at_index("path", step).at(&place));
                    }
                    stack.push(begin(t, r));
                }
            }
        }
        Ok(())
    }

    /// Walks the path of a `through` to its end, or to an association that has to be resolved before.
    fn advance(&self, frame: &mut Frame) -> Result<Option<(usize, usize)>> {
        let path = self.written(frame.table, frame.relation).path.as_deref().unwrap_or_default();
        if path.is_empty() {
            return Err(missing("path"));
        }
        while let Some(name) = path.get(frame.step) {
            let Some(&r) = self.names[frame.at].get(name.as_str()) else {
                let names = self.json.tables[frame.at].relations.iter().map(|r| r.name.as_str());
                let on = &self.json.tables[frame.at].name;
                let e = Error::unknown(ErrorCode::UnknownRelation, "association", name, on, names);
                return Err(e.at_index("path", frame.step));
            };
            let Some(Resolved { relation, level }) = &self.done[frame.at][r] else { return Ok(Some((frame.at, r))) };
            frame.hops.extend(relation.hops.iter().cloned());
            frame.order.clone_from(&relation.order);
            frame.level = frame.level.max(level + 1);
            if frame.hops.len() > MAX_HOPS || frame.level > MAX_HOPS {
                let message = format!("the association takes more than {MAX_HOPS} steps");
                return Err(invalid(message).named(name.as_str()).at_index("path", frame.step));
            }
            frame.at = relation.target as usize;
            frame.step += 1;
        }
        Ok(None)
    }

    fn finish(&self, frame: &mut Frame) -> Result<Resolved> {
        let json = self.written(frame.table, frame.relation);
        let target = &self.tables[frame.at];
        if !json.table.is_empty() && json.table != target.name {
            let message = format!("the path leads to `{}`, not to `{}`", target.name, json.table);
            return Err(invalid(message).named(json.table.as_str()).at("table"));
        }
        let own = refine(json, target, &mut frame.hops)?;
        let order = if own.is_empty() { std::mem::take(&mut frame.order) } else { own };
        let relation = Relation {
            name: json.name.clone(),
            kind: RelationKind::Through,
            target: target.id,
            hops: std::mem::take(&mut frame.hops),
            keeps_duplicates: false,
            order,
        };
        Ok(Resolved { relation, level: frame.level })
    }
}
