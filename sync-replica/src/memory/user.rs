//! What a user of the folder, or a test that looks at it, does.
//!
//! Owns the editing calls. They count no steps, ask nobody, are durable at once, and move the clock on by a full
//! step of the side's times, so that two of them in a row never leave the same modification time behind.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sync_core::entry::Attributes;
use sync_core::path::RelPath;

use super::journal::{Change, Journal};
use super::tree::{Body, Ino, Inode, PARTIAL, ROOT, STAGING, Slot, TRASH, Tree};
use super::{MemoryReplica, Place, State, child};
use crate::conformance::Spoil;
use crate::marker::Marker;
use crate::partial::PARTIAL_KEPT;
use crate::problem::Operation;
use crate::source::Xattrs;

/// What lies at a path, without what only the side itself can know of it (numbers, change times, the times of
/// directories and links).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Node {
    /// A file.
    File {
        /// Its bytes.
        content: Arc<[u8]>,
        /// UTC nanoseconds.
        mtime_ns: i64,
        /// Its mode or attributes.
        attributes: Attributes,
        /// Its extended attributes.
        xattrs: Xattrs,
    },
    /// A directory.
    Dir {
        /// Its mode or attributes.
        attributes: Attributes,
    },
    /// A link.
    Link {
        /// Where it points.
        target: Arc<[u8]>,
    },
    /// A pipe.
    Special,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { content, mtime_ns, attributes, xattrs } => {
                let start = &content[..content.len().min(40)];
                write!(f, "file of {} bytes b\"{}\" at {mtime_ns}", content.len(), start.escape_ascii())?;
                match attributes {
                    Attributes::NotHeld => {}
                    Attributes::Unix(bits) => write!(f, " {bits:o}")?,
                    Attributes::Windows(bits) => write!(f, " {bits:#x}")?,
                }
                if xattrs.0.is_empty() { Ok(()) } else { write!(f, " with {} xattrs", xattrs.0.len()) }
            }
            Self::Dir { attributes } => write!(f, "directory {attributes:?}"),
            Self::Link { target } => write!(f, "link to \"{}\"", target.escape_ascii()),
            Self::Special => f.write_str("pipe"),
        }
    }
}

/// Anything a test writes for a path.
pub trait ToRelPath {
    /// The path.
    ///
    /// # Panics
    /// When it is none.
    fn to_rel_path(&self) -> RelPath;
}

impl ToRelPath for RelPath {
    fn to_rel_path(&self) -> RelPath {
        self.clone()
    }
}

impl ToRelPath for str {
    fn to_rel_path(&self) -> RelPath {
        self.as_bytes().to_rel_path()
    }
}

impl ToRelPath for [u8] {
    fn to_rel_path(&self) -> RelPath {
        match RelPath::new(self) {
            Ok(path) => path,
            Err(error) => panic!("no path: \"{}\": {error}", self.escape_ascii()),
        }
    }
}

impl<T: ToRelPath + ?Sized> ToRelPath for &T {
    fn to_rel_path(&self) -> RelPath {
        (**self).to_rel_path()
    }
}

/// Editing as a user does. A missing parent directory is made. Each call panics where the side could not do it.
impl MemoryReplica {
    /// Writes a file: into the file that is there, keeping its number and properties, or a new one.
    pub fn write(&self, at: impl ToRelPath, content: impl AsRef<[u8]>) {
        self.write_file(&at.to_rel_path(), content.as_ref(), None);
    }

    /// As [`MemoryReplica::write`], with the modification time set.
    pub fn write_at(&self, at: impl ToRelPath, content: impl AsRef<[u8]>, mtime_ns: i64) {
        self.write_file(&at.to_rel_path(), content.as_ref(), Some(mtime_ns));
    }

