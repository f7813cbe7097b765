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
            let in_trash = stamped_name(&spot.name, "deleted", spot.stamp.0, number);
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

    /// The open directory of something in the trash.
    pub(crate) fn open_trash_parent(&self, path: &RelPath) -> io::Result<Arc<Dir>> {
        make_all(&self.trash_dir()?, parent_bytes(path))
    }
}

/// `report.docx` becomes `report - WORD 20261120T154312123Z.docx`, from the second on with ` (2)` before the ending.
pub(crate) fn stamped_name(name: &[u8], word: &str, ns: i64, number: u32) -> Vec<u8> {
    const LONGEST_ENDING: usize = 32;
    let dot =
        name.iter().rposition(|b| *b == b'.').filter(|dot| *dot > 0 && name.len() - dot <= LONGEST_ENDING);
    let (stem, ending) = name.split_at(dot.unwrap_or(name.len()));
    let again = if number > 1 { format!(" ({number})") } else { String::new() };
    let middle = format!(" - {word} {}{again}", utc_stamp(ns));
    let room = 255_usize.saturating_sub(middle.len() + ending.len());
    let mut cut = stem.len().min(room);
    // Never through the middle of a character.
    while cut > 0 && cut < stem.len() && stem[cut] & 0xc0 == 0x80 {
        cut -= 1;
    }
    [&stem[..cut], middle.as_bytes(), ending].concat()
}

/// UTC nanoseconds as `YYYYMMDDTHHMMSSmmmZ`.
pub(crate) fn utc_stamp(ns: i64) -> String {
    let millis = ns.div_euclid(1_000_000);
    let days = millis.div_euclid(86_400_000);
    let within = millis.rem_euclid(86_400_000);
    // Years that begin on the first of March put the leap day last; 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (seconds, ms) = (within / 1000, within % 1000);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{h:02}{m:02}{s:02}{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_utc_to_the_millisecond() {
        assert_eq!(utc_stamp(0), "19700101T000000000Z");
        assert_eq!(utc_stamp(1_795_189_392_123_456_789), "20261120T154312123Z");
        assert_eq!(utc_stamp(951_782_400_000_000_000), "20000229T000000000Z");
        assert_eq!(utc_stamp(-1), "19691231T235959999Z");
    }

    #[test]
    fn a_stamped_name_keeps_its_ending_and_stays_short_enough() {
        let name = |name: &str, number| {
            String::from_utf8(stamped_name(name.as_bytes(), "deleted", 0, number)).unwrap()
        };
        assert_eq!(name("a.tar.gz", 1), "a.tar - deleted 19700101T000000000Z.gz");
        assert_eq!(name(".profile", 1), ".profile - deleted 19700101T000000000Z");
        assert_eq!(name("plain", 2), "plain - deleted 19700101T000000000Z (2)");
        let long = name(&format!("{}.docx", "ä".repeat(125)), 1);
        assert!(long.len() <= 255 && long.starts_with("ää") && long.ends_with("Z.docx"), "{long}");
    }

    #[test]
    fn a_trash_root_stays_where_it_may_be() {
        let root = Path::new("/nowhere/root");
        assert!(TrashRoot::new(root, Path::new("../x")).is_err());
        assert!(TrashRoot::new(root, Path::new(".")).is_err());
        let inner = TrashRoot::new(root, Path::new("./a/.trash")).unwrap();
        assert_eq!(inner.inside().unwrap().as_bytes(), b"a/.trash");
    }
}
