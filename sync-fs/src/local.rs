//! The local replica itself: opening a root, and the trait by which the rest of Bothways reaches it.
//!
//! Every method of the trait is one line here; the work is in the module of its name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sync_core::abilities::Abilities;
use sync_core::entry::Entry;
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{Listing, Snapshot};
use sync_replica::{
    Contents, Control, Displaced, Expect, Filter, InTrash, Installed, LeftOut, Marker, Operation, Partial,
    Problem, ProblemKind, Properties, Recovered, Replica, ScanRequest, Source, Staged, Tell, Trashed,
    Watching,
};

use crate::durable::Dirty;
use crate::identity::open_root;
use crate::layout::{Hidden, OWN, STAGED};
use crate::partial::Busy;
use crate::place::Recent;
use crate::probe;
use crate::stage::Buffers;
use crate::sys::{self, Dir};
use crate::trash::TrashRoot;

/// How a folder is to be used as a replica.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// The folder; a link to a folder stands for that folder.
    pub root: PathBuf,
    /// Where soft-deleted files go: relative to the root, or absolute on the same volume.
    pub trash_root: PathBuf,
    /// Absolute paths that are never synced even where they lie inside the root.
    pub reserved: Vec<PathBuf>,
}

impl LocalOptions {
    /// The folder at `root` with everything else as by default.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), trash_root: PathBuf::from(".sync_trash"), reserved: Vec::new() }
    }
}

/// What opening a replica may do to the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Nothing is ever written: abilities come from an earlier probe, or are guessed by looking.
    ReadOnly,
    /// What the side can do is probed where it is not known, and kept in the root.
    ReadWrite,
}

/// A real folder as a side of a pair.
#[derive(Debug)]
pub struct LocalReplica {
    pub(crate) root: Arc<Dir>,
    path: PathBuf,
    pub(crate) identity: (u64, u64),
    pub(crate) abilities: Abilities,
    pub(crate) hidden: Arc<Hidden>,
    pub(crate) trash: TrashRoot,
    pub(crate) recent: Recent,
    pub(crate) staging: Option<Staging>,
    pub(crate) dirty: Mutex<Dirty>,
    pub(crate) buffers: Buffers,
    pub(crate) busy: Busy,
    /// Held while a version is replaced on a side that cannot exchange.
    pub(crate) one_swap: Mutex<()>,
    /// When the root was last seen at its path, in milliseconds since `opened`.
    pub(crate) seen_at: AtomicU64,
    pub(crate) opened: Instant,
    /// Files that were given a second name here: their number, and their change time before and after.
    pub(crate) linked: Mutex<HashMap<u64, (i64, i64)>>,
    _lock: Option<std::fs::File>,
}

/// The staging area of a run.
#[derive(Debug)]
pub(crate) struct Staging {
    pub(crate) dir: Dir,
    /// Tells the names of this run from those of every other.
    pub(crate) run: String,
    pub(crate) next: AtomicU64,
    /// The permission bits that a file loses when it is created here.
    pub(crate) lost_bits: u16,
}

impl LocalReplica {
    /// Opens a folder. Fails with `RootGone` when it is not there or is not a directory.
    pub fn open(options: LocalOptions, access: Access) -> Result<Self, Problem> {
        let root = open_root(&options.root)?;
        let io = |error| Problem::io(Operation::Root, &RelPath::root(), error);
        let path = options.root.canonicalize().map_err(io)?;
        let stat = root.stat_self().map_err(io)?;
        let lock = match access {
            Access::ReadOnly => None,
            Access::ReadWrite => Some(crate::lock::take(&make_own(&root).map_err(io)?)?),
        };
        let abilities = probe::abilities(&root, access)?;
        let trash = TrashRoot::new(&path, &options.trash_root)?;
        let reserved = options.reserved.iter().filter_map(|reserved| inside(&path, reserved));
        let hidden = Hidden::new(abilities.equivalence.case, reserved.chain(trash.inside().cloned()));
        let staging = match access {
            Access::ReadOnly => None,
            Access::ReadWrite => Some(Staging::open(&root).map_err(io)?),
        };
        Ok(Self {
            root: Arc::new(root),
            path,
            identity: (stat.dev, stat.id),
            abilities,
            hidden: Arc::new(hidden),
            trash,
            recent: Recent::default(),
            staging,
            dirty: Mutex::default(),
            buffers: Buffers::default(),
            busy: Busy::default(),
            one_swap: Mutex::default(),
            seen_at: AtomicU64::new(0),
            opened: Instant::now(),
            linked: Mutex::default(),
            _lock: lock,
        })
    }

