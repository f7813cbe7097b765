//! What a scan sees.
//!
//! Owns the walk. The replica's own things are left out before any filter is asked; what cannot be read is told as
//! such.

use sync_core::entry::{Kind, Reason, Trouble};
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};

use super::actions::cancelled;
use super::tree::{Body, Ino, Inode, ROOT, Slot};
use super::{MemoryReplica, State, child};
use crate::filter::Filter;
use crate::problem::{Operation, Problem, ProblemKind};
use crate::replica::ScanRequest;

/// How much of a content is looked at to tell text from other things.
const SNIFF: usize = 1024;

/// One name of a directory, as a scan finds it.
pub(super) struct Found {
    pub name: Box<[u8]>,
    pub ino: Ino,
    pub inode: Inode,
}

/// A directory that waits to be listed.
struct Todo<'p> {
    dir: Ino,
    path: RelPath,
    part: &'p Part,
    index: usize,
}

impl MemoryReplica {
    /// Whether a file's content looks like something other than text.
    fn is_binary(inode: &Inode) -> bool {
        matches!(&inode.body, Body::File(bytes) if bytes[..bytes.len().min(SNIFF)].contains(&0))
    }

    pub(super) fn is_hidden(filter: &dyn Filter, parent: &RelPath, found: &Found) -> bool {
        // What is no entry has no kind; a filter may hide it by its name as it would hide a file.
        let kind = found.inode.kind().unwrap_or(Kind::File);
        filter.hides(parent, &found.name, kind) || (filter.text_only() && Self::is_binary(&found.inode))
    }

    pub(super) fn found_in(state: &State, dir: Ino) -> Vec<Found> {
        let find = |slot: &Slot| {
            let inode = state.live.inodes.get(&slot.ino)?.clone();
            Some(Found { name: slot.name.clone(), ino: slot.ino, inode })
        };
        state.live.children(dir).filter_map(|(_, slot)| find(slot)).collect()
    }

    fn scan_dir<'p>(
        &self,
        at: &Todo<'p>,
        request: &ScanRequest<'_>,
        dirs: &mut Vec<Option<Listing>>,
        todo: &mut Vec<Todo<'p>>,
    ) -> Result<Listing, Problem> {
        let Todo { dir, path, part, .. } = at;
        let mut found = {
            let state = self.lock();
            if state.unreadable.contains(dir) {
                return Ok(Listing::unreadable(Trouble::new(Reason::UnreadableDir, "permission denied")));
            }
            Self::found_in(&state, *dir)
        };
        let wanted = |found: &Found| part.child(&request.equivalence.key(&found.name));
        found.retain(|found| wanted(found).is_some());
        self.listed(found, path, request, |found| {
            let part = wanted(found).filter(|part| !part.is_empty())?;
            let id = DirId(u32::try_from(dirs.len()).unwrap_or(u32::MAX));
            let path = child(path, &found.name);
            todo.push(Todo { dir: found.ino, path, part, index: dirs.len() });
            dirs.push(None);
            Some(id)
        })
    }

    /// The listing of a directory that holds what was found. `enter` gives a directory in it that is scanned as well
    /// the number of its own listing.
    fn listed(
        &self,
        found: Vec<Found>,
        path: &RelPath,
        request: &ScanRequest<'_>,
        mut enter: impl FnMut(&Found) -> Option<DirId>,
    ) -> Result<Listing, Problem> {
        if request.control.is_cancelled() {
            return Err(cancelled(Operation::Scan, path));
        }
        let mut builder = ListingBuilder::new(request.equivalence);
        let mut seen = 0;
        for found in found {
            if path.is_root() && self.is_own(&child(path, &found.name)) {
                continue;
            }
            if Self::is_hidden(request.filter, path, &found) {
                let kind = found.inode.kind().unwrap_or(Kind::File);
                if request.filter.hides(path, &found.name, kind) {
                    builder.push_ignored();
                } else {
                    builder.push_content_hidden(&found.name);
                }
                continue;
            }
            seen += 1;
            let Some(entry) = found.inode.entry(found.ino, self.able()) else {
                builder.push_unobserved(&found.name, Trouble::new(Reason::Special, ""));
                continue;
            };
            match &found.inode.body {
                Body::Dir => builder.push(&found.name, entry, None, enter(&found)),
                Body::Link(target) => builder.push(&found.name, entry, Some(target), None),
                Body::File(_) | Body::Special => builder.push(&found.name, entry, None, None),
            }
        }
        request.control.entries_seen(seen);
        Ok(builder.finish())
    }

    /// One directory and nothing below it.
    pub(super) fn list_dir(&self, at: &RelPath, request: &ScanRequest<'_>) -> Result<Listing, Problem> {
        let refused = |kind, words: &str| Err(Problem::new(Operation::Scan, at, kind, words));
        let found = {
            let state = self.lock();
            let dir = match at.is_root() {
                true => ROOT,
                false if self.is_own(at) => {
                    return refused(ProblemKind::NotFound, "nothing of a user's is there");
                }
                false => match self.place(&state, Operation::Scan, at)?.and_then(|place| place.slot) {
                    None => return refused(ProblemKind::NotFound, "it is not there"),
                    Some(slot) if state.live.is_dir(slot.ino) => slot.ino,
                    Some(_) => return refused(ProblemKind::NotADirectory, "it is no directory"),
                },
            };
            Self::refuse_unreadable(&state, Operation::Scan, at, dir)?;
            Self::found_in(&state, dir)
        };
        self.listed(found, at, request, |_| None)
    }

    /// A part of the tree, directory by directory: a user may act in between, as on a disk.
    pub(super) fn scan_some(&self, request: &ScanRequest<'_>, part: &Part) -> Result<Snapshot, Problem> {
        let root = RelPath::root();
        Self::refuse_unreadable(&self.lock(), Operation::Scan, &root, ROOT)?;
        let mut dirs = vec![None];
        let mut todo = vec![Todo { dir: ROOT, path: root, part, index: 0 }];
        while let Some(next) = todo.pop() {
            let listing = self.scan_dir(&next, request, &mut dirs, &mut todo)?;
            dirs[next.index] = Some(listing);
        }
        let dirs = dirs.into_iter().flatten().collect();
        Ok(if *part == Part::Everything { Snapshot::assemble(dirs) } else { Snapshot::assemble_part(dirs) })
    }
}
