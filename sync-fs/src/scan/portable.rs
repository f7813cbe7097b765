//! The walk where there is no faster one, by jwalk.
//!
//! jwalk hides some of its errors in otherwise good entries and ends some walks early; whatever it could not read
//! must come out as unreadable here, never as empty. The rules are applied to what it yields, on one thread.

use std::path::Path;
use std::sync::Arc;

use jwalk::{Parallelism, WalkDirGeneric};
use sync_core::entry::{Kind, Reason, Trouble};
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};
use sync_replica::{Operation, Problem, ScanRequest};

use super::{special, text, threads};
use crate::layout::Hidden;
use crate::local::LocalReplica;
use crate::read::cancelled;
use crate::sys::{self, Stat};

/// What was learnt of an entry while its directory was read: nothing yet, nothing there, or what it is.
#[derive(Debug, Default)]
enum Look {
    #[default]
    Not,
    Gone,
    Failed(String),
    Is(Stat),
}

/// A directory whose entries are being received.
struct Open {
    id: DirId,
    path: RelPath,
    stat: Stat,
    builder: ListingBuilder,
    trouble: Option<Trouble>,
    /// Everything below is hidden by the filter.
    hidden: bool,
    seen: u64,
}

struct Assembly<'a> {
    replica: &'a LocalReplica,
    request: &'a ScanRequest<'a>,
    listings: Vec<Option<Listing>>,
    /// The directories from the root down to the one whose entries come now.
    open: Vec<Open>,
}

pub(super) fn scan(replica: &LocalReplica, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
    let hidden = Arc::clone(&replica.hidden);
    let root = replica.root().to_owned();
    let device = replica.identity.0;
    let walk = WalkDirGeneric::<((), Look)>::new(&root)
        .skip_hidden(false)
        .follow_links(false)
        .sort(false)
        .parallelism(Parallelism::RayonNewPool(threads(request)))
        .process_read_dir(move |depth, dir, (), children| {
            if depth.is_some() {
                look_at_children(&root, dir, &hidden, device, children);
            }
        });
    let root_stat = replica.root.stat_self();
    let root_stat = root_stat.map_err(|error| Problem::io(Operation::Scan, &RelPath::root(), error))?;
    let mut assembly = Assembly { replica, request, listings: vec![None], open: Vec::new() };
    assembly.enter(DirId::ROOT, RelPath::root(), root_stat, None, false);
    for item in walk {
        if request.control.is_cancelled() {
            return Err(cancelled(Operation::Scan, &RelPath::root()));
        }
        match item {
            Ok(entry) if entry.depth == 0 => {
                if let Some(error) = entry.read_children.as_ref().and_then(|children| children.error()) {
                    assembly.fail(0, &error.to_string());
                }
            }
            Ok(entry) => {
                let unread = entry
                    .read_children
                    .as_ref()
                    .and_then(|children| children.error())
                    .map(ToString::to_string);
                let name = sys::name_bytes(&entry.file_name).into_owned();
                assembly.receive(entry.depth, &name, entry.client_state, unread);
            }
            Err(error) => assembly.fail(error.depth().saturating_sub(1), &error.to_string()),
        }
    }
    assembly.close_to(0);
    let unread = || Listing::unreadable(Trouble::new(Reason::UnreadableDir, "it was not scanned"));
    Ok(Snapshot::assemble(
        assembly.listings.into_iter().map(|listing| listing.unwrap_or_else(unread)).collect(),
    ))
}

/// Looks at each child while its directory is read, which happens on several threads.
fn look_at_children(
    root: &Path,
    dir: &Path,
    hidden: &Hidden,
    device: u64,
    children: &mut Vec<jwalk::Result<jwalk::DirEntry<((), Look)>>>,
) {
    let relative = dir.strip_prefix(root).unwrap_or(Path::new(""));
    let rel = relative.iter().try_fold(RelPath::root(), |rel, name| rel.join(&sys::name_bytes(name)));
    if let Ok(rel) = rel {
        let names = hidden.names_in(&rel);
        children.retain(|child| {
            !child.as_ref().is_ok_and(|child| names.contains(&sys::name_bytes(&child.file_name)))
        });
    }
    for child in children.iter_mut().flatten() {
        child.client_state = match sys::stat_path(&child.path()) {
            Ok(Some(stat)) => {
                if stat.kind != Some(Kind::Dir) || special(&stat, device).is_some() {
                    child.read_children = None;
                }
                Look::Is(stat)
            }
            Ok(None) => {
                child.read_children = None;
                Look::Gone
            }
            Err(error) => {
                child.read_children = None;
                Look::Failed(error.to_string())
            }
        };
    }
}

