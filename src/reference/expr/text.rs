//! Texts, as lists of characters.

use super::undefined;
use crate::error::{Error, ErrorCode, Result};
use crate::query::Function;
use crate::value::Value;

const LIMIT: usize = 16 * 1024 * 1024;

fn made(chars: impl IntoIterator<Item = char>) -> Result<Value> {
    let mut out = String::new();
    for c in chars {
        out.push(c);
        if out.len() > LIMIT {
            return Err(Error::new(ErrorCode::ValueTooLarge, "too long"));
        }
    }
    Ok(Value::text(out))
}

/// Those that are not null, with a text between them.
pub(super) fn join(between: &str, texts: &[Value]) -> Result<Value> {
    let texts: Vec<&str> = texts.iter().filter_map(|t| if let Value::Text(t) = t { Some(&**t) } else { None }).collect();
    made(texts.join(between).chars())
}

pub(super) fn call(function: Function, args: &[Value]) -> Result<Value> {
    let chars = |i: usize| -> Vec<char> {
        match args.get(i) {
            Some(Value::Text(t)) => t.chars().collect(),
            None => vec![' '],
            other => panic!("{other:?} where a text belongs"),
        }
    };
    let int = |i: usize| if let Value::Int(v) = args[i] { i128::from(v) } else { panic!("{:?} is no integer", args[i]) };
    let count = |c: usize| Ok(Value::Int(c as i64));
    match function {
        Function::OctetLength => match &args[0] {
            Value::Bytes(b) => count(b.len()),
            Value::Text(t) => count(t.len()),
            other => panic!("{other:?} has no octets"),
        },
        Function::Ascii => Ok(Value::Int(chars(0).first().map_or(0, |c| i64::from(u32::from(*c))))),
        Function::Chr => {
            let code = int(0);
            let c = if (1..=0x10ffff).contains(&code) { char::from_u32(code as u32) } else { None };
            c.map(|c| Value::text(c.to_string())).ok_or_else(|| undefined("no character"))
        }
        Function::Reverse => made(chars(0).into_iter().rev()),
        Function::StartsWith => Ok(Value::Bool(is_at(&chars(0), &chars(1), 0))),
        Function::Strpos => {
            let (text, part) = (chars(0), chars(1));
            count((0..=text.len()).find(|&at| is_at(&text, &part, at)).map_or(0, |at| at + 1))
        }
        Function::Left | Function::Right => {
            let (text, n) = (chars(0), int(1));
            let len = text.len() as i128;
            let kept = if n >= 0 { n.min(len) } else { (len + n).max(0) } as usize;
            made(if function == Function::Left { text[..kept].to_vec() } else { text[text.len() - kept..].to_vec() })
        }
        Function::Substring => {
            // The characters whose number, from 1, is in the span.
            let (from, end) = (int(1), if args.len() == 3 { int(1) + int(2) } else { i128::MAX });
            if args.len() == 3 && int(2) < 0 {
                return Err(undefined("a negative length"));
            }
            made(chars(0).into_iter().enumerate().filter(|(i, _)| (from..end).contains(&(*i as i128 + 1))).map(|(_, c)| c))
        }
        Function::Trim | Function::LTrim | Function::RTrim => {
            let (mut text, set) = (chars(0), chars(1));
            while function != Function::RTrim && text.first().is_some_and(|c| set.contains(c)) {
                text.remove(0);
            }
            while function != Function::LTrim && text.last().is_some_and(|c| set.contains(c)) {
                text.pop();
            }
            made(text)
        }
        Function::Repeat => {
            let text = chars(0);
            made((0..int(1)).take_while(|_| !text.is_empty()).flat_map(|_| text.clone()))
        }
        Function::LPad | Function::RPad => {
            let mut text = chars(0);
            let (n, fill) = (int(1).max(0), chars(2));
            text.truncate(usize::try_from(n).unwrap_or(usize::MAX));
            if n > LIMIT as i128 && !fill.is_empty() {
                return Err(Error::new(ErrorCode::ValueTooLarge, "too long"));
            }
            let mut more = Vec::new();
            while !fill.is_empty() && ((text.len() + more.len()) as i128) < n {
                more.push(fill[more.len() % fill.len()]);
            }
            made(if function == Function::LPad { [more, text].concat() } else { [text, more].concat() })
        }
        Function::Replace => {
            let (text, from, to) = (chars(0), chars(1), chars(2));
            let pieces = split(&text, &from);
            made(pieces.join(&to[..]))
        }
        Function::SplitPart => {
            let n = int(2);
            let pieces = split(&chars(0), &chars(1));
            let at = match n {
                0 => return Err(undefined("no field 0")),
                n if n > 0 => n - 1,
                n => pieces.len() as i128 + n,
            };
            made(usize::try_from(at).ok().and_then(|at| pieces.get(at).cloned()).unwrap_or_default())
        }
        Function::InitCap => {
            let mut out = Vec::new();
            let mut before = ' ';
            for c in chars(0) {
                let within = before.is_alphabetic() || before.is_ascii_digit();
                let cased: Vec<char> = if within { c.to_lowercase().collect() } else { c.to_uppercase().collect() };
                out.push(if cased.len() == 1 { cased[0] } else { c });
                before = c;
            }
            made(out)
        }
        _ => panic!("{function:?} of {args:?}"),
    }
}

fn is_at(text: &[char], part: &[char], at: usize) -> bool {
    text[at..].len() >= part.len() && text[at..at + part.len()] == *part
}

/// The pieces between separators, taken from the left; an empty separator is nowhere.
fn split(text: &[char], between: &[char]) -> Vec<Vec<char>> {
    let mut pieces = vec![Vec::new()];
    let mut at = 0;
    while at < text.len() {
        if !between.is_empty() && is_at(text, between, at) {
            pieces.push(Vec::new());
            at += between.len();
        } else {
            pieces.last_mut().expect("a piece").push(text[at]);
            at += 1;
        }
    }
    pieces
}
