//! Making things durable: staged contents before they replace anything, names before the baseline speaks of them.
//!
//! A few staged files are made durable one by one; more than [`FEW`] by asking for the whole file system once, which
//! is then cheaper. The last flush asks for the whole file system wherever that can be done.

use std::collections::BTreeSet;
use std::io;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, Staged};

use crate::local::LocalReplica;
use crate::place::{leads_nowhere, parent_bytes};
use crate::stage::LocalStaged;

const FEW: usize = 32;
const THREADS: usize = 8;

/// What was changed since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    /// Directories in which a name changed.
    dirs: BTreeSet<Box<[u8]>>,
    /// Directories of the trash in which a name changed: one path in each.
    trash: Vec<RelPath>,
    /// Things that were put in place or changed without being made durable first.
    things: Vec<RelPath>,
    /// More than is worth listing.
    many: bool,
}

impl Dirty {
    /// Where the whole file system cannot be asked at once, the list has to stay whole.
    fn limit(&mut self) {
        if crate::sys::CAN_SYNC_ALL && self.dirs.len() + self.things.len() + self.trash.len() > FEW {
            *self = Self { many: true, ..Self::default() };
        }
    }
}

fn trouble(error: io::Error) -> Problem {
    Problem::io(Operation::Flush, &RelPath::root(), error)
}

/// Calls `work` for each of `jobs`, on several threads where there are several.
fn in_parallel<T: Sync>(jobs: &[T], work: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    if jobs.len() <= 2 {
        return jobs.iter().try_for_each(work);
    }
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(job)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.len().min(THREADS)).map(|_| scope.spawn(run)).collect();
        // Leaving the scope waits for those that are not asked.
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended early")))
        })
    })
}

impl LocalReplica {
    /// Notes that a name changed in the directory above `path`.
    pub(crate) fn touch_name(&self, path: &RelPath) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        if !dirty.many && !dirty.dirs.contains(parent_bytes(path)) {
            dirty.dirs.insert(parent_bytes(path).into());
            dirty.limit();
        }
    }

    /// Notes that what is at `path` is not durable.
    pub(crate) fn touch_thing(&self, path: &RelPath) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        if !dirty.many {
            dirty.things.push(path.clone());
            dirty.limit();
        }
    }

    /// Notes that `path` of the trash is new.
    pub(crate) fn touch_trash(&self, path: RelPath) {
        let mut dirty = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        if !dirty.many {
            // Its directories may be new as well.
            let more = path.ancestors().filter(|above| !above.is_root()).collect::<Vec<_>>();
            for path in std::iter::once(path).chain(more) {
                if !dirty.trash.iter().any(|known| parent_bytes(known) == parent_bytes(&path)) {
                    dirty.trash.push(path);
                }
            }
            dirty.limit();
        }
    }

    pub(crate) fn settle_staged(&self, staged: &[&Staged]) -> Result<(), Problem> {
        let staging = self.staging()?;
        let fresh: Vec<&LocalStaged> = staged
            .iter()
            .filter_map(|staged| staged.token.downcast_ref::<LocalStaged>())
            .filter(|own| !own.is_settled() && own.stat.kind == Some(Kind::File))
            .collect();
        if fresh.len() <= FEW {
            in_parallel(&fresh, |own| staging.dir.open_to_sync(&own.name())?.sync_all()).map_err(trouble)?;
        } else if !staging.dir.sync_all().map_err(trouble)? {
            in_parallel(&fresh, |own| staging.dir.open_to_sync(&own.name())?.sync_all()).map_err(trouble)?;
        }
        for own in fresh {
            own.mark_settled();
        }
        Ok(())
    }

    pub(crate) fn flush_changes(&self) -> Result<(), Problem> {
        let dirty = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        let flushed = self.flush_dirty(&dirty);
        if flushed.is_err() {
            // Nothing is known to be durable: the next flush has to do it all, and what came since.
            let mut since = self.dirty.lock().unwrap_or_else(PoisonError::into_inner);
            since.many |= dirty.many;
            since.dirs.extend(dirty.dirs);
            since.trash.extend(dirty.trash);
            since.things.extend(dirty.things);
        }
        flushed.map_err(trouble)
    }

    fn flush_dirty(&self, dirty: &Dirty) -> io::Result<()> {
        // What is gone again needs no flush of its own: that it is gone is a change of the directory above.
        let gone_is_fine = |result: io::Result<()>| match result {
            Err(error) if leads_nowhere(&error) => Ok(()),
            other => other,
        };
        // The list knows nothing of what users wrote a moment ago, nor of what a killed process left behind.
        if self.root.sync_all()? {
            return Ok(());
        }
        in_parallel(&dirty.things, |path| {
            gone_is_fine((|| {
                let dir = self.dir_at(parent_bytes(path))?;
                match dir.stat(path.name())?.and_then(|stat| stat.kind) {
                    Some(Kind::File) => dir.open_to_sync(path.name())?.sync_all(),
                    Some(Kind::Dir) => dir.open_beneath(path.name())?.sync(),
                    _ => Ok(()),
                }
            })())
        })?;
        for path in &dirty.trash {
            gone_is_fine(self.open_trash_parent(path).and_then(|dir| dir.sync()))?;
        }
        for rel in &dirty.dirs {
            gone_is_fine(self.dir_at(rel).and_then(|dir| dir.sync()))?;
        }
        Ok(())
    }
}
