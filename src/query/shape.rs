//! The JSON of schemas and queries to the structs of [`ast`](super::ast), each mistake of shape with its place.

use super::ast::{
    BestJson, BoundJson, CallJson, ColumnJson, ComputedJson, CteJson, ExprJson, FrameJson, FromJson, GrowingJson, JoinJson,
    LimitByJson, Literal, NamedJson, OrderJson, OverJson, ParamJson, ParamsJson, QueryJson, RecursiveJson, RelationJson,
    SchemaJson, StartJson, TableJson, WithJson,
};
use crate::error::{Error, ErrorCode, Result};
use crate::value::Document;

/// Reads a part of a document.
type Read<T> = fn(&Document) -> Result<T>;

impl TryFrom<Document> for SchemaJson {
    type Error = Error;

    /// # Errors
    /// `SCHEMA_INVALID` with the place that is not of the expected shape.
    fn try_from(json: Document) -> Result<Self> {
        list(&json, "tables", table).map(|tables| SchemaJson { tables }).map_err(|mut e| {
            e.code = ErrorCode::SchemaInvalid;
            e
        })
    }
}

impl TryFrom<Document> for QueryJson {
    type Error = Error;

    /// # Errors
    /// `QUERY_INVALID` with the place that is not of the expected shape.
    fn try_from(json: Document) -> Result<Self> {
        query(&json)
    }
}

impl TryFrom<Document> for ParamsJson {
    type Error = Error;

    /// # Errors
    /// `QUERY_INVALID` with the place that is not of the expected shape.
    fn try_from(json: Document) -> Result<Self> {
        Ok(ParamsJson { params: optional_list(&json, "params", param)?.unwrap_or_default() })
    }
}

/// A text member that may be absent.
///
/// # Errors
/// `QUERY_INVALID` if it is no text.
pub fn optional_text(json: &Document, name: &str) -> Result<Option<String>> {
    optional(json, name, text_of)
}

fn text_of(json: &Document) -> Result<String> {
    match json {
        Document::Text(text) => Ok(text.to_string()),
        _ => Err(not("a string", json)),
    }
}

fn flag_of(json: &Document) -> Result<bool> {
    match json {
        Document::Bool(flag) => Ok(*flag),
        _ => Err(not("a boolean", json)),
    }
}

fn count_of(json: &Document) -> Result<u32> {
    match json {
        Document::Integer(n) if let Ok(n) = u32::try_from(*n) => Ok(n),
        _ => Err(not("a number of rows", json)),
    }
}

fn counts_of(json: &Document) -> Result<Vec<u32>> {
    items(json, count_of)
}

fn texts_of(json: &Document) -> Result<Vec<String>> {
    items(json, text_of)
}

#[cold]
#[inline(never)]
fn not(wanted: &str, found: &Document) -> Error {
    let found = match found {
        Document::Integer(_) | Document::Float(_) => &found.to_string(),
        _ => found.kind(),
    };
    Error::new(ErrorCode::QueryInvalid, format!("{wanted} is expected, not {found}"))
}

fn items<T>(json: &Document, read: Read<T>) -> Result<Vec<T>> {
    let Document::List(items) = json else { return Err(not("an array", json)) };
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        out.push(read(item).map_err(|e| e.at_index("", i))?);
    }
    Ok(out)
}

/// A member of an object, if it is there.
#[inline(never)]
fn member<'d>(json: &'d Document, name: &str) -> Result<Option<&'d Document>> {
    match json.get(name) {
        None if !matches!(json, Document::Object(_)) => Err(not("an object", json)),
        found => Ok(found),
    }
}

fn optional<T>(json: &Document, name: &str, read: Read<T>) -> Result<Option<T>> {
    member(json, name)?.map(|part| read(part).map_err(|e| e.at(name))).transpose()
}

fn required<T>(json: &Document, name: &str, read: Read<T>) -> Result<T> {
    optional(json, name, read)?.ok_or_else(|| missing(name))
}

#[cold]
#[inline(never)]
fn missing(name: &str) -> Error {
    Error::new(ErrorCode::QueryInvalid, format!("`{name}` is missing")).named(name).at(name)
}

fn optional_list<T>(json: &Document, name: &str, read: Read<T>) -> Result<Option<Vec<T>>> {
    member(json, name)?.map(|part| items(part, read).map_err(|e| e.at(name))).transpose()
}

fn list<T>(json: &Document, name: &str, read: Read<T>) -> Result<Vec<T>> {
    optional_list(json, name, read)?.ok_or_else(|| missing(name))
}

