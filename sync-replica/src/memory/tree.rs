//! The file system in memory: numbered files, and names that point to them.
//!
//! Owns [`Tree`]. Names are slots of directories; a file may have several. Staging area, partial copies and trash are
//! directories of their own beside the root, so nothing of them can be seen or reached from it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use sync_core::abilities::{Abilities, AttributeKind};
use sync_core::entry::{Attributes, Digest, Entry, Kind};
use sync_core::path::RelPath;

use crate::marker::Marker;
use crate::replica::Displaced;
use crate::source::{Properties, Xattrs};

/// The number of a file, directory or link.
pub(super) type Ino = u64;

pub(super) const ROOT: Ino = 1;
pub(super) const STAGING: Ino = 2;
pub(super) const TRASH: Ino = 3;
pub(super) const PARTIAL: Ino = 4;
/// Numbers below are no user's.
pub(super) const FIRST_FREE: Ino = 100;

/// A name's key within its directory.
pub(super) type Key = Box<[u8]>;

/// What a name in a directory points to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    /// As it is spelled.
    pub name: Box<[u8]>,
    pub ino: Ino,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Body {
    File(Arc<[u8]>),
    Dir,
    Link(Arc<[u8]>),
    Special,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Inode {
    pub body: Body,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub bits: u16,
    pub xattrs: Xattrs,
}

impl Inode {
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.body {
            Body::File(_) => Some(Kind::File),
            Body::Dir => Some(Kind::Dir),
            Body::Link(_) => Some(Kind::Symlink),
            Body::Special => None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.body {
            Body::File(bytes) | Body::Link(bytes) => bytes.len() as u64,
            Body::Dir | Body::Special => 0,
        }
    }

    /// What a side with these abilities tells of it; none for what is no entry.
    pub(super) fn entry(&self, ino: Ino, abilities: &Abilities) -> Option<Entry> {
        Some(Entry {
            kind: self.kind()?,
            attributes: self.attributes(abilities),
            size: self.size(),
            mtime_ns: self.mtime_ns,
            ctime_ns: if abilities.ctimes { self.ctime_ns } else { 0 },
            file_id: NonZeroU64::new(ino).filter(|_| abilities.file_ids),
        })
    }

    pub(super) fn attributes(&self, abilities: &Abilities) -> Attributes {
        match (abilities.attributes, &self.body) {
            (AttributeKind::None, _) | (_, Body::Link(_)) => Attributes::NotHeld,
            (AttributeKind::Unix, _) => Attributes::Unix(self.bits),
            (AttributeKind::Windows, _) => Attributes::Windows(self.bits),
        }
    }

    pub(super) fn properties(&self, abilities: &Abilities) -> Properties {
        Properties {
            mtime_ns: self.mtime_ns,
            attributes: self.attributes(abilities),
            xattrs: abilities.xattrs.then(|| self.xattrs.clone()),
        }
    }
}

/// What is about to happen to a path, noted in the staging area before it happens, for whoever cleans up after a
/// kill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    /// The path.
    pub at: RelPath,
    /// The version that comes, as it was staged; none when the path is to become empty.
    pub new: Option<(Ino, Entry)>,
    /// The version that is expected to go.
    pub old: Entry,
    pub displaced: Displaced,
    /// Whether the slot holds a second place of a version that is still at its path.
    pub copy: bool,
}

/// What a partial copy is of, and how much of it can be relied on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Claim {
    pub at: RelPath,
    pub source: Entry,
    pub bytes: usize,
    /// Of those bytes.
    pub digest: Digest,
    pub touched_ns: i64,
}

/// Everything that survives on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tree {
    pub slots: BTreeMap<(Ino, Key), Slot>,
    pub inodes: BTreeMap<Ino, Inode>,
    pub notes: BTreeMap<Key, Note>,
    /// By the key of the partial copy.
    pub claims: BTreeMap<Key, Claim>,
    pub marker: Option<Marker>,
}

impl Tree {
    pub(super) fn new(clock: i64) -> Self {
        let dir = Inode {
            body: Body::Dir,
            mtime_ns: clock,
            ctime_ns: clock,
            bits: 0o755,
            xattrs: Xattrs::default(),
        };
        Self {
            slots: BTreeMap::new(),
            inodes: [ROOT, STAGING, TRASH, PARTIAL].map(|ino| (ino, dir.clone())).into(),
            notes: BTreeMap::new(),
            claims: BTreeMap::new(),
            marker: None,
        }
    }

    pub(super) fn children(&self, dir: Ino) -> impl Iterator<Item = (&Key, &Slot)> {
        self.slots.range((dir, Key::default())..(dir + 1, Key::default())).map(|((_, key), slot)| (key, slot))
    }

    pub(super) fn is_dir(&self, ino: Ino) -> bool {
        self.inodes.get(&ino).is_some_and(|inode| inode.body == Body::Dir)
    }

    /// Every number that a name leads to, with the roots themselves.
    pub(super) fn reachable(&self) -> BTreeSet<Ino> {
        let mut seen = BTreeSet::from([ROOT, STAGING, TRASH, PARTIAL]);
        let mut todo = vec![ROOT, STAGING, TRASH, PARTIAL];
        while let Some(dir) = todo.pop() {
            for (_, slot) in self.children(dir) {
                if seen.insert(slot.ino) && self.is_dir(slot.ino) {
                    todo.push(slot.ino);
                }
            }
        }
        seen
    }

    /// Forgets what no name leads to.
    pub(super) fn sweep(&mut self) {
        let alive = self.reachable();
        self.inodes.retain(|ino, _| alive.contains(ino));
        self.slots.retain(|(dir, _), slot| alive.contains(dir) && alive.contains(&slot.ino));
    }
}
