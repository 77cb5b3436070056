//! What PostgreSQL answers, and that the oracle's own way leads to the same for whatever arguments.

use fastrand::Rng;

use super::*;
use crate::query::{CastTo, Expr, Unit};
use crate::reference;
use crate::value::{Element, Interval, Type, array_of_json, canonical_json, parse_decimal, parse_timestamp};

fn text(v: &str) -> Value {
    Value::text(v)
}

fn json(v: &str) -> Value {
    Value::Json(canonical_json(v.as_bytes()).unwrap().into())
}

fn moment(v: &str) -> Value {
    Value::Timestamp(parse_timestamp(v).unwrap_or_else(|| panic!("{v}")))
}

fn of(f: Function, args: &[Value]) -> Made {
    call(f, &args.iter().map(Value::as_cell).collect::<Vec<_>>())
}

fn answers<const N: usize>(f: Function, cases: impl IntoIterator<Item = ([Value; N], Value)>) {
    for (args, expected) in cases {
        assert_eq!(of(f, &args), Ok(expected), "{f:?} of {args:?}");
    }
}

fn fails<const N: usize>(f: Function, code: ErrorCode, cases: impl IntoIterator<Item = [Value; N]>) {
    for args in cases {
        assert_eq!(of(f, &args), Err(code), "{f:?} of {args:?}");
    }
}

#[test]
fn numbers_are_rounded_as_postgresql_rounds_double_precision() {
    let f = Value::Float;
    answers(Function::Round, [(0.5, 0.0), (1.5, 2.0), (-2.5, -2.0), (2.51, 3.0)].map(|(v, r)| ([f(v)], f(r))));
    let to = |v: f64, n: i64| [f(v), Value::Int(n)];
    answers(
        Function::RoundTo,
        [
            (to(1.005, 2), f(1.01)),
            (to(-2.345, 2), f(-2.35)),
            (to(1250.0, -2), f(1300.0)),
            (to(49.0, -2), f(0.0)),
            (to(50.0, -2), f(100.0)),
            (to(0.1 + 0.2, 20), f(0.1 + 0.2)),
            (to(9.995, 2), f(10.0)),
            (to(0.004, 2), f(0.0)),
            (to(f64::INFINITY, 2), f(f64::INFINITY)),
            (to(1e300, i64::MAX), f(1e300)),
            (to(1e300, i64::MIN), f(0.0)),
        ],
    );
    fails(Function::RoundTo, ErrorCode::NumericOverflow, [to(f64::MAX, -308)]);
    answers(Function::Sign, [(f64::NAN, 0.0), (-0.0, 0.0), (-3.5, -1.0)].map(|(v, r)| ([f(v)], f(r))));
    fails(Function::Sqrt, ErrorCode::InvalidArgument, [[f(-1.0)], [f(f64::NEG_INFINITY)]]);
    fails(Function::Ln, ErrorCode::InvalidArgument, [[f(0.0)], [f(-1.0)]]);
    fails(Function::Exp, ErrorCode::NumericOverflow, [[f(1000.0)], [f(-1000.0)]]);
    answers(Function::Exp, [([f(f64::NEG_INFINITY)], f(0.0)), ([f(0.0)], f(1.0))]);
    let pair = |a, b| [f(a), f(b)];
    fails(Function::Power, ErrorCode::InvalidArgument, [pair(0.0, -1.0), pair(-8.0, 0.5), pair(0.0, f64::NEG_INFINITY)]);
    fails(Function::Power, ErrorCode::NumericOverflow, [pair(10.0, 400.0), pair(10.0, -400.0)]);
    answers(Function::Power, [(pair(-2.0, 3.0), f(-8.0)), (pair(f64::NAN, 0.0), f(1.0)), (pair(-1.0, f64::INFINITY), f(1.0))]);
}

