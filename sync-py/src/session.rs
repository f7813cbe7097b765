//! A pair of folders, from Python.
//!
//! Owns the calls: what Python names becomes a request, and what comes of it JSON, of which `python/bothways` makes
//! dataclasses. Who carries it out is `pair`'s to say.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use sync_engine::config::Config;
use sync_engine::control::{Answer, Request};
use sync_engine::core::guidance::Keep;
use sync_engine::core::side::{Side, Sides};
use sync_engine::records::{HistoryQuery, PathGlob};
use sync_engine::report::PlanReport;
use sync_engine::{
    PlanFile, RestoreOptions, ReviewedPlan, SessionError, SyncOptions, TrashFilter, UndoOptions, Which,
};

use crate::answers::document;
use crate::current::{Call, Current};
use crate::errors::{self, json, judged};
use crate::pair::Pair;
use crate::paths::AnyPath;
use crate::plan::Plan;
use crate::values::{choice, side};
use crate::work::{Callbacks, consult, work};

/// A function of Python's that may be named.
type Tell<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

#[pyclass(frozen, module = "bothways._bothways")]
pub(crate) struct RawSession {
    pair: Arc<Pair>,
    closed: AtomicBool,
    current: Current,
}

impl RawSession {
    fn begin(&self, py: Python<'_>, is_run: bool) -> PyResult<Call<'_>> {
        if self.closed() {
            return Err(errors::error(py, "ClosedError", "the session is closed"));
        }
        self.current.here().map_err(|_| {
            let words = "the session was at work when this process was forked: make another Session here, or begin \
                         processes by `spawn`";
            errors::usage(py, words)
        })?;
        Ok(self.current.begin(is_run))
    }

    /// Has a request carried out by whoever answers for the pair.
    fn ask(&self, py: Python<'_>, progress: Tell<'_, '_>, request: Request) -> PyResult<String> {
        self.ask_for(py, progress, request, document)
    }

    fn ask_for(
        &self,
        py: Python<'_>,
        progress: Tell<'_, '_>,
        request: Request,
        make: impl FnOnce(Answer, &Request) -> Result<String, SessionError> + Send + 'static,
    ) -> PyResult<String> {
        let call = self.begin(py, false)?;
        let (pair, token) = (Arc::clone(&self.pair), Arc::clone(&call.token));
        consult(py, &call.follow, Callbacks { progress, live: None }, move |follow| {
            let answer = pair.ask(&request, follow);
            drop(token);
            Ok(make(answer?, &request)?)
        })
    }
}

fn keep_of(py: Python<'_>, given: &str) -> PyResult<Keep> {
    let all = [Keep::Side(Side::Left), Keep::Side(Side::Right), Keep::Newer, Keep::Both];
    choice("what to keep", given, &all, Keep::name).map_err(|error| no_word(py, &error))
}

/// A word that is none of those there are makes no sense to ask for.
fn no_word(py: Python<'_>, error: &PyErr) -> PyErr {
    errors::usage(py, &error.value(py).to_string())
}

fn os_text(AnyPath(path): AnyPath) -> OsString {
    path.into_os_string()
}

/// Which things in the trash are meant, as Python hands it over.
#[derive(FromPyObject)]
pub(crate) struct Meant {
    #[pyo3(item)]
    paths: Vec<String>,
    #[pyo3(item)]
    side: Option<String>,
    #[pyo3(item)]
    since_ns: Option<i64>,
    #[pyo3(item)]
    before_ns: Option<i64>,
    #[pyo3(item)]
    min_size: Option<u64>,
    #[pyo3(item)]
    max_size: Option<u64>,
    #[pyo3(item)]
    versions: Option<bool>,
}

impl Meant {
    fn filter(self, py: Python<'_>) -> PyResult<TrashFilter> {
        let Self { paths, side: on, since_ns, before_ns, min_size, max_size, versions } = self;
        let side = on.as_deref().map(side).transpose().map_err(|error| no_word(py, &error))?;
        Ok(TrashFilter { paths, side, since_ns, before_ns, min_size, max_size, versions })
    }
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
        let are_named = roots.is_some();
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
        let pair = Arc::new(Pair::new(config, state_dir.map(|AnyPath(path)| path), are_named));
        Ok(Self { pair, closed: AtomicBool::new(false), current: Current::new() })
    }

