//! The mirror image of a plan.

use sync_core::baseline::BaselineChange;
use sync_core::plan::{Action, Blocked, Conflict, Halt, Memo, Plan, Transition};

use crate::world::flip_agreed;

fn flip_transition(transition: &Transition) -> Transition {
    let mut flipped = transition.clone();
    match &mut flipped {
        Transition::Copy { to, .. } => *to = to.other(),
        Transition::MakeDir { on, .. }
        | Transition::KeepBeside { on, .. }
        | Transition::Rename { on, .. }
        | Transition::SetProperties { on, .. }
        | Transition::Remove { on, .. }
        | Transition::RemoveDir { on, .. }
        | Transition::PutBack { on, .. }
        | Transition::RemakeDir { on, .. }
        | Transition::Reset { on, .. } => *on = on.other(),
    }
    flipped
}

fn flip_action(action: &Action) -> Action {
    Action {
        rule: action.rule.flip(),
        states: action.states.flip(),
        transitions: action.transitions.iter().map(flip_transition).collect(),
        agree: action
            .agree
            .iter()
            .map(|memo| Memo {
                spelled: memo.spelled.clone().flip(),
                seen: memo.seen.flip(),
                xattrs: memo.xattrs.flip(),
                ..memo.clone()
            })
            .collect(),
        carried: action
            .carried
            .iter()
            .map(|change| BaselineChange {
                path: change.path.clone(),
                agreed: change.agreed.as_ref().map(flip_agreed),
            })
            .collect(),
        ..action.clone()
    }
}

pub(crate) fn flip_plan(plan: &Plan) -> Plan {
    Plan {
        actions: plan.actions.iter().map(flip_action).collect(),
        conflicts: plan
            .conflicts
            .iter()
            .map(|one| Conflict {
                rule: one.rule.flip(),
                newer: one.newer.other(),
                versions: one.versions.flip(),
                ..one.clone()
            })
            .collect(),
        blocked: plan.blocked.iter().map(|one| Blocked { side: one.side.other(), ..one.clone() }).collect(),
        questions: Vec::new(),
        halt: plan.halt.clone().map(|halt| match halt {
            Halt::EmptyRoot { side } => Halt::EmptyRoot { side: side.other() },
            Halt::TooManyChanges { side, files, of, folders } => {
                Halt::TooManyChanges { side: side.other(), files, of, folders }
            }
            other => other,
        }),
    }
}

/// What differs between two plans that should be the same but for the order of things on different sides.
pub(crate) fn difference(a: &Plan, b: &Plan) -> Option<String> {
    if a == b {
        return None;
    }
    let sorted = |plan: &Plan| {
        let mut plan = plan.clone();
        plan.actions.sort_by_cached_key(|one| (one.phase, one.path.clone(), format!("{one:?}")));
        plan.blocked.sort_by_cached_key(|one| (one.path.clone(), one.side, format!("{one:?}")));
        plan
    };
    let (a, b) = (sorted(a), sorted(b));
    (a != b).then(|| format!("one:\n{}other:\n{}", crate::world::dump_plan(&a), crate::world::dump_plan(&b)))
}