    /// The root without links in its path.
    pub fn root(&self) -> &Path {
        &self.path
    }

    /// Whether both are the very same directory.
    pub fn same_directory(a: &Self, b: &Self) -> bool {
        a.identity == b.identity
    }

    /// Whether one root lies inside the other.
    pub fn is_inside(a: &Self, b: &Self) -> bool {
        a.identity != b.identity && (a.path.starts_with(&b.path) || b.path.starts_with(&a.path))
    }

    /// The staging area; a replica that was opened for reading alone has none.
    pub(crate) fn staging(&self) -> Result<&Staging, Problem> {
        self.staging.as_ref().ok_or_else(|| {
            let words = "the replica was opened for reading alone";
            Problem::new(Operation::Root, &RelPath::root(), ProblemKind::PermissionDenied, words)
        })
    }

    /// The directory of Bothways' own.
    pub(crate) fn own_dir(&self) -> Result<Dir, Problem> {
        self.staging()?;
        make_own(&self.root).map_err(|error| Problem::io(Operation::Root, &RelPath::root(), error))
    }
}

impl Staging {
    fn open(root: &Dir) -> std::io::Result<Self> {
        let own = make_own(root)?;
        let dir = make_private(&own, STAGED)?;
        let run = sys::random_name();
        let probe = format!("t-{run}-umask").into_bytes();
        let everything = sync_core::entry::Attributes::Unix(0o777);
        let file = dir.create(&probe, everything)?;
        let kept = sys::file_stat(&file);
        dir.unlink(&probe)?;
        Ok(Self { dir, run, next: AtomicU64::new(0), lost_bits: !kept?.bits & 0o777 })
    }

    /// A number for the next thing that is staged.
    pub(crate) fn number(&self) -> String {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!("{}-{number:x}", self.run)
    }
}

pub(crate) fn make_own(root: &Dir) -> std::io::Result<Dir> {
    make_private(root, OWN)
}

/// A directory that only its owner may enter.
pub(crate) fn make_private(parent: &Dir, name: &[u8]) -> std::io::Result<Dir> {
    match parent.open_beneath(name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        other => return other,
    }
    match parent.mkdir(name, sync_core::entry::Attributes::Unix(0o700)) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    parent.open_beneath(name)
}

/// Where `path` lies inside `root`, which has no links in it; none when it lies elsewhere.
pub(crate) fn inside(root: &Path, path: &Path) -> Option<RelPath> {
    // The last components may not exist yet; what does exist is freed of links.
    let mut missing = Vec::new();
    let mut there = path.to_owned();
    let real = loop {
        match there.canonicalize() {
            Ok(real) => break real,
            Err(_) => {
                missing.push(there.file_name()?.to_owned());
                there = there.parent()?.to_owned();
            }
        }
    };
    let full: PathBuf =
        std::iter::once(real.as_os_str()).chain(missing.iter().rev().map(AsRef::as_ref)).collect();
    let relative = full.strip_prefix(root).ok()?;
    let mut rel = RelPath::root();
    for component in relative {
        rel = rel.join(&sys::name_bytes(component)).ok()?;
    }
    Some(rel)
}

impl Replica for LocalReplica {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    fn marker(&self) -> Result<Option<Marker>, Problem> {
        self.read_marker()
    }

    fn set_marker(&self, marker: &Marker) -> Result<(), Problem> {
        self.write_marker(marker)
    }

    fn scan(&self, request: &ScanRequest<'_>) -> Result<Snapshot, Problem> {
        self.scan_tree(request)
    }

