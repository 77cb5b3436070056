//! Descriptions of relations and views, for the TypeScript decoder (`www/docs/boundary.md`).

use crate::engine::{Engine, ViewId};
use crate::error::Result;
use crate::plan::{FieldSource, Level};
use crate::query::Schema;
use crate::trace::{Path, RelationId, Rows};
use crate::value::{Document, Type};

fn list<T>(items: &[T], describe: impl Fn(&T) -> Document) -> Document {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        out.push(describe(item));
    }
    out.into()
}

/// The tables' relations.
pub fn tables(engine: &Engine) -> Document {
    let ids: Vec<RelationId> = (0..engine.schema().tables.len() as RelationId).collect();
    list(&ids, |id| relation(engine, *id))
}

fn relation(engine: &Engine, id: RelationId) -> Document {
    match engine.relations().rows(id) {
        Rows::Pair { left, right, .. } => {
            Document::object([("id", id.into()), ("kind", "pair".into()), ("left", (*left).into()), ("right", (*right).into())])
        }
        Rows::Packed { layout, .. } => {
            let table = engine.schema().tables.get_index(id as usize).map(|t| t.1);
            let mut columns = Vec::with_capacity(layout.columns.len());
            for (i, c) in layout.columns.iter().enumerate() {
                columns.push(Document::object([
                    ("name", table.map_or_else(|| format!("c{i}"), |t| t.columns[i].name.clone()).into()),
                    ("type", type_name(c.ty, engine.relations().is_wide(id, Path::column(i))).into()),
                    ("slot", c.slot.into()),
                    ("var", if c.var == u32::MAX { -1 } else { c.var as i32 }.into()),
                ]));
            }
            Document::object([
                ("id", id.into()),
                ("kind", "packed".into()),
                ("table", table.map_or(Document::Null, |t| t.name.clone().into())),
                ("columns", columns.into()),
                ("varAt", layout.var_at.into()),
                ("boolAt", layout.bool_at.into()),
                ("nullAt", layout.null_at.into()),
                ("flagsAt", layout.flags_at.into()),
                ("heapAt", layout.heap_at.into()),
            ])
        }
    }
}

fn type_name(ty: Type, wide: bool) -> &'static str {
    if wide && ty == Type::Int { "bigint" } else { ty.name() }
}

/// A view's description, with all relations below it that are not tables: JavaScript keeps them as long as the view.
pub fn view(engine: &Engine, id: ViewId) -> Result<Document> {
    let levels = engine.levels(id)?;
    let mut known: Vec<RelationId> = (0..engine.schema().tables.len() as RelationId).collect();
    let mut new = Vec::new();
    for l in levels {
        describe(engine, l.shown_relation, &mut known, &mut new);
    }
    Ok(Document::object([
        ("view", id.into()),
        ("flat", (levels.len() == 1).into()),
        ("length", engine.len(id)?.into()),
        ("levels", list(levels, |l| level(engine.schema(), l))),
        ("relations", new.into()),
    ]))
}

/// Members first: a pair is described after what it is made of.
fn describe(engine: &Engine, id: RelationId, known: &mut Vec<RelationId>, new: &mut Vec<Document>) {
    if known.contains(&id) {
        return;
    }
    if let Rows::Pair { left, right, .. } = engine.relations().rows(id) {
        describe(engine, *left, known, new);
        describe(engine, *right, known, new);
    }
    known.push(id);
    new.push(relation(engine, id));
}

fn hops(turns: &[bool]) -> Document {
    list(turns, |turn| u8::from(*turn).into())
}

fn turns(path: Path) -> Document {
    hops(&path.turns().collect::<Vec<_>>())
}

fn level(schema: &Schema, l: &Level) -> Document {
    let fields = list(&l.fields, |f| match &f.source {
        FieldSource::Cell(p) => {
            Document::object([("name", f.name.clone().into()), ("hops", turns(*p)), ("column", p.leaf().into())])
        }
        FieldSource::Row { turns, table } => Document::object([
            ("name", f.name.clone().into()),
            ("hops", hops(turns)),
            ("rel", schema.by_id(*table).id.into()),
            ("row", true.into()),
        ]),
    });
    Document::object([
        ("name", l.name.clone().unwrap_or_default().into()),
        ("parent", l.parent.map_or(-1, |p| p as i32).into()),
        ("single", l.single.into()),
        ("rel", l.shown_relation.into()),
        ("fields", fields),
        ("key", list(&l.key, |&k| Document::object([("hops", turns(k)), ("column", k.leaf().into())]))),
        ("maskWords", l.mask_words().into()),
        ("plain", l.plain.into()),
        ("subs", list(&l.subs, |&s| s.into())),
    ])
}

/// Sizes and counters of an engine.
pub fn stats(engine: &Engine, wasm_bytes: usize, allocated: usize) -> Document {
    let memory = engine.memory();
    let mut tables = Vec::new();
    for t in engine.schema().tables.values() {
        tables.push(Document::object([
            ("name", t.name.clone().into()),
            ("rows", engine.table_len(t.id).into()),
            ("bytes", engine.relations().bytes(t.id).into()),
        ]));
    }
    let indexes = list(&engine.indexes(), |i| {
        Document::object([("node", i.node.into()), ("kind", i.kind.into()), ("bytes", i.bytes.into()), ("users", i.users.into())])
    });
    let queries = list(&engine.queries(), |q| {
        Document::object([("view", q.view.into()), ("own", q.own.into()), ("shared", q.shared.into())])
    });
    let bytes = Document::object([
        ("tables", memory.tables.into()),
        ("operators", memory.operators.into()),
        ("views", memory.views.into()),
    ]);
    Document::object([
        ("version", engine.version().into()),
        ("tables", tables.into()),
        ("nodes", engine.node_count().into()),
        ("views", engine.view_count().into()),
        ("rowsExamined", (engine.work().examined as i64).into()),
        ("bytes", bytes),
        ("indexes", indexes),
        ("queries", queries),
        ("wasmBytes", wasm_bytes.into()),
        ("allocatedBytes", allocated.into()),
    ])
}
