//! What machines read: the shapes behind `--json`.
//!
//! Owns the documents that a session returns. Field names are stable; each document has a JSON Schema. Paths are
//! shown as for people, with control characters and bytes that are no UTF-8 escaped. Times are RFC 3339 in UTC,
//! sizes are bytes, durations are milliseconds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::entry::{Attributes, Entry};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Blocked, Conflict, Plan, Transition};
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Totals;
use sync_replica::Problem;

use crate::act::Failure;
use crate::act::hold::Held;
use crate::act::room::Wants;
use crate::clock::Began;
use crate::halt::HaltReport;

/// The number of the formats in this module.
pub const FORMAT: u32 = 1;

/// Whether problems of a kind often pass by themselves: something was in use or on its way, and the next cycle looks again.
pub(crate) fn often_passes(kind: &str) -> bool {
    matches!(kind, "stale" | "in-use" | "changing" | "not-found" | "exists" | "not-empty")
}

/// One version as a person or a machine can compare it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VersionReport {
    /// `file`, `directory` or `link`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// When its content last changed.
    pub mtime: String,
    /// Permission bits in octal, or Windows attributes in hexadecimal; none where the side holds none.
    pub attributes: Option<String>,
}

impl From<&Entry> for VersionReport {
    fn from(entry: &Entry) -> Self {
        Self {
            kind: entry.kind.name().to_owned(),
            size: entry.size,
            mtime: time(entry.mtime_ns),
            attributes: match entry.attributes {
                Attributes::NotHeld => None,
                Attributes::Unix(mode) => Some(format!("{mode:04o}")),
                Attributes::Windows(bits) => Some(format!("{bits:#x}")),
            },
        }
    }
}

/// One transition of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TransitionReport {
    /// Such as `COPY_LEFT_TO_RIGHT`.
    pub action: String,
    /// Such as `changed-left`.
    pub rule: String,
    /// Such as `6.2.3`; none where the requirements are silent.
    pub requirement: Option<String>,
    /// Where.
    pub path: String,
    /// The other path of a rename or a clash copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Bytes of the content concerned.
    pub size: u64,
    /// The side that is changed; none when neither is.
    pub side: Option<String>,
    /// The version that must be there for the transition to be made; none where nothing may be there.
    pub expect: Option<VersionReport>,
}

/// A conflict that was settled or that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConflictReport {
    /// Where.
    pub path: String,
    /// Such as `both-changed`.
    pub rule: String,
    /// Such as `6.2.1`.
    pub requirement: Option<String>,
    /// `clash`, `notify` or `newer`.
    pub policy: String,
    /// The side with the newer version.
    pub newer: String,
    /// Where the older version is kept.
    pub clash_path: Option<String>,
    /// The left version.
    pub left: VersionReport,
    /// The right version.
    pub right: VersionReport,
}

impl From<&Conflict> for ConflictReport {
    fn from(conflict: &Conflict) -> Self {
        Self {
            path: conflict.shown.display(),
            rule: conflict.rule.name().to_owned(),
            requirement: conflict.rule.requirement().map(ToOwned::to_owned),
            policy: conflict.policy.name().to_owned(),
            newer: conflict.newer.name().to_owned(),
            clash_path: conflict.clash_path.as_ref().map(RelPath::display),
            left: (&conflict.versions.left).into(),
            right: (&conflict.versions.right).into(),
        }
    }
}

/// A failure at one path. The rest of the work went on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProblemReport {
    /// Where; the empty path is the root.
    pub path: String,
    /// On which side.
    pub side: String,
    /// What was being done, such as `scan` or `copy`.
    pub operation: String,
    /// What kind of failure, such as `permission-denied`.
    pub kind: String,
    /// What happened, and where it helps what to do.
    pub error: String,
}

impl ProblemReport {
    pub(crate) fn of_failure(action: &Action, failure: &Failure) -> Self {
        let path = if failure.problem.path.is_root() { &action.path } else { &failure.problem.path };
        Self { path: path.display(), ..Self::of_side(failure.side, &failure.problem) }
    }

    pub(crate) fn of_side(side: Side, problem: &Problem) -> Self {
        Self {
            path: problem.path.display(),
            side: side.name().to_owned(),
            operation: problem.operation.name().to_owned(),
            kind: problem.kind.id().to_owned(),
            error: problem.explain(),
        }
    }
}

