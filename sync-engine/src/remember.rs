//! The fourth step: remember.
//!
//! Owns the [`Ledger`]: it gathers what transitions found to be true and commits it in one transaction, always
//! after the replicas have made it durable. The baseline never claims what a power cut can take back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use sync_core::baseline::BaselineChange;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Conflict, Plan};
use sync_core::policy::ConflictPolicy;
use sync_core::side::{Side, Sides};
use sync_state::{
    Commit, ConflictChange, ConflictState, ConflictVersion, JournalRow, RunId, RunSummary, State, StateError,
    Tombstone, TrashEntry, TrashReason,
};

use crate::act::Outcome;
use crate::clock::now_ns;
use crate::report::ProblemReport;
use crate::session::Session;
use crate::underway::{NOTE, Underway};

/// What a run has done so far.
pub(crate) struct Ledger<'a> {
    session: &'a Session,
    state: &'a State,
    run: RunId,
    changes: Vec<BaselineChange>,
    tombstones: Vec<Tombstone>,
    rows: Vec<JournalRow>,
    trashed: Vec<TrashEntry>,
    underway: Underway,
    dirty: Sides<bool>,
    /// Something that was done is not remembered: the note of what was to be done has to stay as it is.
    forgetful: bool,
    last_commit: Instant,
    pub(crate) bytes: u64,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) problems: Vec<ProblemReport>,
    /// Key paths whose action was carried out whole.
    pub(crate) settled: BTreeSet<RelPath>,
    pub(crate) actions: u64,
    /// A commit that failed; nothing is committed after it.
    pub(crate) error: Option<StateError>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(session: &'a Session, state: &'a State, run: RunId, underway: Underway) -> Self {
        Self {
            session,
            state,
            run,
            changes: Vec::new(),
            tombstones: Vec::new(),
            rows: Vec::new(),
            trashed: Vec::new(),
            underway,
            dirty: Sides::default(),
            forgetful: false,
            last_commit: Instant::now(),
            bytes: 0,
            counts: BTreeMap::new(),
            problems: Vec::new(),
            settled: BTreeSet::new(),
            actions: 0,
            error: None,
        }
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
        }
        if outcome.ok && action.clash.is_some() || !outcome.gone.is_empty() {
            self.settled.insert(action.path.clone());
        }
        if outcome.ok {
            self.underway.keep(action);
        }
        if outcome.ok && action.transitions.is_empty() && action.rule == sync_core::matrix::Rule::Adopt {
            *self.counts.entry("ADOPT").or_default() += 1;
        }
        for (word, count) in &outcome.counts {
            *self.counts.entry(word).or_default() += count;
        }
        self.bytes += outcome.bytes;
        let now = now_ns();
        let run = Some(self.run);
        self.trashed.extend(outcome.trashed.drain(..).map(|(side, path, trashed, size)| TrashEntry {
            side,
            path,
            trashed,
            size,
            deleted_ns: now,
            run,
            reason: TrashReason::Deleted,
        }));
        let buried = outcome.gone.drain(..).map(|path| Tombstone { path, deleted_ns: now, run, last: None });
        self.tombstones.extend(buried);
        self.changes.append(&mut outcome.changes);
        self.rows.append(&mut outcome.rows);
        if self.last_commit.elapsed() >= self.session.commit_every {
            self.commit(&[], None);
        }
    }

    /// Makes both sides durable and remembers everything up to here.
    fn commit(&mut self, conflicts: &[ConflictChange], finish: Option<&RunSummary>) {
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
                self.changes.clear();
                self.tombstones.clear();
                self.forgetful = true;
            }
            self.dirty[side] = false;
        }
        let left_over = self.underway.note();
        let notes = [(NOTE, left_over.as_deref())];
        let commit = Commit {
            notes: if finish.is_some() && !self.forgetful { &notes } else { &[] },
            baseline: &self.changes,
            tombstones: &self.tombstones,
            run: Some(self.run),
            journal: &self.rows,
            finish,
            trashed: &self.trashed,
            conflicts,
            ..Commit::default()
        };
        if commit.is_empty() {
            return;
        }
        match self.state.commit(&commit) {
            Ok(()) => {
                self.changes.clear();
                self.tombstones.clear();
                self.rows.clear();
                self.trashed.clear();
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// The end of the run: the inbox, the summary, the last commit.
    pub(crate) fn close(&mut self, plan: &Plan, outcome: &str) -> Result<(), StateError> {
        let conflicts = inbox_changes(self.state, plan, &self.settled)?;
        let summary = RunSummary {
            finished_ns: now_ns(),
            outcome: outcome.to_owned(),
            bytes: self.bytes,
            counts: self.counts.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect(),
        };
        self.commit(&conflicts, Some(&summary));
        match self.error.take() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}

/// What changes in the inbox: conflicts that wait or were settled now, and those that settled themselves.
pub(crate) fn inbox_changes(
    state: &State,
    plan: &Plan,
    settled: &BTreeSet<RelPath>,
) -> Result<Vec<ConflictChange>, StateError> {
    let mut changes = Vec::new();
    let now = now_ns();
    let known = state.conflicts()?;
    let met: BTreeSet<&RelPath> = plan.conflicts.iter().map(|conflict| &conflict.path).collect();
    for conflict in &plan.conflicts {
        let before = known.iter().find(|before| before.path == conflict.path);
        let entry = inbox_entry(conflict, before, settled.contains(&conflict.path), now);
        if before.is_none_or(|before| differs(before, &entry)) {
            changes.push(ConflictChange::Put(entry));
        }
    }
    for before in known {
        if before.state == ConflictState::Open && !met.contains(&before.path) {
            changes.push(ConflictChange::Remove(before.path));
        }
    }
    Ok(changes)
}

/// Whether the inbox has to learn something: not for another look at the same two versions.
fn differs(before: &sync_state::Conflict, now: &sync_state::Conflict) -> bool {
    before.versions != now.versions
        || before.state != now.state
        || before.rule != now.rule
        || before.clash_path != now.clash_path
}

fn inbox_entry(
    conflict: &Conflict,
    before: Option<&sync_state::Conflict>,
    settled: bool,
    now: i64,
) -> sync_state::Conflict {
    let versions =
        conflict.versions.as_ref().map(|entry| Some(ConflictVersion { entry: *entry, digest: None }));
    let same = before.filter(|before| before.versions == versions);
    sync_state::Conflict {
        path: conflict.path.clone(),
        rule: conflict.rule.name().to_owned(),
        first_seen_ns: same.map_or(now, |before| before.first_seen_ns),
        last_seen_ns: now,
        versions,
        newer: Some(conflict.newer),
        state: if settled && conflict.policy != ConflictPolicy::Notify {
            ConflictState::Settled
        } else {
            ConflictState::Open
        },
        clash_path: conflict.clash_path.clone(),
        notified: same.is_some_and(|before| before.notified),
    }
}
