//! Making a complete copy in the staging area.
//!
//! Owns the ways bytes get there: shared blocks where both ends allow it, stretches of data where a file has
//! holes, and reading and writing, which yields the digest for nothing. A staged copy has its final properties
//! before it is put in place, its time last of all.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use sync_core::entry::{Attributes, Digest, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Control, Operation, Problem, ProblemKind, Properties, Source, Staged, Xattrs};

use crate::intent::staged_name;
use crate::local::{LocalReplica, Staging};
use crate::partial::Held;
use crate::read::cancelled;
use crate::sys::{self, Stat};

/// The bytes moved at a time.
const BUFFER: usize = 1 << 20;
/// Below this, sharing blocks gains nothing over a plain copy.
const WORTH_SHARING: u64 = 64 << 10;

/// Buffers that wait for the next copy.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Mutex<Vec<Box<[u8]>>>);

impl Buffers {
    pub(crate) fn take(&self) -> Box<[u8]> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        waiting.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice())
    }

    pub(crate) fn give(&self, buffer: Box<[u8]>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < 16 {
            waiting.push(buffer);
        }
    }
}

/// What a [`Staged`] of this replica carries.
#[derive(Debug)]
pub(crate) struct LocalStaged {
    pub(crate) number: String,
    /// As it lies in the staging area.
    pub(crate) stat: Stat,
    /// Whether it is durable already.
    pub(crate) settled: AtomicBool,
    /// A finished copy that lies among the partial ones until it is installed.
    pub(crate) partial: Option<Held>,
}

impl LocalStaged {
    pub(crate) fn name(&self) -> Vec<u8> {
        staged_name(&self.number)
    }
}

/// A problem while staging, which has no path of its own: the copy has no place yet.
pub(crate) fn trouble(error: io::Error) -> Problem {
    Problem::io(Operation::Stage, &RelPath::root(), error)
}

impl LocalReplica {
    pub(crate) fn stage_copy(
        &self,
        source: &mut dyn Source,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        let staging = self.staging()?;
        let number = staging.number();
        let copied = match source.entry().kind {
            Kind::File => self.stage_file(staging, &number, source, reread, control),
            Kind::Symlink => self.stage_link(staging, &number, source),
            Kind::Dir => {
                let words = "a directory is made, not copied";
                Err(Problem::new(Operation::Stage, &RelPath::root(), ProblemKind::Unsupported, words))
            }
        };
        let finished = copied.and_then(|(stat, digest)| Ok((stat, digest, source.confirm()?)));
        match finished {
            Ok((stat, digest, entry)) => Ok(Staged {
                digest,
                xattrs: self.staged_xattrs(source.properties(), entry.kind),
                source: entry,
                resumed: 0,
                token: Box::new(LocalStaged { number, stat, settled: AtomicBool::new(false), partial: None }),
            }),
            Err(problem) => {
                let _ = staging.dir.unlink(&staged_name(&number));
                Err(problem)
            }
        }
    }

    pub(crate) fn staged_xattrs(
        &self,
        properties: &Properties,
        kind: Kind,
    ) -> Option<sync_core::entry::XattrDigest> {
        (self.abilities.xattrs && kind != Kind::Symlink)
            .then(|| properties.xattrs.as_ref().map(Xattrs::digest).unwrap_or_default())
    }

    fn stage_link(
        &self,
        staging: &Staging,
        number: &str,
        source: &dyn Source,
    ) -> Result<(Stat, Option<Digest>), Problem> {
        let name = staged_name(number);
        let target = source.target().unwrap_or_default();
        if !self.abilities.symlinks {
            let words = "the side cannot hold links";
            return Err(Problem::new(Operation::Stage, &RelPath::root(), ProblemKind::Unsupported, words));
        }
        let made = (|| {
            staging.dir.symlink(target, &name)?;
            staging.dir.set_link_mtime(&name, source.properties().mtime_ns)?;
            staging.dir.stat(&name)
        })();
        let stat = made.map_err(trouble)?.ok_or_else(|| trouble(io::ErrorKind::NotFound.into()))?;
        Ok((stat, Some(Digest(*blake3::hash(target).as_bytes()))))
    }