    /// Changes a file's content as a bad disk does: nothing but the content shows it.
    pub fn rot(&self, at: impl ToRelPath, content: impl AsRef<[u8]>) {
        let at = at.to_rel_path();
        let times = {
            let state = self.lock();
            let ino = self.user_ino(&state, &at);
            state.live.inodes.get(&ino).map(|inode| (inode.mtime_ns, inode.ctime_ns))
        };
        self.edit(&at, |inode, _| {
            inode.body = Body::File(content.as_ref().into());
            if let Some(times) = times {
                (inode.mtime_ns, inode.ctime_ns) = times;
            }
        });
    }

    /// Sets a modification time.
    pub fn touch(&self, at: impl ToRelPath, mtime_ns: i64) {
        self.edit(&at.to_rel_path(), |inode, _| inode.mtime_ns = self.user_mtime(mtime_ns));
    }

    /// Sets the mode or the Windows attributes; nothing where the side holds none.
    pub fn chmod(&self, at: impl ToRelPath, bits: u16) {
        self.edit(&at.to_rel_path(), |inode, _| inode.bits = bits);
    }

    /// Sets an extended attribute.
    pub fn set_xattr(&self, at: impl ToRelPath, name: &str, value: impl AsRef<[u8]>) {
        assert!(self.able().xattrs, "the side holds no extended attributes");
        self.edit(&at.to_rel_path(), |inode, _| {
            inode.xattrs.0.retain(|(held, _)| **held != *name.as_bytes());
            inode.xattrs.0.push((name.as_bytes().into(), value.as_ref().into()));
            inode.xattrs.0.sort();
        });
    }

    /// Makes a directory, with those above it. Nothing when it is there.
    pub fn mkdir(&self, at: impl ToRelPath) {
        self.make_all(&mut self.lock(), &at.to_rel_path());
    }

    /// Makes a link.
    pub fn symlink(&self, at: impl ToRelPath, target: impl AsRef<[u8]>) {
        assert!(self.able().symlinks, "the side holds no links");
        self.create(&at.to_rel_path(), Body::Link(target.as_ref().into()));
    }

    /// Makes a pipe.
    pub fn special(&self, at: impl ToRelPath) {
        self.create(&at.to_rel_path(), Body::Special);
    }

    /// Removes a file, link, pipe or empty directory.
    pub fn remove(&self, at: impl ToRelPath) {
        let at = at.to_rel_path();
        let mut state = self.lock();
        let (place, ino) = self.user_place(&state, &at);
        assert!(state.live.children(ino).next().is_none(), "`{at}` is not empty");
        Self::unlink(&mut state, &place);
    }

    /// Removes whatever is at a path, with everything in it.
    pub fn remove_tree(&self, at: impl ToRelPath) {
        let at = at.to_rel_path();
        let mut state = self.lock();
        let (place, ino) = self.user_place(&state, &at);
        Self::empty(&mut state, ino);
        Self::unlink(&mut state, &place);
    }

    /// Renames as `mv` does, over a file that is in the way.
    pub fn rename(&self, from: impl ToRelPath, to: impl ToRelPath) {
        let (from, to) = (from.to_rel_path(), to.to_rel_path());
        let mut state = self.lock();
        let (source, ino) = self.user_place(&state, &from);
        assert!(to == from || !to.starts_with(&from), "`{from}` cannot move below itself");
        if let Some(parent) = to.parent() {
            self.make_all(&mut state, &parent);
        }
        let target = self.user_slot(&state, &to);
        if let Some(slot) = &target.slot
            && slot.ino != ino
        {
            assert!(!state.live.is_dir(slot.ino), "`{to}` is a directory");
        }
        self.tick(&mut state);
        let change = Change::new().slot(source.dir, &source.key, None).slot(
            target.dir,
            &target.key,
            Some(Slot { name: self.shown(to.name()), ino }),
        );
        let change = state.touching(change, ino);
        state.commit(change.synced());
        state.stir(source.dir);
        state.stir(target.dir);
    }

