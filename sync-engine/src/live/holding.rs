//! What a cycle of a live session holds back.
//!
//! Owns [`Holding`]: large copies until they are prepared, files that somebody is writing until they are quiet, whatever
//! is more than one cycle should take on, and deletions of what may only have been moved. [`waits`] is the rule for files
//! that are being written.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use sync_core::entry::{Entry, Kind};
use sync_core::path::RelPath;
use sync_core::plan::{Action, Phase};
use sync_core::side::Side;

use super::ears::Heard;
use super::waiting::{Load, Waiting, reaches};
use crate::act::hold::{Freight, Held, Hold, Why};
use crate::clock::now_ns;
use crate::session::Session;

/// A file that has rested for so long is copied although some program keeps it open.
const OPEN_LONGEST: Duration = Duration::from_mins(1);
/// How long a large file must have rested where the system does not tell who has it open.
const REST: Duration = Duration::from_secs(2);

/// Files that were changed a moment ago, as they were seen, and since when they are so.
#[derive(Debug, Default)]
pub(super) struct Unrest(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    all: BTreeMap<(Side, RelPath), (Entry, Instant)>,
    /// When what nobody asks for any more was forgotten.
    swept: Option<Instant>,
}

impl Unrest {
    /// For how long a file has been as it is now.
    fn rested(&self, side: Side, path: &RelPath, entry: &Entry, now: Instant) -> Duration {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Not for each of very many files.
        if seen.swept.is_none_or(|swept| now.duration_since(swept) > REST) {
            seen.swept = Some(now);
            seen.all.retain(|_, (_, since)| now.duration_since(*since) < OPEN_LONGEST * 2);
        }
        let (known, since) = seen.all.entry((side, path.clone())).or_insert((*entry, now));
        if known != entry {
            (*known, *since) = (*entry, now);
        }
        now.duration_since(*since)
    }
}

/// Whether a file has to wait. `open` tells whether some program has it open for writing, where the system tells;
/// `age` is the time since its last change by the clocks, `rested` the time for which it was seen unchanged.
fn waits(open: Option<bool>, large: bool, age: Duration, rested: Duration) -> bool {
    let quiet = age.max(rested);
    match open {
        Some(true) => quiet < OPEN_LONGEST,
        Some(false) => false,
        // A small one is copied so fast that a change meanwhile is noticed at little cost.
        None => large && quiet < REST,
    }
}

/// What one cycle holds back.
pub(super) struct Holding<'a> {
    pub(super) session: &'a Session,
    pub(super) unrest: &'a Unrest,
    pub(super) large_file_bytes: u64,
    pub(super) load: Load,
    /// Whether the cycle looks at nothing but what an earlier one has left for later.
    pub(super) judged: bool,
    /// What waits already.
    pub(super) waiting: &'a Waiting,
    /// The key paths that are looked at, with all below them or not; everything where there are none.
    pub(super) keys: Option<&'a BTreeMap<RelPath, bool>>,
    /// Those of them that somebody told of, or that an earlier cycle has left.
    pub(super) told: Option<&'a BTreeMap<RelPath, bool>>,
    /// What was told since the look began.
    pub(super) unheard: Receiver<Heard>,
    /// Whether anything was, as it was found at first.
    pub(super) overtaken: OnceLock<bool>,
    pub(super) files: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Holding<'_> {
    fn is_written(&self, freight: &Freight, large: bool) -> bool {
        let age = u64::try_from(now_ns().saturating_sub(freight.source.mtime_ns)).unwrap_or_default();
        let age = Duration::from_nanos(age);
        if freight.source.kind != Kind::File || age >= OPEN_LONGEST {
            return false;
        }
        let giver = freight.to.other();
        let open = self.session.replicas[giver].is_being_written(&freight.from, &freight.source);
        // What cannot be asked now is found out when it is copied.
        let open = open.unwrap_or_default();
        let rested = self.unrest.rested(giver, &freight.from, &freight.source, Instant::now());
        waits(open, large, age, rested)
    }
}

impl Hold for Holding<'_> {
    /// A look at everything may miss what is moved meanwhile, and one near a path may come before the news that what lies
    /// around it was moved. What was told of, or found gone twice, is gone.
    fn doubts(&self, action: &Action) -> bool {
        if action.phase != Phase::Deletes || action.transitions.is_empty() {
            return false;
        }
        match self.told {
            None => *self.overtaken.get_or_init(|| !self.unheard.is_empty()),
            Some(told) => !reaches(told, &action.path),
        }
    }

    fn holds(&self, action: &Action) -> Option<Why> {
        let freight = Freight::of(action);
        if freight.is_empty() {
            return None;
        }
        let large = action.bytes() >= self.large_file_bytes;
        if freight.iter().any(|one| self.is_written(one, large)) {
            return Some(Why::Writing);
        }
        if large {
            let is_ready = |one| self.session.prepared.knows(one);
            return (!freight.iter().all(is_ready)).then_some(Why::Large);
        }
        if action.phase != Phase::Copies {
            return None;
        }
        let files = self.files.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(action.bytes(), Ordering::Relaxed);
        let enough = files >= self.load.files || (files > 0 && bytes + action.bytes() > self.load.bytes);
        enough.then_some(Why::Enough)
    }

    fn judged(&self, path: &RelPath) -> bool {
        self.judged && self.waiting.was_let_through(path)
    }

    fn waits_below(&self, path: &RelPath) -> bool {
        self.keys.is_some_and(|keys| self.waiting.waits_below(path, keys))
    }

    fn waiting(&self, held: &[Held]) -> u64 {
        self.keys.map_or(0, |keys| self.waiting.beside(keys)) + held.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_when_nobody_writes_it() {
        let second = Duration::from_secs;
        let now = Duration::ZERO;
        for (open, large, age, rested, expected) in [
            (Some(true), false, now, now, true),
            (Some(true), true, second(59), second(59), true),
            // Kept open for ever, and quiet.
            (Some(true), true, second(60), now, false),
            (Some(true), false, now, second(60), false),
            // Closed: complete.
            (Some(false), true, now, now, false),
            (Some(false), false, now, now, false),
            // Nobody knows.
            (None, false, now, now, false),
            (None, true, now, now, true),
            (None, true, now, second(2), false),
            (None, true, second(2), now, false),
        ] {
            assert_eq!(waits(open, large, age, rested), expected, "{open:?} {large} {age:?} {rested:?}");
        }
    }
}
