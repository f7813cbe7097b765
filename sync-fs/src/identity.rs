//! The root's marker, and the test whether the root is still the one that was opened.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_replica::{Marker, Operation, Problem, ProblemKind};

use crate::layout::{MARKER, OWN};
use crate::local::LocalReplica;
use crate::stored;
use crate::sys::Dir;

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    pair: String,
    side: String,
}

fn root_problem(kind: ProblemKind, message: String) -> Problem {
    Problem::new(Operation::Root, &RelPath::root(), kind, message)
}

/// Opens the directory at `path` as a root.
pub(crate) fn open_root(path: &Path) -> Result<Dir, Problem> {
    Dir::open_root(path).map_err(|error| {
        let words = match error.kind() {
            io::ErrorKind::NotFound => "does not exist",
            io::ErrorKind::NotADirectory => "is not a directory",
            io::ErrorKind::PermissionDenied => {
                let message = format!("`{}` may not be opened", path.display());
                return Problem { message, ..Problem::io(Operation::Root, &RelPath::root(), error) };
            }
            _ => "cannot be reached",
        };
        let message = format!("`{}` {words}", path.display());
        Problem { source: Some(error), ..root_problem(ProblemKind::RootGone, message) }
    })
}

/// Reads a marker's text.
fn parse(bytes: &[u8], shown: &Path) -> Result<Marker, Problem> {
    let corrupt = |why: &str| {
        let message = format!("the marker `{}` {why}; it is left as it is", shown.display());
        root_problem(ProblemKind::Corrupt, message)
    };
    let stored: Stored =
        serde_json::from_slice(bytes).map_err(|error| corrupt(&format!("is damaged ({error})")))?;
    if stored.format != FORMAT {
        return Err(corrupt(&format!("has format {}, which this version does not know", stored.format)));
    }
    if stored.pair.len() != 32 || !stored.pair.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(corrupt("names no valid pair"));
    }
    let side = [Side::Left, Side::Right].into_iter().find(|side| side.name() == stored.side);
    let side = side.ok_or_else(|| corrupt("names no side"))?;
    Ok(Marker { pair: stored.pair, side })
}

/// Whether a path leads to the directory with this device and number.
pub(crate) fn is_there(path: &Path, identity: (u64, u64)) -> bool {
    let now = open_root(path).ok().and_then(|root| root.stat_self().ok());
    now.is_some_and(|now| (now.dev, now.id) == identity)
}

impl LocalReplica {
    /// Whether the path still leads to the directory that was opened.
    pub(crate) fn check_presence(&self) -> Result<(), Problem> {
        let gone = |message: String| root_problem(ProblemKind::RootGone, message);
        let now = open_root(self.root())?;
        let now = now.stat_self().map_err(|error| Problem {
            source: Some(error),
            ..gone(format!("`{}` cannot be looked at", self.root().display()))
        })?;
        if (now.dev, now.id) != self.identity {
            return Err(gone(format!(
                "`{}` is not the directory that was opened: a drive was taken away or another one is in its place",
                self.root().display()
            )));
        }
        Ok(())
    }

    /// The same, if that was not tested in the last moments.
    pub(crate) fn check_presence_lately(&self) -> Result<(), Problem> {
        const MOMENTS: u64 = 10;
        let now = self.opened.elapsed().as_millis() as u64;
        if now.saturating_sub(self.seen_at.load(Ordering::Relaxed)) >= MOMENTS {
            self.check_presence()?;
            self.seen_at.store(now, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn read_marker(&self) -> Result<Option<Marker>, Problem> {
        self.check_presence()?;
        let own = match self.root.open_beneath(OWN) {
            Ok(own) => own,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::io(Operation::Root, &RelPath::root(), error)),
        };
        let bytes = stored::read(&own, MARKER)
            .map_err(|error| Problem::io(Operation::Root, &RelPath::root(), error))?;
        bytes.map(|bytes| parse(&bytes, &self.root().join(".bothways/root.json"))).transpose()
    }

    pub(crate) fn write_marker(&self, marker: &Marker) -> Result<(), Problem> {
        // A damaged marker is a person's business, so reading comes first and its failure ends it.
        self.read_marker()?;
        let own = self.own_dir()?;
        let text = Stored { format: FORMAT, pair: marker.pair.clone(), side: marker.side.name().to_owned() };
        let io = |error| Problem::io(Operation::Root, &RelPath::root(), error);
        let bytes = serde_json::to_vec_pretty(&text).map_err(|error| io(error.into()))?;
        parse(&bytes, self.root())?;
        stored::write(&own, MARKER, &bytes).map_err(io)?;
        self.root.sync().map_err(io)
    }
}
