//! Recursion: relations that are made of each other, and what their branches may not do with them.

use std::rc::Rc;

use indexmap::IndexSet;

use super::literal::to_number;
use super::scope::{Columns, Relation};
use super::set::known;
use super::source::Named;
use super::spelling::plain;
use super::stratified::reads;
use super::{Context, expr::Typed};
use crate::error::{Error, ErrorCode, Result};
use crate::query::ast::{BestJson, GrowingJson, QueryJson, RecursiveJson};
use crate::query::{
    Best, BoundQuery, Branch, Expr, Growing, GrownRelation, OutputField, Recursion, RecursiveSource, Select, Source, SubQuery,
};
use crate::value::{Type, Value};

/// Rounds of one step, unless a query says otherwise.
const ROUNDS: u32 = 10_000;
/// Most rounds that a query can ask for.
const MOST_ROUNDS: u32 = 100_000_000;

/// The relations of a recursion, as its branches see them.
#[derive(Clone)]
pub(super) struct Group<'a> {
    json: &'a [GrowingJson],
    /// Types of the columns of each, once they are known.
    types: Vec<Option<Vec<Type>>>,
}

impl<'a> Context<'a> {
    /// A relation of the recursion that the query is a branch of.
    ///
    /// # Errors
    /// `UNKNOWN_TABLE` for a name that the recursion does not have; `QUERY_INVALID` outside of a recursion, and for a
    /// relation of a recursion further out.
    pub(super) fn growing(&self, name: &'a str, alias: Option<&'a str>) -> Result<Named<'a>> {
        self.budget.take(1)?;
        let groups = self.groups.borrow();
        let Some(group) = groups.last() else {
            let message = format!("`{name}` is read as a relation of a recursion, but no recursion is around");
            return Err(Error::new(ErrorCode::QueryInvalid, message).named(name));
        };
        let Some(number) = group.json.iter().position(|r| r.name == name) else {
            if groups.iter().any(|g| g.json.iter().any(|r| r.name == name)) {
                let message = format!("`{name}` is of a recursion further out; a recursion in a branch stands alone");
                return Err(Error::new(ErrorCode::QueryInvalid, message).named(name));
            }
            let names = group.json.iter().map(|r| r.name.as_str());
            return Err(Error::unknown(ErrorCode::UnknownTable, "relation", name, "recursive", names));
        };
        let mut types = group.types[number].clone().expect("a branch is bound once what it reads has types");
        types.push(Type::Int);
        let ranks = vec![types.len() - 1];
        let source = Source::Growing(Growing { relation: number, types: types.clone() });
        let (query, columns) = whole(source, &group.json[number].columns, types, ranks);
        Ok(Named {
            source: Source::Query(Box::new(query)),
            relation: Relation::Query(columns),
            alias: alias.unwrap_or(name),
            height: 1,
        })
    }

    /// A recursion as a source.
    ///
    /// # Errors
    /// `QUERY_INVALID` for names that are missing or given twice, a relation without a branch that is not recursive, branches
    /// of another number of columns, and what [`monotone`](super::stratified::monotone) refuses; `UNKNOWN_TABLE` for the `result`; `UNKNOWN_COLUMN` of
    /// `min` and `max`; `TYPE_MISMATCH` for columns of several types, or of json; those of the branches, at
    /// `relations[i].branches[j]`.
    pub(super) fn recursive(&self, json: &'a RecursiveJson, alias: Option<&'a str>, depth: usize) -> Result<Named<'a>> {
        self.budget.take(1)?;
        for (i, relation) in json.relations.iter().enumerate() {
            declared(json, i).map_err(|e| e.at_index("relations", i))?;
            self.budget.take(relation.columns.len())?;
        }
        let Some(result) = json.relations.iter().position(|r| r.name == json.result) else {
            let names = json.relations.iter().map(|r| r.name.as_str());
            return Err(Error::unknown(ErrorCode::UnknownTable, "relation", &json.result, "recursive", names).at("result"));
        };
        let max_rounds = json.max_rounds.unwrap_or(ROUNDS);
        if !(1..=MOST_ROUNDS).contains(&max_rounds) {
            let message = format!("from 1 to {MOST_ROUNDS} rounds are possible, not {max_rounds}");
            return Err(Error::new(ErrorCode::QueryInvalid, message).at("maxRounds"));
        }
        let read = self.budget.params.reads();
        let (relations, height) = self.relations(&json.relations, depth)?;
        if self.budget.params.reads() > read {
            let message = "the relations of a recursion have no parameters; put conditions with parameters on what reads them";
            return Err(Error::new(ErrorCode::QueryInvalid, message).at("relations"));
        }
        let types = relations[result].types.clone();
        let source = Source::Recursive(RecursiveSource { recursion: Rc::new(Recursion { relations, max_rounds }), result });
        let (query, columns) = whole(source, &json.relations[result].columns, types, Vec::new());
        let alias = alias.unwrap_or(&json.result);
        Ok(Named { source: Source::Query(Box::new(query)), relation: Relation::Query(columns), alias, height: height + 1 })
    }

    /// Binds the branches, each as soon as what it reads has types: first those without recursion.
    fn relations(&self, json: &'a [GrowingJson], depth: usize) -> Result<(Vec<GrownRelation>, usize)> {
        let place = |e: Error, i: usize, j: usize| e.at_index("branches", j).at_index("relations", i);
        let reads: Vec<Vec<Vec<usize>>> = json.iter().map(|r| r.branches.iter().map(|b| reads(b, json)).collect()).collect();
        let mut bound: Vec<Vec<Option<Branch>>> = reads.iter().map(|r| r.iter().map(|_| None).collect()).collect();
        let mut height = 0;
        self.groups.borrow_mut().push(Group { json, types: vec![None; json.len()] });
        loop {
            let types = self.groups.borrow().last().map(|g| g.types.clone()).unwrap_or_default();
            let mut new = Vec::new();
            for (i, j) in (0..json.len()).flat_map(|i| (0..reads[i].len()).map(move |j| (i, j))) {
                if bound[i][j].is_some() || reads[i][j].iter().any(|&r| types[r].is_none()) {
                    continue;
                }
                let (query, columns, levels) = self.sub_query(&json[i].branches[j], depth).map_err(|e| place(e, i, j))?;
                if query.shown != json[i].columns.len() {
                    let message =
                        format!("`{}` has {} columns, this branch has {}", json[i].name, json[i].columns.len(), query.shown);
                    return Err(place(Error::new(ErrorCode::QueryInvalid, message), i, j));
                }
                height = height.max(levels);
                bound[i][j] = Some(Branch { query, ranks: columns.ranks });
                new.push((i, j));
            }
            if new.is_empty() {
                break;
            }
            let mut found: Vec<Option<Vec<Option<Type>>>> = vec![None; json.len()];
            for &(i, j) in new.iter().filter(|n| types[n.0].is_none()) {
                let branch = bound[i][j].as_ref().expect("bound above");
                let before = found[i].get_or_insert_with(|| vec![None; json[i].columns.len()]);
                widen(before, &branch.query, &json[i], &json[i].branches[j]).map_err(|e| place(e, i, j))?;
            }
            // A column that is null in all of them is text, as in PostgreSQL.
            let named = |types: Vec<Option<Type>>| types.into_iter().map(|ty| ty.unwrap_or(Type::Text)).collect();
            let types = types.into_iter().zip(found).map(|(before, new)| before.or_else(|| new.map(named))).collect();
            self.groups.borrow_mut().last_mut().expect("pushed above").types = types;
        }
        let types = self.groups.borrow_mut().pop().map(|g| g.types).unwrap_or_default();
        let mut relations = Vec::with_capacity(json.len());
        for (i, (relation, (types, branches))) in json.iter().zip(types.into_iter().zip(bound)).enumerate() {
            let Some(types) = types else {
                let message =
                    format!("every branch of `{}` is recursive: nothing says of what types its columns are", relation.name);
                let e = Error::new(ErrorCode::QueryInvalid, message).named(relation.name.as_str());
                return Err(e.at("branches").at_index("relations", i));
            };
            let mut branches: Vec<Branch> = branches.into_iter().flatten().collect();
            for (j, branch) in branches.iter_mut().enumerate() {
                fit(&mut branch.query, &types, relation, &relation.branches[j]).map_err(|e| place(e, i, j))?;
            }
            let best = best(relation).map_err(|e| e.at_index("relations", i))?;
            relations.push(GrownRelation {
                name: relation.name.clone(),
                columns: relation.columns.clone(),
                types,
                branches,
                best,
            });
        }
        Ok((relations, height))
    }
}

