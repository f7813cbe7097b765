//! What can be asked of a pair, and the one place where it is carried out.
//!
//! Owns [`Request`], [`Answer`] and [`Refusal`], and [`carry_out`], which serves a command that opened the session
//! itself and a running session alike. Holds no rule: each request is one call of a session or of its records.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::guidance::Keep;
use sync_state::{State, StateError};

use super::words;
use crate::SyncOptions;
use crate::desk::{
    ConflictList, ConflictView, PlanFile, PlannedReport, ResolveReport, ResyncReport, ReviewedPlan, Which,
};
use crate::error::{ErrorKind, SessionError};
use crate::halt::HaltReport;
use crate::put_back::{
    PurgeReport, RestoreOptions, RestoreReport, TrashFilter, TrashList, UndoOptions, UndoReport,
};
use crate::records::{HistoryQuery, HistoryReport, Records, RunDetails, Running, StatusReport};
use crate::report::{ExplainReport, FORMAT, PlanReport, ScanReport, SyncReport};
use crate::session::Session;
use crate::watch::Watch;

/// Something that a person or a program asks of a pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Request {
    /// How the pair stands, and what was done in so many hours.
    Status {
        /// How far back.
        hours: u32,
    },
    /// Recorded runs.
    History(HistoryQuery),
    /// One recorded run with what it did.
    Run {
        /// Its number.
        run: u64,
        /// Which of its rows.
        query: HistoryQuery,
    },
    /// The inbox.
    Conflicts {
        /// Also what is settled.
        all: bool,
    },
    /// One conflict closely.
    Conflict {
        /// Relative to the roots, or in one of them.
        path: OsString,
    },
    /// Settling conflicts.
    Resolve {
        /// Which.
        which: Which,
        /// What stays.
        #[serde(with = "words::keep")]
        keep: Keep,
    },
    /// A look by content.
    Resync {
        /// Relative to the roots, or in one of them.
        paths: Vec<OsString>,
    },
    /// Taking a run back.
    Undo {
        /// Its number.
        run: u64,
        /// How.
        options: UndoOptions,
    },
    /// What lies in the trash.
    Trash(TrashFilter),
    /// Taking things back from the trash.
    Restore(RestoreOptions),
    /// Dropping things from the trash for good.
    Purge {
        /// Which.
        filter: TrashFilter,
        /// Only what has been there for longer than it is kept.
        expired: bool,
        /// Nothing is dropped.
        dry_run: bool,
    },
    /// What a sync would do.
    Plan {
        /// Also paths at which nothing would be done.
        all: bool,
    },
    /// The same with a file to review.
    PlanToReview {
        /// Also paths at which nothing would be done.
        all: bool,
    },
    /// Counts of both sides.
    Scan,
    /// Why a path is treated as it is.
    Explain {
        /// Relative to the roots, or in one of them.
        path: OsString,
    },
    /// One whole cycle.
    Sync {
        /// Lets a plan through that a guard would stop.
        approve: bool,
    },
    /// One cycle that does no more than a reviewed plan allows.
    SyncReviewed {
        /// The plan.
        plan: ReviewedPlan,
        /// Lets a plan through that a guard would stop.
        approve: bool,
    },
    /// A running session makes no cycles until it is told to go on.
    Pause,
    /// It goes on.
    Resume,
}

/// What it takes to carry a request out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// The records alone: no root is touched.
    Records,
    /// Both roots, for looking.
    Looking,
    /// Both roots, for changing something.
    Acting,
    /// A session that runs.
    Running,
}

