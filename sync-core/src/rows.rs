//! Trees that come as flat rows.
//!
//! Owns [`trees`]: from rows in any order, as a program with a scanner and a database of its own has them, to the
//! snapshots and the baseline that a decision is made on. What such rows leave unsaid is filled in here, once.
//!
//! A scanner may list files alone. The directories above a row are then there without being named. Where a side shows
//! nothing below a directory any more, and neither scan names any directory, nobody has said that it is gone: it counts
//! as there. Only a side without any row at all has lost everything.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use crate::baseline::{Agreed, AgreedDir as _, PackedDir, Record};
use crate::entry::{Attributes, Digest, Entry, Kind, Trouble};
use crate::fold::Equivalence;
use crate::path::{BadPath, RelPath, check_name};
use crate::side::{Side, Sides};
use crate::snapshot::{DirId, Listing, ListingBuilder, Snapshot};

/// One thing that a scan has seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Where, as the side spells it. The empty path is the root, which may be named as a directory.
    pub path: RelPath,
    /// What was seen there.
    pub entry: Entry,
    /// A link's target.
    pub target: Option<Box<[u8]>>,
    /// Why it could not be observed; for a directory, why its inside could not be. Never taken for gone.
    pub trouble: Option<Trouble>,
}

/// One thing that both sides agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgreedRow {
    /// Where, in any of its spellings.
    pub path: RelPath,
    /// The version. The names in its records are filled in from the path.
    pub agreed: Agreed,
}

impl AgreedRow {
    /// What two versions that were recorded together agreed on. None when they are no agreement: one side had nothing, or
    /// the two were not the same thing. Then the path counts as never met, which loses nothing.
    pub fn of(
        path: RelPath,
        versions: Sides<Option<Entry>>,
        digest: Option<Digest>,
        target: Option<Box<[u8]>>,
    ) -> Option<Self> {
        let (left, right) = (versions.left?, versions.right?);
        if left.kind != right.kind || left.size != right.size {
            return None;
        }
        let record = |entry: &Entry| Record::of(entry, path.name(), path.name(), None);
        let sides = Sides { left: record(&left), right: record(&right) };
        let agreed = Agreed { kind: left.kind, size: left.size, digest, target, sides };
        Some(Self { path, agreed })
    }
}

/// What makes rows no tree.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadRows {
    /// A path is there more than once.
    Twice {
        /// Which.
        path: RelPath,
    },
    /// A path lies below something that is no directory.
    BelowLeaf {
        /// Which.
        path: RelPath,
    },
    /// The root is named, and not as a directory.
    Root,
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice { path } => write!(f, "`{path}` is there more than once"),
            Self::BelowLeaf { path } => write!(f, "`{path}` lies below something that is no directory"),
            Self::Root => f.write_str("the root is not a directory"),
        }
    }
}

impl core::error::Error for BadRows {}

/// A directory of which no more is known than that it is there.
const BARE_DIR: Entry = Entry {
    kind: Kind::Dir,
    attributes: Attributes::NotHeld,
    size: 0,
    mtime_ns: 0,
    ctime_ns: 0,
    file_id: None,
};

/// Three trees, ready to be compared.
#[derive(Debug)]
pub struct Trees {
    /// What each side shows.
    pub snapshots: Sides<Snapshot>,
    /// What both agreed on, in path order.
    pub baseline: Vec<PackedDir>,
}

/// Makes trees of rows in any order.
///
/// # Errors
/// The rows of one tree contradict each other. The side is that of the scan; none for the baseline.
pub fn trees(
    baseline: impl IntoIterator<Item = AgreedRow>,
    scans: Sides<impl IntoIterator<Item = Row>>,
    equivalence: Equivalence,
) -> Result<Trees, (Option<Side>, BadRows)> {
    let mut rows = Gathered::new(equivalence, &[]);
    for row in baseline {
        rows.add_agreed(row);
    }
    for (side, scan) in [(Side::Left, scans.left), (Side::Right, scans.right)] {
        for row in scan {
            rows.add(side, row);
        }
    }
    rows.trees()
}

