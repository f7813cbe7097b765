//! What a live session has left for later, and when its turn comes.
//!
//! Owns [`Waiting`]: every action that a cycle held back, by its path, until a cycle looks there again. Small files
//! come before large ones. Knows no clock and no side: it is told what time it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use sync_core::path::RelPath;

use crate::act::hold::{Held, Why};

/// How soon a file that somebody writes is looked at again, and how seldom at the most.
const WRITING_FIRST: Duration = Duration::from_secs(1);
const WRITING_LONGEST: Duration = Duration::from_secs(10);
/// What follows something else is looked at by then in any case.
const FOLLOWS: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(30) };
/// How long news may take of what a look found gone.
const GONE: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(1) };
/// How many of what was found gone are looked at in one turn.
const MOST_GONE: u64 = 2048;
/// How long the work on a part of the backlog should take: nothing that happens meanwhile waits longer.
const PACE: Duration = Duration::from_millis(1500);
/// How many files a part of the backlog has at first, at least and at the most.
const FIRST: u64 = 64;
const LEAST: u64 = 16;
const MOST: u64 = 16_384;

/// How much one cycle takes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Load {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// What is looked at in one turn.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// As some side spells them, each with whether all below it is meant.
    pub(super) paths: BTreeMap<RelPath, bool>,
    /// Something is among them that an earlier look found gone.
    pub(super) gone: bool,
    /// More of the backlog is there than a cycle takes on.
    is_full: bool,
}

/// How much that is before anything is known of how long it takes.
const START: Load = Load { files: FIRST, bytes: FIRST << 16 };

/// One action that waits.
#[derive(Clone, Debug)]
struct Waits {
    look: RelPath,
    bytes: u64,
    why: Why,
    /// Not before then. A large file has no time: it is told of when it is prepared. Nor has what a guard has stopped.
    not_before: Option<Instant>,
    since: Instant,
    pause: Duration,
    /// Follows something below it, and so has its turn as soon as that is done.
    early: bool,
}

/// How much waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Amount {
    /// Actions.
    pub(crate) actions: u64,
    /// Bytes they copy.
    pub(crate) bytes: u64,
    /// How many of them wait for a file that is being written.
    pub(crate) writing: u64,
}

