//! What happens to a version that is taken from its place.
//!
//! Owns the three things every replacement and removal needs: holding a version so that a writer is noticed,
//! judging what was really taken away, and putting back what nobody had seen. Must never delete anything but our
//! own staged copy or the version that was expected.

use std::fs::File;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use sync_core::abilities::Abilities;
use sync_core::entry::{Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Displaced, Operation, Problem, ProblemKind, Trashed};

use crate::intent::Version;
use crate::local::{LocalReplica, Staging};
use crate::place::{Place, difference, leads_nowhere, parent_bytes};
use crate::stamp::stamped_name;
use crate::sys::{Dir, Stat, Writers, file_stat, no_writer_came, writers};
use crate::trash::TrashSpot;

/// A version that is being watched for writers, as far as the system allows that.
pub(crate) struct Hold(Option<File>);

impl Hold {
    /// Whether nobody has begun to write since.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.0.as_ref().is_none_or(no_writer_came)
    }
}

fn in_use(path: &RelPath, operation: Operation) -> Problem {
    Problem::new(operation, path, ProblemKind::InUse, "somebody has it open for writing")
}

/// Watches the version at `place`, which was just seen as `stat`. Fails when somebody is writing it.
pub(crate) fn hold(
    place: &Place<'_>,
    stat: &Stat,
    abilities: &Abilities,
    operation: Operation,
) -> Result<Hold, Problem> {
    if stat.kind != Some(Kind::File) {
        return Ok(Hold(None));
    }
    let file = match place.dir.open_to_hold(place.name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Hold(None)),
        Err(error) if leads_nowhere(&error) => {
            return Err(Problem::stale(operation, place.path, "it is gone, or no file any more"));
        }
        Err(error) => return Err(Problem::io(operation, place.path, error)),
    };
    let held = file_stat(&file).map_err(|error| Problem::io(operation, place.path, error))?;
    if !held.may_be(stat, abilities) {
        return Err(Problem::stale(operation, place.path, "another one took its place"));
    }
    match writers(&file) {
        Writers::None => Ok(Hold(Some(file))),
        Writers::Some => Err(in_use(place.path, operation)),
        Writers::Unknown => Ok(Hold(None)),
    }
}

/// Attempts against others who change the same path all the time.
const PATIENCE: u32 = 64;

impl LocalReplica {
    /// Whether what was taken away is the version that was expected, and nobody writes to it.
    pub(crate) fn judge(
        &self,
        taken: Option<&Stat>,
        expect: &Entry,
        hold: &Hold,
        path: &RelPath,
        operation: Operation,
    ) -> Result<(), Problem> {
        let now = taken.and_then(|stat| self.entry_of(stat));
        match now {
            Some(now) if expect.is_same_version_moved(&now) && !expect.attributes.differ(now.attributes) => {
                if hold.is_undisturbed() {
                    Ok(())
                } else {
                    Err(in_use(path, operation))
                }
            }
            now => Err(Problem::stale(operation, path, &difference(expect, now.as_ref()))),
        }
    }

    /// Does with a displaced version what was asked for.
    pub(crate) fn dispose(
        &self,
        staging: &Staging,
        name: &[u8],
        displaced: Displaced,
        spot: Option<&TrashSpot>,
    ) -> io::Result<Option<Trashed>> {
        match (displaced, spot) {
            (Displaced::Trash(_), Some(spot)) => self.move_to_trash(&staging.dir, name, spot).map(Some),
            _ => staging.dir.unlink(name).map(|()| None),
        }
    }

    /// Room in the trash, where the displaced version is to go there.
    pub(crate) fn spot_for(
        &self,
        at: &RelPath,
        displaced: Displaced,
        operation: Operation,
    ) -> Result<Option<TrashSpot>, Problem> {
        match displaced {
            Displaced::Drop => Ok(None),
            Displaced::Trash(stamp) => self.prepare_trash(at, stamp, operation).map(Some),
        }
    }

