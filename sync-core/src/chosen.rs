//! The actions of a person's choice.
//!
//! Owns what keeping one of two versions takes, at an open conflict and at one that a clash copy has settled. What is
//! given up goes to the trash, whatever its size.

use crate::build::Builder;
use crate::case::{Case, Outcome};
use crate::guidance::Second;
use crate::matrix::Rule;
use crate::observe::{newer, tolerance_ns};
use crate::plan::{Action, Phase, Plan, Transition};
use crate::policy::ConflictPolicy;
use crate::side::{Side, Sides};

impl Builder<'_> {
    /// One version stands on both sides, the other one goes to the trash.
    pub(crate) fn add_keep(&mut self, case: &Case<'_>, kept: Side, plan: &mut Plan) {
        let Sides { left: Some(left), right: Some(right) } =
            case.difference.sides.as_ref().map(|sighting| sighting.entry())
        else {
            return;
        };
        let newer = newer(left, right, tolerance_ns(&self.terms.abilities), self.terms.policy.tie_breaker);
        let first = self.actions.len();
        if case.rule == Rule::PropsBoth {
            self.add_props(case, kept);
        } else if case.is_dir_on(kept) {
            let action = self.make_dir(case, kept);
            self.actions.extend(action);
            self.close_dir(case, kept);
        } else {
            self.add_copy(case, kept, true);
        }
        for action in &mut self.actions[first..] {
            action.transitions.iter_mut().for_each(to_the_trash);
        }
        Self::report(case, newer, ConflictPolicy::Newer, None, plan);
    }

    /// One of two versions stands at the path on both sides; what is no longer wanted goes to the trash on both.
    /// None when the two paths are not as they were left.
    pub(crate) fn second(&self, second: &Second, at: &Case<'_>, clash: &Case<'_>) -> Option<Action> {
        let rests = |case: &Case<'_>| matches!(case.outcome, Outcome::Nothing | Outcome::Refresh);
        if !rests(at)
            || !rests(clash)
            || second.refusal(Some(&at.difference), Some(&clash.difference), &self.terms.abilities).is_some()
        {
            return None;
        }
        let entry = |case: &Case<'_>, side: Side| case.difference.sides[side].entry().copied();
        let mut transitions = alloc::vec::Vec::new();
        let mut agree = alloc::vec::Vec::new();
        let stands_already = second.keep == second.newer;
        let order = [second.newer, second.newer.other()];
        if !stands_already {
            for to in order {
                transitions.push(Transition::Copy {
                    to,
                    from: self.seen_at(clash, to.other()),
                    source: entry(clash, to.other())?,
                    at: self.seen_at(at, to),
                    expect: Some(entry(at, to)?),
                    soft: true,
                });
            }
            let mut memo = self.memo(at);
            let kept = self.memo(clash);
            (memo.target, memo.digest, memo.xattrs) = (kept.target, kept.digest, kept.xattrs);
            memo.seen = Sides { left: None, right: None };
            agree.push(memo);
        }
        for on in order {
            transitions.push(Transition::Remove {
                on,
                at: self.seen_at(clash, on),
                expect: entry(clash, on)?,
                soft: true,
            });
        }
        // Each side holds both contents until the copies are made: a stop in between loses nothing.
        let action = Self::action(at, Phase::Copies, transitions);
        Some(Action {
            rule: Rule::Chosen,
            agree,
            forget: alloc::vec![second.clash.clone()],
            after: None,
            ..action
        })
    }
}

fn to_the_trash(transition: &mut Transition) {
    match transition {
        Transition::Copy { expect: Some(_), soft, .. }
        | Transition::MakeDir { expect: Some(_), soft, .. } => {
            *soft = true;
        }
        Transition::Remove { soft, .. } | Transition::RemoveDir { soft, .. } => *soft = true,
        _ => {}
    }
}
