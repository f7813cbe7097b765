//! One side of the model: a tree in memory that behaves as a strict file system would.
//!
//! Owns [`Node`] and [`Replica`]: what a user may do to it, how it is scanned, and the changes a plan may ask for,
//! each of which refuses what a real side would refuse. It must never know anything of plans.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use sync_core::abilities::{Abilities, AttributeKind};
use sync_core::entry::{Attributes, Digest, Entry, Kind, Reason, Trouble};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::snapshot::{DirId, Listing, ListingBuilder, Snapshot};

/// The step of the model's clock: far above every tolerance, and enough for clash names to differ.
pub(crate) const STEP_NS: i64 = 600_000_000_000;
/// 2026-11-20 15:40:00 UTC.
pub(crate) const START_NS: i64 = 1_795_189_200_000_000_000;

/// What lies at one path. Two paths with one `id` are two names of one file and never differ in anything else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Stands for the bytes of a file or the target of a link.
    pub(crate) content: u32,
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
    pub(crate) mode: u16,
    pub(crate) id: u64,
}

/// Bytes of a content: most are of one size, so that metadata alone seldom tells them apart.
pub(crate) fn size_of(kind: Kind, content: u32) -> u64 {
    match (kind, content) {
        (Kind::Dir, _) | (Kind::File, 0) => 0,
        (Kind::File, content) => 10 + u64::from(content % 8 == 0),
        (Kind::Symlink, content) => target_of(content).len() as u64,
    }
}

pub(crate) fn target_of(content: u32) -> Vec<u8> {
    format!("goal-{content:04}").into_bytes()
}

pub(crate) fn digest_of(content: u32) -> Digest {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&content.to_le_bytes());
    Digest(bytes)
}

/// Hidden from every scan by the model's filter.
pub(crate) fn is_hidden(name: &[u8]) -> bool {
    name.to_ascii_lowercase().ends_with(b".tmp")
}

/// Why a change was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// A directory still holds hidden names which may not go to the trash.
    HoldsHidden,
    /// What a correct plan never runs into.
    Wrong(String),
}

pub(crate) type Done<T> = Result<T, Refusal>;

fn wrong<T>(text: impl Into<String>) -> Done<T> {
    Err(Refusal::Wrong(text.into()))
}

#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) abilities: Abilities,
    /// By the path as it is spelled.
    pub(crate) tree: BTreeMap<RelPath, Node>,
    /// Names that are there and cannot be looked at.
    pub(crate) unobserved: BTreeSet<RelPath>,
    /// Directories that cannot be read.
    pub(crate) unreadable: BTreeSet<RelPath>,
    /// What was deleted or displaced softly: original path and version.
    pub(crate) trash: Vec<(RelPath, Node)>,
    pub(crate) clock: i64,
    pub(crate) next_id: u64,
}

impl Replica {
    pub(crate) fn new(abilities: Abilities, first_id: u64) -> Self {
        Self {
            abilities,
            tree: BTreeMap::new(),
            unobserved: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            trash: Vec::new(),
            clock: START_NS + 1000 * STEP_NS,
            next_id: first_id,
        }
    }

    /// A path as this side shows it.
    pub(crate) fn shown(&self, path: &RelPath) -> RelPath {
        if self.abilities.shows_spelling { path.clone() } else { self.abilities.equivalence.path_key(path) }
    }

    pub(crate) fn tick(&mut self) -> i64 {
        self.clock += STEP_NS;
        self.clock
    }

    pub(crate) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The path as it is really spelled here; none when nothing is there.
    pub(crate) fn find(&self, path: &RelPath) -> Option<RelPath> {
        if self.tree.contains_key(path) {
            return Some(path.clone());
        }
        let own = self.abilities.equivalence;
        if own.is_exact() {
            return None;
        }
        let key = own.path_key(path);
        self.tree.keys().find(|one| own.path_key(one) == key).cloned()
    }

    pub(crate) fn node(&self, path: &RelPath) -> Option<&Node> {
        self.tree.get(path).or_else(|| self.tree.get(&self.find(path)?))
    }

