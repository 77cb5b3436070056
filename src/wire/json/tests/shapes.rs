//! Every shape that the language of change has on the wire.

use super::*;
use crate::store::{Envelope, Op};

const ISSUE: &str = r#"{"id":"a","title":"T","status":"open","priority":1,"points":null,"done":false,"owner":null}"#;
const SHOWN: &str = "issues id:'a' title:'T' status:'open' priority:1 done:false";

#[test]
fn one_change_an_array_lines_and_a_batch_say_the_same() {
    let change = format!(r#"{{"op":"insert","table":"issues","row":{ISSUE}}}"#);
    let want = [format!("insert {SHOWN}"), format!("insert {SHOWN}")];
    for input in [
        format!("[{change},{change}]"),
        format!(" [ {change} , {change} ] \n"),
        format!("{change}\n{change}"),
        format!("{change}\r\n\n{change}\n"),
        format!("\u{feff}[{change}]\n{change}"),
        format!(r#"{{"changes":[{change},{change}]}}"#),
        format!("{{\"changes\":[{change}]}}\n{{\"changes\":[{change}]}}"),
        format!(r#"{{"op":"insert","table":"issues","rows":[{ISSUE},{ISSUE}]}}"#),
        format!(r#"{{"rows":[{ISSUE} , {ISSUE}],"table":"issues","op":"insert"}}"#),
        format!(r#"{{ "table" : "issues" , "rows" : [ {ISSUE} , {ISSUE} ] , "op" : "insert" }}"#),
        format!(r#"{{"\u006fp":"ins\u0065rt","table":"issues","rows":[{ISSUE},{ISSUE}],"tenant":null}}"#),
    ] {
        assert_eq!(shown(&input), want, "{input}");
    }
    assert_eq!(shown("[]"), [""; 0]);
    assert_eq!(shown(r#"{"changes":[]}"#), [""; 0]);
}

#[test]
fn the_envelope_is_read_in_any_order() {
    let want = Envelope {
        source: Some("pg".into()),
        cursor: Some("16/B374D848".into()),
        origin: Some("tab-1".into()),
        ignore_stale: true,
    };
    for input in [
        r#"{"source":"pg","cursor":"16/B374D848","origin":"tab-1","stale":"ignore","changes":[]}"#,
        r#"{"changes":[],"stale":"ignore","origin":"tab-1","cursor":"16/B374D848","source":"pg"}"#,
        r#"{"tenant":"t","changes":[],"stale":"ignore","origin":"tab-1","cursor":"16/B374D848","source":"pg"}"#,
    ] {
        assert_eq!(read(input).unwrap().envelope, want);
    }
    assert_eq!(
        read(r#"{"cursor":-12345678901234567890123,"changes":[]}"#).unwrap().envelope.cursor.unwrap(),
        "-12345678901234567890123"
    );
}

#[test]
fn options_hold_where_the_stream_says_nothing() {
    let options = Options { source: Some("a".into()), cursor: Some("1".into()), ignore_stale: true, ..Options::default() };
    let got = read_with(br#"{"cursor":2,"stale":"error","changes":[]}"#, &options).unwrap().envelope;
    assert_eq!(got, Envelope { source: Some("a".into()), cursor: Some("2".into()), origin: None, ignore_stale: false });
}

#[test]
fn a_key_is_a_value_an_array_or_an_object() {
    for input in [
        r#"{"op":"delete","table":"labels","id":[2,"a"]}"#,
        r#"{"op":"delete","table":"labels","key":{"issue":"a","label":2}}"#,
        r#"{"id":{"label":2,"issue":"a"},"op":"delete","table":"labels"}"#,
    ] {
        assert_eq!(shown(input), ["delete labels issue:'a' label:2"]);
    }
    for input in [r#"{"op":"touch","table":"issues","id":"a"}"#, r#"{"table":"issues","key":["a"],"op":"touch"}"#] {
        assert_eq!(shown(input), ["touch issues id:'a'"]);
    }
}

#[test]
fn an_update_says_which_columns_it_sets() {
    let want = ["update issues id:'a' status='done' points=null"];
    for input in [
        r#"{"op":"update","table":"issues","id":"a","set":{"status":"done","points":null}}"#,
        r#"{"op":"update","table":"issues","set":{"points":null,"status":"done"},"id":"a"}"#,
        r#"{"set":{"status":"done","points":null},"id":"a","table":"issues","op":"update"}"#,
        r#"{"op":"update","table":"issues","id":"a","set":{"id":"a","status":"x","status":"done","points":1,"points":null}}"#,
    ] {
        assert_eq!(shown(input), want, "{input}");
    }
    let batch = read(r#"{"op":"update","table":"issues","id":"a","set":{"status":"done"}}"#).unwrap();
    assert!(batch.changes[0].sets(2) && !batch.changes[0].sets(0) && !batch.changes[0].sets(1));
    assert_eq!(shown(r#"{"op":"update","table":"issues","id":"a","set":{}}"#), ["update issues id:'a'"]);
}

#[test]
fn a_reset_stands_before_its_rows() {
    let want = ["reset labels", "upsert labels issue:'a' label:1"];
    assert_eq!(shown(r#"{"op":"reset","table":"labels","rows":[{"issue":"a","label":1}]}"#), want);
    assert_eq!(shown(r#"{"rows":[{"issue":"a","label":1}],"op":"reset","table":"labels"}"#), want);
    assert_eq!(shown(r#"{"op":"reset","table":"labels","rows":[]}"#), ["reset labels"]);
    assert_eq!(shown(r#"{"op":"reset","table":"labels"}"#), ["reset labels"]);
}

#[test]
fn rows_of_a_table_need_no_changes_around_them() {
    let row = r#"{"issue":"a","label":1}"#;
    for (op, want) in [
        (Op::Upsert, vec!["upsert labels issue:'a' label:1"; 2]),
        (Op::Insert, vec!["insert labels issue:'a' label:1"; 2]),
        (Op::Reset, vec!["reset labels", "upsert labels issue:'a' label:1", "upsert labels issue:'a' label:1"]),
    ] {
        let options = Options { op, ..of_table("labels") };
        for input in
            [format!("[{row},{row}]"), format!("{row}\n{row}"), format!("[{row}]\n[{row}]\n"), format!("[]\n{row}\n[{row}]")]
        {
            let got: Vec<_> = read_with(input.as_bytes(), &options).unwrap().changes.iter().map(show).collect();
            assert_eq!(got, want, "{input}");
        }
    }
}

#[test]
fn the_nearest_tenant_wins_wherever_it_stands() {
    let options = Options { tenant: Some("o".into()), ..Options::default() };
    let row = r#"{"id":1,"text":"x"}"#;
    let of = |t: &str| format!("insert notes id:1 text:'x' $tenant:'{t}'");
    for (input, want) in [
        (format!(r#"{{"op":"insert","table":"notes","row":{row}}}"#), vec!["o"]),
        (format!(r#"{{"op":"insert","table":"notes","row":{row},"tenant":"c"}}"#), vec!["c"]),
        (format!(r#"{{"op":"insert","table":"notes","rows":[{row},{row}],"tenant":"ç"}}"#), vec!["ç", "ç"]),
        (format!(r#"{{"tenant":"c","op":"insert","table":"notes","rows":[{row}]}}"#), vec!["c"]),
        (format!(r#"{{"tenant":"b","changes":[{{"op":"insert","table":"notes","row":{row}}}]}}"#), vec!["b"]),
        (
            format!(
                r#"{{"changes":[{{"op":"insert","table":"notes","row":{row}}},{{"op":"insert","table":"notes","row":{row},"tenant":"c"}},
                {{"op":"insert","table":"notes","rows":[{row}]}}],"tenant":"batch"}}"#
            ),
            vec!["batch", "c", "batch"],
        ),
    ] {
        let got: Vec<_> = read_with(input.as_bytes(), &options).unwrap().changes.iter().map(show).collect();
        assert_eq!(got, want.iter().map(|t| of(t)).collect::<Vec<_>>(), "{input}");
        let got = read_with(input.as_bytes(), &Options::default());
        assert_eq!(got.is_err(), want == ["o"], "{input}");
    }
    assert_eq!(
        shown(r#"{"changes":[{"op":"delete","table":"notes","id":3},{"op":"reset","table":"notes"}],"tenant":"b"}"#),
        ["delete notes id:3 $tenant:'b'", "reset notes $tenant:'b'"]
    );
}
