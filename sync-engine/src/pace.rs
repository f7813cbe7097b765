//! How hard a session works right now.
//!
//! Owns [`Pace`]: the throttle of each side and how many files are copied at the same time, one for the whole session
//! and everything that copies in it. The limits follow a timetable, or are set anew, while copies run. What holds when
//! is `timetable`'s; this only looks at the clock and applies it.
//!
//! Start with [`Pace::new`].

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use sync_core::side::{Side, Sides};

use crate::config::{format_duration, format_size};
use crate::session::Session;
use crate::throttle::Throttle;
use crate::timetable::{Limits, Standing, Timetable};

/// How often the clock is looked at, so that a minute begins at most this late. Nothing else would notice a clock that
/// is set, or a machine that slept.
const TICK: Duration = Duration::from_secs(1);
/// How long who waits for a turn goes without looking whether the session was stopped.
const NAP: Duration = Duration::from_millis(100);

/// The limits of a session.
pub(crate) struct Pace {
    held: Arc<Held>,
    /// Ends who follows the timetable when it is dropped.
    following: Mutex<Option<Sender<()>>>,
}

struct Held {
    throttles: Sides<Throttle>,
    copies: Mutex<Copies>,
    turn: Condvar,
    timetable: Mutex<(Timetable, Option<Standing>)>,
}

/// How many copies there may be, and how many there are.
struct Copies {
    most: usize,
    now: usize,
}

/// Leave to copy one file, until it is dropped.
pub(crate) struct Turn<'a>(&'a Held);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.copies().now -= 1;
        self.0.turn.notify_one();
    }
}

impl Pace {
    /// What a timetable says; followed from here on when it says different things at different times.
    pub(crate) fn new(timetable: Timetable) -> Self {
        let held = Held {
            throttles: Sides::from_fn(|_| Throttle::new(None)),
            copies: Mutex::new(Copies { most: 1, now: 0 }),
            turn: Condvar::new(),
            timetable: Mutex::new((Timetable::default(), None)),
        };
        let pace = Self { held: Arc::new(held), following: Mutex::new(None) };
        pace.adopt(timetable);
        pace
    }

    /// Another timetable holds from now on, also for copies that are under way.
    pub(crate) fn adopt(&self, timetable: Timetable) {
        let follows = !timetable.hours.is_empty();
        *lock(&self.held.timetable) = (timetable, None);
        self.held.follow();
        let mut following = lock(&self.following);
        *following = follows.then(|| {
            let (end, ended) = bounded::<()>(0);
            let held = Arc::clone(&self.held);
            let begun = thread::Builder::new().name("pace".to_owned()).spawn(move || {
                while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    held.follow();
                }
            });
            if let Err(error) = begun {
                log::error!(operation = "pace", error:% = error; "the timetable cannot be followed: {error}");
            }
            end
        });
    }

    /// What slows down the bytes that go to a side.
    pub(crate) fn throttle(&self, side: Side) -> &Throttle {
        &self.held.throttles[side]
    }

    /// How many files are copied at the same time.
    pub(crate) fn copies(&self) -> usize {
        self.held.copies().most
    }

    /// Waits until one more file may be copied; none when the session was stopped first.
    pub(crate) fn turn(&self, stop: impl Fn() -> bool) -> Option<Turn<'_>> {
        let mut copies = self.held.copies();
        while copies.now >= copies.most {
            if stop() {
                return None;
            }
            copies = self.held.turn.wait_timeout(copies, NAP).unwrap_or_else(PoisonError::into_inner).0;
        }
        copies.now += 1;
        Some(Turn(&self.held))
    }

    /// What holds now.
    pub(crate) fn standing(&self) -> Option<Standing> {
        lock(&self.held.timetable).1
    }
}

impl Session {
    /// Which limits hold now, and for how long.
    pub fn standing(&self) -> Option<Standing> {
        self.pace.standing()
    }
}