fn flag(json: &Document, name: &str) -> Result<bool> {
    Ok(optional(json, name, flag_of)?.unwrap_or_default())
}

fn table(json: &Document) -> Result<TableJson> {
    Ok(TableJson {
        name: required(json, "name", text_of)?,
        tenant: flag(json, "tenant")?,
        key: required(json, "key", texts_of)?,
        columns: list(json, "columns", column)?,
        relations: optional_list(json, "relations", relation)?.unwrap_or_default(),
    })
}

fn column(json: &Document) -> Result<ColumnJson> {
    Ok(ColumnJson {
        name: required(json, "name", text_of)?,
        ty: required(json, "type", text_of)?,
        nullable: flag(json, "nullable")?,
    })
}

fn relation(json: &Document) -> Result<RelationJson> {
    Ok(RelationJson {
        name: required(json, "name", text_of)?,
        kind: required(json, "kind", text_of)?,
        table: optional_text(json, "table")?.unwrap_or_default(),
        columns: optional(json, "columns", texts_of)?.unwrap_or_default(),
        references: optional(json, "references", texts_of)?,
        join: optional_text(json, "join")?,
        join_target: optional(json, "joinTarget", texts_of)?,
        path: optional(json, "path", texts_of)?,
        filter: optional(json, "where", expr)?,
        order_by: optional_list(json, "orderBy", order)?.unwrap_or_default(),
        duplicates: optional_text(json, "duplicates")?,
    })
}

fn query(json: &Document) -> Result<QueryJson> {
    Ok(QueryJson {
        from: optional(json, "from", from)?.unwrap_or_default(),
        alias: optional_text(json, "alias")?,
        tenant: optional_text(json, "tenant")?,
        joins: optional_list(json, "joins", join)?.unwrap_or_default(),
        filter: optional(json, "where", expr)?,
        group_by: optional_list(json, "groupBy", named)?,
        grouping_sets: optional_list(json, "groupingSets", counts_of)?,
        having: optional(json, "having", expr)?,
        select: optional_list(json, "select", named)?,
        distinct: flag(json, "distinct")?,
        distinct_on: optional_list(json, "distinctOn", expr)?,
        limit_by: optional(json, "limitBy", limit_by)?,
        set_op: optional_text(json, "setOp")?,
        all: flag(json, "all")?,
        inputs: optional_list(json, "inputs", query)?.unwrap_or_default(),
        order_by: optional_list(json, "orderBy", order)?.unwrap_or_default(),
        limit: optional(json, "limit", count_of)?,
        offset: optional(json, "offset", count_of)?,
        start: optional(json, "start", start)?,
        with: optional_list(json, "with", with)?.unwrap_or_default(),
        computed: optional_list(json, "computed", computed)?.unwrap_or_default(),
        ctes: optional_list(json, "ctes", cte)?.unwrap_or_default(),
        limit_param: optional_text(json, "limitParam")?,
        offset_param: optional_text(json, "offsetParam")?,
        params: optional_list(json, "params", param)?.unwrap_or_default(),
        part: optional_list(json, "part", count_of)?,
    })
}

fn param(json: &Document) -> Result<ParamJson> {
    Ok(ParamJson {
        name: required(json, "name", text_of)?,
        ty: optional_text(json, "type")?,
        value: required(json, "value", expr)?.into(),
    })
}

fn boxed(json: &Document) -> Result<Box<QueryJson>> {
    query(json).map(Box::new)
}

fn from(json: &Document) -> Result<FromJson> {
    match json {
        Document::Object(_) => {
            let alias = optional_text(json, "alias")?;
            if let Some(relation) = optional_text(json, "relation")? {
                return Ok(FromJson::Relation { relation, alias });
            }
            if let Some(recursive) = optional(json, "recursive", recursive)? {
                return Ok(FromJson::Recursive { recursive, alias });
            }
            Ok(FromJson::Query { query: required(json, "query", boxed)?, alias })
        }
        Document::Text(name) => Ok(FromJson::Name(name.to_string())),
        _ => Err(not("a name or a query", json)),
    }
}

fn recursive(json: &Document) -> Result<Box<RecursiveJson>> {
    Ok(Box::new(RecursiveJson {
        relations: list(json, "relations", growing)?,
        result: required(json, "result", text_of)?,
        max_rounds: optional(json, "maxRounds", count_of)?,
    }))
}

