//! One path on its way to a decision.
//!
//! Owns [`Case`] and [`Outcome`], the working notes that pairing, resolving and building share.

use alloc::boxed::Box;
use core::ops::Deref;

use crate::compare::Difference;
use crate::entry::Trouble;
use crate::matrix::{Rule, State};
use crate::observe::{Observed, observe};
use crate::path::RelPath;
use crate::plan::Evidence;
use crate::policy::ConflictPolicy;
use crate::side::{Side, Sides};

/// What will be done at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Nothing,
    /// Proven to be unchanged, with another fingerprint: the baseline learns it, or every run would ask again.
    Refresh,
    /// A digest is missing.
    Wait,
    /// Cannot be dealt with now.
    Leave,
    Adopt,
    Forget,
    Copy(Side),
    Props(Side),
    CopyKeepSpelling(Side),
    Delete(Side),
    /// Two versions that may both be wanted.
    Conflict {
        newer: Side,
        policy: ConflictPolicy,
    },
    /// A directory keeps the path; what this side has there gets its clash name.
    MakeWay(Side),
    /// A person chose this side's version; the other one goes to the trash.
    Keep(Side),
}

/// Who says what becomes of two versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// The policy.
    Policy,
    /// A person, and it is done.
    Person,
    /// A person, and it cannot be done: neither side is touched.
    Refused,
}

/// A difference as it was found, or as a rename made it. There are as many as paths in a first meeting, so that it
/// takes no more room than a pointer.
#[derive(Clone, Debug)]
pub(crate) enum Subject<'a> {
    Found(&'a Difference),
    Made(Box<Difference>),
}

impl Deref for Subject<'_> {
    type Target = Difference;

    fn deref(&self) -> &Difference {
        match self {
            Self::Found(difference) => difference,
            Self::Made(difference) => difference,
        }
    }
}

impl Subject<'_> {
    pub(crate) fn into_owned(self) -> Difference {
        match self {
            Self::Found(difference) => difference.clone(),
            Self::Made(difference) => *difference,
        }
    }
}

/// One path with what is known and decided of it.
#[derive(Clone, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) difference: Subject<'a>,
    pub(crate) states: Sides<State>,
    pub(crate) ask: Sides<bool>,
    pub(crate) ask_xattrs: Sides<bool>,
    pub(crate) failed: Option<(Side, Trouble)>,
    pub(crate) rule: Rule,
    pub(crate) outcome: Outcome,
    /// The new key path of the rename that brought the other side's entry here.
    pub(crate) moved_by: Option<RelPath>,
    pub(crate) word: Word,
}

impl<'a> Case<'a> {
    pub(crate) fn new(difference: Subject<'a>, evidence: &Evidence) -> Self {
        let Observed { states, ask, ask_xattrs, failed } = observe(&difference, evidence);
        Self {
            difference,
            states,
            ask,
            ask_xattrs,
            failed,
            rule: Rule::Unobserved,
            outcome: Outcome::Leave,
            moved_by: None,
            word: Word::Policy,
        }
    }

    pub(crate) fn path(&self) -> &RelPath {
        &self.difference.path
    }

    pub(crate) fn waits(&self) -> bool {
        self.ask.either(|ask| *ask) || self.ask_xattrs.either(|ask| *ask)
    }

    pub(crate) fn is_dir_on(&self, side: Side) -> bool {
        self.difference.sides[side].is_dir()
    }

    pub(crate) fn inside_unreadable_on(&self, side: Side) -> bool {
        self.difference.sides[side].seen().is_some_and(|seen| seen.unreadable.is_some())
    }
}
