//! The loop of an open session: listen, look where something happened, do what follows, and again.
//!
//! Owns [`Turns`]. There is no second engine: everything is done by [`Session::sync`] and [`Session::sync_near`].

use std::time::{Duration, Instant};

use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_replica::{News, ProblemKind};

use super::dirty::Dirty;
use super::ears::{Ears, Heard};
use super::{GLANCE, LiveWatch};
use crate::SyncOptions;
use crate::config::Config;
use crate::error::SessionError;
use crate::report::SyncReport;
use crate::session::Session;

pub(super) struct Turns<'a> {
    session: &'a Session,
    watch: &'a dyn LiveWatch,
    interval: Duration,
    full_every: Duration,
    ears: Ears<'a>,
    dirty: Dirty,
}

impl<'a> Turns<'a> {
    pub(super) fn new(session: &'a Session, config: &Config, watch: &'a dyn LiveWatch) -> Self {
        Self {
            session,
            watch,
            interval: config.sync_interval,
            full_every: config.live.full_scan_every,
            ears: Ears::new(session, config.live.watch, config.sync_interval),
            dirty: Dirty::new(config.live.debounce, config.sync_interval),
        }
    }

    pub(super) fn run(mut self) -> Result<(), SessionError> {
        // Watching begins before the first look, so that nothing falls between the two.
        for side in Side::BOTH {
            self.ears.open(side)?;
        }
        self.watch.ready();
        let mut last_full = self.full()?;
        while !self.watch.is_cancelled() {
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
        Ok(())
    }

    /// When everything is looked at next, although nobody told of anything.
    fn next_full(&self, last_full: Instant) -> Instant {
        last_full + if self.ears.hear_all() { self.full_every } else { self.interval }
    }

    /// Waits for news until something is due.
    fn listen(&mut self, last_full: Instant) {
        let due = self.dirty.due().into_iter().chain([self.next_full(last_full)]).min();
        let until = due.unwrap_or(last_full).min(Instant::now() + GLANCE);
        for heard in self.ears.listen(until) {
            self.take(heard);
        }
    }

    fn take(&mut self, (side, news): Heard) {
        let now = Instant::now();
        match news {
            News::At(path) => self.dirty.mark(path, false, now),
            News::Below(path) => self.dirty.mark(path, true, now),
            News::Ended(why) => {
                self.ears.close(side, &why);
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
