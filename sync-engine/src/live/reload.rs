//! Another configuration while a session runs.
//!
//! Owns [`Settings`], where configurations come from, and [`Reload`], which takes a new one: limits hold at once, for
//! copies that are under way too; anything else ends the current small step, and the pair is opened again. One that is
//! not valid changes nothing, and is told once.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, Scope};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::LiveWatch;
use crate::alerts::Misread;
use crate::config::{Changes, Config, ConfigError};
use crate::error::SessionError;
use crate::pace::Pace;
use crate::report::SyncReport;
use crate::session::{Session, filter_of};
use crate::watch::{Phase, Watch};

/// How often it is asked whether there is another configuration.
const LOOK: Duration = Duration::from_millis(250);

/// Where a live session's configuration comes from.
pub trait Settings: Sync {
    /// What holds when the session starts.
    fn current(&self) -> Config;

    /// What there is to be read since the last call, if anything. It is called several times a second.
    fn changed(&self) -> Option<Reread> {
        None
    }
}

/// A configuration that was read again.
#[derive(Debug)]
pub struct Reread {
    /// Whether somebody asked for it, and wants to hear of it also when nothing is new.
    pub asked: bool,
    /// What was read.
    pub config: Result<Config, ConfigError>,
}

/// Never another one.
impl Settings for Config {
    fn current(&self) -> Config {
        self.clone()
    }
}

/// What came of a configuration that was read again.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reloaded<'a> {
    /// It says what it said before.
    Same,
    /// It holds. With `opens` the pair is opened again first, and [`LiveWatch::ready`] follows.
    Taken {
        /// What it changes.
        changes: &'a Changes,
        /// Whether the pair is opened again.
        opens: bool,
    },
    /// It cannot hold: what held before still does.
    Refused {
        /// Why, with its place in the text.
        error: &'a dyn Error,
        /// The same in one line.
        line: &'a str,
    },
}

/// What holds, and what waits to be taken.
pub(super) struct Reload {
    inner: Mutex<Inner>,
    waiting: AtomicBool,
    /// What stands in the way of the configuration as it is; told with the next cycle.
    refused: Arc<Misread>,
}

struct Inner {
    /// As it was read last: what the next one is compared with.
    read: Config,
    /// What holds, as far as a running session can take it.
    holds: Config,
    /// What held before, until the pair was opened with what holds.
    before: Option<Config>,
    /// The limits of the session that is open.
    pace: Weak<Pace>,
}

impl Reload {
    pub(super) fn new(config: Config) -> Self {
        let inner = Inner { read: config.clone(), holds: config, before: None, pace: Weak::new() };
        Self { inner: Mutex::new(inner), waiting: AtomicBool::new(false), refused: Arc::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration to open the pair with.
    pub(super) fn take(&self) -> Config {
        let inner = self.inner();
        self.waiting.store(false, Ordering::SeqCst);
        inner.holds.clone()
    }

    /// Whether another configuration waits until the pair is opened again.
    pub(super) fn waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst)
    }

    /// The session that is open from now on follows what comes. Opened with an older configuration, it has the limits
    /// of the newest.
    pub(super) fn guide(&self, session: &mut Session) {
        session.misread = Arc::clone(&self.refused);
        let mut inner = self.inner();
        inner.pace = Arc::downgrade(&session.pace);
        session.pace.adopt(inner.holds.timetable());
    }

    /// Follows where configurations come from until what is returned is dropped.
    pub(super) fn follow<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        settings: &'env dyn Settings,
        watch: &'env dyn LiveWatch,
    ) -> Option<Sender<()>> {
        let (over, ended) = bounded::<()>(0);
        let begun = Builder::new().name("settings".to_owned()).spawn_scoped(scope, move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Some(reread) = settings.changed() {
                    self.read(reread, watch);
                }
            }
        });
        match begun {
            Ok(_) => Some(over),
            Err(error) => {
                log::error!(operation = "reload", error:% = error; "the configuration is not followed: {error}");
                None
            }
        }
    }

    fn refuse(&self, error: &dyn Error, line: &str, watch: &dyn LiveWatch) {
        log::error!(operation = "reload", result = "refused", error = line; "the configuration cannot hold, and what held before still does: {line}");
        self.refused.set(Some(line.to_owned()));
        watch.reloaded(&Reloaded::Refused { error, line });
    }

    /// Whether what held before holds again, because the pair cannot be opened with what should hold now.
    pub(super) fn goes_back(&self, error: &SessionError, watch: &dyn LiveWatch) -> bool {
        let mut inner = self.inner();
        let Some(before) = inner.before.take() else { return false };
        inner.holds = before;
        drop(inner);
        self.refuse(error, &error.to_string(), watch);
        true
    }

    fn read(&self, Reread { asked, config }: Reread, watch: &dyn LiveWatch) {
        let new = match config {
            Ok(new) => new,
            Err(error) => return self.refuse(&error, &error.line(), watch),
        };
        // What only a session finds out, it must not find out by ending.
        if let Err(error) = filter_of(&new) {
            return self.refuse(&error, &error.to_string(), watch);
        }
        let was_refused = self.refused.set(None);
        let mut inner = self.inner();
        if new == inner.read {
            drop(inner);
            if asked || was_refused {
                log::info!(operation = "reload", result = "same"; "the configuration says what it said before");
                watch.reloaded(&Reloaded::Same);
            }
            return;
        }
        let changes = inner.read.changes_to(&new);
        let holds = new.clone().within(&inner.holds);
        let paced = changes.only_pace();
        let opens = !paced && holds != inner.holds;
        let before = std::mem::replace(&mut inner.holds, holds);
        inner.read = new;
        if opens {
            inner.before.get_or_insert(before);
        }
        if let Some(pace) = inner.pace.upgrade().filter(|_| paced) {
            pace.adopt(inner.holds.timetable());
        }
        if opens {
            self.waiting.store(true, Ordering::SeqCst);
        }
        drop(inner);
        if !changes.keys.is_empty() {
            let keys = changes.keys.join(", ");
            log::info!(operation = "reload", result = "taken", keys = keys.as_str(); "the configuration has changed: {keys}");
        }
        if let Some(waits) = changes.waits() {
            let keys = changes.later.join(", ");
            log::warn!(operation = "reload", result = "later", keys = keys.as_str(); "not yet: {waits}");
        }
        watch.reloaded(&Reloaded::Taken { changes: &changes, opens });
    }
}

/// Who follows the session, and ends its current step when there is another configuration.
pub(super) struct Interrupted<'a> {
    pub(super) watch: &'a dyn LiveWatch,
    pub(super) reload: &'a Reload,
}

impl Watch for Interrupted<'_> {
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        self.watch.begin(phase, count, bytes);
    }

    fn advance(&self, count: u64, bytes: u64) {
        self.watch.advance(count, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.watch.is_cancelled() || self.reload.waits()
    }
}

impl LiveWatch for Interrupted<'_> {
    fn ready(&self) {
        self.reload.inner().before = None;
        self.watch.ready();
    }

    fn cycle(&self, report: &SyncReport) {
        self.watch.cycle(report);
    }

    fn waits(&self, error: &SessionError) {
        self.watch.waits(error);
    }

    fn reloaded(&self, reloaded: &Reloaded<'_>) {
        self.watch.reloaded(reloaded);
    }
}
