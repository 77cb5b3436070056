//! Functions and operators of bound expressions. Their names, arguments and results are in [`registry`](super::registry).

use super::registry::{FUNCTIONS, Gives, Signature};
use crate::value::Type;

/// Functions and operators. Arguments are of the types that [`FUNCTIONS`] states, checked by `bind`; any null argument gives
/// null unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `=` of two of one type.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// Three-valued and, any number of arguments.
    And,
    /// Three-valued or, any number of arguments.
    Or,
    /// Three-valued not.
    Not,
    /// First argument equals one of the rest; null if none does and one is null.
    In,
    /// `like` with `%`, `_` and backslash; pattern is the second argument.
    Like,
    /// `ilike`: as `like` with both sides lowered.
    ILike,
    /// Never null.
    IsNull,
    /// Never null.
    IsNotNull,
    /// Int + Int (overflow is an error), Float + Float.
    Add,
    /// Int − Int, Float − Float.
    Sub,
    /// Int × Int, Float × Float.
    Mul,
    /// Int / Int truncates; division by zero is an error, for floats too (as PostgreSQL).
    Div,
    /// Int % Int, sign of the dividend.
    Mod,
    /// −Int, −Float.
    Neg,
    /// Text || Text.
    Concat,
    /// First non-null argument; the rest is not evaluated.
    Coalesce,
    /// Lower case (Unicode).
    Lower,
    /// Upper case (Unicode).
    Upper,
    /// Length of text in characters, of bytes in octets. Int.
    Length,
    /// |Int|, |Float|.
    Abs,
    /// Int → Float, exact below 2^53. Put in by `bind` where an integer meets a float.
    IntToFloat,
    /// Int → Decimal. Put in by `bind` where an integer meets a decimal.
    IntToDecimal,
    /// Decimal → Float, the nearest; beyond the range an error. Put in by `bind` where a decimal meets a float.
    DecimalToFloat,
    /// The first argument, unless the second, a number of rows, is above 1: an error. Put in for scalar sub-queries.
    OneRow,
    /// Condition, value, condition, value …, and last, if the number is odd, the value otherwise (else null). The first value
    /// whose condition is true; nothing behind it, and no other value, is evaluated.
    Case,
    /// Operand, then as [`Case`](Function::Case) with values that are compared with the operand in the place of conditions.
    CaseOf,
    /// Null if both are equal, else the first, also if one is null.
    NullIf,
    /// `x >= low and x <= high`, three-valued.
    Between,
    /// `is distinct from`: null equals null. Never null.
    IsDistinct,
    /// `is not distinct from`. Never null.
    IsNotDistinct,
    /// Largest argument that is not null.
    Greatest,
    /// Smallest argument that is not null.
    Least,
    /// To the nearest whole number: of Float half to even, of Decimal half away from zero.
    Round,
    /// To a number of decimal digits (of a Float: of its shortest decimal text), half away from zero.
    RoundTo,
    /// Decimal, towards zero to a number of decimal digits.
    TruncTo,
    /// Decimal without zeros at the end of the digits behind the point.
    TrimScale,
    /// Digits behind the point of a Decimal. Int.
    Scale,
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// Towards zero.
    Trunc,
    /// −1, 0, 1; 0 of NaN.
    Sign,
    /// Power; errors as PostgreSQL's `dpow`.
    Power,
    /// Square root; an error of negative numbers.
    Sqrt,
    /// e^x; overflow and underflow are errors.
    Exp,
    /// Natural logarithm; an error of zero and negative numbers.
    Ln,
    /// To another type; see [`CastTo`].
    Cast(CastTo),
    /// Text, first character (from 1, may lie outside), number of characters (an error if negative).
    Substring,
    /// First characters; all but the last of a negative number.
    Left,
    /// Last characters; all but the first of a negative number.
    Right,
    /// Without characters of a set (blanks, if not given) at both ends.
    Trim,
    /// At the front.
    LTrim,
    /// At the end.
    RTrim,
    /// Text with every occurrence replaced.
    Replace,
    /// Place of the second text in the first, from 1; 0: nowhere. Int.
    Strpos,
    /// Field (from 1, from the end if negative; 0 is an error) of a text that is split at a separator.
    SplitPart,
    /// Whether a text begins with another.
    StartsWith,
    /// A text so many times.
    Repeat,
    /// Characters in reverse.
    Reverse,
    /// Filled up (or cut) to a length at the front.
    LPad,
    /// At the end.
    RPad,
    /// First letter of each word in upper case, others in lower.
    InitCap,
    /// Texts joined; nulls are left out. Never null.
    ConcatAll,
    /// Texts joined with the first between them; nulls are left out. Null if the separator is.
    ConcatWs,
    /// Octets of a text in UTF-8, or of bytes. Int.
    OctetLength,
    /// Code point of the first character, 0 of none. Int.
    Ascii,
    /// Character of a code point.
    Chr,
    /// Beginning of the unit that a moment is in, in UTC.
    DateTrunc(Unit),
    /// A part of a moment, in UTC. Float, as `date_part`.
    Extract(Unit),
    /// Moment, months, days, microseconds: in this order, the day cut to the month's length.
    AddInterval,
    /// Date + Int, Int + Date.
    AddDays,
    /// Date − Int.
    SubDays,
    /// Days from the second date to the first. Int.
    DiffDays,
    /// The beginning of a day. Put in by `bind` where a date meets a moment.
    DateToTimestamp,
    /// Moment + Interval, Time + Interval.
    AddSpan,
    /// Interval from the second moment to the first, of whole days and a rest; of times of day without days.
    DiffMoments,
    /// Interval × Float.
    ScaleSpan,
    /// Interval / Float.
    ShrinkSpan,
    /// Interval in the one form of its length. Put in by `bind` where equal intervals become one.
    PlainInterval,
    /// `x = any(array)`: null if no element equals it and one is null; false of an empty one, also for null.
    Any,
    /// `@>` of arrays: every element of the second is in the first. Nulls equal nothing.
    ArrayContains,
    /// `&&`: some element of one is in the other.
    ArrayOverlaps,
    /// Number of elements.
    Cardinality,
    /// The same; null of none.
    ArrayLength,
    /// An element by its place, from 1; null where there is none.
    ArrayAt,
    /// Place of the first element that equals a value, or is null as it is, from 1; null if none does.
    ArrayPosition,
    /// Elements that are not null as texts, joined.
    ArrayToText,
    /// Seconds from the second moment to the first. Float.
    DiffSeconds,
    /// Year, month, day, hour, minute, second (Float) in UTC.
    MakeTimestamp,
    /// `->`: by key, or by index, from the end if negative.
    JsonGet,
    /// `->>`.
    JsonGetText,
    /// `#>`: along keys and indexes, each as text.
    JsonPath,
    /// `#>>`.
    JsonPathText,
    /// `object array string number boolean null`.
    JsonTypeof,
    /// Number of elements; an error of what is no array. Int.
    JsonArrayLength,
    /// `@>`.
    JsonContains,
    /// `?`: a key of an object, a text in an array, or the text itself.
    JsonExists,
    /// `~`: a regular expression, a literal, is found in the text.
    Matches,
    /// `~*`: without regard to case.
    MatchesFolded,
    /// `regexp_substr`: what a regular expression, a literal, matches first in the text; null if nothing. Text.
    RegexpSubstr,
    /// `regexp_replace`: text, regular expression, replacement, perhaps flags; the expression is no more than a parameter, the flags are a
    /// literal. Text.
    RegexpReplace,
    /// `regexp_match`: the first match, or what its groups match if it has any; null if nothing. Texts.
    RegexpMatch,
    /// The same of all matches one after another, in one list.
    RegexpMatches,
    /// The first match as Perl, Java and JavaScript choose it, then what its groups match; null if nothing. Texts.
    ReFind,
    /// The same of all matches one after another, in one list.
    ReSeq,
    /// `to_char`: a moment as a template, the second argument, says. Text.
    ToChar,
    /// `to_char`: a number, as a decimal, as a template says. Text.
    NumberToChar,
    /// `numeric(p, s)`: a decimal of at most so many digits, so many behind the point. Decimal.
    Numeric,
}

