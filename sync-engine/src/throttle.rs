//! A limit on bytes per second.
//!
//! Owns [`Throttle`]. What large files have used up never makes a small file wait: small files pay for each other
//! alone, and large ones for everything. The limit may change at any time, also for who is waiting already: what is
//! owed is counted in bytes, and paid off at the rate of the moment.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait may go without looking whether the session was stopped, or the limit has changed.
const NAP: Duration = Duration::from_millis(100);
/// A shorter sleep is not worth its price.
const BLINK: Duration = Duration::from_micros(200);

/// Who wants to send bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    Small,
    Large,
}

/// Bytes that were let pass, and how many of them are paid for. An `f64` counts bytes exactly up to 8 PiB.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    charged: f64,
    paid: f64,
}

#[derive(Debug)]
struct Books {
    /// Bytes per second; none for no limit.
    rate: Option<u64>,
    /// When the accounts were last brought up to date.
    at: Instant,
    small: Account,
    all: Account,
}

impl Books {
    /// Pays for the time since the last look.
    fn settle(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        for account in [&mut self.small, &mut self.all] {
            account.paid = match self.rate {
                Some(rate) => account.charged.min(account.paid + rate as f64 * seconds),
                None => account.charged,
            };
        }
    }

    const fn account(&self, lane: Lane) -> Account {
        match lane {
            Lane::Small => self.small,
            Lane::Large => self.all,
        }
    }
}

/// Lets so many bytes pass per second, over all threads together.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<Books>);

impl Throttle {
    /// None for no limit.
    pub(crate) fn new(rate: Option<u64>) -> Self {
        let (at, small, all) = (Instant::now(), Account::default(), Account::default());
        Self(Mutex::new(Books { rate: at_least_one(rate), at, small, all }))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        books.settle(Instant::now());
        books
    }

    /// From now on another limit holds, or none.
    pub(crate) fn set(&self, rate: Option<u64>) {
        self.books().rate = at_least_one(rate);
    }

    /// Waits until `bytes`, which have just passed, are paid for.
    pub(crate) fn take(&self, lane: Lane, bytes: u64, stop: impl Fn() -> bool) {
        let until = {
            let mut books = self.books();
            books.all.charged += bytes as f64;
            if lane == Lane::Small {
                books.small.charged += bytes as f64;
            }
            books.account(lane).charged
        };
        loop {
            let nap = {
                let books = self.books();
                let left = until - books.account(lane).paid;
                match books.rate {
                    Some(rate) if left > 0.0 => {
                        Duration::try_from_secs_f64(left / rate as f64).unwrap_or(NAP).clamp(BLINK, NAP)
                    }
                    _ => return,
                }
            };
            if stop() {
                return;
            }
            thread::sleep(nap);
        }
    }
}

/// No wait may be without an end.
fn at_least_one(rate: Option<u64>) -> Option<u64> {
    rate.map(|rate| rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Less than the waits that must not be, and more than a busy machine takes for nothing.
    const A_WHILE: Duration = Duration::from_secs(30);

    #[test]
    fn bytes_take_their_time_and_a_stop_ends_the_wait() {
        let throttle = Throttle::new(Some(1_000_000));
        let start = Instant::now();
        for _ in 0..5 {
            throttle.take(Lane::Small, 40_000, || false);
        }
        assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
        let start = Instant::now();
        Throttle::new(Some(1)).take(Lane::Large, 1_000, || true);
        Throttle::new(None).take(Lane::Large, u64::MAX, || false);
        assert!(start.elapsed() < A_WHILE);
    }

    #[test]
    fn small_files_do_not_pay_for_large_ones_but_large_ones_pay_for_all() {
        let throttle = Throttle::new(Some(1_000));
        throttle.take(Lane::Large, 600_000, || true);
        let start = Instant::now();
        throttle.take(Lane::Small, 1, || false);
        assert!(start.elapsed() < A_WHILE);
        let owed = |account: Account| account.charged - account.paid;
        let books = throttle.books();
        assert!(owed(books.all) > 500_000.0 && owed(books.small) <= 0.0);
    }

    #[test]
    fn another_limit_holds_at_once_also_for_who_waits() {
        for lane in [Lane::Small, Lane::Large] {
            for faster in [Some(u64::MAX), None] {
                let throttle = Throttle::new(Some(1));
                let start = Instant::now();
                let waited = thread::scope(|scope| {
                    let waiting = scope.spawn(|| {
                        throttle.take(lane, 1_000_000, || false);
                        start.elapsed()
                    });
                    // It must be waiting before the limit changes, which `take` shows by what it owes.
                    while throttle.books().account(lane).charged == 0.0 {
                        thread::yield_now();
                    }
                    throttle.set(faster);
                    waiting.join().unwrap()
                });
                // Within a second, besides what a busy machine adds; at the old pace it would be days.
                assert!(NAP < Duration::from_secs(1));
                assert!(waited < A_WHILE, "{lane:?} {faster:?}: {waited:?}");
            }
        }
        // What passed without a limit is not paid for afterwards.
        let throttle = Throttle::new(None);
        throttle.take(Lane::Large, 1 << 40, || false);
        throttle.set(Some(1_000));
        let start = Instant::now();
        throttle.take(Lane::Large, 10, || false);
        assert!(start.elapsed() < A_WHILE);
    }
}
