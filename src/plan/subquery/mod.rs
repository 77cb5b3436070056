//! Sub-queries as joins.
//!
//! No sub-query is evaluated per row. One that a row's shown-ness depends on (`exists` or `in` as a conjunct of a condition,
//! negated or not) is a semi or anti join; any other becomes columns that are joined to the row: a mark for `exists` and
//! `in`, the value for scalars; the expression then reads these.
//!
//! What ties a sub-query to the row outside (its correlation) is found in its condition: equalities of something outside
//! and something inside are keys; other conjuncts are conditions per pair. Where that does not reach (conditions inside of
//! groups or joins, sub-queries that skip a level), the sub-query is evaluated for the distinct tuples of what it reads
//! outside, all at once, by joining these to its tables; then every row outside finds its tuple's result by key, null
//! equal to null. (Neumann and Kemper, "Unnesting arbitrary queries", BTW 2015.)

mod inner;
mod ties;

pub(super) use self::inner::Inner;
use super::{Planner, Stream};
use crate::query::{
    Aggregate, AggregateCall, AggregateFunction, BoundQuery, Expr, Function, JoinKind, OutputField, QueryExpr, QueryExprKind,
    Select, type_of,
};
use crate::value::{Type, Value};

impl Planner<'_> {
    /// Rows for which a condition is true that may hold sub-queries. The stream may get further columns.
    pub fn condition(&mut self, mut stream: Stream, condition: Option<&Expr>) -> Stream {
        let Some(condition) = condition.filter(|c| c.has_subquery()) else { return self.filter(stream, condition) };
        let mut sure: Vec<Expr> = condition.conjuncts().into_iter().cloned().collect();
        // Of conjuncts that cannot fail the order is free; the others are evaluated for what those before them leave.
        let mut rest = sure.split_off(sure.iter().position(|p| !cannot_fail(p)).unwrap_or(sure.len()));
        let last = rest.split_off(rest.iter().rposition(|p| direct(p).is_none()).map_or(0, |at| at + 1));
        let (plain, sure): (Vec<Expr>, Vec<Expr>) = sure.into_iter().partition(|p| !p.has_subquery());
        let (joined, mut marked): (Vec<Expr>, Vec<Expr>) = sure.into_iter().partition(|p| direct(p).is_some());
        stream = self.filter(stream, all(plain).as_ref());
        for (sub, anti) in joined.iter().filter_map(direct) {
            stream = self.semi(stream, sub, anti);
        }
        let alone = marked.len() == 1;
        marked.retain(|p| match self.bound(&stream, p, alone) {
            Some(kept) => {
                stream = kept;
                false
            }
            None => true,
        });
        for conjunct in rest {
            if !self.is_bound(&stream, &conjunct) {
                marked.push(conjunct);
                continue;
            }
            // What is before it in the condition comes first, so that its value is not asked for in vain.
            stream = self.marked(stream, std::mem::take(&mut marked));
            stream = self.bound(&stream, &conjunct, true).expect("it is a bound");
        }
        stream = self.marked(stream, marked);
        for (sub, anti) in last.iter().filter_map(direct) {
            stream = self.semi(stream, sub, anti);
        }
        stream
    }

    /// Rows for which conjuncts are true whose sub-queries become columns.
    fn marked(&mut self, stream: Stream, mut conjuncts: Vec<Expr>) -> Stream {
        let stream = self.lower(stream, conjuncts.iter_mut());
        self.filter(stream, all(conjuncts).as_ref())
    }

    /// Puts columns in the place of the sub-queries of some expressions; the columns come after the stream's own.
    pub fn lower<'e>(&mut self, mut stream: Stream, exprs: impl Iterator<Item = &'e mut Expr>) -> Stream {
        let mut known: Vec<(QueryExpr, Expr)> = Vec::new();
        for expr in exprs.filter(|e| e.has_subquery()) {
            *expr = expr.replaced(&mut |part| {
                let Expr::Sub(sub) = part else { return None };
                if let Some((_, value)) = known.iter().find(|k| k.0 == **sub) {
                    return Some(value.clone());
                }
                let value = self.value(&mut stream, sub);
                known.push(((**sub).clone(), value.clone()));
                Some(value)
            });
        }
        stream
    }

    /// Rows outside that have a match, or that have none.
    fn semi(&mut self, mut stream: Stream, sub: &QueryExpr, anti: bool) -> Stream {
        let sub = self.ready(&mut stream, sub);
        let inner = self.inner(&mut stream, &sub, true);
        let QueryExprKind::In { value, value_nullable, field_nullable } = &sub.kind else {
            return self.semi_on(stream, &sub, &inner, None, anti);
        };
        let field = field_of(&inner.query);
        let compared = (value.clone(), field.clone());
        if !anti || !field_nullable {
            stream = self.semi_on(stream, &sub, &inner, Some(compared), anti);
        } else {
            let known = self.only(&inner, Function::IsNotNull, &field);
            stream = self.semi_on(stream, &sub, &known, Some(compared), true);
            let nulls = self.only(&inner, Function::IsNull, &field);
            stream = self.semi_on(stream, &sub, &nulls, None, true);
        }
        if anti && *value_nullable {
            // A null is not in nothing only.
            let is_null = (Expr::Call(Function::IsNull, vec![value.clone()]), Expr::Literal(Value::Bool(true)));
            stream = self.semi_on(stream, &sub, &inner, Some(is_null), true);
        }
        stream
    }

    fn semi_on(&mut self, mut stream: Stream, sub: &QueryExpr, inner: &Inner, more: Option<(Expr, Expr)>, anti: bool) -> Stream {
        let (mut right, nulls_equal) = (inner.stream.clone(), inner.nulls_equal);
        if let (true, Some((_, field))) = (nulls_equal, &more) {
            right = self.only(inner, Function::IsNotNull, field).stream;
        }
        let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = inner.keys.iter().cloned().chain(more).unzip();
        let (left_keys, right_keys) = (self.columns(&mut stream, &left_keys), self.columns(&mut right, &right_keys));
        let mut residual = inner.residual.clone();
        // Parameters become columns of the rows outside, which are no columns of the stream inside.
        let inside = usize::MAX / 2;
        residual = residual.map(|e| e.map_columns(&|c| inside + c));
        stream = self.lift(stream, false, residual.iter_mut());
        let width = stream.columns.len();
        let residual = residual.map(|e| {
            e.replaced(&mut |e| match e {
                Expr::Column(c) if *c < inside => Some(e.clone()),
                Expr::Column(c) => Some(Expr::Column(width + c - inside)),
                Expr::Outer(k, _) => Some(sub.outer[*k].clone()),
                _ => None,
            })
        });
        self.semi_join(&stream, &right, anti, [left_keys, right_keys], nulls_equal, residual.as_ref())
    }

    /// The expression that a sub-query is for each row, over columns joined to the rows.
    fn value(&mut self, stream: &mut Stream, sub: &QueryExpr) -> Expr {
        let sub = self.ready(stream, sub);
        if is_global(&sub.query) {
            return self.value_of_global(stream, &sub);
        }
        let inner = self.inner(stream, &sub, false);
        match &sub.kind {
            QueryExprKind::Exists => self.mark(stream, &inner, None),
            QueryExprKind::In { value, value_nullable, field_nullable } => {
                let field = field_of(&inner.query);
                let found = self.mark(stream, &inner, Some((value.clone(), field.clone())));
                // Null, rather than false, if there are rows and the value is null, or a field is.
                let mut unknown = Vec::new();
                if *field_nullable {
                    let nulls = self.only(&inner, Function::IsNull, &field);
                    unknown.push(self.mark(stream, &nulls, None));
                }
                if *value_nullable {
                    let some = self.mark(stream, &inner, None);
                    unknown.push(Expr::Call(Function::And, vec![Expr::Call(Function::IsNull, vec![value.clone()]), some]));
                }
                if unknown.is_empty() {
                    return found;
                }
                let unknown = Expr::Call(Function::Or, unknown);
                let null = Expr::Call(Function::And, vec![Expr::Literal(Value::Null), unknown]);
                Expr::Call(Function::Or, vec![found, null])
            }
            QueryExprKind::Scalar => {
                let calls = vec![
                    AggregateCall::new(AggregateFunction::Min, Some(field_of(&inner.query)), sub.ty),
                    AggregateCall::new(AggregateFunction::Count, None, Type::Int),
                ];
                let at = self.joined_groups(stream, &inner, None, calls);
                Expr::Call(Function::OneRow, vec![Expr::Column(at), Expr::Column(at + 1)])
            }
        }
    }

    /// Aggregates without groups have a row for every row outside, also where nothing is to be aggregated.
    fn value_of_global(&mut self, stream: &mut Stream, sub: &QueryExpr) -> Expr {
        let mut sub = sub.clone();
        let having = sub.query.aggregate.as_mut().and_then(|a| a.having.take());
        if sub.kind == QueryExprKind::Exists && having.is_none() {
            return Expr::Literal(Value::Bool(true));
        }
        // What is asked of the row: whether it is there, and its field.
        let there = having.unwrap_or(Expr::Literal(Value::Bool(true)));
        let field = OutputField { name: String::new(), expr: field_of(&sub.query), ty: sub.ty };
        let there = OutputField { name: String::new(), expr: there, ty: Type::Bool };
        sub.query.select = Select::Fields(vec![field, there]);
        let sub = &sub;
        let inner = self.inner(stream, sub, false);
        let calls: Vec<AggregateCall> = inner.query.aggregate.iter().flat_map(|a| a.calls.iter().cloned()).collect();
        let keys = inner.keys.len();
        let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = inner.keys.iter().cloned().unzip();
        let mut right = inner.stream.clone();
        let (left_keys, right_keys) = (self.columns(stream, &left_keys), self.columns(&mut right, &right_keys));
        let base = stream.columns.len();
        let kind = if left_keys.is_empty() { JoinKind::Inner } else { JoinKind::Left };
        *stream = self.join_by(stream, &right, kind, [&left_keys, &right_keys], inner.nulls_equal);
        let Select::Fields(fields) = &inner.query.select else { unreachable!("put in above") };
        let mut found = [&fields[0].expr, &fields[1].expr].map(|e| {
            e.replaced(&mut |e| match e {
                Expr::Column(c) if *c < keys => Some(inner.keys[*c].0.clone()),
                Expr::Column(c) => Some(or_empty(&calls[c - keys], Expr::Column(base + c))),
                Expr::Outer(k, _) => Some(sub.outer[*k].clone()),
                _ => None,
            })
        });
        *stream = self.lower(stream.clone(), found.iter_mut());
        let [value, there] = found;
        let sure = there == Expr::Literal(Value::Bool(true));
        let is_there = Expr::Call(Function::Coalesce, vec![there, Expr::Literal(Value::Bool(false))]);
        match &sub.kind {
            QueryExprKind::Exists => is_there,
            QueryExprKind::In { value: compared, .. } => {
                let equal = Expr::Call(Function::Eq, vec![compared.clone(), value]);
                if sure { equal } else { Expr::Call(Function::And, vec![is_there, equal]) }
            }
            QueryExprKind::Scalar if sure => value,
            QueryExprKind::Scalar => Expr::Call(Function::Case, vec![is_there, value]),
        }
    }

    /// Whether there is a row with these keys: a condition over columns joined to the rows.
    fn mark(&mut self, stream: &mut Stream, inner: &Inner, more: Option<(Expr, Expr)>) -> Expr {
        // Some aggregate that is not null, and does not change while there are rows.
        let argument = Some(Expr::Literal(Value::Bool(true)));
        let any = AggregateCall::new(AggregateFunction::Min, argument, Type::Bool);
        let at = self.joined_groups(stream, inner, more, vec![any]);
        Expr::Call(Function::IsNotNull, vec![Expr::Column(at)])
    }

    /// Joins aggregates of the rows with equal keys; the column of the first.
    fn joined_groups(
        &mut self,
        stream: &mut Stream,
        inner: &Inner,
        more: Option<(Expr, Expr)>,
        calls: Vec<AggregateCall>,
    ) -> usize {
        debug_assert!(inner.residual.is_none());
        let mut right = inner.stream.clone();
        if let (true, Some((_, field))) = (inner.nulls_equal, &more) {
            right = self.only(inner, Function::IsNotNull, field).stream;
        }
        let (left_keys, groups): (Vec<Expr>, Vec<Expr>) = inner.keys.iter().cloned().chain(more).unzip();
        let left_keys = self.columns(stream, &left_keys);
        let right = self.group(right, &Aggregate::new(groups, calls), None);
        let groups: Vec<usize> = (0..left_keys.len()).collect();
        let at = stream.columns.len() + groups.len();
        *stream = self.join_by(stream, &right, JoinKind::Left, [&left_keys, &groups], inner.nulls_equal);
        at
    }

    /// The columns of some expressions; those that are none of the stream yet are computed.
    pub(super) fn columns(&mut self, stream: &mut Stream, exprs: &[Expr]) -> Vec<usize> {
        let types: Vec<Type> = stream.columns.iter().map(|c| c.1).collect();
        let mut computed: Vec<(Expr, Type)> = Vec::new();
        let mut columns = Vec::with_capacity(exprs.len());
        for e in exprs {
            columns.push(match e {
                Expr::Column(c) => *c,
                e => {
                    let known = computed.iter().position(|(c, _)| c == e);
                    let at = known.unwrap_or(computed.len());
                    if known.is_none() {
                        computed.push((e.clone(), type_of(e, &types).unwrap_or(Type::Text)));
                    }
                    types.len() + at
                }
            });
        }
        if !computed.is_empty() {
            *stream = self.extend(stream, &computed);
        }
        columns
    }

    /// The rows of a sub-query whose field is null, or is not.
    fn only(&mut self, inner: &Inner, is: Function, field: &Expr) -> Inner {
        let stream = self.filter(inner.stream.clone(), Some(&Expr::Call(is, vec![field.clone()])));
        let (query, keys, residual) = (inner.query.clone(), inner.keys.clone(), inner.residual.clone());
        Inner { stream, query, keys, nulls_equal: inner.nulls_equal, residual }
    }

    /// A sub-query whose arguments hold no sub-queries any more.
    fn ready(&mut self, stream: &mut Stream, sub: &QueryExpr) -> QueryExpr {
        let mut sub = sub.clone();
        *stream = self.lower(stream.clone(), sub.arguments_mut());
        sub
    }
}

