//! What a change costs: counted in rows that operators looked at, never timed.

use eddyline::engine::Engine;
use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::query::{Schema, bind};
use eddyline::store::batch::Op;
use eddyline::value::Value;
use serde_json::{Value as Json, json};

use crate::harness::case::{Step, Written};

pub struct Counted(pub Engine);

impl Counted {
    pub fn new() -> Self {
        let schema: SchemaJson = serde_json::from_value(json!({ "tables": [
            { "name": "issues", "key": ["id"], "columns": [
                { "name": "id", "type": "int" }, { "name": "project", "type": "int" }, { "name": "rank", "type": "int" }],
              "relations": [{ "name": "comments", "kind": "hasMany", "table": "comments", "columns": ["issue"] },
                { "name": "project_of", "kind": "belongsTo", "table": "projects", "columns": ["project"] },
                { "name": "likers", "kind": "manyToMany", "table": "projects", "join": "likes", "columns": ["issue"], "joinTarget": ["project"] }] },
            { "name": "likes", "key": ["id"], "columns": [
                { "name": "id", "type": "int" }, { "name": "project", "type": "int" }, { "name": "issue", "type": "int" }] },
            { "name": "comments", "key": ["id"], "columns": [{ "name": "id", "type": "int" }, { "name": "issue", "type": "int" }] },
            { "name": "projects", "key": ["id"], "columns": [{ "name": "id", "type": "int" }, { "name": "open", "type": "bool" }] },
            { "name": "shifts", "key": ["id"], "columns": [
                { "name": "id", "type": "int" }, { "name": "from", "type": "text" }, { "name": "to", "type": "text" }] },
            { "name": "breaks", "key": ["id"], "columns": [
                { "name": "id", "type": "int" }, { "name": "from", "type": "text" }, { "name": "to", "type": "text" }] },
        ] }))
        .unwrap();
        Counted(Engine::new(Schema::from_json(&schema).unwrap()))
    }

    pub fn watch(&mut self, query: Json) -> u32 {
        let query: QueryJson = serde_json::from_value(query).unwrap();
        let bound = bind(self.0.schema(), &query).unwrap();
        self.0.register(&bound).unwrap()
    }

    /// Upserts rows; what operators looked at.
    pub fn put(&mut self, table: &str, rows: impl IntoIterator<Item = Vec<Value>>) -> u64 {
        let table = self.0.schema().table(table).unwrap();
        let changes = rows.into_iter().map(|row| Written::new(Op::Upsert, table, &row, 0..row.len()));
        self.apply(changes.collect())
    }

    pub fn delete(&mut self, table: &str, row: &[Value]) -> u64 {
        let table = self.0.schema().table(table).unwrap();
        self.apply(vec![Written::new(Op::Delete, table, row, table.key.iter().copied())])
    }

    fn apply(&mut self, changes: Vec<Written>) -> u64 {
        let batch = Step { changes, ..Step::default() }.batch(self.0.schema());
        let before = self.0.work().examined;
        self.0.apply(batch).unwrap();
        self.0.work().examined - before
    }
}

pub fn ints(cells: &[i64]) -> Vec<Value> {
    cells.iter().map(|v| Value::Int(*v)).collect()
}

pub fn col(of: &str, name: &str) -> Json {
    json!({ "op": "col", "of": of, "name": name })
}

fn first_of(project: i64) -> Json {
    let same = json!({ "op": "=", "args": [col("issues", "project"), { "op": "lit", "value": project }] });
    json!({ "from": "issues", "where": same, "orderBy": [{ "expr": col("issues", "rank") }], "limit": 3 })
}

fn with_comments() -> Json {
    json!({ "from": "issues", "with": [{ "relation": "comments" }] })
}

fn open_issues() -> Json {
    let on = json!({ "op": "=", "args": [col("issues", "project"), col("projects", "id")] });
    json!({ "from": "issues", "joins": [{ "kind": "inner", "table": "projects", "on": on }], "where": col("projects", "open") })
}

/// What the last of these changes costs, beside so many other issues of other projects.
fn cost(query: Json, others: i64, change: (&str, Vec<Value>)) -> u64 {
    let mut engine = Counted::new();
    engine.watch(query);
    engine.put("projects", (0..=others).map(|i| vec![Value::Int(i), Value::Bool(true)]));
    engine.put("issues", (0..others).map(|i| ints(&[i, i + 1, i])));
    engine.put("issues", (0..5).map(|i| ints(&[-1 - i, 0, i])));
    engine.put("comments", (0..others).map(|i| ints(&[i, i])));
    engine.put(change.0, [change.1])
}