    pub(crate) fn entry_of(&self, node: &Node) -> Entry {
        let abilities = &self.abilities;
        Entry {
            kind: node.kind,
            attributes: match (abilities.attributes, node.kind) {
                (AttributeKind::Unix, Kind::File | Kind::Dir) => Attributes::Unix(node.mode),
                _ => Attributes::NotHeld,
            },
            size: size_of(node.kind, node.content),
            mtime_ns: node.mtime,
            ctime_ns: if abilities.ctimes { node.ctime } else { 0 },
            file_id: NonZeroU64::new(node.id).filter(|_| abilities.file_ids),
        }
    }

    pub(crate) fn look(&self, path: &RelPath) -> Option<Entry> {
        self.node(path).map(|node| self.entry_of(node))
    }

    /// Everything below `dir`, itself included.
    pub(crate) fn below(&self, dir: &RelPath) -> Vec<RelPath> {
        self.tree
            .range(dir.clone()..)
            .map(|(path, _)| path)
            .take_while(|p| p.starts_with(dir))
            .cloned()
            .collect()
    }

    pub(crate) fn is_dir(&self, path: &RelPath) -> bool {
        path.is_root() || self.node(path).is_some_and(|node| node.kind == Kind::Dir)
    }

    /// `path` with its parent spelled as it is here; an error when the parent is no directory.
    fn settle(&self, path: &RelPath) -> Done<RelPath> {
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else { return Ok(path.clone()) };
        match self.find(&parent) {
            Some(spelled) if self.is_dir(&spelled) => {
                spelled.join(path.name()).map_err(|why| Refusal::Wrong(why.to_string()))
            }
            _ => wrong(format!("{path:?} has no directory above it")),
        }
    }

    /// Changes every name of one file.
    fn for_each_name(&mut self, id: u64, change: impl Fn(&mut Node)) {
        self.tree.values_mut().filter(|node| node.id == id).for_each(change);
    }

    // ---- changes -----------------------------------------------------------------------------------------

    /// Puts a node where nothing is.
    pub(crate) fn put(&mut self, at: &RelPath, node: Node) -> Done<RelPath> {
        let at = self.settle(at)?;
        if let Some(there) = self.find(&at) {
            return wrong(format!("{at:?} is taken by {there:?}"));
        }
        if let Err(why) = self.abilities.names.check(at.name()) {
            return wrong(format!("{at:?} cannot be held: {why}"));
        }
        if node.kind == Kind::Symlink && !self.abilities.symlinks {
            return wrong(format!("{at:?}: links cannot be held"));
        }
        let at = self.shown(&at);
        self.tree.insert(at.clone(), node);
        Ok(at)
    }

    /// A new node as this side would hold it.
    pub(crate) fn fresh(&mut self, kind: Kind, content: u32, mtime: i64, mode: u16) -> Node {
        let (ctime, id) = (self.tick(), self.new_id());
        let precision = i64::try_from(self.abilities.mtime_precision_ns.max(1)).unwrap_or(1);
        let mtime = if self.abilities.keeps_mtime { mtime } else { ctime };
        Node { kind, content, mtime: mtime - mtime.rem_euclid(precision), ctime, mode, id }
    }

    /// Takes a file or link away; other names of it see their change time move.
    pub(crate) fn take(&mut self, at: &RelPath, soft: bool) -> Done<Node> {
        let Some(at) = self.find(at) else { return wrong(format!("nothing to take at {at:?}")) };
        if self.is_dir(&at) {
            return wrong(format!("{at:?} is a directory"));
        }
        let Some(node) = self.tree.remove(&at) else { return wrong("gone") };
        if soft {
            self.trash.push((at, node));
        }
        let now = self.tick();
        self.for_each_name(node.id, |other| other.ctime = now);
        Ok(node)
    }

