//! The loop of an open session: listen, look where something happened, do what follows, and again.
//!
//! Owns [`Turns`]. There is no second engine: everything is done by the cycle, on everything or near told paths, with
//! what `holding` leaves for later. `waiting` says when that comes, `again` when what failed does, `lane` prepares large
//! copies meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_replica::{News, ProblemKind};
use sync_state::State;

use super::again::Again;
use super::asked::Asked;
use super::dirty::Dirty;
use super::ears::{Ears, Heard};
use super::holding::{Holding, Unrest};
use super::lane::{Job, Lane};
use super::reached::Reached;
use super::waiting::{Waiting, reaches};
use super::{GLANCE, LiveWatch};
use crate::SyncOptions;
use crate::act::hold::Why;
use crate::clock::now_ns;
use crate::config::Config;
use crate::control::{Call, Request, Stage};
use crate::error::SessionError;
use crate::halt::HaltReport;
use crate::report::SyncReport;
use crate::session::Session;
use crate::watch::Watch;

/// When everything is looked at again after a cycle near some paths was halted, at the latest.
const HALTED: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_mins(1) };

/// How soon everything is looked at again after what a guard has stopped may have been undone, at the soonest.
const LIFTED: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(2) };
/// And at the latest, unless that would leave little time for anything else.
const LIFTED_LATEST: Duration = Duration::from_mins(5);

/// How often memory that is free goes back to the system, at the most.
const TRIM: Duration = Duration::from_mins(1);

/// Paths as some side spells them, each with whether everything below it is meant.
type Told = BTreeMap<RelPath, bool>;

pub(super) struct Turns<'scope, 'env> {
    session: &'env Session,
    watch: &'env dyn LiveWatch,
    full_every: Duration,
    ears: Ears<'scope, 'env>,
    dirty: Dirty,
    again: Again,
    waiting: Waiting,
    unrest: Unrest,
    lane: Lane<'scope, 'env>,
    /// Large copies that came to an end.
    ended: Receiver<Arc<Job>>,
    stage: &'env Stage,
    calls: &'env Receiver<Call>,
    /// Those who asked for a cycle of which something is left for later.
    asked: Vec<Asked>,
    /// Whether large copies rest, as in a pause.
    rests: bool,
    /// None until everything was looked at.
    last_full: Option<Instant>,
    /// When memory is given back next; none while nothing was done since.
    trim: Option<Instant>,
    /// A cycle that was halted left what it was told of to a look at everything by then.
    full_by: Option<Instant>,
    /// How long the last look at everything took.
    full_took: Duration,
    /// A guard stands, as far as is known.
    guarded: bool,
    /// One that lets nothing through: what waits has no turn until a look passes.
    stopped: bool,
    /// A cycle was made to its end.
    well: bool,
}