/// A query that is all rows of a source, whose columns identify them.
pub(super) fn whole(source: Source, names: &[String], types: Vec<Type>, ranks: Vec<usize>) -> (SubQuery, Columns) {
    let name = |c: usize| names.get(c).cloned().unwrap_or_default();
    let field = |c: usize| OutputField { name: name(c), expr: Expr::Column(c), ty: types[c] };
    let key: Vec<usize> = (0..types.len()).collect();
    let query = BoundQuery {
        from: source,
        alias: String::new(),
        computed: Vec::new(),
        own_filter: None,
        joins: Vec::new(),
        filter: None,
        aggregate: None,
        select: Select::Fields(key.iter().map(|&c| field(c)).collect()),
        order: Vec::new(),
        key: key.clone(),
        limit_by: None,
        limit: None,
        offset: 0,
        start: None,
        nested: Vec::new(),
        windows: Vec::new(),
        slots: Vec::new(),
        part: None,
        params: Vec::new(),
    };
    let columns = Columns { names: names.iter().cloned().collect(), types, key: key.clone(), ranks };
    (SubQuery { query, shown: names.len(), key }, columns)
}

/// Checks the names of a relation.
fn declared(json: &RecursiveJson, i: usize) -> Result<()> {
    let relation = &json.relations[i];
    let invalid = |message: &str, name: &str| Error::new(ErrorCode::QueryInvalid, message).named(name);
    let name = relation.name.as_str();
    if name.is_empty() {
        return Err(invalid("a relation needs a name", name).at("name"));
    }
    if json.relations[..i].iter().any(|r| r.name == name) {
        return Err(invalid(&format!("two relations of the recursion are called `{name}`"), name).at("name"));
    }
    let mut columns = IndexSet::<&str, crate::value::MapState>::default();
    for (c, column) in relation.columns.iter().enumerate() {
        if column.is_empty() || !columns.insert(column) {
            let message = format!("two columns of `{name}` are called `{column}`");
            let message = if column.is_empty() { "a column needs a name" } else { &message };
            return Err(invalid(message, column).at_index("columns", c));
        }
    }
    if columns.is_empty() {
        return Err(invalid(&format!("`{name}` has no columns"), name).at("columns"));
    }
    if relation.branches.is_empty() {
        return Err(invalid(&format!("`{name}` has no branches"), name).at("branches"));
    }
    Ok(())
}

