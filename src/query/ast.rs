//! The JSON of schemas and queries, as it crosses the boundary. Only plain data lives here; `shape` reads it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::value::Document;

/// A schema as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(try_from = "Document")]
pub struct SchemaJson {
    /// Tables in declaration order.
    pub tables: Vec<TableJson>,
}

/// A table as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct TableJson {
    /// Name.
    pub name: String,
    /// Whether rows belong to a tenant.
    pub tenant: bool,
    /// Key columns, in order.
    pub key: Vec<String>,
    /// Columns, in order.
    pub columns: Vec<ColumnJson>,
    /// Associations, in order.
    pub relations: Vec<RelationJson>,
}

/// A column as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct ColumnJson {
    /// Name.
    pub name: String,
    /// `text int bigint float bool timestamp json bytes`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether null is allowed.
    pub nullable: bool,
}

/// An association as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RelationJson {
    /// Name.
    pub name: String,
    /// `belongsTo hasOne hasMany manyToMany through`.
    pub kind: String,
    /// Target table. A `through` has it from its path, and need not name it.
    pub table: String,
    /// Foreign key columns.
    pub columns: Vec<String>,
    /// Columns referred to; the key when absent. For manyToMany: the owner's, that `columns` of the join table refer to.
    pub references: Option<Vec<String>>,
    /// Join table of manyToMany.
    pub join: Option<String>,
    /// Columns of the join table that refer to the target.
    pub join_target: Option<Vec<String>>,
    /// Names of the associations of a `through`.
    pub path: Option<Vec<String>>,
    /// Condition on the target.
    #[serde(rename = "where")]
    pub filter: Option<ExprJson>,
    /// Order among the target rows.
    pub order_by: Vec<OrderJson>,
    /// Of manyToMany: `keep` shows a target once per row of the join table that leads to it, rather than once.
    pub duplicates: Option<String>,
}

/// A query as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(try_from = "Document")]
#[serde(rename_all = "camelCase")]
pub struct QueryJson {
    /// Table or sub-query (an empty name in nested queries, where the association gives it).
    pub from: FromJson,
    /// Its alias; the table name when absent.
    pub alias: Option<String>,
    /// Tenant the query is confined to.
    pub tenant: Option<String>,
    /// Joins in order.
    pub joins: Vec<JoinJson>,
    /// Condition.
    #[serde(rename = "where")]
    pub filter: Option<ExprJson>,
    /// Grouping expressions. `Some([])` or an aggregate in `select` makes one group.
    pub group_by: Option<Vec<NamedJson>>,
    /// Which of the grouping expressions, by their numbers, each of several groupings is by; their groups together are the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping_sets: Option<Vec<Vec<u32>>>,
    /// Condition on groups; makes one group like an aggregate does.
    pub having: Option<ExprJson>,
    /// Output fields; all columns when absent.
    pub select: Option<Vec<NamedJson>>,
    /// Rows with equal fields are one.
    pub distinct: bool,
    /// The first row only of those for which these are equal.
    pub distinct_on: Option<Vec<ExprJson>>,
    /// The first rows only of those for which some expressions are equal.
    pub limit_by: Option<LimitByJson>,
    /// `union`, `intersect` or `except`: the query is made of `inputs`.
    pub set_op: Option<String>,
    /// Equal rows are kept apart.
    pub all: bool,
    /// What a set operation is over.
    pub inputs: Vec<QueryJson>,
    /// Order.
    pub order_by: Vec<OrderJson>,
    /// At most so many rows.
    pub limit: Option<u32>,
    /// Skip so many rows.
    pub offset: Option<u32>,
    /// Keyset start.
    pub start: Option<StartJson>,
    /// Nested associations.
    pub with: Vec<WithJson>,
    /// Columns made of aggregates over associations.
    pub computed: Vec<ComputedJson>,
    /// Queries that sources of this one can name, each able to name those before it.
    pub ctes: Vec<CteJson>,
    /// The parameter that says the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_param: Option<String>,
    /// The parameter that says the offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_param: Option<String>,
    /// First row and number of rows of what is shown at first; of a whole query only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Vec<u32>>,
    /// Parameters with their first values; of a whole query only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamJson>,
}

/// A parameter and its value as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct ParamJson {
    /// Name.
    pub name: String,
    /// Type, by its name in schemas; without one it is that which the places in the query ask for.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// A literal; shared, so that it can be kept without a copy of what expressions may hold.
    pub value: Arc<ExprJson>,
}

/// New values of some parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(try_from = "Document")]
pub struct ParamsJson {
    /// Those that are set; the others stay.
    pub params: Vec<ParamJson>,
}

/// What a query is from, as written.
#[derive(Clone, Debug, Serialize, PartialEq)]
#[serde(untagged)]
pub enum FromJson {
    /// A table or common table expression.
    Name(String),
    /// The rows of another query.
    Query {
        /// The query.
        query: Box<QueryJson>,
        /// What its columns are called by.
        alias: Option<String>,
    },
    /// A relation of the recursion that the query is a branch of.
    Relation {
        /// Its name.
        relation: String,
        /// What its columns are called by; the name when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
    },
    /// A relation that queries over it make.
    Recursive {
        /// The relations, and which of them.
        recursive: Box<RecursiveJson>,
        /// What its columns are called by; the relation's name when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
    },
}

