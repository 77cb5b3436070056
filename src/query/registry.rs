//! The registry of functions and operators: name, arguments, result. One line of [`FUNCTIONS`] is all that the binder needs.
//!
//! A new function is a variant of [`Function`], a line here, an arm in `operator::scalar`, its twin in `reference::expr`, and a
//! call in both generators. All are pure functions of their arguments, hence incremental without state.

use super::function::{CastTo, Function, Unit};
use crate::value::{Element, Type};

/// Arguments that a function takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Anything.
    Any,
    /// All of one type.
    Same,
    /// All of one type, Int, Decimal or Float; of `+` and `-` also dates, moments, times and intervals, of `*` and `/` intervals
    /// and numbers.
    Numbers,
    /// All of one type, Int or Decimal.
    Exact,
    /// Types by place; the last is that of all further places. An Int (where no Int can be) or a Decimal where a Float can
    /// be becomes one.
    Each(&'static [&'static [Type]]),
    /// As [`Function::Case`].
    Case,
    /// As [`Function::CaseOf`].
    CaseOf,
}

/// Type of a call.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    /// Always this.
    Type(Type),
    /// That of the arguments, nulls apart.
    Argument,
    /// As the parameter says.
    Parameter,
}

/// A line of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Name in the JSON of a query.
    pub name: &'static str,
    /// The function; of one with a parameter, any.
    pub function: Function,
    /// Fewest arguments.
    pub least: usize,
    /// Most arguments.
    pub most: usize,
    /// Types of the arguments.
    pub takes: Takes,
    /// Type of the result.
    pub gives: Gives,
}

const MANY: usize = usize::MAX;
const BOOL: &[Type] = &[Type::Bool];
const INT: &[Type] = &[Type::Int];
const FLOAT: &[Type] = &[Type::Float];
const TEXT: &[Type] = &[Type::Text];
const JSON: &[Type] = &[Type::Json];
const MOMENT: &[Type] = &[Type::Timestamp];
const SPAN: &[Type] = &[Type::Timestamp, Type::Interval];
const CLOCK: &[Type] = &[Type::Timestamp, Type::Interval, Type::Time];
const ARRAY: &[Type] = &[
    Type::Array(Element::Bool),
    Type::Array(Element::Int),
    Type::Array(Element::Float),
    Type::Array(Element::Text),
    Type::Array(Element::Timestamp),
    Type::Array(Element::Date),
    Type::Array(Element::Uuid),
];
const TEXTS: Type = Type::Array(Element::Text);
const DECIMAL: &[Type] = &[Type::Decimal];
const SIGNED: &[Type] = &[Type::Int, Type::Decimal, Type::Float, Type::Interval];
const FRACTION: &[Type] = &[Type::Float, Type::Decimal];
const KEY: &[Type] = &[Type::Text, Type::Int];
const OCTETS: &[Type] = &[Type::Text, Type::Bytes];

const fn line(name: &'static str, function: Function, least: usize, most: usize, takes: Takes, gives: Gives) -> Signature {
    Signature { name, function, least, most, takes, gives }
}

const fn typed(
    name: &'static str,
    function: Function,
    least: usize,
    most: usize,
    places: &'static [&'static [Type]],
    ty: Type,
) -> Signature {
    line(name, function, least, most, Takes::Each(places), Gives::Type(ty))
}

