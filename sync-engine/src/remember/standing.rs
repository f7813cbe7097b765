//! What changes among the standing problems after a plan: new ones, those that are met again, those that are gone.

use std::collections::BTreeMap;

use sync_core::fold::Equivalence;
use sync_core::plan::{Action, Plan};
use sync_core::side::Side;
use sync_replica::{Problem, ProblemKind};
use sync_state::{ProblemChange, ProblemId, StandingProblem};

use super::reach::Reach;
use crate::act::Failure;

/// What a look at the two sides could not deal with is filed under this operation.
const SCAN: &str = "scan";

/// The problems that a run has met, each with its words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met(BTreeMap<ProblemId, String>);

impl Met {
    /// What stood in the way of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let met = plan.blocked.iter().map(|blocked| {
            let id = ProblemId {
                path: blocked.path.clone(),
                side: blocked.side,
                operation: SCAN.into(),
                kind: blocked.trouble.reason.id().into(),
            };
            (id, blocked.trouble.to_string())
        });
        Self(met.collect())
    }

    /// An action that failed. One that was stopped from outside is no problem.
    pub(crate) fn failure(&mut self, action: &Action, failure: &Failure) {
        if failure.problem.kind == ProblemKind::Cancelled {
            return;
        }
        let path = if failure.problem.path.is_root() { &action.path } else { &failure.problem.path };
        let mut id = id_of(failure.side, &failure.problem);
        id.path = path.clone();
        self.0.insert(id, failure.problem.explain());
    }

    /// A failure of a whole side.
    pub(crate) fn side(&mut self, side: Side, problem: &Problem) {
        self.0.insert(id_of(side, problem), problem.explain());
    }
}

fn id_of(side: Side, problem: &Problem) -> ProblemId {
    ProblemId {
        path: problem.path.clone(),
        side,
        operation: problem.operation.name().into(),
        kind: problem.kind.id().into(),
    }
}

/// How a run looked at the problems that stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked<'a> {
    /// What its plan speaks of.
    pub(super) reach: &'a Reach,
    /// How key paths are made.
    pub(super) equivalence: Equivalence,
    /// Everything that was planned was tried, so what failed before and not now has gone.
    pub(super) tried_all: bool,
    /// The run is recorded in any case: that a problem was met once more can be noted with it.
    pub(super) recorded: bool,
}

/// The changes, and how many problems stand afterwards.
pub(super) fn changes(
    known: Vec<StandingProblem>,
    met: &Met,
    looked: Looked<'_>,
    now_ns: i64,
) -> (Vec<ProblemChange>, usize) {
    let mut changes = Vec::new();
    let mut stand = met.0.len();
    let mut fresh = met.0.clone();
    for before in known {
        match fresh.remove(&before.id) {
            Some(error) if looked.recorded || error != before.error => {
                let times = before.times.saturating_add(1);
                changes.push(ProblemChange::Put(StandingProblem {
                    error,
                    last_seen_ns: now_ns,
                    times,
                    ..before
                }));
            }
            Some(_) => {}
            None => {
                let told = looked.tried_all || &*before.id.operation == SCAN;
                if told && looked.reach.covers(&looked.equivalence.path_key(&before.id.path)) {
                    changes.push(ProblemChange::Remove(before.id));
                } else {
                    stand += 1;
                }
            }
        }
    }
    changes.extend(fresh.into_iter().map(|(id, error)| {
        ProblemChange::Put(StandingProblem {
            id,
            error,
            first_seen_ns: now_ns,
            last_seen_ns: now_ns,
            times: 1,
        })
    }));
    (changes, stand)
}
