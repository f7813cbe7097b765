//! What guidance makes of a case.
//!
//! Owns the two places at which a decision follows more than the matrix: a content in doubt, and a person's choice.
//! Neither ever touches a version that was not seen: where it says nothing about what is there now, the matrix does.

use crate::case::{Case, Outcome, Word};
use crate::decide::Terms;
use crate::guidance::{Doubt, Guidance};
use crate::matrix::{Rule, State};
use crate::observe::{Claim, newer, same_digest, tolerance_ns};
use crate::plan::{Answer, Evidence};
use crate::policy::ConflictPolicy;
use crate::side::{Side, Sides};

/// Compares the contents at a path in doubt. None where the matrix has the word.
pub(crate) fn doubt(
    case: &mut Case<'_>,
    evidence: &Evidence,
    terms: &Terms,
    guidance: &Guidance,
) -> Option<Outcome> {
    let doubt = guidance.doubt(case.path())?;
    let at_rest = case.states.both(|state| matches!(state, State::Unchanged | State::Props));
    let known = case.states.both(|state| !matches!(state, State::Unknown));
    if !known || !Guidance::is_about_files(&case.difference) || (doubt == Doubt::Examined && !at_rest) {
        return None;
    }
    let (left, right) = (case.difference.sides.left.entry()?, case.difference.sides.right.entry()?);
    let claim =
        if left.size == right.size { same_digest(&case.difference, evidence) } else { Claim::Different };
    match claim {
        Claim::Same => None,
        Claim::Ask(ask) => {
            case.ask = ask;
            Some(Outcome::Wait)
        }
        Claim::Failed(side, trouble) => {
            case.failed = Some((side, trouble));
            case.rule = Rule::Unobserved;
            Some(Outcome::Leave)
        }
        Claim::Different => {
            let newer = newer(left, right, tolerance_ns(&terms.abilities), terms.policy.tie_breaker);
            case.rule = Rule::SilentCorruption;
            let policy = case.rule.policy(&terms.policy).unwrap_or_default();
            Some(Outcome::Conflict { newer, policy })
        }
    }
}

/// Whether both contents were read, are the same, and the baseline knows them by another digest or none.
pub(crate) fn learns_digest(case: &Case<'_>, evidence: &Evidence, guidance: &Guidance) -> bool {
    let Some(agreed) = &case.difference.agreed else { return false };
    guidance.doubt(case.path()).is_some()
        && Guidance::is_about_files(&case.difference)
        && same_digest(&case.difference, evidence) == Claim::Same
        && match evidence.get(Side::Left, case.path()) {
            Some(Answer::Read(digest, _)) => agreed.digest != Some(*digest),
            _ => false,
        }
}

/// Puts a person's choice in the place of the policy's, where it was made for the very versions that are there.
pub(crate) fn choose(case: &mut Case<'_>, terms: &Terms, guidance: &Guidance) {
    let Some(choice) = guidance.choices.get(case.path()) else { return };
    if choice.refusal(Some(&case.difference)).is_some() {
        return;
    }
    let Sides { left: Some(left), right: Some(right) } =
        case.difference.sides.as_ref().map(|sighting| sighting.entry())
    else {
        return;
    };
    let newer = newer(left, right, tolerance_ns(&terms.abilities), terms.policy.tie_breaker);
    let kept = choice.keep.side(newer);
    case.outcome = match (case.outcome, kept) {
        (Outcome::Conflict { newer, .. }, None) => {
            case.word = Word::Person;
            Outcome::Conflict { newer, policy: ConflictPolicy::Clash }
        }
        (Outcome::Conflict { .. }, Some(side)) => {
            case.word = Word::Person;
            Outcome::Keep(side)
        }
        (Outcome::MakeWay(file_side), Some(side)) if side == file_side => {
            case.word = Word::Refused;
            Outcome::MakeWay(file_side)
        }
        (Outcome::MakeWay(_), Some(side)) => {
            case.word = Word::Person;
            Outcome::Keep(side)
        }
        (Outcome::MakeWay(file_side), None) => {
            case.word = Word::Person;
            Outcome::MakeWay(file_side)
        }
        (other, _) => other,
    };
}
