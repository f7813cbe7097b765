//! A pair of folders, from Python.
//!
//! Each call opens the pair, does one thing and closes it again, as each command of the command line does: between
//! calls nothing is held. Results are the engine's documents as JSON; `python/bothways` makes dataclasses of them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use pyo3::prelude::*;
use sync_engine::config::Config;
use sync_engine::core::guidance::Keep;
use sync_engine::core::side::{Side, Sides};
use sync_engine::records::{HistoryQuery, HistoryReport, PathGlob, Records, StatusReport, open_records};
use sync_engine::report::FORMAT;
use sync_engine::{
    RestoreOptions, Session, SessionError, SessionOptions, StateError, SyncOptions, TrashFilter, UndoOptions,
    Watch, Which, live, state_dir,
};

use crate::errors::{self, json, judged};
use crate::paths::AnyPath;
use crate::plan::Plan;
use crate::values::{choice, side};
use crate::work::{Callbacks, Follow, work};

/// How long the end of a sync may wait for alerts to be delivered.
const DELIVERY: Duration = Duration::from_secs(20);
/// How often somebody who waits for the turn looks again.
const TURN: Duration = Duration::from_millis(5);

#[pyclass(frozen, module = "bothways._bothways")]
pub(crate) struct RawSession {
    config: Config,
    state: Option<PathBuf>,
    closed: AtomicBool,
    /// One thing at a time: the state belongs to one.
    turn: Mutex<()>,
    /// Whoever has the turn keeps it until somebody stops it.
    is_live: AtomicBool,
    /// What is being done, to be stopped from another thread.
    current: Mutex<Vec<Arc<Follow>>>,
}

impl RawSession {
    fn options(&self, read_only: bool) -> SessionOptions {
        SessionOptions { state_dir: self.state.clone(), read_only, approve: false }
    }

    fn is_open(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(errors::error(py, "ClosedError", "the session is closed"));
        }
        Ok(())
    }

    fn work<T: Send>(
        &self,
        py: Python<'_>,
        callbacks: Callbacks<'_, '_>,
        job: impl FnOnce(&Follow) -> Result<T, SessionError> + Send,
    ) -> PyResult<T> {
        self.is_open(py)?;
        let follow = Arc::new(Follow::default());
        self.current().push(Arc::clone(&follow));
        let done = work(py, &follow, callbacks, |follow| {
            let _turn = self.turn(follow)?;
            job(follow)
        });
        self.current().retain(|one| !Arc::ptr_eq(one, &follow));
        done
    }

    /// Waits for the turn, on the engine's thread, so that signals are heard meanwhile.
    fn turn(&self, follow: &Follow) -> Result<MutexGuard<'_, ()>, SessionError> {
        loop {
            match self.turn.try_lock() {
                Ok(turn) => return Ok(turn),
                Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
                Err(TryLockError::WouldBlock) if self.is_live.load(Ordering::SeqCst) => {
                    let path = state_dir(&self.config, &self.options(true));
                    let holder = Some(std::process::id());
                    return Err(StateError::Locked { path, holder }.into());
                }
                Err(TryLockError::WouldBlock) if follow.is_cancelled() => {
                    return Err(SessionError::Cancelled);
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(TURN),
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Vec<Arc<Follow>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the pair for looking.
    fn look<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        job: impl FnOnce(&Session, &Follow) -> Result<T, SessionError> + Send,
    ) -> PyResult<T> {
        let options = self.options(true);
        self.work(py, Callbacks { progress, live: None }, |follow| {
            job(&Session::open(&self.config, &options)?, follow)
        })
    }

    /// Opens the pair to change something.
    fn change<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        job: impl FnOnce(&Session, &Follow) -> Result<T, SessionError> + Send,
    ) -> PyResult<T> {
        let options = self.options(false);
        self.work(py, Callbacks { progress, live: None }, |follow| {
            job(&Session::open(&self.config, &options)?, follow)
        })
    }
}

fn keep_of(given: &str) -> PyResult<Keep> {
    let all = [Keep::Side(Side::Left), Keep::Side(Side::Right), Keep::Newer, Keep::Both];
    choice("what to keep", given, &all, Keep::name)
}

fn filter(
    paths: Vec<String>,
    on: Option<&str>,
    since_ns: Option<i64>,
    before_ns: Option<i64>,
) -> PyResult<TrashFilter> {
    let side = on.map(side).transpose()?;
    Ok(TrashFilter { paths, side, since_ns, before_ns, ..TrashFilter::default() })
}

