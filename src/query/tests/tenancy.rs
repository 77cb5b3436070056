//! Tenants: no association crosses them, no query reads several.

use serde_json::json;

use super::*;

fn restricted(column: usize) -> Expr {
    call(Function::Eq, [Expr::Column(column), text("acme")])
}

#[test]
fn a_hop_between_tenanted_tables_matches_the_tenant_first() {
    let schema = tracker();
    let marks = &schema.table("notes").unwrap().relations["marks"].hops[0];
    assert_eq!((&marks.left[..], &marks.right[..]), (&[3, 0][..], &[2, 1][..]));
    let note = &schema.table("marks").unwrap().relations["note"].hops[0];
    assert_eq!((&note.left[..], &note.right[..]), (&[2, 1][..], &[3, 0][..]));
    assert_eq!(note.right, schema.table("notes").unwrap().key);
}

#[test]
fn a_hop_from_a_tenanted_to_a_shared_table_is_as_written() {
    let schema = tracker();
    let issue = &schema.table("notes").unwrap().relations["issue"].hops[0];
    assert_eq!((&issue.left[..], &issue.right[..]), (&[2][..], &[0][..]));
}

#[test]
fn a_hop_from_a_shared_to_a_tenanted_table_is_refused() {
    let table = |name: &str, tenant: bool, relations: Json| {
        json!({"name": name, "key": ["id"], "tenant": tenant, "relations": relations,
            "columns": [{"name": "id", "type": "text"}, {"name": "other", "type": "text"}]})
    };
    let many = json!([{"name": "x", "kind": "hasMany", "table": "private", "columns": ["other"]}]);
    assert_eq!(
        refused(json!({"tables": [table("shared", false, many), table("private", true, json!([]))]})),
        at("SCHEMA_INVALID", "tables[0].relations[0].table", "private", "")
    );
    let join = |kind| json!([{"name": "x", "kind": "manyToMany", "table": "shared", "join": kind, "columns": ["id"], "joinTarget": ["other"]}]);
    assert_eq!(
        refused(json!({"tables": [table("shared", false, join("private")), table("private", true, json!([]))]})),
        at("SCHEMA_INVALID", "tables[0].relations[0].join", "private", "")
    );
    let over_shared = json!([{"name": "x", "kind": "manyToMany", "table": "b", "join": "shared", "columns": ["id"],
        "joinTarget": ["other"]}]);
    let tables = [table("a", true, over_shared), table("b", true, json!([])), table("shared", false, json!([]))];
    assert_eq!(refused(json!({"tables": tables})), at("SCHEMA_INVALID", "tables[0].relations[0].table", "b", ""));
}

#[test]
fn a_query_on_a_tenanted_table_needs_a_tenant() {
    assert_eq!(bad(json!({"from": "notes"})), at("TENANT_REQUIRED", "from", "notes", ""));
    let join = json!({"kind": "left", "table": "notes", "on": op("=", [of("notes", "issueId"), of("issues", "id")])});
    assert_eq!(bad(json!({"from": "issues", "joins": [join]})), at("TENANT_REQUIRED", "joins[0].table", "notes", ""));
}

#[test]
fn the_restriction_of_from_is_in_the_filter_before_the_condition() {
    let bound = good(json!({"from": "notes", "tenant": "acme", "where": op(">", [col("id"), lit(1)])}));
    let own = call(Function::Gt, [Expr::Column(0), int(1)]);
    assert_eq!(bound.filter, Some(call(Function::And, [restricted(3), own])));
    assert_eq!(bound.key, [3, 0]);
}

#[test]
fn the_restriction_of_a_join_is_over_its_own_columns() {
    let on = op("=", [of("n", "issueId"), of("issues", "id")]);
    let bound = good(json!({"from": "issues", "tenant": "acme",
        "joins": [{"kind": "left", "table": "notes", "alias": "n", "on": on}]}));
    assert_eq!(bound.filter, None);
    assert_eq!(bound.joins[0].own_filter, Some(restricted(3)));
    assert_eq!(bound.key, [issue::ID, issue::WIDTH + 3, issue::WIDTH]);
}

#[test]
fn the_tenant_column_has_no_name() {
    let e = bad(json!({"from": "notes", "tenant": "acme", "where": op("=", [col("$tenant"), lit("other")])}));
    assert_eq!((e.0, e.1.as_str()), ("UNKNOWN_COLUMN", "where.args[0]"));
}

#[test]
fn a_tenant_is_no_mistake_where_no_table_has_one() {
    assert_eq!(good(json!({"from": "issues", "tenant": "acme"})).filter, None);
}

#[test]
fn a_nested_query_has_its_tenant_from_the_hops_and_no_other() {
    let bound = good(json!({"from": "notes", "tenant": "acme", "with": [{"relation": "marks"}]}));
    assert_eq!(bound.nested[0].query.filter, None);
    assert_eq!(bound.nested[0].hops[0].left, [3, 0]);
    let other = json!({"from": "notes", "tenant": "acme", "with": [{"relation": "marks", "query": {"tenant": "other"}}]});
    assert_eq!(bad(other), at("QUERY_INVALID", "with[0].query.tenant", "", ""));
}