/// Binds `min` or `max`.
fn best(json: &GrowingJson) -> Result<Option<Best>> {
    let (best, place, largest): (&BestJson, _, _) = match (&json.min, &json.max) {
        (None, None) => return Ok(None),
        (Some(min), None) => (min, "min", false),
        (None, Some(max)) => (max, "max", true),
        (Some(_), Some(_)) => {
            let message = "of the rows of a relation the smallest or the largest is kept, not both";
            return Err(Error::new(ErrorCode::QueryInvalid, message).at("max"));
        }
    };
    let find = |name: &str| {
        json.columns.iter().position(|c| c == name).ok_or_else(|| {
            let names = json.columns.iter().map(String::as_str);
            Error::unknown(ErrorCode::UnknownColumn, "column", name, &json.name, names)
        })
    };
    let column = find(&best.column).map_err(|e| e.at("column").at(place))?;
    let mut by = Vec::with_capacity(best.by.len());
    for (i, name) in best.by.iter().enumerate() {
        let at = |e: Error| e.at_index("by", i).at(place);
        let c = find(name).map_err(at)?;
        if c == column {
            let message = format!("`{name}` decides between rows; they cannot agree in it too");
            return Err(at(Error::new(ErrorCode::QueryInvalid, message).named(name.as_str())));
        }
        by.push(c);
    }
    Ok(Some(Best { by, column, largest }))
}

