//! How far a plan speaks.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_state::RunId;

use crate::clock::Began;

/// What a plan speaks of. What it does not meet within its reach is no longer there; of anything else it says
/// nothing, so that conflicts and problems there stand as they did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// The whole decision for the whole pair.
    Pair,
    /// These key paths, and what lies below them.
    Below(BTreeSet<RelPath>),
    /// These key paths, and below them where that is said: of a folder that was looked at by itself, what is in it was
    /// not seen.
    Near(BTreeMap<RelPath, bool>),
}

impl Reach {
    /// What a plan for a part of the trees speaks of.
    pub(crate) fn of(part: &Part) -> Self {
        match part {
            Part::Everything => Self::Pair,
            Part::Names(_) => Self::Near(part.tops().into_iter().collect()),
        }
    }

    /// Whether the plan speaks of what is at a key path.
    pub(crate) fn covers(&self, path: &RelPath) -> bool {
        match self {
            Self::Pair => true,
            Self::Below(paths) => {
                paths.contains(path) || path.ancestors().any(|above| paths.contains(&above))
            }
            Self::Near(paths) => {
                paths.contains_key(path) || path.ancestors().any(|above| paths.get(&above) == Some(&true))
            }
        }
    }
}

/// A run that is to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NewRun<'a> {
    /// Such as `sync`.
    pub(crate) kind: &'a str,
    /// When it started.
    pub(crate) began: Began,
    /// What its plan speaks of.
    pub(crate) reach: Reach,
    /// The earlier run that it undoes or otherwise answers.
    pub(crate) answers: Option<RunId>,
}

impl NewRun<'_> {
    /// A sync of the whole pair.
    pub(crate) const fn sync(began: Began) -> Self {
        Self { kind: "sync", began, reach: Reach::Pair, answers: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_reached_with_all_below_it() {
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let some = Reach::Below(BTreeSet::from([path("a/b"), path("c")]));
        for (at, covered) in [("a/b", true), ("a/b/c/d", true), ("a", false), ("a/bc", false), ("c", true)] {
            assert_eq!(some.covers(&path(at)), covered, "{at}");
            assert!(Reach::Pair.covers(&path(at)));
        }
        assert!(Reach::Below(BTreeSet::from([RelPath::root()])).covers(&path("a")));
        assert!(!Reach::Below(BTreeSet::new()).covers(&path("a")));
    }

    #[test]
    fn a_look_at_a_folder_alone_says_nothing_of_what_is_in_it() {
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let mut part = Part::default();
        part.add(&path("alone"));
        part.add_below(&path("whole"));
        let near = Reach::of(&part);
        for (at, covered) in [("alone", true), ("alone/in", false), ("whole", true), ("whole/in/it", true)] {
            assert_eq!(near.covers(&path(at)), covered, "{at}");
        }
        let mut root = Part::default();
        root.add(&RelPath::root());
        assert!(!Reach::of(&root).covers(&path("a")));
        assert!(Reach::of(&root).covers(&RelPath::root()));
    }
}
