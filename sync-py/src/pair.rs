//! A pair of folders, and who answers for it.
//!
//! Owns [`Pair`]: a request is carried out by the session that runs, in this process or another, or else by one that is
//! opened for it and closed again, as each command of the command line does. Between calls nothing is held. Must never
//! open the state while a session of this process is about to.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use sync_engine::config::Config;
use sync_engine::control::{About, Answer, Contact, Needs, Request, WireError};
use sync_engine::records::StatusReport;
use sync_engine::{
    CheckReport, ErrorKind, Session, SessionError, SessionOptions, Silent, Source, StateError, Watch, live,
    state_dir,
};

use crate::errors::Failure;
use crate::follow::Follow;

/// How often somebody who waits for the turn looks again.
const TURN: Duration = Duration::from_millis(5);
/// How long a session of this process may take until it can be asked, and one that ends until it has ended.
const DOOR: Duration = Duration::from_secs(5);
/// How long the end of a sync may wait for alerts to be delivered.
const DELIVERY: Duration = Duration::from_secs(20);
/// How long somebody waits who asks again.
const AGAIN: Duration = Duration::from_millis(50);

/// Whether a running session could not answer because it is about to end, or has too many to serve.
fn is_ending(error: &SessionError) -> bool {
    match error {
        SessionError::Wire(error) => matches!(error, WireError::Gone),
        SessionError::Refused(refusal) => {
            refusal.kind == ErrorKind::TryAgain && matches!(refusal.about, About::Other)
        }
        _ => false,
    }
}

fn changes_nothing(request: &Request) -> bool {
    matches!(request.needs(), Needs::Records | Needs::Looking)
}

/// What is said to whoever wants to run a pair that another session runs.
const RUNS: &str = "it carries out what is asked of this one; stop it first if this one shall run instead";

/// A pair as Python named it.
pub(crate) struct Pair {
    pub(crate) config: Config,
    state: Option<PathBuf>,
    /// The folders were named besides the configuration, and win over whatever its file comes to say.
    are_named: bool,
    /// One thing at a time in this process: the state belongs to one.
    turn: Mutex<()>,
    /// Whoever has the turn runs, and answers for the pair meanwhile.
    is_live: AtomicBool,
}

impl Pair {
    pub(crate) const fn new(config: Config, state: Option<PathBuf>, are_named: bool) -> Self {
        Self { config, state, are_named, turn: Mutex::new(()), is_live: AtomicBool::new(false) }
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        state_dir(&self.config, &self.options(true))
    }

    fn options(&self, read_only: bool) -> SessionOptions {
        SessionOptions { state_dir: self.state.clone(), read_only, approve: false }
    }

