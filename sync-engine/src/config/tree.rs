//! One tree for three formats, every value with its place in the text.
//!
//! Owns [`Node`] and the way from TOML, JSON and YAML to it. It knows no key of the configuration: what a tree
//! means is decided in `decode`.

use std::ops::Range;

use super::error::{ConfigError, Fault, Source};

mod json;
mod toml;
mod yaml;

/// How deep a configuration may nest. The deepest that means anything is three.
const MAX_DEPTH: usize = 16;

/// The largest text that is taken for a configuration.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Where something stands in the text, in bytes.
pub(super) type Span = Range<usize>;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// What a configuration can hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text, keys not yet compared with each other.
    Table(Vec<(Key, Node)>),
    /// Something only one format has (a TOML date, bytes in YAML).
    Other(&'static str),
}

/// A key and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) span: Span,
    pub(super) name: String,
}

impl Value {
    /// What it is, in an error.
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a fraction",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
            Self::Other(what) => what,
        }
    }
}

/// How a configuration is written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The documented form.
    Toml,
    /// The same keys as one object.
    Json,
    /// The same keys as one mapping.
    Yaml,
}

impl Format {
    /// The format that a file's ending stands for; TOML for every ending that is not known.
    pub fn of(path: &std::path::Path) -> Self {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            _ => Self::Toml,
        }
    }

    /// How `key` in `section` is written in this format, to name a place in a sentence.
    pub(super) fn section(self, section: &str) -> String {
        match self {
            // A section that there can be several of.
            Self::Toml if section.contains('.') => format!("[[{section}]]"),
            Self::Toml => format!("[{section}]"),
            Self::Json => format!("\"{section}\""),
            Self::Yaml => format!("`{section}:`"),
        }
    }
}

/// Reads `source` into a tree whose top is a table without duplicate keys, at any depth.
pub(super) fn parse(source: &Source<'_>) -> Result<Vec<(Key, Node)>, ConfigError> {
    let node = match source.format {
        Format::Toml => toml::parse(source.text),
        Format::Json => json::parse(source.text),
        Format::Yaml => yaml::parse(source.text),
    }
    .map_err(|bad| source.fault(&bad.span, bad.message))?;
    refuse_duplicates(source, &node)?;
    match node.value {
        Value::Table(entries) => Ok(entries),
        // An empty YAML file, or one with comments alone, says nothing and breaks nothing.
        Value::Null if source.format == Format::Yaml => Ok(Vec::new()),
        other => {
            let message = format!("a configuration is a set of keys, and this is {}", other.what());
            Err(source.fault(&(node.span.start..node.span.start), message).into())
        }
    }
}

/// The value that a default of the table of keys stands for.
pub(super) fn default_value(text: &str) -> Option<Value> {
    match toml::parse(&format!("x = {text}")).ok()?.value {
        Value::Table(mut entries) => entries.pop().map(|(_, node)| node.value),
        _ => None,
    }
}

/// A text that is no TOML, JSON or YAML.
struct Bad {
    span: Span,
    message: String,
}

impl Bad {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    fn too_deep(at: usize) -> Self {
        Self::new(at..at, "this is nested too deeply for a configuration")
    }
}

fn refuse_duplicates(source: &Source<'_>, node: &Node) -> Result<(), Fault> {
    match &node.value {
        Value::List(items) => items.iter().try_for_each(|item| refuse_duplicates(source, item)),
        Value::Table(entries) => {
            let mut seen = std::collections::BTreeMap::new();
            for (key, value) in entries {
                if let Some(first) = seen.insert(key.name.as_str(), key.span.start) {
                    let fault = source.fault(&key.span, format!("the key `{}` is there twice", key.name));
                    let line = source.line_of(first);
                    return Err(fault.help(format!("keep one; the first is in line {line}")));
                }
                refuse_duplicates(source, value)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
