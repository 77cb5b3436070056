//! A query with names resolved to indexes and types checked: what the planner and the oracle both read.
//!
//! The *scope* of a query is one flat list of columns: those of `from` (hidden ones included), then computed ones or those of
//! each join in order. `filter`, group and aggregate expressions, and, without grouping, `select` and `order` are over the scope. With
//! grouping, `select` and `order` are over the *group scope*: the group expressions, then the aggregates. In either case the columns of the window
//! functions follow; these are themselves over the scope or group scope.

use super::QueryExpr;
use super::function::Function;
use super::param::{Param, Place, Slot};
use super::recursive::{Growing, RecursiveSource};
use super::schema::{Hop, Schema, TableId};
use super::window::WindowCall;
use crate::value::{Element, Type, Value};

/// A bound query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundQuery {
    /// What `from` reads.
    pub from: Source,
    /// Its alias.
    pub alias: String,
    /// Columns behind those of `from` (a table then, never with joins; its rows are shown by their fields): aggregates over its
    /// associations.
    pub computed: Vec<Computed>,
    /// Condition over the columns of `from`, applied before the joins: the tenant's restriction, where a right or full join
    /// brings rows without it.
    pub own_filter: Option<Expr>,
    /// Joins in order.
    pub joins: Vec<JoinSource>,
    /// Condition over the scope: `where`, otherwise the tenant's restriction, a nested query's association `where` excluded (it is
    /// in the hops).
    pub filter: Option<Expr>,
    /// Grouping, if any.
    pub aggregate: Option<Aggregate>,
    /// Output fields.
    pub select: Select,
    /// Order; the key breaks ties.
    pub order: Vec<SortKey>,
    /// Columns (of the scope, or of the group scope) that identify an output row: the keys of all sources, or the groups.
    pub key: Vec<usize>,
    /// Part of each group that is kept, by the order, before start, offset and limit.
    pub limit_by: Option<LimitBy>,
    /// At most so many rows.
    pub limit: Option<u32>,
    /// Skip so many rows.
    pub offset: u32,
    /// Keyset start.
    pub start: Option<Start>,
    /// Nested associations (never with joins or grouping).
    pub nested: Vec<Nested>,
    /// Window functions: call *n* is column *n* behind the scope or group scope in `select` and `order`.
    pub windows: Vec<WindowCall>,
    /// Numbers and keyset values that parameters say: what stands in their places is for the first values.
    pub slots: Vec<Slot>,
    /// First row and number of rows of what is shown at first; of the whole query only.
    pub part: Option<(usize, usize)>,
    /// The parameters, with their first values; of the whole query only.
    pub params: Vec<Param>,
}

impl BoundQuery {
    /// Whether it has a limit or an offset, or parameters that say them.
    pub fn is_cut(&self) -> bool {
        let cuts = |s: &Slot| matches!(s.place, Place::Limit | Place::Offset);
        self.limit.is_some() || self.offset > 0 || self.slots.iter().any(cuts)
    }
}

/// The first rows of each group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitBy {
    /// What is equal within a group, null being equal to null; over the scope or group scope.
    pub by: Vec<Expr>,
    /// At most so many rows of each.
    pub limit: u32,
    /// Skip so many rows of each.
    pub offset: u32,
}

/// What the rows of a scope come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The rows of a table, with all its columns.
    Table(TableId),
    /// The rows of another query.
    Query(Box<SubQuery>),
    /// The rows of several queries.
    Set(Box<SetQuery>),
    /// The rows of a relation that queries over it make. It is the whole of a query: no joins, no conditions.
    Recursive(RecursiveSource),
    /// In a branch of a recursion: the rows of one of its relations. It is the whole of a query, too.
    Growing(Growing),
    /// Of a join: the elements of an array of the row so far, and their numbers from 1.
    Unnest(Box<Unnest>),
}

/// An array whose elements are rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnest {
    /// Over the scope of the sources before.
    pub array: Expr,
    /// What its elements are.
    pub of: Element,
    /// So many of them are one row, as an array.
    pub size: Option<usize>,
}

impl Unnest {
    /// Types of its columns: the value, its number.
    pub fn types(&self) -> Vec<Type> {
        vec![if self.size.is_some() { Type::Array(self.of) } else { self.of.ty() }, Type::Int]
    }
}

/// A set operation. Its columns are those that users see of the first input; with `all` a hidden one follows: the number of the
/// row among equal ones, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetQuery {
    /// Which; of more than two inputs from left to right.
    pub op: SetOp,
    /// Equal rows are kept apart.
    pub all: bool,
    /// At least two, whose shown fields agree in number and types.
    pub inputs: Vec<SubQuery>,
}

/// The set operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// Rows of either side.
    Union,
    /// Rows of both sides.
    Intersect,
    /// Rows of the left side that the right side does not have.
    Except,
}

impl SetQuery {
    /// Types of its columns.
    pub fn types(&self) -> Vec<Type> {
        let first = &self.inputs[0];
        let shown = first.fields()[..first.shown].iter().map(|f| f.ty);
        shown.chain(self.all.then_some(Type::Int)).collect()
    }
}

