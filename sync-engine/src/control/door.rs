//! What both kinds of door have in common: who may have one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Locked by the session that can be reached.
const LOCK: &str = "control.lock";

/// The two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// That of the running session.
    Session,
    /// That of the one who asks.
    Client,
}

/// The right to be reached in a state folder, until it is dropped.
#[derive(Debug)]
pub(super) struct Entrance(File);

impl Entrance {
    /// None when another session has it. The folder is made where it is missing, for its owner alone.
    pub(super) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let mut make = std::fs::DirBuilder::new();
        make.recursive(true);
        let mut open = OpenOptions::new();
        open.create(true).truncate(false).write(true);
        #[cfg(unix)]
        {
            std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
            std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        }
        make.create(folder)?;
        let lock = open.open(folder.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self(lock))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        // A program that this one is just starting shares what is open until it runs.
        let _ = self.0.unlock();
    }
}
