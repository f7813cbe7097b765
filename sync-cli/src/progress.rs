//! Progress bars for a session that is watched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use sync_engine::config::format_size;
use sync_engine::control::Caller;
use sync_engine::{Cancel, Phase, Watch};

use crate::screen::Screen;
use crate::show;

/// Draws what a session does, and hands on the wish to stop it.
pub(crate) struct Progress {
    screen: Screen,
    cancel: Arc<Cancel>,
    bar: Mutex<Option<Drawn>>,
    waits: Mutex<Waits>,
}

/// Waiting for a session that is busy.
enum Waits {
    NotYet,
    Since(Instant),
    Said,
}

/// Waiting that is shorter is not worth a word.
const WORTH_SAYING: Duration = Duration::from_secs(1);

struct Drawn {
    bar: ProgressBar,
    by_bytes: bool,
    count: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn new(screen: &Screen, cancel: Arc<Cancel>) -> Self {
        let waits = Mutex::new(Waits::NotYet);
        Self { screen: screen.clone(), cancel, bar: Mutex::new(None), waits }
    }

    /// The wish to stop that is handed on.
    pub(crate) fn cancel(&self) -> Arc<Cancel> {
        Arc::clone(&self.cancel)
    }

    fn replace(&self, new: Option<Drawn>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = std::mem::replace(&mut *bar, new) {
            old.bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.replace(None);
    }
}

impl Watch for Progress {
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        let word = match phase {
            Phase::Scan => "looking",
            Phase::Digest => "comparing",
            Phase::Act => "syncing",
            _ => "working",
        };
        // Where bytes are copied they say more about the time left than the number of files does.
        let by_bytes = bytes.is_some_and(|bytes| bytes > 0);
        let done = Arc::new(AtomicU64::new(0));
        let style = style(by_bytes, count, &done);
        let bar = self.screen.bar(if by_bytes { bytes } else { count }, style);
        bar.set_prefix(word);
        self.replace(Some(Drawn { bar, by_bytes, count: done }));
    }

    fn advance(&self, count: u64, bytes: u64) {
        let guard = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(drawn) = &*guard {
            drawn.count.fetch_add(count, Ordering::Relaxed);
            drawn.bar.inc(if drawn.by_bytes { bytes } else { count });
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl Caller for Progress {
    fn waits(&self, why: &str) {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        match *waits {
            Waits::NotYet => *waits = Waits::Since(Instant::now()),
            Waits::Since(since) if since.elapsed() >= WORTH_SAYING => {
                *waits = Waits::Said;
                self.screen.say(&format!("waiting for the running session: {}", show::plain(why)));
            }
            Waits::Since(_) | Waits::Said => {}
        }
    }
}

fn style(by_bytes: bool, total: Option<u64>, done: &Arc<AtomicU64>) -> ProgressStyle {
    let template = match (by_bytes, total) {
        (true, _) => "{prefix:>9} {wide_bar} {files} {sizes} {rate} {eta}",
        (false, Some(_)) => "{prefix:>9} {wide_bar} {pos} of {len} {per_sec} {eta}",
        (false, None) => "{prefix:>9} {spinner} {pos} entries in {elapsed} {per_sec}",
    };
    let done = Arc::clone(done);
    let begun = Instant::now();
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("files", move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = match total {
                Some(total) => write!(out, "{} of {total}", done.load(Ordering::Relaxed)),
                None => write!(out, "{}", done.load(Ordering::Relaxed)),
            };
        })
        .with_key("sizes", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{} of {}", format_size(state.pos()), format_size(state.len().unwrap_or(0)));
        })
        .with_key("rate", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let seconds = begun.elapsed().as_secs_f64().max(0.001);
            let _ = write!(out, "{}/s", format_size((state.pos() as f64 / seconds) as u64));
        })
        .progress_chars("=> ")
}
