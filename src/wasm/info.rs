//! Descriptions of relations and views, for the TypeScript decoder.

use serde::Serialize;

use crate::engine::{Engine, ViewId};
use crate::error::Result;
use crate::plan::{FieldSource, Level};
use crate::query::Schema;
use crate::trace::{Path, RelationId, Rows};
use crate::value::Type;

/// Layout of a relation's rows.
#[derive(Serialize)]
#[serde(untagged)]
pub enum RelationInfo {
    /// Cells in packed rows.
    #[serde(rename_all = "camelCase")]
    Packed {
        id: RelationId,
        kind: &'static str,
        table: Option<String>,
        columns: Vec<ColumnInfo>,
        var_at: u32,
        bool_at: u32,
        null_at: u32,
        flags_at: u32,
        heap_at: u32,
    },
    /// Two members.
    Pair { id: RelationId, kind: &'static str, left: RelationId, right: RelationId },
}

/// A column of a packed relation.
#[derive(Serialize)]
pub struct ColumnInfo {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
    slot: u32,
    var: i32,
}

/// A view.
#[derive(Serialize)]
pub struct ViewInfo {
    view: ViewId,
    flat: bool,
    length: usize,
    levels: Vec<LevelInfo>,
    relations: Vec<RelationInfo>,
}

/// A level of a view.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LevelInfo {
    name: String,
    parent: i32,
    single: bool,
    rel: RelationId,
    fields: Vec<FieldInfo>,
    key: Vec<CellInfo>,
    mask_words: usize,
    plain: bool,
    subs: Vec<usize>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FieldInfo {
    Cell { name: String, hops: Vec<u8>, column: usize },
    Row { name: String, hops: Vec<u8>, rel: RelationId, row: bool },
}

#[derive(Serialize)]
struct CellInfo {
    hops: Vec<u8>,
    column: usize,
}

/// The tables' relations.
pub fn tables(engine: &Engine) -> Vec<RelationInfo> {
    (0..engine.schema().tables.len() as u32).map(|id| relation(engine, id)).collect()
}

fn relation(engine: &Engine, id: RelationId) -> RelationInfo {
    match engine.relations().rows(id) {
        Rows::Pair { left, right, .. } => RelationInfo::Pair { id, kind: "pair", left: *left, right: *right },
        Rows::Packed { layout, .. } => {
            let table = engine.schema().tables.get_index(id as usize).map(|t| t.1);
            let columns = layout.columns.iter().enumerate().map(|(i, c)| ColumnInfo {
                name: table.map_or_else(|| format!("c{i}"), |t| t.columns[i].name.clone()),
                ty: type_name(c.ty, engine.relations().is_wide(id, Path::column(i))),
                slot: c.slot,
                var: if c.var == u32::MAX { -1 } else { c.var as i32 },
            });
            RelationInfo::Packed {
                id,
                kind: "packed",
                table: table.map(|t| t.name.clone()),
                columns: columns.collect(),
                var_at: layout.var_at,
                bool_at: layout.bool_at,
                null_at: layout.null_at,
                flags_at: layout.flags_at,
                heap_at: layout.heap_at,
            }
        }
    }
}

fn type_name(ty: Type, wide: bool) -> &'static str {
    if wide { "bigint" } else { ty.name() }
}

/// A view's description, with all relations below it that are not tables: JavaScript keeps them as long as the view.
pub fn view(engine: &Engine, id: ViewId) -> Result<ViewInfo> {
    let levels = engine.levels(id)?;
    let mut known: Vec<RelationId> = (0..engine.schema().tables.len() as RelationId).collect();
    let mut new = Vec::new();
    for l in levels {
        describe(engine, l.shown_relation, &mut known, &mut new);
    }
    Ok(ViewInfo {
        view: id,
        flat: levels.len() == 1,
        length: engine.len(id)?,
        levels: levels.iter().map(|l| level(engine.schema(), l)).collect(),
        relations: new,
    })
}

/// Members first: a pair is described after what it is made of.
fn describe(engine: &Engine, id: RelationId, known: &mut Vec<RelationId>, new: &mut Vec<RelationInfo>) {
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

fn hops(turns: impl Iterator<Item = bool>) -> Vec<u8> {
    turns.map(u8::from).collect()
}

fn cell(path: Path) -> CellInfo {
    CellInfo { hops: hops(path.turns()), column: path.leaf() }
}

fn level(schema: &Schema, l: &Level) -> LevelInfo {
    let fields = l.fields.iter().map(|f| match &f.source {
        FieldSource::Cell(p) => FieldInfo::Cell { name: f.name.clone(), hops: hops(p.turns()), column: p.leaf() },
        FieldSource::Row { turns, table } => {
            FieldInfo::Row { name: f.name.clone(), hops: hops(turns.iter().copied()), rel: schema.by_id(*table).id, row: true }
        }
    });
    LevelInfo {
        name: l.name.clone().unwrap_or_default(),
        parent: l.parent.map_or(-1, |p| p as i32),
        single: l.single,
        rel: l.shown_relation,
        fields: fields.collect(),
        key: l.key.iter().map(|&k| cell(k)).collect(),
        mask_words: l.mask_words(),
        plain: l.plain,
        subs: l.subs.clone(),
    }
}

/// Sizes and counters.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    version: u32,
    tables: Vec<TableStats>,
    nodes: usize,
    views: usize,
    rows_examined: f64,
    bytes: BytesStats,
    wasm_bytes: usize,
}

/// A table's size.
#[derive(Serialize)]
struct TableStats {
    name: String,
    rows: usize,
    bytes: usize,
}

/// Bytes by owner.
#[derive(Serialize)]
struct BytesStats {
    tables: usize,
    operators: usize,
    views: usize,
}

/// Sizes and counters of an engine.
pub fn stats(engine: &Engine, wasm_bytes: usize) -> Stats {
    let memory = engine.memory();
    let tables = engine.schema().tables.values().map(|t| TableStats {
        name: t.name.clone(),
        rows: engine.table_len(t.id),
        bytes: engine.relations().bytes(t.id),
    });
    Stats {
        version: engine.version(),
        tables: tables.collect(),
        nodes: engine.node_count(),
        views: engine.view_count(),
        rows_examined: engine.work().examined as f64,
        bytes: BytesStats { tables: memory.tables, operators: memory.operators, views: memory.views },
        wasm_bytes,
    }
}