    #[getter]
    fn roots(&self) -> (PathBuf, PathBuf) {
        let Sides { left, right } = self.pair.config.roots.clone();
        (left, right)
    }

    #[getter]
    fn state_dir(&self) -> PathBuf {
        self.pair.state_dir()
    }

    #[getter]
    fn policy(&self) -> crate::decision::Policy {
        crate::decision::Policy(self.pair.config.policy.clone())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Stops what is being done, at its next safe point.
    fn stop(&self) {
        self.current.stop(false);
    }

    /// Stops the live session of this object alone.
    fn stop_run(&self) {
        self.current.stop(true);
    }

    /// Stops what is being done, and nothing is done any more.
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.stop();
    }

    /// Whether a session of the pair runs, in this process or another.
    fn is_running(&self, py: Python<'_>) -> PyResult<bool> {
        let call = self.begin(py, false)?;
        let (pair, token) = (Arc::clone(&self.pair), Arc::clone(&call.token));
        consult(py, &call.follow, Callbacks::default(), move |_| {
            let is_running = pair.is_running();
            drop(token);
            is_running
        })
    }

    #[pyo3(signature = (all, progress))]
    fn plan(&self, py: Python<'_>, all: bool, progress: Tell<'_, '_>) -> PyResult<String> {
        self.ask(py, progress, Request::Plan { all })
    }

    /// The same, with a file to review.
    #[pyo3(signature = (all, file, progress))]
    fn plan_to_review(
        &self,
        py: Python<'_>,
        all: bool,
        file: AnyPath,
        progress: Tell<'_, '_>,
    ) -> PyResult<String> {
        self.ask_for(py, progress, Request::PlanToReview { all }, move |answer, _| {
            let (report, plan): (PlanReport, PlanFile) = answer.try_into()?;
            plan.write(&file.0)?;
            Ok(json(&report))
        })
    }

    #[pyo3(signature = (approve, progress))]
    fn sync(&self, py: Python<'_>, approve: bool, progress: Tell<'_, '_>) -> PyResult<String> {
        self.ask(py, progress, Request::Sync { approve })
    }

    #[pyo3(signature = (file, approve, progress))]
    fn sync_reviewed(
        &self,
        py: Python<'_>,
        file: AnyPath,
        approve: bool,
        progress: Tell<'_, '_>,
    ) -> PyResult<String> {
        let read = py.detach(|| ReviewedPlan::read(&file.0));
        let plan = read.map_err(|error| errors::of_session(py, &SessionError::PlanFile(error)))?;
        self.ask(py, progress, Request::SyncReviewed { plan, approve })
    }

    /// Never asked of a session that runs: the plan is this program's.
    #[pyo3(signature = (plan, approve, progress))]
    fn apply(
        &self,
        py: Python<'_>,
        plan: &Bound<'_, Plan>,
        approve: bool,
        progress: Tell<'_, '_>,
    ) -> PyResult<String> {
        let plan = plan.get();
        let call = self.begin(py, false)?;
        let what = "it cannot be handed a plan of somebody's own rows; stop it first, or let it sync";
        work(py, &call.follow, Callbacks { progress, live: None }, |follow| {
            let options = SyncOptions { approve };
            self.pair.change(follow, what, |session| {
                let report = session.apply(plan.brought.plan(), plan.slack_ns, &options, follow)?;
                Ok(judged(&report))
            })
        })
    }

    /// Fails when a session runs.
    fn can_run(&self, py: Python<'_>) -> PyResult<()> {
        let call = self.begin(py, false)?;
        let (pair, token) = (Arc::clone(&self.pair), Arc::clone(&call.token));
        consult(py, &call.follow, Callbacks::default(), move |follow| {
            let can_run = pair.can_run(follow);
            drop(token);
            can_run
        })
    }

    /// The live session, until it is stopped.
    #[pyo3(signature = (tell))]
    fn run(&self, py: Python<'_>, tell: &Bound<'_, PyAny>) -> PyResult<()> {
        let call = self.begin(py, true)?;
        let callbacks = Callbacks { progress: None, live: Some(tell) };
        work(py, &call.follow, callbacks, |follow| self.pair.live(follow))
    }

