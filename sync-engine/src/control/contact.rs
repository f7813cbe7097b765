//! Whoever answers for a pair: a running session, or this program itself.
//!
//! Owns [`Contact`]. A session that runs is always asked, since it holds the state; where none runs, the same requests
//! are carried out here, by the same code.

use std::path::Path;
use std::time::Duration;

use sync_state::{State, StateError};

use super::client::{Caller, Client};
use super::request::{Answer, Needs, Request, carry_out, from_records};
use super::wire::WireError;
use crate::config::Config;
use crate::error::SessionError;
use crate::records::{Running, open_records};
use crate::session::{Session, SessionOptions, state_dir};

/// How long the end of a sync may wait for alerts to be delivered; what is not, waits for the next one.
const DELIVERY: Duration = Duration::from_secs(20);

/// Somebody who can be asked about a pair.
pub enum Contact {
    /// A session of this program.
    Session(Box<Session>),
    /// The records alone; none when the pair was never synced.
    Records(Option<State>),
    /// A session that runs.
    Running(Client),
}

impl Contact {
    /// Whoever can do what `needs` says: the session that runs, or else one that is opened here.
    ///
    /// # Errors
    /// As [`Session::open`]; [`SessionError::NotRunning`] where only a running session would do.
    pub fn open(config: &Config, options: &SessionOptions, needs: Needs) -> Result<Self, SessionError> {
        let folder = state_dir(config, options);
        if let Some(client) = running(config, &folder)? {
            return Ok(Self::Running(client));
        }
        let opened = match needs {
            Needs::Records => open_records(config, options).map(Self::Records),
            Needs::Looking | Needs::Acting => {
                Session::open(config, options).map(|session| Self::Session(Box::new(session)))
            }
            Needs::Running => Err(SessionError::NotRunning),
        };
        match opened {
            // One may have begun to run a moment ago.
            Err(SessionError::State(StateError::Locked { .. })) => match running(config, &folder)? {
                Some(client) => Ok(Self::Running(client)),
                None => opened,
            },
            other => other,
        }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// As [`carry_out`] and [`Client::ask`].
    pub fn ask(&self, request: &Request, caller: &dyn Caller) -> Result<Answer, SessionError> {
        match self {
            Self::Session(session) => carry_out(session, request, &Follow(caller)),
            Self::Records(state) => from_records(state.as_ref(), &Running::default(), request),
            Self::Running(client) => client.ask(request, caller),
        }
    }

    /// What is due once a sync has ended, however it did: alerts go out, and the state is tidied. Nobody who wants to
    /// stop waits for it. A running session sees to that itself.
    pub fn finish(&self, is_stopped: bool) {
        let Some(session) = self.session() else { return };
        session.deliver_alerts(if is_stopped { Duration::ZERO } else { DELIVERY });
        if !is_stopped {
            session.tidy();
        }
    }

    /// The session, where it is one of this program.
    pub const fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }
}

/// The session that runs, if it is one of the two folders that are meant.
fn running(config: &Config, folder: &Path) -> Result<Option<Client>, SessionError> {
    let Some(client) = Client::find(folder)? else { return Ok(None) };
    let meant = [&config.roots.left, &config.roots.right];
    let theirs = client.roots().map(|(left, right)| [left, right]);
    for (theirs, meant) in theirs.into_iter().flatten().zip(meant) {
        // A root that is away is neither the same nor another one.
        if let (Ok(there), Ok(here)) = (theirs.canonicalize(), meant.canonicalize())
            && there != here
        {
            let [left, right] = client.roots().map_or_else(Default::default, |(left, right)| {
                [left, right].map(|root| root.display().to_string())
            });
            return Err(WireError::OtherPair { left, right }.into());
        }
    }
    Ok(Some(client))
}

/// A caller as a session sees it.
struct Follow<'a>(&'a dyn Caller);

impl crate::watch::Watch for Follow<'_> {
    fn begin(&self, phase: crate::watch::Phase, count: Option<u64>, bytes: Option<u64>) {
        self.0.begin(phase, count, bytes);
    }

    fn advance(&self, count: u64, bytes: u64) {
        self.0.advance(count, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
