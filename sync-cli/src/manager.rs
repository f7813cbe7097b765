//! Who started this program and keeps it running: systemd, where it did.
//!
//! Owns [`Manager`]: what it is told (`sd_notify`), and the sign of life it waits for (`WatchdogSec=`). That one is given
//! only while somebody is at work here, or waits as he should: a session that hangs is to be ended and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The way to the service manager; leads nowhere where there is none.
pub(crate) struct Manager {
    /// Counts signs of life.
    beats: Arc<AtomicU64>,
    /// Ends who passes them on when it is dropped.
    #[cfg(target_os = "linux")]
    _watchdog: Option<std::sync::mpsc::Sender<()>>,
}

impl Manager {
    /// The one that started this process.
    pub(crate) fn new() -> Self {
        let beats = Arc::new(AtomicU64::new(0));
        Self {
            #[cfg(target_os = "linux")]
            _watchdog: systemd::watch(&beats),
            beats,
        }
    }

    /// Somebody is at work.
    pub(crate) fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// The session works from now on, or goes on after [`Manager::reloading`].
    pub(crate) fn ready(status: &str) {
        Self::tell(What::Ready, status);
    }

    /// Another configuration is taken.
    pub(crate) fn reloading() {
        Self::tell(What::Reloading, "");
    }

    /// The session ends.
    pub(crate) fn stopping() {
        Self::tell(What::Stopping, "stopping");
    }

    /// What it does, for a person who asks the manager.
    pub(crate) fn status(status: &str) {
        Self::tell(What::Status, status);
    }

    #[cfg(target_os = "linux")]
    fn tell(what: What, status: &str) {
        systemd::tell(what, status);
    }

    #[cfg(not(target_os = "linux"))]
    fn tell(_: What, _: &str) {}
}

#[derive(Clone, Copy)]
enum What {
    Ready,
    Reloading,
    Stopping,
    Status,
}

#[cfg(target_os = "linux")]
mod systemd {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
    use std::time::{Duration, Instant};

    use sd_notify::NotifyState;

    use super::What;

    pub(super) fn tell(what: What, status: &str) {
        let status = crate::show::plain(status);
        let mut states = match what {
            What::Ready => vec![NotifyState::Ready],
            // A manager of today wants to know when, to tell this one from an older one.
            What::Reloading => NotifyState::monotonic_usec_now()
                .map_or_else(|_| Vec::new(), |now| vec![NotifyState::Reloading, now]),
            What::Stopping => vec![NotifyState::Stopping],
            What::Status => Vec::new(),
        };
        if !status.is_empty() {
            states.push(NotifyState::Status(&status));
        }
        send(&states);
    }

    fn send(states: &[NotifyState<'_>]) {
        // A manager that does not listen is no reason to stop syncing.
        if let Err(error) = sd_notify::notify(states) {
            log::debug!("the service manager cannot be told: {error}");
        }
    }

    /// Passes signs of life on at half of the time the manager gives, where it wants any.
    pub(super) fn watch(beats: &Arc<AtomicU64>) -> Option<Sender<()>> {
        let period = sd_notify::watchdog_enabled()? / 2;
        pass_on(Arc::clone(beats), period, || send(&[NotifyState::Watchdog]))
    }

    /// Tells once in a period that there were signs of life since it was told last; a late one at once.
    fn pass_on(
        beats: Arc<AtomicU64>,
        period: Duration,
        tell: impl Fn() + Send + 'static,
    ) -> Option<Sender<()>> {
        let (end, ended) = channel::<()>();
        let look = (period / 8).clamp(Duration::from_millis(5), Duration::from_secs(1));
        let passing_on = move || {
            let mut told = beats.load(Ordering::Relaxed);
            let mut due = Instant::now() + period;
            while ended.recv_timeout(look) == Err(RecvTimeoutError::Timeout) {
                let beat = beats.load(Ordering::Relaxed);
                if beat != told && Instant::now() + look >= due {
                    (told, due) = (beat, Instant::now() + period);
                    tell();
                }
            }
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(passing_on).ok().map(|_| end)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn who_hangs_gives_no_sign_of_life() {
            let (beats, pings) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let counted = Arc::clone(&pings);
            let period = Duration::from_millis(100);
            let tell = move || {
                counted.fetch_add(1, Ordering::SeqCst);
            };
            let end = pass_on(Arc::clone(&beats), period, tell).unwrap();
            let told = || pings.load(Ordering::SeqCst);
            std::thread::sleep(5 * period);
            assert_eq!(told(), 0, "nobody was at work");
            let begun = Instant::now();
            while told() < 3 {
                beats.fetch_add(1, Ordering::Relaxed);
                assert!(begun.elapsed() < Duration::from_secs(20));
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(begun.elapsed() > period, "once in a period, not for every sign");
            // One sign may still have to be passed on.
            std::thread::sleep(2 * period);
            let after = told();
            std::thread::sleep(5 * period);
            assert_eq!(told(), after, "it hangs");
            drop(end);
        }
    }
}
