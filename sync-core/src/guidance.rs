//! What a decision is told besides what was observed: a person's choices, and which contents are in doubt.
//!
//! Owns [`Guidance`] with its parts: a [`Choice`] at an open conflict, a [`Second`] thought at one that a clash copy
//! has settled, and the [`Focus`] on paths whose contents are to be compared whatever their metadata claims. A choice
//! holds only for the two versions that were seen when it was made: for any other it changes nothing. Start with
//! [`Choice::refusal`] and [`Guidance::doubt`].

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use crate::abilities::Abilities;
use crate::compare::{Difference, Sighting, is_recorded};
use crate::entry::{Entry, Kind};
use crate::observe::tolerance_ns;
use crate::path::RelPath;
use crate::side::{Side, Sides};

/// Which of two versions stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Keep {
    /// The version of this side.
    Side(Side),
    /// The newer one, as the policy tells newer from older.
    Newer,
    /// Both: the newer one at the path, the older one beside it.
    Both,
}

impl Keep {
    /// `left`, `right`, `newer` or `both`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Side(side) => side.name(),
            Self::Newer => "newer",
            Self::Both => "both",
        }
    }

    /// The same with the sides swapped.
    #[must_use]
    pub const fn flip(self) -> Self {
        match self {
            Self::Side(side) => Self::Side(side.other()),
            same => same,
        }
    }

    /// The side whose version stays at the path; none when both stay.
    pub const fn side(self, newer: Side) -> Option<Side> {
        match self {
            Self::Side(side) => Some(side),
            Self::Newer => Some(newer),
            Self::Both => None,
        }
    }
}

/// A person's choice at an open conflict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The two versions the person saw.
    pub versions: Sides<Entry>,
    /// What stays.
    pub keep: Keep,
}

/// Why a choice is not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// A side shows another version than the one that was seen.
    Changed(Side),
    /// A side shows nothing any more.
    Gone(Side),
    /// A side could not be observed.
    Unknown(Side),
    /// The file of this side would take the place of a directory, which a choice does not empty.
    DirectoryInTheWay(Side),
    /// The copy that was kept beside is another version by now, or gone.
    ClashCopyChanged,
    /// The two versions are no conflict any more.
    NoConflict,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(side) => write!(f, "the {side} version has changed since: look at both again"),
            Self::Gone(side) => write!(f, "the {side} version is gone"),
            Self::Unknown(side) => write!(f, "the {side} version could not be looked at"),
            Self::DirectoryInTheWay(side) => write!(
                f,
                "keeping the {side} file would delete the folder of the other side with everything in it: delete \
                 that yourself, or keep both"
            ),
            Self::ClashCopyChanged => f.write_str("the clash copy is another version by now, or gone"),
            Self::NoConflict => {
                f.write_str("the two versions are no conflict any more: the next sync sees to them")
            }
        }
    }
}

impl Choice {
    /// Why this choice says nothing about what is seen now; none when both versions are those that were seen.
    pub fn refusal(&self, difference: Option<&Difference>) -> Option<Refusal> {
        let Some(difference) = difference else { return Some(Refusal::NoConflict) };
        Side::BOTH.into_iter().find_map(|side| match &difference.sides[side] {
            Sighting::Absent => Some(Refusal::Gone(side)),
            Sighting::Unknown { .. } => Some(Refusal::Unknown(side)),
            Sighting::Present(seen) => {
                let same = self.versions[side].is_same_version(&seen.entry);
                (!same).then_some(Refusal::Changed(side))
            }
        })
    }

    /// The same with the sides swapped.
    #[must_use]
    pub fn flip(self) -> Self {
        Self { versions: self.versions.flip(), keep: self.keep.flip() }
    }
}

/// A person's choice at a conflict that a clash copy has settled: which content stays at the path. The other one
/// goes to the trash on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Second {
    /// The key path of the clash copy.
    pub clash: RelPath,
    /// The side whose version stands at the path.
    pub newer: Side,
    /// The two versions as they met.
    pub versions: Sides<Entry>,
    /// The side whose version shall stand there.
    pub keep: Side,
}

