//! What another configuration changes, for a person.

use sync_engine::config::Changes;

use super::{CARE, paint};

pub(crate) fn lines(changes: &Changes) -> Vec<String> {
    let mut lines = Vec::new();
    if !changes.keys.is_empty() {
        lines.push(format!("the configuration has changed: {}", changes.keys.join(", ")));
    }
    if let Some(waits) = changes.waits() {
        lines.push(format!("{}: {waits}", paint(CARE, "not yet")));
    }
    lines
}