impl FromJson {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            FromJson::Name(name) => Some(name),
            FromJson::Query { .. } | FromJson::Relation { .. } | FromJson::Recursive { .. } => None,
        }
    }
}

impl Default for FromJson {
    fn default() -> Self {
        FromJson::Name(String::new())
    }
}

impl<T: Into<String>> From<T> for FromJson {
    fn from(name: T) -> Self {
        FromJson::Name(name.into())
    }
}

/// Relations that are made of each other, as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RecursiveJson {
    /// The relations; each branch of each can read them all.
    pub relations: Vec<GrowingJson>,
    /// The one whose rows are the source.
    pub result: String,
    /// Most rounds of one change; 10,000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rounds: Option<u32>,
}

/// A relation of a recursion, as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct GrowingJson {
    /// Name.
    pub name: String,
    /// Names of its columns, in the order of the fields of the branches.
    pub columns: Vec<String>,
    /// Queries whose rows it has.
    pub branches: Vec<QueryJson>,
    /// Of the rows that agree in some columns, only the one with the smallest value of another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<BestJson>,
    /// The same with the largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<BestJson>,
}

/// Which row of several is kept, as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct BestJson {
    /// The column that decides.
    pub column: String,
    /// The columns in which the rows agree.
    pub by: Vec<String>,
}

/// A limit per group as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LimitByJson {
    /// What is equal within a group.
    pub by: Vec<ExprJson>,
    /// At most so many rows of each.
    pub limit: u32,
    /// Skip so many rows of each.
    pub offset: Option<u32>,
    /// The parameter that says the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_param: Option<String>,
    /// The parameter that says the offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_param: Option<String>,
}

/// A common table expression as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct CteJson {
    /// Name; it hides a table of the same name.
    pub name: String,
    /// The query.
    pub query: QueryJson,
}

/// A join as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct JoinJson {
    /// `inner` or `left`.
    pub kind: String,
    /// Table or common table expression; empty when there is a query.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// A query whose rows are joined, in the place of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Box<QueryJson>>,
    /// A relation of the recursion that the query is a branch of, in the place of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// A relation that queries over it make, in the place of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recursive: Option<Box<RecursiveJson>>,
    /// An array of the row so far, whose elements are joined, in the place of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unnest: Option<ExprJson>,
    /// Its alias; the table name when absent.
    pub alias: Option<String>,
    /// Condition.
    pub on: ExprJson,
}

/// A named expression.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct NamedJson {
    /// Name of the field.
    pub name: String,
    /// What it is.
    pub expr: ExprJson,
}

/// An order item.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct OrderJson {
    /// Sort expression.
    pub expr: ExprJson,
    /// Descending.
    pub desc: bool,
    /// `first` or `last`; default last ascending, first descending (as PostgreSQL).
    pub nulls: Option<String>,
}

/// Keyset start as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct StartJson {
    /// A literal per order expression, then one per key column (all or none of the key).
    pub values: Vec<ExprJson>,
    /// Whether a row at the start belongs to the result.
    pub inclusive: bool,
}

/// A nested association as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct WithJson {
    /// Association.
    pub relation: String,
    /// Name of the field; the association's when absent.
    #[serde(rename = "as")]
    pub name: Option<String>,
    /// Own where, order, limit, select and nested associations.
    pub query: Option<Box<QueryJson>>,
}

/// A column that is an aggregate over an association, as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct ComputedJson {
    /// Name of the column.
    #[serde(rename = "as")]
    pub name: String,
    /// Association.
    pub relation: String,
    /// The aggregate, over the columns of the target.
    pub expr: ExprJson,
}

/// An expression as written: `op` with what it needs.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct ExprJson {
    /// `col`, `lit`, `param`, `agg`, or a function or operator.
    pub op: String,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<ExprJson>,
    /// Column, literal type or aggregate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Alias of a column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Literal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Literal>,
    /// Sub-query of `exists notExists inQuery notInQuery scalar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Box<QueryJson>>,
    /// What only aggregates have; boxed, because most expressions are none.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub call: Option<Box<CallJson>>,
    /// Rows that a window function looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Box<OverJson>>,
}

/// What an aggregate says besides its arguments.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CallJson {
    /// Equal arguments count once.
    pub distinct: bool,
    /// Only rows for which it is true take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ExprJson>,
    /// Order of what is put together, and of which there is a first and last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_by: Vec<OrderJson>,
}

/// What a window function is over, as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct OverJson {
    /// Rows that agree in these are a partition.
    pub partition_by: Vec<ExprJson>,
    /// Order within a partition.
    pub order_by: Vec<OrderJson>,
    /// Frame; as PostgreSQL's default when absent.
    pub frame: Option<FrameJson>,
}

/// A window frame as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct FrameJson {
    /// `rows`, `range` or `groups`.
    pub unit: String,
    /// Where it begins.
    pub start: BoundJson,
    /// Where it ends; at the current row when absent.
    pub end: Option<BoundJson>,
    /// `noOthers`, `currentRow`, `group` or `ties`.
    pub exclude: Option<String>,
}

/// An end of a window frame as written.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct BoundJson {
    /// `unboundedPreceding preceding currentRow following unboundedFollowing`.
    pub kind: String,
    /// How far, for `preceding` and `following`.
    pub offset: Option<Literal>,
}

/// A literal as written. A missing value is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