#[test]
fn a_change_costs_no_more_among_ten_thousand_rows_than_among_ten() {
    let changes = [
        (first_of(0), ("issues", ints(&[-1, 0, 9]))),
        (first_of(0), ("issues", ints(&[3, 0, 2]))),
        (with_comments(), ("comments", ints(&[3, -2]))),
        (with_comments(), ("issues", ints(&[3, 4, 7]))),
        (open_issues(), ("issues", ints(&[3, 0, 3]))),
    ];
    for (query, (table, row)) in changes {
        let few = cost(query.clone(), 10, (table, row.clone()));
        let many = cost(query.clone(), 10_000, (table, row));
        assert!(few > 0 && few <= 16, "{few} rows looked at for one change of {table} under {query}");
        assert_eq!(few, many, "a change of {table} under {query}");
    }
}

/// The three highest issues of a rank, each project's first issue, ranks of issues and projects together, and issues below others.
fn compared() -> Vec<Json> {
    let by_rank = json!([{ "expr": col("issues", "rank") }]);
    let top = json!({ "from": "issues", "orderBy": by_rank, "limit": 3 });
    let ids = json!([{ "name": "id", "expr": col("t", "id") }]);
    let select = |of: &str, name: &str| json!({ "from": of, "select": [{ "name": "n", "expr": col(of, name) }] });
    let set =
        |op: &str, all: bool| json!({ "setOp": op, "all": all, "inputs": [select("issues", "rank"), select("projects", "id")] });
    vec![
        json!({ "from": { "query": top, "alias": "t" }, "select": ids }),
        json!({ "from": "issues", "distinctOn": [col("issues", "project")], "orderBy": by_rank }),
        json!({ "from": "issues", "distinct": true, "select": [{ "name": "n", "expr": col("issues", "project") }] }),
        set("union", false),
        set("except", true),
        set("intersect", false),
    ]
}

/// The first three issues of each project by their row numbers, and those behind one: of a project of so many issues.
fn up_to_the_third(op: &str, issues: i64) -> u64 {
    let by = json!({ "partitionBy": [col("issues", "project")], "orderBy": [{ "expr": col("issues", "rank") }] });
    let number = |name: &str| json!({ "op": "over", "name": name, "args": [], "over": by });
    let named = |name: &str, expr: Json| json!({ "name": name, "expr": expr });
    let columns = [named("id", col("issues", "id")), named("n", number("rowNumber")), named("rank", number("rank"))];
    let condition = json!({ "op": op, "args": [col("t", "n"), { "op": "lit", "value": 3 }] });
    let mut engine = Counted::new();
    engine.watch(json!({ "from": { "query": { "from": "issues", "select": columns }, "alias": "t" }, "where": condition }));
    engine.put("issues", (0..issues).map(|i| ints(&[i, 0, i])));
    engine.put("issues", [ints(&[-1, 0, -1])])
}

#[test]
fn rows_up_to_a_row_number_cost_that_part_of_their_partition() {
    for op in ["<=", "<", "="] {
        let [few, many] = [10, 10_000].map(|issues| up_to_the_third(op, issues));
        assert!(few > 0 && few == many && many <= 20, "{op}: {few} and {many} rows looked at");
    }
    // All rows behind it have another number.
    assert!(up_to_the_third(">", 10_000) > 10_000);
}

#[test]
fn a_change_under_rows_that_are_compared_looks_at_no_others() {
    for query in compared() {
        let change = || ("issues", ints(&[-1, 1, 7]));
        let (few, many) = (cost(query.clone(), 10, change()), cost(query.clone(), 10_000, change()));
        assert!(few > 0 && few <= 16, "{few} rows looked at under {query}");
        assert_eq!(few, many, "{query}");
    }
}

