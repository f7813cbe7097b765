//! An open version.
//!
//! Owns [`MemorySource`]. It reads what is there *now*, piece by piece, as a file that is being written would be
//! read: only `confirm` can tell whether the pieces belong together.

use std::io::{self, Read};

use sync_core::entry::Entry;
use sync_core::path::RelPath;

use super::MemoryReplica;
use super::tree::{Body, Ino};
use crate::problem::{Operation, Problem, ProblemKind};
use crate::source::{Properties, Source};

pub(super) struct MemorySource {
    pub replica: MemoryReplica,
    pub boot: u64,
    pub at: RelPath,
    pub ino: Ino,
    pub entry: Entry,
    pub target: Option<Box<[u8]>>,
    pub properties: Properties,
    pub offset: usize,
}

impl MemorySource {
    fn alive(&self, operation: Operation) -> Result<(), Problem> {
        if self.boot != self.replica.lock().boot {
            let words = "the handle died with its process";
            return Err(Problem::new(operation, &self.at, ProblemKind::Io, words));
        }
        Ok(())
    }

    fn rest(&self, buffer: &mut [u8]) -> usize {
        let state = self.replica.lock();
        let Some(Body::File(bytes)) = state.live.inodes.get(&self.ino).map(|inode| &inode.body) else {
            return 0;
        };
        let rest = bytes.get(self.offset..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        count
    }
}

impl Read for MemorySource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The end of the file is no step: there is nothing left that could fail.
        if self.rest(buffer) > 0 {
            self.replica.step(Operation::Read, &self.at, "read").map_err(io::Error::other)?;
        }
        self.alive(Operation::Read).map_err(io::Error::other)?;
        let count = self.rest(buffer);
        self.offset += count;
        Ok(count)
    }
}

impl Source for MemorySource {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn target(&self) -> Option<&[u8]> {
        self.target.as_deref()
    }

    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn confirm(&mut self) -> Result<Entry, Problem> {
        self.replica.step(Operation::Read, &self.at, "confirm")?;
        self.alive(Operation::Read)?;
        let mut state = self.replica.lock();
        let (_, ino) = self.replica.expected(&state, Operation::Read, &self.at, &self.entry)?;
        if ino != self.ino {
            return Err(Problem::stale(Operation::Read, &self.at, "another file has its name"));
        }
        // Waits for the clock: whoever writes from now on gets another time.
        let step = i64::try_from(self.replica.able().mtime_precision_ns.max(1)).unwrap_or(i64::MAX);
        if state.clock.div_euclid(step) == self.entry.mtime_ns.div_euclid(step) {
            state.clock = (self.entry.mtime_ns.div_euclid(step) + 1).saturating_mul(step);
        }
        Ok(self.entry)
    }
}
