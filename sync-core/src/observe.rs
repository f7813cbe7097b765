//! From what was seen to a state.
//!
//! Owns [`observe`]: what became of a path on each side since the baseline, told from metadata where that can
//! tell, from digests where it cannot. A missing digest is a question, never a guess.

use crate::abilities::Abilities;
use crate::baseline::Record;
use crate::compare::{Difference, Seen, Sighting, is_recorded};
use crate::entry::{Digest, Entry, Kind, Trouble, XattrDigest, held_and_differ};
use crate::matrix::State;
use crate::plan::{Answer, Evidence};
use crate::policy::FirstMatch;
use crate::side::{Side, Sides};

/// Whether two contents are the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    Same,
    Different,
    /// The digests of these sides' versions are needed.
    Ask(Sides<bool>),
    /// A digest was asked for and could not be had.
    Failed(Side, Trouble),
}

/// The states of both sides, as far as the evidence goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Observed {
    pub(crate) states: Sides<State>,
    /// Digests to ask for before the states are final.
    pub(crate) ask: Sides<bool>,
    /// Extended attributes to ask for, where nothing else is needed.
    pub(crate) ask_xattrs: Sides<bool>,
    /// Troubles found while looking for evidence.
    pub(crate) failed: Option<(Side, Trouble)>,
}

/// What became of a path on both sides.
pub(crate) fn observe(difference: &Difference, evidence: &Evidence) -> Observed {
    let mut observed = Observed {
        states: Sides { left: State::Unknown, right: State::Unknown },
        ask: Sides::default(),
        ask_xattrs: Sides::default(),
        failed: None,
    };
    for side in Side::BOTH {
        observed.states[side] = match (&difference.agreed, &difference.sides[side]) {
            (_, Sighting::Unknown { .. }) => State::Unknown,
            (None, Sighting::Absent) => State::Absent,
            (None, Sighting::Present(_)) => State::Created,
            (Some(_), Sighting::Absent) => State::Deleted,
            (Some(_), Sighting::Present(seen)) => match content_since(difference, side, seen, evidence) {
                Claim::Different => State::Modified,
                Claim::Same if xattrs_unsure(difference, side, seen, evidence) => {
                    observed.ask_xattrs[side] = true;
                    State::Unknown
                }
                Claim::Same if properties_changed(difference, side, seen, evidence) => State::Props,
                Claim::Same => State::Unchanged,
                Claim::Ask(ask) => {
                    observed.ask = observed.ask.zip(ask).map(|(a, b)| a || b);
                    State::Unknown
                }
                Claim::Failed(side, trouble) => {
                    observed.failed = Some((side, trouble));
                    State::Unknown
                }
            },
        };
    }
    observed
}

/// Whether a side's content is still the agreed one.
///
/// A change time that moved alone is settled by the digest. So it is where one name of a file with several was replaced:
/// the others' change time moves with it, and the next run reads them once and takes note. To foresee that, a run would
/// have to look at names it did not plan on and believe what it finds, which could hide an edit made meanwhile.
fn content_since(difference: &Difference, side: Side, seen: &Seen, evidence: &Evidence) -> Claim {
    let Some(agreed) = &difference.agreed else { return Claim::Different };
    let (record, now) = (&agreed.sides[side], &seen.entry);
    if agreed.kind != now.kind {
        return Claim::Different;
    }
    let same = |same| if same { Claim::Same } else { Claim::Different };
    match now.kind {
        Kind::Dir => return Claim::Same,
        Kind::Symlink => return same(agreed.target == seen.target),
        Kind::File if agreed.size != now.size => return Claim::Different,
        Kind::File => {}
    }
    let same_id = match (record.file_id, now.file_id) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let respelled = is_respelled(record, difference, seen);
    // A change of mode or of spelling moves the change time by itself.
    let explained = record.attributes.differ(now.attributes) || respelled;
    if now.mtime_ns == record.mtime_ns
        && same_id
        && (explained || !held_and_differ(record.ctime_ns, now.ctime_ns))
    {
        return Claim::Same;
    }
    let other = side.other();
    let other_holds_it =
        difference.sides[other].entry().is_some_and(|entry| is_recorded(&agreed.entry(other), entry));
    if agreed.digest.is_none() && !other_holds_it {
        // Nothing is left to compare with. Where the other side changed too, the two are compared directly.
        return Claim::Different;
    }
    if difference.sides[other] == Sighting::Absent && now.mtime_ns != record.mtime_ns {
        // Changed or touched: either way it is restored there.
        return Claim::Different;
    }
    let mine = match digest_of(difference, side, evidence) {
        Ok(digest) => digest,
        Err(Some(trouble)) => return Claim::Failed(side, trouble),
        Err(None) => None,
    };
    let theirs = match agreed.digest {
        Some(digest) => Some(digest),
        None => match digest_of(difference, other, evidence) {
            Ok(digest) => digest,
            Err(Some(trouble)) => return Claim::Failed(other, trouble),
            Err(None) => None,
        },
    };
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => same(mine == theirs),
        (mine, theirs) => {
            let mut ask = Sides::default();
            ask[side] = mine.is_none();
            ask[other] = theirs.is_none();
            Claim::Ask(ask)
        }
    }
}

