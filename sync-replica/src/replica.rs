//! The trait every side implements.
//!
//! The contract in short: paths are spelled as the side spells them; every change names the version it expects and
//! refuses with [`ProblemKind::Stale`](crate::ProblemKind::Stale) when another one is found *at the moment of the
//! change*; no call ever leaves a half-written content visible; nothing follows a link; what a call returns is what
//! was found to be true afterwards.

use std::any::Any;

use sync_core::abilities::Abilities;
use sync_core::entry::{Digest, Entry, XattrDigest};
use sync_core::fold::Equivalence;
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::{Listing, Snapshot};

use crate::control::Control;
use crate::filter::Filter;
use crate::marker::Marker;
use crate::partial::Partial;
use crate::problem::Problem;
use crate::source::{Properties, Source};
use crate::watching::{LeftOut, Tell, Watching};

/// What a scan should do.
#[derive(Clone, Copy)]
pub struct ScanRequest<'a> {
    /// How the pair compares names.
    pub equivalence: Equivalence,
    /// What to hide.
    pub filter: &'a dyn Filter,
    /// Who watches.
    pub control: &'a dyn Control,
    /// How many threads may work; 0 lets the replica choose.
    pub threads: usize,
}

/// The version a change expects at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    /// Nothing is there.
    Absent,
    /// Exactly this version is there. Never a directory: a directory gives way by `remove_dir` first.
    Is(Entry),
}

/// What becomes of the version a change takes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Displaced {
    /// It is dropped.
    Drop,
    /// It moves to the side's trash.
    Trash(TrashStamp),
}

/// When something was deleted, which goes into its name in the trash: UTC nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrashStamp(pub i64);

/// Where a version went in the trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trashed {
    /// Its path relative to the side's trash root.
    pub path: RelPath,
}

/// Something that lies in a side's trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InTrash {
    /// Its path relative to the side's trash root.
    pub place: RelPath,
    /// Where it was, as that side spelled it, as far as its place tells: a name that was too long is cut.
    pub was: RelPath,
    /// When it went there: UTC nanoseconds, as precise as its place tells.
    pub deleted_ns: i64,
    /// What it is.
    pub entry: Entry,
}

/// What was read when a content was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contents {
    /// Digest of the bytes.
    pub digest: Digest,
    /// Digest of the extended attributes; none where the side holds none.
    pub xattrs: Option<XattrDigest>,
}

/// A complete copy that lies in the side's staging area, invisible to its users.
pub struct Staged {
    /// The digest of the content, where the bytes passed through.
    pub digest: Option<Digest>,
    /// The extended attributes that were staged with it; none where the side holds none.
    pub xattrs: Option<XattrDigest>,
    /// The source version, as confirmed after its last byte was read.
    pub source: Entry,
    /// Bytes that an interrupted copy had brought before, and that were not read from the source again.
    pub resumed: u64,
    /// The replica's own handle.
    pub token: Box<dyn Any + Send>,
}

/// A version that was put in place.
#[derive(Debug)]
pub struct Installed {
    /// The entry that is now at the path.
    pub entry: Entry,
    /// Where the displaced version went, when it went to the trash.
    pub trashed: Option<Trashed>,
}

/// What cleaning up after an interrupted run found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Staged copies that were removed.
    pub removed: u64,
    /// Versions that had been displaced without having been seen and were put back: where they are now.
    pub restored: Vec<RelPath>,
    /// Versions that were on their way to the trash and have arrived there now.
    pub trashed: Vec<InTrash>,
}

/// One tree that is kept in sync.
pub trait Replica: Send + Sync {
    /// The root as a person would write it.
    fn location(&self) -> String;

    /// What the side was measured to be able to do.
    fn abilities(&self) -> &Abilities;

    /// The root's marker; none when it has none. Also the test whether the root is still there: a root that is
    /// away or is no longer the directory that was opened is a problem of kind `RootGone`.
    fn marker(&self) -> Result<Option<Marker>, Problem>;

    /// Writes the root's marker, durably.
    fn set_marker(&self, marker: &Marker) -> Result<(), Problem>;

