//! From differences to a plan.
//!
//! Owns [`decide`], the one entry to the decision: states, pairing of renames, the matrix, what directories need
//! so that nothing in them is lost, and then the plan. Total: it returns a plan, never an error. Start there; the
//! building of actions is in `build`.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::abilities::Abilities;
use crate::build::Builder;
use crate::case::{Case, Outcome, Subject, Word};
use crate::compare::{Comparison, Sighting, is_recorded};
use crate::entry::Kind;
use crate::guidance::Guidance;
use crate::heed;
use crate::matrix::{Resolution, Rule, State, resolve};
use crate::observe::{Claim, leads_in_properties, newer, same_content, tolerance_ns};
use crate::pairing::{Proof, pair};
use crate::path::RelPath;
use crate::plan::{Asked, Blocked, Evidence, Plan, Question};
use crate::policy::{ConflictPolicy, FirstMatch, Policy};
use crate::side::{Side, Sides};
use crate::snapshot::Snapshot;

/// Everything a decision depends on besides what was observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// What the user chose.
    pub policy: Policy,
    /// What the sides can do.
    pub abilities: Sides<Abilities>,
}

/// The whole decision. While the plan has questions it is not final: answer them and decide again.
pub fn decide(
    comparison: &Comparison,
    snapshots: &Sides<Snapshot>,
    evidence: &Evidence,
    terms: &Terms,
) -> Plan {
    decide_with(comparison, snapshots, evidence, terms, &Guidance::default())
}

/// The same, told besides what a person chose and which contents are in doubt. The comparison must list the paths of
/// [`Guidance::focus`].
pub fn decide_with(
    comparison: &Comparison,
    snapshots: &Sides<Snapshot>,
    evidence: &Evidence,
    terms: &Terms,
    guidance: &Guidance,
) -> Plan {
    let cases: Vec<Case<'_>> = comparison
        .differences
        .iter()
        .map(|difference| Case::new(Subject::Found(difference), evidence))
        .collect();
    let mut proofs = Vec::new();
    let (mut cases, moves, twins) = pair(cases, &comparison.content_hidden, evidence, &mut proofs);
    for case in &mut cases {
        settle(case, evidence, terms, guidance);
    }
    keep_directories(&mut cases, terms, guidance);

    let mut plan = Plan { blocked: comparison.collisions.clone(), ..Plan::default() };
    for case in &cases {
        report_troubles(case, &mut plan.blocked);
    }
    plan.questions = questions(comparison, &cases, proofs);
    Builder::new(snapshots, evidence, terms, &cases, moves).build(twins, guidance, &mut plan);
    plan.halt = crate::guard::halt(&plan, comparison, snapshots, &terms.policy);
    plan
}

/// Looks the cell up and turns its resolution into an outcome.
fn settle(case: &mut Case<'_>, evidence: &Evidence, terms: &Terms, guidance: &Guidance) {
    let (rule, resolution) = resolve(case.states.left, case.states.right);
    case.rule = rule;
    case.outcome = if case.waits() {
        Outcome::Wait
    } else if let Some(outcome) = heed::doubt(case, evidence, terms, guidance) {
        outcome
    } else {
        match resolution {
            Resolution::Nothing if is_proven_only(case) || heed::learns_digest(case, evidence, guidance) => {
                Outcome::Refresh
            }
            Resolution::Nothing => Outcome::Nothing,
            Resolution::Copy(from) => Outcome::Copy(from),
            Resolution::Props(from) => Outcome::Props(from),
            // Another kind: a directory has no spelling to keep on a content, and may hold what is wanted.
            Resolution::CopyKeepSpelling(from) if Side::BOTH.into_iter().any(|side| case.is_dir_on(side)) => {
                Outcome::Copy(from)
            }
            Resolution::CopyKeepSpelling(from) => Outcome::CopyKeepSpelling(from),
            Resolution::Delete(on) => Outcome::Delete(on),
            Resolution::Forget => Outcome::Forget,
            Resolution::Leave => Outcome::Leave,
            Resolution::Meet => meet(case, evidence, terms, guidance),
        }
    };
}

/// Both states are unchanged, but one side's fingerprint is not the one on record.
fn is_proven_only(case: &Case<'_>) -> bool {
    let Some(agreed) = &case.difference.agreed else { return false };
    case.difference.sides.iter().any(|(side, sighting)| {
        sighting.entry().is_some_and(|entry| !is_recorded(&agreed.entry(side), entry))
    })
}