#[test]
fn a_join_by_a_range_seeks_what_it_meets() {
    let compare = |op: &str, a: Json, b: Json| json!({ "op": op, "args": [a, b] });
    let on = json!({ "op": "and", "args": [compare("<=", col("issues", "rank"), col("projects", "id")),
        compare(">", json!({ "op": "+", "args": [col("issues", "rank"), { "op": "lit", "value": 3 }] }), col("projects", "id")),
        compare(">=", col("issues", "project"), col("projects", "id"))] });
    let query = json!({ "from": "issues", "joins": [{ "kind": "inner", "table": "projects", "on": on }] });
    // From its rank to its project: nine numbers among however many.
    let change = || ("issues", ints(&[-1, 8, 0]));
    let (few, many) = (cost(query.clone(), 10, change()), cost(query, 3_000, change()));
    assert_eq!(few, many);
    assert!((9..=40).contains(&few), "nine projects are met, {few} rows looked at");
}

/// Five issues of a project before all others and all likes of it, of which there are so many.
fn among(query: Json, others: i64) -> Counted {
    let mut engine = Counted::new();
    engine.watch(query);
    engine.put("likes", (0..others).map(|i| ints(&[i, 0, 1000 + i])));
    engine.put("issues", (0..others).map(|i| ints(&[i, 0, 1000 + i])));
    engine.put("issues", (0..5).map(|i| ints(&[-1 - i, 0, i])));
    engine
}

#[test]
fn within_a_key_a_range_seeks_what_it_meets() {
    let call = |op: &str, args: &[Json]| json!({ "op": op, "args": args });
    let same = call("=", &[col("issues", "project"), col("likes", "project")]);
    let earlier = call("<", &[col("likes", "issue"), col("issues", "rank")]);
    let on = call("and", &[same, earlier]);
    let joined = |kind: &str| json!({ "from": "issues", "joins": [{ "kind": kind, "table": "likes", "on": on }] });
    let asked =
        |op: &str| json!({ "from": "issues", "where": { "op": op, "args": [], "query": { "from": "likes", "where": on } } });
    for query in [joined("inner"), joined("left"), joined("full"), asked("exists"), asked("notExists")] {
        // The issue is behind one like; no issue is behind the like; another project.
        for change in [("issues", ints(&[-1, 0, 1001])), ("likes", ints(&[-1, 0, 5000])), ("likes", ints(&[-2, 1, 0]))] {
            let [few, many] = [20, 2_000].map(|others| among(query.clone(), others).put(change.0, [change.1.clone()]));
            assert!(few <= 24 && few == many, "{few} rows looked at among 20, {many} among 2,000, under {query}");
        }
    }
}

#[test]
fn intervals_that_meet_are_found_among_however_many_others() {
    let call = |op: &str, a: Json, b: Json| json!({ "op": op, "args": [a, b] });
    let both = |a: Json, b: Json| json!({ "op": "and", "args": [a, b] });
    // Issues last from their rank to their project, likes from their issue to their project; or are at their issue.
    let meet = both(
        call("<", col("issues", "rank"), col("likes", "project")),
        call(">", col("issues", "project"), col("likes", "issue")),
    );
    let within = both(
        call("<=", col("issues", "rank"), col("likes", "issue")),
        call("<=", col("likes", "issue"), col("issues", "project")),
    );
    for on in [meet, within] {
        let joined = |kind: &str| json!({ "from": "issues", "joins": [{ "kind": kind, "table": "likes", "on": on }] });
        let asked = json!({ "from": "issues", "where": { "op": "exists", "query": { "from": "likes", "where": on } } });
        for query in [joined("inner"), joined("full"), asked] {
            for change in [("issues", ints(&[-1, 505, 502])), ("likes", ints(&[-1, 505, 502]))] {
                let looked = |others: i64| {
                    let mut engine = Counted::new();
                    engine.watch(query.clone());
                    engine.put("issues", (0..others).map(|i| ints(&[i, i * 8 + 6, i * 8])));
                    engine.put("likes", (0..others).map(|i| ints(&[i, i * 8 + 6, i * 8])));
                    engine.put(change.0, [change.1.clone()])
                };
                let (few, many) = (looked(100), looked(2_000));
                assert!(
                    (1..=24).contains(&few) && few == many,
                    "{few} rows looked at among 100, {many} among 2,000, under {query}"
                );
            }
        }
    }
}

