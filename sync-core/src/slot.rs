//! Places for clash copies.
//!
//! Owns [`Slots`]: finds the clash name that is free, or already taken by the very version that is to be kept, so
//! that a run that was killed half way and repeated makes no second copy.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::abilities::Abilities;
use crate::build::Name;
use crate::case::{Case, Outcome};
use crate::clash::clash_name;
use crate::compare::{Seen, Sighting, equivalence};
use crate::entry::{Digest, Kind};
use crate::fold::Equivalence;
use crate::observe::tolerance_ns;
use crate::pairing::Move;
use crate::path::RelPath;
use crate::plan::{Answer, Asked, Evidence, Question};
use crate::side::{Side, Sides};
use crate::snapshot::{Listed, Snapshot};

/// Where an older version is kept.
pub(crate) enum Slot {
    /// Nothing is there yet.
    Free { key: RelPath, name: Name },
    /// An earlier run has kept this very version there.
    Kept { key: RelPath, name: Name },
}

impl Slot {
    pub(crate) fn key(&self) -> &RelPath {
        let (Self::Free { key, .. } | Self::Kept { key, .. }) = self;
        key
    }

    pub(crate) fn name(&self) -> &[u8] {
        let (Self::Free { name, .. } | Self::Kept { name, .. }) = self;
        name
    }
}

enum Occupied {
    No,
    BySameVersion,
    ByOther,
    /// Only a digest can tell.
    Unclear,
}

pub(crate) struct Slots<'a> {
    snapshots: &'a Sides<Snapshot>,
    evidence: &'a Evidence,
    cases: &'a [Case<'a>],
    equivalence: Equivalence,
    tolerance_ns: u64,
    keeps_mtime: Sides<bool>,
    /// Keys that the plan's renames leave.
    vacated: BTreeSet<RelPath>,
    taken: BTreeSet<RelPath>,
    pub(crate) questions: Vec<(Question, Asked)>,
}