/// Two versions that may both be wanted.
fn meet(case: &mut Case<'_>, evidence: &Evidence, terms: &Terms, guidance: &Guidance) -> Outcome {
    let difference = &case.difference;
    let (Some(left), Some(right)) = (difference.sides.left.entry(), difference.sides.right.entry()) else {
        return Outcome::Leave;
    };
    let tolerance = tolerance_ns(&terms.abilities);
    let same = if case.rule == Rule::PropsBoth {
        match leads_in_properties(difference, evidence, &terms.abilities, tolerance) {
            Sides { left: true, right: true } => Claim::Same,
            Sides { left: false, right: false } => Claim::Different,
            Sides { left, .. } => {
                let from = if left { Side::Left } else { Side::Right };
                case.rule = Rule::Props(from);
                return Outcome::Props(from);
            }
        }
    } else {
        let by_content = guidance.doubt(case.path()).is_some();
        let first = if by_content { FirstMatch::Digest } else { terms.policy.first_match };
        same_content(difference, evidence, first, tolerance)
    };
    match same {
        Claim::Same => {
            case.rule = Rule::Adopt;
            Outcome::Adopt
        }
        Claim::Ask(ask) => {
            case.ask = ask;
            Outcome::Wait
        }
        Claim::Failed(side, trouble) => {
            case.failed = Some((side, trouble));
            case.rule = Rule::Unobserved;
            Outcome::Leave
        }
        Claim::Different if left.is_dir() != right.is_dir() => {
            Outcome::MakeWay(if left.is_dir() { Side::Right } else { Side::Left })
        }
        Claim::Different => {
            let newer = newer(left, right, tolerance, terms.policy.tie_breaker);
            let policy = case.rule.policy(&terms.policy).unwrap_or_default();
            Outcome::Conflict { newer, policy }
        }
    }
}