/// A query as a source: its columns are its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubQuery {
    /// The query. Its select is `Fields`: those that users see, then those that only identify its rows. It has an order only
    /// with a limit, an offset or a limit per group, and neither a start nor nested associations.
    pub query: BoundQuery,
    /// Number of fields that users see.
    pub shown: usize,
    /// Fields that identify a row.
    pub key: Vec<usize>,
}

impl SubQuery {
    /// All its columns.
    pub fn fields(&self) -> &[OutputField] {
        match &self.query.select {
            Select::Fields(fields) => fields,
            Select::All => &[],
        }
    }
}

impl Source {
    /// The table, if it is one.
    pub fn table(&self) -> Option<TableId> {
        match self {
            Source::Table(id) => Some(*id),
            Source::Query(_) | Source::Set(_) | Source::Recursive(_) | Source::Growing(_) | Source::Unnest(_) => None,
        }
    }

    /// Types of its columns, hidden ones included.
    pub fn types(&self, schema: &Schema) -> Vec<Type> {
        match self {
            Source::Table(id) => schema.by_id(*id).columns.values().map(|c| c.ty).collect(),
            Source::Query(sub) => sub.fields().iter().map(|f| f.ty).collect(),
            Source::Set(set) => set.types(),
            Source::Recursive(source) => source.relation().types.clone(),
            Source::Growing(growing) => growing.types.clone(),
            Source::Unnest(unnest) => unnest.types(),
        }
    }
}

/// A joined source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinSource {
    /// Which rows without a partner are kept.
    pub kind: JoinKind,
    /// What it reads.
    pub source: Source,
    /// Alias.
    pub alias: String,
    /// Condition over the scope up to and including this source.
    pub on: Expr,
    /// Condition over this source's own columns, applied before the join (the tenant's restriction).
    pub own_filter: Option<Expr>,
}

impl JoinSource {
    /// Its expressions over the scope.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let array = if let Source::Unnest(unnest) = &self.source { Some(&unnest.array) } else { None };
        std::iter::once(&self.on).chain(array)
    }

    /// The same, to be changed.
    pub fn exprs_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let array = if let Source::Unnest(unnest) = &mut self.source { Some(&mut unnest.array) } else { None };
        std::iter::once(&mut self.on).chain(array)
    }
}

/// Kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Pairs that satisfy the condition.
    Inner,
    /// And unmatched left rows, extended with nulls.
    Left,
    /// And unmatched right rows, the sources before extended with nulls.
    Right,
    /// And unmatched rows of both sides.
    Full,
}

impl JoinKind {
    /// Whether rows of the left and of the right side are kept without a partner.
    pub fn keeps(self) -> [bool; 2] {
        [matches!(self, JoinKind::Left | JoinKind::Full), matches!(self, JoinKind::Right | JoinKind::Full)]
    }
}

/// Grouping and aggregates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Group expressions; none = one group, which exists also without rows.
    pub groups: Vec<Expr>,
    /// Several groupings, each by some of the expressions (by number, ascending); their groups together are the rows, with null in the place
    /// of the others, and the first call of [`AggregateFunction::GroupingSet`] says whose a row is. None: one, by all.
    pub sets: Vec<Vec<usize>>,
    /// Aggregates.
    pub calls: Vec<AggregateCall>,
    /// Condition over the group scope: only groups for which it is true are there.
    pub having: Option<Expr>,
}

impl Aggregate {
    /// One grouping, by all of these.
    pub fn new(groups: Vec<Expr>, calls: Vec<AggregateCall>) -> Self {
        Aggregate { groups, sets: Vec::new(), calls, having: None }
    }

    /// Whether it has one row whatever it is over, or with `having` at most one.
    pub fn is_global(&self) -> bool {
        self.groups.is_empty() && self.sets.is_empty()
    }
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AggregateCall {
    /// Which.
    pub function: AggregateFunction,
    /// Argument; `None` = `count(*)`.
    pub argument: Option<Expr>,
    /// Separator of `StringAgg`, over the scope; fraction of the percentiles, a literal float from 0 to 1 or null.
    pub second: Option<Expr>,
    /// Equal arguments count once. Never where it would change nothing, or where PostgreSQL has none.
    pub distinct: bool,
    /// Condition over the scope: only rows for which it is true take part; of others nothing is evaluated.
    pub filter: Option<Expr>,
    /// Order of `StringAgg`, `JsonAgg`, `First` and `Last`, over the scope: total, because the keys of all sources end it.
    /// With `distinct`: one key, the argument.
    pub order: Vec<SortKey>,
    /// Result type.
    pub ty: Type,
}

impl AggregateCall {
    /// A plain call.
    pub fn new(function: AggregateFunction, argument: Option<Expr>, ty: Type) -> Self {
        AggregateCall { function, argument, second: None, distinct: false, filter: None, order: Vec::new(), ty }
    }
}

/// The aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// Rows, or rows whose argument is not null. Int.
    Count,
    /// Exact sum; null without values. Int or Float as the argument.
    Sum,
    /// Exact mean, rounded once; Float; null without values.
    Avg,
    /// Smallest non-null.
    Min,
    /// Largest non-null.
    Max,
    /// Whether all non-null are true; null without values.
    BoolAnd,
    /// Whether one non-null is true; null without values.
    BoolOr,
    /// Non-null texts in order, each but the first after its separator; null without values.
    StringAgg,
    /// A JSON array, or an array, as the type of the call says, of all values in order, nulls too; null without rows.
    JsonAgg,
    /// Exact sample variance, rounded once; Float; null below two values.
    VarSamp,
    /// Exact population variance, rounded once; Float; null without values.
    VarPop,
    /// Root of `VarSamp`.
    StddevSamp,
    /// Root of `VarPop`.
    StddevPop,
    /// Value at a fraction of the sorted non-null floats, interpolated.
    PercentileCont,
    /// First of the sorted non-null values that a fraction of them does not come after.
    PercentileDisc,
    /// Most frequent non-null, the smallest of several.
    Mode,
    /// Value of the first row in order, null if that is its value.
    First,
    /// Value of the last row in order.
    Last,
    /// Number of the grouping set that a row is of, from 0; no aggregate to those who write queries.
    GroupingSet,
}

