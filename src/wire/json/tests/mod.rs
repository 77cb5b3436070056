//! Tests of the JSON door as a whole.

mod errors;
mod random;
mod shapes;
mod stream;
mod values;

use super::{JsonReader, Options};
use crate::error::{Error, Result};
use crate::query::{Column, Schema, Table};
use crate::store::{Batch, Change};
use crate::value::{Layout, Type};

/// Reads an input at once.
fn read(input: &str) -> Result<Batch> {
    read_with(input.as_bytes(), &Options::default())
}

fn read_with(input: &[u8], options: &Options) -> Result<Batch> {
    JsonReader::new().read_all(&schema(), options, input)
}

/// Reads an input cut into pieces of given sizes, the last one over and over.
fn read_cut(input: &[u8], options: &Options, mut sizes: impl FnMut() -> usize) -> Result<Batch> {
    let (schema, mut reader, mut rest) = (schema(), JsonReader::new(), input);
    reader.begin(&schema, options)?;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(sizes().clamp(1, rest.len()));
        reader.push(&schema, piece)?;
        rest = tail;
    }
    reader.finish(&schema)
}

/// Options for rows of a table.
fn of_table(name: &str) -> Options {
    Options { table: Some(schema().tables[name].id), ..Options::default() }
}

/// A change in words: operation, table, cells by name; an update's set columns have `=`, the other cells `:`.
fn show(change: &Change) -> String {
    let schema = schema();
    let table = schema.by_id(change.table);
    let mut out = format!("{:?} {}", change.op, table.name).to_lowercase();
    for (i, name) in table.columns.keys().enumerate().filter(|_| !change.row.is_empty()) {
        let value = table.layout.cell(&change.row, i).to_value();
        if change.sets(i) {
            out += &format!(" {name}={value}");
        } else if !value.is_null() {
            out += &format!(" {name}:{value}");
        }
    }
    if !change.row.is_empty() {
        table.layout.validate(&change.row).unwrap();
        assert_eq!(change.row, table.layout.pack(&table.layout.values(&change.row)), "rows are canonical");
    }
    out
}

fn shown(input: &str) -> Vec<String> {
    read(input).unwrap_or_else(|e| panic!("{e}: {input}")).changes.iter().map(show).collect()
}

fn error(input: &str) -> Error {
    read(input).expect_err(input)
}

/// Issues, labels (composite key), notes (tenanted), and a table with a column of every type.
pub(in crate::wire) fn schema() -> Schema {
    let tables = [
        table(
            "issues",
            &["id text", "title text", "status text", "priority int", "points float?", "done bool", "owner text?"],
            &[0],
        ),
        table("labels", &["issue text", "label int", "note text?"], &[1, 0]),
        table("notes", &["id int", "text text", "$tenant text"], &[2, 0]),
        table(
            "all",
            &[
                "id bigint",
                "i int?",
                "f float?",
                "b bool?",
                "t text?",
                "at timestamp?",
                "j json?",
                "x bytes?",
                "__proto__ text?",
                "n decimal?",
            ],
            &[0],
        ),
    ];
    let tables = tables.into_iter().enumerate().map(|(i, t)| (t.name.clone(), Table { id: i as u32, ..t })).collect();
    Schema { tables }
}

fn table(name: &str, columns: &[&str], key: &[usize]) -> Table {
    let columns: Vec<Column> = columns
        .iter()
        .map(|c| {
            let (name, ty) = c.split_once(' ').unwrap();
            let ty_name = ty.trim_end_matches('?');
            let ty = match ty_name {
                "text" => Type::Text,
                "int" | "bigint" => Type::Int,
                "float" => Type::Float,
                "bool" => Type::Bool,
                "timestamp" => Type::Timestamp,
                "json" => Type::Json,
                "decimal" => Type::Decimal,
                _ => Type::Bytes,
            };
            Column { name: name.into(), ty, nullable: c.ends_with('?'), safe_integer: ty_name == "int" }
        })
        .collect();
    Table {
        name: name.into(),
        id: 0,
        layout: Layout::new(&columns.iter().map(|c| c.ty).collect::<Vec<_>>()),
        tenant: columns.last().unwrap().name == "$tenant",
        columns: columns.into_iter().map(|c| (c.name.clone(), c)).collect(),
        key: key.into(),
        relations: Default::default(),
        arrivals: vec![],
    }
}
