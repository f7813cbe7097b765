//! How each side will spell a path once the plan's renames are made.
//!
//! Owns [`Spelling`]. Where both sides tell every spelling apart a path is spelled as its key, and nothing is
//! looked up.

use alloc::collections::BTreeMap;

use crate::build::Name;
use crate::case::{Case, Outcome};
use crate::fold::Equivalence;
use crate::pairing::Move;
use crate::path::RelPath;
use crate::side::{Side, Sides};
use crate::snapshot::Snapshot;

pub(crate) struct Spelling<'a> {
    exact: bool,
    snapshots: &'a Sides<Snapshot>,
    /// Last components that will not be what the snapshot shows.
    anew: Sides<BTreeMap<RelPath, Name>>,
}

impl<'a> Spelling<'a> {
    pub(crate) fn new(
        snapshots: &'a Sides<Snapshot>,
        equivalence: Equivalence,
        cases: &[Case<'_>],
        moves: &[Move],
    ) -> Self {
        let mut spelling = Self { exact: equivalence.is_exact(), snapshots, anew: Sides::default() };
        if spelling.exact {
            return spelling;
        }
        for case in cases {
            for (side, sighting) in case.difference.sides.iter() {
                let Some(seen) = sighting.seen() else { continue };
                let theirs = case.difference.sides[side.other()].seen();
                let name = match (case.outcome, theirs) {
                    (Outcome::Props(from), Some(theirs)) if from != side && seen.entry.is_dir() => {
                        theirs.spelled.name()
                    }
                    _ if case.moved_by.is_some() => seen.spelled.name(),
                    _ => continue,
                };
                spelling.anew[side].insert(case.path().clone(), name.into());
            }
        }
        for one in moves {
            spelling.anew[one.seen_on.other()].insert(one.to.clone(), one.new_name.clone());
        }
        spelling
    }

    pub(crate) fn path(&self, side: Side, key: &RelPath) -> RelPath {
        if self.exact || key.is_root() {
            return key.clone();
        }
        let parent = key.parent().map_or_else(RelPath::root, |parent| self.path(side, &parent));
        let listed = |side: Side| self.snapshots[side].get(key).map(|listed| listed.name);
        let name = self.anew[side]
            .get(key)
            .map(|name| &**name)
            .or_else(|| listed(side))
            .or_else(|| listed(side.other()))
            .unwrap_or_else(|| key.name());
        parent.join_checked(name)
    }
}
