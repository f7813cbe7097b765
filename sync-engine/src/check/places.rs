//! Who may read and change what Bothways keeps for itself.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

/// A file or folder of Bothways' own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct PlaceCheck {
    /// Where.
    pub path: String,
    /// Permission bits in octal; none where the system has none, as Windows.
    pub mode: Option<String>,
    /// What users other than its owner may do: `nothing`, `read` or `change`; none where that cannot be told.
    pub others: Option<String>,
}

/// What a place holds, for the words about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// The configuration.
    Config,
    /// The state.
    State,
}

/// Looks at a place, with a word for a person where others may do too much; none where there is nothing yet.
pub(super) fn look(path: &Path, holds: Holds) -> Option<(PlaceCheck, Option<String>)> {
    let mode = mode_of(path).ok()?;
    let others = mode.map(|mode| match mode {
        // A folder that others may not enter is as good as unreadable.
        mode if mode & 0o022 != 0 => "change",
        mode if mode & 0o055 != 0 => "read",
        _ => "nothing",
    });
    let shown = path.display().to_string();
    let word = match (holds, others) {
        (Holds::Config, Some("change")) => Some(format!(
            "other users may change `{shown}`, and with it which folders are synced: take that from them \
             (`chmod go-w`)"
        )),
        (Holds::State, Some("change" | "read")) => Some(format!(
            "other users may look into `{shown}`, where the names of all files are kept: take that from them \
             (`chmod go-rwx`)"
        )),
        _ => None,
    };
    let mode = mode.map(|mode| format!("{mode:04o}"));
    Some((PlaceCheck { path: shown, mode, others: others.map(ToOwned::to_owned) }, word))
}

#[cfg(unix)]
fn mode_of(path: &Path) -> std::io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    Ok(Some(std::fs::metadata(path)?.permissions().mode() & 0o7777))
}

#[cfg(not(unix))]
fn mode_of(path: &Path) -> std::io::Result<Option<u32>> {
    std::fs::metadata(path).map(|_| None)
}
