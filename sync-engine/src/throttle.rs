//! A limit on bytes per second.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a wait may go without looking whether the session was stopped.
const NAP: Duration = Duration::from_millis(100);

/// Lets so many bytes pass per second, over all threads together.
#[derive(Debug)]
pub(crate) struct Throttle {
    bytes_per_second: u64,
    /// When everything that was let pass so far will have been paid for.
    paid_at: Mutex<Instant>,
}

impl Throttle {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), paid_at: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes`, which have just passed, are paid for.
    pub(crate) fn take(&self, bytes: u64, stop: impl Fn() -> bool) {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let until = {
            let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
            *paid_at = (*paid_at).max(Instant::now()) + cost;
            *paid_at
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
            throttle.take(40_000, || false);
        }
        assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
        let start = Instant::now();
        Throttle::new(1).take(1_000, || true);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
