//! Queries by hand, with the answers that PostgreSQL gives.

use indexmap::IndexMap;

use super::{Data, evaluate};
use crate::error::ErrorCode;
use crate::query::{
    Aggregate, AggregateCall, AggregateFunction, BoundQuery, Column, Expr, Function, Hop, JoinKind, JoinSource, Nested,
    OutputField, Schema, Select, SortKey, Source, Start, Table,
};
use crate::store::batch::{Batch, Change, Envelope, Op};
use crate::value::{Field, Layout, RowTree, Type, Value};

const PEOPLE: u32 = 0;
const TEAMS: u32 = 1;
const MEMBERS: u32 = 2;

fn table(id: u32, name: &str, key: &[usize], columns: &[(&str, Type, bool)]) -> (String, Table) {
    let layout = Layout::new(&columns.iter().map(|c| c.1).collect::<Vec<_>>());
    let columns = columns
        .iter()
        .map(|&(name, ty, nullable)| (name.to_owned(), Column { name: name.to_owned(), ty, nullable, safe_integer: false }));
    let (columns, key) = (columns.collect(), key.to_vec());
    (
        name.to_owned(),
        Table {
            name: name.to_owned(),
            id,
            columns,
            key,
            tenant: false,
            layout,
            relations: IndexMap::default(),
            arrivals: vec![],
        },
    )
}

fn schema() -> Schema {
    let people = [("id", Type::Int, false), ("team", Type::Text, true), ("age", Type::Int, true), ("score", Type::Float, true)];
    let tables = [
        table(PEOPLE, "people", &[0], &people),
        table(TEAMS, "teams", &[0], &[("id", Type::Text, false), ("name", Type::Text, true)]),
        table(MEMBERS, "members", &[0], &[("id", Type::Int, false), ("person", Type::Int, true), ("team", Type::Text, true)]),
    ];
    Schema { tables: tables.into_iter().collect() }
}

fn cell(text: &str, ty: Type) -> Value {
    match ty {
        _ if text == "-" => Value::Null,
        Type::Int => Value::Int(text.parse().unwrap()),
        Type::Float => Value::Float(text.parse().unwrap()),
        _ => Value::text(text),
    }
}

/// Changes as text: `op cell cell …`, a dash for null.
fn batch(schema: &Schema, table: u32, lines: &[&str]) -> Batch {
    let table = schema.by_id(table);
    let changes = lines.iter().map(|line| {
        let mut words = line.split(' ');
        let op = match words.next().unwrap() {
            "insert" => Op::Insert,
            "upsert" => Op::Upsert,
            "update" => Op::Update,
            "delete" => Op::Delete,
            "touch" => Op::Touch,
            _ => Op::Reset,
        };
        // A dot is a column that an update does not set.
        let cells: Vec<&str> = words.collect();
        let present = cells.iter().enumerate().filter(|(_, c)| **c != ".").fold(0u8, |bits, (i, _)| bits | 1 << i);
        let mut values: Vec<Value> = cells
            .iter()
            .zip(table.columns.values())
            .map(|(c, col)| if *c == "." { Value::Null } else { cell(c, col.ty) })
            .collect();
        values.resize(table.columns.len(), Value::Null);
        let row = if op == Op::Reset { Box::default() } else { table.layout.pack(&values) };
        Change { op, table: table.id, row, present: if op == Op::Update { [present].into() } else { Box::default() }, hash: 0 }
    });
    Batch { envelope: Envelope::default(), changes: changes.collect() }
}

fn world() -> (Schema, Data) {
    let schema = schema();
    let mut data = Data::new(&schema);
    let people = ["insert 1 red 30 1.5", "insert 2 red - 0.1", "insert 3 - 20 0.2", "insert 4 - 21 -", "insert 5 gone 20 NaN"];
    data.apply(&schema, &batch(&schema, PEOPLE, &people)).unwrap();
    data.apply(&schema, &batch(&schema, TEAMS, &["insert red Red", "insert blue -"])).unwrap();
    (schema, data)
}

