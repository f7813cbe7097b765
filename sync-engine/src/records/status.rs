//! How a pair stands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::side::Sides;
use sync_state::{Conflict, ConflictState, Halted, Run, StandingProblem, StateError};

use super::{Records, RunReport};
use crate::alerts::{AlertsReport, alerts_report};
use crate::clock::now_ns;
use crate::control::LiveReport;
use crate::put_back::waiting_onward;
use crate::report::{FORMAT, VersionReport, often_passes, time};

const HOUR_NS: i64 = 3600 * 1_000_000_000;

/// How a pair stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// The format of this document.
    pub format: u32,
    /// The left root; none before the first sync.
    pub left_root: Option<String>,
    /// The right root; none before the first sync.
    pub right_root: Option<String>,
    /// Both sides were the same when they were last looked at, and nothing waits.
    pub in_sync: bool,
    /// Since when this has been so; none before the first sync, and where no look has told.
    pub since: Option<String>,
    /// When the whole pair was last looked at.
    pub checked: Option<String>,
    /// Whether a person should do something: decide a conflict, look at a problem, approve a halt, go on with what was
    /// left undone, or make the first sync.
    pub needs_person: bool,
    /// The guard that stopped the last sync.
    pub halt: Option<HaltStanding>,
    /// Actions that the last run planned and did not come to.
    pub left_undone: u64,
    /// Things that `undo` or `trash restore` put back on one side and the next sync carries to the other.
    pub put_back: u64,
    /// The last run; none when none was recorded.
    pub last_run: Option<RunReport>,
    /// Conflicts that wait.
    pub conflicts: Vec<WaitingConflict>,
    /// What could not be dealt with, and since when.
    pub problems: Vec<ProblemStanding>,
    /// What was done lately.
    pub recent: RecentReport,
    /// What lies in the trash.
    pub trash: TrashReport,
    /// Messages to a person that wait for delivery, and what stands in their way.
    pub alerts: AlertsReport,
    /// The session that runs; none when none does.
    pub live: Option<LiveReport>,
}

/// A guard that stopped the last sync.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HaltStanding {
    /// A stable identifier, such as `too-many-changes`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// The side concerned, where it is one.
    pub side: Option<String>,
    /// What approving it does; none where it cannot be approved.
    pub approval: Option<String>,
    /// When it stopped a run for the first time.
    pub since: String,
    /// The run that was recorded for it.
    pub run: Option<u64>,
}

/// A conflict that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WaitingConflict {
    /// Where.
    pub path: String,
    /// Such as `both-changed`.
    pub rule: String,
    /// Such as `6.2.1`.
    pub requirement: Option<String>,
    /// Since when it waits.
    pub since: String,
    /// The side with the newer version, where one is newer.
    pub newer: Option<String>,
    /// The left version.
    pub left: Option<VersionReport>,
    /// The right version.
    pub right: Option<VersionReport>,
}

/// A problem that stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProblemStanding {
    /// Where; the empty path is the root.
    pub path: String,
    /// On which side.
    pub side: String,
    /// What was being done, such as `scan` or `copy`.
    pub operation: String,
    /// What kind of problem, such as `permission-denied`.
    pub kind: String,
    /// What happened, and where it helps what to do.
    pub error: String,
    /// When it was first met.
    pub since: String,
    /// How many recorded runs have met it.
    pub times: u64,
    /// It usually passes by itself: a program has the file open, or it changed meanwhile.
    pub passing: bool,
}

/// What was done lately.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RecentReport {
    /// So many hours back.
    pub hours: u32,
    /// How many runs ended since then.
    pub runs: u64,
    /// How many transitions of each action they made.
    pub done: BTreeMap<String, u64>,
    /// Bytes that they copied.
    pub bytes_copied: u64,
}

/// What lies in the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrashReport {
    /// On the left.
    pub left: TrashSideReport,
    /// On the right.
    pub right: TrashSideReport,
}

/// What lies in one side's trash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TrashSideReport {
    /// Versions.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the oldest of them went there.
    pub oldest: Option<String>,
}

impl StatusReport {
    /// How a pair stands that was never synced.
    pub fn never_synced(hours: u32) -> Self {
        let none = TrashSideReport::default;
        Self {
            format: FORMAT,
            left_root: None,
            right_root: None,
            in_sync: false,
            since: None,
            checked: None,
            needs_person: true,
            halt: None,
            left_undone: 0,
            put_back: 0,
            last_run: None,
            conflicts: Vec::new(),
            problems: Vec::new(),
            recent: RecentReport { hours, runs: 0, done: BTreeMap::new(), bytes_copied: 0 },
            trash: TrashReport { left: none(), right: none() },
            alerts: AlertsReport::default(),
            live: None,
        }
    }
}

impl StatusReport {
    /// Whether nothing is known of the pair yet: it was never looked at, and no run was recorded.
    pub fn is_unknown(&self) -> bool {
        self.checked.is_none() && self.last_run.is_none() && self.halt.is_none()
    }
}

