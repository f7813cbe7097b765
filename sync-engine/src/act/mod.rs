//! The third step: act.
//!
//! Owns the [`Executor`]: the order of phases, the lanes, and what stops a run. It takes transitions in the plan's
//! order; a file never waits behind a larger one, because large ones have a lane of their own. It never decides
//! anything: a transition that meets another version than planned is a problem, and the next cycle looks again.
//!
//! Start with [`Executor::run`]; `lanes` has the two lanes, `perform` one action, `room` what has room at all.

pub(crate) mod hold;
mod lanes;
mod perform;
pub(crate) mod prepared;
pub(crate) mod room;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::Sender;
use sync_core::baseline::{Agreed, BaselineChange};
use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Phase, Plan};
use sync_core::side::Side;
use sync_replica::{Filter, Operation, Problem, ProblemKind, TrashStamp};
use sync_state::{JournalRow, RunId, TrashReason};

use crate::config::{Performance, Verify};
use crate::session::Session;
use crate::throttle::Lane;
use crate::watch::{Watch, Watched};

use hold::HeldBack;
use perform::Held;
pub(crate) use perform::{staging_failed, stamp};

/// How many deletions are made before both roots are looked at again.
const DELETES_PER_LOOK: usize = 64;

/// A transition that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) side: Side,
    pub(crate) problem: Problem,
}

/// What came of one action.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) ok: bool,
    pub(crate) changes: Vec<BaselineChange>,
    /// Paths that leave the baseline because they are gone, not renamed.
    pub(crate) gone: Vec<RelPath>,
    pub(crate) rows: Vec<JournalRow>,
    /// What went to the trash.
    pub(crate) trashed: Vec<InTrash>,
    /// What came back from it: the side, the path it was known under, its place.
    pub(crate) untrashed: Vec<(Side, RelPath, RelPath)>,
    pub(crate) failure: Option<Failure>,
    pub(crate) bytes: u64,
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// A version that an action has moved to the trash.
#[derive(Debug)]
pub(crate) struct InTrash {
    pub(crate) side: Side,
    pub(crate) path: RelPath,
    pub(crate) place: RelPath,
    pub(crate) size: u64,
    pub(crate) reason: TrashReason,
}

impl Outcome {
    fn agree(&mut self, path: RelPath, agreed: Agreed) {
        self.changes.push(BaselineChange { path, agreed: Some(agreed) });
    }

    fn forget(&mut self, path: RelPath, gone: bool) {
        if gone {
            self.gone.push(path.clone());
        }
        self.changes.push(BaselineChange { path, agreed: None });
    }
}

/// What came of some actions.
pub(crate) type Results<'a> = Vec<(&'a Action, Outcome)>;

/// Carries out a plan.
pub(crate) struct Executor<'a> {
    replicas: Held<'a>,
    filter: &'a dyn Filter,
    watch: &'a dyn Watch,
    verify: Verify,
    pub(crate) stamp: TrashStamp,
    run: Option<RunId>,
    large_file_bytes: u64,
    session: &'a Session,
    /// Where renames of this run have left entries, whose change time they moved.
    renamed: Mutex<HashMap<(Side, RelPath), Entry>>,
    /// Key paths of actions that failed: what builds on them is not tried.
    failed: Mutex<HashSet<RelPath>>,
    root_gone: AtomicBool,
    held: &'a HeldBack,
    sink: Sender<Results<'a>>,
}

impl<'a> Executor<'a> {
    pub(crate) fn new(
        session: &'a Session,
        run: Option<RunId>,
        held: &'a HeldBack,
        watch: &'a dyn Watch,
        sink: Sender<Results<'a>>,
    ) -> Self {
        let Performance { large_file_bytes, verify, .. } = session.performance;
        Self {
            replicas: session.replicas.as_ref().map(|replica| &**replica),
            filter: &*session.filter,
            watch,
            verify,
            stamp: stamp(),
            run,
            large_file_bytes,
            session,
            renamed: Mutex::default(),
            failed: Mutex::default(),
            root_gone: AtomicBool::new(false),
            held,
            sink,
        }
    }

    fn run_number(&self) -> u64 {
        self.run.map_or(0, |run| run.0)
    }

    fn left_by_rename(&self, side: Side, path: &RelPath) -> Option<Entry> {
        let renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        if renamed.is_empty() { None } else { renamed.get(&(side, path.clone())).copied() }
    }

    fn remember_rename(&self, side: Side, path: &RelPath, entry: Entry) {
        let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        renamed.insert((side, path.clone()), entry);
    }

