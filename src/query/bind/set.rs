//! Set operations: queries whose rows are those of several others.

use super::literal::{common_number, to_number};
use super::output::Output;
use super::params::Params;
use super::scope::{Columns, Relation, Scope};
use super::spelling::plain;
use super::stratified::not_stratified;
use super::{Context, Level, expr::Typed};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{FromJson, QueryJson};
use crate::query::{BoundQuery, Expr, OutputField, Select, SetOp, SetQuery, Source, SubQuery};
use crate::value::{Type, Value};

const OPERATIONS: [(&str, SetOp); 3] = [("union", SetOp::Union), ("intersect", SetOp::Intersect), ("except", SetOp::Except)];

impl<'a> Context<'a> {
    /// Binds a set operation. Its columns are named as those of the first input.
    ///
    /// # Errors
    /// `QUERY_INVALID` for an unknown operation, fewer than two inputs, inputs with other numbers of columns, and parts that
    /// belong into the inputs; `TYPE_MISMATCH` for columns of several types, at their place in the input; those of the inputs,
    /// at `inputs[i]`.
    pub(super) fn set_query(&self, json: &'a QueryJson, depth: usize) -> Result<Level> {
        let invalid = |message: &str, place: &str| Err(Error::new(ErrorCode::QueryInvalid, message).at(place));
        let Some(name) = json.set_op.as_deref() else {
            return invalid("`inputs` are of a set operation; `setOp` says which", "setOp");
        };
        let Some(&(_, op)) = OPERATIONS.iter().find(|o| o.0 == name) else {
            let known = OPERATIONS.iter().map(|o| o.0);
            return Err(Error::unknown(ErrorCode::QueryInvalid, "set operation", name, "query", known).at("setOp"));
        };
        let from = !matches!(&json.from, FromJson::Name(name) if name.is_empty());
        let parts = [
            (from, "from"),
            (!json.joins.is_empty(), "joins"),
            (json.filter.is_some(), "where"),
            (json.group_by.is_some(), "groupBy"),
            (json.select.is_some(), "select"),
            (json.distinct, "distinct"),
            (json.distinct_on.is_some(), "distinctOn"),
            (json.limit_by.is_some(), "limitBy"),
            (!json.with.is_empty(), "with"),
            (!json.computed.is_empty(), "computed"),
        ];
        if let Some((_, part)) = parts.into_iter().find(|p| p.0) {
            return invalid(&format!("`{part}` belongs into the inputs of a set operation, or into a query of it"), part);
        }
        if json.inputs.len() < 2 {
            return invalid("a set operation has at least two inputs", "inputs");
        }
        let mut inputs = Vec::with_capacity(json.inputs.len());
        let mut height = 0;
        for (i, input) in json.inputs.iter().enumerate() {
            let (query, columns, levels) = self.sub_query(input, depth).map_err(|e| e.at_index("inputs", i))?;
            if !columns.ranks.is_empty() {
                // A union is branches.
                return Err(not_stratified("a set operation").at_index("inputs", i));
            }
            height = height.max(levels);
            inputs.push(query);
        }
        unify(json, &mut inputs, &self.budget.params)?;
        if op != SetOp::Union || !json.all {
            spell(&mut inputs);
        }
        let set = SetQuery { op, all: json.all, inputs };
        let (types, shown) = (set.types(), set.inputs[0].shown);
        let names = set.inputs[0].fields()[..shown].iter().map(|f| f.name.clone()).collect();
        let key: Vec<usize> = (0..types.len()).collect();
        let relation = Relation::Query(Columns { names, types: types.clone(), key: key.clone(), ranks: Vec::new() });
        let scope = Scope::over(json.alias.as_deref().unwrap_or(""), relation);
        let mut output = Output::new(&scope, self.budget, None);
        let select = output.select(None, true)?;
        let order = output.order(&json.order_by, &select)?;
        let mut slots = self.budget.params.cuts(json)?;
        let start = json.start.as_ref().map(|s| output.start(s, &order, self.tenant, &mut slots));
        let start = start.transpose().map_err(|e| e.at("start"))?;
        let query = BoundQuery {
            alias: json.alias.clone().unwrap_or_default(),
            from: Source::Set(Box::new(set)),
            computed: Vec::new(),
            own_filter: None,
            joins: Vec::new(),
            filter: None,
            aggregate: None,
            select,
            order,
            key,
            limit_by: None,
            limit: json.limit,
            offset: json.offset.unwrap_or(0),
            start,
            nested: Vec::new(),
            windows: Vec::new(),
            slots,
            part: None,
            params: Vec::new(),
        };
        let columns = scope.shown().map(|(name, column)| (name.to_owned(), column)).collect();
        let (tenants, outer) = (Vec::new(), Vec::new());
        Ok(Level { query, columns, tenants, ranks: Vec::new(), types, height, outer, field_nullable: true })
    }
}