impl<'scope, 'env> Turns<'scope, 'env> {
    /// The loop, whose large copies are made in `scope`.
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        session: &'env Session,
        config: &Config,
        watch: &'env dyn LiveWatch,
        reached: &'env Reached,
    ) -> Self {
        let (send, ended) = unbounded();
        Self {
            session,
            watch,
            full_every: config.live.full_scan_every,
            ears: Ears::new(scope, session, config, &reached.stage.board),
            dirty: Dirty::new(config.live.debounce, config.sync_interval),
            again: Again::hurried(if cfg!(test) { 50 } else { 1 }),
            waiting: Waiting::new(),
            unrest: Unrest::default(),
            lane: Lane::new(scope, session, watch, send),
            ended,
            stage: &reached.stage,
            calls: &reached.calls,
            asked: Vec::new(),
            rests: false,
            last_full: None,
            trim: None,
            full_by: None,
            full_took: Duration::ZERO,
            guarded: false,
            stopped: false,
            well: false,
        }
    }

    /// Until it is stopped, or cannot go on, or until a call comes that takes a session opened with approval; `first` is
    /// such a call.
    /// `well` becomes whether a cycle was made to its end.
    pub(super) fn run(mut self, first: Option<Call>, well: &mut bool) -> Result<Option<Call>, SessionError> {
        let ended = self.turns(first);
        *well = self.well;
        // Copies in the scope must not outlive a session that cannot go on.
        self.lane.stop();
        ended
    }

    fn turns(&mut self, first: Option<Call>) -> Result<Option<Call>, SessionError> {
        // Watching begins before the first look, so that nothing falls between the two.
        for side in Side::BOTH {
            self.ears.open(side)?;
        }
        self.watch.ready();
        match first {
            Some(call) => self.answer(call)?,
            None if self.stage.board.is_paused() => self.well = true,
            None => self.full()?,
        }
        while !self.watch.is_cancelled() {
            self.listen();
            self.session.alert_misread();
            while let Ok(call) = self.calls.try_recv() {
                if self.session.halt.is_some() && call.request().approves() && !call.is_over() {
                    return Ok(Some(call));
                }
                self.answer(call)?;
            }
            self.tell_those_who_asked();
            if self.is_paused() {
                // What is there of large copies is gone on with after the pause.
                if !std::mem::replace(&mut self.rests, true) {
                    self.lane.rest();
                }
                continue;
            }
            if std::mem::take(&mut self.rests) {
                self.lane.start();
            }
            let now = Instant::now();
            if self.trim.take_if(|at| *at <= now).is_some() {
                sync_fs::trim_memory();
            }
            if now >= self.next_full(now) {
                self.full()?;
                continue;
            }
            let mut told = self.dirty.take(now);
            for path in self.arrived().into_iter().chain(self.again.take(now).cloned()) {
                // A failure of a whole side leaves nothing certain. What was told of with everything below it stays so.
                let below = path.is_root();
                *told.entry(path).or_default() |= below;
            }
            if told.get(&RelPath::root()) == Some(&true) {
                told.remove(&RelPath::root());
                for (path, below) in told {
                    self.dirty.mark(path, below, now);
                }
                self.full()?;
                continue;
            }
            if !told.is_empty() {
                self.near(&told, false)?;
            }
            if self.stopped {
                continue;
            }
            // News came first; then the backlog has its turn, as much of it as is done in a moment.
            let mut part = self.waiting.take(Instant::now());
            if part.gone {
                // What is gone may be at the other end of a move.
                part.paths.extend(self.dirty.take_moves());
            }
            if !part.paths.is_empty() && !self.watch.is_cancelled() {
                let begun = Instant::now();
                self.near(&part.paths, true)?;
                self.waiting.took(&part, begun.elapsed());
            }
        }
        Ok(None)
    }

    /// Whether no cycles are made. What somebody has asked for by name is done to its end.
    fn is_paused(&self) -> bool {
        self.stage.board.is_paused() && self.asked.is_empty()
    }

    /// Tells those who asked for a sync once all of it is done.
    fn tell_those_who_asked(&mut self) {
        let waiting = &self.waiting;
        for asked in self.asked.extract_if(.., |asked| asked.is_over(waiting)) {
            asked.reply(waiting);
        }
    }

    /// Where large copies have come to an end: ready to be put in place, failed, or not wanted any more.
    fn arrived(&mut self) -> Vec<RelPath> {
        let ended: Vec<_> = self.ended.try_iter().collect();
        if !ended.is_empty() {
            self.lane.start();
        }
        ended.into_iter().map(|job| self.lane.arrives(job)).collect()
    }

    /// When everything is looked at next, although nobody told of anything.
    fn next_full(&self, now: Instant) -> Instant {
        let next = self.last_full.map_or(now, |last| last + self.full_every);
        self.full_by.map_or(next, |by| by.min(next))
    }

    /// Waits for news, or for somebody who asks for something, until something is due.
    fn listen(&mut self) {
        let now = Instant::now();
        let next_full = self.next_full(now);
        self.show(next_full.saturating_duration_since(now));
        let mut until = now + GLANCE;
        if !self.is_paused() {
            let backlog = self.waiting.due().filter(|_| !self.stopped);
            let due = [self.dirty.due(), self.again.due(), backlog, Some(next_full)];
            until = due.into_iter().flatten().chain([until]).min().unwrap_or(until);
            if !self.ended.is_empty() {
                until = now;
            }
        }
        for heard in self.ears.listen(until, self.calls) {
            self.take(heard);
        }
    }

    /// Writes on the board what others may read while the loop is busy.
    fn show(&self, next_full: Duration) {
        let waiting = self.waiting.amount();
        let copying = self.lane.copying();
        let ahead = i64::try_from(next_full.as_nanos()).unwrap_or(i64::MAX);
        self.stage.board.write(|written| {
            written.told = Some(self.dirty.len() as u64);
            written.waiting_files = Some(waiting.actions);
            written.waiting_bytes = Some(waiting.bytes);
            written.copying = copying;
            written.next_full_ns = self.last_full.map(|_| now_ns().saturating_add(ahead));
        });
    }

    /// Does what somebody asks for, between two cycles.
    fn answer(&mut self, call: Call) -> Result<(), SessionError> {
        if call.is_over() {
            call.refuse(&SessionError::Cancelled);
            return Ok(());
        }
        let word = call.request().word();
        log::info!(operation = "control", request = word; "carried out for somebody who asks: {word}");
        let &Request::Sync { approve } = call.request() else {
            let _busy = self.stage.board.busy();
            call.carry_out(self.session, self.watch);
            return Ok(());
        };
        let synced = self.whole(&SyncOptions { approve }, &call.watch(self.watch));
        // In a pause, what it leaves of large copies rests again once nobody waits for it.
        self.rests = false;
        let given_up = call.is_over() && !self.watch.is_cancelled();
        if given_up {
            // Whoever asked has left. What was not done then is done in its turn.
            self.dirty.mark(RelPath::root(), true, Instant::now());
        }
        match synced {
            Ok(report) if report.root_gone => {
                call.reply(Ok(report.clone().into()));
                self.judge(report, None)?;
            }
            Ok(report) => {
                let asked = Asked::new(call, &report);
                self.judge(report, None)?;
                self.asked.push(asked);
                self.tell_those_who_asked();
            }
            Err(error) => {
                call.refuse(&error);
                if !(given_up && matches!(error, SessionError::Cancelled)) {
                    return Err(error);
                }
            }
        }
        self.ears.go_round();
        self.last_full = Some(Instant::now());
        Ok(())
    }

    fn take(&mut self, (side, news): Heard) {
        let now = Instant::now();
        match news {
            News::At(path) => self.dirty.mark(path, false, now),
            News::Below(path) => self.dirty.mark(path, true, now),
            News::Moved(path) => self.dirty.moved(path, now),
            News::Ended(why) => {
                self.ears.ended(side, &why);
                self.dirty.mark(RelPath::root(), true, now);
            }
            _ => self.dirty.mark(RelPath::root(), true, now),
        }
    }

    /// A cycle over everything.
    fn full(&mut self) -> Result<(), SessionError> {
        let report = self.whole(&SyncOptions::default(), self.watch)?;
        self.judge(report, None)?;
        self.ears.go_round();
        self.last_full = Some(Instant::now());
        Ok(())
    }

    fn whole(&mut self, options: &SyncOptions, watch: &dyn Watch) -> Result<SyncReport, SessionError> {
        let _busy = self.stage.board.busy();
        let waiting = self.dirty.len();
        let begun = Instant::now();
        // What is told from here on may be seen by this look or not.
        let told = self.dirty.take_all();
        self.full_by = None;
        let holding = self.holding(false, None, None);
        let report = self.session.sync_holding(options, Some(&holding), watch);
        self.full_took = begun.elapsed();
        // What a guard has nothing against goes on all the same, as it was told of.
        if report.as_ref().is_ok_and(|report| report.halt.as_ref().is_some_and(HaltReport::is_of_many)) {
            self.dirty.put_back(told);
        }
        log::debug!(operation = "scan", waiting = waiting; "looked at everything in {:?}", self.full_took);
        report
    }

    /// A cycle near some paths. `judged` tells whether an earlier cycle has planned what is to be done there.
    fn near(&mut self, told: &Told, judged: bool) -> Result<(), SessionError> {
        let equivalence = self.session.equivalence();
        let part = self.session.part_around(told.iter().map(|(path, below)| (path, *below)))?;
        let asked = told.iter().map(|(path, below)| (equivalence.path_key(path), *below));
        let waiting = self.waiting.looked_for(told).into_iter().map(|key| (key, false));
        let mut told = Told::new();
        for (key, below) in asked.chain(waiting) {
            *told.entry(key).or_default() |= below;
        }
        // Where the trees differ in more than what is in a folder, all below it is looked at.
        let mut keys = told.clone();
        for (key, below) in part.tops() {
            *keys.entry(key).or_default() |= below;
        }
        let _busy = self.stage.board.busy();
        let holding = self.holding(judged, Some(&keys), Some(&told));
        let report =
            self.session.sync_part_holding(&part, &SyncOptions::default(), Some(&holding), self.watch);
        self.judge(report?, Some(&keys))
    }

    fn holding<'a>(&'a self, judged: bool, keys: Option<&'a Told>, told: Option<&'a Told>) -> Holding<'a> {
        Holding {
            session: self.session,
            unrest: &self.unrest,
            large_file_bytes: self.session.performance.large_file_bytes,
            load: self.waiting.load(),
            judged,
            waiting: &self.waiting,
            keys,
            told,
            unheard: self.ears.unheard(),
            overtaken: OnceLock::new(),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// What follows from a cycle over everything, or near these key paths.
    fn judge(&mut self, report: SyncReport, keys: Option<&Told>) -> Result<(), SessionError> {
        let now = Instant::now();
        if report.root_gone {
            // Opening the roots again tells which one is away, and waits for it.
            return Err(self.session.gone(&report));
        }
        let equivalence = self.session.equivalence();
        let looked = |path: &RelPath| keys.is_none_or(|keys| reaches(keys, &equivalence.path_key(path)));
        let of_many = report.halt.as_ref().is_some_and(HaltReport::is_of_many);
        // A root that looks empty may be back in a moment, and nobody tells again of what happened on the other side.
        let stopped = report.halt.is_some() && !of_many;
        if stopped {
            self.full_by.get_or_insert(now + HALTED.max(self.full_took * 20));
        }
        let passes = report.halt.is_none() && !report.cancelled;
        self.stopped = stopped || (self.stopped && !passes);
        // A cycle that was stopped or halted does not say what is wanted.
        if passes {
            let held: Vec<_> = report.held.iter().flat_map(|held| &held.freight).collect();
            let wants = |to: Side, at: &RelPath, source: &Entry| {
                report.wants.wants(to, at, source, &equivalence.path_key(at))
            };
            self.lane.keep(keys.is_none(), looked, wants, |freight| held.contains(&freight));
        }
        for held in &report.held {
            for freight in held.freight.iter().filter(|_| held.why == Why::Large) {
                self.lane.want(held.look.clone(), freight.clone());
            }
        }
        self.lane.start();
        // A look that was halted as a whole has done nothing, and says nothing of what waits.
        if report.halt.is_none() || (of_many && keys.is_some()) {
            self.waiting.looked(keys, &report.held, now);
        }
        self.guard(report.halt.is_some(), passes, keys.is_none(), now);
        let standing = self.session.state.as_ref().map(State::problems).transpose()?.unwrap_or_default();
        self.again.tie(&report.ties);
        self.again.stand(&standing, looked, now);
        self.well = true;
        self.asked.iter_mut().for_each(|asked| asked.hear(&report));
        self.trim.get_or_insert(now + TRIM);
        if report.run.is_some() || !report.is_clean() {
            self.watch.cycle(&report);
        }
        Ok(())
    }
}

impl Turns<'_, '_> {
    /// A guard stands until a person has looked, or has undone what it was about, which a look at everything tells. So
    /// that comes soon after something has happened, and takes but a small part of the time.
    fn guard(&mut self, stops: bool, passes: bool, everything: bool, now: Instant) {
        self.guarded = (self.guarded && !(passes && everything)) || stops;
        if self.guarded && passes {
            let by = now + (self.full_took * 20).min(LIFTED_LATEST.max(self.full_took * 3)).max(LIFTED);
            self.full_by = Some(self.full_by.map_or(by, |other| other.min(by)));
        }
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
