//! The fourth step: remember.
//!
//! Owns the [`Ledger`]: it gathers what transitions found to be true and commits it in one transaction, always
//! after the replicas have made it durable. The baseline never claims what a power cut can take back. What a run
//! teaches the inbox and the standing problems is in `inbox` and `standing`; how much it may say at all, in `reach`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use sync_core::baseline::BaselineChange;
use sync_core::fold::Equivalence;
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Plan};
use sync_core::side::{Side, Sides};
use sync_state::{
    Checked, Commit, ConflictChange, ConflictState, JournalRow, ProblemChange, RowResult, RunId, RunSummary,
    State, StateError, Tombstone, TrashEntry, TrashReason,
};

use crate::act::Outcome;
use crate::clock::now_ns;
use crate::put_back::{Onward, forget_trashing, onward_after};
use crate::report::ProblemReport;
use crate::session::Session;
use crate::underway::{NOTE, Underway};

pub(crate) mod checked;
mod inbox;
pub(crate) mod reach;
mod standing;

use checked::Left;
use inbox::Settling;
use reach::{NewRun, Reach};
use standing::{Looked, Met};

/// What is remembered at the end of a run alone.
struct LastWords<'a> {
    plan: &'a Plan,
    reach: &'a Reach,
    summary: &'a RunSummary,
    undone: Undone,
}

/// Actions that were not tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Undone {
    /// Of this run.
    here: u64,
    /// For the whole pair, where that is known: a live session knows what it has left for later.
    in_all: Option<u64>,
}

