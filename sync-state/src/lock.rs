//! One session at a time.
//!
//! The database locks its file too; this lock is taken before that, so that nobody sets a file aside or makes a new
//! one while somebody else does, and it can say who has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::StateError;

const LOCK: &str = "session.lock";
const HOLDER: &str = "session.pid";

/// The right to use a state folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct SessionLock {
    lock: File,
    holder: PathBuf,
}

impl SessionLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join(LOCK);
        let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&path)
            .map_err(|source| StateError::io("open", &path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(folder)),
            // A file system without such locks leaves it to the database's own.
            Err(TryLockError::Error(source)) if source.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => return Err(StateError::io("lock", &path, source)),
        }
        let holder = folder.join(HOLDER);
        // Only a hint for others, which must not keep this session from working on a full disk.
        let _ = write_holder(&holder);
        Ok(Self { lock, holder })
    }
}

impl Drop for SessionLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.holder);
        // Closing the file is not enough: a program that this process is just starting shares what is open until it
        // runs, and would hold the lock for that moment.
        let _ = self.lock.unlock();
    }
}

/// The error for a folder that somebody else has.
fn locked(folder: &Path) -> StateError {
    let holder = std::fs::read_to_string(folder.join(HOLDER)).ok().and_then(|text| text.trim().parse().ok());
    StateError::Locked { path: folder.to_owned(), holder }
}

fn write_holder(path: &Path) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = private(OpenOptions::new().create(true).truncate(true).write(true)).open(path)?;
    writeln!(file, "{}", std::process::id())
}

/// Files that only their owner may read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_still_open_elsewhere_holds_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let first = SessionLock::take(folder.path()).unwrap();
        // As a child has it between its making and its start.
        let shared = first.lock.try_clone().unwrap();
        assert!(matches!(SessionLock::take(folder.path()), Err(StateError::Locked { .. })));
        drop(first);
        assert!(SessionLock::take(folder.path()).is_ok());
        drop(shared);
    }
}
