//! From a path to an open directory and a name in it.
//!
//! Owns the resolution of every path a change or a look names, and the short memory of open directories.
//!
//! Directories are remembered for [`TRUST`] only. An open directory that the user moves away in that time is still
//! the very directory that was at the path a moment ago, so what is done in it equals the same thing done right
//! before the move: it can land neither behind a link nor in a directory that was never at the path. The next scan
//! sees the move with everything in it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sync_core::abilities::NameRules;
use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, ProblemKind};

use crate::local::LocalReplica;
use crate::sys::{Dir, Stat};

/// How long an open directory is taken for the one at its path. No longer than a thread may be kept waiting
/// between resolving a path and using it.
pub(crate) const TRUST: Duration = Duration::from_millis(10);
const REMEMBERED: usize = 128;

/// Directories that were opened a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<Box<[u8]>, (Arc<Dir>, Instant)>>);

impl Recent {
    fn get(&self, rel: &[u8], now: Instant) -> Option<Arc<Dir>> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (dir, opened) = map.get(rel)?;
        (now.duration_since(*opened) < TRUST).then(|| Arc::clone(dir))
    }

    fn put(&self, rel: &[u8], dir: &Arc<Dir>, now: Instant) {
        // There an open directory cannot be renamed by anybody, which must not outlast its use.
        if cfg!(windows) {
            return;
        }
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= REMEMBERED {
            map.retain(|_, (_, opened)| now.duration_since(*opened) < TRUST);
            if map.len() >= REMEMBERED {
                map.clear();
            }
        }
        map.insert(rel.into(), (Arc::clone(dir), now));
    }

    /// To be called after a directory was renamed or removed.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// One name in an open directory.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) dir: Arc<Dir>,
    pub(crate) name: &'a [u8],
    /// The whole path, for problems.
    pub(crate) path: &'a RelPath,
}

impl Place<'_> {
    /// What is there; none when nothing is.
    pub(crate) fn stat(&self, operation: Operation) -> Result<Option<Stat>, Problem> {
        self.dir.stat(self.name).map_err(|error| Problem::io(operation, self.path, error))
    }
}

/// The bytes of the directory above `path`.
pub(crate) fn parent_bytes(path: &RelPath) -> &[u8] {
    let bytes = path.as_bytes();
    &bytes[..(bytes.len() - path.name().len()).saturating_sub(1)]
}

/// Whether an error says that a path leads nowhere below the root: a component is missing, is no directory, or is
/// a link.
pub(crate) fn leads_nowhere(error: &io::Error) -> bool {
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
        return true;
    }
    #[cfg(target_os = "linux")]
    if error.raw_os_error() == Some(libc::ELOOP) {
        return true;
    }
    false
}

impl LocalReplica {
    /// The open directory at `rel`, given as bytes.
    pub(crate) fn dir_at(&self, rel: &[u8]) -> io::Result<Arc<Dir>> {
        if rel.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let now = Instant::now();
        if let Some(dir) = self.recent.get(rel, now) {
            return Ok(dir);
        }
        let dir = Arc::new(self.root.open_beneath(rel)?);
        self.recent.put(rel, &dir, now);
        Ok(dir)
    }

    /// The place of `path`, which must not be one of Bothways' own.
    pub(crate) fn place<'a>(&self, path: &'a RelPath, operation: Operation) -> Result<Place<'a>, Problem> {
        self.refuse_hidden(path, operation)?;
        match operation {
            Operation::Scan | Operation::Read | Operation::Digest => {}
            // Taking away on a root that has gone is the one thing that nothing makes good again.
            Operation::Remove | Operation::RemoveDir => self.check_presence()?,
            _ => self.check_presence_lately()?,
        }
        if self.abilities.names != NameRules::ANY {
            self.refuse_bad_name(path, operation)?;
        }
        let dir = self.dir_at(parent_bytes(path)).map_err(|error| Problem::io(operation, path, error))?;
        Ok(Place { dir, name: path.name(), path })
    }

    /// Refuses a name the side cannot hold, before the system makes another one of it.
    fn refuse_bad_name(&self, path: &RelPath, operation: Operation) -> Result<(), Problem> {
        let name = path.name();
        self.abilities.names.check(name).map_err(|words| {
            let rules = self.abilities.names;
            let too_long =
                NameRules { max_bytes: u16::MAX, max_utf16: u16::MAX, ..rules }.check(name).is_ok();
            let kind = if too_long { ProblemKind::NameTooLong } else { ProblemKind::Unsupported };
            Problem::new(operation, path, kind, words)
        })
    }

    /// Refuses the root itself and everything that belongs to Bothways.
    pub(crate) fn refuse_hidden(&self, path: &RelPath, operation: Operation) -> Result<(), Problem> {
        if path.is_root() {
            let words = "the root itself is never changed";
            return Err(Problem::new(operation, path, ProblemKind::Unsupported, words));
        }
        if self.hidden.covers(path) {
            let words = "this place belongs to Bothways itself and is never synced";
            return Err(Problem::new(operation, path, ProblemKind::Unsupported, words));
        }
        Ok(())
    }

    /// The entry of what was found.
    pub(crate) fn entry_of(&self, stat: &Stat) -> Option<Entry> {
        stat.entry(&self.abilities)
    }

    /// Finds the expected version at a place, or says how it is another one.
    pub(crate) fn expect(
        &self,
        place: &Place<'_>,
        expect: &Entry,
        operation: Operation,
    ) -> Result<Stat, Problem> {
        let stat = place.stat(operation)?;
        let stat = stat.ok_or_else(|| Problem::stale(operation, place.path, "it is gone"))?;
        self.expect_stat(&stat, place.path, expect, operation)?;
        Ok(stat)
    }

    /// The same for something that was looked at already.
    pub(crate) fn expect_stat(
        &self,
        stat: &Stat,
        path: &RelPath,
        expect: &Entry,
        operation: Operation,
    ) -> Result<Entry, Problem> {
        let now = self.entry_of(stat);
        match now {
            Some(now) if self.is_expected(expect, &now, stat.id) => Ok(now),
            now => Err(Problem::stale(operation, path, &difference(expect, now.as_ref()))),
        }
    }

    /// Whether `now` is the version that was seen as `expect`. A change time that this replica moved itself, by
    /// giving the file a second name, is no difference.
    pub(crate) fn is_expected(&self, expect: &Entry, now: &Entry, id: u64) -> bool {
        expect.is_same_version(now)
            || (now.ctime_ns != expect.ctime_ns
                && expect.is_same_version(&Entry { ctime_ns: expect.ctime_ns, ..*now })
                && self.linked.lock().unwrap_or_else(PoisonError::into_inner).get(&id)
                    == Some(&(expect.ctime_ns, now.ctime_ns)))
    }
}

/// In words, how another version differs from the expected one.
pub(crate) fn difference(expect: &Entry, now: Option<&Entry>) -> String {
    let Some(now) = now else {
        return "it is a pipe, socket or device now".to_owned();
    };
    if now.kind != expect.kind {
        return format!("it is a {} now", now.kind);
    }
    if now.size != expect.size && !now.is_dir() {
        return format!("its size is {} instead of {}", now.size, expect.size);
    }
    if now.mtime_ns != expect.mtime_ns && !now.is_dir() {
        return "its modification time is another".to_owned();
    }
    if now.file_id != expect.file_id {
        return format!("it is another {}", now.kind);
    }
    if expect.attributes.differ(now.attributes) {
        return "its attributes are others".to_owned();
    }
    "something about it changed".to_owned()
}
