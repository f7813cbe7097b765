//! What is done with the trash beside filling it: listing, putting a version back, dropping one for good.
//!
//! A version that is put back where nothing is comes by one rename. Where it takes another's place, it first gets a
//! second name in the staging area, or a copy where the side has no second names, and is installed like any staged
//! copy, under the same intents; only then does its place in the trash go. So a kill leaves it in the trash, in its
//! place, or in both, and recovery needs to know nothing of it.
//!
//! Must never drop anything that does not bear a name of the trash, nor follow a link on the way to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sync_core::entry::{Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{
    Displaced, Expect, InTrash, Installed, Operation, Problem, ProblemKind, Replica as _, Uncontrolled,
};

use crate::intent::staged_name;
use crate::local::LocalReplica;
use crate::place::{leads_nowhere, parent_bytes};
use crate::stage::LocalStaged;
use crate::stamp::{DELETED, parse_stamped};
use crate::sys::{Dir, Stat};

/// A place in the trash whose directory is there.
struct Spot {
    dir: Arc<Dir>,
    name: Vec<u8>,
    stat: Stat,
}

/// Whether an open directory lies on the file system with this number.
fn is_on(dir: &Dir, device: u64) -> io::Result<bool> {
    Ok(dir.stat_self()?.dev == device)
}