/// The rows of three trees, each put into its directory as it comes.
#[derive(Debug)]
pub struct Gathered {
    equivalence: Equivalence,
    baseline: Folders,
    /// Where names fold, rows of the baseline wait until their order by key is known.
    folded: Vec<(RelPath, AgreedRow)>,
    /// What is known of a row of the baseline besides its version, with the number of its directory and its key.
    more: Vec<(usize, Box<[u8]>, Agreed)>,
    scans: Sides<Folders>,
}

impl Gathered {
    /// No rows yet, of a pair that folds as `equivalence` says. Rows at and below the paths `left_out` are passed over.
    pub fn new(equivalence: Equivalence, left_out: &[RelPath]) -> Self {
        let keys: Vec<RelPath> = left_out.iter().map(|path| equivalence.path_key(path)).collect();
        let folders = |by_key| Folders::new(equivalence, keys.clone(), by_key);
        Self {
            equivalence,
            baseline: folders(true),
            folded: Vec::new(),
            more: Vec::new(),
            scans: Sides::from_fn(|_| folders(false)),
        }
    }

    /// What the pair folds.
    pub const fn equivalence(&self) -> Equivalence {
        self.equivalence
    }

    /// Adds what a scan has seen of a file: nearly every row of nearly every tree.
    ///
    /// # Errors
    /// `path` is no path.
    pub fn add_file(&mut self, side: Side, path: &[u8], entry: Entry) -> Result<(), BadPath> {
        self.scans[side].leaf(path, entry)
    }

    /// Adds what a scan has seen.
    pub fn add(&mut self, side: Side, row: Row) {
        let Row { path, entry, target, trouble } = row;
        self.scans[side].row(&path, entry, target.as_deref(), trouble);
    }

    /// Adds what both sides agreed on of a file that both held alike, and of which no digest is known.
    ///
    /// # Errors
    /// `path` is no path.
    pub fn add_agreed_file(&mut self, path: &[u8], entry: Entry) -> Result<(), BadPath> {
        if self.equivalence.is_exact() {
            return self.baseline.leaf(path, entry);
        }
        let both = Sides { left: Some(entry), right: Some(entry) };
        if let Some(row) = AgreedRow::of(RelPath::new(path)?, both, None, None) {
            self.add_agreed(row);
        }
        Ok(())
    }

    /// Adds what both sides agreed on.
    pub fn add_agreed(&mut self, row: AgreedRow) {
        if self.equivalence.is_exact() {
            let AgreedRow { path, agreed } = row;
            self.put_agreed(&path, &path, agreed);
        } else {
            self.folded.push((self.equivalence.path_key(&row.path), row));
        }
    }

    fn put_agreed(&mut self, key: &RelPath, spelled: &RelPath, mut agreed: Agreed) {
        let name = spelled.name();
        for side in Side::BOTH {
            agreed.sides[side].name = (*name != *key.name()).then(|| name.into());
        }
        let entry = agreed.entry(Side::Left);
        let Some(dir) = self.baseline.put(key, spelled, entry, None, None) else { return };
        let plain = agreed.sides.left == agreed.sides.right
            && agreed.digest.is_none()
            && agreed.target.is_none()
            && agreed.sides.left.xattrs.is_none();
        if !plain {
            self.more.push((dir, key.name().into(), agreed));
        }
    }

