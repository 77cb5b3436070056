//! A world of rows, and as many others as are asked for: the same rows with other values throughout, so that no row of one world has a
//! key, a reference or anything else in common with a row of another. What changes in the first is no news to the others.

use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::query::{Schema, Table};
use eddyline::store::batch::Op;
use eddyline::value::{Interval, Type, Value, array_of_json, array_values, decimal_text, parse_decimal, total_order};
use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::super::case::Written;
use super::domain::{Domain, value};
use super::{affordable, chance, pick, query, schema};

/// Rows of a world, at most, per table.
const ROWS: usize = 30;
/// Changes of a case.
const CHANGES: usize = 8;

/// A query over a world, and changes in it.
pub struct World {
    pub json: SchemaJson,
    pub schema: Schema,
    pub query: QueryJson,
    /// Rows per table.
    rows: Vec<Vec<Vec<Value>>>,
    pub changes: Vec<Change>,
}

/// What is done to some rows, and what undoes it.
#[derive(Clone)]
pub struct Change {
    pub there: Vec<Written>,
    pub back: Vec<Written>,
}

/// The world of a seed.
pub fn world(seed: u64) -> World {
    let rng = &mut Rng::with_seed(seed);
    let of_graph = chance(rng, 30);
    let (json, schema) = loop {
        let json = if of_graph { schema::graph(rng) } else { schema::schema(rng) };
        // Of true and false all worlds have the same two.
        if json.tables.iter().flat_map(|t| &t.columns).all(|c| c.ty != "bool" && c.ty != "json") {
            let schema = Schema::from_json(&json).unwrap_or_else(|e| panic!("generated a schema that is refused: {e}"));
            break (json, schema);
        }
    };
    let query = match of_graph {
        false => affordable(rng, &schema, Domain::SOME),
        true if chance(rng, 60) => query::graph(rng, &schema),
        true => query::pairs(rng, &schema).unwrap_or_else(|| query::graph(rng, &schema)),
    };
    let rows: Vec<Vec<Vec<Value>>> = schema.tables.values().map(|t| some_rows(rng, &schema, t)).collect();
    let changes = (0..CHANGES).map(|n| change(rng, &schema, &rows, if n % 4 == 3 { 6 } else { 1 })).collect();
    World { json, schema, query, rows, changes }
}

impl World {
    /// The rows of the world of a number; 0 is the first.
    pub fn load(&self, number: i64) -> Vec<Written> {
        let tables = self.schema.tables.values().zip(&self.rows);
        tables.flat_map(|(t, rows)| rows.iter().map(|row| whole(t, &moved(t, row, number)))).collect()
    }
}

fn some_rows(rng: &mut Rng, schema: &Schema, table: &Table) -> Vec<Vec<Value>> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for _ in 0..rng.usize(ROWS / 2..=ROWS) {
        let row = some_row(rng, schema, table);
        if rows.iter().all(|other| !same_key(table, other, &row)) {
            rows.push(row);
        }
    }
    rows
}

fn same_key(table: &Table, a: &[Value], b: &[Value]) -> bool {
    table.key.iter().all(|&c| total_order(a[c].as_cell(), b[c].as_cell()).is_eq())
}

fn some_row(rng: &mut Rng, schema: &Schema, table: &Table) -> Vec<Value> {
    (0..table.columns.len()).map(|c| cell(rng, schema, table, c)).collect()
}

fn cell(rng: &mut Rng, schema: &Schema, table: &Table, c: usize) -> Value {
    let column = &table.columns[c];
    if Some(c) == table.tenant_column() {
        return Value::text(pick(rng, &["t1", "t1", "t2"]));
    }
    if column.nullable && chance(rng, 15) {
        return Value::Null;
    }
    let refers = schema.tables.keys().any(|name| column.name.starts_with(name.as_str()));
    match column.ty {
        ty if table.key.contains(&c) || refers => Domain::SOME.key(rng, ty),
        Type::Int | Type::Text if rng.bool() => Domain::SOME.key(rng, column.ty),
        ty => value(rng, ty, false),
    }
}

