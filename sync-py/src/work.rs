//! Work of the engine, followed from Python.
//!
//! The engine works on a thread of its own and never holds the interpreter. The thread that asked waits without holding
//! it either, and every now and then looks at signals, tells of progress and passes on what was logged. So Ctrl-C stops
//! the work at its next safe point, a callback that raises does the same, and nothing can wait for each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use pyo3::prelude::*;
use sync_engine::{Cancel, LiveWatch, Phase, SessionError, Watch};

use crate::{errors, logging};

/// How often signals are looked at and progress is told.
const GLANCE: Duration = Duration::from_millis(50);

/// How far a phase of the work is.
#[pyclass(frozen, eq, get_all, module = "bothways")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Progress {
    /// `scan`, `digest` or `act`.
    phase: &'static str,
    /// Entries, files or actions that are done.
    count: u64,
    /// How many there are; none where that is not known.
    total: Option<u64>,
    /// Bytes that are done.
    bytes: u64,
    /// How many there are.
    total_bytes: Option<u64>,
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        let of = |total: Option<u64>| total.map(|total| format!(" of {total}")).unwrap_or_default();
        let (count, total) = (self.count, of(self.total));
        format!("<Progress {}: {count}{total}, {}{} bytes>", self.phase, self.bytes, of(self.total_bytes))
    }
}

/// What the engine tells, until somebody asks.
#[derive(Default)]
pub(crate) struct Follow {
    cancel: Cancel,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// Phases that are over, and were not told of to the end.
    past: Vec<Progress>,
    now: Option<Progress>,
    changed: bool,
    /// Documents of cycles of a live session.
    cycles: Vec<String>,
    ready: u64,
    waits: Vec<String>,
}

impl Follow {
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Follow {
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        let phase = match phase {
            Phase::Scan => "scan",
            Phase::Digest => "digest",
            _ => "act",
        };
        let mut told = self.told();
        let past = told.now.replace(Progress { phase, count: 0, total: count, bytes: 0, total_bytes: bytes });
        if told.changed {
            told.past.extend(past);
        }
        told.changed = true;
    }

    fn advance(&self, count: u64, bytes: u64) {
        let mut told = self.told();
        if let Some(now) = &mut told.now {
            now.count += count;
            now.bytes += bytes;
            told.changed = true;
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl LiveWatch for Follow {
    fn ready(&self) {
        self.told().ready += 1;
    }

    fn cycle(&self, report: &sync_engine::report::SyncReport) {
        self.told().cycles.push(errors::judged(report, report.is_clean()));
    }

    fn waits(&self, error: &SessionError) {
        self.told().waits.push(error.to_string());
    }
}

/// Whom to tell.
#[derive(Clone, Copy, Default)]
pub(crate) struct Callbacks<'a, 'py> {
    pub(crate) progress: Option<&'a Bound<'py, PyAny>>,
    /// Is given `ready`, `cycle` or `waits`, and a text.
    pub(crate) live: Option<&'a Bound<'py, PyAny>>,
}

/// Has the engine work, and follows it to its end. What a callback raises, and Ctrl-C, stop it and are what comes of it.
pub(crate) fn work<T: Send>(
    py: Python<'_>,
    follow: &Arc<Follow>,
    callbacks: Callbacks<'_, '_>,
    job: impl FnOnce(&Follow) -> Result<T, SessionError> + Send,
) -> PyResult<T> {
    logging::prepare(py)?;
    let mut raised: Option<PyErr> = None;
    let ended = std::thread::scope(|scope| {
        let (end, ended) = bounded::<()>(1);
        let worker =
            std::thread::Builder::new().name("bothways".to_owned()).spawn_scoped(scope, move || {
                let done = catch_unwind(AssertUnwindSafe(|| job(follow)));
                drop(end);
                done
            })?;
        loop {
            let over = py.detach(|| ended.recv_timeout(GLANCE)) != Err(RecvTimeoutError::Timeout);
            if let Err(error) = attend(py, follow, callbacks, raised.is_some()) {
                follow.stop();
                raised.get_or_insert(error);
            }
            if over {
                return Ok::<_, PyErr>(py.detach(|| worker.join()));
            }
        }
    })?;
    if let Some(raised) = raised {
        return Err(raised);
    }
    match ended {
        Ok(Ok(done)) => done.map_err(|error| errors::of_session(py, &error)),
        Ok(Err(panic)) | Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
            let message = format!("a bug of bothways: {words}");
            Err(errors::error(py, "InternalError", &message))
        }
    }
}

/// Looks at signals and passes on what was told. After something was raised, only what was logged.
fn attend(py: Python<'_>, follow: &Follow, callbacks: Callbacks<'_, '_>, raised: bool) -> PyResult<()> {
    logging::pass_on(py)?;
    py.check_signals()?;
    let (mut steps, cycles, ready, waits) = {
        let mut told = follow.told();
        let mut steps = std::mem::take(&mut told.past);
        if std::mem::take(&mut told.changed) {
            steps.extend(told.now.clone());
        }
        let (cycles, waits) = (std::mem::take(&mut told.cycles), std::mem::take(&mut told.waits));
        (steps, cycles, std::mem::take(&mut told.ready), waits)
    };
    if raised {
        return Ok(());
    }
    if let Some(progress) = callbacks.progress {
        for step in steps.drain(..) {
            progress.call1((step,))?;
        }
    }
    if let Some(live) = callbacks.live {
        for words in waits {
            live.call1(("waits", words))?;
        }
        if ready > 0 {
            live.call1(("ready", ""))?;
        }
        for document in cycles {
            live.call1(("cycle", document))?;
        }
    }
    Ok(())
}
