//! How the program ends.

use std::fmt;

use anyhow::Error;
use sync_engine::config::ConfigError;
use sync_engine::{ErrorKind, SessionError, Verdict};

/// The exit codes. Scripts rely on them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Everything is in order.
    Clean,
    /// It finished, and a person should look.
    Look,
    /// What was asked for makes no sense.
    Usage,
    /// It cannot run now; it may later.
    TryAgain,
    /// A guard stopped it.
    Halted,
    /// A mistake of the program, or a broken system.
    Internal,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Look => 1,
            Self::Usage => 2,
            Self::TryAgain => 3,
            Self::Halted => 4,
            Self::Internal => 5,
        }
    }

    /// The word for it in machine output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Look => "look",
            Self::Usage => "usage",
            Self::TryAgain => "try-again",
            Self::Halted => "halted",
            Self::Internal => "internal",
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Clean => Self::Clean,
            Verdict::Look => Self::Look,
            Verdict::Halted => Self::Halted,
        }
    }
}

/// Why a command did not give its result.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// What was typed makes no sense.
    pub(crate) fn usage(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self { exit: Exit::Usage, error: Error::msg(message) }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let exit = match error.kind() {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::TryAgain => Exit::TryAgain,
            ErrorKind::Halted => Exit::Halted,
            _ => Exit::Internal,
        };
        Self::new(exit, error)
    }
}
