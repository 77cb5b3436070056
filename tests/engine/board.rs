//! Projects, their latest issues, labels and counts of comments: what one change costs, counted in rows that operators
//! looked at, whatever the sizes of the tables.

use eddyline::engine::Engine;
use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::query::{Schema, bind};
use eddyline::wire::json::{JsonReader, Options};
use serde_json::{Value as Json, json};

const PROJECTS: usize = 10;
/// Label 0 is of every issue.
const LABELS: usize = 8;

struct Board {
    engine: Engine,
    view: u32,
}

fn board(issues: usize) -> Board {
    board_of(issues, &json!({}))
}

/// The same with labels in an order, or that satisfy a condition.
fn board_of(issues: usize, more: &Json) -> Board {
    let int = |name: &str| json!({ "name": name, "type": "int" });
    let text = |name: &str| json!({ "name": name, "type": "text" });
    let col = |name: &str| json!({ "op": "col", "name": name });
    let mut labels = json!({ "name": "labels", "kind": "manyToMany", "table": "labels", "join": "pairs", "columns": ["issue"],
        "joinTarget": ["label"] });
    for (name, value) in more.as_object().unwrap() {
        labels[name] = value.clone();
    }
    let shown = labels.as_object_mut().unwrap().remove("select").map_or(json!({}), |names| json!({ "select": names }));
    let schema: SchemaJson = serde_json::from_value(json!({ "tables": [
        { "name": "projects", "key": ["id"], "columns": [int("id")], "relations": [
            { "name": "issues", "kind": "hasMany", "table": "issues", "columns": ["project"],
              "orderBy": [{ "expr": col("updated"), "desc": true }] }] },
        { "name": "issues", "key": ["id"], "columns": [int("id"), int("project"), int("updated")], "relations": [
            labels,
            { "name": "comments", "kind": "hasMany", "table": "comments", "columns": ["issue"] }] },
        { "name": "labels", "key": ["id"], "columns": [int("id"), text("name"), int("rank")] },
        { "name": "pairs", "key": ["issue", "label"], "columns": [int("issue"), int("label")] },
        { "name": "comments", "key": ["id"], "columns": [int("id"), int("issue")] },
    ] }))
    .unwrap();
    let query: QueryJson = serde_json::from_value(json!({ "from": "projects", "with": [{ "relation": "issues", "query": {
        "limit": 20, "computed": [{ "as": "comments", "relation": "comments", "expr": { "op": "agg", "name": "count" } }],
        "with": [{ "relation": "labels", "query": shown }] } }] }))
    .unwrap();
    let mut engine = Engine::new(Schema::from_json(&schema).unwrap());
    let view = engine.register(&bind(engine.schema(), &query).unwrap()).unwrap();
    let mut board = Board { engine, view };
    let put = |table: &str, row: Json| json!({ "op": "upsert", "table": table, "row": row });
    let mut load: Vec<Json> = (0..PROJECTS).map(|id| put("projects", json!({ "id": id }))).collect();
    load.extend((0..LABELS).map(|id| put("labels", json!({ "id": id, "name": "l", "rank": 100 - id }))));
    for id in 0..issues {
        load.push(put("issues", json!({ "id": id, "project": id % PROJECTS, "updated": id })));
        for label in [0, 1 + id % (LABELS - 1)] {
            load.push(put("pairs", json!({ "issue": id, "label": label })));
        }
        load.extend((0..2).map(|c| put("comments", json!({ "id": id * 2 + c, "issue": id }))));
    }
    board.apply(Json::Array(load));
    board
}

impl Board {
    /// Applies changes as one version; rows looked at, and patches.
    fn apply(&mut self, changes: Json) -> (u64, usize) {
        let batch =
            JsonReader::new().read_all(self.engine.schema(), &Options::default(), changes.to_string().as_bytes()).unwrap();
        let before = self.engine.work().examined;
        let report = self.engine.apply(batch).unwrap();
        let patches = report.section(self.view).map_or(0, |s| s.patches);
        (self.engine.work().examined - before, patches)
    }
}

