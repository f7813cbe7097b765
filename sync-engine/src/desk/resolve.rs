//! Settling conflicts as a person says.
//!
//! Owns [`Session::resolve`]. A choice is guidance for the decision, made for the two versions on record: whatever
//! changed since stays open, with the reason. What is given up goes to the trash, whatever its size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::compare::Difference;
use sync_core::guidance::{Choice, Guidance, Keep, Refusal, Second};
use sync_core::path::RelPath;
use sync_core::plan::Halt;
use sync_core::policy::ConflictPolicy;
use sync_core::scope::narrow;
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Snapshot;
use sync_state::{Commit, Conflict, ConflictChange, ConflictState};

use super::{Results, leave_the_rest};
use crate::clock::Began;
use crate::cycle::log_summary;
use crate::error::SessionError;
use crate::observe::Observation;
use crate::records::PathGlob;
use crate::remember::reach::{NewRun, Reach};
use crate::report::{FORMAT, SyncReport, TransitionReport, time, transitions_of};
use crate::session::Session;
use crate::watch::Watch;

/// Which conflicts are meant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Which {
    /// All that are open.
    All,
    /// Each is a path, or a pattern as [`PathGlob`] has it for those that are open.
    These(Vec<String>),
}

/// What came of settling conflicts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ResolveReport {
    /// The format of this document.
    pub format: u32,
    /// The run's number in the journal; none when nothing had to be done.
    pub run: Option<u64>,
    /// When it started.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// What was settled, by path.
    pub resolved: Vec<Resolved>,
    /// What stays as it is, and why.
    pub unresolved: Vec<Unresolved>,
    /// How many transitions of each action were made.
    pub done: BTreeMap<String, u64>,
    /// Bytes that were copied.
    pub bytes_copied: u64,
    /// Whether it was stopped from outside.
    pub cancelled: bool,
}

impl ResolveReport {
    /// Whether everything that was asked for is settled.
    pub fn is_clean(&self) -> bool {
        self.unresolved.is_empty() && !self.cancelled
    }
}

/// A conflict that is settled now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resolved {
    /// Where.
    pub path: String,
    /// The rule that had met it.
    pub rule: String,
    /// What was asked for: `left`, `right`, `newer` or `both`.
    pub keep: String,
    /// The side whose version stands at the path.
    pub stands: Option<String>,
    /// Where the other version is kept; none when it went to the trash.
    pub clash_path: Option<String>,
    /// What was done, in order.
    pub transitions: Vec<TransitionReport>,
}

/// A conflict that stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Unresolved {
    /// Where, or what was asked for.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A conflict that was named, on its way.
struct Target {
    conflict: Conflict,
    refusal: Option<String>,
}

impl Session {
    /// Settles conflicts. An error means that nothing was done at all, or that what was done could not be remembered.
    pub fn resolve(
        &self,
        which: &Which,
        keep: Keep,
        watch: &dyn Watch,
    ) -> Result<ResolveReport, SessionError> {
        let began = Began::now();
        if let Some(halt) = &self.halt {
            return Err(SessionError::Halted(halt.clone()));
        }
        let mut report = ResolveReport {
            format: FORMAT,
            run: None,
            started: time(began.ns),
            finished: String::new(),
            resolved: Vec::new(),
            unresolved: Vec::new(),
            done: BTreeMap::new(),
            bytes_copied: 0,
            cancelled: false,
        };
        let known = match &self.state {
            Some(state) => state.conflicts()?,
            None => Vec::new(),
        };
        let mut targets = self.targets(&known, which, &mut report.unresolved)?;
        if !targets.is_empty() {
            self.recall_underway()?;
            self.carry_out(&mut targets, keep, began, watch, &mut report)?;
        }
        report.finished = time(began.ended_ns());
        Ok(report)
    }