    fn stage_file(
        &self,
        staging: &Staging,
        number: &str,
        source: &mut dyn Source,
        reread: bool,
        control: &dyn Control,
    ) -> Result<(Stat, Option<Digest>), Problem> {
        let wanted = wanted_attributes(source);
        let mut file = staging.dir.create(&staged_name(number), wanted).map_err(trouble)?;
        let digest = self.copy_content(source, &mut file, reread, control)?;
        let stat = self.dress_copy(staging, &file, source, wanted, false)?;
        Ok((stat, digest))
    }

    /// Gives a whole copy its properties. `again` says that it may have others already.
    pub(crate) fn dress_copy(
        &self,
        staging: &Staging,
        file: &File,
        source: &dyn Source,
        wanted: Attributes,
        again: bool,
    ) -> Result<Stat, Problem> {
        let properties = source.properties();
        if self.abilities.xattrs
            && let Some(xattrs) = properties.xattrs.as_ref().filter(|xattrs| again || !xattrs.0.is_empty())
        {
            sys::set_xattrs(file, xattrs).map_err(trouble)?;
        }
        let finish = |file: &File| -> io::Result<Stat> {
            // The mode that creation gives is known, so that it is set only where it must be.
            if let Attributes::Unix(mode) = wanted
                && mode & (staging.lost_bits | 0o7000) != 0
            {
                sys::set_attributes(file, wanted)?;
            }
            sys::set_mtime(file, properties.mtime_ns)?;
            let stat = sys::file_stat(file)?;
            // Inherited access lists may have taken other bits than the usual mask.
            match wanted {
                Attributes::Unix(mode)
                    if self.abilities.attributes == sync_core::abilities::AttributeKind::Unix
                        && stat.bits != mode =>
                {
                    sys::set_attributes(file, wanted)?;
                    sys::file_stat(file)
                }
                Attributes::Windows(_) => {
                    sys::set_attributes(file, wanted)?;
                    sys::file_stat(file)
                }
                _ => Ok(stat),
            }
        };
        let stat = finish(file).map_err(trouble)?;
        if stat.size != source.entry().size {
            let words = format!("{} bytes were read instead of {}", stat.size, source.entry().size);
            return Err(Problem::stale(Operation::Stage, &RelPath::root(), &words));
        }
        Ok(stat)
    }

