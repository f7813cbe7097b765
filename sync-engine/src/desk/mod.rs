//! What a person asks for and decides between syncs: the inbox, plan files, a closer look at contents.
//!
//! Owns one tool per file. None of them has an executor or a rule of its own: a person's word becomes guidance for the
//! decision (`sync_core::guidance`), and a part of the plan that follows is carried out by the cycle, as a recorded run
//! of its own kind. Start at [`Session::resolve`](crate::Session::resolve).

mod conflicts;
mod diff;
mod plan_file;
mod resolve;
mod resync;

use std::collections::{BTreeMap, BTreeSet};

use sync_core::path::RelPath;
use sync_core::plan::{Action, Plan};
use sync_core::policy::ConflictPolicy;
use sync_state::ConflictState;

use crate::act::Outcome;
use crate::error::SessionError;
use crate::session::Session;

pub use conflicts::{ConflictItem, ConflictList, ConflictView, ShownVersion};
pub use plan_file::{
    Exact, LeftOut, PlanFile, PlanFileError, PlannedReport, PlannedTransition, ReviewedPlan,
};
pub use resolve::{ResolveReport, Resolved, Unresolved, Which};
pub use resync::{Corruption, ResyncReport};

/// What came of the actions of a run, path by path.
#[derive(Default)]
struct Results(BTreeMap<RelPath, Result<(), String>>);

impl Results {
    fn enter(&mut self, action: &Action, outcome: &Outcome) {
        let result = match &outcome.failure {
            Some(failure) => Err(failure.problem.explain()),
            None if outcome.ok => Ok(()),
            None => Err("it was not carried out to the end".to_owned()),
        };
        let entry = self.0.entry(action.path.clone()).or_insert(Ok(()));
        if entry.is_ok() {
            *entry = result;
        }
    }

    fn get(&self, path: &RelPath) -> Option<&Result<(), String>> {
        self.0.get(path)
    }
}

/// A part of a plan says what the whole observation has found: a conflict that waits or is known to be open goes on
/// waiting, one that only the next sync will settle is its business.
fn leave_the_rest(plan: &mut Plan, open: &BTreeSet<RelPath>) {
    let acted: BTreeSet<&RelPath> = plan.actions.iter().map(|action| &action.path).collect();
    plan.conflicts.retain_mut(|conflict| {
        if acted.contains(&conflict.path) {
            return true;
        }
        let stays = conflict.policy == ConflictPolicy::Notify || open.contains(&conflict.path);
        (conflict.policy, conflict.clash_path) = (ConflictPolicy::Notify, None);
        stays
    });
}

impl Session {
    /// Key paths of the conflicts that wait.
    fn open_conflicts(&self) -> Result<BTreeSet<RelPath>, SessionError> {
        let Some(state) = &self.state else { return Ok(BTreeSet::new()) };
        let known = state.conflicts()?.into_iter();
        Ok(known.filter(|one| one.state == ConflictState::Open).map(|one| one.path).collect())
    }
}