#[test]
fn texts_are_cut_in_characters() {
    let int = Value::Int;
    let cut = |s: &str, from, n| [text(s), int(from), int(n)];
    answers(
        Function::Substring,
        [
            (cut("aé😀d", 2, 2), text("é😀")),
            (cut("abc", -1, 3), text("a")),
            (cut("abc", i64::MAX, i64::MAX), text("")),
            (cut("abc", 0, 1), text("")),
        ],
    );
    fails(Function::Substring, ErrorCode::InvalidArgument, [cut("abc", 2, -1)]);
    answers(Function::Left, [([text("é😀a"), int(2)], text("é😀")), ([text("é😀a"), int(-1)], text("é😀"))]);
    answers(Function::Right, [([text("é😀a"), int(2)], text("😀a")), ([text("abc"), int(0)], text(""))]);
    answers(Function::Right, [([text("abc"), int(-1)], text("bc")), ([text("abc"), int(i64::MIN)], text(""))]);
    answers(Function::Trim, [([text("  a ")], text("a"))]);
    answers(Function::LTrim, [([text("abcba"), text("ab")], text("cba"))]);
    answers(
        Function::Strpos,
        [([text("é😀b"), text("b")], int(3)), ([text("a"), text("")], int(1)), ([text("a"), text("b")], int(0))],
    );
    let part = |s: &str, by: &str, n| [text(s), text(by), int(n)];
    answers(
        Function::SplitPart,
        [
            (part("a,b,c", ",", 2), text("b")),
            (part("a,b,c", ",", -1), text("c")),
            (part("a,b", ",", 5), text("")),
            (part("abc", "", 1), text("abc")),
            (part("aaa", "aa", -1), text("a")),
        ],
    );
    fails(Function::SplitPart, ErrorCode::InvalidArgument, [part("a", ",", 0)]);
    answers(Function::LPad, [([text("ab"), int(5), text("xy")], text("xyxab")), ([text("abc"), int(2), text("x")], text("ab"))]);
    answers(Function::RPad, [([text("ab"), int(5), text("")], text("ab")), ([text("ab"), int(-1), text("x")], text(""))]);
    answers(Function::InitCap, [([text("hello wORLD-foo 1abc éß ß")], text("Hello World-Foo 1abc Éß ß"))]);
    answers(Function::Chr, [([int(128_512)], text("😀"))]);
    fails(Function::Chr, ErrorCode::InvalidArgument, [[int(0)], [int(0xd800)], [int(-1)], [int(1 << 40)]]);
    fails(Function::Repeat, ErrorCode::ValueTooLarge, [[text("ab"), int(i64::MAX)], [text("ab"), int(1 << 23 | 1)]]);
    fails(Function::LPad, ErrorCode::ValueTooLarge, [[text("ab"), int(i64::MAX)]]);
    let long = "a".repeat(1 << 13);
    fails(Function::Replace, ErrorCode::ValueTooLarge, [[text(&long), text("a"), text(&long)]]);
}

