//! What is delivered at once.
//!
//! Owns [`Letter`] and [`Summary`]. A letter is kept as JSON until it is delivered, and goes to webhooks and commands
//! in that form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// What one message says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// The number of this format.
    pub format: u32,
    /// Unique, and the same at every try: hexadecimal digits.
    pub id: String,
    /// Why it is written.
    pub kind: LetterKind,
    /// When it was written: UTC nanoseconds.
    pub time_ns: i64,
    /// When it was written.
    pub time: String,
    /// The machine it comes from.
    pub host: String,
    /// The left root.
    pub left_root: String,
    /// The right root.
    pub right_root: String,
    /// What happened: at most [`crate::MAX_EVENTS`].
    pub events: Vec<Event>,
    /// How many events there are beyond these.
    pub rest: u64,
    /// What was done in the run, or on the day.
    pub summary: Option<Summary>,
    /// How many older letters could never be delivered and are lost.
    pub dropped: u64,
}

/// Why a letter is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterKind {
    /// Something happened.
    Events,
    /// A day has ended.
    Daily,
    /// Somebody wants to see one.
    Test,
}

/// What was done in a span of time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// When it begins.
    pub from: String,
    /// When it ends.
    pub to: String,
    /// Runs that did or met something.
    pub runs: u64,
    /// Transitions by their stable word, such as `COPY_LEFT_TO_RIGHT`.
    pub done: BTreeMap<String, u64>,
    /// Conflicts by rule.
    pub conflicts: BTreeMap<String, u64>,
    /// What could not be dealt with: for a day, the most at any one time.
    pub problems: u64,
    /// Bytes that were copied.
    pub bytes: u64,
    /// How long it took in all, in milliseconds.
    pub duration_ms: u64,
}

impl Letter {
    /// The number of the format.
    pub const FORMAT: u32 = 1;

    /// The document that webhooks and commands receive.
    pub fn to_json(&self) -> Vec<u8> {
        // Plain data with texts as keys cannot fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// A letter that was kept; none where it is of another version of the program, or damaged.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|letter: &Self| letter.format == Self::FORMAT)
    }
}
