//! Renames and moves.
//!
//! Owns [`pair`]: finds what was renamed on one side while the other side's version rests, and rewrites the cases
//! as if the other side had been renamed too. What remains different is then decided by the matrix like anything
//! else, at the new path. A move that cannot be proven stays a creation and a deletion.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::num::NonZeroU64;

use crate::baseline::BaselineChange;
use crate::case::{Case, Subject};
use crate::compare::{Difference, Sighting};
use crate::entry::{Digest, Entry, Kind, Reason, Trouble, XattrDigest};
use crate::matrix::State;
use crate::path::RelPath;
use crate::plan::{Answer, Evidence};
use crate::side::{Side, Sides};
use crate::twins::{Twin, may_hold_twins, pair_twins};

/// One rename that the plan will make.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    /// The side it was found on.
    pub(crate) seen_on: Side,
    /// The old key path, by the time of this move.
    pub(crate) from: RelPath,
    /// The new key path.
    pub(crate) to: RelPath,
    /// How the side that has to follow spells the old last component.
    pub(crate) old_name: alloc::boxed::Box<[u8]>,
    /// How the side it was found on spells the new last component.
    pub(crate) new_name: alloc::boxed::Box<[u8]>,
    /// What the following side has at the old path.
    pub(crate) expect: Entry,
    /// The entry at the new path, with the properties of the agreed version, so that a change of properties made
    /// along with the rename is not taken for agreed.
    pub(crate) seen: Entry,
    /// Baseline rows that move along.
    pub(crate) carried: Vec<BaselineChange>,
    /// Old keys that leave the baseline.
    pub(crate) forget: Vec<RelPath>,
}

/// What has to be read at a path to prove a move, or to tell what else was done to what moved.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) side: Side,
    pub(crate) path: RelPath,
    /// Whether its content is wanted, or its extended attributes alone.
    pub(crate) content: bool,
}

pub(crate) type Cases<'a> = BTreeMap<RelPath, Case<'a>>;

/// Finds the moves. `ask` receives the digests that would prove more of them.
pub(crate) fn pair<'a>(
    cases: Vec<Case<'a>>,
    hidden: &Sides<Vec<RelPath>>,
    evidence: &Evidence,
    ask: &mut Vec<Proof>,
) -> (Vec<Case<'a>>, Vec<Move>, Vec<Twin>) {
    let is_candidate = |case: &Case<'_>, side: Side, state, other| {
        case.states[side] == state && case.states[side.other()] == other
    };
    let any = Side::BOTH.into_iter().any(|side| {
        cases.iter().any(|case| is_candidate(case, side, State::Created, State::Absent))
            && cases.iter().any(|case| is_candidate(case, side, State::Deleted, State::Unchanged))
    });
    let twins = may_hold_twins(&cases);
    if !any && !twins {
        return (cases, Vec::new(), Vec::new());
    }
    let mut cases: Cases<'a> = cases.into_iter().map(|case| (case.path().clone(), case)).collect();
    let twins = if twins { pair_twins(&mut cases, hidden, evidence) } else { Vec::new() };
    let mut moves = Vec::new();
    for side in Side::BOTH {
        pair_directories(&mut cases, side, hidden, evidence, &mut moves);
    }
    for side in Side::BOTH {
        pair_files(&mut cases, side, hidden, evidence, &mut moves, ask);
    }
    (cases.into_values().collect(), moves, twins)
}

pub(crate) fn below<'m, 'a>(
    cases: &'m Cases<'a>,
    dir: &RelPath,
) -> impl Iterator<Item = (&'m RelPath, &'m Case<'a>)> {
    cases.range(dir.clone()..).take_while(move |(path, _)| path.starts_with(dir))
}