/// What a cast makes, of what. Texts are read as PostgreSQL reads them; an error if they do not read as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CastTo {
    /// Of Bool, Int (not zero), Text; of Json that is a boolean.
    Bool,
    /// Of Int, Float (to the nearest, half to even), Decimal (half away from zero), Bool, Text; of Json that is a number, as of
    /// Decimal. JSON's null is null.
    Int,
    /// The same, shown as a bigint whatever its size.
    BigInt,
    /// Of Float, Int, Decimal, Text; of Json that is a number.
    Float,
    /// Of all.
    Text,
    /// Of Timestamp, Date, Text.
    Timestamp,
    /// Of Json, Text.
    Json,
    /// Of Decimal, Int, Float (its first fifteen digits), Text; of Json that is a number.
    Decimal,
    /// Of Date, Timestamp, Text.
    Date,
    /// Of Time, Timestamp, Interval, Text.
    Time,
    /// Of Uuid, Text.
    Uuid,
    /// Of Interval, Time, Text.
    Interval,
}

/// Parts of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are their names")]
pub enum Unit {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    IsoYear,
    Decade,
    Century,
    Millennium,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Epoch,
    Julian,
}

impl Unit {
    /// Whether values of a type have this part.
    pub(crate) fn is_of(self, ty: Type) -> bool {
        use Unit as U;
        let small = matches!(self, U::Microseconds | U::Milliseconds | U::Second | U::Minute | U::Hour | U::Epoch);
        let calendar = matches!(self, U::Week | U::IsoYear | U::DayOfWeek | U::IsoDayOfWeek | U::DayOfYear | U::Julian);
        match ty {
            Type::Time => small,
            Type::Interval => !calendar,
            _ => true,
        }
    }
}

