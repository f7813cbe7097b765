//! Work of the engine, followed from Python.
//!
//! The engine works on a thread of its own and never holds the interpreter. The thread that asked waits without holding
//! it either, and every now and then looks at signals, tells of progress and passes on what was logged. So Ctrl-C stops
//! the work at its next safe point, a callback that raises does the same, and nothing can wait for each other.
//!
//! [`work`] waits for the end of what it began, whatever happens. [`consult`] does not wait for another session: what is
//! carried out there goes on, or ends, without us.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::errors::{self, Failure};
use crate::follow::{Follow, Left, Told};
use crate::logging;

/// How often signals are looked at and progress is told.
const GLANCE: Duration = Duration::from_millis(50);
/// After how many glances the levels of the loggers are looked at again.
const LEVELS: u32 = 20;

/// Whom to tell.
#[derive(Clone, Copy, Default)]
pub(crate) struct Callbacks<'a, 'py> {
    pub(crate) progress: Option<&'a Bound<'py, PyAny>>,
    /// Is given `ready`, `cycle` or `waits`, and a text.
    pub(crate) live: Option<&'a Bound<'py, PyAny>>,
}

/// What came of a job, or with what it panicked.
type Done<T> = Result<Result<T, Failure>, Box<dyn Any + Send>>;

fn begin(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.to_owned())
}

fn try_job<T>(job: impl FnOnce() -> Result<T, Failure>) -> Done<T> {
    catch_unwind(AssertUnwindSafe(job))
}

/// Has the engine work, and follows it to its end. What a callback raises, and Ctrl-C, stop it and are what comes of it.
pub(crate) fn work<T: Send, E: Into<Failure>>(
    py: Python<'_>,
    follow: &Arc<Follow>,
    callbacks: Callbacks<'_, '_>,
    job: impl FnOnce(&Follow) -> Result<T, E> + Send,
) -> PyResult<T> {
    logging::prepare(py)?;
    let mut raised = Raised(None);
    let done = std::thread::scope(|scope| {
        let (end, ended) = bounded::<()>(1);
        let worker = begin("bothways").spawn_scoped(scope, move || {
            let done = try_job(|| job(follow).map_err(Into::into));
            drop(end);
            done
        })?;
        let mut glances = Glances::default();
        while Glances::wait(py, &ended).is_none() {
            raised.keep(py, follow, glances.attend(py, follow, callbacks, raised.is_any()));
        }
        let done = py.detach(|| worker.join());
        raised.keep(py, follow, glances.attend(py, follow, callbacks, raised.is_any()));
        Ok::<_, PyErr>(done.unwrap_or_else(Err))
    })?;
    result(py, raised, done)
}

/// Has the engine do what may be carried out by another session, and follows it. What a callback raises, and Ctrl-C, stop
/// it as in [`work`]; but where it is another session's, or not begun, nobody waits for its end.
pub(crate) fn consult<T: Send + 'static>(
    py: Python<'_>,
    follow: &Arc<Follow>,
    callbacks: Callbacks<'_, '_>,
    job: impl FnOnce(&Follow) -> Result<T, Failure> + Send + 'static,
) -> PyResult<T> {
    logging::prepare(py)?;
    let mut raised = Raised(None);
    let (end, ended) = bounded::<Done<T>>(1);
    let own = Arc::clone(follow);
    let worker = begin("bothways").spawn(move || {
        let done = try_job(|| job(&own));
        // One who has left misses nothing.
        let _ = end.send(done);
    })?;
    let mut glances = Glances::default();
    let done = loop {
        let come = Glances::wait(py, &ended);
        raised.keep(py, follow, glances.attend(py, follow, callbacks, raised.is_any()));
        if let Some(come) = come {
            // Nothing is left to do for it, and a thread that is gone cannot be lost in a fork.
            let join = py.detach(|| worker.join());
            break come.unwrap_or_else(|_| Err(join.err().unwrap_or_else(|| Box::new("it vanished"))));
        }
        if let Some(error) = raised.0.take_if(|_| follow.leave() != Left::Stays) {
            if follow.leave() == Left::Running {
                py.detach(|| {
                    log::warn!(
                        target: "sync_py", operation = "control";
                        "nobody waits for the running session any more: it ends what it was asked for at its next safe \
                         point, and goes on keeping both folders the same"
                    );
                });
                // What its logging raises would hide why it ended.
                let _ = logging::pass_on(py);
            }
            return Err(error);
        }
    };
    result(py, raised, done)
}

fn result<T>(py: Python<'_>, raised: Raised, done: Done<T>) -> PyResult<T> {
    if let Some(error) = raised.0 {
        return Err(error);
    }
    match done {
        Ok(done) => done.map_err(|failure| errors::of_failure(py, &failure)),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
            let message = format!("a bug of bothways: {words}");
            Err(errors::error(py, "InternalError", &message))
        }
    }
}

/// What a callback, a log handler or a signal raised.
struct Raised(Option<PyErr>);

impl Raised {
    const fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// The first counts; but Ctrl-C is never lost to an ordinary exception.
    fn keep(&mut self, py: Python<'_>, follow: &Follow, attended: PyResult<()>) {
        let Err(error) = attended else { return };
        follow.stop();
        let is_ordinary = |error: &PyErr| error.is_instance_of::<PyException>(py);
        match self.0.take() {
            Some(first) if is_ordinary(&error) || !is_ordinary(&first) => self.0 = Some(first),
            Some(first) => {
                // Only an exception that is no object could refuse it.
                let _ = error.value(py).setattr("__context__", first.into_value(py));
                self.0 = Some(error);
            }
            None => self.0 = Some(error),
        }
    }
}

/// The looks of one who waits.
#[derive(Default)]
struct Glances(u32);

impl Glances {
    /// What has come; none when it is time for a look round.
    fn wait<T: Send>(py: Python<'_>, ended: &Receiver<T>) -> Option<Result<T, RecvTimeoutError>> {
        let come = py.detach(|| ended.recv_timeout(GLANCE));
        (come.as_ref().err() != Some(&RecvTimeoutError::Timeout)).then_some(come)
    }

    /// Looks at signals and passes on what was told. After something was raised, only what was logged.
    fn attend(
        &mut self,
        py: Python<'_>,
        follow: &Follow,
        callbacks: Callbacks<'_, '_>,
        raised: bool,
    ) -> PyResult<()> {
        self.0 = self.0.wrapping_add(1);
        if self.0.is_multiple_of(LEVELS) {
            logging::prepare(py)?;
        }
        let logged = logging::pass_on(py);
        py.check_signals()?;
        logged?;
        let told = follow.take();
        if raised { Ok(()) } else { tell(told, callbacks) }
    }
}

fn tell(told: Told, callbacks: Callbacks<'_, '_>) -> PyResult<()> {
    if let Some(progress) = callbacks.progress {
        for step in told.steps {
            progress.call1((step,))?;
        }
    }
    if let Some(live) = callbacks.live {
        for words in told.waits {
            live.call1(("waits", words))?;
        }
        if told.is_ready {
            live.call1(("ready", ""))?;
        }
        for document in told.cycles {
            live.call1(("cycle", document))?;
        }
    }
    Ok(())
}