/// Whether the side spells it otherwise than when both sides agreed.
pub(crate) fn is_respelled(record: &Record, difference: &Difference, seen: &Seen) -> bool {
    seen.shows_spelling && record.name.as_deref().unwrap_or(difference.path.name()) != seen.spelled.name()
}

/// A digest from the evidence; `Err(Some)` when it could not be had, `Ok(None)` when nobody asked yet.
fn digest_of(
    difference: &Difference,
    side: Side,
    evidence: &Evidence,
) -> Result<Option<Digest>, Option<Trouble>> {
    match evidence.get(side, &difference.path) {
        Some(Answer::Read(digest, _)) => Ok(Some(*digest)),
        Some(Answer::Failed(trouble)) => Err(Some(trouble.clone())),
        Some(Answer::Xattrs(_)) | None => Ok(None),
    }
}

/// Whether only a look can tell if the extended attributes are still the agreed ones: the change time moved, for a
/// reason that is known and that may hide another.
fn xattrs_unsure(difference: &Difference, side: Side, seen: &Seen, evidence: &Evidence) -> bool {
    let Some(agreed) = &difference.agreed else { return false };
    let record = &agreed.sides[side];
    seen.entry.kind == Kind::File
        && record.xattrs.is_some()
        && held_and_differ(record.ctime_ns, seen.entry.ctime_ns)
        && evidence.get(side, &difference.path).is_none()
}

/// Which properties are meant: spelling, time, extended attributes, attributes.
type Properties = [bool; 4];

fn properties_changed(difference: &Difference, side: Side, seen: &Seen, evidence: &Evidence) -> bool {
    changed_properties(difference, side, seen, evidence).contains(&true)
}

/// The properties that differ from the agreed ones.
fn changed_properties(difference: &Difference, side: Side, seen: &Seen, evidence: &Evidence) -> Properties {
    let Some(agreed) = &difference.agreed else { return [false; 4] };
    let record = &agreed.sides[side];
    let respelled = is_respelled(record, difference, seen);
    let retimed = seen.entry.kind == Kind::File && seen.entry.mtime_ns != record.mtime_ns;
    let xattrs = match (record.xattrs, xattrs_of(difference, side, evidence)) {
        (Some(before), Some(now)) => before != now,
        _ => false,
    };
    let attributes = seen.entry.kind != Kind::Symlink && record.attributes.differ(seen.entry.attributes);
    [respelled, retimed, xattrs, attributes]
}

/// On which sides everything in which the two are apart was changed, if it was changed at all. On one: the other side
/// changed nothing that this one has not changed in the same way, as after a run that was stopped between taking over
/// a spelling and the rest. On both: they were apart in this when they agreed, and it was changed by neither.
pub(crate) fn leads_in_properties(
    difference: &Difference,
    evidence: &Evidence,
    abilities: &Sides<Abilities>,
    tolerance_ns: u64,
) -> Sides<bool> {
    let [Some(left), Some(right)] = Side::BOTH.map(|side| difference.sides[side].seen()) else {
        return Sides::default();
    };
    let apart = properties_apart(left, right, difference, evidence, abilities, tolerance_ns);
    let keeps_out = |side: Side, seen: &Seen| {
        let changed = changed_properties(difference, side, seen, evidence);
        changed.into_iter().zip(apart).all(|(changed, apart)| !(changed && apart))
    };
    Sides { left: keeps_out(Side::Right, right), right: keeps_out(Side::Left, left) }
}

