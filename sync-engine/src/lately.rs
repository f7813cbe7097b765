//! What this session has taken from each side lately.
//!
//! Owns [`Lately`]. A live session sees the deletion of a tree in many small parts, none of which would trouble the guard;
//! so each of its plans is judged together with those just before it. Each path counts once, however often it is written,
//! and from the moment when its change was let through, whether it was carried out at once or is left for later. Must not
//! count what a person approved.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sync_core::guard::{Taken, takes};
use sync_core::path::RelPath;
use sync_core::plan::Action;
use sync_core::side::{Side, Sides};

/// How long something counts.
const WINDOW: Duration = Duration::from_mins(10);

/// Files that plans of the last minutes delete or overwrite, by key path.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<Let>);

/// What was let through. Of a path there is its hash alone: what a busy hour takes must not fill the memory, and two paths
/// that share one make the sum less by one.
#[derive(Debug, Default)]
struct Let {
    hasher: RandomState,
    all: HashMap<u64, (Instant, Sides<Taken>)>,
    /// In the order in which it happened; what happened again at a path is in it again.
    order: VecDeque<(Instant, u64)>,
    sum: Sides<Taken>,
    /// Nothing is forgotten until a person has looked, or has undone it.
    stay: bool,
}

impl Let {
    fn drop_one(&mut self, path: u64) {
        if let Some((_, taken)) = self.all.remove(&path) {
            subtract(&mut self.sum, taken);
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(&(since, path)) = self.order.front() {
            if self.stay || now.duration_since(since) <= WINDOW {
                return;
            }
            self.order.pop_front();
            if self.all.get(&path).is_some_and(|(last, _)| *last == since) {
                self.drop_one(path);
            }
        }
    }
}

fn subtract(sum: &mut Sides<Taken>, taken: Sides<Taken>) {
    for side in Side::BOTH {
        sum[side].files = sum[side].files.saturating_sub(taken[side].files);
        sum[side].gone = sum[side].gone.saturating_sub(taken[side].gone);
    }
}

impl Lately {
    /// These actions were let through.
    pub(crate) fn note<'a>(&self, actions: impl Iterator<Item = &'a Action>, now: Instant) {
        let mut lately = self.lock();
        for action in actions {
            let taken = takes(action);
            if taken.both(|side| side.files == 0) {
                continue;
            }
            let path = lately.hasher.hash_one(&action.path);
            lately.drop_one(path);
            for side in Side::BOTH {
                lately.sum[side].files += taken[side].files;
                lately.sum[side].gone += taken[side].gone;
            }
            lately.all.insert(path, (now, taken));
            lately.order.push_back((now, path));
        }
    }

    /// What counts now beside a plan, which counts by itself what it does at the key paths it `plans`.
    pub(crate) fn taken<'a>(&self, now: Instant, plans: impl Iterator<Item = &'a RelPath>) -> Sides<Taken> {
        let mut lately = self.lock();
        lately.forget_old(now);
        let mut sum = lately.sum;
        if lately.all.is_empty() {
            return sum;
        }
        for path in plans {
            if let Some((_, taken)) = lately.all.get(&lately.hasher.hash_one(path)) {
                subtract(&mut sum, *taken);
            }
        }
        sum
    }

    /// A person has looked: nothing counts any more.
    pub(crate) fn forget(&self) {
        *self.lock() = Let::default();
    }

    /// A guard has stopped something: what counts now counts until a person has looked, or has undone it.
    pub(crate) fn stay(&self) {
        self.lock().stay = true;
    }

    /// A look at everything has found nothing that a guard would stop: what counts counts no longer than ever.
    pub(crate) fn lift(&self) {
        self.lock().stay = false;
    }

    fn lock(&self) -> MutexGuard<'_, Let> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sync_core::entry::{Attributes, Entry, Kind};
    use sync_core::matrix::{Rule, State};
    use sync_core::plan::{Phase, Transition};

    use super::*;

    fn goes(at: &str) -> Action {
        let at = RelPath::try_from(at).unwrap();
        let expect = Entry {
            kind: Kind::File,
            attributes: Attributes::NotHeld,
            size: 1,
            mtime_ns: 0,
            ctime_ns: 0,
            file_id: None,
        };
        Action {
            path: at.clone(),
            rule: Rule::Deleted(Side::Left),
            states: Sides { left: State::Deleted, right: State::Unchanged },
            phase: Phase::Deletes,
            transitions: vec![Transition::Remove { on: Side::Right, at, expect, soft: true }],
            agree: Vec::new(),
            forget: Vec::new(),
            carried: Vec::new(),
            clash: None,
            after: None,
        }
    }

    #[test]
    fn each_path_counts_once_for_as_long_as_a_window_or_until_somebody_looked() {
        let start = Instant::now();
        let lately = Lately::default();
        lately.note([goes("b"), goes("c")].iter(), start);
        for second in 0..60 {
            lately.note([goes("a")].iter(), start + Duration::from_secs(second));
        }
        let planned = [RelPath::try_from("c").unwrap()];
        let files = |after: Duration| lately.taken(start + after, planned.iter()).right.files;
        assert_eq!(files(Duration::from_mins(1)), 2, "what is planned now counts by itself");
        assert_eq!(lately.taken(start, std::iter::empty()).right, Taken { files: 3, gone: 3 });
        assert_eq!(lately.taken(start, std::iter::empty()).left, Taken::default());
        assert_eq!(files(WINDOW + Duration::from_secs(10)), 1, "the last time counts");
        lately.stay();
        assert_eq!(files(WINDOW * 5), 1);
        lately.lift();
        assert_eq!(files(WINDOW * 5), 0, "they are long past");
        lately.note([goes("d")].iter(), start + WINDOW * 5);
        lately.stay();
        lately.forget();
        assert_eq!(files(Duration::ZERO), 0);
    }
}