fn from(table: u32, key: &[usize]) -> BoundQuery {
    BoundQuery {
        computed: vec![],
        from: Source::Table(table),
        limit_by: None,
        own_filter: None,
        alias: "t".into(),
        joins: vec![],
        filter: None,
        aggregate: None,
        select: Select::All,
        order: vec![],
        key: key.to_vec(),
        limit: None,
        offset: 0,
        start: None,
        windows: vec![],
        slots: vec![],
        part: None,
        params: vec![],
        nested: vec![],
    }
}

fn col(c: usize) -> Expr {
    Expr::Column(c)
}

fn call(function: Function, args: impl Into<Vec<Expr>>) -> Expr {
    Expr::Call(function, args.into())
}

fn int(v: i64) -> Expr {
    Expr::Literal(Value::Int(v))
}

fn by(c: usize, desc: bool) -> SortKey {
    SortKey { expr: col(c), desc, nulls_first: desc }
}

fn shown(tree: &RowTree) -> String {
    let text = |f: &Field| match f {
        Field::Value(v) => v.to_string(),
        Field::Row(None) => "null".into(),
        Field::Row(Some(row)) => format!("({})", shown(row)),
        Field::List(rows) => format!("[{}]", rows.iter().map(shown).collect::<Vec<_>>().join(", ")),
    };
    tree.fields.iter().map(|(_, f)| text(f)).collect::<Vec<_>>().join(" ")
}

fn rows(query: &BoundQuery) -> Vec<String> {
    let (schema, data) = world();
    evaluate(&schema, &data, query).unwrap().iter().map(shown).collect()
}

fn ids(query: &BoundQuery) -> Vec<String> {
    rows(query).iter().map(|r| r.split(' ').next().unwrap().to_owned()).collect()
}

fn calls(list: &[(AggregateFunction, Option<usize>, Type)]) -> Vec<AggregateCall> {
    list.iter().map(|&(function, c, ty)| AggregateCall::new(function, c.map(col), ty)).collect()
}

fn fields(list: &[(usize, Type)]) -> Select {
    Select::Fields(list.iter().map(|&(c, ty)| OutputField { name: format!("f{c}"), expr: col(c), ty }).collect())
}

#[test]
fn a_condition_that_is_null_keeps_no_row_and_neither_does_its_negation() {
    let older = call(Function::Gt, [col(2), int(20)]);
    let query = |filter| ids(&BoundQuery { filter: Some(filter), ..from(PEOPLE, &[0]) });
    assert_eq!(query(older.clone()), ["1", "4"]);
    assert_eq!(query(call(Function::Not, [older.clone()])), ["3", "5"]);
    assert_eq!(query(call(Function::Or, [older, call(Function::IsNull, [col(2)])])), ["1", "2", "4"]);
}

#[test]
fn nulls_are_last_ascending_first_descending_and_the_key_breaks_ties_upwards() {
    let query = |key| ids(&BoundQuery { order: vec![key], ..from(PEOPLE, &[0]) });
    assert_eq!(query(by(2, false)), ["3", "5", "4", "1", "2"]);
    assert_eq!(query(by(2, true)), ["2", "1", "4", "3", "5"]);
    assert_eq!(query(SortKey { expr: col(2), desc: false, nulls_first: true }), ["2", "3", "5", "4", "1"]);
    assert_eq!(query(SortKey { expr: col(2), desc: true, nulls_first: false }), ["1", "4", "3", "5", "2"]);
    assert_eq!(query(by(3, false)), ["2", "3", "1", "5", "4"], "NaN is above all numbers, null after it");
}