/// What one more shift, and one more break, costs beside so many of each, under conditions of which few pairs meet all. All moments
/// are texts that begin so.
fn shift_and_break(conditions: &[Json], kind: &str, others: i64, begin: &str) -> [u64; 2] {
    let on = json!({ "op": "and", "args": conditions });
    let mut engine = Counted::new();
    engine.watch(match kind {
        "exists" => json!({ "from": "shifts", "where": { "op": kind, "query": { "from": "breaks", "where": on } } }),
        kind => json!({ "from": "shifts", "joins": [{ "kind": kind, "table": "breaks", "on": on }] }),
    });
    let text = |at: i64| Value::Text(format!("{begin}{:02}:{:02}", at / 60, at % 60).into());
    let row = |id: i64, at: i64| vec![Value::Int(id), text(at * 4), text(at * 4 + 2)];
    engine.put("shifts", (0..others).map(|i| row(i, i)));
    engine.put("breaks", (0..others).map(|i| row(i, i)));
    [engine.put("shifts", [row(-1, 5)]), engine.put("breaks", [row(-1, 5)])]
}

#[test]
fn moments_written_as_texts_are_told_apart() {
    let call = |op: &str, a: Json, b: Json| json!({ "op": op, "args": [a, b] });
    let shift = |name: &str| col("shifts", name);
    let rest = |name: &str| col("breaks", name);
    let meet = [call("<", shift("from"), rest("to")), call(">", shift("to"), rest("from"))];
    let within = [call("<=", shift("from"), rest("from")), call(">", shift("to"), rest("from"))];
    for kind in ["inner", "full", "exists"] {
        for on in [&meet, &within] {
            let [few, many] = [20, 300].map(|others| shift_and_break(on, kind, others, "2026-11-23T"));
            let most = few.into_iter().chain(many).max().unwrap();
            assert!(most <= 24, "{few:?} rows looked at among 20, {many:?} among 300, under {kind} of {on:?}");
        }
        // What lies between two texts is found by all of their letters.
        let [few, many] =
            [20, 300].map(|others| shift_and_break(&within, kind, others, "on the twenty-third of November at ")[0]);
        assert!(few <= 8 && few == many, "{few} rows looked at among 20, {many} among 300, under {kind}");
    }
}

#[test]
fn a_self_join_by_intervals_has_one_index() {
    let call = |op: &str, a: Json, b: Json| json!({ "op": op, "args": [a, b] });
    let on = json!({ "op": "and", "args": [
        call("<", col("shifts", "from"), col("other", "to")), call(">", col("shifts", "to"), col("other", "from"))] });
    let mut engine = Counted::new();
    let view =
        engine.watch(json!({ "from": "shifts", "joins": [{ "kind": "inner", "table": "shifts", "alias": "other", "on": on }] }));
    let plan = engine.0.explain(view).unwrap();
    let indexes: Vec<&str> =
        plan.lines().filter(|l| l.contains("arrange in order")).filter_map(|l| l.split_whitespace().next()).collect();
    assert!(matches!(indexes[..], [a, b] if a == b), "{plan}");
}

/// Conditions of a join of issues with projects, each of which few pairs meet.
fn conditions() -> Vec<Json> {
    let call = |op: &str, args: &[Json]| json!({ "op": op, "args": args });
    let (lit, id) = (|value: i64| json!({ "op": "lit", "value": value }), col("projects", "id"));
    let same = call("=", &[col("issues", "project"), id.clone()]);
    vec![
        call("=", &[id.clone(), call("coalesce", &[col("issues", "rank"), lit(0)])]),
        call("=", &[call("greatest", &[col("issues", "project"), lit(0)]), call("least", &[id.clone(), lit(1 << 40)])]),
        call("isNotDistinctFrom", &[col("issues", "rank"), id.clone()]),
        call("and", &[call("=", &[id.clone(), lit(5)]), call("<", &[col("issues", "id"), lit(2)])]),
        call("and", &[same.clone(), call("=", &[id.clone(), lit(5)])]),
        call("and", &[call(">", &[col("issues", "rank"), id.clone()]), call("<", &[id, lit(2)]), same]),
    ]
}

#[test]
fn a_join_by_what_is_computed_or_with_a_condition_of_one_side_looks_at_its_matches() {
    for on in conditions() {
        for kind in ["inner", "left"] {
            let query = json!({ "from": "issues", "joins": [{ "kind": kind, "table": "projects", "on": on }] });
            for change in [("issues", ints(&[-1, 1, 7])), ("projects", vec![Value::Int(7), Value::Bool(false)])] {
                let (few, many) = (cost(query.clone(), 10, change.clone()), cost(query.clone(), 300, change));
                assert!(few <= 24 && few == many, "{few} rows looked at among ten, {many} among 300, under {query}");
            }
        }
    }
}

