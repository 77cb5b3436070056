//! `distinct`, and the first rows of each group: `distinctOn`, `limitBy`.

use indexmap::IndexSet;

use super::group::comparable;
use super::output::Output;
use super::scope::{Columns, Relation, Scope};
use super::spelling::{group_column, plain, plain_groups, shown_forms};
use super::{Context, Level};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{ExprJson, QueryJson};
use crate::query::{Aggregate, AggregateCall, BoundQuery, Expr, LimitBy, OutputField, Select, SortKey, Source, SubQuery};
use crate::value::{MapState, Type};

impl Output<'_, '_> {
    /// Binds `distinctOn` or `limitBy`.
    ///
    /// # Errors
    /// `QUERY_INVALID` if there are both, or beside `distinct`, and for an empty list; those of expressions; `TYPE_MISMATCH`
    /// for json.
    pub(super) fn limit_by(&mut self, json: &QueryJson) -> Result<Option<LimitBy>> {
        let (by, place, limit, offset) = match (&json.distinct_on, &json.limit_by) {
            (None, None) => return Ok(None),
            (Some(by), None) => (by, "", 1, 0),
            (None, Some(l)) => (&l.by, "by", l.limit, l.offset.unwrap_or(0)),
            (Some(_), Some(_)) => {
                return Err(refusal("`distinctOn` is a limit of 1 per group; there can be one only", "limitBy"));
            }
        };
        let name = if place.is_empty() { "distinctOn" } else { "limitBy" };
        if json.distinct {
            return Err(refusal("`distinct` cannot stand beside a limit per group", name));
        }
        let at = |e: Error, i: usize| if place.is_empty() { e.at_index(name, i) } else { e.at_index(place, i).at(name) };
        if by.is_empty() {
            let e = Error::new(ErrorCode::QueryInvalid, "no expression says what a group is");
            return Err(if place.is_empty() { e } else { e.at(place) }.at(name));
        }
        let bound = by.iter().enumerate().map(|(i, e)| self.part(e).map_err(|e| at(e, i)));
        Ok(Some(LimitBy { by: bound.collect::<Result<_>>()?, limit, offset }))
    }

    fn part(&mut self, json: &ExprJson) -> Result<Expr> {
        let typed = self.bound(json, false)?;
        comparable(&typed, "grouped", json)?;
        Ok(plain(typed.expr, typed.ty))
    }
}

impl<'a> Context<'a> {
    /// The distinct rows of a bound level: a query that groups it by all its fields.
    ///
    /// # Errors
    /// `QUERY_INVALID` for rows of joins that are shown whole, associations, and an order by what is not selected; those of
    /// a keyset start.
    pub(super) fn distinct(&self, json: &'a QueryJson, level: Level) -> Result<Level> {
        if !json.with.is_empty() {
            return Err(refusal("distinct rows are of no table that `with` could nest in", "with"));
        }
        let Level { query, columns, types, height, field_nullable, ranks, .. } = level;
        let (fields, order) = compared(&query, columns, &types)?;
        let places = 0..fields.len();
        let key: Vec<usize> = places.clone().collect();
        let names: IndexSet<String, MapState> = fields.iter().map(|f| f.name.clone()).collect();
        let types: Vec<_> = fields.iter().map(|f| f.ty).collect();
        let groups: Vec<Expr> = places.clone().map(Expr::Column).collect();
        let relation = Relation::Query(Columns { names, types: types.clone(), key: key.clone(), ranks: Vec::new() });
        let scope = Scope::over(&query.alias, relation);
        let output = Output::new(&scope, self.budget, Some(groups.clone()));
        let mut slots = query.slots;
        let start = json.start.as_ref().map(|s| output.start(s, &order, self.tenant, &mut slots));
        let start = start.transpose().map_err(|e| e.at("start"))?;
        let place = |i: usize| group_column(&groups, &types, i);
        let calls: Vec<_> = shown_forms(&groups, &types).collect();
        let shown: Vec<OutputField> =
            places.clone().zip(&fields).map(|(i, f)| OutputField { expr: Expr::Column(place(i)), ..f.clone() }).collect();
        let outer = BoundQuery {
            from: Source::Table(0),
            alias: query.alias.clone(),
            computed: Vec::new(),
            own_filter: None,
            joins: Vec::new(),
            filter: None,
            aggregate: Some(Aggregate::new(plain_groups(groups.clone(), &types), calls.clone())),
            select: Select::Fields(shown),
            order,
            key: key.clone(),
            limit_by: None,
            limit: query.limit,
            offset: query.offset,
            start,
            nested: Vec::new(),
            windows: Vec::new(),
            slots,
            part: None,
            params: Vec::new(),
        };
        let columns = fields.iter().map(|f| f.name.clone()).zip(places.map(place)).collect();
        let types = types.iter().copied().chain(calls.iter().map(|c| c.ty)).collect();
        let shown = fields.len();
        let select = Select::Fields(fields);
        let inner = BoundQuery { select, order: Vec::new(), limit: None, offset: 0, start: None, slots: Vec::new(), ..query };
        let from = Source::Query(Box::new(SubQuery { query: inner, shown, key }));
        let (query, tenants, outer) = (BoundQuery { from, ..outer }, Vec::new(), Vec::new());
        Ok(Level { query, columns, tenants, ranks, types, height: height + 1, outer, field_nullable })
    }
}