#[test]
fn a_left_join_extends_what_matches_nothing_with_nulls() {
    let on = call(Function::Eq, [col(1), col(4)]);
    let join = |kind| JoinSource { kind, source: Source::Table(TEAMS), alias: "team".into(), on: on.clone(), own_filter: None };
    let left = BoundQuery { joins: vec![join(JoinKind::Left)], ..from(PEOPLE, &[0, 4]) };
    assert_eq!(
        rows(&left),
        [
            "(1 'red' 30 1.5) ('red' 'Red')",
            "(2 'red' null 0.1) ('red' 'Red')",
            "(3 null 20 0.2) null",
            "(4 null 21 null) null",
            "(5 'gone' 20 NaN) null",
        ]
    );
    let (schema, data) = world();
    assert_eq!(evaluate(&schema, &data, &left).unwrap()[2].key, [Value::Int(3), Value::Null]);
    let inner = BoundQuery { joins: vec![join(JoinKind::Inner)], ..from(PEOPLE, &[0, 4]) };
    assert_eq!(rows(&inner).len(), 2);
    // The condition of `where` sees the nulls: an anti-join.
    let anti = BoundQuery { filter: Some(call(Function::IsNull, [col(4)])), ..left };
    assert_eq!(ids(&anti), ["(3", "(4", "(5"]);
}

#[test]
fn nulls_are_one_group_and_aggregates_skip_nulls() {
    use AggregateFunction::{Avg, Count, Max, Min, Sum};
    let list = [(Count, None, Type::Int), (Count, Some(2), Type::Int), (Sum, Some(2), Type::Int), (Avg, Some(2), Type::Float)];
    let more = [(Min, Some(3), Type::Float), (Max, Some(3), Type::Float), (Sum, Some(3), Type::Float)];
    let aggregate = Aggregate::new(vec![col(1)], [calls(&list), calls(&more)].concat());
    let all = (0..8).map(|c| (c, Type::Int)).collect::<Vec<_>>();
    let query = BoundQuery { aggregate: Some(aggregate), select: fields(&all), ..from(PEOPLE, &[0]) };
    assert_eq!(rows(&query), ["'gone' 1 1 20 20 NaN NaN NaN", "'red' 2 1 30 30 0.1 1.5 1.6", "null 2 2 41 20.5 0.2 0.2 0.2",]);
}

#[test]
fn one_group_exists_without_rows_but_groups_by_expression_do_not() {
    use AggregateFunction::{Avg, Count, Sum};
    let list = calls(&[(Count, None, Type::Int), (Sum, Some(2), Type::Int), (Avg, Some(2), Type::Float)]);
    let nothing = Some(Expr::Literal(Value::Bool(false)));
    let all = fields(&[(0, Type::Int), (1, Type::Int), (2, Type::Float)]);
    let one = Aggregate::new(vec![], list.clone());
    let query = BoundQuery { aggregate: Some(one), filter: nothing.clone(), select: all, ..from(PEOPLE, &[]) };
    assert_eq!(rows(&query), ["0 null null"]);
    let many = Aggregate::new(vec![col(1)], list);
    let query = BoundQuery { aggregate: Some(many), filter: nothing, select: fields(&[(0, Type::Text)]), ..from(PEOPLE, &[0]) };
    assert!(rows(&query).is_empty());
}

#[test]
fn a_sum_that_leaves_64_bits_is_an_error_but_its_mean_is_not() {
    use AggregateFunction::{Avg, Sum};
    let (schema, mut data) = world();
    let max = i64::MAX.to_string();
    data.apply(&schema, &batch(&schema, PEOPLE, &[&format!("update 1 . {max} ."), &format!("update 4 . {max} .")])).unwrap();
    let query = |function, ty| {
        let aggregate = Aggregate::new(vec![], calls(&[(function, Some(2), ty)]));
        let query = BoundQuery { aggregate: Some(aggregate), select: fields(&[(0, ty)]), ..from(PEOPLE, &[]) };
        evaluate(&schema, &data, &query)
    };
    assert_eq!(query(Sum, Type::Int).unwrap_err().code, ErrorCode::NumericOverflow);
    assert_eq!(shown(&query(Avg, Type::Float).unwrap()[0]), "4611686018427388000");
}

