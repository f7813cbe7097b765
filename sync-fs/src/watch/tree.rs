//! Which watched folder lies where.
//!
//! Owns [`Tree`]: every watch with its folder's name and place. A watch follows its folder wherever that goes, so a
//! folder that moves takes its watches, and those of all below it, along: only its place here is another one. Some 150
//! bytes for each folder. Knows no file system and no clock: it is told what happened, and what time it is, and answers
//! which watches are wanted no more.
//!
//! What is told may be older than what is seen: somebody looks at a folder, and what happened there before is reported
//! later. So a name may be given to another watch at any time, and a watch another place; whoever was there gives way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sync_core::path::RelPath;

/// The system's number of a watch. It is given once and never again.
pub(super) type Wd = i32;

/// How long a folder that left its place may take to arrive at another one. The system reports both at once, unless
/// more happens than it can say.
const ON_THE_WAY: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Folder {
    /// None for the root, and for one that is on its way.
    above: Option<Wd>,
    name: Arc<[u8]>,
    inside: BTreeMap<Arc<[u8]>, Wd>,
}

/// What became of a watch that was given a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Put {
    /// Whether it has the place.
    pub(super) stands: bool,
    /// The watches that are wanted no more.
    pub(super) dropped: Vec<Wd>,
}

#[derive(Debug)]
pub(super) struct Tree {
    root: Wd,
    folders: HashMap<Wd, Folder>,
    /// What left its place and has not arrived yet, by the number that both reports of it have.
    moving: HashMap<u32, (Wd, Instant)>,
}

impl Tree {
    pub(super) fn new(root: Wd) -> Self {
        let folder = Folder { above: None, name: Arc::from(&b""[..]), inside: BTreeMap::new() };
        Self { root, folders: HashMap::from([(root, folder)]), moving: HashMap::new() }
    }

    pub(super) const fn root(&self) -> Wd {
        self.root
    }

