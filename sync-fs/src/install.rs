//! Putting a staged copy in place, and taking a version away.
//!
//! This is where "seen or untouched" and "old or new, never half" are kept. Where the side can exchange two names
//! in one step, the displaced version is judged *after* it was taken away: what is not the expected version goes
//! back, so there is no moment in which an unseen version could be lost. Elsewhere the moment between looking and
//! renaming is as short as it can be made.
//!
//! Every version passes through the staging area on its way out, under an intent (`intent.rs`), so that a run that
//! is killed between any two steps is finished or undone by `recover.rs`.

use std::io;
use std::sync::PoisonError;

use sync_core::abilities::Abilities;
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Displaced, Expect, Installed, Operation, Problem, ProblemKind, Staged, Trashed};

use crate::displace::{Hold, hold};
use crate::intent::{Intent, Version, Way, old_name};
use crate::local::{LocalReplica, Staging};
use crate::place::Place;
use crate::stage::{LocalStaged, installed_entry};
use crate::sys::Stat;
use crate::trash::TrashSpot;

/// A replacement under way.
struct Swap<'a> {
    staging: &'a Staging,
    staged: &'a LocalStaged,
    place: Place<'a>,
    old: Entry,
    new: Version,
    displaced: Displaced,
    hold: Hold,
    spot: Option<TrashSpot>,
    operation: Operation,
}

/// Windows lets nothing be renamed over a read-only file, though it may be renamed itself.
fn is_read_only(entry: &Entry) -> bool {
    const READ_ONLY: u16 = 0x1;
    matches!(entry.attributes, Attributes::Windows(bits) if bits & READ_ONLY != 0)
}

fn taken(path: &RelPath, operation: Operation) -> Problem {
    Problem::stale(operation, path, "something is there now")
}

/// Removes our own copy, if it still is where it was staged.
fn drop_staged(staging: &Staging, own: &LocalStaged, abilities: &Abilities) {
    let name = own.name();
    if let Ok(Some(stat)) = staging.dir.stat(&name)
        && stat.may_be(&own.stat, abilities)
    {
        // What cannot be removed now is removed by the next recovery.
        let _ = match stat.kind {
            Some(Kind::Dir) => staging.dir.rmdir(&name),
            _ => staging.dir.unlink(&name),
        };
    }
}

impl LocalReplica {
    pub(crate) fn install_staged(
        &self,
        staged: Staged,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        let operation = Operation::Install;
        let Ok(own) = staged.token.downcast::<LocalStaged>() else {
            let words = "the staged copy belongs to another replica";
            return Err(Problem::new(operation, at, ProblemKind::Unsupported, words));
        };
        self.put_in_place(&own, at, expect, displaced, operation)
    }

    /// Installs a staged file, link or directory. The staged copy is gone afterwards, installed or not, unless it is
    /// one that can be gone on with.
    pub(crate) fn put_in_place(
        &self,
        own: &LocalStaged,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
        operation: Operation,
    ) -> Result<Installed, Problem> {
        let staging = self.staging()?;
        if let Some(held) = &own.partial {
            self.bring_partial(staging, own, held).map_err(|error| Problem::io(operation, at, error))?;
        }
        let result = self.place(at, operation).and_then(|place| match expect {
            Expect::Absent => self.install_new(staging, own, place, operation),
            Expect::Is(old) => self.install_over(staging, own, place, old, displaced, operation),
        });
        match &result {
            Ok(_) if own.is_settled() => self.touch_name(at),
            Ok(_) => {
                self.touch_name(at);
                self.touch_thing(at);
            }
            Err(_) => {
                let kept = own.partial.as_ref().filter(|held| self.take_partial_back(staging, own, held));
                if kept.is_some() {
                    return result;
                }
                drop_staged(staging, own, &self.abilities);
            }
        }
        if let Some(held) = &own.partial {
            self.forget_partial(held);
        }
        result
    }