#[test]
fn a_keyset_start_compares_in_the_order_of_the_query() {
    let v = Value::Int;
    let query = |values: &[Value], inclusive, desc| {
        let start = Some(Start { values: values.to_vec(), inclusive });
        ids(&BoundQuery { order: vec![by(2, desc)], start, ..from(PEOPLE, &[0]) })
    };
    // Ascending: 3 (20), 5 (20), 4 (21), 1 (30), 2 (null).
    assert_eq!(query(&[v(20), v(3)], false, false), ["5", "4", "1", "2"]);
    assert_eq!(query(&[v(20), v(3)], true, false), ["3", "5", "4", "1", "2"]);
    assert_eq!(query(&[v(20), v(4)], true, false), ["5", "4", "1", "2"], "the start need not exist");
    assert_eq!(query(&[v(20)], false, false), ["4", "1", "2"]);
    assert_eq!(query(&[v(20)], true, false), ["3", "5", "4", "1", "2"]);
    assert_eq!(query(&[Value::Null], true, false), ["2"]);
    assert_eq!(query(&[Value::Null], false, true), ["1", "4", "3", "5"], "descending, nulls come first");
    assert_eq!(query(&[v(21), v(4)], false, true), ["3", "5"]);
}

#[test]
fn offset_and_limit_cut_after_the_start() {
    let start = Some(Start { values: vec![Value::Int(2)], inclusive: false });
    let query = BoundQuery { start, offset: 1, limit: Some(1), ..from(PEOPLE, &[0]) };
    assert_eq!(ids(&query), ["4"]);
    assert!(ids(&BoundQuery { limit: Some(0), ..from(PEOPLE, &[0]) }).is_empty());
    assert!(ids(&BoundQuery { offset: 9, ..from(PEOPLE, &[0]) }).is_empty());
}

#[test]
fn an_error_behind_the_limit_is_still_an_error_but_one_behind_the_filter_is_not() {
    let (schema, mut data) = world();
    let quotient = call(Function::Div, [int(60), call(Function::Sub, [col(2), int(20)])]);
    let select = Select::Fields(vec![OutputField { name: "q".into(), expr: quotient, ty: Type::Int }]);
    let query = BoundQuery { select, limit: Some(1), ..from(PEOPLE, &[0]) };
    assert_eq!(evaluate(&schema, &data, &query).unwrap_err().code, ErrorCode::DivisionByZero);
    let filtered = BoundQuery { filter: Some(call(Function::Ne, [col(2), int(20)])), ..query.clone() };
    assert_eq!(rows(&filtered), ["6"]);
    data.apply(&schema, &batch(&schema, PEOPLE, &["delete 3 - - -", "delete 5 - - -"])).unwrap();
    assert_eq!(evaluate(&schema, &data, &query).unwrap().len(), 1);
}

#[test]
fn a_target_shows_once_however_many_ways_lead_to_it() {
    let (schema, mut data) = world();
    let members = ["insert 1 1 red", "insert 2 1 red", "insert 3 1 blue", "insert 4 2 gone", "insert 5 3 -"];
    data.apply(&schema, &batch(&schema, MEMBERS, &members)).unwrap();
    let hops = vec![
        Hop { table: MEMBERS, left: vec![0], right: vec![1], filter: None, ..Hop::default() },
        Hop { table: TEAMS, left: vec![2], right: vec![0], filter: None, ..Hop::default() },
    ];
    let targets = BoundQuery { order: vec![by(1, true)], ..from(TEAMS, &[0]) };
    let nested = Nested { name: "teams".into(), single: false, hops, arrival: false, keeps_duplicates: false, query: targets };
    let query = BoundQuery { nested: vec![nested], select: fields(&[(0, Type::Int)]), ..from(PEOPLE, &[0]) };
    let got = |data: &Data| evaluate(&schema, data, &query).unwrap().iter().map(shown).collect::<Vec<_>>();
    assert_eq!(got(&data), ["1 ['blue' null, 'red' 'Red']", "2 []", "3 []", "4 []", "5 []"]);
    data.apply(&schema, &batch(&schema, MEMBERS, &["delete 1 - -"])).unwrap();
    assert_eq!(got(&data)[0], "1 ['blue' null, 'red' 'Red']");
    data.apply(&schema, &batch(&schema, MEMBERS, &["delete 2 - -"])).unwrap();
    assert_eq!(got(&data)[0], "1 ['blue' null]");
}