    /// Makes the root empty, marker included, as a disk that was formatted.
    pub fn wipe(&self) {
        let mut state = self.lock();
        Self::empty(&mut state, ROOT);
        Self::empty(&mut state, STAGING);
        Self::empty(&mut state, PARTIAL);
        Self::empty(&mut state, TRASH);
        state.commit(Change::new().marker(None).synced());
    }

    /// Sets or takes away the root's marker behind the program's back.
    pub fn plant_marker(&self, marker: Option<Marker>) {
        self.lock().commit(Change::new().marker(marker).synced());
    }

    /// Makes a directory's content, or a file's bytes, unreadable.
    pub fn mark_unreadable(&self, at: impl ToRelPath) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, &at.to_rel_path());
        state.unreadable.insert(ino);
    }

    /// Ends what [`MemoryReplica::mark_unreadable`] began.
    pub fn mark_readable(&self, at: impl ToRelPath) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, &at.to_rel_path());
        state.unreadable.remove(&ino);
    }

    /// Holds a file open so that nobody else may read, replace, rename or remove it.
    pub fn hold_open(&self, at: impl ToRelPath) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, &at.to_rel_path());
        state.held.insert(ino);
    }

    /// Ends what [`MemoryReplica::hold_open`] began.
    pub fn release(&self, at: impl ToRelPath) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, &at.to_rel_path());
        state.held.remove(&ino);
    }

    /// Opens a file for writing and leaves it open.
    pub fn begin_writing(&self, at: impl ToRelPath) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, &at.to_rel_path());
        state.writing.insert(ino);
    }

    /// Ends what [`MemoryReplica::begin_writing`] began.
    pub fn end_writing(&self, at: impl ToRelPath) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, &at.to_rel_path());
        state.writing.remove(&ino);
    }

    /// Whether the side tells who writes; it does unless told otherwise.
    pub fn set_tells_writers(&self, tells: bool) {
        self.lock().tells_writers = tells;
    }

    /// Spoils every partial copy that lies there, without a word to anybody.
    pub fn spoil_partials(&self, spoil: Spoil) {
        let mut state = self.lock();
        let slots: Vec<_> = state.live.children(PARTIAL).map(|(key, slot)| (key.clone(), slot.ino)).collect();
        for (key, ino) in slots {
            let claim = state.live.claims.get(&key).cloned();
            let change = match (spoil, claim) {
                (Spoil::Note, _) => Change::new().claim(&key, None),
                (Spoil::Age, Some(mut claim)) => {
                    claim.touched_ns -= PARTIAL_KEPT.as_nanos() as i64 + 1;
                    Change::new().claim(&key, Some(claim))
                }
                (Spoil::Age, None) => continue,
                (Spoil::Bytes | Spoil::Shorter, _) => {
                    let Some(mut inode) = state.live.inodes.get(&ino).cloned() else { continue };
                    let Body::File(bytes) = &inode.body else { continue };
                    let mut bytes = bytes.to_vec();
                    match spoil {
                        Spoil::Shorter => bytes.truncate(bytes.len() / 2),
                        _ => bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1),
                    }
                    inode.body = Body::File(bytes.into());
                    Change::new().inode(ino, inode)
                }
            };
            state.commit(change.synced());
        }
    }

    /// Ends everything that stands in somebody's way: nothing is held open, written, unreadable, full or away any more.
    pub fn calm(&self) {
        let mut state = self.lock();
        state.unreadable.clear();
        state.held.clear();
        state.writing.clear();
        (state.capacity, state.root_gone) = (None, false);
    }

    /// Takes the root away, as an unplugged drive, or brings it back.
    pub fn set_root_gone(&self, gone: bool) {
        self.lock().root_gone = gone;
    }

    /// How many bytes the side can hold; none for no end.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    /// The side's clock, UTC nanoseconds.
    pub fn clock(&self) -> i64 {
        self.lock().clock
    }

    /// Sets the side's clock. Change times stay ordered only as long as it is not set back.
    pub fn set_clock(&self, ns: i64) {
        self.lock().clock = ns;
    }
}

