//! YAML to [`Node`].

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::{Bad, Key, MAX_DEPTH, Node, Value};
use crate::config::error::offset_of;

pub(super) fn parse(text: &str) -> Result<Node, Bad> {
    // Comments alone are no document to the parser, and no mistake to a person.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node { span: 0..0, value: Value::Null });
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        // As YAML 1.2 has it: `off` is a word, and some keys take it.
        strict_booleans: true,
        // The parser recurses with large frames; a thread's stack must hold the deepest text it lets through.
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH + 2, flow_nesting_limit: MAX_DEPTH + 2 },
    };
    let tree: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or(0, |place| offset(text, &place));
        let message = error.without_snippet().to_string();
        if message.contains("budget breached: Depth") || message.contains("recursion limit exceeded") {
            return Bad::too_deep(at);
        }
        Bad::new(at..at, first_sentence(&message))
    })?;
    node(text, tree, 0)
}

/// The parser ends its messages with the place, which is shown above the line already.
fn first_sentence(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let message = message.strip_prefix("error: ").unwrap_or(message);
    message.lines().next().unwrap_or_default().to_owned()
}

/// What serde hands over. Only ever seen on its way to a [`Node`].
enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Table(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(text: &str, tree: Spanned<Tree>, depth: usize) -> Result<Node, Bad> {
    let start = offset(text, &tree.referenced);
    if depth > MAX_DEPTH {
        return Err(Bad::too_deep(start));
    }
    let length = usize::try_from(tree.referenced.span().byte_len().unwrap_or(0)).unwrap_or(0);
    let value = match tree.value {
        Tree::Scalar(value) => value,
        Tree::List(items) => {
            Value::List(items.into_iter().map(|item| node(text, item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Tree::Table(entries) => Value::Table(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let start = offset(text, &key.referenced);
                    let length = usize::try_from(key.referenced.span().byte_len().unwrap_or(0)).unwrap_or(0);
                    let key = Key { span: start..start + length, name: key.value };
                    Ok((key, node(text, value, depth + 1)?))
                })
                .collect::<Result<_, Bad>>()?,
        ),
    };
    Ok(Node { span: start..start + length, value })
}

fn offset(text: &str, place: &Location) -> usize {
    offset_of(
        text,
        usize::try_from(place.line()).unwrap_or(usize::MAX),
        usize::try_from(place.column()).unwrap_or(usize::MAX),
    )
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key, a list or a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(value.into())))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(value)))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Tree, E> {
        Ok(Tree::Scalar(i128::try_from(value).map_or(Value::Float(f64::INFINITY), Value::Integer)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_bytes<E>(self, _value: &[u8]) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Other("raw bytes")))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Table(entries))
    }
}
