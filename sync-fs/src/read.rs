//! Reading one version: looking, digesting, and opening it for a copy.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sync_core::entry::{Digest, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Contents, Control, Operation, Problem, ProblemKind, Properties, Source};

use crate::local::LocalReplica;
use crate::place::{Place, TRUST, difference, leads_nowhere, parent_bytes};
use crate::sys::{self, Dir, Stat, Writers};

/// A local version, open for reading.
struct LocalSource {
    root: Arc<Dir>,
    /// The directory it was found in, and when that was resolved.
    dir: Arc<Dir>,
    resolved: Instant,
    path: RelPath,
    abilities: sync_core::abilities::Abilities,
    entry: Entry,
    /// As found when it was opened, to be found again.
    stat: Stat,
    file: Option<File>,
    target: Option<Vec<u8>>,
    properties: Properties,
}

/// The longest that anything waits for a clock to move on.
const LONGEST_STEP: Duration = Duration::from_secs(2);
/// The clock that changes are stamped by may be behind by this much, whatever the precision of the stamps.
const TICK: Duration = Duration::from_millis(10);

pub(crate) fn cancelled(operation: Operation, path: &RelPath) -> Problem {
    Problem::new(operation, path, ProblemKind::Cancelled, "stopped")
}

/// Waits until a write that comes now is bound to get another modification time than `mtime_ns`.
pub(crate) fn outwait(mtime_ns: i64, precision_ns: u64) {
    let step = Duration::from_nanos(precision_ns).min(LONGEST_STEP) + TICK;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let Ok(mtime) = u64::try_from(mtime_ns).map(Duration::from_nanos) else { return };
    // A time in the future stays there: no wait would help, and such a file is no fresher for it.
    if let Some(age) = now.checked_sub(mtime)
        && let Some(rest) = step.checked_sub(age)
    {
        thread::sleep(rest);
    }
}

impl LocalReplica {
    pub(crate) fn look_at(&self, at: &RelPath) -> Result<Option<Entry>, Problem> {
        if at.is_root() {
            let stat = self.root.stat_self().map_err(|error| Problem::io(Operation::Scan, at, error))?;
            return Ok(self.entry_of(&stat));
        }
        if self.hidden.covers(at) {
            return Ok(None);
        }
        let place = match self.place(at, Operation::Scan) {
            Err(Problem { source: Some(error), .. }) if leads_nowhere(&error) => return Ok(None),
            other => other?,
        };
        let Some(stat) = place.stat(Operation::Scan)? else { return Ok(None) };
        self.entry_of(&stat).map(Some).ok_or_else(|| {
            let words = "it is a pipe, socket or device";
            Problem::new(Operation::Scan, at, ProblemKind::Unsupported, words)
        })
    }