impl Second {
    /// Why this choice says nothing about what is seen now: both paths must be at rest, and hold the two versions.
    pub fn refusal(
        &self,
        at: Option<&Difference>,
        clash: Option<&Difference>,
        abilities: &Sides<Abilities>,
    ) -> Option<Refusal> {
        let step_ns = tolerance_ns(abilities);
        let (Some(at), Some(clash)) = (at, clash) else { return Some(Refusal::ClashCopyChanged) };
        let older = self.newer.other();
        let is_it = |seen: &Entry, version: &Entry| {
            seen.kind == version.kind
                && seen.size == version.size
                && seen.mtime_ns.abs_diff(version.mtime_ns) <= step_ns
        };
        if let Some(side) = not_at_rest(at) {
            return Some(Refusal::Changed(side));
        }
        if !at.sides[self.newer].entry().is_some_and(|seen| is_it(seen, &self.versions[self.newer])) {
            return Some(Refusal::Changed(self.newer));
        }
        let copy = clash.sides[older].entry();
        let kept = copy.is_some_and(|seen| is_it(seen, &self.versions[older]));
        (!kept || not_at_rest(clash).is_some()).then_some(Refusal::ClashCopyChanged)
    }

    /// The same with the sides swapped.
    #[must_use]
    pub fn flip(self) -> Self {
        let versions = self.versions.flip();
        Self { newer: self.newer.other(), versions, keep: self.keep.other(), ..self }
    }
}

/// A side that does not show exactly what both sides agreed on.
fn not_at_rest(difference: &Difference) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| {
        let Some(agreed) = &difference.agreed else { return true };
        !difference.sides[*side].seen().is_some_and(|seen| {
            !seen.crowded && seen.lies_at.is_none() && is_recorded(&agreed.entry(*side), &seen.entry)
        })
    })
}

/// Paths that are looked at although nothing seems to have happened there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Focus {
    paths: BTreeSet<RelPath>,
    /// The directories that `paths` lie in.
    parents: BTreeSet<RelPath>,
    below: Vec<RelPath>,
}

impl Focus {
    /// Adds one key path.
    pub fn add(&mut self, path: RelPath) {
        self.parents.extend(path.parent());
        self.paths.insert(path);
    }

    /// Adds a key path with everything below it.
    pub fn add_below(&mut self, path: RelPath) {
        self.parents.extend(path.parent());
        self.below.push(path);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.below.is_empty()
    }

    /// Whether a path is one of them.
    pub fn contains(&self, path: &RelPath) -> bool {
        self.paths.contains(path) || self.below.iter().any(|top| path.starts_with(top))
    }

    /// Whether a child of `dir` is one of them.
    pub fn touches(&self, dir: &RelPath) -> bool {
        self.parents.contains(dir) || self.below.iter().any(|top| dir.starts_with(top))
    }
}

/// Why a content is compared although the metadata claims to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// Somebody asked for it. What the metadata shows as changed follows its ordinary rule.
    Examined,
    /// It was found to differ without any trace of a change: nothing is copied until the contents are the same, one
    /// is gone, or a person has chosen.
    Open,
}

/// Everything a decision is told besides what was observed and the terms.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guidance {
    /// Choices at open conflicts, by key path.
    pub choices: BTreeMap<RelPath, Choice>,
    /// Choices at settled ones, by key path.
    pub seconds: BTreeMap<RelPath, Second>,
    /// What is examined by content.
    pub examined: Focus,
    /// Key paths at which silent corruption was found.
    pub doubted: BTreeSet<RelPath>,
}

impl Guidance {
    /// The paths a comparison must list for this guidance to be followed.
    pub fn focus(&self) -> Focus {
        let mut focus = self.examined.clone();
        self.doubted.iter().chain(self.choices.keys()).cloned().for_each(|path| focus.add(path));
        for (path, second) in &self.seconds {
            focus.add(path.clone());
            focus.add(second.clash.clone());
        }
        focus
    }

    /// Whether the contents at a path are to be compared.
    pub fn doubt(&self, path: &RelPath) -> Option<Doubt> {
        if self.doubted.contains(path) {
            Some(Doubt::Open)
        } else {
            self.examined.contains(path).then_some(Doubt::Examined)
        }
    }

    /// Whether both sides show a file that both once agreed to be one.
    pub(crate) fn is_about_files(difference: &Difference) -> bool {
        let is_file = |sighting: &Sighting| sighting.entry().is_some_and(|entry| entry.kind == Kind::File);
        difference.agreed.as_ref().is_some_and(|agreed| agreed.kind == Kind::File)
            && difference.sides.both(is_file)
    }
}
