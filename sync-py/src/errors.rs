//! From the engine's errors to the exceptions of `bothways._errors`.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use pyo3::prelude::*;
use sync_engine::config::ConfigError;
use sync_engine::control::{About, Refusal, WireError};
use sync_engine::report::SyncReport;
use sync_engine::{ErrorKind, Judged, PlanFileError, SessionError, StateError, Verdict};

/// Why a call on a session did not give its result.
pub(crate) enum Failure {
    Session(SessionError),
    /// A session runs, and cannot be asked for this.
    Taken {
        /// What cannot be done, and what to do instead.
        what: &'static str,
        /// Its process, where that is known.
        holder: Option<u32>,
    },
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// An exception of `bothways._errors` with these attributes.
pub(crate) fn error(py: Python<'_>, class: &str, message: &str) -> PyErr {
    with(py, class, message, |_| Ok(()))
}

fn with(
    py: Python<'_>,
    class: &str,
    message: &str,
    fill: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>,
) -> PyErr {
    let made = py.import("bothways._errors").and_then(|module| module.getattr(class)?.call1((message,)));
    match made.and_then(|value| fill(&value).map(|()| value)) {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// A request that makes no sense.
pub(crate) fn usage(py: Python<'_>, message: &str) -> PyErr {
    error(py, "UsageError", message)
}

fn system(
    py: Python<'_>,
    class: &str,
    message: &str,
    source: Option<&io::Error>,
    path: &Path,
    side: Option<&str>,
) -> PyErr {
    with(py, class, message, |value| {
        value.setattr("errno", source.and_then(io::Error::raw_os_error))?;
        value.setattr("strerror", source.map(ToString::to_string))?;
        value.setattr("filename", <&OsStr>::into_pyobject(path.as_os_str(), py)?)?;
        if let Some(side) = side {
            value.setattr("side", side)?;
        }
        Ok(())
    })
}

fn of_state(py: Python<'_>, error: &StateError) -> PyErr {
    let message = error.to_string();
    match error {
        StateError::Io { path, source, .. } | StateError::Full { path, source, .. } => {
            system(py, "StateIoError", &message, Some(source), path, None)
        }
        StateError::Locked { holder, .. } => locked(py, &message, *holder),
        _ => self::error(py, "StateError", &message),
    }
}

fn locked(py: Python<'_>, message: &str, holder: Option<u32>) -> PyErr {
    with(py, "LockedError", message, |value| value.setattr("holder", holder))
}

/// The exception for a call that came to nothing.
pub(crate) fn of_failure(py: Python<'_>, failure: &Failure) -> PyErr {
    match failure {
        Failure::Session(error) => of_session(py, error),
        Failure::Taken { what, holder } => {
            let process = holder.map_or_else(String::new, |process| format!(" in process {process}"));
            locked(py, &format!("a session of this pair is running{process}: {what}"), *holder)
        }
    }
}

/// What a running session says is raised as if it had happened here.
fn of_refusal(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let message = &refusal.message;
    match &refusal.about {
        About::Root { side, root, errno } => {
            let source = errno.map(io::Error::from_raw_os_error);
            system(py, "RootError", message, source.as_ref(), Path::new(root), Some(side))
        }
        About::Halt(halt) => halted(py, message, halt),
        About::State => error(py, "StateError", message),
        About::Stop => error(py, "CancelledError", message),
        _ => match refusal.kind {
            ErrorKind::Usage => usage(py, message),
            // It is about to end, or has too many to serve.
            ErrorKind::TryAgain => error(py, "RunningSessionError", message),
            _ => error(py, "InternalError", message),
        },
    }
}

fn of_wire(py: Python<'_>, error: &WireError) -> PyErr {
    let message = error.to_string();
    match error {
        WireError::OtherPair { .. } | WireError::OtherVersion { .. } | WireError::Foreign => {
            locked(py, &message, None)
        }
        _ => self::error(py, "RunningSessionError", &message),
    }
}

fn halted(py: Python<'_>, message: &str, halt: &impl serde::Serialize) -> PyErr {
    with(py, "HaltedError", message, |value| value.setattr("_halt", json(halt)))
}

fn of_plan_file(py: Python<'_>, error: &PlanFileError) -> PyErr {
    let message = error.to_string();
    match error {
        PlanFileError::Read { path, source } | PlanFileError::Write { path, source } => {
            system(py, "IoError", &message, Some(source), Path::new(path), None)
        }
        _ => usage(py, &message),
    }
}

/// The exception for a failure of a session.
pub(crate) fn of_session(py: Python<'_>, error: &SessionError) -> PyErr {
    let message = error.to_string();
    match error {
        SessionError::Root { side, root, source } => {
            system(py, "RootError", &message, source.source.as_ref(), root, Some(side.name()))
        }
        SessionError::State(error) => of_state(py, error),
        SessionError::Halted(halt) => halted(py, &message, halt),
        SessionError::Cancelled => self::error(py, "CancelledError", &message),
        SessionError::NotRunning => self::error(py, "NotRunningError", &message),
        SessionError::Refused(refusal) => of_refusal(py, refusal),
        SessionError::Wire(error) => of_wire(py, error),
        SessionError::PlanFile(error) => of_plan_file(py, error),
        other => match other.kind() {
            ErrorKind::Usage => usage(py, &message),
            ErrorKind::TryAgain => self::error(py, "StateError", &message),
            _ => self::error(py, "InternalError", &message),
        },
    }
}

/// The exception for a configuration that cannot be used.
pub(crate) fn of_config(py: Python<'_>, error: &ConfigError) -> PyErr {
    let message = error.to_string();
    match error {
        ConfigError::Read { path, source } => system(py, "ConfigIoError", &message, Some(source), path, None),
        ConfigError::Fault(fault) => with(py, "ConfigError", &message, |value| {
            value.setattr("line", fault.line)?;
            value.setattr("column", fault.column)
        }),
        _ => self::error(py, "ConfigError", &message),
    }
}

/// A document of the engine as JSON.
pub(crate) fn json(document: &impl serde::Serialize) -> String {
    // Documents of the engine are maps of text and numbers, which always are JSON.
    serde_json::to_string(document).unwrap_or_default()
}

/// The same with whether nobody needs to look at anything.
pub(crate) fn judged(document: &(impl serde::Serialize + Judged)) -> String {
    with_word(document, document.verdict() == Verdict::Clean)
}

/// A cycle of a live session. What that does later is nothing to look at.
pub(crate) fn cycle(report: &SyncReport) -> String {
    with_word(report, report.is_clean())
}

fn with_word(document: &impl serde::Serialize, is_clean: bool) -> String {
    #[derive(serde::Serialize)]
    struct WithWord<'a, T> {
        #[serde(flatten)]
        document: &'a T,
        is_clean: bool,
    }
    json(&WithWord { document, is_clean })
}
