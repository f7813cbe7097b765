//! From the engine's errors to the exceptions of `bothways._errors`.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use pyo3::prelude::*;
use sync_engine::config::ConfigError;
use sync_engine::{ErrorKind, SessionError, StateError};

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
        StateError::Locked { holder, .. } => {
            with(py, "LockedError", &message, |value| value.setattr("holder", *holder))
        }
        _ => self::error(py, "StateError", &message),
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
        SessionError::Halted(halt) => {
            with(py, "HaltedError", &message, |value| value.setattr("_halt", json(halt)))
        }
        SessionError::Cancelled => self::error(py, "CancelledError", &message),
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

/// The same with whether nobody needs to look at anything, which the engine knows.
pub(crate) fn judged(document: &impl serde::Serialize, is_clean: bool) -> String {
    #[derive(serde::Serialize)]
    struct Judged<'a, T> {
        #[serde(flatten)]
        document: &'a T,
        is_clean: bool,
    }
    json(&Judged { document, is_clean })
}