    pub(crate) fn ask_for_writers(&self, at: &RelPath, expect: &Entry) -> Result<Option<bool>, Problem> {
        let operation = Operation::Scan;
        let place = self.place(at, operation)?;
        if expect.kind != Kind::File {
            self.expect(&place, expect, operation)?;
            return Ok(None);
        }
        let file = match place.dir.open_to_ask(place.name) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Some(true)),
            Err(error) if leads_nowhere(&error) => {
                return Err(Problem::stale(operation, at, "it is gone, or no file any more"));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.expect(&place, expect, operation)?;
                return Ok(None);
            }
            Err(error) => return Err(Problem::io(operation, at, error)),
        };
        let stat = sys::file_stat(&file).map_err(|error| Problem::io(operation, at, error))?;
        self.expect_stat(&stat, at, expect, operation)?;
        Ok(match sys::writers(&file) {
            Writers::Some => Some(true),
            // Of other machines this one knows nothing.
            Writers::None if self.root.file_system().is_ok_and(|it| it.knows_all_writers()) => Some(false),
            Writers::None | Writers::Unknown => None,
        })
    }

    /// Opens a version and makes sure that it is the expected one.
    fn open_version(
        &self,
        place: &Place<'_>,
        expect: &Entry,
        operation: Operation,
    ) -> Result<LocalSource, Problem> {
        let io = |error| Problem::io(operation, place.path, error);
        let (stat, file, target) = match expect.kind {
            Kind::File => {
                let file = place.dir.open_file(place.name).map_err(|error| {
                    if leads_nowhere(&error) {
                        return Problem::stale(operation, place.path, "it is gone, or no file any more");
                    }
                    io(error)
                })?;
                (sys::file_stat(&file).map_err(io)?, Some(file), None)
            }
            Kind::Symlink => {
                let stat = self.expect(place, expect, operation)?;
                (stat, None, Some(place.dir.read_link(place.name).map_err(io)?))
            }
            Kind::Dir => {
                let words = "a directory has no content of its own";
                return Err(Problem::new(operation, place.path, ProblemKind::Unsupported, words));
            }
        };
        let entry = self.expect_stat(&stat, place.path, expect, operation)?;
        let xattrs = match &file {
            Some(file) if self.abilities.xattrs => Some(sys::xattrs(file).map_err(io)?),
            _ => None,
        };
        let properties = Properties { mtime_ns: entry.mtime_ns, attributes: entry.attributes, xattrs };
        Ok(LocalSource {
            root: Arc::clone(&self.root),
            dir: Arc::clone(&place.dir),
            resolved: Instant::now(),
            path: place.path.clone(),
            abilities: self.abilities.clone(),
            entry,
            stat,
            file,
            target,
            properties,
        })
    }

    pub(crate) fn open_source(&self, at: &RelPath, expect: &Entry) -> Result<Box<dyn Source>, Problem> {
        let place = self.place(at, Operation::Read)?;
        Ok(Box::new(self.open_version(&place, expect, Operation::Read)?))
    }

    /// A version that lies elsewhere than in the tree, in the trash say: `name` in the open directory `dir`.
    pub(crate) fn open_aside(
        &self,
        dir: &Arc<Dir>,
        name: &RelPath,
        expect: &Entry,
        operation: Operation,
    ) -> Result<Box<dyn Source>, Problem> {
        let place = Place { dir: Arc::clone(dir), name: name.name(), path: name };
        Ok(Box::new(self.open_version(&place, expect, operation)?))
    }

    pub(crate) fn read_properties(&self, at: &RelPath, expect: &Entry) -> Result<Properties, Problem> {
        let place = self.place(at, Operation::Properties)?;
        if expect.kind != Kind::Dir {
            return Ok(self.open_version(&place, expect, Operation::Properties)?.properties);
        }
        let stat = self.expect(&place, expect, Operation::Properties)?;
        let io = |error| Problem::io(Operation::Properties, at, error);
        let now = self.entry_of(&stat).unwrap_or(*expect);
        let xattrs = if self.abilities.xattrs {
            Some(sys::xattrs(&place.dir.open_file(place.name).map_err(io)?).map_err(io)?)
        } else {
            None
        };
        Ok(Properties { mtime_ns: now.mtime_ns, attributes: now.attributes, xattrs })
    }

    pub(crate) fn digest_contents(
        &self,
        at: &RelPath,
        expect: &Entry,
        control: &dyn Control,
    ) -> Result<Contents, Problem> {
        let place = self.place(at, Operation::Digest)?;
        let mut source = self.open_version(&place, expect, Operation::Digest)?;
        let mut hasher = blake3::Hasher::new();
        if let Some(target) = &source.target {
            hasher.update(target);
        } else if let Some(file) = &mut source.file {
            let mut buffer = self.buffers.take();
            loop {
                if control.is_cancelled() {
                    return Err(cancelled(Operation::Digest, at));
                }
                match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => {
                        hasher.update(&buffer[..read]);
                        control.bytes_done(read as u64);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Problem::io(Operation::Digest, at, error)),
                }
            }
            self.buffers.give(buffer);
        }
        let xattrs = source.properties.xattrs.as_ref().map(sync_replica::Xattrs::digest);
        source.check(Operation::Digest)?;
        Ok(Contents { digest: Digest(*hasher.finalize().as_bytes()), xattrs })
    }
}

impl LocalSource {
    /// Whether the opened version is unchanged and still what its path leads to.
    fn check(&mut self, operation: Operation) -> Result<Entry, Problem> {
        outwait(self.stat.mtime_ns, self.abilities.mtime_precision_ns);
        let io = |error| Problem::io(operation, &self.path, error);
        let parent = parent_bytes(&self.path);
        if self.resolved.elapsed() > TRUST && !parent.is_empty() {
            self.dir = match self.root.open_beneath(parent) {
                Err(error) if leads_nowhere(&error) => {
                    return Err(Problem::stale(operation, &self.path, "its directory is gone"));
                }
                other => Arc::new(other.map_err(io)?),
            };
        }
        let named = self.dir.stat(self.path.name()).map_err(io)?;
        let named = named.ok_or_else(|| Problem::stale(operation, &self.path, "it is gone"))?;
        // The name leads to the opened file still, so that one look by name is a look at the file as well.
        if !named.may_be(&self.stat, &self.abilities) {
            return Err(Problem::stale(operation, &self.path, "another one took its place"));
        }
        match named.entry(&self.abilities) {
            Some(now) if self.entry.is_same_version(&now) => Ok(now),
            now => Err(Problem::stale(operation, &self.path, &difference(&self.entry, now.as_ref()))),
        }
    }
}

impl Read for LocalSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.read(buffer))
    }
}

impl Source for LocalSource {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn target(&self) -> Option<&[u8]> {
        self.target.as_deref()
    }

    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.seek(io::SeekFrom::Start(offset)).map(|_| ()))
    }

    fn confirm(&mut self) -> Result<Entry, Problem> {
        self.check(Operation::Read)
    }
}
