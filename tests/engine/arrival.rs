//! Lists of associations without an order: rows stand in the order in which they came to belong there.

use eddyline::engine::Engine;
use eddyline::query::ast::{QueryJson, SchemaJson};
use eddyline::query::{Schema, bind};
use eddyline::value::{Field, RowTree, Value};
use eddyline::wire::json::{JsonReader, Options};
use serde_json::{Value as Json, json};

struct Blog {
    engine: Engine,
    view: u32,
}

/// Persons with posts; posts with tags by a join table; persons with the tags of their posts.
fn blog(with: Json) -> Blog {
    let int = |name: &str| json!({ "name": name, "type": "int" });
    let text = |name: &str| json!({ "name": name, "type": "text", "nullable": true });
    let schema: SchemaJson = serde_json::from_value(json!({ "tables": [
        { "name": "persons", "key": ["id"], "columns": [int("id")], "relations": [
            { "name": "posts", "kind": "hasMany", "table": "posts", "columns": ["person"] },
            { "name": "allTags", "kind": "through", "path": ["posts", "tags"] },
            { "name": "drafts", "kind": "hasMany", "table": "posts", "columns": ["person"],
              "where": { "op": "=", "args": [{ "op": "col", "name": "state" }, { "op": "lit", "value": "draft" }] } }] },
        { "name": "posts", "key": ["id"], "columns": [int("id"), int("person"), text("state")], "relations": [
            { "name": "tags", "kind": "manyToMany", "table": "tags", "join": "posts_tags", "columns": ["post"], "joinTarget": ["tag"] }] },
        { "name": "tags", "key": ["id"], "columns": [int("id"), text("name")] },
        { "name": "posts_tags", "key": ["id"], "columns": [int("id"), int("post"), int("tag")] },
    ] }))
    .unwrap();
    let mut engine = Engine::new(Schema::from_json(&schema).unwrap());
    let view = register(&mut engine, &with);
    Blog { engine, view }
}

fn register(engine: &mut Engine, with: &Json) -> u32 {
    let query: QueryJson = serde_json::from_value(json!({ "from": "persons", "with": with })).unwrap();
    engine.register(&bind(engine.schema(), &query).unwrap()).unwrap()
}

fn numbers(row: &RowTree, name: &str) -> Vec<i64> {
    let Some((_, Field::List(rows))) = row.fields.iter().find(|f| f.0 == name) else { panic!("no list {name}") };
    rows.iter().map(|r| if let Value::Int(id) = r.key[0] { id } else { panic!("{:?}", r.key) }).collect()
}

impl Blog {
    /// Applies changes as one version; the number of patches that came of it.
    fn apply(&mut self, changes: Json) -> usize {
        let bytes = changes.to_string();
        let batch = JsonReader::new().read_all(self.engine.schema(), &Options::default(), bytes.as_bytes()).unwrap();
        let report = self.engine.apply(batch).unwrap();
        report.section(self.view).map_or(0, |s| s.patches)
    }

    fn list(&self, person: usize, name: &str) -> Vec<i64> {
        numbers(&self.engine.rows(self.view).unwrap()[person], name)
    }
}

fn put(table: &str, row: Json) -> Json {
    json!({ "op": "upsert", "table": table, "row": row })
}

fn post(id: i64, person: i64, state: &str) -> Json {
    put("posts", json!({ "id": id, "person": person, "state": state }))
}

fn pair(id: i64, post: i64, tag: i64) -> Json {
    put("posts_tags", json!({ "id": id, "post": post, "tag": tag }))
}

fn delete(table: &str, id: i64) -> Json {
    json!({ "op": "delete", "table": table, "id": id })
}

