//! A part of a tree.
//!
//! Owns [`Part`]: some paths, each alone or with everything below it, and the way to them. A snapshot of a part
//! lists in each directory only what the part names there; joined with the same part of the baseline it says of those
//! paths what a whole snapshot would, and of all others nothing.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::path::RelPath;

/// What is wanted of one directory, by key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Everything in it and below.
    Everything,
    /// These names, and of each that is a directory this much again. With no names: the directory itself alone.
    Names(BTreeMap<Box<[u8]>, Part>),
}

impl Default for Part {
    fn default() -> Self {
        Self::Names(BTreeMap::new())
    }
}

impl Part {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Names(names) if names.is_empty())
    }

    /// Adds one key path, and the way to it.
    pub fn add(&mut self, path: &RelPath) {
        let mut node = self;
        for name in path.components() {
            match node {
                Self::Everything => return,
                Self::Names(names) => node = names.entry(name.into()).or_default(),
            }
        }
    }

    /// Adds a key path with everything below it.
    pub fn add_below(&mut self, path: &RelPath) {
        let mut node = self;
        for name in path.components() {
            match node {
                Self::Everything => return,
                Self::Names(names) => node = names.entry(name.into()).or_default(),
            }
        }
        *node = Self::Everything;
    }

    /// Whether a key path is looked at: it was added, lies below something that was added whole, or on the way to it.
    pub fn reaches(&self, path: &RelPath) -> bool {
        let mut node = self;
        for name in path.components() {
            match node.child(name) {
                Some(Self::Everything) => return true,
                Some(inner) => node = inner,
                None => return false,
            }
        }
        true
    }

    /// What is wanted of the directory called `key` here; none when it is not wanted at all.
    pub fn child(&self, key: &[u8]) -> Option<&Self> {
        match self {
            Self::Everything => Some(&Self::Everything),
            Self::Names(names) => names.get(key),
        }
    }

    /// The paths that were added, without the way to them, each with whether everything below it was: no two lie below
    /// each other.
    pub fn tops(&self) -> Vec<(RelPath, bool)> {
        let mut tops = Vec::new();
        self.collect(&RelPath::root(), &mut tops);
        tops
    }

    fn collect(&self, at: &RelPath, tops: &mut Vec<(RelPath, bool)>) {
        match self {
            Self::Names(names) if !names.is_empty() => {
                for (name, part) in names {
                    part.collect(&at.join_checked(name), tops);
                }
            }
            _ => tops.push((at.clone(), *self == Self::Everything)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    #[test]
    fn what_lies_below_something_whole_adds_nothing() {
        let mut part = Part::default();
        part.add_below(&path("a/b"));
        part.add(&path("a/b/c"));
        part.add(&path("a/d"));
        part.add(&path("e/f/g"));
        assert_eq!(part.tops(), [(path("a/b"), true), (path("a/d"), false), (path("e/f/g"), false)]);
        assert_eq!(part.child(b"a").and_then(|a| a.child(b"b")), Some(&Part::Everything));
        assert_eq!(part.child(b"x"), None);
        for (at, reached) in [("a", true), ("a/b/c/d", true), ("a/d", true), ("a/d/e", false), ("x", false)] {
            assert_eq!(part.reaches(&path(at)), reached, "{at}");
        }
        part.add_below(&RelPath::root());
        assert!(part.reaches(&path("x/y")));
        assert_eq!(part, Part::Everything);
        assert_eq!(part.child(b"x"), Some(&Part::Everything));
    }

    #[test]
    fn the_way_to_a_path_is_not_added_itself() {
        let mut part = Part::default();
        assert!(part.is_empty());
        part.add(&path("a"));
        part.add(&path("a/b"));
        assert_eq!(part.tops(), [(path("a/b"), false)], "the directory is looked at on the way");
    }
}
