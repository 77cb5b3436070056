//! Tables, columns, keys and associations, checked and resolved.

use indexmap::IndexMap;

use super::{Expr, SortKey};
use crate::value::{Layout, MapState, Type};

/// Index of a table in the schema.
pub type TableId = u32;

/// Name of the hidden column of tenanted tables: the last column, and the first key column.
pub const TENANT_COLUMN: &str = "$tenant";

/// A checked schema. Build it with [`Schema::from_json`](Schema::from_json).
#[derive(Clone, Debug)]
pub struct Schema {
    /// Tables by name, in declaration order; the index is the [`TableId`].
    pub tables: IndexMap<String, Table, MapState>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Name.
    pub name: String,
    /// Index.
    pub id: TableId,
    /// Columns by name; a tenanted table has [`TENANT_COLUMN`] last.
    pub columns: IndexMap<String, Column, MapState>,
    /// Key columns; a tenanted table's tenant comes first.
    pub key: Vec<usize>,
    /// Whether rows belong to a tenant.
    pub tenant: bool,
    /// Place of the cells.
    pub layout: Layout,
    /// Associations by name.
    pub relations: IndexMap<String, Relation, MapState>,
    /// By what rows arrive in lists of associations without an order: a row that is inserted, or that changes in one of
    /// these columns, comes last in such lists. One entry per set of referring columns, key columns left out.
    pub arrivals: Vec<Vec<usize>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type of its cells.
    pub ty: Type,
    /// Whether null is allowed. Key columns never are.
    pub nullable: bool,
    /// An `int` column: values are confined to ±(2^53−1), so that they are exact as JavaScript numbers.
    pub safe_integer: bool,
}

/// An association.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Name.
    pub name: String,
    /// Which of the five.
    pub kind: RelationKind,
    /// Target table.
    pub target: TableId,
    /// Steps from the owner to the target; one for belongsTo/hasOne/hasMany, two for manyToMany, any number for through.
    /// More than one step means that a target shows once however many ways lead to it. Each hop carries the conditions of
    /// the association that it came from.
    pub hops: Vec<Hop>,
    /// A manyToMany whose targets show once per row of the join table: its rows are identified by the keys of both.
    pub keeps_duplicates: bool,
    /// Order among the target rows; ties by the target's key. A `through` takes the order of its last association.
    pub order: Vec<SortKey>,
}

/// The five associations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// Row at this table's foreign key.
    BelongsTo,
    /// First row of the other table that refers to this one.
    HasOne,
    /// Rows of the other table that refer to this one.
    HasMany,
    /// Rows reached through a join table.
    ManyToMany,
    /// Distinct union over a chain of associations.
    Through,
}

impl RelationKind {
    /// Whether the field is a row or null, rather than a list. A through of only single associations is a list too.
    pub fn is_single(self) -> bool {
        matches!(self, RelationKind::BelongsTo | RelationKind::HasOne)
    }
}

/// One step of an association: rows of `table` whose `right` columns equal the `left` columns of the row before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Table stepped to.
    pub table: TableId,
    /// Columns of the row before (of the owner, for the first hop).
    pub left: Vec<usize>,
    /// Columns of `table`.
    pub right: Vec<usize>,
    /// Condition on the row of `table` (over its columns).
    pub filter: Option<Expr>,
    /// The row of `table` refers to the row before (hasMany), rather than the other way round (belongsTo).
    pub refers_back: bool,
    /// In a list without an order: what the row of `table` arrives by, an index of [`Table::arrivals`]. `None` where the
    /// row holds no reference on the way.
    pub arrival: Option<usize>,
}

impl Schema {
    /// Checks a schema as written and resolves its associations.
    ///
    /// Cost: the size of the schema, and of the hops of its associations.
    ///
    /// # Errors
    /// With the place as path, such as `tables[2].relations[0].columns[1]`: `SCHEMA_INVALID`, `UNSUPPORTED_TYPE`,
    /// `UNKNOWN_TABLE`, `UNKNOWN_COLUMN`, `UNKNOWN_RELATION`, and for the conditions and orders of associations those of
    /// [`bind`](super::bind()).
    pub fn from_json(json: &super::ast::SchemaJson) -> crate::error::Result<Schema> {
        super::check::schema(json)
    }

    /// Table by name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Table by id.
    pub fn by_id(&self, id: TableId) -> &Table {
        &self.tables[id as usize]
    }
}

impl Table {
    /// Index of a column, hidden ones excluded.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.get_index_of(name).filter(|_| name != TENANT_COLUMN)
    }

    /// Number of columns shown to users.
    pub fn shown(&self) -> usize {
        self.columns.len() - usize::from(self.tenant)
    }

    /// Index of the hidden tenant column.
    pub fn tenant_column(&self) -> Option<usize> {
        self.tenant.then(|| self.columns.len() - 1)
    }

    /// Names of the columns shown to users.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().take(self.shown()).map(String::as_str)
    }

    /// Whether a column is one of the key's.
    #[inline]
    #[expect(clippy::manual_contains, reason = "keys have few columns: `contains` is a call that looks at sixteen at once")]
    pub fn is_key(&self, column: usize) -> bool {
        self.key.iter().any(|&k| k == column)
    }

    /// The key of a packed row, for people.
    pub fn key_text(&self, row: &[u8]) -> String {
        let key: Vec<String> = self.key.iter().map(|&c| self.layout.cell(row, c).to_value().to_string()).collect();
        key.join(", ")
    }
}
