//! One directory, and nothing below it.

use std::io;

use sync_core::path::RelPath;
use sync_core::snapshot::Listing;
use sync_replica::{Operation, Problem, ProblemKind, ScanRequest};

use super::{Sieve, special};
use crate::local::LocalReplica;
use crate::read::cancelled;

impl LocalReplica {
    pub(crate) fn list_dir(&self, at: &RelPath, request: &ScanRequest<'_>) -> Result<Listing, Problem> {
        if request.control.is_cancelled() {
            return Err(cancelled(Operation::Scan, at));
        }
        self.check_presence()?;
        if !at.is_root() && self.hidden.covers(at) {
            return Err(gone(at));
        }
        match list(self, at, request) {
            Ok(Listed::Here(listing)) => Ok(listing),
            Ok(Listed::Elsewhere(words)) => {
                Err(Problem::new(Operation::Scan, at, ProblemKind::Unsupported, words))
            }
            Err(error) => {
                // A root that goes away takes all its directories with it, and none of them is gone for that.
                self.check_presence()?;
                if !crate::place::leads_nowhere(&error) {
                    return Err(Problem::io(Operation::Scan, at, error));
                }
                Err(match self.look_at(at) {
                    Ok(Some(found)) if !found.is_dir() => {
                        let words = format!("it is a {}", found.kind);
                        Problem::new(Operation::Scan, at, ProblemKind::NotADirectory, words)
                    }
                    // It is there again, or nothing that could be an entry is: whoever asks again sees it.
                    _ => gone(at),
                })
            }
        }
    }
}

fn gone(at: &RelPath) -> Problem {
    Problem::new(Operation::Scan, at, ProblemKind::NotFound, "it is not there")
}

enum Listed {
    Here(Listing),
    /// Something else has been mounted there.
    Elsewhere(String),
}

fn list(replica: &LocalReplica, at: &RelPath, request: &ScanRequest<'_>) -> io::Result<Listed> {
    let dir = if at.is_root() { replica.root.reopen()? } else { replica.root.open_beneath(at.as_bytes())? };
    if !at.is_root()
        && let Some(trouble) = special(&dir.stat_self()?, replica.identity.0)
    {
        return Ok(Listed::Elsewhere(trouble.to_string()));
    }
    let names = dir.names()?;
    Ok(Listed::Here(Sieve::new(replica, request, &dir, at).sort_all(names, |_| None).finish()))
}