/// A conjunct that keeps or drops whole rows: the sub-query, and whether it is negated.
fn direct(e: &Expr) -> Option<(&QueryExpr, bool)> {
    let (e, anti) = match e {
        Expr::Call(Function::Not, args) => (&args[0], true),
        e => (e, false),
    };
    match e {
        Expr::Sub(sub) if sub.kind != QueryExprKind::Scalar && !is_global(&sub.query) => Some((sub, anti)),
        _ => None,
    }
}

/// Whether a query is aggregates without groups: it has one row whatever its tables hold, or with `having` at most one.
pub(super) fn is_global(query: &BoundQuery) -> bool {
    query.aggregate.as_ref().is_some_and(Aggregate::is_global)
}

/// The first field of a query; a constant if there is none.
pub(super) fn field_of(query: &BoundQuery) -> Expr {
    match &query.select {
        Select::Fields(fields) if !fields.is_empty() => fields[0].expr.clone(),
        _ => Expr::Literal(Value::Null),
    }
}

/// An aggregate's column, with what the aggregate of no rows is in the place of null.
pub(super) fn or_empty(call: &AggregateCall, column: Expr) -> Expr {
    match call.function {
        AggregateFunction::Count => Expr::Call(Function::Coalesce, vec![column, Expr::Literal(Value::Int(0))]),
        _ => column,
    }
}

pub(super) fn all(parts: Vec<Expr>) -> Option<Expr> {
    match parts.len() {
        0 | 1 => parts.into_iter().next(),
        _ => Some(Expr::Call(Function::And, parts)),
    }
}

/// Whether evaluation cannot fail for any row.
pub(super) fn cannot_fail(e: &Expr) -> bool {
    match e {
        Expr::Column(_) | Expr::Literal(_) | Expr::Param(..) | Expr::Outer(..) => true,
        Expr::Call(function, args) => function.is_total() && args.iter().all(cannot_fail),
        Expr::Sub(sub) => {
            let fails = sub.kind == QueryExprKind::Scalar && !is_global(&sub.query);
            !fails && sub.arguments().all(cannot_fail)
        }
    }
}
