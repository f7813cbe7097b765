//! Watching a root: the system's events as news of paths.
//!
//! What is Bothways' own is left out, and so is what the rules of the pair hide. News that was lost becomes news of
//! everything, and a system that can watch no more says so instead of staying silent. A watched network drive, or one
//! behind FUSE, may stay silent whatever others do there: whoever listens has to look for himself.
//!
//! On Linux every folder is watched by itself: `inotify` listens, `hearing` knows what a report means, `walk` sees to it
//! that every folder is watched, `tree` knows which watch is which folder. Elsewhere the system watches a whole tree:
//! `translate` makes news of its events, and `keeper` sees to it that it goes on.

#[cfg(target_os = "linux")]
mod hearing;
#[cfg(target_os = "linux")]
mod inotify;
#[cfg(not(target_os = "linux"))]
mod keeper;
#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;
#[cfg(not(target_os = "linux"))]
mod translate;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod walk;

use std::io;
use std::time::Duration;

use sync_core::entry::Attributes;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, ProblemKind};

use crate::local::{LocalReplica, Staging};

/// How long the system may take to report a file that was made to see whether it does.
const REPORTED_WITHIN: Duration = Duration::from_secs(2);
/// How often the root itself is looked at: a file system that is unmounted is not reported.
const PRESENCE: Duration = Duration::from_secs(2);
/// How long after news was lost everything is watched anew at the earliest.
const RENEWAL: Duration = Duration::from_secs(1);

impl LocalReplica {
    pub(crate) fn is_told_everything(&self) -> bool {
        // Where a network or a user's program stands between, others change things without a word to this system. What
        // cannot be asked is not relied on.
        self.root.file_system().is_ok_and(|it| it.is_trusted())
    }
}

impl Staging {
    /// The name of a file that is made to see whether the system reports it.
    fn trial(&self) -> String {
        format!("t-{}-watch", self.number())
    }

    /// Makes that file and waits until it is reported. There are systems that let themselves be asked and never say a
    /// word.
    fn try_out(&self, name: &str, reported: impl FnOnce() -> io::Result<bool>) -> Result<(), Problem> {
        let io = |error| Problem::io(Operation::Watch, &RelPath::root(), error);
        let file = self.dir.create(name.as_bytes(), Attributes::Unix(0o600)).map_err(io)?;
        drop(file);
        let reported = reported();
        self.dir.unlink(name.as_bytes()).map_err(io)?;
        if !reported.map_err(io)? {
            let words =
                "the system does not report what happens there: a file made to see that was not reported";
            return Err(Problem::new(Operation::Watch, &RelPath::root(), ProblemKind::Unsupported, words));
        }
        Ok(())
    }
}