    pub(crate) fn remove_dir(&mut self, at: &RelPath, soft: bool) -> Done<()> {
        let Some(at) = self.find(at).filter(|at| self.is_dir(at)) else {
            return wrong(format!("no directory at {at:?}"));
        };
        let inside: Vec<RelPath> = self.below(&at).into_iter().skip(1).collect();
        let hidden = |path: &RelPath| {
            is_hidden(path.name())
                || path.ancestors().any(|dir| dir.starts_with(&at) && is_hidden(dir.name()))
        };
        if let Some(one) = inside.iter().find(|path| !hidden(path)) {
            return wrong(format!("{at:?} still holds {one:?}"));
        }
        if !inside.is_empty() && !soft {
            return Err(Refusal::HoldsHidden);
        }
        for path in inside {
            if let Some(node) = self.tree.remove(&path) {
                self.trash.push((path, node));
            }
        }
        self.tree.remove(&at);
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &RelPath, to: &RelPath) -> Done<RelPath> {
        let Some(from) = self.find(from) else { return wrong(format!("nothing to rename at {from:?}")) };
        let to = self.settle(to)?;
        if to != from && to.starts_with(&from) {
            return wrong(format!("{from:?} cannot go into itself"));
        }
        match self.find(&to) {
            Some(there) if there != from => return wrong(format!("{to:?} is taken by {there:?}")),
            Some(_) if !self.abilities.shows_spelling => return wrong("the side shows no spelling"),
            _ => {}
        }
        if let Err(why) = self.abilities.names.check(to.name()) {
            return wrong(format!("{to:?} cannot be held: {why}"));
        }
        let to = self.shown(&to);
        let now = self.tick();
        let moved: Vec<(RelPath, Node)> =
            self.below(&from).into_iter().filter_map(|path| self.tree.remove_entry(&path)).collect();
        let id = moved.first().map_or(0, |(_, node)| node.id);
        for (path, node) in moved {
            self.tree.insert(path.rebased(&from, &to), node);
        }
        self.for_each_name(id, |node| node.ctime = now);
        for faults in [&mut self.unobserved, &mut self.unreadable] {
            *faults = faults.iter().map(|path| path.rebased(&from, &to)).collect();
        }
        Ok(to)
    }

    pub(crate) fn set(&mut self, at: &RelPath, mtime: Option<i64>, mode: u16) -> Done<()> {
        let Some(node) = self.node(at).copied() else { return wrong(format!("nothing at {at:?}")) };
        let now = self.tick();
        let kept = self.abilities.clone();
        self.for_each_name(node.id, |one| {
            one.ctime = now;
            if let Some(mtime) = mtime.filter(|_| kept.keeps_mtime) {
                let precision = i64::try_from(kept.mtime_precision_ns.max(1)).unwrap_or(1);
                one.mtime = mtime - mtime.rem_euclid(precision);
            }
            if kept.attributes == AttributeKind::Unix {
                one.mode = mode;
            }
        });
        Ok(())
    }

    /// A second, independent place for a version that is about to be replaced.
    pub(crate) fn keep_beside(&mut self, at: &RelPath, to: &RelPath) -> Done<()> {
        let Some(node) = self.node(at).copied() else { return wrong(format!("nothing at {at:?}")) };
        if self.node(to).is_some_and(|there| there.id == node.id) {
            return Ok(());
        }
        if self.abilities.hard_links {
            self.put(to, node)?;
            let now = self.tick();
            self.for_each_name(node.id, |one| one.ctime = now);
        } else {
            let copy =
                Node { mtime: node.mtime, ..self.fresh(node.kind, node.content, node.mtime, node.mode) };
            self.put(to, copy)?;
        }
        Ok(())
    }

    // ---- scanning ----------------------------------------------------------------------------------------

    pub(crate) fn scan(&self, pair: Equivalence) -> Snapshot {
        let mut listings = vec![Listing::default()];
        let root = self.list(&RelPath::root(), pair, &mut listings);
        listings[0] = root;
        Snapshot::assemble(listings)
    }

    fn list(&self, dir: &RelPath, pair: Equivalence, listings: &mut Vec<Listing>) -> Listing {
        if self.unreadable.contains(dir) {
            return Listing::unreadable(Trouble::new(Reason::UnreadableDir, "said the model"));
        }
        let mut builder = ListingBuilder::new(pair);
        for (path, node) in self.tree.range(dir.clone()..).take_while(|(path, _)| path.starts_with(dir)) {
            if path == dir || path.depth() != dir.depth() + 1 {
                continue;
            }
            let name = path.name();
            if is_hidden(name) {
                builder.push_ignored();
            } else if self.unobserved.contains(path) {
                builder.push_unobserved(name, Trouble::new(Reason::InUse, "said the model"));
            } else if node.kind == Kind::Dir {
                let id = DirId(listings.len() as u32);
                listings.push(Listing::default());
                listings[id.0 as usize] = self.list(path, pair, listings);
                builder.push(name, self.entry_of(node), None, Some(id));
            } else {
                let target = (node.kind == Kind::Symlink).then(|| target_of(node.content));
                builder.push(name, self.entry_of(node), target.as_deref(), None);
            }
        }
        builder.finish()
    }
}
