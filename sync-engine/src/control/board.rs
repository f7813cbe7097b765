//! What a running session says of itself.
//!
//! Owns [`Board`], on which the loop writes and from which the control channel reads, and [`LiveReport`], the same as
//! people and machines read it. Whatever nobody has written is none, never a guess.

use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::side::{Side, Sides};

use super::request::PauseReport;
use crate::clock::now_ns;
use crate::live::RollingReport;
use crate::report::{FORMAT, time};

/// How a running session goes about its work.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LiveReport {
    /// The number of its process.
    pub process: u32,
    /// The version of its program.
    pub version: String,
    /// Since when it runs.
    pub since: String,
    /// Since when it is paused: changes are noticed, and no cycles are made.
    pub paused_since: Option<String>,
    /// What it waits for, such as a root that is away; none when it can work.
    pub waits_for: Option<String>,
    /// Since when it waits for that.
    pub waits_since: Option<String>,
    /// Since when a cycle or something that was asked for is under way.
    pub busy_since: Option<String>,
    /// How changes on the left are noticed.
    pub left: Option<String>,
    /// How changes on the right are noticed.
    pub right: Option<String>,
    /// How far the look round the left is, where it is not watched.
    pub left_rolling: Option<RollingReport>,
    /// How far the look round the right is, where it is not watched.
    pub right_rolling: Option<RollingReport>,
    /// Paths that were told of and not yet looked at.
    pub told: Option<u64>,
    /// Files that are planned and not yet done, or that are still being written.
    pub waiting_files: Option<u64>,
    /// Their bytes.
    pub waiting_bytes: Option<u64>,
    /// Large files that are on their way.
    pub copying: Vec<CopyingReport>,
    /// When everything is looked at next, whatever is told.
    pub next_full_scan: Option<String>,
}

/// A large file on its way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CopyingReport {
    /// Where.
    pub path: String,
    /// How many bytes are there.
    pub bytes_done: u64,
    /// How many there will be.
    pub bytes: u64,
}

/// What is written of a session. Each field as [`LiveReport`] has it.
#[derive(Debug, Default)]
pub(crate) struct Written {
    since_ns: i64,
    paused_ns: Option<i64>,
    waits: Option<(String, i64)>,
    busy_ns: Option<i64>,
    pub(crate) watching: Sides<Option<String>>,
    pub(crate) rolling: Sides<Option<RollingReport>>,
    pub(crate) told: Option<u64>,
    pub(crate) waiting_files: Option<u64>,
    pub(crate) waiting_bytes: Option<u64>,
    pub(crate) copying: Vec<CopyingReport>,
    pub(crate) next_full_ns: Option<i64>,
}

/// Where the loop writes what others may read.
#[derive(Debug)]
pub(crate) struct Board(Mutex<Written>);

impl Board {
    /// A session that begins now.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Written { since_ns: now_ns(), ..Written::default() }))
    }

    /// Writes something. Must be short: whoever reads waits.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Written) -> T) -> T {
        write(&mut self.locked())
    }

    /// How changes of a side are noticed.
    pub(crate) fn watches(&self, side: Side, how: impl Into<String>) {
        self.write(|written| written.watching[side] = Some(how.into()));
    }

    /// The session waits for something, or no longer. Nothing is watched while it waits.
    pub(crate) fn waits(&self, what: Option<String>) {
        self.write(|written| {
            if what.is_some() {
                written.watching = Sides { left: None, right: None };
                written.rolling = Sides { left: None, right: None };
                (written.told, written.next_full_ns) = (None, None);
                (written.waiting_files, written.waiting_bytes) = (None, None);
                written.copying.clear();
            }
            let since = written.waits.as_ref().map_or_else(now_ns, |(_, since)| *since);
            written.waits = what.map(|what| (what, since));
        });
    }

    /// Something is under way until what is returned is dropped.
    pub(crate) fn busy(&self) -> impl Drop + use<'_> {
        self.write(|written| written.busy_ns = Some(now_ns()));
        Busy(self)
    }

    /// Whether no cycles are made.
    pub(crate) fn is_paused(&self) -> bool {
        self.locked().paused_ns.is_some()
    }

    /// What stands in the way of a request that waits for its turn.
    pub(super) fn occupied(&self) -> String {
        let written = self.locked();
        match (&written.waits, written.busy_ns) {
            (Some((what, _)), _) => what.clone(),
            (None, Some(since)) => format!("a cycle has been under way since {}", time(since)),
            (None, None) => "its turn comes in a moment".to_owned(),
        }
    }

    /// Pauses the session, or lets it go on.
    pub(super) fn pause(&self, paused: bool) -> PauseReport {
        self.write(|written| {
            let was = written.paused_ns.is_some();
            written.paused_ns = paused.then(|| written.paused_ns.unwrap_or_else(now_ns));
            PauseReport {
                format: FORMAT,
                paused,
                since: written.paused_ns.map(time),
                changed: was != paused,
                busy: written.busy_ns.is_some(),
            }
        })
    }

    /// Everything, as others read it.
    pub(super) fn report(&self) -> LiveReport {
        let written = self.locked();
        LiveReport {
            process: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: time(written.since_ns),
            paused_since: written.paused_ns.map(time),
            waits_for: written.waits.as_ref().map(|(what, _)| what.clone()),
            waits_since: written.waits.as_ref().map(|(_, since)| time(*since)),
            busy_since: written.busy_ns.map(time),
            left: written.watching.left.clone(),
            right: written.watching.right.clone(),
            left_rolling: written.rolling.left.clone(),
            right_rolling: written.rolling.right.clone(),
            told: written.told,
            waiting_files: written.waiting_files,
            waiting_bytes: written.waiting_bytes,
            copying: written.copying.clone(),
            next_full_scan: written.next_full_ns.map(time),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Busy<'a>(&'a Board);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.write(|written| written.busy_ns = None);
    }
}