#[test]
fn rows_come_at_the_end_keep_their_place_when_changed_and_come_last_where_they_move_to() {
    let mut blog = blog(json!([{ "relation": "posts" }]));
    blog.apply(json!([put("persons", json!({ "id": 1 })), put("persons", json!({ "id": 2 }))]));
    blog.apply(json!([post(30, 1, "x"), post(10, 1, "x"), post(20, 1, "x")]));
    blog.apply(json!([post(5, 2, "x")]));
    assert_eq!(blog.list(0, "posts"), [30, 10, 20], "in the order of the changes of a batch");
    assert_eq!(blog.apply(json!([post(30, 1, "y")])), 1, "set");
    assert_eq!(blog.list(0, "posts"), [30, 10, 20]);
    blog.apply(json!([post(30, 2, "y")]));
    assert_eq!((blog.list(0, "posts"), blog.list(1, "posts")), (vec![10, 20], vec![5, 30]));
    blog.apply(json!([post(30, 1, "y")]));
    assert_eq!(blog.list(0, "posts"), [10, 20, 30]);
    // Away and back within a batch, and deleted and inserted anew, are no moves; what is equal is no change at all.
    assert_eq!(blog.apply(json!([post(10, 2, "z"), post(10, 1, "z")])), 1);
    assert_eq!(blog.apply(json!([delete("posts", 10), post(10, 1, "w")])), 1);
    assert_eq!(blog.apply(json!([delete("posts", 10), post(10, 1, "w")])), 0);
    assert_eq!(blog.list(0, "posts"), [10, 20, 30]);
    // Deleted and inserted by another batch is.
    blog.apply(json!([delete("posts", 10)]));
    blog.apply(json!([post(10, 1, "w")]));
    assert_eq!(blog.list(0, "posts"), [20, 30, 10]);
    // A reset brings rows again: places stay, new ones come last.
    blog.apply(json!([{ "op": "reset", "table": "posts" }, post(1, 1, ""), post(10, 1, "w"), post(20, 1, "new")]));
    assert_eq!(blog.list(0, "posts"), [20, 10, 1]);
}

#[test]
fn a_condition_hides_a_row_and_shows_it_at_the_place_of_its_arrival() {
    let mut blog = blog(json!([{ "relation": "drafts" }]));
    blog.apply(json!([put("persons", json!({ "id": 1 })), post(3, 1, "draft"), post(2, 1, "draft"), post(1, 1, "draft")]));
    blog.apply(json!([post(3, 1, "public")]));
    assert_eq!(blog.list(0, "drafts"), [2, 1]);
    blog.apply(json!([post(3, 1, "draft")]));
    assert_eq!(blog.list(0, "drafts"), [3, 2, 1]);
}

#[test]
fn targets_of_many_to_many_and_through_stand_by_their_oldest_way() {
    let mut blog =
        blog(json!([{ "relation": "allTags" }, { "relation": "posts", "query": { "with": [{ "relation": "tags" }] } }]));
    blog.apply(json!([put("persons", json!({ "id": 1 })), post(2, 1, ""), post(1, 1, "")]));
    let tag = |id: i64| put("tags", json!({ "id": id, "name": "t" }));
    // The join row says when a tag came, also where the tag itself comes later.
    blog.apply(json!([tag(7), tag(8), pair(1, 1, 9), pair(2, 1, 8)]));
    blog.apply(json!([pair(3, 2, 7)]));
    blog.apply(json!([tag(9)]));
    assert_eq!(blog.list(0, "allTags"), [9, 8, 7]);
    // A second way changes nothing; nor does its loss.
    blog.apply(json!([pair(4, 2, 9)]));
    assert_eq!(blog.list(0, "allTags"), [9, 8, 7]);
    // The oldest way goes: the tag stands by the next.
    blog.apply(json!([delete("posts_tags", 1)]));
    assert_eq!(blog.list(0, "allTags"), [8, 7, 9]);
    // A join row that points elsewhere is a new reference.
    blog.apply(json!([pair(2, 2, 8)]));
    assert_eq!(blog.list(0, "allTags"), [7, 9, 8]);
    assert_eq!(blog.apply(json!([put("tags", json!({ "id": 9, "name": "renamed" }))])), 2, "a set at each place");
    let late = register(&mut blog.engine, &json!([{ "relation": "allTags" }]));
    assert_eq!(numbers(&blog.engine.rows(late).unwrap()[0], "allTags"), [7, 9, 8], "the same for a query that comes later");
}

#[test]
fn order_start_and_single_rows_go_by_what_is_declared_or_by_the_key() {
    let col = |name: &str| json!({ "op": "col", "name": name });
    let start = json!({ "values": [{ "op": "lit", "value": 2 }], "inclusive": true });
    let mut blog = blog(json!([
        { "relation": "posts", "as": "sorted", "query": { "orderBy": [{ "expr": col("id") }] } },
        { "relation": "posts", "as": "from", "query": { "start": start } },
        { "relation": "posts", "as": "first", "query": { "limit": 2 } },
    ]));
    blog.apply(json!([put("persons", json!({ "id": 1 })), post(3, 1, ""), post(1, 1, ""), post(2, 1, "")]));
    let lists = ["sorted", "from", "first"].map(|name| blog.list(0, name));
    assert_eq!(lists, [vec![1, 2, 3], vec![2, 3], vec![3, 1]]);
}