/// Output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// The row of the table itself; with joins of tables, a record of rows by alias; with grouping or a sub-query, never.
    All,
    /// These fields.
    Fields(Vec<OutputField>),
}

/// One output field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputField {
    /// Name.
    pub name: String,
    /// Over the scope or group scope.
    pub expr: Expr,
    /// Type of the value.
    pub ty: Type,
}

/// One sort key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// Over the scope or group scope.
    pub expr: Expr,
    /// Descending.
    pub desc: bool,
    /// Nulls before everything else, in whichever direction.
    pub nulls_first: bool,
}

/// Keyset start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// One per order key, then either none or one per key column.
    pub values: Vec<Value>,
    /// Whether a row equal to the start belongs to the result. With values for the order keys only, "equal" means equal
    /// in these.
    pub inclusive: bool,
}

/// A nested association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested {
    /// Field name.
    pub name: String,
    /// A row or null, rather than a list. (The first row of the order.)
    pub single: bool,
    /// Steps from the owner's columns to the target.
    pub hops: Vec<Hop>,
    /// A list in the order in which its rows arrived ([`Hop::arrival`]), rather than in that of `query`.
    pub arrival: bool,
    /// Targets show once per row of the join table (the first of two hops), whose key ends theirs and breaks ties.
    pub keeps_duplicates: bool,
    /// Own where/order/limit/select/nested, from the target; the association's order when it has none of its own.
    pub query: BoundQuery,
}

/// A column that is an aggregate over the rows that an association leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computed {
    /// Steps from the owner's columns to the target. Each target counts once.
    pub hops: Vec<Hop>,
    /// The aggregate, over the target's columns. Without targets a count is 0, all else null.
    pub call: AggregateCall,
}

/// A typed expression over a list of columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// Column of the scope.
    Column(usize),
    /// Constant.
    Literal(Value),
    /// The value of the numbered parameter, and its type.
    Param(usize, Type),
    /// Function or operator.
    Call(Function, Vec<Expr>),
    /// In a sub-query: the value of the numbered expression of its [`QueryExpr::outer`], and its type.
    Outer(usize, Type),
    /// What a sub-query says of the row.
    Sub(Box<QueryExpr>),
}

impl Expr {
    /// The columns it reads, each once, in order of first appearance.
    pub fn columns(&self) -> Vec<usize> {
        fn walk(e: &Expr, out: &mut Vec<usize>) {
            match e {
                Expr::Column(c) => {
                    if !out.contains(c) {
                        out.push(*c);
                    }
                }
                Expr::Literal(_) | Expr::Param(..) | Expr::Outer(..) => {}
                Expr::Call(_, args) => args.iter().for_each(|a| walk(a, out)),
                Expr::Sub(sub) => sub.arguments().for_each(|a| walk(a, out)),
            }
        }
        let mut out = Vec::new();
        walk(self, &mut out);
        out
    }

    /// The same expression with columns renumbered.
    #[must_use]
    pub fn map_columns(&self, f: &impl Fn(usize) -> usize) -> Expr {
        self.replaced(&mut |e| match e {
            Expr::Column(c) => Some(Expr::Column(f(*c))),
            _ => None,
        })
    }

    /// The conjuncts of a condition.
    pub fn conjuncts(&self) -> Vec<&Expr> {
        match self {
            Expr::Call(Function::And, args) => args.iter().flat_map(Expr::conjuncts).collect(),
            e => vec![e],
        }
    }

    /// The conjunction of two optional conditions.
    pub fn and(a: Option<Expr>, b: Option<Expr>) -> Option<Expr> {
        match (a, b) {
            (Some(a), Some(b)) => Some(Expr::Call(Function::And, vec![a, b])),
            (a, b) => a.or(b),
        }
    }
}