    /// The session that runs. None when none does.
    fn running(&self) -> Result<Option<Contact>, SessionError> {
        let until = Instant::now() + DOOR;
        loop {
            match Contact::open(&self.config, &self.options(true), Needs::Running) {
                Ok(contact) => return Ok(Some(contact)),
                Err(SessionError::NotRunning) => return Ok(None),
                // It is about to end, and was asked for nothing yet.
                Err(SessionError::Wire(WireError::Gone)) if Instant::now() < until => {
                    std::thread::sleep(TURN);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a session runs, in this process or another.
    pub(crate) fn is_running(&self) -> Result<bool, Failure> {
        Ok(self.running()?.is_some())
    }

    /// Waits for the turn, on the engine's thread, so that signals are heard meanwhile. None while this pair's own session
    /// runs.
    fn turn(&self, follow: &Follow) -> Result<Option<MutexGuard<'_, ()>>, SessionError> {
        loop {
            match self.turn.try_lock().map_err(|error| match error {
                TryLockError::Poisoned(turn) => Some(turn.into_inner()),
                TryLockError::WouldBlock => None,
            }) {
                Ok(turn) | Err(Some(turn)) => return Ok(Some(turn)),
                Err(None) if follow.is_cancelled() => return Err(SessionError::Cancelled),
                Err(None) if self.is_live.load(Ordering::SeqCst) => return Ok(None),
                Err(None) => std::thread::sleep(TURN),
            }
        }
    }

    /// Has a request carried out, by whoever answers for the pair.
    pub(crate) fn ask(&self, request: &Request, follow: &Follow) -> Result<Answer, Failure> {
        let mut until = None;
        let mut may_wait = || Instant::now() < *until.get_or_insert_with(|| Instant::now() + DOOR);
        loop {
            if let Some(contact) = self.running()? {
                follow.begins_there()?;
                match contact.ask(request, follow) {
                    // What changes nothing can be asked again, of whoever answers now.
                    Err(error) if is_ending(&error) && changes_nothing(request) && may_wait() => {
                        std::thread::sleep(AGAIN);
                        continue;
                    }
                    other => return Ok(other?),
                }
            }
            if request.needs() == Needs::Running && !self.is_live.load(Ordering::SeqCst) {
                return Err(SessionError::NotRunning.into());
            }
            let Some(_turn) = self.turn(follow)? else {
                // The session of this process has just begun, or cannot be reached.
                if !may_wait() {
                    return Err(self.locked().into());
                }
                std::thread::sleep(TURN);
                continue;
            };
            if self.running()?.is_none() {
                return Ok(self.ask_here(request, follow)?);
            }
        }
    }

    fn ask_here(&self, request: &Request, follow: &Follow) -> Result<Answer, SessionError> {
        follow.begins_here()?;
        let needs = request.needs();
        let (is_sync, approve) = match request {
            Request::Sync { approve } | Request::SyncReviewed { approve, .. } => (true, *approve),
            _ => (false, false),
        };
        let options = SessionOptions { approve, ..self.options(needs != Needs::Acting) };
        let contact = Contact::open(&self.config, &options, needs).inspect_err(|error| {
            if is_sync {
                sync_engine::alert_failure(&self.config, &options, error, DELIVERY);
            }
        })?;
        if contact.session().is_none() && needs != Needs::Records {
            // One began to run a moment ago.
            follow.begins_there()?;
        }
        let answer = contact.ask(request, follow);
        if is_sync {
            contact.finish(follow.is_cancelled());
        }
        answer
    }

    /// Opens the pair for what no other session can be asked for, and changes something.
    pub(crate) fn change<T>(
        &self,
        follow: &Follow,
        what: &'static str,
        job: impl FnOnce(&Session) -> Result<T, SessionError>,
    ) -> Result<T, Failure> {
        let turn = self.turn(follow)?;
        self.refuse_running(turn.as_ref(), what)?;
        Ok(job(&Session::open(&self.config, &self.options(false))?)?)
    }

    /// Fails when a session of the pair runs: another one would only wait for its end.
    pub(crate) fn can_run(&self, follow: &Follow) -> Result<(), Failure> {
        self.refuse_running(self.turn(follow)?.as_ref(), RUNS)
    }

    /// The live session, until it is stopped.
    pub(crate) fn live(&self, follow: &Follow) -> Result<(), Failure> {
        let turn = self.turn(follow)?;
        self.refuse_running(turn.as_ref(), RUNS)?;
        self.is_live.store(true, Ordering::SeqCst);
        // A file is followed, as the command line does.
        let named = self.are_named.then(|| self.config.roots.clone());
        let ended = live(&Source::of(&self.config, named), &self.options(false), follow);
        self.is_live.store(false, Ordering::SeqCst);
        Ok(ended?)
    }

    /// Looks at the pair from outside, also while a session runs.
    pub(crate) fn check(&self, follow: &Follow, send_test_mail: bool) -> Result<CheckReport, Failure> {
        let _turn = self.turn(follow)?;
        let mut report = sync_engine::check(&self.config, &self.options(true), follow);
        if send_test_mail {
            report.send_test(&self.config);
        }
        Ok(report)
    }

    /// Fails when a session of the pair runs.
    fn refuse_running(&self, turn: Option<&MutexGuard<'_, ()>>, what: &'static str) -> Result<(), Failure> {
        if turn.is_none() {
            return Err(Failure::Taken { what, holder: Some(std::process::id()) });
        }
        let Some(contact) = self.running()? else { return Ok(()) };
        let answer = contact.ask(&Request::Status { hours: 0 }, &Silent).and_then(StatusReport::try_from);
        // One that does not say has the pair all the same.
        let holder = answer.ok().and_then(|status| status.live).map(|live| live.process);
        Err(Failure::Taken { what, holder })
    }

    fn locked(&self) -> SessionError {
        StateError::Locked { path: self.state_dir(), holder: Some(std::process::id()) }.into()
    }
}