    /// The conflicts that are meant. What names none is told.
    fn targets(
        &self,
        known: &[Conflict],
        which: &Which,
        unmet: &mut Vec<Unresolved>,
    ) -> Result<Vec<Target>, SessionError> {
        let is_open = |one: &&Conflict| one.state == ConflictState::Open;
        let mut found: BTreeMap<RelPath, Conflict> = BTreeMap::new();
        let mut add = |one: &Conflict| {
            found.insert(one.path.clone(), one.clone());
        };
        match which {
            Which::All => known.iter().filter(is_open).for_each(&mut add),
            Which::These(names) => {
                for name in names {
                    let path = self.path_of(Path::new(name));
                    let key = path.as_ref().ok().map(|path| self.equivalence().path_key(path));
                    // A name with a bracket in it may be meant as it is written.
                    if let Some(one) = key.and_then(|key| known.iter().find(|one| one.path == key)) {
                        add(one);
                        continue;
                    }
                    let mut met = false;
                    if let Some(pattern) = PathGlob::pattern(name)? {
                        for one in known.iter().filter(is_open) {
                            if pattern.matches(one.path.as_bytes()) {
                                met = true;
                                add(one);
                            }
                        }
                    } else {
                        path?;
                    }
                    if !met {
                        let reason = "there is no conflict here".to_owned();
                        unmet.push(Unresolved { path: name.clone(), reason });
                    }
                }
            }
        }
        Ok(found.into_values().map(|conflict| Target { conflict, refusal: None }).collect())
    }

    fn carry_out(
        &self,
        targets: &mut [Target],
        keep: Keep,
        began: Began,
        watch: &dyn Watch,
        report: &mut ResolveReport,
    ) -> Result<(), SessionError> {
        let guidance = self.guidance(targets, keep);
        let mut seen = self.observe_with(false, guidance.clone(), watch)?;
        if let Some(halt @ Halt::EmptyRoot { .. }) = &seen.plan.halt {
            return Err(SessionError::Halted(halt.into()));
        }
        for target in targets.iter_mut() {
            if target.refusal.is_none() {
                target.refusal = self.refusal(target, &guidance, &seen);
            }
        }
        let accepted: BTreeSet<RelPath> = targets
            .iter()
            .filter(|target| target.refusal.is_none())
            .map(|target| target.conflict.path.clone())
            .collect();
        seen.snapshots = Sides { left: Snapshot::empty(), right: Snapshot::empty() };
        seen.comparison.differences = Vec::new();
        narrow(&mut seen.plan, |action| accepted.contains(&action.path));
        let mut done: BTreeMap<RelPath, Vec<TransitionReport>> = BTreeMap::new();
        for action in seen.plan.actions.iter().filter(|action| accepted.contains(&action.path)) {
            done.entry(action.path.clone()).or_default().extend(transitions_of(action));
        }
        leave_the_rest(&mut seen.plan, &self.open_conflicts()?);
        let clashes: BTreeMap<RelPath, RelPath> = seen
            .plan
            .conflicts
            .iter()
            .filter(|one| accepted.contains(&one.path))
            .filter_map(|one| Some((one.path.clone(), one.clash_path.clone()?)))
            .collect();
        // What is settled without a copy beside it waits for nobody; if it is not carried out, it stays as it was.
        seen.plan.conflicts.retain(|one| one.clash_path.is_some() || !accepted.contains(&one.path));
        let mut results = Results::default();
        let mut run = SyncReport::begin(began);
        let new = NewRun { kind: "resolve", began, reach: Reach::Below(accepted.clone()), answers: None };
        self.act_and_tell(seen.plan, &new, watch, &mut run, |action, outcome| {
            results.enter(action, outcome);
        })?;
        (report.run, report.done, report.bytes_copied) = (run.run, run.done.clone(), run.bytes_copied);
        report.cancelled = run.cancelled;
        let mut gone = Vec::new();
        for target in targets.iter() {
            let conflict = &target.conflict;
            let path = &conflict.path;
            let settled = conflict.state == ConflictState::Settled;
            let refusal = target.refusal.clone().or_else(|| match results.get(path) {
                Some(Ok(())) => None,
                Some(Err(reason)) => Some(reason.clone()),
                // The clash copy that stays takes nothing to be done.
                None if settled && keep == Keep::Both => None,
                None => {
                    let at = path.display();
                    let told = run.problems.iter().find(|problem| problem.path == at);
                    let told = told.map(|problem| problem.error.clone());
                    Some(told.unwrap_or_else(|| "it was not tried: the run was stopped".to_owned()))
                }
            });
            if let Some(reason) = refusal {
                report.unresolved.push(Unresolved { path: path.display(), reason });
                continue;
            }
            let clash = clashes
                .get(path)
                .cloned()
                .or_else(|| conflict.clash_path.clone().filter(|_| settled && keep == Keep::Both));
            if settled || clash.is_none() {
                gone.push(ConflictChange::Remove(path.clone()));
            }
            let stands = conflict.newer.map(|newer| keep.side(newer).unwrap_or(newer).name().to_owned());
            report.resolved.push(Resolved {
                path: path.display(),
                rule: conflict.rule.clone(),
                keep: keep.name().to_owned(),
                stands,
                clash_path: clash.as_ref().map(RelPath::display),
                transitions: done.remove(path).unwrap_or_default(),
            });
        }
        if let Some(state) = self.state.as_ref().filter(|_| !gone.is_empty()) {
            state.commit(&Commit { conflicts: &gone, ..Commit::default() })?;
        }
        log_summary(&run);
        Ok(())
    }

