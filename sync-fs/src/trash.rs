//! The trash: where soft-deleted versions go, under their own path with the time of their deletion.
//!
//! Moving there is always a rename: a version is never copied and then removed.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sync_core::entry::Attributes;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, ProblemKind, TrashStamp, Trashed};

use crate::local::{LocalReplica, inside};
use crate::place::parent_bytes;
use crate::stamp::{DELETED, stamped_name};
use crate::sys::{self, Dir};

/// Where the trash lies.
#[derive(Debug)]
pub(crate) enum TrashRoot {
    /// Inside the root.
    Inside(RelPath),
    /// Elsewhere on the same volume.
    Elsewhere(PathBuf),
}

impl TrashRoot {
    pub(crate) fn new(root: &Path, wanted: &Path) -> Result<Self, Problem> {
        let bad = |why: &str| {
            let message = format!("the trash root `{}` {why}", wanted.display());
            Problem::new(Operation::Root, &RelPath::root(), ProblemKind::Unsupported, message)
        };
        if wanted.is_absolute() {
            return match inside(root, wanted) {
                Some(rel) if rel.is_root() => Err(bad("is the root itself")),
                Some(rel) => Ok(Self::Inside(rel)),
                None => Ok(Self::Elsewhere(wanted.to_owned())),
            };
        }
        let mut rel = RelPath::root();
        for component in wanted.components() {
            match component {
                Component::Normal(name) => {
                    rel = rel.join(&sys::name_bytes(name)).map_err(|_| bad("has a name that cannot be"))?;
                }
                Component::CurDir => {}
                _ => return Err(bad("leads out of the root; give an absolute path for that")),
            }
        }
        if rel.is_root() { Err(bad("is the root itself")) } else { Ok(Self::Inside(rel)) }
    }

    /// Its path in the root, where it lies inside.
    pub(crate) fn inside(&self) -> Option<&RelPath> {
        match self {
            Self::Inside(rel) => Some(rel),
            Self::Elsewhere(_) => None,
        }
    }
}

/// A directory in the trash, ready to receive a version.
pub(crate) struct TrashSpot {
    dir: Arc<Dir>,
    /// The directory's path relative to the trash root.
    rel: RelPath,
    name: Vec<u8>,
    stamp: TrashStamp,
}

/// Opens `rel` below `base`, making what is missing of it.
fn make_all(base: &Arc<Dir>, rel: &[u8]) -> io::Result<Arc<Dir>> {
    if rel.is_empty() {
        return Ok(Arc::clone(base));
    }
    match base.open_beneath(rel) {
        Ok(dir) => return Ok(Arc::new(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut dir = Arc::clone(base);
    for name in rel.split(|b| *b == b'/') {
        match dir.mkdir(name, Attributes::NotHeld) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        dir = Arc::new(dir.open_beneath(name)?);
    }
    Ok(dir)
}

impl LocalReplica {
    fn trash_dir(&self) -> io::Result<Arc<Dir>> {
        match &self.trash {
            TrashRoot::Inside(rel) => make_all(&self.root, rel.as_bytes()),
            TrashRoot::Elsewhere(path) => {
                std::fs::create_dir_all(path)?;
                Dir::open_root(path).map(Arc::new)
            }
        }
    }

    /// Makes room in the trash for what is at `at`, before anything is taken away from there.
    pub(crate) fn prepare_trash(
        &self,
        at: &RelPath,
        stamp: TrashStamp,
        operation: Operation,
    ) -> Result<TrashSpot, Problem> {
        let trouble = |error| Problem {
            message: "the trash cannot be written to".to_owned(),
            ..Problem::io(operation, at, error)
        };
        let base = self.trash_dir().map_err(trouble)?;
        if base.stat_self().map_err(trouble)?.dev != self.identity.0 {
            let words =
                "the trash root is on another file system than the root, where nothing can be moved to";
            return Err(Problem::new(operation, at, ProblemKind::Unsupported, words));
        }
        let dir = make_all(&base, parent_bytes(at)).map_err(trouble)?;
        let rel = at.parent().unwrap_or_else(RelPath::root);
        Ok(TrashSpot { dir, rel, name: at.name().to_vec(), stamp })
    }

    /// Moves `name` of `from` into the trash. Nothing has happened when it fails.
    pub(crate) fn move_to_trash(&self, from: &Dir, name: &[u8], spot: &TrashSpot) -> io::Result<Trashed> {
        for number in 1..10_000_u32 {
            let in_trash = stamped_name(&spot.name, DELETED, spot.stamp.0, number);
            match from.rename_noreplace(name, &spot.dir, &in_trash) {
                Ok(()) => {
                    let path = spot.rel.join(&in_trash).map_err(|bad| io::Error::other(bad.to_string()))?;
                    self.touch_trash(path.clone());
                    return Ok(Trashed { path });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "the trash holds too many versions of this moment"))
    }

    /// The open directory of something in the trash, which is never made for that.
    pub(crate) fn open_trash_parent(&self, path: &RelPath) -> io::Result<Arc<Dir>> {
        let base = self.trash_there()?.ok_or(io::ErrorKind::NotFound)?;
        match parent_bytes(path) {
            b"" => Ok(base),
            rel => base.open_beneath(rel).map(Arc::new),
        }
    }

    /// The trash as it is; none where there is none.
    pub(crate) fn trash_there(&self) -> io::Result<Option<Arc<Dir>>> {
        let opened = match &self.trash {
            TrashRoot::Inside(rel) => self.root.open_beneath(rel.as_bytes()),
            TrashRoot::Elsewhere(path) => Dir::open_root(path),
        };
        match opened {
            Ok(dir) => Ok(Some(Arc::new(dir))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trash_root_stays_where_it_may_be() {
        let root = Path::new("/nowhere/root");
        assert!(TrashRoot::new(root, Path::new("../x")).is_err());
        assert!(TrashRoot::new(root, Path::new(".")).is_err());
        let inner = TrashRoot::new(root, Path::new("./a/.trash")).unwrap();
        assert_eq!(inner.inside().unwrap().as_bytes(), b"a/.trash");
    }
}
