//! How one version takes the place of another, by what the side can do.
//!
//! Owns the three ways: an exchange that is compared afterwards; a rename over a version that was given a second
//! place first; and, for a directory that takes a file's path where nothing can be exchanged, moving the file away.
//! Each either happens or is taken back, with the old version at its path.

use sync_core::entry::Entry;
use sync_core::path::RelPath;

use super::MemoryReplica;
use super::displace::Replacing;
use super::journal::Change;
use super::tree::{Ino, Key, STAGING, Slot};
use crate::problem::{Operation, Problem};
use crate::replica::{Displaced, Installed, Trashed};

impl MemoryReplica {
    /// Puts what was staged at a path where nothing is.
    pub(super) fn place_staged(
        &self,
        operation: Operation,
        at: &RelPath,
        key: &Key,
        ino: Ino,
    ) -> Result<Entry, Problem> {
        self.step(operation, at, "place")?;
        let mut state = self.lock();
        let place = self.place_for(&state, operation, at)?;
        if place.slot.is_some() {
            return Err(Problem::stale(operation, at, "something is there now"));
        }
        let change = Change::new()
            .slot(STAGING, key, None)
            .slot(place.dir, &place.key, Some(Slot { name: self.shown(at.name()), ino }))
            .note(key, None);
        let change = state.touching(change, ino);
        state.commit(change);
        state.stir(place.dir);
        self.entry_or_stale(&state, operation, at, ino)
    }

    /// Puts what was staged in the place of the version `job` expects.
    pub(super) fn replace(&self, job: &Replacing<'_>, ino: Ino) -> Result<Installed, Problem> {
        let early = self.expected(&self.lock(), job.operation, job.at, job.old);
        let (_, old_ino) = early?;
        if job.old.is_dir() || self.lock().live.is_dir(old_ino) {
            return Err(Problem::stale(job.operation, job.at, "a directory is there"));
        }
        if self.able().exchange {
            self.replace_by_exchange(job, ino)
        } else if self.lock().live.is_dir(ino) {
            self.replace_by_moving_away(job, ino)
        } else {
            self.replace_over(job, ino)
        }
    }

    fn replace_by_exchange(&self, job: &Replacing<'_>, ino: Ino) -> Result<Installed, Problem> {
        self.note(job, false)?;
        let (expected, entry) = self.exchange(job, ino)?;
        if !expected {
            self.undo(job)?;
            return Err(Problem::stale(job.operation, job.at, "another version was there"));
        }
        self.finish_or_undo(job, job.key).map(|trashed| Installed { entry, trashed })
    }

    /// Takes the old version away first: the path is empty for a moment, which only a directory may do to a file.
    fn replace_by_moving_away(&self, job: &Replacing<'_>, ino: Ino) -> Result<Installed, Problem> {
        let away = self.spare_key();
        let away_job = Replacing { key: &away, ..*job };
        self.note(&away_job, false)?;
        let result = match self.take_away(&away_job) {
            Ok(true) => self.place_staged(job.operation, job.at, job.key, ino),
            Ok(false) => Err(Problem::stale(job.operation, job.at, "another version was there")),
            Err(problem) => {
                self.forget_note(&away);
                return Err(problem);
            }
        };
        match result {
            Ok(entry) => self.finish_or_undo(&away_job, &away).map(|trashed| Installed { entry, trashed }),
            Err(problem) => {
                self.undo(&away_job)?;
                Err(problem)
            }
        }
    }

    /// Renames over the old version, after it got a second place where it is to be kept.
    fn replace_over(&self, job: &Replacing<'_>, ino: Ino) -> Result<Installed, Problem> {
        let mut old = *job.old;
        let kept = match job.displaced {
            Displaced::Drop => None,
            Displaced::Trash(_) => {
                let key = self.spare_key();
                let keeping = Replacing { key: &key, ..*job };
                self.note(&keeping, true)?;
                match self.second_place(&keeping) {
                    Ok(now) => old = now,
                    Err(problem) => {
                        self.forget_note(&key);
                        return Err(problem);
                    }
                }
                Some(key)
            }
        };
        let result = self.rename_over(job, ino, &old);
        let Some(kept) = kept else {
            return result.map(|entry| Installed { entry, trashed: None });
        };
        match result {
            Ok(entry) => self.finish_or_undo(job, &kept).map(|trashed| Installed { entry, trashed }),
            Err(problem) => {
                self.unstage(job.operation, job.at, &kept)?;
                Err(problem)
            }
        }
    }

    fn rename_over(&self, job: &Replacing<'_>, ino: Ino, old: &Entry) -> Result<Entry, Problem> {
        self.step(job.operation, job.at, "replace")?;
        let mut state = self.lock();
        let (place, old_ino) = self.expected(&state, job.operation, job.at, old)?;
        Self::refuse_held(&state, job.operation, job.at, old_ino)?;
        Self::warn_hasty(&mut state, ino);
        let name = place.slot.as_ref().map_or_else(|| job.at.name().into(), |slot| slot.name.clone());
        let change =
            Change::new().slot(STAGING, job.key, None).slot(place.dir, &place.key, Some(Slot { name, ino }));
        let change = state.touching(change, ino);
        state.commit(change);
        state.stir(place.dir);
        self.entry_or_stale(&state, job.operation, job.at, ino)
    }

    pub(super) fn finish_or_undo(&self, job: &Replacing<'_>, key: &Key) -> Result<Option<Trashed>, Problem> {
        match self.finish(job.operation, job.at, key, job.displaced) {
            Ok(trashed) => Ok(trashed),
            Err(problem) => {
                self.undo(&Replacing { key, ..*job })?;
                Err(problem)
            }
        }
    }

    pub(super) fn undo(&self, job: &Replacing<'_>) -> Result<(), Problem> {
        let note = self.lock().live.notes.get(job.key).cloned();
        match note {
            Some(note) => self.put_back(job.operation, job.key, &note).map(|_| ()),
            None => Ok(()),
        }
    }

    pub(super) fn forget_note(&self, key: &Key) {
        self.lock().commit(Change::new().note(key, None));
    }

    pub(super) fn spare_key(&self) -> Key {
        format!("{:08}.old", self.lock().number()).into_bytes().into()
    }
}