#[pymethods]
impl RawSession {
    /// `document` is a configuration in JSON whose relative paths are relative to the working folder.
    #[new]
    #[pyo3(signature = (file=None, document=None, left=None, right=None, state_dir=None))]
    fn new(
        py: Python<'_>,
        file: Option<AnyPath>,
        document: Option<&str>,
        left: Option<AnyPath>,
        right: Option<AnyPath>,
        state_dir: Option<AnyPath>,
    ) -> PyResult<Self> {
        let fault = |error| errors::of_config(py, &error);
        let roots = match (left, right) {
            (Some(left), Some(right)) => {
                let made = py.detach(|| Config::for_roots(&left.0, &right.0));
                Some(made.map_err(fault)?)
            }
            (None, None) => None,
            _ => return Err(errors::usage(py, "name both folders, left= and right=, or neither")),
        };
        let configured = match (&file, document) {
            (Some(file), None) => Some(py.detach(|| Config::load(&file.0)).map_err(fault)?),
            (None, Some(text)) => {
                let place = std::env::current_dir().unwrap_or_default().join("config.json");
                Some(Config::from_text(text, &place).map_err(fault)?)
            }
            (None, None) => None,
            (Some(_), Some(_)) => return Err(errors::usage(py, "one configuration, not two")),
        };
        let config = match (configured, roots) {
            (Some(mut config), Some(roots)) => {
                // The folders win over those of the file; everything else is the file's.
                config.roots = roots.roots;
                config
            }
            (Some(config), None) | (None, Some(config)) => config,
            (None, None) => {
                return Err(errors::usage(py, "which folders? Name a configuration, or left= and right="));
            }
        };
        Ok(Self {
            config,
            state: state_dir.map(|AnyPath(path)| path),
            closed: AtomicBool::new(false),
            turn: Mutex::new(()),
            is_live: AtomicBool::new(false),
            current: Mutex::new(Vec::new()),
        })
    }

    #[getter]
    fn roots(&self) -> (PathBuf, PathBuf) {
        let Sides { left, right } = self.config.roots.clone();
        (left, right)
    }

    #[getter]
    fn state_dir(&self) -> PathBuf {
        state_dir(&self.config, &self.options(true))
    }

    #[getter]
    fn policy(&self) -> crate::decision::Policy {
        crate::decision::Policy(self.config.policy.clone())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Stops what is being done, at its next safe point.
    fn stop(&self) {
        self.current().iter().for_each(|one| one.stop());
    }

    /// The same, and nothing is done any more.
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.stop();
    }

    #[pyo3(signature = (all, progress))]
    fn plan(&self, py: Python<'_>, all: bool, progress: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        self.look(py, progress, |session, follow| session.plan(all, follow).map(|report| json(&report)))
    }

    #[pyo3(signature = (approve, progress))]
    fn sync(&self, py: Python<'_>, approve: bool, progress: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        let options = SessionOptions { approve, ..self.options(false) };
        self.work(py, Callbacks { progress, live: None }, |follow| {
            let opened = Session::open(&self.config, &options);
            let session = opened.inspect_err(|error| {
                sync_engine::alert_failure(&self.config, &options, error, DELIVERY);
            })?;
            let report = session.sync(&SyncOptions { approve }, follow);
            let stopped = follow.is_cancelled();
            session.deliver_alerts(if stopped { Duration::ZERO } else { DELIVERY });
            if !stopped {
                session.tidy();
            }
            report.map(|report| judged(&report, report.is_clean()))
        })
    }

    #[pyo3(signature = (plan, approve, progress))]
    fn apply(
        &self,
        py: Python<'_>,
        plan: &Bound<'_, Plan>,
        approve: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let plan = plan.get();
        self.change(py, progress, |session, follow| {
            let options = SyncOptions { approve };
            let report = session.apply(plan.brought.plan(), plan.slack_ns, &options, follow)?;
            Ok(judged(&report, report.is_clean()))
        })
    }

    /// The live session, until it is stopped.
    #[pyo3(signature = (tell))]
    fn run(&self, py: Python<'_>, tell: &Bound<'_, PyAny>) -> PyResult<()> {
        let options = self.options(false);
        let callbacks = Callbacks { progress: None, live: Some(tell) };
        self.work(py, callbacks, |follow| {
            self.is_live.store(true, Ordering::SeqCst);
            let ended = live(&self.config, &options, follow);
            self.is_live.store(false, Ordering::SeqCst);
            ended
        })
    }

    #[pyo3(signature = (progress))]
    fn scan(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        self.look(py, progress, |session, follow| session.scan(follow).map(|report| json(&report)))
    }

    fn explain(&self, py: Python<'_>, path: AnyPath) -> PyResult<String> {
        self.look(py, None, |session, follow| session.explain(&path.0, follow).map(|report| json(&report)))
    }

    fn check(&self, py: Python<'_>) -> PyResult<String> {
        let options = self.options(true);
        self.work(py, Callbacks::default(), |follow| {
            let report = sync_engine::check(&self.config, &options, follow);
            Ok(judged(&report, report.is_ok()))
        })
    }

