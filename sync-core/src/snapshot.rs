//! One scan of one replica.
//!
//! Owns [`Snapshot`] and the [`Listing`] of each directory, laid out so that a million entries fit in little
//! memory: names lie end to end in one buffer per directory. A snapshot says what was seen and what could not be;
//! it never says that something is *not* there unless the directory was read without error.
//!
//! Start with [`ListingBuilder`] to make one and [`Snapshot::get`] to read one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::entry::{Entry, Kind, Reason, Trouble};
use crate::fold::Equivalence;
use crate::path::RelPath;

/// The number of a directory within its snapshot. 0 is the root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DirId(pub u32);

impl DirId {
    /// The root directory.
    pub const ROOT: Self = Self(0);
    const NONE: u32 = u32::MAX;
}

#[derive(Debug)]
struct Packed {
    entry: Entry,
    name_start: u32,
    name_len: u16,
    /// 0 when the name is its own key; else the key lies right behind the name.
    key_len: u16,
    child: u32,
}

/// One entry of a listing.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The name as it is spelled on this side.
    pub name: &'a [u8],
    /// The name's key under the pair's equivalence.
    pub key: &'a [u8],
    /// What was seen.
    pub entry: Entry,
    /// A link's target.
    pub target: Option<&'a [u8]>,
    /// A directory's own listing.
    pub child: Option<DirId>,
}

/// A name in a directory that was seen but could not be observed.
#[derive(Debug)]
pub struct Unobserved {
    /// The name as it is spelled on this side.
    pub name: Box<[u8]>,
    /// Its key.
    pub key: Box<[u8]>,
    /// Why.
    pub trouble: Trouble,
}

/// What lies in one directory, sorted by key.
#[derive(Debug, Default)]
pub struct Listing {
    names: Box<[u8]>,
    entries: Box<[Packed]>,
    targets: Box<[(u32, Box<[u8]>)]>,
    unobserved: Box<[Unobserved]>,
    unreadable: Option<Box<Trouble>>,
    ignored: u32,
}

impl Listing {
    /// A directory that could not be read.
    pub fn unreadable(trouble: Trouble) -> Self {
        Self { unreadable: Some(Box::new(trouble)), ..Self::default() }
    }

    /// Why the directory could not be read; none when it was read whole.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.unreadable.as_deref()
    }

    /// How many names the filters hid here.
    pub fn ignored(&self) -> u32 {
        self.ignored
    }

    /// Names that were seen and could not be observed, sorted by key.
    pub fn unobserved(&self) -> &[Unobserved] {
        &self.unobserved
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The `index`-th entry by key.
    pub fn at(&self, index: usize) -> Option<Listed<'_>> {
        let packed = self.entries.get(index)?;
        Some(Listed {
            name: self.name_of(packed),
            key: self.key_of(packed),
            entry: packed.entry,
            target: (packed.entry.kind == Kind::Symlink).then(|| self.target_of(index)).flatten(),
            child: (packed.child != DirId::NONE).then_some(DirId(packed.child)),
        })
    }

    /// The key of the `index`-th entry.
    pub(crate) fn key_at(&self, index: usize) -> Option<&[u8]> {
        self.entries.get(index).map(|packed| self.key_of(packed))
    }

    /// How many of the entries are regular files.
    pub(crate) fn files(&self) -> usize {
        self.entries.iter().filter(|packed| packed.entry.kind == Kind::File).count()
    }

    /// All entries by key.
    pub fn iter(&self) -> impl Iterator<Item = Listed<'_>> {
        (0..self.entries.len()).filter_map(|index| self.at(index))
    }

    /// The first entry with this key.
    pub fn find(&self, key: &[u8]) -> Option<Listed<'_>> {
        let index = self.entries.partition_point(|packed| self.key_of(packed) < key);
        self.at(index).filter(|listed| listed.key == key)
    }

    fn name_of(&self, packed: &Packed) -> &[u8] {
        let start = packed.name_start as usize;
        &self.names[start..start + usize::from(packed.name_len)]
    }

    fn key_of(&self, packed: &Packed) -> &[u8] {
        if packed.key_len == 0 {
            return self.name_of(packed);
        }
        let start = packed.name_start as usize + usize::from(packed.name_len);
        &self.names[start..start + usize::from(packed.key_len)]
    }

    fn target_of(&self, index: usize) -> Option<&[u8]> {
        let index = u32::try_from(index).ok()?;
        let at = self.targets.binary_search_by_key(&index, |(owner, _)| *owner).ok()?;
        Some(&self.targets[at].1)
    }
}

