//! Scanning a whole tree.
//!
//! Owns the walk and what it makes of what it finds: entries, troubles, hidden names. A directory that cannot be
//! read to its end is unreadable as a whole, for what was not seen in it is not known to be gone.
//!
//! On Linux `linux.rs` walks; `portable.rs` makes the same snapshot everywhere else, and a test compares the two.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
pub(crate) mod text;

use std::num::NonZeroUsize;

use sync_core::entry::{Kind, Reason, Trouble};
use sync_core::path::RelPath;
use sync_core::snapshot::Snapshot;
use sync_replica::{Operation, Problem, ScanRequest};

use crate::local::LocalReplica;
use crate::sys::Stat;

impl LocalReplica {
    pub(crate) fn scan_tree(&self, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
        self.check_presence()?;
        #[cfg(target_os = "linux")]
        let snapshot = linux::scan(self, request)?;
        #[cfg(not(target_os = "linux"))]
        let snapshot = portable::scan(self, request)?;
        if let Some(trouble) = snapshot.root().trouble() {
            // A root that went away in the middle is gone; one that cannot be read is a problem of its own.
            self.check_presence()?;
            let root = RelPath::root();
            let kind = sync_replica::ProblemKind::Io;
            return Err(Problem::new(Operation::Scan, &root, kind, trouble.to_string()));
        }
        Ok(snapshot)
    }
}

/// How many threads walk: both sides are scanned at the same time, so each takes half of the machine by default.
fn threads(request: &ScanRequest<'_>) -> usize {
    match request.threads {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2).min(8),
        n => n,
    }
}

/// Why something that was seen cannot be an entry; none when it can.
fn special(stat: &Stat, device: u64) -> Option<Trouble> {
    if stat.kind.is_none() {
        return Some(Trouble::new(Reason::Special, ""));
    }
    if stat.kind == Some(Kind::Dir) && (stat.dev != device || stat.mount_root) {
        return Some(Trouble::new(Reason::OtherFileSystem, ""));
    }
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
