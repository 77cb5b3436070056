//! Names to indexes, types checked: a query's JSON to a [`BoundQuery`].
//!
//! One file a subject: `limits` (how large), `scope` (names), `source` (tables, sub-queries), `expr`, `literal`, `function`
//! (expressions), `aggregate`, `group`, `grouping` (grouping and its sets), `window`, `output` (select, order, key), `start` (keyset), `nested`, `computed`
//! (associations), `subquery` (in expressions), `recursive` and
//! `stratified` (recursion). This file puts them together.

mod aggregate;
mod array;
mod computed;
mod distinct;
mod expr;
mod function;
mod group;
mod grouping;
mod limits;
mod literal;
mod nested;
mod output;
mod params;
mod recursive;
mod scope;
mod set;
mod source;
mod spelling;
mod start;
mod stratified;
mod subquery;
mod temporal;
mod unnest;
mod window;

use std::cell::RefCell;
use std::rc::Rc;

use super::{Aggregate, BoundQuery, Expr, Function, JoinKind, JoinSource, Schema, Select, SortKey, Table, ast};
use crate::error::{Error, ErrorCode, Result};
use crate::value::{Type, Value};
use expr::Binder;
use limits::Budget;
pub use limits::{MAX_DEPTH, MAX_JOINS, MAX_NESTING, MAX_NODES};
use output::Output;
use params::Params;
pub use params::set_params;
use recursive::Group;
use scope::{Relation, Scope};
use source::{Cte, Named};

/// Binds a query to a schema: every name resolved, every type checked, the tenant's restriction put in.
///
/// Cost: the size of the query plus the columns of its tables.
///
/// # Errors
/// Every mistake that a query can hold, with its place as path, such as `joins[0].on.args[1]`: `UNKNOWN_TABLE`,
/// `UNKNOWN_COLUMN`, `UNKNOWN_RELATION`, `UNKNOWN_ALIAS`, `UNKNOWN_FUNCTION`, `AMBIGUOUS_COLUMN`, `TYPE_MISMATCH`,
/// `NOT_GROUPED`, `TENANT_REQUIRED`, `UNSUPPORTED_TYPE` and `JSON_MALFORMED` (of literals), `NULL_NOT_ALLOWED` (of a keyset
/// start), `MISSING_PARAMETER`, `UNKNOWN_PARAMETER`, and `QUERY_INVALID` for the rest.
///
/// ```
/// use eddyline::query::{Schema, ast, bind};
/// let schema: ast::SchemaJson = serde_json::from_str(
///     r#"{"tables": [{"name": "issues", "key": ["id"],
///         "columns": [{"name": "id", "type": "text"}, {"name": "title", "type": "text"}]}]}"#,
/// )?;
/// let schema = Schema::from_json(&schema)?;
/// let query: ast::QueryJson = serde_json::from_str(
///     r#"{"from": "issues", "where": {"op": "=", "args": [{"op": "col", "name": "titel"}, {"op": "lit", "value": "x"}]}}"#,
/// )?;
/// let error = bind(&schema, &query).unwrap_err();
/// assert_eq!((error.code.as_str(), error.path.as_str()), ("UNKNOWN_COLUMN", "where.args[0]"));
/// assert_eq!(error.nearest.as_deref(), Some("title"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bind(schema: &Schema, query: &ast::QueryJson) -> Result<BoundQuery> {
    let params = Rc::new(Params::new(&query.params)?);
    loop {
        let (budget, ctes, groups) = (Budget::with(params.clone()), RefCell::default(), RefCell::default());
        let context = Context { schema, budget: &budget, tenant: query.tenant.as_deref(), ctes, groups };
        let bound = context.query(query, 0, None);
        if !params.again() {
            let bound = bound?.query;
            let part = match query.part.as_deref() {
                None => None,
                Some(&[start, count]) => Some((start as usize, count as usize)),
                Some(_) => {
                    return Err(Error::new(ErrorCode::QueryInvalid, "a part is a first row and a number of rows").at("part"));
                }
            };
            return Ok(BoundQuery { params: params.finish()?, part, ..bound });
        }
    }
}

