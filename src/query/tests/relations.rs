//! Associations.

use serde_json::json;

use super::*;
use crate::query::{Hop, RelationKind, SortKey};

/// Tables a and b with relations on a; `b` refers to `a` by `aId`, `n` is an int.
fn two(relations: Json) -> Json {
    json!({"tables": [
        {"name": "a", "key": ["id"], "columns": [{"name": "id", "type": "text"}, {"name": "bId", "type": "text"},
            {"name": "n", "type": "int"}], "relations": relations},
        {"name": "b", "key": ["id"], "columns": [{"name": "id", "type": "text"}, {"name": "aId", "type": "text"},
            {"name": "n", "type": "int"}],
            "relations": [{"name": "as", "kind": "hasMany", "table": "a", "columns": ["bId"]}]},
        {"name": "ab", "key": ["aId", "bId"], "columns": [{"name": "aId", "type": "text"}, {"name": "bId", "type": "text"}]}
    ]})
}

fn plain_hop(table: u32, left: usize, right: usize) -> Hop {
    Hop { table, left: vec![left], right: vec![right], ..Hop::default() }
}

/// The hops without what lists in the order of arrival note there.
fn steps(hops: &[Hop]) -> Vec<Hop> {
    hops.iter().map(|h| Hop { refers_back: false, arrival: None, ..h.clone() }).collect()
}

#[test]
fn each_kind_steps_from_the_columns_of_one_table_to_those_of_the_other() {
    let schema = check(two(json!([
        {"name": "b", "kind": "belongsTo", "table": "b", "columns": ["bId"]},
        {"name": "one", "kind": "hasOne", "table": "b", "columns": ["aId"]},
        {"name": "bs", "kind": "hasMany", "table": "b", "columns": ["n"], "references": ["n"]},
        {"name": "all", "kind": "manyToMany", "table": "b", "join": "ab", "columns": ["aId"], "joinTarget": ["bId"]},
    ])))
    .unwrap();
    let relations = &schema.table("a").unwrap().relations;
    assert_eq!(steps(&relations["b"].hops), [plain_hop(1, 1, 0)]);
    assert_eq!(steps(&relations["one"].hops), [plain_hop(1, 0, 1)]);
    assert_eq!(steps(&relations["bs"].hops), [plain_hop(1, 2, 2)]);
    assert_eq!(steps(&relations["all"].hops), [plain_hop(2, 0, 0), plain_hop(1, 1, 0)]);
    let kinds: Vec<(RelationKind, bool)> = relations.values().map(|r| (r.kind, r.kind.is_single())).collect();
    use RelationKind::*;
    assert_eq!(kinds, [(BelongsTo, true), (HasOne, true), (HasMany, false), (ManyToMany, false)]);
}

#[test]
fn the_condition_and_order_of_an_association_are_over_its_target() {
    let schema = tracker();
    let comments = &schema.table("issues").unwrap().relations["comments"];
    assert_eq!(comments.hops[0].filter, Some(call(Function::Ne, [Expr::Column(2), text("")])));
    assert_eq!(comments.order, [SortKey { expr: Expr::Column(2), desc: false, nulls_first: false }]);
}

#[test]
fn a_through_joins_the_hops_of_its_path_and_takes_the_last_order() {
    let schema = tracker();
    let labels = &schema.table("projects").unwrap().relations["labels"];
    assert_eq!(steps(&labels.hops), [plain_hop(1, 0, 1), plain_hop(4, 0, 0), plain_hop(3, 1, 0)]);
    assert_eq!(labels.target, 3);
    assert_eq!(labels.order, [SortKey { expr: Expr::Column(1), desc: false, nulls_first: false }]);
}

#[test]
fn a_through_may_name_the_table_it_leads_to_but_no_other() {
    let through = |table| {
        two(json!([{"name": "x", "kind": "through", "table": table, "path": ["bs"]},
            {"name": "bs", "kind": "hasMany", "table": "b", "columns": ["aId"]}]))
    };
    assert!(check(through("b")).is_ok());
    assert_eq!(refused(through("a")), at("SCHEMA_INVALID", "tables[0].relations[0].table", "a", ""));
}

#[test]
fn a_many_to_many_may_refer_to_other_columns_than_the_key() {
    let schema = check(two(json!([{"name": "x", "kind": "manyToMany", "table": "b", "join": "ab", "columns": ["aId"],
        "joinTarget": ["bId"], "references": ["bId"]}])))
    .unwrap();
    assert_eq!(steps(&schema.table("a").unwrap().relations["x"].hops), [plain_hop(2, 1, 0), plain_hop(1, 1, 0)]);
}