/// The digest of a side's extended attributes, where the evidence has it.
pub(crate) fn xattrs_of(difference: &Difference, side: Side, evidence: &Evidence) -> Option<XattrDigest> {
    match evidence.get(side, &difference.path) {
        Some(Answer::Read(_, xattrs) | Answer::Xattrs(xattrs)) => *xattrs,
        _ => None,
    }
}

/// Whether both sides show the same content now.
pub(crate) fn same_content(
    difference: &Difference,
    evidence: &Evidence,
    first: FirstMatch,
    tolerance_ns: u64,
) -> Claim {
    let (Sighting::Present(left), Sighting::Present(right)) =
        (&difference.sides.left, &difference.sides.right)
    else {
        return Claim::Different;
    };
    if left.entry.kind != right.entry.kind {
        return Claim::Different;
    }
    let same = |same| if same { Claim::Same } else { Claim::Different };
    match left.entry.kind {
        Kind::Dir => return Claim::Same,
        Kind::Symlink => return same(left.target == right.target),
        Kind::File if left.entry.size != right.entry.size => return Claim::Different,
        Kind::File => {}
    }
    let first_meeting = difference.agreed.is_none();
    if first_meeting
        && first == FirstMatch::Metadata
        && left.entry.mtime_ns.abs_diff(right.entry.mtime_ns) <= tolerance_ns
    {
        return Claim::Same;
    }
    same_digest(difference, evidence)
}

/// Whether both contents have the same digest, whatever their metadata says.
pub(crate) fn same_digest(difference: &Difference, evidence: &Evidence) -> Claim {
    let mut digests = Sides { left: None, right: None };
    for side in Side::BOTH {
        match digest_of(difference, side, evidence) {
            Ok(digest) => digests[side] = digest,
            Err(Some(trouble)) => return Claim::Failed(side, trouble),
            Err(None) => {}
        }
    }
    match digests {
        Sides { left: Some(left), right: Some(right) } if left == right => Claim::Same,
        Sides { left: Some(_), right: Some(_) } => Claim::Different,
        Sides { left, right } => Claim::Ask(Sides { left: left.is_none(), right: right.is_none() }),
    }
}

/// The properties and the spelling in which the sides are apart, as far as both can show them.
fn properties_apart(
    left: &Seen,
    right: &Seen,
    difference: &Difference,
    evidence: &Evidence,
    abilities: &Sides<Abilities>,
    tolerance_ns: u64,
) -> Properties {
    let xattrs = match Side::BOTH.map(|side| xattrs_of(difference, side, evidence)) {
        [Some(left), Some(right)] => left != right,
        _ => false,
    };
    let times = left.entry.kind == Kind::File
        && abilities.both(|one| one.keeps_mtime)
        && left.entry.mtime_ns.abs_diff(right.entry.mtime_ns) > tolerance_ns;
    let attributes = left.entry.attributes.differ(right.entry.attributes);
    let both_show = left.shows_spelling && right.shows_spelling;
    [both_show && left.spelled.name() != right.spelled.name(), times, xattrs, attributes]
}

/// Modification times this close are the same time: the coarser precision of the two sides, and at least 2 s
/// where one of them is like FAT.
pub(crate) fn tolerance_ns(abilities: &Sides<Abilities>) -> u64 {
    let coarser = abilities.left.mtime_precision_ns.max(abilities.right.mtime_precision_ns);
    if coarser >= 1_000_000_000 { coarser.max(2_000_000_000) } else { coarser }
}

/// The side whose version counts as newer.
pub(crate) fn newer(left: &Entry, right: &Entry, tolerance_ns: u64, tie_breaker: Side) -> Side {
    if left.mtime_ns.abs_diff(right.mtime_ns) <= tolerance_ns {
        tie_breaker
    } else if left.mtime_ns > right.mtime_ns {
        Side::Left
    } else {
        Side::Right
    }
}
