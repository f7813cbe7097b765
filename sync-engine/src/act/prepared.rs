//! Copies that were prepared beside the cycles.
//!
//! Owns [`Prepared`]: complete copies in the staging areas, each until a cycle wants it. Preparing one changes nothing
//! that anybody sees; whether it is still wanted when it is ready is the decision of an ordinary cycle, and what
//! replaces a version is the executor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_core::entry::Entry;
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
    /// It could not be made.
    Failed(Failure),
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
    pub(crate) fn begun(&self, to: Side, at: RelPath, source: Entry, bytes: Arc<AtomicU64>) {
        self.all().insert((to, at), (source, What::Begun(bytes)));
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

    /// A copy could not be made. The next cycle that wants it meets this failure.
    pub(crate) fn failed(&self, freight: &Freight, failure: Failure) {
        self.put(freight, What::Failed(failure));
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
            Some((known, What::Ready(_) | What::Failed(_))) if known.is_same_version_moved(source) => {}
            _ => return None,
        }
        match all.remove(&place)?.1 {
            What::Ready(staged) => Some(Ok(staged)),
            What::Failed(failure) => Some(Err(failure)),
            What::Begun(_) => None,
        }
    }

    /// Forgets a copy. Returns it when it was complete.
    pub(crate) fn forget(&self, to: Side, at: &RelPath) -> Option<Staged> {
        match self.all().remove(&(to, at.clone()))?.1 {
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
                (_, What::Failed(_)) => None,
            },
            _ => None,
        });
        there.sum()
    }
}