/// Gives the columns of all inputs the same types: numbers that of the widest, nulls take any type.
fn unify(json: &QueryJson, inputs: &mut [SubQuery], params: &Params) -> Result<()> {
    let width = inputs[0].shown;
    if let Some((i, other)) = inputs.iter().enumerate().find(|(_, s)| s.shown != width) {
        let message = format!("the first input has {width} columns, this one has {}", other.shown);
        return Err(Error::new(ErrorCode::QueryInvalid, message).at_index("inputs", i));
    }
    for c in 0..width {
        let (mut ty, mut numbers) = (None, false);
        for (i, input) in inputs.iter().enumerate() {
            let field = &input.fields()[c];
            ty = match (ty, known_of(field, params)) {
                (a, None) => a,
                (None, b) => b,
                (Some(a), Some(b)) if a == b => Some(a),
                (Some(a), Some(b)) if [a, b].iter().all(|t| matches!(t, Type::Int | Type::Decimal | Type::Float)) => {
                    numbers = true;
                    Some(b)
                }
                (Some(a), Some(b)) => {
                    let message = format!("column {} is {} in the inputs before, and {} here", c + 1, a.name(), b.name());
                    let e = Error::new(ErrorCode::TypeMismatch, message).named(field.name.as_str());
                    let e = if json.inputs[i].select.is_some() { e.at_index("select", c) } else { e };
                    return Err(e.at_index("inputs", i));
                }
            };
        }
        if numbers {
            let field = |s: &SubQuery| Typed { expr: s.fields()[c].expr.clone(), ty: known(&s.fields()[c]) };
            ty = common_number(inputs.iter().map(field).collect::<Vec<_>>().iter());
        }
        let Some(ty) = ty else { continue };
        for input in inputs.iter_mut() {
            let Select::Fields(fields) = &mut input.query.select else { continue };
            let field = &mut fields[c];
            if let (Expr::Param(number, _), None) = (&field.expr, known_of(field, params)) {
                params.tell(*number, ty);
            }
            if let Some(own) = known_of(field, params).filter(|own| *own != ty) {
                let expr = std::mem::replace(&mut field.expr, Expr::Literal(Value::Null));
                let mut typed = Typed { expr, ty: Some(own) };
                to_number(&mut typed, ty);
                field.expr = typed.expr;
            }
            field.ty = ty;
        }
    }
    Ok(())
}

/// Equal rows are shown in one way.
fn spell(inputs: &mut [SubQuery]) {
    for input in inputs {
        let shown = input.shown;
        let Select::Fields(fields) = &mut input.query.select else { continue };
        for field in fields[..shown].iter_mut().filter(|f| f.ty.has_spellings()) {
            let expr = std::mem::replace(&mut field.expr, Expr::Literal(Value::Null));
            field.expr = plain(expr, Some(field.ty));
        }
    }
}

/// Type of a field, unless it is a null that takes any.
pub(super) fn known(field: &OutputField) -> Option<Type> {
    (field.expr != Expr::Literal(Value::Null)).then_some(field.ty)
}

/// The same beside parameters: one without a type takes any, too.
fn known_of(field: &OutputField, params: &Params) -> Option<Type> {
    known(field).filter(|_| !params.is_open(&field.expr))
}
