//! What time it is to the file system of a root.
//!
//! Owns [`LocalReplica::clock`]: a file is written where Bothways may write anyway, and the time it got is read. On a
//! share that is the server's clock. Nothing is made in a root that Bothways has not been given yet.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use sync_core::entry::Attributes;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, Replica};

use crate::layout::{OWN, STAGED};
use crate::local::LocalReplica;
use crate::sys;

/// Times of files may lag behind the clock by a tick of the system that gives them.
const TICK_NS: u64 = 10_000_000;

/// How far a side's clock is from this machine's, as it was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockReading {
    /// By how much the side's clock is ahead of this machine's, in nanoseconds; negative when it is behind.
    pub ahead_ns: i64,
    /// By how much that may be wrong either way, in nanoseconds.
    pub error_ns: u64,
}

impl LocalReplica {
    /// Compares the side's clock with this machine's; none where the root is not Bothways' to write in yet.
    pub fn clock(&self) -> Result<Option<ClockReading>, Problem> {
        self.read_clock().map_err(|error| Problem::io(Operation::Probe, &RelPath::root(), error))
    }

    fn read_clock(&self) -> io::Result<Option<ClockReading>> {
        let staged = match self.root.open_beneath(OWN).and_then(|own| own.open_beneath(STAGED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        // Whoever is killed in between leaves something that the next recovery sweeps up.
        let name = format!("t-{}-clock", sys::random_name()).into_bytes();
        let before = now_ns();
        let file = staged.create(&name, Attributes::Unix(0o600))?;
        let written = (&file).write_all(b"?").and_then(|()| sys::file_stat(&file));
        let after = now_ns();
        drop(file);
        let removed = staged.unlink(&name);
        let found = written?;
        removed?;
        let middle = before / 2 + after / 2;
        let round_trip = after.abs_diff(before);
        Ok(Some(ClockReading {
            ahead_ns: found.mtime_ns.saturating_sub(middle),
            error_ns: round_trip / 2 + self.abilities().mtime_precision_ns.max(TICK_NS),
        }))
    }
}

fn now_ns() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}