#[test]
fn a_change_under_nested_associations_costs_what_it_changes_in_view() {
    let costs = |issues: usize| {
        let mut board = board(issues);
        let last = issues - 1;
        let update = |table: &str, id: usize, set: Json| json!({ "op": "update", "table": table, "id": id, "set": set });
        [
            board.apply(update("issues", last, json!({ "updated": 1_000_000 }))),
            board.apply(update("issues", 0, json!({ "updated": 2_000_000 }))),
            board.apply(json!({ "op": "delete", "table": "pairs", "key": { "issue": last, "label": 0 } })),
            board.apply(json!({ "op": "insert", "table": "pairs", "row": { "issue": last, "label": 0 } })),
            board.apply(json!({ "op": "insert", "table": "comments", "row": { "id": 9_000_000, "issue": last } })),
            board.apply(json!({ "op": "delete", "table": "comments", "id": 9_000_000 })),
            // A label of all issues: 20 of each of ten projects are in view.
            board.apply(update("labels", 0, json!({ "name": "renamed" }))),
        ]
    };
    let (few, many) = (costs(400), costs(10_000));
    assert_eq!(few, many);
    assert_eq!(few[6].1, 20 * PROJECTS, "a patch per occurrence in view");
    let most = few.iter().map(|c| c.0).max().unwrap();
    assert!(most <= 12, "{few:?}");
}

/// A label in the order of another column, under a condition on another column, or both, with the key: what decides is as it was.
#[test]
fn a_renamed_target_costs_its_occurrences_in_view_in_any_order_and_under_conditions() {
    let column = |name: &str| json!({ "op": "col", "name": name });
    let ranked = json!({ "expr": column("rank"), "desc": true });
    let above = json!({ "op": ">", "args": [column("rank"), { "op": "lit", "value": 2 }] });
    let ways = [
        json!({ "orderBy": [{ "expr": column("id"), "desc": true }] }),
        json!({ "orderBy": [ranked] }),
        json!({ "where": above }),
        json!({ "select": [{ "name": "called", "expr": column("name") }], "orderBy": [ranked] }),
        json!({ "orderBy": [ranked, { "expr": column("id") }], "where": above }),
    ];
    for way in ways {
        let costs = |issues: usize| {
            let mut board = board_of(issues, &way);
            let update = |set: Json| json!({ "op": "update", "table": "labels", "id": 0, "set": set });
            let renamed = board.apply(update(json!({ "name": "renamed" })));
            // In another place, or not there: in every list, and shown as ever.
            let moved = board.apply(update(json!({ "rank": 1, "name": "both" }))).1;
            assert!(moved > 0, "{way}");
            board.apply(update(json!({ "rank": 100 })));
            let last = json!({ "op": "delete", "table": "pairs", "key": { "issue": issues - 1, "label": 0 } });
            (renamed, board.apply(last))
        };
        let (few, many) = (costs(400), costs(10_000));
        assert_eq!(few, many, "{way}");
        assert_eq!(few.0.1, 20 * PROJECTS, "a patch per occurrence in view: {way}");
        assert!(few.0.0 <= 12, "{way}: {few:?}");
    }
}

#[test]
fn targets_that_are_pointed_at_follow_pairs_windows_and_owners() {
    let mut board = board(60);
    // A target that goes and comes again: its pairs show it again, where they stand.
    let before = board.engine.rows(board.view).unwrap();
    assert_eq!(board.apply(json!({ "op": "delete", "table": "labels", "id": 0 })).1, 60);
    assert_eq!(board.apply(json!({ "op": "insert", "table": "labels", "row": { "id": 0, "name": "l", "rank": 100 } })).1, 60);
    assert_eq!(board.engine.rows(board.view).unwrap(), before);
    // Renamed while issues move, leave and enter: the six laws see to the rest.
    let renamed = json!([{ "op": "update", "table": "labels", "id": 0, "set": { "name": "n" } },
        { "op": "update", "table": "issues", "id": 50, "set": { "project": 1, "updated": 1000 } }]);
    let (_, patches) = board.apply(renamed);
    // Sets, a remove, and an add with its two labels.
    assert_eq!(patches, 59 + 1 + 3);
}
