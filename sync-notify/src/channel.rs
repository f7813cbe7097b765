//! The way out.
//!
//! Owns the trait [`Channel`] and what can go wrong on any of them.

use std::time::Instant;

use crate::letter::Letter;
use crate::plain::plain;
use crate::secret::SecretError;

/// One way to a person.
pub trait Channel: Send + Sync {
    /// A stable word for it: letters that wait are kept under it.
    fn name(&self) -> &'static str;

    /// Where it leads, for people: no secret is in it.
    fn place(&self) -> String;

    /// Delivers a letter, or gives up at `deadline`.
    ///
    /// # Errors
    /// Why it was not delivered. Where the line broke after everything was said, it may have been all the same; the
    /// letter's id is the same at the next try, so that a receiver can tell.
    fn deliver(&self, letter: &Letter, deadline: Instant) -> Result<Delivered, DeliveryError>;
}

/// What came of a delivery that succeeded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delivered {
    /// What the other end said.
    pub answer: String,
    /// Recipients that were refused although others were not, each with the reason.
    pub refused: Vec<(String, String)>,
}

/// Why a letter was not delivered, in words that say what to look at.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// A setting makes no sense.
    #[error("{0}")]
    Settings(String),
    /// There is no such host.
    #[error(
        "the name `{host}` was not found ({reason}): check the host's spelling and this machine's name service"
    )]
    NameNotFound {
        /// The host.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// Nobody answers there.
    #[error("no connection to {server} ({reason}): check the port, a firewall, and whether the server runs")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// Nothing was said in time.
    #[error(
        "{server} did not answer in time while {doing}: is it a server of this kind, and is TLS set as it expects?"
    )]
    Silent {
        /// Host and port.
        server: String,
        /// What was waited for.
        doing: &'static str,
    },
    /// The line broke.
    #[error("{server} broke the connection while {doing} ({reason})")]
    Broken {
        /// Host and port.
        server: String,
        /// What was under way.
        doing: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The connection could not be protected.
    #[error("TLS with {server} failed: {reason}")]
    Tls {
        /// Host and port.
        server: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The login was refused.
    #[error("`{host}` refused the login of `{user}`: {answer}; check user name and password or token")]
    Login {
        /// The host.
        host: String,
        /// As whom.
        user: String,
        /// What the server said.
        answer: String,
    },
    /// Every recipient was refused.
    #[error("every recipient was refused: {}", list(.refused))]
    Recipients {
        /// Each with the reason.
        refused: Vec<(String, String)>,
        /// Whether every refusal was for good.
        permanent: bool,
    },
    /// The other end did not take it.
    #[error("`{host}` refused {what}: {answer}")]
    Refused {
        /// The host.
        host: String,
        /// What was refused.
        what: &'static str,
        /// What it said.
        answer: String,
        /// Whether it was meant for good.
        permanent: bool,
    },
    /// A program could not be run, or failed.
    #[error("the command `{program}` {reason}")]
    Command {
        /// The program.
        program: String,
        /// What happened.
        reason: String,
    },
}

fn list(refused: &[(String, String)]) -> String {
    refused.iter().map(|(who, why)| format!("{} ({})", plain(who), plain(why))).collect::<Vec<_>>().join(", ")
}

impl DeliveryError {
    /// Whether trying again soon is of no use: somebody has to change something first.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Settings(_) | Self::Secret(_) | Self::Login { .. } => true,
            Self::Recipients { permanent, .. } | Self::Refused { permanent, .. } => *permanent,
            _ => false,
        }
    }

    /// Whether another letter may well get through: the trouble is with this one.
    pub fn is_about_the_letter(&self) -> bool {
        matches!(self, Self::Refused { what: "the message", permanent: true, .. })
    }
}
