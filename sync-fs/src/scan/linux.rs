//! The walk on Linux: each directory opened beneath the root, read with one buffer, each name looked at once.
//!
//! Threads share one stack of directories that wait. Nothing is allocated per file but what the snapshot keeps.

use std::io;
use std::mem::MaybeUninit;
use std::sync::{Condvar, Mutex, PoisonError};

use rustix::fs::{FileType, RawDir};
use sync_core::entry::{Kind, Reason, Trouble};
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};
use sync_replica::{Operation, Problem, ScanRequest};

use super::{Sieve, threads, unreadable};
use crate::local::LocalReplica;
use crate::read::cancelled;
use crate::sys::Dir;

const BUFFER: usize = 64 << 10;

struct Waiting {
    id: DirId,
    path: RelPath,
}

struct Stack {
    waiting: Vec<Waiting>,
    /// Directories that are being read.
    busy: usize,
    /// The number of the next directory.
    next: u32,
    stopped: bool,
}

struct Walk<'a> {
    replica: &'a LocalReplica,
    request: &'a ScanRequest<'a>,
    stack: Mutex<Stack>,
    more: Condvar,
}

/// A subdirectory that was found, before it has its number.
struct Found {
    name: Box<[u8]>,
    entry: sync_core::entry::Entry,
}

pub(super) fn scan(replica: &LocalReplica, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
    let root = Waiting { id: DirId::ROOT, path: RelPath::root() };
    let walk = Walk {
        replica,
        request,
        stack: Mutex::new(Stack { waiting: vec![root], busy: 0, next: 1, stopped: false }),
        more: Condvar::new(),
    };
    let parts: Vec<Vec<(DirId, Listing)>> = match threads(request) {
        0 | 1 => vec![walk.run()],
        n => std::thread::scope(|scope| {
            let others: Vec<_> = (1..n).map(|_| scope.spawn(|| walk.run())).collect();
            let mut parts = vec![walk.run()];
            // A thread that panicked leaves its directories out, and they count as unreadable.
            parts.extend(others.into_iter().filter_map(|thread| thread.join().ok()));
            parts
        }),
    };
    if request.control.is_cancelled() {
        return Err(cancelled(Operation::Scan, &RelPath::root()));
    }
    let stack = walk.stack.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut dirs: Vec<Option<Listing>> = Vec::new();
    dirs.resize_with(stack.next as usize, || None);
    for (id, listing) in parts.into_iter().flatten() {
        dirs[id.0 as usize] = Some(listing);
    }
    let unread = || Listing::unreadable(Trouble::new(Reason::UnreadableDir, "it was not scanned"));
    Ok(Snapshot::assemble(dirs.into_iter().map(|listing| listing.unwrap_or_else(unread)).collect()))
}

/// One thread's own things.
struct Hands {
    buffer: Vec<MaybeUninit<u8>>,
    found: Vec<Found>,
}

impl Walk<'_> {
    fn run(&self) -> Vec<(DirId, Listing)> {
        let mut done = Vec::new();
        let mut hands = Hands { buffer: vec![MaybeUninit::uninit(); BUFFER], found: Vec::new() };
        while let Some(next) = self.take() {
            let listing = self.read(&next, &mut hands);
            done.push((next.id, listing));
            self.finish();
        }
        done
    }

    fn take(&self) -> Option<Waiting> {
        let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if stack.stopped {
                return None;
            }
            if let Some(next) = stack.waiting.pop() {
                stack.busy += 1;
                return Some(next);
            }
            if stack.busy == 0 {
                stack.stopped = true;
                self.more.notify_all();
                return None;
            }
            stack = self.more.wait(stack).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self) {
        let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        stack.busy -= 1;
        stack.stopped |= self.request.control.is_cancelled();
        if stack.stopped || (stack.busy == 0 && stack.waiting.is_empty()) {
            self.more.notify_all();
        }
    }

    /// Reads one directory and puts those it holds on the stack.
    fn read(&self, at: &Waiting, hands: &mut Hands) -> Listing {
        let opened = if at.path.is_root() {
            self.replica.root.reopen()
        } else {
            self.replica.root.open_beneath(at.path.as_bytes())
        };
        let listed = opened.and_then(|dir| self.list(&dir, &at.path, hands));
        let mut builder = match listed {
            Ok(builder) => builder,
            Err(error) => {
                hands.found.clear();
                return unreadable(&error);
            }
        };
        if !hands.found.is_empty() {
            let first = {
                let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
                let first = stack.next;
                stack.next += hands.found.len() as u32;
                first
            };
            let mut waiting = Vec::with_capacity(hands.found.len());
            for (found, number) in hands.found.drain(..).zip(first..) {
                let id = DirId(number);
                builder.push(&found.name, found.entry, None, Some(id));
                // The kernel gives no names that are none; without a path the directory counts as unreadable.
                waiting.extend(at.path.join(&found.name).ok().map(|path| Waiting { id, path }));
            }
            let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
            stack.waiting.append(&mut waiting);
            drop(stack);
            self.more.notify_all();
        }
        builder.finish()
    }

    fn list(&self, dir: &Dir, path: &RelPath, hands: &mut Hands) -> io::Result<ListingBuilder> {
        let sieve = Sieve::new(self.replica, self.request, dir, path);
        let mut builder = ListingBuilder::new(self.request.equivalence);
        let mut seen = 0;
        let mut entries = RawDir::new(dir, &mut hands.buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name_c = entry.file_name();
            let name = name_c.to_bytes();
            if !sieve.is_wanted(name) {
                continue;
            }
            seen += 1;
            let told = match entry.file_type() {
                FileType::RegularFile => Some(Kind::File),
                FileType::Directory => Some(Kind::Dir),
                FileType::Symlink => Some(Kind::Symlink),
                _ => None,
            };
            if let Some(entry) = sieve.sort(name, told, || dir.stat_c(name_c), &mut builder) {
                hands.found.push(Found { name: name.into(), entry });
            }
        }
        self.request.control.entries_seen(seen);
        Ok(builder)
    }
}
