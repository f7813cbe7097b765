//! One cycle: observe, decide, act, remember; and the same without the last two, for looking.
//!
//! Owns the faces' entry points [`Session::sync`], [`Session::plan`], [`Session::scan`] and [`Session::explain`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use log::Level;
use sync_core::compare::compare;
use sync_core::explain::explain;
use sync_core::guard::{self, takes};
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Halt, Plan};
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Snapshot;

use crate::act::hold::{HeldBack, Hold};
use crate::act::room::Wants;
use crate::act::{Executor, Failure, Outcome};
use crate::clock::Began;
use crate::error::SessionError;
use crate::halt::HaltReport;
use crate::observe::{Observation, millis};
use crate::put_back::note_trashing;
use crate::remember::reach::{NewRun, Reach};
use crate::remember::{Ledger, checked, quiet};
use crate::report::{
    ConflictReport, ExplainReport, FORMAT, PlanReport, ProblemReport, ScanReport, SideReport, SyncReport,
    VersionReport, nothing_at, time, transitions, transitions_of,
};
use crate::session::Session;
use crate::underway::Underway;
use crate::watch::{Phase, Watch, Watched};

/// How a sync is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SyncOptions {
    /// Lets a plan through that a guard would stop.
    pub approve: bool,
}

impl Session {
    /// One cycle. Failures at single paths are in the report; an error means that nothing could be done at all, or
    /// that what was done could not be remembered.
    pub fn sync(&self, options: &SyncOptions, watch: &dyn Watch) -> Result<SyncReport, SessionError> {
        self.sync_holding(options, None, watch)
    }

    /// The same, with what a live session holds back.
    pub(crate) fn sync_holding(
        &self,
        options: &SyncOptions,
        hold: Option<&dyn Hold>,
        watch: &dyn Watch,
    ) -> Result<SyncReport, SessionError> {
        let result = self.cycle(&Part::Everything, options, hold, watch);
        self.alert(&result);
        if result.is_ok() {
            self.upkeep();
        }
        result
    }

    /// One cycle over what happened at some paths, each as a side spells it, with whether everything below it may have
    /// changed as well. The same cycle on a smaller scope: it decides there what a whole one would.
    pub fn sync_near(
        &self,
        told: &BTreeMap<RelPath, bool>,
        options: &SyncOptions,
        watch: &dyn Watch,
    ) -> Result<SyncReport, SessionError> {
        let part = self.part_around(told.iter().map(|(path, below)| (path, *below)))?;
        self.sync_part_holding(&part, options, None, watch)
    }

    /// One over a part of the trees, with what a live session holds back.
    pub(crate) fn sync_part_holding(
        &self,
        part: &Part,
        options: &SyncOptions,
        hold: Option<&dyn Hold>,
        watch: &dyn Watch,
    ) -> Result<SyncReport, SessionError> {
        let result = self.cycle(part, options, hold, watch);
        match &result {
            // What was met elsewhere may still stand.
            Ok(report) => self.alert_part(report),
            Err(_) => self.alert(&result),
        }
        result
    }

