//! Copies that outlast an interruption.
//!
//! Owns the way of such a copy: it grows in a directory of its own beside the staging area, and a note says how many of
//! its bytes are durable and what they digest to. A power cut may take bytes that a note claims, where they were written
//! over again; what does not digest to what the note says is begun anew.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use sync_core::entry::{Digest, Entry, Kind};
use sync_core::path::RelPath;

use super::actions::{Token, cancelled};
use super::journal::Change;
use super::tree::{Body, Claim, Ino, Inode, Key, PARTIAL, STAGING, Slot};
use super::{MemoryReplica, State};
use crate::control::Control;
use crate::partial::{PARTIAL_KEPT, Partial};
use crate::problem::{Operation, Problem, ProblemKind};
use crate::replica::{Replica, Staged};
use crate::source::{Source, Xattrs};

const OP: Operation = Operation::Stage;
/// Bytes that are written, and noted, at a time.
const PIECE: usize = 1 << 20;

/// The targets for which a copy is under way in this process.
#[derive(Clone, Default)]
pub(super) struct Busy(Arc<Mutex<BTreeSet<Key>>>);

/// One of them, until it is dropped.
pub(super) struct Held {
    key: Key,
    busy: Busy,
}

impl Busy {
    fn hold(&self, key: &Key) -> Option<Held> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.clone()).then(|| Held { key: key.clone(), busy: self.clone() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.busy.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

/// A copy under way.
struct Copy<'a> {
    at: &'a RelPath,
    key: &'a Key,
    ino: Ino,
    source: Entry,
    /// Everything from the start.
    bytes: Vec<u8>,
    /// How many of them are written.
    written: usize,
}

impl MemoryReplica {
    pub(super) fn stage_with_partial(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        let entry = *source.entry();
        let key: Key = at.as_bytes().into();
        let worth_it = entry.kind == Kind::File && entry.size >= 2 * PIECE as u64 && !at.is_root();
        let busy = self.lock().busy.clone();
        let Some(held) = worth_it.then(|| busy.hold(&key)).flatten() else {
            return self.stage(source, reread, control);
        };
        self.step(OP, at, "call")?;
        self.drop_old_partials(OP)?;
        match self.copy_on(source, at, &key, reread, control) {
            Ok((ino, staged)) => {
                let boot = self.lock().boot;
                let staging: Key = format!("{ino:08}").into_bytes().into();
                let token = Token { replica: self.identity(), boot, key: staging, ino, partial: Some(held) };
                Ok(Staged { token: Box::new(token), ..staged })
            }
            Err(problem) => {
                if matches!(problem.kind, ProblemKind::Stale | ProblemKind::Corrupt) {
                    // What cannot be removed now is found to make no sense later.
                    let _ = self.remove_partial(OP, at, &key);
                }
                Err(problem)
            }
        }
    }

    fn copy_on(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        key: &Key,
        reread: bool,
        control: &dyn Control,
    ) -> Result<(Ino, Staged), Problem> {
        if control.is_cancelled() {
            return Err(cancelled(OP, at));
        }
        source.confirm()?;
        let entry = *source.entry();
        let (ino, bytes) = match self.taken_up(key, &entry) {
            Some(found) => found,
            None => {
                self.remove_partial(OP, at, key)?;
                self.step(OP, at, "create partial")?;
                (self.create_partial(key), Vec::new())
            }
        };
        let resumed = bytes.len();
        let mut copy = Copy { at, key, ino, source: entry, written: resumed, bytes };
        let filled = self.fill_partial(&mut copy, source, control);
        if let Err(problem) = filled {
            // What cannot be noted now is copied again.
            let _ = match problem.kind {
                ProblemKind::Stale => Ok(()),
                ProblemKind::NoSpace if copy.written == 0 => self.remove_partial(OP, at, key).map(|_| ()),
                ProblemKind::NoSpace => self.note_partial(&copy),
                _ => self.write_piece(&mut copy).and_then(|()| self.note_partial(&copy)),
            };
            return Err(problem);
        }
        self.step(OP, at, "properties")?;
        self.change_staged(ino, |inode, now| self.dress(inode, source.properties(), now));
        let digest = digest_of(&copy.bytes);
        if reread {
            let state = self.lock();
            match state.live.inodes.get(&ino).map(|inode| &inode.body) {
                Some(Body::File(bytes)) if digest_of(bytes) == digest => {}
                _ => {
                    let words = "what was written does not read back";
                    return Err(Problem::new(OP, at, ProblemKind::Corrupt, words));
                }
            }
        }
        let confirmed = source.confirm()?;
        self.note_partial(&copy)?;
        let state = self.lock();
        let xattrs = state.live.inodes.get(&ino).map(|inode| inode.xattrs.digest());
        let staged = Staged {
            digest: Some(digest),
            xattrs: xattrs.filter(|_| self.able().xattrs),
            source: confirmed,
            resumed: resumed as u64,
            token: Box::new(()),
        };
        Ok((ino, staged))
    }

    fn fill_partial(
        &self,
        copy: &mut Copy<'_>,
        source: &mut dyn Source,
        control: &dyn Control,
    ) -> Result<(), Problem> {
        let trouble = |error: std::io::Error| match error.downcast::<Problem>() {
            Ok(problem) => problem,
            Err(error) => Problem::io(Operation::Read, &RelPath::root(), error),
        };
        let size = copy.source.size;
        if !copy.bytes.is_empty() {
            source.skip_to(copy.bytes.len() as u64).map_err(trouble)?;
        }
        let mut buffer = vec![0; PIECE / 4];
        while (copy.bytes.len() as u64) < size {
            if control.is_cancelled() {
                return Err(cancelled(OP, copy.at));
            }
            let left = usize::try_from(size - copy.bytes.len() as u64).unwrap_or(usize::MAX);
            let want = left.min(buffer.len());
            match source.read(&mut buffer[..want]) {
                Ok(0) => return Err(Problem::stale(OP, copy.at, "it became shorter")),
                Ok(count) => {
                    copy.bytes.extend_from_slice(&buffer[..count]);
                    control.bytes_done(count as u64);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(trouble(error)),
            }
            if copy.bytes.len() - copy.written >= PIECE {
                self.write_piece(copy)?;
                self.note_partial(copy)?;
            }
        }
        self.write_piece(copy)
    }

    /// Writes what was read since the last piece.
    fn write_piece(&self, copy: &mut Copy<'_>) -> Result<(), Problem> {
        if copy.written == copy.bytes.len() {
            return Ok(());
        }
        self.step(OP, copy.at, "write")?;
        let fresh = (copy.bytes.len() - copy.written) as u64;
        {
            let state = self.lock();
            if state.capacity.is_some_and(|capacity| state.used() + fresh > capacity) {
                return Err(Problem::new(OP, copy.at, ProblemKind::NoSpace, "the side is full"));
            }
        }
        let ino = copy.ino;
        self.change_staged(ino, |inode, _| inode.body = Body::File(copy.bytes.as_slice().into()));
        self.lock().journal.unsettle(ino);
        copy.written = copy.bytes.len();
        Ok(())
    }

    /// Makes what was written durable, then claims it.
    fn note_partial(&self, copy: &Copy<'_>) -> Result<(), Problem> {
        if copy.written == 0 {
            return Ok(());
        }
        self.step(OP, copy.at, "settle partial")?;
        self.lock().journal.settle(copy.ino);
        self.step(OP, copy.at, "note partial")?;
        let mut state = self.lock();
        let claim = Claim {
            at: copy.at.clone(),
            source: copy.source,
            bytes: copy.written,
            digest: digest_of(&copy.bytes[..copy.written]),
            touched_ns: state.now(),
        };
        state.commit(Change::new().claim(copy.key, Some(claim)));
        Ok(())
    }

    fn create_partial(&self, key: &Key) -> Ino {
        let mut state = self.lock();
        let body = Body::File(Arc::default());
        let (ino, now) = (state.number(), state.now());
        let bits = self.default_bits(&body);
        let mtime_ns = self.kept_mtime(now, now);
        let inode = Inode { bits, body, mtime_ns, ctime_ns: now, xattrs: Xattrs::default() };
        let slot = Slot { name: key.clone(), ino };
        state.commit(Change::new().inode(ino, inode).slot(PARTIAL, key, Some(slot)));
        ino
    }

    /// What was begun for a target, if it is of this very version and still is what its note claims.
    fn taken_up(&self, key: &Key, source: &Entry) -> Option<(Ino, Vec<u8>)> {
        let state = self.lock();
        let (ino, claim, bytes) = Self::kept(&state, key)?;
        let claimed = &bytes[..claim.bytes];
        (claim.source == *source && digest_of(claimed) == claim.digest).then(|| (ino, claimed.to_vec()))
    }

    /// A partial copy and its note, if both make sense together.
    fn kept<'a>(state: &'a State, key: &Key) -> Option<(Ino, &'a Claim, &'a [u8])> {
        let claim = state.live.claims.get(key)?;
        let ino = state.live.slots.get(&(PARTIAL, key.clone()))?.ino;
        match &state.live.inodes.get(&ino)?.body {
            Body::File(bytes) if bytes.len() >= claim.bytes => Some((ino, claim, bytes)),
            _ => None,
        }
    }

    /// Whether there was one.
    fn remove_partial(&self, operation: Operation, at: &RelPath, key: &Key) -> Result<bool, Problem> {
        let (slot, claim) = {
            let state = self.lock();
            let slot = state.live.slots.contains_key(&(PARTIAL, key.clone()));
            (slot, state.live.claims.contains_key(key))
        };
        if claim {
            self.step(operation, at, "drop note")?;
            self.lock().commit(Change::new().claim(key, None));
        }
        if slot {
            self.step(operation, at, "drop partial")?;
            self.lock().commit(Change::new().slot(PARTIAL, key, None));
        }
        Ok(slot)
    }

    /// Drops what makes no sense and what nobody asked for again; how many copies went.
    pub(super) fn drop_old_partials(&self, operation: Operation) -> Result<u64, Problem> {
        let (keys, busy) = {
            let state = self.lock();
            let slots = state.live.children(PARTIAL).map(|(key, _)| key.clone());
            let keys: BTreeSet<Key> = slots.chain(state.live.claims.keys().cloned()).collect();
            (keys, state.busy.clone())
        };
        let mut dropped = 0;
        for key in keys {
            let Some(_held) = busy.hold(&key) else { continue };
            let is_kept = {
                let state = self.lock();
                let age = |claim: &Claim| u128::from(state.clock.abs_diff(claim.touched_ns.min(state.clock)));
                Self::kept(&state, &key).is_some_and(|(_, claim, _)| age(claim) <= PARTIAL_KEPT.as_nanos())
            };
            if !is_kept {
                dropped += u64::from(self.remove_partial(operation, &RelPath::root(), &key)?);
            }
        }
        Ok(dropped)
    }

    pub(super) fn list_partials(&self) -> Vec<Partial> {
        let state = self.lock();
        let kept = state.live.claims.keys().filter_map(|key| Self::kept(&state, key));
        let told = kept.map(|(_, claim, _)| Partial {
            at: claim.at.clone(),
            source: claim.source,
            bytes: claim.bytes as u64,
            touched_ns: claim.touched_ns,
        });
        told.collect()
    }

    pub(super) fn drop_partial_of(&self, at: &RelPath) -> Result<bool, Problem> {
        let key: Key = at.as_bytes().into();
        let busy = self.lock().busy.clone();
        let Some(_held) = busy.hold(&key) else { return Ok(false) };
        self.remove_partial(OP, at, &key)
    }

    /// Brings a finished copy to the staging area, from where it is installed.
    pub(super) fn bring_partial(&self, at: &RelPath, token: &Token, held: &Held) -> Result<(), Problem> {
        self.step(Operation::Install, at, "bring partial")?;
        let slot = Slot { name: token.key.clone(), ino: token.ino };
        let change = Change::new().slot(PARTIAL, &held.key, None).slot(STAGING, &token.key, Some(slot));
        self.lock().commit(change);
        Ok(())
    }

    /// Takes back a copy that could not be installed; false when that cannot be.
    pub(super) fn take_partial_back(&self, at: &RelPath, token: &Token, held: &Held) -> bool {
        let is_in = |dir: Ino, key: &Key| {
            let state = self.lock();
            state.live.slots.get(&(dir, key.clone())).is_some_and(|slot| slot.ino == token.ino)
        };
        if is_in(PARTIAL, &held.key) {
            return true;
        }
        if !is_in(STAGING, &token.key) || self.step(Operation::Install, at, "take partial back").is_err() {
            return false;
        }
        let slot = Slot { name: held.key.clone(), ino: token.ino };
        let change = Change::new().slot(STAGING, &token.key, None).slot(PARTIAL, &held.key, Some(slot));
        self.lock().commit(change.note(&token.key, None));
        true
    }

    /// Nothing is left of a finished copy: it was installed or thrown away.
    pub(super) fn forget_partial(&self, held: &Held) {
        // A note without its copy makes no sense, and is dropped as such.
        let _ = self.remove_partial(OP, &RelPath::root(), &held.key);
    }
}