impl Held {
    fn copies(&self) -> MutexGuard<'_, Copies> {
        lock(&self.copies)
    }

    /// Looks at the local clock.
    fn follow(&self) {
        let now = jiff::Zoned::now();
        let weekday = now.weekday().to_monday_zero_offset();
        let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
        self.apply(weekday.unsigned_abs(), minute);
    }

    /// Applies what holds at a minute of the week, and says so when it is something else than before.
    fn apply(&self, weekday: u8, minute: u16) {
        let mut timetable = lock(&self.timetable);
        let (table, before) = &mut *timetable;
        let standing = table.at(weekday, minute);
        let changed = before.is_none_or(|before| before.hours != standing.hours);
        let follows = !table.hours.is_empty();
        *before = Some(standing);
        // Still locked, so that of two who come at once the later word stands.
        if changed {
            self.set(standing.limits);
        }
        drop(timetable);
        if changed && follows {
            let holds = words(standing.limits);
            let until = match standing.minutes {
                Some(minutes) => format!(", for {}", format_duration(Duration::from_mins(minutes.into()))),
                None => String::new(),
            };
            let which = standing.hours.map_or(0, |index| index + 1);
            log::info!(operation = "pace", hours = which; "{holds}{until}");
        }
    }

    fn set(&self, limits: Limits) {
        for side in Side::BOTH {
            self.throttles[side].set(limits.bandwidth[side]);
        }
        let machine = || thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
        self.copies().most = limits.copies.unwrap_or_else(machine).max(1);
        self.turn.notify_all();
    }
}

/// Limits for a person.
pub(crate) fn words(limits: Limits) -> String {
    let rate =
        |rate: Option<u64>| rate.map_or("no limit".to_owned(), |rate| format!("{}/s", format_size(rate)));
    let Sides { left, right } = limits.bandwidth.map(rate);
    let bandwidth = if left == right {
        format!("{left} to each side")
    } else {
        format!("{left} to the left, {right} to the right")
    };
    match limits.copies {
        None => bandwidth,
        Some(1) => format!("{bandwidth}, one copy at a time"),
        Some(copies) => format!("{bandwidth}, {copies} copies at a time"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;
    use crate::throttle::Lane;
    use crate::timetable::Hours;

    const WORKDAYS: [bool; 7] = [true, true, true, true, true, false, false];

    fn limits(bandwidth: Option<u64>, copies: usize) -> Limits {
        Limits { bandwidth: Sides { left: bandwidth, right: None }, copies: Some(copies) }
    }

    #[test]
    fn a_timetable_is_applied_to_copies_that_wait() {
        let office = Hours { days: WORKDAYS, from: 8 * 60, to: 18 * 60, limits: limits(Some(1), 1) };
        let pace = Pace::new(Timetable::always(limits(None, 4)));
        assert_eq!(pace.copies(), 4);
        // Set here and not by `adopt`, which would look at the real clock.
        lock(&pace.held.timetable).0 = Timetable { hours: vec![office], otherwise: limits(None, 4) };
        pace.held.apply(0, 8 * 60);
        assert_eq!(pace.copies(), 1);
        assert_eq!(pace.standing().and_then(|standing| standing.minutes), Some(600));

        let (begun, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            let first = pace.turn(|| false).unwrap();
            scope.spawn(|| {
                begun.fetch_add(1, Ordering::SeqCst);
                pace.throttle(Side::Left).take(Lane::Large, 1_000_000, || false);
                waited.fetch_add(1, Ordering::SeqCst);
            });
            scope.spawn(|| {
                begun.fetch_add(1, Ordering::SeqCst);
                let second = pace.turn(|| false);
                assert!(second.is_some());
                waited.fetch_add(1, Ordering::SeqCst);
            });
            while begun.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            thread::sleep(2 * NAP);
            assert_eq!(waited.load(Ordering::SeqCst), 0, "both wait");
            // A change holds within a second, besides what a busy machine adds.
            assert!(NAP < Duration::from_secs(1));
            let changed = Instant::now();
            pace.held.apply(0, 18 * 60);
            while waited.load(Ordering::SeqCst) < 2 {
                assert!(changed.elapsed() < Duration::from_secs(30), "a change holds");
                thread::sleep(Duration::from_millis(5));
            }
            drop(first);
        });
        assert_eq!(pace.copies(), 4);
    }

    #[test]
    fn there_are_never_more_copies_than_may_be() {
        let pace = Pace::new(Timetable::always(limits(None, 2)));
        let (now, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _turn = pace.turn(|| false).unwrap();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), done.into_inner()), (2, 400));
    }

    #[test]
    fn a_stop_ends_the_wait_for_a_turn() {
        let pace = Pace::new(Timetable::always(limits(None, 1)));
        let stopped = AtomicBool::new(false);
        thread::scope(|scope| {
            let _first = pace.turn(|| false).unwrap();
            let waiting = scope.spawn(|| pace.turn(|| stopped.load(Ordering::SeqCst)).is_none());
            stopped.store(true, Ordering::SeqCst);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn limits_read_as_a_sentence() {
        let Limits { bandwidth, .. } = limits(Some(2 << 20), 1);
        assert_eq!(
            words(Limits { bandwidth, copies: Some(1) }),
            "2.0 MiB/s to the left, no limit to the right, one copy at a time"
        );
        assert_eq!(words(Limits::default()), "no limit to each side");
    }
}