    /// How many folders are watched.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.folders.len()
    }

    /// Every watch.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = Wd> {
        self.folders.keys().copied()
    }

    pub(super) fn knows(&self, wd: Wd) -> bool {
        self.folders.contains_key(&wd)
    }

    /// Where a folder lies; none for one that is not known, or on its way.
    pub(super) fn path(&self, wd: Wd) -> Option<RelPath> {
        let mut names = Vec::new();
        let mut at = wd;
        while at != self.root {
            let folder = self.folders.get(&at)?;
            names.push(&*folder.name);
            at = folder.above?;
        }
        let mut bytes = Vec::with_capacity(names.iter().map(|name| name.len() + 1).sum());
        for name in names.into_iter().rev() {
            if !bytes.is_empty() {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(name);
        }
        RelPath::new(bytes).ok()
    }

    /// The folder above one, and its name there.
    pub(super) fn place(&self, wd: Wd) -> Option<(Wd, Arc<[u8]>)> {
        let folder = self.folders.get(&wd)?;
        Some((folder.above?, Arc::clone(&folder.name)))
    }

    pub(super) fn child(&self, above: Wd, name: &[u8]) -> Option<Wd> {
        self.folders.get(&above)?.inside.get(name).copied()
    }

    /// Gives a watch its place, wherever it was before.
    pub(super) fn put(&mut self, above: Wd, name: &Arc<[u8]>, wd: Wd) -> Put {
        // Nothing lies below itself: that place is told of as it was long ago.
        if wd == self.root || self.lies_below(above, wd) {
            let dropped = if wd == self.root { Vec::new() } else { self.forget(wd) };
            return Put { stands: false, dropped };
        }
        let there = self.child(above, name);
        if there == Some(wd) {
            return Put { stands: true, dropped: Vec::new() };
        }
        // It may come out of the very folder that gives way.
        self.unlink(wd);
        let mut dropped = there.map(|there| self.forget(there)).unwrap_or_default();
        let Some(parent) = self.folders.get_mut(&above) else {
            dropped.extend(self.forget(wd));
            return Put { stands: false, dropped };
        };
        parent.inside.insert(Arc::clone(name), wd);
        let folder = self.folders.entry(wd).or_insert_with(|| Folder {
            above: None,
            name: Arc::clone(name),
            inside: BTreeMap::new(),
        });
        folder.above = Some(above);
        folder.name = Arc::clone(name);
        Put { stands: true, dropped }
    }

    /// A folder left its place, perhaps for another one.
    pub(super) fn leaves(&mut self, above: Wd, name: &[u8], cookie: u32, now: Instant) {
        if let Some(wd) = self.child(above, name) {
            self.unlink(wd);
            self.moving.insert(cookie, (wd, now));
        }
    }

    /// What left its place with this number arrives here; what was here gives way.
    pub(super) fn arrives(&mut self, above: Wd, name: &Arc<[u8]>, cookie: u32) -> Vec<Wd> {
        match self.moving.remove(&cookie) {
            Some((wd, _)) if self.is_on_its_way(wd) => self.put(above, name, wd).dropped,
            _ => Vec::new(),
        }
    }

    /// Forgets what left its place long ago and arrived nowhere here.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Wd> {
        let late: Vec<_> = self.moving.extract_if(|_, (_, since)| now >= *since + ON_THE_WAY).collect();
        let mut dropped = Vec::new();
        for (_, (wd, _)) in late {
            if self.is_on_its_way(wd) {
                dropped.extend(self.forget(wd));
            }
        }
        dropped
    }

    /// Whether anything is on its way.
    pub(super) fn waits(&self) -> bool {
        !self.moving.is_empty()
    }

    /// Of the folders inside one, only those of these names are there; the names come sorted.
    pub(super) fn only(&mut self, above: Wd, names: &[Arc<[u8]>]) -> Vec<Wd> {
        let Some(folder) = self.folders.get(&above) else { return Vec::new() };
        let gone: Vec<Wd> = folder
            .inside
            .iter()
            .filter(|(name, _)| names.binary_search(name).is_err())
            .map(|(_, wd)| *wd)
            .collect();
        gone.into_iter().flat_map(|wd| self.forget(wd)).collect()
    }

    /// Forgets a folder and all below it.
    pub(super) fn forget(&mut self, wd: Wd) -> Vec<Wd> {
        self.unlink(wd);
        let mut dropped = Vec::new();
        let mut left = vec![wd];
        while let Some(wd) = left.pop() {
            if let Some(folder) = self.folders.remove(&wd) {
                left.extend(folder.inside.into_values());
                dropped.push(wd);
            }
        }
        if self.folders.capacity() > 1024 && self.folders.len() < self.folders.capacity() / 4 {
            self.folders.shrink_to(self.folders.len() * 2);
        }
        dropped
    }

    fn is_on_its_way(&self, wd: Wd) -> bool {
        wd != self.root && self.folders.get(&wd).is_some_and(|folder| folder.above.is_none())
    }

    /// Takes a folder from its place. All below it stays below it.
    fn unlink(&mut self, wd: Wd) {
        let Some(folder) = self.folders.get_mut(&wd) else { return };
        let Some(above) = folder.above.take() else { return };
        let name = Arc::clone(&folder.name);
        if let Some(parent) = self.folders.get_mut(&above) {
            parent.inside.remove(&name);
        }
    }

    fn lies_below(&self, wd: Wd, above: Wd) -> bool {
        let mut at = Some(wd);
        while let Some(wd) = at {
            if wd == above {
                return true;
            }
            at = self.folders.get(&wd).and_then(|folder| folder.above);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<[u8]> {
        Arc::from(text.as_bytes())
    }

    /// `a` is 1, `a/in` is 2, `a/in/deep` is 3, `b` is 4; the root is 0.
    fn some() -> Tree {
        let mut tree = Tree::new(0);
        for (above, text, wd) in [(0, "a", 1), (1, "in", 2), (2, "deep", 3), (0, "b", 4)] {
            assert_eq!(tree.put(above, &name(text), wd), Put { stands: true, dropped: vec![] });
        }
        tree
    }

    fn path(tree: &Tree, wd: Wd) -> Option<String> {
        tree.path(wd).map(|path| path.to_string())
    }

    #[test]
    fn a_folder_that_moves_takes_all_below_it_along() {
        let now = Instant::now();
        let mut tree = some();
        assert_eq!(path(&tree, 0).as_deref(), Some(""));
        tree.leaves(1, b"in", 7, now);
        assert_eq!((path(&tree, 2), path(&tree, 3), tree.waits()), (None, None, true), "it is nowhere now");
        assert_eq!(tree.arrives(4, &name("moved"), 7), Vec::<Wd>::new());
        assert_eq!(path(&tree, 3).as_deref(), Some("b/moved/deep"));
        assert_eq!((tree.child(1, b"in"), tree.child(4, b"moved")), (None, Some(2)));
        assert_eq!(tree.overdue(now + ON_THE_WAY), Vec::<Wd>::new());
        assert_eq!((tree.len(), tree.waits()), (5, false));
    }

    #[test]
    fn a_folder_that_leaves_for_good_is_forgotten_with_all_below() {
        let now = Instant::now();
        let mut tree = some();
        tree.leaves(0, b"a", 7, now);
        tree.leaves(0, b"none", 8, now);
        assert_eq!(tree.overdue(now + ON_THE_WAY / 2), Vec::<Wd>::new());
        let mut dropped = tree.overdue(now + ON_THE_WAY);
        dropped.sort_unstable();
        assert_eq!(dropped, [1, 2, 3]);
        assert_eq!((tree.len(), tree.waits()), (2, false));
        assert_eq!(tree.arrives(4, &name("late"), 7), Vec::<Wd>::new());
        assert_eq!(tree.child(4, b"late"), None);
    }

    #[test]
    fn whoever_was_there_gives_way() {
        let mut tree = some();
        // Another folder is found in the place of `a`, and then `a` in another one.
        let put = tree.put(0, &name("a"), 4);
        assert!(put.stands);
        assert_eq!(put.dropped.len(), 3);
        assert_eq!((path(&tree, 4).as_deref(), tree.child(0, b"b"), tree.len()), (Some("a"), None, 2));
        assert!(tree.put(4, &name("found"), 9).stands);
        assert_eq!(path(&tree, 9).as_deref(), Some("a/found"));
        // What was inside takes its place, and stays.
        assert_eq!(tree.put(0, &name("a"), 9), Put { stands: true, dropped: vec![4] });
        assert_eq!((path(&tree, 9).as_deref(), tree.len()), (Some("a"), 2));
    }

    #[test]
    fn one_that_was_found_elsewhere_meanwhile_is_not_moved_again() {
        let now = Instant::now();
        let mut tree = some();
        tree.leaves(0, b"b", 7, now);
        assert!(tree.put(1, &name("b"), 4).stands);
        assert_eq!(tree.arrives(0, &name("c"), 7), Vec::<Wd>::new());
        assert_eq!(path(&tree, 4).as_deref(), Some("a/b"), "the look that follows puts it right");
        assert_eq!(tree.overdue(now + ON_THE_WAY), Vec::<Wd>::new());
    }

    #[test]
    fn nothing_comes_to_lie_below_itself() {
        let mut tree = some();
        let mut put = tree.put(3, &name("a"), 1);
        put.dropped.sort_unstable();
        assert_eq!(put, Put { stands: false, dropped: vec![1, 2, 3] });
        assert_eq!(tree.put(4, &name("root"), 0), Put { stands: false, dropped: vec![] });
        assert_eq!(tree.put(99, &name("x"), 4), Put { stands: false, dropped: vec![4] }, "nobody is there");
        assert_eq!(tree.len(), 1);
    }

    #[test]
    fn what_a_look_does_not_find_is_forgotten() {
        let mut tree = some();
        let mut dropped = tree.only(0, &[name("b"), name("c")]);
        dropped.sort_unstable();
        assert_eq!(dropped, [1, 2, 3]);
        assert_eq!(tree.only(4, &[]), Vec::<Wd>::new());
        assert_eq!(tree.only(1, &[]), Vec::<Wd>::new());
        assert_eq!(tree.forget(4), [4]);
        assert!(!tree.knows(4) && tree.knows(0));
        assert_eq!(tree.place(0), None);
    }
}
