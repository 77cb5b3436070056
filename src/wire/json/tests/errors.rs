//! Every way in which input can be wrong: code, path, nearest name.

use super::*;
use crate::error::ErrorCode as Code;
use crate::store::Op;

/// Checks code and path of inputs.
fn table_of(cases: &[(&str, Code, &str)]) {
    for (input, code, path) in cases {
        let e = error(input);
        assert_eq!((e.code, &*e.path), (*code, *path), "{e}: {input}");
        assert!(e.message.contains("at byte "), "{e}");
    }
}

#[test]
fn text_that_is_no_json_is_malformed() {
    let cases = [
        "",
        " \n ",
        "\u{feff}",
        "x",
        "1",
        "\"a\"",
        "null",
        "[",
        "[1]",
        "[[]]",
        "[,]",
        "[{},]",
        "{",
        "{]",
        "[}",
        "[]]",
        "[] []",
        "[],",
        "{,}",
        "{\"changes\":[],}",
        "{\"changes\" []}",
        "{\"changes\":[] \"tenant\":1}",
        "{changes:[]}",
        "{'changes':[]}",
        "[]\u{1}",
        "{\"changes\":[]}}",
        "\u{feff}\u{feff}[]",
        "[]\n]",
        "{\"op\":\"insert\",\"table\":\"labels\",\"rows\":[,]}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"rows\":[{\"issue\":\"a\",\"label\":1},]}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":\"a\",\"label\":1,}}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":\"a\",\"label\":01}}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":\"a\nb\",\"label\":1}}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":\"\\ud800\",\"label\":1}}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":\"\\q\",\"label\":1}}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":tru,\"label\":1}}",
        "{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":,\"label\":1}}",
        "{\"row\":{\"issue\":[}],\"label\":1},\"op\":\"insert\",\"table\":\"labels\"}",
    ];
    for input in cases {
        let e = error(input);
        let wrong_shape = matches!(input, "[1]" | "[[]]" | "[{},]");
        assert!(e.code == Code::JsonMalformed || wrong_shape && e.code == Code::ChangeInvalid, "{e}: {input}");
        assert!(e.message.contains("at byte "), "{e}");
    }
}

