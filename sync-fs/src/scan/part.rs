//! The walk over a part of the tree, for a change somebody told of.
//!
//! Looks at the named paths alone, so that what it costs depends on them and not on the tree. One thread: a part is
//! small, or else the whole tree is scanned.

use std::io;

use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};
use sync_replica::{Operation, Problem, ScanRequest};

use super::{Sieve, unreadable};
use crate::local::LocalReplica;
use crate::read::cancelled;
use crate::sys::Dir;

struct Waiting<'a> {
    id: DirId,
    path: RelPath,
    part: &'a Part,
}

pub(super) fn scan(
    replica: &LocalReplica,
    request: &ScanRequest<'_>,
    part: &Part,
) -> Result<Snapshot, Problem> {
    let mut dirs: Vec<Listing> = vec![Listing::default()];
    let mut waiting = vec![Waiting { id: DirId::ROOT, path: RelPath::root(), part }];
    while let Some(next) = waiting.pop() {
        if request.control.is_cancelled() {
            return Err(cancelled(Operation::Scan, &next.path));
        }
        let listing = match list(replica, request, &next, &mut dirs, &mut waiting) {
            Ok(builder) => builder.finish(),
            Err(error) => unreadable(&error),
        };
        if let Some(place) = dirs.get_mut(next.id.0 as usize) {
            *place = listing;
        }
    }
    Ok(Snapshot::assemble_part(dirs))
}

fn list<'a>(
    replica: &LocalReplica,
    request: &ScanRequest<'_>,
    at: &Waiting<'a>,
    dirs: &mut Vec<Listing>,
    waiting: &mut Vec<Waiting<'a>>,
) -> io::Result<ListingBuilder> {
    let dir = if at.path.is_root() {
        replica.root.reopen()?
    } else {
        replica.root.open_beneath(at.path.as_bytes())?
    };
    let wanted = |name: &[u8]| at.part.child(&request.equivalence.key(name));
    let names = names(&dir, request, at.part)?.into_iter().filter(|name| wanted(name).is_some());
    let sieve = Sieve::new(replica, request, &dir, &at.path);
    Ok(sieve.sort_all(names, |name| {
        let part = wanted(name).filter(|part| !part.is_empty())?;
        let path = at.path.join(name).ok()?;
        let id = DirId(u32::try_from(dirs.len()).unwrap_or(u32::MAX));
        dirs.push(Listing::default());
        waiting.push(Waiting { id, path, part });
        Some(id)
    }))
}

/// The names to look at. Where spellings are folded, any of a directory's names may be one that is meant.
fn names(dir: &Dir, request: &ScanRequest<'_>, part: &Part) -> io::Result<Vec<Box<[u8]>>> {
    match part {
        Part::Names(names) if request.equivalence.is_exact() => {
            let mut there = Vec::with_capacity(names.len());
            for name in names.keys() {
                if dir.stat(name)?.is_some() {
                    there.push(name.clone());
                }
            }
            Ok(there)
        }
        Part::Names(_) | Part::Everything => dir.names(),
    }
}
