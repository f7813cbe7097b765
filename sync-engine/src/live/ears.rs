//! Hearing what happens on both sides.
//!
//! Owns [`Ears`]: each side is watched, or is not and why; what is heard of either comes out of one channel. Decides
//! nothing about what is heard.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use sync_core::side::{Side, Sides};
use sync_replica::{News, ProblemKind, Watching};

use crate::config::WatchMode;
use crate::error::SessionError;
use crate::session::Session;

/// News with the side it comes from.
pub(super) type Heard = (Side, News);

/// Both sides, listened to.
pub(super) struct Ears<'a> {
    session: &'a Session,
    modes: Sides<WatchMode>,
    /// How often a side is looked at that is not watched.
    interval: Duration,
    send: Sender<Heard>,
    news: Receiver<Heard>,
    /// A side that is not watched is looked at as a whole in every interval.
    watching: Sides<Option<Watching>>,
}

impl<'a> Ears<'a> {
    pub(super) fn new(session: &'a Session, modes: Sides<WatchMode>, interval: Duration) -> Self {
        let (send, news) = unbounded();
        Self { session, modes, interval, send, news, watching: Sides { left: None, right: None } }
    }

    /// Begins to listen to a side, as its mode says.
    pub(super) fn open(&mut self, side: Side) -> Result<(), SessionError> {
        if self.modes[side] == WatchMode::Off {
            return Ok(());
        }
        if self.modes[side] == WatchMode::Auto && !self.session.replicas[side].tells_everything() {
            self.close(side, "changes that others make there are not reported");
            return Ok(());
        }
        let send = self.send.clone();
        // The receiver is gone only when the session ended.
        let tell = Box::new(move |news| drop(send.send((side, news))));
        match self.session.replicas[side].watch(tell) {
            Ok(watching) => self.watching[side] = Some(watching),
            Err(problem) if self.modes[side] == WatchMode::On || problem.kind == ProblemKind::RootGone => {
                return Err(self.session.root_error(side, problem));
            }
            Err(problem) => self.close(side, &problem.explain()),
        }
        Ok(())
    }

    /// A side is not watched, or no longer.
    pub(super) fn close(&mut self, side: Side, why: &str) {
        self.watching[side] = None;
        log::warn!(
            operation = "watch", side = side.name(), error = why;
            "the {side} side is not watched: it is looked at every {} s instead", self.interval.as_secs()
        );
    }

    /// Whether both sides tell of what happens there.
    pub(super) fn hear_all(&self) -> bool {
        self.watching.both(Option::is_some)
    }

    /// Waits until something is heard, until that moment at the longest, and returns all there is.
    pub(super) fn listen(&self, until: Instant) -> Vec<Heard> {
        match self.news.recv_deadline(until) {
            Ok(first) => std::iter::once(first).chain(self.news.try_iter()).collect(),
            // `send` is a sender of its own.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Vec::new(),
        }
    }
}