impl LocalReplica {
    /// Opens a directory of the trash; none where there is none.
    fn trash_dir_there(&self, rel: &[u8]) -> io::Result<Option<Arc<Dir>>> {
        let Some(base) = self.trash_there()? else { return Ok(None) };
        if rel.is_empty() {
            return Ok(Some(base));
        }
        match base.open_beneath(rel) {
            Ok(dir) => Ok(Some(Arc::new(dir))),
            Err(error) if leads_nowhere(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn spot_in_trash(&self, place: &RelPath) -> io::Result<Option<Spot>> {
        if place.is_root() {
            return Ok(None);
        }
        let Some(dir) = self.trash_dir_there(parent_bytes(place))? else { return Ok(None) };
        let name = place.name().to_vec();
        Ok(dir.stat(&name)?.map(|stat| Spot { dir, name, stat }))
    }

    pub(crate) fn list_trashed(&self) -> Result<Vec<InTrash>, Problem> {
        let mut found = Vec::new();
        let mut todo = vec![RelPath::root()];
        while let Some(path) = todo.pop() {
            let io = |error| Problem::io(Operation::Restore, &path, error);
            let Some(dir) = self.trash_dir_there(path.as_bytes()).map_err(io)? else { continue };
            for name in dir.names().map_err(io)? {
                let Ok(place) = path.join(&name) else { continue };
                let Some(stat) = dir.stat(&name).map_err(io)? else { continue };
                let ours = parse_stamped(&name, DELETED)
                    .and_then(|(was, deleted_ns)| Some((path.join(&was).ok()?, deleted_ns)))
                    .zip(self.entry_of(&stat));
                match ours {
                    Some(((was, deleted_ns), entry)) => {
                        found.push(InTrash { place, was, deleted_ns, entry });
                    }
                    None if stat.kind == Some(Kind::Dir) => todo.push(place),
                    None => {}
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn look_at_trashed(&self, place: &RelPath) -> Result<Option<Entry>, Problem> {
        let spot =
            self.spot_in_trash(place).map_err(|error| Problem::io(Operation::Restore, place, error))?;
        Ok(spot.and_then(|spot| self.entry_of(&spot.stat)))
    }

    pub(crate) fn restore_trashed(
        &self,
        from: &RelPath,
        version: &Entry,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        let operation = Operation::Restore;
        self.staging()?;
        let io = |error| Problem::io(operation, at, error);
        let spot = self.spot_in_trash(from).map_err(io)?;
        let spot = spot.filter(|spot| self.is_version(&spot.stat, version)).ok_or_else(|| {
            let words = "the trash no longer holds that version of it";
            Problem::new(operation, at, ProblemKind::NotFound, words)
        })?;
        match expect {
            Expect::Absent => self.take_back(from, &spot, version, at),
            Expect::Is(_) if version.is_dir() => {
                let words = "a directory is put back only where nothing is";
                Err(Problem::new(operation, at, ProblemKind::Unsupported, words))
            }
            Expect::Is(_) => self.exchange_back(from, &spot, at, expect, displaced),
        }
    }

    fn is_version(&self, stat: &Stat, version: &Entry) -> bool {
        self.entry_of(stat).is_some_and(|now| {
            version.is_same_version_moved(&now) && !version.attributes.differ(now.attributes)
        })
    }

    /// Renames out of the trash to where nothing is.
    fn take_back(
        &self,
        from: &RelPath,
        spot: &Spot,
        version: &Entry,
        at: &RelPath,
    ) -> Result<Installed, Problem> {
        let operation = Operation::Restore;
        let io = |error| Problem::io(operation, at, error);
        let place = self.place(at, operation)?;
        spot.dir.rename_noreplace(&spot.name, &place.dir, place.name).map_err(|error| {
            match error.kind() {
                io::ErrorKind::AlreadyExists => Problem::stale(operation, at, "something is there now"),
                _ => io(error),
            }
        })?;
        self.recent.forget();
        self.touch_name(at);
        self.touch_trash(from.clone());
        let found = place.stat(operation)?;
        match found.as_ref().filter(|stat| self.is_version(stat, version)) {
            Some(stat) => {
                let entry = self.entry_of(stat).unwrap_or(*version);
                Ok(Installed { entry, trashed: None })
            }
            None => {
                // Somebody put another thing there in that moment, which belongs in the trash.
                let back = place.dir.rename_noreplace(place.name, &spot.dir, &spot.name);
                let words = match back {
                    Ok(()) => "another version came into its place in the trash".to_owned(),
                    Err(error) => format!("another version came into its place in the trash ({error})"),
                };
                Err(Problem::stale(operation, at, &words))
            }
        }
    }

    /// Puts a version in the place of another one.
    fn exchange_back(
        &self,
        from: &RelPath,
        spot: &Spot,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        let operation = Operation::Restore;
        let mut installed = match self.second_name(spot, at)? {
            Some(own) => self.put_in_place(&own, at, expect, displaced, operation)?,
            None => {
                let name = RelPath::new(spot.name.clone())
                    .map_err(|bad| Problem::new(operation, at, ProblemKind::Io, bad.to_string()))?;
                let now = self.entry_of(&spot.stat);
                let now = now.ok_or_else(|| Problem::stale(operation, at, "it is gone from the trash"))?;
                let mut source = self.open_aside(&spot.dir, &name, &now, operation)?;
                let staged = self.stage_copy(&mut *source, true, &Uncontrolled)?;
                if let Err(problem) = self.settle(&[&staged]) {
                    self.discard_staged(staged);
                    return Err(problem);
                }
                self.install_staged(staged, at, expect, displaced)?
            }
        };
        // It is where it was to go, also where it stays in the trash as well.
        let _ = spot.dir.unlink(&spot.name);
        self.touch_trash(from.clone());
        // That a name went has moved the change time of a file that has two.
        if let Some(now) = self.look_at(at)?
            && installed.entry.is_same_version_moved(&now)
        {
            installed.entry = now;
        }
        Ok(installed)
    }

    /// A second name in the staging area for what lies in the trash; none where it cannot have one.
    fn second_name(&self, spot: &Spot, at: &RelPath) -> Result<Option<LocalStaged>, Problem> {
        if !matches!(spot.stat.kind, Some(Kind::File | Kind::Symlink)) || !self.abilities.hard_links {
            return Ok(None);
        }
        let staging = self.staging()?;
        let number = staging.number();
        let name = staged_name(&number);
        if spot.dir.link(&spot.name, &staging.dir, &name).is_err() {
            // A file of somebody else's, say: a copy does it as well.
            return Ok(None);
        }
        let stat = staging.dir.stat(&name);
        match stat.map_err(|error| Problem::io(Operation::Restore, at, error))? {
            Some(stat) if stat.may_be(&spot.stat, &self.abilities) => {
                Ok(Some(LocalStaged { number, stat, settled: AtomicBool::new(true), partial: None }))
            }
            _ => {
                let _ = staging.dir.unlink(&name);
                Err(Problem::stale(
                    Operation::Restore,
                    at,
                    "another version came into its place in the trash",
                ))
            }
        }
    }

    pub(crate) fn purge_trashed(&self, place: &RelPath) -> Result<bool, Problem> {
        let operation = Operation::Purge;
        self.staging()?;
        self.check_presence()?;
        let io = |error| Problem::io(operation, place, error);
        if parse_stamped(place.name(), DELETED).is_none() {
            let words = "it does not bear a name of the trash";
            return Err(Problem::new(operation, place, ProblemKind::Unsupported, words));
        }
        let Some(spot) = self.spot_in_trash(place).map_err(io)? else { return Ok(false) };
        if !is_on(&spot.dir, self.identity.0).map_err(io)? {
            let words = "another file system is mounted there";
            return Err(Problem::new(operation, place, ProblemKind::Unsupported, words));
        }
        if spot.stat.kind == Some(Kind::Dir) {
            self.drop_tree(&spot.dir, &spot.name).map_err(io)?;
        } else {
            spot.dir.unlink(&spot.name).map_err(io)?;
        }
        // An open directory cannot be removed everywhere.
        drop(spot);
        self.touch_trash(place.clone());
        self.drop_empty_above(place);
        Ok(true)
    }

    /// Drops a directory with everything in it, without leaving the file system or following a link.
    fn drop_tree(&self, parent: &Dir, name: &[u8]) -> io::Result<()> {
        let dir = parent.open_beneath(name)?;
        if !is_on(&dir, self.identity.0)? {
            return Err(io::Error::other("another file system is mounted in it"));
        }
        for inner in dir.names()? {
            match dir.stat(&inner)? {
                Some(Stat { kind: Some(Kind::Dir), .. }) => self.drop_tree(&dir, &inner)?,
                Some(_) => dir.unlink(&inner)?,
                None => {}
            }
        }
        drop(dir);
        parent.rmdir(name)
    }

    /// Removes the directories on the way to a place, as far as nothing is in them any more.
    fn drop_empty_above(&self, place: &RelPath) {
        for above in place.ancestors().filter(|above| !above.is_root()) {
            let Ok(Some(dir)) = self.trash_dir_there(parent_bytes(&above)) else { return };
            // It says itself whether it is empty.
            if dir.rmdir(above.name()).is_err() {
                return;
            }
            self.touch_trash(above);
        }
    }
}