#[test]
fn a_through_may_build_on_one_that_is_declared_later() {
    let schema = check(two(json!([
        {"name": "round", "kind": "through", "path": ["bs", "as", "inner"],
         "where": op("=", [col("n"), lit(1)]), "orderBy": [{"expr": col("n"), "desc": true}]},
        {"name": "inner", "kind": "through", "path": ["bs"], "where": op("=", [col("n"), lit(2)])},
        {"name": "bs", "kind": "hasMany", "table": "b", "columns": ["aId"]},
    ])))
    .unwrap();
    let round = &schema.table("a").unwrap().relations["round"];
    assert_eq!(round.hops.iter().map(|h| h.table).collect::<Vec<_>>(), [1, 0, 1]);
    let n = |v| call(Function::Eq, [Expr::Column(2), int(v)]);
    assert_eq!(round.hops[2].filter, Some(call(Function::And, [n(2), n(1)])));
    assert_eq!(round.order, [SortKey { expr: Expr::Column(2), desc: true, nulls_first: true }]);
}

#[test]
fn a_through_that_runs_in_a_circle_is_refused_with_the_circle() {
    let schema = two(json!([
        {"name": "x", "kind": "through", "path": ["bs", "as", "y"]},
        {"name": "y", "kind": "through", "path": ["x"]},
        {"name": "bs", "kind": "hasMany", "table": "b", "columns": ["aId"]},
    ]));
    let e = check(schema).unwrap_err();
    assert!(e.message.contains("a.x → a.y → a.x"), "{e}");
    assert_eq!(parts(e), at("SCHEMA_INVALID", "tables[0].relations[1].path[0]", "x", ""));
    let own = two(json!([{"name": "x", "kind": "through", "path": ["x"]}]));
    assert_eq!(refused(own), at("SCHEMA_INVALID", "tables[0].relations[0].path[0]", "x", ""));
}

#[test]
fn through_upon_through_has_an_end_and_so_have_hops() {
    let chain = |n: usize| {
        let mut all = vec![json!({"name": "r0", "kind": "hasMany", "table": "b", "columns": ["aId"]})];
        all.extend((1..n).rev().map(|i| json!({"name": format!("r{i}"), "kind": "through", "path": [format!("r{}", i - 1)]})));
        two(all.into())
    };
    assert!(check(chain(60)).is_ok());
    assert_eq!(refused(chain(5_000)).0, "SCHEMA_INVALID");
    let doubling = |n: usize| {
        let mut all = vec![json!({"name": "d0", "kind": "hasMany", "table": "a", "columns": ["n"], "references": ["n"]})];
        let twice = |i: usize| json!([format!("d{}", i - 1), format!("d{}", i - 1)]);
        all.extend((1..n).map(|i| json!({"name": format!("d{i}"), "kind": "through", "path": twice(i)})));
        two(all.into())
    };
    assert!(check(doubling(7)).is_ok());
    assert_eq!(refused(doubling(40)), at("SCHEMA_INVALID", "tables[0].relations[7].path[1]", "d6", ""));
}

#[test]
fn unknown_names_of_an_association_are_refused_with_the_nearest() {
    let one = |relation| refused(two(json!([relation])));
    assert_eq!(
        one(json!({"name": "x", "kind": "belongTo", "table": "b", "columns": ["bId"]})),
        at("SCHEMA_INVALID", "tables[0].relations[0].kind", "belongTo", "belongsTo")
    );
    assert_eq!(
        one(json!({"name": "x", "kind": "belongsTo", "table": "bb", "columns": ["bId"]})),
        at("UNKNOWN_TABLE", "tables[0].relations[0].table", "bb", "b")
    );
    assert_eq!(
        one(json!({"name": "x", "kind": "belongsTo", "table": "b", "columns": ["n", "bid"]})),
        at("UNKNOWN_COLUMN", "tables[0].relations[0].columns[1]", "bid", "bId")
    );
    assert_eq!(
        one(json!({"name": "x", "kind": "hasMany", "table": "b", "columns": ["aId"], "references": ["ids"]})),
        at("UNKNOWN_COLUMN", "tables[0].relations[0].references[0]", "ids", "id")
    );
    let many = |join, target| {
        one(json!({"name": "x", "kind": "manyToMany", "table": "b", "join": join, "columns": ["aId"], "joinTarget": [target]}))
    };
    assert_eq!(many("abb", "bId"), at("UNKNOWN_TABLE", "tables[0].relations[0].join", "abb", "ab"));
    assert_eq!(many("ab", "bIds"), at("UNKNOWN_COLUMN", "tables[0].relations[0].joinTarget[0]", "bIds", "bId"));
    assert_eq!(
        one(json!({"name": "bees", "kind": "through", "path": ["bess"]})),
        at("UNKNOWN_RELATION", "tables[0].relations[0].path[0]", "bess", "bees")
    );
}

#[test]
fn both_sides_have_as_many_columns_of_the_same_types() {
    let one = |relation| refused(two(json!([relation])));
    assert_eq!(
        one(json!({"name": "x", "kind": "belongsTo", "table": "b", "columns": ["bId", "n"]})),
        at("SCHEMA_INVALID", "tables[0].relations[0].columns", "", "")
    );
    assert_eq!(
        one(json!({"name": "x", "kind": "belongsTo", "table": "b", "columns": ["bId", "bId"], "references": ["id", "n"]})),
        at("SCHEMA_INVALID", "tables[0].relations[0].columns[1]", "bId", "")
    );
    assert_eq!(
        one(json!({"name": "x", "kind": "hasMany", "table": "b", "columns": ["n"]})),
        at("SCHEMA_INVALID", "tables[0].relations[0].columns[0]", "n", "")
    );
}