    /// Scans the whole tree. A directory that cannot be read is in the snapshot as such; only a root that cannot
    /// be read at all, or a cancelled scan, is an error.
    fn scan(&self, request: &ScanRequest<'_>) -> Result<Snapshot, Problem>;

    /// Scans a part of the tree: each directory's listing holds only what the part names there. Errors are those of
    /// [`Self::scan`].
    fn scan_part(&self, request: &ScanRequest<'_>, part: &Part) -> Result<Snapshot, Problem>;

    /// Reads one directory, named as the side spells it, and nothing below: its listing is the one a scan would show,
    /// with no directory in it entered. `NotFound` when nothing is there, or the way to it is none; `NotADirectory`
    /// when something else is there; `RootGone` when the root is away. A directory that cannot be read to its end is
    /// an error too: of what was not seen nothing is known.
    fn list(&self, at: &RelPath, request: &ScanRequest<'_>) -> Result<Listing, Problem>;

    /// Whether what [`Self::watch`] tells of is all that happens here. A network drive, say, tells of what this machine
    /// does and of nothing else.
    fn tells_everything(&self) -> bool;

    /// Asks the side to tell of what happens in it, from now on, except for what is left out. `Unsupported` where it
    /// cannot: then looking is all there is.
    fn watch(&self, tell: Tell, left_out: LeftOut) -> Result<Watching, Problem>;

    /// Looks at one path.
    fn look(&self, at: &RelPath) -> Result<Option<Entry>, Problem>;

    /// Reads the content at a path and digests it. Fails as stale when it is not the expected version, before or
    /// after.
    fn contents(&self, at: &RelPath, expect: &Entry, control: &dyn Control) -> Result<Contents, Problem>;

    /// Opens a file or link for copying.
    fn open(&self, at: &RelPath, expect: &Entry) -> Result<Box<dyn Source>, Problem>;

    /// The properties at a path.
    fn properties(&self, at: &RelPath, expect: &Entry) -> Result<Properties, Problem>;

    /// Copies a source into the staging area, with its properties, and confirms the source.
    /// `reread` asks to read the copy back and compare it with what was read.
    fn stage(&self, source: &mut dyn Source, reread: bool, control: &dyn Control) -> Result<Staged, Problem>;

    /// As [`Self::stage`], for a copy to `at` that takes long enough to be interrupted. What was copied when the
    /// source cannot be read on, the work is stopped or the process ends stays behind as a *partial copy*; the next
    /// call for the same path goes on where it ended, if the source is the very same version (every field of its
    /// entry), and begins anew otherwise. So it does on a full side, where what has no room any more is given back. A
    /// source that turns out stale and a copy that does not read back leave nothing. Of an interruption by the system, what was durable is gone on with and nothing else; bytes
    /// that are gone on with are known to be those of the source, whatever became of the partial copy meanwhile.
    ///
    /// A finished copy whose handle is dropped, by the end of the process say, is a partial copy as well, and so is
    /// one that could not be installed; [`Self::discard`] and a done [`Self::install`] leave none. A second call for
    /// a path while the first copy is under way stages as [`Self::stage`] does. What takes no time, such as shared
    /// blocks or a file of a few bytes, need not be resumable.
    ///
    /// Partial copies are hidden as the staging area is, outlast [`Self::recover`] if they make sense, and are dropped
    /// [`crate::PARTIAL_KEPT`] after somebody last worked on them, by `recover` and by this call.
    fn stage_resumable(
        &self,
        source: &mut dyn Source,
        at: &RelPath,
        reread: bool,
        control: &dyn Control,
    ) -> Result<Staged, Problem>;

    /// The partial copies that are kept, in any order; those that are being worked on count as well.
    fn partials(&self) -> Result<Vec<Partial>, Problem>;

    /// Drops the partial copy for a path, unless it is being worked on; whether there was one.
    fn drop_partial(&self, at: &RelPath) -> Result<bool, Problem>;

    /// Whether some program has the file open for writing right now; none where the system does not tell. Fails as
    /// stale when it is not the expected version.
    fn is_being_written(&self, at: &RelPath, expect: &Entry) -> Result<Option<bool>, Problem>;

    /// Makes staged copies durable. No staged copy is installed over a version before this returned.
    fn settle(&self, staged: &[&Staged]) -> Result<(), Problem>;

    /// Puts a staged copy at a path. The parent directory must be there.
    fn install(
        &self,
        staged: Staged,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem>;

    /// Throws a staged copy away.
    fn discard(&self, staged: Staged);

    /// Makes a directory; `expect` may name a file or link that gives way to it.
    fn make_dir(
        &self,
        at: &RelPath,
        properties: &Properties,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem>;

    /// Gives the version at `at` a second, independent place at `to`, where nothing is yet: by a second name or by
    /// a copy. The place at `at` is about to be replaced. Idempotent: when `to` already holds that very version
    /// (the same file), it succeeds.
    fn keep_beside(&self, at: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem>;

    /// Renames without ever overwriting. `to` may differ in spelling alone.
    fn rename(&self, from: &RelPath, expect: &Entry, to: &RelPath) -> Result<Entry, Problem>;

    /// Sets properties, as far as the side holds them. A directory's times are left alone. Extended attributes come
    /// first: what is interrupted half way must still show a difference in what a scan sees.
    fn set_properties(&self, at: &RelPath, expect: &Entry, properties: &Properties)
    -> Result<Entry, Problem>;

    /// Removes a file or link.
    fn remove(&self, at: &RelPath, expect: &Entry, displaced: Displaced) -> Result<Option<Trashed>, Problem>;

    /// Removes a directory that holds nothing but names that `filter` (or the replica itself) hides. With
    /// `Displaced::Trash` those go to the trash with it; with `Displaced::Drop` their presence is `NotEmpty`.
    fn remove_dir(
        &self,
        at: &RelPath,
        expect: &Entry,
        filter: &dyn Filter,
        displaced: Displaced,
    ) -> Result<Option<Trashed>, Problem>;

    /// Everything in the trash that bears a name this replica gave it, in any order. A trash that is not there holds
    /// nothing.
    fn list_trash(&self) -> Result<Vec<InTrash>, Problem>;

    /// What lies at a place in the trash; none when nothing does.
    fn look_in_trash(&self, place: &RelPath) -> Result<Option<Entry>, Problem>;

    /// Puts `version` back from its place in the trash to `at`, where exactly what is expected must be; what is
    /// there goes where `displaced` says. A directory is put back only where nothing is. Fails as not found when the
    /// trash no longer holds that version. A kill leaves the version at `at`, in the trash, or in both.
    fn restore(
        &self,
        place: &RelPath,
        version: &Entry,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem>;

    /// Drops what lies at a place in the trash, for good, with what lies in it when it is a directory. Follows no
    /// link, and refuses what does not bear a name this replica gave it. Whether there was anything.
    fn purge(&self, place: &RelPath) -> Result<bool, Problem>;

    /// Makes everything on this side durable, names included, as far as the system can: what this process did, what
    /// one that was killed before it did, and what users wrote. The baseline will claim all of it.
    fn flush(&self) -> Result<(), Problem>;

    /// Bytes that can still be written; none where the side does not tell.
    fn free_bytes(&self) -> Result<Option<u64>, Problem>;

    /// Cleans up after a run that was killed. Called once, before the first scan, while no other session runs.
    fn recover(&self) -> Result<Recovered, Problem>;
}