impl<'a> Slots<'a> {
    pub(crate) fn new(
        snapshots: &'a Sides<Snapshot>,
        evidence: &'a Evidence,
        cases: &'a [Case<'a>],
        moves: &[Move],
        abilities: &Sides<Abilities>,
    ) -> Self {
        Self {
            snapshots,
            evidence,
            cases,
            vacated: moves.iter().flat_map(|one| one.forget.iter().cloned()).collect(),
            equivalence: equivalence(abilities),
            tolerance_ns: tolerance_ns(abilities),
            keeps_mtime: abilities.as_ref().map(|one| one.keeps_mtime),
            taken: BTreeSet::new(),
            questions: Vec::new(),
        }
    }

    /// A place for `older`'s version of `case`; none while a digest that would tell is missing.
    pub(crate) fn take(&mut self, case: &Case<'_>, older: Side, template: &str) -> Option<Slot> {
        let seen = case.difference.sides[older].seen()?;
        for number in 1.. {
            let (key, name) = self.candidate(case, seen, template, number);
            if self.taken.contains(&key) {
                continue;
            }
            match self.occupied(case, older, seen, &key) {
                Occupied::ByOther => {}
                Occupied::Unclear => return None,
                Occupied::No => {
                    self.taken.insert(key.clone());
                    return Some(Slot::Free { key, name });
                }
                Occupied::BySameVersion => {
                    self.taken.insert(key.clone());
                    return Some(Slot::Kept { key, name });
                }
            }
        }
        None
    }

    /// A place where nothing is on either side.
    pub(crate) fn take_free(&mut self, case: &Case<'_>, side: Side, template: &str) -> Slot {
        let mut number = 1;
        loop {
            let (key, name) = match case.difference.sides[side].seen() {
                Some(seen) => self.candidate(case, seen, template, number),
                None => (case.path().clone(), case.path().name().into()),
            };
            let free = !self.taken.contains(&key)
                && self.snapshots.both(|snapshot| snapshot.get(&key).is_none())
                && self.case_at(&key).is_none();
            if free || number == u32::MAX {
                self.taken.insert(key.clone());
                return Slot::Free { key, name };
            }
            number += 1;
        }
    }

    fn candidate(&self, case: &Case<'_>, seen: &Seen, template: &str, number: u32) -> (RelPath, Name) {
        let name = clash_name(template, seen.spelled.name(), seen.entry.mtime_ns, number);
        let parent = case.path().parent().unwrap_or_default();
        (parent.join_checked(&self.equivalence.key(&name)), name.into())
    }

    fn case_at(&self, key: &RelPath) -> Option<&Case<'a>> {
        self.cases.get(self.cases.binary_search_by(|case| case.path().cmp(key)).ok()?)
    }

    /// Whether what is at a key now will be there, on both sides, when the plan was carried out.
    fn stays(&self, key: &RelPath) -> bool {
        let quiet = |case: &Case<'_>| {
            let crowded = |sighting: &Sighting| sighting.seen().is_some_and(|seen| seen.crowded);
            !case.difference.sides.either(crowded)
                && matches!(
                    case.outcome,
                    Outcome::Nothing
                        | Outcome::Refresh
                        | Outcome::Adopt
                        | Outcome::Copy(_)
                        | Outcome::Props(_)
                )
        };
        !self.vacated.contains(key) && self.case_at(key).is_none_or(quiet)
    }

    fn occupied(&mut self, case: &Case<'_>, older: Side, seen: &Seen, key: &RelPath) -> Occupied {
        let occupants: Vec<(Side, Listed<'a>)> =
            Side::BOTH.into_iter().filter_map(|side| Some((side, self.snapshots[side].get(key)?))).collect();
        if occupants.is_empty() {
            return if self.case_at(key).is_some() { Occupied::ByOther } else { Occupied::No };
        }
        if !self.stays(key) {
            return Occupied::ByOther;
        }
        let looks_same = |side: Side, listed: &Listed<'_>| {
            listed.entry.kind == seen.entry.kind
                && listed.entry.size == seen.entry.size
                && (!self.keeps_mtime[side]
                    || listed.entry.mtime_ns.abs_diff(seen.entry.mtime_ns) <= self.tolerance_ns)
                && listed.target == seen.target.as_deref()
        };
        if !occupants.iter().all(|(side, listed)| looks_same(*side, listed)) {
            return Occupied::ByOther;
        }
        if seen.entry.kind == Kind::Symlink {
            return Occupied::BySameVersion;
        }
        let mine = self.digest(older, case.path(), seen);
        let mut theirs = Vec::new();
        for (side, listed) in &occupants {
            let spelled = self.snapshots[*side].spelled(key).unwrap_or_else(|| key.clone());
            let there = Seen {
                entry: listed.entry,
                spelled,
                lies_at: None,
                target: None,
                unreadable: None,
                crowded: false,
                shows_spelling: true,
            };
            theirs.push(self.digest(*side, key, &there));
        }
        match mine {
            _ if theirs.contains(&Err(true)) || mine == Err(true) => Occupied::Unclear,
            Ok(mine) if theirs.iter().all(|theirs| *theirs == Ok(mine)) => Occupied::BySameVersion,
            _ => Occupied::ByOther,
        }
    }

    /// A digest from the evidence; `Err(true)` when it was only now asked for.
    fn digest(&mut self, side: Side, path: &RelPath, seen: &Seen) -> Result<Digest, bool> {
        match self.evidence.get(side, path) {
            Some(Answer::Read(digest, _)) => Ok(*digest),
            Some(Answer::Failed(_)) => Err(false),
            None | Some(Answer::Xattrs(_)) => {
                let at = seen.lies_at.clone().unwrap_or_else(|| seen.spelled.clone());
                let question = Question { side, path: path.clone() };
                if !self.questions.iter().any(|(asked, _)| *asked == question) {
                    self.questions.push((question, Asked { at, expect: seen.entry, content: true }));
                }
                Err(true)
            }
        }
    }
}
