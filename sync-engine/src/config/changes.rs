//! What a configuration that is read again changes.
//!
//! Owns [`Written`], by which two texts are compared key by key, and what of a new configuration holds at once. Of the
//! values only digests are kept: some are secrets.

use std::collections::BTreeMap;
use std::fmt;

use super::keys::KEYS;
use super::model::Config;
use super::tree::{Value, default_value};

type Name = (&'static str, &'static str);

/// Which keys a text sets, and to what. It is no part of what a configuration means: two texts that say the same make
/// the same configuration.
#[derive(Clone, Default)]
pub(super) struct Written(BTreeMap<Name, [u8; 32]>);

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Written {
    pub(super) fn of<'v>(values: impl Iterator<Item = (Name, &'v Value)>) -> Self {
        Self(values.map(|(name, value)| (name, digest(value))).collect())
    }

    /// The value of a key, its default where it is not set.
    fn value(&self, key: &super::keys::Key) -> Option<[u8; 32]> {
        let own = self.0.get(&(key.section, key.name)).copied();
        own.or_else(|| default_value(key.default).map(|value| digest(&value)))
    }
}

fn digest(value: &Value) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    feed(&mut hash, value);
    *hash.finalize().as_bytes()
}

/// Each value begins with its kind and length, so that no two read the same in a row.
fn feed(hash: &mut blake3::Hasher, value: &Value) {
    let mut bytes = |kind: u8, bytes: &[u8]| {
        hash.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    match value {
        Value::Null => bytes(b'n', &[]),
        Value::Bool(truth) => bytes(b'b', &[u8::from(*truth)]),
        Value::Integer(number) => bytes(b'i', &number.to_le_bytes()),
        Value::Float(number) => bytes(b'f', &number.to_le_bytes()),
        Value::Text(text) => bytes(b't', text.as_bytes()),
        Value::Other(what) => bytes(b'o', what.as_bytes()),
        Value::List(items) => {
            bytes(b'l', &(items.len() as u64).to_le_bytes());
            for item in items {
                feed(hash, &item.value);
            }
        }
        Value::Table(entries) => {
            bytes(b'm', &(entries.len() as u64).to_le_bytes());
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.name.cmp(&b.0.name));
            for (key, node) in sorted {
                feed(hash, &Value::Text(key.name.clone()));
                feed(hash, &node.value);
            }
        }
    }
}

/// What a new configuration changes in a session that runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Changes {
    /// The keys that hold at once.
    pub keys: Vec<String>,
    /// Those that hold when the session is started again.
    pub later: Vec<String>,
}

impl Changes {
    /// What waits until the session is started again, in a sentence; none where nothing does.
    pub fn waits(&self) -> Option<String> {
        let (last, first) = self.later.split_last()?;
        Some(match first {
            [] => format!("{last} holds when the session is started again"),
            _ => format!("{} and {last} hold when the session is started again", first.join(", ")),
        })
    }

    /// Whether it is about limits alone, which may change while copies run.
    pub(crate) fn only_pace(&self) -> bool {
        let paces = |key: &String| {
            matches!(key.as_str(), "performance.max_concurrent_copies" | "schedule.hours")
                || key.starts_with("performance.bandwidth_limit")
        };
        !self.keys.is_empty() && self.keys.iter().all(paces)
    }
}

/// Whether a key is settled when a session starts: what it works on, and where it writes its log.
fn is_settled(section: &str, name: &str) -> bool {
    section == "logging" || matches!((section, name), ("", "left_root" | "right_root"))
}

impl Config {
    /// What `new` changes.
    pub(crate) fn changes_to(&self, new: &Self) -> Changes {
        let mut changes = Changes::default();
        for key in KEYS.iter().filter(|key| self.written.value(key) != new.written.value(key)) {
            let name = if key.section.is_empty() {
                key.name.to_owned()
            } else {
                format!("{}.{}", key.section, key.name)
            };
            if is_settled(key.section, key.name) { &mut changes.later } else { &mut changes.keys }.push(name);
        }
        changes
    }

    /// This configuration as far as a running session of `old` can take it.
    pub(crate) fn within(mut self, old: &Self) -> Self {
        self.roots.clone_from(&old.roots);
        self.logging.clone_from(&old.logging);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_said_of_one_key_and_of_many() {
        let says = |keys: &[&str]| {
            let later = keys.iter().map(|key| (*key).to_owned()).collect();
            Changes { later, ..Changes::default() }.waits().unwrap_or_default()
        };
        assert_eq!(says(&[]), "");
        assert_eq!(says(&["left_root"]), "left_root holds when the session is started again");
        assert_eq!(says(&["a", "b"]), "a and b hold when the session is started again");
        assert_eq!(says(&["a", "b", "c"]), "a, b and c hold when the session is started again");
    }
}
