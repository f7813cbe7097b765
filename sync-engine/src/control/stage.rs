//! Where requests and the session meet.
//!
//! Owns [`Stage`]: the session that is open right now, if one is, the calls that wait for the loop, and the board. A
//! root that goes away takes the session with it; the stage stays, and so do those who wait.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use sync_state::State;

use super::board::Board;
use super::call::Call;
use super::request::{Answer, Needs, Request, carry_out, from_records};
use crate::error::SessionError;
use crate::records::Running;
use crate::session::Session;
use crate::watch::Silent;

/// How long the end of a session waits for those who still read from it.
const READERS: Duration = Duration::from_secs(1);

/// What the loop and those who serve share.
pub(crate) struct Stage {
    /// Where the state is kept.
    folder: PathBuf,
    /// Held while a session is opened, so that nobody else opens its state for looking in between.
    session: Mutex<Option<Arc<Session>>>,
    calls: Sender<Call>,
    pub(crate) board: Board,
}

impl Stage {
    /// A stage, and where calls come out.
    pub(crate) fn new(folder: PathBuf) -> (Arc<Self>, Receiver<Call>) {
        let (calls, come) = unbounded();
        (Arc::new(Self { folder, session: Mutex::new(None), calls, board: Board::new() }), come)
    }

    /// Opens a session, which is there for all until [`Stage::leave`].
    pub(crate) fn enter(
        &self,
        open: impl FnOnce() -> Result<Session, SessionError>,
    ) -> Result<Arc<Session>, SessionError> {
        let mut here = self.session();
        let session = Arc::new(open()?);
        *here = Some(Arc::clone(&session));
        self.board.waits(None);
        Ok(session)
    }

    /// The session ends. Those who still read from it are waited for, but not for ever; those who come now wait until
    /// it has given back its state.
    pub(crate) fn leave(&self, session: Arc<Session>) {
        let mut here = self.session();
        *here = None;
        let until = Instant::now() + READERS;
        while Arc::strong_count(&session) > 1 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(session);
    }

    /// A call waits for its turn. When the loop has ended, whoever waits for it is told so.
    pub(super) fn queue(&self, call: Call) {
        let _ = self.calls.send(call);
    }

    /// Answers a call beside the loop. One that needs roots waits for the loop where there are none.
    pub(super) fn answer(&self, call: Call) {
        if call.request().needs() == Needs::Looking && self.session().is_none() {
            return self.queue(call);
        }
        let outcome = self.outcome(call.request());
        call.reply(outcome);
    }

    fn outcome(&self, request: &Request) -> Result<Answer, SessionError> {
        match request {
            Request::Pause | Request::Resume => {
                log::info!(operation = "control", request = request.word(); "asked to {}", request.word());
                return Ok(self.board.pause(matches!(request, Request::Pause)).into());
            }
            _ => {}
        }
        let here = self.session();
        let answer = match here.clone() {
            Some(session) => {
                drop(here);
                carry_out(&session, request, &Silent)?
            }
            // Nobody has the state now, and nobody gets it as long as this one looks.
            None => {
                let state = State::open_existing(&self.folder)?.map(|opened| opened.state);
                from_records(state.as_ref(), &Running::default(), request)?
            }
        };
        Ok(match answer {
            Answer::Status(mut status) => {
                status.live = Some(self.board.report());
                // Nobody needs to begin what has begun.
                status.needs_person &= !status.is_unknown();
                status.into()
            }
            other => other,
        })
    }

    fn session(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
