//! Calls of the functions of the registry, by the type of what they give.
//!
//! As everywhere, what may fail is in `may_fail` alone: texts that are read as numbers, roots, lengths and places that are
//! out of bounds.

use eddyline::query::ast::ExprJson;
use eddyline::value::{Element, Type, Value, is_number_template};
use fastrand::Rng;

use super::domain::{literal, value};
use super::expression::{ORDERED, Scope, call};
use super::{chance, pick};

/// Parts of templates of numbers, none of which can fail for a row.
const NUMBERS: [&str; 16] = ["9", "9", "0", "9", ".", "D", ",", "S", "MI", "PR", "FM", "PL", "EEEE", "V", "RN", "\"a\""];

/// Parts of replacements.
const REPLACEMENTS: [&str; 9] = ["\\1", "\\2", "\\9", "\\&", "\\\\", "\\", "<", "ä", "\\0"];

const UNITS: [&str; 19] = [
    "year",
    "month",
    "day",
    "week",
    "hour",
    "minute",
    "second",
    "quarter",
    "decade",
    "century",
    "millennium",
    "milliseconds",
    "microseconds",
    "isoyear",
    "dow",
    "isodow",
    "doy",
    "epoch",
    "julian",
];
/// Parts of intervals; first those of times of day.
const SPANNED: [&str; 13] = [
    "hour",
    "minute",
    "second",
    "milliseconds",
    "microseconds",
    "epoch",
    "day",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
];
pub(super) const PATTERNS: [&str; 35] = [
    "a",
    "^a",
    "b$",
    "^$",
    "",
    "(a|b)+$",
    "[^a-c]",
    r"\d",
    r"^\w+$",
    "er.*e{1,2}",
    r"\mlong",
    "^.{2,}$",
    "(?i)B",
    r"[[:upper:]%]",
    "[a-z]+?o",
    "(a|on|o)*",
    ".{1,3}?n|l",
    r"\m[a-z]??.+",
    "(a)|(o)n?",
    "(.)(?:(n)|.)*?",
    "((a|o)n?)*",
    "(.*?)(n+)(.?)",
    "(l|lo)(n|ong)?(.{0,2}?)",
    "***=o",
    "***:(?i)ON",
    "(?n)^[^a]*$",
    "(?p)a.|^b",
    "(?w)^.b?$",
    "(?ns)^.$",
    "(?x) a | o # n\n n (?#l) +?",
    "(?x)[ o]+(n # )\n|g)",
    "(?q)a|",
    "(?qi)LO",
    "(?#l)(?:o)(?#(n*)(n)?",
    "(?xt) ",
];
const TEMPLATES: [&str; 81] = [
    "YYYY",
    "FMYYYY",
    "YYY",
    "YY",
    "Y",
    "Y,YYY",
    "IYYY",
    "IYY",
    "IY",
    "I",
    "MM",
    "FMMM",
    "MON",
    "Mon",
    "mon",
    "MONTH",
    "Month",
    "month",
    "FMMonth",
    "DD",
    "FMDD",
    "FMDDth",
    "DDTH",
    "DDD",
    "D",
    "Dth",
    "DY",
    "Dy",
    "dy",
    "DAY",
    "Day",
    "day",
    "FMday",
    "ID",
    "IDDD",
    "IW",
    "FMIWth",
    "WW",
    "W",
    "Q",
    "CC",
    "CCth",
    "J",
    "HH24",
    "HH12",
    "HH",
    "FMHH",
    "hh24",
    "MI",
    "SS",
    "ss",
    "MS",
    "US",
    "FF1",
    "FF3",
    "ff6",
    "SSSS",
    "SSSSS",
    "AM",
    "pm",
    "A.M.",
    "p.m.",
    "AD",
    "bc",
    "B.C.",
    "TZ",
    "tz",
    "OF",
    "TZH:TZM",
    "-",
    "/",
    " ",
    ":",
    ", ",
    "\"T\"",
    "\"at \"",
    "\"Q\\\"D\"",
    "\\\"",
    "é",
    "x",
    "FM-",
];

const KEYS: [&str; 4] = ["a", "b", "", "0"];

fn int(v: i64) -> ExprJson {
    literal(&Value::Int(v))
}

fn text(v: &str) -> ExprJson {
    literal(&Value::text(v))
}

/// A call with a parameter.
fn named(op: &str, name: &str, arg: ExprJson) -> ExprJson {
    ExprJson { name: Some(name.to_owned()), ..call(op, vec![arg]) }
}