/// The place of a column in a branch, as far as there is one.
fn place_of(e: Error, branch: &QueryJson, c: usize) -> Error {
    if branch.select.is_some() { e.at_index("select", c) } else { e }
}

/// Makes the types so far, as far as they are known, those that the columns of one branch more fit into, too.
fn widen(types: &mut [Option<Type>], branch: &SubQuery, relation: &GrowingJson, json: &QueryJson) -> Result<()> {
    for (c, ty) in types.iter_mut().enumerate() {
        let Some(new) = known(&branch.fields()[c]) else { continue };
        let column = &relation.columns[c];
        *ty = match *ty {
            None => Some(new),
            Some(old) if old == new => Some(old),
            Some(old) if is_number(old) && is_number(new) => Some(wider(old, new, &branch.fields()[c].expr)),
            Some(old) => {
                let message = format!("`{column}` is {} in the branches before, and {} here", old.name(), new.name());
                let e = Error::new(ErrorCode::TypeMismatch, message).named(column.as_str());
                return Err(place_of(e, json, c));
            }
        };
    }
    Ok(())
}

/// Gives the columns of a branch the types of its relation: narrower numbers become its own, nulls take any type.
fn fit(branch: &mut SubQuery, types: &[Type], relation: &GrowingJson, json: &QueryJson) -> Result<()> {
    let Select::Fields(fields) = &mut branch.query.select else { return Ok(()) };
    for (c, (field, &ty)) in fields.iter_mut().zip(types).enumerate() {
        match known(field) {
            Some(is) if is == ty => {}
            None => {}
            Some(is) if is_number(is) && is_number(ty) && wider(ty, is, &field.expr) == ty => {
                let expr = std::mem::replace(&mut field.expr, Expr::Literal(Value::Null));
                let mut typed = Typed { expr, ty: Some(is) };
                to_number(&mut typed, ty);
                field.expr = typed.expr;
            }
            Some(is) => {
                let column = &relation.columns[c];
                let message = format!("`{column}` is {} where recursion begins, and {} here; use `cast`", ty.name(), is.name());
                let e = Error::new(ErrorCode::TypeMismatch, message).named(column.as_str());
                return Err(place_of(e, json, c));
            }
        }
        field.ty = ty;
        // Equal rows are one, and are shown in one way.
        let expr = std::mem::replace(&mut field.expr, Expr::Literal(Value::Null));
        field.expr = plain(expr, Some(ty));
    }
    Ok(())
}

fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal | Type::Float)
}

/// The wider of two types of numbers. Beside decimals a literal float is a decimal, as in SQL.
fn wider(old: Type, new: Type, expr: &Expr) -> Type {
    match (old, new) {
        (Type::Decimal, Type::Float) if matches!(expr, Expr::Literal(Value::Float(v)) if v.is_finite()) => Type::Decimal,
        (Type::Float, _) | (_, Type::Float) => Type::Float,
        (Type::Decimal, _) | (_, Type::Decimal) => Type::Decimal,
        _ => Type::Int,
    }
}