#[test]
fn a_single_association_is_the_first_row_of_its_order_or_null() {
    let hops = vec![Hop { table: PEOPLE, left: vec![0], right: vec![1], filter: None, ..Hop::default() }];
    let targets = BoundQuery { order: vec![by(2, true)], ..from(PEOPLE, &[0]) };
    let nested = Nested { name: "eldest".into(), single: true, hops, arrival: false, keeps_duplicates: false, query: targets };
    assert_eq!(
        rows(&BoundQuery { nested: vec![nested], ..from(TEAMS, &[0]) }),
        ["'blue' null null", "'red' 'Red' (2 'red' null 0.1)",]
    );
}

#[test]
fn a_batch_is_applied_change_by_change_and_all_or_none() {
    let (schema, mut data) = world();
    let before = data.clone();
    let outcome = data.apply(&schema, &batch(&schema, PEOPLE, &["insert 1 red 30 1.5", "update 9 . 1 .", "delete 9 - - -"]));
    let outcome = outcome.unwrap();
    assert_eq!((outcome.changed, outcome.ignored, &data), (0, 2, &before));
    let failing = batch(&schema, PEOPLE, &["delete 2 - - -", "insert 1 blue 30 1.5"]);
    let error = data.apply(&schema, &failing).unwrap_err();
    assert_eq!((error.code, error.path.as_str()), (ErrorCode::DuplicateKey, "changes[1].row"));
    assert_eq!(data, before);
    let net_zero = batch(&schema, PEOPLE, &["delete 1 - - -", "insert 1 red 30 1.5", "update 2 . 7 .", "update 2 . - ."]);
    assert_eq!(data.apply(&schema, &net_zero).unwrap().changed, 0);
    let reset = batch(&schema, PEOPLE, &["reset", "insert 1 blue 30 1.5", "update 2 . 1 .", "touch 3 - - -"]);
    let outcome = data.apply(&schema, &reset).unwrap();
    assert_eq!((outcome.changed, outcome.ignored), (5, 1));
    assert_eq!(outcome.touched, [(PEOPLE, vec![Value::Int(3)])]);
    assert_eq!(data.rows(PEOPLE).len(), 1);
}

#[test]
fn a_cursor_that_was_committed_makes_the_batch_a_replay_and_an_older_one_an_error() {
    let (schema, mut data) = world();
    let at = |cursor: &str, ignore_stale| {
        let envelope = Envelope { source: Some("s".into()), cursor: Some(cursor.into()), origin: None, ignore_stale };
        Batch { envelope, ..batch(&schema, TEAMS, &[&format!("upsert {cursor} x")]) }
    };
    assert!(!data.apply(&schema, &at("9", false)).unwrap().replayed);
    assert!(!data.apply(&schema, &at("10", false)).unwrap().replayed);
    assert!(data.apply(&schema, &at("10", false)).unwrap().replayed);
    assert!(data.apply(&schema, &at("8", true)).unwrap().replayed);
    assert_eq!(data.apply(&schema, &at("8", false)).unwrap_err().code, ErrorCode::CursorBackwards);
    assert_eq!(data.rows(TEAMS).len(), 4);
    assert_eq!(data.cursor("s"), Some("10"));
}
