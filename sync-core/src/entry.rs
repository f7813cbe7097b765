//! What a scan sees at one path.
//!
//! Owns [`Entry`], which is also the *fingerprint* of a version on its side: cheap to get, and different once the
//! version is another one, as far as the side's own means can tell.

use alloc::boxed::Box;
use core::fmt;
use core::num::NonZeroU64;

/// What kind of thing an entry is. Sockets, devices and pipes are no entries: a scan reports them as troubles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link, kept as a link and never followed.
    Symlink,
}

impl Kind {
    /// `file`, `directory` or `link`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dir => "directory",
            Self::Symlink => "link",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Permissions or attributes, as far as a side holds them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Attributes {
    /// The side holds none.
    #[default]
    NotHeld,
    /// Permission bits (`mode & 0o7777`).
    Unix(u16),
    /// The read-only, hidden, system and archive bits.
    Windows(u16),
}

impl Attributes {
    /// Whether the two can be compared at all and differ. What a side cannot hold is no difference.
    pub const fn differ(self, other: Self) -> bool {
        match (self, other) {
            (Self::Unix(a), Self::Unix(b)) | (Self::Windows(a), Self::Windows(b)) => a != b,
            _ => false,
        }
    }
}

/// One version of a file, directory or link on one side.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its permissions or attributes.
    pub attributes: Attributes,
    /// Bytes; 0 for directories, the length of the target for links.
    pub size: u64,
    /// When the content last changed: UTC nanoseconds since 1970.
    pub mtime_ns: i64,
    /// When anything about it last changed, UTC nanoseconds; 0 where the side does not tell or cannot be trusted.
    pub ctime_ns: i64,
    /// The side's own number for it; none where the side has none that stays.
    pub file_id: Option<NonZeroU64>,
}

impl Entry {
    /// Whether this is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }

    /// Whether `now` is the version that was seen as `self`: the test behind every precondition.
    ///
    /// A directory is the same while it is the same directory: what happens inside it shows in its children.
    pub fn is_same_version(&self, now: &Self) -> bool {
        self.is_same_version_moved(now)
            && (self.is_dir() || !held_and_differ(self.ctime_ns, now.ctime_ns))
            && !self.attributes.differ(now.attributes)
    }

    /// The same, after the entry itself was renamed: a rename moves the change time on many file systems.
    pub fn is_same_version_moved(&self, now: &Self) -> bool {
        let same_id = match (self.file_id, now.file_id) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        self.kind == now.kind
            && same_id
            && (self.is_dir() || (self.size == now.size && self.mtime_ns == now.mtime_ns))
    }
}

/// Two change times that both sides of a comparison hold, and that differ.
pub(crate) const fn held_and_differ(a: i64, b: i64) -> bool {
    a != 0 && b != 0 && a != b
}

/// The BLAKE3 of a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A short digest of all extended attributes that are synced; 0 when there are none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct XattrDigest(pub u64);

/// Why something could not be observed or cannot be synced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The directory could not be read, so nothing is known of what lies below it.
    UnreadableDir,
    /// The entry could not be looked at or read.
    Unreadable,
    /// A pipe, socket or device.
    Special,
    /// The other side cannot hold this name.
    NameNotHeld,
    /// The other side cannot hold this kind of entry.
    KindNotHeld,
    /// Another name on the same side is the same name to the other side.
    NameCollision,
    /// Another file system is mounted here.
    OtherFileSystem,
    /// The filters hide its content, which is seen though: it was synced, or the other side shows something here.
    ContentHidden,
    /// Somebody is writing it.
    InUse,
    /// It changed while it was looked at.
    Changing,
    /// There is no room for it on the other side.
    NoSpace,
}

impl Reason {
    /// A sentence for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::UnreadableDir => "the directory could not be read, so nothing below it is touched",
            Self::Unreadable => "it could not be read",
            Self::Special => "it is a pipe, socket or device, which is not synced",
            Self::NameNotHeld => "the other side cannot hold this name",
            Self::KindNotHeld => "the other side cannot hold this kind of entry",
            Self::NameCollision => "another name here is the same name to the other side",
            Self::OtherFileSystem => "another file system is mounted here, which is not synced",
            Self::ContentHidden => "the filters hide its content, so neither side is touched",
            Self::InUse => "it is in use",
            Self::Changing => "it changed while it was looked at",
            Self::NoSpace => "there is no room for it on the other side",
        }
    }

    /// A stable identifier for machines.
    pub const fn id(self) -> &'static str {
        match self {
            Self::UnreadableDir => "unreadable-directory",
            Self::Unreadable => "unreadable",
            Self::Special => "special-file",
            Self::NameNotHeld => "name-not-held",
            Self::KindNotHeld => "kind-not-held",
            Self::NameCollision => "name-collision",
            Self::OtherFileSystem => "other-file-system",
            Self::ContentHidden => "content-hidden",
            Self::InUse => "in-use",
            Self::Changing => "changing",
            Self::NoSpace => "no-space",
        }
    }
}

/// A reason with what the system said.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Trouble {
    /// The kind of trouble.
    pub reason: Reason,
    /// The system's or our own words about this case; may be empty.
    pub detail: Box<str>,
}

impl Trouble {
    /// A trouble with words of its own.
    pub fn new(reason: Reason, detail: impl Into<Box<str>>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.describe())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}