/// Rows that come, go, or get other cells.
fn change(rng: &mut Rng, schema: &Schema, rows: &[Vec<Vec<Value>>], most: usize) -> Change {
    let mut change = Change { there: Vec::new(), back: Vec::new() };
    let mut touched: Vec<(u32, Vec<Value>)> = Vec::new();
    for _ in 0..most {
        let table = query::some_table(rng, schema);
        let held = &rows[table.id as usize];
        let (mut old, mut new) = (pick(rng, held), some_row(rng, schema, table));
        let gone = |row: &[Value]| Written::new(Op::Delete, table, row, table.key.iter().copied());
        let [there, back] = match rng.u32(0..10) {
            0..2 => [gone(&old), whole(table, &old)],
            2..4 if held.iter().all(|row| !same_key(table, row, &new)) => {
                old.clone_from(&new);
                [whole(table, &new), gone(&new)]
            }
            _ => {
                let others: Vec<usize> = (0..new.len()).filter(|c| !table.key.contains(c)).collect();
                let keep = chance(rng, 70) && !others.is_empty();
                let changed = if keep { vec![pick(rng, &others)] } else { others };
                (0..new.len()).filter(|c| !changed.contains(c)).for_each(|c| new[c] = old[c].clone());
                [whole(table, &new), whole(table, &old)]
            }
        };
        if touched.iter().all(|(id, row)| *id != table.id || !same_key(table, row, &old)) {
            touched.push((table.id, old));
            change.there.push(there);
            change.back.push(back);
        }
    }
    change
}

fn whole(table: &Table, row: &[Value]) -> Written {
    Written::new(Op::Upsert, table, row, 0..row.len())
}

/// A row as another world has it.
fn moved(table: &Table, row: &[Value], world: i64) -> Vec<Value> {
    let columns = table.columns.values().zip(row);
    columns.map(|(c, value)| if world == 0 { value.clone() } else { other(value, c.ty, world) }).collect()
}

/// The value that stands for one in another world. Null stands for itself in the first only.
fn other(value: &Value, ty: Type, world: i64) -> Value {
    let far = world * 1_000_000;
    match value {
        Value::Null => default_of(ty, world),
        Value::Int(v) => Value::Int(v.wrapping_add(far)),
        Value::Timestamp(v) => Value::Timestamp(v + far * 1_000_000),
        Value::Date(v) => Value::Date(v + world * 100),
        // There are few; halves leave room for others.
        Value::Time(v) => Value::Time(v / 2 + world * 1000 + 500),
        Value::Float(v) if v.is_nan() => Value::Float(far as f64 + 0.25),
        Value::Float(v) => Value::Float(v + far as f64),
        Value::Text(v) => Value::text(format!("{v}~{world}")),
        Value::Uuid(v) => Value::Uuid(format!("{world:08x}{}", &v[8..]).into()),
        Value::Bytes(v) => Value::Bytes([&v[..], &world.to_be_bytes()[..]].concat().into()),
        Value::Decimal(v) => {
            let near: f64 = decimal_text(v).parse().unwrap_or_default();
            let near = if near.is_finite() { near } else { 0.125 };
            Value::Decimal(parse_decimal(&format!("{}", near + far as f64)).expect("a decimal"))
        }
        Value::Interval(v) => {
            let near = Interval::unpack(v);
            Value::Interval(Interval { months: near.months + world as i32 * 100, ..near }.pack())
        }
        Value::Array(element, packed) => {
            let own = array_values(*element, packed).chain([Value::Null]).map(|v| other(&v, element.ty(), world));
            let elements = own.map(|v| match v {
                Value::Int(v) => json!(v),
                Value::Float(v) => json!(v),
                Value::Text(v) => json!(v),
                _ => unreachable!("arrays are of these"),
            });
            let all = Json::Array(elements.collect()).to_string();
            Value::Array(*element, array_of_json(*element, &all).expect("an array"))
        }
        Value::Bool(_) | Value::Json(_) => unreachable!("no world has these"),
    }
}

fn default_of(ty: Type, world: i64) -> Value {
    let first = match ty {
        Type::Int => Value::Int(0),
        Type::Timestamp => Value::Timestamp(0),
        Type::Date => Value::Date(0),
        Type::Time => Value::Time(0),
        Type::Float => Value::Float(0.0),
        Type::Uuid => Value::Uuid("00000000-0000-0000-0000-000000000000".into()),
        Type::Bytes => Value::Bytes([].into()),
        Type::Decimal => Value::Decimal(parse_decimal("0").expect("a decimal")),
        Type::Interval => Value::Interval(Interval::default().pack()),
        Type::Array(element) => Value::Array(element, array_of_json(element, "[]").expect("an array")),
        Type::Text | Type::Bool | Type::Json => Value::text(""),
    };
    other(&first, ty, world)
}