#[test]
fn parts_that_lack_or_that_no_one_reads_are_refused() {
    let one = |relation| refused(two(json!([relation])));
    let wrong = |part: &str| at("SCHEMA_INVALID", &format!("tables[0].relations[0].{part}"), part, "");
    assert_eq!(one(json!({"name": "x", "kind": "hasMany", "table": "b"})), wrong("columns"));
    assert_eq!(one(json!({"name": "x", "kind": "manyToMany", "table": "b", "columns": ["aId"]})), wrong("join"));
    assert_eq!(
        one(json!({"name": "x", "kind": "manyToMany", "table": "b", "join": "ab", "columns": ["aId"]})),
        wrong("joinTarget")
    );
    assert_eq!(one(json!({"name": "x", "kind": "through"})), wrong("path"));
    assert_eq!(one(json!({"name": "x", "kind": "through", "path": ["x"], "references": ["id"]})), wrong("references"));
    assert_eq!(one(json!({"name": "x", "kind": "belongsTo", "table": "b", "columns": ["bId"], "join": "ab"})), wrong("join"));
    assert_eq!(one(json!({"name": "x", "kind": "hasMany", "table": "b", "columns": ["aId"], "path": ["x"]})), wrong("path"));
}

#[test]
fn an_association_is_called_like_no_column_and_no_other_association() {
    let r = |name| json!({"name": name, "kind": "hasMany", "table": "b", "columns": ["aId"]});
    assert_eq!(refused(two(json!([r("n")]))), at("SCHEMA_INVALID", "tables[0].relations[0].name", "n", ""));
    assert_eq!(refused(two(json!([r("x"), r("x")]))), at("SCHEMA_INVALID", "tables[0].relations[1].name", "x", ""));
    assert_eq!(refused(two(json!([r("$x")]))), at("SCHEMA_INVALID", "tables[0].relations[0].name", "$x", ""));
}

#[test]
fn mistakes_in_the_condition_or_order_of_an_association_have_their_place() {
    let with = |extra: Json| {
        let mut relation = json!({"name": "x", "kind": "hasMany", "table": "b", "columns": ["aId"]});
        relation.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        refused(two(json!([relation])))
    };
    assert_eq!(
        with(json!({"where": op("=", [col("aid"), lit("")])})),
        at("UNKNOWN_COLUMN", "tables[0].relations[0].where.args[0]", "aid", "aId")
    );
    assert_eq!(with(json!({"where": col("n")})), at("TYPE_MISMATCH", "tables[0].relations[0].where", "n", ""));
    assert_eq!(
        with(json!({"orderBy": [{"expr": col("m")}]})),
        at("UNKNOWN_COLUMN", "tables[0].relations[0].orderBy[0].expr", "m", "n")
    );
    assert_eq!(
        with(json!({"orderBy": [{"expr": agg("count", [])}]})),
        at("QUERY_INVALID", "tables[0].relations[0].orderBy[0].expr", "count", "")
    );
}

#[test]
fn rows_arrive_by_the_columns_that_refer_in_lists_without_an_order() {
    let schema = check(two(json!([
        {"name": "b", "kind": "belongsTo", "table": "b", "columns": ["bId"]},
        {"name": "one", "kind": "hasOne", "table": "b", "columns": ["n"], "references": ["n"]},
        {"name": "bs", "kind": "hasMany", "table": "b", "columns": ["aId"]},
        {"name": "sorted", "kind": "hasMany", "table": "b", "columns": ["n"], "references": ["n"],
            "orderBy": [{"expr": {"op": "col", "name": "id"}}]},
        {"name": "all", "kind": "manyToMany", "table": "b", "join": "ab", "columns": ["aId"], "joinTarget": ["bId"]},
        {"name": "far", "kind": "through", "path": ["b", "as", "all"]},
    ])))
    .unwrap();
    let [a, b, ab] = ["a", "b", "ab"].map(|t| schema.table(t).unwrap());
    // a.bId by `as`; b.aId by `bs`; rows of the join table keep their references for life. Nothing for single rows and orders.
    assert_eq!((&a.arrivals[..], &b.arrivals[..], &ab.arrivals[..]), (&[vec![1]][..], &[vec![1]][..], &[vec![]][..]));
    let places = |name: &str| a.relations[name].hops.iter().map(|h| h.arrival).collect::<Vec<_>>();
    assert_eq!(places("bs"), [Some(0)]);
    assert_eq!(places("all"), [Some(0), None]);
    assert_eq!(places("far"), [None, Some(0), Some(0), None]);
    assert_eq!([places("b"), places("one"), places("sorted")], [[None], [None], [None]]);
}
