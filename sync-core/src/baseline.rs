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
use crate::side::{Side, Sides};
use crate::snapshot::Listing;

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
    pub sides: Sides<Record>,
}

impl Agreed {
    /// What `side` held when both agreed.
    pub(crate) fn was(&self, side: Side) -> Was<'_> {
        Was { entry: self.entry(side), name: self.sides.get(side).name.as_deref() }
    }

    /// The agreed version as an entry of `side`.
    pub fn entry(&self, side: Side) -> Entry {
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

/// The agreed version as one side held it.
#[derive(Clone, Copy, Debug)]
pub struct Was<'a> {
    /// The fingerprint on record.
    pub entry: Entry,
    /// How the side spelled the last component; none when it spelled it as the key.
    pub name: Option<&'a [u8]>,
}

/// The agreed versions of one directory's children, sorted by key, in whatever form they are kept.
pub trait AgreedDir {
    /// The directory's key path.
    fn path(&self) -> &RelPath;
    /// How many children there are, and how many of them are regular files.
    fn counts(&self) -> (usize, usize);
    /// The key of the `index`-th child.
    fn key(&self, index: usize) -> Option<&[u8]>;
    /// What a side held there, if it was no directory.
    fn leaf(&self, index: usize, side: Side) -> Option<Was<'_>>;
    /// The whole of it.
    fn agreed(&self, index: usize) -> Option<Agreed>;
}

impl<T: AgreedDir> AgreedDir for &T {
    fn path(&self) -> &RelPath {
        (**self).path()
    }

    fn counts(&self) -> (usize, usize) {
        (**self).counts()
    }

    fn key(&self, index: usize) -> Option<&[u8]> {
        (**self).key(index)
    }

    fn leaf(&self, index: usize, side: Side) -> Option<Was<'_>> {
        (**self).leaf(index, side)
    }

    fn agreed(&self, index: usize) -> Option<Agreed> {
        (**self).agreed(index)
    }
}

impl AgreedDir for BaselineDir {
    fn path(&self) -> &RelPath {
        &self.path
    }

    fn counts(&self) -> (usize, usize) {
        (self.children.len(), self.children.iter().filter(|(_, agreed)| agreed.kind == Kind::File).count())
    }

    fn key(&self, index: usize) -> Option<&[u8]> {
        self.children.get(index).map(|(key, _)| &**key)
    }

    fn leaf(&self, index: usize, side: Side) -> Option<Was<'_>> {
        let (_, agreed) = self.children.get(index)?;
        (agreed.kind != Kind::Dir).then(|| agreed.was(side))
    }

    fn agreed(&self, index: usize) -> Option<Agreed> {
        self.children.get(index).map(|(_, agreed)| agreed.clone())
    }
}

/// The same as [`BaselineDir`] in little room: what both sides held alike, spelled alike and without a digest, which is
/// what rows mostly tell, takes no more than an entry of a listing.
#[derive(Debug)]
pub struct PackedDir {
    path: RelPath,
    /// What the left side held, by key.
    listing: Listing,
    /// By key, those of them of which more is known than a listing says.
    more: Vec<(Box<[u8]>, Agreed)>,
}

impl PackedDir {
    /// `more` is sorted by key, and each of it is in the listing too.
    pub(crate) const fn new(path: RelPath, listing: Listing, more: Vec<(Box<[u8]>, Agreed)>) -> Self {
        Self { path, listing, more }
    }

    fn more(&self, key: &[u8]) -> Option<&Agreed> {
        if self.more.is_empty() {
            return None;
        }
        let at = self.more.binary_search_by(|(one, _)| (**one).cmp(key)).ok()?;
        self.more.get(at).map(|(_, agreed)| agreed)
    }
}

impl AgreedDir for PackedDir {
    fn path(&self) -> &RelPath {
        &self.path
    }

    fn counts(&self) -> (usize, usize) {
        (self.listing.len(), self.listing.files())
    }

    fn key(&self, index: usize) -> Option<&[u8]> {
        self.listing.key_at(index)
    }

    fn leaf(&self, index: usize, side: Side) -> Option<Was<'_>> {
        let listed = self.listing.at(index).filter(|listed| !listed.entry.is_dir())?;
        Some(self.more(listed.key).map_or_else(
            || Was { entry: listed.entry, name: (listed.name != listed.key).then_some(listed.name) },
            |agreed| agreed.was(side),
        ))
    }

    fn agreed(&self, index: usize) -> Option<Agreed> {
        let listed = self.listing.at(index)?;
        if let Some(agreed) = self.more(listed.key) {
            return Some(agreed.clone());
        }
        let record = Record::of(&listed.entry, listed.name, listed.key, None);
        let sides = Sides { left: record.clone(), right: record };
        let Entry { kind, size, .. } = listed.entry;
        Some(Agreed { kind, size, digest: None, target: None, sides })
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