#[test]
fn a_change_of_the_one_side_of_a_join_looks_at_its_matches() {
    let close = || ("projects", vec![Value::Int(0), Value::Bool(false)]);
    let (few, many) = (cost(open_issues(), 10, close()), cost(open_issues(), 10_000, close()));
    assert_eq!(few, many);
    assert!((5..=40).contains(&few), "five issues are of the project, {few} rows looked at");
}

#[test]
fn a_table_that_no_query_reads_costs_nothing() {
    let mut engine = Counted::new();
    engine.watch(first_of(0));
    assert_eq!(engine.put("comments", (0..100).map(|i| ints(&[i, i]))), 0);
}

#[test]
fn equal_queries_are_the_same_nodes_and_leave_none_behind() {
    let mut engine = Counted::new();
    let empty = engine.0.node_count();
    let first = engine.watch(first_of(0));
    let nodes = engine.0.node_count();
    let mut renamed: Json = first_of(0);
    renamed["alias"] = json!("i");
    renamed["where"]["args"][0]["of"] = json!("i");
    renamed["orderBy"][0]["expr"]["of"] = json!("i");
    let again = [engine.watch(first_of(0)), engine.watch(renamed)];
    assert_eq!(engine.0.node_count(), nodes, "names of sources are no part of a plan");
    engine.put("issues", (0..100).map(|i| ints(&[i, 0, i])));
    engine.0.unregister(first);
    assert_eq!(engine.0.rows(again[1]).unwrap().len(), 3);
    again.into_iter().for_each(|view| engine.0.unregister(view));
    assert_eq!(engine.0.node_count(), empty);
    assert_eq!((engine.0.memory().operators, engine.0.memory().views), (0, 0));
}

/// Bytes held after so many rounds, in each of which an issue goes to a new project, with a new comment and a new rank.
fn held_after(rounds: i64) -> usize {
    let mut engine = Counted::new();
    let grouped = json!({ "from": "issues", "groupBy": [{ "expr": col("issues", "project") }],
        "select": [{ "name": "top", "expr": { "op": "agg", "name": "max", "args": [col("issues", "rank")] } }] });
    let agg = |name: &str, distinct: bool| {
        let call = json!({ "op": "agg", "name": name, "args": [col("issues", "rank")], "distinct": distinct });
        json!({ "name": name, "expr": call })
    };
    let rich = json!({ "from": "issues", "select": [agg("sum", true), agg("mode", false), agg("median", false),
        agg("arrayAgg", false), agg("jsonAgg", true), agg("last", false), agg("stddev", false)] });
    let nested =
        json!({ "from": "issues", "with": [{ "relation": "comments" }, { "relation": "project_of" }, { "relation": "likers" }] });
    for query in [first_of(0), open_issues(), grouped, rich, nested] {
        engine.watch(query);
    }
    for i in 1..=rounds {
        engine.put("projects", [vec![Value::Int(i), Value::Bool(true)]]);
        engine.put("issues", [ints(&[0, i, i]), ints(&[i % 7, i - 1, -i])]);
        engine.put("comments", [ints(&[i, i % 7]), ints(&[-1, i])]);
        engine.put("likes", [ints(&[i % 3, i, i % 5])]);
        engine.delete("projects", &[Value::Int(i - 3), Value::Null]);
        engine.delete("comments", &ints(&[i - 2, 0]));
    }
    let memory = engine.0.memory();
    memory.operators + memory.views
}

#[test]
fn what_is_gone_is_forgotten_however_long_the_engine_runs() {
    let (short, long) = (held_after(200), held_after(4_000));
    assert!(long < short * 2, "{short} bytes held after 200 rounds, {long} after 4,000 with as many rows");
}

/// Issues with a sub-query in their condition; `tied` is the condition of the comments.
fn with_sub_query(op: &str, tied: &Json) -> Json {
    json!({ "from": "issues", "where": { "op": op, "query": { "from": "comments", "where": tied } } })
}

