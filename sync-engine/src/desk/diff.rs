//! What differs between two texts.
//!
//! Owns [`unified`]. Must never load a content that is not small, and shows nothing of one that is no text.

use std::io::Read;

use similar::TextDiff;
use sync_core::entry::{Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Problem, Replica};

/// Larger contents are not compared line by line.
const MAX_BYTES: u64 = 1 << 20;
/// A comparison of two texts that have nothing in common is given up after this long, and shown as it is by then.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// One of the two texts.
pub(super) struct Text<'a> {
    pub(super) replica: &'a dyn Replica,
    pub(super) at: &'a RelPath,
    pub(super) entry: &'a Entry,
    pub(super) title: String,
}

/// A unified diff, or why there is none.
pub(super) fn unified(old: &Text<'_>, new: &Text<'_>) -> Result<String, String> {
    for one in [old, new] {
        if one.entry.kind != Kind::File {
            return Err(format!("the {} is a {}", one.title, one.entry.kind));
        }
        if one.entry.size > MAX_BYTES {
            return Err(format!("the {} is larger than {MAX_BYTES} bytes", one.title));
        }
    }
    let read = |one: &Text<'_>| match content(one) {
        Err(problem) => Err(format!("the {} could not be read: {}", one.title, problem.explain())),
        Ok(bytes) if bytes.contains(&0) => Err(format!("the {} is no text", one.title)),
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("the {} is no text in UTF-8", one.title)),
    };
    let (old_text, new_text) = (read(old)?, read(new)?);
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&old_text, &new_text);
    Ok(diff.unified_diff().context_radius(3).header(&old.title, &new.title).to_string())
}

fn content(one: &Text<'_>) -> Result<Vec<u8>, Problem> {
    let mut source = one.replica.open(one.at, one.entry)?;
    let mut bytes = Vec::new();
    // A file may grow while it is read.
    let read = (&mut *source).take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::io(sync_replica::Operation::Read, one.at, error))?;
    source.confirm()?;
    Ok(bytes)
}
