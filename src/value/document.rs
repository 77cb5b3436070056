//! A JSON value as a tree: how schemas, queries, options and descriptions cross the boundary.
//!
//! One type for all of them, so that one reader is generated: one for each struct was a sixth of the binary.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{float, json};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// Nothing; a member that is null counts as absent.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'static, str>),
    /// An array.
    List(Vec<Document>),
    /// An object.
    Object(Vec<(Cow<'static, str>, Document)>),
}

impl Document {
    /// An object of named members.
    ///
    /// ```
    /// use eddyline::value::Document;
    /// let document = Document::object([("a", 1u32.into()), ("b", "x".into())]);
    /// assert_eq!(document.to_string(), r#"{"a":1,"b":"x"}"#);
    /// ```
    pub fn object<const N: usize>(members: [(&'static str, Document); N]) -> Document {
        Document::Object(members.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }

    /// A member of an object; none if it is null or this is no object. Of two with one name, the last.
    pub fn get(&self, name: &str) -> Option<&Document> {
        let Document::Object(members) = self else { return None };
        members.iter().rfind(|m| m.0 == name).map(|m| &m.1).filter(|v| **v != Document::Null)
    }

    /// What kind of value it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Document::Null => "null",
            Document::Bool(_) => "a boolean",
            Document::Integer(_) | Document::Float(_) => "a number",
            Document::Text(_) => "a string",
            Document::List(_) => "an array",
            Document::Object(_) => "an object",
        }
    }

    /// The same with values in the places of `{"hole": n}`: what queries of one form differ in. A hole without a value is null.
    ///
    /// ```
    /// use eddyline::value::Document;
    /// let form = Document::object([("op", "lit".into()), ("value", Document::object([("hole", 0u32.into())]))]);
    /// assert_eq!(form.filled(&["x".into()]).to_string(), r#"{"op":"lit","value":"x"}"#);
    /// ```
    pub fn filled(&self, values: &[Document]) -> Document {
        match self {
            Document::List(items) => Document::List(items.iter().map(|item| item.filled(values)).collect()),
            Document::Object(members) => match members.as_slice() {
                [(name, Document::Integer(n))] if name == "hole" => values.get(*n as usize).cloned().unwrap_or(Document::Null),
                _ => Document::Object(members.iter().map(|(name, value)| (name.clone(), value.filled(values))).collect()),
            },
            _ => self.clone(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Document::Null => out.extend_from_slice(b"null"),
            Document::Bool(v) => out.extend_from_slice(if *v { b"true" } else { b"false" }),
            Document::Integer(v) => out.extend_from_slice(v.to_string().as_bytes()),
            Document::Float(v) if v.is_finite() => out.extend_from_slice(float::spell(*v).as_bytes()),
            Document::Float(_) => out.extend_from_slice(b"null"),
            Document::Text(v) => json::escape(v.as_bytes(), out),
            Document::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Document::Object(members) => {
                out.push(b'{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    json::escape(name.as_bytes(), out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// JSON text, as `JSON.stringify` writes it.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

macro_rules! from_integer {
    ($($ty:ty)*) => { $(impl From<$ty> for Document {
        fn from(v: $ty) -> Self {
            Document::Integer(v as i64)
        }
    })* };
}

from_integer!(u8 i32 u32 i64 usize);

impl From<bool> for Document {
    fn from(v: bool) -> Self {
        Document::Bool(v)
    }
}

impl From<&'static str> for Document {
    fn from(v: &'static str) -> Self {
        Document::Text(Cow::Borrowed(v))
    }
}

impl From<String> for Document {
    fn from(v: String) -> Self {
        Document::Text(Cow::Owned(v))
    }
}

impl From<Vec<Document>> for Document {
    fn from(v: Vec<Document>) -> Self {
        Document::List(v)
    }
}

/// From any format that serde reads: JavaScript values in the browser, JSON in tests.
impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tree::new(&RefCell::default()).deserialize(deserializer)
    }
}

/// Deepest nesting of objects and arrays: more than any query that the binder takes has, less than the stack holds.
const MAX_DEPTH: usize = 800;
/// Levels that a place tells: nobody reads more.
const PLACES: usize = 32;

/// A step of the way to what cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A member of an object.
    Member(String),
    /// An element of an array.
    Index(usize),
}

/// Reads a document; after an error the places that lead to what was refused are in a list, the innermost first.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    places: &'a RefCell<Vec<Place>>,
    depth: usize,
}

impl<'a> Tree<'a> {
    /// A reader of a whole document.
    pub fn new(places: &'a RefCell<Vec<Place>>) -> Self {
        Tree { places, depth: 0 }
    }

    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH { Err(E::custom("nested too deep")) } else { Ok(Tree { depth: self.depth + 1, ..self }) }
    }

    fn leads(self, place: impl FnOnce() -> Place) {
        if self.depth < PLACES {
            self.places.borrow_mut().push(place());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with a JSON form")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Document, E> {
        Ok(Document::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Document, E> {
        Ok(Document::Integer(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Document, E> {
        i64::try_from(v).map(Document::Integer).map_err(|_| E::custom("an integer of more than 64 bits"))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Document, E> {
        Ok(Document::Float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Document, E> {
        Ok(Document::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_string<E>(self, v: String) -> Result<Document, E> {
        Ok(Document::Text(Cow::Owned(v)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below).inspect_err(|_| self.leads(|| Place::Index(list.len())))? {
            list.push(item);
        }
        Ok(Document::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let below = self.below()?;
        let mut members = Vec::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(below).inspect_err(|_| self.leads(|| Place::Member(name.clone())))?;
            members.push((Cow::Owned(name), value));
        }
        Ok(Document::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_tree_are_the_same_value() {
        let text = r#"{"a":[null,true,-1,1.5,"\u0001\"é"],"b":{},"c":9223372036854775807}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        assert_eq!(document.to_string(), text);
        assert_eq!(document.get("b").unwrap().kind(), "an object");
        assert_eq!(document.get("a").unwrap().get("a"), None);
    }
}
