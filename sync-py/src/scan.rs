//! One folder, scanned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use sync_engine::one_tree::{Seen, scan_root};

use crate::follow::Follow;
use crate::paths::AnyPath;
use crate::values::Entry;
use crate::work::{Callbacks, work};

/// What lies in one folder, in path order. Made at once, and handed out one by one.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Scan {
    entries: Vec<Seen>,
    next: AtomicUsize,
}

#[pymethods]
impl Scan {
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self) -> Option<Entry> {
        let seen = self.entries.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        let Seen { path, entry, target, trouble } = seen.clone();
        Some(Entry { path, version: entry, target, digest: None, trouble })
    }

    fn __length_hint__(&self) -> usize {
        self.entries.len().saturating_sub(self.next.load(Ordering::Relaxed))
    }

    fn __repr__(&self) -> String {
        format!("<Scan {} entries>", self.entries.len())
    }
}

/// Scans one folder and changes nothing.
#[pyfunction]
#[pyo3(signature = (root, *, config=None, progress=None))]
pub(crate) fn scan(
    py: Python<'_>,
    root: AnyPath,
    config: Option<&str>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Scan> {
    let ignore = match config {
        None => sync_engine::config::Ignore::default(),
        Some(text) => {
            let config = sync_engine::config::Config::from_text(text, std::path::Path::new("ignore.json"));
            config.map_err(|error| crate::errors::of_config(py, &error))?.ignore
        }
    };
    let follow = Arc::new(Follow::default());
    let callbacks = Callbacks { progress, live: None };
    let entries = work(py, &follow, callbacks, |follow| scan_root(&root.0, &ignore, follow))?;
    Ok(Scan { entries, next: AtomicUsize::new(0) })
}