impl Scope {
    /// `case` and other functions that give one of their arguments.
    pub fn chosen(&self, rng: &mut Rng, ty: Type, depth: usize) -> ExprJson {
        let mut value = || self.of_type(rng, ty, depth);
        let (a, b, c) = (value(), value(), value());
        match rng.usize(0..6) {
            0 => call("case", vec![self.of_type(rng, Type::Bool, depth), a, self.of_type(rng, Type::Bool, depth), b, c]),
            1 => call("case", vec![self.of_type(rng, Type::Bool, depth), a]),
            2 => {
                let of = pick(rng, &ORDERED);
                let mut part = || self.of_type(rng, of, depth);
                let (x, first, second) = (part(), part(), part());
                call(
                    "caseOf",
                    if chance(rng, 50) { vec![x, first, a, second, b, c] } else { vec![x, first, a, literal(&Value::Null), b] },
                )
            }
            3 => call("nullif", vec![a, b]),
            4 => call(pick(rng, &["greatest", "least"]), vec![a, b, c]),
            _ => call(pick(rng, &["greatest", "least"]), vec![a, literal(&Value::Null)]),
        }
    }

    /// A condition made by a function.
    pub fn predicate(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let ty = pick(rng, &ORDERED);
        let mut part = || self.of_type(rng, ty, depth);
        let (a, b, c) = (part(), part(), part());
        let list = pick(rng, &[Element::Text, Element::Int, Element::Float]);
        match rng.usize(0..11) {
            9 => call("any", vec![self.of_type(rng, list.ty(), depth), self.leaf(rng, Type::Array(list))]),
            10 => {
                let of = Type::Array(list);
                call(pick(rng, &["@>", "&&"]), vec![self.leaf(rng, of), self.leaf(rng, of)])
            }
            0 | 1 => call("between", vec![a, b, c]),
            2 => call(pick(rng, &["isDistinctFrom", "isNotDistinctFrom"]), vec![a, b]),
            3 => call(pick(rng, &["isDistinctFrom", "isNotDistinctFrom"]), vec![a, literal(&Value::Null)]),
            4 => call("startsWith", vec![self.of_type(rng, Type::Text, depth), text(pick(rng, &["", "a", "long"]))]),
            5 => call("@>", vec![self.of_type(rng, Type::Json, 1), literal(&value(rng, Type::Json, false))]),
            6 => call("?", vec![self.of_type(rng, Type::Json, 1), text(pick(rng, &KEYS))]),
            7 if rng.bool() => self.held(rng, "bool"),
            7 => named("cast", "bool", self.of_type(rng, Type::Int, depth)),
            _ => call(pick(rng, &["~", "~*"]), vec![self.of_type(rng, Type::Text, depth), text(pick(rng, &PATTERNS))]),
        }
    }

    /// A small integer made by a function.
    pub fn measure(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let of = self.of_type(rng, Type::Text, depth);
        let list = pick(rng, &[Element::Text, Element::Int, Element::Float]);
        match rng.usize(0..8) {
            5 => call(pick(rng, &["cardinality", "arrayLength"]), vec![self.leaf(rng, Type::Array(list))]),
            6 => call("arrayPosition", vec![self.leaf(rng, Type::Array(list)), self.of_type(rng, list.ty(), depth)]),
            7 => call("length", vec![call("arrayAt", vec![self.leaf(rng, Type::Array(Element::Text)), int(rng.i64(-1..4))])]),
            4 => call("scale", vec![self.decimal(rng, depth)]),
            0 => call("strpos", vec![of, text(pick(rng, &["", "a", "e", "%"]))]),
            1 => call(pick(rng, &["ascii", "octetLength"]), vec![of]),
            2 => named("cast", "int", self.of_type(rng, Type::Bool, depth)),
            _ => named(
                "cast",
                pick(rng, &["int", "bigint"]),
                named("extract", pick(rng, &UNITS[..10]), self.of_type(rng, Type::Timestamp, depth)),
            ),
        }
    }

    /// What a JSON value holds, or null: of a type by its name.
    pub fn held(&self, rng: &mut Rng, name: &str) -> ExprJson {
        let json = self.of_type(rng, Type::Json, 1);
        let kind = text(if name == "bool" { "boolean" } else { "number" });
        let condition = call("=", vec![call("jsonTypeof", vec![json.clone()]), kind]);
        named("cast", name, call("case", vec![condition, json]))
    }

