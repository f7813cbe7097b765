//! News of a side that does not tell of all that happens in it: somebody goes round and looks.
//!
//! Owns [`Rolling`]: a thread that reads one directory of a side after another, within a budget of reads per second,
//! and tells what a watcher would tell. It must never decide or change anything: its news are hints where to look, as
//! all news are, and the cycle that follows sees for itself.
//!
//! **What is news** is what of a directory is unlike the side's record in the baseline, and was not told of at an
//! earlier visit. The baseline, and not the listing of the last visit, because
//!
//! - it is there already, for every file, on disk: what is remembered here is a directory's name and the few things in
//!   it that are unlike, a number each, so that a million files in a hundred thousand folders take some ten MB;
//! - nothing is lost between the look at everything with which a session begins and the first visit, nor in a restart;
//! - what Bothways itself wrote is no news once it is remembered.
//!
//! What was told is remembered, so that a conflict or a problem that stands is told once and not at every visit, and
//! again when it becomes another one or went away in between.
//!
//! **What was moved** from one folder to another is seen as new at one visit and as gone at another. Both ends are told
//! together where both are found: what is new is looked for where it was when both sides last agreed, and what is gone
//! is not told before everything else had its turn once, or a minute is over.
//!
//! `order` says which directory is read when and knows no clock; `folders` knows the directories by their number, `moves`
//! what was where. Start with `Round::run`.

mod folders;
mod moves;
mod order;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::entry::{Kind, Reason};
use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_core::snapshot::Listing;
use sync_core::unlike::{Unlike, unlike};
use sync_replica::{News, Problem, ProblemKind, ScanRequest, Tell, Uncontrolled};
use sync_state::{State, StateError};

use self::folders::{Folders, ROOT};
use self::moves::{LONGEST_MS, Moves, short};
use self::order::{ACTIVE_FOR_MS, Next, Order, Pace, Standing};
use crate::clock::now_ns;
use crate::report::time;
use crate::session::Session;

/// In how many directories what is new in one is looked for at the most.
const SEARCHED: usize = 16;

/// The rolling scan of a side, and how long it takes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RollingReport {
    /// How many directories are known.
    pub directories: u64,
    /// In how many of them something changed lately: these are looked at in every `sync_interval_seconds`.
    pub active: u64,
    /// How many directories may be read in a second (`[live] scan_per_second`).
    pub per_second: u64,
    /// How many a minute allows as they were read lately: fewer than the budget where reading one takes long.
    pub per_minute: u64,
    /// After how many seconds every directory has been looked at again, at this rate.
    pub round_seconds: u64,
    /// How many seconds the last round took.
    pub last_round_seconds: Option<u64>,
    /// When the last round came to its end.
    pub last_round_finished: Option<String>,
}

/// A rolling scan, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Rolling {
    _stop: Sender<()>,
    report: Arc<Mutex<RollingReport>>,
}

impl Rolling {
    /// Begins to go round a side. The thread is one of `scope`, which waits for it in the end.
    pub(super) fn begin<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        session: &'env Session,
        side: Side,
        per_second: u32,
        interval: Duration,
        tell: Tell,
    ) -> Self {
        let (send, stop) = bounded(0);
        let pace = Pace { per_second, interval_ms: interval.as_millis() as u64 };
        let report = Arc::new(Mutex::new(RollingReport::default()));
        let shown = Arc::clone(&report);
        scope.spawn(move || {
            let start = Instant::now();
            // Time begins that much earlier, so that what changed before can be told by it.
            let order = Order::new(pace, ACTIVE_FOR_MS);
            let mut round = Round {
                session,
                side,
                pace,
                tell,
                shown,
                start,
                order,
                folders: Folders::default(),
                moves: Moves::default(),
                searches: false,
            };
            round.run(&stop);
        });
        Self { _stop: send, report }
    }

    /// How it stands.
    pub(super) fn report(&self) -> RollingReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Round<'a> {
    session: &'a Session,
    side: Side,
    pace: Pace,
    tell: Tell,
    shown: Arc<Mutex<RollingReport>>,
    start: Instant,
    order: Order,
    folders: Folders,
    moves: Moves,
    /// A directory is visited to find what is new in another one.
    searches: bool,
}