/// Every function of `www/docs/boundary.md`, and [`Function::IntToFloat`], which has no name. Of two lines of a name the
/// first whose number of arguments fits counts.
pub const FUNCTIONS: &[Signature] = {
    use Function as F;
    use Takes::{Any, Case, CaseOf, Each, Exact, Numbers, Same};
    use Type::{Bool, Decimal, Float, Int, Json, Text, Timestamp};
    const TRUTH: Gives = Gives::Type(Type::Bool);
    const ARG: Gives = Gives::Argument;
    &[
        line("=", F::Eq, 2, 2, Same, TRUTH),
        line("!=", F::Ne, 2, 2, Same, TRUTH),
        line("<", F::Lt, 2, 2, Same, TRUTH),
        line("<=", F::Le, 2, 2, Same, TRUTH),
        line(">", F::Gt, 2, 2, Same, TRUTH),
        line(">=", F::Ge, 2, 2, Same, TRUTH),
        typed("and", F::And, 0, MANY, &[BOOL], Bool),
        typed("or", F::Or, 0, MANY, &[BOOL], Bool),
        typed("not", F::Not, 1, 1, &[BOOL], Bool),
        line("in", F::In, 1, MANY, Same, TRUTH),
        typed("like", F::Like, 2, 2, &[TEXT], Bool),
        typed("ilike", F::ILike, 2, 2, &[TEXT], Bool),
        line("isNull", F::IsNull, 1, 1, Any, TRUTH),
        line("isNotNull", F::IsNotNull, 1, 1, Any, TRUTH),
        line("+", F::Add, 2, 2, Numbers, ARG),
        line("-", F::Sub, 2, 2, Numbers, ARG),
        line("*", F::Mul, 2, 2, Numbers, ARG),
        line("/", F::Div, 2, 2, Numbers, ARG),
        line("%", F::Mod, 2, 2, Exact, ARG),
        line("neg", F::Neg, 1, 1, Each(&[SIGNED]), ARG),
        typed("||", F::Concat, 1, MANY, &[TEXT], Text),
        line("coalesce", F::Coalesce, 1, MANY, Same, ARG),
        typed("lower", F::Lower, 1, 1, &[TEXT], Text),
        typed("upper", F::Upper, 1, 1, &[TEXT], Text),
        typed("length", F::Length, 1, 1, &[OCTETS], Int),
        line("abs", F::Abs, 1, 1, Numbers, ARG),
        line("case", F::Case, 2, MANY, Case, ARG),
        line("caseOf", F::CaseOf, 3, MANY, CaseOf, ARG),
        line("nullif", F::NullIf, 2, 2, Same, ARG),
        line("between", F::Between, 3, 3, Same, TRUTH),
        line("isDistinctFrom", F::IsDistinct, 2, 2, Same, TRUTH),
        line("isNotDistinctFrom", F::IsNotDistinct, 2, 2, Same, TRUTH),
        line("greatest", F::Greatest, 1, MANY, Same, ARG),
        line("least", F::Least, 1, MANY, Same, ARG),
        line("round", F::Round, 1, 1, Each(&[FRACTION]), ARG),
        line("round", F::RoundTo, 2, 2, Each(&[FRACTION, INT]), ARG),
        line("floor", F::Floor, 1, 1, Each(&[FRACTION]), ARG),
        line("ceil", F::Ceil, 1, 1, Each(&[FRACTION]), ARG),
        line("trunc", F::Trunc, 1, 1, Each(&[FRACTION]), ARG),
        typed("trunc", F::TruncTo, 2, 2, &[DECIMAL, INT], Decimal),
        typed("trimScale", F::TrimScale, 1, 1, &[DECIMAL], Decimal),
        typed("scale", F::Scale, 1, 1, &[DECIMAL], Int),
        line("sign", F::Sign, 1, 1, Each(&[FRACTION]), ARG),
        typed("power", F::Power, 2, 2, &[FLOAT], Float),
        typed("sqrt", F::Sqrt, 1, 1, &[FLOAT], Float),
        typed("exp", F::Exp, 1, 1, &[FLOAT], Float),
        typed("ln", F::Ln, 1, 1, &[FLOAT], Float),
        line("cast", F::Cast(CastTo::Text), 1, 1, Any, Gives::Parameter),
        typed("substring", F::Substring, 2, 3, &[TEXT, INT], Text),
        typed("left", F::Left, 2, 2, &[TEXT, INT], Text),
        typed("right", F::Right, 2, 2, &[TEXT, INT], Text),
        typed("trim", F::Trim, 1, 2, &[TEXT], Text),
        typed("ltrim", F::LTrim, 1, 2, &[TEXT], Text),
        typed("rtrim", F::RTrim, 1, 2, &[TEXT], Text),
        typed("replace", F::Replace, 3, 3, &[TEXT], Text),
        typed("strpos", F::Strpos, 2, 2, &[TEXT], Int),
        typed("toChar", F::ToChar, 2, 2, &[MOMENT, TEXT], Text),
        typed("numeric", F::Numeric, 3, 3, &[DECIMAL, INT], Decimal),
        typed("splitPart", F::SplitPart, 3, 3, &[TEXT, TEXT, INT], Text),
        typed("startsWith", F::StartsWith, 2, 2, &[TEXT], Bool),
        typed("repeat", F::Repeat, 2, 2, &[TEXT, INT], Text),
        typed("reverse", F::Reverse, 1, 1, &[TEXT], Text),
        typed("lpad", F::LPad, 2, 3, &[TEXT, INT, TEXT], Text),
        typed("rpad", F::RPad, 2, 3, &[TEXT, INT, TEXT], Text),
        typed("initcap", F::InitCap, 1, 1, &[TEXT], Text),
        typed("concat", F::ConcatAll, 1, MANY, &[TEXT], Text),
        typed("concatWs", F::ConcatWs, 2, MANY, &[TEXT], Text),
        typed("octetLength", F::OctetLength, 1, 1, &[OCTETS], Int),
        typed("ascii", F::Ascii, 1, 1, &[TEXT], Int),
        typed("chr", F::Chr, 1, 1, &[INT], Text),
        line("dateTrunc", F::DateTrunc(Unit::Day), 1, 1, Each(&[SPAN]), ARG),
        typed("extract", F::Extract(Unit::Day), 1, 1, &[CLOCK], Float),
        typed("addInterval", F::AddInterval, 4, 4, &[MOMENT, INT], Timestamp),
        typed("diffSeconds", F::DiffSeconds, 2, 2, &[MOMENT], Float),
        typed("makeTimestamp", F::MakeTimestamp, 6, 6, &[INT, INT, INT, INT, INT, FLOAT], Timestamp),
        typed("->", F::JsonGet, 2, 2, &[JSON, KEY], Json),
        typed("->>", F::JsonGetText, 2, 2, &[JSON, KEY], Text),
        typed("#>", F::JsonPath, 1, MANY, &[JSON, TEXT], Json),
        typed("#>>", F::JsonPathText, 1, MANY, &[JSON, TEXT], Text),
        typed("jsonTypeof", F::JsonTypeof, 1, 1, &[JSON], Text),
        typed("jsonArrayLength", F::JsonArrayLength, 1, 1, &[JSON], Int),
        typed("@>", F::JsonContains, 2, 2, &[JSON], Bool),
        line("any", F::Any, 2, 2, Any, TRUTH),
        line("&&", F::ArrayOverlaps, 2, 2, Any, TRUTH),
        typed("cardinality", F::Cardinality, 1, 1, &[ARRAY], Int),
        typed("arrayLength", F::ArrayLength, 1, 1, &[ARRAY], Int),
        line("arrayAt", F::ArrayAt, 2, 2, Each(&[ARRAY, INT]), ARG),
        line("arrayPosition", F::ArrayPosition, 2, 2, Any, Gives::Type(Int)),
        typed("arrayToText", F::ArrayToText, 2, 2, &[ARRAY, TEXT], Text),
        typed("?", F::JsonExists, 2, 2, &[JSON, TEXT], Bool),
        typed("~", F::Matches, 2, 2, &[TEXT], Bool),
        typed("~*", F::MatchesFolded, 2, 2, &[TEXT], Bool),
        typed("regexpSubstr", F::RegexpSubstr, 2, 2, &[TEXT], Text),
        typed("regexpReplace", F::RegexpReplace, 3, 4, &[TEXT], Text),
        typed("regexpMatch", F::RegexpMatch, 2, 2, &[TEXT], TEXTS),
        typed("regexpMatches", F::RegexpMatches, 2, 2, &[TEXT], TEXTS),
        typed("reFind", F::ReFind, 2, 2, &[TEXT], TEXTS),
        typed("reSeq", F::ReSeq, 2, 2, &[TEXT], TEXTS),
    ]
};