impl From<&Blocked> for ProblemReport {
    fn from(blocked: &Blocked) -> Self {
        Self {
            path: blocked.path.display(),
            side: blocked.side.name().to_owned(),
            operation: "scan".to_owned(),
            kind: blocked.trouble.reason.id().to_owned(),
            error: blocked.trouble.to_string(),
        }
    }
}

/// What a side holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SideReport {
    /// Regular files and links.
    pub files: u64,
    /// Directories below the root.
    pub dirs: u64,
    /// Bytes of all regular files.
    pub bytes: u64,
}

impl From<Totals> for SideReport {
    fn from(totals: Totals) -> Self {
        Self { files: totals.files + totals.links, dirs: totals.dirs, bytes: totals.bytes }
    }
}

/// What would happen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// The format of this document.
    pub format: u32,
    /// The left root.
    pub left_root: String,
    /// The right root.
    pub right_root: String,
    /// What the left side holds.
    pub left: SideReport,
    /// What the right side holds.
    pub right: SideReport,
    /// In the order in which they would be made.
    pub transitions: Vec<TransitionReport>,
    /// Conflicts that would be settled, or that wait.
    pub conflicts: Vec<ConflictReport>,
    /// What cannot be dealt with now.
    pub problems: Vec<ProblemReport>,
    /// Why nothing would be touched without approval.
    pub halt: Option<HaltReport>,
    /// How many transitions of each action there are.
    pub counts: BTreeMap<String, u64>,
    /// Bytes that would be copied.
    pub bytes: u64,
    /// What a person should know besides.
    pub notices: Vec<String>,
    /// How long the scan took.
    pub scan_ms: u64,
    /// How long deciding took, digests included.
    pub decide_ms: u64,
}

/// What one run did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SyncReport {
    /// The run's number in the journal; none when there was nothing to do and nothing to record.
    pub run: Option<u64>,
    /// When it started.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// What the left side held when it was scanned.
    pub left: SideReport,
    /// What the right side held when it was scanned.
    pub right: SideReport,
    /// How many transitions of each action were made.
    pub done: BTreeMap<String, u64>,
    /// Bytes that were copied.
    pub bytes_copied: u64,
    /// Conflicts that were settled, or that wait.
    pub conflicts: Vec<ConflictReport>,
    /// What could not be dealt with.
    pub problems: Vec<ProblemReport>,
    /// Actions that were planned and not tried: the run was stopped, or a root went away.
    pub left_undone: u64,
    /// Actions that a live session does later: large files on their way, files that are being written, a backlog.
    pub waiting: u64,
    /// The same, closely.
    #[serde(skip)]
    pub(crate) held: Vec<Held>,
    /// The large copies among what was not done.
    #[serde(skip)]
    pub(crate) wants: Wants,
    /// Where problems stand, with the key paths beside it that are to be looked at to try again what failed.
    #[serde(skip)]
    pub(crate) ties: Vec<(RelPath, BTreeSet<RelPath>)>,
    /// Whether the run was stopped from outside.
    pub cancelled: bool,
    /// Whether a root went away in the middle.
    pub root_gone: bool,
    /// Why nothing was touched.
    pub halt: Option<HaltReport>,
    /// What a person should know besides.
    pub notices: Vec<String>,
    /// How long the scan took.
    pub scan_ms: u64,
    /// How long deciding took, digests included.
    pub decide_ms: u64,
    /// How long acting and remembering took.
    pub act_ms: u64,
}

impl SyncReport {
    /// A run that has begun and has done nothing yet.
    pub(crate) fn begin(began: Began) -> Self {
        Self {
            run: None,
            started: time(began.ns),
            finished: String::new(),
            left: SideReport::default(),
            right: SideReport::default(),
            done: BTreeMap::new(),
            bytes_copied: 0,
            conflicts: Vec::new(),
            problems: Vec::new(),
            left_undone: 0,
            waiting: 0,
            held: Vec::new(),
            wants: Wants::default(),
            ties: Vec::new(),
            cancelled: false,
            root_gone: false,
            halt: None,
            notices: Vec::new(),
            scan_ms: 0,
            decide_ms: 0,
            act_ms: 0,
        }
    }