impl Assembly<'_> {
    fn enter(&mut self, id: DirId, path: RelPath, stat: Stat, trouble: Option<Trouble>, hidden: bool) {
        let builder = ListingBuilder::new(self.request.equivalence);
        self.open.push(Open { id, path, stat, builder, trouble, hidden, seen: 0 });
    }

    /// Finishes every directory below `depth` many.
    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(done) = self.open.pop() else { return };
            self.request.control.entries_seen(done.seen);
            if done.hidden {
                continue;
            }
            // A directory that is another one by now, or a link, was perhaps never the one that was read.
            let path = self.replica.root().join(sys::path_from_bytes(done.path.as_bytes()));
            let still = done.path.is_root()
                || matches!(sys::stat_path(&path), Ok(Some(now)) if now.is_same_thing(&done.stat));
            let trouble = done.trouble.or_else(|| (!still).then(|| Trouble::new(Reason::Changing, "")));
            self.listings[done.id.0 as usize] = Some(match trouble {
                Some(trouble) => Listing::unreadable(trouble),
                None => done.builder.finish(),
            });
        }
    }

    /// The directory at `depth` could not be read whole.
    fn fail(&mut self, depth: usize, words: &str) {
        let last = self.open.len().saturating_sub(1);
        if let Some(open) = self.open.get_mut(depth.min(last)) {
            open.trouble = Some(Trouble::new(Reason::UnreadableDir, words));
        }
    }

    fn receive(&mut self, depth: usize, name: &[u8], look: Look, unread: Option<String>) {
        self.close_to(depth);
        let Some(parent) = self.open.last_mut() else { return };
        let stat = match look {
            Look::Is(stat) => Some(stat),
            _ => None,
        };
        let is_dir = stat.is_some_and(|stat| stat.kind == Some(Kind::Dir));
        let hidden = parent.hidden
            || stat
                .and_then(|stat| stat.kind)
                .is_some_and(|kind| self.request.filter.hides(&parent.path, name, kind));
        if !parent.hidden {
            parent.seen += 1;
        }
        if hidden {
            if !parent.hidden {
                parent.builder.push_ignored();
            }
            if let (true, Some(stat), Ok(path)) = (is_dir, stat, parent.path.join(name)) {
                self.enter(DirId(u32::MAX), path, stat, None, true);
            }
            return;
        }
        let stat = match look {
            Look::Is(stat) => stat,
            Look::Failed(words) => {
                return parent.builder.push_unobserved(name, Trouble::new(Reason::Unreadable, words));
            }
            Look::Not | Look::Gone => {
                return parent.builder.push_unobserved(name, Trouble::new(Reason::Changing, ""));
            }
        };
        if let Some(trouble) = special(&stat, self.replica.identity.0) {
            return parent.builder.push_unobserved(name, trouble);
        }
        let Some(entry) = self.replica.entry_of(&stat) else { return };
        let Ok(path) = parent.path.join(name) else {
            return parent
                .builder
                .push_unobserved(name, Trouble::new(Reason::Unreadable, "such a name cannot be"));
        };
        match entry.kind {
            Kind::Dir => {
                let id = DirId(self.listings.len() as u32);
                self.listings.push(None);
                parent.builder.push(name, entry, None, Some(id));
                let trouble = unread.map(|words| Trouble::new(Reason::UnreadableDir, words));
                self.enter(id, path, stat, trouble, false);
            }
            Kind::Symlink => {
                let dir = self.replica.dir_at(parent.path.as_bytes());
                match dir.and_then(|dir| dir.read_link(name)) {
                    Ok(target) => parent.builder.push(name, entry, Some(&target), None),
                    Err(error) => {
                        parent
                            .builder
                            .push_unobserved(name, Trouble::new(Reason::Changing, error.to_string()));
                    }
                }
            }
            Kind::File => {
                let binary = self.request.filter.text_only()
                    && self
                        .replica
                        .dir_at(parent.path.as_bytes())
                        .is_ok_and(|dir| !text::is_text(&dir, name));
                if binary {
                    parent.builder.push_content_hidden(name);
                } else {
                    parent.builder.push(name, entry, None, None);
                }
            }
        }
    }
}
