//! How a version makes room for another one without getting lost.
//!
//! Owns the note in the staging area that goes with a slot there, and what is done with the version in the slot:
//! [`MemoryReplica::finish`] sends it where it was meant to go, [`MemoryReplica::put_back`] gives it its path
//! again. Must never drop a version that nobody expected.

use sync_core::entry::Entry;
use sync_core::path::RelPath;

use super::journal::Change;
use super::tree::{Body, Ino, Key, Note, STAGING, Slot};
use super::{MemoryReplica, State, child};
use crate::problem::{Operation, Problem, ProblemKind};
use crate::replica::{Displaced, InTrash, Recovered, Trashed};

/// What lies in the staging area for one replacement.
pub(super) struct Replacing<'a> {
    pub operation: Operation,
    pub at: &'a RelPath,
    /// The slot of the staging area that holds the new version, and the displaced one after an exchange.
    pub key: &'a Key,
    pub new: Option<Ino>,
    pub old: &'a Entry,
    pub displaced: Displaced,
}

impl MemoryReplica {
    /// Notes what is about to happen to a path.
    pub(super) fn note(&self, job: &Replacing<'_>, copy: bool) -> Result<(), Problem> {
        self.step(job.operation, job.at, "note")?;
        let mut state = self.lock();
        let new = job.new.and_then(|ino| Some((ino, self.entry_of(&state, ino)?)));
        let note = Note { at: job.at.clone(), new, old: *job.old, displaced: job.displaced, copy };
        state.commit(Change::new().note(job.key, Some(note)));
        Ok(())
    }

    /// Exchanges the staged version with whatever is at the path, and says whether that was the expected version.
    /// Also says what is at the path now.
    pub(super) fn exchange(&self, job: &Replacing<'_>, new: Ino) -> Result<(bool, Entry), Problem> {
        self.step(job.operation, job.at, "exchange")?;
        let mut state = self.lock();
        let gone = || Problem::stale(job.operation, job.at, "it is gone");
        let place = self.place(&state, job.operation, job.at)?.ok_or_else(gone)?;
        let slot = place.slot.ok_or_else(gone)?;
        Self::refuse_held(&state, job.operation, job.at, slot.ino)?;
        let was = self.entry_of(&state, slot.ino);
        let expected = was.is_some_and(|was| job.old.is_same_version(&was));
        Self::warn_hasty(&mut state, new);
        let change = Change::new()
            .slot(place.dir, &place.key, Some(Slot { name: slot.name, ino: new }))
            .slot(STAGING, job.key, Some(Slot { name: job.key.clone(), ino: slot.ino }));
        let change = state.touching(change, new);
        let change = state.touching(change, slot.ino);
        state.commit(change);
        state.stir(place.dir);
        let entry = self.entry_or_stale(&state, job.operation, job.at, new)?;
        Ok((expected, entry))
    }

    /// Moves whatever is at the path to the staging area, and says whether it was the expected version.
    pub(super) fn take_away(&self, job: &Replacing<'_>) -> Result<bool, Problem> {
        self.step(job.operation, job.at, "take away")?;
        let mut state = self.lock();
        let gone = || Problem::stale(job.operation, job.at, "it is gone");
        let place = self.place(&state, job.operation, job.at)?.ok_or_else(gone)?;
        let slot = place.slot.ok_or_else(gone)?;
        Self::refuse_held(&state, job.operation, job.at, slot.ino)?;
        let was = self.entry_of(&state, slot.ino);
        let change = Change::new().slot(place.dir, &place.key, None).slot(
            STAGING,
            job.key,
            Some(Slot { name: job.key.clone(), ino: slot.ino }),
        );
        let change = state.touching(change, slot.ino);
        state.commit(change);
        state.stir(place.dir);
        Ok(was.is_some_and(|was| job.old.is_same_version(&was)))
    }