/// Something new: its identity, where it is, and in which directory it may have been.
struct Sought {
    id: NonZeroU64,
    path: RelPath,
    directory: u32,
}

/// How a visit ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visited {
    Seen,
    /// The root is away.
    Away,
}

impl Round<'_> {
    fn run(&mut self, stop: &Receiver<()>) {
        self.folders.put(self.order.add(None, self.now()), ROOT, b"");
        if let Some(state) = &self.session.state
            && let Err(error) = self.know(state)
        {
            // The round finds the directories on its way.
            log::warn!(operation = "scan", side = self.side.name(); "{error}");
        }
        loop {
            self.tell_overdue();
            if self.moves.is_stale()
                && let Err(error) = self.know_places()
            {
                // It is learnt on the way.
                log::debug!(operation = "scan", side = self.side.name(); "{error}");
                self.moves.learn_all(Vec::new());
            }
            let pause = match self.order.next(self.now()) {
                Next::Read(number) => match self.visit(number) {
                    Visited::Seen => Duration::ZERO,
                    Visited::Away => Duration::from_millis(self.pace.interval_ms),
                },
                Next::Wait(until) => {
                    self.show();
                    Duration::from_millis(until.saturating_sub(self.now()))
                }
            };
            let due = self.moves.due().map(|due| Duration::from_millis(due.saturating_sub(self.now())));
            let pause = due.map_or(pause, |due| due.min(pause));
            // Nothing is ever sent: the other end goes when nobody wants to know any more.
            if stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn now(&self) -> u64 {
        ACTIVE_FOR_MS + self.start.elapsed().as_millis() as u64
    }

    /// Learns the directories from the baseline, what is in which, and in which of them a file changed lately.
    fn know(&mut self, state: &State) -> Result<(), StateError> {
        let mut known = HashMap::from([(RelPath::root(), ROOT)]);
        let now = self.now();
        let clock_ns = now_ns();
        let mut places = Vec::new();
        for dir in state.baseline()? {
            let dir = dir?;
            let Some(above) = known.get(&dir.path).copied() else { continue };
            let mut latest_ns = i64::MIN;
            for (key, agreed) in &dir.children {
                let record = &agreed.sides[self.side];
                places.extend(record.file_id.map(|id| (short(id), above)));
                if agreed.kind != Kind::Dir {
                    latest_ns = latest_ns.max(record.mtime_ns);
                } else if let Ok(path) = dir.path.join(key) {
                    let number = self.order.add(None, now);
                    self.folders.put(number, above, record.name.as_deref().unwrap_or(key));
                    known.insert(path, number);
                }
            }
            let age_ms = clock_ns.saturating_sub(latest_ns).max(0) as u64 / 1_000_000;
            if age_ms < ACTIVE_FOR_MS {
                self.order.changed(above, now - age_ms);
            }
        }
        self.moves.learn_all(places);
        Ok(())
    }

    /// Learns anew what is in which directory, where too much has changed since.
    fn know_places(&mut self) -> Result<(), StateError> {
        let Some(state) = &self.session.state else { return Ok(()) };
        let mut known = HashMap::from([(RelPath::root(), ROOT)]);
        let mut places = Vec::new();
        for dir in state.baseline()? {
            let dir = dir?;
            let Some(above) = known.get(&dir.path).copied() else { continue };
            for (key, agreed) in &dir.children {
                let record = &agreed.sides[self.side];
                places.extend(record.file_id.map(|id| (short(id), above)));
                if agreed.kind == Kind::Dir
                    && let Ok(path) = dir.path.join(key)
                    && let Some(number) = self.folders.inside(above, record.name.as_deref().unwrap_or(key))
                {
                    known.insert(path, number);
                }
            }
        }
        self.moves.learn_all(places);
        Ok(())
    }

    /// Tells what was held back for long enough.
    fn tell_overdue(&mut self) {
        for path in self.moves.overdue(self.now()) {
            (self.tell)(News::At(path));
        }
    }

    fn visit(&mut self, number: u32) -> Visited {
        let began = self.now();
        let clock = Instant::now();
        let Some(path) = self.folders.path(number) else {
            self.order.remove(number);
            return Visited::Seen;
        };
        let request = ScanRequest { threads: 1, ..self.session.scan_request(&Uncontrolled) };
        let listed = self.session.replicas[self.side].list(&path, &request);
        let told = match listed {
            Ok(listing) => self.look(number, &path, &listing),
            Err(problem) => self.fail(number, &path, &problem),
        };
        self.order.visited(number, began, clock.elapsed().as_micros() as u64);
        match told {
            Ok(true) => self.order.changed(number, began),
            Ok(false) => {}
            Err(Visited::Away) => return Visited::Away,
            Err(Visited::Seen) => {}
        }
        Visited::Seen
    }

    /// Tells what is news in a directory that was read. Whether anything is.
    fn look(&mut self, number: u32, path: &RelPath, listing: &Listing) -> Result<bool, Visited> {
        let rows = match &self.session.state {
            Some(state) => {
                match state.baseline_dir(&self.session.equivalence().path_key(path)) {
                    Ok(dir) => dir.children,
                    Err(error) => {
                        // The next cycle meets it too, and says so; the directory has its turn again.
                        log::debug!(operation = "scan", side = self.side.name(); "{error}");
                        return Err(Visited::Seen);
                    }
                }
            }
            None => Vec::new(),
        };
        let spelling = self.session.replicas[self.side].abilities().shows_spelling;
        let mut unlike = unlike(listing, &rows, self.side, spelling);
        // What is hidden for its content, and was not always, is nothing to the pair.
        unlike.retain(|one| match one {
            Unlike::Unobserved(one) if one.trouble.reason == Reason::ContentHidden => {
                rows.binary_search_by(|(key, _)| key.cmp(&one.key)).is_ok()
            }
            _ => true,
        });
        let numbers: Vec<u64> = unlike.iter().map(|one| self.number(one)).collect();
        let new = self.folders.tell(number, numbers.clone());
        for (_, agreed) in &rows {
            if let Some(id) = agreed.sides[self.side].file_id {
                self.moves.learn(id, number);
            }
        }
        let until = self.now() + self.order.standing().round_ms.min(LONGEST_MS);
        let mut sought = Vec::new();
        // What is gone comes first: it may be new under another name.
        for goes in [true, false] {
            let ones = unlike.iter().zip(&numbers).filter(|(one, _)| matches!(one, Unlike::Gone(..)) == goes);
            for (one, _) in ones.filter(|(_, its)| new.binary_search(its).is_ok()) {
                let Ok(path) = path.join(one.name(self.side)) else { continue };
                match one {
                    Unlike::Gone(_, agreed) => self.goes(agreed.sides[self.side].file_id, path, until),
                    Unlike::Here(listed)
                        if rows.binary_search_by(|(key, _)| (**key).cmp(listed.key)).is_err() =>
                    {
                        sought.extend(self.comes(number, listed.entry.file_id, path));
                    }
                    _ => (self.tell)(News::At(path)),
                }
            }
        }
        let unlike: HashSet<&[u8]> = unlike
            .iter()
            .filter(|one| matches!(one, Unlike::Here(_)))
            .map(|one| one.name(self.side))
            .collect();
        let inside: Vec<_> =
            listing.iter().filter(|listed| listed.entry.is_dir()).map(|listed| listed.name).collect();
        let changes = self.folders.compare(number, &inside);
        for gone in changes.gone {
            self.forget(gone);
        }
        let now = self.now();
        for name in changes.new {
            // One that both sides have agreed on came from here; any other one somebody has just made.
            let joins = self.order.add(unlike.contains(&*name).then_some(now), now);
            self.folders.put(joins, number, &name);
        }
        self.search(sought);
        Ok(!new.is_empty())
    }

    /// Something is gone: perhaps it is found elsewhere.
    fn goes(&mut self, id: Option<NonZeroU64>, path: RelPath, until: u64) {
        let at_once = match id {
            Some(id) => self.moves.goes(id, path, until),
            None => Some(path),
        };
        if let Some(path) = at_once {
            (self.tell)(News::At(path));
        }
    }

    /// Something is new in a directory. What is to be looked for elsewhere is told of later.
    fn comes(&mut self, number: u32, id: Option<NonZeroU64>, path: RelPath) -> Option<Sought> {
        if let Some(from) = id.and_then(|id| self.moves.comes(id)) {
            self.tell_move(from, path);
            return None;
        }
        let elsewhere = id.and_then(|id| Some((id, self.moves.directory(id)?)));
        match elsewhere.filter(|(_, directory)| *directory != number && !self.searches) {
            Some((id, directory)) => Some(Sought { id, path, directory }),
            None => {
                (self.tell)(News::At(path));
                None
            }
        }
    }

    /// Looks where things were before that are new elsewhere, and tells of both.
    fn search(&mut self, sought: Vec<Sought>) {
        // A directory that is visited for a search seeks nothing itself.
        if sought.is_empty() {
            return;
        }
        let mut directories: Vec<u32> = sought.iter().map(|one| one.directory).collect();
        directories.sort_unstable();
        directories.dedup();
        self.searches = true;
        for number in directories.into_iter().take(SEARCHED) {
            self.visit(number);
        }
        self.searches = false;
        for Sought { id, path, .. } in sought {
            match self.moves.comes(id) {
                Some(from) => self.tell_move(from, path),
                None => (self.tell)(News::At(path)),
            }
        }
    }

    fn tell_move(&self, from: RelPath, to: RelPath) {
        (self.tell)(News::Moved(from));
        (self.tell)(News::Moved(to));
    }

    /// A directory could not be read.
    fn fail(&mut self, number: u32, path: &RelPath, problem: &Problem) -> Result<bool, Visited> {
        match problem.kind {
            ProblemKind::RootGone => {
                // Whoever looks there sees that it is away, and waits. Nothing is gone for that.
                (self.tell)(News::Below(RelPath::root()));
                Err(Visited::Away)
            }
            ProblemKind::NotFound | ProblemKind::NotADirectory if number != ROOT => {
                let above = self.folders.above(number);
                self.forget(number);
                match above {
                    // It may be elsewhere: the directory above knows what it was.
                    Some(above) if self.is_agreed(path) => match self.visit(above) {
                        Visited::Away => Err(Visited::Away),
                        Visited::Seen => Err(Visited::Seen),
                    },
                    _ => {
                        (self.tell)(News::At(path.clone()));
                        Err(Visited::Seen)
                    }
                }
            }
            kind => {
                let new = self.folders.tell(number, vec![hash(&kind)]);
                if !new.is_empty() {
                    (self.tell)(News::Below(path.clone()));
                }
                Ok(!new.is_empty())
            }
        }
    }

    /// Whether both sides had it when they last agreed.
    fn is_agreed(&self, path: &RelPath) -> bool {
        let key = self.session.equivalence().path_key(path);
        self.session
            .state
            .as_ref()
            .is_some_and(|state| state.agreed(&key).is_ok_and(|agreed| agreed.is_some()))
    }

    fn forget(&mut self, number: u32) {
        for gone in self.folders.remove(number) {
            self.order.remove(gone);
        }
    }

    /// What stands for something that is told: the same while it is the same.
    fn number(&self, one: &Unlike<'_>) -> u64 {
        let name = one.name(self.side);
        match one {
            // What happens in a directory moves its times.
            Unlike::Here(listed) if listed.entry.is_dir() => {
                hash(&(name, 0, listed.entry.attributes, listed.entry.file_id))
            }
            Unlike::Here(listed) => hash(&(name, 1, listed.entry, listed.target)),
            Unlike::Unobserved(one) => hash(&(name, 2, one.trouble.reason)),
            Unlike::Gone(..) => hash(&(name, 3)),
        }
    }

    fn show(&self) {
        let standing = self.order.standing();
        let report = report(&standing, self.pace, self.now(), now_ns());
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }
}

/// A standing in words and seconds. `now` and `clock_ns` are the same moment.
fn report(standing: &Standing, pace: Pace, now: u64, clock_ns: i64) -> RollingReport {
    let ended_ns = |ended: u64| {
        let ago_ns = i64::try_from(now.saturating_sub(ended)).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        clock_ns.saturating_sub(ago_ns)
    };
    RollingReport {
        directories: u64::from(standing.directories),
        active: u64::from(standing.active),
        per_second: u64::from(pace.per_second),
        per_minute: standing.per_kilosecond * 60 / 1000,
        round_seconds: standing.round_ms.div_ceil(1000),
        last_round_seconds: standing.last_round_ms.map(|ms| ms.div_ceil(1000)),
        last_round_finished: standing.last_end.map(|ended| time(ended_ns(ended))),
    }
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
