//! Hearing what happens on both sides.
//!
//! Owns [`Ears`]: each side is watched, or is looked at in turn and why; what is heard of either comes out of one
//! channel. A side that could not be watched, or no longer, is tried again from time to time. Decides nothing about what
//! is heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, unbounded};
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_replica::{News, Problem, ProblemKind, Tell, Watching};

use super::rolling::Rolling;
use crate::config::{Config, WatchMode};
use crate::control::Board;
use crate::error::SessionError;
use crate::session::Session;

/// The first pause before it is tried again to watch a side, and the longest.
const AGAIN_FIRST: Duration = Duration::from_secs(10);
const AGAIN_LONGEST: Duration = Duration::from_mins(5);

/// News with the side it comes from.
pub(super) type Heard = (Side, News);

/// A side that is watched.
struct Watched {
    _watching: Watching,
    /// Whether it has said that it tells nothing more.
    is_over: Arc<AtomicBool>,
    since: Instant,
}

/// A side that is to be watched and cannot be, for now.
#[derive(Clone, Copy)]
struct Lost {
    /// When it was found so last.
    since: Instant,
    pause: Duration,
    /// Somebody is trying.
    is_tried: bool,
}

impl Lost {
    fn again_at(&self) -> Instant {
        self.since + self.pause
    }
}

/// What came of trying to watch a side again.
struct Tried {
    side: Side,
    is_over: Arc<AtomicBool>,
    outcome: Result<Watching, Problem>,
}

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
    watching: Sides<Option<Watched>>,
    lost: Sides<Option<Lost>>,
    /// How long the pause was when each side was lost last.
    pauses: Sides<Duration>,
    send_tried: Sender<Tried>,
    tried: Receiver<Tried>,
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
        let (send_tried, tried) = unbounded();
        Self {
            scope,
            session,
            modes: config.live.watch,
            interval: config.sync_interval,
            per_second: config.live.scan_per_second,
            send,
            news,
            watching: Sides { left: None, right: None },
            lost: Sides { left: None, right: None },
            pauses: Sides { left: Duration::ZERO, right: Duration::ZERO },
            send_tried,
            tried,
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
        let (tell, is_over) = self.tell_until_it_is_over(side);
        match self.session.replicas[side].watch(tell, Arc::clone(&self.session.filter)) {
            Ok(watching) => self.is_watched(side, watching, is_over),
            Err(problem) if self.modes[side] == WatchMode::On || problem.kind == ProblemKind::RootGone => {
                return Err(self.session.root_error(side, problem));
            }
            Err(problem) => self.lose(side, &problem.explain()),
        }
        Ok(())
    }

    /// A side says that it tells nothing more, which it may say more than once, and late.
    pub(super) fn ended(&mut self, side: Side, why: &str) {
        if self.watching[side].as_ref().is_some_and(|watched| watched.is_over.load(Ordering::Relaxed)) {
            self.lose(side, why);
        }
    }

    fn is_watched(&mut self, side: Side, watching: Watching, is_over: Arc<AtomicBool>) {
        self.watching[side] = Some(Watched { _watching: watching, is_over, since: Instant::now() });
        self.board.watches(side, "watched");
    }

    /// A side cannot be watched for now. One that is lost again soon is tried again later.
    fn lose(&mut self, side: Side, why: &str) {
        let lasted = |watched: &Watched| watched.since.elapsed() >= AGAIN_LONGEST;
        let lasted = self.watching[side].as_ref().is_some_and(lasted);
        self.pauses[side] = if lasted { AGAIN_FIRST } else { longer(self.pauses[side]) };
        self.close(side, why);
        self.lost[side] = Some(Lost { since: Instant::now(), pause: self.pauses[side], is_tried: false });
    }

    /// Tries again to watch what is lost, beside everything else: a great tree takes a while.
    fn try_again(&mut self) {
        for side in Side::BOTH {
            if let Some(lost) = &mut self.lost[side]
                && !lost.is_tried
                && Instant::now() >= lost.again_at()
            {
                lost.is_tried = true;
                let (tell, is_over) = self.tell_until_it_is_over(side);
                let (session, send) = (self.session, self.send_tried.clone());
                self.scope.spawn(move || {
                    let outcome = session.replicas[side].watch(tell, Arc::clone(&session.filter));
                    // The receiver is gone only when the session ended.
                    drop(send.send(Tried { side, is_over, outcome }));
                });
            }
        }
    }

    /// Takes over what is watched again. Whatever happened between the last look and now was told by nobody: everything
    /// is news.
    fn take_over(&mut self) -> Vec<Heard> {
        let mut news = Vec::new();
        for Tried { side, is_over, outcome } in self.tried.clone().try_iter() {
            let why = match outcome {
                Ok(watching) if !is_over.load(Ordering::Relaxed) => {
                    self.lost[side] = None;
                    self.rolling[side] = None;
                    self.board.write(|written| written.rolling[side] = None);
                    self.is_watched(side, watching, is_over);
                    log::info!(operation = "watch", side = side.name(); "the {side} side is watched again");
                    news.push((side, News::Below(RelPath::root())));
                    continue;
                }
                Ok(_) => None,
                Err(problem) => Some(problem.explain()),
            };
            if let Some(why) = why {
                log::debug!(operation = "watch", side = side.name(); "it cannot be watched yet: {why}");
                self.board.watches(side, in_turn(&why));
            }
            if let Some(lost) = &mut self.lost[side] {
                self.pauses[side] = longer(self.pauses[side]);
                *lost = Lost { since: Instant::now(), pause: self.pauses[side], is_tried: false };
            }
        }
        news
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
                // Whoever has just looked at everything need not wait for long.
                if let Some(lost) = &mut self.lost[side] {
                    lost.pause = AGAIN_FIRST;
                }
                if self.watching[side].is_none() {
                    self.begin_round(side);
                }
            }
        }
    }

    fn look_at(&mut self, side: Side, why: &str) {
        self.board.watches(side, in_turn(why));
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

    /// As `tell`, and whether it has told that nothing more comes.
    fn tell_until_it_is_over(&self, side: Side) -> (Tell, Arc<AtomicBool>) {
        let is_over = Arc::new(AtomicBool::new(false));
        let (tell, over) = (self.tell(side), Arc::clone(&is_over));
        let tell = Box::new(move |news| {
            if matches!(news, News::Ended(_)) {
                over.store(true, Ordering::Relaxed);
            }
            tell(news);
        });
        (tell, is_over)
    }

    /// Waits until something is heard or somebody calls, until that moment at the longest, and returns all that was
    /// heard.
    pub(super) fn listen<T>(&mut self, until: Instant, calls: &Receiver<T>) -> Vec<Heard> {
        self.try_again();
        let mut heard = self.take_over();
        if self.rolling.either(Option::is_some) {
            let rolling = self.rolling.as_ref().map(|side| side.as_ref().map(Rolling::report));
            self.board.write(|written| written.rolling = rolling);
        }
        let mut select = Select::new();
        select.recv(&self.news);
        select.recv(calls);
        // Whatever is ready is taken by whoever it is for.
        let _ = select.ready_deadline(until);
        heard.extend(self.news.try_iter());
        heard
    }
}

/// The pause after this one.
fn longer(pause: Duration) -> Duration {
    (pause * 2).clamp(AGAIN_FIRST, AGAIN_LONGEST)
}

/// How `status` says it.
fn in_turn(why: &str) -> String {
    format!("looked at in turn: {why}")
}