/// The distinct rows of a sub-query, for each row that it reads around it: its groups by all its fields.
///
/// # Errors
/// Those of [`Context::distinct`]; `QUERY_INVALID` if it is grouped otherwise.
pub(super) fn each(json: &QueryJson, level: Level) -> Result<Level> {
    let grouped = level.query.aggregate.is_some() || !level.query.windows.is_empty();
    if grouped || json.limit_by.is_some() || json.distinct_on.is_some() {
        let message =
            "a sub-query that reads the row around it is grouped or distinct; put one into a query in the place of `from`";
        return Err(refusal(message, "distinct"));
    }
    let Level { query, columns, types, .. } = level;
    let (fields, order) = compared(&query, columns, &types)?;
    let exprs: Vec<Expr> = fields.iter().map(|f| f.expr.clone()).collect();
    let place = |i: usize| group_column(&exprs, &types, i);
    let mut calls: Vec<AggregateCall> = Vec::new();
    for call in shown_forms(&exprs, &types) {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    let shown = fields.iter().enumerate().map(|(i, f)| OutputField { expr: Expr::Column(place(i)), ..f.clone() }).collect();
    let columns = fields.iter().enumerate().map(|(i, f)| (f.name.clone(), place(i))).collect();
    let group_types = fields.iter().map(|f| f.ty).chain(calls.iter().map(|c| c.ty)).collect();
    let key = (0..fields.len()).collect();
    let aggregate = Some(Aggregate::new(plain_groups(exprs, &types), calls));
    let query = BoundQuery { aggregate, select: Select::Fields(shown), order, key, ..query };
    Ok(Level { query, columns, types: group_types, tenants: Vec::new(), field_nullable: true, ..level })
}

/// The fields by which rows are compared, and the order in terms of these.
fn compared(query: &BoundQuery, columns: Vec<(String, usize)>, types: &[Type]) -> Result<(Vec<OutputField>, Vec<SortKey>)> {
    let fields: Vec<OutputField> = match &query.select {
        Select::Fields(fields) => fields.clone(),
        Select::All if query.joins.is_empty() => {
            let field = |(name, column): (String, usize)| OutputField { name, expr: Expr::Column(column), ty: types[column] };
            columns.into_iter().map(field).collect()
        }
        Select::All => return Err(refusal("a distinct query with joins needs a `select`", "select")),
    };
    let mut order = Vec::with_capacity(query.order.len());
    for (i, key) in query.order.iter().enumerate() {
        let Some(at) = fields.iter().position(|f| f.expr == key.expr) else {
            let e = Error::new(ErrorCode::QueryInvalid, "distinct rows are ordered by what is selected only");
            return Err(e.at("expr").at_index("orderBy", i));
        };
        order.push(SortKey { expr: Expr::Column(at), ..*key });
    }
    Ok((fields, order))
}

fn refusal(message: &str, place: &str) -> Error {
    Error::new(ErrorCode::QueryInvalid, message).at(place)
}