    #[pyo3(signature = (progress))]
    fn scan(&self, py: Python<'_>, progress: Tell<'_, '_>) -> PyResult<String> {
        self.ask(py, progress, Request::Scan)
    }

    fn explain(&self, py: Python<'_>, path: AnyPath) -> PyResult<String> {
        self.ask(py, None, Request::Explain { path: os_text(path) })
    }

    fn check(&self, py: Python<'_>, send_test_mail: bool) -> PyResult<String> {
        let call = self.begin(py, false)?;
        work(py, &call.follow, Callbacks::default(), |follow| {
            self.pair.check(follow, send_test_mail).map(|report| judged(&report))
        })
    }

    fn status(&self, py: Python<'_>, hours: u32) -> PyResult<String> {
        self.ask(py, None, Request::Status { hours })
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
        let path = glob(py, path)?;
        self.ask(py, None, Request::History(HistoryQuery { since_ns, until_ns, limit, path, action }))
    }

    #[pyo3(signature = (run, path, action))]
    fn details(
        &self,
        py: Python<'_>,
        run: u64,
        path: Option<&str>,
        action: Option<String>,
    ) -> PyResult<String> {
        let query = HistoryQuery { path: glob(py, path)?, action, ..HistoryQuery::default() };
        self.ask(py, None, Request::Run { run, query })
    }

    fn conflicts(&self, py: Python<'_>, all: bool) -> PyResult<String> {
        self.ask(py, None, Request::Conflicts { all })
    }

    fn conflict(&self, py: Python<'_>, path: AnyPath) -> PyResult<String> {
        self.ask(py, None, Request::Conflict { path: os_text(path) })
    }

    /// Without paths, all that are open.
    #[pyo3(signature = (paths, keep, progress))]
    fn resolve(
        &self,
        py: Python<'_>,
        paths: Option<Vec<String>>,
        keep: &str,
        progress: Tell<'_, '_>,
    ) -> PyResult<String> {
        let which = paths.map_or(Which::All, Which::These);
        self.ask(py, progress, Request::Resolve { which, keep: keep_of(py, keep)? })
    }

    #[pyo3(signature = (paths, progress))]
    fn resync(&self, py: Python<'_>, paths: Vec<AnyPath>, progress: Tell<'_, '_>) -> PyResult<String> {
        self.ask(py, progress, Request::Resync { paths: paths.into_iter().map(os_text).collect() })
    }

    #[pyo3(signature = (run, keep_both, dry_run, progress))]
    fn undo(
        &self,
        py: Python<'_>,
        run: u64,
        keep_both: bool,
        dry_run: bool,
        progress: Tell<'_, '_>,
    ) -> PyResult<String> {
        self.ask(py, progress, Request::Undo { run, options: UndoOptions { keep_both, dry_run } })
    }

    fn trash(&self, py: Python<'_>, meant: Meant) -> PyResult<String> {
        self.ask(py, None, Request::Trash(meant.filter(py)?))
    }

    #[pyo3(signature = (meant, at_ns, to, keep_both, dry_run))]
    fn restore(
        &self,
        py: Python<'_>,
        meant: Meant,
        at_ns: Option<i64>,
        to: Option<String>,
        keep_both: bool,
        dry_run: bool,
    ) -> PyResult<String> {
        let filter = meant.filter(py)?;
        self.ask(py, None, Request::Restore(RestoreOptions { filter, at_ns, to, keep_both, dry_run }))
    }

    fn purge(&self, py: Python<'_>, meant: Meant, expired: bool, dry_run: bool) -> PyResult<String> {
        self.ask(py, None, Request::Purge { filter: meant.filter(py)?, expired, dry_run })
    }

    fn pause(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, None, Request::Pause)
    }

    fn resume(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, None, Request::Resume)
    }

    fn __repr__(&self) -> String {
        let roots = self.pair.config.roots.as_ref().map(|root| root.display().to_string());
        let closed = if self.closed() { " closed" } else { "" };
        format!("<Session {:?} <-> {:?}{closed}>", roots.left, roots.right)
    }
}

fn glob(py: Python<'_>, pattern: Option<&str>) -> PyResult<Option<PathGlob>> {
    pattern.map(PathGlob::new).transpose().map_err(|error| errors::of_session(py, &error))
}