    /// Gives the expected version at the path a second place in the staging area; says how it looks there.
    pub(super) fn second_place(&self, job: &Replacing<'_>) -> Result<Entry, Problem> {
        self.step(job.operation, job.at, "second place")?;
        let mut state = self.lock();
        let (_, ino) = self.expected(&state, job.operation, job.at, job.old)?;
        Self::refuse_held(&state, job.operation, job.at, ino)?;
        let (change, ino) = self.duplicate(&mut state, Change::new(), ino);
        let change = change.slot(STAGING, job.key, Some(Slot { name: job.key.clone(), ino }));
        state.commit(change);
        let (_, ino) = self.expected_moved(&state, job.operation, job.at, job.old)?;
        self.entry_or_stale(&state, job.operation, job.at, ino)
    }

    /// A second name's target: the file itself where it can have two names, else a durable copy of it.
    pub(super) fn duplicate(&self, state: &mut State, change: Change, ino: Ino) -> (Change, Ino) {
        let is_file = matches!(state.live.inodes.get(&ino).map(|inode| &inode.body), Some(Body::File(_)));
        if self.able().hard_links && is_file {
            return (state.touching(change, ino), ino);
        }
        let copy = state.number();
        match state.touched(ino) {
            // The copied file itself is untouched, its copy is durable before anything relies on it.
            Some(inode) => (change.inode(copy, inode).synced(), copy),
            None => (change, ino),
        }
    }

