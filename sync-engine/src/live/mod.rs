//! The live session: the same cycle, again and again, on what happened.
//!
//! Owns the loop of `bothways run`: watching both sides, when to look where, waiting for roots that are away, and
//! trying again. There is no second engine: everything is done by [`Session::sync`] and [`Session::sync_near`].
//!
//! Start with [`live`]. `dirty` says what is looked at when.

mod dirty;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_replica::{News, ProblemKind, Watching};

use self::dirty::Dirty;
use crate::SyncOptions;
use crate::config::{Config, WatchMode};
use crate::error::{ErrorKind, SessionError};
use crate::report::SyncReport;
use crate::session::{Session, SessionOptions};
use crate::watch::Watch;

/// How soon a wish to stop is seen.
const GLANCE: Duration = Duration::from_millis(100);
/// The first pause before a root that is away is looked for again, and the longest.
const AWAY_FIRST: Duration = Duration::from_secs(1);
const AWAY_LONGEST: Duration = Duration::from_secs(30);
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

    /// The session waits for something outside of it: a root that is away, a state that another session holds.
    fn waits(&self, error: &SessionError) {
        let _ = error;
    }
}

impl LiveWatch for crate::watch::Silent {}

/// Keeps the pair of a configuration the same until it is stopped. An error is one that waiting does not mend.
pub fn live(config: &Config, options: &SessionOptions, watch: &dyn LiveWatch) -> Result<(), SessionError> {
    let mut pause = AWAY_FIRST;
    let mut waits = false;
    while !watch.is_cancelled() {
        let opened = Session::open(config, options);
        let ended = opened.and_then(|session| {
            (pause, waits) = (AWAY_FIRST, false);
            let ended = Loop::new(&session, config, watch).run();
            session.deliver_alerts(DELIVERY);
            ended
        });
        match ended {
            Ok(()) | Err(SessionError::Cancelled) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::TryAgain => {
                // Once, not in every turn.
                if !std::mem::replace(&mut waits, true) {
                    log::warn!(operation = "wait"; "{error}; waiting until it can be used again");
                    watch.waits(&error);
                    crate::alert_failure(config, options, &error, DELIVERY);
                }
                rest(watch, pause);
                pause = (pause * 2).min(AWAY_LONGEST);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn rest(watch: &dyn LiveWatch, pause: Duration) {
    let until = Instant::now() + pause;
    while !watch.is_cancelled() && Instant::now() < until {
        std::thread::sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
    }
}

/// News with the side it comes from.
type Heard = (Side, News);

struct Loop<'a> {
    session: &'a Session,
    watch: &'a dyn LiveWatch,
    interval: Duration,
    full_every: Duration,
    dirty: Dirty,
    send: Sender<Heard>,
    news: Receiver<Heard>,
    modes: Sides<WatchMode>,
    /// A side that is not watched is looked at as a whole in every interval.
    watching: Sides<Option<Watching>>,
}

impl<'a> Loop<'a> {
    fn new(session: &'a Session, config: &Config, watch: &'a dyn LiveWatch) -> Self {
        let (send, news) = unbounded();
        Self {
            session,
            watch,
            interval: config.sync_interval,
            full_every: config.live.full_scan_every,
            dirty: Dirty::new(config.live.debounce, config.sync_interval),
            send,
            news,
            modes: config.live.watch,
            watching: Sides { left: None, right: None },
        }
    }

    fn run(mut self) -> Result<(), SessionError> {
        // Watching begins before the first look, so that nothing falls between the two.
        for side in Side::BOTH {
            self.begin_watching(side)?;
        }
        self.watch.ready();
        let mut last_full = self.full()?;
        loop {
            if self.watch.is_cancelled() {
                return Ok(());
            }
            self.listen(last_full);
            let now = Instant::now();
            if now >= self.next_full(last_full) {
                last_full = self.full()?;
                continue;
            }
            let mut told = self.dirty.take(now);
            if self.dirty.retries(now) {
                let standing = self.session.state.as_ref().map(sync_state::State::problems).transpose()?;
                for problem in standing.into_iter().flatten() {
                    // What was told of with everything below it stays so.
                    told.entry(problem.id.path).or_insert(false);
                }
            }
            if told.get(&RelPath::root()) == Some(&true) {
                last_full = self.full()?;
            } else if !told.is_empty() {
                let report = self.session.sync_near(&told, &SyncOptions::default(), self.watch);
                self.judge(report)?;
            } else if self.dirty.retries(now) {
                self.dirty.tried(false, now);
            }
        }
    }

    fn begin_watching(&mut self, side: Side) -> Result<(), SessionError> {
        if self.modes[side] == WatchMode::Off {
            return Ok(());
        }
        if self.modes[side] == WatchMode::Auto && !self.session.replicas[side].tells_everything() {
            self.unwatched(side, "changes that others make there are not reported");
            return Ok(());
        }
        let send = self.send.clone();
        // The receiver is gone only when the session ended.
        let tell = Box::new(move |news| drop(send.send((side, news))));
        match self.session.replicas[side].watch(tell) {
            Ok(watching) => self.watching[side] = Some(watching),
            Err(problem) if self.modes[side] == WatchMode::On || problem.kind == ProblemKind::RootGone => {
                return Err(self.session.root_error(side, problem));
            }
            Err(problem) => self.unwatched(side, &problem.explain()),
        }
        Ok(())
    }

    fn unwatched(&mut self, side: Side, why: &str) {
        self.watching[side] = None;
        log::warn!(
            operation = "watch", side = side.name(), error = why;
            "the {side} side is not watched: it is looked at every {} s instead", self.interval.as_secs()
        );
    }

    /// When everything is looked at next, although nobody told of anything.
    fn next_full(&self, last_full: Instant) -> Instant {
        let watched = self.watching.both(Option::is_some);
        last_full + if watched { self.full_every } else { self.interval }
    }

    /// Waits for news until something is due.
    fn listen(&mut self, last_full: Instant) {
        let due = self.dirty.due().into_iter().chain([self.next_full(last_full)]).min();
        let until = due.unwrap_or(last_full).min(Instant::now() + GLANCE);
        let mut next = self.news.recv_deadline(until);
        loop {
            match next {
                Ok((side, news)) => self.take(side, news),
                // This loop holds a sender of its own.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
            next = self.news.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }

    fn take(&mut self, side: Side, news: News) {
        let now = Instant::now();
        match news {
            News::At(path) => self.dirty.mark(path, false, now),
            News::Below(path) => self.dirty.mark(path, true, now),
            News::Ended(why) => {
                self.unwatched(side, &why);
                self.dirty.mark(RelPath::root(), true, now);
            }
            _ => self.dirty.mark(RelPath::root(), true, now),
        }
    }

    /// A cycle over everything.
    fn full(&mut self) -> Result<Instant, SessionError> {
        let waiting = self.dirty.len();
        let begun = Instant::now();
        // What is told from here on may be seen by this look or not.
        self.dirty.clear();
        let report = self.session.sync(&SyncOptions::default(), self.watch);
        log::debug!(operation = "scan", waiting = waiting; "looked at everything in {:?}", begun.elapsed());
        self.judge(report)?;
        Ok(Instant::now())
    }

    fn judge(&mut self, report: Result<SyncReport, SessionError>) -> Result<(), SessionError> {
        let report = report?;
        let now = Instant::now();
        if report.root_gone {
            // Opening the roots again tells which one is away, and waits for it.
            return Err(self.session.gone(&report));
        }
        let again = !report.problems.is_empty() || report.left_undone > 0;
        self.dirty.tried(again && !report.cancelled, now);
        if report.run.is_some() || !report.is_clean() {
            self.watch.cycle(&report);
        }
        Ok(())
    }
}

impl Session {
    /// The error for a root that went away in the middle of a run.
    fn gone(&self, report: &SyncReport) -> SessionError {
        let away = Side::BOTH.into_iter().find_map(|side| Some((side, self.is_present(side).err()?)));
        let (side, problem) = away.unwrap_or_else(|| {
            let side = match report.problems.last() {
                Some(problem) if problem.side == Side::Right.name() => Side::Right,
                _ => Side::Left,
            };
            let words = "it was away for a moment";
            let root = RelPath::root();
            (
                side,
                sync_replica::Problem::new(
                    sync_replica::Operation::Root,
                    &root,
                    ProblemKind::RootGone,
                    words,
                ),
            )
        });
        self.root_error(side, problem)
    }
}
