//! A limit on bytes per second.
//!
//! Owns [`Throttle`]. What large files have used up never makes a small file wait: small files pay for each other
//! alone, and large ones for everything.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait may go without looking whether the session was stopped.
const NAP: Duration = Duration::from_millis(100);

/// Who wants to send bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    Small,
    Large,
}

/// When everything that was let pass so far will have been paid for.
#[derive(Debug)]
struct Paid {
    small: Instant,
    all: Instant,
}

/// Lets so many bytes pass per second, over all threads together.
#[derive(Debug)]
pub(crate) struct Throttle {
    bytes_per_second: u64,
    paid: Mutex<Paid>,
}

impl Throttle {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        let now = Instant::now();
        Self { bytes_per_second: bytes_per_second.max(1), paid: Mutex::new(Paid { small: now, all: now }) }
    }

    /// Waits until `bytes`, which have just passed, are paid for.
    pub(crate) fn take(&self, lane: Lane, bytes: u64, stop: impl Fn() -> bool) {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            paid.all = paid.all.max(now) + cost;
            match lane {
                Lane::Large => paid.all,
                Lane::Small => {
                    paid.small = paid.small.max(now) + cost;
                    paid.small
                }
            }
        };
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if stop() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time_and_a_stop_ends_the_wait() {
        let throttle = Throttle::new(1_000_000);
        let start = Instant::now();
        for _ in 0..5 {
            throttle.take(Lane::Small, 40_000, || false);
        }
        assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
        let start = Instant::now();
        Throttle::new(1).take(Lane::Large, 1_000, || true);
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn small_files_do_not_pay_for_large_ones_but_large_ones_pay_for_all() {
        let throttle = Throttle::new(1_000);
        throttle.take(Lane::Large, 600_000, || true);
        let start = Instant::now();
        throttle.take(Lane::Small, 1, || false);
        assert!(start.elapsed() < Duration::from_secs(5));
        let paid = throttle.paid.lock().unwrap();
        assert!(paid.all > Instant::now() + Duration::from_secs(500));
    }
}
