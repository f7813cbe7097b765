//! The engine's log records on their way to Python's `logging`.
//!
//! A record may be made by any thread of the engine, and Python's logging takes the interpreter and locks of its own. So
//! nothing is passed on where it is made: records wait in one queue, and whoever waits for the engine passes them on.
//! The queue is the only thing here that all sessions share, as they share the one logger there can be.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

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
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
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
    let logger = py.import("logging")?.call_method1("getLogger", ("bothways",))?;
    let wanted: i32 = logger.call_method0("getEffectiveLevel")?.extract()?;
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

/// Passes on what waits. Needs a thread that may run anything: a handler is the caller's own code.
pub(crate) fn pass_on(py: Python<'_>) -> PyResult<()> {
    let Waiting { lines, lost } = {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.lines.is_empty() && waiting.lost == 0 {
            return Ok(());
        }
        std::mem::take(&mut *waiting)
    };
    let tell = py.import("bothways._log")?.getattr("tell")?;
    for one in lines {
        let about = PyDict::new(py);
        for (key, value) in &one.about {
            about.set_item(key, value)?;
        }
        let level = match one.level {
            Level::Error => 40,
            Level::Warn => 30,
            Level::Info => 20,
            Level::Debug => 10,
            Level::Trace => 5,
        };
        tell.call1((level, one.target, one.file, one.at, one.message, about))?;
    }
    if lost > 0 {
        let words = format!("{lost} records were lost: they came faster than they were taken");
        tell.call1((30, "sync_engine", None::<String>, 0, words, PyDict::new(py)))?;
    }
    Ok(())
}
