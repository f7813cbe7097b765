//! What happened that a person may want to know.
//!
//! Owns [`Event`]. Texts are as a report shows them, times are RFC 3339 in UTC, sizes are bytes. This is also what
//! webhooks and commands receive, so field names are stable.

use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The same for everything that is told of one matter: hexadecimal digits.
    pub thread: String,
    /// When it was met.
    pub time: String,
    /// Since when it stands, where that is longer.
    pub since: Option<String>,
    /// How often it was told before.
    pub told_before: u32,
    /// The letter that told of it last.
    pub follows: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// Two versions that may both be wanted.
    Conflict(Conflict),
    /// Something could not be done, and a person may have to help.
    Failure(Failure),
    /// A guard stopped everything.
    Halt(Halt),
    /// Something that was told as failing works again.
    Recovery(Recovery),
}

/// Two versions that may both be wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// Relative to the roots.
    pub path: String,
    /// Such as `both-changed`.
    pub rule: String,
    /// Such as `6.2.1`.
    pub requirement: Option<String>,
    /// `clash`, `notify` or `newer`.
    pub policy: String,
    /// Whether it waits for somebody.
    pub open: bool,
    /// `left` or `right`.
    pub newer: String,
    /// The left version.
    pub left: Version,
    /// The right version.
    pub right: Version,
    /// Where the older version is kept.
    pub clash_path: Option<String>,
    /// What a person can do.
    pub remedies: Vec<Remedy>,
}

/// One version of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Version {
    /// `file`, `directory` or `link`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// When its content last changed.
    pub mtime: String,
}

/// Something could not be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Relative to the roots; empty for a whole side.
    pub path: String,
    /// `left` or `right`; none where it is neither.
    pub side: Option<String>,
    /// Such as `copy`.
    pub operation: String,
    /// Such as `permission-denied`.
    pub kind: String,
    /// What happened.
    pub error: String,
    /// What a person can do.
    pub remedies: Vec<Remedy>,
}

/// A guard stopped everything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Halt {
    /// Such as `too-many-changes`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// The side concerned.
    pub side: Option<String>,
    /// The folders concerned.
    pub folders: Vec<Folder>,
    /// What approving it does; none where it cannot be approved.
    pub approval: Option<String>,
    /// What a person can do.
    pub remedies: Vec<Remedy>,
}

/// One folder that a halt is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Folder {
    /// Below the root; empty for the root itself.
    pub path: String,
    /// How many files in it would be deleted or overwritten.
    pub files: u64,
}

/// Something works again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recovery {
    /// What it was, in the words in which it was told.
    pub of: String,
}

/// A command that helps, and what it does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remedy {
    /// What it does.
    pub does: String,
    /// The command, fit to be typed into a shell.
    pub command: String,
}

impl What {
    /// What it is about, in a line of a list.
    pub fn title(&self) -> String {
        let at = |path: &str, side: Option<&str>| match (path, side) {
            ("", Some(side)) => format!("the {side} root"),
            ("", None) => "the pair".to_owned(),
            (path, _) => path.to_owned(),
        };
        match self {
            Self::Conflict(conflict) => format!("Conflict: {}", conflict.path),
            Self::Failure(failure) => {
                format!("Failed {}: {}", failure.operation, at(&failure.path, failure.side.as_deref()))
            }
            Self::Halt(halt) => format!("Halted: {}", halt.message),
            Self::Recovery(recovery) => format!("In order again: {}", recovery.of),
        }
    }

    /// Whether nothing is synced until somebody does something.
    pub fn stops_everything(&self) -> bool {
        match self {
            Self::Halt(_) => true,
            Self::Failure(failure) => failure.path.is_empty(),
            Self::Conflict(_) | Self::Recovery(_) => false,
        }
    }
}