    fn scan_part(&self, request: &ScanRequest<'_>, part: &Part) -> Result<Snapshot, Problem> {
        self.scan_some(request, part)
    }

    fn tells_everything(&self) -> bool {
        self.is_told_everything()
    }

    fn watch(&self, tell: Tell, left_out: LeftOut) -> Result<Watching, Problem> {
        self.watch_root(tell, left_out)
    }

    fn list(&self, at: &RelPath, request: &ScanRequest<'_>) -> Result<Listing, Problem> {
        self.list_dir(at, request)
    }

    fn look(&self, at: &RelPath) -> Result<Option<Entry>, Problem> {
        self.look_at(at)
    }

    fn contents(&self, at: &RelPath, expect: &Entry, control: &dyn Control) -> Result<Contents, Problem> {
        self.digest_contents(at, expect, control)
    }

    fn open(&self, at: &RelPath, expect: &Entry) -> Result<Box<dyn Source>, Problem> {
        self.open_source(at, expect)
    }

    fn properties(&self, at: &RelPath, expect: &Entry) -> Result<Properties, Problem> {
        self.read_properties(at, expect)
    }

    fn stage(&self, source: &mut dyn Source, reread: bool, control: &dyn Control) -> Result<Staged, Problem> {
        self.stage_copy(source, reread, control)
    }

    fn stage_resumable(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem> {
        self.stage_with_partial(source, at, reread, control)
    }

    fn partials(&self) -> Result<Vec<Partial>, Problem> {
        self.list_partials()
    }

    fn drop_partial(&self, at: &RelPath) -> Result<bool, Problem> {
        self.drop_partial_of(at)
    }

    fn is_being_written(&self, at: &RelPath, expect: &Entry) -> Result<Option<bool>, Problem> {
        self.ask_for_writers(at, expect)
    }

    fn settle(&self, staged: &[&Staged]) -> Result<(), Problem> {
        self.settle_staged(staged)
    }

    fn install(
        &self,
        staged: Staged,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        self.install_staged(staged, at, expect, displaced)
    }

    fn discard(&self, staged: Staged) {
        self.discard_staged(staged);
    }

    fn make_dir(
        &self,
        at: &RelPath,
        properties: &Properties,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        self.make_directory(at, properties, expect, displaced)
    }

    fn keep_beside(&self, at: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem> {
        self.keep_version_beside(at, expect, to)
    }

    fn rename(&self, from: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem> {
        self.rename_entry(from, expect, to)
    }

    fn set_properties(
        &self,
        at: &RelPath,
        expect: &Entry,
        properties: &Properties,
    ) -> Result<Entry, Problem> {
        self.write_properties(at, expect, properties)
    }

    fn remove(&self, at: &RelPath, expect: &Entry, displaced: Displaced) -> Result<Option<Trashed>, Problem> {
        self.remove_entry(at, expect, displaced)
    }

    fn remove_dir(
        &self,
        at: &RelPath,
        expect: &Entry,
        filter: &dyn Filter,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem> {
        self.remove_directory(at, expect, filter, displaced)
    }

    fn list_trash(&self) -> Result<Vec<InTrash>, Problem> {
        self.list_trashed()
    }

    fn look_in_trash(&self, place: &RelPath) -> Result<Option<Entry>, Problem> {
        self.look_at_trashed(place)
    }

    fn restore(
        &self,
        place: &RelPath,
        version: &Entry,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        self.restore_trashed(place, version, at, expect, displaced)
    }

    fn purge(&self, place: &RelPath) -> Result<bool, Problem> {
        self.purge_trashed(place)
    }

    fn flush(&self) -> Result<(), Problem> {
        self.flush_changes()
    }

    fn free_bytes(&self) -> Result<Option<u64>, Problem> {
        self.root.free_bytes().map_err(|error| Problem::io(Operation::Root, &RelPath::root(), error))
    }

    fn recover(&self) -> Result<Recovered, Problem> {
        self.recover_staged()
    }
}