/// Units by name, and whether moments can be cut to them.
pub const UNITS: &[(&str, Unit, bool)] = &[
    ("microseconds", Unit::Microseconds, true),
    ("milliseconds", Unit::Milliseconds, true),
    ("second", Unit::Second, true),
    ("minute", Unit::Minute, true),
    ("hour", Unit::Hour, true),
    ("day", Unit::Day, true),
    ("week", Unit::Week, true),
    ("month", Unit::Month, true),
    ("quarter", Unit::Quarter, true),
    ("year", Unit::Year, true),
    ("decade", Unit::Decade, true),
    ("century", Unit::Century, true),
    ("millennium", Unit::Millennium, true),
    ("isoyear", Unit::IsoYear, false),
    ("dow", Unit::DayOfWeek, false),
    ("isodow", Unit::IsoDayOfWeek, false),
    ("doy", Unit::DayOfYear, false),
    ("epoch", Unit::Epoch, false),
    ("julian", Unit::Julian, false),
];

/// Casts by the name of the type, and the types that each takes.
pub const CASTS: &[(&str, CastTo, &[&[Type]])] = {
    use Type::{Array, Bool, Bytes, Date, Decimal, Float, Int, Interval, Json, Text, Time, Timestamp, Uuid};
    &[
        (
            "text",
            CastTo::Text,
            &[&[
                Bool,
                Int,
                Float,
                Text,
                Bytes,
                Timestamp,
                Json,
                Decimal,
                Date,
                Time,
                Uuid,
                Interval,
                Array(Element::Bool),
                Array(Element::Int),
                Array(Element::Float),
                Array(Element::Text),
                Array(Element::Timestamp),
                Array(Element::Date),
                Array(Element::Uuid),
            ]],
        ),
        ("int", CastTo::Int, &[&[Int, Float, Decimal, Bool, Text, Json]]),
        ("bigint", CastTo::BigInt, &[&[Int, Float, Decimal, Bool, Text, Json]]),
        ("float", CastTo::Float, &[&[Float, Int, Decimal, Text, Json]]),
        ("bool", CastTo::Bool, &[&[Bool, Int, Text, Json]]),
        ("timestamp", CastTo::Timestamp, &[&[Timestamp, Date, Text]]),
        ("json", CastTo::Json, &[&[Json, Text]]),
        ("decimal", CastTo::Decimal, &[&[Decimal, Int, Float, Text, Json]]),
        ("date", CastTo::Date, &[&[Date, Timestamp, Text]]),
        ("time", CastTo::Time, &[&[Time, Timestamp, Interval, Text]]),
        ("interval", CastTo::Interval, &[&[Interval, Time, Text]]),
        ("uuid", CastTo::Uuid, &[&[Uuid, Text]]),
    ]
};