/// Collects one directory's names in any order.
#[derive(Debug)]
pub struct ListingBuilder {
    equivalence: Equivalence,
    names: Vec<u8>,
    entries: Vec<Packed>,
    targets: Vec<(u32, Box<[u8]>)>,
    unobserved: Vec<Unobserved>,
    ignored: u32,
}

impl ListingBuilder {
    /// An empty directory of a pair that folds as `equivalence` says.
    pub fn new(equivalence: Equivalence) -> Self {
        Self {
            equivalence,
            names: Vec::new(),
            entries: Vec::new(),
            targets: Vec::new(),
            unobserved: Vec::new(),
            ignored: 0,
        }
    }

    /// The same with room for some names, in bytes and in number.
    pub(crate) fn with_room(equivalence: Equivalence, bytes: usize, entries: usize) -> Self {
        Self {
            names: Vec::with_capacity(bytes),
            entries: Vec::with_capacity(entries),
            ..Self::new(equivalence)
        }
    }

    /// The names so far.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        let observed = self.entries.iter().map(|packed| {
            let start = packed.name_start as usize;
            &self.names[start..start + usize::from(packed.name_len)]
        });
        observed.chain(self.unobserved.iter().map(|one| &*one.name))
    }

    /// Adds what was seen under `name`. `target` belongs to a link, `child` to a directory.
    pub fn push(&mut self, name: &[u8], entry: Entry, target: Option<&[u8]>, child: Option<DirId>) {
        let Some(name_start) = u32::try_from(self.names.len()).ok().filter(|_| name.len() < 60_000) else {
            self.push_unobserved(
                name,
                Trouble::new(Reason::Unreadable, "the directory's names are too long"),
            );
            return;
        };
        self.names.extend_from_slice(name);
        let mut key_len = 0;
        if !self.equivalence.is_exact() {
            let key = self.equivalence.key(name);
            if *key != *name {
                key_len = key.len() as u16;
                self.names.extend_from_slice(&key);
            }
        }
        if let Some(target) = target {
            self.targets.push((self.entries.len() as u32, target.into()));
        }
        self.entries.push(Packed {
            entry,
            name_start,
            name_len: name.len() as u16,
            key_len,
            child: child.map_or(DirId::NONE, |id| id.0),
        });
    }

    /// Adds a name that is there and could not be observed.
    pub fn push_unobserved(&mut self, name: &[u8], trouble: Trouble) {
        let key = self.equivalence.key(name).into();
        self.unobserved.push(Unobserved { name: name.into(), key, trouble });
    }

    /// Adds a name that the filters hide for what it holds. Unlike one that is hidden by its name, it may be what was
    /// synced until it was written to, and so is not taken for gone.
    pub fn push_content_hidden(&mut self, name: &[u8]) {
        self.ignored += 1;
        self.push_unobserved(name, Trouble::new(Reason::ContentHidden, ""));
    }

    /// Counts a name that the filters hide.
    pub fn push_ignored(&mut self) {
        self.ignored += 1;
    }

    /// The finished listing.
    pub fn finish(self) -> Listing {
        self.finish_and_tell().0
    }

    /// The same, and whether it is plain to see that no two names in it are one: then all were observed.
    pub(crate) fn finish_and_tell(mut self) -> (Listing, bool) {
        let mut listing = Listing {
            names: core::mem::take(&mut self.names).into_boxed_slice(),
            ignored: self.ignored,
            ..Listing::default()
        };
        // A name of its own key needs no second look.
        let sort_key = |packed: &Packed| {
            let name = listing.name_of(packed);
            if packed.key_len == 0 { (name, name) } else { (listing.key_of(packed), name) }
        };
        let rises = |a: &Packed, b: &Packed| match (a.key_len, b.key_len) {
            (0, 0) => listing.name_of(a) < listing.name_of(b),
            _ => sort_key(a) < sort_key(b),
        };
        let mut distinct = self.entries.is_sorted_by(rises);
        if !distinct {
            let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
            order.sort_unstable_by_key(|index| sort_key(&self.entries[*index as usize]));
            let mut place = alloc::vec![0_u32; order.len()];
            for (new, old) in order.iter().enumerate() {
                place[*old as usize] = new as u32;
            }
            for (owner, _) in &mut self.targets {
                *owner = place[*owner as usize];
            }
            self.targets.sort_unstable_by_key(|(owner, _)| *owner);
            let mut slots: Vec<Option<Packed>> = self.entries.into_iter().map(Some).collect();
            self.entries = order.iter().filter_map(|old| slots[*old as usize].take()).collect();
            distinct = self.entries.is_sorted_by(rises);
        }
        distinct &= self.unobserved.is_empty();
        self.unobserved.sort_unstable_by(|a, b| (&a.key, &a.name).cmp(&(&b.key, &b.name)));
        listing.entries = self.entries.into_boxed_slice();
        listing.targets = self.targets.into_boxed_slice();
        listing.unobserved = self.unobserved.into_boxed_slice();
        (listing, distinct)
    }
}

