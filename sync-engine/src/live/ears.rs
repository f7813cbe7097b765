//! Hearing what happens on both sides.
//!
//! Owns [`Ears`]: each side is watched, or is looked at in turn and why; what is heard of either comes out of one
//! channel. Decides nothing about what is heard.

use std::sync::Arc;
use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, unbounded};
use sync_core::side::{Side, Sides};
use sync_replica::{News, ProblemKind, Tell, Watching};

use super::rolling::Rolling;
use crate::config::{Config, WatchMode};
use crate::control::Board;
use crate::error::SessionError;
use crate::session::Session;

/// News with the side it comes from.
pub(super) type Heard = (Side, News);

/// Both sides, listened to.
pub(super) struct Ears<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    session: &'env Session,
    modes: Sides<WatchMode>,
    /// How often active folders of a side are looked at that is not watched, and how many folders in a second.
    interval: Duration,
    per_second: u32,
    send: Sender<Heard>,
    news: Receiver<Heard>,
    watching: Sides<Option<Watching>>,
    /// The sides that are not watched, once everything was looked at.
    rolling: Sides<Option<Rolling>>,
    goes_round: bool,
    /// Where others read how each side is listened to.
    board: &'env Board,
}

impl<'scope, 'env> Ears<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        session: &'env Session,
        config: &Config,
        board: &'env Board,
    ) -> Self {
        let (send, news) = unbounded();
        Self {
            scope,
            session,
            modes: config.live.watch,
            interval: config.sync_interval,
            per_second: config.live.scan_per_second,
            send,
            news,
            watching: Sides { left: None, right: None },
            rolling: Sides { left: None, right: None },
            goes_round: false,
            board,
        }
    }

    /// Begins to listen to a side, as its mode says.
    pub(super) fn open(&mut self, side: Side) -> Result<(), SessionError> {
        if self.modes[side] == WatchMode::Off {
            self.look_at(side, "as the configuration says");
            return Ok(());
        }
        if self.modes[side] == WatchMode::Auto && !self.session.replicas[side].tells_everything() {
            self.close(side, "changes that others make there are not reported");
            return Ok(());
        }
        match self.session.replicas[side].watch(self.tell(side), Arc::clone(&self.session.filter)) {
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

    /// A side says that it tells nothing more, which it may say more than once.
    pub(super) fn ended(&mut self, side: Side, why: &str) {
        if self.watching[side].is_some() {
            self.close(side, why);
        }
    }

    /// A side is not watched, or no longer.
    fn close(&mut self, side: Side, why: &str) {
        self.watching[side] = None;
        log::warn!(
            operation = "watch", side = side.name(), error = why;
            "the {side} side is not watched: its folders are looked at in turn instead, {} in a second at most",
            self.per_second
        );
        self.look_at(side, why);
    }

    /// Everything was looked at: from now on it is enough to go round the sides that are not watched.
    pub(super) fn go_round(&mut self) {
        if !std::mem::replace(&mut self.goes_round, true) {
            for side in Side::BOTH {
                if self.watching[side].is_none() {
                    self.begin_round(side);
                }
            }
        }
    }

    fn look_at(&mut self, side: Side, why: &str) {
        self.board.watches(side, format!("looked at in turn: {why}"));
        if self.goes_round {
            self.begin_round(side);
        }
    }

    fn begin_round(&mut self, side: Side) {
        if self.rolling[side].is_none() {
            let (tell, pace) = (self.tell(side), self.per_second);
            self.rolling[side] =
                Some(Rolling::begin(self.scope, self.session, side, pace, self.interval, tell));
        }
    }

    /// What was told and nobody has listened to.
    pub(super) fn unheard(&self) -> Receiver<Heard> {
        self.news.clone()
    }

    fn tell(&self, side: Side) -> Tell {
        let send = self.send.clone();
        // The receiver is gone only when the session ended.
        Box::new(move |news| drop(send.send((side, news))))
    }

    /// Waits until something is heard or somebody calls, until that moment at the longest, and returns all that was
    /// heard.
    pub(super) fn listen<T>(&self, until: Instant, calls: &Receiver<T>) -> Vec<Heard> {
        if self.rolling.either(Option::is_some) {
            let rolling = self.rolling.as_ref().map(|side| side.as_ref().map(Rolling::report));
            self.board.write(|written| written.rolling = rolling);
        }
        let mut select = Select::new();
        select.recv(&self.news);
        select.recv(calls);
        // Whatever is ready is taken by whoever it is for.
        let _ = select.ready_deadline(until);
        self.news.try_iter().collect()
    }
}
