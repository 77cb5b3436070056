//! JSON as trees.

use super::undefined;
use crate::error::Result;
use crate::query::Function;
use crate::value::{Value, canonical_json, parse_decimal};

/// A JSON value; numbers by their canonical text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// The tree of canonical text.
pub(super) fn parse(text: &str) -> Tree {
    let mut chars: Vec<char> = text.chars().rev().collect();
    let tree = value(&mut chars);
    assert!(chars.is_empty(), "{text} is one value");
    tree
}

fn value(rest: &mut Vec<char>) -> Tree {
    match rest.last().expect("a value") {
        '"' => Tree::Text(string(rest)),
        '[' | '{' => {
            let object = rest.pop() == Some('{');
            let (mut list, mut members) = (Vec::new(), Vec::new());
            while !matches!(rest.last(), Some(']' | '}')) {
                if rest.last() == Some(&',') {
                    rest.pop();
                }
                if object {
                    let key = string(rest);
                    assert_eq!(rest.pop(), Some(':'));
                    members.push((key, value(rest)));
                } else {
                    list.push(value(rest));
                }
            }
            rest.pop();
            if object { Tree::Object(members) } else { Tree::List(list) }
        }
        _ => {
            let mut word = String::new();
            while let Some(c) = rest.pop_if(|c| !matches!(c, ',' | ']' | '}')) {
                word.push(c);
            }
            match word.as_str() {
                "null" => Tree::Null,
                "true" => Tree::Bool(true),
                "false" => Tree::Bool(false),
                _ => Tree::Number(word),
            }
        }
    }
}