    fn status(&self, py: Python<'_>, hours: u32) -> PyResult<String> {
        let options = self.options(true);
        self.work(py, Callbacks::default(), |_| {
            let report = match open_records(&self.config, &options)? {
                Some(state) => Records::new(&state).status(hours)?,
                None => StatusReport::never_synced(hours),
            };
            Ok(json(&report))
        })
    }

    #[pyo3(signature = (since_ns, until_ns, limit, path, action))]
    fn history(
        &self,
        py: Python<'_>,
        since_ns: Option<i64>,
        until_ns: Option<i64>,
        limit: usize,
        path: Option<&str>,
        action: Option<String>,
    ) -> PyResult<String> {
        let options = self.options(true);
        let path = path.map(PathGlob::new).transpose().map_err(|error| errors::of_session(py, &error))?;
        let query = HistoryQuery { since_ns, until_ns, limit, path, action };
        self.work(py, Callbacks::default(), |_| {
            let report = match open_records(&self.config, &options)? {
                Some(state) => Records::new(&state).history(&query)?,
                None => HistoryReport { format: FORMAT, runs: Vec::new(), more: false },
            };
            Ok(json(&report))
        })
    }

    fn details(&self, py: Python<'_>, run: u64) -> PyResult<String> {
        let options = self.options(true);
        self.work(py, Callbacks::default(), |_| {
            let found = match open_records(&self.config, &options)? {
                Some(state) => Records::new(&state).run(run, &HistoryQuery::default())?,
                None => None,
            };
            found.map(|details| json(&details)).ok_or(SessionError::NoRun { run })
        })
    }

    fn conflicts(&self, py: Python<'_>, all: bool) -> PyResult<String> {
        self.look(py, None, |session, _| session.conflicts(all).map(|report| json(&report)))
    }

    fn conflict(&self, py: Python<'_>, path: AnyPath) -> PyResult<String> {
        self.look(py, None, |session, follow| session.conflict(&path.0, follow).map(|report| json(&report)))
    }

    /// Without paths, all that are open.
    #[pyo3(signature = (paths, keep, progress))]
    fn resolve(
        &self,
        py: Python<'_>,
        paths: Option<Vec<String>>,
        keep: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let keep = keep_of(keep)?;
        let which = paths.map_or(Which::All, Which::These);
        self.change(py, progress, |session, follow| {
            session.resolve(&which, keep, follow).map(|report| judged(&report, report.is_clean()))
        })
    }

    #[pyo3(signature = (paths, progress))]
    fn resync(
        &self,
        py: Python<'_>,
        paths: Vec<AnyPath>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let paths: Vec<PathBuf> = paths.into_iter().map(|AnyPath(path)| path).collect();
        self.change(py, progress, |session, follow| {
            session.resync(&paths, follow).map(|report| judged(&report, report.is_clean()))
        })
    }

    #[pyo3(signature = (run, keep_both, dry_run, progress))]
    fn undo(
        &self,
        py: Python<'_>,
        run: u64,
        keep_both: bool,
        dry_run: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let options = UndoOptions { keep_both, dry_run };
        let undo = |session: &Session, follow: &Follow| {
            session.undo(run, &options, follow).map(|report| judged(&report, report.is_whole()))
        };
        if dry_run { self.look(py, progress, undo) } else { self.change(py, progress, undo) }
    }

    #[pyo3(signature = (paths, side, since_ns, before_ns))]
    fn trash(
        &self,
        py: Python<'_>,
        paths: Vec<String>,
        side: Option<&str>,
        since_ns: Option<i64>,
        before_ns: Option<i64>,
    ) -> PyResult<String> {
        let filter = filter(paths, side, since_ns, before_ns)?;
        self.look(py, None, |session, _| session.trash(&filter).map(|report| json(&report)))
    }

    #[pyo3(signature = (paths, side, at_ns, to, keep_both, dry_run))]
    fn restore(
        &self,
        py: Python<'_>,
        paths: Vec<String>,
        side: Option<&str>,
        at_ns: Option<i64>,
        to: Option<String>,
        keep_both: bool,
        dry_run: bool,
    ) -> PyResult<String> {
        let filter = filter(paths, side, None, None)?;
        let options = RestoreOptions { filter, at_ns, to, keep_both, dry_run };
        let restore = |session: &Session, follow: &Follow| {
            session.restore_from_trash(&options, follow).map(|report| judged(&report, report.is_whole()))
        };
        if dry_run { self.look(py, None, restore) } else { self.change(py, None, restore) }
    }

    fn __repr__(&self) -> String {
        let roots = self.config.roots.as_ref().map(|root| root.display().to_string());
        format!(
            "<Session {:?} <-> {:?}{}>",
            roots.left,
            roots.right,
            if self.closed() { " closed" } else { "" }
        )
    }
}