#[test]
fn moments_have_parts_and_move_by_intervals() {
    let parts = |t: &str| {
        let of = |u| match of(Function::Extract(u), &[moment(t)]) {
            Ok(Value::Float(v)) => v,
            other => panic!("{other:?}"),
        };
        use Unit::*;
        [IsoYear, Week, Quarter, DayOfWeek, IsoDayOfWeek, DayOfYear, Year, Decade, Century, Millennium].map(of)
    };
    assert_eq!(parts("2024-12-30"), [2025.0, 1.0, 4.0, 1.0, 1.0, 365.0, 2024.0, 202.0, 21.0, 3.0]);
    assert_eq!(parts("2021-01-03"), [2020.0, 53.0, 1.0, 0.0, 7.0, 3.0, 2021.0, 202.0, 21.0, 3.0]);
    assert_eq!(parts("2000-02-29"), [2000.0, 9.0, 1.0, 2.0, 2.0, 60.0, 2000.0, 200.0, 20.0, 2.0]);
    assert_eq!(parts("0001-01-01 BC"), [-2.0, 52.0, 1.0, 6.0, 6.0, 1.0, -1.0, 0.0, -1.0, -1.0]);
    let cut = |u, to: &str| assert_eq!(of(Function::DateTrunc(u), &[moment("2024-05-16 13:14:15.678912")]), Ok(moment(to)));
    cut(Unit::Week, "2024-05-13");
    cut(Unit::Quarter, "2024-04-01");
    cut(Unit::Century, "2001-01-01");
    cut(Unit::Decade, "2020-01-01");
    cut(Unit::Milliseconds, "2024-05-16 13:14:15.678");
    let add =
        |t: &str, months: i64, days: i64, micros: i64| [moment(t), Value::Int(months), Value::Int(days), Value::Int(micros)];
    answers(
        Function::AddInterval,
        [
            (add("2024-01-31 12:00", 1, 0, 0), moment("2024-02-29 12:00")),
            (add("2024-01-31", 1, 1, -1), moment("2024-02-29 23:59:59.999999")),
            (add("2024-03-31", -13, 0, 0), moment("2023-02-28")),
            (add("0001-01-31", -1, 0, 0), moment("0001-12-31 BC")),
        ],
    );
    fails(
        Function::AddInterval,
        ErrorCode::TimestampRange,
        [add("2024-01-01", i64::from(i32::MAX), 0, 0), add("4713-01-01 BC", 0, -1000, 0), add("2024-01-01", 0, 0, i64::MAX)],
    );
    fails(Function::AddInterval, ErrorCode::NumericOverflow, [add("2024-01-01", 1 << 31, 0, 0)]);
    let make = |y: i64, m: i64, d: i64, h: i64, s: f64| {
        [Value::Int(y), Value::Int(m), Value::Int(d), Value::Int(h), Value::Int(0), Value::Float(s)]
    };
    answers(
        Function::MakeTimestamp,
        [(make(2024, 2, 29, 23, 59.9999999), moment("2024-02-29 23:01:00")), (make(-1, 1, 1, 24, 0.0), moment("0001-01-02 BC"))],
    );
    fails(
        Function::MakeTimestamp,
        ErrorCode::TimestampRange,
        [make(2023, 2, 29, 0, 0.0), make(0, 1, 1, 0, 0.0), make(2024, 1, 1, 24, 1.0), make(2024, 1, 1, 0, f64::NAN)],
    );
}

