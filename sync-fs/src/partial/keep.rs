//! The partial copies that lie in a root: finding them, dropping them, and their way out of here and back.
//!
//! A copy and its note belong together by their names, and are something only together.

use std::collections::BTreeSet;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_replica::{Operation, PARTIAL_KEPT, Partial, Problem};

use super::note::Note;
use super::{Held, key_of};
use crate::layout::{OWN, PARTIAL};
use crate::local::{LocalReplica, Staging, make_own, make_private};
use crate::stage::LocalStaged;
use crate::sys::{Dir, Stat};

pub(super) fn copy_name(key: &str) -> Vec<u8> {
    format!("p-{key}").into_bytes()
}

pub(super) fn note_name(key: &str) -> Vec<u8> {
    format!("n-{key}").into_bytes()
}

/// The key of a name here; none for a name that is not ours.
fn parse_name(name: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(name).ok()?;
    let key = text.strip_prefix("p-").or_else(|| {
        let note = text.strip_prefix("n-")?;
        Some(note.strip_suffix(".new").unwrap_or(note))
    })?;
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    (key.len() == 32 && key.bytes().all(hex)).then_some(key)
}

/// The copy and the note of a key, if both make sense together.
pub(super) fn look(room: &Dir, key: &str) -> io::Result<Option<(Note, Stat)>> {
    let Some(stat) = room.stat(&copy_name(key))? else { return Ok(None) };
    let note = match crate::stored::read(room, &note_name(key)) {
        Ok(bytes) => bytes.as_deref().and_then(Note::read),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        Err(error) => return Err(error),
    };
    let fits =
        |note: &Note| stat.kind == Some(Kind::File) && stat.size >= note.bytes && key_of(&note.at) == key;
    Ok(note.filter(fits).map(|note| (note, stat)))
}

fn unlink(room: &Dir, name: &[u8]) -> io::Result<bool> {
    match room.unlink(name) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a copy, after its note; whether there was a copy.
pub(super) fn remove(room: &Dir, key: &str) -> io::Result<bool> {
    unlink(room, &note_name(key))?;
    unlink(room, &[&note_name(key)[..], b".new"].concat())?;
    unlink(room, &copy_name(key))
}

/// When a note was written: UTC nanoseconds.
fn touched_ns(room: &Dir, key: &str) -> io::Result<i64> {
    Ok(room.stat(&note_name(key))?.map_or(0, |stat| stat.mtime_ns))
}

fn is_old(touched_ns: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let touched = std::time::Duration::from_nanos(touched_ns.max(0).unsigned_abs());
    now.checked_sub(touched).is_some_and(|age| age > PARTIAL_KEPT)
}

fn keys_in(room: &Dir) -> io::Result<BTreeSet<String>> {
    Ok(room.names()?.iter().filter_map(|name| parse_name(name)).map(str::to_owned).collect())
}

impl LocalReplica {
    /// The folder of partial copies, made where it is not there.
    pub(super) fn partial_room(&self) -> io::Result<Dir> {
        make_private(&make_own(&self.root)?, PARTIAL)
    }

    /// The folder of partial copies; none where it is not there.
    fn partial_room_if_any(&self) -> io::Result<Option<Dir>> {
        match self.root.open_beneath(&[OWN, b"/", PARTIAL].concat()) {
            Ok(room) => Ok(Some(room)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Drops what nobody asked for again, and is not asked for right now.
    pub(super) fn drop_old_partials(&self, room: &Dir) -> io::Result<u64> {
        let mut dropped = 0;
        for key in keys_in(room)? {
            let Some(_held) = self.busy.hold(key.clone()) else { continue };
            let kept = look(room, &key)?.is_some() && !is_old(touched_ns(room, &key)?);
            if !kept {
                // One that cannot be removed must not keep the others, nor a run from its work.
                dropped += u64::from(remove(room, &key).unwrap_or(false));
            }
        }
        Ok(dropped)
    }

    /// What a run that was killed left here and makes no sense; how many copies went.
    pub(crate) fn recover_partials(&self) -> Result<u64, Problem> {
        let io = |error| Problem::io(Operation::Recover, &RelPath::root(), error);
        match self.partial_room_if_any().map_err(io)? {
            Some(room) => self.drop_old_partials(&room).map_err(io),
            None => Ok(0),
        }
    }

    pub(crate) fn list_partials(&self) -> Result<Vec<Partial>, Problem> {
        let io = |error| Problem::io(Operation::Stage, &RelPath::root(), error);
        let Some(room) = self.partial_room_if_any().map_err(io)? else { return Ok(Vec::new()) };
        let mut partials = Vec::new();
        for key in keys_in(&room).map_err(io)? {
            if let Some((note, _)) = look(&room, &key).map_err(io)? {
                let touched_ns = touched_ns(&room, &key).map_err(io)?;
                partials.push(Partial { at: note.at, source: note.source, bytes: note.bytes, touched_ns });
            }
        }
        Ok(partials)
    }

    pub(crate) fn drop_partial_of(&self, at: &RelPath) -> Result<bool, Problem> {
        self.staging()?;
        let io = |error| Problem::io(Operation::Stage, at, error);
        let Some(room) = self.partial_room_if_any().map_err(io)? else { return Ok(false) };
        let Some(held) = self.busy.hold(key_of(at)) else { return Ok(false) };
        remove(&room, &held.key).map_err(io)
    }

    /// Brings a finished copy to the staging area, from where it is installed.
    pub(crate) fn bring_partial(&self, staging: &Staging, own: &LocalStaged, held: &Held) -> io::Result<()> {
        self.partial_room()?.rename_noreplace(&copy_name(&held.key), &staging.dir, &own.name())
    }

    /// Takes back a copy that could not be installed; false when that cannot be.
    pub(crate) fn take_partial_back(&self, staging: &Staging, own: &LocalStaged, held: &Held) -> bool {
        let back = || -> io::Result<bool> {
            let ours = staging.dir.stat(&own.name())?.is_some_and(|it| it.may_be(&own.stat, &self.abilities));
            if ours {
                staging.dir.rename_noreplace(&own.name(), &self.partial_room()?, &copy_name(&held.key))?;
            }
            Ok(ours)
        };
        back().unwrap_or(false)
    }

    /// Nothing is left of a finished copy: it was installed or thrown away.
    pub(crate) fn forget_partial(&self, held: &Held) {
        // A note without its copy makes no sense, and is dropped as such.
        let _ = self.partial_room().and_then(|room| remove(&room, &held.key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_ours() {
        let key = "0123456789abcdef0123456789abcdef";
        for name in [format!("p-{key}"), format!("n-{key}"), format!("n-{key}.new")] {
            assert_eq!(parse_name(name.as_bytes()), Some(key), "{name}");
        }
        for name in [format!("p-{key}.new"), format!("p-{key}0"), format!("x-{key}"), "p-0123".to_owned()] {
            assert_eq!(parse_name(name.as_bytes()), None, "{name}");
        }
    }
}
