//! Rows and patches in few words, for messages.

use eddyline::error::Error;
use eddyline::value::{Field, RowTree, Value};

use super::subject::{Kind, Patch};

/// Rows, one a line.
pub fn rows(rows: &[RowTree]) -> String {
    rows.iter().map(|r| format!("\n  {}", row(r))).collect()
}

/// Rows or the code of an error.
pub fn result(result: &Result<Vec<RowTree>, Error>) -> String {
    match result {
        Ok(r) => rows(r),
        Err(e) => format!("error {} ({e})", e.code.as_str()),
    }
}

/// Patches, one a line.
pub fn patches(patches: &[Patch]) -> String {
    patches.iter().map(|p| format!("\n  {}", patch(p))).collect()
}

pub fn path(path: &[(Vec<Value>, String)]) -> String {
    path.iter().map(|(k, name)| format!("{}/{name}/", key(k))).collect()
}

pub fn key(key: &[Value]) -> String {
    let cells: Vec<String> = key.iter().map(Value::to_string).collect();
    format!("‹{}›", cells.join(" "))
}

fn row(tree: &RowTree) -> String {
    let fields: Vec<String> = tree.fields.iter().map(|(name, f)| format!("{name}: {}", field(f))).collect();
    format!("{} {{{}}}", key(&tree.key), fields.join(", "))
}

fn field(f: &Field) -> String {
    match f {
        Field::Value(v) => v.to_string(),
        Field::Row(None) => "no row".to_owned(),
        Field::Row(Some(r)) => row(r),
        Field::List(list) => format!("[{}]", list.iter().map(row).collect::<Vec<_>>().join("; ")),
    }
}

fn patch(p: &Patch) -> String {
    let what = match &p.kind {
        Kind::Add { at, row: r } => format!("add at {at}: {}", row(r)),
        Kind::Remove { at } => format!("remove at {at}"),
        Kind::Move { from, to } => format!("move {from} → {to}"),
        Kind::Set { fields } => {
            let fields: Vec<String> = fields.iter().map(|(name, f)| format!("{name}: {}", field(f))).collect();
            format!("set {}", fields.join(", "))
        }
        Kind::One { row: r } => format!("one {}", r.as_ref().map_or("no row".to_owned(), row)),
    };
    format!("{}{} {what}", path(&p.path), key(&p.key))
}