/// Binds the condition of an association over the columns of its target.
pub(super) fn condition_on(table: &Table, json: &ast::ExprJson) -> Result<Expr> {
    let scope = Scope::of(&table.name, table);
    Binder { scope: &scope, budget: &Budget::new(), calls: None, windows: None }.condition(json)
}

/// Binds the order of an association over the columns of its target.
pub(super) fn order_on(table: &Table, json: &[ast::OrderJson]) -> Result<Vec<SortKey>> {
    let scope = Scope::of(&table.name, table);
    Output::new(&scope, &Budget::new(), None).order(json, &Select::All)
}

/// Kinds of join by name. A cross join is one whose condition always holds.
const JOINS: [(&str, JoinKind); 5] = [
    ("inner", JoinKind::Inner),
    ("left", JoinKind::Left),
    ("right", JoinKind::Right),
    ("full", JoinKind::Full),
    ("cross", JoinKind::Inner),
];

/// What all levels of a query share.
struct Context<'a> {
    schema: &'a Schema,
    budget: &'a Budget,
    tenant: Option<&'a str>,
    /// Common table expressions in sight, inner ones last.
    ctes: RefCell<Vec<Cte<'a>>>,
    /// Recursions around, inner ones last.
    groups: RefCell<Vec<Group<'a>>>,
}

/// What a scope keeps of its context, to bind sub-queries in its expressions.
struct Around<'a> {
    schema: &'a Schema,
    budget: &'a Budget,
    tenant: Option<&'a str>,
    ctes: Vec<Cte<'a>>,
    groups: Vec<Group<'a>>,
}

/// A bound level, with what a query around it needs to know.
struct Level {
    query: BoundQuery,
    /// The columns that users see in it when it selects nothing, by their number.
    columns: Vec<(String, usize)>,
    /// Columns of the key that hold the tenant.
    tenants: Vec<usize>,
    /// Columns of the key that are ranks of rows of the recursion that the query is in.
    ranks: Vec<usize>,
    /// Types of the columns that select, order and key are over.
    types: Vec<Type>,
    /// Levels of sub-queries in its sources.
    height: usize,
    /// What it reads of the scope that it stands in as a sub-query.
    outer: Vec<Expr>,
    /// Whether its first field may be null.
    field_nullable: bool,
}

impl<'a> Context<'a> {
    /// The restriction of a source to the query's tenant, over its own columns.
    fn own_filter(&self, source: &Relation<'_>) -> Result<Option<Expr>> {
        let Relation::Table(table) = source else { return Ok(None) };
        let Some(column) = table.tenant_column() else { return Ok(None) };
        let Some(tenant) = self.tenant else {
            let message = format!("rows of `{}` belong to tenants; the query needs a `tenant`", table.name);
            return Err(Error::new(ErrorCode::TenantRequired, message).named(table.name.as_str()));
        };
        Ok(Some(Expr::Call(Function::Eq, vec![Expr::Column(column), Expr::Literal(Value::text(tenant))])))
    }