fn growing(json: &Document) -> Result<GrowingJson> {
    Ok(GrowingJson {
        name: required(json, "name", text_of)?,
        columns: required(json, "columns", texts_of)?,
        branches: list(json, "branches", query)?,
        min: optional(json, "min", best)?,
        max: optional(json, "max", best)?,
    })
}

fn best(json: &Document) -> Result<BestJson> {
    Ok(BestJson { column: required(json, "column", text_of)?, by: required(json, "by", texts_of)? })
}

fn limit_by(json: &Document) -> Result<LimitByJson> {
    let limit_param = optional_text(json, "limitParam")?;
    let limit = match limit_param {
        None => required(json, "limit", count_of)?,
        Some(_) => optional(json, "limit", count_of)?.unwrap_or_default(),
    };
    Ok(LimitByJson {
        by: list(json, "by", expr)?,
        limit,
        offset: optional(json, "offset", count_of)?,
        limit_param,
        offset_param: optional_text(json, "offsetParam")?,
    })
}

fn cte(json: &Document) -> Result<CteJson> {
    Ok(CteJson { name: required(json, "name", text_of)?, query: required(json, "query", query)? })
}

fn join(json: &Document) -> Result<JoinJson> {
    let query = optional(json, "query", boxed)?;
    let table = optional_text(json, "table")?;
    let relation = optional_text(json, "relation")?;
    let recursive = optional(json, "recursive", recursive)?;
    let unnest = optional(json, "unnest", expr)?;
    if query.is_none() && table.is_none() && relation.is_none() && recursive.is_none() && unnest.is_none() {
        return Err(missing("table"));
    }
    let kind = required(json, "kind", text_of)?;
    let on = match optional(json, "on", expr)? {
        None if kind == "cross" => ExprJson { op: "lit".to_owned(), value: Some(Literal::Bool(true)), ..ExprJson::default() },
        Some(on) if kind != "cross" || on.value == Some(Literal::Bool(true)) => on,
        None => return Err(missing("on")),
        Some(_) => return Err(Error::new(ErrorCode::QueryInvalid, "a cross join has no condition; use `inner`").at("on")),
    };
    let (table, alias) = (table.unwrap_or_default(), optional_text(json, "alias")?);
    Ok(JoinJson { kind, table, query, relation, recursive, unnest, alias, on })
}

fn named(json: &Document) -> Result<NamedJson> {
    Ok(NamedJson { name: optional_text(json, "name")?.unwrap_or_default(), expr: required(json, "expr", expr)? })
}

fn order(json: &Document) -> Result<OrderJson> {
    Ok(OrderJson { expr: required(json, "expr", expr)?, desc: flag(json, "desc")?, nulls: optional_text(json, "nulls")? })
}

fn start(json: &Document) -> Result<StartJson> {
    Ok(StartJson { values: list(json, "values", expr)?, inclusive: flag(json, "inclusive")? })
}

fn with(json: &Document) -> Result<WithJson> {
    Ok(WithJson {
        relation: required(json, "relation", text_of)?,
        name: optional_text(json, "as")?,
        query: optional(json, "query", boxed)?,
    })
}

fn expr(json: &Document) -> Result<ExprJson> {
    let op = required(json, "op", text_of)?;
    Ok(ExprJson {
        call: if matches!(&*op, "agg" | "over") { call(json)? } else { None },
        op,
        args: optional_list(json, "args", expr)?.unwrap_or_default(),
        name: optional_text(json, "name")?,
        of: optional_text(json, "of")?,
        value: optional(json, "value", literal)?,
        query: optional(json, "query", |json| query(json).map(Box::new))?,
        over: optional(json, "over", over)?,
    })
}

fn computed(json: &Document) -> Result<ComputedJson> {
    Ok(ComputedJson {
        name: required(json, "as", text_of)?,
        relation: required(json, "relation", text_of)?,
        expr: required(json, "expr", expr)?,
    })
}

fn call(json: &Document) -> Result<Option<Box<CallJson>>> {
    let call = CallJson {
        distinct: flag(json, "distinct")?,
        filter: optional(json, "filter", expr)?,
        order_by: optional_list(json, "orderBy", order)?.unwrap_or_default(),
    };
    let says_something = call.distinct || call.filter.is_some() || !call.order_by.is_empty();
    Ok(says_something.then(|| Box::new(call)))
}

fn over(json: &Document) -> Result<Box<OverJson>> {
    Ok(Box::new(OverJson {
        partition_by: optional_list(json, "partitionBy", expr)?.unwrap_or_default(),
        order_by: optional_list(json, "orderBy", order)?.unwrap_or_default(),
        frame: optional(json, "frame", frame)?,
    }))
}

