//! Single changes, each over the same small tree, to be disturbed at every step.

use std::collections::BTreeMap;

use sync_core::entry::{Attributes, Entry};
use sync_core::path::RelPath;
use sync_replica::memory::{Faults, MemoryReplica, Node};
use sync_replica::{Displaced, Expect, Problem, Properties, Replica, ShowAll, TrashStamp, Uncontrolled};

pub(crate) const OLD: &[u8] = b"old version";
pub(crate) const NEW: &[u8] = b"the newer version";
pub(crate) const USER: &[u8] = b"what the user wrote meanwhile";
pub(crate) const BYSTANDER: &[u8] = b"nobody touches this";

pub(crate) fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

/// One change to `dir/file`, or to something beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Create,
    Replace(Displaced),
    Remove(Displaced),
    DirOver(Displaced),
    Rename,
    KeepThenReplace,
    SetProperties,
    RemoveDir,
}

const TRASH: Displaced = Displaced::Trash(TrashStamp(42));

pub(crate) const CHANGES: [Change; 11] = [
    Change::Create,
    Change::Replace(Displaced::Drop),
    Change::Replace(TRASH),
    Change::Remove(Displaced::Drop),
    Change::Remove(TRASH),
    Change::DirOver(Displaced::Drop),
    Change::DirOver(TRASH),
    Change::Rename,
    Change::KeepThenReplace,
    Change::SetProperties,
    Change::RemoveDir,
];

impl Change {
    /// The path it changes.
    pub(crate) fn at(self) -> RelPath {
        match self {
            Self::Create => p("dir/created"),
            Self::RemoveDir => p("empty"),
            _ => p("dir/file"),
        }
    }

    /// Whether the old version may be dropped for good.
    pub(crate) fn drops(self) -> bool {
        matches!(
            self,
            Self::Replace(Displaced::Drop) | Self::Remove(Displaced::Drop) | Self::DirOver(Displaced::Drop)
        )
    }

    /// Makes the change as the program does; the entry that was told for [`Change::at`], where one was.
    pub(crate) fn make(
        self,
        replica: &MemoryReplica,
        seen: Option<&Entry>,
    ) -> Result<Option<Entry>, Problem> {
        let at = self.at();
        let properties =
            Properties { mtime_ns: 7_000_000_000, attributes: Attributes::Unix(0o600), xattrs: None };
        let expect = seen.map_or(Expect::Absent, |entry| Expect::Is(*entry));
        let stale = || Problem::stale(sync_replica::Operation::Scan, &at, "it was not there");
        let seen = || seen.ok_or_else(stale);
        match self {
            Self::Create => self.install(replica, &expect, Displaced::Drop),
            Self::Replace(displaced) => self.install(replica, &expect, displaced),
            Self::Remove(displaced) => side(replica).remove(&at, seen()?, displaced).map(|_| None),
            Self::DirOver(displaced) => {
                replica.make_dir(&at, &properties, &expect, displaced).map(|made| Some(made.entry))
            }
            Self::Rename => side(replica).rename(&at, seen()?, &p("dir/renamed")).map(|_| None),
            Self::KeepThenReplace => {
                let kept = replica.keep_beside(&at, seen()?, &p("dir/kept"))?;
                // A second name moves the change time of the file, a copy does not.
                let second_name = replica.abilities().hard_links;
                let now = if second_name { kept } else { *seen()? };
                self.install(replica, &Expect::Is(now), Displaced::Drop)
            }
            Self::SetProperties => replica.set_properties(&at, seen()?, &properties).map(Some),
            Self::RemoveDir => replica.remove_dir(&at, seen()?, &ShowAll, Displaced::Drop).map(|_| None),
        }
    }

    fn install(
        self,
        replica: &MemoryReplica,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Option<Entry>, Problem> {
        let from = p("source");
        let entry = replica
            .look(&from)?
            .ok_or_else(|| Problem::stale(sync_replica::Operation::Read, &from, "the source is gone"))?;
        let mut source = replica.open(&from, &entry)?;
        let staged = replica.stage(source.as_mut(), true, &Uncontrolled)?;
        if let Err(problem) = replica.settle(&[&staged]) {
            replica.discard(staged);
            return Err(problem);
        }
        replica.install(staged, &self.at(), expect, displaced).map(|done| Some(done.entry))
    }
}

/// The tree every change is made to; all of it is durable.
pub(crate) fn tree(base: &MemoryReplica) {
    base.write("dir/file", OLD);
    base.write("dir/bystander", BYSTANDER);
    base.write("source", NEW);
    base.mkdir("empty");
    base.make_durable();
}

/// The program's way to the side: its hands and the user's share some names.
pub(crate) fn side(replica: &MemoryReplica) -> &dyn Replica {
    replica
}

/// A fresh copy of the tree for one run.
pub(crate) fn fresh(base: &MemoryReplica) -> MemoryReplica {
    base.fork(Faults::new())
}

/// How often a content lies in the visible tree and in the trash.
pub(crate) fn places(replica: &MemoryReplica, content: &[u8]) -> (usize, usize) {
    let count = |dump: BTreeMap<RelPath, Node>| {
        dump.values()
            .filter(|node| matches!(node, Node::File { content: held, .. } if **held == *content))
            .count()
    };
    (count(replica.dump()), count(replica.trash_dump()))
}

/// What must be true after every end, however the change was disturbed.
pub(crate) fn nothing_is_lost(replica: &MemoryReplica, change: Change, when: &str) {
    assert_eq!(replica.staged_count(), 0, "{when}: staged copies are left");
    assert_eq!(replica.read("dir/bystander").as_deref(), Some(BYSTANDER), "{when}: the bystander");
    assert_eq!(replica.read("source").as_deref(), Some(NEW), "{when}: the source");
    for (path, content) in replica.files() {
        assert!(
            [OLD, NEW, USER, BYSTANDER].contains(&&*content),
            "{when}: `{path}` is torn: {}",
            content.escape_ascii()
        );
    }
    let (visible, trashed) = places(replica, OLD);
    assert!(change.drops() || visible + trashed > 0, "{when}: the old version is lost: {:?}", replica.dump());
}