    fn install_new(
        &self,
        staging: &Staging,
        own: &LocalStaged,
        place: Place<'_>,
        operation: Operation,
    ) -> Result<Installed, Problem> {
        let rename = |place: &Place<'_>| staging.dir.rename_noreplace(&own.name(), &place.dir, place.name);
        let mut place = place;
        let renamed = match rename(&place) {
            // The directory may have been made anew a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.recent.forget();
                place = self.place(place.path, operation)?;
                rename(&place)
            }
            other => other,
        };
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(place.path, operation),
            _ => Problem::io(operation, place.path, error),
        })?;
        let found = place.dir.stat(place.name).ok().flatten();
        self.installed(own, found, None, place.path, operation)
    }

    fn installed(
        &self,
        own: &LocalStaged,
        found: Option<Stat>,
        trashed: Option<Trashed>,
        path: &RelPath,
        operation: Operation,
    ) -> Result<Installed, Problem> {
        let entry = installed_entry(own, self, found);
        let entry = entry.ok_or_else(|| {
            Problem::new(operation, path, ProblemKind::Unsupported, "it is a pipe, socket or device")
        })?;
        Ok(Installed { entry, trashed })
    }

    fn install_over(
        &self,
        staging: &Staging,
        own: &LocalStaged,
        place: Place<'_>,
        old: &Entry,
        displaced: Displaced,
        operation: Operation,
    ) -> Result<Installed, Problem> {
        if old.is_dir() {
            let words = "a directory gives way by being removed first";
            return Err(Problem::new(operation, place.path, ProblemKind::Unsupported, words));
        }
        let stat = self.expect(&place, old, operation)?;
        let hold = hold(&place, &stat, &self.abilities, operation)?;
        let spot = self.spot_for(place.path, displaced, operation)?;
        let new = self.entry_of(&own.stat).map(|entry| Version::of(&entry));
        let new = new.ok_or_else(|| taken(place.path, operation))?;
        let swap = Swap { staging, staged: own, place, old: *old, new, displaced, hold, spot, operation };
        let trashed = if self.abilities.exchange {
            self.swap_by_exchange(&swap)?
        } else if self.abilities.hard_links && own.stat.kind != Some(Kind::Dir) && !is_read_only(old) {
            self.swap_over(&swap)?
        } else {
            self.swap_away(&swap)?
        };
        let found = swap.place.dir.stat(swap.place.name).ok().flatten();
        self.installed(own, found, trashed, swap.place.path, operation)
    }

    fn intend_swap(&self, swap: &Swap<'_>, way: Way) -> Result<(), Problem> {
        let intent = Intent {
            way,
            displaced: swap.displaced,
            old: Version::of(&swap.old),
            new: Some(swap.new),
            target: swap.place.path.clone(),
            to: None,
        };
        self.intend(swap.staging, &swap.staged.number, &intent)
            .map_err(|error| Problem::io(swap.operation, swap.place.path, error))
    }

    /// The displaced version lies in the staging area as `name`: judge it, then do away with it or put it back.
    fn finish_swap(&self, swap: &Swap<'_>, name: &[u8]) -> Result<Option<Trashed>, Problem> {
        let number = &swap.staged.number;
        let path = swap.place.path;
        let taken = swap.staging.dir.stat(name);
        let judged = taken
            .map_err(|error| Problem::io(swap.operation, path, error))
            .and_then(|taken| self.judge(taken.as_ref(), &swap.old, &swap.hold, path, swap.operation))
            .and_then(|()| {
                self.dispose(swap.staging, name, swap.displaced, swap.spot.as_ref())
                    .map_err(|error| Problem::io(swap.operation, path, error))
            });
        match judged {
            Ok(trashed) => {
                swap.staging.fulfilled(number);
                Ok(trashed)
            }
            Err(problem) => Err(self.undo(swap.staging, number, name, path, Some(&swap.new), problem)),
        }
    }

    fn swap_by_exchange(&self, swap: &Swap<'_>) -> Result<Option<Trashed>, Problem> {
        self.intend_swap(swap, Way::Exchange)?;
        let name = swap.staged.name();
        if let Err(error) = swap.staging.dir.exchange(&name, &swap.place.dir, swap.place.name) {
            swap.staging.fulfilled(&swap.staged.number);
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Problem::stale(swap.operation, swap.place.path, "it is gone"),
                _ => Problem::io(swap.operation, swap.place.path, error),
            });
        }
        self.finish_swap(swap, &name)
    }

    /// Without an exchange: the old version keeps a second name while the new one is renamed over it.
    fn swap_over(&self, swap: &Swap<'_>) -> Result<Option<Trashed>, Problem> {
        let number = &swap.staged.number;
        let path = swap.place.path;
        let io = |error| Problem::io(swap.operation, path, error);
        self.intend_swap(swap, Way::Over)?;
        let second = old_name(number);
        // Of two threads here that replace the same version, the later one has to find the work of the first.
        let alone = self.one_swap.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match swap.place.dir.link(swap.place.name, &swap.staging.dir, &second) {
            Ok(()) => swap.staging.dir.stat(&second).map_err(io),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Problem::stale(swap.operation, path, "it is gone"))
            }
            Err(error) => Err(io(error)),
        };
        let kept =
            kept.and_then(|kept| self.judge(kept.as_ref(), &swap.old, &swap.hold, path, swap.operation));
        let renamed = kept.and_then(|()| {
            swap.staging.dir.rename_over(&swap.staged.name(), &swap.place.dir, swap.place.name).map_err(io)
        });
        drop(alone);
        if let Err(problem) = renamed {
            // The version itself is still in its place; this was but a second name of it.
            let _ = swap.staging.dir.unlink(&second);
            swap.staging.fulfilled(number);
            return Err(problem);
        }
        self.finish_swap(swap, &second)
    }

    /// With neither exchange nor second names: for a moment nothing is at the path, which is the lesser evil, as an
    /// unseen version is never lost this way.
    fn swap_away(&self, swap: &Swap<'_>) -> Result<Option<Trashed>, Problem> {
        let number = &swap.staged.number;
        let path = swap.place.path;
        let old = old_name(number);
        self.intend_swap(swap, Way::Away)?;
        if let Err(error) = swap.place.dir.rename_noreplace(swap.place.name, &swap.staging.dir, &old) {
            swap.staging.fulfilled(number);
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Problem::stale(swap.operation, path, "it is gone"),
                _ => Problem::io(swap.operation, path, error),
            });
        }
        let moved = swap.staging.dir.rename_noreplace(&swap.staged.name(), &swap.place.dir, swap.place.name);
        if let Err(error) = moved {
            let problem = match error.kind() {
                io::ErrorKind::AlreadyExists => taken(path, swap.operation),
                _ => Problem::io(swap.operation, path, error),
            };
            return Err(self.undo(swap.staging, number, &old, path, None, problem));
        }
        self.finish_swap(swap, &old)
    }

    pub(crate) fn remove_entry(
        &self,
        at: &RelPath,
        expect: &Entry,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem> {
        let operation = Operation::Remove;
        if expect.is_dir() {
            let words = "a directory is not removed as a file";
            return Err(Problem::new(operation, at, ProblemKind::Unsupported, words));
        }
        let staging = self.staging()?;
        let place = match self.place(at, operation) {
            Err(Problem { source: Some(error), .. }) if crate::place::leads_nowhere(&error) => {
                return Err(Problem::stale(operation, at, "it is gone"));
            }
            other => other?,
        };
        let stat = self.expect(&place, expect, operation)?;
        let hold = hold(&place, &stat, &self.abilities, operation)?;
        let spot = self.spot_for(at, displaced, operation)?;
        let number = staging.number();
        let io = |error| Problem::io(operation, at, error);
        let intent = Intent {
            way: Way::Away,
            displaced,
            old: Version::of(expect),
            new: None,
            target: at.clone(),
            to: None,
        };
        self.intend(staging, &number, &intent).map_err(io)?;
        let old = old_name(&number);
        if let Err(error) = place.dir.rename_over(place.name, &staging.dir, &old) {
            staging.fulfilled(&number);
            return Err(match error.kind() {
                io::ErrorKind::NotFound => Problem::stale(operation, at, "it is gone"),
                _ => io(error),
            });
        }
        self.touch_name(at);
        let done = staging
            .dir
            .stat(&old)
            .map_err(io)
            .and_then(|taken| self.judge(taken.as_ref(), expect, &hold, at, operation))
            .and_then(|()| self.dispose(staging, &old, displaced, spot.as_ref()).map_err(io));
        match done {
            Ok(trashed) => {
                staging.fulfilled(&number);
                Ok(trashed)
            }
            Err(problem) => Err(self.undo(staging, &number, &old, at, None, problem)),
        }
    }
}
