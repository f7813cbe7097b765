//! The engine's log records on their way to Python's `logging`.
//!
//! A record may be made by any thread of the engine, and Python's logging takes the interpreter and locks of its own. So
//! nothing is passed on where it is made: records wait in one queue, and whoever waits for the engine passes them on.
//! The queue is the only thing here that all sessions share, as they share the one logger there can be.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// How many records wait at most. What comes beyond is counted.
const MOST: usize = 100_000;

struct Line {
    level: Level,
    target: String,
    file: Option<String>,
    at: u32,
    message: String,
    about: Vec<(String, String)>,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Line>,
    lost: u64,
}

static WAITING: Mutex<Waiting> = Mutex::new(Waiting { lines: VecDeque::new(), lost: 0 });

struct Queue;

struct Pairs<'a>(&'a mut Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push((key.to_string(), value.to_string()));
        Ok(())
    }
}

impl Log for Queue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && metadata.target().starts_with("sync_")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut about = Vec::new();
        // It fails only when the visitor does.
        let _ = record.key_values().visit(&mut Pairs(&mut about));
        let line = Line {
            level: record.level(),
            target: record.target().to_owned(),
            file: record.file().map(ToOwned::to_owned),
            at: record.line().unwrap_or_default(),
            message: record.args().to_string(),
            about,
        };
        let mut waiting = waiting();
        if waiting.lines.len() < MOST {
            waiting.lines.push_back(line);
        } else {
            waiting.lost += 1;
        }
    }

    fn flush(&self) {}
}

/// Makes the queue the logger. Only the first import of a process does anything.
pub(crate) fn install() {
    static QUEUE: Queue = Queue;
    let _ = log::set_logger(&QUEUE);
}

/// Asks Python what is wanted.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let wanted: i32 = py.import("bothways._log")?.call_method0("wanted")?.extract()?;
    log::set_max_level(match wanted {
        41.. => LevelFilter::Off,
        31..=40 => LevelFilter::Error,
        21..=30 => LevelFilter::Warn,
        11..=20 => LevelFilter::Info,
        6..=10 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    });
    Ok(())
}

/// Passes on what waits. Needs a thread that may run anything: a handler is the caller's own code. What one record's
/// handler raises keeps no other record back.
pub(crate) fn pass_on(py: Python<'_>) -> PyResult<()> {
    // Whoever forks holds the queue, and may have to give way to another thread before it is let go.
    let Waiting { lines, lost } = py.detach(|| std::mem::take(&mut *waiting()));
    if lines.is_empty() && lost == 0 {
        return Ok(());
    }
    let tell = py.import("bothways._log")?.getattr("tell")?;
    let mut told = Ok(());
    for one in lines {
        told = told.and(one.pass_on(&tell));
    }
    if lost > 0 {
        let words = format!("{lost} records were lost: they came faster than they were taken");
        let line = (30, "sync_engine", None::<String>, 0, words, PyDict::new(py));
        told = told.and(tell.call1(line).map(drop));
    }
    told
}

impl Line {
    fn pass_on(self, tell: &Bound<'_, PyAny>) -> PyResult<()> {
        let about = PyDict::new(tell.py());
        for (key, value) in &self.about {
            about.set_item(key, value)?;
        }
        let level = match self.level {
            Level::Error => 40,
            Level::Warn => 30,
            Level::Info => 20,
            Level::Debug => 10,
            Level::Trace => 5,
        };
        tell.call1((level, self.target, self.file, self.at, self.message, about)).map(drop)
    }
}

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The queue while the process is forked: no other thread may be at it, or the child would wait for that for ever.
    static HELD: Cell<Option<MutexGuard<'static, Waiting>>> = const { Cell::new(None) };
}

/// The process is about to be forked. Called by Python, as the two below.
#[pyfunction]
pub(crate) fn before_fork() {
    HELD.set(Some(waiting()));
}

/// It was, and this is the one it was before.
#[pyfunction]
pub(crate) fn after_fork() {
    HELD.take();
}

/// It was, and this is the new one: what waits is the other one's to tell.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    if let Some(mut waiting) = HELD.take() {
        *waiting = Waiting::default();
    }
}
