//! Renames that both sides have made already.
//!
//! Owns [`pair_twins`]: both sides show, at one and the same new path, the very numbers that the baseline has for the
//! old one. The baseline moves along; without that, whatever was changed or deleted in a moved directory meets there as
//! if for the first time.
//!
//! Whom it serves: users who made the same rename on both sides by hand, and a run whose memory is older than what it
//! finds, because an older state was put back. A run that was killed with its state intact needs it no more: it has
//! noted its renames before it made them, and makes the baseline follow before it scans, also where sides have no
//! numbers. The core cannot count on such a note, and its own tests of stopped runs have none.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use crate::baseline::BaselineChange;
use crate::case::{Case, Subject};
use crate::compare::{Difference, Sighting};
use crate::entry::{Kind, Trouble};
use crate::matrix::State;
use crate::pairing::{Cases, below, blind_below, content_hidden, is_hidden};
use crate::path::RelPath;
use crate::plan::Evidence;
use crate::side::{Side, Sides};

/// A rename that only the baseline has to learn of.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    /// The new key path.
    pub(crate) to: RelPath,
    /// Baseline rows that move along, the renamed one's own among them.
    pub(crate) carried: Vec<BaselineChange>,
    /// Old keys that leave the baseline.
    pub(crate) forget: Vec<RelPath>,
}

type Numbers = (NonZeroU64, NonZeroU64);

fn are(case: &Case<'_>, state: State) -> bool {
    Side::BOTH.into_iter().all(|side| case.states[side] == state)
}

fn gone(case: &Case<'_>) -> Option<(Kind, Numbers)> {
    let agreed = case.difference.agreed.as_ref().filter(|_| are(case, State::Deleted))?;
    Some((agreed.kind, (agreed.sides.left.file_id?, agreed.sides.right.file_id?)))
}

fn arrived(case: &Case<'_>) -> Option<(Kind, Numbers)> {
    let [left, right] = Side::BOTH.map(|side| case.difference.sides[side].seen());
    let (left, right) = (left?, right?);
    let fits =
        are(case, State::Created) && left.entry.kind == right.entry.kind && !left.crowded && !right.crowded;
    fits.then_some((left.entry.kind, (left.entry.file_id?, right.entry.file_id?)))
}

/// Whether there may be any.
pub(crate) fn may_hold_twins(cases: &[Case<'_>]) -> bool {
    cases.iter().any(|case| gone(case).is_some()) && cases.iter().any(|case| arrived(case).is_some())
}

/// Finds them, outer directories first, and rewrites the cases as if the baseline had moved along.
pub(crate) fn pair_twins(
    cases: &mut Cases<'_>,
    hidden: &Sides<Vec<RelPath>>,
    evidence: &Evidence,
) -> Vec<Twin> {
    let arrivals: BTreeMap<Numbers, (Kind, RelPath)> = cases
        .iter()
        .filter_map(|(path, case)| arrived(case).map(|(kind, numbers)| (numbers, (kind, path.clone()))))
        .collect();
    let mut twins = Vec::new();
    let mut departures: Vec<RelPath> =
        cases.iter().filter(|(_, case)| gone(case).is_some()).map(|(path, _)| path.clone()).collect();
    departures.reverse();
    while let Some(from) = departures.pop() {
        let Some((kind, numbers)) = cases.get(&from).and_then(gone) else { continue };
        let Some((_, to)) = arrivals.get(&numbers).filter(|(arrived, _)| *arrived == kind) else { continue };
        let is_whole = below(cases, &from).all(|(_, case)| are(case, State::Deleted));
        let has_room = below(cases, &from).all(|(path, _)| {
            cases.get(&path.rebased(&from, to)).is_none_or(|case| case.difference.agreed.is_none())
        });
        if is_whole && has_room {
            twins.push(carry(cases, hidden, &from, to, evidence));
            // What moved within it has left its old place in the new one.
            for path in &mut departures {
                *path = path.rebased(&from, to);
            }
        }
    }
    twins
}

fn carry(
    cases: &mut Cases<'_>,
    hidden: &Sides<Vec<RelPath>>,
    from: &RelPath,
    to: &RelPath,
    evidence: &Evidence,
) -> Twin {
    let blind: Sides<Vec<(RelPath, Trouble)>> = Sides::from_fn(|side| blind_below(cases, to, side));
    let moved: Vec<RelPath> = below(cases, from).map(|(path, _)| path.clone()).collect();
    let mut twin = Twin { to: to.clone(), carried: Vec::new(), forget: Vec::new() };
    for path in moved {
        let Some(mut agreed) = cases.remove(&path).and_then(|case| case.difference.into_owned().agreed)
        else {
            continue;
        };
        let at = path.rebased(from, to);
        let sides = match cases.remove(&at) {
            Some(case) => case.difference.into_owned().sides,
            // Hidden on both sides it leaves the baseline, as anywhere.
            None if Side::BOTH.into_iter().all(|side| is_hidden(hidden, side, &at)) => {
                Sides::from_fn(|_| Sighting::Absent)
            }
            None => Sides::from_fn(|side| {
                if is_hidden(hidden, side, &at) {
                    return content_hidden();
                }
                let trouble = blind[side].iter().find(|(dir, _)| at.starts_with(dir));
                trouble.map_or(Sighting::Absent, |(_, trouble)| Sighting::Unknown {
                    trouble: trouble.clone(),
                    spelled: None,
                    cause: false,
                })
            }),
        };
        if at == *to {
            for side in Side::BOTH {
                let Some(seen) = sides[side].seen() else { continue };
                let record = &mut agreed.sides[side];
                record.name = (*seen.spelled.name() != *at.name()).then(|| seen.spelled.name().into());
                // The rename moved it; the number says that it is the same file, size and time that it was not written.
                if seen.entry.size == agreed.size && seen.entry.mtime_ns == record.mtime_ns {
                    record.ctime_ns = seen.entry.ctime_ns;
                }
            }
        }
        twin.carried.push(BaselineChange { path: at.clone(), agreed: Some((*agreed).clone()) });
        twin.forget.push(path);
        let difference = Difference { path: at.clone(), agreed: Some(agreed), sides };
        cases.insert(at, Case::new(Subject::Made(Box::new(difference)), evidence));
    }
    twin
}
