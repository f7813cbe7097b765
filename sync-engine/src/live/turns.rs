//! The loop of an open session: listen, look where something happened, do what follows, and again.
//!
//! Owns [`Turns`]. There is no second engine: everything is done by [`Session::sync`] and [`Session::sync_near`].

use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_replica::{News, ProblemKind};

use super::dirty::Dirty;
use super::ears::{Ears, Heard};
use super::reached::Reached;
use super::{GLANCE, LiveWatch};
use crate::SyncOptions;
use crate::clock::now_ns;
use crate::config::Config;
use crate::control::{Call, Request, Stage};
use crate::error::SessionError;
use crate::report::SyncReport;
use crate::session::Session;

pub(super) struct Turns<'scope, 'env> {
    session: &'env Session,
    watch: &'env dyn LiveWatch,
    full_every: Duration,
    ears: Ears<'scope, 'env>,
    dirty: Dirty,
    stage: &'env Stage,
    calls: &'env Receiver<Call>,
}

impl<'scope, 'env> Turns<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        session: &'env Session,
        config: &Config,
        watch: &'env dyn LiveWatch,
        reached: &'env Reached,
    ) -> Self {
        Self {
            session,
            watch,
            full_every: config.live.full_scan_every,
            ears: Ears::new(scope, session, config, &reached.stage.board),
            dirty: Dirty::new(config.live.debounce, config.sync_interval),
            stage: &reached.stage,
            calls: &reached.calls,
        }
    }

    /// Until it is stopped, or until a call comes that takes a session opened with approval; `first` is such a call.
    pub(super) fn run(mut self, first: Option<Call>) -> Result<Option<Call>, SessionError> {
        // Watching begins before the first look, so that nothing falls between the two.
        for side in Side::BOTH {
            self.ears.open(side)?;
        }
        self.watch.ready();
        // None until everything was looked at.
        let mut last_full = None;
        if let Some(call) = first {
            self.answer(call, &mut last_full)?;
        }
        while !self.watch.is_cancelled() {
            self.listen(last_full);
            self.session.alert_misread();
            while let Ok(call) = self.calls.try_recv() {
                if self.session.halt.is_some() && call.request().approves() {
                    return Ok(Some(call));
                }
                self.answer(call, &mut last_full)?;
            }
            if self.stage.board.is_paused() {
                continue;
            }
            let now = Instant::now();
            if now >= self.next_full(last_full, now) {
                last_full = Some(self.full()?);
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
                last_full = Some(self.full()?);
            } else if !told.is_empty() {
                let _busy = self.stage.board.busy();
                let report = self.session.sync_near(&told, &SyncOptions::default(), self.watch);
                self.judge(report)?;
            } else if self.dirty.retries(now) {
                self.dirty.tried(false, now);
            }
        }
        Ok(None)
    }

    /// When everything is looked at next, although nobody told of anything.
    fn next_full(&self, last_full: Option<Instant>, now: Instant) -> Instant {
        let Some(last_full) = last_full else { return now };
        last_full + self.full_every
    }

    /// Waits for news, or for somebody who asks for something, until something is due.
    fn listen(&mut self, last_full: Option<Instant>) {
        let now = Instant::now();
        let next_full = self.next_full(last_full, now);
        let waiting = self.dirty.len() as u64;
        self.stage.board.write(|written| {
            written.told = Some(waiting);
            let ahead =
                i64::try_from(next_full.saturating_duration_since(now).as_nanos()).unwrap_or(i64::MAX);
            written.next_full_ns = last_full.map(|_| now_ns().saturating_add(ahead));
        });
        let mut until = now + GLANCE;
        if !self.stage.board.is_paused() {
            until = self.dirty.due().into_iter().chain([next_full, until]).min().unwrap_or(until);
        }
        for heard in self.ears.listen(until, self.calls) {
            self.take(heard);
        }
    }

    /// Does what somebody asks for, between two cycles.
    fn answer(&mut self, call: Call, last_full: &mut Option<Instant>) -> Result<(), SessionError> {
        if call.is_over() {
            return Ok(());
        }
        let _busy = self.stage.board.busy();
        let word = call.request().word();
        log::info!(operation = "control", request = word; "carried out for somebody who asks: {word}");
        let &Request::Sync { approve } = call.request() else {
            call.carry_out(self.session, self.watch);
            return Ok(());
        };
        self.dirty.clear();
        let synced = self.session.sync(&SyncOptions { approve }, &call.watch(self.watch));
        let given_up = call.is_over() && !self.watch.is_cancelled();
        if given_up {
            // Whoever asked has left. What was not done then is done in its turn.
            self.dirty.mark(RelPath::root(), true, Instant::now());
        }
        match synced {
            Ok(report) => {
                call.reply(Ok(report.clone().into()));
                self.judge(Ok(report))?;
            }
            Err(error) => {
                call.refuse(&error);
                if !(given_up && matches!(error, SessionError::Cancelled)) {
                    return Err(error);
                }
            }
        }
        self.ears.go_round();
        *last_full = Some(Instant::now());
        Ok(())
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
        let _busy = self.stage.board.busy();
        let waiting = self.dirty.len();
        let begun = Instant::now();
        // What is told from here on may be seen by this look or not.
        self.dirty.clear();
        let report = self.session.sync(&SyncOptions::default(), self.watch);
        log::debug!(operation = "scan", waiting = waiting; "looked at everything in {:?}", begun.elapsed());
        self.judge(report)?;
        self.ears.go_round();
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