#[test]
fn what_is_no_change_says_so() {
    table_of(&[
        ("{}", Code::ChangeInvalid, ""),
        (r#"{"tenant":"t"}"#, Code::ChangeInvalid, ""),
        (r#"{"source":"a"}"#, Code::ChangeInvalid, ""),
        (r#"{"chnages":[]}"#, Code::ChangeInvalid, "chnages"),
        (r#"{"changes":{}}"#, Code::ChangeInvalid, "changes"),
        (r#"{"changes":[],"cursor":1.5}"#, Code::ChangeInvalid, "cursor"),
        (r#"{"changes":[],"source":1}"#, Code::ChangeInvalid, "source"),
        (r#"{"changes":[],"stale":"maybe"}"#, Code::ChangeInvalid, "stale"),
        (r#"{"changes":[],"changes":[]}"#, Code::ChangeInvalid, "changes"),
        (r#"{"source":"a","source":"a","changes":[]}"#, Code::ChangeInvalid, "source"),
        ("{\"source\":\"a\",\"changes\":[]}\n{\"source\":\"b\",\"changes\":[]}", Code::ChangeInvalid, "source"),
        (r#"[{"table":"issues"}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"insert"}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"insert","table":"issues"}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"delete","table":"issues","id":"a"},{"op":"delete","op":"touch"}]"#, Code::ChangeInvalid, "changes[1].op"),
        (r#"[{"op":"delete","table":"issues","id":"a","key":"a"}]"#, Code::ChangeInvalid, "changes[0].key"),
        (r#"[{"op":"delete","table":"issues","id":"a","set":{}}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"update","table":"issues","id":"a"}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"update","table":"issues","set":{}}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"reset","table":"labels","row":{}}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"insert","table":"labels","rows":[],"row":{}}]"#, Code::ChangeInvalid, "changes[0]"),
        (r#"[{"op":"insert","table":"labels","rows":{}}]"#, Code::ChangeInvalid, "changes[0].rows"),
        (r#"[{"rows":{},"op":"insert","table":"labels"}]"#, Code::ChangeInvalid, "changes[0].rows"),
        (r#"[{"op":"insert","table":"labels","rows":[1]}]"#, Code::ChangeInvalid, "changes[0].rows[0]"),
        (r#"[{"op":"insert","table":"labels","row":[]}]"#, Code::ChangeInvalid, "changes[0].row"),
        (r#"[{"op":"inser","table":"labels","row":{}}]"#, Code::ChangeInvalid, "changes[0].op"),
        (r#"[{"op":7}]"#, Code::ChangeInvalid, "changes[0].op"),
        (r#"[{"table":7}]"#, Code::ChangeInvalid, "changes[0].table"),
        (r#"[{"op":"insert","table":"label","row":{}}]"#, Code::UnknownTable, "changes[0].table"),
        (r#"[{"op":"insert","tbale":"labels","row":{}}]"#, Code::ChangeInvalid, "changes[0].tbale"),
    ]);
}

#[test]
fn a_slip_of_the_pen_is_told_with_the_nearest_name() {
    for (input, nearest) in [
        (r#"[{"op":"inser"}]"#, "insert"),
        (r#"[{"op":"insert","table":"isues"}]"#, "issues"),
        (r#"[{"op":"insert","table":"issues","row":{"statsu":1}}]"#, "status"),
        (r#"{"chnages":[]}"#, "changes"),
        (r#"[{"op":"insert","tbale":1}]"#, "table"),
    ] {
        let e = error(input);
        assert_eq!(e.nearest.as_deref(), Some(nearest), "{e}");
        assert!(e.offending.is_some());
    }
}

#[test]
fn rows_that_the_schema_does_not_allow_are_refused_with_their_place() {
    table_of(&[
        (r#"[{"op":"insert","table":"issues","row":{"id":"a","statsu":"x"}}]"#, Code::UnknownColumn, "changes[0].row.statsu"),
        (
            r#"[{"op":"insert","table":"notes","row":{"$tenant":"x"},"tenant":"x"}]"#,
            Code::UnknownColumn,
            "changes[0].row.$tenant",
        ),
        (
            r#"[{"op":"insert","table":"labels","rows":[{"issue":"a","label":1},{"issue":"a"}]}]"#,
            Code::MissingKey,
            "changes[0].rows[1]",
        ),
        (
            r#"[{"rows":[{"issue":"a","label":1},{"issue":1}],"op":"insert","table":"labels"}]"#,
            Code::TypeMismatch,
            "changes[0].rows[1].issue",
        ),
        (
            r#"[{"op":"insert","table":"issues","row":{"id":"a","title":"b","status":"c","priority":1}}]"#,
            Code::MissingColumn,
            "changes[0].row",
        ),
        (r#"[{"op":"insert","table":"issues","row":{"id":"a","title":null}}]"#, Code::NullNotAllowed, "changes[0].row.title"),
        (r#"[{"op":"delete","table":"issues","id":null}]"#, Code::NullNotAllowed, "changes[0].id.id"),
        (r#"[{"op":"delete","table":"labels","id":1}]"#, Code::MissingKey, "changes[0].id"),
        (r#"[{"op":"delete","table":"labels","key":[1]}]"#, Code::MissingKey, "changes[0].key"),
        (r#"[{"op":"delete","table":"labels","id":[]}]"#, Code::MissingKey, "changes[0].id"),
        (r#"[{"op":"delete","table":"labels","id":[1,"a",2]}]"#, Code::ChangeInvalid, "changes[0].id"),
        (r#"[{"op":"delete","table":"labels","id":{"issue":"a"}}]"#, Code::MissingKey, "changes[0].id"),
        (
            r#"[{"op":"delete","table":"labels","id":{"issue":"a","label":1,"note":"x"}}]"#,
            Code::ChangeInvalid,
            "changes[0].id.note",
        ),
        (r#"[{"op":"update","table":"issues","id":"a","set":{"id":"b"}}]"#, Code::KeyChange, "changes[0].set.id"),
        (r#"[{"set":{"label":3},"op":"update","table":"labels","id":[2,"a"]}]"#, Code::KeyChange, "changes[0].set.label"),
        (r#"[{"op":"update","table":"issues","id":"a","set":{"title":null}}]"#, Code::NullNotAllowed, "changes[0].set.title"),
    ]);
}

#[test]
fn tenants_are_asked_for_where_tables_have_them_and_nowhere_else() {
    table_of(&[
        (r#"[{"op":"delete","table":"notes","id":1}]"#, Code::TenantRequired, "changes[0]"),
        (
            r#"{"changes":[{"op":"delete","table":"notes","id":1,"tenant":"a"},{"op":"reset","table":"notes"}]}"#,
            Code::TenantRequired,
            "changes[1]",
        ),
        (r#"{"op":"insert","table":"notes","rows":[{"id":1,"text":"x"}]}"#, Code::TenantRequired, "changes[0]"),
        (r#"[{"op":"delete","table":"issues","id":"a","tenant":"t"}]"#, Code::ChangeInvalid, "changes[0].tenant"),
        (r#"[{"op":"delete","table":"notes","id":1,"tenant":2}]"#, Code::ChangeInvalid, "changes[0].tenant"),
    ]);
    assert_eq!(shown(r#"{"tenant":"t","changes":[{"op":"delete","table":"issues","id":"a"}]}"#), ["delete issues id:'a'"]);
}

#[test]
fn options_that_contradict_the_schema_are_refused() {
    let with = |options: &Options| read_with(b"[]", options).unwrap_err().code;
    assert_eq!(with(&Options { table: Some(99), ..Options::default() }), Code::UnknownTable);
    assert_eq!(with(&Options { op: Op::Delete, ..of_table("issues") }), Code::ChangeInvalid);
    assert_eq!(with(&of_table("notes")), Code::TenantRequired);
    assert_eq!(with(&Options { tenant: Some("t".into()), ..of_table("issues") }), Code::ChangeInvalid);
}

#[test]
fn errors_in_rows_of_a_table_count_rows() {
    let e = read_with(b"[{\"issue\":\"a\",\"label\":1}]\n{\"issue\":\"a\",\"label\":\"x\"}", &of_table("labels")).unwrap_err();
    assert_eq!((e.code, &*e.path), (Code::TypeMismatch, "rows[1].label"));
    assert_eq!(e.message, "`label` on `labels` takes int, not a string \"x\" at byte 47");
}

#[test]
fn deep_nesting_is_refused_before_any_stack_ends() {
    let deep = "[".repeat(300_000);
    for input in [
        format!(r#"[{{"op":"insert","table":"all","row":{{"id":1,"j":{deep}"#),
        format!(r#"[{{"row":{{"id":1,"j":{deep}"#),
        format!(r#"[{{"row":{}"#, "{\"a\":".repeat(300_000)),
    ] {
        assert_eq!(error(&input).code, Code::JsonTooDeep);
    }
    let fits = format!("{}{}", "[".repeat(256), "]".repeat(256));
    for input in [
        format!(r#"{{"op":"insert","table":"all","row":{{"id":1,"j":{fits}}}}}"#),
        format!(r#"{{"rows":[{{"id":1,"j":{fits}}}],"op":"insert","table":"all"}}"#),
    ] {
        assert!(read(&input).is_ok());
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    for (at, input) in [
        (48, &b"{\"op\":\"insert\",\"table\":\"labels\",\"row\":{\"issue\":\"\xff\"}}"[..]),
        (0, b"[{\"\xc3\":1}]"),
        (0, b"{\"source\":\"\xed\xa0\x80\"}"),
    ] {
        let e = read_with(input, &Options::default()).unwrap_err();
        assert_eq!(e.code, Code::InvalidUtf8, "{e}");
        assert!(at == 0 || e.path == "changes[0].row.issue" && e.message.ends_with("at byte 48"), "{e}");
    }
}