    /// Sends the displaced version where it was meant to go.
    pub(super) fn finish(
        &self,
        operation: Operation,
        at: &RelPath,
        key: &Key,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem> {
        self.step(operation, at, "finish")?;
        let mut state = self.lock();
        let Some(slot) = state.live.slots.get(&(STAGING, key.clone())).cloned() else {
            state.commit(Change::new().note(key, None));
            return Ok(None);
        };
        let change = Change::new().slot(STAGING, key, None).note(key, None);
        let Displaced::Trash(stamp) = displaced else {
            state.commit(change);
            return Ok(None);
        };
        let (dir, path) = self.trash_place(&mut state, stamp.0, at);
        let change =
            change.slot(dir, &self.key(path.name()), Some(Slot { name: path.name().into(), ino: slot.ino }));
        let change = state.touching(change, slot.ino);
        state.commit(change);
        Ok(Some(Trashed { path }))
    }

    /// Gives the version in a slot of the staging area its path again, or, where that is taken, a place beside it;
    /// says where it is now. The staged copy that took its path is dropped.
    pub(super) fn put_back(
        &self,
        operation: Operation,
        key: &Key,
        note: &Note,
    ) -> Result<Option<RelPath>, Problem> {
        self.step(operation, &note.at, "put back")?;
        let mut state = self.lock();
        let Some(slot) = state.live.slots.get(&(STAGING, key.clone())).cloned() else {
            state.commit(Change::new().note(key, None));
            return Ok(None);
        };
        let change = Change::new().slot(STAGING, key, None).note(key, None);
        let place = self.place(&state, operation, &note.at)?;
        let now = place.as_ref().and_then(|place| place.slot.as_ref()).map(|slot| slot.ino);
        let ours = now.is_some_and(|ino| self.is_untouched_copy(&state, ino, note));
        let (place, at) = match place {
            Some(place) if place.slot.is_none() || ours => (place, note.at.clone()),
            _ => self.place_beside(&state, operation, &note.at)?,
        };
        let name = self.shown(at.name());
        let change = change.slot(place.dir, &place.key, Some(Slot { name, ino: slot.ino }));
        let change = state.touching(change, slot.ino);
        state.commit(change);
        state.stir(place.dir);
        Ok(Some(at))
    }

    /// Whether `ino` is the staged copy that a note speaks of, as it was staged.
    fn is_untouched_copy(&self, state: &State, ino: Ino, note: &Note) -> bool {
        note.new.is_some_and(|(new, staged)| {
            new == ino
                && self.entry_of(state, ino).is_some_and(|now| {
                    staged.is_same_version_moved(&now) && !staged.attributes.differ(now.attributes)
                })
                && (!state.live.is_dir(ino) || state.live.children(ino).next().is_none())
        })
    }

    /// A free name beside a path; at the root when its directory has gone.
    fn place_beside(
        &self,
        state: &State,
        operation: Operation,
        at: &RelPath,
    ) -> Result<(super::Place, RelPath), Problem> {
        for attempt in 1_u32.. {
            let mut name = at.name().to_vec();
            name.truncate(usize::from(self.able().names.max_bytes).saturating_sub(24).max(1));
            name.extend_from_slice(format!(" (restored {attempt})").as_bytes());
            for dir in at.ancestors() {
                let beside = child(&dir, &name);
                match self.place(state, operation, &beside)? {
                    Some(place) if place.slot.is_none() => return Ok((place, beside)),
                    Some(_) => break,
                    None => {}
                }
            }
        }
        Err(Problem::new(operation, at, ProblemKind::Exists, "no name is free beside it"))
    }

    /// Removes a slot of the staging area with all it holds.
    pub(super) fn unstage(&self, operation: Operation, at: &RelPath, key: &Key) -> Result<(), Problem> {
        self.step(operation, at, "remove staged")?;
        self.lock().commit(Change::new().slot(STAGING, key, None).note(key, None));
        Ok(())
    }

    /// Cleans the staging area: the body of `recover`.
    pub(super) fn clean_staging(&self) -> Result<Recovered, Problem> {
        const OP: Operation = Operation::Recover;
        let mut recovered = Recovered::default();
        let found: Vec<(Key, Ino)> = {
            let state = self.lock();
            state.live.children(STAGING).map(|(key, slot)| (key.clone(), slot.ino)).collect()
        };
        for (key, ino) in found {
            let note = self.lock().live.notes.get(&key).cloned();
            let Some(note) = note.filter(|note| note.new.is_none_or(|(new, _)| new != ino)) else {
                self.unstage(OP, &RelPath::root(), &key)?;
                recovered.removed += 1;
                continue;
            };
            let (at_path, seen, taken) = {
                let state = self.lock();
                let at_path =
                    self.place(&state, OP, &note.at)?.and_then(|place| place.slot).map(|slot| slot.ino);
                let seen = self.entry_of(&state, ino).is_some_and(|now| {
                    note.old.is_same_version_moved(&now) && !note.old.attributes.differ(now.attributes)
                });
                let taken = at_path.is_some_and(|at| note.new.is_some_and(|(new, _)| new == at));
                (at_path, seen, taken)
            };
            // A second place has done its duty unless the replacement happened.
            if note.copy && !taken {
                self.unstage(OP, &note.at, &key)?;
                recovered.removed += 1;
            } else if seen && (at_path.is_some() || note.new.is_none()) {
                // The change had happened as planned; only its last step is missing.
                let trashed = self.finish(OP, &note.at, &key, note.displaced)?;
                if let (Some(Trashed { path }), Displaced::Trash(stamp)) = (trashed, note.displaced)
                    && let Some(entry) = self.entry_of(&self.lock(), ino)
                {
                    let was = note.at.clone();
                    recovered.trashed.push(InTrash { place: path, was, deleted_ns: stamp.0, entry });
                }
            } else if let Some(at) = self.put_back(OP, &key, &note)? {
                recovered.restored.push(at);
            }
        }
        let stale: Vec<Key> = self.lock().live.notes.keys().cloned().collect();
        for key in stale {
            self.unstage(OP, &RelPath::root(), &key)?;
        }
        Ok(recovered)
    }

    pub(super) fn warn_hasty(state: &mut State, new: Ino) {
        if !state.journal.is_settled(new) {
            state.hasty += 1;
        }
    }

    pub(super) fn entry_or_stale(
        &self,
        state: &State,
        operation: Operation,
        at: &RelPath,
        ino: Ino,
    ) -> Result<Entry, Problem> {
        self.entry_of(state, ino).ok_or_else(|| Problem::stale(operation, at, "it is gone"))
    }

    /// As [`Self::expected`], after a second name has moved the change time.
    fn expected_moved(
        &self,
        state: &State,
        operation: Operation,
        at: &RelPath,
        expect: &Entry,
    ) -> Result<(super::Place, Ino), Problem> {
        self.expected(state, operation, at, &Entry { ctime_ns: 0, ..*expect })
    }
}
