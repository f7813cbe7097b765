//! One session at a time per root.
//!
//! Owns the lock on a root. The state has a lock of its own, but two sessions may bring two states to one root, and
//! the second would take the staged copies of the first for leftovers. A lock ends with the process that holds it,
//! however it ends. Where the file system knows no locks there is none.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use sync_core::entry::Attributes;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, ProblemKind};

use crate::sys::Dir;

const LOCK: &[u8] = b"lock";
/// Some file systems (FUSE) give a lock back a moment after the process that held it has closed the file.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes the lock of a root, whose own directory is `own`, until the file is dropped.
pub(crate) fn take(own: &Dir) -> Result<File, Problem> {
    let io = |error| Problem::io(Operation::Root, &RelPath::root(), error);
    let file = match own.create(LOCK, Attributes::Unix(0o600)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => own.open_file(LOCK).map_err(io)?,
        made => made.map_err(io)?,
    };
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => thread::sleep(PATIENCE / 50),
            Err(TryLockError::WouldBlock) => {
                let words = "another session works on this root: wait for its end, or stop it";
                return Err(Problem::new(Operation::Root, &RelPath::root(), ProblemKind::InUse, words));
            }
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}
