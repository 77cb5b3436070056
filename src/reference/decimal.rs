//! Decimals by long-hand: lists of single digits, carried as on paper.

use std::cmp::Ordering;

use super::expr::{by_zero, out_of_range};
use crate::error::{Error, ErrorCode, Result};
use crate::query::{AggregateFunction, Function};
use crate::value::{Value, decimal_text, parse_decimal};

/// `digits` / 10^`scale`, the first digit the highest; no digits are zero.
#[derive(Clone, Debug)]
pub(super) struct Long {
    negative: bool,
    digits: Vec<u8>,
    scale: usize,
}

impl Long {
    pub fn of_text(text: &str) -> Long {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
        let scale = text.split_once('.').map_or(0, |(_, behind)| behind.len());
        let digits = text.bytes().filter(|b| *b != b'.').map(|b| b - b'0').collect();
        Long { negative, digits, scale }.tidy()
    }

    pub fn of(value: &Value) -> Long {
        match value {
            Value::Decimal(packed) => Long::of_text(&decimal_text(packed)),
            Value::Int(v) => Long::of_text(&v.to_string()),
            other => panic!("{other:?} where a decimal belongs"),
        }
    }

    fn tidy(mut self) -> Long {
        let zeros = self.digits.iter().take_while(|d| **d == 0).count();
        self.digits.drain(..zeros);
        self.negative &= !self.digits.is_empty();
        self
    }

    /// The digits with zeros in front of them, so that one is before the point.
    fn padded(&self) -> Vec<u8> {
        let mut digits = vec![0; (self.scale + 1).saturating_sub(self.digits.len())];
        digits.extend(&self.digits);
        digits
    }

    pub fn text(&self) -> String {
        let digits: String = self.padded().iter().map(|d| char::from(b'0' + d)).collect();
        let (whole, behind) = digits.split_at(digits.len() - self.scale);
        format!("{}{whole}{}{behind}", if self.negative { "-" } else { "" }, if behind.is_empty() { "" } else { "." })
    }

    pub fn value(&self) -> Result<Value> {
        parse_decimal(&self.text()).map(Value::Decimal).ok_or_else(out_of_range)
    }

    /// With more zeros behind the point.
    fn with_scale(&self, scale: usize) -> Long {
        let mut digits = self.digits.clone();
        digits.resize(digits.len() + scale - self.scale, 0);
        Long { digits, scale, ..*self }.tidy()
    }