fn string(rest: &mut Vec<char>) -> String {
    assert_eq!(rest.pop(), Some('"'));
    let mut out = String::new();
    loop {
        match rest.pop().expect("a quote") {
            '"' => return out,
            '\\' => match rest.pop().expect("an escape") {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'b' => out.push('\u{8}'),
                'f' => out.push('\u{c}'),
                'u' => {
                    let code: String = (0..4).filter_map(|_| rest.pop()).collect();
                    out.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).expect("a character"));
                }
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
}

impl Tree {
    /// As PostgreSQL writes `jsonb`.
    pub(super) fn show(&self) -> String {
        match self {
            Tree::Null => "null".to_owned(),
            Tree::Bool(v) => v.to_string(),
            Tree::Number(text) => spelled_out(text),
            Tree::Text(text) => {
                let escaped: Vec<String> = text
                    .chars()
                    .map(|c| match c {
                        '"' => "\\\"".to_owned(),
                        '\\' => "\\\\".to_owned(),
                        '\n' => "\\n".to_owned(),
                        '\r' => "\\r".to_owned(),
                        '\t' => "\\t".to_owned(),
                        '\u{8}' => "\\b".to_owned(),
                        '\u{c}' => "\\f".to_owned(),
                        c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
                        c => c.to_string(),
                    })
                    .collect();
                format!("\"{}\"", escaped.concat())
            }
            Tree::List(items) => format!("[{}]", items.iter().map(Tree::show).collect::<Vec<_>>().join(", ")),
            Tree::Object(members) => {
                let member = |(key, value): &(String, Tree)| format!("{}: {}", Tree::Text(key.clone()).show(), value.show());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn json(&self) -> Value {
        Value::Json(canonical_json(self.show().as_bytes()).expect("shown json is json").into_boxed_str())
    }

    /// What SQL has types for; a number as a decimal.
    pub(super) fn scalar(&self) -> Option<Value> {
        match self {
            Tree::Null => Some(Value::Null),
            Tree::Bool(v) => Some(Value::Bool(*v)),
            Tree::Number(text) => parse_decimal(&spelled_out(text)).map(Value::Decimal),
            Tree::Text(_) | Tree::List(_) | Tree::Object(_) => None,
        }
    }

    fn text(&self) -> Value {
        match self {
            Tree::Null => Value::Null,
            Tree::Text(text) => Value::text(text.as_str()),
            other => Value::text(other.show()),
        }
    }

    fn member(&self, key: &str) -> Option<&Tree> {
        if let Tree::Object(members) = self { members.iter().find(|m| m.0 == key).map(|m| &m.1) } else { None }
    }

    fn element(&self, at: i64) -> Option<&Tree> {
        let Tree::List(items) = self else { return None };
        let at = if at < 0 { items.len() as i128 + i128::from(at) } else { i128::from(at) };
        items.get(usize::try_from(at).ok()?)
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Tree::List(_) | Tree::Object(_))
    }

    fn contains(&self, other: &Tree) -> bool {
        match (self, other) {
            (Tree::Object(_), Tree::Object(wanted)) => {
                wanted.iter().all(|(key, value)| self.member(key).is_some_and(|mine| mine.contains(value)))
            }
            (Tree::List(mine), Tree::List(wanted)) => wanted.iter().all(|w| mine.iter().any(|m| m.contains(w))),
            _ => self == other,
        }
    }
}

/// A number without exponent.
fn spelled_out(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let mut shift: i64 = exponent.parse().expect("an exponent");
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let (whole, fraction) = mantissa[sign.len()..].split_once('.').unwrap_or((&mantissa[sign.len()..], ""));
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    while shift > 0 {
        whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
        shift -= 1;
    }
    while shift < 0 {
        fraction.insert(0, whole.pop().unwrap_or('0'));
        shift += 1;
    }
    if whole.is_empty() {
        whole.push('0');
    }
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

pub(super) fn call(function: Function, json: &str, rest: &[Value]) -> Result<Value> {
    let tree = parse(json);
    let as_text = matches!(function, Function::JsonGetText | Function::JsonPathText);
    let given = |found: Option<&Tree>| match found {
        None => Value::Null,
        Some(found) if as_text => found.text(),
        Some(found) => found.json(),
    };
    Ok(match (function, rest) {
        (Function::JsonGet | Function::JsonGetText, [Value::Text(key)]) => given(tree.member(key)),
        (Function::JsonGet | Function::JsonGetText, [Value::Int(at)]) => {
            // A lone scalar is kept as an array of one, and here it shows.
            let list = if tree.is_scalar() { Tree::List(vec![tree]) } else { tree };
            given(list.element(*at))
        }
        (Function::JsonPath | Function::JsonPathText, path) => {
            let mut at = Some(&tree);
            for step in path {
                let Value::Text(step) = step else { panic!("{step:?} is no step") };
                at = match at {
                    Some(Tree::Object(_)) => at.and_then(|t| t.member(step)),
                    Some(list) => index(step).and_then(|i| list.element(i)),
                    None => None,
                };
            }
            given(at)
        }
        (Function::JsonTypeof, []) => Value::text(match tree {
            Tree::Null => "null",
            Tree::Bool(_) => "boolean",
            Tree::Number(_) => "number",
            Tree::Text(_) => "string",
            Tree::List(_) => "array",
            Tree::Object(_) => "object",
        }),
        (Function::JsonArrayLength, []) => match tree {
            Tree::List(items) => Value::Int(items.len() as i64),
            _ => return Err(undefined("no array")),
        },
        (Function::JsonContains, [Value::Json(other)]) => {
            let other = parse(other);
            let found = match &tree {
                Tree::List(items) if other.is_scalar() => items.contains(&other),
                _ => tree.contains(&other),
            };
            Value::Bool(found)
        }
        (Function::JsonExists, [Value::Text(key)]) => {
            let text = Tree::Text(key.to_string());
            Value::Bool(match &tree {
                Tree::Object(_) => tree.member(key).is_some(),
                Tree::List(items) => items.contains(&text),
                scalar => *scalar == text,
            })
        }
        _ => panic!("{function:?} of json and {rest:?}"),
    })
}

/// As C's `strtol` reads an index of 32 bits.
fn index(step: &str) -> Option<i64> {
    let step = step.trim_start_matches(|c: char| c == '\x0b' || c.is_ascii_whitespace());
    step.parse::<i32>().ok().map(i64::from)
}