    /// What a person's word means for the decision.
    fn guidance(&self, targets: &mut [Target], keep: Keep) -> Guidance {
        let mut guidance = Guidance::default();
        for target in targets {
            let conflict = &target.conflict;
            let Sides { left: Some(left), right: Some(right) } = &conflict.versions else {
                target.refusal = Some("the two versions are not on record".to_owned());
                continue;
            };
            let versions = Sides { left: left.entry, right: right.entry };
            match (conflict.state, conflict.newer, &conflict.clash_path) {
                (ConflictState::Open, _, _) => {
                    guidance.choices.insert(conflict.path.clone(), Choice { versions, keep });
                }
                (ConflictState::Settled, Some(newer), Some(clash)) => {
                    if let Some(keep) = keep.side(newer) {
                        let clash = self.equivalence().path_key(clash);
                        let second = Second { clash, newer, versions, keep };
                        guidance.seconds.insert(conflict.path.clone(), second);
                    }
                }
                (ConflictState::Settled, _, _) if keep == Keep::Both => {}
                (ConflictState::Settled, _, _) => {
                    target.refusal = Some(
                        "it was settled without a clash copy: the other version is in the trash".to_owned(),
                    );
                }
            }
        }
        guidance
    }

    /// Why a choice is not followed; none when the plan follows it.
    fn refusal(&self, target: &Target, guidance: &Guidance, seen: &Observation) -> Option<String> {
        let path = &target.conflict.path;
        let find = |path: &RelPath| -> Option<&Difference> {
            let all = &seen.comparison.differences;
            all.binary_search_by(|one| one.path.cmp(path)).ok().and_then(|at| all.get(at))
        };
        if let Some(second) = guidance.seconds.get(path) {
            let refusal = second.refusal(find(path), find(&second.clash), &self.terms.abilities);
            let planned = seen
                .plan
                .actions
                .iter()
                .any(|action| action.path == *path && action.forget.contains(&second.clash));
            return refusal.or((!planned).then_some(Refusal::NoConflict)).map(|why| why.to_string());
        }
        let choice = guidance.choices.get(path)?;
        if let Some(refusal) = choice.refusal(find(path)) {
            return Some(refusal.to_string());
        }
        if let Some(conflict) = seen.plan.conflicts.iter().find(|one| one.path == *path) {
            let dirs = conflict.versions.map(|entry| entry.is_dir());
            let waits = conflict.policy == ConflictPolicy::Notify;
            return waits.then(|| match (dirs.left, dirs.right) {
                (true, false) => Refusal::DirectoryInTheWay(Side::Right).to_string(),
                (false, true) => Refusal::DirectoryInTheWay(Side::Left).to_string(),
                _ => Refusal::NoConflict.to_string(),
            });
        }
        let blocked = seen.plan.blocked.iter().find(|one| self.equivalence().path_key(&one.path) == *path);
        Some(blocked.map_or_else(|| Refusal::NoConflict.to_string(), |one| one.trouble.to_string()))
    }
}