    fn around(&self) -> Around<'a> {
        let (ctes, groups) = (self.ctes.borrow().clone(), self.groups.borrow().clone());
        Around { schema: self.schema, budget: self.budget, tenant: self.tenant, ctes, groups }
    }

    /// A whole query or sub-query, `depth` levels down; one in an expression reads the scope that it stands in.
    fn query(&self, json: &'a ast::QueryJson, depth: usize, parent: Option<&'a Scope<'a>>) -> Result<Level> {
        if depth > 0 && (!json.params.is_empty() || json.part.is_some()) {
            let message = "values of parameters, and the part that is shown, are given with the whole query";
            let place = if json.params.is_empty() { "part" } else { "params" };
            return Err(Error::new(ErrorCode::QueryInvalid, message).at(place));
        }
        let before = self.with_ctes(&json.ctes, depth)?;
        let level = if json.set_op.is_some() || !json.inputs.is_empty() {
            self.set_query(json, depth)?
        } else {
            let from = self.from(json, depth)?;
            let own = self.own_filter(&from.relation).map_err(|e| e.at("from"))?;
            let level = self.level(json, from, own, None, depth, parent)?;
            match (json.distinct, level.outer.is_empty()) {
                (true, true) => self.distinct(json, level)?,
                (true, false) => distinct::each(json, level)?,
                (false, _) => level,
            }
        };
        self.forget(before);
        Ok(level)
    }

    /// One level: a query, or what a `with` asks of the target of an association; `restriction` is over the columns of
    /// `from`. A nested level has its tenant from the hops that lead to it.
    fn level(
        &self,
        json: &'a ast::QueryJson,
        mut from: Named<'a>,
        restriction: Option<Expr>,
        by: Option<&super::Relation>,
        depth: usize,
        parent: Option<&'a Scope<'a>>,
    ) -> Result<Level> {
        let mut height = from.height;
        let marks = json.joins.iter().any(|j| j.kind == "full");
        if marks {
            from.mark();
        }
        let mut scope = Scope::over(from.alias, from.relation);
        (scope.parent, scope.depth) = (parent, depth);
        if json.joins.len() > MAX_JOINS {
            return Err(Error::new(ErrorCode::QueryInvalid, format!("a query joins at most {MAX_JOINS} tables")).at("joins"));
        }
        let computed = self.computed(json, &mut scope)?;
        let mut joins = Vec::with_capacity(json.joins.len());
        // Conditions of inner joins with sub-queries are asked of what the joins give; a right or full join behind would have
        // brought back rows that they drop.
        let mut asked = None;
        let last = json.joins.iter().rposition(|j| matches!(j.kind.as_str(), "right" | "full"));
        for (i, join) in json.joins.iter().enumerate() {
            let later = last.is_none_or(|last| last < i);
            let (join, levels, rest) = self.join(join, &mut scope, (marks, later), depth).map_err(|e| e.at_index("joins", i))?;
            asked = Expr::and(asked, rest);
            height = height.max(levels);
            joins.push(join);
        }
        let brings = joins.iter().any(|j| j.kind.keeps()[1]);
        if let Some(i) = joins.iter().position(|j| brings && j.exprs().any(Expr::has_outer)) {
            let message = "beside a right or full join no condition of a join can read the row around the sub-query";
            return Err(Error::new(ErrorCode::QueryInvalid, message).at("on").at_index("joins", i));
        }
        scope.around = Some(self.around());
        let ranks: Vec<usize> = scope.sources.iter().flat_map(|s| s.ranks()).collect();
        if !ranks.is_empty() {
            stratified::monotone(json, &scope, &joins)?;
        }
        let mut binder = Binder { scope: &scope, budget: self.budget, calls: None, windows: None };
        let (own_filter, mut filter) = if brings { (restriction, None) } else { (None, restriction) };
        filter = Expr::and(filter, asked);
        if let Some(condition) = &json.filter {
            filter = Expr::and(filter, Some(binder.condition(condition).map_err(|e| e.at("where"))?));
        }
        let groups = output::groups(json, &mut binder)?;
        scope.grouping = grouping::grouping(json, groups.as_deref(), &scope.types, self.budget)?;
        let mut output = Output::new(&scope, self.budget, groups);
        let mut select = output.select(json.select.as_deref(), depth == 0)?;
        let having = json.having.as_ref().map(|h| output.having(h)).transpose().map_err(|e| e.at("having"))?;
        let mut order = output.order(&json.order_by, &select)?;
        let limit_by = output.limit_by(json)?;
        output.number_windows(&mut select, &mut order);
        if let (true, Some(relation)) = (order.is_empty(), by) {
            order.clone_from(&relation.order);
        }
        let mut slots = self.budget.params.cuts(json)?;
        // What is distinct has a start of its own.
        let start = json
            .start
            .as_ref()
            .filter(|_| !json.distinct)
            .map(|s| output.start(s, &order, self.tenant, &mut slots))
            .transpose()
            .map_err(|e| e.at("start"))?;
        let nested = self.nested(json, &scope, &select, output.is_grouped(), depth)?;
        let key = output.key();
        let field_nullable = output.first_is_nullable(&select);
        let query = BoundQuery {
            from: from.source,
            alias: from.alias.to_owned(),
            computed,
            own_filter,
            joins,
            filter,
            key: key.iter().map(|k| k.column).collect(),
            select,
            order,
            limit_by,
            limit: json.limit,
            offset: json.offset.unwrap_or(0),
            start,
            nested,
            windows: output.windows.iter().cloned().collect(),
            slots,
            part: None,
            params: Vec::new(),
            aggregate: None,
        };
        Ok(Level {
            columns: scope.shown().map(|(name, column)| (name.to_owned(), column)).collect(),
            ranks,
            tenants: key.iter().filter(|k| k.hidden).map(|k| k.column).collect(),
            types: output.types(),
            query: BoundQuery { aggregate: output.into_aggregate(having), ..query },
            height,
            field_nullable,
            outer: scope.outer.take(),
        })
    }

    /// A join, the levels in it, and the conditions that are asked later: those with sub-queries, of an inner join that may.
    fn join(
        &self,
        json: &'a ast::JoinJson,
        scope: &mut Scope<'a>,
        (marks, later): (bool, bool),
        depth: usize,
    ) -> Result<(JoinSource, usize, Option<Expr>)> {
        let Some(&(_, kind)) = JOINS.iter().find(|k| k.0 == json.kind) else {
            let kinds = JOINS.iter().map(|k| k.0);
            return Err(Error::unknown(ErrorCode::QueryInvalid, "kind of join", &json.kind, "query", kinds).at("kind"));
        };
        let mut joined = self.joined(json, scope, kind, depth)?;
        if marks {
            joined.mark();
        }
        let Named { source, relation, alias, height } = joined;
        let own_filter = self.own_filter(&relation).map_err(|e| e.at("table"))?;
        let place = if json.alias.is_some() { "alias" } else { "table" };
        let [left, right] = kind.keeps();
        if right {
            scope.loosen();
        }
        scope.add(alias, relation, left).map_err(|e| e.at(place))?;
        let made = JoinSource { kind, source, alias: alias.to_owned(), on: Expr::Literal(Value::Bool(true)), own_filter };
        scope.around = limits::has_subquery(&json.on).then(|| self.around());
        let on = Binder { scope, budget: self.budget, calls: None, windows: None }.condition(&json.on).map_err(|e| e.at("on"))?;
        if scope.around.take().is_none() {
            return Ok((JoinSource { on, ..made }, height, None));
        }
        // Sub-queries are asked about the pairs that the rest of the condition leaves.
        let (asked, plain): (Vec<&Expr>, Vec<&Expr>) = on.conjuncts().into_iter().partition(|c| c.has_subquery());
        let [asked, plain] = [asked, plain].map(|all| all.into_iter().fold(None, |a, b| Expr::and(a, Some(b.clone()))));
        let (on, asked) = if later && kind == JoinKind::Inner { (plain, asked) } else { (Expr::and(plain, asked), None) };
        Ok((JoinSource { on: on.unwrap_or(made.on.clone()), ..made }, height, asked))
    }
}

impl Output<'_, '_> {
    /// The grouping with all aggregates that select, having and order were found to call.
    fn into_aggregate(self, having: Option<Expr>) -> Option<Aggregate> {
        let calls = self.calls.into_iter().collect();
        let plain = |groups| spelling::plain_groups(groups, &self.scope.types);
        let sets = self.scope.grouping.as_ref().map_or_else(Vec::new, |g| g.sets.clone());
        self.groups.map(|groups| Aggregate { groups: plain(groups), sets, calls, having })
    }
}
