//! The one place that reads the clocks: the one on the wall, which people set, and one that nobody sets.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// UTC nanoseconds since 1970; 0 for a clock that stands before it.
pub(crate) fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}

/// The clocks, for whoever measures.
pub(crate) trait Clock {
    /// UTC nanoseconds since 1970.
    fn wall_ns(&self) -> i64;
    /// Time since some moment. Where the system's steady clock rests while the machine sleeps, that time is left out.
    fn steady(&self) -> Duration;
}

/// Those of the machine.
pub(crate) struct Machine;

impl Clock for Machine {
    fn wall_ns(&self) -> i64 {
        now_ns()
    }

    fn steady(&self) -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        FIRST.get_or_init(Instant::now).elapsed()
    }
}

/// When something began. How long it took is told by the steady clock, and when it ended by that and the clock that told
/// when it began: whatever the clock on the wall is set to meanwhile, an hour is no minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Began {
    /// UTC nanoseconds.
    pub(crate) ns: i64,
    steady: Duration,
}

impl Began {
    pub(crate) fn now() -> Self {
        Self::by(&Machine)
    }

    /// For tests that name their own time.
    #[cfg(test)]
    pub(crate) fn at(ns: i64) -> Self {
        Self { ns, ..Self::now() }
    }

    fn by(clock: &impl Clock) -> Self {
        Self { ns: clock.wall_ns(), steady: clock.steady() }
    }

    /// When it ends, if it ends now: UTC nanoseconds.
    pub(crate) fn ended_ns(&self) -> i64 {
        self.ended_by(&Machine)
    }

    fn ended_by(&self, clock: &impl Clock) -> i64 {
        let took = clock.steady().saturating_sub(self.steady);
        self.ns.saturating_add(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Fake {
        wall_ns: Cell<i64>,
        steady: Cell<Duration>,
    }

    impl Clock for Fake {
        fn wall_ns(&self) -> i64 {
            self.wall_ns.get()
        }

        fn steady(&self) -> Duration {
            self.steady.get()
        }
    }

    #[test]
    fn what_takes_a_second_takes_a_second_whatever_the_clock_is_set_to() {
        const HOUR: i64 = 3600 * 1_000_000_000;
        for jump in [-HOUR, 0, HOUR] {
            let clock = Fake { wall_ns: Cell::new(10 * HOUR), steady: Cell::new(Duration::from_secs(50)) };
            let began = Began::by(&clock);
            clock.wall_ns.set(10 * HOUR + jump + 1_000_000_000);
            clock.steady.set(Duration::from_secs(51));
            assert_eq!(began.ended_by(&clock) - began.ns, 1_000_000_000);
        }
    }

    #[test]
    fn the_steady_clock_goes_on() {
        let before = Machine.steady();
        std::thread::sleep(Duration::from_millis(2));
        assert!(Machine.steady() >= before + Duration::from_millis(2));
    }
}
