//! Copies that outlast an interruption.
//!
//! Owns the folder `partial` of a root and the way of one large copy through it. The copy grows under its target's key;
//! now and then what was written is made durable, and only then a note (`note.rs`) says how far it goes, with the state
//! of the digest there (`growing.rs`). Whoever comes back finds a version of the source that is the noted one or begins
//! anew; cuts the copy back to what the note claims; reads that once, unless the side tells that the copy is as it was
//! left, and goes on. So neither a write that was lost, nor one that was never claimed, nor a hand from outside gets
//! into a finished copy.
//!
//! A finished copy stays here until it is installed. Start with [`LocalReplica::stage_with_partial`].

mod growing;
mod keep;
mod note;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sync_core::abilities::AttributeKind;
use sync_core::entry::{Attributes, Digest, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Control, Operation, Problem, ProblemKind, Source, Staged};

use crate::local::{LocalReplica, Staging};
use crate::read::{cancelled, outwait};
use crate::stage::{LocalStaged, corrupt, has_holes, read_back, trouble, wanted_attributes};
use crate::sys::{self, Dir, Stat, kill};
use growing::Growing;
use keep::{copy_name, note_name};
use note::{Left, Note};

/// What is summed up at a time, and so the most that is copied again after a clean stop. The size of the buffers.
const BLOCK: u64 = 1 << 20;
/// Below this nothing is worth going on with.
const WORTH_KEEPING: u64 = 2 * BLOCK;
/// How often a note is written, and so the most work that a kill costs. Each waits for the disk.
const NOTE_EVERY: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(10) };
/// Holes are hashed, though not written; beyond this that takes longer than it is worth.
const MOST_HOLES: u64 = 64 << 30;

/// The targets for which a copy is under way here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<Mutex<BTreeSet<String>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) key: String,
    busy: Busy,
}

impl Busy {
    fn hold(&self, key: String) -> Option<Held> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.clone()).then(|| Held { key, busy: self.clone() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.busy.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Under which names the copy for a target is kept.
fn key_of(at: &RelPath) -> String {
    blake3::hash(at.as_bytes()).to_hex()[..32].to_owned()
}

/// Whether what was copied before this happened is worth keeping.
fn may_go_on_after(problem: &Problem) -> bool {
    // A disk that is full has room another time; a file that is too large for the file system is never held there.
    let too_large = |error: &io::Error| error.kind() == io::ErrorKind::FileTooLarge;
    !matches!(problem.kind, ProblemKind::Stale | ProblemKind::Corrupt)
        && !problem.source.as_ref().is_some_and(too_large)
}

/// A copy under way.
struct Copy<'a> {
    room: &'a Dir,
    key: &'a str,
    at: &'a RelPath,
    source: Entry,
    file: File,
    growing: Growing,
    /// Whether a file that was changed shows that, whatever was done to hide it.
    tells_changes: bool,
    /// Bytes from the start that are written.
    copied: u64,
    /// Bytes that the note claims, and when it was written.
    noted: u64,
    noted_at: Instant,
    /// Something could not be made durable. A system tells of that once, and afterwards takes for written what is not:
    /// nothing is claimed any more.
    in_doubt: bool,
}

impl Copy<'_> {
    /// Makes what was summed up durable, and then claims it. `left` says that nothing is written after this.
    fn note(&mut self, left: bool) -> io::Result<()> {
        if self.copied < self.source.size {
            self.growing.sum_up();
        }
        self.claim(left)
    }

    fn claim(&mut self, left: bool) -> io::Result<()> {
        let bytes = self.growing.summed_up();
        if bytes == 0 {
            return Ok(());
        }
        // A hole at the end was not written.
        if sys::file_stat(&self.file)?.size < bytes {
            self.file.set_len(bytes)?;
        }
        kill::point();
        self.durable(File::sync_data)?;
        let left = if left && self.tells_changes {
            let stat = sys::file_stat(&self.file)?;
            // Whoever writes after this is bound to leave another change time.
            outwait(stat.ctime_ns, 0);
            Some(Left::of(&stat))
        } else {
            None
        };
        let peaks = self.growing.peaks().to_vec();
        let note = Note { at: self.at.clone(), source: self.source, bytes, peaks, left };
        crate::stored::write(self.room, &note_name(self.key), &note.write())?;
        self.noted = bytes;
        self.noted_at = Instant::now();
        Ok(())
    }

    fn durable(&mut self, sync: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        sync(&self.file).inspect_err(|_| self.in_doubt = true)
    }

    /// Leaves the copy as it can be gone on with after this problem; false when there is nothing worth it.
    fn lay_down(&mut self, problem: &Problem) -> io::Result<bool> {
        if problem.kind != ProblemKind::NoSpace && !self.in_doubt {
            return self.note(true).map(|()| self.copied >= BLOCK);
        }
        // What is beyond is given back first: a full disk has no room for a note either.
        let bytes = if self.in_doubt { self.noted } else { self.growing.summed_up() };
        if bytes == 0 {
            return Ok(false);
        }
        self.file.set_len(bytes)?;
        if bytes > self.noted {
            self.claim(true)?;
        }
        Ok(true)
    }

    fn note_when_due(&mut self) -> io::Result<()> {
        let fresh = self.growing.summed_up() - self.noted;
        if fresh > 0 && self.noted_at.elapsed() >= NOTE_EVERY {
            self.note(false)?;
        }
        Ok(())
    }

    /// Copies from where it is to the end.
    fn run(
        &mut self,
        source: &mut dyn Source,
        buffer: &mut [u8],
        control: &dyn Control,
    ) -> Result<(), Problem> {
        let size = self.source.size;
        let sparse = match source.file() {
            Some(file) => has_holes(file).map_err(trouble)?,
            None => false,
        };
        if self.copied > 0 && source.file().is_none() {
            source.skip_to(self.copied).map_err(read_trouble)?;
        }
        let mut data = if sparse { (0, 0) } else { (0, size) };
        while self.copied < size {
            let at = self.copied;
            if control.is_cancelled() {
                return Err(cancelled(Operation::Stage, &RelPath::root()));
            }
            if at >= data.1
                && let Some(file) = source.file()
            {
                data = sys::next_data(file, at).map_err(trouble)?.unwrap_or((size, size));
                data.1 = data.1.max(at + 1);
            }
            let hole = at < data.0;
            let until = if hole { data.0 } else { data.1 }.min(size);
            let want = usize::try_from(until - at).unwrap_or(usize::MAX).min(buffer.len());
            let piece = &mut buffer[..want];
            let count = if hole {
                piece.fill(0);
                want
            } else {
                let count = match source.file() {
                    Some(file) => sys::read_at(file, piece, at),
                    None => source.read(piece),
                };
                match count {
                    Ok(0) => {
                        let words = "it became shorter";
                        return Err(Problem::stale(Operation::Stage, &RelPath::root(), words));
                    }
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(read_trouble(error)),
                }
            };
            let piece = &piece[..count];
            if !hole {
                kill::point();
                sys::write_all_at(&self.file, piece, at).map_err(trouble)?;
            }
            self.growing.update(piece);
            self.copied += count as u64;
            if !hole {
                control.bytes_done(count as u64);
            }
            self.note_when_due().map_err(trouble)?;
        }
        if sparse {
            self.file.set_len(size).map_err(trouble)?;
        }
        Ok(())
    }
}