impl Request {
    /// What it takes to carry it out.
    pub const fn needs(&self) -> Needs {
        match self {
            Self::Status { .. } | Self::History(_) | Self::Run { .. } | Self::Conflicts { .. } => {
                Needs::Records
            }
            Self::Conflict { .. }
            | Self::Trash(_)
            | Self::Plan { .. }
            | Self::PlanToReview { .. }
            | Self::Scan
            | Self::Explain { .. } => Needs::Looking,
            Self::Undo { options, .. } if options.dry_run => Needs::Looking,
            Self::Restore(options) if options.dry_run => Needs::Looking,
            Self::Purge { dry_run: true, .. } => Needs::Looking,
            Self::Resolve { .. }
            | Self::Resync { .. }
            | Self::Undo { .. }
            | Self::Restore(_)
            | Self::Purge { .. }
            | Self::Sync { .. }
            | Self::SyncReviewed { .. } => Needs::Acting,
            Self::Pause | Self::Resume => Needs::Running,
        }
    }

    /// A word for it, for the log.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::History(_) | Self::Run { .. } => "history",
            Self::Conflicts { .. } => "conflicts",
            Self::Conflict { .. } => "conflicts show",
            Self::Resolve { .. } => "conflicts resolve",
            Self::Resync { .. } => "resync",
            Self::Undo { .. } => "undo",
            Self::Trash(_) => "trash list",
            Self::Restore(_) => "trash restore",
            Self::Purge { .. } => "trash purge",
            Self::Plan { .. } | Self::PlanToReview { .. } => "plan",
            Self::Scan => "scan",
            Self::Explain { .. } => "explain",
            Self::Sync { approve: false } => "sync",
            Self::Sync { approve: true } => "sync --approve",
            Self::SyncReviewed { .. } => "sync --plan",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// Whether it lets through what a guard would stop.
    pub(crate) const fn approves(&self) -> bool {
        matches!(self, Self::Sync { approve: true } | Self::SyncReviewed { approve: true, .. })
    }

    /// Whether a running session answers at once, also in the middle of a cycle.
    pub(crate) const fn is_at_once(&self) -> bool {
        matches!(self.needs(), Needs::Records | Needs::Running) || matches!(self, Self::Trash(_))
    }
}

/// Whether cycles are made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PauseReport {
    /// The format of this document.
    pub format: u32,
    /// Whether the session is paused now.
    pub paused: bool,
    /// Since when; none when it is not paused.
    pub since: Option<String>,
    /// Whether it was otherwise before.
    pub changed: bool,
    /// Whether a cycle was under way, which goes to its end.
    pub busy: bool,
}

macro_rules! answers {
    ($($name:ident($report:ty),)*) => {
        /// What came of a request.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each is named as its request, and its report is documented")]
        pub enum Answer {
            $($name($report),)*
        }

        $(
            impl From<$report> for Answer {
                fn from(report: $report) -> Self {
                    Self::$name(report)
                }
            }

            impl TryFrom<Answer> for $report {
                type Error = SessionError;

                fn try_from(answer: Answer) -> Result<Self, SessionError> {
                    match answer {
                        Answer::$name(report) => Ok(report),
                        _ => Err(super::WireError::OtherAnswer.into()),
                    }
                }
            }
        )*
    };
}

answers! {
    Status(StatusReport),
    History(HistoryReport),
    Run(Option<RunDetails>),
    Conflicts(ConflictList),
    Conflict(ConflictView),
    Resolve(ResolveReport),
    Resync(ResyncReport),
    Undo(UndoReport),
    Trash(TrashList),
    Restore(RestoreReport),
    Purge(PurgeReport),
    Plan(PlanReport),
    PlanToReview((PlanReport, PlanFile)),
    Scan(ScanReport),
    Explain(ExplainReport),
    Sync(SyncReport),
    SyncReviewed(PlannedReport),
    Paused(PauseReport),
}

