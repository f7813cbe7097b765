//! JSON to [`Node`].
//!
//! `serde_json` says whether the text is JSON, and where it is not; it does not say where a value stands. So a
//! text it has accepted is walked once more here for the places, and each scalar is given to it again to read.

use serde::de::IgnoredAny;

use super::{Bad, Key, MAX_DEPTH, Node, Value};
use crate::config::error::offset_of;

pub(super) fn parse(text: &str) -> Result<Node, Bad> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        // Its columns count bytes, from 1; 0 stands for the end of the line before.
        let line = offset_of(text, error.line(), 1);
        let at = (line + error.column().saturating_sub(1)).min(text.len());
        return Err(Bad::new(at..at, without_place(&error.to_string())));
    }
    let mut walk = Walk { text, at: 0 };
    walk.node(0)
}

/// `serde_json` ends its messages with the place, which is shown above the line already.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message).to_owned()
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
}

impl Walk<'_> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Steps over `byte` when it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn node(&mut self, depth: usize) -> Result<Node, Bad> {
        let first = self.peek();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(Bad::too_deep(start));
        }
        let value = match first {
            Some(b'{') => {
                self.at += 1;
                let mut entries = Vec::new();
                while !self.eat(b'}') {
                    let key = self.key()?;
                    self.eat(b':');
                    entries.push((key, self.node(depth + 1)?));
                    self.eat(b',');
                }
                Value::Table(entries)
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.eat(b']') {
                    items.push(self.node(depth + 1)?);
                    self.eat(b',');
                }
                Value::List(items)
            }
            Some(_) => scalar(self.token(), start)?,
            None => return Err(Bad::new(start..start, "the text ends too early")),
        };
        Ok(Node { span: start..self.at, value })
    }

    fn key(&mut self) -> Result<Key, Bad> {
        self.peek();
        let start = self.at;
        match scalar(self.token(), start)? {
            Value::Text(name) => Ok(Key { span: start..self.at, name }),
            _ => Err(Bad::new(start..self.at, "a key is a text in quotes")),
        }
    }

    /// The string, number or word that starts here. Always steps forward.
    fn token(&mut self) -> &str {
        let start = self.at;
        let bytes = &self.text.as_bytes()[start..];
        let length = if bytes.first() == Some(&b'"') {
            let mut escaped = false;
            let end = bytes.iter().skip(1).position(|byte| {
                let closes = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                closes
            });
            end.map_or(bytes.len(), |end| end + 2)
        } else {
            let end =
                bytes.iter().position(|b| matches!(b, b',' | b':' | b'}' | b']') || b.is_ascii_whitespace());
            end.unwrap_or(bytes.len()).max(1)
        };
        self.at = start + length;
        self.text.get(start..self.at).unwrap_or_default()
    }
}

fn scalar(token: &str, start: usize) -> Result<Value, Bad> {
    let span = start..start + token.len();
    match serde_json::from_str::<serde_json::Value>(token) {
        Ok(serde_json::Value::Null) => Ok(Value::Null),
        Ok(serde_json::Value::Bool(truth)) => Ok(Value::Bool(truth)),
        Ok(serde_json::Value::String(text)) => Ok(Value::Text(text)),
        Ok(serde_json::Value::Number(number)) => Ok(number
            .as_i128()
            .map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Integer)),
        Ok(_) => Ok(Value::Other("something else")),
        Err(error) => Err(Bad::new(span, without_place(&error.to_string()))),
    }
}