#[test]
fn json_is_read_along_paths() {
    let get = |v: &str, key: &str| [json(v), text(key)];
    let at = |v: &str, i: i64| [json(v), Value::Int(i)];
    answers(Function::JsonGet, [(get(r#"{"a":null,"b\n":[1]}"#, "b\n"), json("[1]")), (get(r#"{"a":null}"#, "a"), json("null"))]);
    answers(
        Function::JsonGetText,
        [(get(r#"{"a":null}"#, "a"), Value::Null), (get(r#"{"é":"x\n\u0001"}"#, "é"), text("x\n\u{1}"))],
    );
    answers(Function::JsonGet, [(at("[1,[2,3],{}]", -2), json("[2,3]")), (at("[1]", 1), Value::Null), (at("1", 0), json("1"))]);
    answers(
        Function::JsonGetText,
        [
            (at(r#"[{"a":[1e21,1.5e-7]}]"#, 0), text(r#"{"a": [1000000000000000000000, 0.00000015]}"#)),
            (at("[]", i64::MIN), Value::Null),
        ],
    );
    let path = |v: &str| [json(v), text("a"), text("-1"), text("b")];
    answers(Function::JsonPathText, [(path(r#"{"a":[0,{"b":true}]}"#), text("true")), (path(r#"{"a":1}"#), Value::Null)]);
    let has = |a: &str, b: &str| [json(a), json(b)];
    let yes =
        [("[1,2]", "1"), (r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":1}}"#), ("[1,[2,3]]", "[[3]]"), ("[1]", "[]"), ("1", "1.0")];
    let no = [("1", "[1]"), ("[[1]]", "1"), ("[[1]]", "[1]"), (r#"{"a":1}"#, r#"{"a":[]}"#), ("{}", "[]"), ("[]", "{}")];
    answers(Function::JsonContains, yes.map(|(a, b)| (has(a, b), Value::Bool(true))));
    answers(Function::JsonContains, no.map(|(a, b)| (has(a, b), Value::Bool(false))));
    answers(Function::JsonArrayLength, [([json("[1,[2],{\"a\":[3]},\",\"]")], Value::Int(4)), ([json("[]")], Value::Int(0))]);
    fails(Function::JsonArrayLength, ErrorCode::InvalidArgument, [[json("{}")], [json("1")]]);
    answers(Function::Cast(CastTo::Text), [([json("123456789012345678901234567.25")], text("123456789012345678901234567.25"))]);
}

#[test]
fn casts_read_and_write_what_postgresql_does() {
    let read = |to, t: &str| of(Function::Cast(to), &[text(t)]);
    for (t, v) in [(" +5\n", 5), ("-9223372036854775808", i64::MIN), ("007", 7)] {
        assert_eq!(read(CastTo::Int, t), Ok(Value::Int(v)));
    }
    for (to, t, code) in [
        (CastTo::Int, "", ErrorCode::InvalidText),
        (CastTo::Int, "1.0", ErrorCode::InvalidText),
        (CastTo::Int, "+-1", ErrorCode::InvalidText),
        (CastTo::Int, "9223372036854775808", ErrorCode::NumericOverflow),
        (CastTo::Float, "1e400", ErrorCode::NumericOverflow),
        (CastTo::Float, "1e-400", ErrorCode::NumericOverflow),
        (CastTo::Float, "1e", ErrorCode::InvalidText),
        (CastTo::Float, ".", ErrorCode::InvalidText),
        (CastTo::Bool, "o", ErrorCode::InvalidText),
        (CastTo::Timestamp, "2024-02-30", ErrorCode::InvalidText),
        (CastTo::Json, "{", ErrorCode::InvalidText),
    ] {
        assert_eq!(read(to, t), Err(code), "{t}");
    }
    for (t, v) in
        [("5.", 5.0), (" .5e1 ", 5.0), ("-iNF", f64::NEG_INFINITY), ("nan", f64::NAN), ("0e-999", 0.0), ("5e-324", 5e-324)]
    {
        assert_eq!(read(CastTo::Float, t), Ok(Value::Float(v)), "{t}");
    }
    for (t, v) in [(" TRu ", true), ("of", false), ("1", true), ("N", false)] {
        assert_eq!(read(CastTo::Bool, t), Ok(Value::Bool(v)), "{t}");
    }
    answers(
        Function::Cast(CastTo::Int),
        [(2.5, 2), (-3.5, -4), (-9_223_372_036_854_775_808.0, i64::MIN)].map(|(f, i)| ([Value::Float(f)], Value::Int(i))),
    );
    fails(Function::Cast(CastTo::Int), ErrorCode::NumericOverflow, [[Value::Float(f64::NAN)], [Value::Float(9.3e18)]]);
    answers(
        Function::Cast(CastTo::Int),
        [("2.5", Value::Int(3)), ("-3", Value::Int(-3)), ("7e2", Value::Int(700)), ("null", Value::Null)]
            .map(|(j, v)| ([json(j)], v)),
    );
    answers(Function::Cast(CastTo::Float), [([json("1.25")], Value::Float(1.25)), ([json("null")], Value::Null)]);
    answers(Function::Cast(CastTo::Bool), [([json("true")], Value::Bool(true)), ([json("false")], Value::Bool(false))]);
    fails(Function::Cast(CastTo::Int), ErrorCode::NumericOverflow, [[json("1e30")], [json("9223372036854775808")]]);
    fails(Function::Cast(CastTo::Float), ErrorCode::NumericOverflow, [[json("1e400")]]);
    for wrong in ["\"5\"", "[1]", "{}", "true"] {
        fails(Function::Cast(CastTo::Int), ErrorCode::InvalidArgument, [[json(wrong)]]);
    }
    fails(Function::Cast(CastTo::Bool), ErrorCode::InvalidArgument, [[json("1")]]);
    answers(
        Function::Cast(CastTo::Text),
        [
            ([moment("2024-02-29 12:00:00.120")], text("2024-02-29 12:00:00.12+00")),
            ([moment("0044-03-15 BC")], text("0044-03-15 00:00:00+00 BC")),
            ([moment("0001-01-01 BC")], text("0001-01-01 00:00:00+00 BC")),
            ([moment("12345-01-01")], text("12345-01-01 00:00:00+00")),
            ([Value::Float(1e15)], text("1e+15")),
            ([Value::Bytes([1, 255].into())], text("\\x01ff")),
            ([json(r#"{"b":[1,"x, y: z"],"a":{}}"#)], text(r#"{"a": {}, "b": [1, "x, y: z"]}"#)),
        ],
    );
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "ab",
    "aba",
    " a b ",
    "Ab-cD 1é_x",
    "ÉßİΣ😀",
    ",a,,b,",
    "aaa",
    "5",
    " -12 ",
    "1e3",
    ".5",
    "1e400",
    "1e-400",
    "NaN",
    "-nan",
    "-Infinity",
    "true",
    "OF",
    "2024-02-29 12:00:00.5",
    "2024-02-30",
    "[1, 2]",
    "{\"a\": \"b\"}",
    "0x10",
    "99999999999999999999",
    "e5",
    "1.5e+2",
    "+7",
    "inf",
];
const FLOATS: &[f64] = &[
    0.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1.005,
    0.1,
    1.0 / 3.0,
    -7.125,
    1e15,
    123_456_789.987_65,
    5e-324,
    1.7976931348623157e308,
    -1e308,
    1e-5,
    2e-4,
    9.995,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    9007199254740993.0,
    700.0,
    -3.0,
    4e18,
    9.223372036854776e18,
];
const JSONS: &[&str] = &[
    "null",
    "1",
    "\"a\"",
    "[]",
    "{}",
    "{\"a\":1}",
    "{\"a\":{\"a\":[1,2]},\"b\":null}",
    "[1,\"a\",[1,[2]],{\"a\":1}]",
    "[[1],[2]]",
    "\"x\\n\\\"\"",
    "true",
    "1e21",
    "[1.5e-9,-2e30]",
    "{\"\":0}",
    "[null]",
];

fn decimal(rng: &mut Rng) -> Value {
    let digits: String = (0..rng.usize(1..30)).map(|_| if rng.u8(..3) == 0 { '9' } else { rng.digit(10) }).collect();
    let text = match rng.u8(..4) {
        0 => ["0", "0.00", "1", "-1.5", "2.50", "1e-20", "9223372036854775807.5", "-0.5"][rng.usize(..8)].to_owned(),
        _ => format!("{}{digits}e{}", ["", "-"][rng.usize(..2)], rng.i32(-40..8)),
    };
    Value::Decimal(parse_decimal(&text).expect("a decimal"))
}

fn any(rng: &mut Rng, kind: char) -> Value {
    match kind {
        't' => text(TEXTS[rng.usize(..TEXTS.len())]),
        's' => text(["", "a", "b", ",", " ", "ab", "é", "1", "-1", "x"][rng.usize(..10)]),
        'n' => Value::Int(rng.i64(-6..9)),
        'i' => Value::Int([0, 1, -1, 12, 1 << 31, i64::MAX, i64::MIN, 1970, 97, 233][rng.usize(..10)]),
        'f' if rng.u8(..4) == 0 => Value::Float((rng.f64() - 0.5) * 10f64.powi(rng.i32(-20..20))),
        'f' => Value::Float(FLOATS[rng.usize(..FLOATS.len())]),
        'b' => Value::Bool(rng.bool()),
        'd' => decimal(rng),
        'D' => Value::Date(match rng.u8(..3) {
            0 => [0, -1, -2_440_588, 106_751_990, 19_782, -719_529][rng.usize(..6)],
            _ => rng.i64(-2_440_588..=106_751_990),
        }),
        'T' => Value::Time([0, 1, 86_400_000_000, 43_200_500_000, 86_399_999_999][rng.usize(..5)]),
        'U' => Value::Uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into()),
        'I' => {
            let mut part = |least: i64, most: i64| match rng.u8(..6) {
                0 => [least, most, 0, 1, -1][rng.usize(..5)],
                1 => rng.i64(least..=most),
                _ => rng.i64((-90).max(least)..=90),
            };
            let (months, days) = (part(i32::MIN.into(), i32::MAX.into()) as i32, part(i32::MIN.into(), i32::MAX.into()) as i32);
            let micros = part(i64::MIN, i64::MAX);
            Value::Interval(Interval { months, days, micros }.pack())
        }
        'L' | 'N' | 'B' => {
            let (element, lists): (_, &[&str]) = match kind {
                'L' => {
                    (Element::Text, &["[]", r#"["a","",null]"#, r#"["x y","NULL","é","a"]"#, r#"["\\","\"","{,}"]"#, r#"["a"]"#])
                }
                'N' => (Element::Int, &["[]", "[1]", "[1,2,null,0]", "[-1,9223372036854775807]", "[0,0,97]"]),
                _ => (Element::Bool, &["[true,null]", "[false]", "[]"]),
            };
            Value::Array(element, array_of_json(element, lists[rng.usize(..lists.len())]).expect("an array"))
        }
        'j' => json(JSONS[rng.usize(..JSONS.len())]),
        'y' => Value::Int([-4714, -4713, -100, -1, 0, 1, 4, 1900, 2000, 2024, 294_247, 400_000][rng.usize(..12)]),
        'o' => Value::Bytes([1, 200].into()),
        _ => match rng.u8(..3) {
            0 => Value::Timestamp(rng.i64(parse_timestamp("4713-01-01 BC").unwrap()..)),
            1 => Value::Timestamp(rng.i64(-(1 << 51)..1 << 52)),
            _ => Value::Timestamp((rng.i64(-800_000..20_000) * 86_400) * 1_000_000 + rng.i64(0..3)),
        },
    }
}

#[test]
fn the_oracle_gives_the_same_for_whatever_arguments() {
    use Function as F;
    let mut cases: Vec<(F, &str)> = vec![
        (F::Round, "f"),
        (F::RoundTo, "fn"),
        (F::RoundTo, "fi"),
        (F::Round, "d"),
        (F::RoundTo, "dn"),
        (F::RoundTo, "di"),
        (F::TruncTo, "dn"),
        (F::TrimScale, "d"),
        (F::Scale, "d"),
        (F::Add, "dd"),
        (F::Sub, "dd"),
        (F::Mul, "dd"),
        (F::Div, "dd"),
        (F::Mod, "dd"),
        (F::Neg, "d"),
        (F::Abs, "d"),
        (F::Sign, "d"),
        (F::Floor, "d"),
        (F::Ceil, "d"),
        (F::Trunc, "d"),
        (F::IntToDecimal, "i"),
        (F::AddDays, "Dn"),
        (F::AddDays, "Di"),
        (F::AddDays, "iD"),
        (F::SubDays, "Dn"),
        (F::SubDays, "Di"),
        (F::DiffDays, "DD"),
        (F::DateToTimestamp, "D"),
        (F::DecimalToFloat, "d"),
        (F::Floor, "f"),
        (F::Ceil, "f"),
        (F::Trunc, "f"),
        (F::Sign, "f"),
        (F::Power, "ff"),
        (F::Sqrt, "f"),
        (F::Exp, "f"),
        (F::Ln, "f"),
        (F::Substring, "tn"),
        (F::Substring, "tnn"),
        (F::Substring, "tii"),
        (F::Left, "tn"),
        (F::Left, "ti"),
        (F::Right, "tn"),
        (F::Right, "ti"),
        (F::Trim, "t"),
        (F::Trim, "ts"),
        (F::LTrim, "ts"),
        (F::RTrim, "ts"),
        (F::Replace, "tss"),
        (F::Strpos, "ts"),
        (F::SplitPart, "tsn"),
        (F::SplitPart, "tsi"),
        (F::StartsWith, "ts"),
        (F::Repeat, "tn"),
        (F::Reverse, "t"),
        (F::LPad, "tn"),
        (F::LPad, "tns"),
        (F::RPad, "tns"),
        (F::InitCap, "t"),
        (F::OctetLength, "t"),
        (F::OctetLength, "o"),
        (F::Ascii, "t"),
        (F::Chr, "i"),
        (F::AddInterval, "mnnn"),
        (F::AddInterval, "mnii"),
        (F::AddInterval, "miii"),
        (F::DiffSeconds, "mm"),
        (F::Any, "sL"),
        (F::Any, "iN"),
        (F::Any, "bB"),
        (F::ArrayContains, "LL"),
        (F::ArrayContains, "NN"),
        (F::ArrayOverlaps, "NN"),
        (F::ArrayOverlaps, "BB"),
        (F::Cardinality, "L"),
        (F::ArrayLength, "N"),
        (F::ArrayAt, "Ln"),
        (F::ArrayAt, "Ni"),
        (F::ArrayPosition, "Ls"),
        (F::ArrayPosition, "Ni"),
        (F::ArrayToText, "Ls"),
        (F::ArrayToText, "Bs"),
        (F::AddSpan, "mI"),
        (F::AddSpan, "TI"),
        (F::DiffMoments, "mm"),
        (F::DiffMoments, "TT"),
        (F::Add, "II"),
        (F::Sub, "II"),
        (F::Neg, "I"),
        (F::ScaleSpan, "If"),
        (F::ShrinkSpan, "If"),
        (F::PlainInterval, "I"),
        (F::MakeTimestamp, "ynnnnf"),
        (F::MakeTimestamp, "ynnnnn"),
        (F::JsonGet, "jn"),
        (F::JsonGet, "js"),
        (F::JsonGetText, "jn"),
        (F::JsonGetText, "ji"),
        (F::JsonGetText, "js"),
        (F::JsonPath, "j"),
        (F::JsonPath, "jss"),
        (F::JsonPathText, "jsss"),
        (F::JsonTypeof, "j"),
        (F::JsonArrayLength, "j"),
        (F::JsonContains, "jj"),
        (F::JsonExists, "js"),
    ];
    cases.extend(crate::query::registry::UNITS.iter().map(|u| (F::Extract(u.1), "m")));
    cases.extend(crate::query::registry::UNITS.iter().filter(|u| u.2).map(|u| (F::DateTrunc(u.1), "m")));
    let fits = |ty, unit: Unit| unit.is_of(ty);
    cases.extend(crate::query::registry::UNITS.iter().filter(|u| fits(Type::Interval, u.1)).map(|u| (F::Extract(u.1), "I")));
    cases.extend(crate::query::registry::UNITS.iter().filter(|u| fits(Type::Time, u.1)).map(|u| (F::Extract(u.1), "T")));
    let cuts = crate::query::registry::UNITS.iter().filter(|u| u.2 && fits(Type::Interval, u.1));
    cases.extend(cuts.map(|u| (F::DateTrunc(u.1), "I")));
    for (to, from) in [
        (CastTo::Text, "bifojmtndDTUILNB"),
        (CastTo::Interval, "TIt"),
        (CastTo::Date, "Dmt"),
        (CastTo::Time, "TmtI"),
        (CastTo::Uuid, "Ut"),
        (CastTo::Int, "ifbtd"),
        (CastTo::BigInt, "ftd"),
        (CastTo::Float, "fitd"),
        (CastTo::Decimal, "fitd"),
        (CastTo::Bool, "bit"),
        (CastTo::Timestamp, "mtD"),
        (CastTo::Json, "jt"),
    ] {
        cases.extend(from.char_indices().map(|(i, c)| (F::Cast(to), &from[i..i + c.len_utf8()])));
    }
    let mut rng = Rng::with_seed(5);
    let (mut values, mut errors) = (0, 0);
    for (f, kinds) in cases {
        for _ in 0..400 {
            let mut args: Vec<Value> = kinds.chars().map(|k| any(&mut rng, k)).collect();
            if f == F::MakeTimestamp
                && let Value::Int(v) = args[5]
            {
                args[5] = Value::Float(v as f64 * 9.5);
            }
            let expr = Expr::Call(f, args.iter().cloned().map(Expr::Literal).collect());
            let (ours, theirs) = (of(f, &args), reference::eval(&expr, &[]).map_err(|e| e.code));
            assert_eq!(ours, theirs, "{f:?} of {args:?}");
            match ours {
                Ok(_) => values += 1,
                Err(_) => errors += 1,
            }
        }
    }
    assert!(values > 20_000 && errors > 3_000, "{values} values, {errors} errors");
}
