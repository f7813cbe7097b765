//! Why a session could not do its work.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sync_core::side::Side;
use sync_replica::{Problem, ProblemKind};
use sync_state::StateError;

use crate::halt::HaltReport;

/// What a caller can do about an error.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for makes no sense.
    Usage,
    /// It may work later: a root is away, another session runs.
    TryAgain,
    /// A guard stopped it; a person must look.
    Halted,
    /// Anything else.
    Internal,
}

/// A failure of the whole session. Failures at single paths are data in its report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A root could not be used.
    #[error("the {side} root `{}` cannot be used: {source}", root.display())]
    Root {
        /// Which.
        side: Side,
        /// The root.
        root: PathBuf,
        /// What happened.
        source: Problem,
    },
    /// The state could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A pattern of `[ignore]` makes no sense.
    #[error("the ignore rules cannot be used: {0}")]
    Ignore(#[from] sync_fs::IgnoreError),
    /// A guard stopped the session before it began.
    #[error("{}", .0.message)]
    Halted(HaltReport),
    /// A path lies in neither root.
    #[error("`{path}` is no path below either root: {reason}")]
    Path {
        /// What was asked for.
        path: String,
        /// Why not.
        reason: String,
    },
    /// There is no conflict at a path.
    #[error("there is no conflict at `{path}`")]
    NoConflict {
        /// What was asked for.
        path: String,
    },
    /// There is no such run, or it is no longer remembered.
    #[error("there is no run {run} in the journal")]
    NoRun {
        /// The number that was asked for.
        run: u64,
    },
    /// A plan file cannot be used.
    #[error(transparent)]
    PlanFile(#[from] crate::desk::PlanFileError),
    /// Only a running session can be asked for it, and none runs.
    #[error("no session of this pair is running")]
    NotRunning,
    /// A running session that was asked does not do it.
    #[error(transparent)]
    Refused(Box<crate::control::Refusal>),
    /// A running session cannot be talked to.
    #[error(transparent)]
    Wire(#[from] crate::control::WireError),
    /// The work was stopped from outside before anything was decided.
    #[error("stopped before anything was changed")]
    Cancelled,
}

impl SessionError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Root { source, .. } => match source.kind {
                ProblemKind::RootGone
                | ProblemKind::NotFound
                | ProblemKind::Io
                | ProblemKind::PermissionDenied
                | ProblemKind::NoSpace
                | ProblemKind::InUse => ErrorKind::TryAgain,
                _ => ErrorKind::Internal,
            },
            Self::State(StateError::Locked { .. } | StateError::Full { .. } | StateError::Io { .. })
            | Self::NotRunning
            | Self::Wire(_)
            | Self::Cancelled => ErrorKind::TryAgain,
            Self::Refused(refusal) => refusal.kind,
            Self::State(_) => ErrorKind::Internal,
            Self::Ignore(_)
            | Self::Path { .. }
            | Self::NoConflict { .. }
            | Self::NoRun { .. }
            | Self::PlanFile(_) => ErrorKind::Usage,
            Self::Halted(_) => ErrorKind::Halted,
        }
    }
}