/// A directory moved when one with its number was created while the one it was is gone and the other side's whole
/// tree there rests.
fn pair_directories(
    cases: &mut Cases<'_>,
    side: Side,
    hidden: &Sides<Vec<RelPath>>,
    evidence: &Evidence,
    moves: &mut Vec<Move>,
) {
    let created: BTreeMap<NonZeroU64, RelPath> = cases
        .iter()
        .filter(|(_, case)| case.states[side] == State::Created && case.states[side.other()] == State::Absent)
        .filter_map(|(path, case)| {
            let entry = case.difference.sides[side].entry().filter(|entry| entry.is_dir())?;
            Some((entry.file_id?, path.clone()))
        })
        .collect();
    if created.is_empty() {
        return;
    }
    let mut gone: Vec<RelPath> = cases
        .iter()
        .filter(|(_, case)| is_gone(case, side, Kind::Dir))
        .map(|(path, _)| path.clone())
        .collect();
    gone.reverse();
    while let Some(from) = gone.pop() {
        let Some(to) = cases
            .get(&from)
            .filter(|case| is_gone(case, side, Kind::Dir))
            .and_then(|case| case.difference.agreed.as_ref()?.sides[side].file_id)
            .and_then(|id| created.get(&id))
        else {
            continue;
        };
        let other = side.other();
        let rests = below(cases, &from).all(|(_, case)| {
            case.states[side] == State::Deleted
                && matches!(case.states[other], State::Unchanged | State::Deleted)
                && !case.inside_unreadable_on(other)
        });
        let room = below(cases, to).all(|(_, case)| {
            case.difference.agreed.is_none()
                && case.difference.sides[other] == Sighting::Absent
                && matches!(case.states[side], State::Created | State::Unknown)
        });
        if rests && room && can_stand(cases, to, side) {
            let to = to.clone();
            if let Some(one) = relocate(cases, side, hidden, &from, &to, evidence) {
                moves.push(one);
                for path in &mut gone {
                    *path = path.rebased(&from, &to);
                }
            }
        }
    }
}

fn is_gone(case: &Case<'_>, side: Side, kind: Kind) -> bool {
    case.states[side] == State::Deleted
        && case.states[side.other()] == State::Unchanged
        && case.difference.agreed.as_ref().is_some_and(|agreed| agreed.kind == kind)
        // What collides with it stays behind, and somebody has to see that it does.
        && !case.difference.sides[side.other()].seen().is_some_and(|seen| seen.crowded)
}

/// Whether every directory above `to` stands, or will stand, on the following side.
fn can_stand(cases: &Cases<'_>, to: &RelPath, side: Side) -> bool {
    to.ancestors().filter(|dir| !dir.is_root()).all(|dir| {
        cases.get(&dir).is_none_or(|case| {
            case.is_dir_on(side)
                && match &case.difference.sides[side.other()] {
                    Sighting::Absent => true,
                    Sighting::Present(seen) => seen.entry.is_dir(),
                    Sighting::Unknown { .. } => false,
                }
        })
    })
}