impl From<Halted> for HaltStanding {
    fn from(halted: Halted) -> Self {
        Self {
            reason: halted.reason,
            message: halted.message,
            side: halted.side.map(|side| side.name().to_owned()),
            approval: halted.approval,
            since: time(halted.since_ns),
            run: halted.run.map(|run| run.0),
        }
    }
}

impl From<&Conflict> for WaitingConflict {
    fn from(conflict: &Conflict) -> Self {
        let version = conflict
            .versions
            .as_ref()
            .map(|version| version.as_ref().map(|version| VersionReport::from(&version.entry)));
        Self {
            path: conflict.path.display(),
            requirement: Rule::named(&conflict.rule).and_then(Rule::requirement).map(ToOwned::to_owned),
            rule: conflict.rule.clone(),
            since: time(conflict.first_seen_ns),
            newer: conflict.newer.map(|side| side.name().to_owned()),
            left: version.left,
            right: version.right,
        }
    }
}

impl From<StandingProblem> for ProblemStanding {
    fn from(problem: StandingProblem) -> Self {
        Self {
            path: RelPath::display(&problem.id.path),
            side: problem.id.side.name().to_owned(),
            passing: often_passes(&problem.id.kind),
            operation: problem.id.operation.into(),
            kind: problem.id.kind.into(),
            error: problem.error,
            since: time(problem.first_seen_ns),
            times: problem.times,
        }
    }
}

impl Records<'_> {
    /// How the pair stands, and what was done in the last `hours`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn status(&self, hours: u32) -> Result<StatusReport, StateError> {
        let pair = self.state.pair()?;
        let checked = self.state.checked()?;
        let open = self.state.conflicts()?;
        let conflicts: Vec<WaitingConflict> =
            open.iter().filter(|one| one.state == ConflictState::Open).map(WaitingConflict::from).collect();
        let problems: Vec<ProblemStanding> =
            self.state.problems()?.into_iter().map(ProblemStanding::from).collect();
        let last_run = self.state.runs(.., 1)?.first().map(|run| self.report(run));
        let halt = checked.as_ref().and_then(|checked| checked.halted.clone());
        let left_undone = checked.as_ref().map_or(0, |checked| checked.left_undone);
        let waits = !conflicts.is_empty() || !problems.is_empty() || halt.is_some() || left_undone > 0;
        let put_back = waiting_onward(self.state)?;
        let cut_short = last_run.as_ref().is_some_and(|run| run.outcome == "cut-short");
        let running = last_run.as_ref().is_some_and(|run| run.outcome == "running");
        let roots = pair.map(|pair| pair.roots.map(Some)).unwrap_or_default();
        let in_sync = checked.as_ref().is_some_and(|checked| checked.in_sync)
            && !waits
            && put_back == 0
            && !cut_short
            && !running;
        // What the last look found says nothing of when it ceased to be so.
        let since = checked.as_ref().filter(|checked| checked.in_sync == in_sync);
        Ok(StatusReport {
            format: FORMAT,
            left_root: roots.left,
            right_root: roots.right,
            in_sync,
            since: since.map(|checked| time(checked.since_ns)),
            needs_person: waits || cut_short || checked.is_none() && !running,
            checked: checked.map(|checked| time(checked.at_ns)),
            halt: halt.map(HaltStanding::from),
            left_undone,
            put_back,
            last_run,
            conflicts,
            problems,
            recent: self.recent(hours)?,
            trash: self.trash()?,
            alerts: alerts_report(self.state)?,
            live: None,
        })
    }

    fn recent(&self, hours: u32) -> Result<RecentReport, StateError> {
        let from = now_ns().saturating_sub(i64::from(hours).saturating_mul(HOUR_NS));
        let mut runs: Vec<Run> = self.state.runs(from.., usize::MAX)?;
        // Of those that started earlier only the last can have ended since: one runs at a time.
        runs.extend(self.state.runs(..from, 1)?);
        let mut recent = RecentReport { hours, runs: 0, done: BTreeMap::new(), bytes_copied: 0 };
        for summary in runs.into_iter().filter_map(|run| run.summary) {
            if summary.finished_ns < from {
                continue;
            }
            recent.runs += 1;
            recent.bytes_copied = recent.bytes_copied.saturating_add(summary.bytes);
            for (word, count) in summary.counts {
                *recent.done.entry(word).or_default() += count;
            }
        }
        Ok(recent)
    }

    fn trash(&self) -> Result<TrashReport, StateError> {
        let mut sides: Sides<(TrashSideReport, Option<i64>)> = Sides::default();
        for entry in self.state.trash()? {
            let (side, oldest) = &mut sides[entry.side];
            side.files += 1;
            side.bytes = side.bytes.saturating_add(entry.size);
            *oldest = Some(oldest.map_or(entry.deleted_ns, |oldest| oldest.min(entry.deleted_ns)));
        }
        let sides = sides.map(|(side, oldest)| TrashSideReport { oldest: oldest.map(time), ..side });
        Ok(TrashReport { left: sides.left, right: sides.right })
    }
}