    /// Makes trees of them.
    ///
    /// # Errors
    /// The rows of one tree contradict each other. The side is that of the scan; none for the baseline.
    pub fn trees(mut self) -> Result<Trees, (Option<Side>, BadRows)> {
        let mut folded = core::mem::take(&mut self.folded);
        folded.sort_by(|a, b| a.0.cmp(&b.0));
        let spelled: Vec<(RelPath, RelPath)> =
            folded.iter().map(|(key, row)| (key.clone(), row.path.clone())).collect();
        for (key, row) in folded {
            self.put_agreed(&key, &row.path, row.agreed);
        }
        let Self { equivalence, baseline, mut more, mut scans, .. } = self;
        if !scans.either(|folders| folders.names_dirs) {
            for side in Side::BOTH {
                add_unsaid(&mut scans[side], &baseline, equivalence);
            }
        }
        more.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let (left, right, agreed) = (scans.left.finish(), scans.right.finish(), baseline.finish());
        for (side, wrong) in [(Some(Side::Left), &left.wrong), (Some(Side::Right), &right.wrong)] {
            if let Some(path) = &wrong.twice {
                return Err((side, BadRows::Twice { path: path.clone() }));
            }
        }
        if let Some(bad) = agreed.wrong.first(|key| {
            let at = spelled.binary_search_by(|(one, _)| one.cmp(key)).ok();
            at.and_then(|at| spelled.get(at)).map_or_else(|| key.clone(), |(_, path)| path.clone())
        }) {
            return Err((None, bad));
        }
        for (side, wrong) in [(Side::Left, &left.wrong), (Side::Right, &right.wrong)] {
            if let Some(bad) = wrong.first(RelPath::clone) {
                return Err((Some(side), bad));
            }
        }
        let snapshots = Sides { left, right }.map(|tree| Snapshot::assemble(tree.listings));
        let mut more = more.into_iter().peekable();
        let mut packed = Vec::with_capacity(agreed.all.len());
        for (number, (folder, listing)) in agreed.all.into_iter().zip(agreed.listings).enumerate() {
            let mut here = Vec::new();
            while let Some((_, key, agreed)) = more.next_if(|(dir, ..)| *dir == number) {
                here.push((key, agreed));
            }
            if folder.shown {
                packed.push(PackedDir::new(folder.path, listing, here));
            }
        }
        packed.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(Trees { snapshots, baseline: packed })
    }
}

/// The directories of the baseline of which nobody has said that they are gone, where neither scan names any: those
/// that a side's rows do not lead through are added to it. Where a leaf lies now, a directory is gone.
fn add_unsaid(scan: &mut Folders, baseline: &Folders, equivalence: Equivalence) {
    if scan.rows == 0 {
        return;
    }
    // Where names fold: the key of each directory, and how this side spells it; the first, if in several ways.
    let mut spelled: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    if !equivalence.is_exact() {
        let shown = scan.all.iter().filter(|folder| folder.shown);
        let mut shown: Vec<RelPath> = shown.map(|folder| folder.path.clone()).collect();
        shown.sort();
        for path in shown {
            spelled.entry(equivalence.path_key(&path)).or_insert(path);
        }
    }
    let mut leaves: BTreeMap<usize, BTreeSet<Box<[u8]>>> = BTreeMap::new();
    // Both trees mostly came in the same order.
    let mut next = 1;
    for folder in baseline.all.iter().skip(1).filter(|folder| folder.shown) {
        let path = if equivalence.is_exact() {
            folder.path.clone()
        } else if spelled.contains_key(&folder.path) {
            continue;
        } else {
            let above =
                folder.path.parent().and_then(|above| spelled.get(&above).cloned()).unwrap_or_default();
            let path = above.join_checked(folder.spelled.as_deref().unwrap_or_else(|| folder.path.name()));
            spelled.insert(folder.path.clone(), path.clone());
            path
        };
        let found = if scan.all.get(next).is_some_and(|here| here.path == path) {
            Some(next)
        } else {
            scan.number_of(path.as_bytes())
        };
        if let Some(number) = found {
            next = number + 1;
        }
        if found.and_then(|number| scan.all.get(number)).is_some_and(|here| here.shown) {
            continue;
        }
        // Where the one above is not there either, a leaf lies in its place.
        let above = path.parent().and_then(|above| scan.number_of(above.as_bytes()));
        let is_there = |number: &usize| scan.all.get(*number).is_some_and(|above| above.shown);
        let Some(parent) = above.filter(is_there) else { continue };
        let leaf_names = || scan.all.get(parent).map(Folder::leaf_names).unwrap_or_default();
        if leaves.entry(parent).or_insert_with(leaf_names).contains(path.name()) {
            continue;
        }
        let number = found.unwrap_or_else(|| scan.make(path, parent, None));
        scan.show(number);
    }
}

