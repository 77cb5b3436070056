//! A case: a schema, queries that come and go, a history of batches. It is plain JSON, so that a shrunk one can be kept.

use eddyline::query::ast::{ParamsJson, QueryJson, SchemaJson};
use eddyline::query::{Schema, Table};
use eddyline::store::batch::{Batch, Change, Envelope, Op};
use eddyline::value::{Interval, Type, Value, array_of_json, decimal_text, parse_decimal, write_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// What is run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Case {
    /// What a kept case shows.
    #[serde(default)]
    pub shows: String,
    pub schema: SchemaJson,
    pub queries: Vec<Watched>,
    pub batches: Vec<Step>,
    /// The state before the first of these batches is kept until before the second.
    #[serde(default)]
    pub frozen: Option<[usize; 2]>,
}

/// A query and when it is watched.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Watched {
    pub query: QueryJson,
    /// Registered before the batch of this number.
    #[serde(default)]
    pub from: usize,
    /// Unregistered before the batch of this number.
    #[serde(default)]
    pub until: Option<usize>,
    /// What is set of it meanwhile.
    #[serde(default)]
    pub sets: Vec<Set>,
}

/// Parameters set anew, or another part of a list shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Set {
    /// Before the batch of this number.
    #[serde(default)]
    pub before: usize,
    pub params: ParamsJson,
    /// First row and number of rows.
    #[serde(default)]
    pub part: Option<[u32; 2]>,
}

/// A batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Step {
    #[serde(default)]
    pub source: Option<String>,
    #[serde(default)]
    pub cursor: Option<String>,
    /// An older cursor is a replay rather than an error.
    #[serde(default)]
    pub stale: bool,
    pub changes: Vec<Written>,
}

/// A change. `row` holds the whole row of an insert or upsert, the key and the set columns of an update, else the key.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Written {
    pub op: String,
    pub table: String,
    #[serde(default)]
    pub row: Map<String, Json>,
}

impl Step {
    /// The batch as the store takes it. Columns that are not in the schema are passed over, missing ones are null.
    pub fn batch(&self, schema: &Schema) -> Batch {
        let envelope =
            Envelope { source: self.source.clone(), cursor: self.cursor.clone(), origin: None, ignore_stale: self.stale };
        Batch { envelope, changes: self.changes.iter().filter_map(|c| c.change(schema)).collect() }
    }
}

impl Written {
    /// A change with the row written out.
    pub fn new(op: Op, table: &Table, row: &[Value], columns: impl IntoIterator<Item = usize>) -> Self {
        let name = |c: usize| table.columns.get_index(c).expect("a column").0.clone();
        let row = columns.into_iter().map(|c| (name(c), written(&row[c]))).collect();
        Written { op: op_name(op).to_owned(), table: table.name.clone(), row }
    }

    fn change(&self, schema: &Schema) -> Option<Change> {
        let table = schema.table(&self.table)?;
        let op = OPS.iter().find(|(name, _)| *name == self.op).expect("one of the six operations").1;
        let cells = table.columns.values().map(|c| self.row.get(&c.name).map_or(Value::Null, |v| read(v, c.ty)));
        let row = if op == Op::Reset && !table.tenant { Box::default() } else { table.layout.pack(&cells.collect::<Vec<_>>()) };
        let mut present = vec![0u8; if op == Op::Update { table.columns.len().div_ceil(8) } else { 0 }];
        if op == Op::Update {
            for (i, column) in table.columns.keys().enumerate() {
                if self.row.contains_key(column) && !table.key.contains(&i) {
                    present[i / 8] |= 1 << (i % 8);
                }
            }
        }
        Some(Change { op, table: table.id, row, present: present.into(), hash: 0 })
    }
}

const OPS: [(&str, Op); 6] = [
    ("insert", Op::Insert),
    ("upsert", Op::Upsert),
    ("update", Op::Update),
    ("delete", Op::Delete),
    ("touch", Op::Touch),
    ("reset", Op::Reset),
];