    fn plus(&self, other: &Long) -> Long {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.with_scale(scale), other.with_scale(scale));
        if a.negative == b.negative {
            return Long { negative: a.negative, digits: added(&a.digits, &b.digits), scale }.tidy();
        }
        let (large, small) = if larger(&a.digits, &b.digits).is_lt() { (b, a) } else { (a, b) };
        Long { negative: large.negative, digits: taken(&large.digits, &small.digits), scale }.tidy()
    }

    fn opposite(&self) -> Long {
        Long { negative: !self.negative, ..self.clone() }.tidy()
    }

    fn minus(&self, other: &Long) -> Long {
        self.plus(&other.opposite())
    }

    pub fn order(&self, other: &Long) -> Ordering {
        let difference = self.minus(other);
        if difference.negative { Ordering::Less } else { difference.digits.len().cmp(&0) }
    }

    fn times(&self, other: &Long) -> Long {
        let digits = product(&self.digits, &other.digits);
        Long { negative: self.negative != other.negative, digits, scale: self.scale + other.scale }.tidy()
    }

    /// Weight and value of the highest group of four digits, counted from the point, that is not zero.
    fn group(&self) -> (i64, u32) {
        let digits = self.padded();
        let (whole, behind) = digits.split_at(digits.len() - self.scale);
        let mut aligned = vec![0; (4 - whole.len() % 4) % 4];
        aligned.extend(whole);
        let groups = aligned.len() / 4;
        aligned.extend(behind);
        aligned.resize(aligned.len().next_multiple_of(4), 0);
        let number = |g: &[u8]| g.iter().fold(0, |n, d| n * 10 + u32::from(*d));
        let found = aligned.chunks(4).map(number).enumerate().find(|g| g.1 != 0);
        found.map_or((0, 0), |(i, n)| (groups as i64 - 1 - i as i64, n))
    }

    fn over(&self, by: &Long) -> Result<Long> {
        if by.digits.is_empty() {
            return Err(by_zero());
        }
        let ((w1, d1), (w2, d2)) = (self.group(), by.group());
        let weight = if d1 <= d2 { w1 - w2 - 1 } else { w1 - w2 };
        let scale = (16 - 4 * weight).max(self.scale as i64).max(by.scale as i64).clamp(0, 1000) as usize;
        // One digit more at least than is kept.
        let behind = scale + 1 + self.scale;
        let (digits, _) = quotient(&self.with_scale(behind + by.scale).digits, &by.digits);
        Ok(Long { negative: self.negative != by.negative, digits, scale: behind }.tidy().cut(scale as i64, Function::Round))
    }

    fn rest(&self, by: &Long) -> Result<Long> {
        if by.digits.is_empty() {
            return Err(by_zero());
        }
        let scale = self.scale.max(by.scale);
        let (_, digits) = quotient(&self.with_scale(scale).digits, &by.with_scale(scale).digits);
        Ok(Long { negative: self.negative, digits, scale }.tidy())
    }

    /// Cut behind a digit; `how` is `Round`, `Trunc`, `Floor` or `Ceil`.
    fn cut(&self, places: i64, how: Function) -> Long {
        let places = places.clamp(-1001, 1000);
        if places >= self.scale as i64 {
            return self.with_scale(places as usize);
        }
        let off = (self.scale as i64 - places) as usize;
        let mut digits = self.digits.clone();
        let gone = digits.split_off(digits.len().saturating_sub(off));
        let half = gone.len() == off && gone[0] >= 5;
        let some = gone.iter().any(|d| *d != 0);
        let away = match how {
            Function::Round => half,
            Function::Floor => some && self.negative,
            Function::Ceil => some && !self.negative,
            _ => false,
        };
        if away {
            digits = added(&digits, &[1]);
        }
        digits.extend((places..0).map(|_| 0));
        Long { negative: self.negative, digits, scale: places.max(0) as usize }.tidy()
    }

    fn trimmed(&self) -> Long {
        let zeros = self.padded().iter().rev().take_while(|d| **d == 0).count().min(self.scale);
        self.cut((self.scale - zeros) as i64, Function::Trunc)
    }

    /// Digit by digit: the highest that does not make the square too large.
    fn root(&self, scale: usize) -> Long {
        let more = (scale + 1).max(self.scale);
        let square = self.with_scale(2 * more);
        let mut digits = vec![0u8; square.digits.len() / 2 + 1];
        for at in 0..digits.len() {
            let fits = |d: &u8| {
                let tried: Vec<u8> = digits[..at].iter().copied().chain([*d]).chain(vec![0; digits.len() - at - 1]).collect();
                larger(&product(&tried, &tried), &square.digits).is_le()
            };
            digits[at] = (0..=9).rev().find(fits).expect("zero fits");
        }
        Long { negative: false, digits, scale: more }.tidy().cut(scale as i64, Function::Round)
    }
}

fn stripped(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|d| **d == 0).count()..]
}

