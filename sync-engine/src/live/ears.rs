//! Hearing what happens on both sides.
//!
//! Owns [`Ears`]: each side is watched, or is not and why; what is heard of either comes out of one channel. Decides
//! nothing about what is heard.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, unbounded};
use sync_core::side::{Side, Sides};
use sync_replica::{News, ProblemKind, Watching};

use crate::config::WatchMode;
use crate::control::Board;
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
    /// Where others read how each side is listened to.
    board: &'a Board,
}

impl<'a> Ears<'a> {
    pub(super) fn new(
        session: &'a Session,
        modes: Sides<WatchMode>,
        interval: Duration,
        board: &'a Board,
    ) -> Self {
        let (send, news) = unbounded();
        Self { session, modes, interval, send, news, watching: Sides { left: None, right: None }, board }
    }

    /// Begins to listen to a side, as its mode says.
    pub(super) fn open(&mut self, side: Side) -> Result<(), SessionError> {
        if self.modes[side] == WatchMode::Off {
            self.board.watches(side, self.looked_at("as the configuration says"));
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
            Ok(watching) => {
                self.watching[side] = Some(watching);
                self.board.watches(side, "watched");
            }
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
        self.board.watches(side, self.looked_at(why));
        log::warn!(
            operation = "watch", side = side.name(), error = why;
            "the {side} side is not watched: it is looked at every {} s instead", self.interval.as_secs()
        );
    }

    fn looked_at(&self, why: &str) -> String {
        format!("looked at every {} s: {why}", self.interval.as_secs())
    }

    /// Whether both sides tell of what happens there.
    pub(super) fn hear_all(&self) -> bool {
        self.watching.both(Option::is_some)
    }

    /// Waits until something is heard or somebody calls, until that moment at the longest, and returns all that was
    /// heard.
    pub(super) fn listen<T>(&self, until: Instant, calls: &Receiver<T>) -> Vec<Heard> {
        let mut select = Select::new();
        select.recv(&self.news);
        select.recv(calls);
        // Whatever is ready is taken by whoever it is for.
        let _ = select.ready_deadline(until);
        self.news.try_iter().collect()
    }
}