/// Carries a request out on an open session.
///
/// # Errors
/// As the session's own method for it. [`Request::Pause`] and [`Request::Resume`] are for sessions that run.
pub fn carry_out(session: &Session, request: &Request, watch: &dyn Watch) -> Result<Answer, SessionError> {
    Ok(match request {
        Request::Status { .. } | Request::History(_) | Request::Run { .. } | Request::Conflicts { .. } => {
            return from_records(session.state.as_ref(), &session.running, request);
        }
        Request::Conflict { path } => session.conflict(Path::new(path), watch)?.into(),
        Request::Resolve { which, keep } => session.resolve(which, *keep, watch)?.into(),
        Request::Resync { paths } => {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            session.resync(&paths, watch)?.into()
        }
        Request::Undo { run, options } => session.undo(*run, options, watch)?.into(),
        Request::Trash(filter) => session.trash(filter)?.into(),
        Request::Restore(options) => session.restore_from_trash(options, watch)?.into(),
        Request::Purge { filter, expired, dry_run } => {
            session.purge_trash(filter, *expired, *dry_run)?.into()
        }
        Request::Plan { all } => session.plan(*all, watch)?.into(),
        Request::PlanToReview { all } => session.plan_to_review(*all, watch)?.into(),
        Request::Scan => session.scan(watch)?.into(),
        Request::Explain { path } => session.explain(Path::new(path), watch)?.into(),
        Request::Sync { approve } => session.sync(&SyncOptions { approve: *approve }, watch)?.into(),
        Request::SyncReviewed { plan, approve } => {
            session.sync_reviewed(plan, &SyncOptions { approve: *approve }, watch)?.into()
        }
        Request::Pause | Request::Resume => return Err(SessionError::NotRunning),
    })
}

/// Answers from the records alone. Without a state, the pair was never synced.
pub(crate) fn from_records(
    state: Option<&State>,
    running: &Running,
    request: &Request,
) -> Result<Answer, SessionError> {
    fn ask<T>(
        state: Option<&State>,
        running: &Running,
        never: T,
        question: impl FnMut(Records<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        match state {
            Some(state) => running.ask(state, question),
            None => Ok(never),
        }
    }
    Ok(match request {
        Request::Status { hours } => {
            let never = StatusReport::never_synced(*hours);
            ask(state, running, never, |records| records.status(*hours))?.into()
        }
        Request::History(query) => {
            let never = HistoryReport { format: FORMAT, runs: Vec::new(), more: false };
            ask(state, running, never, |records| records.history(query))?.into()
        }
        Request::Run { run, query } => ask(state, running, None, |records| records.run(*run, query))?.into(),
        Request::Conflicts { all } => match state {
            Some(state) => ConflictList::of(state, *all)?.into(),
            None => ConflictList::none().into(),
        },
        _ => return Err(super::WireError::OtherAnswer.into()),
    })
}

/// Why a running session does not do what it was asked for: an error, as far as it travels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What can be done about it.
    pub kind: ErrorKind,
    /// What happened.
    pub message: String,
    /// What it is about.
    pub about: About,
}

/// What an error is about, for advice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum About {
    /// A root.
    Root {
        /// `left` or `right`.
        side: String,
        /// Where it is.
        root: String,
        /// The number of the system's error, where there was one.
        #[serde(default)]
        errno: Option<i32>,
    },
    /// A guard.
    Halt(HaltReport),
    /// The state.
    State,
    /// A wish to stop.
    Stop,
    /// Nothing in particular.
    Other,
}

impl From<&SessionError> for Refusal {
    fn from(error: &SessionError) -> Self {
        Self { kind: error.kind(), message: error.to_string(), about: error.about() }
    }
}

impl From<Refusal> for SessionError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl SessionError {
    /// What it is about.
    pub fn about(&self) -> About {
        match self {
            Self::Root { side, root, source } => About::Root {
                side: side.name().to_owned(),
                root: root.display().to_string(),
                errno: source.source.as_ref().and_then(std::io::Error::raw_os_error),
            },
            Self::Halted(halt) => About::Halt(halt.clone()),
            Self::State(_) => About::State,
            Self::Cancelled => About::Stop,
            Self::Refused(refusal) => refusal.about.clone(),
            _ => About::Other,
        }
    }
}
