//! What another configuration changes, for a person.

use sync_engine::config::Changes;

use super::{CARE, paint};

pub(crate) fn lines(changes: &Changes) -> Vec<String> {
    let mut lines = Vec::new();
    if !changes.keys.is_empty() {
        lines.push(format!("the configuration has changed: {}", changes.keys.join(", ")));
    }
    if !changes.later.is_empty() {
        let word = paint(CARE, "not yet");
        lines.push(format!("{word}: {} hold when it is started again", changes.later.join(", ")));
    }
    lines
}