fn read_trouble(error: io::Error) -> Problem {
    match error.downcast::<Problem>() {
        Ok(problem) => problem,
        Err(error) => Problem::io(Operation::Read, &RelPath::root(), error),
    }
}

/// Whether so much of a file is holes that hashing them is not worth it.
fn is_mostly_holes(source: &dyn Source) -> io::Result<bool> {
    let size = source.entry().size;
    let Some(file) = source.file().filter(|_| size > MOST_HOLES) else { return Ok(false) };
    if !has_holes(file)? {
        return Ok(false);
    }
    let (mut at, mut data) = (0, 0);
    while let Some((start, end)) = sys::next_data(file, at)? {
        data += end.min(size).saturating_sub(start);
        at = end.max(at + 1);
    }
    Ok(size - data.min(size) > MOST_HOLES)
}

impl LocalReplica {
    pub(crate) fn stage_with_partial(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        let staging = self.staging()?;
        let entry = *source.entry();
        let plain = entry.kind != Kind::File
            || entry.size < WORTH_KEEPING
            || at.is_root()
            || is_mostly_holes(source).map_err(trouble)?;
        let held = if plain { None } else { self.busy.hold(key_of(at)) };
        let Some(held) = held else { return self.stage_copy(source, reread, control) };
        let room = self.partial_room().map_err(trouble)?;
        // What cannot be dropped now can be another time.
        let _ = self.drop_old_partials(&room);
        match self.copy_on(staging, &room, &held, source, at, reread, control) {
            Ok((stat, digest, confirmed, resumed)) => Ok(Staged {
                digest,
                xattrs: self.staged_xattrs(source.properties(), entry.kind),
                source: confirmed,
                resumed,
                token: Box::new(LocalStaged {
                    number: staging.number(),
                    stat,
                    settled: AtomicBool::new(true),
                    partial: Some(held),
                }),
            }),
            Err(problem) => {
                if !may_go_on_after(&problem) {
                    // What cannot be removed now is found to make no sense later.
                    let _ = keep::remove(&room, &held.key);
                }
                Err(problem)
            }
        }
    }