    /// A float made by a function.
    pub fn measured(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let number = self.of_type(rng, Type::Float, depth);
        match rng.usize(0..9) {
            6 if rng.bool() => self.held(rng, "float"),
            6 => named("cast", "float", self.decimal(rng, depth)),
            7 => named("extract", pick(rng, &SPANNED), self.of_type(rng, Type::Interval, depth)),
            8 => named("extract", pick(rng, &SPANNED[..6]), self.leaf(rng, Type::Time)),
            0 => call("round", vec![number]),
            1 => call("round", vec![number, int(rng.i64(-2..4))]),
            2 => call(pick(rng, &["floor", "ceil", "trunc", "sign"]), vec![number]),
            3 => call("sqrt", vec![call("abs", vec![number])]),
            4 => named("extract", pick(rng, &UNITS), self.of_type(rng, Type::Timestamp, depth)),
            _ => call("diffSeconds", vec![self.of_type(rng, Type::Timestamp, depth), self.of_type(rng, Type::Timestamp, depth)]),
        }
    }

    /// A text made by a function.
    pub fn written(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let of = self.of_type(rng, Type::Text, depth);
        let small = |rng: &mut Rng, from: i64| int(rng.i64(from..6));
        let part = |rng: &mut Rng| text(pick(rng, &["", "a", "%", "on", "ä ", "zz"]));
        match rng.usize(0..18) {
            16 | 17 => {
                let op = pick(rng, &["regexpMatch", "regexpMatches", "reFind", "reSeq"]);
                let found = call(op, vec![of, text(pick(rng, &PATTERNS))]);
                if rng.bool() { call("arrayToText", vec![found, text("|")]) } else { call("arrayAt", vec![found, small(rng, 0)]) }
            }
            14 if rng.bool() => {
                let with: String = (0..rng.usize(0..4)).map(|_| pick(rng, &REPLACEMENTS)).collect();
                let mut args =
                    vec![of, text(pick(rng, &PATTERNS)), if chance(rng, 80) { text(&with) } else { self.leaf(rng, Type::Text) }];
                if rng.bool() {
                    args.push(text(pick(
                        rng,
                        &["", "g", "gi", "ig", "i", "icg", "s", "gn", "gp", "w", "x", "gx", "ms", "xtg", "gq"],
                    )));
                }
                call("regexpReplace", args)
            }
            14 => call("regexpSubstr", vec![of, text(pick(rng, &PATTERNS))]),
            13 => call("arrayToText", vec![self.leaf(rng, Type::Array(Element::Int)), part(rng)]),
            0 => call("substring", vec![of, small(rng, -2), small(rng, 0)]),
            1 => call("substring", vec![of, small(rng, -2)]),
            2 => call(pick(rng, &["left", "right"]), vec![of, small(rng, -3)]),
            3 => call(pick(rng, &["trim", "ltrim", "rtrim"]), vec![of, part(rng)]),
            4 => call("replace", vec![of, part(rng), part(rng)]),
            5 if chance(rng, 40) => {
                let template: String = (0..rng.usize(1..6)).map(|_| pick(rng, &TEMPLATES)).collect();
                call("toChar", vec![self.of_type(rng, Type::Timestamp, depth), literal(&Value::text(template))])
            }
            5 if chance(rng, 40) => {
                let template: String = (0..rng.usize(1..8)).map(|_| pick(rng, &NUMBERS)).collect();
                let template = if is_number_template(&template) { template } else { "9990.99".into() };
                let number = pick(rng, &[Type::Int, Type::Decimal]);
                call("toChar", vec![self.leaf(rng, number), literal(&Value::text(template))])
            }
            5 => call("splitPart", vec![of, part(rng), int(pick(rng, &[1, 2, -1, -2]))]),
            6 => call("repeat", vec![of, int(rng.i64(-1..3))]),
            7 => call(pick(rng, &["reverse", "initcap", "trim"]), vec![of]),
            8 => call(pick(rng, &["lpad", "rpad"]), vec![of, small(rng, -1), part(rng)]),
            9 => call("concat", vec![of, literal(&Value::Null), self.of_type(rng, Type::Text, depth)]),
            10 => call("concatWs", vec![part(rng), of, self.of_type(rng, Type::Text, depth)]),
            11 => named("cast", "text", self.shown(rng, depth)),
            12 => call(
                "->>",
                vec![self.of_type(rng, Type::Json, 1), if rng.bool() { text(pick(rng, &KEYS)) } else { small(rng, -2) }],
            ),
            _ => call(pick(rng, &["jsonTypeof", "#>>"]), vec![self.of_type(rng, Type::Json, 1)]),
        }
    }

    fn shown(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let ty = pick(
            rng,
            &[
                Type::Int,
                Type::Float,
                Type::Bool,
                Type::Timestamp,
                Type::Bytes,
                Type::Json,
                Type::Decimal,
                Type::Date,
                Type::Time,
                Type::Uuid,
                Type::Interval,
                Type::Array(Element::Text),
                Type::Array(Element::Float),
            ],
        );
        self.of_type(rng, ty, depth)
    }