    fn cycle(
        &self,
        part: &Part,
        options: &SyncOptions,
        hold: Option<&dyn Hold>,
        watch: &dyn Watch,
    ) -> Result<SyncReport, SessionError> {
        let began = Began::now();
        let mut run = NewRun { reach: Reach::of(part), ..NewRun::sync(began) };
        let mut report = SyncReport::begin(began);
        let mut lifted = None;
        report.halt.clone_from(&self.halt);
        report.notices.clone_from(&self.notices);
        // A session that was halted when it was opened looks at nothing: what has come back since is opened anew.
        report.root_gone = report.halt.is_some() && self.is_elsewhere();
        if report.halt.is_none() {
            self.recall_underway()?;
            let (part, mut seen) = self.observe_with_places(part, watch)?;
            let part = &part;
            run.reach = Reach::of(part);
            if *part != Part::Everything && self.is_emptied(&seen.snapshots, watch)? {
                return self.cycle(&Part::Everything, options, hold, watch);
            }
            let totals = seen.snapshots.as_ref().map(Snapshot::totals);
            (report.left, report.right) = (totals.left.into(), totals.right.into());
            (report.scan_ms, report.decide_ms) = (seen.scan_ms, seen.decide_ms);
            let passes = |halt: &Halt| {
                let new = |action: &Action| {
                    takes(action).either(|side| side.files > 0)
                        && !hold.is_some_and(|hold| hold.judged(&action.path))
                };
                let judged = *part != Part::Everything && !seen.plan.actions.iter().any(new);
                options.approve || (judged && matches!(halt, Halt::TooManyChanges { .. }))
            };
            // What is in doubt is judged when it is certain.
            let in_doubt =
                hold.is_some_and(|hold| seen.plan.actions.iter().any(|action| hold.doubts(action)));
            let halt = match &seen.plan.halt {
                Some(Halt::TooManyChanges { .. }) if in_doubt => {
                    let mut certain = seen.plan.clone();
                    certain.actions.retain(|action| !hold.is_some_and(|hold| hold.doubts(action)));
                    guard::halt(&certain, &seen.comparison, &seen.snapshots, &self.terms.policy)
                }
                halt => halt.clone(),
            };
            report.halt = halt.as_ref().filter(|halt| !passes(halt)).map(HaltReport::from);
            if options.approve {
                self.lately.forget();
            }
            // What was scanned is no longer needed, and acting may take hours.
            seen.snapshots = Sides { left: Snapshot::empty(), right: Snapshot::empty() };
            seen.comparison.differences = Vec::new();
            if *part == Part::Everything && report.halt.is_none() && !in_doubt {
                self.lately.lift();
                lifted = self.stood()?;
            }
            // Near told paths, what the guard has nothing against goes on.
            let of_many = report.halt.as_ref().is_some_and(HaltReport::is_of_many);
            let guarded = of_many && hold.is_some() && *part != Part::Everything;
            if of_many {
                self.lately.stay();
            }
            if report.halt.is_none() || guarded {
                // What a guard has stopped is not done, and what was planned before has counted then.
                if !options.approve && !guarded {
                    let is_new = |action: &&Action| {
                        !hold.is_some_and(|hold| hold.judged(&action.path) || hold.doubts(action))
                    };
                    self.lately.note(seen.plan.actions.iter().filter(is_new), Instant::now());
                }
                let hold = hold.map(|hold| (hold, guarded));
                self.act_holding(seen.plan, &run, hold, watch, &mut report, |_, _| {})?;
            }
        }
        if let Some(halt) = &report.halt {
            let state = self.state.as_ref().filter(|_| !self.read_only);
            let is_new = state.map_or(Ok(true), |state| checked::halted(state, halt, &run))?;
            // What stands since an earlier cycle was said then.
            let level = if is_new { Level::Error } else { Level::Debug };
            log::log!(level, operation = "halt", reason = halt.reason.as_str(); "{}", halt.message);
        }
        if let Some(reason) = lifted {
            log::info!(operation = "halt", reason = reason.as_str(), result = "lifted"; "in order again: {reason} stands no more");
        }
        if report.halt.is_none() {
            self.expire_trash();
        }
        report.finished = time(began.ended_ns());
        // A look at a path at which nothing is to be done, as after every write of our own, is no news.
        let echo = *part != Part::Everything && report.run.is_none() && report.is_clean();
        log_cycle(&report, if echo { Level::Debug } else { Level::Info });
        Ok(report)
    }

    /// The guard that stood after the last look at everything.
    fn stood(&self) -> Result<Option<String>, SessionError> {
        let checked = match self.state.as_ref().filter(|_| !self.read_only) {
            Some(state) => state.checked()?,
            None => None,
        };
        Ok(checked.and_then(|checked| checked.halted).map(|halted| halted.reason))
    }