    /// Watches over the bytes that go to a side for an action.
    fn control(&self, action: &Action, to: Side) -> Watched<'a> {
        let lane = if self.is_large(action) { Lane::Large } else { Lane::Small };
        Watched { watch: self.watch, throttle: Some((self.session.pace.throttle(to), lane)) }
    }

    fn is_large(&self, action: &Action) -> bool {
        action.bytes() >= self.large_file_bytes
    }

    /// Whether no further action may begin.
    fn stops(&self) -> bool {
        self.watch.is_cancelled() || self.root_gone.load(Ordering::Relaxed)
    }

    fn is_barred(&self, action: &Action) -> bool {
        let Some(after) = &action.after else { return false };
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).contains(after)
    }

    /// Carries out everything, phase by phase. Results go to the sink as they come.
    pub(crate) fn run(&self, plan: &'a Plan) {
        if !self.roots_are_present() {
            return;
        }
        let phase = |wanted: Phase| self.held.free(plan).filter(move |action| action.phase == wanted);
        if !self.in_order(phase(Phase::Renames)) {
            return;
        }
        let copies: HashSet<&RelPath> = phase(Phase::Copies).map(|action| &action.path).collect();
        let builds_on_a_copy = |action: &&Action| {
            action.after.as_ref().is_some_and(|path| *path != action.path && copies.contains(path))
        };
        let (later, now): (Vec<_>, Vec<_>) = phase(Phase::Copies).partition(builds_on_a_copy);
        let (large, small): (Vec<_>, Vec<_>) = now.into_iter().partition(|action| self.is_large(action));
        std::thread::scope(|scope| {
            self.small_lane(&small, || {
                let made = self.in_order(phase(Phase::Dirs));
                if made && !large.is_empty() {
                    scope.spawn(|| self.large_lane(&large));
                }
            });
            self.deletes(phase(Phase::Deletes).chain(phase(Phase::Replacements)));
        });
        // A clash waits until the older version is where an earlier run has begun to keep it.
        self.in_order(later.into_iter());
    }

    /// One after the other; false when the run stops in between.
    fn in_order(&self, actions: impl Iterator<Item = &'a Action>) -> bool {
        for action in actions {
            if self.stops() {
                return false;
            }
            self.one(action);
        }
        true
    }

    fn deletes(&self, actions: impl Iterator<Item = &'a Action>) {
        for (index, action) in actions.enumerate() {
            let looks = index % DELETES_PER_LOOK == 0 && !action.transitions.is_empty();
            if self.stops() || (looks && !self.roots_are_present()) {
                return;
            }
            self.one(action);
        }
    }

    /// A drive that vanished must not look like a folder that was emptied.
    fn roots_are_present(&self) -> bool {
        for side in Side::BOTH {
            if let Err(problem) = self.session.is_present(side) {
                log::error!(operation = "error", side = side.name(), error:% = problem.explain(); "the root is gone");
                self.root_gone.store(true, Ordering::Relaxed);
                return false;
            }
        }
        true
    }

    pub(crate) fn root_is_gone(&self) -> bool {
        self.root_gone.load(Ordering::Relaxed)
    }

    /// Carries out one action from its first transition to its last.
    fn one(&self, action: &'a Action) {
        if self.is_barred(action) {
            return self.report(action, Self::barred(action));
        }
        let outcome = self.perform(action);
        self.report(action, outcome);
    }

    fn barred(action: &Action) -> Outcome {
        let after = action.after.as_ref().map(RelPath::display).unwrap_or_default();
        let side = action.transitions.first().map_or(Side::Left, sync_core::plan::Transition::side);
        let problem = Problem::new(
            Operation::Install,
            &action.path,
            ProblemKind::Stale,
            format!("waits for `{after}`, which failed"),
        );
        Outcome { failure: Some(Failure { side, problem }), ..Outcome::default() }
    }

    fn report(&self, action: &'a Action, outcome: Outcome) {
        self.report_all(vec![(action, outcome)]);
    }

    fn report_all(&self, results: Results<'a>) {
        if results.is_empty() {
            return;
        }
        for (action, outcome) in &results {
            let Some(failure) = &outcome.failure else { continue };
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(action.path.clone());
            if failure.problem.kind == ProblemKind::RootGone {
                self.root_gone.store(true, Ordering::Relaxed);
            }
        }
        self.watch.advance(results.len() as u64, 0);
        // The receiver outlives every lane; a send can only fail after it panicked, which surfaces by itself.
        let _ = self.sink.send(results);
    }
}