fn frame(json: &Document) -> Result<FrameJson> {
    Ok(FrameJson {
        unit: required(json, "unit", text_of)?,
        start: required(json, "start", bound)?,
        end: optional(json, "end", bound)?,
        exclude: optional_text(json, "exclude")?,
    })
}

fn bound(json: &Document) -> Result<BoundJson> {
    Ok(BoundJson { kind: required(json, "kind", text_of)?, offset: optional(json, "offset", literal)? })
}

fn literal(json: &Document) -> Result<Literal> {
    match json {
        Document::Bool(v) => Ok(Literal::Bool(*v)),
        Document::Integer(v) => Ok(Literal::Int(*v)),
        Document::Float(v) => Ok(Literal::Float(*v)),
        Document::Text(v) => Ok(Literal::Text(v.to_string())),
        _ => Err(not("a boolean, a number, a string or null", json)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json};

    use super::*;

    fn query_error(text: &str) -> (String, String) {
        let e = QueryJson::try_from(from_str::<Document>(text).unwrap()).unwrap_err();
        assert_eq!(e.code, ErrorCode::QueryInvalid);
        (e.path.clone(), e.message.clone())
    }

    #[test]
    fn a_mistake_of_shape_is_told_with_its_place() {
        for (text, path, message) in [
            ("[]", "", "an object is expected, not an array"),
            (r#"{"limit": -1}"#, "limit", "a number of rows is expected, not -1"),
            (r#"{"limit": 1.5}"#, "limit", "a number of rows is expected, not 1.5"),
            (r#"{"joins": {}}"#, "joins", "an array is expected, not an object"),
            (r#"{"where": {"op": "=", "args": [{"op": "x"}, {"name": "y"}]}}"#, "where.args[1].op", "`op` is missing"),
            (
                r#"{"where": {"op": "lit", "value": []}}"#,
                "where.value",
                "a boolean, a number, a string or null is expected, not an array",
            ),
            (
                r#"{"with": [{"relation": "r", "query": {"orderBy": [{"expr": 1}]}}]}"#,
                "with[0].query.orderBy[0].expr",
                "an object is expected, not 1",
            ),
        ] {
            assert_eq!(query_error(text), (path.to_owned(), message.to_owned()));
        }
        let e = SchemaJson::try_from(from_str::<Document>(r#"{"tables": [{"name": "t", "key": "id"}]}"#).unwrap()).unwrap_err();
        assert_eq!((e.code, &*e.path), (ErrorCode::SchemaInvalid, "tables[0].key"));
    }

    #[test]
    fn whatever_is_written_is_read_back() {
        let text = json!({
            "from": "issues", "alias": "i", "tenant": "t", "limit": 5, "offset": 2, "groupBy": [],
            "joins": [{ "kind": "left", "table": "u", "alias": "a", "on": { "op": "lit", "value": true } }],
            "where": { "op": "in", "args": [{ "op": "col", "name": "x", "of": "a" }, { "op": "lit", "value": 1.5 }, { "op": "lit" }] },
            "select": [{ "name": "n", "expr": { "op": "agg", "name": "count" } }, { "name": "t", "expr": {
                "op": "agg", "name": "arrayAgg", "args": [{ "op": "col", "name": "x" }], "distinct": true,
                "filter": { "op": "lit", "value": false }, "orderBy": [{ "expr": { "op": "col", "name": "y" }, "desc": true }] } }],
            "having": { "op": "lit", "value": true },
            "computed": [{ "as": "n", "relation": "r", "expr": { "op": "agg", "name": "count" } }],
            "orderBy": [{ "expr": { "op": "col", "name": "x" }, "desc": true, "nulls": "last" }],
            "start": { "values": [{ "op": "lit", "value": "v" }], "inclusive": true },
            "with": [{ "relation": "r", "as": "s", "query": { "with": [{ "relation": "q" }] } }],
        });
        let query: QueryJson = serde_json::from_value(text).unwrap();
        let again: QueryJson = serde_json::from_value(serde_json::to_value(&query).unwrap()).unwrap();
        assert_eq!(query, again);
        assert_eq!((query.joins.len(), query.group_by.as_deref(), query.limit), (1, Some(&[][..]), Some(5)));
        assert_eq!(query.with[0].query.as_ref().unwrap().with[0].relation, "q");
    }
}
