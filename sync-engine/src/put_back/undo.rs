//! Undoing a run: what the journal says it did, what is there now, and carrying out what follows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_core::undo::{Deed, Done, Found, Manner, Sight, Undoing, undo};
use sync_state::{JournalRow, RowResult, Run, RunId};

use super::nothing_else;
use crate::clock::Began;
use crate::error::SessionError;
use crate::remember::reach::NewRun;
use crate::report::{FORMAT, ProblemReport, SyncReport, TransitionReport, time, transitions};
use crate::session::Session;
use crate::watch::Watch;

/// How a run is undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UndoOptions {
    /// Where something else is at a path now, the old version is put beside it, under a name like that of a clash
    /// copy.
    pub keep_both: bool,
    /// Nothing is changed: the report says what would be.
    pub dry_run: bool,
}

/// What undoing a run takes, or what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UndoReport {
    /// The format of this document.
    pub format: u32,
    /// The run that is undone.
    pub undone: u64,
    /// What kind of run it was, such as `sync`.
    pub kind: String,
    /// When it started.
    pub started: String,
    /// Whether nothing was changed, since only the plan was asked for.
    pub dry_run: bool,
    /// The number of the undo itself, which can be undone; none when nothing was changed.
    pub run: Option<u64>,
    /// What is put back, in order.
    pub transitions: Vec<TransitionReport>,
    /// How many transitions of each action there are.
    pub counts: BTreeMap<String, u64>,
    /// What cannot be put back and stays as it is.
    pub left: Vec<LeftAlone>,
    /// How many things are as they were before already.
    pub already: u64,
    /// How many transitions of each action were made.
    pub done: BTreeMap<String, u64>,
    /// What failed when it was tried.
    pub problems: Vec<ProblemReport>,
    /// Whether it was stopped from outside.
    pub cancelled: bool,
    /// What a person should know besides.
    pub notices: Vec<String>,
}

impl UndoReport {
    /// Whether everything was put back, or would be, as far as that can be told before.
    pub fn is_whole(&self) -> bool {
        self.left.is_empty() && self.problems.is_empty() && !self.cancelled
    }
}

/// Something that an undo leaves as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LeftAlone {
    /// Where.
    pub path: String,
    /// On which side.
    pub side: String,
    /// `not-kept`, `purged`, `changed-since`, `taken`, `gone`, `not-recorded` or `unseen`.
    pub reason: String,
    /// The same in words.
    pub message: String,
}

/// The world as the session sees it.
struct Eyes<'a>(&'a Session);

impl Sight for Eyes<'_> {
    fn look(&self, side: Side, at: &RelPath) -> Found {
        match self.0.replicas[side].look(at) {
            Ok(None) => Found::Nothing,
            Ok(Some(entry)) => Found::Version(entry),
            Err(problem) => Found::Unseen(problem.explain().into()),
        }
    }

    fn in_trash(&self, side: Side, place: &RelPath) -> Option<Entry> {
        // What cannot be looked at cannot be put back now.
        self.0.replicas[side].look_in_trash(place).ok().flatten()
    }
}

/// What a row of the journal has done; none when it changed nothing.
fn done_by(row: JournalRow) -> Option<Done> {
    if row.result != RowResult::Done {
        return None;
    }
    Some(Done {
        deed: Deed::of(&row.action, row.to.is_some())?,
        side: row.side?,
        path: row.path,
        to: row.to,
        before: row.before,
        after: row.after,
        trashed: row.trashed,
    })
}

impl Session {
    /// Puts back what a run has overwritten, renamed, deleted or made, as far as the trash holds it and nothing
    /// changed since. Recorded as a run of kind `undo`, which can be undone.
    pub fn undo(
        &self,
        run: u64,
        options: &UndoOptions,
        watch: &dyn Watch,
    ) -> Result<UndoReport, SessionError> {
        self.ready()?;
        if !options.dry_run {
            self.recall_underway()?;
        }
        let (found, mut undoing) = self.what_undoes(run, options)?;
        undoing.plan.conflicts = Vec::new();
        let (transitions, counts) = transitions(&undoing.plan);
        let mut report = UndoReport {
            format: FORMAT,
            undone: run,
            kind: found.kind.clone(),
            started: time(found.started_ns),
            dry_run: options.dry_run,
            run: None,
            transitions,
            counts,
            left: undoing.left.iter().map(left_alone).collect(),
            already: undoing.already,
            done: BTreeMap::new(),
            problems: Vec::new(),
            cancelled: false,
            notices: self.notices.clone(),
        };
        if found.summary.is_none() {
            report.notices.push(format!(
                "run {run} was killed before its end: what it did last may not be in the journal; `bothways trash \
                 list` shows what it moved to the trash"
            ));
        }
        if options.dry_run || undoing.plan.actions.is_empty() {
            return Ok(report);
        }
        let began = Began::now();
        let mut acted = SyncReport::begin(began);
        let new = NewRun { kind: "undo", began, reach: nothing_else(), answers: Some(RunId(run)) };
        self.act(undoing.plan, &new, watch, &mut acted)?;
        report.run = acted.run;
        report.done = acted.done;
        report.problems = acted.problems;
        report.cancelled = acted.cancelled || acted.root_gone;
        Ok(report)
    }

    fn what_undoes(&self, run: u64, options: &UndoOptions) -> Result<(Run, Undoing), SessionError> {
        let missing = || SessionError::NoRun { run };
        let state = self.state.as_ref().ok_or_else(missing)?;
        let found = state.run(RunId(run))?.ok_or_else(missing)?;
        let mut done = Vec::new();
        for journaled in state.journal(RunId(run))? {
            done.extend(done_by(journaled?.row));
        }
        let manner = Manner {
            keep_both: options.keep_both,
            clash_name: &self.terms.policy.clash_name,
            equivalence: self.equivalence(),
        };
        Ok((found, undo(&done, &Eyes(self), &manner)))
    }
}

fn left_alone(left: &sync_core::undo::Left) -> LeftAlone {
    LeftAlone {
        path: left.path.display(),
        side: left.side.name().to_owned(),
        reason: left.why.id().to_owned(),
        message: left.why.describe(),
    }
}