/// A directory on its way to a listing.
#[derive(Debug)]
struct Folder {
    path: RelPath,
    /// The number of the one that it lies in; the root lies in itself.
    parent: usize,
    /// How its last component is spelled, where that is not as in its path.
    spelled: Option<Box<[u8]>>,
    /// The row that names it.
    named: Option<(Entry, Option<Trouble>)>,
    inside: ListingBuilder,
    /// Whether rows in it are passed over.
    left_out: bool,
    /// The keys of names right in it that are passed over.
    names_left_out: Vec<Box<[u8]>>,
    /// Whether a row leads to it that was not passed over, or it is there without having been named.
    shown: bool,
}

impl Folder {
    fn leaf_names(&self) -> BTreeSet<Box<[u8]>> {
        self.inside.names().map(Into::into).collect()
    }
}

/// One tree: its directories as rows lead to them, the root first, each after the one that holds it.
#[derive(Debug)]
struct Folders {
    equivalence: Equivalence,
    all: Vec<Folder>,
    by_path: BTreeMap<Box<[u8]>, usize>,
    /// Where the last row went: rows mostly come folder by folder.
    last: usize,
    rows: usize,
    left_out: Vec<RelPath>,
    /// Whether a row names a directory other than the root.
    names_dirs: bool,
    /// The first, in path order, of the directories that are named more than once.
    twice: Option<RelPath>,
    /// The root was named as something else than a directory.
    bad_root: bool,
    /// Whether two names of one key are one path.
    by_key: bool,
}

/// How much room a directory gets at first: that of most. Bytes of names, and entries.
const USUAL_ROOM: (usize, usize) = (160, 8);

/// What makes a tree none; the first of each in path order.
#[derive(Debug, Default)]
struct Wrong {
    twice: Option<RelPath>,
    root: bool,
    below: Option<RelPath>,
}

impl Wrong {
    /// What is told of it. A row below a leaf is told as `spelled` spells it.
    fn first(&self, spelled: impl Fn(&RelPath) -> RelPath) -> Option<BadRows> {
        if let Some(path) = &self.twice {
            return Some(BadRows::Twice { path: path.clone() });
        }
        if self.root {
            return Some(BadRows::Root);
        }
        self.below.as_ref().map(|path| BadRows::BelowLeaf { path: spelled(path) })
    }
}

/// A tree with the listings of its directories, by their numbers.
struct Finished {
    all: Vec<Folder>,
    listings: Vec<Listing>,
    wrong: Wrong,
}

fn keep_first(kept: &mut Option<RelPath>, path: RelPath) {
    if kept.as_ref().is_none_or(|kept| path < *kept) {
        *kept = Some(path);
    }
}

/// The directory and the last component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(cut) => (path.get(..cut).unwrap_or_default(), path.get(cut + 1..).unwrap_or_default()),
        None => (&[], path),
    }
}

impl Folders {
    fn new(equivalence: Equivalence, left_out: Vec<RelPath>, by_key: bool) -> Self {
        let mut folders = Self {
            equivalence,
            all: Vec::new(),
            by_path: BTreeMap::new(),
            last: 0,
            rows: 0,
            left_out,
            names_dirs: false,
            twice: None,
            bad_root: false,
            by_key,
        };
        folders.make(RelPath::root(), 0, None);
        folders.show(0);
        folders
    }

    fn number_of(&self, path: &[u8]) -> Option<usize> {
        if path.is_empty() { Some(0) } else { self.by_path.get(path).copied() }
    }

    fn make(&mut self, path: RelPath, parent: usize, spelled: Option<Box<[u8]>>) -> usize {
        let number = self.all.len();
        let (mut left_out, mut names_left_out) = (false, Vec::new());
        if !self.left_out.is_empty() {
            let key = self.equivalence.path_key(&path);
            left_out = self.left_out.iter().any(|top| key.starts_with(top));
            let right_here = |top: &&RelPath| top.parent().as_ref() == Some(&key);
            names_left_out.extend(self.left_out.iter().filter(right_here).map(|top| top.name().into()));
        }
        let (bytes, entries) = USUAL_ROOM;
        let inside = ListingBuilder::with_room(self.equivalence, bytes, entries);
        self.by_path.insert(path.as_bytes().into(), number);
        self.all.push(Folder {
            path,
            parent,
            spelled,
            named: None,
            inside,
            left_out,
            names_left_out,
            shown: false,
        });
        number
    }