/// Looking at it from outside.
impl MemoryReplica {
    /// The content of a file; none when no file is there.
    pub fn read(&self, at: impl ToRelPath) -> Option<Arc<[u8]>> {
        match self.node(at)? {
            Node::File { content, .. } => Some(content),
            _ => None,
        }
    }

    /// What is at a path.
    pub fn node(&self, at: impl ToRelPath) -> Option<Node> {
        let state = self.lock();
        let ino = self.user_slot_of(&state, &at.to_rel_path())?.slot?.ino;
        self.node_of(&state.live, ino)
    }

    /// The whole visible tree, without what is the replica's own.
    pub fn dump(&self) -> BTreeMap<RelPath, Node> {
        let mut dump = self.dump_from(ROOT);
        dump.retain(|path, _| !self.is_own(path));
        dump
    }

    /// The files of the whole visible tree.
    pub fn files(&self) -> BTreeMap<RelPath, Arc<[u8]>> {
        let files = self.dump().into_iter().filter_map(|(path, node)| match node {
            Node::File { content, .. } => Some((path, content)),
            _ => None,
        });
        files.collect()
    }

    /// The trash, with paths relative to it.
    pub fn trash_dump(&self) -> BTreeMap<RelPath, Node> {
        self.dump_from(TRASH)
    }

    /// How many things lie in the staging area.
    pub fn staged_count(&self) -> usize {
        self.lock().live.children(STAGING).count()
    }

    /// How many partial copies lie there, with and without a note.
    pub fn partial_count(&self) -> usize {
        self.lock().live.children(PARTIAL).count()
    }

    /// Forgets that anything could still be lost, as if all had been flushed; no step.
    pub fn make_durable(&self) {
        let mut state = self.lock();
        state.live.sweep();
        state.journal = Journal::new(&state.live);
    }

    fn dump_from(&self, top: Ino) -> BTreeMap<RelPath, Node> {
        let state = self.lock();
        let mut dump = BTreeMap::new();
        let mut todo = vec![(top, RelPath::root())];
        while let Some((dir, path)) = todo.pop() {
            for (_, slot) in state.live.children(dir) {
                let at = child(&path, &slot.name);
                if state.live.is_dir(slot.ino) {
                    todo.push((slot.ino, at.clone()));
                }
                if let Some(node) = self.node_of(&state.live, slot.ino) {
                    dump.insert(at, node);
                }
            }
        }
        dump
    }

    fn node_of(&self, tree: &Tree, ino: Ino) -> Option<Node> {
        let inode = tree.inodes.get(&ino)?;
        let attributes = inode.attributes(self.able());
        Some(match &inode.body {
            Body::File(content) => Node::File {
                content: Arc::clone(content),
                mtime_ns: inode.mtime_ns,
                attributes,
                xattrs: inode.xattrs.clone(),
            },
            Body::Dir => Node::Dir { attributes },
            Body::Link(target) => Node::Link { target: Arc::clone(target) },
            Body::Special => Node::Special,
        })
    }
}

impl MemoryReplica {
    /// Moves the clock on so that what is written now has another modification time than all before.
    fn tick(&self, state: &mut State) -> i64 {
        let step = i64::try_from(self.able().mtime_precision_ns.max(1)).unwrap_or(i64::MAX);
        state.now();
        state.clock = (state.clock.div_euclid(step) + 1).saturating_mul(step);
        state.clock
    }

    /// A user's own tools can set times even where the side forgets those that a copy sets.
    fn user_mtime(&self, wanted: i64) -> i64 {
        let step = i64::try_from(self.able().mtime_precision_ns.max(1)).unwrap_or(i64::MAX);
        wanted.div_euclid(step).saturating_mul(step)
    }

    fn user_slot_of(&self, state: &State, at: &RelPath) -> Option<Place> {
        let mut dir = ROOT;
        let mut names = at.components().peekable();
        while let Some(name) = names.next() {
            let key = self.key(name);
            let slot = state.live.slots.get(&(dir, key.clone())).cloned();
            if names.peek().is_none() {
                return Some(Place { dir, key, slot });
            }
            dir = slot.filter(|slot| state.live.is_dir(slot.ino))?.ino;
        }
        None
    }