/// A file moved when one with its number, size and time, or with its digest, was created while it is gone.
fn pair_files(
    cases: &mut Cases<'_>,
    side: Side,
    hidden: &Sides<Vec<RelPath>>,
    evidence: &Evidence,
    moves: &mut Vec<Move>,
    ask: &mut Vec<Proof>,
) {
    let mut gone: BTreeMap<(u64, i64), Vec<RelPath>> = BTreeMap::new();
    for (path, case) in cases.iter().filter(|(_, case)| is_gone(case, side, Kind::File)) {
        if let Some(agreed) = &case.difference.agreed {
            let mtime_ns = agreed.sides[side].mtime_ns;
            gone.entry((agreed.size, mtime_ns)).or_default().push(path.clone());
        }
    }
    if gone.is_empty() {
        return;
    }
    let created: Vec<(RelPath, Entry)> = cases
        .iter()
        .filter(|(_, case)| case.states[side] == State::Created && case.states[side.other()] == State::Absent)
        .filter_map(|(path, case)| {
            let entry = case.difference.sides[side].entry()?;
            (entry.kind == Kind::File).then(|| (path.clone(), *entry))
        })
        .collect();
    let mut taken = BTreeSet::new();
    for by_number in [true, false] {
        for (to, entry) in &created {
            if taken.contains(to) || !can_stand(cases, to, side) {
                continue;
            }
            let Some(candidates) = gone.get_mut(&(entry.size, entry.mtime_ns)) else { continue };
            let proven = |from: &RelPath, ask: &mut Vec<Proof>| match cases.get(from) {
                Some(case) if by_number => same_number(case, side, entry),
                Some(case) => entry.size > 0 && same_digest(case, side, to, evidence, ask),
                None => false,
            };
            // Of several, the one that kept its name is the likeliest.
            candidates.sort_by_key(|from| from.name() != to.name());
            let Some(at) = candidates.iter().position(|from| proven(from, ask)) else { continue };
            let from = candidates.remove(at);
            // A rename moves the change time, which then no longer tells of other attributes.
            let known = cases.get(&from).and_then(|case| case.difference.agreed.as_ref()?.sides[side].xattrs);
            if known.is_some() && evidence.get(side, to).is_none() {
                ask.push(Proof { side, path: to.clone(), content: false });
            }
            if let Some(one) = relocate(cases, side, hidden, &from, to, evidence) {
                moves.push(one);
                taken.insert(to.clone());
            }
        }
    }
}

fn same_number(case: &Case<'_>, side: Side, entry: &Entry) -> bool {
    let before = case.difference.agreed.as_ref().and_then(|agreed| agreed.sides[side].file_id);
    before.is_some() && before == entry.file_id
}

fn same_digest(case: &Case<'_>, side: Side, to: &RelPath, evidence: &Evidence, ask: &mut Vec<Proof>) -> bool {
    let read = |side: Side, path: &RelPath| -> Result<Digest, bool> {
        match evidence.get(side, path) {
            Some(Answer::Read(digest, _)) => Ok(*digest),
            Some(Answer::Failed(_)) => Err(false),
            Some(Answer::Xattrs(_)) | None => Err(true),
        }
    };
    let known = case.difference.agreed.as_ref().and_then(|agreed| agreed.digest);
    let before = known.map_or_else(|| read(side.other(), case.path()), Ok);
    match (before, read(side, to)) {
        (Ok(before), Ok(now)) => before == now,
        (Err(false), _) | (_, Err(false)) => false,
        (before, now) => {
            if before.is_err() {
                ask.push(Proof { side: side.other(), path: case.path().clone(), content: true });
            }
            if now.is_err() {
                ask.push(Proof { side, path: to.clone(), content: true });
            }
            false
        }
    }
}

/// Where nothing is known of what lies below: what was in a directory that cannot be read is not gone.
pub(crate) fn blind_below(cases: &Cases<'_>, to: &RelPath, side: Side) -> Vec<(RelPath, Trouble)> {
    below(cases, to)
        .filter_map(|(path, case)| match &case.difference.sides[side] {
            Sighting::Present(seen) => Some((path.clone(), seen.unreadable.clone()?)),
            Sighting::Unknown { trouble, .. } => Some((path.clone(), trouble.clone())),
            Sighting::Absent => None,
        })
        .collect()
}

fn xattrs_at(evidence: &Evidence, side: Side, path: &RelPath) -> Option<XattrDigest> {
    match evidence.get(side, path) {
        Some(Answer::Read(_, xattrs) | Answer::Xattrs(xattrs)) => *xattrs,
        _ => None,
    }
}

/// Whether a filter hides, for its content, what a side has there.
pub(crate) fn is_hidden(hidden: &Sides<Vec<RelPath>>, side: Side, at: &RelPath) -> bool {
    hidden[side].binary_search(at).is_ok()
}

/// What was synced at its old place and is hidden at its new one is not gone.
pub(crate) fn content_hidden() -> Sighting {
    Sighting::Unknown { trouble: Trouble::new(Reason::ContentHidden, ""), spelled: None, cause: true }
}