    /// Counts a directory as there, with those above it.
    fn show(&mut self, mut number: usize) {
        while let Some(folder) = self.all.get_mut(number).filter(|folder| !folder.shown) {
            folder.shown = true;
            number = folder.parent;
        }
    }

    /// The number of the directory at `dir`, which is made with those above it where no row has led there yet.
    fn enter(&mut self, dir: &RelPath, spelled: Option<&RelPath>) -> usize {
        if let Some(number) = self.number_of(dir.as_bytes()) {
            return number;
        }
        let parent = self.enter(&dir.parent().unwrap_or_default(), spelled);
        let depth = dir.depth();
        let name = spelled.and_then(|spelled| spelled.components().nth(depth - 1));
        let name = name.filter(|name| *name != dir.name()).map(Into::into);
        self.make(dir.clone(), parent, name)
    }

    /// The directory of a row, and its name; none when it is to be left out.
    fn place<'p>(&mut self, path: &'p [u8], spelled: Option<&RelPath>) -> Result<(usize, &'p [u8]), BadPath> {
        let (dir, name) = split(path);
        if self.all.get(self.last).is_none_or(|folder| folder.path.as_bytes() != dir) {
            self.last = match self.number_of(dir) {
                // What a slash begins lies in no root.
                Some(number) if !dir.is_empty() || name.len() == path.len() => number,
                Some(_) => return Err(BadPath::EmptyComponent),
                None => self.enter(&RelPath::new(dir)?, spelled),
            };
        } else if dir.is_empty() && name.len() != path.len() {
            return Err(BadPath::EmptyComponent);
        }
        Ok((self.last, name))
    }

    fn is_left_out(&self, number: usize, name: &[u8]) -> bool {
        self.all.get(number).is_some_and(|folder| {
            folder.left_out
                || (!folder.names_left_out.is_empty()
                    && folder.names_left_out.iter().any(|one| **one == *self.equivalence.key(name)))
        })
    }

    /// Adds something that is no directory.
    fn leaf(&mut self, path: &[u8], entry: Entry) -> Result<(), BadPath> {
        if path.is_empty() {
            self.put(&RelPath::root(), &RelPath::root(), entry, None, None);
            return Ok(());
        }
        let (number, name) = self.place(path, None)?;
        check_name(name)?;
        if !self.is_left_out(number, name)
            && let Some(folder) = self.all.get_mut(number)
        {
            self.rows += 1;
            folder.inside.push(name, entry, None, None);
            if !folder.shown {
                self.show(number);
            }
        }
        Ok(())
    }

    fn row(&mut self, path: &RelPath, entry: Entry, target: Option<&[u8]>, trouble: Option<Trouble>) {
        self.put(path, path, entry, target, trouble);
    }

    /// Adds a row under its key path, and tells the number of its directory where it is a leaf that was added.
    fn put(
        &mut self,
        path: &RelPath,
        spelled: &RelPath,
        entry: Entry,
        target: Option<&[u8]>,
        trouble: Option<Trouble>,
    ) -> Option<usize> {
        let top = self.left_out.iter().any(RelPath::is_root);
        if path.is_root() {
            if !top {
                self.rows += 1;
                self.bad_root |= !entry.is_dir();
                self.name(0, entry, trouble);
            }
            return None;
        }
        let (number, name) = self.place(path.as_bytes(), Some(spelled)).ok()?;
        if self.is_left_out(number, name) {
            return None;
        }
        self.rows += 1;
        if entry.is_dir() {
            self.names_dirs = true;
            let inner = self.enter(path, Some(spelled));
            self.show(inner);
            self.name(inner, entry, trouble);
            return Some(number);
        }
        self.show(number);
        let inside = &mut self.all.get_mut(number)?.inside;
        match trouble {
            None => inside.push(spelled.name(), entry, target, None),
            Some(trouble) => inside.push_unobserved(spelled.name(), trouble),
        }
        Some(number)
    }

    fn name(&mut self, number: usize, entry: Entry, trouble: Option<Trouble>) {
        let Some(folder) = self.all.get_mut(number) else { return };
        if folder.named.is_some() {
            keep_first(&mut self.twice, folder.path.clone());
        }
        folder.named = Some((entry, trouble));
    }

    fn finish(mut self) -> Finished {
        let mut wrong = Wrong { twice: self.twice.take(), root: self.bad_root, below: None };
        for number in 1..self.all.len() {
            let Some(folder) = self.all.get_mut(number).filter(|folder| folder.shown) else { continue };
            let entry = folder.named.as_ref().map_or(BARE_DIR, |(entry, _)| *entry);
            let (path, parent, spelled) = (folder.path.clone(), folder.parent, folder.spelled.take());
            let id = u32::try_from(number).ok().map(DirId);
            if let Some(parent) = self.all.get_mut(parent) {
                parent.inside.push(spelled.as_deref().unwrap_or_else(|| path.name()), entry, None, id);
            }
        }
        let mut suspects = Vec::new();
        let mut listings = Vec::with_capacity(self.all.len());
        for (number, folder) in self.all.iter_mut().enumerate() {
            let empty = ListingBuilder::new(self.equivalence);
            let (listing, distinct) = core::mem::replace(&mut folder.inside, empty).finish_and_tell();
            if !distinct || !self.equivalence.is_exact() {
                suspects.push(number);
            }
            listings.push(listing);
        }
        for number in suspects {
            self.look_for_doubles(number, &listings, &mut wrong);
        }
        for (folder, listing) in self.all.iter().zip(&mut listings) {
            if let Some((_, Some(trouble))) = &folder.named {
                *listing = Listing::unreadable(trouble.clone());
            }
        }
        Finished { all: self.all, listings, wrong }
    }

    /// What a directory holds, in the order of paths: the name in the path, and the number of a directory.
    fn held<'l>(&self, number: usize, listings: &'l [Listing]) -> Vec<(&'l [u8], Option<usize>)> {
        let Some(listing) = listings.get(number) else { return Vec::new() };
        let seen = listing.iter().map(|listed| {
            let name = if self.by_key { listed.key } else { listed.name };
            (name, listed.child.map(|id| id.0 as usize))
        });
        let unobserved = listing.unobserved().iter();
        let unobserved = unobserved.map(|one| (if self.by_key { &*one.key } else { &*one.name }, None));
        let mut held: Vec<_> = seen.chain(unobserved).collect();
        held.sort_unstable();
        held
    }

    fn look_for_doubles(&self, number: usize, listings: &[Listing], wrong: &mut Wrong) {
        let held = self.held(number, listings);
        for pair in held.windows(2) {
            let &[(name, one), (other, two)] = pair else { continue };
            let Some(folder) = self.all.get(number).filter(|_| name == other) else { continue };
            // At most one of them is a directory.
            let dir = one.or(two);
            let is_named = |dir: usize| self.all.get(dir).is_some_and(|folder| folder.named.is_some());
            match dir.filter(|dir| !is_named(*dir)) {
                None => keep_first(&mut wrong.twice, folder.path.join_checked(name)),
                Some(dir) => {
                    if let Some(path) = self.first_below(dir, listings) {
                        keep_first(&mut wrong.below, path);
                    }
                }
            }
        }
    }

    /// The first row below a directory that no row names; none where nothing but unsaid ones is.
    fn first_below(&self, number: usize, listings: &[Listing]) -> Option<RelPath> {
        let path = &self.all.get(number)?.path;
        self.held(number, listings).into_iter().find_map(|(name, dir)| match dir {
            Some(dir) if self.all.get(dir)?.named.is_none() => self.first_below(dir, listings),
            _ => Some(path.join_checked(name)),
        })
    }
}

#[cfg(test)]
#[path = "rows_plain.rs"]
mod plain;
#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