    fn user_slot(&self, state: &State, at: &RelPath) -> Place {
        match self.user_slot_of(state, at) {
            Some(place) => place,
            None => panic!("`{at}` has no directory to be in"),
        }
    }

    fn user_place(&self, state: &State, at: &RelPath) -> (Place, Ino) {
        let place = self.user_slot(state, at);
        match &place.slot {
            Some(slot) => {
                let ino = slot.ino;
                (place, ino)
            }
            None => panic!("nothing is at `{at}`"),
        }
    }

    fn user_ino(&self, state: &State, at: &RelPath) -> Ino {
        if at.is_root() { ROOT } else { self.user_place(state, at).1 }
    }

    fn make_all(&self, state: &mut State, at: &RelPath) {
        let mut above: Vec<_> = at.ancestors().chain([at.clone()]).filter(|path| !path.is_root()).collect();
        above.sort();
        for path in above {
            let place = self.user_slot(state, &path);
            match place.slot {
                Some(slot) => assert!(state.live.is_dir(slot.ino), "`{path}` is no directory"),
                None => self.create_in(state, &place, &path, Body::Dir),
            }
        }
    }

    fn create(&self, at: &RelPath, body: Body) {
        let mut state = self.lock();
        if let Some(parent) = at.parent() {
            self.make_all(&mut state, &parent);
        }
        let place = self.user_slot(&state, at);
        assert!(place.slot.is_none(), "something is at `{at}` already");
        self.create_in(&mut state, &place, at, body);
    }

    fn create_in(&self, state: &mut State, place: &Place, at: &RelPath, body: Body) {
        if let Err(problem) = self.check_name(Operation::Stage, at) {
            panic!("{problem}");
        }
        let now = self.tick(state);
        let ino = state.number();
        let inode = Inode {
            bits: self.default_bits(&body),
            body,
            mtime_ns: now,
            ctime_ns: now,
            xattrs: Xattrs::default(),
        };
        let slot = Slot { name: self.shown(at.name()), ino };
        state.commit(Change::new().inode(ino, inode).slot(place.dir, &place.key, Some(slot)).synced());
        state.stir(place.dir);
    }

    fn write_file(&self, at: &RelPath, content: &[u8], mtime_ns: Option<i64>) {
        let there = {
            let state = self.lock();
            self.user_slot_of(&state, at).and_then(|place| place.slot).is_some()
        };
        if !there {
            self.create(at, Body::File(content.into()));
        }
        self.edit(at, |inode, now| {
            assert!(matches!(inode.body, Body::File(_)), "`{at}` is no file");
            inode.body = Body::File(content.into());
            inode.mtime_ns = self.user_mtime(mtime_ns.unwrap_or(now));
        });
    }

    fn edit(&self, at: &RelPath, change: impl FnOnce(&mut Inode, i64)) {
        let mut state = self.lock();
        let ino = self.user_ino(&state, at);
        let now = self.tick(&mut state);
        let Some(mut inode) = state.touched(ino) else { return };
        change(&mut inode, now);
        state.commit(Change::new().inode(ino, inode).synced());
        state.journal.settle(ino);
    }

    fn unlink(state: &mut State, place: &Place) {
        state.now();
        state.commit(Change::new().slot(place.dir, &place.key, None).synced());
        state.stir(place.dir);
    }

    fn empty(state: &mut State, dir: Ino) {
        let children: Vec<_> = state
            .live
            .children(dir)
            .map(|(key, slot)| Place { dir, key: key.clone(), slot: Some(slot.clone()) })
            .collect();
        for place in children {
            if let Some(slot) = &place.slot {
                Self::empty(state, slot.ino);
            }
            Self::unlink(state, &place);
        }
    }
}