/// Sees to it, children first, that no directory goes while something in it stays, and that none gives way where
/// something unobserved lies.
fn keep_directories(cases: &mut [Case<'_>], terms: &Terms, guidance: &Guidance) {
    let mut stays: BTreeSet<RelPath> = BTreeSet::new();
    let mut rests: BTreeSet<RelPath> = BTreeSet::new();
    let mut noted: Option<RelPath> = None;
    for case in cases.iter_mut().rev() {
        // Only a directory holds anything.
        let is_dir = Side::BOTH.into_iter().any(|side| case.is_dir_on(side));
        let holds_wanted = is_dir && stays.remove(case.path());
        let holds_unknown = is_dir && rests.remove(case.path());
        case.outcome = match case.outcome {
            Outcome::Delete(on) if case.is_dir_on(on) && holds_wanted => {
                case.rule = Rule::DeletedOtherChanged(on.other());
                Outcome::Copy(on)
            }
            Outcome::Copy(from) if case.is_dir_on(from.other()) && !case.is_dir_on(from) && holds_wanted => {
                case.rule = Rule::BothChanged;
                Outcome::MakeWay(from)
            }
            Outcome::Delete(gone) if unseen_inside(case, gone, holds_unknown) => leave(case),
            Outcome::Copy(from) if unseen_inside(case, from.other(), holds_unknown) => leave(case),
            other => other,
        };
        heed::choose(case, terms, guidance);
        // The names that collide with this one stay whatever becomes of it.
        if case.difference.sides.either(|one| one.seen().is_some_and(|seen| seen.crowded)) {
            rests.extend(case.path().parent());
        }
        match case.outcome {
            Outcome::Leave | Outcome::Wait => rests.extend(case.path().parent()),
            Outcome::Delete(_) | Outcome::Forget => {}
            Outcome::Nothing if case.difference.agreed.is_none() => {}
            _ => {
                // What lies in one directory comes together: it is noted once.
                if !noted.as_ref().is_some_and(|dir| case.path().is_right_in(dir)) {
                    noted = case.path().parent();
                    stays.extend(noted.clone());
                }
            }
        }
    }
    wait_below_notified(cases, &terms.policy);
}

/// Whether the directory that would go from this side holds something nobody could observe.
fn unseen_inside(case: &Case<'_>, side: Side, holds_unknown: bool) -> bool {
    case.is_dir_on(side)
        && !(case.is_dir_on(side.other()))
        && (holds_unknown || case.inside_unreadable_on(side))
}

fn leave(case: &mut Case<'_>) -> Outcome {
    case.rule = Rule::Unobserved;
    Outcome::Leave
}

/// Where a person shall say what becomes of a directory against a file, what lies in the directory waits too.
fn wait_below_notified(cases: &mut [Case<'_>], policy: &Policy) {
    let mut waiting: Option<RelPath> = None;
    for case in cases {
        if waiting.as_ref().is_some_and(|dir| case.path().starts_with(dir)) {
            case.outcome = leave(case);
        } else if matches!(case.outcome, Outcome::MakeWay(_)) && waits_for_a_person(case, policy) {
            waiting = Some(case.path().clone());
        }
    }
}

/// Whether neither side is touched until somebody chooses.
pub(crate) fn waits_for_a_person(case: &Case<'_>, policy: &Policy) -> bool {
    match case.word {
        Word::Policy => case.rule.policy(policy) == Some(ConflictPolicy::Notify),
        Word::Person => false,
        Word::Refused => true,
    }
}

fn report_troubles(case: &Case<'_>, blocked: &mut Vec<Blocked>) {
    if let Some((side, trouble)) = &case.failed {
        let seen = case.difference.sides[*side].seen();
        let path = seen.map_or_else(|| case.path().clone(), |seen| seen.spelled.clone());
        blocked.push(Blocked { path, side: *side, trouble: trouble.clone() });
    }
    for (side, sighting) in case.difference.sides.iter() {
        match sighting {
            Sighting::Unknown { trouble, spelled, cause } => {
                // Below an unreadable directory only what waits on the other side is worth a word.
                let waits =
                    matches!(case.states[side.other()], State::Created | State::Modified | State::Props);
                if *cause || waits {
                    let path = spelled.clone().unwrap_or_else(|| case.path().clone());
                    blocked.push(Blocked { path, side, trouble: trouble.clone() });
                }
            }
            Sighting::Present(seen) => {
                if let Some(trouble) = &seen.unreadable {
                    let trouble = trouble.clone();
                    blocked.push(Blocked { path: seen.spelled.clone(), side, trouble });
                }
            }
            Sighting::Absent => {}
        }
    }
}

fn questions(comparison: &Comparison, cases: &[Case<'_>], proofs: Vec<Proof>) -> Vec<(Question, Asked)> {
    let mut questions = Vec::new();
    let mut asked = BTreeSet::new();
    let mut ask = |side: Side, path: &RelPath, sighting: &Sighting, content: bool| {
        let Some(seen) = sighting.seen().filter(|seen| seen.entry.kind == Kind::File) else { return };
        let question = Question { side, path: path.clone() };
        if asked.insert(question.clone()) {
            let at = seen.lies_at.clone().unwrap_or_else(|| seen.spelled.clone());
            questions.push((question, Asked { at, expect: seen.entry, content }));
        }
    };
    for case in cases {
        for (side, wanted) in case.ask.iter() {
            if *wanted {
                ask(side, case.path(), &case.difference.sides[side], true);
            }
        }
    }
    for Proof { side, path, content } in proofs {
        let at = comparison.differences.binary_search_by(|difference| difference.path.cmp(&path));
        if let Some(difference) = at.ok().and_then(|at| comparison.differences.get(at)) {
            ask(side, &path, &difference.sides[side], content);
        }
    }
    for case in cases {
        for (side, wanted) in case.ask_xattrs.iter() {
            if *wanted {
                ask(side, case.path(), &case.difference.sides[side], false);
            }
        }
    }
    questions
}

/// Whether an older version is settled by the properties alone: a directory has no content to keep beside.
pub(crate) fn settles_by_properties(case: &Case<'_>) -> bool {
    case.rule == Rule::PropsBoth && Side::BOTH.into_iter().all(|side| case.is_dir_on(side))
}

/// The policy as it works out for this case.
pub(crate) fn effective(policy: ConflictPolicy, case: &Case<'_>) -> ConflictPolicy {
    match policy {
        ConflictPolicy::Clash if settles_by_properties(case) => ConflictPolicy::Newer,
        same => same,
    }
}
