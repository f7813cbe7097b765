//! What the engine tells of its work, until somebody asks.
//!
//! Owns [`Follow`], between a thread of the engine and the one that asked, and [`Progress`]. Must never take the
//! interpreter.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use sync_engine::control::Caller;
use sync_engine::{Cancel, LiveWatch, Phase, SessionError, Watch};

use crate::errors;

/// How far a phase of the work is.
#[pyclass(frozen, eq, get_all, module = "bothways")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Progress {
    /// `scan`, `digest` or `act`; `wait` while a running session that was asked is busy.
    phase: &'static str,
    /// Entries, files or actions that are done.
    count: u64,
    /// How many there are; none where that is not known.
    total: Option<u64>,
    /// Bytes that are done.
    bytes: u64,
    /// How many there are.
    total_bytes: Option<u64>,
    /// What is waited for.
    why: Option<String>,
}

impl Progress {
    fn of(phase: &'static str, total: Option<u64>, total_bytes: Option<u64>, why: Option<String>) -> Self {
        Self { phase, count: 0, total, bytes: 0, total_bytes, why }
    }
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        if let Some(why) = &self.why {
            return format!("<Progress {}: {why}>", self.phase);
        }
        let of = |total: Option<u64>| total.map(|total| format!(" of {total}")).unwrap_or_default();
        let (count, total) = (self.count, of(self.total));
        format!("<Progress {}: {count}{total}, {}{} bytes>", self.phase, self.bytes, of(self.total_bytes))
    }
}

/// Where the work is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Stand {
    /// Not begun: whoever answers is still looked for, or the turn is another call's.
    #[default]
    Before,
    /// In this process. It is never left alone.
    Here,
    /// Another session carries it out.
    Running,
}

/// What came of the wish to leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The work is done here, and its end must be waited for.
    Stays,
    /// Nothing was begun, and nothing will be.
    Unbegun,
    /// Another session goes on, or ends it.
    Running,
}

/// What was told since the last look.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) steps: Vec<Progress>,
    /// Documents of cycles of a live session.
    pub(crate) cycles: Vec<String>,
    pub(crate) is_ready: bool,
    pub(crate) waits: Vec<String>,
}

#[derive(Default)]
struct Inner {
    stand: Stand,
    left: bool,
    /// Phases that are over, and were not told of to the end, are in its steps.
    told: Told,
    now: Option<Progress>,
    changed: bool,
}

/// The work as it is told, and the wish to stop it.
#[derive(Default)]
pub(crate) struct Follow {
    cancel: Cancel,
    inner: Mutex<Inner>,
}

impl Follow {
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
    }

    /// The work begins in this process.
    ///
    /// # Errors
    /// When nobody waits for it any more.
    pub(crate) fn begins_here(&self) -> Result<(), SessionError> {
        self.begins(Stand::Here)
    }

    /// Another session is asked.
    ///
    /// # Errors
    /// When nobody waits for it any more.
    pub(crate) fn begins_there(&self) -> Result<(), SessionError> {
        self.begins(Stand::Running)
    }

    fn begins(&self, stand: Stand) -> Result<(), SessionError> {
        let mut inner = self.inner();
        if inner.left {
            return Err(SessionError::Cancelled);
        }
        inner.stand = stand;
        Ok(())
    }

    /// Whoever waits for it wants to leave.
    pub(crate) fn leave(&self) -> Left {
        let mut inner = self.inner();
        inner.left |= inner.stand != Stand::Here;
        match inner.stand {
            Stand::Here => Left::Stays,
            Stand::Before => Left::Unbegun,
            Stand::Running => Left::Running,
        }
    }

    /// What was told since the last time.
    pub(crate) fn take(&self) -> Told {
        let mut inner = self.inner();
        let mut told = std::mem::take(&mut inner.told);
        if std::mem::take(&mut inner.changed) {
            told.steps.extend(inner.now.clone());
        }
        told
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn replace(&mut self, now: Progress) {
        let past = self.now.replace(now);
        if self.changed {
            self.told.steps.extend(past);
        }
        self.changed = true;
    }
}

impl Watch for Follow {
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        let phase = match phase {
            Phase::Scan => "scan",
            Phase::Digest => "digest",
            _ => "act",
        };
        self.inner().replace(Progress::of(phase, count, bytes, None));
    }

    fn advance(&self, count: u64, bytes: u64) {
        let mut inner = self.inner();
        if let Some(now) = &mut inner.now {
            now.count += count;
            now.bytes += bytes;
            inner.changed = true;
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl Caller for Follow {
    fn waits(&self, why: &str) {
        let mut inner = self.inner();
        // Told with every sign of life.
        if inner.now.as_ref().and_then(|now| now.why.as_deref()) != Some(why) {
            inner.replace(Progress::of("wait", None, None, Some(why.to_owned())));
        }
    }
}

impl LiveWatch for Follow {
    fn ready(&self) {
        self.inner().told.is_ready = true;
    }

    fn cycle(&self, report: &sync_engine::report::SyncReport) {
        let document = errors::cycle(report);
        self.inner().told.cycles.push(document);
    }

    fn waits(&self, error: &SessionError) {
        self.inner().told.waits.push(error.to_string());
    }
}
