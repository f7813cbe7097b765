//! Paths between Python and the engine.
//!
//! A path comes as `str`, `bytes` or anything with `__fspath__`, and leaves as a `pathlib.PurePath`. Names that are no
//! Unicode survive both ways: undecodable bytes as Python's surrogates on Unix, lone surrogates on Windows.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyType};
use sync_engine::core::path::{RelPath, unshow};

/// A file system path of any kind that Python has.
pub(crate) struct AnyPath(pub(crate) PathBuf);

impl<'py> FromPyObject<'_, 'py> for AnyPath {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let decoded = match given.cast::<PyString>() {
            Ok(_) => given.to_owned(),
            // Also what says that a type is no path.
            Err(_) => given.py().import("os")?.call_method1("fsdecode", (given,))?,
        };
        let path: OsString = decoded.extract()?;
        if path.as_encoded_bytes().contains(&0) {
            return Err(PyValueError::new_err("a path has a NUL character"));
        }
        Ok(Self(path.into()))
    }
}

/// The bytes of a relative path, components divided by `/`.
fn bytes_of(given: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
    if let Ok(text) = given.cast::<PyString>() {
        return match text.to_cow() {
            // The usual case, and the same in every encoding of file names.
            Ok(plain) if plain.is_ascii() => Ok(divided(plain.as_bytes())),
            _ => Ok(divided(text.extract::<OsString>()?.as_encoded_bytes())),
        };
    }
    if let Ok(bytes) = given.cast::<PyBytes>() {
        if cfg!(unix) {
            return Ok(bytes.as_bytes().into());
        }
        let text = given.py().import("os")?.call_method1("fsdecode", (given,))?;
        return bytes_of(&text);
    }
    let inner = given.py().import("os")?.call_method1("fspath", (given,)).map_err(|_| {
        let kind = given.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("a path is a str, bytes or os.PathLike, and not {kind}"))
    })?;
    bytes_of(&inner)
}

/// On Windows both dividers are one.
fn divided(bytes: &[u8]) -> Box<[u8]> {
    let mut bytes: Box<[u8]> = bytes.into();
    if cfg!(windows) {
        bytes.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    bytes
}

/// A path relative to a root; `.` is the root itself.
pub(crate) fn relative(given: &Bound<'_, PyAny>) -> PyResult<RelPath> {
    let bytes = bytes_of(given)?;
    if *bytes == *b"." {
        return Ok(RelPath::root());
    }
    RelPath::new(bytes).map_err(|bad| {
        let shown = given.repr().map_or_else(|_| String::new(), |repr| format!("{repr}: "));
        PyValueError::new_err(format!("{shown}{bad}; write it relative to the root, divided by `/`"))
    })
}

/// A relative path as a `pathlib.PurePath`.
pub(crate) fn pure<'py>(py: Python<'py>, path: &RelPath) -> PyResult<Bound<'py, PyAny>> {
    pure_bytes(py, path.as_bytes())
}

fn pure_bytes<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    static PURE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    PURE.import(py, "pathlib", "PurePath")?.call1((text(py, bytes)?,))
}

/// The path that a report shows escaped.
#[pyfunction]
pub(crate) fn shown_path<'py>(py: Python<'py>, shown: &str) -> PyResult<Bound<'py, PyAny>> {
    match unshow(shown) {
        Some(bytes) => pure_bytes(py, &bytes),
        None => pure_bytes(py, shown.as_bytes()),
    }
}

/// A link's target: any bytes, as they are.
pub(crate) fn target(given: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
    let AnyPath(path) = given.extract()?;
    Ok(path.into_os_string().into_encoded_bytes().into())
}

/// Bytes of a path as a `str`.
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() || cfg!(windows) => Ok(PyString::new(py, text).into_any()),
        _ if cfg!(windows) => {
            PyBytes::new(py, bytes).call_method1(intern!(py, "decode"), ("utf-8", "surrogatepass"))
        }
        _ => py.import("os")?.call_method1("fsdecode", (PyBytes::new(py, bytes),)),
    }
}