#[test]
fn a_sub_query_costs_the_rows_that_a_change_matches() {
    let same = json!({ "op": "=", "args": [col("comments", "issue"), col("issues", "id")] });
    let count =
        json!({ "from": "comments", "where": same, "select": [{ "name": "n", "expr": { "op": "agg", "name": "count" } }] });
    let scalar = json!({ "op": "scalar", "query": count });
    let other = json!({ "op": "and", "args": [same, { "op": "!=", "args": [col("comments", "id"), col("issues", "rank")] }] });
    let busy = json!({ "op": ">", "args": [scalar, { "op": "lit", "value": 1 }] });
    let either = json!({ "op": "or", "args": [{ "op": "exists", "query": { "from": "comments", "where": same } }, { "op": "lit", "value": false }] });
    let queries = [
        with_sub_query("exists", &same),
        with_sub_query("notExists", &same),
        with_sub_query("notExists", &other),
        json!({ "from": "issues", "where": busy }),
        json!({ "from": "issues", "where": either }),
    ];
    for query in queries {
        for (table, row) in [("comments", ints(&[-1, 3])), ("comments", ints(&[3, -2])), ("issues", ints(&[3, 4, 7]))] {
            let few = cost(query.clone(), 10, (table, row.clone()));
            let many = cost(query.clone(), 10_000, (table, row));
            assert!(few > 0 && few <= 32, "{few} rows looked at for one change of {table} under {query}");
            assert_eq!(few, many, "a change of {table} under {query}");
        }
    }
}

#[test]
fn one_more_row_of_a_key_that_has_one_says_nothing_to_those_outside() {
    let mut engine = Counted::new();
    let same = json!({ "op": "=", "args": [col("comments", "issue"), col("issues", "project")] });
    engine.watch(with_sub_query("exists", &same));
    engine.put("issues", (0..10_000).map(|i| ints(&[i, 0, i])));
    engine.put("comments", [ints(&[0, 0])]);
    assert!(engine.put("comments", [ints(&[1, 0])]) <= 4);
    assert!(engine.delete("comments", &ints(&[0, 0])) <= 4);
    assert!(engine.delete("comments", &ints(&[1, 0])) >= 10_000, "the last one is news to all");
}

#[test]
fn a_batch_that_fills_both_sides_of_a_sub_query_looks_at_each_row_once() {
    let same = json!({ "op": "=", "args": [col("likes", "project"), col("issues", "project")] });
    for op in ["exists", "notExists"] {
        let mut engine = Counted::new();
        engine.watch(json!({ "from": "issues", "where": { "op": op, "query": { "from": "likes", "where": same } } }));
        let schema = engine.0.schema();
        let written = |op: Op, table: &str, n: i64| {
            let table = schema.table(table).unwrap();
            (0..n).map(|i| Written::new(op, table, &ints(&[i, i % 2, i]), 0..3)).collect::<Vec<_>>()
        };
        let both = |op: Op| [written(op, "issues", 1000), written(op, "likes", 1000)].concat();
        let [load, clear] = [Op::Upsert, Op::Delete].map(both);
        for changes in [load, clear] {
            let looked = engine.apply(changes);
            assert!((2000..=12_000).contains(&looked), "{looked} rows looked at for 2,000 that come or go under {op}");
        }
    }
}

#[test]
fn while_a_version_is_kept_a_report_tells_of_rows_that_went_once() {
    let mut engine = Counted::new();
    engine.watch(first_of(0));
    engine.put("issues", (0..100).map(|i| ints(&[i, 0, i])));
    let kept = engine.0.freeze();
    let mut words = Vec::new();
    for rank in 1000..1200 {
        let table = engine.0.schema().table("issues").unwrap();
        let changes = vec![Written::new(Op::Upsert, table, &ints(&[50, 0, rank]), 0..3)];
        let batch = Step { changes, ..Step::default() }.batch(engine.0.schema());
        words.push(engine.0.apply(batch).unwrap().words.len());
    }
    assert!(words.iter().all(|n| *n == words[0]), "{words:?}");
    engine.0.thaw(kept);
}