impl CastTo {
    /// The type that comes out.
    pub const fn ty(self) -> Type {
        match self {
            CastTo::Bool => Type::Bool,
            CastTo::Int | CastTo::BigInt => Type::Int,
            CastTo::Float => Type::Float,
            CastTo::Text => Type::Text,
            CastTo::Timestamp => Type::Timestamp,
            CastTo::Json => Type::Json,
            CastTo::Decimal => Type::Decimal,
            CastTo::Date => Type::Date,
            CastTo::Time => Type::Time,
            CastTo::Uuid => Type::Uuid,
            CastTo::Interval => Type::Interval,
        }
    }
}

impl Function {
    /// Whether the value of an argument may be that of the call; of `case`, conditions and what is compared may not.
    pub(super) fn is_result(self, place: usize, arguments: usize) -> bool {
        let operand = match self {
            Function::RoundTo => return place == 0,
            Function::Case => 0,
            Function::CaseOf => 1,
            _ => return true,
        };
        place >= operand && ((place - operand) % 2 == 1 || place + 1 == arguments && (arguments - operand) % 2 == 1)
    }

    /// Whether it has a value for any arguments: its error cannot depend on where in a plan it is evaluated. What is not
    /// listed may fail, if only because a text grows too long.
    pub fn is_total(self) -> bool {
        use Function as F;
        matches!(
            self,
            F::Eq
                | F::Ne
                | F::Lt
                | F::Le
                | F::Gt
                | F::Ge
                | F::And
                | F::Or
                | F::Not
                | F::In
                | F::Like
                | F::ILike
                | F::IsNull
                | F::IsNotNull
                | F::IsDistinct
                | F::IsNotDistinct
                | F::Between
                | F::NullIf
                | F::Coalesce
                | F::Case
                | F::CaseOf
                | F::Greatest
                | F::Least
                | F::IntToFloat
                | F::IntToDecimal
                | F::DateToTimestamp
                | F::DiffDays
                | F::PlainInterval
                | F::Any
                | F::ArrayContains
                | F::ArrayOverlaps
                | F::Cardinality
                | F::ArrayLength
                | F::ArrayAt
                | F::ArrayPosition
                | F::TrimScale
                | F::Scale
                | F::Round
                | F::Floor
                | F::Ceil
                | F::Trunc
                | F::Sign
                | F::Cast(CastTo::Text)
                | F::Lower
                | F::Upper
                | F::InitCap
                | F::Length
                | F::OctetLength
                | F::Ascii
                | F::Reverse
                | F::Left
                | F::Right
                | F::Trim
                | F::LTrim
                | F::RTrim
                | F::Strpos
                | F::StartsWith
                | F::Matches
                | F::MatchesFolded
                | F::RegexpSubstr
                | F::RegexpMatch
                | F::RegexpMatches
                | F::ReFind
                | F::ReSeq
                | F::Extract(_)
                | F::JsonGet
                | F::JsonGetText
                | F::JsonPath
                | F::JsonPathText
                | F::JsonTypeof
                | F::JsonContains
                | F::JsonExists
        )
    }

    /// Type of a call whose arguments have these types; `None` where only untyped nulls go in and come out.
    ///
    /// Cost: the length of the registry.
    pub fn result(self, arguments: impl ExactSizeIterator<Item = Option<Type>>) -> Option<Type> {
        use Function as F;
        let same = |s: &&Signature| std::mem::discriminant(&s.function) == std::mem::discriminant(&self);
        let count = arguments.len();
        match (self, FUNCTIONS.iter().find(same).map(|s| s.gives)) {
            (Function::Cast(to), _) => Some(to.ty()),
            (Function::IntToFloat | Function::DecimalToFloat, _) => Some(Type::Float),
            (Function::IntToDecimal, _) => Some(Type::Decimal),
            (Function::AddDays | Function::SubDays, _) => Some(Type::Date),
            (Function::DiffDays, _) => Some(Type::Int),
            (F::DiffMoments | F::ScaleSpan | F::ShrinkSpan | F::PlainInterval, _) => Some(Type::Interval),
            (F::ArrayContains, _) => Some(Type::Bool),
            (F::NumberToChar, _) => Some(Type::Text),
            (F::ArrayAt, _) => match arguments.take(1).flatten().next() {
                Some(Type::Array(element)) => Some(element.ty()),
                _ => None,
            },
            (F::AddSpan | F::DateTrunc(_), _) => arguments.take(1).flatten().next().or(Some(Type::Timestamp)),
            (Function::DateToTimestamp, _) => Some(Type::Timestamp),
            (F::Round | F::RoundTo | F::Floor | F::Ceil | F::Trunc | F::Sign, _) => {
                arguments.take(1).flatten().next().or(Some(Type::Float))
            }
            (Function::OneRow, _) => arguments.take(1).flatten().next(),
            (_, Some(Gives::Type(ty))) => Some(ty),
            _ => arguments.enumerate().filter(|(i, _)| self.is_result(*i, count)).find_map(|(_, ty)| ty),
        }
    }
}
