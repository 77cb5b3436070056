//! The JSON of schemas and queries, as it crosses the boundary. Only serde attributes and plain data live here.

use serde::{Deserialize, Serialize};

/// A schema as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct SchemaJson {
    /// Tables in declaration order.
    pub tables: Vec<TableJson>,
}

/// A table as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct TableJson {
    /// Name.
    pub name: String,
    /// Whether rows belong to a tenant.
    #[serde(default)]
    pub tenant: bool,
    /// Key columns, in order.
    pub key: Vec<String>,
    /// Columns, in order.
    pub columns: Vec<ColumnJson>,
    /// Associations, in order.
    #[serde(default)]
    pub relations: Vec<RelationJson>,
}

/// A column as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct ColumnJson {
    /// Name.
    pub name: String,
    /// `text int bigint float bool timestamp json bytes`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether null is allowed.
    #[serde(default)]
    pub nullable: bool,
}

/// An association as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RelationJson {
    /// Name.
    pub name: String,
    /// `belongsTo hasOne hasMany manyToMany through`.
    pub kind: String,
    /// Target table. A `through` has it from its path, and need not name it.
    #[serde(default)]
    pub table: String,
    /// Foreign key columns.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Columns referred to; the key when absent. For manyToMany: the owner's, that `columns` of the join table refer to.
    #[serde(default)]
    pub references: Option<Vec<String>>,
    /// Join table of manyToMany.
    #[serde(default)]
    pub join: Option<String>,
    /// Columns of the join table that refer to the target.
    #[serde(default)]
    pub join_target: Option<Vec<String>>,
    /// Names of the associations of a `through`.
    #[serde(default)]
    pub path: Option<Vec<String>>,
    /// Condition on the target.
    #[serde(default, rename = "where")]
    pub filter: Option<ExprJson>,
    /// Order among the target rows.
    #[serde(default)]
    pub order_by: Vec<OrderJson>,
}

/// A query as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct QueryJson {
    /// Table (empty in nested queries, where the association gives it).
    #[serde(default)]
    pub from: String,
    /// Its alias; the table name when absent.
    #[serde(default)]
    pub alias: Option<String>,
    /// Tenant the query is confined to.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Joins in order.
    #[serde(default)]
    pub joins: Vec<JoinJson>,
    /// Condition.
    #[serde(default, rename = "where")]
    pub filter: Option<ExprJson>,
    /// Grouping expressions. `Some([])` or an aggregate in `select` makes one group.
    #[serde(default)]
    pub group_by: Option<Vec<NamedJson>>,
    /// Output fields; all columns when absent.
    #[serde(default)]
    pub select: Option<Vec<NamedJson>>,
    /// Order.
    #[serde(default)]
    pub order_by: Vec<OrderJson>,
    /// At most so many rows.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Skip so many rows.
    #[serde(default)]
    pub offset: Option<u32>,
    /// Keyset start.
    #[serde(default)]
    pub start: Option<StartJson>,
    /// Nested associations.
    #[serde(default)]
    pub with: Vec<WithJson>,
}

/// A join as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct JoinJson {
    /// `inner` or `left`.
    pub kind: String,
    /// Table.
    pub table: String,
    /// Its alias; the table name when absent.
    #[serde(default)]
    pub alias: Option<String>,
    /// Condition.
    pub on: ExprJson,
}

/// A named expression.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct NamedJson {
    /// Name of the field.
    #[serde(default)]
    pub name: String,
    /// What it is.
    pub expr: ExprJson,
}

/// An order item.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct OrderJson {
    /// Sort expression.
    pub expr: ExprJson,
    /// Descending.
    #[serde(default)]
    pub desc: bool,
    /// `first` or `last`; default last ascending, first descending (as PostgreSQL).
    #[serde(default)]
    pub nulls: Option<String>,
}

/// Keyset start as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct StartJson {
    /// A literal per order expression, then one per key column (all or none of the key).
    pub values: Vec<ExprJson>,
    /// Whether a row at the start belongs to the result.
    #[serde(default)]
    pub inclusive: bool,
}

/// A nested association as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct WithJson {
    /// Association.
    pub relation: String,
    /// Name of the field; the association's when absent.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
    /// Own where, order, limit, select and nested associations.
    #[serde(default)]
    pub query: Option<Box<QueryJson>>,
}

/// An expression as written: `op` with what it needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct ExprJson {
    /// `col`, `lit`, `agg`, or a function or operator.
    pub op: String,
    /// Arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<ExprJson>,
    /// Column, literal type or aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Alias of a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Literal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Literal>,
}

/// A literal as written. A missing value is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// True or false.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Text, or the text of a typed literal.
    Text(String),
}