fn op_name(op: Op) -> &'static str {
    OPS.iter().find(|(_, o)| *o == op).expect("one of six").0
}

/// A cell as JSON. Floats are text, so that they come back to the bit.
pub fn written(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(v) => json!(v),
        Value::Int(v) | Value::Timestamp(v) | Value::Date(v) | Value::Time(v) => json!(v),
        Value::Float(v) => json!(format!("{v:?}")),
        Value::Text(v) | Value::Json(v) | Value::Uuid(v) => json!(v),
        Value::Decimal(v) => json!(decimal_text(v)),
        Value::Array(..) => {
            let mut text = Vec::new();
            write_json(value.as_cell(), &mut text);
            json!(String::from_utf8(text).expect("JSON is UTF-8"))
        }
        Value::Interval(v) => json!(Interval::unpack(v).text()),
        Value::Bytes(v) => json!(v.iter().map(|b| format!("{b:02x}")).collect::<String>()),
    }
}

fn read(value: &Json, ty: Type) -> Value {
    let text = || value.as_str().unwrap_or_else(|| panic!("{value} where a {} belongs", ty.name()));
    match ty {
        _ if value.is_null() => Value::Null,
        Type::Bool => Value::Bool(value.as_bool().expect("a bool")),
        Type::Int => Value::Int(value.as_i64().expect("an integer")),
        Type::Timestamp => Value::Timestamp(value.as_i64().expect("microseconds")),
        Type::Float => Value::Float(text().parse().expect("a float")),
        Type::Text => Value::text(text()),
        Type::Json => Value::Json(text().into()),
        Type::Date => Value::Date(value.as_i64().expect("days")),
        Type::Time => Value::Time(value.as_i64().expect("microseconds")),
        Type::Uuid => Value::Uuid(text().into()),
        Type::Array(element) => Value::Array(element, array_of_json(element, text()).expect("an array")),
        Type::Interval => Value::Interval(Interval::parse(text()).expect("an interval").pack()),
        Type::Decimal => Value::Decimal(parse_decimal(text()).expect("a decimal")),
        Type::Bytes => {
            let digits: Vec<u32> = text().chars().map(|c| c.to_digit(16).expect("hexadecimal")).collect();
            Value::Bytes(digits.chunks(2).map(|d| (d[0] << 4 | d[1]) as u8).collect())
        }
    }
}

impl Case {
    /// Reads a kept case.
    pub fn parse(text: &str) -> Case {
        serde_json::from_str(text).unwrap_or_else(|e| panic!("not a case: {e}"))
    }

    /// The case as it is kept: without what is absent anyway.
    pub fn print(&self) -> String {
        let mut json = serde_json::to_value(self).expect("a case is JSON");
        sparse(&mut json);
        serde_json::to_string_pretty(&json).expect("JSON prints")
    }
}

/// Drops nulls, empty lists and falsehoods where absence means the same.
fn sparse(json: &mut Json) {
    const FLAGS: [&str; 5] = ["desc", "nullable", "tenant", "inclusive", "stale"];
    match json {
        Json::Array(list) => list.iter_mut().for_each(sparse),
        Json::Object(fields) => {
            // Cells of rows stay as they are: a null is said.
            fields.iter_mut().filter(|(name, _)| *name != "row").for_each(|(_, v)| sparse(v));
            fields.retain(|name, v| match v {
                Json::Null => false,
                Json::Bool(false) => !FLAGS.contains(&name.as_str()),
                Json::Array(list) => {
                    !list.is_empty() || ["groupBy", "groupingSets", "select", "key", "changes", "values"].contains(&name.as_str())
                }
                Json::String(text) => !text.is_empty() || name == "value",
                _ => true,
            });
        }
        _ => {}
    }
}

/// Leaves of a list what is shown of it.
pub fn part_of<T>(rows: &mut Vec<T>, part: Option<[u32; 2]>) {
    if let Some([start, count]) = part.map(|p| p.map(|n| n as usize)) {
        rows.truncate(start + count);
        rows.drain(..start.min(rows.len()));
    }
}
