//! The live session: the same cycle, again and again, on what happened.
//!
//! Owns the loop of `bothways run`: watching both sides, when to look where, waiting for roots that are away, and
//! trying again. There is no second engine: everything is done by [`Session::sync`] and [`Session::sync_near`].
//!
//! Start with [`live`], which opens the pair and waits for roots that are away; `turns` is the loop of an open session,
//! `ears` hears what happens on both sides, `rolling` looks round a side that tells nothing, `dirty` says what is looked
//! at when, `waiting` what is left for later and `again` what has failed, `holding` what a cycle leaves, `lane` prepares
//! large copies, `reached` and `asked` let other commands in, `reload` takes another configuration.

mod again;
mod asked;
mod dirty;
mod ears;
mod file;
mod holding;
mod lane;
mod reached;
mod reload;
mod rolling;
#[cfg(test)]
mod scenes;
#[cfg(test)]
mod storm;
mod turns;
mod waiting;

pub use self::rolling::RollingReport;

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

pub use self::file::{FileSettings, Source};
use self::reached::Reached;
use self::reload::{Interrupted, Reload};
pub use self::reload::{Reloaded, Reread, Settings};
use self::turns::Turns;
use crate::config::Config;
use crate::control::Call;
use crate::error::{ErrorKind, SessionError};
use crate::report::SyncReport;
use crate::session::{Session, SessionOptions};
use crate::watch::Watch;

/// How soon a wish to stop is seen.
const GLANCE: Duration = Duration::from_millis(100);
/// The first pause before a root that is away is looked for again, and the longest.
const AWAY_FIRST: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(1) };
const AWAY_LONGEST: Duration = AWAY_FIRST.saturating_mul(30);
/// How long alerts may hold up the end of a session.
const DELIVERY: Duration = Duration::from_secs(3);

/// Who follows a live session. Every method does nothing by default.
pub trait LiveWatch: Watch {
    /// Both roots are there, and everything is watched or looked at from now on. Told again after a root came back.
    fn ready(&self) {}

    /// A cycle ended that did something or met something.
    fn cycle(&self, report: &SyncReport) {
        let _ = report;
    }

    /// The configuration was read again.
    fn reloaded(&self, reloaded: &Reloaded<'_>) {
        let _ = reloaded;
    }

    /// The session waits for something outside of it: a root that is away, a state that another session holds.
    fn waits(&self, error: &SessionError) {
        let _ = error;
    }
}

impl LiveWatch for crate::watch::Silent {}

/// Keeps the pair of a configuration the same until it is stopped. An error is one that waiting does not mend.
///
/// What [`Settings`] come to say later is taken over while it runs, as far as it can be.
pub fn live(
    settings: &dyn Settings,
    options: &SessionOptions,
    watch: &dyn LiveWatch,
) -> Result<(), SessionError> {
    live_with(settings, options, watch, &Session::open)
}

/// How a pair is opened.
type Open<'a> = &'a dyn Fn(&Config, &SessionOptions) -> Result<Session, SessionError>;

fn live_with(
    settings: &dyn Settings,
    options: &SessionOptions,
    watch: &dyn LiveWatch,
    open: Open<'_>,
) -> Result<(), SessionError> {
    let reload = Reload::new(settings.current());
    std::thread::scope(|scope| {
        let _followed = reload.follow(scope, settings, watch);
        run(&reload, options, &Interrupted { watch, reload: &reload }, open, &|| watch.is_cancelled())
    })
}

fn run(
    reload: &Reload,
    options: &SessionOptions,
    watch: &dyn LiveWatch,
    open: Open<'_>,
    is_over: &dyn Fn() -> bool,
) -> Result<(), SessionError> {
    let mut pause = AWAY_FIRST;
    let mut waits = false;
    let mut reached = Reached::new(&reload.take(), options);
    // A call that takes a session opened with approval.
    let mut approving: Option<Call> = None;
    while !is_over() {
        // Whoever has withdrawn it approves of nothing.
        if let Some(call) = approving.take_if(|call| call.is_over()) {
            call.refuse(&SessionError::Cancelled);
        }
        let config = &reload.take();
        reached.follow(config, options);
        let options = &SessionOptions { approve: options.approve || approving.is_some(), ..options.clone() };
        let open = || {
            let mut session = open(config, options)?;
            session.refuse_empty_mount_point()?;
            reload.guide(&mut session);
            Ok(session)
        };
        let opened = reached.open().and_then(|()| reached.stage.enter(open));
        let ended = opened.and_then(|session| {
            let mut well = false;
            let ended = std::thread::scope(|scope| {
                Turns::new(scope, &session, config, watch, &reached).run(approving.take(), &mut well)
            });
            // What can be opened and not be worked with, because the disk of the state is full say, is waited for as well.
            if well {
                (pause, waits) = (AWAY_FIRST, false);
            }
            session.deliver_alerts(DELIVERY);
            reached.stage.leave(session);
            ended
        });
        match ended {
            // Stopped, or ended by another configuration.
            Err(SessionError::Cancelled) => {}
            Ok(call) => approving = call,
            Err(error) if error.kind() == ErrorKind::TryAgain => {
                reached.stage.board.waits(Some(error.to_string()));
                if let Some(call) = approving.take() {
                    call.refuse(&error);
                }
                for call in reached.calls.try_iter() {
                    // An empty folder that is no mount point is begun with anew, for whoever says so.
                    if approving.is_none() && call.request().approves() && !call.is_over() {
                        approving = Some(call);
                    } else {
                        call.refuse(&error);
                    }
                }
                // Once, not in every turn.
                if !std::mem::replace(&mut waits, true) {
                    log::warn!(operation = "wait"; "{error}; waiting until it can be used again");
                    watch.waits(&error);
                    crate::alert_failure(config, options, &error, DELIVERY);
                }
                if approving.is_some() {
                    continue;
                }
                rest(watch, pause, &reached.calls);
                pause = (pause * 2).min(AWAY_LONGEST);
            }
            Err(error) if reload.goes_back(&error, watch) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits for a while. Somebody who asks for something is a reason to look again at once.
fn rest(watch: &dyn LiveWatch, pause: Duration, calls: &Receiver<Call>) {
    let until = Instant::now() + pause;
    while !watch.is_cancelled() && calls.is_empty() && Instant::now() < until {
        std::thread::sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
    }
}
