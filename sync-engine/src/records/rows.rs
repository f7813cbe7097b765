//! One row of the journal as a report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_state::{JournalRow, Journaled};

use crate::report::{VersionReport, time};

/// One transition that was recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RowReport {
    /// Its position within the run, from 0.
    pub seq: u64,
    /// When it ended.
    pub time: String,
    /// Such as `COPY_LEFT_TO_RIGHT`.
    pub action: String,
    /// Such as `changed-left`.
    pub rule: String,
    /// Such as `6.2.3`; none where the requirements are silent.
    pub requirement: Option<String>,
    /// Where.
    pub path: String,
    /// The other path of a rename or a clash copy.
    pub to: Option<String>,
    /// The side that was changed; none when neither or both were.
    pub side: Option<String>,
    /// Bytes of the content concerned.
    pub size: u64,
    /// `done`, `failed` or `skipped`: not tried, or the world had moved.
    pub result: String,
    /// What the system said.
    pub error: Option<String>,
    /// Where the version that was there went, relative to the side's trash.
    pub trashed: Option<String>,
    /// The version that was there before.
    pub before: Option<VersionReport>,
    /// The version that was there afterwards.
    pub after: Option<VersionReport>,
}

impl From<&Journaled> for RowReport {
    fn from(journaled: &Journaled) -> Self {
        let JournalRow { time_ns, action, rule, path, to, side, size, result, error, trashed, before, after } =
            &journaled.row;
        Self {
            seq: journaled.seq,
            time: time(*time_ns),
            action: action.as_ref().to_owned(),
            rule: rule.as_ref().to_owned(),
            requirement: Rule::named(rule).and_then(Rule::requirement).map(ToOwned::to_owned),
            path: path.display(),
            to: to.as_ref().map(RelPath::display),
            side: side.map(|side| side.name().to_owned()),
            size: *size,
            result: result.name().to_owned(),
            error: error.as_deref().map(ToOwned::to_owned),
            trashed: trashed.as_ref().map(RelPath::display),
            before: before.as_ref().map(VersionReport::from),
            after: after.as_ref().map(VersionReport::from),
        }
    }
}