/// Rewrites the cases as if the other side had been renamed too.
fn relocate(
    cases: &mut Cases<'_>,
    side: Side,
    hidden: &Sides<Vec<RelPath>>,
    from: &RelPath,
    to: &RelPath,
    evidence: &Evidence,
) -> Option<Move> {
    let other = side.other();
    let new = cases.get(to)?.difference.sides[side].seen()?.clone();
    let old = cases.get(from)?.difference.sides[other].seen()?.clone();
    let moved: Vec<RelPath> = below(cases, from)
        .filter(|(_, case)| case.states[other] != State::Deleted)
        .map(|(path, _)| path.clone())
        .collect();
    let blind = blind_below(cases, to, side);
    // A side without spelling that moved it and kept its name leaves the other side's spelling as it is.
    let keeps_name = !new.shows_spelling && from.name() == to.name();
    let name = if keeps_name { old.spelled.name() } else { new.spelled.name() };
    let to_spelled = new.spelled.parent().unwrap_or_default().join_checked(name);
    let mut one = Move {
        seen_on: side,
        from: from.clone(),
        to: to.clone(),
        old_name: old.spelled.name().into(),
        new_name: name.into(),
        expect: old.entry,
        seen: new.entry,
        carried: Vec::new(),
        forget: Vec::new(),
    };
    for path in moved {
        let Some(case) = cases.remove(&path) else { continue };
        let at = path.rebased(from, to);
        let mut difference = case.difference.into_owned();
        let here = cases.remove(&at).map(|case| case.difference.into_owned().sides);
        let mut sides = Sides::from_fn(|_| Sighting::Absent);
        if let Some(mut here) = here {
            sides[side] = core::mem::replace(&mut here[side], Sighting::Absent);
        } else if let Some((_, trouble)) = blind.iter().find(|(dir, _)| at.starts_with(dir)) {
            sides[side] = Sighting::Unknown { trouble: trouble.clone(), spelled: None, cause: false };
        } else if is_hidden(hidden, side, &at) {
            sides[side] = content_hidden();
        }
        sides[other] = core::mem::replace(&mut difference.sides[other], Sighting::Absent);
        if let Sighting::Present(seen) = &mut sides[other] {
            let now = seen.spelled.rebased(&old.spelled, &to_spelled);
            let before = core::mem::replace(&mut seen.spelled, now);
            seen.lies_at.get_or_insert(before);
        }
        let mut agreed = difference.agreed;
        if let Some(agreed) = &mut agreed {
            if path == *from {
                let name = (*name != *at.name()).then(|| name.into());
                for side in Side::BOTH {
                    agreed.sides[side].name.clone_from(&name);
                }
                let before = agreed.sides[side].clone();
                // The rename itself moved the change time, and a copy may have a number of its own: the content
                // was proven to be the agreed one.
                agreed.sides[side].ctime_ns = new.entry.ctime_ns;
                agreed.sides[side].file_id = new.entry.file_id;
                // The same holds for the other side, whose version rests.
                agreed.sides[other].ctime_ns = old.entry.ctime_ns;
                agreed.sides[other].file_id = old.entry.file_id;
                one.seen = agreed.entry(side);
                // What else moved the change time is not agreed on until it has reached the other side.
                if before.xattrs.is_some() && xattrs_at(evidence, side, to) != before.xattrs {
                    one.seen.ctime_ns = before.ctime_ns;
                }
            } else {
                one.carried.push(BaselineChange { path: at.clone(), agreed: Some((**agreed).clone()) });
            }
        }
        one.forget.push(path);
        let difference = Difference { path: at.clone(), agreed, sides };
        let mut case = Case::new(Subject::Made(Box::new(difference)), evidence);
        case.moved_by = Some(to.clone());
        cases.insert(at, case);
    }
    Some(one)
}
