//! Scanning a whole tree.
//!
//! Owns the walk and what it makes of what it finds: entries, troubles, hidden names. A directory that cannot be
//! read to its end is unreadable as a whole, for what was not seen in it is not known to be gone.
//!
//! On Linux `linux.rs` walks; `portable.rs` makes the same snapshot everywhere else, and a test compares the two.
//! `part.rs` looks at some paths alone, `one.rs` at one directory.

#[cfg(target_os = "linux")]
mod linux;
mod one;
mod part;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
pub(crate) mod text;

use std::io;
use std::num::NonZeroUsize;

use sync_core::entry::{Entry, Kind, Reason, Trouble};
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};
use sync_replica::{Operation, Problem, ScanRequest};

use crate::layout::HiddenNames;
use crate::local::LocalReplica;
use crate::sys::{Dir, Stat};

impl LocalReplica {
    pub(crate) fn scan_some(&self, request: &ScanRequest<'_>, part: &Part) -> Result<Snapshot, Problem> {
        if *part == Part::Everything {
            return self.scan_tree(request);
        }
        self.check_presence()?;
        let snapshot = part::scan(self, request, part)?;
        self.refuse_unreadable_root(snapshot)
    }

    pub(crate) fn scan_tree(&self, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
        self.check_presence()?;
        #[cfg(target_os = "linux")]
        let snapshot = linux::scan(self, request)?;
        #[cfg(not(target_os = "linux"))]
        let snapshot = portable::scan(self, request)?;
        self.refuse_unreadable_root(snapshot)
    }

    fn refuse_unreadable_root(&self, snapshot: Snapshot) -> Result<Snapshot, Problem> {
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

/// A directory that could not be read to its end.
fn unreadable(error: &io::Error) -> Listing {
    let vanished = crate::place::leads_nowhere(error);
    let reason = if vanished { Reason::Changing } else { Reason::UnreadableDir };
    Listing::unreadable(Trouble::new(reason, error.to_string()))
}

/// What becomes of each name in one directory.
struct Sieve<'a> {
    replica: &'a LocalReplica,
    request: &'a ScanRequest<'a>,
    text_only: bool,
    dir: &'a Dir,
    path: &'a RelPath,
    own: HiddenNames<'a>,
}

impl<'a> Sieve<'a> {
    fn new(replica: &'a LocalReplica, request: &'a ScanRequest<'a>, dir: &'a Dir, path: &'a RelPath) -> Self {
        let own = replica.hidden.names_in(path);
        Self { replica, request, text_only: request.filter.text_only(), dir, path, own }
    }

    /// Whether a name is one that users have there.
    fn is_wanted(&self, name: &[u8]) -> bool {
        name != b"." && name != b".." && !self.own.contains(name)
    }

    /// Puts these names where they belong. `enter` gives a directory among them that is scanned as well the number of
    /// its own listing.
    fn sort_all(
        &self,
        names: impl IntoIterator<Item = Box<[u8]>>,
        mut enter: impl FnMut(&[u8]) -> Option<DirId>,
    ) -> ListingBuilder {
        let mut builder = ListingBuilder::new(self.request.equivalence);
        let mut seen = 0;
        for name in names {
            if !self.is_wanted(&name) {
                continue;
            }
            seen += 1;
            if let Some(entry) = self.sort(&name, None, || self.dir.stat(&name), &mut builder) {
                builder.push(&name, entry, None, enter(&name));
            }
        }
        self.request.control.entries_seen(seen);
        builder
    }

    /// Puts a name where it belongs, unless it is a directory: that one's entry is returned. `told` is its kind where
    /// the system gave it away, so that what is hidden need not be looked at.
    fn sort(
        &self,
        name: &[u8],
        told: Option<Kind>,
        look: impl FnOnce() -> io::Result<Option<Stat>>,
        builder: &mut ListingBuilder,
    ) -> Option<Entry> {
        let hides = |kind| self.request.filter.hides(self.path, name, kind);
        if told.is_some_and(hides) {
            builder.push_ignored();
            return None;
        }
        let stat = match look() {
            Ok(Some(stat)) => stat,
            Ok(None) => {
                builder.push_unobserved(name, Trouble::new(Reason::Changing, ""));
                return None;
            }
            Err(error) => {
                builder.push_unobserved(name, Trouble::new(Reason::Unreadable, error.to_string()));
                return None;
            }
        };
        if stat.kind != told && stat.kind.is_some_and(hides) {
            builder.push_ignored();
            return None;
        }
        if let Some(trouble) = special(&stat, self.replica.identity.0) {
            builder.push_unobserved(name, trouble);
            return None;
        }
        let entry = self.replica.entry_of(&stat)?;
        match entry.kind {
            Kind::Dir => return Some(entry),
            Kind::Symlink => match self.dir.read_link(name) {
                Ok(target) => builder.push(name, entry, Some(&target), None),
                Err(error) => {
                    builder.push_unobserved(name, Trouble::new(Reason::Changing, error.to_string()));
                }
            },
            Kind::File if self.text_only && !text::is_text(self.dir, name) => {
                builder.push_content_hidden(name);
            }
            Kind::File => builder.push(name, entry, None, None),
        }
        None
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
