//! What both sides were when they last agreed.
//!
//! Owns the shape of the baseline, one [`Agreed`] per path with each side's own [`Record`]. Where it is kept, and
//! how it gets there without losing anything, is not this crate's business: it arrives as a stream of
//! [`BaselineDir`] in path order.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use crate::entry::{Attributes, Digest, Entry, Kind, XattrDigest};
use crate::path::RelPath;

/// One side's own fingerprint of the agreed version.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Record {
    /// How this side spells the last component; none when it spells it as the key.
    pub name: Option<Box<[u8]>>,
    /// As in [`Entry`].
    pub attributes: Attributes,
    /// As in [`Entry`].
    pub mtime_ns: i64,
    /// As in [`Entry`].
    pub ctime_ns: i64,
    /// As in [`Entry`].
    pub file_id: Option<NonZeroU64>,
    /// The extended attributes, where they were looked at.
    pub xattrs: Option<XattrDigest>,
}

impl Record {
    /// The record of an entry whose last component is spelled `name` under the key `key`.
    pub fn of(entry: &Entry, name: &[u8], key: &[u8], xattrs: Option<XattrDigest>) -> Self {
        Self {
            name: (name != key).then(|| name.into()),
            attributes: entry.attributes,
            mtime_ns: entry.mtime_ns,
            ctime_ns: entry.ctime_ns,
            file_id: entry.file_id,
            xattrs,
        }
    }
}

/// The version both sides agreed on at one path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Agreed {
    /// What it is.
    pub kind: Kind,
    /// Bytes of content, the same on both sides.
    pub size: u64,
    /// The content's digest, where it was ever computed.
    pub digest: Option<Digest>,
    /// A link's target.
    pub target: Option<Box<[u8]>>,
    /// Each side's own view of it.
    pub sides: crate::side::Sides<Record>,
}

impl Agreed {
    /// The agreed version as an entry of `side`.
    pub fn entry(&self, side: crate::side::Side) -> Entry {
        let record = self.sides.get(side);
        Entry {
            kind: self.kind,
            attributes: record.attributes,
            size: self.size,
            mtime_ns: record.mtime_ns,
            ctime_ns: record.ctime_ns,
            file_id: record.file_id,
        }
    }
}

/// The agreed versions of one directory's children.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BaselineDir {
    /// The directory's key path.
    pub path: RelPath,
    /// Its children: key of the last component and version, sorted by key.
    pub children: Vec<(Box<[u8]>, Agreed)>,
}

/// A change of the baseline, to be made once it is true on both sides and durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaselineChange {
    /// The key path.
    pub path: RelPath,
    /// The version now agreed on; none when the path is gone from the baseline.
    pub agreed: Option<Agreed>,
}
