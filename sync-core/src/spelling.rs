//! How each side will spell a path once the plan's renames are made.
//!
//! Owns [`Spelling`]. Where both sides tell every spelling apart a path is spelled as its key, and nothing is
//! looked up.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::build::Name;
use crate::case::{Case, Outcome};
use crate::compare::Sighting;
use crate::decide::settles_by_properties;
use crate::fold::Equivalence;
use crate::observe::is_respelled;
use crate::pairing::Move;
use crate::path::RelPath;
use crate::policy::ConflictPolicy;
use crate::side::{Side, Sides};
use crate::snapshot::Snapshot;

pub(crate) struct Spelling<'a> {
    exact: bool,
    snapshots: &'a Sides<Snapshot>,
    /// Last components that will not be what the snapshot shows.
    anew: Sides<BTreeMap<RelPath, Name>>,
    /// Keys with several names on one side, where the snapshot would show the first; all below them are in `anew`.
    crowds: Vec<RelPath>,
}

impl<'a> Spelling<'a> {
    pub(crate) fn new(
        snapshots: &'a Sides<Snapshot>,
        equivalence: Equivalence,
        cases: &[Case<'_>],
        moves: &[Move],
    ) -> Self {
        let mut spelling =
            Self { exact: equivalence.is_exact(), snapshots, anew: Sides::default(), crowds: Vec::new() };
        if spelling.exact {
            return spelling;
        }
        for case in cases {
            let crowded = |one: &Sighting| one.seen().is_some_and(|seen| seen.crowded);
            let inside = spelling.crowds.last().is_some_and(|dir| case.path().starts_with(dir));
            let in_crowd = inside || case.difference.sides.either(crowded);
            if in_crowd && !inside {
                spelling.crowds.push(case.path().clone());
            }
            for (side, sighting) in case.difference.sides.iter() {
                let Some(seen) = sighting.seen() else {
                    if let Some(name) = remembered(case, side) {
                        spelling.anew[side].insert(case.path().clone(), name.into());
                    }
                    continue;
                };
                let moved = case.moved_by.is_some().then(|| seen.spelled.name());
                let chosen = in_crowd.then(|| seen.spelled.name());
                if let Some(name) = dir_name(case, side).or(moved).or(chosen) {
                    spelling.anew[side].insert(case.path().clone(), name.into());
                }
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
        let in_crowd = self.crowds.iter().any(|dir| key.starts_with(dir));
        let listed =
            |side: Side| self.snapshots[side].get(key).filter(|_| !in_crowd).map(|listed| listed.name);
        let name = self.anew[side]
            .get(key)
            .map(|name| &**name)
            .or_else(|| listed(side))
            .or_else(|| self.anew[side.other()].get(key).map(|name| &**name))
            .or_else(|| listed(side.other()))
            .unwrap_or_else(|| key.name());
        parent.join_checked(name)
    }
}

/// How this side spelled what it has no more, where the other side cannot say how to spell it.
pub(crate) fn remembered<'c>(case: &'c Case<'_>, side: Side) -> Option<&'c [u8]> {
    let agreed = case.difference.agreed.as_ref()?;
    case.difference.sides[side.other()].seen().filter(|seen| !seen.shows_spelling)?;
    Some(agreed.sides[side].name.as_deref().unwrap_or(case.path().name()))
}

/// Whether this side spells the entry otherwise than when both sides agreed.
pub(crate) fn is_spelled_anew(case: &Case<'_>, side: Side) -> bool {
    let Some(seen) = case.difference.sides[side].seen() else { return false };
    case.difference
        .agreed
        .as_ref()
        .is_none_or(|agreed| is_respelled(&agreed.sides[side], &case.difference, seen))
}

/// The name that `to` must take over from `from`, whose version stands on both sides. Spellings that were apart when
/// both sides agreed stay apart. A side that shows no spelling has none to give and none to take.
pub(crate) fn respelled<'c>(case: &'c Case<'_>, from: Side, to: Side) -> Option<&'c [u8]> {
    let here = case.difference.sides[from].seen()?;
    let there = case.difference.sides[to].seen()?;
    let (now, theirs) = (here.spelled.name(), there.spelled.name());
    (now != theirs
        && here.shows_spelling
        && there.shows_spelling
        && !there.crowded
        && (is_spelled_anew(case, from) || is_spelled_anew(case, to)))
    .then_some(now)
}

/// The name that the directory which will be at the path on this side must take over from the other side.
pub(crate) fn dir_name<'c>(case: &'c Case<'_>, side: Side) -> Option<&'c [u8]> {
    let other = side.other();
    if !case.is_dir_on(other) {
        return None;
    }
    let is_crowded = case.difference.sides[side].seen().is_some_and(|seen| seen.crowded);
    // It takes the place of a file, whose spelling stands where the directory has none.
    let in_its_place = |other: Side| {
        let seen = case.difference.sides[other].seen().filter(|seen| seen.shows_spelling)?;
        Some(seen.spelled.name())
    };
    match case.outcome {
        Outcome::Props(from) if from == other => respelled(case, other, side),
        Outcome::Conflict { newer, policy: ConflictPolicy::Clash | ConflictPolicy::Newer }
            if newer == other && settles_by_properties(case) =>
        {
            respelled(case, other, side)
        }
        Outcome::Copy(from) if from == other && !case.is_dir_on(side) && !is_crowded => in_its_place(other),
        Outcome::MakeWay(file_side) if file_side == side && !is_crowded => in_its_place(other),
        _ => None,
    }
}
