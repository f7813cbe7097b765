//! Copies that were prepared beside the cycles.
//!
//! Owns [`Prepared`]: complete copies in the staging areas, each until a cycle wants it. Preparing one changes nothing
//! that anybody sees; whether it is still wanted when it is ready is the decision of an ordinary cycle, and what
//! replaces a version is the executor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_core::entry::Entry;
use sync_core::guard::Begun;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Transition};
use sync_core::side::Side;
use sync_replica::Staged;

use super::Failure;
use super::hold::Freight;

/// The side that receives, and the path there.
type Place = (Side, RelPath);

enum What {
    /// So many bytes lie on the receiving side so far.
    Begun(Arc<AtomicU64>),
    /// The copy is complete.
    Ready(Staged),
    /// It could not be made. So many bytes of it lie on the receiving side.
    Failed(Failure, u64),
}

/// What is prepared, by where it goes.
#[derive(Default)]
pub(crate) struct Prepared(Mutex<BTreeMap<Place, (Entry, What)>>);

impl Prepared {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Place, (Entry, What)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, freight: &Freight, what: What) -> Option<Staged> {
        let place = (freight.to, freight.at.clone());
        match self.all().insert(place, (freight.source, what)) {
            Some((_, What::Ready(staged))) => Some(staged),
            _ => None,
        }
    }

    /// An earlier session has brought a part of a copy to `at` on the side `to`.
    pub(crate) fn begun(&self, to: Side, at: RelPath, source: Entry, bytes: u64) {
        self.all().insert((to, at), (source, What::Begun(Arc::new(AtomicU64::new(bytes)))));
    }

    /// A copy is begun, or gone on with. Returns the number of bytes that are there, which whoever makes it counts up.
    pub(crate) fn begin(&self, freight: &Freight) -> Arc<AtomicU64> {
        if let Some((source, What::Begun(bytes))) = self.all().get(&(freight.to, freight.at.clone()))
            && *source == freight.source
        {
            return Arc::clone(bytes);
        }
        let bytes = Arc::new(AtomicU64::new(0));
        self.put(freight, What::Begun(Arc::clone(&bytes)));
        bytes
    }

    /// A copy is complete and durable. Returns one that it takes the place of.
    pub(crate) fn ready(&self, freight: &Freight, staged: Staged) -> Option<Staged> {
        self.put(freight, What::Ready(staged))
    }

    /// A copy could not be made, but for `bytes` of it. The next cycle that wants it meets this failure.
    pub(crate) fn failed(&self, freight: &Freight, failure: Failure, bytes: u64) {
        self.put(freight, What::Failed(failure, bytes));
    }

    /// What became of a copy counts no longer, should it have failed: another attempt may come to another end.
    pub(crate) fn lapse(&self, freight: &Freight) {
        let mut all = self.all();
        if let Some((_, what)) = all.get_mut(&(freight.to, freight.at.clone()))
            && let What::Failed(_, bytes) = what
        {
            *what = What::Begun(Arc::new(AtomicU64::new(*bytes)));
        }
    }

    /// The copies of which a part is there, each with the version it is a copy of.
    pub(crate) fn parts(&self) -> Vec<(Begun, Entry)> {
        let parts = |((to, at), (source, what)): (&Place, &(Entry, What))| {
            let bytes = match what {
                What::Begun(bytes) => bytes.load(Ordering::Relaxed),
                What::Failed(_, bytes) => *bytes,
                What::Ready(_) => return None,
            };
            let missing = source.size.saturating_sub(bytes);
            Some((Begun { to: *to, at: at.clone(), bytes, missing }, *source))
        };
        self.all().iter().filter_map(parts).collect()
    }

    /// Nothing is there any more of a copy that was begun; whoever still wants it begins anew.
    pub(crate) fn gave_way(&self, to: Side, at: &RelPath) {
        let mut all = self.all();
        let place = (to, at.clone());
        match all.get(&place) {
            Some((_, What::Begun(bytes))) => bytes.store(0, Ordering::Relaxed),
            Some((_, What::Failed(..))) => drop(all.remove(&place)),
            _ => {}
        }
    }

    /// Whether what became of a copy is known.
    pub(crate) fn knows(&self, freight: &Freight) -> bool {
        let all = self.all();
        let found = all.get(&(freight.to, freight.at.clone()));
        found.is_some_and(|(source, what)| *source == freight.source && !matches!(what, What::Begun(_)))
    }

    /// Hands over the copy of a version, or why there is none. None where nobody prepared it.
    pub(crate) fn take(&self, to: Side, at: &RelPath, source: &Entry) -> Option<Result<Staged, Failure>> {
        let mut all = self.all();
        let place = (to, at.clone());
        match all.get(&place) {
            // A second name has moved its change time since.
            Some((known, What::Ready(_) | What::Failed(..))) if known.is_same_version_moved(source) => {}
            _ => return None,
        }
        let (known, what) = all.remove(&place)?;
        match what {
            What::Ready(staged) => Some(Ok(staged)),
            What::Failed(failure, bytes) => {
                if bytes > 0 {
                    all.insert(place, (known, What::Begun(Arc::new(AtomicU64::new(bytes)))));
                }
                Some(Err(failure))
            }
            What::Begun(_) => None,
        }
    }

    /// Forgets the copy of a version. Returns it when it was complete.
    pub(crate) fn forget(&self, to: Side, at: &RelPath, source: &Entry) -> Option<Staged> {
        let mut all = self.all();
        let place = (to, at.clone());
        if all.get(&place)?.0 != *source {
            return None;
        }
        match all.remove(&place)?.1 {
            What::Ready(staged) => Some(staged),
            _ => None,
        }
    }

    /// How many bytes that an action is to copy lie on the receiving side already.
    pub(crate) fn bytes_of(&self, action: &Action) -> u64 {
        let all = self.all();
        if all.is_empty() {
            return 0;
        }
        let there = action.transitions.iter().filter_map(|transition| match transition {
            Transition::Copy { to, at, source, .. } => match all.get(&(*to, at.clone()))? {
                (known, _) if known != source => None,
                (_, What::Begun(bytes)) => Some(bytes.load(Ordering::Relaxed)),
                (_, What::Ready(_)) => Some(source.size),
                (_, What::Failed(_, bytes)) => Some(*bytes),
            },
            _ => None,
        });
        there.sum()
    }
}