/// Everything that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    all: BTreeMap<RelPath, Waits>,
    /// What may go at any time, smallest first.
    backlog: BTreeSet<(u64, RelPath)>,
    load: Load,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { all: BTreeMap::new(), backlog: BTreeSet::new(), load: START }
    }

    /// How much a cycle takes on now.
    pub(super) const fn load(&self) -> Load {
        self.load
    }

    /// A part of the backlog took that long. Only one that was as large as allowed tells that there may be more.
    pub(super) fn took(&mut self, part: &Turn, time: Duration) {
        let files = if time < PACE / 2 && part.is_full {
            self.load.files * 2
        } else if time > PACE {
            // At once back to what fits.
            (self.load.files as f64 * PACE.as_secs_f64() / time.as_secs_f64()) as u64
        } else {
            return;
        };
        let files = files.clamp(LEAST, MOST);
        self.load = Load { files, bytes: files << 16 };
    }

    pub(super) fn amount(&self) -> Amount {
        Amount {
            actions: self.all.len() as u64,
            bytes: self.all.values().map(|one| one.bytes).sum(),
            writing: self.all.values().filter(|one| one.why == Why::Writing).count() as u64,
        }
    }

    /// How many actions wait that a look at these key paths, with all below them or not, does not reach.
    pub(super) fn beside(&self, keys: &BTreeMap<RelPath, bool>) -> u64 {
        self.all.len() as u64 - self.all.keys().filter(|key| reaches(keys, key)).count() as u64
    }

    /// A cycle looked at everything, or at these key paths, and held back `held`.
    pub(super) fn looked(&mut self, keys: Option<&BTreeMap<RelPath, bool>>, held: &[Held], now: Instant) {
        let before = match keys {
            None => {
                self.backlog.clear();
                std::mem::take(&mut self.all)
            }
            Some(keys) => {
                let reached: Vec<RelPath> =
                    self.all.keys().filter(|key| reaches(keys, key)).cloned().collect();
                reached.into_iter().filter_map(|key| self.remove(&key).map(|waits| (key, waits))).collect()
            }
        };
        for one in held {
            let again = before.get(&one.key).filter(|before| before.why == one.why);
            let pause = match one.why {
                Why::Writing => again.map_or(WRITING_FIRST, |before| (before.pause * 2).min(WRITING_LONGEST)),
                Why::Follows => FOLLOWS,
                Why::Gone => GONE,
                Why::Large | Why::Enough | Why::Guarded => Duration::ZERO,
            };
            let not_before = (!matches!(one.why, Why::Large | Why::Guarded)).then(|| now + pause);
            // Of two actions at a path the one that holds the other back counts.
            if one.why == Why::Follows && self.all.contains_key(&one.key) {
                continue;
            }
            // What waited there for another reason, or as another version, has no turn any more.
            self.remove(&one.key);
            if one.why == Why::Enough {
                self.backlog.insert((one.bytes, one.key.clone()));
            }
            let (look, bytes, why) = (one.look.clone(), one.bytes, one.why);
            let waits = Waits { look, bytes, why, not_before, since: now, pause, early: false };
            self.all.insert(one.key.clone(), waits);
        }
        if self.backlog.is_empty() {
            self.load = START;
        }
        // What follows something elsewhere has no sign of its end but time.
        for one in held.iter().filter(|one| one.why == Why::Follows) {
            let early = self.is_held_up(&one.key);
            if let Some(waits) = self.all.get_mut(&one.key).filter(|waits| waits.why == Why::Follows) {
                waits.early = early;
            }
        }
    }

    /// Whether something below a key path waits for more than what is below it.
    fn is_held_up(&self, key: &RelPath) -> bool {
        self.below(key).any(|(_, below)| below.why != Why::Follows)
    }

    fn below(&self, key: &RelPath) -> impl Iterator<Item = (&RelPath, &Waits)> {
        let later = self.all.range((Bound::Excluded(key.clone()), Bound::Unbounded));
        later.take_while(move |(path, _)| path.starts_with(key))
    }

    /// Whether something below a key path waits that a look at these key paths does not reach.
    pub(super) fn waits_below(&self, path: &RelPath, keys: &BTreeMap<RelPath, bool>) -> bool {
        self.below(path).any(|(key, _)| !reaches(keys, key))
    }

    /// The key paths of what waits to be looked at where somebody told of. A version that gives way to a folder is looked
    /// at where it goes.
    pub(super) fn looked_for(&self, told: &BTreeMap<RelPath, bool>) -> Vec<RelPath> {
        let looks = self.all.iter().filter(|(_, waits)| told.contains_key(&waits.look));
        looks.map(|(key, _)| key.clone()).collect()
    }

    /// Whether something waits at a key path.
    pub(super) fn knows(&self, key: &RelPath) -> bool {
        self.all.contains_key(key)
    }

    /// Whether what waits at a key path has passed the guards: what they have stopped has not, and what was gone is
    /// judged when it is known to be.
    pub(super) fn was_let_through(&self, key: &RelPath) -> bool {
        self.all.get(key).is_some_and(|waits| !matches!(waits.why, Why::Guarded | Why::Gone))
    }

    /// Whether what waits at a key path has its turn in any case: no person and no other program is waited for.
    pub(super) fn comes_by_itself(&self, key: &RelPath) -> bool {
        self.all.get(key).is_some_and(|waits| matches!(waits.why, Why::Large | Why::Enough | Why::Gone))
    }

    fn remove(&mut self, key: &RelPath) -> Option<Waits> {
        let waits = self.all.remove(key)?;
        self.backlog.remove(&(waits.bytes, key.clone()));
        Some(waits)
    }

    /// When something is due; none while nothing waits but large files.
    pub(super) fn due(&self) -> Option<Instant> {
        self.all.iter().filter_map(|(key, waits)| self.due_at(key, waits)).min()
    }

    /// What follows something is due as soon as nothing below it waits any more.
    fn due_at(&self, key: &RelPath, waits: &Waits) -> Option<Instant> {
        let free = waits.early && !self.is_held_up(key);
        if free { Some(waits.since) } else { waits.not_before }
    }

    /// The paths to look at next: what is due, and of the backlog as much as a cycle takes on.
    pub(super) fn take(&self, now: Instant) -> Turn {
        let mut taken = BTreeMap::new();
        let (mut files, mut bytes) = (0, 0);
        let (mut is_full, mut gone) = (false, false);
        for (size, key) in &self.backlog {
            if files >= self.load.files || (files > 0 && bytes + size > self.load.bytes) {
                is_full = true;
                break;
            }
            (files, bytes) = (files + 1, bytes + size);
            if let Some(waits) = self.all.get(key) {
                taken.insert(waits.look.clone(), false);
            }
        }
        let mut looks = 0;
        for (key, waits) in &self.all {
            if waits.why != Why::Enough && self.due_at(key, waits).is_some_and(|at| at <= now) {
                if waits.why == Why::Gone {
                    looks += 1;
                    // The rest has the next turn: news comes first.
                    if looks > MOST_GONE {
                        continue;
                    }
                    gone = true;
                }
                taken.insert(waits.look.clone(), false);
            }
        }
        Turn { paths: taken, gone, is_full }
    }
}

