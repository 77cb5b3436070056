//! Names to indexes, types checked: a query's JSON to a [`BoundQuery`].
//!
//! One file a subject: `limits` (how large), `scope` (names), `expr`, `literal`, `function` (expressions), `aggregate`
//! (grouping), `output` (select, order, key), `start` (keyset), `nested` (associations). This file puts them together.

mod aggregate;
mod expr;
mod function;
mod limits;
mod literal;
mod nested;
mod output;
mod scope;
mod start;

use super::{Aggregate, BoundQuery, Expr, Function, JoinKind, JoinSource, Relation, Schema, Select, SortKey, Table, ast};
use crate::error::{Error, ErrorCode, Result};
use crate::value::Value;
use expr::Binder;
use limits::Budget;
pub use limits::{MAX_DEPTH, MAX_JOINS, MAX_NESTING, MAX_NODES};
use output::Output;
use scope::Scope;

/// Binds a query to a schema: every name resolved, every type checked, the tenant's restriction put in.
///
/// Cost: the size of the query plus the columns of its tables.
///
/// # Errors
/// Every mistake that a query can hold, with its place as path, such as `joins[0].on.args[1]`: `UNKNOWN_TABLE`,
/// `UNKNOWN_COLUMN`, `UNKNOWN_RELATION`, `UNKNOWN_ALIAS`, `UNKNOWN_FUNCTION`, `AMBIGUOUS_COLUMN`, `TYPE_MISMATCH`,
/// `NOT_GROUPED`, `TENANT_REQUIRED`, `UNSUPPORTED_TYPE` and `JSON_MALFORMED` (of literals), `NULL_NOT_ALLOWED` (of a keyset
/// start), and `QUERY_INVALID` for the rest.
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
    let context = Context { schema, budget: Budget::new(), tenant: query.tenant.as_deref() };
    let table = context.table(&query.from).map_err(|e| e.at("from"))?;
    context.query(query, table, None, 0)
}

/// Binds the condition of an association over the columns of its target.
pub(super) fn condition_on(table: &Table, json: &ast::ExprJson) -> Result<Expr> {
    let scope = Scope::of(&table.name, table);
    Binder { scope: &scope, budget: &Budget::new(), calls: None }.condition(json)
}

/// Binds the order of an association over the columns of its target.
pub(super) fn order_on(table: &Table, json: &[ast::OrderJson]) -> Result<Vec<SortKey>> {
    let scope = Scope::of(&table.name, table);
    Output::new(&scope, &Budget::new(), None).order(json, &Select::All)
}

/// What all levels of a query share.
struct Context<'a> {
    schema: &'a Schema,
    budget: Budget,
    tenant: Option<&'a str>,
}

impl<'a> Context<'a> {
    fn table(&self, name: &str) -> Result<&'a Table> {
        let names = self.schema.tables.keys().map(String::as_str);
        self.schema.table(name).ok_or_else(|| Error::unknown(ErrorCode::UnknownTable, "table", name, "schema", names))
    }

    /// The restriction of a table to the query's tenant, over the table's own columns.
    fn own_filter(&self, table: &Table) -> Result<Option<Expr>> {
        let Some(column) = table.tenant_column() else { return Ok(None) };
        let Some(tenant) = self.tenant else {
            let message = format!("rows of `{}` belong to tenants; the query needs a `tenant`", table.name);
            return Err(Error::new(ErrorCode::TenantRequired, message).named(table.name.as_str()));
        };
        Ok(Some(Expr::Call(Function::Eq, vec![Expr::Column(column), Expr::Literal(Value::text(tenant))])))
    }

    /// One level: the root, or what a `with` asks of the target of an association. A nested level has its tenant from the
    /// hops that lead to it.
    fn query(&self, json: &'a ast::QueryJson, table: &'a Table, by: Option<&Relation>, depth: usize) -> Result<BoundQuery> {
        let mut scope = Scope::of(alias(&json.alias, table)?, table);
        let mut filter = None;
        if by.is_none() {
            filter = self.own_filter(table).map_err(|e| e.at("from"))?;
        }
        if json.joins.len() > MAX_JOINS {
            return Err(Error::new(ErrorCode::QueryInvalid, format!("a query joins at most {MAX_JOINS} tables")).at("joins"));
        }
        let mut joins = Vec::with_capacity(json.joins.len());
        for (i, join) in json.joins.iter().enumerate() {
            joins.push(self.join(join, &mut scope).map_err(|e| e.at_index("joins", i))?);
        }
        let mut binder = Binder { scope: &scope, budget: &self.budget, calls: None };
        if let Some(condition) = &json.filter {
            filter = Expr::and(filter, Some(binder.condition(condition).map_err(|e| e.at("where"))?));
        }
        let groups = output::groups(json, &mut binder)?;
        let mut output = Output::new(&scope, &self.budget, groups);
        let select = output.select(json.select.as_deref())?;
        let mut order = output.order(&json.order_by, &select)?;
        if let (true, Some(relation)) = (order.is_empty(), by) {
            order.clone_from(&relation.order);
        }
        let start = json.start.as_ref().map(|s| output.start(s, &order, self.tenant)).transpose().map_err(|e| e.at("start"))?;
        let nested = self.nested(json, table, &select, output.is_grouped(), depth)?;
        Ok(BoundQuery {
            from: table.id,
            alias: alias(&json.alias, table)?.to_owned(),
            joins,
            filter,
            key: output.key().map(|k| k.column).collect(),
            aggregate: output.into_aggregate(),
            select,
            order,
            limit: json.limit,
            offset: json.offset.unwrap_or(0),
            start,
            nested,
        })
    }

    fn join(&self, json: &'a ast::JoinJson, scope: &mut Scope<'a>) -> Result<JoinSource> {
        let kind = match json.kind.as_str() {
            "inner" => JoinKind::Inner,
            "left" => JoinKind::Left,
            other => {
                let e = Error::unknown(ErrorCode::QueryInvalid, "kind of join", other, "query", ["inner", "left"]);
                return Err(e.at("kind"));
            }
        };
        let table = self.table(&json.table).map_err(|e| e.at("table"))?;
        let own_filter = self.own_filter(table).map_err(|e| e.at("table"))?;
        let place = if json.alias.is_some() { "alias" } else { "table" };
        let alias = alias(&json.alias, table)?;
        scope.add(alias, table, kind == JoinKind::Left).map_err(|e| e.at(place))?;
        let on = Binder { scope, budget: &self.budget, calls: None }.condition(&json.on).map_err(|e| e.at("on"))?;
        Ok(JoinSource { kind, table: table.id, alias: alias.to_owned(), on, own_filter })
    }
}

/// The alias of a source: the table's name unless another is given.
fn alias<'a>(given: &'a Option<String>, table: &'a Table) -> Result<&'a str> {
    match given.as_deref() {
        Some("") => Err(Error::new(ErrorCode::QueryInvalid, "an alias cannot be empty").named("").at("alias")),
        Some(alias) => Ok(alias),
        None => Ok(&table.name),
    }
}

impl Output<'_, '_> {
    /// The grouping with all aggregates that select and order were found to call.
    fn into_aggregate(self) -> Option<Aggregate> {
        let calls = self.calls.into_iter().collect();
        self.groups.map(|groups| Aggregate { groups, calls })
    }
}