/// Counts of a whole snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Regular files.
    pub files: u64,
    /// Directories, without the root.
    pub dirs: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of all regular files.
    pub bytes: u64,
    /// Names the filters hid.
    pub ignored: u64,
}

/// One scan of one replica.
#[derive(Debug)]
pub struct Snapshot {
    dirs: Vec<Listing>,
    totals: Totals,
    whole: bool,
}

impl Snapshot {
    /// A snapshot from its listings; the position of each is its [`DirId`]. Never empty: without a root listing
    /// the root counts as unreadable, as does a directory whose number has no listing.
    pub fn assemble(mut dirs: Vec<Listing>) -> Self {
        if dirs.is_empty() {
            dirs.push(Listing::unreadable(Trouble::new(Reason::UnreadableDir, "the root was not scanned")));
        }
        let mut totals = Totals::default();
        for listing in &dirs {
            totals.ignored += u64::from(listing.ignored);
            for packed in &listing.entries {
                match packed.entry.kind {
                    Kind::File => {
                        totals.files += 1;
                        totals.bytes = totals.bytes.saturating_add(packed.entry.size);
                    }
                    Kind::Dir => totals.dirs += 1,
                    Kind::Symlink => totals.links += 1,
                }
            }
        }
        Self { dirs, totals, whole: true }
    }

    /// The same for a scan of a [`Part`](crate::part::Part): what it does not show may be there all the same.
    pub fn assemble_part(dirs: Vec<Listing>) -> Self {
        Self { whole: false, ..Self::assemble(dirs) }
    }

    /// Whether the whole tree was scanned, and not a part of it.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// A root with nothing in it.
    pub fn empty() -> Self {
        Self::assemble(alloc::vec![Listing::default()])
    }

    /// The root's listing.
    pub fn root(&self) -> &Listing {
        &self.dirs[0]
    }

    /// The listing of a directory, none for a number this snapshot does not know.
    pub fn dir(&self, id: DirId) -> Option<&Listing> {
        self.dirs.get(id.0 as usize)
    }

    /// Counts over the whole tree.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The listing of the directory at a key path.
    pub fn listing(&self, key: &RelPath) -> Option<&Listing> {
        key.components().try_fold(self.root(), |listing, name| self.dir(listing.find(name)?.child?))
    }

    /// The entry at a key path; the root is none.
    pub fn get(&self, key: &RelPath) -> Option<Listed<'_>> {
        self.listing(&key.parent()?)?.find(key.name())
    }

    /// A key path as this side spells it, as far as the snapshot has it.
    pub fn spelled(&self, key: &RelPath) -> Option<RelPath> {
        let mut listing = self.root();
        let mut spelled = RelPath::root();
        let mut rest = key.components().peekable();
        while let Some(name) = rest.next() {
            let listed = listing.find(name)?;
            spelled = spelled.join_checked(listed.name);
            if rest.peek().is_some() {
                listing = self.dir(listed.child?)?;
            }
        }
        Some(spelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Attributes;

    fn file(size: u64) -> Entry {
        Entry {
            kind: Kind::File,
            attributes: Attributes::NotHeld,
            size,
            mtime_ns: 0,
            ctime_ns: 0,
            file_id: None,
        }
    }

    #[test]
    fn a_listing_is_sorted_by_key_and_found_by_key() {
        let mut builder = ListingBuilder::new(Equivalence { case: true, form: false });
        builder.push(b"b", file(1), None, None);
        builder.push(b"Link", Entry { kind: Kind::Symlink, ..file(4) }, Some(b"goal"), None);
        builder.push(b"C", file(2), None, None);
        builder.push(b"a", file(3), None, None);
        let listing = builder.finish();
        let keys: Vec<_> = listing.iter().map(|listed| listed.key.to_vec()).collect();
        assert_eq!(keys, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), b"link".to_vec()]);
        let found = listing.find(b"link").unwrap();
        assert_eq!((found.name, found.target), (b"Link".as_slice(), Some(b"goal".as_slice())));
        assert!(listing.find(b"C").is_none());
    }

    #[test]
    fn a_packed_entry_stays_small() {
        assert!(size_of::<Packed>() <= 56, "{}", size_of::<Packed>());
    }
}
