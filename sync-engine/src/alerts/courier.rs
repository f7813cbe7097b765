//! Delivery beside the work.
//!
//! Owns one thread for each way out, so that neither a sync nor another way waits for a server, and when a delivery is
//! tried again. What came of each try is handed back: the state is written by the session's own thread alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded, unbounded};
use sync_notify::{Channel, Delivered, DeliveryError, Letter};
use sync_state::Waiting;

/// The longest one try may take.
const TRY: Duration = Duration::from_mins(1);
/// How many letters a way is given at a time.
pub(crate) const BATCH: usize = 20;

/// What came of a try.
pub(crate) struct Tried {
    pub(crate) id: u64,
    pub(crate) outcome: Result<Delivered, DeliveryError>,
    /// Nothing more of what the way was given comes back.
    pub(crate) last: bool,
}

/// The thread of one way out.
pub(crate) struct Courier {
    pub(crate) name: &'static str,
    pub(crate) place: String,
    give: Sender<Vec<(u64, Letter)>>,
    take: Receiver<Tried>,
    /// Whether something it was given has not come back.
    pub(crate) busy: bool,
}

impl Courier {
    pub(crate) fn start(channel: Arc<dyn Channel>) -> Self {
        let (name, place) = (channel.name(), channel.place());
        let (give, jobs) = bounded::<Vec<(u64, Letter)>>(1);
        let (tried, take) = unbounded();
        let spawned = std::thread::Builder::new().name(format!("alerts-{name}")).spawn(move || {
            for batch in jobs {
                let count = batch.len();
                for (at, (id, letter)) in batch.into_iter().enumerate() {
                    let outcome = channel.deliver(&letter, Instant::now() + TRY);
                    // A server that is away is away for the others too.
                    let give_up = outcome.as_ref().is_err_and(|error| !error.is_about_the_letter());
                    let last = give_up || at + 1 == count;
                    if tried.send(Tried { id, outcome, last }).is_err() {
                        return;
                    }
                    if give_up {
                        break;
                    }
                }
            }
        });
        if let Err(error) = spawned {
            log::error!(operation = "alert", error:% = error; "no thread could be started for {place}");
        }
        Self { name, place, give, take, busy: false }
    }

    /// Gives it letters; none may be under way.
    pub(crate) fn give(&mut self, batch: Vec<(u64, Letter)>) {
        if !self.busy && !batch.is_empty() {
            self.busy = self.give.try_send(batch).is_ok();
        }
    }

    /// What came back by now.
    pub(crate) fn back(&mut self) -> Option<Tried> {
        match self.take.try_recv() {
            Ok(tried) => {
                self.busy &= !tried.last;
                Some(tried)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                // Its thread is gone: what it was given waits for the next session.
                self.busy = false;
                None
            }
        }
    }
}

/// Waits until something has come back from any of those that are under way, or until `deadline`: a way that hangs
/// must not keep another from its next letters.
pub(crate) fn wait(couriers: &[Courier], deadline: Instant) {
    let mut any = Select::new();
    for courier in couriers.iter().filter(|courier| courier.busy) {
        any.recv(&courier.take);
    }
    // Whether one is ready or the time is over is seen by who looks.
    let _ = any.ready_deadline(deadline);
}

/// What is to be done with a letter that could not be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Try again after this time.
    After(Duration),
    /// Nobody will ever take it.
    GiveUp,
}

/// A letter that nobody took for this long is given up.
const TOO_OLD: Duration = Duration::from_hours(24 * 14);
/// How often a server may say of a letter that it is not wanted, before that is believed.
const UNWANTED: u32 = 3;

/// What follows from a try that failed, which was the `attempts`-th.
pub(crate) fn after(error: &DeliveryError, attempts: u32, age: Duration) -> Next {
    if age >= TOO_OLD || error.is_about_the_letter() && attempts >= UNWANTED {
        return Next::GiveUp;
    }
    // Where somebody has to change something first, soon is of no use.
    let (first, longest) = if error.is_permanent() && !error.is_about_the_letter() {
        (Duration::from_mins(15), Duration::from_hours(6))
    } else {
        (Duration::from_mins(1), Duration::from_hours(2))
    };
    let factor = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    Next::After(first.saturating_mul(factor).min(longest))
}

/// Which of the letters that wait a way is given now: the oldest first, and none while the oldest has to wait.
pub(crate) fn due<'w>(waiting: &'w [Waiting], channel: &str, now_ns: i64) -> Vec<&'w Waiting> {
    let own: Vec<_> = waiting.iter().filter(|one| one.channel == channel).collect();
    // A clock that was set back must not hold a letter back for long.
    let waits = |one: &Waiting| one.attempts > 0 && one.next_ns > now_ns && one.queued_ns <= now_ns;
    if own.first().is_some_and(|oldest| waits(oldest)) {
        return Vec::new();
    }
    own.into_iter().take(BATCH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(permanent: bool, what: &'static str) -> DeliveryError {
        DeliveryError::Refused { host: "h".to_owned(), what, answer: String::new(), permanent }
    }

    #[test]
    fn tries_grow_apart_and_end() {
        let minutes = |error: &DeliveryError, attempts| match after(error, attempts, Duration::ZERO) {
            Next::After(time) => time.as_secs() / 60,
            Next::GiveUp => 0,
        };
        let later = error(false, "the message");
        let pauses: Vec<_> = (1..10).map(|attempts| minutes(&later, attempts)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        let login = error(true, "the sender");
        let pauses: Vec<_> = (1..8).map(|attempts| minutes(&login, attempts)).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 360, 360]);
        let unwanted = error(true, "the message");
        let pauses: Vec<_> = (1..4).map(|attempts| minutes(&unwanted, attempts)).collect();
        assert_eq!(pauses, [1, 2, 0]);
        assert_eq!(after(&later, 2, TOO_OLD), Next::GiveUp);
        assert_eq!(minutes(&later, u32::MAX), 120);
    }

    #[test]
    fn the_oldest_letter_decides_for_its_way_alone() {
        let one = |id, channel: &str, attempts, next_ns| Waiting {
            id,
            channel: channel.to_owned(),
            queued_ns: 0,
            attempts,
            next_ns,
            error: None,
            bytes: 0,
        };
        let all = [one(1, "mail", 2, 50), one(2, "webhook", 0, 0), one(3, "mail", 0, 0)];
        let ids = |channel, now| due(&all, channel, now).iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids("mail", 49), Vec::<u64>::new());
        assert_eq!(ids("mail", 50), [1, 3]);
        assert_eq!(ids("webhook", 0), [2]);
        assert_eq!(ids("mail", -1), [1, 3], "the clock was set back");
    }
}
