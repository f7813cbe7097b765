//! How a call is to be done: flags, and JSON where there are many choices.
//!
//! Owns the keys of that JSON. They are those of the command's options, with their words for times and sizes; an
//! unknown key is an error.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sync_engine::config::{parse_duration, parse_size};
use sync_engine::core::guidance::Keep;
use sync_engine::core::side::Side;
use sync_engine::records::{HistoryQuery, PathGlob, parse_moment};
use sync_engine::{RestoreOptions, TrashFilter};

use crate::status::Fault;

/// Nothing is written, neither in the folders nor in the state. What would write is `BOTHWAYS_STATUS_USAGE`.
pub const BOTHWAYS_FLAG_READ_ONLY: u32 = 1;
/// Lets through what a guard would stop, this one time.
pub const BOTHWAYS_FLAG_APPROVE: u32 = 2;
/// Everything, also what is settled or at rest.
pub const BOTHWAYS_FLAG_ALL: u32 = 4;
/// Only say what would be done.
pub const BOTHWAYS_FLAG_DRY_RUN: u32 = 8;
/// Where something is in the way, keep both.
pub const BOTHWAYS_FLAG_KEEP_BOTH: u32 = 16;
/// What lies in the trash longer than the configuration keeps it.
pub const BOTHWAYS_FLAG_EXPIRED: u32 = 32;
/// Only what is remembered is asked for: status, history, one run, the list of conflicts; pause and resume besides. The
/// folders need not be there, and between two calls nothing is held, so that nobody has to wait for this session.
pub const BOTHWAYS_FLAG_RECORDS: u32 = 64;

/// Which version stays where two clash.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeepWhich {
    /// The left one.
    Left = 1,
    /// The right one.
    Right = 2,
    /// The newer one.
    Newer = 3,
    /// Both: the newer one at the path, the older one beside it.
    Both = 4,
}

/// No other flags than these.
pub(crate) fn only(flags: u32, allowed: u32) -> Result<(), Fault> {
    match flags & !allowed {
        0 => Ok(()),
        other => Err(Fault::invalid(format!("the flags {other:#x} mean nothing here"))),
    }
}

pub(crate) fn keep(number: i32) -> Result<Keep, Fault> {
    const LEFT: i32 = KeepWhich::Left as i32;
    const RIGHT: i32 = KeepWhich::Right as i32;
    const NEWER: i32 = KeepWhich::Newer as i32;
    const BOTH: i32 = KeepWhich::Both as i32;
    match number {
        LEFT => Ok(Keep::Side(Side::Left)),
        RIGHT => Ok(Keep::Side(Side::Right)),
        NEWER => Ok(Keep::Newer),
        BOTH => Ok(Keep::Both),
        other => Err(Fault::invalid(format!("{other} is no `bothways_keep`"))),
    }
}

/// Which runs.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct History {
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    path: Option<String>,
    action: Option<String>,
}

/// What in the trash.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Trash {
    paths: Vec<String>,
    side: Option<String>,
    since: Option<String>,
    before: Option<String>,
    older_than: Option<String>,
    min_size: Option<String>,
    max_size: Option<String>,
    versions: Option<bool>,
    // For restoring alone.
    at: Option<String>,
    to: Option<String>,
}

/// The options of a text; all defaults without one.
pub(crate) fn read<T: DeserializeOwned + Default>(text: Option<&str>) -> Result<T, Fault> {
    let Some(text) = text else { return Ok(T::default()) };
    serde_json::from_str(text).map_err(|error| Fault::invalid(format!("the argument `options`: {error}")))
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

fn moment(text: Option<&String>) -> Result<Option<i64>, Fault> {
    text.map(|text| parse_moment(text, now_ns()).map_err(Fault::invalid)).transpose()
}

fn size(text: Option<&String>) -> Result<Option<u64>, Fault> {
    let wrong = |text: &str, help: String| Fault::invalid(format!("`{text}` is no size: {help}"));
    text.map(|text| parse_size(text).map_err(|help| wrong(text, help))).transpose()
}

impl History {
    pub(crate) fn query(&self) -> Result<HistoryQuery, Fault> {
        Ok(HistoryQuery {
            since_ns: moment(self.since.as_ref())?,
            until_ns: moment(self.until.as_ref())?,
            limit: self.limit.unwrap_or(HistoryQuery::default().limit),
            path: self.path.as_deref().map(PathGlob::new).transpose()?,
            action: self.action.clone(),
        })
    }
}

impl Trash {
    pub(crate) fn filter(&self) -> Result<TrashFilter, Fault> {
        if self.at.is_some() || self.to.is_some() {
            return Err(Fault::invalid("`at` and `to` are for restoring"));
        }
        self.common()
    }

    pub(crate) fn restoring(&self) -> Result<RestoreOptions, Fault> {
        let filter = self.common()?;
        // What another version replaced comes back only when it is asked for.
        let filter = TrashFilter { versions: Some(filter.versions.unwrap_or_default()), ..filter };
        let at_ns = moment(self.at.as_ref())?;
        Ok(RestoreOptions { filter, at_ns, to: self.to.clone(), keep_both: false, dry_run: false })
    }

    fn common(&self) -> Result<TrashFilter, Fault> {
        let side = match self.side.as_deref() {
            None => None,
            Some("left") => Some(Side::Left),
            Some("right") => Some(Side::Right),
            Some(other) => return Err(Fault::invalid(format!("`{other}` is no side: `left` or `right`"))),
        };
        let mut before_ns = moment(self.before.as_ref())?;
        if let Some(age) = &self.older_than {
            let wrong = |help: String| Fault::invalid(format!("`{age}` is no time: {help}"));
            let nanos = i64::try_from(parse_duration(age).map_err(wrong)?.as_nanos()).unwrap_or(i64::MAX);
            before_ns = Some(now_ns().saturating_sub(nanos));
        }
        Ok(TrashFilter {
            paths: self.paths.clone(),
            side,
            since_ns: moment(self.since.as_ref())?,
            before_ns,
            min_size: size(self.min_size.as_ref())?,
            max_size: size(self.max_size.as_ref())?,
            versions: self.versions,
        })
    }
}
