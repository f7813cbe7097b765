//! Why a path is treated as it is.
//!
//! Owns [`Explanation`] and [`explain`]: the three versions, the two states, the cell, the rule and what will be
//! done, for any path.

use alloc::string::String;
use alloc::vec::Vec;

use crate::baseline::Agreed;
use crate::compare::{Comparison, Difference};
use crate::matrix::{Resolution, Rule, State, resolve};
use crate::observe::observe;
use crate::path::RelPath;
use crate::plan::{Action, Blocked, Conflict, Evidence, Plan, Question};
use crate::side::{Side, Sides};

/// Everything there is to say about one path.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The key path.
    pub path: RelPath,
    /// What both sides last agreed on.
    pub agreed: Option<Agreed>,
    /// What each side shows now.
    pub difference: Option<Difference>,
    /// The states of both sides.
    pub states: Sides<State>,
    /// The cell's rule and resolution in the matrix.
    pub cell: (Rule, Resolution),
    /// The rule that applies after renames and directories were looked at; the cell's own where nothing overrides.
    pub rule: Rule,
    /// What will be done here.
    pub actions: Vec<Action>,
    /// The conflict here, if there is one.
    pub conflict: Option<Conflict>,
    /// What stands in the way.
    pub blocked: Vec<Blocked>,
    /// Digests that are still to be read.
    pub questions: Vec<Question>,
}

/// Explains one key path. The comparison must have been made with everything in it.
pub fn explain(path: &RelPath, comparison: &Comparison, evidence: &Evidence, plan: &Plan) -> Explanation {
    let difference = comparison
        .differences
        .binary_search_by(|difference| difference.path.cmp(path))
        .ok()
        .and_then(|at| comparison.differences.get(at));
    let states = difference.map_or(Sides { left: State::Absent, right: State::Absent }, |difference| {
        observe(difference, evidence).states
    });
    let concerns = |action: &&Action| {
        action.path == *path
            || action.forget.contains(path)
            || action.clash.as_ref() == Some(path)
            || action.agree.iter().any(|memo| memo.path == *path)
            || action.carried.iter().any(|change| change.path == *path)
    };
    let actions: Vec<Action> = plan.actions.iter().filter(concerns).cloned().collect();
    let cell = resolve(states.left, states.right);
    let conflict = plan.conflicts.iter().find(|conflict| conflict.path == *path).cloned();
    let questions: Vec<Question> = plan
        .questions
        .iter()
        .filter(|(question, _)| question.path == *path)
        .map(|(question, _)| question.clone())
        .collect();
    let rule = match (actions.first(), &conflict) {
        (Some(action), _) => action.rule,
        (None, Some(conflict)) => conflict.rule,
        // Something in the directory could not be observed, so that it has to stay as it is.
        (None, None) if cell.1 != Resolution::Nothing && questions.is_empty() => Rule::Unobserved,
        (None, None) => cell.0,
    };
    let spelled = |side: Side| difference?.sides[side].seen().map(|seen| &seen.spelled);
    Explanation {
        path: path.clone(),
        agreed: difference.and_then(|difference| difference.agreed.as_deref().cloned()),
        difference: difference.cloned(),
        states,
        cell,
        rule,
        conflict,
        blocked: plan
            .blocked
            .iter()
            .filter(|one| one.path == *path || spelled(one.side) == Some(&one.path))
            .cloned()
            .collect(),
        questions,
        actions,
    }
}

impl Explanation {
    /// One sentence that says what the cell means.
    pub fn verdict(&self) -> String {
        if self.difference.is_none() {
            return String::from("nothing is known of this path on either side");
        }
        if !self.questions.is_empty() {
            return String::from("the content must be read before this can be decided");
        }
        let states = alloc::format!("{} on the left, {} on the right", self.states.left, self.states.right);
        match self.rule.requirement() {
            Some(number) => alloc::format!("{states}: `{}` ({number})", self.rule),
            None => alloc::format!("{states}: `{}`", self.rule),
        }
    }
}