/// What a run has done so far.
pub(crate) struct Ledger<'a> {
    session: &'a Session,
    state: &'a State,
    run: RunId,
    changes: Vec<BaselineChange>,
    tombstones: Vec<Tombstone>,
    rows: Vec<JournalRow>,
    trashed: Vec<TrashEntry>,
    untrashed: Vec<TrashEntry>,
    underway: Underway,
    dirty: Sides<bool>,
    /// Something that was done is not remembered: the note of what was to be done has to stay as it is.
    forgetful: bool,
    last_commit: Instant,
    pub(crate) bytes: u64,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) problems: Vec<ProblemReport>,
    met: Met,
    settling: Settling,
    /// Key paths where a conflict waits and no action has been carried out yet.
    waiting: BTreeSet<RelPath>,
    pub(crate) actions: u64,
    /// What was left, once that is known.
    undone: Undone,
    /// Actions that put something back on one side alone.
    onward: u64,
    /// A commit that failed; nothing is committed after it.
    pub(crate) error: Option<StateError>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(
        session: &'a Session,
        state: &'a State,
        run: RunId,
        plan: &Plan,
        underway: Underway,
    ) -> Result<Self, StateError> {
        let open = state.conflicts()?.into_iter().filter(|one| one.state == ConflictState::Open);
        Ok(Self {
            session,
            state,
            run,
            changes: Vec::new(),
            tombstones: Vec::new(),
            rows: Vec::new(),
            trashed: Vec::new(),
            untrashed: Vec::new(),
            underway,
            dirty: Sides::default(),
            forgetful: false,
            last_commit: Instant::now(),
            bytes: 0,
            counts: BTreeMap::new(),
            problems: Vec::new(),
            met: Met::of(plan),
            settling: Settling::default(),
            waiting: open.map(|one| one.path).collect(),
            actions: 0,
            undone: Undone::default(),
            onward: 0,
            error: None,
        })
    }

    /// Takes note of one action.
    pub(crate) fn enter(&mut self, action: &Action, mut outcome: Outcome) {
        self.actions += 1;
        for transition in &action.transitions {
            self.dirty[transition.side()] = true;
        }
        if let Some(failure) = &outcome.failure {
            log::warn!(
                run = self.run.0, operation = "error", rule = action.rule.name(),
                side = failure.side.name(), path:% = action.path, result = "failed",
                error:% = failure.problem.explain();
                "{}", failure.problem
            );
            self.problems.push(ProblemReport::of_failure(action, failure));
            self.met.failure(action, failure);
        }
        if outcome.ok && action.clash.is_some() || !outcome.gone.is_empty() {
            self.settling.settled.insert(action.path.clone());
        }
        if matches!(action.rule, Rule::Undone | Rule::Restored) {
            self.onward += u64::from(outcome.rows.iter().any(|row| row.result == RowResult::Done));
        }
        if outcome.ok {
            self.underway.keep(action);
            self.waiting.remove(&action.path);
        }
        if outcome.ok && action.transitions.is_empty() && action.rule == Rule::Adopt {
            *self.counts.entry("ADOPT").or_default() += 1;
        }
        for (word, count) in &outcome.counts {
            *self.counts.entry(word).or_default() += count;
        }
        self.bytes += outcome.bytes;
        let now = now_ns();
        let run = Some(self.run);
        self.trashed.extend(outcome.trashed.drain(..).map(|one| TrashEntry {
            side: one.side,
            path: one.path,
            trashed: one.place,
            size: one.size,
            deleted_ns: now,
            run,
            reason: one.reason,
        }));
        self.untrashed.extend(outcome.untrashed.drain(..).map(|(side, path, trashed)| TrashEntry {
            side,
            path,
            trashed,
            size: 0,
            deleted_ns: now,
            run,
            reason: TrashReason::Deleted,
        }));
        let buried = outcome.gone.drain(..).map(|path| Tombstone { path, deleted_ns: now, run, last: None });
        self.tombstones.extend(buried);
        self.changes.append(&mut outcome.changes);
        self.rows.append(&mut outcome.rows);
        if self.last_commit.elapsed() >= self.session.commit_every {
            self.commit(None);
        }
    }

    /// Makes both sides durable and remembers everything up to here.
    fn commit(&mut self, last: Option<&LastWords<'_>>) {
        self.last_commit = Instant::now();
        if self.error.is_some() {
            return;
        }
        // What is remembered speaks of both sides: also of what a run before this one did and a killed process could
        // not flush any more, and of what the users wrote a moment ago.
        if !self.changes.is_empty() || !self.tombstones.is_empty() {
            self.dirty = Sides { left: true, right: true };
        }
        for side in Side::BOTH {
            if !self.dirty[side] {
                continue;
            }
            if let Err(problem) = self.session.replicas[side].flush() {
                log::error!(
                    run = self.run.0, operation = "error", side = side.name(), error:% = problem.explain();
                    "the {side} side could not be made durable: nothing of this step is remembered"
                );
                self.problems.push(ProblemReport::of_side(side, &problem));
                self.met.side(side, &problem);
                self.changes.clear();
                self.tombstones.clear();
                self.forgetful = true;
            }
            self.dirty[side] = false;
        }
        let left_over = self.underway.note();
        let onward = match last {
            Some(last) => onward_after(self.state, last.reach, self.onward, last.undone.here),
            None => Ok(None),
        };
        let onward = match onward {
            Ok(onward) => onward,
            Err(error) => {
                self.error = Some(error);
                return;
            }
        };
        let mut notes: Vec<_> = onward.iter().map(Onward::note).collect();
        if !self.forgetful {
            notes.extend([(NOTE, left_over.as_deref()), forget_trashing()]);
        }
        let mut commit = Commit {
            baseline: &self.changes,
            tombstones: &self.tombstones,
            run: Some(self.run),
            journal: &self.rows,
            trashed: &self.trashed,
            untrashed: &self.untrashed,
            ..Commit::default()
        };
        let found;
        if let Some(last) = last {
            commit.finish = Some(last.summary);
            commit.notes = &notes;
            let looked = Looked {
                reach: last.reach,
                equivalence: self.session.equivalence(),
                tried_all: last.undone.here == 0,
                recorded: true,
            };
            // A failure to make a side durable, just now, is among what was met.
            match Findings::of(self.state, last.plan, &self.settling, &self.met, looked, last.undone) {
                Ok(findings) => found = findings,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
            commit.conflicts = &found.conflicts;
            commit.problems = &found.problems;
            commit.checked = found.checked.as_ref();
        }
        if commit.is_empty() {
            return;
        }
        match self.state.commit(&commit) {
            Ok(()) => {
                self.changes.clear();
                self.tombstones.clear();
                self.rows.clear();
                self.trashed.clear();
                self.untrashed.clear();
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Takes note of what the run did not come to, `held` actions on purpose, and says how much that is beside these:
    /// while the plan has its actions. `waiting` is what waits for the whole pair, where that is known, with the held ones.
    pub(crate) fn leaves(&mut self, plan: &Plan, held: u64, waiting: Option<u64>) -> u64 {
        let planned = plan.actions.iter().filter(|action| self.waiting.contains(&action.path));
        self.settling.undone = planned.map(|action| action.path.clone()).collect();
        let here = (plan.actions.len() as u64).saturating_sub(self.actions);
        let stopped = here.saturating_sub(held);
        // What a stop has kept from being tried waits as well, though no session knows of it any more.
        self.undone = Undone { here, in_all: waiting.map(|waiting| waiting.saturating_add(stopped)) };
        stopped
    }

    /// The end of the run: the inbox, the standing problems, the summary, the last commit. Of the plan it needs
    /// everything but the actions.
    pub(crate) fn close(&mut self, plan: &Plan, run: &NewRun<'_>, outcome: &str) -> Result<(), StateError> {
        let summary = RunSummary {
            finished_ns: run.began.ended_ns(),
            outcome: outcome.to_owned(),
            bytes: self.bytes,
            counts: self.counts.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect(),
        };
        let (reach, undone) = (&run.reach, self.undone);
        self.commit(Some(&LastWords { plan, reach, summary: &summary, undone }));
        match self.error.take() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}

/// A look after which nothing is done: no run is recorded, only what the look found. Whatever the plan would do is left
/// for later; `in_all` is what waits for the whole pair, where that is known.
pub(crate) fn quiet(
    state: &State,
    equivalence: Equivalence,
    plan: &Plan,
    reach: &Reach,
    in_all: Option<u64>,
) -> Result<(), StateError> {
    let undone = Undone { here: plan.actions.len() as u64, in_all };
    let looked = Looked { reach, equivalence, tried_all: undone.here == 0, recorded: false };
    let settling = Settling {
        undone: plan.actions.iter().map(|action| action.path.clone()).collect(),
        ..Settling::default()
    };
    let found = Findings::of(state, plan, &settling, &Met::of(plan), looked, undone)?;
    let onward = onward_after(state, reach, 0, undone.here)?;
    let notes: Vec<_> = onward.iter().map(Onward::note).collect();
    state.commit(&Commit {
        notes: &notes,
        conflicts: &found.conflicts,
        problems: &found.problems,
        checked: found.checked.as_ref(),
        ..Commit::default()
    })
}

/// What a look at the pair, or at a part of it, teaches the inbox and the standing problems.
struct Findings {
    conflicts: Vec<ConflictChange>,
    problems: Vec<ProblemChange>,
    checked: Option<Checked>,
}

impl Findings {
    fn of(
        state: &State,
        plan: &Plan,
        settling: &Settling,
        met: &Met,
        looked: Looked<'_>,
        undone: Undone,
    ) -> Result<Self, StateError> {
        let now = now_ns();
        let (conflicts, open) = inbox::changes(&state.conflicts()?, plan, looked.reach, settling, now);
        let (problems, standing) = standing::changes(state.problems()?, met, looked, now);
        let left = Left { conflicts: open, problems: standing, undone };
        let before = state.checked()?;
        let checked = checked::after(before.clone(), looked.reach, left, now);
        // A part that is as it was is no news.
        Ok(Self { conflicts, problems, checked: checked.filter(|checked| before.as_ref() != Some(checked)) })
    }
}