fn larger(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (stripped(a), stripped(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn added(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (mut out, mut carry) = (Vec::new(), 0);
    for i in 0..=a.len().max(b.len()) {
        let digit = |of: &[u8]| of.iter().rev().nth(i).copied().unwrap_or(0);
        let sum = digit(a) + digit(b) + carry;
        out.push(sum % 10);
        carry = sum / 10;
    }
    out.reverse();
    out
}

fn taken(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (mut out, mut owed) = (Vec::new(), 0);
    for i in 0..a.len() {
        let digit = |of: &[u8]| of.iter().rev().nth(i).copied().unwrap_or(0);
        let rest = 10 + digit(a) - digit(b) - owed;
        owed = u8::from(rest < 10);
        out.push(rest % 10);
    }
    out.reverse();
    out
}

fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut columns = vec![0u64; a.len() + b.len() + 1];
    for (i, x) in a.iter().rev().enumerate() {
        for (j, y) in b.iter().rev().enumerate() {
            columns[i + j] += u64::from(x * y);
        }
    }
    let mut carry = 0;
    for column in &mut columns {
        carry += *column;
        *column = carry % 10;
        carry /= 10;
    }
    columns.iter().rev().map(|d| *d as u8).collect()
}

/// Long division: bring down a digit, take the divisor away as often as it goes.
fn quotient(a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut rest) = (Vec::new(), Vec::new());
    for &d in a {
        rest.push(d);
        let mut times = 0;
        while larger(&rest, b).is_ge() {
            rest = taken(&rest, b);
            times += 1;
        }
        out.push(times);
    }
    (out, rest)
}

/// A function whose first argument is a decimal.
pub(super) fn call(function: Function, args: &[Value]) -> Result<Value> {
    use Function as F;
    let a = Long::of(&args[0]);
    let places = |v: &Value| if let Value::Int(n) = v { *n } else { panic!("{v:?} places") };
    let found = match (function, &args[1..]) {
        (F::Add, [b]) => a.plus(&Long::of(b)),
        (F::Sub, [b]) => a.minus(&Long::of(b)),
        (F::Mul, [b]) => a.times(&Long::of(b)),
        (F::Div, [b]) => a.over(&Long::of(b))?,
        (F::Mod, [b]) => a.rest(&Long::of(b))?,
        (F::Neg, []) => a.opposite(),
        (F::Abs, []) => Long { negative: false, ..a },
        (F::Sign, []) => Long { digits: if a.digits.is_empty() { vec![] } else { vec![1] }, scale: 0, ..a },
        (F::Round | F::Floor | F::Ceil | F::Trunc, []) => a.cut(0, function),
        (F::RoundTo, [n]) => a.cut(places(n), F::Round),
        (F::TruncTo, [n]) => a.cut(places(n), F::Trunc),
        (F::Numeric, [precision, scale]) => {
            let (precision, scale) = (places(precision), places(scale));
            if !(1..=1000).contains(&precision) || !(-1000..=1000).contains(&scale) {
                return Err(Error::new(ErrorCode::InvalidArgument, "no such precision and scale"));
            }
            let cut = a.cut(scale, F::Round);
            // Below 10^(p − s), by its highest digit.
            if !cut.digits.is_empty() && cut.digits.len() as i64 - cut.scale as i64 > precision - scale {
                return Err(out_of_range());
            }
            cut
        }
        (F::TrimScale, []) => a.trimmed(),
        (F::Scale, []) => return Ok(Value::Int(a.scale as i64)),
        _ => panic!("{function:?} of {args:?}"),
    };
    found.value()
}

/// An aggregate of decimals, of which there are some; of a sample at least two.
pub(super) fn aggregated(function: AggregateFunction, values: &[Value]) -> Result<Value> {
    use AggregateFunction as A;
    let all: Vec<Long> = values.iter().map(Long::of).collect();
    let count = Long::of(&Value::Int(all.len() as i64));
    let zero = || Long::of_text("0");
    let sum = all.iter().fold(zero(), |sum, v| sum.plus(v));
    let found = match function {
        A::Sum => sum,
        A::Avg => sum.over(&count)?,
        _ => {
            let squares = all.iter().fold(zero(), |sum, v| sum.plus(&v.times(v)));
            let above = count.times(&squares).minus(&sum.times(&sum));
            let sample = matches!(function, A::VarSamp | A::StddevSamp);
            let below = if sample { count.minus(&Long::of_text("1")) } else { count.clone() };
            if above.order(&zero()).is_le() {
                zero()
            } else {
                let variance = above.over(&count.times(&below))?;
                let is_root = matches!(function, A::StddevSamp | A::StddevPop);
                if is_root { variance.root(variance.scale) } else { variance }
            }
        }
    };
    found.value()
}

/// Order of a value beside the current one moved by an offset.
pub(super) fn from_moved(value: &Value, current: &Value, offset: &Value, back: bool) -> Ordering {
    let (current, offset) = (Long::of(current), Long::of(offset));
    Long::of(value).order(&if back { current.minus(&offset) } else { current.plus(&offset) })
}

/// As an integer, rounded half away from zero.
pub(super) fn integer(value: &Value) -> Result<Value> {
    let text = Long::of(value).cut(0, Function::Round).text();
    text.parse().map(Value::Int).map_err(|_| out_of_range())
}

/// The nearest double.
pub(super) fn float(value: &Value) -> Result<Value> {
    let exact = Long::of(value);
    let float: f64 = exact.text().parse().expect("a number");
    let vanished = float == 0.0 && !exact.digits.is_empty();
    if float.is_infinite() || vanished { Err(out_of_range()) } else { Ok(Value::Float(float)) }
}

/// A double by its first fifteen digits.
pub(super) fn of_float(v: f64) -> Result<Value> {
    if !v.is_finite() {
        return Err(out_of_range());
    }
    parse_decimal(&format!("{v:.14e}"))
        .map(|p| {
            let long = Long::of_text(&decimal_text(&p)).trimmed();
            long.value().expect("no more digits than before")
        })
        .ok_or_else(out_of_range)
}