    /// Puts a version from the staging area back to its path, or beside it when something else is there. `ours` is
    /// the version that was put in its place, which gives way. Returns where it is now.
    pub(crate) fn put_back(
        &self,
        staging: &Staging,
        name: &[u8],
        at: &RelPath,
        ours: Option<&Version>,
    ) -> io::Result<RelPath> {
        let is_ours = |stat: &Stat| {
            let entry = self.entry_of(stat);
            ours.zip(entry).is_some_and(|(ours, entry)| ours.is(&entry))
        };
        for _ in 0..PATIENCE {
            self.recent.forget();
            let dir = match self.dir_at(parent_bytes(at)) {
                Err(error) if leads_nowhere(&error) => return self.put_beside(staging, name, at),
                other => other?,
            };
            match dir.stat(at.name())? {
                None => match staging.dir.rename_noreplace(name, &dir, at.name()) {
                    Ok(()) => {
                        self.touch_name(at);
                        return Ok(at.clone());
                    }
                    Err(error)
                        if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                    }
                    Err(error) => return Err(error),
                },
                Some(found) if is_ours(&found) => {
                    if self.abilities.exchange {
                        if !exchanged(staging, name, &dir, at.name())? {
                            continue;
                        }
                        self.touch_name(at);
                        if staging.dir.stat(name)?.is_some_and(|back| is_ours(&back)) {
                            self.drop_ours(staging, name, at)?;
                            return Ok(at.clone());
                        }
                        // Ours had been replaced in between by something newer still, which belongs at the path.
                        if exchanged(staging, name, &dir, at.name())? {
                            return self.put_beside(staging, name, at);
                        }
                    } else {
                        staging.dir.rename_over(name, &dir, at.name())?;
                        self.touch_name(at);
                        return Ok(at.clone());
                    }
                }
                Some(_) => return self.put_beside(staging, name, at),
            }
        }
        self.put_beside(staging, name, at)
    }

    /// Removes our own copy after it was taken back, unless somebody found it in that moment and writes to it.
    fn drop_ours(&self, staging: &Staging, name: &[u8], at: &RelPath) -> io::Result<()> {
        let Some(stat) = staging.dir.stat(name)? else { return Ok(()) };
        if stat.kind == Some(Kind::Dir) {
            return match staging.dir.rmdir(name) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    self.put_beside(staging, name, at).map(|_| ())
                }
                other => other,
            };
        }
        let written = stat.kind == Some(Kind::File)
            && staging.dir.open_to_hold(name).is_ok_and(|file| writers(&file) == Writers::Some);
        if written { self.put_beside(staging, name, at).map(|_| ()) } else { staging.dir.unlink(name) }
    }

    /// Puts a version beside its path, or beside the nearest directory above that is still there.
    fn put_beside(&self, staging: &Staging, name: &[u8], at: &RelPath) -> io::Result<RelPath> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        for above in at.ancestors() {
            let dir = match self.dir_at(above.as_bytes()) {
                Err(error) if leads_nowhere(&error) => continue,
                other => other?,
            };
            for number in 1..1000 {
                let beside = stamped_name(at.name(), "recovered", now, number);
                match staging.dir.rename_noreplace(name, &dir, &beside) {
                    Ok(()) => {
                        let path = above.join(&beside).map_err(|bad| io::Error::other(bad.to_string()))?;
                        self.touch_name(&path);
                        return Ok(path);
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "no place is left for it beside its own"))
    }

    /// Puts an unseen version back after `problem` was found, and reports both.
    pub(crate) fn undo(
        &self,
        staging: &Staging,
        number: &str,
        name: &[u8],
        at: &RelPath,
        ours: Option<&Version>,
        mut problem: Problem,
    ) -> Problem {
        match self.put_back(staging, name, at, ours) {
            Ok(path) => {
                staging.fulfilled(number);
                if path != *at {
                    let found = &problem.message;
                    problem.message = format!("{found}; the version that was found is kept as `{path}`");
                }
            }
            // The intent stays, so that the next recovery tries again.
            Err(error) => {
                let words = "; the version that was found waits in `.bothways/staged` until the next run";
                problem.message = format!("{}{words} ({error})", problem.message);
            }
        }
        problem
    }
}

/// Exchanges; false when nothing is at the place any more.
fn exchanged(staging: &Staging, name: &[u8], dir: &Dir, at: &[u8]) -> io::Result<bool> {
    match staging.dir.exchange(name, dir, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