    /// Whether a root shows nothing at all, which a look at a part of it cannot tell.
    fn is_emptied(&self, snapshots: &Sides<Snapshot>, watch: &dyn Watch) -> Result<bool, SessionError> {
        let Some(state) = &self.state else { return Ok(false) };
        let nothing = |side: &Side| snapshots[*side].root().is_empty();
        let suspects: Vec<_> = Side::BOTH.into_iter().filter(nothing).collect();
        if suspects.is_empty() || state.counts()?.entries == 0 {
            return Ok(false);
        }
        let control = Watched { watch, throttle: None };
        for side in suspects {
            let listed = self.replicas[side].list(&RelPath::root(), &self.scan_request(&control));
            let emptied = listed.map_err(|problem| self.root_error(side, problem))?.is_empty();
            if emptied && !self.holds_hidden(side, watch)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Carries a plan out as one recorded run of a kind, and remembers what came of it.
    pub(crate) fn act(
        &self,
        plan: Plan,
        run: &NewRun<'_>,
        watch: &dyn Watch,
        report: &mut SyncReport,
    ) -> Result<(), SessionError> {
        self.act_and_tell(plan, run, watch, report, |_, _| {})
    }

    /// The same, and tells of each action that was tried.
    pub(crate) fn act_and_tell(
        &self,
        plan: Plan,
        run: &NewRun<'_>,
        watch: &dyn Watch,
        report: &mut SyncReport,
        tell: impl FnMut(&Action, &Outcome),
    ) -> Result<(), SessionError> {
        self.act_holding(plan, run, None, watch, report, tell)
    }

    fn act_holding(
        &self,
        mut plan: Plan,
        run: &NewRun<'_>,
        hold: Option<(&dyn Hold, bool)>,
        watch: &dyn Watch,
        report: &mut SyncReport,
        mut tell: impl FnMut(&Action, &Outcome),
    ) -> Result<(), SessionError> {
        let Some(state) = &self.state else { return Ok(()) };
        let start = Instant::now();
        let bytes: u64 = plan.actions.iter().map(sync_core::plan::Action::bytes).sum();
        let left_out = if bytes > 0 { self.fit(&mut plan) } else { Vec::new() };
        report.wants = Wants::of(&plan, &left_out, self.performance.large_file_bytes);
        let held_back =
            hold.map_or_else(HeldBack::nothing, |(hold, guarded)| HeldBack::of(&plan, hold, guarded));
        report.waiting = held_back.held.len() as u64;
        let waiting = hold.map(|(hold, _)| hold.waiting(&held_back.held));
        report.conflicts = plan.conflicts.iter().map(ConflictReport::from).collect();
        report.problems = plan.blocked.iter().map(ProblemReport::from).collect();
        for problem in &report.problems {
            log::warn!(
                operation = "scan", side = problem.side.as_str(), path = problem.path.as_str(),
                result = "skipped", error = problem.error.as_str();
                "{}: {}", problem.path, problem.error
            );
        }
        for conflict in &report.conflicts {
            log::warn!(
                operation = "conflict", rule = conflict.rule.as_str(), path = conflict.path.as_str(),
                newer = conflict.newer.as_str(), result = conflict.policy.as_str();
                "{}: {}", conflict.path, conflict.rule
            );
        }
        if held_back.held.len() == plan.actions.len() {
            quiet(state, self.equivalence(), &plan, &run.reach, waiting)?;
            report.held = held_back.held;
            return Ok(());
        }
        let running = self.running.begin(|| match run.answers {
            None => state.begin_run(run.kind, run.began.ns),
            Some(answered) => state.begin_answer(run.kind, run.began.ns, answered),
        })?;
        let number = running.number;
        report.run = Some(number.0);
        watch.begin(Phase::Act, Some(plan.actions.len() as u64), Some(bytes));
        let underway = Underway::of(&plan, state)?;
        underway.remember(state)?;
        let (sink, outcomes) = crossbeam_channel::unbounded();
        let mut ledger = Ledger::new(self, state, number, &plan, underway)?;
        let executor = Executor::new(self, Some(number), &held_back, watch, sink);
        note_trashing(state, &plan, number, executor.stamp)?;
        let root_gone = std::thread::scope(|scope| {
            let acting = scope.spawn(|| {
                let executor = executor;
                executor.run(&plan);
                executor.root_is_gone()
            });
            for (action, outcome) in outcomes.into_iter().flatten() {
                tell(action, &outcome);
                match &outcome.failure {
                    Some(failure) => report.ties.extend(tie(action, failure)),
                    None if outcome.ok => report.wants.done(action),
                    None => {}
                }
                ledger.enter(action, outcome);
            }
            acting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        report.cancelled = watch.is_cancelled();
        report.root_gone = root_gone;
        report.left_undone = ledger.leaves(&plan, report.waiting, waiting);
        report.problems.append(&mut ledger.problems);
        report.done = ledger.counts.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
        report.bytes_copied = ledger.bytes;
        // Taking a large plan apart takes as long as committing it, and nobody needs it any more.
        let actions = std::mem::take(&mut plan.actions);
        let closed = std::thread::scope(|scope| {
            scope.spawn(|| drop(actions));
            ledger.close(&plan, run, outcome_word(report))
        });
        report.act_ms = millis(start);
        report.held = held_back.held;
        Ok(closed?)
    }

    /// What would happen. Nothing changes anywhere. With `all`, paths at which nothing would are listed too.
    pub fn plan(&self, all: bool, watch: &dyn Watch) -> Result<PlanReport, SessionError> {
        let mut seen = self.observe(all, watch)?;
        Ok(self.report_plan(&mut seen, all))
    }

    /// What was decided, as a document.
    pub(crate) fn report_plan(&self, seen: &mut Observation, all: bool) -> PlanReport {
        self.would_fit(&mut seen.plan);
        let (mut transitions, mut counts) = transitions(&seen.plan);
        if all {
            let idle = idle_paths(seen);
            counts.insert("NOOP".to_owned(), idle.len() as u64);
            transitions.extend(idle.into_iter().map(nothing_at));
        }
        let Sides { left: left_root, right: right_root } = self.locations();
        let totals = seen.snapshots.as_ref().map(Snapshot::totals);
        PlanReport {
            format: FORMAT,
            left_root,
            right_root,
            left: totals.left.into(),
            right: totals.right.into(),
            transitions,
            conflicts: seen.plan.conflicts.iter().map(ConflictReport::from).collect(),
            problems: seen.plan.blocked.iter().map(ProblemReport::from).collect(),
            halt: self.halt.clone().or_else(|| seen.plan.halt.as_ref().map(HaltReport::from)),
            counts,
            bytes: seen.plan.actions.iter().map(sync_core::plan::Action::bytes).sum(),
            notices: self.notices.clone(),
            scan_ms: seen.scan_ms,
            decide_ms: seen.decide_ms,
        }
    }

    /// Counts what lies on both sides. Nothing changes anywhere.
    pub fn scan(&self, watch: &dyn Watch) -> Result<ScanReport, SessionError> {
        let start = Instant::now();
        let snapshots = self.scan_both(&sync_core::part::Part::Everything, watch)?;
        let scan_ms = millis(start);
        let nothing = std::iter::empty::<sync_core::baseline::BaselineDir>();
        let all = compare(&snapshots, nothing, &self.terms.abilities, true);
        let Sides { left: left_root, right: right_root } = self.locations();
        let totals = snapshots.as_ref().map(Snapshot::totals);
        let mut report = ScanReport {
            left_root,
            right_root,
            left: totals.left.into(),
            right: totals.right.into(),
            only_left: SideReport::default(),
            only_right: SideReport::default(),
            both: SideReport::default(),
            ignored: totals.left.ignored + totals.right.ignored,
            problems: Vec::new(),
            scan_ms,
        };
        for difference in &all.differences {
            let entries = difference.sides.as_ref().map(|sighting| sighting.entry());
            let (entry, into) = match (entries.left, entries.right) {
                (Some(left), Some(_)) => (left, &mut report.both),
                (Some(left), None) => (left, &mut report.only_left),
                (None, Some(right)) => (right, &mut report.only_right),
                (None, None) => continue,
            };
            if entry.is_dir() {
                into.dirs += 1;
            } else {
                into.files += 1;
            }
            if entry.kind == sync_core::entry::Kind::File {
                into.bytes += entry.size;
            }
        }
        let evidence = sync_core::plan::Evidence::default();
        let plan = sync_core::decide::decide(&all, &snapshots, &evidence, &self.terms);
        report.problems = plan.blocked.iter().map(ProblemReport::from).collect();
        Ok(report)
    }

    /// Why a path is treated as it is. `path` is relative to the roots, or lies in one of them.
    pub fn explain(&self, path: &Path, watch: &dyn Watch) -> Result<ExplainReport, SessionError> {
        let path = self.path_of(path)?;
        let key = self.equivalence().path_key(&path);
        let Observation { comparison, evidence, plan, .. } = self.observe(true, watch)?;
        let found = explain(&key, &comparison, &evidence, &plan);
        let now = Sides::from_fn(|side| {
            found
                .difference
                .as_ref()
                .and_then(|difference| difference.sides[side].entry().map(VersionReport::from))
        });
        let baseline = found
            .agreed
            .as_ref()
            .map(|agreed| Sides::from_fn(|side| Some(VersionReport::from(&agreed.entry(side)))).into());
        let tombstone = match &self.state {
            Some(state) => state.tombstone(&key)?,
            None => None,
        };
        Ok(ExplainReport {
            path: path.display(),
            baseline,
            now: now.into(),
            left_state: found.states.left.name().to_owned(),
            right_state: found.states.right.name().to_owned(),
            rule: found.rule.name().to_owned(),
            requirement: found.rule.requirement().map(ToOwned::to_owned),
            policy: found.rule.policy(&self.terms.policy).map(|policy| policy.name().to_owned()),
            transitions: found.actions.iter().flat_map(transitions_of).collect(),
            conflict: found.conflict.as_ref().map(ConflictReport::from),
            problems: found.blocked.iter().map(ProblemReport::from).collect(),
            deleted: tombstone.map(|tombstone| time(tombstone.deleted_ns)),
            verdict: found.verdict(),
            halt: self.halt.clone().or_else(|| plan.halt.as_ref().map(HaltReport::from)),
        })
    }

    /// A path as a user writes it: below one of the roots, or relative to them.
    pub(crate) fn path_of(&self, given: &Path) -> Result<RelPath, SessionError> {
        let bad = |reason: String| SessionError::Path { path: given.display().to_string(), reason };
        let mut relative = given.to_path_buf();
        if given.is_absolute() {
            let real = given.parent().and_then(|parent| parent.canonicalize().ok());
            let real = real.zip(given.file_name()).map(|(parent, name)| parent.join(name));
            let locations = self.locations();
            relative = Side::BOTH
                .into_iter()
                .flat_map(|side| {
                    [Some(given), real.as_deref()].into_iter().flatten().map(move |path| (side, path))
                })
                .find_map(|(side, path)| path.strip_prefix(&locations[side]).ok().map(Into::into))
                .ok_or_else(|| bad("it lies in neither root".to_owned()))?;
        }
        let mut path = RelPath::root();
        for component in relative.components() {
            match component {
                std::path::Component::CurDir => {}
                std::path::Component::Normal(name) => {
                    path = path.join(name.as_encoded_bytes()).map_err(|error| bad(error.to_string()))?;
                }
                _ => return Err(bad("write it relative to the roots, without `..`".to_owned())),
            }
        }
        if path.is_root() { Err(bad("it is the root itself".to_owned())) } else { Ok(path) }
    }
}

/// One line for the whole cycle.
pub(crate) fn log_summary(report: &SyncReport) {
    log_cycle(report, Level::Info);
}

fn log_cycle(report: &SyncReport, level: Level) {
    let count = |word: &str| report.done.get(word).copied().unwrap_or_default();
    let both = |word: &str| count(&format!("{word}_LEFT")) + count(&format!("{word}_RIGHT"));
    log::log!(
        level, run = report.run.unwrap_or_default(), operation = "cycle",
        scanned = report.left.files + report.left.dirs + report.right.files + report.right.dirs,
        changed = report.done.values().sum::<u64>(), conflicts = report.conflicts.len(),
        problems = report.problems.len(), waiting = report.waiting, soft_deletes = both("SOFT_DELETE"), deletes = both("DELETE"),
        bytes = report.bytes_copied, scan_ms = report.scan_ms, decide_ms = report.decide_ms,
        act_ms = report.act_ms, result = outcome_word(report);
        "{}", outcome_word(report)
    );
}

/// Where a problem stands, and all the key paths that have to be looked at to try again what failed there.
fn tie(action: &Action, failure: &Failure) -> Option<(RelPath, BTreeSet<RelPath>)> {
    let at = if failure.problem.path.is_root() { &action.path } else { &failure.problem.path };
    let agree = action.agree.iter().map(|memo| &memo.path);
    let all = [&action.path].into_iter().chain(&action.clash).chain(&action.forget).chain(agree);
    let others: BTreeSet<RelPath> = all.filter(|path| *path != at).cloned().collect();
    (!others.is_empty()).then(|| (at.clone(), others))
}

/// The paths at which nothing is to be done and nothing stands in the way.
fn idle_paths(seen: &Observation) -> Vec<&RelPath> {
    let plan = &seen.plan;
    let mut busy: BTreeSet<&RelPath> = plan.conflicts.iter().map(|conflict| &conflict.path).collect();
    for action in &plan.actions {
        busy.insert(&action.path);
        busy.extend(action.forget.iter().chain(action.agree.iter().map(|memo| &memo.path)));
    }
    busy.extend(plan.blocked.iter().map(|blocked| &blocked.path));
    seen.comparison.differences.iter().map(|one| &one.path).filter(|path| !busy.contains(path)).collect()
}

/// How a run ended, in a word.
fn outcome_word(report: &SyncReport) -> &'static str {
    if report.halt.is_some() {
        "halted"
    } else if report.root_gone {
        "root-gone"
    } else if report.cancelled {
        "stopped"
    } else if !report.problems.is_empty() {
        "problems"
    } else if !report.conflicts.is_empty() {
        "conflicts"
    } else if report.waiting > 0 {
        "waiting"
    } else {
        "clean"
    }
}