    /// Whether nobody needs to look at anything.
    pub fn is_clean(&self) -> bool {
        let all_done = self.left_undone == 0 && !self.cancelled && !self.root_gone;
        self.conflicts.is_empty() && self.problems.is_empty() && self.halt.is_none() && all_done
    }
}

/// What lies on both sides, counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScanReport {
    /// The left root.
    pub left_root: String,
    /// The right root.
    pub right_root: String,
    /// On the left.
    pub left: SideReport,
    /// On the right.
    pub right: SideReport,
    /// On the left alone.
    pub only_left: SideReport,
    /// On the right alone.
    pub only_right: SideReport,
    /// On both sides; bytes are those of the left.
    pub both: SideReport,
    /// Names that the filters hide, on both sides together.
    pub ignored: u64,
    /// What could not be read.
    pub problems: Vec<ProblemReport>,
    /// How long it took.
    pub scan_ms: u64,
}

/// Why a path is treated as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExplainReport {
    /// The path.
    pub path: String,
    /// What both sides last agreed on, as each side has it on record.
    pub baseline: Option<Versions>,
    /// What each side shows now.
    pub now: Versions,
    /// The states that follow.
    pub left_state: String,
    /// The states that follow.
    pub right_state: String,
    /// The rule that applies.
    pub rule: String,
    /// The requirement's number.
    pub requirement: Option<String>,
    /// What the policy makes of it, where the rule offers a choice.
    pub policy: Option<String>,
    /// What will happen here, in order.
    pub transitions: Vec<TransitionReport>,
    /// The conflict here.
    pub conflict: Option<ConflictReport>,
    /// What stands in the way.
    pub problems: Vec<ProblemReport>,
    /// When the path was deleted on both sides, where that is remembered.
    pub deleted: Option<String>,
    /// All of it in one sentence.
    pub verdict: String,
    /// Why nothing would be touched at all without approval.
    pub halt: Option<HaltReport>,
}

/// One version per side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// The left one.
    pub left: Option<VersionReport>,
    /// The right one.
    pub right: Option<VersionReport>,
}

impl From<Sides<Option<VersionReport>>> for Versions {
    fn from(sides: Sides<Option<VersionReport>>) -> Self {
        Self { left: sides.left, right: sides.right }
    }
}

/// RFC 3339 in UTC, with as many decimals as there are.
pub(crate) fn time(ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| format!("{ns} ns"), |time| time.to_string())
}

/// A path at which nothing is to be done, for a plan that lists everything.
pub(crate) fn nothing_at(path: &RelPath) -> TransitionReport {
    TransitionReport {
        action: "NOOP".to_owned(),
        rule: Rule::Unchanged.name().to_owned(),
        requirement: None,
        path: path.display(),
        to: None,
        size: 0,
        side: None,
        expect: None,
    }
}

/// The transitions of one action, for a plan. An action that only teaches the baseline something is an `ADOPT`.
pub(crate) fn transitions_of(action: &Action) -> Vec<TransitionReport> {
    let base = |word: &str| TransitionReport {
        action: word.to_owned(),
        rule: action.rule.name().to_owned(),
        requirement: action.rule.requirement().map(ToOwned::to_owned),
        ..nothing_at(&action.path)
    };
    if action.transitions.is_empty() {
        return match action.rule {
            Rule::Adopt => vec![base("ADOPT")],
            _ => Vec::new(),
        };
    }
    let shown = |transition: &Transition| TransitionReport {
        path: transition.path().display(),
        to: transition.to().map(RelPath::display),
        size: match transition {
            Transition::Copy { source, .. } => source.size,
            Transition::PutBack { version, .. } => version.size,
            other => other.expect().map_or(0, |entry| entry.size),
        },
        side: Some(transition.side().name().to_owned()),
        expect: transition.expect().map(Into::into),
        ..base(action.word(transition))
    };
    action.transitions.iter().map(shown).collect()
}

/// All transitions of a plan and how many of each action there are.
pub(crate) fn transitions(plan: &Plan) -> (Vec<TransitionReport>, BTreeMap<String, u64>) {
    let all: Vec<_> = plan.actions.iter().flat_map(transitions_of).collect();
    let mut counts = BTreeMap::new();
    for one in &all {
        *counts.entry(one.action.clone()).or_default() += 1;
    }
    (all, counts)
}