    fn copy_on(
        &self,
        staging: &Staging,
        room: &Dir,
        held: &Held,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<(Stat, Option<Digest>, Entry, u64), Problem> {
        if control.is_cancelled() {
            return Err(cancelled(Operation::Stage, &RelPath::root()));
        }
        // From here on no write can go unnoticed: each gets a later time than the version has.
        source.confirm()?;
        let entry = *source.entry();
        let wanted = wanted_attributes(source);
        let mut buffer = self.buffers.take();
        let found = self.take_up(room, &held.key, at, &entry, &mut buffer, control)?;
        let resumed = found.is_some();
        let (file, growing) = match found {
            Some(found) => found,
            None => {
                keep::remove(room, &held.key).map_err(trouble)?;
                // It has to be opened again, whatever the finished copy may be.
                let attributes = match wanted {
                    Attributes::Unix(mode) => Attributes::Unix(mode | 0o600),
                    other => other,
                };
                let file = room.create(&copy_name(&held.key), attributes).map_err(trouble)?;
                (file, Growing::new(BLOCK))
            }
        };
        let had = growing.summed_up();
        let mut copy = Copy {
            room,
            key: &held.key,
            at,
            source: entry,
            file,
            growing,
            tells_changes: self.abilities.ctimes && self.abilities.file_ids,
            copied: had,
            noted: had,
            noted_at: Instant::now(),
            in_doubt: false,
        };
        let shared = !resumed
            && self.abilities.reflinks
            && source.file().is_some_and(|from| sys::share_blocks(from, &copy.file));
        let copied = if shared {
            control.bytes_done(entry.size);
            Ok(None)
        } else {
            copy.run(source, &mut buffer, control).and_then(|()| {
                let digest = copy.growing.digest();
                if reread && Some(read_back(&copy.file, &[(0, entry.size)], &mut buffer, control)?) != digest
                {
                    return Err(corrupt());
                }
                Ok(digest)
            })
        };
        self.buffers.give(buffer);
        let finished = copied.and_then(|digest| {
            let stat = self.dress_copy(staging, &copy.file, source, wanted, resumed)?;
            let confirmed = source.confirm()?;
            copy.durable(File::sync_all).map_err(trouble)?;
            Ok((stat, digest, confirmed, had))
        });
        match &finished {
            Err(problem) if !may_go_on_after(problem) => {}
            Ok(_) if shared => {}
            // What cannot be noted now was noted a while ago, or is copied again.
            Ok(_) => drop(copy.note(true)),
            Err(problem) => {
                if matches!(copy.lay_down(problem), Ok(false)) {
                    let _ = keep::remove(room, &held.key);
                }
            }
        }
        finished
    }

    /// Opens the copy that was begun for a target, if it is one of this very version of the source and still is what
    /// its note claims.
    fn take_up(
        &self,
        room: &Dir,
        key: &str,
        at: &RelPath,
        source: &Entry,
        buffer: &mut [u8],
        control: &dyn Control,
    ) -> Result<Option<(File, Growing)>, Problem> {
        let Some((note, stat)) = keep::look(room, key).map_err(trouble)? else { return Ok(None) };
        if note.at != *at || note.source != *source {
            return Ok(None);
        }
        let Ok(file) = self.open_copy(room, key, &stat) else { return Ok(None) };
        let growing = if note.left == Some(Left::of(&stat)) {
            Growing::taken_up(BLOCK, note.bytes, note.peaks)
        } else {
            let found = read_again(&file, note.bytes, buffer, control)?;
            (found.peaks() == note.peaks).then_some(found)
        };
        let Some(growing) = growing else { return Ok(None) };
        kill::point();
        file.set_len(note.bytes).map_err(trouble)?;
        Ok(Some((file, growing)))
    }

    /// A finished copy has its final properties already, and may be one that nobody may write.
    fn open_copy(&self, room: &Dir, key: &str, stat: &Stat) -> io::Result<File> {
        let name = copy_name(key);
        let open = match self.abilities.attributes {
            AttributeKind::Unix if stat.bits & 0o600 != 0o600 => Some(Attributes::Unix(0o600)),
            AttributeKind::Windows if stat.bits & 0x1 != 0 => Some(Attributes::Windows(0)),
            _ => None,
        };
        if let Some(open) = open {
            sys::set_attributes(&room.open_for_properties(&name)?, open)?;
        }
        let file = room.open_to_change(&name)?;
        let opened = sys::file_stat(&file)?;
        if opened.kind == Some(Kind::File) && opened.is_same_thing(stat) && opened.links == 1 {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}

/// The digest of the first `bytes` of a copy, as far as it can be summed up.
fn read_again(file: &File, bytes: u64, buffer: &mut [u8], control: &dyn Control) -> Result<Growing, Problem> {
    let mut growing = Growing::new(BLOCK);
    let mut at = 0;
    while at < bytes {
        if control.is_cancelled() {
            return Err(cancelled(Operation::Stage, &RelPath::root()));
        }
        let want = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(buffer.len());
        match sys::read_at(file, &mut buffer[..want], at).map_err(trouble)? {
            0 => break,
            count => {
                growing.update(&buffer[..count]);
                at += count as u64;
            }
        }
    }
    growing.sum_up();
    Ok(growing)
}