/// Whether a look at these key paths, with all below them or not, reaches another one.
pub(super) fn reaches(keys: &BTreeMap<RelPath, bool>, path: &RelPath) -> bool {
    keys.contains_key(path) || path.ancestors().any(|above| keys.get(&above) == Some(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    fn held(key: &str, bytes: u64, why: Why) -> Held {
        Held { key: path(key), look: path(key), bytes, why, freight: Vec::new() }
    }

    fn names(taken: &BTreeMap<RelPath, bool>) -> Vec<String> {
        taken.keys().map(RelPath::display).collect()
    }

    #[test]
    fn small_files_come_first_and_only_as_many_as_fit() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        let many: Vec<Held> = (0..2000).map(|n| held(&format!("f{n:04}"), 2000 - n, Why::Enough)).collect();
        waiting.looked(None, &many, now);
        assert_eq!(waiting.amount().actions, 2000);
        let taken = waiting.take(now).paths;
        assert_eq!(taken.len() as u64, FIRST);
        assert!(taken.contains_key(&path("f1999")) && !taken.contains_key(&path("f0000")));
        let keys = taken.clone();
        assert_eq!(waiting.beside(&keys), 2000 - FIRST);
        waiting.looked(Some(&keys), &[], now);
        assert_eq!(waiting.amount().actions, 2000 - FIRST);
        assert!(waiting.take(now).paths.contains_key(&path("f1935")));
    }

    #[test]
    fn a_cycle_takes_on_what_it_can_do_in_time() {
        let mut waiting = Waiting::new();
        let part = |is_full| Turn { paths: BTreeMap::new(), gone: false, is_full };
        let mut took = |is_full, millis| {
            waiting.took(&part(is_full), Duration::from_millis(millis));
            waiting.load().files
        };
        assert_eq!(took(false, 1), FIRST, "there was no more to do");
        for _ in 0..10 {
            took(true, 100);
        }
        assert_eq!(took(true, 100), MOST);
        assert_eq!(took(true, 15_000), MOST / 10);
        assert_eq!(took(false, 15_000_000), LEAST);
        assert_eq!(took(true, 1000), LEAST);
        waiting.looked(None, &[], Instant::now());
        assert_eq!(waiting.load().files, FIRST, "the next backlog may meet another line");
    }

    #[test]
    fn a_file_that_is_written_is_looked_at_at_growing_pauses() {
        let start = Instant::now();
        let mut now = start;
        let mut waiting = Waiting::new();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            waiting.looked(Some(&BTreeMap::from([(path("a"), false)])), &[held("a", 5, Why::Writing)], now);
            assert!(waiting.take(now).paths.is_empty());
            let due = waiting.due().unwrap();
            pauses.push((due - now).as_secs());
            now = due;
            assert_eq!(names(&waiting.take(now).paths), ["a"]);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        assert_eq!(waiting.amount(), Amount { actions: 1, bytes: 5, writing: 1 });
    }

    #[test]
    fn a_large_file_has_no_time_and_what_follows_it_waits_for_it() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        waiting.looked(None, &[held("d/large", 1 << 40, Why::Large), held("d", 0, Why::Follows)], now);
        assert!(waiting.take(now).paths.is_empty());
        assert_eq!(waiting.due(), Some(now + FOLLOWS));
        waiting.looked(Some(&BTreeMap::from([(path("d/large"), false)])), &[], now);
        assert_eq!(waiting.due(), Some(now));
        assert_eq!(names(&waiting.take(now).paths), ["d"]);
    }

    #[test]
    fn what_is_looked_at_elsewhere_does_not_come_again_and_again() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        let aside = Held { look: path("d - clash"), ..held("d", 5, Why::Enough) };
        waiting.looked(None, &[aside], now);
        let told = waiting.take(now).paths;
        assert_eq!(names(&told), ["d - clash"]);
        let keys: BTreeMap<_, _> =
            told.keys().cloned().chain(waiting.looked_for(&told)).map(|key| (key, false)).collect();
        waiting.looked(Some(&keys), &[], now);
        assert_eq!((waiting.amount().actions, waiting.due()), (0, None));
    }

    #[test]
    fn what_follows_something_elsewhere_has_its_turn_after_a_while() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        waiting.looked(None, &[held("kept", 1 << 40, Why::Large), held("report", 5, Why::Follows)], now);
        assert_eq!(waiting.due(), Some(now + FOLLOWS));
        assert!(waiting.take(now).paths.is_empty());
        assert_eq!(names(&waiting.take(now + FOLLOWS).paths), ["report"]);
    }

    #[test]
    fn a_folder_waits_for_what_a_cycle_does_not_look_at() {
        let now = Instant::now();
        let mut waiting = Waiting::new();
        waiting.looked(None, &[held("d/a", 1, Why::Enough), held("d/b", 1, Why::Enough)], now);
        let keys = |some: &[&str]| some.iter().map(|at| (path(at), false)).collect();
        assert!(waiting.waits_below(&path("d"), &keys(&["d", "d/a"])));
        assert!(!waiting.waits_below(&path("d"), &keys(&["d/b", "d/a"])));
        assert!(!waiting.waits_below(&path("d"), &BTreeMap::from([(path("d"), true)])));
        assert!(!waiting.waits_below(&path("d/a"), &keys(&[])));
    }

    #[test]
    fn only_what_waits_and_no_guard_has_stopped_was_let_through() {
        let mut waiting = Waiting::new();
        waiting.looked(None, &[held("d/a", 1, Why::Enough), held("d/b", 1, Why::Guarded)], Instant::now());
        let through: Vec<_> = ["d/a", "d/b", "d/c", "d"].map(|at| waiting.was_let_through(&path(at))).into();
        assert_eq!(through, [true, false, false, false]);
    }
}
