//! Guards: small predicates that halt a plan before anything is touched.
//!
//! Owns the guards that can be judged from the trees and the plan alone, and [`fit`], which leaves out what a side
//! has no room for. Guards about roots that are away, nested or swapped belong to whoever opens them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::compare::Comparison;
use crate::entry::{Reason, Trouble};
use crate::path::RelPath;
use crate::plan::{Action, Blocked, Halt, Plan, Transition};
use crate::policy::{GuardPolicy, Policy};
use crate::side::{Side, Sides};
use crate::snapshot::Snapshot;

/// How many folders a halt names.
const NAMED_FOLDERS: usize = 10;

/// The first guard that stops this plan, or this part of one.
pub fn halt(
    plan: &Plan,
    comparison: &Comparison,
    snapshots: &Sides<Snapshot>,
    policy: &Policy,
) -> Option<Halt> {
    Side::BOTH
        .into_iter()
        .find(|side| is_emptied(&snapshots[*side], comparison.baseline_entries))
        .map(|side| Halt::EmptyRoot { side })
        .or_else(|| {
            Side::BOTH.into_iter().find_map(|side| too_many_changes(plan, comparison, policy.guard, side))
        })
}

/// Whether a root shows nothing although it did when both sides last agreed. A scan of a part cannot tell.
pub fn is_emptied(snapshot: &Snapshot, baseline_entries: u64) -> bool {
    let root = snapshot.root();
    snapshot.is_whole()
        && baseline_entries > 0
        && root.trouble().is_none()
        && root.is_empty()
        && root.unobserved().is_empty()
}

/// Files that were taken from a side: deleted or overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// All of them.
    pub files: u64,
    /// Those of them that are gone from their path.
    pub gone: u64,
}

/// What an action takes from each side.
pub fn takes(action: &Action) -> Sides<Taken> {
    let mut taken = Sides::<Taken>::default();
    for transition in action.transitions.iter().filter(|transition| takes_a_file(action, transition)) {
        let side = &mut taken[transition.side()];
        side.files += 1;
        side.gone += u64::from(matches!(transition, Transition::Remove { .. }));
    }
    taken
}

/// Whether so many files go from a side that a person should look. A rename takes nothing away, and a clash keeps
/// both versions: neither counts. What was taken lately counts as if it were part of this plan: whoever deletes a tree
/// takes his time, and a part of a tree shows little of it.
fn too_many_changes(plan: &Plan, comparison: &Comparison, guard: GuardPolicy, side: Side) -> Option<Halt> {
    let lately = comparison.taken_lately[side];
    let baseline_files = comparison.baseline_files.saturating_add(lately.gone);
    let mut folders: BTreeMap<RelPath, u64> = BTreeMap::new();
    let mut files = 0_u64;
    for (action, transition) in plan.transitions() {
        if transition.side() == side && takes_a_file(action, transition) {
            files += 1;
            let top = transition.path().components().next().filter(|_| transition.path().depth() > 1);
            let folder = top.and_then(|name| RelPath::root().join(name).ok()).unwrap_or_default();
            *folders.entry(folder).or_default() += 1;
        }
    }
    // All of them may go, however often.
    if files == 0 || guard.max_change_percent >= 100 {
        return None;
    }
    let files = files.saturating_add(lately.files);
    let share = baseline_files.saturating_mul(u64::from(guard.max_change_percent));
    if files <= guard.max_change_min_files || files.saturating_mul(100) <= share {
        return None;
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    folders.truncate(NAMED_FOLDERS);
    Some(Halt::TooManyChanges { side, files, of: baseline_files, folders })
}

fn takes_a_file(action: &Action, transition: &Transition) -> bool {
    match transition {
        Transition::Remove { .. } => true,
        Transition::Copy { expect, .. } => expect.is_some() && action.clash.is_none(),
        Transition::MakeDir { expect, .. } => expect.is_some(),
        _ => false,
    }
}

/// Leaves out what a side has no room for: small files that fit still go, the rest become problems.
/// `free` is what each side can still take, in bytes; none where it does not tell. Of an action's bytes, `there` lie on
/// the receiving side already.
pub fn fit(plan: &mut Plan, free: Sides<Option<u64>>, there: impl Fn(&Action) -> u64) {
    let mut left_over = free;
    let mut blocked = Vec::new();
    plan.actions.retain(|action| {
        let needs = Sides::from_fn(|side| {
            action
                .transitions
                .iter()
                .filter(|transition| transition.side() == side)
                .map(Transition::bytes)
                .sum::<u64>()
        });
        let there = if needs.both(|bytes| *bytes == 0) { 0 } else { there(action) };
        let needs = needs.map(|bytes| bytes.saturating_sub(there));
        let short =
            Side::BOTH.into_iter().find(|side| left_over[*side].is_some_and(|room| needs[*side] > room));
        if let Some(side) = short {
            let detail = alloc::format!("{} bytes needed on the {side}", needs[side]);
            let trouble = Trouble::new(Reason::NoSpace, detail);
            blocked.push(Blocked { path: action.path.clone(), side: side.other(), trouble });
            return false;
        }
        for side in Side::BOTH {
            left_over[side] = left_over[side].map(|room| room - needs[side]);
        }
        true
    });
    plan.blocked.append(&mut blocked);
}
