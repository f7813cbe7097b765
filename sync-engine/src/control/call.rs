//! A request on its way through a running session.
//!
//! Owns [`Call`], which waits for its turn in the loop, and how far it is, which the connection asks for meanwhile. A
//! call whose client has left is not begun, and ends at its next safe point when it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::request::{Answer, Refusal, Request, carry_out};
use super::wire::Progress;
use crate::error::SessionError;
use crate::session::Session;
use crate::watch::{Phase, Watch};

/// How far a call is, shared by the loop and the connection.
#[derive(Debug, Default)]
pub(super) struct Way {
    cancelled: AtomicBool,
    progress: Mutex<Option<Progress>>,
}

impl Way {
    /// It shall end at its next safe point.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// How far it is; none while it waits for its turn.
    pub(super) fn progress(&self) -> Option<Progress> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(self.progress.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
    }
}

/// What came of a call.
pub(super) type Outcome = Result<Answer, Refusal>;

/// A request that waits for its turn.
#[derive(Debug)]
pub(crate) struct Call {
    request: Request,
    way: Arc<Way>,
    reply: Sender<Outcome>,
}

impl Call {
    /// A call, and where its outcome comes out.
    pub(super) fn new(request: Request) -> (Self, Arc<Way>, Receiver<Outcome>) {
        let (reply, outcome) = bounded(1);
        let way = Arc::new(Way::default());
        (Self { request, way: Arc::clone(&way), reply }, way, outcome)
    }

    /// What is asked for.
    pub(crate) const fn request(&self) -> &Request {
        &self.request
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.way.cancelled.load(Ordering::Relaxed)
    }

    /// Carries it out on an open session, which may end it too.
    pub(crate) fn carry_out(self, session: &Session, own: &dyn Watch) {
        let outcome = carry_out(session, &self.request, &self.watch(own));
        self.reply(outcome);
    }

    /// Follows the call, and ends it when its client or the session wants to end.
    pub(crate) fn watch<'a>(&'a self, own: &'a dyn Watch) -> impl Watch + use<'a> {
        self.way.change(|_| {});
        Followed { way: &self.way, own }
    }

    /// Says why it is not carried out.
    pub(crate) fn refuse(self, why: &SessionError) {
        let _ = self.reply.send(Err(why.into()));
    }

    /// Says what came of it. A client that has left misses nothing.
    pub(crate) fn reply(self, outcome: Result<Answer, SessionError>) {
        let _ = self.reply.send(outcome.map_err(|error| Refusal::from(&error)));
    }
}

struct Followed<'a> {
    way: &'a Way,
    own: &'a dyn Watch,
}

impl Watch for Followed<'_> {
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        self.way.change(|progress| {
            *progress = Progress {
                phase: Some(phase),
                phases: progress.phases + 1,
                all_count: count,
                all_bytes: bytes,
                count: 0,
                bytes: 0,
            };
        });
    }

    fn advance(&self, count: u64, bytes: u64) {
        self.way.change(|progress| {
            progress.count = progress.count.saturating_add(count);
            progress.bytes = progress.bytes.saturating_add(bytes);
        });
    }

    fn is_cancelled(&self) -> bool {
        self.own.is_cancelled() || self.way.cancelled.load(Ordering::Relaxed)
    }
}