    /// Copies the content; the digest comes with it where the bytes passed through.
    fn copy_content(
        &self,
        source: &mut dyn Source,
        to: &mut File,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Option<Digest>, Problem> {
        let size = source.entry().size;
        if control.is_cancelled() {
            return Err(cancelled(Operation::Stage, &RelPath::root()));
        }
        if let Some(from) = source.file() {
            if self.abilities.reflinks && size >= WORTH_SHARING && sys::share_blocks(from, to) {
                // The very same blocks: there is nothing to read back.
                control.bytes_done(size);
                return if control.is_cancelled() {
                    Err(cancelled(Operation::Stage, &RelPath::root()))
                } else {
                    Ok(None)
                };
            }
            if size >= WORTH_SHARING && has_holes(from).map_err(trouble)? {
                self.copy_stretches(from, to, size, reread, control)?;
                return Ok(None);
            }
        }
        let mut buffer = self.buffers.take();
        let copied = copy_stream(source, to, size, &mut buffer, control);
        let checked = copied.and_then(|digest| {
            if reread && read_back(to, &[(0, size)], &mut buffer, control)? != digest {
                return Err(corrupt());
            }
            Ok(Some(digest))
        });
        self.buffers.give(buffer);
        checked
    }

    /// Copies only what is data, so that holes stay holes.
    fn copy_stretches(
        &self,
        from: &File,
        to: &mut File,
        size: u64,
        reread: bool,
        control: &dyn Control,
    ) -> Result<(), Problem> {
        let mut buffer = self.buffers.take();
        let mut copy = || -> Result<(), Problem> {
            let mut hasher = blake3::Hasher::new();
            let mut stretches = Vec::new();
            let mut offset = 0;
            while offset < size {
                let Some((start, end)) = sys::next_data(from, offset).map_err(trouble)? else { break };
                let end = end.min(size);
                let mut at = start;
                while at < end {
                    if control.is_cancelled() {
                        return Err(cancelled(Operation::Stage, &RelPath::root()));
                    }
                    let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
                    let read = sys::read_at(from, &mut buffer[..want], at).map_err(trouble)?;
                    if read == 0 {
                        return Err(Problem::stale(Operation::Stage, &RelPath::root(), "it became shorter"));
                    }
                    hasher.update(&buffer[..read]);
                    sys::write_all_at(to, &buffer[..read], at).map_err(trouble)?;
                    at += read as u64;
                    control.bytes_done(read as u64);
                }
                if end > start {
                    stretches.push((start, end));
                }
                offset = end.max(offset + 1);
            }
            to.set_len(size).map_err(trouble)?;
            if reread
                && read_back(to, &stretches, &mut buffer, control)? != Digest(*hasher.finalize().as_bytes())
            {
                return Err(corrupt());
            }
            Ok(())
        };
        let copied = copy();
        self.buffers.give(buffer);
        copied
    }

    pub(crate) fn discard_staged(&self, staged: Staged) {
        let (Ok(staging), Ok(own)) = (self.staging(), staged.token.downcast::<LocalStaged>()) else { return };
        if let Some(held) = &own.partial {
            return self.forget_partial(held);
        }
        // What cannot be removed now is removed by the next recovery.
        let _ = match own.stat.kind {
            Some(Kind::Dir) => staging.dir.rmdir(&own.name()),
            _ => staging.dir.unlink(&own.name()),
        };
    }
}

pub(crate) fn has_holes(file: &File) -> io::Result<bool> {
    sys::file_stat(file).map(|stat| stat.allocated < stat.size)
}

pub(crate) fn corrupt() -> Problem {
    let words = "what was written does not read back as what was read from the source";
    Problem::new(Operation::Stage, &RelPath::root(), ProblemKind::Corrupt, words)
}

pub(crate) fn wanted_attributes(source: &dyn Source) -> Attributes {
    match source.properties().attributes {
        Attributes::Unix(mode) if mode & 0o6000 != 0 && !source.file().is_some_and(sys::may_keep_set_id) => {
            Attributes::Unix(mode & !0o6000)
        }
        attributes => attributes,
    }
}

/// Reads exactly `size` bytes and writes them.
fn copy_stream(
    source: &mut dyn Source,
    to: &mut File,
    size: u64,
    buffer: &mut [u8],
    control: &dyn Control,
) -> Result<Digest, Problem> {
    let mut hasher = blake3::Hasher::new();
    let mut left = size;
    while left > 0 {
        if control.is_cancelled() {
            return Err(cancelled(Operation::Stage, &RelPath::root()));
        }
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        match source.read(&mut buffer[..want]) {
            Ok(0) => return Err(Problem::stale(Operation::Stage, &RelPath::root(), "it became shorter")),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                to.write_all(&buffer[..read]).map_err(trouble)?;
                left -= read as u64;
                control.bytes_done(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::io(Operation::Read, &RelPath::root(), error)),
        }
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// The digest of stretches of a file that was just written.
pub(crate) fn read_back(
    file: &File,
    stretches: &[(u64, u64)],
    buffer: &mut [u8],
    control: &dyn Control,
) -> Result<Digest, Problem> {
    let mut hasher = blake3::Hasher::new();
    for (start, end) in stretches {
        let mut at = *start;
        while at < *end {
            if control.is_cancelled() {
                return Err(cancelled(Operation::Stage, &RelPath::root()));
            }
            let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let read = sys::read_at(file, &mut buffer[..want], at).map_err(trouble)?;
            if read == 0 {
                return Err(corrupt());
            }
            hasher.update(&buffer[..read]);
            at += read as u64;
        }
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// The entry of a staged copy under its final name: everything but the change time stays as it was staged.
pub(crate) fn installed_entry(
    staged: &LocalStaged,
    replica: &LocalReplica,
    found: Option<Stat>,
) -> Option<Entry> {
    let expected = replica.entry_of(&staged.stat)?;
    let found = found.as_ref().and_then(|stat| replica.entry_of(stat));
    // Somebody who came right after us made another version: that one is not what was installed.
    Some(found.filter(|found| expected.is_same_version_moved(found)).unwrap_or(expected))
}

impl LocalStaged {
    pub(crate) fn mark_settled(&self) {
        self.settled.store(true, Ordering::Release);
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }
}