    /// A moment made by a function.
    pub fn moved(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let of = self.of_type(rng, Type::Timestamp, depth);
        match rng.usize(0..4) {
            3 => call(pick(rng, &["+", "-"]), vec![of, self.of_type(rng, Type::Interval, depth)]),
            0 if rng.u8(..4) == 0 => named("cast", "timestamp", self.leaf(rng, Type::Date)),
            0 => named("dateTrunc", pick(rng, &UNITS[..13]), of),
            1 => call(
                "addInterval",
                vec![of, int(rng.i64(-14..14)), int(rng.i64(-40..40)), int(pick(rng, &[0, 1, -86_400_000_000]))],
            ),
            _ => {
                let field = |rng: &mut Rng, from, to| int(rng.i64(from..to));
                let args =
                    vec![field(rng, 1969, 1972), field(rng, 1, 13), field(rng, 1, 29), field(rng, 0, 24), field(rng, 0, 60)];
                call("makeTimestamp", args.into_iter().chain([literal(&Value::Float(1.5))]).collect())
            }
        }
    }

    /// An interval made by a function.
    pub fn span(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        let of = self.of_type(rng, Type::Interval, depth);
        let number = |rng: &mut Rng| literal(&Value::Float(pick(rng, &[0.5, 2.0, -1.5, 0.3])));
        match rng.usize(0..8) {
            0 => call(pick(rng, &["+", "-"]), vec![of, self.of_type(rng, Type::Interval, depth)]),
            1 => call("neg", vec![of]),
            2 => call("*", vec![of, number(rng)]),
            3 => call("*", vec![int(rng.i64(-2..4)), of]),
            4 => call("/", vec![of, number(rng)]),
            5 => call("-", vec![self.of_type(rng, Type::Timestamp, depth), self.of_type(rng, Type::Timestamp, depth)]),
            6 => named("dateTrunc", pick(rng, &["minute", "hour", "day", "month", "quarter", "year"]), of),
            _ => named("cast", "interval", self.leaf(rng, Type::Time)),
        }
    }

    /// A date made by a function that cannot fail.
    pub fn day(&self, rng: &mut Rng, depth: usize) -> ExprJson {
        named("cast", "date", self.of_type(rng, Type::Timestamp, depth))
    }

    /// A part of a json value.
    pub fn inner(&self, rng: &mut Rng) -> ExprJson {
        let of = self.of_type(rng, Type::Json, 0);
        match rng.usize(0..3) {
            0 => call("->", vec![of, text(pick(rng, &KEYS))]),
            1 => call("->", vec![of, int(rng.i64(-2..3))]),
            _ => call("#>", vec![of, text(pick(rng, &KEYS)), text(pick(rng, &KEYS))]),
        }
    }

    /// A function of columns that for some rows has no value.
    pub fn may_fail(&self, rng: &mut Rng) -> (Type, ExprJson) {
        let mut of = |ty| self.of_type(rng, ty, 0);
        let day = of(Type::Date);
        let (number, float, label, json, moment, decimal) =
            (of(Type::Int), of(Type::Float), of(Type::Text), of(Type::Json), of(Type::Timestamp), of(Type::Decimal));
        match rng.usize(0..14) {
            12 => (Type::Date, call(pick(rng, &["+", "-"]), vec![day, number])),
            13 => (Type::Date, named("cast", pick(rng, &["date", "date"]), label)),
            10 => (Type::Decimal, call(pick(rng, &["/", "%"]), vec![int(7), decimal])),
            11 => (Type::Decimal, named("cast", "decimal", label)),
            0 => (Type::Float, call(pick(rng, &["sqrt", "ln", "exp"]), vec![float])),
            1 => (Type::Float, call("power", vec![float, literal(&Value::Float(pick(rng, &[0.5, -1.0, 2.0])))])),
            2 => (Type::Int, named("cast", "int", if rng.bool() { label } else { float })),
            3 => (Type::Float, named("cast", "float", label)),
            4 => (Type::Text, call("substring", vec![label, int(1), number])),
            5 => (Type::Text, call("splitPart", vec![label, text("a"), number])),
            6 => (Type::Int, call("jsonArrayLength", vec![json])),
            7 => (Type::Timestamp, call("addInterval", vec![moment, int(0), number, int(0)])),
            8 => {
                // Guarded: the division is not reached where it would fail.
                let zero = call("=", vec![number.clone(), int(0)]);
                (Type::Int, call("case", vec![zero, int(-1), call("/", vec![int(6), number])]))
            }
            _ => (Type::Text, call("chr", vec![number])),
        }
    }
}
