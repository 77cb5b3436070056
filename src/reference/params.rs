//! Parameters, naively: a query with values in the place of its parameters, to be bound and evaluated like any other.

use crate::query::ast::{ExprJson, FromJson, Literal, ParamJson, QueryJson};
use crate::value::Type;

/// The query without parameters that says the same for these values; `types` are those of the parameters, in their order.
///
/// A value is what its type makes of it: an integer for a float is a float, a null is a null of the type.
pub fn without_params(query: &QueryJson, types: &[Type]) -> QueryJson {
    let mut plain = query.clone();
    let params = std::mem::take(&mut plain.params);
    let values = Values { params: &params, types };
    values.put(&mut plain);
    plain
}

struct Values<'a> {
    params: &'a [ParamJson],
    types: &'a [Type],
}

impl Values<'_> {
    fn literal(&self, name: &str) -> (ExprJson, Type) {
        let at = self.params.iter().position(|p| p.name == name).expect("a parameter that has a value");
        let mut literal = (*self.params[at].value).clone();
        if let (Type::Float, Some(Literal::Int(v))) = (self.types[at], &literal.value) {
            literal.value = Some(Literal::Float(*v as f64));
        }
        (literal, self.types[at])
    }

    fn count(&self, name: &mut Option<String>) -> Option<u32> {
        match self.literal(&name.take()?).0.value {
            Some(Literal::Int(n)) => u32::try_from(n).ok(),
            _ => None,
        }
    }

    fn put(&self, query: &mut QueryJson) {
        let is_cut = query.limit_param.is_some() || query.offset_param.is_some();
        query.limit = query.limit.or(self.count(&mut query.limit_param));
        query.offset = query.offset.or(self.count(&mut query.offset_param));
        if is_cut && query.limit.is_none() {
            // What its parameters cut has an order also while they cut nothing off: its errors are those of the query.
            query.limit = Some(u32::MAX);
        }
        if let Some(by) = &mut query.limit_by {
            if by.limit_param.is_some() {
                by.limit = self.count(&mut by.limit_param).unwrap_or(u32::MAX);
            }
            by.offset = by.offset.or(self.count(&mut by.offset_param));
        }
        for value in query.start.iter_mut().flat_map(|s| &mut s.values).filter(|v| v.op == "param") {
            *value = self.literal(value.name.as_deref().unwrap_or_default()).0;
        }
        query.for_each_expr(&mut |e| self.put_in(e));
        query.for_each_query(&mut |q| self.put(q));
    }

    fn put_in(&self, e: &mut ExprJson) {
        if e.op == "param" {
            let (literal, ty) = self.literal(e.name.as_deref().unwrap_or_default());
            *e = if literal.value.is_none() { null_of(ty) } else { literal };
            return;
        }
        if matches!(e.op.as_str(), "~" | "~*" | "regexpSubstr" | "regexpMatch" | "reFind" | "regexpReplace")
            && let Some(pattern) = e.args.get_mut(1).filter(|p| p.op == "param")
        {
            *pattern = self.literal(pattern.name.as_deref().unwrap_or_default()).0;
        }
        e.for_each_part(&mut |part| self.put_in(part));
        if let Some(query) = &mut e.query {
            self.put(query);
        }
    }
}

/// A null that has a type: what equals itself is nullified.
fn null_of(ty: Type) -> ExprJson {
    let (name, value) = match ty {
        Type::Bool => (None, Literal::Bool(true)),
        Type::Int => (None, Literal::Int(0)),
        Type::Float => (None, Literal::Float(0.0)),
        Type::Decimal => (Some("decimal"), Literal::Text("0".to_owned())),
        Type::Text => (None, Literal::Text(String::new())),
        Type::Timestamp => (Some("timestamp"), Literal::Text("2020-01-01T00:00:00Z".to_owned())),
        Type::Date => (Some("date"), Literal::Text("2020-01-01".to_owned())),
        Type::Time => (Some("time"), Literal::Text("00:00:00".to_owned())),
        Type::Uuid => (Some("uuid"), Literal::Text("00000000-0000-0000-0000-000000000000".to_owned())),
        Type::Interval => (Some("interval"), Literal::Text("0".to_owned())),
        Type::Array(element) => (Some(element.array_name()), Literal::Text("[]".to_owned())),
        Type::Bytes => (Some("bytes"), Literal::Text(String::new())),
        Type::Json => (Some("json"), Literal::Text("null".to_owned())),
    };
    let literal = ExprJson { op: "lit".into(), name: name.map(str::to_owned), value: Some(value), ..ExprJson::default() };
    ExprJson { op: "nullif".into(), args: vec![literal.clone(), literal], ..ExprJson::default() }
}

impl ExprJson {
    /// Calls `f` with the expressions right below one; the queries in it are apart.
    pub fn for_each_part(&mut self, f: &mut dyn FnMut(&mut ExprJson)) {
        self.args.iter_mut().for_each(&mut *f);
        if let Some(call) = &mut self.call {
            call.filter.iter_mut().chain(call.order_by.iter_mut().map(|o| &mut o.expr)).for_each(&mut *f);
        }
        if let Some(over) = &mut self.over {
            over.partition_by.iter_mut().chain(over.order_by.iter_mut().map(|o| &mut o.expr)).for_each(f);
        }
    }
}

impl QueryJson {
    /// Calls `f` with every expression of a query itself, those of keyset starts apart.
    pub fn for_each_expr(&mut self, f: &mut dyn FnMut(&mut ExprJson)) {
        let by = self.distinct_on.iter_mut().flatten().chain(self.limit_by.iter_mut().flat_map(|l| &mut l.by));
        by.for_each(&mut *f);
        for join in &mut self.joins {
            join.unnest.iter_mut().for_each(&mut *f);
            if join.kind != "cross" {
                f(&mut join.on);
            }
        }
        self.filter.iter_mut().chain(&mut self.having).for_each(&mut *f);
        let named = self.group_by.iter_mut().flatten().chain(self.select.iter_mut().flatten());
        named.for_each(|n| f(&mut n.expr));
        self.order_by.iter_mut().for_each(|o| f(&mut o.expr));
        self.computed.iter_mut().for_each(|c| f(&mut c.expr));
    }

    /// Calls `f` with every query right inside of one, those in expressions apart.
    pub fn for_each_query(&mut self, f: &mut dyn FnMut(&mut QueryJson)) {
        if let FromJson::Query { query, .. } = &mut self.from {
            f(query);
        }
        self.joins.iter_mut().filter_map(|j| j.query.as_mut()).for_each(|q| f(q));
        self.inputs.iter_mut().for_each(&mut *f);
        self.ctes.iter_mut().for_each(|c| f(&mut c.query));
        self.with.iter_mut().filter_map(|w| w.query.as_mut()).for_each(|q| f(q));
    }
}