#[test]
fn a_bound_that_moves_lets_in_and_out_what_is_between() {
    let least = |e: Json| json!({ "op": "scalar", "query": { "from": "projects", "select": [{ "name": "n", "expr": e }] } });
    let min = json!({ "op": "agg", "name": "min", "args": [col("projects", "id")] });
    let twice = json!({ "op": "*", "args": [min, { "op": "lit", "value": 2 }] });
    for op in ["=", "<", "<=", ">", ">="] {
        for value in [&min, &twice] {
            for args in [[col("issues", "rank"), least(value.clone())], [least(value.clone()), col("issues", "rank")]] {
                let query = json!({ "from": "issues", "where": { "op": op, "args": args } });
                let change = || ("projects", vec![Value::Int(-1), Value::Bool(true)]);
                let (few, many) = (cost(query.clone(), 10, change()), cost(query.clone(), 10_000, change()));
                assert!(few > 0 && few <= 16, "{few} rows looked at under {query}");
                assert_eq!(few, many, "{query}");
            }
        }
    }
}

#[test]
fn an_aggregate_does_not_look_at_an_update_of_what_it_does_not_read() {
    let of_rank = |name: &str| json!({ "op": "agg", "name": name, "args": [col("issues", "rank")] });
    let above = json!({ "op": ">", "args": [col("issues", "rank"), { "op": "lit", "value": 5 }] });
    let by_rank = json!([{ "expr": col("issues", "rank") }]);
    let digits = json!({ "op": "cast", "name": "text", "args": [col("issues", "rank")] });
    let text = |value: &str| json!({ "op": "lit", "value": value });
    let begins = json!({ "op": "~", "args": [digits, text("^1")] });
    let replaced = json!({ "op": "regexpReplace", "args": [digits, text("0"), text("x")] });
    let cases = [
        (json!({ "op": "agg", "name": "count" }), 0),
        (json!({ "op": "agg", "name": "sum", "args": [col("issues", "id")] }), 0),
        (json!({ "op": "agg", "name": "count", "filter": above }), 2),
        (json!({ "op": "agg", "name": "count", "filter": begins }), 2),
        (json!({ "op": "agg", "name": "max", "args": [replaced] }), 2),
        (of_rank("max"), 2),
        (of_rank("sum"), 2),
        // These hold rows.
        (json!({ "op": "agg", "name": "jsonAgg", "args": [col("issues", "id")] }), 2),
        (json!({ "op": "agg", "name": "first", "args": [col("issues", "id")], "orderBy": by_rank }), 2),
    ];
    for (call, want) in cases {
        let mut engine = Counted::new();
        let select = json!([{ "name": "project", "expr": col("issues", "project") }, { "name": "n", "expr": call }]);
        engine.watch(json!({ "from": "issues", "groupBy": [{ "expr": col("issues", "project") }], "select": select }));
        engine.put("issues", (0..20).map(|i| ints(&[i, i % 3, i])));
        assert_eq!(engine.put("issues", [ints(&[4, 1, 100])]).min(2), want, "{call}");
        let moved = engine.put("issues", [ints(&[4, 2, 100])]);
        assert!(moved >= 2, "{moved} rows looked at where a row is of another group, for {call}");
    }
}

#[test]
fn a_join_by_one_of_several_equalities_looks_at_its_matches() {
    let call = |op: &str, args: &[Json]| json!({ "op": op, "args": args });
    let [project, rank, id] = [col("issues", "project"), col("issues", "rank"), col("projects", "id")];
    let either = [
        call("or", &[call("=", &[project.clone(), id.clone()]), call("=", &[id.clone(), rank.clone()])]),
        call("in", &[id.clone(), project.clone(), rank.clone()]),
        call(
            "and",
            &[call("<", &[rank.clone(), id.clone()]), call("or", &[call("=", &[project, id.clone()]), call("=", &[rank, id])])],
        ),
    ];
    for on in either {
        let joined = |kind: &str| json!({ "from": "issues", "joins": [{ "kind": kind, "table": "projects", "on": on }] });
        let asked = |op: &str| json!({ "from": "issues", "where": { "op": op, "args": [], "query": { "from": "projects", "where": on } } });
        for query in [joined("inner"), joined("left"), joined("full"), asked("exists"), asked("notExists")] {
            for change in [("issues", ints(&[-1, 1, 7])), ("projects", vec![Value::Int(7), Value::Bool(false)])] {
                let (few, many) = (cost(query.clone(), 10, change.clone()), cost(query.clone(), 300, change));
                assert!(few <= 36 && few == many, "{few} rows looked at among ten, {many} among 300, under {query}");
            }
        }
    }
}
